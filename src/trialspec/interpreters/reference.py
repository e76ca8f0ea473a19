"""The reference evaluator: it defines what every node of the kernel means, slowly and plainly.

Read `_answer` from top to bottom: one `case` for each node, in the order of `trialspec.kernel`. Each answer carries
what it rests on, what is missing, and until when it holds. `docs/semantics.md` says the same in words.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import TYPE_CHECKING, assert_never

from trialspec.interpreters.daily import daily
from trialspec.interpreters.reading import Missing, Question, Reading, earliest
from trialspec.interpreters.selection import (
    MOST_WORLDS,
    Selection,
    arrival,
    compare_when,
    limits,
    locate,
    membership,
    moments,
    moved,
    next_visible,
    outermost,
    passes,
    relevant,
    select,
    uncertain,
    visible,
    worlds,
)
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Daily,
    Dose,
    Fixed,
    Fold,
    Moment,
    Not,
    Now,
    Pick,
    Run,
    Score,
    Shift,
)
from trialspec.quantity import (
    ANY_WORD,
    ANYTHING,
    Codes,
    Duration,
    Interval,
    add,
    compare,
    divide,
    exactly,
    hull,
    meet_greatest,
    meet_least,
    minus,
    multiply,
    power,
    rounded,
    scale,
    subtract,
)
from trialspec.times import When, completed_years, next_anniversary
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every, negate, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trialspec.kernel import Calculation, Expr, Point
    from trialspec.patient import Item
    from trialspec.quantity import Operator

__all__ = ["choose", "compare_when", "locate", "membership", "next_visible", "read", "visible", "worlds"]


def read(expr: Expr, question: Question) -> Reading:
    """Answer a question: what all possible worlds of the moments it speaks of agree on, else unknown."""
    asked = worlds(question, expr)
    if asked is None:
        unsure = frozenset(Missing(moment.name) for moment in moments(expr))
        because = frozenset[str]().union(*(cited(item) for item in uncertain(question, expr)))
        return Reading(None, because, unsure, next_visible(question.timeline.items, question), node=expr)
    reading = choose([_read(expr, world) for world in asked])
    if reading.missing or not _open(reading):
        return reading
    return replace(reading, missing=_unsettled(expr, asked))


def _open(reading: Reading) -> bool:
    return reading.value is None or reading.value is UNKNOWN


def _unsettled(expr: Expr, asked: Sequence[Question]) -> frozenset[Missing]:
    """Give the moments on which the worlds differ: where nothing else is missing, it is they that leave it open."""
    placed = {moment: {locate(moment, world).value for world in asked} for moment in moments(expr)}
    return frozenset(Missing(moment.name) for moment, times in placed.items() if len(times) > 1)


def choose(readings: Sequence[Reading]) -> Reading:
    """Join the answers of several worlds."""
    first = readings[0]
    if len(readings) == 1:
        return first
    value = _joined([reading.value for reading in readings])
    decided = value is not None and value is not UNKNOWN
    return replace(
        first,
        value=value,
        because=frozenset().union(*(reading.because for reading in readings)),
        missing=frozenset() if decided else frozenset().union(*(reading.missing for reading in readings)),
        until=earliest(*(reading.until for reading in readings)),
        margin=first.margin if all(reading.margin == first.margin for reading in readings) else None,
        units=frozenset().union(*(reading.units for reading in readings)),
        parts=tuple(readings),
    )


def _joined(values: list[Verdict | Interval | Codes | When | None]) -> Verdict | Interval | Codes | When | None:
    """Join values of one sort: equal ones stay, verdicts must agree, numbers and dates give their hull."""
    if all(value == values[0] for value in values):
        return values[0]
    numbers = [value for value in values if isinstance(value, Interval)]
    if len(numbers) == len(values):
        return hull(numbers)
    words = [value for value in values if isinstance(value, Codes)]
    if len(words) == len(values):
        return _either_word(words)
    dates = [value for value in values if isinstance(value, When)]
    if len(dates) == len(values):
        return When(min(when.first for when in dates), max(when.last for when in dates))
    return UNKNOWN if any(isinstance(value, Verdict) for value in values) else None


def _read(expr: Expr, question: Question) -> Reading:
    """Answer in one world; a statement that stands in several places is read once."""
    if not isinstance(expr, Compare | Run | AtLeast):
        return _answer(expr, question)
    # By identity, as for moments.
    remembered = question.located.get(id(expr))
    if remembered is None:
        remembered = question.located[id(expr)] = (expr, _answer(expr, question))
    return remembered[1]


def _answer(expr: Expr, question: Question) -> Reading:
    """Answer by what each node means."""
    match expr:
        case Now() | Dose() | Fixed() | Moment() | Shift():
            return locate(expr, question)
        case Constant(value):
            return Reading(value, node=expr)
        case Pick():
            return _pick(expr, question)
        case Fold(how):
            return {"count": _count, "distinct": _distinct, "sum": _sum, "mean": _mean}[how](expr, question)
        case Daily():
            return daily(expr, question)
        case Score(items):
            parts = [_read(item, question) for item, _ in items]
            total = exactly(0)
            for part, (_, weight) in zip(parts, items, strict=True):
                total = add(total, {MET: weight, NOT_MET: exactly(0)}.get(part.verdict, hull((exactly(0), weight))))
            return _made(expr, total, parts)
        case Arithmetic(how, left, right):
            parts = [_read(left, question), _read(right, question)]
            one, other = (_number(part) for part in parts)
            if one is None or other is None:
                return _made(expr, None, parts)
            if expr.alike and not _alike(expr, question):
                unlike = _made(expr, None, parts)
                return replace(unlike, missing=unlike.missing or frozenset(_of_one(expr)))
            made = _made(expr, calculated(how, one, other), parts)
            if how != "years":
                return made
            return replace(made, until=earliest(made.until, _birthday(right, one, question)))
        case Compare():
            return _compare(expr, question)
        case Run():
            return _run(expr, question)
        case AtLeast(number, of):
            return _at_least(expr, number, [_read(part, question) for part in of])
        case Not(of):
            inner = _read(of, question)
            return replace(inner, value=negate(inner.verdict), margin=None, node=expr, parts=(inner,))
        case _:
            assert_never(expr)


def calculated(how: Calculation, one: Interval, other: Interval) -> Interval | None:
    """Calculate with two numbers; `None` where that is undefined."""
    match how:
        case "add":
            return add(one, other)
        case "subtract":
            return subtract(one, other)
        case "multiply":
            return multiply(one, other)
        case "divide":
            return divide(one, other)
        case "power":
            return power(one, other)
        case "least":
            return meet_least((one, other), ())
        case "greatest":
            return meet_greatest((one, other), ())
        case "round":
            return rounded(one, other)
        case "years":
            return _years(one, other)


def _years(start: Interval, end: Interval) -> Interval | None:
    """Give the completed years between two dates: fewer from a later start, more to a later end."""
    if None in {start.low, start.high, end.low, end.high}:
        return None
    fewest = completed_years(int(start.high or 0), int(end.low or 0))
    most = completed_years(int(start.low or 0), int(end.high or 0))
    if fewest is None or most is None:
        return None
    return Interval(Fraction(fewest), Fraction(most))


def _birthday(end: Expr, start: Interval, question: Question) -> int | None:
    """Give when an end that moves with the question next completes a year since a date."""
    if not isinstance(end, Now | Dose | Shift) or not isinstance(now := locate(end, question).value, When):
        return None
    days = [next_anniversary(int(each), now.first) for each in (start.low, start.high) if each is not None]
    return earliest(*(arrival(end, exactly(day), question) for day in days if day is not None))


def _alike(node: Arithmetic, question: Question) -> bool:
    """Whether the records of two values surely agree on a field: the laboratory, the method."""
    words = []
    for part in (node.left, node.right):
        value = _pick(replace(part, field=node.alike), question).value if isinstance(part, Pick) else None
        words.append(value.words if isinstance(value, Codes) else None)
    return words[0] is not None and len(words[0]) == 1 and words[0] == words[1]


def _of_one(node: Arithmetic) -> Iterator[Missing]:
    """Name what would be needed: a value of the same laboratory or method as the other one."""
    if isinstance(node.left, Pick):
        query = node.left.of
        yield Missing(f"{query.label or query.kind} of one {node.alike}", asked_of=query.asked_of)


def _made(expr: Expr, value: Verdict | Interval | None, parts: Sequence[Reading]) -> Reading:
    """Make the reading of a node whose every part matters."""
    return Reading(
        value,
        frozenset().union(*(part.because for part in parts)),
        frozenset().union(*(part.missing for part in parts)),
        earliest(*(part.until for part in parts)),
        units=frozenset().union(*(part.units for part in parts)),
        node=expr,
        parts=tuple(parts),
    )


def _number(reading: Reading) -> Interval | None:
    """Take a value as a number; a date is its ordinal."""
    if isinstance(reading.value, When):
        return Interval(Fraction(reading.value.first), Fraction(reading.value.last))
    return reading.value if isinstance(reading.value, Interval) else None


def _either_word(words: Iterable[Codes]) -> Codes:
    seen = list(words)
    if any(word.words is None for word in seen):
        return ANY_WORD
    return Codes(frozenset().union(*(word.words or () for word in seen)))


# --- picks: the value of one item -------------------------------------------------------------------------------------


def _pick(pick: Pick, question: Question) -> Reading:
    selection = select(pick.of, question)
    day = None if pick.to is None else locate(pick.to, question)
    if pick.which in {"least", "greatest"}:
        deciding = selection.items
    elif pick.which == "nearest":
        when = day.value if day is not None else None
        deciding = _nearest(selection, when, question) if isinstance(when, When) else ()
    else:
        deciding = outermost(selection, question, later=pick.which == "latest")
    sure = any(found is MET for _, found in deciding)
    value = _value(pick, deciding, question) if sure else None
    anchors: list[Selection | Reading] = [selection] if day is None else [selection, day]
    unanswered = frozenset[Missing]().union(*(anchor.missing for anchor in anchors))
    unanswered |= frozenset[Missing]().union(*(item.missing for item, _ in deciding))
    return Reading(
        value,
        frozenset().union(*(anchor.because for anchor in anchors), *(cited(item) for item, _ in deciding)),
        frozenset() if _settled(value) else unanswered or frozenset({selection.leaf}),
        earliest(
            *(anchor.until for anchor in anchors),
            *(selection.flips.get(index) for index in _flipping(pick, selection, deciding)),
            None if pick.to is None else _halfway(pick.to, selection, question),
        ),
        units=frozenset(item.unit for item, _ in deciding),
        node=pick,
    )


def _settled(value: Interval | Codes | When | None) -> bool:
    """Say whether a value is one number, one word or one date."""
    match value:
        case Interval():
            return value.exact is not None
        case Codes():
            return len(value.words or ()) == 1
        case When():
            return value.first == value.last
        case None:
            return False


def cited(item: Item) -> frozenset[str]:
    """Give the ids of the events that an item was made of."""
    return item.sources or frozenset({item.id})


def _flipping(pick: Pick, selection: Selection, deciding: tuple[tuple[Item, Verdict], ...]) -> set[int]:
    # For least, greatest and nearest any item may decide once another leaves; for first and latest only these.
    return relevant(selection, deciding) if pick.which in {"first", "latest"} else set(selection.flips)


def _nearest(selection: Selection, day: When, question: Question) -> tuple[tuple[Item, Verdict], ...]:
    """Give the items that none is surely nearer to a day than; of two equally near the later, of one day the latest."""
    sure = [item for item, found in selection.items if found is MET]

    def beats(one: Item, other: Item) -> bool:
        if one is other:
            return False
        if not (one.when.first == one.when.last and other.when.first == other.when.last and day.first == day.last):
            return max(_distances(one.when, day)) < min(_distances(other.when, day))
        mine, theirs = (abs(item.when.first - day.first) for item in (one, other))
        if mine != theirs:
            return mine < theirs
        return compare_when(other.when, one.when, question.timeline.zone)[0] is MET

    return tuple((item, found) for item, found in selection.items if not any(beats(other, item) for other in sure))


def _distances(when: When, day: When) -> tuple[int, int]:
    """Give the least and the greatest number of days between two uncertain dates."""
    nearest = max(0, when.first - day.last, day.first - when.last)
    return nearest, max(abs(when.last - day.first), abs(day.last - when.first))


def _halfway(day: Point, selection: Selection, question: Question) -> int | None:
    """Give when a day that moves with the question next comes to or passes the middle between two of the dates."""
    dates = {date for item, _ in selection.items for date in (item.when.first, item.when.last)}
    middles = {(one + other) // 2 for one in dates for other in dates}
    return earliest(*(arrival(day, exactly(middle), question) for middle in middles))


def _value(
    pick: Pick, deciding: tuple[tuple[Item, Verdict], ...], question: Question
) -> Interval | Codes | When | None:
    values = [item.fields.get(pick.field) for item, _ in deciding]
    words = [value for value in values if isinstance(value, Codes)]
    if words:
        return _either_word(words) if len(words) == len(values) else ANY_WORD
    dates = [value for value in values if isinstance(value, When)]
    if dates:
        whole = When(min(when.first for when in dates), max(when.last for when in dates))
        return whole if len(dates) == len(values) else None
    numbers = [value if isinstance(value, Interval) else ANYTHING for value in values]
    certain = [number for number, (_, found) in zip(numbers, deciding, strict=True) if found is MET]
    if pick.which in {"least", "greatest"}:
        return (meet_least if pick.which == "least" else meet_greatest)(certain, numbers)
    items = [item for item, _ in deciding]
    return _tied(pick, numbers, items) if len(certain) == len(numbers) and _tie(items, question) else hull(numbers)


def _tie(items: list[Item], question: Question) -> bool:
    """Whether nothing tells items apart: uncertain dates are no tie, one of the items may well be the only one."""
    zone = question.timeline.zone
    pairs = ((one.when, other.when) for one in items for other in items)
    return all(one.certain and compare_when(one, other, zone)[0] is NOT_MET for one, other in pairs)


def _tied(pick: Pick, numbers: list[Interval], items: list[Item]) -> Interval:
    """Give the value of certain items that no order tells apart, by the protocol's rule for ties."""
    match pick.ties:
        case "hull":
            return hull(numbers)
        case "least":
            return meet_least(numbers, ())
        case "greatest":
            return meet_greatest(numbers, ())
        case "mean":
            return scale(_total(numbers), Fraction(1, len(numbers)))
        case "last_entered":
            return hull(_entered_last(numbers, items))


