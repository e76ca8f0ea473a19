"""Alerts are episodes: stretches of event time in which a rule holds for a subject, given all that is known.

They are pure: `state` gives the same episodes for the same set of events and the same instant. The journal is the
difference of successive states, and notes of people stand beside an alert without changing it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from trialspec.interpreters.reading import earliest
from trialspec.interpreters.selection import appearances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from trialspec.findings import Group
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Question
    from trialspec.patient import Timeline
    from trialspec.rulebook.decide import Matcher
    from trialspec.rulebook.table import Message, Rule

START = "start"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which alert it is, the same on every run; `opening` is the event, slot or visit that opened it, or `start`."""

    patient: str
    protocol: str
    rule: str
    subject: str
    opening: str

    def __str__(self) -> str:
        """Print the key as one word."""
        return f"{self.patient}/{self.protocol}/{self.rule}/{self.subject}/{self.opening}"


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule that holds for a subject from `opened` (`None`: since ever) until `closed` (`None`: it still does).

    `finding` is what was found when it opened; `closed` is the first instant at which the rule no longer holds.
    """

    key: Key
    rule: Rule = field(repr=False)
    digest: str
    opened: int | None
    closed: int | None
    finding: Finding = field(repr=False)

    def __hash__(self) -> int:
        """Hash by key: a finding holds mappings."""
        return hash(self.key)

    @property
    def over(self) -> bool:
        """Whether the rule no longer holds."""
        return self.closed is not None

    @property
    def evidence(self) -> tuple[object, ...]:
        """What a revision is told by: the opening, the urgency, what was found and what it rests on."""
        finding = self.finding
        fields = tuple(sorted((name, _plain(value)) for name, value in finding.fields.items()))
        facts = tuple(sorted(finding.facts.items()))
        return self.opened, self.rule.urgency, self.rule.important, fields, facts, finding.because


def _plain(value: str | frozenset[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(sorted(value))


State = dict[Key, Episode]


@dataclass(frozen=True, slots=True)
class Context:
    """What alerts of one patient are judged by: the protocol, its digest, its rules and the evaluator of its rules.

    A protocol of several versions has a context for each of them: `versions`.
    """

    protocol: str
    digest: str
    rules: Mapping[str, Rule]
    matcher: Matcher
    versions: Mapping[str, Context] = field(default_factory=dict)

    def of(self, finding: Finding) -> Context:
        """Give what a finding is judged by: its version, or all that it may be."""
        if not finding.judged_by:
            return self
        first, *others = (self.versions[version] for version in finding.judged_by)
        if not others:
            return first
        return replace(first, matcher=Unanimous((first.matcher, *(each.matcher for each in others))))


@dataclass(frozen=True, slots=True)
class Unanimous:
    """Names the rules that hold by all of several evaluators."""

    matchers: tuple[Matcher, ...]

    def matching(self, subject: str, message: Message) -> tuple[str, ...]:
        """Name them in the order of the first."""
        first, *others = (matcher.matching(subject, message) for matcher in self.matchers)
        return tuple(rule for rule in first if all(rule in other for other in others))


def state(context: Context, groups: Iterable[Group], question: Question) -> State:
    """Give all episodes up to the instant of a question, those that are over included."""
    walks = [Walk(group, first_instant(question.timeline)) for group in groups]
    for walk in walks:
        walk.go(context, question)
    return episodes(walks, question.timeline)


def episodes(walks: Iterable[Walk], timeline: Timeline) -> State:
    """Give the episodes that were met on some walks, each under a name of its own."""
    found: State = {}
    for walk in walks:
        for episode in walk.met:
            key = episode.key
            while key in found:
                # The rule opened again by the same name (a slot twice overdue): what closed it before tells them apart.
                key = replace(key, opening=f"{key.opening}+{_closing(found[key], timeline)}")
            found[key] = episode if key == episode.key else replace(episode, key=key)
    return dict(sorted(found.items()))


@dataclass(slots=True)
class _Running:
    """A rule that holds at present, and since when."""

    episode: Episode
    lasting: bool


# Which rules hold for which findings, told without their proofs, and until when; `None` where only the group can tell.
Told = tuple[frozenset[tuple[str, str]], "int | None"]


class Teller(Protocol):
    """A fast reader of a group of findings, which says the same as the group does."""

    def tell(self, at: int, told_at: int) -> Told | None:
        """Say which rules hold at an instant, with what is known at `told_at`."""

    def untold(self, now: int, told_at: int) -> bool:
        """Whether what was told up to an instant is told otherwise with what is known at `told_at`."""

    def proving(self, question: Question) -> Question:
        """Give a question for the group, with what was proved for it before."""


class MisreadError(Exception):
    """Two readers do not agree, or time does not go on: a defect of ours, never silent."""


# Where a walk stood after a reading: `now`, `next`, and what was running and over then. Neither is ever changed.
_Stand = tuple[int, int | None, dict[tuple[str, str], _Running], tuple[Episode, ...]]
_MOST_REMEMBERED = 32


class Walk:
    """How far a group of findings was followed: from before the first event, and from `until` to `until`.

    `now` is the instant of the last reading and `next` that of the one to come (`None`: never). What was met depends on
    the instants at which something changed, never on those at which the group was read besides. So a walk may be taken
    up again with records that have come since, as long as none of them changes what was in sight at `now`.

    With a `teller` the group itself is read only where a rule begins to hold, for what is to be said about it.
    """

    __slots__ = ("_anew", "_over", "_past", "_running", "group", "next", "now", "start", "teller")

    def __init__(self, group: Group, start: int, teller: Teller | None = None) -> None:
        """Stand before the first event."""
        self.group = group
        self.start = start
        self.teller = teller
        self.again()

    def again(self) -> None:
        """Go back to the beginning."""
        self.now: int | None = None
        self.next: int | None = self.start
        self._running: dict[tuple[str, str], _Running] = {}
        self._over: tuple[Episode, ...] = ()
        self._past: list[_Stand] = []
        self._anew = True

    def begin_earlier(self, start: int) -> None:
        """Have begun at an earlier instant, where nothing that is read had happened yet."""
        self.start = start
        if self.now is None or any(episode.opened is None for episode in self.met):
            self.again()  # what held from the start is told as of then

    def back(self, at: int) -> None:
        """Go back to the last reading before an instant, as far as readings are remembered, or to the beginning."""
        while self.now is not None and self.now >= at:
            if not self._past:
                self.again()
                return
            self.now, self.next, self._running, self._over = self._past.pop()
            self._anew = True

    @property
    def met(self) -> Iterator[Episode]:
        """The episodes so far, those that still run last."""
        yield from self._over
        yield from (run.episode for run in self._running.values())

    def go(self, context: Context, question: Question) -> bool:
        """Go on to the instant of a question, itself included; say whether anything may be otherwise than before."""
        if (due := self.next) is None or due > question.at:
            # Back at the beginning, which may lie ahead: what was told before is not told any more.
            turned, self._anew = self._anew, False
            return turned
        if self.group.retold:
            while self.now is not None and (self.teller is None or self.teller.untold(self.now, question.at)):
                self.back(self.now)
        turned, self._anew = self._anew, False
        by_group = False
        while (due := self.next) is not None and due <= question.at:
            changed, by_group = self._read(context, question, due)
            turned |= changed
        if self.group.retold and by_group:
            # The past is told anew when what it is told with may have changed.
            self.next = earliest(self.next, self.group(question).until)
        return turned

    def _read(self, context: Context, later: Question, now: int) -> tuple[bool, bool]:
        """Read the group at an instant, told later; say whether anything changed, and whether only the group could."""
        told = None if self.teller is None else self.teller.tell(now, later.at)
        found: dict[tuple[str, str], Finding] | None = None
        holding: AbstractSet[tuple[str, str]]
        if told is None:
            reading = self.group(replace(later, at=now, told_at=later.at))
            found = _held(context, reading.findings)
            holding, until = found.keys(), reading.until
        else:
            holding, until = told
        if until is not None and until <= now:
            raise MisreadError(f"until does not move on: {self.group.name} at {now}")
        self._remember()
        ended = [pair for pair, run in self._running.items() if pair not in holding and not run.lasting]
        begun = [pair for pair in holding if pair not in self._running]
        if ended:
            self._over += tuple(replace(self._running[pair].episode, closed=now) for pair in ended)
            self._running = {pair: run for pair, run in self._running.items() if pair not in ended}
        if begun:
            question = replace(later, at=now, told_at=later.at)
            if found is None:
                names = frozenset(name for _, name in begun)
                found = _held(context, self._proved(question, names))
                if found.keys() != (expected := {pair for pair in holding if pair[1] in names}):
                    raise MisreadError(f"{self.group.name} at {now}: {sorted(found.keys() ^ expected)}")
            self._begin({pair: finding for pair, finding in found.items() if pair in begun}, context, question)
        self.now, self.next = now, until
        return bool(ended or begun), told is None

    def _begin(self, begun: Mapping[tuple[str, str], Finding], context: Context, question: Question) -> None:
        """Open an episode for each rule that begins to hold."""
        timeline, now, running = question.timeline, question.at, dict(self._running)
        arrived = _appeared(timeline, now)
        before: dict[str, Finding] = {}
        if self.now is not None and not all(arrived and arrived <= finding.because for finding in begun.values()):
            # What was there the instant before names what lapsed: the last reading may be older than what it rested on.
            names = frozenset(name for _, name in begun)
            before = {finding.name: finding for finding in self._proved(question.on(now - 1), names)}
        for (rule, name), finding in begun.items():
            named = START if self.now is None else _opening(finding, before.get(name), arrived)
            key = Key(timeline.patient, context.protocol, rule, name, named)
            opened = None if self.now is None else now
            judge = context.of(finding)
            # Proofs take much room, and whoever asks for one asks for a report.
            kept = finding if self.teller is None else replace(finding, readings=())
            episode = Episode(key, judge.rules[rule], judge.digest, opened, None, kept)
            running[rule, name] = _Running(episode, judge.rules[rule].lasts == "for_ever")
        self._running = running

    def _proved(self, question: Question, names: frozenset[str]) -> tuple[Finding, ...]:
        return self.group.some(question if self.teller is None else self.teller.proving(question), names)

    def _remember(self) -> None:
        """Remember the last reading, to come back to."""
        if self.now is not None:
            if len(self._past) >= _MOST_REMEMBERED:
                del self._past[: _MOST_REMEMBERED // 2]
            self._past.append((self.now, self.next, self._running, self._over))


def _held(context: Context, findings: Iterable[Finding]) -> dict[tuple[str, str], Finding]:
    """Give the findings for which a rule holds."""
    return {(rule, finding.name): finding for finding in findings for rule in _matching(context, finding)}


def first_instant(timeline: Timeline) -> int:
    """Give an instant before everything that the records tell of.

    It does not depend on the instant of a question: what holds since ever is told as of then. A record without a time
    is in doubt from the start; where there is one, or nothing else, that is an instant long past.
    """
    zone = timeline.zone
    told = [instant for item in timeline.items for instant in appearances(item, zone)]
    told += [problem.when.span(zone)[0] for problem in timeline.problems if problem.when is not None]
    if not told or any(problem.when is None for problem in timeline.problems):
        told.append(_LONG_PAST)
    return min(told) - 1


_LONG_PAST = -(10**10)  # in the year 1653


def _matching(context: Context, finding: Finding) -> tuple[str, ...]:
    return context.of(finding).matcher.matching(finding.subject, finding.fields)


def _opening(finding: Finding, before: Finding | None, arrived: frozenset[str]) -> str:
    """Name what opened an episode: an event that came into sight, else a value that lapsed, else the subject itself."""
    cited = finding.because | (before.because if before else frozenset())
    if arrived & cited:
        return min(arrived & cited)
    lapsed = (before.because if before else frozenset()) - finding.because
    return min(lapsed) if lapsed else finding.name


def _appeared(timeline: Timeline, now: int) -> frozenset[str]:
    """Give the events that come into sight at this instant."""
    # What is made of records opens nothing: the one of them that came opened it.
    seen = [item for item in timeline.items if not item.derived and now in appearances(item, timeline.zone)]
    return frozenset().union(*(item.sources or {item.id} for item in seen))


def _closing(episode: Episode, timeline: Timeline) -> str:
    appeared = frozenset[str]() if episode.closed is None else _appeared(timeline, episode.closed)
    return min(appeared, default=episode.finding.name)


# --- the journal ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal.

    `happened` is the instant it is about (the span's start, or its end for *resolved*; `None`: since ever), `known` the
    instant of the state in which it was first seen. `episode` is as it is now; for *withdrawn*, as it was last.
    """

    what: Literal["raised", "resolved", "withdrawn", "revised"]
    episode: Episode
    happened: int | None
    known: int


