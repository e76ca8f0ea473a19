"""Generated protocols: small, and of the language's width, as the text that a person would write.

Each is loaded by the loader that everybody uses. Few names, so that what happens to generated patients is what their
protocol speaks of. What a `Written` says beside its text is for whoever makes records for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trialspec import document
from trialspec.compile import compile_protocol
from trialspec.evaluation import Protocol
from trialspec.interpreters.generated.choices import Choose, any_of, chance, coin, one_of
from trialspec.interpreters.generated.records import CALENDARS, Calendar
from trialspec.load import load_written

Plain = dict[str, Any]

# A second site lies so far away that a date there is seldom the same.
FAR_AWAY = "America/New_York"
AMOUNT = {"alpha": "500", "beta": "750"}
VOCABULARY: Plain = {
    "measures": {
        "m": {"label": "m", "unit": "g", "units": {"mg": "0.001"}, "possible": {"at_least": "0 g", "at_most": "100 g"}},
        "n": {"label": "n", "unit": "g", "units": {"mg": "0.001"}, "possible": {"at_least": "0 g", "at_most": "100 g"}},
        "test": {"label": "test", "values": ["positive", "negative"]},
        # Nobody records these: they are made of the others, and of each other.
        "made": {
            "label": "made",
            "unit": "g",
            "units": {"mg": "0.001"},
            "derived": {
                "dated_by": "m",
                "inputs": {
                    "m": {"latest": "m", "unit": "mg"},
                    "n": {"latest": "n", "within": "7 d"},
                    "old": {"when": {"age": "now", "at_least": "18 y"}, "then": "1", "otherwise": "0.5"},
                },
                "formula": {"multiply": ["old", {"power": [{"divide": ["m", "1000"]}, "0.5"]}, {"add": ["n", "1"]}]},
                "rounded_to": "0.5 g",
            },
        },
        "scored": {
            "label": "scored",
            "unit": "g",
            "units": {"mg": "0.001"},
            "derived": {
                "dated_by": ["m", "n"],
                "score": {
                    "items": {
                        "made": {"weight": "2", "when": {"latest": "made", "from": "14 d before now", "above": "2 g"}},
                        "test": {"weight": "1", "when": {"latest": "test", "is": "positive"}},
                        "ill": {"weight": "-1", "when": {"has": "illness", "from": "screened"}},
                    }
                },
            },
        },
    },
    "drug_classes": {"greek": {"label": "greek"}, "steroid": {"label": "steroid"}},
    "drugs": {
        "alpha": {"label": "alpha", "unit": "mg", "units": {"g": "1000"}, "is_a": "greek"},
        "beta": {"label": "beta", "unit": "mg", "units": {"g": "1000"}, "is_a": "greek"},
        "calm": {"label": "calm", "unit": "mg", "half_life": "3 d"},
        "prednisone": {"label": "prednisone", "unit": "mg", "is_a": "steroid"},
        "strong": {"label": "strong", "unit": "mg", "is_a": "steroid", "equivalents": {"prednisone": ["4 mg", "5 mg"]}},
    },
    "concepts": {
        "illness": {"label": "illness", "kind": "condition"},
        "infection": {"label": "infection", "kind": "condition"},
        "rash": {"label": "rash", "kind": "adverse_event"},
        "biopsy": {"label": "biopsy", "kind": "procedure"},
    },
}


def _rule(subject: str, lasts: str, **when: str | list[str]) -> Plain:
    return {"for_each": subject, "when": when, "urgency": "log", "important": "no", "lasts": lasts, "say": "It is so"}


# Rules that the library has no need of: with them every subject's findings are seen in the alerts.
OWN_RULES: Plain = {
    "own/met": _rule("criterion", "while_true", verdict="met"),
    "own/open": _rule("criterion", "while_true", verdict="unknown"),
    "own/eligible": _rule("eligibility", "while_true", now="eligible"),
    "own/known": _rule("eligibility", "while_true", as_known="eligible"),
    "own/unknown": _rule("eligibility", "while_true", as_known="undetermined"),
    "own/held": _rule("gate", "while_true", verdict="not_met"),
    "own/cleared": _rule("gate", "for_ever", verdict="met"),
    "own/due": _rule("dose", "while_true", state="due"),
    "own/complete": _rule("course", "while_true", complete="yes"),
    "own/incomplete": _rule("course", "while_true", complete="no"),
    "own/part": _rule("component", "while_true", verdict=["met", "not_met"]),
    "own/part-open": _rule("component", "while_true", verdict="unknown"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A protocol as text, and what its patients' records may be about.

    `slots` are the planned doses: name, drug, day (`day 1` is 1); `visits` the planned visits: name, day.
    """

    text: str
    calendar: Calendar
    sites: tuple[str, ...]
    slots: tuple[tuple[str, str, int], ...]
    visits: tuple[tuple[str, int], ...]
    by_dose: bool
    arms: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """The date on which a usual patient's first day falls."""
        return self.calendar.today - 1

    @property
    def protocol(self) -> Protocol:
        """The protocol, loaded."""
        return loaded(self.text)

    def __repr__(self) -> str:
        """Show the text: it is what a counterexample needs."""
        return f"\n{self.text}"


