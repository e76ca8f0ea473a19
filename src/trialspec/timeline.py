"""From events to one patient's timeline: which revision holds, what is in conflict, what was known when.

The order in which records arrive decides nothing, and a record that arrives twice is one: what is read is a set.

- The highest revision of an id is in force. A retraction is a revision that removes its event.
- Two contents are the same if they read the same: `1.40` and `1.4`, `T09:00+09:00` and `T00:00Z`. The same number in
  another unit is another content, because limits may be written per unit.
- Several contents of the revision in force are a conflict: what they agree on holds, the rest may be anything.
- Asked for what was known at an instant, a revision that may or may not have been known is read like a conflict with
  the last one that surely was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, TypeVar

from trialspec.events import Event, Record, quoted
from trialspec.items import Told, about, anything_like, delays, told, when_in
from trialspec.patient import Item, Problem, Timeline
from trialspec.quantity import ANYTHING, Codes, Interval
from trialspec.times import When, Zone, either
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, some
from trialspec.values import Value
from trialspec.vocabulary import Vocabulary

_T = TypeVar("_T")


def timeline(
    records: Iterable[Record],
    patient: str,
    vocabulary: Vocabulary,
    zone: Zone,
    sites: Mapping[str, Zone],
    *,
    known: int | None = None,
) -> Timeline:
    """Make the timeline of a patient from all records that name the patient, as known at an instant or today.

    `zone` is the protocol's, `sites` are those that have one of their own. Records of other patients may be among
    them; they matter only where they claim an id of this patient's.
    """
    own, others = _by_id(records, patient)
    at_sites = _at_sites(own, vocabulary, zone, sites, known)
    zones = tuple(sorted(at_sites, key=lambda found: found.name)) or (zone,)
    items: list[Item] = []
    problems = [_open_zone(at_sites)] if len(zones) > 1 else []
    for name, group in own.items():
        in_force = _in_force(group, vocabulary, lambda _: zones, known)
        claims = (_in_force(other, vocabulary, lambda _: zones, known) for other in others.get(name, {}).values())
        claimed = any(not content.gone for claim in claims for content in claim)
        items += _items(in_force, zones, claimed=claimed)
        problems += _problems(name, in_force, zones, claimed=claimed)
    return Timeline(
        patient,
        zone if zone in zones else zones[0],
        tuple(sorted(items, key=_order)),
        tuple(sorted(problems, key=lambda problem: (problem.subject, problem.problem, problem.reason))),
    )


_Groups = dict[str, list[Record]]


def _by_id(records: Iterable[Record], patient: str) -> tuple[_Groups, dict[str, _Groups]]:
    """Sort records by id: the patient's own, and those of others by patient; one without an id goes by its mark."""
    own: _Groups = {}
    others: dict[str, _Groups] = {}
    for record in records:
        if record.patient == patient:
            own.setdefault(record.id if isinstance(record, Event) else record.name, []).append(record)
        elif record.patient is not None and record.id is not None:
            others.setdefault(record.id, {}).setdefault(record.patient, []).append(record)
    return own, others


def _order(item: Item) -> tuple[object, ...]:
    """Where an item stands in a timeline, which neither arrival nor the order of records decides."""
    subject = item.fields.get(about(item.kind))
    words = sorted(subject.words or ()) if isinstance(subject, Codes) else []
    return (item.kind, item.when.first, item.when.last, item.when.instants, item.id, words)


# --- which revision holds ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Content:
    """One content of an id, in as many copies as came: what it says (`None` for a retraction), and if it was known."""

    copies: tuple[Record, ...]
    told: Told | None
    known: Verdict

    @property
    def revision(self) -> int | None:
        return self.copies[0].revision

    @property
    def gone(self) -> bool:
        return self.told is None

    @property
    def item(self) -> Item | None:
        return None if self.told is None else self.told.item

    @property
    def legible(self) -> bool:
        return self.gone or self.item is not None

    @property
    def events(self) -> list[Event]:
        return [copy for copy in self.copies if isinstance(copy, Event)]


