"""Populations of two quality measures beside the counts that the authors of the measures expect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.third_party.published import Answer, RecordProperty, compare, protocol, published, verdicts
from tests.third_party.qicore import cases

AT = int(datetime(2026, 12, 31, tzinfo=UTC).timestamp())


def _answers(measure: str, folder: str) -> Iterator[Answer]:
    """A population counts whoever surely belongs to it; what nobody knows counts for nobody."""
    asked = protocol(measure)
    for case in cases(published("ecqm-qicore-cases") / folder):
        read = verdicts(asked.report(case.records, "P", at=AT))
        for population, count in case.expected.items():
            ours = "in" if read[population] == "met" else "out"
            yield Answer(case.name, population, ours, "in" if count else "out")


@pytest.mark.parametrize(
    ("measure", "folder", "agreed"),
    [
        ("kidney-health", "KidneyHealthEvaluationFHIR", 17 * 4),
        ("depression-remission", "DepressionRemissionatTwelveMonthsFHIR", 24 * 4),
    ],
)
def test_populations(measure: str, folder: str, agreed: int, record_property: RecordProperty) -> None:
    compare(folder, _answers(measure, folder), {}, record_property, agreed=agreed)
