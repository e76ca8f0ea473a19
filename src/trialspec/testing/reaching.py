"""From a statement and the answer it is to have, back to the records that give it: the patients of every test.

`reach` walks one expression of the kernel. Of alternatives it chooses some, it places dates inside windows relative to
what stands already, picks numbers inside intervals, and uses silence where silence says no. `solve` reaches several
goals one after the other and goes back where a later record would change an earlier answer. Each step is read by the
reference before it is taken: nothing is drawn at random and filtered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from itertools import combinations, islice

from trialspec.interpreters.generated.choices import Choose
from trialspec.interpreters.selection import locate
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Daily,
    Expr,
    Fold,
    Moment,
    Not,
    Pick,
    Run,
    Score,
    Select,
    Test,
    Window,
    parts_of,
)
from trialspec.program import Derivation
from trialspec.quantity import ANYTHING, Codes, Interval, add, divide, exactly, minus, scale, subtract
from trialspec.testing.dates import Stretch, shown_clock, stretch, times
from trialspec.testing.draft import Ask, Draft, Goal, Raw, named, words_of
from trialspec.testing.writing import (
    ABOUT,
    Domain,
    Style,
    both,
    denial,
    domain_of,
    holds,
    inside,
    records,
    side,
    step_of,
    written_in,
)
from trialspec.times import When, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, negate
from trialspec.vocabulary import Term

_MOST_WAYS = 24
_ONE_PLACE = "central"
_MOST_STEPS = 400
_MOST_ATTEMPTS = 6


class UnreachableError(Exception):
    """No patient could be made for what was asked: which goal could not be reached, beside which others."""


class _SpentError(Exception):
    """A search has taken too many steps."""


@dataclass
class Search:
    """What a search goes by: who chooses, whether plain things come first, and how many steps are left."""

    choose: Choose
    vary: bool = False
    style: Style | None = None
    steps: int = _MOST_STEPS
    pending: tuple[Goal, ...] = ()
    alike: Mapping[str, frozenset[str]] = field(default_factory=dict)
    stuck: dict[int, int] = field(default_factory=dict)

    def step(self) -> None:
        """Count one step."""
        self.steps -= 1
        if self.steps < 0:
            raise _SpentError

    def any_order(self, ways: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        """Give ways beginning anywhere; the first is the plainest."""
        if not ways:
            return
        start = self.choose(len(ways))
        yield from ways[start:]
        yield from ways[:start]


def solve(
    goals: Sequence[Goal], draft: Draft, choose: Choose, *, vary: bool = False, style: Style | None = None
) -> Draft:
    """Reach all goals, or raise `UnreachableError`; what is hardest to reach is tried first after it got stuck."""
    order = _forced(_flat(goals), draft.settled)
    for _ in range(_MOST_ATTEMPTS):
        search = Search(choose, vary, style)
        try:
            for found in _solved(tuple(order), draft, search):
                return found
        except _SpentError:
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


def _flat(goals: Sequence[Goal]) -> list[Goal]:
    """Take goals apart that all have to be reached; those with no choice come first."""
    found: list[Goal] = []
    for goal in goals:
        match goal.expr, goal.wanted:
            case Not(of=of), _:
                found += _flat([replace(goal, expr=of, wanted=negate(goal.wanted))])
            case AtLeast(number, of), verdict if verdict is MET and number == len(of):
                found += _flat([replace(goal, expr=part) for part in of])
            case AtLeast(1, of), verdict if verdict is NOT_MET:
                found += _flat([replace(goal, expr=part) for part in of])
            case _:
                found.append(goal)
    unknown = [goal for goal in found if goal.wanted is UNKNOWN]
    plain = [goal for goal in found if goal.wanted is not UNKNOWN and not isinstance(goal.expr, AtLeast)]
    other = [goal for goal in found if goal.wanted is not UNKNOWN and isinstance(goal.expr, AtLeast)]
    return [*plain, *other, *unknown] if not unknown else [*unknown, *plain, *other]


def _forced(goals: list[Goal], settled: tuple[Goal, ...]) -> list[Goal]:
    """Take apart also those goals that other goals leave only one way to reach; fail at once where they leave none."""
    while True:
        for index, goal in enumerate(goals):
            if not isinstance(goal.expr, AtLeast) or goal.wanted is UNKNOWN:
                continue
            others = (*goals[:index], *goals[index + 1 :], *settled)
            every = _choices(goal)
            ways = [way for way in every if not any(_contradicts(part, others) for part in way)]
            if not ways and len(every) < _MOST_WAYS:
                names = ", ".join(dict.fromkeys(each.name for each in (goal, *others) if each.name))
                raise UnreachableError(f"no patient can be {goal.wanted} of {goal.name} beside {names}")
            if len(ways) == 1 and len(every) < _MOST_WAYS:
                goals = _flat([*goals[:index], *ways[0], *goals[index + 1 :]])
                break
        else:
            return goals


def _choices(goal: Goal) -> list[list[Goal]]:
    """Give the ways in which a choice between parts is reached."""
    expr = goal.expr
    assert isinstance(expr, AtLeast)
    size = expr.number if goal.wanted is MET else len(expr.of) - expr.number + 1
    subsets = _subsets(len(expr.of), size)
    return [_flat([replace(goal, expr=expr.of[index]) for index in subset]) for subset in subsets]


def _contradicts(goal: Goal, others: Sequence[Goal]) -> bool:
    """Whether another goal wants the very same statement to read otherwise."""
    return any(
        other.wanted is not goal.wanted
        and other.ask == goal.ask
        and (other.expr is goal.expr or other.expr == goal.expr)
        for other in others
    )


# --- statements -------------------------------------------------------------------------------------------------------


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
            if made >= _MOST_WAYS:
                return


def _ways(goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    expr, wanted = goal.expr, goal.wanted
    match expr:
        case Not(of=of):
            yield from reach(replace(goal, expr=of, wanted=negate(wanted)), draft, search)
        case AtLeast(number, of):
            yield from _some(goal, number, of, draft, search)
        case Compare(left=left) if wanted is UNKNOWN:
            yield from _unknown(left, goal, draft, search)
        case Compare():
            yield from _compared(expr, goal, draft, search)
        case Run():
            yield from _run(expr, goal, draft, search)
        case _:
            return


def _some(goal: Goal, number: int, of: tuple[Expr, ...], draft: Draft, search: Search) -> Iterator[Draft]:
    """Choose which parts are met, not met or unknown."""
    spare = len(of) - number + 1
    # What speaks of the fewest things is the plainest way.
    weights = [_weight(part) for part in of]
    ways = _subsets(len(of), number if goal.wanted is MET else spare)
    ways.sort(key=lambda way: sum(weights[index] for index in way))
    for chosen in search.any_order(ways):
        if goal.wanted is not UNKNOWN:
            wanted = [(index, goal.wanted) for index in chosen]
            parts = _flat([replace(goal, expr=of[index]) for index in chosen])
            if not any(_contradicts(part, (*draft.settled, *search.pending)) for part in parts):
                yield from _all(goal, of, wanted, draft, search)
    if goal.wanted is UNKNOWN:
        for (unsure,) in search.any_order([(index,) for index in range(len(of))]):
            others = [index for index in range(len(of)) if index != unsure]
            for met in _subsets(len(others), number - 1)[:_MOST_WAYS]:
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


def _subsets(number: int, size: int) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for each in combinations(range(number), max(size, 0)):
        found.append(each)
        if len(found) >= _MOST_WAYS:
            break
    return found


def _all(
    goal: Goal, of: tuple[Expr, ...], wanted: list[tuple[int, Verdict]], draft: Draft, search: Search
) -> Iterator[Draft]:
    parts = _flat([replace(goal, expr=of[index], wanted=verdict) for index, verdict in wanted])
    yield from _each(tuple(parts), draft, search)


def _each(parts: tuple[Goal, ...], draft: Draft, search: Search) -> Iterator[Draft]:
    """Reach several statements; they stay settled only for as long as it takes."""
    if not parts:
        yield draft
        return
    before, pending = draft.settled, search.pending
    search.pending = (*parts[1:], *pending)
    for reached in reach(parts[0], draft, search):
        for whole in _each(parts[1:], reached.settle(parts[0]), search):
            yield whole.settling(before)
        search.pending = (*parts[1:], *pending)
    search.pending = pending


def _compared(expr: Compare, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Bring the left side to where it compares with the right side as wanted."""
    left, right = expr.left, expr.right
    if expr.operator == "in":
        words = right.value.words if isinstance(right, Constant) and isinstance(right.value, Codes) else None
        if isinstance(left, Pick) and words is not None:
            yield from _worded(left, words, goal, draft, search)
        return
    if isinstance(right, Constant) and isinstance(right.value, Interval):
        limits: list[tuple[str | None, Interval]] = [(None, right.value)]
        if right.by_unit:
            limits = list(right.by_unit)
        for unit, limit in limits:
            domain = side(expr.operator, limit, goal.wanted)
            if domain is not None:
                yield from _to(left, domain, goal.ask, draft, search, unit=unit)
        return
    # A date against a point, or two numbers: the right side first.
    for placed in _anything(right, goal.ask, draft, search):
        value = _number(placed.read(right, goal.ask).value)
        domain = None if value is None else side(expr.operator, value, goal.wanted)
        if domain is not None:
            yield from _to(left, domain, goal.ask, placed, search)


