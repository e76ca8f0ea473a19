"""From administrations to doses: the pieces of one interrupted infusion are one dose before anything is asked of it.

A part without an hour goes with all of its date. One whose end is not recorded is taken to end when it started. A
route, piece or slot that is not recorded does not tell a part from others. An amount not recorded is some amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from trialspec.interpreters.reference import cited, compare_when
from trialspec.interpreters.selection import moved
from trialspec.kernel import Dose, Shift
from trialspec.quantity import Codes, Interval, add, exactly
from trialspec.times import When
from trialspec.truth import MET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialspec.patient import Item
    from trialspec.quantity import Duration
    from trialspec.times import Zone

# An amount that was not recorded is some amount: none is negative.
_SOME = Interval(exactly(0).low, None)


@dataclass(frozen=True, slots=True)
class Infusion:
    """One dose as it was given, in one part or in several, the parts in the order of their time.

    `when` is the start of its first part, `id` the least id of its parts, `names` the slot that it was meant for.
    """

    id: str
    when: When
    parts: tuple[Item, ...]
    names: str = ""

    @property
    def because(self) -> frozenset[str]:
        """The records that it was made of."""
        return frozenset[str]().union(*(cited(part) for part in self.parts))

    @property
    def amount(self) -> Interval | None:
        """The amounts of its parts together; `None` where none is recorded."""
        amounts = [part.fields.get("amount") for part in self.parts]
        known = [amount for amount in amounts if isinstance(amount, Interval)]
        if not known:
            return None
        total = exactly(0) if len(known) == len(amounts) else _SOME
        for amount in known:
            total = add(total, amount)
        return total

    def words(self, field: str) -> tuple[Codes | None, ...]:
        """What is recorded in a coded field, for each part."""
        values = (part.fields.get(field) for part in self.parts)
        return tuple(value if isinstance(value, Codes) else None for value in values)

    @property
    def interruptions(self) -> tuple[tuple[When, When], ...]:
        """From when to when it was interrupted, one pair between each part and the next."""
        return tuple((_end(part), after.when) for part, after in pairwise(self.parts))


def word_of(item: Item, field: str) -> str:
    """Give the one word of a coded field; empty where it was not recorded."""
    value = item.fields.get(field)
    return next(iter(value.words)) if isinstance(value, Codes) and value.words and len(value.words) == 1 else ""


def in_order(items: Iterable[Item], zone: Zone) -> list[Item]:
    """Put items of certain date in the order of their time, on each date first those without a time of day.

    Of two at one time the least id comes first: that names what fills a slot and what is extra, it decides nothing.
    """
    return sorted(items, key=lambda item: (item.when.first, bool(item.when.instants), item.when.span(zone), item.id))


def infusions(items: Iterable[Item], within: Duration, zone: Zone) -> tuple[Infusion, ...]:
    """Put parts together: of one `part_of`; or of one drug and route, not named differently, and soon after another."""
    doses: list[list[Item]] = []
    for item in in_order(items, zone):
        same = [parts for parts in doses if _one_piece(item, parts)]
        near = [parts for parts in doses if _alike(item, parts) and _soon(item, parts, within, zone)]
        if same or near:
            (same or near)[-1].append(item)
        else:
            doses.append([item])
    return tuple(_infusion(parts) for parts in doses)


def _infusion(parts: Sequence[Item]) -> Infusion:
    named = sorted({word_of(part, "planned") for part in parts} - {""})
    return Infusion(min(part.id for part in parts), parts[0].when, tuple(parts), named[0] if named else "")


def _one_piece(item: Item, parts: Sequence[Item]) -> bool:
    piece = word_of(item, "part_of")
    return bool(piece) and any(word_of(part, "part_of") == piece for part in parts)


def _alike(item: Item, parts: Sequence[Item]) -> bool:
    """Whether nothing on record tells the item from the parts."""
    return all(
        item.fields.get("drug") == part.fields.get("drug")
        and not any(_differ(item, part, field) for field in ("route", "part_of", "planned"))
        for part in parts
    )


def _differ(item: Item, part: Item, field: str) -> bool:
    one, other = word_of(item, field), word_of(part, field)
    return bool(one and other) and one != other


def _soon(item: Item, parts: Sequence[Item], within: Duration, zone: Zone) -> bool:
    """Whether the item starts soon enough after the part before it; dates alone must be the same."""
    before = parts[-1]
    if not (item.when.instants and before.when.instants):
        return item.when.first == before.when.first
    limit = moved(_end(before), Shift(Dose(), within), zone)
    return compare_when(item.when, limit, zone)[0] is MET


def _end(part: Item) -> When:
    """When a part ended, as far as its hour is known; else it is taken to end when it started."""
    end = part.fields.get("end")
    return end if isinstance(end, When) and len(end.instants) == 1 else part.when
