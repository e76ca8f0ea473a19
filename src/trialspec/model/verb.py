"""What every verb is: the one key of a criterion that says what is asked, and how it becomes an expression."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from itertools import product
from typing import ClassVar

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Fold, Select
from trialspec.model.parts import CountLimits, Sourced, Windowed
from trialspec.model.points import OPERATORS
from trialspec.model.scope import At
from trialspec.quantity import Interval, Operator
from trialspec.truth import UNKNOWN

VERBS: dict[str, type[Verb]] = {}
"""Every built-in verb; a class that names its `verb` is one."""


class Verb(Sourced):
    """A criterion: one verb, and the keys that modify it."""

    verb: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Enter the verb."""
        super().__pydantic_init_subclass__(**kwargs)
        if "verb" in cls.__dict__:
            VERBS[cls.verb] = cls

    @abstractmethod
    def expand(self, at: At) -> Expr:
        """Say it in the nodes of the kernel, each with its place."""


class Counting(Verb, Windowed, CountLimits):
    """A verb whose limits are counts."""

    def counted(self, at: At, fold: Fold) -> Expr:
        """Compare a count with each of its limits; two of them make a range."""
        found: list[tuple[Operator, str, Constant]] = [
            (side, "", at[side].number(getattr(self, side))) for side in OPERATORS if getattr(self, side) is not None
        ]
        if not found:
            at.report(
                "no-threshold", "a count is compared with nothing", "add `at_least`, `at_most`, `above` or `below`"
            )
        whole(at, found)
        at.reachable(found, Fraction(0), None, "a count")
        return at.compared(lambda _: fold, found)


def whole(at: At, found: list[tuple[Operator, str, Constant]]) -> None:
    """Report two limits of a count between which there is no whole number."""
    ends = {side: int(constant.value.exact or 0) for side, _, constant in found if isinstance(constant.value, Interval)}
    for low, high in product(ends.keys() & {"above", "at_least"}, ends.keys() & {"below", "at_most"}):
        least, most = ends[low] + (low == "above"), ends[high] - (high == "below")
        if least > most:
            message = f"no number is {low.replace('_', ' ')} {ends[low]} and {high.replace('_', ' ')} {ends[high]}"
            at[high].report("threshold-conflict", message, "the lower limit lies below the upper one")


def exists(select: Select, at: At) -> Expr:
    """Say that there is at least one such item."""
    return Compare(Fold("count", select, place=at.place), "at_least", at.number(1), at.place)


def every_one(parts: tuple[Expr, ...], at: At) -> Expr:
    """Say that all are met."""
    return parts[0] if len(parts) == 1 else AtLeast(len(parts), parts, place=at.place)


def nothing(at: At) -> Constant:
    """Stand in for what was reported."""
    return Constant(UNKNOWN, place=at.place)
