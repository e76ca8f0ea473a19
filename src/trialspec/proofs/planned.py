"""What two versions of a protocol plan, compared part by part: by what each comes to, and told in its words."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trialspec.explain import point_in_words, window_in_words
from trialspec.kernel import Select, parts_of
from trialspec.proofs.meaning import meaning, plain
from trialspec.quantity import shown
from trialspec.solver.records import subjects_of

if TYPE_CHECKING:
    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr, Point
    from trialspec.program import Amount, DosePlan, Program, VisitPlan
    from trialspec.solver.witness import Witness

Relation = Literal["equal", "wider", "narrower", "incomparable", "not proved", "added", "removed", "renamed", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one part: how it relates to what it was, how that is known, and patients who show it.

    `gained` is one whom only the new version passes, `lost` one whom only the old one does.
    """

    part: str
    name: str
    relation: Relation
    told: str = ""
    sure: str = ""
    gained: Witness | None = None
    lost: Witness | None = None


@dataclass(frozen=True, slots=True)
class _Fact:
    """One part of a plan: what it comes to, and how it is told."""

    means: Hashable
    words: str


Facts = Mapping[str, _Fact]


def planned(old: Protocol, new: Protocol) -> Iterator[Difference]:
    """Compare all that is planned, what it is counted from, and what everything is read with."""
    one, other = old.program, new.program
    gates = renamed_gates(one, other)
    yield from _named("protocol", {"protocol": _protocol(one)}, {"protocol": _protocol(other)})
    yield from _moments(one, other)
    yield from _terms(one, other)
    yield from _named("dose", {e.name: _dose(e, gates) for e in one.doses}, {e.name: _dose(e, {}) for e in other.doses})
    yield from _named("visit", {e.name: _visit(e) for e in one.visits}, {e.name: _visit(e) for e in other.visits})
    yield from _named("assessment", _assessments(one), _assessments(other))
    yield from _named("course", _course(one), _course(other))
    yield from _named("therapy", _therapies(one), _therapies(other))
    yield from _named("time", _times(one), _times(other))
    yield from _rules(old, new)


def renamed(old: Mapping[str, Expr], new: Mapping[str, Expr]) -> dict[str, str]:
    """Give those that have another name now, and nothing else."""
    gone = {name: meaning(expr) for name, expr in old.items() if name not in new}
    came = {name: meaning(expr) for name, expr in new.items() if name not in old}
    found: dict[str, str] = {}
    for name, means in gone.items():
        now = next((other for other, own in came.items() if own == means and other not in found.values()), None)
        if now is not None:
            found[name] = now
    return found


def renamed_gates(old: Program, new: Program) -> dict[str, str]:
    """Give the gates that have another name now, and do the same otherwise."""
    found = renamed(*({name: gate.expr for name, gate in program.gates.items()} for program in (old, new)))
    return {name: now for name, now in found.items() if old.gates[name].otherwise == new.gates[now].otherwise}


def _named(part: str, old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Difference]:
    """Compare what has names by its facts, each in words."""
    for name in dict.fromkeys((*old, *new)):
        if name not in new or name not in old:
            yield Difference(part, name, "removed" if name in old else "added")
            continue
        was, now = old[name], new[name]
        nothing = _Fact("", "")
        moved = [
            (key, was.get(key, nothing), now.get(key, nothing))
            for key in dict.fromkeys((*was, *now))
            if was.get(key, nothing).means != now.get(key, nothing).means
        ]
        told = "; ".join(_became(key, before, after) for key, before, after in moved)
        yield Difference(part, name, "changed" if moved else "equal", told)


def _became(key: str, before: _Fact, after: _Fact) -> str:
    if before.words == after.words:
        return f"{key}: `{after.words}` means something else now" if after.words else f"{key} changed"
    return f"{key}: {before.words or 'none'} became {after.words or 'none'}"


# --- facts ------------------------------------------------------------------------------------------------------------


def _fact(part: Any, words: str | None = None) -> _Fact:  # noqa: ANN401 - whatever a plan has
    """Give a fact; nothing stands for none."""
    if part is None or part == ():
        return _Fact("", "")
    return _Fact(meaning(part), (str(part) if words is None else words).strip())


