"""`conformance`: what another engine that runs a protocol must say, written as files, and held against its answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialspec.cli import arguments, exits, show
from trialspec.evaluation import load
from trialspec.load import freeze as frozen
from trialspec.load import load as read

if TYPE_CHECKING:
    from trialspec.testing import Difference, Example

_HELP = """Write the examples that any engine which runs PROTOCOL must answer alike, or hold a system to them.

With --to the examples are written as files of JSON: patients on both sides of every limit, one for each answer and each
departure, and streams whose records are late, corrected and taken back; each with the alerts that every patient has
after each step. With --target a system is told them: `http://...`, `python:module:function`, or a command that reads
lines of JSON (docs/testing.md). PROTOCOL may then be the directory that was written, which needs no protocol. Each
answer that differs is a line, and the command then ends with 1.
"""


@click.command(
    help=_HELP,
    epilog=arguments.example("conformance two-drugs --to suite"),
    short_help="Hold another engine to a protocol's answers.",
)
@click.argument("protocol")
@click.option("--to", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write the examples here.")
@click.option("--target", metavar="SYSTEM", help="Tell this system the examples, and compare its answers.")
@click.option(
    "--streams", type=click.IntRange(0), default=20, show_default=True, help="How many streams beside the patients."
)
@arguments.output("table", "json")
@arguments.libraries
def conformance(
    protocol: str, *, folder: Path | None, target: str | None, streams: int, form: str, libraries: tuple[Path, ...]
) -> int:
    """Write a suite, or run one."""
    if (folder is None) == (target is None):
        what = "both --to and --target are" if folder is not None else "neither --to nor --target is"
        advice = "give --to DIR to write the examples, or --target SYSTEM to hold a system to them"
        raise arguments.refused("bad-value", f"{what} given", advice)
    if folder is not None:
        return _write(protocol, folder, streams, form, libraries)
    assert target is not None
    # What makes patients is loaded by those who need it alone.
    from trialspec.testing import conformance as kit  # noqa: PLC0415

    written = Path(protocol)
    examples: Sequence[Example]
    if written.is_dir() and any(written.glob("*.json")):
        examples = tuple(kit.read_conformance(written))
    else:
        file = arguments.protocol_file(protocol, libraries)
        examples = tuple(kit.suite(load(file, libraries=libraries), streams))
    return _run(examples, target, form)


def _write(protocol: str, folder: Path, streams: int, form: str, libraries: Sequence[Path]) -> int:
    from trialspec.testing import conformance as kit  # noqa: PLC0415

    file = arguments.protocol_file(protocol, libraries)
    loaded = load(file, libraries=libraries)
    number = kit.write_conformance(loaded, frozen(read(file, libraries)), folder, streams)
    if form == "json":
        show.data({"examples": number, "directory": str(folder), "digest": loaded.digest})
    else:
        click.echo(f"{number} examples: {folder}")
    return exits.FINE


def _run(examples: Sequence[Example], target: str, form: str) -> int:
    from trialspec.testing import conformance as kit  # noqa: PLC0415
    from trialspec.testing import systems  # noqa: PLC0415

    tested: systems.System | None = None
    found: list[Difference] = []
    try:
        tested = systems.system(target)
        with show.progress("examples", len(examples)) as step:
            for each in examples:
                for difference in kit.run_conformance(tested, [each]):
                    found.append(difference)
                    if form != "json":
                        click.echo(str(difference))
                step()
    except systems.NoAnswerError as error:
        raise arguments.refused("bad-value", str(error), "docs/testing.md says how a system is asked") from error
    finally:
        systems.end(tested)
    apart = {each.example for each in found}
    if form == "json":
        show.data({"examples": len(examples), "differences": [_plain(each) for each in found]})
    else:
        click.echo(f"{len(examples) - len(apart)} of {len(examples)} examples are answered alike")
    return exits.WRONG if found else exits.FINE


def _plain(found: Difference) -> dict[str, object]:
    return {
        "example": found.example,
        "step": found.step,
        "patient": found.patient,
        "not_raised": [*found.lost],
        "raised": [*found.invented],
    }
