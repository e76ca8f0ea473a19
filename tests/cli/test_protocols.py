"""`check`, `docs`, `schema`, `freeze`, `explain-error` and `test`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from click.testing import Result

from trialspec import load
from trialspec.cli import exits, main
from trialspec.diagnostics import CODES
from trialspec.model.reference import reference
from trialspec.reports.rests import items
from trialspec.reports.table import FOOTER

CHECKOUT = Path(__file__).parents[2]
DEMO = "tests/cli/demo"
FOUNDING = "protocols/rituximab-refractory-lupus-nephritis"

Run = Callable[..., Result]
Same = Callable[[str, str], None]


def broken(folder: Path) -> Path:
    """Copy the demonstration with two mistakes."""
    text = Path(f"{DEMO}/protocol.yaml").read_text()
    text = text.replace("has: lupus_nephritis", "has: lupus_nephriti").replace("above: 1.5 10*9/L", "above: 1.5")
    file = folder / "protocol.yaml"
    file.write_text(text)
    return file


# --- check ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_shipped_is_fine(fresh: Run) -> None:
    result = fresh("check", "rules", "protocols", DEMO)
    assert result.exit_code == exits.FINE, result.stderr
    assert f"{FOUNDING}/protocol.yaml: fine (1 accepted)\n" in result.stdout
    assert "rules/deviations.yaml: fine\n" in result.stdout
    assert "cases" not in result.stdout, "cases are run, not checked"


def test_every_mistake_of_every_file_is_told(fresh: Run, same: Same, tmp_path: Path) -> None:
    file = broken(tmp_path)
    result = fresh("check", str(file), f"{DEMO}/protocol.yaml", "nowhere")
    assert result.exit_code == exits.WRONG
    assert f"{DEMO}/protocol.yaml: fine" in result.stdout
    same("check-broken.txt", (result.stdout + result.stderr).replace(str(tmp_path), "FOLDER"))


def test_diagnostics_as_data(fresh: Run, tmp_path: Path) -> None:
    result = fresh("check", str(broken(tmp_path)), "--format", "json")
    assert result.exit_code == exits.WRONG
    found = json.loads(result.stdout)
    assert {each["code"] for each in found["diagnostics"]} == {"unknown-name", "unit-missing"}
    assert all(each["place"]["line"] > 1 for each in found["diagnostics"])
    assert result.stderr == ""


def test_a_rule_file_is_checked_by_itself(fresh: Run, tmp_path: Path) -> None:
    shutil.copytree("rules", tmp_path / "rules")
    bad = tmp_path / "rules" / "deviations.yaml"
    bad.write_text(bad.read_text().replace("for_each: dose", "for_each: dosis", 1))
    result = fresh("check", str(bad))
    assert result.exit_code == exits.WRONG
    assert f"{bad}: 1 error" in result.stdout
    assert "dosis" in result.stderr


def test_in_a_directory_only_what_is_ours_is_checked(fresh: Run, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/own.yaml").write_text("language: 1\n")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "small.yaml").write_text("protocol: small\n")
    told = fresh("check", "--no-proofs", "--format", "json", str(tmp_path))
    files = [Path(each).relative_to(tmp_path).as_posix() for each in json.loads(told.stdout)["files"]]
    assert files == ["rules/own.yaml", "small.yaml"]


def test_a_library_above_the_protocol_is_named(fresh: Run, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/own.yaml").write_text("language: 1\n")
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial/protocol.yaml").write_text("language: 1\nprotocol: trial\nuse: [rules/own]\n")
    told = fresh("check", "--no-proofs", str(tmp_path / "trial"))
    assert "there is no library `rules/own`" in told.stderr
    assert f"it lies in `{tmp_path}`: give that with `--library`" in told.stderr


def test_a_library_is_looked_in_first(fresh: Run, tmp_path: Path) -> None:
    folder = tmp_path / "protocols" / "mine"
    folder.mkdir(parents=True)
    shutil.copy(f"{DEMO}/protocol.yaml", folder)
    assert fresh("check", "protocols/mine").exit_code == exits.WRONG
    result = fresh("check", "protocols/mine", "--library", str(tmp_path))
    assert result.exit_code == exits.FINE, result.stderr


def test_a_library_that_is_none_is_told(fresh: Run, tmp_path: Path) -> None:
    for folder, told in ((tmp_path / "nowhere", "there is no such directory"), (tmp_path, "has neither `rules` nor")):
        result = fresh("check", DEMO, "--library", str(folder))
        assert result.exit_code == exits.WRONG
        assert told in result.stderr


# --- docs, schema, freeze ---------------------------------------------------------------------------------------------


def test_the_plain_language_is_as_accepted(run: Run, same: Same) -> None:
    result = run("docs", DEMO)
    assert result.exit_code == exits.FINE, result.stderr
    same("docs.md", result.stdout)


def test_the_plain_language_hides_nothing_that_was_assumed(run: Run) -> None:
    shown = run("docs", FOUNDING).stdout
    program = load(Path(FOUNDING)).program
    reasons = [reason for _, provenance in items(program) for reason in (*provenance.assumed, *provenance.interpreted)]
    assert len(reasons) > 20
    assert [reason for reason in reasons if reason not in shown] == []
    assert [each for each in program.not_stated if each not in shown] == []
    assert FOOTER in shown


def test_the_reference_of_the_language_is_printed(run: Run) -> None:
    assert run("docs", "--language").stdout == reference()


def test_the_reference_in_the_repository_is_the_one_that_is_printed() -> None:
    assert Path("docs/language.md").read_text(encoding="utf-8") == reference(), "`make docs` writes it"


EVERY_WORD = """\
language: 1
protocol: words
title: Words that change an answer
version: 1.0.0
zone: UTC
use: [rules/items/blood, rules/items/drugs, rules/items/conditions, rules/deviations]
silence_means_no: {administration: always, condition: always}
moments:
  enrolled: {first: enrolment}
  day_1: {first: rituximab, from: enrolled}
