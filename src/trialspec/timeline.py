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

import re
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import itemgetter
from typing import Literal, TypeVar

from trialspec.events import Event, Record, advice, quoted
from trialspec.items import ANY_TIME, Clock, Clocks, Told, about, anything_like, delays, surely_before, told, when_in
from trialspec.patient import Item, Problem, Timeline
from trialspec.quantity import ANY_WORD, ANYTHING, Codes, Interval
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
    visits: Iterable[str] = (),
    arms: Iterable[str] = (),
    slots: Callable[[Item], frozenset[str]] = lambda _: frozenset(),
    known: int | None = None,
) -> Timeline:
    """Make the timeline of a patient from all records that name the patient, as known at an instant or today.

    `zone` is the protocol's, `sites` are all its sites with theirs; a protocol that names none has one zone. `visits`
    are all its visits, `arms` all its arms; in one without these a record may name any. `slots` gives the planned doses
    that a record may mean which names none of them. Records of other patients may be among them; they matter only where
    they claim an id of this patient's.
    """
    ledger = Ledger(patient, vocabulary, zone, sites, visits=visits, arms=arms, slots=slots, known=known)
    ledger.take(records)
    return ledger.timeline()


class Ledger:
    """The records of one patient, and the timeline that they come to: what did not change is not read again.

    `timeline` says what the parameters mean. Records are kept by id, those of others that claim one of the patient's
    ids apart; one without an id goes by its mark. `derive` gives the values that are made of those on record.
    """

    def __init__(
        self,
        patient: str,
        vocabulary: Vocabulary,
        zone: Zone,
        sites: Mapping[str, Zone],
        *,
        visits: Iterable[str] = (),
        arms: Iterable[str] = (),
        slots: Callable[[Item], frozenset[str]] = lambda _: frozenset(),
        known: int | None = None,
        derive: Derive | None = None,
    ) -> None:
        self.patient = patient
        self._derive = derive
        self._derived: tuple[Item, ...] = ()
        self._reader = _Reader(vocabulary, zone, sites, frozenset(visits), frozenset(arms), slots, known)
        self._own: _Groups = {}
        self._others: dict[str, _Groups] = {}
        self._stale: dict[str, None] = {}
        self._home = _home({}, self._reader)
        self._told: dict[str, tuple[list[_Placed], list[Problem]]] = {}
        self._items: list[_Placed] = []
        self.gone: list[Item] = []
        self.came: list[Item] = []
        self.settled = True

    @property
    def records(self) -> Iterator[Record]:
        """Every record that was taken in, each once."""
        for group in self._own.values():
            yield from group
        for claims in self._others.values():
            for group in claims.values():
                yield from group

    def of(self, name: str) -> Sequence[Record]:
        """Give the patient's own records of an id."""
        return self._own.get(name, ())

    def claimed(self, name: str) -> bool:
        """Whether another patient has records of an id."""
        return name in self._others

    def take(self, records: Iterable[Record]) -> set[str]:
        """Take records in; give the ids of those that were not known."""
        new = set()
        for record in records:
            if record.patient == self.patient:
                name = record.id if isinstance(record, Event) else record.name
                kept = self._own.setdefault(name, [])
            elif record.patient is not None and record.id is not None:
                name = record.id
                kept = self._others.setdefault(name, {}).setdefault(record.patient, [])
            else:
                continue
            if record not in kept:
                kept.append(record)
                new.add(name)
        self._stale.update(dict.fromkeys(sorted(new)))
        return new

    def timeline(self) -> Timeline:
        """Give what the records tell.

        Items of the ids that were read anew are then `gone`, and others `came`. It is `settled` if no record makes
        another one doubtful: where the patient is, and when he was born.
        """
        self.gone, self.came = [], []
        if any(_tells_place(record) for name in self._stale for record in self._own.get(name, ())):
            home = _home(self._own, self._reader)
            if home != self._home:
                self._home, self._stale = home, dict.fromkeys(self._own)
        clocks = partial(_clocks, self._reader, self._home)
        for name in self._stale:
            self._tell(name, clocks)
        self._stale = {}
        items, unborn = _born([item for _, item in self._items])
        problems = [*self._home.problems, *unborn]
        for _, asking in self._told.values():
            problems += asking
        zones = self._home.zones
        self.settled = not unborn and not self._home.problems
        told = Timeline(
            self.patient,
            self._reader.zone if self._reader.zone in zones else zones[0],
            tuple(items),
            tuple(sorted(_joined(problems), key=lambda problem: (problem.subject, problem.problem))),
        )
        return told if self._derive is None else self._with_derived(told, self._derive)

    def _with_derived(self, told: Timeline, derive: Derive) -> Timeline:
        """Give a timeline with the values that are made of what it tells."""
        old, new = self._derived, derive(told, (*self.gone, *self.came))
        if new is not old:
            self.gone += [item for item in old if item not in new]
            self.came += [item for item in new if item not in old]
            self._derived = new
        return replace(told, items=tuple(sorted((*told.items, *new), key=_order))) if new else told

    def _tell(self, name: str, clocks: _ClocksOf) -> None:
        """Read the records of one id anew."""
        for placed in self._told.pop(name, ((), ()))[0]:
            self._items.remove(placed)
            self.gone.append(placed[1])
        if name not in self._own:
            return
        in_force = _in_force(self._own[name], self._reader, clocks)
        claims = (_in_force(other, self._reader, clocks) for other in self._others.get(name, {}).values())
        claimed = any(not content.gone for claim in claims for content in claim)
        items = [(_order(item), item) for item in _items(in_force, clocks, claimed=claimed)]
        for placed in items:
            insort(self._items, placed, key=itemgetter(0))
            self.came.append(placed[1])
        self._told[name] = items, _problems(name, in_force, clocks, claimed=claimed)


