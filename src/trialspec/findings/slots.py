"""Which planned dose is when, and which dose that was given fills it.

Doses of plans that share a drug are told apart together: an unnamed rituximab may be the loading or a later one.
Everything here is asked in one world, where each date is certain.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, pairwise
from typing import TYPE_CHECKING

from trialspec.findings.infusions import word_of
from trialspec.findings.once import once
from trialspec.interpreters.reading import Reading, earliest
from trialspec.interpreters.reference import locate, read
from trialspec.interpreters.selection import moved
from trialspec.kernel import Dose, Shift
from trialspec.quantity import Codes
from trialspec.times import When, on_date
from trialspec.truth import MET, NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialspec.findings.infusions import Infusion
    from trialspec.interpreters.reading import Question
    from trialspec.kernel import Point
    from trialspec.patient import Item
    from trialspec.program import DosePlan, Program
    from trialspec.quantity import Duration
    from trialspec.truth import Verdict


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned dose: dates in the patient's zone, `None` while they are not known.

    It is permitted from `first` through `last`. `ends` is the last date on which an unnamed dose may still fill it, and
    `lapses` the first date on which it is missed if it is empty. `due` is the date by which one that anchors itself is
    to be given. One that `waits` comes after an open slot of its cycle. `applies` is whether there is such a dose for
    the patient.
    """

    plan: DosePlan
    number: int
    planned: int | None = None
    first: int | None = None
    last: int | None = None
    ends: int | None = None
    lapses: int | None = None
    due: int | None = None
    waits: bool = False
    applies: Verdict = MET

    @property
    def name(self) -> str:
        """Its name: `RTX#1`."""
        return f"{self.plan.name}#{self.number}"

    def window(self, day: int) -> str:
        """Say whether a date lies before the window, in it, or past it."""
        if self.first is None or day < self.first:
            return "before"
        return "past" if self.last is not None and day > self.last else "open"


@dataclass(frozen=True, slots=True)
class Extra:
    """A dose that fills no slot: one too many in the catchment of `slot`, or after the last catchment (`beyond`).

    `doubt` is the empty slot before it, which it may as well belong to until somebody names one of the two.
    """

    dose: Infusion
    slot: str
    plan: DosePlan
    beyond: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Filling:
    """The slots of plans that share a drug, in plan order, and what fills them.

    `waiting` are unnamed doses given while no slot of theirs has a date. `points` are the readings of all dates used,
    `conditions` those of what says for whom there is a slot. `unsure` are the slots of which nothing can be said while
    it is open for whom there are others, each with the doses that may be theirs.
    """

    slots: tuple[Slot, ...]
    fills: Mapping[str, Infusion] = field(default_factory=dict)
    refusals: Mapping[str, Item] = field(default_factory=dict)
    extras: tuple[Extra, ...] = ()
    waiting: tuple[Infusion, ...] = ()
    points: tuple[Reading, ...] = ()
    conditions: Mapping[str, Reading] = field(default_factory=dict)
    unsure: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def because(self) -> frozenset[str]:
        """The records that set the dates, and those that tell for whom they are."""
        return frozenset[str]().union(*(reading.because for reading in (*self.points, *self.conditions.values())))

    @property
    def until(self) -> int | None:
        """When one of the dates may next move."""
        return earliest(*(reading.until for reading in (*self.points, *self.conditions.values())))

    @property
    def unsettled(self) -> bool:
        """Whether a date is still uncertain."""
        return any(isinstance(point.value, When) and point.value.first != point.value.last for point in self.points)


# --- plans ------------------------------------------------------------------------------------------------------------


@once
def families(program: Program) -> tuple[tuple[DosePlan, ...], ...]:
    """Put plans that share a drug together, in the order of the protocol.

    What is first due without saying from when is due from enrolment on.
    """
    enrolled = program.moments.get("enrolled")
    found: list[list[DosePlan]] = []
    for each in program.doses:
        plan = replace(each, first_due_from=each.first_due_from or enrolled)
        kin = [family for family in found if any(plan.drugs & other.drugs for other in family)]
        found = [family for family in found if family not in kin] + [[*(p for family in kin for p in family), plan]]
    return tuple(tuple(family) for family in found)


def slot_names(plan: DosePlan) -> tuple[str, ...]:
    """Give the names of its slots; of a cycle without an end, those that are planned by themselves."""
    return tuple(f"{plan.name}#{number}" for number in range(1, max(len(plan.planned), plan.times, 1) + 1))


