"""What one event comes to: an item, read with the vocabulary in the patient's zone, and what in it cannot be trusted.

What is not trusted may be anything, and stays: it is never left out, replaced or guessed. So a value without a unit is
still the latest value, and what depends on it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Literal

from trialspec.events import CARRIES, EVERY_KIND, PRIVATE, Event, advice, is_kind, quoted
from trialspec.patient import FAR, LONG_AGO, Item, Kind
from trialspec.quantity import ANY_WORD, ANYTHING, Codes, Interval, parse_number, word
from trialspec.times import When, Zone, at_instant, either, on_date, parse_time
from trialspec.values import YES_NO, Reading, Value, read_values, read_words, yes_or_no
from trialspec.vocabulary import Sort, Term, Vocabulary

Answer = Literal["yes", "absent", "not_done"]

ANY_TIME = When(LONG_AGO, FAR)

MILESTONES = (
    *("consent", "consent_withdrawn", "screening", "screen_failure", "enrolment", "randomisation", "visit"),
    *("treatment_stopped", "left_study", "lost", "death", "version_approved"),
)

# What an event is about, and the sorts of names that can say it.
_ABOUT: Mapping[Kind, tuple[str, tuple[Sort, ...]]] = MappingProxyType(
    {
        "observation": ("measure", ("measure",)),
        "administration": ("drug", ("drug", "drug_class")),
        "therapy": ("drug", ("drug", "drug_class")),
        "condition": ("concept", ("condition", "adverse_event")),
        "adverse_event": ("concept", ("adverse_event", "condition")),
        "procedure": ("concept", ("procedure",)),
        "milestone": ("milestone", ()),
    }
)
_LASTING = frozenset({"therapy", "condition", "adverse_event"})
# What a record says nothing about when it is not trusted; the rest are words.
_VALUES = frozenset(
    {
        *("value", "high", "low", "value_over_high", "value_over_low"),
        *("amount", "dose", "rate", "weight", "grade"),
    }
)
_CARRIED = MappingProxyType({kind: frozenset((*carried, *EVERY_KIND)) for kind, carried in CARRIES.items()})
_NO_FIELDS = frozenset({"start", "end", "ongoing", "unit", "done", "absent"})


@dataclass(frozen=True, slots=True)
class Clock:
    """One way to read a time: by the clocks of a zone, where no offset is written; another zone may give its date."""

    read_in: Zone
    dated_in: Zone


Clocks = tuple[Clock, ...]  # a time is read by each of them, and may be any of what comes


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says: an item, or none where it cannot be read; `reasons` tell people what is wrong with it."""

    item: Item | None
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading(Reading):
    """An event while it is read, and the clocks by which its times are."""

    clocks: Clocks = ()


def told(event: Event, vocabulary: Vocabulary, clocks: Clocks) -> Told:
    """Read an event; where its patient's zone is open between several, a time is read in each of them."""
    if not is_kind(event.kind):
        return Told(None, (f"{quoted(event.kind)} is not a kind of event",))
    reading = _Reading(event, event.kind, _zones(clocks), clocks=clocks)
    term = _subject(reading, vocabulary)
    visible = _time(event.time, reading)
    if visible is None or (about(event.kind) and about(event.kind) not in reading.fields):
        return Told(None, tuple(reading.reasons))
    _stray_keys(reading)
    answer = _answer(reading)
    when = _start(reading, visible)
    end = _end(reading, when, visible)
    read_words(reading)
    if answer == "yes":
        read_values(reading, term)
    item = Item(
        id=event.id,
        kind=event.kind,
        when=when,
        # What had begun before it was written down was so by then: when it was known is another question.
        visible=when if surely_before(when, visible) else visible,
        fields=_trusted(reading),
        end=end,
        certain=reading.certain,
        answer=answer,
        unit=event.content.get("unit", ""),
        sources=frozenset({event.id}),
    )
    return Told(item, tuple(reading.reasons))


def delays(events: Iterable[tuple[Event, Clocks]]) -> tuple[dict[str, When], list[str]]:
    """Read when the copies of an event were available and recorded, and say which of these texts are no times."""
    fields: dict[str, When] = {}
    reasons = []
    for event, clocks in events:
        for name, text in (("available", event.available), ("recorded", event.recorded)):
            when = when_in(text, clocks) if text else None
            if when is not None:
                fields[name] = either(fields[name], when) if name in fields else when
            elif text:
                reasons.append(f"`{name}` {quoted(text)} is not a date or time")
    return fields, reasons