# Gives the values that are made of a timeline's items, of which some changed; the same object if none of them did.
Derive = Callable[[Timeline, Sequence[Item]], tuple[Item, ...]]
_Placed = tuple[tuple[object, ...], Item]


def _tells_place(record: Record) -> bool:
    return isinstance(record, Event) and (record.kind == "person" or "site" in record.content)


_Groups = dict[str, list[Record]]
_ClocksOf = Callable[[Record], Clocks]


@dataclass(frozen=True, slots=True)
class _Reader:
    """What records are read with: the names and places of the protocol, and the instant up to which they were known."""

    vocabulary: Vocabulary
    zone: Zone
    sites: Mapping[str, Zone]
    visits: frozenset[str]
    arms: frozenset[str]
    slots: Callable[[Item], frozenset[str]]
    known: int | None

    def zones(self, site: str) -> tuple[Zone, ...]:
        """Give the zones in which a site may lie: its own, or any where it is none of the protocol's."""
        if not self.sites:
            return (self.zone,)
        return (self.sites[site],) if site in self.sites else _in_order((self.zone, *self.sites.values()))

    def stray(self, site: str) -> bool:
        """Whether a site is none of the protocol's."""
        return bool(self.sites and site) and site not in self.sites


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


def _in_force(group: Iterable[Record], reader: _Reader, clocks: _ClocksOf) -> list[_Content]:
    """Give the contents of one id that are in force, or may be.

    Those are the ones of the highest revision that was surely known and can be read, and whatever came on top of it
    that may have been known, or cannot be read: an unreadable correction leaves open what it corrects.
    """
    copies: dict[object, list[tuple[Record, Verdict]]] = {}
    for record in group:
        if (was_known := _was_known(record, clocks(record), reader.known)) is not NOT_MET:
            copies.setdefault(_identity(record), []).append((record, was_known))
    contents = [
        _Content(
            tuple(record for record, _ in same),
            _read(same[0][0], reader, clocks(same[0][0])),
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


def _read(record: Record, reader: _Reader, clocks: Clocks) -> Told | None:
    if not isinstance(record, Event):
        return Told(None, (record.reason,))
    if record.retracted:
        return None
    read = told(record, reader.vocabulary, clocks)
    if read.item is None:
        return read
    fields, reasons = dict(read.item.fields), read.reasons
    if reader.stray(_site(record)):
        fields["site"] = ANY_WORD
    if (visit := _stray_visit(record, reader.visits)) and _UNSCHEDULED.match(visit):
        del fields["visit"]
    elif visit:
        # Most likely a visit of the protocol, misspelt; it may as well be one that is not planned.
        fields["visit"] = Codes(reader.visits | {visit})
        close = advice(visit, tuple(sorted(reader.visits))) or ", one that is not planned is `unscheduled`"
        reasons = (*reasons, f"{quoted(visit)} is not a visit of the protocol{close}")
    if (arm := record.content.get("arm", "")) and reader.arms and arm not in reader.arms:
        # Most likely an arm of the protocol, misspelt.
        fields["arm"] = ANY_WORD
        close = advice(arm, tuple(sorted(reader.arms))) or f", there are {', '.join(sorted(reader.arms))}"
        reasons = (*reasons, f"{quoted(arm)} is not an arm of the protocol{close}")
    if meant := reader.slots(read.item):
        # Most likely a slot of its drug, misspelt; it may as well be a dose that was not planned.
        fields["planned"] = Codes(meant)
        slot = record.content.get("planned", "")
        close = advice(slot, tuple(sorted(meant - {""}))) or f", there are {', '.join(sorted(meant - {''}))}"
        reasons = (*reasons, f"{quoted(slot)} is not a planned dose of this drug{close}")
    return Told(replace(read.item, fields=fields), reasons)


_UNSCHEDULED = re.compile(r"unscheduled\b", re.IGNORECASE)


def _stray_visit(event: Event, visits: frozenset[str]) -> str:
    """The visit that a value or a visit names, where it is none of the protocol's."""
    visit = event.content.get("visit", "")
    asked = bool(visits) and (event.kind == "observation" or event.content.get("milestone") == "visit")
    return visit if asked and visit not in visits else ""


def _was_known(record: Record, clocks: Clocks, known: int | None) -> Verdict:
    """Say whether a record was available by an instant; one that does not say when may have been."""
    if known is None:
        return MET
    when = when_in(record.available, clocks)
    if when is None:
        return UNKNOWN
    spans = [when.span(clock.dated_in) for clock in clocks]
    if all(latest <= known for _, latest in spans):
        return MET
    return NOT_MET if all(earliest > known for earliest, _ in spans) else UNKNOWN


# --- one item from several contents -----------------------------------------------------------------------------------


def _items(in_force: Sequence[_Content], clocks: _ClocksOf, *, claimed: bool) -> list[Item]:
    """Give the item of an id, or one for each thing that its contents are about: then each is only possibly there."""
    by_subject: dict[object, list[Item]] = {}
    for item in _different(content.item for content in in_force if content.item is not None):
        by_subject.setdefault((item.kind, item.fields.get(about(item.kind))), []).append(item)
    clear = all(content.legible for content in in_force)
    sure = clear and not claimed and len(by_subject) == 1
    sure = sure and not any(content.gone for content in in_force) and any(content.known is MET for content in in_force)
    items = [_merged(same) for same in by_subject.values()]
    known, _ = _delays(in_force, clocks)
    return [
        replace(
            item,
            certain=item.certain and sure,
            fields=dict(sorted({**(item.fields if clear else _open(item)), **known}.items())),
        )
        for item in items
    ]


def _delays(in_force: Iterable[_Content], clocks: _ClocksOf) -> tuple[dict[str, When], list[str]]:
    return delays((event, clocks(event)) for content in in_force if content.item for event in content.events)


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


def _born(items: Sequence[Item]) -> tuple[list[Item], list[Problem]]:
    """Open each birth date that is after something that surely happened to the patient: either of the two is wrong."""
    born = [birth.last for item in items if isinstance(birth := item.fields.get("birth"), When)]
    if not born or all(item.when.last > max(born) for item in items):
        return list(items), []
    happened = [item for item in items if item.certain and item.kind != "person"]
    first = min(happened, key=lambda item: (item.when.last, item.when.instants, item.id), default=None)
    kept: list[Item] = []
    problems = []
    for item in items:
        birth = item.fields.get("birth")
        if first is None or not isinstance(birth, When) or not surely_before(first.when, birth):
            kept.append(item)
            continue
        kept.append(replace(item, fields={**item.fields, "birth": ANY_TIME}))
        reason = f"the birth date {birth} is after {quoted(first.id)}, which is of {first.when}"
        problems.append(Problem(item.id, "set_aside", reason, item.visible, frozenset({item.id, first.id})))
    return kept, problems


# --- what asks for a correction ---------------------------------------------------------------------------------------


def _problems(name: str, in_force: Sequence[_Content], clocks: _ClocksOf, *, claimed: bool) -> list[Problem]:
    """Say what is wrong with an id: records that cannot be read, are not trusted, or contradict each other."""
    unreadable = [reason for c in in_force if c.told is not None and not c.legible for reason in c.told.reasons]
    doubts = [reason for c in in_force if c.told is not None and c.legible for reason in c.told.reasons]
    doubts += _delays(in_force, clocks)[1]
    conflicts = [] if all(content.gone for content in in_force) else _conflicts(in_force, claimed=claimed)
    ids = frozenset(record.id for content in in_force for record in content.copies if record.id is not None)
    when = _seen(in_force, clocks)
    found: tuple[tuple[Literal["unreadable", "set_aside", "conflict"], list[str]], ...] = (
        ("unreadable", unreadable),
        ("set_aside", doubts),
        ("conflict", conflicts),
    )
    return [Problem(name, kind, "; ".join(sorted(set(reasons))), when, ids) for kind, reasons in found if reasons]


def _joined(problems: Iterable[Problem]) -> Iterable[Problem]:
    """Make one problem of all that are of one subject and kind."""
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        key = (problem.subject, problem.problem)
        same = found.get(key, problem)
        reason = problem.reason if same is problem else f"{same.reason}; {problem.reason}"
        found[key] = replace(same, reason=reason, events=same.events | problem.events)
    return found.values()


def _seen(in_force: Sequence[_Content], clocks: _ClocksOf) -> When | None:
    times = [content.item.visible for content in in_force if content.item is not None]
    times += [
        when
        for content in in_force
        for event in content.events[:1]
        if not content.legible and (when := when_in(event.time, clocks(event))) is not None
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


# --- where the patient is ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Home:
    """The sites that may be the patient's, their zones, and what is wrong with the sites that the records name."""

    sites: frozenset[str]
    zones: tuple[Zone, ...]
    problems: tuple[Problem, ...]


def _home(own: Mapping[str, Sequence[Record]], reader: _Reader) -> _Home:
    """Find where the patient is: where the person records say, or else, perhaps, where the other records were made."""
    named = _sites_named(own, reader)
    persons = _those(named, lambda event: event.kind == "person")
    # An approval speaks of the site that it names, whoever's record it is.
    likely = persons or _those(named, lambda event: event.content.get("milestone") != "version_approved")
    unsaid = () if persons else (reader.zone,)
    listed = {site: events for site, events in likely.items() if not reader.stray(site)}
    problems = [_stray_site(site, events, reader) for site, events in named.items() if reader.stray(site)]
    if len({*unsaid, *(zone for site in listed for zone in reader.zones(site))}) > 1:
        problems.append(_open_zone(listed, reader, said=bool(persons)))
    zones = _in_order((*unsaid, *(zone for site in likely for zone in reader.zones(site))))
    return _Home(frozenset(likely), zones, tuple(problems))


def _those(named: Mapping[str, list[Event]], wanted: Callable[[Event], bool]) -> dict[str, list[Event]]:
    kept = {site: [event for event in events if wanted(event)] for site, events in named.items()}
    return {site: events for site, events in kept.items() if events}


def _sites_named(own: Mapping[str, Sequence[Record]], reader: _Reader) -> dict[str, list[Event]]:
    """Give the sites that records in force name, each with these records."""

    def of_site(record: Record) -> Clocks:
        return tuple(Clock(zone, zone) for zone in reader.zones(_site(record)))

    found: dict[str, list[Event]] = {}
    for group in own.values():
        if any(_site(record) for record in group):
            for content in _in_force(group, reader, of_site):
                for event in content.events:
                    if not content.gone and _site(event):
                        found.setdefault(_site(event), []).append(event)
    return found


def _site(record: Record) -> str:
    return record.content.get("site", "") if isinstance(record, Event) else ""


def _clocks(reader: _Reader, home: _Home, record: Record) -> Clocks:
    """Give the clocks of a record: those of the site that it names, or else the patient's; dates are the patient's."""
    site = _site(record)
    if not site or (reader.stray(site) and home.sites == {site}):
        return tuple(Clock(zone, zone) for zone in home.zones)
    return tuple(Clock(zone, dated) for zone in reader.zones(site) for dated in home.zones)


def _in_order(zones: Iterable[Zone]) -> tuple[Zone, ...]:
    return tuple(sorted(set(zones), key=lambda zone: zone.name))


def _stray_site(site: str, events: Iterable[Event], reader: _Reader) -> Problem:
    zones = reader.zones(site)
    names = ", ".join(zone.name for zone in zones)
    effect = f", so their times may be those of any of its zones ({names})" if len(zones) > 1 else ""
    reason = f"{quoted(site)} is not a site of the protocol{advice(site, tuple(sorted(reader.sites)))}{effect}"
    clocks = tuple(Clock(zone, zone) for zone in zones)
    times = [when for event in events if (when := when_in(event.time, clocks)) is not None]
    when = min(times, key=lambda when: (when.first, when.last, when.instants), default=None)
    return Problem(f"site {quoted(site)}", "set_aside", reason, when, frozenset(event.id for event in events))


def _open_zone(at_sites: Mapping[str, Iterable[Event]], reader: _Reader, *, said: bool) -> Problem:
    ids = frozenset(event.id for events in at_sites.values() for event in events)
    zones = _in_order(zone for site in at_sites for zone in reader.zones(site))
    names = ", ".join(zone.name for zone in zones)
    reason = f"the person records name sites in different time zones ({names}), so each date may be that of either"
    if not said:
        reason = (
            f"no person record names a site, and other records name sites in {names}, not in the protocol's own "
            f"{reader.zone.name}, so each date may be that of either"
        )
    return Problem("site", "conflict", reason, None, ids)
