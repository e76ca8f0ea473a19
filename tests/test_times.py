"""Dates and instants: zones where the clocks jump, partial dates, months, and what may be either of two."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trialspec.times import (
    DAY,
    EPOCH,
    When,
    Zone,
    at_instant,
    either,
    first_reaching,
    on_date,
    parse_time,
    shift_months,
    shown_date,
    shown_instant,
)

# Clocks jump at midnight (Sao Paulo, Havana), a minute after it (St John's), across it (Toronto in 1919), by half an
# hour (Lord Howe), by a whole day (Apia, Kwajalein), never (UTC), or were kept to the second (Amsterdam).
ZONES = tuple(
    Zone(name)
    for name in (
        *("UTC", "Asia/Seoul", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana"),
        *("America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "America/Toronto"),
        *("Europe/Amsterdam", "Asia/Kathmandu", "Africa/Casablanca"),
    )
)
zones = st.sampled_from(ZONES)
YEARS_400 = 146_097


def jumps(zone: Zone) -> Iterator[int]:
    """Every instant of 1900 to 2037 at which the clocks of a zone jump, found by halving."""
    here = ZoneInfo(zone.name)

    def offset(instant: int) -> timedelta:
        return datetime.fromtimestamp(instant, here).utcoffset() or timedelta()

    step = 10 * DAY
    for start in range(-2_208_988_800, 2_145_916_800, step):
        low, high = start, start + step
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        yield high


NEAR_JUMPS = {zone: tuple(jumps(zone)) for zone in ZONES}


@st.composite
def moments(draw: st.DrawFn, zone: Zone) -> int:
    """Instants, half of them within a day and a half of a jump of the clocks."""
    near = draw(st.booleans())
    if near and NEAR_JUMPS[zone]:
        return draw(st.sampled_from(NEAR_JUMPS[zone])) + draw(st.integers(-DAY * 3 // 2, DAY * 3 // 2))
    return draw(st.integers(-2_208_988_800, 4_102_444_800))


def test_the_jumps_are_found() -> None:
    assert len(NEAR_JUMPS[Zone("America/St_Johns")]) > 100
    assert len(NEAR_JUMPS[Zone("UTC")]) == 0


@given(st.data(), zones)
def test_each_instant_lies_in_its_date_and_dates_follow_each_other(data: st.DataObject, zone: Zone) -> None:
    """Dates cut time into stretches without gap or overlap, in every zone: later never has an earlier date."""
    instant = data.draw(moments(zone))
    day = zone.date_of(instant)
    assert zone.start_of(day) <= instant <= zone.end_of(day)
    assert zone.date_of(zone.start_of(day)) == day == zone.date_of(zone.end_of(day))
    assert zone.date_of(zone.start_of(day) - 1) < day < zone.date_of(zone.end_of(day) + 1)
    assert zone.date_of(instant) <= zone.date_of(instant + 1)
    assert zone.start_of(day + 1) == zone.end_of(day) + 1


@given(st.data(), zones)
def test_a_date_is_that_of_the_calendar(data: st.DataObject, zone: Zone) -> None:
    """The date is what a calendar on the wall shows, or the day after where the clocks went back across midnight."""
    instant = data.draw(moments(zone))
    wall = datetime.fromtimestamp(instant, ZoneInfo(zone.name)).date().toordinal()
    day = zone.date_of(instant)
    assert day in {wall, wall + 1}
    if day > wall:
        assert any(0 <= instant - jump < DAY for jump in NEAR_JUMPS[zone])
        assert zone.start_of(day) <= instant


def test_midnight_that_does_not_occur() -> None:
    day = date(2018, 11, 4).toordinal()
    sao_paulo = Zone("America/Sao_Paulo")
    assert shown_instant(sao_paulo.start_of(day), sao_paulo) == "2018-11-04T01:00:00-02:00"
    toronto, skipped = Zone("America/Toronto"), date(1919, 3, 31).toordinal()
    assert shown_instant(toronto.start_of(skipped), toronto) == "1919-03-31T00:30:00-04:00"


def test_a_date_that_the_calendar_skipped_is_a_second_long() -> None:
    apia, skipped = Zone("Pacific/Apia"), date(2011, 12, 30).toordinal()
    assert apia.start_of(skipped) == apia.end_of(skipped) == apia.start_of(skipped + 1)
    assert apia.date_of(apia.start_of(skipped)) == skipped + 1


def test_clocks_that_go_back_across_midnight() -> None:
    """In St John's on 7 November 2010 the clocks went from 00:01 back to 23:01: the date had begun, and goes on."""
    zone, day = Zone("America/St_Johns"), date(2010, 11, 7).toordinal()
    begun = zone.start_of(day)
    assert {zone.date_of(begun + seconds) for seconds in range(0, 7200, 30)} == {day}
    assert datetime.fromtimestamp(begun + 90, ZoneInfo(zone.name)).day == 6
    twice = parse_time("2010-11-06T23:30", zone)
    assert twice == When(day - 1, day)


