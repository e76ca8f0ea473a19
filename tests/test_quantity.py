"""Exact numbers and intervals: arithmetic against every point that an interval allows, open ends included."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trialspec.quantity import (
    ANY_WORD,
    ANYTHING,
    Codes,
    Duration,
    Interval,
    Operator,
    add,
    compare,
    divide,
    exactly,
    hull,
    meet_greatest,
    meet_least,
    minus,
    multiply,
    parse_duration,
    parse_interval,
    parse_number,
    scale,
    shown,
    subtract,
    word,
)
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

# Few numbers, so that ends meet, and zero often: there products and quotients are different.
NUMBERS = st.sampled_from([Fraction(number) for number in (0, 0, 1, -1, 2, -2)] + [Fraction(1, 2)])
FAR_AWAY = Fraction(1000)
NEAR = Fraction(1, 1000)


@st.composite
def intervals(draw: st.DrawFn, numbers: st.SearchStrategy[Fraction] = NUMBERS) -> Interval:
    """Intervals that hold something: points, finite ones, ones without an end, with open and closed ends."""
    low, high = sorted((draw(numbers), draw(numbers)))
    if low == high:
        return draw(st.sampled_from((exactly(low), Interval(low, None), Interval(None, low), ANYTHING)))
    ends = draw(st.sampled_from(((low, high), (low, high), (low, None), (None, high))))
    return Interval(*ends, draw(st.booleans()) and ends[0] is not None, draw(st.booleans()) and ends[1] is not None)


def holds(interval: Interval, number: Fraction) -> bool:
    """What an interval means, said once more and plainly."""
    above = interval.low is None or number > interval.low or (number == interval.low and not interval.low_open)
    below = interval.high is None or number < interval.high or (number == interval.high and not interval.high_open)
    return above and below


def points(interval: Interval) -> list[Fraction]:
    """Some numbers of an interval: at its ends or as near as they allow, between them, and far out where it is open."""
    low = -FAR_AWAY if interval.low is None else interval.low
    high = FAR_AWAY if interval.high is None else interval.high
    tries = [low, low + NEAR, (low + high) / 2, high - NEAR, high, Fraction(0), NEAR, -NEAR, Fraction(1)]
    return [number for number in dict.fromkeys(tries) if holds(interval, number)]


def reached(result: Interval, numbers: list[Fraction]) -> bool:
    """Whether an interval is no wider than the numbers it holds: they come near each end, or reach a closed one."""
    least, greatest = min(numbers), max(numbers)
    low = least < -FAR_AWAY / 10 if result.low is None else least - result.low <= Fraction(1, 50)
    high = greatest > FAR_AWAY / 10 if result.high is None else result.high - greatest <= Fraction(1, 50)
    closed = (result.low is None or result.low_open or least == result.low) and (
        result.high is None or result.high_open or greatest == result.high
    )
    return low and high and closed


def test_the_points_of_an_interval_are_in_it() -> None:
    assert points(Interval(Fraction(0), Fraction(1), low_open=True)) == [NEAR, Fraction(1, 2), 1 - NEAR, Fraction(1)]
    assert FAR_AWAY in points(ANYTHING)
    assert -FAR_AWAY in points(ANYTHING)


OfIntervals = Callable[[Interval, Interval], Interval]
OfNumbers = Callable[[Fraction, Fraction], Fraction]
OPERATIONS: dict[str, tuple[OfIntervals, OfNumbers]] = {
    "add": (add, lambda a, b: a + b),
    "subtract": (subtract, lambda a, b: a - b),
    "multiply": (multiply, lambda a, b: a * b),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(intervals(), intervals())
def test_arithmetic_holds_every_result_and_nothing_beyond(name: str, left: Interval, right: Interval) -> None:
    """The result of two intervals is the hull of the results of their numbers, its ends open only where it must."""
    of_intervals, of_numbers = OPERATIONS[name]
    result = of_intervals(left, right)
    numbers = [of_numbers(a, b) for a, b in product(points(left), points(right))]
    assert all(holds(result, number) for number in numbers)
    assert reached(result, numbers)


@st.composite
def divisors(draw: st.DrawFn) -> Interval:
    """Intervals on one side of zero, with two ends or one."""
    low, high = draw(st.sampled_from([(Fraction(1, 2), Fraction(1)), (Fraction(1), Fraction(2)), (Fraction(2), None)]))
    positive = Interval(low, high, draw(st.booleans()), draw(st.booleans()) and high is not None)
    return draw(st.sampled_from((positive, minus(positive), exactly(low))))


@given(intervals() | NUMBERS.map(exactly), divisors())
def test_a_quotient_holds_every_result_and_nothing_beyond(left: Interval, right: Interval) -> None:
    """The quotient is the hull of the quotients of all numbers, its ends open only where it must."""
    result = divide(left, right)
    numbers = [a / b for a, b in product(points(left), points(right))]
    assert result is not None
    assert all(holds(result, number) for number in numbers)
    assert reached(result, numbers)


@given(intervals(), intervals())
def test_a_divisor_that_touches_zero_has_no_quotient(left: Interval, right: Interval) -> None:
    """A divisor that is zero, or comes as near to it as it likes, leaves the quotient undefined."""
    touching = (right.low is None or right.low <= 0) and (right.high is None or right.high >= 0)
    assert (divide(left, right) is None) is touching


@given(intervals(), NUMBERS)
def test_scaling_is_multiplying_by_one_number(interval: Interval, factor: Fraction) -> None:
    """Converting to another unit and back gives the same interval, open ends included."""
    assert scale(interval, factor) == multiply(interval, exactly(factor)) == multiply(exactly(factor), interval)
    if factor:
        assert scale(scale(interval, factor), 1 / factor) == interval
    assert minus(minus(interval)) == interval
    assert minus(interval) == scale(interval, Fraction(-1))


@given(st.lists(intervals(), min_size=1, max_size=4))
def test_a_hull_holds_all_and_no_more(parts: list[Interval]) -> None:
    """The hull holds each point of each part, and its ends are theirs."""
    result = hull(parts)
    numbers = [number for part in parts for number in points(part)]
    assert all(holds(result, number) for number in numbers)
    assert reached(result, numbers)


@given(st.lists(intervals(), min_size=1, max_size=2), st.lists(intervals(), max_size=2))
def test_the_least_and_greatest_of_what_is_there(certain: list[Interval], possible: list[Interval]) -> None:
    """Every choice of a number for each certain item, and for each possible one or none, gives one inside; tightly."""
    choices = [points(interval) for interval in certain] + [[*points(interval), None] for interval in possible]
    chosen = [[number for number in choice if number is not None] for choice in product(*choices)]
    for result, numbers in (
        (meet_least(certain, possible), [min(choice) for choice in chosen]),
        (meet_greatest(certain, possible), [max(choice) for choice in chosen]),
    ):
        assert all(holds(result, number) for number in numbers)
        assert reached(result, numbers)


HOLDS: dict[Operator, Callable[[Fraction, Fraction], bool]] = {
    "above": lambda a, b: a > b,
    "at_least": lambda a, b: a >= b,
    "below": lambda a, b: a < b,
    "at_most": lambda a, b: a <= b,
}


@pytest.mark.parametrize("operator", HOLDS)
@given(intervals(), intervals())
def test_a_comparison_is_decided_when_every_choice_gives_one_answer(
    operator: Operator, left: Interval, right: Interval
) -> None:
    """Met if all pairs of numbers compare so, not met if none does, else unknown."""
    answers = {HOLDS[operator](a, b) for a, b in product(points(left), points(right))}
    expected: Verdict = UNKNOWN if len(answers) == 2 else MET if answers == {True} else NOT_MET
    assert compare(left, operator, right) is expected


@given(intervals(), intervals())
def test_an_interval_inside_another_decides_no_less(wide: Interval, limit: Interval) -> None:
    """Sharpening a value changes no answer that was decided."""
    for operator in HOLDS:
        decided = compare(wide, operator, limit)
        if decided is not UNKNOWN:
            assert all(compare(exactly(number), operator, limit) is decided for number in points(wide))


# --- reading and printing ---------------------------------------------------------------------------------------------

DECIMALS = st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 6)).map(lambda pair: Fraction(pair[0], 10 ** pair[1]))


@given(DECIMALS)
def test_what_is_printed_reads_back(number: Fraction) -> None:
    """A short decimal is printed exactly."""
    assert parse_number(shown(number)) == number


@given(st.fractions(-(10**20), 10**20), st.integers(0, 8))
def test_what_is_cut_off_is_marked(number: Fraction, digits: int) -> None:
    """A printed number is the number, or is marked and less than one unit of the last digit away, towards zero."""
    text = shown(number, digits)
    read = parse_number(text.removeprefix("~"))
    assert read is not None
    assert text.startswith("~") is (read != number)
    assert abs(number) - Fraction(1, 10**digits) < abs(read) <= abs(number)
    assert "e" not in text.lower()


def test_large_numbers_are_printed_in_full() -> None:
    number = Fraction(10**30 + 1) + Fraction(1, 8)
    assert shown(number) == "1000000000000000000000000000001.125"
    assert shown(Fraction(-1, 10**9)) == "~0"
    assert shown(Fraction(0)) == "0"
    assert shown(Fraction(-3, 2), 0) == "~-1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", exactly(5)),
        (" +1.40 ", exactly(Fraction("1.4"))),
        (".5", exactly(Fraction(1, 2))),
        ("5.", exactly(5)),
        ("1e3", exactly(1000)),
        ("-2", exactly(-2)),
        ("<5", Interval(Fraction(0), Fraction(5), high_open=True)),
        ("<=5", Interval(Fraction(0), Fraction(5))),
        ("<= 0", exactly(0)),
        ("> 5", Interval(Fraction(5), None, low_open=True)),
        (">=5", Interval(Fraction(5), None)),
        (">-5", Interval(Fraction(-5), None, low_open=True)),
    ],
)
def test_numbers_and_limits_are_read(text: str, expected: Interval) -> None:
    assert parse_interval(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "1,4",
        "1 4",
        "1_000",
        "0x10",
        "1e",
        "1e1000",
        "inf",
        "NaN",
        "٣",
        "<",
        "<0",
        "<-1",
        "<=-1",
        "=<5",
        "1" * 41,
        "5 mg",
    ],
)
def test_anything_else_is_not_guessed(text: str) -> None:
    assert parse_interval(text) is None


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (ANYTHING, "any"),
        (exactly(5), "5"),
        (Interval(Fraction(0), Fraction(5), high_open=True), "< 5"),
        (Interval(None, Fraction(5)), "<= 5"),
        (Interval(Fraction(3), Fraction(7)), "3 to 7"),
        (Interval(Fraction(3), None), ">= 3"),
        (Interval(Fraction(3), None, low_open=True), "> 3"),
    ],
)
def test_intervals_print_as_they_are_written(interval: Interval, text: str) -> None:
    assert str(interval) == text


@given(st.integers(0, 999_999), st.sampled_from(("s", "min", "h", "d", "wk", "mo", "y")))
def test_durations_read_back_and_are_of_one_sort(number: int, unit: str) -> None:
    """A duration is clock time, days, or months, and only one of these."""
    found = parse_duration(f"{number} {unit}")
    assert found == Duration(number, unit)  # type: ignore[arg-type]  # the units are those of the type
    assert parse_duration(f" {number}{unit} ") == found
    assert parse_duration(str(found)) == found
    assert sum(part is not None for part in (found.seconds, found.days, found.months)) == 1


@pytest.mark.parametrize("text", ["", "d", "-1 d", "1.5 h", "1 week", "1 D", "1234567 d", "1 d 2 h", "٣ d"])
def test_other_durations_are_not_guessed(text: str) -> None:
    assert parse_duration(text) is None


# --- words ------------------------------------------------------------------------------------------------------------

WORDS = st.frozensets(st.sampled_from("abc"), min_size=1)


@given(WORDS, WORDS)
def test_a_word_is_among_others_when_every_possible_one_is(possible: frozenset[str], wanted: frozenset[str]) -> None:
    """Met if each word it may be is wanted, not met if none is, else unknown."""
    answers = {each in wanted for each in possible}
    expected = UNKNOWN if len(answers) == 2 else MET if answers == {True} else NOT_MET
    assert Codes(possible).among(wanted) is expected
    assert ANY_WORD.among(wanted) is UNKNOWN
    for each in possible:
        assume(expected is not UNKNOWN)
        assert word(each).among(wanted) is expected
