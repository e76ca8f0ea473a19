"""Generated records: calendars, items and timelines of one patient, and the things that protocols ask of them.

A generator that only ever gives `unknown` proves nothing. So there are few names, mostly exact values, and times close
to each other; `tests/laws/test_generators.py` holds what is drawn to a share of `met`, `not_met`, and real changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Literal

from trialspec.patient import FAR, LONG_AGO, Item, Kind, Timeline
from trialspec.quantity import ANY_WORD, ANYTHING, Codes, Interval, exactly, word
from trialspec.testing.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.times import DAY, When, Zone, on_date, parse_time, shift_months, shown_date

# What generated patients have, and generated protocols ask for: few names, so that they meet.
NAMED: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "observation": ("measure", ("protein", "marker", "answer")),
    "administration": ("drug", ("drug_b", "drug_a")),
    "milestone": ("milestone", ("enrolment", "screening", "visit")),
    "condition": ("concept", ("infection", "inflammation")),
    "therapy": ("drug", ("drug_a", "drug_0")),
    "adverse_event": ("concept", ("infection", "rash")),
    "procedure": ("concept", ("biopsy",)),
    "person": ("sex", ("female", "male")),
}
NUMBERS: dict[Kind, str] = {
    "observation": "value",
    "administration": "amount",
    "therapy": "dose",
    "adverse_event": "grade",
}
WORDS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "observation": ("visit", ("week_4", "week_12")),
    "administration": ("route", ("intravenous", "oral")),
    "therapy": ("outcome", ("relapse", "response")),
    "condition": ("status", ("active", "past")),
    "adverse_event": ("serious", ("yes", "no")),
    "procedure": ("result", ("class_iii", "class_iv")),
}
ANSWERS = ("negative", "positive")  # the words that a coded measure takes
UNITS = ("g", "mg")
LASTING: tuple[Kind, ...] = ("therapy", "condition", "adverse_event")


# --- calendars: where and when ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calendar:
    """The zone of a generated patient, the date around which everything happens, and an odd hour of that date."""

    zone: Zone
    today: int
    odd: str = "12:00"


def _calendar(zone: str, year: int, month: int, day: int, odd: str = "12:00") -> Calendar:
    return Calendar(Zone(zone), date(year, month, day).toordinal(), odd)


STEADY = (_calendar("UTC", 2024, 3, 10), _calendar("Asia/Seoul", 2005, 3, 1))
CALENDARS = (
    *STEADY,
    _calendar("America/New_York", 2024, 11, 3, "01:30"),  # an hour that occurs twice
    _calendar("Europe/Berlin", 2024, 3, 31, "02:15"),  # one that does not occur
    _calendar("America/Santiago", 2024, 9, 8, "00:30"),  # where midnight does not
    _calendar("Asia/Seoul", 2024, 2, 29),
)

_NEAR = (0, 0, -1, 1, -2, 2, -3, 3, -7, 4, -8, 5, -14, -20, 14, -30)
_CLOCK = ("08:00", "12:00", "00:00", "23:30", "23:59:59", "02:15")


def day_near(choose: Choose, calendar: Calendar) -> int:
    """Give a date near the calendar's, often the same one."""
    return calendar.today + one_of(choose, _NEAR)


def _timed(choose: Choose, day: int, calendar: Calendar) -> When:
    """Give a time of a day; in an hour that occurs twice it may be either, one that does not occur is left out."""
    clock = calendar.odd if day == calendar.today and chance(choose, 60) else one_of(choose, _CLOCK)
    return parse_time(f"{shown_date(day)}T{clock}", calendar.zone) or on_date(day)


def time_near(choose: Choose, calendar: Calendar) -> When:
    """Give a time near the calendar's date: a date, a time of day, a partial date, or contradicting ones."""
    day = day_near(choose, calendar)
    match any_of(choose, (24, "date"), (22, "time"), (3, "days"), (1, "times"), (1, "month")):
        case "date":
            return on_date(day)
        case "time":
            return _timed(choose, day, calendar)
        case "days":
            return When(day, day + between(choose, 1, 3))
        case "times":
            # Contradicting records of one day; or the two readings of an hour that occurs twice.
            one, other = (calendar.zone.start_of(day) + 3600 * one_of(choose, hours) for hours in ((8, 10), (12, 22)))
            return When(day, day, (one, other))
        case _:
            first = day - date.fromordinal(day).day + 1
            return When(first, shift_months(first, 1) - 1)


# --- items and timelines ----------------------------------------------------------------------------------------------


def _number(choose: Choose) -> Interval:
    number = between(choose, 0, 6)
    match any_of(choose, (20, "whole"), (3, "half"), (2, "below"), (1, "above"), (1, "between"), (1, "any")):
        case "half":
            return exactly(Fraction(2 * number + 1, 2))
        case "below":
            return Interval(Fraction(0), Fraction(number + 1), high_open=True)
        case "above":
            return Interval(Fraction(number), None, low_open=coin(choose))
        case "between":
            return Interval(Fraction(number), Fraction(number + between(choose, 1, 3)))
        case "any":
            return ANYTHING
        case _:
            return exactly(number)


