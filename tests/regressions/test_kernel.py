"""Where the reference once was wrong, as found by the laws and by brute force, shrunk; each with its story."""

from dataclasses import replace

from trialspec.interpreters.reading import Missing, Question
from trialspec.interpreters.reference import read
from trialspec.kernel import (
    Arithmetic,
    Compare,
    Constant,
    Expr,
    Fold,
    Moment,
    Now,
    Pick,
    Run,
    Select,
    Shift,
    Window,
)
from trialspec.kernel import Test as FieldTest  # pytest would collect a `Test`
from trialspec.patient import Item, Kind, Timeline
from trialspec.quantity import Codes, Duration, Interval, exactly, word
from trialspec.times import When, Zone, at_instant, on_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

SINCE_EVER = Window()
UTC = Zone("UTC")
DAY_0 = 738_000
AT = UTC.end_of(DAY_0 + 20)


def thing(kind: Kind, name: str, when: When | int, value: int | Interval | None = None, number: int = 0) -> Item:
    field = {"observation": "measure", "milestone": "milestone"}.get(kind, "drug")
    time = on_date(DAY_0 + when) if isinstance(when, int) else when
    held = exactly(value) if isinstance(value, int) else value
    fields = {field: word(name)} | ({} if held is None else {"value": held})
    return Item(f"{name}{number}", kind, time, time, fields)


def value(day: When | int, number: int | Interval | None = None, again: int = 0) -> Item:
    return thing("observation", "m", day, number, again)


def either(item: Item, *words: str) -> Item:
    field = next(iter(item.fields))
    return replace(item, fields={**item.fields, field: Codes(frozenset(words))})


def maybe(item: Item) -> Item:
    return replace(item, certain=False)


def hour(hours: int, day: int = 0) -> When:
    return at_instant(UTC.start_of(DAY_0 + day) + 3600 * hours, UTC)


def every(kind: Kind, name: str, window: Window = SINCE_EVER) -> Select:
    field = {"observation": "measure", "milestone": "milestone"}.get(kind, "drug")
    return Select(
        kind, (FieldTest(field, "in", Constant(word(name))),), window, None if kind == "observation" else "always"
    )


VALUES = every("observation", "m")
HIGH = FieldTest("value", "at_least", Constant(exactly(3)))


def verdict(expr: Expr, *items: Item, at: int = AT) -> Verdict:
    return read(expr, Question(Timeline("p", UTC, items), at)).verdict


def test_an_end_that_may_have_happened_is_not_open() -> None:
    # The first dose may have been rituximab: if it was, the value came after it. A moment that was only possible read
    # as *has not happened*, which leaves an end open, and the value was counted.
    through = Window(end=Moment("day_1", "first", every("administration", "rituximab")))
    late = Compare(Pick("latest", replace(VALUES, window=through)), "at_least", Constant(exactly(3)))
    dose = either(thing("administration", "rituximab", 5), "rituximab", "abatacept")
    assert verdict(late, dose, value(10, 4)) is UNKNOWN
    assert verdict(late, dose, value(4, 4)) is MET


def test_a_moment_that_may_be_one_of_two_keeps_both_times_of_day() -> None:
    # 9:00 surely, or 7:00 if that drug was rituximab: 8:00 is before the one and after the other. Joined to a date
    # without a time, the moment compared by dates, and 8:00 was surely not before it.
    day_1 = Moment("day_1", "first", every("administration", "rituximab"))
    before = replace(VALUES, window=Window(end=day_1, before=True))
    perhaps = either(thing("administration", "rituximab", hour(7)), "rituximab", "abatacept")
    sure = thing("administration", "rituximab", hour(9), number=1)
    counted = Compare(Fold("count", before), "at_least", Constant(exactly(1)))
    assert verdict(counted, perhaps, sure, value(hour(8), 4)) is UNKNOWN
    assert verdict(counted, perhaps, sure, value(hour(6), 4)) is MET


def test_the_nearest_to_a_day_that_moves_changes_as_it_moves() -> None:
    # Two values, and the one nearer to a week ago is asked for: first the earlier, then the other. `until` was never.
    week_ago = Shift(Now(), Duration(7, "d"), earlier=True)
    nearest = Compare(Pick("nearest", VALUES, to=week_ago), "at_least", Constant(exactly(3)))
    timeline = Timeline("p", UTC, (value(0, 1), value(4, 5, 1)))
    at = UTC.end_of(DAY_0 + 5)
    first = read(nearest, Question(timeline, at))
    assert first.verdict is NOT_MET
    assert first.until is not None
    assert first.until <= UTC.start_of(DAY_0 + 9)
    assert read(nearest, Question(timeline, UTC.start_of(DAY_0 + 9))).verdict is MET


