"""Visits of a trial in primary biliary cholangitis (pbcseq): laboratory values as records."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from tests.third_party.published import event
from trialspec.events import Record

# The measure and the unit of each column.
COLUMNS = {
    "bili": ("bilirubin", "mg/dL"),
    "albumin": ("albumin", "g/dL"),
    "platelet": ("platelets", "10*9/L"),
    "chol": ("cholesterol", "mg/dL"),
    "protime": ("prothrombin_time", "s"),
}
# Days are counted from the start of the trial, which has no date.
DAY_0 = date(1977, 3, 1)


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient: the dates of the visits, and by measure the values that were taken, each with its date."""

    name: str
    visits: tuple[date, ...]
    values: dict[str, list[tuple[date, str]]]

    @property
    def records(self) -> tuple[Record, ...]:
        units = dict(COLUMNS.values())
        taken = [(on, measure, value) for measure, found in self.values.items() for on, value in found]
        return tuple(
            event(self.name, number, "observation", on.isoformat(), measure=measure, value=value, unit=units[measure])
            for number, (on, measure, value) in enumerate(taken)
        )

    def up_to(self, measure: str, now: date) -> list[tuple[date, Fraction]]:
        """Give the values up to a date, in their order."""
        return [(on, Fraction(value)) for on, value in self.values.get(measure, ()) if on <= now]


def patients(folder: Path) -> Iterator[Patient]:
    """Give every patient."""
    found: dict[str, Patient] = {}
    with (folder / "pbcseq.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            on = DAY_0 + timedelta(days=int(row["day"]))
            known = found.setdefault(row["id"], Patient(row["id"], (), {}))
            found[row["id"]] = Patient(known.name, (*known.visits, on), known.values)
            for column, (measure, _) in COLUMNS.items():
                if row[column]:
                    known.values.setdefault(measure, []).append((on, row[column]))
    yield from found.values()
