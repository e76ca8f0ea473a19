"""Happenings: single records of what a protocol speaks of, or of what any patient may have, near the days it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.kernel import Arithmetic, Compare, Constant, Daily, Moment, Point, Select, Shift, parts_of
from trialspec.patient import Kind
from trialspec.program import DosePlan, Program
from trialspec.quantity import Interval
from trialspec.testing.draft import named
from trialspec.testing.generated.choices import Choose, any_of, chance, coin, one_of
from trialspec.testing.wishes import slots
from trialspec.testing.writing import decimal, numbers_near, records, step_of, usual_numbers
from trialspec.times import shown_date
from trialspec.vocabulary import Term

_CLOCK = ("08:00", "12:00", "00:00", "23:30", "23:59:59", "02:15")
_OFFSETS = ("", "", "Z", "+09:00", "-05:00")
_NEAR = (0, 0, 0, 1, -1, 2, -2, 3, -3, 4, 7, -8)
_STOPS = ("treatment_stopped", "consent_withdrawn", "left_study", "death", "lost")
_SORTS: Mapping[Kind, str] = {
    "observation": "measure",
    "administration": "drug",
    "therapy": "drug",
    "condition": "condition",
    "adverse_event": "adverse_event",
    "procedure": "procedure",
}


# --- what a protocol speaks of ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """Something that is planned: its name and its day, where the first of the trial is 1."""

    name: str
    day: int


@dataclass(frozen=True)
class Matter:
    """What a protocol speaks of: what its patients' records may be about.

    `names` are, by kind, the names that its questions are about; `ages` the ages in years that it asks for.
    """

    protocol: Protocol
    queries: tuple[Select, ...]
    visits: tuple[Planned, ...]
    doses: tuple[Planned, ...]
    slots: Mapping[str, DosePlan]
    sites: tuple[str, ...]
    names: Mapping[Kind, tuple[str, ...]]
    ages: tuple[int, ...]
    daily: tuple[Fraction, ...]
    by_dose: bool

    @property
    def program(self) -> Program:
        """The protocol, compiled."""
        return self.protocol.program

    @property
    def long(self) -> bool:
        """Whether the plan is so long that each record in doubt multiplies the ways in which it must be read."""
        return len(self.doses) > _LONG


# The founding protocol plans four doses, generated ones at most nine.
_LONG = 9
_matters: dict[int, Matter] = {}


def matter(protocol: Protocol) -> Matter:
    """Give what a protocol speaks of; what it asks of records that its patients can have, each question once."""
    found = _matters.get(id(protocol))
    if found is None:
        if len(_matters) > 50:
            _matters.clear()
        found = _matters[id(protocol)] = _matter(protocol)
    return found


def _matter(protocol: Protocol) -> Matter:
    program = protocol.program
    asked = (program.criteria, program.gates, program.responses, program.therapies, program.moments)
    beside = [(plan.premedication, plan.amounts, plan.only_if) for plan in program.doses]
    values = [(each.dated_by, each.value) for each in program.derived]
    queries = tuple(dict.fromkeys(parts_of((asked, beside, values), Select)))
    there = slots(program)
    first = program.moments.get("day_1")
    by_dose = first is not None and first.of.kind == "administration"
    return Matter(
        protocol,
        tuple(query for query in queries if query.kind != "person"),
        tuple(Planned(plan.name, _visit_day(plan.on, plan.window.start, plan.window.end)) for plan in program.visits),
        tuple(Planned(name, _slot_day(plan, number)) for name, (plan, number) in there.items()),
        {name: plan for name, (plan, _) in there.items()},
        tuple(program.sites),
        _names(program, queries),
        _ages(program),
        tuple(dict.fromkeys(number for node in parts_of(program, Daily) for number in _limits(node))),
        by_dose,
    )


def _names(program: Program, queries: Iterable[Select]) -> Mapping[Kind, tuple[str, ...]]:
    """Give the leaves that questions are about: drugs in place of a class of them, measures that somebody takes."""
    found: dict[Kind, dict[str, None]] = {}
    derived = {each.measure for each in program.derived}
    for query in queries:
        sort = _SORTS.get(query.kind)
        for word in sorted(named(query) or ()):
            for name in sorted(program.vocabulary.under(word)):
                term = program.vocabulary.get(name)
                if term is not None and term.sort == sort and name not in derived:
                    found.setdefault(query.kind, {})[name] = None
    for plan in program.assessments:
        found.setdefault("observation", {}).update(dict.fromkeys(each for each in plan.measures if each not in derived))
    return {kind: tuple(names) for kind, names in found.items()}


def _ages(program: Program) -> tuple[int, ...]:
    found = []
    for node in parts_of(program, Compare):
        if isinstance(node.left, Arithmetic) and node.left.how == "years" and isinstance(node.right, Constant):
            limit = node.right.value
            number = limit.exact if isinstance(limit, Interval) else None
            if number is not None and number.denominator == 1:
                found.append(int(number))
    return tuple(dict.fromkeys(found)) or (18,)


def _limits(node: Daily) -> Iterable[Fraction]:
    limit = None if node.holds is None else node.holds.against.value
    if isinstance(limit, Interval) and limit.exact is not None:
        yield limit.exact


def _day(point: Point | None) -> int | None:
    """Give the day of a point in the trial, about; nothing where it is counted from no moment."""
    match point:
        case Moment():
            return -13 if "screen" in point.name else 1
        case Shift(inner, by, earlier):
            day = _day(inner)
            length = by.days if by.days is not None else by.months * 30 if by.months is not None else 0
            return None if day is None else day + (-length if earlier else length)
        case _:
            return None


def _visit_day(on: Point | None, start: Point | None, end: Point | None) -> int:
    days = [day for day in (_day(on), _day(end), _day(start)) if day is not None]
    return days[0] if days else 1


def _slot_day(plan: DosePlan, number: int) -> int:
    if plan.interval is not None:
        every = plan.interval.days if plan.interval.days is not None else (plan.interval.months or 0) * 30
        return (_day(plan.planned[0]) or 1) + every * (number - 1)
    return _day(plan.planned[number - 1]) or 1


# --- near which days --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Days:
    """The date of a patient's first day, those near which things happen, and an odd hour of one of them.

    `doses` and `visits` are what is planned of late: of a long plan things happen in one part of it.
    """

    first: int
    near: tuple[int, ...]
    doses: tuple[Planned, ...]
    visits: tuple[Planned, ...]
    odd: tuple[int, str] = (0, "")


_FEW = 6
_LATELY = 30


def days_around(
    choose: Choose, about: Matter, first: int, near: Sequence[int] = (), odd: tuple[int, str] = (0, "")
) -> Days:
    """Give the days of a patient whose first day is given; without any near which things happen, those of the plan."""
    doses, visits = about.doses, about.visits
    if len(doses) + len(visits) > _FEW:
        middle = one_of(choose, sorted(each.day for each in (*doses, *visits)))
        doses, visits = (
            tuple(each for each in planned if abs(each.day - middle) <= _LATELY) for planned in (doses, visits)
        )
    named_days = (1, 8, 15, *(each.day for each in doses), *(each.day for each in visits), -7, 20)
    return Days(first, tuple(near) or tuple(first + day - 1 for day in named_days), doses, visits, odd)


def day_near(choose: Choose, days: Days, named_days: Sequence[int] = ()) -> int:
    """Give a date near one that the protocol names, or near one of these days of the trial."""
    if named_days:
        return days.first + one_of(choose, named_days) - 1 + one_of(choose, _NEAR)
    return one_of(choose, days.near) + one_of(choose, _NEAR)


def time_of(choose: Choose, days: Days, day: int) -> str:
    """Write a date, or a time of it with an offset or on the site's clocks.

    A month is for what decides no date but its own: of what doses and visits are counted from, each of its dates would
    be a world of its own, and that is left to the laws of single questions.
    """
    text = shown_date(day)
    if coin(choose):
        return text
    clock = days.odd[1] if day == days.odd[0] and coin(choose) else one_of(choose, _CLOCK)
    return f"{text}T{clock}{one_of(choose, _OFFSETS)}"


def usual_time(choose: Choose, day: int) -> str:
    """Write a date, or a time of it on the site's clocks."""
    return shown_date(day) if coin(choose) else f"{shown_date(day)}T{one_of(choose, _CLOCK)}"


