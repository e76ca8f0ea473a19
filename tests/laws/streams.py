"""Generated streams: what happens to the patients of a generated protocol, and how word of it comes in.

What happens is about what the protocol speaks of, near the days on which it asks for it. Word of it comes in late,
twice, before its time, corrected, retracted, contradicted, and under an id that somebody else has.
"""

from __future__ import annotations

import json
from datetime import date

from tests.laws.protocols import AMOUNT, Written
from trialspec.events import Record, decode
from trialspec.interpreters.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.testing.streams import Step, Stream
from trialspec.times import DAY, shown_date

Raw = dict[str, str]
NAMES = ("P", "Q", "R")
_CLOCK = ("08:00", "12:00", "00:00", "23:30", "23:59:59", "02:15")
_OFFSETS = ("", "", "Z", "+09:00", "-05:00")
_NEAR = (0, 0, 0, 1, -1, 2, -2, 3, -3, 4, 7, -8)
# How much later than it happened word comes in; sometimes it is announced.
_DELAYS = (0, 0, 0, 1, 3600, DAY, 3 * DAY, 20 * DAY, -2 * DAY)


def record(raw: Raw) -> Record:
    """Read a record."""
    return decode(json.dumps(raw).encode())


def stream(choose: Choose, of: Written, patients: int | None = None, most: int = 4) -> Stream:
    """Give a stream of a protocol's patients, each with at most so many happenings beside a usual beginning."""
    number = any_of(choose, (11, 1), (6, 2), (1, 3)) if patients is None else patients
    names = NAMES[:number]
    arriving: list[tuple[int, Raw]] = []
    for name in names:
        arriving += _patient(choose, of, name, max(2, most - (number - 1)))
    if number > 1 and chance(choose, 50):
        _claim(choose, arriving)
    begun = of.calendar.zone.start_of(of.first - 30)
    arriving = sorted(((max(at, begun), raw) for at, raw in arriving), key=lambda each: each[0])
    return Stream(names, _steps(choose, of, arriving))


def _claim(choose: Choose, arriving: list[tuple[int, Raw]]) -> None:
    """Let a record bear the id of another patient's."""
    index = one_of(choose, [index for index, (_, raw) in enumerate(arriving) if raw.get("kind") != "procedure"])
    at, raw = arriving[index]
    theirs = [other for _, other in arriving if other["patient"] != raw["patient"]]
    others = [other["id"] for other in theirs if other.get("kind") != "procedure"]
    arriving[index] = (at, raw | {"id": one_of(choose, others)})


