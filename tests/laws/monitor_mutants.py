"""Monitors that are wrong on purpose: the mistakes that people make when they read again only what they must.

They test the laws of `trialspec.testing`. Three kinds of mistake:

- what comes in is taken in wrongly: the monitor is handed other records, or another store;
- the protocol is read wrongly: the monitor is handed another program, under the digest of the right one. It stands for
  any reader that is compiled from a program, however it is made;
- what must be read again is not: one change of the monitor's own text. Where that text is rewritten, the mistake is to
  be made anew: a text that is not found fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal
from unittest.mock import patch

import trialspec
from trialspec import document
from trialspec.alerts import Change, State, changes
from trialspec.evaluation import Protocol
from trialspec.events import Event, Record
from trialspec.kernel import Compare, Moment, Window
from trialspec.monitor import Monitor
from trialspec.packing import pack, unpack
from trialspec.patient import Timeline
from trialspec.program import Program
from trialspec.quantity import Duration, Operator
from trialspec.store import Memory
from trialspec.testing.generated.words import OWN_RULES
from trialspec.testing.happenings import Made as Raw
from trialspec.testing.made import record
from trialspec.testing.protocols import loaded
from trialspec.testing.streams import Step, Stream
from trialspec.testing.watching import Make, Watch
from trialspec.times import DAY, Zone

Law = Literal["reported", "stopping", "order", "jump"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: what it is, the monitor that makes it, and the laws in which it shows soonest.

    `watches` is how many generated watches it took to be noticed: it is looked for in that one first. A mistake that
    shows too seldom to be waited for has a watch of its own.
    """

    mistake: str
    make: Make
    laws: tuple[Law, ...] = ("reported",)
    watches: int = 1
    own: Watch | None = None


# --- another program --------------------------------------------------------------------------------------------------


