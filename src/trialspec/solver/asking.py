"""Questions: whether some patient makes all of several statements true at once, answered with the patient or a proof.

First it is asked of statements whose parts may be anything that the measure can be: what is impossible even so is
*proved*. Then it is asked with one record of each sort, with two, and so on: what is impossible up to `most` of them is
*proved up to* that bound. What is possible comes with a patient, and is said only once the reference has read the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.solver import logic
from trialspec.solver.abstract import Abstract
from trialspec.solver.logic import Fact, Formula, Model, Solver
from trialspec.solver.records import Record, Records, make
from trialspec.solver.translation import Translation
from trialspec.solver.witness import PATIENT, Witness, values, witness
from trialspec.timeline import timeline
from trialspec.times import DAY
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

if TYPE_CHECKING:
    from trialspec.events import Event
    from trialspec.kernel import Expr
    from trialspec.patient import Kind
    from trialspec.program import Program
    from trialspec.solver.moments import Time

MOST = 3
LIMIT = 4_000  # milliseconds for one question


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, and what it is to read: one of the verdicts."""

    expr: Expr
    verdicts: frozenset[Verdict]

    def holds(self, verdict: Verdict) -> bool:
        """Whether a verdict is one of them."""
        return verdict in self.verdicts

    def formula(self, fact: Fact) -> Formula:
        """Give the claim as a formula."""
        told = {MET: fact.met, NOT_MET: fact.failed, UNKNOWN: fact.unknown}
        if len(self.verdicts) == 2:
            (other,) = {MET, NOT_MET, UNKNOWN} - self.verdicts
            return logic.no(told[other])
        return logic.some(told[verdict] for verdict in self.verdicts)


def met(expr: Expr) -> Claim:
    """Claim that a statement is met."""
    return Claim(expr, frozenset({MET}))


