"""What became of every planned dose, and how every dose that was given departed from the plan.

Where the protocol's words leave a choice, these rules hold:

- The first slot of a plan with `first_due` is the one that anchors itself. Its dose is late after `first_due` too.
- A slot may be `held` before its window, which `window` tells. It is `not_due`, whatever its gate says, while its date
  is not known, and while it comes after an open dose of its cycle.
- `missed_after`, `first_due` and the end of the course include their own date.
- `order` is for a dose before the moment that its planned date is counted from: by instants when both are timed.
- A dose of another drug than its slot's has no amount or rate to be compared.
- A dose without a date on its course (no slot has one) is never after it. What a stop cancels, a stop of its own date
  cancels; a dose is `after_stop` only if it surely came later: by instants when both are timed, else by dates.
- Plans that share a drug share its doses: their slots are taken together in the order of their dates.
- Of doses that no time tells apart the least id fills the slot. That names them; it says nothing of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from trialspec.findings.course import after_course, counted, course, gate
from trialspec.findings.departures import at_start, clearance, judge
from trialspec.findings.dose_facts import gate_facts, given_facts, planned_facts, shown_word
from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_missing, told
from trialspec.findings.infusions import word_of
from trialspec.findings.possible import join, leaves, plan_of, uncertain
from trialspec.findings.slots import slot_names, stopped_before
from trialspec.findings.treatment import Treatment
from trialspec.findings.vague import vague_records
from trialspec.findings.ways import Ways, treatments, ways
from trialspec.interpreters.reading import NOTHING, Missing, Reading, earliest
from trialspec.interpreters.reference import cited, locate, next_visible, read
from trialspec.times import shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from trialspec.findings.departures import Clearance, Judgement
    from trialspec.findings.infusions import Infusion
    from trialspec.findings.slots import Extra, Slot
    from trialspec.interpreters.reading import Question
    from trialspec.patient import Item, Timeline
    from trialspec.program import Course, DosePlan, Program
    from trialspec.truth import Verdict

_BY_WINDOW = {"before": "not_due", "open": "due", "past": "overdue"}


@dataclass(slots=True)
class Memory:
    """What was found out of a patient's doses that holds for all instants of a report."""

    of: tuple[Program, Timeline, int] | None = None
    found: Ways | None = None

    def ways(self, program: Program, later: Question) -> Ways | None:
        """Give every way in which moments and doses may have come about, as known at a question."""
        same = self.of is not None and self.of[0] is program and self.of[1] is later.timeline and self.of[2] == later.at
        if not same:
            self.of, self.found = (program, later.timeline, later.at), ways(program, later)
        return self.found


def doses(program: Program, question: Question, only: frozenset[str] | None = None) -> Found:
    """Say of every slot, every further dose, the course and the gates how they stand at the instant of the question.

    With `only` the slots of some names are told, and of assessments before them, if nothing else is asked for.

    Which slot a dose fills is read with what is known when it is told: the history of an alert is told with today's
    attribution. All else is read at the instant of the question.

    - `dose` (`RTX#1`, or an event's id where it fills no slot): state, departure, departure_unknown, gate (the one that
      decides), holding and warning (the worst of the gates that hold, and of those that only warn), window. The
      window of a dose that was given is judged on its date, that of any other on the date of the question; it is
      absent where it is not known. Facts: dose, state, drug, date, planned, window, amount, planned_amount, route,
      gate, verdict, margin, warning, warning_verdict, warning_margin, margin_days, reason, earliest, interruptions,
      departure, departure_unknown, missing.
    - `course`: complete (`pending` while a dose is still to come), departure. Facts: course, complete, through.
    - `gate`: verdict and otherwise, for a dose not yet given. Facts: gate, verdict, margin, missing.
    - `record`: attribution, a dose that may belong to either of two slots, or whose date fits several; uncertain_date,
      another record whose date leaves a slot unknown. Facts: record, problem, reason, events.
    """
    now = question if question.dose is None else replace(question, dose=None)
    later = now.on(now.at if now.told_at is None else max(now.at, now.told_at))
    memory = now.remembered.setdefault("doses", Memory())
    assert isinstance(memory, Memory)
    found_ways = memory.ways(program, later)
    made = (
        _undecided(program, now)
        if found_ways is None
        else _in_every_world(program, found_ways, now, None if only is None else _slots_of(program, only))
    )
    unsure = uncertain(later, None) if found_ways is None else found_ways.unsure
    if found_ways is None or len(found_ways.worlds) > 1:
        asking = tuple(vague_records(program, found_ways, unsure, made, now))
        resting = (_resting_on(unsure, finding) for finding in made.findings)
        made = replace(made, findings=(*resting, *asking))
    gates = found(gate(program, name, now) for name in program.gates if only is None or name in only)
    return found((*made.findings, *gates.findings), made.until)


