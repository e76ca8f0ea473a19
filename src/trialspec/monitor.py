"""Patients watched as their records come in: alerts as they arise, and those that arise because nothing came.

A `Monitor` holds what is known of every patient and one instant, the present. Records come in any order by `feed`, time
goes on by `tick`, and both give what changed in the alerts. What it says is by definition what the protocol says of the
same set of records at the same instant (`Protocol.report`): the monitor only knows what need not be read again.

- A group of findings is read again when a record comes that it may speak of, or when its `until` is reached.
- A record that comes into sight after the last reading of a group leaves what was met before as it was. One that comes
  late, corrects or retracts sends the group back to before it came into sight.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

from trialspec.alerts import MisreadError, Walk, changes, episodes, first_instant
from trialspec.events import Event
from trialspec.findings import Group
from trialspec.interpreters.live import Chart, UnsureError
from trialspec.interpreters.reading import Question, earliest
from trialspec.interpreters.selection import appearances
from trialspec.live import FORESEEN, Units
from trialspec.packing import pack, unpack
from trialspec.store import Memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from trialspec.alerts import Change, State
    from trialspec.evaluation import PatientReport, Protocol
    from trialspec.events import Record
    from trialspec.live import Unit
    from trialspec.patient import Item, Timeline
    from trialspec.store import Store
    from trialspec.timeline import Ledger
    from trialspec.times import Zone


# Of so many patients to whom something happened lately it is remembered what was read of their records.
_LATELY = 500
_MOST_MISREAD = 100


@dataclass(frozen=True, slots=True)
class _Fast:
    """What a patient is told fast by."""

    units: Units
    chart: Chart


@dataclass(slots=True, eq=False)
class _Patient:
    """What is known of one patient, how far findings were followed, and when one is to be read again.

    Findings told `fast` are followed unit by unit. Where some record is not certain the groups of the reference are.
    """

    name: str
    ledger: Ledger
    timeline: Timeline | None = None
    fast: _Fast | None = None
    walks: list[Walk] = field(default_factory=list)
    state: State = field(default_factory=dict)
    due: int | None = None


class Monitor:
    """All patients of one protocol, at one instant that only moves on.

    It may be used from several threads: each call is carried out as a whole, one after the other.
    """

    def __init__(self, protocol: Protocol, at: int, *, store: Store | None = None, keep: int = 10_000) -> None:
        """Begin at an instant, with the patients of a store as they were then.

        Of those to whom nothing has happened for longest, all but `keep` patients are put away there.
        """
        self._protocol = protocol
        self._units = _units(protocol)
        self._misread: list[str] = []
        self._at = at
        self._store = Memory() if store is None else store
        self._keep = keep
        self._patients: OrderedDict[str, _Patient] = OrderedDict()
        self._lately: OrderedDict[str, _Patient] = OrderedDict()
        self._unsaved: dict[str, _Patient] = {}
        self._dues: dict[str, int | None] = dict(self._store.dues())
        self._heap = [(due, name) for name, due in self._dues.items() if due is not None]
        heapq.heapify(self._heap)
        self._lock = Lock()

    @property
    def at(self) -> int:
        """The present."""
        return self._at

    def feed(self, records: Iterable[Record]) -> tuple[Change, ...]:
        """Take in records, and say what changed in the alerts at the present instant.

        A record dated later than the present is kept, and speaks when its time has come. One that names no patient
        concerns nobody here; it is for the caller to count.
        """
        with self._lock:
            # All of them first: what is taken in is read, also where the source of the next one fails.
            return self._changes(self._fed(tuple(records)))

    def tick(self, at: int) -> tuple[Change, ...]:
        """Let time go on to an instant, and say what changed in the alerts; an instant that is over changes nothing."""
        with self._lock:
            self._at = max(self._at, at)
            return self._changes(self._passed())

    @property
    def due(self) -> int | None:
        """The next instant at which an alert may change by itself, if no record comes."""
        with self._lock:
            while self._heap and self._dues[self._heap[0][1]] != self._heap[0][0]:
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def state(self, patient: str) -> State:
        """Give the alerts of a patient, those that are over included; none for a patient who is not known."""
        with self._lock:
            return dict(self._taken(patient).state) if patient in self._dues else {}

    def timeline(self, patient: str) -> Timeline:
        """Give what the records tell of a patient."""
        with self._lock:
            found = self._taken(patient).timeline if patient in self._dues else None
            return self._protocol.timeline((), patient) if found is None else found

    def report(self, patient: str) -> PatientReport:
        """Give all that the protocol says of a patient at present, with the proofs."""
        with self._lock:
            records = self._taken(patient).ledger.records if patient in self._dues else ()
            return self._protocol.report(records, patient, at=self._at)

    @property
    def misread(self) -> tuple[str, ...]:
        """Where a fast reader and the reference differed so far: a defect of ours; what was told is the reference's."""
        return tuple(self._misread)

    @property
    def patients(self) -> tuple[str, ...]:
        """The names of the patients who are known."""
        with self._lock:
            return tuple(sorted(self._dues))

    def save(self) -> None:
        """Put everything that changed into the store; it is for the store to make it lasting."""
        with self._lock:
            for name in list(self._unsaved):
                self._save(name)

    def judge_by(self, protocol: Protocol) -> tuple[Change, ...]:
        """Judge everybody by another protocol, or another version of it, and say what changed in the alerts.

        An alert that stays as it is keeps the digest by which it was raised.
        """
        with self._lock:
            former, units = self._protocol, _units(protocol)
            found: list[Change] = []
            for name in sorted(self._dues):
                self._protocol, former_units = former, self._units
                watched = self._taken(name)
                self._protocol, self._units = protocol, units
                before, records, watched.timeline = watched.state, tuple(watched.ledger.records), None
                watched.ledger = protocol.ledger(name)
                watched.ledger.take(records)
                self._renew(watched, frozenset(), self._at)
                found += changes(before, watched.state, self._at)
                self._tidy()
                self._units = former_units
            self._protocol, self._units = protocol, units
            return tuple(found)

    # --- what is put away ---------------------------------------------------------------------------------------------

    def _taken(self, name: str, at: int | None = None) -> _Patient:
        """Give a patient, taken from the store as of an instant (the present) if put away."""
        watched = self._patients.get(name)
        if watched is None:
            watched = self._patients[name] = _Patient(name, self._protocol.ledger(name))
            packed = self._store.load(name)
            if packed is not None:
                watched.ledger.take(unpack(packed))
                self._renew(watched, frozenset(), self._at if at is None else at)
                del self._unsaved[name]
        self._patients.move_to_end(name)
        self._lately[name] = watched
        self._lately.move_to_end(name)
        if len(self._lately) > _LATELY:
            _, other = self._lately.popitem(last=False)
            if other.fast is not None:
                other.fast.chart.forget()
        return watched

    def _tidy(self) -> None:
        """Put those away to whom nothing has happened for longest."""
        while len(self._patients) > self._keep:
            name, _ = self._patients.popitem(last=False)
            self._lately.pop(name, None)
            self._save(name)

    def _save(self, name: str) -> None:
        if (watched := self._unsaved.pop(name, None)) is not None:
            self._store.save(name, watched.due, pack(watched.ledger.records))

    # --- what came ----------------------------------------------------------------------------------------------------

    def _fed(self, records: Iterable[Record]) -> Iterator[tuple[_Patient, State]]:
        """Take in records; give each patient whom one concerns, with the alerts as they were."""
        touched: dict[str, set[str]] = {}
        for record in records:
            if record.patient is None:
                continue  # there is nobody whom it could concern
            new = self._taken(record.patient).ledger.take((record,))
            if new:
                for concerned in (record.patient, *self._share(record)):
                    touched.setdefault(concerned, set()).update(new)
        for patient, names in touched.items():
            watched = self._taken(patient)
            before = watched.state
            self._renew(watched, names, self._at)
            yield watched, before
        # Not before: a patient who is put away must have been read with all that came.
        self._tidy()

    def _share(self, record: Record) -> tuple[str, ...]:
        """Share a record with the other patients of its id, and theirs with its own; give these patients."""
        if record.id is None or record.patient is None:
            return ()
        owners = self._store.owners(record.id)
        others = tuple(sorted(owners - {record.patient}))
        if record.patient not in owners:
            self._store.own(record.id, record.patient)
            for other in others:
                self._taken(record.patient).ledger.take(self._taken(other).ledger.of(record.id))
        for other in others:
            self._taken(other).ledger.take((record,))
        return others

    def _renew(self, watched: _Patient, names: Collection[str], at: int) -> None:
        """Make a patient's timeline anew; what the records of some ids may have changed begins from the beginning."""
        old, new = watched.timeline, watched.ledger.timeline()
        watched.timeline = new
        start = first_instant(new)
        certain = watched.ledger.settled
        begun = watched.walks[0].start if watched.walks else start
        fast = watched.fast
        if fast is not None and start < begun and fast.units.timeless:
            for walk in watched.walks:
                walk.begin_earlier(start)
            begun = start
        if old is None or old.zone != new.zone or begun != start:
            self._begin(watched, start, certain=certain)
        elif fast is not None and certain:
            try:
                self._go_on(watched, fast, names, at)
            except Exception as error:  # noqa: BLE001 - as in `_advance`
                self._note(watched, error)
                self._begin(watched, start, certain=False)
        else:
            changed = _changed(old, new, names)
            if certain and len({item.id for item in changed}) < len(changed):
                # A record that was there is otherwise now: all may be certain.
                self._begin(watched, start, certain=True)
            elif fast is not None:
                self._begin(watched, start, certain=False)
            else:
                doubtful = old.problems != new.problems
                recalled = any(_told_before(watched, name) for name in names)
                foreseen = any(item in FORESEEN for item in changed)
                for walk in watched.walks:
                    group = walk.group
                    if (
                        (doubtful and group.kinds is None)
                        or (recalled and group.recalls)
                        or (foreseen and group.foresees)
                    ):
                        walk.again()
                    else:
                        _take_up(walk, changed, new.zone)
        self._unsaved[watched.name] = watched
        self._advance(watched, at)

    def _go_on(self, watched: _Patient, fast: _Fast, names: Collection[str], at: int) -> None:
        """Let what is told fast go on with a timeline that was made anew for the records of some ids."""
        units, chart = fast.units, fast.chart
        old, new = chart.timeline, watched.timeline
        assert new is not None
        gone, came = watched.ledger.gone, watched.ledger.came
        chart.renew(new, gone, came)
        recalled, doubtful = any(_told_before(watched, name) for name in names), old.problems != new.problems
        foreseen = any(item in FORESEEN for item in (*gone, *came))
        screened = foreseen and units.trial.screens_again(old, (*gone, *came))
        for unit, walk in zip(units.all, watched.walks, strict=True):
            group = unit.group
            seen = foreseen and group.foresees and (screened or not unit.screens)
            if seen or (recalled and group.recalls) or (doubtful and unit.doubts):
                walk.again()
            else:
                _take_up_unit(unit, walk, (*gone, *came), fast, at)

    def _begin(self, watched: _Patient, start: int, *, certain: bool) -> None:
        """Stand before the first record, to be read fast if all records may be certain."""
        assert watched.timeline is not None
        units = self._units
        if certain and units is not None:
            chart = Chart(units.trial.points, watched.timeline)
            watched.fast = _Fast(units, chart)
            watched.walks = [Walk(unit.group, start, unit.teller(chart)) for unit in units.all]
        else:
            watched.fast = None
            watched.walks = [Walk(group, start) for group in self._protocol.groups]

    # --- time ---------------------------------------------------------------------------------------------------------

    def _passed(self) -> Iterator[tuple[_Patient, State]]:
        """Go on with each patient who is due; give each with the alerts as they were."""
        while self._heap and self._heap[0][0] <= self._at:
            due, name = heapq.heappop(self._heap)
            if self._dues[name] == due:  # else it was put off or brought forward since
                watched = self._taken(name, due - 1)
                before = watched.state
                self._advance(watched, self._at)
                yield watched, before
                self._tidy()

    def _advance(self, watched: _Patient, now: int) -> None:
        """Follow every group of a patient up to an instant, and say when one is to be read again."""
        timeline = watched.timeline
        assert timeline is not None
        known_at = cache(lambda at: self._protocol.timeline(watched.ledger.records, watched.name, known=at))
        question = Question(timeline, now, known_at=known_at)
        walks, context = watched.walks, self._protocol.context
        try:
            turned = sum(walk.go(context, question) for walk in walks)
        except Exception as error:
            if watched.fast is None:
                raise
            # A defect of what is told fast must neither stop a watch nor decide what it says.
            self._note(watched, error)
            self._begin(watched, watched.walks[0].start, certain=False)
            turned = sum(walk.go(context, question) for walk in watched.walks)
        if turned:
            watched.state = episodes(watched.walks, timeline)
        due = earliest(*(walk.next for walk in watched.walks))
        if due is not None and due != self._dues.get(watched.name):
            heapq.heappush(self._heap, (due, watched.name))
        if due != watched.due:
            self._unsaved[watched.name] = watched
        watched.due = self._dues[watched.name] = due

    def _note(self, watched: _Patient, error: Exception) -> None:
        """Note that something could not be told fast, unless that is because a record is not certain."""
        if not isinstance(error, UnsureError) and len(self._misread) < _MOST_MISREAD:
            what = str(error) if isinstance(error, MisreadError) else f"{type(error).__name__}: {error}"
            self._misread.append(f"{watched.name}: {what}")

    def _changes(self, passed: Iterable[tuple[_Patient, State]]) -> tuple[Change, ...]:
        return tuple(chain.from_iterable(changes(before, watched.state, self._at) for watched, before in passed))


