"""The kernel over a timeline whose records are open: what each node means, as formulas.

Read `_value` beside `trialspec.interpreters.reference`: one `case` for each node, in the order of `trialspec.kernel`.
A statement becomes a fact (met, not met), a number two ends, a word what it may be, a point whether it has happened
and when. With every record settled the formulas come out as plain truth values, and are compared with the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from typing import Any

from trialspec.items import about
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
    Window,
)
from trialspec.quantity import Codes, Duration, Interval
from trialspec.solver import logic, numbers
from trialspec.solver.logic import FAILED, MET, UNKNOWN, Fact, Formula, Term, agreeing
from trialspec.solver.moments import Time, compared, is_before, moved, on_date
from trialspec.solver.numbers import End, Number
from trialspec.solver.records import DATES, TODAY, Record, Records, Word, subjects_of
from trialspec.truth import Verdict


@dataclass(frozen=True, slots=True)
class Located:
    """A point in time, and whether it has come."""

    happened: Formula
    time: Time


@dataclass(frozen=True, slots=True)
class Words:
    """The words that a value may be, each with the condition under which it may; none where it is not defined."""

    defined: Formula
    may_be: tuple[tuple[Callable[[frozenset[str]], Formula], Formula], ...]

    def among(self, wanted: frozenset[str]) -> Fact:
        """Say whether it is one of some words."""
        inside = logic.every(logic.implies(there, is_among(wanted)) for is_among, there in self.may_be)
        outside = logic.every(logic.implies(there, logic.no(is_among(wanted))) for is_among, there in self.may_be)
        return Fact(logic.both(self.defined, inside), logic.both(self.defined, outside))


@dataclass(frozen=True, slots=True)
class Selected:
    """The records that are selected (`met`) or may be (neither met nor failed)."""

    records: tuple[tuple[Record, Fact], ...]
    not_yet: Formula
    closed: Formula


Units = tuple[tuple[str, Formula], ...]


@dataclass(slots=True)
class Translation:
    """One way to read expressions: the records, the instant of the question and the dose asked about.

    `free` is what could not be translated and may be anything, each in words: an answer of *possible* that rests on it
    is confirmed by the reference or dropped, one of *impossible* stands. `laws` hold of the records besides their own;
    one of them says that whatever may be a moment surely is or is not. Of several ways to read the same records each
    has a `label`.
    """

    records: Records
    now: Time
    dose: Time | None = None
    free: dict[object, str] = field(default_factory=dict)
    laws: list[Formula] = field(default_factory=list)
    label: str = ""
    made: int = 0
    _known: dict[object, Any] = field(default_factory=dict)

    def name(self) -> str:
        """Give a name that nothing else has."""
        self.made += 1
        return f"{self.label}value {self.made}"

    # --- statements ---------------------------------------------------------------------------------------------------

    def fact(self, expr: Expr) -> Fact:
        """Read a statement; what is no statement is unknown."""
        value = self.value(expr)
        return value if isinstance(value, Fact) else UNKNOWN

    def value(self, expr: Expr) -> Fact | Number | Words | Located:
        """Read any expression, each once."""
        if expr not in self._known:
            self._known[expr] = self._value(expr)
        found: Fact | Number | Words | Located = self._known[expr]
        return found

    def _value(self, expr: object) -> Fact | Number | Words | Located:
        match expr:
            case Now() | Dose() | Fixed() | Moment() | Shift():
                return self.locate(expr)
            case Constant(value):
                return _constant(value)
            case Pick():
                return self.pick(expr)
            case Fold():
                return self.fold(expr)
            case Score(items):
                return self.score(items)
            case Arithmetic():
                return self.calculated(expr)
            case Compare():
                return self.compare(expr)
            case Run():
                return self.run(expr)
            case AtLeast(number, of):
                return logic.number_met(number, [self.fact(part) for part in of])
            case Not(of):
                return logic.negated(self.fact(of))
            case _:
                return self.anything(expr)

    def calculated(self, node: Arithmetic) -> Number:
        """Calculate with two numbers; what is not linear is any number that it may be at the most."""
        one, other = self.number(node.left), self.number(node.right)
        if node.alike:
            one = replace(one, defined=logic.both(one.defined, self._alike(node)))
        match node.how:
            case "add":
                return numbers.add(one, other)
            case "subtract":
                return numbers.subtract(one, other)
            case "multiply":
                return numbers.multiply(one, other)
            case "divide":
                return numbers.divide(one, other)
            case "least" | "greatest":
                return numbers.outermost(one, other, lesser=node.how == "least")
            case "years":
                return self._years(node, one, other)
            case _:
                return replace(self.anything(node), defined=logic.both(one.defined, other.defined))

    def _alike(self, node: Arithmetic) -> Formula:
        """Say that the records of two values agree on a field."""
        values = [
            self.value(replace(part, field=node.alike)) for part in (node.left, node.right) if isinstance(part, Pick)
        ]
        words = [value for value in values if isinstance(value, Words)]
        if len(words) < 2:
            return False
        named = frozenset(
            word.choices
            for records in self.records.by_kind.values()
            for record in records
            if (word := record.word(node.alike)) is not None
        )
        choices = sorted(frozenset().union(*named))
        return logic.some(logic.every(each.among(frozenset({word})).met for each in words) for word in choices)

    def _years(self, node: Arithmetic, start: Number, end: Number) -> Number:
        """Take the completed years between two dates to be as many as that many days may be."""
        number = self.anything(node)
        for years, days in (
            (number.low.over, logic.less(end.low.over, start.high.over)),
            (number.high.over, logic.less(end.high.over, start.low.over)),
        ):
            self.laws.append(logic.is_most(logic.times(365, years), logic.greatest(days, 0)))
            self.laws.append(logic.is_less(days, logic.plus(logic.times(366, years), 366)))
        return replace(number, defined=logic.both(start.defined, end.defined))

    def anything(self, expr: object) -> Number:
        """Stand in for what is not translated: a number that may be anything, or none."""
        name = self.name()
        self.free[expr] = _in_words(expr)
        low, high = logic.open_number(f"{name} low"), logic.open_number(f"{name} high")
        self.laws.append(logic.is_most(low, high))
        return Number(logic.open_formula(f"{name} defined"), End(low), End(high))

    def number(self, expr: Expr) -> Number:
        """Read an expression as a number; a date is its ordinal."""
        value = self.value(expr)
        if isinstance(value, Located):
            return Number(value.happened, End(value.time.first), End(value.time.last))
        return value if isinstance(value, Number) else numbers.NONE

    # --- points -------------------------------------------------------------------------------------------------------

    def locate(self, point: Point) -> Located:
        """Say when a point is."""
        match point:
            case Now():
                return Located(happened=True, time=self.now)
            case Dose():
                return Located(happened=True, time=self.dose or self.now)
            case Fixed(day):
                return Located(happened=True, time=on_date(day))
            case Moment():
                return self._moment(point)
            case Shift(inner):
                base = self.value(inner)
                assert isinstance(base, Located)
                if point.by.months is not None and not isinstance(base.time.first, int) and base.happened is not False:
                    reach = self.records.reach
                    inside = logic.both(
                        logic.is_most(reach.start, base.time.first), logic.is_less(base.time.last, reach.stop)
                    )
                    self.laws.append(logic.implies(base.happened, inside))
                return Located(base.happened, moved(base.time, point, self.records.reach))

    def _moment(self, moment: Moment) -> Located:
        """Find the first or last of what is selected: of ties, their date."""
        selection = self.select(moment.of)
        self.laws += [logic.no(fact.unknown) for _, fact in selection.records]
        later = moment.which == "last"
        happened: Formula = False
        day: Term = 0
        for record, fact in selection.records:
            date = record.time.first
            if happened is False:
                day = date
            else:
                beyond = logic.is_less(day, date) if later else logic.is_less(date, day)
                day = logic.choose(logic.both(fact.met, logic.either(logic.no(happened), beyond)), date, day)
            happened = logic.either(happened, fact.met)
        on_it = [
            (record, logic.both(fact.met, logic.equal(record.time.first, day))) for record, fact in selection.records
        ]
        timed = logic.every(logic.implies(there, record.time.timed) for record, there in on_it)
        second: Term = 0
        seen: Formula = False
        for record, there in on_it:
            mine = record.time.low
            if seen is False:
                second = mine
            else:
                beyond = logic.is_less(second, mine) if later else logic.is_less(mine, second)
                second = logic.choose(logic.both(there, logic.either(logic.no(seen), beyond)), mine, second)
            seen = logic.either(seen, there)
        dated = on_date(day)
        low, high = logic.choose(timed, second, dated.low), logic.choose(timed, second, dated.high)
        return Located(happened, Time(day, day, low, high, timed))

    # --- selections ---------------------------------------------------------------------------------------------------

    def select(self, query: Select) -> Selected:
        """Find what is selected."""
        key = ("select", query)
        if key not in self._known:
            self._known[key] = self._select(query)
        found: Selected = self._known[key]
        return found

    def _select(self, query: Select) -> Selected:
        window = _Bounds(query.window, self)
        wanted = subjects_of(query)
        found = []
        for record in self.records.by_kind.get(query.kind, ()):
            passed = logic.all_met(passes(test, record) for test in query.tests)
            if passed.failed is True:
                continue
            there = logic.surely(logic.both(record.present, logic.no(window.not_yet)))
            inside = logic.all_met((there, passed, window.holds(record), window.lasted(record, query.lasting)))
            if inside.failed is not True:
                found.append((record, inside))
        settled: Formula = False
        if query.history == "always":
            settled = True
        elif query.history is not None:
            taken = self.value(query.history)
            assert isinstance(taken, Located)
            settled = taken.happened
        if wanted and query.kind != "observation":
            for denial in self.records.denials:
                if denial.kind == query.kind and wanted <= denial.denies:
                    settled = logic.either(settled, logic.both(denial.present, window.holds(denial).met))
        return Selected(tuple(found), window.not_yet, logic.both(settled, logic.no(window.not_yet)))

    # --- picks --------------------------------------------------------------------------------------------------------

    def pick(self, pick: Pick) -> Number | Words | Located:
        """Read one field of one record."""
        selection = self.select(pick.of)
        certain = [(record, fact.met) for record, fact in selection.records]
        possible = [(record, logic.no(fact.failed)) for record, fact in selection.records]
        if pick.which in {"least", "greatest"}:
            deciding = possible
        elif pick.which == "nearest":
            assert pick.to is not None
            deciding = self._nearest(self.locate(pick.to), certain, possible)
        else:
            later = pick.which == "latest"

            def beaten(record: Record) -> Formula:
                pairs = (
                    (there, is_before(record.time, other.time) if later else is_before(other.time, record.time))
                    for other, there in certain
                    if other is not record
                )
                return logic.some(logic.both(there, beyond) for there, beyond in pairs)

            deciding = [(record, logic.both(there, logic.no(beaten(record)))) for record, there in possible]
        met = dict(zip((record.name for record, _ in certain), (there for _, there in certain), strict=True))
        sure = logic.some(logic.both(there, met[record.name]) for record, there in deciding)
        return self._picked(pick, deciding, met, sure)

    def _nearest(
        self, to: Located, certain: Sequence[tuple[Record, Formula]], possible: Sequence[tuple[Record, Formula]]
    ) -> list[tuple[Record, Formula]]:
        day = to.time.first

        def beats(one: Record, other: Record) -> Formula:
            mine, theirs = (logic.distance(record.time.first, day) for record in (one, other))
            later = is_before(other.time, one.time)
            return logic.either(logic.is_less(mine, theirs), logic.both(logic.equal(mine, theirs), later))

        return [
            (
                record,
                logic.both(
                    there,
                    to.happened,
                    *(
                        logic.no(logic.both(present, beats(other, record)))
                        for other, present in certain
                        if other is not record
                    ),
                ),
            )
            for record, there in possible
        ]

    def _picked(
        self, pick: Pick, deciding: Sequence[tuple[Record, Formula]], met: dict[str, Formula], sure: Formula
    ) -> Number | Words | Located:
        if pick.field in DATES:
            dates = [(there, record.dates[pick.field]) for record, there in deciding if pick.field in record.dates]
            days = numbers.hull([(there, day, day) for there, day in dates], sure)
            told = (logic.both(pick.field in record.dates, record.dated) for record, _ in deciding)
            known = (logic.implies(there, each) for (_, there), each in zip(deciding, told, strict=True))
            return Located(logic.both(sure, *known), on_date(days.low.over, days.high.over))
        words = [(record.word(pick.field), there) for record, there in deciding]
        if any(word is not None for word, _ in words):
            may_be = tuple((_among(word), there) for word, there in words if word is not None)
            known = (logic.implies(there, False if word is None else word.there) for word, there in words)
            return Words(logic.both(sure, *known), may_be)
        if any(pick.field not in record.numbers for record, _ in deciding):
            return self.anything(pick) if deciding else numbers.NONE
        values = [(there, record.numbers[pick.field], record.numbers[pick.field]) for record, there in deciding]
        if pick.which in {"least", "greatest"}:
            return self._extreme(pick, deciding, met, sure)
        if pick.ties == "hull":
            return numbers.hull(values, sure)
        return self._tied(pick, values, deciding, met, sure)

    def _extreme(
        self, pick: Pick, deciding: Sequence[tuple[Record, Formula]], met: dict[str, Formula], sure: Formula
    ) -> Number:
        """Give the least or greatest: of the certain ones, or of any that may be there."""
        every = [(there, record.numbers[pick.field], record.numbers[pick.field]) for record, there in deciding]
        certain = [(met[record.name], record.numbers[pick.field], record.numbers[pick.field]) for record, _ in deciding]
        widest, surest = numbers.hull(every, sure), numbers.hull(certain, sure)
        if pick.which == "least":
            return Number(sure, widest.low, surest.low)
        return Number(sure, surest.high, widest.high)

    def _tied(
        self,
        pick: Pick,
        values: Sequence[tuple[Formula, Term, Term]],
        deciding: Sequence[tuple[Record, Formula]],
        met: dict[str, Formula],
        sure: Formula,
    ) -> Number:
        """Give the value of what no order tells apart by the protocol's rule, where all that decides is certain."""
        hull = numbers.hull(values, sure)
        certain = logic.every(logic.implies(there, met[record.name]) for record, there in deciding)
        apart = logic.some(
            logic.both(one, other, is_before(a.time, b.time)) for a, one in deciding for b, other in deciding
        )
        tie = logic.both(certain, logic.no(apart))
        if pick.ties == "least":
            chosen: Term = hull.low.over
        elif pick.ties == "greatest":
            chosen = hull.high.over
        elif pick.ties == "mean":
            chosen = _mean_of([(there, value) for there, value, _ in values])
        else:
            # When a record was entered is not modelled: any of the tied values may be the last one entered.
            return hull
        return Number(
            sure, End(logic.choose(tie, chosen, hull.low.over)), End(logic.choose(tie, chosen, hull.high.over))
        )

    # --- folds --------------------------------------------------------------------------------------------------------

    def fold(self, fold: Fold) -> Number:
        """Count, add up or average."""
        selection = self.select(fold.of)
        facts = selection.records
        match fold.how:
            case "count":
                low = logic.how_many(fact.met for _, fact in facts)
                high = logic.how_many(logic.no(fact.failed) for _, fact in facts)
                return Number(True, End(low), End(high, far=logic.no(selection.closed)))  # noqa: FBT003
            case "distinct":
                return self._distinct(fold, selection)
            case "sum" | "mean":
                if any(fold.field not in record.numbers for record, _ in facts):
                    return self.anything(fold)
                return self._sum(fold, selection) if fold.how == "sum" else self._mean(fold, selection)

    def _distinct(self, fold: Fold, selection: Selected) -> Number:
        facts = selection.records

        def different(there: Sequence[Formula]) -> Term:
            if fold.field == "day":
                days = [record.time.first for record, _ in facts]
                earlier = (
                    logic.some(logic.both(there[j], logic.equal(days[i], days[j])) for j in range(i))
                    for i in range(len(days))
                )
                return logic.how_many(logic.both(now, logic.no(seen)) for now, seen in zip(there, earlier, strict=True))
            words = [record.word(fold.field) for record, _ in facts]
            choices = sorted({choice for word in words if word is not None for choice in word.choices})
            return logic.how_many(
                logic.some(
                    logic.both(now, word.there, word.among(frozenset({choice})))
                    for now, word in zip(there, words, strict=True)
                    if word is not None and choice in word.choices
                )
                for choice in choices
            )

        low = different([fact.met for _, fact in facts])
        high = different([logic.no(fact.failed) for _, fact in facts])
        return Number(True, End(low), End(high, far=logic.no(selection.closed)))  # noqa: FBT003

    def _sum(self, fold: Fold, selection: Selected) -> Number:
        low: Term = 0
        high: Term = 0
        for record, fact in selection.records:
            value = record.numbers[fold.field]
            least, most = logic.least(value, 0), logic.greatest(value, 0)
            open_ = logic.no(fact.failed)
            low = logic.plus(low, logic.choose(fact.met, value, logic.choose(open_, least, 0)))
            high = logic.plus(high, logic.choose(fact.met, value, logic.choose(open_, most, 0)))
        if fold.of.kind == "observation":
            return Number(logic.some(fact.met for _, fact in selection.records), End(low), End(high))
        return Number(True, End(low), End(high, far=logic.no(selection.closed)))  # noqa: FBT003

    def _mean(self, fold: Fold, selection: Selected) -> Number:
        """Average over the certain ones, with or without each that may be there: every choice is tried."""
        facts = selection.records
        enough = logic.at_least(max(fold.least, 1), [fact.met for _, fact in facts])
        open_ = [index for index, (_, fact) in enumerate(facts) if _open(fact)]
        means: list[tuple[Formula, Term, Term]] = []
        for chosen in product((False, True), repeat=len(open_)):
            taken = dict(zip(open_, chosen, strict=True))
            there = [
                (logic.either(fact.met, logic.no(fact.failed)) if taken.get(index) else fact.met)
                for index, (_, fact) in enumerate(facts)
            ]
            mean = _mean_of(
                [(each, record.numbers[fold.field]) for each, (record, _) in zip(there, facts, strict=True)]
            )
            means.append((True, mean, mean))
        return numbers.hull(means, enough)

    def score(self, items: Sequence[tuple[Expr, Interval]]) -> Number:
        """Add the weights of what is met."""
        low: Term = 0
        high: Term = 0
        for item, weight in items:
            fact = self.fact(item)
            least, most = weight.low or Fraction(0), weight.high or Fraction(0)
            for_low = logic.choose(fact.met, least, logic.choose(fact.failed, 0, min(least, Fraction(0))))
            for_high = logic.choose(fact.met, most, logic.choose(fact.failed, 0, max(most, Fraction(0))))
            low, high = logic.plus(low, for_low), logic.plus(high, for_high)
        return Number(True, End(low), End(high))  # noqa: FBT003

    # --- comparisons --------------------------------------------------------------------------------------------------

    def compare(self, node: Compare) -> Fact:
        """Compare two values."""
        if node.operator == "in":
            words, against = self.value(node.left), node.right
            if not isinstance(words, Words) or not isinstance(against, Constant):
                return UNKNOWN
            wanted = against.value
            return words.among(wanted.words) if isinstance(wanted, Codes) and wanted.words is not None else UNKNOWN
        one = self.number(node.left)
        if isinstance(node.right, Constant) and node.right.by_unit:
            return self._by_unit(one, node, node.right)
        return numbers.compare(one, node.operator, self.number(node.right))

    def _by_unit(self, one: Number, node: Compare, constant: Constant) -> Fact:
        """Compare with the limit of the unit in which the values came; without one, with every limit."""
        own = {unit: numbers.of_interval(limit) for unit, limit in constant.by_unit}
        units = self.units(node.left)
        operator = node.operator
        assert operator != "in"
        cases = []
        for unit, there in units:
            limits = [own[unit]] if unit in own else list(own.values())
            cases += [(there, numbers.compare(one, operator, limit)) for limit in limits]
        without = logic.no(logic.some(there for _, there in units))
        cases += [(without, numbers.compare(one, operator, limit)) for limit in own.values()]
        return agreeing(cases)

    def units(self, expr: Expr) -> Units:
        """Give the units in which the values of an expression came."""
        match expr:
            case Arithmetic(left=left, right=right):
                return (*self.units(left), *self.units(right))
            case Pick() if expr.which in {"least", "greatest"}:
                there = [(record, logic.no(fact.failed)) for record, fact in self.select(expr.of).records]
            case Pick():
                there = self._deciding(expr)
            case Fold():
                there = [(record, logic.no(fact.failed)) for record, fact in self.select(expr.of).records]
            case _:
                return ()
        return tuple(
            (unit, logic.both(present, record.unit.among(frozenset({unit}))))
            for record, present in there
            if record.unit is not None
            for unit in record.unit.choices
        )

    def _deciding(self, pick: Pick) -> list[tuple[Record, Formula]]:
        selection = self.select(pick.of)
        certain = [(record, fact.met) for record, fact in selection.records]
        possible = [(record, logic.no(fact.failed)) for record, fact in selection.records]
        if pick.which == "nearest":
            assert pick.to is not None
            return self._nearest(self.locate(pick.to), certain, possible)
        later = pick.which == "latest"
        return [
            (
                record,
                logic.both(
                    there,
                    *(
                        logic.no(
                            logic.both(
                                present,
                                is_before(record.time, other.time) if later else is_before(other.time, record.time),
                            )
                        )
                        for other, present in certain
                        if other is not record
                    ),
                ),
            )
            for record, there in possible
        ]

    # --- runs ---------------------------------------------------------------------------------------------------------

    def run(self, run: Run) -> Fact:
        """Read readings in a row, or one followed by something."""
        selection = self.select(run.of)
        if run.then is not None:
            return self._followed(run, selection, self.select(run.then))
        facts = selection.records
        # One that may be there, and has no time of day, is tried there and not: it would be one with those of its date.
        # Of one that has one both would be the same.
        open_ = [index for index, (record, fact) in enumerate(facts) if _open(fact) and record.time.timed is not True]
        ways = []
        for chosen in product((False, True), repeat=len(open_)):
            taken = dict(zip(open_, chosen, strict=True))
            tried = []
            for index, (record, fact) in enumerate(facts):
                if index not in taken:
                    tried.append((record, fact))
                    continue
                loose = logic.both(fact.unknown, logic.no(record.time.timed))
                if taken[index]:
                    tried.append((record, Fact(logic.either(fact.met, loose), fact.failed)))
                else:
                    tried.append((record, Fact(fact.met, logic.either(fact.failed, loose))))
            ways.append(self._in_a_row(run, tried))
        return agreeing((True, way) for way in ways)

    def _in_a_row(self, run: Run, facts: Sequence[tuple[Record, Fact]]) -> Fact:
        held = {record.name: passes(run.holds, record) for record, _ in facts}
        sure = [(record, fact.met, True) for record, fact in facts]
        worst = [
            (
                record,
                logic.both(logic.no(fact.failed), logic.either(fact.met, logic.no(held[record.name].met))),
                held[record.name].met,
            )
            for record, fact in facts
        ]
        best = [
            (
                record,
                logic.both(logic.no(fact.failed), logic.either(fact.met, logic.no(held[record.name].failed))),
                logic.no(held[record.name].failed),
            )
            for record, fact in facts
        ]
        enough = logic.is_most(run.number, _Row(sure, run).groups())
        rows = [_Row(worst, run), _Row(best, run)]
        if run.across:
            rows = [row.passing() for row in rows]
        met, possible = rows[0].there(hoping=False), rows[1].there(hoping=True)
        return Fact(logic.both(enough, met, possible), logic.both(enough, logic.no(met), logic.no(possible)))

    def _followed(self, run: Run, selection: Selected, others: Selected) -> Fact:
        pairs = []
        for record, there in selection.records:
            held = passes(run.holds, record)
            for other, also in others.records:
                if other is record:
                    continue
                far, near = _apart(record, other, run.span)[0], _apart(record, other, run.gap)[1]
                later = _later(other.time, record.time)
                pairs.append(logic.all_met((there, held, also, later, far, near)))
        found = Fact(logic.some(pair.met for pair in pairs), logic.every(pair.failed for pair in pairs))
        settled = logic.both(logic.no(selection.not_yet), others.closed)
        return Fact(found.met, logic.both(found.failed, settled))


