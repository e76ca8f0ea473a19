"""What an event costs, and what a patient takes of memory, with so many patients: printed as one line of JSON.

It runs as a process of its own, so that what another run left behind is not counted. The patients begin within a given
time, however many they are: twice as many patients are twice as many under way.
"""

from __future__ import annotations

import argparse
import gc
import json

from benchmarks.driving import FOUNDING, Cost, drive, resident, say
from benchmarks.stream import stream
from trialspec.evaluation import load
from trialspec.monitor import Monitor


def main() -> None:
    """Run a whole stream; print what it cost."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=1000)
    options.add_argument("--days", type=int, default=1250, help="within which all patients begin")
    options.add_argument("--keep", type=int, default=10_000)
    options.add_argument("--at-most", type=float, help="seconds, after which it gives up")
    asked = options.parse_args()
    protocol = load(FOUNDING)
    arrivals = stream(asked.patients, a_day=asked.patients / asked.days)
    monitor, cost = Monitor(protocol, 0, keep=asked.keep), Cost()
    before = resident()
    for now in drive(monitor, arrivals, at_most=asked.at_most):
        cost = now
    ended = next(iter(arrivals), None) is None
    gc.collect()
    each = (resident() - before) / max(1, len(monitor.patients))
    say(json.dumps({"events": cost.events, "us": 1e6 * cost.each, "bytes": each, "ended": ended}))


if __name__ == "__main__":
    main()
