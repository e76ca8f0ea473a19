"""Visits and assessments: what is due when, what was done, and what was done outside its window or by another method.

`trialspec.findings.windows` says where they lie, `trialspec.findings.standing` what belongs to them and how they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_days, shown_times, told
from trialspec.findings.possible import plan_of
from trialspec.findings.records import milestone, since, stopped, unscreened
from trialspec.findings.slots import slot_names
from trialspec.findings.standing import (
    Candidate,
    Fit,
    Scene,
    Standing,
    Times,
    answers,
    by_method,
    by_time,
    candidates_of,
    chosen,
    fit_of,
    next_turn,
    scenes_of,
    stand,
)
from trialspec.findings.windows import (
    Placing,
    dated,
    lies_inside,
    locating,
    points,
    trial_points,
    window_place,
    window_points,
)
from trialspec.interpreters.reading import NOTHING, Missing, Question, earliest
from trialspec.interpreters.reference import cited, locate, next_visible, visible, worlds
from trialspec.interpreters.selection import passes
from trialspec.kernel import Window
from trialspec.times import When, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, agreed, every, some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from trialspec.patient import Item
    from trialspec.program import AssessmentPlan, Program, VisitPlan


def visits(
    program: Program, question: Question, names: frozenset[str] | None = None, *, only: str | None = None
) -> Found:
    """Say how every visit, and every assessment at a visit, stands.

    With `only` one visit is told, and what belongs to it; with `names`, of the assessments those of some names.

    An assessment also says how its visit stands as a whole: that nobody came is one thing, not one for each measure.
    Facts: visit, assessment, measure, state, date (of the value), window, planned, text, clause, assumed, missing.
    """
    pinned = worlds(question, *points(program)) or ()
    scenes = [scene for world in pinned for scene in scenes_of(program, world)]
    plans = {plan.name: plan for plan in program.visits if only in {None, plan.name}}
    candidates = {name: [candidates_of(scene, name) for scene in scenes] for name in plans}
    made: list[Finding] = []
    for plan in plans.values():
        seen = [_visit(scene, plan, own) for scene, own in zip(scenes, candidates[plan.name], strict=True)]
        told = _finding("visit", plan.name, seen, question, plan, visit=plan.name)
        if plan.only_if is not None:
            found_ = {each.verdict for scene in scenes if (each := scene.conditions.get(plan.name)) is not None}
            told = replace(told, fields={**told.fields, "applies": str(agreed(found_))})
        made.append(told)
    whole = {finding.name: finding for finding in made}
    for assessment in program.assessments:
        for visit in (name for name in assessment.visits if name in plans):
            pairs = list(zip(scenes, candidates[visit], strict=True))
            for measure in assessment.measures:
                name = f"{assessment.name}@{visit}/{measure}"
                if names is not None and name not in names:
                    continue
                seen = [_assessment(scene, plans[visit], own, assessment, measure) for scene, own in pairs]
                words = {"visit": visit, "assessment": assessment.name, "measure": _label(program, measure)}
                made.append(_at_visit(_finding("assessment", name, seen, question, assessment, **words), whole[visit]))
    return found(made)


def _at_visit(assessment: Finding, visit: Finding) -> Finding:
    """Add how the visit stands: in which state, or done out of its window."""
    outside = "out_of_window" in visit.fields["departure"]
    fields = {**assessment.fields, "visit": "out_of_window" if outside else visit.fields["state"]}
    # A value inside the window answers for its visit as well.
    inside = assessment.fields["state"] == "done" and "out_of_window" not in assessment.fields["departure"]
    because = NOTHING if inside else visit.because
    return replace(
        assessment, fields=fields, until=earliest(assessment.until, visit.until), because=assessment.because | because
    )


def visit_standings(program: Program, world: Question, only: Collection[str]) -> list[dict[str, Standing]]:
    """Say how some visits stand in one world: what the date of each is, if it is done, and where its window lies.

    Where it is open which visits are for this patient, it is said once for each way.
    """
    plans = [plan for plan in program.visits if plan.name in only]
    return [
        {plan.name: _visit(scene, plan, candidates_of(scene, plan.name)) for plan in plans}
        for scene in scenes_of(program, world)
    ]


def _visit(scene: Scene, plan: VisitPlan, candidates: Iterable[Candidate]) -> Standing:
    measures = [name for each in scene.program.assessments if plan.name in each.visits for name in each.measures]
    fits = []
    for candidate in candidates:
        if candidate.item.kind == "milestone":
            asked = every(passes(test, candidate.item) for test in milestone("visit").tests)
            fits.append(fit_of(candidate, asked=asked))
        else:
            wanted = [answers(scene.program, name, candidate.item) for name in measures]
            fits.append(fit_of(candidate, asked=MET, planned=some(wanted)))
    return stand(scene, plan, fits, plan.name, "site")


def _label(program: Program, measure: str) -> str:
    term = program.vocabulary.get(measure)
    return term.label if term is not None and term.label else measure


def _asked_of(program: Program, measure: str) -> str:
    term = program.vocabulary.get(measure)
    return "site" if term is None else term.asked_of


def _assessment(
    scene: Scene, plan: VisitPlan, candidates: Iterable[Candidate], assessment: AssessmentPlan, measure: str
) -> Standing:
    fits = [fit_of(each, asked=answers(scene.program, measure, each.item)) for each in candidates]
    label = f"{measure} at {plan.name}"
    standing = stand(scene, plan, fits, label, _asked_of(scene.program, measure))
    closes = standing.place.closes
    # Until the window has closed another value may still become the one for the visit.
    settled = standing.place.placed and (closes is None or scene.question.at > closes)
    return by_method(standing, fits, assessment.methods.get(measure)) if settled else standing


def _finding(
    subject: Literal["visit", "assessment"],
    name: str,
    seen: Sequence[Standing],
    question: Question,
    plan: VisitPlan | AssessmentPlan,
    **words: str,
) -> Finding:
    """Join the worlds: a state on which they do not agree is unknown, a departure is what all of them have."""
    zone = question.timeline.zone
    states = {each.state for each in seen}
    if states - {each.state for each in seen if each.elsewhere} == {"not_due"}:
        states = {"not_due"}  # whoever it is for, it is not due yet
    state = states.pop() if len(states) == 1 else "unknown"
    departure = seen[0].departure.intersection(*(each.departure for each in seen)) if seen else frozenset[str]()
    missing = frozenset[Missing]().union(*(each.missing for each in seen)) or frozenset(
        {Missing(name)} if state == "unknown" else ()
    )
    dates = {item.when for each in seen for item in each.values}
    windows = {shown_days(each.place.first, each.place.last) for each in seen if each.place.placed}
    planned = {shown_date(each.place.planned) for each in seen if each.place.planned is not None}
    told_ = told(
        plan.provenance,
        missing,
        state=state,
        date=shown_times(dates),
        window=" or ".join(sorted(windows)) or "not placed yet",
        planned=" or ".join(sorted(planned)),
        **words,
    )
    return Finding(
        subject,
        name,
        {"state": state, "departure": departure},
        earliest(*(each.until for each in seen)) if seen else next_visible(question.timeline.items, question),
        since(next(iter(dates)), zone) if len(dates) == 1 and state == "done" else None,
        frozenset[str]().union(*(each.because for each in seen)),
        missing,
        told_,
        (),
        plan.provenance,
        plan.place,
    )


# --- assessments before a dose ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """A dose of a plan that was given, when, and by which records; without a time where that is not certain."""

    plan: str
    start: When | None
    because: frozenset[str] = NOTHING


def given_doses(program: Program, findings: Iterable[Finding], question: Question) -> dict[str, Given]:
    """Give, by the name of its finding, every dose that was given or may have been."""
    plans = {name: plan.name for plan in program.doses for name in slot_names(plan)}
    given: dict[str, Given] = {}
    for finding in findings:
        if finding.subject == "dose" and finding.fields["state"] in {"given", "unknown"}:
            item = _start_of(finding, question) if finding.fields["state"] == "given" else None
            owner = None if item is None else plan_of(item, program.doses)
            plan = plans.get(finding.name) or finding.name.rpartition("#")[0] or (owner.name if owner else "")
            given[finding.name] = Given(plan, None if item is None else item.when, finding.because)
    return given


def _start_of(finding: Finding, question: Question) -> Item | None:
    """Give the record of the start of a dose, if its time is certain."""
    zone = question.timeline.zone
    return next(
        (
            item
            for item in question.timeline.items
            if item.kind == "administration"
            and finding.since is not None
            and since(item.when, zone) == finding.since
            and cited(item) & finding.because
        ),
        None,
    )


def before_doses(
    program: Program,
    question: Question,
    given: Mapping[str, Given],
    *,
    until: int | None = None,
    only: frozenset[str] | None = None,
) -> Found:
    """Say how the assessments that belong before doses stand; `until` is how long the doses given stay the same.

    Nothing is due before a dose that has not been given: when it will be is not known, and its gate asks for what is
    needed on the day. Once it is given, a value in the window makes the assessment done; without one it is missed, or
    due for as long as the window lasts after the dose. A stop cancels what is neither. Facts: as for visits, `visit`
    being the dose. With `only` those of some names are told.
    """
    made: list[Finding] = []
    slots = {plan.name: slot_names(plan) for plan in program.doses}
    for assessment in program.assessments:
        for plan in assessment.before:
            further = (name for name, each in given.items() if each.plan == plan)
            for dose in dict.fromkeys((*slots[plan], *further)):
                needs = (_Need(assessment, measure, dose, given.get(dose)) for measure in assessment.measures)
                made += (_before(program, question, need) for need in needs if only is None or need.name in only)
    return found(replace(finding, until=earliest(finding.until, until)) for finding in made)


@dataclass(frozen=True, slots=True)
class _Need:
    """A measure that is needed before a dose, and what is known of the dose if it was given, or may have been."""

    assessment: AssessmentPlan
    measure: str
    dose: str
    given: Given | None

    @property
    def name(self) -> str:
        """The name of what is found of it."""
        return f"{self.assessment.name}@{self.dose}/{self.measure}"

    @property
    def window(self) -> Window:
        """When it is to be taken."""
        return self.assessment.window or Window()


def _before(program: Program, question: Question, need: _Need) -> Finding:
    start = None if need.given is None else need.given.start
    pinned = worlds(replace(question, dose=start), *trial_points(program), *window_points(need.window)) or ()
    read = _unsettled if start is None else _before_in_world
    seen = [read(program, world, need) for world in pinned]
    words = {"visit": need.dose, "assessment": need.assessment.name, "measure": _label(program, need.measure)}
    made = _finding("assessment", need.name, seen, question, need.assessment, **words)
    return replace(made, fields={**made.fields, "visit": "none"})


def _unsettled(program: Program, world: Question, need: _Need) -> Standing:
    """Say how an assessment stands before a dose that was not given, or was at a time that is not known."""
    stop, screening = locate(stopped(program), world), unscreened(program, world)
    because, until = stop.because | screening.because, earliest(stop.until, screening.until)
    because |= NOTHING if need.given is None else need.given.because
    unknown = need.given is not None or screening.verdict is not NOT_MET
    state = "unknown" if unknown else "not_due" if stop.value is None else "cancelled"
    missing = screening.missing if unknown else frozenset[Missing]()
    return Standing(state, frozenset(), Placing(need.window, placed=False), (), because, missing, until)


def _before_in_world(program: Program, world: Question, need: _Need) -> Standing:
    measure, rests = need.measure, NOTHING if need.given is None else need.given.because
    zone, now = world.timeline.zone, world.at
    values = [item for item in world.timeline.items if item.answer == "yes" and item.kind == "observation"]
    asked = [item for item in values if answers(program, measure, item) is not NOT_MET]
    find = locating(world)
    stop, place = find(stopped(program)), window_place(need.window, None, find, zone)
    when = dated(stop)
    until = earliest(stop.until, place.until, next_visible(asked, world))
    fits = []
    for item in asked:
        there = every((visible(item, world), MET if item.certain else UNKNOWN, answers(program, measure, item)))
        inside = every((there, lies_inside(item.when, place, zone))) if place.placed else UNKNOWN
        fits.append(Fit(item, every((there, inside)), inside))
    found_ = chosen(fits, place, zone)
    possible = [fit.item for fit in fits if fit.belongs is not NOT_MET]
    if found_:
        because = (rests | place.because).union(*(cited(item) for item in found_))
        done = Standing("done", frozenset(), place, tuple(found_), because, frozenset(), until)
        return by_method(done, fits, need.assessment.methods.get(measure))
    because = (rests | place.because | stop.because).union(*(cited(item) for item in possible))
    leaf = Missing(f"{measure} before {need.dose}", place.first, place.last, _asked_of(program, measure))
    if possible or not place.placed:
        return Standing("unknown", frozenset(), place, (), because, frozenset({leaf}), until)
    times = Times(None, place.closes, place.closes)
    state = by_time(times, None if when is None else when.span(zone)[0], now)
    return Standing(state, frozenset(), place, (), because, frozenset(), earliest(until, next_turn(times, now)))
