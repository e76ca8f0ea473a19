"""A directory of several versions: every command says something sensible, and a running watch takes a new one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.test_watch import CHECKOUT, folded, journal
from trialspec.cli import exits

Run = Callable[..., Result]
AMENDED = "tests/amended"
EVENTS: tuple[dict[str, object], ...] = (
    {"kind": "person", "birth": "1980-01-01", "site": "A", "time": "2014-02-01"},
    {"kind": "condition", "concept": "lupus_nephritis", "time": "2014-02-11"},
    {"kind": "milestone", "milestone": "consent", "version": "1.0.0", "time": "2014-02-17T09:00"},
    {"kind": "milestone", "milestone": "screening", "time": "2014-02-24T09:00"},
    {"kind": "milestone", "milestone": "enrolment", "time": "2014-03-02T09:00"},
    {"kind": "observation", "measure": "neutrophils", "value": 2, "unit": "10*9/L", "time": "2014-03-02T10:00"},
    {"kind": "administration", "drug": "rituximab", "amount": 500, "unit": "mg", "route": "intravenous"}
    | {"time": "2014-03-03T10:00"},
)


def events(patient: str, version: str = "1.0.0") -> bytes:
    """Give what happened to a patient who consented to a version."""
    told = (raw | ({"version": version} if "version" in raw else {}) for raw in EVENTS)
    lines = (json.dumps({"id": f"{patient}-{number}", "patient": patient, **raw}) for number, raw in enumerate(told))
    return "\n".join((*lines, "")).encode()


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A file of two patients, each of whom consented to another version."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(events("P1") + events("P2", "2.0.0"))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory of the first version alone."""
    folder = tmp_path / "amended"
    (folder / "former").mkdir(parents=True)
    shutil.copy(CHECKOUT / AMENDED / "former/1.0.0.yaml", folder / "protocol.yaml")
    return folder


def amend(folder: Path) -> None:
    """Put the second version into a directory, and the first among those before it."""
    (folder / "protocol.yaml").replace(folder / "former/1.0.0.yaml")
    shutil.copy(CHECKOUT / AMENDED / "protocol.yaml", folder / "protocol.yaml")


def digests(run: Run) -> dict[str, str]:
    """Give the digest of each version by itself."""
    files = {"2.0.0": f"{AMENDED}/protocol.yaml", "1.0.0": f"{AMENDED}/former/1.0.0.yaml"}
    return {
        version: json.loads(run("freeze", file, "--format", "json").stdout)["digest"] for version, file in files.items()
    }


def test_every_alert_names_the_version_that_judged_it(run: Run, both: Path) -> None:
    told = json.loads(run("run", AMENDED, str(both), "--as-of", "2014-05-01", "--format", "json").stdout)
    by_version = digests(run)
    assert [(each["version"], each["digest"]) for each in told["versions"]] == sorted(by_version.items())
    assert {each["patient"]: each["version"] for each in told["patients"]} == {"P1": "1.0.0", "P2": "2.0.0"}
    for patient in told["patients"]:
        after = [alert for alert in patient["alerts"] if alert["happened"] and alert["happened"] > "2014-02-17T09:00"]
        assert {alert["digest"] for alert in after} == {by_version[patient["version"]]}
    gates = {each["patient"] for each in told["patients"] for a in each["alerts"] if "clearance" in a["rule"]}
    assert gates == {"P2"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check", "--no-proofs", AMENDED), "tests/amended/protocol.yaml and 1 version before it: fine"),
        (("docs", AMENDED), "version 2.0.0"),
        (("test", AMENDED), "2 files of cases"),
        (("calendar", AMENDED, "--day-1", "2014-03-03"), "week_2"),
    ],
)
def test_other_commands_take_the_directory(run: Run, words: tuple[str, ...], told: str) -> None:
    result = run(*words)
    assert result.exit_code == exits.FINE, result.output
    assert told in result.output


def test_a_page_says_which_version_judges(run: Run, both: Path) -> None:
    shown = run("run", AMENDED, str(both), "--as-of", "2014-05-01").stdout
    assert "(amended 2.0.0, before it 1.0.0)" in shown
    assert shown.index("judged by version 1.0.0") < shown.index("judged by version 2.0.0")
    explained = run("explain", AMENDED, str(both), "--patient", "P1", "--as-of", "2014-05-01")
    assert explained.exit_code == exits.FINE
    assert "criterion E1" not in explained.stdout


def test_freezing_says_where_the_others_are(run: Run) -> None:
    result = run("freeze", AMENDED)
    assert "version: 2.0.0" in result.stdout
    assert "before it: tests/amended/former/1.0.0.yaml" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("protocol: amended", "protocol: another", "this is a version of `another`, the newest one is of `amended`"),
        ("version: 1.0.0", "version: 2.0.0", "version 2.0.0 is here twice"),
        ("version: 1.0.0", "version: 2.10.0", "version 2.10.0 is newer than version 2.0.0 in `protocol.yaml`"),
        (
            "zone: Asia/Seoul\nsites",
            "zone: Asia/Tokyo\nsites",
            "the zone is Asia/Tokyo, in the newest version Asia/Seoul",
        ),
        ("B: {zone: Asia/Seoul}", "B: {zone: Asia/Tokyo}", "site `B` lies in Asia/Tokyo"),
        ("at_most: 200 10*9/L", "at_most: 300 10*9/L", "`neutrophils` is not the same in every version"),
        ("use: [rules/deviations]", "use: [rules/nothing]", "there is no library `rules/nothing`"),
    ],
)
def test_versions_that_do_not_fit_together_are_refused(run: Run, folder: Path, old: str, new: str, says: str) -> None:
    amend(folder)
    former = folder / "former/1.0.0.yaml"
    text = former.read_text(encoding="utf-8")
    assert old in text
    former.write_text(text.replace(old, new), encoding="utf-8")
    result = run("check", str(folder))
    assert result.exit_code == exits.WRONG
    assert says in result.stderr
    assert "former/1.0.0.yaml:" in result.stderr
    assert run("run", str(folder), str(CHECKOUT / "tests/cli/demo/events.ndjson")).exit_code == exits.WRONG


