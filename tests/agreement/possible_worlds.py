"""A second meaning of the kernel, by brute force: every way things may have been, each read by a plain program.

A *way* settles everything: each item is there or not, on one day and at one instant of it, with one value; what no
record settles is there or not; of things that no order tells apart, one comes first. What is left is ordinary
two-valued arithmetic, with `None` where a value is asked for and there is none. Nothing here is shared with the
evaluators: dates come from the standard library, and numbers are single fractions.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Protocol, TypeVar, assert_never
from zoneinfo import ZoneInfo

from trialspec.kernel import (
    Arithmetic,
    AtLeast,
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
)
from trialspec.patient import Item, Timeline
from trialspec.quantity import Codes, Duration, Interval
from trialspec.times import When
from trialspec.truth import Verdict

T = TypeVar("T")
Answer = bool | Fraction | str | None
_LITTLE = Fraction(1, 1000)
_MUCH = 1000
_MONTH = 31
_FAR = date.max.toordinal() - 400
_LONG_AGO = date(1900, 1, 1).toordinal()  # long before any time drawn, and a date that has clocks


class Choose(Protocol):
    """Settles one open question."""

    def __call__(self, options: Sequence[T], /) -> T: ...


@dataclass(slots=True)
class _Path:
    """Follows choices made before, then takes the first of each; remembers what it took, and of how many."""

    before: list[int]
    taken: list[tuple[int, int]]

    def __call__(self, options: Sequence[T], /) -> T:
        index = self.before[len(self.taken)] if len(self.taken) < len(self.before) else 0
        self.taken.append((index, len(options)))
        return options[index]


def explore(run: Callable[[Choose], T], most: int, seed: int) -> tuple[list[T], bool]:
    """Run once for every sequence of choices; if there are more than `most`, for that many drawn ones.

    The second part of the answer is whether every way was gone.
    """
    found: list[T] = []
    path = _Path([], [])
    while len(found) < most:
        found.append(run(path))
        while path.taken and path.taken[-1][0] + 1 == path.taken[-1][1]:
            path.taken.pop()
        if not path.taken:
            return found, True
        last, _ = path.taken.pop()
        path = _Path([*(index for index, _ in path.taken), last + 1], [])
    random = Random(seed)
    return [*found[: most // 4], *(run(random.choice) for _ in range(most))], False


# --- one way in which things were -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spot:
    """A day, and the second if it is known; `clock` is the second at which it was, known or not."""

    day: int
    clock: int
    timed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One thing as it was."""

    item: Item
    at: Spot
    seen: Spot
    end: Spot
    fields: dict[str, Fraction | str]


@dataclass(frozen=True, slots=True)
class Way:
    """Everything as it was, and when and about which dose it is asked."""

    facts: tuple[Fact, ...]
    zone: ZoneInfo
    now: int
    dose: Spot | None
    choose: Choose
    limits: tuple[Fraction, ...]

    def day_of(self, instant: int) -> int:
        return datetime.fromtimestamp(instant, self.zone).toordinal()


@lru_cache(maxsize=10_000)
def start_of(day: int, zone: ZoneInfo) -> int:
    """Give the first second of a day, by looking for it: midnight, or the first full minute that the clocks show."""
    on = date.fromordinal(day)
    noon = int(datetime(on.year, on.month, on.day, 12, tzinfo=zone).timestamp())
    minute = noon - 15 * 3600
    while datetime.fromtimestamp(minute, zone).toordinal() < day:
        minute += 900
    return minute


def settle(timeline: Timeline, dose: When | None, now: int, limits: tuple[Fraction, ...], choose: Choose) -> Way:
    """Settle everything that a timeline leaves open; `limits` are numbers that are worth being just beside."""
    zone = ZoneInfo(timeline.zone.name)
    facts = []
    for item in timeline.items:
        if not item.certain and not choose((True, False)):
            continue
        at = _spot(item.when, zone, choose)
        seen = at if item.visible == item.when else _spot(item.visible, zone, choose)
        end = at if item.end is None or item.end == item.when else _spot(item.end, zone, choose)
        fields = {name: _settled(value, limits, choose, zone) for name, value in item.fields.items()}
        facts.append(Fact(item, at, seen, end, fields))
    return Way(tuple(facts), zone, now, None if dose is None else _spot(dose, zone, choose), choose, limits)