def _in_force(
    group: Iterable[Record],
    vocabulary: Vocabulary,
    zones_of: Callable[[Record], tuple[Zone, ...]],
    known: int | None,
) -> list[_Content]:
    """Give the contents of one id that are in force, or may be.

    Those are the ones of the highest revision that was surely known and can be read, and whatever came on top of it
    that may have been known, or cannot be read: an unreadable correction leaves open what it corrects.
    """
    copies: dict[object, list[tuple[Record, Verdict]]] = {}
    for record in group:
        if (was_known := _was_known(record, zones_of(record), known)) is not NOT_MET:
            copies.setdefault(_identity(record), []).append((record, was_known))
    contents = [
        _Content(
            tuple(record for record, _ in same),
            _read(same[0][0], vocabulary, zones_of(same[0][0])),
            some(was_known for _, was_known in same),
        )
        for same in copies.values()
    ]
    sure = [c.revision for c in contents if c.known is MET and c.legible and c.revision is not None]
    floor = max(sure, default=-1)
    return [content for content in contents if content.revision is None or content.revision >= floor]


def _identity(record: Record) -> object:
    """What makes two records of an id copies of one: revision and content, not when they were recorded or received."""
    if isinstance(record, Event):
        said = None if record.retracted else (record.kind, record.time, tuple(sorted(record.content.items())))
        return (record.revision, said)
    return record.mark


def _read(record: Record, vocabulary: Vocabulary, zones: tuple[Zone, ...]) -> Told | None:
    if not isinstance(record, Event):
        return Told(None, (record.reason,))
    return None if record.retracted else told(record, vocabulary, zones)


def _was_known(record: Record, zones: tuple[Zone, ...], known: int | None) -> Verdict:
    """Say whether a record was available by an instant; one that does not say when may have been."""
    if known is None:
        return MET
    when = when_in(record.available, zones)
    if when is None:
        return UNKNOWN
    spans = [when.span(zone) for zone in zones]
    if all(latest <= known for _, latest in spans):
        return MET
    return NOT_MET if all(earliest > known for earliest, _ in spans) else UNKNOWN


# --- one item from several contents -----------------------------------------------------------------------------------


def _items(in_force: Sequence[_Content], zones: tuple[Zone, ...], *, claimed: bool) -> list[Item]:
    """Give the item of an id, or one for each thing that its contents are about: then each is only possibly there."""
    by_subject: dict[object, list[Item]] = {}
    for item in _different(content.item for content in in_force if content.item is not None):
        by_subject.setdefault((item.kind, item.fields.get(about(item.kind))), []).append(item)
    clear = all(content.legible for content in in_force)
    sure = clear and not claimed and len(by_subject) == 1
    sure = sure and not any(content.gone for content in in_force) and any(content.known is MET for content in in_force)
    items = [_merged(same) for same in by_subject.values()]
    known, _ = delays((event for content in in_force if content.item for event in content.events), zones)
    return [
        replace(
            item,
            certain=item.certain and sure,
            fields=dict(sorted({**(item.fields if clear else _open(item)), **known}.items())),
        )
        for item in items
    ]


def _different(values: Iterable[_T]) -> list[_T]:
    found: list[_T] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _open(item: Item) -> dict[str, Value]:
    """Give the fields of an item that a correction which cannot be read may have changed."""
    return {name: value if name == about(item.kind) else anything_like(value) for name, value in item.fields.items()}


def _merged(items: Sequence[Item]) -> Item:
    """Make one item of contradicting ones about the same thing: what all agree on holds, the rest may be anything."""
    first, *others = items
    if not others:
        return first
    units = {item.unit for item in items}
    names = sorted({name for item in items for name in item.fields})
    answers = {item.answer for item in items}
    return replace(
        first,
        when=reduce(either, (item.when for item in items)),
        visible=reduce(either, (item.visible for item in items)),
        end=None if first.end is None else reduce(either, (item.end for item in items if item.end is not None)),
        fields={name: _agreed([item.fields.get(name) for item in items], one_unit=len(units) == 1) for name in names},
        certain=len(answers) == 1 and all(item.certain for item in items),
        answer=first.answer if len(answers) == 1 else "yes",
        unit=first.unit if len(units) == 1 else "",
    )