def _entered_last(numbers: list[Interval], items: list[Item]) -> list[Interval]:
    entered = [item.fields.get("recorded") for item in items]
    times = [when for when in entered if isinstance(when, When)]
    if len(times) < len(items):
        return numbers

    def surely_before(one: When, other: When) -> bool:
        if one.instants and other.instants:
            return one.instants[-1] < other.instants[0]
        return one.last < other.first

    return [
        number
        for number, when in zip(numbers, times, strict=True)
        if not any(surely_before(when, other) for other in times)
    ]


def _total(numbers: Iterable[Interval]) -> Interval:
    total = exactly(0)
    for number in numbers:
        total = add(total, number)
    return total


# --- folds: a number over items ---------------------------------------------------------------------------------------


def _folded(fold: Fold, selection: Selection, value: Interval | None) -> Reading:
    return Reading(
        value,
        selection.because.union(*(cited(item) for item, _ in selection.items)),
        selection.missing or (frozenset({selection.leaf}) if value is None or value.exact is None else frozenset()),
        earliest(selection.until, *selection.flips.values()),
        units=frozenset(item.unit for item, _ in selection.items),
        node=fold,
    )


def _split(selection: Selection) -> tuple[list[Item], list[Item]]:
    certain = [item for item, found in selection.items if found is MET]
    return certain, [item for item, found in selection.items if found is UNKNOWN]


