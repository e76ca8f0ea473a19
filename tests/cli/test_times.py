"""`times`: how long it took until an event, and what censors it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from trialspec.cli import exits

Run = Callable[..., Result]

PROTOCOL = """
language: 1
protocol: timed
title: Time to a relapse
version: 1.0.0
zone: Asia/Seoul
use: [rules/deviations]
silence_means_no: {condition: screened}
measures:
  protein: {unit: g}
concepts:
  dialysis: {kind: condition}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
  day_1: {first: enrolment}
  left: {first: left_study}
time_to:
  dialysis: {from: day_1, event: {has: dialysis, from: day_1}, censored: left}
  doubling: {from: day_1, event: {rise_of: protein, since: {which: least, from: day_1}, at_least: 100 %}}
"""


def record(patient: str, time: str, **fields: str) -> str:
    return json.dumps({"id": f"{patient}-{time}-{fields['kind']}", "patient": patient, "time": time, **fields})


def lines(patient: str, *more: str) -> list[str]:
    return [
        record(patient, "2014-02-24", kind="milestone", milestone="screening"),
        record(patient, "2014-03-03", kind="milestone", milestone="enrolment"),
        *more,
    ]


def dialysis(patient: str, time: str) -> str:
    return record(patient, time, kind="condition", concept="dialysis")


def protein(patient: str, time: str, value: str) -> str:
    return record(patient, time, kind="observation", measure="protein", value=value, unit="g")


LEFT = {"kind": "milestone", "milestone": "left_study"}
EVENTS = [
    *lines("A", dialysis("A", "2014-03-13")),
    *lines("B"),
    *lines("C", record("C", "2014-04-02", **LEFT), dialysis("C", "2014-05-01")),
    *lines("D", dialysis("D", "2014-04")),
    *lines("E", record("E", "2014-04-02", **LEFT), dialysis("E", "2014-04-02")),
    *lines("F", dialysis("F", "2014-03-03")),
    *lines("G", protein("G", "2014-03-03", "2"), protein("G", "2014-03-10", "1"), protein("G", "2014-04-07", "2")),
    *lines("H", protein("H", "2014-03-03", "2"), protein("H", "2014-04-07", "3.9")),
    record("I", "2014-02-24", kind="milestone", milestone="screening"),
]


@pytest.fixture
def trial(tmp_path: Path) -> tuple[str, str]:
    """A protocol that times two events, and nine patients."""
    (tmp_path / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (tmp_path / "events.ndjson").write_text("\n".join(EVENTS) + "\n", encoding="utf-8")
    return str(tmp_path / "protocol.yaml"), str(tmp_path / "events.ndjson")


def told(run: Run, trial: tuple[str, str], name: str, as_of: str = "2014-06-11") -> dict[str, tuple[str, ...]]:
    result = run("times", *trial, "--as-of", as_of, "--time-to", name, "--format", "csv")
    assert result.exit_code == exits.FINE, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    keys = ("status", "through", "days", "not_before", "ended_by")
    return {row["patient"]: tuple(row[key] for key in keys) for row in rows}


def test_an_event_is_timed_and_what_ends_before_is_censored(run: Run, trial: tuple[str, str]) -> None:
    found = told(run, trial, "dialysis")
    assert found["A"] == ("event", "2014-03-13", "10", "", "")
    # 100 days from 3 March to 11 June, the date of the question.
    assert found["B"] == ("censored", "2014-06-11", "100", "", "")
    assert found["C"] == ("censored", "2014-04-02", "30", "", "left")
    # Some time in April: surely by 1 May, and perhaps from 1 April on.
    assert found["D"] == ("event", "2014-05-01", "59", "2014-04-01", "")
    # On the date on which she left, of which nothing more is known, it still counts.
    assert found["E"] == ("event", "2014-04-02", "30", "", "")
    assert found["F"] == ("event", "2014-03-03", "0", "", "")
    assert found["I"] == ("not_followed", "", "", "", "")


def test_an_event_is_the_first_time_that_a_change_is_so(run: Run, trial: tuple[str, str]) -> None:
    found = told(run, trial, "doubling")
    assert found["G"] == ("event", "2014-04-07", "35", "", "")
    assert found["H"][:3] == ("censored", "2014-06-11", "100")
    # Without any value it may have doubled at any time.
    assert found["A"] == ("unknown", "2014-06-11", "100", "2014-03-03", "")


def test_before_the_event_the_same_patient_is_censored(run: Run, trial: tuple[str, str]) -> None:
    assert told(run, trial, "dialysis", "2014-03-12")["A"] == ("censored", "2014-03-12", "9", "", "")
    assert told(run, trial, "dialysis", "2014-04-15")["D"] == ("unknown", "2014-04-15", "43", "2014-04-01", "")


def test_the_table_and_the_data_say_the_same(run: Run, trial: tuple[str, str]) -> None:
    table = run("times", *trial, "--as-of", "2014-06-11", "--time-to", "dialysis", "--patient", "I").stdout
    assert "not followed" in table
    data = json.loads(run("times", *trial, "--as-of", "2014-06-11", "--format", "json", "--patient", "D").stdout)
    first = data["times"][0]
    assert (first["time_to"], first["status"], first["days"]) == ("dialysis", "event", [59, 59])
    assert "D-2014-04-condition" in first["events"]
    assert {each["patient"] for each in data["times"]} == {"D"}


def test_what_is_not_timed_is_said(run: Run, trial: tuple[str, str], tmp_path: Path) -> None:
    result = run("times", *trial, "--time-to", "dialyses")
    assert result.exit_code == exits.WRONG
    assert "did you mean `dialysis`" in result.stderr
    (tmp_path / "untimed.yaml").write_text(PROTOCOL.partition("time_to:")[0], encoding="utf-8")
    result = run("times", str(tmp_path / "untimed.yaml"), trial[1])
    assert result.exit_code == exits.WRONG
    assert "times nothing" in result.stderr
    assert "relapse" not in run("docs", trial[0]).stdout.partition("## Time to dialysis")[2]
