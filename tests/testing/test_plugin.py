"""The pytest plugin: cases are collected, protocols are handed to tests, a failing case shows what happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "tests" / "cli" / "demo" / "protocol.yaml"
CASES = """
day_1: 2014-03-03
background:
  - day -10: screening
  - day 1: rituximab 500 mg intravenous
cases:
  - case: it is given
    expect:
      day 1: {RTX#1: given}
  - case: it is not known to be right
    xfail: the day is one too early
    expect:
      day -1: {RTX#1: given}
"""


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, with the plugin and nothing of this repository's own settings."""
    command = [sys.executable, "-m", "pytest", "-p", "trialspec.pytest_plugin", "-p", "no:cacheprovider", "-q", *args]
    (folder / "pytest.ini").touch()
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a protocol and its cases."""
    (tmp_path / "protocols" / "demo" / "cases").mkdir(parents=True)
    (tmp_path / "protocols" / "demo" / "protocol.yaml").write_text(DEMO.read_text())
    (tmp_path / "protocols" / "demo" / "cases" / "given.yaml").write_text(CASES)
    return tmp_path


pytestmark = pytest.mark.slow


def test_cases_are_tests(folder: Path) -> None:
    result = run(folder, "-rx")
    assert "1 passed, 1 xfailed" in result.stdout, result.stdout
    assert "the day is one too early" in result.stdout


def test_a_case_that_fails_shows_what_happened(folder: Path) -> None:
    file = folder / "protocols" / "demo" / "cases" / "given.yaml"
    file.write_text(CASES.replace("RTX#1: given", "RTX#1: missed", 1))
    result = run(folder)
    assert result.returncode == 1
    assert "expected: missed" in result.stdout
    assert "actual:   given" in result.stdout
    assert "2014-03-03       b2   rituximab 500 mg intravenous" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_file_that_is_wrong_says_where(folder: Path) -> None:
    (folder / "protocols" / "demo" / "cases" / "given.yaml").write_text("cases: [{case: a, expcet: {}}]\n")
    result = run(folder)
    assert result.returncode == 2
    assert "`expcet` is not a key here" in result.stdout


TESTS = """
from trialspec.pytest_plugin import for_protocol


@for_protocol("protocols/*")
def test_each(protocol):
    assert protocol.program.name == "demo"


@for_protocol("protocols/*")
def test_both_say_the_same(protocol, reference, monitor):
    raw = {"id": "a", "patient": "P", "kind": "milestone", "milestone": "enrolment", "time": "2024-03-04"}
    for each in (reference, monitor):
        each.begin(1_709_500_000)
        each.feed([raw])
        each.tick(1_709_700_000)
    assert reference.alerts("P") == monitor.alerts("P")


def test_by_the_setting(protocol):
    assert protocol.program.name == "demo"
"""


def test_protocols_are_handed_to_tests(folder: Path) -> None:
    (folder / "test_mine.py").write_text(TESTS)
    result = run(folder, "-o", "trialspec_protocol=protocols/demo", "test_mine.py")
    assert "3 passed" in result.stdout, result.stdout


def test_a_pattern_that_names_nothing_is_refused(folder: Path) -> None:
    (folder / "test_mine.py").write_text(TESTS.replace("protocols/*", "nowhere/*"))
    result = run(folder, "test_mine.py")
    assert "for_protocol: no protocol under nowhere/*" in result.stdout + result.stderr