def points_of(plan: DosePlan) -> tuple[Point, ...]:
    """Give every point that its dates are counted from."""
    others = (plan.first_due, plan.first_due_from if plan.first_due else None, plan.missed_after, plan.belongs_until)
    return (*plan.planned, *(point for point in others if point is not None))


def named_plan(word: str, plans: Sequence[DosePlan]) -> DosePlan | None:
    """Give the plan that has a slot of this name."""
    name, _, number = word.rpartition("#")
    if not (number.isdecimal() and number.isascii() and int(number) > 0):
        return None
    for plan in plans:
        endless = plan.interval is not None and not plan.times
        if plan.name == name and (endless or int(number) <= len(slot_names(plan))):
            return plan
    return None


def meant_slots(plans: Sequence[DosePlan], item: Item) -> frozenset[str]:
    """Give the slots that an administration may be meant for where the one that it names is none; `""` is none of them.

    Nothing for one that names a slot or none, or whose drug is not planned.
    """
    planned, drug = item.fields.get("planned"), item.fields.get("drug")
    if not isinstance(planned, Codes) or not isinstance(drug, Codes) or planned.words is None:
        return frozenset()
    if all(named_plan(name, plans) is not None for name in planned.words):
        return frozenset()
    own = [slot_names(plan) for plan in plans if drug.among(plan.drugs) is not NOT_MET]
    return frozenset({"", *chain.from_iterable(own)}) if own else frozenset()


# --- attribution ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a slot beside its own dates: the date of the first stop, and the end of the course by plan."""

    stop: int | None
    course: Mapping[str, Reading]


def attribute(
    plans: Sequence[DosePlan],
    doses: Sequence[Infusion],
    refusals: Sequence[Item],
    question: Question,
    limits: Limits,
) -> Filling:
    """Say which dose fills which slot; doses and refusals (planned, and not done) come in the order of their time.

    A dose that names its slot fills it. The others are taken in time order: the first in a catchment fills its empty
    slot, a further one is extra. What was not done fills a slot that is otherwise empty. So the slots are walked in the
    order of their dates, each taking what belongs to it. On dates in the windows of two slots the earlier takes what
    comes as long as it is empty, and the later what comes then.

    Where it is open for whom there are some of them, this is asked once with them and once without; what differs is
    unsure.
    """
    calendar = _calendar(plans, question, limits)
    filling = _walked(plans, doses, refusals, calendar, frozenset())
    open_ = {slot.plan.name for slot in filling.slots if slot.applies is UNKNOWN}
    if not open_:
        return filling
    # Plans that ask the same stand or fall together.
    asked = [group for group in _alike(plans) if group & open_]
    if len(asked) > _MOST_OPEN:
        everywhere = frozenset(dose.id for dose in doses)
        return replace(filling, unsure={slot.name: everywhere for slot in filling.slots}, extras=(), waiting=())
    subsets = (
        frozenset[str]().union(*some) for number in range(len(asked)) for some in combinations(asked, number + 1)
    )
    others = [_walked(plans, doses, refusals, calendar, out) for out in subsets]
    return _agreed(filling, others, question)


_MOST_OPEN = 4


def _alike(plans: Sequence[DosePlan]) -> list[frozenset[str]]:
    """Put together the plans that are for the same patients."""
    groups: list[list[DosePlan]] = []
    for plan in plans:
        if plan.only_if is not None:
            same = next((group for group in groups if group[0].only_if == plan.only_if), None)
            if same is None:
                groups.append([plan])
            else:
                same.append(plan)
    return [frozenset(plan.name for plan in group) for group in groups]


def _agreed(filling: Filling, others: Sequence[Filling], question: Question) -> Filling:
    """Name the slots that are not filled, or not missed, alike in every case in which there are such slots."""
    today = question.timeline.zone.date_of(question.at)
    cases = [(case, {slot.name: slot for slot in case.slots}) for case in (filling, *others)]
    places: dict[str, set[str]] = {}
    for case, _ in cases:
        for name, dose in case.fills.items():
            places.setdefault(dose.id, set()).add(name)
    unsure: dict[str, frozenset[str]] = {}
    for slot in filling.slots:
        there = [
            (case, own)
            for case, slots in cases
            if (own := slots.get(slot.name)) is not None and own.applies is not NOT_MET
        ]
        fills = [case.fills.get(slot.name) for case, _ in there]
        filled = {dose.id for dose in fills if dose is not None}
        lapsed = {own.lapses is not None and own.lapses <= today for _, own in there}
        # Where it is open whether there is such a dose, one that does not name it may be none.
        loose = slot.applies is UNKNOWN and any(dose is not None and dose.names != slot.name for dose in fills)
        if filled and (loose or None in fills or len(filled) > 1 or any(len(places[dose]) > 1 for dose in filled)):
            unsure[slot.name] = frozenset(filled)
        elif not filled and (len(lapsed) > 1 or len({slot.name in case.refusals for case, _ in there}) > 1):
            unsure[slot.name] = frozenset()
    return replace(
        filling,
        unsure=unsure,
        extras=tuple(extra for extra in filling.extras if extra.dose.id not in places),
        waiting=tuple(dose for dose in filling.waiting if dose.id not in places),
    )


