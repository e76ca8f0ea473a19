"""Generated protocols, as a person would write them: small and of the language's width; or broken in one place.

Each is loaded by the loader that everybody uses. Few names, so that what happens to generated patients is what their
protocol speaks of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hypothesis.strategies import SearchStrategy

from trialspec import document
from trialspec.compile import compile_protocol
from trialspec.diagnostics import ProtocolError
from trialspec.evaluation import Protocol
from trialspec.load import load_written
from trialspec.testing.generated import plans
from trialspec.testing.generated.choices import Choose, chance, coin, one_of
from trialspec.testing.generated.criteria import eligibility
from trialspec.testing.generated.records import CALENDARS
from trialspec.testing.generated.words import OWN_RULES, VOCABULARY, Plain
from trialspec.testing.strategies import drawn

# A second site lies so far away that a date there is seldom the same.
FAR_AWAY = "America/New_York"


@dataclass(frozen=True, slots=True)
class Written:
    """A protocol as text, and what is wrong with it; nothing, if it is well-formed."""

    text: str
    broken: str = ""

    def load(self) -> Protocol:
        """Load it; raises `ProtocolError` where it is broken."""
        return loaded(self.text)

    def __repr__(self) -> str:
        """Show the text: it is what a counterexample needs."""
        return f"\n{self.text}"


@lru_cache(maxsize=256)
def loaded(text: str) -> Protocol:
    """Load a protocol from its text, once."""
    node, wrong = document.read(text, "generated.yaml")
    if node is None:
        raise ProtocolError(wrong)
    compiled = compile_protocol(load_written(node, Path("generated.yaml")))
    return Protocol(compiled.program, compiled.rulebook, compiled.warnings)


def protocols(most: int = 5) -> SearchStrategy[Written]:
    """Draw protocols that are well-formed, of up to so many criteria, with gates, doses, visits and responses."""
    return drawn(written, most)


def nearly_protocols(most: int = 5) -> SearchStrategy[Written]:
    """Draw protocols that are broken in one place; `broken` says how."""
    return drawn(nearly, most)


def written(choose: Choose, most: int = 5) -> Written:
    """Give a protocol that is well-formed."""
    return Written(document.dump(protocol(choose, most)))


def nearly(choose: Choose, most: int = 5) -> Written:
    """Give a protocol that is broken in one place."""
    plain = protocol(choose, most)
    broken = _broken(choose, plain)
    return Written(document.dump(plain), broken)


def protocol(choose: Choose, most: int = 5) -> Plain:
    """Give what is written in a well-formed protocol."""
    zone = one_of(choose, CALENDARS).zone.name
    sites = {"here": {"zone": zone}, "there": {"zone": FAR_AWAY}} if chance(choose, 30) else {}
    by_dose = coin(choose)
    arms = ("one", "two") if most > 1 and chance(choose, 20) else ()
    plain: Plain = {
        "language": "1",
        "protocol": "generated",
        "title": "Generated",
        "version": "1.0.0",
        "zone": zone,
        "use": ["rules/deviations"],
        "silence_means_no": _silence(choose),
        "moments": {
            "enrolled": {"first": "enrolment"},
            "screened": {"last": "screening", "through": "enrolled"},
            "day_1": {"first": "alpha", "from": "screened"} if by_dose else {"first": "enrolment"},
            "last_greek": {"last": "greek", "before": "dose"},
        },
        "eligibility": eligibility(choose, most - len(arms[1:])),
    }
    if arms:
        plain["arms"] = {arm: {"text": arm} for arm in arms}
        plain["eligibility"]["include"]["I3"] = {"not": {"arm": "two"}}
    if sites:
        plain["sites"] = sites
    _plan(choose, plain, arms, by_dose=by_dose)
    if chance(choose, 40):
        plain["report_within"] = one_of(choose, ("24 h", "2 d"))
    plain |= VOCABULARY
    if chance(choose, 65):
        plain["alerts"] = OWN_RULES
    return plain


def _plan(choose: Choose, plain: Plain, arms: tuple[str, ...], *, by_dose: bool) -> None:
    """Write gates, doses, visits and responses into a protocol."""
    gates = plans.gates(choose)
    doses, last = plans.doses(choose, tuple(gates), by_dose=by_dose)
    plans.for_some(choose, arms, doses)
    if gates and any("give_only_if" in dose for dose in doses.values()):
        plain["gates"] = gates
    plain["doses"] = doses
    if doses and chance(choose, 60):
        # The last window may begin on its last day.
        plain["course"] = {"of": list(doses), "through": f"day {last + one_of(choose, (0, 2, 8))}"}
    visits = plans.visits(choose, by_dose=by_dose)
    if len(visits) > 1:
        plans.for_some(choose, arms, {name: visit for name, visit in visits.items() if name != "base"})
    if visits:
        plain["visits"] = visits
    if assessments := plans.assessments(choose, doses, visits):
        plain["assessments"] = assessments
    if visits and chance(choose, 60):
        reply = plans.response(choose, tuple(visits))
        plain["responses"] = {"reply": reply}
        if chance(choose, 20):
            # What goes on, or is given instead, after the response.
            asked = {"category_of": "reply", "at": reply["at"], "is": one_of(choose, ("yes_reply", "no_reply"))}
            asked["as_observed"] = "yes"
            doses[list(doses)[-1]]["only_if"] = asked
        if chance(choose, 40):
            plain["responses"]["second"] = plans.second(choose, tuple(visits))
    plain |= plans.therapies(choose)
    for each in plain.get("responses", {}).values():
        if "rescue" in plain and chance(choose, 40):
            one = {"from": "day 5", "becomes": {each["categories"][0]["category"]: "as_observed"}}
            each["then"] = each.get("then", {}) | {"help": one_of(choose, (one, "not_evaluable"))}


def _silence(choose: Choose) -> Plain:
    found: Plain = {"administration": "always", "adverse_event": "always"}
    if chance(choose, 80):
        found |= {"condition": one_of(choose, ("screened", "always")), "therapy": "screened"}
    return found if chance(choose, 90) else {}


# --- broken in one place ----------------------------------------------------------------------------------------------


def _broken(choose: Choose, plain: Plain) -> str:
    """Break a protocol, and say how."""
    include, moments, doses = plain["eligibility"]["include"], plain["moments"], plain["doses"]
    ways: Sequence[str] = ("unit", "name", "verb", "key", "missing", "cycle", "day 0", "amount", "zone", "value")
    way = one_of(choose, ways)
    match way:
        case "unit":
            include["I1"] = {"latest": "m", "above": "1.5 L"}
        case "name":
            include["I1"] = {"has": "ilness"}
        case "verb":
            include["I1"] = {"newest": "m", "above": "1.5 g"}
        case "key":
            include["I1"] = {"has": "illness", "form": "screened"}
        case "missing":
            del plain["title"]
        case "cycle":
            moments["enrolled"] = {"first": "enrolment", "from": "screened"}
        case "day 0":
            doses["A"] = {"drug": "alpha", "amount": "500 mg", "on": "day 0", "belongs_until": "day 9"}
        case "amount":
            doses["A"] = {"drug": "alpha", "amount": "500 mL", "on": "day 1", "belongs_until": "day 9"}
        case "zone":
            plain["zone"] = "Asia/Soul"
        case _:
            include["I1"] = {"latest": "test", "is": one_of(choose, ("maybe", "posotive"))}
    return way
