"""A timeline whose records are open: whether each is there, when it was, and what it says.

Records are made for what a set of expressions asks for: the names of a kind are put into *sorts* that no selection
tells apart, and of each sort there are as many records as the bound says. Every record is sharp: one date, with or
without a time of day, and one value in every field that decides something. That is enough for what is met or not met:
making a vague record sharp takes back no such answer (law 5). Records of a sort come in the order of their times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from trialspec.items import MILESTONES, about
from trialspec.kernel import Arithmetic, Compare, Constant, Fixed, Fold, Pick, Run, Select, Shift, parts_of
from trialspec.patient import FAR, Kind
from trialspec.quantity import Codes, Interval
from trialspec.solver import logic
from trialspec.solver.logic import Formula, Term
from trialspec.solver.moments import Time, at_instant, between, on_date, on_day
from trialspec.times import DAY
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from trialspec.program import Program
    from trialspec.vocabulary import Term as Name
    from trialspec.vocabulary import Vocabulary

LASTING: tuple[Kind, ...] = ("therapy", "condition", "adverse_event")
NUMBERS = frozenset(
    {*("value", "high", "low", "value_over_high", "value_over_low"), *("amount", "dose", "rate", "weight", "grade")}
)
DATES = frozenset({"birth", "recorded", "available"})
# A June day far from where clocks change, and from the end of a month.
TODAY = date(2026, 6, 17).toordinal()
# Moments from which months are counted lie within these days before the question, records within those.
_MONTHS_REACH, _REACH = 3 * 366, 60 * 366
_OLDEST = 120 * 366
_MOST_COUNTED = 12
OTHER = "other"
_CLOSED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("person", "sex"): ("female", "male", "other"),
    ("therapy", "outcome"): ("inadequate_response", "intolerance", "relapse", "response"),
    ("adverse_event", "serious"): ("yes", "no"),
    ("adverse_event", "related"): ("yes", "no"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is open between several."""

    choices: tuple[str, ...]
    index: Term
    there: Formula = True

    def among(self, wanted: frozenset[str] | None) -> Formula:
        """Say that it is one of some words."""
        if wanted is None:
            return True
        fitting = [number for number, choice in enumerate(self.choices) if choice in wanted]
        if len(fitting) == len(self.choices):
            return True
        return logic.some(logic.equal(self.index, number) for number in fitting)


@dataclass(frozen=True, slots=True)
class Record:
    """One record that may be there; `subject` is what it is about, `words` and `numbers` are its other fields.

    `denies` are the names that it says no of, for a record that something was asked and is not so. Its `dates` are
    there where it is `dated`, and its numbers where nothing of `told` says otherwise.
    """

    name: str
    kind: Kind
    present: Formula
    time: Time
    subject: Word | None = None
    words: Mapping[str, Word] = field(default_factory=dict)
    numbers: Mapping[str, Term] = field(default_factory=dict)
    dates: Mapping[str, Term] = field(default_factory=dict)
    dated: Formula = True
    told: Mapping[str, Formula] = field(default_factory=dict)
    ends: Time | None = None
    ongoing: Formula = False
    unit: Word | None = None
    denies: frozenset[str] = frozenset()
    term: Name | None = None

    def word(self, name: str) -> Word | None:
        """Give a field that is a word."""
        return self.subject if name == about(self.kind) else self.words.get(name)


@dataclass(frozen=True, slots=True)
class Records:
    """All records that may be there, what holds of them by their nature, and the instant of the question.

    They are `short` where more is counted than are tried.
    """

    now: Time
    by_kind: Mapping[Kind, tuple[Record, ...]]
    denials: tuple[Record, ...]
    laws: tuple[Formula, ...]
    reach: range
    short: bool = False

    @property
    def all(self) -> tuple[Record, ...]:
        """Every record, denials too."""
        return (*(record for records in self.by_kind.values() for record in records), *self.denials)


