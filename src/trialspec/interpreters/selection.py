"""When points are, and which items lie in a window: the part of the reference evaluator that knows time.

Inside one *world* every moment in use is certain. `worlds` makes them: a thing of uncertain date is tried at each of
its possible dates, and what all worlds agree on is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from math import prod
from typing import TYPE_CHECKING, assert_never

from trialspec.interpreters.reading import Missing, Question, Reading, earliest
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Daily,
    Dose,
    Fixed,
    Fold,
    Moment,
    Not,
    Now,
    Pick,
    Run,
    Score,
    Select,
    Shift,
    Window,
)
from trialspec.quantity import Codes, Interval, compare, exactly
from trialspec.times import When, at_instant, either, first_reaching, on_date, shift_months
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every, negate, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.kernel import Expr, Point, Test
    from trialspec.patient import Item, Timeline
    from trialspec.quantity import Duration
    from trialspec.times import Zone

MOST_WORLDS = 1_000


# --- points -----------------------------------------------------------------------------------------------------------


def locate(point: Point, question: Question) -> Reading:
    """Say when a point is: a `When`, or no value while it has not happened."""
    zone = question.timeline.zone
    match point:
        case Now():
            return Reading(at_instant(question.at, zone), node=point)
        case Dose():
            return Reading(question.dose or at_instant(question.at, zone), node=point)
        case Fixed(day):
            return Reading(on_date(day), node=point)
        case Moment():
            # By identity: to hash a moment costs as much as to find it. The entry keeps it alive.
            remembered = question.located.get(id(point))
            if remembered is None:
                remembered = question.located[id(point)] = (point, _moment(point, question))
            return remembered[1]
        case Shift(inner):
            base = locate(inner, question)
            shifted = moved(base.value, point, zone) if isinstance(base.value, When) else None
            choices = tuple(None if choice is None else moved(choice, point, zone) for choice in base.choices)
            return Reading(shifted, base.because, base.missing, base.until, choices=choices, node=point, parts=(base,))
        case _:
            assert_never(point)


def moved(when: When, shift: Shift, zone: Zone) -> When:
    """Move a time by the duration of a shift."""
    by, sign = shift.by, -1 if shift.earlier else 1
    if (days := by.days) is not None:
        return When(when.first + sign * days, when.last + sign * days)
    if (seconds := by.seconds) is not None:
        low, high = (instant + sign * seconds for instant in when.span(zone))
        return When(zone.date_of(low), zone.date_of(high), (low,) if low == high else (low, high))
    months = sign * (by.months or 0)
    return When(shift_months(when.first, months), shift_months(when.last, months))


def _moment(moment: Moment, question: Question) -> Reading:
    selection = select(moment.of, question)
    later = moment.which == "last"
    deciding = outermost(selection, question, later=later)
    sure = [item.when for item, found in deciding if found is MET]
    unsure = [item.when for item, found in deciding if found is UNKNOWN]
    value = reduce(either, (*sure, *unsure)) if sure else None
    choices = (*unsure, reduce(either, sure) if sure else None) if unsure else ()
    until = earliest(selection.until, *(selection.flips.get(index) for index in relevant(selection, deciding)))
    because = selection.because | {source for item, _ in deciding for source in item.sources or {item.id}}
    missing = selection.missing or (frozenset() if value else frozenset({Missing(moment.name, asked_of="site")}))
    return Reading(value, because, frozenset() if value else missing, until, choices=choices, node=moment)


def is_clock(point: Point | None) -> bool:
    """Whether a point was reached by counting hours, so that it compares by instants alone."""
    return isinstance(point, Shift) and (point.by.seconds is not None)


def compare_when(left: When, right: When, zone: Zone, *, clock: bool = False) -> tuple[Verdict, Verdict]:
    """Say whether `left` is before `right`, and whether it is not after it.

    By instants when both are timed or hours were counted, otherwise by dates.
    """
    if clock or (left.instants and right.instants):
        (left_low, left_high), (right_low, right_high) = left.span(zone), right.span(zone)
    else:
        (left_low, left_high), (right_low, right_high) = (left.first, left.last), (right.first, right.last)
    before = MET if left_high < right_low else NOT_MET if left_low >= right_high else UNKNOWN
    not_after = MET if left_high <= right_low else NOT_MET if left_low > right_high else UNKNOWN
    return before, not_after


# --- visibility -------------------------------------------------------------------------------------------------------


def visible(item: Item, question: Question) -> Verdict:
    """Say whether an item has happened by the instant of the question; a partial date is sure only once it is over."""
    seen = appearances(item, question.timeline.zone)
    if seen[0] > question.at:
        return NOT_MET
    return MET if seen[-1] <= question.at else UNKNOWN


def appearances(item: Item, zone: Zone) -> tuple[int, ...]:
    """Give the instants at which an item may come into sight, and at the last of which it surely has."""
    when = item.visible
    if when.instants:
        return when.instants
    if when.first == when.last:
        return (zone.start_of(when.first),)
    return zone.start_of(when.first), zone.start_of(when.last + 1)


def next_visible(items: Iterable[Item], question: Question) -> int | None:
    """Give the first instant after the question at which one of the items may come into sight."""
    zone = question.timeline.zone
    return earliest(*(at for item in items for at in appearances(item, zone) if at > question.at))


# --- selections -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selection:
    """The items that are (`met`) or may be (`unknown`) selected, in canonical order.

    `flips` gives, by index into the timeline, when an item's place in or out of the window may next change; it also
    holds items that are still out. `not_yet` is true where the window has not begun to be one. `closed` is true where
    silence means no. `until`, `because` and `missing` are those of the window's own points and of the silence.
    """

    items: tuple[tuple[Item, Verdict], ...]
    indices: tuple[int, ...]
    flips: dict[int, int]
    not_yet: bool
    closed: bool
    until: int | None
    because: frozenset[str]
    missing: frozenset[Missing]
    leaf: Missing


@dataclass(frozen=True, slots=True)
class _Bounds:
    """A window with its points located in one world."""

    window: Window
    start: Reading | None
    end: Reading | None
    lasting: Duration | None = None

    @property
    def not_yet(self) -> bool:
        """Whether the window's start has not happened, or its end if it awaits that."""
        if self.start is not None and self.start.value is None:
            return True
        return self.window.awaits and self.end is not None and self.end.value is None

    @property
    def lacking(self) -> frozenset[Missing]:
        """What has not happened, and without which there is no window."""
        needed = (self.start, self.end if self.window.awaits else None)
        lacking = (point for point in needed if point is not None and point.value is None)
        return frozenset[Missing]().union(*(point.missing for point in lacking))

    def holds(self, when: When, ends: When, zone: Zone) -> Verdict:
        """Say whether something that lasted from `when` to `ends` (the same for what does not last) lies inside."""
        return every((self._started(ends, zone), self._not_ended(when, zone)))

    def _started(self, when: When, zone: Zone) -> Verdict:
        def by(start: When | None) -> Verdict:
            if start is None:
                return UNKNOWN
            before, not_after = compare_when(when, start, zone, clock=is_clock(self.window.start))
            return negate(not_after if self.window.after else before)

        return MET if self.start is None else agreed(by(start) for start in _choices(self.start))

    def _not_ended(self, when: When, zone: Zone, *, clock: bool = False) -> Verdict:
        def by(end: When | None) -> Verdict:
            if end is None:
                return UNKNOWN if self.window.awaits else MET
            before, not_after = compare_when(when, end, zone, clock=clock or is_clock(self.window.end))
            return before if self.window.before else not_after

        return MET if self.end is None else agreed(by(end) for end in _choices(self.end))

    def lasted(self, item: Item, question: Question) -> Verdict:
        """Say whether something lasts as long as is asked, and has by the window's end and the question."""
        if self.lasting is None:
            return MET
        zone, clock = question.timeline.zone, self.lasting.seconds is not None
        grown = _grown(item, self.lasting, zone)
        by_now = compare_when(grown, at_instant(question.at, zone), zone, clock=clock)[1]
        return every((_lasts(item, self.lasting, zone), by_now, self._not_ended(grown, zone, clock=clock)))


