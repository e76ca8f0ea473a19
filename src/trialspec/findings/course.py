"""The course of treatment as a whole, and the gates as they read for a dose that is not given yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.findings.dose_facts import shown_margin, shown_word
from trialspec.findings.finding import Finding
from trialspec.findings.found import told
from trialspec.interpreters.reading import NOTHING, Missing, earliest
from trialspec.interpreters.reference import read
from trialspec.times import When, shown_date
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialspec.interpreters.reading import Question, Reading
    from trialspec.program import Course, Program


def course(
    plan: Course,
    slots: Mapping[str, Sequence[Finding]],
    others: Sequence[Finding],
    through: Reading,
) -> Finding:
    """Say whether every dose of the course was given, and whether one came after its end.

    It is not complete once a dose was missed, not given or cancelled; while one may still come it is `pending`.
    """
    planned = _planned(plan, slots)
    complete = _complete({str(finding.fields["state"]) for finding in planned})
    unknown = [finding.missing for finding in planned if finding.fields["state"] == "unknown"]
    late = [finding for finding in (*planned, *others) if after_course(finding)]
    words = told(plan.provenance, (), course="course", complete=complete)
    words["through"] = shown_date(through.value.last) if isinstance(through.value, When) else ""
    return Finding(
        "course",
        "course",
        {"complete": complete, "departure": frozenset({"after_course"}) if late else NOTHING},
        earliest(*(finding.until for finding in (*planned, *others))),
        None,
        frozenset[str]().union(*(finding.because for finding in (*planned, *late))),
        frozenset[Missing]().union(*unknown) if complete == "unknown" else frozenset(),
        words,
        provenance=plan.provenance,
        place=plan.place,
    )


def _planned(plan: Course, slots: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    return [finding for name in plan.of for finding in slots.get(name, ())]


def counted(plan: Course, slots: Mapping[str, Sequence[Finding]], others: Sequence[Finding]) -> list[Finding]:
    """Give the doses that say how the course stands: those that it is of, and others that came after its end."""
    return [*_planned(plan, slots), *(finding for finding in others if after_course(finding))]


def after_course(finding: Finding) -> bool:
    """Whether a dose came after the end of the course."""
    return "after_course" in finding.fields.get("departure", ())


def _complete(states: set[str]) -> str:
    if states & {"missed", "not_given", "cancelled"}:
        return "no"
    if "unknown" in states:
        return "unknown"
    return "yes" if states <= {"given"} else "pending"


def gate(program: Program, name: str, now: Question) -> Finding:
    """Say how a gate reads for a dose not yet given."""
    asked = program.gates[name]
    reading = read(asked.expr, now)
    margin = shown_margin(reading, program.vocabulary)
    words = told(asked.provenance, reading.missing, gate=name, verdict=shown_word(str(reading.verdict)), margin=margin)
    return Finding(
        "gate",
        name,
        {"verdict": str(reading.verdict), "otherwise": asked.otherwise},
        reading.until,
        None,
        reading.because,
        reading.missing if reading.verdict is UNKNOWN else frozenset(),
        words,
        (reading,),
        asked.provenance,
        asked.place,
    )
