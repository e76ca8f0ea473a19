"""Alarms about how a patient fares: whether they are raised for everybody who keeps to the plan, or for one of them.

What a criterion, a gate, a component or a category reads is nothing that a plan can keep: of another patient who keeps
to it the values are others. So such an alarm is a fault of the protocol only if no values and no other records spare
anybody: it would fire for every patient who does all right. Whatever is planned is as it is, everything else is open,
but for what lets a patient in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.proofs.beside import passed
from trialspec.proofs.compliant import ENROLLED, ENTERED, asked_at, end_of
from trialspec.proofs.difference import entry
from trialspec.rulebook.plain import holds
from trialspec.solver import logic
from trialspec.solver.asking import Answer, Asker, Claim, failed, met
from trialspec.solver.settled import is_sharp, record
from trialspec.solver.translation import Translation
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialspec.alerts import Episode
    from trialspec.findings.finding import Finding
    from trialspec.kernel import Expr
    from trialspec.program import Program
    from trialspec.proofs.compliant import Trial
    from trialspec.solver.logic import Formula

# Which field tells how a patient fares, of each subject that does.
_FARES = {
    "criterion": "verdict",
    "gate": "verdict",
    "component": "verdict",
    "category": "category",
    "eligibility": "now",
}
_VERDICTS: Mapping[str, Verdict] = {"met": MET, "not_met": NOT_MET, "unknown": UNKNOWN}
_ENTRY: Mapping[str, Verdict] = {"eligible": MET, "ineligible": NOT_MET, "undetermined": UNKNOWN}


def fares(episode: Episode) -> bool:
    """Whether an alarm is about how a patient fares, not about what is done."""
    return episode.rule.for_each in _FARES


def unavoidable(trial: Trial, episode: Episode) -> Answer | None:
    """Say how it is proved that everybody who keeps to the plan raises an alarm; nothing where somebody may not."""
    others = _others(trial.protocol.program, episode)
    if others is None:
        return None
    if not others:
        return Answer("impossible")
    for instant in _instants(trial, episode):
        answers = [_on_plan(trial, instant, claims) for claims in others]
        if all(answer.impossible for answer in answers):
            return next((answer for answer in answers if answer.bound is not None), answers[0])
    return None


def _others(program: Program, episode: Episode) -> list[tuple[Claim, ...]] | None:
    """Give every way to fare in which the rule would not hold, as claims; nothing where that cannot be said."""
    finding, rule = episode.finding, episode.rule
    field = _FARES[rule.for_each]
    ways = _ways(program, finding)
    if ways is None:
        return None
    return [claims for word, claims in ways if not holds(rule, {**finding.fields, field: word})]


def _ways(program: Program, finding: Finding) -> list[tuple[str, tuple[Claim, ...]]] | None:
    """Give every word that the field can have for somebody who keeps to the plan, and what makes it so."""
    match finding.subject:
        case "criterion":
            return _verdicts(next(each.expr for each in program.criteria if each.name == finding.name))
        case "gate":
            return _verdicts(program.gates[finding.name].expr)
        case "component":
            named = {
                f"{each.name}@{part.visit}/{part.name}": part for each in program.responses for part in each.components
            }
            return _verdicts(named[finding.name].expr)
        case "category":
            return _categories(program, finding)
        case "eligibility" if finding.fields["enrolled"] == "no":
            expr = entry(program)
            return [(word, (Claim(expr, frozenset({verdict})),)) for word, verdict in _ENTRY.items()]
        case "eligibility" if finding.fields["at_enrolment"] == "eligible":
            return []  # whoever keeps to the plan is eligible
    return None


def _verdicts(expr: Expr) -> list[tuple[str, tuple[Claim, ...]]]:
    return [(word, (Claim(expr, frozenset({verdict})),)) for word, verdict in _VERDICTS.items()]


def _categories(program: Program, finding: Finding) -> list[tuple[str, tuple[Claim, ...]]]:
    """Give the categories; of one who keeps to the plan everything is known, so one of them is the answer."""
    name, _, visit = finding.name.partition("@")
    response = next(each for each in program.responses if each.name == name)
    parts = [each for each in response.categories if each.visit == visit]
    earlier: list[Claim] = []
    found = []
    for part in parts:
        own = () if part.when is None else (met(part.when),)
        found.append((part.name, (*earlier, *own)))
        earlier += [] if part.when is None else [failed(part.when)]
    return found


def _instants(trial: Trial, episode: Episode) -> Iterator[int]:
    """Give instants at which the rule holds: when it began to, when the patient was let in, and the end."""
    zone = trial.protocol.program.zone
    for instant in dict.fromkeys((episode.opened, zone.start_of(ENROLLED) + ENTERED, end_of(trial))):
        begun = instant is not None and (episode.opened is None or episode.opened <= instant)
        if instant is not None and begun and (episode.closed is None or instant < episode.closed):
            yield instant


def _on_plan(trial: Trial, instant: int, claims: Sequence[Claim]) -> Answer:
    """Ask at an instant of anybody who was let in, and of whom all that is planned by then is as it is."""
    program, timeline = trial.protocol.program, trial.timeline()
    zone = timeline.zone
    planned = {event.id for event in trial.events if event.kind == "milestone" or "planned" in event.content}
    fixed = tuple(
        record(item, zone)
        for item in timeline.items
        if (item.sources or {item.id}) <= planned and is_sharp(item) and item.when.span(zone)[0] <= instant
    )
    day = zone.date_of(instant)
    at = asked_at(day, instant - zone.start_of(day))
    drugs = frozenset[str]().union(*(plan.drugs for plan in program.doses))
    entered = zone.start_of(ENROLLED) + ENTERED
    lets_in = [passed(each) for each in program.criteria] if instant >= entered else []
    exprs = (*(claim.expr for claim in claims), *(claim.expr for claim in lets_in))

    def besides(reading: Translation) -> Iterable[Formula]:
        for each in reading.records.all:
            if isinstance(each.present, bool):
                continue
            if each.kind == "milestone":
                yield logic.no(each.present)
            if each.kind == "administration" and each.subject is not None:
                ours = logic.both(each.present, each.subject.among(drugs))
                yield logic.implies(ours, logic.is_less(each.time.last, trial.screened))
        if lets_in:
            then = Translation(reading.records, asked_at(ENROLLED, ENTERED), label="at entry ")
            yield from [claim.formula(then.fact(claim.expr)) for claim in lets_in]
            yield from then.laws

    return Asker(program, exprs, 2, trial.limit, fixed, besides=besides, at=at).bare(*claims)
