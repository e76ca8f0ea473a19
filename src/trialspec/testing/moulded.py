"""What a mould is made of: where visits lie, entry and doses, and what is measured for the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from trialspec.patient import Item
from trialspec.program import VisitPlan
from trialspec.quantity import Interval
from trialspec.testing.draft import Draft, Raw
from trialspec.testing.made import Expected
from trialspec.testing.wishes import Wish

# A visit that is done after its window is done within so many days of its end.
LATEST = 13


@dataclass(frozen=True, slots=True)
class Window:
    """Where a visit lies for the patients of a course: its first, planned and last day."""

    plan: VisitPlan
    first: int
    planned: int
    last: int
    measures: tuple[str, ...]

    @property
    def missed(self) -> int:
        """The day after which the last visit is missed at the latest: as many days after its window as that has.

        Another one is missed before the window of the visit after it, or then.
        """
        return 2 * self.last - self.first + 2

    def left(self, stop: int | None) -> bool:
        """Whether a patient who leaves on a day is gone before the visit is over for sure."""
        return stop is not None and stop <= self.last + 1


@dataclass(frozen=True, slots=True)
class Entry:
    """How a patient enters, and in which arm."""

    failing: str = ""
    undetermined_by: str = ""
    arm: str = ""


@dataclass(frozen=True)
class Course:
    """Entry and doses of a mould. `rooms` are the numbers that each record may have; `at` is when all is over."""

    draft: Draft
    rooms: tuple[Interval | None, ...]
    enrolled: int
    at: int
    wish: Wish
    expected: tuple[Expected, ...]
    windows: tuple[Window, ...]
    dosed: int

    @property
    def roomy(self) -> tuple[tuple[Raw, Item], ...]:
        """The records as of a patient of whom no more is known than the room."""
        return tuple(
            (raw, widened(item, room)) for (raw, item), room in zip(self.draft.written, self.rooms, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A record of the answers: done at a `visit`, or so many days after the enrolment.

    Of one that is `free` nothing decided speaks: it may have any number. Others have those of their `room`, and one
    that `may_be_below` may be told as below any of these.
    """

    raw: Raw
    visit: str
    after: int
    free: bool
    room: Interval | None = None
    may_be_below: bool = False

    @property
    def all_room(self) -> Interval | None:
        """All numbers that it may have, as it may be told."""
        if self.room is None or not self.may_be_below:
            return self.room
        return Interval(Fraction(0), self.room.high)


# Which records of the answers are there for sure.
Sure = frozenset[int]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is measured for some responses: the records, and by response which of them its answer rests on."""

    parts: tuple[Part, ...]
    rests: Mapping[str, Sure]


def widened(item: Item, room: Interval | None) -> Item:
    """Give an item of which no more is known than that its number lies in a room."""
    return item if room is None else replace(item, fields={**item.fields, "value": room})


def names(raw: Raw, window: Window) -> bool:
    """Whether a record says that it is of a visit."""
    return raw.get("visit") == window.plan.name


def lies_in(raw: Raw, item: Item, window: Window) -> bool:
    """Whether a record answers for a visit: one of its measures, in its window."""
    return raw.get("measure") in window.measures and window.first <= item.when.first <= window.last
