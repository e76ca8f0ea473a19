"""A small vocabulary for tests of reading records, written in Python."""

from fractions import Fraction

from trialspec.quantity import ANYTHING, Interval
from trialspec.times import Zone
from trialspec.vocabulary import Term, Vocabulary

SEOUL = Zone("Asia/Seoul")
BERLIN = Zone("Europe/Berlin")
NEW_YORK = Zone("America/New_York")
UTC = Zone("UTC")


def _between(low: int, high: int) -> Interval:
    return Interval(Fraction(low), Fraction(high))


def _measure(
    name: str,
    unit: str,
    factors: dict[str, Fraction],
    possible: Interval = ANYTHING,
    ranges: dict[str, tuple[Fraction | None, Fraction | None]] | None = None,
) -> Term:
    own = {"": Fraction(1), "1": Fraction(1)} if not unit else {unit: Fraction(1)}
    return Term(name, "measure", name, unit, own | factors, possible=possible, ranges=ranges or {})


VOCABULARY = Vocabulary(
    {
        term.name: term
        for term in (
            _measure(
                "creatinine",
                "umol/L",
                {"mg/dL": Fraction("88.42")},
                _between(5, 5000),
                {"central": (Fraction(45), Fraction(90)), "north": (None, Fraction(100))},
            ),
            _measure("neutrophils", "10*9/L", {"/uL": Fraction(1, 1000)}, _between(0, 200)),
            _measure("c3", "g/L", {"mg/dL": Fraction(1, 100)}, _between(0, 5)),
            _measure("base_excess", "mmol/L", {}, _between(-40, 40)),
            _measure("sledai_2k", "", {}, _between(0, 105)),
            Term("hbsag", "measure", "HBsAg", values=frozenset({"positive", "negative"})),
            Term("judged_refractory", "measure", "Refractory, as judged", values=frozenset({"yes", "no"})),
            Term("corticosteroid", "drug_class", "Corticosteroid"),
            Term("rituximab", "drug", "Rituximab", "mg", {"mg": Fraction(1), "g": Fraction(1000)}),
            Term(
                "prednisone",
                "drug",
                "Prednisone",
                "mg",
                {"mg": Fraction(1), "g": Fraction(1000)},
                parents=frozenset({"corticosteroid"}),
            ),
            Term("infection", "condition", "Infection"),
            Term("pneumonia", "condition", "Pneumonia", parents=frozenset({"infection"})),
            Term("renal_biopsy", "procedure", "Renal biopsy"),
            Term("nausea", "adverse_event", "Nausea"),
        )
    }
)
