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
from trialspec.blinding import Blinding, blinding, together
from trialspec.explain import explain
from trialspec.findings.amended import amended, judging
from trialspec.findings.slots import meant_slots
from trialspec.interpreters.derived import Deriving
from trialspec.interpreters.reading import Question
from trialspec.rulebook import Decider
from trialspec.sources import Cohort, cohort
from trialspec.timeline import Ledger
from trialspec.versions import compile_versions, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trialspec.diagnostics import Diagnostic
    from trialspec.events import Record
    from trialspec.explain import Line
    from trialspec.findings import Group
    from trialspec.findings.finding import Finding
    from trialspec.patient import Item, Problem, Timeline
    from trialspec.program import Derivation, Program
    from trialspec.rulebook import Incident, Rulebook


@dataclass(frozen=True, slots=True)
class PatientReport:
    """What a protocol says of one patient at one instant.

    `known` is the instant up to which records were available (`None`: all that there are). `alerts` are all episodes up
    to `at`, those that are over included. `program` is the version of the protocol that judges the patient at `at` (the
    newest of those that may, where that is open), `versions` are all by name, where there are several. `blinding` says
    what is kept to the unblinded.
    """

    patient: str
    at: int
    known: int | None
    timeline: Timeline
    findings: tuple[Finding, ...]
    alerts: alerts.State
    program: Program
    versions: Mapping[str, Program] = field(default_factory=dict, repr=False)
    blinding: Blinding = field(default_factory=Blinding, repr=False)

    def judge(self, finding: Finding) -> Program:
        """Give the version of the protocol that found something."""
        return self.versions[finding.judged_by[0]] if finding.judged_by else self.program

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The records that could not be taken as they came."""
        return self.timeline.problems

    @property
    def blinded(self) -> PatientReport:
        """The report without the alerts that only the unblinded may see, and without whatever else tells the same."""
        found = tuple(finding for finding in self.findings if not self.blinding.hides(finding))
        raised = {key: episode for key, episode in self.alerts.items() if not self.blinding.keeps(episode)}
        unchanged = len(found) == len(self.findings) and len(raised) == len(self.alerts)
        return self if unchanged else replace(self, findings=found, alerts=raised)

    def about(self, subject: str) -> tuple[Finding, ...]:
        """Give the findings of one subject, in the protocol's order."""
        return tuple(finding for finding in self.findings if finding.subject == subject)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol that runs: what it asks, its rules, and what was noticed while it was loaded.

    `former` are the versions before it, the oldest first: each patient is judged by the version of the latest consent.
    """

    program: Program
    rulebook: Rulebook
    warnings: tuple[Diagnostic, ...] = ()
    former: tuple[Protocol, ...] = ()
    decider: Decider = field(init=False, repr=False, compare=False)
    groups: tuple[Group, ...] = field(init=False, repr=False, compare=False)
    context: alerts.Context = field(init=False, repr=False, compare=False)
    blinding: Blinding = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hand the rules to both evaluators."""
        program, decider = self.program, Decider(self.rulebook)
        rules = {rule.name: rule for rule in self.rulebook.rules}
        object.__setattr__(self, "decider", decider)
        object.__setattr__(self, "groups", amended(self.programs) if self.former else findings.groups(program))
        own = alerts.Context(program.name, program.digest, rules, decider)
        versions = {each.program.version: each.context for each in self.former}
        context = replace(own, versions={**versions, program.version: own}) if versions else own
        object.__setattr__(self, "context", context)
        kept = blinding(program, self.rulebook.rules)
        object.__setattr__(self, "blinding", together((*(each.blinding for each in self.former), kept)))

    @property
    def programs(self) -> tuple[Program, ...]:
        """All its versions, the oldest first."""
        return (*(each.program for each in self.former), self.program)

    @property
    def digest(self) -> str:
        """The fingerprint of all its versions."""
        return digest_of([program.digest for program in self.programs])

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Where the two evaluators of the rules did not agree so far: a defect of ours, never silent."""
        return tuple(chain.from_iterable(each.incidents for each in self.former)) + self.decider.incidents

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
            visits=(plan.name for each in self.programs for plan in each.visits),
            arms=(arm for each in self.programs for arm in each.arms),
            slots=self._meant if self.former else partial(meant_slots, program.doses),
            known=known,
            derive=Deriving(self.derived) if self.derived else None,
        )

    @property
    def derived(self) -> tuple[Derivation, ...]:
        """The derived measures that any version asks for, each as the newest version makes it."""
        if not self.former:
            return self.program.derived
        return tuple({each.measure: each for program in self.programs for each in program.derived}.values())

    def _meant(self, item: Item) -> frozenset[str]:
        """Give the slots of any version that an administration may be meant for where the one it names is in none."""
        meant = [meant_slots(program.doses, item) for program in self.programs]
        return frozenset[str]().union(*meant) if all(meant) else frozenset()

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
        raised = alerts.state(self.context, self.groups, question)
        if not self.former:
            return PatientReport(patient, at, known, seen, found, raised, self.program, blinding=self.blinding)
        versions = {program.version: program for program in self.programs}
        judge = self.programs[max(judging(self.programs, question))]
        return PatientReport(patient, at, known, seen, found, raised, judge, versions, self.blinding)


def load(path: Path, *, libraries: Sequence[Path] = ()) -> Protocol:
    """Load a protocol file, or the directory that holds it, with the versions before it.

    Raises `ProtocolError` with everything that is wrong.
    """
    *former, newest = compile_versions(path, libraries)
    versions = tuple(Protocol(each.program, each.rulebook) for each in former)
    return Protocol(newest.program, newest.rulebook, newest.warnings, versions)
