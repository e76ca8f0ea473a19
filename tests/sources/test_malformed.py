"""Broken records, each beside what must become of it: nothing stops the stream, nothing disappears."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sources.terms import NEW_YORK, VOCABULARY
from trialspec.events import Event, Record, Unreadable
from trialspec.patient import Item, Problem
from trialspec.quantity import ANY_WORD, ANYTHING
from trialspec.sources import cohort, read
from trialspec.timeline import timeline
from trialspec.times import When

MALFORMED = Path(__file__).parent.parent / "malformed"
FILES = ("events.ndjson", "events.csv")


@dataclass(frozen=True)
class Expected:
    file: str
    line: int
    reading: str
    patient: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def expected(file: str) -> list[Expected]:
    with (MALFORMED / f"{file}.expected.csv").open(encoding="utf-8", newline="") as rows:
        return [
            Expected(file, int(row["line"]), row["reading"], row["patient"], row["id"], row["reason"])
            for row in csv.DictReader(rows)
        ]


EVERY = [line for file in FILES for line in expected(file)]


def records(file: str) -> dict[int, Record]:
    return {int(record.origin.rpartition(":")[2]): record for record in read(MALFORMED / file)}


def outcome(file: str, line: Expected) -> tuple[Record, list[Item], list[Problem]]:
    """What becomes of one line while all the other lines of the file are there too."""
    everything = cohort(read(MALFORMED / file))
    record = records(file)[line.line]
    if record.patient is None:
        assert record in everything.nobody
        return record, [], []
    found = timeline(everything.patients[record.patient], record.patient, VOCABULARY, NEW_YORK, {})
    name = record.id if isinstance(record, Event) else record.name
    return (
        record,
        [item for item in found.items if item.id == name],
        [problem for problem in found.problems if problem.subject == name],
    )


def test_there_are_enough_of_them() -> None:
    counted = {reading: sum(line.reading == reading for line in EVERY) for reading in ("unreadable", "set_aside")}
    assert counted["unreadable"] >= 40
    assert counted["set_aside"] >= 30


@pytest.mark.parametrize("file", FILES)
def test_every_line_is_accounted_for(file: str) -> None:
    assert sorted(records(file)) == [line.line for line in expected(file)]
    assert len(list(read(MALFORMED / file))) == len(expected(file))


@pytest.mark.parametrize("file", FILES)
def test_what_is_unreadable_as_it_comes_is_counted(file: str) -> None:
    unreadable = [record for record in read(MALFORMED / file) if isinstance(record, Unreadable)]
    assert cohort(read(MALFORMED / file)).unreadable
    assert sorted(r.origin for r in cohort(read(MALFORMED / file)).unreadable) == sorted(r.origin for r in unreadable)


@pytest.mark.parametrize("line", EVERY, ids=str)
def test_a_record_comes_to_what_is_expected(line: Expected) -> None:
    record, items, problems = outcome(line.file, line)
    assert (record.patient or "") == line.patient
    assert (record.id or "") == line.id
    assert record.origin.endswith(f"{line.file}:{line.line}")
    match line.reading:
        case "good":
            assert len(items) == 1
            assert problems == []
        case "unreadable":
            assert items == []
            reasons = [problem.reason for problem in problems]
            if isinstance(record, Unreadable):
                assert line.reason in record.reason
                assert reasons == ([record.reason] if record.patient else [])
            else:
                assert [problem.problem for problem in problems] == ["unreadable"]
                assert line.reason in reasons[0]
        case "set_aside":
            assert isinstance(record, Event)
            assert [problem.problem for problem in problems] == ["set_aside"]
            assert line.reason in problems[0].reason
            assert problems[0].events == {record.id}
            assert problems[0].when is not None
            assert len(items) == 1
        case other:
            pytest.fail(f"`{other}` is not a reading")


@pytest.mark.parametrize("line", [line for line in EVERY if line.reading == "set_aside"], ids=str)
def test_what_is_set_aside_is_open_and_not_gone(line: Expected) -> None:
    """Something about the item may be anything: a value, a word, a date, or whether it is there at all."""
    _, (item,), _ = outcome(line.file, line)
    open_fields = [
        name for name, value in item.fields.items() if value in {ANYTHING, ANY_WORD} or isinstance(value, When)
    ]
    stretched = item.when != item.visible or (item.end is not None and not item.end.certain)
    # `available` that cannot be read is as good as not given: it only leaves open when the record was known.
    assert open_fields or stretched or not item.certain or "available" in line.reason or "skip" in line.reason


@pytest.mark.parametrize("line", EVERY, ids=str)
def test_what_is_said_is_one_sentence_for_people(line: Expected) -> None:
    record, _, problems = outcome(line.file, line)
    reasons = [problem.reason for problem in problems]
    if isinstance(record, Unreadable):
        reasons.append(record.reason)
    for reason in reasons:
        assert reason.isprintable()
        assert not reason.endswith(".")
        assert "Error" not in reason
        assert "None" not in reason
        assert len(reason) < 400
