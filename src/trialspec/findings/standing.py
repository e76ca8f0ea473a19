"""What belongs to a visit or an assessment, and how it stands, in one world.

The rules, each of which raises as few alerts as the records allow:

- A value that names a visit belongs to it, whatever its date, and to no other.
- A value whose name for its visit the protocol does not have may belong where its date would put it, and may not.
- A value that names none belongs to the visit in whose window it lies. Outside every window it belongs to the visit in
  whose catchment it lies, but only once that visit's window has closed without a value of its own: until then it is
  unscheduled and the visit is still to be done.
- A visit is done by its milestone, by anything observed in its window, and outside its window by what names it or by a
  measure that is planned at it. An assessment is done by its own measure.
- What is done and has no value inside the window is `out_of_window`. The method is that of the value for the visit, and
  is judged once the window has closed: until then another value may take its place.
- What names its visit was taken for the trial: before any consent it is `before_consent`.
- A visit with `first_due` whose window is not placed yet stands as if its anchor happened on the date of the question:
  a value makes it done, one that names it as well, for as long as it lies in the window that would then be. Without
  one it is due from `first_due_from` (`enrolled`) through `first_due`, then overdue, then missed from `missed_after` if
  given. What has grown too old departs from nothing yet: it can still be repeated.
- After consent was withdrawn, the study left, or death, what was not done or missed before is cancelled.
- A visit whose `only_if` is not met is for other patients: it is cancelled, and takes no part in dividing the time.
- A patient who was enrolled or dosed without a screening record: what is not done is `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING

from trialspec.findings.records import FIRST_CONSENT, milestone, stopped, unscreened
from trialspec.findings.windows import (
    Locate,
    Placing,
    anchors,
    between,
    dated,
    deadline,
    lies_inside,
    locating,
    places,
    window_place,
    would_lie_inside,
)
from trialspec.interpreters.reading import NOTHING, Missing, Question, Reading, earliest
from trialspec.interpreters.reference import cited, compare_when, next_visible, read, visible
from trialspec.interpreters.selection import passing
from trialspec.quantity import Codes
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, every, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trialspec.kernel import Expr, Window
    from trialspec.patient import Item, Timeline
    from trialspec.program import Program, VisitPlan
    from trialspec.times import Zone


@dataclass(frozen=True, slots=True)
class Scene:
    """One world: where every visit lies in it, when the patient stopped, and whether screening is on record.

    `conditions` are what says of some visits whether they are for this patient.
    """

    program: Program
    question: Question
    find: Locate
    places: dict[str, Placing]
    values: tuple[Item, ...]
    stop: int | None
    screening: Reading
    because: frozenset[str]
    until: int | None
    consent: Reading
    conditions: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def zone(self) -> Zone:
        """The zone of the patient's site."""
        return self.question.timeline.zone

    @property
    def latest(self) -> int:
        """The last date on which what has not happened may have: that of the question, or of the stop before it."""
        return self.zone.date_of(self.question.at if self.stop is None else min(self.stop, self.question.at))


def scenes_of(program: Program, world: Question) -> list[Scene]:
    """See one world as visits do: several times where it is open which of them are for this patient."""
    conditions = _conditions(program, world)
    surely = frozenset(name for name, reading in conditions.items() if reading.verdict is NOT_MET)
    asked: dict[Expr, list[str]] = {}
    for plan in program.visits:
        if plan.only_if is not None and conditions[plan.name].verdict is UNKNOWN:
            asked.setdefault(plan.only_if, []).append(plan.name)
    # Those that ask the same stand or fall together.
    ways = product(*((frozenset[str](), frozenset(names)) for names in asked.values()))
    return [scene_of(program, world, surely.union(*out), conditions) for out in ways]


def _conditions(program: Program, world: Question) -> dict[str, Reading]:
    """Read for whom there are visits: at the end of the window of each, or now while that is to come."""
    read_: dict[str, Reading] = {}
    find = locating(world)
    for plan in program.visits:
        if plan.only_if is not None:
            closes = window_place(plan.window, None, find, world.timeline.zone).closes
            over = closes is not None and closes < world.at
            reading = read(plan.only_if, world.on(closes) if over and closes is not None else world)
            read_[plan.name] = replace(reading, until=None) if over else reading
    return read_


