"""How far a gate's value lies from its limit, in the unit of what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialspec.evaluation import load
from trialspec.events import Event, decode
from trialspec.reports.sentence import said
from trialspec.times import Zone, parse_time

PROTOCOL = """\
language: 1
protocol: steroid
title: Steroid
version: 1.0.0
zone: UTC
silence_means_no: {administration: always, therapy: always}
moments: {day_1: {first: enrolment}}
drugs: {steroid: {unit: mg}}
gates:
  limit: {%s, from: day 1, through: day 3, otherwise: warn}
alerts:
  treatment/limit:
    for_each: gate
    when: {verdict: not_met}
    urgency: soon
    important: no
    lasts: for_ever
    say: "{margin}"
"""
TAKEN = '{"id":"%s","patient":"P","kind":"%s","time":"2014-03-03","available":"2014-03-03",%s}'


@pytest.mark.parametrize(
    ("asked", "margin"),
    [
        ("daily_dose_of: steroid, at_most: 10 mg/d", "2 mg/d beyond the limit"),
        ("total_dose_of: steroid, at_most: 30 mg", "6 mg beyond the limit"),
        ("daily_dose_of: steroid, above: 11 mg/d, days: 4", "3 beyond the limit"),  # it opened on the first day
    ],
)
def test_a_dose_by_date_has_the_unit_of_its_limit(tmp_path: Path, asked: str, margin: str) -> None:
    (tmp_path / "protocol.yaml").write_text(PROTOCOL % asked)
    lines = (
        TAKEN % ("a", "milestone", '"milestone":"enrolment"'),
        TAKEN % ("b", "therapy", '"drug":"steroid","dose":12,"unit":"mg/d","start":"2014-03-03","ongoing":true'),
    )
    events = [decode(line.encode()) for line in lines]
    assert all(isinstance(event, Event) for event in events)
    when = parse_time("2014-03-10", Zone("UTC"))
    assert when is not None
    report = load(tmp_path).report(events, "P", at=when.span(Zone("UTC"))[1])
    assert [said(episode) for episode in report.alerts.values()] == [margin]
