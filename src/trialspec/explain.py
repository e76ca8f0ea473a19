"""From a proof to sentences: why an answer is what it is, and which records it takes to see it.

The proof is the reference evaluator's own. `lean` makes its list of records as short as it can be by trying: a record
stays only if the answer would change without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from trialspec.interpreters.reference import read
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
    Select,
    Shift,
    Test,
)
from trialspec.quantity import ANYTHING, Codes, Interval, exactly, minus, scale, shown
from trialspec.times import When, shift_months, shown_date, shown_instant
from trialspec.truth import UNKNOWN, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialspec.diagnostics import Place
    from trialspec.interpreters.reading import Missing, Question, Reading
    from trialspec.kernel import Calculation, Expr, Point, Window
    from trialspec.patient import Item, Timeline
    from trialspec.times import Zone
    from trialspec.vocabulary import Term, Vocabulary

# A patient's own record sets the zone in which every date is read: it belongs to every explanation.
CONTEXT = "person"


# --- which records it takes -------------------------------------------------------------------------------------------


def only(timeline: Timeline, events: frozenset[str]) -> Timeline:
    """Give the timeline with these events alone, and the person's own record."""
    kept = tuple(item for item in timeline.items if item.kind == CONTEXT or (item.sources or {item.id}) <= events)
    return replace(timeline, items=kept)


def lean(expr: Expr, question: Question, reading: Reading) -> frozenset[str]:
    """Give a smallest set of records that gives the same answer at the same instant.

    An unknown answer keeps every record that could settle it.
    """
    if reading.value is UNKNOWN or reading.value is None:
        return reading.because
    wanted = (reading.value, reading.margin)

    def suffices(events: frozenset[str]) -> bool:
        again = read(expr, replace(question, timeline=only(question.timeline, events)))
        return (again.value, again.margin) == wanted

    return shortest(reading.because, suffices)


def shortest(events: frozenset[str], suffices: Callable[[frozenset[str]], bool]) -> frozenset[str]:
    """Leave out events one by one, in the order of their ids, for as long as what remains suffices."""
    kept, again = events, True
    while again:
        again = False
        for event in sorted(kept):
            if suffices(kept - {event}):
                kept, again = kept - {event}, True
    return kept