def _constant(value: Verdict | Interval | Codes) -> Fact | Number | Words:
    match value:
        case Verdict():
            return _verdict(value)
        case Interval():
            return numbers.of_interval(value)
        case Codes(words):
            among = tuple((_is(word), True) for word in sorted(words or ()))
            return Words(words is not None, among)


def _in_words(expr: object) -> str:
    """Say in the author's words what is not reckoned."""
    match expr:
        case Daily(how, of, label=label):
            what = label or " or ".join(sorted({query.label for query, _ in of} - {""})) or "the drugs named"
            return f"the {'number of days' if how in {'days', 'row'} else 'daily dose'} of {what}"
        case Arithmetic(how="power"):
            return "a power of what is measured"
        case Arithmetic(how="round"):
            return "a number that is rounded"
        case Arithmetic(how="years"):
            return "completed years"
        case Pick(of=query) | Fold(of=query):
            return f"a number that a record of {query.label or query.kind} may lack"
        case _:
            return "a number"


def _verdict(value: Verdict) -> Fact:
    return {Verdict.MET: MET, Verdict.NOT_MET: FAILED}.get(value, UNKNOWN)


def _is(word: str) -> Callable[[frozenset[str]], Formula]:
    return lambda wanted: word in wanted


def _among(word: Word) -> Callable[[frozenset[str]], Formula]:
    return word.among


