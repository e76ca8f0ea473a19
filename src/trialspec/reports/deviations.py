"""The monitor's log: protocol deviations, one line each, in the columns of the SDTM domain DV.

| column | holds |
|---|---|
| STUDYID | the name of the protocol |
| DOMAIN | `DV` |
| USUBJID | the patient, as the events name her |
| DVSEQ | 1, 2 ... within the patient, by date |
| DVSPID | the key of the alert: the same on every run |
| DVTERM | the sentence of the alert |
| DVDECOD | the rule |
| DVCAT | the class of deviation (ICH E3 asks for classes; the rulebook names them) |
| DVSCAT | what departed: dose, visit, assessment, eligibility ... |
| DVSTDTC, DVENDTC | the dates of its start and, for a state that has passed, of its end, in the zone of the site |

Beside them, in small letters, what SDTM has no column for: `subject` (RTX#2, week_12), `important` (Y or N, as the
protocol sets it, never the engine), `urgency`, `known_since` (the date from which on every record behind it was
available; empty where a record does not say), `assumes`, `clause`, and `digest` (of the protocol that was run).

Only rules with a `category` report deviations. Reminders, queries and notes are no deviations and are not in the log.
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
    from trialspec.program import Program
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


def rows(program: Program, report: PatientReport) -> Iterator[tuple[str, ...]]:
    """Give the lines of one patient."""
    zone = report.timeline.zone
    for number, episode in enumerate(deviations(report), 1):
        rule, finding = episode.rule, episode.finding
        yield (
            program.name,
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
            "; ".join(assumptions(program, finding)),
            rule.clause or (finding.provenance.clause if finding.provenance else ""),
            episode.digest,
        )


def log(program: Program, report: PatientReport) -> Table:
    """Give the lines of one patient as a table."""
    return Table("Deviations", COLUMNS, tuple(rows(program, report)), "no deviation found")


def _date(instant: int | None, zone: Zone) -> str:
    return "" if instant is None else shown_date(zone.date_of(instant))
