"""Numbers that are open: each end is a fraction with a divisor above zero, so limits are compared by multiplying."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trialspec.quantity import Interval, Operator
from trialspec.solver import logic
from trialspec.solver.logic import Fact, Formula, Term


@dataclass(frozen=True, slots=True)
class End:
    """One end of an interval: a number over a divisor above zero; `far` where there is no limit."""

    over: Term
    under: Term = 1
    far: Formula = False


@dataclass(frozen=True, slots=True)
class Number:
    """The numbers that a value may be, both ends among them; none where it is not `defined`."""

    defined: Formula
    low: End
    high: End

    @property
    def exact(self) -> Fraction | None:
        """The one number it is, if that is settled."""
        low, high = self.low, self.high
        settled = all(isinstance(term, int | Fraction) for term in (low.over, low.under, high.over, high.under))
        if not settled or self.defined is not True or low.far is not False or high.far is not False:
            return None
        low_, high_ = Fraction(low.over, 1) / low.under, Fraction(high.over, 1) / high.under
        return low_ if low_ == high_ else None


NONE = Number(defined=False, low=End(0), high=End(0))


def exactly(value: Term, defined: Formula = True) -> Number:  # noqa: FBT002 - a formula, not a switch
    """Make the number that is one."""
    return Number(defined, End(value), End(value))


def of_interval(interval: Interval) -> Number:
    """Make the number that a constant is."""
    low = End(0, far=True) if interval.low is None else End(interval.low)
    high = End(0, far=True) if interval.high is None else End(interval.high)
    return Number(defined=True, low=low, high=high)


def hull(values: Sequence[tuple[Formula, Term, Term]], defined: Formula) -> Number:
    """Give what holds the values (each with its low and high end) whose condition holds."""
    low: Term = 0
    high: Term = 0
    there: Formula = False
    for condition, least, most in values:
        fewer = logic.choose(there, logic.least(low, least), least) if there is not False else least
        more = logic.choose(there, logic.greatest(high, most), most) if there is not False else most
        low = logic.choose(condition, fewer, low) if there is not False else fewer
        high = logic.choose(condition, more, high) if there is not False else more
        there = logic.either(there, condition)
    return Number(defined, End(low), End(high))


def compare(left: Number, operator: Operator, right: Number) -> Fact:
    """Compare two numbers: unknown unless every choice of both gives one answer."""
    match operator:
        case "at_least":
            return _at_least(left, right)
        case "below":
            return logic.negated(_at_least(left, right))
        case "at_most":
            return _at_least(right, left)
        case "above":
            return logic.negated(_at_least(right, left))


def _at_least(left: Number, right: Number) -> Fact:
    there = logic.both(left.defined, right.defined)
    met = logic.both(
        there, logic.no(left.low.far), logic.no(right.high.far), logic.is_most(*_crossed(right.high, left.low))
    )
    failed = logic.both(
        there, logic.no(left.high.far), logic.no(right.low.far), logic.is_less(*_crossed(left.high, right.low))
    )
    return Fact(met, failed)


def _crossed(one: End, other: End) -> tuple[Term, Term]:
    return logic.times(one.over, other.under), logic.times(other.over, one.under)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _sum(one: End, other: End) -> End:
    far = logic.either(one.far, other.far)
    if isinstance(one.under, int) and isinstance(other.under, int) and one.under == other.under == 1:
        return End(logic.plus(one.over, other.over), 1, far)
    over = logic.plus(*_crossed(one, other))
    return End(over, logic.times(one.under, other.under), far)


def _minus(end: End) -> End:
    return End(logic.times(-1, end.over), end.under, end.far)


def minus(number: Number) -> Number:
    """Turn the sign."""
    return Number(number.defined, _minus(number.high), _minus(number.low))


def add(left: Number, right: Number) -> Number:
    """Add two numbers."""
    return Number(logic.both(left.defined, right.defined), _sum(left.low, right.low), _sum(left.high, right.high))


def subtract(left: Number, right: Number) -> Number:
    """Take a number from another."""
    return add(left, minus(right))


def scale(number: Number, factor: Fraction) -> Number:
    """Multiply by a number that is settled."""
    if factor == 0:
        return exactly(0, number.defined)
    low, high = (
        End(logic.times(factor, end.over), end.under, end.far)
        for end in ((number.low, number.high) if factor > 0 else (number.high, number.low))
    )
    return Number(number.defined, low, high)


def multiply(left: Number, right: Number) -> Number:
    """Multiply two numbers; of two that are open the least and the greatest of the corners."""
    for one, other in ((left, right), (right, left)):
        if one.exact is not None:
            return scale(other, one.exact)
    corners = [
        End(logic.times(a.over, b.over), logic.times(a.under, b.under))
        for a in (left.low, left.high)
        for b in (right.low, right.high)
    ]
    low = high = corners[0]
    for corner in corners[1:]:
        low, high = _pick(corner, low, lesser=True), _pick(corner, high, lesser=False)
    # What has no limit has none after it is multiplied: that is wider than need be, never narrower.
    far = logic.some(end.far for end in (left.low, left.high, right.low, right.high))
    defined = logic.both(left.defined, right.defined)
    return Number(defined, End(low.over, low.under, far), End(high.over, high.under, far))


def _pick(one: End, other: End, *, lesser: bool) -> End:
    crossed = _crossed(one, other) if lesser else _crossed(other, one)
    first = logic.is_most(*crossed)
    return End(logic.choose(first, one.over, other.over), logic.choose(first, one.under, other.under))


def outermost(left: Number, right: Number, *, lesser: bool) -> Number:
    """Give the lesser, or the greater, of two numbers."""
    low, high = (_pick(one, other, lesser=lesser) for one, other in ((left.low, right.low), (left.high, right.high)))
    far = [logic.both(a.far, b.far) if lesser else logic.either(a.far, b.far) for a, b in ((left.high, right.high),)]
    near = [logic.either(a.far, b.far) if lesser else logic.both(a.far, b.far) for a, b in ((left.low, right.low),)]
    # An end without a limit is not the one to be taken.
    low = _kept(left.low, right.low, low, near[0])
    high = _kept(left.high, right.high, high, far[0])
    return Number(logic.both(left.defined, right.defined), low, high)


def _kept(one: End, other: End, chosen: End, far: Formula) -> End:
    over = logic.choose(one.far, other.over, logic.choose(other.far, one.over, chosen.over))
    under = logic.choose(one.far, other.under, logic.choose(other.far, one.under, chosen.under))
    return End(over, under, far)


def divide(left: Number, right: Number) -> Number:
    """Divide two numbers; undefined where the divisor is or touches zero."""
    if right.exact is not None:
        return NONE if right.exact == 0 else scale(left, 1 / right.exact)
    above = logic.both(logic.is_less(0, right.low.over), logic.no(right.low.far))
    below = logic.both(logic.is_less(right.high.over, 0), logic.no(right.high.far))
    turned = _chosen(below, minus(left), left)
    by = _chosen(below, minus(right), right)
    # Of [a, b] by [c, d] above zero: a by the greater divisor if it is not below zero, else by the lesser; b likewise.
    low = _quotient(turned.low, logic.is_most(0, turned.low.over), by.high, by.low)
    high = _quotient(turned.high, logic.is_most(0, turned.high.over), by.low, by.high)
    defined = logic.both(left.defined, right.defined, logic.either(above, below))
    return Number(defined, low, high)


def _quotient(end: End, upper: Formula, one: End, other: End) -> End:
    """Divide an end by the first divisor where the condition holds, else by the second; without a limit it is 0."""
    over, under = logic.choose(upper, one.over, other.over), logic.choose(upper, one.under, other.under)
    far = logic.either(logic.both(upper, one.far), logic.both(logic.no(upper), other.far))
    total = logic.times(end.over, under)
    return End(logic.choose(far, 0, total), logic.choose(far, 1, logic.times(end.under, over)), end.far)


def _chosen(condition: Formula, one: Number, other: Number) -> Number:
    if isinstance(condition, bool):
        return one if condition else other

    def end(a: End, b: End) -> End:
        far = logic.either(logic.both(condition, a.far), logic.both(logic.no(condition), b.far))
        return End(logic.choose(condition, a.over, b.over), logic.choose(condition, a.under, b.under), far)

    return Number(
        logic.either(logic.both(condition, one.defined), logic.both(logic.no(condition), other.defined)),
        end(one.low, other.low),
        end(one.high, other.high),
    )


def total(numbers: Iterable[Number]) -> Number:
    """Add several numbers."""
    result = exactly(0)
    for number in numbers:
        result = add(result, number)
    return result
