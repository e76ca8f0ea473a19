"""The little scalar grammars: names, points, durations, quantities and the few words that are not free text.

Each is a type for a field of a model: it reads the text of a file, and says what is wrong in words for its author.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from trialspec.quantity import Duration, Operator, parse_duration, parse_number, shown

NAME = r"[A-Za-z][A-Za-z0-9_]*"


def refuse(code: str, message: str, advice: str = "", key: str = "") -> PydanticCustomError:
    """Make the error that `trialspec.load` turns into a diagnostic of this code; `key` is the key at fault."""
    return PydanticCustomError(code, "{message}", {"message": message, "help": advice, "key": key})


def _scalar(
    read: Callable[[str], object], kind: str = "string", **schema: object
) -> tuple[PlainValidator, WithJsonSchema]:
    def validate(value: object) -> object:
        if not isinstance(value, str):
            message = f"a text is expected here, this is a {kind_of(value)}"
            raise refuse("wrong-type", message, "write one value, without brackets or dashes")
        return read(value.strip())

    return PlainValidator(validate), WithJsonSchema({**_TYPES[kind], **schema})


# The loader reads every scalar as text; an editor takes `4` for a number and may take `yes` for a truth value.
_TYPES: dict[str, dict[str, object]] = {
    "string": {"type": "string"},
    "number": {"type": ["string", "number"]},
    "yes": {"enum": ["yes", "no", True, False]},
}


def kind_of(value: object) -> str:
    """Name the kind of a value as YAML has it."""
    return "list" if isinstance(value, list | tuple) else "mapping" if isinstance(value, Mapping) else "text"


# --- names and words --------------------------------------------------------------------------------------------------


def _name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise refuse(
            "bad-name",
            f"`{text}` is not a name" if text else "a name is missing here",
            "use letters, digits and underscores, beginning with a letter",
        )
    return text


def _text(text: str) -> str:
    if not text:
        raise refuse("bad-value", "the text is empty", "write it after the colon, or leave the key out")
    return text


def _yes_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise refuse("bad-value", f"`{text}` is neither `yes` nor `no`", "write one of the two")
    return text == "yes"


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise refuse("bad-quantity", f"`{text}` is not a count", "write a whole number")
    return int(text)


# Zones that name an offset by the sign of POSIX, where `+9` lies nine hours west of Greenwich.
_REVERSED = re.compile(r"Etc/GMT[+-][1-9][0-9]?")
# What a machine calls its own zone, and zones that count leap seconds, differ from one machine to the next.
_OF_THE_MACHINE = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*")


def _zone(text: str) -> str:
    if _REVERSED.fullmatch(text):
        side = "west" if "+" in text else "east"
        message = f"`{text}` lies {side} of Greenwich: its sign is the opposite of what people read"
        raise refuse("bad-value", message, "write the zone of the place, as in `Asia/Seoul`; `UTC` is a zone too")
    if _OF_THE_MACHINE.fullmatch(text):
        message = f"`{text}` is not the same zone on every machine"
        raise refuse("bad-value", message, "write the zone of the place, as in `Asia/Seoul`")
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise refuse(
            "bad-value", f"`{text}` is not a time zone", "write a zone of the IANA list, as in `Asia/Seoul`"
        ) from None
    return text


_SLUG = r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*"


def _slug(text: str) -> str:
    if not re.fullmatch(_SLUG, text):
        raise refuse("bad-name", f"`{text}` is not a name of a protocol", "use letters and digits, joined by hyphens")
    return text


def _factor(text: str) -> Fraction | Literal["molar"]:
    if text == "molar":
        return "molar"
    over, _, under = text.partition("/")
    numerator, denominator = parse_number(over), parse_number(under or "1")
    if numerator is None or denominator is None or numerator <= 0 or denominator <= 0:
        raise refuse(
            "bad-quantity", f"`{text}` is not an exact factor", "write a number, a fraction `1/100`, or `molar`"
        )
    return numerator / denominator


def _number(text: str) -> Fraction:
    number = parse_number(text)
    if number is None:
        raise refuse("bad-quantity", f"`{text}` is not a number", "write it as `4` or `0.5`, without a unit")
    return number


Name = Annotated[str, *_scalar(_name, pattern=f"^{NAME}$")]
Slug = Annotated[str, *_scalar(_slug, pattern=f"^{_SLUG}$")]
Text = Annotated[str, *_scalar(_text, "number", minLength=1)]
YesNo = Annotated[bool, *_scalar(_yes_no, "yes")]
Count = Annotated[int, *_scalar(_count, "number", pattern="^[0-9]+$")]
ZoneName = Annotated[str, *_scalar(_zone, description="a zone of the IANA list, as in `Asia/Seoul`")]
Factor = Annotated[
    Fraction | Literal["molar"],
    *_scalar(
        _factor,
        "number",
        description="how many of the measure's own unit one of this unit is, exactly: `0.01`, `1/100`",
    ),
]
Number = Annotated[Fraction, *_scalar(_number, "number")]


# --- durations --------------------------------------------------------------------------------------------------------


def _duration(text: str) -> Duration:
    duration = parse_duration(text)
    if duration is None:
        raise refuse(
            "bad-duration",
            f"`{text}` is not a duration",
            "write a whole number and one of `s`, `min`, `h`, `d`, `wk`, `mo`, `y`, as in `28 d`",
        )
    return duration


_DURATION = r"[0-9]{1,6} *(s|min|h|d|wk|mo|y)"
DurationText = Annotated[
    Duration, *_scalar(_duration, pattern=f"^{_DURATION}$", description="a length of time, as in `28 d` or `6 mo`")
]


# --- points -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """`day N`: N >= 1 is the date of `day_1` plus N-1 days, N <= -1 plus N days."""

    number: int


@dataclass(frozen=True, slots=True)
class Named:
    """A moment of the protocol, or `now`, `dose` or `visit`."""

    name: str


@dataclass(frozen=True, slots=True)
class OnDate:
    """A date of the calendar, as an ordinal."""

    ordinal: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A point moved by a duration."""

    by: Duration
    earlier: bool
    point: WrittenPoint