def _steps(choose: Choose, of: Written, arriving: list[tuple[int, Raw]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    now = min((at for at, _ in arriving), default=of.calendar.zone.start_of(of.first - 20))
    while arriving:
        size = 1
        while size < len(arriving) and (arriving[size][0] == arriving[0][0] or chance(choose, 60)):
            size += 1
        batch, arriving = arriving[:size], arriving[size:]
        now = max(now, batch[0][0])
        steps.append(Step(now, tuple(record(raw) for _, raw in batch), _pace(choose)))
    end = of.calendar.zone.start_of(of.first + one_of(choose, (3, 10, 20, 40, 400)))
    steps.append(Step(max(now, end), (), _pace(choose)))
    return tuple(steps)


def _pace(choose: Choose) -> str:
    return any_of(choose, (3, "jump"), (1, "halts"))


# --- what happens -----------------------------------------------------------------------------------------------------


def _patient(choose: Choose, of: Written, name: str, most: int) -> list[tuple[int, Raw]]:
    """Give the records of a patient, each with the instant at which it comes in.

    The first is of a day before all others, comes in on time and stays: what is told of a patient to whom nothing has
    happened yet is a test of its own.
    """
    raws = [raw for raw in _beginning(choose, of) if chance(choose, 88)]
    raws += [_happening(choose, of) for _ in range(between(choose, 1, most))]
    met = {"kind": "procedure", "concept": "biopsy", "time": shown_date(of.first - 31)}
    met["time"] += one_of(choose, ("", "T12:00Z"))
    arriving = [(of.calendar.zone.start_of(of.first - 30), met | {"id": f"{name.lower()}", "patient": name})]
    for number, raw in enumerate(raws):
        raw |= {"id": f"{name.lower()}{number}", "patient": name}
        if chance(choose, 2):
            raw["time"] = "soon"
        at = _arrival(choose, of, raw)
        arriving.append((at, raw))
        arriving += _changed(choose, of, raw, at)
    return arriving


def _changed(choose: Choose, of: Written, raw: Raw, at: int) -> list[tuple[int, Raw]]:
    """Give what comes of a record besides: mostly nothing."""
    number = {"id": raw["id"], "patient": raw["patient"]}
    gone = {**number, "revision": "2", "status": "entered_in_error"}
    if chance(choose, 50):
        gone["available"] = _time(choose, of, _day(choose, of))
    if "site" in raw and raw.get("kind") == "person" and coin(choose):
        return [(at + one_of(choose, (DAY, 20 * DAY)), {**raw, "site": one_of(choose, of.sites), "revision": "1"})]
    if raw.get("available", "") > raw.get("time", "") and raw.get("kind") == "observation" and chance(choose, 25):
        # Nobody knew before enrolment that it was wrong; word of it may come before what it is about.
        gone["available"] = shown_date(of.first + 2)
        return [(at + one_of(choose, (-2 * DAY, 9 * DAY)), gone)]
    after = at + one_of(choose, (0, -3600, 2 * DAY, 9 * DAY, -2 * DAY))
    match any_of(
        choose,
        *(
            (24, "alone"),
            (4, "corrected"),
            (2, "redated"),
            (3, "retracted"),
            (2, "conflict"),
            (2, "again"),
            (1, "back"),
        ),
    ):
        case "corrected":
            return [(after, {**_happening(choose, of), **number, "revision": "1"})]
        case "redated":
            return [(after, {**raw, "time": _time(choose, of, _day(choose, of)), "revision": "1"})]
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
    return {"time": shown_date(_ordinal(raw["time"]) + one_of(choose, (1, -1, 2)))} if raw["time"] != "soon" else {}


def _arrival(choose: Choose, of: Written, raw: Raw) -> int:
    zone = of.calendar.zone
    try:
        day = _ordinal(raw["time"])
    except ValueError:
        day = of.first
    time = raw["time"]
    hour = int(time[11:13]) if len(time) > 12 else 9
    return zone.start_of(day) + hour * 3600 + one_of(choose, _DELAYS)


def _ordinal(text: str) -> int:
    return date.fromisoformat(text[:10] if len(text) >= 10 else f"{text[:7]}-01").toordinal()


def _time(choose: Choose, of: Written, day: int) -> str:
    """Write a date, or a time of it.

    A month is for what decides no date but its own: of what doses and visits are counted from, each of its dates would
    be a world of its own, and that is left to the laws of single questions.
    """
    text = shown_date(day)
    if coin(choose):
        return text
    clock = of.calendar.odd if day == of.calendar.today and coin(choose) else one_of(choose, _CLOCK)
    return f"{text}T{clock}{one_of(choose, _OFFSETS)}"


def _day(choose: Choose, of: Written, days: tuple[int, ...] = ()) -> int:
    """Give a date near one that the protocol names."""
    days = days or (1, 8, 15, *(day for _, _, day in of.slots), *(day for _, day in of.visits), -7, 20)
    return of.first + one_of(choose, days) - 1 + one_of(choose, _NEAR)


def _beginning(choose: Choose, of: Written) -> list[Raw]:
    first = of.first
    version = any_of(choose, (8, "1.0.0"), (1, "0.9"))
    enrolled = first - 6 if of.by_dose else first
    raws = [
        {"kind": "milestone", "milestone": "consent", "version": version, "time": shown_date(first - 15)},
        {"kind": "milestone", "milestone": "screening", "time": shown_date(first - 14)},
        {"kind": "milestone", "milestone": "enrolment", "time": f"{shown_date(enrolled)}T10:00"},
    ]
    if chance(choose, 65 if of.sites else 40):
        born = one_of(choose, ("1980-05-05", "1980", shown_date(first - 18 * 365 - 4), shown_date(first - 20)))
        person = {"kind": "person", "sex": one_of(choose, ("female", "male")), "birth": born}
        if of.sites:
            person["site"] = any_of(choose, (4, "here"), (4, "there"), (1, "nowhere"))
        raws.append(person | {"time": shown_date(first - 15)})
    if of.arms:
        randomised = {"kind": "milestone", "milestone": "randomisation", "arm": any_of(choose, (4, "one"), (4, "two"))}
        raws.append(randomised | {"time": _usual(choose, enrolled)})
    # What eligibility may rest on, known to the site in time or not.
    for measure in ("m", "n"):
        value = {"kind": "observation", "measure": measure, "value": one_of(choose, ("1", "2", "3")), "unit": "g"}
        known = {"available": shown_date(enrolled + one_of(choose, (-4, -1, 3)))} if chance(choose, 75) else {}
        raws.append(value | known | {"time": _usual(choose, first - 13)})
    if of.by_dose:
        raws.append(
            {"kind": "administration", "drug": "alpha", "amount": "500", "unit": "mg", "time": _usual(choose, first)}
        )
    return raws


def _usual(choose: Choose, day: int) -> str:
    return shown_date(day) if coin(choose) else f"{shown_date(day)}T{one_of(choose, _CLOCK)}"


def _happening(choose: Choose, of: Written) -> Raw:
    """Give a record of something, without an id."""
    raw: Raw = any_of(
        choose,
        *((9, _dose), (9, _value), (2, _visit), (2, _stop), (2, _therapy), (2, _condition), (3, _adverse_event)),
        *((1, _calm), (2 if of.arms else 1, _milestone)),
    )(choose, of)
    if chance(choose, 40):
        raw["available"] = _time(choose, of, _day(choose, of)) if coin(choose) else raw["time"]
    if of.sites and chance(choose, 25):
        raw["site"] = one_of(choose, of.sites)
    return raw


def _dose(choose: Choose, of: Written) -> Raw:
    slot, drug, day = one_of(choose, of.slots)
    amount = any_of(choose, (8, AMOUNT[drug]), (1, "600"), (1, "0.5"))
    raw = {"kind": "administration", "drug": drug, "amount": amount, "unit": "g" if amount == "0.5" else "mg"}
    raw["time"] = _time(choose, of, _day(choose, of, (day,)))
    match any_of(
        choose, (12, ""), (3, "named"), (1, "stray"), (1, "not done"), (1, "other"), (1, "route"), (1, "part")
    ):
        case "named":
            raw["planned"] = slot
        case "stray":
            raw["planned"] = f"{slot[0]}#9"
        case "not done":
            raw |= {"done": "no", "planned": slot}
        case "other":
            raw |= {"drug": one_of(choose, tuple(AMOUNT)), "planned": slot}
        case "route":
            raw["route"] = one_of(choose, ("oral", "intravenous"))
        case "part":
            raw |= {"part_of": "d", "amount": "250"}
        case _:
            pass
    if len(raw["time"]) > 10 and chance(choose, 20):
        raw |= {"end": raw["time"][:11] + "23:59", "rate": one_of(choose, ("100", "400")) + " mg/h"}
        if not raw["time"].endswith(("0", "9", "5")):
            del raw["end"]
    return raw


def _value(choose: Choose, of: Written) -> Raw:
    measure = one_of(choose, ("m", "m", "n", "test"))
    days = tuple(day for _, day in of.visits)
    raw = {"kind": "observation", "measure": measure, "time": _time(choose, of, _day(choose, of, days))}
    if measure == "test":
        return raw | {"value": any_of(choose, (4, "positive"), (4, "negative"), (1, "perhaps"))}
    raw["value"], raw["unit"] = one_of(choose, ("2", "1.5", "3", "0.5", "2.1", "<2", "4")), "g"
    match any_of(choose, (9, ""), (2, "mg"), (1, "no unit"), (1, "too much")):
        case "mg":
            raw |= {"value": one_of(choose, ("2000", "1999", "500", "4000")), "unit": "mg"}
        case "no unit":
            del raw["unit"]
        case "too much":
            raw["value"] = "900"
        case _:
            pass
    if of.visits and chance(choose, 20):
        raw["visit"] = any_of(choose, (6, one_of(choose, of.visits)[0]), (1, "unscheduled"), (1, "bse"))
    if chance(choose, 10):
        raw["method"] = one_of(choose, ("strip", "tube"))
    if coin(choose):
        raw["laboratory"] = any_of(choose, (4, "A"), (1, "B"))
    return raw


def _visit(choose: Choose, of: Written) -> Raw:
    raw = {"kind": "milestone", "milestone": "visit"}
    if not of.visits:
        return raw | {"time": _time(choose, of, _day(choose, of))}
    name, day = one_of(choose, of.visits)
    return raw | {"visit": name, "time": _time(choose, of, _day(choose, of, (day,)))}


def _stop(choose: Choose, of: Written) -> Raw:
    words = ("treatment_stopped", "consent_withdrawn", "left_study", "death", "lost")
    return {"kind": "milestone", "milestone": one_of(choose, words), "time": _time(choose, of, _day(choose, of))}


def _milestone(choose: Choose, of: Written) -> Raw:
    if of.arms and chance(choose, 70):
        arm = any_of(choose, (4, "one"), (4, "two"), (1, "tow"))
        if chance(choose, 30):
            return {"kind": "person", "arm": arm, "time": shown_date(of.first - 10)}
        days = (-7, 1, 8, 15)
        raw = {"kind": "milestone", "milestone": "randomisation", "time": _time(choose, of, _day(choose, of, days))}
        return raw | ({"arm": arm} if chance(choose, 80) else {})
    word = one_of(choose, ("consent", "screening", "enrolment", "version_approved", "screen_failure"))
    raw = {"kind": "milestone", "milestone": word, "time": _time(choose, of, _day(choose, of, (-14, -7, 1)))}
    if word in {"consent", "version_approved"}:
        raw["version"] = one_of(choose, ("1.0.0", "0.9"))
    return raw


def _therapy(choose: Choose, of: Written) -> Raw:
    time = _time(choose, of, _day(choose, of))
    drug = any_of(choose, (4, "prednisone"), (2, "strong"), (1, "steroid"))
    raw = {"kind": "therapy", "drug": drug, "time": time[:7] if chance(choose, 10) else time}
    raw |= any_of(choose, (2, {}), (3, {"dose": "8", "unit": "mg/d"}), (3, {"dose": "4", "unit": "mg/d"}))
    return raw | _lasting(choose, of) | one_of(choose, ({}, {"outcome": "relapse"}, {"outcome": "response"}))


def _condition(choose: Choose, of: Written) -> Raw:
    concept = one_of(choose, ("illness", "infection"))
    raw = {"kind": "condition", "concept": concept, "time": _time(choose, of, _day(choose, of, (-14, -7, 1, 8)))}
    return raw | (_lasting(choose, of) if chance(choose, 85) else {"absent": "true"})


def _lasting(choose: Choose, of: Written) -> Raw:
    match any_of(choose, (3, "open"), (2, "ongoing"), (2, "ended"), (1, "started")):
        case "ongoing":
            return {"ongoing": "yes"}
        case "ended":
            return {"end": _time(choose, of, of.first + 21 + one_of(choose, _NEAR))}
        case "started":
            return {"start": shown_date(of.first - 30)}
        case _:
            return {}


def _adverse_event(choose: Choose, of: Written) -> Raw:
    time = _time(choose, of, _day(choose, of))
    raw = {"kind": "adverse_event", "concept": "rash", "term": "rash", "time": time[:7] if chance(choose, 15) else time}
    raw |= one_of(choose, ({}, {"serious": "yes"}, {"serious": "yes"}, {"serious": "no"}))
    raw |= one_of(choose, ({}, {"grade": "2", "scale": "CTCAE v5"}))
    if coin(choose):
        raw["recorded"] = _time(choose, of, _day(choose, of))
    return raw


def _calm(choose: Choose, of: Written) -> Raw:
    drug = one_of(choose, ("calm", "prednisone"))
    raw = {"kind": "administration", "drug": drug, "amount": "10", "unit": "mg"}
    return raw | {"time": _usual(choose, _day(choose, of))}
