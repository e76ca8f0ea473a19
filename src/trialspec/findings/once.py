"""What is made of a program or a response once: points are found again by identity, so they must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialspec.program import Program, Response

_P = TypeVar("_P", "Program", "Response")
_T = TypeVar("_T")
_MOST = 64


def once(make: Callable[[_P], _T]) -> Callable[[_P], _T]:
    """Remember what was made of each of the last programs, or responses."""
    # By identity: to compare programs costs more than to make anything of them. The entry keeps the program alive.
    made: dict[int, tuple[_P, _T]] = {}

    def remembered(program: _P) -> _T:
        entry = made.get(id(program))
        if entry is None:
            if len(made) >= _MOST:
                del made[next(iter(made))]
            entry = made[id(program)] = program, make(program)
        return entry[1]

    remembered.__doc__ = make.__doc__
    return remembered
