"""`calendar`: when what is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from trialspec.cli import arguments, exits, show
from trialspec.evaluation import PatientReport, Protocol
from trialspec.explain import DAY_1
from trialspec.reports import calendar as plans
from trialspec.reports.table import FOOTER, Page
from trialspec.times import parse_time


@click.command(epilog=arguments.example("calendar two-drugs --day-1 2014-03-03"))
@click.argument("protocol")
@click.argument("events", nargs=-1)
@click.option("--day-1", metavar="DATE", help="The date of `day 1`: print the plan from there on.")
@arguments.as_of
@arguments.unblinded
@arguments.output("table", "ics", "json")
@arguments.libraries
def calendar(
    *,
    protocol: str,
    events: tuple[str, ...],
    day_1: str | None,
    as_of: str | None,
    unblinded: bool,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Say when what is due by PROTOCOL.

    With --day-1: the plan from that date on. With EVENTS: what of it each patient has done, is late with, or does next.
    As `ics`, for a calendar program: the plan, and what each patient still has to do.
    """
    if day_1 is None and not events:
        raise click.UsageError("give --day-1 DATE, or files of events, or both")
    read = arguments.loaded(protocol, libraries)
    at = arguments.instant(as_of, read.program.zone, "--as-of")
    first = None if day_1 is None else _first_day(read, day_1)
    cohort = arguments.events(events)
    whole = list(read.evaluate(cohort, at=at))
    reports = whole if unblinded else [each.blinded for each in whole]
    match form:
        case "ics":
            click.echo(plans.as_ics(read.program, _entries(read, first, reports), at), nl=False)
            show.note(FOOTER)
        case "json":
            plan = None if first is None else [plans.as_data(entry) for entry in plans.plan(read.program, first)]
            standings = {each.patient: plans.standings(each) for each in reports}
            patients = {
                name: [plans.standing_as_data(standing) for standing in found] for name, found in standings.items()
            }
            show.data({"note": FOOTER, "plan": plan, "patients": patients})
        case _:
            name = arguments.name_of(read)
            tables = () if first is None else (plans.table(read.program, first),)
            show.page(Page(f"Calendar of {name}", (), (*tables, *(plans.patient_table(each) for each in reports))))
            show.footer()
    hidden = (len(one.findings) - len(other.findings) for one, other in zip(whole, reports, strict=True))
    show.withheld(findings=sum(hidden))
    return exits.OURS if show.incidents(read.incidents) else exits.FINE


def _first_day(protocol: Protocol, text: str) -> int:
    if DAY_1 not in protocol.program.moments:
        raise arguments.refused("no-moment", f"the protocol counts no days: it defines no moment `{DAY_1}`")
    when = parse_time(text, protocol.program.zone)
    if when is None or when.first != when.last:
        raise arguments.refused("bad-date", f"--day-1 `{text}` is not a date", "write a date, as in `2014-03-05`")
    return when.first


def _entries(
    protocol: Protocol, first: int | None, reports: Sequence[PatientReport]
) -> Iterator[tuple[str, plans.Entry]]:
    if first is not None:
        yield from (("", entry) for entry in plans.plan(protocol.program, first))
    for report in reports:
        yield from ((report.patient, entry) for entry in plans.upcoming(report.program, report))
