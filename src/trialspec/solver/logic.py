"""The door to Z3: formulas and terms that are plain Python where they are already settled, and a solver that is asked.

A formula is a `bool` as long as nothing open is in it, a term an `int` or a `Fraction`: what is settled is never handed
on, so that formulas stay small and a timeline without open records is evaluated outright.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import z3

Formula = Any  # bool, or what Z3 has for it
Term = Any  # int or Fraction, or what Z3 has for it


_CONTEXT: ContextVar[Any] = ContextVar("what Z3 holds", default=None)


@contextmanager
def apart() -> Iterator[None]:
    """Let Z3 begin with nothing: what it finds with so much effort may hang on all that it was asked before."""
    token = _CONTEXT.set(z3.Context())
    try:
        yield
    finally:
        _CONTEXT.reset(token)


# --- formulas ---------------------------------------------------------------------------------------------------------


def open_formula(name: str) -> Formula:
    """Make a formula that may be true or false."""
    return z3.Bool(name, _CONTEXT.get())


def open_number(name: str) -> Term:
    """Make a number that is not known."""
    return z3.Real(name, _CONTEXT.get())


def open_integer(name: str) -> Term:
    """Make a whole number that is not known."""
    return z3.Int(name, _CONTEXT.get())


def both(*parts: Formula) -> Formula:
    """Say that all hold."""
    return every(parts)


def either(*parts: Formula) -> Formula:
    """Say that one holds."""
    return some(parts)


def every(parts: Iterable[Formula]) -> Formula:
    """Say that all of several hold."""
    kept: dict[int, Formula] = {}
    for part in parts:
        if part is False:
            return False
        if part is not True:
            kept[part.get_id()] = part
    if not kept:
        return True
    return next(iter(kept.values())) if len(kept) == 1 else z3.And(*kept.values())


def some(parts: Iterable[Formula]) -> Formula:
    """Say that one of several holds."""
    kept: dict[int, Formula] = {}
    for part in parts:
        if part is True:
            return True
        if part is not False:
            kept[part.get_id()] = part
    if not kept:
        return False
    return next(iter(kept.values())) if len(kept) == 1 else z3.Or(*kept.values())


def no(part: Formula) -> Formula:
    """Say the opposite."""
    if isinstance(part, bool):
        return not part
    return part.arg(0) if z3.is_not(part) else z3.Not(part)


def implies(one: Formula, other: Formula) -> Formula:
    """Say that the second holds where the first does."""
    return either(no(one), other)


def same(one: Formula, other: Formula) -> Formula:
    """Say that both hold or neither."""
    if isinstance(one, bool):
        return other if one else no(other)
    if isinstance(other, bool):
        return one if other else no(one)
    return one == other


def at_least(number: int, parts: Sequence[Formula]) -> Formula:
    """Say that so many of several hold."""
    sure = sum(part is True for part in parts)
    open_ = [part for part in parts if not isinstance(part, bool)]
    number -= sure
    if number <= 0:
        return True
    if number > len(open_):
        return False
    if number == 1:
        return some(open_)
    if number == len(open_):
        return every(open_)
    return z3.PbGe([(part, 1) for part in open_], number)


# --- terms ------------------------------------------------------------------------------------------------------------


def _term(value: Term) -> Term:
    if isinstance(value, Fraction):
        return z3.Q(value.numerator, value.denominator, _CONTEXT.get())
    return value


def _settled(*values: Term) -> bool:
    return all(isinstance(value, int | Fraction) for value in values)


def plus(one: Term, other: Term) -> Term:
    """Add two numbers."""
    if _settled(one, other):
        return one + other
    if _settled(other) and other == 0:
        return one
    if _settled(one) and one == 0:
        return other
    return _term(one) + _term(other)


def less(one: Term, other: Term) -> Term:
    """Take a number from another."""
    if _settled(one, other):
        return one - other
    return one if _settled(other) and other == 0 else _term(one) - _term(other)


def times(one: Term, other: Term) -> Term:
    """Multiply two numbers."""
    if _settled(one, other):
        return one * other
    for factor, rest in ((one, other), (other, one)):
        if _settled(factor) and factor in (0, 1):
            return rest if factor == 1 else 0
    return _term(one) * _term(other)


def choose(condition: Formula, one: Term, other: Term) -> Term:
    """Give the first number where the condition holds, else the second."""
    if isinstance(condition, bool):
        return one if condition else other
    if _settled(one, other) and one == other:
        return one
    if not _settled(one) and not _settled(other) and one.eq(other):
        return one
    return z3.If(condition, _term(one), _term(other))


def is_less(one: Term, other: Term) -> Formula:
    """Compare two numbers."""
    return one < other if _settled(one, other) else _term(one) < _term(other)


def is_most(one: Term, other: Term) -> Formula:
    """Compare two numbers: the first is not greater."""
    return one <= other if _settled(one, other) else _term(one) <= _term(other)


def equal(one: Term, other: Term) -> Formula:
    """Say that two numbers are the same."""
    return one == other if _settled(one, other) else _term(one) == _term(other)


def whole_quotient(one: Term, divisor: int) -> Term:
    """Divide by a whole number, rounded down."""
    return one // divisor if _settled(one) else one / z3.IntVal(divisor, _CONTEXT.get())


def distance(one: Term, other: Term) -> Term:
    """Give how far two numbers lie apart."""
    gap = less(one, other)
    return abs(gap) if _settled(gap) else choose(is_less(gap, 0), less(other, one), gap)


def least(one: Term, other: Term) -> Term:
    """Give the lesser of two numbers."""
    return choose(is_most(one, other), one, other)


def greatest(one: Term, other: Term) -> Term:
    """Give the greater of two numbers."""
    return choose(is_most(one, other), other, one)


def how_many(parts: Iterable[Formula]) -> Term:
    """Count those that hold."""
    total: Term = 0
    for part in parts:
        total = plus(total, choose(part, 1, 0))
    return total


# --- three values -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement in three values, as two formulas: that it is met, and that it is not met. Never both hold.

    One is `sure` that is never unknown: it is not met wherever it is not met.
    """

    met: Formula
    failed: Formula
    sure: bool = False

    @property
    def unknown(self) -> Formula:
        """That it is neither."""
        return False if self.sure else both(no(self.met), no(self.failed))


