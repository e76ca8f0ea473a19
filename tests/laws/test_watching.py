"""Law 3, and law 1 for journals, over generated protocols: what is watched is what is reported, however it comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.watched import case
from trialspec import monitor
from trialspec.alerts import Change, fold
from trialspec.events import Event, Record
from trialspec.findings import Group, Subject
from trialspec.findings.found import Found
from trialspec.interpreters.reading import Question
from trialspec.monitor import Monitor
from trialspec.patient import Timeline
from trialspec.testing import Written, protocols, watches
from trialspec.testing.happenings import Made as Raw
from trialspec.testing.made import record
from trialspec.testing.protocols import loaded
from trialspec.testing.strategies import drawn
from trialspec.testing.watching import (
    Watch,
    another_may_judge,
    checked,
    journal_of,
    order_decides_nothing,
    otherwise,
    stopping_changes_nothing,
    stops,
    time_may_jump,
    told,
)
from trialspec.times import DAY, Zone, parse_time

pytestmark = pytest.mark.slow

# One example is a protocol that is loaded, some ten whole reports, and a watch or two. Deep, all laws together draw
# 100 000 examples.
_DEEP = settings.default is not None and settings.default.max_examples > 100
most = settings(max_examples=40_000 if _DEEP else 25)
many = settings(max_examples=20_000 if _DEEP else 20)
some = settings(max_examples=10_000 if _DEEP else 10)


@most
@given(watches())
def test_what_is_watched_is_what_is_reported(watch: Watch) -> None:
    """After every batch, at what is due, a second before and a second after, alerts are those of a report."""
    checked(watch)
    assert watch.protocol.incidents == ()


@some
@given(watches(), st.data())
def test_stopping_and_starting_changes_nothing(watch: Watch, data: st.DataObject) -> None:
    """The journal of a watch that is stopped and started anywhere is that of one that never stopped."""
    stopping_changes_nothing(watch, data.draw(drawn(stops, watch)))


@many
@given(watches(), st.data())
def test_order_and_batches_decide_nothing(watch: Watch, data: st.DataObject) -> None:
    """At each instant the alerts and the journal folded are the same in any order, batched in any way."""
    order_decides_nothing(watch, data.draw(drawn(otherwise, watch)))


@some
@given(watches())
def test_time_may_jump(watch: Watch) -> None:
    """All that came told at once at the end, or before it happened, leads to the same alerts without any tick."""
    time_may_jump(watch)


@some
@given(watches(), protocols(), st.integers(0, 9))
def test_another_protocol_may_judge(watch: Watch, other: Written, after: int) -> None:
    """From the step at which another protocol judges, the alerts are those of its reports."""
    another_may_judge(watch, other.load(), after % len(watch.stream.steps))


def test_what_was_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing depends on what is remembered of patients to whom something happened lately."""
    monkeypatch.setattr(monitor, "_LATELY", 0)
    for number in range(8):
        checked(case(number))


# --- what is drawn ----------------------------------------------------------------------------------------------------

DRAWN = 80


@pytest.fixture(scope="module")
def watched() -> list[tuple[Watch, list[Change]]]:
    """One sample for all that is counted here, each with its journal."""
    return [(each, journal_of(each)) for each in map(case, range(DRAWN))]


def share(watched: list[tuple[Watch, list[Change]]], holds: Callable[[Watch, list[Change]], bool]) -> float:
    """Give the share of watches, in percent."""
    return 100 * sum(holds(*each) for each in watched) / len(watched)


def plain(timeline: Timeline) -> bool:
    """Whether nothing of a patient is uncertain."""
    return not timeline.problems and all(
        item.certain and item.when.certain and item.visible.certain for item in timeline.items
    )


def test_enough_happens(watched: list[tuple[Watch, list[Change]]]) -> None:
    """Alerts are raised, resolved, withdrawn and revised, and some are over when they are first seen."""
    least = {"raised": 95, "resolved": 60, "withdrawn": 30, "revised": 25}
    for what, percent in least.items():
        assert 100 * sum(any(each.what == what for each in journal) for _, journal in watched) >= percent * len(watched)

    def at_once(_: Watch, journal: list[Change]) -> bool:
        return any(each.what == "raised" and each.episode.closed is not None for each in journal)

    assert share(watched, at_once) >= 40