def _grown(item: Item, lasting: Duration, zone: Zone) -> When:
    """Give when something has lasted so long, if it goes on."""
    return moved(item.when, Shift(Dose(), lasting), zone)


def _lasts(item: Item, lasting: Duration, zone: Zone) -> Verdict:
    """Say whether something lasts so long, from its start to its end."""
    if item.end is None or item.end == item.when:
        return verdict(met=lasting.number == 0)
    grown = _grown(item, lasting, zone)
    return negate(compare_when(item.end, grown, zone, clock=lasting.seconds is not None)[0])


def _choices(point: Reading) -> tuple[When | None, ...]:
    """Give the times that a located point may be; `None` is *not at all*."""
    return point.choices or (point.value if isinstance(point.value, When) else None,)


def _bounds(window: Window, question: Question, lasting: Duration | None = None) -> _Bounds:
    return _Bounds(
        window,
        None if window.start is None else locate(window.start, question),
        None if window.end is None else locate(window.end, question),
        lasting,
    )


def membership(item: Item, window: Window, question: Question) -> Verdict:
    """Say whether an item has happened and lies in a window."""
    return _membership(item, _bounds(window, question), question)


def _membership(item: Item, bounds: _Bounds, question: Question) -> Verdict:
    seen = visible(item, question)
    if seen is NOT_MET:
        return NOT_MET
    ends = item.when if item.end is None else item.end
    found = every((seen, bounds.holds(item.when, ends, question.timeline.zone)))
    return UNKNOWN if found is MET and not item.certain else found


