"""What was given and taken on each date of a window: the part of the reference evaluator that adds doses up by date.

The dates of the window are cut into stretches on each of which the same things count, so that what goes on for years
costs no more than what lasts a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from trialspec.interpreters.reading import Question, Reading, earliest
from trialspec.interpreters.selection import arrival, limits, locate, select
from trialspec.kernel import Daily, Dose, Now, Window, parts_of
from trialspec.patient import LONG_AGO
from trialspec.quantity import Interval, add, compare, exactly, hull, meet_greatest, multiply
from trialspec.times import When, on_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, agreed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialspec.interpreters.selection import Selection
    from trialspec.kernel import Point, Test
    from trialspec.patient import Item
    from trialspec.truth import Verdict

_NOTHING = exactly(0)


@dataclass(frozen=True, slots=True)
class _Share:
    """What one record adds to each date: surely on the dates of `sure`, possibly on those of `maybe` (both included).

    `once` is what does not last: it adds to one of these dates. `there` is whether it is surely in the window.
    """

    amount: Interval
    sure: tuple[int, int]
    maybe: tuple[int, int]
    there: bool
    once: bool

    @property
    def borders(self) -> tuple[int, ...]:
        """The dates from which on it adds something else than on the date before."""
        return self.sure[0], self.sure[1] + 1, self.maybe[0], self.maybe[1] + 1


@dataclass(frozen=True, slots=True)
class _Added:
    """What is added up by date; `closed` is whether nothing else was given."""

    node: Daily
    shares: tuple[_Share, ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class _Dates:
    """The dates of a window, up to that of the question: those that surely are in it, and those that may be."""

    sure: tuple[int, int]
    maybe: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Dates that follow each other and have one amount each."""

    first: int
    last: int
    amount: Interval


def daily(node: Daily, question: Question, settled: Callable[[Interval], bool] | None = None) -> Reading:
    """Read a number about the dates of a window; `settled` says which numbers may grow and change no answer.

    `until` is then when it may change an answer: that the most that it may be grows changes none, once it is settled.
    """
    window = node.of[0][0].window
    found = [select(query, question) for query, _ in node.of]
    closed = all(each.closed for each in found)
    shares = tuple(
        _share(item, times, there=there is MET)
        for each, (_, times) in zip(found, node.of, strict=True)
        for item, there in each.items
    )
    added = _Added(node, shares, closed=closed)
    dates = _dates(window, question)
    value = None if dates is None else _value(added, dates)
    exact = value is not None and value.exact is not None
    leaves = frozenset(each.leaf for each in found if not each.closed) or frozenset({found[0].leaf})
    # With the days dates are only added, where the start does not move: a number then never falls.
    grows = value is not None and settled is not None and not _moves(window.start)
    rests = grows and value is not None and settled is not None and settled(value)
    capped = grows and value is not None and settled is not None and _most_is(value, settled)
    return Reading(
        value,
        frozenset().union(*(each.because for each in found), *(item.sources or {item.id} for item in _items(found))),
        frozenset() if exact else frozenset().union(*(each.missing for each in found)) or leaves,
        earliest(
            *(each.until for each in found),
            *(flip for each in found for flip in each.flips.values()),
            None if dates is None or rests else _next(added, dates, question, least_only=capped),
        ),
        units=frozenset(item.unit for item in _items(found)),
        node=node,
    )


def _most_is(value: Interval, settled: Callable[[Interval], bool]) -> bool:
    return value.high is not None and not value.high_open and settled(Interval(value.high, value.high))


def _items(found: list[Selection]) -> Iterator[Item]:
    return (item for each in found for item, _ in each.items)


# --- which dates ------------------------------------------------------------------------------------------------------


