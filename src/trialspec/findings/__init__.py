"""What a protocol says of one patient at one instant: findings, and the groups in which they are read.

`evaluate` gives all of them. `groups` gives the functions behind it, each with one `until` for what it finds, so that
alerts can follow every group through time by itself: from one `until` to the next nothing in the group changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, get_args

from trialspec.findings.doses import doses
from trialspec.findings.eligibility import criterion, eligibility
from trialspec.findings.finding import Finding, Subject
from trialspec.findings.found import Found, found
from trialspec.findings.records import adverse_events, patient, records
from trialspec.findings.responses import response
from trialspec.findings.therapies import therapies
from trialspec.findings.visits import before_doses, given_doses, visits
from trialspec.kernel import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.interpreters.reading import Question
    from trialspec.patient import Kind
    from trialspec.program import Criterion, Program

__all__ = ["Finding", "Found", "Group", "Subject", "evaluate", "groups", "read"]

# The order in which findings are given: who the patient is, what may begin, what was done, what came of it.
_ORDER: tuple[Subject, ...] = (
    *("patient", "criterion", "eligibility", "gate", "dose", "course", "visit", "assessment"),
    *("component", "category", "adverse_event", "therapy", "record"),
)
assert set(_ORDER) == set(get_args(Subject)), "every subject has its place"


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that are read together, with one `until`: before it none of them changes, and none comes or goes.

    `only` reads those of some names, and perhaps others beside, without an `until`.

    Records of other kinds than `kinds` are nothing to them (`None`: any may be something). What is `retold` tells its
    past with what is known when it is told; what recalls also tells what was known at an earlier instant; what foresees
    also tells of an instant by milestones that are dated later, and what closes a date tells of any instant of it by
    what comes later on that date.
    """

    name: str
    read: Callable[[Question], Found]
    kinds: frozenset[Kind] | None = None
    retold: bool = False
    recalls: bool = False
    foresees: bool = False
    closes: bool = False
    only: Callable[[Question, frozenset[str]], Found] | None = None

    def some(self, question: Question, names: frozenset[str]) -> tuple[Finding, ...]:
        """Give the findings of some names."""
        read = self.read(question) if self.only is None else self.only(question, names)
        return tuple(finding for finding in read.findings if finding.name in names)

    def __call__(self, question: Question) -> Found:
        """Read them at the instant of a question."""
        return self.read(question)


def groups(program: Program) -> tuple[Group, ...]:
    """Give the groups of a program."""
    return (
        # Consent of the evening counts for a screening of that date.
        Group("patient", partial(patient, program), foresees=True),
        *(Group(f"criterion {each.name}", partial(_criterion, each), kinds(each.expr)) for each in program.criteria),
        # An enrolment of which only the date is known is judged by all that was so on that date.
        Group("eligibility", partial(eligibility, program), recalls=True, closes=True),
        Group("doses", partial(_doses, program), retold=True, foresees=True, only=partial(_doses, program)),
        # Whether a screening is missing is told by every screening, consent and enrolment that is known.
        Group("visits", partial(visits, program), foresees=True),
        *(
            Group(f"response {each.name}", partial(response, program, each), foresees=True)
            for each in program.responses
        ),
        Group("adverse events", partial(adverse_events, program), frozenset({"adverse_event"})),
        Group("therapies", partial(therapies, program)),
        # A dose is history if every consent and enrolment that is known came after it.
        Group("records", partial(records, program), foresees=True),
    )


def _criterion(asked: Criterion, question: Question) -> Found:
    return found([criterion(asked, question)])


def _doses(program: Program, question: Question, only: frozenset[str] | None = None) -> Found:
    """Read doses, course and gates, and the assessments that belong before doses."""
    given = doses(program, question, only)
    starts = given_doses(program, given.findings, question)
    before = before_doses(program, question, starts, until=given.until, only=only)
    return found((*given.findings, *before.findings), given.until, before.until)


def evaluate(program: Program, question: Question) -> tuple[Finding, ...]:
    """Say what a protocol finds of one patient at one instant, in a fixed order."""
    return read(groups(program), question)


def read(asked: Iterable[Group], question: Question) -> tuple[Finding, ...]:
    """Say what groups find at the instant of a question, in a fixed order."""
    made = [finding for group in asked for finding in group(question).findings]
    return tuple(sorted(made, key=lambda finding: _ORDER.index(finding.subject)))
