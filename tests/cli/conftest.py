"""Commands, run as a person would from the checkout."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trialspec.cli import main
from trialspec.evaluation import load

CHECKOUT = Path(__file__).parents[2]

Run = Callable[..., Result]
_load_once = cache(load)
Snapshot = Callable[[Path, str], None]


@pytest.fixture
def run(fresh: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; a protocol that several tests ask about is loaded once."""
    monkeypatch.setattr("trialspec.cli.arguments.load", _load_once)
    return fresh


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as the first one ever; paths are those of the checkout, and output is plain."""
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)

    return call


@pytest.fixture
def same(snapshot: Snapshot) -> Callable[[str, str], None]:
    """Compare a text with the snapshot of this name."""
    folder = Path(__file__).parent / "snapshots"

    def compare(name: str, text: str) -> None:
        snapshot(folder / name, text.replace("\r\n", "\n"))

    return compare
