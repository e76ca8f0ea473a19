"""One record: decoded exactly, or refused with a reason, never with an exception."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialspec.events import CARRIES, Event, Unreadable, check, decode, quoted

GOOD = {"id": "e1", "patient": "P1", "kind": "observation", "time": "2024-03-05", "measure": "creatinine"}


def decoded(**content: object) -> Event:
    event = decode(json.dumps({**GOOD, **content}).encode())
    assert isinstance(event, Event)
    return event


def refused(line: bytes) -> Unreadable:
    record = decode(line, "events.ndjson:7")
    assert isinstance(record, Unreadable)
    assert record.origin == "events.ndjson:7"
    return record


@pytest.mark.parametrize("number", ["1.40", "1.4", "0.1", "1e2", "-0", "12345678901234567890.123456789", "1E-7"])
def test_a_number_is_the_text_it_is_written_as(number: str) -> None:
    line = json.dumps({**GOOD, "value": "?"}).replace('"?"', number).encode()
    event = decode(line)
    assert isinstance(event, Event)
    assert event.content["value"] == number
    assert event == decoded(value=number)


def test_true_and_false_stand_for_yes_and_no_and_null_for_nothing() -> None:
    event = decoded(absent=True, done=False, unit=None, visit="", method="  ")
    assert event.content == {"absent": "yes", "done": "no", "measure": "creatinine"}


def test_texts_lose_the_space_around_them() -> None:
    assert decoded(id=" e1 ", unit=" mg/dL\t") == decoded(unit="mg/dL")


def test_what_every_event_has_is_told_from_its_content() -> None:
    event = decoded(
        revision=2, available="2024-03-06", recorded="2024-03-07", received="2024-03-08", site="north", x_note="hi"
    )
    assert (event.id, event.patient, event.kind, event.time, event.revision) == (
        "e1",
        "P1",
        "observation",
        "2024-03-05",
        2,
    )
    assert (event.available, event.recorded, event.received) == ("2024-03-06", "2024-03-07", "2024-03-08")
    assert event.content == {"measure": "creatinine", "site": "north", "x_note": "hi"}
    assert not event.retracted


def test_where_a_record_stands_is_no_part_of_it() -> None:
    line = json.dumps(GOOD).encode()
    assert decode(line, "a:1") == decode(line, "b:2")
    assert hash(decode(line, "a:1")) == hash(decode(line, "b:2"))
    assert decode(b"{", "a:1") == decode(b"{", "b:2")


@pytest.mark.parametrize("status", ["entered_in_error", "entered-in-error", "Entered in Error"])
def test_a_retraction_needs_no_more_than_its_name(status: str) -> None:
    event = decode(json.dumps({"id": "e1", "patient": "P1", "revision": 1, "status": status}).encode())
    assert isinstance(event, Event)
    assert event.retracted
    assert event.content == {}


def test_the_status_of_a_disease_is_its_own() -> None:
    event = decoded(kind="condition", concept="pneumonia", status="resolved")
    assert not event.retracted
    assert event.content["status"] == "resolved"


@pytest.mark.parametrize("kind", sorted(CARRIES))
def test_time_may_be_left_out_where_a_start_is_given(kind: str) -> None:
    record = check({"id": "e1", "patient": "P1", "kind": kind, "start": "2013-05"})
    if "start" in CARRIES[kind]:  # type: ignore[index]  # the kinds are those of the table
        assert isinstance(record, Event)
        assert record.time == "2013-05"
    else:
        assert isinstance(record, Unreadable)
        assert record.reason == "`time` is missing"


def test_every_reason_is_given_at_once() -> None:
    record = check({"kind": "milestone", "time": "yesterday", "revision": "-1"})
    assert isinstance(record, Unreadable)
    for part in ("`id` is missing", "`patient` is missing", "`-1` is not a revision", "`yesterday` is not a date"):
        assert part in record.reason


# --- whose record it was ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "patient"),
    [
        (b'{"id":"e1","patient":"P1","kind":"obs', "P1"),
        (b'{"id":"e1","patient" : "P1", "patient":"P1"}', "P1"),
        (b'{"id":"e1","patient":"P1","x":NaN,"y":{"patient":"P2"}}', None),
        (b'{"id":"e1","patient":"P1', None),
        (b'{"id":"e1","reason":"\\"patient\\":\\"P2\\"', None),
        (b'{"id":"e1","patient":"P\xff1","kind":"milestone"}', None),
        (b'{"id":"e1","patient":"","kind":', None),
    ],
)
def test_a_broken_line_is_laid_to_a_patient_only_if_it_names_one_in_full(line: bytes, patient: str | None) -> None:
    assert refused(line).patient == patient


def test_a_record_without_an_id_is_named_by_what_it_says() -> None:
    one, same, other = refused(b'{"patient":'), refused(b'  {"patient":\r'), refused(b'{"patient":1')
    assert one.name == same.name != other.name
    assert one.name.startswith("record ")
    assert refused(json.dumps({**GOOD, "time": "x"}).encode()).name == "e1"


# --- nothing raises ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b'{"a":' + b"9" * 100_000 + b"}", b""]
)
def test_depth_and_size_are_no_trouble(line: bytes) -> None:
    assert isinstance(decode(line), Unreadable)


@given(st.binary(max_size=80))
def test_any_bytes_are_decoded_or_refused(line: bytes) -> None:
    """Decoding never raises, and what it refuses has a sentence for people."""
    record = decode(line)
    assert isinstance(record, Event) or record.reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
KEYS = sorted({*GOOD, "revision", "status", "available", "value", "unit", "x_note", "start"})


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), JSON, max_size=6))
def test_any_object_is_decoded_or_refused(content: dict[str, object]) -> None:
    """Decoding never raises, whatever stands where, and a refusal can be printed and stored as UTF-8."""
    record = decode(json.dumps({**GOOD, **content}).encode())
    if isinstance(record, Unreadable):
        assert record.reason.isprintable()
        assert record.name.encode()
    else:
        assert record.id.isprintable()
        assert "".join(record.content.values()).encode() or True


@given(
    st.dictionaries(
        st.sampled_from(("value", "unit", "visit", "method", "x_note")),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).map(str.strip).filter(bool),
    ),
    st.integers(0, 999_999_999),
)
def test_what_is_written_is_read(content: dict[str, str], revision: int) -> None:
    """Any text comes through as it is, whatever JSON needed to escape."""
    event = decoded(revision=revision, **content)
    assert event == replace(decoded(), content={"measure": "creatinine", **content}, revision=revision)
    assert event == check({**GOOD, **content, "revision": str(revision)})


def test_a_quoted_text_is_short_and_harmless() -> None:
    assert quoted("mg\u202e/dL\x1b[31m") == "`mg\ufffd/dL\ufffd[31m`"
    assert len(quoted("x" * 1000)) == 62
