"""Rows of text under named columns: every report is made of these, whoever shows them."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialspec.diagnostics import harmless
from trialspec.quantity import parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOOTER = "trialspec checks a protocol. It is not a medical device; a person decides."


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; without columns, a list. `empty` is what is said in place of a table without rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""

    @property
    def filled(self) -> Table:
        """The table without the columns that have nothing in any row."""
        kept = [number for number in range(len(self.columns)) if any(row[number] for row in self.rows)]
        return Table(
            self.title,
            tuple(self.columns[number] for number in kept),
            tuple(tuple(row[number] for number in kept) for row in self.rows),
            self.empty,
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A title, what is said first, and tables."""

    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = field(default=())


def as_text(page: Page) -> str:
    """Print a page as plain text: no colours, no frames, columns in line."""
    title = harmless(page.title)
    head = [title, "=" * columns_of(title)] if title else []
    blocks = ["\n".join([*head, *(harmless(line) for line in page.lines)])] if head or page.lines else []
    blocks += [table_as_text(table) for table in page.tables if table.rows or table.empty]
    return "\n\n".join(blocks) + "\n"


def table_as_text(table: Table) -> str:
    """Print a table as plain text."""
    title = [harmless(table.title)] if table.title else []
    if not table.rows:
        return "\n".join([*title, f"  {table.empty}"])
    if not table.columns:
        return "\n".join([*title, *(f"  {harmless(cell)}" for row in table.rows for cell in row)])
    rows = [[harmless(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(columns_of(row[number]) for row in rows) for number in range(len(table.columns))]
    lines = [_aligned(row, widths) for row in rows]
    rule = f"  {'-' * (max(map(columns_of, lines)) - 2)}"
    return "\n".join([*title, lines[0], rule, *lines[1:]])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell + " " * (width - columns_of(cell)) for cell, width in zip(row, widths, strict=True)]
    return f"  {'  '.join(cells)}".rstrip()


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: wide East Asian characters take two, combining marks none."""
    return sum(
        0 if unicodedata.category(char) in {"Mn", "Me", "Cf"} else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def as_markdown(table: Table) -> str:
    """Print a table as Markdown."""
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    """Print rows as CSV; a text that a spreadsheet would take for a formula is kept from being one."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([_inert(cell) for cell in row] for row in rows)
    return written.getvalue()


def _inert(cell: str) -> str:
    cell = harmless(cell)
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} and parse_number(cell) is None else cell
