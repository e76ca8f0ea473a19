"""What measures speed measures the right thing; how fast it is, no test says."""

from pathlib import Path

from benchmarks.documented_rules import Fact, expected
from benchmarks.driving import FOUNDING, drive
from benchmarks.stages import STAGES, looking
from benchmarks.stream import stream
from trialspec import __file__ as package
from trialspec.evaluation import load
from trialspec.events import decode
from trialspec.monitor import Monitor


def test_each_stage_is_a_module_that_is_there() -> None:
    for beginning in STAGES:
        assert (Path(package).parent / beginning).exists()


def test_time_is_seen_where_it_is_spent() -> None:
    line = next(stream(1)).line
    with looking() as counts:
        while counts["decode"] < 20:
            decode(line)
    assert set(counts) <= {"decode", "elsewhere"}


def test_every_line_is_fed() -> None:
    monitor = Monitor(load(FOUNDING), 0)
    costs = list(drive(monitor, stream(2)))
    assert costs[-1].events == sum(1 for _ in stream(2))
    assert costs[-1].changes >= sum(len(monitor.state(name)) for name in monitor.patients) > 0
    assert monitor.patients == ("patient-0000000", "patient-0000001")


def test_without_time_nothing_is_fed() -> None:
    assert list(drive(Monitor(load(FOUNDING), 0), stream(2), at_most=0)) == []


def test_the_ten_questions_are_asked_of_the_last_revision() -> None:
    dose: Fact = {"sid": "a", "id": "d", "kind": "administration", "drug": "cyclophosphamide", "t": 1_000_000}
    count: Fact = {"sid": "a", "id": "n", "kind": "observation", "measure": "neutrophils", "unit": "/uL", "t": 999_000}
    consent: Fact = {"sid": "a", "id": "c", "kind": "milestone", "milestone": "consent", "t": 0}
    given = [consent, {**dose, "amount": 500}, {**dose, "amount": 750}]
    assert expected(given) == {("a", "no clearance", "d")}
    assert expected([*given, {**count, "value": 1.6}]) == set()
    assert expected([{**dose, "amount": 750}, {**count, "value": 1.6}]) == {("a", "no consent", "d")}