@lru_cache(maxsize=256)
def loaded(text: str) -> Protocol:
    """Load a protocol from its text, once."""
    node, wrong = document.read(text, "generated.yaml")
    assert node is not None, wrong
    compiled = compile_protocol(load_written(node, Path("generated.yaml")))
    return Protocol(compiled.program, compiled.rulebook, compiled.warnings)


def written(choose: Choose) -> Written:
    """Give a protocol."""
    calendar = one_of(choose, CALENDARS)
    sites = ("here", "there") if chance(choose, 30) else ()
    by_dose = coin(choose)
    plain: Plain = {
        "language": "1",
        "protocol": "generated",
        "title": "Generated",
        "version": "1.0.0",
        "zone": calendar.zone.name,
        "use": ["rules/deviations"],
        "silence_means_no": _silence(choose),
        "moments": {
            "enrolled": {"first": "enrolment"},
            "screened": {"last": "screening", "through": "enrolled"},
            "day_1": {"first": "alpha", "from": "screened"} if by_dose else {"first": "enrolment"},
            "last_greek": {"last": "greek", "before": "dose"},
        },
        "eligibility": _eligibility(choose),
    }
    arms = ("one", "two") if chance(choose, 20) else ()
    if arms:
        plain["arms"] = {arm: {"text": arm} for arm in arms}
        plain["eligibility"]["include"]["I3"] = {"not": {"arm": "two"}}
    if sites:
        plain["sites"] = {"here": {"zone": calendar.zone.name}, "there": {"zone": FAR_AWAY}}
    gates = _gates(choose)
    doses, slots = _doses(choose, tuple(gates), by_dose=by_dose)
    _for_some(choose, arms, doses)
    if gates and any("give_only_if" in dose for dose in doses.values()):
        plain["gates"] = gates
    plain["doses"] = doses
    if doses and chance(choose, 60):
        # The last window may begin on its last day.
        last = max(day for _, _, day in slots)
        plain["course"] = {"of": list(doses), "through": f"day {last + one_of(choose, (0, 2, 8))}"}
    visits, days = _visits(choose, by_dose=by_dose)
    if len(visits) > 1:
        _for_some(choose, arms, {name: visit for name, visit in visits.items() if name != "base"})
    if visits:
        plain["visits"] = visits
    if assessments := _assessments(choose, doses, visits):
        plain["assessments"] = assessments
    if visits and chance(choose, 60):
        plain["responses"] = {"reply": _response(choose, tuple(visits))}
        reply = plain["responses"]["reply"]
        if chance(choose, 20):
            # What goes on, or is given instead, after the response.
            asked = {"category_of": "reply", "at": reply["at"], "is": one_of(choose, ("yes_reply", "no_reply"))}
            asked["as_observed"] = "yes"
            doses[list(doses)[-1]]["only_if"] = asked
        if chance(choose, 40):
            plain["responses"]["second"] = _second(choose, tuple(visits))
    plain |= _therapies(choose)
    for each in plain.get("responses", {}).values():
        if "rescue" in plain and chance(choose, 40):
            one = {"from": "day 5", "becomes": {each["categories"][0]["category"]: "as_observed"}}
            each["then"] = each.get("then", {}) | {"help": one_of(choose, (one, "not_evaluable"))}
    if chance(choose, 40):
        plain["report_within"] = one_of(choose, ("24 h", "2 d"))
    plain |= VOCABULARY
    if chance(choose, 65):
        plain["alerts"] = OWN_RULES
    return Written(document.dump(plain), calendar, sites, slots, days, by_dose, arms)


