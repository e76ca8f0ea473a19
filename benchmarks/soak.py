"""Whether memory stays flat while patients come and go: events by the million through one monitor with a state file.

`make soak` runs it. It prints the memory of the process at intervals, and at the end how the last third compares with
the first. It asserts nothing about time.
"""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.driving import FOUNDING, drive, resident, say
from benchmarks.stream import A_DAY, EVENTS_EACH, stream
from trialspec.evaluation import load
from trialspec.monitor import Monitor
from trialspec.store import StateFile

_MIB = 1024 * 1024
_KEPT = 5_000  # events, after which the state is kept
_FLAT = 1.1  # the last third may need this much more than the first


def main() -> None:
    """Feed, and print how much memory is taken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--keep", type=int, default=2_000, help="patients in hand; the others are put away")
    options.add_argument("--a-day", type=float, default=A_DAY, help="patients who begin each day")
    options.add_argument("--lines", type=int, default=30, help="how often memory is printed")
    asked = options.parse_args()
    say(f"{asked.events:,} events, {asked.a_day:g} patients begin each day, {asked.keep:,} kept in hand")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "soak.state"
        store = StateFile(path)
        seen = _soak(asked.events, Monitor(load(FOUNDING), 0, store=store, keep=asked.keep), store, asked)
        store.close()
        say(f"the state file: {path.stat().st_size / _MIB:,.0f} MiB")
    third = len(seen) // 3
    first, last = max(seen[: third or 1]), max(seen[-(third or 1) :])
    verdict = "flat" if last <= _FLAT * first else "not flat"
    say(f"most memory in the first third {first / _MIB:,.1f} MiB, in the last {last / _MIB:,.1f} MiB: {verdict}")


def _soak(events: int, monitor: Monitor, store: StateFile, asked: argparse.Namespace) -> list[int]:
    """Feed so many events; give the memory at equal intervals."""
    seen: list[int] = []
    every = max(1, events // asked.lines)
    start, kept = perf_counter(), 0
    for cost in drive(monitor, stream(events // EVENTS_EACH, a_day=asked.a_day)):
        if cost.events - kept >= _KEPT:
            monitor.save()
            store.commit()
            kept = cost.events
        if cost.events >= (len(seen) + 1) * every:
            gc.collect()
            seen.append(resident())
            elapsed, mib = perf_counter() - start, seen[-1] / _MIB
            say(f"{cost.events:12,} events {len(monitor.patients):10,} patients {mib:10,.1f} MiB {elapsed:8,.0f} s")
    return seen or [resident()]


if __name__ == "__main__":
    main()