def passes(test: Test, item: Item) -> Verdict:
    """Say whether one field of an item is as the test asks."""
    value = item.fields.get(test.field)
    if value is None:
        return test.absent
    if isinstance(value, Codes):
        wanted = test.against.value
        return value.among(wanted.words) if isinstance(wanted, Codes) and wanted.words is not None else UNKNOWN
    if test.operator == "in":
        return UNKNOWN
    number = _dates(value) if isinstance(value, When) else value
    return agreed(compare(number, test.operator, limit) for limit in limits(test.against, frozenset({item.unit})))


def _dates(when: When) -> Interval:
    return Interval(exactly(when.first).low, exactly(when.last).high)


def limits(constant: Constant, units: frozenset[str]) -> list[Interval]:
    """Give the limits that apply to a value that came in one of these units.

    A unit that has a limit of its own picks it; for any other unit every limit is tried.
    """
    if not constant.by_unit:
        return [constant.value] if isinstance(constant.value, Interval) else []
    own = dict(constant.by_unit)
    return [limit for unit in units or {""} for limit in ([own[unit]] if unit in own else own.values())]


def select(query: Select, question: Question) -> Selection:
    """Find the items that a selection certainly or possibly holds, in one world."""
    timeline = question.timeline
    bounds = _bounds(query.window, question, query.lasting)
    points = [reading for reading in (bounds.start, bounds.end) if reading is not None]
    history = _history(query, question)
    found: list[tuple[Item, Verdict]] = []
    indices: list[int] = []
    flips: dict[int, int] = {}
    denials: set[str] = set()
    for index, item, passed in passing(query, timeline):
        if item.answer != "yes":
            # Not done on one occasion says nothing of the others; what was not measured has no value.
            denial = item.answer == "absent" and query.kind != "observation"
            if denial and _denies(item, query) and _membership(item, bounds, question) is MET:
                denials |= item.sources or {item.id}
            if (flip := _flip(item, bounds, question)) is not None:
                flips[index] = flip
            continue
        if (flip := _flip(item, bounds, question)) is not None:
            flips[index] = flip
        inside = passed if bounds.not_yet else every((passed, _membership(item, bounds, question)))
        if query.lasting is not None:
            inside = every((inside, bounds.lasted(item, question)))
        if inside is not NOT_MET and not bounds.not_yet:
            found.append((item, inside))
            indices.append(index)
    settled = history.value is MET or bool(denials)
    because = frozenset().union(*(point.because for point in points), denials, history.because if settled else ())
    return Selection(
        tuple(found),
        tuple(indices),
        flips,
        bounds.not_yet,
        settled and not bounds.not_yet,
        earliest(*(point.until for point in points), history.until),
        because,
        bounds.lacking,
        _leaf(query, bounds, question),
    )


def passing(query: Select, timeline: Timeline) -> tuple[tuple[int, Item, Verdict], ...]:
    """Give the items that pass every test of a selection, or may; and all that were denied or not done."""
    # By identity: to hash a selection costs more than to test a record. The entry keeps it alive.
    entry = timeline.remembered.get(id(query))
    if entry is None:
        tested = (
            (index, item, every(passes(test, item) for test in query.tests))
            for index, item in timeline.of_kind(query.kind)
        )
        kept = tuple(each for each in tested if each[2] is not NOT_MET or each[1].answer != "yes")
        entry = timeline.remembered[id(query)] = query, kept
    found: tuple[tuple[int, Item, Verdict], ...] = entry[1]
    return found


