"""Where patients are put away while nothing happens: in memory, or in a file that outlives the process.

What is kept of a patient is records, the instant at which something may change by itself, and whose each id is. The
file is SQLite; what is written becomes lasting, all of it or nothing, with `commit`.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Protocol

from trialspec.diagnostics import Diagnostic, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Store(Protocol):
    """Keeps packed patients."""

    def load(self, patient: str) -> bytes | None:
        """Give a patient's pack."""

    def save(self, patient: str, due: int | None, pack: bytes) -> None:
        """Keep a patient's pack, and when something may change by itself (`None`: never)."""

    def dues(self) -> Iterable[tuple[str, int | None]]:
        """Give every patient, and when each is due."""

    def owners(self, event: str) -> frozenset[str]:
        """Give the patients of whom there are records of an event's id."""

    def own(self, event: str, patient: str) -> None:
        """Note that there is a record of an event's id of a patient."""


class Memory:
    """Keeps packed patients as long as the process lasts."""

    def __init__(self) -> None:
        """Begin empty."""
        self._packs: dict[str, tuple[int | None, bytes]] = {}
        self._owners: dict[str, frozenset[str]] = {}

    def load(self, patient: str) -> bytes | None:
        """Give a patient's pack."""
        found = self._packs.get(patient)
        return None if found is None else found[1]

    def save(self, patient: str, due: int | None, pack: bytes) -> None:
        """Keep a patient's pack."""
        self._packs[patient] = (due, pack)

    def dues(self) -> Iterator[tuple[str, int | None]]:
        """Give every patient, and when each is due."""
        return ((patient, due) for patient, (due, _) in self._packs.items())

    def owners(self, event: str) -> frozenset[str]:
        """Give the patients of whom there are records of an event's id."""
        return self._owners.get(event, frozenset())

    def own(self, event: str, patient: str) -> None:
        """Note that there is a record of an event's id of a patient."""
        self._owners[event] = self.owners(event) | {patient}


_FORMAT = "trialspec state 1"
_TABLES = """
create table if not exists fact (name text primary key, value text not null) without rowid;
create table if not exists patient (name text primary key, due integer, pack blob not null) without rowid;
create table if not exists owner (id text, patient text, primary key (id, patient)) without rowid;
"""


class StateFile:
    """Keeps packed patients, and a few facts by name, in a file."""

    def __init__(self, path: Path) -> None:
        """Open a file or make one; raises `ProtocolError` for a file that is something else."""
        self._file = sqlite3.connect(path, check_same_thread=False)
        try:
            # Two watches would each tell what the other has told.
            self._file.execute("pragma locking_mode = exclusive")
            tables = {row[0] for row in self._file.execute("select name from sqlite_master where type = 'table'")}
            if tables and "fact" not in tables:
                raise _refused(path, "this is a database of something else")
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = normal")
            self._file.executescript(_TABLES)
            if self.fact("format") is None:
                self.set("format", _FORMAT)
                self.commit()
        except sqlite3.OperationalError as error:
            raise _refused(path, f"it cannot be used, by another watch perhaps ({error})") from error
        except sqlite3.DatabaseError as error:
            raise _refused(path, f"this is no state of a watch ({error})") from error
        if self.fact("format") != _FORMAT:
            raise _refused(path, f"it was written as `{self.fact('format')}`, and this version reads `{_FORMAT}`")

    def fact(self, name: str) -> str | None:
        """Give a fact."""
        row = self._file.execute("select value from fact where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Keep a fact."""
        self._file.execute("insert or replace into fact values (?, ?)", (name, value))

    def load(self, patient: str) -> bytes | None:
        """Give a patient's pack."""
        row = self._file.execute("select pack from patient where name = ?", (patient,)).fetchone()
        return None if row is None else bytes(row[0])

    def save(self, patient: str, due: int | None, pack: bytes) -> None:
        """Keep a patient's pack."""
        self._file.execute("insert or replace into patient values (?, ?, ?)", (patient, due, pack))

    def dues(self) -> Iterator[tuple[str, int | None]]:
        """Give every patient, and when each is due."""
        yield from self._file.execute("select name, due from patient")

    def owners(self, event: str) -> frozenset[str]:
        """Give the patients of whom there are records of an event's id."""
        return frozenset(row[0] for row in self._file.execute("select patient from owner where id = ?", (event,)))

    def own(self, event: str, patient: str) -> None:
        """Note that there is a record of an event's id of a patient."""
        self._file.execute("insert or ignore into owner values (?, ?)", (event, patient))

    @property
    def pending(self) -> bool:
        """Whether something was kept since the last time."""
        return self._file.in_transaction

    def commit(self) -> None:
        """Make all that was kept since the last time lasting."""
        self._file.commit()

    def close(self) -> None:
        """Let go of the file; what was not committed is lost."""
        self._file.close()


def _refused(path: Path, reason: str) -> ProtocolError:
    advice = "give the file of an earlier watch, or a new name"
    return ProtocolError([Diagnostic("unknown-file", f"--state `{path}`: {reason}", None, help=advice)])