def _dates(window: Window, question: Question) -> _Dates | None:
    """Give the dates of a window: of its first and last only what lies inside counts. `None`: it is not yet."""
    today = question.timeline.zone.date_of(question.at)
    first, last = (LONG_AGO, LONG_AGO), (today, today)
    if window.start is not None:
        start = locate(window.start, question)
        if not isinstance(start.value, When) or None in start.choices:
            return None
        times = [each for each in start.choices if each is not None] or [start.value]
        # A time of day leaves a rest of its date; without one the date is outside.
        skip = 1 if window.after and not start.value.instants else 0
        first = min(each.first for each in times) + skip, max(each.last for each in times) + skip
    if window.end is not None:
        end = locate(window.end, question)
        times = [each for each in (*end.choices, end.value) if isinstance(each, When)]
        skip = 1 if window.before and not any(each.instants for each in times) else 0
        open_ = not isinstance(end.value, When) or None in end.choices
        if open_ and window.awaits:
            return None
        least = min((each.first - skip for each in times), default=today)
        most = max((each.last - skip for each in times), default=today)
        last = min(least, today), today if open_ else min(most, today)
    return _Dates((first[1], last[0]), (first[0], last[1]))


def _moves(point: Point | None) -> bool:
    """Whether a point may move with the question."""
    return point is not None and any(isinstance(each, Now | Dose) for each in parts_of(point, object))


def _next(added: _Added, dates: _Dates, question: Question, *, least_only: bool = False) -> int | None:
    """Give when a number, or the least that it may be, may next change by itself, as days go by or the window moves."""
    node, zone = added.node, question.timeline.zone
    window = node.of[0][0].window
    moving: list[tuple[Point, When]] = []
    for point in (window.start, window.end):
        when = None if point is None else locate(point, question).value
        if point is not None and isinstance(when, When):
            moving.append((point, when))
    if dates.maybe[1] == zone.date_of(question.at) or dates.maybe[0] > dates.maybe[1]:
        moving.append((Now(), on_date(zone.date_of(question.at))))
    steps = [arrival(point, Interval(Fraction(when.first), Fraction(when.last)), question) for point, when in moving]
    soon = sorted({step for step in steps if step is not None})
    if node.how != "greatest":
        before, grows = _value(added, dates), node.how == "row" and _grows(added, dates, surely=least_only)
        for step in soon:
            later = _dates(window, question.on(step))
            after = None if later is None else _value(added, later)
            if grows or before is None or after is None or not _alike(before, after, least_only=least_only):
                return step
    # While no edge of the window comes to where something begins or ends, every day changes the number alike.
    borders = {date for share in added.shares for date in share.borders}
    fixed = [when for point, when in moving if not _moves(point)]
    borders |= {date for when in fixed for date in (when.first, when.last)}
    return earliest(
        *(arrival(point, Interval(Fraction(d - 1), Fraction(d)), question) for point, _ in moving for d in borders)
    )


def _alike(one: Interval, other: Interval, *, least_only: bool) -> bool:
    return (one.low, one.low_open) == (other.low, other.low_open) if least_only else one == other


def _grows(added: _Added, dates: _Dates, *, surely: bool) -> bool:
    """Whether a row may be growing that is not the longest yet: all dates are not alike, and the last one passes."""
    holds = added.node.holds
    stretches = list(_stretches(dates, added))
    if len(stretches) < 2 or holds is None:
        return False
    passed = _passes(holds, stretches[-1].amount)
    return passed is MET or (passed is UNKNOWN and not surely)


# --- how much ---------------------------------------------------------------------------------------------------------


def _share(item: Item, times: Interval, *, there: bool) -> _Share:
    value = item.fields.get("dose" if item.kind == "therapy" else "amount")
    amount = value if isinstance(value, Interval) else Interval(None, None)
    if amount.low is None or amount.low < 0:
        amount = Interval(Fraction(0), amount.high, high_open=amount.high_open)  # no amount is below nothing
    amount = multiply(amount, times)
    when, once = item.when, item.end is None
    ends = when if item.end is None else item.end
    sure = (when.last, ends.first) if there else (1, 0)
    if once and when.first < when.last:
        sure = (1, 0)
    return _Share(amount, sure, (when.first, ends.last), there, once)


