"""Law 6, for time: moving a whole patient by whole days changes nothing that does not speak of the calendar."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from trialspec.interpreters.reading import Reading
from trialspec.interpreters.reference import read
from trialspec.patient import FAR, Item
from trialspec.quantity import Codes, Interval
from trialspec.testing.generated.expressions import statement
from trialspec.testing.strategies import STEADY, Asked, Idiom, asked
from trialspec.times import DAY, When, Zone
from trialspec.truth import Verdict

# The calendar repeats: the same weekdays, the same leap years.
REPEATS = 146_097


@dataclass(frozen=True, slots=True)
class Moved:
    """A question, and by how many days all of it is moved."""

    asked: Asked
    days: int


def moved(when: When, days: int) -> When:
    if when.last >= FAR:
        return replace(when, first=when.first if when.first >= FAR else when.first + days)
    return When(when.first + days, when.last + days, tuple(instant + DAY * days for instant in when.instants))


def _item(item: Item, days: int) -> Item:
    fields = {name: moved(value, days) if isinstance(value, When) else value for name, value in item.fields.items()}
    end = None if item.end is None else moved(item.end, days)
    return replace(item, when=moved(item.when, days), visible=moved(item.visible, days), end=end, fields=fields)


def days_decide_nothing(case: Moved) -> None:
    """Fail if the same patient, so many days later, gets another answer."""
    question, days = case.asked.question, case.days
    items = tuple(_item(item, days) for item in question.timeline.items)
    later = replace(
        question,
        timeline=replace(question.timeline, items=items),
        at=question.at + DAY * days,
        dose=None if question.dose is None else moved(question.dose, days),
    )
    before, after = read(case.asked.expr, question), read(case.asked.expr, later)
    assert _plain(before) == _plain(after)
    if before.until is None or after.until is None or before.until < question.at + DAY * REPEATS:
        assert before.until == (None if after.until is None else after.until - DAY * days)


def _plain(reading: Reading) -> tuple[Verdict | None, Interval | None, frozenset[str]]:
    assert not isinstance(reading.value, Codes | When | Interval)
    return reading.value, reading.margin, reading.because


@st.composite
def moves(draw: DrawFn, questions: st.SearchStrategy[Asked], days: st.SearchStrategy[int]) -> Moved:
    """Draw a question and a number of days."""
    return Moved(draw(questions), draw(days))


WITHOUT_DATES = Idiom(dates=False)
ONLY_DAYS = Idiom(dates=False, months=False)


@given(moves(asked(statement, STEADY, WITHOUT_DATES), st.just(REPEATS)))
def test_four_hundred_years_change_nothing(case: Moved) -> None:
    """Shifting every event by 146 097 days (400 years) changes nothing in a zone without clock changes."""
    days_decide_nothing(case)


@given(moves(asked(statement, STEADY, ONLY_DAYS), st.sampled_from((1, -1, 30, 59, -366, 1000))))
def test_whole_days_change_nothing(case: Moved) -> None:
    """By other whole days nothing changes where no months, years, ages or fixed dates are used."""
    days_decide_nothing(case)


def test_the_zones_without_clock_changes_have_none() -> None:
    """The zones that these laws use tell the time in one way at both ends of the shift."""
    for calendar in STEADY:
        zone: Zone = calendar.zone
        for day in range(calendar.today - 400, calendar.today + 400):
            assert zone.start_of(day + 1) - zone.start_of(day) == DAY
            assert zone.start_of(day + REPEATS) - zone.start_of(day) == DAY * REPEATS
