"""The units in which a patient is watched: each is a group of findings, what it is read of, and who tells it fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from trialspec.findings import Group, groups
from trialspec.findings.records import milestone
from trialspec.findings.responses import response
from trialspec.findings.visits import visits
from trialspec.interpreters.live import Interest
from trialspec.kernel import Fixed, parts_of
from trialspec.live.answers import EligibilityTeller, RecordTeller, ResponseTeller
from trialspec.live.doses import DoseTeller
from trialspec.live.setting import Rules, Trial
from trialspec.live.visits import VisitTeller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.alerts import Teller, Told
    from trialspec.findings import Subject
    from trialspec.interpreters.live import Chart
    from trialspec.interpreters.reading import Question
    from trialspec.live.doses import Filled
    from trialspec.patient import Item
    from trialspec.program import Program
    from trialspec.rulebook import Rulebook
    from trialspec.rulebook.decide import Matcher


class _Tells(Protocol):
    def tell(self, chart: Chart, at: int) -> Told | None: ...


@dataclass(frozen=True, slots=True)
class Unit:
    """A group of findings that is watched by itself.

    `interest` is in the records that may change which rules hold; `rests` in those that may change what is said of it.
    One that `doubts` tells of records that cannot be trusted; one that `screens` asks whether a screening is missing.
    """

    group: Group
    interest: Interest
    rests: Interest | None = None
    tells: _Tells | DoseTeller | None = None
    doubts: bool = False
    screens: bool = False

    def concerned(self, item: Item, trial: Trial, chart: Chart, at: int) -> bool:
        """Whether a record that came or is gone may change which rules hold."""
        if self.screens and trial.screens(chart, item):
            return True
        if isinstance(self.tells, VisitTeller | ResponseTeller) and item in trial.conditions:
            return True
        if isinstance(self.tells, VisitTeller) and item in trial.values.interest:
            return not self.tells.ignores(chart, item, at)
        return chart.concerns(self.interest, item)

    def teller(self, chart: Chart) -> Teller | None:
        """Give who tells it of one patient."""
        if self.tells is None:
            return None
        return (
            _DosesOfPatient(self.tells, chart) if isinstance(self.tells, DoseTeller) else _OfPatient(self.tells, chart)
        )


@dataclass(frozen=True, slots=True)
class _OfPatient:
    """A teller of one patient."""

    tells: _Tells
    chart: Chart

    def tell(self, at: int, told_at: int) -> Told | None:
        """Say which rules hold at an instant: what is known later does not matter."""
        del told_at
        return self.tells.tell(self.chart, at)

    def untold(self, now: int, told_at: int) -> bool:
        """Nothing that was told is told otherwise later."""
        del now, told_at
        return False

    def proving(self, question: Question) -> Question:
        """Ask for proofs with what was proved before."""
        return self.chart.proving(question)


@dataclass(slots=True)
class _DosesOfPatient:
    """The teller of one patient's doses: which slot a dose fills is told with what is known later."""

    tells: DoseTeller
    chart: Chart
    filled: Filled | None = None

    def tell(self, at: int, told_at: int) -> Told | None:
        """Say which rules hold at an instant, with what is known at a later one."""
        if not self.tells.plain:
            return None
        self.filled = self.tells.filled(self.chart, told_at)
        return self.tells.tell(self.chart, at, self.filled)

    def untold(self, now: int, told_at: int) -> bool:
        """Whether other doses fill the slots than was told."""
        before = self.filled
        if before is None or not self.tells.plain:
            return True
        after = self.tells.filled(self.chart, told_at)
        if after is before:
            return not after.plain
        return not (before.plain and after.plain) or before.seen(self.chart, now) != after.seen(self.chart, now)

    def proving(self, question: Question) -> Question:
        """Ask for proofs with what was proved before."""
        return self.chart.proving(question)


class Units:
    """The units of one program, compiled once; those for which there is no rule are not watched."""

    def __init__(self, program: Program, rulebook: Rulebook, matcher: Matcher) -> None:
        self._subjects = frozenset(rule.for_each for rule in rulebook.rules)
        self.trial = Trial(program, Rules(matcher, self._subjects))
        # Without a date of the calendar nothing is told by time alone: a patient may as well have been watched earlier.
        self.timeless = next(parts_of(program, Fixed), None) is None
        units = (*self._patient(), *self._visits(), *self._responses())
        self.all = tuple(unit for unit, subjects in units if self._subjects & frozenset(subjects))

    def _patient(self) -> Iterator[tuple[Unit, tuple[Subject, ...]]]:
        """Give the units that a patient has in any case."""
        program, trial = self.trial.program, self.trial
        group = {group.name: group for group in groups(program)}
        milestones = milestone("consent", "consent_withdrawn", "screening", "enrolment", "version_approved")
        yield Unit(group["patient"], Interest(milestones, trial.screened, every=["person"])), ("patient",)
        for each in program.criteria:
            yield Unit(group[f"criterion {each.name}"], Interest(each.expr)), ("criterion",)
        asked = Interest(trial.enrolled, [each.expr for each in program.criteria])
        yield Unit(group["eligibility"], asked, tells=EligibilityTeller(trial)), ("eligibility",)
        doses = DoseTeller(trial)
        given: tuple[Subject, ...] = ("dose", "course", "gate", "assessment", "record")
        yield Unit(group["doses"], doses.interest, tells=doses, screens=True), given
        yield Unit(group["adverse events"], Interest(every=["adverse_event"])), ("adverse_event",)
        yield Unit(group["therapies"], Interest(program.therapies)), ("therapy",)
        yield Unit(group["records"], trial.anchors, tells=RecordTeller(trial), doubts=True, screens=True), ("record",)

    def _visits(self) -> Iterator[tuple[Unit, tuple[Subject, ...]]]:
        """Give a unit for each visit."""
        program, trial = self.trial.program, self.trial
        interest = trial.values.interest | trial.anchors | trial.conditions
        for plan in program.visits:
            read = partial(visits, program, only=plan.name)
            group = Group(f"visit {plan.name}", read, foresees=True, only=read)
            yield Unit(group, interest, tells=VisitTeller(trial, plan), screens=True), ("visit", "assessment")

    def _responses(self) -> Iterator[tuple[Unit, tuple[Subject, ...]]]:
        """Give a unit for each definition of response at each of its visits."""
        program, trial = self.trial.program, self.trial
        intercurrent = milestone("consent_withdrawn", "left_study", "death")
        for each in program.responses:
            rests = Interest(each.components, each.categories, each.then, program.therapies, intercurrent)
            rests |= trial.values.interest | trial.screening | trial.anchors | trial.conditions
            for visit in each.visits:
                read = partial(response, program, each, only=visit)
                group = Group(f"response {each.name}@{visit}", read, foresees=True)
                teller = ResponseTeller(trial, each, visit)
                interest = trial.anchors if teller.plain else rests
                yield Unit(group, interest, rests, teller, screens=not teller.plain), ("component", "category")
