"""Records of a real timeline, settled in every part: with these alone the formulas come out as plain truth values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.items import about
from trialspec.quantity import Codes, Interval
from trialspec.solver.moments import Time, at_instant, on_date
from trialspec.solver.records import Record, Records, Word
from trialspec.times import DAY, When, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialspec.patient import Item, Kind


def is_sharp(item: Item) -> bool:
    """Whether an item leaves nothing open: its date, its end, its words and its numbers."""
    values = item.fields.values()
    denied = item.answer != "yes"
    ended = item.end is None or denied or item.end.first == item.end.last
    told = all(
        (isinstance(value, Codes) and value.words is not None and (denied or len(value.words) == 1))
        or (isinstance(value, Interval) and value.exact is not None)
        or (isinstance(value, When) and value.first == value.last)
        for value in values
    )
    return item.certain and item.when.certain and item.when == item.visible and ended and told


def clock(when: When, zone: Zone) -> Time:
    """Give a certain time as dates and seconds on the clock of the zone."""
    if not when.instants:
        return on_date(when.first, when.last)
    return at_instant(when.first, when.instants[0] - zone.start_of(when.first))


def record(item: Item, zone: Zone) -> Record:
    """Give a sharp item as a record."""
    key = about(item.kind)
    words, numbers, dates = {}, {}, {}
    subject: Word | None = None
    denied: frozenset[str] = frozenset()
    for name, value in item.fields.items():
        match value:
            case Codes(named) if name == key:
                subject = Word(tuple(sorted(named or ())), 0)
                denied = named or denied
            case Codes(named):
                words[name] = Word(tuple(sorted(named or ())), 0)
            case Interval():
                numbers[name] = value.exact
            case When():
                dates[name] = value.first
    ends = None
    if item.end is not None:
        ends = clock(item.end, zone)
        if item.end.first != item.end.last:
            ends = Time(item.end.first, item.end.last, item.end.first * DAY, item.end.last * DAY, timed=False)
    return Record(
        item.id,
        item.kind,
        present=True,
        time=clock(item.when, zone),
        subject=subject,
        words=words,
        numbers=numbers,
        dates=dates,
        ends=ends,
        unit=Word((item.unit,), 0),
        denies=denied if item.answer == "absent" else frozenset(),
    )


def records(items: Iterable[Item], at: int, zone: Zone) -> Records:
    """Give the records of a timeline of sharp items, and the instant of the question."""
    kept = [item for item in items if item.answer == "yes"]
    by_kind: Mapping[Kind, tuple[Record, ...]] = {
        kind: tuple(record(item, zone) for item in kept if item.kind == kind)
        for kind in dict.fromkeys(item.kind for item in kept)
    }
    denials = tuple(record(item, zone) for item in items if item.answer == "absent")
    day = zone.date_of(at)
    return Records(at_instant(day, at - zone.start_of(day)), by_kind, denials, (), range(0))
