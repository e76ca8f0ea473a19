"""How long it takes from a line in to an alert out, through `trialspec watch --from - --to -` as a process of its own.

Lines go in at a steady pace, whether or not the watch keeps up, and time is counted from when a line was to go in.
What is timed are probes among the lines of a stream: a value without its unit, of a patient of whom nothing else is
known, so that exactly one alert names the patient, and it is that line's.

First lines go in as fast as they are taken, to see how many that are. If it is less than the pace wished for, the pace
is half of it, and that is said. What the measuring itself takes is told by a process that only answers the probes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from threading import Condition, Thread
from time import perf_counter, sleep
from typing import IO, TYPE_CHECKING

import msgspec

from benchmarks.driving import FOUNDING, ROOT, say
from benchmarks.stream import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROBES_A_SECOND = 50
_PATIENCE = 60.0  # seconds that one alert is waited for
_MEASURED = 3.0  # seconds over which it is seen how many lines are taken


_WATCH = ("-m", "trialspec", "watch", str(FOUNDING), "--from", "-", "--to", "-")
_ANSWER = """
import sys
for line in sys.stdin.buffer:
    if b'"probe-' in line:
        name = line[line.index(b'"probe-'):].split(b'"')[1]
        sys.stdout.buffer.write(b'{"patient":"' + name + b'"}\\n')
        sys.stdout.buffer.flush()
"""


class _Watch:
    """A watch in another process, and when the alert of each probe came out of it."""

    def __init__(self, *arguments: str) -> None:
        source = os.pathsep.join((str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])))
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": source},
        )
        self.out: dict[str, float] = {}
        self.lines = 0
        self._came = Condition()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now = perf_counter()
            self.lines += 1
            if b'"patient":"probe-' in line:
                with self._came:
                    self.out.setdefault(msgspec.json.decode(line)["patient"], now)
                    self._came.notify_all()

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def write(self, data: bytes) -> None:
        """Write lines; this waits while the watch does not take them."""
        self.input.write(data)
        self.input.flush()

    def wait(self, probe: str) -> bool:
        """Wait until the alert of a probe has come; say whether it did."""
        with self._came:
            return self._came.wait_for(lambda: probe in self.out, timeout=_PATIENCE)

    def close(self) -> None:
        """End the watch."""
        self._process.terminate()  # it is not asked what the rest of its input comes to
        self._process.wait()
        self._reader.join(_PATIENCE)


@dataclass(slots=True)
class _Probes:
    """Probes, each of a patient of its own."""

    made: int = 0

    def next(self) -> tuple[str, bytes]:
        """Give a probe's patient and its line."""
        name = f"probe-{self.made:06}"
        self.made += 1
        record = {"id": name, "patient": name, "kind": "observation", "time": "2001-01-01", "measure": "c3", "value": 1}
        return name, json.dumps(record).encode() + b"\n"


def main(pace: float = 5000, seconds: float = 20) -> None:
    """Print how many lines a second are taken, and how long alerts take at a pace."""
    lines = (arrival.line + b"\n" for arrival in stream(10**9))
    probes, watch = _Probes(), _Watch(*_WATCH)
    try:
        taken = _taken(watch, probes, lines, int(10 * pace))
        if taken is None:
            say(f"  no alert came within {_PATIENCE:.0f} s")
            return
        say(f"  lines taken as fast as they are: {taken:,.0f} a second")
        if taken < pace:
            say(f"  that is less than {pace:,.0f} a second, so the pace is half of it: {taken / 2:,.0f} a second")
            pace = taken / 2
        found = _paced(watch, probes, lines, pace, seconds)
        say(f"  {len(found)} probes in {seconds:.0f} s at this pace ({watch.lines:,} lines of the journal)")
        say(f"  line in to alert out: {_shown(found)}")
    finally:
        watch.close()
    only = _Watch("-c", _ANSWER)
    try:
        name, line = probes.next()
        only.write(line)
        only.wait(name)
        say(f"  a process that only answers probes: {_shown(_paced(only, probes, lines, pace, seconds / 4))}")
    finally:
        only.close()


def _taken(watch: _Watch, probes: _Probes, lines: Iterator[bytes], most: int) -> float | None:
    """Give how many lines a second are taken as fast as they are, once the watch is under way; see at most so many."""
    name, line = probes.next()
    watch.write(line)
    if not watch.wait(name):
        return None
    number = 10
    while True:
        batch = b"".join(islice(lines, number))
        name, line = probes.next()
        start = perf_counter()
        watch.write(batch + line)
        if not watch.wait(name):
            return None
        taken = watch.out[name] - start
        if taken >= _MEASURED or number >= most:
            return number / taken
        number = min(most, int(number * min(4, max(1.5, 1.2 * _MEASURED / taken))))


def _paced(watch: _Watch, probes: _Probes, lines: Iterator[bytes], pace: float, seconds: float) -> list[float]:
    """Write lines at a pace, with probes among them; give how long the alert of each probe took, in order of size."""
    every = max(2, round(pace / min(_PROBES_A_SECOND, pace / 5)))
    due: dict[str, float] = {}
    ready: list[tuple[str, bytes]] = []
    for number, line in enumerate(islice(lines, int(pace * seconds))):
        ready.append(probes.next() if number % every == every - 1 else ("", line))
    start, sent = perf_counter() + 0.1, 0
    while sent < len(ready):
        now = perf_counter()
        until = min(len(ready), int((now - start) * pace) + 1) if now >= start else 0
        if until > sent:
            for number in range(sent, until):
                if name := ready[number][0]:
                    due[name] = start + number / pace
            watch.write(b"".join(line for _, line in ready[sent:until]))
            sent = until
        else:
            sleep(max(0.0, min(0.001, start + sent / pace - now)))
    for name in due:
        if not watch.wait(name):
            break
    return sorted(watch.out[name] - at for name, at in due.items() if name in watch.out)


def _shown(latencies: list[float]) -> str:
    def at(share: float) -> str:
        return f"{1000 * latencies[min(len(latencies) - 1, int(share * len(latencies)))]:.1f} ms"

    return f"p50 {at(0.5)}, p99 {at(0.99)}, max {at(1)}" if latencies else "no alert came"


if __name__ == "__main__":
    main()
