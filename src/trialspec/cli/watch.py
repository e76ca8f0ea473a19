"""`watch`: events in as they come, the journal of alerts out at once."""

from __future__ import annotations

import gc
import io
import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from trialspec.cli import arguments, going, show
from trialspec.cli.going import Wait
from trialspec.cli.live import Board
from trialspec.cli.watching import Clock, EventClock, Finished, KeptState, Replay, WallClock, Watch
from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.quantity import Duration, parse_duration
from trialspec.reports.table import FOOTER
from trialspec.sources.following import NAMES, Directory, Followed, Live, Piped
from trialspec.times import DAY
from trialspec.versions import freeze_versions

_LOOK = 0.2  # seconds between two looks at a file or a directory
_STEP = 0.25  # seconds between two steps of a replay
_CHUNK = 65_536
_FOLLOW, _DIR = "follow:", "dir:"
_SPEED = re.compile(r"(.+)/\s*s")

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

\b
On SIGHUP a watch that is on no terminal reads PROTOCOL again, and says what
the new version judges otherwise. One that is wrong is told, and not used.

{FOOTER}
"""


@click.command(
    help=_HELP,
    epilog=arguments.example("watch two-drugs --from follow:two-drugs/events.ndjson --state two-drugs/watch.state"),
    short_help="Watch patients: events in, changes of alerts out at once.",
)
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
@click.option(
    "--state",
    metavar="FILE",
    help="Keep how things stand in this file, and go on from there when started again. What was told is not told again,"
    " whatever part of the events comes once more.",
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
    state: str | None,
    unblinded: bool,
    libraries: tuple[Path, ...],
) -> int:
    """Watch patients."""
    # Patients in hand are many objects that stay: to look through all of them as often as Python does costs a fifth.
    gc.set_threshold(100_000, 50, 100)
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

    def reread() -> tuple[Protocol, dict[str, str]]:
        again, path = arguments.loaded(protocol, libraries), arguments.protocol_file(protocol, libraries)
        return again, {} if state is None else freeze_versions(path, libraries)

    kept = None if state is None else _kept(state, read, arguments.protocol_file(protocol, libraries), libraries)
    watched = Watch(read, source, ticks, since=begin, unblinded=unblinded, state=kept)
    board = Board(watched, going.REAL.elapsed) if target != "-" and show.on_terminal(sys.stdout) else None
    with closing(source), going.journal(target) as journal, nullcontext() if kept is None else closing(kept):
        return going.Going(watched, journal, board, reread).go(wait)


def _kept(state: str, protocol: Protocol, path: Path, libraries: tuple[Path, ...]) -> KeptState:
    """Open the file in which the state is kept."""
    file = Path(state)
    if file.is_dir() or not file.parent.is_dir():
        reason = "that is a directory" if file.is_dir() else "there is no such directory to make it in"
        raise arguments.refused("unknown-file", f"--state `{state}`: {reason}", "give the path of a file")
    return KeptState(file, protocol, freeze_versions(path, libraries))


# --- where events come from -------------------------------------------------------------------------------------------


def _path(origin: str) -> str:
    return origin.removeprefix(_FOLLOW) if origin.startswith(_FOLLOW) else origin.removeprefix(_DIR)


def _source(origin: str) -> tuple[Live, Wait]:
    """Find the source that `--from` names, and what waits for it."""
    path = Path(_path(origin))
    if origin == "-":
        if sys.stdin is None:  # a service without one
            raise arguments.refused("unknown-file", "--from `-`: there is no standard input", "say where events are")
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
        opened = path.open("rb", buffering=0)
        return _piped(opened, origin, opened.close)
    return Finished(arguments.records([origin])), _look_later


def _look_later(seconds: float) -> None:
    going.REAL.sleep(min(_LOOK, seconds))


def _piped(stream: IO[bytes], name: str, close: Callable[[], None] | None = None) -> tuple[Live, Wait]:
    """Read a stream as far as there is something to read."""
    try:
        file = stream.fileno()
    except (io.UnsupportedOperation, OSError):
        return Piped(lambda: stream.read(_CHUNK), name, close), _look_later

    def at_hand() -> bytes | None:
        return os.read(file, _CHUNK) if select.select([file], [], [], 0)[0] else None

    def wait(seconds: float) -> None:
        select.select([file], [], [], seconds)

    return Piped(at_hand, name, close), wait


def _all(source: Live) -> Iterator[Record]:
    """Give everything that a source gives until it ends."""
    while not source.ended:
        found = source.take()
        yield from found
        if not found and not source.ended:
            going.REAL.sleep(_LOOK)


# --- arguments --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pace:
    """How a replay goes on: by so many seconds of its time in each look, and one look in so many of ours."""

    step: int
    seconds: float
    _next: float | None = None

    def wait(self, _: float) -> None:
        """Wait until it is time for the next step; one that is late does not wait, and time lost is not made up."""
        now = going.REAL.elapsed()
        due = now if self._next is None else max(self._next, now)
        if due > now:
            going.REAL.sleep(due - now)
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
