"""The four sample streams through the founding protocol, and what its rulebook promises."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from trialspec.evaluation import PatientReport, Protocol, load
from trialspec.events import Event, decode
from trialspec.reports.sentence import UNTOLD, said
from trialspec.times import Zone, parse_time

ROOT = Path(__file__).parent.parent
HOME = ROOT / "protocols" / "rituximab-refractory-lupus-nephritis"
STREAMS = sorted((HOME / "streams").glob("*.ndjson"))
FINAL = {
    ("response/final", "abstract@week_12"),
    ("response/final", "abstract@week_24"),
    ("response/final", "kdigo@week_52"),
}

# Every alert that was raised by the end of the trial, those that are over included.
RAISED = {
    "patient-1": FINAL,
    "patient-2": FINAL,
    "patient-3": FINAL
    | {
        ("dosing/held", "CYC#1"),
        ("dosing/overdue", "RTX#2"),
        ("dosing/late", "RTX#2"),
        ("assessment/overdue", "labs@week_4/anti_dsdna"),
        ("assessment/missed", "labs@week_4/anti_dsdna"),
    },
    "patient-4": FINAL
    | {
        ("dosing/given-without-clearance", "CYC#2"),
        ("assessment/missed", "blood_count@CYC#2/neutrophils"),
        ("data/set-aside", "patient-4-028"),
    },
}
RESPONSES = {
    "patient-1": ("responder", "responder", "complete"),
    "patient-2": ("responder", "responder", "partial"),
    "patient-3": ("responder", "responder", "no_response"),
    "patient-4": ("non_responder", "non_responder", "no_response"),
}


def at(text: str) -> int:
    """The last second that a date or time of Seoul may mean."""
    when = parse_time(text, Zone("Asia/Seoul"))
    assert when is not None
    return when.span(Zone("Asia/Seoul"))[1]


@cache
def protocol() -> Protocol:
    return load(HOME)


@cache
def report(patient: str, when: str = "2006-01-01", known: str | None = None) -> PatientReport:
    records = [decode(line) for line in (HOME / "streams" / f"{patient}.ndjson").read_bytes().splitlines()]
    return protocol().report(records, patient, at=at(when), known=None if known is None else at(known))


def raised(found: PatientReport) -> set[tuple[str, str]]:
    return {(key.rule, key.subject) for key in found.alerts}


@pytest.mark.parametrize("patient", RAISED)
def test_exactly_these_alerts_are_raised(patient: str) -> None:
    assert raised(report(patient)) == RAISED[patient]
    assert protocol().incidents == ()


@pytest.mark.parametrize("patient", RESPONSES)
def test_the_first_three_respond_and_the_fourth_does_not(patient: str) -> None:
    categories = report(patient).about("category")
    assert tuple(finding.fields["category"] for finding in categories) == RESPONSES[patient]


@pytest.mark.parametrize("patient", RAISED)
def test_every_infusion_is_accounted_for_and_everybody_was_eligible(patient: str) -> None:
    found = report(patient)
    assert {dose.name: dose.fields["state"] for dose in found.about("dose")} == dict.fromkeys(
        ("RTX#1", "RTX#2", "CYC#1", "CYC#2"), "given"
    )
    (eligibility,) = found.about("eligibility")
    assert (eligibility.fields["at_enrolment"], eligibility.fields["as_known"]) == ("eligible", "eligible")


def test_a_correction_decides_and_what_was_known_before_it_stays_to_be_asked() -> None:
    then = report("patient-2", when="2004-08-10", known="2004-08-10")
    before = {finding.name: finding.fields["category"] for finding in then.about("category")}
    now = {finding.name: finding.fields["category"] for finding in report("patient-2").about("category")}
    assert (before["abstract@week_12"], now["abstract@week_12"]) == ("non_responder", "responder")


def test_a_result_that_comes_late_is_not_evaluable_until_it_is_known() -> None:
    then = report("patient-2", when="2004-10-27", known="2004-10-27")
    (category,) = [finding for finding in then.about("category") if finding.name == "abstract@week_24"]
    assert category.fields == {"category": "not_evaluable", "final": "yes"}


@pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
def test_every_record_says_that_it_is_synthetic(file: Path) -> None:
    for line in file.read_bytes().splitlines():
        assert isinstance(decode(line), Event)
        assert json.loads(line)["source"].startswith("synthetic")


@pytest.mark.parametrize("patient", RAISED)
def test_every_sentence_is_complete(patient: str) -> None:
    sentences = [said(episode) for episode in report(patient).alerts.values()]
    assert [sentence for sentence in sentences if UNTOLD in sentence or "{" in sentence] == []


# --- the rulebook -----------------------------------------------------------------------------------------------------


def test_every_rule_is_shown_by_a_case() -> None:
    places = (HOME / "cases", ROOT / "rules" / "cases", ROOT / "tests" / "traps", ROOT / "tests" / "amended" / "cases")
    shown = "\n".join(file.read_text(encoding="utf-8") for place in places for file in sorted(place.glob("*.yaml")))
    names = [rule.name for rule in protocol().rulebook.rules]
    assert [name for name in names if not re.search(rf"[\[ ]{name}[\],\s]", shown)] == []


def test_what_may_harm_is_looked_at_before_what_is_common() -> None:
    """Timing is the commonest departure and rarely important, a wrong dose is rare and mostly is."""
    rules = {rule.name: rule for rule in protocol().rulebook.rules}
    common = {"dosing/early", "dosing/late", "visit/out-of-window", "assessment/out-of-window"}
    rare = {"dosing/wrong-amount", "dosing/wrong-drug", "dosing/extra", "dosing/given-without-clearance"}
    assert {rules[name].urgency for name in common} == {"log"}
    assert {rules[name].urgency for name in rare} == {"now"}
    assert not any(rules[name].important for name in common)
    assert all(rules[name].important for name in rare)


def test_only_deviations_have_a_class_and_only_they_are_important() -> None:
    rules = protocol().rulebook.rules
    assert {rule.category[0] for rule in rules if rule.category} == set("ABCDEFHIJ")
    assert all(rule.category for rule in rules if rule.important)
    assert not any(rule.category for rule in rules if rule.name.startswith(("query/", "response/")))


def test_what_is_unknown_is_asked_and_is_no_deviation() -> None:
    """The exceptions are the contract's own: enrolled, or dosed, while something needed for it was not known."""
    own = {
        "dosing/given-without-clearance",
        "dosing/not-given",
        "eligibility/enrolled-while-ineligible",
        "eligibility/enrolled-while-undetermined",
        "eligibility/enrolled-while-undetermined-not-knowable",
    }
    words = {"unknown", "undetermined", "gate_unknown"}
    for rule in protocol().rulebook.rules:
        asked = [condition for part in (rule.when, *rule.any) for condition in part]
        if rule.category and rule.name not in own:
            assert not any(condition.values & words or condition.field.endswith("_unknown") for condition in asked)


def test_the_protocol_calls_important_what_the_abstract_states() -> None:
    rules = {rule.name: rule.important for rule in protocol().rulebook.rules}
    assert rules["dosing/missed"]
    assert rules["dosing/after-course"]
