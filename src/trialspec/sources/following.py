"""Records that go on coming: from a pipe, a file that grows, or a directory that fills.

A source gives what is there now and never waits; whoever asks waits between. No line is lost and none is read twice:

- A line counts once its end has been written. One without an end is left where it is, until its end comes, until it is
  seen unchanged a second time and is a whole record, or until nothing can follow it any more.
- A file that is renamed away is read on, beside the one that takes its place, until that one is renamed away too.
- A file that was cut short or written anew is read from its beginning; one that took the place of another and begins
  with the same lines is read on from behind them. (The same record twice changes nothing: `trialspec.timeline`.)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Protocol

from trialspec.events import Event, Record, Unreadable, decode, marked
from trialspec.sources.lines import LONGEST

MOST = 1024 * 1024  # bytes that are taken at once, so that what they bring is told before the next are read
NAMES = (".ndjson", ".jsonl")
_BOM = b"\xef\xbb\xbf"
_GUARD = 256  # bytes before the place in a file by which it is known again


class Live(Protocol):
    """Where records come from, and go on coming from."""

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more."""
        ...

    def take(self) -> list[Record]:
        """Give what is there now, and has not been given."""
        ...

    def notices(self) -> list[str]:
        """Give what a person should know of the input itself, each once."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read: so many bytes, in so many whole lines, that have this digest."""

    offset: int = 0
    lines: int = 0
    digest: str = hashlib.sha256().hexdigest()


# --- a pipe -----------------------------------------------------------------------------------------------------------


class Piped:
    """Standard input, or another stream that can only be read on; `read` gives nothing (`None`) or the end (`b""`)."""

    def __init__(
        self,
        read: Callable[[], bytes | None],
        name: str = "standard input",
        close: Callable[[], None] | None = None,
    ) -> None:
        self._read, self._close = read, close
        self._half = bytearray()
        self._cut = _Lines(name)
        self.ended = False

    def take(self) -> list[Record]:
        """Give what is there now; the end makes the last line whole."""
        taken = 0
        while not self.ended and taken < MOST and (data := self._read()) is not None:
            self._half += data
            taken += len(data)
            self.ended = not data
        whole = len(self._half) if self.ended else self._half.rfind(b"\n") + 1
        records = list(self._cut.records(bytes(self._half[:whole]))) if whole else []
        del self._half[:whole]
        if len(self._half) > LONGEST:
            records += self._cut.too_long(bytes(self._half))
            self._half.clear()
        return records

    def notices(self) -> list[str]:
        """Give nothing: a stream has nothing to tell of itself."""
        return []

    def close(self) -> None:
        """Close the stream, if it was opened for this."""
        if self._close is not None:
            self._close()


# --- a file that grows ------------------------------------------------------------------------------------------------


class Followed:
    """A file that is written to, by its path, whatever takes its place there; it may not be there yet."""

    ended = False

    def __init__(self, path: Path, start: Position | None = None) -> None:
        self._path = path
        self._start = start
        self._file: _Opened | None = None
        self._former: _Opened | None = None
        self._notices = _Notices()

    def take(self) -> list[Record]:
        """Give what was added to the file, and to the one that was there before it."""
        if self._file is None:
            self._file = self._first()
        if self._file is None:
            return []
        records = self._former.take(self._notices) if self._former else []
        records += self._file.take(self._notices)
        if self._replaced(self._file) and (new := self._opened()) is not None:
            records += self._file.take(self._notices)  # what came between the last look and the renaming
            records += self._put_in_place(self._file, new)
        return records

    @property
    def position(self) -> Position:
        """How far the file at the path was read."""
        return self._start or Position() if self._file is None else self._file.reading.position

    def notices(self) -> list[str]:
        """Say where the file was not what it had been."""
        return self._notices.new()

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._file, self._former):
            if file is not None:
                file.close()

    def _first(self) -> _Opened | None:
        opened = self._opened()
        if opened is not None and self._start and self._start.offset and not opened.resumed(self._start):
            self._notices.add(f"{self._path}: it does not begin as it did before; it is read from its beginning")
        return opened

    def _put_in_place(self, old: _Opened, new: _Opened) -> list[Record]:
        """Read the new file, and go on with the old one beside it unless the new one holds what it held."""
        records = self._former.rest() if self._former else []
        if self._former is not None:
            self._former.close()
        self._former, self._file = old, new
        if new.resumed(old.reading.position):
            old.close()
            self._former = None
        return records + new.take(self._notices)

    def _opened(self) -> _Opened | None:
        try:
            return _Opened(_open(self._path), _Reading(str(self._path)))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._notices.add(f"{self._path}: it cannot be read ({error.strerror})")
            return None

    def _replaced(self, opened: _Opened) -> bool:
        try:
            there = self._path.stat()
        except OSError:
            return False  # renamed away, and the next one not there yet
        here = os.fstat(opened.file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)


