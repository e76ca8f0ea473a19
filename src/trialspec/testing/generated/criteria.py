"""Generated criteria, as a person would write them: of the language's width, and of few names."""

from __future__ import annotations

from trialspec.testing.generated.choices import Choose, any_of, between, chance, one_of
from trialspec.testing.generated.words import Plain

SIDES: tuple[Plain, ...] = ({"above": "2 g"}, {"at_least": "2 g"}, {"below": "2 g"}, {"at_most": "2000 mg"})
LIMITS = (*SIDES, {"at_least": "1 g", "below": "3 g"})
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
    return {verb: measure} | one_of(choose, _SPANS) | one_of(choose, LIMITS)


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
                    {"count_of": "therapy", "of": "steady", "outcome": ["relapse", "inadequate_response"]},
                    {"count_of": "adverse_event", "of": "rash"},
                    {"count_of": "observation", "of": "m", "value": {"above": "2 g"}},
                ),
            )
            return what | span | one_of(choose, ({"at_least": "1"}, {"at_least": "2"}, {"at_most": "1"}))
        case "given":
            return {"given": one_of(choose, ("alpha", "calm", "greek"))} | span
        case "on_therapy":
            return {"on_therapy": one_of(choose, ("steady", "plain"))} | span
        case "age":
            return {"age": one_of(choose, ("screened", "now")), "at_least": "18 y"}
        case "sex":
            return {"sex": "female"}
        case "coded":
            return {"latest": "test", "is": "positive"} | span
        case "consecutive":
            return {"consecutive": measure, "readings": "2"} | span | one_of(choose, SIDES)
        case "sustained":
            return {"sustained": measure, "for": "5 d", "gap_at_most": "7 d"} | span | one_of(choose, SIDES)
        case "confirmed":
            between: Plain = one_of(choose, ({}, {"between": "anything"}, {"between": "anything", "readings": "3"}))
            return {"confirmed": measure, "again_after": "2 d"} | between | span | one_of(choose, SIDES)
        case "daily_dose_of" | "total_dose_of":
            return dosed(choose, verb) | span
        case "washed_out":
            how_long = one_of(choose, ({"for": "7 d"}, {"half_lives": "2"}, {"for": "2 d", "half_lives": "3"}))
            return {"washed_out": "calm", "by": one_of(choose, ("screened", "now", "day_1"))} | how_long
        case "lasting":
            long = one_of(choose, ({"for_at_least": "3 d"}, {"for_at_least": "1 mo"}, {"for_more_than": "36 h"}))
            what = one_of(choose, ({"on_therapy": "steady"}, {"has": "illness"}, {"has": "rash"}))
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


def dosed(choose: Choose, verb: str) -> Plain:
    """Ask for a daily dose or a total, of one drug or of several in equivalents of one."""
    what: Plain = one_of(
        choose,
        ({verb: "steady", "as": "plain"}, {verb: "plain"}, {verb: "plain", "recorded_as": "therapy"}),
    )
    if chance(choose, 20):
        what |= {"each": {"below": "20 mg"}}
    if verb == "total_dose_of":
        return what | one_of(choose, ({"above": "20 mg"}, {"at_most": "40 mg"}))
    limit = one_of(choose, ({"above": "5 mg/d"}, {"at_most": "10 mg/d"}, {"at_least": "10 mg/d"}, {"below": "5 mg/d"}))
    return what | limit | one_of(choose, ({}, {"days": "3"}, {"days_in_a_row": "2"}))


def eligibility(choose: Choose, most: int = 5) -> Plain:
    """Give up to so many criteria, and seldom more than three."""
    included = between(choose, 1, min(most, 2))
    found: Plain = {"include": {f"I{number}": criterion(choose) for number in range(1, included + 1)}}
    number = any_of(choose, (9, 0), (9, 1), (2, 2), (1, 3))
    if excluded := min(number, most - included):
        found["exclude"] = {f"E{number}": criterion(choose) for number in range(1, excluded + 1)}
    return found
