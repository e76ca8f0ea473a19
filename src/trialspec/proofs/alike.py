"""Two statements that are the same but for one thing: a limit, the length of a window, whether an end is included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Not
from trialspec.proofs.meaning import plain
from trialspec.quantity import Duration, Interval, Operator

# What differs by more than this part of the greater of two is another limit, not nearly the same one.
_NEARLY = Fraction(1, 5)
_OPPOSITE: dict[str, Operator] = {"at_least": "below", "below": "at_least", "at_most": "above", "above": "at_most"}
_SIDES = ({"at_least", "above"}, {"at_most", "below"})
_WORDS = frozenset({"label", "name", "text"})


class _OtherError(Exception):
    """They are about different things."""


def differ(one: Expr, other: Expr, *, opposed: bool = False) -> str:
    """Say by what one thing two statements differ; nothing if they are the same or differ by more.

    `opposed` where one of them lets a patient in and the other keeps him out.
    """
    try:
        found = list(_differences(plain(one), _opposite(plain(other)) if opposed else plain(other)))
    except _OtherError:
        return ""
    return found[0] if len(found) == 1 else ""


def _opposite(expr: Expr) -> Expr:
    match expr:
        case Not(of):
            return of
        case AtLeast(number, of):
            return AtLeast(len(of) - number + 1, tuple(_opposite(part) for part in of))
        case Compare(left, operator, right) if operator != "in":
            return Compare(left, _OPPOSITE[operator], right)
        case _:
            return Not(expr)


def _differences(one: object, other: object) -> Iterator[str]:
    """Give every difference that is a small one; any other ends it."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from _differences(a, b)
        return
    if type(one) is not type(other):
        raise _OtherError
    match one, other:
        case Duration(), Duration():
            yield from _length(one, other)
        case Constant(), Constant():
            yield from _limit(one, other)
        case Compare(), Compare():
            if one.operator != other.operator:
                if not any({one.operator, other.operator} <= side for side in _SIDES):
                    raise _OtherError
                yield f"`{one.operator}` for `{other.operator}`"
            yield from _differences(one.left, other.left)
            yield from _differences(one.right, other.right)
        case _ if is_dataclass(one):
            for each in fields(one):
                mine, theirs = getattr(one, each.name), getattr(other, each.name)
                if each.name in {"after", "before"} and mine is not theirs and isinstance(mine, bool):
                    yield f"whether the window's {'start' if each.name == 'after' else 'end'} is included"
                elif each.compare and each.name not in _WORDS:
                    yield from _differences(mine, theirs)
        case _ if one != other:
            raise _OtherError


def _length(one: Duration, other: Duration) -> Iterator[str]:
    for unit in ("seconds", "days", "months"):
        mine, theirs = getattr(one, unit), getattr(other, unit)
        if (mine is None) is not (theirs is None):
            raise _OtherError
        if mine is not None and mine != theirs:
            if abs(mine - theirs) > _NEARLY * max(mine, theirs):
                raise _OtherError
            yield f"{one} against {other}"


def _limit(one: Constant, other: Constant) -> Iterator[str]:
    if (one.value, one.by_unit) == (other.value, other.by_unit):
        return
    numbers = [each.value.exact if isinstance(each.value, Interval) else None for each in (one, other)]
    mine, theirs = numbers
    if one.by_unit or other.by_unit or mine is None or theirs is None:
        raise _OtherError
    if abs(mine - theirs) > _NEARLY * max(abs(mine), abs(theirs)):
        raise _OtherError
    yield f"{one.text or mine} against {other.text or theirs}"
