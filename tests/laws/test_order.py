"""Law 1: neither the order in which records stand nor what they are called ever decides."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.laws.asking import Read
from trialspec.interpreters.reference import read
from trialspec.patient import Item
from trialspec.testing.strategies import Asked, asked


@dataclass(frozen=True, slots=True)
class Reordered:
    """A question, and the order and names in which the same items come again."""

    asked: Asked
    order: tuple[int, ...]


@st.composite
def reorderings(draw: DrawFn) -> Reordered:
    """Draw a question and a permutation of its items."""
    drawn = draw(asked())
    return Reordered(drawn, tuple(draw(st.permutations(range(len(drawn.question.timeline.items))))))


def order_decides_nothing(case: Reordered, read: Read = read) -> None:
    """Fail if items in another order give another reading."""
    question = case.asked.question
    items = tuple(question.timeline.items[index] for index in case.order)
    again = replace(question, timeline=replace(question.timeline, items=items))
    assert read(case.asked.expr, question) == read(case.asked.expr, again)


def names_decide_nothing(case: Reordered, read: Read = read) -> None:
    """Fail if the same items under other ids give another value, `until` or margin."""
    question = case.asked.question

    def renamed(item: Item, number: int) -> Item:
        return replace(item, id=f"x{number}", sources=frozenset({f"x{number}"}))

    items = tuple(renamed(item, number) for item, number in zip(question.timeline.items, case.order, strict=True))
    before = read(case.asked.expr, question)
    after = read(case.asked.expr, replace(question, timeline=replace(question.timeline, items=items)))
    assert (before.value, before.until, before.margin) == (after.value, after.until, after.margin)


@given(reorderings())
def test_order_decides_nothing(case: Reordered) -> None:
    """The same set of items gives the same reading, whatever their order."""
    order_decides_nothing(case)


@given(reorderings())
def test_names_decide_nothing(case: Reordered) -> None:
    """The same items under other ids give the same value, `until` and margin."""
    names_decide_nothing(case)
