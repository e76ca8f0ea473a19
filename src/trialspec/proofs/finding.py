"""What is found of a protocol: a fault with the clauses in conflict and a patient who shows it, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trialspec.diagnostics import Diagnostic, Place, to_json
from trialspec.times import Zone, shown_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialspec.events import Event
    from trialspec.solver.asking import Answer
    from trialspec.solver.witness import Witness

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a protocol; `of` names what it is about, `sure` says how it is known.

    `clauses` are the places of all that is in conflict, each with a word about it; `accepted` is the author's reason.
    """

    code: str
    of: str
    message: str
    place: Place | None
    severity: Severity
    help: str = ""
    clauses: tuple[tuple[Place, str], ...] = ()
    sure: str = ""
    witness: Witness | None = None
    accepted: str = ""

    @property
    def diagnostic(self) -> Diagnostic:
        """The finding as any other message about a file."""
        return Diagnostic(self.code, self.message, self.place, self.clauses, self.help, self.severity)

    def lines(self, zone: Zone) -> tuple[str, ...]:
        """Tell what stands below the message: how it is known, and the patient."""
        told = [f"  {self.sure}"] if self.sure else []
        if self.witness is not None:
            told.append(f"  a patient, asked at {shown_instant(self.witness.at, zone)}:")
            told += [f"    {line}" for line in self.witness.lines()]
        return tuple(told)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was asked of a protocol, and its answer in words.

    `changed` is how many records of each sort it took for the answer to stay the same, where it depends on that.
    """

    of: str
    asked: str
    answer: str
    changed: int | None = None


def answered(of: str, asked: str, answer: Answer) -> Question:
    """Make a question with its answer."""
    depends = answer.bound is not None and answer.outcome != "open"
    return Question(of, asked, str(answer), answer.changed if depends else None)


@dataclass(slots=True)
class Report:
    """All that was asked and found; `step` is told what is asked next, for somebody who waits.

    It is not `whole` where nobody can enter of whom the rest could be asked.
    """

    findings: list[Finding] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    whole: bool = True
    step: Callable[[str], None] = field(default=lambda _: None, repr=False, compare=False)

    def asked(self, of: str, asked: str, answer: Answer, place: Place | None = None) -> Answer:
        """Keep a question; one that found no answer is a note of its own."""
        self.questions.append(answered(of, asked, answer))
        if answer.outcome == "open":
            message = f"whether {asked} is not proved: {answer.why}"
            more = "; give each question more time with `--limit`" if answer.why.startswith("no answer within") else ""
            advice = f"nothing is wrong by that{more}"
            self.findings.append(Finding("not-proved", of, message, place, "note", advice))
        return answer

    @property
    def changed(self) -> int | None:
        """How many records of each sort it took for all answers to stay the same; nothing where none depends on it."""
        return max((each.changed for each in self.questions if each.changed is not None), default=None)

    def found(self, finding: Finding) -> None:
        """Keep a finding, each once."""
        if finding not in self.findings:
            self.findings.append(finding)


def as_data(finding: Finding) -> dict[str, Any]:
    """Give a finding as plain data."""
    found: dict[str, Any] = {**to_json(finding.diagnostic), "of": finding.of, "sure": finding.sure}
    if finding.accepted:
        found["accepted"] = finding.accepted
    if finding.witness is not None:
        found["witness"] = {"at": finding.witness.at, "events": [event_as_data(e) for e in finding.witness.events]}
    return found


def event_as_data(event: Event) -> dict[str, str]:
    """Give an event as a record that can be read again."""
    return {"id": event.id, "patient": event.patient, "kind": event.kind, "time": event.time, **event.content}


def clause(place: Place | None, what: str) -> tuple[tuple[Place, str], ...]:
    """Give a place with a word about it, if there is one."""
    return () if place is None else ((place, what),)
