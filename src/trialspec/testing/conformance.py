"""Conformance: what any engine that runs these protocols must say, as a suite to run or as files of JSON.

A suite is made of a protocol alone: patients on both sides of every limit, one for each answer and each departure, and
streams whose records are late, corrected and taken back. The expected alerts are the reference's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialspec.diagnostics import Diagnostic, ProtocolError
from trialspec.evaluation import Protocol
from trialspec.testing.borders import borders
from trialspec.testing.draft import Raw
from trialspec.testing.drawing import Drawn
from trialspec.testing.made import Patient
from trialspec.testing.making import make
from trialspec.testing.searching import UnreachableError
from trialspec.testing.streams import Stream, stream
from trialspec.testing.systems import Reference, System, shown
from trialspec.testing.wishes import DEPARTURES, Wish, categories, slots
from trialspec.times import DAY, Zone, parse_time

STREAMS = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What a system is told at one instant, and the alerts that each patient is to have then."""

    at: int
    records: tuple[Raw, ...]
    alerts: Mapping[str, tuple[str, ...]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a suite: what it shows, and what a system is told step by step."""

    name: str
    begins: int
    steps: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an engine says something else: in which example and step, of which patient."""

    example: str
    step: int
    patient: str
    lost: tuple[str, ...]
    invented: tuple[str, ...]

    def __str__(self) -> str:
        """Tell it in a line."""
        told = [f"{', '.join(self.lost)} is not raised"] if self.lost else []
        told += [f"{', '.join(self.invented)} is raised"] if self.invented else []
        return f"{self.example}, step {self.step}, {self.patient}: {'; '.join(told)}"


def suite(protocol: Protocol, streams: int = STREAMS) -> Iterator[Example]:
    """Give the examples of a protocol, the same each time."""
    for number, pair in enumerate(borders(protocol), 1):
        for side, patient in (("one", pair.one), ("other", pair.other)):
            yield _of_patient(f"border-{number:03}-{side}", protocol, patient)
    for name, wish in _wishes(protocol):
        try:
            patient = make(protocol, wish, lambda _: 0)
        except UnreachableError:
            continue
        yield _of_patient(name, protocol, patient)
    for number in range(1, streams + 1):
        drawn = stream(Drawn(f"conformance {number}"), protocol)
        yield _of_stream(f"stream-{number:03}", protocol, drawn)


def _wishes(protocol: Protocol) -> Iterator[tuple[str, Wish]]:
    yield "eligible", Wish()
    for each in protocol.program.criteria:
        yield f"fails-{each.name}", Wish(failing=each.name)
        yield f"open-{each.name}", Wish(eligible=None, undetermined_by=each.name)
    for slot in slots(protocol.program):
        for word in DEPARTURES:
            yield f"{slot.replace('#', '-')}-{word}", Wish(departing={slot: word})
    for where, words in categories(protocol.program).items():
        for word in words:
            yield f"{where.replace('@', '-')}-{word}", Wish(response={where: word})


def _of_patient(name: str, protocol: Protocol, patient: Patient) -> Example:
    begins = protocol.program.zone.start_of(protocol.program.zone.date_of(patient.at)) - 4_000 * DAY
    steps = [(patient.at, patient.raws), (patient.at + 60 * DAY, ())]
    return _expected(name, protocol, begins, steps, (patient.name,))


def _of_stream(name: str, protocol: Protocol, drawn: Stream) -> Example:
    steps = [(step.at, step.raws) for step in drawn.steps]
    return _expected(name, protocol, steps[0][0] - 5, steps, drawn.patients)


def _expected(
    name: str, protocol: Protocol, begins: int, steps: Sequence[tuple[int, Sequence[Raw]]], patients: Iterable[str]
) -> Example:
    reference = Reference(protocol)
    reference.begin(begins)
    told = []
    for at, raws in steps:
        reference.tick(at)
        reference.feed(raws)
        alerts = {patient: tuple(sorted(reference.alerts(patient))) for patient in patients}
        told.append(Told(at, tuple(raws), alerts))
    return Example(name, begins, tuple(told))


def run_conformance(engine: System, examples: Iterable[Example]) -> Iterator[Difference]:
    """Tell an engine what each example tells, and give where it says something else."""
    for example in examples:
        engine.begin(example.begins)
        for number, step in enumerate(example.steps, 1):
            engine.tick(step.at)
            if step.records:
                engine.feed(step.records)
            for patient, expected in step.alerts.items():
                said = engine.alerts(patient)
                if said != set(expected):
                    lost, invented = sorted(set(expected) - said), sorted(said - set(expected))
                    yield Difference(example.name, number, patient, tuple(lost), tuple(invented))


def write_conformance(protocol: Protocol, frozen: str, folder: Path, streams: int = STREAMS) -> int:
    """Write a suite as files of JSON, one an example, beside the protocol with all that it uses; give their number."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "protocol.yaml").write_text(frozen, encoding="utf-8")
    examples = tuple(suite(protocol, streams))
    for example in examples:
        plain = {
            "example": example.name,
            "protocol": protocol.program.name,
            "digest": protocol.digest,
            "begins": shown(example.begins),
            "steps": [
                {
                    "at": shown(step.at),
                    "records": [dict(raw) for raw in step.records],
                    "alerts": {name: [*alerts] for name, alerts in step.alerts.items()},
                }
                for step in example.steps
            ],
        }
        text = json.dumps(plain, indent=1, ensure_ascii=False)
        (folder / f"{example.name}.json").write_text(f"{text}\n", encoding="utf-8")
    return len(examples)


def read_conformance(folder: Path) -> Iterator[Example]:
    """Read a suite from its files; raises `ProtocolError` for one that is none of them."""
    for file in sorted(folder.glob("*.json")):
        try:
            yield _example(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            advice = "write the directory anew with `trialspec conformance PROTOCOL --to DIR`"
            told = f"`{file}` is no example of a conformance suite"
            raise ProtocolError([Diagnostic("bad-value", told, None, help=advice)]) from error


def _example(plain: Mapping[str, Any]) -> Example:
    steps = tuple(
        Told(
            _instant(step["at"]),
            tuple(step["records"]),
            {name: tuple(alerts) for name, alerts in step["alerts"].items()},
        )
        for step in plain["steps"]
    )
    return Example(plain["example"], _instant(plain["begins"]), steps)


def _instant(text: str) -> int:
    when = parse_time(text, Zone("UTC"))
    if when is None or len(when.instants) != 1:
        raise ValueError(f"`{text}` is no instant")
    return when.instants[0]
