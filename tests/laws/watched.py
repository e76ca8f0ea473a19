"""Generated watches of generated protocols: what mistakes of the monitor are looked for in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from tests.laws.protocols import Written, written
from tests.laws.streams import stream
from trialspec.interpreters.generated.choices import Choose, any_of
from trialspec.monitor import Monitor
from trialspec.store import Memory
from trialspec.testing import watching
from trialspec.testing.streams import Stream


@dataclass(frozen=True)
class Watch(watching.Watch):
    """A watch of a generated protocol, which shows its text."""

    of: Written = field(kw_only=True)


Make = Callable[[Watch, int, Memory], Monitor]


def of_stream(of: Written, stream: Stream, keep: int = 9) -> Watch:
    """Watch a stream of a generated protocol's patients."""
    return Watch(of.protocol, stream, keep, of=of)


def watch(choose: Choose, patients: int | None = None) -> Watch:
    """Give a watch."""
    of = written(choose)
    return of_stream(of, stream(choose, of, patients), any_of(choose, (6, 9), (1, 1), (1, 0)))


@lru_cache(maxsize=128)
def case(number: int) -> Watch:
    """Give the watch of a number, the same each time: what mistakes are looked for in, and coverage is counted of."""
    return watch(Random(number).randrange)