def _slots_of(program: Program, names: frozenset[str]) -> frozenset[str] | None:
    """Give the slots that some names speak of: their own, or of what is measured before them; `None` for any others."""
    slots = frozenset(name.rpartition("@")[2].partition("/")[0] for name in names)
    known = {name for plan in program.doses for name in slot_names(plan)}
    cycles = any(plan.interval is not None for plan in program.doses)
    return slots if slots <= known and not cycles else None


def _resting_on(unsure: Iterable[Item], finding: Finding) -> Finding:
    """Name the records of uncertain date or existence where they leave something unknown."""
    if "unknown" not in finding.fields.values() and not finding.fields.get("departure_unknown"):
        return finding
    because = finding.because.union(*(cited(item) for item in unsure))
    missing = finding.missing | leaves(unsure)
    return replace(
        finding, because=because, missing=missing, facts={**finding.facts, "missing": shown_missing(missing)}
    )


def _undecided(program: Program, now: Question) -> Found:
    """Say of every slot that it is unknown: too many records are of uncertain date."""
    until = next_visible(now.timeline.items, now)
    made = []
    for plan in program.doses:
        cleared = clearance(plan, program.gates, now)
        for name in slot_names(plan):
            facts = planned_facts(name, plan) | gate_facts(cleared, program.vocabulary)
            made.append(
                _dose(name, plan, "unknown", cleared, because=cleared.because, until=cleared.until, facts=facts)
            )
    if program.course is not None:
        facts = told(program.course.provenance, course="course", complete="unknown", through="")
        made.append(Finding("course", "course", {"complete": "unknown", "departure": NOTHING}, facts=facts))
    return found((replace(finding, until=earliest(finding.until, until)) for finding in made), until)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was found in one case: of the slots of each plan, and of doses that fill none."""

    treatment: Treatment
    slots: Mapping[str, tuple[Finding, ...]]
    others: tuple[Finding, ...]

    @property
    def applying(self) -> Mapping[str, tuple[Finding, ...]]:
        """The slots that there are for the patient, or may be."""
        applies = {slot.name: slot.applies for slot in self.treatment.filling.slots}
        return {
            name: tuple(_if_any(each, applies[each.name]) for each in own if applies[each.name] is not NOT_MET)
            for name, own in self.slots.items()
        }


def _if_any(finding: Finding, applies: Verdict) -> Finding:
    """Leave open what became of a dose of which it is open whether there is one for the patient."""
    if applies is not UNKNOWN or finding.fields["state"] in {"given", "not_due"}:
        return finding
    return replace(finding, fields={**finding.fields, "state": "unknown"})


def _in_every_world(program: Program, all_ways: Ways, now: Question, only: frozenset[str] | None) -> Found:
    """Say what all worlds agree on, a family of plans at a time, and of the course in all worlds together."""
    if only is not None and len(all_ways.worlds) == 1:
        plans = {name.rpartition("#")[0] for name in only}
        families = [each for each in all_ways.families if plans & {plan.name for plan in each.plans}]
        seen = [each for family in families for each in treatments(program, all_ways, family, now)]
        slots = [(slot, each) for each in seen for slot in each.filling.slots if slot.name in only]
        return found(_told_slot(slot, each, _rests(each)) for slot, each in slots)
    told = [[_told(each) for each in treatments(program, all_ways, family, now)] for family in all_ways.families]
    joined = [join([found(_all(one), one.treatment.until) for one in cases]) for cases in told]
    owners = {each.name: name for cases in told for one in cases for name, own in one.slots.items() for each in own}
    of_plan: dict[str, list[Finding]] = {plan.name: [] for plan in program.doses}
    others: list[Finding] = []
    for finding in (each for family in joined for each in family.findings):
        of_plan.get(owners.get(finding.name, ""), others).append(finding)
    made = [*(finding for findings in of_plan.values() for finding in findings), *others]
    if program.course is not None:
        made.append(_course(program.course, all_ways, told, now.at))
    return found(made, *(each.until for each in joined))


def _all(told: _Told) -> Iterator[Finding]:
    yield from (finding for findings in told.slots.values() for finding in findings)
    yield from told.others


def _told(treatment: Treatment) -> _Told:
    slots: dict[str, list[Finding]] = {}
    rests = _rests(treatment)
    for slot in treatment.filling.slots:
        slots.setdefault(slot.plan.name, []).append(_told_slot(slot, treatment, rests))
    others = () if treatment.unsettled else tuple(_others(treatment, rests))
    return _Told(treatment, {name: tuple(made) for name, made in slots.items()}, others)


def _told_slot(slot: Slot, treatment: Treatment, rests: Hashable) -> Finding:
    told = _told_alone(slot, treatment, rests)
    if slot.plan.only_if is None:
        return told
    return replace(told, fields={**told.fields, "applies": str(slot.applies)})


def _told_alone(slot: Slot, treatment: Treatment, rests: Hashable) -> Finding:
    dose = None if slot.name in treatment.filling.unsure else treatment.filling.fills.get(slot.name)
    key = slot.name, _parts(dose), _before(dose, slot.plan, treatment), rests
    return _once(treatment, dose, key, partial(_slot, slot))


# --- what is told once ------------------------------------------------------------------------------------------------


def _once(treatment: Treatment, dose: Infusion | None, key: Hashable, tell: Callable[[Treatment], Finding]) -> Finding:
    """Make a finding, or give the one that was made of the same records before; a cycle is always told anew.

    What is found of a dose is the same at any instant after it: only how long it holds is not.
    """
    seen_in = treatment.setting
    if seen_in.empty is None:
        return tell(treatment)
    made = seen_in.told.get(key)
    if made is None:
        now = seen_in.context.question
        read_at = now.at if dose is None else at_start(dose, now).at
        if treatment.unsettled or read_at == now.at:
            made = tell(treatment)
        else:
            before = seen_in.kept.get((read_at, key))
            made = tell(treatment) if before is None else replace(before, until=treatment.until)
            seen_in.kept[read_at, key] = made
        seen_in.told[key] = made
    return made


def _parts(dose: Infusion | None) -> tuple[int, ...]:
    return () if dose is None else tuple(map(id, dose.parts))


def _before(dose: Infusion | None, plan: DosePlan, treatment: Treatment) -> tuple[int, ...]:
    """Tell the dose before this one apart, where it matters."""
    return () if dose is None or not plan.counts_on else _parts(treatment.before(dose))


def _rests(treatment: Treatment) -> Hashable:
    """Give what a finding rests on beside its own dose: which records fill the slots, and what is doubted."""
    filling, records = treatment.filling, treatment.attributed.records
    fills = tuple((name, records[dose.id]) for name, dose in filling.fills.items())
    refusals = tuple((name, id(item)) for name, item in filling.refusals.items())
    return fills, refusals, treatment.attributed.doubted, tuple(sorted(filling.unsure))


def _course(plan: Course, all_ways: Ways, told: Sequence[Sequence[_Told]], at: int) -> Finding:
    """Say how the course stands, asked once for all worlds in which its doses stand alike."""
    alike: dict[tuple[object, ...], int] = {}
    signs = [[_standing(plan, one) for one in cases] for cases in told]
    for number in range(len(all_ways.worlds)):
        in_world = zip(signs, all_ways.families, strict=True)
        alike.setdefault(tuple(each[family.case_of[number]] for each, family in in_world), number)
    made = []
    for number in alike.values():
        here = [cases[family.case_of[number]] for cases, family in zip(told, all_ways.families, strict=True)]
        world = here[0].treatment.context.question if here else all_ways.worlds[number].on(at)
        slots = {name: own for one in here for name, own in one.applying.items()}
        others = [finding for one in here for finding in one.others]
        made.append(found([course(plan, slots, others, locate(plan.through, world))]))
    every_case = [one for cases in told for one in cases]
    deciding = {id(finding): finding for one in every_case for finding in counted(plan, one.applying, one.others)}
    because = frozenset[str]().union(*(finding.because for finding in deciding.values()))
    return replace(join(made).findings[0], because=because)


def _standing(plan: Course, one: _Told) -> tuple[object, ...]:
    """Give what the course is told by, but for the records behind it."""
    through = one.treatment.context.through
    states = frozenset(
        (
            finding.fields["state"],
            finding.missing if finding.fields["state"] == "unknown" else NOTHING,
            after_course(finding),
        )
        for finding in counted(plan, one.applying, one.others)
    )
    return states, None if through is None else through.value


def _dose(
    name: str,
    plan: DosePlan,
    state: str,
    cleared: Clearance,
    *,
    because: frozenset[str],
    facts: dict[str, str],
    missing: frozenset[Missing] = frozenset(),
    judged: Judgement | None = None,
    window: str = "",
    until: int | None = None,
    since: int | None = None,
) -> Finding:
    """Make the finding of one dose; a window that is not known is absent."""
    fields: dict[str, str | frozenset[str]] = {
        "state": state,
        "departure": judged.words(MET) if judged else NOTHING,
        "departure_unknown": judged.words(UNKNOWN) if judged else NOTHING,
        "gate": str(cleared.deciding.verdict),
        "holding": str(cleared.holding.verdict),
        "warning": str(cleared.warning.verdict),
    }
    return Finding(
        "dose",
        name,
        fields | ({"window": window} if window else {}),
        until,
        since,
        because,
        missing,
        {"state": shown_word(state), **facts},
        judged.readings if judged else cleared.readings,
        plan.provenance,
        plan.place,
    )


# --- a slot that no dose fills ----------------------------------------------------------------------------------------


def _slot(slot: Slot, treatment: Treatment) -> Finding:
    dose = treatment.filling.fills.get(slot.name)
    if dose is None or treatment.unsettled or slot.name in treatment.filling.unsure:
        return _not_given(slot, treatment)
    doubt = treatment.doubts.get(slot.name)
    before = treatment.before(dose)
    judged = judge(dose, slot.plan, slot, before, treatment.context, doubtful=doubt is not None)
    window, beside = slot.window(dose.when.first), NOTHING if doubt is None else doubt.dose.because
    return _given(slot.name, dose, judged, treatment, plan=slot.plan, slot=slot, window=window, beside=beside)


def _not_given(slot: Slot, treatment: Treatment) -> Finding:
    context, vocabulary = treatment.context, treatment.context.program.vocabulary
    cleared = treatment.setting.clearance(slot.plan)
    refusal = treatment.filling.refusals.get(slot.name)
    stopping = _stopping(slot, treatment)
    state = _state(slot, refusal, cleared, stopping, treatment)
    missing = _missing(slot, state, cleared, treatment)
    if state == "unknown" and stopping.verdict is UNKNOWN:
        missing |= stopping.missing
    facts = planned_facts(slot.name, slot.plan, slot, missing) | gate_facts(cleared, vocabulary)
    if slot.waits and slot.planned is not None:
        facts["earliest"] = shown_date(slot.planned)
    if refusal is not None:
        facts["reason"] = word_of(refusal, "reason")
    return _dose(
        slot.name,
        slot.plan,
        state,
        cleared,
        because=_because(slot, state, refusal, cleared, treatment) | stopping.because,
        missing=missing,
        facts=facts,
        window="" if treatment.unsettled else slot.window(context.today),
        until=earliest(treatment.until, context.stop.until, cleared.until, stopping.until, *_turns(slot, treatment)),
    )


def _stopping(slot: Slot, treatment: Treatment) -> Reading:
    """Read what ends treatment: at the end of the slot's time, or at the question while that is to come."""
    if slot.plan.stop_if is None:
        return Reading(NOT_MET)
    now = treatment.context.question
    ends = None if slot.lapses is None else now.timeline.zone.start_of(slot.lapses) - 1
    if ends is None or ends >= now.at:
        return read(slot.plan.stop_if, now)
    return replace(read(slot.plan.stop_if, now.on(ends)), until=None)


