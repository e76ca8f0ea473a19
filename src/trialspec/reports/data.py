"""One patient as plain data: all findings, alerts and open questions, for programs that read on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialspec.reports import journal, queries
from trialspec.reports.journal import missing_as_data
from trialspec.reports.rests import assumptions
from trialspec.times import shown_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialspec.alerts import Note
    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.patient import Problem
    from trialspec.program import Program
    from trialspec.times import Zone


def as_data(report: PatientReport, notes: Mapping[str, Sequence[Note]] | None = None) -> dict[str, Any]:
    """Give all that is said of a patient."""
    zone = report.timeline.zone
    return {
        "patient": report.patient,
        "version": report.program.version,
        "as_of": shown_instant(report.at, zone),
        "known": None if report.known is None else shown_instant(report.known, zone),
        "zone": zone.name,
        "alerts": [journal.as_data(report, each, notes) for each in journal.in_order(report)],
        "findings": [finding_as_data(report.judge(each), each, zone) for each in report.findings],
        "queries": [dict(zip(queries.COLUMNS[1:], line[1:], strict=True)) for line in queries.queries(report)],
        "problems": [_problem(each) for each in report.problems],
    }


def finding_as_data(program: Program, finding: Finding, zone: Zone) -> dict[str, Any]:
    """Give a finding."""
    fields = {name: value if isinstance(value, str) else sorted(value) for name, value in finding.fields.items()}
    missing = [missing_as_data(each) for each in finding.missing]
    return {
        "subject": finding.subject,
        "name": finding.name,
        "fields": fields,
        "facts": {name: told for name, told in finding.facts.items() if told},
        "since": None if finding.since is None else shown_instant(finding.since, zone),
        "until": None if finding.until is None else shown_instant(finding.until, zone),
        "events": sorted(finding.because),
        "missing": sorted(missing, key=str),
        "assumes": list(assumptions(program, finding)),
        "written_at": None if finding.place is None else str(finding.place),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "record": problem.subject,
        "problem": problem.problem,
        "reason": problem.reason,
        "time": None if problem.when is None else str(problem.when),
        "events": sorted(problem.events),
    }
