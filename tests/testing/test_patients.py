"""Patients made to order are what was asked for, read by the reference; and pairs straddle their limits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings

from trialspec import document, evaluation
from trialspec.casebook import read_cases, run_case
from trialspec.testing import (
    DEPARTURES,
    Patient,
    UnreachableError,
    Wish,
    borders,
    boundary_patients,
    make,
    patients,
    unstraddled,
    values,
)
from trialspec.testing.borders import Pair
from trialspec.testing.confirming import otherwise
from trialspec.testing.protocols import loaded, written
from trialspec.testing.wishes import categories, slots

ROOT = Path(__file__).parents[2]
DEMO = evaluation.load(ROOT / "tests" / "cli" / "demo")
FOUNDING = evaluation.load(ROOT / "protocols" / "rituximab-refractory-lupus-nephritis")
some = settings(max_examples=15, deadline=None)


def first(_: int) -> int:
    return 0


def verdicts(patient: Patient) -> dict[str, str]:
    """How the criteria of a protocol read at enrolment."""
    report = patient.report()
    return {each.name: str(each.fields["verdict"]) for each in report.findings if each.subject == "criterion"}


@some
@given(patients(DEMO))
def test_eligible_patients_are_eligible(patient: Patient) -> None:
    (finding,) = patient.report().about("eligibility")
    assert finding.fields["at_enrolment"] == "eligible"
    assert finding.fields["as_known"] == "eligible"


@some
@given(patients(DEMO, eligible=False))
def test_ineligible_patients_are_ineligible(patient: Patient) -> None:
    (finding,) = patient.report().about("eligibility")
    assert finding.fields["at_enrolment"] == "ineligible"
    assert finding.facts["failed"].count(",") == 0, "one criterion fails, the others are as they should be"


@pytest.mark.parametrize("name", ["I1", "I2", "E1"])
def test_one_criterion_is_open_and_all_others_are_not(name: str) -> None:
    found = verdicts(make(DEMO, Wish(eligible=None, undetermined_by=name), first))
    assert found.pop(name) == "unknown"
    assert "unknown" not in found.values()


@some
@given(patients(DEMO, response="responder", departing={"RTX#2": "late"}))
def test_a_responder_with_one_late_dose(patient: Patient) -> None:
    report = patient.report()
    (category,) = report.about("category")
    assert category.fields == {"category": "responder", "final": "yes"}
    departed = {each.name: each.fields["departure"] for each in report.about("dose") if each.fields["departure"]}
    assert departed == {"RTX#2": frozenset({"late"})}


def test_every_departure_that_can_be_had_is_had() -> None:
    had = Counter[str]()
    for slot in slots(DEMO.program):
        for word in DEPARTURES:
            try:
                made = make(DEMO, Wish(departing={slot: word}), first)
            except UnreachableError:
                continue
            had[word] += 1
            assert list(otherwise(made)) == []
            dose = next(each for each in made.report().about("dose") if each.name == slot)
            departed = {*dose.fields["departure"], dose.fields["state"]}
            extra = any("extra" in each.fields["departure"] for each in made.report().about("dose"))
            assert word in departed or (word == "extra" and extra)
    assert set(had) >= {"late", "early", "amount", "drug", "route", "gate_not_met", "gate_unknown", "missed", "extra"}
    assert set(had) >= {"after_stop", "after_course", "not_given"}


def test_every_category_is_had() -> None:
    for where, words in categories(FOUNDING.program).items():
        for word in words:
            made = make(FOUNDING, Wish(response={where: word}), first)
            assert list(otherwise(made)) == []


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path, id=path.parent.name) for path in sorted((ROOT / "protocols").glob("*/protocol.yaml"))],
)
def test_every_protocol_has_its_patients(folder: Path) -> None:
    """One who is treated, and one for each category of the first response."""
    protocol = evaluation.load(folder)
    made = make(protocol, Wish(eligible=None, treated=True), first)
    assert list(otherwise(made)) == []
    for where, words in list(categories(protocol.program).items())[:1]:
        had = 0
        for word in words:
            try:
                had += not list(otherwise(make(protocol, Wish(eligible=None, response={where: word}), first)))
            except UnreachableError:
                continue
        assert had >= len(words) - 1, where


def test_what_cannot_be_had_is_refused_with_the_reason() -> None:
    with pytest.raises(UnreachableError, match="there is no planned dose `RTX#9`; there are RTX#1, RTX#2, CYC#1"):
        make(DEMO, Wish(departing={"RTX#9": "late"}), first)
    with pytest.raises(UnreachableError, match="there is no response `half@week_9`; there are half@week_12"):
        make(DEMO, Wish(response={"half@week_9": "responder"}), first)
    with pytest.raises(UnreachableError, match="RTX#1 has no rate in the plan"):
        make(DEMO, Wish(departing={"RTX#1": "rate"}), first)
    with pytest.raises(UnreachableError, match="there is no criterion `I9`"):
        make(DEMO, Wish(failing="I9"), first)


def test_statements_that_exclude_each_other_are_refused_at_once() -> None:
    text = "{all: [{latest: m, above: 2 g}, {not: {latest: m, above: 2 g}}]}"
    protocol = loaded(_protocol(f"    I1: {text}"))
    with pytest.raises(UnreachableError, match="no patient"):
        make(protocol, Wish(), first)


def test_a_derived_measure_is_reached_by_what_it_is_made_of() -> None:
    criterion = "{latest: egfr_ckd_epi_2021, at_least: '60 mL/min/{1.73_m2}'}"
    text = _protocol(f"    I1: {criterion}").replace("use: [", "use: [rules/formulas, ")
    for wish, word in ((Wish(), "met"), (Wish(failing="I1"), "not_met")):
        made = make(loaded(text), wish, first)
        assert verdicts(made)["I1"] == word
        assert {raw.get("measure", "") for raw in made.raws} == {"", "creatinine"}
        assert [raw["kind"] for raw in made.raws if "birth" in raw and "sex" in raw] == ["person"]


def _protocol(criteria: str) -> str:
    return f"""language: 1
