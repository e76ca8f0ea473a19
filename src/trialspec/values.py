"""The words and numbers of one event, read with the vocabulary: what cannot be trusted may be anything, with a reason.

Numbers are exact, and come in the unit of their measure or drug, with a reference range converted by the same factor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from trialspec.events import CARRIES, EVERY_KIND, RETRACTED, Event, advice, quoted
from trialspec.patient import Kind
from trialspec.quantity import (
    ANY_WORD,
    ANYTHING,
    Codes,
    Interval,
    compare,
    divide,
    exactly,
    parse_interval,
    parse_number,
    scale,
    word,
)
from trialspec.times import When, Zone
from trialspec.truth import MET
from trialspec.vocabulary import Term

Value = Codes | Interval | When


@dataclass(slots=True)
class Reading:
    """An event while it is read: the fields found so far, and what was wrong.

    It is not `certain` where the event may not have been so at all, and not `trusted` where no value of it is.
    """

    event: Event
    kind: Kind
    zones: tuple[Zone, ...]
    fields: dict[str, Value] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    certain: bool = True
    trusted: bool = True
    stray: bool = False

    def get(self, key: str) -> str | None:
        """The text of a key, where it is given."""
        return self.event.content.get(key)

    def doubt(self, reason: str) -> None:
        """Note what is wrong, for people."""
        self.reasons.append(reason)


# --- words ------------------------------------------------------------------------------------------------------------

YES_NO = ("yes", "no")
# `unknown` is an answer to each of these: it may be any of the words, and nothing is wrong with the record.
_CLOSED: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("person", "sex"): ("female", "male", "other"),
        ("therapy", "outcome"): ("inadequate_response", "intolerance", "relapse", "response"),
        ("adverse_event", "serious"): YES_NO,
        ("adverse_event", "related"): YES_NO,
    }
)
# A disease of such a status may not be there at all.
UNSURE = frozenset(
    {"suspected", "possible", "probable", "provisional", "differential", "unconfirmed", "refuted", "ruled_out"}
)
_WORDS = frozenset(
    {
        *("site", "source", "visit", "planned", "reason", "part_of", "arm", "same_as", "laboratory", "method", "by"),
        *("route", "intent", "class", "evidence", "outcome", "result", "version", "term"),
    }
)
_OPEN = MappingProxyType(
    {
        kind: frozenset(key for key in (*carried, *EVERY_KIND) if key in _WORDS and (kind, key) not in _CLOSED)
        for kind, carried in CARRIES.items()
    }
)


def read_words(reading: Reading) -> None:
    """Read all that is said in words; where only certain words are possible, another one may be any of them."""
    any_word = _OPEN[reading.kind]
    for key, text in reading.event.content.items():
        if key in any_word:
            reading.fields[key] = word(text)
        elif words := _CLOSED.get((reading.kind, key)):
            reading.fields[key] = _one_of(reading, key, text, words)
        elif key == "scale" and key in CARRIES[reading.kind]:
            reading.fields[key] = word(_scale(text))
        elif key == "status" and reading.kind == "condition":
            reading.fields[key] = _status(reading, text)
    if reading.kind == "milestone" and reading.get("milestone") == "visit" and reading.get("visit") is None:
        reading.doubt("a visit does not say which one it is: `visit` is missing")
        reading.fields["visit"] = ANY_WORD


def yes_or_no(text: str) -> str:
    """The text in lower case, and yes or no where it says true or false."""
    said = text.lower()
    return {"true": "yes", "false": "no"}.get(said, said)


def _one_of(reading: Reading, key: str, text: str, words: tuple[str, ...]) -> Codes:
    said = yes_or_no(text) if words == YES_NO else text
    if said in words:
        return word(said)
    if said != "unknown":
        reading.doubt(f"`{key}` is {quoted(text)}, not one of {', '.join(words)}{advice(text, words)}")
    return ANY_WORD


def status_word(text: str) -> str:
    """The status of a condition as it is compared: in small letters, its words joined by underscores."""
    return text.lower().replace("-", "_").replace(" ", "_")


def _status(reading: Reading, text: str) -> Codes:
    status = status_word(text)
    if close := advice(status, (RETRACTED,)):
        reading.doubt(f"`status` is {quoted(text)}{close}")
    if close or status in UNSURE:
        reading.certain = False
    return ANY_WORD if close else word(status)


_CTCAE = re.compile(r"ctcae[\s,]*(?:version|v\.?)?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)


def _scale(text: str) -> str:
    """Write `CTCAE v5` in one way; other scales stay as they are written."""
    found = _CTCAE.fullmatch(text)
    return f"CTCAE v{found[1].removesuffix('.0')}" if found else text


# --- numbers ----------------------------------------------------------------------------------------------------------


def read_values(reading: Reading, term: Term | None) -> None:
    """Read what was measured, given or graded."""
    match reading.kind:
        case "observation" if term is not None and term.coded:
            reading.fields["value"] = _coded(reading, term)
        case "observation" if term is not None:
            _observation(reading, term)
        case "administration":
            _amount(reading, "amount", term)
            _with_unit(reading, "rate", "50 mg/h", lambda value, unit: _over_time(value, unit, term, "h"))
            _with_unit(reading, "weight", "70 kg", _mass)
        case "therapy":
            _amount(reading, "dose", term, per="d")
        case "adverse_event" if (text := reading.get("grade")) is not None:
            reading.fields["grade"] = _grade(reading, text)
        case _:
            pass


def _coded(reading: Reading, term: Term) -> Codes:
    text, values = reading.get("value"), tuple(sorted(term.values))
    if text is not None and term.values == {*YES_NO}:
        text = yes_or_no(text)
    numeric = [key for key in ("unit", "high", "low") if reading.get(key) is not None]
    if text is None:
        reading.doubt("`value` is missing")
    elif text not in values:
        close = advice(text, values) or f", it is one of {', '.join(values)}"
        reading.doubt(f"{quoted(text)} is not a value of {term.name}{close}")
    elif numeric:
        reading.doubt(f"{term.name} is read in words, but `{numeric[0]}` is given")
    else:
        return word(text)
    return ANY_WORD


def _observation(reading: Reading, term: Term) -> None:
    texts = tuple(map(reading.event.content.get, _MEASUREMENT))
    # The same number in the same unit, with the same range, comes again and again.
    usual = sum(map(len, filter(None, texts))) <= _USUAL
    fields, reasons = _remembered(term, texts) if usual else _measured(term, texts)
    reading.fields.update(fields)
    reading.reasons.extend(reasons)


_MEASUREMENT = ("value", "unit", "low", "high", "laboratory")
_USUAL = 200  # characters


@dataclass(slots=True)
class _Measured:
    """A measurement while it is read: what is written of it, the fields found so far, and what was wrong."""

    said: Mapping[str, str | None]
    fields: dict[str, Value] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def get(self, key: str) -> str | None:
        """The text of a key, where it is given."""
        return self.said[key]

    def doubt(self, reason: str) -> None:
        """Note what is wrong, for people."""
        self.reasons.append(reason)


def _measured(term: Term, texts: tuple[str | None, ...]) -> tuple[Mapping[str, Value], tuple[str, ...]]:
    """Read a number with its unit and its reference range; give the fields, and what is wrong."""
    reading = _Measured(dict(zip(_MEASUREMENT, texts, strict=True)))
    text = reading.get("value")
    unit = _unit(reading, term)
    read = None if text is None else _limited(text, term)
    value = None if read is None or unit is None else term.convert(read, unit)
    if text is None:
        reading.doubt("`value` is missing")
    elif read is None:
        reading.doubt(f"the value {quoted(text)} is not a number such as 1.4, <5 or >=200")
    elif value is not None and not _overlap(value, term.possible):
        reading.doubt(f"{quoted(f'{text} {unit}')} is outside what {term.name} can be ({term.possible} {term.unit})")
        value = None
    reading.fields["value"] = ANYTHING if value is None else value
    _range(reading, term, unit)
    return reading.fields, tuple(reading.reasons)


_remembered = lru_cache(maxsize=20_000)(_measured)


def _limited(text: str, term: Term) -> Interval | None:
    """Read a value; below a limit of quantification lies all from zero on, or all where less than zero is possible."""
    value, low = parse_interval(text), term.possible.low
    if value is not None and text.startswith("<") and low is not None and low < 0:
        return Interval(None, value.high, high_open=value.high_open)
    return value


def _unit(reading: _Measured, term: Term) -> str | None:
    """Read the unit, which is never assumed: `None` where it is missing or not one of the measure's."""
    unit, accepted = reading.get("unit"), sorted({*term.factors, term.unit} - {""})
    if unit is None:
        if set(accepted) <= {"1"}:
            return term.unit
        reading.doubt(f"the unit is missing, {term.name} is in {' or '.join(accepted)}")
        return None
    if term.convert(exactly(1), unit) is not None:
        return unit
    # A unit that is spelled nearly alike may be a thousand times as large: all are listed, and none is suggested.
    units = "is in " + " or ".join(accepted) if set(accepted) - {"1"} else "has none"
    reading.doubt(f"{quoted(unit)} is not a unit of {term.name}, which {units}")
    return None


