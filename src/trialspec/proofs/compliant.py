"""Patients of whom everything goes as the protocol wants it: eligible, every dose cleared, every visit kept.

They are made step by step. What is planned gives the dates; what a criterion or a gate asks for is found by the solver
among the records that may be there besides, with all that has been made so far as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from trialspec.events import Event, check
from trialspec.findings.amounts import planned_amount
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import locate, read
from trialspec.interpreters.selection import moved
from trialspec.kernel import Compare, Constant, Fixed, Fold, Moment, Select, Shift, parts_of
from trialspec.proofs.beside import passed
from trialspec.quantity import exactly, shown
from trialspec.solver import logic
from trialspec.solver.asking import Answer, Asker, Besides, Claim, failed, met
from trialspec.solver.moments import Time, at_instant
from trialspec.solver.records import LASTING, TODAY
from trialspec.solver.settled import is_sharp, record
from trialspec.solver.witness import PATIENT
from trialspec.times import DAY, When, Zone, on_date, parse_time, shown_date
from trialspec.vocabulary import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr, Point
    from trialspec.patient import Timeline
    from trialspec.program import AssessmentPlan, DosePlan, VisitPlan
    from trialspec.quantity import Duration
    from trialspec.solver.logic import Formula
    from trialspec.solver.translation import Translation

How = Literal["plan", "early", "late"]

ENROLLED = TODAY
# In the order of one day: enrolled, seen, dosed.
ENTERED, _LOOKED, DOSED = 7 * 3600, 8 * 3600, 10 * 3600
_SCREENED_BEFORE = (7, 1, 14, 28, 42, 56, 0)
_FAR = 6 * 366
_ANY_ZONE = Zone("UTC")  # dates alone are moved
_MOST_SLOTS = 40
_ROLLING = 3  # doses of a cycle without an end


@dataclass(frozen=True, slots=True)
class Appointment:
    """A dose that was given: its slot and its date."""

    slot: str
    plan: DosePlan
    number: int
    day: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A dose whose gates cannot be met by then."""

    appointment: Appointment
    answer: Answer


Outcome = Literal["possible", "impossible", "open"]
# What was found of patients who are eligible, by the days before enrolment at which they are screened.
Entrants = dict[tuple[int, bool], "tuple[Outcome, tuple[Event, ...]]"]


@dataclass(slots=True)
class Trial:
    """One patient's trial while it is made.

    `blocked` are doses that could not be cleared, `cleared` is what cleared the last dose of a name. `visits` are the
    days of the visits, `seen` their times, `windows` where they lie, and `earliest` is the first day on which one is
    planned. Of `silent` ones nothing is to be said: they could not be kept as planned for reasons of this patient.
    Doses for some patients that are named in `otherwise` are given to one whom they do not seem to be for, and left out
    of one whom they do. `entrants` are patients found before.
    """

    protocol: Protocol
    how: How
    limit: int
    arm: str = ""
    otherwise: Mapping[str, bool] = field(default_factory=dict)
    entrants: Entrants = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    doses: list[Appointment] = field(default_factory=list)
    visits: dict[str, int] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    windows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    blocked: list[Blocked] = field(default_factory=list)
    screened: int = ENROLLED
    earliest: int = ENROLLED
    silent: set[str] = field(default_factory=set)
    unsure: str = ""
    cleared: dict[str, tuple[int, tuple[Event, ...]]] = field(default_factory=dict)
    _named: int = 0
    _known: tuple[tuple[Event, ...], Timeline] | None = None

    def doses_of(self, plan: DosePlan) -> list[Appointment]:
        """Give the doses of one plan so far."""
        return [each for each in self.doses if each.plan is plan]

    # --- events -------------------------------------------------------------------------------------------------------

    def add(self, kind: str, time: str, name: str = "", **content: str) -> Event:
        """Let something happen; it was known at once."""
        self._named += 1  # an event that was taken back leaves its name unused
        texts = {"id": name or f"p{self._named}", "patient": PATIENT, "kind": kind, "time": time}
        event = check({**texts, "available": time, **{key: text for key, text in content.items() if text}})
        assert isinstance(event, Event), event
        self.events.append(event)
        return event

    def timeline(self) -> Timeline:
        """Give what has happened so far."""
        events = tuple(self.events)
        if self._known is None or self._known[0] != events:
            self._known = events, self.protocol.timeline(events, PATIENT)
        return self._known[1]

    def located(self, point: Point | None, dose: When | None = None) -> When | None:
        """Give when a point is, with all that has happened so far."""
        if point is None:
            return None
        timeline = self.timeline()
        question = Question(timeline, timeline.zone.end_of(ENROLLED + _FAR), dose)
        value = locate(point, question).value
        return value if isinstance(value, When) else None

    def reads(self, claims: Sequence[Claim], day: int, second: int) -> bool:
        """Whether the claims are true by an instant as it is."""
        timeline = self.timeline()
        question = Question(timeline, timeline.zone.start_of(day) + second)
        return all(claim.holds(read(claim.expr, question).verdict) for claim in claims)

    def concerns(self, only_if: Expr | None, day: int, slot: str = "", stop_if: Expr | None = None) -> bool:
        """Whether a dose or visit of a day is for this patient, and treatment has not ended before it."""
        if stop_if is not None and self.reads((met(stop_if),), day, DAY - 1):
            return False
        if slot in self.otherwise:
            return self.otherwise[slot]
        return only_if is None or self.reads((met(only_if),), day, DAY - 1)

    def extend(
        self, claims: Sequence[Claim], day: int, second: int, besides: Besides | None = None, prefix: str = "w"
    ) -> Answer:
        """Let whatever else happen by an instant that makes the claims true."""
        timeline = self.timeline()
        fixed = tuple(record(item, timeline.zone) for item in timeline.items if is_sharp(item))
        program = self.protocol.program
        exprs = tuple(claim.expr for claim in claims)
        at = at_instant(day, second)
        asker = Asker(program, exprs, 2, self.limit, fixed, tuple(self.events), prefix, besides=besides, at=at)
        answer = asker.shown(*claims)
        if answer.witness is not None:
            known = {event.id for event in self.events}
            self.events += [
                replace(event, available=event.time) for event in answer.witness.events if event.id not in known
            ]
        return answer


