"""How large a unit is by its UCUM spelling: what the metric system fixes, no file may declare otherwise.

Only what is beyond doubt is read: metric prefixes, volumes, clock time, powers of ten, products and quotients. Whatever
else a unit may say is left to the file that declares it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

_LARGE = {"da": 1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24}
_SMALL = {"d": -1, "c": -2, "m": -3, "u": -6, "µ": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24}
_PREFIXES: Mapping[str, int] = _LARGE | _SMALL
# How many of what it counts one of each unit is. These take a prefix; a litre is a thousandth of a cubic metre, and a
# unit of activity (`U`, `[IU]`) counts nothing but itself.
_METRIC: Mapping[str, tuple[Fraction, tuple[str, ...]]] = {
    **{name: (Fraction(1), (name,)) for name in ("m", "g", "s", "mol", "eq", "osm", "U", "Pa", "m[Hg]", "Hz", "kat")},
    **{name: (Fraction(1, 1000), ("m", "m", "m")) for name in ("L", "l")},
    **{name: (Fraction(1), ("[IU]",)) for name in ("[IU]", "[iU]")},
}
_PLAIN: Mapping[str, tuple[Fraction, tuple[str, ...]]] = {
    "min": (Fraction(60), ("s",)),
    "h": (Fraction(3600), ("s",)),
    "d": (Fraction(86_400), ("s",)),
    "wk": (Fraction(604_800), ("s",)),
    "%": (Fraction(1, 100), ("%",)),
}
_TOKEN = re.compile(
    r"(?P<sign>[/.()])|10[*^](?P<power>[+-]?\d{1,2})|(?P<number>\d{1,9})|\{(?P<note>[^{}]*)\}"
    r"|(?P<name>(?:[A-Za-zµ%]|\[[^\[\]{}\s]+\])+)(?P<times>\d)?"
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class _Size:
    """How many of what it counts a unit is; above and below the line, and the annotations that stand alone."""

    number: Fraction = Fraction(1)
    over: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    notes: frozenset[str] = frozenset()

    def times(self, other: _Size) -> _Size:
        """Multiply. What stands on both sides of the line stays: grams in a gram are no moles in a mole."""
        over, under = sorted((*self.over, *other.over)), sorted((*self.under, *other.under))
        return _Size(self.number * other.number, tuple(over), tuple(under), self.notes | other.notes)

    def inverted(self) -> _Size:
        """Put below the line what is above it."""
        return _Size(1 / self.number, self.under, self.over, self.notes)


def metric_factor(unit: str, own: str) -> Fraction | None:
    """Give how many of `own` one of `unit` is; nothing where the spelling of the two does not settle it."""
    one, other = _size(unit), _size(own)
    if one is None or other is None or (one.over, one.under) != (other.over, other.under):
        return None
    # `{cells}/uL` is `/uL`; whether `{copies}/mL` are so many `{units}/mL`, the metric system does not say.
    return None if one.notes and other.notes and one.notes != other.notes else one.number / other.number


def _size(unit: str) -> _Size | None:
    tokens: list[re.Match[str]] = []
    position = 0
    while position < len(unit) and len(unit) <= _LONGEST:
        token = _TOKEN.match(unit, position)
        if token is None:
            return None
        tokens.append(token)
        position = token.end()
    found = _product(tokens) if tokens else None
    return None if tokens else found


def _product(tokens: list[re.Match[str]]) -> _Size | None:
    """Read factors joined by `.` and `/`, from left to right, up to the end or a closing parenthesis."""
    found: _Size | None = None
    while tokens and tokens[0]["sign"] != ")":
        sign = tokens.pop(0)["sign"] if tokens[0]["sign"] in {"/", "."} else ""
        # Only a `/` may stand first, and what follows another must be joined to it.
        if (found is None and sign == ".") or (found is not None and not sign) or not tokens:
            return None
        if tokens[0]["sign"] == "(":
            del tokens[0]
            factor = _product(tokens)
            if not tokens:
                return None
            del tokens[0]
        else:
            factor = _factor(tokens.pop(0))
        if factor is None:
            return None
        found = (found or _Size()).times(factor.inverted() if sign == "/" else factor)
    return found


def _factor(token: re.Match[str]) -> _Size | None:
    if token["power"]:
        return _Size(Fraction(10) ** int(token["power"]))
    if token["number"]:
        return _Size(Fraction(int(token["number"]))) if int(token["number"]) else None
    if token["note"] is not None:
        return _Size(notes=frozenset({token["note"]}))
    name, times = token["name"], int(token["times"] or 1)
    if name is None:
        return None
    number, counted = _named(name)
    return _Size(number**times, counted * times) if counted and times else None


def _named(name: str) -> tuple[Fraction, tuple[str, ...]]:
    if known := _PLAIN.get(name) or _METRIC.get(name):
        return known
    for prefix in (name[:2], name[:1]):
        power, metric = _PREFIXES.get(prefix), _METRIC.get(name[len(prefix) :])
        if power is not None and metric is not None:
            return metric[0] * Fraction(10) ** power, metric[1]
    # Of `[HPF]` and its like only itself is known.
    return Fraction(1), (name,) if re.fullmatch(r"\[[^\]]*\]", name) else ()
