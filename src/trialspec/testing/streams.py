"""Streams: what happens to the patients of any protocol, and how word of it comes in.

What happens is about what the protocol speaks of, near the days on which it asks for it. It begins as it usually goes,
or with a patient who is made to order; then things happen that nobody ordered. Word of it comes in late, twice, before
its time, corrected, retracted, contradicted, and under an id that somebody else has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.testing.beginnings import ordered, usual
from trialspec.testing.draft import Raw
from trialspec.testing.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.testing.happenings import Days, Matter, day_near, happening, matter, said_in, time_of
from trialspec.testing.made import line, ndjson, record
from trialspec.times import DAY, parse_time, shown_date

NAMES = ("P1", "P2", "P3")
_FEW = 12
# How much later than it happened word comes in; sometimes it is announced.
_DELAYS = (0, 0, 0, 1, 3600, DAY, 3 * DAY, 20 * DAY, -2 * DAY)
# How many patients in a hundred are made to order; of a protocol of one's own more, for few others come far in it.
ORDERED = 50


@dataclass(frozen=True, slots=True)
class Step:
    """Records that come in at an instant; `pace` is how time goes on up to it.

    `jump`: at once; `halts`: with a halt at every instant at which something may change, a second before and after.
    """

    at: int
    records: tuple[Record, ...]
    pace: str = "jump"
    raws: tuple[Raw, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """What comes in, in the order in which it does; the last step brings nothing."""

    patients: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All records."""
        return tuple(record for step in self.steps for record in step.records)

    @property
    def raws(self) -> tuple[Raw, ...]:
        """All records as they were sent."""
        return tuple(raw for step in self.steps for raw in step.raws)

    @property
    def ndjson(self) -> str:
        """All records as the lines of an NDJSON file, in the order in which they come."""
        return ndjson(self.raws)

    def __hash__(self) -> int:
        """Hash what comes in."""
        return hash(tuple((step.at, *(line(raw) for raw in step.raws)) for step in self.steps))

    def __repr__(self) -> str:
        """Show the records: they are what a counterexample needs."""
        told = "\n".join(f"# at {step.at}, {step.pace}\n{ndjson(step.raws)}".rstrip() for step in self.steps)
        return f"\n{told}\n"


def stream(
    choose: Choose, protocol: Protocol, patients: int | None = None, most: int = 4, *, made: int = ORDERED
) -> Stream:
    """Give a stream of a protocol's patients, each with at most so many happenings that nobody ordered.

    Where the plan is long a patient is followed for a part of it, in larger batches, with at most one record whose date
    is contradicted and none that may be any of the planned doses or another patient's: each doubt multiplies the ways
    in which all doses must be read.

    `made` is how many in a hundred are patients made to order; the others begin as it usually goes.
    """
    about = matter(protocol)
    if patients is not None:
        number = patients
    else:
        number = any_of(choose, (11, 1), (2, 2)) if about.long else any_of(choose, (11, 1), (6, 2), (1, 3))
    names = NAMES[:number]
    arriving: list[tuple[int, Raw]] = []
    firsts: list[int] = []
    for name in names:
        first, mine = _patient(choose, about, name, max(2, most - (number - 1)), made)
        firsts.append(first)
        arriving += mine
    if number > 1 and chance(choose, 50) and not about.long:
        _claim(choose, arriving)
    arriving.sort(key=lambda each: each[0])
    return Stream(names, _steps(choose, about, arriving, min(firsts)))


def _claim(choose: Choose, arriving: list[tuple[int, Raw]]) -> None:
    """Let a record bear the id of another patient's."""
    index = one_of(choose, [index for index, (_, raw) in enumerate(arriving) if raw.get("kind") != "procedure"])
    at, raw = arriving[index]
    others = [other["id"] for _, other in arriving if other["patient"] != raw["patient"]]
    if others:
        arriving[index] = (at, {**raw, "id": one_of(choose, others)})


