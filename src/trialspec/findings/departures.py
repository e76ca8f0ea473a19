"""How a dose that was given differed from the plan: each departure is a statement that is met, not met or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialspec.findings.amounts import Planned, planned_amount
from trialspec.findings.rates import too_fast
from trialspec.interpreters.reading import NOTHING, Missing, Question, Reading, earliest
from trialspec.interpreters.reference import compare_when, locate, read
from trialspec.interpreters.selection import is_clock, moved
from trialspec.kernel import Dose, Moment, Shift
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every, negate, some, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialspec.findings.infusions import Infusion
    from trialspec.findings.slots import Slot
    from trialspec.kernel import Point
    from trialspec.program import DosePlan, Gate, Program


@dataclass(frozen=True, slots=True)
class Context:
    """What doses are judged by: the moments of the patient's trial as they stand at the question, in one world.

    A moment is `None` where the protocol has none of that name; `through` is the end of the course, and `course` the
    same by plan.
    """

    program: Program
    question: Question
    screened: Reading | None
    enrolled: Reading | None
    consent: Reading
    stop: Reading
    through: Reading | None
    course: Mapping[str, Reading]

    @property
    def today(self) -> int:
        """The date of the question."""
        return self.question.timeline.zone.date_of(self.question.at)

    @property
    def stopped(self) -> int | None:
        """The date of the first stop."""
        return self.stop.value.first if isinstance(self.stop.value, When) else None


# --- gates ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Worst:
    """How several gates read together: as the worst of them, which is named."""

    verdict: Verdict
    gate: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Clearance:
    """How the gates of a dose read: those that hold it, and those that only warn."""

    holding: Worst
    warning: Worst
    readings: tuple[Reading, ...]

    @property
    def deciding(self) -> Worst:
        """What to say of all of them: what is not met, and of that a gate that holds before one that warns."""
        return min((self.holding, self.warning), key=lambda each: (each.verdict is MET, not each.gate))

    @property
    def held(self) -> bool:
        """Whether a gate that holds is not met."""
        return self.holding.verdict is NOT_MET

    @property
    def because(self) -> frozenset[str]:
        """The records that the gates were read from."""
        return frozenset[str]().union(*(reading.because for reading in self.readings))

    @property
    def missing(self) -> frozenset[Missing]:
        """What could still settle a gate."""
        return frozenset[Missing]().union(*(reading.missing for reading in self.readings))

    @property
    def until(self) -> int | None:
        """When a gate may next read differently."""
        return earliest(*(reading.until for reading in self.readings))


def clearance(plan: DosePlan, gates: Mapping[str, Gate], question: Question) -> Clearance:
    """Read the gates of a dose; without a gate it is cleared."""
    readings = [(gates[name], read(gates[name].expr, question)) for name in plan.gates]
    holding, warning = (
        _worst([(gate.name, reading) for gate, reading in readings if gate.otherwise == otherwise])
        for otherwise in ("hold", "warn")
    )
    return Clearance(holding, warning, tuple(reading for _, reading in readings))


def _worst(readings: Sequence[tuple[str, Reading]]) -> Worst:
    verdict = next((v for v in (NOT_MET, UNKNOWN) if any(reading.verdict is v for _, reading in readings)), MET)
    gate, deciding = next(((name, r) for name, r in readings if r.verdict is verdict), ("", Reading(MET)))
    return Worst(verdict, gate, deciding)


def at_start(dose: Infusion, question: Question) -> Question:
    """Ask at the start of a dose; of one without a time of day at the end of its date, as far as that has come."""
    start = dose.when.instants[0] if dose.when.instants else question.timeline.zone.end_of(dose.when.first)
    asked = replace(question, at=min(start, question.at), dose=dose.when)
    # One question for all instants of a telling: what was read at the start of a dose is read once.
    before = question.remembered.setdefault("starts", {})
    assert isinstance(before, dict)
    found: Question = before.setdefault((id(asked.timeline), asked.at, asked.dose, asked.told_at), asked)
    assert found.timeline is asked.timeline
    return found


# --- departures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one dose departed from the plan, and what that rests on."""

    departures: Mapping[str, Verdict]
    clearance: Clearance
    because: frozenset[str]
    until: int | None
    readings: tuple[Reading, ...]
    planned: Planned

    def words(self, wanted: Verdict) -> frozenset[str]:
        """Give the departures that are met, or those that are unknown."""
        return frozenset(name for name, found in self.departures.items() if found is wanted)


