"""Responses: categories in order, when they are final, and what comes of rescue, withdrawal and death."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from tests.findings.scenes import (
    DAY_1,
    LABS,
    SCREENED,
    WEEK_4,
    WEEK_12,
    all_of,
    day,
    dose,
    holds_until,
    latest,
    limit,
    milestone,
    patient,
    program,
    said,
    select,
    therapy,
    value,
)
from trialspec.explain import only
from trialspec.findings.finding import Finding
from trialspec.findings.responses import possible, response, responses
from trialspec.kernel import Window
from trialspec.patient import Item, Timeline
from trialspec.program import Category, Component, Program, Response, TherapyRule
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every, negate

# Week 12 is from 1 to 15 April 2024, around day 85, 8 April.
ENTRY = (
    milestone("screening", "2024-01-02"),
    milestone("enrolment", "2024-01-08"),
    dose("rituximab", "2024-01-15"),
)
C3 = limit(latest("c3", WEEK_12.window), "at_least", "90")
C4 = limit(latest("c4", WEEK_12.window), "at_least", "10")
DEFINITION = Response(
    "demo",
    ("week_12",),
    (Component("c3", "week_12", C3), Component("c4", "week_12", C4)),
    (
        Category("complete", "week_12", all_of(C3, C4)),
        Category("partial", "week_12", C3),
        Category("non_responder", "week_12", None),
    ),
    {"withdrawal": "not_evaluable", "death": "non_responder"},
)
STEROID = TherapyRule("steroid", "rescue", (select("therapy", Window(DAY_1), closed=SCREENED, drug="prednisolone"),))
VISITS = {"visits": (WEEK_4, WEEK_12), "assessments": (replace(LABS, visits=("week_4", "week_12")),)}


def plan(then: Mapping[str, str] | None = None, **changes: object) -> Program:
    asked = DEFINITION if then is None else replace(DEFINITION, then=then)
    return program(responses=(asked,), therapies=(STEROID,), **VISITS | changes)


def read(timeline: Timeline, time: str, asked: Program) -> Mapping[str, Finding]:
    return said(partial(responses, asked), timeline, time)


def category(*items: Item, time: str = "2024-06-01", asked: Program | None = None) -> tuple[str, str]:
    found = read(patient(*ENTRY, *items), time, asked or plan())["demo@week_12"]
    return str(found.fields["category"]), str(found.fields["final"])


GOOD = value("c3", "2024-04-08", "100"), value("c4", "2024-04-08", "20")


# --- the order of categories ------------------------------------------------------------------------------------------


def test_the_categories_left_are_those_of_the_definition() -> None:
    """A category is met when its condition is and no earlier one is met; it is left where it is not `not_met`."""
    for conditions in product((MET, NOT_MET, UNKNOWN), repeat=4):
        named = [(str(number), verdict) for number, verdict in enumerate(conditions)]

        def stands(number: int, conditions: tuple[Verdict, ...] = conditions) -> Verdict:
            return every((conditions[number], *(negate(earlier) for earlier in conditions[:number])))

        assert possible(named) == tuple(name for number, (name, _) in enumerate(named) if stands(number) is not NOT_MET)


def test_the_first_category_that_is_met_is_the_answer() -> None:
    assert category(*GOOD) == ("complete", "yes")
    assert category(value("c3", "2024-04-08", "90"), value("c4", "2024-04-08", "9")) == ("partial", "yes")
    assert category(value("c3", "2024-04-08", "89"), value("c4", "2024-04-08", "20")) == ("non_responder", "yes")


def test_a_decided_condition_answers_without_the_rest() -> None:
    # Without C4 a good C3 is one of two, but a poor C3 alone is no response.
    assert category(value("c3", "2024-04-08", "89")) == ("non_responder", "yes")
    assert category(value("c3", "2024-04-08", "100")) == ("not_evaluable", "yes")


def test_several_are_pending_until_the_window_has_closed() -> None:
    one = value("c3", "2024-04-08", "100")
    assert category(one, time="2024-04-15") == ("pending", "no")
    found = read(patient(*ENTRY, one), "2024-04-16", plan())["demo@week_12"]
    assert found.fields == {"category": "not_evaluable", "final": "yes"}
    assert {leaf.what for leaf in found.missing} == {"c4"}
    assert found.facts["possible"] == "complete, partial"
    assert found.facts["components"] == "c3 met, c4 unknown"


def test_a_category_is_there_before_it_is_final() -> None:
    assert category(*GOOD, time="2024-04-08") == ("complete", "no")
    assert category(*GOOD, time="2024-04-15") == ("complete", "no")
    assert category(*GOOD, time="2024-04-16") == ("complete", "yes")


def test_before_the_window_begins_it_is_pending_whatever_can_be_read() -> None:
    always = Category("always", "week_12", None)
    sure = program(responses=(replace(DEFINITION, categories=(always,)),), **VISITS)
    assert category(time="2024-03-31", asked=sure) == ("pending", "no")
    assert category(time="2024-04-01T00:00", asked=sure) == ("always", "no")


def test_without_its_anchor_it_is_pending_and_never_final() -> None:
    found = read(patient(*ENTRY[:2]), "2030-01-01", plan())["demo@week_12"]
    assert found.fields == {"category": "pending", "final": "no"}
    assert "day_1" in {leaf.what for leaf in found.missing}


def test_where_no_category_is_left_it_is_not_evaluable_once_the_window_has_closed() -> None:
    gap = program(responses=(replace(DEFINITION, categories=DEFINITION.categories[:2]),), **VISITS)
    assert category(value("c3", "2024-04-08", "89"), asked=gap) == ("not_evaluable", "yes")
    assert category(value("c3", "2024-04-08", "89"), time="2024-04-10", asked=gap) == ("pending", "no")


def test_an_uncertain_anchor_is_final_once_every_window_has_closed() -> None:
    dates = When(day("2024-01-15"), day("2024-01-17"))
    first = replace(ENTRY[2], when=dates, visible=dates)
    timeline = patient(*ENTRY[:2], first, *GOOD)
    assert read(timeline, "2024-04-16", plan())["demo@week_12"].fields == {"category": "complete", "final": "no"}
    assert read(timeline, "2024-04-18", plan())["demo@week_12"].fields == {"category": "complete", "final": "yes"}
    early = patient(
        *ENTRY[:2],
        first,
        *(replace(item, when=When(d, d), visible=When(d, d)) for item in GOOD for d in [day("2024-04-01")]),
    )
    assert read(early, "2024-04-18", plan())["demo@week_12"].fields == {"category": "not_evaluable", "final": "yes"}


# --- components -------------------------------------------------------------------------------------------------------


def test_components_come_before_categories_and_say_the_same_finality() -> None:
    found = read(patient(*ENTRY, value("c3", "2024-04-08", "100")), "2024-04-16", plan())
    assert [(name, dict(each.fields)) for name, each in found.items()] == [
        ("demo@week_12/c3", {"verdict": "met", "final": "yes"}),
        ("demo@week_12/c4", {"verdict": "unknown", "final": "yes"}),
        ("demo@week_12", {"category": "not_evaluable", "final": "yes"}),
    ]
    assert found["demo@week_12/c3"].facts["margin"] == "10"
    assert {leaf.what for leaf in found["demo@week_12/c4"].missing} == {"c4"}


def test_definitions_stand_side_by_side() -> None:
    strict = replace(DEFINITION, name="strict", categories=(DEFINITION.categories[0], DEFINITION.categories[2]))
    asked = program(responses=(DEFINITION, strict), **VISITS)
    poor = patient(*ENTRY, value("c3", "2024-04-08", "90"), value("c4", "2024-04-08", "9"))
    found = read(poor, "2024-06-01", asked)
    assert [found[f"{name}@week_12"].fields["category"] for name in ("demo", "strict")] == ["partial", "non_responder"]


# --- what came before the visit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "handled"),
    [("consent_withdrawn", "not_evaluable"), ("left_study", "not_evaluable"), ("death", "non_responder")],
)
def test_withdrawal_and_death_before_the_visit_are_handled_as_it_says(stop: str, handled: str) -> None:
    assert category(milestone(stop, "2024-03-01")) == (handled, "yes")
    assert category(milestone(stop, "2024-03-01"), time="2024-03-01") == (handled, "no")
    assert category(milestone(stop, "2024-04-07"), *GOOD) == (handled, "yes")
    assert category(milestone(stop, "2024-04-08"), *GOOD) == ("complete", "yes")
    assert category(milestone(stop, "2024-04-15"))[0] == handled
    assert category(milestone(stop, "2024-04-16")) == ("not_evaluable", "yes")
    assert category(milestone(stop, "2023-12-01"), *GOOD) == ("complete", "yes")


def test_hours_decide_on_the_date_of_the_visit() -> None:
    drawn = value("c3", "2024-04-08T10:00", "100"), value("c4", "2024-04-08T10:00", "20")
    assert category(milestone("death", "2024-04-08T09:00"), *drawn)[0] == "non_responder"
    assert category(milestone("death", "2024-04-08T11:00"), *drawn)[0] == "complete"


def test_as_observed_changes_nothing() -> None:
    observed = plan({"death": "as_observed"})
    assert category(milestone("death", "2024-04-05"), *GOOD, asked=observed) == ("complete", "yes")
    assert category(milestone("death", "2024-03-01"), asked=observed) == ("not_evaluable", "yes")


def test_a_stop_that_cancels_the_visit_leaves_it_not_evaluable() -> None:
    silent = plan({})
    assert category(milestone("death", "2024-03-01"), time="2024-03-02", asked=silent) == ("not_evaluable", "no")
    assert category(milestone("death", "2024-03-01"), *GOOD, asked=silent) == ("complete", "yes")
    assert category(milestone("treatment_stopped", "2024-03-01"), time="2024-03-02", asked=silent) == ("pending", "no")


def test_rescue_before_the_visit_is_handled_and_after_it_is_not() -> None:
    rescued = plan({"rescue": "non_responder"})
    assert category(therapy("prednisolone", "2024-04-07"), *GOOD, asked=rescued) == ("non_responder", "yes")
    assert category(therapy("prednisolone", "2024-04-08"), *GOOD, asked=rescued) == ("complete", "yes")
    assert category(therapy("prednisolone", "2024-04-12"), asked=rescued) == ("non_responder", "yes")
    assert category(therapy("mycophenolate", "2024-02-01"), *GOOD, asked=rescued) == ("complete", "yes")
    assert category(therapy("prednisolone", "2024-02-01"), *GOOD, asked=plan()) == ("complete", "yes")


def test_a_therapy_is_handled_by_its_own_role() -> None:
    prohibited = plan({"prohibited": "non_responder"})
    taken = therapy("prednisolone", "2024-02-01")
    assert category(taken, *GOOD, asked=prohibited) == ("complete", "yes")
    banned = replace(STEROID, role="prohibited")
    assert category(taken, *GOOD, asked=replace(prohibited, therapies=(banned,))) == ("non_responder", "yes")


def test_a_rescue_that_may_have_come_first_leaves_what_both_readings_agree_on() -> None:
    rescued = plan({"rescue": "non_responder"})
    vague = therapy("prednisolone", "2024-04")
    assert category(vague, *GOOD, asked=rescued) == ("not_evaluable", "yes")
    assert category(vague, value("c3", "2024-04-08", "89"), asked=rescued) == ("non_responder", "yes")
    assert category(vague, *GOOD, time="2024-04-10", asked=rescued) == ("pending", "no")


def test_where_silence_about_therapy_says_nothing_a_rescue_may_have_been() -> None:
    query = select("therapy", Window(DAY_1), drug="prednisolone")
    asked = replace(plan({"rescue": "non_responder"}), therapies=(replace(STEROID, select=(query,)),))
    assert category(*GOOD, asked=asked) == ("not_evaluable", "yes")
    assert category(value("c3", "2024-04-08", "89"), asked=asked) == ("non_responder", "yes")


def test_several_that_are_handled_differently_are_not_evaluable() -> None:
    both = plan({"rescue": "complete", "death": "non_responder"})
    items = therapy("prednisolone", "2024-02-01"), milestone("death", "2024-03-01")
    assert category(items[0], asked=both) == ("complete", "yes")
    assert category(items[1], asked=both) == ("non_responder", "yes")
    assert category(*items, asked=both) == ("not_evaluable", "yes")


def test_an_out_of_window_value_does_not_move_the_end_of_the_window() -> None:
    late = value("c3", "2024-04-20", "100")
    assert category(milestone("death", "2024-04-17"), late, *GOOD[1:]) == ("not_evaluable", "yes")
    assert category(milestone("death", "2024-04-17"), late) == ("not_evaluable", "yes")
    assert category(milestone("death", "2024-04-14"), late) == ("non_responder", "yes")


# --- laws -------------------------------------------------------------------------------------------------------------


def between(made: Item, first: str, last: str) -> Item:
    dates = When(day(first), day(last))
    return replace(made, when=dates, visible=dates)


STORIES = {
    "complete": GOOD,
    "changing": (
        value("c3", "2024-04-03", "100"),
        value("c4", "2024-04-03T10:00", "20"),
        value("c3", "2024-04-10", "50"),
    ),
    "one only": (GOOD[0],),
    "rescued": (*GOOD, between(therapy("prednisolone", "2024-04-06"), "2024-04-06", "2024-04-10")),
    "rescued in time": (therapy("prednisolone", "2024-04-05T10:00"),),
    "gone, then dead": (milestone("consent_withdrawn", "2024-03-20T10:00"), milestone("death", "2024-04-02T10:00")),
    "gone": (milestone("consent_withdrawn", "2024-03-20T10:00"), *GOOD),
    "vague": (
        between(GOOD[0], "2024-03-30", "2024-04-02"),
        GOOD[1],
        between(milestone("death", "2024-04-05"), "2024-04-05", "2024-04-09"),
    ),
}
RESCUED = plan({"rescue": "non_responder", "withdrawal": "not_evaluable", "death": "non_responder"})


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("entry", [ENTRY, (*ENTRY[:2], between(ENTRY[2], "2024-01-15", "2024-01-16"))])
def test_nothing_changes_before_until(items: tuple[Item, ...], entry: tuple[Item, ...]) -> None:
    asked = partial(response, RESCUED, RESCUED.responses[0])
    assert holds_until(asked, patient(*entry, *items), "2024-03-15", "2024-04-20") >= 2


def test_a_second_stop_that_is_handled_changes_the_answer_at_its_instant() -> None:
    asked = plan({"withdrawal": "as_observed", "death": "non_responder"})
    timeline = patient(*ENTRY, *STORIES["gone, then dead"])
    assert holds_until(partial(response, asked, asked.responses[0]), timeline, "2024-03-15", "2024-04-10") == 2


@pytest.mark.parametrize("items", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("time", ["2024-03-25", "2024-04-03", "2024-04-08", "2024-04-20"])
def test_the_records_that_are_cited_suffice(items: tuple[Item, ...], time: str) -> None:
    timeline = patient(*ENTRY, *items)
    found = read(timeline, time, RESCUED)["demo@week_12"]
    again = read(only(timeline, found.because), time, RESCUED)["demo@week_12"]
    if found.fields["category"] not in {"pending", "not_evaluable"}:
        assert again.fields == found.fields
