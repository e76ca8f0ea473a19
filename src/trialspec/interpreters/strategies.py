"""Hypothesis strategies for well-typed questions about patients: the generators behind every law.

A generator that only ever draws `unknown` proves nothing. So these draw few names, mostly exact values, moments that
are mostly the first ever, and times close to the instant of the question; `tests/laws/test_generators.py` holds them
to a share of `met`, of `not_met`, and of answers that change. Every draw shrinks to the plainest case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeVar

from hypothesis import strategies as st

from trialspec.interpreters.reading import Question
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Dose,
    Expr,
    Fixed,
    Fold,
    Moment,
    Not,
    Now,
    Pick,
    Point,
    Run,
    Score,
    Select,
    Shift,
    Test,
    Ties,
    Window,
)
from trialspec.patient import FAR, Item, Kind, Timeline
from trialspec.quantity import ANY_WORD, ANYTHING, Codes, Duration, Interval, Operator, exactly, word
from trialspec.times import DAY, When, Zone, at_instant, on_date, parse_time, shift_months, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

_T = TypeVar("_T")

# What generated patients have, and generated protocols ask for: few names, so that they meet.
NAMED: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "observation": ("measure", ("protein", "neutrophils", "antibody")),
    "administration": ("drug", ("rituximab", "prednisone")),
    "milestone": ("milestone", ("enrolment", "screening", "visit")),
    "condition": ("concept", ("infection", "nephritis")),
    "therapy": ("drug", ("prednisone", "azathioprine")),
    "adverse_event": ("concept", ("infection", "rash")),
    "procedure": ("concept", ("biopsy",)),
    "person": ("sex", ("female", "male")),
}
NUMBERS: dict[Kind, str] = {
    "observation": "value",
    "administration": "amount",
    "therapy": "dose",
    "adverse_event": "grade",
}
WORDS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "observation": ("visit", ("week_4", "week_12")),
    "administration": ("route", ("intravenous", "oral")),
    "therapy": ("outcome", ("relapse", "response")),
    "condition": ("status", ("active", "past")),
    "adverse_event": ("serious", ("yes", "no")),
    "procedure": ("result", ("class_iii", "class_iv")),
}
ANTIBODY = ("negative", "positive")  # the words that a coded measure takes
UNITS = ("g", "mg")
OPERATORS: tuple[Operator, ...] = ("at_least", "above", "at_most", "below")
_LASTING: tuple[Kind, ...] = ("therapy", "condition", "adverse_event")


def _any_of(draw: DrawFn, *weighted: tuple[int, _T]) -> _T:
    """Draw one of several things by weight; the first is the plainest."""
    return draw(st.sampled_from([thing for weight, thing in weighted for _ in range(weight)]))


def _one(draw: DrawFn, things: Sequence[_T]) -> _T:
    return draw(st.sampled_from(things))


def _chance(draw: DrawFn, percent: int) -> bool:
    return draw(st.integers(0, 99)) >= 100 - percent


# --- calendars: where and when ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """The zone of a generated patient, the date around which everything happens, and an odd hour of that date."""

    zone: Zone
    today: int
    odd: str = "12:00"


def _calendar(zone: str, year: int, month: int, day: int, odd: str = "12:00") -> Calendar:
    return Calendar(Zone(zone), date(year, month, day).toordinal(), odd)


STEADY = (_calendar("UTC", 2024, 3, 10), _calendar("Asia/Seoul", 2005, 3, 1))
CALENDARS = (
    *STEADY,
    _calendar("America/New_York", 2024, 11, 3, "01:30"),  # an hour that occurs twice
    _calendar("Europe/Berlin", 2024, 3, 31, "02:15"),  # one that does not occur
    _calendar("America/Santiago", 2024, 9, 8, "00:30"),  # where midnight does not
    _calendar("Asia/Seoul", 2024, 2, 29),
)

_NEAR = (0, 0, -1, 1, -2, 2, -3, 3, -7, 4, -8, 5, -14, -20, 14, -30)
_CLOCK = ("08:00", "12:00", "00:00", "23:30", "23:59:59", "02:15")


def _day(draw: DrawFn, calendar: Calendar) -> int:
    return calendar.today + _one(draw, _NEAR)


def _timed(draw: DrawFn, day: int, calendar: Calendar) -> When:
    """Draw a time of a day; in an hour that occurs twice it may be either, one that does not occur is left out."""
    clock = calendar.odd if day == calendar.today and _chance(draw, 60) else _one(draw, _CLOCK)
    return parse_time(f"{shown_date(day)}T{clock}", calendar.zone) or on_date(day)


def _when(draw: DrawFn, calendar: Calendar) -> When:
    day = _day(draw, calendar)
    match _any_of(draw, (24, "date"), (22, "time"), (3, "days"), (1, "times"), (1, "month")):
        case "date":
            return on_date(day)
        case "time":
            return _timed(draw, day, calendar)
        case "days":
            return When(day, day + draw(st.integers(1, 3)))
        case "times":
            # Contradicting records of one day; or the two readings of an hour that occurs twice.
            one, other = (calendar.zone.start_of(day) + 3600 * _one(draw, hours) for hours in ((8, 10), (12, 22)))
            return When(day, day, (one, other))
        case _:
            first = day - date.fromordinal(day).day + 1
            return When(first, shift_months(first, 1) - 1)


# --- items and timelines ----------------------------------------------------------------------------------------------


def _number(draw: DrawFn) -> Interval:
    number = draw(st.integers(0, 6))
    match _any_of(draw, (20, "whole"), (3, "half"), (2, "below"), (1, "above"), (1, "between"), (1, "any")):
        case "half":
            return exactly(Fraction(2 * number + 1, 2))
        case "below":
            return Interval(Fraction(0), Fraction(number + 1), high_open=True)
        case "above":
            return Interval(Fraction(number), None, low_open=draw(st.booleans()))
        case "between":
            return Interval(Fraction(number), Fraction(number + draw(st.integers(1, 3))))
        case "any":
            return ANYTHING
        case _:
            return exactly(number)


def _word(draw: DrawFn, words: Sequence[str]) -> Codes:
    match _any_of(draw, (6, "one"), (1, "two"), (1, "any")):
        case "two" if len(words) > 1:
            return Codes(frozenset(words[:2]))
        case "any":
            return ANY_WORD
        case _:
            return word(_one(draw, words))


# What may be recorded: a kind, and a name of that kind.
_Subject = tuple[Kind, str]


def _subject(draw: DrawFn, about: Sequence[_Subject]) -> _Subject:
    """Draw what an item is about: mostly something that is asked for."""
    if about and _chance(draw, 85):
        return _one(draw, about)
    kind = _one(draw, list(NAMED))
    return kind, _one(draw, NAMED[kind][1])


def _item(draw: DrawFn, calendar: Calendar, number: int, about: Sequence[_Subject]) -> Item:
    kind, named = _subject(draw, about)
    when = _when(draw, calendar)
    answer: Literal["yes", "absent", "not_done"] = _any_of(draw, (18, "yes"), (1, "absent"), (1, "not_done"))
    name, names = NAMED[kind]
    chosen = word(named) if answer != "yes" or _chance(draw, 85) else _word(draw, names)
    fields: dict[str, Codes | Interval | When] = {name: chosen}
    unit = ""
    if kind == "observation" and chosen == word("antibody"):
        fields["value"] = _word(draw, ANTIBODY)
    elif kind in NUMBERS and _chance(draw, 95):
        fields[NUMBERS[kind]] = _number(draw)
        unit = _one(draw, UNITS)
    if kind in WORDS and _chance(draw, 60):
        fields[WORDS[kind][0]] = _word(draw, WORDS[kind][1])
    if kind == "person":
        born = shift_months(calendar.today, -12 * 18) + _one(draw, (0, 1, -1, -31, 31))
        fields["birth"] = When(born, born + _one(draw, (0, 0, 30)))
    if _chance(draw, 10):
        fields["recorded"] = _when(draw, calendar)
    return Item(
        f"e{number}",
        kind,
        when,
        when if _chance(draw, 97) else _when(draw, calendar),
        fields,
        _end(draw, when, calendar) if kind in _LASTING else None,
        certain=_chance(draw, 94) or answer != "yes",
        answer=answer,
        unit=unit,
        sources=frozenset({f"e{number}"}),
    )


def _end(draw: DrawFn, start: When, calendar: Calendar) -> When:
    """Draw when something that lasts ended: at its start, known, still going on, or who knows."""
    match _any_of(draw, (3, "known"), (2, "ongoing"), (1, "unknown"), (1, "at once")):
        case "known":
            day = start.last + draw(st.integers(0, 9))
            return on_date(day) if draw(st.booleans()) else max(start, _timed(draw, day, calendar), key=_last)
        case "ongoing":
            return on_date(FAR)
        case "unknown":
            return When(start.last, FAR)
        case _:
            return start


def _last(when: When) -> tuple[int, tuple[int, ...]]:
    return when.last, when.instants


@st.composite
def timelines(
    draw: DrawFn, calendar: Calendar = STEADY[0], *, about: Expr | None = None, least: int = 2, most: int = 14
) -> Timeline:
    """Draw one patient's timeline: ties, partial dates, censored and untrusted values, denials, open existence.

    Most of it is `about` what an expression asks for.
    """
    wanted = [] if about is None else sorted(subjects(about))
    # Each of a few matters more than each of many; a list strategy would mostly draw one or two.
    size = _any_of(draw, *((2 if 3 <= size <= 8 else 1, size) for size in range(least, most + 1)))
    items = [_item(draw, calendar, number, wanted) for number in range(size)]
    if items and _chance(draw, 25):
        # Two readings of one instant: nothing but a rule for ties tells them apart.
        twin = _one(draw, items)
        items.append(
            replace(
                _item(draw, calendar, size, wanted),
                kind=twin.kind,
                when=twin.when,
                visible=twin.visible,
                fields={**twin.fields, **_again(draw, twin)},
                end=twin.end,
                answer="yes",
                unit=twin.unit,
            )
        )
    return Timeline("patient", calendar.zone, tuple(items))


def subjects(part: Expr | Select | Window | None) -> frozenset[_Subject]:
    """Give what an expression asks for: the kinds, and the names of each."""
    match part:
        case Select(kind, tests, window, history):
            words = [test.against.value.words for test in tests if isinstance(test.against.value, Codes)]
            about = frozenset((kind, name) for name in (words[0] if words else None) or ())
            taken = history if isinstance(history, Moment) else None
            return (about or frozenset({(kind, NAMED[kind][1][0])})) | subjects(window) | subjects(taken)
        case Window(start, end):
            return subjects(start) | subjects(end)
        case Moment(of=of) | Not(of) | Fold(of=of):
            return subjects(of)
        case Pick(of=of, to=to):
            return subjects(of) | subjects(to)
        case Run(of=of, then=then):
            return subjects(of) | subjects(then)
        case Shift(point):
            return subjects(point)
        case Score(items):
            return frozenset().union(*(subjects(item) for item, _ in items))
        case AtLeast(of=parts):
            return frozenset().union(*(subjects(each) for each in parts))
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return subjects(left) | subjects(right)
        case _:
            return frozenset()


def _again(draw: DrawFn, item: Item) -> dict[str, Interval]:
    name = NUMBERS.get(item.kind)
    return {name: _number(draw)} if name is not None and isinstance(item.fields.get(name), Interval) else {}


# --- instants ---------------------------------------------------------------------------------------------------------


def _instant(draw: DrawFn, timeline: Timeline, calendar: Calendar) -> int:
    """Draw an instant near an event, near a midnight, or any near the middle of the timeline."""
    zone = calendar.zone
    if timeline.items and _chance(draw, 65):
        when = _one(draw, timeline.items).when
        low, high = when.span(zone)
        near = _any_of(draw, (3, low), (1, high), (1, zone.end_of(when.first) + 1))
        # Just before it, for then something is about to change.
        return near + _one(draw, (0, -1, -1, -1, -1, -1, 1, -3600, 3600, -DAY, DAY, -2 * DAY, 7 * DAY))
    return zone.start_of(calendar.today + draw(st.integers(-6, 6))) + _one(draw, (0, -1, 30_000, 43_200, 80_000))


@st.composite
def instants(draw: DrawFn, timeline: Timeline, calendar: Calendar = STEADY[0]) -> int:
    """Draw an instant at which to ask about a timeline."""
    return _instant(draw, timeline, calendar)


# --- points and windows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idiom:
    """What generated expressions may speak of; some laws hold only without months, fixed dates, or limits by unit."""

    calendar: Calendar = STEADY[0]
    dates: bool = True
    months: bool = True
    by_unit: bool = True
    doses: bool = True


def _duration(draw: DrawFn, idiom: Idiom, *, days: bool = False) -> Duration:
    unit, numbers = _any_of(
        draw,
        (6, ("d", (7, 14, 1, 30, 2, 3, 0))),
        (1, ("wk", (1, 2))),
        *(() if days else ((2, ("h", (12, 1, 24, 0, 48))), (1, ("min", (30, 90, 1))))),
        *(((2, ("mo", (1, 2))), (1, ("y", (1,)))) if idiom.months else ()),
    )
    return Duration(_one(draw, numbers), unit)


def _moment(draw: DrawFn, idiom: Idiom, depth: int) -> Moment:
    kind: Kind = _any_of(
        draw, (5, "milestone"), (4, "administration"), (2, "observation"), (1, "condition"), (1, "therapy")
    )
    which: Literal["first", "last"] = _any_of(draw, (3, "first"), (2, "last"))
    name, names = NAMED[kind]
    chosen = _one(draw, names[:2])
    tests = [Test(name, "in", Constant(word(chosen)))]
    if _chance(draw, 20):
        tests.append(_test(draw, idiom, kind, chosen))
    window = _window(draw, idiom, depth - 1) if depth > 0 and draw(st.booleans()) else Window()
    return Moment(f"{which}_{chosen}", which, Select(kind, tuple(tests), window, "always"))


def _point(draw: DrawFn, idiom: Idiom, depth: int) -> Point:
    doses, dates = int(idiom.doses), int(idiom.dates)
    match _any_of(draw, (4, "now"), (5, "moment"), (8, "shift"), (doses, "dose"), (dates, "fixed")):
        case "now":
            return Now()
        case "dose":
            return Dose()
        case "fixed":
            return Fixed(_day(draw, idiom.calendar))
        case "moment":
            return _moment(draw, idiom, depth)
        case _:
            inner = _point(draw, idiom, depth - 1) if depth > 0 and draw(st.booleans()) else Now()
            return Shift(inner, _duration(draw, idiom), earlier=_chance(draw, 75))


def _window(draw: DrawFn, idiom: Idiom, depth: int) -> Window:
    match _any_of(draw, (6, "since ever"), (6, "start"), (2, "end"), (2, "both")):
        case "since ever":
            return Window()
        case "start":
            return Window(_point(draw, idiom, depth), after=_chance(draw, 30))
        case "end":
            return Window(end=_point(draw, idiom, depth), before=_chance(draw, 30))
        case _:
            # Half of them a stretch before some end, the others whatever comes.
            end = _point(draw, idiom, depth)
            start = Shift(end, _duration(draw, idiom), earlier=True) if draw(st.booleans()) else _point(draw, idiom, 0)
            return Window(start, end, after=_chance(draw, 30), before=_chance(draw, 30))


# --- selections -------------------------------------------------------------------------------------------------------


def _limit(draw: DrawFn, idiom: Idiom) -> Constant:
    number = exactly(draw(st.integers(0, 6)))
    if idiom.by_unit and _chance(draw, 10):
        return Constant(number, ((UNITS[0], number), (UNITS[1], exactly(draw(st.integers(0, 6))))))
    return Constant(number)


def _test(draw: DrawFn, idiom: Idiom, kind: Kind, name: str) -> Test:
    """Draw a test of a field other than the name: of its number, or of a word."""
    absent = _any_of(draw, (3, UNKNOWN), (1, NOT_MET), (1, MET))
    if kind in NUMBERS and name != "antibody" and (kind not in WORDS or draw(st.booleans())):
        return Test(NUMBERS[kind], _one(draw, OPERATORS), _limit(draw, idiom), absent)
    if kind in WORDS:
        field, words = WORDS[kind]
        return Test(field, "in", Constant(word(_one(draw, words))), absent)
    return Test("sex", "in", Constant(word("female")), NOT_MET if kind != "person" else UNKNOWN)


def _select(draw: DrawFn, idiom: Idiom, kind: Kind, depth: int, name: str | None = None) -> Select:
    field, names = NAMED[kind]
    chosen = name or _one(draw, names[:2])
    wanted = frozenset(names[:2]) if name is None and _chance(draw, 10) else frozenset({chosen})
    tests = [] if kind == "person" else [Test(field, "in", Constant(Codes(wanted)))]
    if _chance(draw, 20):
        tests.append(_test(draw, idiom, kind, chosen))
    history: Literal["always"] | Moment | None = "always"
    if kind == "observation":
        history = None
    elif kind != "milestone":
        history = _any_of(draw, (4, "always"), (4, None))
        if history is None and draw(st.booleans()):
            history = _moment(draw, idiom, 0)
    return Select(kind, tuple(tests), _window(draw, idiom, depth), history, label=chosen)


def _counted(draw: DrawFn) -> Kind:
    return _any_of(
        draw,
        (3, "administration"),
        (3, "milestone"),
        (2, "condition"),
        (2, "therapy"),
        (2, "observation"),
        (1, "adverse_event"),
        (1, "procedure"),
    )


def _valued(draw: DrawFn) -> Kind:
    return _any_of(draw, (8, "observation"), (2, "administration"), (1, "therapy"), (1, "adverse_event"))


# --- numbers, words and dates -----------------------------------------------------------------------------------------


def _pick(draw: DrawFn, idiom: Idiom, depth: int) -> Pick:
    kind = _valued(draw)
    which: Literal["first", "latest", "least", "greatest", "nearest"] = _any_of(
        draw, (5, "latest"), (2, "first"), (2, "least"), (2, "greatest"), (2, "nearest")
    )
    ties: Ties = _any_of(draw, (6, "hull"), (1, "mean"), (1, "least"), (1, "greatest"), (1, "last_entered"))
    near = _point(draw, idiom, 1) if which == "nearest" else None
    chosen = _one(draw, NAMED[kind][1][:2])
    return Pick(which, _select(draw, idiom, kind, depth, chosen), NUMBERS[kind], ties, near)


def _measured(draw: DrawFn, idiom: Idiom, depth: int) -> Expr:
    """Draw a number that was measured."""
    match _any_of(draw, (6, "pick"), (1, "sum"), (1, "mean"), (3, "arithmetic"), (1, "score")):
        case "sum" | "mean" as how:
            kind = _valued(draw)
            least = 2 if how == "mean" and draw(st.booleans()) else 1
            return Fold(how, _select(draw, idiom, kind, depth), NUMBERS[kind], least)
        case "arithmetic":
            sign: Literal["add", "subtract", "multiply", "divide"] = _any_of(
                draw, (2, "subtract"), (1, "add"), (1, "multiply"), (2, "divide")
            )
            right = Constant(exactly(_one(draw, (2, -1, 0)))) if _chance(draw, 20) else _pick(draw, idiom, depth)
            return Arithmetic(sign, _pick(draw, idiom, depth), right)
        case "score":
            parts = draw(st.integers(2, 3))
            weights = [exactly(_one(draw, (1, 2, 4, -1))) for _ in range(parts)]
            return Score(tuple((_statement(draw, idiom, 0), weight) for weight in weights))
        case _:
            return _pick(draw, idiom, depth)


def _count(draw: DrawFn, idiom: Idiom, depth: int) -> Fold:
    kind = _counted(draw)
    select = _select(draw, idiom, kind, depth)
    if _chance(draw, 25):
        return Fold("distinct", select, _one(draw, ("day", NAMED[kind][0])))
    return Fold("count", select)


# --- statements -------------------------------------------------------------------------------------------------------


def _run(draw: DrawFn, idiom: Idiom, depth: int) -> Run:
    name = _one(draw, NAMED["observation"][1][:2])
    of = _select(draw, idiom, "observation", depth, name)
    holds = Test("value", _one(draw, OPERATORS), _limit(draw, idiom))
    span = _duration(draw, idiom) if draw(st.booleans()) else None
    gap = _duration(draw, idiom) if draw(st.booleans()) else None
    if _chance(draw, 25):
        then = _select(draw, idiom, _counted(draw), 0)
        return Run(of, holds, 1, span, gap, then)
    return Run(of, holds, _any_of(draw, (4, 2), (1, 3), (1, 1)), span, gap)


def _age(draw: DrawFn, idiom: Idiom) -> Compare:
    """Draw a limit of age: a birthday that has come or has not."""
    moving = Shift(Now(), Duration(18, "y") if idiom.months else Duration(7, "d"), earlier=True)
    born = Pick("latest", Select("person"), "birth")
    return Compare(moving, _one(draw, OPERATORS), born)


def _dates(draw: DrawFn, idiom: Idiom, depth: int) -> Compare:
    """Draw a comparison of dates; the second does not move with the question, or it would never come to rest."""
    second: Point = _moment(draw, idiom, depth)
    if draw(st.booleans()):
        second = Shift(second, _duration(draw, idiom), earlier=draw(st.booleans()))
    return Compare(_point(draw, idiom, depth), _one(draw, OPERATORS), second)


def _coded(draw: DrawFn, idiom: Idiom, depth: int) -> Compare:
    which: Literal["latest", "first"] = _one(draw, ("latest", "first"))
    of = _select(draw, idiom, "observation", depth, "antibody")
    return Compare(Pick(which, of), "in", Constant(word(_one(draw, ANTIBODY))))


Form = Literal["value", "count", "run", "word", "date", "age", "constant", "parts", "not"]
_LEAVES: tuple[tuple[int, Form], ...] = (
    *((12, "value"), (10, "count"), (4, "run"), (2, "word"), (2, "date"), (2, "age"), (1, "constant")),
)
_JOINS: tuple[tuple[int, Form], ...] = ((12, "parts"), (4, "not"))


def _statement(draw: DrawFn, idiom: Idiom, depth: int, forms: Sequence[Form] = ()) -> Expr:
    leaf = _one(draw, forms) if forms else _any_of(draw, *_LEAVES, *(_JOINS if depth > 0 else ()))
    match leaf:
        case "value":
            return Compare(_measured(draw, idiom, depth), _one(draw, OPERATORS), _limit(draw, idiom))
        case "count":
            return Compare(_count(draw, idiom, depth), _one(draw, OPERATORS), Constant(exactly(_one(draw, (1, 2, 0)))))
        case "run":
            return _run(draw, idiom, depth)
        case "word":
            return _coded(draw, idiom, depth)
        case "date":
            return _dates(draw, idiom, depth)
        case "age":
            return _age(draw, idiom)
        case "parts":
            parts = tuple(_statement(draw, idiom, depth - 1) for _ in range(draw(st.integers(2, 4))))
            return AtLeast(draw(st.integers(1, len(parts))), parts)
        case "not":
            return Not(_statement(draw, idiom, depth - 1))
        case _:
            return Constant(_any_of(draw, (2, MET), (2, NOT_MET), (1, UNKNOWN)))


@st.composite
def statements(draw: DrawFn, idiom: Idiom = Idiom(), depth: int = 2, forms: Sequence[Form] = ()) -> Expr:
    """Draw a well-typed kernel expression whose value is a verdict, of one of these forms if any are given."""
    return _statement(draw, idiom, depth, forms)


@st.composite
def numbers(draw: DrawFn, idiom: Idiom = Idiom(), depth: int = 1) -> Expr:
    """Draw a well-typed kernel expression whose value is a number."""
    return _count(draw, idiom, depth) if _chance(draw, 30) else _measured(draw, idiom, depth)


# --- questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """An expression and the question that it is asked with."""

    expr: Expr
    question: Question
    calendar: Calendar


@st.composite
def asked(
    draw: DrawFn,
    expressions: Callable[[Idiom], SearchStrategy[Expr]] = statements,
    calendars: Sequence[Calendar] = CALENDARS,
    idiom: Idiom = Idiom(),
) -> Asked:
    """Draw an expression, a timeline with the things it speaks of, and an instant close to them."""
    calendar = _one(draw, calendars)
    idiom = replace(idiom, calendar=calendar)
    expr = draw(expressions(idiom))
    timeline = draw(timelines(calendar, about=expr))
    at = _instant(draw, timeline, calendar)
    dose = None
    if idiom.doses and _chance(draw, 30):
        dose = at_instant(at, calendar.zone) if draw(st.booleans()) else _when(draw, calendar)
    return Asked(expr, Question(timeline, at, dose), calendar)


# --- sharpening: records that say more --------------------------------------------------------------------------------


_WORDS_OF: dict[str, tuple[str, ...]] = {"value": ANTIBODY}
for _field, _words in (*NAMED.values(), *WORDS.values()):
    _WORDS_OF[_field] = (*_words, *_WORDS_OF.get(_field, ()))


def _narrower_value(draw: DrawFn, field: str, value: Codes | Interval | When) -> Codes | Interval | When:
    match value:
        case Codes(None):
            return word(_one(draw, _WORDS_OF[field]))
        case Codes(words) if words is not None:
            return word(_one(draw, sorted(words)))
        case Interval():
            return _narrower_number(draw, value)
        case When():
            return _narrower_time(draw, value)
        case _:
            return value


def _narrower_number(draw: DrawFn, value: Interval) -> Interval:
    if value.exact is not None:
        return value
    low = value.low if value.low is not None else (value.high if value.high is not None else Fraction(0)) - 9
    high = value.high if value.high is not None else low + 9
    width = high - low
    # Near an end, at an end where the interval has it, or anywhere between.
    least = Fraction(0) if value.low is None or not value.low_open else Fraction(1, 1000)
    most = Fraction(1) if value.high is None or not value.high_open else Fraction(999, 1000)
    one, other = (low + width * _one(draw, (least, most, Fraction(1, 2), Fraction(1, 3))) for _ in range(2))
    return exactly(one) if draw(st.booleans()) else Interval(min(one, other), max(one, other))


def _narrower_time(draw: DrawFn, when: When) -> When:
    if when.certain:
        return when
    if when.instants and when.first == when.last:
        return replace(when, instants=(_one(draw, when.instants),))
    last = min(when.last, when.first + 60) if when.last >= FAR else when.last
    one, other = (draw(st.integers(when.first, last)) for _ in range(2))
    return on_date(one) if _chance(draw, 70) else When(min(one, other), max(one, other))


def _sharper(draw: DrawFn, item: Item) -> Item | None:
    """Draw what an item may turn out to be: each of its open questions is answered, narrowed or left."""
    if not item.certain and draw(st.booleans()):
        if draw(st.booleans()):
            return None
        item = replace(item, certain=True)
    fields = {
        name: _narrower_value(draw, name, value) if draw(st.booleans()) else value
        for name, value in item.fields.items()
    }
    when = _narrower_time(draw, item.when) if _chance(draw, 70) else item.when
    visible = when if item.visible == item.when else item.visible
    end = item.end
    if end is not None:
        end = when if end == item.when else _narrower_time(draw, end) if draw(st.booleans()) else end
    return replace(item, fields=fields, when=when, visible=visible, end=end)


@st.composite
def sharpened(draw: DrawFn, timeline: Timeline, calendar: Calendar = STEADY[0]) -> Timeline:
    """Draw a timeline that says more and contradicts nothing, with *asked, no* where nothing was said before."""
    items = [sharper for item in timeline.items if (sharper := _sharper(draw, item)) is not None]
    if _chance(draw, 30):
        kind = _counted(draw)
        name, names = NAMED[kind]
        when = _when(draw, calendar)
        items.append(Item("denied", kind, when, when, {name: word(_one(draw, names))}, answer="absent"))
    return replace(timeline, items=tuple(items))