eligibility:
  include:
    I1: {mean: neutrophils, from: 14 d before enrolled, through: enrolled, readings: 3, above: 1.5 10*9/L}
    I2: {latest: neutrophils, ties: least, above: 1.5 10*9/L}
    I3:
      score:
        items:
          a: {weight: 2, when: {has: pneumonia}}
          b: {weight: 1, when: {all: [{has: pneumonia}, {has: active_infection}]}}
      at_least: 2
doses:
  RTX:
    drug: rituximab
    amount: 500 mg
    on: [day 1, day 15]
    early: 0 d
    late: 3 d
    first_due: 14 d after enrolled
    interval_at_least: 10 d
    rate_at_most: 400 mg/h
    merge_within: 6 h
    belongs_until: day 30
    premedication:
      - {given: paracetamol, from: 2 h before dose, through: dose}
      - any: [{given: methylprednisolone, from: 2 h before dose}, {given: prednisone, from: 2 h before dose}]
"""


def test_docs_leave_out_no_word_that_changes_an_answer(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "protocol.yaml"
    file.write_text(EVERY_WORD, encoding="utf-8")
    result = run("docs", file)
    assert result.exit_code == exits.FINE, result.stderr
    for told in (
        "mean of neutrophils from 14 d before enrolled through enrolled (3 or more) above 1.5 10*9/L",
        "latest neutrophils (of those at one time the least) above 1.5 10*9/L",
        "  - the score is at least 2, counting\n    - 2 if any pneumonia\n    - 1 if all of\n      - any pneumonia\n",
        "at least 10 d after the dose before",
        "at most 400 mg/h",
        "parts less than 6 h apart are one dose",
        "a dose that names no slot belongs to the last one until day 30",
        "  - premedication: any paracetamol from 2 h before the dose through the dose\n",
        "  - premedication: any of\n    - any methylprednisolone from 2 h before the dose\n    - any prednisone",
    ):
        assert told in result.stdout


def test_docs_say_when_which_of_several_amounts_is_right(run: Run) -> None:
    shown = run("docs", "protocols/nih-cyclophosphamide").stdout
    assert "  - the amount of the dose before minus 250 mg/m2 of bsa if least wbc from 10 d after" in shown
    assert "  - the amount of the dose before otherwise\n" in shown


def test_docs_of_nothing_is_no_command(run: Run) -> None:
    assert run("docs").exit_code == exits.USAGE


@pytest.mark.slow
def test_the_schema_is_one_and_knows_the_verbs_in_scope(run: Run) -> None:
    plain, scoped = (json.loads(run("schema", *words).stdout) for words in ((), (FOUNDING,)))
    for schema in (plain, scoped):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert "refractory_to" not in json.dumps(plain)
    assert "refractory_to" in json.dumps(scoped)


@pytest.mark.slow
def test_what_is_frozen_means_the_same(fresh: Run, tmp_path: Path) -> None:
    result = fresh("freeze", FOUNDING)
    assert result.exit_code == exits.FINE, result.stderr
    file = tmp_path / "protocol.yaml"
    file.write_text(result.stdout)
    before, after = load(Path(FOUNDING)), load(file)
    assert result.stdout.startswith(f"# {before.program.digest}\n")
    assert after.program == before.program
    assert after.rulebook == before.rulebook


def test_what_is_wrong_is_not_frozen(fresh: Run, tmp_path: Path) -> None:
    result = fresh("freeze", str(broken(tmp_path)))
    assert (result.exit_code, result.stdout) == (exits.WRONG, "")


# --- explain-error, help ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_its_long_text(run: Run, code: str) -> None:
    assert run("explain-error", code).stdout == f"{code}\n\n{CODES[code]}\n"


def test_every_code_of_the_commands_has_its_long_text() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (CHECKOUT / "src/trialspec/cli").glob("*.py"))
    used = set(re.findall(r"""refused\(\s*"([a-z0-9-]+)\"""", sources))
    assert len(used) > 4
    assert used - set(CODES) == set()


