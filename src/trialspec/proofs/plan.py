"""The plan of a protocol: whether it can be kept, whether doses are cleared in time, and who is told off.

Three patients are followed, all eligible: one keeps to the planned days, one to the first and one to the last that are
permitted. What the engine itself then says of them is what is reported.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from trialspec import findings
from trialspec.interpreters.reading import Question
from trialspec.kernel import Select, parts_of
from trialspec.proofs.alarms import last_day, told_off
from trialspec.proofs.compliant import (
    DOSED,
    ENROLLED,
    ENTERED,
    Appointment,
    Entrants,
    Trial,
    arms,
    asked_at,
    follow,
    shifted,
    visit_window,
)
from trialspec.proofs.finding import Finding, Report, Severity, answered, clause
from trialspec.proofs.finding import Question as Asked
from trialspec.solver import logic
from trialspec.solver.asking import Answer, Asker, Besides, Claim, failed, met
from trialspec.solver.records import subjects_of
from trialspec.solver.settled import is_sharp, record
from trialspec.solver.witness import PATIENT
from trialspec.times import When, Zone, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialspec.diagnostics import Place
    from trialspec.evaluation import Protocol
    from trialspec.kernel import Expr, Window
    from trialspec.program import DosePlan, Program
    from trialspec.proofs.compliant import How
    from trialspec.solver.logic import Formula
    from trialspec.solver.translation import Translation

_NEVER = {"not_due"}
_OTHERWISE: tuple[How, ...] = ("early", "late")


def plan(protocol: Protocol, limit: int, report: Report) -> None:
    """Ask all that is asked of the plan; nothing where nobody can be eligible."""
    program = protocol.program
    if not (program.doses or program.visits):
        return
    told, spared, known = set[str](), set[str](), Entrants()
    ways = arms(protocol)
    for arm in ways:
        report.step(f"a patient treated on the planned days{_in(arm)}")
        on_plan = follow(protocol, "plan", limit, arm=arm, known=known)
        if on_plan is None:
            _nobody(program, report)
            return
        if on_plan.unsure:
            message = f"whether every dose can be cleared is not proved: {on_plan.unsure}"
            report.found(Finding("not-proved", "plan", message, program.place, "note", "nothing is wrong by that"))
        told |= told_off(on_plan, report, told, spared)
        _blocked(on_plan, report)
        _fresh(on_plan, report)
        _for_whom(on_plan, report)
        if arm == ways[0]:
            _decided(on_plan, report)
        _due(on_plan, report, told)
    for how, arm in product(_OTHERWISE, ways):
        report.step(f"a patient treated as {how} as is permitted{_in(arm)}")
        trial = follow(protocol, how, limit, arm=arm, known=known)
        if trial is not None:
            told |= told_off(trial, report, told, spared)


def _in(arm: str) -> str:
    return f" in arm {arm}" if arm else ""


def _nobody(program: Program, report: Report) -> None:
    """Say that the plan was not asked about; that nobody can be eligible is said of the criteria."""
    report.whole = False
    report.questions.append(Asked("plan", "the plan can be kept", "not asked: nobody eligible was found"))
    if not any(each.code == "nobody-eligible" for each in report.findings):
        message = "whether the plan can be kept is not proved: no patient was found who is eligible and keeps to it"
        advice = "nothing is wrong by that"
        report.found(Finding("not-proved", "plan", message, program.place, "note", advice))


# --- gates ------------------------------------------------------------------------------------------------------------


def _gates(program: Program, dose: DosePlan) -> list[tuple[str, Expr, Place | None]]:
    return [(name, gate.expr, gate.place) for name in dose.gates if (gate := program.gates.get(name)) is not None]


def _blocked(trial: Trial, report: Report) -> None:
    """Report the doses that nobody can get on plan, the first of each gate."""
    program = trial.protocol.program
    said: set[str] = set()
    for each in trial.blocked:
        dose = each.appointment
        for name, expr, place in _gates(program, dose.plan):
            if name in said or Asker(program, (expr,), 2, trial.limit).ask(met(expr)).impossible:
                continue  # that nothing meets it is said of the gate itself
            if _at_dose(trial, dose, [met(expr)], None).impossible:
                said.add(name)
                message = f"when everything goes to plan `{dose.slot}` is never cleared: `{name}` cannot be met by then"
                advice = "look at its limit, and at what is planned before the dose"
                clauses = clause(dose.plan.place, f"`{dose.slot}` is planned here")
                report.found(
                    Finding(
                        "plan-breaks-gate",
                        f"{name} {dose.slot}",
                        message,
                        place,
                        "error",
                        advice,
                        clauses,
                        str(each.answer),
                    )
                )


def _at_dose(trial: Trial, dose: Appointment, claims: Sequence[Claim], besides: Besides | None) -> Answer:
    """Ask at the start of a dose, with all that was planned before it as it is, and values open."""
    program, timeline = trial.protocol.program, trial.timeline()
    zone = timeline.zone
    start = zone.start_of(dose.day) + DOSED
    fixed = tuple(
        record(item, zone)
        for item in timeline.items
        if item.kind != "observation" and is_sharp(item) and item.when.span(zone)[0] < start
    )
    exprs = tuple(claim.expr for claim in claims)
    drugs = frozenset[str]().union(*(each.drugs for each in program.doses))

    def also(reading: Translation) -> Iterable[Formula]:
        # Another screening or randomisation would be another plan.
        for each in reading.records.all:
            planned = each.kind == "administration" and each.subject is not None and each.subject.among(drugs)
            if not isinstance(each.present, bool) and (each.kind == "milestone" or planned is not False):
                yield logic.no(logic.both(each.present, each.kind == "milestone" or planned))
        yield from besides(reading) if besides is not None else ()

    asker = Asker(program, exprs, 2, trial.limit, fixed, besides=also, at=asked_at(dose.day, DOSED))
    return asker.bare(*claims)


def _fresh(trial: Trial, report: Report) -> None:
    """Report gates that no value collected as planned can answer, on any day of the dose's window."""
    program = trial.protocol.program
    if not program.assessments:
        return  # what is collected is not said
    said: set[str] = set()
    blocked = {each.appointment.slot for each in trial.blocked}
    for dose in _ends(trial):
        for name, expr, place in _gates(program, dose.plan):
            if name in said or dose.slot in blocked or not _measures(expr):
                continue
            answer = _on_any_day(trial, dose, expr)
            asked = f"`{name}` can be met at `{dose.slot}` by what the schedule collects"
            report.questions.append(answered(name, asked, answer))
            if answer.impossible:
                said.add(name)
                severity: Severity = "warning" if _measures(expr) <= _collected(program) else "note"
                what = " or ".join(f"`{measure}`" for measure in sorted(_measures(expr)))
                message = f"`{dose.slot}` is never cleared by the schedule: no planned {what} lies where `{name}` looks"
                advice = "plan it before the dose under `assessments`, or widen the window of the gate"
                clauses = (
                    *clause(dose.plan.place, f"`{dose.slot}` is planned here"),
                    *(
                        pair
                        for each in program.assessments
                        if set(each.measures) & _measures(expr)
                        for pair in clause(each.place, "it is collected here")
                    ),
                )
                report.found(Finding("gate-never-fresh", name, message, place, severity, advice, clauses, str(answer)))


