"""The command as a process of its own: pipes, signals, terminals."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from trialspec.cli import exits

CHECKOUT = Path(__file__).parents[2]
DEMO = "tests/cli/demo"
COMMAND = [sys.executable, "-m", "trialspec", "run", DEMO, f"{DEMO}/events.ndjson", "--as-of", "2014-06-30"]

pytestmark = pytest.mark.slow


def on_terminal(**environment: str) -> str:
    """Run on a terminal of our own, and give what it shows."""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"TERM": "xterm-256color", "COLUMNS": "120", **environment}
    with subprocess.Popen(COMMAND, cwd=CHECKOUT, env=env, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == exits.FINE
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def test_a_terminal_gets_colours_and_no_color_takes_them_away() -> None:
    assert "\x1b[" in on_terminal()
    plain = on_terminal(NO_COLOR="1")
    assert "\x1b" not in plain
    assert "Enrolled while ineligible: I2" in plain


def test_a_pipe_gets_plain_text() -> None:
    done = subprocess.run(COMMAND, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == exits.FINE
    assert "\x1b" not in done.stdout


def test_a_reader_that_leaves_is_told_of_in_one_sentence() -> None:
    with subprocess.Popen(COMMAND, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == exits.CUT_OFF
    assert told.splitlines()[-1] == "the output was closed before all of it was written"
    assert "Traceback" not in told


def test_an_interruption_of_the_process_is_told() -> None:
    # The signal comes while the first patient is printed, however fast the machine is.
    script = "import os, signal; import trialspec.cli.run as r; from trialspec.cli import main; "
    script += "r.overview = lambda *a: os.kill(os.getpid(), signal.SIGINT); main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMAND[3:]], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == exits.STOPPED, done.stderr
    assert "stopped; what was printed may not be all" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_imports_nothing_that_only_tests_or_calendars_need() -> None:
    script = "import sys; import trialspec.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"click", "pydantic", "trialspec"} <= loaded
    assert not loaded & {"hypothesis", "icalendar", "jsonschema", "pint", "pytest", "ucumvert"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_in_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(COMMAND, cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == exits.CUT_OFF
    assert done.stderr.splitlines()[-1].startswith("the output was closed before all of it was written: no space left")
