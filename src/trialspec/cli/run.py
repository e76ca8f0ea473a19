"""`run`: what the protocol says of every patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol as Shape

import click
import msgspec

from trialspec import alerts
from trialspec.cli import arguments, exits, show
from trialspec.evaluation import PatientReport, Protocol
from trialspec.reports import deviations, queries, rests, summary
from trialspec.reports.data import as_data
from trialspec.reports.overview import overview
from trialspec.reports.table import FOOTER, Page, as_csv
from trialspec.sources import Cohort

Notes = dict[str, tuple[alerts.Note, ...]]


@click.command(epilog=arguments.example("run two-drugs two-drugs/events.ndjson --as-of 2014-03-06"))
@click.argument("protocol")
@click.argument("events", nargs=-1, required=True)
@arguments.as_of
@arguments.known
@click.option(
    "--patient", "patients", multiple=True, metavar="ID", help="Only this patient; may be given several times."
)
@click.option("--notes", metavar="FILE", help="NDJSON of what people wrote beside alerts, to be shown with them.")
@click.option(
    "--fail-on",
    type=click.Choice(("important", "any")),
    help="Exit with 3 if there are important alerts, or any alert that still needs a look now or soon.",
)
@arguments.unblinded
@arguments.output("table", "json", "deviations", "queries")
@arguments.libraries
def run(
    *,
    protocol: str,
    events: tuple[str, ...],
    as_of: str | None,
    known: str | None,
    patients: tuple[str, ...],
    notes: str | None,
    fail_on: str | None,
    unblinded: bool,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Check patients' events against PROTOCOL.

    EVENTS are files of NDJSON or CSV, or directories of them. The formats: `table` is a page for each patient,
    `deviations` the monitor's log as CSV in the columns of SDTM DV, `queries` one line of CSV for each thing that is
    missing, `json` everything.
    """
    read = arguments.loaded(protocol, libraries)
    at = arguments.instant(as_of, read.program.zone, "--as-of")
    until = None if known is None else arguments.instant(known, read.program.zone, "--known")
    beside = _notes(notes)
    cohort = arguments.only(arguments.events(events), patients)
    show.engine(read.decider.absence)
    _tell_unreadable(cohort)
    _tell_shared(cohort)
    shape = _SHAPES[form](read, beside)
    found, rest = False, _Rest(cohort)
    shape.begin()
    for whole in _reports(read, cohort, at, until):
        report = whole if unblinded else whole.blinded
        rest.count(whole, report)
        shape.patient(report)
        found = found or _counts(report, fail_on)
    shape.end(rest)
    show.withheld(rest.alerts, rest.findings)
    if show.incidents(read.incidents):
        return exits.OURS
    if cohort.nobody and not cohort.patients:
        return exits.WRONG  # there was something, and none of it could be read
    return exits.FOUND if found else exits.FINE


@dataclass(slots=True)
class _Rest:
    """What no patient's page tells: what could not be read, and how much of all patients is kept to the unblinded."""

    cohort: Cohort
    alerts: int = 0
    findings: int = 0

    def count(self, whole: PatientReport, shown: PatientReport) -> None:
        """Count what is not shown of a patient."""
        self.alerts += len(whole.alerts) - len(shown.alerts)
        self.findings += len(whole.findings) - len(shown.findings)


def _reports(protocol: Protocol, cohort: Cohort, at: int, known: int | None) -> Iterator[PatientReport]:
    with show.progress("patients", len(cohort.patients)) as step:
        for report in protocol.evaluate(cohort, at=at, known=known):
            step()
            yield report


def _counts(report: PatientReport, fail_on: str | None) -> bool:
    """Whether a patient has an alert of the kind that `--fail-on` names."""
    match fail_on:
        case "important":
            return any(episode.rule.important for episode in report.alerts.values())
        case "any":
            return any(each.rule.urgency != "log" and not each.over for each in report.alerts.values())
        case _:
            return False


def _notes(file: str | None) -> Notes:
    """Read notes, one JSON object a line."""
    if file is None:
        return {}
    try:
        lines = Path(file).read_bytes().splitlines()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise arguments.refused("unknown-file", f"--notes `{file}`: {reason}", "check the path") from error
    read = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                read.append(msgspec.json.decode(line, type=alerts.Note))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                advice = 'write {"alert": "...", "kind": "acknowledged", "by": "...", "at": "..."}'
                raise arguments.refused("bad-value", f"{file}:{number}: this is no note: {error}", advice) from error
    return alerts.beside(read)


_MOST = 20