# --- what happens -----------------------------------------------------------------------------------------------------

Made = dict[str, str]


def happening(choose: Choose, about: Matter, days: Days) -> Made:
    """Give a record of something that the protocol speaks of, or that any patient may have; without an id."""
    made: Callable[[Choose, Matter, Days], Made] = any_of(
        choose,
        *((9, _dose), (9, _value), (5, _asked), (2, _visit), (2, _stop), (2, _therapy), (2, _condition)),
        *((3, _adverse_event), (1, _given), (2 if about.program.arms else 1, _milestone)),
    )
    raw = made(choose, about, days)
    if chance(choose, 40):
        raw["available"] = time_of(choose, days, day_near(choose, days)) if coin(choose) else raw["time"]
    if about.sites and chance(choose, 25):
        raw["site"] = one_of(choose, about.sites)
    return raw


def _name(choose: Choose, about: Matter, kind: Kind) -> str | None:
    """Give a name of a kind: mostly one that the protocol asks for."""
    asked = about.names.get(kind, ())
    if asked and chance(choose, 85):
        return one_of(choose, asked)
    derived = {each.measure for each in about.program.derived}
    terms = about.program.vocabulary.terms.values()
    every = [term.name for term in terms if term.sort == _SORTS[kind] and term.name not in derived]
    return one_of(choose, every) if every else None


