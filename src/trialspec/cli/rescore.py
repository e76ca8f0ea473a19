"""`rescore`: one stream of events, scored by several definitions of response."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from trialspec.cli import arguments, exits, show
from trialspec.evaluation import Protocol
from trialspec.reports import rescore as scored
from trialspec.reports.table import FOOTER


@click.command(
    epilog=arguments.example("rescore two-drugs two-drugs/events.ndjson --definition strict --definition lenient"),
    short_help="Score patients by several definitions of response, and say where they part.",
)
@click.argument("protocol")
@click.argument("events", nargs=-1, required=True)
@click.option(
    "--definition",
    "definitions",
    multiple=True,
    metavar="NAME",
    help="A definition of response of the protocol; may be given several times. Without it: all of them.",
)
@click.option(
    "--responder",
    "responders",
    multiple=True,
    metavar="CATEGORY",
    help="A category that counts as a response: then it is compared who responds, and not which category it is.",
)
@arguments.as_of
@arguments.known
@click.option(
    "--patient", "patients", multiple=True, metavar="ID", help="Only this patient; may be given several times."
)
@arguments.unblinded
@arguments.output("table", "json")
@arguments.libraries
def rescore(
    *,
    protocol: str,
    events: tuple[str, ...],
    definitions: tuple[str, ...],
    responders: tuple[str, ...],
    as_of: str | None,
    known: str | None,
    patients: tuple[str, ...],
    unblinded: bool,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Score patients' events by several definitions of response, and say where they part and what decides.

    EVENTS are files of NDJSON or CSV, or directories of them. A definition is one of the `responses` of PROTOCOL.
    """
    read = arguments.loaded(protocol, libraries)
    at = arguments.instant(as_of, read.program.zone, "--as-of")
    until = None if known is None else arguments.instant(known, read.program.zone, "--known")
    there = {response.name: response for response in read.program.responses}
    if not there:
        raise arguments.refused("unknown-name", f"`{protocol}` defines no response", "add one under `responses`")
    asked = list(dict.fromkeys(arguments.named(name, there, "definition of response") for name in definitions or there))
    if not unblinded:
        asked = _may_be_shown(read, asked, definitions)
    categories = [each.name for name in asked for each in there[name].categories]
    for word in responders:
        arguments.named(word, categories, "category of these definitions")
    cohort = arguments.only(arguments.events(events), patients)
    show.engine(read.decider.absence)
    found = scored.compared(read.evaluate(cohort, at=at, known=until), asked, responders)
    if form == "json":
        show.data({"note": FOOTER} | scored.as_data(found, asked, responders))
    else:
        show.page(scored.page(found, asked, responders))
        show.footer()
    return exits.OURS if show.incidents(read.incidents) else exits.FINE


def _may_be_shown(protocol: Protocol, asked: list[str], named: Sequence[str]) -> list[str]:
    """Leave out the definitions whose categories would unblind; one that is asked for by name is refused."""
    kept = protocol.blinding.responses
    for name in named:
        if name in kept:
            message = f"the categories of `{name}` would unblind"
            raise arguments.refused("withheld", message, "`--unblinded` shows them to those who may know")
    shown = [name for name in asked if name not in kept]
    if len(shown) < len(asked):
        show.note(f"definitions withheld, because they would unblind: {len(asked) - len(shown)}")
    return shown
