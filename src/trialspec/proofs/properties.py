"""Properties that a protocol states of itself: each is proved, or refuted by a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.proofs.finding import Finding, Report
from trialspec.solver.asking import Asker, failed, met

if TYPE_CHECKING:
    from trialspec.program import Program


def properties(program: Program, asker: Asker, report: Report) -> None:
    """Prove every property."""
    for each in program.properties:
        claim = failed(each.expr) if each.sort == "always" else met(each.expr)
        answer = report.asked(each.name, f"the property `{each.name}` holds", asker.ask(claim), each.place)
        if each.sort == "possible":
            broken, message = answer.impossible, f"`{each.name}` is to be possible, and no patient meets it"
        elif each.sort == "always":
            broken, message = answer.possible, f"`{each.name}` is to hold always, and a patient fails it"
        else:
            broken, message = answer.possible, f"`{each.name}` is never to be so, and a patient meets it"
        if broken:
            advice = f"the reason given for it: {each.reason}"
            report.found(
                Finding(
                    "property-fails",
                    each.name,
                    message,
                    each.place,
                    "error",
                    advice,
                    (),
                    str(answer),
                    asker.shown(claim).witness if answer.possible else None,
                )
            )