def _agreed(values: Sequence[Value | None], *, one_unit: bool) -> Value:
    present = [value for value in values if value is not None]
    if len(present) == len(values):
        dates = [value for value in present if isinstance(value, When)]
        if dates:
            return reduce(either, dates)
        if all(value == present[0] for value in present):
            return present[0] if one_unit or not isinstance(present[0], Interval) else ANYTHING
    return anything_like(present[0])


# --- what asks for a correction ---------------------------------------------------------------------------------------


def _problems(name: str, in_force: Sequence[_Content], zones: tuple[Zone, ...], *, claimed: bool) -> list[Problem]:
    """Say what is wrong with an id: records that cannot be read, are not trusted, or contradict each other."""
    unreadable = [reason for c in in_force if c.told is not None and not c.legible for reason in c.told.reasons]
    doubts = [reason for c in in_force if c.told is not None and c.legible for reason in c.told.reasons]
    doubts += delays((event for content in in_force if content.item for event in content.events), zones)[1]
    conflicts = [] if all(content.gone for content in in_force) else _conflicts(in_force, claimed=claimed)
    ids = frozenset(record.id for content in in_force for record in content.copies if record.id is not None)
    when = _seen(in_force, zones)
    found: tuple[tuple[Literal["unreadable", "set_aside", "conflict"], list[str]], ...] = (
        ("unreadable", unreadable),
        ("set_aside", doubts),
        ("conflict", conflicts),
    )
    return [Problem(name, kind, "; ".join(sorted(set(reasons))), when, ids) for kind, reasons in found if reasons]


def _seen(in_force: Sequence[_Content], zones: tuple[Zone, ...]) -> When | None:
    times = [content.item.visible for content in in_force if content.item is not None]
    times += [
        when
        for content in in_force
        for event in content.events[:1]
        if not content.legible and (when := when_in(event.time, zones)) is not None
    ]
    return reduce(either, times) if times else None


def _conflicts(in_force: Sequence[_Content], *, claimed: bool) -> list[str]:
    reasons = ["a record of another patient has the same id"] if claimed else []
    for revision in sorted({content.revision for content in in_force if content.revision is not None}):
        same = [content for content in in_force if content.revision == revision]
        if len(same) > 1 and any(content.gone for content in same):
            reasons.append(f"revision {revision} came as a record and as its retraction")
        elif len({content.legible for content in same}) > 1:
            reasons.append(f"revision {revision} came with different contents, and not each can be read")
        elif len(_different(content.item for content in same)) > 1:
            reasons.append(f"revision {revision} came with different contents: {_differences(same)}")
    return reasons


def _differences(contents: Sequence[_Content]) -> str:
    said = [{"kind": e.kind, "time": e.time, **e.content} for content in contents for e in content.events[:1]]
    names = sorted({name for texts in said for name in texts})
    differing = {name: sorted({texts.get(name, "") for texts in said}) for name in names}
    return ", ".join(
        f"{quoted(name)} is {' or '.join(quoted(text) if text else 'not given' for text in texts)}"
        for name, texts in differing.items()
        if len(texts) > 1
    )


# --- the patient's zone -----------------------------------------------------------------------------------------------


def _at_sites(
    own: Mapping[str, Sequence[Record]],
    vocabulary: Vocabulary,
    zone: Zone,
    sites: Mapping[str, Zone],
    known: int | None,
) -> dict[Zone, set[str]]:
    """Give the zones of the sites that the person records in force name, with the ids of these records."""

    def of_site(record: Record) -> tuple[Zone, ...]:
        return (sites.get(_site(record), zone),)

    found: dict[Zone, set[str]] = {}
    for name, group in own.items():
        if any(_site(record) for record in group):
            for content in _in_force(group, vocabulary, of_site, known):
                for event in content.events:
                    if not content.gone and _site(event):
                        found.setdefault(of_site(event)[0], set()).add(name)
    return found


def _site(record: Record) -> str:
    """The site that a person record names; other records name the site where something was done."""
    return record.content.get("site", "") if isinstance(record, Event) and record.kind == "person" else ""


def _open_zone(at_sites: Mapping[Zone, set[str]]) -> Problem:
    ids = frozenset[str]().union(*at_sites.values())
    names = ", ".join(sorted(zone.name for zone in at_sites))
    reason = f"the person records name sites in different time zones ({names}), so each date may be that of either"
    return Problem("site", "conflict", reason, None, ids)