def test_a_number_that_is_not_recorded_may_be_any() -> None:
    # Beside a recorded one it might be anything, alone it was none at all: taking away an item that was only possible
    # made a number of none. Times zero, that turned an answer into unknown.
    nothing = Compare(
        Arithmetic("multiply", Pick("latest", VALUES), Constant(exactly(0))), "at_most", Constant(exactly(0))
    )
    assert verdict(nothing, value(0), maybe(value(0, 2, 1))) is MET
    assert verdict(nothing, value(0)) is MET


def test_of_two_uncertain_dates_either_may_be_the_only_latest() -> None:
    # Some day from 1 to 4 a value of 5, on day 2 one of 1: whichever was later is the latest. That is no tie, so the
    # rule for ties does not choose the greater one.
    latest = Compare(Pick("latest", VALUES, ties="greatest"), "at_least", Constant(exactly(3)))
    assert verdict(latest, value(When(DAY_0 + 1, DAY_0 + 4), 5), value(2, 1, 1)) is UNKNOWN
    assert verdict(latest, value(2, 5), value(2, 1, 1)) is MET


def test_hours_between_dates_without_a_time_are_unknown() -> None:
    # High on day 0 and on day 1, no time of day: the two may be 36 hours apart, or one. The gap counted as too long,
    # and *not sustained* was certain.
    sustained = Run(VALUES, HIGH, 2, Duration(12, "h"), Duration(36, "h"))
    assert verdict(sustained, value(0, 5), value(1, 5, 1)) is UNKNOWN
    assert verdict(sustained, value(hour(12), 5), value(hour(12, 1), 5, 1)) is MET
    assert verdict(sustained, value(0, 5), value(3, 5, 1)) is NOT_MET


def test_a_reading_that_may_join_two_others_is_tried_there_and_not() -> None:
    # 9:00 and 11:00 are two high readings in a row, unless the low one of 10:00 came between. A high one of that date,
    # if it was made, ties with all of them. With both or with neither it was no row; with neither low nor tie it is.
    row = Run(VALUES, HIGH, 2)
    two = (value(hour(9), 5), value(hour(11), 5, 1))
    between, joining = maybe(value(hour(10), 1, 2)), maybe(value(0, 5, 3))
    assert verdict(row, *two) is MET
    assert verdict(row, *two, between, joining) is UNKNOWN


def test_tied_readings_are_one_reading() -> None:
    # Two high values of one date, no time of day: they are one reading, and a row of two needs another.
    row = Run(VALUES, HIGH, 2)
    assert verdict(row, value(0, 5), value(0, 5, 1)) is UNKNOWN
    assert verdict(row, value(0, 5), value(0, 5, 1), value(1, 5, 2)) is MET


def test_of_two_things_on_one_date_either_may_have_come_first() -> None:
    # A high value and a dose on the same date, one of them without a time: the dose may have followed it. That it did
    # not was certain.
    given = every("administration", "rituximab")
    followed = Run(VALUES, HIGH, 1, then=given)
    assert verdict(followed, value(0, 5), thing("administration", "rituximab", 0)) is UNKNOWN
    assert verdict(followed, value(hour(9), 5), thing("administration", "rituximab", 0)) is UNKNOWN
    assert verdict(followed, value(hour(9), 5), thing("administration", "rituximab", hour(8))) is NOT_MET
    assert verdict(followed, value(hour(9), 5), thing("administration", "rituximab", hour(10))) is MET


def test_what_follows_in_a_window_that_is_not_yet_is_unknown() -> None:
    # Whatever is asked of a window whose start has not happened is unknown; *not followed* was certain.
    enrolled = Moment("enrolled", "first", every("milestone", "enrolment"))
    followed = Run(replace(VALUES, window=Window(start=enrolled)), HIGH, 1, then=every("administration", "rituximab"))
    assert verdict(followed, value(0, 5)) is UNKNOWN
    assert verdict(followed, value(1, 5), thing("milestone", "enrolment", 0)) is NOT_MET


def test_where_only_a_moment_is_uncertain_it_is_what_is_missing() -> None:
    # Each possible date of the moment gives a certain answer, and they differ: nothing was named as missing.
    enrolled = Moment("enrolled", "first", every("milestone", "enrolment"))
    since = Compare(
        Fold("count", every("administration", "rituximab", Window(start=enrolled))), "at_least", Constant(exactly(1))
    )
    enrolment = thing("milestone", "enrolment", When(DAY_0, DAY_0 + 9))
    timeline = Timeline("p", UTC, (enrolment, thing("administration", "rituximab", 5)))
    reading = read(since, Question(timeline, AT))
    assert (reading.verdict, reading.missing) == (UNKNOWN, frozenset({Missing("enrolled")}))
