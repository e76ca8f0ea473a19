"""What README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from trialspec.cli import exits, main
from trialspec.events import CARRIES, EVERY_KIND, OWN
from trialspec.items import MILESTONES

CHECKOUT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall((CHECKOUT / "README.md").read_text(encoding="utf-8"))


def alike(text: str) -> str:
    """Leave out what other files decide: where a library lies, its lines, and the digest that covers it."""
    text = text.replace(f"{CHECKOUT}/", "")
    text = re.sub(r"(rules/[\w/.-]+):\d+:\d+", r"\1", text)
    return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text).strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files that README shows, and the one that it only tells of."""
    for language, text in blocks():
        first, rest = text.split("\n", 1)
        if language == "yaml":
            file, content = tmp_path / first.removeprefix("# "), text
        elif first.startswith("$ cat "):
            file, content = tmp_path / first.removeprefix("$ cat "), rest
        else:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    protocol = (tmp_path / "two-drugs" / "protocol.yaml").read_text()
    assert "above: 1.5 10*9/L" in protocol
    (tmp_path / "two-drugs" / "wrong.yaml").write_text(protocol.replace("1.5 10*9/L", "1.5 mg/dL"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[tuple[str, str]]:
    shown = [text.split("\n", 1) for language, text in blocks() if language == "console"]
    return [(first.removeprefix("$ "), rest) for first, rest in shown if first.startswith("$ trialspec ")]


def test_there_are_commands_to_check() -> None:
    assert len(commands()) == 3


@pytest.mark.parametrize(("command", "printed"), commands())
def test_each_command_prints_what_is_shown(folder: Path, command: str, printed: str) -> None:
    assert folder.is_dir()
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == (exits.WRONG if "wrong" in command else exits.FINE), result.stderr
    assert alike(result.stdout + result.stderr) == alike(printed)


def test_the_protocol_has_twenty_lines() -> None:
    protocol = next(text for language, text in blocks() if language == "yaml")
    assert len(protocol.splitlines()) <= 20


def test_the_python_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert folder.is_dir()
    (script,) = [text for language, text in blocks() if language == "python"]
    exec(compile(script, "README.md", "exec"), {})  # noqa: S102 - it is our own
    assert "P1/two-drugs/dosing/given-without-clearance/CYC#1/e7" in capsys.readouterr().out


def test_the_table_of_commands_is_complete() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [name for name in main.commands if f"`{name}`" not in text and f"`trialspec {name} " not in text] == []


def test_the_table_of_events_is_complete() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (`[a-z_`, ]+`) \|$", text, flags=re.MULTILINE))
    told = {kind.strip("`"): tuple(re.findall(r"`(\w+)`", keys)) for kind, keys in rows.items()}
    of_any = told.pop("any of them")
    assert told == CARRIES
    assert set(of_any) == {*EVERY_KIND, *OWN, "status"} - {"id", "patient", "kind", "time"}
    [named] = re.findall(r"^- A milestone is (.*?)\.$", text, flags=re.MULTILINE | re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", named)) == MILESTONES


def test_every_link_leads_somewhere() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (CHECKOUT / target).exists()] == []
