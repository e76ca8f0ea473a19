"""The command `diff`: two versions of a protocol, by meaning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialspec.blinding import together
from trialspec.cli import arguments, exits, proving, show
from trialspec.diagnostics import harmless
from trialspec.times import shown_instant

if TYPE_CHECKING:
    from trialspec.evaluation import PatientReport, Protocol
    from trialspec.findings.finding import Finding
    from trialspec.proofs.difference import Comparison
    from trialspec.proofs.planned import Difference


@click.command(epilog=arguments.example("diff two-drugs/former/1.0.0.yaml two-drugs"))
@click.argument("old")
@click.argument("new")
@click.option("--events", multiple=True, metavar="FILE", help="Real patients: name those whose findings change.")
@arguments.as_of
@arguments.unblinded
@click.option("--all", "everything", is_flag=True, help="Tell also what is the same, and how that is known.")
@click.option("--limit", type=click.IntRange(1, 3600), default=4, metavar="SECONDS", help="Time for each question (4).")
@arguments.output("table", "json")
@arguments.libraries
def diff(
    *,
    old: str,
    new: str,
    events: tuple[str, ...],
    as_of: str | None,
    unblinded: bool,
    everything: bool,
    limit: int,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Compare two versions of a protocol by what they mean.

    Of each difference a patient is shown whom only one of the two takes in, clears or answers so. What is the same is
    proved, definitions and libraries seen through.
    """
    proving.needed("diff")
    from trialspec.proofs.difference import as_data, compare  # noqa: PLC0415 - the library that proves is loaded here

    one, other = arguments.loaded(old, libraries), arguments.loaded(new, libraries)
    found = compare(one, other, limit=limit * 1000)
    patients, withheld = _patients(one, other, events, as_of, unblinded=unblinded) if events else ([], 0)
    show.withheld(findings=withheld)
    if form == "json":
        told = {"old": _named(one), "new": _named(other), "differences": [as_data(each) for each in found.found]}
        show.data(told | ({"patients": patients} if events else {}))
        return exits.FINE
    for each in found.found if everything else found.changed:
        for line in _lines(each, found):
            click.echo(harmless(line))
    if not found.changed:
        click.echo(f"{_named(one)} and {_named(other)} mean the same")
    for patient in patients:
        click.echo(harmless(f"patient {patient['patient']}: {patient['finding']}: {patient['told']}"))
    if events and not patients:
        click.echo("of these patients no finding changes")
    return exits.FINE


def _named(protocol: Protocol) -> str:
    return f"{protocol.program.name} {protocol.program.version}"


_SAID = {
    "wider": "takes in more patients",
    "narrower": "takes in fewer patients",
    "incomparable": "takes in others",
    "equal": "is the same",
}


def _lines(each: Difference, found: Comparison) -> Iterator[str]:
    zone = found.new.zone
    told = _SAID.get(each.relation, each.relation)
    yield f"{each.part} {each.name}: {told}{f' ({each.sure})' if each.sure else ''}"
    if each.told:
        yield f"  {each.told}"
    only = {"gained": "only by the new version", "lost": "only by the old version"}
    if each.part == "response":
        only["gained"] = "such a patient"
    for name, witness in (("gained", each.gained), ("lost", each.lost)):
        if witness is not None:
            yield f"  {only[name]}, asked at {shown_instant(witness.at, zone)}:"
            yield from (f"    {line}" for line in witness.lines())


def _patients(
    one: Protocol, other: Protocol, files: tuple[str, ...], as_of: str | None, *, unblinded: bool
) -> tuple[list[dict[str, str]], int]:
    """Give the findings that two versions do not share, patient by patient, and how many would unblind."""
    everybody = arguments.events(files)
    at = arguments.instant(as_of, other.program.zone, "--as-of")
    # What either version keeps, the other is not to tell.
    blinding = together((one.blinding, other.blinding))
    told, withheld = [], 0
    for was, now in zip(one.evaluate(everybody, at=at), other.evaluate(everybody, at=at), strict=True):
        before, after = _findings(was), _findings(now)
        kept = {_name(each) for each in (*was.findings, *now.findings) if not unblinded and blinding.hides(each)}
        withheld += len(kept)
        for key in dict.fromkeys((*before, *after)):
            if key not in kept and before.get(key) != after.get(key):
                became = f"{before.get(key, 'none')} became {after.get(key, 'none')}"
                told.append({"patient": now.patient, "finding": key, "told": became})
    return told, withheld


def _name(finding: Finding) -> str:
    return f"{finding.subject} {finding.name}"


def _findings(report: PatientReport) -> dict[str, str]:
    def word(value: str | frozenset[str]) -> str:
        return value if isinstance(value, str) else "+".join(sorted(value))

    return {
        _name(each): ", ".join(f"{key} {word(value)}" for key, value in each.fields.items() if value)
        for each in report.findings
    }