# --- what is asked for ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sort:
    """Names of one kind that no selection tells apart, and what is asked of records of them."""

    kind: Kind
    names: frozenset[str]
    words: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    numbers: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)
    by_unit: bool = False
    counted: int = 1
    short: bool = False


def subjects_of(select: Select) -> frozenset[str] | None:
    """Give the names that a selection asks for; `None` where it takes any."""
    key = about(select.kind)
    found: frozenset[str] | None = None
    for test in select.tests:
        value = test.against.value
        if test.field == key and isinstance(value, Codes) and value.words is not None:
            found = value.words if found is None else found & value.words
    return found


def make(
    program: Program,
    exprs: Sequence[object],
    number: int,
    *,
    fixed: Iterable[Record] = (),
    without: frozenset[Kind] = frozenset(),
    at: Time | None = None,
) -> Records:
    """Make the records that some expressions can tell apart: `number` of each sort, and more where more are counted.

    `fixed` are there besides, as they are; of the kinds `without` there are no others. It is asked `at` an instant, or
    at any of a day.
    """
    months = any(shift.by.months is not None for shift in parts_of(tuple(exprs), Shift))
    dates = [point.day for point in parts_of(tuple(exprs), Fixed)]
    now, laws = _now(dates, months=months) if at is None else (at, [])
    sorts = [sort for sort in _sorts(program.vocabulary, exprs) if sort.kind not in without]
    by_kind: defaultdict[Kind, list[Record]] = defaultdict(list)
    for index, sort in enumerate(sorts):
        size = 1 if sort.kind == "person" else max(number, sort.counted)
        made = [_record(program, sort, f"{sort.kind} {index}.{place}", place + 1, laws) for place in range(size)]
        for one, other in pairwise(made):
            laws.append(logic.implies(other.present, one.present))
            laws.append(logic.implies(other.present, logic.is_most(one.time.low, other.time.low)))
        by_kind[sort.kind] += made
    fixed_ = tuple(fixed)
    for record in fixed_:
        if not record.denies:
            by_kind[record.kind].append(record)
    denials = (
        *_denials(program.vocabulary, exprs, number, without),
        *(record for record in fixed_ if record.denies),
    )
    found = Records(now, {kind: tuple(made) for kind, made in by_kind.items()}, denials, (), _reach(dates, months, at))
    short = any(sort.short for sort in sorts)
    for record in found.all:
        if not isinstance(record.present, bool):
            laws += _dated(record, found)
    for record in fixed_:
        for person in found.by_kind.get("person", ()):
            if "birth" in person.dates and not isinstance(person.present, bool):
                laws.append(logic.is_most(person.dates["birth"], record.time.first))
    return replace(found, laws=tuple(laws), short=short)


def _now(dates: Sequence[int], *, months: bool) -> tuple[Time, list[Formula]]:
    """Make the instant of the question: any of one day, or of a year where the calendar matters."""
    second = logic.times(60, logic.open_integer("now minute"))
    laws: list[Formula] = [logic.is_most(0, second), logic.is_less(second, DAY)]
    if not dates and not months:
        return at_instant(TODAY, second), laws
    day = logic.open_integer("now day")
    least, most = (min(dates) - 400, max(dates) + 400) if dates else (TODAY - 365, TODAY)
    return at_instant(day, second), [*laws, logic.is_most(least, day), logic.is_most(day, most)]


def _reach(dates: Sequence[int], months: bool, at: Time | None) -> range:  # noqa: FBT001 - one caller
    """Give the dates from which months may be counted."""
    if not months:
        return range(TODAY, TODAY)
    days = [TODAY, TODAY - 365] if at is None else [int(at.first)]
    days += [day + far for day in dates for far in (-400, 400)] if at is None else []
    return range(min(days) - _MONTHS_REACH, max(days) + 400)


