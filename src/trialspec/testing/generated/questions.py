"""Generated questions: an expression, a timeline with the things it speaks of, and an instant close to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trialspec.interpreters.reading import Question
from trialspec.kernel import Expr
from trialspec.testing.generated.choices import Choose, chance, coin, one_of
from trialspec.testing.generated.expressions import FREELY, Idiom, statement, subjects
from trialspec.testing.generated.records import CALENDARS, Calendar, instant, time_near, timeline
from trialspec.times import at_instant


@dataclass(frozen=True, slots=True)
class Asked:
    """An expression and the question that it is asked with."""

    expr: Expr
    question: Question
    calendar: Calendar


def question(
    choose: Choose,
    expression: Callable[[Choose, Idiom], Expr] = statement,
    calendars: Sequence[Calendar] = CALENDARS,
    idiom: Idiom = FREELY,
    most: int = 14,
) -> Asked:
    """Give an expression and a question to ask it with, of at most so many records."""
    calendar = one_of(choose, calendars)
    idiom = replace(idiom, calendar=calendar)
    expr = expression(choose, idiom)
    records = timeline(choose, calendar, about=sorted(subjects(expr)), most=most)
    at = instant(choose, records, calendar)
    dose = None
    if idiom.doses and chance(choose, 30):
        dose = at_instant(at, calendar.zone) if coin(choose) else time_near(choose, calendar)
    return Asked(expr, Question(records, at, dose), calendar)
