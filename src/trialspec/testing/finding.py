"""Records of things that a selection holds: a thing somewhere in a window, and what is known of the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from itertools import islice

from trialspec.interpreters.selection import locate
from trialspec.kernel import Moment, Select
from trialspec.quantity import Interval
from trialspec.testing.dates import Stretch, stretch, times
from trialspec.testing.draft import Ask, Draft, Raw
from trialspec.testing.searching import MOST_WAYS, Search
from trialspec.testing.writing import Domain, holds, records
from trialspec.times import When, shown_date


def exists(query: Select, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add one thing that a selection holds."""
    yield from selected(query, ask, draft, search, {})


def selected(
    query: Select,
    ask: Ask,
    draft: Draft,
    search: Search,
    fields: dict[str, Domain],
    *,
    unit: str | None = None,
    near: Sequence[int] = (),
) -> Iterator[Draft]:
    """Add a record that a selection holds, with fields as they are to be, anywhere in its window."""
    if query.kind == "observation":
        fields = {**search.alike, **fields}
    if query.kind == "person":
        for raw in records(draft.program, query, search.choose, fields):
            yield from personal({key: word for key, word in raw.items() if key != "kind"}, ask, draft)
        return
    there = stretch(query.window, draft.question(ask))
    if isinstance(there, Moment):
        for placed in happened(there, ask, draft, search):
            yield from selected(query, ask, placed, search, fields, unit=unit, near=near)
        return
    if there is None:
        return
    sayings = records(draft.program, query, search.choose, fields, unit=unit, vary=search.vary, style=search.style)
    for raw in islice(sayings, MOST_WAYS):
        for time in _times(query, there, draft, search, near):
            for lasting in _lasting(query, time):
                search.step()
                more = draft.add({**raw, "time": time, **lasting})
                if more is not None:
                    yield more


def happened(moment: Moment, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Let a moment come that something has to wait for."""
    if isinstance(locate(moment, draft.question(ask)).value, When):
        return
    yield from exists(moment.of, ask, draft, search)


def _times(query: Select, there: Stretch, draft: Draft, search: Search, near: Sequence[int]) -> Iterator[str]:
    """Give times for a thing: history before the screening, what is measured from then on."""
    notes = draft.notes
    liked = [*near]
    if not near and "screened" in notes:
        screened = notes["screened"]
        last = there.last
        if query.kind == "observation":
            liked += [screened] if query.window.end is None and query.window.start is None else []
        elif query.kind in {"condition", "therapy", "procedure", "administration", "adverse_event"}:
            wide = there.first is None or (not there.clock and there.first <= screened - 30)
            liked += [day for day in (screened - 30, screened - 60, screened - 120) if wide and day <= last]
    return times(there, draft.zone, search.choose, liked, vary=search.vary)


def _lasting(query: Select, time: str) -> Iterator[Raw]:
    """Say how long something lasted: nothing of it first, then that it was over at once, then that it goes on."""
    if query.lasting is not None:
        days = -(-(seconds_of(query.lasting) or 0) // 86_400) + 1
        start = shown_date(date.fromisoformat(time[:10]).toordinal() - days)
        yield {"start": start, "end": time}
        yield {"start": start, "ongoing": "yes"}
    yield {}
    if query.kind in {"therapy", "condition", "adverse_event"}:
        yield {"end": time}
        yield {"ongoing": "yes"}


def seconds_of(duration: object) -> int | None:
    """Give the seconds of a duration, a month being as long as the longest."""
    for name, length in (("seconds", 1), ("days", 86_400), ("months", 31 * 86_400)):
        number = getattr(duration, name, None)
        if number is not None:
            return int(number) * length
    return None


def born(domain: Interval, ask: Ask, draft: Draft) -> Iterator[Draft]:
    """Write down a birth date; a round one where there is room."""
    day = draft.zone.date_of(ask.at)
    low = int(domain.low) if domain.low is not None else None
    high = int(domain.high) if domain.high is not None else None
    liked = [day - 14_610, day - 21_915, day - 7_305]
    liked += [end + near for end in (low, high) if end is not None for near in (0, 1, -1, 200, -200, 4_000, -4_000)]
    for number in liked:
        if holds(Fraction(number), domain) and number < day:
            yield from personal({"birth": shown_date(number)}, ask, draft)


def personal(keys: Raw, ask: Ask, draft: Draft) -> Iterator[Draft]:
    """Say something of the person: in the record of that kind if there is one."""
    for index, raw, _ in draft.of_kind("person"):
        if not any(key in raw for key in keys):
            more = draft.extend(index, keys)
            if more is not None:
                yield more
        return
    begun = draft.notes.get("begun", draft.zone.date_of(ask.at))
    more = draft.add({"kind": "person", **keys, "time": shown_date(min(begun, draft.zone.date_of(ask.at)))})
    if more is not None:
        yield more
