"""Responses and therapies as they are written: components, ordered categories, and what is prohibited or rescue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from trialspec.diagnostics import did_you_mean
from trialspec.kernel import Constant, Expr, Point, Select, Shift, Window
from trialspec.model.criteria import Criterion, expand, provenance
from trialspec.model.growth import Meanings
from trialspec.model.parts import Names, Part, Sourced, Windowed
from trialspec.model.points import Name, PointText, refuse
from trialspec.model.scope import Answered, At, Reference, Setting, listing
from trialspec.model.values import OwnReference
from trialspec.model.verb import Verb
from trialspec.patient import Kind
from trialspec.program import (
    AS_OBSERVED,
    INTERCURRENT,
    Category,
    Component,
    Handled,
    Response,
    TherapyRule,
    TimeTo,
    VisitPlan,
)
from trialspec.quantity import Duration
from trialspec.truth import UNKNOWN

OTHERWISE = "otherwise"
NOT_EVALUABLE = "not_evaluable"
RESERVED = frozenset({OTHERWISE, AS_OBSERVED, NOT_EVALUABLE, "pending"})


class AtVisit(Part):
    """Which value of a visit's window is the baseline."""

    latest_at: Name | None = Field(None, description="the latest value in the window of this visit")
    first_at: Name | None = Field(None, description="the first value in the window of this visit")
    least_at: Name | None = Field(None, description="the least value in the window of this visit")
    greatest_at: Name | None = Field(None, description="the greatest value in the window of this visit")
    mean_at: Name | None = Field(None, description="the mean of the values in the window of this visit")

    @model_validator(mode="after")
    def _one(self) -> AtVisit:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise refuse("bad-value", "a baseline is one value", "write one key, as in `{latest_at: baseline}`")
        return self

    def refer(self, at: At) -> Reference | None:
        """Give it as a reference."""
        for which in ("latest", "first", "least", "greatest", "mean"):
            name = getattr(self, f"{which}_at")
            if name is not None:
                visit = at[f"{which}_at"].visit(name)
                return None if visit is None else Reference(which, visit)
        return None


def _baseline_tag(value: object) -> str:
    if isinstance(value, str):
        return "tag:visit"
    return "tag:own" if (isinstance(value, dict) and "which" in value) or isinstance(value, OwnReference) else "tag:at"


Baseline = Annotated[
    Annotated[Name, Tag("tag:visit")] | Annotated[AtVisit, Tag("tag:at")] | Annotated[OwnReference, Tag("tag:own")],
    Discriminator(_baseline_tag),
]


def _handling_tag(value: object) -> str:
    return "tag:word" if isinstance(value, str) else "tag:detail"


def _becomes_tag(value: object) -> str:
    return "tag:word" if isinstance(value, str) else "tag:each"


class Handles(Windowed):
    """What becomes of a category after an intercurrent event in a window; without one, whenever it was."""

    becomes: Annotated[
        Annotated[Name, Tag("tag:word")] | Annotated[dict[Name, Name], Tag("tag:each")], Discriminator(_becomes_tag)
    ] = Field(description="a category, `not_evaluable` or `as_observed`; or by the category that was observed")


Handling = Annotated[
    Annotated[Name, Tag("tag:word")] | Annotated[Handles, Tag("tag:detail")], Discriminator(_handling_tag)
]


class CategoryPart(Sourced):
    """One answer of a response, in the order in which they are tried."""

    category: Name
    when: Criterion = Field(description="a criterion, the name of a component, or `otherwise` for the last one")