def _value(added: _Added, dates: _Dates) -> Interval | None:
    node = added.node
    if node.how == "sum":
        total = _NOTHING
        for share in added.shares:
            total = add(total, _in_all(share, dates))
        return total if added.closed else Interval(total.low, None, total.low_open)
    stretches = list(_stretches(dates, added))
    if node.how == "greatest":
        sure = [each.amount for each in stretches if _inside(each, dates.sure)]
        # On whichever of its dates something was given, that date has at least so much.
        sure += [share.amount for share in added.shares if share.there]
        if not stretches or not sure:
            return None
        amounts = [each.amount for each in stretches]
        least, most = meet_greatest(sure, ()), meet_greatest(amounts, ())
        return Interval(least.low, most.high, least.low_open, most.high_open)
    certain, possible = [], []
    for each in stretches:
        passed = MET if node.holds is None else _passes(node.holds, each.amount)
        if passed is MET and _inside(each, dates.sure):
            certain.append((each.first, each.last))
        if passed is not NOT_MET:
            possible.append((each.first, each.last))
    count = _longest if node.how == "row" else _total
    return Interval(Fraction(count(certain)), Fraction(count(possible)))


def _in_all(share: _Share, dates: _Dates) -> Interval:
    """Give what one record adds to the sum of all dates."""
    if share.once:
        return share.amount if share.there else hull((_NOTHING, share.amount))
    least = _common(share.sure, dates.sure)
    most = _common(share.maybe, dates.maybe)
    return multiply(share.amount, Interval(Fraction(least), Fraction(most)))


def _common(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]) + 1)


def _stretches(dates: _Dates, added: _Added) -> Iterator[_Stretch]:
    """Cut the dates that may be in the window into stretches, each with the amount of any of its dates."""
    first, last = dates.maybe
    if first > last:
        return
    low, high = _Running(), _Running()
    steps: dict[int, list[tuple[_Running, Interval, int]]] = {date: [] for date in (dates.sure[0], dates.sure[1] + 1)}
    for share in added.shares:
        for running, (begin, end) in ((low, share.sure), (high, share.maybe)):
            begin_, end_ = max(begin, first), min(end, last)
            if begin_ <= end_:
                steps.setdefault(begin_, []).append((running, share.amount, 1))
                steps.setdefault(end_ + 1, []).append((running, share.amount, -1))
    steps.setdefault(first, [])
    cuts = sorted(date for date in steps if first <= date <= last)
    for cut, following in zip(cuts, [*cuts[1:], last + 1], strict=True):
        for running, amount, sign in steps[cut]:
            running.put(amount, sign)
        yield _Stretch(cut, following - 1, _amount(low, high, closed=added.closed))


class _Running:
    """The amounts that count on a date, as a sum that goes along with the dates."""

    __slots__ = ("high", "high_open", "low", "low_open", "unlimited")

    def __init__(self) -> None:
        self.low, self.high = Fraction(0), Fraction(0)
        self.low_open = self.high_open = self.unlimited = 0

    def put(self, amount: Interval, sign: int) -> None:
        """Add an amount, or take it off again."""
        self.low += sign * (amount.low or 0)
        self.low_open += sign * amount.low_open
        self.unlimited += sign * (amount.high is None)
        self.high += sign * (amount.high or 0)
        self.high_open += sign * (amount.high is not None and amount.high_open)


def _amount(low: _Running, high: _Running, *, closed: bool) -> Interval:
    if high.unlimited or not closed:
        return Interval(low.low, None, low.low_open > 0)
    return Interval(low.low, high.high, low.low_open > 0, high.high_open > 0)


def _inside(stretch: _Stretch, dates: tuple[int, int]) -> bool:
    return dates[0] <= stretch.first and stretch.last <= dates[1]


def _passes(test: Test, amount: Interval) -> Verdict:
    """Say whether the amount of a date is as the test asks."""
    if test.operator == "in":
        return UNKNOWN
    return agreed(compare(amount, test.operator, limit) for limit in limits(test.against, frozenset()))


def _total(stretches: list[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in stretches)


def _longest(stretches: list[tuple[int, int]]) -> int:
    """Give the most dates that follow each other."""
    longest, begin, end = 0, 0, -1
    for first, last in stretches:
        begin, end = (begin if first == end + 1 else first), last
        longest = max(longest, end - begin + 1)
    return longest
