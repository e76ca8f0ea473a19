"""The live monitor under the founding protocol: what an event costs with alerts, and how that grows.

`make bench` prints it in one run: events a second and where their time goes, ratios to bare decoding, to the reference
evaluator and to durable_rules used the documented way, memory a patient, growth with the number of patients, and
latency. A first look says how fast this machine is. What would take longer than `--minutes` in all is cut down to fewer
events, and each time that is said. Times are of the processor, of one process; only latency is by the clock.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from itertools import chain, islice
from statistics import mean
from time import process_time
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks import latency, stages
from benchmarks.driving import FOUNDING, ROOT, Cost, drive, say
from benchmarks.stream import A_DAY, EVENTS_EACH, Arrival, patient, stream
from trialspec.evaluation import load
from trialspec.events import decode
from trialspec.monitor import Monitor
from trialspec.packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.evaluation import Protocol

_LOOK = 3.0  # seconds of the first look
_SAMPLE = 10.0  # seconds for what is measured on a sample
_LIMIT = 60  # seconds for durable_rules


@dataclass(slots=True)
class _Budget:
    """How much time there is, and how long an event takes: to be watched (`each`), and to be made up before."""

    seconds: float
    each: float
    made: float

    def needed(self, events: int) -> float:
        """Give how many seconds so many events take."""
        return events * (self.each + self.made)

    def patients(self, wanted: int, share: float) -> int:
        """Give how many patients fit into a share of the time; say so if that is fewer than wanted."""
        events = wanted * EVENTS_EACH
        fit = int(share * self.seconds / self.needed(EVENTS_EACH))
        if fit >= wanted:
            return wanted
        fit, minutes = max(20, fit), self.needed(events) / 60
        say(
            f"cut down: {events:,} events of {wanted:,} patients would take about {minutes:,.0f} minutes at the"
            f" {1e6 * self.each:,.0f} us an event seen first; {fit * EVENTS_EACH:,} of {fit:,} are run"
        )
        return fit


def main() -> None:
    """Print everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=50_000, help=f"with about {EVENTS_EACH} events each")
    options.add_argument("--largest", type=int, default=1_000_000, help="patients, up to which growth is measured")
    options.add_argument("--keep", type=int, default=10_000, help="patients in hand; the others are put away")
    options.add_argument("--minutes", type=float, default=6, help="which throughput and growth may take together")
    options.add_argument("--pace", type=float, default=5000, help="lines a second, at which latency is measured")
    asked = options.parse_args()
    protocol = load(FOUNDING)
    say("the live monitor, founding protocol, one process")
    say()
    # So few begin each day that they go through their course within the first look.
    look = _last(drive(Monitor(protocol, 0), stream(10**6, a_day=0.5), at_most=_LOOK))
    budget = _Budget(60 * asked.minutes, look.each, _made())
    cost = _throughput(protocol, budget, asked.patients, asked.keep)
    _where(protocol)
    _ratios(protocol, cost)
    _woken(protocol)
    _memory(protocol, cost.each)
    _growth(budget, asked.largest, asked.keep)
    _durable()
    say()
    say("latency, through `trialspec watch --from - --to -` in a process of its own, over pipes")
    latency.main(asked.pace)


def _made() -> float:
    """Give how many seconds it takes to make up an event."""
    start = process_time()
    events = sum(1 for _ in islice(stream(10**6), 10_000))
    return (process_time() - start) / events


def _last(costs: Iterator[Cost]) -> Cost:
    found = Cost()
    for cost in costs:
        found = cost
    return found


def _row(name: str, each: float, of: float, note: str = "") -> None:
    say(f"  {name:44}{1e6 * each:12,.1f} us/event{each / of:10,.2f} x{note}")


# --- throughput -------------------------------------------------------------------------------------------------------