def _spot(when: When, zone: ZoneInfo, choose: Choose) -> Spot:
    if when.instants and when.first == when.last:
        instant = choose(when.instants)
        return Spot(when.first, instant, timed=True)
    last = min(when.last, _FAR)
    first = min(max(when.first, _LONG_AGO), last)
    if last - first <= _MONTH:
        return _on(choose(range(first, last + 1)), zone, choose)
    # Some of very many days, more often than anybody goes: these are not all the ways there are.
    days = [first, last, first + 1, (first + last) // 2] * _MONTH
    return _on(choose(days), zone, choose)


def _on(day: int, zone: ZoneInfo, choose: Choose) -> Spot:
    """A day of which nobody knows the time: only a question of hours looks at it."""
    return Spot(day, _DURING[choose(("start", "end"))](day, zone), timed=False)


_DURING: dict[str, Callable[[int, ZoneInfo], int]] = {
    "start": start_of,
    "end": lambda day, zone: start_of(day + 1, zone) - 1,
}


def _settled(
    value: Codes | Interval | When, limits: Iterable[Fraction], choose: Choose, zone: ZoneInfo
) -> Fraction | str:
    match value:
        case Codes(words):
            return choose(sorted(words) if words is not None else (*_SOME_WORDS, "elsewhere"))
        case Interval():
            return choose(_some_numbers(value, limits))
        case When():
            return Fraction(_spot(value, zone, choose).day)


_SOME_WORDS = (
    "protein",
    "marker",
    "answer",
    "drug_b",
    "drug_a",
    "enrolment",
    "screening",
    "infection",
    "inflammation",
    "week_4",
    "intravenous",
    "relapse",
    "active",
    "yes",
    "positive",
    "negative",
    "female",
)


def _some_numbers(interval: Interval, limits: Iterable[Fraction]) -> list[Fraction]:
    """Give the ends of an interval, its middle, and the limits inside it, with those just beside them."""
    if interval.low is not None and interval.low == interval.high:
        return [interval.low]
    low = interval.low if interval.low is not None else Fraction(-_MUCH)
    high = interval.high if interval.high is not None else Fraction(_MUCH)
    inside = {
        low + _LITTLE if interval.low_open else low,
        high - _LITTLE if interval.high_open else high,
        (low + high) / 2,
    }
    for limit in limits:
        inside |= {near for near in (limit - _LITTLE, limit, limit + _LITTLE) if low < near < high}
    return sorted(inside)


def limits_of(part: object) -> tuple[Fraction, ...]:
    """Give every number that an expression names."""
    found: set[Fraction] = set()
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, Interval):
            found |= {end for end in (node.low, node.high) if end is not None}
        elif isinstance(node, tuple):
            stack.extend(node)
        elif hasattr(node, "__dataclass_fields__"):
            stack.extend(getattr(node, name) for name in node.__dataclass_fields__ if name != "place")
    return tuple(sorted(found))


# --- the plain program ------------------------------------------------------------------------------------------------


def answer(expr: Expr, way: Way) -> Answer:
    """Answer in one way: a truth, a number, a word, or `None`."""
    return _valued(expr, way)[0]


def _valued(expr: Expr, way: Way) -> tuple[Answer, frozenset[str]]:
    """Answer, with the units in which the numbers came."""
    none: frozenset[str] = frozenset()
    match expr:
        case Now() | Dose() | Fixed() | Moment() | Shift():
            spot = place(expr, way)
            return (None if spot is None else Fraction(spot.day)), none
        case Constant(value):
            return _constant(value), none
        case Pick():
            return _picked(expr, way)
        case Fold():
            return _folded(expr, way)
        case Daily():
            return _daily(expr, way), none
        case Score(items):
            total = Fraction(0)
            for part, weight in items:
                number = weight.low
                assert number is not None
                truth = answer(part, way)
                total += way.choose((Fraction(0), number)) if truth is None else number if truth else 0
            return total, none
        case Arithmetic(how, left, right):
            (one, units), (other, more) = _valued(left, way), _valued(right, way)
            if expr.alike and not _alike(expr, way):
                return None, units | more
            return _calculated(how, one, other), units | more
        case Compare():
            return _compared(expr, way), none
        case Run():
            return (_followed if expr.then is not None else _in_a_row)(expr, way), none
        case AtLeast(number, of):
            truths = [answer(part, way) for part in of]
            met, open_ = sum(truth is True for truth in truths), sum(truth is None for truth in truths)
            return (True if met >= number else None if met + open_ >= number else False), none
        case Not(of):
            truth = answer(of, way)
            return (None if truth is None else not truth), none
        case _:
            assert_never(expr)