protocol: small
title: Small
version: 1.0.0
zone: UTC
use: [rules/deviations]
silence_means_no: {{condition: screened, therapy: screened, administration: always}}
measures: {{m: {{label: m, unit: g, possible: {{at_least: 0 g, at_most: 100 g}}}}, n: {{label: n, unit: g}}}}
drugs: {{alpha: {{label: alpha, unit: mg}}}}
concepts: {{ill: {{label: ill, kind: condition}}}}
moments:
  enrolled: {{first: enrolment}}
  screened: {{last: screening, through: enrolled}}
eligibility:
  include:
{criteria}
"""


CRITERIA = """
{latest: m, from: 14 d before screened, through: enrolled, at_least: 1 g, below: 3 g}
{first: m, above: 2 g}
{least: m, from: 28 d before now, at_least: 2 g}
{greatest: m, from: 48 h before now, below: 2 g}
{mean: m, readings: 3, above: 2 g}
{sum: alpha, at_most: 1000 mg}
{has: ill, from: 14 d before screened}
{not: {has: ill}}
{given: alpha}
{on_therapy: alpha, from: 7 d before screened, through: enrolled}
{age: screened, at_least: 18 y, at_most: 65 y}
{sex: female}
{happened: screened}
{consecutive: m, readings: 3, below: 2 g}
{sustained: m, for: 10 d, gap_at_most: 4 d, above: 2 g}
{confirmed: m, again_after: 7 d, above: 2 g}
{ratio_of: [m, n], at_least: 1.5}
{rise_of: m, since: {which: first, before: screened}, at_least: 50 %}
{count_of: therapy, of: alpha, outcome: [relapse], at_least: 2}
{some_of: [{has: ill}, {latest: m, above: 2 g}, {sex: male}], exactly: 2}
{score: {items: {a: {weight: 2, when: {has: ill}}, b: {weight: 3, when: {latest: n, above: 1 g}}}}, at_least: 3}
{followed_by: {first: {given: alpha}, then: {given: alpha}, at_least_after: 2 d, within: 14 d}}
""".strip().splitlines()


@pytest.mark.parametrize("text", CRITERIA)
def test_each_verb_is_met_not_met_and_open(text: str) -> None:
    """What silence or arithmetic rules out is named; all else is had."""
    protocol = loaded(_protocol(f"    I1: {text}"))
    for wish, word in ((Wish(), "met"), (Wish(failing="I1"), "not_met"), (Wish(undetermined_by="I1"), "unknown")):
        if (text, word) in NEVER:
            continue
        assert verdicts(make(protocol, wish, first))["I1"] == word


# A milestone that is not recorded has not happened, and what was recorded happened: neither is ever open.
NEVER = {("{happened: screened}", "not_met"), ("{happened: screened}", "unknown")}


def test_patients_of_generated_protocols() -> None:
    """Most of what is asked of generated protocols can be had; what is not contradicts itself, or waits for a dose."""
    had = Counter[bool]()
    for number in range(25):
        protocol = written(Random(number).randrange).load()
        for wish in (Wish(), Wish(failing="I1"), Wish(eligible=None, undetermined_by="I1"), Wish(None, treated=True)):
            try:
                had[not list(otherwise(make(protocol, wish, Random(number).randrange, vary=True)))] += 1
            except UnreachableError:
                had[False] += 1
    assert had[True] >= 0.8 * had.total()


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_patient_is_shown_as_a_case_that_passes(tmp_path: Path) -> None:
    made = make(DEMO, Wish(response={"half@week_12": "responder"}, departing={"RTX#2": "late"}), first)
    cases = tmp_path / "cases"
    cases.mkdir()
    (tmp_path / "protocol.yaml").write_text((ROOT / "tests" / "cli" / "demo" / "protocol.yaml").read_text())
    (cases / "made.yaml").write_text(made.case())
    book = read_cases(cases / "made.yaml")
    (case,) = book.cases
    result = run_case(book, case)
    assert result.passed, str(result)
    assert {each.at for each in case.asked} == {made.at}
    assert len(case.events) == len(made.raws)
    node, wrong = document.read(made.case(), "case")
    assert node is not None, wrong


def test_the_plainest_patient_is_plain() -> None:
    """Few events, whole days, round values."""
    made = make(DEMO, Wish(), first)
    assert len(made.raws) == 5
    assert all(len(raw["time"]) == 10 for raw in made.raws)
    (value,) = [raw["value"] for raw in made.raws if raw["kind"] == "observation"]
    assert value in {"1", "2"}


# --- both sides of a limit --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return list(borders(DEMO))


def test_pairs_differ_in_one_record(pairs: list[Pair]) -> None:
    for pair in pairs:
        assert pair.words[0] != pair.words[1], str(pair)
        differing = [(a, b) for a, b in zip(pair.one.raws, pair.other.raws, strict=True) if a != b]
        assert len(differing) == 1
        assert differing[0][0]["id"] == pair.event


def test_every_limit_has_its_pair(pairs: list[Pair]) -> None:
    shown = {str(pair) for pair in pairs}
    assert "gate recovered: not_met with neutrophils 1.5 10*9/L, met with neutrophils 1.6 10*9/L" in shown
    assert any(pair.about == "gate recovered" and pair.differ_in == "value" for pair in pairs)
    assert any(pair.about == "gate recovered" and pair.differ_in == "time" for pair in pairs)
    assert any(pair.about == "criterion I2" and pair.differ_in == "value" for pair in pairs)
    assert any(pair.about == "dose RTX#2" and "late" in pair.words for pair in pairs)
    assert any(pair.about == "dose CYC#1" and "early" in pair.words for pair in pairs)
    assert any(pair.about == "response half@week_12" for pair in pairs)
    assert any(pair.about == "visit week_12" for pair in pairs)
    # The first dose is what all dates are counted from; the first visit is done already, by what entry asks for.
    assert unstraddled(DEMO) == ("dose RTX#1", "visit baseline")


@some
@given(boundary_patients(DEMO))
def test_pairs_are_drawn(pair: Pair) -> None:
    assert pair.one.raws != pair.other.raws


@given(values(DEMO, "neutrophils", near="1.5 10*9/L"))
def test_values_are_near_the_threshold_in_each_unit(value: dict[str, str]) -> None:
    assert value["unit"] in {"10*9/L", "/uL"}
