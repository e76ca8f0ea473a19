"""Questions about a protocol before anybody is enrolled, each answered by a proof or by a patient.

`prove` asks them all. What it finds is said only with a patient whom the reference reads the same way, or as proved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trialspec.proofs.collected import collected
from trialspec.proofs.criteria import criteria, gates, limits
from trialspec.proofs.finding import Finding, Report, as_data
from trialspec.proofs.plan import plan
from trialspec.proofs.properties import properties
from trialspec.proofs.responses import responses
from trialspec.proofs.rules import rules
from trialspec.solver.asking import LIMIT, MOST, Asker
from trialspec.solver.logic import apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr
    from trialspec.program import Program

__all__ = ["Finding", "Report", "as_data", "prove", "statements"]


def statements(program: Program) -> tuple[Expr, ...]:
    """Give every statement of a protocol that is asked about as such."""
    return (
        *(each.expr for each in program.criteria),
        *(gate.expr for gate in program.gates.values()),
        *(part.expr for each in program.responses for part in each.components),
        *(part.when for each in program.responses for part in each.categories if part.when is not None),
        *(each.expr for each in program.properties),
    )


@apart()
def prove(
    protocol: Protocol, *, most: int = MOST, limit: int = LIMIT, step: Callable[[str], None] = lambda _: None
) -> Report:
    """Ask all questions about a protocol, with up to `most` records of each sort and `limit` ms for each question.

    `step` is told what is asked next.
    """
    program, report = protocol.program, Report(step=step)
    asker = Asker(program, statements(program), most, limit)
    report.step("criteria")
    criteria(program, asker, report)
    report.step("gates and limits")
    gates(program, asker, report)
    limits(program, report)
    report.step("responses")
    responses(program, asker, report)
    collected(program, report)
    report.step("properties and rules")
    properties(program, asker, report)
    rules(protocol, report)
    plan(protocol, limit, report)
    open_ = frozenset(each.of for each in report.findings if each.code == "not-proved")
    report.findings = _accepted(program, _once(report.findings), open_, whole=report.whole)
    return report


def _once(found: list[Finding]) -> list[Finding]:
    """Say once what could not be proved for the same reason."""
    open_: dict[str, list[Finding]] = {}
    for each in found:
        if each.code == "not-proved":
            open_.setdefault(each.message.rpartition(" is not proved: ")[2], []).append(each)
    told = []
    for why, parts in open_.items():
        asked = ", ".join(dict.fromkeys(part.message.rpartition(" is not proved: ")[0] for part in parts))
        told.append(replace(parts[0], of=parts[0].of, message=f"{asked} is not proved: {why}"))
    return [each for each in found if each.code != "not-proved"] + told


def _accepted(program: Program, found: list[Finding], open_: frozenset[str], *, whole: bool) -> list[Finding]:
    """Mark what the author accepts, and report what is accepted and is not found any more.

    Of what is left open, or was not asked, nobody can say that it is not found any more.
    """
    reasons = {(each.finding, each.of): each for each in program.accepted}
    marked = [
        replace(each, accepted=reasons[each.code, each.of].reason) if (each.code, each.of) in reasons else each
        for each in found
    ]
    seen = {(each.code, each.of) for each in found}
    stale = [
        Finding(
            "accepted-stale",
            each.of,
            f"`{each.finding}` of `{each.of}` is accepted here, and is not found",
            each.place,
            "warning",
            "take it out, or look why it is not found any more",
        )
        for key, each in reasons.items()
        if whole and key not in seen and not open_ & {each.of, each.of.partition(" ")[0]}
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted([*marked, *stale], key=lambda each: (bool(each.accepted), order[each.severity]))