def _collected(program: Program) -> frozenset[str]:
    """Give all that some assessment takes."""
    names = (program.vocabulary.under(measure) for each in program.assessments for measure in each.measures)
    return frozenset[str]().union(*names)


def _ends(trial: Trial) -> list[Appointment]:
    """Give the first and the last dose of every plan: those between are like them."""
    own = [trial.doses_of(plan) for plan in trial.protocol.program.doses]
    return [dose for doses in own if doses for dose in dict.fromkeys((doses[0], doses[-1]))]


def _on_any_day(trial: Trial, dose: Appointment, expr: Expr) -> Answer:
    """Ask whether a statement can be met on some day of a dose's window by what is collected by plan."""
    answer = Answer("impossible")
    for day in _days(dose):
        moved = replace(dose, day=day)
        answer = _at_dose(trial, moved, [met(expr)], _as_planned(trial, moved))
        if not answer.impossible:
            return answer
    return answer


def _days(dose: Appointment) -> list[int]:
    first, last = shifted(dose.day, dose.plan.early, earlier=True), shifted(dose.day, dose.plan.late)
    return list(dict.fromkeys((dose.day, first, last)))


def _measures(expr: Expr) -> frozenset[str]:
    """Give the measures that a statement reads."""
    found = (subjects_of(query) for query in parts_of(expr, Select) if query.kind == "observation")
    return frozenset[str]().union(*(names for names in found if names))