def _sorts(vocabulary: Vocabulary, exprs: Sequence[object]) -> list[_Sort]:
    selects = tuple(dict.fromkeys(parts_of(tuple(exprs), Select)))
    found: list[_Sort] = []
    for kind in dict.fromkeys(select.kind for select in selects):
        asked = {subjects_of(select) for select in selects if select.kind == kind}
        found += _told_apart(vocabulary, kind, asked)
    for select in selects:
        for sort in _touched(found, select):
            for test in select.tests:
                _ask(sort, vocabulary, test.field, test.against)
                if test.absent is not UNKNOWN:
                    sort.optional.add(test.field)
    for node in parts_of(tuple(exprs), Pick):
        for sort in _touched(found, node.of):
            _ask(sort, vocabulary, node.field, None)
    for fold in parts_of(tuple(exprs), Fold):
        for sort in _touched(found, fold.of):
            if fold.how in {"sum", "mean"}:
                _ask(sort, vocabulary, fold.field, None)
                sort.counted = max(sort.counted, min(fold.least, _MOST_COUNTED))
                sort.short |= fold.least > _MOST_COUNTED
            elif fold.how == "distinct" and fold.field not in {"day", about(sort.kind)}:
                _ask(sort, vocabulary, fold.field, None)
    for node_ in parts_of(tuple(exprs), Arithmetic):
        for part in (node_.left, node_.right) if node_.alike else ():
            for sort in _touched(found, part.of) if isinstance(part, Pick) else ():
                _ask(sort, vocabulary, node_.alike, None)
    for run in parts_of(tuple(exprs), Run):
        for sort in _touched(found, run.of):
            _ask(sort, vocabulary, run.holds.field, run.holds.against)
            sort.counted = max(sort.counted, min(run.number, _MOST_COUNTED))
            sort.short |= run.number > _MOST_COUNTED
    for compare in parts_of(tuple(exprs), Compare):
        _limits(compare, found, vocabulary)
    return found


def _told_apart(vocabulary: Vocabulary, kind: Kind, asked: set[frozenset[str] | None]) -> list[_Sort]:
    """Put the names of a kind together that the same selections ask for; only those that a record can be told by."""
    if not about(kind):
        return [_Sort(kind, frozenset())]
    known = frozenset(MILESTONES) if kind == "milestone" else frozenset(vocabulary.terms)
    named = {words for words in asked if words is not None}
    groups: defaultdict[frozenset[frozenset[str]], set[str]] = defaultdict(set)
    for name in sorted(known & frozenset[str]().union(*named)):
        groups[frozenset(words for words in named if name in words)].add(name)
    sorts = []
    for names in groups.values():
        told = {name for name in names if kind == "milestone" or vocabulary.under(name) <= names}
        # Of a class it is open which of its members was meant: a member is told by its own name.
        told = {name for name in told if kind == "milestone" or vocabulary.under(name) == {name}} or told
        if told:
            sorts.append(_Sort(kind, frozenset(told)))
    if None in asked:
        of_kind = [name for name in sorted(known) if kind == "milestone" or _fits(vocabulary, name, kind)]
        rest = [name for name in of_kind if name not in frozenset[str]().union(*named)]
        if rest or not sorts:
            sorts.append(_Sort(kind, frozenset(rest[:1] or of_kind[:1])))
    return sorts


def _fits(vocabulary: Vocabulary, name: str, kind: Kind) -> bool:
    term = vocabulary.get(name)
    sorts: Mapping[str, tuple[str, ...]] = {
        "observation": ("measure",),
        "administration": ("drug",),
        "therapy": ("drug",),
        "condition": ("condition",),
        "adverse_event": ("adverse_event", "condition"),
        "procedure": ("procedure",),
    }
    return term is not None and term.sort in sorts.get(kind, ()) and vocabulary.under(name) == {name}


def _touched(sorts: Iterable[_Sort], select: Select) -> list[_Sort]:
    wanted = subjects_of(select)
    return [sort for sort in sorts if sort.kind == select.kind and (wanted is None or sort.names & wanted)]


