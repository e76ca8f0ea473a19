"""`rescore`: several definitions of response over one stream, where they part, and which component decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from trialspec.cli import exits

Run = Callable[..., Result]
Same = Callable[[str, str], None]

# After two published definitions of a complete renal response, and one that handles a rescue.
PROTOCOL = """
language: 1
protocol: three-definitions
title: One patient, three definitions
version: 1.0.0
zone: Asia/Seoul
use: [rules/deviations]
silence_means_no: {administration: always}
measures:
  creatinine: {unit: mg/dL}
  egfr: {unit: mL/min}
  upcr: {unit: g/g}
  red_cells: {unit: '/[HPF]'}
drugs:
  cyclophosphamide: {unit: mg}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
  day_1: {first: enrolment}
visits:
  baseline: {from: screened, through: day_1}
  week_52: {on: day 365, early: 14 d, late: 14 d}
rescue:
  cyclophosphamide: {given: cyclophosphamide, after: day_1}
responses:
  lunar:
    at: week_52
    components:
      kidney: {latest: creatinine, at_most: 1.1 mg/dL}
      protein: {latest: upcr, below: 0.5 g/g}
      sediment: {latest: red_cells, below: '5 /[HPF]'}
    categories:
      - {category: complete, when: {all: [kidney, protein, sediment]}}
      - {category: partial, when: {all: [kidney, {some_of: [protein, sediment], at_least: 1}]}}
      - {category: none, when: otherwise}
  regency:
    baseline: {latest_at: baseline}
    at: week_52
    components:
      kidney: {fall_of: egfr, at_most: 15 %}
      protein: {latest: upcr, below: 0.5 g/g}
    categories:
      - {category: complete, when: {all: [kidney, protein]}}
      - {category: none, when: otherwise}
  rescued:
    at: week_52
    components:
      protein: {latest: upcr, below: 0.5 g/g}
    categories:
      - {category: complete, when: protein}
      - {category: none, when: otherwise}
    then: {rescue: none}
"""


def records(patient: str, *rest: str, egfr: str = "100", upcr: str = "0.4", red: str = "2") -> list[str]:
    day = "2014-03-03T09:00"
    last = "2015-03-02T09:00"
    lines = [
        ("milestone", "screening", "2014-02-24", ""),
        ("milestone", "enrolment", day, ""),
        ("egfr", "100", "2014-03-01", "mL/min"),
        ("creatinine", "1.05", last, "mg/dL"),
        ("egfr", egfr, last, "mL/min"),
        ("upcr", upcr, last, "g/g"),
        ("red_cells", red, last, "/[HPF]"),
    ]
    made = []
    for number, (what, value, time, unit) in enumerate(lines):
        record = {"id": f"{patient}-{number}", "patient": patient, "time": time}
        if what == "milestone":
            record |= {"kind": "milestone", "milestone": value}
        else:
            record |= {"kind": "observation", "measure": what, "value": value, "unit": unit}
        if value:
            made.append(json.dumps(record))
    return [*made, *rest]


@pytest.fixture
def trial(tmp_path: Path) -> tuple[str, str]:
    """A protocol of three definitions, and five patients on whom they part or agree."""
    (tmp_path / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    rescue = json.dumps(
        {
            "id": "E-r",
            "patient": "E",
            "kind": "administration",
            "drug": "cyclophosphamide",
            "amount": 500,
            "unit": "mg",
            "time": "2014-06-01",
        }
    )
    lines = [
        *records("A"),
        *records("B", egfr="80"),
        *records("C", red="8"),
        *records("D", upcr=""),
        *records("E", rescue),
        *records("F", upcr="0.9", egfr="60", red="20"),
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(tmp_path / "protocol.yaml"), str(tmp_path / "events.ndjson")


AS_OF = ("--as-of", "2015-06-01")


def test_where_the_definitions_part_is_as_accepted(run: Run, same: Same, trial: tuple[str, str]) -> None:
    result = run("rescore", *trial, *AS_OF)
    assert result.exit_code == exits.FINE, result.stderr
    same("rescore.txt", result.stdout)


def scores(run: Run, trial: tuple[str, str], *words: str) -> dict[str, dict[str, Any]]:
    told = json.loads(run("rescore", *trial, *AS_OF, "--format", "json", *words).stdout)
    return {
        each["patient"]: {score["definition"]: score for score in each["scores"]} | {"parted": each["parted"]}
        for each in told["scored"]
    }


def test_the_one_component_that_decides_is_named(run: Run, trial: tuple[str, str]) -> None:
    told = scores(run, trial, "--definition", "lunar", "--definition", "regency")
    assert told["A"]["parted"] is False
    assert told["B"]["parted"] is True
    assert told["B"]["regency"]["category"] == "none"
    assert told["B"]["regency"]["decided_by"] == [["kidney"]]
    assert told["B"]["lunar"]["decided_by"] == [["kidney"], ["protein"], ["sediment"]]
    assert told["C"]["lunar"]["category"] == "partial"
    # With clean urine it would be complete; with a failing kidney, or with protein too, no response.
    assert told["C"]["lunar"]["decided_by"] == [["kidney"], ["protein"], ["sediment"]]


def test_components_that_decide_only_together_are_named_together(run: Run, trial: tuple[str, str]) -> None:
    told = scores(run, trial, "--definition", "lunar", "--definition", "regency")
    assert told["F"]["parted"] is False
    assert told["F"]["regency"]["decided_by"] == [["kidney", "protein"]]
    assert told["F"]["lunar"]["decided_by"] == [["protein"], ["sediment"]]


def test_what_is_missing_decides_where_nothing_is_known(run: Run, trial: tuple[str, str]) -> None:
    told = scores(run, trial)
    assert told["D"]["lunar"]["category"] == "not_evaluable"
    assert told["D"]["lunar"]["decided_by"] == [["kidney"], ["protein"]]
    assert told["D"]["parted"] is False


def test_an_event_before_the_visit_decides_whatever_the_values_are(run: Run, trial: tuple[str, str]) -> None:
    told = scores(run, trial)
    assert told["E"]["rescued"]["category"] == "none"
    assert (told["E"]["rescued"]["intervened"], told["E"]["rescued"]["decided_by"]) == (True, [])
    assert told["E"]["lunar"]["category"] == "complete"
    assert told["E"]["parted"] is True


def test_categories_may_count_alike(run: Run, trial: tuple[str, str]) -> None:
    words = ("--definition", "lunar", "--definition", "rescued")
    assert scores(run, trial, *words)["C"]["parted"] is True
    told = scores(run, trial, *words, "--responder", "complete", "--responder", "partial")
    assert told["C"]["parted"] is False
    assert told["E"]["parted"] is True


def test_what_is_not_there_is_said(run: Run, trial: tuple[str, str]) -> None:
    result = run("rescore", *trial, "--definition", "lunr")
    assert result.exit_code == exits.WRONG
    assert "there is no definition of response `lunr`" in result.stderr
    assert "lunar" in result.stderr
    result = run("rescore", *trial, "--responder", "completed")
    assert result.exit_code == exits.WRONG
    assert "there is no category of these definitions `completed`" in result.stderr