Occasion = tuple[frozenset[str], int, int]


def _as_planned(trial: Trial, dose: Appointment | None) -> Besides:
    """Say that everything that is measured is measured as planned: at visits, and before doses."""
    occasions = _occasions(trial, dose)

    def besides(reading: Translation) -> Iterable[Formula]:
        for each in reading.records.by_kind.get("observation", ()):
            if isinstance(each.present, bool) or each.subject is None:
                continue
            day = each.time.first
            fitting = (
                logic.both(each.subject.among(names), logic.is_most(first, day), logic.is_most(day, last))
                for names, first, last in occasions
            )
            yield logic.implies(each.present, logic.some(fitting))

    return besides


def _occasions(trial: Trial, dose: Appointment | None) -> list[Occasion]:
    """Give what is measured when, by plan."""
    program = trial.protocol.program
    found: list[Occasion] = []
    for each in program.assessments:
        names = frozenset[str]().union(*(program.vocabulary.under(measure) for measure in each.measures))
        windows = [visit_window(trial, visit) for visit in program.visits if visit.name in each.visits]
        found += [(names, window[0], window[1]) for window in windows if window is not None]
        # A dose that is asked about on another day is there but once.
        doses = [one for one in trial.doses if dose is None or one.slot != dose.slot] + ([dose] if dose else [])
        if each.window is not None:
            before = [one for one in doses if one.plan.name in each.before]
            found += [(names, *_before(trial, each.window, one.day)) for one in before]
    return found


def _before(trial: Trial, window: Window, day: int) -> tuple[int, int]:
    """Give the first and last day of a window that belongs to a dose."""
    when = When(day, day, (trial.protocol.program.zone.start_of(day) + DOSED,))
    start, end = trial.located(window.start, when), trial.located(window.end, when)
    last = day if end is None else end.first - (1 if window.before else 0)
    return (last - _LONG if start is None else start.first + (1 if window.after else 0)), last


_LONG = 3650


# --- doses for some patients ------------------------------------------------------------------------------------------


def _for_whom(trial: Trial, report: Report) -> None:
    """Report doses for some patients of which nobody can tell by the last day permitted for whom they are."""
    program = trial.protocol.program
    for plan in program.doses:
        of = f"{plan.name}#1"
        if plan.only_if is None or any(each.of == of and each.code == _LATE for each in report.findings):
            continue
        last = last_day(trial, plan, of)
        if last is None or last < ENROLLED:
            continue
        dose = Appointment(of, plan, 1, last)
        besides = _as_planned(trial, dose) if program.assessments else None
        answer = _at_dose(trial, dose, [met(plan.only_if)], besides)
        if answer.impossible:
            answer = _at_dose(trial, dose, [failed(plan.only_if)], besides)
        report.questions.append(answered(of, f"it can be told by its last day for whom `{of}` is", answer))
        if answer.impossible:
            message = f"for whom `{of}` is cannot be told by the last day on which it is permitted"
            advice = "plan what decides it before that day, or the dose later"
            report.found(Finding(_LATE, of, message, plan.only_if.place, "warning", advice, (), str(answer)))


_LATE = "not-decided-in-time"


# --- eligibility ------------------------------------------------------------------------------------------------------


def _decided(trial: Trial, report: Report) -> None:
    """Report criteria that nobody can answer at enrolment with what is collected by then."""
    program, timeline = trial.protocol.program, trial.timeline()
    if not program.assessments:
        return
    zone = timeline.zone
    entered = zone.start_of(ENROLLED) + ENTERED
    fixed = tuple(
        record(item, zone)
        for item in timeline.items
        if item.kind == "milestone" and is_sharp(item) and item.when.span(zone)[0] <= entered
    )
    collected = _collected(program)
    nowhere: dict[str, frozenset[str]] = {}
    for each in program.criteria:
        asked_for = _asked_of_others(program, each.expr)
        if asked_for - collected:
            nowhere[each.name] = asked_for - collected
        if not asked_for or asked_for - collected:
            continue

        def decided(besides: Besides | None, expr: Expr = each.expr) -> Answer:
            at = asked_at(ENROLLED, ENTERED)
            asker = Asker(program, (expr,), 2, trial.limit, fixed, besides=besides, at=at)
            can = asker.bare(met(expr))
            return asker.bare(failed(expr)) if can.impossible else can

        answer = decided(_as_planned(trial, None))
        asked = f"`{each.name}` can be decided at enrolment from what the schedule collects"
        report.questions.append(answered(each.name, asked, answer))
        if answer.impossible and not decided(None).impossible:
            what = " or ".join(f"`{measure}`" for measure in sorted(_measures(each.expr)))
            message = f"`{each.name}` cannot be decided at enrolment: no {what} is planned by then where it looks"
            advice = "plan it at a visit before enrolment, or look at the window of the criterion"
            report.found(
                Finding("not-decided-in-time", each.name, message, each.place, "warning", advice, (), str(answer))
            )
    _not_collected(program, nowhere, report)


