"""Commands about protocols: whether they are right, what they mean, and what they may say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialspec import document, library
from trialspec.cli import arguments, exits, proving, show
from trialspec.compile import compile_protocol
from trialspec.diagnostics import CODES, Diagnostic, ProtocolError, did_you_mean, has_errors, to_json
from trialspec.evaluation import Protocol, load
from trialspec.load import freeze as frozen
from trialspec.load import load as read
from trialspec.load import load_written, written_out
from trialspec.load import schema as schema_of
from trialspec.model.reference import reference
from trialspec.reports.plain import plain
from trialspec.versions import former_files

if TYPE_CHECKING:
    from trialspec.proofs import Report

# --- check ------------------------------------------------------------------------------------------------------------


@click.command(epilog=arguments.example("check two-drugs"), short_help="Check protocols and rule files.")
@click.argument("files", nargs=-1)
@click.option(
    "--proofs/--no-proofs", default=True, help="Prove that each protocol can be kept (default), or only read."
)
@click.option("--limit", type=click.IntRange(1, 3600), default=4, metavar="SECONDS", help="Time for each question (4).")
@click.option("--explain", metavar="CODE", help="Print what a code means, and what to do, instead.")
@arguments.output("table", "json")
@arguments.libraries
def check(
    *, files: tuple[str, ...], proofs: bool, limit: int, explain: str | None, form: str, libraries: tuple[Path, ...]
) -> int:
    """Check protocols and rule files, and prove that a protocol says what it means.

    FILES are files, directories (all protocols and rules in them), or names of a library, as in `protocols/demo`. What
    is proved of a protocol, and how, is told in docs/proofs.md.
    """
    if explain is not None:
        return _explained(explain, "text" if form == "table" else form)
    if not files:
        raise click.UsageError("give a protocol, a rule file or a directory")
    proofs = proofs and proving.ready()
    found: list[Diagnostic] = []
    proved: dict[str, Report] = {}
    paths = [path for name in files for path in _paths(name, libraries, found)]
    if form == "table":
        show.diagnostics(found)
    for path in dict.fromkeys(paths):
        protocol, diagnostics = _checked(path, libraries)
        report = proving.report(protocol, limit) if proofs and protocol is not None else None
        if form == "table":
            show.diagnostics(each for each in diagnostics if each not in found)
            former = len(former_files(path))
            beside = f" and {former} version{'s' if former > 1 else ''} before it" if former else ""
            told = [*diagnostics, *(proving.standing(report) if report is not None else ())]
            if protocol is not None and report is not None:
                proving.show_findings(report, protocol)
            click.echo(f"{path}{beside}: {_verdict(told)}{proving.accepted(report)}")
        found += diagnostics
        if report is not None:
            proved[str(path)] = report
    if form == "json":
        listed = [str(each) for path in dict.fromkeys(paths) for each in (path, *former_files(path))]
        told_ = {"files": listed, "diagnostics": [to_json(each) for each in dict.fromkeys(found)]}
        show.data(told_ | ({"proofs": proving.as_data(proved)} if proofs else {}))
    every_one = [*found, *(each for report in proved.values() for each in proving.standing(report))]
    return exits.WRONG if has_errors(every_one) else exits.FINE


def _paths(name: str, libraries: Sequence[Path], found: list[Diagnostic]) -> Iterator[Path]:
    """Find what a name stands for; what is not there is reported, and the rest checked all the same."""
    path = Path(name)
    if name and path.is_dir() and not (path / library.PROTOCOL_FILE).is_file():
        inside = sorted(_in_directory(path))
        if inside:
            yield from inside
            return
    try:
        yield arguments.protocol_file(name, libraries)
    except ProtocolError as error:
        rules = library.find(name, None, libraries)
        if rules is not None:
            yield rules
            return
        found += error.diagnostics


def _in_directory(folder: Path) -> Iterator[Path]:
    """Give the protocols and rule files of a directory; cases are run, not checked."""
    for file in folder.rglob("*.yaml"):
        parts = file.relative_to(folder).parts
        # A version that is former is checked with the one that took its place.
        former = file.parent.name == library.FORMER and (file.parent.parent / library.PROTOCOL_FILE).is_file()
        if library.CASES in parts or former or any(part.startswith(".") for part in parts):
            continue
        if file.name == library.PROTOCOL_FILE or library.RULES in parts or _is_ours(file):
            yield file


def _is_ours(file: Path) -> bool:
    """Whether a file that may be anything has a line that only protocols and rules have."""
    return any(line.startswith((b"language:", b"protocol:")) for line in file.read_bytes().splitlines())


def _checked(path: Path, libraries: Sequence[Path]) -> tuple[Protocol | None, tuple[Diagnostic, ...]]:
    """Give a protocol that is right, and what is to be said of the file."""
    try:
        if _is_library(path):
            return None, _checked_as_library(path, libraries)
        protocol = load(path, libraries=libraries)
    except ProtocolError as error:
        return None, error.diagnostics
    return protocol, protocol.warnings


def _is_library(path: Path) -> bool:
    """Whether a file has no line that names a protocol, and lies where rules lie."""
    text = show.text_of(str(path)) or ""
    return library.RULES in path.absolute().parts and not any(line.startswith("protocol:") for line in text.split("\n"))


_STUB = "language: 1\nprotocol: check\ntitle: check\nversion: 0\nzone: UTC\nuse: [{name}]\n"


def _checked_as_library(path: Path, libraries: Sequence[Path]) -> tuple[Diagnostic, ...]:
    """Check a rule file by a protocol that does nothing but use it."""
    parts = path.absolute().parts
    depth = len(parts) - 1 - parts[::-1].index(library.RULES)
    root, name = Path(*parts[:depth]), "/".join(parts[depth:]).removesuffix(".yaml")
    stub, _ = document.read(_STUB.format(name=name), str(path))
    assert stub is not None
    found = compile_protocol(load_written(stub, path, (root, *libraries))).warnings
    # That nothing is raised is said of a protocol; a library need not.
    return tuple(diagnostic for diagnostic in found if diagnostic.code != "no-alerts")


def _verdict(diagnostics: Iterable[Diagnostic]) -> str:
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    told = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts.items() if count]
    return ", ".join(told) or "fine"


# --- what it says -----------------------------------------------------------------------------------------------------


@click.command(
    epilog=arguments.example("docs two-drugs > two-drugs.md"), short_help="Print PROTOCOL in plain language."
)
@click.argument("protocol", required=False)
@click.option("--language", is_flag=True, help="Print the reference of the language instead.")
@arguments.output("markdown", "json")
@arguments.libraries
def docs(*, protocol: str | None, language: bool, form: str, libraries: tuple[Path, ...]) -> int:
    """Print PROTOCOL in plain language, as Markdown, with its schedule and all that it assumes."""
    about: dict[str, str] = {}
    if language:
        text = reference()
    elif protocol is None:
        raise click.UsageError("give a protocol, or --language")
    else:
        loaded = arguments.loaded(protocol, libraries)
        program, text = loaded.program, plain(loaded.program, loaded.rulebook)
        _tell_former(arguments.protocol_file(protocol, libraries))
        about = {"protocol": program.name, "version": program.version, "digest": program.digest}
    if form == "json":
        show.data({**about, "markdown": text})
    else:
        click.echo(text, nl=False)
    return exits.FINE


@click.command(
    epilog=arguments.example("schema two-drugs > two-drugs/schema.json"),
    short_help="Print the JSON Schema of protocols.",
)
@click.argument("protocol", required=False)
@arguments.output("json")
@arguments.libraries
def schema(*, protocol: str | None, form: str, libraries: tuple[Path, ...]) -> int:  # noqa: ARG001 - there is one form
    """Print the JSON Schema with which an editor completes and checks a protocol while it is written.

    Without PROTOCOL it is that of the language alone, the same for every protocol. With PROTOCOL it also has the verbs
    that the protocol and its libraries define, and offers the names of its measures, drugs and concepts.
    """
    path = None if protocol is None else arguments.protocol_file(protocol, libraries)
    show.data(schema_of(path, libraries))
    return exits.FINE


@click.command(
    epilog=arguments.example("freeze two-drugs > two-drugs-1.0.0.yaml"),
    short_help="Print PROTOCOL and all it uses as one file.",
)
@click.argument("protocol")
@arguments.output("yaml", "json")
@arguments.libraries
def freeze(*, protocol: str, form: str, libraries: tuple[Path, ...]) -> int:
    """Print PROTOCOL as one file with all that it uses written out; the first line is its digest."""
    path = arguments.protocol_file(protocol, libraries)
    load(path, libraries=libraries)  # a file that is wrong is not to be kept
    _tell_former(path)
    found = read(path, libraries)
    if form == "json":
        show.data({"digest": found.digest, "protocol": written_out(found)})
    else:
        click.echo(frozen(found), nl=False)
    return exits.FINE


def _tell_former(path: Path) -> None:
    """Say where the versions are that are not printed."""
    former = former_files(path)
    if former:
        show.note(f"note: this is the newest version; before it: {', '.join(map(str, former))}")


@click.command(name="explain-error", epilog=arguments.example("explain-error unit-mismatch"))
@click.argument("code")
@arguments.output("text", "json")
def explain_error(*, code: str, form: str) -> int:
    """Print what an error code means, and what to do."""
    return _explained(code, form)


def _explained(code: str, form: str) -> int:
    if code not in CODES:
        advice = did_you_mean(code, CODES) or f"the codes are {', '.join(sorted(CODES))}"
        raise arguments.refused("unknown-name", f"there is no error code `{code}`", advice)
    if form == "json":
        show.data({"code": code, "meaning": CODES[code]})
    else:
        click.echo(f"{code}\n\n{CODES[code]}")
    return exits.FINE