def _open(fact: Fact) -> bool:
    """Whether a fact may be unknown, as far as its form tells."""
    return fact.unknown is not False


def _mean_of(values: Sequence[tuple[Formula, Term]]) -> Term:
    """Average the values whose condition holds: by how many there are, each number a divisor of its own."""
    total: Term = 0
    for there, value in values:
        total = logic.plus(total, logic.choose(there, value, 0))
    count = logic.how_many(there for there, _ in values)
    mean: Term = 0
    for number in range(1, len(values) + 1):
        mean = logic.choose(logic.equal(count, number), logic.times(Fraction(1, number), total), mean)
    return mean


# --- fields -----------------------------------------------------------------------------------------------------------


def passes(test: Test, record: Record) -> Fact:
    """Say whether one field of a record is as the test asks."""
    value = test.against.value
    word = record.word(test.field)
    if word is not None:
        if not isinstance(value, Codes) or test.operator != "in":
            return UNKNOWN
        if test.field == about(record.kind):
            return logic.surely(word.among(value.words))
        return logic.where(word.there, logic.surely(word.among(value.words)), _verdict(test.absent))
    if test.field in record.dates:
        assert test.operator != "in"
        day = record.dates[test.field]
        limit = numbers.of_interval(value) if isinstance(value, Interval) else numbers.NONE
        told = numbers.compare(numbers.exactly(day), test.operator, limit)
        return logic.where(record.dated, told, _verdict(test.absent))
    if test.field not in record.numbers or test.operator == "in":
        return _verdict(test.absent) if test.field not in record.numbers else UNKNOWN
    there = record.told.get(test.field, True)
    return logic.where(there, _compared(test, record), _verdict(test.absent))


