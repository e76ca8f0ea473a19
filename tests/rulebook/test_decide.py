"""Both evaluators on each message not seen before; what differs is recorded, and the plain answer is used."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, cast

import pytest

from tests.rulebook.tables import rule
from trialspec.rulebook import Decider, Incident, Message, Rulebook, decide, plain, rete
from trialspec.rulebook.session import EngineFault

if TYPE_CHECKING:
    from collections.abc import Callable

BOOK = Rulebook(
    (
        rule("dosing/given-without-clearance", "dose", {"state": "given", "departure": "gate_not_met gate_unknown"}),
        rule("dosing/missed", "dose", {"state": "missed"}),
        rule("data/conflict", "record", {"problem": "conflict"}),
    )
)
UNCLEARED: Message = {"state": "given", "departure": frozenset({"gate_unknown", "late"})}


class Fake:
    """An engine that counts what it is asked, and answers as it is told."""

    def __init__(self, answer: Callable[[Rulebook, str, Message], tuple[str, ...]]) -> None:
        self.asked = 0
        self.answer = answer

    def __call__(self, rulebook: Rulebook) -> Fake:
        self.rulebook = rulebook
        return self

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        self.asked += 1
        return self.answer(self.rulebook, subject, message)


def failing(_: Rulebook, __: str, ___: Message) -> tuple[str, ...]:
    raise EngineFault("the engine failed: error code 303")


@pytest.mark.skipif(bool(rete.unavailable()), reason=rete.unavailable() or "the engine is there")
def test_both_agree_and_nothing_is_recorded() -> None:
    decider = Decider(BOOK)
    assert decider.matching("dose", UNCLEARED) == ("dosing/given-without-clearance",)
    assert decider.matching("dose", {"state": "missed"}) == ("dosing/missed",)
    assert decider.matching("dose", {"state": "due"}) == ()
    assert decider.matching("record", {"problem": "conflict"}) == ("data/conflict",)
    assert decider.incidents == ()
    assert decider.absence == ""


def test_a_message_is_decided_once() -> None:
    engine = Fake(plain.matching)
    decider = Decider(BOOK, engine=engine)
    for _ in range(3):
        decider.matching("dose", {"state": "given", "departure": frozenset({"late", "gate_unknown"})})
        decider.matching("dose", UNCLEARED)
    assert engine.asked == 1
    decider.matching("dose", {"state": "given"})
    assert engine.asked == 2


@pytest.mark.parametrize("wrong", [(), ("dosing/missed",), ("dosing/given-without-clearance", "dosing/missed")])
def test_a_difference_is_an_incident_and_the_plain_answer_is_used(wrong: tuple[str, ...]) -> None:
    decider = Decider(BOOK, engine=Fake(lambda *_: wrong))
    right = ("dosing/given-without-clearance",)
    assert [decider.matching("dose", UNCLEARED) for _ in range(2)] == [right, right]
    assert decider.incidents == (Incident("the two evaluators differ", "dose", UNCLEARED, right, wrong),)


def test_a_fault_of_the_engine_is_an_incident_and_the_plain_answer_is_used() -> None:
    decider = Decider(BOOK, engine=Fake(failing))
    assert decider.matching("dose", {"state": "missed"}) == ("dosing/missed",)
    (incident,) = decider.incidents
    assert incident == Incident(
        "the engine failed: error code 303", "dose", {"state": "missed"}, ("dosing/missed",), None
    )


def test_an_incident_keeps_the_message_as_it_was() -> None:
    decider = Decider(BOOK, engine=Fake(failing))
    message = {"state": "missed"}
    decider.matching("dose", message)
    message["state"] = "given"
    assert decider.incidents[0].message == {"state": "missed"}


def test_a_rulebook_that_cannot_be_loaded_is_one_incident_and_the_plain_answer_is_used() -> None:
    def refuse(_: Rulebook) -> Fake:
        raise EngineFault("the rehearsal of the rulebook failed: the process ended with -11")

    decider = Decider(BOOK, engine=refuse)
    assert decider.matching("dose", {"state": "missed"}) == ("dosing/missed",)
    assert decider.matching("dose", {"state": "due"}) == ()
    assert decider.incidents == (Incident("the rehearsal of the rulebook failed: the process ended with -11"),)


def test_without_the_engine_the_plain_evaluator_serves_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rete, "_absence", "the rules engine cannot be imported (No module)")
    decider = Decider(BOOK)
    assert decider.absence == "the rules engine cannot be imported (No module)"
    assert decider.matching("dose", UNCLEARED) == ("dosing/given-without-clearance",)
    assert decider.incidents == ()


def test_without_the_c_module_everything_is_imported_and_works() -> None:
    program = """
import sys
sys.modules["durable_rules_engine"] = None
from trialspec.rulebook import Condition, Decider, Rule, Rulebook
seen = Condition("state", frozenset({"done"}))
decider = Decider(Rulebook((Rule("seen", "visit", (seen,), "log", False, "for_ever", "seen"),)))
print(decider.matching("visit", {"state": "done"}), decider.incidents, decider.absence)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("('seen',) () the rules engine cannot be imported (")


@pytest.mark.parametrize("engine", [rete.Engine, Fake(plain.matching)])
def test_a_message_outside_the_vocabulary_is_an_incident_whatever_the_engine_says(
    engine: Callable[[Rulebook], decide.Matcher],
) -> None:
    decider = Decider(BOOK, engine=engine)
    assert decider.matching("dose", {"state": "misssed"}) == ()
    assert decider.matching("dose", cast("Message", {"state": None})) == ()
    assert [incident.fault for incident in decider.incidents] == [
        "`state` of dose cannot be 'misssed'",
        "`state` of dose must be a word, not None",
    ]


def test_the_oldest_answers_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "REMEMBERED", 2)
    engine = Fake(plain.matching)
    decider = Decider(BOOK, engine=engine)
    for state in ("given", "missed", "due", "missed", "given"):
        decider.matching("dose", {"state": state})
    assert engine.asked == 4
    assert len(decider._answers) == 2


def test_an_engine_that_fails_all_the_time_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "INCIDENTS", 3)
    engine = Fake(failing)
    decider = Decider(BOOK, engine=engine)
    for state in ("given", "missed", "due", "not_due", "held"):
        decider.matching("dose", {"state": state})
    assert engine.asked == 3
    assert [incident.fault for incident in decider.incidents] == [
        *["the engine failed: error code 303"] * 3,
        "there are too many incidents: the rules engine is not asked any more",
    ]
    assert decider.matching("dose", {"state": "missed"}) == ("dosing/missed",)