def _asked(choose: Choose, about: Matter, days: Days) -> Made:
    """Give a record that some question of the protocol may select."""
    if not about.queries:
        return _value(choose, about, days)
    query = one_of(choose, about.queries)
    for raw in records(about.program, query, choose, vary=True):
        made = {**raw, "time": time_of(choose, days, day_near(choose, days))}
        if query.kind in {"condition", "therapy"}:
            made |= _lasting(choose, days)
        if query.kind == "observation" and chance(choose, 70):
            made |= number_of(choose, about, made.get("measure", ""))
        if chance(choose, 10) and query.kind not in {"observation", "milestone"}:
            made["absent"] = "yes"
            made = {key: text for key, text in made.items() if key not in {"end", "ongoing", "start", "amount", "unit"}}
        return made
    return _value(choose, about, days)


def _lasting(choose: Choose, days: Days) -> Made:
    match any_of(choose, (3, "open"), (2, "ongoing"), (2, "ended"), (1, "started")):
        case "ongoing":
            return {"ongoing": "yes"}
        case "ended":
            return {"end": time_of(choose, days, max(days.near) + one_of(choose, _NEAR))}
        case "started":
            return {"start": shown_date(days.first - 30)}
        case _:
            return {}


def _dose(choose: Choose, about: Matter, days: Days) -> Made:
    if not about.doses:
        return _asked(choose, about, days)
    planned = one_of(choose, days.doses or about.doses)
    plan = about.slots[planned.name]
    drugs = sorted(name for name in plan.drugs if (term := about.program.vocabulary.get(name)) and term.sort == "drug")
    drug = plan.drug if plan.drug in drugs or not drugs else one_of(choose, drugs)
    raw = {"kind": "administration", "drug": drug}
    raw |= _amount(choose, about, plan, drug)
    raw["time"] = time_of(choose, days, day_near(choose, days, (planned.day,)))
    if plan.routes and chance(choose, 75):
        raw["route"] = min(plan.routes)
    match any_of(
        choose, (12, ""), (3, "named"), (1, "stray"), (1, "not done"), (1, "other"), (1, "route"), (1, "part")
    ):
        case "named":
            raw["planned"] = planned.name
        case "stray":
            # It may be any of those that are planned.
            raw |= {} if about.long else {"planned": f"{plan.name}#99"}
        case "not done":
            raw |= {"done": "no", "planned": planned.name}
        case "other":
            raw |= {"drug": about.slots[one_of(choose, about.doses).name].drug, "planned": planned.name}
        case "route":
            raw["route"] = one_of(choose, ("oral", "intravenous"))
        case "part":
            raw |= {"part_of": "d"}
        case _:
            pass
    if len(raw["time"]) > 10 and chance(choose, 20):
        rate = one_of(choose, ("100", "400")) + " " + (plan.rate_unit or f"{plan.unit}/h")
        raw |= {"rate": rate} | ({"end": raw["time"][:11] + "23:59"} if raw["time"][-1] in "095" else {})
    return raw


