"""The reference against brute force: what it is certain of holds in every way things may have been."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.agreement.possible_worlds import Answer, Choose, answer, explore, limits_of, settle
from tests.laws.asking import Read
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.kernel import Compare, Fold
from trialspec.quantity import Interval
from trialspec.testing.generated.expressions import number
from trialspec.testing.strategies import Asked, asked
from trialspec.truth import MET, UNKNOWN

WAYS = 40


@dataclass(frozen=True)
class Explored:
    """A question, and the seed by which ways are drawn where there are too many to go."""

    asked: Asked
    seed: int

    @cached_property
    def ways(self) -> tuple[list[Answer], bool]:
        """The answer in every way things may have been (then the second part is true), or in many drawn ones."""
        question, limits = self.asked.question, limits_of(self.asked.expr)

        def one(choose: Choose) -> Answer:
            way = settle(question.timeline, question.dose, question.at, limits, choose)
            return answer(self.asked.expr, way)

        return explore(one, WAYS, self.seed)


@st.composite
def explorations(draw: DrawFn, questions: st.SearchStrategy[Asked]) -> Explored:
    """Draw a question and a seed."""
    return Explored(draw(questions), draw(st.integers(0, 9)))


def is_sound(case: Explored, read: Read = read) -> None:
    """Fail if the reference is certain of something that is otherwise in one of the ways."""
    verdict = read(case.asked.expr, case.asked.question).verdict
    if verdict is not UNKNOWN:
        answers, _ = case.ways
        assert set(answers) == {verdict is MET}, f"{verdict}, but there is a way to {set(answers)}"


def is_sharp(case: Explored, read: Read = read) -> None:
    """Fail if all ways there are give one answer, and the reference does not know it.

    Only for one comparison of one number with one limit: of several statements about the same records, Kleene's logic
    knows less than all ways together. And not on the last date of a partial one: it is sure to have come only after it.
    """
    expr = case.asked.expr
    if not (isinstance(expr, Compare) and isinstance(expr.left, Fold) and expr.left.how == "count"):
        return
    if _on_a_last_date(case.asked.question):
        return
    if read(expr, case.asked.question).verdict is UNKNOWN:
        answers, all_of_them = case.ways
        assert not all_of_them or len(set(answers)) > 1 or None in answers, f"unknown, but every way is {answers[0]}"


def _on_a_last_date(question: Question) -> bool:
    today = question.timeline.zone.date_of(question.at)
    times = [when for item in question.timeline.items for when in (item.when, item.visible)]
    return any(when.first < when.last == today for when in times)


def holds_number(case: Explored, read: Read = read) -> None:
    """Fail if a number is, in one of the ways, not in the interval that the reference gives."""
    value = read(case.asked.expr, case.asked.question).value
    if isinstance(value, Interval):
        for found in case.ways[0]:
            assert isinstance(found, Fraction), f"{value}, but there is a way to {found}"
            assert _holds(value, found), f"{value}, but there is a way to {found}"


def _holds(interval: Interval, number: Fraction) -> bool:
    above = interval.low is None or number > interval.low or (number == interval.low and not interval.low_open)
    below = interval.high is None or number < interval.high or (number == interval.high and not interval.high_open)
    return above and below


@given(explorations(asked()))
def test_what_is_certain_holds_in_every_way(case: Explored) -> None:
    """A `met` is true, and a `not_met` false, in every way in which the records may have come about."""
    is_sound(case)


@given(explorations(asked()))
def test_what_every_way_agrees_on_is_known(case: Explored) -> None:
    """A single count that comes out alike in every way is not unknown."""
    is_sharp(case)


@given(explorations(asked(number)))
def test_a_number_is_inside_its_interval_in_every_way(case: Explored) -> None:
    """In every way in which the records may have come about, a number is in the interval that was given."""
    holds_number(case)