def about(kind: Kind) -> str:
    """The field that says what an item of a kind is about; a person's is none."""
    return _ABOUT[kind][0] if kind in _ABOUT else ""


def anything_like(value: Value) -> Value:
    """What a field may be of which nothing is known but its type."""
    match value:
        case Interval():
            return ANYTHING
        case Codes():
            return ANY_WORD
        case When():
            return ANY_TIME


# --- what it is about -------------------------------------------------------------------------------------------------


def _subject(reading: Reading, vocabulary: Vocabulary) -> Term | None:
    """Read the measure, drug, concept or milestone; a drug class or a disease may be any of what lies below it."""
    if reading.kind not in _ABOUT:
        return None
    key, sorts = _ABOUT[reading.kind]
    name = reading.get(key)
    if reading.kind == "adverse_event":
        name = name or reading.get("term")
    term = None if name is None or not sorts else vocabulary.get(name)
    if name is None:
        reading.doubt(f"`{key}` is missing")
    elif not sorts:
        if name in MILESTONES:
            reading.fields[key] = word(name)
        else:
            reading.doubt(f"{quoted(name)} is not a milestone{advice(name, MILESTONES)}")
    elif term is None:
        names = tuple(sorted(other.name for other in vocabulary.terms.values() if other.sort in sorts))
        reading.doubt(f"{quoted(name)} is not a {_said(sorts[0])} of the vocabulary{advice(name, names)}")
    elif term.sort not in sorts:
        reading.doubt(f"{quoted(name)} is a {_said(term.sort)}, not a {_said(sorts[0])}")
    else:
        reading.fields[key] = vocabulary.any_of(term.name)
        return term
    if reading.kind == "adverse_event":
        # Whatever it was, it happened: its grade counts, and whether it is serious.
        reading.fields[key] = ANY_WORD
    return None


def _said(sort: Sort) -> str:
    return sort.replace("_", " ")


# --- when -------------------------------------------------------------------------------------------------------------


def _zones(clocks: Clocks) -> tuple[Zone, ...]:
    return (clocks[0].read_in,) if len(clocks) == 1 else tuple(dict.fromkeys(clock.read_in for clock in clocks))


def when_in(text: str, clocks: Clocks) -> When | None:
    """Read a time by each clock; an hour that the clocks skip is somewhere on its date."""
    if len(clocks) == 1 and (only := parse_time(text, clocks[0].read_in)) is not None:
        return _dated(only, clocks[0])
    anywhere = parse_time(text, Zone("UTC"))
    if anywhere is None:
        return None
    return reduce(either, (_dated(parse_time(text, c.read_in) or on_date(anywhere.first), c) for c in clocks))


def _dated(when: When, clock: Clock) -> When:
    if not when.instants or clock.read_in is clock.dated_in or clock.read_in == clock.dated_in:
        return when
    return reduce(either, (at_instant(instant, clock.dated_in) for instant in when.instants))


def _time(text: str, reading: _Reading) -> When | None:
    found = when_in(text, reading.clocks)
    skipping = [zone.name for zone in reading.zones if parse_time(text, zone) is None]
    if found is None:
        reading.doubt(f"{quoted(text)} is not a date or time")
    elif skipping:
        reading.trusted = False
        reading.doubt(f"{quoted(text)} does not occur in {skipping[0]}, where the clocks skip that hour")
    return found


def _start(reading: _Reading, visible: When) -> When:
    text = reading.get("start")
    if text is None or text == reading.event.time or "start" not in CARRIES[reading.kind]:
        return visible
    return _time(text, reading) or When(LONG_AGO, visible.last)


def _end(reading: _Reading, start: When, visible: When) -> When | None:
    """Read when something that lasts ended; without a word about it, that is unknown from its last mention on.

    The end of an infusion is a field. So is the birth date: neither says for how long an item lasts.
    """
    if reading.kind == "administration" and reading.get("end") is not None:
        reading.fields["end"] = _end_date(reading, start)
    if reading.kind == "person" and (birth := reading.get("birth")) is not None:
        reading.fields["birth"] = _birth(reading, birth, visible)
    if reading.kind not in _LASTING:
        return None
    ongoing = _yes_no(reading, "ongoing")
    if reading.get("end") is not None:
        if ongoing != "yes":
            return _end_date(reading, start)
        reading.doubt("it is said to be ongoing, and to have ended")
    elif ongoing == "yes":
        return When(FAR, FAR)
    elif ongoing is None:
        return When(max(start.first, visible.first), FAR)
    return When(start.first, FAR)