def _upto(selection: Selection, low: int, high: int) -> Interval:
    """Give a count: what no record settles may be more, unless silence means no."""
    return Interval(Fraction(low), Fraction(high) if selection.closed else None)


def _count(fold: Fold, question: Question) -> Reading:
    selection = select(fold.of, question)
    certain, possible = _split(selection)
    return _folded(fold, selection, _upto(selection, len(certain), len(certain) + len(possible)))


def _distinct(fold: Fold, question: Question) -> Reading:
    selection = select(fold.of, question)
    certain, possible = _split(selection)

    def token(item: Item) -> str | None:
        if fold.field == "day":
            return str(item.when.first) if item.when.first == item.when.last else None
        value = item.fields.get(fold.field)
        words = (value.words if isinstance(value, Codes) else None) or frozenset()
        return next(iter(words)) if len(words) == 1 else None

    known = {token(item) for item in certain} - {None}
    vague = sum(token(item) is None for item in certain)
    more = len({token(item) for item in possible} - known - {None}) + sum(token(item) is None for item in possible)
    low = max(len(known), 1 if certain else 0)
    return _folded(fold, selection, _upto(selection, low, len(known) + vague + more))


def _numbers(items: Iterable[Item], field: str) -> list[Interval]:
    values = [item.fields.get(field) for item in items]
    return [value if isinstance(value, Interval) else ANYTHING for value in values]