def _ask(sort: _Sort, vocabulary: Vocabulary, name: str, against: Constant | None) -> None:
    """Note that a field is asked for."""
    if name == about(sort.kind) or name in DATES:
        return
    if name in NUMBERS and not _coded(sort, vocabulary):
        sort.numbers.add(name)
        sort.by_unit |= against is not None and bool(against.by_unit)
    else:
        value = None if against is None else against.value
        sort.words[name] |= (value.words or set()) if isinstance(value, Codes) else set()


def _coded(sort: _Sort, vocabulary: Vocabulary) -> bool:
    terms = [vocabulary.get(name) for name in sort.names]
    return sort.kind == "observation" and any(term is not None and term.coded for term in terms)


def _limits(compare: Compare, sorts: Sequence[_Sort], vocabulary: Vocabulary) -> None:
    """Note which words a value is compared with, that limits are given by unit, and how many are counted."""
    if not isinstance(compare.right, Constant):
        return
    parts: tuple[Pick | Fold, ...] = (*parts_of(compare.left, Pick), *parts_of(compare.left, Fold))
    for part in parts:
        for sort in _touched(sorts, part.of):
            if compare.operator == "in" and isinstance(part, Pick):
                _ask(sort, vocabulary, part.field, compare.right)
            sort.by_unit |= bool(compare.right.by_unit)
            limit = compare.right.value
            if isinstance(part, Fold) and part.how in {"count", "distinct"} and isinstance(limit, Interval):
                counted = 1 if limit.low is None else int(limit.low) + 1
                sort.counted = max(sort.counted, min(counted, _MOST_COUNTED))
                sort.short |= counted > _MOST_COUNTED


# --- one record -------------------------------------------------------------------------------------------------------


def _record(program: Program, sort: _Sort, name: str, place: int, laws: list[Formula]) -> Record:
    """Make a record of a sort; what its fields can be is added to `laws`."""
    kind = sort.kind
    term = program.vocabulary.get(min(sort.names)) if sort.names else None
    if kind == "milestone":
        term = None
    time = _time(f"{name} time", laws)
    subject = None
    if sort.names:
        subject = _word(f"{name} about", tuple(sorted(sort.names))[: max(place, 3)], laws)
    words = {}
    for key in sorted(sort.words):
        there = logic.open_formula(f"{name} has {key}") if key in sort.optional else True
        words[key] = replace(_word(f"{name} {key}", _choices(program, sort, key, term), laws), there=there)
    numbers = {key: _number(f"{name} {key}", key, term, laws) for key in sorted(sort.numbers)}
    told = {key: logic.open_formula(f"{name} tells {key}") for key in numbers if key in sort.optional - {"value"}}
    ends, ongoing = None, False
    if kind in LASTING:
        ongoing = logic.open_formula(f"{name} goes on")
        end = _time(f"{name} end", laws)
        laws.append(logic.is_most(time.first, end.first))
        laws.append(logic.is_most(time.low, end.high))
        laws.append(logic.implies(logic.both(time.timed, end.timed), logic.is_most(time.low, end.low)))
        ends = between(on_date(FAR), end, ongoing)
    dates: dict[str, Term] = {}
    dated: Formula = True
    if kind == "person":
        dates["birth"], dated = logic.open_integer(f"{name} birth"), logic.open_formula(f"{name} has birth")
        words.setdefault("sex", _word(f"{name} sex", _CLOSED["person", "sex"], laws))
        laws.append(logic.either(dated, words["sex"].there))
    unit = None
    if sort.by_unit and term is not None and term.factors:
        unit = _word(f"{name} unit", tuple(sorted(term.factors)), laws)
    return Record(
        name, kind, logic.open_formula(f"{name} there"), time, subject, words, numbers, dates, dated, told, ends,
        ongoing, unit, term=term,
    )  # fmt: skip


def _time(name: str, laws: list[Formula]) -> Time:
    minute = logic.open_integer(f"{name} minute")
    laws += [logic.is_most(0, minute), logic.is_less(minute, 24 * 60)]
    day = logic.open_integer(f"{name} day")
    return on_day(day, logic.times(60, minute), logic.open_formula(f"{name} of day"))


