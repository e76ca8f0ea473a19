"""A decision table from findings to alerts: what a rule may ask of a finding, and what it says when it holds.

A rule is about one finding of one subject. A finding comes as a message of words and sets of words: every number, date,
count and history is compared in the kernel, so nothing here can be nearly right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trialspec.diagnostics import Place

# What is found of one subject: a word for most fields, a set of words for those that can be several things at once.
Message = Mapping[str, str | frozenset[str]]

Urgency = Literal["now", "soon", "log"]
Lasts = Literal["for_ever", "while_true"]


@dataclass(frozen=True, slots=True)
class Field:
    """The words that a field may have. `many`: any number of them at once. `open`: names of the protocol's own too."""

    values: frozenset[str]
    many: bool = False
    open: bool = False

    def __post_init__(self) -> None:
        if self.many and self.open:
            raise ValueError("the members of a set are listed: only a single word can be of the protocol's own making")

    def permits(self, word: str) -> bool:
        """Whether the field may have this word."""
        return self.open or word in self.values


@dataclass(frozen=True, slots=True)
class Condition:
    """The field has one of these words; a set has at least one of them as a member."""

    field: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: it holds when every condition of `when` does, and all those of one alternative of `any`.

    No alternatives means none is asked for. `urgency` is how fast a person must look; `important` is ICH E3's word, set
    by the protocol. `lasts` tells what happened (`for_ever`) from a state (`while_true`). `say` is the sentence, with
    `{names}` from the finding's facts. `unblinds` keeps the alert to the unblinded role. `category` is the class of
    deviation it is reported under, `clause` the written protocol's own.
    """

    name: str
    for_each: str
    when: tuple[Condition, ...]
    urgency: Urgency
    important: bool
    lasts: Lasts
    say: str
    any: tuple[tuple[Condition, ...], ...] = ()
    unblinds: bool = False
    category: str = ""
    clause: str = ""
    place: Place | None = field(default=None, compare=False, repr=False)


_YES_NO = frozenset({"yes", "no"})
_TRUTH = Field(_YES_NO | {"unknown"})
_CERTAIN = Field(_YES_NO)
_VERDICT = Field(frozenset({"met", "not_met", "unknown"}))
_ELIGIBLE = Field(frozenset({"eligible", "ineligible", "undetermined"}))
_ONCE_ENROLLED = Field(_ELIGIBLE.values | {"not_enrolled"})
_DOSE_STATES = ("given", "not_given", "unknown", "missed", "cancelled", "held", "overdue", "due", "not_due")
_DOSE_DEPARTURES = frozenset(
    {
        *("early", "late", "amount", "drug", "route", "rate", "order", "interval", "premedication", "extra"),
        *("gate_not_met", "gate_unknown", "before_consent", "before_enrolment", "after_stop", "after_course"),
        "outdated_consent",
    }
)
_COLLECTED: Mapping[str, Field] = {
    "state": Field(frozenset({"done", "missed", "cancelled", "overdue", "due", "not_due", "unknown"})),
    "departure": Field(frozenset({"out_of_window", "wrong_method", "before_consent"}), many=True),
}

# The finding vocabulary: what each subject can be asked, and the possible answers. A field may be absent from a message
# (a dose without a window, say); no condition on it holds then.
SUBJECTS: Mapping[str, Mapping[str, Field]] = {
    "patient": {
        "consent": Field(frozenset({"none", "valid", "outdated", "wrong_version", "withdrawn", "unknown"})),
        "screened": _TRUTH,
        # Whether the protocol version that events are judged by was approved at the patient's site.
        "version": Field(frozenset({"approved", "not_approved", "unknown"})),
    },
    "criterion": {"role": Field(frozenset({"include", "exclude"})), "verdict": _VERDICT},
    "eligibility": {"now": _ELIGIBLE, "at_enrolment": _ONCE_ENROLLED, "as_known": _ONCE_ENROLLED, "enrolled": _TRUTH},
    "dose": {
        "state": Field(frozenset(_DOSE_STATES)),
        "departure": Field(_DOSE_DEPARTURES, many=True),
        "departure_unknown": Field(_DOSE_DEPARTURES, many=True),
        # The gate that decides; then the worst of the gates that hold the dose, and of those that only warn.
        **dict.fromkeys(("gate", "holding", "warning"), _VERDICT),
        "window": Field(frozenset({"before", "open", "past"})),
        # Of what is planned for some patients only: whether it is for this one.
        "applies": _VERDICT,
    },
    "course": {
        "complete": Field(_YES_NO | {"pending", "unknown"}),
        "departure": Field(frozenset({"after_course"}), many=True),
    },
    "gate": {"verdict": _VERDICT, "otherwise": Field(frozenset({"hold", "warn"}))},
    "visit": {**_COLLECTED, "applies": _VERDICT},
    # How its visit stands as a whole, `none` before a dose: that nobody came is one thing, not one for each measure.
    "assessment": {**_COLLECTED, "visit": Field(_COLLECTED["state"].values | {"out_of_window", "none"})},
    "component": {"verdict": _VERDICT, "final": _CERTAIN},
    "category": {"category": Field(frozenset({"pending", "not_evaluable"}), open=True), "final": _CERTAIN},
    "adverse_event": {"serious": _TRUTH, "grade_known": _CERTAIN, "reported_late": _TRUTH},
    "therapy": {"prohibited": _TRUTH, "rescue": _TRUTH},
    "record": {
        "problem": Field(
            frozenset({"set_aside", "conflict", "attribution", "unreadable", "no_screening", "uncertain_date"})
        )
    },
}


# The words that the sentence of a rule may use, by the subject it is about. A word may be empty; it is never absent.
_WRITTEN = frozenset({"text", "clause", "assumed", "missing"})
FACTS: Mapping[str, frozenset[str]] = {
    "patient": frozenset({"patient", "site", "version", "consented", "missing"}),
    "criterion": _WRITTEN | {"criterion", "role", "verdict", "margin"},
    "eligibility": frozenset({"enrolled", "failed", "open", "missing"}),
    "dose": _WRITTEN
    | {"dose", "drug", "date", "planned", "window", "earliest", "amount", "planned_amount", "route", "interruptions"}
    | {"state", "departure", "departure_unknown", "reason", "margin_days"}
    | {"gate", "verdict", "margin", "warning", "warning_verdict", "warning_margin"},
    "course": _WRITTEN | {"course", "complete", "through"},
    "gate": _WRITTEN | {"gate", "verdict", "margin"},
    "visit": _WRITTEN | {"visit", "state", "date", "planned", "window"},
    "assessment": _WRITTEN | {"assessment", "measure", "visit", "state", "date", "planned", "window"},
    "component": _WRITTEN | {"response", "visit", "component", "verdict", "margin"},
    "category": _WRITTEN | {"response", "visit", "category", "components", "possible", "date"},
    "adverse_event": frozenset({"adverse_event", "term", "grade", "date", "recorded", "limit", "missing"}),
    "therapy": _WRITTEN | {"therapy", "drug", "date", "rules"},
    "record": frozenset({"record", "problem", "reason", "events", "missing"}),
}


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of a protocol, in the order of its files, and the vocabulary that they speak."""

    rules: tuple[Rule, ...]
    subjects: Mapping[str, Mapping[str, Field]] = field(default_factory=lambda: SUBJECTS, hash=False, repr=False)

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have one name")

    def about(self, subject: str) -> tuple[Rule, ...]:
        """The rules for each finding of this subject."""
        return tuple(rule for rule in self.rules if rule.for_each == subject)


def misfit(rulebook: Rulebook, subject: str, message: Message) -> str:
    """Say how a message leaves the vocabulary, where rules could miss it; empty for one that keeps to it."""
    fields = rulebook.subjects.get(subject)
    if fields is None:
        return f"there are no findings of `{subject}`"
    for name, value in message.items():
        if name not in fields:
            return f"a finding of {subject} has no `{name}`"
        words = [value] if type(value) is str else list(value) if type(value) is frozenset else None
        if words is None or (type(value) is frozenset) is not fields[name].many:
            return f"`{name}` of {subject} must be a {'set of words' if fields[name].many else 'word'}, not {value!r}"
        for word in words:
            if type(word) is not str or not fields[name].permits(word):
                return f"`{name}` of {subject} cannot be {word!r}"
    return ""