def follow(
    protocol: Protocol,
    how: How,
    limit: int,
    *,
    arm: str = "",
    known: Entrants | None = None,
    otherwise: Mapping[str, bool] | None = None,
) -> Trial | None:
    """Make the trial of a patient who keeps to the plan, or to the first or last dates that are permitted, in an arm.

    Nothing if nobody can be eligible. Whoever is `known` to be is not looked for again. Doses for some patients
    that are named in `otherwise` are given, or not, as they would not be.
    """
    known = {} if known is None else known
    otherwise = otherwise or {}
    waiting = _screenings(Trial(protocol, how, limit, arm, otherwise))
    made: Trial | None = None
    while waiting:
        before = waiting.pop(0)
        for loosely in (False, True):
            trial = Trial(protocol, how, limit, arm, otherwise, known)
            entered = _enters(trial, before, known, loosely=loosely)
            if entered == "open":
                return made  # another try would take as long, and find no more
            if entered == "impossible":
                continue
            _treat(trial)
            _see(trial)
            # A visit that is planned before the screening asks for an earlier one; where that lets nobody in, so be it.
            if made is None and trial.earliest < trial.screened:
                made, waiting = trial, [ENROLLED - trial.earliest]
                break
            return trial
    return made


def arms(protocol: Protocol) -> tuple[str, ...]:
    """Give an arm for each set of doses and visits that some arm has; no arm where they are the same in all.

    The first has the most.
    """
    program = protocol.program
    doses, visits = (each.only_if for each in program.doses), (each.only_if for each in program.visits)
    conditions = [only_if for only_if in (*doses, *visits) if only_if is not None]
    found: dict[tuple[bool, ...], str] = {}
    for arm in program.arms:
        trial = Trial(protocol, "plan", 0, arm)
        _begin(trial, _SCREENED_BEFORE[0])
        found.setdefault(tuple(trial.concerns(each, ENROLLED) for each in conditions), arm)
    return tuple(found[one] for one in sorted(found, key=sum, reverse=True)) if len(found) > 1 else ("",)


def _screenings(trial: Trial) -> list[int]:
    """Give how many days before enrolment to screen, the likeliest first.

    Visits that a criterion reads come before enrolment, however long after the screening they are planned.
    """
    program = trial.protocol.program
    before = _SCREENED_BEFORE[0]
    _begin(trial, before)
    read_at = {
        word
        for each in program.criteria
        for query in parts_of(each.expr, Select)
        for test in query.tests
        if test.field == "visit"
        for word in getattr(test.against.value, "words", ())
    }
    windows = [visit_window(trial, visit) for visit in program.visits if visit.name in read_at]
    after = [visit_day(window, trial.how) - ENROLLED for window in windows if window is not None]
    if not after or max(after) < 0:
        return list(_SCREENED_BEFORE)
    return [before + max(after) + 1, *_SCREENED_BEFORE]


