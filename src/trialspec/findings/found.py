"""Findings that are made together, and the words that their sentences share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialspec.interpreters.reading import earliest
from trialspec.quantity import Codes
from trialspec.times import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Missing
    from trialspec.program import Provenance
    from trialspec.quantity import Interval
    from trialspec.times import When
    from trialspec.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Found:
    """Findings, and the first instant at which they, or which of them there are, may differ while no event arrives."""

    findings: tuple[Finding, ...]
    until: int | None


def found(findings: Iterable[Finding], *untils: int | None) -> Found:
    """Put findings together; `untils` are those of what decides which findings there are."""
    made = tuple(findings)
    return Found(made, earliest(*untils, *(finding.until for finding in made)))


def shown_missing(missing: Iterable[Missing]) -> str:
    """List what is missing, each with the date by which it is due where there is one."""
    listed = {f"{leaf.what} (by {shown_date(leaf.due)})" if leaf.due is not None else leaf.what for leaf in missing}
    return ", ".join(sorted(listed))


def shown_days(first: int | None, last: int | None) -> str:
    """Print a stretch of dates, either end of which may be open."""
    if first is not None and first == last:
        return shown_date(first)
    parts = [
        f"from {shown_date(first)}" if first is not None else "",
        f"to {shown_date(last)}" if last is not None else "",
    ]
    return " ".join(part for part in parts if part)


def shown_times(times: Iterable[When]) -> str:
    """Print the dates of several things, each once."""
    return ", ".join(sorted({str(when) for when in times}))


def shown_term(vocabulary: Vocabulary, value: Codes | Interval | When | None) -> str:
    """Print what a record is about: the label of the name that stands for all that it may be."""
    if not isinstance(value, Codes) or value.words is None:
        return "" if value is None else str(value)
    for name in sorted(value.words):
        term = vocabulary.get(name)
        if vocabulary.under(name) == value.words:
            return term.label if term is not None and term.label else name
    return str(value)


def told(provenance: Provenance | None, missing: Iterable[Missing] = (), **words: str) -> dict[str, str]:
    """Collect the words for a rule's sentence: the finding's own, what is missing, and what the protocol says of it."""
    said = (
        {}
        if provenance is None
        else {
            "text": provenance.text,
            "clause": provenance.clause,
            "assumed": ", ".join(provenance.assumed),
        }
    )
    return said | {"missing": shown_missing(missing)} | words
