"""All findings of a patient, and the groups in which alerts follow them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.findings.scenes import (
    COUNT,
    CYC,
    DAY_1,
    LABS,
    RTX,
    SCREENED,
    SEOUL,
    day,
    dose,
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
    therapy,
    value,
)
from trialspec.explain import only
from trialspec.findings import Group, Subject, evaluate, groups
from trialspec.findings.found import Found
from trialspec.interpreters.reading import Question
from trialspec.kernel import Window
from trialspec.patient import Item, Problem
from trialspec.program import Category, Component, Course, Gate, Response, TherapyRule
from trialspec.rulebook import Rulebook
from trialspec.rulebook.table import misfit
from trialspec.times import When, shown_date

C3 = limit(latest("c3"), "at_least", "90")
PLAN = program(
    criteria=(include("I1", C3),),
    doses=(RTX, replace(CYC, gates=("recovered",))),
    gates={"recovered": Gate("recovered", limit(latest("neutrophils"), "above", "1.5"))},
    course=Course(("RTX", "CYC"), RTX.planned[1]),
    assessments=(LABS, COUNT),
    responses=(
        Response(
            "demo",
            ("week_12",),
            (Component("c3", "week_12", C3),),
            (Category("responder", "week_12", C3), Category("non_responder", "week_12", None)),
            {"withdrawal": "not_evaluable"},
        ),
    ),
    therapies=(
        TherapyRule("steroid", "rescue", (select("therapy", Window(DAY_1), closed=SCREENED, drug="prednisolone"),)),
    ),
)
STORY = (
    milestone("consent", "2024-01-01", version="1.0"),
    milestone("screening", "2024-01-02"),
    value("c3", "2024-01-03", "90"),
    milestone("enrolment", "2024-01-08"),
    dose("rituximab", "2024-01-15"),
    value("neutrophils", "2024-01-16", "2"),
    dose("cyclophosphamide", "2024-01-17", 750),
    therapy("prednisolone", "2024-02-01"),
    item("adverse_event", "2024-02-10", {"concept": "rash", "serious": "no"}, name="ae"),
)
DOUBTS = (Problem("e1", "set_aside", "no unit", None, frozenset({"e1"})),)


def test_findings_come_in_a_fixed_order_and_of_every_subject() -> None:
    found = evaluate(PLAN, Question(patient(*STORY, problems=DOUBTS), SEOUL.end_of(day("2024-06-01"))))
    subjects = list(dict.fromkeys(finding.subject for finding in found))
    assert set(subjects) == set(get_args(Subject))
    assert subjects == [
        *("patient", "criterion", "eligibility", "gate", "dose", "course", "visit", "assessment"),
        *("component", "category", "adverse_event", "therapy", "record"),
    ]
    keys = [(finding.subject, finding.name) for finding in found]
    assert len(set(keys)) == len(keys)


def test_groups_hold_what_evaluate_gives() -> None:
    timeline, at = patient(*STORY, problems=DOUBTS), SEOUL.end_of(day("2024-02-20"))
    by_group = [finding for group in groups(PLAN) for finding in group(Question(timeline, at)).findings]
    assert sorted(map(repr, by_group)) == sorted(map(repr, evaluate(PLAN, Question(timeline, at))))


def test_a_count_before_a_dose_follows_the_dose() -> None:
    def read(time: str) -> dict[str, object]:
        group = next(group for group in groups(PLAN) if group.name == "doses")
        found = said(group, patient(*STORY), time)
        return {name: each.fields["state"] for name, each in found.items() if each.subject == "assessment"}

    assert read("2024-01-16") == {"count@CYC#1/neutrophils": "not_due", "count@CYC#2/neutrophils": "not_due"}
    assert read("2024-01-17") == {"count@CYC#1/neutrophils": "done", "count@CYC#2/neutrophils": "not_due"}


def test_what_was_known_reaches_eligibility() -> None:
    timeline, at = patient(*STORY), SEOUL.end_of(day("2024-02-20"))
    question = Question(timeline, at, known_at=lambda _: timeline)
    [finding] = [each for each in evaluate(PLAN, question) if each.subject == "eligibility"]
    assert finding.fields["as_known"] == "eligible"


@pytest.mark.parametrize("group", groups(PLAN), ids=lambda group: group.name)
def test_nothing_in_a_group_changes_before_its_until(group: Group) -> None:
    holds_until(group, patient(*STORY, milestone("consent_withdrawn", "2024-03-20T10:00")), "2024-01-01", "2024-05-05")


# --- drawn at random --------------------------------------------------------------------------------------------------

FIRST, LAST = day("2024-01-01"), day("2024-02-28")
KINDS = {
    "screening": (FIRST, milestone("screening", "2024-01-01")),
    "enrolment": (FIRST + 7, milestone("enrolment", "2024-01-01")),
    "rituximab": (FIRST + 14, dose("rituximab", "2024-01-01")),
    "consent": (FIRST, milestone("consent", "2024-01-01", version="1.0")),
    "cyclophosphamide": (FIRST + 16, dose("cyclophosphamide", "2024-01-01", 750)),
    "c3": (FIRST + 42, value("c3", "2024-01-01", "90")),
    "poor c3": (FIRST + 45, value("c3", "2024-01-01", "50")),
    "early c3": (FIRST + 2, value("c3", "2024-01-01", "90")),
    "named": (FIRST + 42, value("c3", "2024-01-01", "100", visit="week_4")),
    "either": (FIRST + 42, value("c4", "2024-01-01", "1", visit="week_4|week_12")),
    "visit": (FIRST + 14, milestone("visit", "2024-01-01", visit="baseline")),
    "count": (FIRST + 14, value("neutrophils", "2024-01-01", "2")),
    "steroid": (FIRST + 20, therapy("prednisolone", "2024-01-01")),
    "event": (FIRST + 30, item("adverse_event", "2024-01-01", {"concept": "rash"})),
    "gone": (FIRST + 45, milestone("consent_withdrawn", "2024-01-01")),
    "death": (FIRST + 50, milestone("death", "2024-01-01")),
}


@st.composite
def dated(draw: st.DrawFn, near: int) -> When:
    """A date, an hour of a date, or one of a few dates: most often where it is planned, or a day or two beside."""
    first = draw(st.sampled_from([near, near, near, near + 1, near - 1, near + 4, near - 8, None]))
    first = draw(st.integers(FIRST, LAST)) if first is None else first
    match draw(st.sampled_from(["date", "date", "date", "hour", "hour", "dates"])):
        case "hour":
            return When(first, first, (SEOUL.start_of(first) + draw(st.sampled_from([0, 36_000, 86_399])),))
        case "dates":
            return When(first, first + draw(st.integers(1, 2)))
        case _:
            return When(first, first)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Item, ...]:
    """A patient's records: mostly one who was screened, enrolled and treated about as planned, and then anything."""
    entry = [name for name in ("screening", "enrolment", "rituximab") if draw(st.sampled_from([True] * 7 + [False]))]
    rest = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    made = []
    for number, name in enumerate([*entry, *rest]):
        near, kind = KINDS[name]
        when = draw(dated(near))
        source = f"{number} {name}"
        certain = draw(st.sampled_from([True] * 11 + [False]))
        made.append(replace(kind, id=source, sources=frozenset({source}), when=when, visible=when, certain=certain))
    return tuple(made)


