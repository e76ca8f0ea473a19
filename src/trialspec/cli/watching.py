"""What goes on while a protocol is watched: one object holds the monitor, its clock and the place in the input.

Nothing here waits or asks for the time: whoever looks says what the wall clock shows.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from typing import Protocol as Shape

from trialspec.alerts import Change
from trialspec.blinding import Blinding
from trialspec.diagnostics import Diagnostic, ProtocolError
from trialspec.evaluation import PatientReport, Protocol, load
from trialspec.events import Event, Record, Unreadable
from trialspec.library import PROTOCOL_FILE
from trialspec.monitor import Monitor
from trialspec.patient import Timeline
from trialspec.program import Program
from trialspec.reports.journal import change_as_data
from trialspec.sources.following import Live
from trialspec.store import StateFile
from trialspec.times import When, Zone, parse_time

# --- when a record came -----------------------------------------------------------------------------------------------


def came(record: Record, program: Program) -> int | None:
    """Give the instant that has surely come when a record is there; `None` where the record does not say.

    It is the instant nearest to the record's `time` at which it was `available`, and its `time` where it does not say
    when that was. So a date that lay ahead when it was written down, or was mistyped, tells nothing of the present.
    """
    zone = (
        program.sites.get(record.content.get("site", ""), program.zone) if isinstance(record, Event) else program.zone
    )
    time = _first(record.time, zone) if isinstance(record, Event) else None
    available = parse_time(record.available, zone) if record.available else None
    if available is None:
        return time
    first, last = available.span(zone)
    return first if time is None else min(max(time, first), last)


def _first(text: str, zone: Zone) -> int | None:
    when: When | None = parse_time(text, zone) if text else None
    return None if when is None else when.span(zone)[0]


# --- clocks -----------------------------------------------------------------------------------------------------------


class Clock(Shape):
    """What says which instant is the present; `wall` is always what the clock on the wall shows."""

    def saw(self, records: Iterable[Record], wall: int) -> None:
        """Take note of records that came."""

    def at(self, wall: int) -> int | None:
        """Give the present, `None` while there is nothing to tell it by."""
        ...

    def at_end(self, wall: int) -> int | None:
        """Give the present once nothing can come any more."""
        ...

    def wakes(self, due: int | None) -> int | None:
        """Give when, on the wall, the present may reach what is due next though nothing comes; `None`: never."""
        ...

    def judged_by(self, program: Program) -> None:
        """Read the times of records by another version of the protocol."""


class WallClock:
    """The present is what the clock on the wall shows."""

    def saw(self, records: Iterable[Record], wall: int) -> None:
        """Take no note: records do not move this clock."""

    def at(self, wall: int) -> int | None:
        """Give what it shows."""
        return wall

    def at_end(self, wall: int) -> int | None:
        """Give what it shows."""
        return wall

    def wakes(self, due: int | None) -> int | None:
        """Give when that is."""
        return due

    def judged_by(self, program: Program) -> None:
        """Do nothing: it reads no records."""


class EventClock:
    """The present is as late as the records tell (`came`), less an allowance for those that come late.

    A record dated later than the clock on the wall does not count until the wall has come so far. At the end of the
    input nothing can come late any more, and the allowance falls away.
    """

    def __init__(self, program: Program, allowance: int = 0) -> None:
        self._program = program
        self._allowance = allowance
        self._latest: int | None = None
        self._ahead: list[int] = []

    def saw(self, records: Iterable[Record], wall: int) -> None:
        """Let records tell how late it is."""
        for record in records:
            instant = came(record, self._program)
            if instant is not None and (self._latest is None or instant > self._latest):
                if instant > wall:
                    heapq.heappush(self._ahead, instant)
                else:
                    self._latest = instant

    def at(self, wall: int) -> int | None:
        """Give the present: never later than the wall."""
        latest = self.at_end(wall)
        return None if latest is None else latest - self._allowance

    def at_end(self, wall: int) -> int | None:
        """Give the latest instant that a record tells."""
        while self._ahead and self._ahead[0] <= wall:
            instant = heapq.heappop(self._ahead)
            self._latest = instant if self._latest is None else max(self._latest, instant)
        return self._latest

    def wakes(self, due: int | None) -> int | None:  # noqa: ARG002 - silence does not move this clock
        """Give when the wall comes to a record that was dated later."""
        return self._ahead[0] if self._ahead else None

    def judged_by(self, program: Program) -> None:
        """Read the times of records to come by another version."""
        self._program = program


class Replay:
    """Finished records that come as if days passed, and the clock that lets them pass: a step for each look."""

    def __init__(self, records: Iterable[Record], program: Program, step: int) -> None:
        instants: list[tuple[int, int, Record]] = []
        latest: int | None = None
        undated: list[Record] = []
        for record in records:
            instant = came(record, program)
            if instant is None and latest is None:
                undated.append(record)  # it comes with the first that says when
                continue
            latest = instant if instant is not None else latest
            assert latest is not None
            instants.append((latest, len(instants), record))
        self._left = sorted(instants, key=lambda each: each[:2], reverse=True)
        first = self._left[-1][0] if self._left else None
        self._undated = undated
        self._step = step
        self._now = None if first is None else program.zone.start_of(program.zone.date_of(first)) - step
        self._end = self._left[0][0] if self._left else None

    @property
    def ended(self) -> bool:
        """Whether every record has come."""
        return not self._left and not self._undated

    def take(self) -> list[Record]:
        """Let a step of time go by, and give what came in it."""
        records, self._undated = self._undated, []
        if self._now is not None:
            self._now += self._step
            while self._left and self._left[-1][0] <= self._now:
                records.append(self._left.pop()[2])
        return records

    def notices(self) -> list[str]:
        """Give nothing: what is finished does not change."""
        return []

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def saw(self, records: Iterable[Record], wall: int) -> None:
        """Take no note: the steps alone move this clock."""

    def at(self, wall: int) -> int | None:  # noqa: ARG002 - the wall has no say
        """Give the instant that has been reached, and none after the last record."""
        return self._now if self._now is None or self._end is None else min(self._now, self._end)

    def at_end(self, wall: int) -> int | None:
        """Give the same."""
        return self.at(wall)

    def wakes(self, due: int | None) -> int | None:  # noqa: ARG002 - the steps alone move this clock
        """Give never."""
        return None

    def judged_by(self, program: Program) -> None:
        """Do nothing: every record has its turn."""


class Finished:
    """Records that are all there, some at a time."""

    def __init__(self, records: Iterable[Record], most: int = 1000) -> None:
        self._records = iter(records)
        self._most = most
        self.ended = False

    def take(self) -> list[Record]:
        """Give the next ones."""
        found = list(islice(self._records, self._most))
        self.ended = len(found) < self._most
        return found

    def notices(self) -> list[str]:
        """Give nothing: what is finished does not change."""
        return []

    def close(self) -> None:
        """Do nothing: nothing is held."""


# --- what is kept -----------------------------------------------------------------------------------------------------


class KeptState:
    """How a watch stands, in a file: the patients, the present, and the protocol by which they were judged.

    `changed` is what the protocol given now judges otherwise than the one that was kept.
    """

    def __init__(self, path: Path, protocol: Protocol, frozen: Mapping[str, str]) -> None:
        """Open a file, or begin one; raises `ProtocolError` for a file that is something else.

        `frozen` are the versions of the protocol as they were when it was loaded, by the names of their files.
        """
        self.file = StateFile(path)
        self.monitor: Monitor | None = None
        self.changed: tuple[Change, ...] = ()
        self._protocol, self._frozen = protocol, frozen
        at, digest = self.file.fact("at"), self.file.fact("digest")
        if at is None:
            return
        former = protocol if digest == protocol.digest else _thawed(self.file.fact("protocol") or "")
        if former.program.name != protocol.program.name:
            message = f"--state `{path}` is of a watch of `{former.program.name}`, not of `{protocol.program.name}`"
            raise ProtocolError([Diagnostic("unknown-file", message, None, help="give each a file of its own")])
        self.monitor = Monitor(former, int(at), store=self.file)
        if former is not protocol:
            self.changed = self.monitor.judge_by(protocol)

    def keep(self, monitor: Monitor) -> None:
        """Make lasting how things stand, if anything has changed but the hour."""
        monitor.save()
        if self.file.fact("digest") != self._protocol.digest:
            self.file.set("digest", self._protocol.digest)
            self.file.set("protocol", _packed(self._frozen))
        if self.file.pending:
            self.file.set("at", str(monitor.at))
            self.file.commit()

    def judge_by(self, protocol: Protocol, frozen: Mapping[str, str]) -> None:
        """Keep another version of the protocol from now on."""
        self._protocol, self._frozen = protocol, frozen

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()


def _packed(frozen: Mapping[str, str]) -> str:
    """Put frozen versions into one text; one that is alone is the text."""
    return frozen[PROTOCOL_FILE] if len(frozen) == 1 else json.dumps(dict(frozen))


def _thawed(packed: str) -> Protocol:
    """Load a protocol from what was packed."""
    frozen = json.loads(packed) if packed.startswith("{") else {PROTOCOL_FILE: packed}
    with TemporaryDirectory() as folder:
        for name, text in frozen.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load(Path(folder))


# --- the watch --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What has gone by so far."""

    events: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    historic: int = 0
    withheld: set[str] = field(default_factory=set)
    set_aside: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: the lines of the journal, whom records came of, and which could not be read."""

    lines: tuple[dict[str, Any], ...] = ()
    patients: frozenset[str] = frozenset()
    unreadable: tuple[Unreadable, ...] = ()
    idle: bool = True


class Watch:
    """A protocol that is watched: its monitor, the clock that it goes by, and where its records come from.

    `since`: what was over before it is journalled as historic. Without `unblinded`, what would unblind is withheld.
    """

    def __init__(
        self,
        protocol: Protocol,
        source: Live,
        clock: Clock,
        *,
        since: int | None = None,
        unblinded: bool = False,
        state: KeptState | None = None,
    ) -> None:
        self.protocol = protocol
        self.source = source
        self.clock = clock
        self.monitor = None if state is None else state.monitor
        self.tally = Tally()
        self._state = state
        self._since = since
        self._unblinded = unblinded
        self._early: list[Record] = []

    def look(self, wall: int) -> Look:
        """Take in what is there now, let time go on to the present, and say what changed."""
        records = self.source.take()
        self.clock.saw(records, wall)
        return self._step(records, self.clock.at(wall))

    def end(self, wall: int) -> Look:
        """Let time go on to where it stands when nothing can come any more, and say what changed."""
        at = self.clock.at_end(wall)
        # Nothing ever told the time: what was kept stays where it stood, and nobody is there otherwise.
        return self._step((), wall if at is None and self.monitor is None else at)

    def judge_by(self, protocol: Protocol, frozen: Mapping[str, str]) -> Look:
        """Judge everybody by another version of the protocol from now on, and say what that changes."""
        self.protocol = protocol
        self.clock.judged_by(protocol.program)
        if self._state is not None:
            self._state.judge_by(protocol, frozen)
        if self.monitor is None:
            return Look()
        found = (*self._first(), *self.monitor.judge_by(protocol))
        return Look(tuple(self._told(self.monitor, found)), frozenset(self.monitor.patients), idle=False)

    def keep(self) -> None:
        """Keep how things stand, if they are to be kept; what was told before this is not told again."""
        if self._state is not None and self.monitor is not None:
            self._state.keep(self.monitor)

    @property
    def wakes(self) -> int | None:
        """When, on the wall, something may change though nothing comes; `None`: never."""
        return self.clock.wakes(None if self.monitor is None else self.monitor.due)

    @property
    def keeps_back(self) -> bool:
        """Whether there is anything that only the unblinded may see, and it is not shown."""
        return not self._unblinded and self.protocol.blinding != Blinding()

    def report(self, patient: str) -> PatientReport | None:
        """Give what may be shown of a patient at present; nothing before there is a present."""
        if self.monitor is None:
            return None
        whole = self.monitor.report(patient)
        return whole if self._unblinded else whole.blinded

    def _step(self, records: Sequence[Record], at: int | None) -> Look:
        unreadable = tuple(record for record in records if isinstance(record, Unreadable))
        self.tally.events += len(records) - len(unreadable)
        self.tally.unreadable.update(_kind(record.reason) for record in unreadable)
        patients = frozenset(record.patient for record in records if record.patient is not None)
        if at is None and self.monitor is not None:
            at = self.monitor.at
        if at is None:
            self._early += records
            return Look((), patients, unreadable, idle=not records)
        if self.monitor is None:
            self.monitor = Monitor(self.protocol, at, store=None if self._state is None else self._state.file)
            records, self._early = [*self._early, *records], []
        if self.tally.first is None:
            self.tally.first = self.monitor.at
        # What came is told before time goes on: a dose that is there in the same moment was never overdue.
        found = (*self._first(), *(self.monitor.feed(records) if records else ()), *self.monitor.tick(at))
        self.tally.last = self.monitor.at
        return Look(tuple(self._told(self.monitor, found)), patients, unreadable, idle=not records)

    def _first(self) -> tuple[Change, ...]:
        """Give what another version of the protocol changed since the state was kept; once."""
        found: tuple[Change, ...] = ()
        if self._state is not None:
            found, self._state.changed = self._state.changed, ()
        return found

    def _told(self, monitor: Monitor, found: Iterable[Change]) -> Iterable[dict[str, Any]]:
        """Give the lines that may be shown; all of a look is noticed at the same instant."""
        timelines: dict[str, Timeline] = {}
        for change in found:
            episode = change.episode
            if not self._unblinded and self.protocol.blinding.keeps(episode):
                self.tally.withheld.add(str(episode.key))
                continue
            patient = episode.key.patient
            if patient not in timelines:
                timelines[patient] = monitor.timeline(patient)
            historic = self._since is not None and episode.closed is not None and episode.closed <= self._since
            self._count(change, historic=historic)
            yield change_as_data(replace(change, known=monitor.at), timelines[patient], historic=historic)

    def _count(self, change: Change, *, historic: bool) -> None:
        tally, finding = self.tally, change.episode.finding
        tally.changes[change.what] += 1
        tally.historic += historic
        if finding.subject == "record" and finding.fields.get("problem") == "set_aside":
            tally.set_aside.add(str(change.episode.key))


_AT = re.compile(r", (?:at character|from byte) \d+.*|`[^`]*`(?! is missing)")


def _kind(reason: str) -> str:
    """Give a reason without what differs from record to record."""
    return _AT.sub(lambda found: "`…`" if found[0].startswith("`") else "", reason)
