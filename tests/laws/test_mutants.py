"""The test of the tests: every evaluator that is wrong on purpose is found out, and soon."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random

import pytest

from tests.agreement.test_possible_worlds import Explored, is_sharp, is_sound
from tests.laws.asking import Read
from tests.laws.mutants import MUTANTS, Mutant, evaluator
from tests.laws.test_order import Reordered, names_decide_nothing, order_decides_nothing
from tests.laws.test_sharpening import Sharpened, only_resolves
from tests.laws.test_support import suffices
from tests.laws.test_until import comes_to_rest, holds_until
from trialspec.interpreters.reference import read
from trialspec.testing.generated.expressions import Form, statement
from trialspec.testing.generated.questions import question
from trialspec.testing.generated.sharpening import sharpened

# How many cases a mistake may take to be noticed.
CASES = {"value": 2_000, "until": 1_000, "because": 1_000}


@dataclass(frozen=True, slots=True)
class Case:
    """All that the laws need of one question."""

    explored: Explored
    sharpened: Sharpened
    reordered: Reordered


def case(random: Random, forms: Sequence[Form], most: int = 14) -> Case:
    """Give a question, ways to explore it, a sharpening and an order."""
    asked = question(random.randrange, partial(statement, depth=1, forms=forms), most=most)
    timeline = asked.question.timeline
    order = random.sample(range(len(timeline.items)), len(timeline.items))
    sharper = sharpened(random.randrange, timeline, asked.calendar)
    return Case(Explored(asked, random.randrange(9)), Sharpened(asked, sharper), Reordered(asked, tuple(order)))


@cache
def cases(forms: Sequence[Form], most: int, number: int) -> list[Case]:
    """The cases that all mutants of some forms are tried on."""
    return [case(Random(seed), forms, most) for seed in range(number)]


def laws(case: Case, mutant: Mutant, read: Read) -> Iterator[Callable[[], None]]:
    """The laws that a mistake may break, the quick ones first."""
    match mutant.in_:
        case "value":
            yield partial(is_sound, case.explored, read)
            yield partial(is_sharp, case.explored, read)
            yield partial(only_resolves, case.sharpened, read)
            yield partial(order_decides_nothing, case.reordered, read)
            yield partial(names_decide_nothing, case.reordered, read)
        case "until":
            yield partial(holds_until, case.explored.asked, read)
            yield partial(comes_to_rest, case.explored.asked, read)
        case "because":
            yield partial(suffices, case.explored.asked, read)


def noticed(mutant: Mutant, cases: Sequence[Case]) -> int:
    """Give the number of the case at which a law notices that an evaluator is wrong; 0 if none does."""
    read = evaluator(mutant)
    for number, each in enumerate(cases, 1):
        for law in laws(each, mutant, read):
            try:
                law()
            except AssertionError:
                return number
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
def test_a_mistake_is_noticed(mutant: Mutant) -> None:
    """Each mistake breaks a law within some hundreds of cases."""
    assert noticed(mutant, cases(mutant.forms, mutant.most, CASES[mutant.in_]))


@pytest.mark.slow
@pytest.mark.parametrize("in_", ["value", "until", "because"])
def test_the_copy_without_a_mistake_breaks_no_law(in_: str) -> None:
    """The reference, copied as the mutants are with nothing changed, passes: what is noticed is the mistake."""
    same = Mutant("none", "truth.py", "def negate(", "def negate(", in_=in_)  # type: ignore[arg-type]  # the three
    assert evaluator(same) is not read
    assert not noticed(same, cases((), 14, CASES[in_] // 8))
