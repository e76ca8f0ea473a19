"""Moulds: what patients who were decided alike have in common, searched for once and proved for all of them at once.

A mould is a patient found by search (`trialspec.testing.making`), in two layers: the *course* (entry and doses) and,
for the responses that share measures, the *answers* (what is measured at visits). Each number of a mould has room, and
so has the date of each visit. That the room decides nothing is proved in one reading of the mould as a patient of whom
no more is known than that: every number is an interval, every visit has an uncertain date, and what an answer does not
rest on may not be there at all. What is decided of that patient is decided of everybody who is cast in the mould.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from trialspec.evaluation import Protocol
from trialspec.interpreters.selection import locate
from trialspec.kernel import Arithmetic, Daily, Fixed, Fold, Pick, Run, parts_of
from trialspec.patient import Item, Kind
from trialspec.program import VisitPlan
from trialspec.quantity import Duration, Interval
from trialspec.testing.draft import Ask, Draft, Goal, Raw, concerns, named
from trialspec.testing.drawing import Drawn
from trialspec.testing.looks import Look
from trialspec.testing.made import Expected
from trialspec.testing.making import USUAL_DAY, Maker, category_goals, closing, screened_usually
from trialspec.testing.recipes import Recipe
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import Wish, slots
from trialspec.testing.writing import both, decimal, holds, inside, step_of
from trialspec.times import When, shown_date
from trialspec.vocabulary import Term

_SCREENED = (7, 14, 3, 10, 21, 5)
VARIANTS = 12
# Recruitment: from here on two years; where the calendar matters, these weekdays of them.
RECRUITING = date(2023, 3, 6).toordinal()
_DAYS = tuple(RECRUITING + 30 * number - (2 if (RECRUITING + 30 * number) % 7 in {6, 0} else 0) for number in range(24))
# So far a number of a mould may lie from the one that was found, in percent: the first of these that is proved.
_ROOMS = (40, 25, 15, 8, 4, 2, 0)
_COURSE_ROOMS = (30, 10, 0)
_MORE_ROOM = (40, 20, 8)
# A visit that is done after its window is done within so many days of its end.
LATEST = 13
_REMEMBERED = 600
# So many patients are tried as they look: one who is hardly ill cannot get much better.
_MOST_LOOKS = 8


@dataclass(frozen=True, slots=True)
class Window:
    """Where a visit lies for the patients of a course: its first, planned and last day."""

    plan: VisitPlan
    first: int
    planned: int
    last: int
    measures: tuple[str, ...]

    def left(self, stop: int | None) -> bool:
        """Whether a patient who leaves on a day is gone before the visit is over for sure."""
        return stop is not None and stop <= self.last + 1


@dataclass(frozen=True, slots=True)
class Entry:
    """How a patient enters, and in which arm."""

    failing: str = ""
    undetermined_by: str = ""
    arm: str = ""


@dataclass(frozen=True)
class Course:
    """Entry and doses of a mould. `rooms` are the numbers that each record may have; `at` is when all is over."""

    draft: Draft
    rooms: tuple[Interval | None, ...]
    enrolled: int
    at: int
    wish: Wish
    expected: tuple[Expected, ...]
    windows: tuple[Window, ...]
    dosed: int

    @property
    def roomy(self) -> tuple[tuple[Raw, Item], ...]:
        """The records as of a patient of whom no more is known than the room."""
        return tuple(
            (raw, _widened(item, room)) for (raw, item), room in zip(self.draft.written, self.rooms, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A record of the answers: done at a `visit`, or so many days after the enrolment.

    Of one that is `free` nothing decided speaks: it may have any number. Others have those of their `room`, and one
    that `may_be_below` may be told as below any of these.
    """

    raw: Raw
    visit: str
    after: int
    free: bool
    room: Interval | None = None
    may_be_below: bool = False

    @property
    def all_room(self) -> Interval | None:
        """All numbers that it may have, as it may be told."""
        if self.room is None or not self.may_be_below:
            return self.room
        return Interval(Fraction(0), self.room.high)


