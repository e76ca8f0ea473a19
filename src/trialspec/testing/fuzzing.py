"""The laws on any protocol: each on many watches, and where one is broken a small watch that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from trialspec.evaluation import Protocol
from trialspec.testing.draft import PATIENT
from trialspec.testing.drawing import Drawn
from trialspec.testing.generated.choices import Choose
from trialspec.testing.laws import LAWS, Law, watch, watch_of_any
from trialspec.testing.made import Patient, alerts_of, case_of, record, timeline_text
from trialspec.testing.shrinking import replaying, smaller
from trialspec.testing.strategies import drawn
from trialspec.testing.streams import Stream, stream
from trialspec.testing.systems import NoAnswerError, Reference, System
from trialspec.testing.watching import Make, Watch, watching

EXAMPLES = 20


def streams(protocol: Protocol, patients: int | None = None, most: int = 4) -> SearchStrategy[Stream]:
    """Draw streams: records of one or several patients, in the order in which they come in.

    With late, repeated, corrected, retracted and contradicting ones, in batches, and with instants at which to halt.
    """
    return drawn(stream, protocol, patients, most)


def watches(protocol: Protocol | None = None, most: int = 4, *, make: Make = watching) -> SearchStrategy[Watch]:
    """Draw watches: streams, and how many patients are kept in hand; of generated protocols, where none is given.

    `make` begins the monitor that watches: a `Monitor` of your own is held to the laws like the engine's.
    """
    if protocol is None:
        return drawn(watch_of_any, make)
    return drawn(watch, protocol, most, make=make)


@dataclass(frozen=True, slots=True)
class Broken:
    """How a law is broken: what differs, and the smallest stream that was found to show it."""

    why: str
    watch: Watch = field(repr=False)

    @property
    def stream(self) -> Stream:
        """What came in."""
        return self.watch.stream

    @property
    def ndjson(self) -> str:
        """The records as the lines of an NDJSON file, in the order in which they come."""
        return self.stream.ndjson

    @property
    def case(self) -> str:
        """A case of the first patient's records, with the alerts that the reference gives."""
        patient, at = self.stream.patients[0], self.stream.steps[-1].at
        mine = [raw for raw in self.stream.raws if raw["patient"] == patient]
        protocol = self.watch.protocol
        report = protocol.report([record({**raw, "patient": PATIENT}) for raw in mine], PATIENT, at=at)
        title = "found by trialspec fuzz"
        return case_of(mine, at, protocol.program.zone, title, why=self.why.splitlines()[0], alerts=alerts_of(report))

    @property
    def told(self) -> str:
        """What happened, as text."""
        return timeline_text(self.stream.raws)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a law: how many watches it was held to, and how it is broken, if it is."""

    law: Law
    examples: int
    broken: Broken | None = None


def fuzz(
    protocol: Protocol,
    laws: Sequence[Law] = LAWS,
    *,
    examples: int = EXAMPLES,
    number: int = 0,
    step: Callable[[], None] = lambda: None,
    make: Make = watching,
) -> Iterator[Outcome]:
    """Hold a protocol to laws, one after the other, each on the same watches.

    `number` is the seed: the same one draws the same watches, on every machine. `make` begins the monitor that is held
    to the laws: the engine's, or one of your own.
    """
    drawn_ = _Drawings(protocol, number, make)
    for law in laws:
        yield _first_broken(law, (drawn_(index) for index in range(examples)), step)


class _Drawings:
    """Watches by number, each drawn once: what a report says of one is remembered from law to law."""

    def __init__(self, protocol: Protocol, number: int, make: Make) -> None:
        self._protocol, self._number, self._make = protocol, number, make
        self._drawn: dict[int, Watch] = {}

    def __call__(self, index: int) -> tuple[Watch, Choose]:
        """Give a watch, and who makes the choices of a law that is held on it."""
        name = f"fuzz {self._number} {index}"
        if index not in self._drawn:
            self._drawn[index] = watch(Drawn(name), self._protocol, make=self._make)
        return self._drawn[index], Drawn(f"{name} law")


def _first_broken(law: Law, watched: Iterable[tuple[Watch, Choose]], step: Callable[[], None]) -> Outcome:
    seen = 0
    for watch_, choose in watched:
        seen += 1
        step()
        choices: list[int] = []
        why = _why(law, watch_, _noting(choose, choices))
        if why is not None:
            return Outcome(law, seen, _small(law, watch_, why, choices))
    return Outcome(law, seen)


def _noting(choose: Choose, choices: list[int]) -> Choose:
    def noted(below: int) -> int:
        choices.append(choose(below))
        return choices[-1]

    return noted


def _small(law: Law, watch_: Watch, why: str, choices: Sequence[int]) -> Broken:
    small, said = smaller(watch_, lambda way: _why(law, way, replaying(choices)), why)
    return Broken(said, small)


def held(
    law: Law,
    watched: SearchStrategy[Watch],
    *,
    examples: int = EXAMPLES,
    number: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Outcome:
    """Hold a law on watches of your own; of one that breaks it a small one is told (`trialspec.testing.shrinking`)."""
    seen = 0
    found: list[tuple[Watch, str, list[int]]] = []

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(watched, st.data())
    def holds(watch_: Watch, data: DataObject) -> None:
        nonlocal seen
        if found:
            return
        seen += 1
        step()
        choices: list[int] = []
        why = _why(law, watch_, _noting(lambda below: data.draw(st.integers(0, below - 1)), choices))
        if why is not None:
            found.append((watch_, why, choices))

    holds()
    if not found:
        return Outcome(law, seen)
    return Outcome(law, seen, _small(law, *found[0]))


def _why(law: Law, watch_: Watch, choose: Choose) -> str | None:
    """Say why a watch breaks a law; whatever is raised breaks it."""
    try:
        law.holds(watch_, choose)
    except NoAnswerError:
        raise
    except Exception as error:  # noqa: BLE001 - an engine that fails breaks every law
        return str(error) or type(error).__name__
    return None


# --- somebody else's system -------------------------------------------------------------------------------------------


def agreement(system: System, rules: Sequence[str] = ()) -> Law:
    """Make the law that a system gives the alerts that the reference gives; of some rules only, by how they begin."""

    def agrees(watch_: Watch, choose: Callable[[int], int]) -> None:  # noqa: ARG001 - every law takes who chooses
        reference = Reference(watch_.protocol)
        for each in (system, reference):
            each.begin(watch_.begins)
        for step in watch_.stream.steps:
            for each in (system, reference):
                each.tick(step.at)
                if step.raws:
                    each.feed(step.raws)
            compare(system, reference, watch_.stream.patients, step.at, rules)

    return Law("system", "the system gives the alerts that the protocol gives", agrees)


def agrees(system: System, patient: Patient, rules: Sequence[str] = ()) -> None:
    """Fail where a system does not give the alerts that the protocol gives of a made patient, at the patient's instant.

    `rules` are how the rules begin that the system knows; without them all alerts are compared.
    """
    reference = Reference(patient.protocol)
    for each in (system, reference):
        each.begin(patient.at)
        each.feed(patient.raws)
    compare(system, reference, (patient.name,), patient.at, rules)


def compare(system: System, reference: System, patients: Sequence[str], at: int, rules: Sequence[str] = ()) -> None:
    """Fail where two systems do not give the same alerts of a patient."""
    for patient in patients:
        mine, theirs = (
            {alert for alert in each.alerts(patient) if not rules or alert.startswith(tuple(rules))}
            for each in (system, reference)
        )
        assert mine == theirs, f"{patient} at {at}: {_apart(mine, theirs)}"


def _apart(mine: set[str], theirs: set[str]) -> str:
    lost, invented = sorted(theirs - mine), sorted(mine - theirs)
    told = [f"{', '.join(lost)} is not raised"] if lost else []
    return "; ".join([*told, *([f"{', '.join(invented)} is raised"] if invented else [])])
