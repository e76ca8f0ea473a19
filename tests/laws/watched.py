"""Watches by number: what mistakes of the monitor are looked for in, and coverage is counted of."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from trialspec.testing.laws import watch_of_any
from trialspec.testing.watching import Watch


@lru_cache(maxsize=128)
def case(number: int) -> Watch:
    """Give the watch of a number, the same each time."""
    return watch_of_any(Random(number).randrange)