def _tell_unreadable(cohort: Cohort) -> None:
    """Say which records name no patient, because no patient's page can mention them."""
    number = len(cohort.nobody)
    if number:
        show.note(
            f"warning: {number} {'records name' if number > 1 else 'record names'} no patient and cannot be read:"
        )
        for record in cohort.nobody[:_MOST]:
            show.note(f"  {record.origin or record.name}: {record.reason}")
        if number > _MOST:
            show.note(f"  and {number - _MOST} more; `--format json` lists all")
    if not cohort.patients:
        show.note("warning: there is no record of any patient")


def _tell_shared(cohort: Cohort) -> None:
    """Say which ids records of several patients bear: on each patient's page it looks like one slip."""
    shared = cohort.shared
    if shared:
        note = "one record id is" if len(shared) == 1 else f"{len(shared)} record ids are"
        show.note(
            f"warning: {note} borne by records of several patients; an id belongs to one, so none is taken as sure:"
        )
        for name, patients in list(shared.items())[:_MOST]:
            show.note(f"  {name}: {', '.join(patients[:_MOST])}")
        if len(shared) > _MOST:
            show.note(f"  and {len(shared) - _MOST} more; an id is to belong to one patient")


# --- the shapes of the answer -----------------------------------------------------------------------------------------


class _Answer(Shape):
    """How an answer is printed, patient by patient."""

    def begin(self) -> None:
        """Print what comes before the first patient."""

    def patient(self, report: PatientReport) -> None:
        """Print one patient."""

    def end(self, rest: _Rest) -> None:
        """Print what comes after the last."""


class _Pages:
    """A page for each patient, and all of them on one at the end."""

    def __init__(self, protocol: Protocol, notes: Notes) -> None:
        self.protocol, self.notes = protocol, notes
        self.rows: list[tuple[str, ...]] = []

    def begin(self) -> None:
        name, title = arguments.name_of(self.protocol), self.protocol.program.title
        show.heading(f"{title} ({name})" if title else name)

    def patient(self, report: PatientReport) -> None:
        page = overview(report, self.notes)
        judge = (f"judged by version {report.program.version}",) if report.versions else ()
        show.page(replace(page, lines=(*page.lines, *judge)))
        self.rows.append(summary.row(report))

    def end(self, rest: _Rest) -> None:
        number = len(rest.cohort.unreadable)
        lines = (f"records that could not be read: {number}",) if number else ()
        if len(self.rows) != 1:
            show.page(Page("All patients", lines, (summary.table(self.rows),)))
        for program in self.protocol.programs:
            table = rests.everything(program)
            of = f" (version {program.version})" if self.protocol.former else ""
            if table.rows or not of:
                show.page(Page("", (), (replace(table, title=f"{table.title}{of}"),)))
        show.footer()


class _Json:
    """One JSON document, with a line for each patient."""

    def __init__(self, protocol: Protocol, notes: Notes) -> None:
        self.protocol, self.notes = protocol, notes
        self.first = True

    def begin(self) -> None:
        program = self.protocol.program
        versions = [{"version": each.version, "digest": each.digest} for each in self.protocol.programs]
        head = {"note": FOOTER, "protocol": program.name, **versions[-1], "versions": versions}
        click.echo(f'{msgspec.json.encode(head).decode()[:-1]},"patients":[')

    def patient(self, report: PatientReport) -> None:
        line = msgspec.json.encode(as_data(report, self.notes)).decode()
        click.echo(line if self.first else f",{line}")
        self.first = False

    def end(self, rest: _Rest) -> None:
        unreadable = [
            {"record": each.name, "patient": each.patient, "place": each.origin, "reason": each.reason}
            for each in rest.cohort.unreadable
        ]
        tail = {
            "unreadable": unreadable,
            "incidents": [each.fault for each in self.protocol.incidents],
            "withheld": {"alerts": rest.alerts, "findings": rest.findings},
        }
        click.echo(f"],{msgspec.json.encode(tail).decode()[1:]}")


class _Lines:
    """CSV with its header first; what every report says of itself goes where errors go."""

    def __init__(self, columns: Sequence[str], lines: Callable[[PatientReport], Iterator[tuple[str, ...]]]) -> None:
        self.columns, self.lines = columns, lines

    def begin(self) -> None:
        click.echo(as_csv([self.columns]), nl=False)

    def patient(self, report: PatientReport) -> None:
        click.echo(as_csv(self.lines(report)), nl=False)

    def end(self, rest: _Rest) -> None:
        if rest.cohort.unreadable:
            show.note(f"records that could not be read: {len(rest.cohort.unreadable)}")
        show.note(FOOTER)


def _deviations(_: Protocol, __: Notes) -> _Lines:
    return _Lines(deviations.COLUMNS, deviations.rows)


def _queries(_: Protocol, __: Notes) -> _Lines:
    return _Lines(queries.COLUMNS, queries.queries)


_SHAPES: dict[str, Callable[[Protocol, Notes], _Answer]] = {
    "table": _Pages,
    "json": _Json,
    "deviations": _deviations,
    "queries": _queries,
}
