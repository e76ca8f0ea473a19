"""Scores and formulas beside the fixtures of seven GDL2 guidelines: every output of every case is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from math import log

import pytest

import trialspec
from tests.third_party.gdl2 import Fixture, fixtures, text
from tests.third_party.published import Answer, RecordProperty, compare, protocol, published, shown, values, verdicts

Asked = Callable[[trialspec.PatientReport, str], str]


def value(measure: str, only_if: str = "") -> Asked:
    """The latest value, printed to as many places as theirs."""

    def asked(report: trialspec.PatientReport, theirs: str) -> str:
        if only_if and verdicts(report)[only_if] != "met":
            return "none"
        found = values(report.timeline.items, measure)
        return shown(found[-1] if found else None, len(theirs.partition(".")[2]))

    return asked


def word(words: Mapping[str, str]) -> Asked:
    """What stands for the criterion that is met."""

    def asked(report: trialspec.PatientReport, _: str) -> str:
        read = verdicts(report)
        return " and ".join(said for criterion, said in words.items() if read[criterion] == "met") or "none"

    return asked


BAND = {"dies_1_9": "1.9", "dies_6": "6", "dies_19_6": "19.6", "dies_52_6": "52.6", "dies_71_3": "71.3"}
ACTIVITY = {
    name: name.replace("_", " ").capitalize() for name in ("low_activity", "moderate_activity", "high_activity")
}
QUESTIONS: Mapping[str, Mapping[str, Asked]] = {
    "BSA_Mosteller": {"Body surface area": value("bsa_mosteller")},
    "Cryoprecipitate_Dosing_Fibrinogen_Replacement": {
        "Cryoprecipitate dose": value("cryoprecipitate", only_if="volume_possible"),
        "Fibrinogen content of unit": value("fibrinogen_content"),
        "Warning-Plasma volume": word(
            {
                "volume_too_low": "Too low; please change to proceed.",
                "volume_very_high": "Very high; double-check.",
                "volume_too_high": "Too high; please change to proceed.",
            }
        ),
    },
    "DAS28-CRP": {
        "DAS28-CRP": value("das28_crp"),
        "Disease activity": word({"remission": "Remission"} | ACTIVITY),
    },
    "ECOG_performance_status": {"ECOG performance status": value("ecog")},
    "Estimated_GFR_Cockcroft_Gault": {
        "Estimated GFR": value("gfr"),
        "Stage": word({f"stage_{stage}": f"{stage}" for stage in range(1, 6)}),
    },
    "Hydroxychloroquine_Plaquenil_Dosing_Calculator": {
        "Calculate Maximum daily dose of hydroxychloroquine": value("hcq_most"),
        "Current daily dose calculation": value("hcq_per_kg"),
        "Daily dose interpretation": word({"hcq_within": "Dose", "hcq_above": "Warning:"}),
        "Retinopathy risk interpretation": word({"retinopathy_2": "2%", "retinopathy_10": "10%"}),
    },
    "MELD_score": {
        "Dialysis history": word({"on_dialysis": "Yes"}),
        "Original MELD (oMELD) score": value("meld_original"),
        "MELD score": value("meld"),
        "INR": value("meld_inr"),
        "Total bilirubin": value("meld_bilirubin"),
        "Creatinine": value("scr_mg"),
        "Sodium": value("meld_sodium"),
        "90-day mortality": word(BAND),
    },
}
# What of a coded output is compared: its number, its first word, the first percentage in it.
SHORT: Mapping[str, Callable[[str], str]] = {
    "ECOG performance status": lambda said: said.partition("|")[0],
    "Stage": lambda said: text(said)[0],
    "Daily dose interpretation": lambda said: text(said).split()[0],
    "Retinopathy risk interpretation": lambda said: next(part for part in text(said).split() if part.endswith("%")),
    "Dialysis history": lambda said: "none" if text(said) == "No" else "Yes",
}

POUNDS = "the guideline reads kg and cm only; here pounds are converted"
CONTENT = "the guideline shows its default over what was recorded, and reckons with what was recorded"
AS_IT_CAME = (
    "the guideline takes the logarithms of the bilirubin in µmol/L and of an INR below 1, as they came; the published "
    "score, and the guideline's own text, takes them in mg/dL and not below 1"
)


def _why(answer: Answer, case: Fixture) -> str | None:
    """Give the reason why an answer differs."""
    label = answer.question
    if case.guideline == "BSA_Mosteller" and case.inputs["Weight"].endswith("lb") and answer.theirs == "none":
        return POUNDS
    if label == "Fibrinogen content of unit" and answer.theirs == "250" and answer.ours in case.inputs[label]:
        return CONTENT
    if case.guideline == "MELD_score" and _meld_as_it_came(case).get(label) == answer.theirs:
        return AS_IT_CAME
    return None


def _meld_as_it_came(case: Fixture) -> dict[str, str]:
    """The scores as the guideline's rules have them, defect and all."""
    magnitude = {label: float(said.partition("|")[0].partition(",")[0]) for label, said in case.inputs.items()}
    molar = case.inputs["Creatinine"].endswith("umol/l")
    creatinine = magnitude["Creatinine"] / (88.42 if molar else 1)
    creatinine = 4 if magnitude["Dialysis history"] else min(max(creatinine, 1), 4)
    original = 9.57 * log(creatinine) + 3.78 * log(magnitude["Total bilirubin"]) + 11.2 * log(magnitude["INR"]) + 6.43
    lacking = 137 - min(max(magnitude["Sodium"], 125), 137)
    score = original + 1.32 * lacking - 0.033 * original * lacking
    band = next(
        said for least, said in ((40, "71.3"), (30, "52.6"), (20, "19.6"), (10, "6"), (0, "1.9")) if score >= least
    )
    return {"Original MELD (oMELD) score": f"{original:.0f}", "MELD score": f"{score:.0f}", "90-day mortality": band}