def _throughput(protocol: Protocol, budget: _Budget, patients: int, keep: int) -> Cost:
    """Run the whole stream, and say what an event cost."""
    patients = budget.patients(patients, 0.5)
    cost = _last(drive(Monitor(protocol, 0, keep=keep), stream(patients), at_most=budget.seconds))
    budget.each = cost.each
    events = max(1, cost.events)
    say(f"{cost.events:,} events of {patients:,} patients, {A_DAY} of whom begin each day, journal included")
    if cost.events < 0.9 * patients * EVENTS_EACH:
        say("  the time was up before the stream ended")
    say(f"  {1 / cost.each:,.0f} events/s, {1e6 * cost.each:,.1f} us/event, {cost.changes / events:.2f} changes/event")
    for name, seconds in (
        ("decode", cost.decoding),
        ("tick and feed", cost.watching),
        ("journal lines", cost.journal),
    ):
        say(f"    {name:20}{1e6 * seconds / events:12,.1f} us/event{100 * seconds / cost.seconds:8.1f} %")
    return cost


def _where(protocol: Protocol) -> None:
    """Say where the time goes, by looking."""
    with stages.looking() as counts:
        cost = _last(drive(Monitor(protocol, 0), stream(10**6, seed=2, a_day=0.5), at_most=_SAMPLE))
    # What the stream costs is elsewhere, and so is the garbage collector.
    inside = sum(number for stage, number in counts.items() if stage != stages.ELSEWHERE)
    say()
    say(f"where its time goes, by {inside:,} looks at the first {cost.events:,} events of another stream")
    for stage in dict.fromkeys(stages.STAGES.values()):
        say(f"  {stage:44}{100 * counts[stage] / max(1, inside):8.1f} %")


# --- ratios -----------------------------------------------------------------------------------------------------------


def _ratios(protocol: Protocol, cost: Cost) -> None:
    """Compare with bare decoding, and with the reference evaluator after each event."""
    lines = [arrival.line for arrival in islice(stream(10**6), 20_000)]
    bare = msgspec.json.Decoder()
    start = process_time()
    for line in lines:
        bare.decode(line)
    decoding = (process_time() - start) / len(lines)
    reference, sample = _reference(protocol)
    say()
    say("compared with the live monitor, an event")
    _row("the live monitor, journal included", cost.each, cost.each)
    _row("bare msgspec decoding of the same lines", decoding, cost.each, f"   (live is {cost.each / decoding:,.0f} x)")
    _row(f"the reference evaluator ({sample} events)", reference, cost.each)


def _reference(protocol: Protocol) -> tuple[float, int]:
    """Read everything again after each event, for a few patients."""
    events, start, number = 0, process_time(), 0
    while process_time() - start < _SAMPLE:
        known = []
        for arrival in _one(number):
            known.append(decode(arrival.line))
            protocol.report(known, known[0].patient or "", at=arrival.at)
            events += 1
        number += 1
    return (process_time() - start) / events, events


def _one(number: int) -> list[Arrival]:
    """Give one patient's lines in the order of their arrival."""
    return sorted(patient(number, _BEGINNING))


_BEGINNING = 731_000  # any date


def _woken(protocol: Protocol) -> None:
    """Say how often a patient's findings are read because time has passed, on patients watched one by one."""
    events = wakes = idle = number = 0
    start = process_time()
    while process_time() - start < _SAMPLE:
        monitor = Monitor(protocol, 0)
        for arrival in _one(number):
            while (due := monitor.due) is not None and due <= arrival.at:
                wakes += 1
                idle += not monitor.tick(due)
            monitor.tick(arrival.at)
            monitor.feed((decode(arrival.line),))
            events += 1
        number += 1
    say()
    say(f"woken by time, on {number} patients watched one by one up to their last event")
    say(f"  {wakes / events:.2f} wake-ups/event, of which {100 * idle / max(1, wakes):.0f} % changed no alert")


# --- memory -----------------------------------------------------------------------------------------------------------


