"""Measures that nobody records: a formula or a score over other measures, read at the time of each of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Calculation,
    Compare,
    Constant,
    Dose,
    Expr,
    Fold,
    Not,
    Pick,
    Score,
    Select,
    Shift,
    Window,
)
from trialspec.model.criteria import Criterion, ScoreParts, Weighted, expand, provenance
from trialspec.model.parts import Names, Part, Sourced
from trialspec.model.points import Count, DurationText, Name, Number, QuantityText, Text, refuse
from trialspec.model.scope import At, Setting, declared
from trialspec.model.verb import nothing
from trialspec.program import Derivation
from trialspec.quantity import exactly, parse_number
from trialspec.truth import UNKNOWN
from trialspec.vocabulary import Term

_SORTS = ("latest", "mean", "age", "female", "when")


class Input(Part):
    """A number that a formula calculates with: the latest value of a measure, the age, or one of two numbers.

    Of two numbers it is the one or the other by a criterion, or by the sex on record: of any other sex, or none, it may
    be any number between.
    """

    latest: Name | None = Field(None, description="a measure: its latest value by then")
    mean: Name | None = Field(None, description="a measure: the mean of its values by then")
    readings: Count | None = Field(None, description="how many values the mean needs")
    within: DurationText | None = Field(None, description="how old the value, or those of the mean, may be at the most")
    unit: Text | None = Field(None, description="the unit in which the formula takes it; without it the measure's own")
    age: Literal["years"] | None = Field(None, description="the completed years of age")
    female: Number | None = Field(None, description="the number for women")
    male: Number | None = Field(None, description="the number for men")
    when: Criterion | None = Field(None, description="a criterion that decides between two numbers")
    then: Number | None = Field(None, description="the number where it is met")
    otherwise: Number | None = Field(None, description="the number where it is not met")

    @model_validator(mode="after")
    def _one_sort(self) -> Input:
        sorts = [key for key in _SORTS if getattr(self, key) is not None]
        if len(sorts) != 1:
            these = " and ".join(sorts) or "none of them"
            message = f"an input is one of `latest`, `mean`, `age`, `female` and `when`, this has {these}"
            raise refuse("bad-value", message, "write one input for each")
        measured = self.latest is not None or self.mean is not None
        if not measured and (self.within is not None or self.unit is not None):
            raise refuse("bad-value", "`within` and `unit` are of a measured value", "leave them out")
        if (self.mean is None) is not (self.readings is None) or self.readings == 0:
            raise refuse("bad-value", "a `mean` says how many `readings` it needs", "write both, or neither")
        if (self.when is None) is not (self.then is None) or (self.when is None) is not (self.otherwise is None):
            raise refuse("missing-key", "`when`, `then` and `otherwise` stand together", "write all three")
        if (self.female is None) is not (self.male is None):
            raise refuse("missing-key", "`female` and `male` stand together", "write both")
        return self

    def number(self, at: At) -> Expr:
        """Give the number."""
        place = at.place
        if self.latest is not None or self.mean is not None:
            return self.value(self.latest or self.mean or "", at)
        if self.when is not None and self.then is not None and self.otherwise is not None:
            return _either(expand(self.when, at["when"]), self.then, self.otherwise, at)
        if self.female is not None and self.male is not None:
            female, male = (Compare(at.sex(), "in", at.words([each]), place) for each in ("female", "male"))
            neither = AtLeast(2, (Not(male, place), Constant(UNKNOWN, place=place)), place=place)
            return _either(AtLeast(1, (female, neither), place=place), self.female, self.male, at)
        return Arithmetic("years", at.born(), Dose(place), place)

    def value(self, name: str, at: At) -> Expr:
        """Give the latest value of a measure, or the mean of several, in the unit of the formula."""
        place = at.place
        term = at["latest" if self.latest else "mean"].counted(name, "a formula calculates with numbers")
        if term is None:
            return nothing(at)
        start = None if self.within is None else Shift(Dose(place), self.within, earlier=True, place=place)
        values = at.values_in(term, Window(start, Dose(place), place=place))
        value: Expr = Pick("latest", values, place=place)
        if self.readings is not None:
            value = Fold("mean", values, "value", self.readings, place)
        if self.unit is None:
            return value
        factor = term.factors.get("" if self.unit == "1" else self.unit)
        if factor is None:
            message = f"`{term.name}` is not accepted in {self.unit}"
            at["unit"].report("unit-mismatch", message, "write a unit that the measure accepts", *declared(term))
            return value
        return value if factor == 1 else Arithmetic("divide", value, at.number(factor, f"{factor}"), place)


def _either(which: Expr, then: Fraction, otherwise: Fraction, at: At) -> Expr:
    """Give one of two numbers; where it is open which, it is any number between the two."""
    chosen = Score(((which, exactly(then - otherwise)),), at.place)
    return Arithmetic("add", at.number(otherwise), chosen, at.place)


Sign = Literal["add", "subtract", "multiply", "divide", "power", "least", "greatest"]


class Operation(Part):
    """A calculation with two numbers or more, from the left to the right; each may be a calculation again."""

    add: list[Formula] | None = Field(None, description="the sum", min_length=2)
    subtract: list[Formula] | None = Field(None, description="the first without the others", min_length=2)
    multiply: list[Formula] | None = Field(None, description="the product", min_length=2)
    divide: list[Formula] | None = Field(None, description="the first over the others", min_length=2)
    power: list[Formula] | None = Field(None, description="the first raised to the second", min_length=2, max_length=2)
    least: list[Formula] | None = Field(None, description="the least of them", min_length=2)
    greatest: list[Formula] | None = Field(None, description="the greatest of them", min_length=2)

    @model_validator(mode="after")
    def _one_sign(self) -> Operation:
        if len(signs := list(self.signs())) != 1:
            message = f"a calculation has one sign, this has {' and '.join(signs) or 'none'}"
            raise refuse("bad-value", message, "write `add`, `divide`, `power` ..., one inside the other")
        return self

    def signs(self) -> Iterator[Sign]:
        """Give the signs that are written: it should be one."""
        return (sign for sign in get_args(Sign) if getattr(self, sign) is not None)

    @property
    def sign(self) -> Sign:
        """The sign."""
        return next(self.signs())

    @property
    def parts(self) -> list[Formula]:
        """What is calculated with."""
        parts: list[Formula] = getattr(self, self.sign)
        return parts


def _formula_tag(value: object) -> str:
    return "tag:text" if isinstance(value, str) else "tag:sign"


Formula = Annotated[
    Annotated[Text, Tag("tag:text")] | Annotated[Operation, Tag("tag:sign")], Discriminator(_formula_tag)
]


class Derived(Sourced):
    """What makes a measure that nobody records.

    ## Meaning
    For each value of the measures under `dated_by` there is one of this measure, of the same time, and of the same
    visit if that value names one; several of one time make one. It is a `formula` over named `inputs`, or a `score`.
    All that it rests on is what was so by then: an input is the latest value by that time (of the same date, where one
    of the two has no time of day), `within` so long before at the most; in the criteria of a score `now` is that time,
    and a window without an end ends there. A formula with `power` is no rational number and says to what it is
    `rounded_to`, a half away from zero; nothing else is rounded. A value is there once all that it rests on has
    happened. It is used like any other measure; a record may give a value of it too, which then counts beside it.

    ## Example
    ```yaml
    measures:
      surface:
        label: Body surface area (Mosteller)
        unit: m2
        derived:
          dated_by: weight
          inputs: {cm: {latest: height}, kg: {latest: weight}}
          formula: {power: [{divide: [{multiply: [cm, kg]}, 3600]}, 0.5]}
          rounded_to: 0.001 m2
      urinary_sediment:
        unit: '1'
        derived:
          dated_by: [urine_rbc, urine_wbc]
          score:
            items:
              haematuria: {weight: 4, when: {latest: urine_rbc, from: 10 d before now, above: '5 /[HPF]'}}
              pyuria: {weight: 4, when: {latest: urine_wbc, from: 10 d before now, above: '5 /[HPF]'}}
    ```

    ## When data are missing
    Of inputs that may be several numbers it is the range of what they make. Without one of its inputs a formula has no
    value that can be known: it may be anything, and an older value does not take its place. An item of a score that is
    `unknown` counts nothing up to its weight. What is missing is what the value itself lacks.

    ## On a live stream
    It is made anew with each record that it may rest on.
    """

    dated_by: Names = Field(description="measures: of each of their values there is one of this")
    inputs: dict[Name, Input] = Field(default_factory=dict, description="the numbers of the formula, by name")
    formula: Formula | None = None
    score: ScoreParts | None = None
    rounded_to: QuantityText | None = Field(None, description="the step to which the formula is rounded")

    def derivation(self, term: Term, at: At) -> Derivation:
        """Give what makes the measure, reporting what does not fit together."""
        at = at.within(Setting(value=True))
        found = [expand(item.when, at["score"]["items"][name]["when"]) for name, item in self.scored()]
        reasons = [provenance(item.when, at["score"]["items"][name]["when"]) for name, item in self.scored()]
        if (self.formula is None) is (self.score is None):
            at.report("bad-value", f"`{term.name}` is made of a formula, or of a score", "write one of the two")
        if term.coded:
            at.report("bad-value", f"`{term.name}` is a word, and what is derived is a number", "write `unit`")
        weights = [exactly(item.weight) for _, item in self.scored()]
        value: Expr = Score(tuple(zip(found, weights, strict=True)), at.place)
        if self.formula is not None:
            value = self.calculated(term, at)
        else:
            for key in ("inputs", "rounded_to"):
                if getattr(self, key):
                    at[key].report("bad-value", f"a score has no `{key}`", "leave it out")
        reasons += [
            provenance(part.when, at["inputs"][name]["when"]) for name, part in self.inputs.items() if part.when
        ]
        return Derivation(
            term.name, term.unit, self.dating(at), value, at.provenance(self.provenance, *reasons), at.place
        )

    def scored(self) -> Iterator[tuple[str, Weighted]]:
        """Give the items of the score, if it is one."""
        yield from self.score.items.items() if self.score is not None else ()

    def dating(self, at: At) -> Select:
        """Select the values of which each has one of this."""
        here = at["dated_by"]
        for index, name in enumerate(self.dated_by):
            (here[index] if here.node.kind == "list" else here).term(name, "measure")
        return at.select("observation", [here.among("measure", self.dated_by)], Window())

    def calculated(self, term: Term, at: At) -> Expr:
        """Give the formula, rounded as it says."""
        inputs: Mapping[str, Expr] = {name: part.number(at["inputs"][name]) for name, part in self.inputs.items()}
        used: set[str] = set()
        value = self.part(self.formula, at["formula"], inputs, used)
        for name in sorted(inputs.keys() - used):
            at["inputs"][name].report("never-used", f"the formula does not calculate with `{name}`", "leave it out")
        if self.rounded_to is not None:
            step = at["rounded_to"].convert(self.rounded_to, term, what="step", bounded=False)
            if step <= 0:
                at["rounded_to"].report("bad-quantity", "a step is above zero", "write the least difference")
            return Arithmetic("round", value, at["rounded_to"].number(step, self.rounded_to.text), at.place)
        if _irrational(self.formula):
            message = "the formula has a power, and so a value of endless digits"
            at.report("missing-key", message, "say to what it is rounded: `rounded_to`")
        return value

    def part(self, formula: Formula | None, at: At, inputs: Mapping[str, Expr], used: set[str]) -> Expr:
        """Give a part of the formula."""
        if isinstance(formula, Operation):
            here = at[formula.sign]
            first, *others = (self.part(part, here[index], inputs, used) for index, part in enumerate(formula.parts))
            sign: Calculation = formula.sign
            for other in others:
                first = Arithmetic(sign, first, other, at.place)
            return first
        text = formula or ""
        number = parse_number(text)
        if number is not None:
            return at.number(number, text)
        if text not in inputs:
            at.unknown("input", text, inputs, "name it under `inputs`")
            return Constant(exactly(Fraction(1)), place=at.place)
        used.add(text)
        return inputs[text]


def _irrational(formula: Formula | None) -> bool:
    """Whether there is a power in a formula, other than a square or the like."""
    if not isinstance(formula, Operation):
        return False
    return formula.sign == "power" or any(_irrational(part) for part in formula.parts)