def _units(protocol: Protocol) -> Units | None:
    """Compile a protocol to be told fast; several versions together are read by the reference alone."""
    return None if protocol.former else Units(protocol.program, protocol.rulebook, protocol.decider)


def _take_up_unit(unit: Unit, walk: Walk, changed: Sequence[Item], fast: _Fast, at: int) -> None:
    """Let a walk go on past what changed, or go back to before what changed that it rests on."""
    chart = fast.chart
    for item in changed:
        asked = unit.concerned(item, fast.units.trial, chart, at)
        if asked or (unit.rests is not None and chart.concerns(unit.rests, item) and any(walk.met)):
            first = _from(unit.group, appearances(item, chart.zone)[0], chart.zone)
            walk.back(first)
            if asked and walk.now is not None:
                walk.next = earliest(walk.next, first)


def _told_before(watched: _Patient, name: str) -> bool:
    """Whether a record of an id may change what was known earlier: an earlier revision, or the site and so the zone."""
    records = watched.ledger.of(name)
    site = any(isinstance(record, Event) and record.kind == "person" for record in records)
    return site or len(records) > 1 or watched.ledger.claimed(name)


def _changed(old: Timeline, new: Timeline, names: Collection[str]) -> list[Item]:
    """Give the items of some ids, and of all whose items differ, as they were and as they are."""
    before, after = _by_id(old), _by_id(new)
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return [item for items in (before, after) for name in differing.union(names) for item in items.get(name, ())]


def _by_id(timeline: Timeline) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in timeline.items:
        found.setdefault(item.id, []).append(item)
    return found


def _take_up(walk: Walk, changed: Iterable[Item], zone: Zone) -> None:
    """Let a walk go on past what changed, or go back to before what changed that was in sight."""
    kinds = walk.group.kinds
    seen = [at for item in changed if kinds is None or item.kind in kinds for at in appearances(item, zone)]
    if seen:
        first = _from(walk.group, min(seen), zone)
        walk.back(first)
        if walk.now is not None:
            walk.next = earliest(walk.next, first)


def _from(group: Group, first: int, zone: Zone) -> int:
    """Give the instant from which on a group may tell otherwise, of what comes at an instant."""
    return zone.start_of(zone.date_of(first)) if group.closes else first
