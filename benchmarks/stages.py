"""Where the time of a run goes, by looking a thousand times a second at what is being done.

A look counts for the innermost function whose module belongs to a stage. What serves several stages (`times`,
`quantity`) and code that was generated count for whoever called them.
"""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trialspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PACKAGE = Path(trialspec.__file__).parent

# The beginning of a module's path in the package, and its stage, in the order in which an event passes them.
STAGES = {
    "events.py": "decode",
    "timeline.py": "normalise: timeline",
    "items.py": "normalise: timeline",
    "values.py": "normalise: timeline",
    "findings/": "evaluate",
    "interpreters/": "evaluate",
    "rulebook/": "alert rules",
    "alerts.py": "alert episodes and journal",
    "reports/": "alert episodes and journal",
    "packing.py": "put away and take up",
    "store.py": "put away and take up",
    "monitor.py": "the monitor itself",
}
ELSEWHERE = "elsewhere"
_EACH = 0.001  # seconds of processor time between two looks


@contextmanager
def looking() -> Iterator[Counter[str]]:
    """Count looks by stage while something runs, in the main thread."""
    counts: Counter[str] = Counter()
    known: dict[str, str | None] = {}

    def look(_: int, frame: FrameType | None) -> None:
        while frame is not None:
            file = frame.f_code.co_filename
            if file not in known:
                known[file] = _stage(file)
            if (stage := known[file]) is not None:
                counts[stage] += 1
                return
            frame = frame.f_back
        counts[ELSEWHERE] += 1

    former = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EACH, _EACH)
    try:
        yield counts
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


def _stage(file: str) -> str | None:
    path = Path(file)
    if not path.is_relative_to(_PACKAGE):
        return None
    inside = path.relative_to(_PACKAGE).as_posix()
    return next((stage for beginning, stage in STAGES.items() if inside.startswith(beginning)), None)
