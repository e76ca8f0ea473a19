"""What an answer rests on that the written protocol does not say: what is assumed, interpreted, or was not re-read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trialspec.reports.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.findings.finding import Finding
    from trialspec.program import Program, Provenance

Item = tuple[str, "Provenance"]


def items(program: Program) -> Iterator[Item]:
    """Give every item of a protocol that says where it comes from, by the name that reports use."""
    yield from ((each.name, each.provenance) for each in program.criteria)
    yield from ((each.name, each.provenance) for each in program.gates.values())
    yield from ((each.name, each.provenance) for each in program.doses)
    if program.course:
        yield "course", program.course.provenance
    yield from ((each.name, each.provenance) for each in program.visits)
    yield from ((each.name, each.provenance) for each in program.assessments)
    for response in program.responses:
        # The same component is read at several visits, and what it says of itself the response says once more.
        components = {component.name: component.provenance for component in response.components}
        yield response.name, _without(response.provenance, components.values())
        yield from ((f"{response.name}: {name}", provenance) for name, provenance in components.items())
    yield from ((f"time to {each.name}", each.provenance) for each in program.times)
    yield from ((each.name, each.provenance) for each in program.therapies)


def _without(whole: Provenance, parts: Iterable[Provenance]) -> Provenance:
    """Give what an item says of itself beside what its parts say."""
    assumed = {reason for part in parts for reason in part.assumed}
    interpreted = {reason for part in parts for reason in part.interpreted}
    return replace(
        whole,
        assumed=tuple(reason for reason in whole.assumed if reason not in assumed),
        interpreted=tuple(reason for reason in whole.interpreted if reason not in interpreted),
    )


def beneath(program: Program, finding: Finding) -> tuple[Item, ...]:
    """Give the items of the protocol that a finding is read from."""
    named = dict(items(program))
    wanted = list(_names(program, finding))
    return tuple((name, named[name]) for name in dict.fromkeys(wanted) if name in named)


def _names(program: Program, finding: Finding) -> Iterator[str]:
    facts = finding.facts
    match finding.subject:
        case "criterion" | "gate" | "visit":
            yield finding.name
        case "eligibility":
            # Whoever is ineligible is so by what failed, and undetermined by what is open; eligible by all of them.
            deciding = facts.get("failed") or facts.get("open")
            yield from deciding.split(", ") if deciding else (each.name for each in program.criteria)
        case "dose":
            plans = {each.name: each for each in program.doses}
            plan = plans.get(facts.get("dose", finding.name).partition("#")[0])
            if plan:
                yield plan.name
                yield from plan.gates
        case "course":
            yield "course"
        case "assessment":
            yield facts.get("assessment", "")
            yield facts.get("visit", "")
        case "component":
            yield facts.get("response", "")
            yield f"{facts.get('response', '')}: {facts.get('component', '')}"
        case "category":
            response = facts.get("response", "")
            yield response
            yield from (name for name, _ in items(program) if name.startswith(f"{response}: "))
        case "therapy":
            yield from facts.get("rules", "").split(", ")
        case _:
            return


def assuming(program: Program, finding: Finding) -> tuple[str, ...]:
    """Name the items beneath a finding that say something which the written protocol does not."""
    found = [name for name, provenance in beneath(program, finding) if any(told([(name, provenance)]))]
    return tuple(dict.fromkeys(name.partition(": ")[0] for name in found))


def everything(program: Program) -> Table:
    """List all that a protocol says and its written original does not."""
    rows = [
        (name, kind, reason)
        for name, provenance in items(program)
        for kind, reason in (
            *(("assumed", each) for each in provenance.assumed),
            *(("interpreted", each) for each in provenance.interpreted),
            *(() if provenance.verified else (("unverified", "not re-read in its source"),)),
        )
    ]
    return Table("What these answers rest on beside the written protocol", ("item", "is", "reason"), tuple(rows))


def assumptions(program: Program, finding: Finding) -> tuple[str, ...]:
    """Say what a finding assumes, each behind the item that assumes it."""
    return tuple(told(beneath(program, finding)))


def told(found: Iterable[Item]) -> Iterator[str]:
    """Say what items assume, read into the text, or took over without reading again."""
    for name, provenance in found:
        yield from (f"{name}: {reason} (assumed)" for reason in provenance.assumed)
        yield from (f"{name}: {reason} (interpreted)" for reason in provenance.interpreted)
        if not provenance.verified:
            yield f"{name}: not re-read in its source (unverified)"
