"""What is known of one patient: the data that programs are run on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialspec.quantity import Codes, Interval
    from trialspec.times import When, Zone

Kind = Literal[
    "person",
    "observation",
    "administration",
    "therapy",
    "condition",
    "adverse_event",
    "procedure",
    "milestone",
]
FAR = 10**7  # a date later than any that can be written: the end of what goes on
LONG_AGO = 0  # a date earlier than any that can be written: the start of what may have begun at any time


@dataclass(frozen=True, slots=True)
class Missing:
    """A leaf that is unknown and could still change the answer: what, from when to when (dates), from whom."""

    what: str
    start: int | None = None
    due: int | None = None
    asked_of: str = "site"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was so, as far as the records tell.

    `when` is when it was true (its start, for a therapy, condition or adverse event; `end` then bounds its end).
    A field that is not recorded is not in `fields`; one that is recorded but cannot be trusted may be anything.
    `certain` is false for what the records leave open. `answer` is `absent` for *asked and denied* and `not_done`
    for *planned and not done*: such an item answers existence with no and is otherwise selected by nothing.
    One that is `derived` is no record: it is what a formula or score makes of those among its `sources`, and `missing`
    is what that lacks.
    """

    id: str
    kind: Kind
    when: When
    visible: When
    fields: Mapping[str, Codes | Interval | When]
    end: When | None = None
    certain: bool = True
    answer: Literal["yes", "absent", "not_done"] = "yes"
    unit: str = ""
    sources: frozenset[str] = frozenset()
    derived: bool = False
    missing: frozenset[Missing] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be taken as it came: it is set aside or in conflict, and asks for a correction."""

    subject: str
    problem: Literal["set_aside", "conflict", "unreadable"]
    reason: str
    when: When | None
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class Timeline:
    """One patient's items in an order that does not depend on how they arrived, and the problems met on the way.

    `remembered` is for what readers find out of the items alone.
    """

    patient: str
    zone: Zone
    items: tuple[Item, ...]
    problems: tuple[Problem, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    remembered: dict[object, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def of_kind(self, kind: Kind) -> tuple[tuple[int, Item], ...]:
        """Give the items of one kind, each with its index."""
        found: tuple[tuple[int, Item], ...] | None = self.remembered.get(kind)
        if found is None:
            found = tuple((index, item) for index, item in enumerate(self.items) if item.kind == kind)
            self.remembered[kind] = found
        return found

    @property
    def records(self) -> tuple[Item, ...]:
        """The items that were recorded, those that are made of others left out."""
        return tuple(item for item in self.items if not item.derived)

    @property
    def vague(self) -> tuple[Item, ...]:
        """The items whose date or existence is not certain."""
        found: tuple[Item, ...] | None = self.remembered.get("vague")
        if found is None:
            found = tuple(item for item in self.items if not (item.when.certain and item.certain))
            self.remembered["vague"] = found
        return found
