"""Sixteen published patients: what the definitions say of each is what follows by hand from the published table."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import trialspec
from trialspec.evaluation import PatientReport

HOME = Path(__file__).parents[1] / "protocols" / "jonsdottir-2008"

# By patient: grades at baseline and after six months, as the table has them, those of nephritis first; and its grams
# of protein (`ND` where it was not done, nothing where there was no nephritis).
TABLE = {
    1: ("nephritis A/C", "0.2"),
    2: ("nephritis A/B", "1.6"),
    3: ("nephritis A/D, serositis B/D", "5.3"),
    4: ("vasculitis A/C, skin A/C, arthritis A/C", ""),
    5: ("nephritis A/C, general A/C", "4.6"),
    6: ("oedema A/D, blood B/B", ""),
    7: ("arthritis A/C, serositis B/D", ""),
    8: ("nephritis A/B", "2.9"),
    9: ("nephritis A/B, arthritis A/C, nerves B/C", "1.4"),
    10: ("skin B/D, vasculitis B/C", ""),
    11: ("nephritis A/B", "ND"),
    12: ("arthritis A/C, general B/C", ""),
    13: ("skin A/D", ""),
    14: ("nerves B/B, general B/B", ""),
    15: ("nephritis A/D, blood B/C", "5.9"),
    16: ("nephritis A/C, general A/C, blood B/C, serositis A/B", "2.4"),
}


@cache
def reports() -> dict[int, PatientReport]:
    protocol = trialspec.load(HOME)
    at = protocol.program.zone.end_of(protocol.program.zone.date_of(1_167_500_000))  # the last days of 2006
    found = protocol.evaluate(trialspec.read(HOME / "streams" / "patients.ndjson"), at=at)
    return {int(report.patient.removeprefix("J")): report for report in found}


def said(number: int, subject: str, name: str, field: str) -> str:
    return next(str(each.fields[field]) for each in reports()[number].about(subject) if each.name == name)


def category(number: int, name: str) -> str:
    return said(number, "category", name, "category")


def test_there_are_sixteen_of_them() -> None:
    assert sorted(reports()) == sorted(TABLE)


@pytest.mark.parametrize("number", TABLE)
def test_response_follows_from_the_grades(number: int) -> None:
    grades = [each.split(" ")[1].split("/") for each in TABLE[number][0].split(", ")]
    better = all(after > before for before, after in grades)
    quiet = all(after in "CD" for _, after in grades)
    assert category(number, "every_organ@month_6") == ("responder" if better else "non_responder")
    assert category(number, "all_quiet@month_6") == ("responder" if quiet else "non_responder")
    kidney = TABLE[number][0].split(", ")[0]
    expected = {"C": "complete", "D": "complete", "B": "partial", "A": "none"}[kidney[-1]]
    assert category(number, "renal@month_6") == (expected if kidney.startswith("nephritis") else "not_involved")


@pytest.mark.parametrize("number", TABLE)
def test_proteinuria_that_was_not_done_is_unknown(number: int) -> None:
    grams = TABLE[number][1]
    expected = "not_met" if not grams else "unknown" if grams == "ND" else "met" if float(grams) >= 1 else "not_met"
    assert said(number, "component", "refractory@baseline/active_protein", "verdict") == expected


def test_what_is_told_of_the_table_by_hand_is_so() -> None:
    partial = {number for number in TABLE if category(number, "renal@month_6") == "partial"}
    none = {number for number in TABLE if category(number, "every_organ@month_6") == "non_responder"}
    parted = {n for n in TABLE if category(n, "every_organ@month_6") != category(n, "all_quiet@month_6")}
    assert partial == {2, 8, 9, 11}
    assert none == {6, 14}
    assert parted == {2, 8, 9, 11, 16}
    told = {
        "induction_before": {"not_met": {12}},
        "two_agents": {"not_met": {5, 13}},
        "full_cyclophosphamide": {"not_met": {6, 12}},
        "adequate_mycophenolate": {"unknown": {3, 8, 10, 16}, "met": set[int]()},
    }
    for name, expected in told.items():
        for verdict, numbers in expected.items():
            found = {n for n in TABLE if said(n, "component", f"refractory@baseline/{name}", "verdict") == verdict}
            assert found == numbers, name
