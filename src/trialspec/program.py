"""The compiled protocol: what `trialspec.compile` makes of the files, and all that the readers ever see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from trialspec.quantity import Duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from trialspec.diagnostics import Place
    from trialspec.kernel import Expr, Moment, Point, Select, Window
    from trialspec.quantity import Interval
    from trialspec.times import Zone
    from trialspec.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an item of the protocol comes from, and what in it is not the written protocol's own word."""

    text: str = ""
    clause: str = ""
    source: str = ""
    assumed: tuple[str, ...] = ()
    interpreted: tuple[str, ...] = ()
    verified: bool = True


def joined(own: Provenance, *others: Provenance) -> Provenance:
    """Join the provenance of an item with that of what it rests on."""
    parts = (own, *others)
    return replace(
        own,
        assumed=tuple(dict.fromkeys(reason for part in parts for reason in part.assumed)),
        interpreted=tuple(dict.fromkeys(reason for part in parts for reason in part.interpreted)),
        verified=all(part.verified for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Criterion:
    """An eligibility criterion; an inclusion is to be met, an exclusion not to be met."""

    name: str
    role: Literal["include", "exclude"]
    expr: Expr
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """What must be true for a dose to be given."""

    name: str
    expr: Expr
    otherwise: Literal["hold", "warn"] = "hold"
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount that is reckoned at each dose, in the drug's unit: from `least` through `most`, both themselves right.

    Of several the first is right whose `when` is met (`None`: otherwise). With `of_last`, `least` is what is added to
    that share of the dose before, or taken from it (`minus`). `no_more_than` cuts it, `step` is what it is rounded to.
    One that is not `stated` is never wrong.
    """

    least: Expr | None
    most: Expr | None
    text: str
    when: Expr | None = None
    of_last: Fraction | None = None
    no_more_than: Expr | None = None
    step: Fraction | None = None
    minus: bool = False
    stated: bool = True
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RateSteps:
    """How a rate may rise: `first` from the start of the dose, `up` more after every so many seconds; per hour."""

    first: Fraction
    up: Fraction
    every: int


@dataclass(frozen=True, slots=True)
class DosePlan:
    """Doses of one name: a slot per planned date (`RTX#1`, `RTX#2`), or one rolling on from the last dose.

    `drugs` are the names that count as this drug. `amount` is in the drug's unit and may be `None` (not stated, or
    reckoned at each dose: `amounts`); `amount_within` is a share of it, itself allowed. `interval` plans slot n+1 after
    slot n (rolling), for `times`. A slot that its own dose would anchor has `first_due`: due from `first_due_from`
    through that point. `premedication` holds statements read, as gates are, at the start of the dose.
    `only_if` says for whom there is a slot, read on the last day of its window, or at the question while that is to
    come. `if_missed` says whether there are any after one that was missed. `stop_if` ends treatment: it is read at the
    start of a dose, and of one that was not given at the end of its time, or at the question while that is to come.
    """

    name: str
    drug: str
    drugs: frozenset[str]
    amount: Interval | None
    unit: str
    amount_within: Fraction
    routes: frozenset[str]
    planned: tuple[Point, ...]
    early: Duration
    late: Duration
    gates: tuple[str, ...] = ()
    interval: Duration | None = None
    times: int = 0
    interval_at_least: Duration | None = None
    rate_at_most: Interval | None = None
    rate_unit: str = ""
    premedication: tuple[Expr, ...] = ()
    first_due: Point | None = None
    first_due_from: Point | None = None
    missed_after: Point | None = None
    belongs_until: Point | None = None
    merge_within: Duration = Duration(12, "h")
    amounts: tuple[Amount, ...] = ()
    rate_steps: RateSteps | None = None
    resumed_at_most: Fraction | None = None
    lasts_at_least: Duration | None = None
    only_if: Expr | None = None
    if_missed: Literal["go_on", "stop"] = "go_on"
    stop_if: Expr | None = None
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)

    @property
    def planned_amount(self) -> str:
        """The planned amount, for people; empty where none is stated."""
        if self.amounts:
            return " or ".join(dict.fromkeys(each.text for each in self.amounts))
        return "" if self.amount is None else f"{self.amount} {self.unit}".strip()

    @property
    def counts_on(self) -> bool:
        """Whether a dose is judged by the dose before it."""
        return self.interval_at_least is not None or any(each.of_last is not None for each in self.amounts)


@dataclass(frozen=True, slots=True)
class Course:
    """The doses that make one course, and the last date at which any of them may be given."""

    of: tuple[str, ...]
    through: Point
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """A planned visit. `on` is its planned day where it has one; `window` is where it may be done.

    `only_if` says for whom there is one, read at the end of the window, or at the question while that is to come.
    """

    name: str
    on: Point | None
    window: Window
    first_due: Point | None = None
    first_due_from: Point | None = None
    missed_after: Point | None = None
    only_if: Expr | None = None
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AssessmentPlan:
    """Measures to be taken at visits, or in a window before each dose of some names (its points speak of `dose`)."""

    name: str
    measures: tuple[str, ...]
    visits: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    window: Window | None = None
    methods: Mapping[str, frozenset[str]] = field(default_factory=dict)
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a response, as read at one visit."""

    name: str
    visit: str
    expr: Expr
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Category:
    """An answer that a response may have at a visit; `when` is `None` for *otherwise*."""

    name: str
    visit: str
    when: Expr | None
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Derivation:
    """A measure that nobody records: there is a value of it for each value of the measures that it is dated by.

    `value` is read as at the time of that value, which its points call `dose`. It asks only for what was so by then.
    """

    measure: str
    unit: str
    dated_by: Select
    value: Expr
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


Intercurrent = Literal["rescue", "prohibited", "withdrawal", "death"]
INTERCURRENT: tuple[Intercurrent, ...] = ("rescue", "prohibited", "withdrawal", "death")
AS_OBSERVED = "as_observed"


@dataclass(frozen=True, slots=True)
class Handled:
    """What becomes of each category after an intercurrent event in a window; one that is not named stays."""

    becomes: Mapping[str, str]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One definition of response: its components and ordered categories at each of its visits.

    `then` says what becomes of the category after an intercurrent event before the visit: one of a kind, or what one
    rule of prohibited or rescue therapies names. `rests` names the other visits that are read for a visit.
    """

    name: str
    visits: tuple[str, ...]
    components: tuple[Component, ...]
    categories: tuple[Category, ...]
    then: Mapping[str, str | Handled] = field(default_factory=dict)
    report_only: tuple[str, ...] = ()
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)
    rests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def words(self) -> frozenset[str]:
        """Give every word that an intercurrent event may make of a category."""
        made = (set(each.becomes.values()) if isinstance(each, Handled) else {each} for each in self.then.values())
        return frozenset().union(*made) - {AS_OBSERVED}


@dataclass(frozen=True, slots=True)
class TherapyRule:
    """Therapies that are prohibited, or that count as rescue; `select` says which and when."""

    name: str
    role: Literal["prohibited", "rescue"]
    select: tuple[Select, ...]
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimeTo:
    """A time to event: from when it is counted, what the event is, and what ends the time before it."""

    name: str
    origin: Point
    event: Expr
    censors: tuple[Moment, ...] = ()
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Property:
    """What the author holds to be so: possible of some patient, never otherwise (`always`), or never so."""

    name: str
    sort: Literal["possible", "always", "never"]
    expr: Expr
    reason: str
    provenance: Provenance = Provenance()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding of `check`, by its code and what it is about, that stands for a reason."""

    finding: str
    of: str
    reason: str
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """One version of one protocol, compiled: a pure function of a timeline and an instant, as data."""

    name: str
    title: str
    version: str
    digest: str
    zone: Zone
    sites: Mapping[str, Zone]
    vocabulary: Vocabulary
    history: Mapping[str, Literal["always"] | Moment]
    moments: Mapping[str, Moment]
    criteria: tuple[Criterion, ...]
    gates: Mapping[str, Gate]
    doses: tuple[DosePlan, ...]
    course: Course | None
    visits: tuple[VisitPlan, ...]
    assessments: tuple[AssessmentPlan, ...]
    responses: tuple[Response, ...]
    therapies: tuple[TherapyRule, ...]
    report_within: Duration | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    not_stated: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    derived: tuple[Derivation, ...] = ()
    place: Place | None = field(default=None, compare=False, repr=False)
    times: tuple[TimeTo, ...] = ()
    properties: tuple[Property, ...] = ()
    accepted: tuple[Accepted, ...] = ()