def _begin(trial: Trial, before: int) -> None:
    """Let a patient consent, be screened so many days before, and be let in."""
    program = trial.protocol.program
    trial.screened = ENROLLED - before
    trial.add("milestone", shown_date(trial.screened), milestone="screening")
    asked = {
        word
        for moment in program.moments.values()
        for test in moment.of.tests
        if moment.of.kind == "milestone"
        for word in getattr(test.against.value, "words", None) or ()
    }
    if "randomisation" in asked or trial.arm:
        trial.add("milestone", _clock(ENROLLED, ENTERED), milestone="randomisation", arm=trial.arm)
    trial.add("milestone", _clock(ENROLLED, ENTERED), milestone="enrolment")
    # Whatever is done for the trial is done after consent: also a visit whose window begins before the screening.
    windows = [visit_window(trial, visit) for visit in program.visits]
    first = min([trial.screened, *(window[0] for window in windows if window is not None)])
    trial.add("milestone", shown_date(first - 1), milestone="consent", version=program.version)


def _enters(trial: Trial, before: int, known: Entrants, *, loosely: bool) -> Outcome:
    """Enrol a patient, the one who is known if there is one."""
    _begin(trial, before)
    begun = len(trial.events)
    if (before, loosely) not in known:
        outcome = _enrol(trial, loosely=loosely).outcome
        known[before, loosely] = outcome, tuple(trial.events[begun:])
        return outcome
    outcome, found = known[before, loosely]
    trial.events += found
    return outcome


def _enrol(trial: Trial, *, loosely: bool) -> Answer:
    """Find what lets a patient in who has consented."""
    program = trial.protocol.program
    claims = [passed(each) for each in program.criteria]
    claims += [
        failed(Compare(Fold("count", query), "at_least", Constant(exactly(1))))
        for rule in program.therapies
        for query in rule.select
        if query.window.start is None or trial.located(query.window.start) is not None
    ]
    if not claims:
        return Answer("possible")
    drugs = frozenset[str]().union(*(plan.drugs for plan in program.doses))

    def besides(reading: Translation) -> Iterable[Formula]:
        for each in reading.records.all:
            if isinstance(each.present, bool):
                continue
            before_screening = logic.is_less(each.time.last, trial.screened)
            # One who keeps to the plan is screened once, and enrolled once.
            if each.kind == "milestone":
                yield logic.no(each.present)
            if each.kind == "administration" and each.subject is not None:
                planned = each.subject.among(drugs)
                yield logic.implies(logic.both(each.present, planned), before_screening)
            if not loosely and each.kind in LASTING and each.kind != "condition" and each.ends is not None:
                yield logic.implies(each.present, logic.is_less(each.ends.last, trial.screened))

    return trial.extend(claims, ENROLLED, ENTERED, besides, "s")


# --- doses ------------------------------------------------------------------------------------------------------------


def _treat(trial: Trial) -> None:
    """Give every dose that is planned, the next one by date first, after the visits before it: gates may read them."""
    for _ in range(_MOST_SLOTS):
        upcoming = [each for plan in trial.protocol.program.doses if (each := _next(trial, plan)) is not None]
        if not upcoming:
            anchors = [each for plan in trial.protocol.program.doses if (each := _anchor(trial, plan)) is not None]
            if not anchors:
                return
            upcoming = anchors[:1]
        dose = min(upcoming, key=lambda each: each.day)
        _see(trial, dose.day)
        _give(trial, dose)


def _number(trial: Trial, plan: DosePlan) -> int:
    return sum(each.plan is plan for each in trial.doses) + 1


def _next(trial: Trial, plan: DosePlan) -> Appointment | None:
    number = _number(trial, plan)
    last = max(len(plan.planned), plan.times or (_ROLLING if plan.interval else 0))
    if number > last:
        return None
    if number <= len(plan.planned):
        when = trial.located(plan.planned[number - 1])
        planned = None if when is None else when.first
    else:
        assert plan.interval is not None
        planned = shifted(trial.doses_of(plan)[-1].day, plan.interval) if trial.doses_of(plan) else None
    slot = f"{plan.name}#{number}"
    if planned is None or not trial.concerns(plan.only_if, planned, slot, plan.stop_if):
        return None
    # Nobody is treated before enrolment, or before what the dates are counted from.
    earliest = max(ENROLLED, _base(trial, plan))
    return Appointment(slot, plan, number, max(permitted(plan, planned, trial.how), earliest))