def _walked(
    plans: Sequence[DosePlan],
    doses: Sequence[Infusion],
    refusals: Sequence[Item],
    calendar: _Calendar,
    out: frozenset[str],
) -> Filling:
    """Say which dose fills which slot, if there are none of some plans where that is open (`out`)."""
    question = calendar.question
    named: dict[str, Infusion] = {}
    for dose in doses:
        if named_plan(dose.names, plans):
            named.setdefault(dose.names, dose)
    fills = dict(named)
    refused: dict[str, Item] = {}
    for item in refusals:
        if named_plan(word_of(item, "planned"), plans):
            refused.setdefault(word_of(item, "planned"), item)
    loose = deque(dose for dose in doses if not named_plan(dose.names, plans))
    undone = deque(item for item in refusals if not named_plan(word_of(item, "planned"), plans))
    furthest = {plan.name: _furthest(plan, [*fills, *refused]) for plan in plans}
    planned = [calendar.applying(slot, out) for slot in sorted(calendar.dated, key=_by_date(plans))]
    pending = [slot for slot in planned if slot.applies is not NOT_MET]
    cancelled = [slot for slot in planned if slot.applies is NOT_MET]
    walked: list[Slot] = []
    further: list[tuple[Infusion, Slot]] = []
    ended: set[str] = set()  # the plans that ended with a missed dose
    while pending:
        slot = pending.pop(0)
        if slot.name not in fills and loose:
            denied = slot.name in refused or (bool(undone) and undone[0].when.first < loose[0].when.first)
            ends = calendar.ends(slot, _next(slot, None, pending, question), taken=denied)
            if _within(loose[0].when.first, ends):
                fills[slot.name] = loose.popleft()
        fill = fills.get(slot.name)
        following = _next(slot, fill, pending, question)
        ends = calendar.ends(slot, following)
        if not fill and slot.name not in refused and undone and _within(undone[0].when.first, ends):
            refused[slot.name] = undone.popleft()
        own = calendar.ends(slot, following, taken=fill is not None or slot.name in refused)
        while loose and _within(loose[0].when.first, own):
            further.append((loose.popleft(), slot))
        while undone and _within(undone[0].when.first, own):
            undone.popleft()  # it says again that the dose was not given, or is outweighed
        slot = calendar.lapsing(replace(slot, ends=ends))
        walked.append(slot)
        is_open = not (fill or slot.name in refused or calendar.missed(slot))
        after = _rolled(slot, fill, question)
        if slot.plan.if_missed == "stop" and not is_open and not (fill or slot.name in refused):
            gone = [each for each in (*pending, *([after] if after else [])) if each.plan.name == slot.plan.name]
            cancelled += [replace(each, applies=NOT_MET) for each in gone]
            pending = [each for each in pending if each.plan.name != slot.plan.name]
            ended.add(slot.plan.name)
            continue
        waits = is_open or slot.waits
        while after is not None and (slot.plan.times or not slot.waits or slot.number < furthest[slot.plan.name]):
            slot = calendar.applying(replace(after, waits=waits), out)
            if slot.applies is not NOT_MET:
                insort(pending, slot, key=_by_date(plans))
                break
            cancelled.append(slot)
            # What there is not leaves the dates of those after it as they were planned.
            after, waits = _rolled(slot, fills.get(slot.name), question), True
            slot = replace(slot, waits=True)
    beyond = [Extra(dose, walked[-1].name, walked[-1].plan, beyond=True) for dose in loose] if walked else []
    beyond += [] if walked else [_for_nobody(dose, cancelled) for dose in loose if cancelled]
    again = [dose for dose in doses if dose.names in named and named[dose.names] is not dose]
    extras = [
        *(Extra(dose, dose.names, _plan_of(dose.names, plans)) for dose in again),
        *_with_doubts(further, walked, {*fills, *refused}),
        *beyond,
    ]
    return Filling(
        tuple(
            replace(slot, applies=NOT_MET) if slot.planned is None and slot.plan.name in ended else slot
            for slot in _listed(plans, [*walked, *cancelled], calendar, furthest, out)
        ),
        fills,
        {name: item for name, item in refused.items() if name not in fills},
        tuple(sorted(extras, key=lambda extra: doses.index(extra.dose))),
        () if walked or cancelled else tuple(loose),
        calendar.points,
        {name: reading for name, (_, reading) in calendar.conditions.items()},
    )


