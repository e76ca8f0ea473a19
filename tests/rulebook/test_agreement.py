"""The rules engine names the rules that the table means, on generated findings over generated tables."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.rulebook.tables import Matching, disagreements, rule, some_message, some_rulebook, some_vocabulary
from trialspec.rulebook import SUBJECTS, Message, Rule, Rulebook, plain, rete
from trialspec.rulebook.rete import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialspec.rulebook.decide import Matcher

pytestmark = pytest.mark.skipif(bool(rete.unavailable()), reason=rete.unavailable() or "the engine is there")


def rulebooks(seed: int, count: int) -> Iterator[tuple[Random, Rulebook]]:
    """Half over the vocabulary of trialspec, half over made-up ones."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        yield random, some_rulebook(random, SUBJECTS if number % 2 else some_vocabulary(random))


def agree(seed: int, tables: int, messages: int) -> Counter[str]:
    """Compare both evaluators and count what the findings were like."""
    seen: Counter[str] = Counter()
    for random, rulebook in rulebooks(seed, tables):
        meant = Matching(rulebook, plain.matching)
        drawn = [some_message(random, rulebook) for _ in range(messages)]
        assert list(disagreements(meant, Engine(rulebook), drawn)) == [], f"seed {seed}, {rulebook}"
        rulesets = {subject: len(rete.rulesets(rulebook, subject)) for subject in rulebook.subjects}
        for subject, message in drawn:
            names = plain.matching(rulebook, subject, message)
            seen["findings"] += 1
            seen["several rulesets"] += rulesets[subject] > 1
            seen["none"] += not names
            seen["one"] += len(names) == 1
            seen["several"] += len(names) > 1
            seen["many"] += len(names) > 4
            seen["not all"] += 0 < len(names) < len(rulebook.about(subject))
    return seen


def covered(seen: Counter[str]) -> None:
    """An agreement about findings that satisfy nothing, or everything, would prove little."""
    for kind, least in {
        "none": 0.05,
        "one": 0.15,
        "several": 0.2,
        "many": 0.02,
        "not all": 0.4,
        "several rulesets": 0.1,
    }.items():
        assert seen[kind] >= least * seen["findings"], f"{kind}: {seen}"


def test_the_engine_names_the_rules_that_the_table_means() -> None:
    covered(agree(seed=1, tables=30, messages=150))


@pytest.mark.deep
def test_the_engine_names_the_rules_that_the_table_means_on_100_000_findings() -> None:
    seen = agree(seed=2, tables=250, messages=400)
    covered(seen)
    assert seen["findings"] == 100_000


def test_five_hundred_rules_of_one_subject_all_hold_for_one_finding() -> None:
    """Far beyond what one ruleset bears: 65 rules that hold at once are refused there."""
    departures = sorted(SUBJECTS["dose"]["departure"].values)
    rules = tuple(
        rule(
            f"r{n}",
            "dose",
            {"state": "given", "departure": departures[n % 16]},
            *([{"departure_unknown": departures[n // 32]}] * (n % 3)),
        )
        for n in range(500)
    )
    rulebook = Rulebook(rules)
    everything: Message = {
        "state": "given",
        "departure": frozenset(departures),
        "departure_unknown": frozenset(departures),
    }
    engine = Engine(rulebook)
    assert len(rete.rulesets(rulebook, "dose")) == 9
    assert engine.matching("dose", everything) == tuple(r.name for r in rules)
    nearly: Message = {**everything, "departure": frozenset(departures) - {"late"}}
    assert engine.matching("dose", nearly) == plain.matching(rulebook, "dose", nearly)
    assert len(engine.matching("dose", nearly)) == 500 - 31


# ---------------------------------------------------------------------------------------------------------------------
# Deliberately wrong evaluators: the comparison must catch each


def only_the_first(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """The first rule consumes the finding, as it does an event."""
    return plain.matching(rulebook, subject, message)[:1]


def every_member(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """A set must have all the members named, not one of them."""

    def holds(one: Rule) -> bool:
        return all(isinstance(m := message.get(c.field), str) or c.values <= (m or frozenset()) for c in one.when)

    named = plain.matching(rulebook, subject, message)
    return tuple(one.name for one in rulebook.about(subject) if one.name in named and holds(one))


def any_is_all(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """All alternatives must hold."""
    return tuple(
        one.name
        for one in rulebook.about(subject)
        if all(plain.satisfied(c, message) for c in (*one.when, *(c for alternative in one.any for c in alternative)))
    )


def absent_passes(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """A field that is not there satisfies its conditions."""

    def holds(one: Rule) -> bool:
        there = tuple(c for c in one.when if c.field in message)
        return plain.holds(
            Rule(one.name, subject, there, "now", important=True, lasts="for_ever", say="", any=one.any), message
        )

    return tuple(one.name for one in rulebook.about(subject) if holds(one))


def twice(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """A rule is named once for each alternative that holds, as the engine's own *or* does."""
    named = plain.matching(rulebook, subject, message)
    return tuple(
        one.name
        for one in rulebook.about(subject)
        if one.name in named
        for _ in [a for a in one.any if all(plain.satisfied(c, message) for c in a)] or [()]
    )


def other_order(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """Newest first."""
    return plain.matching(rulebook, subject, message)[::-1]


@pytest.mark.parametrize("mutant", [only_the_first, every_member, any_is_all, absent_passes, twice, other_order])
def test_a_wrong_evaluator_is_caught(mutant: Callable[[Rulebook, str, Message], tuple[str, ...]]) -> None:
    caught = 0
    for random, rulebook in rulebooks(seed=1, count=30):
        right: Matcher = Engine(rulebook)
        drawn = [some_message(random, rulebook) for _ in range(30)]
        caught += bool(list(disagreements(right, Matching(rulebook, mutant), drawn)))
    assert caught >= 3


def test_an_engine_with_one_ruleset_left_out_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = rete.rulesets
    rulebook = Rulebook(tuple(rule(f"r{n}", "dose", {"state": "given"}) for n in range(61)))
    monkeypatch.setattr(rete, "rulesets", lambda book, subject: packed(book, subject)[:1])
    drawn: list[tuple[str, Message]] = [("dose", {"state": "given"})]
    assert list(disagreements(Matching(rulebook, plain.matching), Engine(rulebook), drawn))
