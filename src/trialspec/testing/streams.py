"""Streams: what happens to the patients of any protocol, and how word of it comes in.

What happens is about what the protocol speaks of, near the days on which it asks for it. It begins with a patient who
is made to order; then things happen that nobody ordered. Word of it comes in late, twice, before its time, corrected,
retracted, contradicted, and under an id that somebody else has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.interpreters.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.kernel import Select, parts_of
from trialspec.program import Program
from trialspec.testing.draft import Raw
from trialspec.testing.made import Patient, line, ndjson, record
from trialspec.testing.making import make
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import Wish, categories, slots
from trialspec.testing.writing import ABOUT, decimal, records, step_of, usual_numbers
from trialspec.times import DAY, parse_time, shown_date
from trialspec.vocabulary import Term

NAMES = ("P1", "P2", "P3")
_CLOCK = ("08:00", "12:00", "00:00", "23:30", "23:59:59", "02:15")
_NEAR = (0, 0, 0, 1, -1, 2, -2, 3, -3, 4, 7, -8)
# How much later than it happened word comes in; sometimes it is announced.
_DELAYS = (0, 0, 0, 1, 3600, DAY, 3 * DAY, 20 * DAY, -2 * DAY)
_STOPS = ("treatment_stopped", "consent_withdrawn", "left_study", "death", "lost")


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


@dataclass(frozen=True)
class Matter:
    """What a protocol speaks of: what its patients' records may be about."""

    protocol: Protocol
    queries: tuple[Select, ...]
    visits: tuple[str, ...]
    sites: tuple[str, ...]

    @property
    def program(self) -> Program:
        """The protocol, compiled."""
        return self.protocol.program


_matters: dict[int, Matter] = {}


def matter(protocol: Protocol) -> Matter:
    """Give what a protocol speaks of; what it asks of records that its patients can have, each question once."""
    found = _matters.get(id(protocol))
    if found is None:
        if len(_matters) > 50:
            _matters.clear()
        program = protocol.program
        asked = (program.criteria, program.gates, program.responses, program.therapies, program.moments)
        queries = tuple(dict.fromkeys(query for query in parts_of(asked, Select) if query.kind != "person"))
        found = _matters[id(protocol)] = Matter(
            protocol, queries, tuple(plan.name for plan in program.visits), tuple(program.sites)
        )
    return found


def stream(choose: Choose, protocol: Protocol, patients: int | None = None, most: int = 4) -> Stream:
    """Give a stream of a protocol's patients, each with at most so many happenings that nobody ordered."""
    about = matter(protocol)
    number = any_of(choose, (11, 1), (6, 2), (1, 3)) if patients is None else patients
    names = NAMES[:number]
    arriving: list[tuple[int, Raw]] = []
    for name in names:
        arriving += _patient(choose, about, name, max(2, most - (number - 1)))
    if number > 1 and chance(choose, 50):
        _claim(choose, arriving)
    arriving.sort(key=lambda each: each[0])
    return Stream(names, _steps(choose, about, arriving))


def _claim(choose: Choose, arriving: list[tuple[int, Raw]]) -> None:
    """Let a record bear the id of another patient's."""
    index = one_of(choose, range(len(arriving)))
    at, raw = arriving[index]
    others = [other["id"] for _, other in arriving if other["patient"] != raw["patient"]]
    if others:
        arriving[index] = (at, {**raw, "id": one_of(choose, others)})