def changes(before: State, after: State, known: int) -> tuple[Change, ...]:
    """Give the journal from one state to the next, in the order in which things happened.

    An episode that is already over when first seen is raised and resolved at once.
    """
    found: list[Change] = []
    for key, old in before.items():
        if key not in after:
            found.append(Change("withdrawn", old, old.opened, known))
    for key, new in after.items():
        old_ = before.get(key)
        if old_ is None:
            found.append(Change("raised", new, new.opened, known))
        elif old_.evidence != new.evidence or (old_.over and old_.closed != new.closed):
            found.append(Change("revised", new, new.opened, known))
        if new.over and (old_ is None or not old_.over):
            found.append(Change("resolved", new, new.closed, known))
    return tuple(sorted(found, key=lambda change: (_sort(change.happened), change.episode.key, _ORDER[change.what])))


_ORDER = {"withdrawn": 0, "raised": 1, "revised": 2, "resolved": 3}


def _sort(instant: int | None) -> tuple[int, int]:
    return (0, 0) if instant is None else (1, instant)


def fold(journal: Iterable[Change]) -> State:
    """Give the state to which a journal leads: the same as the state it was made from."""
    episodes: State = {}
    for change in journal:
        if change.what == "withdrawn":
            episodes.pop(change.episode.key, None)
        else:
            episodes[change.episode.key] = change.episode
    return dict(sorted(episodes.items()))


# --- notes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote beside an alert; it changes no state, and an override makes nobody eligible."""

    alert: str
    kind: Literal["acknowledged", "overridden", "assessed"]
    by: str
    at: str
    reason: str = ""
    important: str = ""
    immediate_hazard: str = ""
    reported_on: str = ""


def beside(notes: Iterable[Note]) -> dict[str, tuple[Note, ...]]:
    """Put notes beside the alerts that they are about, by printed key, in the order of their time."""
    found: dict[str, list[Note]] = {}
    for note in notes:
        found.setdefault(note.alert, []).append(note)
    return {
        alert: tuple(sorted(written, key=lambda note: (note.at, note.by, note.kind)))
        for alert, written in found.items()
    }
