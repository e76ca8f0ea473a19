"""Moulds: what patients who were decided alike have in common, searched for once and proved for all of them at once.

A mould is a patient found by search (`trialspec.testing.making`), in two layers: the *course* (entry and doses) and,
for the responses that share measures, the *answers* (what is measured at visits). Each number of a mould has room, and
so has the date of each visit. That the room decides nothing is proved in one reading of the mould as a patient of whom
no more is known than that: every number is an interval, every visit has an uncertain date, and what an answer does not
rest on may not be there at all. What is decided of that patient is decided of everybody who is cast in the mould.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from trialspec.evaluation import Protocol
from trialspec.interpreters.selection import locate
from trialspec.kernel import Arithmetic, Fixed, parts_of
from trialspec.patient import Item
from trialspec.quantity import Duration, Interval
from trialspec.testing.draft import Ask, Draft, Goal, Raw, concerns
from trialspec.testing.drawing import Drawn
from trialspec.testing.looks import Look
from trialspec.testing.making import USUAL_DAY, Maker, screened_usually
from trialspec.testing.moulded import Answers, Course, Entry, Part, Window, lies_in, names
from trialspec.testing.proving import ROOMS, course_rooms, goals_of, proved, resting, room_of, widest
from trialspec.testing.recipes import Recipe
from trialspec.testing.searching import UnreachableError
from trialspec.testing.topics import topics
from trialspec.testing.wishes import Wish, slots
from trialspec.testing.writing import decimal, holds
from trialspec.times import When, shown_date
from trialspec.vocabulary import Term

_SCREENED = (7, 14, 3, 10, 21, 5)
VARIANTS = 12
# Recruitment: from here on two years; where the calendar matters, these weekdays of them.
RECRUITING = date(2023, 3, 6).toordinal()
_DAYS = tuple(RECRUITING + 30 * number - (2 if (RECRUITING + 30 * number) % 7 in {6, 0} else 0) for number in range(24))
_REMEMBERED = 600
# So many patients are tried as they look: one who is hardly ill cannot get much better.
_MOST_LOOKS = 8


class Moulds:
    """Makes the moulds of one protocol, each a function of what it is asked for and the seed alone."""

    def __init__(self, protocol: Protocol, recipe: Recipe, responses: Sequence[str]) -> None:
        self.protocol, self.recipe = protocol, recipe
        self.program = protocol.program
        self.topics = topics(protocol, responses)
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
        rooms = course_rooms(self.protocol, draft)
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
        if home is not None and proved(self.protocol, course, words, home):
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
        goals = goals_of(self.protocol, course, words)
        speaking = [*settled, *(goal for each in goals.values() for goal in each)]
        made = [self._part(raw, item, course, speaking) for raw, item in draft.written[number:]]
        for percent in ROOMS:
            parts = tuple(
                replace(part, room=None if part.free else room_of(self.protocol, raw, item, percent))
                for part, (raw, item) in zip(made, draft.written[number:], strict=True)
            )
            every = frozenset(range(len(parts)))
            found = Answers(parts, dict.fromkeys(goals, every))
            if proved(self.protocol, course, words, found):
                return resting(
                    self.protocol, course, words, widest(self.protocol, course, words, found, draft.written[number:])
                )
        return None

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

    def _measured(self, draft: Draft, window: Window, topic: int, look: Look) -> Draft:
        """Add what a visit asks for and nobody measured yet, between what was measured before and after it."""
        visit = {"kind": "milestone", "milestone": "visit", "visit": window.plan.name}
        if topic == 0:
            draft = draft.add({**visit, "time": shown_date(window.planned)}) or draft
        there = {raw["measure"] for raw, item in draft.written if lies_in(raw, item, window)}
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
        visits = [window.plan.name for window in course.windows if lies_in(raw, item, window) or names(raw, window)]
        free = bool(visits) and not any(concerns(goal.expr, item) for goal in goals)
        return Part(raw, visits[0] if visits else "", item.when.first - course.enrolled, free)


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


def _bound_to_calendar(moulds: Moulds) -> bool:
    """Whether what a protocol says depends on the date of the calendar: on months, on years, or on when clocks turn."""
    program = moulds.program
    months = any(each.days is None and each.seconds is None for each in parts_of(program, Duration))
    years = any(each.how == "years" for each in parts_of((program, moulds.protocol.derived), Arithmetic))
    hours = any(each.seconds is not None for each in parts_of(program, Duration))
    turns = len({program.zone.start_of(USUAL_DAY + 30 * month) % 86_400 for month in range(12)}) > 1
    return months or years or (hours and turns)
