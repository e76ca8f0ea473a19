"""Numbers and words brought to where they are to be: picked values, counts, sums, scores, results."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

from trialspec.interpreters.selection import locate
from trialspec.kernel import Arithmetic, Compare, Constant, Daily, Expr, Fold, Moment, Pick, Score, Test
from trialspec.quantity import ANYTHING, Interval, add, divide, minus, scale, subtract
from trialspec.testing.dates import Stretch, stretch, times
from trialspec.testing.deriving import derived
from trialspec.testing.draft import Ask, Draft, Goal, named, words_of
from trialspec.testing.finding import born, exists, selected
from trialspec.testing.searching import MOST_WAYS, Search, all_of, apart, number_of, subsets
from trialspec.testing.writing import Domain, both, denial, domain_of, holds, inside, records, side
from trialspec.times import When, shown_date
from trialspec.truth import MET, NOT_MET, Verdict

_ONE_PLACE = "central"
_WORDS = {
    "sex": frozenset({"female", "male"}),
    "outcome": frozenset({"inadequate_response", "intolerance", "relapse", "response"}),
    "serious": frozenset({"yes", "no"}),
    "related": frozenset({"yes", "no"}),
}


def anything(expr: Expr, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Give the drafts in which a number or date is known."""
    value = draft.read(expr, ask).value
    if isinstance(value, When) or (isinstance(value, Interval) and value.exact is not None):
        yield draft
        return
    yield from bring(expr, ANYTHING, ask, draft, search)


def bring(
    expr: Expr, domain: Interval, ask: Ask, draft: Draft, search: Search, *, unit: str | None = None
) -> Iterator[Draft]:
    """Give the drafts in which a number is surely in a domain."""
    search.step()
    value = number_of(draft.read(expr, ask).value)
    if value is not None and value.exact is not None and inside(value, domain):
        yield draft
    match expr:
        case Pick(field="birth"):
            yield from born(domain, ask, draft)
        case Pick():
            yield from _picked(expr, domain, ask, draft, search, unit=unit)
        case Fold(how="count" | "distinct"):
            yield from counted(expr, domain, ask, draft, search)
        case Fold():
            yield from _summed(expr, domain, ask, draft, search, unit=unit)
        case Daily():
            yield from _each_day(expr, domain, ask, draft, search)
        case Score(items):
            yield from _scored(items, domain, ask, draft, search)
        case Arithmetic():
            yield from _calculated(expr, domain, ask, draft, search)
        case Moment(of=of):
            yield from exists(of, ask, draft, search)
        case _:
            return


def _calculated(expr: Arithmetic, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Know one side, and bring the other to where the result is in the domain."""
    if expr.alike:
        # From here on everything is measured at one place.
        search.alike = {**search.alike, expr.alike: frozenset({_ONE_PLACE})}
    left = number_of(draft.read(expr.left, ask).value)
    if left is not None and left.exact is not None and not _known(expr.right, ask, draft):
        aim = _aim_right(expr, domain, left)
        if aim is not None:
            yield from bring(expr.right, aim, ask, draft, search)
            return
    for placed in anything(expr.right, ask, draft, search):
        right = number_of(placed.read(expr.right, ask).value)
        aim = None if right is None else _aim_left(expr, domain, right)
        if aim is not None:
            yield from bring(expr.left, aim, ask, placed, search)


def _known(expr: Expr, ask: Ask, draft: Draft) -> bool:
    value = number_of(draft.read(expr, ask).value)
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
    for more in derived(pick, ask, draft, search):
        value = number_of(more.read(pick, ask).value)
        if value is not None and inside(value, domain):
            yield more
    for aim in _narrowed(pick, domain, search):
        for more in selected(
            pick.of, ask, draft, search, {pick.field: aim}, unit=unit, near=_near(pick, ask, draft, search)
        ):
            value = number_of(more.read(pick, ask).value)
            if value is not None and inside(value, domain):
                yield more


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


def worded(pick: Pick, words: frozenset[str], goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add the item that is picked, with a word that is among some, or is not."""
    domain: Domain = words
    if goal.wanted is NOT_MET:
        others = _other_words(pick, draft) - words
        if not others:
            return
        domain = others
    yield from selected(
        pick.of, goal.ask, draft, search, {pick.field: domain}, near=_near(pick, goal.ask, draft, search)
    )


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


def counted(fold: Fold, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add as many things as it takes; where none is to be and silence does not say so, a denial."""
    count = number_of(draft.read(fold, ask).value)
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
    if 0 < lacking <= MOST_WAYS:
        yield from _added(fold, lacking, ask, draft, search)


def _added(fold: Fold, lacking: int, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add things that count, one after the other."""
    if lacking == 0:
        yield draft
        return
    before = number_of(draft.read(fold, ask).value)
    for more in selected(fold.of, ask, draft, search, {}):
        after = number_of(more.read(fold, ask).value)
        if before is None or after is None or after.low is None or before.low is None or after.low <= before.low:
            continue
        yield from _added(fold, lacking - 1, ask, more, search)


def _summed(
    fold: Fold, domain: Interval, ask: Ask, draft: Draft, search: Search, *, unit: str | None
) -> Iterator[Draft]:
    """Add what is lacking to a sum, or as many values as a mean needs."""
    value = number_of(draft.read(fold, ask).value)
    aim = domain
    if fold.how == "sum" and value is not None and value.exact is not None:
        aim = subtract(domain, value)
    for more in selected(fold.of, ask, draft, search, {fold.field: aim}, unit=unit):
        reading = number_of(more.read(fold, ask).value)
        if reading is not None and inside(reading, domain):
            yield more
        elif fold.how == "mean" and reading is None and len(more.written) - len(draft.written) < fold.least:
            yield from _summed(fold, domain, ask, more, search, unit=unit)


def _each_day(expr: Daily, domain: Interval, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Let something be taken or given on as many dates of the window, and as much, as it takes."""
    many = expr.how in {"days", "row"}
    amount = domain if not many or expr.holds is None else held(expr.holds, MET)
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


def held(test: Test, wanted: Verdict) -> Domain | None:
    """Give what a field may be so that a test of it reads as wanted."""
    if test.operator == "in":
        return words_of(test) if wanted is MET else None
    return domain_of(test, wanted)


def _scored(
    items: tuple[tuple[Expr, Interval], ...], domain: Interval, ask: Ask, draft: Draft, search: Search
) -> Iterator[Draft]:
    """Choose the items of a score that are met."""
    weights = [weight.exact or Fraction(0) for _, weight in items]
    tried = 0
    for size in range(len(items) + 1):
        for chosen in search.any_order(subsets(len(items), size)):
            if not holds(sum((weights[index] for index in chosen), Fraction(0)), domain):
                continue
            tried += 1
            parts = [Goal(item, MET if index in chosen else NOT_MET, ask) for index, (item, _) in enumerate(items)]
            yield from all_of(tuple(apart(parts)), draft, search)
            if tried >= MOST_WAYS:
                return
