"""What a decision table means, by hand."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.rulebook.tables import rule
from trialspec.findings.finding import Subject
from trialspec.rulebook import SUBJECTS, Condition, Field, Message, Rulebook, misfit, plain

GIVEN: Message = {"state": "given", "departure": frozenset({"late", "amount"}), "gate": "met"}


@pytest.mark.parametrize(
    ("when", "alternatives", "holds"),
    [
        ({}, [], True),
        ({"state": "given"}, [], True),
        ({"state": "missed"}, [], False),
        ({"state": "missed given"}, [], True),
        ({"departure": "late"}, [], True),
        ({"departure": "late early"}, [], True),
        ({"departure": "early"}, [], False),
        ({"state": "given", "departure": "early"}, [], False),
        ({"window": "open"}, [], False),  # a field that is not there has none of the words
        ({"window": "before open past"}, [], False),  # not even all of them
        ({"state": ""}, [], False),  # nothing is among no words
        ({"state": "given"}, [{"gate": "not_met"}, {"departure": "amount", "gate": "met"}], True),
        ({"state": "given"}, [{"gate": "not_met"}, {"departure": "amount", "gate": "unknown"}], False),
        ({"state": "missed"}, [{"gate": "met"}], False),
        ({"state": "given"}, [{}, {"gate": "not_met"}], True),  # an alternative that asks nothing
    ],
)
def test_a_rule_holds_when_all_its_conditions_do_and_one_alternative(
    when: dict[str, str], alternatives: list[dict[str, str]], holds: bool
) -> None:
    assert plain.holds(rule("r", "dose", when, *alternatives), GIVEN) is holds


def test_two_conditions_on_one_set_may_be_satisfied_by_two_members() -> None:
    both = (Condition("departure", frozenset({"late"})), Condition("departure", frozenset({"amount"})))
    assert all(plain.satisfied(condition, GIVEN) for condition in both)


def test_rules_are_named_in_the_order_of_the_rulebook_and_only_those_about_the_subject() -> None:
    rulebook = Rulebook(
        (
            rule("b", "dose", {"state": "given"}),
            rule("x", "visit", {}),
            rule("a", "dose", {"gate": "met"}),
            rule("c", "dose", {"gate": "not_met"}),
        )
    )
    assert plain.matching(rulebook, "dose", GIVEN) == ("b", "a")


def test_the_subjects_are_those_of_findings() -> None:
    assert set(SUBJECTS) == set(get_args(Subject))


@pytest.mark.parametrize(
    ("subject", "message", "said"),
    [
        ("dose", {"state": "given", "departure": frozenset({"late"})}, ""),
        ("category", {"category": "responder", "final": "yes"}, ""),
        ("category", {"category": "pending"}, ""),
        ("dose", {}, ""),
        ("bed", {}, "there are no findings of `bed`"),
        ("dose", {"stat": "given"}, "a finding of dose has no `stat`"),
        ("dose", {"state": "gven"}, "`state` of dose cannot be 'gven'"),
        ("dose", {"departure": frozenset({"late", "lat"})}, "`departure` of dose cannot be 'lat'"),
        ("dose", {"departure": "late"}, "`departure` of dose must be a set of words, not 'late'"),
        ("dose", {"state": frozenset({"given"})}, "`state` of dose must be a word, not frozenset({'given'})"),
    ],
)
def test_a_message_outside_the_vocabulary_is_told(subject: str, message: Message, said: str) -> None:
    assert misfit(Rulebook(()), subject, message) == said


def test_rules_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two rules have one name"):
        Rulebook((rule("r", "dose", {}), rule("r", "visit", {})))


def test_a_set_has_listed_members() -> None:
    with pytest.raises(ValueError, match="the members of a set are listed"):
        Field(frozenset(), many=True, open=True)
