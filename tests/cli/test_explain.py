"""`explain`: from an answer down to the records, and to the lines of the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from trialspec.cli import exits

DEMO = "tests/cli/demo"
ASKED = ("explain", DEMO, f"{DEMO}/events.ndjson", "--as-of", "2014-06-30")

Run = Callable[..., Result]
Same = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("criterion", ("--criterion", "I2")),
        ("dose", ("--dose", "CYC#1")),
        ("alert", ("--alert", "B/demo/dosing/given-without-clearance/CYC#1/b8")),
        ("response", ("--alert", "response/final")),
        ("eligibility", ("--alert", "eligibility/enrolled-while-ineligible eligibility")),
    ],
)
def test_each_is_as_accepted(run: Run, same: Same, name: str, words: tuple[str, ...]) -> None:
    result = run(*ASKED, "--patient", "B", *words)
    assert result.exit_code == exits.FINE, result.stderr
    same(f"explain-{name}.txt", result.stdout)


def test_without_a_choice_everything_is_explained(run: Run) -> None:
    shown = run(*ASKED, "--patient", "B").stdout
    for title in ("criterion I1", "criterion E1", "dose RTX#2", "dosing/late RTX#2", "data/set-aside b10"):
        assert f"\nB: {title}\n" in f"\n{shown}"


def as_data(run: Run, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*ASKED, *words, "--format", "json").stdout)
    return found


def test_the_proof_names_the_records_and_where_the_question_is_written(run: Run) -> None:
    (alert,) = as_data(run, "--patient", "B", "--alert", "dosing/given-without-clearance")["alerts"]
    whole, value = alert["proofs"][0]
    assert (whole["answer"], whole["depth"]) == ("not met (0.1 10*9/L beyond the limit)", 0)
    assert whole["written_at"].startswith(f"{DEMO}/protocol.yaml:")
    assert value["answer"] == "1.4 10*9/L"
    assert value["records"] == ["Neutrophils 1400 /uL on 2014-03-04 (b7)"], "in the unit in which it came"


def test_a_criterion_is_read_at_enrolment_and_now_only_where_that_differs(run: Run) -> None:
    enrolled = run(*ASKED, "--patient", "A", "--criterion", "I1").stdout
    assert "At enrolment, 2014-02-28: met" in enrolled
    assert "Now:" not in enrolled
    assert "Now: not met" in run(*ASKED, "--patient", "C", "--criterion", "I1").stdout


@pytest.mark.parametrize(
    ("words", "told", "help_"),
    [
        (("--patient", "D"), "there is no record of a patient `D`", "there are records of `A`, `B`, `C`"),
        (("--patient", "B", "--criterion", "I3"), "there is no criterion `I3`", "there are `I1`, `I2`, `E1`"),
        (("--patient", "B", "--dose", "RTX2"), "there is no dose `RTX2`", "did you mean `RTX#2`?"),
        (("--patient", "B", "--alert", "dosing/lat RTX#2"), "there is no alert", "did you mean `dosing/late RTX#2`?"),
        (("--patient", "C", "--alert", "dosing/late"), "there is no alert `dosing/late`", "there are none"),
    ],
)
def test_a_name_that_is_not_there_is_told(run: Run, words: tuple[str, ...], told: str, help_: str) -> None:
    result = run(*ASKED, *words)
    assert result.exit_code == exits.WRONG
    assert told in result.stderr
    assert f"help: {help_}" in result.stderr
    assert result.stdout == ""


# --- doses ------------------------------------------------------------------------------------------------------------

TWO_GATES = """\
language: 1
protocol: two-gates
title: One drug, two gates
version: 1.0.0
zone: Asia/Seoul
use: [rules/b-cell-depletion, rules/items/conditions, rules/deviations]
silence_means_no: {administration: always, condition: always}
moments:
  screened: {last: screening}
  day_1: {first: rituximab, from: screened}
doses:
  RTX: {drug: rituximab, amount: 500 mg, on: day 1, first_due: 14 d after screened, belongs_until: day 5}
  CYC:
    {drug: cyclophosphamide, amount: 750 mg, on: day 3, belongs_until: day 28, give_only_if: [recovered, uninfected],
     premedication: [{given: paracetamol, from: 2 h before dose, through: dose}]}
gates:
  recovered: {latest: neutrophils, from: 7 d before dose, through: dose, above: 1.5 10*9/L}
  uninfected: {not: {has: pneumonia}, otherwise: warn}
"""


def record(name: str, time: str, **content: str) -> str:
    return json.dumps({"id": name, "patient": "P1", "time": time, "available": time, **content}) + "\n"


def given_as(name: str, drug: str, time: str, **content: str) -> str:
    return record(name, time, kind="administration", drug=drug, amount="500", unit="mg", **content)


@pytest.fixture
def two_gates(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "protocol.yaml").write_text(TWO_GATES, encoding="utf-8")
    records = (
        given_as("old", "rituximab", "2013-01-05"),
        record("s", "2014-02-21", kind="milestone", milestone="screening"),
        given_as("r1", "rituximab", "2014-03-03T10:00", part_of="first"),
        given_as("r2", "rituximab", "2014-03-03T16:00", part_of="first"),
        given_as("c1", "cyclophosphamide", "2014-03-05T10:00"),
        given_as("c2", "cyclophosphamide", "2014-03-07T10:00"),
        given_as("p", "paracetamol", "2014-03-05T09:00"),
    )
    (tmp_path / "events.ndjson").write_text("".join(records), encoding="utf-8")

    def explained(dose: str) -> Result:
        return run(
            "explain", tmp_path, tmp_path / "events.ndjson", "--patient", "P1", "--as-of", "2014-06-30", "--dose", dose
        )

    return explained


def test_each_proof_of_a_dose_names_its_gate(two_gates: Run) -> None:
    shown = two_gates("CYC#1").stdout
    for title in ("recovered: unknown", "uninfected: met", "premedication: met"):
        assert f"\n{title}\n" in shown
    assert "\nholding: unknown\nwarning: met\n" in shown
    assert "holding" not in two_gates("RTX#1").stdout


def test_a_dose_is_found_by_any_record_of_it(two_gates: Run) -> None:
    for name, dose in (("r1", "RTX#1"), ("r2", "RTX#1"), ("c1", "CYC#1"), ("c2", "c2")):
        assert two_gates(name).stdout.startswith(f"P1: dose {dose}\n"), two_gates(name).stderr


def test_an_administration_that_is_no_dose_is_told_as_one(two_gates: Run) -> None:
    for name, told in (("old", "(rituximab, 2013-01-05)"), ("p", "(paracetamol, 2014-03-05)")):
        result = two_gates(name)
        assert result.exit_code == exits.WRONG
        assert f"the administration `{name}` {told} is no dose" in result.stderr