class ResponsePart(Sourced):
    """One definition of response: its components, read at its visits, and its categories in order.

    A component that has no window of its own reads the value for the visit. The first category that is met, after all
    before it are not met, is the answer. Several responses may stand side by side.

    ```yaml
    responses:
      renal:
        baseline: {latest_at: baseline}
        at: week_4
        components:
          protein: {fall_of: urine_protein_24h, at_least: 50 %}
          kidney: {rise_of: creatinine, at_most: 15 %}
        categories:
          - {category: responder, when: {all: [protein, kidney]}}
          - {category: non_responder, when: otherwise}
        then: {death: not_evaluable, rescue: non_responder}
    ```

    `then` names a kind of event, or one rule of `prohibited` or `rescue`; `{becomes: non_responder, from: day 85}`
    handles what was in a window, `{becomes: {complete: partial}}` only some categories.
    """

    baseline: Baseline | None = Field(None, description="what rises and falls are counted from")
    at: Names = Field(description="the visits at which it is read")
    components: dict[Name, Criterion] = Field(default_factory=dict, description="its parts, each reported")
    categories: list[CategoryPart] = Field(
        min_length=1, description="the first that is met after all before it are not met"
    )
    then: dict[Name, Handling] = Field(
        {},
        description="after `rescue`, `prohibited`, `withdrawal`, `death`, or what one rule of prohibited or rescue "
        "therapy names: a category, `not_evaluable` or `as_observed`; or `{becomes: ..., from: ...}`",
    )
    report_only: Names = Field((), description="measures that are shown and decide nothing")
    out_of_window: Literal["allowed"] | None = Field(
        None, description="`allowed`: the nearest value outside the window counts"
    )

    def plan(self, name: str, at: At, beside: Beside) -> Response:
        """Give the response, each component and category once for every visit."""
        for index, measure in enumerate(self.report_only):
            _member(at["report_only"], index).term(measure, "measure")
        components: list[Component] = []
        categories: list[Category] = []
        rests: dict[str, tuple[str, ...]] = {}
        for index, visit_name in enumerate(self.at):
            visit = _member(at["at"], index).visit(visit_name)
            if visit is None:
                continue
            parts = beside.parts(visit)
            inside = parts.at
            for part_name in self.components:
                here = inside["components"][part_name]
                why = provenance(self.components[part_name], here)
                components.append(Component(part_name, visit_name, parts.component(part_name, here), why, here.place))
            for number, (category, when) in enumerate(beside.conditions(visit)):
                categories.append(Category(category, visit_name, when, inside["categories"][number].place))
            if others := beside.read_for(visit_name):
                rests[visit_name] = tuple(sorted(others))
        self.in_order(at["categories"])
        then = self.handled(at["then"])
        reasons = [provenance(part, at["components"][key]) for key, part in self.components.items()]
        reasons += [provenance(part.when, at["categories"][i]["when"]) for i, part in enumerate(self.categories)]
        return Response(
            name,
            self.at,
            tuple(components),
            tuple(categories),
            then,
            self.report_only,
            at.provenance(self.provenance, self.provenance, *(part.provenance for part in self.categories), *reasons),
            at.place,
            rests,
        )

    def beside(self, at: At) -> Beside:
        """Give what stands for the components at each visit."""
        baseline = self.reference(at["baseline"])
        return Beside(self, at, baseline)

    def conditions(self, inside: At) -> Iterator[tuple[str, Expr | None]]:
        """Give each category with its condition at a visit; `otherwise` has none."""
        for number, category in enumerate(self.categories):
            here = inside["categories"][number]["when"]
            yield category.category, None if category.when == OTHERWISE else expand(category.when, here)

    @property
    def handles(self) -> frozenset[str]:
        """The intercurrent events that are handled."""
        return frozenset(event for event, word in self.then.items() if word != AS_OBSERVED)

    def reference(self, at: At) -> Reference | None:
        """Give the baseline."""
        if self.baseline is None:
            return None
        if isinstance(self.baseline, str):
            visit = at.visit(self.baseline)
            return None if visit is None else Reference("nearest", visit)
        return self.baseline.refer(at)

    def in_order(self, at: At) -> None:
        """Check that every category can be reached, and that something is left for everybody else."""
        seen: dict[str, int] = {}
        for index, part in enumerate(self.categories):
            here = at[index]["category"]
            if part.category in RESERVED:
                here.report(
                    "bad-value", f"`{part.category}` is a word of its own, not a category", "choose another name"
                )
            if part.category in seen:
                first = (at[seen[part.category]]["category"].place, "it is listed here first")
                here.report(
                    "duplicate-name", f"the category `{part.category}` is listed twice", "join the two by `any`", first
                )
            seen.setdefault(part.category, index)
            if part.when == OTHERWISE and index < len(self.categories) - 1:
                at[index]["when"].report("bad-value", "no category after `otherwise` is ever reached", "put it last")
        if all(part.when != OTHERWISE for part in self.categories):
            message = "a patient who is in none of these categories gets none"
            advice = "add a last category with `when: otherwise`, unless that is meant"
            at.report("no-otherwise", message, advice, severity="warning")

    def handled(self, at: At) -> dict[str, str | Handled]:
        """Say what becomes of the category after each intercurrent event."""
        categories = [part.category for part in self.categories]
        events = {*INTERCURRENT, *at.scope.therapies}
        found: dict[str, str | Handled] = {}
        for event, handling in self.then.items():
            here = at[event]
            if event not in events:
                here.unknown("intercurrent event", event, sorted(events), f"it can be {listing(sorted(events))}")
            if isinstance(handling, str):
                self.becomes(here, handling)
                found[event] = handling
            else:
                found[event] = self.in_detail(handling, here, categories)
        return found

    def in_detail(self, handling: Handles, at: At, categories: list[str]) -> Handled:
        """Say what becomes of each category after an event in a window."""
        becomes = at["becomes"]
        if isinstance(handling.becomes, str):
            self.becomes(becomes, handling.becomes)
            made = dict.fromkeys(categories, handling.becomes)
        else:
            made = dict(handling.becomes)
            for category, word in handling.becomes.items():
                if category not in categories:
                    becomes[category].unknown("category", category, categories, f"it can be {listing(categories)}")
                self.becomes(becomes[category], word)
        return Handled(made, at.window(handling) if handling.bounded else None)

    def becomes(self, at: At, word: str) -> None:
        """Check a word that a category may become."""
        names = {AS_OBSERVED, NOT_EVALUABLE, *(part.category for part in self.categories)}
        if word not in names:
            advice = did_you_mean(word, names) or "write a category of this response, `not_evaluable` or `as_observed`"
            at.report("bad-value", f"`{word}` is not a category of this response", advice)


