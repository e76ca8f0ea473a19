"""`watch`: whatever comes, however it comes, and when nothing comes; no test waits for real time to pass."""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from trialspec.cli import exits, going, main, show
from trialspec.cli import watch as command
from trialspec.cli.going import World
from trialspec.cli.live import Board
from trialspec.cli.watching import EventClock, Finished, Look, Replay, WallClock, Watch, came
from trialspec.evaluation import Protocol, load
from trialspec.events import Event, Record, decode
from trialspec.sources import read
from trialspec.sources.following import Piped
from trialspec.times import DAY, parse_time

CHECKOUT = Path(__file__).parents[2]
DEMO = "tests/cli/demo"
EVENTS = f"{DEMO}/events.ndjson"
FOUNDING = "protocols/rituximab-refractory-lupus-nephritis"
STREAMS = f"{FOUNDING}/streams"

Run = Callable[..., Result]


@cache
def demo() -> Protocol:
    return load(CHECKOUT / DEMO)


def demo_records(*patients: str) -> list[Record]:
    return [record for record in read(CHECKOUT / EVENTS) if not patients or record.patient in patients]


def at(text: str) -> int:
    when = parse_time(text, demo().program.zone)
    assert when is not None
    return when.span(demo().program.zone)[0]


LATER = at("2020-01-01")  # what the clock on the wall shows, unless something else is said