def _overlap(one: Interval, other: Interval) -> bool:
    return compare(one, "above", other) is not MET and compare(one, "below", other) is not MET


def _range(reading: _Measured, term: Term, unit: str | None) -> None:
    """Read the reference range, or else take that of the laboratory, and compare the value with its ends."""
    ends = {key: _range_end(reading, term, key, text, unit) for key in ("low", "high") if (text := reading.get(key))}
    if not ends:
        laboratory = term.ranges.get(reading.get("laboratory") or "", (None, None))
        ends = {key: exactly(end) for key, end in zip(("low", "high"), laboratory, strict=True) if end is not None}
    if len(ends) == 2 and compare(ends["low"], "above", ends["high"]) is MET:
        reading.doubt("the low end of the reference range is above its high end")
        ends = dict.fromkeys(ends, ANYTHING)
    value = reading.fields["value"]
    for key, end in ends.items():
        reading.fields[key] = end
        if isinstance(value, Interval) and (end.exact is None or end.exact > 0):
            ratio = None if end.exact is None else divide(value, end)
            reading.fields[f"value_over_{key}"] = ratio or ANYTHING


def _range_end(reading: _Measured, term: Term, key: str, text: str, unit: str | None) -> Interval:
    number = parse_number(text)
    if number is None:
        reading.doubt(f"the {key} end of the reference range, {quoted(text)}, is not a number")
        return ANYTHING
    end = None if unit is None else term.convert(exactly(number), unit)
    if end is not None and _impossible_end(key, end, term.possible):
        # Most likely the range of another unit: compared with it, every value would be low, or high.
        can_be = f"what {term.name} can be ({term.possible} {term.unit})"
        reading.doubt(f"the {key} end of the reference range, {quoted(text)} {unit}, is outside {can_be}")
        return ANYTHING
    return end or ANYTHING


