"""`watch`: events in as they come, the journal of alerts out at once."""

from __future__ import annotations

import errno
import io
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

import click
import msgspec

from trialspec.cli import arguments, exits, show
from trialspec.cli.live import Board
from trialspec.cli.watching import Clock, EventClock, Finished, Look, Replay, WallClock, Watch
from trialspec.events import Record
from trialspec.quantity import Duration, parse_duration
from trialspec.reports.table import FOOTER
from trialspec.sources.following import NAMES, Directory, Followed, Live, Piped
from trialspec.times import DAY, shown_instant


@dataclass(frozen=True, slots=True)
class World:
    """The clocks, and sleep: what shows the time (in seconds of UTC), what only goes on, and what lets it pass."""

    wall: Callable[[], int]
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]


REAL = World(lambda: int(time.time()), time.monotonic, time.sleep)

# How often a file or a directory is looked at, and how long nothing is done where nothing comes, in seconds.
_LOOK, _IDLE = 0.2, 1.0
# How often time goes on in a replay, in seconds.
_STEP = 0.25
_CHUNK = 65_536
_FOLLOW, _DIR = "follow:", "dir:"
_SPEED = re.compile(r"(.+)/\s*s")
_MOST = 20

_HELP = f"""Watch patients by PROTOCOL: events in as they come, changes of alerts out at once.

\b
--from says where events come from, one JSON object a line:
    -            standard input (the default)
    FILE         a file, or a directory of them, once
    follow:FILE  a file that is written to; what is there already comes first.
                 It may be renamed, cut short or replaced. A line counts when
                 its end has been written
    dir:DIR      the files of a directory that are named *.ndjson or *.jsonl,
                 by name, as they come; each is read as it grows
Files are looked at every {_LOOK} seconds.

\b
--to says where the journal goes, as NDJSON, one line for each change:
    -            standard output (the default; on a terminal there is a live
                 table instead)
    FILE         it is added to the end of a file

\b
--clock says which instant is the present:
    event        as late as the records tell: when they were available, or
                 else their time. Silence speaks when another record comes. A
                 record dated later than the wall clock does not count until
                 then. At the end of the input the allowance falls away
    wall         now: silence speaks by itself

{FOOTER}
"""


@click.command(help=_HELP, short_help="Watch patients: events in, changes of alerts out at once.")
@click.argument("protocol")
@click.option("--from", "origin", default="-", metavar="-|FILE|follow:FILE|dir:DIR", help="Where events come from.")
@click.option("--to", "target", metavar="-|FILE", help="Where the journal goes.")
@click.option(
    "--clock", type=click.Choice(("event", "wall")), default="event", show_default=True, help="What the present is."
)
@click.option(
    "--allow-late",
    metavar="DURATION",
    help="With --clock event: how long records are waited for that come late, as in `2 h` or `1 d`. Until then the"
    " present stands still, so that every alert comes so much later.  [default: 0 s]",
)
@click.option(
    "--since",
    metavar="TIME",
    help="For a first connection: mark as historic what was over by then, an instant or (its start) a date.",
)
@click.option(
    "--speed",
    metavar="DURATION/s",
    help="Replay finished events as if days passed, as in `1d/s`: each comes when it was available, or else at its"
    " time. With --clock event, and not with follow: or dir:.",
)
@arguments.unblinded
@arguments.libraries
def watch(
    *,
    protocol: str,
    origin: str,
    target: str | None,
    clock: str,
    allow_late: str | None,
    since: str | None,
    speed: str | None,
    unblinded: bool,
    libraries: tuple[Path, ...],
) -> int:
    """Watch patients."""
    pace = _pace(speed, clock, origin, allow_late)
    allowance = _allowance(allow_late, clock)
    _not_its_own(origin, target)
    read = arguments.loaded(protocol, libraries)
    begin = None if since is None else arguments.instant(since, read.program.zone, "--since", starts=True)
    show.engine(read.decider.absence)
    source, wait = _source(origin)
    ticks: Clock = WallClock() if clock == "wall" else EventClock(read.program, allowance)
    if pace is not None:
        source = ticks = Replay(_all(source), read.program, pace.step)
        wait = pace.wait
    watched = Watch(read, source, ticks, since=begin, unblinded=unblinded)
    board = Board(watched) if target != "-" and show.on_terminal(sys.stdout) else None
    with closing(source), _journal(target) as journal:
        return _Going(watched, journal, board).go(wait)


# --- while it goes on -------------------------------------------------------------------------------------------------


class _Stop:
    """Ctrl-C ends a wait at once; in the middle of a look, the look is finished first, unless it comes twice."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen to Ctrl-C, and to what a service is ended by."""
        signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        former = {number: signal.getsignal(number) for number in signals}
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's own
        if self._waiting or self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def wait(self, wait: Callable[[], None]) -> None:
        """Wait, unless it is to end."""
        self._waiting = True
        try:
            if self.asked:
                raise KeyboardInterrupt
            wait()
        finally:
            self._waiting = False


