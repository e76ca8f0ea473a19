"""What a file of cases holds once it is read, and how a case comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialspec.diagnostics import Place
    from trialspec.document import Node
    from trialspec.evaluation import Protocol
    from trialspec.events import Record
    from trialspec.times import Zone


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of one subject, or of one of the two lists of alerts (`alerts`, `raised`)."""

    subject: str
    node: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Asked:
    """What is expected at an instant, as far as was known then (`None`: with all that is known today)."""

    at: int
    known: int | None
    expected: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what happened, and what is expected when."""

    name: str
    events: tuple[Record, ...]
    asked: tuple[Asked, ...]
    told: tuple[str, ...]
    place: Place
    why: str = ""
    xfail: str = ""


@dataclass(frozen=True, slots=True)
class Casebook:
    """The cases of one file, and the protocol that they are about."""

    file: str
    protocol: Protocol
    zone: Zone
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that came out otherwise than expected, and where the expectation stands."""

    place: Place
    what: str
    expected: str
    actual: str

    def __str__(self) -> str:
        """Three lines, the first of which editors turn into a link."""
        return f"{self.place}: {self.what}\n  expected: {self.expected}\n  actual:   {self.actual}"


@dataclass(frozen=True, slots=True)
class Result:
    """How a case came out; one that is marked `xfail` fails when nothing in it does."""

    case: Case
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether it came out as the file says."""
        return bool(self.failures) if self.case.xfail else not self.failures

    def __str__(self) -> str:
        """What failed, above what happened."""
        if self.case.xfail and self.passed:
            return f"{self.case.place}: {self.case.name}: fails as expected: {self.case.xfail}"
        if self.passed:
            return f"{self.case.place}: {self.case.name}: passed"
        if self.case.xfail:
            told = f"it is expected to fail ({self.case.xfail}), and it does not: remove `xfail`"
            return f"{self.case.place}: {self.case.name}\n  {told}"
        lines = [f"{self.case.place}: {self.case.name}", *map(str, self.failures), "what happened:"]
        return "\n".join([*lines, *(f"  {line}" for line in self.case.told)])
