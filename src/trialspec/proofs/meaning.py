"""What a part of a protocol comes to, without what is only said: names, labels, places, and how it is written.

Two parts that come to the same mean the same. Two that do not may still: of statements that is asked of the solver.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from trialspec.kernel import AtLeast, Constant, Moment, Not, Select, Shift
from trialspec.quantity import Duration

if TYPE_CHECKING:
    from trialspec.kernel import Expr

# What is told by these fields is for people; the same word may stand for something else.
_SAID = {Moment: {"name"}, AtLeast: {"name"}, Constant: {"text"}, Select: {"label", "asked_of"}}
_NEVER_COUNTS = frozenset({"place", "provenance"})


def plain(expr: Expr) -> Expr:
    """Give a statement without the names under which its parts were said."""
    match expr:
        case AtLeast(number, of) if len(of) == number == 1:
            return plain(of[0])
        case AtLeast(number, of):
            return AtLeast(number, tuple(plain(part) for part in of), place=expr.place)
        case Not(of):
            return Not(plain(of), expr.place)
        case _:
            return expr


def meaning(part: object) -> Hashable:
    """Give what a part comes to: equal for two that mean the same by their form."""
    match part:
        case AtLeast(1, (only,)):
            return meaning(only)
        case AtLeast(number, of):
            return "at least", number, tuple(sorted((meaning(each) for each in of), key=repr))
        case Not(Not(of)):
            return meaning(of)
        case Duration():
            return "for", part.seconds, part.days, part.months
        case Shift(Shift(inner, by, earlier), more, again) if earlier == again and None not in (by.days, more.days):
            assert by.days is not None
            assert more.days is not None
            return meaning(Shift(inner, Duration(by.days + more.days, "d"), earlier))
        case Mapping():
            return tuple(sorted(((meaning(key), meaning(value)) for key, value in part.items()), key=repr))
        case tuple() | list():
            return tuple(meaning(each) for each in part)
        case frozenset() | set():
            return tuple(sorted((meaning(each) for each in part), key=repr))
        case _ if is_dataclass(part) and not isinstance(part, type):
            left_out = _NEVER_COUNTS | _SAID.get(type(part), set())
            own = ((each.name, meaning(getattr(part, each.name))) for each in fields(part) if each.name not in left_out)
            return (type(part).__name__, *own)
        case _:
            return part