def _sum(fold: Fold, question: Question) -> Reading:
    selection = select(fold.of, question)
    certain, possible = _split(selection)
    if not certain and fold.of.kind == "observation":
        return _folded(fold, selection, None)
    zero = exactly(0)
    maybe = [hull((zero, number)) for number in _numbers(possible, fold.field)]
    total = _total([*_numbers(certain, fold.field), *maybe])
    if not selection.closed and fold.of.kind != "observation":
        total = Interval(total.low, None, total.low_open)
    return _folded(fold, selection, total)


def _mean(fold: Fold, question: Question) -> Reading:
    selection = select(fold.of, question)
    certain, possible = _split(selection)
    if len(certain) < max(fold.least, 1):
        return _folded(fold, selection, None)
    sure, maybe = _numbers(certain, fold.field), _numbers(possible, fold.field)
    low = _lowest_mean(sure, maybe)
    high = minus(_lowest_mean([minus(number) for number in sure], [minus(number) for number in maybe]))
    return _folded(fold, selection, Interval(low.low, high.high, low.low_open, high.high_open))


def _lowest_mean(sure: list[Interval], maybe: list[Interval]) -> Interval:
    """Give the mean whose low end is the least that any choice of the possible items can reach."""
    if any(number.low is None for number in (*sure, *maybe)):
        return ANYTHING
    taken = list(sure)
    for number in sorted(maybe, key=lambda number: number.low or Fraction(0)):
        mean = _total(taken).low or Fraction(0)
        if (number.low or Fraction(0)) * len(taken) < mean:
            taken.append(number)
    return scale(_total(taken), Fraction(1, len(taken)))


