"""Patients of the founding protocol as a stream: lines of NDJSON in the order of their arrival, the same every time.

No patient is real. Patient n is the same in a stream of any size: about 20 records, arrivals included that come twice.

- A fixed number of patients begins each day. Of all, 36 % are screened and go no further (most lack a drug that failed
  or have an infection), 43 % leave during treatment, 13 % are followed to week 12 and 8 % for the whole year, so that
  thousands are under way at any instant of a long stream. 4 % of those who should not be enrolled are, all the same.
- Records arrive within hours, what a laboratory measured on the next day. 5 % arrive 2 to 30 days later than that, 2 %
  are first wrong and corrected 3 to 30 days later by a higher revision, and 1 % arrive once more within five days.
- Of visits 6 % are missed and 10 % are a week or more off; of the values of a visit 4 % are missing, and 0.5 % lack
  their unit. Of doses 2 % are not given (half of these say so), 6 % are a few days late and 1 % have another amount.
  Of the counts before cyclophosphamide 5 % are missing and 6 % too low; two in three of these hold the dose.
- Times are instants with the offset +09:00, or with Z (2 %), and dates alone where a day is all that is known: what was
  asked at screening, urine collected over a day, and one visit in eight. A patient's laboratory writes g/L, 10*9/L and
  g/(24.h), or mg/dL, /uL and mg/(24.h).

It takes memory for those under way only: the number of patients of a stream does not matter.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS_EACH = 20  # records a patient, on average
A_DAY = 40  # patients who begin each day

FIRST_DAY = date(2001, 1, 1).toordinal()
LATE, CORRECTED, TWICE = 0.05, 0.02, 0.01

_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_EAST = 9 * 3600  # seconds that the clocks of the trial's zone are ahead of UTC
_HOUR = 60  # minutes


class Arrival(NamedTuple):
    """A line, and the instant (a second of UTC) at which it arrives."""

    at: int
    patient: int
    order: int
    line: bytes


def stream(patients: int, *, seed: int = 1, a_day: float = A_DAY) -> Iterator[Arrival]:
    """Give the lines of so many patients, in the order in which they arrive."""
    waiting: list[Arrival] = []
    number, day = 0, FIRST_DAY
    while number < patients or waiting:
        while number < patients and number // a_day <= day - FIRST_DAY:
            for arrival in patient(number, day, seed):
                heapq.heappush(waiting, arrival)
            number += 1
        day += 1
        # Nothing of a patient arrives before the day on which the patient begins.
        tomorrow = (day - _EPOCH) * _DAY - _EAST
        while waiting and (waiting[0].at < tomorrow or number >= patients):
            yield heapq.heappop(waiting)


def patient(number: int, first: int, seed: int = 1) -> list[Arrival]:
    """Give all that arrives of one patient who begins on a day, in the order in which it happened."""
    chart = _Chart(number, Random(f"{seed}/{number}"))  # noqa: S311 - the same every time
    _go(chart, first)
    return chart.arrivals


# --- how a record is written and arrives ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chart:
    """One patient's records so far."""

    number: int
    chance: Random
    arrivals: list[Arrival] = field(default_factory=list)
    records: int = 0

    @property
    def name(self) -> str:
        return f"patient-{self.number:07}"

    def one_in(self, share: float) -> bool:
        return self.chance.random() < share

    def write(self, kind: str, day: int, minute: int | None, *, after: int = 0, **said: str | float | bool) -> None:
        """Write a record of a day, and of a minute of it unless the day is all that is known; see it arrive.

        What it says could be known `after` so many days.
        """
        chance = self.chance
        self.records += 1
        known = day + after
        late = chance.randint(2, 30) if self.one_in(LATE) else 0
        record: dict[str, str | float | bool] = {
            "id": f"{self.name}-{self.records:03}",
            "patient": self.name,
            "kind": kind,
            "time": _date(day) if minute is None else _instant(day, minute, utc=self.one_in(0.02)),
            **said,
            "available": _date(known),
            "recorded": _date(known + late),
            "source": "synthetic",
        }
        earliest = 8 * _HOUR if minute is None or after else minute
        at = _second(known + late, earliest + chance.randint(5, 240))
        if self.one_in(CORRECTED):
            self._arrive(at, _mistaken(record, chance))
            put_right = known + late + chance.randint(3, 30)
            dates = {"available": _date(put_right), "recorded": _date(put_right)}
            corrected = {**record, "revision": 1, "reason": "typing error", **dates}
            self._arrive(_second(put_right, chance.randint(9 * _HOUR, 17 * _HOUR)), corrected)
        else:
            self._arrive(at, record)
        if self.one_in(TWICE):
            again = self.arrivals[-1]
            self.arrivals.append(again._replace(at=again.at + chance.randint(60, 5 * _DAY), order=len(self.arrivals)))

    def _arrive(self, at: int, record: dict[str, str | float | bool]) -> None:
        self.arrivals.append(Arrival(at, self.number, len(self.arrivals), msgspec.json.encode(record)))