def scene_of(program: Program, world: Question, out: frozenset[str], conditions: Mapping[str, Reading]) -> Scene:
    """See one world as visits do, of which some are for other patients (`out`)."""
    find = locating(world)
    stop, screening, consent = find(stopped(program)), unscreened(program, world), find(FIRST_CONSENT)
    values = _values(world.timeline)
    when = dated(stop)
    return Scene(
        program,
        world,
        find,
        _places(program, find, world) if not conditions else places(program, find, world.timeline.zone, out),
        values,
        None if when is None else when.span(world.timeline.zone)[0],
        screening,
        stop.because,
        earliest(
            *(reading.until for reading in (stop, screening, consent, *conditions.values())),
            next_visible(values, world),
        ),
        consent,
        conditions,
    )


_MOST_REMEMBERED = 16
_Remembered = tuple[tuple[Reading, ...], dict[str, Placing]]


def _places(program: Program, find: Locate, world: Question) -> dict[str, Placing]:
    """Say where the visits lie, or what was said of the very same moments before."""
    moments = tuple(find(moment) for moment in anchors(program))
    known = world.remembered.setdefault("places", {})
    assert isinstance(known, dict)
    remembered: _Remembered | None = known.get(tuple(map(id, moments)))
    if remembered is None:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        remembered = known[tuple(map(id, moments))] = moments, places(program, find, world.timeline.zone)
    return remembered[1]


def _values(timeline: Timeline) -> tuple[Item, ...]:
    """Give the observations and the milestones of visits, as they stand in the timeline."""
    observed = timeline.of_kind("observation")
    visited = ((index, item) for index, item, _ in passing(milestone("visit"), timeline))
    return tuple(item for _, item in merge(observed, visited, key=_first) if item.answer == "yes")