def _history(query: Select, question: Question) -> Reading:
    if query.history is None or query.history == "always":
        return Reading(NOT_MET if query.history is None else MET)
    taken = locate(query.history, question)
    return Reading(verdict(met=taken.value is not None), taken.because, taken.missing, taken.until, node=query)


def _denies(item: Item, query: Select) -> bool:
    """Whether *asked and denied* of this item covers all that is asked for: what it names, and anything about it."""
    about = [test for test in query.tests if test.field in {"concept", "drug", "measure", "milestone"}]
    if not about:
        return False
    for test in about:
        denied, asked = item.fields.get(test.field), test.against.value
        if not (isinstance(denied, Codes) and isinstance(asked, Codes) and denied.words and asked.words):
            return False
        if not asked.words <= denied.words:
            return False
    return item.certain


def _leaf(query: Select, bounds: _Bounds, question: Question) -> Missing:
    start = bounds.start.value if bounds.start is not None else None
    end = bounds.end.value if bounds.end is not None else None
    due = end.last if isinstance(end, When) else question.timeline.zone.date_of(question.at)
    return Missing(query.label or query.kind, start.first if isinstance(start, When) else None, due, query.asked_of)


def _flip(item: Item, bounds: _Bounds, question: Question) -> int | None:
    """Give the first instant after the question at which an item may come into or leave the window by itself."""
    zone, window = question.timeline.zone, bounds.window
    candidates = list(appearances(item, zone))
    if window.start is not None:
        candidates += _reached(window.start, item.end or item.when, question, past=not window.after)
    if window.end is not None:
        candidates += _reached(window.end, item.when, question, past=window.before)
    if bounds.lasting is not None:
        grown = _grown(item, bounds.lasting, zone)
        candidates += _reached(Now(), grown, question, past=False)
        if window.end is not None:
            candidates += _reached(window.end, grown, question, past=window.before)
    return earliest(*(at for at in candidates if at > question.at))


def _reached(point: Point, when: When, question: Question, *, past: bool) -> Iterator[int]:
    """Give the instants at which a point that moves with the question comes to `when`, or one step past it."""
    step = 1 if past else 0
    if is_clock(point) or (when.instants and isinstance(point, (Now, Dose))):
        low, high = when.span(question.timeline.zone)
        return _arrivals(point, (), (low + step, high + step), question)
    return _arrivals(point, (when.first + step, when.last + step), (), question)


def _arrivals(point: Point, days: tuple[int, ...], instants: tuple[int, ...], question: Question) -> Iterator[int]:
    zone = question.timeline.zone
    if isinstance(point, Now) or (isinstance(point, Dose) and question.dose is None):
        yield from instants
        yield from (zone.start_of(day) for day in days)
    elif isinstance(point, Shift):
        sign = -1 if point.earlier else 1
        if point.by.seconds is not None:
            targets = (*instants, *(zone.start_of(day) for day in days))
            yield from _arrivals(point.point, (), tuple(at - sign * point.by.seconds for at in targets), question)
            return
        dates = (*days, *(day for at in instants for day in (zone.date_of(at), zone.date_of(at) + 1)))
        if point.by.months is not None:
            earlier = tuple(first_reaching(day, sign * point.by.months) for day in dates)
        else:
            earlier = tuple(day - sign * (point.by.days or 0) for day in dates)
        yield from _arrivals(point.point, earlier, (), question)


def arrival(point: Point, value: Interval, question: Question) -> int | None:
    """Give the first instant after the question at which a moving point comes to or passes one of the dates."""
    days = [int(end) + step for end in (value.low, value.high) if end is not None for step in (0, 1)]
    return earliest(*(at for at in _arrivals(point, tuple(days), (), question) if at > question.at))


def outermost(selection: Selection, question: Question, *, later: bool) -> tuple[tuple[Item, Verdict], ...]:
    """Give the items that no certain item surely follows (`later`) or precedes."""
    zone = question.timeline.zone
    sure = [item for item, found in selection.items if found is MET]
    # By their dates alone most items are out of question; only those near the outermost date are compared one by one.
    border = (
        max((item.when.first for item in sure), default=0) if later else min((i.when.last for i in sure), default=0)
    )
    near = [item for item in sure if not _short_of(item, border, later=later)]

    def beaten(item: Item) -> bool:
        if sure and _short_of(item, border, later=later):
            return True
        pairs = ((item.when, other.when) if later else (other.when, item.when) for other in near if other is not item)
        return any(compare_when(left, right, zone)[0] is MET for left, right in pairs)

    return tuple((item, found) for item, found in selection.items if not beaten(item))


