"""`simulate`: a cohort as a trial has it, and beside it what the protocol must say of each patient."""

from __future__ import annotations

from pathlib import Path

import click

from trialspec.cli import arguments, exits, show
from trialspec.evaluation import load

_HELP = """Simulate patients of PROTOCOL, with visits a few days off, doses missed, values in other units, late entries.

Two files are written: `events.ndjson`, the records, and `oracle.ndjson`, a line for each patient with what was decided
of it before its records were made, which is what the protocol must say. A recipe in YAML says what shares are how
(docs/testing.md); without one they are as published. The same seed gives the same bytes.
"""


@click.command(
    help=_HELP,
    epilog=arguments.example("simulate two-drugs --patients 100"),
    short_help="Simulate a cohort with its oracle.",
)
@click.argument("protocol")
@click.option("--patients", "number", type=click.IntRange(1), required=True, help="How many.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another makes others.")
@click.option("--recipe", type=click.Path(path_type=Path), metavar="FILE", help="What shares of them are how.")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), default=Path("simulated"), show_default=True, metavar="DIR"
)
@arguments.libraries
def simulate(
    protocol: str, *, number: int, seed: int, recipe: Path | None, folder: Path, libraries: tuple[Path, ...]
) -> int:
    """Write a cohort and its oracle."""
    # What makes patients is loaded by those who need it alone.
    from trialspec.testing import recipes, simulating  # noqa: PLC0415

    loaded = load(arguments.protocol_file(protocol, libraries), libraries=libraries)
    shares = recipes.Recipe() if recipe is None else recipes.read_recipe(recipe)
    simulating.checked(loaded, shares)
    folder.mkdir(parents=True, exist_ok=True)
    events, oracle = folder / "events.ndjson", folder / "oracle.ndjson"
    with (
        events.open("w", encoding="utf-8") as records,
        oracle.open("w", encoding="utf-8") as answers,
        show.progress("patients", number) as step,
    ):
        for each in simulating.simulate(loaded, number, seed=seed, recipe=shares):
            records.write(each.records)
            answers.write(each.oracle)
            step()
    several = "patients" if number > 1 else "patient"
    click.echo(f"{number} {several}: {events}, {oracle}")
    return exits.FINE
