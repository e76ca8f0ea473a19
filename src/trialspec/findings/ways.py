"""Every way in which a course of treatment may have gone, taken apart so that nothing is told twice.

A dose known by its month alone is tried on each of its dates, two of them in a thousand worlds, and a report is walked
through all its instants. So a family of plans that share a drug is told once for all worlds in which the records that
concern it are the same, and which dose fills which slot once for all instants.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialspec.findings.possible import CONSENT, plan_of, possible, stop_of, uncertain
from trialspec.findings.records import milestone, planned_doses, selected
from trialspec.findings.slots import families, points_of
from trialspec.findings.treatment import attributed, context_of, setting, treatment
from trialspec.interpreters.reference import locate
from trialspec.interpreters.selection import appearances, passes
from trialspec.kernel import Moment, Select, parts_of
from trialspec.truth import NOT_MET, every

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialspec.findings.departures import Context
    from trialspec.findings.treatment import Attributed, Kept, Setting, Treatment
    from trialspec.interpreters.reading import Question
    from trialspec.patient import Item
    from trialspec.program import DosePlan, Program


@dataclass(frozen=True, slots=True)
class Case:
    """One way for the plans of a family; `setting` numbers those of everything but their own doses."""

    world: Question
    setting: int
    attributed: Attributed


@dataclass(frozen=True, slots=True)
class Family:
    """Plans that share a drug: their cases, and which of these is so in each world.

    `appearing` are the instants, in order, at which one of their doses may come into sight. `kept` remembers what was
    found of doses that were over.
    """

    plans: tuple[DosePlan, ...]
    cases: tuple[Case, ...]
    case_of: tuple[int, ...]
    appearing: tuple[int, ...]
    kept: Kept = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ways:
    """Every world as known at an instant.

    `unsure` are the records that are not the same in all of them, `settled` moments that are.
    """

    known: int
    worlds: tuple[Question, ...]
    families: tuple[Family, ...]
    unsure: tuple[Item, ...]
    settled: tuple[Moment, ...]
    stop: Moment


def ways(program: Program, later: Question) -> Ways | None:
    """Give every way in which moments and doses may have come about, as known at a question; `None` for too many."""
    worlds = possible(program, later)
    if worlds is None:
        return None
    stop = stop_of(program)
    recorded = set(map(id, later.timeline.items))
    pinned = [[item for item in world.timeline.items if id(item) not in recorded] for world in worlds]
    pins = {id(item): item for each in pinned for item in each}
    moments = [*program.moments.values(), CONSENT, stop]
    settled = tuple(moment for moment in moments if not _concerned(pins, parts_of(moment, Select)))
    screenings = selected(milestone("screening"), worlds[0])
    # Where no screening is recorded for sure, any dose of the trial may tell that one is missing.
    untold = () if any(id(item) in recorded for item in screenings) else (planned_doses(program),)
    found = []
    for plans in families(program):
        around = _concerned(pins, [*_asked(program, plans, stop), *untold]) if pins else set[int]()
        found.append(_family(program, plans, list(zip(worlds, pinned, strict=True)), around, stop))
    return Ways(later.at, worlds, tuple(found), uncertain(later, worlds), settled, stop)


def places(found: Ways, item: Item) -> frozenset[str]:
    """Name the slots that a dose fills in some world, with an empty name where in some it fills none."""
    names: set[str] = set()
    for case in (case for family in found.families for case in family.cases):
        if any(item.id == other.id for other in case.attributed.mine):
            fills = case.attributed.filling.fills.items()
            names.add(next((name for name, dose in fills if any(part.id == item.id for part in dose.parts)), ""))
    return frozenset(names)


def treatments(program: Program, found: Ways, family: Family, now: Question) -> Iterator[Treatment]:
    """Give the treatment by a family of plans at the instant of a question, once for each of its cases."""

    def asked(world: Question) -> Question:
        return now if world.timeline is now.timeline else world.on(now.at)

    same = asked(found.worlds[0])
    for moment in found.settled:
        locate(moment, same)
    settings: dict[int, Setting] = {}
    coming = _coming(family, now.at)
    for case in family.cases:
        seen_in = settings.get(case.setting)
        if seen_in is None:
            question = asked(case.world)
            question.located.update(same.located)
            seen_in = settings[case.setting] = setting(program, family.plans, question, found.stop, family.kept)
        yield treatment(case.attributed, family.plans, seen_in, found.known, coming)


def _coming(family: Family, at: int) -> int | None:
    """Give the first instant after the question at which one of the doses may come into sight."""
    later = bisect_right(family.appearing, at)
    return family.appearing[later] if later < len(family.appearing) else None


# --- what is the same in several worlds -------------------------------------------------------------------------------


def _family(
    program: Program,
    plans: tuple[DosePlan, ...],
    worlds: Sequence[tuple[Question, Sequence[Item]]],
    around: set[int],
    stop: Moment,
) -> Family:
    """Take the worlds apart for one family; `around` are the records that all but its own doses are read from."""
    pins = {id(item): item for _, here in worlds for item in here}
    names = {plan.name for plan in plans}
    owners = ((pin, plan_of(item, program.doses)) for pin, item in pins.items())
    own = {pin for pin, owner in owners if owner is not None and owner.name in names}
    contexts: dict[tuple[int, ...], tuple[int, Context]] = {}
    numbers: dict[tuple[int, ...], int] = {}
    cases: list[Case] = []
    case_of: list[int] = []
    for world, here in worlds:
        beside = tuple(id(item) for item in here if id(item) in around)
        if beside not in contexts:
            contexts[beside] = len(contexts), context_of(program, world, stop)
        key = tuple(id(item) for item in here if id(item) in own or id(item) in around)
        if key not in numbers:
            number, context = contexts[beside]
            numbers[key] = len(cases)
            cases.append(Case(world, number, attributed(plans, world.timeline.items, context)))
        case_of.append(numbers[key])
    mine = {id(item): item for case in cases for item in case.attributed.mine}
    zone = worlds[0][0].timeline.zone
    appearing = sorted({at for item in mine.values() for at in appearances(item, zone)})
    return Family(plans, tuple(cases), tuple(case_of), tuple(appearing))


def _asked(program: Program, plans: Sequence[DosePlan], stop: Moment) -> list[Select]:
    """Give every selection that is read for the doses of these plans, beside the doses themselves."""
    parts: list[object] = [CONSENT, stop, program.moments.get("screened"), program.moments.get("enrolled")]
    parts += [program.course.through] if program.course is not None else []
    for plan in plans:
        parts += [*points_of(plan), *plan.premedication, *plan.amounts, plan.only_if, plan.stop_if]
        parts += [program.gates[name].expr for name in plan.gates]
    return list(parts_of(parts, Select))


def _concerned(pins: Mapping[int, Item], queries: Iterable[Select]) -> set[int]:
    """Give the records of which one of the selections may take notice, whenever they were."""
    asked = list(queries) if pins else []
    return {pin for pin, item in pins.items() if any(_notices(query, item) for query in asked)}


def _notices(query: Select, item: Item) -> bool:
    if item.kind != query.kind:
        return False
    return item.answer != "yes" or every(passes(test, item) for test in query.tests) is not NOT_MET
