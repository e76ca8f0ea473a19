"""The lines of a file of records, numbered; none is longer than a record can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from trialspec.events import Unreadable, marked

LONGEST = 1024 * 1024  # bytes of one record

_BOM = b"\xef\xbb\xbf"


def lines(path: Path) -> Iterator[tuple[str, bytes] | Unreadable]:
    """Give each line that is not blank with its place (`file:line`), without its line end; a longer one is refused."""
    shown = os.fsencode(path).decode("utf-8", "replace")
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 2):
            number += 1
            origin = f"{shown}:{number}"
            text = (line.removeprefix(_BOM) if number == 1 else line).rstrip(b"\r\n")
            while not line.endswith(b"\n") and (line := file.readline(LONGEST)):
                text += line[:1]  # what is too long by one is as bad as what is too long by a million
            if len(text) > LONGEST:
                yield Unreadable(f"the record is longer than {LONGEST} bytes", marked(text), origin=origin)
            elif text.strip():
                yield origin, text
