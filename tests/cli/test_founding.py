"""The demonstration: four patients' streams turn into what a clinician asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from trialspec.cli import exits

FOUNDING = "protocols/rituximab-refractory-lupus-nephritis"
STREAMS = f"{FOUNDING}/streams"

Run = Callable[..., Result]

pytestmark = pytest.mark.slow


@pytest.fixture
def patients(run: Run) -> dict[str, dict[str, Any]]:
    result = run("run", FOUNDING, STREAMS, "--as-of", "2006-01-01", "--format", "json")
    assert result.exit_code == exits.FINE, result.stderr
    return {each["patient"]: each for each in json.loads(result.stdout)["patients"]}


def of(patient: dict[str, Any], subject: str) -> list[dict[str, Any]]:
    return [each for each in patient["findings"] if each["subject"] == subject]


def test_all_four_were_eligible_and_it_is_said_why(patients: dict[str, dict[str, Any]]) -> None:
    assert set(patients) == {"patient-1", "patient-2", "patient-3", "patient-4"}
    for patient in patients.values():
        (eligibility,) = of(patient, "eligibility")
        assert eligibility["fields"]["at_enrolment"] == "eligible"
        assert eligibility["events"]


def test_every_infusion_is_accounted_for(patients: dict[str, dict[str, Any]]) -> None:
    for patient in patients.values():
        doses = {each["name"]: each["fields"]["state"] for each in of(patient, "dose")}
        assert doses == {"RTX#1": "given", "RTX#2": "given", "CYC#1": "given", "CYC#2": "given"}


def test_1_to_3_responded_and_4_did_not(patients: dict[str, dict[str, Any]]) -> None:
    def answer(patient: str, name: str) -> str:
        found = (each["fields"]["category"] for each in of(patients[patient], "category") if each["name"] == name)
        return str(next(found))

    by_patient = [answer(f"patient-{number}", "abstract@week_24") for number in (1, 2, 3, 4)]
    assert by_patient == ["responder", "responder", "responder", "non_responder"]


def test_what_rests_on_assumptions_says_so(patients: dict[str, dict[str, Any]]) -> None:
    for patient in patients.values():
        for alert in patient["alerts"]:
            if alert["rule"] == "response/final" and "abstract" in alert["subject"]:
                assert "abstract: protein: no cut-off published (assumed)" in alert["assumes"]


def test_the_page_shows_it_all(run: Run) -> None:
    shown = run("run", FOUNDING, STREAMS, "--as-of", "2006-01-01").stdout
    for words in (
        "Eligibility at enrolment: eligible",
        "abstract: responder at week_24",
        "abstract: non responder at week_24",
        "What these answers rest on beside the written protocol",
        "no cut-off published",
        "CYC#2 was given on 2004-09-08",
    ):
        assert words in shown
