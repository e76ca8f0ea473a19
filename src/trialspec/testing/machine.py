"""A machine that drives a system by the records of a protocol, and checks it against the reference after each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trialspec.evaluation import Protocol
from trialspec.testing.beginnings import begun
from trialspec.testing.draft import Raw
from trialspec.testing.fuzzing import compare
from trialspec.testing.happenings import Matter, days_around, happening, matter
from trialspec.testing.systems import Live, Reference, System, end
from trialspec.times import DAY, parse_time


class ProtocolMachine(RuleBasedStateMachine):
    """Drives a system, by default the live monitor, and checks after each step that its alerts are the reference's.

    Name the protocol and, where it is not the engine itself that is tested, the system; add rules and invariants as to
    any state machine of Hypothesis. `self.system` is driven, `self.reference` knows the answer, `self.raws` are the
    records that were sent, `self.at` is the present.

        class Mine(ProtocolMachine):
            protocol = trialspec.load(Path("protocols/demo"))

            def tested(self): return Http(address)

        TestMine = Mine.TestCase
    """

    protocol: ClassVar[Protocol]
    patients: ClassVar[Sequence[str]] = ("P1", "P2")
    compared: ClassVar[Sequence[str]] = ()
    """Only alerts whose rule begins with one of these are compared; all, where none is named."""

    def __init__(self) -> None:
        super().__init__()
        self.system = self.tested()
        self.reference = Reference(self.protocol)
        self.raws: list[Raw] = []
        self.at = 0
        self.days: tuple[int, ...] = ()
        self.sent = 0

    def tested(self) -> System:
        """Give the system that is tested: the engine itself."""
        return Live(self.protocol)

    @classmethod
    def over(
        cls, protocol: Protocol, system: Callable[[], System] | None = None, **more: object
    ) -> type[ProtocolMachine]:
        """Make the machine of a protocol, for those who need no rule of their own."""
        body: dict[str, object] = {"protocol": protocol, **more}
        if system is not None:
            body["tested"] = lambda self: system()  # noqa: ARG005 - a method takes itself
        return type(f"MachineOf{protocol.program.name.title().replace('-', '')}", (cls,), body)

    @property
    def about(self) -> Matter:
        """What the protocol speaks of."""
        return matter(self.protocol)

    # --- steps --------------------------------------------------------------------------------------------------------

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Begin with a patient made to order, of whom the first records come at once."""

        def choose(number: int) -> int:
            return data.draw(st.integers(0, number - 1))

        zone = self.protocol.program.zone
        base = begun(choose, self.protocol)
        times = [when for raw in base if (when := parse_time(raw["time"], zone)) is not None]
        self.days = tuple(dict.fromkeys(when.first for when in times)) or (738_000,)
        self.at = zone.start_of(min(self.days)) - DAY
        for each in (self.system, self.reference):
            each.begin(self.at)
        number = data.draw(st.integers(0, len(base)))
        for raw in base[:number]:
            when = parse_time(raw["time"], zone)
            self.to(self.at if when is None else when.span(zone)[0] + DAY // 2)
            self.send([{**raw, "patient": self.patients[0]}])

    def to(self, at: int) -> None:
        """Let time go on."""
        if at > self.at:
            self.at = at
            for each in (self.system, self.reference):
                each.tick(at)

    def send(self, raws: Sequence[Raw]) -> None:
        """Send records to both."""
        self.raws += raws
        for each in (self.system, self.reference):
            each.feed(raws)

    def made(self, data: st.DataObject) -> dict[str, str]:
        """Give a record of something, under a number of its own."""

        def choose(number: int) -> int:
            return data.draw(st.integers(0, number - 1))

        self.sent += 1
        patient = data.draw(st.sampled_from(list(self.patients)))
        days = days_around(choose, self.about, min(self.days), self.days)
        return {**happening(choose, self.about, days), "id": f"m{self.sent}", "patient": patient}

    @rule(data=st.data())
    def ingest(self, data: st.DataObject) -> None:
        """Something happens, is late, or is announced: time goes on to it only if it lies ahead."""
        raw = self.made(data)
        when = parse_time(raw["time"], self.protocol.program.zone)
        if when is not None and data.draw(st.booleans()):
            self.to(min(when.span(self.protocol.program.zone)[1], self.at + 400 * DAY))
        self.send([raw])

    @rule(data=st.data())
    def ingest_several(self, data: st.DataObject) -> None:
        """Several records come at once."""
        self.send([self.made(data) for _ in range(data.draw(st.integers(2, 3)))])

    @precondition(lambda self: self.raws)
    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        """A record is corrected."""
        old = data.draw(st.sampled_from(self.raws))
        new = self.made(data)
        number = int(old.get("revision", "0")) + 1
        self.send([{**new, "id": old["id"], "patient": old["patient"], "revision": str(number)}])

    @precondition(lambda self: self.raws)
    @rule(data=st.data())
    def retract(self, data: st.DataObject) -> None:
        """A record is taken back."""
        old = data.draw(st.sampled_from(self.raws))
        number = str(int(old.get("revision", "0")) + 1)
        gone = {"id": old["id"], "patient": old["patient"], "revision": number, "status": "entered_in_error"}
        self.send([gone])

    @precondition(lambda self: self.raws)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A record comes again."""
        self.send([data.draw(st.sampled_from(self.raws))])

    @rule(days=st.sampled_from((1, 3, 7, 14, 30, 90)))
    def tick(self, days: int) -> None:
        """Time goes on, and nothing comes in."""
        self.to(self.at + days * DAY)

    @precondition(lambda self: hasattr(self.system, "restore"))
    @rule()
    def restore(self) -> None:
        """The system is stopped, and started again."""
        self.system.restore()  # type: ignore[attr-defined]

    @invariant()
    def agrees(self) -> None:
        """The alerts of every patient are those that the reference gives."""
        if self.at:
            compare(self.system, self.reference, self.patients, self.at, self.compared)

    def teardown(self) -> None:
        """Let go of a system that was started."""
        end(self.system)


USUAL = settings(deadline=None, stateful_step_count=12)
ProtocolMachine.TestCase.settings = USUAL
