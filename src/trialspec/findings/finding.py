"""A finding: what the protocol says of one subject of one patient at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialspec.diagnostics import Place
    from trialspec.interpreters.reading import Missing, Reading
    from trialspec.program import Provenance

Subject = Literal[
    "patient",
    "criterion",
    "eligibility",
    "dose",
    "course",
    "gate",
    "visit",
    "assessment",
    "component",
    "category",
    "adverse_event",
    "therapy",
    "record",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What holds of one subject.

    `fields` is the message for the rulebook: words and sets of words only (`trialspec.rulebook.table.SUBJECTS`).
    `since` is the instant of what the finding is about, where there is one (the start of a dose, of a visit).
    `because` suffices for the fields; `until` is the first instant at which they may differ while no event arrives.
    `facts` are the words that a rule's sentence may use; `readings` are the proofs behind the fields. `judged_by` are
    the versions of a protocol of several that found it: one, unless it is open; the first of them says why.
    """

    subject: Subject
    name: str
    fields: Mapping[str, str | frozenset[str]]
    until: int | None = None
    since: int | None = None
    because: frozenset[str] = frozenset()
    missing: frozenset[Missing] = frozenset()
    facts: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = field(default=(), compare=False, repr=False)
    provenance: Provenance | None = field(default=None, compare=False, repr=False)
    place: Place | None = field(default=None, compare=False, repr=False)
    judged_by: tuple[str, ...] = ()
