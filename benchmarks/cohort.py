"""Whether the live monitor says of a simulated cohort what was decided of it: every patient, and its memory.

`make cohort` runs it. It ends with 1 if anybody differs. `--first` goes on where another run ended: the patients of a
number are the same in whatever pieces.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import process_time

from benchmarks.driving import FOUNDING, resident, say
from trialspec.evaluation import load
from trialspec.monitor import Monitor
from trialspec.testing.moulds import RECRUITING
from trialspec.testing.recipes import read_recipe
from trialspec.testing.simulating import Cohort
from trialspec.times import DAY, EPOCH

_MIB = 1024 * 1024
_RECIPE = Path(__file__).parents[1] / "examples" / "recipe.yaml"
# A monitor is told so many patients, at an instant at which all that was decided of them has long happened.
_EACH = 500
_AT = (RECRUITING - EPOCH + 5_000) * DAY


def main() -> None:
    """Make patients, tell the monitor of each, and print who differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--protocol", type=Path, default=FOUNDING)
    options.add_argument("--recipe", type=Path, default=_RECIPE)
    options.add_argument("--patients", type=int, default=100_000)
    options.add_argument("--first", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--reference", type=int, default=100, help="every so many, the reference is asked as well")
    asked = options.parse_args()
    protocol = load(asked.protocol)
    cohort = Cohort(protocol, read_recipe(asked.recipe))
    making = watching = 0.0
    differing = claims = 0
    last = asked.first + asked.patients - 1
    for index in range(asked.first, last + 1):
        if (index - asked.first) % _EACH == 0:
            monitor = Monitor(protocol, _AT)
        start = process_time()
        made = cohort.patient(index, asked.seed)
        records = made.patient.records
        making += process_time() - start
        start = process_time()
        monitor.feed(records)
        wrong = [*made.unlike(monitor.state(made.patient.name)), *monitor.misread]
        watching += process_time() - start
        if index % asked.reference == 0:
            wrong += made.differences()
        claims += len(made.alerts)
        if wrong:
            differing += 1
            say(f"{made.patient.name} {dict(made.decided)}: {'; '.join(wrong)}")
        done = index - asked.first + 1
        if index % 1000 == 0 or index == last:
            each = f"{1000 * making / done:.1f} ms made, {1000 * watching / done:.1f} ms watched"
            say(f"{index:,}: {differing} differ, {claims:,} alerts expected, {each}, {resident() / _MIB:,.0f} MiB")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
