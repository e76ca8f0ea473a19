"""What is kept to the unblinded: alerts that would unblind, and whatever else tells the same.

What is kept is decided by the protocol alone, never by the patient: a gate that is told for as long as it is met, and
not told when it is not, would be told all the same. So a finding is kept if, whatever becomes of the patient, a rule
that unblinds may speak of it, or of what it is read from:

- all categories and components of a definition of response stand or fall together;
- a gate, and the doses that name it; a course, with any of its doses;
- the criteria, and whether the patient is eligible by them;
- a visit, and the assessments at it, which say how it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialspec.rulebook.table import SUBJECTS

if TYPE_CHECKING:
    from trialspec.alerts import Episode
    from trialspec.findings.finding import Finding
    from trialspec.program import DosePlan, Program
    from trialspec.rulebook.table import Condition, Rule

# The words that a field of a finding may have, for fields of which the protocol tells it; any other may have each.
_Words = Mapping[str, frozenset[str]]
_ANY: _Words = {}
_OF_GATES = frozenset({"held", "gate_not_met", "gate_unknown"})
_UNGATED: _Words = {
    **{name: SUBJECTS["dose"][name].values - _OF_GATES for name in ("state", "departure", "departure_unknown")},
    **dict.fromkeys(("gate", "holding", "warning"), frozenset({"met"})),
}


@dataclass(frozen=True, slots=True)
class Blinding:
    """What one protocol, in one version, keeps to the unblinded; nothing, where no rule unblinds.

    `subjects` are those of which nothing is told, the others name what is kept of the rest.
    """

    subjects: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    responses: frozenset[str] = frozenset()
    gates: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    planned: frozenset[str] = frozenset()

    def hides(self, finding: Finding) -> bool:
        """Whether a finding is kept to the unblinded."""
        if finding.subject in self.subjects:
            return True
        match finding.subject:
            case "criterion":
                return str(finding.fields["role"]) in self.roles
            case "category" | "component":
                return finding.facts.get("response", "") in self.responses
            case "gate":
                return finding.name in self.gates
            case "dose":
                plan = finding.name.rpartition("#")[0]
                # A dose that fills no slot is named by its record: it may be one of any plan.
                return plan in self.plans if plan in self.planned else bool(self.plans)
            case _:
                return False

    def keeps(self, episode: Episode) -> bool:
        """Whether an alert is kept to the unblinded: it would unblind, or it is about what would."""
        return episode.rule.unblinds or self.hides(episode.finding)


def blinding(program: Program, rules: Iterable[Rule]) -> Blinding:
    """Say what a protocol keeps to the unblinded."""
    unblinding = [rule for rule in rules if rule.unblinds]
    if not unblinding:
        return Blinding()

    def told(subject: str, words: _Words = _ANY) -> bool:
        return any(rule.for_each == subject and _may_hold(rule, words) for rule in unblinding)

    names = {
        each.name: frozenset({category.name for category in each.categories} | each.words()) | _ALWAYS
        for each in program.responses
    }
    responses = {name for name, words in names.items() if told("component") or told("category", {"category": words})}
    gates = {
        name
        for name, gate in program.gates.items()
        if told("gate", {"otherwise": frozenset({gate.otherwise})}) or _told_by_doses(name, program, unblinding)
    }
    plans = {each.name for each in program.doses if told("dose", _words_of(each)) or gates & {*each.gates}}
    roles = {each.role for each in program.criteria if told("criterion", {"role": frozenset({each.role})})}
    subjects = {rule.for_each for rule in unblinding} & _WHOLE
    if roles:
        subjects.add("eligibility")
    if "eligibility" in subjects and told("eligibility"):
        roles = {"include", "exclude"}
    if program.course is not None and plans & {*program.course.of}:
        subjects.add("course")
    if "visit" in subjects:
        subjects.add("assessment")
    return Blinding(
        frozenset(subjects),
        frozenset(roles),
        frozenset(responses),
        frozenset(gates),
        frozenset(plans),
        frozenset(each.name for each in program.doses),
    )


_ALWAYS = frozenset({"pending", "not_evaluable"})
_WHOLE = frozenset(
    {"patient", "eligibility", "course", "visit", "assessment", "adverse_event", "therapy", "record"},
)


def together(parts: Iterable[Blinding]) -> Blinding:
    """Give what any of several versions keeps: what one of them keeps, the others are not to tell."""
    every = tuple(parts)
    return Blinding(*(frozenset().union(*(getattr(each, name) for each in every)) for name in Blinding.__slots__))


def _told_by_doses(gate: str, program: Program, unblinding: Iterable[Rule]) -> bool:
    """Whether a rule about doses tells how this gate is read."""
    plans = [plan for plan in program.doses if gate in plan.gates]
    return any(
        rule.for_each == "dose" and _asks_gates(rule) and _may_hold(rule, _words_of(plan))
        for rule in unblinding
        for plan in plans
    )


def _asks_gates(rule: Rule) -> bool:
    conditions = [*rule.when, *(each for one in rule.any for each in one)]
    return any(each.field in {"gate", "holding", "warning"} or each.values & _OF_GATES for each in conditions)


def _words_of(plan: DosePlan) -> _Words:
    return _ANY if plan.gates else _UNGATED


def _may_hold(rule: Rule, words: _Words) -> bool:
    def may(conditions: Iterable[Condition]) -> bool:
        return all(each.field not in words or each.values & words[each.field] for each in conditions)

    return may(rule.when) and (not rule.any or any(may(one) for one in rule.any))
