"""Cases of quality measures in QI-Core: a patient's FHIR resources as records, and the expected counts of populations.

The measures name value sets that are not among the data: the codes below are those that occur, each as its display has
it. What is no code of these is not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.third_party.published import event
from trialspec.events import Record

Resource = Mapping[str, Any]

ENCOUNTERS = ("185463005", "444971000124105", "185460008", "281036007", "99385", "99395", "185317003", "90791")
CONCEPTS = {
    "102781000119107": "diabetes",
    "433146000": "kidney_failure",
    "236434000": "kidney_failure",
    "F32.9": "depression",
    "191611001": "depression",
    "268621008": "depression",
    "191765005": "other_disorder",
    "170935008": "hospice",
    "170936009": "hospice",
    "385763009": "hospice",
    "183919006": "hospice",
    "305336008": "hospice",
    "305284002": "palliative_care",
    "71007-9": "palliative_care",
    "45755-6": "hospice_data_set",
    **dict.fromkeys(ENCOUNTERS, "encounter"),
}
MEASURES = {"48642-3": "egfr_result", "13705-9": "uacr_result", "44261-6": "phq9"}
YES = "373066001"
# An observation of another status (`unknown`, `entered-in-error`) is no result.
RESULTS = ("final", "amended", "corrected", "preliminary")


@dataclass(frozen=True, slots=True)
class Case:
    """One fictional patient: what the case is for, records, and the population counts that are expected."""

    name: str
    about: str
    records: tuple[Record, ...]
    expected: Mapping[str, int]


def cases(folder: Path) -> Iterator[Case]:
    """Give every case of a measure."""
    for file in sorted(folder.glob("*.json")):
        resources = [entry["resource"] for entry in json.loads(file.read_text(encoding="utf-8"))["entry"]]
        report = next(each for each in resources if each["resourceType"] == "MeasureReport")
        (group,) = report["group"]
        counts = {_codes(each["code"])[0].replace("-", "_"): each["count"] for each in group["population"]}
        told = [each.get("valueMarkdown") or each.get("valueString") or "" for each in report["extension"]]
        records = (_records(resource, number) for number, resource in enumerate(resources))
        yield Case(file.stem[:8], told[-1].strip(), tuple(record for made in records for record in made), counts)


def _records(resource: Resource, number: int) -> Iterator[Record]:
    said = resource.get("type" if resource["resourceType"] == "Encounter" else "code", ())
    codes = _codes(*(said if isinstance(said, list) else [said] if isinstance(said, dict) else []))
    concept = next((CONCEPTS[code] for code in codes if code in CONCEPTS), "")
    period = resource.get("period") or resource.get("performedPeriod") or resource.get("onsetPeriod") or {}
    match resource["resourceType"]:
        case "Patient":
            born = resource["birthDate"]
            yield event("P", number, "person", born, birth=born, sex=resource["gender"])
            if "deceasedDateTime" in resource:
                yield event("P", 1000, "milestone", resource["deceasedDateTime"], milestone="death")
        case "Condition" if concept:
            start = resource.get("onsetDateTime") or period["start"]
            end = resource.get("abatementDateTime", "")
            named = f"{concept}_condition" if concept == "hospice" else concept
            ongoing = "" if end else "yes"
            yield event("P", number, "condition", start, concept=named, start=start, end=end, ongoing=ongoing)
        case "Encounter" | "Procedure" if concept and resource["status"] in ("finished", "completed"):
            # A procedure has one time here: of one that goes on for days the start; of some only the end is told.
            time = resource.get("performedDateTime") or period.get("start") or period["end"]
            yield event("P", number, "procedure", time, concept=concept)
        case "ServiceRequest" if concept and not resource.get("doNotPerform"):
            yield event("P", number, "procedure", resource["authoredOn"], concept=concept)
        case "Observation" if resource["status"] in RESULTS:
            yield from _observation(resource, number, codes[0], concept)


def _observation(resource: Resource, number: int, code: str, concept: str) -> Iterator[Record]:
    time = resource.get("effectiveDateTime", "")
    if concept:
        result = "yes" if YES in _codes(resource.get("valueCodeableConcept", {})) else ""
        yield event("P", number, "procedure", time, concept=concept, result=result)
    elif code in MEASURES:
        value = "reported" if resource.get("valueBoolean") else str(resource.get("valueInteger", ""))
        yield event("P", number, "observation", time, measure=MEASURES[code], value=value)


def _codes(*concepts: Mapping[str, Any]) -> list[str]:
    return [coding["code"] for concept in concepts for coding in concept.get("coding", ())]
