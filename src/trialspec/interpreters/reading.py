"""What a question is, and what an answer carries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trialspec.patient import Missing as Missing  # noqa: PLC0414 - what an item lacks, an answer lacks
from trialspec.truth import Verdict

if TYPE_CHECKING:
    from trialspec.diagnostics import Place
    from trialspec.kernel import Expr, Select
    from trialspec.patient import Timeline
    from trialspec.quantity import Codes, Interval
    from trialspec.times import When

# The timeline of a patient as it was known at an instant.
KnownAt = Callable[[int], "Timeline"]

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """A timeline and the instant at which it is asked about; `dose` is the start of the dose that is asked about.

    `known_at` gives the timeline as it was known at an instant, for what was known then. `told_at` is the instant at
    which all this is told, if later than `at`: which slot a dose fills is read with what is known then.
    `located` remembers the moments that were found, and the statements that were read, for this very question; another
    question starts with none. `remembered` is for what holds at all instants of one telling: questions that are made of
    this one share it.
    """

    timeline: Timeline
    at: int
    dose: When | None = None
    known_at: KnownAt | None = field(default=None, compare=False, repr=False)
    told_at: int | None = None
    remembered: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    located: dict[int, tuple[Expr, Reading]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def on(self, at: int) -> Question:
        """Ask the same at another instant."""
        return replace(self, at=at)


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and what it rests on.

    `value` is `None` where there is none: absent, undefined, or not decided yet; it compares as unknown. A point that
    has not happened reads `None` too. `because` are the ids of the events that suffice for it. `until` is the first
    instant at which the value may differ while no event arrives (`None`: never), always later than the question.
    `margin` is how far a compared number lies from its limit, in the measure's unit (positive: inside); `units` are
    those in which the values came. `choices` are the times that a point may be where that is not settled, among them
    `None` if it may not have happened.
    """

    value: Verdict | Interval | Codes | When | None
    because: frozenset[str] = NOTHING
    missing: frozenset[Missing] = frozenset()
    until: int | None = None
    margin: Interval | None = None
    units: frozenset[str] = NOTHING
    choices: tuple[When | None, ...] = ()
    node: Expr | Select | None = field(default=None, compare=False, repr=False)
    parts: tuple[Reading, ...] = field(default=(), compare=False, repr=False)

    @property
    def verdict(self) -> Verdict:
        """The value as a verdict; no value is unknown."""
        return self.value if isinstance(self.value, Verdict) else Verdict.UNKNOWN

    @property
    def place(self) -> Place | None:
        """Where in the protocol the question was written."""
        return None if self.node is None else self.node.place


def earliest(*untils: int | None) -> int | None:
    """Give the least of several untils, where `None` is never."""
    least = None
    for until in untils:
        if until is not None and (least is None or until < least):
            least = until
    return least
