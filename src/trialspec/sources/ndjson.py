"""Events as NDJSON: one JSON object on each line, with the keys of an event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trialspec.events import Record, Unreadable, decode
from trialspec.sources.lines import lines


class NdjsonFile:
    """A file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> Iterator[Record]:
        """Give every record, in the order of the file."""
        for line in lines(self.path):
            if isinstance(line, Unreadable):
                yield line
            else:
                origin, text = line
                yield decode(text, origin)
