"""`run`, on three patients: one as planned, one with departures, one not enrolled."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from trialspec.cli import exits, show
from trialspec.reports.deviations import COLUMNS, SDTM
from trialspec.reports.queries import COLUMNS as QUERY_COLUMNS
from trialspec.reports.table import FOOTER
from trialspec.rulebook.rete import EngineAbsent

CHECKOUT = Path(__file__).parents[2]
DEMO = "tests/cli/demo"
EVENTS = f"{DEMO}/events.ndjson"
ASKED = (DEMO, EVENTS, "--as-of", "2014-06-30")

Run = Callable[..., Result]
Same = Callable[[str, str], None]


def asked(run: Run, *more: str) -> Result:
    result = run("run", *ASKED, *more)
    assert result.exit_code == exits.FINE, result.stderr
    return result


def everything(run: Run, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(run, "--format", "json", *more).stdout)
    return found


def of_patient(run: Run, name: str, *more: str) -> dict[str, Any]:
    return next(each for each in everything(run, *more)["patients"] if each["patient"] == name)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_id_that_two_patients_bear_is_said_and_neither_is_sure(run: Run, tmp_path: Path) -> None:
    record = '{"id": "a1", "patient": "%s", "kind": "milestone", "milestone": "screening", "time": "2014-02-21"}\n'
    file = tmp_path / "shared.ndjson"
    file.write_text("".join(record % name for name in ("P1", "P2")), encoding="utf-8")
    result = run("run", DEMO, file, "--as-of", "2014-03-01", "--format", "json")
    assert "one record id is borne by records of several patients" in result.stderr
    assert "  a1: P1, P2\n" in result.stderr
    for patient in json.loads(result.stdout)["patients"]:
        (problem,) = (each for each in patient["findings"] if each["subject"] == "record")
        assert (problem["name"], problem["fields"]) == ("a1", {"problem": "conflict"})
        assert [each["fields"]["screened"] for each in patient["findings"] if each["subject"] == "patient"] == [
            "unknown"
        ]


# --- what is printed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json", "deviations", "queries"])
def test_each_format_is_as_accepted(run: Run, same: Same, form: str) -> None:
    result = asked(run, "--format", form)
    same(f"run-{form}.txt", result.stdout)
    same(f"run-{form}-stderr.txt", result.stderr)


def test_on_a_terminal_there_are_tables(run: Run, same: Same, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "on_terminal", lambda _: True)
    same("run-terminal.txt", asked(run, "--patient", "B").stdout)


@pytest.mark.slow
def test_every_report_says_that_a_person_decides(run: Run) -> None:
    assert FOOTER in asked(run).stdout
    assert everything(run)["note"] == FOOTER
    assert FOOTER in asked(run, "--format", "deviations").stderr
    assert FOOTER in asked(run, "--format", "queries").stderr


def test_every_dose_is_accounted_for(run: Run) -> None:
    for patient in everything(run)["patients"]:
        doses = {each["name"]: each["fields"]["state"] for each in patient["findings"] if each["subject"] == "dose"}
        assert set(doses) == {"RTX#1", "RTX#2", "CYC#1"}


@pytest.mark.slow
def test_what_could_not_be_read_is_said_in_every_format(run: Run) -> None:
    for form in ("table", "json", "deviations", "queries"):
        assert "2 records name no patient" in asked(run, "--format", form).stderr
    places = [each["place"] for each in everything(run)["unreadable"]]
    assert places == [f"{EVENTS}:23", f"{EVENTS}:24"]


# --- the monitor's log ------------------------------------------------------------------------------------------------


def test_the_log_has_the_columns_of_sdtm_and_a_line_for_each_deviation(run: Run) -> None:
    found = lines(asked(run, "--format", "deviations").stdout)
    assert tuple(found[0]) == COLUMNS
    assert COLUMNS[: len(SDTM)] == SDTM
    assert [(each["USUBJID"], each["DVSEQ"], each["DVDECOD"], each["DVSTDTC"]) for each in found] == [
        ("B", "1", "eligibility/enrolled-while-ineligible", "2014-02-28"),
        ("B", "2", "dosing/given-without-clearance", "2014-03-05"),
        ("B", "3", "dosing/late", "2014-03-21"),
        ("B", "4", "data/set-aside", "2014-05-26"),
    ]


def test_a_reminder_is_no_deviation(run: Run) -> None:
    rules = {each["rule"] for each in of_patient(run, "B")["alerts"]}
    assert "dosing/held" in rules
    assert "dosing/held" not in {each["DVDECOD"] for each in lines(asked(run, "--format", "deviations").stdout)}


def test_importance_is_what_the_protocol_says(run: Run) -> None:
    found = {each["DVDECOD"]: each["important"] for each in lines(asked(run, "--format", "deviations").stdout)}
    assert found["dosing/given-without-clearance"] == "Y"
    assert found["dosing/late"] == "N"


def test_since_when_it_was_known_is_empty_where_a_record_does_not_say(run: Run) -> None:
    found = {each["DVDECOD"]: each["known_since"] for each in lines(asked(run, "--format", "deviations").stdout)}
    assert found["dosing/given-without-clearance"] == "2014-03-05"
    assert found["dosing/late"] == ""


# --- queries ----------------------------------------------------------------------------------------------------------


def test_a_query_says_what_is_missing_who_is_asked_and_by_when(run: Run) -> None:
    found = lines(asked(run, "--format", "queries").stdout)
    asked_of_b = {each["query"]: each for each in found if each["patient"] == "B"}
    correction = next(each for name, each in asked_of_b.items() if name.startswith("correct b10"))
    assert correction["status"] == "open"
    missing = asked_of_b["protein at week_12"]
    assert (missing["asked_of"], missing["from"], missing["due"]) == ("laboratory", "2014-05-19", "2014-06-02")
    assert "b10" in missing["source"]
    assert "category half@week_12" in missing["needed_for"]


def test_what_can_still_come_is_awaited_not_open(run: Run) -> None:
    result = run("run", DEMO, EVENTS, "--as-of", "2014-05-01", "--format", "queries")
    status = {each["query"]: each["status"] for each in lines(result.stdout) if each["patient"] == "A"}
    assert status == {"protein at week_12": "awaited"}


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_an_alert_carries_all_that_it_takes_to_judge_it(run: Run) -> None:
    alerts = {each["rule"]: each for each in of_patient(run, "B")["alerts"]}
    given = alerts["dosing/given-without-clearance"]
    assert given["alert"] == "B/demo/dosing/given-without-clearance/CYC#1/b8"
    assert given["happened"] == "2014-03-05T11:00:00+09:00"
    assert given["margins"] == [
        "latest neutrophils from 7 d before the dose through the dose above 1.5 10*9/L: 0.1 10*9/L beyond the limit"
    ]
    assert {"b7", "b8"} <= set(given["events"])
    assert given["assumes"] == ["recovered: not re-read in its source (unverified)"]
    assert len(given["digest"]) == 64
    held = alerts["dosing/held"]
    assert (held["happened"], held["resolved"]) == ("2014-03-04T08:00:00+09:00", "2014-03-05T11:00:00+09:00")


def test_a_word_that_was_not_found_prints_as_a_question_mark(run: Run, tmp_path: Path) -> None:
    without = [line for line in Path(EVENTS).read_text().splitlines() if '"b9"' not in line]
    events = tmp_path / "events.ndjson"
    events.write_text("\n".join(without))
    result = run("run", DEMO, str(events), "--as-of", "2014-06-30", "--patient", "B")
    assert "RTX#2 was missed; planned 2014-03-17 (?)" in result.stdout


def test_the_order_of_files_and_of_lines_changes_nothing(run: Run, tmp_path: Path) -> None:
    records = Path(EVENTS).read_text().splitlines()
    (tmp_path / "one.ndjson").write_text("\n".join(records[::-2]))
    (tmp_path / "two.ndjson").write_text("\n".join([*records[::2], *records[1::2]]))
    before = everything(run)
    after = json.loads(run("run", DEMO, str(tmp_path), "--as-of", "2014-06-30", "--format", "json").stdout)
    assert after["patients"] == before["patients"]


def test_only_the_patients_that_are_named(run: Run) -> None:
    assert [each["patient"] for each in everything(run, "--patient", "C", "--patient", "A")["patients"]] == ["A", "C"]


def test_csv_gives_the_same_answer(run: Run, tmp_path: Path) -> None:
    records = [json.loads(line) for line in Path(EVENTS).read_text().splitlines()[:-2]]
    file = tmp_path / "events.csv"
    keys = list(dict.fromkeys(key for record in records for key in record))
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, keys)
        writer.writeheader()
        writer.writerows(
            {key: {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
             for key, value in record.items()}
            for record in records
        )  # fmt: skip
    after = json.loads(run("run", DEMO, str(file), "--as-of", "2014-06-30", "--format", "json").stdout)
    assert after["patients"] == everything(run)["patients"]


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2014-03-05", "2014-03-05T23:59:59+09:00"),
        ("2014-03-05T09:30", "2014-03-05T09:30:00+09:00"),
        ("2014-03-05T09:30Z", "2014-03-05T18:30:00+09:00"),
    ],
)
def test_a_date_means_its_end_where_the_protocol_is(run: Run, text: str, at: str) -> None:
    found = json.loads(run("run", DEMO, EVENTS, "--as-of", text, "--format", "json").stdout)
    assert found["patients"][0]["as_of"] == at


def test_without_a_time_it_is_now(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trialspec.cli.arguments.instant", lambda text, *_: 1_400_000_000 if text is None else 0)
    found = json.loads(run("run", DEMO, EVENTS, "--format", "json").stdout)
    assert found["patients"][0]["as_of"] == "2014-05-14T01:53:20+09:00"


@pytest.mark.slow
def test_as_known_uses_only_what_was_available(run: Run) -> None:
    def held(*more: str) -> set[str]:
        return {each["rule"] for each in of_patient(run, "B", *more)["alerts"]}

    assert "data/set-aside" in held()
    assert "data/set-aside" not in held("--known", "2014-05-26")


# --- who may see it ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_would_unblind_is_withheld_and_counted(fresh: Run, tmp_path: Path) -> None:
    file = tmp_path / "protocol.yaml"
    text = Path(f"{DEMO}/protocol.yaml").read_text()
    file.write_text(text.replace("  response/final:\n", "  response/final:\n    unblinds: yes\n"))
    words = (str(file), EVENTS, "--as-of", "2014-06-30")
    for form in ("table", "json"):
        blinded = fresh("run", *words, "--format", form)
        assert "response/final" not in blinded.stdout
        assert "responder" not in blinded.stdout
        assert "half@week_12" not in blinded.stdout
        assert "alerts withheld, because they would unblind: 2\n" in blinded.stderr
        assert "findings withheld, because they would unblind: 6; `--unblinded` shows them\n" in blinded.stderr
        unblinded = fresh("run", *words, "--format", form, "--unblinded")
        assert "response/final" in unblinded.stdout
        assert "withheld" not in unblinded.stderr
    assert "there is no alert" in fresh("explain", *words, "--patient", "A", "--alert", "response/final").stderr


# --- notes, exit codes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_notes_stand_beside_their_alert_and_change_nothing(run: Run, tmp_path: Path) -> None:
    note = {
        "alert": "B/demo/dosing/given-without-clearance/CYC#1/b8",
        "kind": "overridden",
        "by": "Dr Kim",
        "at": "2014-03-06",
        "reason": "benefit outweighs",
    }
    file = tmp_path / "notes.ndjson"
    file.write_text(json.dumps(note) + "\n\n")
    assert "overridden by Dr Kim: benefit outweighs" in asked(run, "--notes", str(file)).stdout
    alerts = of_patient(run, "B", "--notes", str(file))["alerts"]
    assert [each["notes"] for each in alerts if each["notes"]] == [[note]]
    assert [each["alert"] for each in alerts] == [each["alert"] for each in of_patient(run, "B")["alerts"]]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--fail-on", "important"), exits.FOUND),
        (("--fail-on", "any"), exits.FOUND),
        (("--fail-on", "important", "--patient", "A"), exits.FINE),
        (("--fail-on", "any", "--patient", "A"), exits.FINE),
        ((), exits.FINE),
    ],
)
def test_findings_fail_the_command_only_when_asked(run: Run, words: tuple[str, ...], code: int) -> None:
    assert run("run", *ASKED, *words).exit_code == code


def test_a_difference_of_the_two_evaluators_is_told_and_ends_with_70(
    fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lying:
        def matching(self, *_: object) -> tuple[str, ...]:
            return ()

    monkeypatch.setattr("trialspec.rulebook.decide.Decider.__init__.__kwdefaults__", {"engine": lambda _: Lying()})
    result = fresh("run", *ASKED, "--patient", "B")
    assert result.exit_code == exits.OURS
    assert "incident: the two evaluators differ" in result.stderr
    assert "dosing/given-without-clearance" in result.stdout, "the plain answer is used"


def test_without_the_rules_engine_the_plain_evaluator_serves_and_it_is_said(
    fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: object) -> None:
        raise EngineAbsent("there is none here")

    before = everything(fresh)["patients"]
    monkeypatch.setattr("trialspec.rulebook.decide.Decider.__init__.__kwdefaults__", {"engine": absent})
    result = asked(fresh, "--format", "json")
    assert "there is none here; the plain evaluator" in result.stderr
    assert json.loads(result.stdout)["patients"] == before


# --- what docs/reports.md promises ------------------------------------------------------------------------------------


def test_the_columns_of_the_log_are_documented_in_order() -> None:
    text = (CHECKOUT / "docs/reports.md").read_text(encoding="utf-8")
    section = text.split("## Queries")[0]
    listed = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert tuple(name for name in listed if name != "column") == COLUMNS


def test_the_columns_of_queries_and_the_keys_of_alerts_are_documented(run: Run) -> None:
    text = (CHECKOUT / "docs/reports.md").read_text(encoding="utf-8")
    assert [name for name in QUERY_COLUMNS if f"`{name}`" not in text] == []
    documented = " ".join(text.split()).split("An alert has its")[1]
    alert = of_patient(run, "B")["alerts"][0]
    assert [name for name in alert if f"`{name}`" not in documented] == []
