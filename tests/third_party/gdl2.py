"""Fixtures of openEHR's GDL2 guidelines: coded inputs as records, and the outputs that are expected of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.third_party.published import event
from trialspec.events import Record

# The measure that an input is, by its label.
MEASURES = {
    "Weight": "weight",
    "Height": "height",
    "Tender joint count (TJC)": "tender_joints",
    "Swollen joint count (SJC)": "swollen_joints",
    "C-reactive protein": "crp",
    "PtGDA score": "patient_global",
    "ECOG performance status": "ecog",
    "Creatinine": "creatinine",
    "Sodium": "sodium",
    "Total bilirubin": "bilirubin",
    "INR": "inr",
    "Current daily dose": "hcq_daily",
    "Plasma volume": "plasma_volume",
    "Initial fibrinogen": "fibrinogen",
    "Goal fibrinogen": "fibrinogen_goal",
    "Fibrinogen content of unit": "fibrinogen_content",
}
# How a unit is spelt in UCUM. A unit of cryoprecipitate holds so many mg: its mg/dl is a slip, and no unit is needed.
UNITS = {
    "lb": "[lb_av]",
    "in": "[in_i]",
    "umol/l": "umol/L",
    "µmol/l": "umol/L",
    "mmol/l": "mmol/L",
    "mg/dl": "mg/dL",
    "ml": "mL",
}
UNITS_OF = {"hcq_daily": "mg/d", "fibrinogen_content": ""}
_AT = "2020-01-15"
_LABEL = re.compile(r"gt\d+\|(.*)")
_CODED = re.compile(r"(?:(\d+)\|)?local::at\d+\|(.*)\|", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fixture:
    """One case of a guideline: records, when it is asked, and what is expected, by label and in short."""

    guideline: str
    name: str
    date: str
    inputs: Mapping[str, str]
    expected: Mapping[str, str]

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records())

    def _records(self) -> Iterator[Record]:
        for number, (label, value) in enumerate(self.inputs.items()):
            if label in MEASURES:
                measure = MEASURES[label]
                coded = _CODED.fullmatch(value)
                amount, _, unit = (coded[1] if coded else value).partition(",")
                unit = UNITS_OF.get(measure, UNITS.get(unit, unit))
                yield event("P", number, "observation", self.date, measure=measure, value=amount, unit=unit)
            elif label == "Birthdate":
                yield event("P", number, "person", self.date, birth=value[:10])
            elif label == "Gender":
                yield event("P", number, "person", self.date, sex=text(value).lower())
            elif label == "Dialysis history" and text(value) == "Yes":
                yield event("P", number, "procedure", self.date, concept="dialysis")


def text(value: str) -> str:
    """The words of a coded output, the number of any other."""
    coded = _CODED.fullmatch(value)
    return coded[2] if coded else value.partition(",")[0]


def fixtures(folder: Path) -> Iterator[Fixture]:
    """Give every case of every fixture."""
    for file in sorted(folder.glob("*.test.yml")):
        # Everything as text: 2.0 stays 2.0.
        told = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 (texts only)
        for case in told["test_cases"]:
            yield Fixture(
                file.name.partition(".")[0],
                " ".join(case["id"].split()),
                told.get("current_datetime", _AT)[:10],
                {_label(key): value for key, value in case["input"]["1"].items()},
                {_label(key): value for key, value in case["expected_output"]["1"].items()},
            )


def _label(key: str) -> str:
    found = _LABEL.fullmatch(key)
    assert found is not None, key
    return found[1]
