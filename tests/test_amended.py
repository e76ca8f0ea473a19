"""Laws of a protocol of several versions: what is watched is what is reported, and nothing is judged anew."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from trialspec import evaluation
from trialspec.alerts import Change, State, fold
from trialspec.events import Record, decode
from trialspec.findings.finding import Finding
from trialspec.interpreters.reading import Question
from trialspec.monitor import Monitor
from trialspec.times import on_date

pytestmark = pytest.mark.slow
fewer = settings(max_examples=settings.default.max_examples // 5 if settings.default else 20)

FOLDER = Path(__file__).parent / "amended"
FIRST = 735_294  # 2014-03-03
Raw = dict[str, str | int]


@cache
def protocol() -> evaluation.Protocol:
    return evaluation.load(FOLDER)


@cache
def twins() -> evaluation.Protocol:
    """Two versions that differ in nothing but their number."""
    newest = protocol()
    first = evaluation.Protocol(replace(newest.program, version="1.0.0"), newest.rulebook)
    return evaluation.Protocol(newest.program, newest.rulebook, (), (first,))


def record(raw: Raw) -> Record:
    return decode(json.dumps(raw).encode())


def date(day: int) -> str:
    return str(on_date(day))


BACKGROUND: tuple[Raw, ...] = (
    {"id": "b1", "kind": "person", "birth": "1980-01-01", "site": "A", "time": date(FIRST - 40)},
    {"id": "b2", "kind": "condition", "concept": "lupus_nephritis", "time": date(FIRST - 30)},
    {"id": "b3", "kind": "milestone", "milestone": "consent", "version": "1.0.0", "time": f"{date(FIRST - 20)}T09:00"},
    {"id": "b4", "kind": "milestone", "milestone": "screening", "time": date(FIRST - 10)},
    {"id": "b5", "kind": "milestone", "milestone": "enrolment", "time": f"{date(FIRST - 6)}T10:00"},
    {
        "id": "b6",
        "kind": "observation",
        "measure": "neutrophils",
        "value": 2,
        "unit": "10*9/L",
        "time": date(FIRST - 1),
    },
    {"id": "b7", "kind": "administration", "drug": "rituximab", "amount": 500, "unit": "mg", "time": date(FIRST)},
)


@st.composite
def times(draw: DrawFn, *, vague: bool = False, since: int = FIRST - 30) -> str:
    day = draw(st.sampled_from([FIRST - 12, FIRST, FIRST + 12, FIRST + 14]) | st.integers(FIRST - 30, FIRST + 60))
    day = max(day, since)
    if vague and not draw(st.integers(0, 5)):
        return date(day)[:7]
    return date(day) if draw(st.booleans()) else f"{date(day)}T{draw(st.integers(0, 23)):02}:30"


@st.composite
def happenings(draw: DrawFn, number: int, *, vague: bool) -> Raw:
    """Draw a record; where it is `vague`, a consent or an approval may have but a month: then each date is a report."""
    raw: Raw = {"id": f"e{number}", "patient": "P"}
    match draw(st.sampled_from(["consent", "consent", "approval", "value", "dose", "dose", "therapy", "infection"])):
        case "consent":
            named = draw(st.sampled_from(["1.0.0", "2.0.0", "2.0.0", "3.0.0", ""]))
            raw |= {"kind": "milestone", "milestone": "consent", "time": draw(times(vague=vague))}
            raw |= {"version": named} if named else {}
        case "approval":
            raw |= {"kind": "milestone", "milestone": "version_approved", "time": draw(times(vague=vague))}
            raw |= {
                "version": draw(st.sampled_from(["1.0.0", "2.0.0"])),
                "site": draw(st.sampled_from(["A", "A", "B"])),
            }
        case "value":
            value = draw(st.sampled_from(["1", "2", "4"]))
            raw |= {"kind": "observation", "measure": "neutrophils", "value": value, "unit": "10*9/L"}
        case "dose":
            raw |= {"kind": "administration", "drug": "rituximab", "amount": 500, "unit": "mg", "route": "intravenous"}
        case "therapy":
            raw |= {"kind": "therapy", "drug": "azathioprine"}
            raw |= draw(st.sampled_from([{}, {"ongoing": "yes"}]))
        case _:
            raw |= {"kind": "condition", "concept": "tuberculosis"}
    return {"time": draw(times()), **raw}


@st.composite
def streams(draw: DrawFn, *, vague: bool = False) -> tuple[Raw, ...]:
    kept = [raw | {"patient": "P"} for raw in BACKGROUND if draw(st.integers(0, 9))]
    many = [draw(happenings(number, vague=vague)) for number in range(draw(st.integers(1, 6)))]
    for raw in list(many):
        match draw(st.sampled_from(["alone", "alone", "alone", "corrected", "conflict", "retracted"])):
            case "corrected":
                many.append(draw(happenings(0, vague=vague)) | {"id": raw["id"], "revision": 1})
            case "conflict":
                other = "1.0.0" if raw.get("version") == "2.0.0" else "2.0.0"
                many.append(raw | ({"version": other} if "version" in raw else {"time": str(raw["time"])[:10]}))
            case "retracted":
                many.append({"id": raw["id"], "patient": "P", "revision": 2, "status": "entered_in_error"})
            case _:
                pass
    return (*kept, *many)


def told(state: State) -> dict[str, tuple[object, ...]]:
    return {str(key): (episode.evidence, episode.closed, episode.digest) for key, episode in state.items()}


@fewer
@given(streams(), st.data())
def test_what_is_watched_is_what_is_reported(raws: tuple[Raw, ...], data: st.DataObject) -> None:
    """However records come in, and whenever time goes on, the alerts are those of a report of all of them."""
    order = (
        data.draw(st.permutations(raws))
        if data.draw(st.booleans())
        else sorted(raws, key=lambda raw: str(raw.get("time")))
    )
    now = protocol().program.zone.start_of(FIRST - 30)
    monitor = Monitor(protocol(), now)
    journal: list[Change] = []
    so_far: list[Record] = []
    left = [record(raw) for raw in order]
    while left or not so_far:
        size = data.draw(st.sampled_from((1, 1, 2, 5)))
        batch, left = left[:size], left[size:]
        now += data.draw(st.sampled_from((0, 1, 86_400, 10 * 86_400, 40 * 86_400)))
        journal += monitor.tick(now)
        journal += monitor.feed(batch)
        so_far += batch
        expected = told(protocol().report(so_far, "P", at=monitor.at).alerts)
        assert told(monitor.state("P")) == expected
        # An alert that stays as it is keeps the digest by which it was raised.
        assert {key: each[:2] for key, each in told(fold(journal)).items()} == {
            key: each[:2] for key, each in expected.items()
        }
    assert protocol().incidents == ()


@fewer
@given(streams(vague=True), st.integers(-30, 70), st.integers(0, 86_399))
def test_nothing_that_is_found_changes_before_it_says(raws: tuple[Raw, ...], day: int, second: int) -> None:
    """The instant before a group's `until` it finds what it found."""
    read = protocol()
    seen = read.timeline(map(record, raws), "P")
    at = read.program.zone.start_of(FIRST + day) + second
    for group in read.groups:
        asked = Question(seen, at, told_at=at + 100 * 86_400)
        found = group(asked)
        if found.until is not None:
            assert found.until > at
            again = group(asked.on(found.until - 1))
            assert fields(again.findings) == fields(found.findings), group.name


