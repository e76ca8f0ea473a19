"""`times`: how long it took until something happened, and until when it had not."""

from __future__ import annotations

from pathlib import Path

import click

from trialspec.cli import arguments, exits, show
from trialspec.reports import times as reported
from trialspec.reports.table import FOOTER, as_csv


@click.command(
    epilog=arguments.example("times two-drugs two-drugs/events.ndjson --as-of 2014-12-31"),
    short_help="Say how long it took until an event, with censoring.",
)
@click.argument("protocol")
@click.argument("events", nargs=-1, required=True)
@click.option("--time-to", "names", multiple=True, metavar="NAME", help="Only this one; may be given several times.")
@arguments.as_of
@arguments.known
@click.option(
    "--patient", "patients", multiple=True, metavar="ID", help="Only this patient; may be given several times."
)
@arguments.output("table", "json", "csv")
@arguments.libraries
def times(
    *,
    protocol: str,
    events: tuple[str, ...],
    names: tuple[str, ...],
    as_of: str | None,
    known: str | None,
    patients: tuple[str, ...],
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Say how long it took until each event under `time_to` of PROTOCOL, with censoring.

    EVENTS are files of NDJSON or CSV, or directories of them.
    """
    read = arguments.loaded(protocol, libraries)
    at = arguments.instant(as_of, read.program.zone, "--as-of")
    until = None if known is None else arguments.instant(known, read.program.zone, "--known")
    there = [each.name for each in read.program.times]
    if not there:
        raise arguments.refused("unknown-name", f"`{protocol}` times nothing", "add what is timed under `time_to`")
    asked = [arguments.named(name, there, "time to an event") for name in names] or there
    cohort = arguments.only(arguments.events(events), patients)
    show.engine(read.decider.absence)
    found = reported.found(read.evaluate(cohort, at=at, known=until), asked)
    match form:
        case "json":
            show.data({"note": FOOTER, "times": reported.as_data(found)})
        case "csv":
            click.echo(as_csv([reported.COLUMNS, *reported.rows(found)]), nl=False)
        case _:
            show.page(reported.page(found))
            show.footer()
    return exits.OURS if show.incidents(read.incidents) else exits.FINE
