"""Choices, by weight: the source of all that is generated, whoever makes them.

Hypothesis makes them in `trialspec.testing.strategies`, and shrinks them: a lower number is a plainer thing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

# Gives a number below another.
Choose = Callable[[int], int]


def any_of(choose: Choose, *weighted: tuple[int, _T]) -> _T:
    """Give one of several things by weight; the first is the plainest."""
    number = choose(sum(weight for weight, _ in weighted))
    for weight, thing in weighted:
        number -= weight
        if number < 0:
            return thing
    return weighted[-1][1]


def one_of(choose: Choose, things: Sequence[_T]) -> _T:
    """Give one of several things, each as likely as the other."""
    return things[choose(len(things))]


def between(choose: Choose, low: int, high: int) -> int:
    """Give a number from low to high, both included."""
    return low + choose(high - low + 1)


def coin(choose: Choose) -> bool:
    """Give yes or no."""
    return choose(2) == 1


def chance(choose: Choose, percent: int) -> bool:
    """Give yes so many times in a hundred."""
    return choose(100) >= 100 - percent