_first = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item and a visit: is the item there, does it name the visit, is it inside the window, or in its catchment.

    One that is `misnamed` names a visit that is none of the protocol's. One whose visit is `awaited` lies in the window
    that would be if the anchor came on the date of the question, and at `turns`, if it has not come, otherwise.
    """

    item: Item
    there: Verdict
    named: Verdict | None
    inside: Verdict
    caught: Verdict
    misnamed: bool = False
    awaited: bool = False
    turns: int | None = None


def candidates_of(scene: Scene, visit: str) -> list[Candidate]:
    """Give what may belong to a visit, whatever was measured."""
    found_ = []
    place, awaited = scene.places[visit], _awaited(scene, visit)
    for item in scene.values:
        there = every((visible(item, scene.question), MET if item.certain else UNKNOWN))
        misnamed = _misnamed(item, frozenset(scene.places))
        named = None if misnamed else _named(item, visit)
        if there is NOT_MET or named is NOT_MET:
            continue
        inside, turns = UNKNOWN, None
        if place.placed:
            inside = every((there, lies_inside(item.when, place, scene.zone)))
        elif awaited is not None:
            would, turns = would_lie_inside(item.when, awaited, scene.find, scene.zone, scene.latest)
            inside, turns = every((there, would)), turns if scene.stop is None else None
        caught = every((there, _caught(scene, visit, item)))
        reached = (place.placed or awaited is not None) and inside is not NOT_MET
        if named is not None or caught is not NOT_MET or reached or turns is not None:
            found_.append(Candidate(item, there, named, inside, caught, misnamed, awaited is not None, turns))
    return found_


def _awaited(scene: Scene, visit: str) -> Window | None:
    """Give the window of a visit that is due although what the window is counted from has not happened."""
    plan = next(plan for plan in scene.program.visits if plan.name == visit)
    return None if plan.first_due is None or scene.places[visit].placed else plan.window


def _named(item: Item, visit: str) -> Verdict | None:
    """Say whether an item names this visit; nothing if it names none."""
    code = item.fields.get("visit")
    return code.among(frozenset({visit})) if isinstance(code, Codes) else None


def _misnamed(item: Item, visits: frozenset[str]) -> bool:
    """Whether the name of an item's visit is none of the protocol's; a timeline has it beside all that it may mean."""
    code = item.fields.get("visit")
    return isinstance(code, Codes) and code.words is not None and not code.words <= visits


def _caught(scene: Scene, visit: str, item: Item) -> Verdict:
    """Say whether an item that names no visit and lies outside the window belongs to it all the same."""
    place = scene.places[visit]
    if not place.placed or place.closes is None or scene.question.at <= place.closes:
        return NOT_MET
    return between(item.when, place.start, place.end)


@dataclass(frozen=True, slots=True)
class Fit:
    """A value that belongs, or may belong, to a visit or assessment, and whether it lies inside the window.

    `turns` is from when on it may be otherwise, as for a candidate.
    """

    item: Item
    belongs: Verdict
    inside: Verdict
    turns: int | None = None


def fit_of(candidate: Candidate, *, asked: Verdict, planned: Verdict = MET) -> Fit:
    """Judge a candidate: `asked` is whether it answers what is asked, `planned` whether it may do so out of window."""
    by_date = every((candidate.there, some((candidate.inside, every((planned, candidate.caught))))))
    if candidate.misnamed:
        by_date = every((by_date, UNKNOWN))
    if candidate.awaited:
        belongs = every((by_date, MET if candidate.named is None else candidate.named))
    else:
        belongs = {None: by_date, MET: candidate.there}.get(candidate.named, UNKNOWN)
    turns = None if asked is NOT_MET else candidate.turns
    return Fit(candidate.item, every((asked, belongs)), candidate.inside, turns)


def chosen(fits: Iterable[Fit], place: Placing, zone: Zone) -> list[Item]:
    """Give the value for a visit: inside the window and nearest to the planned day, or the latest without one.

    Of two days equally near the later, of one day the latest instant; what is left is a tie. Where none is inside, the
    nearest of those that belong to it.
    """
    sure = [fit for fit in fits if fit.belongs is MET]
    kept = [fit.item for fit in sure if fit.inside is not NOT_MET] or [fit.item for fit in sure]

    def rank(item: Item) -> tuple[int, int]:
        day = item.when.first
        if place.planned is not None:
            return abs(day - place.planned), -day
        early = 0 if place.first is None else max(0, place.first - day)
        late = 0 if place.last is None else max(0, day - place.last)
        return early + late, -day

    best = min((rank(item) for item in kept), default=None)
    tied = [item for item in kept if rank(item) == best]
    return [one for one in tied if not any(compare_when(one.when, other.when, zone)[0] is MET for other in tied)]


# --- how it stands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """How a visit or an assessment stands in one world; `values` are those that make it done.

    One that is for other patients stands `elsewhere`: it is cancelled.
    """

    state: str
    departure: frozenset[str]
    place: Placing
    values: tuple[Item, ...] = ()
    because: frozenset[str] = NOTHING
    missing: frozenset[Missing] = frozenset()
    until: int | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """From when on something is due, through when, and after when it is missed; `None`: no such instant."""

    opens: int | None
    closes: int | None
    ends: int | None


def _times(scene: Scene, plan: VisitPlan) -> tuple[Times | None, Reading]:
    """Give the times of a visit, if it has any yet, and what they rest on besides its place."""
    place = scene.places[plan.name]
    begin = plan.first_due_from or scene.program.moments.get("enrolled")
    rests = Reading(None)
    if not place.placed and plan.first_due is not None and begin is not None:
        readings = [scene.find(point) for point in (begin, plan.first_due)]
        rests = Reading(
            None,
            frozenset[str]().union(*(reading.because for reading in readings)),
            frozenset[Missing]().union(*(reading.missing for reading in readings)),
            earliest(*(reading.until for reading in readings)),
        )
    return visit_times(scene.program, plan, place, scene.find, scene.zone), rests


def visit_times(program: Program, plan: VisitPlan, place: Placing, find: Locate, zone: Zone) -> Times | None:
    """Give the times of a visit, if it has any yet."""
    if place.placed:
        opens = place.opens
        if opens is None and place.start is not None:
            opens = zone.start_of(place.start)
        return Times(opens, place.closes, place.ends)
    begin = plan.first_due_from or program.moments.get("enrolled")
    if plan.first_due is None or begin is None:
        return None
    start, end = dated(find(begin)), dated(find(plan.first_due))
    if start is None:
        return None
    closes = None if end is None else deadline(plan.first_due, end, end.last, zone)
    ends = place.ends if closes is None or place.ends is None else max(place.ends, closes)
    return Times(start.span(zone)[0], closes, ends)


def by_time(times: Times | None, stop: int | None, now: int) -> str:
    """Say how something that was not done stands."""
    if times is not None and times.ends is not None and now > times.ends and (stop is None or times.ends < stop):
        return "missed"
    if stop is not None:
        return "cancelled"
    if times is None or (times.opens is not None and now < times.opens):
        return "not_due"
    return "due" if times.closes is None or now <= times.closes else "overdue"


def next_turn(times: Times | None, now: int) -> int | None:
    """Give the next instant at which one of the times is reached or passed."""
    if times is None:
        return None
    turns = [times.opens, *(None if at is None else at + 1 for at in (times.closes, times.ends))]
    return earliest(*(at for at in turns if at is not None and at > now))


def stand(scene: Scene, plan: VisitPlan, fits: Sequence[Fit], label: str, asked_of: str) -> Standing:
    """Say how a visit, or an assessment at it, stands in one world."""
    standing = _stand(scene, plan, fits, label, asked_of)
    if not scene.conditions:
        return standing
    told = NOTHING.union(*(reading.because for reading in scene.conditions.values()))
    unsure = scene.conditions.get(plan.name)
    missing = unsure.missing if unsure is not None and unsure.verdict is UNKNOWN else frozenset[Missing]()
    return replace(standing, because=standing.because | told, missing=standing.missing | missing)


def _stand(scene: Scene, plan: VisitPlan, fits: Sequence[Fit], label: str, asked_of: str) -> Standing:
    place, now = scene.places[plan.name], scene.question.at
    times, rests = _times(scene, plan)
    everywhere = frozenset[str]().union(*(other.because for other in scene.places.values()))
    turns = (*(fit.turns for fit in fits), next_turn(times, now))
    until = earliest(scene.until, rests.until, *turns, *(other.until for other in scene.places.values()))
    if not place.applies:
        return Standing("cancelled", frozenset(), place, (), place.because, frozenset(), until, elsewhere=True)
    possible = [fit for fit in fits if fit.belongs is not NOT_MET]
    values = chosen(fits, place, scene.zone)
    if values:
        outside = place.placed and all(fit.inside is NOT_MET for fit in possible)
        departure = frozenset({"out_of_window"}) if outside else frozenset[str]()
        because = (everywhere if outside else place.because).union(*(cited(item) for item in values))
        if any(_named(value, plan.name) is MET for value in values):
            because |= scene.consent.because  # without it this would have been before any consent
        if any(before_consent(value, plan.name, scene) for value in values):
            departure |= {"before_consent"}
        return Standing("done", departure, place, tuple(values), because, frozenset(), until)
    because = everywhere | rests.because | scene.because | scene.screening.because
    if scene.screening.verdict is not NOT_MET or possible:
        leaf = Missing(label, place.first, place.last, asked_of)
        missing = frozenset({leaf}) if possible else scene.screening.missing
        because = because.union(*(cited(fit.item) for fit in possible))
        return Standing("unknown", frozenset(), place, (), because, missing, until)
    missing = frozenset() if place.placed else place.missing
    return Standing(by_time(times, scene.stop, now), frozenset(), place, (), because, missing, until)


def before_consent(value: Item, visit: str, scene: Scene) -> bool:
    """Whether a value that names a visit, and so was taken for the trial, came before any consent."""
    if _named(value, visit) is not MET:
        return False
    when = dated(scene.consent)
    return when is None or compare_when(value.when, when, scene.zone)[0] is MET


def answers(program: Program, measure: str, item: Item) -> Verdict:
    """Say whether an item is a value of a measure."""
    code = item.fields.get("measure")
    if item.kind != "observation" or not isinstance(code, Codes):
        return NOT_MET
    return code.among(program.vocabulary.under(measure))


def by_method(standing: Standing, fits: Iterable[Fit], allowed: frozenset[str] | None) -> Standing:
    """Add `wrong_method` where no value that may be the one for the visit was taken by a method that is allowed."""
    if allowed is None or not standing.values:
        return standing
    unsure = [fit.item for fit in fits if fit.belongs is UNKNOWN or (fit.belongs is MET and not fit.item.when.certain)]
    if not all(_method(item, allowed) is NOT_MET for item in (*standing.values, *unsure)):
        return standing
    return replace(standing, departure=standing.departure | {"wrong_method"})


def _method(item: Item, allowed: frozenset[str]) -> Verdict:
    code = item.fields.get("method")
    return code.among(allowed) if isinstance(code, Codes) else UNKNOWN
