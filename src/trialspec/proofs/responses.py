"""Responses: whether every category can be reached, and who falls between them or into two."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from trialspec.proofs.finding import Finding, Report, clause
from trialspec.solver.asking import Asker, failed, met

if TYPE_CHECKING:
    from trialspec.program import Category, Program, Response


def responses(program: Program, asker: Asker, report: Report) -> None:
    """Ask about every response at each of its visits; what is so at several visits is said once."""
    said: set[tuple[str, str]] = set()
    for each in program.responses:
        for visit in each.visits:
            found = Report()
            _components(each, visit, asker, found)
            _categories(each, [part for part in each.categories if part.visit == visit], asker, found)
            report.questions += found.questions
            for finding in found.findings:
                if (finding.code, finding.of) not in said:
                    said.add((finding.code, finding.of))
                    report.found(finding)


def _components(asked: Response, visit: str, asker: Asker, report: Report) -> None:
    for part in asked.components:
        if part.visit != visit:
            continue
        of, advice = f"{asked.name} {part.name}", "look at its limit and its side"
        can = report.asked(of, f"the component `{part.name}` can be met", asker.ask(met(part.expr)), part.place)
        if can.impossible:
            message = f"the component `{part.name}` of `{asked.name}` can never be met"
            report.found(Finding("never-met", of, message, part.place, "error", advice, (), str(can)))
        fails = report.asked(of, f"the component `{part.name}` can fail", asker.ask(failed(part.expr)), part.place)
        if fails.impossible:
            message = f"the component `{part.name}` of `{asked.name}` is never not met"
            report.found(Finding("never-fails", of, message, part.place, "warning", advice, (), str(fails)))


def _categories(asked: Response, categories: list[Category], asker: Asker, report: Report) -> None:
    for number, category in enumerate(categories):
        earlier = [failed(part.when) for part in categories[:number] if part.when is not None]
        own = [] if category.when is None else [met(category.when)]
        of = f"{asked.name} {category.name}"
        told = f"the category `{category.name}` can be reached"
        if not (earlier or own):
            continue
        can = report.asked(of, told, asker.ask(*earlier, *own), category.place)
        if can.impossible:
            message = f"nobody can be `{category.name}` by `{asked.name}`"
            alone = category.when is not None and asker.ask(met(category.when)).impossible
            why = "its own condition is never met" if alone else "whoever fulfils it fulfils one before it"
            before = tuple(pair for part in categories[:number] for pair in clause(part.place, "this comes before it"))
            clauses = () if alone else before
            advice = "put the narrower category first, or correct the limit"
            message = f"{message}: {why}"
            report.found(
                Finding("category-unreachable", of, message, category.place, "error", advice, clauses, str(can))
            )
    conditions = [part for part in categories if part.when is not None]
    if len(conditions) == len(categories):
        claims = [failed(part.when) for part in conditions if part.when is not None]
        gap = report.asked(asked.name, f"anybody falls between the categories of `{asked.name}`", asker.ask(*claims))
        if gap.possible:
            message = f"a patient of whom everything is known falls into no category of `{asked.name}`"
            advice = "add a last category with `when: otherwise`, or one for such a patient"
            report.found(
                Finding(
                    "category-gap",
                    asked.name,
                    message,
                    asked.place,
                    "warning",
                    advice,
                    (),
                    str(gap),
                    asker.shown(*claims).witness,
                )
            )
    for one, other in combinations(conditions, 2):
        _overlap(asked, one, other, asker, report)


def _overlap(asked: Response, one: Category, other: Category, asker: Asker, report: Report) -> None:
    """Report two conditions that a patient fulfils at once, unless one of them contains the other."""
    assert one.when is not None
    assert other.when is not None
    of = f"{asked.name} {one.name}/{other.name}"
    both = report.asked(of, f"`{one.name}` and `{other.name}` overlap", asker.ask(met(one.when), met(other.when)))
    only_one = asker.ask(met(one.when), failed(other.when))
    only_other = asker.ask(failed(one.when), met(other.when))
    for answer in (only_one, only_other) if both.possible else ():
        if answer.outcome == "open":
            report.asked(of, f"one of `{one.name}` and `{other.name}` contains the other", answer)
    if both.possible and only_one.possible and only_other.possible:
        message = f"a patient fulfils the conditions of `{one.name}` and of `{other.name}` of `{asked.name}`"
        advice = "accept it, with the reason, if the order is meant to decide; else make them exclude each other"
        clauses = clause(other.place, f"`{one.name}` comes first, so it is the answer")
        report.found(
            Finding(
                "category-overlap",
                of,
                message,
                one.place,
                "warning",
                advice,
                clauses,
                str(both),
                asker.shown(met(one.when), met(other.when)).witness,
            )
        )