WrittenPoint = Day | Named | OnDate | Moved

_MOVED = re.compile(rf"({_DURATION})\s+(before|after)\s+(.+)")
_DEEPEST = 8


def read_point(text: str, depth: int = 0) -> WrittenPoint:
    """Read `now`, `dose`, `visit`, a moment, `day 29`, `2005-03-31`, or `14 d before` any of them."""
    if (moved := _MOVED.fullmatch(text)) and depth < _DEEPEST:
        return Moved(_duration(moved[1]), moved[3] == "before", read_point(moved[4].strip(), depth + 1))
    if day := re.fullmatch(r"day\s+([+-]?\d{1,5})", text):
        if int(day[1]) == 0:
            raise refuse(
                "day-0", "there is no day 0", "write `day 1` for the anchor itself, or `day -1` for the day before"
            )
        return Day(int(day[1]))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            return OnDate(date.fromisoformat(text).toordinal())
        except ValueError:
            advice = "check the month and its days: a date is written year, month, day"
            raise refuse("bad-date", f"`{text}` is not in the calendar", advice) from None
    if re.fullmatch(NAME, text):
        return Named(text)
    raise refuse("bad-point", f"`{text}` is not a point in time", _point_advice(text))


def day_meant(text: str) -> str:
    """Say how a day is written, where something like `D15` stands."""
    return f"write `day {re.sub('[^0-9-]', '', text)}`" if re.fullmatch(r"[dD](ay)?_?[+-]?\d+", text) else ""


