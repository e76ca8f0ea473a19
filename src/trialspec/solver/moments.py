"""Times that are open: dates as ordinals, instants as seconds on the clock of the site.

A day has 86,400 seconds here: the two hours of a year in which clocks are put forward or back are left out, and a
patient found with the help of this is replayed by the reference, which knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from trialspec.kernel import Shift
from trialspec.solver import logic
from trialspec.solver.logic import Fact, Formula, Term
from trialspec.times import DAY, shift_months


@dataclass(frozen=True, slots=True)
class Time:
    """Between two dates and two instants; `timed` where a time of day is known."""

    first: Term
    last: Term
    low: Term
    high: Term
    timed: Formula


def on_date(first: Term, last: Term | None = None) -> Time:
    """Make the time of something of which only the date is known."""
    last = first if last is None else last
    return Time(first, last, logic.times(first, DAY), logic.plus(logic.times(last, DAY), DAY - 1), timed=False)


def at_instant(day: Term, second: Term) -> Time:
    """Make an instant of a day."""
    instant = logic.plus(logic.times(day, DAY), second)
    return Time(day, day, instant, instant, timed=True)


def on_day(day: Term, second: Term, timed: Formula) -> Time:
    """Make a time of a day that may be known or not."""
    if timed is True:
        return at_instant(day, second)
    start = logic.times(day, DAY)
    low = logic.plus(start, logic.choose(timed, second, 0))
    high = logic.plus(start, logic.choose(timed, second, DAY - 1))
    return Time(day, day, low, high, timed)


def between(one: Time, other: Time, condition: Formula) -> Time:
    """Give the first time where the condition holds, else the second."""
    if isinstance(condition, bool):
        return one if condition else other
    pairs = ((one.first, other.first), (one.last, other.last), (one.low, other.low), (one.high, other.high))
    first, last, low, high = (logic.choose(condition, a, b) for a, b in pairs)
    timed = logic.either(logic.both(condition, one.timed), logic.both(logic.no(condition), other.timed))
    return Time(first, last, low, high, timed)


def compared(left: Time, right: Time, *, clock: bool = False) -> tuple[Fact, Fact]:
    """Say whether one time is before another, and whether it is not after it; as `selection.compare_when` does."""

    def by(a: tuple[Term, Term], b: tuple[Term, Term], *, points: bool = False) -> tuple[Fact, Fact]:
        (a_low, a_high), (b_low, b_high) = a, b
        if points or (a_low is a_high and b_low is b_high):
            return logic.surely(logic.is_less(a_low, b_low)), logic.surely(logic.is_most(a_low, b_low))
        before = Fact(logic.is_less(a_high, b_low), logic.is_most(b_high, a_low))
        return before, Fact(logic.is_most(a_high, b_low), logic.is_less(b_high, a_low))

    by_instant = logic.both(left.timed, right.timed)
    if clock:
        return by((left.low, left.high), (right.low, right.high))
    dates = by((left.first, left.last), (right.first, right.last))
    if by_instant is False:
        return dates
    # Where a time of day is known of both, each is one instant.
    instants = by((left.low, left.high), (right.low, right.high), points=True)
    if by_instant is True:
        return instants
    return logic.where(by_instant, instants[0], dates[0]), logic.where(by_instant, instants[1], dates[1])


def is_before(left: Time, right: Time) -> Formula:
    """Say that one time is surely before another."""
    return compared(left, right)[0].met


def moved(time: Time, shift: Shift, reach: range) -> Time:
    """Move a time by a duration; months are counted from dates in `reach` alone."""
    sign = -1 if shift.earlier else 1
    if shift.by.seconds is not None:
        low, high = (logic.plus(instant, sign * shift.by.seconds) for instant in (time.low, time.high))
        return Time(logic.whole_quotient(low, DAY), logic.whole_quotient(high, DAY), low, high, timed=True)
    if shift.by.months is not None:
        months = sign * shift.by.months
        first, last = by_months(time.first, months, reach), by_months(time.last, months, reach)
        return on_date(first, last)
    days = sign * (shift.by.days or 0)
    return on_date(logic.plus(time.first, days), logic.plus(time.last, days))


def by_months(day: Term, months: int, reach: range) -> Term:
    """Move a date by months: the days between are read from the calendar, stretch by stretch of equal ones."""
    if isinstance(day, int):
        return shift_months(day, months)
    stretches = _stretches(months, reach)
    ahead: Term = stretches[0][1]
    for start, days in stretches[1:]:
        ahead = logic.choose(logic.is_most(start, day), days, ahead)
    return logic.plus(day, ahead)


@cache
def _stretches(months: int, reach: range) -> tuple[tuple[int, int], ...]:
    """Give how many days are in some months from each date on, where that changes."""
    found: list[tuple[int, int]] = []
    for date in reach:
        days = shift_months(date, months) - date
        if not found or found[-1][1] != days:
            found.append((date, days))
    return tuple(found)
