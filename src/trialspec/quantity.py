"""Exact numbers, intervals and durations: no float, and nothing is rounded before it is compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, Overflow, Underflow
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, negate

if TYPE_CHECKING:
    from collections.abc import Iterable

Operator = Literal["above", "at_least", "below", "at_most"]


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers a value may be: `None` is no limit, an open end is not itself included."""

    low: Fraction | None
    high: Fraction | None
    low_open: bool = False
    high_open: bool = False

    @property
    def exact(self) -> Fraction | None:
        """The one number it can be, if there is only one."""
        return self.low if self.low is not None and self.low == self.high else None

    def __str__(self) -> str:
        """Print as clinicians write it: `5`, `< 5`, `>= 3`, `3 to 7`, `any`."""
        low = None if self.low is None else shown(self.low)
        high = None if self.high is None else shown(self.high)
        if low is None and high is None:
            return "any"
        if low is None or (self.low == 0 and high is not None and self.high_open):
            return f"{'<' if self.high_open else '<='} {high}"
        if high is None:
            return f"{'>' if self.low_open else '>='} {low}"
        return low if low == high else f"{low} to {high}"


ANYTHING = Interval(None, None)


def exactly(number: Fraction | int) -> Interval:
    """Make the interval that holds one number."""
    value = Fraction(number)
    return Interval(value, value)


def _low_key(interval: Interval) -> tuple[int, Fraction, bool]:
    return (0, Fraction(0), False) if interval.low is None else (1, interval.low, interval.low_open)


def _high_key(interval: Interval) -> tuple[int, Fraction, bool]:
    return (1, Fraction(0), False) if interval.high is None else (0, interval.high, not interval.high_open)


def hull(intervals: Iterable[Interval]) -> Interval:
    """Give the smallest interval that holds all of them (at least one is given)."""
    seen = list(intervals)
    low, high = min(seen, key=_low_key), max(seen, key=_high_key)
    return Interval(low.low, high.high, low.low_open, high.high_open)


def meet_least(certain: Iterable[Interval], possible: Iterable[Interval]) -> Interval:
    """Give the least of the certain numbers and of any of the possible ones."""
    sure = list(certain)
    low, high = min([*sure, *possible], key=_low_key), min(sure, key=_high_key)
    return Interval(low.low, high.high, low.low_open, high.high_open)


def meet_greatest(certain: Iterable[Interval], possible: Iterable[Interval]) -> Interval:
    """Give the greatest of the certain numbers and of any of the possible ones."""
    sure = list(certain)
    low, high = max(sure, key=_low_key), max([*sure, *possible], key=_high_key)
    return Interval(low.low, high.high, low.low_open, high.high_open)


def add(left: Interval, right: Interval) -> Interval:
    """Add two intervals."""
    return Interval(
        None if left.low is None or right.low is None else left.low + right.low,
        None if left.high is None or right.high is None else left.high + right.high,
        left.low_open or right.low_open,
        left.high_open or right.high_open,
    )


def minus(interval: Interval) -> Interval:
    """Negate an interval."""
    return Interval(
        None if interval.high is None else -interval.high,
        None if interval.low is None else -interval.low,
        interval.high_open,
        interval.low_open,
    )


def subtract(left: Interval, right: Interval) -> Interval:
    """Subtract two intervals."""
    return add(left, minus(right))


def scale(interval: Interval, factor: Fraction) -> Interval:
    """Multiply by an exact number; by zero it is zero, whatever the value."""
    if factor == 0:
        return exactly(0)
    if factor < 0:
        return scale(minus(interval), -factor)
    return Interval(
        None if interval.low is None else interval.low * factor,
        None if interval.high is None else interval.high * factor,
        interval.low_open,
        interval.high_open,
    )


def multiply(left: Interval, right: Interval) -> Interval:
    """Multiply two intervals."""
    for one, other in ((left, right), (right, left)):
        if one.exact is not None:
            return scale(other, one.exact)
    corners = [_product(a, b) for a in _ends(left) for b in _ends(right)]
    low, high = min(corners, key=_corner_low), max(corners, key=_corner_high)
    return Interval(
        low[1] if low[0] == 0 else None,
        high[1] if high[0] == 0 else None,
        low[2] and low[0] == 0,
        high[2] and high[0] == 0,
    )


# A corner is (-1 | 0 | 1 for minus infinity, finite, infinity; the number; whether the end is open).
_Corner = tuple[int, Fraction, bool]


