"""What stays open: a thing that may be there, and a value that cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from trialspec.kernel import Arithmetic, Daily, Expr, Fold, Pick, Score, Select
from trialspec.testing.dates import Stretch, stretch
from trialspec.testing.draft import Draft, Goal, Raw
from trialspec.testing.finding import _times, selected
from trialspec.testing.searching import Search
from trialspec.testing.writing import ABOUT, records
from trialspec.truth import UNKNOWN


def left_open(left: Expr, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Leave a comparison open: by a thing that may be there, or by a value that cannot be trusted."""
    match left:
        case Fold(how="count" | "distinct", of=query):
            yield from doubted(query, goal, draft, search)
            yield from _doubted_beside(left, goal, draft, search)
        case Fold(of=query) | Pick(of=query):
            yield from doubted(query, goal, draft, search)
        case Daily(of=of):
            for query, _ in of:
                yield from doubted(query, goal, draft, search)
        case Arithmetic(left=inner, right=other):
            for part in (inner, other):
                yield from left_open(part, goal, draft, search)
        case Score(items):
            for item, _ in items:
                yield from search.reach(Goal(item, UNKNOWN, goal.ask), draft, search)
        case _:
            return


def _doubted_beside(fold: Fold, goal: Goal, draft: Draft, search: Search, deep: int = 4) -> Iterator[Draft]:
    """Add one that counts, and beside it, or beside more of them, one that may be there."""
    for more in islice(selected(fold.of, goal.ask, draft, search, {}), 2):
        yield from doubted(fold.of, goal, more, search)
        if deep > 0:
            yield from _doubted_beside(fold, goal, more, search, deep - 1)


def doubted(query: Select, goal: Goal, draft: Draft, search: Search) -> Iterator[Draft]:
    """Add a record that a selection may hold: without the word that it tests, suspected, or not known to be so."""
    there = stretch(query.window, draft.question(goal.ask))
    if not isinstance(there, Stretch) or query.kind == "person":
        return
    for raw in records(draft.program, query, search.choose):
        for less in _doubts(query, raw):
            for time in _times(query, there, draft, search, ()):
                more = draft.add({**less, "time": time}, doubtful=True)
                if more is not None and more.reads(goal):
                    yield more
        return


def _doubts(query: Select, raw: Raw) -> Iterator[dict[str, str]]:
    about = ABOUT.get(query.kind)
    for test in query.tests:
        if test.field != about and test.absent is UNKNOWN and test.field in raw:
            yield {key: word for key, word in raw.items() if key != test.field}
    if query.kind == "observation" and "value" in raw:
        # Below a limit of quantification that lies above the limit that is asked about.
        for bound in ("1", "10", "100", "1000", "100000"):
            yield {**raw, "value": f"<{bound}"}
        yield {key: text for key, text in raw.items() if key not in {"value", "unit"}}
    if query.kind == "condition":
        yield {**raw, "status": "suspected"}
    if query.kind != "observation":
        yield {**raw, "absent": "unknown"}