@dataclass(slots=True)
class Beside:
    """The components and categories of one response at each visit, said when they are asked for."""

    response: ResponsePart
    top: At
    baseline: Reference | None
    known: dict[str, _Parts] = field(default_factory=dict)
    answered: dict[str, tuple[tuple[str, Expr | None], ...]] = field(default_factory=dict)

    def parts(self, visit: VisitPlan) -> _Parts:
        """Give the components at a visit."""
        if visit.name not in self.known:
            part = self.response
            reach = None if part.out_of_window is None else catchment(visit, self.top["out_of_window"])
            inside = self.top.within(Setting(visit=visit, reach=reach, baseline=self.baseline, handled=part.handles))
            made = self.known[visit.name] = _Parts(part.components, inside["components"], self)
            made.at = inside.within(replace(inside.setting, components=made))
        return self.known[visit.name]

    def read_for(self, visit: str) -> frozenset[str]:
        """Give the other visits that are read for one, and those that are read for these."""
        found, ahead = set[str](), [visit]
        while ahead:
            here = self.known.get(ahead.pop())
            for name in (here.looked if here else set[str]()) - found:
                found.add(name)
                ahead.append(name)
        return frozenset(found - {visit})

    # As others see it.

    @property
    def handled(self) -> frozenset[str]:
        """The intercurrent events that are handled."""
        return self.response.handles

    def at_visit(self, visit: VisitPlan) -> Answered:
        """Give the categories at a visit, for another response that asks."""
        return Answered(self.conditions(visit), self.read_for(visit.name))

    def conditions(self, visit: VisitPlan) -> tuple[tuple[str, Expr | None], ...]:
        """Give each category with its condition at a visit, said once."""
        if visit.name not in self.answered:
            self.answered[visit.name] = tuple(self.response.conditions(self.parts(visit).at))
        return self.answered[visit.name]


@dataclass(slots=True)
class _Parts:
    """The components of a response at one visit, said when they are asked for; `looked` are the visits they look at."""

    parts: dict[str, Verb | str]
    at: At
    beside: Beside
    said: Meanings[Expr] = field(default_factory=Meanings)
    looked: set[str] = field(default_factory=set)

    def names(self) -> Iterable[str]:
        """Give their names."""
        return self.parts

    def component(self, name: str, asker: At) -> Expr:
        """Give what a component says at the visit."""
        part, at = self.parts[name], self.at["components"][name]
        expr = asker.said(self.said, name, "definition-cycle", lambda: expand(part, at))
        return expr or Constant(UNKNOWN, place=asker.place)

    def at_visit(self, visit: VisitPlan) -> _Parts:
        """Give them at another visit."""
        self.looked.add(visit.name)
        return self.beside.parts(visit)


def _member(at: At, index: int) -> At:
    return at[index] if at.node.kind == "list" else at


# --- time to event ----------------------------------------------------------------------------------------------------