def _word(choose: Choose, words: Sequence[str]) -> Codes:
    match any_of(choose, (6, "one"), (1, "two"), (1, "any")):
        case "two" if len(words) > 1:
            return Codes(frozenset(words[:2]))
        case "any":
            return ANY_WORD
        case _:
            return word(one_of(choose, words))


# What may be recorded: a kind, and a name of that kind.
Subject = tuple[Kind, str]


def _subject(choose: Choose, about: Sequence[Subject]) -> Subject:
    """Give what an item is about: mostly something that is asked for."""
    if about and chance(choose, 85):
        return one_of(choose, about)
    kind = one_of(choose, list(NAMED))
    return kind, one_of(choose, NAMED[kind][1])


def _item(choose: Choose, calendar: Calendar, number: int, about: Sequence[Subject]) -> Item:
    kind, named = _subject(choose, about)
    when = time_near(choose, calendar)
    if kind in LASTING and chance(choose, 4):
        when = When(LONG_AGO, when.last)  # it may have begun at any time before
    answer: Literal["yes", "absent", "not_done"] = any_of(choose, (18, "yes"), (1, "absent"), (1, "not_done"))
    name, names = NAMED[kind]
    chosen = word(named) if answer != "yes" or chance(choose, 85) else _word(choose, names)
    fields: dict[str, Codes | Interval | When] = {name: chosen}
    unit = ""
    if kind == "observation" and chosen == word("answer"):
        fields["value"] = _word(choose, ANSWERS)
    elif kind in NUMBERS and chance(choose, 95):
        fields[NUMBERS[kind]] = _number(choose)
        unit = one_of(choose, UNITS)
    if kind in WORDS and chance(choose, 60):
        fields[WORDS[kind][0]] = _word(choose, WORDS[kind][1])
    if kind == "person":
        born = shift_months(calendar.today, -12 * 18) + one_of(choose, (0, 1, -1, -31, 31))
        fields["birth"] = When(born, born + one_of(choose, (0, 0, 30)))
    if chance(choose, 10):
        fields["recorded"] = time_near(choose, calendar)
    return Item(
        f"e{number}",
        kind,
        when,
        when if chance(choose, 97) else time_near(choose, calendar),
        fields,
        _end(choose, when, calendar) if kind in LASTING else None,
        certain=chance(choose, 94) or answer != "yes",
        answer=answer,
        unit=unit,
        sources=frozenset({f"e{number}"}),
    )


def _end(choose: Choose, start: When, calendar: Calendar) -> When:
    """Give when something that lasts ended: at its start, known, still going on, or who knows."""
    match any_of(choose, (3, "known"), (2, "ongoing"), (1, "unknown"), (1, "at once")):
        case "known":
            day = start.last + between(choose, 0, 9)
            return on_date(day) if coin(choose) else max(start, _timed(choose, day, calendar), key=_last)
        case "ongoing":
            return on_date(FAR)
        case "unknown":
            return When(start.last, FAR)
        case _:
            return start


def _last(when: When) -> tuple[int, tuple[int, ...]]:
    return when.last, when.instants


def timeline(
    choose: Choose, calendar: Calendar, *, about: Sequence[Subject] = (), least: int = 2, most: int = 14
) -> Timeline:
    """Give one patient's timeline: ties, partial dates, censored and untrusted values, denials, open existence."""
    # Each of a few matters more than each of many; a list strategy would mostly draw one or two.
    size = any_of(choose, *((2 if 3 <= size <= 8 else 1, size) for size in range(least, most + 1)))
    items = [_item(choose, calendar, number, about) for number in range(size)]
    if items and chance(choose, 25):
        # Two readings of one instant: nothing but a rule for ties tells them apart.
        twin = one_of(choose, items)
        items.append(
            replace(
                _item(choose, calendar, size, about),
                kind=twin.kind,
                when=twin.when,
                visible=twin.visible,
                fields={**twin.fields, **_again(choose, twin)},
                end=twin.end,
                answer="yes",
                unit=twin.unit,
            )
        )
    return Timeline("patient", calendar.zone, tuple(items))


def _again(choose: Choose, item: Item) -> dict[str, Interval]:
    name = NUMBERS.get(item.kind)
    return {name: _number(choose)} if name is not None and isinstance(item.fields.get(name), Interval) else {}


# --- instants ---------------------------------------------------------------------------------------------------------


def instant(choose: Choose, timeline: Timeline, calendar: Calendar) -> int:
    """Give an instant near an event, near a midnight, or any near the middle of the timeline."""
    zone = calendar.zone
    if timeline.items and chance(choose, 65):
        when = one_of(choose, timeline.items).when
        when = when if when.first > LONG_AGO else on_date(when.last)
        low, high = when.span(zone)
        near = any_of(choose, (3, low), (1, high), (1, zone.end_of(when.first) + 1))
        # Just before it, for then something is about to change.
        return near + one_of(choose, (0, -1, -1, -1, -1, -1, 1, -3600, 3600, -DAY, DAY, -2 * DAY, 7 * DAY))
    return zone.start_of(calendar.today + between(choose, -6, 6)) + one_of(choose, (0, -1, 30_000, 43_200, 80_000))
