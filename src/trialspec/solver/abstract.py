"""Statements whose parts may be anything: what is impossible even then is proved for any number of records.

Every value that is read from records becomes a number or word of its own, the same wherever the same is read. So two
limits of one value contradict each other here, and nothing that rests on how many records there are, or when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialspec.kernel import (
    Arithmetic,
    Compare,
    Constant,
    Dose,
    Fixed,
    Fold,
    Moment,
    Now,
    Pick,
    Point,
    Run,
    Select,
    Shift,
    Test,
    Window,
)
from trialspec.patient import Kind
from trialspec.quantity import ANYTHING, Codes, Interval
from trialspec.solver import logic, numbers
from trialspec.solver.logic import Fact, Formula, Solver
from trialspec.solver.moments import at_instant
from trialspec.solver.numbers import End, Number
from trialspec.solver.records import DATES, NUMBERS, TODAY, Records, subjects_of
from trialspec.solver.translation import Located, Translation, Words

if TYPE_CHECKING:
    from trialspec.kernel import Expr
    from trialspec.vocabulary import Vocabulary

_NOTHING: dict[Kind, tuple[()]] = {}


@dataclass(slots=True)
class Values(Translation):
    """Reads statements with every value of its own."""

    vocabulary: Vocabulary | None = None

    def locate(self, point: Point) -> Located:
        """Take a point to be any time; only what is shifted by days from one lies where it does."""
        match point:
            case Moment() | Now() | Dose():
                name = self.name()
                day, second = logic.open_integer(f"{name} day"), logic.open_integer(f"{name} second")
                self.laws += [logic.is_most(0, second), logic.is_less(second, 86_400)]
                happened = logic.open_formula(f"{name} happened") if isinstance(point, Moment) else True
                return Located(happened, at_instant(day, second))
            case Shift(inner, by) if by.months is not None:
                base = self.value(inner)
                assert isinstance(base, Located)
                day = logic.open_integer(self.name())
                ahead = logic.less(base.time.first, day) if point.earlier else logic.less(day, base.time.first)
                self.laws += [logic.is_most(28 * by.months, ahead), logic.is_most(ahead, 31 * by.months)]
                return Located(base.happened, at_instant(day, 0))
            case Fixed() | Shift():
                return Translation.locate(self, point)

    def pick(self, pick: Pick) -> Number | Words | Located:
        """Take one field to be any of its values."""
        name = self.name()
        defined = logic.open_formula(f"{name} defined")
        if pick.field in DATES:
            return Located(defined, at_instant(logic.open_integer(f"{name} day"), 0))
        if self.coded(pick):
            return Words(defined, tuple(self.words(pick, name)))
        return self.between(name, defined, self.possible(pick.of, pick.field))

    def coded(self, pick: Pick) -> bool:
        """Whether a field is a word."""
        names = subjects_of(pick.of) or frozenset()
        terms = [self.vocabulary.get(name) for name in names] if self.vocabulary is not None else []
        return pick.field not in NUMBERS or any(term is not None and term.coded for term in terms)

    def words(self, pick: Pick, name: str) -> Sequence[tuple[Callable[[frozenset[str]], Formula], Formula]]:
        """Give the words that a field may be, one of them at the least."""
        names = subjects_of(pick.of) or frozenset()
        terms = [self.vocabulary.get(each) for each in names] if self.vocabulary is not None else []
        known = sorted({word for term in terms if term is not None for word in term.values})
        if not known or pick.field != "value":
            # A word of an open list: it may be any, so it is one of any two sets at once or of neither.
            return [(self.any_word(name), True)]
        there = [logic.open_formula(f"{name} {word}") for word in known]
        self.laws.append(logic.some(there))
        return [(_is(word), may_be) for word, may_be in zip(known, there, strict=True)]

    def any_word(self, name: str) -> Callable[[frozenset[str]], Formula]:
        """Take a word of which nothing is known."""
        return lambda wanted: logic.open_formula(f"{name} among {'|'.join(sorted(wanted))}")

    def fold(self, fold: Fold) -> Number:
        """Take a count to be whole and not below zero, a sum or mean to be any."""
        name = self.name()
        if fold.how in {"count", "distinct"}:
            low, high = logic.open_integer(f"{name} low"), logic.open_integer(f"{name} high")
            self.laws += [logic.is_most(0, low), logic.is_most(low, high)]
            return Number(True, End(low), End(high, far=logic.open_formula(f"{name} far")))  # noqa: FBT003
        possible = self.possible(fold.of, fold.field) if fold.how == "mean" else ANYTHING
        return self.between(name, logic.open_formula(f"{name} defined"), possible)

    def run(self, run: Run) -> Fact:  # noqa: ARG002 - whatever is asked of the row
        """Take a row to be there or not, or neither."""
        name = self.name()
        found, missing = logic.open_formula(f"{name} met"), logic.open_formula(f"{name} not met")
        self.laws.append(logic.no(logic.both(found, missing)))
        return Fact(found, missing)

    def _alike(self, node: Arithmetic) -> Formula:  # noqa: ARG002 - whatever the records say
        return logic.open_formula(self.name())

    def compare(self, node: Compare) -> Fact:
        """Compare two values; a limit by unit is any of its limits."""
        if isinstance(node.right, Constant) and node.right.by_unit:
            return self.run(_NO_RUN)
        return Translation.compare(self, node)

    def possible(self, query: Select, name: str) -> Interval:
        """Give what a value can be."""
        terms = [self.vocabulary.get(each) for each in subjects_of(query) or ()] if self.vocabulary is not None else []
        if name == "value" and len(terms) == 1 and terms[0] is not None:
            return terms[0].possible
        return ANYTHING

    def between(self, name: str, defined: Formula, possible: Interval) -> Number:
        """Make a number that may be any of several."""
        low, high = logic.open_number(f"{name} low"), logic.open_number(f"{name} high")
        self.laws.append(logic.is_most(low, high))
        if possible.low is not None:
            self.laws.append(logic.is_most(possible.low, low))
        if possible.high is not None:
            self.laws.append(logic.is_most(high, possible.high))
        return Number(defined, End(low), End(high))


_NO_RUN = Run(Select("observation", (), Window()), Test("value", "in", Constant(Codes(frozenset()))))


def _is(word: str) -> Callable[[frozenset[str]], Formula]:
    return lambda wanted: word in wanted


@dataclass(slots=True)
class Abstract:
    """Asks whether statements contradict each other by their form alone."""

    vocabulary: Vocabulary
    limit: int
    _reading: Values = field(init=False)
    _solver: Solver = field(init=False)
    _given: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        now = at_instant(TODAY, 0)
        self._reading = Values(Records(now, {}, (), (), range(TODAY, TODAY)), now, vocabulary=self.vocabulary)
        self._solver = Solver(self.limit)

    def contradict(self, claims: Sequence[tuple[Expr, Callable[[Fact], Formula]]]) -> bool:
        """Whether no values at all make the claims true at once."""
        formulas = [claim(self._reading.fact(expr)) for expr, claim in claims]
        for law in self._reading.laws[self._given :]:
            self._solver.given(law)
        self._given = len(self._reading.laws)
        return self._solver.ask(*formulas) == "impossible"


__all__ = ["Abstract", "numbers"]
