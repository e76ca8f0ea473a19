"""The vocabulary as it is written: measures, drugs, classes and concepts."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from trialspec.model.derived import Derived
from trialspec.model.parts import Names, OneOrMore, Part, Sourced, Words
from trialspec.model.points import DurationText, Factor, Name, Number, QuantityText, Text
from trialspec.model.scope import At
from trialspec.model.units import metric_factor
from trialspec.quantity import ANYTHING, Interval, shown
from trialspec.vocabulary import Sort, Term, Vocabulary

UNITLESS = "1"  # how UCUM writes that there is no unit


class Limits(Part):
    """The values that are possible at all; one outside is set aside."""

    at_least: QuantityText | None = None
    at_most: QuantityText | None = None


class Range(Part):
    """A reference range, in the measure's unit."""

    low: QuantityText | None = None
    high: QuantityText | None = None


class _Entry(Sourced):
    label: Text | None = Field(None, description="what people call it")
    is_a: Names = Field((), description="what it is a kind of")
    codes: dict[Name, OneOrMore[Text]] = Field(
        default_factory=dict, description="by code system: loinc, atc, snomed, ..."
    )

    def label_of(self, name: str) -> str:
        return self.label or name.replace("_", " ")


class Measure(_Entry):
    """Something that is measured, counted, scored or read, with its unit or its words.

    ```yaml
    measures:
      bilirubin: {unit: umol/L, units: {mg/dL: molar, mmol/L: 1000}, molar: 17.1, possible: {at_least: 0 umol/L}}
      ecg: {values: [normal, abnormal], asked_of: investigator}
    ```
    """

    unit: Text | None = Field(None, description="the unit that values are held in; `1` for a plain number")
    units: dict[Text, Factor] = Field(
        default_factory=dict,
        description="accepted units: how many of `unit` one of each is; or `molar`",
    )
    molar: Number | None = Field(
        None, description="how many of the molar unit are one of the mass unit: 88.42 umol/L in 1 mg/dL"
    )
    resolution: QuantityText | None = Field(None, description="the step in which it is reported; it never rounds")
    possible: Limits = Limits(at_least=None, at_most=None)
    values: Words = Field((), description="the words of a coded measure, in place of a unit")
    ranges: dict[Text, Range] = Field(default_factory=dict, description="reference ranges by laboratory")
    asked_of: Name = Field("site", description="who can answer: laboratory, investigator, patient, ...")
    derived: Derived | None = Field(None, description="what makes it, of a measure that is calculated")

    def term(self, name: str, at: At) -> Term:
        """Give the term, reporting what does not fit together."""
        if bool(self.values) == (self.unit is not None):
            both = "both a unit and words" if self.values else "neither a unit nor words"
            at.report(
                "missing-key" if not self.values else "bad-value", f"`{name}` has {both}", "write `unit`, or `values`"
            )
        for key in ("units", "resolution", "ranges", "molar") if self.values else ():
            if getattr(self, key):
                at[key].report("bad-value", f"`{name}` is a word, it has no `{key}`", f"leave `{key}` out, or `values`")
        plain = self.unit in {None, UNITLESS}
        unit = "" if plain else self.unit or ""
        bare = Term(name, "measure", self.label_of(name), unit, self.factors(unit, at), place=at.place)
        return Term(
            name,
            "measure",
            bare.label,
            unit,
            bare.factors,
            None if self.resolution is None else at["resolution"].convert(self.resolution, bare),
            self.possible_values(at["possible"], bare),
            frozenset(self.values),
            self.reference_ranges(at["ranges"], bare),
            frozenset(self.is_a),
            self.codes,
            self.asked_of,
            place=at.place,
        )

    def factors(self, unit: str, at: At) -> Mapping[str, Fraction]:
        """Give what one of each accepted unit is in the measure's own."""
        factors = {"": Fraction(1), UNITLESS: Fraction(1)} if not unit else {unit: Fraction(1)}
        for other, factor in self.units.items():
            here = at["units"][other]
            if other in factors:
                here.report("duplicate-name", f"`{other}` is the measure's own unit", "leave it out: its factor is 1")
            elif isinstance(factor, Fraction):
                factors[other] = factor
            elif self.molar is None or self.molar <= 0:
                here.report("missing-key", f"`{other}` is converted by `molar`, which is not given", "add `molar`")
            elif ("mol" in other) == ("mol" in unit):
                here.report("bad-value", f"neither or both of `{other}` and `{unit}` count moles", "write a factor")
            else:
                factors[other] = 1 / self.molar if "mol" in other else self.molar
        agreeing(factors, at)
        return factors

    def possible_values(self, at: At, bare: Term) -> Interval:
        """Give the values that are possible."""
        if self.possible.at_least is None and self.possible.at_most is None:
            return ANYTHING
        low, high = (
            None if quantity is None else at[key].convert(quantity, bare)
            for key, quantity in (("at_least", self.possible.at_least), ("at_most", self.possible.at_most))
        )
        if low is not None and high is not None and low > high:
            advice = "write the lower limit as `at_least`, the upper as `at_most`"
            at.report("threshold-conflict", "nothing is possible between these limits", advice)
        return Interval(low, high)

    def reference_ranges(self, at: At, bare: Term) -> dict[str, tuple[Fraction | None, Fraction | None]]:
        """Give the reference ranges by laboratory."""
        return {
            laboratory: (
                None if span.low is None else at[laboratory]["low"].convert(span.low, bare),
                None if span.high is None else at[laboratory]["high"].convert(span.high, bare),
            )
            for laboratory, span in self.ranges.items()
        }


