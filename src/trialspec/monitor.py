"""Patients watched as their records come in: alerts as they arise, and those that arise because nothing came.

A `Monitor` holds what is known of every patient and one instant, the present. Records come in any order by `feed`, time
goes on by `tick`, and both give what changed in the alerts. What it says is by definition what the protocol says of the
same set of records at the same instant (`Protocol.report`): the monitor only knows what need not be read again.

- A group of findings is read again when a record comes that it may speak of, or when its `until` is reached.
- A record that comes into sight after the last reading of a group leaves what was met before as it was. One that comes
  late, corrects or retracts sends the group back to the beginning.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

from trialspec.alerts import Walk, changes, episodes, first_instant
from trialspec.events import Event, Unreadable
from trialspec.interpreters.reading import Question, earliest
from trialspec.interpreters.selection import appearances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.alerts import Change, State
    from trialspec.evaluation import PatientReport, Protocol
    from trialspec.events import Record
    from trialspec.patient import Item, Timeline
    from trialspec.times import Zone


@dataclass(slots=True, eq=False)
class _Patient:
    """What is known of one patient, how far each group of findings was followed, and when one is to be read again.

    Records are kept by id; `foreign` are those of others that claim an id of this patient's.
    """

    name: str
    records: dict[str, list[Record]] = field(default_factory=dict)
    foreign: dict[str, list[Record]] = field(default_factory=dict)
    timeline: Timeline | None = None
    walks: list[Walk] = field(default_factory=list)
    state: State = field(default_factory=dict)
    due: int | None = None

    @property
    def all_records(self) -> Iterator[Record]:
        """Every record that bears on the patient."""
        return chain.from_iterable((*self.records.values(), *self.foreign.values()))


class Monitor:
    """All patients of one protocol, at one instant that only moves on.

    It may be used from several threads: each call is carried out as a whole, one after the other.
    """

    def __init__(self, protocol: Protocol, at: int) -> None:
        """Begin at an instant, with no records."""
        self._protocol = protocol
        self._at = at
        self._patients: dict[str, _Patient] = {}
        self._owners: dict[str, set[str]] = {}
        self._nobody: list[Unreadable] = []
        self._due: list[tuple[int, str]] = []
        self._lock = Lock()

    @property
    def at(self) -> int:
        """The present."""
        return self._at

    def feed(self, records: Iterable[Record]) -> tuple[Change, ...]:
        """Take in records, and say what changed in the alerts at the present instant.

        A record dated later than the present is kept, and speaks when its time has come.
        """
        with self._lock:
            return self._changes(self._fed(records))

    def tick(self, at: int) -> tuple[Change, ...]:
        """Let time go on to an instant, and say what changed in the alerts; an instant that is over changes nothing."""
        with self._lock:
            self._at = max(self._at, at)
            return self._changes(self._passed())

    def state(self, patient: str) -> State:
        """Give the alerts of a patient, those that are over included; none for a patient who is not known."""
        with self._lock:
            watched = self._patients.get(patient)
            return {} if watched is None else dict(watched.state)

    def report(self, patient: str) -> PatientReport:
        """Give all that the protocol says of a patient at present, with the proofs."""
        with self._lock:
            watched = self._patients.get(patient)
            return self._protocol.report(watched.all_records if watched else (), patient, at=self._at)

    @property
    def patients(self) -> tuple[str, ...]:
        """The names of the patients who are known."""
        with self._lock:
            return tuple(sorted(self._patients))

    # --- what came ----------------------------------------------------------------------------------------------------

    def _fed(self, records: Iterable[Record]) -> Iterator[tuple[_Patient, State]]:
        """Take in records; give each patient whom one concerns, with the alerts as they were."""
        touched: dict[str, set[str]] = {}
        for record in records:
            if record.patient is None:
                assert isinstance(record, Unreadable)
                self._nobody.append(record)
                continue
            watched = self._patients.setdefault(record.patient, _Patient(record.patient))
            name = record.id if isinstance(record, Event) else record.name
            own = watched.records.setdefault(name, [])
            if record not in own:
                own.append(record)
                for concerned in (record.patient, *self._share(record)):
                    touched.setdefault(concerned, set()).add(name)
        for patient, names in touched.items():
            watched = self._patients[patient]
            before = watched.state
            self._renew(watched, names)
            yield watched, before

    def _share(self, record: Record) -> tuple[str, ...]:
        """Share a record with the other patients of its id, and theirs with its own; give these patients."""
        if record.id is None or record.patient is None:
            return ()
        owners = self._owners.setdefault(record.id, {record.patient})
        others = tuple(sorted(owners - {record.patient}))
        if record.patient not in owners:
            owners.add(record.patient)
            foreign = self._patients[record.patient].foreign.setdefault(record.id, [])
            for other in others:
                foreign += self._patients[other].records[record.id]
        for other in others:
            self._patients[other].foreign.setdefault(record.id, []).append(record)
        return others

    def _renew(self, watched: _Patient, names: set[str]) -> None:
        """Make a patient's timeline anew; what the records of some ids may have changed begins from the beginning."""
        old = watched.timeline
        watched.timeline = new = self._protocol.timeline(watched.all_records, watched.name)
        start = first_instant(new, self._at)
        if old is None or old.zone != new.zone or {walk.start for walk in watched.walks} != {start}:
            watched.walks = [Walk(group, start) for group in self._protocol.groups]
        else:
            changed, doubtful = _changed(old, new, names), old.problems != new.problems
            recalled = any(len(watched.records.get(name, ())) > 1 or name in watched.foreign for name in names)
            for walk in watched.walks:
                if (doubtful and walk.group.kinds is None) or (recalled and walk.group.recalls):
                    walk.again()
                else:
                    _take_up(walk, changed, new.zone)
        self._advance(watched)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _passed(self) -> Iterator[tuple[_Patient, State]]:
        """Go on with each patient who is due; give each with the alerts as they were."""
        while self._due and self._due[0][0] <= self._at:
            due, name = heapq.heappop(self._due)
            watched = self._patients[name]
            if watched.due == due:  # else it was put off or brought forward since
                before = watched.state
                self._advance(watched)
                yield watched, before

    def _advance(self, watched: _Patient) -> None:
        """Follow every group of a patient up to the present, and say when one is to be read again."""
        timeline = watched.timeline
        assert timeline is not None
        known_at = cache(lambda at: self._protocol.timeline(watched.all_records, watched.name, known=at))
        question = Question(timeline, self._at, known_at=known_at)
        for walk in watched.walks:
            walk.go(self._protocol.context, question)
        watched.state = episodes(watched.walks, timeline)
        watched.due = earliest(*(walk.next for walk in watched.walks))
        if watched.due is not None:
            heapq.heappush(self._due, (watched.due, watched.name))

    def _changes(self, passed: Iterable[tuple[_Patient, State]]) -> tuple[Change, ...]:
        return tuple(chain.from_iterable(changes(before, watched.state, self._at) for watched, before in passed))


def _changed(old: Timeline, new: Timeline, names: set[str]) -> list[Item]:
    """Give the items of some ids, and of all whose items differ, as they were and as they are."""
    before, after = _by_id(old), _by_id(new)
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return [item for items in (before, after) for name in differing | names for item in items.get(name, ())]


def _by_id(timeline: Timeline) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in timeline.items:
        found.setdefault(item.id, []).append(item)
    return found


def _take_up(walk: Walk, changed: Iterable[Item], zone: Zone) -> None:
    """Let a walk go on past what changed, or begin again where something changed that was in sight."""
    kinds = walk.group.kinds
    seen = [at for item in changed if kinds is None or item.kind in kinds for at in appearances(item, zone)]
    if not seen or walk.now is None:
        return
    if min(seen) <= walk.now:
        walk.again()
    else:
        walk.next = earliest(walk.next, min(seen))