def _state(slot: Slot, refusal: Item | None, cleared: Clearance, stopping: Reading, treatment: Treatment) -> str:
    """Give the first state that applies to a slot that no dose fills."""
    if treatment.unsettled or slot.name in treatment.filling.unsure:
        return "unknown"
    if refusal is not None:
        return "not_given"
    if slot.applies is NOT_MET or stopping.verdict is MET:
        return "cancelled"
    state = _by_dates(slot, cleared, treatment)
    # What is not due yet in any case is not in question.
    asked = slot.applies is UNKNOWN or stopping.verdict is UNKNOWN
    return "unknown" if asked and state not in {"not_due", "cancelled"} else state


def _by_dates(slot: Slot, cleared: Clearance, treatment: Treatment) -> str:
    """Give the state of a slot that no dose fills, if there is such a dose for the patient."""
    context = treatment.context
    lapsed = slot.lapses is not None and context.today >= slot.lapses
    if lapsed and not stopped_before(slot, context.stopped):
        # The dose that may be meant for it asks whose it is: until that is told, nobody can call this one missed.
        return "unknown" if _doubted(slot, treatment) else "missed"
    if context.stopped is not None:
        return "cancelled"
    if slot.first is None or slot.waits:
        return "not_due"
    return "held" if cleared.held else _BY_WINDOW[slot.window(context.today)]


