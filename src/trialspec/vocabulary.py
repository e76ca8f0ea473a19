"""One namespace for measures, drugs, drug classes and concepts: what they are called, their units and codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from trialspec.quantity import ANYTHING, Codes, Interval, scale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from trialspec.diagnostics import Place
    from trialspec.quantity import Duration

# What a name stands for. `concept` kinds are the event kinds that carry a concept.
Sort = Literal["measure", "drug", "drug_class", "condition", "procedure", "adverse_event"]


@dataclass(frozen=True, slots=True)
class Term:
    """One name of the vocabulary.

    `unit` is the unit in which values are held and `factors` turn each accepted unit into it, exactly.
    A coded measure has `values` in place of a unit. `ranges` are reference ranges (low, high) by laboratory, in `unit`.
    `equivalents` tell how much of another drug as much as 1 of this drug is, each in its own unit.
    """

    name: str
    sort: Sort
    label: str
    unit: str = ""
    factors: Mapping[str, Fraction] = field(default_factory=dict)
    resolution: Fraction | None = None
    possible: Interval = ANYTHING
    values: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[Fraction | None, Fraction | None]] = field(default_factory=dict)
    parents: frozenset[str] = frozenset()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked_of: str = "site"
    equivalents: Mapping[str, Fraction] = field(default_factory=dict)
    half_life: Duration | None = None
    place: Place | None = field(default=None, compare=False, repr=False)

    def __hash__(self) -> int:
        """Hash by name: the rest holds mappings."""
        return hash(self.name)

    @property
    def coded(self) -> bool:
        """Whether its values are words, not numbers."""
        return bool(self.values)

    def convert(self, value: Interval, unit: str) -> Interval | None:
        """Turn a value in an accepted unit into `unit`, exactly; `None` for a unit that is not accepted."""
        factor = self.factors.get(unit)
        if factor is None:
            return value if unit == self.unit else None
        return scale(value, factor)


@dataclass(frozen=True)
class Vocabulary:
    """All the terms a protocol uses, by name."""

    terms: Mapping[str, Term]

    @cached_property
    def _below(self) -> dict[str, frozenset[str]]:
        below: dict[str, set[str]] = {name: {name} for name in self.terms}
        for name in self.terms:
            above, seen = [name], {name}
            while above:
                term = self.terms.get(above.pop())
                for parent in (term.parents if term else frozenset()) - seen:
                    seen.add(parent)
                    above.append(parent)
                    below.setdefault(parent, {parent}).add(name)
        return {name: frozenset(names) for name, names in below.items()}

    def under(self, name: str) -> frozenset[str]:
        """Give the name itself and every name below it: the members of a drug class, the kinds of a condition."""
        return self._below.get(name, frozenset({name}))

    @cached_property
    def _codes(self) -> dict[str, Codes]:
        return {name: Codes(self.under(name)) for name in self.terms}

    def any_of(self, name: str) -> Codes:
        """Give the coded value that is the name or any below it."""
        return self._codes.get(name) or Codes(self.under(name))

    def get(self, name: str) -> Term | None:
        """Give a term, if there is one of that name."""
        return self.terms.get(name)