@dataclass
class Clocks:
    """A world in which sleeping is all that lets time pass, and in which something may happen meanwhile."""

    now: float = LATER
    slept: list[float] = field(default_factory=list)
    happens: list[Callable[[], None]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if self.happens:
            self.happens.pop(0)()

    @property
    def world(self) -> World:
        return World(lambda: int(self.now), lambda: self.now, self.sleep)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(going, "REAL", made.world)
    return made


@pytest.fixture
def watch(run: Run, clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command, with what comes on standard input."""
    assert clocks.now == LATER
    assert run is not None  # it sets where we are, and loads each protocol once

    def call(*words: str, come: bytes = b"") -> Result:
        return CliRunner().invoke(main, ["watch", *words], input=come, catch_exceptions=False)

    monkeypatch.delenv("NO_COLOR", raising=False)
    return call


def journal(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def folded(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the alerts to which a journal leads."""
    alerts: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["what"] == "withdrawn":
            del alerts[line["alert"]]
        else:
            alerts[line["alert"]] = {key: value for key, value in line.items() if key not in OF_CHANGES}
    return alerts


OF_CHANGES = {"what", "noticed", "historic"}


def ran(run: Run, protocol: str, events: str, as_of: str) -> dict[str, dict[str, Any]]:
    """Give the alerts of `run`, with the keys that a journal has."""
    result = run("run", protocol, events, "--as-of", as_of, "--format", "json")
    found = [alert for patient in json.loads(result.stdout)["patients"] for alert in patient["alerts"]]
    return {alert["alert"]: {key: alert[key] for key in ALERT} for alert in found}


ALERT = (
    *("alert", "patient", "rule", "subject", "sentence", "urgency", "important", "unblinds", "category", "clause"),
    *("protocol", "digest", "happened", "resolved", "known", "found", "events", "missing"),
)


def present(result: Result) -> str:
    """Give the present at which a watch ended, as its summary says it."""
    found = re.search(r" to (\S+): ", result.stderr)
    assert found, result.stderr
    return found[1]


# --- what is watched is what `run` says -------------------------------------------------------------------------------


def test_a_journal_leads_to_the_alerts_of_run_in_the_same_words(watch: Run, run: Run) -> None:
    result = watch(DEMO, "--from", EVENTS)
    assert result.exit_code == exits.FINE
    lines = journal(result)
    assert all(set(line) == {*ALERT, *OF_CHANGES} for line in lines)
    assert folded(lines) == ran(run, DEMO, EVENTS, present(result)) != {}
    assert {line["noticed"] for line in lines} == {present(result)}


@pytest.mark.parametrize("seed", range(3))
def test_order_and_copies_do_not_matter(watch: Run, run: Run, seed: int) -> None:
    lines = (CHECKOUT / EVENTS).read_bytes().splitlines()
    lines += random.Random(seed).choices(lines, k=8)
    random.Random(seed).shuffle(lines)
    result = watch(DEMO, come=b"\n".join(lines))
    assert folded(journal(result)) == ran(run, DEMO, EVENTS, present(result)) != {}


@pytest.mark.slow
def test_the_four_samples_lead_to_the_alerts_of_run(watch: Run, run: Run) -> None:
    result = watch(FOUNDING, "--from", STREAMS)
    assert folded(journal(result)) == ran(run, FOUNDING, STREAMS, present(result)) != {}


@pytest.mark.slow
def test_a_sample_replayed_leads_to_the_alerts_of_run(watch: Run, run: Run, clocks: Clocks) -> None:
    events = f"{STREAMS}/patient-3.ndjson"
    result = watch(FOUNDING, "--from", events, "--speed", "40d/s")
    lines = journal(result)
    assert folded(lines) == ran(run, FOUNDING, events, present(result)) != {}
    assert [line["noticed"] for line in lines] == sorted(line["noticed"] for line in lines)
    assert {line["what"] for line in lines} >= {"raised", "resolved"}
    assert all(line["known"] is None or line["known"] <= line["noticed"] for line in lines if line["what"] == "raised")
    assert set(clocks.slept) == {0.25}


# --- what comes -------------------------------------------------------------------------------------------------------


def test_garbage_is_told_and_counted_and_stops_nothing(watch: Run, run: Run) -> None:
    garbage = [b"not a record %d" % number for number in range(30)] + [b'{"id": "q", "kind": "person"}', b"\xff\xfe"]
    lines = (CHECKOUT / EVENTS).read_bytes().splitlines()
    result = watch(DEMO, come=b"\n".join([*garbage, *lines, b'{"id": "half']))
    assert result.exit_code == exits.FINE
    assert folded(journal(result)) == ran(run, DEMO, EVENTS, present(result))
    told = [line for line in result.stderr.splitlines() if line.startswith("cannot be read: ")]
    assert len(told) == 20
    assert told[0] == "cannot be read: standard input:1: the record is not JSON, at character 1"
    assert "more records cannot be read; they are counted at the end\n" in result.stderr
    summary = result.stderr.partition("watched ")[2]
    assert "22 events of 3 patients (1 set aside) and 35 records that cannot be read\n" in summary
    assert "  31 x the record is not JSON\n" in summary
    assert "  1 x the record ends before it is complete\n" in summary
    assert "  1 x the record is not UTF-8 text\n" in summary


def test_a_defect_of_the_fast_reader_is_told_and_changes_nothing(
    watch: Run, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("trialspec.live.doses.DoseTeller.tell", broken)
    result = watch(DEMO, "--from", EVENTS)
    assert folded(journal(result)) == ran(run, DEMO, EVENTS, present(result)) != {}
    assert result.exit_code == exits.OURS
    assert "incident: A: ZeroDivisionError: a mistake of ours\n" in result.stderr
    assert "this is a defect of trialspec: what is told is the slower reader's answer" in result.stderr


def test_nothing_at_all_is_no_fault(watch: Run) -> None:
    result = watch(DEMO)
    assert (result.exit_code, result.stdout) == (exits.FINE, "")
    assert "0 events of 0 patients\n" in result.stderr


def test_records_that_say_no_time_wait_for_one_that_does(watch: Run) -> None:
    result = watch(DEMO, come=b'{"patient": "A", "id": "\x00"}\n' + (CHECKOUT / EVENTS).read_bytes())
    assert len(journal(result)) > 0
    assert "3 patients" in result.stderr


def test_what_was_over_before_a_first_connection_is_historic(watch: Run) -> None:
    everything = journal(watch(DEMO, "--from", EVENTS))
    held = [line["alert"] for line in everything if line["rule"] == "dosing/held"]
    for since, historic in (("2014-03-05", []), ("2014-03-06", held), ("2014-03-05T10:59+09:00", [])):
        result = watch(DEMO, "--from", EVENTS, "--since", since)
        lines = journal(result)
        assert [line["alert"] for line in lines if line["historic"]] == historic
        assert [{**line, "historic": False} for line in lines] == everything
        assert ("2 of these historic" in result.stderr) is bool(historic)


def test_what_would_unblind_is_withheld_and_counted(watch: Run, tmp_path: Path) -> None:
    text = (CHECKOUT / DEMO / "protocol.yaml").read_text()
    file = tmp_path / "protocol.yaml"
    file.write_text(text.replace("  dosing/held:\n", "  dosing/held:\n    unblinds: yes\n"))
    blinded = watch(str(file), "--from", EVENTS)
    assert "dosing/held" not in blinded.output
    # That the dose which was held was given all the same would tell it too.
    assert "dosing/given-without-clearance" not in blinded.output
    assert "dosing/late" in blinded.output
    assert "alerts withheld, because they would unblind: 2\n" in blinded.stderr
    unblinded = watch(str(file), "--from", EVENTS, "--unblinded")
    assert [line["what"] for line in journal(unblinded) if line["rule"] == "dosing/held"] == ["raised", "resolved"]
    assert "withheld" not in unblinded.stderr


# --- the present ------------------------------------------------------------------------------------------------------


class Coming:
    """Records that come when they are put here."""

    ended = False

    def __init__(self) -> None:
        self.there: list[Record] = []

    def take(self) -> list[Record]:
        found, self.there = self.there, []
        return found

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


def told(look: Look) -> list[tuple[str, str, str]]:
    return [(line["what"], line["rule"], line["subject"]) for line in look.lines]


def test_silence_alone_raises_what_is_missed_and_a_late_dose_resolves_it() -> None:
    source = Coming()
    watched = Watch(demo(), source, WallClock())
    *given, second, _ = demo_records("A")
    assert isinstance(second, Event)
    source.there = given
    assert told(watched.look(at("2014-03-06"))) == []
    wakes = watched.wakes
    assert wakes is not None
    assert at("2014-03-06") < wakes <= at("2014-03-17"), "RTX#2 is due then"
    days = {day: told(watched.look(at("2014-03-06") + day * DAY)) for day in range(1, 60)}
    spoken = {day: lines for day, lines in days.items() if lines}
    # It is due through 20 March, and the course ends on day 28, the 30th.
    assert spoken == {25: [("raised", "dosing/missed", "RTX#2")]}
    late = replace(second, time="2014-04-02", available="2014-04-02")
    assert watched.look(at("2014-05-05")).idle
    source.there = [late]
    assert ("resolved", "dosing/missed", "RTX#2") in told(watched.look(at("2014-05-05")))
    source.there = [replace(second, revision=1)]
    assert ("withdrawn", "dosing/missed", "RTX#2") in told(watched.look(at("2014-05-05")))


@pytest.mark.slow
def test_silence_alone_raises_overdue_and_missed() -> None:
    protocol = load(CHECKOUT / FOUNDING)
    source = Coming()
    watched = Watch(protocol, source, WallClock())
    until = "2004-03-13"
    source.there = [
        record
        for record in read(CHECKOUT / STREAMS / "patient-1.ndjson")
        if isinstance(record, Event) and record.time[:10] <= until
    ]
    assert told(watched.look(at(until))) == []
    spoken = {day: told(watched.look(at(until) + day * DAY)) for day in range(1, 40)}
    found = {(what, rule, subject): day for day, lines in spoken.items() for what, rule, subject in lines}
    # RTX#2 is planned for 24 March, through the 27th; the course ends on day 28, 6 April.
    assert found["raised", "dosing/overdue", "RTX#2"] == 15
    assert found["raised", "dosing/missed", "RTX#2"] == found["resolved", "dosing/overdue", "RTX#2"] == 25


def test_time_passes_by_itself_until_what_is_due(
    watch: Run, clocks: Clocks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pipe in which nothing comes is waited on until something is due, and not a moment longer."""
    clocks.now = at("2014-03-06")
    comes = [b"".join(line for line in lines_of("A")[:8]), *[None] * 20, b""]
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clocks.now += seconds

    monkeypatch.setattr(going, "_IDLE", 100 * DAY)
    monkeypatch.setattr(command, "_source", lambda _: (Piped(lambda: comes.pop(0)), wait))
    target = tmp_path / "journal"
    assert watch(DEMO, "--clock", "wall", "--to", str(target)).exit_code == exits.FINE
    (line,) = [json.loads(each) for each in target.read_text().splitlines() if "dosing/missed" in each]
    assert line["noticed"] == line["happened"] == "2014-03-31T00:00:00+09:00"
    assert max(waits) == 100 * DAY


def lines_of(patient: str) -> list[bytes]:
    lines = (CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True)
    return [line for line in lines if b'"patient": "%s"' % patient.encode() in line]


def test_what_is_there_in_the_same_moment_was_never_missing() -> None:
    source = Coming()
    watched = Watch(demo(), source, WallClock())
    *given, second, _ = demo_records("A")
    source.there = given
    watched.look(at("2014-03-06"))
    source.there = [second]
    assert told(watched.look(at("2014-05-05"))) == []


def record(**content: str) -> Record:
    event = {"id": "x", "patient": "P", "kind": "milestone", "milestone": "visit", **content}
    return decode(json.dumps(event).encode())


@pytest.mark.parametrize(
    ("content", "instant"),
    [
        ({"time": "2014-03-05T10:00+09:00"}, "2014-03-05T10:00+09:00"),
        ({"time": "2014-03-05T10:00+09:00", "available": "2014-03-05"}, "2014-03-05T10:00+09:00"),
        ({"time": "2014-03-05T10:00+09:00", "available": "2014-03-07"}, "2014-03-07"),
        ({"time": "2014-03-05", "available": "2014-03-05T12:00+09:00"}, "2014-03-05T12:00+09:00"),
        ({"time": "2104-03-05", "available": "2014-03-07"}, "2014-03-07T23:59:59"),
        ({"time": "2104-03-05", "available": "2014-03-07T11:00"}, "2014-03-07T11:00"),
        ({"time": "2014-03"}, "2014-03-01"),
        ({"time": "2014-03-05", "available": "who knows"}, "2014-03-05"),
    ],
)
def test_a_record_came_when_it_was_available_or_else_at_its_time(content: dict[str, str], instant: str) -> None:
    assert came(record(**content), demo().program) == at(instant)


def test_the_event_clock_waits_for_the_late_and_not_for_the_future() -> None:
    clock = EventClock(demo().program, 2 * DAY)
    wall = at("2014-03-20")
    assert clock.at(wall) is None
    clock.saw([record(time="2014-03-05"), record(time="2014-03-03")], wall)
    assert clock.at(wall) == at("2014-03-03")
    clock.saw([record(time="2014-03-21"), record(time="2104-01-01")], wall)
    assert clock.at(wall) == at("2014-03-03")
    assert clock.wakes(wall) == at("2014-03-21")
    assert clock.at(at("2014-03-21")) == at("2014-03-19")
    assert clock.wakes(None) == at("2104-01-01")
    assert clock.at_end(at("2014-03-22")) == at("2014-03-21")


def test_an_allowance_puts_off_what_silence_says(watch: Run) -> None:
    events = b"".join((CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True)[:9])
    last = b'{"id": "z", "patient": "Z", "kind": "milestone", "milestone": "consent", "time": "2014-03-31"}\n'
    source = Coming()
    for allowance, missed in ((0, True), (5 * DAY, False)):
        watched = Watch(demo(), source, EventClock(demo().program, allowance))
        source.there = [decode(line) for line in (events.replace(b'"a9"', b'"z9"', 0) + last).splitlines()[:8]] + [
            decode(last)
        ]
        rules = {line["rule"] for line in watched.look(LATER).lines}
        assert ("dosing/missed" in rules) is missed
        assert "dosing/missed" in rules | {line["rule"] for line in watched.end(LATER).lines}
    assert watch(DEMO, "--from", EVENTS, "--allow-late", "5 d").exit_code == exits.FINE


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_replay_gives_each_record_when_it_came_in_steps() -> None:
    records = demo_records("B")
    replay = Replay(reversed(records), demo().program, DAY)
    given: list[Record] = []
    while not replay.ended:
        found = replay.take()
        now = replay.at(0)
        assert now is not None
        for each in found:
            instant = came(each, demo().program)
            assert instant is not None
            assert now - DAY < instant <= now
        given += found
    assert sorted(str(each.id) for each in given) == sorted(str(each.id) for each in records)


def test_a_replay_is_slow_as_told(watch: Run, clocks: Clocks) -> None:
    begun = clocks.now
    result = watch(DEMO, "--from", EVENTS, "--speed", "2 d/s")
    assert result.exit_code == exits.FINE
    days = (at("2014-05-27") - at("2014-02-20")) / DAY
    assert clocks.now - begun == pytest.approx(days / 2, abs=1)
    noticed = [line["noticed"][:10] for line in journal(result)]
    assert noticed == sorted(noticed)
    assert len(set(noticed)) > 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--speed", "fast"), "--speed `fast` is no speed"),
        (("--speed", "1 mo/s"), "--speed `1 mo/s` is no speed"),
        (("--speed", "0 d/s"), "--speed `0 d/s` is no speed"),
        (("--speed", "1d/s", "--clock", "wall"), "it goes with --clock event"),
        (("--speed", "1d/s", "--allow-late", "1 d"), "without --allow-late"),
        (("--speed", "1d/s", "--from", "follow:x"), "--speed replays what is finished"),
        (("--allow-late", "1 mo"), "--allow-late `1 mo` is no such duration"),
        (("--allow-late", "1 d", "--clock", "wall"), "--allow-late goes with --clock event"),
        (("--since", "2014-03"), "--since `2014-03` is only part of a date"),
        (("--from", "nowhere.ndjson"), "`nowhere.ndjson`: there is no such file"),
        (("--from", "dir:nowhere"), "--from `dir:nowhere`: there is no such directory"),
        (("--from", "follow:nowhere/x"), "--from `follow:nowhere/x`: there is no such directory"),
        (("--from", f"follow:{DEMO}"), "that is a directory"),
        (("--to", "nowhere/x"), "--to `nowhere/x`: it cannot be written to"),
        (("--from", f"follow:{EVENTS}", "--to", EVENTS), "the journal would be read as events"),
        (("--from", f"dir:{DEMO}", "--to", f"{DEMO}/out.ndjson"), "the journal would be read as events"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(watch: Run, words: tuple[str, ...], said: str) -> None:
    result = watch(DEMO, *words)
    assert result.exit_code in {exits.WRONG, exits.USAGE}
    assert said in result.stderr
    assert "Traceback" not in result.stderr


# --- files that go on -------------------------------------------------------------------------------------------------


def stop() -> None:
    raise KeyboardInterrupt


def test_a_followed_file_that_rotates_is_watched_until_ctrl_c(
    watch: Run, run: Run, clocks: Clocks, tmp_path: Path
) -> None:
    path = tmp_path / "events.ndjson"
    lines = (CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True)

    def write(count: int, half: int = 0) -> Callable[[], None]:
        def happen() -> None:
            left = b"".join(lines[count : count + 1])
            with path.open("ab") as file:
                file.write(b"".join(lines[:count]) + left[:half])
            lines[: count + 1] = [left[half:]]

        return happen

    clocks.happens = [
        write(4, half=20),
        write(3),
        lambda: void(path.rename(tmp_path / "events.1")),
        write(5),
        lambda: os.truncate(path, 0),
        lambda: None,
        write(10),
        write(99),
        *[lambda: None] * 3,
        stop,
    ]
    result = watch(DEMO, "--from", f"follow:{path}")
    assert lines == [b""]
    assert result.exit_code == exits.STOPPED
    assert "it is not there yet; it is waited for" in result.stderr
    assert result.stderr.count("it was cut short or written anew") == 1
    assert ": stopped\n22 events of 3 patients (1 set aside) and 2 records that cannot be read\n" in result.stderr
    assert folded(journal(result)) == ran(run, DEMO, EVENTS, present(result)) != {}


def void(_: object) -> None:
    """Give nothing."""


def test_a_directory_is_watched_as_it_fills(watch: Run, run: Run, clocks: Clocks, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    lines = (CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True)
    clocks.happens = [
        lambda: void((inbox / "b.ndjson").write_bytes(b"".join(lines[10:]))),
        lambda: void((inbox / "a.ndjson").write_bytes(b"".join(lines[:10]))),
        lambda: None,
        stop,
    ]
    result = watch(DEMO, "--from", f"dir:{inbox}", "--to", "-")
    assert result.exit_code == exits.STOPPED
    assert folded(journal(result)) == ran(run, DEMO, EVENTS, present(result)) != {}


def test_the_journal_is_added_to_a_file_even_behind_half_a_line(watch: Run, tmp_path: Path) -> None:
    target = tmp_path / "journal.ndjson"
    target.write_text('{"half": ')
    result = watch(DEMO, "--from", EVENTS, "--to", str(target))
    assert result.stdout == ""
    first, *lines = target.read_text().splitlines()
    assert first == '{"half": '
    assert [json.loads(line) for line in lines] == journal(watch(DEMO, "--from", EVENTS))
    watch(DEMO, "--from", EVENTS, "--to", str(target))
    assert len(target.read_text().splitlines()) == 1 + 2 * len(lines)


def test_lines_are_out_before_the_next_are_waited_for(watch: Run, clocks: Clocks, tmp_path: Path) -> None:
    path, target = tmp_path / "events.ndjson", tmp_path / "journal.ndjson"
    path.write_bytes((CHECKOUT / EVENTS).read_bytes())
    written: list[int] = []
    clocks.happens = [lambda: written.append(len(target.read_text().splitlines())), stop]
    watch(DEMO, "--from", f"follow:{path}", "--to", str(target))
    assert written == [6]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_read_until_it_ends(watch: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((CHECKOUT / EVENTS).read_bytes()))
    writer.start()
    result = watch(DEMO, "--from", str(pipe))
    writer.join()
    assert len(journal(result)) == 6
    assert ": the input ended\n" in result.stderr


# --- how it ends ------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_the_middle_lets_the_look_be_finished_and_twice_does_not() -> None:
    halt = going.Stop()
    with halt.heard():
        os.kill(os.getpid(), signal.SIGINT)
        assert halt.asked
        with pytest.raises(KeyboardInterrupt):
            halt.wait(lambda _: pytest.fail("it is to end"), 1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_ends_a_wait_at_once() -> None:
    halt = going.Stop()
    with halt.heard(), pytest.raises(KeyboardInterrupt):
        halt.wait(lambda _: os.kill(os.getpid(), signal.SIGINT), 1)


def test_an_incident_is_told_at_once_and_in_the_exit_code(watch: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = load(CHECKOUT / DEMO)
    monkeypatch.setattr("trialspec.cli.arguments.load", lambda *_, **__: protocol)

    class Wrong:
        def matching(self, *_: object) -> tuple[str, ...]:
            return ()

    monkeypatch.setattr(protocol.decider, "_engine", Wrong())
    result = watch(DEMO, "--from", EVENTS)
    assert result.exit_code == exits.OURS
    assert "incident: " in result.stderr.partition("watched ")[0]
    assert len(journal(result)) == 6, "the plain answer is used"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_journal_that_cannot_be_written_ends_it_with_a_summary(watch: Run) -> None:
    result = watch(DEMO, "--from", EVENTS, "--to", "/dev/full")
    assert result.exit_code == exits.WRONG
    assert ": it failed\n" in result.stderr
    assert "--to `/dev/full`: the journal cannot be written (No space left on device)" in result.stderr
    assert "Traceback" not in result.stderr


WORDS = [sys.executable, "-m", "trialspec", "watch", DEMO]


@contextmanager
def started(*words: str, come: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start a watch of its own, which does not outlive the test."""
    with subprocess.Popen(
        [*WORDS, *words], cwd=CHECKOUT, stdin=come, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_ctrl_c_ends_the_process_with_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes((CHECKOUT / EVENTS).read_bytes())
    with started("--from", f"follow:{path}") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["what"] == "raised"
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1].decode()
        assert process.returncode == exits.STOPPED, errors
    assert ": stopped\n" in errors
    assert "journal: 5 raised, 1 resolved, 0 withdrawn, 0 revised\n" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_each_line_on_a_pipe_is_answered_before_the_next_comes() -> None:
    lines = [line for line in (CHECKOUT / EVENTS).read_bytes().splitlines(keepends=True) if b'"B"' in line]
    with started(come=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(lines[:5]))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["rule"] == "eligibility/enrolled-while-ineligible"
        process.stdin.write(b"".join(lines[5:7]))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["rule"] == "dosing/held"
        output, errors = process.communicate(b"".join(lines[7:]), timeout=60)
        assert process.returncode == exits.FINE
    assert b": the input ended\n10 events of 1 patient" in errors
    assert len(output.splitlines()) == 4


@pytest.mark.slow
def test_a_reader_that_leaves_is_told_of_with_the_summary() -> None:
    with started("--from", EVENTS) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read().decode()
        assert process.wait(timeout=60) == exits.CUT_OFF
    assert ": the output was closed\n" in errors
    assert errors.splitlines()[-1] == "the output was closed before all of it was written"
    assert "Traceback" not in errors


# --- the table --------------------------------------------------------------------------------------------------------


def frames(protocol: Protocol, records: Sequence[Record], step: int, height: int = 60) -> list[str]:
    """Replay records, and give what the table shows at each step."""
    shown = io.StringIO()
    console = Console(
        file=shown, width=220, height=height, force_terminal=True, color_system=None, legacy_windows=False
    )
    source = Replay(records, protocol.program, step)
    watched = Watch(protocol, source, source)
    board = Board(watched, lambda: 0, console)
    found = []
    while not source.ended:
        board.took(watched.look(LATER))
        console.print(board._page())
        found.append(shown.getvalue())
        shown.truncate(0)
        shown.seek(0)
    return found


def test_the_table_shows_what_is_due_given_missed_and_answered() -> None:
    *_, last = found = frames(demo(), demo_records("A", "B"), 3 * DAY)
    assert any("RTX#2 due: 2014-03-17 to 2014-03-20" in frame for frame in found)
    assert any("next week_12: 2014-05-26" in frame for frame in found)
    assert any("CYC#1 held: 2014-03-03 to 2014-03-07" in frame for frame in frames(demo(), demo_records("B"), DAY // 4))
    assert any("week_12 due: 2014-05-19 to 2014-06-02" in frame for frame in found)
    assert any("0 of 3 given" in frame for frame in found)
    assert "3 of 3 given, 2 with departures" in " ".join(last.split())
    assert "half: pending" in last
    assert "trialspec checks a protocol. It is not a medical device; a person decides." in last


def test_a_table_that_is_too_long_shows_who_changed_last() -> None:
    *_, last = frames(demo(), demo_records("A", "B", "C"), 30 * DAY, height=12)
    assert "2 more patients" in last


@pytest.mark.slow
def test_the_samples_show_due_overdue_given_resolved_and_response() -> None:
    protocol = load(CHECKOUT / FOUNDING)
    samples = (CHECKOUT / STREAMS).glob("*.ndjson")
    records = [record for sample in sorted(samples) for record in read(sample)]
    found = " ".join(" ".join(frames(protocol, records, 2 * DAY)).split())
    for told_ in (
        "due: ",
        "is overdue",
        "4 of 4 given",
        "resolved: ",
        "abstract: responder at week_24",
        "abstract: non responder",
    ):
        assert told_ in found


def test_the_table_takes_its_share_of_the_time_and_no_more() -> None:
    """A drawing that took long is not soon followed by another."""
    ticks = iter((0.0, *(0.0, 3.0), *(5.0,), *(9.0, 9.1), *(9.3,), *(9.4, 9.4), *(9.4, 9.4)))
    shown = io.StringIO()
    board = Board(Watch(demo(), Coming(), WallClock()), lambda: next(ticks), Console(file=shown, force_terminal=True))
    drawn = []
    for at_once in (False, False, False, False, False, True):
        board.show(at_once=at_once)
        drawn.append(board._live.renderable)
    assert [one is other for one, other in pairwise(drawn)] == [True, False, True, False, False]


def test_on_a_terminal_there_is_the_table_and_the_journal_only_where_it_is_asked_for(
    watch: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(show, "on_terminal", lambda _: True)
    table = watch(DEMO, "--from", EVENTS)
    assert "last changes" in table.stdout
    assert '"what"' not in table.stdout
    target = tmp_path / "journal"
    assert "last changes" in watch(DEMO, "--from", EVENTS, "--to", str(target)).stdout
    assert len(target.read_text().splitlines()) == 6
    assert len(journal(watch(DEMO, "--from", EVENTS, "--to", "-"))) == 6


def test_finished_records_come_some_at_a_time() -> None:
    source = Finished(demo_records("A"), most=4)
    sizes = []
    while not source.ended:
        sizes.append(len(source.take()))
    assert sizes == [4, 4, 2]


# --- what docs/watch.md shows -----------------------------------------------------------------------------------------


def test_the_keys_of_a_line_are_those_that_are_documented(watch: Run) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)[0])
    for line in journal(watch(DEMO, "--from", EVENTS)):
        assert list(line) == list(shown)


@pytest.mark.slow
def test_the_example_is_what_is_printed(watch: Run) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = json.loads(re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)[0])
    (words,) = re.findall(r"^\$ trialspec watch (.*)$", text, flags=re.MULTILINE)
    result = watch(*words.split())
    assert {**journal(result)[0], "digest": ""} == {**shown, "digest": ""}
    assert f"```\n{result.stderr}```" in text


DOCUMENT = CHECKOUT / "docs/watch.md"
