"""Responses: each component and category as read at each visit.

- A category is met when its condition is and every earlier one is not met; it is not met when its condition is, or an
  earlier one is met. The categories that are not `not_met` are the result: one is the category; several, or none, are
  `pending` until the visit's window has closed, `not_evaluable` from then on.
- Before the visit's window begins it is `pending`. It is final once the window has closed, and never while the moments
  on which the window rests have not happened.
- What intervenes *before the visit* is handled as `then:` says: before the value of the visit where one lies in its
  window, otherwise by the last date of the window. Death and withdrawal (of consent, or from the study) count by their
  date, a rescue or a prohibited therapy by its start. Of several that are handled differently the answer is
  `not_evaluable`; one that may have happened leaves the answer to what both readings agree on.
- A stop that cancels the visit leaves the response `not_evaluable`, unless `then:` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import TYPE_CHECKING

from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_times, told
from trialspec.findings.once import once
from trialspec.findings.records import milestone, since
from trialspec.findings.standing import Standing
from trialspec.findings.visits import visit_standings
from trialspec.findings.windows import Placing, points
from trialspec.interpreters.reading import Missing, Question, Reading, earliest
from trialspec.interpreters.reference import cited, compare_when, next_visible, read, worlds
from trialspec.interpreters.selection import select
from trialspec.kernel import Fold, Select, Window
from trialspec.program import AS_OBSERVED, Handled
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialspec.patient import Item
    from trialspec.program import Category, Component, Program, Response

PENDING = "pending"
NOT_EVALUABLE = "not_evaluable"
_HAPPENED: dict[str, tuple[str, ...]] = {
    "withdrawal": ("consent_withdrawn", "left_study"),
    "death": ("death",),
}


@dataclass(frozen=True, slots=True)
class _World:
    """One world: how the visits stand in it."""

    question: Question
    standings: dict[str, Standing]
    asked: Response

    def begun(self, visit: str) -> bool:
        """Whether the window of a visit has begun."""
        place = self.standings[visit].place
        return place.placed and place.applies and (place.opens is None or self.question.at >= place.opens)

    def closed(self, visit: str) -> bool:
        """Whether it is over, and that of every other visit that is read for it and is for this patient."""
        mine = self.standings[visit].place
        places = [self.standings[name].place for name in self.asked.rests.get(visit, ())]
        return mine.applies and self._over(mine) and all(self._over(each) or self._never(each) for each in places)

    def _over(self, place: Placing) -> bool:
        return place.placed and place.closes is not None and self.question.at > place.closes

    def _never(self, place: Placing) -> bool:
        return place.placed and not place.applies

    def until(self, visit: str) -> int | None:
        """Until when the visits that are read stand as they do."""
        return earliest(*(self.standings[name].until for name in (visit, *self.asked.rests.get(visit, ()))))


def responses(program: Program, question: Question) -> Found:
    """Say how every definition of response reads at each of its visits: its components first, then its category."""
    every_one = [response(program, each, question) for each in program.responses]
    ordered = sorted(chain.from_iterable(each.findings for each in every_one), key=lambda it: it.subject != "component")
    return found(ordered, *(each.until for each in every_one))


def response(program: Program, asked: Response, question: Question, only: str | None = None) -> Found:
    """Say how one definition of response reads at each of its visits, or at `only` one of them.

    Facts of a component: response, visit, component, verdict, margin, text, clause, assumed, missing. Of a category:
    response, visit, category, components (each with its verdict), possible (names), date, text, assumed, missing.
    """
    rescues = _rescues(program) if set(asked.then) - set(_HAPPENED) else ()
    pinned = worlds(question, *points(program), *rescues, *_windows(asked))
    visits = [name for name in asked.visits if only in {None, name}]
    beside = sorted({other for name in visits for other in asked.rests.get(name, ())} - set(visits))
    seen = [
        _World(world, standings, asked)
        for world in pinned or ()
        for standings in visit_standings(program, world, [*visits, *beside])
    ]
    made: list[Finding] = []
    for visit in visits:
        reads = _Reads(
            visit,
            tuple((each, read(each.expr, question)) for each in asked.components if each.visit == visit),
            tuple((each, _condition(each, question)) for each in asked.categories if each.visit == visit),
        )
        made += [_component(asked, each, reading, seen, question) for each, reading in reads.components]
        made.append(_category(program, asked, reads, seen, question))
    crowded = next_visible(question.timeline.items, question) if pinned is None else None
    return found(made, crowded)


@once
def _rescues(program: Program) -> tuple[Fold, ...]:
    return tuple(Fold("count", query) for rule in program.therapies for query in rule.select)


@once
def _windows(asked: Response) -> tuple[Fold, ...]:
    """Give the windows in which events are handled, as something that is asked."""
    windows = [each.window for each in asked.then.values() if isinstance(each, Handled) and each.window is not None]
    return tuple(Fold("count", Select("milestone", window=window)) for window in windows)


def _component(
    asked: Response, component: Component, reading: Reading, seen: Sequence[_World], question: Question
) -> Finding:
    words = told(
        component.provenance,
        reading.missing,
        response=asked.name,
        visit=component.visit,
        component=component.name,
        verdict=str(reading.verdict),
        margin="" if reading.margin is None else str(reading.margin),
    )
    return Finding(
        "component",
        f"{asked.name}@{component.visit}/{component.name}",
        {"verdict": str(reading.verdict), "final": _final(component.visit, seen)},
        earliest(reading.until, *(world.until(component.visit) for world in seen)),
        _since(component.visit, seen, question),
        reading.because.union(*(world.standings[component.visit].place.because for world in seen)),
        reading.missing if reading.verdict is UNKNOWN else frozenset(),
        words,
        (reading,),
        component.provenance,
        component.place,
    )


def _final(visit: str, seen: Sequence[_World]) -> str:
    return "yes" if seen and all(world.closed(visit) for world in seen) else "no"


def _since(visit: str, seen: Sequence[_World], question: Question) -> int | None:
    dates = {item.when for world in seen for item in world.standings[visit].values}
    return since(dates.pop(), question.timeline.zone) if len(dates) == 1 else None


# --- categories -------------------------------------------------------------------------------------------------------


def _condition(category: Category, question: Question) -> Reading:
    """Read the condition of a category; *otherwise* is always met, where no earlier one is."""
    return Reading(MET) if category.when is None else read(category.when, question)


def possible(conditions: Sequence[tuple[str, Verdict]]) -> tuple[str, ...]:
    """Name the categories that are not `not_met`, in order: up to and including the first whose condition is met."""
    names = []
    for name, condition in conditions:
        if condition is not NOT_MET:
            names.append(name)
        if condition is MET:
            break
    return tuple(names)


@dataclass(frozen=True, slots=True)
class _Reads:
    """The components and the conditions of the categories, as read at one visit."""

    visit: str
    components: tuple[tuple[Component, Reading], ...]
    categories: tuple[tuple[Category, Reading], ...]


def _category(program: Program, asked: Response, reads: _Reads, seen: Sequence[_World], question: Question) -> Finding:
    visit, categories = reads.visit, reads.categories
    open_ = possible([(each.name, reading.verdict) for each, reading in categories])
    answers: set[str] = set()
    because, untils = set[str](), list[int | None]()
    for world in seen:
        events, until = _intercurrent(program, asked, visit, world)
        answers |= {_answer(asked, visit, world, open_, happened) for happened in _ways(events)}
        because |= {source for verdict, sources in events.values() if verdict is not NOT_MET for source in sources}
        because |= world.standings[visit].because | world.standings[visit].place.because
        untils += [until, world.until(visit)]
    final = _final(visit, seen)
    answer = answers.pop() if len(answers) == 1 else NOT_EVALUABLE if final == "yes" else PENDING
    readings = [reading for _, reading in categories]
    unsure = [reading for reading in readings if reading.verdict is UNKNOWN]
    missing = frozenset[Missing]()
    if answer in {PENDING, NOT_EVALUABLE}:
        missing = missing.union(*(reading.missing for reading in unsure), *(_unplaced(visit, world) for world in seen))
    deciding = readings[: next((i + 1 for i, r in enumerate(readings) if r.verdict is MET), len(readings))]
    return Finding(
        "category",
        f"{asked.name}@{visit}",
        {"category": answer, "final": final},
        earliest(*untils, *(reading.until for reading in readings)),
        _since(visit, seen, question),
        frozenset(because).union(*(reading.because for reading in deciding)),
        missing,
        told(
            asked.provenance,
            missing,
            response=asked.name,
            visit=visit,
            category=answer,
            components=", ".join(f"{each.name} {reading.verdict}" for each, reading in reads.components),
            possible=", ".join(open_),
            date=shown_times(item.when for world in seen for item in world.standings[visit].values),
        ),
        tuple(readings),
        asked.provenance,
        asked.place,
    )


def _unplaced(visit: str, world: _World) -> frozenset[Missing]:
    place = world.standings[visit].place
    return frozenset() if place.placed else place.missing


def _answer(asked: Response, visit: str, world: _World, open_: tuple[str, ...], happened: frozenset[str]) -> str:
    """Give the answer in one world, if these events came before the visit."""
    # Before the visit any category may still come.
    names = open_ if world.begun(visit) else tuple(each.name for each in asked.categories if each.visit == visit)
    handled = {_becomes(asked.then[kind], names) for kind in happened} - {AS_OBSERVED}
    if len(handled) > 1 and "" not in handled:
        return NOT_EVALUABLE
    if handled and "" not in handled:
        return handled.pop()
    if world.standings[visit].elsewhere:
        return PENDING
    if world.standings[visit].state == "cancelled":
        return NOT_EVALUABLE
    if not world.begun(visit):
        return PENDING
    if len(open_) == 1 and not handled:
        return open_[0]
    return NOT_EVALUABLE if world.closed(visit) else PENDING


def _becomes(handling: str | Handled, open_: tuple[str, ...]) -> str:
    """Say what an event makes of the categories that are open; nothing where that is not settled yet."""
    if isinstance(handling, str):
        return handling
    made = {handling.becomes.get(name, AS_OBSERVED) for name in open_}
    return made.pop() if len(made) == 1 else ""


# --- what came before the visit ---------------------------------------------------------------------------------------

_Events = dict[str, tuple[Verdict, frozenset[str]]]


def _ways(events: _Events) -> Iterator[frozenset[str]]:
    """Give each set of kinds that may have happened."""
    sure = frozenset(kind for kind, (verdict, _) in events.items() if verdict is MET)
    maybe = [kind for kind, (verdict, _) in events.items() if verdict is UNKNOWN]
    subsets = chain.from_iterable(combinations(maybe, size) for size in range(len(maybe) + 1))
    return (sure | frozenset(subset) for subset in subsets)


def _intercurrent(program: Program, asked: Response, visit: str, world: _World) -> tuple[_Events, int | None]:
    """Say which kinds of event that `then:` handles came before the visit, and by which records."""
    question, events, untils = world.question, _Events(), list[int | None]()
    for kind, handling in asked.then.items():
        if handling == AS_OBSERVED:
            continue
        before: list[tuple[Verdict, frozenset[str]]] = []
        queries = [(_happened(program)[kind], False)] if kind in _HAPPENED else []
        rules = (rule for rule in program.therapies if kind in {rule.role, rule.name})
        queries += [(query, True) for rule in rules for query in rule.select]
        for query, silent in queries:
            inside = select(query, question)
            window = handling.window if isinstance(handling, Handled) else None
            also = None if window is None else select(replace(query, window=window), question)
            there = {} if also is None else dict(zip(also.indices, (in_it for _, in_it in also.items), strict=True))
            for index, (item, in_it) in zip(inside.indices, inside.items, strict=True):
                then = MET if also is None else there.get(index, NOT_MET)
                before.append((every((in_it, then, _before(item, visit, world))), cited(item)))
            if silent and not (inside.closed if also is None else inside.closed or also.closed):
                # What silence does not deny may have happened.
                before.append((UNKNOWN, inside.because))
            for each in (inside, also):
                untils += [] if each is None else [each.until, *each.flips.values()]
        verdict = some(each for each, _ in before)
        sources = frozenset[str]().union(*(which for each, which in before if each is verdict))
        events[kind] = (verdict, sources)
    return events, earliest(*untils)


@once
def _happened(program: Program) -> Mapping[str, Select]:
    """Give what to look for; one from before the screening was of an earlier attempt to take part."""
    window = Window(start=program.moments.get("screened"))
    return {kind: replace(milestone(*words), window=window) for kind, words in _HAPPENED.items()}


def _before(item: Item, visit: str, world: _World) -> Verdict:
    """Say whether something was before a visit: before its value in the window, or by the last date of the window."""
    standing = world.standings[visit]
    if standing.values and "out_of_window" not in standing.departure and standing.place.placed:
        zone = world.question.timeline.zone
        return every(compare_when(item.when, value.when, zone)[0] for value in standing.values)
    last = standing.place.last
    if last is None or item.when.last <= last:
        return MET
    return NOT_MET if item.when.first > last else UNKNOWN
