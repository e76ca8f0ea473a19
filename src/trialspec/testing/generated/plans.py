"""Generated plans: gates, doses, visits, assessments, responses, and therapies that are prohibited or rescue."""

from __future__ import annotations

from trialspec.testing.generated.choices import Choose, any_of, chance, coin, one_of
from trialspec.testing.generated.criteria import LIMITS, SIDES, dosed
from trialspec.testing.generated.words import AMOUNT, Plain

# --- doses ------------------------------------------------------------------------------------------------------------


def gates(choose: Choose) -> Plain:
    """Give the gates of doses, by name."""
    lately = {"from": one_of(choose, ("7 d before dose", "48 h before dose")), "through": "dose"}
    every: Plain = {
        "enough": {"latest": any_of(choose, (4, "m"), (1, "made"))} | lately | one_of(choose, LIMITS),
        "well": {"not": {"has": "infection", "from": "dose", "through": "dose"}},
    }
    chosen = any_of(choose, (3, ("enough",)), (2, ("enough", "well")), (1, ("well",)), (2, ()))
    return {name: every[name] | {"otherwise": "warn" if chance(choose, 25) else "hold"} for name in chosen}


def doses(choose: Choose, gates: tuple[str, ...], *, by_dose: bool) -> tuple[Plain, int]:
    """Give the planned doses, and the day of the last of them."""
    found: Plain = {}
    last = 1
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
        found[name] = made
        last = max(last, *days)
    used = {gate for dose in found.values() for gate in dose.get("give_only_if", ())}
    if gates and not used:
        found[plans[0]]["give_only_if"] = list(gates)
    return found, last


def for_some(choose: Choose, arms: tuple[str, ...], planned: Plain) -> None:
    """Make some of what is planned for some patients only."""
    for name, made in planned.items():
        if not chance(choose, 40 if arms else 4):
            continue
        found = {"latest": "m", "from": "day 1"} | one_of(choose, SIDES)
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
    band: Plain = {"when": {"latest": "m"} | one_of(choose, LIMITS), "is": "500 mg"}
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


def visits(choose: Choose, *, by_dose: bool) -> Plain:
    """Give the planned visits, by name in their order."""
    found: Plain = {}
    names: tuple[str, ...] = any_of(choose, (2, ()), (3, ("base", "late")), (2, ("mid",)), (3, ("base", "mid", "late")))
    for name in names:
        match name:
            case "base":
                found[name] = {"from": one_of(choose, ("7 d before day_1", "screened")), "through": "day_1"}
                if by_dose:
                    found[name]["first_due"] = "7 d after enrolled"
            case "mid":
                width = one_of(choose, (1, 2))
                found[name] = {"on": "day 8", "early": f"{width} d", "late": f"{width} d"}
            case _:
                found[name] = one_of(
                    choose,
                    (
                        {"on": "day 15", "early": "2 d", "late": "2 d"},
                        {"from": "day 13", "through": "day 17"},
                        {"after": "day 12", "through": "day 16", "missed_after": "day 20"},
                    ),
                )
    return found


def assessments(choose: Choose, doses: Plain, visits: Plain) -> Plain:
    """Give what is measured at visits and before doses."""
    found: Plain = {}
    if visits and chance(choose, 85):
        found["labs"] = {"of": one_of(choose, ("m", ["m", "n"])), "at": list(visits)}
        if chance(choose, 20):
            found["labs"]["methods"] = {"m": ["strip"]}
    if chance(choose, 25):
        before = list(doses)[:1]
        found["count"] = {"of": "n", "before": before, "from": "7 d before dose", "through": "dose"}
    return found


def response(choose: Choose, visits: tuple[str, ...]) -> Plain:
    """Give a response that is read at the last visit."""
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


def second(choose: Choose, visits: tuple[str, ...]) -> Plain:
    """Give a response that reads other visits, and asks for the category of another one."""
    parts: Plain = {
        "low": {"latest": "n", "below": "2 g"},
        "all_along": {"met": "low", "at": list(visits)},
        "replied": {"category_of": "reply", "at": visits[-1], "is": "yes_reply", "as_observed": "yes"},
        "little": dosed(choose, "daily_dose_of") | {"from": "7 d before visit", "through": "visit"},
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


def therapies(choose: Choose) -> Plain:
    """Give therapies that are prohibited, and that count as rescue."""
    found: Plain = {}
    if chance(choose, 40):
        found["prohibited"] = {"no_steady": {"on_therapy": "steady", "from": one_of(choose, ("screened", "day 1"))}}
    if chance(choose, 30):
        found["rescue"] = {"help": {"on_therapy": "plain", "given": "plain", "after": "day 3"}}
    return found