def _point_advice(text: str) -> str:
    if advice := day_meant(text):
        return advice
    if re.fullmatch(_DURATION, text):
        return f"write from when it counts, as in `{text} before screened`"
    if re.match(r"\d", text) and re.search(r"\b(before|after)\b", text):
        return "write the duration as a whole number and one of `s`, `min`, `h`, `d`, `wk`, `mo`, `y`"
    return (
        "write `now`, `dose`, a moment, `day 29`, a date, or a distance from one of them, as in `14 d before screened`"
    )


PointText = Annotated[
    WrittenPoint,
    *_scalar(
        read_point,
        description="a point in time: `now`, `dose`, a moment, `day 29`, `2005-03-31`, or `14 d before` one of them",
    ),
]


# --- quantities -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit as written; `range_end` makes it a multiple of a reference range's end."""

    number: Fraction
    unit: str
    text: str
    range_end: Literal["high", "low"] | None = None

    @property
    def percent(self) -> bool:
        """Whether it is written in percent."""
        return self.unit == "%"


_QUANTITY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)(?:\s+(\S.*))?")
_RANGE_ENDS: dict[str, Literal["high", "low"]] = {"ULN": "high", "LLN": "low"}


def read_quantity(text: str) -> Quantity:
    """Read `1.5 10*9/L`, `50 %`, `4` or `2 x ULN`."""
    found = _QUANTITY.fullmatch(text)
    number = parse_number(found[1]) if found else None
    if found is None or number is None:
        raise refuse("bad-quantity", f"`{text}` is not a quantity", _quantity_advice(text))
    unit = (found[2] or "").strip()
    if multiple := re.fullmatch(r"[x×]\s*(ULN|LLN)", unit):
        return Quantity(number, "", f"{shown(number)} x {multiple[1]}", _RANGE_ENDS[multiple[1]])
    if re.search(r"\s", unit):
        raise refuse("bad-quantity", f"`{text}` is not a quantity", _quantity_advice(text))
    if unit in _RANGE_ENDS:
        raise refuse("bad-quantity", f"`{text}` is not a quantity", f"write `{found[1]} x {unit}`")
    return Quantity(number, unit, text)


def _quantity_advice(text: str) -> str:
    if text in _RANGE_ENDS:
        return f"write `1 x {text}`"
    if sign := re.match(r"[<>≤≥]=?\s*", text):
        word = {"<": "below", ">": "above", "<=": "at_most", ">=": "at_least", "≤": "at_most", "≥": "at_least"}
        return f"name the side by the key: `{word[sign[0].strip()]}: {text[sign.end() :]}`"
    if glued := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)([A-Za-zµ%\[].*)", text):
        return f"put a space between number and unit: `{glued[1]} {glued[2]}`"
    if span := re.fullmatch(r"(\S+)\s*(?:to|-|–)\s*(\S+)(\s+\S+)?", text):
        unit = span[3] or ""
        return f"write two limits: `at_least: {span[1]}{unit}` and `at_most: {span[2]}{unit}`"
    if re.match(r"\d+,\d", text):
        return "write the decimal sign as a point"
    return "write a number, a space and a unit, as in `1.5 10*9/L`"


def _percent(text: str) -> Fraction:
    quantity = read_quantity(text)
    if not quantity.percent or quantity.number < 0:
        raise refuse("bad-quantity", f"`{text}` is not a percentage", "write a number and `%`, as in `5 %`")
    return quantity.number / 100


QuantityText = Annotated[
    Quantity,
    *_scalar(
        read_quantity,
        "number",
        description="a number and its unit, as in `1.5 10*9/L`; or `2 x ULN`, `1 x LLN`, `50 %`",
    ),
]


def _amount(text: str) -> Quantity | None:
    return None if text == NOT_STATED else read_quantity(text)


NOT_STATED = "not_stated"
AmountText = Annotated[
    Quantity | None, *_scalar(_amount, description="an amount and its unit; `not_stated` where nothing is published")
]
PercentText = Annotated[Fraction, *_scalar(_percent, pattern=r"^[0-9.]+ *%$", description="a percentage, as in `5 %`")]

OPERATORS: tuple[Operator, ...] = ("above", "at_least", "below", "at_most")
