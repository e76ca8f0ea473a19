"""The test of `fuzz`: a monitor that is wrong on purpose breaks a law within the default budget, and is shown small."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from random import Random

import pytest

from tests.laws.monitor_mutants import MUTANTS, Law
from trialspec.evaluation import Protocol
from trialspec.testing import fuzz
from trialspec.testing.laws import BY_NAME
from trialspec.testing.protocols import written
from trialspec.testing.streams import Stream
from trialspec.testing.watching import told

pytestmark = pytest.mark.slow

NAMES: dict[Law, str] = {
    "reported": "watched-is-reported",
    "stopping": "stop-and-start",
    "order": "batches",
    "jump": "time-may-jump",
}
BEYOND = 6


# A generated protocol of three criteria, with two sites, a gate, two drugs, three visits and a response.
GENERATED = 102


@cache
def protocol() -> Protocol:
    return written(Random(GENERATED).randrange).load()


def state(of: Protocol, stream: Stream, chosen: tuple[int, ...]) -> list[object]:
    """What a report says of every patient in the end, of some of the records."""
    records = [stream.records[index] for index in chosen]
    known = {each.patient for each in records}
    at = stream.steps[-1].at
    return [told(of.report(records, name, at=at).alerts) if name in known else [] for name in stream.patients]


def is_small(of: Protocol, stream: Stream) -> bool:
    """Whether no more than six records are beyond the fewest of them that lead to the same alerts."""
    every = tuple(range(len(stream.records)))
    wanted = state(of, stream, every)
    few = (chosen for size in range(len(every) - BEYOND) for chosen in combinations(every, size))
    return all(state(of, stream, chosen) != wanted for chosen in few)


# One of each sort: the program, what comes in, the alerts, the journal.
QUICK = (
    "the first instant of a window is left out",
    "a correction is lost",
    "what happened is resolved",
)


@pytest.mark.parametrize("mistake", QUICK, ids=lambda mistake: mistake.replace(" ", "-"))
def test_fuzz_finds_a_mistake_and_shows_it_small(mistake: str) -> None:
    mutant = next(each for each in MUTANTS if each.mistake == mistake)
    of = protocol()
    assert len(of.program.criteria) <= 5
    (outcome,) = fuzz(of, [BY_NAME[NAMES[mutant.laws[0]]]], make=mutant.make)
    assert outcome.broken is not None
    assert is_small(of, outcome.broken.stream)
