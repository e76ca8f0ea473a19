"""Criteria and the three answers on eligibility: now, at enrolment, and as known then."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.findings.scenes import (
    ENROLLED,
    SCREENED,
    at,
    before,
    day,
    exclude,
    exists,
    holds_until,
    include,
    item,
    latest,
    limit,
    milestone,
    patient,
    program,
    said,
    select,
    value,
)
from trialspec.explain import only
from trialspec.findings.eligibility import criteria, eligibility
from trialspec.findings.finding import Finding
from trialspec.interpreters.reading import KnownAt
from trialspec.kernel import Now, Window
from trialspec.patient import Item, Timeline
from trialspec.program import Program
from trialspec.times import When

# Creatinine at most 1.5, the latest in four weeks before the question; no infection from two weeks before screening on.
RECENT = Window(before("28 d", Now()))
CREATININE = include("I1", limit(latest("creatinine", RECENT), "at_most", "1.5"))
INFECTION = exclude(
    "E1",
    exists(select("condition", Window(before("14 d", SCREENED), ENROLLED), closed=SCREENED, concept="infection")),
)
PLAN = program(criteria=(CREATININE, INFECTION))

SCREENING, ENROLMENT = milestone("screening", "2024-01-02"), milestone("enrolment", "2024-01-08")
GOOD = value("creatinine", "2024-01-03", "1.5")
INFECTED = item("condition", "2024-01-05", {"concept": "infection"})


def answers(timeline: Timeline, time: str, known_at: KnownAt | None = None, plan: Program = PLAN) -> dict[str, str]:
    found = said(lambda question: eligibility(plan, replace(question, known_at=known_at)), timeline, time)[
        "eligibility"
    ]
    return {name: str(word) for name, word in found.fields.items()}


def found(timeline: Timeline, time: str) -> Finding:
    return said(partial(eligibility, PLAN), timeline, time)["eligibility"]


def known(*items: Item) -> KnownAt:
    return lambda _: patient(*items)


# --- criteria ---------------------------------------------------------------------------------------------------------


def test_each_criterion_says_its_role_its_verdict_and_its_margin() -> None:
    seen = said(partial(criteria, PLAN), patient(SCREENING, value("creatinine", "2024-01-03", "1.2")), "2024-01-05")
    assert [(name, dict(each.fields)) for name, each in seen.items()] == [
        ("I1", {"role": "include", "verdict": "met"}),
        ("E1", {"role": "exclude", "verdict": "not_met"}),
    ]
    assert seen["I1"].facts["margin"] == "0.3"
    assert seen["I1"].because == {"creatinine 2024-01-03"}
    assert not seen["I1"].missing


def test_an_unknown_criterion_names_what_is_missing() -> None:
    seen = said(partial(criteria, PLAN), patient(SCREENING), "2024-01-05")["I1"]
    assert seen.fields["verdict"] == "unknown"
    assert {leaf.what for leaf in seen.missing} == {"creatinine"}
    assert seen.facts["missing"].startswith("creatinine (by 2024-01-05)")


def test_a_criterion_is_read_now_after_enrolment_too() -> None:
    timeline = patient(SCREENING, GOOD, ENROLMENT)
    assert said(partial(criteria, PLAN), timeline, "2024-03-01")["I1"].fields["verdict"] == "unknown"


# --- before enrolment -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "word"),
    [
        ((SCREENING, GOOD), "eligible"),
        ((SCREENING, value("creatinine", "2024-01-03", "1.6")), "ineligible"),
        ((SCREENING, GOOD, INFECTED), "ineligible"),
        ((SCREENING,), "undetermined"),
        ((GOOD,), "undetermined"),
        # One that is missing does not hide one that fails.
        ((SCREENING, INFECTED), "ineligible"),
    ],
)
def test_eligible_needs_every_criterion_and_ineligible_one(items: tuple[Item, ...], word: str) -> None:
    assert answers(patient(*items), "2024-01-07") == {
        "now": word,
        "at_enrolment": "not_enrolled",
        "as_known": "not_enrolled",
        "enrolled": "no",
    }


def test_an_ineligible_patient_is_told_which_criteria_fail_and_nothing_is_missing() -> None:
    seen = found(patient(SCREENING, INFECTED, value("creatinine", "2024-01-03", "2")), "2024-01-07")
    assert seen.facts["failed"] == "I1, E1"
    assert not seen.missing
    assert seen.because == {"creatinine 2024-01-03"}


def test_an_undetermined_patient_is_told_what_is_missing() -> None:
    seen = found(patient(SCREENING), "2024-01-07")
    assert seen.facts["open"] == "I1"
    assert {leaf.what for leaf in seen.missing} == {"creatinine"}


def test_a_value_grows_too_old_while_enrolment_waits() -> None:
    timeline = patient(SCREENING, GOOD)
    assert answers(timeline, "2024-01-31")["now"] == "eligible"
    assert answers(timeline, "2024-02-01")["now"] == "undetermined"


# --- at enrolment -----------------------------------------------------------------------------------------------------


def test_enrolment_settles_it_and_later_events_do_not() -> None:
    later = patient(SCREENING, GOOD, ENROLMENT, value("creatinine", "2024-01-09", "3"), replace(INFECTED, id="late"))
    assert answers(patient(SCREENING, GOOD, ENROLMENT), "2024-06-01")["at_enrolment"] == "eligible"
    seen = answers(patient(SCREENING, GOOD, ENROLMENT, value("creatinine", "2024-01-09", "3")), "2024-06-01")
    assert (seen["now"], seen["at_enrolment"], seen["enrolled"]) == ("eligible", "eligible", "yes")
    assert answers(later, "2024-06-01")["at_enrolment"] == "ineligible"  # the infection was on the 5th


@pytest.mark.parametrize(
    ("drawn", "enrolled", "word"),
    [
        ("2024-01-08T09:00", "2024-01-08T10:00", "ineligible"),
        ("2024-01-08T11:00", "2024-01-08T10:00", "eligible"),
        ("2024-01-08T11:00", "2024-01-08", "ineligible"),  # asked at the end of the date
        ("2024-01-08", "2024-01-08T10:00", "ineligible"),  # a date is seen from its start
    ],
)
def test_what_counts_is_what_was_so_at_the_instant_of_enrolment(drawn: str, enrolled: str, word: str) -> None:
    timeline = patient(SCREENING, GOOD, value("creatinine", drawn, "2"), milestone("enrolment", enrolled))
    assert answers(timeline, "2024-06-01")["at_enrolment"] == word


def test_the_first_enrolment_is_the_one() -> None:
    timeline = patient(SCREENING, GOOD, ENROLMENT, milestone("enrolment", "2024-05-01"))
    assert answers(timeline, "2024-06-01")["at_enrolment"] == "eligible"


def uncertain(first: str, last: str) -> Item:
    dates = When(day(first), day(last))
    return replace(milestone("enrolment", first), when=dates, visible=dates)


def test_an_enrolment_of_uncertain_date_is_tried_at_each() -> None:
    drawn = value("creatinine", "2024-01-10", "2")
    earlier = patient(SCREENING, GOOD, drawn, uncertain("2024-01-07", "2024-01-09"))
    assert answers(earlier, "2024-06-01") == {
        "now": "eligible",
        "at_enrolment": "eligible",
        "as_known": "undetermined",
        "enrolled": "yes",
    }
    across = patient(SCREENING, GOOD, drawn, uncertain("2024-01-08", "2024-01-11"))
    assert answers(across, "2024-06-01")["at_enrolment"] == "undetermined"
    assert answers(across, "2024-01-09") == {
        "now": "eligible",
        "at_enrolment": "undetermined",
        "as_known": "undetermined",
        "enrolled": "unknown",
    }


def test_an_enrolment_that_is_only_possibly_there_is_unknown() -> None:
    timeline = patient(SCREENING, GOOD, milestone("enrolment", "2024-01-08", certain=False))
    assert answers(timeline, "2024-06-01")["enrolled"] == "unknown"


def test_too_many_possible_dates_leave_all_of_it_open() -> None:
    timeline = patient(
        SCREENING, GOOD, *(replace(uncertain(f"20{y}-01-01", f"20{y}-12-31"), id=y) for y in ("20", "21"))
    )
    assert answers(timeline, "2024-06-01") == {
        "now": "undetermined",
        "at_enrolment": "undetermined",
        "as_known": "undetermined",
        "enrolled": "unknown",
    }


def test_a_correction_of_today_changes_what_was_so_at_enrolment() -> None:
    """Nothing is frozen: today's knowledge of then decides."""
    assert answers(patient(SCREENING, GOOD, ENROLMENT), "2024-06-01")["at_enrolment"] == "eligible"
    corrected = value("creatinine", "2024-01-03", "1.51")
    assert answers(patient(SCREENING, corrected, ENROLMENT), "2024-06-01")["at_enrolment"] == "ineligible"


