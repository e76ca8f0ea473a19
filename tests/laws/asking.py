"""Instants at which an answer could possibly change, found without asking the reference when it thinks it may."""

from collections.abc import Callable, Iterator

from trialspec.interpreters.reading import Question, Reading
from trialspec.kernel import Expr, Shift
from trialspec.patient import FAR, Item
from trialspec.quantity import Duration
from trialspec.testing.strategies import Asked
from trialspec.times import DAY, shift_months

# An evaluator: the reference, or one that is wrong on purpose.
Read = Callable[[Expr, Question], Reading]


def durations(part: object) -> frozenset[tuple[Duration, bool]]:
    """Every duration that an expression moves a point by, and whether it moves it back."""
    found: set[tuple[Duration, bool]] = set()
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, Shift):
            found.add((node.by, node.earlier))
        if isinstance(node, tuple):
            stack.extend(node)
        elif hasattr(node, "__dataclass_fields__"):
            stack.extend(getattr(node, name) for name in node.__dataclass_fields__ if name != "place")
    return frozenset(found)


def _moved(day: int, by: Duration, *, earlier: bool) -> int:
    sign = -1 if earlier else 1
    if by.months is not None:
        return shift_months(day, sign * by.months)
    return day + sign * (by.days if by.days is not None else (by.seconds or 0) // DAY)


def _dates(item: Item) -> Iterator[int]:
    for when in (item.when, item.visible, item.end):
        if when is not None:
            yield from (day for day in (when.first, when.last) if day < FAR)


def instants(asked: Asked, most: int = 48) -> list[int]:
    """Instants from the question on: each event's and its neighbours by a second, local midnights, moved by durations.

    An answer changes where a date or an instant is passed, perhaps moved by one or more of the durations in use.
    """
    question, zone = asked.question, asked.calendar.zone
    moves = durations(asked.expr)
    seconds = {0} | {s if earlier else -s for by, earlier in moves if (s := by.seconds) is not None}
    found: set[int] = set()
    days: set[int] = set()
    for item in question.timeline.items:
        for when in (item.when, item.visible, item.end):
            if when is not None and when.last < FAR:
                for instant in when.span(zone):
                    found |= {instant + moved + near for moved in seconds for near in (-1, 0, 1)}
        days |= set(_dates(item))
    once = {_moved(day, by, earlier=not earlier) for day in days for by, earlier in moves}
    twice = {_moved(day, by, earlier=not earlier) for day in once for by, earlier in moves} if len(moves) < 5 else set()
    today = zone.date_of(question.at)
    days |= once | twice | {today + day for day in range(12)}
    for day in days:
        start = zone.start_of(day), zone.start_of(day + 1)
        found |= {instant + moved + near for instant in start for moved in seconds for near in (-1, 0)}
    later = sorted(instant for instant in found if instant > question.at)
    if len(later) <= most:
        return [question.at, *later]
    # The near ones, and of the rest an even share.
    near, far = later[: most // 2], later[most // 2 :]
    return [question.at, *near, *far[:: len(far) // (most // 2) + 1]]


def speaks_of(part: object, *kinds: type) -> bool:
    """Whether an expression has a node of one of these kinds anywhere."""
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, kinds):
            return True
        if isinstance(node, tuple):
            stack.extend(node)
        elif hasattr(node, "__dataclass_fields__"):
            stack.extend(getattr(node, name) for name in node.__dataclass_fields__ if name != "place")
    return False