def test_every_subject_raises_alerts(watched: list[tuple[Watch, list[Change]]]) -> None:
    """Each subject's findings raise alerts in some watch, and most rules of the library do."""
    raised = {each.episode.rule for _, journal in watched for each in journal if each.what == "raised"}
    assert {rule.for_each for rule in raised} == set(get_args(Subject))
    rules = {rule.name for rule in watched[0][0].protocol.rulebook.rules}
    assert len({rule.name for rule in raised}) >= 0.75 * len(rules)


def test_patients_are_plain_and_not(watched: list[tuple[Watch, list[Change]]]) -> None:
    """Many patients have nothing uncertain in the end, and many have; many watches are of several patients."""
    ends = [
        plain(each.protocol.timeline(each.stream.records, patient))
        for each, _ in watched
        for patient in each.stream.patients
    ]
    assert 0.3 * len(ends) <= sum(ends) <= 0.7 * len(ends)
    assert share(watched, lambda each, _: len(each.stream.patients) > 1) >= 20
    assert share(watched, lambda each, _: each.keep < len(each.stream.patients)) >= 5


def test_records_come_in_every_way(watched: list[tuple[Watch, list[Change]]]) -> None:
    """Late, before their time, twice, corrected, retracted, unreadable, without a record, under somebody else's id."""
    found: Counter[str] = Counter()
    for each, _ in watched:
        zone = each.protocol.program.zone
        seen: list[Record] = []
        for step in each.stream.steps:
            ways: set[str] = {f"pace {step.pace}"} | ({"several at once"} if len(step.records) > 1 else set())
            for one in step.records:
                before = [other for other in seen if other.id == one.id]
                ways |= {"twice"} if one in before else set()
                ways |= {"under another's id"} if any(other.patient != one.patient for other in before) else set()
                if not isinstance(one, Event):
                    ways.add("unreadable")
                    continue
                ways |= {"retracted"} if one.retracted else set()
                ways |= {"retracted before it came"} if one.retracted and not before else set()
                ways |= {"corrected"} if one.revision and before and not one.retracted else set()
                ways |= {"conflict"} if any(o.revision == one.revision and o != one for o in before) else set()
                when = None if one.retracted else parse_time(one.time, zone)
                if when is not None:
                    first, last = when.span(zone)
                    ways |= {"before its time"} if first > step.at else set()
                    ways |= {"late"} if last < step.at - DAY else set()
                seen.append(one)
            found.update(ways)
    wanted: tuple[str, ...] = (
        "late",
        "before its time",
        "twice",
        "corrected",
        "retracted",
        "retracted before it came",
        "conflict",
    )
    wanted += ("unreadable", "under another's id", "pace halts", "pace jump", "several at once")
    assert [way for way in wanted if found[way] < 5] == []


# --- what was found ------------------------------------------------------------------------------------------

NOTHING_YET = """
language: 1
protocol: nothing-yet
title: What is told before anything has happened
version: 1.0.0
zone: UTC
use: [rules/deviations]
measures:
  m: {label: m, unit: g}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
eligibility:
  include:
    I1: {latest: m, from: 7 d before now, at_least: 1 g}
alerts:
  own/open:
    for_each: criterion
    when: {verdict: unknown}
    urgency: log
    important: no
    lasts: while_true
    say: It is open
"""


def test_before_anything_happened_the_same_is_told_at_any_time() -> None:
    """All that is known is dated later: what holds since ever does not move on with the question."""
    announced = record({"id": "a", "patient": "P", "kind": "milestone", "milestone": "screening", "time": "2024-03-20"})
    zone, protocol = Zone("UTC"), loaded(NOTHING_YET)
    first, later = (zone.start_of(date(2024, 3, day).toordinal()) for day in (1, 5))
    watching = Monitor(protocol, first)
    watching.feed([announced])
    due = watching.due
    assert due is not None
    assert due > later
    watching.tick(later)
    assert told(watching.state("P")) == told(protocol.report([announced], "P", at=later).alerts)