def _constant(value: Verdict | Interval | Codes) -> Answer:
    match value:
        case Verdict():
            return {Verdict.MET: True, Verdict.NOT_MET: False, Verdict.UNKNOWN: None}[value]
        case Interval(low, high):
            assert low == high
            return low
        case Codes():
            return None


def _calculated(how: str, one: Answer, other: Answer) -> Fraction | None:
    if not isinstance(one, Fraction) or not isinstance(other, Fraction):
        return None
    match how:
        case "add":
            return one + other
        case "subtract":
            return one - other
        case "multiply":
            return one * other
        case "divide":
            return one / other if other else None
        case "least":
            return min(one, other)
        case "greatest":
            return max(one, other)
        case "round":
            steps = abs(one) / other
            whole = int(steps) + (steps - int(steps) >= Fraction(1, 2))
            return whole * other if one >= 0 else -whole * other
        case "years":
            born, on = (date.fromordinal(int(day)) for day in (one, other))
            return Fraction(on.year - born.year - ((on.month, on.day) < (born.month, born.day)))
        case _:
            return _power(one, other)


def _power(one: Fraction, other: Fraction) -> Fraction | None:
    """Raise to a power by the logarithm, to 34 digits."""
    if one < 0 or (one == 0 and other < 0):
        return None
    if one == 0 or other == 0:
        return Fraction(1 if other == 0 else 0)
    with localcontext(Context(prec=60)) as context:
        low, high = (Decimal(each.numerator) / Decimal(each.denominator) for each in (one, other))
        raised = (low.ln() * high).exp()
        context.prec = 34
        return Fraction(+raised)


# --- when -------------------------------------------------------------------------------------------------------------


def place(point: Point, way: Way) -> Spot | None:
    """Say when a point was; `None` if it has not happened."""
    match point:
        case Now():
            return Spot(way.day_of(way.now), way.now, timed=True)
        case Dose():
            return way.dose or Spot(way.day_of(way.now), way.now, timed=True)
        case Fixed(day):
            return _on(day, way.zone, way.choose)
        case Moment(_, which, of):
            ends = _outermost(members(of, way) or [], later=which == "last")
            if not ends:
                return None
            # Of several at the end of the order, one without a time of day leaves the day alone.
            vague = [fact.at for fact in ends if not fact.at.timed]
            return vague[0] if vague else ends[0].at
        case Shift(inner, by, earlier):
            spot = place(inner, way)
            return None if spot is None else _shifted(spot, by, -1 if earlier else 1, way)
        case _:
            assert_never(point)


def _shifted(spot: Spot, by: Duration, sign: int, way: Way) -> Spot:
    per = {"s": 1, "min": 60, "h": 3600}.get(by.unit)
    if per is not None:
        instant = spot.clock + sign * per * by.number
        return Spot(way.day_of(instant), instant, timed=True)
    return _on(later_day(spot.day, by, sign), way.zone, way.choose)


def later_day(day: int, by: Duration, sign: int) -> int:
    """Move a day by days, weeks, months or years, clamped to the end of the month."""
    if by.unit in {"d", "wk"}:
        return day + sign * by.number * (7 if by.unit == "wk" else 1)
    on = date.fromordinal(day)
    year, month = divmod(on.year * 12 + on.month - 1 + sign * by.number * (12 if by.unit == "y" else 1), 12)
    return date(year, month + 1, min(on.day, calendar.monthrange(year, month + 1)[1])).toordinal()


def _beyond(spot: Spot, point: Point, edge: Spot) -> int:
    """Say on which side of a window's edge something lies: -1 before it, 0 on it, 1 after it."""
    if isinstance(point, Shift) and point.by.unit in {"s", "min", "h"}:
        return _sign(spot.clock - edge.clock)
    return _order(spot, edge)


def _order(one: Spot, other: Spot) -> int:
    return _sign(one.clock - other.clock if one.timed and other.timed else one.day - other.day)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


# --- which ------------------------------------------------------------------------------------------------------------


