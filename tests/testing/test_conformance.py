"""Conformance: the live engine conforms, one that is wrong does not, and files say the same as the suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from trialspec import evaluation
from trialspec.testing import (
    Command,
    Example,
    Function,
    Live,
    NoAnswerError,
    Reference,
    read_conformance,
    run_conformance,
    suite,
    write_conformance,
)
from trialspec.testing.draft import Raw
from trialspec.testing.systems import shown, system

ROOT = Path(__file__).parents[2]
DEMO = evaluation.load(ROOT / "tests" / "cli" / "demo")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return list(suite(DEMO, streams=5))


class Generous(Live):
    """Reads a count of exactly 1.5 as 1.6."""

    def feed(self, raws: Sequence[Raw]) -> None:
        super().feed([{**raw, "value": "1.6"} if raw.get("value") == "1.5" else raw for raw in raws])


def test_the_live_engine_conforms(examples: list[Example]) -> None:
    assert list(run_conformance(Live(DEMO), examples)) == []
    assert len(examples) > 40


def test_an_engine_with_a_limit_read_wrongly_does_not(examples: list[Example]) -> None:
    found = [str(each) for each in run_conformance(Generous(DEMO), examples)]
    assert any("dosing/given-without-clearance CYC#1 is not raised" in each for each in found)


def test_files_say_the_same(examples: list[Example], tmp_path: Path) -> None:
    number = write_conformance(DEMO, "protocol: demo\n", tmp_path, streams=5)
    assert number == len(examples) == len(list(tmp_path.glob("*.json")))
    read = {each.name: each for each in read_conformance(tmp_path)}
    assert read == {each.name: each for each in examples}


# --- systems ----------------------------------------------------------------------------------------------------------

ECHO = """
import json, sys
late = []
for line in sys.stdin:
    told = json.loads(line)
    if told["do"] == "begin":
        late.clear()
    elif told["do"] == "feed":
        late += [record for record in told["records"] if record.get("drug")]
    answer = {"alerts": ["drug " + record["drug"] for record in late]} if told["do"] == "alerts" else {}
    print(json.dumps(answer), flush=True)
"""
DOSE = {"id": "a", "patient": "P", "kind": "administration", "drug": "rituximab", "time": "2024-03-04"}


def test_a_command_is_asked_by_lines(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO)
    command = Command(f"{sys.executable} {tmp_path / 'echo.py'}")
    command.begin(0)
    command.feed([DOSE])
    command.tick(5)
    assert command.alerts("P") == {"drug rituximab"}
    command.begin(0)
    assert command.alerts("P") == frozenset()
    command.end()


def test_a_function_is_asked_with_all_records() -> None:
    asked: list[object] = []

    def answer(records: object, at: str, patient: str) -> list[str]:
        asked.append((records, at, patient))
        return ["a b"]

    function = Function(answer)
    function.begin(0)
    function.feed([DOSE])
    function.tick(86_400)
    assert function.alerts("P") == {"a b"}
    assert asked == [([DOSE], "1970-01-02T00:00:00Z", "P")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python:nowhere:nothing", "there is no `nothing` in `nowhere`"),
        ("no-such-command-anywhere", "cannot be started"),
    ],
)
def test_a_system_that_is_not_there_is_named(text: str, said: str) -> None:
    with pytest.raises(NoAnswerError, match=said):
        system(text).begin(0)


def test_an_answer_that_is_none_is_refused() -> None:
    silent = Command(f"{sys.executable} -c 'import sys; [print(1, flush=True) for _ in sys.stdin]'")
    silent.begin(0)
    with pytest.raises(NoAnswerError, match="does not answer"):
        silent.alerts("P")
    silent.end()


def test_the_reference_knows_nobody_before_the_first_record() -> None:
    reference = Reference(DEMO)
    assert reference.alerts("P") == frozenset()
    assert json.loads(json.dumps({"at": shown(0)})) == {"at": "1970-01-01T00:00:00Z"}