def _short_of(item: Item, border: int, *, later: bool) -> bool:
    return item.when.last < border if later else item.when.first > border


def relevant(selection: Selection, deciding: tuple[tuple[Item, Verdict], ...]) -> set[int]:
    """Give the indices of the items whose next flip matters: those that decide, and those that may still come in."""
    inside = dict(zip(selection.indices, selection.items, strict=True))
    return {index for index in selection.flips if index not in inside or inside[index] in deciding}


# --- worlds -----------------------------------------------------------------------------------------------------------


def worlds(question: Question, *parts: Expr) -> tuple[Question, ...] | None:
    """Give the question once for every way in which the moments used may have come about; `None` if there are too many.

    An item that could be one of these moments, and whose date or existence is not certain, is pinned in each world.
    """
    found = uncertain(question, *parts)
    if not found:
        return (question,)
    if prod(_possible(item) for item in found) > MOST_WORLDS:
        return None
    return tuple(_pinned(question, found, pins) for pins in product(*(_pins(item) for item in found)))


def uncertain(question: Question, *parts: Expr) -> tuple[Item, ...]:
    """Give the items that could be one of the moments used, and whose date or existence is not certain."""
    vague = question.timeline.vague
    found = frozenset[Moment]().union(*map(_moments_once, parts)) if vague else ()
    return tuple(item for item in vague if any(_may_be(item, moment, question) for moment in found))


def _may_be(item: Item, moment: Moment, question: Question) -> bool:
    if item.kind != moment.of.kind or item.answer != "yes" or visible(item, question) is NOT_MET:
        return False
    if every(passes(test, item) for test in moment.of.tests) is NOT_MET:
        return False
    # What surely lies outside the moment's window (an earlier dose, say) multiplies no worlds.
    bounds = _bounds(moment.of.window, question, moment.of.lasting)
    return every((_membership(item, bounds, question), bounds.lasted(item, question))) is not NOT_MET


def _possible(item: Item) -> int:
    times = len(item.when.instants) if item.when.first == item.when.last else item.when.last - item.when.first + 1
    return max(times, 1) + (0 if item.certain else 1)


def _pins(item: Item) -> Iterator[Item | None]:
    for when in item.when.choices():
        seen = when if item.visible == item.when else item.visible
        yield replace(item, when=when, visible=seen, certain=True)
    if not item.certain:
        yield None


def _pinned(question: Question, found: tuple[Item, ...], pins: tuple[Item | None, ...]) -> Question:
    chosen = {id(item): pin for item, pin in zip(found, pins, strict=True)}
    items = [chosen.get(id(item), item) for item in question.timeline.items]
    kept = tuple(item for item in items if item is not None)
    return replace(question, timeline=replace(question.timeline, items=kept))


_MOST_REMEMBERED = 10_000
_remembered: dict[int, tuple[Expr, frozenset[Moment]]] = {}


def _moments_once(part: Expr) -> frozenset[Moment]:
    """Give every moment that an expression speaks of, found but once."""
    # By identity, as for a moment that is located: the entry keeps the expression alive.
    entry = _remembered.get(id(part))
    if entry is None:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        entry = _remembered[id(part)] = (part, moments(part))
    return entry[1]


def moments(part: Expr | Select | Window | None) -> frozenset[Moment]:
    """Give every moment that an expression, selection or window speaks of, and those that they speak of."""
    match part:
        case None | Now() | Dose() | Fixed() | Constant():
            return frozenset()
        case Moment(of=of):
            return frozenset({part}) | moments(of)
        case Shift(inner) | Not(inner):
            return moments(inner)
        case Pick(of=of, to=to):
            return moments(of) | moments(to)
        case Fold(of=of):
            return moments(of)
        case Run(of=of, then=then):
            return moments(of) | moments(then)
        case Daily(of=of):
            return frozenset().union(*(moments(inner) for inner, _ in of))
        case Score(items):
            return frozenset().union(*(moments(inner) for inner, _ in items))
        case AtLeast(of=of):
            return frozenset().union(*(moments(inner) for inner in of))
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return moments(left) | moments(right)
        case Select(window=window, history=history):
            return moments(window) | moments(history if isinstance(history, Moment) else None)
        case Window(start=start, end=end):
            return moments(start) | moments(end)
        case _:
            assert_never(part)
