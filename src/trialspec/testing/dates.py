"""Dates inside windows: where a record may stand so that a selection holds it, the plainest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from trialspec.interpreters.reading import Question
from trialspec.interpreters.selection import is_clock, locate
from trialspec.kernel import Moment, Point, Shift, Window
from trialspec.testing.generated.choices import Choose
from trialspec.times import DAY, When, Zone, shown_date

_HISTORY = (7, 30, 1, 0, 90, 365)
# How far a window may begin before what it is asked about, and be taken for one that has a beginning.
_LONG = 20_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """The dates, or with `clock` the instants, in which something may stand; no `first` is since ever."""

    first: int | None
    last: int
    clock: bool


def stretch(window: Window, question: Question) -> Stretch | Moment | None:
    """Give where a window lies, or the moment that has to come before it begins; nothing if it is empty."""
    zone = question.timeline.zone
    start = None if window.start is None else locate(window.start, question).value
    end = None if window.end is None else locate(window.end, question).value
    if window.start is not None and not isinstance(start, When):
        return anchor(window.start)
    if window.awaits and window.end is not None and not isinstance(end, When):
        return anchor(window.end)
    clock = is_clock(window.start) or is_clock(window.end)
    if clock:
        last = question.at
        if isinstance(end, When):
            last = min(last, end.span(zone)[0] - (1 if window.before else 0))
        first = None
        if isinstance(start, When):
            first = start.span(zone)[1] + (1 if window.after else 0)
        return None if first is not None and first > last else Stretch(first, last, clock=True)
    day = zone.date_of(question.at)
    if isinstance(end, When):
        day = min(day, end.first - (1 if window.before else 0))
    begin = start.last + (1 if window.after else 0) if isinstance(start, When) else None
    return None if begin is not None and begin > day else Stretch(begin, day, clock=False)


def anchor(point: Point) -> Moment | None:
    """Give the moment that a point is counted from."""
    while isinstance(point, Shift):
        point = point.point
    return point if isinstance(point, Moment) else None


def times(
    there: Stretch, zone: Zone, choose: Choose, liked: Sequence[int] = (), *, vary: bool = False
) -> Iterator[str]:
    """Give times in a stretch as they are written: liked dates first, then the ends, the middle and what is between."""
    if there.clock:
        yield from _instants(there, zone)
        return
    days = list(_days(there, liked))
    if vary and there.first is not None and there.last - there.first > 1:
        days.insert(0, there.first + choose(there.last - there.first + 1))
    for day in dict.fromkeys(days):
        if day <= there.last and (there.first is None or day >= there.first):
            yield shown_date(day)


def _days(there: Stretch, liked: Sequence[int]) -> Iterator[int]:
    yield from liked
    yield there.last
    if there.first is not None and there.last - there.first < _LONG:
        yield from (there.first, (there.first + there.last) // 2, there.last - 1, there.first + 1)
        span = there.last - there.first
        yield from (there.first + span * part // 7 for part in range(1, 7))
    else:
        yield from (there.last - back for back in _HISTORY)


def _instants(there: Stretch, zone: Zone) -> Iterator[str]:
    """Give instants on the hour where there are some, and the limits themselves."""
    first = there.last - 2 * DAY if there.first is None else there.first
    hour = (there.last // 3600) * 3600
    found = [hour, hour - 3600, ((first + there.last) // 2 // 3600) * 3600, -(-first // 3600) * 3600]
    found += [(there.last // 60) * 60, -(-first // 60) * 60, there.last, first]
    for at in dict.fromkeys(found):
        if first <= at <= there.last:
            yield shown_clock(at, zone)


def shown_clock(at: int, zone: Zone) -> str:
    """Write an instant as the clocks of a zone show it, without seconds where there are none, and with its offset."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).astimezone(ZoneInfo(zone.name))
    return local.isoformat(timespec="minutes" if at % 60 == 0 else "seconds")