def _mistaken(record: dict[str, str | float | bool], chance: Random) -> dict[str, str | float | bool]:
    """Give a record as somebody mistyped it: another number, or else another time."""
    for key in ("value", "amount"):
        if isinstance(number := record.get(key), int | float):
            return {**record, key: round(number * chance.choice((0.1, 0.7, 1.3, 2)), 3)}
    return {**record, "time": str(record["time"])[:10]}


def _date(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _instant(day: int, minute: int, *, utc: bool) -> str:
    if utc:  # in the morning there it is still the day before
        day, minute = divmod(day * 24 * _HOUR + minute - _EAST // 60, 24 * _HOUR)
    return f"{_date(day)}T{minute // _HOUR:02}:{minute % _HOUR:02}{'Z' if utc else '+09:00'}"


def _second(day: int, minute: int) -> int:
    return (day - _EPOCH) * _DAY + minute * 60 - _EAST


# --- what happens to a patient ----------------------------------------------------------------------------------------


def _go(chart: _Chart, first: int) -> None:
    """Write down a patient's course from the first day on."""
    fits, last = _screening(chart, first)
    if fits != chart.one_in(0.04) and not chart.one_in(0.14):
        enrolled = last + chart.chance.randint(2, 9)
        chart.write("milestone", enrolled, 11 * _HOUR, milestone="enrolment")
        _treatment(chart, enrolled)
    else:
        chart.write("milestone", last + chart.chance.randint(0, 6), 15 * _HOUR, milestone="screen_failure")


_DRUGS = ("mycophenolate_mofetil", "azathioprine", "cyclophosphamide", "ciclosporin", "tacrolimus")
_FAILED = ("inadequate_response", "inadequate_response", "relapse", "intolerance")


def _screening(chart: _Chart, first: int) -> tuple[bool, int]:
    """Write down what is asked at screening; say whether the patient may be enrolled, and when it was asked."""
    chance = chart.chance
    ill = first - chance.randint(400, 4000)
    birth = _date(first - chance.randint(19 * 365, 60 * 365))
    sex = "female" if chart.one_in(0.9) else "male"
    chart.write("person", first, None, birth=birth[: chance.choice((4, 7, 10, 10))], sex=sex)
    chart.write("milestone", first, 9 * _HOUR + 30, milestone="consent", version="1.0.0")
    day = first + chance.randint(0, 3)
    chart.write("milestone", day, 10 * _HOUR + 15, milestone="screening")
    asked = None if chart.one_in(0.5) else 10 * _HOUR + 30
    chart.write("condition", day, asked, concept="lupus_nephritis", start=_date(ill)[:7], ongoing=True)
    fits = True
    outcome = "response" if chart.one_in(0.03) else "inadequate_response"
    fits &= outcome != "response"
    chart.write("therapy", day, asked, drug="prednisolone", start=_date(ill)[:7], ongoing=True, outcome=outcome)
    before = 0
    for drug in chance.sample(_DRUGS, chance.choice((0, 1, 1, 1, 1, 1, 2, 2))):
        since = ill + before + chance.randint(5, 60)
        before += 120
        outcome = chance.choice(_FAILED)
        until = _date(min(since + chance.randint(90, 300), first - 10))[:7]
        chart.write("therapy", day, asked, drug=drug, start=_date(since)[:7], end=until, outcome=outcome)
    fits &= before > 0
    if infected := chart.one_in(0.06):
        chart.write("condition", day, asked, concept="pneumonia", start=_date(day - chance.randint(1, 9)), ongoing=True)
    else:
        chart.write("condition", day, asked, concept="active_infection", absent=True)
    return fits and not infected, day


_LEAVE, _STAY_TO_WEEK_12 = 0.67, 0.88


def _treatment(chart: _Chart, enrolled: int) -> None:
    """Write down the doses and the visits, up to the day on which the patient leaves."""
    chance = chart.chance
    stays = chance.random()
    day_1 = enrolled + chance.randint(2, 10)
    leaves = day_1 + chance.randint(3, 27) if stays < _LEAVE else day_1 + 1000
    course = _Course(chart, si=chart.one_in(0.6), better=chart.one_in(0.6))
    course.visit("baseline", day_1 - chance.randint(0, 2), 0)
    given = 0
    for drug, planned, window in (("rituximab", 1, 0), ("cyclophosphamide", 3, 2), ("rituximab", 15, 3)):
        given += course.dose(drug, day_1 + planned - 1, window, leaves)
    course.dose("cyclophosphamide", day_1 + 16, 2, leaves)
    if given and chart.one_in(0.05):
        term: dict[str, Any] = {
            "concept": "infusion_reaction",
            "grade": chance.choice((1, 1, 2, 3)),
            "scale": "CTCAE v5",
        }
        minute = 13 * _HOUR + chance.randint(0, 59)
        chart.write("adverse_event", day_1, minute, **term, serious=False, related=True, end=_date(day_1))
    if stays < _LEAVE:
        why = chance.choice(("consent_withdrawn", "left_study", "left_study", "treatment_stopped"))
        chart.write("milestone", leaves, 14 * _HOUR, milestone=why, reason="wish of the patient")
        return
    visits = (("week_4", 29, 0.4), ("week_12", 85, 0.8), ("week_24", 169, 1.0))
    for name, planned, share in visits[: None if stays >= _STAY_TO_WEEK_12 else 2]:
        course.visit(name, day_1 + planned - 1 + course.off(), share)
    if stays >= _STAY_TO_WEEK_12:
        course.visit("week_52", day_1 + 364 + course.off(), 1)


@dataclass(slots=True)
class _Course:
    """A patient under treatment: in which units the laboratory writes, and whether the disease gets better."""

    chart: _Chart
    si: bool
    better: bool

    def off(self) -> int:
        """Say how many days a visit is from its planned day."""
        chance = self.chart.chance
        return chance.choice((-12, -8, 8, 9, 15, 20)) if self.chart.one_in(0.1) else chance.randint(-4, 4)

    def visit(self, name: str, day: int, share: float) -> None:
        """Write down a visit, by when a `share` of what can be reached has been."""
        chart, chance = self.chart, self.chart.chance
        if chart.one_in(0.06):
            return
        minute = None if chart.one_in(1 / 8) else chance.randint(8 * _HOUR, 11 * _HOUR)
        chart.write("milestone", day, minute, milestone="visit", visit=name)
        gain = share * (chance.uniform(0.5, 0.9) if self.better else chance.uniform(-0.2, 0.3))
        if name in {"baseline", "week_52"}:
            creatinine = chance.uniform(0.7, 1.3)
            self._value("creatinine", day, minute, *self._in("mg/dL", creatinine, "umol/L", 88.4 * creatinine))
            self._value("upcr_24h", day, None, round(max(0.1, 3 * (1 - gain)), 2), "g/g")
        if name == "week_52":
            return
        self._value("sledai_2k", day, minute, max(0, round(chance.randint(8, 22) * (1 - gain))), "1")
        low, high = self._in("g/L", 0.9, "mg/dL", 90)[0], self._in("g/L", 1.8, "mg/dL", 180)[0]
        self._value("c3", day, minute, *self._in("g/L", 0.5 + 0.5 * gain, "mg/dL", 50 + 50 * gain), low=low, high=high)
        low, high = self._in("g/L", 0.1, "mg/dL", 10)[0], self._in("g/L", 0.4, "mg/dL", 40)[0]
        self._value("c4", day, minute, *self._in("g/L", 0.07 + 0.1 * gain, "mg/dL", 7 + 10 * gain), low=low, high=high)
        protein = chance.uniform(2, 6) * (1 - gain)
        self._value("urine_protein_24h", day, None, *self._in("g/(24.h)", protein, "mg/(24.h)", 1000 * protein))
        antibodies = "<10" if chart.one_in(0.1) else chance.randint(20, 300)
        self._value("anti_dsdna", day, minute, antibodies, "[IU]/mL", high=30)

    def dose(self, drug: str, day: int, window: int, leaves: int) -> bool:
        """Write down a planned dose, and before cyclophosphamide the count; say whether it was given."""
        chart, chance = self.chart, self.chart.chance
        day += chance.randint(0, window)
        if drug == "cyclophosphamide" and day < leaves:
            day += self._counted(day)
        late = chance.randint(2, 6) if window and chart.one_in(0.06) else 0
        day += late
        if day >= leaves:
            return False
        minute = chance.randint(9 * _HOUR, 14 * _HOUR)
        amount = 500 if drug == "rituximab" else 750
        if window and chart.one_in(0.02):
            if chart.one_in(0.5):
                chart.write("administration", day, minute, drug=drug, done=False, reason="fever")
            return False
        if chart.one_in(0.01):
            amount -= 100
        end = {"end": _instant(day, minute + 240, utc=False)} if drug == "rituximab" else {}
        said: dict[str, Any] = {"drug": drug, "amount": amount, "unit": "mg", "route": "intravenous", **end}
        chart.write("administration", day, minute, **said)
        return True

    def _counted(self, day: int) -> int:
        """Write down the count before a dose; say for how many days it holds the dose."""
        chart, chance = self.chart, self.chart.chance
        if chart.one_in(0.05):
            return 0
        low = chart.one_in(0.06)
        self._count(day - chance.randint(0, 1), chance.uniform(0.6, 1.4) if low else chance.uniform(1.8, 6))
        if not low or chart.one_in(1 / 3):
            return 0
        held = chance.randint(2, 5)
        self._count(day + held, chance.uniform(1.8, 4))
        return held

    def _count(self, day: int, count: float) -> None:
        self._value("neutrophils", day, 8 * _HOUR + 10, *self._in("10*9/L", count, "/uL", 1000 * count))

    def _in(self, unit: str, value: float, other: str, in_other: float) -> tuple[float, str]:
        """Give a value in the unit of this patient's laboratory."""
        return (round(value, 2), unit) if self.si else (max(0, round(in_other)), other)

    def _value(self, measure: str, day: int, minute: int | None, value: str | float, unit: str, **more: float) -> None:
        chart = self.chart
        if chart.one_in(0.04) and measure != "neutrophils":
            return
        in_unit: dict[str, Any] = {} if chart.one_in(0.005) else {"unit": unit}
        after = 0 if measure == "sledai_2k" else 1
        chart.write("observation", day, minute, after=after, measure=measure, value=value, **in_unit, **more)