def _doubted(slot: Slot, treatment: Treatment) -> bool:
    """Whether a dose in the next catchment may belong to this empty slot."""
    extra = treatment.doubts.get(slot.name)
    return extra is not None and extra.doubt == slot.name


def _missing(slot: Slot, state: str, cleared: Clearance, treatment: Treatment) -> frozenset[Missing]:
    if state in {"due", "overdue"}:
        return cleared.missing
    if state == "unknown" and _doubted(slot, treatment):
        return frozenset({_unnamed(treatment.doubts[slot.name])})
    if state == "unknown" and not treatment.unsettled:
        readings = treatment.filling.conditions.values()
        return frozenset[Missing]().union(*(each.missing for each in readings if each.verdict is UNKNOWN))
    return treatment.untold.missing if state == "unknown" else frozenset()


def _because(
    slot: Slot,
    state: str,
    refusal: Item | None,
    cleared: Clearance,
    treatment: Treatment,
) -> frozenset[str]:
    because = treatment.because | cleared.because
    if refusal is not None:
        because |= cited(refusal)
    if state == "cancelled":
        because |= treatment.context.stop.because
    if slot.plan.interval is not None:
        because |= treatment.filled_through(slot.name)
    if state == "unknown" and _doubted(slot, treatment):
        extra = treatment.doubts[slot.name]
        because |= extra.dose.because | treatment.filled_through(extra.slot)
    return because