def _for_nobody(dose: Infusion, cancelled: Sequence[Slot]) -> Extra:
    """Give a dose of which there is none for the patient, at the slot that it lies nearest to."""
    slot = min(cancelled, key=lambda each: (abs((each.planned or 0) - dose.when.first), each.name))
    return Extra(dose, slot.name, slot.plan)


def _with_doubts(further: Sequence[tuple[Infusion, Slot]], walked: Sequence[Slot], filled: set[str]) -> list[Extra]:
    """Tell a dose that may belong to the empty slot before its own from one that is surely too many."""
    before = {slot.name: earlier.name for earlier, slot in pairwise(walked)}
    doubted: set[str] = set()
    found = []
    for dose, slot in further:
        earlier = before.get(slot.name, "")
        doubtful = earlier not in filled | doubted | {""}
        doubted |= {earlier} if doubtful else set()
        found.append(Extra(dose, slot.name, slot.plan, doubt=earlier if doubtful else ""))
    return found


def _plan_of(name: str, plans: Sequence[DosePlan]) -> DosePlan:
    plan = named_plan(name, plans)
    assert plan is not None, "only names of slots are kept"
    return plan


def _furthest(plan: DosePlan, names: Sequence[str]) -> int:
    return max((int(name.rpartition("#")[2]) for name in names if name.rpartition("#")[0] == plan.name), default=1)


def _listed(
    plans: Sequence[DosePlan],
    walked: Sequence[Slot],
    calendar: _Calendar,
    furthest: Mapping[str, int],
    out: frozenset[str],
) -> tuple[Slot, ...]:
    """Give the slots in plan order, those without a date among them."""
    dated = {slot.name: slot for slot in walked}
    listed = []
    for plan in plans:
        numbers = [slot.number for slot in walked if slot.plan == plan]
        count = max(len(slot_names(plan)), furthest[plan.name], *numbers, 1)
        slots = (dated.get(f"{plan.name}#{number}", Slot(plan, number)) for number in range(1, count + 1))
        listed += [calendar.applying(calendar.first_due(slot), out) if slot.planned is None else slot for slot in slots]
    return tuple(listed)


