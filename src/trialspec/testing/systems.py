"""Systems under test: anything that is told of records and of time, and says which alerts a patient has.

A system is driven by four things. `begin` forgets everything and names the instant at which it starts; `feed` brings
records; `tick` lets time go on; `alerts` asks which alerts of a patient hold now, each as `rule subject`
(`dosing/missed RTX#2`). The engine itself is one (`Live`). Another is a Python function, a command that reads and
writes lines of JSON, or a service that answers by HTTP.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Protocol as Interface

from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.monitor import Monitor
from trialspec.store import Memory
from trialspec.testing.draft import Raw
from trialspec.testing.made import alerts_of, record


class NoAnswerError(Exception):
    """A system under test that does not answer as it should."""


class System(Interface):
    """What is tested."""

    def begin(self, at: int) -> None:
        """Forget everything; this is the present."""

    def feed(self, raws: Sequence[Raw]) -> None:
        """Take in records."""

    def tick(self, at: int) -> None:
        """Let time go on."""

    def alerts(self, patient: str) -> frozenset[str]:
        """Give the alerts of a patient that hold now, each as `rule subject`."""
        ...


def shown(at: int) -> str:
    """Write an instant in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")


class Live:
    """The engine itself, as a live monitor; `restore` stops it and starts it again."""

    def __init__(self, protocol: Protocol, *, keep: int = 2) -> None:
        self.protocol = protocol
        self.keep = keep
        self.begin(0)

    def begin(self, at: int) -> None:
        """Start with nobody."""
        self.store = Memory()
        self.monitor = Monitor(self.protocol, at, store=self.store, keep=self.keep)

    def feed(self, raws: Sequence[Raw]) -> None:
        """Take in records."""
        self.monitor.feed([record(raw) for raw in raws])

    def tick(self, at: int) -> None:
        """Let time go on."""
        self.monitor.tick(at)

    def restore(self) -> None:
        """Stop, and start again with what was kept."""
        self.monitor.save()
        self.monitor = Monitor(self.protocol, self.monitor.at, store=self.store, keep=self.keep)

    def alerts(self, patient: str) -> frozenset[str]:
        """Give the alerts that hold."""
        state = self.monitor.state(patient)
        return frozenset(f"{each.key.rule} {each.key.subject}" for each in state.values() if not each.over)


class Reference:
    """What the reference says: each question is answered from all records anew."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.begin(0)

    def begin(self, at: int) -> None:
        """Start with no record."""
        self.at = at
        self.records: list[Record] = []

    def feed(self, raws: Sequence[Raw]) -> None:
        """Take in records."""
        self.records += [record(raw) for raw in raws]

    def tick(self, at: int) -> None:
        """Let time go on."""
        self.at = max(self.at, at)

    def alerts(self, patient: str) -> frozenset[str]:
        """Give the alerts that hold."""
        if all(each.patient != patient for each in self.records):
            return frozenset()
        return frozenset(alerts_of(self.protocol.report(self.records, patient, at=self.at)))


Answers = Callable[[Sequence[Mapping[str, str]], str, str], Iterable[str]]


class Function:
    """A Python function of all records so far, the present (in UTC) and a patient."""

    def __init__(self, function: Answers) -> None:
        self.function = function
        self.begin(0)

    def begin(self, at: int) -> None:
        """Start with no record."""
        self.at = at
        self.raws: list[Raw] = []

    def feed(self, raws: Sequence[Raw]) -> None:
        """Take in records."""
        self.raws += raws

    def tick(self, at: int) -> None:
        """Let time go on."""
        self.at = max(self.at, at)

    def alerts(self, patient: str) -> frozenset[str]:
        """Ask the function."""
        return frozenset(self.function([dict(raw) for raw in self.raws], shown(self.at), patient))


class Command:
    """A command that reads one JSON object a line and answers each by one: `{"do": "feed", "records": [...]}`."""

    def __init__(self, command: str, *, patience: float = 10) -> None:
        self.command = shlex.split(command)
        self.patience = patience
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self, at: int) -> None:
        """Start the command anew."""
        self.end()
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - it is what the user wants tested
        except OSError as error:
            raise NoAnswerError(f"`{self.command[0]}` cannot be started: {error.strerror}") from error
        self._ask({"do": "begin", "at": shown(at)})

    def end(self) -> None:
        """Stop the command."""
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(timeout=self.patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def feed(self, raws: Sequence[Raw]) -> None:
        """Send records."""
        self._ask({"do": "feed", "records": [dict(raw) for raw in raws]})

    def tick(self, at: int) -> None:
        """Send the present."""
        self._ask({"do": "tick", "at": shown(at)})

    def alerts(self, patient: str) -> frozenset[str]:
        """Ask for a patient's alerts."""
        return _alerts(self._ask({"do": "alerts", "patient": patient}), self.command[0])

    def _ask(self, question: Mapping[str, object]) -> object:
        assert self.process is not None, "a system begins before it is asked"
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError as error:
            raise NoAnswerError(f"`{self.command[0]}` does not read on: {error.strerror}") from error
        return _plain(line, f"`{self.command[0]}`")


class Http:
    """A service: POST `begin`, `feed` and `tick` with JSON, GET `alerts?patient=...`; each answer is JSON."""

    def __init__(self, url: str, *, patience: float = 10) -> None:
        if not url.startswith(("http://", "https://")):
            raise NoAnswerError(f"`{url}` is not the address of a service")
        self.url = url.rstrip("/")
        self.patience = patience

    def begin(self, at: int) -> None:
        """Have the service forget everything."""
        self._ask("begin", {"at": shown(at)})

    def feed(self, raws: Sequence[Raw]) -> None:
        """Send records."""
        self._ask("feed", {"records": [dict(raw) for raw in raws]})

    def tick(self, at: int) -> None:
        """Send the present."""
        self._ask("tick", {"at": shown(at)})

    def alerts(self, patient: str) -> frozenset[str]:
        """Ask for a patient's alerts."""
        return _alerts(self._ask(f"alerts?patient={urllib.parse.quote(patient)}"), self.url)

    def _ask(self, path: str, content: Mapping[str, object] | None = None) -> object:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers=headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=self.patience) as answer:  # noqa: S310 - the same
                return _plain(answer.read(), f"{self.url}/{path}")
        except (urllib.error.URLError, OSError) as error:
            raise NoAnswerError(f"{self.url}/{path} does not answer: {error}") from error


def _plain(line: bytes, who: str) -> object:
    try:
        return json.loads(line or b"{}")
    except json.JSONDecodeError as error:
        raise NoAnswerError(f"{who} answers with what is not JSON: {line[:80]!r}") from error


def _alerts(answer: object, who: str) -> frozenset[str]:
    alerts = answer.get("alerts") if isinstance(answer, dict) else None
    if not isinstance(alerts, list):
        raise NoAnswerError(f'{who} is asked for alerts, and does not answer {{"alerts": [...]}}')
    return frozenset(str(each) for each in alerts)


def end(tested: System | None) -> None:
    """Let go of a system that was started."""
    stop = getattr(tested, "end", None)
    if stop is not None:
        stop()


def system(text: str) -> System:
    """Make a system of what a person writes: `http://...`, `python:module:function`, or a command."""
    if text.startswith(("http://", "https://")):
        return Http(text)
    if text.startswith("python:"):
        module, _, name = text.removeprefix("python:").partition(":")
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise NoAnswerError(f"there is no `{name}` in `{module}`: {error}") from error
        made: System = found() if isinstance(found, type) else Function(found)
        return made
    return Command(text)