def _memory(protocol: Protocol, each: float) -> None:
    """Say what a patient of twenty events takes, packed and in hand."""
    number = max(5, min(500, int(_SAMPLE / (each * EVENTS_EACH * 3))))
    chosen = list(islice(_of_twenty(), 2 * number))
    packs = [len(pack([decode(arrival.line) for arrival in arrivals])) for arrivals in chosen]
    monitor = Monitor(protocol, 0, keep=10**9)
    in_hand = 0.0
    for half in (chosen[:number], chosen[number:]):  # the first fills what is remembered for all
        gc.collect()
        tracemalloc.start()
        for arrival in sorted(chain.from_iterable(half)):
            monitor.tick(arrival.at)
            monitor.feed((decode(arrival.line),))
        gc.collect()
        in_hand = tracemalloc.get_traced_memory()[0] / number
        tracemalloc.stop()
    say()
    say(f"memory of a patient with {EVENTS_EACH} events")
    say(f"  packed (mean and most of {len(packs)}): {mean(packs):,.0f} bytes, {max(packs):,} bytes")
    say(f"  in hand (the mean of {number}, traced): {in_hand:,.0f} bytes")


def _of_twenty() -> Iterator[list[Arrival]]:
    for number in range(10**6):
        arrivals = _one(number)
        if len(arrivals) == EVENTS_EACH:
            yield arrivals


# --- growth -----------------------------------------------------------------------------------------------------------


def _growth(budget: _Budget, largest: int, keep: int) -> None:
    """Run streams of more and more patients, each in a process of its own, as far as there is time."""
    say()
    say(f"growth: all begin within 1,250 days, {keep:,} are in hand at most")
    left, first = 0.5 * budget.seconds, 0.0
    size = min(1000, largest)
    while True:
        needed = budget.needed(size * EVENTS_EACH)
        if needed > left and first:
            say(f"  {size:,} patients would take about {needed / 60:,.0f} minutes, and {left / 60:,.1f} are left")
            return
        found = _run(
            "growth",
            ["--patients", str(size), "--keep", str(keep), "--at-most", str(max(left, 10))],
            limit=10 * left + 60,
        )
        if "us" not in found:
            say(f"  {size:,} patients: {found['failed']}")
            return
        first = first or found["us"]
        budget.each = found["us"] / 1e6
        whole = "" if found["ended"] else f"   (the first {found['events']:,} events; the time was up)"
        growth = f"{100 * (found['us'] / first - 1):+.0f} %"
        say(
            f"  {size:11,} patients{found['us']:12,.1f} us/event{growth:>8}{found['bytes']:12,.0f} bytes/patient{whole}"
        )
        left -= budget.needed(found["events"])
        if size >= largest or not found["ended"]:
            return
        size = min(10 * size, largest)


# --- durable_rules ----------------------------------------------------------------------------------------------------


def _durable() -> None:
    """Put ten questions to durable_rules as its documentation shows, in processes that may crash."""
    say()
    say("ten questions put to durable_rules as its documentation shows, 500 patients, in a process of its own")
    for by in ("assert_fact", "post"):
        found = _run("documented_rules", ["--patients", "500", "--by", by], limit=_LIMIT)
        if "done" not in found:
            say(f"  {by:12} {found['failed']}")
            continue
        told = f"  {by:12}{1e6 * found['seconds'] / found['done']:8,.1f} us/event, {found['refused']} refused as known"
        if "right" in found:
            say(f"{told}; alerts: {found['right']} right, {found['lost']} lost, {found['false']} false")
        else:
            say(f"{told}; {found['failed']} after {found['done']:,} of {found['of']:,} events")


def _run(module: str, arguments: list[str], limit: float) -> dict[str, Any]:
    """Run a module of ours; give the last line of JSON it printed, and how it failed if it did."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=limit, check=False)
        printed, failed = done.stdout, "" if not done.returncode else _ended(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as late:
        printed, failed = late.stdout or b"", f"stopped after {limit:.0f} s"
    lines = [line for line in printed.splitlines() if line.endswith(b"}")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return {**found, "failed": failed or "it printed nothing"}


def _ended(code: int, errors: bytes) -> str:
    last = (errors.decode("utf-8", "replace").splitlines() or [""])[-1]
    return f"crashed with signal {-code}" if code < 0 else f"ended with exit code {code} ({last})"


if __name__ == "__main__":
    main()
