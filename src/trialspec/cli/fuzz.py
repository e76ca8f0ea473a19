"""`fuzz`: whether the laws hold on a protocol, or a system gives the alerts that the protocol gives."""

from __future__ import annotations

from pathlib import Path

import click

from trialspec.cli import arguments, exits, show
from trialspec.diagnostics import did_you_mean
from trialspec.evaluation import load

_HELP = """Hold PROTOCOL to the laws: generated patients, their records late, corrected and taken back.

Each law has its verdict. Of one that is broken the smallest stream is shown that breaks it, as a case for a file
beside the protocol; the command then ends with 1. With --target it is a system of your own that is held to what the
protocol says: `http://...`, `python:module:function`, or a command that reads lines of JSON (docs/testing.md).
"""


@click.command(
    help=_HELP, epilog=arguments.example("fuzz two-drugs --examples 50"), short_help="Hold the laws on a protocol."
)
@click.argument("protocol")
@click.option(
    "--examples", type=click.IntRange(1), default=20, show_default=True, help="How many streams for each law."
)
@click.option("--seed", "number", type=click.IntRange(0), default=0, show_default=True, help="Another draws others.")
@click.option("--law", "names", multiple=True, metavar="NAME", help="Only this law; may be given several times.")
@click.option("--target", metavar="SYSTEM", help="Test this system instead of the engine itself.")
@click.option("--rules", multiple=True, metavar="RULE", help="With --target: only alerts whose rule begins so.")
@click.option("--save", type=click.Path(path_type=Path), metavar="DIR", help="Write what breaks a law into files here.")
@arguments.output("table", "json")
@arguments.libraries
def fuzz(
    protocol: str,
    *,
    examples: int,
    number: int,
    names: tuple[str, ...],
    target: str | None,
    rules: tuple[str, ...],
    save: Path | None,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Hold a protocol to the laws."""
    # Hypothesis is loaded by those who need it alone.
    from trialspec.testing import fuzzing, laws, systems  # noqa: PLC0415

    for name in names:
        if name not in laws.BY_NAME:
            there = ", ".join(laws.BY_NAME)
            advice = did_you_mean(name, laws.BY_NAME) or f"there are {there}"
            raise arguments.refused("unknown-name", f"there is no law `{name}`", advice)
    loaded = load(arguments.protocol_file(protocol, libraries), libraries=libraries)
    held, tested = laws.chosen(names), None
    try:
        if target is not None:
            tested = systems.system(target)
            held = (fuzzing.agreement(tested, rules),)
        outcomes: list[fuzzing.Outcome] = []
        with show.progress("streams", len(held) * examples) as step:
            for outcome in fuzzing.fuzz(loaded, held, examples=examples, number=number, step=step):
                outcomes.append(outcome)
                if form != "json":
                    _tell(outcome)
    except systems.NoAnswerError as error:
        raise arguments.refused("bad-value", str(error), "docs/testing.md says how a system is asked") from error
    finally:
        systems.end(tested)
    broken = [outcome for outcome in outcomes if outcome.broken is not None]
    for outcome in broken:
        assert outcome.broken is not None
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            (save / f"{outcome.law.name}.yaml").write_text(outcome.broken.case, encoding="utf-8")
            (save / f"{outcome.law.name}.ndjson").write_text(outcome.broken.ndjson, encoding="utf-8")
    if form == "json":
        show.data({"laws": [_plain(outcome) for outcome in outcomes]})
    else:
        click.echo(f"{len(outcomes) - len(broken)} of {len(outcomes)} laws hold")
    return exits.WRONG if broken else exits.FINE


def _tell(outcome: object) -> None:
    from trialspec.testing import fuzzing  # noqa: PLC0415

    assert isinstance(outcome, fuzzing.Outcome)
    law, broken = outcome.law, outcome.broken
    if broken is None:
        click.echo(f"holds   {law.name}: {law.says} ({outcome.examples} streams)")
        return
    click.echo(f"BROKEN  {law.name}: {law.says}")
    click.echo(f"  {broken.why.splitlines()[0]}")
    click.echo("\nthe case:\n")
    click.echo(broken.case)
    click.echo("the records, in the order in which they came:\n")
    click.echo(broken.ndjson)


def _plain(outcome: object) -> dict[str, object]:
    from trialspec.testing import fuzzing  # noqa: PLC0415

    assert isinstance(outcome, fuzzing.Outcome)
    found: dict[str, object] = {"law": outcome.law.name, "holds": outcome.broken is None, "streams": outcome.examples}
    if outcome.broken is not None:
        found |= {"why": outcome.broken.why, "case": outcome.broken.case, "ndjson": outcome.broken.ndjson}
    return found
