"""Rules of the protocol's own: whether each can fire at all, and says what no other does."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from trialspec.proofs.finding import Finding, Report, clause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.evaluation import Protocol
    from trialspec.program import Program
    from trialspec.rulebook.table import Condition, Rule


def rules(protocol: Protocol, report: Report) -> None:
    """Look at the rules that stand in the protocol's own file; those of a library are for any protocol."""
    program = protocol.program
    home = None if program.place is None else program.place.file
    own = [rule for rule in protocol.rulebook.rules if rule.place is not None and rule.place.file == home]
    for rule in own:
        why = _never(program, rule)
        if why:
            message = f"`{rule.name}` can never be raised: {why}"
            advice = "look at the words of its conditions, or leave the rule out"
            sure = "proved by what the protocol plans"
            report.found(Finding("alert-never-fires", rule.name, message, rule.place, "warning", advice, (), sure))
    for one, other in combinations(protocol.rulebook.rules, 2):
        if {one, other} & set(own) and _asks(one) == _asks(other):
            late, first = (other, one) if other in own else (one, other)
            message = f"`{late.name}` asks for the same as `{first.name}`: both are raised each time"
            advice = "keep one of them"
            clauses = clause(first.place, "the same conditions")
            report.found(Finding("alert-masked", late.name, message, late.place, "warning", advice, clauses))


def _asks(rule: Rule) -> tuple[object, ...]:
    return rule.for_each, frozenset(rule.when), frozenset(frozenset(alternative) for alternative in rule.any)


def _never(program: Program, rule: Rule) -> str:
    """Say why a rule cannot hold of any finding of a protocol; nothing where it may."""
    missing = _without(program).get(rule.for_each, "")
    if missing:
        return missing
    impossible = _impossible(program)
    for condition in rule.when:
        if why := _ruled_out(rule.for_each, condition, impossible):
            return why
    ways = [[_ruled_out(rule.for_each, each, impossible) for each in alternative] for alternative in rule.any]
    if ways and all(any(way) for way in ways):
        return next(why for why in ways[0] if why)
    return ""


def _ruled_out(subject: str, condition: Condition, impossible: dict[tuple[str, str, str], str]) -> str:
    reasons = [impossible.get((subject, condition.field, word), "") for word in sorted(condition.values)]
    return reasons[0] if all(reasons) else ""


def _without(program: Program) -> dict[str, str]:
    """Give the subjects of which the protocol has none."""
    there = {
        "criterion": program.criteria,
        "dose": program.doses,
        "gate": program.gates,
        "course": () if program.course is None else (program.course,),
        "visit": program.visits,
        "assessment": program.assessments,
        "component": [part for each in program.responses for part in each.components],
        "category": program.responses,
        "therapy": program.therapies,
    }
    return {name: f"the protocol has no {name}" for name, parts in there.items() if not parts}


def _impossible(program: Program) -> dict[tuple[str, str, str], str]:
    """Give the words that a field can never have in this protocol, and why."""
    found: dict[tuple[str, str, str], str] = {}

    def rule_out(subject: str, field: str, words: Iterable[str], why: str) -> None:
        found.update({(subject, field, word): why for word in words})

    plans = program.doses
    held = [gate for plan in plans for name in plan.gates if (gate := program.gates.get(name)) is not None]
    needs = {
        "rate": any(
            limit is not None
            for plan in plans
            for limit in (plan.rate_at_most, plan.rate_steps, plan.resumed_at_most, plan.lasts_at_least)
        ),
        "premedication": any(plan.premedication for plan in plans),
        "interval": any(plan.interval_at_least is not None for plan in plans),
        "route": any(plan.routes for plan in plans),
        "amount": any(plan.amount is not None or plan.amounts for plan in plans),
        "gate_not_met": any(gate.otherwise == "hold" for gate in held),
        "gate_unknown": any(gate.otherwise == "hold" for gate in held),
        "after_course": program.course is not None,
    }
    for word, is_planned in needs.items():
        if not is_planned:
            why = f"no dose is planned with what would make the departure `{word}`"
            rule_out("dose", "departure", [word], why)
            rule_out("dose", "departure_unknown", [word], why)
    if not any(gate.otherwise == "hold" for gate in held):
        rule_out("dose", "state", ["held"], "no gate holds a dose")
        rule_out("dose", "holding", ["not_met", "unknown"], "no gate holds a dose")
    if not any(gate.otherwise == "warn" for gate in held):
        rule_out("dose", "warning", ["not_met", "unknown"], "no gate only warns")
    if not held:
        rule_out("dose", "gate", ["not_met", "unknown"], "no dose has a gate")
    roles = {each.role for each in program.criteria}
    for role in ("include", "exclude"):
        if role not in roles:
            rule_out("criterion", "role", [role], f"no criterion is one of `{role}`")
    if not any(each.methods for each in program.assessments):
        why = "no assessment asks for a method"
        rule_out("assessment", "departure", ["wrong_method"], why)
        rule_out("visit", "departure", ["wrong_method"], why)
    for subject, planned in (("dose", plans), ("visit", program.visits)):
        if all(each.only_if is None for each in planned):
            rule_out(subject, "applies", ["met", "not_met", "unknown"], f"no {subject} is for some patients only")
    if program.report_within is None:
        why = "the protocol does not say how soon an event is to be reported"
        rule_out("adverse_event", "reported_late", ["yes", "no"], why)
    for kind in ("prohibited", "rescue"):
        if not any(each.role == kind for each in program.therapies):
            rule_out("therapy", kind, ["yes", "unknown"], f"the protocol names no {kind} therapy")
    if not program.criteria:
        rule_out("eligibility", "now", ["ineligible", "undetermined"], "there is no criterion")
        rule_out("eligibility", "at_enrolment", ["ineligible", "undetermined"], "there is no criterion")
    return found