def test_a_code_that_is_close_is_offered(run: Run) -> None:
    result = run("explain-error", "unit-mismach")
    assert result.exit_code == exits.WRONG
    assert "did you mean `unit-mismatch`?" in result.stderr


def test_the_help_lists_every_exit_code_once_for_all(run: Run, same: Same) -> None:
    shown = run("--help").stdout
    same("help.txt", shown)
    for code in (exits.FINE, exits.WRONG, exits.USAGE, exits.FOUND, exits.OURS, exits.STOPPED, exits.CUT_OFF):
        assert f" {code}  " in shown
    assert FOOTER in shown


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == exits.FINE
    assert len(result.stdout.splitlines()) > 4
    program, name, *words = result.stdout.splitlines()[-1].split()
    assert (program, name) == ("trialspec", command), "an example is the last line"
    options = {option for each in main.commands[command].params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_help_of_schema_says_what_a_protocol_adds(run: Run) -> None:
    text = " ".join(run("schema", "--help").stdout.split())
    assert "Without PROTOCOL it is that of the language alone" in text
    assert "With PROTOCOL it also has the verbs that the protocol and its libraries define" in text


# --- test -------------------------------------------------------------------------------------------------------------

CASES = """\
protocol: {demo}
day_1: 2014-03-03
background:
  - day -10: consent 1.0.0
  - day -10: screening
  - day -3: enrolment
cases:
  - case: at exactly 1.5 the cyclophosphamide is not cleared
    events:
      - day 1: rituximab 500 mg intravenous
      - day 3 08:00: neutrophils 1500 /uL
      - day 3 10:00: cyclophosphamide 750 mg intravenous
    expect:
      day 3: {CYC#1: {state: given, departure: [{departure}]}}
"""


def cases(folder: Path, departure: str) -> Path:
    demo = folder / "protocols" / "demo"
    demo.mkdir(parents=True)
    shutil.copy(f"{DEMO}/protocol.yaml", demo)
    (demo / "cases").mkdir()
    text = CASES.replace("{demo}", "protocols/demo").replace("{departure}", departure)
    (demo / "cases" / "gate.yaml").write_text(text)
    return demo


def test_cases_that_come_out_as_they_say_pass(fresh: Run, tmp_path: Path) -> None:
    result = fresh("test", str(cases(tmp_path, "gate_not_met")))
    assert (result.exit_code, result.stdout) == (exits.FINE, "1 file of cases: 1 passed\n"), result.stderr


def test_a_case_that_does_not_is_shown_with_both_answers(fresh: Run, tmp_path: Path) -> None:
    folder = cases(tmp_path, "late")
    result = fresh("test", str(folder))
    assert result.exit_code == exits.WRONG
    assert "expected: late" in result.stdout
    assert "actual:   gate_not_met (recovered not met: exactly the limit)" in result.stdout
    assert "0 passed, 1 failed" in result.stdout
    (found,) = json.loads(fresh("test", str(folder), "--format", "json").stdout)["cases"]
    assert (found["passed"], found["case"]) == (False, "at exactly 1.5 the cyclophosphamide is not cleared")


def test_one_case_may_be_run_alone(fresh: Run, tmp_path: Path) -> None:
    folder = cases(tmp_path, "gate_not_met")
    file = folder / "cases" / "gate.yaml"
    file.write_text(f"{file.read_text()}  - case: wrong\n    events: []\n    expect:\n      day 1: {{CYC#1: given}}\n")
    assert "1 passed, 1 failed" in fresh("test", str(folder)).stdout
    alone = fresh("test", str(folder), "--case", "at exactly 1.5 the cyclophosphamide is not cleared")
    assert (alone.exit_code, alone.stdout) == (exits.FINE, "1 file of cases: 1 passed\n")
    assert fresh("test", str(folder), "--case", "wrong").exit_code == exits.WRONG
    nobody = fresh("test", str(folder), "--case", "wrnog")
    assert (nobody.exit_code, "error[unknown-name]: there is no case `wrnog`" in nobody.stderr) == (exits.WRONG, True)
    assert "wrong" in nobody.stderr


def test_plain_language_has_no_words_of_the_kernel(fresh: Run, tmp_path: Path) -> None:
    file = tmp_path / "protocol.yaml"
    text = (
        Path(f"{DEMO}/protocol.yaml")
        .read_text()
        .replace("eligibility:\n", "arms: {a: {text: a}, b: {text: b}}\neligibility:\n", 1)
    )
    criteria = [
        "    A1: {age: now, at_least: 18 y, at_most: 75 y}",
        "    A2: {age: screened, below: 90 y}",
        "    A3: {arm: a}",
        "    A4: {any: [{given: rituximab, before: screened}, {on_therapy: rituximab, before: screened}]}",
    ]
    file.write_text(text.replace("  include:\n", "\n".join(["  include:", *criteria, ""]), 1))
    result = fresh("docs", str(file))
    assert result.exit_code == exits.FINE, result.stderr
    assert "  - 18 y or older now\n    - younger than 76 y now\n" in result.stdout
    assert "  - younger than 90 y at screened\n" in result.stdout
    assert "  - in the arm a\n" in result.stdout
    assert "  - any rituximab before screened (recorded as administration or therapy)\n" in result.stdout
    assert "birth" not in result.stdout


def test_a_folder_without_cases_is_told(fresh: Run, tmp_path: Path) -> None:
    result = fresh("test", str(tmp_path))
    assert result.exit_code == exits.WRONG
    assert "there are no cases" in result.stderr


def test_a_case_file_that_is_wrong_is_told(fresh: Run, tmp_path: Path) -> None:
    folder = cases(tmp_path, "gate_not_met")
    file = folder / "cases" / "gate.yaml"
    file.write_text(file.read_text().replace("expect:", "expcet:"))
    result = fresh("test", str(folder))
    assert result.exit_code == exits.WRONG
    assert "expcet" in result.stderr


# --- as data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("docs", "tests/cli/demo"), ["protocol", "version", "digest", "markdown"]),
        (("docs", "--language"), ["markdown"]),
        (("freeze", "tests/cli/demo"), ["digest", "protocol"]),
        (("explain-error", "unit-mismatch"), ["code", "meaning"]),
    ],
)
def test_every_command_prints_data(run: Run, words: tuple[str, ...], keys: list[str]) -> None:
    told = json.loads(run(*words, "--format", "json").stdout)
    assert list(told) == keys
    assert "" not in told.values()