class _Going:
    """A watch that goes on until its input ends or somebody ends it, and what is said of it meanwhile and then."""

    def __init__(self, watched: Watch, journal: _Journal, board: Board | None) -> None:
        self._watch = watched
        self._journal = journal
        self._board = board
        self._unreadable = 0
        self._incidents = 0

    def go(self, wait: Callable[[], None]) -> int:
        """Look again and again; give the exit code."""
        ended, code = "the output was closed", exits.FINE
        stop = _Stop()
        try:
            if self._board is not None:
                self._board.start()
            with stop.heard():
                self._look_on(stop, wait)
            ended = "the input ended"
        except KeyboardInterrupt:
            ended, code = "stopped", exits.STOPPED
        except OSError as error:
            if error.errno != errno.EPIPE:
                ended = "the journal could not be written"
            raise
        finally:
            if self._board is not None:
                self._board.stop()
            self._summary(ended)
        return exits.OURS if self._incidents else code

    def _look_on(self, stop: _Stop, wait: Callable[[], None]) -> None:
        watched, replayed = self._watch, isinstance(self._watch.source, Replay)
        while True:
            look = watched.look(REAL.wall())
            self._tell(look)
            if watched.source.ended:
                break
            if stop.asked:
                raise KeyboardInterrupt
            if look.idle or replayed:
                stop.wait(wait)
        self._tell(watched.end(REAL.wall()))
        if self._board is not None:
            self._board.show()

    def _tell(self, look: Look) -> None:
        self._journal.add(look.lines)
        for notice in self._watch.source.notices():
            show.note(f"note: {notice}")
        for record in look.unreadable:
            self._unreadable += 1
            if self._unreadable <= _MOST:
                show.note(f"cannot be read: {record.origin or record.name}: {record.reason}")
            elif self._unreadable == _MOST + 1:
                show.note("more records cannot be read; they are counted at the end")
        incidents = self._watch.protocol.incidents
        show.incidents(incidents[self._incidents :])
        self._incidents = len(incidents)
        if self._board is not None:
            self._board.took(look)
            self._board.show(REAL.elapsed())

    def _summary(self, ended: str) -> None:
        """Say what was done."""
        watched, tally = self._watch, self._watch.tally
        program = watched.protocol.program
        span = ""
        if tally.first is not None and tally.last is not None:
            span = f" from {shown_instant(tally.first, program.zone)} to {shown_instant(tally.last, program.zone)}"
        show.note(f"watched {program.name} {program.version}{span}: {ended}")
        patients = len(watched.monitor.patients) if watched.monitor else 0
        unreadable = sum(tally.unreadable.values())
        told = [_count(tally.events, "event"), f"of {_count(patients, 'patient')}"]
        told += [f"({len(tally.set_aside)} set aside)"] if tally.set_aside else []
        told += [f"and {_count(unreadable, 'record')} that cannot be read"] if unreadable else []
        show.note(" ".join(told))
        common = tally.unreadable.most_common(_MOST)
        for reason, number in common:
            show.note(f"  {number} x {reason}")
        if (rest := unreadable - sum(number for _, number in common)) > 0:
            show.note(f"  {rest} x other reasons")
        changes = ", ".join(f"{tally.changes[what]} {what}" for what in ("raised", "resolved", "withdrawn", "revised"))
        show.note(f"journal: {changes}{f'; {tally.historic} of these historic' if tally.historic else ''}")
        show.withheld(len(tally.withheld))
        show.note(FOOTER)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- the journal ------------------------------------------------------------------------------------------------------


class _Journal:
    """Where the lines of the journal are written, those of one look together."""

    def __init__(self, file: IO[bytes] | None, name: str = "") -> None:
        self._file, self._name = file, name

    def add(self, lines: tuple[dict[str, Any], ...]) -> None:
        """Write lines, so that whoever reads has them at once."""
        if self._file is None or not lines:
            return
        try:
            self._file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            self._file.flush()
        except OSError as error:
            if not self._name:
                raise
            reason = f"the journal cannot be written ({error.strerror})"
            raise arguments.refused("unknown-file", f"--to `{self._name}`: {reason}") from error


@contextmanager
def _journal(target: str | None) -> Iterator[_Journal]:
    """Open the journal; one that ends in half a line gets its line end first."""
    if target == "-" or (target is None and not show.on_terminal(sys.stdout)):
        yield _Journal(sys.stdout.buffer)
    elif target is None:
        yield _Journal(None)
    else:
        try:
            half = _ends_in_half_a_line(Path(target))
            file = Path(target).open("ab")  # noqa: SIM115 - it is closed below
        except OSError as error:
            message = f"--to `{target}`: it cannot be written to ({error.strerror})"
            raise arguments.refused("unknown-file", message, "give a file in a directory that is there") from error
        with file:
            file.write(b"\n" if half else b"")
            yield _Journal(file, target)


