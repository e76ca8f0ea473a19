"""Which version of a protocol a patient is judged by, from instant to instant, and what the records leave open of it.

A patient is judged by the version that the latest consent in sight names. Before any consent, and where it names a
version that there is not, it is the version in force at the patient's site: the newest that is approved there, the
first of all where no approval is on record. What the records leave open is told as several histories.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Literal

from trialspec.findings.records import sites_of
from trialspec.interpreters.reading import NOTHING, earliest
from trialspec.interpreters.reference import cited
from trialspec.quantity import Codes
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trialspec.interpreters.reading import Question
    from trialspec.patient import Item
    from trialspec.times import Zone

MOST_HISTORIES = 64


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of event time from `start` on (`None`: since ever), in which one version judges and one is in force.

    `outdated`: the latest consent is to a version that a newer one has taken the place of; `late`: it had already, when
    consent was given. `beyond`: the approvals on record are all of versions that are newer than the one that judges.
    `because` are the records that make it so. It begins by `doubt` at the latest: a consent with a date only may have
    been given at any hour of that.
    """

    start: int | None
    version: int
    in_force: int
    outdated: bool = False
    late: bool = False
    beyond: bool = False
    because: frozenset[str] = NOTHING
    doubt: int | None = None


History = tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Histories:
    """All ways in which versions may have followed each other up to an instant, and when the next may follow.

    `ways` is `None` where the records leave too many of them.
    """

    ways: tuple[History, ...] | None
    until: int | None


@dataclass(frozen=True, slots=True)
class _Sign:
    """A consent or an approval as it may have been: of a version (`None`: one that there is not), from an instant."""

    at: int
    kind: Literal["consent", "approval"]
    version: int | None
    because: frozenset[str]
    by: int


def histories(versions: Sequence[str], question: Question) -> Histories:
    """Tell by which of some versions, the oldest first, a patient was judged up to the instant of a question."""
    choices = list(_choices(versions, question))
    until = earliest(*(sign.at for signs in choices for sign in signs if sign and sign.at > question.at))
    seen = [_in_sight(signs, question.at) for signs in choices]
    if prod(len(signs) for signs in seen) > MOST_HISTORIES:
        return Histories(None, until)
    ways = (_history(signs) for signs in product(*seen))
    return Histories(tuple(dict.fromkeys(ways)), until)


def _in_sight(signs: Sequence[_Sign | None], at: int) -> tuple[_Sign | None, ...]:
    return tuple(dict.fromkeys(None if sign is None or sign.at > at else sign for sign in signs))


def _choices(versions: Sequence[str], question: Question) -> Iterator[list[_Sign | None]]:
    """Give for each consent and approval what it may have been; `None` is nothing at all."""
    zone, here = question.timeline.zone, sites_of(question)
    items = [item for _, item in question.timeline.of_kind("milestone") if item.answer == "yes"]
    consents = [(item, there) for item in items if (there := _is(item, "consent")) is not NOT_MET]
    for item, there in consents:
        shared = any(_unordered(item, other) for other, _ in consents)
        instants = _consented(item, zone, shared=shared)
        yield _signs(item, "consent", instants, versions, zone, sure=there is MET)
    for item in items:
        site = item.fields.get("site")
        at_site = MET if not isinstance(site, Codes) else UNKNOWN if not here else site.among(here)
        there = every((_is(item, "version_approved"), at_site))
        if there is not NOT_MET:
            yield _signs(item, "approval", _approved(item, zone), versions, zone, sure=there is MET)


def _is(item: Item, word: str) -> Verdict:
    told = item.fields.get("milestone")
    return told.among(frozenset({word})) if isinstance(told, Codes) else UNKNOWN


def _signs(
    item: Item,
    kind: Literal["consent", "approval"],
    instants: Iterable[int],
    versions: Sequence[str],
    zone: Zone,
    *,
    sure: bool,
) -> list[_Sign | None]:
    told = item.fields.get("version")
    words = told.words if isinstance(told, Codes) else None
    # One that tells no version may be of any; one that tells another than there is, is of none of them.
    named: list[int | None] = list(range(len(versions)))
    if words is not None:
        named = [versions.index(word) if word in versions else None for word in sorted(words)]
    elif kind == "approval":
        named.append(None)

    def sign(at: int, version: int | None) -> _Sign:
        return _Sign(at, kind, version, cited(item), at if item.when.instants else max(at, zone.end_of(item.when.last)))

    made: list[_Sign | None] = [sign(at, version) for at in instants for version in named]
    return made if sure and item.certain else [*made, None]


def _unordered(one: Item, other: Item) -> bool:
    """Whether two consents are to different versions, and a date is all that is known of the first of them."""
    apart = one.when.first > other.when.last or one.when.last < other.when.first
    return not apart and not one.when.instants and one.fields.get("version") != other.fields.get("version")


def _consented(item: Item, zone: Zone, *, shared: bool) -> tuple[int, ...]:
    """Give the instants from which a consent may have stood: of a date that two share, either may be the later one."""
    when = item.when
    if when.instants:
        return when.instants
    first, last = zone.start_of(when.first), zone.end_of(when.last)
    return (first, last) if shared or when.first != when.last else (first,)


def _approved(item: Item, zone: Zone) -> tuple[int, ...]:
    """Give the instants from which an approval may have counted: one of a date does so once that is over."""
    when = item.when
    if when.instants:
        return when.instants
    last = zone.start_of(when.last + 1)
    return (last,) if when.first == when.last else (zone.start_of(when.first), last)


def _history(signs: Iterable[_Sign | None]) -> History:
    """Follow consents and approvals in the order of their time."""
    there = sorted(
        (sign for sign in signs if sign is not None),
        key=lambda sign: (sign.at, sign.kind == "consent", -1 if sign.version is None else sign.version),
    )
    found = [Stretch(None, 0, 0)]
    approvals: list[_Sign] = []
    consent: _Sign | None = None
    late = False
    for index, sign in enumerate(there):
        if sign.kind == "approval":
            approvals.append(sign)
        newest = max(
            (each for each in approvals if each.version is not None), key=lambda each: each.version or 0, default=None
        )
        in_force = 0 if newest is None or newest.version is None else newest.version
        if sign.kind == "consent":
            consent, late = sign, sign.version is not None and sign.version < in_force
        if index + 1 < len(there) and there[index + 1].at == sign.at:
            continue
        named = None if consent is None else consent.version
        version = in_force if named is None else named
        found.append(
            Stretch(
                sign.at,
                version,
                in_force,
                outdated=named is not None and named < in_force,
                late=late,
                beyond=all(each.version is not None and each.version > version for each in approvals),
                because=NOTHING.union(*(each.because for each in (consent, newest) if each is not None)),
                doubt=sign.by if sign.kind == "consent" else None,
            )
        )
    return tuple(found)
