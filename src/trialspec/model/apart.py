"""How far apart two points of a plan lie, as far as the plan alone says, and what of a schedule contradicts that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trialspec.kernel import Fixed, Point, Shift
from trialspec.model.scope import At
from trialspec.program import Course, DosePlan, VisitPlan
from trialspec.quantity import Duration

_DAY = 86_400
_CALENDAR = Fixed(0)


@dataclass(frozen=True, slots=True)
class Distance:
    """From one point to a later one, in seconds; a month has 28 to 31 days. Below zero the later comes first."""

    least: int
    most: int

    def less(self, other: Distance) -> Distance:
        """Take another distance off."""
        return Distance(self.least - other.most, self.most - other.least)

    def plus(self, other: Distance) -> Distance:
        """Put another distance to it."""
        return Distance(self.least + other.least, self.most + other.most)


def length(duration: Duration) -> Distance:
    """Give how long a duration is; a day has 24 hours here."""
    if duration.seconds is not None:
        return Distance(duration.seconds, duration.seconds)
    if duration.days is not None:
        return Distance(duration.days * _DAY, duration.days * _DAY)
    years, months = divmod(duration.months or 0, 12)
    return Distance((years * 365 + months * 28) * _DAY, (years * 366 + months * 31) * _DAY)


def apart(first: Point, second: Point) -> Distance | None:
    """Give how far the second point lies after the first; nothing where they are counted from different ones."""
    (one, start), (other, end) = _counted(first), _counted(second)
    return end.less(start) if one == other else None


def ends_before(end: Point, other: Point) -> bool:
    """Whether one point surely comes before another."""
    distance = apart(end, other)
    return distance is not None and distance.least > 0


def _counted(point: Point) -> tuple[Point, Distance]:
    found = Distance(0, 0)
    while isinstance(point, Shift):
        by = length(point.by)
        found = found.less(by) if point.earlier else found.plus(by)
        point = point.point
    if isinstance(point, Fixed):
        return _CALENDAR, found.plus(Distance(point.day * _DAY, point.day * _DAY))
    return point, found


# --- what contradicts the plan ----------------------------------------------------------------------------------------


def check_due(plan: DosePlan | VisitPlan, end: Point | None, at: At) -> None:
    """Report a dose or visit that is missed, or belongs nowhere, while its window is still open."""
    for key in ("belongs_until", "missed_after"):
        point = getattr(plan, key, None)
        if point is not None and end is not None and ends_before(point, end):
            message = f"`{key}` lies before the end of the window, in which it is still in time"
            at[key].report("schedule-conflict", message, "write the last day of the window, or a later one")
    if plan.first_due is not None and plan.first_due_from and ends_before(plan.first_due, plan.first_due_from):
        message = "it is due up to `first_due`, and that lies before `first_due_from`"
        at["first_due"].report("schedule-conflict", message, "write the earlier point as `first_due_from`")


def check_slots(plan: DosePlan, at: At) -> None:
    """Report planned doses of one name that no record could be told apart by."""
    check_due(plan, Shift(plan.planned[-1], plan.late), at)
    windows = length(plan.late).plus(length(plan.early))
    merged, least = False, False  # each is said once
    for number, distance, here in _intervals(plan, at):
        of = f"`{plan.name}#{number}` and `{plan.name}#{number + 1}`"
        if distance.most <= 0:
            message = f"{of} are planned " + ("in the wrong order" if distance.most < 0 else "for the same day")
            here.report("schedule-conflict", message, "list the days in order, each once")
            continue
        # A date that two windows share belongs to the earlier while that is empty; more than that they do not share.
        if distance.most < windows.least:
            message = f"the windows of {of} overlap: a dose in both could be either"
            here.report("schedule-conflict", message, "let one window end before the next begins: `early` and `late`")
        if plan.interval_at_least is not None and length(plan.interval_at_least).least > distance.most and not least:
            least = True
            message = f"{of} are planned less than {plan.interval_at_least} apart"
            advice = "state the least time that the plan itself keeps"
            at["interval_at_least"].report("schedule-conflict", message, advice)
        if length(plan.merge_within).least >= distance.most and not merged:
            merged = True
            message = f"parts that begin within {plan.merge_within} are one dose, and {of} are no further apart"
            at["merge_within"].report("schedule-conflict", message, "state a shorter `merge_within`")


def _intervals(plan: DosePlan, at: At) -> Iterator[tuple[int, Distance, At]]:
    """Give the planned time from each slot to the next, and where it is written; of rolling ones the first."""
    for index, (first, second) in enumerate(zip(plan.planned, plan.planned[1:], strict=False)):
        distance = apart(first, second)
        written = at["on"].node.kind == "list" and index + 1 < len(at["on"].node.members())
        if distance is not None:
            yield index + 1, distance, at["on"][index + 1] if written else at["every"]
        if not written:
            return  # those that repeat are all alike
    if plan.interval is not None:
        yield len(plan.planned), length(plan.interval), at["every"]


def check_course(course: Course, plans: Iterable[DosePlan], at: At) -> None:
    """Report a dose of the course whose window only begins when the course is over."""
    for index, name in enumerate(course.of):
        for plan in plans:
            for number, planned in enumerate(plan.planned, 1):
                if plan.name == name and ends_before(course.through, Shift(planned, plan.early, earlier=True)):
                    message = f"the course ends before the window of `{name}#{number}` begins"
                    advice = "write a later `through`, or leave the dose out of the course"
                    declared = () if plan.place is None else ((plan.place, f"`{name}` is planned here"),)
                    here = at["of"][index] if at["of"].node.kind == "list" else at["of"]
                    here.report("schedule-conflict", message, advice, *declared)
                    break
