"""Events as CSV: a header of keys and one record on each line; an empty cell is a key that is not given.

A record never spans lines: a quote that is left open would swallow the rest of the file otherwise.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from trialspec.events import Record, Unreadable, advice, check, is_id, marked, quoted
from trialspec.sources.lines import lines

_NEEDED = ("id", "patient", "kind", "time")


class CsvFile:
    """A file of comma separated values."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> Iterator[Record]:
        """Give every record, in the order of the file; what is wrong with the header comes first, as one of them."""
        header: list[str] | None = None
        for line in lines(self.path):
            if isinstance(line, Unreadable):
                yield line
                continue
            origin, text = line
            row = _cells(text)
            if header is None:
                header = [] if isinstance(row, str) else [name.strip() for name in row]
                if wrong := row if isinstance(row, str) else _wrong_header(header):
                    yield Unreadable(f"the header of the table: {wrong}", marked(text), origin=origin)
            else:
                yield _record(header, row, text, origin)


def _cells(line: bytes) -> list[str] | str:
    """Split a line into cells, or say what is wrong with it."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 text, from byte {error.start + 1} on"
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        if "\r" in text:
            return "its lines end with a carriage return alone; save it with the line ends of another system"
        return "a quote is not closed, text follows a closed one, or a cell is too long"


def _wrong_header(header: Sequence[str]) -> str:
    missing = [name for name in _NEEDED if name not in header and not (name == "time" and "start" in header)]
    if "".join(header[:1]).lower().startswith("sep="):
        return "the first line only says how columns are separated; delete it, and save the table with commas"
    if missing and (mark := _separator(header)):
        return f"the columns are separated by {mark}, not by commas; save the table with commas"
    capital = [other for name in missing for other in header if other.lower() == name]
    absent = [name for name in missing if name not in {other.lower() for other in header}]
    twice = sorted({name for name in header if header.count(name) > 1})
    wrong = [f"columns are named in lower case, not {', '.join(quoted(name) for name in capital)}"] if capital else []
    wrong += [f"the column {quoted(name)} is missing{advice(name, tuple(header))}" for name in absent]
    wrong += [f"the column {quoted(name)} comes twice" for name in twice]
    return "; ".join(wrong)


def _separator(header: Sequence[str]) -> str:
    """The character that separates the columns, where it is no comma."""
    cells = ",".join(header).lower()
    return next((told for mark, told in _SEPARATORS.items() if {"id", "patient"} <= set(cells.split(mark))), "")


_SEPARATORS = {";": "`;`", "\t": "tabs", "|": "`|`"}


def _record(header: Sequence[str], row: list[str] | str, text: bytes, origin: str) -> Record:
    mark = marked(text)
    if isinstance(row, str):
        return Unreadable(f"the row cannot be read: {row}", mark, origin=origin)
    if row == list(header):
        return Unreadable("the header of the table comes again", mark, origin=origin)
    twice = sorted({name for name in header if header.count(name) > 1})
    if not set(_NEEDED).intersection(header):
        return Unreadable("the row cannot be read without the header of the table", mark, origin=origin)
    if len(row) == len(header) and not twice:
        return check(dict(zip(header, row, strict=True)), origin, mark)
    reason = f"the row has {len(row)} cells, but the header has {len(header)}"
    if twice:
        reason = f"the column {quoted(twice[0])} comes twice"
    at = header.index("patient") if header.count("patient") == 1 else len(row)
    patient = row[at].strip() if at < len(row) else ""
    return Unreadable(reason, mark, patient if patient and is_id(patient) else None, origin=origin)
