"""The schedule as it is written: moments, visits, assessments, doses, the course and the gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Literal, get_args

from pydantic import Field, model_validator

from trialspec.diagnostics import did_you_mean
from trialspec.kernel import Moment, Point, Shift, Window
from trialspec.model.amounts import AmountOrParts, AmountPart, amounts
from trialspec.model.apart import check_course, check_due, check_slots
from trialspec.model.criteria import Criterion, expand, provenance
from trialspec.model.parts import Names, OneOrMore, Part, Sourced, Span, Windowed, Words
from trialspec.model.points import (
    Count,
    DurationText,
    Name,
    PercentText,
    PointText,
    Quantity,
    QuantityText,
    refuse,
)
from trialspec.model.records import NAMED, Value
from trialspec.model.scope import At, Setting, declared, listing
from trialspec.patient import Kind
from trialspec.program import Amount, AssessmentPlan, Course, DosePlan, Provenance, RateSteps, VisitPlan
from trialspec.quantity import Codes, Duration, Interval, exactly
from trialspec.vocabulary import Sort, Term

MilestoneWord = Literal[
    "consent",
    "consent_withdrawn",
    "screening",
    "screen_failure",
    "enrolment",
    "randomisation",
    "visit",
    "treatment_stopped",
    "left_study",
    "lost",
    "death",
    "version_approved",
]
MILESTONES: tuple[str, ...] = get_args(MilestoneWord)
_NO_TIME = Duration(0, "d")
_KIND_OF: dict[Sort, Kind] = {
    "drug": "administration",
    "drug_class": "administration",
    "condition": "condition",
    "procedure": "procedure",
    "adverse_event": "adverse_event",
    "measure": "observation",
}


_SECOND, _MOST_COUNTED = 2, 24


class MomentPart(Sourced, Windowed, Value):
    """When the first or last of something happened: a milestone, an administration, or anything else on record.

    `enrolled` is the first enrolment and `screened` the last screening through it, unless a protocol says otherwise.
    `day N` counts from the moment `day_1`. With `number` it is not the first that counts but the one after so many
    dates, as in the sixth cyclophosphamide: parts of one infusion on one date are one. A moment may be counted from a
    `dose`, as in `{last: rituximab, before: dose}`, for what is asked of a dose.

    ```yaml
    moments:
      day_1: {first: rituximab, from: screened}
      second_rituximab: {first: rituximab, number: 2, from: screened}
    ```
    """

    first: Name | None = Field(None, description="a milestone, a drug (given), or a name of the vocabulary")
    last: Name | None = Field(None, description="the same")
    number: Count | None = Field(
        None, description="with `first`: which of them, each on a later date than the one before"
    )
    version: Words | None = Field(None, description="of a consent or an approval: the protocol versions that count")
    reason: Words | None = Field(None, description="of a stop: the reasons that count")
    visit: Name | None = Field(None, description="of a visit: which one")

    @model_validator(mode="after")
    def _one_of_both(self) -> MomentPart:
        if (self.first is None) == (self.last is None):
            raise refuse(
                "missing-key" if self.first is None else "two-verbs",
                "a moment is the `first` or the `last` of something",
                "write one of the two, as in `{first: enrolment}`",
            )
        if self.number is not None and (self.first is None or self.number < _SECOND or self.number > _MOST_COUNTED):
            message = f"the `number` is that of the first, from {_SECOND} to {_MOST_COUNTED}"
            raise refuse("bad-value", message, "write it as in `{first: rituximab, number: 2}`", "number")
        return self

    def moment(self, name: str, at: At) -> Moment:
        """Give the moment."""
        which: Literal["first", "last"] = "first" if self.first is not None else "last"
        of, here = self.first or self.last or "", at[which]
        kind: Kind = "milestone"
        if of in MILESTONES:
            tests = [here.among("milestone", [of])]
            tests += [
                at[key].among(key, words) for key in ("version", "reason") if (words := getattr(self, key)) is not None
            ]
            if self.visit is not None:
                if self.visit not in at.scope.planned:
                    advice = "plan it under `visits`, or leave `visit` out"
                    at["visit"].unknown("visit", self.visit, at.scope.planned, advice)
                tests.append(at["visit"].among("visit", [self.visit]))
        else:
            term = at.scope.vocabulary.get(of)
            if term is None:
                names = [*MILESTONES, *at.scope.vocabulary.terms]
                advice = "milestones are " + ", ".join(f"`{word}`" for word in MILESTONES)
                here.unknown("milestone, drug, measure or concept", of, names, advice)
                tests = []
            else:
                kind = _KIND_OF[term.sort]
                tests = [here.among(NAMED[kind][0], sorted(at.scope.vocabulary.under(of)))]
                if kind == "observation" and self.asks:
                    tests += self.tests(at, of)
            for key in ("version", "reason", "visit"):
                if getattr(self, key) is not None:
                    at[key].report("unknown-key", f"`{key}` is recorded of milestones", f"leave it out for `{of}`")
        if self.asks and kind != "observation":
            at.report("unknown-key", f"`{of}` has no value to compare", "a limit or `is` goes with a measure")
        window = at.window(self)
        found = Moment(name, which, at.select(kind, tests, window, of), at.place)
        for _ in range(1, self.number or 1):
            later = replace(window, start=Shift(found, Duration(1, "d"), place=at.place), after=False)
            found = Moment(name, which, at.select(kind, tests, later, of), at.place)
        return found


class _Due(Sourced):
    first_due: PointText | None = Field(
        None, description="where its own event sets its date: due through this point, then overdue"
    )
    first_due_from: PointText | None = Field(None, description="due from this point; without it from `enrolled`")
    missed_after: PointText | None = Field(None, description="missed after this point")

    def points(self, at: At, *keys: str) -> dict[str, Point | None]:
        """Give the points of these keys."""
        return {key: None if (point := getattr(self, key)) is None else at[key].point(point) for key in keys}


_DUE = ("first_due", "first_due_from", "missed_after")


class Visit(_Due, Windowed):
    """A planned visit: on a day with so much before and after, or in a window.

    ```yaml
    visits:
      baseline: {from: 28 d before day_1, through: day_1, first_due: 14 d after enrolled}
      week_4: {on: day 29, early: 7 d, late: 7 d}
    ```
    """

    on: PointText | None = Field(None, description="its planned day")
    early: DurationText | None = Field(None, description="how much earlier it may be")
    late: DurationText | None = Field(None, description="how much later it may be")
    only_if: Criterion | None = Field(None, description="for whom there is this visit, as for doses")

    @model_validator(mode="after")
    def _a_day_or_a_window(self) -> Visit:
        if self.on is not None and self.bounded:
            raise refuse(
                "bad-value", "a visit has a planned day or a window", "keep `on`, `early` and `late`, or the window"
            )
        if self.on is None and not self.bounded:
            raise refuse(
                "missing-key", "it is not said when the visit is", "add `on`, or a window with `from` and `through`"
            )
        for key in ("early", "late"):
            if self.on is None and getattr(self, key) is not None:
                raise refuse(
                    "unknown-key",
                    f"`{key}` is counted from a planned day, and this visit has a window",
                    "let the window itself begin earlier or end later",
                    key,
                )
        return self

    def plan(self, name: str, at: At) -> VisitPlan:
        """Give the planned visit."""
        on = None if self.on is None else at["on"].point(self.on)
        if on is None:
            window = at.window(self)
        else:
            start = Shift(on, self.early or _NO_TIME, earlier=True, place=at["early"].place)
            window = Window(start, Shift(on, self.late or _NO_TIME, place=at["late"].place), place=at.place)
        self.can_be_due(name, window.start, at)
        if window.end is None and self.missed_after is None:
            at.report(
                "unbounded-slot", f"the visit `{name}` has no last permitted day", "add `through`, or `missed_after`"
            )
        plan = VisitPlan(
            name, on, window, **self.points(at, *_DUE), provenance=at.provenance(self.provenance), place=at.place
        )
        check_due(plan, window.end, at)
        return plan

    def conditional(self, plan: VisitPlan, at: At) -> VisitPlan:
        """Add for whom there is the visit, once all visits are planned."""
        if self.only_if is None:
            return plan
        reasons = at.provenance(plan.provenance, provenance(self.only_if, at["only_if"]))
        return replace(plan, only_if=expand(self.only_if, at["only_if"]), provenance=reasons)

    def can_be_due(self, name: str, start: Point | None, at: At) -> None:
        """Warn where the visit is only dated by what comes after it."""
        moment, days = (None, 0) if start is None else counted_from(start)
        # Before the patient is in the trial nothing is asked of anybody.
        if not isinstance(moment, Moment) or moment.name in {"screened", "enrolled"}:
            return
        if days < 0 and self.first_due is None:
            message = f"`{name}` begins before `{moment.name}`, and is never due until that has happened"
            advice = "add `first_due`, as in `first_due: 14 d after enrolled`, unless that is meant"
            at.report("never-due", message, advice, severity="warning")


def counted_from(point: Point) -> tuple[Point, int]:
    """Give what a point is counted from, and about how many days after it the point is."""
    days = 0
    while isinstance(point, Shift):
        length = point.by.days or (point.by.months or 0) * 30
        days += -length if point.earlier else length
        point = point.point
    return point, days


class Assessment(Sourced, Span):
    """Measures that are to be taken: at visits, or in a window before each dose of some name.

    ```yaml
    assessments:
      labs: {of: [c3, c4], at: [baseline, week_4]}
      blood_count: {of: neutrophils, before: CYC, from: 7 d before dose, through: dose}
    ```
    """

    of: Names = Field(description="the measures")
    at: Names = Field((), description="the visits")
    before: Names = Field((), description="the doses before which they are taken, in the window")
    methods: dict[Name, Words] = Field(default_factory=dict, description="by measure: the methods that count")

    @model_validator(mode="after")
    def _at_or_before(self) -> Assessment:
        if bool(self.at) == bool(self.before):
            raise refuse(
                "missing-key", "it is not said when", "add `at` with visits, or `before` with doses and a window"
            )
        if self.at and self.bounded:
            raise refuse("bad-value", "at a visit the visit's own window counts", "leave out the window")
        if self.before and (self.from_ or self.after) is None:
            raise refuse(
                "missing-key", "how long before the dose is not said", "add `from`, as in `from: 7 d before dose`"
            )
        return self

    def plan(self, name: str, at: At, doses: frozenset[str]) -> AssessmentPlan:
        """Give the planned assessment."""
        for index, measure in enumerate(self.of):
            _member(at["of"], index).term(measure, "measure")
        for index, visit in enumerate(self.at):
            _member(at["at"], index).visit(visit)
        for index, dose in enumerate(self.before):
            if dose not in doses:
                _member(at["before"], index).unknown("dose", dose, doses)
        for measure in self.methods:
            if measure not in self.of:
                at["methods"][measure].report(
                    "unknown-name",
                    f"`{measure}` is not assessed here",
                    did_you_mean(measure, self.of) or f"it is one of {listing(self.of)}",
                )
        dosing = at.within(Setting(dose=True))
        return AssessmentPlan(
            name,
            self.of,
            self.at,
            self.before,
            dosing.window(self) if self.before else None,
            {measure: frozenset(methods) for measure, methods in self.methods.items()},
            at.provenance(self.provenance),
            at.place,
        )


def _member(at: At, index: int) -> At:
    return at[index] if at.node.kind == "list" else at


# --- doses ------------------------------------------------------------------------------------------------------------


class RateStepsPart(Part):
    """How the rate of an infusion may rise.

    It begins with no more than `first`, and may rise by `up` after every so much time since its start. Each part that
    is on record is judged by the time at which it began; with `rate_at_most` it rises no further.

    ```yaml
    doses:
      RTX:
        {drug: rituximab, amount: 500 mg, on: [day 1, day 15], rate_at_most: 400 mg/h, resumed_at_most: 50 %,
         rate_steps: {first: 50 mg/h, up: 50 mg/h, every: 30 min}}
    ```
    """

    first: QuantityText = Field(description="the greatest rate at its start, as in `50 mg/h`")
    up: QuantityText = Field(description="by how much it may rise at each step")
    every: DurationText = Field(description="how long a step lasts, as in `30 min`")


class Dose(_Due):
    """The doses of one name: a slot for each planned day.

    `every` and `times` repeat the last planned day; with `from: last_dose` the next dose is planned from when the one
    before was given. A dose whose own first one sets its anchor has `first_due`.

    `only_if` says for whom there are these doses: those of an arm, or those in whom something was found. It is read on
    the last day of a dose's window, or at the question while that is to come. Where it is *not met*, the dose is
    `cancelled`, no part of the course, and one that is given all the same is `extra`; where it is `unknown`, so is the
    dose once it would be due. With `if_missed: stop` a dose that was missed is the last one: what would come after it
    is `cancelled`.

    `stop_if` is what ends treatment with these doses, as a record that treatment was stopped does: once it is met, what
    has been neither given nor missed is `cancelled`, and a dose that is given all the same is `after_stop`. Where it is
    `unknown`, so is a dose that would be due, and whether one that was given came after the stop is a query. Ask for
    what stays met: that something ever was (`ever`, `has`, `count_of`), not how it is now.

    ```yaml
    doses:
      RTX:
        {drug: rituximab, amount: 500 mg, amount_within: 5 %, route: intravenous, on: [day 1, day 15], late: 3 d,
         first_due: 14 d after enrolled, premedication: [{given: antihistamine, from: 2 h before dose, through: dose}]}
      CYC:
        {drug: cyclophosphamide, amount: 500 mg, on: day 3, every: 14 d, times: 6, give_only_if: neutrophils_recovered}
    gates:
      neutrophils_recovered:
        {latest: neutrophils, from: 7 d before dose, through: dose, above: 1.5 10*9/L, otherwise: hold}
    ```
    """

    drug: Name = Field(description="a drug, or a class of which any will do")
    amount: AmountOrParts = Field(
        description="with its unit, or `not_stated` where nothing is published; or what it is reckoned from"
    )
    amount_within: PercentText = Field(Fraction(0), description="how far off the amount may be, itself allowed")
    route: Words = Field((), description="the routes that are right")
    on: OneOrMore[PointText] = Field(description="the planned days")
    early: DurationText = Field(_NO_TIME, description="how much earlier a dose may be")
    late: DurationText = Field(_NO_TIME, description="how much later a dose may be")
    every: DurationText | None = Field(
        None, description="the time from one dose to the next, after the last day of `on`"
    )
    times: Count | None = Field(None, description="how many doses there are in all, with `every`")
    from_: Literal["last_dose"] | None = Field(
        None, alias="from", description="`last_dose`: the next is planned from when the one before was given"
    )
    give_only_if: Names = Field((), description="the gates")
    belongs_until: PointText | None = Field(None, description="up to when a dose belongs to the last slot")
    merge_within: DurationText = Field(
        Duration(12, "h"), description="parts that begin within this of an end are one dose"
    )
    interval_at_least: DurationText | None = Field(None, description="the least time after the dose before")
    rate_at_most: QuantityText | None = Field(None, description="the greatest rate of an infusion, as in `400 mg/h`")
    rate_steps: RateStepsPart | None = Field(None, description="how the rate may rise during an infusion")
    resumed_at_most: PercentText | None = Field(
        None, description="the greatest rate after an interruption, as a share of the rate before it"
    )
    lasts_at_least: DurationText | None = Field(None, description="the least time that its parts take together")
    premedication: list[Criterion] = Field(default_factory=list, description="what is true when it starts")
    only_if: Criterion | None = Field(None, description="for whom there are these doses: an arm, or what was found")
    if_missed: Literal["go_on", "stop"] = Field(
        "go_on", description="`stop`: after a dose that was missed there are no more of this name"
    )

    stop_if: Criterion | None = Field(None, description="what ends treatment: what comes after it is `cancelled`")

    @model_validator(mode="after")
    def _repetition(self) -> Dose:
        if self.every is not None and self.every.number == 0:
            raise refuse(
                "bad-duration", "doses are planned no time apart", "write the time from one to the next", "every"
            )
        if self.every is None and self.times is not None:
            raise refuse(
                "missing-key", "`times` counts repeated doses", "add `every`, the time from one to the next", "times"
            )
        if self.every is not None and self.times is None and self.from_ is None:
            raise refuse("missing-key", "it is not said how many doses there are", "add `times`", "every")
        if self.every is None and self.from_ is not None:
            raise refuse("missing-key", "`from: last_dose` plans repeated doses", "add `every`", "from")
        if self.times is not None and self.times <= len(self.on):
            advice = "write how many doses there are in all, those of `on` included"
            raise refuse("bad-value", "`times` counts all doses, and there are as many days already", advice, "times")
        return self

    def plan(self, name: str, at: At, gates: frozenset[str], stopped: frozenset[str]) -> DosePlan:
        """Give the planned doses; `stopped` are the names whose doses the end of the course stops."""
        term = at["drug"].term(self.drug, "drug", "drug_class")
        for index, gate in enumerate(self.give_only_if):
            if gate not in gates:
                _member(at["give_only_if"], index).unknown("gate", gate, gates, "declare it under `gates`")
        amount = None
        if isinstance(self.amount, Quantity) and term is not None:
            amount = self.amount_of(at["amount"], self.amount, term)
        if self.lasts_at_least is not None and not self.lasts_at_least.seconds:
            advice = "write it as in `60 min`"
            at["lasts_at_least"].report("bad-duration", "how long an infusion takes is in minutes or hours", advice)
        rate, rate_unit = (
            (None, "") if self.rate_at_most is None else self.rate(at["rate_at_most"], self.rate_at_most, term)
        )
        planned = self.planned(at["on"])
        if len(planned) == 1 and self.every is None and self.belongs_until is None:
            message = f"there is one slot of `{name}`, and nothing says up to when a dose belongs to it"
            at.report("unbounded-slot", message, "add `belongs_until`, as in `belongs_until: day 28`")
        if self.every is not None and self.times is None and name not in stopped:
            advice = "add `times`, or name it under `course`, whose end stops it"
            at["every"].report("unbounded-slot", f"`{name}` is repeated without an end", advice)
        self.can_be_due(name, planned[0], at)
        dosing = at.within(Setting(dose=True))
        reckoned = self.reckoned(dosing["amount"], term)
        inside = [dosing["premedication"][index] for index in range(len(self.premedication))]
        reasons = [provenance(part, here) for part, here in zip(self.premedication, inside, strict=True)]
        reasons += self.reasons_of_amounts(dosing["amount"])
        reasons += [] if self.only_if is None else [provenance(self.only_if, at["only_if"])]
        reasons += [] if self.stop_if is None else [provenance(self.stop_if, at["stop_if"])]
        plan = DosePlan(
            name,
            self.drug,
            at.scope.vocabulary.under(self.drug),
            amount,
            term.unit if term else "",
            self.amount_within,
            frozenset(self.route),
            planned,
            self.early,
            self.late,
            self.give_only_if,
            self.every if self.from_ else None,
            (self.times or 0) if self.from_ else 0,
            self.interval_at_least,
            rate,
            rate_unit,
            tuple(expand(part, here) for part, here in zip(self.premedication, inside, strict=True)),
            **self.points(at, *_DUE, "belongs_until"),
            merge_within=self.merge_within,
            amounts=reckoned,
            rate_steps=self.steps(at["rate_steps"], term),
            resumed_at_most=self.resumed_at_most,
            lasts_at_least=self.lasts_at_least,
            only_if=None if self.only_if is None else expand(self.only_if, at["only_if"]),
            if_missed=self.if_missed,
            stop_if=None if self.stop_if is None else expand(self.stop_if, at["stop_if"]),
            provenance=at.provenance(self.provenance, *reasons),
            place=at.place,
        )
        check_slots(plan, at)
        return plan

    def can_be_due(self, name: str, first: Point, at: At) -> None:
        """Warn where the first dose is only dated by itself."""
        moment, _ = counted_from(first)
        if not isinstance(moment, Moment) or moment.of.kind != "administration" or self.first_due is not None:
            return
        own = at.scope.vocabulary.under(self.drug)
        named = [test.against.value for test in moment.of.tests if test.field == "drug"]
        if any(isinstance(words, Codes) and words.words and words.words & own for words in named):
            message = f"the first `{name}` sets `{moment.name}` itself, and is never due until it is given"
            advice = "add `first_due`, as in `first_due: 14 d after enrolled`, unless that is meant"
            at.report("never-due", message, advice, severity="warning")

    def planned(self, at: At) -> tuple[Point, ...]:
        """Give the planned days; what repeats from the plan alone is written out."""
        days = [_member(at, index).point(point) for index, point in enumerate(self.on)]
        if self.every is not None and self.from_ is None:
            days += [
                Shift(days[-1], Duration(self.every.number * step, self.every.unit), place=at.place)
                for step in range(1, (self.times or 0) - len(days) + 1)
            ]
        return tuple(days)

    def amount_of(self, at: At, amount: Quantity, term: Term) -> Interval | None:
        """Give the amount in the drug's unit."""
        if term.sort == "drug_class":
            at.report(
                "bad-value",
                f"`{term.name}` is a class, and its drugs have no common amount",
                "write `not_stated`",
                *declared(term),
            )
            return None
        if amount.range_end or amount.number <= 0:
            advice = "write it as `500 mg`, or `not_stated` where nothing is published"
            at.report("bad-quantity", "an amount is a number above 0 with its unit", advice)
            return None
        return exactly(at.convert(amount, term, what="amount"))

    def reckoned(self, at: At, term: Term | None) -> tuple[Amount, ...]:
        """Give the amounts that are reckoned at each dose."""
        if term is None or isinstance(self.amount, Quantity) or self.amount is None:
            return ()
        if term.sort == "drug_class":
            at.report(
                "bad-value",
                f"`{term.name}` is a class, and its drugs have no common amount",
                "write `not_stated`",
                *declared(term),
            )
            return ()
        return amounts(self.amount, at, term)

    def reasons_of_amounts(self, at: At) -> Iterator[Provenance]:
        """Give where the amounts come from, and what their conditions assume."""
        parts = self.amount if isinstance(self.amount, list) else [self.amount]
        for index, part in enumerate(parts):
            if isinstance(part, AmountPart):
                yield part.provenance
                if part.when is not None:
                    yield provenance(part.when, (at[index] if isinstance(self.amount, list) else at)["when"])

    def steps(self, at: At, term: Term | None) -> RateSteps | None:
        """Give how the rate may rise, in the drug's unit per hour."""
        part = self.rate_steps
        if part is None:
            return None
        seconds = part.every.seconds
        if not seconds:
            at["every"].report("bad-duration", "steps of a rate are minutes or hours apart", "write it as in `30 min`")
        found = []
        for key, rate in (("first", part.first), ("up", part.up)):
            number, unit = self.rate(at[key], rate, term)
            over, _, under = unit.rpartition("/")
            factor = term.factors.get(over, Fraction(1)) if term is not None else Fraction(1)
            found.append(
                (number.exact if number and number.exact else Fraction(0)) * factor * (60 if under == "min" else 1)
            )
        return RateSteps(found[0], found[1], seconds or 1)

    def rate(self, at: At, rate: Quantity, term: Term | None) -> tuple[Interval | None, str]:
        """Give a rate, as it is written."""
        over, slash, under = rate.unit.rpartition("/")
        if not slash or under not in {"h", "min"} or (term is not None and over not in term.factors):
            unit = term.unit if term is not None and term.unit else "mg"
            at.report(
                "unit-mismatch", f"`{rate.text}` is not an amount over time", f"write it in `{unit}/h` or `{unit}/min`"
            )
        elif rate.number <= 0:
            advice = f"write it as `400 {rate.unit}`, or leave it out where there is no greatest one"
            at.report("bad-quantity", f"a rate of at most `{rate.text}` allows nothing to be given", advice)
        return exactly(rate.number), rate.unit


class CoursePart(Sourced):
    """The doses that make one course, and its last day.

    ```yaml
    course: {of: [RTX, CYC], through: day 28}
    ```
    """

    of: Names = Field(description="the names of the doses")
    through: PointText = Field(description="the last day on which any of them may be given")

    def plan(self, at: At, doses: Mapping[str, DosePlan]) -> Course:
        """Give the course."""
        for index, dose in enumerate(self.of):
            if dose not in doses:
                _member(at["of"], index).unknown("dose", dose, doses)
        course = Course(self.of, at["through"].point(self.through), at.provenance(self.provenance), at.place)
        check_course(course, doses.values(), at)
        return course
