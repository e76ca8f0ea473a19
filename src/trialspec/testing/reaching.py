"""From a statement and the answer it is to have, back to the records that give it: the patients of every test.

`reach` walks one expression of the kernel. Of alternatives it chooses some, it places dates inside windows relative to
what stands already, picks numbers inside intervals, and uses silence where silence says no. `solve` reaches several
goals one after the other and goes back where a later record would change an earlier answer. Each step is read by the
reference before it is taken: nothing is drawn at random and filtered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Not, Pick, Run, Select, parts_of
from trialspec.quantity import Codes, Interval
from trialspec.testing.doubting import left_open
from trialspec.testing.draft import Draft, Goal
from trialspec.testing.generated.choices import Choose
from trialspec.testing.numbering import anything, bring, worded
from trialspec.testing.rows import in_rows
from trialspec.testing.searching import (
    MOST_WAYS,
    Search,
    SpentError,
    UnreachableError,
    all_of,
    apart,
    number_of,
    subsets,
)
from trialspec.testing.writing import Style, side
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, negate

_MOST_ATTEMPTS = 6


def solve(
    goals: Sequence[Goal], draft: Draft, choose: Choose, *, vary: bool = False, style: Style | None = None
) -> Draft:
    """Reach all goals, or raise `UnreachableError`; what is hardest to reach is tried first after it got stuck."""
    order = _forced(apart(goals), draft.settled)
    for _ in range(_MOST_ATTEMPTS):
        search = Search(choose, reach, vary, style)
        try:
            for found in _solved(tuple(order), draft, search):
                return found
        except SpentError:
            pass
        if not search.stuck:
            break
        worst = max(search.stuck, key=lambda index: search.stuck[index])
        moved = [order[worst], *order[:worst], *order[worst + 1 :]]
        if moved == order:
            break
        order = moved
    names = ", ".join(dict.fromkeys(f"{goal.name} {goal.wanted}" for goal in goals if goal.name))
    raise UnreachableError(f"no patient could be made with {names or 'these answers'}")


def _solved(goals: tuple[Goal, ...], draft: Draft, search: Search, depth: int = 0) -> Iterator[Draft]:
    if not goals:
        yield draft
        return
    goal, rest = goals[0], goals[1:]
    any_way = False
    search.pending = rest
    for reached in reach(goal, draft, search):
        any_way = True
        yield from _solved(rest, reached.settle(goal), search, depth + 1)
        search.pending = rest
    if not any_way:
        search.stuck[depth] = search.stuck.get(depth, 0) + 1


def _forced(goals: list[Goal], settled: tuple[Goal, ...]) -> list[Goal]:
    """Take apart also those goals that other goals leave only one way to reach; fail at once where they leave none."""
    while True:
        for index, goal in enumerate(goals):
            if not isinstance(goal.expr, AtLeast) or goal.wanted is UNKNOWN:
                continue
            others = (*goals[:index], *goals[index + 1 :], *settled)
            every = _choices(goal)
            ways = [way for way in every if not any(_contradicts(part, others) for part in way)]
            if not ways and len(every) < MOST_WAYS:
                names = ", ".join(dict.fromkeys(each.name for each in (goal, *others) if each.name))
                raise UnreachableError(f"no patient can be {goal.wanted} of {goal.name} beside {names}")
            if len(ways) == 1 and len(every) < MOST_WAYS:
                goals = apart([*goals[:index], *ways[0], *goals[index + 1 :]])
                break
        else:
            return goals


def _choices(goal: Goal) -> list[list[Goal]]:
    """Give the ways in which a choice between parts is reached."""
    expr = goal.expr
    assert isinstance(expr, AtLeast)
    size = expr.number if goal.wanted is MET else len(expr.of) - expr.number + 1
    found = subsets(len(expr.of), size)
    return [apart([replace(goal, expr=expr.of[index]) for index in subset]) for subset in found]


def _contradicts(goal: Goal, others: Sequence[Goal]) -> bool:
    """Whether another goal wants the very same statement to read otherwise."""
    return any(
        other.wanted is not goal.wanted
        and other.ask == goal.ask
        and (other.expr is goal.expr or other.expr == goal.expr)
        for other in others
    )


def reach(goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Give the drafts in which a statement reads as wanted: this one, if it does; then those with more records."""
    search.step()
    if draft.reads(goal):
        yield draft
    made = 0
    for reached in _ways(goal, draft, search):
        if reached.reads(goal):
            made += 1
            yield reached
            if made >= MOST_WAYS:
                return


