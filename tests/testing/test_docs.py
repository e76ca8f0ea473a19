"""The examples of docs/testing.md run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from trialspec.cli import main
from trialspec.testing import DEPARTURES
from trialspec.testing.recipes import Recipe

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    """The blocks of a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def test_the_python_runs_and_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    script = "\n".join(blocks("python"))
    exec(compile(script, "testing.md", "exec"), {})  # noqa: S102 - it is our own
    assert capsys.readouterr().out == "".join(blocks(""))


def test_the_command_prints_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (told,) = re.findall(r"^```console\n\$ trialspec (.*?)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    result = CliRunner().invoke(main, told[0].split(), catch_exceptions=False)
    assert result.stdout == told[1]


def test_every_departure_and_every_share_is_named() -> None:
    assert [word for word in (*DEPARTURES, *Recipe.__dataclass_fields__) if f"`{word}`" not in TEXT] == []
