"""What is put away comes back as it was, in few bytes; what is no pack is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialspec.diagnostics import ProtocolError
from trialspec.events import CARRIES, Event, Record, Unreadable, decode
from trialspec.packing import FORMAT, pack, unpack

TEXTS = st.text(max_size=12)
NUMBERS = st.integers(0, 999_999_999)
EVENTS = st.builds(
    Event,
    TEXTS,
    TEXTS,
    st.sampled_from(("", *CARRIES)),
    TEXTS,
    st.dictionaries(TEXTS, TEXTS, max_size=4),
    NUMBERS | st.sampled_from((0, 1)),
    st.booleans(),
    *[TEXTS] * 4,
)
UNREADABLE = st.builds(
    Unreadable, TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS, st.none() | NUMBERS, TEXTS, TEXTS
)


@given(st.lists(EVENTS | UNREADABLE, max_size=8))
def test_records_come_back_as_they_were(records: list[Record]) -> None:
    """Every field, where they were read from included: it is in what people are told."""
    again = unpack(pack(records))
    assert again == tuple(records)
    assert [each.origin for each in again] == [each.origin for each in records]
    assert [type(each) for each in again] == [type(each) for each in records]


def test_twenty_usual_records_take_less_than_a_kilobyte() -> None:
    lines = (
        f'{{"id": "P7-{number:03}", "patient": "P7", "kind": "observation", "measure": "neutrophils", '
        f'"value": {number}.4, "unit": "10*9/L", "time": "2024-03-{number + 1:02}T08:30:00+01:00"}}'
        for number in range(20)
    )
    assert len(pack(decode(line.encode(), f"events.ndjson:{number}") for number, line in enumerate(lines))) < 1000


@pytest.mark.parametrize("content", [b"", bytes([FORMAT + 1]) + b"x", bytes([FORMAT]) + b"not compressed at all"])
def test_what_is_no_pack_is_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        unpack(content)