class Drug(_Entry):
    """A drug, by ingredient.

    ```yaml
    drugs:
      anifrolumab: {unit: mg, units: {g: 1000}, is_a: biological, codes: {atc: L04AG11}}
      fluocortolone: {unit: mg, equivalents: {prednisone: [5 mg, 5 mg]}}
    drug_classes:
      biological: {label: Biological}
    ```
    """

    unit: Text = Field(description="the unit that amounts are held in")
    units: dict[Text, Factor] = Field(default_factory=dict, description="accepted units, as for measures")
    equivalents: dict[Name, OneOrMore[QuantityText]] = Field(
        default_factory=dict, description="by another drug: so much of this one is as much as so much of that one"
    )
    half_life: DurationText | None = Field(None, description="the time in which half of it is gone, for washouts")

    def term(self, name: str, at: At) -> Term:
        """Give the term."""
        factors = {self.unit: Fraction(1)}
        for other, factor in self.units.items():
            if isinstance(factor, Fraction):
                factors[other] = factor
            else:
                at["units"][other].report("bad-value", "amounts of a drug have no molar conversion", "write a factor")
        agreeing(factors, at)
        return Term(
            name,
            "drug",
            self.label_of(name),
            self.unit,
            factors,
            parents=frozenset(self.is_a),
            codes=self.codes,
            half_life=self.half_life,
            place=at.place,
        )

    def equal(self, term: Term, at: At, vocabulary: Vocabulary) -> dict[str, Fraction]:
        """Give how much of each other drug as much as 1 of this drug is."""
        found: dict[str, Fraction] = {}
        for name, pair in self.equivalents.items():
            here = at["equivalents"][name]
            other = vocabulary.get(name)
            if other is None or other.sort != "drug":
                here.unknown("drug", name, [each.name for each in vocabulary.terms.values() if each.sort == "drug"])
                continue
            if len(pair) != 2 or any(quantity.number <= 0 for quantity in pair):
                message = f"it takes two amounts to say how much `{name}` as much as `{term.name}` is"
                here.report("bad-quantity", message, "write so much of this one and so much of that, `[4 mg, 5 mg]`")
                continue
            mine, theirs = here[0].convert(pair[0], term, what="amount"), here[1].convert(pair[1], other, what="amount")
            found[name] = theirs / mine
        return found


def agreeing(factors: Mapping[str, Fraction], at: At) -> None:
    """Report a factor that is not what the metric system says, by the spelling of two units."""
    known: list[str] = []
    for unit, factor in factors.items():
        for other in known:
            right = metric_factor(unit, other)
            if right is not None and right * factors[other] != factor:
                message = (
                    f"one `{unit}` is {_exact(right)} `{other}`, and declared as {_exact(factor / factors[other])}"
                )
                here = at["units"][other] if other in at["units"].node else at["unit"]
                advice = f"write `{unit}: {_exact(right * factors[other])}`, if `{other}` is right"
                at["units"][unit].report("unit-factor", message, advice, (here.place, f"`{other}` is declared here"))
                break
        else:
            known.append(unit)


def _exact(number: Fraction) -> str:
    """Write a factor as a file may say it, nothing cut off."""
    text = shown(number)
    return str(number) if text.startswith("~") else text


class DrugClass(_Entry):
    """A class of drugs; a drug or class names the classes it is a kind of."""

    def term(self, name: str, at: At) -> Term:
        """Give the term."""
        return _plain(name, "drug_class", self, at)


class Concept(_Entry):
    """A condition, a procedure or an adverse event.

    ```yaml
    concepts:
      sinusitis: {kind: condition, is_a: active_infection}
    ```
    """

    kind: Literal["condition", "procedure", "adverse_event"]
    asked_of: Name = Field("site", description="who can answer")

    def term(self, name: str, at: At) -> Term:
        """Give the term."""
        return _plain(name, self.kind, self, at, self.asked_of)


def _plain(name: str, sort: Sort, entry: _Entry, at: At, asked_of: str = "site") -> Term:
    label, parents = entry.label_of(name), frozenset(entry.is_a)
    return Term(name, sort, label, parents=parents, codes=entry.codes, asked_of=asked_of, place=at.place)


SECTIONS: Mapping[str, Any] = {"measures": Measure, "drugs": Drug, "drug_classes": DrugClass, "concepts": Concept}