def _amount(choose: Choose, about: Matter, plan: DosePlan, drug: str) -> Made:
    """Give how much was given: mostly what is planned, where that is known."""
    number = None if plan.amount is None else plan.amount.low if plan.amount.low is not None else plan.amount.high
    number = Fraction(500) if number is None else number
    number = number * any_of(choose, (8, Fraction(1)), (1, Fraction(6, 5)), (1, Fraction(1, 2)))
    term = about.program.vocabulary.get(drug)
    units = (plan.unit,) if term is None else tuple(dict.fromkeys((term.unit, *sorted(term.factors))))
    unit = units[0] if chance(choose, 90) else one_of(choose, units)
    text = decimal(number / (Fraction(1) if term is None else term.factors.get(unit, Fraction(1))))
    return {} if text is None or not unit else {"amount": text, "unit": unit}


def _value(choose: Choose, about: Matter, days: Days) -> Made:
    """Give a value of some measure, in some unit, near a limit; sometimes without a unit, or impossible."""
    name = _name(choose, about, "observation")
    if name is None:
        return _visit(choose, about, days)
    on = tuple(each.day for each in days.visits)
    raw = {"kind": "observation", "measure": name, "time": time_of(choose, days, day_near(choose, days, on))}
    raw |= number_of(choose, about, name)
    if days.visits and chance(choose, 20):
        raw["visit"] = any_of(choose, (6, one_of(choose, days.visits).name), (1, "unscheduled"), (1, "no_such_visit"))
    ways = sorted({way for plan in about.program.assessments for way in plan.methods.get(name, ())})
    if ways and chance(choose, 20):
        raw["method"] = one_of(choose, (*ways, "by_hand"))
    if coin(choose):
        raw["laboratory"] = any_of(choose, (4, "A"), (1, "B"))
    return raw


def number_of(choose: Choose, about: Matter, name: str, *, exact: bool = False) -> Made:
    """Say the value of a measure: near the limits that the protocol names, in one of its units, perhaps not exact."""
    term = about.program.vocabulary.get(name)
    if term is None:
        return {}
    if term.coded:
        word = one_of(choose, sorted(term.values))
        return {"value": any_of(choose, (8, word), (0 if exact else 1, "perhaps"))}
    usual = numbers_near(about.program, term)
    if not usual or chance(choose, 10):
        usual = usual_numbers(about.program, term) or (step_of(term),)
    said = one_of(choose, said_in(term, one_of(choose, usual)) or [{"value": "1"}])
    way = any_of(choose, (12, ""), (2, "censored"), (1, "no unit"), (1, "too much"))
    match "" if exact else way:
        case "censored" if not said["value"].startswith("-") and said["value"] != "0":
            return {**said, "value": f"<{said['value']}"}
        case "no unit" if "unit" in said:
            return {"value": said["value"]}
        case "too much" if term.possible.high is not None:
            return {**said, "value": decimal(term.possible.high * 10_000) or "1"}
        case _:
            return said


def said_in(term: Term, number: Fraction) -> list[Made]:
    """Write a number in each unit of a measure in which it is a short decimal."""
    found = []
    for unit in dict.fromkeys((term.unit, *sorted(term.factors))):
        text = decimal(number / term.factors.get(unit, Fraction(1)))
        if text is not None:
            found.append({"value": text, "unit": unit} if unit else {"value": text})
    return found


