"""The live evaluator: what a program asks of a patient, compiled once, and read again only where something may change.

The reference defines what every node means. Here an answer is kept until its `until`, or until a record comes that it
may speak of. Points are compiled to functions, for records that are certain; for all others it says so (`UnsureError`),
and only the reference can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

from trialspec.interpreters.reading import Question, Reading, earliest
from trialspec.interpreters.reference import read
from trialspec.interpreters.selection import appearances, is_clock, locate, moved, passing
from trialspec.items import about
from trialspec.kernel import Fixed, Moment, Select, Shift, parts_of
from trialspec.quantity import Codes
from trialspec.times import When, Zone, either, on_date
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from trialspec.kernel import Expr, Point, Window
    from trialspec.patient import Item, Kind, Timeline
    from trialspec.truth import Verdict


class UnsureError(Exception):
    """Something is not certain: it is for the reference to say what follows."""


# Where a point is (`None`: it has not happened), and until when that stays so while no record comes.
Placed = tuple[When | None, int | None]
Find = Callable[["Chart", int], Placed]


# --- what is asked of which records -----------------------------------------------------------------------------------


class Interest:
    """Which records something may speak of: of each kind those about some words, or all (`None`)."""

    __slots__ = ("moments", "words")

    def __init__(self, *parts: object, every: Iterable[Kind] = (), moments: bool = False) -> None:
        """Collect every selection that is made anywhere in some parts of a program, and all records of some kinds.

        What rests on `moments` that are found by themselves asks for the records that move one of them.
        """
        self.moments = moments
        self.words: dict[Kind, frozenset[str] | None] = {}
        for query in parts_of(parts, Select):
            self.add(query.kind, _subjects(query))
        for kind in every:
            self.add(kind, None)

    def __or__(self, other: Interest) -> Interest:
        """Give the interest in all that either of two is in."""
        both = Interest(moments=self.moments or other.moments)
        for kind, words in (*self.words.items(), *other.words.items()):
            both.add(kind, words)
        return both

    def add(self, kind: Kind, words: frozenset[str] | None) -> None:
        """Ask for more records of a kind."""
        known = self.words.get(kind, frozenset())
        self.words[kind] = None if known is None or words is None else known | words

    def __contains__(self, item: Item) -> bool:
        """Whether a record may matter."""
        words = self.words.get(item.kind, frozenset())
        if not words:
            return words is None
        subject = item.fields.get(about(item.kind))
        return not isinstance(subject, Codes) or subject.words is None or not words.isdisjoint(subject.words)


def _subjects(query: Select) -> frozenset[str] | None:
    subject = about(query.kind)
    named = [test.against.value for test in query.tests if test.field == subject and test.operator == "in"]
    words = [value.words for value in named if isinstance(value, Codes) and value.words is not None]
    return frozenset[str].intersection(*words) if words else None


# --- points -----------------------------------------------------------------------------------------------------------


class Points:
    """The moments of a program and what is counted from them, each compiled once."""

    def __init__(self) -> None:
        self.moments: list[CompiledMoment] = []
        self.named: list[tuple[int, Moment]] = []
        self._numbers: dict[Moment, int] = {}
        self._known: dict[int, tuple[Point, Find]] = {}

    def find(self, point: Point) -> Find:
        """Compile a point."""
        # By identity: to hash a point costs more than to find it. The entry keeps it alive.
        entry = self._known.get(id(point))
        if entry is None:
            entry = self._known[id(point)] = (point, self._compiled(point))
            if isinstance(point, Moment):
                self.named.append((self._numbers[point], point))
        return entry[1]

    def _compiled(self, point: Point) -> Find:
        match point:
            case Fixed(day):
                there: Placed = on_date(day), None
                return lambda _chart, _at: there
            case Shift(inner):
                return _shifted(point, self.find(inner))
            case Moment():
                return self._moment(point)
            case _:
                return _moving  # with the question: no trial is counted from there

    def _moment(self, moment: Moment) -> Find:
        number = self._numbers.get(moment)
        if number is None:
            compiled = CompiledMoment(moment, self)  # those of its window come first
            number = self._numbers[moment] = len(self.moments)
            self.moments.append(compiled)

        return lambda chart, at: chart.find(number, at)


def _moving(_chart: Chart, _at: int) -> Placed:
    raise UnsureError


def _shifted(shift: Shift, inner: Find) -> Find:
    def find(chart: Chart, at: int) -> Placed:
        value, until = inner(chart, at)
        if value is None:
            return None, until
        moved_ = moved(value, shift, chart.zone)
        if not moved_.certain:
            raise UnsureError
        return moved_, until

    return find


class CompiledMoment:
    """When the first or the last of some records was, that lie in a window."""

    def __init__(self, moment: Moment, points: Points) -> None:
        window = moment.of.window
        self.query, self.interest = moment.of, Interest(moment)
        self.last = moment.which == "last"
        self._window = window
        self._start = None if window.start is None else points.find(window.start)
        self._end = None if window.end is None else points.find(window.end)

    def find(self, chart: Chart, number: int, at: int) -> Placed:
        """Say when it was, as known at an instant."""
        start, start_until = (None, None) if self._start is None else self._start(chart, at)
        if self._start is not None and start is None:
            return None, start_until
        end, end_until = (None, None) if self._end is None else self._end(chart, at)
        if self._window.awaits and self._end is not None and end is None:
            return None, earliest(start_until, end_until)
        inside, coming = [], None
        for appears, when in chart.matching(number):
            if appears > at:
                coming = appears if coming is None else min(coming, appears)
            elif _inside(when, self._window, start, end, chart.zone):
                inside.append(when)
        return self._outermost(inside, chart.zone), earliest(coming, start_until, end_until)

    def _outermost(self, times: list[When], zone: Zone) -> When | None:
        if len(times) > 1:
            if self.last:
                times = [one for one in times if not any(order(one, other, zone)[0] for other in times)]
            else:
                times = [one for one in times if not any(order(other, one, zone)[0] for other in times)]
        if not times:
            return None
        value = reduce(either, times)
        if not value.certain:
            raise UnsureError
        return value


def _inside(when: When, window: Window, start: When | None, end: When | None, zone: Zone) -> bool:
    if start is not None:
        before, not_after = order(when, start, zone, clock=is_clock(window.start))
        if not_after if window.after else before:
            return False
    if end is not None:
        before, not_after = order(when, end, zone, clock=is_clock(window.end))
        return before if window.before else not_after
    return True


def order(left: When, right: When, zone: Zone, *, clock: bool = False) -> tuple[bool, bool]:
    """Say whether a certain time is before another, and whether it is not after it."""
    if clock or (left.instants and right.instants):
        (left_low, left_high), (right_low, right_high) = left.span(zone), right.span(zone)
        if not (left_high < right_low or left_low > right_high or left_low == left_high == right_low == right_high):
            raise UnsureError
        return left_high < right_low, left_high <= right_low
    return left.first < right.first, left.first <= right.first


# --- one patient ------------------------------------------------------------------------------------------------------

_MOST_KEPT = 8
_T = TypeVar("_T")


class Chart:
    """One patient's records, and what was read of them: kept until it may change."""

    __slots__ = (
        "_asked",
        "_found",
        "_kept",
        "_matching",
        "_prover",
        "_remembered",
        "moving",
        "points",
        "timeline",
        "zone",
    )

    def __init__(self, points: Points, timeline: Timeline) -> None:
        """Begin with nothing read."""
        self.points = points
        self.timeline = timeline
        self.zone = timeline.zone
        # Each of these holds from an instant until another.
        self._found: list[list[tuple[int, int | None, When | None]]] = [[] for _ in points.moments]
        self._matching: list[list[tuple[int, When]] | None] = [None] * len(points.moments)
        self._kept: dict[Hashable, tuple[Interest, list[tuple[int, int | None, Any]]]] = {}
        self._asked = self._prover = Question(timeline, 0)
        self._remembered: dict[str, object] = {}
        self.moving = frozenset[int]()

    def renew(self, timeline: Timeline, gone: Sequence[Item], came: Sequence[Item]) -> None:
        """Go on with another timeline of the same zone, of which some items are gone and others came."""
        self.timeline = timeline
        self._remembered = {}
        moving = set[int]()
        for number, moment in enumerate(self.points.moments):
            concerned = [item for item in (*gone, *came) if item in moment.interest]
            if concerned:
                self._matching[number] = None
                moved_ = [item for item in concerned if item in gone or self._moves(item, number)]
                if moved_:
                    self._found[number] = []
                    moving.update(map(id, moved_))
        self.moving = frozenset(moving)
        changed = (*gone, *came)
        stale = [
            key for key, (interest, _) in self._kept.items() if any(self.concerns(interest, item) for item in changed)
        ]
        for key in stale:
            del self._kept[key]

    def forget(self) -> None:
        """Let go of all that can be read again."""
        self._kept, self._remembered = {}, {}
        self._found = [[] for _ in self._found]
        self._asked = self._prover = Question(self.timeline, 0)
        self.timeline.remembered.clear()

    def concerns(self, interest: Interest, item: Item) -> bool:
        """Whether a record that came or is gone may matter to something."""
        return item in interest or (interest.moments and id(item) in self.moving)

    def _moves(self, item: Item, number: int) -> bool:
        """Whether a record that came may move a moment: not the first of something that has been there before."""
        if self.points.moments[number].last or not item.when.certain:
            return True
        appears = appearances(item, self.zone)[0]
        known = [entry for entry in self._found[number] if entry[1] is None or entry[1] > appears]
        return not known or not all(
            since <= appears and value is not None and order(value, item.when, self.zone)[0]
            for since, _, value in known
        )

    def find(self, number: int, at: int) -> Placed:
        """Say when a moment was."""
        known = self._found[number]
        for since, until, value in known:
            if since <= at and (until is None or at < until):
                return value, until
        value, until = self.points.moments[number].find(self, number, at)
        _add(known, (at, until, value))
        return value, until

    def question(self, at: int) -> Question:
        """Ask the reference at an instant; the moments that are found already are not looked for again."""
        asked = self._asked
        if asked.at != at or asked.timeline is not self.timeline:
            self._asked = asked = Question(self.timeline, at)
        if not asked.located:
            for number, moment in self.points.named:
                value, until = self.find(number, at)
                asked.located[id(moment)] = moment, Reading(value, until=until, node=moment)
        return asked

    def proving(self, question: Question) -> Question:
        """Ask the reference for a proof; the moments that are proved already are not looked for again."""
        asked = replace(question, remembered=self._remembered)
        for number, moment in self.points.named:
            asked.located[id(moment)] = moment, self._proved(moment, self.points.moments[number].interest, question.at)
        return asked

    def _proved(self, moment: Moment, interest: Interest, at: int) -> Reading:
        def tell() -> tuple[Reading, int | None]:
            if self._prover.at != at or self._prover.timeline is not self.timeline:
                self._prover = Question(self.timeline, at)
            reading = locate(moment, self._prover)
            return reading, reading.until

        return self.keep(("proved", id(moment)), interest, at, tell)[0]

    def keep(
        self, key: Hashable, interest: Interest, at: int, tell: Callable[[], tuple[_T, int | None]]
    ) -> tuple[_T, int | None]:
        """Tell something at an instant, or give what was told if it still holds; `interest` is what it may speak of."""
        entry = self._kept.get(key)
        if entry is not None:
            for since, until, told in entry[1]:
                if since <= at and (until is None or at < until):
                    return told, until
        told, until = tell()
        known = self._kept.setdefault(key, (interest, []))[1]
        _add(known, (at, until, told))
        return told, until

    def kept(self, key: Hashable, *instants: int) -> object:
        """Give what was told if it holds at several instants; `None` where that is not known."""
        for since, until, told in self._kept[key][1] if key in self._kept else ():
            if all(since <= at and (until is None or at < until) for at in instants):
                return told
        return None

    def verdict(self, expr: Expr, interest: Interest, at: int) -> tuple[Verdict, int | None]:
        """Read a statement."""

        def by_reference() -> tuple[Verdict, int | None]:
            reading = read(expr, self.question(at))
            return reading.verdict, reading.until

        return self.keep(id(expr), interest, at, by_reference)

    def matching(self, number: int) -> list[tuple[int, When]]:
        """Give the records that may be a moment: when each comes into sight, and when it was."""
        found = self._matching[number]
        if found is None:
            query = self.points.moments[number].query
            found = self._matching[number] = []
            for _, item, passed in passing(query, self.timeline):
                if item.answer == "yes":
                    if passed is UNKNOWN:
                        self._matching[number] = None
                        raise UnsureError
                    found.append(certain(item, self.zone))
        return found


def _add(known: list[_T], entry: _T) -> None:
    if len(known) >= _MOST_KEPT:
        del known[0]
    known.append(entry)


def certain(item: Item, zone: Zone) -> tuple[int, When]:
    """Give when a record comes into sight, and when it was, if that is certain."""
    if not (item.certain and item.when.certain and item.visible.certain and item.end is None):
        raise UnsureError
    return appearances(item, zone)[0], item.when