def _ends_in_half_a_line(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _not_its_own(origin: str, target: str | None) -> None:
    """Refuse a journal that would be read as events."""
    if target in {None, "-"}:
        return
    assert target is not None
    path, journal = Path(_path(origin)).resolve(), Path(target).resolve()
    inside = journal.parent == path and journal.name.lower().endswith(NAMES)
    if origin != "-" and (journal == path or inside):
        raise arguments.refused(
            "bad-value", f"--to `{target}`: the journal would be read as events", "write it to another directory"
        )


# --- where events come from -------------------------------------------------------------------------------------------


def _path(origin: str) -> str:
    return origin.removeprefix(_FOLLOW) if origin.startswith(_FOLLOW) else origin.removeprefix(_DIR)


def _source(origin: str) -> tuple[Live, Callable[[], None]]:
    """Find the source that `--from` names, and what waits for it."""
    path = Path(_path(origin))
    if origin == "-":
        stream = sys.stdin.buffer
        if stream.isatty():
            show.note("events are read from the keyboard, a line each; end with Ctrl-D")
        return _piped(stream, "standard input")
    if origin.startswith(_DIR):
        if not path.is_dir():
            raise arguments.refused("unknown-file", f"--from `{origin}`: there is no such directory", "check the path")
        return Directory(path), _look_later
    if origin.startswith(_FOLLOW):
        if path.is_dir() or not path.parent.is_dir():
            reason = "that is a directory" if path.is_dir() else "there is no such directory"
            raise arguments.refused(
                "unknown-file", f"--from `{origin}`: {reason}", f"write `{_DIR}DIR` or `{_FOLLOW}FILE`"
            )
        if not path.exists():
            show.note(f"note: {path}: it is not there yet; it is waited for")
        return Followed(path), _look_later
    if path.exists() and not path.is_file() and not path.is_dir():  # a named pipe
        return _piped(path.open("rb", buffering=0), origin)
    return Finished(arguments.records([origin])), _look_later


def _look_later() -> None:
    REAL.sleep(_LOOK)


def _piped(stream: IO[bytes], name: str) -> tuple[Live, Callable[[], None]]:
    """Read a stream as far as there is something to read."""
    try:
        file = stream.fileno()
    except (io.UnsupportedOperation, OSError):
        return Piped(lambda: stream.read(_CHUNK), name), _look_later

    def at_hand() -> bytes | None:
        return os.read(file, _CHUNK) if select.select([file], [], [], 0)[0] else None

    def wait() -> None:
        select.select([file], [], [], _IDLE)

    return Piped(at_hand, name), wait


def _all(source: Live) -> Iterator[Record]:
    """Give everything that a source gives until it ends."""
    while not source.ended:
        found = source.take()
        yield from found
        if not found and not source.ended:
            REAL.sleep(_LOOK)


# --- arguments --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pace:
    """How a replay goes on: by so many seconds of its time in each look, and one look in so many of ours."""

    step: int
    seconds: float
    _next: float | None = None

    def wait(self) -> None:
        """Wait until it is time for the next step; one that is late does not wait, and time lost is not made up."""
        now = REAL.elapsed()
        due = now if self._next is None else max(self._next, now)
        if due > now:
            REAL.sleep(due - now)
        self._next = due + self.seconds


def _pace(speed: str | None, clock: str, origin: str, allow_late: str | None) -> _Pace | None:
    if speed is None:
        return None
    found = _SPEED.fullmatch(speed.strip())
    duration = parse_duration(found[1]) if found else None
    seconds = None if duration is None else _seconds(duration)
    if not seconds:
        advice = "write how much time passes in a second, in weeks, days, hours or less, as in `1d/s` or `12 h/s`"
        raise arguments.refused("bad-duration", f"--speed `{speed}` is no speed", advice)
    if clock != "event" or allow_late is not None:
        raise click.UsageError("--speed lets time pass by itself: it goes with --clock event, and without --allow-late")
    if origin.startswith((_FOLLOW, _DIR)):
        raise click.UsageError("--speed replays what is finished: give a file, a directory without `dir:`, or `-`")
    step = max(1, int(seconds * _STEP))
    return _Pace(step, step / seconds)


def _allowance(text: str | None, clock: str) -> int:
    if text is None:
        return 0
    if clock != "event":
        raise click.UsageError("--allow-late goes with --clock event: the clock on the wall waits for nobody")
    duration = parse_duration(text)
    seconds = None if duration is None else _seconds(duration)
    if seconds is None:
        advice = "write it in weeks, days, hours or less, as in `2 h`"
        raise arguments.refused("bad-duration", f"--allow-late `{text}` is no such duration", advice)
    return seconds


def _seconds(duration: Duration) -> int | None:
    """Give a duration in seconds; months have no length of their own."""
    return duration.seconds if duration.days is None else duration.days * DAY