@given(st.integers(date(1000, 1, 1).toordinal(), date(9000, 1, 1).toordinal()), st.integers(0, DAY - 1))
def test_400_years_change_nothing_where_clocks_do_not(day: int, second: int) -> None:
    """146 097 days later the calendar is the same."""
    zone, instant = Zone("UTC"), (day - EPOCH) * DAY + second
    assert zone.date_of(instant + YEARS_400 * DAY) == zone.date_of(instant) + YEARS_400
    assert zone.start_of(day + YEARS_400) == zone.start_of(day) + YEARS_400 * DAY
    assert shift_months(day + YEARS_400, 7) == shift_months(day, 7) + YEARS_400


@given(st.integers(-(10**7), 10**7), zones)
def test_dates_beyond_the_calendar_still_follow_each_other(day: int, zone: Zone) -> None:
    """Far out there are no jumps, and nothing raises: the end of what goes on lies there."""
    assert zone.start_of(day) <= zone.end_of(day)
    if not date(2, 1, 1).toordinal() - 1 <= day <= date(9998, 12, 31).toordinal():
        assert zone.date_of(zone.start_of(day)) == day
        assert shown_date(day) == f"day {day}"


# --- months -----------------------------------------------------------------------------------------------------------

days = st.dates(date(1900, 1, 1), date(2200, 12, 31)).map(date.toordinal)
months = st.integers(-400, 400)


def month_of(day: int) -> int:
    on = date.fromordinal(day)
    return on.year * 12 + on.month - 1


@given(days, months)
def test_months_keep_the_day_or_clamp_it_to_the_end(day: int, by: int) -> None:
    """Moved by months, a date is in that month, on its day or on the month's last one."""
    moved = shift_months(day, by)
    before, after = date.fromordinal(day), date.fromordinal(moved)
    assert month_of(moved) == month_of(day) + by
    if after.day != before.day:
        assert after.day < before.day
        assert (after + timedelta(days=1)).day == 1


@given(days, months, st.integers(0, 40))
def test_a_later_date_stays_later(day: int, by: int, later: int) -> None:
    """Moving by months never changes the order of two dates."""
    assert shift_months(day, by) <= shift_months(day + later, by)


@given(days, months)
def test_the_first_date_that_reaches_another_is_the_first(day: int, by: int) -> None:
    """The date found reaches it, the one before does not."""
    first = first_reaching(day, by)
    assert shift_months(first, by) >= day
    assert shift_months(first - 1, by) < day


@pytest.mark.parametrize(
    ("day", "by", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", -48, "2020-02-29"),
        ("2024-12-31", 2, "2025-02-28"),
        ("2024-01-15", -1, "2023-12-15"),
    ],
)
def test_months_that_are_easy_to_get_wrong(day: str, by: int, expected: str) -> None:
    assert shown_date(shift_months(date.fromisoformat(day).toordinal(), by)) == expected


# --- reading ----------------------------------------------------------------------------------------------------------


@given(st.data(), zones, st.integers(-14 * 60, 14 * 60))
def test_an_offset_only_finds_the_instant(data: st.DataObject, zone: Zone, minutes: int) -> None:
    """The same instant written with any offset is the same time, of the same date."""
    instant = data.draw(moments(zone))
    wall = datetime.fromtimestamp(instant, UTC) + timedelta(minutes=minutes)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    written = f"{wall:%Y-%m-%dT%H:%M:%S}"
    for offset in (f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}"):
        assert parse_time(f"{written}{offset}", zone) == at_instant(instant, zone)
    assert parse_time(f"{written.replace('T', ' ')}.999999{offset}", zone) == at_instant(instant, zone)


@given(st.data(), zones)
def test_a_time_without_offset_is_local(data: st.DataObject, zone: Zone) -> None:
    """Read back, a local time is its instant, or one of two where the hour occurs twice."""
    instant = data.draw(moments(zone))
    wall = datetime.fromtimestamp(instant, ZoneInfo(zone.name))
    found = parse_time(f"{wall:%Y-%m-%dT%H:%M:%S}", zone)
    assert found is not None
    low, high = found.span(zone)
    assert low <= instant <= high
    if wall.replace(fold=1 - wall.fold).utcoffset() == wall.utcoffset():
        assert found == at_instant(instant, zone)
    elif found.instants:
        assert len(found.instants) == 2
        assert instant in found.instants


