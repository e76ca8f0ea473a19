"""How much a dose should have been: reckoned at its start, from body measures and the dose before, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from trialspec.interpreters.reading import NOTHING, Missing, Reading, earliest
from trialspec.interpreters.reference import read
from trialspec.quantity import Interval, add, compare, exactly, meet_least, nearest, scale, shown, subtract
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every, negate

if TYPE_CHECKING:
    from trialspec.findings.infusions import Infusion
    from trialspec.interpreters.reading import Question
    from trialspec.kernel import Expr
    from trialspec.program import Amount, DosePlan


@dataclass(frozen=True, slots=True)
class Range:
    """From the least through the greatest amount that is right; an end is `None` where it is not known at all.

    Each end may be an interval itself, where what it is reckoned from is not one number. One that is not `stated` holds
    every amount.
    """

    low: Interval | None
    high: Interval | None
    stated: bool = True

    def departs(self, given: Interval | None, within: Fraction) -> Verdict:
        """Say whether an amount lies outside, by more than a share; both ends are themselves right."""
        if not self.stated:
            return NOT_MET
        if given is None:
            return UNKNOWN
        low = UNKNOWN if self.low is None else compare(given, "at_least", scale(self.low, 1 - within))
        high = UNKNOWN if self.high is None else compare(given, "at_most", scale(self.high, 1 + within))
        return negate(every((low, high)))


@dataclass(frozen=True, slots=True)
class Planned:
    """The amounts that may have been the right one, and what they rest on; without any, no amount was stated for it."""

    ranges: tuple[Range, ...]
    within: Fraction
    readings: tuple[Reading, ...] = ()
    before: frozenset[Missing] = frozenset()

    @property
    def because(self) -> frozenset[str]:
        """The records that it was reckoned from."""
        return NOTHING.union(*(reading.because for reading in self.readings))

    @property
    def missing(self) -> frozenset[Missing]:
        """What would tell it."""
        return self.before.union(*(reading.missing for reading in self.readings))

    @property
    def until(self) -> int | None:
        """When it may next be reckoned otherwise."""
        return earliest(*(reading.until for reading in self.readings))

    def departs(self, given: Interval | None) -> Verdict:
        """Say whether an amount is wrong: unknown unless every one that may be right gives the same answer."""
        return agreed(each.departs(given, self.within) for each in self.ranges)

    def shown(self, plan: DosePlan) -> str:
        """Print the amount that was right, where it is known, and how it was reckoned."""
        if not plan.amounts or len(self.ranges) != 1:
            return plan.planned_amount
        (only,) = self.ranges
        low, high = (None if end is None else end.exact for end in (only.low, only.high))
        if low is None or high is None:
            return plan.planned_amount
        ends = shown(low) if low == high else f"{shown(low)} to {shown(high)}"
        return f"{ends} {plan.unit} ({plan.planned_amount})"


def planned_amount(plan: DosePlan, before: Infusion | None, question: Question) -> Planned:
    """Reckon the amount of a dose at its start; `before` is the dose of this drug before it."""
    if not plan.amounts:
        return Planned((_flat(plan.amount),), plan.amount_within)
    ranges: list[Range] = []
    readings: list[Reading] = []
    missing = frozenset[Missing]()
    for amount in plan.amounts:
        when = MET
        if amount.when is not None:
            readings.append(read(amount.when, question))
            when = readings[-1].verdict
        if when is NOT_MET:
            continue
        made, own = _reckoned(amount, before, question)
        ranges.append(made)
        readings += own
        if amount.of_last is not None and (before is None or before.amount is None):
            missing |= {Missing(f"the amount of {plan.drug} before")}
        if when is MET:
            break
    return Planned(tuple(ranges), plan.amount_within, tuple(readings), missing)


def _flat(amount: Interval | None) -> Range:
    if amount is None:
        return Range(None, None, stated=False)
    low, high = (None if end is None else exactly(end) for end in (amount.low, amount.high))
    return Range(low, high)


def _reckoned(amount: Amount, before: Infusion | None, question: Question) -> tuple[Range, list[Reading]]:
    if not amount.stated:
        return Range(None, None, stated=False), []
    readings: dict[int, Reading] = {}

    def value(expr: Expr | None) -> Interval | None:
        if expr is None:
            return None
        reading = readings.setdefault(id(expr), read(expr, question))
        return reading.value if isinstance(reading.value, Interval) else None

    last = None
    if amount.of_last is not None and before is not None and before.amount is not None:
        last = scale(before.amount, amount.of_last)
    ends: list[Interval | None] = []
    for expr, upward in ((amount.least, False), (amount.most, True)):
        end = value(expr)
        if amount.of_last is not None:
            change = exactly(0) if expr is None else end
            reckon = subtract if amount.minus else add
            end = None if last is None or change is None else reckon(last, change)
        if end is not None and amount.no_more_than is not None:
            most = value(amount.no_more_than)
            end = None if most is None else meet_least((end, most), ())
        if end is not None and amount.step is not None:
            end = nearest(end, amount.step, upward=upward)
        ends.append(end)
    low, high = ends
    return Range(low, high), list(readings.values())
