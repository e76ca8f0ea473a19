"""What a decision table means: which rules hold for a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialspec.rulebook.table import Condition, Message, Rule, Rulebook


def matching(rulebook: Rulebook, subject: str, message: Message) -> tuple[str, ...]:
    """Name the rules that hold for a finding, in the order of the rulebook."""
    return tuple(rule.name for rule in rulebook.about(subject) if holds(rule, message))


def holds(rule: Rule, message: Message) -> bool:
    """Whether all of `when` is satisfied and, where there are alternatives, all of one of them."""
    return _all(rule.when, message) and (not rule.any or any(_all(conditions, message) for conditions in rule.any))


def _all(conditions: tuple[Condition, ...], message: Message) -> bool:
    return all(satisfied(condition, message) for condition in conditions)


def satisfied(condition: Condition, message: Message) -> bool:
    """Whether the field's word, or a member of its set, is among those named; an absent field satisfies nothing."""
    match message.get(condition.field):
        case str(word):
            return word in condition.values
        case frozenset(members):
            return not condition.values.isdisjoint(members)
        case _:
            return False