# --- dates ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The dates of the plans as they stand at the question, every point read once and found by identity."""

    question: Question
    limits: Limits
    dated: tuple[Slot, ...]
    located: Mapping[int, tuple[Point, Reading]]
    conditions: dict[str, tuple[int, Reading]] = field(default_factory=dict)

    def applying(self, slot: Slot, out: frozenset[str]) -> Slot:
        """Say whether there is such a dose: on the last day of its window, or now while that is to come."""
        if slot.plan.only_if is None:
            return slot
        last = None if slot.last is None else self.question.timeline.zone.end_of(slot.last)
        at = self.question.at if last is None else min(last, self.question.at)
        known = self.conditions.get(slot.name)
        if known is None or known[0] != at:
            reading = read(slot.plan.only_if, self.question if at == self.question.at else self.question.on(at))
            known = self.conditions[slot.name] = at, reading if at == self.question.at else replace(reading, until=None)
        applies = known[1].verdict
        return replace(slot, applies=NOT_MET if applies is UNKNOWN and slot.plan.name in out else applies)

    @property
    def points(self) -> tuple[Reading, ...]:
        return (*(reading for _, reading in self.located.values()), *self.limits.course.values())

    def day(self, point: Point | None) -> int | None:
        entry = None if point is None else self.located.get(id(point))
        return entry[1].value.last if entry is not None and isinstance(entry[1].value, When) else None

    def ends(self, slot: Slot, following: Slot | None, *, taken: bool = False) -> int | None:
        """Give the last date of a catchment: what lies nearer to its window than to the next one, or is its own.

        Dates in both windows are its own while it is empty, and those of the next slot once it is `taken`.
        """
        border = None
        if following is not None and slot.last is not None and following.first is not None:
            border = (slot.last + following.first - 1) // 2
            if following.first <= slot.last:
                border = following.first - 1 if taken else slot.last
        return earliest(border, self._own_end(slot) if _is_last(slot) else None)

    def _own_end(self, slot: Slot) -> int | None:
        """One interval after the window, unless the plan says how long the last slot's doses belong to it."""
        plan = slot.plan
        if plan.belongs_until is not None or slot.last is None:
            return self.day(plan.belongs_until)
        if plan.interval is not None and slot.number >= len(plan.planned):
            return shifted(slot.last, plan.interval, self.question)
        before = self.day(plan.planned[slot.number - 2]) if slot.number > 1 else None
        return None if before is None or slot.planned is None else slot.last + slot.planned - before

    def lapsing(self, slot: Slot) -> Slot:
        """Say from when on a slot is missed: after its catchment or after `missed_after`, whichever comes first."""
        plan = slot.plan
        end = self.day(plan.missed_after)
        course = self.limits.course.get(plan.name)
        if plan.missed_after is None and course is not None and isinstance(course.value, When):
            end = course.value.last
        last = earliest(slot.ends, end)
        due = self.day(plan.first_due) if slot.number == 1 else None
        return replace(slot, lapses=None if last is None else last + 1, due=due)

    def missed(self, slot: Slot) -> bool:
        """Whether its time has ended, and no stop came first."""
        today = self.question.timeline.zone.date_of(self.question.at)
        return slot.lapses is not None and slot.lapses <= today and not stopped_before(slot, self.limits.stop)

    def first_due(self, slot: Slot) -> Slot:
        """Give the first slot of a plan, while the moment that its own dose sets has not happened, its other dates."""
        plan = slot.plan
        if slot.number > 1 or plan.first_due is None:
            return slot
        first, end = self.day(plan.first_due_from), self.day(plan.missed_after)
        due = self.day(plan.first_due)
        return replace(slot, first=first, last=due, due=due, lapses=None if end is None else end + 1)


def stopped_before(slot: Slot, stop: int | None) -> bool:
    """Whether treatment was stopped before the slot would have been missed."""
    return stop is not None and (slot.lapses is None or stop < slot.lapses)


def _calendar(plans: Sequence[DosePlan], question: Question, limits: Limits) -> _Calendar:
    located = {id(point): (point, locate(point, question)) for plan in plans for point in points_of(plan)}
    dated = []
    for plan in plans:
        for number, point in enumerate(plan.planned, 1):
            planned = located[id(point)][1].value
            if isinstance(planned, When):
                dated.append(_slot(plan, number, planned.first, question))
    return _Calendar(question, limits, tuple(dated), located)


def _slot(plan: DosePlan, number: int, planned: int, question: Question) -> Slot:
    first = shifted(planned, plan.early, question, earlier=True)
    return Slot(plan, number, planned, first, shifted(planned, plan.late, question))


def shifted(day: int, by: Duration, question: Question, *, earlier: bool = False) -> int:
    """Move a date by days, months or years."""
    return moved(on_date(day), Shift(Dose(), by, earlier), question.timeline.zone).first


def _rolled(slot: Slot, fill: Infusion | None, question: Question) -> Slot | None:
    """Plan the next dose of a cycle: one interval after this one if it was given, else after its planned date."""
    plan = slot.plan
    if plan.interval is None or slot.planned is None or slot.number < len(plan.planned) or _is_last(slot):
        return None
    since = slot.planned if fill is None else fill.when.first
    # A cycle moves on by a day at least: a plan that repeats by the hour is no matter of dates.
    return _slot(plan, slot.number + 1, max(shifted(since, plan.interval, question), since + 1), question)


def _next(slot: Slot, fill: Infusion | None, pending: Sequence[Slot], question: Question) -> Slot | None:
    """Give the slot that comes after this one by date."""
    rolled = _rolled(slot, fill, question)
    candidates = [*pending[:1], *([rolled] if rolled else [])]
    return min(candidates, key=lambda each: each.first or 0, default=None)


def _by_date(plans: Sequence[DosePlan]) -> Callable[[Slot], tuple[int, int, int]]:
    order = {plan.name: number for number, plan in enumerate(plans)}
    return lambda slot: (slot.first or 0, order[slot.plan.name], slot.number)


def _within(day: int, ends: int | None) -> bool:
    return ends is None or day <= ends


def _is_last(slot: Slot) -> bool:
    plan = slot.plan
    if plan.interval is None or plan.times:
        return slot.number >= max(len(plan.planned), plan.times)
    return False