_Thing = tuple[Kind, str]
# Which records of the answers are there for sure.
_Sure = frozenset[int]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is measured for some responses: the records, and by response which of them its answer rests on."""

    parts: tuple[Part, ...]
    rests: Mapping[str, _Sure]


@dataclass(frozen=True, slots=True)
class Topic:
    """Responses that speak of the same things, and the measures among these."""

    responses: tuple[str, ...]
    measures: frozenset[str]


class Moulds:
    """Makes the moulds of one protocol, each a function of what it is asked for and the seed alone."""

    def __init__(self, protocol: Protocol, recipe: Recipe, responses: Sequence[str]) -> None:
        self.protocol, self.recipe = protocol, recipe
        self.program = protocol.program
        self.topics = self._topics(responses)
        fixed = [point.day for point in parts_of(self.program, Fixed)]
        self.moves = not fixed and not _bound_to_calendar(self)
        self.days = (min(fixed) - 3,) if fixed else (USUAL_DAY,) if self.moves else _DAYS
        usual = screened_usually(protocol)
        self.screened = _SCREENED if usual[0] == _SCREENED[0] else usual
        self.course = lru_cache(_REMEMBERED)(self._course)
        self.answers = lru_cache(10 * _REMEMBERED)(self._answers)
        self._home = lru_cache(_REMEMBERED)(self._found)
        self._any = lru_cache(_REMEMBERED)(self._possible)

    # --- courses ------------------------------------------------------------------------------------------------------

    def _course(
        self, seed: int, entry: Entry, departing: tuple[tuple[str, str], ...], day: int, variant: int
    ) -> Course | None:
        """Find entry and doses of a patient enrolled on a day; nothing, where nobody is so."""
        drawn = Drawn(f"{seed} course {entry} {departing} {day} {variant}")
        open_ = bool(entry.undetermined_by)
        wish = Wish(
            eligible=None if open_ else True,
            failing=entry.failing,
            undetermined_by=entry.undetermined_by,
            departing=dict(departing),
            treated=bool(slots(self.program)),
        )
        look = Look.of(drawn, self.recipe, self.program)
        maker = Maker(self.protocol, wish, drawn, vary=True, style=look, arm=entry.arm, on=day)
        try:
            draft, enrolled = maker.beginning(self.screened[drawn(len(self.screened))])
            at = draft.zone.end_of(enrolled)
            maker.far = draft.zone.end_of(enrolled + 4_000)
            draft = maker.entered(draft, at)
            if wish.treated:
                draft = maker.dosing.given(draft, enrolled)
                at = max(at, maker.dosing.after_all(draft))
        except UnreachableError:
            return None
        expected = tuple(each for each in maker.expected if each.subject != "criterion")
        windows = tuple(sorted(self._windows(draft, maker.far), key=lambda each: each.planned))
        dosed = max(enrolled, *(item.when.last for _, item in draft.written))
        rooms = self._course_rooms(draft)
        return Course(draft, rooms, enrolled, at, wish, expected, windows, dosed)

    def _windows(self, draft: Draft, far: int) -> Iterator[Window]:
        question = draft.question(Ask(far))
        for plan in self.program.visits:
            points = (plan.window.start, plan.on, plan.window.end)
            found = [None if point is None else locate(point, question).value for point in points]
            start, on, end = (when if isinstance(when, When) else None for when in found)
            if end is None:
                continue
            first = start.first if start is not None else end.last - 14
            measures = [name for each in self.program.assessments if plan.name in each.visits for name in each.measures]
            planned = on.first if on is not None else end.last
            yield Window(plan, first, planned, end.last, tuple(dict.fromkeys(measures)))

    def _course_rooms(self, draft: Draft) -> tuple[Interval | None, ...]:
        """Give the numbers that the records of a course may have, however the others' lie in theirs."""
        for percent in _COURSE_ROOMS:
            rooms = tuple(self._room(raw, item, percent) for raw, item in draft.written)
            if not any(rooms):
                break
            written = tuple((raw, _widened(item, room)) for (raw, item), room in zip(draft.written, rooms, strict=True))
            roomy = Draft(self.protocol, written, (), draft.notes)
            if all(roomy.reads(goal) for goal in draft.settled):
                return rooms
        return (None,) * len(draft.written)

    def _room(self, raw: Raw, item: Item, percent: int) -> Interval | None:
        """Give the numbers around the one that a record tells; nothing, where it is not told as a plain number."""
        term = self.program.vocabulary.get(raw.get("measure", ""))
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

    # --- answers ------------------------------------------------------------------------------------------------------

    def _answers(
        self,
        seed: int,
        key: tuple[Entry, tuple[tuple[str, str], ...], int, int],
        topic: int,
        words: tuple[tuple[str, str], ...],
        variant: int,
    ) -> Answers | None:
        """Give what is measured so that answers come out: as for undisturbed patients, if that will do here."""
        course = self.course(seed, *key)
        assert course is not None, "a course is made before its answers"
        entry, _, day, _ = key
        home = self._home(seed, (Entry(arm=entry.arm), (), day, 0), topic, words, variant)
        if home is not None and self._holds(course, words, home):
            return home
        return self._found(seed, key, topic, words, variant)

    def _found(
        self,
        seed: int,
        key: tuple[Entry, tuple[tuple[str, str], ...], int, int],
        topic: int,
        words: tuple[tuple[str, str], ...],
        variant: int,
    ) -> Answers | None:
        """Find what is measured on one course, and how much room it has."""
        course = self.course(seed, *key)
        if course is None:
            return None
        if words and not self._any(seed, Entry(arm=key[0].arm), words):
            return None
        for attempt in range(_MOST_LOOKS):
            drawn = Drawn(f"{seed} answers {key} {topic} {words} {variant} {attempt}")
            look = Look.of(drawn, self.recipe, self.program)
            draft = self._answered(course, words, look)
            if draft is not None:
                break
        else:
            return None
        number, settled = len(course.draft.written), course.draft.settled
        draft = draft.settling(())
        for window in course.windows:
            draft = self._measured(draft, window, topic, look)
        if draft.written[:number] != course.draft.written:
            return None  # an answer needs a word more in what was told before
        goals = self._goals(course, words)
        speaking = [*settled, *(goal for each in goals.values() for goal in each)]
        made = [self._part(raw, item, course, speaking) for raw, item in draft.written[number:]]
        for percent in _ROOMS:
            parts = tuple(
                replace(part, room=None if part.free else self._room(raw, item, percent))
                for part, (raw, item) in zip(made, draft.written[number:], strict=True)
            )
            every = frozenset(range(len(parts)))
            found = Answers(parts, dict.fromkeys(goals, every))
            if self._holds(course, words, found):
                return self._resting(course, words, self._widest(course, words, found, draft.written[number:]))
        return None

    def _widest(
        self,
        course: Course,
        words: tuple[tuple[str, str], ...],
        found: Answers,
        written: Sequence[tuple[Raw, Item]],
    ) -> Answers:
        """Give more room to each number that can have more than all can have together."""
        for index, (raw, item) in enumerate(written):
            part = found.parts[index]
            for percent in _MORE_ROOM:
                room = None if part.free else self._room(raw, item, percent)
                if room is None or (part.room is not None and inside(room, part.room)):
                    break
                parts = (*found.parts[:index], replace(part, room=room), *found.parts[index + 1 :])
                wider = replace(found, parts=parts)
                if self._holds(course, words, wider):
                    found = wider
                    break
        return found

    def _possible(self, seed: int, entry: Entry, words: tuple[tuple[str, str], ...]) -> bool:
        """Whether anybody, the plainest of all, can have all of these answers."""
        course = self.course(seed, entry, (), self.days[0], 0)
        return course is not None and self._answered(course, words, None) is not None

    def _answered(self, course: Course, words: tuple[tuple[str, str], ...], look: Look | None) -> Draft | None:
        """Let answers come out as they are to, for a patient who looks like this; nothing, if that cannot be."""
        choose = (lambda _: 0) if look is None else look.drawn
        maker = Maker(self.protocol, course.wish, choose, vary=look is not None, style=look)
        maker.far = course.draft.zone.end_of(course.enrolled + 4_000)
        draft = course.draft
        try:
            for where, word in words:
                draft, _ = maker.responding(draft, where, word)
        except UnreachableError:
            return None
        return draft

    def _resting(self, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> Answers:
        """Find on which of its records each answer rests: the others may be missing, all of them at once."""
        rests = dict(found.rests)
        for where, word in words:
            needed = every = rests[where]
            visits = sorted({found.parts[index].visit for index in every} - {""})
            for visit in visits:
                less = frozenset(index for index in needed if found.parts[index].visit != visit)
                if self._holds(course, ((where, word),), replace(found, rests={where: less})):
                    needed = less
            for index in sorted(needed):
                less = needed - {index}
                if self._holds(course, ((where, word),), replace(found, rests={where: less})):
                    needed = less
            rests[where] = needed
        return self._below(course, words, replace(found, rests=rests))

    def _below(self, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> Answers:
        """Find which of the numbers may be told as below a limit of quantification, all of them at once."""
        for index, part in enumerate(found.parts):
            if part.room is None or part.room.low is None or part.room.low <= 0:
                continue
            parts = (*found.parts[:index], replace(part, may_be_below=True), *found.parts[index + 1 :])
            less = replace(found, parts=parts)
            if self._holds(course, words, less):
                found = less
        return found

    def _measured(self, draft: Draft, window: Window, topic: int, look: Look) -> Draft:
        """Add what a visit asks for and nobody measured yet, between what was measured before and after it."""
        visit = {"kind": "milestone", "milestone": "visit", "visit": window.plan.name}
        if topic == 0:
            draft = draft.add({**visit, "time": shown_date(window.planned)}) or draft
        there = {raw["measure"] for raw, item in draft.written if _lies_in(raw, item, window)}
        for name in window.measures:
            term = self.program.vocabulary.get(name)
            if name in there or name not in self.topics[topic].measures or term is None:
                continue
            raw = {"kind": "observation", "measure": name, "time": shown_date(window.planned)}
            if term.coded:
                draft = draft.add({**raw, "value": sorted(term.values)[look.drawn(len(term.values))]}) or draft
                continue
            number = look.noisy(term, level(draft.written, term, window.planned, look))
            if holds(number, term.possible):
                text = decimal(number)
                unit = {"unit": term.unit} if term.unit else {}
                draft = (None if text is None else draft.add({**raw, "value": text, **unit})) or draft
        return draft

    def _part(self, raw: Raw, item: Item, course: Course, goals: Iterable[Goal]) -> Part:
        visits = [window.plan.name for window in course.windows if _lies_in(raw, item, window) or _names(raw, window)]
        free = bool(visits) and not any(concerns(goal.expr, item) for goal in goals)
        return Part(raw, visits[0] if visits else "", item.when.first - course.enrolled, free)

    def _goals(self, course: Course, words: tuple[tuple[str, str], ...]) -> dict[str, list[Goal]]:
        """Give what has to be read of each answer, once its visit is over."""
        far = course.draft.zone.end_of(course.enrolled + 4_000)
        found = {}
        for where, word in words:
            name, _, visit = where.partition("@")
            response = next(each for each in self.program.responses if each.name == name)
            plan = next(each for each in self.program.visits if each.name == visit)
            found[where] = category_goals(response, visit, word, Ask(closing(course.draft, plan, far)))
        return found

    def _holds(self, course: Course, words: tuple[tuple[str, str], ...], found: Answers) -> bool:
        """Whether all is as decided for everybody who is cast in a course with these answers.

        What an answer rests on is there, on any day of its visit's window; all else may be there, then or later.
        """
        windows = {window.plan.name: window for window in course.windows}
        if any(part.visit and part.visit not in windows for part in found.parts):
            return False
        try:
            goals = self._goals(course, words)
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
            if not self._reads(course, items, found, asked, found.rests[where]):
                return False
        return not touched or self._reads(course, items, found, touched, frozenset())

    def _reads(
        self, course: Course, items: Iterable[tuple[Raw, Item, int]], found: Answers, goals: Iterable[Goal], sure: _Sure
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
            wide = _widened(item, part.all_room)
            written.append((raw, replace(wide, when=when, visible=when, certain=certain)))
        roomy = Draft(self.protocol, tuple(written), (), course.draft.notes)
        return all(roomy.reads(goal) for goal in goals)

    # --- what speaks of what ------------------------------------------------------------------------------------------

    def _topics(self, responses: Sequence[str]) -> tuple[Topic, ...]:
        """Join the responses that speak of the same; the measures of visits that none speaks of come first."""
        groups: list[tuple[set[str], set[_Thing]]] = []
        for where in responses:
            name, _, visit = where.partition("@")
            response = next(each for each in self.program.responses if each.name == name)
            parts = [each.when for each in response.categories if each.visit == visit]
            mine, about = {where}, self._spoken(parts)
            for group in [each for each in groups if each[1] & about]:
                groups.remove(group)
                mine |= group[0]
                about |= group[1]
            groups.append((mine, about))
        asked = {name for each in self.program.assessments if each.visits for name in each.measures}
        order = {where: number for number, where in enumerate(responses)}
        topics = [
            Topic(
                tuple(sorted(mine, key=order.__getitem__)),
                frozenset(name for kind, name in about if kind == "observation"),
            )
            for mine, about in groups
        ]
        rest = asked - {name for topic in topics for name in topic.measures}
        return (Topic((), frozenset(rest)), *topics)

    def _spoken(self, parts: object) -> set[_Thing]:
        """Give what statements ask about, and what a derived measure among it is made of; not what only dates them."""
        queries = [node.of for node in parts_of(parts, Pick)]
        queries += [node.of for node in parts_of(parts, Fold)]
        queries += [node.of for node in parts_of(parts, Run)]
        queries += [node.then for node in parts_of(parts, Run) if node.then is not None]
        queries += [query for node in parts_of(parts, Daily) for query, _ in node.of]
        every = [term.name for term in self.program.vocabulary.terms.values()]
        found = {(query.kind, name) for query in queries for name in named(query) or every}
        for each in self.protocol.derived:
            if ("observation", each.measure) in found:
                found |= self._spoken(each.value)
                found |= {("observation", name) for name in named(each.dated_by) or ()}
        return found


def level(written: Sequence[tuple[Raw, Item]], term: Term, day: int, look: Look) -> Fraction:
    """Give the level of a measure on a day: between those told before and after it, or the patient's own."""
    known = []
    for raw, item in written:
        value = item.fields.get("value")
        if raw.get("measure") == term.name and isinstance(value, Interval) and value.exact is not None:
            known.append((abs(item.when.first - day), value.exact))
    if not known or all(item.when.first > day for raw, item in written if raw.get("measure") == term.name):
        return look.typical(term)  # before all that is known of it
    if len(known) == 1:
        return known[0][1]
    (near, one), (far, other) = sorted(known)[:2]
    return (one * far + other * near) / max(near + far, 1)


def _widened(item: Item, room: Interval | None) -> Item:
    return item if room is None else replace(item, fields={**item.fields, "value": room})


def _names(raw: Raw, window: Window) -> bool:
    return raw.get("visit") == window.plan.name


def _lies_in(raw: Raw, item: Item, window: Window) -> bool:
    """Whether a record answers for a visit: one of its measures, in its window."""
    return raw.get("measure") in window.measures and window.first <= item.when.first <= window.last


def _bound_to_calendar(moulds: Moulds) -> bool:
    """Whether what a protocol says depends on the date of the calendar: on months, on years, or on when clocks turn."""
    program = moulds.program
    months = any(each.days is None and each.seconds is None for each in parts_of(program, Duration))
    years = any(each.how == "years" for each in parts_of((program, moulds.protocol.derived), Arithmetic))
    hours = any(each.seconds is not None for each in parts_of(program, Duration))
    turns = len({program.zone.start_of(USUAL_DAY + 30 * month) % 86_400 for month in range(12)}) > 1
    return months or years or (hours and turns)
