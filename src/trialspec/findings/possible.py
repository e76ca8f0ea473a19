"""Doses of uncertain date, name or existence are tried in every way they may have been; what all agree on is found."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from trialspec.findings.dose_facts import shown_word
from trialspec.findings.found import Found, found
from trialspec.findings.infusions import word_of
from trialspec.findings.once import once
from trialspec.findings.records import FIRST_CONSENT, milestone
from trialspec.findings.slots import families, named_plan, points_of, slot_names
from trialspec.interpreters.reading import Missing, Question, earliest
from trialspec.interpreters.reference import membership, worlds
from trialspec.interpreters.selection import MOST_WORLDS
from trialspec.kernel import Moment, Window
from trialspec.quantity import Codes, word
from trialspec.truth import NOT_MET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialspec.findings.finding import Finding
    from trialspec.kernel import Point
    from trialspec.patient import Item
    from trialspec.program import DosePlan, Program
    from trialspec.times import When

CONSENT = FIRST_CONSENT
STOPS = ("treatment_stopped", "consent_withdrawn", "left_study", "death")


@once
def stop_of(program: Program) -> Moment:
    """What ends treatment; a stop from before the screening was of an earlier attempt to take part."""
    window = Window(start=program.moments.get("screened"))
    return Moment("stopped", "first", replace(milestone(*STOPS), window=window))


# --- one world for every way it may have been -------------------------------------------------------------------------


def possible(program: Program, question: Question) -> tuple[Question, ...] | None:
    """Give the question once for each way in which moments and doses may have come about; `None` for too many."""
    anchored = worlds(question, *_points(program))
    if anchored is None:
        return None
    pinned: list[Question] = []
    for world in anchored:
        settled = _settled(program, world)
        if settled is None or len(pinned) + len(settled) > MOST_WORLDS:
            return None
        pinned += settled
    return tuple(pinned)


@once
def _points(program: Program) -> tuple[Point, ...]:
    named = (program.moments.get(name) for name in ("screened", "enrolled"))
    planned = (point for family in families(program) for plan in family for point in points_of(plan))
    course = () if program.course is None else (program.course.through,)
    return (*(moment for moment in named if moment), *planned, *course, CONSENT, stop_of(program))


def _settled(program: Program, world: Question) -> tuple[Question, ...] | None:
    """Pin the doses that are still uncertain once every moment is certain."""
    items = world.timeline.items
    screened = Window(start=program.moments.get("screened"))
    choices: dict[int, list[Item | None]] = {}
    for index, item in enumerate(items):
        if plan_of(item, program.doses) is not None and membership(item, screened, world) is not NOT_MET:
            if max(when.last - when.first for when in (item.when, item.visible)) > MOST_WORLDS:
                return None
            ways = list(_ways(item, program.doses, world))
            if len(ways) > 1 or ways[0] is not item:
                choices[index] = ways
    if prod(len(ways) for ways in choices.values()) > MOST_WORLDS:
        return None
    pinned = []
    for pins in product(*choices.values()):
        chosen: dict[int, Item | None] = dict(zip(choices, pins, strict=True))
        kept = (chosen.get(index, item) for index, item in enumerate(items))
        timeline = replace(world.timeline, items=tuple(item for item in kept if item is not None))
        pinned.append(replace(world, timeline=timeline))
    return tuple(pinned)


def plan_of(item: Item, plans: Sequence[DosePlan]) -> DosePlan | None:
    """Give the plan that an administration belongs to: by the slot it names, else by its drug."""
    if item.kind != "administration" or item.answer == "absent":
        return None
    by_name = named_plan(word_of(item, "planned"), plans)
    drug = item.fields.get("drug")
    if by_name is not None or not isinstance(drug, Codes):
        return by_name
    return next((plan for plan in plans if drug.among(plan.drugs) is not NOT_MET), None)


def _ways(item: Item, plans: Sequence[DosePlan], world: Question) -> Iterator[Item | None]:
    """Give each certain dose that an uncertain one may have been; `None` for none at all."""
    told = not any(_vague(item, field) for field in _TOLD)
    if told and item.certain and item.when.certain and item.visible.certain:
        yield item
        return
    alike = item.visible == item.when
    for seen in _seen(item.visible, world):
        for when in (seen,) if alike else item.when.choices():
            dated = replace(item, when=when, visible=seen, certain=True)
            yield from _told_ways(dated, plans, world.timeline.items)
    if not item.certain:
        yield None


def _seen(visible: When, world: Question) -> Iterator[When]:
    """Give the times at which a record may have come into sight; of dates to come, which are alike, the first."""
    tomorrow = world.timeline.zone.date_of(world.at) + 1
    return (when for when in visible.choices() if when.first <= max(tomorrow, visible.first))


_TOLD = ("planned", "part_of")


def _vague(item: Item, field: str) -> bool:
    value = item.fields.get(field)
    return isinstance(value, Codes) and (value.words is None or len(value.words) > 1)


def _told_ways(item: Item, plans: Sequence[DosePlan], items: Iterable[Item]) -> Iterator[Item]:
    """Give the dose once for each slot and piece that contradicting records may mean."""
    anything: dict[str, frozenset[str]] = {
        "planned": frozenset({"", *(name for plan in plans for name in slot_names(plan))}),
        "part_of": frozenset({"", *(word_of(other, "part_of") for other in items)}),
    }
    vague = [field for field in _TOLD if _vague(item, field)]
    values = [(field, item.fields[field]) for field in vague]
    words = [value.words if isinstance(value, Codes) and value.words else anything[field] for field, value in values]
    kept = {field: value for field, value in item.fields.items() if field not in vague}
    for told in product(*(sorted(each) for each in words)):
        chosen = {field: word(each) for field, each in zip(vague, told, strict=True) if each}
        yield replace(item, fields=kept | chosen)


# --- what all worlds agree on -----------------------------------------------------------------------------------------


def join(seen: Sequence[Found]) -> Found:
    """Join what was found in each world, finding by finding; one that several worlds share is the same object."""
    if len(seen) == 1:
        return seen[0]
    told: dict[tuple[str, str], dict[int, Finding]] = {}
    there: dict[tuple[str, str], set[int]] = {}
    for number, each in enumerate(seen):
        for finding in each.findings:
            key = finding.subject, finding.name
            told.setdefault(key, {})[id(finding)] = finding
            there.setdefault(key, set()).add(number)
    joined = []
    for (subject, name), findings in told.items():
        absent = [each for number, each in enumerate(seen) if number not in there[subject, name]]
        made = _joined(list(findings.values()), everywhere=not absent)
        if made is not None:
            # Where it is not there, its records are what makes another dose, and it may come with whatever comes next.
            others = {id(other): other.because for each in absent for other in each.findings if name in other.because}
            untils = (*(finding.until for finding in findings.values()), *(each.until for each in absent))
            joined.append(replace(made, until=earliest(*untils), because=made.because.union(*others.values())))
    return found(joined, *(each.until for each in seen))


def _joined(findings: Sequence[Finding], *, everywhere: bool) -> Finding | None:
    first = findings[0]
    if first.subject == "record" and not everywhere:
        # Where it may be no question at all, the doses themselves are unknown already.
        return None
    fields: dict[str, str | frozenset[str]] = {}
    for name in ("state", "complete", "gate", "holding", "warning", "verdict", "applies"):
        words = {finding.fields.get(name) for finding in findings}
        if words != {None}:
            fields[name] = first.fields[name] if len(words) == 1 and everywhere else "unknown"
    for name in ("window", "problem", "otherwise"):
        words = {finding.fields.get(name) for finding in findings}
        if len(words) == 1 and words != {None}:
            fields[name] = first.fields[name]
    fields |= joined_departures(findings, everywhere=everywhere)
    told = _told(fields)
    starts = [finding.since for finding in findings]
    return replace(
        first,
        fields=fields,
        until=None,
        since=starts[0] if len(set(starts)) == 1 and fields.get("state", "given") == "given" else None,
        because=frozenset[str]().union(*(finding.because for finding in findings)),
        missing=frozenset[Missing]().union(*(finding.missing for finding in findings)),
        facts={name: told[name] if name in told else _shown(name, findings) for name in first.facts},
    )


def joined_departures(findings: Sequence[Finding], *, everywhere: bool) -> dict[str, frozenset[str]]:
    """A departure in every world is one; in some, or one that may be in some, is unknown."""
    if not any("departure" in finding.fields for finding in findings):
        return {}
    sets = [_words(finding, "departure") for finding in findings]
    sure = frozenset.intersection(*sets) if everywhere else frozenset[str]()
    unsure = frozenset[str]().union(*sets, *(_words(finding, "departure_unknown") for finding in findings)) - sure
    uncleared = {"gate_not_met", "gate_unknown"}
    if everywhere and all(words & uncleared for words in sets) and not sure & uncleared:
        # Cleared in no world, though not for one reason.
        sure, unsure = sure | {"gate_unknown"}, unsure - {"gate_unknown"}
    if "departure_unknown" not in findings[0].fields:
        return {"departure": sure}
    return {"departure": sure, "departure_unknown": unsure}


def _told(fields: Mapping[str, str | frozenset[str]]) -> dict[str, str]:
    """Tell what the worlds agree on, in the words of sentences."""
    told = {
        "state": fields.get("state"),
        "complete": fields.get("complete"),
        "verdict": fields.get("gate"),
        "warning_verdict": fields.get("warning"),
    }
    words = {name: shown_word(word) for name, word in told.items() if isinstance(word, str)}
    sets = {name: fields.get(name) for name in ("departure", "departure_unknown")}
    return words | {name: shown_word(", ".join(sorted(each))) for name, each in sets.items() if each is not None}


def _words(finding: Finding, field: str) -> frozenset[str]:
    words = finding.fields.get(field, frozenset())
    return words if isinstance(words, frozenset) else frozenset()


def _shown(name: str, findings: Sequence[Finding]) -> str:
    words = sorted({finding.facts.get(name, "") for finding in findings})
    if len(words) == 1:
        return words[0]
    return f"{words[0]}..{words[-1]}" if name == "date" and words[0] else "uncertain"


def uncertain(question: Question, worlds: Sequence[Question] | None) -> tuple[Item, ...]:
    """Give the records that are not the same in every world; of too many worlds, all that are not certain."""
    items = question.timeline.items
    if worlds is None:
        return tuple(item for item in items if not (item.when.certain and item.certain))
    # What is certain is the same object in every world.
    kept = set(map(id, items)).intersection(*({id(item) for item in world.timeline.items} for world in worlds))
    return tuple(item for item in items if id(item) not in kept)


def leaves(items: Iterable[Item]) -> frozenset[Missing]:
    """Name what would settle records that are not certain."""
    return frozenset(
        Missing(
            f"{'whether there was' if item.when.certain else 'date of'} {what(item)}", item.when.first, item.when.last
        )
        for item in items
    )


def what(item: Item) -> str:
    """Name what a record is about."""
    return next(filter(None, (word_of(item, field) for field in ("drug", "milestone", "measure", "concept"))), item.id)
