"""Rows of readings: so many that pass, so far apart, and one thing that follows another."""

from __future__ import annotations

from collections.abc import Iterator

from trialspec.kernel import Fold, Moment, Run, Window
from trialspec.quantity import exactly
from trialspec.testing.dates import Stretch, shown_clock, stretch
from trialspec.testing.doubting import doubted
from trialspec.testing.draft import Draft, Goal, Raw
from trialspec.testing.finding import exists, happened, seconds_of
from trialspec.testing.numbering import counted, held
from trialspec.testing.searching import Search
from trialspec.testing.writing import records
from trialspec.times import shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN


def in_rows(run: Run, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add readings in a row that pass, or as many that do not; for *unknown* one that is too few."""
    if run.then is not None:
        yield from _followed(run, goal, draft, search)
        return
    wanted = NOT_MET if goal.wanted is NOT_MET else MET
    there = stretch(run.of.window, draft.question(goal.ask))
    if isinstance(there, Moment):
        for placed in happened(there, goal.ask, draft, search):
            yield from in_rows(run, goal, placed, search)
        return
    domain = held(run.holds, wanted)
    if not isinstance(there, Stretch) or domain is None:
        return
    number = run.number if goal.wanted is not UNKNOWN else 1
    for raw in records(draft.program, run.of, search.choose, {run.holds.field: domain}):
        for apart in _distances(run, number):
            yield from _in_a_row(raw, apart, there, draft, search)
        return


def _distances(run: Run, number: int) -> Iterator[tuple[int, ...]]:
    """Give how many seconds before the last reading each of a row stands."""
    span = seconds_of(run.span) or 0
    gap = seconds_of(run.gap)
    if number < 2:
        yield (0,)
        return
    count = number
    if gap:
        count = max(number, -(-span // gap) + 1)
    for wider in (0, 86_400, 5 * 86_400):
        whole = max(span, (count - 1) * 86_400 if not gap or gap >= 86_400 else (count - 1) * gap) + wider
        if gap and whole > gap * (count - 1):
            whole = gap * (count - 1)
        step = whole // (count - 1)
        days = step - step % 86_400
        step = days if days and days * (count - 1) >= span else step
        yield (*(step * back for back in range(count - 1)), max(span, step * (count - 1)))
    if span <= 3600 * (count - 1):
        # All on one date, an hour apart.
        yield tuple(3600 * back for back in range(count))


def _in_a_row(raw: Raw, apart: tuple[int, ...], there: Stretch, draft: Draft, search: Search) -> Iterator[Draft]:
    whole = apart[-1] % 86_400 == 0 and all(each % 86_400 == 0 for each in apart)
    zone = draft.zone
    if whole and not there.clock:
        for time in _ends(there, draft):
            days = [time - each // 86_400 for each in apart]
            if there.first is not None and days[-1] < there.first:
                continue
            search.step()
            more = draft.add_all({**raw, "time": shown_date(day)} for day in reversed(days))
            if more is not None:
                yield more
        return
    last = there.last if there.clock else zone.end_of(there.last) - 3599 - 12 * 3600
    at = (last // 3600) * 3600
    more = draft.add_all({**raw, "time": shown_clock(at - each, zone)} for each in reversed(apart))
    if more is not None:
        yield more


def _ends(there: Stretch, draft: Draft) -> Iterator[int]:
    screened = draft.notes.get("screened")
    if screened is not None and screened <= there.last and (there.first is None or screened >= there.first):
        yield screened
    yield there.last
    yield there.last - 1
    if there.first is not None:
        yield (there.first + there.last) // 2


def _followed(run: Run, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add one thing, and another after it."""
    assert run.then is not None
    if goal.wanted is NOT_MET:
        if draft.read(run, goal.ask).verdict is UNKNOWN:
            yield from counted(Fold("count", run.then), exactly(0), goal.ask, draft, search)
        return
    if goal.wanted is UNKNOWN:
        yield from doubted(run.of, goal, draft, search)
        for first in exists(run.of, goal.ask, draft, search):
            yield from doubted(run.then, goal, first, search)
        return
    seconds = seconds_of(run.span) or 86_400
    for first in exists(run.of, goal.ask, draft, search):
        day = first.written[-1][1].when.first
        after = day + max(1, -(-seconds // 86_400))
        window = Window(run.then.window.start, run.then.window.end, run.then.window.after, run.then.window.before)
        there = stretch(window, first.question(goal.ask))
        if not isinstance(there, Stretch):
            continue
        for raw in records(draft.program, run.then, search.choose, {}):
            for time in (after, after + 1, there.last):
                more = first.add({**raw, "time": shown_date(time)})
                if more is not None:
                    yield more