class TimePart(Sourced):
    """How long it took until something was so for the first time: `trialspec times` reports it, with censoring.

    It is counted from a point of time to the first instant at which the criterion is met. What ends the time before
    that (`censored`: moments) and the instant of the question censor it.

    ```yaml
    time_to:
      relapse: {from: day_1, event: {rise_of: urine_protein_24h, since: {which: least, from: day_1}, at_least: 100 %}}
    ```
    """

    from_: PointText = Field(alias="from", description="from when on it is counted")
    event: Criterion = Field(description="what is waited for")
    censored: Names = Field((), description="the moments that end the time without an event")

    def plan(self, name: str, at: At) -> TimeTo:
        """Give it as it is read."""
        moments = tuple(_member(at["censored"], index).moment(each) for index, each in enumerate(self.censored))
        own = at.provenance(self.provenance, self.provenance, provenance(self.event, at["event"]))
        return TimeTo(name, at["from"].point(self.from_), expand(self.event, at["event"]), moments, own, at.place)


# --- therapies --------------------------------------------------------------------------------------------------------


class TherapyPart(Sourced, Windowed):
    """Therapies that are prohibited, or that count as rescue, from some time on.

    ```yaml
    prohibited:
      live_vaccines: {given: live_vaccine, on_therapy: live_vaccine, from: 28 d before day_1}
    rescue:
      steroids: {on_therapy: corticosteroid, after: day 28}
    ```
    """

    on_therapy: Names | None = Field(None, description="a drug or drug class taken as a therapy")
    given: Names | None = Field(None, description="a drug or drug class administered")

    @model_validator(mode="after")
    def _something_and_since_when(self) -> TherapyPart:
        if self.on_therapy is None and self.given is None:
            raise refuse("no-verb", "it is not said which therapy", "add `on_therapy`, `given`, or both")
        if self.from_ is None and self.after is None:
            raise refuse(
                "missing-key", "it is not said from when on", "add `from` or `after`; what was before is history"
            )
        return self

    def plan(self, name: str, role: Literal["prohibited", "rescue"], at: At) -> TherapyRule:
        """Give the rule."""
        selects: list[Select] = []
        kinds: tuple[tuple[str, Kind], ...] = (("on_therapy", "therapy"), ("given", "administration"))
        for key, kind in kinds:
            names = getattr(self, key)
            if names is not None:
                tests = [at[key].among("drug", sorted(at[key].terms(names, "drug", "drug_class")))]
                selects.append(at.select(kind, tests, at.window(self), " or ".join(names)))
        return TherapyRule(name, role, tuple(selects), at.provenance(self.provenance), at.place)


# --- catchments -------------------------------------------------------------------------------------------------------


def catchment(visit: VisitPlan, at: At) -> Window | None:
    """Give where a value nearest to a visit may lie, out of its window: up to midway to the visits beside it.

    Only where the visits are planned in days from one moment, and this one has as much time before its day as after:
    then a value inside the window is always nearer than one outside.
    """
    mine = None if visit.on is None else _days(visit)
    if mine is None or mine.on - mine.first != mine.last - mine.on:
        message = f"values outside the window of `{visit.name}` cannot be ranked against those inside"
        advice = "`out_of_window: allowed` needs a planned day in days, with `early` and `late` alike"
        at.report("bad-value", message, advice)
        return None
    others = [days for other in at.scope.visits.values() if (days := _days(other)) and days.base == mine.base]
    earlier = [days.last for days in others if days.last < mine.first]
    later = [days.first for days in others if days.first > mine.last]
    # A date equally far from both visits belongs to the later.
    start = at.moment("screened") if not earlier else _from_base(mine.base, -(-(max(earlier) + mine.first) // 2), at)
    end = -(-(mine.last + min(later)) // 2) - 1 if later else mine.last + (mine.last - mine.first + 1)
    return Window(start, _from_base(mine.base, end, at), place=visit.place)


@dataclass(frozen=True, slots=True)
class _Days:
    """The first, planned and last day of a visit, in days from one point."""

    base: Point
    first: int
    on: int
    last: int


def _days(visit: VisitPlan) -> _Days | None:
    start, end = visit.window.start, visit.window.end
    if start is None or end is None:
        return None
    points = [_counted(point) for point in (start, visit.on or end, end)]
    bases = [point[0] for point in points if point is not None]
    if len(bases) < len(points) or bases.count(bases[0]) < len(bases):
        return None
    first, on, last = (point[1] for point in points if point is not None)
    return _Days(bases[0], first, on, last)


def _counted(point: Point) -> tuple[Point, int] | None:
    """Give the point that others are counted from, and how many days after it this one is."""
    days = 0
    while isinstance(point, Shift):
        if point.by.days is None:
            return None
        days += -point.by.days if point.earlier else point.by.days
        point = point.point
    return point, days


def _from_base(base: Point, days: int, at: At) -> Point:
    return Shift(base, Duration(abs(days), "d"), earlier=days < 0, place=at.place)
