"""The laws that speak of records, over the founding protocol as a whole: its findings, alerts and data problems.

A stream is drawn as records as they would come in, with ties, censored values, other units, offsets,
corrections, retractions and conflicts. Two streams that a law calls equal must give equal reports.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from trialspec import evaluation
from trialspec.events import Record, decode
from trialspec.testing.laws import same_report
from trialspec.times import on_date

FOLDER = Path(__file__).parent.parent.parent / "protocols" / "rituximab-refractory-lupus-nephritis"
FIRST = 735_294  # 2014-03-03
Raw = dict[str, str]


@cache
def protocol() -> evaluation.Protocol:
    return evaluation.load(FOLDER)


def record(raw: Raw) -> Record:
    return decode(json.dumps(raw).encode())


def date(day: int) -> str:
    return str(on_date(day))


# Each thing with the units in which it may equally be said, and what a value is multiplied by then.
MEASURES = {
    "neutrophils": (("10*9/L", 1), ("/uL", 1000)),
    "c3": (("g/L", 1), ("mg/dL", 100)),
    "c4": (("g/L", 1), ("mg/dL", 100)),
    "urine_protein_24h": (("g/(24.h)", 1), ("mg/(24.h)", 1000)),
}
VALUES = ("1.4", "1.5", "1.6", "<1", "0.5", "4")


@st.composite
def times(draw: DrawFn, low: int, high: int) -> str:
    """Draw a date, or a time with an offset; many of them on the same few days."""
    day = draw(st.sampled_from([low, (low + high) // 2, high]) | st.integers(low, high))
    # A month is left to the laws of doses and of single questions: here each date of it would be a whole report.
    return date(day) if draw(st.booleans()) else f"{date(day)}T{draw(st.integers(0, 23)):02}:30+09:00"


@st.composite
def happenings(draw: DrawFn, number: int) -> Raw:
    """Draw one record of what may happen after enrolment."""
    raw: Raw = {"id": f"e{number}", "patient": "P"}
    kind = draw(st.sampled_from(["value", "value", "value", "dose", "dose", "dose", "sledai", "stop", "infection"]))
    raw["time"] = draw(times(FIRST - 3, FIRST + 90))
    match kind:
        case "value":
            measure = draw(st.sampled_from(sorted(MEASURES)))
            raw |= {"kind": "observation", "measure": measure, "value": draw(st.sampled_from(VALUES))}
            raw |= {"unit": MEASURES[measure][0][0]} if draw(st.integers(0, 9)) else {}
        case "sledai":
            raw |= {"kind": "observation", "measure": "sledai_2k", "value": draw(st.sampled_from(["4", "8", "12"]))}
        case "dose":
            drug, amount = draw(
                st.sampled_from([("rituximab", "500"), ("cyclophosphamide", "750"), ("rituximab", "1000")])
            )
            raw |= {"kind": "administration", "drug": drug, "amount": amount, "unit": "mg", "route": "intravenous"}
            extra: list[Raw] = [{}, {}, {"planned": "RTX#2"}, {"done": "no"}]
            raw |= draw(st.sampled_from(extra))
        case "stop":
            raw |= {"kind": "milestone", "milestone": draw(st.sampled_from(["treatment_stopped", "consent_withdrawn"]))}
        case _:
            raw |= {"kind": "condition", "concept": "active_infection"}
    return raw


BACKGROUND: tuple[Raw, ...] = (
    {"id": "b1", "kind": "milestone", "milestone": "consent", "version": "1.0.0", "time": date(FIRST - 20)},
    {"id": "b2", "kind": "milestone", "milestone": "screening", "time": date(FIRST - 18)},
    {"id": "b3", "kind": "condition", "concept": "lupus_nephritis", "time": date(FIRST - 18)},
    {"id": "b4", "kind": "milestone", "milestone": "enrolment", "time": f"{date(FIRST - 6)}T10:00+09:00"},
    {"id": "b5", "kind": "administration", "drug": "rituximab", "amount": "500", "unit": "mg", "time": date(FIRST)},
)


@dataclass(frozen=True, slots=True)
class Stream:
    """What happened, and when it is asked about (a date: the end of it)."""

    raws: tuple[Raw, ...]
    day: int


@st.composite
def streams(draw: DrawFn) -> Stream:
    """Draw a stream: most of a usual beginning, and a few happenings, some of them corrected or in conflict."""
    kept = [raw | {"patient": "P"} for raw in BACKGROUND if draw(st.integers(0, 9))]
    many = [draw(happenings(number)) for number in range(draw(st.integers(1, 7)))]
    for raw in list(many):
        match draw(st.sampled_from(["alone", "alone", "alone", "corrected", "conflict", "retracted"])):
            case "corrected":
                many.append(draw(happenings(0)) | {"id": raw["id"], "revision": "1"})
            case "conflict":
                many.append(raw | {"value": "7"} if "value" in raw else raw | {"time": raw["time"][:10]})
            case "retracted":
                many.append({"id": raw["id"], "patient": "P", "revision": "2", "status": "entered_in_error"})
            case _:
                pass
    return Stream((*kept, *many), FIRST + draw(st.integers(-5, 100)))


def same(stream: Stream, one: list[Raw], other: list[Raw]) -> None:
    same_report(protocol(), one, other, "P", protocol().program.zone.end_of(stream.day))


pytestmark = pytest.mark.slow

# One example is several whole reports, with every episode.
fewer = settings(max_examples=settings.default.max_examples // 5 if settings.default else 20)


@fewer
@given(streams(), st.data())
def test_order_and_duplication_never_matter(stream: Stream, data: st.DataObject) -> None:
    """Law 1: the same set of events gives the same findings and the same alerts at the same instant."""
    again = data.draw(st.lists(st.sampled_from(stream.raws), max_size=4))
    same(stream, list(stream.raws), data.draw(st.permutations([*stream.raws, *again])))


@fewer
@given(streams(), st.data())
def test_retraction_is_never_having_been_and_a_correction_having_come_first(
    stream: Stream, data: st.DataObject
) -> None:
    """Law 2: with today's knowledge a retracted event leaves nothing; a correction stands in the first one's place."""
    number = len(stream.raws)
    wrong, right = data.draw(happenings(number)), data.draw(happenings(number))
    gone: Raw = {"id": f"e{number}", "patient": "P", "revision": "1", "status": "entered_in_error"}
    same(stream, [*stream.raws, wrong, gone], list(stream.raws))
    same(stream, [*stream.raws, wrong, right | {"revision": "1"}], [*stream.raws, right])


def _in_other_words(raw: Raw, unit: int) -> Raw:
    """Say the same in another unit and with another offset."""
    said = dict(raw)
    time = raw.get("time", "")
    if time.endswith("T10:00+09:00"):
        said["time"] = time.replace("T10:00+09:00", "T01:00Z")
    measure = raw.get("measure", "")
    if measure in MEASURES and "unit" in raw:
        name, factor = MEASURES[measure][unit]
        text = raw["value"]
        sign = "<" if text.startswith("<") else ""
        tenths = round(float(text.removeprefix("<")) * 10) * factor
        said |= {"value": f"{sign}{tenths // 10}.{tenths % 10}", "unit": name}
    return said


@fewer
@given(streams())
def test_equal_quantities_and_equal_instants_change_nothing(stream: Stream) -> None:
    """Law 6: values in any accepted unit, and instants with any offset, give the same report."""
    same(stream, list(stream.raws), [_in_other_words(raw, 1) for raw in stream.raws])


@fewer
@given(streams(), st.data())
def test_a_patient_is_read_alone(stream: Stream, data: st.DataObject) -> None:
    """Law 7: other patients' records, under ids of their own, change nothing."""
    others = [
        raw | {"patient": "Q", "id": f"q{index}"}
        for index, raw in enumerate(data.draw(st.lists(happenings(0), max_size=4)))
    ]
    same(stream, list(stream.raws), [*others, *stream.raws])


@fewer
@given(streams())
def test_the_same_file_gives_the_same_answer(stream: Stream) -> None:
    """Law 11: loaded again, a protocol has the same digest and says the same."""
    again = evaluation.load(FOLDER)
    assert again.program.digest == protocol().program.digest
    records = [record(raw) for raw in stream.raws]
    at = protocol().program.zone.end_of(stream.day)
    one, other = (each.report(records, "P", at=at) for each in (protocol(), again))
    assert one.alerts == other.alerts
    assert [(each.name, each.fields) for each in one.findings] == [(each.name, each.fields) for each in other.findings]
