"""Watches: a protocol and a stream of its patients' records, watched in many ways and reported in one.

What a watch should say is what `Protocol.report` says of the records that have come so far, patient by patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trialspec.alerts import Change, State, fold
from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.monitor import Monitor
from trialspec.store import Memory
from trialspec.testing.generated.choices import Choose, any_of, between, coin, one_of
from trialspec.testing.streams import Step, Stream

# Halts at instants at which something may change: each is three reports.
HALTS = 2
Told = list[tuple[str, object]]
# Begins to watch by a protocol at an instant, or goes on with what is in a store, so many patients in hand.
Make = Callable[[Protocol, int, Memory, int], Monitor]


def watching(protocol: Protocol, at: int, store: Memory, keep: int) -> Monitor:
    """Begin to watch, or go on."""
    return Monitor(protocol, at, store=store, keep=keep)


@dataclass(frozen=True)
class Watch:
    """A protocol, what comes in, and how many patients are kept in hand.

    `reports` remembers what should be said; `make` begins the monitor that says it, which may be one of your own;
    `text` is that of a protocol which was itself drawn.
    """

    protocol: Protocol = field(repr=False, compare=False)
    stream: Stream
    keep: int = 9
    reports: dict[tuple[str, int, int], Told] = field(default_factory=dict, compare=False, repr=False)
    make: Make = field(default=watching, compare=False, repr=False)
    text: str = field(default="", compare=False)

    def begin(self, at: int, store: Memory) -> Monitor:
        """Begin to watch, or go on with what is in a store."""
        return self.make(self.protocol, at, store, self.keep)

    @property
    def begins(self) -> int:
        """The instant at which the watch begins."""
        return self.stream.steps[0].at - 5

    def reported(self, patient: str, so_far: int, at: int) -> Told:
        """What a report says of a patient, of so many records that came first; nothing of one without a record."""
        key, records = (patient, so_far, at), self.stream.records[:so_far]
        if key not in self.reports:
            known = any(record.patient == patient for record in records)
            self.reports[key] = told(self.protocol.report(records, patient, at=at).alerts) if known else []
        return self.reports[key]


def told(state: State) -> Told:
    """What alerts say, and since and until when, in order."""
    return [(str(key), (episode.evidence, episode.closed, episode.digest)) for key, episode in state.items()]


Said = tuple[str, str, int | None, int]


def said(journal: Iterable[Change]) -> list[Said]:
    """What the lines of a journal say."""
    return [(each.what, str(each.episode.key), each.happened, each.known) for each in journal]


@dataclass
class Watching:
    """A watch under way: what came so far, and what it said."""

    watch: Watch
    monitor: Monitor
    so_far: int = 0
    journal: list[Change] = field(default_factory=list)
    halts: int = 0

    def tick(self, at: int) -> set[str]:
        """Let time go on; give the patients for whom something changed."""
        changes = self.monitor.tick(at)
        assert self.monitor.at == at
        return self.note(changes)

    def note(self, changes: tuple[Change, ...]) -> set[str]:
        """Take down what changed; give the patients."""
        self.journal += changes
        return {change.episode.key.patient for change in changes}

    def check(self, patients: Iterable[str]) -> None:
        """Fail where the alerts of a patient are not those of a report, or the journal does not lead to them."""
        for patient in patients:
            expected = self.watch.reported(patient, self.so_far, self.monitor.at)
            assert told(self.monitor.state(patient)) == expected, f"{patient} at {self.monitor.at}"
            assert told(fold(each for each in self.journal if each.episode.key.patient == patient)) == expected

    def some(self, concerned: set[str]) -> set[str]:
        """Give the patients who are concerned, and one more in turn."""
        names = self.watch.stream.patients
        return concerned | {names[(self.so_far + len(self.journal)) % len(names)]}

    def go_on(self, step: Step) -> None:
        """Let time go on to a step, checking on the way."""
        while step.pace == "halts" and self.halts < HALTS:
            due = self.monitor.due
            if due is None or due > step.at:
                break
            assert due > self.monitor.at, "what is due has not been read"
            self.halts += 1
            early = self.monitor.tick(due - 1)
            assert early == (), f"something changed before it was due at {due}"
            self.check(self.some(set()))
            concerned = self.some(self.tick(due))
            self.check(concerned)
            self.tick(min(due + 1, step.at))
            self.check(concerned)
        concerned = self.tick(step.at)
        if not step.records:
            self.check(self.watch.stream.patients)
        elif step.pace == "halts":
            self.check(self.some(concerned))

    def take_in(self, records: tuple[Record, ...]) -> None:
        """Take in records, and check those whom they concern."""
        concerned = self.note(self.monitor.feed(records))
        self.so_far += len(records)
        if records:
            self.check(self.some(concerned | {each.patient for each in records if each.patient is not None}))


def checked(watch: Watch) -> list[Change]:
    """Watch, and fail as soon as what is watched is not what is reported."""
    going = Watching(watch, watch.begin(watch.begins, Memory()))
    for step in watch.stream.steps:
        going.go_on(step)
        going.take_in(step.records)
    assert going.monitor.misread == ()
    return going.journal


# --- the same in other ways -------------------------------------------------------------------------------------------


def journal_of(watch: Watch, *, stops: frozenset[int] = frozenset()) -> list[Change]:
    """Watch without a check; stop and start again after some of the steps."""
    store = Memory()
    monitor = watch.begin(watch.begins, store)
    journal: list[Change] = []
    for number, step in enumerate(watch.stream.steps):
        journal += monitor.tick(step.at)
        journal += monitor.feed(step.records)
        if number in stops:
            monitor.save()
            monitor = watch.begin(monitor.at, store)
    return journal


def stopping_changes_nothing(watch: Watch, stops: frozenset[int]) -> None:
    """Fail where the journal of a watch that is stopped and started is not that of one that goes on."""
    assert said(journal_of(watch, stops=stops)) == said(journal_of(watch))


def stops(choose: Choose, watch: Watch) -> frozenset[int]:
    """Give the steps after which a watch is stopped and started again."""
    return frozenset(number for number in range(len(watch.stream.steps)) if coin(choose))


@dataclass(frozen=True)
class Otherwise:
    """How records come in otherwise at the same instants: one by one or in batches, in this order, some again."""

    batches: tuple[tuple[tuple[Record, ...], ...], ...]


def otherwise(choose: Choose, watch: Watch) -> Otherwise:
    """Give another way in which the same comes in."""
    steps, known = [], list[Record]()
    for step in watch.stream.steps:
        left = [*step.records, *(one_of(choose, known) for _ in range(any_of(choose, (3, 0), (1, 1))) if known)]
        known += step.records
        batches: list[tuple[Record, ...]] = []
        while left:
            size = between(choose, 1, len(left))
            batches.append(tuple(left.pop(choose(len(left))) for _ in range(size)))
        steps.append(tuple(batches))
    return Otherwise(tuple(steps))


def order_decides_nothing(watch: Watch, other: Otherwise) -> None:
    """Fail where what is said at an instant depends on the order or the batches in which records came at it."""
    one, two = (watch.begin(watch.begins, Memory()) for _ in range(2))
    journal: list[Change] = []
    for step, batches in zip(watch.stream.steps, other.batches, strict=True):
        one.tick(step.at)
        one.feed(step.records)
        journal += two.tick(step.at)
        for batch in batches:
            journal += two.feed(batch)
        for patient in watch.stream.patients:
            expected = told(one.state(patient))
            assert told(two.state(patient)) == expected
            assert told(fold(each for each in journal if each.episode.key.patient == patient)) == expected


def time_may_jump(watch: Watch) -> None:
    """Fail where it matters that time went on step by step: all may come at the end, or be known from the start."""
    end, records = watch.stream.steps[-1].at, watch.stream.records
    late, early = watch.begin(watch.begins, Memory()), watch.begin(watch.stream.steps[0].at, Memory())
    late.tick(end)
    for monitor, journal in (
        (late, [*late.feed(reversed(records))]),
        (early, [*early.feed(records), *early.tick(end)]),
    ):
        for patient in watch.stream.patients:
            expected = watch.reported(patient, len(records), end)
            assert told(monitor.state(patient)) == expected
            assert told(fold(each for each in journal if each.episode.key.patient == patient)) == expected


def another_may_judge(watch: Watch, other: Protocol, after: int) -> None:
    """Fail where, judged by another protocol from some step on, patients are not told what that protocol says."""
    monitor = watch.begin(watch.begins, Memory())
    so_far = 0
    for number, step in enumerate(watch.stream.steps):
        monitor.tick(step.at)
        monitor.feed(step.records)
        so_far += len(step.records)
        if number == after:
            monitor.judge_by(other)
        if number == after or (number > after and not step.records):
            for patient in watch.stream.patients:
                records = watch.stream.records[:so_far]
                known = any(each.patient == patient for each in records)
                report = other.report(records, patient, at=monitor.at)
                assert told(monitor.state(patient)) == (told(report.alerts) if known else [])
