"""How fast a dose was given: each part by its rate, by the step in which it began, by the part before, and together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from trialspec.quantity import Interval, compare, exactly, scale
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every, negate, some, verdict

if TYPE_CHECKING:
    from trialspec.findings.infusions import Infusion
    from trialspec.patient import Item
    from trialspec.program import DosePlan
    from trialspec.times import Zone
    from trialspec.vocabulary import Vocabulary


def too_fast(dose: Infusion, plan: DosePlan, vocabulary: Vocabulary, zone: Zone) -> Verdict:
    """Say whether a dose was given faster than the plan allows; what is not recorded leaves it open."""
    slow_enough = [
        *_below_the_greatest(dose, plan, vocabulary),
        *_by_steps(dose, plan, zone),
        *_after_interruptions(dose, plan, zone),
        *_long_enough(dose, plan, zone),
    ]
    return negate(every(slow_enough))


def _below_the_greatest(dose: Infusion, plan: DosePlan, vocabulary: Vocabulary) -> list[Verdict]:
    """Compare the rate of every part, held in the drug's unit per hour, with the greatest one."""
    if plan.rate_at_most is None:
        return []
    amount, _, span = plan.rate_unit.rpartition("/")
    term = vocabulary.get(plan.drug)
    held = plan.rate_at_most if term is None else term.convert(plan.rate_at_most, amount)
    if held is None:
        return [UNKNOWN]
    limit = scale(held, Fraction(IN_AN_HOUR[span]))
    return [_at_most(part, limit) for part in dose.parts]


IN_AN_HOUR = {"h": 1, "min": 60}


def _at_most(part: Item, limit: Interval) -> Verdict:
    rate = part.fields.get("rate")
    return compare(rate, "at_most", limit) if isinstance(rate, Interval) else UNKNOWN


def _by_steps(dose: Infusion, plan: DosePlan, zone: Zone) -> list[Verdict]:
    """Compare the rate of every part with that of the step in which it began."""
    steps = plan.rate_steps
    if steps is None:
        return []
    found = []
    for part in dose.parts:
        passed = _between(dose.when, part.when, zone)
        if part is dose.parts[0]:
            passed = _Seconds(0, 0)  # whenever it began
        ends = (steps.first + steps.up * (seconds // steps.every) for seconds in (passed.least, passed.most))
        found.append(agreed(_at_most(part, exactly(limit)) for limit in ends))
    return found


def _after_interruptions(dose: Infusion, plan: DosePlan, zone: Zone) -> list[Verdict]:
    """Compare the rate of every part that came after an interruption with a share of the rate before it."""
    if plan.resumed_at_most is None:
        return []
    found = []
    for before, after in pairwise(dose.parts):
        rate = before.fields.get("rate")
        limit = scale(rate, plan.resumed_at_most) if isinstance(rate, Interval) else None
        slow = UNKNOWN if limit is None else _at_most(after, limit)
        found.append(some((negate(_interrupted(before, after, zone)), slow)))
    return found


def _interrupted(before: Item, after: Item, zone: Zone) -> Verdict:
    """Say whether there was a pause between two parts: where one end is not known by the hour that is not known."""
    end = before.fields.get("end")
    if not isinstance(end, When):
        return UNKNOWN
    pause = _between(end, after.when, zone)
    return MET if pause.least > 0 else NOT_MET if pause.most <= 0 else UNKNOWN


def _long_enough(dose: Infusion, plan: DosePlan, zone: Zone) -> list[Verdict]:
    """Compare how long the parts took together with the least time for a dose."""
    limit = plan.lasts_at_least
    if limit is None or limit.seconds is None:
        return []
    least = most = 0
    for part in dose.parts:
        end = part.fields.get("end")
        if not isinstance(end, When):
            return [UNKNOWN]
        took = _between(part.when, end, zone)
        least, most = least + max(0, took.least), most + max(0, took.most)
    return [agreed((verdict(met=least >= limit.seconds), verdict(met=most >= limit.seconds)))]


@dataclass(frozen=True, slots=True)
class _Seconds:
    """How long something took, at the least and at the most."""

    least: int
    most: int


def _between(start: When, end: When, zone: Zone) -> _Seconds:
    (first, last), (soonest, latest) = start.span(zone), end.span(zone)
    return _Seconds(soonest - last, latest - first)