@fewer
@given(streams(), st.integers(-5, 60))
def test_versions_that_are_alike_find_the_same(raws: tuple[Raw, ...], day: int) -> None:
    """Which version judges is nothing to what is found where the versions do not differ."""
    at = protocol().program.zone.end_of(FIRST + day)
    records = [record(raw) for raw in raws]
    alone = evaluation.Protocol(protocol().program, protocol().rulebook)
    one, two = alone.report(records, "P", at=at), twins().report(records, "P", at=at)
    assert fields(two.findings) == fields(one.findings)
    assert {str(key): each.closed for key, each in two.alerts.items() if key.rule not in CONSENT} == {
        str(key): each.closed for key, each in one.alerts.items() if key.rule not in CONSENT
    }


@fewer
@given(streams(), st.integers(-5, 40), st.integers(0, 30))
def test_a_new_consent_judges_nothing_anew(raws: tuple[Raw, ...], day: int, more: int) -> None:
    """What was done before a consent to a new version is found as if there had been none."""
    zone = protocol().program.zone
    then, at = zone.start_of(FIRST + day) + 43_200, zone.end_of(FIRST + day + more)
    kept = [raw for raw in raws if raw.get("milestone") not in {"consent", "version_approved"}]
    former = [record(raw) for raw in (BACKGROUND[2] | {"patient": "P"}, *kept)]
    renewed: Raw = {"id": "new", "patient": "P", "kind": "milestone", "milestone": "consent", "version": "2.0.0"}
    new = record(renewed | {"time": f"{date(FIRST + day)}T12:00"})
    read = protocol()
    without, renewed_ = read.report(former, "P", at=at), read.report([*former, new], "P", at=at)
    for one in without.findings:
        done = one.fields.get("state") in {"given", "done"} and one.since is not None and one.since < then
        if done and one.subject in {"dose", "visit"} and was_done(one, former, then):
            (other,) = [each for each in renewed_.findings if (each.subject, each.name) == (one.subject, one.name)]
            assert (other.fields, other.judged_by) == (one.fields, ("1.0.0",))
    before, after = (read.report(each, "P", at=then - 1).alerts for each in (former, [*former, new]))
    assert told(before) == told(after)


def was_done(finding: Finding, records: list[Record], then: int) -> bool:
    """Whether it was done by then already, as far as was in sight."""
    earlier = protocol().report(records, "P", at=then - 1)
    return any(
        (each.subject, each.name, each.since) == (finding.subject, finding.name, finding.since)
        for each in earlier.findings
    )


CONSENT = {"consent/wrong-version", "consent/outdated-treatment", "query/consent-unknown", "version/not-approved"}


def fields(findings: tuple[Finding, ...]) -> dict[tuple[str, str], object]:
    """What is found, beside consent itself."""
    return {
        (each.subject, each.name): {
            name: value - {"outdated_consent"} if isinstance(value, frozenset) else value
            for name, value in each.fields.items()
        }
        for each in findings
        if each.subject != "patient"
    }
