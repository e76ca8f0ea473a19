"""Alerts are episodes: stretches of event time in which a rule holds for a subject, given all that is known.

They are pure: `state` gives the same episodes for the same set of events and the same instant. The journal is the
difference of successive states, and notes of people stand beside an alert without changing it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from trialspec.interpreters.reading import Question
from trialspec.interpreters.selection import appearances

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialspec.findings.finding import Finding
    from trialspec.findings.found import Found
    from trialspec.patient import Timeline
    from trialspec.rulebook.decide import Matcher
    from trialspec.rulebook.table import Rule

START = "start"


class Group(Protocol):
    """Findings that are read together, and hold together until one instant."""

    def __call__(self, question: Question, /) -> Found:
        """Read them at the instant of a question."""


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
        """What a revision is told by: the opening, the urgency and what the alert rests on."""
        fields = tuple(sorted((name, _plain(value)) for name, value in self.finding.fields.items()))
        return self.opened, self.rule.urgency, self.rule.important, fields, self.finding.because


def _plain(value: str | frozenset[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(sorted(value))


State = dict[Key, Episode]


@dataclass(frozen=True, slots=True)
class Context:
    """What alerts of one patient are judged by: the protocol, its digest, its rules and the evaluator of its rules."""

    protocol: str
    digest: str
    rules: Mapping[str, Rule]
    matcher: Matcher


def state(context: Context, groups: Iterable[Group], timeline: Timeline, at: int) -> State:
    """Give all episodes up to an instant, those that are over included."""
    episodes: State = {}
    for group in groups:
        for episode in _walk(context, group, timeline, at):
            key = episode.key
            while key in episodes:
                # The rule opened again by the same name (a slot twice overdue): what closed it before tells them apart.
                key = replace(key, opening=f"{key.opening}+{_closing(episodes[key], timeline)}")
            episodes[key] = replace(episode, key=key)
    return dict(sorted(episodes.items()))


@dataclass(slots=True)
class _Running:
    """A rule that holds at present, and since when."""

    episode: Episode
    lasting: bool


def _walk(context: Context, group: Group, timeline: Timeline, at: int) -> Iterable[Episode]:
    """Follow a group of findings from before the first event, from until to until, and give its episodes."""
    moments = sorted(instant for item in timeline.items for instant in appearances(item, timeline.zone))
    now: int | None = min(moments[0] - 1, at) if moments else at
    first = True
    running: dict[tuple[str, str], _Running] = {}
    before: dict[str, Finding] = {}
    while now is not None:
        reading = group(Question(timeline, now))
        found, until = reading.findings, reading.until
        holding = {(rule, finding.name): finding for finding in found for rule in _matching(context, finding)}
        for pair in [pair for pair, run in running.items() if pair not in holding and not run.lasting]:
            yield replace(running.pop(pair).episode, closed=now)
        for pair, finding in holding.items():
            if pair not in running:
                rule = context.rules[pair[0]]
                opening = START if first else _opening(finding, before.get(finding.name), timeline, now)
                key = Key(timeline.patient, context.protocol, rule.name, finding.name, opening)
                episode = Episode(key, rule, context.digest, None if first else now, None, finding)
                running[pair] = _Running(episode, rule.lasts == "for_ever")
        assert until is None or until > now, f"until does not move on: {found}"
        first, before = False, {finding.name: finding for finding in found}
        now = until if until is not None and until <= at else None
    yield from (run.episode for run in running.values())


def _matching(context: Context, finding: Finding) -> tuple[str, ...]:
    return context.matcher.matching(finding.subject, finding.fields)


def _opening(finding: Finding, before: Finding | None, timeline: Timeline, now: int) -> str:
    """Name what opened an episode: an event that came into sight, else a value that lapsed, else the subject itself."""
    cited = finding.because | (before.because if before else frozenset())
    arrived = _appeared(timeline, now)
    if arrived & cited:
        return min(arrived & cited)
    lapsed = (before.because if before else frozenset()) - finding.because
    return min(lapsed) if lapsed else finding.name


def _appeared(timeline: Timeline, now: int) -> frozenset[str]:
    """Give the events that come into sight at this instant."""
    seen = [item for item in timeline.items if now in appearances(item, timeline.zone)]
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
