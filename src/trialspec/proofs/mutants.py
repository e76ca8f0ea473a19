"""Protocols with one small mistake each: those that no case notices, with the patient who would.

A mutant is a threshold one step further, a strict limit made loose, a window a day longer, *and* for *or*, a clause
left out, another amount or another day. One that means the same as the original is none: that is proved, and it is not
listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trialspec import alerts, findings
from trialspec.casebook import PATIENT
from trialspec.casebook.running import disagrees
from trialspec.evaluation import PatientReport, Protocol
from trialspec.interpreters.reading import Question
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
from trialspec.proofs.compliant import end_of, follow
from trialspec.proofs.finding import event_as_data
from trialspec.quantity import Duration, Interval, Operator, exactly, shown
from trialspec.solver.asking import LIMIT, Asker, Claim, met
from trialspec.solver.records import subjects_of
from trialspec.solver.witness import PATIENT as SHOWN
from trialspec.solver.witness import Witness
from trialspec.truth import NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from trialspec.casebook import Asked, Case, Casebook, Expectation
    from trialspec.diagnostics import Place
    from trialspec.findings import Finding, Group
    from trialspec.kernel import Expr, Point
    from trialspec.patient import Timeline
    from trialspec.program import DosePlan, Program
    from trialspec.vocabulary import Vocabulary

_OTHER_SIDE: dict[str, Operator] = {
    "above": "at_least",
    "at_least": "above",
    "below": "at_most",
    "at_most": "below",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A protocol with one mistake: what it is about, what was changed and where."""

    of: str
    change: str
    place: Place | None
    program: Program = field(repr=False)
    exprs: tuple[Expr, Expr] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no case notices, and the patient who would; without one nobody was found."""

    mutant: Mutant
    witness: Witness | None
    shows: str = ""
    expected: str = ""
    why: str = ""


# --- expressions ------------------------------------------------------------------------------------------------------

_Change = tuple[str, "Place | None", Any]


def changes(expr: Any, vocabulary: Vocabulary) -> Iterator[_Change]:  # noqa: ANN401 - any node of the kernel
    """Give each way to change one thing in an expression: what was changed, where, and what comes of it."""
    match expr:
        case AtLeast(number, of):
            if len(of) > 1:
                other, said = (1, "any in place of all") if number == len(of) else (len(of), "all in place of any")
                yield said, expr.place, replace(expr, number=other)
                for index, part in enumerate(of):
                    kept = of[:index] + of[index + 1 :]
                    fewer = len(kept) if number == len(of) else min(number, len(kept))
                    yield f"clause {index + 1} left out", part.place or expr.place, replace(expr, number=fewer, of=kept)
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
    for index, plan in enumerate(program.doses):
        for change, new_plan in _plans(plan):
            doses = (*program.doses[:index], new_plan, *program.doses[index + 1 :])
            yield Mutant(f"dose {plan.name}", change, plan.place, replace(program, doses=doses))
    if program.course is not None:
        for change, point in _days(program.course.through):
            course = replace(program.course, through=point)
            yield Mutant("course", f"{change} in its end", program.course.place, replace(program, course=course))


def _responses(program: Program) -> Iterator[Mutant]:
    """Change a component, wherever the response reads it; at its last visit, for the others are like it."""
    for index, response in enumerate(program.responses):
        visit = response.visits[-1]
        for part in response.components:
            if part.visit != visit:
                continue
            for change, place, new in changes(part.expr, program.vocabulary):
                swap = _swapping(part.expr, new)
                components = tuple(replace(each, expr=swap(each.expr)) for each in response.components)
                categories = tuple(
                    replace(each, when=None if each.when is None else swap(each.when)) for each in response.categories
                )
                made = replace(response, components=components, categories=categories)
                others = (*program.responses[:index], made, *program.responses[index + 1 :])
                of = f"component {response.name} {part.name}"
                yield Mutant(of, change, place or part.place, replace(program, responses=others), (part.expr, new))


def _swapping(old: Expr, new: Expr) -> Callable[[Expr], Expr]:
    """Give what puts a new part in the place of an old one, wherever it stands in a statement."""

    def swap(expr: Expr) -> Expr:
        if expr == old:
            return new
        match expr:
            case AtLeast(of=of):
                return replace(expr, of=tuple(swap(part) for part in of))
            case Not(of):
                return replace(expr, of=swap(of))
            case _:
                return expr

    return swap


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
    for gate in plan.gates:
        yield f"the gate `{gate}` left out", replace(plan, gates=tuple(each for each in plan.gates if each != gate))
    if plan.routes:
        yield "no route asked for", replace(plan, routes=frozenset())


# --- who notices ------------------------------------------------------------------------------------------------------


def _groups(mutant: Mutant) -> frozenset[str]:
    """Name the groups of findings that a mistake can change: nothing else reads what was changed."""
    part, _, name = mutant.of.partition(" ")
    match part:
        case "criterion":
            return frozenset({f"criterion {name}", "eligibility"})
        case "component":
            return frozenset({f"response {name.partition(' ')[0]}"})
        case _:
            return frozenset({"doses"})


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One instant at which a case expects something, and the timeline that it is asked of."""

    case: Case
    asked: Asked
    seen: Timeline

    def question(self, protocol: Protocol) -> Question:
        """Ask it of a protocol."""
        return Question(self.seen, self.asked.at, known_at=lambda at: self._known(protocol, at))

    def _known(self, protocol: Protocol, at: int) -> Timeline:
        return protocol.timeline(self.case.events, PATIENT, known=at)


