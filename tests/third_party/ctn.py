"""Trials of opioid use (CTN-0027, CTN-0030, CTN-0051): weekly urine screens as records, and published endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from tests.third_party.parquet import Value, rows
from tests.third_party.published import event
from trialspec.events import Record

# What the letters of a pattern say of a week.
WEEKS = {"-": "negative", "+": "positive", "*": "mixed", "o": "missing"}
# Study days have no date: week 1 ends six days after this one.
DAY_1 = date(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class Person:
    """One person: the weeks in their order, and the endpoints by name."""

    name: str
    weeks: str
    endpoints: Mapping[str, Value]

    @property
    def seen(self) -> bool:
        """Whether any screen was collected."""
        return any(WEEKS[letter] != "missing" for letter in self.weeks)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records())

    def _records(self) -> Iterator[Record]:
        yield event(self.name, 0, "milestone", DAY_1.isoformat(), milestone="randomisation")
        for week, letter in enumerate(self.weeks, 1):
            on = (DAY_1 + timedelta(days=7 * week - 1)).isoformat()
            yield event(self.name, week, "observation", on, measure="urine_due", value=WEEKS[letter])
            if WEEKS[letter] != "missing":
                yield event(self.name, 100 + week, "observation", on, measure="urine", value=WEEKS[letter])


def people(folder: Path) -> Iterator[Person]:
    """Give everybody whose endpoints are published."""
    tables = [list(rows(folder / f"outcomes_{name}.parquet")) for name in ("abstinence", "relapse", "reduction")]
    for same in zip(*tables, strict=True):
        said = {name: value for row in same for name, value in row.items()}
        assert len({row["who"] for row in same}) == len({row["usePatternUDS"] for row in same}) == 1
        yield Person(str(said.pop("who")), str(said.pop("usePatternUDS")), said)


def week_of(day: date) -> int:
    """Give the week that a date lies in."""
    return (day - DAY_1).days // 7 + 1