def _inside(fact: Fact, select: Select, start: Spot | None, end: Spot | None, way: Way) -> bool:
    seen = fact.seen.clock <= way.now if fact.seen.timed else fact.seen.day <= way.day_of(way.now)
    if select.window.start is not None and start is not None:
        side = _beyond(fact.end, select.window.start, start)
        if side < 0 or (select.window.after and side == 0):
            return False
    if select.window.end is not None and end is not None:
        side = _beyond(fact.at, select.window.end, end)
        if side > 0 or (select.window.before and side == 0):
            return False
    return seen


def _edges(select: Select, way: Way) -> tuple[Spot | None, Spot | None] | None:
    """Give the edges of a window, or `None` where it is not yet."""
    window = select.window
    start = None if window.start is None else place(window.start, way)
    if window.start is not None and start is None:
        return None
    end = None if window.end is None else place(window.end, way)
    return None if window.awaits and window.end is not None and end is None else (start, end)


def members(select: Select, way: Way) -> list[Fact] | None:
    """Give the facts that are selected; `None` where the window is not yet."""
    edges = _edges(select, way)
    if edges is None:
        return None
    return [
        fact
        for fact in way.facts
        if fact.item.kind == select.kind
        and fact.item.answer == "yes"
        and _inside(fact, select, *edges, way)
        and all(_passes(test, fact, way) for test in select.tests)
        and _lasted(fact, select, edges[1], way)
    ]


def _lasted(fact: Fact, select: Select, edge: Spot | None, way: Way) -> bool:
    """Say whether something lasts so long, and has by the end of the window and by now."""
    by = select.lasting
    if by is None:
        return True
    if fact.item.end is None:
        return by.number == 0
    clock = by.unit in {"s", "min", "h"}
    grown = _shifted(fact.at, by, 1, way)
    long = _apart(fact.at, fact.end, by) >= 0
    now = grown.clock <= way.now if clock else grown.day <= way.day_of(way.now)
    side = -1
    if edge is not None and select.window.end is not None:
        side = _sign(grown.clock - edge.clock) if clock else _beyond(grown, select.window.end, edge)
    return long and now and (side < 0 or (side == 0 and not select.window.before))


def _passes(test: Test, fact: Fact, way: Way) -> bool:
    value = fact.fields.get(test.field)
    if value is None:
        return {Verdict.MET: True, Verdict.NOT_MET: False}.get(test.absent) or (
            test.absent is Verdict.UNKNOWN and way.choose((False, True))
        )
    if isinstance(value, str):
        return isinstance(test.against.value, Codes) and value in (test.against.value.words or ())
    return _holds(value, test.operator, _limit(test.against, frozenset({fact.item.unit}), way))


def _limit(constant: Constant, units: frozenset[str], way: Way) -> Fraction:
    options = [constant.value]
    if constant.by_unit:
        own = dict(constant.by_unit)
        options = [limit for unit in sorted(units or {""}) for limit in ([own[unit]] if unit in own else own.values())]
    chosen = way.choose(options)
    assert isinstance(chosen, Interval)
    assert chosen.low is not None
    return chosen.low


def _holds(value: Fraction, operator: str, limit: Fraction) -> bool:
    return {
        "at_least": value >= limit,
        "above": value > limit,
        "at_most": value <= limit,
        "below": value < limit,
    }[operator]


def _closed(select: Select, way: Way) -> bool:
    """Say whether silence means no: the history was taken, or somebody asked and was told no (of what is no value)."""
    if select.history == "always" or (isinstance(select.history, Moment) and place(select.history, way) is not None):
        return True
    edges = _edges(select, way)
    return edges is not None and any(
        fact.item.kind == select.kind != "observation"
        and fact.item.answer == "absent"
        and _denied(fact, select)
        and _inside(fact, select, *edges, way)
        for fact in way.facts
    )


def _denied(fact: Fact, select: Select) -> bool:
    names = [test for test in select.tests if test.field in {"measure", "drug", "concept", "milestone"}]
    asked = [test.against.value.words or frozenset() for test in names if isinstance(test.against.value, Codes)]
    return bool(names) and all(words <= {fact.fields.get(test.field)} for words, test in zip(asked, names, strict=True))


# --- values -----------------------------------------------------------------------------------------------------------