def _end_date(reading: _Reading, start: When) -> When:
    text = reading.get("end") or ""
    end = when_in(text, reading.clocks)
    if end is None:
        reading.doubt(f"the end {quoted(text)} is not a date or time")
    elif surely_before(end, start):
        reading.doubt(f"the end {quoted(text)} is before the start")
    else:
        return end
    return When(start.first, FAR)


def surely_before(one: When, other: When) -> bool:
    """Whether a time is before another one, whichever of their dates they are."""
    if one.instants and other.instants:
        return one.instants[-1] < other.instants[0]
    return one.last < other.first


def _birth(reading: _Reading, text: str, visible: When) -> When:
    birth = when_in(text, reading.clocks)
    if birth is None:
        reading.doubt(f"the birth date {quoted(text)} is not a date")
    elif surely_before(visible, birth):
        reading.doubt(f"the birth date {quoted(text)} is after {quoted(reading.event.time)}, when it was told")
    else:
        return birth
    return ANY_TIME


# --- whether ----------------------------------------------------------------------------------------------------------


def _answer(reading: Reading) -> Answer:
    """Read *asked and denied* and *planned and not done*; where that is not clear, the item is only possibly there."""
    if "absent" not in reading.event.content and "done" not in reading.event.content:
        return "yes"
    denied, done = _yes_no(reading, "absent"), _yes_no(reading, "done")
    if "unknown" in {denied, done}:
        reading.certain = False
    if denied != "yes" and done != "no":
        return "yes"
    given = [key for key in ("value", "amount", "dose", "grade") if parse_number(reading.get(key) or "0") != 0]
    if given:
        reading.doubt(f"it is said not to be so, and `{given[0]}` is given")
        reading.certain = reading.trusted = False
        return "yes"
    return "not_done" if done == "no" else "absent"


def _yes_no(reading: Reading, key: str) -> str | None:
    text = reading.get(key)
    if text is None:
        return None
    answer = yes_or_no(text)
    if answer not in {*YES_NO, "unknown"}:
        reading.doubt(f"`{key}` is {quoted(text)}, not yes or no")
        answer = "unknown"
    if key in EVERY_KIND:
        reading.fields[key] = ANY_WORD if answer == "unknown" else word(answer)
    return answer


def _stray_keys(reading: Reading) -> None:
    """A key that an event of this kind does not carry may be any key misspelt, so what it says is open altogether."""
    if reading.event.content.keys() <= _CARRIED[reading.kind]:
        return
    carried = (*CARRIES[reading.kind], *EVERY_KIND)
    said = reading.kind.replace("_", " ")
    for key, text in reading.event.content.items():
        if key in carried or key.startswith(PRIVATE):
            continue
        reading.trusted, reading.certain, reading.stray = False, False, True
        if not key:
            reading.doubt(f"{quoted(text)} stands under no name")
        elif key == "status":
            reading.doubt(f"`status` can only be entered_in_error, not {quoted(text)}")
        else:
            close = advice(key, carried) or ", keys of your own begin with x_"
            reading.doubt(f"{quoted(key)} is not a key of {'an' if said[0] in 'aeiou' else 'a'} {said}{close}")


def _trusted(reading: Reading) -> dict[str, Value]:
    """Give the fields: any value where the record is not trusted, and any that is not given where a key is stray."""
    fields = reading.fields
    if not reading.trusted:
        fields = {name: anything_like(value) if name in _VALUES else value for name, value in fields.items()}
    if reading.stray:
        carried = (name for name in (*CARRIES[reading.kind], *EVERY_KIND) if name not in _NO_FIELDS)
        fields = {name: _anything(name) for name in carried} | fields
    return dict(sorted(fields.items()))


def _anything(name: str) -> Value:
    return ANY_TIME if name == "birth" else ANYTHING if name in _VALUES else ANY_WORD