@pytest.mark.slow
def test_no_finding_changes_before_its_until() -> None:
    """Law 4, for every group of findings: what was found stays so until its `until`, while no event arrives."""
    changes: Counter[str] = Counter()

    @given(stories(), st.sampled_from(groups(PLAN)))
    def law(items: tuple[Item, ...], group: Group) -> None:
        last = max((each.when.last for each in items), default=FIRST)
        timeline = patient(*items)
        changes[group.name] += holds_until(group, timeline, shown_date(FIRST - 1), shown_date(min(last, LAST) + 3))

    law()
    assert {"visits", "doses", "eligibility", "patient", "records"} <= set(+changes)


DAYS = tuple(FIRST + later for later in (60, 16, 44, 5, 14, 20, 30, 38, 50, 55, 75, 100, 110))
UNSETTLED = {"unknown", "undetermined", "pending", "not_evaluable"}


@pytest.mark.slow
def test_the_records_that_are_cited_suffice() -> None:
    """Law 10: the cited records alone give the same finding, where it is settled."""
    settled: Counter[str] = Counter()

    @given(stories(), st.sampled_from(DAYS))
    def law(items: tuple[Item, ...], on: int) -> None:
        timeline, at = patient(*items), SEOUL.end_of(on)
        for finding in evaluate(PLAN, Question(timeline, at)):
            words = {word for word in finding.fields.values() if isinstance(word, str)}
            if finding.subject in {"dose", "course", "gate"} or words & UNSETTLED:
                continue
            again = evaluate(PLAN, Question(only(timeline, finding.because), at))
            same = [each.fields for each in again if (each.subject, each.name) == (finding.subject, finding.name)]
            assert same == [finding.fields], finding.name
            settled.update(f"{finding.subject} {word}" for word in words)

    law()
    wanted = ("done", "missed", "overdue", "cancelled", "due", "not_due")
    assert {*(f"visit {word}" for word in wanted), "record no_screening", "eligibility eligible"} <= set(settled)


@pytest.mark.slow
@given(stories(), st.sampled_from(DAYS), st.randoms(use_true_random=False))
def test_the_order_of_records_never_matters(items: tuple[Item, ...], on: int, chance: Random) -> None:
    """Law 1 for findings; and every message keeps to the words that rules may ask for."""
    at, turned = SEOUL.end_of(on), list(items)
    chance.shuffle(turned)
    found, again = (
        {
            (each.subject, each.name): each
            for each in evaluate(PLAN, Question(replace(patient(), items=tuple(order)), at))
        }
        for order in (items, turned)
    )
    assert found.keys() == again.keys()
    for key, finding in found.items():
        other = again[key]
        assert (finding.fields, finding.until, finding.because) == (other.fields, other.until, other.because)
        assert misfit(Rulebook(()), finding.subject, finding.fields) == ""


def test_a_group_is_read_like_a_function() -> None:
    assert isinstance(groups(PLAN)[0](Question(patient(), 0)), Found)