def _base(trial: Trial, plan: DosePlan) -> int:
    """Give the date of the moment that the dates of a plan are counted from."""
    point = plan.planned[0]
    while isinstance(point, Shift):
        point = point.point
    when = trial.located(point) if isinstance(point, Moment) else None
    return ENROLLED if when is None else when.first


def permitted(plan: DosePlan, planned: int, how: How) -> int:
    """Give the day on which a patient of some habit gets a dose."""
    if how == "early":
        return shifted(planned, plan.early, earlier=True)
    return shifted(planned, plan.late) if how == "late" else planned


def _anchor(trial: Trial, plan: DosePlan) -> Appointment | None:
    """Give the first dose of a plan whose date it sets itself."""
    slot = f"{plan.name}#1"
    if _number(trial, plan) > 1 or plan.first_due is None or not trial.concerns(plan.only_if, ENROLLED, slot):
        return None
    due = trial.located(plan.first_due)
    start = trial.located(plan.first_due_from) if plan.first_due_from is not None else None
    first = ENROLLED + 1 if start is None else max(start.first, ENROLLED + 1)
    last = first if due is None else due.first
    day = {"plan": min(first + 1, last), "early": min(first, last), "late": last}[trial.how]
    return Appointment(slot, plan, 1, day)


def _give(trial: Trial, dose: Appointment) -> None:
    program, plan = trial.protocol.program, dose.plan
    claims = [met(program.gates[name].expr) for name in plan.gates if name in program.gates]
    claims += [met(part) for part in plan.premedication]
    drugs = frozenset[str]().union(*(each.drugs for each in program.doses))

    def besides(reading: Translation) -> Iterable[Formula]:
        for each in reading.records.all:
            if isinstance(each.present, bool):
                continue
            if each.kind == "administration" and each.subject is not None:
                yield logic.no(logic.both(each.present, each.subject.among(drugs)))
            if each.kind == "milestone":
                yield logic.no(each.present)
            # What clears a dose is found after enrolment, so that it changes nothing of what let the patient in.
            entered = at_instant(ENROLLED, ENTERED)
            yield logic.implies(each.present, logic.is_less(entered.low, each.time.low))

    _take_before(trial, dose)
    if not trial.reads(claims, dose.day, DOSED) and not _as_before(trial, dose, claims):
        answer = _cleared(trial, dose, claims, besides)
        if answer.impossible:
            trial.blocked.append(Blocked(dose, answer))
        elif not answer.possible:
            trial.unsure = trial.unsure or f"`{dose.slot}`: {answer.why}"
    rate = ""
    if plan.rate_at_most is not None and plan.rate_at_most.exact is not None:
        rate = f"{shown(plan.rate_at_most.exact)} {plan.rate_unit or plan.unit + '/h'}"
    amount = _amount(trial, dose)
    trial.add(
        "administration",
        _clock(dose.day, DOSED),
        drug=plan.drug if plan.drug in plan.drugs else min(plan.drugs),
        amount=amount,
        unit=plan.unit if amount else "",
        route=min(plan.routes, default=""),
        rate=rate,
        planned=dose.slot,
    )
    trial.doses.append(dose)


def _cleared(trial: Trial, dose: Appointment, claims: Sequence[Claim], besides: Besides) -> Answer:
    """Find what clears a dose: what is not so yet first, all at once only where that takes back something else."""
    waiting = [claim for claim in claims if not trial.reads((claim,), dose.day, DOSED)]
    prefix, begun = f"g{len(trial.doses)}.", list(trial.events)
    answer = trial.extend(waiting, dose.day, DOSED, besides, prefix)
    if answer.possible and not trial.reads(claims, dose.day, DOSED):
        trial.events = list(begun)
        answer = trial.extend(claims, dose.day, DOSED, besides, prefix)
    if answer.possible:
        known = {event.id for event in begun}
        trial.cleared[dose.plan.name] = dose.day, tuple(event for event in trial.events if event.id not in known)
    return answer