# --- sentences --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an explanation: how deep it stands, what was asked, the answer, and where it is written."""

    depth: int
    asked: str
    answer: str
    place: Place | None
    events: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Print the line with its records."""
        cited = f"  [{', '.join(self.events)}]" if self.events else ""
        return f"{'  ' * self.depth}{self.asked}: {self.answer}{cited}"


def explain(reading: Reading, timeline: Timeline, vocabulary: Vocabulary) -> tuple[Line, ...]:
    """Tell a proof, each statement above those it rests on."""
    records = {
        source: record_in_words(item, vocabulary) for item in timeline.records for source in (item.sources or {item.id})
    }
    return tuple(_told(reading, _Told(timeline.zone, vocabulary, records), 0))


_NOTHING_MISSING: frozenset[Missing] = frozenset()


@dataclass(frozen=True, slots=True)
class _Told:
    """What it takes to tell a proof: the zone of its dates, the vocabulary, and each record in words."""

    zone: Zone
    vocabulary: Vocabulary
    records: Mapping[str, str]


def _told(reading: Reading, by: _Told, depth: int) -> Iterable[Line]:
    node = reading.node
    if node is None or isinstance(node, Constant | Now | Fixed):
        return
    leaf = isinstance(node, Pick | Fold | Daily | Run | Moment)
    cites = reading.because if leaf else ()
    events = tuple(by.records.get(event, event) for event in sorted(cites))
    # What is missing is said once above, and then where it is.
    told = reading if leaf or not depth else replace(reading, missing=_NOTHING_MISSING)
    yield Line(depth, words(node), answer(told, by.zone, by.vocabulary), node.place, events)
    same = reading.parts and all(part.node is node for part in reading.parts)
    for number, part in enumerate(_steps(reading), 1):
        if same:
            possible = answer(part, by.zone, by.vocabulary)
            yield Line(depth + 1, f"if it was so, possibility {number}", possible, node.place)
        else:
            yield from _told(part, by, depth + 1)


def _steps(reading: Reading) -> Iterable[Reading]:
    """Give the parts that are worth telling: of a fall or rise in percent, the two values alone."""
    if reading.node is None or not _is_percent(reading.node):
        return reading.parts
    return tuple(_values(reading))


def _values(reading: Reading) -> Iterable[Reading]:
    for part in reading.parts:
        if isinstance(part.node, Arithmetic):
            yield from _values(part)
        else:
            yield part


def record_in_words(item: Item, vocabulary: Vocabulary) -> str:
    """Say what a record tells, its number in the unit in which it came: `neutrophils 1400 /uL on 2014-03-05 (e12)`."""
    name = next((key for key in ("measure", "drug", "concept", "milestone") if key in item.fields), "")
    told = _label(item.fields.get(name), vocabulary) or item.kind.replace("_", " ")
    number = next((key for key in ("value", "amount", "dose") if key in item.fields), "")
    value = item.fields.get(number)
    if isinstance(value, Interval):
        told += f" {as_recorded(value, item, vocabulary)}"
    elif isinstance(value, Codes):
        told += f" {value}"
    details = [item.fields[key] for key in ("outcome", "status", "result", "version") if key in item.fields]
    told = ", ".join([told, *(str(detail).replace("_", " ") for detail in details)])
    if item.answer != "yes":
        told = f"no {told}" if item.answer == "absent" else f"{told} not done"
    return f"{told} {'from' if item.end is not None else 'on'} {_dates(item.when)} ({item.id})"


def _dates(when: When) -> str:
    """Print a time as it was recorded: a date, a month or a year."""
    first, last = shown_date(when.first), shown_date(when.last)
    if when.first != when.last and first.endswith("-01"):
        for months, shown_as in ((1, first[:7]), (12, first[:4])):
            if shift_months(when.first, months) - 1 == when.last and (months == 1 or first.endswith("-01-01")):
                return shown_as
    return first if first == last else f"{first}..{last}"


def as_recorded(value: Interval, item: Item, vocabulary: Vocabulary) -> str:
    """Print a number of an item in the unit in which it came; a value that is not trusted may be anything."""
    if value == ANYTHING:
        return "(not trusted)"
    term = _term(item.fields.get("measure") or item.fields.get("drug"), vocabulary)
    factor = None if term is None else term.factors.get(item.unit)
    unit = "" if item.unit == "1" else f" {item.unit}"
    return f"{value if factor is None else scale(value, 1 / factor)}{unit}".rstrip()


def _label(code: object, vocabulary: Vocabulary) -> str:
    term = _term(code, vocabulary)
    if term is not None:
        return term.label or term.name
    return str(code).replace("_", " ") if isinstance(code, Codes) else ""


def _term(code: object, vocabulary: Vocabulary) -> Term | None:
    """Find the name that a record was given: that of one thing, or of everything below it."""
    if not isinstance(code, Codes) or not code.words:
        return None
    return next((vocabulary.get(word) for word in sorted(code.words) if vocabulary.under(word) == code.words), None)


def answer(reading: Reading, zone: Zone, vocabulary: Vocabulary) -> str:
    """Say an answer in words, with its margin and with what is missing."""
    value = reading.value
    match value:
        case None:
            told = "no value"
        case Verdict():
            told = str(value).replace("_", " ")
        case When():
            told = str(value) if len(value.instants) != 1 else shown_instant(value.instants[0], zone)
        case Interval():
            told = "any value" if value == ANYTHING else f"{_brief(value)}{_unit(reading.node, vocabulary)}"
        case Codes():
            told = str(value)
        case _:
            assert_never(value)
    margin = margin_in_words(reading, vocabulary)
    if margin:
        told += f" ({margin})"
    if reading.missing and (value is None or value is UNKNOWN):
        told += f"; missing: {', '.join(sorted(missing_in_words(each) for each in reading.missing))}"
    return told


def margin_in_words(reading: Reading, vocabulary: Vocabulary) -> str:
    """Say how far a value lies from its limit; nothing where none was compared, or only a number of records was."""
    node, margin = reading.node, reading.margin
    counted = isinstance(node, Compare) and (
        (isinstance(node.left, Fold) and node.left.how in {"count", "distinct"})
        or (isinstance(node.left, Daily) and node.left.how in {"days", "row"})
    )
    if margin is None or counted or reading.verdict is UNKNOWN:
        return ""
    unit = _unit(node, vocabulary)
    if margin.exact == 0:
        return "exactly the limit"
    met = reading.verdict is Verdict.MET
    return f"{_brief(margin if met else minus(margin))}{unit} {'within' if met else 'beyond'} the limit"


def _unit(node: Expr | Select | None, vocabulary: Vocabulary) -> str:
    """Give the unit of the number that a node reads or compares."""
    match node:
        case Compare(left, _, Constant(text=text)):
            return " %" if text.endswith("%") else _unit(left, vocabulary)
        case Arithmetic("subtract", left, _):
            return " %" if _is_percent(node) else _unit(left, vocabulary)
        case Daily(how=how, unit=unit):
            return "" if how in {"days", "row"} else f" {unit if how == 'greatest' else unit.partition('/')[0]}"
        case Pick(of=of) | Fold("sum" | "mean", of):
            named = [test.against.value for test in of.tests if test.field in {"measure", "drug"}]
            term = _term(named[0], vocabulary) if named else None
            return f" {term.unit}" if term is not None and term.unit not in {"", "1"} else ""
        case _:
            return ""


def _is_percent(node: Expr | Select) -> bool:
    return isinstance(node, Arithmetic) and words(node).startswith(("fall in percent", "rise in percent"))


def _brief(value: Interval) -> str:
    """Print a number with as many digits as people read: what is left out is marked with `~`."""
    number = value.exact
    return str(value) if number is None or abs(number) < 1 else shown(number, 2)


def missing_in_words(missing: Missing) -> str:
    """Say what is missing, for which dates, and who can tell."""
    dates = ""
    if missing.start is not None and missing.due is not None:
        dates = f" from {shown_date(missing.start)} through {shown_date(missing.due)}"
    elif missing.due is not None:
        dates = f" by {shown_date(missing.due)}"
    return f"{missing.what}{dates} ({missing.asked_of})"


def words(node: Expr | Select) -> str:
    """Say what a node asks, in the words of the protocol."""
    match node:
        case Now() | Dose() | Fixed() | Moment() | Shift():
            return point_in_words(node)
        case Constant(value, by_unit, text):
            return text or (" or ".join(f"{limit} {unit}" for unit, limit in by_unit) if by_unit else str(value))
        case Select(kind, tests, window, label=label, lasting=lasting):
            told = label or kind.replace("_", " ")
            lasts = f" for {lasting} or longer" if lasting else ""
            return f"{told}{lasts}{window_in_words(window)}{''.join(_test_in_words(test) for test in tests)}"
        case Pick(which, of, ties=ties, to=to):
            near = f" {point_in_words(to)}" if to is not None else ""
            tied = "" if ties == "hull" else f" (of those at one time the {ties.replace('_', ' ')})"
            return f"{which}{f' to{near}' if near else ''} {words(of)}{tied}"
        case Fold("count", of):
            return f"number of {words(of)}"
        case Fold("distinct", of, field):
            return f"number of different {field}s of {words(of)}"
        case Fold(how, of, least=least):
            needed = f" ({least} or more)" if how == "mean" and least > 1 else ""
            return f"{how} of {words(of)}{needed}"
        case Daily():
            return _daily_in_words(node)
        case Score(items):
            return f"score of {len(items)} items"
        case Arithmetic("subtract", Constant(value), Arithmetic("multiply", _, Arithmetic("divide", now, then))) if (
            value == exactly(100)
        ):
            return f"fall in percent from {words(then)} to {words(now)}"
        case Arithmetic("subtract", Arithmetic("multiply", _, Arithmetic("divide", now, then)), Constant(value)) if (
            value == exactly(100)
        ):
            return f"rise in percent from {words(then)} to {words(now)}"
        case Arithmetic(how, left, right, alike=alike):
            made = _SIGNS[how].format(words(left), words(right))
            return f"{made} of one {alike}" if alike else made
        case Compare(Pick(of=Select("person"), field="birth"), "at_most" | "above" as side, Shift(point, by, True)):
            when = "" if isinstance(point, Now) else "at "
            return f"{f'{by} or older' if side == 'at_most' else f'younger than {by}'} {when}{point_in_words(point)}"
        case Compare(Fold("count", of), "at_least", Constant(value)) if value == exactly(1):
            return f"any {words(of)}"
        case Compare(Fold("count", of), "below", Constant(value)) if value == exactly(1):
            return f"no {words(of)}"
        case Compare(left, operator, right):
            return f"{words(left)} {'is' if operator == 'in' else operator.replace('_', ' ')} {words(right)}"
        case Run():
            return _run_in_words(node)
        case AtLeast(number, of, name):
            joined = "all of" if number == len(of) else "any of" if number == 1 else f"at least {number} of"
            return name or f"{joined} {len(of)}"
        case Not(of):
            return f"not ({words(of)})"
        case _:
            assert_never(node)


_SIGNS: Mapping[Calculation, str] = {
    "add": "({} + {})",
    "subtract": "({} - {})",
    "multiply": "({} x {})",
    "divide": "({} / {})",
    "power": "({} to the power of {})",
    "least": "(the less of {} and {})",
    "greatest": "(the greater of {} and {})",
    "round": "({}, rounded to {})",
    "years": "completed years from {} to {}",
}

# What a selection's label already says.
_NAMING = frozenset({"measure", "drug", "concept", "milestone", "visit"})


def _test_in_words(test: Test) -> str:
    if test.field in _NAMING:
        return ""
    asked = "is" if test.operator == "in" else test.operator.replace("_", " ")
    return f", where {test.field.replace('_', ' ')} {asked} {words(test.against)}"


def _daily_in_words(node: Daily) -> str:
    what = f"of {node.label}{window_in_words(node.of[0][0].window)}"
    if node.how in {"greatest", "sum"}:
        return f"{'greatest daily' if node.how == 'greatest' else 'total'} dose {what}"
    holds = "" if node.holds is None else f" {node.holds.operator.replace('_', ' ')} {words(node.holds.against)}"
    return f"{'days' if node.how == 'days' else 'days in a row'} with a daily dose {what}{holds}"


def _run_in_words(run: Run) -> str:
    span = f", {run.span} or more" if run.span else ""
    gap = f", no gap above {run.gap}" if run.gap and not run.then else ""
    holds = f"{run.holds.operator.replace('_', ' ')} {words(run.holds.against)}"
    if run.then is not None:
        within = f" within {run.gap}" if run.gap else ""
        return f"{words(run.of)} {holds}, followed{within} by {words(run.then)}"
    if run.number == 1 and not span and not gap:
        return f"ever {words(run.of)} {holds}"
    row = "whatever lies between" if run.across else "in a row"
    return f"{run.number} or more {row}{span}{gap} of {words(run.of)} {holds}"


def point_in_words(point: Point) -> str:
    """Say when a point is, in the words of the protocol; days are counted together, and from day 1 by their number."""
    days, start = _days_from(point)
    match start:
        case Now():
            told = "now"
        case Dose():
            told = "the dose"
        case Fixed(day):
            told = shown_date(day)
        case Moment(name):
            told = name
        case Shift(inner, by, earlier):
            told = f"{by} {'before' if earlier else 'after'} {point_in_words(inner)}"
        case _:
            assert_never(start)
    if told == DAY_1:
        return f"day {days + 1 if days >= 0 else days}"
    return told if not days else f"{abs(days)} d {'after' if days > 0 else 'before'} {told}"


DAY_1 = "day_1"


def _days_from(point: Point) -> tuple[int, Point]:
    """Count the days by which a point lies after another that is not reached by days."""
    if not isinstance(point, Shift) or point.by.days is None:
        return 0, point
    days, start = _days_from(point.point)
    return days + (-point.by.days if point.earlier else point.by.days), start


def window_in_words(window: Window) -> str:
    """Say a window in the words of the protocol."""
    start = "" if window.start is None else f" {'after' if window.after else 'from'} {point_in_words(window.start)}"
    end = "" if window.end is None else f" {'before' if window.before else 'through'} {point_in_words(window.end)}"
    return start + end
