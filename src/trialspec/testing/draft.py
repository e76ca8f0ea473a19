"""A patient under construction: the records written so far, and how questions about them read.

A draft is a value: what is added makes another one, so that a search can go back. It is read by the reference, over the
very items that the records come to; nothing here knows what a question means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from trialspec.evaluation import Protocol
from trialspec.events import Event, check
from trialspec.interpreters.derived import Deriving
from trialspec.interpreters.reading import Question, Reading
from trialspec.interpreters.reference import read
from trialspec.items import Clock, told
from trialspec.kernel import Expr, Select, Test, parts_of
from trialspec.patient import Item, Kind, Timeline
from trialspec.program import Program
from trialspec.quantity import Codes
from trialspec.times import When, Zone
from trialspec.truth import Verdict

Raw = Mapping[str, str]
PATIENT = "P1"
_NAMES = {
    "observation": "measure",
    "administration": "drug",
    "therapy": "drug",
    "condition": "concept",
    "adverse_event": "concept",
    "procedure": "concept",
    "milestone": "milestone",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """The instant at which something is asked, and the start of the dose that it is asked about."""

    at: int
    dose: When | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """How a statement is to read, and when. `name` is what people call it."""

    expr: Expr
    wanted: Verdict
    ask: Ask
    name: str = ""


# What a statement speaks of: for each kind the names, `None` where it may be any.
_Interest = Mapping[Kind, frozenset[str] | None]
_interests: dict[int, tuple[Expr, _Interest]] = {}
_MOST_REMEMBERED = 5_000


def interest(expr: Expr) -> _Interest:
    """Give the kinds of records that a statement speaks of, and the names among them."""
    entry = _interests.get(id(expr))
    if entry is None:
        if len(_interests) >= _MOST_REMEMBERED:
            _interests.clear()
        found: dict[Kind, frozenset[str] | None] = {}
        for query in parts_of(expr, Select):
            names = named(query)
            before = found.get(query.kind, frozenset())
            found[query.kind] = None if names is None or before is None else names | before
        entry = _interests[id(expr)] = (expr, found)
    return entry[1]


def named(query: Select) -> frozenset[str] | None:
    """Give the names that a selection asks for: measures, drugs, concepts or milestones; `None` for any."""
    for test in query.tests:
        if (words := words_of(test)) is not None and test.field == _NAMES.get(query.kind):
            return words
    return None


def words_of(test: Test) -> frozenset[str] | None:
    """Give the words that a test allows, if it is one of words."""
    value = test.against.value
    return value.words if test.operator == "in" and isinstance(value, Codes) else None


@dataclass(frozen=True)
class Draft:
    """The records of one patient so far. `settled` are the statements that must go on reading as they do."""

    protocol: Protocol
    written: tuple[tuple[Raw, Item], ...] = ()
    settled: tuple[Goal, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The protocol, compiled."""
        return self.protocol.program

    @property
    def zone(self) -> Zone:
        """The zone in which times without an offset are."""
        return self.protocol.program.zone

    @cached_property
    def timeline(self) -> Timeline:
        """What the records tell."""
        told = Timeline(PATIENT, self.zone, tuple(item for _, item in self.written))
        if not self.protocol.derived:
            return told
        made = Deriving(self.protocol.derived)(told, told.items)
        return replace(told, items=(*told.items, *made))

    @property
    def raws(self) -> tuple[Raw, ...]:
        """The records, as they were written down."""
        return tuple(raw for raw, _ in self.written)

    @cached_property
    def _asked(self) -> dict[Ask, Question]:
        return {}

    def question(self, ask: Ask) -> Question:
        """Ask the records; a question remembers the moments that it has found."""
        found = self._asked.get(ask)
        if found is None:
            found = self._asked[ask] = Question(self.timeline, ask.at, ask.dose)
        return found

    def read(self, expr: Expr, ask: Ask) -> Reading:
        """Read a statement or a number."""
        return read(expr, self.question(ask))

    def reads(self, goal: Goal) -> bool:
        """Whether a statement reads as it should."""
        return self.read(goal.expr, goal.ask).verdict is goal.wanted

    def settle(self, goal: Goal) -> Draft:
        """Hold on to what is so."""
        return self.settling((*self.settled, goal))

    def settling(self, goals: tuple[Goal, ...]) -> Draft:
        """Hold on to some goals, and to no others; the records, and what was asked of them, stay."""
        made = replace(self, settled=goals)
        made.__dict__["timeline"] = self.timeline
        made.__dict__["_asked"] = self._asked
        return made

    def note(self, **days: int) -> Draft:
        """Remember the dates of what the plan needs later."""
        return replace(self, notes={**self.notes, **days})

    def item(self, raw: Raw, *, doubtful: bool = False) -> Item | None:
        """Give what a record comes to, if all of it can be read; a `doubtful` one as far as it can be."""
        event = check({"id": f"w{len(self.written)}", "patient": PATIENT, **raw})
        if not isinstance(event, Event):
            return None
        found = told(event, self.program.vocabulary, (Clock(self.zone, self.zone),))
        return None if found.reasons and not doubtful else found.item

    def add(self, raw: Raw, *, doubtful: bool = False) -> Draft | None:
        """Write a record down; nothing, where it cannot be read or would change what is settled."""
        item = self.item(raw, doubtful=doubtful)
        return None if item is None else self._with((*self.written, (raw, item)), (item,))

    def add_all(self, raws: Iterable[Raw]) -> Draft | None:
        """Write several records down."""
        draft: Draft | None = self
        for raw in raws:
            draft = None if draft is None else draft.add(raw)
        return draft

    def extend(self, index: int, keys: Raw) -> Draft | None:
        """Say more in a record that is written down already."""
        raw, before = self.written[index]
        item = self.item({**raw, **keys})
        if item is None:
            return None
        item = replace(item, id=before.id, sources=before.sources)
        written = (*self.written[:index], ({**raw, **keys}, item), *self.written[index + 1 :])
        return self._with(written, (before, item))

    def _with(self, written: tuple[tuple[Raw, Item], ...], changed: tuple[Item, ...]) -> Draft | None:
        draft = replace(self, written=written)
        touched = [goal for goal in self.settled if any(concerns(goal.expr, item) for item in changed)]
        return draft if all(draft.reads(goal) for goal in touched) else None

    def of_kind(self, kind: Kind) -> Iterator[tuple[int, Raw, Item]]:
        """Give the records of one kind, each with its place among all."""
        for index, (raw, item) in enumerate(self.written):
            if item.kind == kind:
                yield index, raw, item


def concerns(expr: Expr, item: Item) -> bool:
    """Whether a statement speaks of things like this one."""
    names = interest(expr).get(item.kind, frozenset())
    if names is None:
        return True
    about = item.fields.get(_NAMES.get(item.kind, ""))
    return not (isinstance(about, Codes) and about.words is not None and not about.words & names)