class Directory:
    """The files of a directory whose names end in `.ndjson` or `.jsonl`, in order of name; each is read as it grows."""

    ended = False

    def __init__(self, path: Path, start: Mapping[str, Position] | None = None) -> None:
        self._path = path
        self._start = dict(start or {})
        self._files: dict[str, _Reading] = {}
        self._notices = _Notices()

    def take(self) -> list[Record]:
        """Give what was added, file by file."""
        records: list[Record] = []
        try:
            with os.scandir(self._path) as entries:
                there = sorted((entry for entry in entries if entry.is_file()), key=lambda entry: entry.name)
        except OSError as error:
            self._notices.add(f"{self._path}: it cannot be read ({error.strerror})")
            return []
        for entry in there:
            if not entry.name.lower().endswith(NAMES) or entry.name.startswith("."):
                self._pass_over(entry.name)
            else:
                records += self._grown(entry)
        return records

    @property
    def position(self) -> dict[str, Position]:
        """How far each file was read."""
        return {**self._start, **{name: reading.position for name, reading in self._files.items()}}

    def notices(self) -> list[str]:
        """Say which files are not read, and which were not what they had been."""
        return self._notices.new()

    def close(self) -> None:
        """Do nothing: no file is held open between two looks."""

    def _pass_over(self, name: str) -> None:
        if name.lower().endswith(".csv"):
            self._notices.add(f"{self._path / name}: it is not read; only files named `*.ndjson` or `*.jsonl` are")

    def _grown(self, entry: os.DirEntry[str]) -> list[Record]:
        reading = self._files.get(entry.name)
        if reading is not None and reading.settled(entry.stat()):
            return []
        try:
            file = _open(Path(entry.path))
        except FileNotFoundError:  # gone since it was listed
            return []
        except OSError as error:
            self._notices.add(f"{entry.path}: it cannot be read ({error.strerror})")
            return []
        with file:
            if reading is None:
                reading = self._files[entry.name] = _Reading(entry.path)
                known = self._start.pop(entry.name, None)
                if known is not None and known.offset and not reading.resumed(file, known):
                    self._notices.add(f"{entry.path}: it does not begin as it did before; it is read anew")
            return reading.take(file, self._notices)


# --- one file ---------------------------------------------------------------------------------------------------------


