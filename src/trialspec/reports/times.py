"""Times to events: for each patient from when, until when, and whether the event came or the time was censored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialspec.findings.times import TimeFound, time_to
from trialspec.interpreters.reading import Question
from trialspec.reports.journal import missing_as_data
from trialspec.reports.table import Page, Table
from trialspec.times import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialspec.evaluation import PatientReport

COLUMNS = ("patient", "time_to", "status", "from", "through", "days", "not_before", "ended_by")


def found(reports: Iterable[PatientReport], names: Sequence[str]) -> list[tuple[str, TimeFound]]:
    """Find the times of all patients, each by the version of the protocol that judges at the end."""
    return [
        (report.patient, time_to(asked, Question(report.timeline, report.at)))
        for report in reports
        for asked in report.program.times
        if asked.name in names
    ]


def rows(times: Sequence[tuple[str, TimeFound]]) -> tuple[tuple[str, ...], ...]:
    """Give a line of text for each."""
    return tuple(_row(patient, each) for patient, each in times)


def _row(patient: str, each: TimeFound) -> tuple[str, ...]:
    days = "" if each.days is None else str(each.days[0]) if each.days[0] == each.days[1] else _span(*each.days)
    before = each.not_before is not None and each.not_before != each.date
    return (
        patient,
        each.name,
        each.status,
        "" if each.origin is None else str(each.origin),
        "" if each.date is None else shown_date(each.date),
        days,
        shown_date(each.not_before) if before and each.not_before is not None else "",
        each.ended_by,
    )


def _span(least: int, most: int) -> str:
    return f"{least} to {most}"


def page(times: Sequence[tuple[str, TimeFound]]) -> Page:
    """Show them as one table."""
    told = tuple(
        tuple(cell.replace("_", " ") if number == 2 else cell for number, cell in enumerate(row)) for row in rows(times)
    )
    columns = tuple(name.replace("_", " ") for name in COLUMNS)
    return Page("Times to events", (), (Table("", columns, told, "nobody is followed").filled,))


def as_data(times: Sequence[tuple[str, TimeFound]]) -> list[dict[str, Any]]:
    """Give them as plain data."""
    return [
        dict(zip(COLUMNS, _row(patient, each), strict=True))
        | {
            "days": None if each.days is None else list(each.days),
            "events": sorted(each.because),
            "missing": sorted((missing_as_data(one) for one in each.missing), key=str),
        }
        for patient, each in times
    ]