def _silence(choose: Choose) -> Plain:
    found: Plain = {"administration": "always", "adverse_event": "always"}
    if chance(choose, 80):
        found |= {"condition": one_of(choose, ("screened", "always")), "therapy": "screened"}
    return found if chance(choose, 90) else {}


# --- what is asked ----------------------------------------------------------------------------------------------------

_SIDES: tuple[Plain, ...] = ({"above": "2 g"}, {"at_least": "2 g"}, {"below": "2 g"}, {"at_most": "2000 mg"})
_LIMITS = (*_SIDES, {"at_least": "1 g", "below": "3 g"})
_SPANS: tuple[Plain, ...] = (
    {},
    {"through": "enrolled"},
    {"from": "14 d before screened", "through": "enrolled"},
    {"from": "7 d before now"},
    {"after": "screened", "before": "day_1"},
    {"from": "48 h before now"},
    {"from": "day 1", "through": "day 15"},
    {"from": "1 mo before now"},
)


def _limited(choose: Choose, verb: str, measure: str) -> Plain:
    """Ask for a value in a window, as `{latest: m, from: 7 d before now, above: 2 g}`."""
    return {verb: measure} | one_of(choose, _SPANS) | one_of(choose, _LIMITS)


def criterion(choose: Choose, depth: int = 1) -> Plain:
    """Give a criterion."""
    verb = any_of(
        choose,
        *(
            (8, "latest"),
            (4, "has"),
            (2, "count"),
            (1, "first"),
            (1, "least"),
            (1, "greatest"),
            (1, "mean"),
            (1, "sum"),
        ),
        *((1, "sum of"), (2, "given"), (2, "on_therapy"), (4, "age"), (1, "sex"), (1, "coded"), (1, "consecutive")),
        *((2, "daily_dose_of"), (1, "total_dose_of"), (1, "washed_out"), (2, "lasting"), (1, "same")),
        *((1, "sustained"), (1, "confirmed"), (1, "happened"), (1, "followed_by"), (1, "rise_of"), (1, "ratio_of")),
        *((depth * 2, "any"), (depth * 2, "all"), (depth * 2, "not"), (depth, "some_of"), (depth, "score")),
    )
    measure = any_of(choose, (4, "m"), (4, "n"), (1, "made"), (1, "scored"))
    span = one_of(choose, _SPANS)
    match verb:
        case "latest" | "first" | "least" | "greatest" | "mean" | "sum":
            return _limited(choose, verb, measure)
        case "sum of":
            return {"sum": "alpha", "at_least": "1 g"} | span
        case "has":
            return {"has": one_of(choose, ("illness", "infection"))} | span
        case "count":
            what: Plain = one_of(
                choose,
                (
                    {"count_of": "administration", "of": "greek", "distinct": "day"},
                    {"count_of": "therapy", "of": "steroid", "outcome": ["relapse", "inadequate_response"]},
                    {"count_of": "adverse_event", "of": "rash"},
                    {"count_of": "observation", "of": "m", "value": {"above": "2 g"}},
                ),
            )
            return what | span | one_of(choose, ({"at_least": "1"}, {"at_least": "2"}, {"at_most": "1"}))
        case "given":
            return {"given": one_of(choose, ("alpha", "calm", "greek"))} | span
        case "on_therapy":
            return {"on_therapy": one_of(choose, ("steroid", "prednisone"))} | span
        case "age":
            return {"age": one_of(choose, ("screened", "now")), "at_least": "18 y"}
        case "sex":
            return {"sex": "female"}
        case "coded":
            return {"latest": "test", "is": "positive"} | span
        case "consecutive":
            return {"consecutive": measure, "readings": "2"} | span | one_of(choose, _SIDES)
        case "sustained":
            return {"sustained": measure, "for": "5 d", "gap_at_most": "7 d"} | span | one_of(choose, _SIDES)
        case "confirmed":
            between: Plain = one_of(choose, ({}, {"between": "anything"}, {"between": "anything", "readings": "3"}))
            return {"confirmed": measure, "again_after": "2 d"} | between | span | one_of(choose, _SIDES)
        case "daily_dose_of" | "total_dose_of":
            return _dosed(choose, verb) | span
        case "washed_out":
            how_long = one_of(choose, ({"for": "7 d"}, {"half_lives": "2"}, {"for": "2 d", "half_lives": "3"}))
            return {"washed_out": "calm", "by": one_of(choose, ("screened", "now", "day_1"))} | how_long
        case "lasting":
            long = one_of(choose, ({"for_at_least": "3 d"}, {"for_at_least": "1 mo"}, {"for_more_than": "36 h"}))
            what = one_of(choose, ({"on_therapy": "steroid"}, {"has": "illness"}, {"has": "rash"}))
            return what | long | span
        case "same":
            since = {"which": one_of(choose, ("first", "least")), "after": "screened"}
            return {"rise_of": measure, "since": since, "same": "laboratory", "at_least": "50 %"}
        case "happened":
            return {"happened": one_of(choose, ("day_1", "enrolled"))}
        case "followed_by":
            return {"followed_by": {"first": {"given": "alpha"}, "then": {"given": "greek"}, "within": "14 d"}}
        case "rise_of":
            since = {"which": "first", "after": "screened"}
            return {"rise_of": measure, "since": since} | one_of(choose, ({"at_least": "50 %"}, {"above": "1 g"}))
        case "ratio_of":
            return {"ratio_of": ["m", "n"], "at_least": "1"}
        case "not":
            return {"not": criterion(choose, depth - 1)}
        case "score":
            items = {name: {"weight": "1", "when": criterion(choose, depth - 1)} for name in ("s", "t")}
            return {"score": {"items": items}, "at_least": "1"}
        case _:
            parts = [criterion(choose, depth - 1) for _ in range(2)]
            return {verb: parts} | ({"exactly": "1"} if verb == "some_of" else {})


