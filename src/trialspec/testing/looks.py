"""How the values of made patients lie: each measure near a level of the patient's own, all of them moving together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from trialspec.program import Program
from trialspec.quantity import Interval
from trialspec.testing.drawing import Drawn
from trialspec.testing.recipes import Recipe, Typical
from trialspec.testing.writing import holds, limits, step_of, usual_numbers
from trialspec.vocabulary import Term

# A patient's severity, and what else a measure of theirs is like, as standard deviations in thousandths of the spread.
_SHARED, _OWN, _NOISE = 700, 500, 400
# So far out, in thousandths of it, the room of a number ends.
_FAR = 2_500


@dataclass
class Look:
    """How the values of one patient lie."""

    drawn: Drawn
    recipe: Recipe
    program: Program
    shared: int = 0
    levels: dict[str, Fraction] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, drawn: Drawn, recipe: Recipe, program: Program) -> Look:
        """Draw how severe it is."""
        return cls(drawn, recipe, program, drawn.spread(_SHARED))

    def typical(self, term: Term) -> Fraction:
        """Give the patient's own level of a measure: severity is shared by all, the rest is the measure's own."""
        if term.name not in self.levels:
            typical = self.recipe.measures.get(term.name) or Typical(_usual(self.program, term))
            off = Fraction(self.shared + self._own(term.name), 1000) * typical.spread / 100
            self.levels[term.name] = typical.value * (1 + off if off > 0 else 1 / (1 - off))
        return self.levels[term.name]

    def _own(self, name: str) -> int:
        if name not in self.own:
            self.own[name] = self.drawn.spread(_OWN)
        return self.own[name]

    def number(self, term: Term, domain: Interval) -> Fraction | None:
        """Give a number near the patient's level, in the measure's resolution; inside the domain, if it can be."""
        step = step_of(term)
        level = self.typical(term) * (1 + Fraction(self.drawn.spread(80), 1000))
        for near in _inside(level, domain, self.drawn):
            number = round(near / step) * step
            if holds(number, domain) and holds(number, term.possible):
                return Fraction(number)
        return None

    def within(self, term: Term, room: Interval) -> Fraction | None:
        """Give a number of a room, in the measure's resolution: where the patient stands among others, with noise."""
        assert room.low is not None
        assert room.high is not None
        step = step_of(term)
        first, last = -(-room.low // step), room.high // step
        if first > last:
            return None
        at = self.shared + self._own(term.name) + self.drawn.spread(_NOISE) + _FAR
        steps = (last - first + 1) * max(0, min(at, 2 * _FAR - 1)) // (2 * _FAR)
        return Fraction(first + steps) * step

    def noisy(self, term: Term, level: Fraction) -> Fraction:
        """Give a number near a level, in the measure's resolution."""
        step = step_of(term)
        return Fraction(round(level * (1 + Fraction(self.drawn.spread(60), 1000)) / step)) * step

    def day(self, planned: int) -> int:
        """Give the day on which what is planned for a day is done: as planned; how far off it is comes later."""
        return planned


def _inside(level: Fraction, domain: Interval, drawn: Drawn) -> Iterator[Fraction]:
    """Give the level, or numbers on the right side of the limit that it misses: near it more often than far."""
    yield level
    far = Fraction(drawn(60) + 5, 100)
    if domain.high is not None and level >= domain.high:
        yield domain.high * (1 - far) if domain.high > 0 else domain.high * (1 + far)
        yield domain.high * Fraction(99, 100)
    if domain.low is not None and level <= domain.low:
        yield domain.low * (1 + far) if domain.low > 0 else domain.low + far
        yield domain.low * Fraction(101, 100)


def _usual(program: Program, term: Term) -> Fraction:
    """Give the level of a measure that a recipe says nothing of: twice a limit, or a tenth of the most there may be."""
    if limits(program).get(term.name) or term.possible.high is None:
        usual = usual_numbers(program, term)
        return usual[0] if usual else step_of(term) * 10
    return term.possible.high / 10
