"""`check` with proofs, `diff`, and `test` that tells whether the cases test anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import z3
from click.testing import Result

from trialspec import solver
from trialspec.cli import exits, proving, show
from trialspec.evaluation import load
from trialspec.solver.logic import Solver

Run = Callable[..., Result]

SMALL = """\
language: 1
protocol: small
title: Small
version: 1.0.0
zone: Europe/Berlin
use: [rules/items/blood, rules/items/kidney, rules/items/conditions, rules/deviations]
silence_means_no: {condition: screened}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
eligibility:
  include:
    I1: {latest: neutrophils, at_least: 1.5 10*9/L}
    I2: {any: [{has: lupus_nephritis}, {latest: upcr, from: 28 d before screened, at_least: 1 g/g}]}
  exclude:
    E1: {has: pregnancy}
"""
CASES = """\
background:
  - 2024-01-01: consent 1.0.0
  - 2024-01-02: screening
cases:
  - case: enough
    events:
      - 2024-01-02: neutrophils 2 10*9/L
      - 2024-01-02: lupus_nephritis
    expect:
      2024-01-02: {I1: met, I2: met, E1: not_met}
  - case: too few
    events:
      - 2024-01-02: neutrophils 1 10*9/L
    expect:
      2024-01-02: {I1: not_met}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small/cases").mkdir(parents=True)
    (tmp_path / "small/protocol.yaml").write_text(SMALL)
    (tmp_path / "small/cases/entry.yaml").write_text(CASES)
    return tmp_path / "small"


def changed(small: Path, old: str, new: str, name: str = "other.yaml") -> Path:
    assert SMALL.count(old) == 1
    file = small.parent / name
    file.write_text(SMALL.replace(old, new))
    return file


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_fault_ends_the_command_with_1_and_shows_the_clauses(fresh: Run, small: Path) -> None:
    file = changed(small, "{has: pregnancy}", "{latest: neutrophils, above: 1.0 10*9/L}")
    result = fresh("check", str(file))
    assert result.exit_code == exits.WRONG
    assert "error[nobody-eligible]: nobody can be eligible: `I1`, `E1` contradict each other" in result.stderr
    assert f"{file}:13:9: error" in result.stderr
    assert f"{file}:16:9: `E1` is in the way of it" in result.stderr
    assert "proved" in result.stderr


def test_without_proofs_the_file_is_only_read(fresh: Run, small: Path) -> None:
    file = changed(small, "{has: pregnancy}", "{latest: neutrophils, above: 1.0 10*9/L}")
    result = fresh("check", "--no-proofs", str(file))
    assert result.exit_code == exits.FINE
    assert not result.stderr


def test_without_the_library_one_sentence_says_so(fresh: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "installed", lambda: False)
    result = fresh("check", str(small))
    assert result.exit_code == exits.FINE
    assert result.stderr.count("\n") == 1
    assert "pip install 'trialspec[proofs]'" in result.stderr
    for words in (("diff", str(small), str(small)), ("test", str(small), "--mutants")):
        refused = fresh(*words)
        assert refused.exit_code == exits.WRONG
        assert "pip install 'trialspec[proofs]'" in refused.stderr
        assert "Traceback" not in refused.output


def test_what_is_accepted_is_counted_and_not_said(fresh: Run, small: Path) -> None:
    file = changed(small, "{has: pregnancy}", "{latest: neutrophils, below: 1.0 10*9/L}")
    assert "note[redundant-criterion]" in fresh("check", str(file)).stderr
    file.write_text(file.read_text() + "accepted:\n  - {finding: redundant-criterion, of: E1, reason: written so}\n")
    result = fresh("check", str(file))
    assert not result.stderr
    assert "other.yaml: fine (1 accepted)" in result.stdout


def test_as_json_every_question_is_told_with_its_answer(fresh: Run, small: Path) -> None:
    file = changed(small, "eligibility:", "properties:\n  p: {never: {has: pregnancy}, reason: r}\neligibility:")
    told = json.loads(fresh("check", str(file), "--format", "json").stdout)["proofs"][str(file)]
    (found,) = told["findings"]
    assert (found["code"], found["of"], found["severity"]) == ("property-fails", "p", "error")
    assert any(event.get("concept") == "pregnancy" for event in found["witness"]["events"])
    assert {question["of"] for question in told["questions"]} >= {"I1", "I2", "E1", "eligibility", "p"}


def test_a_code_is_explained(fresh: Run) -> None:
    result = fresh("check", "--explain", "nobody-eligible")
    assert result.exit_code == exits.FINE
    assert "What to do:" in result.stdout


# --- diff -------------------------------------------------------------------------------------------------------------