def surely(formula: Formula) -> Fact:
    """Make a fact of what is so or not."""
    return Fact(formula, no(formula), sure=True)


MET, FAILED, UNKNOWN = surely(True), surely(False), Fact(met=False, failed=False)  # noqa: FBT003


def negated(fact: Fact) -> Fact:
    """Say the opposite."""
    return Fact(fact.failed, fact.met, fact.sure)


def all_met(facts: Iterable[Fact]) -> Fact:
    """Say that all are met."""
    parts = tuple(facts)
    if all(part.sure for part in parts):
        return surely(every(part.met for part in parts))
    return Fact(every(part.met for part in parts), some(part.failed for part in parts))


def number_met(number: int, facts: Sequence[Fact]) -> Fact:
    """Say that so many are met."""
    met = at_least(number, [fact.met for fact in facts])
    if all(fact.sure for fact in facts):
        return surely(met)
    return Fact(met, at_least(len(facts) - number + 1, [fact.failed for fact in facts]))


def agreeing(cases: Iterable[tuple[Formula, Fact]]) -> Fact:
    """Say what all facts agree on whose condition holds; at least one condition is to hold."""
    parts = tuple(cases)
    there = some(condition for condition, _ in parts)
    return Fact(
        both(there, *(implies(condition, fact.met) for condition, fact in parts)),
        both(there, *(implies(condition, fact.failed) for condition, fact in parts)),
    )


def where(condition: Formula, one: Fact, other: Fact) -> Fact:
    """Give the first fact where the condition holds, else the second."""
    if isinstance(condition, bool):
        return one if condition else other
    if one.sure and other.sure:
        return surely(either(both(condition, one.met), both(no(condition), other.met)))
    return Fact(
        either(both(condition, one.met), both(no(condition), other.met)),
        either(both(condition, one.failed), both(no(condition), other.failed)),
    )


# --- asking -----------------------------------------------------------------------------------------------------------

_STEPS = 1_000  # that Z3 makes in a millisecond, about
Outcome = Literal["possible", "impossible", "timeout"]


class Model:
    """One way in which everything that was open may be."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - Z3 ships no types
        """Keep what Z3 found."""
        self._model = model

    def holds(self, formula: Formula) -> bool:
        """Whether a formula holds in it."""
        return formula if isinstance(formula, bool) else z3.is_true(self._model.eval(formula, model_completion=True))

    def number(self, term: Term) -> Fraction:
        """Give what a number is in it."""
        if isinstance(term, int | Fraction):
            return Fraction(term)
        value = self._model.eval(term, model_completion=True)
        if z3.is_int_value(value):
            return Fraction(value.as_long())
        if z3.is_rational_value(value):
            return Fraction(value.numerator_as_long(), value.denominator_as_long())
        # An irrational number; the reference tells whether one close by does as well.
        near = value.approx(12)
        return Fraction(near.numerator_as_long(), near.denominator_as_long())


_STOPPED = "interrupted from keyboard"


class Solver:
    """What is taken as given, and questions about it.

    Each is given the effort of about `limit` milliseconds, counted in steps: the same everywhere, however busy it is.
    """

    def __init__(self, limit: int) -> None:
        """Begin with nothing given."""
        self._solver = z3.Solver(ctx=_CONTEXT.get())
        self._solver.set("rlimit", limit * _STEPS)
        self._solver.set("random_seed", 0)
        self._names: dict[int, tuple[Formula, Formula]] = {}
        self._given = True

    def given(self, formula: Formula) -> None:
        """Take a formula as given."""
        if formula is False:
            self._given = False
        elif formula is not True:
            self._solver.add(formula)

    def ask(self, *formulas: Formula) -> Outcome:
        """Ask whether all of these can hold at once."""
        if not self._given or any(formula is False for formula in formulas):
            return "impossible"
        answer = self._solver.check(*(self._named(each) for each in formulas if each is not True))
        if answer == z3.unknown and self._solver.reason_unknown() == _STOPPED:
            raise KeyboardInterrupt  # Z3 takes the key for itself
        return "possible" if answer == z3.sat else "impossible" if answer == z3.unsat else "timeout"

    def _named(self, formula: Formula) -> Formula:
        """Give a formula a name of its own: a question may only be made of names."""
        if z3.is_const(formula) or (z3.is_not(formula) and z3.is_const(formula.arg(0))):
            return formula
        known = self._names.get(formula.get_id())
        if known is None:
            name = z3.Bool(f"asked {len(self._names)}", _CONTEXT.get())
            self._solver.add(z3.Implies(name, formula))
            # The formula is kept, so that no other takes its number.
            known = self._names[formula.get_id()] = name, formula
        return known[0]

    def model(self) -> Model:
        """Give what was found, after an answer of `possible`."""
        return Model(self._solver.model())
