"""What the records come to: consent, screening, versions, adverse events, other therapy and records in doubt."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.findings.scenes import (
    DAY_1,
    SCREENED,
    Told,
    after,
    at,
    day,
    dose,
    holds_until,
    item,
    milestone,
    patient,
    program,
    said,
    select,
    therapy,
    when,
)
from trialspec.explain import only
from trialspec.findings.finding import Finding
from trialspec.findings.records import adverse_events, records
from trialspec.findings.records import patient as of_patient
from trialspec.findings.therapies import therapies
from trialspec.interpreters.reading import Question
from trialspec.kernel import Window
from trialspec.patient import Item, Problem
from trialspec.program import Program, TherapyRule
from trialspec.quantity import ANYTHING, Duration, exactly
from trialspec.times import When

SCREENING, ENROLMENT = milestone("screening", "2024-01-02"), milestone("enrolment", "2024-01-08")
CONSENT = milestone("consent", "2024-01-01", version="1.0")


def standing(*items: Item, time: str = "2024-06-01", plan: Program | None = None) -> dict[str, str]:
    found = said(partial(of_patient, plan or program()), patient(*items), time)["P1"]
    return {name: str(word) for name, word in found.fields.items()}


def consent(*items: Item, time: str = "2024-06-01") -> str:
    return standing(*items, time=time)["consent"]


# --- consent ----------------------------------------------------------------------------------------------------------


def test_consent_is_valid_for_the_version_of_the_program() -> None:
    assert consent() == "none"
    assert consent(CONSENT) == "valid"
    assert consent(milestone("consent", "2024-01-01", version="0.9")) == "wrong_version"
    assert consent(milestone("consent", "2024-01-01")) == "unknown"
    assert consent(milestone("consent", "2024-01-01", version="1.0|0.9")) == "unknown"


def test_the_latest_consent_is_the_one() -> None:
    outdated = milestone("consent", "2023-11-01", version="0.9")
    assert consent(outdated, CONSENT) == "valid"
    assert consent(outdated, CONSENT, time="2023-12-31") == "wrong_version"
    assert consent(CONSENT, milestone("consent", "2024-02-01", version="2.0")) == "wrong_version"


def test_a_withdrawal_holds_until_consent_is_given_again() -> None:
    gone = milestone("consent_withdrawn", "2024-02-01")
    assert consent(CONSENT, gone, time="2024-01-31") == "valid"
    assert consent(CONSENT, gone) == "withdrawn"
    assert consent(CONSENT, gone, milestone("consent", "2024-03-01", version="1.0")) == "valid"
    assert consent(gone) == "withdrawn"


def test_consent_and_withdrawal_of_one_date_are_ordered_by_their_hours_or_not_at_all() -> None:
    assert consent(CONSENT, milestone("consent_withdrawn", "2024-01-01")) == "unknown"
    morning = milestone("consent", "2024-01-01T09:00", version="1.0")
    assert consent(morning, milestone("consent_withdrawn", "2024-01-01T10:00")) == "withdrawn"


def test_a_consent_of_uncertain_date_is_tried_at_each() -> None:
    dates = When(day("2024-01-01"), day("2024-01-03"))
    vague = replace(CONSENT, when=dates, visible=dates)
    assert consent(vague, time="2024-01-02") == "unknown"
    assert consent(vague, time="2024-01-04") == "valid"
    assert consent(replace(CONSENT, certain=False)) == "unknown"


def test_consent_later_on_the_date_of_screening_did_not_come_after_it() -> None:
    later = milestone("consent", "2024-01-02T10:00", version="1.0")
    assert standing(SCREENING, later, time="2024-01-02T08:00") == {"consent": "valid", "screened": "yes"}
    at_nine = milestone("screening", "2024-01-02T09:00")
    assert standing(at_nine, later, time="2024-01-02T09:30") == {"consent": "none", "screened": "yes"}


def test_screened_is_the_moment_of_that_name() -> None:
    assert standing(SCREENING, time="2024-01-01")["screened"] == "no"
    assert standing(SCREENING)["screened"] == "yes"
    assert standing(replace(SCREENING, certain=False))["screened"] == "unknown"
    assert standing(ENROLMENT, milestone("screening", "2024-01-09"))["screened"] == "no"
    assert standing(SCREENING, plan=program(moments={}))["screened"] == "yes"


# --- versions ---------------------------------------------------------------------------------------------------------

AT_SITE_A = item("person", "2023-01-01", {"site": "A"})


def version(*items: Item, time: str = "2024-06-01") -> str | None:
    return standing(AT_SITE_A, *items, time=time).get("version")


def test_a_version_is_judged_by_the_approvals_at_the_patients_site() -> None:
    first = milestone("version_approved", "2023-06-01", name="a1", version="0.9", site="A")
    second = milestone("version_approved", "2024-03-01", name="a2", version="1.0", site="A")
    elsewhere = milestone("version_approved", "2023-07-01", name="b", version="1.0", site="B")
    assert version() is None
    assert version(elsewhere) is None
    assert version(first, elsewhere) == "not_approved"
    assert version(first, second, time="2024-02-29") == "not_approved"
    assert version(first, second, time="2024-03-01") == "approved"
    assert version(first, replace(second, certain=False)) == "unknown"
    assert version(milestone("version_approved", "2023-06-01", version="1.0")) == "approved"
    assert standing(elsewhere)["version"] == "unknown"


# --- records in doubt -------------------------------------------------------------------------------------------------


def problems(
    *items: Item, time: str = "2024-06-01", plan: Program | None = None, doubts: tuple[Problem, ...] = ()
) -> set[tuple[str, str]]:
    found = records(plan or program(), Question(patient(*items, problems=doubts), at(time))).findings
    return {(each.name, str(each.fields["problem"])) for each in found}


def test_a_record_in_doubt_is_named_from_its_time_on() -> None:
    aside = Problem("e1", "set_aside", "no unit", when("2024-02-01T10:00"), frozenset({"e1"}))
    lost = Problem("e2", "unreadable", "no time", None, frozenset({"e2"}))
    both = (aside, lost)
    assert problems(doubts=both, time="2024-01-01") == {("e2", "unreadable")}
    assert problems(doubts=both, time="2024-02-01T10:00") == {("e1", "set_aside"), ("e2", "unreadable")}
    found = said(partial(records, program()), patient(problems=both), "2024-03-01")["e1"]
    assert (found.facts["reason"], found.since) == ("no unit", at("2024-02-01T10:00"))
    assert found.because == {"e1"}


NO_SCREENING = {("screening", "no_screening")}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((ENROLMENT,), NO_SCREENING),
        ((SCREENING, ENROLMENT), set()),
        ((ENROLMENT, milestone("screening", "2024-01-09")), NO_SCREENING),
        ((dose("rituximab", "2024-01-15"),), NO_SCREENING),
        ((CONSENT, dose("rituximab", "2024-01-15")), NO_SCREENING),
        # Before consent it is history, unless it names a dose of the protocol.
        ((CONSENT, dose("cyclophosphamide", "2022-01-15")), set()),
        ((CONSENT, dose("cyclophosphamide", "2022-01-15", planned="CYC#1")), NO_SCREENING),
        # A dose before the screening is history, also while the screening is still to come.
        ((milestone("screening", "2024-07-01"), dose("cyclophosphamide", "2022-01-15")), set()),
        ((dose("prednisolone", "2024-01-15"),), set()),
        ((milestone("screening", "2024-01-08T09:00"), ENROLMENT), set()),
        ((replace(ENROLMENT, certain=False),), set()),
    ],
)
def test_enrolled_or_dosed_without_a_screening_record(items: tuple[Item, ...], expected: set[tuple[str, str]]) -> None:
    assert problems(*items) == expected
    assert problems(*items, plan=program(moments={})) == set()


def test_a_screening_later_on_the_date_of_enrolment_is_not_missing_in_the_morning() -> None:
    assert problems(milestone("screening", "2024-01-08T09:00"), ENROLMENT, time="2024-01-08T08:00") == set()


# --- adverse events ---------------------------------------------------------------------------------------------------


def event(fields: Told, plan: Program | None = None) -> dict[str, str]:
    told = item("adverse_event", "2024-02-01", {"concept": "pneumonia", **fields}, name="ae")
    found = said(partial(adverse_events, plan or program()), patient(told), "2024-06-01")
    return {name: str(word) for name, word in found["ae"].fields.items()}


def test_serious_is_what_the_record_says() -> None:
    assert event({"serious": "yes"})["serious"] == "yes"
    assert event({"serious": "no"})["serious"] == "no"
    assert event({})["serious"] == "unknown"
    assert event({"serious": "yes|no"})["serious"] == "unknown"


def test_a_grade_needs_its_scale() -> None:
    assert event({"grade": exactly(3), "scale": "CTCAE v5"})["grade_known"] == "yes"
    assert event({"grade": exactly(3)})["grade_known"] == "no"
    assert event({"grade": ANYTHING, "scale": "CTCAE v5"})["grade_known"] == "no"
    assert event({"scale": "CTCAE v5"})["grade_known"] == "no"


@pytest.mark.parametrize(
    ("fields", "late"),
    [
        ({"available": "2024-02-01T10:00", "recorded": "2024-02-02T10:00"}, "no"),
        ({"available": "2024-02-01T10:00", "recorded": "2024-02-02T10:01"}, "yes"),
        ({"available": "2024-02-01T10:00", "recorded": "2024-02-02"}, "unknown"),
        ({"available": "2024-02-01T10:00", "recorded": "2024-02-03"}, "yes"),
        # Without `available` it is counted from the event, at any time of its date.
        ({"recorded": "2024-02-01T12:00"}, "no"),
        ({"recorded": "2024-02-02T12:00"}, "unknown"),
        ({"recorded": "2024-02-03T00:00"}, "yes"),
        ({}, "unknown"),
    ],
)
def test_a_serious_event_is_late_beyond_the_limit(fields: dict[str, str], late: str) -> None:
    plan = program(report_within=Duration(24, "h"))
    told = {name: when(text) for name, text in fields.items()}
    assert event({"serious": "yes", **told}, plan)["reported_late"] == late
    assert event({"serious": "no", **told}, plan)["reported_late"] == "no"
    assert event(told, plan)["reported_late"] == ("no" if late == "no" else "unknown")


def test_a_limit_in_days_falls_at_the_end_of_its_date() -> None:
    plan = program(report_within=Duration(1, "d"))
    told: Told = {"available": when("2024-02-01T10:00"), "serious": "yes"}
    assert event({**told, "recorded": when("2024-02-02T23:59")}, plan)["reported_late"] == "no"
    assert event({**told, "recorded": when("2024-02-03T00:00")}, plan)["reported_late"] == "yes"


def test_without_a_limit_nothing_is_late() -> None:
    assert event({"serious": "yes", "recorded": when("2025-01-01")})["reported_late"] == "no"


def test_an_event_is_found_from_its_time_on_and_once_where_its_contents_differ() -> None:
    one = item("adverse_event", "2024-02-01", {"concept": "pneumonia", "serious": "yes"}, name="ae", certain=False)
    other = item("adverse_event", "2024-02-01", {"concept": "rash", "serious": "no"}, name="ae", certain=False)
    timeline = patient(one, other)
    assert not said(partial(adverse_events, program()), timeline, "2024-01-31")
    found = said(partial(adverse_events, program()), timeline, "2024-02-01")
    assert found["ae"].fields["serious"] == "unknown"
    assert found["ae"].facts["term"] == "pneumonia or rash"


# --- other therapy ----------------------------------------------------------------------------------------------------

BANNED = TherapyRule(
    "no mycophenolate", "prohibited", (select("therapy", Window(DAY_1), closed=SCREENED, drug="mycophenolate"),)
)
RESCUED = TherapyRule(
    "steroid rescue",
    "rescue",
    (
        select("therapy", Window(DAY_1, after("28 d", DAY_1)), closed=SCREENED, drug="prednisolone|mycophenolate"),
        select("administration", Window(DAY_1), closed=True, drug="prednisolone"),
    ),
)
WITH_RULES = program(therapies=(BANNED, RESCUED))
ENTRY = (SCREENING, ENROLMENT, dose("rituximab", "2024-01-15"))


def taken(*items: Item, time: str = "2024-06-01") -> dict[str, tuple[str, str]]:
    found = said(partial(therapies, WITH_RULES), patient(*ENTRY, *items), time)
    return {name: (str(each.fields["prohibited"]), str(each.fields["rescue"])) for name, each in found.items()}


def test_a_therapy_is_judged_by_every_rule_that_names_it() -> None:
    assert taken(therapy("mycophenolate", "2024-02-01")) == {"mycophenolate 2024-02-01": ("yes", "yes")}
    assert taken(therapy("mycophenolate", "2024-03-01")) == {"mycophenolate 2024-03-01": ("yes", "no")}
    assert taken(therapy("prednisolone", "2024-02-01")) == {"prednisolone 2024-02-01": ("no", "yes")}
    assert taken(dose("prednisolone", "2024-05-01")) == {"prednisolone 2024-05-01": ("no", "yes")}
    assert taken(dose("cyclophosphamide", "2024-02-01")) == {}


def test_a_therapy_counts_for_as_long_as_it_lasts() -> None:
    assert taken(therapy("mycophenolate", "2023-06-01", "2024-01-14")) == {}
    assert taken(therapy("mycophenolate", "2023-06-01", "2024-01-15")) == {"mycophenolate 2023-06-01": ("yes", "yes")}
    assert taken(therapy("mycophenolate", "2023-06-01"), time="2024-01-14") == {}


def test_a_therapy_of_uncertain_date_or_drug_may_be_one() -> None:
    assert taken(therapy("mycophenolate", "2024-02")) == {"mycophenolate 2024-02": ("yes", "unknown")}
    assert taken(therapy("mycophenolate|prednisolone", "2024-03-01")) == {
        "mycophenolate or prednisolone 2024-03-01": ("unknown", "no")
    }
    ended = replace(therapy("mycophenolate", "2023-06-01"), end=When(day("2024-01-10"), day("2024-01-20")))
    assert taken(ended) == {"mycophenolate 2023-06-01": ("unknown", "unknown")}


def test_an_uncertain_anchor_leaves_a_therapy_unknown() -> None:
    dates = When(day("2024-01-10"), day("2024-01-20"))
    first = replace(dose("rituximab", "2024-01-15"), when=dates, visible=dates)
    plan = program(therapies=(BANNED,))
    timeline = patient(SCREENING, ENROLMENT, first, therapy("mycophenolate", "2023-06-01", "2024-01-15"))
    found = said(partial(therapies, plan), timeline, "2024-06-01")
    assert {name: each.fields["prohibited"] for name, each in found.items()} == {"mycophenolate 2023-06-01": "unknown"}


def test_the_records_that_are_cited_for_a_therapy_suffice() -> None:
    timeline = patient(*ENTRY, therapy("mycophenolate", "2024-02-01"), therapy("prednisolone", "2024-01-20"))
    for name, finding in said(partial(therapies, WITH_RULES), timeline, "2024-06-01").items():
        again = said(partial(therapies, WITH_RULES), only(timeline, finding.because), "2024-06-01")
        assert {key: each.fields for key, each in again.items()} == {name: finding.fields}


# --- laws -------------------------------------------------------------------------------------------------------------


def vague(made: Item, first: str, last: str) -> Item:
    dates = When(day(first), day(last))
    return replace(made, when=dates, visible=dates)


STORIES = {
    "plain": (
        CONSENT,
        SCREENING,
        ENROLMENT,
        dose("rituximab", "2024-01-15"),
        milestone("consent_withdrawn", "2024-02-01"),
    ),
    "same day": (
        SCREENING,
        milestone("consent", "2024-01-02T10:00", version="1.0"),
        milestone("enrolment", "2024-01-02"),
    ),
    "uncertain": (vague(CONSENT, "2024-01-01", "2024-01-04"), vague(SCREENING, "2024-01-03", "2024-01-06"), ENROLMENT),
    "no screening": (
        CONSENT,
        dose("rituximab", "2024-01-15"),
        milestone("version_approved", "2024-01-20", version="2"),
    ),
    "late screening": (ENROLMENT, milestone("screening", "2024-01-20T08:00")),
    "taken": (
        *ENTRY,
        therapy("mycophenolate", "2024-01-20", "2024-01-25"),
        vague(therapy("prednisolone", "2024-02-01"), "2024-02-01", "2024-02-20"),
    ),
    "events": (
        *ENTRY,
        item("adverse_event", "2024-02-01T10:00", {"concept": "rash", "serious": "yes"}),
        vague(item("adverse_event", "2024-02-05", {"concept": "pain"}), "2024-02-03", "2024-02-05"),
    ),
}
DOUBTS = (Problem("e1", "set_aside", "no unit", when("2024-01-20T10:00"), frozenset({"e1"})),)


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
def test_nothing_changes_before_until(items: tuple[Item, ...]) -> None:
    timeline = patient(*items, problems=DOUBTS)
    reads = [partial(each, WITH_RULES) for each in (of_patient, records, adverse_events, therapies)]
    changes = [holds_until(read, timeline, "2023-12-25", "2024-02-25") for read in reads]
    assert sum(changes) >= 2
    assert changes[1] >= 1


def test_the_records_that_are_cited_for_consent_suffice() -> None:
    for items in STORIES.values():
        timeline = patient(*items)
        for time in ("2024-01-01", "2024-01-03", "2024-01-31", "2024-06-01"):
            seen: Finding = said(partial(of_patient, WITH_RULES), timeline, time)["P1"]
            again = said(partial(of_patient, WITH_RULES), only(timeline, seen.because), time)["P1"]
            if "unknown" not in seen.fields.values():
                assert again.fields == seen.fields, (time, items)