# --- comparisons ------------------------------------------------------------------------------------------------------


def _compare(node: Compare, question: Question) -> Reading:
    right = _read(node.right, question)
    left = _growing(node, right, question) if isinstance(node.left, Daily) else _read(node.left, question)
    verdict, margin = UNKNOWN, None
    one, other = _number(left), _number(right)
    if node.operator == "in":
        if isinstance(left.value, Codes) and isinstance(right.value, Codes) and right.value.words is not None:
            verdict = left.value.among(right.value.words)
    elif one is not None and other is not None:
        own = limits(node.right, left.units) if isinstance(node.right, Constant) else [other]
        verdict = agreed(compare(one, node.operator, limit) for limit in own)
        if len(own) == 1:
            margin = subtract(own[0], one) if node.operator in {"below", "at_most"} else subtract(one, own[0])
    return Reading(
        verdict,
        left.because | right.because,
        left.missing | right.missing if verdict is UNKNOWN else frozenset(),
        earliest(left.until, right.until, _moving(node.left, other, question), _moving(node.right, one, question)),
        margin,
        node=node,
        parts=(left, right),
    )


def _growing(node: Compare, limit: Reading, question: Question) -> Reading:
    """Read a number that may grow from day to day; once it is surely above its limit that changes nothing."""
    other = _number(limit)
    sure: Operator = "at_least" if node.operator in {"at_least", "below"} else "above"
    assert isinstance(node.left, Daily)
    if other is None:
        return daily(node.left, question)
    return daily(node.left, question, lambda value: compare(value, sure, other) is MET)


