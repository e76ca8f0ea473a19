"""Derived measures: the values that formulas and scores make of what is on record, as items among the others.

Each is read by the reference, as at the time of the value that it is dated by. So all that the kernel says of windows,
silence, partial dates and what is not certain holds for it too, and every evaluator meets its values like any others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trialspec.interpreters.live import Interest
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import choose, cited, read
from trialspec.interpreters.selection import appearances, passing
from trialspec.kernel import Moment, parts_of
from trialspec.quantity import ANYTHING, Interval, word
from trialspec.truth import MET

if TYPE_CHECKING:
    from trialspec.interpreters.reading import Missing, Reading
    from trialspec.patient import Item, Timeline
    from trialspec.program import Derivation
    from trialspec.times import When

# One value may be dated by another on so many possible dates; beyond, it may be anything.
MOST_DATES = 400

_Group = tuple["Item", ...]


class Deriving:
    """What the values of one patient's derived measures were made of: those that nothing can have changed are kept."""

    def __init__(self, derivations: Sequence[Derivation]) -> None:
        """Begin with nothing made; one measure that rests on another stands after it."""
        self._measures = [_Measure(each) for each in derivations]
        self._all: tuple[Item, ...] = ()

    def __call__(self, timeline: Timeline, changed: Sequence[Item]) -> tuple[Item, ...]:
        """Give all values, of a timeline in which some items changed since the last time."""
        different = list(changed)
        found: list[Item] = []
        for measure in self._measures:
            old = measure.values
            measure.renew(timeline, different)
            if measure.values is not old:
                different += [item for item in (*old, *measure.values) if item not in old or item not in measure.values]
            if measure.values:
                timeline = replace(timeline, items=(*timeline.items, *measure.values))
                found += measure.values
        if tuple(found) != self._all:
            self._all = tuple(found)
        return self._all


class _Measure:
    """One derived measure, and its values by what they are dated by."""

    def __init__(self, derivation: Derivation) -> None:
        self._derivation = derivation
        self._interest = Interest(derivation.dated_by, derivation.value)
        # A moment may come of anything that ever happens; else only what was so by then can change a value.
        self._bounded = next(parts_of(derivation.value, Moment), None) is None
        self._made: dict[tuple[str, ...], tuple[_Group, Item]] = {}
        self._zone: object = None
        self.values: tuple[Item, ...] = ()

    def renew(self, timeline: Timeline, changed: Iterable[Item]) -> None:
        """Make anew what may have changed."""
        concerned = [item for item in changed if item in self._interest]
        if not concerned and timeline.zone == self._zone:
            return
        kept = self._made if timeline.zone == self._zone else {}
        lasting = self._bounded and all(item.kind == "observation" for item in concerned)
        first = min((item.when.first for item in concerned), default=0) if lasting else 0
        made: dict[tuple[str, ...], tuple[_Group, Item]] = {}
        for group in _dating(self._derivation, timeline):
            name = tuple(item.id for item in group)
            old = kept.get(name)
            same = old is not None and old[0] == group and group[0].when.last < first
            made[name] = old if old is not None and same else (group, _value(self._derivation, group, timeline))
        values = tuple(value for _, value in made.values())
        self._made, self._zone = made, timeline.zone
        if values != self.values:
            self.values = values


def _dating(derivation: Derivation, timeline: Timeline) -> Iterator[_Group]:
    """Give the values that it is dated by; those of one time are one."""
    groups: dict[object, list[Item]] = {}
    for _, item, passed in passing(derivation.dated_by, timeline):
        if item.answer == "yes":
            # Of two values of one month nobody knows that they are of one time.
            alone = None if item.when.certain else item.id
            sure = replace(item, certain=item.certain and passed is MET)
            groups.setdefault((item.when, item.visible, item.fields.get("visit"), alone), []).append(sure)
    return (tuple(group) for group in groups.values())


def _value(derivation: Derivation, group: _Group, timeline: Timeline) -> Item:
    """Make the value that is dated by others."""
    first = group[0]
    choices = tuple(first.when.choices()) if _few(first.when) else ()
    readings = [_read(derivation, first, when, timeline) for when in choices]
    reading = choose(readings) if readings else None
    value = reading.value if reading is not None and isinstance(reading.value, Interval) else None
    because = frozenset[str]() if reading is None else reading.because
    visit = first.fields.get("visit")
    return replace(
        first,
        id=f"{first.id}:{derivation.measure}",
        visible=_visible(first, because, timeline),
        fields={
            "measure": word(derivation.measure),
            "value": ANYTHING if value is None else value,
            **({} if visit is None else {"visit": visit}),
        },
        certain=any(item.certain for item in group),
        unit=derivation.unit,
        sources=because.union(*(cited(item) for item in group)),
        derived=True,
        # What was not known by then: it does not depend on what came later.
        missing=frozenset(_by_then(each, first.when) for each in (frozenset() if reading is None else reading.missing)),
    )


def _by_then(missing: Missing, when: When) -> Missing:
    return missing if missing.due is None or missing.due <= when.last else replace(missing, due=when.last)


def _few(when: When) -> bool:
    return when.last - when.first < MOST_DATES


def _read(derivation: Derivation, dating: Item, when: When, timeline: Timeline) -> Reading:
    """Read what makes a value as at one of the times that it may have; all that is on record is in sight."""
    if not dating.when.certain:
        pinned = replace(dating, when=when, visible=when)
        items = (pinned if item.id == dating.id and item.when == dating.when else item for item in timeline.items)
        timeline = replace(timeline, items=tuple(items))
    return read(derivation.value, Question(timeline, _end(timeline), dose=when))


def _end(timeline: Timeline) -> int:
    """Give an instant at which every item is surely in sight."""
    end: int | None = timeline.remembered.get("end")
    if end is None:
        end = max((appearances(item, timeline.zone)[-1] for item in timeline.items), default=0)
        timeline.remembered["end"] = end
    return end


def _visible(dating: Item, because: frozenset[str], timeline: Timeline) -> When:
    """Give from when on a value is there: once all that it surely rests on has happened."""
    latest = dating.visible
    if not latest.certain:
        return latest
    for item in timeline.items:
        if (
            item.visible.certain
            and cited(item) <= because
            and _appears(item.visible, timeline) > _appears(latest, timeline)
        ):
            latest = item.visible
    return latest


def _appears(when: When, timeline: Timeline) -> int:
    return when.instants[0] if when.instants else timeline.zone.start_of(when.first)
