"""The test of the test: every monitor that is wrong on purpose is found out, and soon."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from tests.laws.monitor_mutants import MUTANTS, Law, Mutant, inside
from tests.laws.watched import case
from trialspec.testing.watching import (
    Make,
    Watch,
    checked,
    order_decides_nothing,
    otherwise,
    stopping_changes_nothing,
    stops,
    time_may_jump,
)

pytestmark = pytest.mark.slow

# How many watches a mistake may take to be noticed.
CASES = 100


def laws(number: int, which: tuple[Law, ...], make: Make, watch: Watch | None = None) -> Iterator[Callable[[], object]]:
    """The laws that a mistake may break, for the watch of a number or one of its own."""
    watch = replace(watch or case(number), make=make)
    for law in which:
        choose = Random(number).randrange
        match law:
            case "reported":
                yield partial(checked, watch)
            case "stopping":
                yield partial(stopping_changes_nothing, watch, stops(choose, watch))
            case "order":
                yield partial(order_decides_nothing, watch, otherwise(choose, watch))
            case "jump":
                yield partial(time_may_jump, watch)


def noticed(mutant: Mutant) -> int:
    """Give the number of a watch by which a law notices that a monitor is wrong; 0 if none does."""
    numbers: tuple[int, ...] = (mutant.watches - 1, *range(CASES)) if mutant.own is None else (0,)
    for number in numbers:
        for law in laws(number, mutant.laws, mutant.make, mutant.own):
            try:
                law()
            except AssertionError:
                return number + 1
    return 0


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake.replace(" ", "-"))
def test_a_mistake_is_noticed(mutant: Mutant) -> None:
    """Each mistake breaks a law within so many watches."""
    assert noticed(mutant)


def test_the_monitor_without_a_mistake_breaks_no_law() -> None:
    """The monitor, copied as the mutants are with nothing changed, passes: what is noticed is the mistake."""
    copied = inside("monitor.py", "def _tidy(self)", "def _tidy(self)")
    # Those in which mistakes are noticed, so that none is noticed for another reason.
    for number, law in {(mutant.watches - 1, law) for mutant in MUTANTS if mutant.own is None for law in mutant.laws}:
        for holds in laws(number, (law,), copied):
            holds()
    for mutant in MUTANTS:
        for holds in laws(0, mutant.laws, copied, mutant.own) if mutant.own is not None else ():
            holds()
