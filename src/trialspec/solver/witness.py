"""From an answer of the solver to a patient: the records as events, which the reference then reads like any others."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from trialspec.events import Event, check
from trialspec.items import about
from trialspec.patient import FAR
from trialspec.quantity import Interval, shown
from trialspec.times import DAY, parse_time, shown_date

if TYPE_CHECKING:
    from trialspec.program import Program
    from trialspec.solver.logic import Model, Term
    from trialspec.solver.moments import Time
    from trialspec.solver.records import Record, Records

PATIENT = "witness"
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Witness:
    """A patient: what happened, and the instant at which it shows."""

    events: tuple[Event, ...]
    at: int

    def lines(self) -> tuple[str, ...]:
        """Tell what happened, a line for each event."""
        return tuple(f"{event.time}  {_told(event)}" for event in self.events)


def _told(event: Event) -> str:
    content = dict(event.content)
    subject = content.pop(about(event.kind), "") if event.kind else ""
    value, unit = content.pop("value", ""), content.pop("unit", "")
    amount = content.pop("amount", "") or content.pop("dose", "")
    denied = content.pop("absent", "") == "yes"
    number = f"{value or amount} {unit}".strip()
    rest = ", ".join(f"{key} {text}" for key, text in content.items())
    head = f"no {subject}" if denied else f"{subject} {number}".strip()
    kind = event.kind.replace("_", " ") if event.kind not in {"observation", "milestone"} else ""
    return " ".join(part for part in (f"{kind}:" if kind else "", head, f"({rest})" if rest else "") if part)


def witness(program: Program, records: Records, model: Model, prefix: str = "w") -> Witness | None:
    """Give the patient that a model tells of; `None` where one of the values cannot be written down.

    What was there in any case is left out: whoever put it there has the events.
    """
    events = []
    present = [record for record in records.all if record.present is not True and model.holds(record.present)]
    for number, record in enumerate(sorted(present, key=lambda each: (model.number(each.time.low), each.name)), 1):
        content = _content(program, record, model)
        if content is None:
            return None
        event = check({"id": f"{prefix}{number}", "patient": PATIENT, "kind": record.kind, **content})
        if not isinstance(event, Event):
            return None
        events.append(event)
    at = parse_time(_clock(records.now, model), program.zone)
    return None if at is None or not at.instants else Witness(tuple(events), at.instants[0])


def _content(program: Program, record: Record, model: Model) -> dict[str, str] | None:
    """Give what a record says."""
    content = {"time": _time(record.time, model)}
    key = about(record.kind)
    term = None
    if key and record.subject is not None:
        content[key] = record.subject.choices[int(model.number(record.subject.index))]
        term = program.vocabulary.get(content[key])
    if record.denies:
        return content | {"absent": "yes"}
    for name, word in record.words.items():
        if model.holds(word.there):
            content[name] = word.choices[int(model.number(word.index))]
    for name, day in record.dates.items() if model.holds(record.dated) else ():
        content[name] = shown_date(int(model.number(day)))
    if record.ends is not None:
        if model.holds(record.ongoing):
            content["ongoing"] = "yes"
        elif int(model.number(record.ends.first)) < FAR:
            content["end"] = _time(record.ends, model)
    told = (name for name in record.numbers if model.holds(record.told.get(name, True)))
    numbers = {name: model.number(record.numbers[name]) for name in told}
    if term is None and numbers.keys() - {"grade"}:
        return None
    unit = term.unit if term is not None else ""
    if record.unit is not None:
        unit = record.unit.choices[int(model.number(record.unit.index))]
    factor = term.factors.get(unit, Fraction(1)) if term is not None else Fraction(1)
    if record.kind == "observation" and term is not None and not term.coded:
        return _measured(content, numbers, unit, factor, term.possible)
    if "grade" in numbers:
        content.setdefault("scale", "CTCAE v5")
        content["grade"] = _text(numbers["grade"])
    for name, per in (("amount", ""), ("dose", "/d")):
        if name in numbers:
            content |= {name: _text(numbers[name] / factor), "unit": f"{unit}{per}"}
    if "rate" in numbers:
        content["rate"] = f"{_text(numbers['rate'] / factor)} {unit}/h"
    if "weight" in numbers:
        content["weight"] = f"{_text(numbers['weight'])} kg"
    return content if all(content.values()) else None


def _measured(
    content: dict[str, str], numbers: dict[str, Fraction], unit: str, factor: Fraction, possible: Interval
) -> dict[str, str] | None:
    """Write a value with its unit and its reference range."""
    value = numbers.get("value")
    for end in ("high", "low"):
        ratio = numbers.get(f"value_over_{end}")
        if ratio is None:
            continue
        if value is None:
            # Only the multiple of the range is asked for: any range will do.
            value = ratio * 10 * factor
            numbers[end] = 10 * factor
        elif ratio != 0:
            numbers[end] = value / ratio
    if value is None:
        value = _usual(possible)
    content["value"] = _text(value / factor)
    if unit:
        content["unit"] = unit
    for end in ("high", "low"):
        if end in numbers:
            content[end] = _text(numbers[end] / factor)
    return content if all(content.values()) else None


def _usual(possible: Interval) -> Fraction:
    low, high = possible.low, possible.high
    if low is not None and high is not None:
        return Fraction(int((low + high) / 2)) if low <= int((low + high) / 2) <= high else low
    return low if low is not None else high if high is not None else Fraction(0)


def _text(number: Fraction) -> str:
    """Write a number as a decimal, exactly; nothing for one that has none of so few digits."""
    text = shown(number, _DIGITS)
    return "" if text.startswith("~") else text


def _time(time: Time, model: Model) -> str:
    return _clock(time, model) if model.holds(time.timed) else shown_date(int(model.number(time.first)))


def _clock(time: Time, model: Model) -> str:
    day, second = divmod(int(model.number(time.low)), DAY)
    return f"{shown_date(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}".removesuffix(":00")


def values(records: Records) -> list[tuple[Term, Fraction]]:
    """Give every number that a witness writes down, with the step in which it is best written."""
    steps = []
    for record in records.all:
        for name, value in record.numbers.items():
            if not isinstance(value, int | Fraction) and name != "grade":
                resolution = record.term.resolution if record.term is not None and name == "value" else None
                steps.append((value, resolution or Fraction(1, 100)))
    return steps
