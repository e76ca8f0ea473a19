"""How things are shown: tables and colours on a terminal, plain text everywhere else, JSON on demand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
import msgspec
from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from trialspec.diagnostics import Diagnostic, harmless, in_order, render
from trialspec.reports.table import FOOTER, Page, Table, as_text
from trialspec.rulebook import Incident

# What the words of a report look like; everything else is plain.
_STYLES = {
    **dict.fromkeys(("now", "ineligible", "missed", "not evaluable", "important"), "bold red"),
    **dict.fromkeys(("soon", "overdue", "held", "unknown", "undetermined", "late"), "yellow"),
    **dict.fromkeys(("eligible", "given", "done", "responder"), "green"),
    **dict.fromkeys(("log", "pending", "not due"), "dim"),
}


def on_terminal(stream: IO[Any]) -> bool:
    """Whether a person looks at a terminal that can show more than text; `NO_COLOR` asks for plain text."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def page(shown: Page) -> None:
    """Print a page."""
    if not on_terminal(sys.stdout):
        click.echo(as_text(shown))
        return
    title = [Text(harmless(shown.title), style="bold underline")] if shown.title else []
    lines = [Text(harmless(line)) for line in shown.lines]
    tables = [_table(table) for table in shown.tables if table.rows or table.empty]
    Console(highlight=False).print(Padding(Group(*title, *lines, *tables), (0, 0, 1, 0)))


# Words of up to so many letters are not broken in a narrow column: names and dates, or dates if there is little room.
_UNBROKEN = (16, 10, 6)
_GAP, _MARGIN = 3, 4


def _table(table: Table) -> Group:
    title = Text(f"\n{harmless(table.title)}" if table.title else "", style="bold")
    if not table.rows:
        return Group(title, Text(f"  {table.empty}", style="dim"))
    if not table.columns:
        return Group(title, *(Text(f"  {harmless(cell)}") for row in table.rows for cell in row))
    rows, columns = [table.columns, *table.rows], range(len(table.columns))
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    longest = [max(len(word) for row in rows for word in row[number].split() or [""]) for number in columns]
    room = Console().width - _GAP * len(longest) - _MARGIN
    unbroken = next((most for most in _UNBROKEN if sum(min(width, most) for width in longest) <= room), 1)
    for width, column in zip(longest, table.columns, strict=True):
        shown.add_column(Text(column), overflow="fold", min_width=min(width, unbroken))
    for row in table.rows:
        shown.add_row(*(Text(harmless(cell), style=_STYLES.get(cell, "")) for cell in row))
    return Group(title, Padding(shown, (0, 0, 0, 2)))


def heading(text: str) -> None:
    """Print the title of a report."""
    if on_terminal(sys.stdout):
        Console(highlight=False).print(Text(harmless(text), style="bold"))
    else:
        click.echo(harmless(text))
    click.echo()


def footer() -> None:
    """Print what every report says of itself."""
    click.echo(FOOTER)


def note(text: str) -> None:
    """Tell the person something that is not part of the output."""
    click.echo(harmless(text), err=True)


def data(value: object) -> None:
    """Print plain data as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def diagnostics(found: Iterable[Diagnostic]) -> None:
    """Print what is wrong, each with the line that it is about."""
    for diagnostic in in_order(found):
        told = render(diagnostic, text_of)
        if on_terminal(sys.stderr):
            first, _, rest = told.partition("\n")
            style = _SEVERITY[diagnostic.severity]
            Console(stderr=True, highlight=False, soft_wrap=True).print(Text(first, style=style), Text(rest), sep="\n")
        else:
            click.echo(told, err=True)


_SEVERITY = {"error": "bold red", "warning": "bold yellow", "note": "bold"}


def text_of(file: str) -> str | None:
    """Read a file for its excerpt; one that cannot be read has none."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return None


def engine(absence: str) -> None:
    """Say once that there is no rules engine, if so."""
    if absence:
        note(f"note: {absence}; the plain evaluator of the rules serves alone")


def withheld(alerts: int = 0, findings: int = 0) -> None:
    """Say how many alerts and findings are kept to the unblinded, and nothing else of them."""
    if alerts:
        note(f"alerts withheld, because they would unblind: {alerts}")
    if findings:
        note(f"findings withheld, because they would unblind: {findings}; `--unblinded` shows them")


def incidents(found: Iterable[Incident]) -> bool:
    """Say where the two evaluators of the rules did not agree; true if anywhere."""
    told = False
    for incident in found:
        of = f", on a finding of {incident.subject} {dict(incident.message or {})}" if incident.subject else ""
        note(f"incident: {incident.fault}{of}; the plain evaluator says {', '.join(incident.plain) or 'no rule'}")
        told = True
    if told:
        note("this is a defect of trialspec: what is printed is the plain evaluator's answer; please report it")
    return told


def misread(found: Iterable[str]) -> bool:
    """Say where a fast reader and the reference did not agree; true if anywhere."""
    told = False
    for each in found:
        note(f"incident: {each}")
        told = True
    if told:
        note("this is a defect of trialspec: what is told is the slower reader's answer; please report it")
    return told


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far things are, on a terminal only and not where it would stand among the output."""
    if not on_terminal(sys.stderr) or sys.stdout.isatty() or total < _MANY:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done in one line that goes away, on a terminal only."""
    if not on_terminal(sys.stderr):
        yield lambda _: None
        return
    with Console(stderr=True, highlight=False).status(Text(harmless(what))) as line:
        yield lambda doing: line.update(Text(harmless(f"{what}: {doing}")))


_MANY = 20
