"""Law 4: an answer holds until it says so, and no longer than that is it asked again for nothing."""

import pytest
from hypothesis import given

from tests.laws.asking import Read, instants
from trialspec.interpreters.reading import Reading
from trialspec.interpreters.reference import read
from trialspec.kernel import Arithmetic, Fixed, parts_of
from trialspec.testing.generated.expressions import number
from trialspec.testing.strategies import Asked, asked

pytestmark = pytest.mark.slow


def holds_until(asked: Asked, read: Read = read) -> None:
    """Fail if a value changes before its `until`, by asking at every instant at which it could."""
    first = read(asked.expr, asked.question)
    ats = set(instants(asked))
    if first.until is not None:
        ats |= {first.until - 1, (first.until + asked.question.at) // 2, first.until}
    holding: list[tuple[int, Reading]] = []
    for at in sorted(ats):
        holding = [(since, kept) for since, kept in holding if kept.until is None or kept.until > at]
        reading = read(asked.expr, asked.question.on(at))
        assert reading.until is None or reading.until > at, f"until {reading.until} is not later than {at}"
        for earlier, before in holding:
            assert before.value == reading.value, (
                f"{before.value} at {earlier} was to hold until {before.until}, and is {reading.value} at {at}"
            )
        holding.append((at, reading))


def comes_to_rest(asked: Asked, read: Read = read) -> None:
    """Fail if following one `until` after the other does not come to an end soon.

    How many years something is ago changes once a year for ever: a number that counts them up to now never rests.
    """
    if any(part.how == "years" and not isinstance(part.right, Fixed) for part in parts_of(asked.expr, Arithmetic)):
        return
    at, woken, bound = asked.question.at, 0, 40 * (len(asked.question.timeline.items) + 1)
    while (until := read(asked.expr, asked.question.on(at)).until) is not None:
        woken += 1
        assert until > at
        assert woken <= bound, f"woken {woken} times, last at {at}, and still not at rest"
        at = until


@given(asked())
def test_no_value_changes_before_its_until(asked: Asked) -> None:
    """No reading's value changes before `until` while the known events stay the same, and `until` is later than now."""
    holds_until(asked)


@given(asked(number))
def test_no_number_changes_before_its_until(asked: Asked) -> None:
    """The same for a number: what a margin, a score or a fold is made of."""
    holds_until(asked)


@given(asked())
def test_idle_wake_ups_are_bounded(asked: Asked) -> None:
    """Asked again at each `until`, an answer soon has none: every wake-up uses up an event or an end of a window."""
    comes_to_rest(asked)
