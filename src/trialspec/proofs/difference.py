"""Two versions of a protocol by meaning: who may enter, what is given when, which answer a patient gets.

Statements are compared as sets of patients: of each difference a patient is shown, and what is the same is proved so.
Definitions and libraries are seen through, because what is compared is what they come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trialspec.kernel import AtLeast, Constant, Not
from trialspec.proofs.finding import event_as_data
from trialspec.proofs.meaning import meaning, plain
from trialspec.proofs.planned import (
    Difference,
    Relation,
    measures_of,
    planned,
    reckoned_otherwise,
    renamed_gates,
)
from trialspec.proofs.planned import renamed as _renamed
from trialspec.solver.asking import LIMIT, MOST, Answer, Asker, Claim, failed, met
from trialspec.solver.logic import apart
from trialspec.truth import MET, NOT_MET, UNKNOWN
from trialspec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr
    from trialspec.program import Category, Criterion, Program, Response


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


@apart()
def compare(old: Protocol, new: Protocol, *, most: int = MOST, limit: int = LIMIT) -> Comparison:
    """Compare two versions of a protocol by what they mean."""
    one, other = old.program, new.program
    result = Comparison(one, other)
    exprs = tuple(plain(each) for program in (one, other) for each in _statements(program))
    asker = Asker(_joined(one, other), exprs, most, limit)
    # What the solver takes for one measure is reckoned otherwise: that a statement of it is the same proves nothing.
    reckoned = reckoned_otherwise(one, other)
    result.found += _criteria(one, other, asker, reckoned)
    result.found += _gates(one, other, asker, reckoned)
    result.found += planned(old, new)
    result.found += _responses(one, other, asker, reckoned)
    return result


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


def _related(part: str, name: str, old: Expr, new: Expr, asker: Asker, *, reckoned: frozenset[str]) -> Difference:
    """Say whether the patients of whom a statement is met have become more, fewer, or others."""
    old, new = plain(old), plain(new)
    otherwise = measures_of((old, new)) & reckoned
    if otherwise:
        told = f"it reads what is reckoned otherwise now: {', '.join(sorted(otherwise))}"
        return Difference(part, name, "not proved", told)
    if meaning(old) == meaning(new):
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


def _criteria(old: Program, new: Program, asker: Asker, reckoned: frozenset[str]) -> Iterator[Difference]:
    was, now = ({each.name: each for each in program.criteria} for program in (old, new))
    same = True
    passing = ({name: _passed(each) for name, each in program.items()} for program in (was, now))
    renamed = _renamed(*passing)
    for name in dict.fromkeys((*was, *now)):
        if name in renamed:
            yield Difference("criterion", name, "renamed", f"it is `{renamed[name]}` now", "the same statement")
        elif name in renamed.values():
            continue
        elif name not in now or name not in was:
            same = False
            yield Difference("criterion", name, "removed" if name in was else "added")
        else:
            found = _related("criterion", name, _passed(was[name]), _passed(now[name]), asker, reckoned=reckoned)
            same = same and found.relation == "equal"
            yield found
    if same:
        yield Difference("eligibility", "eligibility", "equal", sure="every criterion is the same")
    else:
        yield _related("eligibility", "eligibility", entry(old), entry(new), asker, reckoned=reckoned)


def _gates(old: Program, new: Program, asker: Asker, reckoned: frozenset[str]) -> Iterator[Difference]:
    renamed = renamed_gates(old, new)
    for name in dict.fromkeys((*old.gates, *new.gates)):
        if name in renamed:
            yield Difference("gate", name, "renamed", f"it is `{renamed[name]}` now", "the same statement")
        elif name in renamed.values():
            continue
        elif name not in new.gates or name not in old.gates:
            yield Difference("gate", name, "removed" if name in old.gates else "added")
        else:
            found = _related("gate", name, old.gates[name].expr, new.gates[name].expr, asker, reckoned=reckoned)
            if old.gates[name].otherwise != new.gates[name].otherwise:
                told = f"otherwise: {old.gates[name].otherwise} became {new.gates[name].otherwise}"
                found = replace(found, relation="changed" if found.relation == "equal" else found.relation, told=told)
            yield found


# --- responses --------------------------------------------------------------------------------------------------------


def _responses(old: Program, new: Program, asker: Asker, reckoned: frozenset[str]) -> Iterator[Difference]:
    was, now = ({each.name: each for each in program.responses} for program in (old, new))
    for name in dict.fromkeys((*was, *now)):
        if name not in now or name not in was:
            yield Difference("response", name, "removed" if name in was else "added")
            continue
        yield from _response(was[name], now[name], asker, reckoned)


def _response(old: Response, new: Response, asker: Asker, reckoned: frozenset[str]) -> Iterator[Difference]:
    if meaning(old.then) != meaning(new.then):
        moved = [key for key in dict.fromkeys((*old.then, *new.then)) if _becomes(old, key) != _becomes(new, key)]
        told = "; ".join(f"{key}: {_becomes(old, key)} became {_becomes(new, key)}" for key in moved)
        yield Difference("response", new.name, "changed", f"then: {told or 'another window'}")
    for visit in dict.fromkeys((*old.visits, *new.visits)):
        name = f"{new.name}@{visit}"
        if visit not in old.visits or visit not in new.visits:
            yield Difference("response", name, "removed" if visit in old.visits else "added")
            continue
        otherwise = measures_of((old.categories, new.categories)) & reckoned
        if otherwise:
            told = f"it reads what is reckoned otherwise now: {', '.join(sorted(otherwise))}"
            yield Difference("response", name, "not proved", told)
            continue
        yield _answers(name, _at(old, visit), _at(new, visit), asker)


def _becomes(response: Response, key: str) -> str:
    """Say what becomes of the categories after what intervenes."""
    handled = response.then.get(key, "none")
    if isinstance(handled, str):
        return handled
    return ", ".join(f"{name} to {word}" for name, word in handled.becomes.items())


def _at(response: Response, visit: str) -> list[Category]:
    return [part for part in response.categories if part.visit == visit]


def _answers(name: str, old: Sequence[Category], new: Sequence[Category], asker: Asker) -> Difference:
    """Look for a patient who gets one category by the old version and another by the new one."""
    if [(part.name, meaning(part.when)) for part in old] == [(part.name, meaning(part.when)) for part in new]:
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