def _not_collected(program: Program, nowhere: dict[str, frozenset[str]], report: Report) -> None:
    """Say once which criteria read what no assessment takes: most often the plan is not written out there."""
    if nowhere:
        places = {each.name: each.place for each in program.criteria}
        first, *others = nowhere
        what = ", ".join(f"`{name}`" for name in sorted(frozenset[str]().union(*nowhere.values())))
        listed = ", ".join(f"`{name}`" for name in nowhere)
        reads = "read" if others else "reads"
        message = f"{listed} {reads} what no assessment takes: {what}"
        advice = "plan it at a visit before enrolment, or accept this if the plan is not written out there"
        clauses = tuple(pair for name in others for pair in clause(places[name], "this does too"))
        report.found(Finding("not-decided-in-time", "eligibility", message, places[first], "note", advice, clauses))


def _asked_of_others(program: Program, expr: Expr) -> frozenset[str]:
    """Give the measures that a statement reads, but for those that the investigator judges."""
    terms = {name: program.vocabulary.get(name) for name in _measures(expr)}
    return frozenset(name for name, term in terms.items() if term is None or term.asked_of != "investigator")


# --- due --------------------------------------------------------------------------------------------------------------


def _due(trial: Trial, report: Report, known: set[str]) -> None:
    """Report doses and visits that nobody is ever told of: by themselves they are never due."""
    program = trial.protocol.program
    told = " ".join(each.message for each in trial.protocol.warnings if each.code == "never-due")
    for dose in trial.doses:
        states = _states(trial, "dose", dose.slot, program.zone.start_of(dose.day) + DOSED, dose.plan.late.days or 0)
        if states == _NEVER and f"`{dose.plan.name}`" not in told and dose.slot not in known:
            message = f"`{dose.slot}` is never due by itself: it stays not due for as long as nobody records it"
            advice = "state up to when it is due under `first_due`"
            report.found(Finding("never-due", dose.slot, message, dose.plan.place, "warning", advice))
    for visit in program.visits:
        if visit.name not in trial.visits:
            continue
        window = visit_window(trial, visit)
        late = 0 if window is None else max(0, window[1] - trial.visits[visit.name])
        states = _states(trial, "visit", visit.name, _begins(trial.seen[visit.name], program.zone), late)
        if states == _NEVER and f"`{visit.name}`" not in told and visit.name not in known:
            message = f"the visit `{visit.name}` is never due by itself: it stays not due until somebody records it"
            advice = "state up to when it is due under `first_due`"
            report.found(Finding("never-due", visit.name, message, visit.place, "warning", advice))


def _states(trial: Trial, subject: str, name: str, own: int, late: int) -> set[str]:
    """Give how something stands from its own instant on, if nothing is recorded from then on."""
    protocol, zone = trial.protocol, trial.protocol.program.zone
    # Where a patient stands in the trial is known by then; what is asked is who tells of the dose or visit itself.
    before = [
        event
        for event in trial.events
        if name not in {event.content.get("planned"), event.content.get("visit")}
        and (_begins(event.time, zone) <= own or event.kind == "milestone")
    ]
    timeline = protocol.timeline(before, PATIENT)
    day = zone.date_of(own)
    found = set()
    group = next(each for each in findings.groups(protocol.program) if each.name == f"{subject}s")
    for at in dict.fromkeys((own, zone.end_of(day + late), zone.end_of(day + late + 1))):
        for each in group.some(Question(timeline, at), frozenset({name})):
            if each.subject == subject:
                found.add(str(each.fields["state"]))
    return found


def _begins(time: str, zone: Zone) -> int:
    """Give the first instant of a time."""
    when = parse_time(time, zone)
    assert when is not None, "it was read before"
    return when.span(zone)[0]
