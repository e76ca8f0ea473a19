"""Events as they come in: one record is decoded and checked as far as that needs no vocabulary and no protocol.

A record is flat: keys and texts. A number stands for the text it is written as and meets no float; JSON's `true` and
`false` stand for `yes` and `no`; `null` and an empty text stand for a key that is not there. Nothing here raises: what
cannot be read becomes an `Unreadable` that says why, and everything else an `Event`, whatever its values are worth.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from types import MappingProxyType
from typing import Any, Literal, TypeGuard

from trialspec.diagnostics import did_you_mean
from trialspec.patient import Kind
from trialspec.times import is_time

# What an event of each kind may carry, beside what all may. Keys that begin with `x_` are the sender's own.
CARRIES: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "person": ("birth", "sex", "arm", "same_as"),
        "observation": ("measure", "value", "unit", "high", "low", "laboratory", "method", "by"),
        "administration": ("drug", "amount", "unit", "route", "start", "end", "rate", "weight"),
        "therapy": ("drug", "dose", "unit", "route", "start", "end", "ongoing", "outcome", "intent"),
        "condition": ("concept", "status", "class", "evidence", "start", "end", "ongoing"),
        "adverse_event": (
            *("concept", "term", "grade", "scale", "serious", "related", "outcome"),
            *("start", "end", "ongoing"),
        ),
        "procedure": ("concept", "result"),
        "milestone": ("milestone", "version", "arm"),
    }
)
_KINDS: Mapping[str, Kind] = MappingProxyType({kind: kind for kind in CARRIES})
EVERY_KIND = ("site", "source", "visit", "planned", "done", "absent", "reason", "part_of")
PRIVATE = "x_"
RETRACTED = "entered_in_error"

# What says which record it is, and when it was known; what every kind may carry beside is its content.
OWN = frozenset({"id", "patient", "kind", "time", "revision", "available", "recorded", "received"})
_LONGEST_ID = 200
_BROKEN = re.compile("[\ud800-\udfff]")
_REVISION = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Event:
    """One record about one patient: who says what, and when it was so.

    `content` holds every other key as it was written. A retraction may leave out all but its id, patient and revision.
    """

    id: str
    patient: str
    kind: Kind | Literal[""]
    time: str
    content: Mapping[str, str] = field(hash=False)
    revision: int = 0
    retracted: bool = False
    available: str = ""
    recorded: str = ""
    received: str = ""
    origin: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be read: why, and what could be read of it all the same.

    `mark` is a short digest of the record; it names one that has no id.
    """

    reason: str
    mark: str
    patient: str | None = None
    id: str | None = None
    revision: int | None = None
    available: str = ""
    origin: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Its id, or a name made from what it says."""
        return self.id or f"record {self.mark}"


Record = Event | Unreadable


def decode(line: bytes, origin: str = "") -> Record:
    """Read one line of JSON; `origin` tells people where it stands (`file:line`)."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"the record is not UTF-8 text, from byte {error.start + 1} on"
        return _illegible(reason, line.decode("utf-8", "replace"), marked(line), origin)
    try:
        record = _parsed(text)
    except _RefusedError as error:
        return _illegible(str(error), text, marked(line), origin)
    except json.JSONDecodeError as error:
        what = "ends before it is complete" if error.pos >= len(text.rstrip()) or _half(error) else "is not JSON"
        advice_ = "; each record is one line" if text.strip() in {"{", "["} else ""
        reason = f"the record {what}, at character {error.pos + 1}{advice_}"
        return _illegible(reason, text, marked(line), origin)
    except RecursionError:
        return _illegible("the record is nested too deeply", text, marked(line), origin)
    if not isinstance(record, dict):
        advice_ = "; write each on a line of its own" if isinstance(record, list) else ""
        return Unreadable(f"the record is not a JSON object{advice_}", marked(line), origin=origin)
    if _TEXT.issuperset(map(type, record.values())):
        texts = record
    else:
        texts, nested = _texts(record)
        if nested:
            reason = f"{', '.join(nested)} holds a list or an object, but a record is flat"
            return _unreadable(reason, texts, marked(line), origin)
    found = _event(texts := _stripped(texts), origin)
    return found if isinstance(found, Event) else _unreadable(found, texts, marked(line), origin)


def check(record: Mapping[str, str], origin: str = "", mark: str = "") -> Record:
    """Make an event of keys and texts, or say why they are none."""
    found = _event(texts := _stripped(record), origin)
    if isinstance(found, Event):
        return found
    mark = mark or marked(repr(sorted(texts.items())).encode("utf-8", "replace"))
    return _unreadable(found, texts, mark, origin)


_TEXT = frozenset({str})