def failed(expr: Expr) -> Claim:
    """Claim that a statement is not met."""
    return Claim(expr, frozenset({NOT_MET}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    *Possible* comes with a patient. *Impossible* is proved for any number of records, or up to `bound` of each sort;
    `changed` is the bound at which the answer last changed: it is the same from there on. *Open* says `why`.
    """

    outcome: Literal["possible", "impossible", "open"]
    witness: Witness | None = None
    bound: int | None = None
    changed: int = 1
    why: str = ""

    @property
    def possible(self) -> bool:
        """Whether there is such a patient."""
        return self.outcome == "possible"

    @property
    def impossible(self) -> bool:
        """Whether it is proved that there is none."""
        return self.outcome == "impossible"

    def __str__(self) -> str:
        """Say how sure it is."""
        match self.outcome:
            case "possible":
                return f"shown by a patient (found with {self.bound} of each sort of record)"
            case "impossible" if self.bound is None:
                return "proved"
            case "impossible":
                return f"proved up to {self.bound} of each sort of record (the same from {self.changed} on)"
            case _:
                return f"not proved: {self.why}"


@dataclass(slots=True)
class _Room:
    """One bound: the records, how they are read, and a solver that knows what holds of them."""

    records: Records
    reading: Translation
    solver: Solver
    given: int = 0
    open: bool = True

    def ask(self, formulas: Sequence[Formula]) -> logic.Outcome:
        """Ask, after everything that was translated meanwhile is taken as given."""
        for law in self.reading.laws[self.given :]:
            self.solver.given(law)
        self.given = len(self.reading.laws)
        return self.solver.ask(*formulas)


Besides = Callable[[Translation], Iterable[Formula]]


@dataclass(slots=True)
class Asker:
    """Asks about the statements of one program, each bound made once.

    It is asked `at` an instant, or at any of a day, and each question is given `limit` milliseconds. `fixed` are
    records that are there in any case, made of `events`; of the kinds `without` there are no others. The ids of a
    patient's events begin with `prefix`. `besides` gives what is to hold as well.
    """

    program: Program
    exprs: tuple[Expr, ...]
    most: int = MOST
    limit: int = LIMIT
    fixed: tuple[Record, ...] = ()
    events: tuple[Event, ...] = ()
    prefix: str = "w"
    without: frozenset[Kind] = frozenset()
    besides: Besides | None = None
    at: Time | None = None
    dropped: list[str] = field(default_factory=list)
    _rooms: dict[int, _Room] = field(default_factory=dict)
    _abstract: Abstract | None = None
    _asked: dict[tuple[Claim, ...], Answer] = field(default_factory=dict)

    def ask(self, *claims: Claim) -> Answer:
        """Ask whether one patient makes all claims true; whoever it is has been read by the reference."""
        if claims not in self._asked:
            self._asked[claims] = self._ask(claims, plainly=False)
        return self._asked[claims]

    def shown(self, *claims: Claim) -> Answer:
        """Ask the same, for a patient who is shown to people: of few records and plain numbers."""
        return self._ask(claims, plainly=True)

    def bare(self, *claims: Claim) -> Answer:
        """Ask without showing anybody: what is possible may rest on what the solver cannot compute."""
        return self._tried(claims)

    def _ask(self, claims: Sequence[Claim], *, plainly: bool) -> Answer:
        if self.proved(claims):
            return Answer("impossible")
        return self._tried(claims, lambda room: self._confirmed(room, claims, plainly=plainly))

    def _tried(self, claims: Sequence[Claim], confirmed: Callable[[_Room], Witness | None] | None = None) -> Answer:
        """Ask with one record of each sort, with two, and so on, until a patient is found and `confirmed`."""
        why, since = "", None
        for bound in range(1, self.most + 1):
            room = self.room(bound)
            if not room.open:
                continue  # nobody at all is there with so few: that is no answer
            outcome = room.ask([claim.formula(room.reading.fact(claim.expr)) for claim in claims])
            if outcome == "timeout":
                none = f"; there is none with {bound - 1}" if since is not None and not why else ""
                why = f"no answer within an effort of {self.limit / 1000:g} s at {bound} of each sort of record{none}"
                return Answer("open", why=why)
            if outcome == "possible":
                found = confirmed(room) if confirmed is not None else None
                if found is not None or confirmed is None:
                    return Answer("possible", found, bound, bound)
                rests = ", ".join(room.reading.free) or "a value that no record can hold"
                why = f"what the solver found rests on what it cannot compute ({rests})"
            elif since is None:
                since = bound
        if since is None:
            why = why or "what is taken as given contradicts itself"
        elif self.room(self.most).records.short:
            why = why or "more records are counted than are tried"
        if why:
            return Answer("open", why=why)
        return Answer("impossible", bound=self.most, changed=since or 1)

    def proved(self, claims: Sequence[Claim]) -> bool:
        """Whether the claims contradict each other whatever the values that they speak of are."""
        if self._abstract is None:
            self._abstract = Abstract(self.program.vocabulary, self.limit)
        return self._abstract.contradict([(claim.expr, claim.formula) for claim in claims])

    def room(self, bound: int) -> _Room:
        """Give what is asked at a bound."""
        if bound not in self._rooms:
            records = make(self.program, self.exprs, bound, fixed=self.fixed, without=self.without, at=self.at)
            reading = Translation(records, records.now)
            solver = Solver(self.limit)
            for law in records.laws:
                solver.given(law)
            for law in self.besides(reading) if self.besides is not None else ():
                solver.given(law)
            for expr in self.exprs:
                reading.value(expr)  # what it takes as given belongs to the room
            room = _Room(records, reading, solver)
            # INVARIANT: a room in which nobody can be proves nothing.
            room.open = room.ask(()) != "impossible"
            self._rooms[bound] = room
        return self._rooms[bound]

    # --- a patient to show --------------------------------------------------------------------------------------------

    def _confirmed(self, room: _Room, claims: Sequence[Claim], *, plainly: bool) -> Witness | None:
        """Give a patient whom the reference reads as claimed, if one is found."""
        first = room.solver.model()
        if not plainly and (found := self._told(room, first, claims)) is not None:
            return found
        formulas = [claim.formula(room.reading.fact(claim.expr)) for claim in claims]
        tried = (self._told(room, model, claims) for model in (*_fewest(room, formulas), first))
        return next((found for found in tried if found is not None), None)

    def _told(self, room: _Room, model: Model, claims: Sequence[Claim]) -> Witness | None:
        """Give the patient of a model, if the reference reads the same."""
        found = witness(self.program, room.records, model, self.prefix)
        found = None if found is None else replace(found, events=(*self.events, *found.events))
        return found if found is not None and self.replays(found, claims) else None

    def replays(self, found: Witness, claims: Iterable[Claim]) -> bool:
        """Whether the reference reads a patient as claimed, with nothing set aside."""
        seen = timeline(found.events, PATIENT, self.program.vocabulary, self.program.zone, self.program.sites)
        if seen.problems:
            self.dropped.append("; ".join(problem.reason for problem in seen.problems))
            return False
        question = Question(seen, found.at)
        for claim in claims:
            verdict = read(claim.expr, question).verdict
            if not claim.holds(verdict):
                self.dropped.append(f"{claim.expr}: {verdict}")
                return False
        return True


def _fewest(room: _Room, formulas: Sequence[Formula]) -> list[Model]:
    """Give models of as few records as will do, the plainest first: whole steps, dates alone, not long ago."""
    there = [record.present for record in room.records.all if not isinstance(record.present, bool)]
    for number in range(len(there) + 1):
        few = [*formulas, logic.no(logic.at_least(number + 1, there))]
        if room.ask(few) != "possible":
            continue
        found = [room.solver.model()]
        steps, dates, recent = _steps(room), _dates(room), _recent(room)
        for wishes in ((*steps, *dates, *recent), (*steps, *recent), steps):
            if room.ask([*few, *wishes]) == "possible":
                found.insert(0, room.solver.model())
                break
        return found
    return []


def _steps(room: _Room) -> tuple[Formula, ...]:
    """Say that numbers are whole steps of their measures."""
    laws = []
    for index, (value, step) in enumerate(values(room.records)):
        steps = logic.open_integer(f"steps {index}")
        laws.append(logic.equal(value, logic.times(Fraction(step), steps)))
    return tuple(laws)


def _dates(room: _Room) -> tuple[Formula, ...]:
    """Say that no time of day is known, and that it is asked at noon."""
    noon = logic.equal(room.records.now.low, logic.plus(logic.times(room.records.now.first, DAY), DAY // 2))
    return (noon, *(logic.no(record.time.timed) for record in room.records.all))


def _recent(room: _Room) -> tuple[Formula, ...]:
    """Say that all was in the last months."""
    since = logic.less(room.records.now.first, _RECENT)
    return tuple(logic.is_most(since, record.time.first) for record in room.records.all)


_RECENT = 500


# --- cores ------------------------------------------------------------------------------------------------------------


def core(asker: Asker, named: Mapping[str, Claim]) -> tuple[str, ...]:
    """Give a smallest set of claims that no patient makes true at once: leaving any of them out makes one possible."""
    kept = dict(named)
    for name in list(kept):
        rest = {other: claim for other, claim in kept.items() if other != name}
        if rest and asker.ask(*rest.values()).impossible:
            kept = rest
    return tuple(kept)