def test_the_finding_is_about_the_instant_of_enrolment() -> None:
    seen = found(patient(SCREENING, GOOD, milestone("enrolment", "2024-01-08T10:00")), "2024-06-01")
    assert seen.since == at("2024-01-08T10:00")
    assert seen.facts["enrolled"] == "2024-01-08"
    assert found(patient(SCREENING, GOOD, uncertain("2024-01-08", "2024-01-09")), "2024-06-01").since is None


# --- as known ---------------------------------------------------------------------------------------------------------


def test_what_was_known_is_asked_at_the_instant_of_enrolment() -> None:
    asked: list[int] = []

    def known_at(instant: int) -> Timeline:
        asked.append(instant)
        return patient(SCREENING, GOOD, ENROLMENT)

    infected = patient(SCREENING, GOOD, INFECTED, ENROLMENT)
    seen = answers(infected, "2024-06-01", known_at)
    assert (seen["at_enrolment"], seen["as_known"]) == ("ineligible", "eligible")
    assert set(asked) == {at("2024-01-08")}


def test_whoever_enrolled_knew_of_the_enrolment() -> None:
    timeline = patient(SCREENING, GOOD, ENROLMENT)
    for then in (known(SCREENING, GOOD), known(SCREENING, GOOD, replace(ENROLMENT, certain=False))):
        assert answers(timeline, "2024-06-01", then)["as_known"] == "eligible"


