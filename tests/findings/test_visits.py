"""Visits and assessments: when each is due, what makes it done, and what is said of values out of place."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from tests.findings.scenes import (
    BASELINE,
    COUNT,
    CYC,
    DAY_1,
    ENROLLED,
    LABS,
    SCREENED,
    SEOUL,
    WEEK_4,
    WEEK_12,
    after,
    at,
    before,
    day,
    dose,
    happened,
    holds_until,
    milestone,
    patient,
    program,
    said,
    study_day,
    value,
    when,
)
from trialspec.explain import only
from trialspec.findings.finding import Finding
from trialspec.findings.visits import Given, before_doses, given_doses, visits
from trialspec.findings.windows import catchment, lies_inside, locating, window_place
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import membership
from trialspec.kernel import Dose, Window
from trialspec.patient import Item, Timeline
from trialspec.program import AssessmentPlan, VisitPlan
from trialspec.times import When, shown_date, shown_instant

# Day 1 is 15 January 2024, so day 29 is 12 February and day 85 is 8 April.
ENTRY = (
    milestone("screening", "2024-01-02"),
    milestone("enrolment", "2024-01-08"),
    dose("rituximab", "2024-01-15"),
)


def read(timeline: Timeline, time: str, **changes: object) -> dict[str, Finding]:
    consented = patient(*timeline.items, milestone("consent", "2023-11-01"), problems=timeline.problems)
    return said(partial(visits, program(**changes)), consented, time)


def stands(finding: Finding) -> tuple[str, set[str]]:
    state, departure = finding.fields["state"], finding.fields["departure"]
    assert isinstance(state, str)
    return state, set(departure)


def week_4(*items: Item, time: str, **changes: object) -> tuple[str, set[str]]:
    return stands(read(patient(*ENTRY, *items), time, **changes)["week_4"])


# --- catchments -------------------------------------------------------------------------------------------------------


def test_borders_are_midpoints_and_a_date_equally_far_belongs_to_the_later() -> None:
    question = Question(patient(*ENTRY), at("2024-06-01"))
    found = {name: catchment(program(), name, question) for name in ("baseline", "week_4", "week_12")}
    shown = {name: tuple(shown_date(date or 0) for date in each or ()) for name, each in found.items()}
    # Baseline ends on 15 January, week 4 is from 5 to 19 February, week 12 from 1 to 15 April.
    assert shown == {
        "baseline": ("2023-12-18", "2024-01-25"),  # 25 January is 10 days from one and 11 from the other
        "week_4": ("2024-01-26", "2024-03-10"),  # 11 March is 21 days from both, and so week 12's
        "week_12": ("2024-03-11", "2024-04-30"),  # 15 permitted days, and 15 more
    }


def test_without_a_first_window_date_the_first_catchment_begins_at_screening() -> None:
    visit = VisitPlan("entry", None, Window(study_day(1), study_day(3)))
    question = Question(patient(*ENTRY), at("2024-06-01"))
    assert catchment(program(visits=(visit,), assessments=()), "entry", question) == (
        day("2024-01-02"),
        day("2024-01-20"),
    )


def test_a_visit_that_is_not_placed_has_no_catchment() -> None:
    question = Question(patient(*ENTRY[:2]), at("2024-06-01"))
    assert catchment(program(), "week_4", question) is None


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "state"),
    [
        ("2024-02-04", "not_due"),
        ("2024-02-05T00:00", "due"),
        ("2024-02-19", "due"),
        ("2024-02-20T00:00", "overdue"),
        ("2024-03-10", "overdue"),
        ("2024-03-11T00:00", "missed"),
    ],
)
def test_an_empty_visit_is_due_overdue_and_missed_at_the_turns_of_its_dates(time: str, state: str) -> None:
    assert week_4(time=time) == (state, set())


def test_missed_after_ends_it_earlier_but_never_within_its_window() -> None:
    earlier = replace(WEEK_4, missed_after=study_day(40))
    assert week_4(time="2024-02-23", visits=(earlier, WEEK_12), assessments=()) == ("overdue", set())
    assert week_4(time="2024-02-24", visits=(earlier, WEEK_12), assessments=()) == ("missed", set())
    within = replace(WEEK_4, missed_after=study_day(30))
    assert week_4(time="2024-02-19", visits=(within, WEEK_12), assessments=()) == ("due", set())


def test_a_visit_is_done_by_its_milestone_or_by_any_value_in_its_window() -> None:
    assert week_4(milestone("visit", "2024-02-12", visit="week_4"), time="2024-02-12") == ("done", set())
    assert week_4(value("creatinine", "2024-02-19"), time="2024-02-19") == ("done", set())


def test_a_value_is_not_there_before_its_time() -> None:
    assert week_4(value("c3", "2024-02-14T09:00"), time="2024-02-14T08:59") == ("due", set())


def test_what_was_asked_and_denied_or_not_done_does_not_make_it_done() -> None:
    refused = replace(value("c3", "2024-02-12"), answer="not_done")
    assert week_4(refused, time="2024-02-12") == ("due", set())


def test_a_stray_value_before_the_window_is_unscheduled_until_the_window_has_closed_without_another() -> None:
    stray = value("c3", "2024-02-01")
    assert week_4(stray, time="2024-02-03") == ("not_due", set())
    assert week_4(stray, time="2024-02-12") == ("due", set())
    assert week_4(stray, time="2024-02-20") == ("done", {"out_of_window"})
    assert week_4(stray, value("c3", "2024-02-12"), time="2024-02-20") == ("done", set())


def test_a_late_value_makes_it_done_out_of_window_even_after_it_was_overdue() -> None:
    late = value("c3", "2024-02-25")
    assert week_4(late, time="2024-02-24") == ("overdue", set())
    assert week_4(late, time="2024-02-25") == ("done", {"out_of_window"})


def test_a_late_value_in_the_next_catchment_is_not_this_visits() -> None:
    assert week_4(value("c3", "2024-03-11"), time="2024-03-12") == ("missed", set())


def test_a_count_before_a_dose_does_not_make_a_visit_done_out_of_window() -> None:
    assert week_4(value("neutrophils", "2024-02-25"), time="2024-02-25") == ("overdue", set())


def test_a_value_that_names_its_visit_belongs_to_it_and_its_date_is_judged() -> None:
    named = value("c3", "2024-01-30", visit="week_4")
    assert week_4(named, time="2024-01-30") == ("done", {"out_of_window"})
    in_week_12 = value("c3", "2024-04-08", visit="week_4")
    found = read(patient(*ENTRY, in_week_12), "2024-04-08")
    assert stands(found["week_4"]) == ("done", {"out_of_window"})
    assert stands(found["week_12"]) == ("due", set())


MISNAMED = "baseline|week_4|week_12|week_5"  # as a timeline has `week_5`: it may be any of the visits, or none


def test_a_value_whose_visit_is_misspelt_may_belong_where_its_date_is_and_nowhere_else() -> None:
    found = read(patient(*ENTRY, value("c3", "2024-02-12", visit=MISNAMED)), "2024-02-12")
    states = {name: stands(found[name])[0] for name in ("baseline", "week_4", "week_12", "labs@week_4/c3")}
    assert states == {"baseline": "missed", "week_4": "unknown", "week_12": "not_due", "labs@week_4/c3": "unknown"}
    late, early = (value("c3", f"2024-{day}", visit=MISNAMED) for day in ("02-25", "01-30"))
    assert week_4(late, time="2024-02-25") == ("unknown", set())
    assert week_4(early, time="2024-01-30") == ("not_due", set())
    sure = value("c3", "2024-02-13")
    assert week_4(sure, value("c3", "2024-02-12", visit=MISNAMED), time="2024-02-13") == ("done", set())


def test_an_uncertain_name_leaves_both_visits_unknown() -> None:
    found = read(patient(*ENTRY, value("c3", "2024-02-12", visit="week_4|week_12")), "2024-02-12")
    assert {name: stands(found[name])[0] for name in ("week_4", "week_12")} == {
        "week_4": "unknown",
        "week_12": "unknown",
    }


def test_a_value_that_is_only_possibly_there_leaves_it_unknown() -> None:
    possible = value("c3", "2024-02-12", certain=False)
    assert week_4(possible, time="2024-02-12") == ("unknown", set())
    assert week_4(possible, value("c3", "2024-02-13"), time="2024-02-13") == ("done", set())


def test_a_partial_date_is_done_where_every_date_of_it_is_and_unknown_otherwise() -> None:
    # February is from 26 January to 10 March, the catchment: done once the window has closed, in or out of it.
    assert week_4(value("c3", "2024-02"), time="2024-03-01") == ("done", set())
    assert week_4(value("c3", "2024-02"), time="2024-02-15") == ("unknown", set())


# --- stops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["consent_withdrawn", "left_study", "death"])
def test_a_stop_cancels_what_was_not_done_or_missed_before_it(stop: str) -> None:
    timeline = patient(*ENTRY, milestone("visit", "2024-01-15", visit="baseline"), milestone(stop, "2024-03-20"))
    found = read(timeline, "2024-06-01")
    assert [stands(found[name])[0] for name in ("baseline", "week_4", "week_12")] == ["done", "missed", "cancelled"]


def test_stopping_treatment_leaves_assessments_due() -> None:
    assert week_4(milestone("treatment_stopped", "2024-01-20"), time="2024-02-12") == ("due", set())


def test_a_stop_on_the_last_date_of_the_catchment_comes_first() -> None:
    assert week_4(milestone("death", "2024-03-10"), time="2024-06-01") == ("cancelled", set())
    assert week_4(milestone("death", "2024-03-10T23:59:59"), time="2024-06-01") == ("cancelled", set())
    assert week_4(milestone("death", "2024-03-11"), time="2024-06-01") == ("missed", set())


def test_a_value_after_a_stop_is_done_all_the_same() -> None:
    left, drawn = milestone("left_study", "2024-02-08"), value("c3", "2024-02-12")
    assert week_4(left, drawn, time="2024-02-12") == ("done", set())


def test_a_withdrawal_before_the_last_screening_was_of_an_earlier_attempt() -> None:
    assert week_4(milestone("consent_withdrawn", "2023-12-01"), time="2024-02-12") == ("due", set())


# --- before day 1 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "state"),
    [
        ("2024-01-07", "not_due"),
        ("2024-01-08T00:00", "due"),
        ("2024-01-22", "due"),
        ("2024-01-23T00:00", "overdue"),
        ("2024-12-31", "overdue"),
    ],
)
def test_without_day_1_the_baseline_is_due_from_enrolment_then_overdue(time: str, state: str) -> None:
    found = read(patient(*ENTRY[:2]), time)
    assert stands(found["baseline"]) == (state, set())
    assert stands(found["week_4"]) == ("not_due", set())


def test_missed_after_ends_a_baseline_that_never_came() -> None:
    plan = replace(BASELINE, missed_after=after("60 d", SCREENED))
    found = read(patient(*ENTRY[:2]), "2024-03-03", visits=(plan, WEEK_4, WEEK_12))
    assert stands(found["baseline"]) == ("missed", set())


# The baseline may be 28 days before day 1: of 3 January, until 31 January.
EARLY = {"unnamed": value("c3", "2024-01-03"), "named": value("c3", "2024-01-03", visit="baseline")}


@pytest.mark.parametrize("early", EARLY.values(), ids=EARLY)
def test_without_day_1_a_value_counts_as_if_day_1_were_today_until_it_is_too_old(early: Item) -> None:
    timeline = patient(*ENTRY[:2], early)
    for name in ("baseline", "labs@baseline/c3"):
        last = read(timeline, "2024-01-31")[name]
        assert stands(last) == ("done", set())
        assert last.until == at("2024-01-31") + 1
        lapsed = read(timeline, "2024-02-01T00:00")[name]
        assert stands(lapsed) == ("overdue", set())
        assert lapsed.until is None
    assert stands(read(timeline, "2024-02-01")["labs@baseline/c4"]) == ("overdue", set())


def test_what_has_lapsed_is_due_again_and_done_again_by_another_value() -> None:
    old, new = value("c3", "2023-12-20"), value("c3", "2024-01-19")
    assert stands(read(patient(*ENTRY[:2], old), "2024-01-17")["baseline"]) == ("done", set())
    assert stands(read(patient(*ENTRY[:2], old), "2024-01-18")["baseline"]) == ("due", set())
    assert stands(read(patient(*ENTRY[:2], old, new), "2024-01-19")["baseline"]) == ("done", set())


def test_what_has_lapsed_is_out_of_window_only_once_day_1_has_come() -> None:
    entry = *ENTRY[:2], dose("rituximab", "2024-02-05")
    unnamed, named = value("c3", "2024-01-03"), value("c3", "2024-01-03", visit="baseline")
    assert stands(read(patient(*entry, unnamed), "2024-02-04")["baseline"]) == ("overdue", set())
    assert stands(read(patient(*entry, unnamed), "2024-02-05")["baseline"]) == ("due", set())
    assert stands(read(patient(*entry, unnamed), "2024-02-06")["baseline"]) == ("done", {"out_of_window"})
    assert stands(read(patient(*entry, named), "2024-02-04")["baseline"]) == ("overdue", set())
    assert stands(read(patient(*entry, named), "2024-02-05")["baseline"]) == ("done", {"out_of_window"})


def test_a_milestone_of_the_visit_lapses_as_well() -> None:
    timeline = patient(*ENTRY[:2], milestone("visit", "2024-01-08", visit="baseline"))
    assert stands(read(timeline, "2024-02-05")["baseline"]) == ("done", set())
    assert stands(read(timeline, "2024-02-06")["baseline"]) == ("overdue", set())


def test_what_was_done_when_the_patient_stopped_does_not_lapse() -> None:
    done, left = value("c3", "2024-01-03"), milestone("left_study", "2024-01-31T10:00")
    assert stands(read(patient(*ENTRY[:2], done, left), "2024-06-01")["baseline"]) == ("done", set())
    later = milestone("left_study", "2024-02-01T10:00")
    assert stands(read(patient(*ENTRY[:2], done, later), "2024-06-01")["baseline"]) == ("cancelled", set())


def test_a_value_in_the_window_of_another_visit_counts_for_both_as_it_would_with_day_1() -> None:
    entry = VisitPlan("entry", None, Window(SCREENED, after("7 d", SCREENED)))
    for further in ((), (dose("rituximab", "2024-01-20"),)):
        timeline = patient(*ENTRY[:2], value("c3", "2024-01-03"), *further)
        found = read(timeline, "2024-01-20", visits=(entry, BASELINE), assessments=())
        assert {name: stands(each) for name, each in found.items()} == dict.fromkeys(found, ("done", set()))


WINDOWS = {
    "days": Window(before("28 d", DAY_1), DAY_1),
    "months": Window(before("1 mo", DAY_1), DAY_1),
    "excluded": Window(before("10 d", DAY_1), DAY_1, after=True, before=True),
    "hours": Window(before("200 h", DAY_1), DAY_1),
    "ends before": Window(before("14 d", DAY_1), before("5 d", DAY_1)),
    "begins at screening": Window(SCREENED, DAY_1),
}
DRAWN = {
    "dates": (value("c3", "2024-01-03"), value("c4", "2024-01-30")),
    "times": (value("c3", "2024-01-03T15:00"), value("c3", "2024-01-29T23:00")),
    "partial": (value("c3", "2024-01"), value("c4", "2023-12")),
    "not certain": (value("c3", "2024-01-05", certain=False),),
    "names": (value("c3", "2024-01-03", visit="baseline"), value("c4", "2024-01-05", visit="baseline|week_4")),
    "misspelt": (value("c3", "2024-01-09", visit=MISNAMED),),
    "stopped": (value("c3", "2024-01-05"), milestone("left_study", "2024-01-25T10:00")),
}


@pytest.mark.parametrize("items", DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_before_day_1_nothing_changes_before_until(window: Window, items: tuple[Item, ...]) -> None:
    plan = program(visits=(VisitPlan("baseline", None, window, first_due=after("14 d", ENROLLED)), WEEK_4))
    labs = replace(LABS, visits=("baseline", "week_4"))
    read_ = partial(visits, replace(plan, assessments=(labs,)))
    holds_until(read_, patient(*ENTRY[:2], *items), "2023-12-30", "2024-03-20")


# A date in a window that closes before day 1 may be out of it on the date of the question already.
OPEN = [name for name in WINDOWS if name not in {"excluded", "ends before"}]


@pytest.mark.parametrize(
    ("window", "items"),
    [
        *((WINDOWS[name], DRAWN["dates"]) for name in WINDOWS),
        *((WINDOWS[name], DRAWN["partial"]) for name in OPEN),
    ],
)
def test_before_day_1_done_is_what_would_be_if_day_1_were_today(window: Window, items: tuple[Item, ...]) -> None:
    changes = {"visits": (VisitPlan("baseline", None, window, first_due=after("14 d", ENROLLED)),), "assessments": ()}
    seen = set()
    for date in range(day("2024-01-08"), day("2024-02-20")):
        today = shown_date(date)
        waiting = stands(read(patient(*ENTRY[:2], *items), today, **changes)["baseline"])
        come = stands(read(patient(*ENTRY[:2], *items, dose("rituximab", today)), today, **changes)["baseline"])
        # What would be done outside the window is not done before day 1: it departs from nothing yet.
        expected = come[0] if come[0] in {"done", "unknown"} and not come[1] else "due"
        assert {"overdue": "due"}.get(waiting[0], waiting[0]) == expected, today
        assert waiting[1] == set()
        seen.add(waiting[0])
    assert seen & {"done", "unknown"}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_until_is_the_very_second_of_the_lapse(window: Window) -> None:
    changes = {"visits": (VisitPlan("baseline", None, window, first_due=after("1 d", ENROLLED)),), "assessments": ()}
    timeline = patient(*ENTRY[:2], value("c3", "2024-01-05T15:00"))
    now, states = at("2024-01-11"), list[str]()
    while True:
        finding = read(timeline, shown_instant(now, SEOUL), **changes)["baseline"]
        states.append(stands(finding)[0])
        if finding.until is None:
            break
        now = finding.until
    assert len(states) <= 4
    assert all(one != other for one, other in pairwise(states)), states
    assert states[-1] == ("done" if window.start is SCREENED else "overdue")


def test_first_due_may_be_counted_from_another_moment() -> None:
    randomised = happened("randomised", "first", "randomisation")
    plan = replace(BASELINE, first_due=after("3 d", randomised), first_due_from=randomised)
    timeline = patient(*ENTRY[:2], milestone("randomisation", "2024-01-20T10:00"))
    reading = partial(visits, program(visits=(plan,), assessments=()))
    assert stands(said(reading, timeline, "2024-01-20T09:59")["baseline"]) == ("not_due", set())
    assert stands(said(reading, timeline, "2024-01-20T10:00")["baseline"]) == ("due", set())
    assert stands(said(reading, timeline, "2024-01-24")["baseline"]) == ("overdue", set())
    assert holds_until(reading, timeline, "2024-01-01", "2024-01-30") == 2


def test_nothing_is_due_to_a_patient_who_is_only_screened() -> None:
    found = read(patient(ENTRY[0]), "2024-06-01")
    assert {stands(each)[0] for each in found.values()} == {"not_due"}


@pytest.mark.parametrize("entry", [ENTRY[1:], ENTRY[1:2], ENTRY[2:]])
def test_enrolled_or_dosed_without_screening_leaves_everything_unknown(entry: tuple[Item, ...]) -> None:
    found = read(patient(*entry), "2024-06-01")
    assert {stands(each)[0] for each in found.values()} == {"unknown"}
    assert {leaf.what for each in found.values() for leaf in each.missing} == {"screening"}


def test_a_partial_date_of_day_1_leaves_unknown_what_its_dates_do_not_agree_on() -> None:
    screened = milestone("screening", "2023-12-30")
    timeline = patient(screened, ENTRY[1], dose("rituximab", "2024-01"))
    assert stands(read(timeline, "2024-02-12")["week_12"]) == ("not_due", set())
    assert stands(read(timeline, "2024-02-12")["week_4"]) == ("unknown", set())
    assert stands(read(timeline, "2024-12-31")["week_4"]) == ("missed", set())


def test_a_departure_is_one_in_every_world() -> None:
    dates = When(day("2024-01-15"), day("2024-01-17"))
    first = replace(ENTRY[2], when=dates, visible=dates)
    on_the_first = value("c3", "2024-02-05")  # of three possible windows it lies in one
    assert stands(read(patient(*ENTRY[:2], first, on_the_first), "2024-02-25")["week_4"]) == ("done", set())
    before_all = value("c3", "2024-02-04")
    assert stands(read(patient(*ENTRY[:2], first, before_all), "2024-02-25")["week_4"]) == ("done", {"out_of_window"})


# --- assessments ------------------------------------------------------------------------------------------------------


def test_an_assessment_is_done_by_its_own_value_alone() -> None:
    found = read(patient(*ENTRY, value("c3", "2024-02-12")), "2024-02-20")
    assert stands(found["week_4"]) == ("done", set())
    assert stands(found["labs@week_4/c3"]) == ("done", set())
    assert stands(found["labs@week_4/c4"]) == ("overdue", set())
    assert found["labs@week_4/c4"].facts["measure"] == "C4"
    assert found["labs@week_4/c4"].facts["window"] == "from 2024-02-05 to 2024-02-19"


def test_a_value_of_an_uncertain_measure_leaves_both_unknown() -> None:
    found = read(patient(*ENTRY, value("c3|c4", "2024-02-12")), "2024-02-12")
    assert [stands(found[f"labs@week_4/{name}"])[0] for name in ("c3", "c4")] == ["unknown", "unknown"]


def test_a_wrong_method_is_of_the_value_for_the_visit() -> None:
    labs = replace(LABS, methods={"c3": frozenset({"nephelometry"})})

    def found(*items: Item, time: str = "2024-02-20") -> tuple[str, set[str]]:
        return stands(read(patient(*ENTRY, *items), time, assessments=(labs,))["labs@week_4/c3"])

    wrong = value("c3", "2024-02-12", method="elisa")
    assert found(wrong) == ("done", {"wrong_method"})
    assert found(wrong, time="2024-02-19") == ("done", set())
    assert found(value("c3", "2024-02-12")) == ("done", set())
    assert found(wrong, value("c3", "2024-02-11", method="nephelometry")) == ("done", {"wrong_method"})
    assert found(wrong, value("c3", "2024-02-12", "2", name="b", method="nephelometry")) == ("done", set())
    # One of a partial date may have been nearer than it.
    vague = value("c3", "2024-02", method="nephelometry")
    assert found(wrong, vague, time="2024-03-02") == ("done", set())
    # Of two days equally near the planned one the later is the visit's.
    right = value("c3", "2024-02-13", method="nephelometry")
    assert found(value("c3", "2024-02-11", method="elisa"), right) == ("done", set())
    assert found(wrong, value("c3", "2024-02-12T10:00", "2", name="b", certain=False)) == ("done", set())


def test_without_a_planned_day_the_latest_value_in_the_window_is_the_one() -> None:
    labs = replace(LABS, methods={"c3": frozenset({"nephelometry"})})
    items = value("c3", "2024-01-04", method="nephelometry"), value("c3", "2024-01-14", method="elisa")
    found = read(patient(*ENTRY, *items), "2024-01-16", assessments=(labs,))
    assert stands(found["labs@baseline/c3"]) == ("done", {"wrong_method"})
    assert found["labs@baseline/c3"].facts["date"] == "2024-01-14"


# --- before doses -----------------------------------------------------------------------------------------------------


def counted(
    *items: Item, time: str, given: dict[str, Given], assessments: tuple[AssessmentPlan, ...] = (COUNT,)
) -> dict[str, str]:
    plan = program(assessments=assessments)
    found = said(lambda question: before_doses(plan, question, given), patient(*ENTRY, *items), time)
    return {name: stands(each)[0] for name, each in found.items()}


GIVEN = {"CYC#1": Given("CYC", when("2024-01-17T11:00"), frozenset({"a dose"}))}


def test_a_count_is_not_due_until_its_dose_is_given() -> None:
    assert counted(time="2024-01-17", given={}) == {
        "count@CYC#1/neutrophils": "not_due",
        "count@CYC#2/neutrophils": "not_due",
    }
    assert set(counted(milestone("death", "2024-01-16"), time="2024-01-17", given={}).values()) == {"cancelled"}


@pytest.mark.parametrize(
    ("drawn", "state"),
    [
        ("2024-01-10", "done"),
        ("2024-01-09", "missed"),
        ("2024-01-17T11:00", "done"),
        ("2024-01-17T11:01", "missed"),
        ("2024-01-17", "done"),
    ],
)
def test_a_count_is_done_in_its_window_and_missed_without(drawn: str, state: str) -> None:
    found = counted(value("neutrophils", drawn), time="2024-01-18", given=GIVEN)
    assert found["count@CYC#1/neutrophils"] == state


def test_a_count_after_the_dose_is_due_for_as_long_as_its_window_lasts() -> None:
    window = Window(Dose(), after("2 d", Dose()))
    late = AssessmentPlan("count", ("neutrophils",), before=("CYC",), window=window)
    assert counted(time="2024-01-19", given=GIVEN, assessments=(late,))["count@CYC#1/neutrophils"] == "due"
    assert counted(time="2024-01-20", given=GIVEN, assessments=(late,))["count@CYC#1/neutrophils"] == "missed"


def test_a_dose_at_a_time_that_is_not_known_leaves_its_count_unknown() -> None:
    found = counted(value("neutrophils", "2024-01-16"), time="2024-01-18", given={"CYC#1": Given("CYC", None)})
    assert found["count@CYC#1/neutrophils"] == "unknown"


def test_a_dose_that_fills_no_slot_has_its_count_too() -> None:
    found = counted(time="2024-01-18", given={"e7": Given("CYC", when("2024-01-17"))})
    assert found["count@e7/neutrophils"] == "missed"


def test_the_start_of_a_dose_is_that_of_its_record() -> None:
    given = dose("cyclophosphamide", "2024-01-17", 750, name="d")
    made = Finding("dose", "d", {"state": "given"}, since=SEOUL.start_of(day("2024-01-17")), because=frozenset({"d"}))
    found = given_doses(program(doses=(CYC,)), [made], Question(patient(*ENTRY, given), at("2024-01-17")))
    assert found == {"d": Given("CYC", when("2024-01-17"), frozenset({"d"}))}


# --- laws -------------------------------------------------------------------------------------------------------------


def left_between(first: str, days: int) -> Item:
    uncertain = When(day(first), day(first) + days - 1)
    return replace(milestone("left_study", first), when=uncertain, visible=uncertain)


def within_days(drug: str, first: str, days: int) -> Item:
    """A dose on one of several dates, as two contradicting records leave it."""
    uncertain = When(day(first), day(first) + days - 1)
    return replace(dose(drug, first), when=uncertain, visible=uncertain)


STORIES = {
    "all on time": (value("c3", "2024-01-14"), value("c3", "2024-02-12T09:00"), value("c4", "2024-04-10")),
    "stray and late": (value("c3", "2024-02-01"), value("c4", "2024-02-28T10:00"), value("c3", "2024-05-01")),
    "uncertain": (value("c3", "2024-02", certain=False), value("c4", "2024-02-10", visit="week_4|week_12")),
    "withdrawn": (milestone("consent_withdrawn", "2024-02-22T12:00"), value("c3", "2024-04-08")),
    "partial": (value("c3", "2024-02"), left_between("2024-03-10", 3)),
    "named": (value("c3", "2024-01-03", visit="week_4"), milestone("visit", "2024-04-20", visit="week_12")),
}


@pytest.mark.slow
@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("entry", [ENTRY, ENTRY[:2], (*ENTRY[:2], within_days("rituximab", "2024-01-15", 2))])
def test_nothing_changes_before_until(items: tuple[Item, ...], entry: tuple[Item, ...]) -> None:
    labs = replace(LABS, methods={"c3": frozenset({"nephelometry"})})
    spotted = (*items, value("c3", "2024-04-12", method="elisa"))
    read_ = partial(visits, program(assessments=(labs,)))
    assert holds_until(read_, patient(*entry, *spotted), "2024-01-01", "2024-05-10") >= 2


def test_nothing_changes_before_until_of_what_is_needed_before_doses() -> None:
    plan = program(assessments=(COUNT,))
    timeline = patient(*ENTRY, value("neutrophils", "2024-01-20"), milestone("death", "2024-01-30"))
    seen = [partial(before_doses, plan, given=given) for given in ({}, GIVEN)]
    assert [holds_until(read_, timeline, "2024-01-17", "2024-02-05") for read_ in seen] == [1, 2]


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("time", ["2024-01-20", "2024-02-12", "2024-02-25", "2024-03-15", "2024-05-10"])
def test_the_records_that_are_cited_suffice(items: tuple[Item, ...], time: str) -> None:
    timeline = patient(*ENTRY, *items)
    for name, finding in read(timeline, time).items():
        again = read(only(timeline, finding.because), time)[name]
        assert again.fields == finding.fields, name


def test_inside_a_window_is_what_the_reference_says() -> None:
    windows = [
        Window(study_day(3), study_day(5)),
        Window(study_day(3), study_day(5), after=True, before=True),
        Window(SCREENED, study_day(1)),
        Window(SCREENED, ENTRY_DOSE, after=True),
        Window(SCREENED, ENTRY_DOSE, before=True),
        Window(after("12 h", ENTRY_DOSE), after("36 h", ENTRY_DOSE)),
        Window(None, None),
    ]
    times = ["2024-01-02", "2024-01-02T09:00", "2024-01-15", "2024-01-15T10:00", "2024-01-15T08:00", "2024-01-16T21:00"]
    times += ["2024-01-16", "2024-01-17", "2024-01-19T23:00", "2024-01-20", "2024-01", "2024-02-01"]
    for start in ("2024-01-15", "2024-01-15T09:00"):
        timeline = patient(*ENTRY[:2], dose("rituximab", start), *(value("c3", time) for time in times))
        question = Question(timeline, at("2024-03-01"))
        for window in windows:
            place = window_place(window, None, locating(question), SEOUL)
            for item in timeline.items:
                if item.kind == "observation":
                    assert lies_inside(item.when, place, SEOUL) == membership(item, window, question), (item.id, window)


ENTRY_DOSE = study_day(1).point