def _ends(interval: Interval) -> tuple[_Corner, _Corner]:
    low = (-1, Fraction(0), True) if interval.low is None else (0, interval.low, interval.low_open)
    high = (1, Fraction(0), True) if interval.high is None else (0, interval.high, interval.high_open)
    return low, high


def _product(left: _Corner, right: _Corner) -> _Corner:
    for one, other in ((left, right), (right, left)):
        if one[0] == 0 and one[1] == 0:
            # Zero times anything is zero; it is attained when the zero end itself is.
            return (0, Fraction(0), one[2] and (other[0] != 0 or other[1] != 0 or other[2]))
    sign = (1 if left[0] > 0 or (left[0] == 0 and left[1] > 0) else -1) * (
        1 if right[0] > 0 or (right[0] == 0 and right[1] > 0) else -1
    )
    if left[0] or right[0]:
        return (sign, Fraction(0), True)
    return (0, left[1] * right[1], left[2] or right[2])


def _corner_low(corner: _Corner) -> tuple[int, Fraction, bool]:
    return (corner[0], corner[1], corner[2])


def _corner_high(corner: _Corner) -> tuple[int, Fraction, bool]:
    return (corner[0], corner[1], not corner[2])


def divide(left: Interval, right: Interval) -> Interval | None:
    """Divide two intervals; undefined (`None`) when the divisor is or touches zero."""
    if not (_positive(right) or _positive(minus(right))):
        return None
    if not _positive(right):
        left, right = minus(left), minus(right)
    reciprocal = Interval(
        Fraction(0) if right.high is None else 1 / right.high,
        None if right.low is None else 1 / right.low,
        right.high is None or right.high_open,
        right.low_open,
    )
    return multiply(left, reciprocal)


def nearest(interval: Interval, step: Fraction, *, upward: bool) -> Interval:
    """Round to a multiple of a step; of two that are equally near to the upper one, or to the lower."""

    def rounded(number: Fraction) -> Fraction:
        below = number // step * step
        half = number - below - step / 2
        return below + step if half > 0 or (half == 0 and upward) else below

    low, high = interval.low, interval.high
    return Interval(None if low is None else rounded(low), None if high is None else rounded(high))


def _positive(interval: Interval) -> bool:
    return interval.low is not None and interval.low > 0


