"""Law 3 and law 1 for journals: what is watched is what is reported, however it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.laws.test_whole_protocol import FIRST, Stream, protocol, record, streams
from trialspec.alerts import Change, State, fold
from trialspec.events import Record
from trialspec.monitor import Monitor
from trialspec.store import Memory

pytestmark = pytest.mark.slow
fewer = settings(max_examples=settings.default.max_examples // 5 if settings.default else 20)


@dataclass(frozen=True, slots=True)
class Feed:
    """Records in some order, and how far time has gone on before each of them came."""

    steps: tuple[tuple[int, tuple[Record, ...]], ...]
    end: int


@st.composite
def feeds(draw: DrawFn) -> Feed:
    """Draw a stream in an order of arrival: mostly that of its dates, some of it late, in batches."""
    stream: Stream = draw(streams())
    records = [record(raw) for raw in stream.raws]
    order = sorted(range(len(records)), key=lambda index: stream.raws[index].get("time", ""))
    for _ in range(draw(st.integers(0, 3))):
        order.insert(draw(st.integers(0, len(order))), order.pop(draw(st.integers(0, len(order) - 1))))
    zone = protocol().program.zone
    now, steps = zone.start_of(FIRST - 30), []
    while order:
        size = draw(st.sampled_from((1, 1, 1, 2, 5)))
        batch, order = order[:size], order[size:]
        now += draw(st.sampled_from((0, 1, 3600, 86_400, 5 * 86_400, 20 * 86_400)))
        steps.append((now, tuple(records[index] for index in batch)))
    return Feed(tuple(steps), now + draw(st.sampled_from((0, 86_400, 100 * 86_400))))


def journal_of(feed: Feed, how: str, *, checked: bool = False) -> list[tuple[str, str, int | None, int]]:
    """Watch a stream: with all patients held, put away at once, or stopped and started after every batch."""
    store = Memory()

    def again(at: int) -> Monitor:
        return Monitor(protocol(), at, store=store, keep=0 if how == "put away" else 9)

    monitor = again(feed.steps[0][0])
    journal: list[Change] = []
    so_far: list[Record] = []
    for now, batch in (*feed.steps, (feed.end, ())):
        journal += monitor.tick(now)
        if checked:
            same(monitor, so_far, journal)
        journal += monitor.feed(batch)
        so_far += batch
        if checked:
            same(monitor, so_far, journal)
        if how == "stopped and started":
            monitor.save()
            monitor = again(monitor.at)
    return [(each.what, str(each.episode.key), each.happened, each.known) for each in journal]


@fewer
@given(feeds())
def test_what_is_watched_is_what_is_reported(feed: Feed) -> None:
    """After every batch and every tick the alerts are those of a report, and the journal leads to them."""
    journal_of(feed, "held", checked=True)


@fewer
@given(feeds(), st.sampled_from(("put away", "stopped and started")))
def test_stopping_and_starting_changes_nothing(feed: Feed, how: str) -> None:
    """The journal is that of one who never stopped, and had all patients in hand."""
    assert journal_of(feed, how) == journal_of(feed, "held")


def test_the_python_of_the_documentation_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[1]
    (script,) = re.findall(
        r"^```python\n(.*?)^```$", (root / "docs" / "watch.md").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    monkeypatch.chdir(root)
    exec(compile(script, "watch.md", "exec"), {})  # noqa: S102 - it is our own
    assert "raised patient-4/rituximab-refractory-lupus-nephritis/dosing/given-without-clearance/CYC#2" in (
        capsys.readouterr().out
    )


def same(monitor: Monitor, records: list[Record], journal: list[Change]) -> None:
    expected = told(protocol().report(records, "P", at=monitor.at).alerts if records else {})
    assert told(monitor.state("P")) == expected
    assert told(fold(journal)) == expected


def told(state: State) -> dict[str, object]:
    """What alerts say, and since and until when."""
    return {str(key): (episode.evidence, episode.closed, episode.digest) for key, episode in state.items()}