def _moving(point: Expr, against: Interval | None, question: Question) -> int | None:
    """Give when a point that moves with the question next passes a date that it is compared with."""
    if against is None or not isinstance(point, Now | Dose | Shift):
        return None
    return arrival(point, against, question)


def _at_least(node: AtLeast, number: int, parts: list[Reading]) -> Reading:
    """Join statements; `until` waits for as many of them as must change to change the answer."""
    met, failed, unsure = ([p for p in parts if p.verdict is v] for v in (MET, NOT_MET, UNKNOWN))
    spare = len(parts) - number + 1  # so many must fail for the whole to fail
    if len(met) >= number:
        value, citing, until = MET, met[:number], _nth(met, len(met) - number + 1)
    elif len(failed) >= spare:
        value, citing, until = NOT_MET, failed[:spare], _nth(failed, len(failed) - spare + 1)
    else:
        value, citing = UNKNOWN, parts
        until = earliest(_nth([*failed, *unsure], number - len(met)), _nth([*met, *unsure], spare - len(failed)))
    missing = frozenset().union(*(part.missing for part in unsure)) if value is UNKNOWN else frozenset[Missing]()
    because = frozenset[str]().union(*(part.because for part in citing))
    return Reading(value, because, missing, until, node=node, parts=tuple(parts))


def _nth(parts: list[Reading], place: int) -> int | None:
    """Give the `place`-th smallest until, counted from one."""
    untils = sorted(part.until for part in parts if part.until is not None)
    return untils[place - 1] if 0 < place <= len(untils) else None


# --- runs: readings in a row ------------------------------------------------------------------------------------------


def _run(run: Run, question: Question) -> Reading:
    """Read the runs in every order in which readings of uncertain date may have come, as far as they can be tried."""
    selection = select(run.of, question)
    others = None if run.then is None else select(run.then, question)
    selections = [selection] if others is None else [selection, others]
    found = [(item, there, others is None) for each in selections for item, there in each.items]
    pins = [list(_dated(item, there, joining=joining)) for item, there, joining in found]
    if prod(len(each) for each in pins) > MOST_WORLDS:
        answers = [UNKNOWN]
    elif others is None:
        answers = [_in_a_row(run, [reading for reading in way if reading], question) for way in product(*pins)]
    else:
        ways = [[reading for reading in way if reading] for way in product(*pins)]
        answers = [_followed(run, way, len(selection.items), question) for way in ways]
    value = agreed(answers)
    if value is NOT_MET and others is not None and (selection.not_yet or not others.closed):
        value = UNKNOWN
    return Reading(
        value,
        frozenset().union(*(each.because for each in selections), *(cited(item) for item, _, _ in found)),
        frozenset().union(*(each.missing or {each.leaf} for each in selections)) if value is UNKNOWN else frozenset(),
        earliest(*(each.until for each in selections), *(at for each in selections for at in each.flips.values())),
        node=run,
    )


