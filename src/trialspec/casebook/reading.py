"""From the text of a file of cases to its cases; everything that is wrong is reported with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trialspec import document
from trialspec.casebook.cases import Asked, Case, Casebook, Expectation
from trialspec.compile import compile_protocol
from trialspec.diagnostics import Diagnostic, Place, ProtocolError, did_you_mean, has_errors
from trialspec.evaluation import Protocol, load
from trialspec.events import CARRIES, EVERY_KIND, OWN, PRIVATE, RETRACTED, Record, is_kind
from trialspec.events import check as checked
from trialspec.items import MILESTONES
from trialspec.library import CASES, PROTOCOL_FILE, find, names
from trialspec.load import load_written
from trialspec.times import Zone, parse_time

if TYPE_CHECKING:
    from trialspec.document import Node
    from trialspec.vocabulary import Vocabulary

PATIENT = "P1"


def case_files(path: Path) -> tuple[Path, ...]:
    """Give the files of cases that a path stands for: itself, those of a protocol, or all below a directory."""
    if path.is_file() and path.name != PROTOCOL_FILE:
        return (path,)
    folder = path.parent if path.is_file() else path
    beside = sorted((folder / CASES).rglob("*.yaml"))
    if beside or (folder / PROTOCOL_FILE).is_file():
        return tuple(beside)
    below = [(file, file.relative_to(folder).parts) for file in sorted(folder.rglob("*.yaml"))]
    ours = [(file, parts) for file, parts in below if not any(part.startswith(".") for part in parts)]
    return tuple(file for file, parts in ours if CASES in parts or (len(parts) == 1 and _has_cases(file)))


def _has_cases(file: Path) -> bool:
    """Whether a file that may be anything has a line for cases."""
    if file.name == PROTOCOL_FILE:
        return False
    return any(line.startswith(b"cases:") for line in file.read_bytes().splitlines())


def read_cases(file: Path, libraries: Sequence[Path] = ()) -> Casebook:
    """Read a file of cases with its protocol; all that is wrong in it is raised as one `ProtocolError`."""
    try:
        text, found = document.decode(file.read_bytes(), str(file))
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        raise ProtocolError([Diagnostic("unknown-file", message, None)]) from None
    node = None
    if text is not None:
        node, found = document.read(text, str(file))
    if node is None or has_errors(found):
        raise ProtocolError(found)
    reader = _Reader(file, libraries)
    book = reader.book(node)
    if reader.found or book is None:
        raise ProtocolError([*found, *reader.found])
    return book


_BOOK = ("protocol", "zone", "day_1", "about", "available", "background", "cases")
_CASE = ("case", "why", "background", "without", "available", "events", "expect", "xfail")
_AT_ONCE = "at once"


class _Reader:
    """Reads one file, and keeps what is wrong with it."""

    def __init__(self, file: Path, libraries: Sequence[Path]) -> None:
        self.file = file
        self.libraries = libraries
        self.found: list[Diagnostic] = []
        self.day_1: date | None = None
        self.zone = Zone("UTC")
        self.vocabulary: Vocabulary

    def say(self, code: str, message: str, place: Place, advice: str = "") -> None:
        self.found.append(Diagnostic(code, message, place, help=advice))

    # --- the file -----------------------------------------------------------------------------------------------------

    def book(self, node: Node) -> Casebook | None:
        """Read the whole file."""
        if not self.keys(node, _BOOK, ("cases",)):
            return None
        protocol = self.protocol(node)
        if protocol is None:
            return None
        self.vocabulary = protocol.program.vocabulary
        self.zone = protocol.program.zone
        if (zone := self.text(node, "zone")) is not None:
            try:
                Zone(zone).date_of(0)
            except (KeyError, ValueError, OSError):
                self.say("bad-value", f"`{zone}` is not a time zone", node["zone"].place)
            else:
                self.zone = Zone(zone)
        if (day := self.text(node, "day_1")) is not None:
            when = parse_time(day, self.zone)
            if when is None or not when.certain or when.instants:
                self.say("bad-date", f"`{day}` is not a date", node["day_1"].place, "write it as in `2005-03-31`")
            else:
                self.day_1 = date.fromordinal(when.first)
        cases = [self.case(each, node) for each in self.members(node, "cases")]
        if not cases and not self.found:
            self.say("bad-value", "there is no case here", node["cases"].place, "write one, as in `- case: ...`")
        names: dict[str, Place] = {}
        for each in filter(None, cases):
            if each.name in names:
                self.say("duplicate-name", f"there are two cases `{each.name}`", each.place, "tell them apart")
            names[each.name] = each.place
        return Casebook(str(self.file), protocol, self.zone, tuple(filter(None, cases)))

    def protocol(self, node: Node) -> Protocol | None:
        """Load the protocol that is named, written out here, or beside the directory of the file."""
        given = node.get("protocol")
        if given is not None and given.kind == "mapping":
            compiled = compile_protocol(load_written(given, self.file, self.libraries))
            return Protocol(compiled.program, compiled.rulebook, compiled.warnings)
        if given is None:
            path = self.file.parent.parent / PROTOCOL_FILE
            advice = "name the protocol under `protocol`, or put the file into the directory `cases` beside it"
            if not path.is_file():
                self.say("missing-key", "it is not said which protocol the cases are about", node.place, advice)
                return None
            return load(path, libraries=self.libraries)
        name = given.text if given.kind == "text" else ""
        found = find(name, self.file, self.libraries)
        if found is None:
            advice = did_you_mean(name, names(self.file, self.libraries)) or (
                "give its name in a library, as in `protocols/demo`; of the protocol beside `cases/` say nothing"
            )
            self.say("unknown-file", f"there is no protocol `{name}` in a library", given.place, advice)
            return None
        return load(found, libraries=self.libraries)

    # --- a case -------------------------------------------------------------------------------------------------------

    def case(self, node: Node, book: Node) -> Case | None:
        """Read one case; what it does not say itself, the file says for all."""
        if not self.keys(node, _CASE, ("case", "expect")):
            return None
        at_once = self.at_once(node, default=self.at_once(book, default=False))
        own = node.get("background")
        none = own is not None and own.kind == "text" and own.text == "none"
        around = [] if none else self.events(book if own is None else node, "background", "b", at_once=at_once)
        without = {each.text: each for each in self.members(node, "without") if each.kind == "text"}
        for missing in without.keys() - {told.id for told in around}:
            self.say("unknown-name", f"the background has no event `{missing}`", without[missing].place)
        around = [told for told in around if told.id not in without]
        told = [*around, *self.events(node, "events", "e", at_once=at_once)]
        asked = [self.asked(key, node["expect"]) for key in self.entries(node["expect"])]
        if not asked:
            self.say("bad-value", "nothing is expected here", node["expect"].place, "write when, and what")
        return Case(
            self.text(node, "case") or "",
            tuple(each.record for each in told),
            tuple(filter(None, asked)),
            tuple(f"{each.time:<16} {each.id:<4} {each.sentence}" for each in sorted(told, key=lambda each: each.time)),
            node["case"].place,
            self.text(node, "why") or "",
            self.text(node, "xfail") or "",
        )

    def asked(self, key: str, node: Node) -> Asked | None:
        """Read what is expected at one time."""
        place, inside = node.key_place(key), node[key]
        time, known, of = key.partition(" as known ")
        at = self.instant(time, place)
        then = self.instant(of, place) if known else None
        if at is None or (known and then is None):
            return None
        expected = [Expectation(name, inside[name], inside.key_place(name)) for name in self.entries(inside)]
        if not expected:
            self.say("bad-value", "nothing is expected here", inside.place, "write what, as in `CYC#1: held`")
        return Asked(at, then, tuple(expected))

    # --- events -------------------------------------------------------------------------------------------------------

    def events(self, node: Node, key: str, letter: str, *, at_once: bool) -> list[_Told]:
        """Read a list of events."""
        members = enumerate(self.members(node, key), 1)
        told = [self.event(each, f"{letter}{number}", at_once=at_once) for number, each in members]
        return [each for each in told if each is not None]

    def event(self, node: Node, name: str, *, at_once: bool) -> _Told | None:
        """Read one event: its time, and what happened."""
        entries = node.keys() if node.kind == "mapping" else ()
        if len(entries) != 1:
            advice = "write it as in `- day 1: rituximab 500 mg intravenous`"
            self.say("wrong-type", "an event is a time and what happened then", node.place, advice)
            return None
        (time,) = entries
        inside, place = node[time], node.key_place(time)
        written = self.written_time(time, place)
        keys = self.sentence(inside) if inside.kind == "text" else self.mapping(inside)
        if keys is None or written is None:
            return None
        record = {"id": name, "patient": PATIENT, "time": written} | keys
        if at_once and "available" not in record:
            record["available"] = record["time"]
        shown = inside.text if inside.kind == "text" else ", ".join(f"{key}: {text}" for key, text in keys.items())
        return _Told(record["id"], record["time"], shown, checked(record, str(place)))

    def mapping(self, node: Node) -> dict[str, str] | None:
        """Read the keys of an event; the kind itself may be the key of what it is about."""
        keys: dict[str, str] = {}
        for key in self.entries(node):
            value = node[key]
            if value.kind != "text":
                self.say("wrong-type", f"an event is flat, and `{key}` is a {value.kind}", value.place)
                return None
            text = self.written_time(value.text, value.place) if _DAY.fullmatch(value.text) else value.text
            if is_kind(key) and (subject := CARRIES[key][0]) and "kind" not in node:
                keys["kind"] = key
                keys[subject] = value.text
            elif text is not None:
                keys[key] = text
        return keys if self.is_event(keys, node) else None

    def is_event(self, keys: Mapping[str, str], node: Node) -> bool:
        """Report what no event can carry: in a case that is a slip of its author, not of the records."""
        kind = keys.get("kind", "")
        kinds = [key for key in self.entries(node) if is_kind(key) and CARRIES[key][0] != key]
        if len(kinds) > 1:
            several = " and ".join(f"`{each}`" for each in kinds)
            self.say("bad-value", f"an event is of one kind, and this is of {several}", node.key_place(kinds[1]))
            return False
        if "kind" not in keys:
            if keys.get("status") == RETRACTED:  # it need not say what it retracts
                return True
            advice = "write what it is about under its kind, as in `observation: c3`, or add `kind`"
            self.say("missing-key", "it is not said what kind of event this is", node.place, advice)
            return False
        if not is_kind(kind):
            self.say("bad-value", f"`{kind}` is not a kind of event", node["kind"].place, did_you_mean(kind, CARRIES))
            return False
        carried = (*CARRIES[kind], *EVERY_KIND, *OWN, "status")
        strange = [key for key in keys if key not in carried and not key.startswith(PRIVATE)]
        for key in strange:
            advice = did_you_mean(key, carried) or f"keys of your own begin with `{PRIVATE}`"
            self.say("unknown-key", f"`{key}` is not a key of this event ({kind})", _place_of(key, node), advice)
        return not strange

    def sentence(self, node: Node) -> dict[str, str] | None:
        """Read what happened from a sentence: a name, then its value and unit, then what it was for."""
        words = node.text.split()
        denied = words[:1] == ["no"]
        name, *rest = words[1:] if denied else words or [""]
        more: dict[str, str] = {"absent": "yes"} if denied else {}
        while len(rest) > 1 and rest[-2] in _ENDINGS:
            more[_ENDINGS[rest[-2]]] = rest[-1]
            rest = rest[:-2]
        term = self.vocabulary.get(name)
        if name in MILESTONES:
            keys = {"kind": "milestone", "milestone": name}
            if rest and name in _MILESTONE_WORD:
                keys[_MILESTONE_WORD[name]] = rest.pop(0)
        elif term is None:
            close = did_you_mean(name, [*MILESTONES, *self.vocabulary.terms])
            self.say("unknown-name", f"`{name}` is no milestone and not in the vocabulary", node.place, close)
            return None
        elif term.sort == "measure":
            keys = {"kind": "observation", "measure": name}
            keys |= {"value": rest.pop(0)} if rest else {}
            keys |= {"unit": rest.pop(0)} if rest else {}
        elif term.sort in {"drug", "drug_class"}:
            keys = {"kind": "administration", "drug": name}
            if rest and rest[0][0] in _NUMERIC:
                keys |= {"amount": rest.pop(0)}
                keys |= {"unit": rest.pop(0)} if rest else {}
            keys |= {"route": rest.pop(0)} if rest else {}
        else:
            keys = {"kind": term.sort, "concept": name}
        if rest:
            advice = "write a mapping with the keys of an event"
            self.say("bad-value", f"`{' '.join(rest)}` is more than a sentence can say of `{name}`", node.place, advice)
            return None
        return keys | more

    # --- times --------------------------------------------------------------------------------------------------------

    def written_time(self, text: str, place: Place) -> str | None:
        """Give the text of a time as an event has it; `day 3 08:00` is counted from the file's `day_1`."""
        day = _DAY.fullmatch(text)
        if day is None:
            return text
        number = int(day[1])
        if self.day_1 is None or number == 0:
            message = (
                "there is no day 0" if number == 0 else f"`{text}` counts from `day_1`, which the file does not give"
            )
            self.say("day-0" if number == 0 else "missing-key", message, place, "write `day_1: 2005-03-31` at the top")
            return None
        on = self.day_1 + timedelta(days=number - (number > 0))
        return on.isoformat() + (f"T{day[2]}" if day[2] else "")

    def instant(self, text: str, place: Place) -> int | None:
        """Give the instant at which something is asked: that of the text, or the end of its date."""
        written = self.written_time(text.strip(), place)
        when = None if written is None else parse_time(written, self.zone)
        if when is None or when.first != when.last:
            if written is not None:
                self.say(
                    "bad-date", f"`{text.strip()}` is not a date or an instant", place, "write it as in `day 3 08:00`"
                )
            return None
        return when.span(self.zone)[1]

    # --- what can be wrong with YAML ----------------------------------------------------------------------------------

    def keys(self, node: Node, allowed: tuple[str, ...], required: tuple[str, ...]) -> bool:
        """Report keys that are not allowed or missing; whether it can be read on."""
        before = len(self.found)
        entries = self.entries(node)
        for key in entries:
            if key not in allowed:
                self.say("unknown-key", f"`{key}` is not a key here", node.key_place(key), did_you_mean(key, allowed))
        for key in required:
            if node.kind == "mapping" and key not in entries:
                self.say("missing-key", f"`{key}` is missing", node.place)
        return len(self.found) == before

    def entries(self, node: Node) -> tuple[str, ...]:
        """Give the keys of a mapping."""
        if node.kind == "mapping":
            return node.keys()
        self.say("wrong-type", f"a mapping is expected here, this is a {node.kind}", node.place)
        return ()

    def members(self, node: Node, key: str) -> tuple[Node, ...]:
        """Give the members of a list, which may be left out."""
        value = node.get(key)
        if value is None:
            return ()
        if value.kind == "list":
            return value.members()
        self.say("wrong-type", f"`{key}` is a list, this is a {value.kind}", value.place)
        return ()

    def text(self, node: Node, key: str) -> str | None:
        """Give a text, which may be left out."""
        value = node.get(key)
        if value is None or value.kind == "text":
            return None if value is None else value.text
        self.say("wrong-type", f"`{key}` is a text, this is a {value.kind}", value.place)
        return None

    def at_once(self, node: Node, *, default: bool) -> bool:
        """Say whether events were known when they were true, unless they say otherwise."""
        word = self.text(node, "available")
        if word not in {None, _AT_ONCE, "unknown"}:
            self.say("bad-value", f"`available` is `{_AT_ONCE}` or `unknown`, not `{word}`", node["available"].place)
        return default if word is None else word == _AT_ONCE


def _place_of(key: str, node: Node) -> Place:
    return node.key_place(key) if key in node else node.place


@dataclass(frozen=True, slots=True)
class _Told:
    """An event of a case, and how it was told."""

    id: str
    time: str
    sentence: str
    record: Record


_DAY = re.compile(r"day (-?\d{1,5})(?: (\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?))?")
_NUMERIC = frozenset("0123456789<>.+-")
_ENDINGS = {"for": "planned", "at": "visit", "as": "reason"}
_MILESTONE_WORD = {
    "consent": "version",
    "version_approved": "version",
    "visit": "visit",
    "treatment_stopped": "reason",
    "randomisation": "arm",
}