def _compared(test: Test, record: Record) -> Fact:
    """Compare a number of a record with the limit that a test sets, or with that of its unit."""
    number, value = numbers.exactly(record.numbers[test.field]), test.against.value
    assert test.operator != "in"
    if not test.against.by_unit:
        limit = numbers.of_interval(value) if isinstance(value, Interval) else numbers.NONE
        return numbers.compare(number, test.operator, limit)
    own = dict(test.against.by_unit)
    cases: list[tuple[Formula, Fact]] = []
    for unit in record.unit.choices if record.unit is not None else ("",):
        there = True if record.unit is None else record.unit.among(frozenset({unit}))
        limits: Iterable[Interval] = [own[unit]] if unit in own else own.values()
        cases += [(there, numbers.compare(number, test.operator, numbers.of_interval(limit))) for limit in limits]
    return agreeing(cases)


# --- windows ----------------------------------------------------------------------------------------------------------


class _Bounds:
    """A window with its points located."""

    def __init__(self, window: Window, by: Translation) -> None:
        self.window = window
        self.now = by.now
        self.start = None if window.start is None else by.value(window.start)
        self.end = None if window.end is None else by.value(window.end)

    @property
    def not_yet(self) -> Formula:
        """That the window's start has not happened, or its end if it awaits that."""
        needed = (self.start, self.end if self.window.awaits else None)
        return logic.either(*(logic.no(point.happened) for point in needed if isinstance(point, Located)))

    def holds(self, record: Record) -> Fact:
        """Say whether a record has come into sight and lies inside."""
        seen = logic.surely(logic.is_most(record.time.low, self.now.low))
        started, ended = MET, MET
        if isinstance(self.start, Located):
            ends = record.time if record.ends is None else record.ends
            before, not_after = compared(ends, self.start.time, clock=_is_clock(self.window.start))
            started = logic.negated(not_after if self.window.after else before)
        if isinstance(self.end, Located):
            before, not_after = compared(record.time, self.end.time, clock=_is_clock(self.window.end))
            inside = before if self.window.before else not_after
            ended = logic.where(self.end.happened, inside, MET)
        return logic.all_met((seen, started, ended))

    def lasted(self, record: Record, lasting: Duration | None) -> Fact:
        """Say whether a record lasts as long as is asked, and has by the window's end and the question."""
        if lasting is None:
            return MET
        clock = lasting.seconds is not None
        reach = range(0) if lasting.months is None else range(TODAY - 5 * 366, TODAY + 400)
        grown = moved(record.time, Shift(Dose(), lasting), reach)
        by_now = compared(grown, self.now, clock=clock)[1]
        ended = MET
        if isinstance(self.end, Located):
            before, not_after = compared(grown, self.end.time, clock=clock or _is_clock(self.window.end))
            ended = logic.where(self.end.happened, before if self.window.before else not_after, MET)
        if record.ends is None:
            lasts = logic.surely(lasting.number == 0)
        else:
            lasts = logic.negated(compared(record.ends, grown, clock=clock)[0])
        return logic.all_met((lasts, by_now, ended))


