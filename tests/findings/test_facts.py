"""Every finding tells the words that a rule of its subject may use, and no others."""

from __future__ import annotations

from pathlib import Path

from trialspec import evaluation
from trialspec.rulebook.table import FACTS, SUBJECTS
from trialspec.sources import read
from trialspec.times import parse_time

PROTOCOL = Path(__file__).parent.parent.parent / "protocols" / "rituximab-refractory-lupus-nephritis"

# What the four patients do not have, so that every subject is found: a bad record, an event and a prohibited vaccine.
MORE = """
{"id": "x1", "patient": "patient-1", "kind": "adverse_event", "term": "cough", "serious": "no", "time": "2004-05-01"}
{"id": "x2", "patient": "patient-1", "kind": "observation", "measure": "c3", "value": 0.9, "time": "2004-05-01"}
{"id": "x3", "patient": "patient-1", "kind": "administration", "drug": "yellow_fever_vaccine", "time": "2004-05-01"}
"""


def test_a_finding_tells_what_the_sentence_of_a_rule_may_use(tmp_path: Path) -> None:
    protocol = evaluation.load(PROTOCOL)
    more = tmp_path / "more.ndjson"
    more.write_text(MORE.strip() + "\n", encoding="utf-8")
    zone = protocol.program.zone
    when = parse_time("2004-09-01", zone)
    assert when is not None
    records = [*read(PROTOCOL / "streams" / "patient-1.ndjson"), *read(more)]
    told = {}
    for report in protocol.evaluate(records, at=when.span(zone)[1]):
        for finding in report.findings:
            assert set(finding.facts) == FACTS[finding.subject], finding.name
            told[finding.subject] = True
    assert set(told) == set(FACTS) == set(SUBJECTS)
