"""The monitor's log: protocol deviations, one line each, in the columns of the SDTM domain DV.

`docs/reports.md` says what each column holds. SDTM's are in capitals; beside them, in small letters, is what it has no
column for. Only rules with a `category` report deviations: reminders, queries and notes are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.reports.journal import happened, known_since
from trialspec.reports.rests import assumptions
from trialspec.reports.sentence import said
from trialspec.reports.table import Table
from trialspec.times import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.alerts import Episode
    from trialspec.evaluation import PatientReport
    from trialspec.times import Zone

SDTM = (
    *("STUDYID", "DOMAIN", "USUBJID", "DVSEQ", "DVSPID", "DVTERM"),
    *("DVDECOD", "DVCAT", "DVSCAT", "DVSTDTC", "DVENDTC"),
)
BESIDE = ("subject", "important", "urgency", "known_since", "assumes", "clause", "digest")
COLUMNS = SDTM + BESIDE


def deviations(report: PatientReport) -> tuple[Episode, ...]:
    """Give the alerts of a patient that are deviations, by date."""
    found = [episode for episode in report.alerts.values() if episode.rule.category]
    return tuple(sorted(found, key=lambda each: (happened(each) or 0, each.key)))


def rows(report: PatientReport) -> Iterator[tuple[str, ...]]:
    """Give the lines of one patient."""
    zone = report.timeline.zone
    for number, episode in enumerate(deviations(report), 1):
        rule, finding = episode.rule, episode.finding
        yield (
            report.program.name,
            "DV",
            report.patient,
            str(number),
            str(episode.key),
            said(episode),
            rule.name,
            rule.category,
            finding.subject,
            _date(happened(episode), zone),
            _date(episode.closed, zone),
            finding.name,
            "Y" if rule.important else "N",
            rule.urgency,
            _date(known_since(episode, report), zone),
            "; ".join(assumptions(report.judge(finding), finding)),
            rule.clause or (finding.provenance.clause if finding.provenance else ""),
            episode.digest,
        )


def log(report: PatientReport) -> Table:
    """Give the lines of one patient as a table."""
    return Table("Deviations", COLUMNS, tuple(rows(report)), "no deviation found")


def _date(instant: int | None, zone: Zone) -> str:
    return "" if instant is None else shown_date(zone.date_of(instant))
