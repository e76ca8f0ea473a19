"""`fuzz`, `simulate` and `conformance`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CHECKOUT, Run

DEMO = CHECKOUT / "tests" / "cli" / "demo"
pytestmark = pytest.mark.slow


def test_laws_that_hold_are_told_and_end_with_0(run: Run) -> None:
    result = run("fuzz", DEMO, "--law", "until", "--law", "explanation", "--examples", "3")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "2 of 2 laws hold"


def test_a_law_that_nobody_knows_is_refused(run: Run) -> None:
    result = run("fuzz", DEMO, "--law", "untill")
    assert result.exit_code == 1
    assert "there is no law `untill`" in result.stderr
    assert "did you mean `until`?" in result.stderr


def test_a_system_that_is_wrong_breaks_the_law_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    """A command that never raises anything."""
    silent = tmp_path / "silent.py"
    silent.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)['do'] == 'alerts'\n"
        "    print(json.dumps({'alerts': []} if asked else {}), flush=True)\n"
    )
    words = ("--examples", "4", "--target", f"python3 {silent}", "--save", tmp_path / "found", "--rules", "dosing/")
    result = run("fuzz", DEMO, *words)
    assert result.exit_code == 1
    assert "BROKEN  system: the system gives the alerts that the protocol gives" in result.stdout
    assert "is not raised" in result.stdout
    assert "the case:\n\n" in result.stdout
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"system.yaml", "system.ndjson"}
    shown = json.loads(run("fuzz", DEMO, *words, "--format", "json").stdout)
    (law,) = shown["laws"]
    assert law["holds"] is False
    assert law["ndjson"] == (tmp_path / "found" / "system.ndjson").read_text()


def test_a_system_that_is_not_there_is_refused(run: Run) -> None:
    result = run("fuzz", DEMO, "--examples", "1", "--target", "python:nowhere:nothing")
    assert result.exit_code == 1
    assert "there is no `nothing` in `nowhere`" in result.stderr


def test_a_cohort_is_written_beside_its_oracle(run: Run, tmp_path: Path) -> None:
    result = run("simulate", DEMO, "--patients", "4", "--to", tmp_path / "one")
    assert result.exit_code == 0
    run("simulate", DEMO, "--patients", "4", "--to", tmp_path / "two")
    for name in ("events.ndjson", "oracle.ndjson"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    oracle = [json.loads(line) for line in (tmp_path / "one" / "oracle.ndjson").read_text().splitlines()]
    assert len(oracle) == 4
    report = run("run", DEMO, tmp_path / "one" / "events.ndjson", "--format", "json", "--as-of", "2030-01-01")
    assert report.exit_code == 0
    assert {each["patient"] for each in oracle} == {each["patient"] for each in json.loads(report.stdout)["patients"]}


def test_a_recipe_that_is_wrong_says_where(run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("dropout: 5 %\n")
    result = run("simulate", DEMO, "--patients", "1", "--recipe", recipe, "--to", tmp_path)
    assert result.exit_code == 1
    assert "recipe.yaml:1:1: error[unknown-key]: `dropout` is not a key here" in result.stderr
    recipe.write_text("doses: {latte: 5 %}\n")
    result = run("simulate", DEMO, "--patients", "1", "--recipe", recipe, "--to", tmp_path)
    assert "the recipe names a departure of a dose `latte`" in result.stderr


# --- other engines ----------------------------------------------------------------------------------------------------

# Knows one alert, and only while it is told of nothing but doses.
ENGINE = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)["do"] == "alerts"
    print(json.dumps({"alerts": ["dosing/late RTX#1"]} if asked else {}), flush=True)
"""


def test_examples_are_written_and_another_engine_is_held_to_them(run: Run, tmp_path: Path) -> None:
    result = run("conformance", DEMO, "--to", tmp_path / "suite", "--streams", "1")
    assert result.exit_code == 0
    number = len(list((tmp_path / "suite").glob("*.json")))
    assert result.stdout == f"{number} examples: {tmp_path / 'suite'}\n"
    # What was written is enough: a protocol with all that it uses stands beside the examples.
    assert run("check", tmp_path / "suite" / "protocol.yaml", "--no-proofs").exit_code == 0
    (tmp_path / "engine.py").write_text(ENGINE)
    target = f"{sys.executable} {tmp_path / 'engine.py'}"
    result = run("conformance", tmp_path / "suite", "--target", target)
    assert result.exit_code == 1
    assert "dosing/late RTX#1 is raised" in result.stdout
    assert result.stdout.splitlines()[-1] == f"0 of {number} examples are answered alike"
    shown = json.loads(run("conformance", tmp_path / "suite", "--target", target, "--format", "json").stdout)
    assert shown["examples"] == number
    assert {"example", "step", "patient", "not_raised", "raised"} == set(shown["differences"][0])


def test_an_engine_that_says_the_same_ends_with_0(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "same_engine.py").write_text(
        "from pathlib import Path\n"
        "from trialspec import evaluation\n"
        "from trialspec.testing import Live\n"
        f"class Same(Live):\n    def __init__(self):\n        super().__init__(evaluation.load(Path({str(DEMO)!r})))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    result = run("conformance", DEMO, "--target", "python:same_engine:Same", "--streams", "1")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1].endswith("examples are answered alike")


def test_what_is_no_example_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"example": "a", "begins": "soon", "steps": []}')
    result = run("conformance", tmp_path, "--target", "python:nowhere:nothing")
    assert result.exit_code == 1
    assert "a.json` is no example of a conformance suite" in result.stderr
    result = run("conformance", DEMO)
    assert result.exit_code == 1
    assert "neither --to nor --target is given" in result.stderr
