"""Measures that nobody records: what they are made of is written down, until they have a value that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice

from trialspec.kernel import Pick, parts_of
from trialspec.program import Derivation
from trialspec.quantity import ANYTHING, Codes
from trialspec.testing.dates import Stretch, stretch, times
from trialspec.testing.draft import Ask, Draft, named
from trialspec.testing.finding import born, personal
from trialspec.testing.searching import Search
from trialspec.testing.writing import records, step_of, written_in
from trialspec.times import When
from trialspec.vocabulary import Term


def derived(pick: Pick, ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Give the drafts in which a measure that nobody records has a value, of one that it is made of after the other."""
    names = named(pick.of) or frozenset()
    for each in draft.protocol.derived:
        if each.measure not in names:
            continue
        known = [other for other in parts_of(each.value, Pick) if other.of.kind == "person"]
        for placed in _persons(known, ask, draft, search):
            there = stretch(pick.of.window, placed.question(ask))
            if not isinstance(there, Stretch):
                continue
            for time in islice(times(there, draft.zone, search.choose), 2):
                yield from _with_sources(each, time, placed, search)


def _persons(picks: Sequence[Pick], ask: Ask, draft: Draft, search: Search) -> Iterator[Draft]:
    """Say of the person what a formula asks for: sex and birth, as it comes."""
    if not picks:
        yield draft
        return
    value = draft.read(picks[0], ask).value
    if isinstance(value, When) or (isinstance(value, Codes) and value.words is not None):
        yield from _persons(picks[1:], ask, draft, search)
        return
    if picks[0].field == "birth":
        ways = born(ANYTHING, ask, draft)
    else:
        ways = (way for word in ("female", "male") for way in personal({picks[0].field: word}, ask, draft))
    for more in ways:
        yield from _persons(picks[1:], ask, more, search)


def _with_sources(derivation: Derivation, time: str, draft: Draft, search: Search) -> Iterator[Draft]:
    """Write down the values that a derived one is made of: the one it is dated by over all that it can be."""
    terms = [draft.program.vocabulary.get(name) for name in sorted(named(derivation.dated_by) or ())]
    others: dict[str, Pick] = {}
    for pick in parts_of(derivation.value, Pick):
        for name in (named(pick.of) or frozenset()) if pick.of.kind == "observation" else ():
            others.setdefault(name, pick)
    dated = {term.name for term in terms if term is not None}
    beside: Draft | None = draft
    for name, pick in others.items():
        if name in dated or beside is None:
            continue
        raw = next(iter(records(draft.program, pick.of, search.choose, style=search.style)), None)
        beside = None if raw is None else beside.add({**raw, "time": time})
    for term in terms:
        if term is None or beside is None:
            continue
        for number in _ladder(term):
            for written in islice(written_in(term, number), 1):
                search.step()
                more = beside.add({"kind": "observation", "measure": term.name, **written, "time": time})
                if more is not None:
                    yield more


def _ladder(term: Term) -> list[Fraction]:
    """Give numbers over all that a measure can be, each some tenths above the last."""
    step = step_of(term)
    low = max(term.possible.low or Fraction(0), step)
    high = term.possible.high or step * 10_000
    found, number = list[Fraction](), low
    while number <= high and len(found) < 60:
        found.append(Fraction(round(number / step)) * step)
        number = max(number + step, number * Fraction(5, 4))
    return list(dict.fromkeys(found))
