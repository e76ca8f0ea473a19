"""How long `check` takes to prove a protocol, from 10 to 200 criteria: `python -m benchmarks.proofs`."""

from __future__ import annotations

import time
from pathlib import Path

from trialspec.compile import compile_protocol
from trialspec.document import read
from trialspec.evaluation import Protocol
from trialspec.load import load_written
from trialspec.proofs import prove

_HEAD = """\
language: 1
protocol: many
title: Many criteria
version: 1.0.0
zone: UTC
use: [rules/deviations]
silence_means_no: {condition: screened}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
"""


def written(number: int) -> str:
    """Write a protocol of so many criteria: one in two a count, the others values in windows, runs and conditions."""
    measures, concepts, include, exclude = [], [], [], []
    for index in range(number):
        name = f"m{index // 2}"
        if index % 2 == 0:
            measures.append(
                f"  {name}: {{unit: g/L, resolution: 1 g/L, possible: {{at_least: 0 g/L, at_most: 99 g/L}}}}"
            )
            concepts.append(f"  c{index // 2}: {{kind: condition}}")
            include.append(
                f"    I{index}: {{latest: {name}, from: 28 d before screened, at_least: {index % 7 + 5} g/L}}"
            )
        elif index % 4 == 1:
            exclude.append(f"    E{index}: {{has: c{index // 2}, from: {index} d before screened}}")
        else:
            row = f"{{sustained: {name}, at_least: 80 g/L, for: 14 d, gap_at_most: 60 d}}"
            exclude.append(f"    E{index}: {{any: [{row}, {{greatest: {name}, above: 90 g/L}}]}}")
    parts = ["measures:", *measures, "concepts:", *concepts, "eligibility:", "  include:", *include]
    return "\n".join([_HEAD.rstrip(), *parts, "  exclude:", *exclude, ""])


def proved(number: int) -> tuple[float, int]:
    """Prove a protocol of so many criteria; give the seconds of work and how many questions were asked."""
    node, _ = read(written(number), "many.yaml")
    assert node is not None
    compiled = compile_protocol(load_written(node, Path("many.yaml")))
    protocol = Protocol(compiled.program, compiled.rulebook)
    start = time.process_time()
    report = prove(protocol)
    return time.process_time() - start, len(report.questions)


def main() -> None:
    """Print one line for each size."""
    print("criteria  questions  seconds of work")  # noqa: T201 - it is printed to be read
    for number in (10, 20, 50, 100, 200):
        seconds, questions = proved(number)
        print(f"{number:8}  {questions:9}  {seconds:15.1f}", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main()
