"""Law 5: records that say more, and contradict nothing, change no answer that was certain."""

from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.laws.asking import Read
from trialspec.interpreters.reference import read
from trialspec.patient import Timeline
from trialspec.quantity import Interval
from trialspec.testing.generated.expressions import number
from trialspec.testing.strategies import Asked, asked, sharper
from trialspec.truth import UNKNOWN


@dataclass(frozen=True, slots=True)
class Sharpened:
    """A question, and the same patient's timeline with more said."""

    asked: Asked
    sharper: Timeline


@st.composite
def sharpenings(draw: DrawFn, questions: st.SearchStrategy[Asked]) -> Sharpened:
    """Draw a question and a sharpening of its timeline."""
    drawn = draw(questions)
    return Sharpened(drawn, draw(sharper(drawn.question.timeline, drawn.calendar)))


def only_resolves(case: Sharpened, read: Read = read) -> None:
    """Fail if a `met` or `not_met` is not the same after sharpening."""
    before = read(case.asked.expr, case.asked.question)
    after = read(case.asked.expr, replace(case.asked.question, timeline=case.sharper))
    assert before.verdict is UNKNOWN or after.verdict is before.verdict, f"{before.verdict} became {after.verdict}"


def only_narrows(case: Sharpened, read: Read = read) -> None:
    """Fail if a number leaves the interval that it was in before sharpening."""
    before = read(case.asked.expr, case.asked.question).value
    after = read(case.asked.expr, replace(case.asked.question, timeline=case.sharper)).value
    if isinstance(before, Interval):
        assert isinstance(after, Interval), f"{before} became {after}"
        assert inside(after, before), f"{before} became {after}"


def inside(part: Interval, whole: Interval) -> bool:
    """Whether every number of one interval is in another."""
    below = whole.low is None or (part.low is not None and _low(part) >= _low(whole))
    above = whole.high is None or (part.high is not None and _high(part) <= _high(whole))
    return below and above


def _low(interval: Interval) -> tuple[Fraction, bool]:
    return interval.low or Fraction(0), interval.low_open


def _high(interval: Interval) -> tuple[Fraction, bool]:
    return interval.high or Fraction(0), not interval.high_open


@given(sharpenings(asked()))
def test_sharpening_only_resolves(case: Sharpened) -> None:
    """Replacing a value, date or silence by something inside what it allowed changes no `met` or `not_met`."""
    only_resolves(case)


@given(sharpenings(asked(number)))
def test_sharpening_only_narrows(case: Sharpened) -> None:
    """The same for a number: sharper records give a number inside the interval that was given before."""
    only_narrows(case)
