"""Beginnings: how a patient of a protocol comes into the trial, made to order or as it usually goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from trialspec.evaluation import Protocol
from trialspec.testing.draft import Raw
from trialspec.testing.generated.choices import Choose, any_of, chance, one_of
from trialspec.testing.generated.records import CALENDARS
from trialspec.testing.happenings import Days, Made, Matter, days_around, number_of, usual_time
from trialspec.testing.made import Patient
from trialspec.testing.making import make
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import Wish, categories, slots
from trialspec.times import parse_time, shift_months, shown_date

USUAL = date(2024, 3, 4).toordinal()


# --- as it usually goes -----------------------------------------------------------------------------------------------


def usual(choose: Choose, about: Matter) -> tuple[list[Made], Days]:
    """Give what a patient's records usually begin with, and the days near which more happens; nobody made it fit.

    The days are such on which clocks change, where they do in the zone of the protocol.
    """
    calendars = [each for each in CALENDARS if each.zone.name == about.program.zone.name]
    today, odd = USUAL + 1, "12:00"
    if calendars:
        calendar = one_of(choose, calendars)
        today, odd = calendar.today, calendar.odd
    days = days_around(choose, about, today - 1, odd=(today, odd))
    first = days.first
    version = any_of(choose, (8, about.program.version), (1, "0.9"))
    enrolled = first - 6 if about.by_dose else first
    raws = [
        {"kind": "milestone", "milestone": "consent", "version": version, "time": shown_date(first - 15)},
        {"kind": "milestone", "milestone": "screening", "time": shown_date(first - 14)},
        {"kind": "milestone", "milestone": "enrolment", "time": f"{shown_date(enrolled)}T10:00"},
    ]
    if chance(choose, 65 if about.sites else 40):
        raws.append(_person(choose, about, first))
    if about.program.arms:
        arm = one_of(choose, about.program.arms)
        raws.append(
            {"kind": "milestone", "milestone": "randomisation", "arm": arm, "time": usual_time(choose, enrolled)}
        )
    # What eligibility may rest on, known to the site in time or not.
    for measure in about.names.get("observation", ())[:2]:
        raw = {"kind": "observation", "measure": measure, **number_of(choose, about, measure, exact=True)}
        if chance(choose, 75):
            raw["available"] = shown_date(enrolled + one_of(choose, (-4, -1, 3)))
        raws.append(raw | {"time": usual_time(choose, first - 13)})
    if about.by_dose:
        raws.append(_first_dose(choose, about, first))
    return [raw for raw in raws if chance(choose, 88)], days


def _person(choose: Choose, about: Matter, first: int) -> Made:
    """Give sex and birth, near an age that is asked for; and a site, where there are several."""
    age = one_of(choose, about.ages)
    near = shift_months(first - one_of(choose, (0, 13, 14, 15)), -12 * age)
    born = one_of(choose, ("1980-05-05", "1980", shown_date(near), shown_date(first - 20)))
    person = {"kind": "person", "sex": one_of(choose, ("female", "male")), "birth": born}
    if about.sites:
        person["site"] = any_of(choose, (8, one_of(choose, about.sites)), (1, "nowhere"))
    return person | {"time": shown_date(first - 15)}


def _first_dose(choose: Choose, about: Matter, first: int) -> Made:
    raw = {"kind": "administration", "time": usual_time(choose, first)}
    for planned in about.doses:
        if planned.day == 1:
            plan = about.slots[planned.name]
            number = None if plan.amount is None else plan.amount.exact
            raw |= {"drug": plan.drug, "amount": "500" if number is None else str(number), "unit": plan.unit}
            return raw | ({"route": min(plan.routes)} if plan.routes else {})
    return raw | {"drug": about.slots[about.doses[0].name].drug if about.doses else "unknown"}


# --- made to order ----------------------------------------------------------------------------------------------------


def ordered(choose: Choose, about: Matter) -> tuple[list[Made], Days]:
    """Give most of the records of a patient made to order, and the days near which more happens."""
    base = begun(choose, about.protocol)
    return [dict(raw) for raw in base if chance(choose, 92)], days_of(choose, about, base)


def days_of(choose: Choose, about: Matter, raws: Sequence[Raw]) -> Days:
    """Give the days of somebody who has these records: near them, and soon after the last, more happens."""
    zone = about.program.zone
    times = [(raw, when.first) for raw in raws if (when := parse_time(raw["time"], zone)) is not None]
    if not times:
        return days_around(choose, about, USUAL)
    kind = "administration" if about.by_dose else "milestone"
    began = [day for raw, day in times if raw.get("kind") == kind and raw.get("milestone", "enrolment") == "enrolment"]
    found = dict.fromkeys(day for _, day in times)
    return days_around(choose, about, min(began or found), (*found, max(found) + 7, max(found) + 14))


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
