"""What the cases of a protocol decide: every criterion, gate, slot, category and rule each way, and every clause alone.

A clause decides alone where the whole would read differently if the clause did, the others being as they are. Each is
to be seen deciding alone both when it is met and when it is not: that is MC/DC, with what is masked left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialspec.casebook import PATIENT
from trialspec.findings.slots import slot_names
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.kernel import AtLeast, Not
from trialspec.times import When, at_instant
from trialspec.truth import MET, NOT_MET, Verdict

if TYPE_CHECKING:
    from trialspec.casebook import Casebook
    from trialspec.diagnostics import Place
    from trialspec.evaluation import PatientReport, Protocol
    from trialspec.kernel import Expr
    from trialspec.program import Program


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that is to be decided, and the ways in which it was."""

    part: str
    name: str
    wanted: frozenset[str]
    seen: frozenset[str]
    place: Place | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The ways in which no case decides it."""
        return tuple(sorted(self.wanted - self.seen))


_BOTH = frozenset({"met", "not_met"})
_ALONE = frozenset({"met, deciding alone", "not_met, deciding alone"})


@dataclass(slots=True)
class _Seen:
    """What was seen so far, by part and name."""

    words: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, part: str, name: str, *words: str) -> None:
        """Note how something was decided."""
        self.words[part, name].update(words)


def coverage(books: Iterable[Casebook]) -> tuple[Point, ...]:
    """Say of everything in the protocol of some cases how they decide it."""
    seen, protocol = _Seen(), None
    for book in books:
        protocol = book.protocol
        for case in book.cases:
            for asked in case.asked:
                report = protocol.report(case.events, PATIENT, at=asked.at, known=asked.known)
                _look(protocol, report, seen)
    return (
        () if protocol is None else tuple({(each.part, each.name): each for each in _points(protocol, seen)}.values())
    )


def _look(protocol: Protocol, report: PatientReport, seen: _Seen) -> None:
    program = protocol.program
    for finding in report.findings:
        match finding.subject:
            case "dose":
                seen.add("slot", finding.name, "given" if finding.fields["state"] == "given" else "not given")
            case "visit":
                seen.add("visit", finding.name, "done" if finding.fields["state"] == "done" else "not done")
            case "category" if finding.fields.get("final") == "yes":
                seen.add("category", f"{finding.facts.get('response', '')} {finding.fields['category']}", "reached")
    fired = {episode.rule.name for episode in report.alerts.values()}
    for rule in protocol.rulebook.rules:
        seen.add("rule", rule.name, "raised" if rule.name in fired else "not raised")
    now = Question(report.timeline, report.at)
    for name, expr, _, doses in _statements(program):
        for question in (now, *(_doses(report) if doses else ())):
            _clauses(name, expr, question, seen)


def _doses(report: PatientReport) -> Iterator[Question]:
    """Ask at the start of every dose that was given."""
    for finding in report.findings:
        if finding.subject == "dose" and finding.fields["state"] == "given" and finding.since is not None:
            start: When = at_instant(finding.since, report.timeline.zone)
            yield Question(report.timeline, finding.since, start)


def _statements(program: Program) -> Iterator[tuple[str, Expr, Place | None, bool]]:
    for each in program.criteria:
        yield f"criterion {each.name}", each.expr, each.place, False
    for name, gate in program.gates.items():
        if any(name in plan.gates for plan in program.doses):
            yield f"gate {name}", gate.expr, gate.place, True
    for response in program.responses:
        for part in response.components:
            yield f"component {response.name} {part.name}", part.expr, part.place, False


def _clauses(name: str, expr: Expr, question: Question, seen: _Seen) -> None:
    """Note how a statement reads, and which of its clauses decides alone."""
    verdict = read(expr, question).verdict
    part, _, rest = name.partition(" ")
    if verdict in (MET, NOT_MET):
        seen.add(part, rest, str(verdict))
    for label, clause, alone in _inside(expr, question):
        if alone and clause in (MET, NOT_MET):
            seen.add("clause", f"{name} {label}", f"{clause}, deciding alone")


def _inside(expr: Expr, question: Question) -> Iterator[tuple[str, Verdict, bool]]:
    """Give every clause of a statement, how it reads, and whether the whole hangs on it."""
    for label, node, path in _paths(expr):
        verdict = read(node, question).verdict
        alone = all(_hangs(join, index, question) for join, index in path)
        yield label, verdict, alone


_Path = tuple[tuple[AtLeast, int], ...]


def _paths(expr: Expr, path: _Path = (), label: str = "") -> Iterator[tuple[str, Expr, _Path]]:
    match expr:
        case AtLeast(of=of) if len(of) == 1:
            yield from _paths(of[0], path, label)
        case AtLeast(of=of):
            for index, part in enumerate(of):
                yield from _paths(part, (*path, (expr, index)), f"{label}.{index + 1}" if label else f"{index + 1}")
        case Not(of):
            yield from _paths(of, path, label)
        case _:
            if path:
                yield label, expr, path


def _hangs(join: AtLeast, index: int, question: Question) -> bool:
    """Whether a join reads one way if one of its parts is met, and the other way if it is not."""
    others = [read(part, question).verdict for place, part in enumerate(join.of) if place != index]
    met = others.count(MET)
    failed = others.count(NOT_MET)
    return met == join.number - 1 and failed == len(join.of) - join.number


# --- what is to be decided --------------------------------------------------------------------------------------------


def _points(protocol: Protocol, seen: _Seen) -> Iterator[Point]:
    program = protocol.program

    def point(part: str, name: str, wanted: frozenset[str], place: Place | None) -> Point:
        return Point(part, name, wanted, frozenset(seen.words[part, name]), place)

    for name, expr, place, _ in _statements(program):
        part, _, rest = name.partition(" ")
        yield point(part, rest, _BOTH, place)
        for label, clause, _ in _paths(expr):
            yield point("clause", f"{name} {label}", _ALONE, clause.place or place)
    for plan in program.doses:
        for slot in slot_names(plan):
            yield point("slot", slot, frozenset({"given", "not given"}), plan.place)
    for visit in program.visits:
        yield point("visit", visit.name, frozenset({"done", "not done"}), visit.place)
    for response in program.responses:
        for name in dict.fromkeys(part.name for part in response.categories):
            where = next(part.place for part in response.categories if part.name == name)
            yield point("category", f"{response.name} {name}", frozenset({"reached"}), where)
    home = None if program.place is None else program.place.file
    for rule in protocol.rulebook.rules:
        if rule.place is not None and rule.place.file == home:
            yield point("rule", rule.name, frozenset({"raised", "not raised"}), rule.place)


def as_data(point: Point) -> dict[str, Any]:
    """Give a point as plain data."""
    return {
        "part": point.part,
        "name": point.name,
        "decided": sorted(point.seen & point.wanted),
        "missing": list(point.missing),
        "place": None if point.place is None else str(point.place),
    }
