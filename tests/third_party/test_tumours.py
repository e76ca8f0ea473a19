"""Overall responses of solid tumours beside those of investigator and reviewers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tests.third_party.published import Answer, RecordProperty, compare, protocol, published
from tests.third_party.tumours import evaluations
from trialspec.findings.responses import responses
from trialspec.interpreters.reading import Question

AT = int(datetime(2014, 12, 31, tzinfo=UTC).timestamp())
WORDS = {"not_evaluable": "NE", "non_CR_non_PD": "NON-CR/NON-PD"}


def _answers() -> Iterator[Answer]:
    asked = protocol("recist")
    for each in evaluations(published("sdtm-onco-response")):
        question = Question(asked.timeline(each.records, each.name), AT)
        found = {finding.name: finding for finding in responses(asked.program, question).findings}
        for visit, theirs in each.responses.items():
            ours = str(found[f"overall@{visit}"].fields["category"])
            yield Answer(each.name, visit, WORDS.get(ours, ours), theirs)


def test_overall_responses(record_property: RecordProperty) -> None:
    compare("Overall responses by RECIST 1.1", _answers(), {}, record_property, agreed=21)