def _turns(slot: Slot, treatment: Treatment) -> Iterable[int]:
    """Give the instants still to come at which dates alone may change a slot that no dose fills."""
    question = treatment.context.question
    cycle = [each for each in treatment.filling.slots if each.plan == slot.plan and each.number <= slot.number]
    days = [slot.first, None if slot.last is None else slot.last + 1, *(each.lapses for each in cycle)]
    starts = (question.timeline.zone.start_of(day) for day in days if day is not None)
    return (start for start in starts if start > question.at)


# --- a dose that was given --------------------------------------------------------------------------------------------


def _given(
    name: str,
    dose: Infusion,
    judged: Judgement,
    treatment: Treatment,
    *,
    plan: DosePlan,
    slot: Slot | None,
    window: str,
    beside: frozenset[str] = NOTHING,
) -> Finding:
    """Make the finding of a dose that was given; `beside` are records that decide what it is, beside its own."""
    day = dose.when.first
    missing = frozenset(Missing(f"{shown_word(each)} of {name}", day, day) for each in judged.words(UNKNOWN))
    missing |= judged.clearance.missing
    if "amount" in judged.words(UNKNOWN):
        missing |= judged.planned.missing
    earlier = treatment.filled_through(slot.name) if slot is not None else NOTHING
    facts = planned_facts(name, plan, slot, missing) | gate_facts(
        judged.clearance, treatment.context.program.vocabulary
    )
    return _dose(
        name,
        plan,
        "given",
        judged.clearance,
        because=treatment.because | judged.because | earlier | beside,
        missing=missing,
        facts=facts | given_facts(dose, plan, slot, judged),
        judged=judged,
        window=window,
        until=earliest(treatment.until, judged.until),
        since=dose.when.span(treatment.context.question.timeline.zone)[0],
    )