def _at(point: Point | None) -> _Fact:
    return _fact(point, None if point is None else point_in_words(point))


def _stated(*exprs: Expr) -> _Fact:
    """Give statements, told by where they stand."""
    places = ", ".join(f"what {each.place} states" if each.place else "a statement" for each in exprs)
    return _fact(tuple(plain(each) for each in exprs), places)


def _protocol(program: Program) -> Facts:
    said = ", ".join(
        f"{kind}: {when if isinstance(when, str) else when.name}" for kind, when in program.history.items()
    )
    return {
        "zone": _fact(program.zone.name),
        "sites": _fact({site: zone.name for site, zone in program.sites.items()}),
        "arms": _fact(frozenset(program.arms), ", ".join(program.arms)),
        "silence_means_no": _fact(program.history, said),
        "report_within": _fact(program.report_within),
    }


def _moments(old: Program, new: Program) -> Iterator[Difference]:
    """Compare what dates are counted from; one that is called otherwise is the same."""
    known = {meaning(moment) for moment in old.moments.values()}
    for name, moment in new.moments.items():
        was = old.moments.get(name)
        if was is not None and meaning(was) != meaning(moment):
            yield Difference("moment", name, "changed")
        elif was is None and meaning(moment) not in known:
            yield Difference("moment", name, "added")
    now = {meaning(moment) for moment in new.moments.values()}
    for name, moment in old.moments.items():
        if name not in new.moments and meaning(moment) not in now:
            yield Difference("moment", name, "removed")


_OF_A_TERM = (
    "unit",
    "factors",
    "resolution",
    "possible",
    "values",
    "ranges",
    "parents",
    "equivalents",
    "half_life",
    "asked_of",
)


def _terms(old: Program, new: Program) -> Iterator[Difference]:
    """Compare the names that records are read by: units, what is possible, which is one of a class, what is derived."""
    for name, now in new.vocabulary.terms.items():
        was = old.vocabulary.get(name)
        if was is not None:
            moved = [key for key in _OF_A_TERM if meaning(getattr(was, key)) != meaning(getattr(now, key))]
            if moved:
                yield Difference(now.sort, name, "changed", ", ".join(moved))
    for name in sorted(reckoned_otherwise(old, new)):
        yield Difference("measure", name, "changed", "how it is reckoned")


def reckoned_otherwise(old: Program, new: Program) -> frozenset[str]:
    """Name the derived measures that both have, and reckon otherwise, if only by another derived measure."""
    was, now = ({each.measure: each for each in program.derived} for program in (old, new))
    found = {name for name in was if name in now and meaning(was[name]) != meaning(now[name])}
    found |= {name for name in was.keys() ^ now.keys() if name in old.vocabulary.terms and name in new.vocabulary.terms}
    while True:
        more = {name for name, each in now.items() if name not in found and measures_of(each) & found}
        if not more:
            return frozenset(found)
        found |= more


def measures_of(part: object) -> frozenset[str]:
    """Name the measures that something reads."""
    asked = (subjects_of(query) for query in parts_of(part, Select) if query.kind == "observation")
    return frozenset[str]().union(*(names for names in asked if names))


