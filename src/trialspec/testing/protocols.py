"""Generated protocols: well-formed, as a person would write them, or broken in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from trialspec import document
from trialspec.compile import compile_protocol
from trialspec.diagnostics import ProtocolError
from trialspec.document import Plain
from trialspec.evaluation import Protocol
from trialspec.interpreters.generated.choices import Choose, any_of, between, chance, coin, one_of
from trialspec.load import load_written

Text = dict[str, Plain]
_VOCABULARY: Text = {
    "measures": {
        "count": {"label": "Count", "unit": "10*9/L", "units": {"/uL": "0.001"}, "resolution": "0.1 10*9/L"},
        "protein": {"label": "Protein", "unit": "g", "units": {"mg": "0.001"}, "resolution": "0.1 g"},
        "test": {"label": "Test", "values": ["positive", "negative"]},
    },
    "drugs": {"alpha": {"label": "Alpha", "unit": "mg"}, "beta": {"label": "Beta", "unit": "mg"}},
    "concepts": {
        "illness": {"label": "Illness", "kind": "condition"},
        "rash": {"label": "Rash", "kind": "adverse_event"},
    },
}
_UNITS = {"count": "10*9/L", "protein": "g"}


@dataclass(frozen=True, slots=True)
class Written:
    """A protocol as text, and what is wrong with it; nothing, if it is well-formed."""

    text: str
    broken: str = ""

    def load(self) -> Protocol:
        """Load it; raises `ProtocolError` where it is broken."""
        node, wrong = document.read(self.text, "generated.yaml")
        if node is None:
            raise ProtocolError(wrong)
        compiled = compile_protocol(load_written(node, Path("generated.yaml")))
        return Protocol(compiled.program, compiled.rulebook, compiled.warnings)

    def __repr__(self) -> str:
        """Show the text: it is what a counterexample needs."""
        return f"\n{self.text}"


def protocols(most: int = 5) -> SearchStrategy[Written]:
    """Draw protocols that are well-formed, of up to so many criteria, with gates, doses, visits and a response."""

    @st.composite
    def drawn(draw: DrawFn) -> Written:
        return Written(document.dump(protocol(lambda number: draw(st.integers(0, number - 1)), most)))

    return drawn()


def nearly_protocols(most: int = 5) -> SearchStrategy[Written]:
    """Draw protocols that are broken in one place; `broken` says how."""

    @st.composite
    def drawn(draw: DrawFn) -> Written:
        def choose(number: int) -> int:
            return draw(st.integers(0, number - 1))

        plain = protocol(choose, most)
        broken = _broken(choose, plain)
        return Written(document.dump(plain), broken)

    return drawn()


def protocol(choose: Choose, most: int = 5) -> Text:
    """Give a protocol that is well-formed."""
    by_dose = coin(choose)
    moments: Text = {
        "enrolled": {"first": "enrolment"},
        "screened": {"last": "screening", "through": "enrolled"},
        "day_1": {"first": "alpha", "from": "screened"} if by_dose else {"first": "enrolment"},
    }
    number = between(choose, 1, max(most, 1))
    included = between(choose, 1, number)
    eligibility: Text = {"include": {f"I{index}": _criterion(choose) for index in range(1, included + 1)}}
    if number > included:
        eligibility["exclude"] = {f"E{index}": _criterion(choose) for index in range(1, number - included + 1)}
    gated = coin(choose)
    plain: Text = {
        "language": "1",
        "protocol": "generated",
        "title": "Generated",
        "version": "1.0.0",
        "zone": one_of(choose, ("UTC", "Asia/Seoul", "America/New_York")),
        "use": ["rules/deviations"],
        "silence_means_no": {"administration": "always", "condition": "screened", "therapy": "screened"},
        "moments": moments,
        "eligibility": eligibility,
        "doses": _doses(choose, by_dose=by_dose, gated=gated),
    }
    if gated:
        plain["gates"] = {
            "enough": _limited(choose, "latest", "count") | {"from": "7 d before dose", "through": "dose"}
        }
    if coin(choose):
        before: Text = {"from": "14 d before day_1", "through": "day_1"}
        plain["visits"] = {
            "base": before | ({"first_due": "14 d after enrolled"} if by_dose else {}),
            "later": {"on": f"day {one_of(choose, (15, 29, 85))}", "early": "3 d", "late": "3 d"},
        }
        plain["assessments"] = {"labs": {"of": "protein", "at": ["base", "later"]}}
        fall = one_of(choose, ({"at_least": "50 %"}, {"at_least": "1 g"}, {"at_most": "0 %"}))
        plain["responses"] = {
            "reply": {
                "baseline": {"latest_at": "base"},
                "at": "later",
                "components": {"fall": {"fall_of": "protein", **fall}},
                "categories": [
                    {"category": "better", "when": "fall"},
                    {"category": "not_better", "when": "otherwise"},
                ],
            }
        }
    return plain | _VOCABULARY


def _doses(choose: Choose, *, by_dose: bool, gated: bool) -> Text:
    first: Text = {"drug": "alpha", "amount": "500 mg", "on": ["day 1", "day 15"], "late": "3 d"}
    if by_dose:
        first["first_due"] = "14 d after enrolled"
    found: Text = {"A": first}
    if gated or coin(choose):
        second: Text = {"drug": "beta", "amount": "750 mg", "on": "day 3", "late": "2 d", "belongs_until": "day 20"}
        found["B"] = second | ({"give_only_if": "enough"} if gated else {})
    return found


def _limited(choose: Choose, verb: str, measure: str) -> Text:
    side = one_of(choose, ("above", "at_least", "below", "at_most"))
    return {verb: measure, side: f"{one_of(choose, ('1.5', '2', '1', '0.5'))} {_UNITS[measure]}"}


def _criterion(choose: Choose, deep: int = 1) -> Text:
    window: Text = one_of(
        choose, ({}, {"from": "28 d before screened", "through": "enrolled"}, {"from": "14 d before now"})
    )
    verb = any_of(
        choose,
        *((6, "latest"), (3, "has"), (2, "on_therapy"), (2, "age"), (1, "sex"), (1, "coded"), (1, "consecutive")),
        *((1, "least"), (1, "given"), (deep, "any"), (deep, "all"), (deep, "not")),
    )
    match verb:
        case "latest" | "least":
            return _limited(choose, verb, one_of(choose, ("count", "protein"))) | window
        case "has":
            return {"has": "illness"} | window
        case "on_therapy" | "given":
            return {verb: "beta"} | window
        case "age":
            return {"age": "screened", "at_least": "18 y"}
        case "sex":
            return {"sex": "female"}
        case "coded":
            return {"latest": "test", "is": "negative"} | window
        case "consecutive":
            return _limited(choose, verb, "protein") | {"readings": "2"} | window
        case "not":
            return {"not": _criterion(choose, 0)}
        case _:
            return {verb: [_criterion(choose, 0), _criterion(choose, 0)]}


# --- broken in one place ----------------------------------------------------------------------------------------------


def _broken(choose: Choose, plain: Text) -> str:
    """Break a protocol, and say how."""
    eligibility, moments, doses = plain["eligibility"], plain["moments"], plain["doses"]
    assert isinstance(eligibility, dict)
    assert isinstance(moments, dict)
    assert isinstance(doses, dict)
    include = eligibility["include"]
    assert isinstance(include, dict)
    ways: Sequence[str] = ("unit", "name", "verb", "key", "missing", "cycle", "day 0", "amount", "zone", "value")
    way = one_of(choose, ways)
    match way:
        case "unit":
            include["I1"] = {"latest": "count", "above": "1.5 kg"}
        case "name":
            include["I1"] = {"latest": "cuont", "above": "1.5 10*9/L"}
        case "verb":
            include["I1"] = {"newest": "count", "above": "1.5 10*9/L"}
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
            include["I1"] = {"latest": "test", "is": "maybe" if chance(choose, 50) else "posotive"}
    return way