def _steps(choose: Choose, about: Matter, arriving: list[tuple[int, Raw]], first: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    zone, together = about.program.zone, 85 if about.long else 60
    now = min((at for at, _ in arriving), default=zone.start_of(first - 20))
    while arriving:
        size = 1
        while size < len(arriving) and (arriving[size][0] == arriving[0][0] or chance(choose, together)):
            size += 1
        batch, arriving = arriving[:size], arriving[size:]
        now = max(now, batch[0][0])
        raws = tuple(raw for _, raw in batch)
        steps.append(Step(now, tuple(record(raw) for raw in raws), _pace(choose), raws))
    end = zone.start_of(first + one_of(choose, (3, 10, 20, 40, 400)))
    steps.append(Step(max(now, end), (), _pace(choose)))
    return tuple(steps)


def _pace(choose: Choose) -> str:
    return any_of(choose, (3, "jump"), (1, "halts"))


# --- what happens to one patient --------------------------------------------------------------------------------------


def _patient(choose: Choose, about: Matter, name: str, most: int, made: int) -> tuple[int, list[tuple[int, Raw]]]:
    """Give a patient's first day, and the records, each with the instant at which it comes in.

    Where there is a procedure the first record is of one before all others, comes in on time and stays: what is told of
    a patient to whom nothing has happened yet is a test of its own.
    """
    base, days = ordered(choose, about) if chance(choose, made) else usual(choose, about)
    if about.long:
        base = base[: between(choose, 6, 20)]
    raws = base + [happening(choose, about, days) for _ in range(between(choose, 1, most))]
    zone = about.program.zone
    begun = zone.start_of(days.first - 30)
    arriving, vague = _met(choose, about, name, days), False
    for number, raw in enumerate(raws):
        told: Raw = {**raw, "id": f"{name.lower()}-{number}", "patient": name}
        among = max(_FEW, len(raws))
        if choose(100 + 8 * (among - _FEW)) >= 98 + 8 * (among - _FEW):
            told = {**told, "time": "soon"}
        if "available" in told and told["available"] == told["time"] and chance(choose, 30):
            told = {key: text for key, text in told.items() if key != "available"}
        at = max(begun, _arrival(choose, about, told, days))
        arriving.append((at, told))
        changed = _changed(choose, about, days, (at, told), among)
        if about.long and _vague(told, changed):
            # Each date that is contradicted multiplies the worlds in which a long plan is read.
            changed = [] if vague else changed
            vague = True
        arriving += ((max(begun, at), raw) for at, raw in changed)
    return days.first, arriving


def _met(choose: Choose, about: Matter, name: str, days: Days) -> list[tuple[int, Raw]]:
    concepts = [term.name for term in about.program.vocabulary.terms.values() if term.sort == "procedure"]
    if not concepts or chance(choose, 20):
        return []
    raw = {"kind": "procedure", "concept": min(concepts), "time": shown_date(days.first - 31)}
    raw["time"] += one_of(choose, ("", "T12:00Z"))
    return [(about.program.zone.start_of(days.first - 30), raw | {"id": name.lower(), "patient": name})]


# --- how word of it comes in ------------------------------------------------------------------------------------------


def _arrival(choose: Choose, about: Matter, raw: Raw, days: Days) -> int:
    zone = about.program.zone
    when = parse_time(raw["time"], zone)
    day = when.first if when is not None else days.first
    hour = int(raw["time"][11:13]) if len(raw["time"]) > 12 else 9
    return zone.start_of(day) + hour * 3600 + one_of(choose, _DELAYS)


def _vague(raw: Raw, changed: list[tuple[int, Raw]]) -> bool:
    """Whether what comes of a record contradicts its date."""
    return any(
        other.get("revision") == raw.get("revision") and other.get("time") != raw.get("time") for _, other in changed
    )


def _changed(choose: Choose, about: Matter, days: Days, came: tuple[int, Raw], among: int) -> list[tuple[int, Raw]]:
    """Give what comes of a record besides: mostly nothing.

    It is one `among` so many of the patient's: three or four of them change, however many there are.
    """
    at, raw = came
    number = {"id": raw["id"], "patient": raw["patient"]}
    gone = {**number, "revision": "2", "status": "entered_in_error"}
    if chance(choose, 50):
        gone["available"] = time_of(choose, days, day_near(choose, days))
    if "site" in raw and raw.get("kind") == "person" and coin(choose):
        moved = {**raw, "site": one_of(choose, about.sites), "revision": "1"}
        return [(at + one_of(choose, (DAY, 20 * DAY)), moved)]
    if raw.get("available", "") > raw.get("time", "") and raw.get("kind") == "observation" and chance(choose, 25):
        # Nobody knew before enrolment that it was wrong; word of it may come before what it is about.
        gone["available"] = shown_date(days.first + 2)
        return [(at + one_of(choose, (-2 * DAY, 9 * DAY)), gone)]
    after = at + one_of(choose, (0, -3600, 2 * DAY, 9 * DAY, -2 * DAY))
    match any_of(
        choose,
        *(
            (4 * among - 24, "alone"),
            (4, "corrected"),
            (2, "redated"),
            (3, "retracted"),
            (2, "conflict"),
            (2, "again"),
            (1, "back"),
        ),
    ):
        case "corrected":
            return [(after, {**happening(choose, about, days), **number, "revision": "1"})]
        case "redated":
            return [(after, {**raw, "time": time_of(choose, days, day_near(choose, days)), "revision": "1"})]
        case "retracted":
            return [(after, gone)]
        case "conflict":
            return [(after, {**raw, **_contradiction(choose, raw)})]
        case "again":
            return [(after, dict(raw))]
        case "back":
            return [(after, gone), (after + DAY, {**raw, "revision": "3"})]
        case _:
            return []


def _contradiction(choose: Choose, raw: Raw) -> Raw:
    """Give what another record of the same number says otherwise."""
    if "value" in raw and coin(choose):
        return {"value": "1"}
    if "amount" in raw and coin(choose):
        return {"amount": "400"}
    # Only a little: each date between is a world of its own.
    try:
        day = date.fromisoformat(raw["time"][:10]).toordinal()
    except ValueError:
        return {}
    return {"time": shown_date(day + one_of(choose, (1, -1, 2)))}


__all__ = ["Matter", "Step", "Stream", "happening", "matter", "said_in", "stream"]
