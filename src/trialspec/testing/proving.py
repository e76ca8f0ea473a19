"""How much room a mould has: proved by reading it as a patient of whom no more is known than the room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.patient import Item
from trialspec.quantity import Interval
from trialspec.testing.draft import Ask, Draft, Goal, Raw, concerns
from trialspec.testing.making import category_goals, closing
from trialspec.testing.moulded import LATEST, Answers, Course, Sure, widened
from trialspec.testing.searching import UnreachableError
from trialspec.testing.writing import both, inside, step_of
from trialspec.times import When, shown_date

# So far a number of a mould may lie from the one that was found, in percent: the first of these that is proved.
ROOMS = (40, 25, 15, 8, 4, 2, 0)
_COURSE_ROOMS = (30, 10, 0)
_MORE_ROOM = (40, 20, 8)


def course_rooms(protocol: Protocol, draft: Draft) -> tuple[Interval | None, ...]:
    """Give the numbers that the records of a course may have, however the others' lie in theirs."""
    for percent in _COURSE_ROOMS:
        rooms = tuple(room_of(protocol, raw, item, percent) for raw, item in draft.written)
        if not any(rooms):
            break
        written = tuple((raw, widened(item, room)) for (raw, item), room in zip(draft.written, rooms, strict=True))
        roomy = Draft(protocol, written, (), draft.notes)
        if all(roomy.reads(goal) for goal in draft.settled):
            return rooms
    return (None,) * len(draft.written)


def room_of(protocol: Protocol, raw: Raw, item: Item, percent: int) -> Interval | None:
    """Give the numbers around the one that a record tells; nothing, where it is not told as a plain number."""
    term = protocol.program.vocabulary.get(raw.get("measure", ""))
    value = item.fields.get("value")
    if term is None or not isinstance(value, Interval) or value.exact is None or "<" in raw.get("value", "<"):
        return None
    if any(key in raw for key in ("high", "low")) or raw.get("unit", "") != term.unit:
        return None
    number, step = value.exact, step_of(term)
    off = abs(number) * percent / 100
    low, high = -(-(number - off) // step) * step, (number + off) // step * step
    room = both(Interval(Fraction(min(low, number)), Fraction(max(high, number))), term.possible)
    return room if room is not None and room.low != room.high else None


def widest(
    protocol: Protocol,
    course: Course,
    words: tuple[tuple[str, str], ...],
    found: Answers,
    written: Sequence[tuple[Raw, Item]],
) -> Answers:
    """Give more room to each number that can have more than all can have together."""
    for index, (raw, item) in enumerate(written):
        part = found.parts[index]
        for percent in _MORE_ROOM:
            room = None if part.free else room_of(protocol, raw, item, percent)
            if room is None or (part.room is not None and inside(room, part.room)):
                break
            parts = (*found.parts[:index], replace(part, room=room), *found.parts[index + 1 :])
            wider = replace(found, parts=parts)
            if proved(protocol, course, words, wider):
                found = wider
                break
    return found


def resting(protocol: Protocol, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> Answers:
    """Find on which of its records each answer rests: the others may be missing, all of them at once."""
    rests = dict(found.rests)
    for where, word in words:
        needed = every = rests[where]
        visits = sorted({found.parts[index].visit for index in every} - {""})
        for visit in visits:
            less = frozenset(index for index in needed if found.parts[index].visit != visit)
            if proved(protocol, course, ((where, word),), replace(found, rests={where: less})):
                needed = less
        for index in sorted(needed):
            less = needed - {index}
            if proved(protocol, course, ((where, word),), replace(found, rests={where: less})):
                needed = less
        rests[where] = needed
    return _below(protocol, course, words, replace(found, rests=rests))


def _below(protocol: Protocol, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> Answers:
    """Find which of the numbers may be told as below a limit of quantification, all of them at once."""
    for index, part in enumerate(found.parts):
        if part.room is None or part.room.low is None or part.room.low <= 0:
            continue
        parts = (*found.parts[:index], replace(part, may_be_below=True), *found.parts[index + 1 :])
        less = replace(found, parts=parts)
        if proved(protocol, course, words, less):
            found = less
    return found


def goals_of(protocol: Protocol, course: Course, words: tuple[tuple[str, str], ...]) -> dict[str, list[Goal]]:
    """Give what has to be read of each answer, once its visit is over."""
    far = course.draft.zone.end_of(course.enrolled + 4_000)
    found = {}
    for where, word in words:
        name, _, visit = where.partition("@")
        response = next(each for each in protocol.program.responses if each.name == name)
        plan = next(each for each in protocol.program.visits if each.name == visit)
        found[where] = category_goals(response, visit, word, Ask(closing(course.draft, plan, far)))
    return found


def proved(protocol: Protocol, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> bool:
    """Whether all is as decided for everybody who is cast in a course with these answers.

    What an answer rests on is there, on any day of its visit's window; all else may be there, then or later.
    """
    windows = {window.plan.name: window for window in course.windows}
    if any(part.visit and part.visit not in windows for part in found.parts):
        return False
    try:
        goals = goals_of(protocol, course, words)
    except UnreachableError:
        return False
    bare = course.draft.settling(())
    items: list[tuple[Raw, Item, int]] = []
    for index, part in enumerate(found.parts):
        if part.free:
            continue
        day = windows[part.visit].planned if part.visit else course.enrolled + part.after
        item = bare.item({**part.raw, "time": shown_date(day)})
        if item is None:
            return False
        name = f"a{index}"
        items.append((part.raw, replace(item, id=name, sources=frozenset({name})), index))
    touched = [goal for goal in course.draft.settled if any(concerns(goal.expr, item) for _, item, _ in items)]
    for where, asked in goals.items():
        if not _reads(course, items, found, asked, found.rests[where]):
            return False
    return not touched or _reads(course, items, found, touched, frozenset())


def _reads(
    course: Course, items: Iterable[tuple[Raw, Item, int]], found: Answers, goals: Iterable[Goal], sure: Sure
) -> bool:
    """Whether statements read as they should of a patient of whom no more is known than the room."""
    windows = {window.plan.name: window for window in course.windows}
    written = list(course.roomy)
    for raw, item, index in items:
        part = found.parts[index]
        when, certain = item.when, True
        if part.visit:
            window, certain = windows[part.visit], index in sure
            when = When(window.first, window.last if certain else window.last + LATEST)
        wide = widened(item, part.all_room)
        written.append((raw, replace(wide, when=when, visible=when, certain=certain)))
    roomy = Draft(course.draft.protocol, tuple(written), (), course.draft.notes)
    return all(roomy.reads(goal) for goal in goals)