def test_an_enrolment_that_was_known_with_another_date_is_not_another_enrolment() -> None:
    infected = replace(INFECTED, when=When(day("2024-01-07"), day("2024-01-07")))
    then = known(SCREENING, GOOD, infected, replace(ENROLMENT, when=When(day("2024-01-06"), day("2024-01-06"))))
    assert answers(patient(SCREENING, GOOD, infected, ENROLMENT), "2024-06-01", then)["as_known"] == "ineligible"


def test_what_may_or_may_not_have_been_known_is_undetermined() -> None:
    unsure = known(SCREENING, replace(GOOD, certain=False), ENROLMENT)
    assert answers(patient(SCREENING, GOOD, ENROLMENT), "2024-06-01", unsure)["as_known"] == "undetermined"


def test_without_what_was_known_nothing_excuses() -> None:
    assert answers(patient(SCREENING, GOOD, ENROLMENT), "2024-06-01")["as_known"] == "undetermined"


# --- programs without ------------------------------------------------------------------------------------------------


def test_a_program_without_enrolment_never_enrols() -> None:
    plan = program(criteria=(CREATININE,), moments={"screened": SCREENED})
    assert answers(patient(SCREENING, GOOD, ENROLMENT), "2024-01-09", plan=plan)["enrolled"] == "no"


def test_a_program_without_criteria_takes_everyone() -> None:
    assert answers(patient(), "2024-01-09", plan=program())["now"] == "eligible"


# --- laws -------------------------------------------------------------------------------------------------------------

STORIES = {
    "grows old": (SCREENING, GOOD),
    "late failure": (SCREENING, GOOD, ENROLMENT, value("creatinine", "2024-01-20T10:00", "2")),
    "timed": (
        SCREENING,
        GOOD,
        milestone("enrolment", "2024-01-08T10:00"),
        value("creatinine", "2024-01-08T11:00", "2"),
    ),
    "uncertain": (SCREENING, GOOD, uncertain("2024-01-07", "2024-01-12"), value("creatinine", "2024-01-10", "2")),
    "known later": (SCREENING, value("creatinine", "2024-01"), ENROLMENT),
}


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
def test_nothing_changes_before_until(items: tuple[Item, ...]) -> None:
    then = known(SCREENING, GOOD)
    reads = partial(criteria, PLAN), lambda question: eligibility(PLAN, replace(question, known_at=then))
    changes = [holds_until(read, patient(*items), "2023-12-25", "2024-03-10") for read in reads]
    assert min(changes) >= 1
    assert sum(changes) >= 2


def test_enrolment_ends_what_is_said_of_now_though_no_criterion_speaks_of_it() -> None:
    plan = program(criteria=(include("I1", limit(latest("creatinine"), "at_most", "1.5")),))
    timeline = patient(SCREENING, GOOD, milestone("enrolment", "2024-01-08T10:00"))
    assert holds_until(partial(eligibility, plan), timeline, "2024-01-04", "2024-01-10") == 1


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("time", ["2024-01-05", "2024-01-08T10:30", "2024-01-11", "2024-03-01"])
def test_the_records_that_are_cited_suffice(items: tuple[Item, ...], time: str) -> None:
    timeline = patient(*items)
    seen = found(timeline, time)
    if "undetermined" not in (seen.fields["now"], seen.fields["at_enrolment"]):
        assert found(only(timeline, seen.because), time).fields == seen.fields


def test_the_order_of_criteria_does_not_matter() -> None:
    turned = program(criteria=(INFECTION, CREATININE))
    for items in STORIES.values():
        for time in ("2024-01-05", "2024-01-09", "2024-02-10"):
            assert answers(patient(*items), time) == answers(patient(*items), time, plan=turned)