def _dose(plan: DosePlan, gates: Mapping[str, str]) -> Facts:
    named = ", ".join(gates.get(name, name) for name in plan.gates)
    drugs = f"{plan.drug} ({', '.join(sorted(plan.drugs))})" if plan.drugs != {plan.drug} else plan.drug
    rate = "" if plan.rate_at_most is None else f"{plan.rate_at_most} {plan.rate_unit}"
    resumed = None if plan.resumed_at_most is None else f"{shown(plan.resumed_at_most * 100)} %"
    amount = "; ".join(each.text for each in plan.amounts) or plan.planned_amount
    return {
        "drug": _fact(plan.drugs, drugs),
        "amount": _Fact((meaning(plan.amount), plan.unit, tuple(_amount(each) for each in plan.amounts)), amount),
        "amount_within": _fact(plan.amount_within, f"{shown(plan.amount_within * 100)} %"),
        "route": _fact(plan.routes, ", ".join(sorted(plan.routes))),
        "on": _fact(plan.planned, ", ".join(point_in_words(point) for point in plan.planned)),
        "early": _fact(plan.early),
        "late": _fact(plan.late),
        "give_only_if": _Fact(tuple(sorted(gates.get(name, name) for name in plan.gates)), named),
        "every": _fact(plan.interval),
        "times": _fact(plan.times or None),
        "interval_at_least": _fact(plan.interval_at_least),
        "rate_at_most": _fact(plan.rate_at_most, rate),
        "rate_steps": _fact(plan.rate_steps),
        "resumed_at_most": _fact(resumed),
        "lasts_at_least": _fact(plan.lasts_at_least),
        "premedication": _stated(*plan.premedication),
        "only_if": _stated(*([] if plan.only_if is None else [plan.only_if])),
        "stop_if": _stated(*([] if plan.stop_if is None else [plan.stop_if])),
        "if_missed": _fact(plan.if_missed),
        "merge_within": _fact(plan.merge_within),
        "first_due": _at(plan.first_due),
        "first_due_from": _at(plan.first_due_from),
        "missed_after": _at(plan.missed_after),
        "belongs_until": _at(plan.belongs_until),
    }


def _amount(amount: Amount) -> Hashable:
    """Give an amount by all that it is reckoned from: its words leave out how old a value may be."""
    parts = (amount.when, amount.least, amount.most, amount.no_more_than, amount.of_last, amount.step, amount.minus)
    return meaning((*parts, amount.stated))


def _visit(plan: VisitPlan) -> Facts:
    return {
        "window": _fact(plan.window, window_in_words(plan.window)),
        "only_if": _stated(*([] if plan.only_if is None else [plan.only_if])),
        "on": _at(plan.on),
        "first_due": _at(plan.first_due),
        "first_due_from": _at(plan.first_due_from),
        "missed_after": _at(plan.missed_after),
    }


def _assessments(program: Program) -> Mapping[str, Facts]:
    return {
        each.name: {
            "of": _fact(frozenset(each.measures), ", ".join(sorted(each.measures))),
            "at": _fact(frozenset(each.visits), ", ".join(each.visits)),
            "before": _fact(frozenset(each.before), ", ".join(each.before)),
            "window": _fact(each.window, "" if each.window is None else window_in_words(each.window)),
            "methods": _fact(
                each.methods, "; ".join(f"{key}: {', '.join(sorted(words))}" for key, words in each.methods.items())
            ),
        }
        for each in program.assessments
    }


def _course(program: Program) -> Mapping[str, Facts]:
    course = program.course
    if course is None:
        return {}
    return {"course": {"of": _fact(frozenset(course.of), ", ".join(course.of)), "through": _at(course.through)}}


def _therapies(program: Program) -> Mapping[str, Facts]:
    def words(query: Any) -> str:  # noqa: ANN401 - a selection
        asked = (getattr(test.against.value, "words", None) or frozenset() for test in query.tests)
        named = ", ".join(sorted(frozenset[str]().union(*asked)))
        return f"{query.kind} {query.label} {named} {window_in_words(query.window)}".strip()

    return {
        f"{each.role} {each.name}": {"asks for": _fact(frozenset(each.select), "; ".join(map(words, each.select)))}
        for each in program.therapies
    }


def _times(program: Program) -> Mapping[str, Facts]:
    return {
        each.name: {
            "from": _at(each.origin),
            "event": _stated(each.event),
            "censored by": _fact(each.censors, ", ".join(censor.name for censor in each.censors)),
        }
        for each in program.times
    }


def _rules(old: Protocol, new: Protocol) -> Iterator[Difference]:
    was, now = ({rule.name: rule for rule in protocol.rulebook.rules} for protocol in (old, new))
    for name in dict.fromkeys((*was, *now)):
        if name not in now or name not in was:
            yield Difference("alert", name, "removed" if name in was else "added")
        elif was[name] != now[name]:
            keys = [key for key in type(now[name]).__dataclass_fields__ if key != "place"]
            moved = [key for key in keys if getattr(was[name], key) != getattr(now[name], key)]
            yield Difference("alert", name, "changed", ", ".join(moved))
