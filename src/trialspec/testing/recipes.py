"""Recipes: what shares of a simulated cohort are how, read from YAML; what a recipe does not say is as published.

The published shares are medians over trials of those that report them (80 trials in four journals, Trials 2011;12:214):
participants with a deviation of enrolment 0.8 %, of the study intervention 1.3 %, of compliance 7 %, of data collection
1.7 %. What is of participants there is of each dose and assessment here, so it is divided among the four doses and some
twenty assessments of a small trial. Nearly a third of participants have any deviation (Tufts CSDD, 187 protocols): for
that reason visits depart as often as they do. That 27 % fail screening is of one trial in lupus nephritis (CALIBRATE,
16 of 59). All else is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path

from trialspec import document
from trialspec.diagnostics import Diagnostic, Place, ProtocolError, did_you_mean, has_errors
from trialspec.document import Node
from trialspec.quantity import parse_number
from trialspec.testing.drawing import Drawn

WHOLE = 100_000  # shares are counted in parts of it

# Of the doses that depart, how: the wrong dose is rare, what is out of its window is common.
_DEPARTING: Mapping[str, Fraction] = {
    "late": Fraction(1),
    "early": Fraction(3, 10),
    "missed": Fraction(45, 100),
    "amount": Fraction(25, 100),
    "gate_not_met": Fraction(1, 10),
    "gate_unknown": Fraction(2, 10),
    "route": Fraction(4, 100),
    "drug": Fraction(4, 100),
}


@dataclass(frozen=True, slots=True)
class Typical:
    """What a measure is like before treatment, in its own unit, and how far patients lie apart, in percent."""

    value: Fraction
    spread: Fraction = Fraction(30)


@dataclass(frozen=True)
class Recipe:
    """Shares in percent. Those of doses, visits and records are of each of them, the others of patients."""

    screen_failures: Fraction = Fraction(27)
    ineligible: Fraction = Fraction(8, 10)
    undetermined: Fraction = Fraction(8, 10)
    dropouts: Fraction = Fraction(8)
    doses: Mapping[str, Fraction] = field(default_factory=lambda: dict(_DEPARTING))
    visits_missed: Fraction = Fraction(15, 10)
    visits_out_of_window: Fraction = Fraction(25, 10)
    assessments_missed: Fraction = Fraction(1, 10)
    late_entries: Fraction = Fraction(10)
    corrections: Fraction = Fraction(2)
    other_units: Fraction = Fraction(10)
    censored: Fraction = Fraction(2)
    responses: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)
    measures: Mapping[str, Typical] = field(default_factory=dict)


def share(percent: Fraction, drawn: Drawn) -> bool:
    """Decide for one of so many percent."""
    return drawn.chance(int(percent * WHOLE / 100), WHOLE)


_SHARES = tuple(each.name for each in fields(Recipe) if each.name not in {"doses", "responses", "measures"})


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; all that is wrong in it is raised as one `ProtocolError`."""
    try:
        text, found = document.decode(path.read_bytes(), str(path))
    except OSError as error:
        raise ProtocolError([Diagnostic("unknown-file", f"`{path}`: {error.strerror}", None)]) from None
    node = None
    if text is not None:
        node, found = document.read(text, str(path))
    if node is None or has_errors(found):
        raise ProtocolError(found)
    reader = _Reader()
    recipe = reader.recipe(node)
    if reader.found:
        raise ProtocolError(reader.found)
    return recipe


class _Reader:
    """Reads a recipe, and keeps what is wrong with it."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def say(self, code: str, message: str, place: Place, advice: str = "") -> None:
        self.found.append(Diagnostic(code, message, place, help=advice))

    def recipe(self, node: Node) -> Recipe:
        recipe = Recipe()
        allowed = (*_SHARES, "doses", "responses", "measures")
        for key in self.keys(node, allowed):
            inside = node[key]
            if key == "doses":
                recipe = replace(recipe, doses=self.shares(inside))
            elif key == "responses":
                answers = {where: self.shares(inside[where]) for where in self.keys(inside)}
                recipe = replace(recipe, responses=answers)
            elif key == "measures":
                typical = {name: self.typical(inside[name]) for name in self.keys(inside)}
                recipe = replace(recipe, measures=typical)
            else:
                recipe = replace(recipe, **{key: self.share(inside)})  # type: ignore[arg-type]  # all of these are shares
        return recipe

    def keys(self, node: Node, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        if node.kind != "mapping":
            self.say("wrong-type", f"a mapping is expected here, this is a {node.kind}", node.place)
            return ()
        there = node.keys()
        for key in there:
            if allowed and key not in allowed:
                advice = did_you_mean(key, allowed) or f"there are {', '.join(allowed)}"
                self.say("unknown-key", f"`{key}` is not a key here", node.key_place(key), advice)
        return tuple(key for key in there if not allowed or key in allowed)

    def shares(self, node: Node) -> Mapping[str, Fraction]:
        found = {key: self.share(node[key]) for key in self.keys(node)}
        if sum(found.values()) > 100:
            self.say("bad-value", "together these shares are more than 100 %", node.place, "lower some of them")
        return found

    def share(self, node: Node) -> Fraction:
        text = node.text if node.kind == "text" else ""
        number = parse_number(text.removesuffix("%").strip()) if text.endswith("%") else None
        if number is None or not 0 <= number <= 100:
            self.say("bad-quantity", f"`{text}` is not a share", node.place, "write it as `5 %`")
            return Fraction(0)
        return number

    def typical(self, node: Node) -> Typical:
        found = Typical(Fraction(1))
        for key in self.keys(node, ("typical", "spread")):
            text = node[key].text if node[key].kind == "text" else ""
            if key == "spread":
                found = replace(found, spread=self.share(node[key]))
            elif (number := parse_number(text)) is None:
                self.say("bad-quantity", f"`{text}` is not a number in the measure's own unit", node[key].place)
            else:
                found = replace(found, value=number)
        return found