def _others(treatment: Treatment, rests: Hashable) -> Iterable[Finding]:
    """Give the doses that fill no slot, and the questions whose they are."""
    for extra in treatment.filling.extras:
        if treatment.seen(extra.dose):
            own = _parts(extra.dose), _before(extra.dose, extra.plan, treatment), extra.slot, extra.beyond, extra.doubt
            key = *own, _parts(treatment.filling.fills.get(extra.slot)), rests
            yield _once(treatment, extra.dose, ("extra", *key), partial(_extra, extra))
            if extra.doubt:
                yield _once(treatment, extra.dose, ("attribution", *key), partial(_attribution, extra))
    for dose in treatment.filling.waiting:
        if treatment.seen(dose):
            owner = plan_of(dose.parts[0], treatment.context.program.doses)
            assert owner is not None, "only doses of a plan are collected"
            waits = "waiting", _parts(dose), _before(dose, owner, treatment), rests
            yield _once(treatment, dose, waits, partial(_waiting, dose, owner))


def _waiting(dose: Infusion, owner: DosePlan, treatment: Treatment) -> Finding:
    judged = judge(dose, owner, None, treatment.before(dose), treatment.context)
    return _given(dose.id, dose, judged, treatment, plan=owner, slot=None, window="before")


def _extra(extra: Extra, treatment: Treatment) -> Finding:
    dose, plan = extra.dose, extra.plan
    slot = next((slot for slot in treatment.filling.slots if slot.name == extra.slot), None)
    window = "before" if slot is None else "past" if extra.beyond else slot.window(dose.when.first)
    judged = judge(dose, plan, None, treatment.before(dose), treatment.context, extra=True, doubtful=bool(extra.doubt))
    # Of several in one catchment the first may belong to the slot before: it decides that this one is too many.
    first = treatment.doubts.get(extra.slot)
    beside = treatment.filled_through(extra.slot) | (NOTHING if first is None else first.dose.because)
    return _given(dose.id, dose, judged, treatment, plan=plan, slot=None, window=window, beside=beside)


def _unnamed(extra: Extra) -> Missing:
    day = extra.dose.when.first
    return Missing(f"planned dose that {extra.dose.id} was ({extra.doubt} or {extra.slot})", day, day)


def _attribution(extra: Extra, treatment: Treatment) -> Finding:
    """Ask which of two planned doses this was: the answer settles what is missed, early or extra."""
    dose, zone = extra.dose, treatment.context.question.timeline.zone
    missing = frozenset({_unnamed(extra)})
    filler = treatment.filling.fills.get(extra.slot)
    also = f" or {filler.when}" if filler is not None else ""
    facts = told(None, missing, record=dose.id, problem="attribution", events=", ".join(sorted(dose.because)))
    facts["reason"] = f"the dose of {dose.when}{also} may be {extra.doubt} or {extra.slot}; name the planned dose"
    return Finding(
        "record",
        dose.id,
        {"problem": "attribution"},
        treatment.until,
        dose.when.span(zone)[0],
        treatment.because | dose.because | treatment.filled_through(extra.slot),
        missing,
        facts,
        provenance=extra.plan.provenance,
        place=extra.plan.place,
    )
