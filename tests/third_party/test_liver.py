"""Trends of laboratory values at every visit of a trial, beside the same trends calculated from the table.

The table has no trends of its own: what it is compared with is written here, in plain arithmetic over its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations, pairwise

import pytest

from tests.third_party.liver import Patient, patients
from tests.third_party.published import Answer, RecordProperty, compare, protocol, published
from trialspec.findings.eligibility import criteria
from trialspec.interpreters.reading import Question

pytestmark = pytest.mark.slow

Readings = Sequence[tuple[date, Fraction]]
Trend = Callable[[Patient, date], bool | None]


def _months(day: date, months: int) -> date:
    """The same day of another month, or the last one of that."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(
        first_of_next - timedelta(days=1),
        date(year, month + 1, min(day.day, 28)) + timedelta(days=max(day.day - 28, 0)),
    )


def _change(measure: str, reference: Callable[[list[Fraction]], Fraction], least: Fraction) -> Trend:
    """Whether the last value lies so much above (below: a negative share) what all up to it have."""

    def trend(patient: Patient, now: date) -> bool | None:
        found = [value for _, value in patient.up_to(measure, now)]
        if not found or (since := reference(found)) == 0:
            return None
        share = (found[-1] - since) / since
        return share >= least if least > 0 else share <= least

    return trend


def _from_a_year_ago(patient: Patient, now: date) -> bool | None:
    found = patient.up_to("albumin", now)
    before = [value for on, value in found if on <= _months(now, -12)]
    return None if not before else before[-1] - found[-1][1] >= Fraction(3, 10)


def _in_a_row(patient: Patient, now: date) -> bool | None:
    found = [value < 150 for _, value in patient.up_to("platelets", now)]
    return None if len(found) < 2 else any(one and other for one, other in pairwise(found))


def _stays_high(patient: Patient, now: date) -> bool | None:
    found = patient.up_to("bilirubin", now)
    for first, last in combinations(range(len(found)), 2):
        row = found[first : last + 1]
        gaps = [(later[0] - one[0]).days for one, later in pairwise(row)]
        if all(value > 2 for _, value in row) and max(gaps) <= 400 and row[-1][0] >= _months(row[0][0], 12):
            return True
    return None if len(found) < 2 else False


def _confirmed(*, unbroken: bool) -> Trend:
    def trend(patient: Patient, now: date) -> bool | None:
        found = patient.up_to("prothrombin_time", now)
        for first, last in combinations(range(len(found)), 2):
            row = found[first : last + 1] if unbroken else [found[first], found[last]]
            if all(value > 11 for _, value in row) and row[-1][0] >= _months(row[0][0], 6):
                return True
        return None if len(found) < 2 else False

    return trend


def _within_a_year(patient: Patient, now: date) -> bool | None:
    found = [value for on, value in patient.up_to("cholesterol", now) if on >= _months(now, -12)]
    return None if not found else max(found) > 300


def _on_average(patient: Patient, now: date) -> bool | None:
    found = [value for on, value in patient.up_to("bilirubin", now) if on >= _months(now, -24)]
    return None if len(found) < 3 else sum(found) / len(found) >= Fraction(3, 2)


TRENDS: dict[str, Trend] = {
    "bilirubin_doubled": _change("bilirubin", lambda found: found[0], Fraction(1)),
    "bilirubin_above_its_least": _change("bilirubin", min, Fraction(1, 2)),
    "albumin_below_its_greatest": _change("albumin", max, Fraction(-1, 5)),
    "albumin_falls_from_a_year_ago": _from_a_year_ago,
    "platelets_low_twice": _in_a_row,
    "bilirubin_stays_high": _stays_high,
    "prothrombin_time_confirmed": _confirmed(unbroken=True),
    "prothrombin_time_twice": _confirmed(unbroken=False),
    "cholesterol_within_a_year": _within_a_year,
    "bilirubin_on_average": _on_average,
}


def _answers() -> Iterator[Answer]:
    asked = protocol("liver-trends")
    for patient in patients(published("pbcseq-real-trial")):
        timeline = asked.timeline(patient.records, patient.name)
        for visit in patient.visits:
            at = int(datetime(visit.year, visit.month, visit.day, 23, 59, 59, tzinfo=UTC).timestamp())
            for found in criteria(asked.program, Question(timeline, at)).findings:
                truth = TRENDS[found.name](patient, visit)
                theirs = "unknown" if truth is None else "met" if truth else "not_met"
                yield Answer(f"{patient.name} on {visit}", found.name, str(found.fields["verdict"]), theirs)


def test_trends_at_every_visit(record_property: RecordProperty) -> None:
    answers = list(_answers())
    # Every trend is found in somebody and missed in somebody; seven are open in somebody.
    seen = {(answer.question, answer.theirs) for answer in answers}
    assert seen >= {(name, verdict) for name in TRENDS for verdict in ("met", "not_met")}
    assert sum(verdict == "unknown" for _, verdict in seen) == len(TRENDS) - 3
    compare("pbcseq trends", answers, {}, record_property, agreed=len(answers))
