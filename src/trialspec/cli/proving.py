"""How proofs are asked for and shown; without the library that proves, one sentence says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from trialspec import solver
from trialspec.cli import arguments, show
from trialspec.diagnostics import Diagnostic, harmless, render

if TYPE_CHECKING:
    from trialspec.evaluation import Protocol
    from trialspec.proofs import Report


def ready() -> bool:
    """Whether proofs can be made; where they cannot, that is said once."""
    if not solver.installed():
        show.note(f"note: nothing is proved: {solver.HOW_TO_INSTALL}; --no-proofs leaves this line out")
        return False
    return True


def needed(command: str) -> None:
    """Refuse a command that cannot do without proofs."""
    if not solver.installed():
        raise arguments.refused("not-proved", f"`{command}` cannot prove anything here", solver.HOW_TO_INSTALL)


def report(protocol: Protocol, limit: int) -> Report:
    """Prove all there is to prove of a protocol, with so many seconds for each question."""
    from trialspec.proofs import prove  # noqa: PLC0415 - the library that proves is loaded where it is needed

    with show.working(protocol.program.name) as step:
        return prove(protocol, limit=limit * 1000, step=step)


def standing(found: Report) -> tuple[Diagnostic, ...]:
    """Give what is found and not accepted."""
    return tuple(each.diagnostic for each in found.findings if not each.accepted)


def accepted(found: Report | None) -> str:
    """Count what is accepted."""
    number = 0 if found is None else sum(bool(each.accepted) for each in found.findings)
    return f" ({number} accepted)" if number else ""


def show_findings(found: Report, protocol: Protocol) -> None:
    """Print what is found, each with its patient."""
    for each in found.findings:
        if not each.accepted:
            click.echo(render(each.diagnostic, show.text_of), err=True)
            for line in each.lines(protocol.program.zone):
                click.echo(harmless(line), err=True)


def as_data(found: Mapping[str, Report]) -> dict[str, Any]:
    """Give all that was asked and found as plain data."""
    from trialspec.proofs import as_data as finding  # noqa: PLC0415 - as above

    def report(each: Report) -> dict[str, Any]:
        questions = [
            {"of": one.of, "asked": one.asked, "answer": one.answer}
            | ({} if one.changed is None else {"changed": one.changed})
            for one in each.questions
        ]
        return {"findings": [finding(one) for one in each.findings], "questions": questions, "changed": each.changed}

    return {file: report(each) for file, each in found.items()}
