"""Where events come from: a source for each kind of file, found by the file's ending, and records sorted by patient.

A source translates and numbers its lines. It judges nothing, fills no gap and stops at nothing: a record that cannot be
read is yielded as `Unreadable`, and the next one follows. Others are found by entry point, in the group
`trialspec.sources`, under the ending of the files that they read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from trialspec.diagnostics import Diagnostic, ProtocolError
from trialspec.events import Event, Record, Unreadable
from trialspec.sources.ndjson import NdjsonFile
from trialspec.sources.table import CsvFile


class EventSource(Protocol):
    """A file of events."""

    def __init__(self, path: Path) -> None:
        """Take the file, without reading it yet."""

    def events(self) -> Iterator[Record]:
        """Give every record, in the order of the file."""
        ...


_GROUP = "trialspec.sources"
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|[\t-~]\0|\0+[\t-~]")  # how text begins of which each letter is several bytes
_OWN: Mapping[str, type[EventSource]] = MappingProxyType({"csv": CsvFile, "jsonl": NdjsonFile, "ndjson": NdjsonFile})


def read(path: Path) -> Iterator[Record]:
    """Give the records of a file; raises `ProtocolError` where there is no such file or no source for its ending."""
    ending = path.suffix.removeprefix(".").lower()
    if not path.is_file():
        there = "this is no ordinary file" if path.exists() else "there is no such file"
        raise _refused(path, there, "check the path")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise _refused(path, f"the file cannot be read ({error.strerror})", "check who may read it") from error
    if ending in _OWN and _WIDE.match(start):
        raise _refused(path, "the file is not UTF-8 text", "save it as UTF-8, which Excel calls `CSV UTF-8`")
    source = _source(ending)
    if source is None:
        known = ", ".join(f"`.{name}`" for name in endings())
        told = (
            f"files that end in `.{ending}` are not event files"
            if ending
            else "a file without an ending is no event file"
        )
        raise _refused(path, told, f"events are read from {known}")
    return source(path).events()


def endings() -> tuple[str, ...]:
    """The endings of the files that can be read."""
    return tuple(sorted({*_OWN, *(found.name for found in entry_points(group=_GROUP))}))


def _source(ending: str) -> type[EventSource] | None:
    if ending in _OWN:
        return _OWN[ending]
    found = sorted(entry_points(group=_GROUP, name=ending), key=lambda entry: entry.value)
    source: type[EventSource] | None = found[0].load() if found else None
    return source


def _refused(path: Path, message: str, advice: str) -> ProtocolError:
    return ProtocolError([Diagnostic("unknown-file", f"`{path}`: {message}", None, help=advice)])


@dataclass(frozen=True, slots=True)
class Cohort:
    """All records sorted by patient: each patient's own, and those of others that claim one of the patient's ids.

    `nobody` are records that name no patient. Every record is in one of the two.
    """

    patients: Mapping[str, tuple[Record, ...]]
    nobody: tuple[Unreadable, ...]

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Every record that cannot be read, each once."""
        named = (
            record
            for patient, records in self.patients.items()
            for record in records
            if isinstance(record, Unreadable) and record.patient == patient
        )
        return (*self.nobody, *named)

    @property
    def shared(self) -> Mapping[str, tuple[str, ...]]:
        """The ids that records of several patients bear, with these patients; a retracted record bears none."""
        bearing: dict[str, dict[str, list[Record]]] = {}
        for record in (record for records in self.patients.values() for record in records):
            if record.id is not None and record.patient is not None:
                bearing.setdefault(record.id, {}).setdefault(record.patient, []).append(record)
        bearers = {name: [who for who, own in by.items() if not _gone(own)] for name, by in sorted(bearing.items())}
        return {name: tuple(sorted(patients)) for name, patients in bearers.items() if len(patients) > 1}


def _gone(records: Sequence[Record]) -> bool:
    """Whether the highest revision of an id is its retraction."""
    highest = max(record.revision or 0 for record in records)
    last = [record for record in records if (record.revision or 0) == highest]
    return all(isinstance(record, Event) and record.retracted for record in last)


def cohort(records: Iterable[Record]) -> Cohort:
    """Sort records by patient, in the order of the patients' names."""
    own: dict[str, list[Record]] = {}
    nobody: list[Unreadable] = []
    claimed: dict[str, set[str]] = {}
    for record in records:
        if record.patient is not None:
            own.setdefault(record.patient, []).append(record)
            claimed.setdefault(record.id or "", set()).add(record.patient)
        elif isinstance(record, Unreadable):
            nobody.append(record)
    shared = {name: patients for name, patients in claimed.items() if name and len(patients) > 1}
    foreign = _foreign(own, shared)
    patients = {patient: (*own[patient], *foreign.get(patient, ())) for patient in sorted(own)}
    return Cohort(patients, tuple(nobody))


def _foreign(own: Mapping[str, list[Record]], shared: Mapping[str, set[str]]) -> dict[str, list[Record]]:
    """Give each patient the records of others that bear one of the patient's ids."""
    foreign: dict[str, list[Record]] = {}
    for claimant in sorted({patient for patients in shared.values() for patient in patients}):
        for record in own[claimant]:
            for patient in shared.get(record.id or "", set()) - {claimant}:
                foreign.setdefault(patient, []).append(record)
    return foreign