def _dosed(choose: Choose, verb: str) -> Plain:
    """Ask for a daily dose or a total, of one drug or of several in equivalents of one."""
    what: Plain = one_of(
        choose,
        ({verb: "steroid", "as": "prednisone"}, {verb: "prednisone"}, {verb: "prednisone", "recorded_as": "therapy"}),
    )
    if chance(choose, 20):
        what |= {"each": {"below": "20 mg"}}
    if verb == "total_dose_of":
        return what | one_of(choose, ({"above": "20 mg"}, {"at_most": "40 mg"}))
    limit = one_of(choose, ({"above": "5 mg/d"}, {"at_most": "10 mg/d"}, {"at_least": "10 mg/d"}, {"below": "5 mg/d"}))
    return what | limit | one_of(choose, ({}, {"days": "3"}, {"days_in_a_row": "2"}))


def _eligibility(choose: Choose) -> Plain:
    found: Plain = {"include": {"I1": criterion(choose)}}
    if coin(choose):
        found["include"]["I2"] = criterion(choose)
    if coin(choose):
        found["exclude"] = {"E1": criterion(choose)}
    return found


# --- doses ------------------------------------------------------------------------------------------------------------


def _gates(choose: Choose) -> Plain:
    lately = {"from": one_of(choose, ("7 d before dose", "48 h before dose")), "through": "dose"}
    every: Plain = {
        "enough": {"latest": any_of(choose, (4, "m"), (1, "made"))} | lately | one_of(choose, _LIMITS),
        "well": {"not": {"has": "infection", "from": "dose", "through": "dose"}},
    }
    chosen = any_of(choose, (3, ("enough",)), (2, ("enough", "well")), (1, ("well",)), (2, ()))
    return {name: every[name] | {"otherwise": "warn" if chance(choose, 25) else "hold"} for name in chosen}


