"""What a search for records goes by: who chooses, how many steps are left, and what else is still to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations

from trialspec.kernel import AtLeast, Not
from trialspec.quantity import Interval
from trialspec.testing.draft import Draft, Goal
from trialspec.testing.generated.choices import Choose
from trialspec.testing.writing import Style
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, negate

MOST_WAYS = 24
_MOST_STEPS = 400


class UnreachableError(Exception):
    """No patient could be made for what was asked: which goal could not be reached, beside which others."""


class SpentError(Exception):
    """A search has taken too many steps."""


# Gives the drafts in which a statement reads as wanted.
Reach = Callable[[Goal, Draft, "Search"], Iterator[Draft]]


@dataclass
class Search:
    """What a search goes by: who chooses, how statements are reached, whether plain things come first, what is left.

    `reach` is handed down, so that what makes records can ask for a statement on which these depend.
    """

    choose: Choose
    reach: Reach
    vary: bool = False
    style: Style | None = None
    steps: int = _MOST_STEPS
    pending: tuple[Goal, ...] = ()
    alike: Mapping[str, frozenset[str]] = field(default_factory=dict)
    stuck: dict[int, int] = field(default_factory=dict)

    def step(self) -> None:
        """Count one step."""
        self.steps -= 1
        if self.steps < 0:
            raise SpentError

    def any_order(self, ways: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        """Give ways beginning anywhere; the first is the plainest."""
        if not ways:
            return
        start = self.choose(len(ways))
        yield from ways[start:]
        yield from ways[:start]


def apart(goals: Sequence[Goal]) -> list[Goal]:
    """Take goals apart that all have to be reached; those with no choice come first."""
    found: list[Goal] = []
    for goal in goals:
        match goal.expr, goal.wanted:
            case Not(of=of), _:
                found += apart([replace(goal, expr=of, wanted=negate(goal.wanted))])
            case AtLeast(number, of), verdict if verdict is MET and number == len(of):
                found += apart([replace(goal, expr=part) for part in of])
            case AtLeast(1, of), verdict if verdict is NOT_MET:
                found += apart([replace(goal, expr=part) for part in of])
            case _:
                found.append(goal)
    unknown = [goal for goal in found if goal.wanted is UNKNOWN]
    plain = [goal for goal in found if goal.wanted is not UNKNOWN and not isinstance(goal.expr, AtLeast)]
    other = [goal for goal in found if goal.wanted is not UNKNOWN and isinstance(goal.expr, AtLeast)]
    return [*plain, *other, *unknown] if not unknown else [*unknown, *plain, *other]


def all_of(parts: tuple[Goal, ...], draft: Draft, search: Search) -> Iterator[Draft]:
    """Reach several statements; they stay settled only for as long as it takes."""
    if not parts:
        yield draft
        return
    before, pending = draft.settled, search.pending
    search.pending = (*parts[1:], *pending)
    for reached in search.reach(parts[0], draft, search):
        for whole in all_of(parts[1:], reached.settle(parts[0]), search):
            yield whole.settling(before)
        search.pending = (*parts[1:], *pending)
    search.pending = pending


def subsets(number: int, size: int) -> list[tuple[int, ...]]:
    """Give some of the ways to choose so many of a number."""
    found: list[tuple[int, ...]] = []
    for each in combinations(range(number), max(size, 0)):
        found.append(each)
        if len(found) >= MOST_WAYS:
            break
    return found


def number_of(value: object) -> Interval | None:
    """Give a value as the numbers it may be, a date as its ordinals."""
    if isinstance(value, When):
        return Interval(Fraction(value.first), Fraction(value.last))
    return value if isinstance(value, Interval) else None
