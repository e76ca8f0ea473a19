"""Whether each criterion decides beside the others, and which of them are nearly the same.

Most often a patient who is eligible fails one criterion once the records that it reads are others, and few other
criteria read those. That is tried first: it takes a small question for each criterion, not one about all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.items import about
from trialspec.kernel import Select, parts_of
from trialspec.patient import Kind
from trialspec.proofs.alike import differ
from trialspec.proofs.finding import Finding, Report, answered, clause
from trialspec.solver.asking import Answer, Asker, Claim, core, failed, met
from trialspec.solver.moments import at_instant
from trialspec.solver.records import subjects_of
from trialspec.solver.settled import is_sharp, record
from trialspec.solver.witness import PATIENT, Witness
from trialspec.timeline import timeline
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trialspec.diagnostics import Place
    from trialspec.events import Event
    from trialspec.kernel import Expr
    from trialspec.program import Criterion, Program


def passed(criterion: Criterion) -> Claim:
    """Claim that a patient passes a criterion."""
    return met(criterion.expr) if criterion.role == "include" else failed(criterion.expr)


def missed(criterion: Criterion) -> Claim:
    """Claim that a criterion keeps a patient out."""
    return failed(criterion.expr) if criterion.role == "include" else met(criterion.expr)


def _open(criterion: Criterion) -> Claim:
    return Claim(criterion.expr, frozenset({UNKNOWN}))


def beside(asked: Sequence[Criterion], asker: Asker, report: Report, eligible: Witness | None) -> None:
    """Ask of each of several criteria whether it ever decides while a patient passes all others."""
    if len(asked) < 2:
        return
    claims = {each.name: passed(each) for each in asked}
    places = {each.name: each.place for each in asked}
    reads = {each.name: (each, _asked(each.expr)) for each in asked}
    known = None if eligible is None else _Known(asker.program, eligible, asker.limit, reads)
    nearly = _nearly(asked, asker, report)
    for each in asked:
        others = {name: claim for name, claim in claims.items() if name != each.name}
        decides = known.decides(each) if known is not None else None
        decides = decides or asker.ask(missed(each), *others.values())
        report.questions.append(answered(each.name, f"`{each.name}` decides beside the others", decides))
        if decides.impossible:
            names = core(asker, {each.name: missed(each), **others})
            by = [name for name in names if name != each.name]
            if len(by) == 1 and frozenset({each.name, by[0]}) in nearly:
                continue  # that they are nearly the same says more
            report.found(_redundant(each, by, places, decides))


def _redundant(each: Criterion, by: Sequence[str], places: Mapping[str, Place | None], decides: Answer) -> Finding:
    listed = ", ".join(f"`{name}`" for name in by) or "what it says itself"
    message = f"`{each.name}` never decides: whoever passes {listed} passes it"
    clauses = tuple(pair for name in by for pair in clause(places[name], "this decides before it"))
    advice = "leave it, if the written protocol has it"
    return Finding("redundant-criterion", each.name, message, each.place, "note", advice, clauses, str(decides))


def _nearly(asked: Sequence[Criterion], asker: Asker, report: Report) -> set[frozenset[str]]:
    """Report criteria that decide alike but for a sliver, with a patient who lies in it; name the pairs."""
    found = set[frozenset[str]]()
    for place, each in enumerate(asked):
        for one in asked[:place]:
            what = differ(one.expr, each.expr, opposed=one.role != each.role)
            if not what:
                continue
            own = Asker(asker.program, (one.expr, each.expr), asker.most, asker.limit)
            # One who fails shows more than one of whom it is unknown.
            ways = ((passed(one), missed(each)), (missed(one), passed(each)), (passed(one), _open(each)))
            answers = (own.shown(*claims) for claims in (*ways, (_open(one), passed(each))))
            sliver = next((answer for answer in answers if answer.witness is not None), None)
            if sliver is None:
                continue
            found.add(frozenset({one.name, each.name}))
            message = f"`{one.name}` and `{each.name}` nearly say the same: they differ only by {what}"
            clauses = clause(one.place, f"`{one.name}` is written here")
            advice = "leave both, if the written protocol has them; otherwise keep the one that is meant"
            report.found(
                Finding(
                    "near-duplicate",
                    f"{one.name}/{each.name}",
                    message,
                    each.place,
                    "note",
                    advice,
                    clauses,
                    str(sliver),
                    sliver.witness,
                )
            )
    return found


Asked = tuple[Kind, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class _Known:
    """A patient who passes all of several criteria and may be made to fail one of them, and what each of them reads."""

    program: Program
    patient: Witness
    limit: int
    reads: Mapping[str, tuple[Criterion, frozenset[Asked]]]

    def decides(self, each: Criterion) -> Answer | None:
        """Say that a criterion decides, if the patient fails it alone once what it reads is otherwise."""
        program, zone, at = self.program, self.program.zone, self.patient.at
        kept = [event for event in self.patient.events if event.kind == "milestone"]
        own = self.reads[each.name][1]
        near = [other for other, asked in self.reads.values() if other.name != each.name and _meet(own, asked)]
        known = timeline(kept, PATIENT, program.vocabulary, zone, program.sites)
        fixed = tuple(record(item, zone) for item in known.items if is_sharp(item))
        day = zone.date_of(at)
        now, none = at_instant(day, at - zone.start_of(day)), frozenset[Kind]({"milestone"})
        exprs = (each.expr, *(other.expr for other in near))
        asker = Asker(program, exprs, 2, self.limit, fixed, tuple(kept), "b", none, at=now)
        fails = asker.ask(missed(each), *(passed(other) for other in near))
        if fails.witness is None:
            return None
        # Whatever these criteria read is otherwise; the rest is as it was.
        theirs = own.union(*(self.reads[other.name][1] for other in near))
        before = [event for event in self.patient.events if event.kind != "milestone"]
        left_out = [event for event in before if self._is_read(event, theirs)]
        added = [event for event in fails.witness.events if event.kind != "milestone"]
        events = [*kept, *(event for event in before if event not in left_out), *added]
        seen = timeline(events, PATIENT, program.vocabulary, zone, program.sites)
        if seen.problems:
            return None
        question = Question(seen, at)
        for other, asked in self.reads.values():
            claim = missed(other) if other.name == each.name else passed(other)
            touched = any(self._is_read(event, asked) for event in (*left_out, *added))
            if touched and not claim.holds(read(claim.expr, question).verdict):
                return None
        return Answer("possible", None, fails.bound, fails.changed)

    def _is_read(self, event: Event, asked: Iterable[Asked]) -> bool:
        """Whether a record is among those that are asked for."""
        name = event.content.get(about(event.kind), "") if event.kind else ""
        meant = self.program.vocabulary.under(name) | {name}
        return any(kind == event.kind and (words is None or not name or words & meant) for kind, words in asked)


def _asked(expr: Expr) -> frozenset[Asked]:
    """Give what a statement reads, but for the milestones."""
    found = ((query.kind, subjects_of(query)) for query in parts_of(expr, Select))
    return frozenset(each for each in found if each[0] != "milestone")


def _meet(one: Iterable[Asked], other: Iterable[Asked]) -> bool:
    """Whether two criteria may read the same record."""
    return any(
        kind == also and (words is None or names is None or words & names)
        for kind, words in one
        for also, names in other
    )