def test_a_measure_is_made_alike_in_every_version(run: Run, folder: Path) -> None:
    amend(folder)
    made = (
        "twice: {unit: 10*9/L, derived: {dated_by: neutrophils, inputs: {n: {latest: neutrophils}}, formula: FORMULA}}"
    )
    asked = "include:\n    I2: {latest: twice, above: 1 10*9/L}"
    newest = folder / "protocol.yaml"
    for file, formula in ((newest, "{add: [n, n]}"), (folder / "former/1.0.0.yaml", "{multiply: [n, 2]}")):
        text = file.read_text(encoding="utf-8").replace("include:", asked, 1)
        text = text.replace("measures:", f"measures:\n  {made.replace('FORMULA', formula)}", 1)
        file.write_text(text, encoding="utf-8")
    differing = run("check", str(folder))
    assert differing.exit_code == exits.WRONG
    assert "`twice` is not made alike in every version" in differing.stderr
    newest.write_text(
        newest.read_text(encoding="utf-8").replace("{add: [n, n]}", "{multiply: [n, 2]}"), encoding="utf-8"
    )
    assert run("check", str(folder)).exit_code == exits.FINE


# --- a running watch --------------------------------------------------------------------------------------------------


class Watching:
    """A watch in a process of its own that follows a file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.events, self.journal = folder.parent / "events.ndjson", folder.parent / "journal.ndjson"
        self.errors = folder.parent / "errors.txt"
        command = [sys.executable, "-m", "trialspec", "watch", str(folder), "--from", f"follow:{self.events}"]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, "--to", str(self.journal), *options],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def add(self, lines: bytes) -> None:
        with self.events.open("ab") as file:
            file.write(lines)

    def reread(self) -> None:
        os.kill(self.process.pid, signal.SIGHUP)

    def until(self, done: Callable[[Watching], bool]) -> None:
        for _ in range(600):
            if done(self):
                return
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        raise AssertionError(f"it never came: {self.said}")

    @property
    def lines(self) -> list[dict[str, object]]:
        text = self.journal.read_text(encoding="utf-8") if self.journal.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def said(self) -> str:
        return self.errors.read_text(encoding="utf-8")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == exits.STOPPED, self.said


@pytest.mark.slow
def test_a_running_watch_takes_a_new_version(fresh: Run, folder: Path) -> None:
    state = ("--state", str(folder.parent / "watch.state"))
    watching = Watching(folder, *state)
    try:
        watching.add(events("P1") + events("P2", "2.0.0"))
        # By the first version alone, the second patient consented to one that there is not.
        watching.until(lambda it: any(line["rule"] == "consent/wrong-version" for line in it.lines))
        told = len(watching.lines)

        (folder / "protocol.yaml").write_text("language: 1\nprotocol: amended\n", encoding="utf-8")
        watching.reread()
        watching.until(lambda it: "still judged by amended 1.0.0" in it.said)
        assert "error[missing-key]" in watching.said
        assert len(watching.lines) == told

        shutil.copy(CHECKOUT / AMENDED / "former/1.0.0.yaml", folder / "protocol.yaml")
        watching.reread()
        watching.until(lambda it: "nothing is new" in it.said)
        amend(folder)
        watching.reread()
        watching.until(lambda it: "judged by amended 2.0.0, before it 1.0.0 from now on" in it.said)
        watching.until(lambda it: any("clearance" in str(line["rule"]) for line in it.lines))
        new = watching.lines[told:]
        assert {line["patient"] for line in new} == {"P2"}
        assert ("consent/wrong-version", "withdrawn") in {(line["rule"], line["what"]) for line in new}
        assert {line["digest"] for line in new if line["what"] == "raised"} == {digests(fresh)["2.0.0"]}

        watching.add(events("P3", "2.0.0"))
        watching.until(lambda it: any(line["patient"] == "P3" for line in it.lines))
        watching.stop()
    finally:
        watching.process.kill()
        watching.process.wait()
    before = len(watching.lines)
    present = max(str(line["noticed"]) for line in watching.lines)
    reported = json.loads(
        fresh("run", str(folder), str(watching.events), "--as-of", present, "--format", "json").stdout
    )["patients"]
    expected = {alert["alert"]: alert for each in reported for alert in each["alerts"]}
    reached = folded(watching.lines)
    assert {key: (each["sentence"], each["resolved"]) for key, each in reached.items()} == {
        key: (each["sentence"], each["resolved"]) for key, each in expected.items()
    }
    again = fresh("watch", str(folder), "--from", str(watching.events), *state)
    assert journal(again) == [], "what was told is not told again, by the versions that were kept"
    assert before


@pytest.mark.slow
def test_a_new_version_is_taken_at_the_next_start_too(fresh: Run, folder: Path, both: Path) -> None:
    state = ("--state", str(folder.parent / "watch.state"))
    first = journal(fresh("watch", str(folder), "--from", str(both), *state))
    amend(folder)
    second = journal(fresh("watch", str(folder), "--from", str(both), *state))
    assert {line["patient"] for line in second} == {"P2"}
    assert journal(fresh("watch", str(folder), "--from", str(both), *state)) == []
    alone = journal(fresh("watch", str(folder), "--from", str(both)))
    assert set(folded(first + second)) == set(folded(alone))
