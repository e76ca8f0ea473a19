"""Three-valued truth: strong Kleene, where *A or not A* is unknown when A is."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(Enum):
    """What is known of a statement about a patient."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        """Return the word that reports and cases use."""
        return self.value


MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN


def negate(verdict: Verdict) -> Verdict:
    """Turn met into not met and back; unknown stays unknown."""
    if verdict is UNKNOWN:
        return UNKNOWN
    return NOT_MET if verdict is MET else MET


def at_least(number: int, verdicts: Iterable[Verdict]) -> Verdict:
    """Say whether `number` of the verdicts are met, whatever the unknown ones turn out to be."""
    seen = list(verdicts)
    if seen.count(MET) >= number:
        return MET
    return NOT_MET if len(seen) - seen.count(NOT_MET) < number else UNKNOWN


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """Say whether all are met; of none, met."""
    answer = MET
    for verdict in verdicts:
        if verdict is NOT_MET:
            return NOT_MET
        if verdict is UNKNOWN:
            answer = UNKNOWN
    return answer


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Say whether one is met; of none, not met."""
    return at_least(1, verdicts)


def agreed(verdicts: Iterable[Verdict]) -> Verdict:
    """Give what all agree on, else unknown: the answer over several possible worlds."""
    seen = set(verdicts)
    return seen.pop() if len(seen) == 1 else UNKNOWN


def verdict(*, met: bool) -> Verdict:
    """Make a verdict of a certainty."""
    return MET if met else NOT_MET
