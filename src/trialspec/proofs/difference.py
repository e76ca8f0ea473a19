"""Two versions of a protocol by meaning: who may enter, what is given when, which answer a patient gets.

Statements are compared as sets of patients: of each difference a patient is shown, and what is the same is proved so.
Definitions and libraries are seen through, because what is compared is what they come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from trialspec.explain import point_in_words, window_in_words
from trialspec.kernel import AtLeast, Constant, Not
from trialspec.proofs.finding import event_as_data
from trialspec.quantity import Interval, shown
from trialspec.solver.asking import LIMIT, MOST, Answer, Asker, Claim, failed, met
from trialspec.truth import MET, NOT_MET, UNKNOWN
from trialspec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr
    from trialspec.program import Amount, Category, Criterion, DosePlan, Program, Response, VisitPlan
    from trialspec.solver.witness import Witness

Relation = Literal["equal", "wider", "narrower", "incomparable", "not proved", "added", "removed", "changed"]


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


@dataclass(slots=True)
class Comparison:
    """Two versions, and everything that was compared."""

    old: Program
    new: Program
    found: list[Difference] = field(default_factory=list)

    @property
    def changed(self) -> tuple[Difference, ...]:
        """What is not the same."""
        return tuple(each for each in self.found if each.relation != "equal")


def compare(old: Protocol, new: Protocol, *, most: int = MOST, limit: int = LIMIT) -> Comparison:
    """Compare two versions of a protocol by what they mean."""
    one, other = old.program, new.program
    result = Comparison(one, other)
    exprs = tuple(plain(each) for program in (one, other) for each in _statements(program))
    asker = Asker(_joined(one, other), exprs, most, limit)
    result.found += _criteria(one, other, asker)
    result.found += _gates(one, other, asker)
    result.found += _named(
        "dose", {each.name: _dose(each) for each in one.doses}, {e.name: _dose(e) for e in other.doses}
    )
    result.found += _named("visit", {e.name: _visit(e) for e in one.visits}, {e.name: _visit(e) for e in other.visits})
    result.found += _named("assessment", _assessments(one), _assessments(other))
    result.found += _named("course", _course(one), _course(other))
    result.found += _named("therapy", _therapies(one), _therapies(other))
    result.found += _responses(one, other, asker)
    result.found += _rules(old, new)
    return result


def plain(expr: Expr) -> Expr:
    """Give a statement without the names under which its parts were said."""
    match expr:
        case AtLeast(number, of) if len(of) == number == 1:
            return plain(of[0])
        case AtLeast(number, of):
            return AtLeast(number, tuple(plain(part) for part in of), place=expr.place)
        case Not(of):
            return Not(plain(of), expr.place)
        case _:
            return expr


def _statements(program: Program) -> Iterator[Expr]:
    yield from (each.expr for each in program.criteria)
    yield from (gate.expr for gate in program.gates.values())
    for each in program.responses:
        yield from (part.when for part in each.categories if part.when is not None)


def _joined(one: Program, other: Program) -> Program:
    """Give a program that knows the names of both."""
    terms = {**one.vocabulary.terms, **other.vocabulary.terms}
    names = {plan.name for plan in other.visits}
    visits = (*other.visits, *(plan for plan in one.visits if plan.name not in names))
    return replace(other, vocabulary=Vocabulary(terms), visits=visits)


# --- statements -------------------------------------------------------------------------------------------------------


def _related(part: str, name: str, old: Expr, new: Expr, asker: Asker) -> Difference:
    """Say whether the patients of whom a statement is met have become more, fewer, or others."""
    old, new = plain(old), plain(new)
    if old == new:
        return Difference(part, name, "equal", sure="the same statement")
    gained = asker.shown(met(new), _otherwise(old))
    lost = asker.shown(met(old), _otherwise(new))
    return Difference(
        part, name, _relation(gained, lost), sure=_sure(gained, lost), gained=gained.witness, lost=lost.witness
    )


def _otherwise(expr: Expr) -> Claim:
    return Claim(expr, frozenset({NOT_MET, UNKNOWN}))


def _relation(gained: Answer, lost: Answer) -> Relation:
    if gained.possible and lost.possible:
        return "incomparable"
    if "open" in {gained.outcome, lost.outcome}:
        return "not proved"
    if gained.possible:
        return "wider"
    return "narrower" if lost.possible else "equal"


def _sure(gained: Answer, lost: Answer) -> str:
    told = {str(each) for each in (gained, lost) if not each.possible}
    return "; ".join(sorted(told))


def entry(program: Program) -> Expr:
    """Give eligibility as one statement."""
    parts = tuple(_passed(each) for each in program.criteria)
    return AtLeast(len(parts), parts) if parts else Constant(MET)


def _passed(each: Criterion) -> Expr:
    return each.expr if each.role == "include" else Not(each.expr)


def _criteria(old: Program, new: Program, asker: Asker) -> Iterator[Difference]:
    was, now = ({each.name: each for each in program.criteria} for program in (old, new))
    same = True
    for name in dict.fromkeys((*was, *now)):
        if name not in now or name not in was:
            same = False
            yield Difference("criterion", name, "removed" if name in was else "added")
        else:
            found = _related("criterion", name, _passed(was[name]), _passed(now[name]), asker)
            same = same and found.relation == "equal"
            yield found
    if same:
        yield Difference("eligibility", "eligibility", "equal", sure="every criterion is the same")
    else:
        yield _related("eligibility", "eligibility", entry(old), entry(new), asker)


def _gates(old: Program, new: Program, asker: Asker) -> Iterator[Difference]:
    for name in dict.fromkeys((*old.gates, *new.gates)):
        if name not in new.gates or name not in old.gates:
            yield Difference("gate", name, "removed" if name in old.gates else "added")
            continue
        found = _related("gate", name, old.gates[name].expr, new.gates[name].expr, asker)
        if old.gates[name].otherwise != new.gates[name].otherwise:
            told = f"otherwise: {old.gates[name].otherwise} became {new.gates[name].otherwise}"
            found = replace(found, relation="changed" if found.relation == "equal" else found.relation, told=told)
        yield found


# --- responses --------------------------------------------------------------------------------------------------------


def _responses(old: Program, new: Program, asker: Asker) -> Iterator[Difference]:
    was, now = ({each.name: each for each in program.responses} for program in (old, new))
    for name in dict.fromkeys((*was, *now)):
        if name not in now or name not in was:
            yield Difference("response", name, "removed" if name in was else "added")
            continue
        yield from _response(was[name], now[name], asker)


def _response(old: Response, new: Response, asker: Asker) -> Iterator[Difference]:
    if dict(old.then) != dict(new.then):
        told = f"then: {dict(old.then)} became {dict(new.then)}".replace("'", "")
        yield Difference("response", new.name, "changed", told)
    for visit in dict.fromkeys((*old.visits, *new.visits)):
        name = f"{new.name}@{visit}"
        if visit not in old.visits or visit not in new.visits:
            yield Difference("response", name, "removed" if visit in old.visits else "added")
            continue
        yield _answers(name, _at(old, visit), _at(new, visit), asker)


def _at(response: Response, visit: str) -> list[Category]:
    return [part for part in response.categories if part.visit == visit]


def _answers(name: str, old: Sequence[Category], new: Sequence[Category], asker: Asker) -> Difference:
    """Look for a patient who gets one category by the old version and another by the new one."""
    if [(part.name, part.when and plain(part.when)) for part in old] == [
        (part.name, part.when and plain(part.when)) for part in new
    ]:
        return Difference("response", name, "equal", sure="the same categories")
    sure = set()
    for was in old:
        for now in new:
            if was.name == now.name:
                continue
            answer = asker.shown(*_given(old, was), *_given(new, now))
            if answer.possible:
                told = f"a patient who was `{was.name}` is `{now.name}`"
                return Difference("response", name, "changed", told, gained=answer.witness)
            sure.add(str(answer))
    relation: Relation = "not proved" if any(each.startswith("not proved") for each in sure) else "equal"
    return Difference("response", name, relation, sure="; ".join(sorted(sure)))


def _given(categories: Sequence[Category], category: Category) -> list[Claim]:
    """Claim that a patient gets a category."""
    before = categories[: [part.name for part in categories].index(category.name)]
    claims = [failed(plain(part.when)) for part in before if part.when is not None]
    return [*claims, *([] if category.when is None else [met(plain(category.when))])]


# --- what is planned --------------------------------------------------------------------------------------------------

Facts = Mapping[str, str]


def _named(part: str, old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Difference]:
    """Compare what has names by its facts, each in words."""
    for name in dict.fromkeys((*old, *new)):
        if name not in new or name not in old:
            yield Difference(part, name, "removed" if name in old else "added")
            continue
        was, now = old[name], new[name]
        moved = [key for key in dict.fromkeys((*was, *now)) if was.get(key, "") != now.get(key, "")]
        told = "; ".join(f"{key}: {was.get(key) or 'none'} became {now.get(key) or 'none'}" for key in moved)
        yield Difference(part, name, "changed" if moved else "equal", told)


def _dose(plan: DosePlan) -> Facts:
    points = {
        "first_due": plan.first_due,
        "first_due_from": plan.first_due_from,
        "missed_after": plan.missed_after,
        "belongs_until": plan.belongs_until,
    }
    return {
        "drug": f"{plan.drug} ({', '.join(sorted(plan.drugs))})" if plan.drugs != {plan.drug} else plan.drug,
        "amount": "; ".join(_amount(each) for each in plan.amounts) or plan.planned_amount,
        "amount_within": f"{shown(plan.amount_within * 100)} %",
        "route": ", ".join(sorted(plan.routes)),
        "on": ", ".join(point_in_words(point) for point in plan.planned),
        "early": str(plan.early),
        "late": str(plan.late),
        "give_only_if": ", ".join(plan.gates),
        "every": str(plan.interval or ""),
        "times": str(plan.times or ""),
        "interval_at_least": str(plan.interval_at_least or ""),
        "rate_at_most": "" if plan.rate_at_most is None else f"{_number(plan.rate_at_most)} {plan.rate_unit}",
        "rate_steps": "" if plan.rate_steps is None else str(plan.rate_steps),
        "resumed_at_most": "" if plan.resumed_at_most is None else f"{shown(plan.resumed_at_most * 100)} %",
        "lasts_at_least": str(plan.lasts_at_least or ""),
        "premedication": "; ".join(str(plain(part)) for part in plan.premedication),
        "only_if": "" if plan.only_if is None else str(plain(plan.only_if)),
        "stop_if": "" if plan.stop_if is None else str(plain(plan.stop_if)),
        "if_missed": "" if plan.if_missed == "go_on" else plan.if_missed,
        "merge_within": str(plan.merge_within),
        **{key: "" if point is None else point_in_words(point) for key, point in points.items()},
    }


def _amount(amount: Amount) -> str:
    """Say an amount with all that it is reckoned from: its words leave out how old a value may be."""
    asked = (amount.when, amount.least, amount.most, amount.no_more_than)
    return " ".join([amount.text, *("" if each is None else str(plain(each)) for each in asked)]).strip()


def _number(value: Interval) -> str:
    return str(value)


def _visit(plan: VisitPlan) -> Facts:
    points = {
        "on": plan.on,
        "first_due": plan.first_due,
        "first_due_from": plan.first_due_from,
        "missed_after": plan.missed_after,
    }
    words = {key: "" if point is None else point_in_words(point) for key, point in points.items()}
    only_if = "" if plan.only_if is None else str(plain(plan.only_if))
    return {"window": window_in_words(plan.window), "only_if": only_if, **words}


def _assessments(program: Program) -> Mapping[str, Facts]:
    return {
        each.name: {
            "of": ", ".join(sorted(each.measures)),
            "at": ", ".join(each.visits),
            "before": ", ".join(each.before),
            "window": "" if each.window is None else window_in_words(each.window),
            "methods": "; ".join(f"{key}: {', '.join(sorted(words))}" for key, words in sorted(each.methods.items())),
        }
        for each in program.assessments
    }


def _course(program: Program) -> Mapping[str, Facts]:
    if program.course is None:
        return {}
    return {"course": {"of": ", ".join(program.course.of), "through": point_in_words(program.course.through)}}


def _therapies(program: Program) -> Mapping[str, Facts]:
    return {
        f"{each.role} {each.name}": {
            "asks for": "; ".join(
                f"{query.kind} {query.label} {', '.join(sorted(_words(query)))} {window_in_words(query.window)}".strip()
                for query in each.select
            )
        }
        for each in program.therapies
    }


def _words(query: Any) -> frozenset[str]:  # noqa: ANN401 - a selection
    found = (getattr(test.against.value, "words", None) or frozenset() for test in query.tests)
    return frozenset[str]().union(*found)


def _rules(old: Protocol, new: Protocol) -> Iterator[Difference]:
    was, now = ({rule.name: rule for rule in protocol.rulebook.rules} for protocol in (old, new))
    for name in dict.fromkeys((*was, *now)):
        if name not in now or name not in was:
            yield Difference("alert", name, "removed" if name in was else "added")
        elif was[name] != now[name]:
            keys = [key for key in type(now[name]).__dataclass_fields__ if key != "place"]
            moved = [key for key in keys if getattr(was[name], key) != getattr(now[name], key)]
            yield Difference("alert", name, "changed", ", ".join(moved))


# --- as data ----------------------------------------------------------------------------------------------------------


def as_data(each: Difference) -> dict[str, Any]:
    """Give a difference as plain data."""
    patients = {"gained": each.gained, "lost": each.lost}
    shown_ = {
        name: {"at": found.at, "events": [event_as_data(event) for event in found.events]}
        for name, found in patients.items()
        if found is not None
    }
    return {
        "part": each.part,
        "name": each.name,
        "relation": each.relation,
        "told": each.told,
        "sure": each.sure,
        **shown_,
    }