_DECIMAL = Context(prec=50, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
_KEPT = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
_STEEPEST = 1_000  # exponents beyond this are none of a formula's


def power(base: Interval, exponent: Interval) -> Interval | None:
    """Raise a number that is not below zero to a power; undefined (`None`) for one that is or may be.

    This is no rational number: it is computed in decimals, and the 34 digits that are kept of it are exact from then
    on. It rises or falls all along in each of the two, so its ends lie at the ends of theirs.
    """
    if base.low is None or base.low < 0:
        return None
    if any(end is None or abs(end) > _STEEPEST for end in (exponent.low, exponent.high)):
        return Interval(Fraction(0), None)
    corners = [
        _raised(one, other)
        for one in (base.low, base.high)
        for other in (exponent.low, exponent.high)
        if other is not None
    ]
    ends = [corner for corner in corners if corner is not None]
    return Interval(min(ends, default=Fraction(0)), None if len(ends) < len(corners) else max(ends))


@lru_cache(maxsize=20_000)
def _raised(base: Fraction | None, exponent: Fraction) -> Fraction | None:
    """Raise one number to a power; `None` is without limit."""
    if exponent == 0:
        return Fraction(1)
    if base is None or base == 0:
        return None if (base is None) is (exponent > 0) else Fraction(0)
    one, other = (_DECIMAL.divide(Decimal(each.numerator), Decimal(each.denominator)) for each in (base, exponent))
    try:
        return Fraction(_KEPT.plus(_DECIMAL.power(one, other)))
    except Overflow:
        return None
    except Underflow:
        return Fraction(0)


def rounded(interval: Interval, step: Interval) -> Interval | None:
    """Round to whole steps, a half away from zero; undefined (`None`) without one step above zero."""
    size = step.exact
    if size is None or size <= 0:
        return None
    low, high = (None if end is None else _rounded(end, size) for end in (interval.low, interval.high))
    return Interval(low, high)


def _rounded(number: Fraction, step: Fraction) -> Fraction:
    whole = (abs(number) / step + Fraction(1, 2)) // 1 * step
    return whole if number >= 0 else -whole


def compare(left: Interval, operator: Operator, right: Interval) -> Verdict:
    """Compare two intervals of unrelated numbers: unknown unless every choice of both gives one answer."""
    match operator:
        case "at_least":
            return _at_least(left, right)
        case "below":
            return negate(_at_least(left, right))
        case "at_most":
            return _at_least(right, left)
        case "above":
            return negate(_at_least(right, left))


def _at_least(left: Interval, right: Interval) -> Verdict:
    if left.low is not None and right.high is not None and left.low >= right.high:
        return MET
    if left.high is not None and right.low is not None:
        if left.high < right.low:
            return NOT_MET
        if left.high == right.low and (left.high_open or right.low_open):
            return NOT_MET
    return UNKNOWN


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_LONGEST_NUMBER = 40


def parse_number(text: str) -> Fraction | None:
    """Read a decimal number exactly, or give `None`."""
    text = text.strip()
    return _number(text) if len(text) <= _LONGEST_NUMBER else None


@lru_cache(maxsize=20_000)
def _number(text: str) -> Fraction | None:
    return Fraction(Decimal(text)) if _NUMBER.fullmatch(text) and text.isascii() else None


def parse_interval(text: str) -> Interval | None:
    """Read `5`, `<5`, `<= 5`, `>5` or `>=5`: what lies below a limit of quantification is [0, limit)."""
    text = text.strip()
    for sign in ("<=", ">=", "<", ">"):
        if text.startswith(sign):
            number = parse_number(text[len(sign) :])
            if number is None or (sign == "<" and number <= 0) or (sign == "<=" and number < 0):
                return None
            if sign[0] == ">":
                return Interval(number, None, low_open=sign == ">")
            return Interval(Fraction(0), number, high_open=sign == "<")
    number = parse_number(text)
    return None if number is None else exactly(number)


def shown(number: Fraction, digits: int = 6) -> str:
    """Print a number for people: exact where it is a short decimal, else cut off and marked with `~`."""
    scaled = abs(number) * 10**digits
    whole = scaled.numerator // scaled.denominator
    units, rest = divmod(whole, 10**digits)
    decimals = f"{rest:0{digits}}".rstrip("0") if digits else ""
    sign = "-" if number < 0 and whole else ""
    text = f"{sign}{units}.{decimals}" if decimals else f"{sign}{units}"
    return text if scaled.denominator == 1 else f"~{text}"


DurationUnit = Literal["s", "min", "h", "d", "wk", "mo", "y"]
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_DAYS = {"d": 1, "wk": 7}
_MONTHS = {"mo": 1, "y": 12}
_DURATION = re.compile(r"(\d{1,6})\s*(s|min|h|d|wk|mo|y)")


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: clock time is counted between instants, days on dates, months and years on the calendar."""

    number: int
    unit: DurationUnit

    @property
    def seconds(self) -> int | None:
        """Its seconds, for clock time only."""
        each = _SECONDS.get(self.unit)
        return None if each is None else self.number * each

    @property
    def days(self) -> int | None:
        """Its days, for days and weeks only."""
        each = _DAYS.get(self.unit)
        return None if each is None else self.number * each

    @property
    def months(self) -> int | None:
        """Its months, for months and years only."""
        each = _MONTHS.get(self.unit)
        return None if each is None else self.number * each

    def __str__(self) -> str:
        """Print as protocols write it."""
        return f"{self.number} {self.unit}"


def parse_duration(text: str) -> Duration | None:
    """Read `28 d`, `4 wk`, `6 mo`, `18 y`, `12 h`, `30 min`, or give `None`."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not text.isascii():
        return None
    return Duration(int(found[1]), found[2])  # type: ignore[arg-type]  # the pattern admits only these units


@dataclass(frozen=True, slots=True)
class Codes:
    """The words a coded value may be; `None` is any word at all."""

    words: frozenset[str] | None

    def among(self, wanted: frozenset[str]) -> Verdict:
        """Say whether the word is one of `wanted`."""
        if self.words is None:
            return UNKNOWN
        if self.words <= wanted:
            return MET
        return UNKNOWN if self.words & wanted else NOT_MET

    def __str__(self) -> str:
        """Print the words."""
        return "any" if self.words is None else " or ".join(sorted(self.words))


ANY_WORD = Codes(None)


def word(text: str) -> Codes:
    """Make the coded value that is one word."""
    return _word(text) if len(text) <= _USUAL_WORD else Codes(frozenset({text}))


_USUAL_WORD = 40


@lru_cache(maxsize=20_000)
def _word(text: str) -> Codes:
    return Codes(frozenset({text}))
