"""Strong Kleene, by its whole tables: three values are few enough to try them all."""

from itertools import product

import pytest

from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, at_least, every, negate, some

VERDICTS = (MET, NOT_MET, UNKNOWN)
PAIRS = list(product(VERDICTS, repeat=2))
ROWS = [row for size in range(6) for row in product(VERDICTS, repeat=size)]


@pytest.mark.parametrize(("verdict", "opposite"), [(MET, NOT_MET), (NOT_MET, MET), (UNKNOWN, UNKNOWN)])
def test_not(verdict: Verdict, opposite: Verdict) -> None:
    """`not` turns met into not met and back, and leaves unknown."""
    assert negate(verdict) is opposite
    assert negate(negate(verdict)) is verdict


BOTH = {
    (MET, MET): MET,
    (MET, NOT_MET): NOT_MET,
    (MET, UNKNOWN): UNKNOWN,
    (NOT_MET, NOT_MET): NOT_MET,
    (NOT_MET, UNKNOWN): NOT_MET,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}
EITHER = {
    (MET, MET): MET,
    (MET, NOT_MET): MET,
    (MET, UNKNOWN): MET,
    (NOT_MET, NOT_MET): NOT_MET,
    (NOT_MET, UNKNOWN): UNKNOWN,
    (UNKNOWN, UNKNOWN): UNKNOWN,
}


@pytest.mark.parametrize("pair", PAIRS)
def test_and_and_or(pair: tuple[Verdict, Verdict]) -> None:
    """The tables of `and` and `or`, in either order."""
    one, other = pair
    table = BOTH.get((one, other)) or BOTH[other, one]
    assert every(pair) is table
    table = EITHER.get((one, other)) or EITHER[other, one]
    assert some(pair) is table


@pytest.mark.parametrize("pair", PAIRS)
def test_de_morgan(pair: tuple[Verdict, Verdict]) -> None:
    """Not both is one or the other not; not either is both not."""
    opposites = [negate(verdict) for verdict in pair]
    assert negate(every(pair)) is some(opposites)
    assert negate(some(pair)) is every(opposites)


def test_of_n_de_morgan() -> None:
    """Fewer than k of n are met exactly if n - k + 1 are not."""
    for row in ROWS:
        for number in range(len(row) + 2):
            opposites = [negate(verdict) for verdict in row]
            assert negate(at_least(number, row)) is at_least(len(row) - number + 1, opposites)


def test_there_is_no_excluded_middle() -> None:
    """*A or not A* is unknown when A is, and so is *A and not A*: nobody should mend that."""
    assert some((UNKNOWN, negate(UNKNOWN))) is UNKNOWN
    assert every((UNKNOWN, negate(UNKNOWN))) is UNKNOWN
    for verdict in (MET, NOT_MET):
        assert some((verdict, negate(verdict))) is MET


def test_at_least_is_what_every_resolution_agrees_on() -> None:
    """At least k of n is met, or not met, exactly if it is so whichever way the unknown ones turn out."""
    for row in ROWS:
        resolved = [[verdict] if verdict is not UNKNOWN else [MET, NOT_MET] for verdict in row]
        for number in range(len(row) + 2):
            counts = {sum(verdict is MET for verdict in way) >= number for way in product(*resolved)}
            expected = UNKNOWN if len(counts) > 1 else MET if counts == {True} else NOT_MET
            assert at_least(number, row) is expected


def test_exactly_is_at_least_and_not_one_more() -> None:
    """*Exactly n* is `at_least n` and not `at_least n + 1`: never certain while one that matters is unknown."""
    for row in ROWS:
        for number in range(len(row) + 1):
            exactly = every((at_least(number, row), negate(at_least(number + 1, row))))
            met = sum(verdict is MET for verdict in row)
            open_ = sum(verdict is UNKNOWN for verdict in row)
            if not open_:
                assert exactly is (MET if met == number else NOT_MET)
            elif met <= number <= met + open_:
                assert exactly is UNKNOWN
            else:
                assert exactly is NOT_MET


def test_of_nothing() -> None:
    """All of none are met; any of none is not."""
    assert every(()) is MET
    assert some(()) is NOT_MET


def test_agreed() -> None:
    """Several worlds answer what they all answer, else unknown."""
    for row in ROWS[1:]:
        assert agreed(row) is (row[0] if set(row) == {row[0]} else UNKNOWN)