def judge(
    dose: Infusion,
    plan: DosePlan,
    slot: Slot | None,
    before: Infusion | None,
    context: Context,
    *,
    extra: bool = False,
    doubtful: bool = False,
) -> Judgement:
    """Judge a dose: `before` is the dose of this drug given before it; `doubtful` leaves open what is early or extra.

    A dose without a slot was given before any of its dates was known, or is one too many.
    """
    question = at_start(dose, context.question)
    cleared = clearance(plan, context.program.gates, question)
    premedication = [read(expr, question) for expr in plan.premedication]
    drug = negate(every(codes.among(plan.drugs) if codes else UNKNOWN for codes in dose.words("drug")))
    order = _order(dose, plan, slot, context) if not extra else Reading(NOT_MET)
    planned = planned_amount(plan, before, question)
    applies = Reading(MET) if plan.only_if is None else read(plan.only_if, replace(question, dose=None))
    stopping = _stopping(dose, plan, question)
    departures = {
        "early": verdict(met=_early(dose, slot) and not doubtful),
        "late": verdict(met=_late(dose, slot)),
        # What is another drug has no right amount, and no right rate.
        "amount": NOT_MET if drug is MET else planned.departs(dose.amount),
        "drug": drug,
        "route": _route(dose, plan),
        "rate": NOT_MET if drug is MET else too_fast(dose, plan, context.program.vocabulary, question.timeline.zone),
        "order": order.verdict,
        "interval": _interval(dose, plan, before, context),
        "premedication": negate(every(reading.verdict for reading in premedication)),
        # To be warned is no departure.
        "gate_not_met": verdict(met=cleared.holding.verdict is NOT_MET),
        "gate_unknown": verdict(met=cleared.holding.verdict is UNKNOWN),
        "before_consent": _before(dose, context.consent, context),
        "before_enrolment": NOT_MET if context.enrolled is None else _before(dose, context.enrolled, context),
        "after_stop": some((_after(dose, context.stop, context), stopping.verdict)),
        "after_course": _past(dose, context.course.get(plan.name)),
        "extra": some((verdict(met=extra and not doubtful), negate(applies.verdict))),
    }
    read_now = question.at == context.question.at
    moments = (context.consent, order, applies, stopping, *([context.enrolled] if context.enrolled else []))
    cited = [reading.because for reading in (*moments, *premedication)]
    course = context.course.get(plan.name)
    return Judgement(
        departures,
        cleared,
        dose.because.union(
            cleared.because,
            *cited,
            context.stop.because if departures["after_stop"] is MET else NOTHING,
            course.because if course is not None else NOTHING,
            before.because if before is not None and plan.counts_on else NOTHING,
            planned.because,
        ),
        # What was so at the start of a dose stays so; only of one dated today more may still be seen.
        earliest(
            cleared.until, planned.until, applies.until, stopping.until, *(reading.until for reading in premedication)
        )
        if read_now
        else None,
        (*cleared.readings, *premedication, *planned.readings),
        planned,
    )


def _stopping(dose: Infusion, plan: DosePlan, question: Question) -> Reading:
    """Say whether what ends treatment was so before the dose; of one date nothing without a time comes before it."""
    if plan.stop_if is None:
        return Reading(NOT_MET)
    day = dose.when.first
    reading = read(plan.stop_if, replace(question, dose=None))
    vague = not dose.when.instants or any(
        item.when.last >= day and not item.when.instants
        for item in question.timeline.items
        if (item.sources or {item.id}) & reading.because and item.kind != "person"
    )
    if reading.verdict is NOT_MET or not vague:
        return reading
    before = read(plan.stop_if, replace(question.on(question.timeline.zone.start_of(day) - 1), dose=None))
    return replace(before, because=before.because | reading.because, until=reading.until)


def _early(dose: Infusion, slot: Slot | None) -> bool:
    return slot is not None and slot.planned is not None and slot.window(dose.when.first) == "before"


def _late(dose: Infusion, slot: Slot | None) -> bool:
    """Whether it came after its window, after it was missed, or, where it anchors itself, after it was first due."""
    if slot is None or slot.planned is None:
        return False
    day = dose.when.first
    missed = slot.lapses is not None and day >= slot.lapses
    return slot.window(day) == "past" or missed or (slot.due is not None and day > slot.due)


def _route(dose: Infusion, plan: DosePlan) -> Verdict:
    if not plan.routes:
        return NOT_MET
    return negate(every(codes.among(plan.routes) if codes else UNKNOWN for codes in dose.words("route")))


def _order(dose: Infusion, plan: DosePlan, slot: Slot | None, context: Context) -> Reading:
    """Say whether it was given before the moment that its planned date is counted from."""
    number = min(slot.number if slot else 1, len(plan.planned))
    anchor = _anchor(plan.planned[number - 1]) if plan.planned else None
    if anchor is None:
        return Reading(NOT_MET)
    reading = locate(anchor, context.question)
    return replace(reading, value=_before(dose, reading, context))


def _anchor(point: Point) -> Moment | None:
    """Give the moment that a point follows; what is planned ahead of a moment is not in the wrong order before it."""
    while isinstance(point, Shift) and not point.earlier:
        point = point.point
    return point if isinstance(point, Moment) else None


def _interval(dose: Infusion, plan: DosePlan, before: Infusion | None, context: Context) -> Verdict:
    if plan.interval_at_least is None or before is None:
        return NOT_MET
    zone, shift = context.question.timeline.zone, Shift(Dose(), plan.interval_at_least)
    return compare_when(dose.when, moved(before.when, shift, zone), zone, clock=is_clock(shift))[0]


def _before(dose: Infusion, moment: Reading, context: Context) -> Verdict:
    """Say whether it was given before a moment; one that is not recorded has not happened."""
    if not isinstance(moment.value, When):
        return MET
    return compare_when(dose.when, moment.value, context.question.timeline.zone)[0]


def _after(dose: Infusion, moment: Reading, context: Context) -> Verdict:
    if not isinstance(moment.value, When):
        return NOT_MET
    return compare_when(moment.value, dose.when, context.question.timeline.zone)[0]


def _past(dose: Infusion, end: Reading | None) -> Verdict:
    ended = end is not None and isinstance(end.value, When) and dose.when.first > end.value.last
    return verdict(met=ended)