def test_a_refactoring_changes_nothing(fresh: Run, small: Path) -> None:
    file = changed(small, "I1: {latest: neutrophils, at_least: 1.5 10*9/L}", "I1: {enough: 1500 /uL}")
    means = "{needs: {above: {type: quantity}}, means: {latest: neutrophils, at_least: $above}}"
    file.write_text(f"{file.read_text()}definitions: {{enough: {means}}}\n")
    result = fresh("diff", str(small), str(file))
    assert result.exit_code == exits.FINE
    assert result.stdout == "small 1.0.0 and small 1.0.0 mean the same\n"


def test_the_same_by_proof(fresh: Run, small: Path) -> None:
    file = changed(
        small,
        "{latest: neutrophils, at_least: 1.5 10*9/L}",
        "{not: {latest: neutrophils, below: 1.5 10*9/L}}",
    )
    result = fresh("diff", str(small), str(file), "--all")
    assert "criterion I1: is the same (proved)" in result.stdout


@pytest.mark.parametrize(
    ("limit", "told", "direction"),
    [
        ("1.4", "takes in more patients", "only by the new version"),
        ("1.6", "takes in fewer", "only by the old version"),
    ],
)
def test_each_direction_has_its_patient(fresh: Run, small: Path, limit: str, told: str, direction: str) -> None:
    file = changed(
        small, "{latest: neutrophils, at_least: 1.5 10*9/L}", f"{{latest: neutrophils, at_least: {limit} 10*9/L}}"
    )
    lines = fresh("diff", str(small), str(file)).stdout
    assert f"criterion I1: {told}" in lines
    assert direction in lines
    assert lines.count(direction) == 2, "of the criterion, and of eligibility as a whole"


def test_real_patients_are_named(fresh: Run, small: Path, tmp_path: Path) -> None:
    file = changed(small, "{latest: neutrophils, at_least: 1.5 10*9/L}", "{latest: neutrophils, at_least: 3 10*9/L}")
    events = tmp_path / "events.ndjson"
    record = {"id": "a", "patient": "P", "kind": "observation", "measure": "neutrophils", "time": "2024-01-01"}
    events.write_text(json.dumps(record | {"value": 2, "unit": "10*9/L"}) + "\n")
    result = fresh("diff", str(small), str(file), "--events", str(events), "--as-of", "2024-01-02")
    assert "patient P: criterion I1: role include, verdict met became role include, verdict not_met" in result.stdout


# --- test -------------------------------------------------------------------------------------------------------------


def test_what_no_case_decides_is_told(fresh: Run, small: Path) -> None:
    result = fresh("test", str(small), "--coverage")
    assert result.exit_code == exits.FINE
    assert "criterion E1: no case decides it: met" in result.stdout
    assert "clause criterion I2 2: no case decides it: met, deciding alone" in result.stdout
    assert "criterion I1:" not in result.stdout


@pytest.mark.slow
def test_a_mistake_that_no_case_notices_is_offered_as_a_case_that_does(fresh: Run, small: Path) -> None:
    offered = small / "cases/offered.yaml"
    result = fresh("test", str(small), "--write-cases", str(offered))
    assert result.exit_code == exits.FINE
    assert "criterion I1: no case notices `above` for `at_least`" in result.stdout
    assert "neutrophils 1.5 10*9/L" in result.stdout
    again = fresh("test", str(small), "--mutants", "--format", "json")
    assert again.exit_code == exits.FINE, "the cases that are offered pass"
    (told,) = json.loads(again.stdout)["mutants"]
    assert told["made"] > 10
    assert [each for each in told["unnoticed"] if each["shows"]] == []
    assert fresh("test", str(small), "--write-cases", str(offered)).exit_code == exits.WRONG, "no file is overwritten"


def test_on_a_terminal_check_tells_what_it_asks(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    @contextmanager
    def working(what: str) -> Iterator[Callable[[str], None]]:
        yield lambda doing: told.append(f"{what}: {doing}")

    monkeypatch.setattr(show, "working", working)
    proving.report(load(small / "protocol.yaml"), 4)
    assert told == ["small: criteria", "small: gates and limits", "small: responses", "small: properties and rules"]
    assert capsys.readouterr() == ("", "")


def test_elsewhere_it_tells_nothing(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proving.report(load(small / "protocol.yaml"), 4)
    assert capsys.readouterr() == ("", "")


def test_the_key_that_stops_is_not_kept_by_what_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Z3 takes Ctrl-C for itself and answers that it does not know; whoever pressed it means the command."""
    asked = Solver(1000)

    class Stopped:
        def check(self, *_: object) -> object:
            return z3.unknown

        def reason_unknown(self) -> str:
            return "interrupted from keyboard"

    monkeypatch.setattr(asked, "_solver", Stopped())
    with pytest.raises(KeyboardInterrupt):
        asked.ask()
