"""How many examples a generated law draws, and how a text is compared with its snapshot.

A law sets no count of its own: it takes the profile's, `quick` unless `--hypothesis-profile=deep` says otherwise.
"""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests that run in the background may have been told to ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast the machine is says nothing about a law.
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("quick", ANY_SPEED, max_examples=100, derandomize=True)
# Some sixty laws: more than 100 000 examples in all.
settings.register_profile("deep", ANY_SPEED, max_examples=2_000, print_blob=True)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write snapshots anew instead of comparing with them")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how far published answers agree with ours, and why not."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    told = [
        str(text)
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, text in report.user_properties
        if name == "agreement" and report.when == "call"
    ]
    if told:
        terminalreporter.section("published answers")
        for text in told:
            terminalreporter.line(text)


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with the file that holds it; `make accept` writes the file, and its diff is reviewed."""
    accepting = request.config.getoption("--accept")

    def compare(file: Path, text: str) -> None:
        if accepting:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{file.name} does not exist yet; `make accept` writes it"
        assert text == file.read_text(encoding="utf-8")

    return compare
