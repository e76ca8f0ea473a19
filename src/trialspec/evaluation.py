"""The one way in: a protocol is loaded once, and then read for one patient after the other.

`load` gives a `Protocol`. Its `report` is a pure function of one patient's events and an instant; its `evaluate` gives
the reports of many patients, each independent of all others. The time is always handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING

from trialspec import alerts, findings
from trialspec.compile import compile_protocol
from trialspec.explain import explain
from trialspec.findings.slots import meant_slots
from trialspec.interpreters.reading import Question
from trialspec.load import load as read
from trialspec.rulebook import Decider
from trialspec.sources import Cohort, cohort
from trialspec.timeline import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from trialspec.diagnostics import Diagnostic
    from trialspec.events import Record
    from trialspec.explain import Line
    from trialspec.findings import Group
    from trialspec.findings.finding import Finding
    from trialspec.patient import Problem, Timeline
    from trialspec.program import Program
    from trialspec.rulebook import Incident, Rulebook


@dataclass(frozen=True, slots=True)
class PatientReport:
    """What a protocol says of one patient at one instant.

    `known` is the instant up to which records were available (`None`: all that there are). `alerts` are all episodes up
    to `at`, those that are over included.
    """

    patient: str
    at: int
    known: int | None
    timeline: Timeline
    findings: tuple[Finding, ...]
    alerts: alerts.State

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The records that could not be taken as they came."""
        return self.timeline.problems

    @property
    def blinded(self) -> PatientReport:
        """The report without the alerts that only the unblinded may see."""
        kept = {key: episode for key, episode in self.alerts.items() if not episode.rule.unblinds}
        return self if len(kept) == len(self.alerts) else replace(self, alerts=kept)

    def about(self, subject: str) -> tuple[Finding, ...]:
        """Give the findings of one subject, in the protocol's order."""
        return tuple(finding for finding in self.findings if finding.subject == subject)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that runs: what it asks, its rules, and what was noticed while it was loaded."""

    program: Program
    rulebook: Rulebook
    warnings: tuple[Diagnostic, ...] = ()
    decider: Decider = field(init=False, repr=False, compare=False)
    groups: tuple[Group, ...] = field(init=False, repr=False, compare=False)
    context: alerts.Context = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hand the rules to both evaluators."""
        program, decider = self.program, Decider(self.rulebook)
        rules = {rule.name: rule for rule in self.rulebook.rules}
        object.__setattr__(self, "decider", decider)
        object.__setattr__(self, "groups", findings.groups(program))
        object.__setattr__(self, "context", alerts.Context(program.name, program.digest, rules, decider))

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Where the two evaluators of the rules did not agree so far: a defect of ours, never silent."""
        return self.decider.incidents

    def timeline(self, events: Iterable[Record], patient: str, *, known: int | None = None) -> Timeline:
        """Give what the records tell of one patient, as known at an instant or today."""
        ledger = self.ledger(patient, known=known)
        ledger.take(events)
        return ledger.timeline()

    def ledger(self, patient: str, *, known: int | None = None) -> Ledger:
        """Begin to keep the records of one patient."""
        program = self.program
        return Ledger(
            patient,
            program.vocabulary,
            program.zone,
            program.sites,
            visits=(plan.name for plan in program.visits),
            slots=partial(meant_slots, program.doses),
            known=known,
        )

    def evaluate(
        self, events: Cohort | Iterable[Record], *, at: int, known: int | None = None
    ) -> Iterator[PatientReport]:
        """Give the reports of all patients, in the order of their names; each is made when it is asked for."""
        everybody = events if isinstance(events, Cohort) else cohort(events)
        for patient, records in everybody.patients.items():
            yield self.report(records, patient, at=at, known=known)

    def explain(self, report: PatientReport, finding: Finding) -> tuple[Line, ...]:
        """Tell why a finding of a report is what it is, each statement above those it rests on."""
        told = (explain(reading, report.timeline, self.program.vocabulary) for reading in finding.readings)
        return tuple(chain.from_iterable(told))

    def report(self, events: Iterable[Record], patient: str, *, at: int, known: int | None = None) -> PatientReport:
        """Say what the protocol says of one patient at an instant, as known at another or today."""
        records = tuple(events)

        @cache
        def known_at(instant: int) -> Timeline:
            return self.timeline(records, patient, known=instant if known is None else min(instant, known))

        seen = self.timeline(records, patient, known=known)
        question = Question(seen, at, known_at=known_at)
        found = findings.read(self.groups, question)
        return PatientReport(patient, at, known, seen, found, alerts.state(self.context, self.groups, question))


def load(path: Path, *, libraries: Sequence[Path] = ()) -> Protocol:
    """Load a protocol file, or the directory that holds it; raises `ProtocolError` with everything that is wrong."""
    compiled = compile_protocol(read(path, libraries))
    return Protocol(compiled.program, compiled.rulebook, compiled.warnings)
