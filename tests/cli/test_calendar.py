"""`calendar`: the plan from a first day, and how patients stand in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from icalendar import Calendar

from trialspec.cli import exits

DEMO = "tests/cli/demo"
EVENTS = f"{DEMO}/events.ndjson"

Run = Callable[..., Result]
Same = Callable[[str, str], None]


@pytest.mark.parametrize("form", ["table", "json", "ics"])
def test_the_plan_is_as_accepted(run: Run, same: Same, form: str) -> None:
    result = run("calendar", DEMO, "--day-1", "2014-03-03", "--as-of", "2014-03-01", "--format", form)
    assert result.exit_code == exits.FINE, result.stderr
    same(f"calendar-plan.{form}.txt", result.stdout)


def test_the_plan_counts_days_from_day_1_and_knows_no_day_0(run: Run) -> None:
    plan = json.loads(run("calendar", DEMO, "--day-1", "2014-03-03", "--format", "json").stdout)["plan"]
    days = {each["name"]: (each["planned"], each["from"], each["through"]) for each in plan}
    assert days["RTX#1"] == ("2014-03-03", "2014-03-03", "2014-03-06")
    assert days["CYC#1"] == ("2014-03-05", "2014-03-03", "2014-03-07")
    assert days["week_12"] == ("2014-05-26", "2014-05-19", "2014-06-02")
    assert days["baseline"] == (None, "2014-02-03", "2014-03-03")


def test_each_patient_stands_where_the_events_put_her(run: Run, same: Same) -> None:
    result = run("calendar", DEMO, EVENTS, "--as-of", "2014-05-20")
    assert result.exit_code == exits.FINE, result.stderr
    same("calendar-patients.txt", result.stdout)


def test_exactly_one_thing_comes_next_while_anything_is_left(run: Run) -> None:
    patients = json.loads(run("calendar", DEMO, EVENTS, "--as-of", "2014-05-20", "--format", "json").stdout)["patients"]
    assert [each["name"] for each in patients["A"] if each["next"]] == ["week_12"]
    later = json.loads(run("calendar", DEMO, EVENTS, "--as-of", "2014-06-30", "--format", "json").stdout)["patients"]
    assert [each["name"] for each in later["A"] if each["next"]] == []


def test_a_calendar_program_can_read_it(run: Run) -> None:
    written = run("calendar", DEMO, EVENTS, "--day-1", "2014-03-03", "--as-of", "2014-05-20", "--format", "ics").stdout
    events = Calendar.from_ical(written).walk("VEVENT")
    uids = [str(each["UID"]) for each in events]
    assert len(set(uids)) == len(uids)
    assert "demo/plan/week_12@trialspec" in uids
    assert "demo/A/week_12@trialspec" in uids, "what a patient still has to do"
    assert "demo/A/RTX#1@trialspec" not in uids, "but not what is done"


@pytest.mark.parametrize(
    ("repeated", "note"),
    [
        ("every: 14 d, times: 3", "only if recovered"),
        ("every: 14 d, times: 3, from: last_dose", "only if recovered; moves with the dose before it"),
    ],
)
def test_a_plan_that_repeats_follows_its_interval(run: Run, tmp_path: Path, repeated: str, note: str) -> None:
    text = Path(f"{DEMO}/protocol.yaml").read_text()
    cyc = next(line for line in text.splitlines() if line.startswith("  CYC:"))
    repeating = cyc.replace("on: day 3,", f"on: day 3, {repeated},").replace("belongs_until: day 28, ", "")
    file = tmp_path / "protocol.yaml"
    file.write_text(text.replace(cyc, repeating).replace("through: day 28}", "through: day 35}"))
    result = run("calendar", str(file), "--day-1", "2014-03-03", "--format", "json")
    assert result.exit_code == exits.FINE, result.stderr
    plan = {each["name"]: each for each in json.loads(result.stdout)["plan"]}
    days = [plan[f"CYC#{number}"]["planned"] for number in (1, 2, 3)]
    assert days == ["2014-03-05", "2014-03-19", "2014-04-02"]
    assert plan["CYC#3"]["note"] == note


def test_it_needs_a_day_or_events(run: Run) -> None:
    result = run("calendar", DEMO)
    assert result.exit_code == exits.USAGE
    assert "give --day-1 DATE, or files of events, or both" in result.stderr


@pytest.mark.parametrize("text", ["2014-03", "2014", "3 March", "", "2014-02-30"])
def test_what_is_no_date_is_refused(run: Run, text: str) -> None:
    result = run("calendar", DEMO, "--day-1", text)
    assert result.exit_code == exits.WRONG
    assert f"--day-1 `{text}` is not a date" in result.stderr
