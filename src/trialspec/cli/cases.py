"""`test`: whether the cases beside a protocol come out as they say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialspec import casebook
from trialspec.cli import arguments, exits, proving, show
from trialspec.diagnostics import Diagnostic, ProtocolError, did_you_mean, harmless, has_errors, to_json
from trialspec.times import shown_date

if TYPE_CHECKING:
    from trialspec.evaluation import Protocol


@click.command(epilog=arguments.example("test two-drugs"), short_help="Run the cases beside a protocol, or any others.")
@click.argument("paths", nargs=-1)
@click.option("--case", "names", multiple=True, metavar="NAME", help="Only this case; may be given several times.")
@click.option("--coverage", is_flag=True, help="Tell what no case decides: each way, and each clause alone.")
@click.option("--mutants", is_flag=True, help="Make one mistake after the other, and tell those that no case notices.")
@click.option("--write-cases", type=click.Path(path_type=Path), metavar="FILE", help="Write a case for each of those.")
@click.option(
    "--limit", type=click.IntRange(1, 3600), default=4, metavar="SECONDS", help="Effort for each question (4)."
)
@arguments.output("table", "json")
@arguments.libraries
def test(
    *,
    paths: tuple[str, ...],
    names: tuple[str, ...],
    coverage: bool,
    mutants: bool,
    write_cases: Path | None,
    limit: int,
    form: str,
    libraries: tuple[Path, ...],
) -> int:
    """Run cases: files of them, those of a protocol, or all below a directory.

    Without PATHS: all below this directory. A case that comes out otherwise than written ends the command with 1.
    Whether the cases test anything is told with --coverage and --mutants (docs/proofs.md).
    """
    mutants = mutants or write_cases is not None
    if mutants:
        proving.needed("test --mutants")
    if write_cases is not None and write_cases.exists():
        raise arguments.refused("unknown-file", f"`{write_cases}` is there already", "give the name of a new file")
    found: list[Diagnostic] = []
    results: list[casebook.Result] = []
    books: list[casebook.Casebook] = []
    there: set[str] = set()
    files = list(_files(paths or (".",), libraries))
    with show.progress("files of cases", len(files)) as step:
        for file in files:
            step()
            try:
                read = casebook.read_cases(file, libraries)
                there |= {case.name for case in read.cases}
                book = _only(read, names)
                books.append(book)
                results += casebook.run(book)
            except ProtocolError as error:
                found += error.diagnostics
    show.diagnostics(found)
    _all_found(names, there, unread=bool(found))
    failed = [result for result in results if not result.passed]
    tested = {"coverage": _coverage(books)} if coverage else {}
    tested |= {"mutants": _mutants(books, limit)} if mutants and not failed else {}
    if write_cases is not None and not failed:
        _write(write_cases, tested["mutants"])
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
        show.data({"cases": cases, "diagnostics": [to_json(each) for each in found], **_as_data(tested)})
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
        for line in _lines(tested):
            click.echo(harmless(line))
        if mutants and failed:
            click.echo("no mistake was made: the cases are to pass first")
    return exits.WRONG if failed or has_errors(found) else exits.FINE


def _only(book: casebook.Casebook, names: Sequence[str]) -> casebook.Casebook:
    """Keep the cases that are named; all, where none is."""
    return replace(book, cases=tuple(each for each in book.cases if each.name in names)) if names else book


def _all_found(names: Sequence[str], there: Collection[str], *, unread: bool) -> None:
    """Report a name that no case has; a file that cannot be read may hold it."""
    for name in names:
        if name not in there and not unread:
            advice = did_you_mean(name, sorted(there)) or "write the whole name as it stands after `case:`"
            raise arguments.refused("unknown-name", f"there is no case `{name}`", advice)


def _files(paths: tuple[str, ...], libraries: tuple[Path, ...]) -> Iterator[Path]:
    for name in paths:
        path = Path(name)
        files = casebook.case_files(path if path.exists() else arguments.protocol_file(name, libraries))
        if not files:
            raise arguments.refused("unknown-file", f"`{name}`: there are no cases", "cases lie in `cases/*.yaml`")
        yield from files


# --- do the cases test anything? --------------------------------------------------------------------------------------


def _protocols(books: Sequence[casebook.Casebook]) -> Iterator[list[casebook.Casebook]]:
    """Put the files of cases of one protocol together."""
    digests = dict.fromkeys(book.protocol.digest for book in books)
    for digest in digests:
        yield [book for book in books if book.protocol.digest == digest]


def _coverage(books: Sequence[casebook.Casebook]) -> list[Any]:
    from trialspec.proofs.coverage import coverage  # noqa: PLC0415 - most runs have no need of it

    return [point for own in _protocols(books) for point in coverage(own)]


def _mutants(books: Sequence[casebook.Casebook], limit: int) -> list[Any]:
    from trialspec.proofs.mutants import survivors  # noqa: PLC0415 - as above, and it loads the library that proves

    found: list[Any] = []
    for own in _protocols(books):
        left, number = survivors(own[0].protocol, own, limit=limit * 1000)
        found.append((own[0].protocol, number, left))
    return found


def _as_data(tested: Mapping[str, list[Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "coverage" in tested:
        from trialspec.proofs.coverage import as_data  # noqa: PLC0415 - as above

        told["coverage"] = [as_data(point) for point in tested["coverage"]]
    if "mutants" in tested:
        from trialspec.proofs.mutants import as_data as survivor  # noqa: PLC0415 - as above

        told["mutants"] = [
            {"protocol": protocol.program.name, "made": number, "unnoticed": [survivor(each) for each in left]}
            for protocol, number, left in tested["mutants"]
        ]
    return told


def _lines(tested: Mapping[str, list[Any]]) -> Iterator[str]:
    points = tested.get("coverage", [])
    open_ = [point for point in points if point.missing]
    if points:
        yield f"{len(points) - len(open_)} of {len(points)} parts are decided each way"
    for point in open_:
        yield f"{point.place}: {point.part} {point.name}: no case decides it: {' or '.join(point.missing)}"
    for protocol, number, left in tested.get("mutants", []):
        yield f"{protocol.program.name}: {number} mistakes made, {len(left)} of them noticed by no case"
        for each in left:
            mutant = each.mutant
            yield f"{mutant.place}: {mutant.of}: no case notices {mutant.change}"
            if each.witness is None:
                yield f"  {each.why}"
                continue
            shows = f"{each.shows} is {each.expected} by the protocol as it is" if each.shows else "no finding shows it"
            yield f"  {shows}, of this patient at {_asked(protocol, each.witness.at)}:"
            yield from (f"    {line}" for line in each.witness.lines())


def _asked(protocol: Protocol, at: int) -> str:
    """Write an instant as a case does: on the clock of the protocol."""
    zone = protocol.program.zone
    day = zone.date_of(at)
    second = at - zone.start_of(day)
    return f"{shown_date(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _write(file: Path, tested: Iterable[tuple[Protocol, int, Sequence[Any]]]) -> None:
    """Write the cases that would notice what no case does, as a file that can be run."""
    from trialspec.proofs.mutants import as_case  # noqa: PLC0415 - as above

    cases = [
        as_case(each, _asked(protocol, each.witness.at))
        for protocol, _, left in tested
        for each in left
        if each.witness is not None and each.shows
    ]
    if not cases:
        show.note("no case is written: there is none to offer")
        return
    about = "# Offered by `trialspec test --write-cases`: each tells the protocol from one with a small mistake.\n"
    file.write_text(f"{about}cases:\n{''.join(dict.fromkeys(cases))}", encoding="utf-8")
    show.note(f"{len(cases)} cases are written to {file}; read them before you keep them")