def _is_clock(point: Point | None) -> bool:
    return isinstance(point, Shift) and point.by.seconds is not None


# --- rows -------------------------------------------------------------------------------------------------------------


def _apart(one: Record, other: Record, by: Duration | None) -> tuple[Fact, Fact]:
    """Say whether one record is at least, and at most, a duration after another."""
    if by is None:
        return MET, MET
    limit = moved(one.time, Shift(Dose(), by), range(0)) if by.months is None else _months_after(one, by)
    before, not_after = compared(other.time, limit, clock=by.seconds is not None)
    return logic.negated(before), not_after


def _months_after(one: Record, by: Duration) -> Time:
    return moved(one.time, Shift(Dose(), by), range(TODAY - 5 * 366, TODAY + 400))


def _later(one: Time, other: Time) -> Fact:
    before, not_after = compared(other, one)
    timed = logic.both(one.timed, other.timed)
    alike = logic.both(logic.same(before.met, not_after.met), logic.same(before.failed, not_after.failed))
    return logic.where(logic.either(alike, timed), before, UNKNOWN)


@dataclass(slots=True)
class _Row:
    """Readings, each there or not and holding or not; those that no time tells apart are one."""

    readings: Sequence[tuple[Record, Formula, Formula]]
    limits: Run
    _alike: dict[tuple[int, int], Formula] = field(default_factory=dict)

    def alike(self, i: int, j: int) -> Formula:
        """That two readings are one: of one instant, or of a date on which one has no time of day."""
        if i == j:
            return True
        i, j = min(i, j), max(i, j)
        if (i, j) not in self._alike:
            one, other = self.readings[i][0].time, self.readings[j][0].time
            vague = logic.some(
                logic.both(there, logic.equal(record.time.first, one.first), logic.no(record.time.timed))
                for record, there, _ in self.readings
            )
            at_once = logic.both(one.timed, other.timed, logic.equal(one.low, other.low))
            self._alike[i, j] = logic.both(logic.equal(one.first, other.first), logic.either(at_once, vague))
        return self._alike[i, j]

    def before(self, i: int, j: int) -> Formula:
        """That one reading comes before another, and is not one with it."""
        one, other = self.readings[i][0].time, self.readings[j][0].time
        return logic.both(is_before(one, other), logic.no(self.alike(i, j)))

    def passing(self) -> _Row:
        """Give the row without the readings that fail, where those may lie between."""
        count = range(len(self.readings))
        kept = []
        for i in count:
            record, there, _ = self.readings[i]
            held = logic.every(
                logic.implies(logic.both(self.readings[j][1], self.alike(i, j)), self.readings[j][2]) for j in count
            )
            kept.append((record, logic.both(there, held), True))
        return _Row(kept, self.limits)

    def groups(self) -> Term:
        """Give how many readings there are."""
        return logic.how_many(self._first(index) for index in range(len(self.readings)))

    def _first(self, index: int) -> Formula:
        """That a reading is there, and stands for those that are one with it."""
        earlier = (logic.both(self.readings[j][1], self.alike(j, index)) for j in range(index))
        return logic.both(self.readings[index][1], *(logic.no(each) for each in earlier))

    def there(self, *, hoping: bool) -> Formula:
        """That somewhere a row of readings is as long as is asked for."""
        count = range(len(self.readings))
        return logic.some(self._from_to(i, j, hoping=hoping) for i in count for j in count)

    def _from_to(self, i: int, j: int, *, hoping: bool) -> Formula:
        readings, count = self.readings, range(len(self.readings))
        if i == j and self.limits.number > 1:
            return False
        inside = [logic.both(readings[x][1], logic.no(self.before(x, i)), logic.no(self.before(j, x))) for x in count]
        held = logic.every(logic.implies(inside[x], readings[x][2]) for x in count)
        long = logic.is_most(self.limits.number, logic.how_many(logic.both(self._first(x), inside[x]) for x in count))
        ends = logic.both(readings[i][1], readings[j][1], self._first(i), self._first(j), logic.no(self.before(j, i)))
        if ends is False:
            return False
        gaps: Formula = True
        if self.limits.gap is not None:
            gaps = logic.every(
                logic.implies(
                    logic.both(inside[x], inside[y], self._next(x, y)),
                    self._fits(x, y, self.limits.gap, which=1, hoping=hoping),
                )
                for x in count
                for y in count
                if x != y
            )
        span = True if self.limits.span is None else self._fits(i, j, self.limits.span, which=0, hoping=hoping)
        return logic.both(ends, held, long, gaps, span)

    def _next(self, x: int, y: int) -> Formula:
        """That nothing lies between two readings."""
        between = (
            logic.both(there, self.before(x, z), self.before(z, y))
            for z, (_, there, _) in enumerate(self.readings)
            if z not in {x, y}
        )
        return logic.both(self.before(x, y), *(logic.no(each) for each in between))

    def _fits(self, x: int, y: int, by: Duration, *, which: int, hoping: bool) -> Formula:
        """That two readings are at least (0), or at most (1), a duration apart: all that are one with them agree."""
        count = range(len(self.readings))
        pairs = [
            (
                logic.both(self.readings[a][1], self.readings[b][1], self.alike(a, x), self.alike(b, y)),
                _apart(self.readings[a][0], self.readings[b][0], by)[which],
            )
            for a in count
            for b in count
        ]
        if hoping:
            return logic.some(logic.both(there, logic.no(fact.failed)) for there, fact in pairs)
        return logic.every(logic.implies(there, fact.met) for there, fact in pairs)
