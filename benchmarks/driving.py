"""A monitor driven by a stream: time goes on to the arrival of each line, the line is fed, and the journal is written.

What the stream itself costs is not counted. Times are of this process's processor, in seconds.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import msgspec

from trialspec.events import decode
from trialspec.reports.journal import change_as_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.stream import Arrival
    from trialspec.alerts import Change
    from trialspec.monitor import Monitor

ROOT = Path(__file__).parent.parent
FOUNDING = ROOT / "protocols" / "rituximab-refractory-lupus-nephritis"

_BATCH = 500


@dataclass(slots=True)
class Cost:
    """What was done, and how long each part of it took."""

    events: int = 0
    changes: int = 0
    decoding: float = 0.0
    watching: float = 0.0
    journal: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it took in all."""
        return self.decoding + self.watching + self.journal

    @property
    def each(self) -> float:
        """How many seconds an event took."""
        return self.seconds / max(1, self.events)


def drive(monitor: Monitor, arrivals: Iterable[Arrival], *, at_most: float | None = None) -> Iterator[Cost]:
    """Feed the lines of a stream, some at a time, and give what it has cost so far after each time.

    It ends with the stream, or when so many seconds have been used.
    """
    cost, left = Cost(), iter(arrivals)
    size = 10
    while (batch := list(islice(left, size))) and (at_most is None or cost.seconds < at_most):
        start = process_time()
        records = [decode(arrival.line) for arrival in batch]
        decoded = process_time()
        written = 0.0
        for arrival, record in zip(batch, records, strict=True):
            changes = (*monitor.tick(arrival.at), *monitor.feed((record,)))
            if changes:
                before = process_time()
                journal(monitor, changes)
                written += process_time() - before
                cost.changes += len(changes)
        cost.events += len(batch)
        cost.decoding += decoded - start
        cost.watching += process_time() - decoded - written
        cost.journal += written
        yield cost
        size = min(_BATCH, 2 * size)


def journal(monitor: Monitor, changes: Iterable[Change]) -> bytes:
    """Write the lines of the journal."""
    lines = (change_as_data(change, monitor.timeline(change.episode.key.patient), historic=False) for change in changes)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def resident() -> int:
    """Give the bytes of memory that this process has at present (where the system does not say: had at most)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
