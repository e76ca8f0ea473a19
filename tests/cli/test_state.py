"""`watch --state`: what was told is not told again, and another version of the protocol judges everybody anew."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.test_watch import CHECKOUT, DEMO, EVENTS, clocks, folded, journal, present, ran, watch
from trialspec.cli import exits
from trialspec.store import StateFile

Run = Callable[..., Result]
__all__ = ["clocks", "watch"]  # the fixtures


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "watch.state"


def lines() -> list[bytes]:
    return (CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True)


def alter(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as file, file:
        file.execute(statement)


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_stopped_anywhere_and_started_again_it_leads_to_the_alerts_of_run(
    watch: Run, run: Run, state: Path, cut: int
) -> None:
    whole = lines()
    before = watch(DEMO, "--state", str(state), come=b"".join(whole[:cut]))
    after = watch(DEMO, "--state", str(state), come=b"".join(whole[max(0, cut - 3) :]))
    told = journal(before) + journal(after)
    assert folded(told) == ran(run, DEMO, EVENTS, present(after)) != {}


def test_what_was_told_is_not_told_again(watch: Run, state: Path) -> None:
    assert journal(watch(DEMO, "--from", EVENTS, "--state", str(state)))
    again = watch(DEMO, "--from", EVENTS, "--state", str(state))
    assert journal(again) == []
    assert again.exit_code == exits.FINE


def test_started_again_with_nothing_new_the_present_stays_where_it_stood(watch: Run, state: Path) -> None:
    first = watch(DEMO, "--from", EVENTS, "--state", str(state))
    again = watch(DEMO, "--state", str(state), come=b"")
    assert journal(again) == []
    assert present(again) == present(first), "silence is not what the clock on the wall makes of old records"


def test_what_another_version_judges_is_said_though_nothing_comes(watch: Run, state: Path, tmp_path: Path) -> None:
    watch(DEMO, "--from", EVENTS, "--state", str(state))
    amended = amendment(tmp_path)
    told = watch(amended, "--state", str(state), come=b"")
    assert journal(told)
    assert journal(watch(amended, "--state", str(state), come=b"")) == []


def amendment(folder: Path) -> str:
    """Give a version of the protocol that asks for more neutrophils."""
    amended = folder / "amended"
    shutil.copytree(CHECKOUT / DEMO, amended)
    protocol = amended / "protocol.yaml"
    text = protocol.read_text(encoding="utf-8")
    assert "above: 1.5 10*9/L" in text
    protocol.write_text(text.replace("above: 1.5 10*9/L", "above: 3.5 10*9/L"), encoding="utf-8")
    return str(amended)


def test_another_version_says_what_it_judges_otherwise(watch: Run, run: Run, state: Path, tmp_path: Path) -> None:
    amended = amendment(tmp_path)
    first = watch(DEMO, "--from", EVENTS, "--state", str(state))
    second = watch(amended, "--from", EVENTS, "--state", str(state))
    changed = journal(second)
    assert {line["what"] for line in changed} & {"raised", "withdrawn", "revised"}
    expected = ran(run, amended, EVENTS, present(second))
    reached = folded(journal(first) + changed)
    # What stays as it is keeps the digest by which it was raised.
    assert {key: {**alert, "digest": ""} for key, alert in reached.items()} == {
        key: {**alert, "digest": ""} for key, alert in expected.items()
    }
    assert journal(watch(amended, "--from", EVENTS, "--state", str(state))) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no database at all, but long enough to be looked at", "is no state of a watch"),
        (None, "that is a directory"),
    ],
)
def test_a_file_that_is_something_else_is_left_alone(run: Run, state: Path, content: bytes | None, reason: str) -> None:
    if content is None:
        state.mkdir()
    else:
        state.write_bytes(content)
    result = run("watch", DEMO, "--from", EVENTS, "--state", str(state))
    assert result.exit_code == exits.WRONG
    assert reason in result.stderr
    assert content is None or state.read_bytes() == content


def test_a_database_of_something_else_is_left_alone(run: Run, state: Path) -> None:
    alter(state, "create table visits (day integer)")
    content = state.read_bytes()
    result = run("watch", DEMO, "--from", EVENTS, "--state", str(state))
    assert result.exit_code == exits.WRONG
    assert "a database of something else" in result.stderr
    assert state.read_bytes() == content


def test_two_watches_do_not_share_a_state(watch: Run, run: Run, state: Path) -> None:
    watch(DEMO, "--from", EVENTS, "--state", str(state))
    held = StateFile(state)
    held.set("at", "0")
    result = run("watch", DEMO, "--from", EVENTS, "--state", str(state))
    held.close()
    assert result.exit_code == exits.WRONG
    assert "by another watch perhaps" in result.stderr


def test_a_state_of_another_format_is_refused(watch: Run, run: Run, state: Path) -> None:
    watch(DEMO, "--from", EVENTS, "--state", str(state))
    alter(state, "update fact set value = 'trialspec state 0' where name = 'format'")
    result = run("watch", DEMO, "--from", EVENTS, "--state", str(state))
    assert result.exit_code == exits.WRONG
    assert "`trialspec state 0`" in result.stderr


def test_a_state_of_another_protocol_is_refused(watch: Run, run: Run, state: Path, tmp_path: Path) -> None:
    watch(DEMO, "--from", EVENTS, "--state", str(state))
    other = tmp_path / "other"
    shutil.copytree(CHECKOUT / DEMO, other)
    text = (other / "protocol.yaml").read_text(encoding="utf-8")
    (other / "protocol.yaml").write_text(text.replace("protocol: demo", "protocol: other", 1), encoding="utf-8")
    result = run("watch", str(other), "--from", EVENTS, "--state", str(state))
    assert result.exit_code == exits.WRONG
    assert "give each a file of its own" in result.stderr
