"""Where visits lie: their windows, and the stretch of dates that belongs to each.

A visit is *placed* once the points of its window have happened. Placed visits are put in the order of their windows; a
**catchment** is the stretch of dates that belongs to a visit: the borders are the midpoints between the last permitted
date of one and the first of the next (a date equally far from both goes to the later), the first begins at `screened`,
the last ends as many days after its window as the window has. A catchment always holds its own window.

A visit is due in its window, overdue from then to the end of its catchment (or to `missed_after`, if that is earlier,
but never before the window closes), then missed. A deadline in days falls at the end of its date.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from trialspec.findings.once import once
from trialspec.findings.records import FIRST_CONSENT, stopped
from trialspec.interpreters.reading import NOTHING, Missing, Question, Reading, earliest
from trialspec.interpreters.reference import compare_when, locate
from trialspec.interpreters.selection import is_clock, moments, moved
from trialspec.kernel import Moment, Point, Shift
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every, negate

if TYPE_CHECKING:
    from collections.abc import Container

    from trialspec.kernel import Window
    from trialspec.program import Program, VisitPlan
    from trialspec.times import Zone


class Placing(NamedTuple):
    """Where a visit lies in one world: first and last permitted date, planned day, and its catchment's dates.

    `None` is an open end. `opens` and `closes` are the instants of the window, `ends` that after which it is missed;
    `begins` and `finishes` are the window's located points. One that does not `apply` is for other patients.
    """

    window: Window
    placed: bool
    applies: bool = True
    begins: When | None = None
    finishes: When | None = None
    first: int | None = None
    last: int | None = None
    opens: int | None = None
    closes: int | None = None
    planned: int | None = None
    start: int | None = None
    end: int | None = None
    ends: int | None = None
    because: frozenset[str] = NOTHING
    missing: frozenset[Missing] = frozenset()
    until: int | None = None


def dated(reading: Reading | None) -> When | None:
    """Give when a point is, if it has happened."""
    return reading.value if reading is not None and isinstance(reading.value, When) else None


# Gives where a point is, in one world.
Locate = Callable[[Point], Reading]


def locating(question: Question) -> Locate:
    """Locate points in one world, looking for each moment only once: many points are counted from few moments."""
    # By identity: a point is compared with its whole definition. The point is kept, so that its identity stays its own.
    known: dict[int, tuple[Point, Reading]] = {}

    def find(point: Point) -> Reading:
        if id(point) not in known:
            known[id(point)] = point, shifted(point) if isinstance(point, Shift) else locate(point, question)
        return known[id(point)][1]

    def shifted(point: Shift) -> Reading:
        base = find(point.point)
        value = moved(base.value, point, question.timeline.zone) if isinstance(base.value, When) else None
        return Reading(value, base.because, base.missing, base.until, choices=base.choices, node=point, parts=(base,))

    return find


def window_place(window: Window, planned: Point | None, find: Locate, zone: Zone) -> Placing:
    """Locate a window in one world; one whose end has not happened is open, one whose start has not is not placed."""
    located = [None if point is None else find(point) for point in (window.start, window.end, planned)]
    start, end, day = (dated(reading) for reading in located)
    first = last = opens = closes = None
    if start is not None:
        # Of a moment with a time of day, what is excluded is what came before that time, not the rest of its date.
        first = start.first + (1 if window.after and not start.instants else 0)
        opens = start.instants[0] if start.instants else zone.start_of(first)
    if end is not None:
        last = end.last - (1 if window.before and not end.instants else 0)
        closes = deadline(window.end, end, last, zone)
    return Placing(
        window,
        placed=window.start is None or start is not None,
        begins=start,
        finishes=end,
        first=first,
        last=last,
        opens=opens,
        closes=closes,
        planned=None if day is None else day.first,
        because=NOTHING.union(*(reading.because for reading in located if reading is not None)),
        missing=frozenset[Missing]().union(*(reading.missing for reading in located if reading is not None)),
        until=earliest(*(reading.until for reading in located if reading is not None)),
    )


def deadline(point: Point | None, when: When, last: int, zone: Zone) -> int:
    """Give the instant of a deadline: the end of its date, unless it was reached by counting hours."""
    return when.instants[-1] if is_clock(point) and when.instants else zone.end_of(last)


def places(program: Program, find: Locate, zone: Zone, out: Container[str] = ()) -> dict[str, Placing]:
    """Say where every visit lies, and its catchment, in one world; those that are `out` are for other patients."""
    found_: dict[str, Placing] = {}
    for plan in program.visits:
        place = window_place(plan.window, plan.on, find, zone)
        waiting = plan.first_due is not None and plan.window.end is not None and place.last is None
        found_[plan.name] = place._replace(placed=place.placed and not waiting, applies=plan.name not in out)
    screened = program.moments.get("screened")
    begin = None if screened is None else find(screened)
    begins = dated(begin)
    there = (name for name, place in found_.items() if place.placed and place.applies)
    ordered = sorted(there, key=lambda name: _order(found_[name]))
    for name, before, after in zip(ordered, [None, *ordered], [*ordered[1:], None], strict=False):
        place = found_[name]
        start = _border(found_[before], place) if before else None if begins is None else begins.first
        end = _last_date(place) if after is None else _border(place, found_[after], last=True)
        found_[name] = place._replace(
            start=start if start is None or place.first is None else min(start, place.first),
            end=end if end is None or place.last is None else max(end, place.last),
            because=place.because if begin is None or before else place.because | begin.because,
            until=place.until if begin is None else earliest(place.until, begin.until),
        )
    return {plan.name: _ending(plan, found_[plan.name], find, zone) for plan in program.visits}


def _order(place: Placing) -> tuple[int, int, int, int]:
    """Sort by first, then by last permitted date; an open start comes first, an open end last."""
    start = (0, 0) if place.first is None else (1, place.first)
    return (*start, *((1, 0) if place.last is None else (0, place.last)))


def _border(one: Placing, other: Placing, *, last: bool = False) -> int | None:
    """Give the first date that is not farther from `other` than from `one`, or the last before it."""
    if other.first is None:
        return None
    border = other.first if one.last is None else -(-(one.last + other.first) // 2)
    return border - 1 if last else border


def _last_date(place: Placing) -> int | None:
    if place.last is None:
        return None
    return place.last + (0 if place.first is None else max(place.last - place.first + 1, 0))


def _ending(plan: VisitPlan, place: Placing, find: Locate, zone: Zone) -> Placing:
    """Add after which instant the visit is missed; one without a last date only after `missed_after`."""
    limit = None if plan.missed_after is None else find(plan.missed_after)
    when = dated(limit)
    named = None if when is None else deadline(plan.missed_after, when, when.last, zone)
    if limit is not None:
        place = place._replace(because=place.because | limit.because, until=earliest(place.until, limit.until))
    if not place.placed or place.closes is None:
        return place._replace(ends=named)
    caught = None if place.end is None else zone.end_of(place.end)
    ends = min((end for end in (named, caught) if end is not None), default=None)
    return place._replace(ends=None if ends is None else max(ends, place.closes))


def catchment(program: Program, visit: str, question: Question) -> tuple[int | None, int | None] | None:
    """Give the first and last date that belong to a visit in one world (`None`: open), if it is placed."""
    place = places(program, locating(question), question.timeline.zone)[visit]
    return (place.start, place.end) if place.placed else None


@once
def points(program: Program) -> list[Point]:
    """Give every point on which the place of a visit depends, for `worlds`."""
    found_: list[Point] = []
    for plan in program.visits:
        own = (plan.window.start, plan.window.end, plan.on, plan.first_due, plan.first_due_from, plan.missed_after)
        found_ += [point for point in own if point is not None]
    return [*found_, *trial_points(program), FIRST_CONSENT]


@once
def trial_points(program: Program) -> list[Point]:
    """Give the points on which it depends whether the patient takes part, for `worlds`."""
    named = (moment for name, moment in program.moments.items() if name in {"screened", "enrolled"})
    return [stopped(program), *named]


@once
def anchors(program: Program) -> tuple[Moment, ...]:
    """Give every moment on which the place of a visit depends."""
    told = {moment: None for point in points(program) for moment in sorted(moments(point), key=str)}
    return tuple(told)


def window_points(window: Window) -> list[Point]:
    """Give the points of a window that are stated."""
    return [point for point in (window.start, window.end) if point is not None]


def lies_inside(when: When, place: Placing, zone: Zone) -> Verdict:
    """Say whether a time lies in a window that has been located, as the reference does for an item in sight."""
    return every(_sides(when, place, zone))


def _sides(when: When, place: Placing, zone: Zone) -> tuple[Verdict, Verdict]:
    """Say whether a time is not before the start of a window, and whether it is not after its end."""
    started = ended = MET
    if place.begins is not None:
        before, not_after = compare_when(when, place.begins, zone, clock=is_clock(place.window.start))
        started = negate(not_after if place.window.after else before)
    if place.finishes is not None:
        before, not_after = compare_when(when, place.finishes, zone, clock=is_clock(place.window.end))
        ended = before if place.window.before else not_after
    return started, ended


# --- while the anchor has not happened --------------------------------------------------------------------------------


def would_lie_inside(when: When, window: Window, find: Locate, zone: Zone, today: int) -> tuple[Verdict, int | None]:
    """Say whether a time would lie in a window if the anchor happened on a date, and from when on it says otherwise."""

    def happened(point: Point, date: int) -> When:
        when = dated(find(point))
        if when is None and isinstance(point, Shift):
            return moved(happened(point.point, date), point, zone)
        return When(date, date) if when is None else when

    def supposed(point: Point | None, date: int) -> When | None:
        return None if point is None else happened(point, date)

    def sides(date: int) -> tuple[Verdict, Verdict]:
        return _sides(
            when,
            Placing(window, placed=True, begins=supposed(window.start, date), finishes=supposed(window.end, date)),
            zone,
        )

    started, ended = sides(today)
    if started is NOT_MET:
        return NOT_MET, None  # a later anchor leaves it farther behind
    place = window_place(window, None, lambda point: Reading(happened(point, today)), zone)
    # With its anchor an end of the window moves on, and never back: each side turns at most once more to one answer.
    # A month that is cut short may hold an end back for some days.
    gaps = (0 if day is None else when.last - day for day in (place.first, place.last))
    ahead = range(today + 1, today + max(0, *gaps) + _CUT_SHORT)
    turns = [
        turn
        for side, now in enumerate((started, ended))
        if (turn := bisect_left(ahead, x=True, key=lambda date: sides(date)[side] is not now)) < len(ahead)
    ]
    return every((started, ended)), zone.start_of(ahead[min(turns)]) if turns else None


_CUT_SHORT = 40


def between(when: When, first: int | None, last: int | None) -> Verdict:
    """Say whether something was between two dates, both included."""
    begun = MET if first is None or when.first >= first else NOT_MET if when.last < first else UNKNOWN
    ended = MET if last is None or when.last <= last else NOT_MET if when.first > last else UNKNOWN
    return every((begun, ended))