def test_a_doubt_that_moves_ahead_is_withdrawn() -> None:
    """A record in doubt is read anew by a later revision, of which all lies ahead: nothing is told of it yet."""
    zone, protocol = Zone("UTC"), loaded(NOTHING_YET)
    wrong: Raw = {"id": "a", "patient": "P", "kind": "milestone", "milestone": "screening"}
    first = zone.start_of(date(2024, 3, 1).toordinal())
    watching = Monitor(protocol, first)
    told_ = watching.feed([record(wrong)])
    assert [change.what for change in told_ if change.episode.rule.name == "data/unreadable"] == ["raised"]
    told_ += watching.feed([record(wrong | {"time": "2024-03-20", "revision": "1"})])
    assert told(fold(told_)) == told(watching.state("P")) == []


def test_a_dose_becomes_history_by_an_enrolment_that_comes_later() -> None:
    """A dose without a screening is in doubt until word comes of an enrolment after it: then it was history.

    The enrolment changes what is told of an instant before its own.
    """
    day = Zone("UTC").start_of(date(2024, 3, 10).toordinal())
    text = NOTHING_YET.replace("measures:", "drugs: {alpha: {label: alpha, unit: mg}}\nmeasures:") + (
        "doses:\n  A: {drug: alpha, amount: not_stated, on: 2024-03-20, belongs_until: 2024-03-25}\n"
    )
    protocol = loaded(text)
    dose: Raw = {"id": "d", "patient": "P", "kind": "administration", "drug": "alpha", "time": "2024-03-10T04:00Z"}
    enrolment: Raw = {"id": "e", "patient": "P", "kind": "milestone", "milestone": "enrolment"}
    records = [record(dose), record(enrolment | {"time": "2024-03-10T10:00Z"})]
    watching = Monitor(protocol, day)
    for hour, each in zip((5, 11), records, strict=True):
        watching.tick(day + hour * 3600)
        watching.feed([each])
    assert told(watching.state("P")) == told(protocol.report(records, "P", at=watching.at).alerts)
    assert any(str(key).endswith("data/no-screening/screening/e") for key in watching.state("P"))


def test_what_nobody_knows_since_ever_is_not_asked_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a record of unreadable time all is told since long ago: what is open then stays so, however long it is."""
    asked: list[int] = []
    read = Group.__call__

    def counted(group: Group, question: Question) -> Found:
        asked.append(question.at)
        return read(group, question)

    monkeypatch.setattr(Group, "__call__", counted)
    text = NOTHING_YET.replace("measures:", "drugs: {alpha: {label: alpha, unit: mg}}\nmeasures:")
    criterion = "{daily_dose_of: alpha, below: 5 mg/d, days: 3}"
    protocol = loaded(text.replace("{latest: m, from: 7 d before now, at_least: 1 g}", criterion))
    screening: Raw = {"id": "s", "patient": "P", "kind": "milestone", "milestone": "screening", "time": "soon"}
    report = protocol.report([record(screening)], "P", at=Zone("UTC").start_of(date(2024, 3, 10).toordinal()))
    assert any(str(key).endswith("own/open/I1/start") for key in report.alerts)
    assert len(asked) < 100


def test_what_comes_later_on_the_date_of_enrolment_counts_for_it() -> None:
    """Of an enrolment of which only the date is known all of that date counts, from its first instant on."""
    day = Zone("UTC").start_of(date(2024, 3, 10).toordinal())
    protocol = loaded(NOTHING_YET.replace("from: 7 d before now", "through: enrolled"))
    enrolment: Raw = {"id": "e", "patient": "P", "kind": "milestone", "milestone": "enrolment", "time": "2024-03-10"}
    value: Raw = {"id": "v", "patient": "P", "kind": "observation", "measure": "m", "value": "0.5", "unit": "g"}
    records = [record(enrolment), record(value | {"time": "2024-03-10T23:00Z"})]
    watching = Monitor(protocol, day)
    for hour, each in zip((12, 23), records, strict=True):
        watching.tick(day + hour * 3600)
        watching.feed([each])
    assert told(watching.state("P")) == told(protocol.report(records, "P", at=watching.at).alerts)
    assert any(str(key).endswith("enrolled-while-ineligible/eligibility/e") for key in watching.state("P"))
