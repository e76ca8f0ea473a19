"""Dates, instants and what is known of them: a date is an ordinal day, an instant a whole second of UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = date(1970, 1, 1).toordinal()
DAY = 86_400
_FIRST, _LAST = date(2, 1, 1).toordinal(), date(MAXYEAR - 1, 12, 31).toordinal()


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of a site: it gives an instant its date, and a date its first second."""

    name: str

    def date_of(self, instant: int) -> int:
        """Give the date of an instant here.

        Where clocks go back across midnight the date that has begun goes on, so that later never has an earlier date.
        """
        return _date_of(self.name, instant)

    def start_of(self, day: int) -> int:
        """Give the first second of a date here, also where midnight does not occur."""
        return _start_of(self.name, day)

    def end_of(self, day: int) -> int:
        """Give the last second of a date here; a date that the calendar skipped is one second long."""
        return max(_start_of(self.name, day + 1) - 1, _start_of(self.name, day))


def _date_of(zone: str, instant: int) -> int:
    day = EPOCH + instant // DAY
    if not _FIRST + 2 < day < _LAST - 2:
        day = _calendar_date(zone, instant)
        return day + 1 if _start_of(zone, day + 1) <= instant else day
    # It is the last date that has begun, which is UTC's, the one before it or the one after.
    day += 1
    while _start_of(zone, day) > instant:
        day -= 1
    return day


def _calendar_date(zone: str, instant: int) -> int:
    day = EPOCH + instant // DAY
    if not _FIRST <= day <= _LAST:
        return day
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant)).astimezone(ZoneInfo(zone)).toordinal()


@lru_cache(maxsize=200_000)
def _start_of(zone: str, day: int) -> int:
    if not _FIRST <= day <= _LAST:
        return (day - EPOCH) * DAY
    on = date.fromordinal(day)
    midnight = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone))
    first, other = int(midnight.timestamp()), int(midnight.replace(fold=1).timestamp())
    # Midnight that does not occur reads as two instants, the second one earlier: the date begins with the jump between.
    while other < first:
        middle = (other + first) // 2
        if _calendar_date(zone, middle) < day:
            other = middle + 1
        else:
            first = middle
    return first


@dataclass(frozen=True, slots=True)
class When:
    """When something was: between two dates, and at one of `instants` where a time of day is known.

    `first == last` is one date; several instants of one date are a choice: the readings of an hour that occurs twice,
    or contradicting times of one day.
    """

    first: int
    last: int
    instants: tuple[int, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether only one date, and at most one time of that day, is possible."""
        return self.first == self.last and len(self.instants) <= 1

    def choices(self) -> Iterator[When]:
        """Give each certain time that it may be."""
        if self.instants and self.first == self.last:
            yield from (When(self.first, self.last, (instant,)) for instant in self.instants)
        else:
            yield from (When(day, day) for day in range(self.first, self.last + 1))

    def span(self, zone: Zone) -> tuple[int, int]:
        """Give the first and the last instant that it may be."""
        if self.instants:
            return self.instants[0], self.instants[-1]
        return zone.start_of(self.first), zone.end_of(self.last)

    def __str__(self) -> str:
        """Print the date or the dates."""
        return (
            shown_date(self.first) if self.first == self.last else f"{shown_date(self.first)}..{shown_date(self.last)}"
        )


def at_instant(instant: int, zone: Zone) -> When:
    """Make the time of an instant in a zone."""
    day = zone.date_of(instant)
    return When(day, day, (instant,))


def on_date(day: int) -> When:
    """Make the time of something of which the date is known and no more."""
    return When(day, day)


def either(one: When, other: When) -> When:
    """Give the dates between two contradicting times, both included; times of one date are a choice."""
    first, last = min(one.first, other.first), max(one.last, other.last)
    if first == last and one.instants and other.instants:
        return When(first, last, tuple(sorted({*one.instants, *other.instants})))
    return one if one == other else When(first, last)


def shift_months(day: int, months: int) -> int:
    """Move a date by calendar months; the day of the month is kept, clamped to the month's end."""
    if not _FIRST <= day <= _LAST:
        return day + months * 30
    on = date.fromordinal(day)
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    if not 1 < year < MAXYEAR:
        return day + months * 30
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(on.day, last)).toordinal()


