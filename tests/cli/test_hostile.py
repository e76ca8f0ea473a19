"""Whatever is given, the answer is a sentence and a documented exit code, never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from trialspec.cli import exits

DEMO = "tests/cli/demo"
EVENTS = f"{DEMO}/events.ndjson"

Run = Callable[..., Result]


def refused(result: Result, told: str = "") -> None:
    assert result.exit_code == exits.WRONG, (result.stdout, result.stderr)
    assert "error[" in result.stderr
    assert "Traceback" not in result.stderr
    assert told in result.stderr
    assert result.stdout == ""


# --- protocols --------------------------------------------------------------------------------------------------------

WRONG_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n# nothing\n",
    "binary": bytes(range(256)) * 20,
    "no-text": b"\xff\xfe\x00\x01",
    "a-list": b"- one\n- two\n",
    "a-word": b"protocol\n",
    "unclosed": b"language: 1\nprotocol: [\n",
    "nested": b"[" * 5000,
    "json": b'{"language": 1}',
    "events": b'{"id": "a1", "patient": "A", "kind": "milestone"}\n' * 2,
    "terminal": b"language: 1\nprotocol: \x1b[2J\n",
}


@pytest.mark.parametrize("name", WRONG_FILES)
@pytest.mark.parametrize("command", ["run", "explain", "calendar", "docs", "freeze"])
def test_a_file_that_is_no_protocol(fresh: Run, tmp_path: Path, command: str, name: str) -> None:
    file = tmp_path / "protocol.yaml"
    file.write_bytes(WRONG_FILES[name])
    more = {"run": (EVENTS,), "explain": (EVENTS, "--patient", "A"), "calendar": ("--day-1", "2014-03-03")}
    result = fresh(command, str(file), *more.get(command, ()))
    refused(result)
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("command", ["run", "explain", "calendar", "docs", "freeze", "schema"])
def test_a_protocol_that_is_not_there(fresh: Run, command: str) -> None:
    more = {"run": (EVENTS,), "explain": (EVENTS, "--patient", "A"), "calendar": ("--day-1", "2014-03-03")}
    refused(fresh(command, "protocols/nowhere", *more.get(command, ())), "`protocols/nowhere`: there is no such file")


def test_a_directory_without_a_protocol(fresh: Run, tmp_path: Path) -> None:
    refused(fresh("docs", str(tmp_path)), "there is no `protocol.yaml` in this directory")


def test_a_name_that_is_close_is_offered(fresh: Run) -> None:
    result = fresh("docs", "protocols/rituximab-refractory-lupus-nephriti")
    refused(result, "did you mean `protocols/rituximab-refractory-lupus-nephritis`?")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(fresh: Run, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"")
    file.chmod(0)
    refused(fresh("run", DEMO, str(file)), "cannot be read")


# --- events -----------------------------------------------------------------------------------------------------------


def test_event_files_that_are_not_there_are_told_before_anything_is_printed(run: Run) -> None:
    refused(run("run", DEMO, EVENTS, "nowhere.ndjson"), "`nowhere.ndjson`: there is no such file")
    refused(run("calendar", DEMO, "nowhere.csv"), "`nowhere.csv`: there is no such file")


def test_a_file_of_another_kind(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "events.xlsx"
    file.write_bytes(b"PK\x03\x04")
    refused(run("run", DEMO, str(file)), "events are read from")


def test_a_directory_without_events(run: Run, tmp_path: Path) -> None:
    refused(run("run", DEMO, str(tmp_path)), "there are no event files in this directory")


@pytest.mark.parametrize("name", ["events.ndjson", "events.csv"])
def test_an_empty_file_is_nobody(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"")
    result = run("run", DEMO, str(file), "--as-of", "2014-06-30")
    assert result.exit_code == exits.FINE
    assert "there is no record of any patient" in result.stderr
    assert "there are no records of any patient" in result.stdout


@pytest.mark.parametrize("name", ["events.ndjson", "events.csv"])
def test_a_binary_file_is_lines_that_cannot_be_read(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(bytes(range(256)) * 50)
    result = run("run", DEMO, str(file), "--as-of", "2014-06-30", "--format", "json")
    assert result.exit_code == exits.WRONG, "none of it could be read"
    assert json.loads(result.stdout)["unreadable"]
    assert "\x1b" not in result.stderr
    assert "\x00" not in result.stderr


def test_what_a_record_says_cannot_drive_a_terminal_or_a_spreadsheet(run: Run, tmp_path: Path) -> None:
    record = {
        "id": "=HYPERLINK(1)",
        "patient": "=1+1",
        "kind": "observation",
        "measure": "protein",
        "value": "\x1b[31mred",
        "unit": "g/(24.h)",
        "time": "2014-03-02",
    }
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(record))
    words = ("run", DEMO, str(file), "--as-of", "2014-06-30")
    assert "\x1b" not in run(*words).stdout
    log = run(*words, "--format", "deviations").stdout.splitlines()[1]
    assert ",'=1+1," in log
    assert ",'=HYPERLINK(1)," in log


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--as-of", "--known"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2014-03", "is only part of a date"),
        ("2014", "is only part of a date"),
        ("99999-01-01", "is not a date or an instant"),
        ("9999-12-31", "is not a date or an instant"),
        ("2014-02-30", "is not a date or an instant"),
        ("2014-03-05T25:00", "is not a date or an instant"),
        ("tomorrow", "is not a date or an instant"),
        ("1400000000", "is not a date or an instant"),
        ("", "is not a date or an instant"),
    ],
)
def test_a_time_that_is_none_is_refused(run: Run, option: str, text: str, told: str) -> None:
    refused(run("run", DEMO, EVENTS, option, text), f"{option} `{text}` {told}")


@pytest.mark.slow
def test_the_last_time_that_can_be_written_is_answered(run: Run) -> None:
    assert run("run", DEMO, EVENTS, "--as-of", "9498-12-31").exit_code == exits.FINE
    assert run("run", DEMO, EVENTS, "--as-of", "1000-01-01").exit_code == exits.FINE


def test_an_hour_that_the_clocks_repeat_needs_its_offset(fresh: Run, tmp_path: Path) -> None:
    file = tmp_path / "protocol.yaml"
    file.write_text(Path(f"{DEMO}/protocol.yaml").read_text().replace("zone: Asia/Seoul", "zone: Europe/Berlin"))
    refused(fresh("run", str(file), EVENTS, "--as-of", "2014-10-26T02:30"), "occurs twice")
    assert fresh("run", str(file), EVENTS, "--as-of", "2014-10-26T02:30+01:00").exit_code == exits.FINE
    refused(fresh("run", str(file), EVENTS, "--as-of", "2014-03-30T02:30"), "is not a date or an instant that occurs")


# --- notes, options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", [b"nonsense", b"{}", b'{"alert": 1}', b"\xff", b'{"alert": "x", "kind": "eaten", "by": "me", "at": "now"}']
)
def test_a_note_that_is_none(run: Run, tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "notes.ndjson"
    file.write_bytes(b"\n" + line)
    refused(run("run", DEMO, EVENTS, "--notes", str(file)), f"{file}:2: this is no note")


def test_notes_that_are_not_there(run: Run) -> None:
    refused(run("run", DEMO, EVENTS, "--notes", "nowhere"), "--notes `nowhere`: no such file or directory")


@pytest.mark.parametrize(
    "words",
    [("run",), ("run", DEMO), ("frobnicate",), ("run", DEMO, EVENTS, "--format", "xml"), ("check",), ("--no-such",)],
)
def test_a_command_line_that_is_not_understood(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == exits.USAGE
    assert "Traceback" not in result.stderr


def test_what_is_our_fault_ends_with_70_and_the_whole_story(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("trialspec.cli.run.overview", fails)
    result = run("run", DEMO, EVENTS, "--as-of", "2014-06-30")
    assert result.exit_code == exits.OURS
    assert "RuntimeError: a defect" in result.stderr
    assert "this is a defect of trialspec, not of your files" in result.stderr


def test_an_interruption_ends_in_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trialspec.cli.run.overview", interrupted)
    result = run("run", DEMO, EVENTS, "--as-of", "2014-06-30")
    assert result.exit_code == exits.STOPPED
    assert "stopped" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_name_that_the_system_refuses_is_told(fresh: Run) -> None:
    refused(fresh("check", "/" + "x" * 5000), "file name too long")


@pytest.mark.parametrize("command", ["run", "check", "docs", "calendar"])
def test_an_empty_name_is_no_directory(fresh: Run, command: str) -> None:
    more = {"run": (EVENTS,), "calendar": (EVENTS,)}
    refused(fresh(command, "", *more.get(command, ())), "the name of the protocol is empty")
    if command in more:
        refused(fresh(command, DEMO, ""), "the name of the event file is empty")


def test_a_file_whose_name_is_not_text_is_read(run: Run, tmp_path: Path) -> None:
    record = b'{"id": "a", "kind": "person"}\n{"id": "b", "patient": "P", "kind": "person", "time": "2014-01-01"}\n'
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.ndjson")).write_bytes(record)
    result = run("run", DEMO, tmp_path, "--as-of", "2014-06-30", "--format", "json")
    assert result.exit_code == exits.FINE
    assert json.loads(result.stdout)["unreadable"][0]["place"].endswith("/caf\ufffd.ndjson:1")