def _texts(record: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Give the texts of a record, and the keys (in backticks) that hold something else."""
    texts: dict[str, str] = {}
    nested: list[str] = []
    for key, value in record.items():
        match value:
            case bool():
                texts[key] = "yes" if value else "no"
            case str():
                texts[key] = value
            case None:
                pass
            case _:
                nested.append(quoted(key))
    return texts, nested


def _stripped(record: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, value in record.items() if (text := value.strip())}


def _event(texts: dict[str, str], origin: str) -> Event | str:
    """Make an event of keys and texts that are not empty, or say why they are none."""
    get = texts.get
    kind, time = get("kind", ""), get("time", "")
    retracted = "status" in texts and _means_retracted(texts["status"])
    reasons = _wrong_characters(texts) + _wrong_identity(texts)
    if not retracted:
        if not is_kind(kind):
            reasons.append(_wrong_kind(kind))
        elif not time and "start" in CARRIES[kind]:
            time = get("start", "")
        if not time:
            reasons.append("`time` is missing")
        elif not is_time(time):
            reasons.append(f"{quoted(time)} is not a date or time such as 2024-03-05 or 2024-03-05T08:30+09:00")
    if reasons:
        return "; ".join(reasons)
    # Records say the same again and again, and many are kept: each text is held once.
    content = {intern(key): intern(texts[key]) for key in sorted(texts.keys() - OWN)}
    if retracted:
        del content["status"]
    return Event(
        id=texts["id"],
        patient=intern(texts["patient"]),
        kind=_KINDS.get(kind, ""),
        time=intern(time),
        content=content,
        revision=int(get("revision", "0")),
        retracted=retracted,
        available=intern(get("available", "")),
        recorded=intern(get("recorded", "")),
        received=intern(get("received", "")),
        origin=origin,
    )


def is_kind(text: str) -> TypeGuard[Kind]:
    """Whether a text is a kind of event."""
    return text in CARRIES


def marked(record: bytes) -> str:
    """The short digest that names a record without an id."""
    return hashlib.sha256(record.strip()).hexdigest()[:12]


def quoted(text: str) -> str:
    """A text of a record in backticks, short, and without what would drive a terminal."""
    shown = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
    return "`" + "".join(char if char.isprintable() else "\ufffd" for char in shown) + "`"


def advice(name: str, names: tuple[str, ...]) -> str:
    """The question that names the closest of `names`, ready to follow what is wrong; nothing when none is close."""
    close = _closest(name, names) if len(name) <= _WIDEST else ""
    return f", {close}" if close else ""


_WIDEST = 60


@lru_cache(maxsize=10_000)
def _closest(name: str, names: tuple[str, ...]) -> str:
    return did_you_mean(name, names)


def _means_retracted(status: str) -> bool:
    return status.lower().replace("-", "_").replace(" ", "_") == RETRACTED


def _wrong_characters(texts: Mapping[str, str]) -> list[str]:
    if "".join(texts).isascii() and "".join(texts.values()).isascii():
        return []
    # JSON can escape half of a surrogate pair, which no file can hold again.
    broken = [key for key, text in texts.items() if _BROKEN.search(key) or _BROKEN.search(text)]
    return [f"{quoted(key)} holds a broken character" for key in broken]


def _wrong_identity(texts: Mapping[str, str]) -> list[str]:
    reasons = []
    for key in ("id", "patient"):
        text = texts.get(key)
        if text is None:
            reasons.append(f"`{key}` is missing")
        elif not is_id(text):
            reasons.append(f"`{key}` is longer than {_LONGEST_ID} characters or holds one that cannot be seen")
    revision = texts.get("revision")
    if revision is not None and not _REVISION.fullmatch(revision):
        reasons.append(f"{quoted(revision)} is not a revision, which is a whole number such as 0 or 1")
    return reasons


def is_id(text: str) -> bool:
    """Whether a text can name an event or a patient: it is short, and all of it can be seen."""
    return len(text) <= _LONGEST_ID and text.isprintable()


def _wrong_kind(kind: str) -> str:
    if not kind:
        return "`kind` is missing"
    return f"{quoted(kind)} is not a kind of event{advice(kind, tuple(CARRIES))}"


def _unreadable(reason: str, texts: Mapping[str, str], mark: str, origin: str) -> Unreadable:
    patient, id_, revision = texts.get("patient", ""), texts.get("id", ""), texts.get("revision", "0")
    return Unreadable(
        reason=reason,
        mark=mark,
        patient=patient.strip() if patient.strip() and is_id(patient.strip()) else None,
        id=id_.strip() if id_.strip() and is_id(id_.strip()) else None,
        revision=int(revision) if _REVISION.fullmatch(revision) else None,
        available=texts.get("available", ""),
        origin=origin,
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


class _RefusedError(Exception):
    """What JSON allows and a record does not."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _RefusedError(f"{quoted(twice)} is written twice")
    return record


def _constant(name: str) -> str:
    raise _RefusedError(f"`{name}` is not a number")


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_constant)


def _parsed(text: str) -> object:
    if text.startswith("{"):
        record, end = _JSON.raw_decode(text)
        if end == len(text):
            return record
    return _JSON.decode(text)  # with space around it, or something else that is no record


def _half(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string")


_PATIENT = re.compile(r'[{,]\s*"patient"\s*:\s*"([^"\\]+)"')


def _illegible(reason: str, text: str, mark: str, origin: str) -> Unreadable:
    """Name the patient of a line that is no record, if it names exactly one and that name is whole."""
    patients = {name.strip() for name in _PATIENT.findall(text)}
    patient = patients.pop() if len(patients) == 1 else ""
    whole = is_id(patient) and patient and "\ufffd" not in patient
    return Unreadable(reason, mark, patient if whole else None, origin=origin)
