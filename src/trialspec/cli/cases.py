"""`test`: whether the cases beside a protocol come out as they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from trialspec import casebook
from trialspec.cli import arguments, exits, show
from trialspec.diagnostics import Diagnostic, ProtocolError, has_errors, to_json


@click.command(epilog=arguments.example("test two-drugs"), short_help="Run the cases beside a protocol, or any others.")
@click.argument("paths", nargs=-1)
@arguments.output("table", "json")
@arguments.libraries
def test(paths: tuple[str, ...], form: str, libraries: tuple[Path, ...]) -> int:
    """Run cases: files of them, those of a protocol, or all below a directory.

    Without PATHS: all below this directory. A case that comes out otherwise than written ends the command with 1.
    """
    found: list[Diagnostic] = []
    results: list[casebook.Result] = []
    files = list(_files(paths or (".",), libraries))
    with show.progress("files of cases", len(files)) as step:
        for file in files:
            step()
            try:
                results += casebook.run(casebook.read_cases(file, libraries))
            except ProtocolError as error:
                found += error.diagnostics
    show.diagnostics(found)
    failed = [result for result in results if not result.passed]
    if form == "json":
        cases = [
            {
                "file": result.case.place.file,
                "line": result.case.place.line,
                "case": result.case.name,
                "passed": result.passed,
                "xfail": result.case.xfail,
                "failures": [str(failure) for failure in result.failures],
            }
            for result in results
        ]
        show.data({"cases": cases, "diagnostics": [to_json(each) for each in found]})
    else:
        for result in failed:
            click.echo(f"{result}\n")
        expected = sum(bool(result.case.xfail) for result in results) - sum(bool(each.case.xfail) for each in failed)
        told = [f"{len(results) - len(failed) - expected} passed", f"{expected} fail as expected" if expected else ""]
        told.append(f"{len(failed)} failed" if failed else "")
        unread = len({each.place.file if each.place else each.message for each in found if each.severity == "error"})
        told.append(f"{unread} {'files' if unread > 1 else 'file'} could not be read" if unread else "")
        several = "files" if len(files) > 1 else "file"
        click.echo(f"{len(files)} {several} of cases: {', '.join(part for part in told if part)}")
    return exits.WRONG if failed or has_errors(found) else exits.FINE


def _files(paths: tuple[str, ...], libraries: tuple[Path, ...]) -> Iterator[Path]:
    for name in paths:
        path = Path(name)
        files = casebook.case_files(path if path.exists() else arguments.protocol_file(name, libraries))
        if not files:
            raise arguments.refused("unknown-file", f"`{name}`: there are no cases", "cases lie in `cases/*.yaml`")
        yield from files