@given(st.data(), zones, st.integers(0, 90 * 60))
def test_an_hour_that_does_not_occur_is_no_time(data: st.DataObject, zone: Zone, into: int) -> None:
    """Where the clocks jump ahead, nothing happened in between."""
    assume(NEAR_JUMPS[zone])
    jump = data.draw(st.sampled_from(NEAR_JUMPS[zone]))
    here = ZoneInfo(zone.name)
    before, after = (datetime.fromtimestamp(at, here).replace(tzinfo=None) for at in (jump - 1, jump))
    wall = before + timedelta(seconds=1 + into)
    assume(wall < after)
    assert parse_time(f"{wall:%Y-%m-%dT%H:%M:%S}", zone) is None


@given(st.dates(date(1000, 1, 1), date(9000, 12, 31)), zones)
def test_dates_may_be_partial(on: date, zone: Zone) -> None:
    """A year or a month is each of its dates."""
    day, month, year = (parse_time(text, zone) for text in (f"{on:%Y-%m-%d}", f"{on:%Y-%m}", f"{on:%Y}"))
    assert day == on_date(on.toordinal())
    assert month == When(on.replace(day=1).toordinal(), shift_months(on.replace(day=1).toordinal(), 1) - 1)
    assert year == When(date(on.year, 1, 1).toordinal(), date(on.year, 12, 31).toordinal())
    assert list(month.choices()) == [on_date(each) for each in range(month.first, month.last + 1)]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "2024-1-1",
            "2024-13",
            "2024-00",
            "2024-02-30",
            "2023-02-29",
            "20240305",
            "2024-03-05T",
            "2024-03-05T24:00",
        ),
        *(
            "2024-03-05T23:60",
            "2024-03-05T23:59:60",
            "2024-03-05T09",
            "2024-03-05T09:00+15:00",
            "2024-03-05T09:00+01:60",
        ),
        *("2024-03-05T09:00 UTC", "2024-03-05Z", "0999", "9999", "05/03/2024", "٢٠٢٤-03-05", "2024-03-05T09:00:00,5"),
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert parse_time(text, Zone("Asia/Seoul")) is None


@given(st.text(max_size=20), zones)
def test_reading_never_raises(text: str, zone: Zone) -> None:
    """Any text is a time or is none."""
    found = parse_time(text, zone)
    assert found is None or found.first <= found.last


def test_half_past_eleven_at_night_in_utc_is_the_next_day_in_seoul() -> None:
    found = parse_time("2024-03-05T23:30Z", Zone("Asia/Seoul"))
    assert found is not None
    assert str(found) == "2024-03-06"
    assert shown_instant(found.instants[0], Zone("Asia/Seoul")) == "2024-03-06T08:30:00+09:00"


# --- either -----------------------------------------------------------------------------------------------------------


@st.composite
def whens(draw: st.DrawFn) -> When:
    """Times of few days, so that they meet: dates, partial dates, instants, and hours that occur twice."""
    first = draw(st.integers(738_000, 738_003))
    if draw(st.booleans()):
        start = Zone("UTC").start_of(first)
        instants = draw(st.lists(st.sampled_from((0, 3600, 43_200)), min_size=1, max_size=2, unique=True))
        return When(first, first, tuple(sorted(start + second for second in instants)))
    return When(first, first + draw(st.integers(0, 2)))


@given(whens(), whens(), whens())
def test_either_is_a_set(one: When, other: When, third: When) -> None:
    """The order and number of contradicting times do not matter, and each is within what comes of them."""
    assert either(one, one) == one
    assert either(one, other) == either(other, one)
    assert either(either(one, other), third) == either(one, either(other, third))
    both = either(one, other)
    for each in (one, other):
        assert both.first <= each.first <= each.last <= both.last
        assert not both.instants or set(each.instants) <= set(both.instants)
        assert set(both.instants) <= {*one.instants, *other.instants}


@given(whens())
def test_the_choices_of_a_time_are_certain_and_make_it_up(when: When) -> None:
    """Each choice is one date and at most one time of day; together they are what was said."""
    choices = list(when.choices())
    assert all(choice.certain for choice in choices)
    assert (min(c.first for c in choices), max(c.last for c in choices)) == (when.first, when.last)
    assert tuple(at for choice in choices for at in choice.instants) == when.instants
    assert when.certain is (choices == [when])
