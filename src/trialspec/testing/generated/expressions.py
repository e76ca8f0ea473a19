"""Generated expressions: well-typed statements and numbers of the kernel, in every form that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Calculation,
    Compare,
    Constant,
    Daily,
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
from trialspec.patient import Kind
from trialspec.quantity import Codes, Duration, Operator, exactly, word
from trialspec.testing.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.testing.generated.records import (
    ANSWERS,
    LASTING,
    NAMED,
    NUMBERS,
    STEADY,
    UNITS,
    WORDS,
    Calendar,
    Subject,
    day_near,
)
from trialspec.truth import MET, NOT_MET, UNKNOWN

OPERATORS: tuple[Operator, ...] = ("at_least", "above", "at_most", "below")


# --- points and windows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idiom:
    """What generated expressions may speak of; some laws hold only without months, fixed dates, or limits by unit."""

    calendar: Calendar = STEADY[0]
    dates: bool = True
    months: bool = True
    by_unit: bool = True
    doses: bool = True


FREELY = Idiom()


def _duration(choose: Choose, idiom: Idiom, *, days: bool = False) -> Duration:
    unit, numbers = any_of(
        choose,
        (6, ("d", (7, 14, 1, 30, 2, 3, 0))),
        (1, ("wk", (1, 2))),
        *(() if days else ((2, ("h", (12, 1, 24, 0, 48))), (1, ("min", (30, 90, 1))))),
        *(((2, ("mo", (1, 2))), (1, ("y", (1,)))) if idiom.months else ()),
    )
    return Duration(one_of(choose, numbers), unit)


def _moment(choose: Choose, idiom: Idiom, depth: int) -> Moment:
    kind: Kind = any_of(
        choose, (5, "milestone"), (4, "administration"), (2, "observation"), (1, "condition"), (1, "therapy")
    )
    which: Literal["first", "last"] = any_of(choose, (3, "first"), (2, "last"))
    name, names = NAMED[kind]
    chosen = one_of(choose, names[:2])
    tests = [Test(name, "in", Constant(word(chosen)))]
    if chance(choose, 20):
        tests.append(_test(choose, idiom, kind, chosen))
    window = _window(choose, idiom, depth - 1) if depth > 0 and coin(choose) else Window()
    return Moment(f"{which}_{chosen}", which, Select(kind, tuple(tests), window, "always"))


def _point(choose: Choose, idiom: Idiom, depth: int) -> Point:
    doses, dates = int(idiom.doses), int(idiom.dates)
    match any_of(choose, (4, "now"), (5, "moment"), (8, "shift"), (doses, "dose"), (dates, "fixed")):
        case "now":
            return Now()
        case "dose":
            return Dose()
        case "fixed":
            return Fixed(day_near(choose, idiom.calendar))
        case "moment":
            return _moment(choose, idiom, depth)
        case _:
            inner = _point(choose, idiom, depth - 1) if depth > 0 and coin(choose) else Now()
            return Shift(inner, _duration(choose, idiom), earlier=chance(choose, 75))


def _window(choose: Choose, idiom: Idiom, depth: int) -> Window:
    match any_of(choose, (6, "since ever"), (6, "start"), (2, "end"), (2, "both")):
        case "since ever":
            return Window()
        case "start":
            return Window(_point(choose, idiom, depth), after=chance(choose, 30))
        case "end":
            end = _point(choose, idiom, depth)
            before, awaits = _ending(choose)
            return Window(end=end, before=before, awaits=awaits)
        case _:
            # Half of them a stretch before some end, the others whatever comes.
            end = _point(choose, idiom, depth)
            start = Shift(end, _duration(choose, idiom), earlier=True) if coin(choose) else _point(choose, idiom, 0)
            after, (before, awaits) = chance(choose, 30), _ending(choose)
            return Window(start, end, after=after, before=before, awaits=awaits)


def _ending(choose: Choose) -> tuple[bool, bool]:
    """Say whether a window's end is excluded, and whether it is awaited: of either sort one in four."""
    number = choose(100)
    return number >= 70, number % 4 == 3


# --- selections -------------------------------------------------------------------------------------------------------


