"""Who keeps the plan is not told off: what is raised for a patient who did nothing but what is planned is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.proofs.compliant import end_of, follow, shifted
from trialspec.proofs.finding import Finding, Question, Report, clause
from trialspec.proofs.unavoidable import fares, unavoidable
from trialspec.solver.witness import PATIENT, Witness

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialspec.alerts import Episode
    from trialspec.diagnostics import Place
    from trialspec.program import DosePlan, Program
    from trialspec.proofs.compliant import Trial
    from trialspec.solver.asking import Answer

_HABITS = {"plan": "on the planned days", "early": "on the first days permitted", "late": "on the last days permitted"}
_TOO_LATE = frozenset({"interval", "after_course"})


def told_off(trial: Trial, report: Report, known: set[str], spared: set[str]) -> set[str]:
    """Report the alerts that are raised for a patient who did nothing but what is planned; give their subjects.

    Of subjects that are `known` it was said before; by a rule from whose alarm somebody is `spared` nothing is.
    """
    program, at = trial.protocol.program, end_of(trial)
    alarms = tuple(_alarms(trial, at))
    by_chance = _by_chance(trial, alarms)
    raised: dict[str, list[Episode]] = {}
    proved: dict[str, Answer] = {}
    for episode in alarms:
        subject = episode.key.subject
        if subject in known or episode.finding.name in by_chance:
            continue
        if fares(episode):
            asked = f"{episode.rule.name} {subject}"
            nobody_spared = None if asked in spared else unavoidable(trial, episode)
            if nobody_spared is None:
                spared.add(asked)
                continue
            proved[subject] = nobody_spared
        raised.setdefault(subject, []).append(episode)
    for subject, episodes in raised.items():
        sure = "shown by a patient"
        if subject in proved:
            sure = f"{sure}; that it is raised for everybody who keeps to the plan is {proved[subject]}"
        report.found(_alarm(trial, program, episodes, Witness(tuple(trial.events), at), sure))
    told = f"nothing is raised for a patient treated {_HABITS[trial.how]}"
    report.questions.append(Question("plan", told, f"{len(raised)} raised" if raised else "shown by a patient"))
    return set(raised)


def _alarms(trial: Trial, at: int) -> Iterator[Episode]:
    """Give what is raised for a patient, but for what could not be kept for reasons of this patient."""
    blocked = {each.appointment.slot for each in trial.blocked}
    for episode in trial.protocol.report(trial.events, PATIENT, at=at).alerts.values():
        if not _is_alarm(episode) or episode.finding.name in blocked:
            continue
        about = episode.finding.name.partition("@")[2].partition("/")[0] or episode.finding.name
        if about in trial.silent:
            continue
        if trial.unsure and episode.finding.fields.get("gate") in {"not_met", "unknown"}:
            continue
        yield episode


def _is_alarm(episode: Episode) -> bool:
    """Whether an alert says that something went wrong: what is due, held or asked does not, nor a note in the log."""
    rule = episode.rule
    return bool(rule.category) or (rule.lasts == "for_ever" and rule.urgency != "log")


def _by_chance(trial: Trial, alarms: Sequence[Episode]) -> set[str]:
    """Name the doses for some patients that are missed or extra since values were found for them only after the dose.

    Who is followed gets his doses first. Where he would have been treated otherwise, had the values been there, he is:
    what is raised either way is no chance.
    """
    plans = {plan.name: plan for plan in trial.protocol.program.doses if plan.only_if is not None}
    given = {each.slot: each for each in trial.doses}
    doubtful: dict[str, set[str]] = {}
    for each in alarms:
        slot = each.finding.name
        plan = plans.get(slot.partition("#")[0])
        if each.finding.subject != "dose" or plan is None:
            continue
        extra = _words(each.finding.fields.get("departure", "")) == {"extra"}
        day = given[slot].day if slot in given else last_day(trial, plan, slot)
        meant = day is None or trial.concerns(plan.only_if, day)
        if (slot in given and extra and not meant) or (slot not in given and meant):
            doubtful.setdefault(plan.name, set()).add(slot)
    found = set[str]()
    for slots in doubtful.values():
        again = follow(
            trial.protocol,
            trial.how,
            trial.limit,
            arm=trial.arm,
            known=trial.entrants,
            otherwise={slot: slot not in given for slot in slots},
        )
        told = set[str]() if again is None else {each.finding.name for each in _alarms(again, end_of(again))}
        found |= slots - told
    return found


def last_day(trial: Trial, plan: DosePlan, slot: str) -> int | None:
    """Give the last day on which a dose is permitted, if that is planned from a moment."""
    number = slot.partition("#")[2]
    if not number.isdigit() or int(number) > len(plan.planned):
        return None
    when = trial.located(plan.planned[int(number) - 1])
    return None if when is None else shifted(when.first, plan.late)


def _alarm(trial: Trial, program: Program, episodes: Sequence[Episode], witness: Witness, sure: str) -> Finding:
    """Say what is raised for one subject, and what contradicts it."""
    finding, rule, subject = episodes[0].finding, episodes[0].rule, episodes[0].key.subject
    rules = list(dict.fromkeys(each.rule for each in episodes))
    named = " and ".join(f"`{each.name}`" for each in rules)
    is_ = "are" if len(rules) > 1 else "is"
    place: Place | None = finding.place or rule.place
    clauses = tuple(pair for each in rules for pair in clause(each.place, f"`{each.name}` is raised by this"))
    departed = frozenset[str]().union(*(_words(each.finding.fields.get("departure", "")) for each in episodes))
    planned = _planned_therapy(trial, finding.because)
    if finding.subject == "therapy" and finding.fields.get("prohibited") == "yes" and planned:
        prohibited = [each for each in program.therapies if each.role == "prohibited"]
        where = next((each.place for each in prohibited if each.name in finding.facts.get("rules", "")), place)
        message = f"`{planned}` is planned, and it is prohibited at that time"
        own = [each for each in program.doses if planned.startswith(f"{each.name}#")]
        clauses = tuple(pair for each in own for pair in clause(each.place, "it is planned here"))
        advice = "narrow what is prohibited, by its drugs or its window"
        return Finding("dose-prohibited", planned, message, where, "error", advice, clauses, sure, witness)
    if trial.how == "plan":
        message = f"{named} {is_} raised for `{subject}` of a patient of whom everything went as planned"
        advice = "two parts of the protocol contradict each other, or the rule asks too much"
        return Finding("alert-on-plan", subject, message, place, "error", advice, clauses, sure, witness)
    if departed & _TOO_LATE and finding.subject == "dose" and trial.how == "late":
        after = "the end of the course" if "after_course" in departed else "the least time between doses"
        message = f"where doses are given on the last days of their windows `{subject}` does not keep {after}"
        advice = "count it from the dose before, or shorten the windows"
        if program.course is not None and "after_course" in departed:
            clauses = clause(program.course.place, "the course ends here")
            advice = "let the course end later, or shorten the windows"
        return Finding("delay-cascades", subject, message, place, "warning", advice, clauses, sure, witness)
    message = f"{named} {is_} raised for `{subject}` of a patient treated {_HABITS[trial.how]}"
    advice = "what one part of the protocol permits another counts as a deviation"
    return Finding("alert-in-window", subject, message, place, "warning", advice, clauses, sure, witness)


def _words(value: str | frozenset[str]) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset({value})


def _planned_therapy(trial: Trial, because: frozenset[str]) -> str:
    """Name the planned dose that a therapy is, if it is one."""
    for event in trial.events:
        if event.id in because and event.kind == "administration" and "planned" in event.content:
            return event.content["planned"]
    return ""
