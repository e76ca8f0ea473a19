"""A unit that is not accepted: those that are get listed; one that looks alike may be 1000 times off."""

import pytest

from tests.sources.terms import SEOUL, VOCABULARY
from trialspec.events import Event
from trialspec.quantity import ANYTHING
from trialspec.values import Reading, read_values


@pytest.mark.parametrize(
    ("measure", "unit", "units"),
    [
        ("neutrophils", "K/uL", "/uL or 10*9/L"),  # a thousand of `/uL`
        ("neutrophils", "10*6/uL", "/uL or 10*9/L"),
        ("creatinine", "umol/l", "mg/dL or umol/L"),
        ("creatinine", "mmol/L", "mg/dL or umol/L"),
    ],
)
def test_no_unit_is_suggested_by_its_spelling(measure: str, unit: str, units: str) -> None:
    content = {"measure": measure, "value": "88", "unit": unit}
    reading = Reading(Event("e1", "P1", "observation", "2024-03-05", content), "observation", (SEOUL,))
    read_values(reading, VOCABULARY.get(measure))
    assert reading.fields["value"] == ANYTHING
    assert reading.reasons == [f"`{unit}` is not a unit of {measure}, which is in {units}"]