def _as_before(trial: Trial, dose: Appointment, claims: Sequence[Claim]) -> bool:
    """Clear a dose by what cleared the one before of the same name, so many days later."""
    if dose.plan.name not in trial.cleared:
        return False
    day, found = trial.cleared[dose.plan.name]
    by, begun = dose.day - day, list(trial.events)
    trial.events += [replace(_later(event, by), id=f"{event.id}+{by}") for event in found]
    if trial.reads(claims, dose.day, DOSED):
        return True
    trial.events = begun
    return False


_TIMES = ("start", "end")


def _later(event: Event, by: int) -> Event:
    """Give an event so many days later, in everything that is a time."""
    content = {key: _days_later(text, by) if key in _TIMES else text for key, text in event.content.items()}
    time = _days_later(event.time, by)
    return replace(event, time=time, available=time, content=content)


def _days_later(time: str, by: int) -> str:
    day, mark, clock = time.partition("T")
    when = parse_time(day, _ANY_ZONE)
    assert when is not None, "it was written as a time"
    return f"{shown_date(when.first + by)}{mark}{clock}"


def _amount(trial: Trial, dose: Appointment) -> str:
    """Give the amount that is planned, or what is reckoned of it with all that is known at the dose."""
    plan = dose.plan
    if plan.amount is not None and plan.amount.exact is not None:
        return shown(plan.amount.exact, 9)
    if any(each.of_last is not None for each in plan.amounts):
        return ""
    timeline = trial.timeline()
    start = timeline.zone.start_of(dose.day) + DOSED
    ranges = planned_amount(plan, None, Question(timeline, start, When(dose.day, dose.day, (start,)))).ranges
    low = ranges[0].low if len(ranges) == 1 else None
    return "" if low is None or low.low is None else shown(low.low, 9).removeprefix("~")


def _take_before(trial: Trial, dose: Appointment) -> None:
    """Take what is to be measured before the dose, on the last day that counts."""
    when = When(dose.day, dose.day, (_instant(trial, dose.day, DOSED),))
    for each in trial.protocol.program.assessments:
        if dose.plan.name not in each.before or each.window is None:
            continue
        end = trial.located(each.window.end, when)
        day = dose.day if end is None else min(end.first - (1 if each.window.before else 0), dose.day)
        for measure in each.measures:
            _measure(trial, (each, measure), _clock(day, DOSED - 60))


def _instant(trial: Trial, day: int, second: int) -> int:
    return trial.protocol.program.zone.start_of(day) + second


# --- visits -----------------------------------------------------------------------------------------------------------


def _see(trial: Trial, before: int | None = None) -> None:
    """Come to every visit whose window has a date, or to those before a date, and have everything measured there."""
    program = trial.protocol.program
    entry = [passed(each) for each in program.criteria]
    if not trial.reads(entry, ENROLLED, ENTERED):
        entry = []
    for visit in program.visits:
        window = visit_window(trial, visit)
        if window is None or trial.windows.get(visit.name) == window:
            continue
        day = visit_day(window, trial.how)
        if (before is not None and day >= before) or not trial.concerns(visit.only_if, window[1]):
            continue
        if visit.name in trial.windows:
            # What it is counted from has come about anew since.
            trial.events = [event for event in trial.events if event.content.get("visit") != visit.name]
            trial.silent.discard(visit.name)
        trial.windows[visit.name] = window
        _come(trial, visit, day, entry)


def _come(trial: Trial, visit: VisitPlan, day: int, entry: Sequence[Claim]) -> None:
    """Come to a visit on a day, and have everything measured there."""
    trial.earliest = min(trial.earliest, day)
    if day < trial.screened:
        trial.silent.add(visit.name)
    day = max(day, trial.screened)
    trial.visits[visit.name] = day
    second = _within(trial, visit, day)
    time = _clock(day, second)
    trial.seen[visit.name] = time
    trial.add("milestone", time, milestone="visit", visit=visit.name)
    # What lets the patient in was found already: a value that is made up here is not to keep him out.
    kept = entry if (day, second) <= (ENROLLED, ENTERED) else []
    begun = list(trial.events)
    for each in trial.protocol.program.assessments:
        if visit.name in each.visits:
            for measure in each.measures:
                if not _measure(trial, (each, measure), time, visit=visit.name, entry=kept):
                    trial.silent.add(visit.name)
    if visit.name in trial.silent:
        trial.events = begun


