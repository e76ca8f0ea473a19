"""Hypothesis strategies for well-typed questions about patients: the generators behind every law.

What they draw is made in `trialspec.testing.generated`. Here Hypothesis makes the choices, and so can shrink a
question that breaks a law to the plainest one that does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from hypothesis import strategies as st

from trialspec.testing.generated.expressions import FREELY, Idiom, number, statement
from trialspec.testing.generated.questions import Asked, question
from trialspec.testing.generated.records import CALENDARS, STEADY, Calendar, timeline
from trialspec.testing.generated.sharpening import sharpened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from trialspec.kernel import Expr
    from trialspec.patient import Timeline
    from trialspec.testing.generated.choices import Choose

__all__ = [
    "CALENDARS",
    "STEADY",
    "Asked",
    "Calendar",
    "Idiom",
    "asked",
    "drawn",
    "numbers",
    "sharper",
    "statements",
    "timelines",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def drawn(make: Callable[Concatenate[Choose, _P], _T], /, *args: _P.args, **named: _P.kwargs) -> SearchStrategy[_T]:
    """Draw what a function makes of choices."""

    @st.composite
    def made(draw: DrawFn) -> _T:
        return make(lambda number: draw(_below(number)), *args, **named)

    return made()


@lru_cache
def _below(number: int) -> SearchStrategy[int]:
    # Made once: to make a strategy costs more than to draw from it.
    return st.integers(0, number - 1)


def statements(idiom: Idiom = FREELY, depth: int = 2) -> SearchStrategy[Expr]:
    """Draw well-typed kernel expressions whose value is a verdict."""
    return drawn(statement, idiom, depth)


def numbers(idiom: Idiom = FREELY, depth: int = 1) -> SearchStrategy[Expr]:
    """Draw well-typed kernel expressions whose value is a number."""
    return drawn(number, idiom, depth)


def timelines(calendar: Calendar = STEADY[0]) -> SearchStrategy[Timeline]:
    """Draw timelines with ties, partial dates, censored and untrusted values, denials and open existence."""
    return drawn(timeline, calendar)


def asked(
    expression: Callable[[Choose, Idiom], Expr] = statement,
    calendars: Sequence[Calendar] = CALENDARS,
    idiom: Idiom = FREELY,
) -> SearchStrategy[Asked]:
    """Draw expressions with a timeline of the things they speak of, and an instant close to them."""
    return drawn(question, expression, calendars, idiom)


def sharper(timeline: Timeline, calendar: Calendar = STEADY[0]) -> SearchStrategy[Timeline]:
    """Draw timelines that say more than this one, and contradict nothing."""
    return drawn(sharpened, timeline, calendar)
