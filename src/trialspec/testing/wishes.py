"""What may be wished for of a patient, and what a protocol has to wish for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trialspec.program import DosePlan, Program
from trialspec.testing.searching import UnreachableError

NOT_EVALUABLE = "not_evaluable"
# What may be wished of a dose.
DEPARTURES = (
    *("late", "early", "amount", "drug", "route", "rate", "interval", "premedication"),
    *("gate_not_met", "gate_unknown", "after_stop", "after_course", "extra", "missed", "not_given"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a patient is to be like.

    `eligible`: at enrolment; `None` for as it comes. `failing` is the criterion by which a patient is ineligible,
    `undetermined_by` the one that is open (the others are as they should be). `departing` says by slot how its dose
    departs, `response` by response and visit (`abstract@week_24`) the category. `treated` gives all doses.
    """

    eligible: bool | None = True
    failing: str = ""
    undetermined_by: str = ""
    departing: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, str] = field(default_factory=dict)
    treated: bool = False


def checked(program: Program, wish: Wish) -> None:
    """Refuse names that the protocol does not have, with those that it has."""
    criteria = [each.name for each in program.criteria]
    for name in (wish.failing, wish.undetermined_by):
        if name and name not in criteria:
            raise UnreachableError(f"there is no criterion `{name}`; there are {', '.join(criteria) or 'none'}")
    there = slots(program)
    for slot, word in wish.departing.items():
        if slot not in there:
            raise UnreachableError(f"there is no planned dose `{slot}`; there are {', '.join(there) or 'none'}")
        if word not in DEPARTURES:
            raise UnreachableError(f"`{word}` is no departure of a dose; there are {', '.join(DEPARTURES)}")
    answers = categories(program)
    for where, word in wish.response.items():
        if where not in answers:
            raise UnreachableError(f"there is no response `{where}`; there are {', '.join(answers) or 'none'}")
        if word not in answers[where]:
            raise UnreachableError(f"`{word}` is no category of `{where}`; there are {', '.join(answers[where])}")


def slots(program: Program) -> dict[str, tuple[DosePlan, int]]:
    """Give the planned doses by name, each with its plan and number."""
    found: dict[str, tuple[DosePlan, int]] = {}
    for plan in program.doses:
        number = plan.times if plan.interval is not None else len(plan.planned)
        found |= {f"{plan.name}#{index}": (plan, index) for index in range(1, number + 1)}
    return found


def categories(program: Program) -> dict[str, tuple[str, ...]]:
    """Give the answers that each response can have, by response and visit."""
    found = {}
    for response in program.responses:
        for visit in response.visits:
            names = [each.name for each in response.categories if each.visit == visit]
            found[f"{response.name}@{visit}"] = (*names, NOT_EVALUABLE)
    return found