def _outermost(facts: list[Fact], *, later: bool) -> list[Fact]:
    side = 1 if later else -1
    return [fact for fact in facts if not any(_order(other.at, fact.at) == side for other in facts)]


def _picked(pick: Pick, way: Way) -> tuple[Answer, frozenset[str]]:
    facts = members(pick.of, way)
    deciding = facts or []
    if pick.which in {"first", "latest"}:
        deciding = _outermost(deciding, later=pick.which == "latest")
    elif pick.which == "nearest":
        day = None if pick.to is None else place(pick.to, way)
        deciding = [] if day is None else _nearest(deciding, day.day)
    if not deciding:
        return None, frozenset()
    units = frozenset(fact.item.unit for fact in deciding)
    values = [(fact, _field(fact, pick.field, way)) for fact in deciding]
    numbers = [value for _, value in values if isinstance(value, Fraction)]
    if len(numbers) < len(values):
        return way.choose([value for _, value in values]), units
    # Of the least or greatest there is nothing left to choose: ties have one value.
    how = pick.which if pick.which in {"least", "greatest"} else pick.ties
    if how in {"least", "greatest"}:
        return (min if how == "least" else max)(numbers), units
    if how == "mean":
        return sum(numbers, Fraction(0)) / len(numbers), units
    if how == "last_entered":
        return way.choose(_entered_last(deciding, numbers)), units
    fact, value = way.choose(values)
    return value, frozenset({fact.item.unit})


def _nearest(facts: list[Fact], day: int) -> list[Fact]:
    if not facts:
        return []
    least = min(abs(fact.at.day - day) for fact in facts)
    near = [fact for fact in facts if abs(fact.at.day - day) == least]
    return _outermost([fact for fact in near if fact.at.day == max(each.at.day for each in near)], later=True)


def _field(fact: Fact, name: str, way: Way) -> Fraction | str:
    """Give a field; one that is not recorded may be anything."""
    value = fact.fields.get(name)
    return way.choose(_some_numbers(Interval(None, None), way.limits)) if value is None else value


def _entered_last(facts: list[Fact], numbers: list[Fraction]) -> list[Fraction]:
    entered = [fact.item.fields.get("recorded") for fact in facts]
    times = [when for when in entered if isinstance(when, When) and when.certain]
    if len(times) < len(facts):
        return numbers

    def before(one: When, other: When) -> bool:
        if one.instants and other.instants:
            return one.instants < other.instants
        return one.first < other.first

    pairs = zip(times, numbers, strict=True)
    return [number for when, number in pairs if not any(before(when, other) for other in times)]


def _folded(fold: Fold, way: Way) -> tuple[Answer, frozenset[str]]:
    facts = members(fold.of, way)
    units = frozenset(fact.item.unit for fact in facts or ())
    if fold.how in {"count", "distinct"}:
        if facts is None:
            return way.choose((Fraction(0), Fraction(1), Fraction(9))), units
        more = 0 if _closed(fold.of, way) else way.choose((0, 1, 7))
        found = len(facts) if fold.how == "count" else len({_token(fact, fold.field, way) for fact in facts})
        return Fraction(found + more), units
    numbers = [value for fact in facts or () if isinstance(value := _field(fact, fold.field, way), Fraction)]
    if fold.how == "mean":
        return (sum(numbers, Fraction(0)) / len(numbers) if len(numbers) >= fold.least else None), units
    if fold.of.kind == "observation":
        return (sum(numbers, Fraction(0)) if numbers else None), units
    more = 0 if facts is not None and _closed(fold.of, way) else way.choose((0, 1, 70))
    return sum(numbers, Fraction(more)), units


def _alike(node: Arithmetic, way: Way) -> bool:
    if not isinstance(node.left, Pick) or not isinstance(node.right, Pick):
        return False
    one, other = (_picked(replace(part, field=node.alike), way)[0] for part in (node.left, node.right))
    return isinstance(one, str) and one == other