def _ways(goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    expr, wanted = goal.expr, goal.wanted
    match expr:
        case Not(of=of):
            yield from reach(replace(goal, expr=of, wanted=negate(wanted)), draft, search)
        case AtLeast(number, of):
            yield from _some(goal, number, of, draft, search)
        case Compare(left=left) if wanted is UNKNOWN:
            yield from left_open(left, goal, draft, search)
        case Compare():
            yield from _compared(expr, goal, draft, search)
        case Run():
            yield from in_rows(expr, goal, draft, search)
        case _:
            return


def _some(goal: Goal, number: int, of: tuple[Expr, ...], draft: Draft, search: Search) -> Iterator[Draft]:
    """Choose which parts are met, not met or unknown."""
    spare = len(of) - number + 1
    # What speaks of the fewest things is the plainest way.
    weights = [_weight(part) for part in of]
    ways = subsets(len(of), number if goal.wanted is MET else spare)
    ways.sort(key=lambda way: sum(weights[index] for index in way))
    for chosen in search.any_order(ways):
        if goal.wanted is not UNKNOWN:
            wanted = [(index, goal.wanted) for index in chosen]
            parts = apart([replace(goal, expr=of[index]) for index in chosen])
            if not any(_contradicts(part, (*draft.settled, *search.pending)) for part in parts):
                yield from _all(goal, of, wanted, draft, search)
    if goal.wanted is UNKNOWN:
        for (unsure,) in search.any_order([(index,) for index in range(len(of))]):
            others = [index for index in range(len(of)) if index != unsure]
            for met in subsets(len(others), number - 1)[:MOST_WAYS]:
                wanted = [(unsure, UNKNOWN)]
                wanted += [(other, MET if place in met else NOT_MET) for place, other in enumerate(others)]
                yield from _all(goal, of, wanted, draft, search)


_weights: dict[int, tuple[Expr, int]] = {}


def _weight(part: Expr) -> int:
    """Give how many selections a statement speaks of."""
    entry = _weights.get(id(part))
    if entry is None:
        if len(_weights) > 5_000:
            _weights.clear()
        entry = _weights[id(part)] = (part, sum(1 for _ in parts_of(part, Select)))
    return entry[1]


def _all(
    goal: Goal, of: tuple[Expr, ...], wanted: list[tuple[int, Verdict]], draft: Draft, search: Search
) -> Iterator[Draft]:
    parts = apart([replace(goal, expr=of[index], wanted=verdict) for index, verdict in wanted])
    yield from all_of(tuple(parts), draft, search)


def _compared(expr: Compare, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Bring the left side to where it compares with the right side as wanted."""
    left, right = expr.left, expr.right
    if expr.operator == "in":
        words = right.value.words if isinstance(right, Constant) and isinstance(right.value, Codes) else None
        if isinstance(left, Pick) and words is not None:
            yield from worded(left, words, goal, draft, search)
        return
    if isinstance(right, Constant) and isinstance(right.value, Interval):
        limits: list[tuple[str | None, Interval]] = [(None, right.value)]
        if right.by_unit:
            limits = list(right.by_unit)
        for unit, limit in limits:
            domain = side(expr.operator, limit, goal.wanted)
            if domain is not None:
                yield from bring(left, domain, goal.ask, draft, search, unit=unit)
        return
    # A date against a point, or two numbers: the right side first.
    for placed in anything(right, goal.ask, draft, search):
        value = number_of(placed.read(right, goal.ask).value)
        domain = None if value is None else side(expr.operator, value, goal.wanted)
        if domain is not None:
            yield from bring(left, domain, goal.ask, placed, search)
