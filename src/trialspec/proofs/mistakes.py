"""Protocols with one small mistake each, as people make them.

A limit one step further, a strict limit made loose, a window a day longer, *and* for *or*, a clause left out, another
amount or another day. `trialspec.proofs.mutants` asks which of them the cases of a protocol notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Fold,
    Not,
    Pick,
    Run,
    Score,
    Select,
    Shift,
    Test,
    Window,
)
from trialspec.quantity import Duration, Interval, Operator, exactly, shown
from trialspec.solver.records import subjects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trialspec.diagnostics import Place
    from trialspec.kernel import Expr, Point
    from trialspec.program import Component, DosePlan, Program, Response, VisitPlan
    from trialspec.vocabulary import Vocabulary

_OTHER_SIDE: dict[str, Operator] = {
    "above": "at_least",
    "at_least": "above",
    "below": "at_most",
    "at_most": "below",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A protocol with one mistake: what it is about, what was changed and where.

    `exprs` are the statement as it is and with the mistake, where it is in one; of a category that is tried after
    others these are `earlier`, and are not met.
    """

    of: str
    change: str
    place: Place | None
    program: Program = field(repr=False)
    exprs: tuple[Expr, Expr] | None = field(default=None, repr=False)
    earlier: tuple[Expr, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """What it is about and what was changed, as it is told."""
        return f"{self.of}: {self.change}"


# --- expressions ------------------------------------------------------------------------------------------------------

_Change = tuple[str, "Place | None", Any]


def changes(expr: Any, vocabulary: Vocabulary) -> Iterator[_Change]:  # noqa: ANN401 - any node of the kernel
    """Give each way to change one thing in an expression: what was changed, where, and what comes of it."""
    match expr:
        case AtLeast(of=of):
            yield from _joined(expr)
            for index, part in enumerate(of):
                for change, place, new in changes(part, vocabulary):
                    yield change, place, replace(expr, of=(*of[:index], new, *of[index + 1 :]))
        case Not(of):
            yield "not left out", expr.place, of
            yield from ((change, place, replace(expr, of=new)) for change, place, new in changes(of, vocabulary))
        case Compare(left=left):
            yield from _limits(expr, vocabulary)
            yield from ((c, place, replace(expr, left=new)) for c, place, new in changes(left, vocabulary))
        case Arithmetic(left=left, right=right):
            yield from ((c, place, replace(expr, left=new)) for c, place, new in changes(left, vocabulary))
            yield from ((c, place, replace(expr, right=new)) for c, place, new in changes(right, vocabulary))
        case Pick(of=of) | Fold(of=of) | Run(of=of):
            yield from ((c, place, replace(expr, of=new)) for c, place, new in changes(of, vocabulary))
            if isinstance(expr, Run):
                yield from _run(expr, vocabulary)
        case Score(items):
            for index, (part, weight) in enumerate(items):
                for change, place, new in changes(part, vocabulary):
                    yield change, place, replace(expr, items=(*items[:index], (new, weight), *items[index + 1 :]))
        case Select(tests=tests, window=window):
            for index, test in enumerate(tests):
                if test.field not in {"measure", "drug", "concept", "milestone", "visit"}:
                    rest = tests[:index] + tests[index + 1 :]
                    yield f"the test of `{test.field}` left out", test.place or expr.place, replace(expr, tests=rest)
            # The window of a visit is the visit's own: it is changed there.
            if not any(test.field == "visit" for test in tests):
                yield from ((c, place, replace(expr, window=new)) for c, place, new in _windows(window))
        case _:
            return


def _joined(expr: AtLeast) -> Iterator[_Change]:
    number, of = expr.number, expr.of
    if len(of) < 2:
        return
    other, said = (1, "any in place of all") if number == len(of) else (len(of), "all in place of any")
    yield said, expr.place, replace(expr, number=other)
    for index, part in enumerate(of):
        kept = of[:index] + of[index + 1 :]
        fewer = len(kept) if number == len(of) else min(number, len(kept))
        yield f"clause {index + 1} left out", part.place or expr.place, replace(expr, number=fewer, of=kept)


def _limits(node: Compare, vocabulary: Vocabulary) -> Iterator[_Change]:
    if node.operator == "in" or not isinstance(node.right, Constant):
        return
    yield (
        f"`{_OTHER_SIDE[node.operator]}` for `{node.operator}`",
        node.place,
        replace(node, operator=_OTHER_SIDE[node.operator]),
    )
    value = node.right.value
    if not isinstance(value, Interval) or value.exact is None or node.right.by_unit:
        return
    step = _step(node.left, value.exact, vocabulary)
    for by in (step, -step):
        moved = exactly(value.exact + by)
        said = f"a limit of {shown(value.exact + by)} for {shown(value.exact)}"
        yield said, node.place, replace(node, right=replace(node.right, value=moved))


def _step(left: Expr, limit: Fraction, vocabulary: Vocabulary) -> Fraction:
    """Give the step by which a limit is moved: that in which the measure is reported."""
    if isinstance(left, Fold) and left.how in {"count", "distinct"}:
        return Fraction(1)
    if isinstance(left, Pick) and left.field == "value":
        terms = [vocabulary.get(name) for name in subjects_of(left.of) or ()]
        steps = [term.resolution for term in terms if term is not None and term.resolution is not None]
        if steps:
            return steps[0]
    return Fraction(1) if limit.denominator == 1 else Fraction(1, limit.denominator)


def _run(node: Run, vocabulary: Vocabulary) -> Iterator[_Change]:  # noqa: ARG001 - as the others
    if node.then is None and node.number > 1:
        yield "one reading fewer", node.place, replace(node, number=node.number - 1)
        yield "one reading more", node.place, replace(node, number=node.number + 1)
    for key in ("span", "gap"):
        duration = getattr(node, key)
        if duration is not None and duration.days is not None:
            longer = Duration(duration.days + 1, "d")
            yield f"a day more of {key}", node.place, replace(node, **{key: longer})  # type: ignore[arg-type]
    holds: Test = node.holds
    if holds.operator in _OTHER_SIDE:
        other = replace(holds, operator=_OTHER_SIDE[holds.operator])
        yield f"`{other.operator}` for `{holds.operator}`", holds.place or node.place, replace(node, holds=other)


def _windows(window: Window) -> Iterator[_Change]:
    for key in ("start", "end"):
        point = getattr(window, key)
        for change, moved in _days(point):
            yield f"{change} in the window's {key}", window.place, replace(window, **{key: moved})  # type: ignore[arg-type]
    if window.start is not None:
        said = "from for after" if window.after else "after for from"
        yield said, window.place, replace(window, after=not window.after)
    if window.end is not None:
        said = "through for before" if window.before else "before for through"
        yield said, window.place, replace(window, before=not window.before)


def _days(point: Point | None) -> Iterator[tuple[str, Point]]:
    if isinstance(point, Shift) and point.by.days is not None:
        for days in (point.by.days + 1, point.by.days - 1):
            if days >= 0:
                yield f"{days} d for {point.by}", replace(point, by=Duration(days, "d"))


# --- programs ---------------------------------------------------------------------------------------------------------


def mutants(program: Program) -> Iterator[Mutant]:
    """Give every protocol with one mistake."""
    vocabulary = program.vocabulary
    for index, each in enumerate(program.criteria):
        for change, place, new in changes(each.expr, vocabulary):
            others = (*program.criteria[:index], replace(each, expr=new), *program.criteria[index + 1 :])
            made = replace(program, criteria=others)
            yield Mutant(f"criterion {each.name}", change, place or each.place, made, (each.expr, new))
    used = {name for plan in program.doses for name in plan.gates}
    for name, gate in program.gates.items():
        for change, place, new in changes(gate.expr, vocabulary) if name in used else ():
            made = replace(program, gates={**program.gates, name: replace(gate, expr=new)})
            yield Mutant(f"gate {name}", change, place or gate.place, made, (gate.expr, new))
    yield from _responses(program)
    yield from _visits(program)
    yield from _therapies(program)
    for index, plan in enumerate(program.doses):
        for change, new_plan in _plans(plan):
            doses = (*program.doses[:index], new_plan, *program.doses[index + 1 :])
            yield Mutant(f"dose {plan.name}", change, plan.place, replace(program, doses=doses))
    if program.course is not None:
        for change, point in _days(program.course.through):
            course = replace(program.course, through=point)
            yield Mutant("course", f"{change} in its end", program.course.place, replace(program, course=course))


def _responses(program: Program) -> Iterator[Mutant]:
    """Change a component wherever the response reads it, and the conditions of the categories, at every visit."""
    for index, response in enumerate(program.responses):

        def made(new: Response, index: int = index) -> Program:
            return replace(program, responses=(*program.responses[:index], new, *program.responses[index + 1 :]))

        for name in dict.fromkeys(part.name for part in response.components):
            parts = [part for part in response.components if part.name == name]
            for change, place, swaps in _alike(parts, program.vocabulary):
                new = replace(
                    response,
                    components=tuple(replace(each, expr=_swapped(each.expr, swaps)) for each in response.components),
                    categories=tuple(
                        replace(each, when=None if each.when is None else _swapped(each.when, swaps))
                        for each in response.categories
                    ),
                )
                of = f"component {response.name} {name}"
                yield Mutant(of, change, place or parts[-1].place, made(new), swaps[-1])
        yield from _categories(response, made)


def _alike(parts: list[Component], vocabulary: Vocabulary) -> Iterator[tuple[str, Place | None, list[_Swap]]]:
    """Make one mistake in a component at each of its visits: it is written once."""
    for made in zip(*(changes(part.expr, vocabulary) for part in parts), strict=True):
        change, place, _ = made[0]
        yield change, place, [(part.expr, new) for part, (_, _, new) in zip(parts, made, strict=True)]


def _categories(response: Response, made: Callable[[Response], Program]) -> Iterator[Mutant]:
    """Take *any* for *all* in the condition of a category, or leave one of its clauses out, at every visit."""
    leaves = [part.expr for part in response.components]
    for name in dict.fromkeys(part.name for part in response.categories):
        own = [part for part in response.categories if part.name == name]
        for made_of in zip(*(_joins(part.when, leaves) for part in own), strict=True):
            change, place, _ = made_of[0]
            new = {part.visit: when for part, (_, _, when) in zip(own, made_of, strict=True)}
            categories = tuple(
                replace(each, when=new[each.visit]) if each.name == name else each for each in response.categories
            )
            last = own[-1]
            before = [part for part in response.categories if part.visit == last.visit]
            earlier = tuple(part.when for part in before[: before.index(last)] if part.when is not None)
            assert last.when is not None, "it has clauses"
            of = f"category {response.name} {name}"
            changed = made(replace(response, categories=categories))
            yield Mutant(of, change, place or last.place, changed, (last.when, new[last.visit]), earlier)


def _joins(expr: Expr | None, leaves: list[Expr]) -> Iterator[_Change]:
    """Change how the parts of a condition are joined; the parts are the components of the response."""
    if not isinstance(expr, AtLeast) or expr in leaves:
        return
    yield from _joined(expr)
    for index, part in enumerate(expr.of):
        for change, place, new in _joins(part, leaves):
            yield change, place, replace(expr, of=(*expr.of[:index], new, *expr.of[index + 1 :]))


_Swap = tuple["Expr", "Expr"]


def _swapped(expr: Expr, swaps: list[_Swap]) -> Expr:
    """Put new parts in the place of old ones, wherever they stand in a statement."""
    for old, new in swaps:
        if expr == old:
            return new
    match expr:
        case AtLeast(of=of):
            return replace(expr, of=tuple(_swapped(part, swaps) for part in of))
        case Not(of):
            return replace(expr, of=_swapped(of, swaps))
        case _:
            return expr


# --- visits and therapies ---------------------------------------------------------------------------------------------


def _visits(program: Program) -> Iterator[Mutant]:
    """Move the day or the window of a visit, with every value that is looked for there."""
    for index, visit in enumerate(program.visits):
        for change, new in _visit(visit):
            visits = (*program.visits[:index], new, *program.visits[index + 1 :])

            def moved(part: _Part, old: VisitPlan = visit, new: VisitPlan = new) -> _Part:
                return _at_visit(part, old, new)

            made = replace(
                program,
                visits=visits,
                criteria=moved(program.criteria),
                gates={name: moved(gate) for name, gate in program.gates.items()},
                responses=moved(program.responses),
            )
            yield Mutant(f"visit {visit.name}", change, visit.place, made)


def _visit(visit: VisitPlan) -> Iterator[tuple[str, VisitPlan]]:
    for change, day in _days(visit.on):
        new = _with(visit, visit.on, day)
        yield f"{change} in its day", replace(new, place=visit.place)
    for change, _, window in _windows(visit.window):
        yield change, replace(visit, window=window)
    for change, due in _days(visit.first_due):
        yield f"{change} in its `first_due`", replace(visit, first_due=due)


_Part = TypeVar("_Part")


def _with(part: _Part, old: object, new: object) -> _Part:
    """Put one thing in the place of another, wherever it stands."""
    return _rebuilt(part, lambda each: new if each == old else None)


def _at_visit(part: _Part, old: VisitPlan, new: VisitPlan) -> _Part:
    """Look for the values of a visit where another plan has it."""

    def moved(each: object) -> object | None:
        match each:
            case Pick(of=Select(tests=tests, window=window) as select, to=to) if _names(tests, old.name):
                own = select if window != old.window else replace(select, window=new.window)
                return replace(each, of=own, to=new.on if to == old.on else to)
            case Select(tests=tests, window=window) if _names(tests, old.name) and window == old.window:
                return replace(each, window=new.window)
            case _:
                return None

    return _rebuilt(part, moved)


def _names(tests: tuple[Test, ...], visit: str) -> bool:
    return any(test.field == "visit" and visit in getattr(test.against.value, "words", ()) for test in tests)


def _rebuilt(part: _Part, change: Callable[[object], object | None]) -> _Part:
    """Give a part with some of what stands in it changed; what is changed is not looked into."""
    changed = change(part)
    if changed is not None:
        return changed  # type: ignore[return-value]
    if is_dataclass(part) and not isinstance(part, type):
        was = {each.name: getattr(part, each.name) for each in fields(part)}
        now = {name: _rebuilt(value, change) for name, value in was.items()}
        same = all(now[name] is value for name, value in was.items())
        return part if same else replace(part, **now)
    if isinstance(part, tuple):
        now_parts = tuple(_rebuilt(each, change) for each in part)
        same = all(one is other for one, other in zip(now_parts, part, strict=True))
        return part if same else now_parts  # type: ignore[return-value]
    return part


def _therapies(program: Program) -> Iterator[Mutant]:
    """Move the window of a prohibited or rescue therapy."""
    for index, rule in enumerate(program.therapies):
        for number, query in enumerate(rule.select):
            for change, place, window in _windows(query.window):
                new = replace(query, window=window)
                select = (*rule.select[:number], new, *rule.select[number + 1 :])
                others = (*program.therapies[:index], replace(rule, select=select), *program.therapies[index + 1 :])
                made = replace(program, therapies=others)
                yield Mutant(f"{rule.role} {rule.name}", change, place or rule.place, made, (_some(query), _some(new)))


def _some(query: Select) -> Expr:
    return Compare(Fold("count", query), "at_least", Constant(exactly(1)))


# --- doses ------------------------------------------------------------------------------------------------------------


def _plans(plan: DosePlan) -> Iterator[tuple[str, DosePlan]]:
    if plan.amount is not None and plan.amount.exact is not None:
        more = exactly(plan.amount.exact * Fraction(11, 10))
        yield f"an amount of {more} for {plan.amount}", replace(plan, amount=more)
    for index, each in enumerate(plan.amounts if len(plan.amounts) > 1 else ()):
        fewer = (*plan.amounts[:index], *plan.amounts[index + 1 :])
        yield f"without the amount `{each.text}` of `{plan.name}`", replace(plan, amounts=fewer)
    if plan.only_if is not None:
        yield f"`{plan.name}` for everybody", replace(plan, only_if=None)
    if plan.stop_if is not None:
        yield f"`{plan.name}` never stopped", replace(plan, stop_if=None)
    if plan.amount_within:
        yield "no tolerance of the amount", replace(plan, amount_within=Fraction(0))
    for index, point in enumerate(plan.planned):
        for change, moved in _days(point):
            planned = (*plan.planned[:index], moved, *plan.planned[index + 1 :])
            yield f"{change} in the day of `{plan.name}#{index + 1}`", replace(plan, planned=planned)
    for key in ("early", "late", "interval_at_least"):
        duration = getattr(plan, key)
        if duration is not None and duration.days is not None:
            for days in (duration.days + 1, duration.days - 1):
                if days >= 0:
                    made = replace(plan, **{key: Duration(days, "d")})  # type: ignore[arg-type]
                    yield f"`{key}` of {days} d for {duration}", made
    for change, due in _days(plan.first_due):
        yield f"{change} in its `first_due`", replace(plan, first_due=due)
    if plan.premedication:
        yield "no premedication", replace(plan, premedication=())
    for gate in plan.gates:
        yield f"the gate `{gate}` left out", replace(plan, gates=tuple(each for each in plan.gates if each != gate))
    if plan.routes:
        yield "no route asked for", replace(plan, routes=frozenset())