def _limit(choose: Choose, idiom: Idiom) -> Constant:
    number = exactly(between(choose, 0, 6))
    if idiom.by_unit and chance(choose, 10):
        return Constant(number, ((UNITS[0], number), (UNITS[1], exactly(between(choose, 0, 6)))))
    return Constant(number)


def _test(choose: Choose, idiom: Idiom, kind: Kind, name: str) -> Test:
    """Give a test of a field other than the name: of its number, or of a word."""
    absent = any_of(choose, (3, UNKNOWN), (1, NOT_MET), (1, MET))
    if kind in NUMBERS and name != "answer" and (kind not in WORDS or coin(choose)):
        return Test(NUMBERS[kind], one_of(choose, OPERATORS), _limit(choose, idiom), absent)
    if kind in WORDS:
        field, words = WORDS[kind]
        return Test(field, "in", Constant(word(one_of(choose, words))), absent)
    return Test("sex", "in", Constant(word("female")), NOT_MET if kind != "person" else UNKNOWN)


def _select(choose: Choose, idiom: Idiom, kind: Kind, depth: int, name: str | None = None) -> Select:
    field, names = NAMED[kind]
    chosen = name or one_of(choose, names[:2])
    wanted = frozenset(names[:2]) if name is None and chance(choose, 10) else frozenset({chosen})
    tests = [] if kind == "person" else [Test(field, "in", Constant(Codes(wanted)))]
    if chance(choose, 20):
        tests.append(_test(choose, idiom, kind, chosen))
    history: Literal["always"] | Moment | None = "always"
    if kind == "observation":
        history = None
    elif kind != "milestone":
        history = any_of(choose, (4, "always"), (4, None))
        if history is None and coin(choose):
            history = _moment(choose, idiom, 0)
    lasting = _duration(choose, idiom) if kind in LASTING and chance(choose, 10) else None
    return Select(kind, tuple(tests), _window(choose, idiom, depth), history, label=chosen, lasting=lasting)


def counted(choose: Choose) -> Kind:
    """Give a kind of which existence is asked."""
    return any_of(
        choose,
        (3, "administration"),
        (3, "milestone"),
        (2, "condition"),
        (2, "therapy"),
        (2, "observation"),
        (1, "adverse_event"),
        (1, "procedure"),
    )


def _valued(choose: Choose) -> Kind:
    return any_of(choose, (8, "observation"), (2, "administration"), (1, "therapy"), (1, "adverse_event"))


# --- numbers, words and dates -----------------------------------------------------------------------------------------


def _pick(choose: Choose, idiom: Idiom, depth: int) -> Pick:
    kind = _valued(choose)
    which: Literal["first", "latest", "least", "greatest", "nearest"] = any_of(
        choose, (5, "latest"), (2, "first"), (2, "least"), (2, "greatest"), (2, "nearest")
    )
    ties: Ties = any_of(choose, (6, "hull"), (1, "mean"), (1, "least"), (1, "greatest"), (1, "last_entered"))
    near = _point(choose, idiom, 1) if which == "nearest" else None
    chosen = one_of(choose, NAMED[kind][1][:2])
    return Pick(which, _select(choose, idiom, kind, depth, chosen), NUMBERS[kind], ties, near)


def _measured(choose: Choose, idiom: Idiom, depth: int) -> Expr:
    """Give a number that was measured."""
    match any_of(choose, (12, "pick"), (2, "sum"), (2, "mean"), (9, "arithmetic"), (3, "score")):
        case "sum" | "mean" as how:
            kind = _valued(choose)
            least = 2 if how == "mean" and coin(choose) else 1
            return Fold(how, _select(choose, idiom, kind, depth), NUMBERS[kind], least)
        case "arithmetic":
            return _calculated(choose, idiom, depth)
        case "score":
            parts = between(choose, 2, 3)
            weights = [exactly(one_of(choose, (1, 2, 4, -1))) for _ in range(parts)]
            return Score(tuple((statement(choose, idiom, 0), weight) for weight in weights))
        case _:
            return _pick(choose, idiom, depth)