@dataclass(slots=True)
class _Jury:
    """The cases of a protocol, with what each group of findings came to by the protocol as it is."""

    protocol: Protocol
    sittings: tuple[_Sitting, ...]
    found: dict[tuple[int, str], tuple[Finding, ...]] = field(default_factory=dict)
    raised: dict[tuple[int, str], alerts.State] = field(default_factory=dict)

    def notices(self, mutant: Mutant) -> bool:
        """Whether some case comes out otherwise than it expects: what is found is looked at first, alerts last."""
        changed, names = with_program(self.protocol, mutant.program), _groups(mutant)
        told = range(len(self.sittings))
        if any(self._finds(changed, number, names) for number in told):
            return True
        asking = [
            number for number in told if any(each.subject in _ALERTS for each in self.sittings[number].asked.expected)
        ]
        return any(self._raises(changed, number, names) for number in asking)

    def _finds(self, changed: Protocol, number: int, names: frozenset[str]) -> bool:
        sitting = self.sittings[number]
        expected = [each for each in sitting.asked.expected if each.subject not in _ALERTS]
        if not expected:
            return False
        question = sitting.question(changed)
        findings_: list[Finding] = []
        same = True
        for mine, theirs in zip(self.protocol.groups, changed.groups, strict=True):
            was = self._group(number, mine)
            now = theirs(question).findings if mine.name in names else was
            same = same and now == was
            findings_ += now
        return not same and self._disagrees(expected, changed, number, tuple(findings_), {})

    def _group(self, number: int, group: Group) -> tuple[Finding, ...]:
        key = number, group.name
        if key not in self.found:
            self.found[key] = group(self.sittings[number].question(self.protocol)).findings
        return self.found[key]

    def _raises(self, changed: Protocol, number: int, names: frozenset[str]) -> bool:
        sitting = self.sittings[number]
        expected = [each for each in sitting.asked.expected if each.subject in _ALERTS]
        state: alerts.State = {}
        same = True
        for mine, theirs in zip(self.protocol.groups, changed.groups, strict=True):
            key = number, mine.name
            if key not in self.raised:
                self.raised[key] = alerts.state(self.protocol.context, [mine], sitting.question(self.protocol))
            was = self.raised[key]
            now = alerts.state(changed.context, [theirs], sitting.question(changed)) if mine.name in names else was
            same = same and _brief(now) == _brief(was)
            state |= now
        return not same and self._disagrees(expected, changed, number, (), state)

    def _disagrees(
        self,
        expected: Iterable[Expectation],
        changed: Protocol,
        number: int,
        found: tuple[Finding, ...],
        raised: alerts.State,
    ) -> bool:
        sitting = self.sittings[number]
        asked = sitting.asked
        report = PatientReport(PATIENT, asked.at, asked.known, sitting.seen, found, raised, changed.program)
        return any(disagrees(each, report) for each in expected)


_ALERTS = frozenset({"alerts", "raised"})


def _brief(state: alerts.State) -> set[tuple[str, str, bool]]:
    return {(key.rule, key.subject, episode.over) for key, episode in state.items()}


def _jury(protocol: Protocol, books: Sequence[Casebook]) -> _Jury:
    sittings = [
        _Sitting(case, asked, protocol.timeline(case.events, PATIENT, known=asked.known))
        for book in books
        for case in book.cases
        if not case.xfail
        for asked in case.asked
    ]
    return _Jury(protocol, tuple(sittings))


def with_program(protocol: Protocol, program: Program) -> Protocol:
    """Give a protocol with another program and the same rules."""
    return Protocol(program, protocol.rulebook)