_Found = tuple["Item", Verdict]


def _dated(item: Item, there: Verdict, *, joining: bool) -> Iterator[_Found | None]:
    """Give a reading on each date that it may have.

    One that may be there, and has no time, would make one reading of those of its date: it is tried there and not.
    """
    tried = joining and there is UNKNOWN and not item.when.instants
    for when in item.when.choices():
        yield (item if item.when.certain else replace(item, when=when)), MET if tried else there
    if tried:
        yield None


def _in_a_row(run: Run, readings: list[_Found], question: Question) -> Verdict:
    """Read a row where every date is certain: once with all that is open against it, once with all in favour."""
    if len(_groups([(item, True) for item, found in readings if found is MET], question)) < run.number:
        return UNKNOWN
    told = [(item, found, passes(run.holds, item)) for item, found in readings]
    worst = [(item, held is MET) for item, found, held in told if found is MET or held is not MET]
    best = [(item, held is not NOT_MET) for item, found, held in told if found is MET or held is not NOT_MET]
    return agreed((_row(run, worst, question, hoping=False), _row(run, best, question, hoping=True)))


def _row(run: Run, readings: list[tuple[Item, bool]], question: Question, *, hoping: bool) -> Verdict:
    """Look for a row among readings each of which passes or fails; `hoping` takes an open distance as fitting."""

    def fits(answer: Verdict) -> bool:
        return answer is not NOT_MET if hoping else answer is MET

    row: list[list[Item]] = []
    for group in _groups(readings, question):
        tied = [item for item, _ in group]
        if not all(held for _, held in group):
            row = row if run.across else []
            continue
        if row and run.gap is not None and not fits(_apart(row[-1], tied, run.gap, question)[1]):
            row = []
        row.append(tied)
        if len(row) >= run.number and (run.span is None or fits(_apart(row[0], tied, run.span, question)[0])):
            return MET
    return NOT_MET


def _groups(readings: list[tuple[Item, bool]], question: Question) -> list[list[tuple[Item, bool]]]:
    """Put readings in order; those that a chain of ties joins together are one reading."""
    zone = question.timeline.zone
    groups: list[list[tuple[Item, bool]]] = []
    for reading in sorted(readings, key=lambda reading: reading[0].when.span(zone)):
        if groups and any(compare_when(item.when, reading[0].when, zone)[0] is not MET for item, _ in groups[-1]):
            groups[-1].append(reading)
        else:
            groups.append([reading])
    return groups


def _apart(one: list[Item], other: list[Item], by: Duration, question: Question) -> tuple[Verdict, Verdict]:
    """Say whether `other` is at least, and at most, a duration after `one`, each of which may be several tied items."""
    zone = question.timeline.zone
    limits_ = [moved(item.when, Shift(Dose(), by), zone) for item in one]
    clock = by.seconds is not None
    sides = [compare_when(item.when, limit, zone, clock=clock) for item in other for limit in limits_]
    return negate(agreed(before for before, _ in sides)), agreed(not_after for _, not_after in sides)


def _followed(run: Run, readings: list[_Found], split: int, question: Question) -> Verdict:
    """Say whether a passing reading has one of those from `split` on after it, within the run's limits."""
    pairs = []
    for item, there in readings[:split]:
        held = passes(run.holds, item)
        for other, also in readings[split:]:
            if other.id == item.id:
                continue
            far = MET if run.span is None else _apart([item], [other], run.span, question)[0]
            near = MET if run.gap is None else _apart([item], [other], run.gap, question)[1]
            pairs.append(every((there, held, also, _later(other.when, item.when, question), far, near)))
    return some(pairs)


def _later(one: When, other: When, question: Question) -> Verdict:
    """Say whether one time is after another; on one date, without two times of day, that is open."""
    before, not_after = compare_when(other, one, question.timeline.zone)
    return UNKNOWN if not_after is not before and not (one.instants and other.instants) else before
