"""Planned doses, what fills them, and how what was given departed from the plan."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from itertools import islice, permutations
from typing import TYPE_CHECKING

import pytest

from tests.findings.builders import (
    CONSENT,
    CYC,
    DAY_ONE,
    ENROLLED,
    ENROLMENT,
    FOUNDING,
    RTX,
    SCREENED,
    SCREENING,
    SEOUL,
    after,
    asked,
    cyc,
    day,
    departures,
    gate,
    given,
    instant,
    milestone,
    neutrophils,
    not_done,
    of,
    on_day,
    plan,
    program,
    rtx,
    states,
    timeline,
    unknown,
    when,
)
from trialspec.findings.departures import Clearance
from trialspec.findings.doses import doses
from trialspec.findings.found import Found
from trialspec.findings.slots import families
from trialspec.interpreters.reading import Question
from trialspec.kernel import Compare, Constant, Dose, Fold, Shift, Window
from trialspec.patient import Problem
from trialspec.program import Course
from trialspec.quantity import ANY_WORD, Codes, Duration, Interval, exactly, word
from trialspec.rulebook.table import SUBJECTS, Rulebook, misfit
from trialspec.times import on_date

if TYPE_CHECKING:
    from trialspec.findings.finding import Finding
    from trialspec.patient import Item, Timeline
    from trialspec.program import Program

GOOD_COUNTS = tuple(neutrophils(f"n{number}", day(number), "3") for number in (2, 8, 14, 20, 26, 32))
R1, R2 = rtx("r1", day(1, "09:00")), rtx("r2", day(15, "09:00"))
C1, C2 = cyc("c1", day(3, "10:00")), cyc("c2", day(17, "10:00"))
AS_PLANNED = (*GOOD_COUNTS, R1, C1, R2, C2)


def treated(*items: Item) -> dict[str, Finding]:
    """Give what is found long after, of doses given with good counts."""
    return asked(timeline(*GOOD_COUNTS, *items), day(60))


# --- as planned -------------------------------------------------------------------------------------------------------


def test_a_course_as_planned_departs_in_nothing() -> None:
    found = asked(timeline(*AS_PLANNED), day(60))
    assert states(found) == {"RTX#1": "given", "RTX#2": "given", "CYC#1": "given", "CYC#2": "given"}
    assert (departures(found), unknown(found)) == ({}, {})
    assert found["course"].fields == {"complete": "yes", "departure": frozenset()}
    assert {found[name].fields["window"] for name in states(found)} == {"open"}
    assert found["RTX#2"].since == instant(day(15, "09:00"))


def test_findings_come_in_plan_order_and_extras_after_them() -> None:
    found = treated(R1, R2, rtx("r3", day(20)), rtx("r4", day(50)))
    assert list(found) == ["RTX#1", "RTX#2", "CYC#1", "CYC#2", "r3", "r4", "course", "neutrophils_recovered"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (day(-10), {"RTX#1": "not_due", "RTX#2": "not_due", "CYC#1": "not_due", "CYC#2": "not_due"}),
        (day(-7), {"RTX#1": "due", "RTX#2": "not_due", "CYC#1": "not_due", "CYC#2": "not_due"}),
        (day(1), {"RTX#1": "given", "RTX#2": "not_due", "CYC#1": "due", "CYC#2": "not_due"}),
        (day(3), {"RTX#1": "given", "RTX#2": "not_due", "CYC#1": "given", "CYC#2": "not_due"}),
        (day(15, "08:00"), {"RTX#1": "given", "RTX#2": "due", "CYC#1": "given", "CYC#2": "due"}),
        (day(15), {"RTX#1": "given", "RTX#2": "given", "CYC#1": "given", "CYC#2": "due"}),
    ],
)
def test_states_as_the_course_goes_on(at: str, expected: dict[str, str]) -> None:
    assert states(asked(timeline(*AS_PLANNED), at)) == expected


def test_every_message_keeps_to_the_finding_vocabulary() -> None:
    untidy = (R1, rtx("x", day(12), "1000"), cyc("y", "2014-03"), rtx("z", day(90)), milestone("death", day(20)))
    book = Rulebook(())
    for events in (timeline(*untidy), timeline(*untidy, entered=False), timeline()):
        for at in (-15, 1, 12, 30, 100):
            for finding in asked(events, day(at)).values():
                assert misfit(book, finding.subject, finding.fields) == ""
                assert set(finding.fields) <= set(SUBJECTS[finding.subject])


# --- early, late, missed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (12, {"early"}),
        (14, {"early"}),
        (15, set()),
        (18, set()),
        (19, {"late"}),
        (28, {"late"}),
        (29, {"late", "after_course"}),
    ],
)
def test_the_second_rituximab_by_its_day(number: int, expected: set[str]) -> None:
    found = treated(R1, rtx("r2", day(number)))
    assert departures(found).get("RTX#2", set()) == expected
    assert found["RTX#2"].facts["planned"] == "2014-03-17"
    assert found["RTX#2"].facts["window"] == "from 2014-03-17 to 2014-03-20"


def test_a_dose_in_its_window_but_after_the_course_is_late_too_as_it_was_missed() -> None:
    wide = replace(RTX, late=Duration(16, "d"))
    found = asked(timeline(R1, rtx("r2", day(29))), day(60), program(wide))
    assert departures(found) == {"RTX#2": {"late", "after_course"}}
    assert found["RTX#2"].fields["window"] == "open"
    assert found["course"].fields == {"complete": "yes", "departure": frozenset({"after_course"})}


def test_a_slot_is_overdue_after_its_window_and_missed_after_the_course() -> None:
    events = timeline(R1)
    assert states(asked(events, day(18)))["RTX#2"] == "due"
    assert states(asked(events, day(19)))["RTX#2"] == "overdue"
    assert states(asked(events, day(28)))["RTX#2"] == "overdue"
    assert states(asked(events, day(29)))["RTX#2"] == "missed"
    assert asked(events, day(29))["course"].fields["complete"] == "no"


def test_a_slot_is_missed_once_its_catchment_has_ended() -> None:
    # The border between day 5, the last of CYC#1, and day 15, the first of CYC#2, is day 10.
    assert states(asked(timeline(R1), day(9)))["CYC#1"] == "overdue"
    assert states(asked(timeline(R1), day(10)))["CYC#1"] == "missed"


def test_a_dose_after_it_was_missed_is_given_and_late() -> None:
    early_end = program(replace(CYC, missed_after=on_day(6)), RTX)
    events = timeline(*GOOD_COUNTS, R1, cyc("c1", day(8)))
    assert states(asked(events, day(7), early_end))["CYC#1"] == "missed"
    found = asked(events, day(8), early_end)
    assert states(found)["CYC#1"] == "given"
    assert departures(found)["CYC#1"] == {"late"}


def test_a_date_equally_far_from_two_windows_belongs_to_the_later_slot() -> None:
    assert states(treated(R1, cyc("c", day(9))))["CYC#1"] == "given"
    found = treated(R1, cyc("c", day(10)))
    assert (states(found)["CYC#1"], states(found)["CYC#2"]) == ("missed", "given")
    assert departures(found)["CYC#2"] == {"early"}


# Day 5 to 15 for the loading dose, day 11 to 25 for the one after it.
OVERLAPPING = program(
    plan("LOAD", "cyclophosphamide", "750", on_day(5), late=10, belongs_until=on_day(40)),
    plan("CYC", "cyclophosphamide", "750", on_day(18), early=7, late=7, belongs_until=on_day(40)),
    plan("RTX", "rituximab", "500", on_day(1), belongs_until=on_day(2)),
    course=Course((), on_day(60)),
)


@pytest.mark.parametrize(
    ("given_on", "expected"),
    [
        ((10,), {"LOAD#1": "given", "CYC#1": "missed"}),
        ((11,), {"LOAD#1": "given", "CYC#1": "missed"}),
        ((15,), {"LOAD#1": "given", "CYC#1": "missed"}),
        ((16,), {"LOAD#1": "missed", "CYC#1": "given"}),
        ((10, 11), {"LOAD#1": "given", "CYC#1": "given"}),
        ((9, 10), {"LOAD#1": "given", "CYC#1": "missed", "x10": "given"}),
        ((14, 15), {"LOAD#1": "given", "CYC#1": "given"}),
        ((11, 12, 13), {"LOAD#1": "given", "CYC#1": "given", "x13": "given"}),
        ((15, 16), {"LOAD#1": "given", "CYC#1": "given"}),
    ],
)
def test_on_dates_in_two_windows_a_dose_belongs_to_the_earlier_while_it_is_empty(
    given_on: tuple[int, ...], expected: dict[str, str]
) -> None:
    for order in permutations(given_on):
        found = asked(timeline(R1, *(cyc(f"x{number}", day(number)) for number in order)), day(60), OVERLAPPING)
        assert {name: state for name, state in states(found).items() if name != "RTX#1"} == expected
        assert all(words == {"extra"} for words in departures(found).values())
        assert len(departures(found)) == len(expected) - 2


def test_what_was_said_not_to_be_given_leaves_the_dates_of_both_windows_to_the_next() -> None:
    def states_of(*items: Item) -> dict[str, str]:
        found = states(asked(timeline(R1, *items), day(60), OVERLAPPING))
        return {name: state for name, state in found.items() if name != "RTX#1"}

    for denial in (not_done("n", "cyclophosphamide", day(6)), not_done("n", "cyclophosphamide", day(20), "LOAD#1")):
        assert states_of(denial, cyc("x", day(11))) == {"LOAD#1": "not_given", "CYC#1": "given"}
        assert states_of(denial, cyc("x", day(10))) == {"LOAD#1": "given", "CYC#1": "missed"}
    later = not_done("n", "cyclophosphamide", day(12))
    assert states_of(cyc("x", day(11)), later) == {"LOAD#1": "given", "CYC#1": "not_given"}
    both = (not_done("n", "cyclophosphamide", day(12)), not_done("m", "cyclophosphamide", day(13)))
    assert states_of(*both) == {"LOAD#1": "not_given", "CYC#1": "not_given"}


def test_a_named_dose_leaves_the_dates_of_both_windows_to_the_next() -> None:
    found = asked(timeline(R1, cyc("x", day(11)), cyc("y", day(14), planned="LOAD#1")), day(60), OVERLAPPING)
    assert (states(found)["LOAD#1"], states(found)["CYC#1"]) == ("given", "given")
    assert found["CYC#1"].facts["date"] == "2014-03-13"


def test_an_empty_slot_is_not_missed_while_its_window_is_open() -> None:
    assert states(asked(timeline(R1), day(15), OVERLAPPING))["LOAD#1"] == "due"
    assert states(asked(timeline(R1), day(16), OVERLAPPING))["LOAD#1"] == "missed"
    # Known later to be given on day 15, it was not missed on the days before.
    for at in (12, 14):
        early = asked(timeline(R1, cyc("x", day(15))), day(at), OVERLAPPING, known_by=day(60))
        assert states(early)["LOAD#1"] == "due"


def test_the_last_catchment_ends_one_interval_after_the_window() -> None:
    # RTX#2 is permitted through day 18, and 14 d after RTX#1: day 32 is its last, day 33 too late for any slot.
    assert departures(treated(R1, rtx("x", day(32)))) == {"RTX#2": {"late", "after_course"}}
    found = treated(R1, rtx("x", day(33)))
    assert departures(found) == {"x": {"extra", "after_course"}}
    assert (states(found)["RTX#2"], found["x"].fields["window"]) == ("missed", "past")


def test_belongs_until_ends_the_last_catchment() -> None:
    short = program(replace(RTX, belongs_until=on_day(20)), CYC)
    assert departures(asked(timeline(R1, rtx("x", day(20))), day(60), short)) == {"RTX#2": {"late"}}
    assert departures(asked(timeline(R1, rtx("x", day(21))), day(60), short)) == {"x": {"extra"}}
    single = program(plan("RTX", "rituximab", "500", on_day(1), belongs_until=on_day(5)), course=Course((), on_day(28)))
    found = asked(timeline(R1, rtx("x", day(6))), day(60), single)
    assert departures(found) == {"x": {"extra"}}


def test_a_further_dose_in_a_catchment_is_extra_and_named_by_its_event() -> None:
    found = treated(R1, R2, rtx("x", day(17)))
    assert departures(found) == {"x": {"extra"}}
    assert (found["x"].fields["state"], found["x"].fields["gate"], found["x"].fields["window"]) == (
        "given",
        "met",
        "open",
    )
    assert {"r1", "r2", "x"} <= found["x"].because


# --- amount, route, rate, drug ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drug", "amount", "departs"),
    [
        ("cyclophosphamide", "1170", True),
        ("cyclophosphamide", "787.5", False),
        ("cyclophosphamide", "787.51", True),
        ("cyclophosphamide", "712.5", False),
        ("cyclophosphamide", "712.4999", True),
        ("rituximab", "1000", True),
        ("rituximab", "525", False),
    ],
)
def test_five_percent_of_the_amount_are_allowed(drug: str, amount: str, *, departs: bool) -> None:
    name, items = (
        ("CYC#1", (R1, cyc("c", day(3), amount)))
        if drug == "cyclophosphamide"
        else (
            "RTX#1",
            (rtx("r", day(1), amount),),
        )
    )
    found = treated(*items)
    assert departures(found).get(name, set()) == ({"amount"} if departs else set())
    assert found[name].facts["amount"] == f"{amount} mg"


def test_an_amount_not_recorded_or_not_trusted_is_a_query() -> None:
    fields = {name: value for name, value in R1.fields.items() if name != "amount"}
    for dose in (replace(R1, fields=fields), replace(R1, fields={**fields, "amount": Interval(None, None)})):
        found = treated(dose)
        assert (departures(found), unknown(found)["RTX#1"]) == ({}, {"amount"})
        assert "amount of RTX#1" in {leaf.what for leaf in found["RTX#1"].missing}


def test_an_amount_that_may_be_too_large_is_a_query_and_one_that_must_be_is_a_departure() -> None:
    def of_amount(low: int, high: int | None) -> dict[str, Finding]:
        amount = Interval(Fraction(low), None if high is None else Fraction(high))
        return treated(replace(R1, fields={**R1.fields, "amount": amount}))

    assert unknown(of_amount(500, None))["RTX#1"] == {"amount"}
    assert departures(of_amount(600, None))["RTX#1"] == {"amount"}
    assert departures(of_amount(480, 520)) == {}


def test_another_route_departs_and_one_not_recorded_is_a_query() -> None:
    assert departures(treated(rtx("r1", day(1), route="subcutaneous")))["RTX#1"] == {"route"}
    assert unknown(treated(rtx("r1", day(1), route="")))["RTX#1"] == {"route"}


def test_the_rate_is_compared_in_the_units_of_the_plan() -> None:
    # 0.4 g/h is 400 mg/h; rates on record are in mg/h.
    limited = program(replace(RTX, rate_at_most=exactly(Fraction(4, 10)), rate_unit="g/h"), CYC)
    per_minute = program(replace(RTX, rate_at_most=exactly(5), rate_unit="mg/min"), CYC)
    assert departures(asked(timeline(rtx("r1", day(1), rate="400")), day(60), limited)) == {}
    assert departures(asked(timeline(rtx("r1", day(1), rate="401")), day(60), limited))["RTX#1"] == {"rate"}
    assert departures(asked(timeline(rtx("r1", day(1), rate="301")), day(60), per_minute))["RTX#1"] == {"rate"}
    assert unknown(asked(timeline(rtx("r1", day(1))), day(60), limited))["RTX#1"] == {"rate"}


def test_a_dose_that_names_the_slot_of_another_drug_is_the_wrong_drug() -> None:
    found = treated(R1, given("m", "methotrexate", day(3), planned="CYC#1"))
    assert states(found)["CYC#1"] == "given"
    assert departures(found)["CYC#1"] == {"drug"}
    assert found["CYC#1"].facts["drug"] == "methotrexate"
    swapped = treated(R1, rtx("x", day(3), planned="CYC#1"))
    assert departures(swapped) == {"CYC#1": {"drug"}}, "it is not an extra rituximab as well"


def test_drugs_that_no_plan_has_are_nobodys_doses() -> None:
    assert states(treated(R1, given("p", "prednisolone", day(3)))).keys() == {"RTX#1", "RTX#2", "CYC#1", "CYC#2"}


# --- gates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawn", "value", "verdict", "expected"),
    [
        (2, "1.6", "met", set()),
        (2, "1.5", "not_met", {"gate_not_met"}),
        (2, "1.4", "not_met", {"gate_not_met"}),
        (-5, "3", "met", set()),  # seven days before
        (-6, "3", "unknown", {"gate_unknown"}),
        (-7, "3", "unknown", {"gate_unknown"}),  # nine days before: there is no day 0
    ],
)
def test_cyclophosphamide_on_day_3_by_its_neutrophils(drawn: int, value: str, verdict: str, expected: set[str]) -> None:
    found = asked(timeline(R1, neutrophils("n", day(drawn), value), cyc("c", day(3))), day(60))
    assert found["CYC#1"].fields["gate"] == verdict
    assert departures(found).get("CYC#1", set()) == expected


def test_no_count_in_seven_days_leaves_the_dose_not_cleared() -> None:
    found = asked(timeline(R1, C1), day(60))
    assert departures(found)["CYC#1"] == {"gate_unknown"}
    assert {leaf.what for leaf in found["CYC#1"].missing} == {"neutrophils"}


def test_the_sentence_of_an_uncleared_dose_has_its_words() -> None:
    facts = asked(timeline(R1, neutrophils("n", day(2), "1.4"), C1), day(60))["CYC#1"].facts
    said = "{dose} was given on {date}: {gate} was {verdict} ({margin})".format_map(facts)
    assert said == ("CYC#1 was given on 2014-03-05: neutrophils_recovered was not met (0.1 10*9/L beyond the limit)")
    exact = asked(timeline(R1, neutrophils("n", day(2), "1.5"), C1), day(60))["CYC#1"].facts
    assert exact["margin"] == "exactly the limit"


def test_a_gate_reads_the_latest_value_at_the_start_of_the_dose_and_none_after_it() -> None:
    counts = (neutrophils("n1", day(1), "3"), neutrophils("n2", day(3, "09:00"), "1.2"))
    assert departures(asked(timeline(R1, *counts, C1), day(60)))["CYC#1"] == {"gate_not_met"}
    later = (counts[0], neutrophils("n2", day(3, "10:01"), "1.2"))
    assert departures(asked(timeline(R1, *later, C1), day(60))) == {}


def test_a_dose_without_a_time_reads_its_gate_at_the_end_of_its_date() -> None:
    events = timeline(R1, neutrophils("n1", day(2), "3"), neutrophils("n2", day(3, "18:00"), "1.2"), cyc("c", day(3)))
    before, after_it = asked(events, day(3, "12:00")), asked(events, day(3))
    assert (departures(before), before["CYC#1"].until) == ({}, instant(day(3, "18:00")))
    assert departures(after_it)["CYC#1"] == {"gate_not_met"}
    assert departures(asked(events, day(60)))["CYC#1"] == {"gate_not_met"}


def test_what_a_gate_read_at_a_dose_stays_when_its_value_grows_old() -> None:
    events = timeline(R1, neutrophils("n", day(2), "3"), C1)
    for at in (3, 9, 10, 30):
        assert asked(events, day(at))["CYC#1"].fields["gate"] == "met"


def test_a_gate_that_is_not_met_holds_and_one_unknown_does_not_clear() -> None:
    held = asked(timeline(R1, neutrophils("n", day(2), "1.4")), day(3))
    assert (held["CYC#1"].fields["state"], held["CYC#1"].fields["window"]) == ("held", "open")
    past = asked(timeline(R1, neutrophils("n", day(6), "1.4")), day(8))["CYC#1"].fields
    assert (past["state"], past["gate"], past["window"]) == ("held", "not_met", "past")
    due = asked(timeline(R1), day(3))["CYC#1"].fields
    assert (due["state"], due["gate"]) == ("due", "unknown")
    overdue = asked(timeline(R1), day(6))["CYC#1"].fields
    assert (overdue["state"], overdue["gate"]) == ("overdue", "unknown")


def test_a_dose_still_to_come_is_held_and_its_window_says_that_it_is_not_due() -> None:
    fields = asked(timeline(R1, neutrophils("n", day(2), "1.4")), day(3))["CYC#2"].fields
    assert (fields["state"], fields["window"]) == ("held", "before")


def test_before_day_1_no_later_slot_is_held() -> None:
    found = asked(timeline(neutrophils("n", day(-6), "1.4")), day(-5))
    assert states(found) == {"RTX#1": "due", "RTX#2": "not_due", "CYC#1": "not_due", "CYC#2": "not_due"}
    assert found["neutrophils_recovered"].fields == {"verdict": "not_met", "otherwise": "hold"}


def test_until_when_a_gate_clears_a_dose_not_yet_given() -> None:
    found = asked(timeline(R1, neutrophils("n", day(2), "3")), day(3))
    # Drawn on day 2, it is too old on day 10.
    assert found["neutrophils_recovered"].until == SEOUL.start_of(when(day(10)).first)


def gates_of(finding: Finding) -> tuple[object, ...]:
    return tuple(finding.fields[name] for name in ("gate", "holding", "warning"))


def test_a_warning_gate_never_holds_and_a_dose_against_it_says_so_without_a_departure() -> None:
    warning = program(gates=(gate(otherwise="warn"),))
    low = neutrophils("n", day(2), "1.4")
    assert states(asked(timeline(R1, low), day(3), warning))["CYC#1"] == "due"
    found = asked(timeline(R1, low, C1), day(3), warning)
    assert departures(found) == {}
    assert gates_of(found["CYC#1"]) == ("not_met", "met", "not_met")
    assert gates_of(asked(timeline(R1, C1), day(3), warning)["CYC#1"]) == ("unknown", "met", "unknown")
    said = "{warning} was {warning_verdict} ({warning_margin})".format_map(found["CYC#1"].facts)
    assert said == "neutrophils_recovered was not met (0.1 10*9/L beyond the limit)"


def test_a_gate_that_holds_is_told_before_one_that_warns_and_neither_hides_the_other() -> None:
    warns = gate("9", name="plenty", otherwise="warn")
    both = program(RTX, replace(CYC, gates=("plenty", "neutrophils_recovered")), gates=(gate(), warns))
    low = asked(timeline(R1, neutrophils("n", day(2), "1.4"), C1), day(3), both)["CYC#1"]
    assert gates_of(low) == ("not_met", "not_met", "not_met")
    assert (low.facts["gate"], low.facts["warning"]) == ("neutrophils_recovered", "plenty")
    assert low.fields["departure"] == frozenset({"gate_not_met"})
    fair = asked(timeline(R1, neutrophils("n", day(2), "3"), C1), day(3), both)["CYC#1"]
    assert (gates_of(fair), fair.facts["gate"]) == (("not_met", "met", "not_met"), "plenty")


def test_a_warning_on_some_possible_dates_alone_is_unknown() -> None:
    warning = program(gates=(gate(otherwise="warn"),))
    events = timeline(R1, neutrophils("n", day(2), "3"), cyc("c", "2014-03", planned="CYC#1"))
    found = asked(events, day(60), warning)["CYC#1"]
    assert gates_of(found) == ("unknown", "met", "unknown")
    assert not found.fields["departure"]


def test_of_several_gates_the_worst_counts() -> None:
    strict = gate("2", name="strict", otherwise="warn")
    both = program(RTX, replace(CYC, gates=("neutrophils_recovered", "strict")), gates=(gate(), strict))
    found = asked(timeline(R1, neutrophils("n", day(2), "1.8")), day(3), both)["CYC#1"]
    assert (found.fields["gate"], found.fields["state"], found.facts["gate"]) == ("not_met", "due", "strict")
    assert asked(timeline(R1, neutrophils("n", day(2), "1.2")), day(3), both)["CYC#1"].fields["state"] == "held"


def test_premedication_is_read_at_the_start_of_the_dose() -> None:
    before = Window(start=Shift(Dose(), Duration(2, "h"), earlier=True), end=Dose())
    count = Fold("count", replace(of("administration", "drug", "paracetamol", window=before), history="always"))
    medicated = program(replace(RTX, premedication=(Compare(count, "at_least", Constant(exactly(1))),)), CYC)
    on_time = given("p", "paracetamol", day(1, "08:30"))
    assert departures(asked(timeline(on_time, R1), day(60), medicated)) == {}
    too_early = given("p", "paracetamol", day(1, "06:30"))
    assert departures(asked(timeline(too_early, R1), day(60), medicated))["RTX#1"] == {"premedication"}
    undated = given("p", "paracetamol", day(1))
    assert unknown(asked(timeline(undated, R1), day(60), medicated))["RTX#1"] == {"premedication"}


# --- whose dose it is -------------------------------------------------------------------------------------------------


def test_a_dose_that_may_belong_to_either_of_two_slots_is_one_question() -> None:
    found = treated(R1, cyc("c1", day(11)), cyc("c2", day(18)), R2)
    assert departures(found) == {}
    assert unknown(found) == {}
    assert states(found) == {"RTX#1": "given", "RTX#2": "given", "CYC#1": "unknown", "CYC#2": "given", "c2": "given"}
    assert found["record c2"].fields == {"problem": "attribution"}
    assert found["record c2"].facts["reason"] == (
        "the dose of 2014-03-20 or 2014-03-13 may be CYC#1 or CYC#2; name the planned dose"
    )
    assert found["course"].fields["complete"] == "unknown"


def test_the_question_is_answered_by_naming_the_slot() -> None:
    named = (cyc("c1", day(11), planned="CYC#1"), cyc("c2", day(18)))
    found = treated(R1, R2, *named)
    assert (departures(found), "record c2" in found) == ({"CYC#1": {"late"}}, False)


def test_what_departs_in_a_doubtful_dose_is_not_lost() -> None:
    found = treated(R1, cyc("c1", day(11), "1170"), cyc("c2", day(18)))
    assert departures(found) == {"CYC#2": {"amount"}}
    found = treated(R1, cyc("c1", day(11)), cyc("c2", day(18), "1170"))
    assert departures(found) == {"c2": {"amount"}}


def test_of_two_further_doses_one_is_doubtful_and_one_is_extra() -> None:
    found = treated(R1, cyc("c1", day(11)), cyc("c2", day(14)), cyc("c3", day(18)))
    assert departures(found) == {"c3": {"extra"}}
    assert "record c2" in found
    assert "record c3" not in found


def test_the_history_of_an_alert_is_told_with_the_attribution_of_today() -> None:
    events = timeline(*GOOD_COUNTS, R1, R2, cyc("c1", day(11)), cyc("c2", day(18)))
    alone = asked(events, day(11))
    assert (states(alone)["CYC#1"], departures(alone)) == ("missed", {"CYC#2": {"early"}})
    today = asked(events, day(11), known_by=day(18))
    assert (states(today)["CYC#1"], departures(today)) == ("unknown", {})
    assert "record c2" not in today, "it has not been given yet"
    assert states(asked(events, day(9), known_by=day(18)))["CYC#1"] == "overdue"
    assert states(asked(events, day(10), known_by=day(18)))["CYC#1"] == "unknown"


def test_a_dose_before_day_1_departs_in_order_and_takes_its_slot_once_day_1_exists() -> None:
    events = timeline(*GOOD_COUNTS, neutrophils("n0", day(-3), "3"), cyc("c1", day(-2)), R1)
    before = asked(events, day(-1))
    assert states(before) == {"RTX#1": "due", "RTX#2": "not_due", "CYC#1": "not_due", "CYC#2": "not_due", "c1": "given"}
    assert departures(before) == {"c1": {"order"}}
    since = asked(events, day(1))
    assert states(since)["CYC#1"] == "given"
    assert departures(since) == {"CYC#1": {"order", "early"}}
    told_today = asked(events, day(-1), known_by=day(1))
    assert departures(told_today) == {"CYC#1": {"order"}}, "it has one name throughout its history"


def test_order_on_day_1_itself_is_told_by_the_clock() -> None:
    counts = neutrophils("n0", day(-3), "3")
    assert departures(asked(timeline(counts, R1, cyc("c", day(1, "08:00"))), day(1))) == {"CYC#1": {"order"}}
    assert departures(asked(timeline(counts, R1, cyc("c", day(1, "10:00"))), day(1))) == {}
    assert departures(asked(timeline(counts, R1, cyc("c", day(1))), day(1))) == {}


def test_a_named_dose_fills_its_slot_whatever_its_date() -> None:
    found = treated(R1, rtx("r2", day(40), planned="RTX#2"))
    assert departures(found) == {"RTX#2": {"late", "after_course"}}
    found = treated(R1, rtx("r2", day(3), planned="RTX#2"))
    assert departures(found) == {"RTX#2": {"early"}}


def test_a_second_dose_that_names_a_filled_slot_is_extra() -> None:
    found = treated(R1, rtx("a", day(15), planned="RTX#2"), rtx("b", day(17), planned="RTX#2"))
    assert departures(found) == {"b": {"extra"}}


def test_a_name_that_is_no_slot_counts_as_none() -> None:
    assert departures(treated(R1, rtx("r2", day(15), planned="RTX#9"))) == {}


def test_not_done_fills_a_slot_as_not_given() -> None:
    named = not_done("x", "rituximab", day(16), planned="RTX#2", reason="infection")
    found = treated(R1, named)
    assert states(found)["RTX#2"] == "not_given"
    assert found["RTX#2"].facts["reason"] == "infection"
    assert "x" in found["RTX#2"].because
    assert states(treated(R1, not_done("x", "rituximab", day(16))))["RTX#2"] == "not_given"
    assert found["course"].fields["complete"] == "no"


def test_a_dose_outweighs_the_record_that_it_was_not_done() -> None:
    found = treated(R1, not_done("x", "rituximab", day(15), planned="RTX#2"), rtx("r2", day(17)))
    assert states(found)["RTX#2"] == "given"


def test_a_slot_that_was_not_done_is_not_empty_so_nothing_is_doubtful() -> None:
    found = treated(R1, not_done("x", "cyclophosphamide", day(4)), cyc("c1", day(11)), cyc("c2", day(18)))
    assert departures(found) == {"CYC#2": {"early"}, "c2": {"extra"}}


def test_two_plans_of_one_drug_share_its_doses() -> None:
    loading = plan("LOAD", "rituximab", "500", on_day(1), belongs_until=on_day(7))
    keeping = plan("KEEP", "rituximab", "300", on_day(15), on_day(29), late=3)
    both = program(loading, keeping, course=Course((), on_day(28)))
    assert [[each.name for each in family] for family in families(both)] == [["LOAD", "KEEP"]]
    events = timeline(R1, rtx("r2", day(15), "300"), rtx("r3", day(29), "300"))
    found = asked(events, day(60), both)
    assert states(found) == {"LOAD#1": "given", "KEEP#1": "given", "KEEP#2": "given"}
    assert departures(found) == {}


# --- history and entry ------------------------------------------------------------------------------------------------


def test_cyclophosphamide_two_years_earlier_is_history() -> None:
    found = asked(timeline(cyc("old", "2012-03-05", "1000"), *AS_PLANNED), day(60))
    assert departures(found) == {}
    assert "old" not in found


def test_rituximab_before_screening_is_not_day_1() -> None:
    found = asked(timeline(rtx("old", "2012-03-05"), R1), day(1))
    assert found["CYC#1"].fields["state"] == "due"
    assert found["RTX#1"].because == {"r1", "screening", "enrolment", "consent"}


def test_a_patient_who_is_treated_without_a_screening_on_record_is_unknown() -> None:
    for entry in ((CONSENT, ENROLMENT), (CONSENT,)):
        found = asked(timeline(*entry, R1, C1, entered=False), day(5))
        assert set(states(found).values()) == {"unknown"}
        assert "window" not in found["RTX#1"].fields
        assert {leaf.what for leaf in found["RTX#1"].missing} == {"screening"}
    assert set(states(asked(timeline(entered=False), day(5))).values()) == {"not_due"}


def test_no_first_dose_for_a_month_is_due_and_then_overdue() -> None:
    events = timeline()
    assert states(asked(events, day(-7)))["RTX#1"] == "due"
    # Enrolled on day -7: 14 d later is day 8.
    assert states(asked(events, day(8)))["RTX#1"] == "due"
    for at in (9, 25, 100):
        found = asked(events, day(at))
        assert states(found)["RTX#1"] == "overdue"
        assert found["RTX#1"].fields["window"] == "past"
        assert {states(found)[name] for name in ("RTX#2", "CYC#1", "CYC#2")} == {"not_due"}


def test_a_first_dose_is_missed_only_if_the_protocol_says_from_when() -> None:
    limited = program(replace(RTX, missed_after=after(ENROLLED, 30)), CYC)
    assert states(asked(timeline(), day(24), limited))["RTX#1"] == "overdue"
    assert states(asked(timeline(), day(25), limited))["RTX#1"] == "missed"


def test_a_first_dose_after_it_was_first_due_is_late() -> None:
    assert departures(treated(rtx("r1", day(8)))) == {}
    assert departures(treated(rtx("r1", day(9)))) == {"RTX#1": {"late"}}


def test_before_consent_and_before_enrolment() -> None:
    bare = timeline(SCREENING, R1, entered=False)
    assert departures(asked(bare, day(1)))["RTX#1"] == {"before_consent", "before_enrolment"}
    late_entry = timeline(milestone("consent", day(2)), SCREENING, milestone("enrolment", day(2)), R1, entered=False)
    assert departures(asked(late_entry, day(60)))["RTX#1"] >= {"before_consent", "before_enrolment"}
    same_day = timeline(milestone("consent", day(1)), SCREENING, milestone("enrolment", day(1)), R1, entered=False)
    assert departures(asked(same_day, day(60))) == {}
    by_clock = timeline(milestone("consent", day(1, "09:01")), SCREENING, ENROLMENT, R1, entered=False)
    assert departures(asked(by_clock, day(60))) == {"RTX#1": {"before_consent"}}


# --- stops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["treatment_stopped", "consent_withdrawn", "left_study", "death"])
def test_a_stop_cancels_what_was_not_given_or_missed_before(stop: str) -> None:
    found = asked(timeline(*GOOD_COUNTS, R1, milestone(stop, day(12))), day(60))
    assert states(found) == {"RTX#1": "given", "RTX#2": "cancelled", "CYC#1": "missed", "CYC#2": "cancelled"}
    assert stop in found["RTX#2"].because


def test_a_stop_before_the_catchment_ends_cancels() -> None:
    events = timeline(R1, milestone("treatment_stopped", day(9, "23:59")))
    assert states(asked(events, day(60)))["CYC#1"] == "cancelled"
    events = timeline(R1, milestone("treatment_stopped", day(10, "00:00")))
    assert states(asked(events, day(60)))["CYC#1"] == "missed"


def test_a_stop_before_day_1_cancels_all() -> None:
    assert set(states(asked(timeline(milestone("death", day(-2))), day(60))).values()) == {"cancelled"}


def test_a_dose_after_a_stop_is_given_with_after_stop() -> None:
    found = treated(R1, milestone("treatment_stopped", day(12)), R2)
    assert (states(found)["RTX#2"], departures(found)) == ("given", {"RTX#2": {"after_stop"}})
    found = treated(R1, milestone("treatment_stopped", day(15)), R2)
    assert departures(found) == {}, "of one date, and one of them without a time"
    found = treated(R1, milestone("treatment_stopped", day(15, "08:00")), R2)
    assert departures(found) == {"RTX#2": {"after_stop"}}


def test_a_withdrawal_after_a_departure_keeps_it() -> None:
    found = treated(R1, rtx("r2", day(19)), milestone("consent_withdrawn", day(20)))
    assert departures(found) == {"RTX#2": {"late"}}
    assert states(found)["RTX#2"] == "given"


def test_a_stop_of_an_earlier_attempt_is_no_stop() -> None:
    found = asked(timeline(milestone("left_study", "2013-01-01"), *AS_PLANNED), day(60))
    assert departures(found) == {}


# --- parts ------------------------------------------------------------------------------------------------------------


def test_an_infusion_in_two_parts_is_one_dose() -> None:
    parts = (rtx("b", day(1, "09:00"), "200", end=day(1, "10:00")), rtx("a", day(1, "14:00"), "300"))
    found = treated(*parts)
    assert departures(found) == {}
    assert found["RTX#1"].facts["amount"] == "500 mg"
    assert found["RTX#1"].since == instant(day(1, "09:00"))
    assert found["RTX#1"].because >= {"a", "b"}
    assert found["RTX#1"].facts["interruptions"] == "2014-03-03 to 2014-03-03"


def test_parts_go_together_within_twelve_hours_of_the_end_before() -> None:
    first = rtx("a", day(1, "09:00"), "200", end=day(1, "10:00"))
    assert departures(treated(first, rtx("b", day(1, "21:59"), "300"))) == {}
    found = treated(first, rtx("b", day(1, "22:00"), "300"))
    assert departures(found) == {"RTX#1": {"amount"}, "b": {"amount", "extra"}}


def test_parts_of_one_piece_go_together_however_far_apart() -> None:
    parts = (rtx("a", day(1, "09:00"), "200", part_of="i"), rtx("b", day(2, "09:00"), "300", part_of="i"))
    assert departures(treated(*parts)) == {}


def test_parts_that_are_named_differently_are_two_doses() -> None:
    for one, other in (({"part_of": "i"}, {"part_of": "j"}), ({"route": "intravenous"}, {"route": "oral"})):
        found = treated(rtx("a", day(1, "09:00"), "200", **one), rtx("b", day(1, "11:00"), "300", **other))
        assert "extra" in departures(found)["b"]
    named = (rtx("a", day(15, "09:00"), planned="RTX#1"), rtx("b", day(15, "10:00"), planned="RTX#2"))
    assert states(treated(*named)) == {"RTX#1": "given", "RTX#2": "given", "CYC#1": "missed", "CYC#2": "missed"}


def test_parts_without_a_time_go_together_on_one_date() -> None:
    assert departures(treated(rtx("a", day(1), "200"), rtx("b", day(1), "300"))) == {}
    assert departures(treated(rtx("a", day(1), "200"), rtx("b", day(1, "18:00"), "300"))) == {}
    assert "b" in departures(treated(rtx("a", day(1), "200"), rtx("b", day(2), "300")))


def test_a_part_without_an_amount_leaves_open_how_much_it_was() -> None:
    nameless = replace(rtx("b", day(1, "10:00")), fields={"drug": word("rituximab"), "route": word("intravenous")})
    assert unknown(treated(rtx("a", day(1, "09:00"), "400"), nameless))["RTX#1"] == {"amount"}
    assert departures(treated(rtx("a", day(1, "09:00"), "600"), nameless))["RTX#1"] == {"amount"}


# --- time and place ---------------------------------------------------------------------------------------------------


def test_an_instant_has_its_date_in_the_zone_of_the_site() -> None:
    # 23:30 UTC of day 14 is 08:30 of day 15 in Seoul.
    on_time = treated(R1, rtx("r2", "2014-03-16T23:30Z"))
    assert (departures(on_time), on_time["RTX#2"].facts["date"]) == ({}, "2014-03-17")
    assert departures(treated(R1, rtx("r2", "2014-03-16T14:30Z"))) == {"RTX#2": {"early"}}


def test_a_retraction_of_the_first_rituximab_moves_day_1() -> None:
    moved = asked(timeline(*GOOD_COUNTS, R2, C2), day(17))
    assert moved["RTX#2"].facts["planned"] == "2014-03-31"
    assert moved["RTX#1"].facts["date"] == "2014-03-17"
    assert states(moved)["CYC#1"] == "given"


# --- what is not certain ----------------------------------------------------------------------------------------------


def test_a_partial_date_that_fits_two_slots_leaves_both_unknown() -> None:
    found = asked(timeline(*GOOD_COUNTS, R1, R2, cyc("c", "2014-03")), day(60))
    assert (states(found)["CYC#1"], states(found)["CYC#2"]) == ("unknown", "unknown")
    assert departures(found) == {}
    assert found["course"].fields["complete"] == "no", "of two doses one was not given"
    assert found["record c"].fields == {"problem": "attribution"}
    assert found["record c"].facts["reason"] == (
        "cyclophosphamide of 2014-03-01..2014-03-31 may be CYC#1 or CYC#2; give its date, or name the planned dose"
    )
    assert "date of cyclophosphamide" in {leaf.what for leaf in found["CYC#1"].missing}


def test_a_partial_date_that_names_its_slot_fills_it() -> None:
    dated = cyc("c", "2014-03", "1170", planned="CYC#1")
    found = asked(timeline(R1, neutrophils("n", day(2), "3"), dated), day(60))
    assert states(found)["CYC#1"] == "given"
    assert departures(found)["CYC#1"] == {"amount"}
    assert unknown(found)["CYC#1"] >= {"early", "late", "after_course", "gate_unknown"} - {"after_course"}
    assert found["CYC#1"].facts["date"] == "2014-03-01..2014-03-31"


def test_a_vague_record_is_asked_about_once_it_may_be_so_and_not_twice() -> None:
    told = timeline(*GOOD_COUNTS, R1, R2, cyc("c", "2014-03"))
    assert "record c" not in asked(told, day(-5), known_by=day(60))
    assert "record c" in asked(told, day(2), known_by=day(60))
    named = asked(timeline(*GOOD_COUNTS, R1, R2, cyc("c", "2014-03", planned="CYC#1")), day(60))
    assert "record c" not in named
    conflict = Problem("c", "conflict", "two dates", when("2014-03"), frozenset({"c"}))
    assert "record c" not in asked(replace(told, problems=(conflict,)), day(60))


def test_a_dose_that_may_not_exist_leaves_its_slot_unknown() -> None:
    found = treated(R1, replace(R2, certain=False))
    assert (states(found)["RTX#2"], departures(found)) == ("unknown", {})


def test_a_first_dose_that_may_not_exist_leaves_all_that_hangs_on_it_unknown() -> None:
    found = asked(timeline(*GOOD_COUNTS, replace(R1, certain=False)), day(3))
    assert states(found)["RTX#1"] == "unknown"
    assert states(found)["CYC#1"] == "unknown"


def test_a_slot_named_in_two_ways_may_be_either() -> None:
    two = replace(R2, fields={**R2.fields, "planned": Codes(frozenset({"RTX#1", "RTX#2"}))})
    found = treated(R1, two)
    assert states(found)["RTX#1"] == "given"
    assert states(found)["RTX#2"] == "unknown"
    any_slot = replace(R2, fields={**R2.fields, "planned": ANY_WORD})
    assert states(treated(R1, any_slot))["RTX#2"] == "unknown"


def test_an_uncertain_stop_leaves_open_what_it_would_cancel() -> None:
    found = asked(timeline(R1, replace(milestone("death", day(12)), certain=False)), day(60))
    assert states(found)["RTX#2"] == "unknown"
    assert states(found)["CYC#1"] == "missed"
    assert found["record death"].fields == {"problem": "uncertain_date"}
    assert found["record death"].facts["reason"] == (
        "death of 2014-03-14, if there was one, leaves RTX#2, CYC#2 unknown; say whether there was"
    )


def test_a_dose_not_cleared_on_any_possible_date_is_a_departure() -> None:
    # On some dates of March the count was too low, on the others there was none in seven days.
    events = timeline(R1, neutrophils("n", day(2), "1.2"), cyc("c", "2014-03", planned="CYC#1"))
    found = asked(events, day(60))["CYC#1"]
    assert found.fields["gate"] == "unknown"
    assert "gate_unknown" in found.fields["departure"]
    assert "gate_not_met" in found.fields["departure_unknown"]


def test_too_many_uncertain_doses_leave_everything_unknown() -> None:
    vague = [rtx(f"x{number}", "2014") for number in range(3)]
    found = asked(timeline(*vague), "2015-06-01")
    assert set(states(found).values()) == {"unknown"}
    assert {found[f"record {each.id}"].fields["problem"] for each in vague} == {"attribution"}
    assert found["course"].fields["complete"] == "unknown"
    assert "date of rituximab" in {leaf.what for leaf in found["RTX#1"].missing}


# --- cycles and intervals ---------------------------------------------------------------------------------------------

CYCLE = program(
    plan("RTX", "rituximab", "500", on_day(1), early=3, late=3, interval=Duration(21, "d"), times=4),
    course=Course((), on_day(28)),
)


def test_a_cycle_is_planned_from_the_last_dose() -> None:
    events = timeline(R1, rtx("r2", day(24)))
    found = asked(events, day(30), CYCLE)
    assert states(found) == {"RTX#1": "given", "RTX#2": "given", "RTX#3": "not_due", "RTX#4": "not_due"}
    # Planned for day 22, given on day 24: the next is 21 d later, not 42 d after the first.
    assert found["RTX#2"].facts["planned"] == "2014-03-24"
    assert found["RTX#3"].facts["planned"] == "2014-04-16"
    assert states(asked(events, day(42), CYCLE))["RTX#3"] == "due"


def test_while_a_dose_of_a_cycle_is_open_the_next_is_not_due() -> None:
    found = asked(timeline(R1), day(26), CYCLE)
    assert (states(found)["RTX#2"], states(found)["RTX#3"]) == ("overdue", "not_due")
    assert found["RTX#3"].facts["earliest"] == "2014-04-14"


def test_after_a_missed_dose_the_next_is_counted_from_its_planned_date() -> None:
    # RTX#2 (day 22, through 25) belongs up to day 32: RTX#3 is planned for day 43, from day 40.
    found = asked(timeline(R1), day(41), CYCLE)
    assert (states(found)["RTX#2"], states(found)["RTX#3"]) == ("missed", "due")
    assert departures(asked(timeline(R1, rtx("r3", day(43))), day(60), CYCLE)) == {}


def test_a_cycle_without_a_number_goes_on_until_a_stop() -> None:
    endless = program(replace(CYCLE.doses[0], times=0), course=Course((), on_day(28)))
    events = timeline(R1, rtx("r2", day(22)))
    assert list(states(asked(events, day(30), endless))) == ["RTX#1", "RTX#2", "RTX#3", "RTX#4"]
    stopped = timeline(R1, rtx("r2", day(22)), milestone("treatment_stopped", day(30)))
    assert states(asked(stopped, day(2000), endless)) == {
        "RTX#1": "given",
        "RTX#2": "given",
        "RTX#3": "cancelled",
        "RTX#4": "cancelled",
    }
    named = timeline(R1, rtx("r6", day(200), planned="RTX#6"))
    assert states(asked(named, day(200), endless))["RTX#6"] == "given"


@pytest.mark.parametrize(("limit", "departs"), [(Duration(14, "d"), False), (Duration(15, "d"), True)])
def test_too_soon_after_the_dose_before(limit: Duration, *, departs: bool) -> None:
    spaced = program(replace(RTX, interval_at_least=limit), CYC)
    found = asked(timeline(R1, R2), day(60), spaced)
    assert departures(found).get("RTX#2", set()) == ({"interval"} if departs else set())


def test_an_interval_of_hours_is_unknown_where_only_dates_are() -> None:
    spaced = program(replace(RTX, interval_at_least=Duration(330, "h")), CYC)
    assert unknown(asked(timeline(R1, rtx("r2", day(15))), day(60), spaced)) == {"RTX#2": {"interval"}}
    assert unknown(asked(timeline(R1, rtx("r2", day(16))), day(60), spaced)) == {}


# --- laws -------------------------------------------------------------------------------------------------------------

STORIES: dict[str, tuple[Item, ...]] = {
    "as planned": AS_PLANNED,
    "nothing yet": (),
    "late and extra": (*GOOD_COUNTS, R1, rtx("r2", day(19)), rtx("x", day(22)), cyc("c1", day(8, "07:00"))),
    "attribution": (*GOOD_COUNTS, R1, cyc("c1", day(11)), cyc("c2", day(18))),
    "order": (cyc("c1", day(-2)), R1, C2),
    "stopped": (R1, milestone("treatment_stopped", day(8, "12:00")), R2),
    "held": (R1, neutrophils("n1", day(2), "1.2"), neutrophils("n2", day(4, "08:00"), "1.9"), cyc("c", day(5))),
    "partial": (*GOOD_COUNTS, R1, cyc("c", "2014-03")),
    "partial day 1": (rtx("r1", "2014-03"), C1),
    "perhaps": (replace(R1, certain=False), C1, R2),
    "parts": (rtx("a", day(1, "09:00"), "200"), rtx("b", day(1, "15:00"), "300"), R2),
    "not done": (R1, not_done("x", "rituximab", day(16)), not_done("y", "cyclophosphamide", day(4), planned="CYC#1")),
    "dose without a time": (R1, cyc("c", day(3)), neutrophils("n", day(3, "18:00"), "1.2")),
}


# A month of possible dates is that many worlds.
TOLD = [pytest.param(name, marks=[pytest.mark.slow] if name.startswith("partial") else []) for name in STORIES]


@pytest.mark.parametrize("story", TOLD)
@pytest.mark.parametrize("entered", [True, False])
def test_nothing_changes_before_until(story: str, *, entered: bool) -> None:
    """No finding changes, comes or goes before the `until` of them all, nor its own fields before its own."""
    many_worlds = story.startswith("partial")
    changed = _changes(timeline(*STORIES[story], entered=entered), FOUNDING, (-9, 45), () if many_worlds else (12,))
    assert changed > (2 if entered else 0)


def test_nothing_changes_before_until_in_a_cycle() -> None:
    """The same where each dose is planned from the one before; in the end nothing is left to wait for."""
    for events in (timeline(R1, rtx("r2", day(25))), timeline(R1, milestone("left_study", day(30)))):
        assert _changes(events, CYCLE, (-2, 110)) > 3
        assert asked(events, day(110), CYCLE)["RTX#4"].until is None


@pytest.mark.parametrize("mistake", ["_turns", "_coming", "until"])
def test_the_check_of_until_sees_one_that_is_late(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    late: dict[str, tuple[object, object]] = {
        "_turns": (import_module("trialspec.findings.doses"), lambda *_: ()),
        "_coming": (import_module("trialspec.findings.ways"), lambda *_: None),
        "until": (Clearance, property(lambda _: None)),
    }
    where, wrong = late[mistake]
    monkeypatch.setattr(where, mistake, wrong)
    with pytest.raises(AssertionError):
        _told_all()


def _told_all() -> None:
    for story in ("late and extra", "held", "dose without a time"):
        _changes(timeline(*STORIES[story]), FOUNDING, (-9, 45))


def _changes(events: Timeline, protocol: Program, between: tuple[int, int], hours: tuple[int, ...] = (12,)) -> int:
    """Count how often findings change from one day to another, each time at or after their until."""
    days = range(when(day(between[0])).first, when(day(between[1])).first)
    starts = {SEOUL.start_of(each) for each in days}
    shown = {at for each in events.items for at in each.when.instants}
    ticks = {start + hour * 3600 for start in starts for hour in (0, *hours)}
    changes, before = 0, Found((), 0)
    for at in sorted(ticks | {tick - 1 for tick in starts} | shown):
        found = doses(protocol, Question(events, at))
        assert found.until is None or found.until > at
        now = {(each.subject, each.name): each for each in found.findings}
        if [each.fields for each in found.findings] != [each.fields for each in before.findings]:
            assert before.until is not None
            assert at >= before.until
            changes += 1
        for each in before.findings:
            same = now.get((each.subject, each.name))
            if same is not None and (each.until is None or at < each.until):
                assert same.fields == each.fields, (at, each.name)
        before = found
    return changes


@pytest.mark.parametrize("story", STORIES)
def test_the_order_of_records_never_matters(story: str) -> None:
    items = STORIES[story]
    for at in (day(5), day(18), day(60)):
        expected = asked(timeline(*items), at)
        for order in islice(permutations(items), 6):
            events = replace(timeline(), items=(*timeline().items, *order))
            found = asked(events, at)
            assert {name: each.fields for name, each in found.items()} == {
                name: each.fields for name, each in expected.items()
            }


@pytest.mark.parametrize("story", STORIES)
def test_the_cited_records_suffice(story: str) -> None:
    """With the records that a finding cites alone, it reads the same."""
    events = timeline(*STORIES[story])
    checked = 0
    for at in (day(-5), day(3), day(11), day(19), day(60)):
        for name, finding in asked(events, at).items():
            kept = tuple(item for item in events.items if item.id in finding.because)
            again = asked(replace(events, items=kept), at).get(name)
            assert again is not None, (name, at)
            assert again.fields == finding.fields, (name, at, sorted(finding.because))
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("exact", ["2014-03-05", "2014-03-13", "2014-03-19", "2014-03-31"])
def test_sharpening_a_date_only_resolves(exact: str) -> None:
    """What is known of a dose of uncertain date stays so when its date is told."""
    vague, sharp = (asked(timeline(*GOOD_COUNTS, R1, R2, cyc("c", date)), day(60)) for date in ("2014-03", exact))
    for name, finding in vague.items():
        if finding.fields.get("state") not in {None, "unknown"}:
            assert finding.fields["state"] == sharp[name].fields["state"]
        if name in sharp and finding.subject == "dose":
            assert finding.fields["departure"] <= sharp[name].fields["departure"]  # type: ignore[operator]
            possible = {*finding.fields["departure"], *finding.fields["departure_unknown"]}
            assert set(sharp[name].fields["departure"]) <= possible or finding.fields["state"] == "unknown"


def test_a_question_about_one_dose_is_asked_of_all() -> None:
    """The dose that a question speaks of is no part of what is found of doses."""
    events = timeline(*AS_PLANNED)
    plain = doses(FOUNDING, Question(events, instant(day(30))))
    assert doses(FOUNDING, Question(events, instant(day(30)), on_date(when(day(3)).first))) == plain


def test_a_moment_that_no_protocol_names_is_not_asked_for() -> None:
    bare = replace(FOUNDING, moments={"day_1": DAY_ONE}, course=None)
    found = asked(timeline(*AS_PLANNED), day(60), bare)
    assert departures(found) == {}
    assert "course" not in found
    assert SCREENED not in bare.moments.values()