def _number(value: object) -> Interval | None:
    if isinstance(value, When):
        return Interval(Fraction(value.first), Fraction(value.last))
    return value if isinstance(value, Interval) else None


# --- numbers ----------------------------------------------------------------------------------------------------------


def _anything(expr: Expr, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Give the drafts in which a number or date is known."""
    value = draft.read(expr, ask).value
    if isinstance(value, When) or (isinstance(value, Interval) and value.exact is not None):
        yield draft
        return
    yield from _to(expr, ANYTHING, ask, draft, search)


def _to(
    expr: Expr, domain: Interval, ask: Ask, draft: Draft, search: Search, *, unit: str | None = None
) -> Iterator[Draft]:
    """Give the drafts in which a number is surely in a domain."""
    search.step()
    value = _number(draft.read(expr, ask).value)
    if value is not None and value.exact is not None and inside(value, domain):
        yield draft
    match expr:
        case Pick(field="birth"):
            yield from _born(domain, ask, draft)
        case Pick():
            yield from _picked(expr, domain, ask, draft, search, unit=unit)
        case Fold(how="count" | "distinct"):
            yield from _counted(expr, domain, ask, draft, search)
        case Fold():
            yield from _summed(expr, domain, ask, draft, search, unit=unit)
        case Daily():
            yield from _each_day(expr, domain, ask, draft, search)
        case Score(items):
            yield from _scored(items, domain, ask, draft, search)
        case Arithmetic():
            yield from _calculated(expr, domain, ask, draft, search)
        case Moment(of=of):
            yield from _exists(of, ask, draft, search)
        case _:
            return


def _calculated(expr: Arithmetic, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Know one side, and bring the other to where the result is in the domain."""
    if expr.alike:
        # From here on everything is measured at one place.
        search.alike = {**search.alike, expr.alike: frozenset({_ONE_PLACE})}
    left = _number(draft.read(expr.left, ask).value)
    if left is not None and left.exact is not None and not _known(expr.right, ask, draft):
        aim = _aim_right(expr, domain, left)
        if aim is not None:
            yield from _to(expr.right, aim, ask, draft, search)
            return
    for placed in _anything(expr.right, ask, draft, search):
        right = _number(placed.read(expr.right, ask).value)
        aim = None if right is None else _aim_left(expr, domain, right)
        if aim is not None:
            yield from _to(expr.left, aim, ask, placed, search)


def _known(expr: Expr, ask: Ask, draft: Draft) -> bool:
    value = _number(draft.read(expr, ask).value)
    return value is not None and value.exact is not None


def _aim_left(expr: Arithmetic, domain: Interval, right: Interval) -> Interval | None:
    number = right.exact
    match expr.how:
        case "add":
            return subtract(domain, right)
        case "subtract":
            return add(domain, right)
        case "multiply":
            return None if not number else scale(domain, 1 / number)
        case "divide":
            return None if not number else scale(domain, number)
        case "least" | "greatest" | "round":
            # Near enough: what comes of it is read before it is taken.
            return domain
        case "power" | "years":
            return None


def _aim_right(expr: Arithmetic, domain: Interval, left: Interval) -> Interval | None:
    number = left.exact
    match expr.how:
        case "add":
            return subtract(domain, left)
        case "subtract":
            return add(minus(domain), left)
        case "multiply":
            return None if not number else scale(domain, 1 / number)
        case "divide":
            return divide(left, domain)
        case "least" | "greatest":
            return domain
        case "power" | "round" | "years":
            return None


def _picked(
    pick: Pick, domain: Interval, ask: Ask, draft: Draft, search: Search, *, unit: str | None
) -> Iterator[Draft]:
    """Add the item that is picked, with a number in the domain; in a narrower one that what comes needs, too."""
    for more in _derived(pick, ask, draft, search):
        value = _number(more.read(pick, ask).value)
        if value is not None and inside(value, domain):
            yield more
    for aim in _narrowed(pick, domain, search):
        for more in _selected(
            pick.of, ask, draft, search, {pick.field: aim}, unit=unit, near=_near(pick, ask, draft, search)
        ):
            value = _number(more.read(pick, ask).value)
            if value is not None and inside(value, domain):
                yield more


def _derived(pick: Pick, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Give the drafts in which a measure that nobody records has a value, of one that it is made of after the other."""
    names = named(pick.of) or frozenset()
    for each in draft.protocol.derived:
        if each.measure not in names:
            continue
        known = [other for other in parts_of(each.value, Pick) if other.of.kind == "person"]
        for placed in _persons(known, ask, draft, search):
            there = stretch(pick.of.window, placed.question(ask))
            if not isinstance(there, Stretch):
                continue
            for time in islice(times(there, draft.zone, search.choose), 2):
                yield from _with_sources(each, time, placed, search)


def _persons(picks: Sequence[Pick], ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Say of the person what a formula asks for: sex and birth, as it comes."""
    if not picks:
        yield draft
        return
    value = draft.read(picks[0], ask).value
    if isinstance(value, When) or (isinstance(value, Codes) and value.words is not None):
        yield from _persons(picks[1:], ask, draft, search)
        return
    if picks[0].field == "birth":
        ways = _born(ANYTHING, ask, draft)
    else:
        ways = (way for word in ("female", "male") for way in _personal({picks[0].field: word}, ask, draft))
    for more in ways:
        yield from _persons(picks[1:], ask, more, search)


def _with_sources(derivation: Derivation, time: str, draft: Draft, search: Search) -> Iterator[Draft]:
    """Write down the values that a derived one is made of: the one it is dated by over all that it can be."""
    terms = [draft.program.vocabulary.get(name) for name in sorted(named(derivation.dated_by) or ())]
    others: dict[str, Pick] = {}
    for pick in parts_of(derivation.value, Pick):
        for name in (named(pick.of) or frozenset()) if pick.of.kind == "observation" else ():
            others.setdefault(name, pick)
    dated = {term.name for term in terms if term is not None}
    beside: Draft | None = draft
    for name, pick in others.items():
        if name in dated or beside is None:
            continue
        raw = next(iter(records(draft.program, pick.of, search.choose, style=search.style)), None)
        beside = None if raw is None else beside.add({**raw, "time": time})
    for term in terms:
        if term is None or beside is None:
            continue
        for number in _ladder(term):
            for written in islice(written_in(term, number), 1):
                search.step()
                more = beside.add({"kind": "observation", "measure": term.name, **written, "time": time})
                if more is not None:
                    yield more


def _ladder(term: Term) -> list[Fraction]:
    """Give numbers over all that a measure can be, each some tenths above the last."""
    step = step_of(term)
    low = max(term.possible.low or Fraction(0), step)
    high = term.possible.high or step * 10_000
    found, number = list[Fraction](), low
    while number <= high and len(found) < 60:
        found.append(Fraction(round(number / step)) * step)
        number = max(number + step, number * Fraction(5, 4))
    return list(dict.fromkeys(found))


def _narrowed(pick: Pick, domain: Interval, search: Search) -> Iterator[Interval]:
    """Give the domain narrowed by the goals that are to come and ask for the same measure; then as it is."""
    narrow: Interval | None = domain
    names = named(pick.of)
    for goal in search.pending:
        expr = goal.expr
        if not (isinstance(expr, Compare) and isinstance(expr.left, Pick) and isinstance(expr.right, Constant)):
            continue
        same = expr.left.field == pick.field and named(expr.left.of) == names and expr.left.of.kind == pick.of.kind
        limit = expr.right.value
        if same and narrow is not None and isinstance(limit, Interval) and expr.operator != "in":
            also = side(expr.operator, limit, goal.wanted)
            narrow = None if also is None else both(narrow, also)
    if narrow is not None and narrow != domain:
        yield narrow
    yield domain


def _near(pick: Pick, ask: Ask, draft: Draft, search: Search) -> tuple[int, ...]:
    """Give the date at which an item would be the one that is picked."""
    if pick.to is not None:
        day = locate(pick.to, draft.question(ask)).value
        if not isinstance(day, When):
            return ()
        return (day.first,) if search.style is None else (search.style.day(day.first), day.first)
    return ()


def _worded(pick: Pick, words: frozenset[str], goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    domain: Domain = words
    if goal.wanted is NOT_MET:
        others = _other_words(pick, draft) - words
        if not others:
            return
        domain = others
    yield from _selected(
        pick.of, goal.ask, draft, search, {pick.field: domain}, near=_near(pick, goal.ask, draft, search)
    )


_WORDS = {
    "sex": frozenset({"female", "male"}),
    "outcome": frozenset({"inadequate_response", "intolerance", "relapse", "response"}),
    "serious": frozenset({"yes", "no"}),
    "related": frozenset({"yes", "no"}),
}


def _other_words(pick: Pick, draft: Draft) -> frozenset[str]:
    if pick.field in _WORDS:
        return _WORDS[pick.field]
    found = frozenset[str]()
    for test in pick.of.tests:
        if test.field == pick.field:
            found |= words_of(test) or frozenset()
    for name in named(pick.of) or ():
        term = draft.program.vocabulary.get(name)
        found |= term.values if term is not None else frozenset()
    return found or frozenset({"other"})


def _born(domain: Interval, ask: Ask, draft: Draft) -> Iterator[Draft]:
    """Write down a birth date; a round one where there is room."""
    day = draft.zone.date_of(ask.at)
    low = int(domain.low) if domain.low is not None else None
    high = int(domain.high) if domain.high is not None else None
    liked = [day - 14_610, day - 21_915, day - 7_305]
    liked += [end + near for end in (low, high) if end is not None for near in (0, 1, -1, 200, -200, 4_000, -4_000)]
    for number in liked:
        if holds(Fraction(number), domain) and number < day:
            yield from _personal({"birth": shown_date(number)}, ask, draft)


def _personal(keys: Raw, ask: Ask, draft: Draft) -> Iterator[Draft]:
    """Say something of the person: in the record of that kind if there is one."""
    for index, raw, _ in draft.of_kind("person"):
        if not any(key in raw for key in keys):
            more = draft.extend(index, keys)
            if more is not None:
                yield more
        return
    begun = draft.notes.get("begun", draft.zone.date_of(ask.at))
    more = draft.add({"kind": "person", **keys, "time": shown_date(min(begun, draft.zone.date_of(ask.at)))})
    if more is not None:
        yield more


# --- things -----------------------------------------------------------------------------------------------------------


def _exists(query: Select, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add one thing that a selection holds."""
    yield from _selected(query, ask, draft, search, {})


def _selected(
    query: Select,
    ask: Ask,
    draft: Draft,
    search: Search,
    fields: dict[str, Domain],
    *,
    unit: str | None = None,
    near: Sequence[int] = (),
) -> Iterator[Draft]:
    """Add a record that a selection holds, with fields as they are to be, anywhere in its window."""
    if query.kind == "observation":
        fields = {**search.alike, **fields}
    if query.kind == "person":
        for raw in records(draft.program, query, search.choose, fields):
            yield from _personal({key: word for key, word in raw.items() if key != "kind"}, ask, draft)
        return
    there = stretch(query.window, draft.question(ask))
    if isinstance(there, Moment):
        for placed in _happened(there, ask, draft, search):
            yield from _selected(query, ask, placed, search, fields, unit=unit, near=near)
        return
    if there is None:
        return
    sayings = records(draft.program, query, search.choose, fields, unit=unit, vary=search.vary, style=search.style)
    for raw in islice(sayings, _MOST_WAYS):
        for time in _times(query, there, draft, search, near):
            for lasting in _lasting(query, time):
                search.step()
                more = draft.add({**raw, "time": time, **lasting})
                if more is not None:
                    yield more


def _lasting(query: Select, time: str) -> Iterator[Raw]:
    """Say how long something lasted: nothing of it first, then that it was over at once, then that it goes on."""
    if query.lasting is not None:
        days = -(-(_seconds(query.lasting) or 0) // 86_400) + 1
        start = shown_date(date.fromisoformat(time[:10]).toordinal() - days)
        yield {"start": start, "end": time}
        yield {"start": start, "ongoing": "yes"}
    yield {}
    if query.kind in {"therapy", "condition", "adverse_event"}:
        yield {"end": time}
        yield {"ongoing": "yes"}


def _happened(moment: Moment, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Let a moment come that something has to wait for."""
    if isinstance(locate(moment, draft.question(ask)).value, When):
        return
    yield from _exists(moment.of, ask, draft, search)


def _times(query: Select, there: Stretch, draft: Draft, search: Search, near: Sequence[int]) -> Iterator[str]:
    """Give times for a thing: history before the screening, what is measured from then on."""
    notes = draft.notes
    liked = [*near]
    if not near and "screened" in notes:
        screened = notes["screened"]
        last = there.last
        if query.kind == "observation":
            liked += [screened] if query.window.end is None and query.window.start is None else []
        elif query.kind in {"condition", "therapy", "procedure", "administration", "adverse_event"}:
            wide = there.first is None or (not there.clock and there.first <= screened - 30)
            liked += [day for day in (screened - 30, screened - 60, screened - 120) if wide and day <= last]
    return times(there, draft.zone, search.choose, liked, vary=search.vary)


def _counted(fold: Fold, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add as many things as it takes; where none is to be and silence does not say so, a denial."""
    count = _number(draft.read(fold, ask).value)
    low = 0 if domain.low is None else int(domain.low) + (1 if domain.low_open or domain.low.denominator > 1 else 0)
    if count is None or count.low is None:
        return
    if count.high is None and holds(count.low, domain):
        # Silence does not say no: somebody has to.
        there = stretch(fold.of.window, draft.question(ask))
        said = denial(draft.program, fold.of)
        if said is not None and isinstance(there, Stretch):
            for time in times(there, draft.zone, search.choose):
                more = draft.add({**said, "time": time})
                if more is not None:
                    yield more
        return
    lacking = low - int(count.low)
    if 0 < lacking <= _MOST_WAYS:
        yield from _added(fold, lacking, ask, draft, search)


def _added(fold: Fold, lacking: int, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add things that count, one after the other."""
    if lacking == 0:
        yield draft
        return
    before = _number(draft.read(fold, ask).value)
    for more in _selected(fold.of, ask, draft, search, {}):
        after = _number(more.read(fold, ask).value)
        if before is None or after is None or after.low is None or before.low is None or after.low <= before.low:
            continue
        yield from _added(fold, lacking - 1, ask, more, search)


def _summed(
    fold: Fold, domain: Interval, ask: Ask, draft: Draft, search: Search, *, unit: str | None
) -> Iterator[Draft]:
    """Add what is lacking to a sum, or as many values as a mean needs."""
    value = _number(draft.read(fold, ask).value)
    aim = domain
    if fold.how == "sum" and value is not None and value.exact is not None:
        aim = subtract(domain, value)
    for more in _selected(fold.of, ask, draft, search, {fold.field: aim}, unit=unit):
        reading = _number(more.read(fold, ask).value)
        if reading is not None and inside(reading, domain):
            yield more
        elif fold.how == "mean" and reading is None and len(more.written) - len(draft.written) < fold.least:
            yield from _summed(fold, domain, ask, more, search, unit=unit)


def _each_day(expr: Daily, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Let something be taken or given on as many dates of the window, and as much, as it takes."""
    many = expr.how in {"days", "row"}
    amount = domain if not many or expr.holds is None else _held(expr.holds, MET)
    for query, times_ in expr.of:
        there = stretch(query.window, draft.question(ask))
        share = times_.exact
        if not isinstance(there, Stretch) or not isinstance(amount, Interval) or not share:
            continue
        key = "dose" if query.kind == "therapy" else "amount"
        last = there.last
        first = last - 60 if there.first is None else there.first
        lengths = [last - first + 1] if not many else _lengths(domain, last - first + 1)
        for length in lengths:
            days = 1 if many or expr.how == "greatest" else length
            aim = scale(amount, 1 / (share * days))
            for raw in islice(records(draft.program, query, search.choose, {key: aim}), 4):
                start = last - length + 1
                keys = {"start": shown_date(start), "end": shown_date(last)} if key == "dose" else {}
                more = draft.add({**raw, **keys, "time": shown_date(start)})
                if more is not None:
                    yield more
        # None of it at all, where silence does not say so.
        said = denial(draft.program, query)
        if said is not None and (more := draft.add({**said, "time": shown_date(last)})) is not None:
            yield more


def _lengths(domain: Interval, most: int) -> list[int]:
    """Give numbers of days in a domain."""
    return [days for days in (*range(1, min(most, 40) + 1), most) if holds(Fraction(days), domain)][:4]


def _scored(
    items: tuple[tuple[Expr, Interval], ...], domain: Interval, ask: Ask, draft: Draft, search: Search
) -> Iterator[Draft]:
    """Choose the items of a score that are met."""
    weights = [weight.exact or Fraction(0) for _, weight in items]
    tried = 0
    for size in range(len(items) + 1):
        for chosen in search.any_order(_subsets(len(items), size)):
            if not holds(sum((weights[index] for index in chosen), Fraction(0)), domain):
                continue
            tried += 1
            parts = [Goal(item, MET if index in chosen else NOT_MET, ask) for index, (item, _) in enumerate(items)]
            yield from _each(tuple(_flat(parts)), draft, search)
            if tried >= _MOST_WAYS:
                return


# --- rows of readings -------------------------------------------------------------------------------------------------


def _run(run: Run, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add readings in a row that pass, or as many that do not; for *unknown* one that is too few."""
    if run.then is not None:
        yield from _followed(run, goal, draft, search)
        return
    wanted = NOT_MET if goal.wanted is NOT_MET else MET
    there = stretch(run.of.window, draft.question(goal.ask))
    if isinstance(there, Moment):
        for placed in _happened(there, goal.ask, draft, search):
            yield from _run(run, goal, placed, search)
        return
    domain = _held(run.holds, wanted)
    if not isinstance(there, Stretch) or domain is None:
        return
    number = run.number if goal.wanted is not UNKNOWN else 1
    for raw in records(draft.program, run.of, search.choose, {run.holds.field: domain}):
        for apart in _distances(run, number):
            yield from _in_a_row(raw, apart, there, draft, search)
        return


def _held(test: Test, wanted: Verdict) -> Domain | None:
    if test.operator == "in":
        return words_of(test) if wanted is MET else None
    return domain_of(test, wanted)


def _distances(run: Run, number: int) -> Iterator[tuple[int, ...]]:
    """Give how many seconds before the last reading each of a row stands."""
    span = _seconds(run.span) or 0
    gap = _seconds(run.gap)
    if number < 2:
        yield (0,)
        return
    count = number
    if gap:
        count = max(number, -(-span // gap) + 1)
    for wider in (0, 86_400, 5 * 86_400):
        whole = max(span, (count - 1) * 86_400 if not gap or gap >= 86_400 else (count - 1) * gap) + wider
        if gap and whole > gap * (count - 1):
            whole = gap * (count - 1)
        step = whole // (count - 1)
        days = step - step % 86_400
        step = days if days and days * (count - 1) >= span else step
        yield (*(step * back for back in range(count - 1)), max(span, step * (count - 1)))
    if span <= 3600 * (count - 1):
        # All on one date, an hour apart.
        yield tuple(3600 * back for back in range(count))


def _seconds(duration: object) -> int | None:
    for name, length in (("seconds", 1), ("days", 86_400), ("months", 31 * 86_400)):
        number = getattr(duration, name, None)
        if number is not None:
            return int(number) * length
    return None


def _in_a_row(raw: Raw, apart: tuple[int, ...], there: Stretch, draft: Draft, search: Search) -> Iterator[Draft]:
    whole = apart[-1] % 86_400 == 0 and all(each % 86_400 == 0 for each in apart)
    zone = draft.zone
    if whole and not there.clock:
        for time in _ends(there, draft):
            days = [time - each // 86_400 for each in apart]
            if there.first is not None and days[-1] < there.first:
                continue
            search.step()
            more = draft.add_all({**raw, "time": shown_date(day)} for day in reversed(days))
            if more is not None:
                yield more
        return
    last = there.last if there.clock else zone.end_of(there.last) - 3599 - 12 * 3600
    at = (last // 3600) * 3600
    more = draft.add_all({**raw, "time": shown_clock(at - each, zone)} for each in reversed(apart))
    if more is not None:
        yield more


def _ends(there: Stretch, draft: Draft) -> Iterator[int]:
    screened = draft.notes.get("screened")
    if screened is not None and screened <= there.last and (there.first is None or screened >= there.first):
        yield screened
    yield there.last
    yield there.last - 1
    if there.first is not None:
        yield (there.first + there.last) // 2


def _followed(run: Run, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add one thing, and another after it."""
    assert run.then is not None
    if goal.wanted is NOT_MET:
        if draft.read(run, goal.ask).verdict is UNKNOWN:
            yield from _counted(Fold("count", run.then), exactly(0), goal.ask, draft, search)
        return
    if goal.wanted is UNKNOWN:
        yield from _doubted(run.of, goal, draft, search)
        for first in _exists(run.of, goal.ask, draft, search):
            yield from _doubted(run.then, goal, first, search)
        return
    seconds = _seconds(run.span) or 86_400
    for first in _exists(run.of, goal.ask, draft, search):
        day = first.written[-1][1].when.first
        after = day + max(1, -(-seconds // 86_400))
        window = Window(run.then.window.start, run.then.window.end, run.then.window.after, run.then.window.before)
        there = stretch(window, first.question(goal.ask))
        if not isinstance(there, Stretch):
            continue
        for raw in records(draft.program, run.then, search.choose, {}):
            for time in (after, after + 1, there.last):
                more = first.add({**raw, "time": shown_date(time)})
                if more is not None:
                    yield more


# --- what stays open --------------------------------------------------------------------------------------------------


def _unknown(left: Expr, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Leave a comparison open: by a thing that may be there, or by a value that cannot be trusted."""
    match left:
        case Fold(how="count" | "distinct", of=query):
            yield from _doubted(query, goal, draft, search)
            yield from _doubted_beside(left, goal, draft, search)
        case Fold(of=query) | Pick(of=query):
            yield from _doubted(query, goal, draft, search)
        case Daily(of=of):
            for query, _ in of:
                yield from _doubted(query, goal, draft, search)
        case Arithmetic(left=inner, right=other):
            for part in (inner, other):
                yield from _unknown(part, goal, draft, search)
        case Score(items):
            for item, _ in items:
                yield from reach(Goal(item, UNKNOWN, goal.ask), draft, search)
        case _:
            return


def _doubted_beside(fold: Fold, goal: Goal, draft: Draft, search: Search, deep: int = 4) -> Iterator[Draft]:
    """Add one that counts, and beside it, or beside more of them, one that may be there."""
    for more in islice(_selected(fold.of, goal.ask, draft, search, {}), 2):
        yield from _doubted(fold.of, goal, more, search)
        if deep > 0:
            yield from _doubted_beside(fold, goal, more, search, deep - 1)


def _doubted(query: Select, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add a record that a selection may hold: without the word that it tests, suspected, or not known to be so."""
    there = stretch(query.window, draft.question(goal.ask))
    if not isinstance(there, Stretch) or query.kind == "person":
        return
    for raw in records(draft.program, query, search.choose):
        for less in _doubts(query, raw):
            for time in _times(query, there, draft, search, ()):
                more = draft.add({**less, "time": time}, doubtful=True)
                if more is not None and more.reads(goal):
                    yield more
        return


def _doubts(query: Select, raw: Raw) -> Iterator[dict[str, str]]:
    about = ABOUT.get(query.kind)
    for test in query.tests:
        if test.field != about and test.absent is UNKNOWN and test.field in raw:
            yield {key: word for key, word in raw.items() if key != test.field}
    if query.kind == "observation" and "value" in raw:
        # Below a limit of quantification that lies above the limit that is asked about.
        for bound in ("1", "10", "100", "1000", "100000"):
            yield {**raw, "value": f"<{bound}"}
        yield {key: text for key, text in raw.items() if key not in {"value", "unit"}}
    if query.kind == "condition":
        yield {**raw, "status": "suspected"}
    if query.kind != "observation":
        yield {**raw, "absent": "unknown"}
