"""The machine drives a system and finds what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from trialspec import evaluation
from trialspec.testing import Live, ProtocolMachine
from trialspec.testing.draft import Raw

DEMO = evaluation.load(Path(__file__).parent.parent / "cli" / "demo")
pytestmark = pytest.mark.slow
# Without shrinking: that a mistake is found is what is asked here.
few = settings(max_examples=10, stateful_step_count=6, deadline=None, database=None, phases=[Phase.generate])


class Deaf(Live):
    """A system that does not take in what is taken back."""

    def feed(self, raws: Sequence[Raw]) -> None:
        super().feed([raw for raw in raws if raw.get("status") != "entered_in_error"])


class Stuck(Live):
    """A system for which no time goes on."""

    def tick(self, at: int) -> None:
        pass


def test_the_live_engine_agrees() -> None:
    run_state_machine_as_test(ProtocolMachine.over(DEMO), settings=few)


@pytest.mark.parametrize("wrong", [Deaf, Stuck])
def test_what_is_wrong_is_found(wrong: type[Live]) -> None:
    machine = ProtocolMachine.over(DEMO, lambda: wrong(DEMO))
    many = settings(few, max_examples=200, stateful_step_count=10)
    with pytest.raises(AssertionError, match="raised"):
        run_state_machine_as_test(machine, settings=many)
