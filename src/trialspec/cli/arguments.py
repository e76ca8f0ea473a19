"""What several commands take: a protocol, libraries, events, and instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from trialspec import library
from trialspec.diagnostics import Diagnostic, ProtocolError, did_you_mean
from trialspec.evaluation import Protocol, load
from trialspec.events import Record
from trialspec.sources import Cohort, cohort, endings, read
from trialspec.times import Zone, parse_time

F = TypeVar("F", bound=Callable[..., Any])


def example(line: str) -> str:
    """The last line of a command's help: how it is called."""
    return f"\b\nExample:\n  trialspec {line}"


AS_OF = "an instant (`2014-03-05T09:30+09:00`), or a date, which means its end in the protocol's zone"


def libraries(command: F) -> F:
    """Add `--library`, which may be given several times."""
    return click.option(
        "--library",
        "libraries",
        multiple=True,
        type=click.Path(path_type=Path),
        callback=_is_library,
        metavar="DIR",
        help="Look for rules and protocols here first; may be given several times.",
    )(command)


def _is_library(_: click.Context, __: click.Parameter, folders: tuple[Path, ...]) -> tuple[Path, ...]:
    for folder in folders:
        if not any((folder / part).is_dir() for part in (library.RULES, library.PROTOCOLS)):
            reason = "has neither `rules` nor `protocols` in it" if folder.is_dir() else "there is no such directory"
            raise refused("unknown-file", f"--library `{folder}`: {reason}", "give the directory that holds `rules`")
    return folders


def unblinded(command: F) -> F:
    """Add `--unblinded`."""
    text = "Show also what only the unblinded may see; without it that is withheld, and counted."
    return click.option("--unblinded", is_flag=True, help=text)(command)


def output(*formats: str) -> Callable[[F], F]:
    """Add `--format`, the first being the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How the answer is printed.",
    )


def as_of(command: F) -> F:
    """Add `--as-of`."""
    return click.option("--as-of", metavar="TIME", help=f"When it is asked: {AS_OF}. Without it: now.")(command)


def known(command: F) -> F:
    """Add `--known`."""
    text = "Use only what was available by then, an instant or a date as above. Without it: all that is known."
    return click.option("--known", metavar="TIME", help=text)(command)


def refused(code: str, message: str, advice: str = "") -> ProtocolError:
    """Make the error that says what is wrong with an argument."""
    return ProtocolError([Diagnostic(code, message, None, help=advice)])


def protocol_file(name: str, libraries: Sequence[Path]) -> Path:
    """Find a protocol: a file, a directory that holds one, or a name of the library."""
    if not name:
        raise refused("unknown-file", "the name of the protocol is empty", "give a protocol file, or its directory")
    path = Path(name)
    if path.is_file():
        return path
    inside = path / library.PROTOCOL_FILE
    if path.is_dir() and inside.is_file():
        return inside
    for candidate in (name.rstrip("/"), f"{library.PROTOCOLS}/{name}"):
        found = library.find(candidate, None, libraries)
        if found is not None:
            return found
    reason = f"there is no `{library.PROTOCOL_FILE}` in this directory" if path.is_dir() else "there is no such file"
    known = [each for each in library.names(None, libraries) if each.startswith(library.PROTOCOLS)]
    advice = did_you_mean(name, known) or "give a protocol file, its directory, or its name in a library"
    raise refused("unknown-file", f"`{name}`: {reason}", advice)


def loaded(name: str, libraries: Sequence[Path]) -> Protocol:
    """Load a protocol."""
    return load(protocol_file(name, libraries), libraries=libraries)


def name_of(protocol: Protocol) -> str:
    """Name a protocol with its version, and those before it."""
    former = ", ".join(each.program.version for each in protocol.former)
    return f"{protocol.program.name} {protocol.program.version}{f', before it {former}' if former else ''}"


def events(names: Iterable[str]) -> Cohort:
    """Read files of events, and the files of a directory of them, sorted by patient."""
    return cohort(records(names))


def records(names: Iterable[str]) -> Iterable[Record]:
    """Read files of events, and the files of a directory of them, in the order of the files."""
    files = [file for name in names for file in _event_files(name)]
    for file in files:
        read(file)  # so that a file that cannot be read is told before any other has been
    return _records(files)


def _event_files(name: str) -> list[Path]:
    path = Path(name)
    if not name:
        raise refused("unknown-file", "the name of the event file is empty", "give a file, or a directory of them")
    if not path.is_dir():
        return [path]
    known = endings()
    found = sorted(file for file in path.iterdir() if file.suffix.removeprefix(".").lower() in known and file.is_file())
    if not found:
        raise refused("unknown-file", f"`{path}`: there are no event files in this directory", "check the path")
    return found


def _records(files: Iterable[Path]) -> Iterable[Record]:
    for file in files:
        yield from read(file)


def instant(text: str | None, zone: Zone, option: str, *, starts: bool = False) -> int:
    """Read an instant; a date means its end, or its start, and nothing means now."""
    if text is None:
        return int(datetime.now(UTC).timestamp())
    when = parse_time(text, zone)
    advice = f"write {AS_OF}"
    if when is None:
        raise refused("bad-date", f"{option} `{text}` is not a date or an instant that occurs", advice)
    if when.first != when.last:
        raise refused("bad-date", f"{option} `{text}` is only part of a date: it could be any of several days", advice)
    if len(when.instants) > 1:
        raise refused("bad-date", f"{option} `{text}` occurs twice, because the clocks are put back", "add the offset")
    if when.instants:
        return when.instants[0]
    return zone.start_of(when.first) if starts else zone.end_of(when.last)


def only(everybody: Cohort, patients: Iterable[str]) -> Cohort:
    """Keep some patients; all, where none is named."""
    names = {patient(name, everybody.patients) for name in patients}
    if not names:
        return everybody
    return Cohort({name: everybody.patients[name] for name in sorted(names)}, everybody.nobody)


def patient(name: str, names: Iterable[str]) -> str:
    """Check that there are records of a patient."""
    there = sorted(names)
    if name not in there:
        others = f"there are records of {_listed(there)}" if there else "there are no records of anybody"
        advice = did_you_mean(name, there) or others
        raise refused("unknown-patient", f"there is no record of a patient `{name}`", advice)
    return name


def named(name: str, names: Iterable[str], what: str) -> str:
    """Check that something of a name is there."""
    there = list(dict.fromkeys(names))
    if name not in there:
        advice = did_you_mean(name, there) or f"there are {_listed(there)}"
        raise refused("unknown-name", f"there is no {what} `{name}`", advice)
    return name


_MOST = 12


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MOST])
    return f"{shown} and {len(names) - _MOST} more" if len(names) > _MOST else shown or "none"