def _doses(choose: Choose, gates: tuple[str, ...], *, by_dose: bool) -> tuple[Plain, tuple[tuple[str, str, int], ...]]:
    doses: Plain = {}
    slots: list[tuple[str, str, int]] = []
    plans = any_of(choose, (10, ("A",)), (8, ("A", "B")), (2, ("A", "C")), (1, ("A", "B", "C")))
    for name in plans:
        days: tuple[int, ...]
        drug = {"A": "alpha", "B": "beta", "C": "greek"}[name]
        first = {"A": 1, "B": 3, "C": 9}[name]
        if name == "B" and chance(choose, 15):
            drug, first = "alpha", 8  # shared with the first: slots are taken together
        made: Plain = {"drug": drug}
        made["amount"] = f"{AMOUNT[drug]} mg" if drug in AMOUNT and chance(choose, 85) else "not_stated"
        if made["amount"] != "not_stated":
            made["amount_within"] = "5 %"
            if chance(choose, 30):
                made["amount"] = _reckoned(choose)
        match any_of(choose, (4, "one"), (4, "two"), (1, "fixed"), (1, "rolling")):
            case "one":
                days = (first,)
                made |= {"on": f"day {first}", "belongs_until": f"day {first + one_of(choose, (6, 12))}"}
            case "two":
                days = (first, first + 14)
                made["on"] = [f"day {each}" for each in days]
            case "fixed":
                days = (first, first + 7, first + 14)
                made |= {"on": f"day {first}", "every": "7 d", "times": "3"}
            case _:
                days = (first, first + 7, first + 14)
                made |= {"on": f"day {first}", "every": "7 d", "times": "3", "from": "last_dose"}
        early = one_of(choose, (0, 1, 2)) if name != "A" else 0
        made |= {"early": f"{early} d", "late": f"{one_of(choose, (0, 1, 3))} d"}
        if name == "A" and by_dose and chance(choose, 90):
            made["first_due"] = "10 d after enrolled"
        ending = choose(100)
        if ending >= 80:
            made["missed_after"] = f"day {days[-1] + 4}"
        elif ending < 10:
            made["stop_if"] = {"has": "infection", "from": "day 1"}
        if len(days) > 1 and chance(choose, 25):
            made["interval_at_least"] = one_of(choose, ("5 d", "100 h"))
        if chance(choose, 20):
            made["route"] = "oral"
        if gates and (name != "A" or chance(choose, 60)):
            made["give_only_if"] = list(gates)
        if chance(choose, 15):
            made["premedication"] = [{"given": "calm", "from": "2 h before dose", "before": "dose"}]
        if drug in AMOUNT and chance(choose, 15):
            made["rate_at_most"] = "200 mg/h"
        if drug in AMOUNT and chance(choose, 12):
            steps = {"first": "50 mg/h", "up": "50 mg/h", "every": "30 min"}
            made |= one_of(choose, ({"rate_steps": steps}, {"resumed_at_most": "50 %"}, {"lasts_at_least": "90 min"}))
        doses[name] = made
        slots += [(f"{name}#{number}", drug if drug in AMOUNT else "beta", day) for number, day in enumerate(days, 1)]
    used = {gate for dose in doses.values() for gate in dose.get("give_only_if", ())}
    if gates and not used:
        doses[plans[0]]["give_only_if"] = list(gates)
    return doses, tuple(slots)


def _for_some(choose: Choose, arms: tuple[str, ...], planned: Plain) -> None:
    """Make some of what is planned for some patients only."""
    for name, made in planned.items():
        if not chance(choose, 40 if arms else 4):
            continue
        found = {"latest": "m", "from": "day 1"} | one_of(choose, _SIDES)
        made["only_if"] = {"arm": one_of(choose, arms)} if arms and chance(choose, 75) else found
        if "drug" in made and chance(choose, 30):
            made["if_missed"] = "stop"
        if name == "A" and "drug" in made and chance(choose, 50):
            # One drug, as the arm has it.
            planned["A"] = made | {"only_if": {"not": made["only_if"]}}


def _reckoned(choose: Choose) -> Plain | list[Plain]:
    """Give an amount that is reckoned at each dose; about 500 mg of the usual values."""
    per: Plain = {"is": "250 mg/g", "of": "n"} | one_of(choose, ({}, {"from": "7 d before dose"}, {"which": "first"}))
    more: Plain = any_of(choose, (4, {}), (1, {"no_more_than": "750 mg"}), (1, {"round_to": "100 mg"}))
    band: Plain = {"when": {"latest": "m"} | one_of(choose, _LIMITS), "is": "500 mg"}
    match any_of(choose, (3, "per"), (2, "range"), (3, "bands"), (3, "last")):
        case "per":
            return per | more
        case "range":
            return {"at_least": "200 mg/g", "at_most": "0.3 g/g", "of": "n"} | more
        case "bands":
            light = {"when": {"latest": "n", "below": "1 g"}}
            return [band, light | per | more, {"is": "not_stated"}] if coin(choose) else [band]
        case _:
            first = {"when": {"not": {"given": "greek", "from": "screened", "before": "dose"}}, "is": "500 mg"}
            less = {"when": {"latest": "m", "after": "last_greek", "below": "2 g"}, "of_last": "100 %"}
            changed = one_of(choose, ({"minus": "100 mg"}, {"plus": "50 mg/g", "of": "n"} | more))
            return [first, less | changed, {"of_last": one_of(choose, ("100 %", "50 %"))}]