def completed_years(birth: int, day: int) -> int | None:
    """Give the years that are over on a date since another; `None` beyond the calendar.

    What began on the 29th of February is a year older on the 1st of March, where the year has no such day.
    """
    if not (_FIRST <= birth <= _LAST and _FIRST <= day <= _LAST):
        return None
    born, on = date.fromordinal(birth), date.fromordinal(day)
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def next_anniversary(birth: int, day: int) -> int | None:
    """Give the first date after another on which one more year is over; `None` beyond the calendar."""
    years = completed_years(birth, day)
    if years is None or date.fromordinal(birth).year + years + 1 >= MAXYEAR:
        return None
    reached = shift_months(birth, 12 * (years + 1))
    return reached if (completed_years(birth, reached) or 0) > years else reached + 1


def first_reaching(day: int, months: int) -> int:
    """Give the first date that, moved by `months`, is `day` or later."""
    guess = shift_months(day, -months) - 4
    while shift_months(guess, months) < day:
        guess += 1
    return guess


_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_CLOCK = re.compile(r"[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")
_FULL_DATE = len("2004-03-09")
_LONGEST_TIME = 40


def parse_time(text: str, zone: Zone) -> When | None:
    """Read an ISO 8601 date, partial date or instant; a time without offset is local in `zone`.

    `None` for what is no time, and for an hour that does not occur there. A fraction of a second is dropped.
    """
    text = text.strip()
    return _parse_time(text, zone.name) if len(text) <= _LONGEST_TIME else None


def is_time(text: str) -> bool:
    """Whether a text is a time in UTC, where every hour occurs."""
    text = text.strip()
    return len(text) <= _LONGEST_TIME and _written(text) is not None


@lru_cache(maxsize=50_000)
def _parse_time(text: str, zone: str) -> When | None:
    written = _written(text)
    if isinstance(written, int):
        return at_instant(written, Zone(zone))
    return _local_time(written, Zone(zone)) if isinstance(written, datetime) else written


def _written(text: str) -> When | int | datetime | None:
    """Read what needs no zone: dates, an instant, or the time on a clock in some zone."""
    dates = _dates(text[:_FULL_DATE])
    if dates is None or len(text) <= _FULL_DATE:
        return dates
    clock = _clock(text[_FULL_DATE:])
    if clock is None:
        return None
    seconds, ahead = clock
    if ahead is None:
        return datetime.fromordinal(dates.first).replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return (dates.first - EPOCH) * DAY + seconds - ahead


@lru_cache(maxsize=50_000)
def _dates(text: str) -> When | None:
    """Read a date, a month or a year."""
    found = _DATE.fullmatch(text)
    if not found or not text.isascii() or not 1000 <= int(found[1]) < MAXYEAR - 500:
        return None
    year, month, day = int(found[1]), found[2], found[3]
    try:
        if month is None:
            return When(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal())
        if day is None:
            first = date(year, int(month), 1).toordinal()
            return When(first, shift_months(first, 1) - 1)
        return on_date(date(year, int(month), int(day)).toordinal())
    except ValueError:
        return None


@lru_cache(maxsize=50_000)
def _clock(text: str) -> tuple[int, int | None] | None:
    """Read a time of day in seconds, and by how many its zone is ahead of UTC where it says so."""
    found = _CLOCK.fullmatch(text)
    if not found or not text.isascii():
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    ahead = None if found[4] is None else _offset(found[4])
    return None if found[4] is not None and ahead is None else (hours * 3600 + minutes * 60 + seconds, ahead)


def _offset(text: str) -> int | None:
    if text == "Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        return None
    return (1 if text[0] == "+" else -1) * (hours * 3600 + minutes * 60)


def _local_time(local: datetime, zone: Zone) -> When | None:
    here = ZoneInfo(zone.name)
    wall = local.replace(tzinfo=None)
    both = sorted({int(local.replace(tzinfo=here, fold=fold).timestamp()) for fold in (0, 1)})
    real = [i for i in both if datetime.fromtimestamp(i, here).replace(tzinfo=None) == wall]
    if not real:
        return None
    first, last = zone.date_of(real[0]), zone.date_of(real[-1])
    return When(first, last, tuple(real)) if first == last else When(first, last)


def shown_date(day: int) -> str:
    """Print a date."""
    return date.fromordinal(day).isoformat() if _FIRST <= day <= _LAST else f"day {day}"


def shown_instant(instant: int, zone: Zone) -> str:
    """Print an instant as the local time of a zone, with its offset."""
    return _shown_instant(instant, zone.name)


@lru_cache(maxsize=20_000)
def _shown_instant(instant: int, zone: str) -> str:
    if not _FIRST <= EPOCH + instant // DAY <= _LAST:
        return f"{instant} s"
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant)).astimezone(ZoneInfo(zone)).isoformat()
