"""Generated protocols load; those that are broken are refused, each with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from trialspec.diagnostics import ProtocolError
from trialspec.testing import UnreachableError, Wish, Written, make, nearly_protocols, protocols


@settings(max_examples=40)
@given(protocols())
def test_protocols_are_well_formed(written: Written) -> None:
    loaded = written.load()
    assert 1 <= len(loaded.program.criteria) <= 5
    try:
        made = make(loaded, Wish(eligible=None, treated=True), lambda _: 0)
    except UnreachableError:
        return
    assert made.report().alerts is not None


@settings(max_examples=40)
@given(nearly_protocols())
def test_nearly_protocols_are_refused(written: Written) -> None:
    with pytest.raises(ProtocolError) as raised:
        written.load()
    assert all(each.message for each in raised.value.diagnostics), written.broken
