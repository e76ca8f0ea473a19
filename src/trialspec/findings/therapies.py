"""Other therapy: what the protocol prohibits, and what counts as rescue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_term, shown_times, told
from trialspec.findings.records import selected, since
from trialspec.interpreters.reading import NOTHING, Missing, Question, earliest
from trialspec.interpreters.reference import cited, next_visible, visible, worlds
from trialspec.interpreters.selection import select
from trialspec.kernel import Fold
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, some

if TYPE_CHECKING:
    from trialspec.kernel import Select
    from trialspec.patient import Item
    from trialspec.program import Program, TherapyRule

_ANSWER = {MET: "yes", NOT_MET: "no", UNKNOWN: "unknown"}


def therapies(program: Program, question: Question) -> Found:
    """Say of each therapy and administration that a rule of the protocol names whether it is prohibited or a rescue.

    Facts: therapy, drug, date, rules (the names of the rules that it matches or may match), text, clause, assumed.
    """
    rules = [(rule, _matched(rule, question)) for rule in program.therapies]
    names = sorted({name for _, matches in rules for name in matches.items})
    made = []
    for name in names:
        own = [(rule, matches) for rule, matches in rules if matches.items.get(name, NOT_MET) is not NOT_MET]
        if own:
            made.append(_therapy(program, name, own, question))
    return found(made, *(matches.until for _, matches in rules))


@dataclass(frozen=True, slots=True)
class _Matches:
    """The items that a rule holds, or may hold, by id; which records that rests on, and until when it stays so."""

    items: dict[str, Verdict]
    because: frozenset[str] = NOTHING
    until: int | None = None


def _matched(rule: TherapyRule, question: Question) -> _Matches:
    each = [_selected(query, question) for query in rule.select]
    names = {name for matches in each for name in matches.items}
    return _Matches(
        {name: some(matches.items.get(name, NOT_MET) for matches in each) for name in names},
        frozenset[str]().union(*(matches.because for matches in each)),
        earliest(*(matches.until for matches in each)),
    )


def _selected(query: Select, question: Question) -> _Matches:
    pinned = worlds(question, Fold("count", query))
    if pinned is None:
        seen = {item.id: UNKNOWN for item in selected(query, question) if visible(item, question) is not NOT_MET}
        return _Matches(seen, until=next_visible(question.timeline.items, question))
    selections = [select(query, world) for world in pinned]
    # Two contents in conflict are two items of one id.
    inside = [
        {item.id: some(there for other, there in each.items if other.id == item.id) for item, _ in each.items}
        for each in selections
    ]
    names = {name for each in inside for name in each}
    return _Matches(
        {name: agreed(each.get(name, NOT_MET) for each in inside) for name in names},
        frozenset[str]().union(*(each.because for each in selections)),
        earliest(*(at for each in selections for at in (each.until, *each.flips.values()))),
    )


def _therapy(program: Program, name: str, own: list[tuple[TherapyRule, _Matches]], question: Question) -> Finding:
    items: list[Item] = [item for item in question.timeline.items if item.id == name]
    first = own[0][0]

    def role(wanted: str) -> str:
        return _ANSWER[some(matches.items[name] for rule, matches in own if rule.role == wanted)]

    missing = frozenset(Missing(f"{name}: {rule.name}") for rule, matches in own if matches.items[name] is UNKNOWN)
    words = told(
        first.provenance,
        missing,
        therapy=name,
        drug=" or ".join(sorted({shown_term(program.vocabulary, item.fields.get("drug")) for item in items})),
        date=shown_times(item.when for item in items),
        rules=", ".join(rule.name for rule, _ in own),
    )
    return Finding(
        "therapy",
        name,
        {"prohibited": role("prohibited"), "rescue": role("rescue")},
        earliest(*(matches.until for _, matches in own)),
        since(items[0].when, question.timeline.zone) if len({item.when for item in items}) == 1 else None,
        because=frozenset[str]().union(*(cited(item) for item in items), *(matches.because for _, matches in own)),
        missing=missing,
        facts=words,
        provenance=first.provenance,
        place=first.place,
    )
