"""All patients on one page: a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.reports import queries
from trialspec.reports.deviations import deviations
from trialspec.reports.overview import answered, enrolment, given
from trialspec.reports.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.evaluation import PatientReport

COLUMNS = ("patient", "eligibility", "doses", "response", "deviations", "look now", "look soon", "open questions")


def row(report: PatientReport) -> tuple[str, ...]:
    """Say the main answers about a patient in one line."""
    still = [episode for episode in report.alerts.values() if not episode.over]
    departed = deviations(report)
    important = sum(episode.rule.important for episode in departed)
    status = queries.COLUMNS.index("status")
    asked = sum(line[status] == "open" for line in queries.queries(report))
    return (
        report.patient,
        enrolment(report),
        given(report),
        "; ".join(answered(report)),
        f"{len(departed)}{f' ({important} important)' if important else ''}",
        _count(sum(each.rule.urgency == "now" for each in still)),
        _count(sum(each.rule.urgency == "soon" for each in still)),
        _count(asked),
    )


def _count(number: int) -> str:
    return str(number) if number else ""


def table(rows: Iterable[tuple[str, ...]]) -> Table:
    """Give the lines as a table."""
    return Table("", COLUMNS, tuple(rows), "there are no records of any patient").filled
