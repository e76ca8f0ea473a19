"""What the protocol must say of a simulated patient, by what was decided of it: no evaluator is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trialspec.evaluation import Protocol
from trialspec.program import Program
from trialspec.rulebook.plain import matching
from trialspec.testing.made import Expected
from trialspec.testing.wishes import Wish, slots

Message = Mapping[str, str | frozenset[str]]


def alerts(protocol: Protocol, expected: Iterable[Expected], wish: Wish) -> tuple[tuple[str, ...], frozenset[str]]:
    """Give the alerts of what was decided, by the table of rules; and what they are about."""
    found: list[str] = []
    about: set[str] = set()
    messages: dict[tuple[str, str], dict[str, str | frozenset[str]]] = {}
    for each in expected:
        messages.setdefault((each.subject, each.name), {})[each.field] = (
            each.words if each.field == "departure" else next(iter(each.words))
        )
    for (subject, name), message in messages.items():
        whole = _whole(subject, name, message, protocol.program, wish)
        if whole is None:
            continue
        about.add(name)
        found += [f"{rule} {name}" for rule in matching(protocol.rulebook, subject, whole)]
    return tuple(sorted(found)), frozenset(about)


def _whole(subject: str, name: str, message: Message, program: Program, wish: Wish) -> Message | None:
    """Complete what is found of a subject by what was decided; nothing for what was not decided in full."""
    if subject == "eligibility":
        answer = message.get("now", "")
        return {"now": answer, "at_enrolment": answer, "as_known": answer, "enrolled": "yes"}
    if subject == "category":
        return {**message, "final": "yes"}
    if subject == "visit":
        return message
    if subject != "dose" or message.get("state") != "given" or "departure" not in message:
        return None
    word = wish.departing.get(name, "")
    plan, _ = slots(program)[name]
    if plan.amounts:
        return None  # what is reckoned at each dose is not made, so nobody can say whether it was right
    gates = plan.gates
    gate = {"gate_not_met": "not_met", "gate_unknown": "unknown"}.get(word, "met")
    if any(program.gates[each].otherwise == "warn" for each in gates):
        return None
    window = {"late": "past", "early": "before"}.get(word, "open")
    own: Message = {
        "departure_unknown": frozenset[str](),
        "gate": gate,
        "holding": gate,
        "warning": "met",
        "window": window,
    }
    return {**message, **own}