@cache
def _protocol() -> trialspec.Protocol:
    return protocol("gdl2")


def _report(case: Fixture) -> trialspec.PatientReport:
    at = datetime.fromisoformat(case.date).replace(hour=20, tzinfo=UTC)
    return _protocol().report(case.records, "P", at=int(at.timestamp()))


def _answers(cases: Iterable[Fixture]) -> Iterator[tuple[Answer, Fixture]]:
    for case in cases:
        report = _report(case)
        for label, asked in QUESTIONS[case.guideline].items():
            said = case.expected.get(label, "none")
            theirs = SHORT.get(label, text)(said) if said != "none" else said
            yield Answer(f"{case.guideline}, {case.name}", label, asked(report, theirs), theirs), case


def _cases() -> Iterator[Fixture]:
    """The cases of the seven guidelines; that of SLEDAI has a test of its own."""
    return (case for case in fixtures(published("gdl2-fixtures")) if case.guideline in QUESTIONS)


def test_every_output_of_every_fixture_is_asked_for() -> None:
    for case in _cases():
        assert case.expected.keys() <= QUESTIONS[case.guideline].keys()


def test_scores_and_formulas(record_property: RecordProperty) -> None:
    asked = list(_answers(_cases()))
    reasons = {each.about: why for each, case in asked if each.ours != each.theirs and (why := _why(each, case))}
    compare("GDL2 fixtures", [each for each, _ in asked], reasons, record_property, agreed=108)


def test_the_library_by_the_fixture_of_cockcroft_and_gault(record_property: RecordProperty) -> None:
    """The fixture has a formula of its own for those below 20, and rounds 88.42 / 72 to 1.23 and 0.85 of it to 1.04."""
    cases = [each for each in _cases() if "Cockcroft" in each.guideline]
    answers, reasons = [], {}
    for case in cases:
        theirs = case.expected["Estimated GFR"].partition(",")[0]
        ours = value("creatinine_clearance")(_report(case), theirs)
        answers.append(answer := Answer(case.name, "eGFR", ours, theirs))
        young = case.inputs["Birthdate"].startswith("2000")
        reasons[answer.about] = "another formula below 20 years" if young else "factors that are rounded: 1.23 and 1.04"
        if not young:
            assert float(ours) == pytest.approx(float(theirs), rel=0.005)
    compare("Creatinine clearance (Cockcroft-Gault)", answers, reasons, record_property, agreed=0)
