"""Eligibility, gates and limits: whether each can be met and can fail, and whether anybody passes them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.kernel import AtLeast, Compare, Constant, Pick, parts_of
from trialspec.proofs.beside import beside, passed
from trialspec.proofs.finding import Finding, Report, Severity, clause
from trialspec.quantity import Interval, shown
from trialspec.solver.asking import Asker, core, failed, met
from trialspec.solver.records import subjects_of

if TYPE_CHECKING:
    from trialspec.diagnostics import Place
    from trialspec.kernel import Expr
    from trialspec.program import Program

_FAR_OUT = 50  # times outside the reference range: a limit that no laboratory would print


def criteria(program: Program, asker: Asker, report: Report) -> None:
    """Ask of every criterion whether it can be met and can fail, and of all whether anybody passes them."""
    alone: set[str] = set()
    for each in program.criteria:
        own = Asker(program, (each.expr,), asker.most, asker.limit)
        can = report.asked(each.name, f"`{each.name}` can be met", own.ask(met(each.expr)), each.place)
        fails = report.asked(each.name, f"`{each.name}` can fail", own.ask(failed(each.expr)), each.place)
        if can.impossible:
            alone.add(each.name)
            said = "nobody can enter" if each.role == "include" else "it keeps nobody out"
            clauses = _inside(each.expr, own)
            advice = "look at the limits and windows inside it"
            report.found(
                Finding(
                    "never-met",
                    each.name,
                    f"`{each.name}` can never be met: {said}",
                    each.place,
                    "error",
                    advice,
                    clauses,
                    str(can),
                )
            )
        if fails.impossible:
            alone.add(each.name)
            said = "it keeps nobody out" if each.role == "include" else "nobody can enter"
            severity: Severity = "warning" if each.role == "include" else "error"
            report.found(
                Finding(
                    "never-fails",
                    each.name,
                    f"`{each.name}` is never not met: {said}",
                    each.place,
                    severity,
                    "look at its limit and its side",
                    (),
                    str(fails),
                )
            )
    _together(program, asker, report, alone)


def _together(program: Program, asker: Asker, report: Report, alone: set[str]) -> None:
    kept = {each.name: passed(each) for each in program.criteria if each.name not in alone}
    if not kept:
        return
    everybody = report.asked("eligibility", "anybody can be eligible", asker.ask(*kept.values()))
    places = {each.name: each.place for each in program.criteria}
    if everybody.impossible:
        names = core(asker, kept)
        listed = ", ".join(f"`{name}`" for name in names)
        first, *others = names
        clauses = tuple(pair for name in others for pair in clause(places[name], f"`{name}` is in the way of it"))
        message = f"nobody can be eligible: {listed} contradict each other"
        advice = "leaving any one of them out lets somebody in: look at their limits and windows"
        report.found(
            Finding("nobody-eligible", "eligibility", message, places[first], "error", advice, clauses, str(everybody))
        )
        return
    beside([each for each in program.criteria if each.name in kept], asker, report, everybody.witness)


def _inside(expr: Expr, asker: Asker) -> tuple[tuple[Place, str], ...]:
    """Point at the parts of a statement that cannot be so together."""
    parts = _parts(expr)
    if len(parts) < 2:
        return ()
    kept = core(asker, {str(index): met(part) for index, part in enumerate(parts)})
    return tuple(pair for index in kept for pair in clause(parts[int(index)].place, "this part is in conflict"))


def _parts(expr: Expr) -> tuple[Expr, ...]:
    """Give what a conjunction joins."""
    if isinstance(expr, AtLeast) and expr.number == len(expr.of):
        return tuple(part for inner in expr.of for part in _parts(inner))
    return (expr,)


def gates(program: Program, asker: Asker, report: Report) -> None:
    """Ask of every gate that guards a dose whether it can be met and can fail."""
    used = {name for plan in program.doses for name in plan.gates}
    for name, gate in program.gates.items():
        if name not in used:
            continue
        can = report.asked(name, f"the gate `{name}` can be met", asker.ask(met(gate.expr)), gate.place)
        fails = report.asked(name, f"the gate `{name}` can fail", asker.ask(failed(gate.expr)), gate.place)
        if can.impossible:
            message = f"the gate `{name}` can never be met: no dose that it guards can be given"
            clauses = _inside(gate.expr, asker)
            report.found(
                Finding(
                    "never-met",
                    name,
                    message,
                    gate.place,
                    "error",
                    "look at the limits and windows inside it",
                    clauses,
                    str(can),
                )
            )
        if fails.impossible:
            message = f"the gate `{name}` is never not met: it holds no dose"
            advice = "look at its limit and its side"
            report.found(Finding("never-fails", name, message, gate.place, "warning", advice, (), str(fails)))


# --- limits -----------------------------------------------------------------------------------------------------------


def limits(program: Program, report: Report) -> None:
    """Look for limits that are most likely numbers of another unit."""
    named = [
        *((each.name, each.expr) for each in program.criteria),
        *((name, gate.expr) for name, gate in program.gates.items()),
        *((f"{each.name} {part.name}", part.expr) for each in program.responses for part in each.components),
    ]
    seen = set()
    for name, expr in named:
        for compare in parts_of(expr, Compare):
            if compare.place not in seen and (why := _unlikely(program, compare)):
                seen.add(compare.place)
                advice = "check the number and its unit against the written protocol"
                report.found(Finding("unlikely-unit", name, why, compare.place, "warning", advice))


def _unlikely(program: Program, compare: Compare) -> str:
    left, right = compare.left, compare.right
    if not (isinstance(left, Pick) and left.field == "value" and isinstance(right, Constant)):
        return ""
    names = subjects_of(left.of) or frozenset()
    term = program.vocabulary.get(min(names)) if len(names) == 1 else None
    limit = right.value.exact if isinstance(right.value, Interval) else None
    if term is None or limit is None or limit <= 0 or right.by_unit:
        return ""
    if term.resolution is not None and limit < term.resolution:
        step = f"{shown(term.resolution)} {term.unit}"
        return f"`{right.text}` is less than the step of {step} in which `{term.name}` is reported"
    highs = [high for _, high in term.ranges.values() if high is not None]
    lows = [low for low, _ in term.ranges.values() if low is not None and low > 0]
    if highs and limit > max(highs) * _FAR_OUT:
        return f"`{right.text}` is more than {_FAR_OUT} times the upper end of every reference range of `{term.name}`"
    if lows and limit * _FAR_OUT < min(lows):
        return f"`{right.text}` is less than a {_FAR_OUT}th of the lower end of every reference range of `{term.name}`"
    return ""
