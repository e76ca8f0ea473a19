"""`explain`: from an answer down to the records, and to the lines of the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
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