def _impossible_end(key: str, end: Interval, possible: Interval) -> bool:
    """Whether no possible value lies inside a range with this end; a low end below what is possible is usual."""
    return compare(end, "above", possible) is MET or (key == "high" and compare(end, "below", possible) is MET)


# Seconds, for what is given over time.
_SPANS = MappingProxyType({"min": 60, "h": 3600, "d": 86_400, "(24.h)": 86_400, "wk": 604_800})
_KILOGRAMS = MappingProxyType({"kg": Fraction(1), "g": Fraction(1, 1000)})


def _over_time(value: Interval, unit: str, term: Term | None, per: str) -> Interval | None:
    """Turn an amount over time into the drug's own unit per hour or day; `None` for a unit that is no such thing."""
    amount, _, span = unit.rpartition("/")
    held = term.convert(value, amount) if term is not None and amount and span in _SPANS else None
    return None if held is None else scale(held, Fraction(_SPANS[per], _SPANS[span]))


def _mass(value: Interval, unit: str) -> Interval | None:
    return scale(value, _KILOGRAMS[unit]) if unit in _KILOGRAMS else None


def _amount(reading: Reading, key: str, term: Term | None, per: str = "") -> None:
    """Read an amount, or an amount `per` day, in the unit of the event."""
    text, unit = reading.get(key), reading.get("unit")
    if text is None:
        return
    value = parse_interval(text)
    held = None
    if value is None:
        reading.doubt(f"`{key}` {quoted(text)} is not a number")
    elif unit is None:
        reading.doubt(f"the unit of `{key}` is missing")
    elif per:
        held = _positive(reading, key, _over_time(value, unit, term, per), unit)
    else:
        held = _positive(reading, key, None if term is None else term.convert(value, unit), unit)
    reading.fields[key] = held or ANYTHING


def _with_unit(reading: Reading, key: str, example: str, convert: Callable[[Interval, str], Interval | None]) -> None:
    """Read a number with its unit in one text."""
    text = reading.get(key)
    if text is None:
        return
    number, _, unit = text.partition(" ")
    value, unit = parse_interval(number), unit.strip()
    held = None
    if value is None or not unit:
        reading.doubt(f"`{key}` {quoted(text)} is not a number with its unit, such as {example}")
    else:
        held = _positive(reading, key, convert(value, unit), unit)
    reading.fields[key] = held or ANYTHING


def _positive(reading: Reading, key: str, held: Interval | None, unit: str) -> Interval | None:
    """Give a converted number if its unit was right, and if it is none that cannot be."""
    if held is None:
        reading.doubt(f"{quoted(unit)} is not a unit for `{key}`")
    elif held.low is None or held.low < 0:
        reading.doubt(f"`{key}` is below zero")
        return None
    return held


_GRADES = Interval(Fraction(1), Fraction(5))


def _grade(reading: Reading, text: str) -> Interval:
    grade, scale_ = parse_interval(text), reading.fields.get("scale")
    if grade is None or (grade.exact is not None and grade.exact.denominator != 1):
        reading.doubt(f"the grade {quoted(text)} is not a whole number")
    elif scale_ is None:
        reading.doubt("the grade says nothing without its scale, such as CTCAE v5: `scale` is missing")
    elif str(scale_).startswith("CTCAE") and not _overlap(grade, _GRADES):
        reading.doubt(f"the grade {quoted(text)} is not one of 1 to 5")
    else:
        return grade
    return ANYTHING