class _Notices:
    """What a person should know of the input; what was said once is not said again."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._new: list[str] = []

    def add(self, text: str, *, again: bool = False) -> None:
        if again or text not in self._said:
            self._said.add(text)
            self._new.append(text)

    def new(self) -> list[str]:
        told, self._new = self._new, []
        return told


def _open(path: Path) -> FileIO:
    return FileIO(path, "rb")


def _at(file: FileIO, offset: int, size: int) -> bytes:
    """Give so many bytes of a file from a place on, or what there is of them."""
    file.seek(offset)
    found = bytearray()
    while len(found) < size and (data := file.read(size - len(found))):
        found += data
    return bytes(found)


@dataclass(slots=True)
class _Opened:
    """A file that is held open, so that it can be read on wherever it is moved."""

    file: FileIO
    reading: _Reading

    def take(self, notices: _Notices) -> list[Record]:
        settled = self.reading.settled(os.fstat(self.file.fileno()))
        return [] if settled else self.reading.take(self.file, notices)

    def resumed(self, known: Position) -> bool:
        return self.reading.resumed(self.file, known)

    def rest(self) -> list[Record]:
        return self.reading.rest(self.file)

    def close(self) -> None:
        self.file.close()


@dataclass(slots=True)
class _Reading:
    """How far one file was read; the last line stays in the file until it is whole.

    `_guard` are the last bytes before that place, `_last` is what stands behind it without a line end, `_seen` the size
    and date of the file when there was nothing more to do.
    """

    name: str
    _lines: _Lines = field(init=False)
    _offset: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _guard: bytes = b""
    _last: bytes = b""
    _seen: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._lines = _Lines(self.name)

    @property
    def position(self) -> Position:
        return Position(self._offset, self._lines.before, self._digest.hexdigest())

    def resumed(self, file: FileIO, known: Position) -> bool:
        """Go on behind what was read before, if the file begins with it."""
        digest, offset, guard = hashlib.sha256(), 0, b""
        while offset < known.offset and (data := _at(file, offset, min(MOST, known.offset - offset))):
            digest.update(data)
            offset, guard = offset + len(data), (guard + data)[-_GUARD:]
        if not offset or offset != known.offset or digest.hexdigest() != known.digest:
            return False
        self._offset, self._digest, self._guard = offset, digest, guard
        self._lines.before = known.lines
        return True

    def settled(self, stat: os.stat_result) -> bool:
        return self._seen == (stat.st_size, stat.st_mtime_ns)

    def take(self, file: FileIO, notices: _Notices) -> list[Record]:
        stat = os.fstat(file.fileno())
        if self._changed(file, stat.st_size):
            notices.add(f"{self.name}: it was cut short or written anew; it is read from its beginning", again=True)
            self._again()
        data = _at(file, self._offset, MOST + LONGEST)
        whole = data.rfind(b"\n") + 1
        records = list(self._lines.records(data[:whole]))
        self._gone(data[:whole])
        last = data[whole:]
        if len(last) > LONGEST:
            records += self._lines.too_long(last)
            self._gone(last)
            last = b""
        elif last and last == self._last and self._lines.whole(last):
            records += self._lines.records(last)
            self._gone(last)
            last = b""
        # A line without an end is looked at again, and so is what may be behind the bytes that were taken at once.
        done = not last and len(data) < MOST + LONGEST
        self._last = last
        self._seen = (stat.st_size, stat.st_mtime_ns) if done and self._offset == stat.st_size else None
        return records

    def rest(self, file: FileIO) -> list[Record]:
        """Give what is left, the last line included: nothing will follow it."""
        records: list[Record] = []
        while data := _at(file, self._offset, MOST):
            whole = data.rfind(b"\n") + 1
            if not whole and len(data) == MOST:
                records += self._lines.too_long(data)
            else:
                records += self._lines.records(data[: whole or len(data)])
            self._gone(data[: whole or len(data)])
        return records

    def _gone(self, data: bytes) -> None:
        if data:
            self._offset += len(data)
            self._digest.update(data)
            self._guard = (self._guard + data[-_GUARD:])[-_GUARD:]

    def _changed(self, file: FileIO, size: int) -> bool:
        """Whether what was read is not what stands there now."""
        return size < self._offset or _at(file, self._offset - len(self._guard), len(self._guard)) != self._guard

    def _again(self) -> None:
        self._lines = _Lines(self.name)
        self._offset, self._digest, self._guard, self._last = 0, hashlib.sha256(), b"", b""


@dataclass(slots=True)
class _Lines:
    """The lines of one file or stream, numbered; `before` are those that have ended."""

    name: str
    before: int = 0
    _skipping: bool = False

    def records(self, data: bytes) -> Iterator[Record]:
        """Decode lines; what stands behind the last line end is one too."""
        for line in _at_newlines(data):
            origin = f"{self.name}:{self.before + 1}"
            text = (line.removeprefix(_BOM) if not self.before else line).rstrip(b"\r\n")
            if self._skipping:
                self._skipping = not line.endswith(b"\n")
            elif len(text) > LONGEST:
                yield self._refused(text)
            elif text.strip():
                yield decode(text, origin)
            self.before += line.endswith(b"\n")

    def too_long(self, start: bytes) -> Iterator[Record]:
        """Refuse a line of which this is the start, and pass over what is still to come of it."""
        if not self._skipping:
            yield self._refused(start)
        self._skipping = True

    def whole(self, line: bytes) -> bool:
        """Whether a line without an end is a record already: no longer line could begin with it."""
        return not self._skipping and isinstance(decode(line.removeprefix(_BOM)), Event)

    def _refused(self, text: bytes) -> Unreadable:
        return Unreadable(
            f"the record is longer than {LONGEST} bytes", marked(text), origin=f"{self.name}:{self.before + 1}"
        )


def _at_newlines(data: bytes) -> Iterator[bytes]:
    # A carriage return ends no line by itself.
    *lines, last = data.split(b"\n")
    yield from (line + b"\n" for line in lines)
    if last:
        yield last