def survivors(
    protocol: Protocol, books: Sequence[Casebook], *, limit: int = LIMIT, step: Callable[[], None] = lambda: None
) -> tuple[tuple[Survivor, ...], int]:
    """Give the mutants that no case notices and that mean something else, and how many mutants there were."""
    jury = _jury(protocol, books)
    found, count = [], 0
    trials: list[Witness] | None = None
    for mutant in mutants(protocol.program):
        step()
        count += 1
        if jury.notices(mutant):
            continue
        if mutant.exprs is not None:
            survivor = _told_apart(protocol, mutant, limit)
            if survivor is not None:
                found.append(survivor)
            continue
        if trials is None:
            trials = list(_trials(protocol, limit))
        survivor = _shown(protocol, mutant, trials)
        found.append(survivor or Survivor(mutant, None, why="no patient tried so far shows it"))
    return tuple(found), count


def _told_apart(protocol: Protocol, mutant: Mutant, limit: int) -> Survivor | None:
    """Look for a patient of whom the statement and its mutant read differently; nothing where there is none."""
    assert mutant.exprs is not None
    old, new = mutant.exprs
    asker = Asker(protocol.program, mutant.exprs, 2, limit)
    why = ""
    for one, other in ((old, new), (new, old)):
        for verdicts in ({NOT_MET}, {NOT_MET, UNKNOWN}):
            answer = asker.shown(met(one), Claim(other, frozenset(verdicts)))
            if answer.witness is not None:
                return _shown(protocol, mutant, [answer.witness]) or Survivor(mutant, answer.witness)
            if answer.outcome == "open":
                why = answer.why
    return Survivor(mutant, None, why=f"not proved: {why}") if why else None


def _trials(protocol: Protocol, limit: int) -> Iterator[Witness]:
    """Give patients who keep to the plan, or to the edge of what is permitted, and their neighbours a day further."""
    for how in ("plan", "early", "late"):
        trial = follow(protocol, how, limit)
        if trial is not None:
            yield Witness(tuple(trial.events), end_of(trial))


def _shown(protocol: Protocol, mutant: Mutant, patients: Iterable[Witness]) -> Survivor | None:
    """Give the first patient of whom something else is found, and what is found by the protocol as it is."""
    changed = with_program(protocol, mutant.program)
    for patient in patients:
        seen = protocol.timeline(patient.events, SHOWN)
        # What was read for one question is remembered with it: each protocol has its own.
        was, now = (
            {(each.subject, each.name): each for each in findings.read(one.groups, Question(seen, patient.at))}
            for one in (protocol, changed)
        )
        for key, finding in was.items():
            other = now.get(key)
            for name, value in finding.fields.items():
                if other is not None and other.fields.get(name) != value and isinstance(value, str):
                    return Survivor(mutant, patient, f"{key[0]} {key[1]}", f"{name}: {value}")
                if other is not None and other.fields.get(name) != value:
                    told = ", ".join(sorted(value)) or "none"
                    return Survivor(mutant, patient, f"{key[0]} {key[1]}", f"{name}: [{told}]")
    return None


def as_data(survivor: Survivor) -> dict[str, Any]:
    """Give a survivor as plain data."""
    mutant = survivor.mutant
    found: dict[str, Any] = {
        "of": mutant.of,
        "change": mutant.change,
        "place": None if mutant.place is None else str(mutant.place),
        "shows": survivor.shows,
        "expected": survivor.expected,
        "why": survivor.why,
    }
    if survivor.witness is not None:
        found["witness"] = {
            "at": survivor.witness.at,
            "events": [event_as_data(event) for event in survivor.witness.events],
        }
    return found


def as_case(survivor: Survivor, zone_time: str) -> str:
    """Write a survivor as a case: what the protocol says of the patient as it is."""
    witness = survivor.witness
    assert witness is not None
    mutant = survivor.mutant
    where = "" if mutant.place is None else f" (line {mutant.place.line}, column {mutant.place.column})"
    lines = [f"  - case: {_quoted(f'{mutant.of}, not {mutant.change}{where}')}", "    background: none"]
    lines.append("    events:")
    for event in witness.events:
        keys = {"kind": event.kind, **event.content}
        if event.available:
            keys["available"] = event.available
        told = ", ".join(f"{key}: {_quoted(text)}" for key, text in keys.items())
        lines.append(f"      - {_quoted(event.time)}: {{{told}}}")
    lines += ["    expect:", f"      {_quoted(zone_time)}: {{{_quoted(survivor.shows)}: {{{survivor.expected}}}}}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