def _steps(choose: Choose, about: Matter, arriving: list[tuple[int, Raw]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    zone = about.program.zone
    now = min((at for at, _ in arriving), default=zone.start_of(USUAL))
    while arriving:
        size = 1
        while size < len(arriving) and (arriving[size][0] == arriving[0][0] or chance(choose, 60)):
            size += 1
        batch, arriving = arriving[:size], arriving[size:]
        now = max(now, batch[0][0])
        raws = tuple(raw for _, raw in batch)
        steps.append(Step(now, tuple(record(raw) for raw in raws), _pace(choose), raws))
    end = now + one_of(choose, (3, 10, 20, 40, 400)) * DAY
    steps.append(Step(end, (), _pace(choose)))
    return tuple(steps)


def _pace(choose: Choose) -> str:
    return any_of(choose, (3, "jump"), (1, "halts"))


USUAL = date(2024, 3, 4).toordinal()


# --- what happens -----------------------------------------------------------------------------------------------------


def begun(choose: Choose, protocol: Protocol) -> tuple[Raw, ...]:
    """Give the records of a patient made to order: entering, treated, departing, or responding."""
    program = protocol.program
    wishes: list[Wish] = []
    match any_of(choose, (3, "treated"), (3, "departing"), (2, "responding"), (2, "entering"), (1, "ineligible")):
        case "treated":
            wishes.append(Wish(treated=True))
        case "departing":
            there = tuple(slots(program))
            if there:
                slot = one_of(choose, there)
                word = one_of(choose, ("late", "amount", "gate_not_met", "gate_unknown", "early", "missed", "extra"))
                wishes.append(Wish(departing={slot: word}))
        case "responding":
            answers = [(where, word) for where, words in categories(program).items() for word in words]
            if answers:
                where, word = one_of(choose, answers)
                wishes.append(Wish(response={where: word}))
        case "ineligible":
            names = [each.name for each in program.criteria]
            if names:
                wishes.append(Wish(failing=one_of(choose, names)))
        case _:
            pass
    for wish in (*wishes, Wish(), Wish(eligible=None, treated=True), Wish(eligible=None)):
        made = _made(protocol, wish, choose)
        if made is not None:
            return made.raws
    return ()


_possible: dict[tuple[int, str], tuple[Protocol, bool]] = {}


def _made(protocol: Protocol, wish: Wish, choose: Choose) -> Patient | None:
    """Make a patient, where the plainest of the kind can be had: what is chosen must not depend on what was tried."""
    key = id(protocol), repr(wish)
    if key not in _possible:
        if len(_possible) > 2_000:
            _possible.clear()
        try:
            make(protocol, wish, lambda _: 0)
        except UnreachableError:
            _possible[key] = protocol, False
        else:
            _possible[key] = protocol, True
    if not _possible[key][1]:
        return None
    try:
        return make(protocol, wish, choose, vary=True)
    except UnreachableError:
        return None


def _patient(choose: Choose, about: Matter, name: str, most: int) -> list[tuple[int, Raw]]:
    """Give the records of a patient, each with the instant at which it comes in."""
    base = [dict(raw) for raw in begun(choose, about.protocol) if chance(choose, 92)]
    days = _days(about, base)
    raws = base + [happening(choose, about, days) for _ in range(between(choose, 0, most))]
    arriving: list[tuple[int, Raw]] = []
    for number, raw in enumerate(raws):
        told = {**raw, "id": f"{name.lower()}-{number}", "patient": name}
        if chance(choose, 2):
            told["time"] = "soon"
        if "available" in told and chance(choose, 30):
            told.pop("available")
        at = _arrival(choose, about, told, days)
        arriving.append((at, told))
        arriving += _changed(choose, about, told, at, days)
    return arriving


def _days(about: Matter, base: Sequence[Raw]) -> tuple[int, ...]:
    """Give the days on which something may happen: those of the records, and those that the plan names."""
    zone = about.program.zone
    found = []
    for raw in base:
        when = parse_time(raw["time"], zone)
        if when is not None:
            found.append(when.first)
    if not found:
        found = [USUAL - 7, USUAL, USUAL + 3]
    last = max(found)
    return (*dict.fromkeys(found), last + 7, last + 14)


def happening(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    """Give a record of something that the protocol speaks of, or that any patient may have; without an id."""
    made: Callable[[Choose, Matter, Sequence[int]], dict[str, str]] = any_of(
        choose,
        *((9, _asked), (6, _dose), (4, _value), (2, _visit), (2, _stop), (1, _milestone), (2, _adverse_event)),
    )
    raw = made(choose, about, days)
    if chance(choose, 60):
        raw["available"] = _time(choose, _day(choose, days)) if chance(choose, 30) else raw["time"]
    if about.sites and chance(choose, 25):
        raw["site"] = one_of(choose, about.sites)
    return raw


def _day(choose: Choose, days: Sequence[int]) -> int:
    return one_of(choose, days) + one_of(choose, _NEAR)


def _time(choose: Choose, day: int) -> str:
    """Write a date, or a time of it with an offset or on the site's clocks."""
    text = shown_date(day)
    if coin(choose):
        return text
    return f"{text}T{one_of(choose, _CLOCK)}{one_of(choose, ('', '', 'Z', '+09:00', '-05:00'))}"


def _asked(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    """Give a record that some question of the protocol may select."""
    if not about.queries:
        return _value(choose, about, days)
    query = one_of(choose, about.queries)
    for raw in records(about.program, query, choose, vary=True):
        made = {**raw, "time": _time(choose, _day(choose, days))}
        if query.kind in {"condition", "therapy"}:
            made |= _lasting(choose, days)
        if query.kind == "observation" and chance(choose, 70):
            made |= _number(choose, about, made.get("measure", ""))
        if chance(choose, 10) and query.kind not in {"observation", "milestone"}:
            made["absent"] = "yes"
            made = {key: text for key, text in made.items() if key not in {"end", "ongoing", "start", "amount", "unit"}}
        return made
    return _value(choose, about, days)


def _lasting(choose: Choose, days: Sequence[int]) -> dict[str, str]:
    match any_of(choose, (3, "open"), (2, "ongoing"), (2, "ended"), (1, "started")):
        case "ongoing":
            return {"ongoing": "yes"}
        case "ended":
            return {"end": shown_date(max(days) + one_of(choose, _NEAR))}
        case "started":
            return {"start": shown_date(min(days) - 30)}
        case _:
            return {}


def _dose(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    there = slots(about.program)
    if not there:
        return _asked(choose, about, days) if about.queries else _value(choose, about, days)
    name = one_of(choose, tuple(there))
    plan, _ = there[name]
    raw = {"kind": "administration", "drug": plan.drug, "time": _time(choose, _day(choose, days))}
    number = None if plan.amount is None else plan.amount.low if plan.amount.low is not None else plan.amount.high
    text = None if number is None else decimal(number * one_of(choose, (1, 1, 1, 2)))
    raw |= {} if text is None else {"amount": text, "unit": plan.unit}
    if plan.routes:
        raw["route"] = one_of(choose, (*sorted(plan.routes), "oral"))
    match any_of(choose, (10, ""), (4, "named"), (1, "stray"), (1, "not done"), (1, "part")):
        case "named":
            raw["planned"] = name
        case "stray":
            raw["planned"] = f"{plan.name}#9"
        case "not done":
            raw = {key: text for key, text in raw.items() if key not in {"amount", "unit"}}
            raw |= {"done": "no", "planned": name}
        case "part":
            raw["part_of"] = "d"
        case _:
            pass
    return raw


def _value(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    """Give a value of some measure, in some unit, near a limit; sometimes without a unit, or impossible."""
    terms = tuple(term for term in about.program.vocabulary.terms.values() if term.sort == "measure")
    if not terms:
        return _visit(choose, about, days)
    asked = {word for plan in about.program.assessments for word in plan.measures}
    likely = tuple(term for term in terms if term.name in asked) or terms
    term = one_of(choose, likely if chance(choose, 85) else terms)
    raw = {"kind": "observation", "measure": term.name, "time": _time(choose, _day(choose, days))}
    raw |= _number(choose, about, term.name)
    if about.visits and chance(choose, 20):
        raw["visit"] = any_of(choose, (6, one_of(choose, about.visits)), (1, "unscheduled"))
    return raw


def _number(choose: Choose, about: Matter, name: str) -> dict[str, str]:
    """Say the value of a measure: near the limits that the protocol names, in one of its units, exact or not."""
    term = about.program.vocabulary.get(name)
    if term is None:
        return {}
    if term.coded:
        return {"value": one_of(choose, sorted(term.values))}
    usual = usual_numbers(about.program, term) or (step_of(term),)
    said = one_of(choose, [written for number in usual for written in said_in(term, number)] or [{"value": "1"}])
    match any_of(choose, (12, ""), (2, "censored"), (1, "no unit"), (1, "too much")):
        case "censored" if not said["value"].startswith("-") and said["value"] != "0":
            return {**said, "value": f"<{said['value']}"}
        case "no unit" if "unit" in said:
            return {"value": said["value"]}
        case "too much" if term.possible.high is not None:
            return {**said, "value": decimal(term.possible.high * 10_000) or "1"}
        case _:
            return said


def said_in(term: Term, number: Fraction) -> list[dict[str, str]]:
    """Write a number in each unit of a measure in which it is a short decimal."""
    found = []
    for unit in dict.fromkeys((term.unit, *sorted(term.factors))):
        text = decimal(number / term.factors.get(unit, Fraction(1)))
        if text is not None:
            found.append({"value": text, "unit": unit} if unit else {"value": text})
    return found


def _visit(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    raw = {"kind": "milestone", "milestone": "visit", "time": _time(choose, _day(choose, days))}
    return raw | ({"visit": one_of(choose, about.visits)} if about.visits else {})


def _stop(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:  # noqa: ARG001 - all are called alike
    time = _time(choose, _day(choose, days))
    return {"kind": "milestone", "milestone": one_of(choose, _STOPS), "time": time}


def _milestone(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    word = one_of(choose, ("consent", "screening", "enrolment", "version_approved", "screen_failure"))
    raw = {"kind": "milestone", "milestone": word, "time": _time(choose, _day(choose, days))}
    if word in {"consent", "version_approved"}:
        raw["version"] = one_of(choose, (about.program.version, "0.9"))
    return raw


def _adverse_event(choose: Choose, about: Matter, days: Sequence[int]) -> dict[str, str]:
    names = sorted(term.name for term in about.program.vocabulary.terms.values() if term.sort == "adverse_event")
    raw = {"kind": "adverse_event", "time": _time(choose, _day(choose, days))}
    raw |= {"concept": one_of(choose, names)} if names else {"term": "headache"}
    raw["serious"] = one_of(choose, ("yes", "no"))
    return raw | one_of(choose, ({}, {"grade": "3", "scale": "CTCAE v5"}, {"grade": "3"}))


# --- how word of it comes in ------------------------------------------------------------------------------------------


def _arrival(choose: Choose, about: Matter, raw: Raw, days: Sequence[int]) -> int:
    zone = about.program.zone
    when = parse_time(raw["time"], zone)
    day = when.first if when is not None else days[0]
    hour = int(raw["time"][11:13]) if len(raw["time"]) > 12 else 9
    return zone.start_of(day) + hour * 3600 + one_of(choose, _DELAYS)


def _changed(choose: Choose, about: Matter, raw: Raw, at: int, days: Sequence[int]) -> list[tuple[int, Raw]]:
    """Give what comes of a record besides: mostly nothing."""
    number = {"id": raw["id"], "patient": raw["patient"]}
    gone = {**number, "revision": "2", "status": "entered_in_error"}
    after = at + one_of(choose, (0, -3600, 2 * DAY, 9 * DAY, -2 * DAY))
    match any_of(
        choose,
        *(
            (34, "alone"),
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
            return [(after, {**raw, "time": _time(choose, _day(choose, days)), "revision": "1"})]
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


def only(stream_: Stream, patient: str) -> Stream:
    """Keep one patient of a stream."""
    steps = tuple(
        replace(
            step,
            records=tuple(each for each in step.records if each.patient == patient),
            raws=tuple(raw for raw in step.raws if raw["patient"] == patient),
        )
        for step in stream_.steps
    )
    return Stream((patient,), steps)


__all__ = ["ABOUT", "Matter", "Step", "Stream", "begun", "happening", "matter", "only", "stream"]
