"""Verbs about what is on record: that something was so, that a drug was given or taken, how often."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Literal, get_args

from pydantic import Field

from trialspec.diagnostics import did_you_mean
from trialspec.events import RETRACTED
from trialspec.kernel import Expr, Fold, Select, Test
from trialspec.model.parts import Names, Part, ValueLimits, Windowed, Words
from trialspec.model.points import Count, DurationText, Text, YesNo
from trialspec.model.scope import At, declared, listing
from trialspec.model.verb import Counting, Verb, exists, nothing
from trialspec.patient import Kind
from trialspec.quantity import Duration
from trialspec.values import UNSURE, status_word
from trialspec.vocabulary import Sort

CountedKind = Literal["therapy", "administration", "condition", "adverse_event", "procedure", "observation"]
Distinct = Literal["drug", "day", "visit", "concept", "measure"]

# What a record of each kind names, and what names it may be narrowed to.
NAMED: Mapping[Kind, tuple[str, tuple[Sort, ...]]] = {
    "therapy": ("drug", ("drug", "drug_class")),
    "administration": ("drug", ("drug", "drug_class")),
    "condition": ("concept", ("condition", "adverse_event")),
    "adverse_event": ("concept", ("adverse_event", "condition")),
    "procedure": ("concept", ("procedure",)),
    "observation": ("measure", ("measure",)),
}
# What else is recorded of each kind, by the key that asks for it.
RECORDED: Mapping[Kind, frozenset[str]] = {
    "therapy": frozenset({"outcome", "route", "intent", "dose", "for_at_least", "for_more_than"}),
    "administration": frozenset({"route", "amount"}),
    "condition": frozenset({"status", "class", "evidence", "for_at_least", "for_more_than"}),
    "adverse_event": frozenset(
        {"serious", "related", "outcome", "grade_at_least", "scale", "for_at_least", "for_more_than"}
    ),
    "procedure": frozenset({"result"}),
    "observation": frozenset({"method", "laboratory", "by", "value"}),
}
# Where only certain words are recorded, another one could never match.
WORDS: Mapping[tuple[Kind, str], tuple[str, ...]] = {
    ("therapy", "outcome"): ("inadequate_response", "intolerance", "relapse", "response"),
    ("adverse_event", "serious"): ("yes", "no"),
    ("adverse_event", "related"): ("yes", "no"),
}
_SCALE = re.compile(r"CTCAE v[1-9][0-9]*(\.[1-9][0-9]*)?")


class Value(ValueLimits):
    """What the value of an observation is to be."""

    is_: Words | None = Field(None, alias="is", description="for a coded measure: the words it may be")

    @property
    def asks(self) -> bool:
        """Whether anything is asked of the value at all."""
        return any(getattr(self, name) is not None for name in Value.model_fields)

    def tests(self, at: At, name: str) -> list[Test]:
        """Ask it of the values of one measure."""
        term = at.scope.vocabulary.get(name)
        if term is None:
            return []
        if term.coded or self.is_ is not None:
            if self.is_ is None:
                at.report("bad-value", f"`{name}` is a word, and a limit compares numbers", "use `is`", *declared(term))
            words = at["is"].is_word(self.is_ or (), term)
            return [Test("value", "in", words, place=at.place)]
        return [Test(field, side, limit, place=at.place) for side, field, limit in at.limits(self, term)]


class Amount(ValueLimits):
    """How much of a drug."""

    def tests(self, at: At, field: str, names: tuple[str, ...], *, per_day: bool) -> list[Test]:
        """Ask it of an amount, or of a dose a day, in the unit of the one drug that is named."""
        term = at.scope.vocabulary.get(names[0]) if len(names) == 1 else None
        if term is None or term.sort != "drug":
            at.report("bad-value", "an amount is compared for one drug", "name one drug, not a class")
            return []
        if per_day:
            factors = {f"{unit}/{day}": factor for unit, factor in term.factors.items() for day in ("d", "(24.h)")}
            term = replace(term, unit=f"{term.unit}/d", factors=factors)
        found = at.limits(self, term, single="an amount")
        at.reachable(found, Fraction(0), None, "an amount")
        return [Test(field, side, limit, place=at.place) for side, _, limit in found]


class Lasting(Part):
    """How long something lasts, from its start to its end, and has by the end of the window."""

    for_at_least: DurationText | None = Field(
        None, description="of what lasts: how long it lasts, and has in the window"
    )
    for_more_than: DurationText | None = Field(
        None, description="the same, that long itself not enough; in days or in clock time"
    )

    def lasting(self, at: At) -> Duration | None:
        """Give the least time; of more than so many days one day more is the least, as days are counted on dates."""
        more = self.for_more_than
        if more is None:
            return self.for_at_least
        if self.for_at_least is not None:
            advice = "keep `for_at_least` if that long is enough, `for_more_than` if it is not"
            at["for_more_than"].report("two-verbs", "how long it lasts is said twice", advice)
        if more.days is not None:
            return Duration(more.days + 1, "d")
        if more.seconds is not None:
            return Duration(more.seconds + 1, "s")
        advice = f"write it in days, as in `for_more_than: 90 d`, or `for_at_least: {more}`"
        at["for_more_than"].report("bad-duration", "what is longer than a month or a year has no least length", advice)
        return None


class Details(Lasting):
    """What a record says besides its name; only what its kind can say is possible."""

    status: Words | None = Field(None, description="of a condition")
    class_: Words | None = Field(None, alias="class", description="of a condition")
    evidence: Words | None = Field(None, description="what a condition was found by")
    outcome: Words | None = Field(None, description="of a therapy: inadequate_response, intolerance, relapse, response")
    route: Words | None = Field(None, description="of an administration or a therapy")
    intent: Words | None = Field(None, description="of a therapy")
    result: Words | None = Field(None, description="of a procedure")
    serious: YesNo | None = Field(None, description="of an adverse event")
    related: YesNo | None = Field(None, description="of an adverse event: whether related to the treatment")
    grade_at_least: Count | None = Field(None, description="of an adverse event; with its `scale`")
    scale: Text | None = Field(None, description="what the grade is counted on, with its version: `CTCAE v5`")

    def details(self, at: At, kind: Kind) -> list[Test]:
        """Ask for what the record says, as far as its kind can say it."""
        tests: list[Test] = []
        for name, field in Details.model_fields.items():
            key, wanted = field.alias or name, getattr(self, name)
            if wanted is None:
                continue
            if key not in RECORDED[kind]:
                not_recorded(at[key], key, kind)
            elif isinstance(wanted, tuple):
                tests.append(recorded_words(at[key], kind, key, wanted))
            elif isinstance(wanted, bool):
                tests.append(at[key].among(key, ["yes" if wanted else "no"]))
        if self.grade_at_least is not None and "scale" in RECORDED[kind]:
            tests += self.grade(at["grade_at_least"])
        elif self.scale is not None and "scale" in RECORDED[kind]:
            at["scale"].report("missing-key", "a scale is named, and no grade", "add `grade_at_least`")
        return tests

    def grade(self, at: At) -> list[Test]:
        """Ask for a grade on its scale."""
        grade = self.grade_at_least or 0
        scale = self.scale or ""
        if not scale or (scale.lower().startswith("ctcae") and not _SCALE.fullmatch(scale)):
            message = f"of `{scale}` the version is not said" if scale else f"grade {grade} is counted on no scale"
            at.report("grade-without-scale", message, "name the scale with its version, as in `scale: CTCAE v5`")
            return []
        if not 1 <= grade <= 5:
            at.report("out-of-range", f"there is no grade {grade}", "grades are 1 to 5")
        return [Test("grade", "at_least", at.number(grade), place=at.place), at.among("scale", [scale])]


_A: Mapping[Kind, str] = {
    "therapy": "a therapy",
    "administration": "an administration",
    "condition": "a condition",
    "adverse_event": "an adverse event",
    "procedure": "a procedure",
    "observation": "an observation",
}


def not_recorded(at: At, key: str, kind: Kind) -> None:
    """Report a key that records of this kind do not have."""
    kinds = " or ".join(_A[one] for one, keys in RECORDED.items() if key in keys)
    other = ", ".join(f"`{name}`" for name in sorted(RECORDED[kind]))
    message = f"`{key}` is recorded of {kinds}, and this asks for {_A[kind]}"
    at.report("unknown-key", message, f"leave it out; of {_A[kind]} may be asked {other}")


def recorded_words(at: At, kind: Kind, key: str, words: tuple[str, ...]) -> Test:
    """Ask for words, where it matters only for such as are ever recorded."""
    possible = WORDS.get((kind, key))
    for index, text in enumerate(words):
        if possible is not None and text not in possible:
            advice = did_you_mean(text, possible) or f"it can be {listing(possible)}"
            at[index].report("bad-value", f"the {key} of {_A[kind]} is never `{text}`", advice)
    if (kind, key) == ("condition", "status"):
        _statuses(at, words)
    return at.among(key, words)


def _statuses(at: At, words: tuple[str, ...]) -> None:
    """Report what the status of a condition never is, and such as leave open whether the condition is there."""
    for index, text in enumerate(words):
        if status_word(text) == RETRACTED:
            at[index].report("bad-value", f"a record that is `{text}` is taken out, and never found", "leave it out")
        elif text != status_word(text):
            message = f"a status is never `{text}`: it is compared in small letters, joined by underscores"
            at[index].report("bad-value", message, f"write `{status_word(text)}`")
    if UNSURE.issuperset(words):
        message = f"a condition that is {listing(words)} may not be there at all, so this is never met"
        at.report("never-met", message, "add the statuses of one that is there, as in `status: active`")


def recorded(at: At, kind: Kind, names: tuple[str, ...], window: Windowed, details: Details | None) -> Select:
    """Select the records of a kind: of these names and what is below them, in the window, with these details."""
    field, sorts = NAMED[kind]
    tests = []
    if names:
        tests.append(at["of"].among(field, sorted(at["of"].terms(names, *sorts))))
    if details is not None:
        tests += details.details(at, kind)
    asked = {term.asked_of for name in names if (term := at.scope.vocabulary.get(name))}
    who = asked.pop() if len(asked) == 1 else "site"
    lasting = None if details is None else details.lasting(at)
    return replace(at.select(kind, tests, at.window(window), " or ".join(names), who), lasting=lasting)


class Has(Verb, Windowed, Details):
    """A condition, procedure or adverse event is on record.

    ## Meaning
    There is one record of it, or of anything below it in the vocabulary, that touches the window (without one: up to
    the instant of the question). What lasts touches the window when any part of it does. The other keys narrow what
    counts: `status`, `class`, `evidence` of a condition, `result` of a procedure, `serious`, `related`,
    `grade_at_least` with its `scale` of an adverse event. With `for_at_least` or `for_more_than` it lasts so long, as
    for `on_therapy`.

    ## Example
    ```yaml
    has: active_infection
    from: 14 d before screened
    through: enrolled
    ```

    ## When data are missing
    No record means *not met* once silence means no (`silence_means_no`) or the patient was asked and denied it;
    before that it is `unknown`. A record whose date or status is open leaves it `unknown`.

    ## On a live stream
    It becomes met with the record, and lapses when the record leaves a window that moves.
    """

    verb = "has"
    has: Names = Field(description="a condition, procedure or adverse event, or several of one kind")

    def expand(self, at: At) -> Expr:
        """Say that such a record exists."""
        terms = [
            (at["has"][index] if len(self.has) > 1 else at["has"]).term(name, *_CONCEPTS)
            for index, name in enumerate(self.has)
        ]
        kinds = {term.sort for term in terms if term is not None}
        if len(kinds) > 1:
            at["has"].report("wrong-kind", "these are of several kinds", "join one `has` for each by `any`")
        kind = next((kind for kind in get_args(Kind) if kind in kinds), None)
        if None in terms or kind is None or len(kinds) > 1:
            return nothing(at)
        named = at["has"].terms(self.has, *_CONCEPTS)
        tests = [at["has"].among("concept", sorted(named)), *self.details(at, kind)]
        who = next(term.asked_of for term in terms if term is not None)
        select = at.select(kind, tests, at.window(self), " or ".join(self.has), who)
        return exists(replace(select, lasting=self.lasting(at)), at)


_CONCEPTS: tuple[Sort, ...] = ("condition", "procedure", "adverse_event")


class Given(Verb, Windowed):
    """A drug was administered.

    ## Meaning
    An administration of the drug, or of a drug of the class, began in the window.

    ## Example
    ```yaml
    given: antihistamine
    from: 2 h before dose
    before: dose
    ```

    ## When data are missing
    No record means *not met* once silence means no for administrations, before that `unknown`.

    ## On a live stream
    It becomes met with the administration, and lapses when that leaves a window that moves.
    """

    verb = "given"
    given: Names = Field(description="a drug or a drug class, or several")
    route: Words | None = Field(None, description="the routes that count")
    amount: Amount | None = Field(None, description="how much of a drug, in one administration: `{at_least: 500 mg}`")

    def expand(self, at: At) -> Expr:
        """Say that such an administration exists."""
        named = at["given"].terms(self.given, "drug", "drug_class")
        tests = [at["given"].among("drug", sorted(named))]
        if self.amount is not None:
            tests += self.amount.tests(at["amount"], "amount", self.given, per_day=False)
        if self.route is not None:
            tests.append(at["route"].among("route", self.route))
        return exists(at.select("administration", tests, at.window(self), " or ".join(self.given)), at)


class OnTherapy(Verb, Windowed, Lasting):
    """A drug was being taken.

    ## Meaning
    A therapy with the drug, or with a drug of the class, overlaps the window: it began by its end and had not ended
    at its start. A therapy without an end is ongoing if the record says so. With `for_at_least` it lasts so long, from
    its start to its end, and has by the end of the window. With `for_more_than` so long is not enough: more than 7 d
    are 8 d or more, because days are counted on dates.

    ## Example
    ```yaml
    on_therapy: mycophenolate_mofetil
    dose: {at_least: 2 g/d}
    for_at_least: 6 mo
    through: screened
    ```

    ## When data are missing
    No record means *not met* once silence means no for therapies, before that `unknown`. A therapy of unknown end
    leaves open what lies after its last mention.

    ## On a live stream
    It becomes met with the record, and lapses when the therapy has ended before a window that moves.
    """

    verb = "on_therapy"
    on_therapy: Names = Field(description="a drug or a drug class, or several")
    outcome: Words | None = Field(None, description="the outcomes that count")
    dose: Amount | None = Field(None, description="how much of a drug a day: `{above: 10 mg/d}`")

    def expand(self, at: At) -> Expr:
        """Say that such a therapy exists."""
        named = at["on_therapy"].terms(self.on_therapy, "drug", "drug_class")
        tests = [at["on_therapy"].among("drug", sorted(named))]
        if self.outcome is not None:
            tests.append(recorded_words(at["outcome"], "therapy", "outcome", self.outcome))
        if self.dose is not None:
            tests += self.dose.tests(at["dose"], "dose", self.on_therapy, per_day=True)
        select = at.select("therapy", tests, at.window(self), " or ".join(self.on_therapy))
        return exists(replace(select, lasting=self.lasting(at)), at)


class CountOf(Counting, Details):
    """How many records there are.

    ## Meaning
    The records of one kind in the window are counted and compared with the limit. `of` narrows them to names of the
    vocabulary and what is below them. `distinct` counts different drugs, days, visits, concepts or measures in place of
    records. The other keys narrow what counts, as for `has`; `value` narrows observations by their value. Several
    records of one time are several.

    ## Example
    ```yaml
    count_of: therapy
    of: immunosuppressant
    distinct: drug
    outcome: [inadequate_response, relapse]
    at_least: 1
    ```

    ## When data are missing
    Until silence means no there may be more than is on record: *at least* can be met, *at most* cannot. A record that
    may count makes the count a range.

    ## On a live stream
    It is answered anew with every such record, and when one leaves a window that moves.
    """

    verb = "count_of"
    count_of: CountedKind = Field(description="the kind of record")
    of: Names | None = Field(None, description="names of the vocabulary")
    distinct: Distinct | None = Field(None, description="what is counted once")
    value: Value | None = Field(None, description="of an observation: what its value is to be")
    method: Words | None = Field(None, description="of an observation: the methods that count")
    laboratory: Words | None = Field(None, description="of an observation: the laboratories that count")
    by: Words | None = Field(None, description="of an observation: who may have made it")
    amount: Amount | None = Field(None, description="of an administration: how much of a drug")
    dose: Amount | None = Field(None, description="of a therapy: how much of a drug a day")

    def expand(self, at: At) -> Expr:
        """Compare the number of such records."""
        select = recorded(at, self.count_of, self.of or (), self, self)
        tests = list(select.tests)
        for key in ("value", "method", "laboratory", "by", "amount", "dose"):
            wanted = getattr(self, key)
            if wanted is None:
                continue
            if key not in RECORDED[self.count_of]:
                not_recorded(at[key], key, self.count_of)
            elif isinstance(wanted, Amount):
                tests += wanted.tests(at[key], key, self.of or (), per_day=key == "dose")
            elif isinstance(wanted, Value):
                if self.of is None or len(self.of) != 1:
                    at[key].report("missing-key", "a value is compared for one measure", "name the measure under `of`")
                else:
                    tests += wanted.tests(at[key], self.of[0])
            else:
                tests.append(at[key].among(key, wanted))
        if self.distinct is not None and self.distinct not in {"day", "visit", NAMED[self.count_of][0]}:
            advice = f"count different {NAMED[self.count_of][0]}s, days or visits"
            at["distinct"].report("bad-value", f"{_A[self.count_of]} has no {self.distinct}", advice)
        narrowed = replace(select, tests=tuple(tests), place=at.place)
        if self.distinct is not None:
            return self.counted(at, Fold("distinct", narrowed, self.distinct, place=at.place))
        return self.counted(at, Fold("count", narrowed, place=at.place))