def of_program(change: Callable[[Program], Program]) -> Make:
    """Judge by a program that was changed, under the digest of the right one."""

    changed: dict[int, tuple[Protocol, Protocol]] = {}

    def make(right: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        if id(right) not in changed:
            # The right one is kept too: its number is not given to another.
            changed[id(right)] = right, Protocol(change(right.program), right.rulebook)
        return Monitor(changed[id(right)][1], at, store=store, keep=keep)

    return make


def everywhere(change: Callable[[object], object]) -> Callable[[Program], Program]:
    """Change every node of a program for which there is something else."""

    def changed(program: Program) -> Program:
        made = _rebuilt(program, change)
        assert isinstance(made, Program)
        return made

    return changed


def _rebuilt(part: object, change: Callable[[object], object]) -> object:
    if isinstance(part, tuple):
        return tuple(_rebuilt(each, change) for each in part)
    if isinstance(part, Mapping):
        return {name: _rebuilt(each, change) for name, each in part.items()}
    if is_dataclass(part) and type(part).__module__ in {"trialspec.kernel", "trialspec.program"}:
        assert not isinstance(part, type)
        parts = {each.name: getattr(part, each.name) for each in fields(part) if each.init}
        made = {name: _rebuilt(old, change) for name, old in parts.items()}
        different = {name: new for name, new in made.items() if new != parts[name]}
        part = replace(part, **different) if different else part
    return change(part)


_LOOSE: Mapping[str, Operator] = {"above": "at_least", "below": "at_most"}


def _loose_for_strict(node: object) -> object:
    return replace(node, operator=_LOOSE.get(node.operator, node.operator)) if isinstance(node, Compare) else node


def _without_starts(node: object) -> object:
    return replace(node, after=True) if isinstance(node, Window) and node.start is not None else node


def _first_for_last(node: object) -> object:
    return replace(node, which="first" if node.which == "last" else "last") if isinstance(node, Moment) else node


def _longer(days: int) -> Callable[[Program], Program]:
    def change(program: Program) -> Program:
        doses = (replace(plan, late=Duration(plan.late.number + days, "d")) for plan in program.doses)
        return replace(program, doses=tuple(doses))

    return change


def _elsewhere(program: Program) -> Program:
    utc = Zone("UTC") if program.zone != Zone("UTC") else Zone("Asia/Seoul")
    return replace(program, zone=utc, sites=dict.fromkeys(program.sites, utc))


# --- other records ----------------------------------------------------------------------------------------------------


class _Receiving(Monitor):
    """A monitor that takes in something else than what came."""

    taken: list[Record]

    def other(self, record: Record) -> Record | None:
        """What is taken in for a record."""
        return record

    def feed(self, records: Iterable[Record]) -> tuple[Change, ...]:
        """Take in something else."""
        found = []
        for each in records:
            made = self.other(each)
            self.taken.append(each)
            if made is not None:
                found.append(made)
        return super().feed(found)


def receiving(other: Callable[[Record, list[Record]], Record | None]) -> Make:
    """Take in something else for each record, by what came before."""

    class Receiving(_Receiving):
        def other(self, record: Record) -> Record | None:
            return other(record, self.taken)

    def make(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        made = Receiving(protocol, at, store=store, keep=keep)
        made.taken = []
        return made

    return make


def _same_id(record: Record, taken: list[Record]) -> list[Record]:
    return [other for other in taken if other.id == record.id and other.patient == record.patient]


def _no_correction(record: Record, taken: list[Record]) -> Record | None:
    correction = isinstance(record, Event) and record.revision > 0 and not record.retracted
    return None if correction and _same_id(record, taken) else record


def _no_memory(record: Record, taken: list[Record]) -> Record | None:
    return None if isinstance(record, Event) and record.retracted and not _same_id(record, taken) else record


def _last_wins(record: Record, taken: list[Record]) -> Record | None:
    if not isinstance(record, Event) or any(other == record for other in taken):
        return record
    revisions = [other.revision for other in _same_id(record, taken) if other.revision is not None]
    return replace(record, revision=max([record.revision, *(each + 1 for each in revisions)]))


def _first_wins(record: Record, taken: list[Record]) -> Record | None:
    return None if any(other.revision == record.revision for other in _same_id(record, taken)) else record


def _twice(record: Record, taken: list[Record]) -> Record | None:
    return replace(record, id=f"{record.id}'") if isinstance(record, Event) and record in taken else record


def _no_offset(record: Record, _: list[Record]) -> Record | None:
    if not isinstance(record, Event) or "T" not in record.time:
        return record
    return replace(record, time=record.time[:16])


def _dropped(name: str) -> Callable[[Record, list[Record]], Record | None]:
    return lambda record, _: replace(record, **{name: ""}) if isinstance(record, Event) else record  # type: ignore[arg-type]


# --- another store ----------------------------------------------------------------------------------------------------


class _NobodyIsDue(Memory):
    def dues(self) -> Iterator[tuple[str, int | None]]:
        return ((patient, None) for patient, _ in super().dues())


class _NobodyElses(Memory):
    def owners(self, event: str) -> frozenset[str]:  # noqa: ARG002 - it asks nobody
        return frozenset()


class _ForgetsRetractions(Memory):
    def load(self, patient: str) -> bytes | None:
        packed = super().load(patient)
        if packed is None:
            return None
        return pack(record for record in unpack(packed) if not (isinstance(record, Event) and record.retracted))


class _KeepsTheLast(Memory):
    def load(self, patient: str) -> bytes | None:
        packed = super().load(patient)
        return None if packed is None else pack({each.id: each for each in unpack(packed)}.values())


def stored(kind: type[Memory]) -> Make:
    """Keep patients in a store that is wrong; what it holds is what the right one held."""

    def make(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        wrong = kind()
        # One store for all monitors of a watch: what one keeps another finds.
        wrong._packs, wrong._owners = store._packs, store._owners
        return Monitor(protocol, at, store=wrong, keep=keep)

    return make


# --- the outside of the monitor ---------------------------------------------------------------------------------------


class _Unaware(Protocol):
    """Takes what is known today for what was known."""

    def timeline(self, events: Iterable[Record], patient: str, *, known: int | None = None) -> Timeline:  # noqa: ARG002 - so it is
        return super().timeline(events, patient)


def judging(change: Callable[[Protocol], Protocol]) -> Make:
    """Judge by something else than the protocol."""

    def make(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        return Monitor(change(protocol), at, store=store, keep=keep)

    return make


def _with_context(**changed: object) -> Callable[[Protocol], Protocol]:
    def change(protocol: Protocol) -> Protocol:
        made = Protocol(protocol.program, protocol.rulebook)
        object.__setattr__(made, "context", replace(protocol.context, **changed))  # type: ignore[arg-type]
        return made

    return change


def _all_resolved(protocol: Protocol) -> Protocol:
    rules = {name: replace(rule, lasts="while_true") for name, rule in protocol.context.rules.items()}
    return _with_context(rules=rules)(protocol)


class _Late(Monitor):
    """Goes on a second after something is due."""

    def tick(self, at: int) -> tuple[Change, ...]:
        return super().tick(at - 1 if self.due == at else at)


class _OfTheTick(Monitor):
    """Takes what ended between two ticks to have ended at the second."""

    def state(self, patient: str) -> State:
        found = super().state(patient)
        late = {key for key, each in found.items() if each.closed is not None and each.closed > self.at - 3600}
        return {key: replace(each, closed=self.at) if key in late else each for key, each in found.items()}


class _TellsAgain(Monitor):
    """Tells of whom it takes up again as if of somebody new."""

    seen: set[str]

    def feed(self, records: Iterable[Record]) -> tuple[Change, ...]:
        records = tuple(records)
        again = {each.patient for each in records if each.patient in self.patients and each.patient not in self.seen}
        self.seen |= {each.patient for each in records if each.patient is not None}
        found = super().feed(records)
        told = [change for name in sorted(filter(None, again)) for change in changes({}, self.state(name), self.at)]
        return (*found, *(change for change in told if change not in found))


def made_by(kind: type[Monitor]) -> Make:
    """Watch with another monitor."""

    def make(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        made = kind(protocol, at, store=store, keep=keep)
        if isinstance(made, _TellsAgain):
            made.seen = set()
        return made

    return make


class _Unspoken(Monitor):
    """Keeps some changes to itself."""

    word = ""

    def _said(self, found: tuple[Change, ...]) -> tuple[Change, ...]:
        return tuple(change for change in found if change.what != self.word)

    def feed(self, records: Iterable[Record]) -> tuple[Change, ...]:
        return self._said(super().feed(records))

    def tick(self, at: int) -> tuple[Change, ...]:
        return self._said(super().tick(at))


class _NeverRevised(_Unspoken):
    word = "revised"


class _NeverWithdrawn(_Unspoken):
    word = "withdrawn"


# --- the inside of the monitor ----------------------------------------------------------------------------------------

SOURCE = Path(trialspec.__file__).parent
MONITOR, ALERTS = "monitor.py", "alerts.py"
LIVE, UNITS = "interpreters/live.py", "live/units.py"
ANSWERS, DOSES, VISITS = "live/answers.py", "live/doses.py", "live/visits.py"
# Each imports only from those before it.
_FILES = (
    *(LIVE, "live/values.py", "live/setting.py", ANSWERS, DOSES, VISITS, UNITS),
    *("live/__init__.py", ALERTS, MONITOR),
)


def inside(file: str, right: str, wrong: str) -> Make:
    """Watch with a monitor in whose text one place was changed."""

    @cache
    def kind() -> type[Monitor]:
        copies: dict[str, ModuleType] = {}
        for each in _FILES:
            name = f"trialspec.{each.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
            text = (SOURCE / each).read_text(encoding="utf-8")
            if each == file:
                if text.count(right) != 1:  # no assertion: that is how a law says that it is broken
                    raise LookupError(f"`{right}` is {text.count(right)} times in {each}")
                text = text.replace(right, wrong)
            copy = ModuleType(name)
            with patch.dict(sys.modules, {**copies, name: copy}):
                exec(compile(text, each, "exec"), vars(copy))  # noqa: S102 - it is our own text, with one change
            copies[name] = copy
        found: type[Monitor] = copies["trialspec.monitor"].Monitor
        return found

    def make(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
        return kind()(protocol, at, store=store, keep=keep)

    return make


# --- what shows too seldom --------------------------------------------------------------------------------------------

_OWN = """
language: 1
protocol: own
title: Where a mistake shows
version: 1.0.0
zone: UTC
sites: {here: {zone: UTC}, there: {zone: America/New_York}}
use: [rules/deviations]
measures: {m: {label: m, unit: g}, n: {label: n, unit: g}}
concepts: {biopsy: {label: biopsy, kind: procedure}}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
eligibility:
  include:
    I1: CRITERION
alerts:
"""
_BEGUN: Raw = {"id": "b", "patient": "P", "kind": "procedure", "concept": "biopsy", "time": "2024-03-01T12:00Z"}
_SCREENED: Raw = {"id": "s", "patient": "P", "kind": "milestone", "milestone": "screening", "time": "2024-03-02"}


def own_watch(criterion: str, *raws: Raw) -> Watch:
    """Watch a criterion, with one record after the other, a day apart."""
    rules = "".join(f"  {line}\n" for line in document.dump(dict(OWN_RULES)).splitlines())
    of = loaded(_OWN.replace("CRITERION", criterion) + rules)
    start = Zone("UTC").start_of(date(2024, 3, 8).toordinal())
    steps = [
        Step(start + number * DAY, (record(raw),), "jump", (raw,))
        for number, raw in enumerate((_BEGUN, _SCREENED, *raws))
    ]
    patients = tuple(sorted({raw["patient"] for raw in (_BEGUN, *raws)}))
    return Watch(of, Stream(patients, (*steps, Step(start + 40 * DAY, ()))))


_VALUE: Raw = {"id": "v", "patient": "P", "kind": "observation", "measure": "m", "value": "2", "unit": "g"}
_ENROLLED: Raw = {"id": "e", "patient": "P", "kind": "milestone", "milestone": "enrolment", "time": "2024-03-06"}
_PERSON: Raw = {"id": "p", "patient": "P", "kind": "person", "time": "2024-03-02"}
SHARED = own_watch(
    "{latest: m, at_least: 1 g}", _VALUE | {"time": "2024-03-05"}, _VALUE | {"time": "2024-03-05", "patient": "Q"}
)
# What a record of 1975 says becomes certain, and puts the birth in doubt that another tells.
BORN = own_watch(
    "{age: screened, at_least: 18 y}",
    _PERSON | {"birth": "1980-05-05"},
    _VALUE | {"time": "1975-01-01"},
    _VALUE | {"time": "1975-01-01", "measure": "n"},
    _VALUE | {"time": "1975-01-01", "revision": "1"},
)
# That it was wrong was known after enrolment, and told before what it was about.
UNKNOWN_THEN = own_watch(
    "{latest: m, through: enrolled, at_least: 1 g}",
    _ENROLLED,
    {"id": "v", "patient": "P", "revision": "1", "status": "entered_in_error", "available": "2024-03-09"},
    _VALUE | {"time": "2024-03-03", "available": "2024-03-03"},
)

# A record that cannot be read comes of a patient who is followed by the reference: of it there is but the doubt.
DOUBTED = own_watch(
    "{age: screened, at_least: 18 y}",
    _PERSON | {"birth": "1980-05-05"},
    _VALUE | {"time": "1975-01-01"},
    _VALUE | {"id": "u", "time": "2024-03-05", "measure": "unheard_of"},
)

WATCHED: tuple[Law, ...] = ("reported", "order", "jump")
# Where a late record is taken up.
LATE = "first = _from(walk.group, min(seen), zone)\n        walk.back(first)"

MUTANTS = (
    # --- the protocol is read wrongly ---
    Mutant("a window is a day too long", of_program(_longer(1))),
    Mutant("a strict limit is taken as a loose one", of_program(everywhere(_loose_for_strict)), watches=31),
    Mutant("the first instant of a window is left out", of_program(everywhere(_without_starts))),
    Mutant(
        "the last of several is taken for the first, and the other way round",
        of_program(everywhere(_first_for_last)),
    ),
    Mutant("the zone is ignored", of_program(_elsewhere)),
    Mutant(
        "what is known today is taken for what was known",
        judging(lambda of: _Unaware(of.program, of.rulebook)),
        watches=7,
    ),
    Mutant("what happened is resolved", judging(_all_resolved), watches=2),
    Mutant("the digest is lost", judging(_with_context(digest=""))),
    # --- what comes in is taken in wrongly ---
    Mutant("a correction is lost", receiving(_no_correction)),
    Mutant("a retraction that comes first is forgotten", receiving(_no_memory), watches=6),
    Mutant("the last that comes is the highest revision", receiving(_last_wins), WATCHED),
    Mutant("of two contents of a revision the first stands", receiving(_first_wins), watches=2),
    Mutant("what comes twice is counted twice", receiving(_twice), watches=2),
    Mutant("an offset is ignored", receiving(_no_offset)),
    Mutant("when something was available is lost", receiving(_dropped("available")), watches=19),
    Mutant("when something was entered is lost", receiving(_dropped("recorded")), watches=7),
    # --- what is put away is not what is taken up ---
    Mutant("after a restart nobody is due", stored(_NobodyIsDue), ("stopping",), watches=2),
    Mutant("an id of another patient's is not noticed", stored(_NobodyElses), watches=8),
    Mutant("retractions are not put away", stored(_ForgetsRetractions), ("reported", "stopping"), watches=2),
    Mutant("of each id only the last record is put away", stored(_KeepsTheLast), ("reported", "stopping")),
    Mutant("a restart tells everything again", made_by(_TellsAgain), ("stopping",)),
    # --- time ---
    Mutant("what is due is read a second late", made_by(_Late)),
    Mutant("an episode ends when that is noticed", made_by(_OfTheTick), watches=5),
    Mutant("a revision is not told", made_by(_NeverRevised)),
    Mutant("a withdrawal is not told", made_by(_NeverWithdrawn)),
    # --- what must be read again is not ---
    Mutant(
        "what begins and ends between two ticks is not seen",
        inside(
            ALERTS,
            "self._read(context, question, due)",
            "self._read(context, question, question.at)",
        ),
    ),
    Mutant(
        "a late record changes nothing that was met",
        inside(MONITOR, LATE, LATE.partition("\n")[0]),
        watches=6,
    ),
    Mutant(
        "a record of the very instant of the last reading is not read",
        inside(MONITOR, LATE, LATE.replace("first)", "first + 1)")),
        watches=36,
    ),
    Mutant(
        "a record dated later does not wake anybody",
        inside(MONITOR, "\n        if walk.now is not None:\n            walk.next = earliest(walk.next, first)", ""),
        watches=6,
    ),
    Mutant(
        "a correction touches only what it says now",
        inside(
            MONITOR,
            "for items in (before, after) for name in differing.union(names) for",
            "for items in (after,) for name in differing.union(names) for",
        ),
        watches=15,
    ),
    Mutant(
        "only the kinds of the first groups are read again",
        inside(
            MONITOR,
            "if kinds is None or item.kind in kinds for at",
            "if kinds is not None and item.kind in kinds for at",
        ),
        watches=6,
    ),
    Mutant(
        "what was known earlier is not read again",
        inside(MONITOR, "if seen or (recalled and group.recalls)", "if seen"),
        own=UNKNOWN_THEN,
    ),
    Mutant(
        "a doubt that comes or goes changes nothing",
        inside(MONITOR, "    doubtful = old.problems != new.problems", "    doubtful = False"),
        own=DOUBTED,
    ),
    Mutant(
        "a patient is put away before being read",
        inside(
            MONITOR,
            "        for patient, names in touched.items():\n",
            "        self._tidy()\n        for patient, names in touched.items():\n",
        ),
        watches=2,
    ),
    Mutant(
        "who is due earlier than before is not noticed",
        inside(
            MONITOR,
            "if due is not None and due != self._dues.get(watched.name):",
            "if due is not None and watched.due is None:",
        ),
        watches=4,
    ),
    Mutant(
        "who is due only now is taken up as of now",
        inside(MONITOR, "watched = self._taken(name, due - 1)", "watched = self._taken(name)"),
        ("stopping", "reported"),
        watches=2,
    ),
    Mutant(
        "of two patients with one id only the first is told",
        inside(
            MONITOR,
            "for concerned in (record.patient, *self._share(record)):",
            "self._share(record)\n                for concerned in (record.patient,):",
        ),
        own=SHARED,
    ),
    Mutant(
        "when somebody is due next is not put away",
        inside(MONITOR, "if due != watched.due:", "if watched.due is None:"),
        ("stopping",),
        watches=2,
    ),
    # --- what is told fast is told wrongly: records that are certain ---
    Mutant(
        "a moment that moves is not noticed",
        inside(LIVE, "return not known or not all(", "return not known and not all("),
    ),
    Mutant("what is announced has happened", inside(LIVE, "if appears > at:", "if False:")),
    Mutant(
        "a record dated later moves no moment",
        inside(LIVE, "earliest(coming, start_until, end_until)", "earliest(start_until, end_until)"),
    ),
    Mutant(
        "what was told holds a second too long",
        inside(
            LIVE,
            "for since, until, told in entry[1]:\n                if since <= at and (until is None or at < until):",
            "for since, until, told in entry[1]:\n                if since <= at and (until is None or at <= until):",
        ),
    ),
    Mutant("what was told is kept when it may be otherwise", inside(LIVE, "del self._kept[key]", "pass")),
    Mutant(
        "what asks for all records of a kind asks for none",
        inside(LIVE, "return words is None", "return False"),
    ),
    Mutant(
        "what a record in doubt foresees is not told fast",
        inside(MONITOR, "seen = foreseen and group.foresees and", "seen = False and"),
        watches=107,
    ),
    Mutant(
        "a value may be none of a visit that has moved",
        inside(
            VISITS,
            "if not isinstance(scene, Scene):\n            return False",
            "if not isinstance(scene, Scene):\n            return True",
        ),
        watches=107,
    ),
    Mutant(
        "a value outside the window departs from nothing",
        inside(VISITS, "_OUTSIDE if placed and not inside", "_NOTHING if placed and not inside"),
        watches=5,
    ),
    Mutant(
        "a value outside the window is caught before it closes",
        inside(VISITS, "at > place.closes", "at >= 0"),
        watches=5,
    ),
    Mutant(
        "a value of another visit counts",
        inside(VISITS, "visit is not None and visit != name", "visit == ''"),
        watches=50,
    ),
    Mutant(
        "a value that grows too old is not looked at again",
        inside(VISITS, "inside, earliest(until, turns)", "inside, until"),
        watches=50,
    ),
    Mutant(
        "a visit is due a day too long",
        inside(VISITS, "by_time(times, stop, at)", "by_time(times, stop, at - 86_400)"),
    ),
    Mutant(
        "a dose is missed a day late",
        inside(DOSES, "telling.today >= slot.lapses", "telling.today > slot.lapses"),
    ),
    Mutant("a dose that is dated later is given", inside(DOSES, "family.seen[dose.id] <= at and", "")),
    Mutant(
        "a gate that closes by itself holds nothing",
        inside(DOSES, "telling.until = earliest(telling.until, until)\n                read", "read"),
        watches=107,
    ),
    Mutant(
        "a dose is held by a gate that only warns",
        inside(DOSES, "cleared.holding == str(NOT_MET)", "cleared.deciding == str(NOT_MET)"),
        watches=107,
    ),
    Mutant("a response is final a second late", inside(ANSWERS, "place.closes + 1", "place.closes + 2")),
    Mutant(
        "nobody is ineligible by an exclusion",
        inside(ANSWERS, "verdict not in {good, UNKNOWN}", "verdict is NOT_MET and good is MET"),
        watches=2,
    ),
    Mutant("a doubt is not told fast", inside(MONITOR, "(doubtful and unit.doubts)", "False"), watches=2),
    Mutant(
        "a record dated later wakes nobody who is told fast",
        inside(
            MONITOR,
            "if asked and walk.now is not None:\n                walk.next = earliest(walk.next, first)",
            "pass",
        ),
    ),
    Mutant(
        "which slot a dose fills is told once and for all",
        inside(
            UNITS,
            "if before is None or not self.tells.plain:\n            return True",
            "if True:\n            return False",
        ),
        watches=5,
    ),
    Mutant(
        "a value that may be of a visit is passed over",
        inside(UNITS, "return not self.tells.ignores(chart, item, at)", "return False"),
        watches=5,
    ),
    Mutant(
        "that a screening is missing is not asked again",
        inside(UNITS, "if self.screens and trial.screens(chart, item):", "if False:"),
        watches=25,
    ),
)