def _visit(choose: Choose, about: Matter, days: Days) -> Made:
    raw = {"kind": "milestone", "milestone": "visit"}
    if not about.visits:
        return raw | {"time": time_of(choose, days, day_near(choose, days))}
    planned = one_of(choose, days.visits or about.visits)
    return raw | {"visit": planned.name, "time": time_of(choose, days, day_near(choose, days, (planned.day,)))}


def _stop(choose: Choose, about: Matter, days: Days) -> Made:  # noqa: ARG001 - all are called alike
    time = time_of(choose, days, day_near(choose, days))
    return {"kind": "milestone", "milestone": one_of(choose, _STOPS), "time": time}


def _milestone(choose: Choose, about: Matter, days: Days) -> Made:
    arms = about.program.arms
    if arms and chance(choose, 70):
        arm = any_of(choose, (8, one_of(choose, arms)), (1, "no_such_arm"))
        if chance(choose, 30):
            return {"kind": "person", "arm": arm, "time": shown_date(days.first - 10)}
        raw = {"kind": "milestone", "milestone": "randomisation"}
        raw["time"] = time_of(choose, days, day_near(choose, days, (-7, 1, 8, 15)))
        return raw | ({"arm": arm} if chance(choose, 80) else {})
    word = one_of(choose, ("consent", "screening", "enrolment", "version_approved", "screen_failure"))
    raw = {"kind": "milestone", "milestone": word}
    raw["time"] = time_of(choose, days, day_near(choose, days, (-14, -7, 1)))
    if word in {"consent", "version_approved"}:
        raw["version"] = one_of(choose, (about.program.version, "0.9"))
    return raw


def _therapy(choose: Choose, about: Matter, days: Days) -> Made:
    drug = _name(choose, about, "therapy")
    if drug is None:
        return _condition(choose, about, days)
    time = time_of(choose, days, day_near(choose, days))
    raw = {"kind": "therapy", "drug": drug, "time": time[:7] if chance(choose, 10) else time}
    term = about.program.vocabulary.get(drug)
    if term is not None and term.unit and chance(choose, 75):
        limit = one_of(choose, about.daily or (Fraction(6),))
        text = decimal(limit * one_of(choose, (Fraction(4, 5), Fraction(8, 5), Fraction(1))))
        raw |= {} if text is None else {"dose": text, "unit": f"{term.unit}/d"}
    return raw | _lasting(choose, days) | one_of(choose, ({}, {"outcome": "relapse"}, {"outcome": "response"}))


def _condition(choose: Choose, about: Matter, days: Days) -> Made:
    concept = _name(choose, about, "condition")
    if concept is None:
        return _value(choose, about, days)
    raw = {"kind": "condition", "concept": concept}
    raw["time"] = time_of(choose, days, day_near(choose, days, (-14, -7, 1, 8)))
    return raw | (_lasting(choose, days) if chance(choose, 85) else {"absent": "true"})


def _adverse_event(choose: Choose, about: Matter, days: Days) -> Made:
    concept = _name(choose, about, "adverse_event")
    time = time_of(choose, days, day_near(choose, days))
    raw = {"kind": "adverse_event", "term": "headache", "time": time[:7] if chance(choose, 15) else time}
    raw |= {} if concept is None else {"concept": concept, "term": concept}
    raw |= one_of(choose, ({}, {"serious": "yes"}, {"serious": "yes"}, {"serious": "no"}))
    raw |= one_of(
        choose, ({}, {"grade": "2", "scale": "CTCAE v5"}, {"grade": "3", "scale": "CTCAE v5"}, {"grade": "3"})
    )
    if coin(choose):
        raw["recorded"] = time_of(choose, days, day_near(choose, days))
    return raw


def _given(choose: Choose, about: Matter, days: Days) -> Made:
    """Give a dose of something that is not planned."""
    drug = _name(choose, about, "administration")
    if drug is None:
        return _value(choose, about, days)
    term = about.program.vocabulary.get(drug)
    amount = {} if term is None or not term.unit else {"amount": "10", "unit": term.unit}
    return {"kind": "administration", "drug": drug, **amount, "time": usual_time(choose, day_near(choose, days))}