# --- visits, assessments, responses -----------------------------------------------------------------------------------


def _visits(choose: Choose, *, by_dose: bool) -> tuple[Plain, tuple[tuple[str, int], ...]]:
    visits: Plain = {}
    days: list[tuple[str, int]] = []
    names: tuple[str, ...] = any_of(choose, (2, ()), (3, ("base", "late")), (2, ("mid",)), (3, ("base", "mid", "late")))
    for name in names:
        match name:
            case "base":
                visits[name] = {"from": one_of(choose, ("7 d before day_1", "screened")), "through": "day_1"}
                if by_dose:
                    visits[name]["first_due"] = "7 d after enrolled"
                days.append((name, 1))
            case "mid":
                width = one_of(choose, (1, 2))
                visits[name] = {"on": "day 8", "early": f"{width} d", "late": f"{width} d"}
                days.append((name, 8))
            case _:
                visits[name] = one_of(
                    choose,
                    (
                        {"on": "day 15", "early": "2 d", "late": "2 d"},
                        {"from": "day 13", "through": "day 17"},
                        {"after": "day 12", "through": "day 16", "missed_after": "day 20"},
                    ),
                )
                days.append((name, 15))
    return visits, tuple(days)


def _assessments(choose: Choose, doses: Plain, visits: Plain) -> Plain:
    found: Plain = {}
    if visits and chance(choose, 85):
        found["labs"] = {"of": one_of(choose, ("m", ["m", "n"])), "at": list(visits)}
        if chance(choose, 20):
            found["labs"]["methods"] = {"m": ["strip"]}
    if chance(choose, 25):
        before = list(doses)[:1]
        found["count"] = {"of": "n", "before": before, "from": "7 d before dose", "through": "dose"}
    return found


def _response(choose: Choose, visits: tuple[str, ...]) -> Plain:
    base, at = visits[0], visits[-1]
    parts: Plain = {
        "drop": {"fall_of": "m"} | one_of(choose, ({"at_least": "50 %"}, {"at_least": "1 g"}, {"at_most": "0 %"})),
        "low": {"latest": "n", "below": "2 g"},
    }
    if at == base or chance(choose, 40):
        del parts["drop"]
        parts["there"] = {"value_at": at, "of": "m", "above": "2 g"}
    when: object = {one_of(choose, ("all", "any")): list(parts)}
    found: Plain = {
        "baseline": {one_of(choose, ("latest_at", "first_at", "mean_at")): base},
        "at": at,
        "components": parts,
        "categories": [{"category": "yes_reply", "when": when}, {"category": "no_reply", "when": "otherwise"}],
    }
    then = {"rescue": "no_reply", "withdrawal": "not_evaluable", "death": "not_evaluable", "prohibited": "as_observed"}
    if chance(choose, 60):
        found["then"] = {name: word for name, word in then.items() if coin(choose)}
    return found


def _second(choose: Choose, visits: tuple[str, ...]) -> Plain:
    """Give a response that reads other visits, and asks for the category of another one."""
    parts: Plain = {
        "low": {"latest": "n", "below": "2 g"},
        "all_along": {"met": "low", "at": list(visits)},
        "replied": {"category_of": "reply", "at": visits[-1], "is": "yes_reply", "as_observed": "yes"},
        "little": _dosed(choose, "daily_dose_of") | {"from": "7 d before visit", "through": "visit"},
    }
    chosen = {name: part for name, part in parts.items() if name == "low" or coin(choose)}
    found: Plain = {
        "at": one_of(choose, (visits[0], visits[-1], list(visits))),
        "components": chosen,
        "categories": [
            {"category": "lasting", "when": {"all": list(chosen)}},
            {"category": "some", "when": {"any": list(chosen)}},
            {"category": "no_reply", "when": "otherwise"},
        ],
    }
    if coin(choose):
        found["then"] = {"rescue": {"becomes": {"lasting": "some"}}, "death": "not_evaluable"}
    return found


def _therapies(choose: Choose) -> Plain:
    found: Plain = {}
    if chance(choose, 40):
        found["prohibited"] = {"no_steroid": {"on_therapy": "steroid", "from": one_of(choose, ("screened", "day 1"))}}
    if chance(choose, 30):
        found["rescue"] = {"help": {"on_therapy": "prednisone", "given": "prednisone", "after": "day 3"}}
    return found