def _daily(node: Daily, way: Way) -> Fraction | None:
    """Add up what was given and taken on each date, one date after the other."""
    window = node.of[0][0].window
    edges = _edges(node.of[0][0], way)
    if edges is None:
        return None
    first, last = _LONG_AGO, way.day_of(way.now)
    if edges[0] is not None:
        first = edges[0].day + (1 if window.after and not edges[0].timed else 0)
    if edges[1] is not None:
        last = min(last, edges[1].day - (1 if window.before and not edges[1].timed else 0))
    dates = {day: Fraction(0) for day in range(first, last + 1)}
    for select, times in node.of:
        factor = times.low or Fraction(0)
        for fact in members(select, way) or ():
            amount = _field(fact, "dose" if fact.item.kind == "therapy" else "amount", way)
            until = fact.at.day if fact.item.end is None else fact.end.day
            for day in range(max(fact.at.day, first), min(until, last) + 1):
                dates[day] += max(amount, Fraction(0)) * factor if isinstance(amount, Fraction) else 0
        if dates and not _closed(select, way):
            dates[way.choose((first, last))] += way.choose((0, 1, 70))
    if node.how == "sum":
        return sum(dates.values(), Fraction(0))
    if node.how == "greatest":
        return max(dates.values(), default=None)
    assert node.holds is not None
    limit, passed, rows = _limit(node.holds.against, frozenset(), way), 0, [0]
    for amount in dates.values():
        holds = _holds(amount, node.holds.operator, limit)
        passed += holds
        rows.append(rows[-1] + 1 if holds else 0)
    return Fraction(passed if node.how == "days" else max(rows))


def _token(fact: Fact, field: str, way: Way) -> Fraction | str:
    if field == "day":
        return Fraction(fact.at.day)
    return fact.fields.get(field) or way.choose(("one", "another"))


def _compared(node: Compare, way: Way) -> bool | None:
    one, units = _valued(node.left, way)
    if node.operator == "in":
        assert isinstance(node.right, Constant)
        words = node.right.value
        return one in (words.words or ()) if isinstance(one, str) and isinstance(words, Codes) else None
    if isinstance(node.right, Constant) and isinstance(node.right.value, Interval):
        other: Answer = _limit(node.right, units, way)
    else:
        other = answer(node.right, way)
    return _holds(one, node.operator, other) if isinstance(one, Fraction) and isinstance(other, Fraction) else None


# --- runs -------------------------------------------------------------------------------------------------------------


def _in_a_row(run: Run, way: Way) -> bool | None:
    facts = members(run.of, way)
    readings = _readings(run, facts or [], way)
    if len(readings) < run.number:
        return None
    row: list[Spot] = []
    for spot, passed in readings:
        if not passed and run.across:
            continue
        if not passed or (row and run.gap is not None and _apart(row[-1], spot, run.gap) > 0):
            row = []
        if passed:
            row.append(spot)
        if row and len(row) >= run.number and (run.span is None or _apart(row[0], spot, run.span) >= 0):
            return True
    return False


def _readings(run: Run, facts: list[Fact], way: Way) -> list[tuple[Spot, bool]]:
    """Give the readings in order; those that nothing tells apart are one, which passes if each of them does."""
    tied: dict[tuple[int, int], list[Fact]] = {}
    vague = {fact.at.day for fact in facts if not fact.at.timed}
    for fact in facts:
        tied.setdefault((fact.at.day, 0 if fact.at.day in vague else fact.at.clock), []).append(fact)
    return [
        (way.choose([fact.at for fact in group]), all(_passes(run.holds, fact, way) for fact in group))
        for _, group in sorted(tied.items())
    ]


def _apart(one: Spot, other: Spot, by: Duration) -> int:
    """Say whether `other` is less than (-1), exactly, or more than (1) a duration after `one`."""
    per = {"s": 1, "min": 60, "h": 3600}.get(by.unit)
    if per is not None:
        return _sign(other.clock - one.clock - per * by.number)
    return _sign(other.day - later_day(one.day, by, 1))


def _followed(run: Run, way: Way) -> bool | None:
    assert run.then is not None
    facts, later = members(run.of, way), members(run.then, way)
    for fact in facts or ():
        for other in later or ():
            if other is fact or not _passes(run.holds, fact, way):
                continue
            side = _order(other.at, fact.at)
            # Of two on one day, one of them without a time, either may have been first.
            after = side > 0 or (side == 0 and not (fact.at.timed and other.at.timed) and way.choose((True, False)))
            far = run.span is None or _apart(fact.at, other.at, run.span) >= 0
            near = run.gap is None or _apart(fact.at, other.at, run.gap) <= 0
            if after and far and near:
                return True
    open_ = facts is None or later is None or not _closed(run.then, way)
    return way.choose((False, True)) if open_ else False
