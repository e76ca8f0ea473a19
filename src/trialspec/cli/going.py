"""A watch while it goes on: looking again and again, writing the journal, being stopped, and saying what was done."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

import msgspec

from trialspec.cli import arguments, exits, show
from trialspec.cli.live import Board
from trialspec.cli.watching import Look, Replay, Watch
from trialspec.diagnostics import ProtocolError
from trialspec.evaluation import Protocol
from trialspec.reports.table import FOOTER
from trialspec.times import shown_instant


@dataclass(frozen=True, slots=True)
class World:
    """The clocks, and sleep: what shows the time (in seconds of UTC), what only goes on, and what lets it pass."""

    wall: Callable[[], int]
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]


Wait = Callable[[float], None]  # waits for input, at most so many seconds

REAL = World(lambda: int(time.time()), time.monotonic, time.sleep)

# How long nothing is done at most where nothing comes, in seconds: the clock on the wall may be set meanwhile, and a
# table may have something to show.
_IDLE, _DRAW = 60.0, 0.5
_MOST = 20


def _on_a_terminal() -> bool:
    """Whether a terminal would take the watch with it when it goes."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


class _WokenError(Exception):
    """A wait is over before its time."""


class Stop:
    """Ctrl-C ends a wait at once; in the middle of a look, the look is finished first, unless it comes twice.

    SIGHUP asks for the protocol to be read `again`, and ends a wait too. On a terminal it means that the terminal is
    gone, and ends the watch.
    """

    def __init__(self) -> None:
        self.asked = False
        self.again = False
        self._waiting = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen to Ctrl-C, and to what a service is ended by."""
        signals = {signal.SIGINT: self._hear, signal.SIGTERM: self._hear}
        if hasattr(signal, "SIGHUP") and not _on_a_terminal():
            signals[signal.SIGHUP] = self._hear_again
        if threading.current_thread() is not threading.main_thread():
            signals = {}
        former = {number: signal.getsignal(number) for number in signals}
        for number, handler in former.items():
            # What `nohup` has told to go on is not ended, and may as well read the protocol again.
            if handler is not signal.SIG_IGN or number not in {signal.SIGINT, signal.SIGTERM}:
                signal.signal(number, signals[number])
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's own
        if self._waiting or self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def _hear_again(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's own
        self.again = True
        if self._waiting:
            self._waiting = False  # once: a second one must not come in the middle of the first
            raise _WokenError

    def wait(self, wait: Wait, seconds: float) -> None:
        """Wait at most so long, unless it is to end, or something is asked for."""
        with suppress(_WokenError):
            try:
                self._waiting = True
                if self.asked:
                    raise KeyboardInterrupt
                if not self.again:
                    wait(seconds)
            finally:
                self._waiting = False


Reread = Callable[[], tuple[Protocol, dict[str, str]]]  # reads the protocol again, and freezes its versions


class Going:
    """A watch that goes on until its input ends or somebody ends it, and what is said of it meanwhile and then."""

    def __init__(self, watched: Watch, journal: Journal, board: Board | None, reread: Reread) -> None:
        self._watch = watched
        self._journal = journal
        self._board = board
        self._reread = reread
        self._unreadable = 0
        self._incidents = 0
        self._misread = 0
        self._defect = False

    def go(self, wait: Wait) -> int:
        """Look again and again; give the exit code."""
        ended, code = "it failed", exits.FINE
        stop = Stop()
        try:
            if self._board is not None:
                self._board.start()
            with stop.heard():
                self._look_on(stop, wait)
            ended = "the input ended"
        except KeyboardInterrupt:
            ended, code = "stopped", exits.STOPPED
        except OSError as error:
            if error.errno == errno.EPIPE:
                ended = "the output was closed"
                raise
            raise arguments.refused("unknown-file", f"reading or writing failed: {error.strerror or error}") from error
        finally:
            if self._board is not None:
                self._board.stop()
            self._summary(ended)
        return exits.OURS if self._defect else code

    def _look_on(self, stop: Stop, wait: Wait) -> None:
        watched, replayed = self._watch, isinstance(self._watch.source, Replay)
        while True:
            look = watched.look(REAL.wall())
            self._tell(look)
            if stop.again:
                stop.again = False
                self._judge_again()
            if watched.source.ended:
                break
            if stop.asked:
                raise KeyboardInterrupt
            if look.idle or replayed:
                stop.wait(wait, self._at_most())
        self._tell(watched.end(REAL.wall()))
        if self._board is not None:
            self._board.show(at_once=True)

    def _judge_again(self) -> None:
        """Read the protocol again, and judge by it if it is right; else go on as before."""
        former = self._watch.protocol
        try:
            protocol, frozen = self._reread()
        except ProtocolError as error:
            show.diagnostics(error.diagnostics)
            show.note(f"the protocol cannot be used: still judged by {arguments.name_of(former)}")
            return
        if protocol.program.name != former.program.name:
            show.note(f"this is `{protocol.program.name}`: still judged by {arguments.name_of(former)}")
        elif protocol.digest == former.digest:
            show.note(f"nothing is new: still judged by {arguments.name_of(former)}")
        else:
            show.note(f"judged by {arguments.name_of(protocol)} from now on")
            self._incidents = 0
            self._tell(self._watch.judge_by(protocol, frozen))

    def _at_most(self) -> float:
        """How long to wait at most, in seconds: until something may change though nothing comes."""
        most, wakes = _IDLE if self._board is None else _DRAW, self._watch.wakes
        return most if wakes is None else min(most, max(0, wakes - REAL.wall()))

    def _tell(self, look: Look) -> None:
        self._journal.add(look.lines)
        self._watch.keep()
        for notice in self._watch.source.notices():
            show.note(f"note: {notice}")
        for record in look.unreadable:
            self._unreadable += 1
            if self._unreadable <= _MOST:
                show.note(f"cannot be read: {record.origin or record.name}: {record.reason}")
            elif self._unreadable == _MOST + 1:
                show.note("more records cannot be read; they are counted at the end")
        incidents = self._watch.protocol.incidents
        self._defect |= show.incidents(incidents[self._incidents :])
        self._incidents = len(incidents)
        misread = () if self._watch.monitor is None else self._watch.monitor.misread
        self._defect |= show.misread(misread[self._misread :])
        self._misread = len(misread)
        if self._board is not None:
            self._board.took(look)
            self._board.show()

    def _summary(self, ended: str) -> None:
        """Say what was done."""
        watched, tally = self._watch, self._watch.tally
        program = watched.protocol.program
        span = ""
        if tally.first is not None and tally.last is not None:
            span = f" from {shown_instant(tally.first, program.zone)} to {shown_instant(tally.last, program.zone)}"
        show.note(f"watched {arguments.name_of(watched.protocol)}{span}: {ended}")
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


class Journal:
    """Where the lines of the journal are written, those of one look together."""

    def __init__(self, file: IO[bytes] | None, name: str = "") -> None:
        self._file, self._name = file, name

    def add(self, lines: tuple[dict[str, Any], ...]) -> None:
        """Write lines, so that whoever reads has them at once."""
        if self._file is None or not lines:
            return
        try:
            left = memoryview(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            while left:
                left = left[self._file.write(left) :]
            self._file.flush()
        except OSError as error:
            if not self._name:
                raise
            reason = f"the journal cannot be written ({error.strerror})"
            raise arguments.refused("unknown-file", f"--to `{self._name}`: {reason}") from error


@contextmanager
def journal(target: str | None) -> Iterator[Journal]:
    """Open the journal; one that ends in half a line gets its line end first."""
    if target == "-" or (target is None and not show.on_terminal(sys.stdout)):
        yield Journal(sys.stdout.buffer)
    elif target is None:
        yield Journal(None)
    else:
        try:
            half = _ends_in_half_a_line(Path(target))
            file = Path(target).open("ab", buffering=0)  # noqa: SIM115 - it is closed below
        except OSError as error:
            message = f"--to `{target}`: it cannot be written to ({error.strerror})"
            raise arguments.refused("unknown-file", message, "give a file in a directory that is there") from error
        with file:
            if half:
                file.write(b"\n")
            yield Journal(file, target)


def _ends_in_half_a_line(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
