"""Records that are not certain and leave a planned dose unknown: each asks for what would settle it, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.findings.finding import Finding
from trialspec.findings.found import told
from trialspec.findings.possible import leaves, plan_of, what
from trialspec.findings.records import since
from trialspec.findings.ways import places
from trialspec.interpreters.reading import Missing
from trialspec.interpreters.reference import cited, visible
from trialspec.truth import NOT_MET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.findings.found import Found
    from trialspec.findings.ways import Ways
    from trialspec.interpreters.reading import Question
    from trialspec.patient import Item
    from trialspec.program import Program

_SCREENING = Missing("screening")


def vague_records(
    program: Program, ways: Ways | None, unsure: Iterable[Item], made: Found, now: Question
) -> Iterator[Finding]:
    """Ask of every record that is not certain, and may be in sight, what leaves a planned dose unknown.

    `attribution` is for a dose that does not fill the same slot in all worlds, `uncertain_date` for another record that
    a slot of unknown state rests on. A record that asks for a correction already is not asked about again.
    """
    asked = {event for problem in now.timeline.problems for event in problem.events}
    asked |= {finding.name for finding in made.findings if finding.subject == "record"}
    open_ = [each for each in made.findings if each.fields.get("state") == "unknown" and _SCREENING not in each.missing]
    for item in unsure:
        if cited(item) & asked or item.id in asked or visible(item, now) is NOT_MET:
            continue
        dose = plan_of(item, program.doses) is not None
        slots = places(ways, item) if ways is not None and dose else frozenset[str]()
        if len(slots) > 1 or (ways is None and dose):
            yield _asking(item, "attribution", _whose(item, slots), made, now)
        elif any(cited(item) & each.because for each in open_):
            left = ", ".join(each.name for each in open_ if cited(item) & each.because)
            yield _asking(item, "uncertain_date", f"{_told(item)} leaves {left} unknown; {_settle(item)}", made, now)


def _whose(item: Item, slots: frozenset[str]) -> str:
    if not slots:
        return f"{_told(item)}; too many records are uncertain to tell whose dose it is: give their dates"
    named = [*sorted(slots - {""}), *(["no planned dose"] if "" in slots else [])]
    return f"{_told(item)} may be {' or '.join(named)}; {_settle(item)}, or name the planned dose"


def _settle(item: Item) -> str:
    return "say whether there was" if item.when.certain else "give its date"


def _told(item: Item) -> str:
    if item.when.certain:
        return f"{what(item)} of {item.when}, if there was one,"
    return f"{what(item)} of {item.when}"


def _asking(item: Item, problem: str, reason: str, made: Found, now: Question) -> Finding:
    """Ask of one record; it rests on all that the doses rest on which it leaves open."""
    own = cited(item)
    because = own.union(*(each.because for each in made.findings if each.subject == "dose" and own & each.because))
    facts = told(None, leaves([item]), record=item.id, problem=problem, events=", ".join(sorted(own)), reason=reason)
    start = since(item.when, now.timeline.zone)
    return Finding("record", item.id, {"problem": problem}, made.until, start, because, leaves([item]), facts)