def _calculated(choose: Choose, idiom: Idiom, depth: int) -> Arithmetic:
    """Give a calculation with two numbers, or with a birth date and a point."""
    how: Calculation = any_of(
        choose,
        *((6, "subtract"), (4, "add"), (3, "multiply"), (6, "divide"), (4, "power"), (1, "least"), (1, "greatest")),
        *((3, "round"), (2 if idiom.months else 0, "years")),
    )
    if how == "years":
        return Arithmetic(how, Pick("latest", Select("person"), "birth"), _point(choose, idiom, depth))
    left = _pick(choose, idiom, depth)
    if how == "round":
        return Arithmetic(how, left, Constant(exactly(one_of(choose, (Fraction(1, 2), Fraction(2), Fraction(3))))))
    if how == "power" and chance(choose, 60):
        return Arithmetic(how, left, Constant(exactly(one_of(choose, (Fraction(1, 2), Fraction(-6, 5), Fraction(2))))))
    right = Constant(exactly(one_of(choose, (2, -1, 0)))) if chance(choose, 20) else _pick(choose, idiom, depth)
    alike = "visit" if isinstance(right, Pick) and chance(choose, 20) else ""
    return Arithmetic(how, left, right, alike=alike)


def _daily(choose: Choose, idiom: Idiom) -> Daily:
    """Give a number about the dates of a window; they are counted from some point on."""
    end = _point(choose, idiom, 0) if coin(choose) else None
    days = _duration(choose, replace(idiom, months=False), days=True)  # in a long one numbers change day by day
    start = Shift(Now() if end is None else end, days, earlier=True)
    window = Window(start, end, after=chance(choose, 30), before=end is not None and chance(choose, 30))
    kinds: tuple[Kind, ...] = any_of(
        choose, (3, ("administration",)), (3, ("therapy",)), (2, ("administration", "therapy"))
    )
    of = []
    for kind in kinds:
        select = _select(choose, idiom, kind, 0, NAMED[kind][1][coin(choose)])
        history: Literal["always"] | None = "always" if chance(choose, 80) else None
        of.append((replace(select, window=window, history=history), exactly(one_of(choose, (1, 2)))))
    how: Literal["greatest", "sum", "days", "row"] = one_of(choose, ("greatest", "sum", "days", "row"))
    holds = Test("amount", one_of(choose, OPERATORS), Constant(exactly(between(choose, 0, 6))))
    return Daily(how, tuple(of), holds if how in {"days", "row"} else None)


def _count(choose: Choose, idiom: Idiom, depth: int) -> Fold:
    kind = counted(choose)
    select = _select(choose, idiom, kind, depth)
    if chance(choose, 25):
        return Fold("distinct", select, one_of(choose, ("day", NAMED[kind][0])))
    return Fold("count", select)


# --- statements -------------------------------------------------------------------------------------------------------


def _ended(choose: Choose, idiom: Idiom) -> Compare:
    """Give a count of what came up to a moment, which may not have happened."""
    kind = counted(choose)
    field, names = NAMED[kind]
    end = _moment(choose, idiom, 0)
    name = Test(field, "in", Constant(word(one_of(choose, names[:2]))))
    history: Literal["always"] | None = "always" if kind == "milestone" or coin(choose) else None
    before, awaits = one_of(choose, ((False, False), (True, False), (False, True), (True, True)))
    select = Select(kind, (name,), Window(end=end, before=before, awaits=awaits), history)
    return Compare(Fold("count", select), one_of(choose, OPERATORS), Constant(exactly(between(choose, 0, 1))))


def _run(choose: Choose, idiom: Idiom, depth: int) -> Run:
    name = one_of(choose, NAMED["observation"][1][:2])
    of = _select(choose, idiom, "observation", depth, name)
    holds = Test("value", one_of(choose, OPERATORS), _limit(choose, idiom))
    span = _duration(choose, idiom) if coin(choose) else None
    gap = _duration(choose, idiom) if coin(choose) else None
    if chance(choose, 25):
        then = _select(choose, idiom, counted(choose), 0)
        return Run(of, holds, 1, span, gap, then)
    across = chance(choose, 25)
    return Run(of, holds, any_of(choose, (4, 2), (1, 3), (1, 1)), span, gap, across=across)


