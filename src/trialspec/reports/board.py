"""Patients who are watched, a row each: what is due, what is overdue, how the response reads, what changed last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialspec.interpreters.reading import earliest
from trialspec.reports.calendar import standings
from trialspec.reports.overview import answered, given

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding

COLUMNS = ("patient", "doses", "due", "overdue", "response", "last changes")
_LAST = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One patient's row, and the first instant at which it may read otherwise though no record came."""

    cells: tuple[str, ...]
    until: int | None


def row(report: PatientReport, last: Sequence[str]) -> Row:
    """Say how a patient stands; `last` are the latest changes in words."""
    standing = standings(report)
    due = [f"{each.name} {each.state}: {_days(each.window)}" for each in standing if each.state in {"due", "held"}]
    coming = next((each for each in standing if each.state == "not due"), None)
    if coming is not None and not due:
        due = [f"next {coming.name}: {coming.planned or _days(coming.window)}"]
    overdue = [each.name for each in standing if each.state == "overdue"]
    overdue += _assessments(report)
    findings = [each for subject in _SHOWN for each in report.about(subject)]
    doses = given(report).replace(" doses", "")
    cells = (report.patient, doses, _lines(due), _lines(overdue), _lines(answered(report)), _lines(last))
    return Row(cells, earliest(*(each.until for each in findings)))


_SHOWN = ("dose", "visit", "assessment", "category")


def _assessments(report: PatientReport) -> list[str]:
    """Name what is overdue at visits; a visit's name does for all that is to be done there."""
    late = [each for each in report.about("assessment") if each.fields["state"] == "overdue"]
    visits = {each.name for each in report.about("visit") if each.fields["state"] == "overdue"}
    missing = {each.facts.get("visit", "") for each in late} - visits
    named = {visit: [_measure(each) for each in late if each.facts.get("visit") == visit] for visit in sorted(missing)}
    return [f"{visit}: {', '.join(measures)}" for visit, measures in named.items()]


def _measure(finding: Finding) -> str:
    return finding.facts.get("measure") or finding.name


def _days(window: str) -> str:
    return window.removeprefix("from ") if " to " in window else window


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def in_words(line: dict[str, Any]) -> str:
    """Say a line of the journal in a few words."""
    when = (line["resolved"] if line["what"] == "resolved" else line["happened"]) or ""
    sentence = line["sentence"].partition(";")[0]
    return f"{when[:10]} {line['what']}: {sentence}".lstrip()


def latest(last: Sequence[str], lines: Iterable[str]) -> tuple[str, ...]:
    """Put new changes behind the last ones, and keep a few."""
    return (*last, *lines)[-_LAST:]
