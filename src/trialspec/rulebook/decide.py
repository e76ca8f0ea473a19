"""Which rules hold for a finding: both evaluators on each message not seen before, and a difference is an incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trialspec.rulebook import plain
from trialspec.rulebook.rete import Engine, EngineAbsent
from trialspec.rulebook.session import EngineFault
from trialspec.rulebook.table import misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialspec.rulebook.table import Message, Rulebook

# Messages are few (findings repeat); beyond this many the oldest is forgotten and, should it come again, decided again.
REMEMBERED = 65_536
# With so many the engine is not asked any more and none is added; the one after them says so.
INCIDENTS = 100


@dataclass(frozen=True, slots=True)
class Incident:
    """The rules engine and the plain meaning of the table did not agree; what was used is the plain answer.

    `engine` is `None` where it gave no answer, and `fault` then says why. `subject` is empty and `message` is `None`
    where it concerns the whole rulebook.
    """

    fault: str
    subject: str = ""
    message: Message | None = None
    plain: tuple[str, ...] = ()
    engine: tuple[str, ...] | None = None


class Matcher(Protocol):
    """Names the rules that hold for a finding."""

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        """Name them in the order of the rulebook."""


class Decider:
    """A rulebook with its two evaluators and a memory of their answers.

    `absence` says why there is no rules engine, if so, for the caller to say once; the plain evaluator decides alone.
    """

    def __init__(self, rulebook: Rulebook, *, engine: Callable[[Rulebook], Matcher] = Engine) -> None:
        self._rulebook = rulebook
        self._engine: Matcher | None = None
        self._answers: dict[tuple[str, frozenset[tuple[str, str | frozenset[str]]]], tuple[str, ...]] = {}
        self._incidents: list[Incident] = []
        self.absence = ""
        try:
            self._engine = engine(rulebook)
        except EngineAbsent as absence:
            self.absence = str(absence)
        except EngineFault as fault:
            self._incidents.append(Incident(str(fault)))

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """What went wrong so far, in order; empty when all is well."""
        return tuple(self._incidents)

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        """Name the rules that hold for a finding, in the order of the rulebook."""
        key = subject, frozenset(message.items())
        answer = self._answers.get(key)
        if answer is None:
            answer = self._decide(subject, message)
            if len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = answer
        return answer

    def _decide(self, subject: str, message: Message) -> tuple[str, ...]:
        answer = plain.matching(self._rulebook, subject, message)
        fault, other = misfit(self._rulebook, subject, message), None
        if not fault and self._engine:
            try:
                other = self._engine.matching(subject, message)
            except EngineFault as error:
                fault = str(error)
            else:
                fault = "" if other == answer else "the two evaluators differ"
        if fault:
            self._record(Incident(fault, subject, dict(message), answer, other))
        return answer

    def _record(self, incident: Incident) -> None:
        if len(self._incidents) < INCIDENTS:
            self._incidents.append(incident)
            if len(self._incidents) == INCIDENTS:
                self._engine = None
                self._incidents.append(Incident("there are too many incidents: the rules engine is not asked any more"))
