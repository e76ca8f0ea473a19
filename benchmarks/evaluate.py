"""What each stage of an evaluation costs, as ratios to a baseline measured in the same run.

`make bench` prints it. The baseline is msgspec decoding the same lines to plain objects: what any reader must do.
Absolute times drift on a shared machine; read the ratios.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

import msgspec

from trialspec import evaluation, findings
from trialspec.events import decode
from trialspec.interpreters.reading import Question
from trialspec.rulebook import plain
from trialspec.timeline import timeline
from trialspec.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
PROTOCOL = ROOT / "protocols" / "rituximab-refractory-lupus-nephritis"
ROUNDS = 5


def timed(work: Callable[[], object]) -> float:
    """The median of several runs, in seconds of processor time."""
    taken = []
    for _ in range(ROUNDS):
        start = process_time()
        work()
        taken.append(process_time() - start)
    return median(taken)


def main() -> None:
    """Print one line a stage: what, microseconds an event, ratio to bare decoding."""
    protocol = evaluation.load(PROTOCOL)
    program = protocol.program
    lines = {path.stem: path.read_bytes().splitlines() for path in sorted((PROTOCOL / "streams").glob("*.ndjson"))}
    count = sum(map(len, lines.values()))
    records = {name: [decode(line) for line in each] for name, each in lines.items()}
    when = parse_time("2006-06-01", program.zone)
    assert when is not None
    at = when.span(program.zone)[1]
    bare = msgspec.json.Decoder()

    def each_line(work: Callable[[bytes], object]) -> Callable[[], object]:
        return lambda: [work(line) for many in lines.values() for line in many]

    def timelines() -> dict[str, object]:
        return {
            name: timeline(each, name, program.vocabulary, program.zone, program.sites)
            for name, each in records.items()
        }

    made = {
        name: timeline(each, name, program.vocabulary, program.zone, program.sites) for name, each in records.items()
    }
    found = [finding for each in made.values() for finding in findings.evaluate(program, Question(each, at))]
    stages: list[tuple[str, Callable[[], object]]] = [
        ("decode: bare msgspec (the baseline)", each_line(bare.decode)),
        ("decode: events", each_line(decode)),
        ("timelines, from events", timelines),
        (
            "all findings at one instant",
            lambda: [findings.evaluate(program, Question(each, at)) for each in made.values()],
        ),
        ("rules: plain table", lambda: [plain.matching(protocol.rulebook, f.subject, f.fields) for f in found]),
        ("rules: both evaluators, remembered", lambda: [protocol.decider.matching(f.subject, f.fields) for f in found]),
        (
            "the whole report, with every episode",
            lambda: [protocol.report(each, name, at=at) for name, each in records.items()],
        ),
    ]
    base = timed(stages[0][1])
    sys.stdout.write(f"{count} events of {len(lines)} patients, founding protocol, reference evaluator\n")
    for name, work in stages:
        taken = timed(work)
        sys.stdout.write(f"{name:42}{1e6 * taken / count:12.1f} us/event{taken / base:12.1f} x\n")
    start = process_time()
    evaluation.load(PROTOCOL)
    sys.stdout.write(f"{'load and compile the protocol':42}{1e3 * (process_time() - start):12.1f} ms\n")


if __name__ == "__main__":
    main()
