"""What one patient was given of the planned drugs, and which slots it filled, in one world.

It is told in two steps, as a report is walked from instant to instant. Which dose fills which slot is asked once, with
all that is known (`attributed`); how the treatment stood at an instant is seen from there (`treatment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trialspec.findings.departures import Clearance, Context, clearance
from trialspec.findings.infusions import Infusion, in_order, infusions
from trialspec.findings.possible import CONSENT, plan_of
from trialspec.findings.records import unscreened
from trialspec.findings.slots import Filling, Limits, attribute
from trialspec.interpreters.reading import NOTHING, Question, Reading, earliest
from trialspec.interpreters.reference import cited, compare_when, locate, visible
from trialspec.interpreters.selection import appearances
from trialspec.quantity import word
from trialspec.times import When
from trialspec.truth import MET, NOT_MET

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from trialspec.findings.finding import Finding
    from trialspec.findings.slots import Extra
    from trialspec.kernel import Moment
    from trialspec.patient import Item
    from trialspec.program import DosePlan, Program

    # What remembers the findings of doses that were over, by all that such a setting tells.
    Kept = dict[Hashable, dict[Hashable, Finding]]


# --- whose doses they are, with all that is known ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attributed:
    """The doses given of plans that share a drug, in the order of their time, and which slots they fill.

    `seen` is the instant from which each dose has been given, or has begun to be, and `records` are those that it was
    made of, both by its id. `doubts` are the doses that may belong to either of two slots, by the names of both.
    """

    mine: tuple[Item, ...]
    given: tuple[Infusion, ...]
    filling: Filling
    seen: Mapping[str, int]
    records: Mapping[str, frozenset[str]]
    doubts: Mapping[str, Extra]

    @property
    def doubted(self) -> tuple[tuple[object, ...], ...]:
        """What tells doubts apart: the doses with their dates, and the two slots of each."""
        return tuple((name, extra.slot, *map(id, extra.dose.parts)) for name, extra in self.doubts.items())


def attributed(family: Sequence[DosePlan], items: Iterable[Item], later: Context) -> Attributed:
    """Say which doses of one world fill the slots of plans that share a drug."""
    names, zone = {plan.name for plan in family}, later.question.timeline.zone
    owners = ((item, plan_of(item, later.program.doses)) for item in items)
    mine = tuple(item for item, owner in owners if owner is not None and owner.name in names)
    seen = [item for item in mine if visible(item, later.question) is MET and _from_screening(item, later)]
    given = infusions((item for item in seen if item.answer == "yes"), family[0].merge_within, zone)
    undone = in_order((item for item in seen if item.answer == "not_done"), zone)
    filling = attribute(family, given, undone, later.question, Limits(later.stopped, later.course))
    return Attributed(
        mine,
        given,
        filling,
        {dose.id: min(max(appearances(part, zone)) for part in dose.parts) for dose in given},
        {dose.id: dose.because for dose in given},
        {name: extra for extra in filling.extras if extra.doubt for name in (extra.doubt, extra.slot)},
    )


def _from_screening(item: Item, context: Context) -> bool:
    """Whether an administration is of this trial: one from before the screening is history."""
    if context.screened is None:
        return True
    screened, zone = context.screened.value, context.question.timeline.zone
    return isinstance(screened, When) and compare_when(item.when, screened, zone)[0] is NOT_MET


# --- as it stood at an instant ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """What a treatment is seen in at an instant, beside its own doses.

    `untold` reads whether the patient is in treatment without a screening on record. `empty` are the slots with no dose
    in them; nothing where doses set the dates of others, or whether there are any. `told` remembers the findings that
    were made in it, and `kept` those of doses that were over, for all settings that differ in nothing but the instant.
    """

    context: Context
    untold: Reading
    empty: Filling | None
    kept: dict[Hashable, Finding] = field(compare=False, repr=False)
    told: dict[Hashable, Finding] = field(default_factory=dict, compare=False, repr=False)
    cleared: dict[str, Clearance] = field(default_factory=dict, compare=False, repr=False)

    def clearance(self, plan: DosePlan) -> Clearance:
        """Read the gates of a dose that is not given yet."""
        if plan.name not in self.cleared:
            self.cleared[plan.name] = clearance(plan, self.context.program.gates, self.context.question)
        return self.cleared[plan.name]


def setting(program: Program, family: Sequence[DosePlan], question: Question, stop: Moment, kept: Kept) -> Setting:
    """See what a treatment stands in at the instant of a question."""
    context = context_of(program, question, stop)
    # With a dose that was given another one comes later, or comes at all.
    cyclic = any(plan.interval is not None or plan.if_missed == "stop" for plan in family)
    empty = None if cyclic else attribute(family, (), (), question, Limits(context.stopped, context.course))
    untold = unscreened(program, question)
    if empty is None:
        return Setting(context, untold, empty, {})
    moments = (context.screened, context.enrolled, context.consent, context.stop, untold)
    readings = (*moments, *empty.points, *empty.conditions.values())
    alike = tuple(None if each is None else (each.value, each.choices, each.because, each.missing) for each in readings)
    return Setting(context, untold, empty, kept.setdefault(alike, {}))


def context_of(program: Program, question: Question, stop: Moment) -> Context:
    """Locate the moments that doses are judged by; `stop` is what ends treatment."""
    screened, enrolled = program.moments.get("screened"), program.moments.get("enrolled")
    course = program.course
    through = None if course is None else locate(course.through, question)
    return Context(
        program,
        question,
        None if screened is None else locate(screened, question),
        None if enrolled is None else locate(enrolled, question),
        locate(CONSENT, question),
        locate(stop, question),
        through,
        {} if course is None or through is None else dict.fromkeys(course.of, through),
    )


@dataclass(frozen=True, slots=True)
class Treatment:
    """What came of plans that share a drug by an instant; `until` is when something may next happen that it rests on.

    A dose that was not given yet at the instant is not in `filling`, though its slot is known.
    """

    setting: Setting
    attributed: Attributed
    filling: Filling
    until: int | None

    @property
    def context(self) -> Context:
        """What its doses are judged by."""
        return self.setting.context

    @property
    def untold(self) -> Reading:
        """Whether the patient is in treatment without a screening on record."""
        return self.setting.untold

    @property
    def unsettled(self) -> bool:
        """Whether nothing can be said of any slot: no screening is recorded, or a date is not certain."""
        return self.untold.verdict is not NOT_MET or self.filling.unsettled

    @property
    def doubts(self) -> Mapping[str, Extra]:
        """The doses that may belong to either of two slots, by the names of both."""
        return self.attributed.doubts

    @property
    def because(self) -> frozenset[str]:
        """The records that set the dates of the slots."""
        screened = self.context.screened
        return self.filling.because | self.untold.because | (screened.because if screened else NOTHING)

    def before(self, dose: Infusion) -> Infusion | None:
        """Give the dose of this drug that was given before this one."""
        given = self.attributed.given
        place = [other.id for other in given].index(dose.id)
        return given[place - 1] if place else None

    def filled_through(self, slot: str) -> frozenset[str]:
        """The records of what fills the slots up to this one, what was not done among them."""
        names = [each.name for each in self.filling.slots]
        known = names[: names.index(slot) + 1] if slot in names else names
        fills = (self.filling.fills.get(name) for name in known)
        refusals = (self.filling.refusals.get(name) for name in known)
        return frozenset[str]().union(
            *(dose.because for dose in fills if dose is not None),
            *(cited(item) for item in refusals if item is not None),
        )

    def seen(self, dose: Infusion) -> bool:
        """Whether a dose has been given by the instant of the question, or has begun to be."""
        return self.attributed.seen[dose.id] <= self.context.question.at


def treatment(
    case: Attributed, family: Sequence[DosePlan], seen_in: Setting, later: int, coming: int | None
) -> Treatment:
    """See a treatment at the instant of a setting, attributed as known at a later one.

    `coming` is when a record of one of its doses may next come into sight.
    """
    context = seen_in.context
    filling = case.filling if later <= context.question.at else _as_of(case, family, seen_in)
    moments = (context.screened, context.enrolled, context.consent)
    until = earliest(
        seen_in.untold.until,
        filling.until,
        coming,
        *(moment.until for moment in moments if moment is not None),
    )
    return Treatment(seen_in, case, filling, until)


def _as_of(case: Attributed, family: Sequence[DosePlan], seen_in: Setting) -> Filling:
    """Go back to an earlier question with the attribution of a later one: who fills what is kept, dates are as then."""
    now, context = seen_in.context.question, seen_in.context
    filling = case.filling
    fills = {name: dose for name, dose in filling.fills.items() if case.seen[dose.id] <= now.at}
    undone = {name: item for name, item in filling.refusals.items() if visible(item, now) is MET}
    then = seen_in.empty
    if then is None:
        named = [replace(dose, names=name) for name, dose in fills.items()]
        refused = [replace(item, fields={**item.fields, "planned": word(name)}) for name, item in undone.items()]
        then = attribute(family, named, refused, now, Limits(context.stopped, context.course))
        return replace(then, extras=filling.extras, waiting=filling.waiting, unsure=_unsure(case, then, now.at))
    unsure = _unsure(case, then, now.at)
    return replace(then, fills=fills, refusals=undone, extras=filling.extras, waiting=filling.waiting, unsure=unsure)


def _unsure(case: Attributed, then: Filling, now: int) -> Mapping[str, frozenset[str]]:
    """Give the slots of which nothing could be said at an instant, as they stood then and by the doses seen by then."""
    mine = case.filling.unsure.items()
    return {**then.unsure, **{name: doses for name, doses in mine if any(case.seen[dose] <= now for dose in doses)}}
