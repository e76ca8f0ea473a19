"""What the spelling of two units says of their sizes, as pint reads them too, and what it leaves open."""

import re
from fractions import Fraction

import pytest

from tests.test_units import UCUM
from trialspec.model.units import metric_factor

SETTLED = [
    ("g", "mg", "1000"),
    ("mg/dL", "mg/L", "10"),
    ("mg/dl", "mg/L", "10"),
    ("/uL", "10*9/L", "1/1000"),
    ("/mm3", "10*9/L", "1/1000"),
    ("10*3/uL", "10*9/L", "1"),
    ("{cells}/uL", "10*9/L", "1/1000"),
    ("mg/(24.h)", "g/d", "1/1000"),
    ("g/wk", "g/d", "1/7"),
    ("mg/(kg.d)", "mg/kg/d", "1"),
    ("k[IU]/L", "[IU]/mL", "1"),
    ("ug/kg/min", "mg/kg/h", "6/100"),
    ("mL/min/{1.73_m2}", "mL/s/{1.73_m2}", "1/60"),
    ("dag", "g", "10"),
    ("mm[Hg]", "cm[Hg]", "1/10"),
]
LEFT_OPEN = [
    ("umol/L", "mg/dL"),
    ("mg/mmol", "g/g"),
    ("mol/mol", "g/g"),  # each counts nothing, and they differ by two molar masses
    ("K/uL", "/uL"),
    ("ug{FEU}/mL", "ug/mL"),
    ("{copies}/mL", "{units}/mL"),
    ("[lb_av]", "kg"),
    ("/[HPF]", "/[LPF]"),
    ("%", "1"),
    ("Cel", "K"),
    ("mg//L", "mg/L"),
    ("mg)", "mg"),
    ("(" * 50, "mg"),
    ("mg/L" * 20, "mg/L"),
]


@pytest.mark.parametrize(("unit", "own", "factor"), SETTLED)
def test_the_spelling_of_metric_units_settles_their_sizes(unit: str, own: str, factor: str) -> None:
    assert metric_factor(unit, own) == Fraction(factor)
    assert metric_factor(own, unit) == 1 / Fraction(factor)
    if "dl" not in unit:  # `l` is a litre in UCUM, and none in this reader
        one, other = (UCUM.from_ucum(re.sub(r"\{[^}]*\}", "1", text)) for text in (unit, own))
        assert float((one / other).to("").magnitude) == pytest.approx(float(Fraction(factor)))


@pytest.mark.parametrize(("unit", "own"), LEFT_OPEN)
def test_what_the_spelling_does_not_settle_is_left_to_the_file(unit: str, own: str) -> None:
    assert metric_factor(unit, own) is None
    assert metric_factor(own, unit) is None