def _within(trial: Trial, visit: VisitPlan, day: int) -> int:
    """Give a time of day inside the window, where a moment that has a time begins or ends it."""
    zone = trial.protocol.program.zone
    start, end = trial.located(visit.window.start), trial.located(visit.window.end)
    if end is not None and end.instants and end.first == day:
        return min(_LOOKED, end.instants[0] - zone.start_of(day) - 60)
    if start is not None and start.instants and start.first == day:
        return max(_LOOKED, start.instants[0] - zone.start_of(day) + 60)
    return _LOOKED


def visit_window(trial: Trial, visit: VisitPlan) -> tuple[int, int, int] | None:
    """Give the first and last day of a visit's window, and its planned day, or one in the window."""
    start, end, on = (trial.located(point) for point in (visit.window.start, visit.window.end, visit.on))
    if start is None and end is None and on is None:
        return None
    first = None if start is None else start.first + (1 if visit.window.after else 0)
    last = None if end is None else end.first - (1 if visit.window.before else 0)
    known = next(day for day in (None if on is None else on.first, last, first) if day is not None)
    return (known if first is None else first, known if last is None else last, known)


def visit_day(window: tuple[int, int, int], how: How) -> int:
    """Give the day on which a patient of some habit comes."""
    first, last, planned = window
    return {"plan": planned, "early": first, "late": last}[how]


def _measure(
    trial: Trial, of: tuple[AssessmentPlan, str], time: str, *, visit: str = "", entry: Sequence[Claim] = ()
) -> bool:
    """Take a value with which the patient still enters: the last one there is, a usual one, or one that will do."""
    plan, measure = of
    term = trial.protocol.program.vocabulary.get(measure)
    if term is None:
        return True
    last = _last_value(trial, measure, time)
    method = min(plan.methods.get(measure, ()), default="")
    for value, unit in (*([last] if last else []), _usual(term), *(_others(term) if entry else ())):
        trial.add("observation", time, measure=measure, value=value, unit=unit, visit=visit, method=method)
        if not entry or trial.reads(entry, ENROLLED, ENTERED):
            return True
        trial.events.pop()
    return False


def _last_value(trial: Trial, measure: str, time: str) -> tuple[str, str] | None:
    """Give the last value of a measure up to a time, or else the first one after it."""
    found = [
        (event.time, event.content["value"], event.content.get("unit", ""))
        for event in sorted(trial.events, key=lambda event: event.time)
        if event.content.get("measure") == measure and "value" in event.content and "absent" not in event.content
    ]
    before = [each for each in found if each[0] <= time]
    chosen = before[-1] if before else found[0] if found else None
    return None if chosen is None else chosen[1:]


def _usual(term: Term) -> tuple[str, str]:
    if term.coded:
        return min(term.values), ""
    for low, high in term.ranges.values():
        if low is not None and high is not None:
            return shown((low + high) / 2, 9).removeprefix("~"), term.unit
    low, high = term.possible.low, term.possible.high
    middle = Fraction(int(((low or Fraction(0)) + (high if high is not None else Fraction(10))) / 2))
    inside = (low is None or low <= middle) and (high is None or middle <= high)
    return shown(middle if inside else low or Fraction(0), 9), term.unit if term.unit != "1" else ""


def _others(term: Term) -> Iterable[tuple[str, str]]:
    """Give values of every size that a measure has, small ones first."""
    if term.coded:
        yield from ((word, "") for word in sorted(term.values))
        return
    low, high = term.possible.low, term.possible.high
    for value in (Fraction(0), *(Fraction(10) ** power for power in range(-2, 5))):
        if (low is None or low <= value) and (high is None or value <= high):
            yield shown(value, 9), term.unit if term.unit != "1" else ""


# --- times ------------------------------------------------------------------------------------------------------------


def shifted(day: int, by: Duration, *, earlier: bool = False) -> int:
    """Move a date by days, months or years."""
    return moved(on_date(day), Shift(Fixed(day), by, earlier), _ANY_ZONE).first


def _clock(day: int, second: int) -> str:
    return f"{shown_date(day)}T{second // 3600:02}:{second // 60 % 60:02}"


def end_of(trial: Trial) -> int:
    """Give an instant when all is over."""
    zone = trial.protocol.program.zone
    days = [parse_time(event.time, zone) for event in trial.events]
    return zone.end_of(max((when.last for when in days if when is not None), default=ENROLLED) + 90)


def asked_at(day: int, second: int) -> Time:
    """Give an instant of a day."""
    return at_instant(day, second)
