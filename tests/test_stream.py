"""The made-up stream that speed is measured on: the same every time, and what it says of itself is so."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks.stream import CORRECTED, EVENTS_EACH, LATE, TWICE, Arrival, stream
from trialspec.evaluation import load
from trialspec.events import Event, Record, decode

PATIENTS = 2000
FOUNDING = Path(__file__).parents[1] / "protocols" / "rituximab-refractory-lupus-nephritis"


@pytest.fixture(scope="module")
def arrivals() -> list[Arrival]:
    return list(stream(PATIENTS))


@pytest.fixture(scope="module")
def records(arrivals: list[Arrival]) -> list[dict[str, Any]]:
    """The records, each once."""
    return [json.loads(line) for line in dict.fromkeys(arrival.line for arrival in arrivals)]


def test_it_is_the_same_every_time(arrivals: list[Arrival]) -> None:
    assert list(islice(stream(PATIENTS), 5000)) == arrivals[:5000]
    assert list(islice(stream(PATIENTS, seed=2), 5000)) != arrivals[:5000]


def test_a_patient_is_the_same_in_a_stream_of_any_size(arrivals: list[Arrival]) -> None:
    few = list(stream(50, a_day=40))
    assert few == [arrival for arrival in arrivals if arrival.patient < 50]


def test_lines_come_in_the_order_of_their_arrival(arrivals: list[Arrival]) -> None:
    instants = [arrival.at for arrival in arrivals]
    assert instants == sorted(instants)


def test_a_patient_has_about_twenty_records(arrivals: list[Arrival]) -> None:
    assert abs(len(arrivals) / PATIENTS - EVENTS_EACH) < 0.02 * EVENTS_EACH


def test_so_many_are_late_corrected_and_come_twice(arrivals: list[Arrival], records: list[dict[str, Any]]) -> None:
    first = [record for record in records if "revision" not in record]
    late = sum(_days_late(record) >= 2 for record in first)
    corrections = len(records) - len(first)
    twice = len(arrivals) - len(records)
    for number, share in ((late, LATE), (corrections, CORRECTED), (twice, TWICE)):
        assert abs(number / len(first) - share) < 0.1 * share


def _days_late(record: dict[str, Any]) -> int:
    return (date.fromisoformat(record["recorded"]) - date.fromisoformat(record["available"])).days


def test_a_record_never_arrives_before_it_could_be_known(arrivals: list[Arrival]) -> None:
    for arrival in arrivals:
        record = json.loads(arrival.line)
        known = (date.fromisoformat(record["available"]) - date(1970, 1, 1)).days * 86_400 - 9 * 3600
        assert arrival.at >= known
        assert record["available"] <= record["recorded"]


def test_units_and_ways_to_write_a_time_vary(records: list[dict[str, Any]]) -> None:
    units = {(record["measure"], record.get("unit")) for record in records if "measure" in record}
    for measure, *wanted in (
        ("neutrophils", "10*9/L", "/uL", None),
        ("c3", "g/L", "mg/dL", None),
        ("urine_protein_24h", "g/(24.h)", "mg/(24.h)", None),
    ):
        assert {(measure, unit) for unit in wanted} <= units
    ways = Counter("date" if len(r["time"]) == 10 else "east" if "+09:00" in r["time"] else "utc" for r in records)
    assert ways["east"] > 2 * ways["date"] > 10 * ways["utc"] > 0


def test_memory_is_for_those_under_way_only() -> None:
    """Four times the patients at the same pace take no more memory."""
    peaks = []
    for patients in (300, 1200):
        tracemalloc.start()
        for _ in stream(patients, a_day=0.5):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_every_record_can_be_read_and_its_patient_judged(arrivals: list[Arrival]) -> None:
    protocol = load(FOUNDING)
    patients: dict[str, list[Record]] = {}
    for arrival in arrivals:
        record = decode(arrival.line)
        assert isinstance(record, Event)
        patients.setdefault(record.patient, []).append(record)
    rules: Counter[str] = Counter()
    for name, each in list(patients.items())[:6]:
        report = protocol.report(each, name, at=arrivals[-1].at)
        assert {problem.problem for problem in report.problems} <= {"set_aside"}
        rules.update(key.rule for key in report.alerts)
    assert {"response/final", "visit/overdue", "eligibility/not-eligible"} <= set(rules)