def _age(choose: Choose, idiom: Idiom) -> Compare:
    """Give a limit of age: a birthday that has come or has not."""
    moving = Shift(Now(), Duration(18, "y") if idiom.months else Duration(7, "d"), earlier=True)
    born = Pick("latest", Select("person"), "birth")
    return Compare(moving, one_of(choose, OPERATORS), born)


def _dates(choose: Choose, idiom: Idiom, depth: int) -> Compare:
    """Give a comparison of dates; the second does not move with the question, or it would never come to rest."""
    second: Point = _moment(choose, idiom, depth)
    if coin(choose):
        second = Shift(second, _duration(choose, idiom), earlier=coin(choose))
    return Compare(_point(choose, idiom, depth), one_of(choose, OPERATORS), second)


def _coded(choose: Choose, idiom: Idiom, depth: int) -> Compare:
    which: Literal["latest", "first"] = one_of(choose, ("latest", "first"))
    of = _select(choose, idiom, "observation", depth, "answer")
    return Compare(Pick(which, of), "in", Constant(word(one_of(choose, ANSWERS))))


Form = Literal["value", "count", "daily", "ended", "run", "word", "date", "age", "constant", "parts", "not"]
_LEAVES: tuple[tuple[int, Form], ...] = (
    *(
        (12, "value"),
        (9, "count"),
        (2, "daily"),
        (1, "ended"),
        (4, "run"),
        (2, "word"),
        (2, "date"),
        (2, "age"),
        (1, "constant"),
    ),
)
_JOINS: tuple[tuple[int, Form], ...] = ((12, "parts"), (4, "not"))


def statement(choose: Choose, idiom: Idiom, depth: int = 2, forms: Sequence[Form] = ()) -> Expr:
    """Give a well-typed expression whose value is a verdict, of one of these forms if any are given."""
    leaf = one_of(choose, forms) if forms else any_of(choose, *_LEAVES, *(_JOINS if depth > 0 else ()))
    match leaf:
        case "value":
            return Compare(_measured(choose, idiom, depth), one_of(choose, OPERATORS), _limit(choose, idiom))
        case "count":
            return Compare(
                _count(choose, idiom, depth), one_of(choose, OPERATORS), Constant(exactly(one_of(choose, (1, 2, 0))))
            )
        case "daily":
            return Compare(_daily(choose, idiom), one_of(choose, OPERATORS), Constant(exactly(between(choose, 0, 5))))
        case "ended":
            return _ended(choose, idiom)
        case "run":
            return _run(choose, idiom, depth)
        case "word":
            return _coded(choose, idiom, depth)
        case "date":
            return _dates(choose, idiom, depth)
        case "age":
            return _age(choose, idiom)
        case "parts":
            parts = tuple(statement(choose, idiom, depth - 1) for _ in range(between(choose, 2, 4)))
            return AtLeast(between(choose, 1, len(parts)), parts)
        case "not":
            return Not(statement(choose, idiom, depth - 1))
        case _:
            return Constant(any_of(choose, (2, MET), (2, NOT_MET), (1, UNKNOWN)))


def number(choose: Choose, idiom: Idiom, depth: int = 1) -> Expr:
    """Give a well-typed expression whose value is a number."""
    match any_of(choose, (5, "count"), (2, "daily"), (12, "measured")):
        case "count":
            return _count(choose, idiom, depth)
        case "daily":
            return _daily(choose, idiom)
        case _:
            return _measured(choose, idiom, depth)


# --- what is asked for ------------------------------------------------------------------------------------------------


def subjects(part: Expr | Select | Window | None) -> frozenset[Subject]:
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
        case Daily(of=parts):
            return frozenset().union(*(subjects(each) for each, _ in parts))
        case Score(items):
            return frozenset().union(*(subjects(item) for item, _ in items))
        case AtLeast(of=parts):
            return frozenset().union(*(subjects(each) for each in parts))
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return subjects(left) | subjects(right)
        case _:
            return frozenset()
