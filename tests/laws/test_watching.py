"""Law 3, and law 1 for journals, over generated protocols: what is watched is what is reported, however it comes in."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.protocols import Written, written
from tests.laws.streams import stream
from tests.laws.watched import (
    Watch,
    another_may_judge,
    checked,
    journal_of,
    order_decides_nothing,
    otherwise,
    stopping_changes_nothing,
    stops,
    time_may_jump,
    watch,
)
from trialspec.alerts import fold
from trialspec.findings import Subject
from trialspec.interpreters.strategies import drawn
from trialspec.patient import Timeline

pytestmark = pytest.mark.slow

# One example is a protocol that is loaded, some ten whole reports, and a watch or two.
_PROFILE = settings.default.max_examples if settings.default else 100
quarter = settings(max_examples=_PROFILE // 4)
tenth = settings(max_examples=_PROFILE // 10)


@quarter
@given(drawn(watch))
def test_what_is_watched_is_what_is_reported(watch: Watch) -> None:
    """After every batch, at what is due, a second before and a second after, alerts are those of a report."""
    checked(watch)
    assert watch.of.protocol.incidents == ()


@quarter
@given(drawn(watch), st.data())
def test_stopping_and_starting_changes_nothing(watch: Watch, data: st.DataObject) -> None:
    """The journal of a watch that is stopped and started anywhere is that of one that never stopped."""
    stopping_changes_nothing(watch, data.draw(drawn(stops, watch)))


@quarter
@given(drawn(watch), st.data())
def test_order_and_batches_decide_nothing(watch: Watch, data: st.DataObject) -> None:
    """At each instant the alerts, the journal folded and what is due are the same in any order, batched in any way."""
    order_decides_nothing(watch, data.draw(drawn(otherwise, watch)))


@tenth
@given(drawn(watch))
def test_time_may_jump(watch: Watch) -> None:
    """All that came told at once at the end, or before it happened, leads to the same alerts without any tick."""
    time_may_jump(watch)


@tenth
@given(drawn(watch), drawn(written), st.integers(0, 9))
def test_another_protocol_may_judge(watch: Watch, other: Written, after: int) -> None:
    """From the step at which another protocol judges, the alerts are those of its reports."""
    another_may_judge(watch, other, after % len(watch.stream.steps))
