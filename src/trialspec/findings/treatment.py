"""What one patient was given of the planned drugs, and which slots it filled, in one world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialspec.findings.departures import Context
from trialspec.findings.infusions import Infusion, in_order, infusions
from trialspec.findings.possible import CONSENT, plan_of, stop_of
from trialspec.findings.records import unscreened
from trialspec.findings.slots import Filling, Limits, attribute, families
from trialspec.interpreters.reading import NOTHING, Question, Reading, earliest
from trialspec.interpreters.reference import cited, compare_when, locate, next_visible, visible
from trialspec.quantity import word
from trialspec.times import When
from trialspec.truth import MET, NOT_MET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialspec.findings.slots import Extra
    from trialspec.patient import Item
    from trialspec.program import DosePlan, Program


@dataclass(frozen=True, slots=True)
class Treatment:
    """What came of plans that share a drug: the doses given, in the order of their time, and what they fill.

    `untold` reads whether the patient is in treatment without a screening on record; `until` is when something may next
    happen that any of it rests on.
    """

    context: Context
    untold: Reading
    filling: Filling
    given: tuple[Infusion, ...]
    until: int | None

    @property
    def unsettled(self) -> bool:
        """Whether nothing can be said of any slot: no screening is recorded, or a date is not certain."""
        return self.untold.verdict is not NOT_MET or self.filling.unsettled

    @property
    def doubts(self) -> Mapping[str, Extra]:
        """The doses that may belong to either of two slots, by the names of both."""
        return {name: extra for extra in self.filling.extras if extra.doubt for name in (extra.doubt, extra.slot)}

    @property
    def because(self) -> frozenset[str]:
        """The records that set the dates of the slots."""
        screened = self.context.screened
        return self.filling.because | self.untold.because | (screened.because if screened else NOTHING)

    def before(self, dose: Infusion) -> Infusion | None:
        """Give the dose of this drug that was given before this one."""
        place = [other.id for other in self.given].index(dose.id)
        return self.given[place - 1] if place else None

    def filled_through(self, slot: str) -> frozenset[str]:
        """The records of what fills the slots up to this one, what was not done among them."""
        names = [each.name for each in self.filling.slots]
        known = names[: names.index(slot) + 1] if slot in names else names
        fills = (self.filling.fills.get(name) for name in known)
        refusals = (self.filling.refusals.get(name) for name in known)
        return frozenset[str]().union(
            *(dose.because for dose in fills if dose is not None),
            *(cited(item) for item in refusals if item is not None),
        )

    def seen(self, dose: Infusion) -> bool:
        """Whether a dose has been given by the instant of the question, or has begun to be."""
        return any(visible(part, self.context.question) is MET for part in dose.parts)


def treatments(program: Program, world: Question, at: int) -> tuple[Treatment, ...]:
    """Give the treatment by each family of plans at an instant, attributed as known at the question of the world."""
    now = context_of(program, world.on(at))
    later = now if at == world.at else context_of(program, world)
    untold = unscreened(program, now.question)
    return tuple(_treatment(family, now, later, untold) for family in families(program))


def context_of(program: Program, question: Question) -> Context:
    """Locate the moments that doses are judged by."""
    screened, enrolled = program.moments.get("screened"), program.moments.get("enrolled")
    course = program.course
    return Context(
        program,
        question,
        None if screened is None else locate(screened, question),
        None if enrolled is None else locate(enrolled, question),
        locate(CONSENT, question),
        locate(stop_of(program), question),
        {} if course is None else dict.fromkeys(course.of, locate(course.through, question)),
    )


def _treatment(
    family: Sequence[DosePlan],
    now: Context,
    later: Context,
    untold: Reading,
) -> Treatment:
    names, zone = {plan.name for plan in family}, now.question.timeline.zone
    owners = ((item, plan_of(item, now.program.doses)) for item in now.question.timeline.items)
    mine = [item for item, owner in owners if owner is not None and owner.name in names]
    seen = [item for item in mine if visible(item, later.question) is MET and _from_screening(item, later)]
    given = infusions((item for item in seen if item.answer == "yes"), family[0].merge_within, zone)
    undone = in_order((item for item in seen if item.answer == "not_done"), zone)
    filling = attribute(family, given, undone, later.question, Limits(later.stopped, later.course))
    if later.question.at > now.question.at:
        filling = _as_of(filling, family, now)
    moments = (now.screened, now.enrolled, now.consent)
    until = earliest(
        untold.until,
        filling.until,
        next_visible(mine, now.question),
        *(moment.until for moment in moments if moment is not None),
    )
    return Treatment(now, untold, filling, given, until)


def _from_screening(item: Item, context: Context) -> bool:
    """Whether an administration is of this trial: one from before the screening is history."""
    if context.screened is None:
        return True
    screened, zone = context.screened.value, context.question.timeline.zone
    return isinstance(screened, When) and compare_when(item.when, screened, zone)[0] is NOT_MET


def _as_of(filling: Filling, family: Sequence[DosePlan], context: Context) -> Filling:
    """Go back to an earlier question with the attribution of a later one: who fills what is kept, dates are as then."""
    now = context.question
    fills = [
        replace(dose, names=name)
        for name, dose in filling.fills.items()
        if any(visible(part, now) is MET for part in dose.parts)
    ]
    undone = [
        replace(item, fields={**item.fields, "planned": word(name)})
        for name, item in filling.refusals.items()
        if visible(item, now) is MET
    ]
    then = attribute(family, fills, undone, now, Limits(context.stopped, context.course))
    return replace(then, extras=filling.extras, waiting=filling.waiting)
