"""Every unit factor of the vocabulary, against UCUM by pint, and against chemistry where moles are converted.

pint computes with floats and decides nothing at run time. Here it says what a declared, exact factor must be close to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import pint
import pytest
from ucumvert import PintUcumRegistry

from trialspec.compile import compile_protocol
from trialspec.document import dump
from trialspec.load import load
from trialspec.quantity import exactly
from trialspec.vocabulary import Term

RULES = Path(__file__).parent.parent / "rules"
LIBRARIES = sorted(path for path in RULES.rglob("*.yaml") if path.parent.name != "cases")

# Grams in a mole: creatinine is C4H7N3O, bilirubin C33H36N4O6; haemoglobin is counted by its monomer.
CREATININE, BILIRUBIN, HAEMOGLOBIN = 113.12, 584.67, 16_114.0
RATIOS = ("creatinine", "urine_creatinine", "upcr", "upcr_24h", "upcr_of_sample")
MOLAR_MASS = {**dict.fromkeys(RATIOS, CREATININE), "bilirubin": BILIRUBIN, "haemoglobin": HAEMOGLOBIN}

# pint's floats have sixteen digits, a few of which are lost on the way.
NEAR = 1e-12
# A molar factor in use is a convention of four digits: 88.42 umol/L where chemistry says 88.40, 16.11 g/L where 16.114.
CONVENTION = 0.0005

# What UCUM counts in units of their own kind, and pint takes for plain numbers: one never stands for another.
ARBITRARY = re.compile(r"\[IU\]|\[HPF\]|\[LPF\]|\bU\b")
# An annotation counts nothing; alone it is a plain number.
ANNOTATION = re.compile(r"/?\{[^}]*\}")

UCUM = PintUcumRegistry()


def quantity(unit: str) -> pint.Quantity[float]:
    """One of a unit, as pint has it."""
    one: pint.Quantity[float] = UCUM.from_ucum(ANNOTATION.sub("", unit) or "1")
    return one


def expected(term: Term, unit: str) -> tuple[float, float]:
    """How many of the term's own unit one of another is, and how near a declared factor must come to it."""
    one, own = quantity(unit), quantity(term.unit or "1")
    if one.is_compatible_with(own):
        return float((one / own).to("").magnitude), NEAR
    molar = MOLAR_MASS[term.name] * quantity("g/mol")
    same = next(other for other in (one * molar, one / molar) if other.is_compatible_with(own))
    return float((same / own).to("").magnitude), CONVENTION


def fault(term: Term, unit: str, factor: Fraction) -> str:
    """What is wrong with a factor; empty when it is confirmed."""
    if sorted(ARBITRARY.findall(unit)) != sorted(ARBITRARY.findall(term.unit)):
        return f"{term.name}: {unit} is not of the kind of {term.unit}"
    try:
        right, near = expected(term, unit)
    except (KeyError, StopIteration):
        return f"{term.name}: {unit} is not of the dimension of {term.unit}"
    if abs(float(factor) / right - 1) > near:
        return f"{term.name}: 1 {unit} is {right} {term.unit}, not {float(factor)}"
    return ""


def declared(terms: Mapping[str, Term]) -> Iterator[tuple[Term, str, Fraction]]:
    """Every term with every unit that its values may come in."""
    for term in terms.values():
        for unit, factor in term.factors.items():
            yield term, unit, factor


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Term]:
    """All that the library names, as a protocol that uses every file of it sees them."""
    head = {"language": "1", "protocol": "units", "title": "Units", "version": "1", "zone": "UTC"}
    file = tmp_path_factory.mktemp("units") / "protocol.yaml"
    file.write_text(
        dump({**head, "use": [f"rules/{each.relative_to(RULES).with_suffix('')}" for each in LIBRARIES]}),
        encoding="utf-8",
    )
    return compile_protocol(load(file)).program.vocabulary.terms


def test_every_declared_factor_is_confirmed(terms: Mapping[str, Term]) -> None:
    assert [wrong for term, unit, factor in declared(terms) if (wrong := fault(term, unit, factor))] == []


def test_nothing_with_a_unit_goes_unconfirmed(terms: Mapping[str, Term]) -> None:
    assert all(term.unit in term.factors for term in terms.values() if term.unit)
    assert len([unit for term, unit, _ in declared(terms) if unit not in {term.unit, "1", ""}]) > 60


@pytest.mark.parametrize("slip", [10, 1000, Fraction(101, 100), Fraction(1, 10), Fraction(1, 1000)])
def test_a_wrong_factor_is_noticed(terms: Mapping[str, Term], slip: Fraction) -> None:
    assert [(term.name, unit) for term, unit, factor in declared(terms) if not fault(term, unit, factor * slip)] == []


def test_a_unit_of_another_kind_is_noticed(terms: Mapping[str, Term]) -> None:
    wrong = [("c3", "mg"), ("anti_dsdna", "U/mL"), ("urine_rbc", "/[LPF]"), ("neutrophils", "g/L"), ("c3", "umol/L")]
    assert [name for name, unit in wrong if not fault(terms[name], unit, Fraction(1))] == []


@pytest.mark.parametrize(
    ("name", "number", "unit", "value"),
    [
        ("creatinine", "1.2", "mg/dL", Fraction("106.104")),
        ("neutrophils", "1400", "/uL", Fraction("1.4")),
        ("urine_protein_24h", "3200", "mg/(24.h)", Fraction("3.2")),
        ("c3", "52", "mg/dL", Fraction("0.52")),
        ("upcr", "50", "mg/mmol", Fraction(50) / Fraction("113.12")),
        ("haemoglobin", "8", "g/dL", Fraction(80)),
    ],
)
def test_values_are_converted_exactly(
    terms: Mapping[str, Term], name: str, number: str, unit: str, value: Fraction
) -> None:
    assert terms[name].convert(exactly(Fraction(number)), unit) == exactly(value)


def test_spot_and_24_hour_protein_are_different_measures(terms: Mapping[str, Term]) -> None:
    measures = [terms[name] for name in ("upcr", "upcr_24h", "urine_protein_24h")]
    assert len({code for term in measures for code in term.codes["loinc"]}) == 3
    assert not any(term.parents for term in measures)


def test_a_code_stands_for_one_thing(terms: Mapping[str, Term]) -> None:
    """Two measures may share an SDTM test code, which the specimen tells apart, and two salts an ATC code."""
    seen: dict[tuple[str, str], str] = {}
    for term in terms.values():
        for system in term.codes.keys() - {"sdtm", "atc"}:
            for code in term.codes[system]:
                assert seen.setdefault((system, code), term.name) == term.name
