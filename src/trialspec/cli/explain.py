"""`explain`: why the protocol says what it says of one patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from trialspec.alerts import Episode
from trialspec.cli import arguments, exits, show
from trialspec.evaluation import PatientReport
from trialspec.findings.finding import Finding
from trialspec.reports import proof
from trialspec.reports.table import FOOTER, Page


@click.command(
    epilog=arguments.example("explain two-drugs two-drugs/events.ndjson --patient P1 --dose CYC#1"),
    short_help="Say why, for one patient, down to the records.",
)
@click.argument("protocol")
@click.argument("events", nargs=-1, required=True)
@click.option("--patient", required=True, metavar="ID", help="Whom it is about.")
@click.option("--criterion", metavar="NAME", help="An eligibility criterion, as in `I3`.")
@click.option("--dose", metavar="NAME", help="A planned dose, as in `RTX#2`, or the id of an administration.")
@click.option(
    "--alert", metavar="ID", help="An alert: its key, or its rule, as in `dosing/late`, with or without its subject."
)
@arguments.as_of
@arguments.known
@arguments.unblinded
@arguments.output("table", "json")
@arguments.libraries
def explain(
    *,
    protocol: str,
    events: tuple[str, ...],
    patient: str,
    criterion: str | None,
    dose: str | None,
    alert: str | None,
    as_of: str | None,
    known: str | None,
    unblinded: bool,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Say why, for one patient: down to the records, and to the lines of PROTOCOL.

    Without --criterion, --dose or --alert: every criterion, every dose and every alert.
    """
    read = arguments.loaded(protocol, libraries)
    at = arguments.instant(as_of, read.program.zone, "--as-of")
    until = None if known is None else arguments.instant(known, read.program.zone, "--known")
    cohort = arguments.events(events)
    name = arguments.patient(patient, cohort.patients)
    show.engine(read.decider.absence)
    whole = read.report(cohort.patients[name], name, at=at, known=until)
    report = whole if unblinded else whole.blinded
    _refuse_withheld(whole, report, {"criterion": criterion, "dose": dose})
    everything = criterion is None and dose is None and alert is None
    criteria = _criteria(report, criterion) if criterion is not None or everything else ()
    doses = _doses(report, dose) if dose is not None or everything else ()
    alerts = _alerts(report, alert) if alert is not None or everything else ()
    if form == "json":
        show.data(_as_data(report, criteria, doses, alerts))
    else:
        for page in _pages(report, criteria, doses, alerts):
            show.page(page)
        show.footer()
    show.withheld(len(whole.alerts) - len(report.alerts), len(whole.findings) - len(report.findings))
    return exits.OURS if show.incidents(read.incidents) else exits.FINE


def _refuse_withheld(whole: PatientReport, report: PatientReport, asked: dict[str, str | None]) -> None:
    """Say of what is asked for that it would unblind: that is so of the protocol, whatever became of the patient."""
    for subject, name in asked.items():
        kept = {each.name for each in whole.about(subject)} - {each.name for each in report.about(subject)}
        if name in kept:
            message = f"what is found of the {subject} `{name}` would unblind"
            raise arguments.refused("withheld", message, "`--unblinded` shows it to those who may know")


def _criteria(report: PatientReport, name: str | None) -> tuple[str, ...]:
    known = [each.name for each in report.about("criterion")]
    return tuple(known) if name is None else (arguments.named(name, known, "criterion"),)


def _doses(report: PatientReport, name: str | None) -> tuple[Finding, ...]:
    """Find a dose by its name, or by the id of any record of its administration."""
    found = report.about("dose")
    named = tuple(finding for finding in found if name in {None, finding.name})
    if named or name is None:
        return named
    records = [item for item in report.timeline.items if item.kind == "administration" and item.id == name]
    for record in records:
        drug, date = str(record.fields.get("drug")), str(record.when)
        citing = [each for each in found if name in each.because and each.facts.get("drug") == drug]
        # The records of a dose are cited by later ones too: it is the last that had begun by then.
        begun = [each.facts["date"] for each in citing if each.facts["date"] and each.facts["date"] <= date]
        if citing:
            return tuple(each for each in citing if not begun or each.facts["date"] == max(begun))
        advice = "it was before the screening, or its drug is none that the protocol plans"
        raise arguments.refused("unknown-name", f"the administration `{name}` ({drug}, {date}) is no dose", advice)
    arguments.named(name, (finding.name for finding in found), "dose")
    return ()


def _alerts(report: PatientReport, name: str | None) -> tuple[Episode, ...]:
    """Find alerts by key, by rule, or by rule and subject."""
    if name is None:
        return tuple(report.alerts.values())
    found = [
        episode
        for key, episode in report.alerts.items()
        if name in {str(key), key.rule, f"{key.rule} {key.subject}", f"{key.rule}/{key.subject}"}
    ]
    if not found:
        arguments.named(name, (each for key in report.alerts for each in (f"{key.rule} {key.subject}",)), "alert")
    return tuple(found)


def _pages(
    report: PatientReport,
    criteria: Sequence[str],
    doses: Sequence[Finding],
    alerts: Sequence[Episode],
) -> list[Page]:
    return [
        *(proof.of_criterion(report, name) for name in criteria),
        *(proof.of_finding(report, finding) for finding in doses),
        *(proof.of_alert(report, episode) for episode in alerts),
    ]


def _as_data(
    report: PatientReport,
    criteria: Sequence[str],
    doses: Sequence[Finding],
    alerts: Sequence[Episode],
) -> dict[str, Any]:
    asked = [each for each in report.about("criterion") if each.name in criteria]
    eligibility = report.about("eligibility") if asked else ()
    return {
        "note": FOOTER,
        "patient": report.patient,
        "findings": [proof.finding_with_proof(report, each) for each in (*eligibility, *asked, *doses)],
        "alerts": [proof.alert_with_proof(report, each) for each in alerts],
    }