def _word(name: str, choices: tuple[str, ...], laws: list[Formula]) -> Word:
    if len(choices) == 1:
        return Word(choices, 0)
    index = logic.open_integer(name)
    laws += [logic.is_most(0, index), logic.is_less(index, len(choices))]
    return Word(choices, index)


def _choices(program: Program, sort: _Sort, key: str, term: Name | None) -> tuple[str, ...]:
    """Give the words that a field may have: all there are, or those asked for and another one; at least one."""
    asked = sort.words[key]
    if key == "value" and term is not None and term.coded:
        return tuple(sorted(term.values))
    if (sort.kind, key) in _CLOSED:
        return _CLOSED[sort.kind, key]
    if key == "visit":
        return tuple(sorted({plan.name for plan in program.visits} | asked)) or (OTHER,)
    rest = [word for word in (OTHER, "another") if word not in asked]
    return (*sorted(asked), *rest[: 1 if asked else 2])


def _number(name: str, key: str, term: Name | None, laws: list[Formula]) -> Term:
    if key == "grade":
        grade = logic.open_integer(name)
        laws += [logic.is_most(1, grade), logic.is_most(grade, 5)]
        return grade
    value = logic.open_number(name)
    low: Fraction | None = Fraction(0)
    high: Fraction | None = None
    if key == "value" and term is not None:
        low, high = term.possible.low, term.possible.high
    elif key.startswith("value_over") and term is not None:
        low = Fraction(0) if term.possible.low is not None and term.possible.low >= 0 else None
    if low is not None:
        laws.append(logic.is_most(low, value))
    if high is not None:
        laws.append(logic.is_most(value, high))
    return value


def _dated(record: Record, records: Records) -> list[Formula]:
    """Say that a record was made by now, not before the patient's birth, and after the patient's records begin."""
    today = records.now.first
    laws = [logic.is_most(record.time.first, today), logic.is_most(logic.less(today, _REACH), record.time.first)]
    if record.ends is not None and record.kind in LASTING and not record.denies:
        ended = logic.is_most(record.ends.first, logic.plus(today, _REACH))
        laws.append(logic.either(record.ongoing, ended))
    for person in records.by_kind.get("person", ()):
        if "birth" not in person.dates:
            continue
        birth = person.dates["birth"]
        laws.append(logic.implies(logic.both(person.present, record.present), logic.is_most(birth, record.time.first)))
        if not isinstance(birth, int):  # whoever is there grows older
            laws.append(logic.is_most(logic.less(today, _OLDEST), birth))
    return laws


# --- asked and denied -------------------------------------------------------------------------------------------------


def _denials(
    vocabulary: Vocabulary, exprs: Sequence[object], number: int, without: frozenset[Kind]
) -> Iterable[Record]:
    """Make the records that say no, of whatever silence does not settle at all times."""
    wanted: dict[tuple[Kind, frozenset[str]], None] = {}
    for select in parts_of(tuple(exprs), Select):
        subjects = subjects_of(select)
        if select.kind not in {"observation", "person", "milestone"} and select.history != "always" and subjects:
            wanted[select.kind, subjects] = None
    for kind, subjects in wanted:
        if kind in without:
            continue
        names = [name for name in sorted(vocabulary.terms) if subjects <= vocabulary.under(name)]
        if not names:
            continue
        name = min(names, key=lambda each: (len(vocabulary.under(each)), each))
        for place in range(number):
            label = f"no {name} {kind}.{place}"
            laws: list[Formula] = []
            time = _time(label, laws)
            ends = None
            if kind in LASTING:
                ends = Time(time.first, FAR, time.low, FAR * DAY, timed=False)
            yield Record(
                label, kind, logic.both(logic.open_formula(f"{label} there"), *laws), time, Word((name,), 0),
                ends=ends, denies=vocabulary.under(name),
            )  # fmt: skip
