"""How proofs, points and records are said in words."""

from __future__ import annotations

from fractions import Fraction

import pytest

from trialspec.explain import as_recorded, margin_in_words, point_in_words, record_in_words, words
from trialspec.interpreters.reading import Reading
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Dose,
    Fixed,
    Fold,
    Moment,
    Not,
    Now,
    Pick,
    Select,
    Shift,
    Window,
)
from trialspec.kernel import (
    Test as Check,
)
from trialspec.patient import Item
from trialspec.quantity import ANYTHING, Codes, Interval, exactly, parse_duration, word
from trialspec.reports.sentence import sentence
from trialspec.times import When, Zone, on_date, parse_time
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict
from trialspec.vocabulary import Term, Vocabulary

ZONE = Zone("UTC")
DAY_1 = Moment("day_1", "first", Select("administration", label="rituximab"))
ENROLLED = Moment("enrolled", "first", Select("milestone", label="enrolment"))
VOCABULARY = Vocabulary(
    {
        "neutrophils": Term(
            "neutrophils",
            "measure",
            "Neutrophils",
            "10*9/L",
            {"10*9/L": Fraction(1), "/uL": Fraction(1, 1000)},
        ),
        "steroid": Term("steroid", "drug_class", "Corticosteroid"),
        "prednisone": Term("prednisone", "drug", "Prednisone", "mg", parents=frozenset({"steroid"})),
        "sledai": Term("sledai", "measure", "SLEDAI", "", {"1": Fraction(1)}),
    }
)
COUNT = Pick(
    "latest", Select("observation", (Check("measure", "in", Constant(word("neutrophils"))),), label="neutrophils")
)


def shift(point: Moment | Shift | Now | Dose | Fixed, text: str, *, earlier: bool = False) -> Shift:
    duration = parse_duration(text)
    assert duration is not None
    return Shift(point, duration, earlier)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (DAY_1, "day 1"),
        (shift(DAY_1, "28 d"), "day 29"),
        (shift(DAY_1, "1 d", earlier=True), "day -1"),
        (shift(shift(DAY_1, "84 d"), "7 d", earlier=True), "day 78"),
        (shift(shift(DAY_1, "2 wk"), "14 d", earlier=True), "day 1"),
        (shift(ENROLLED, "14 d"), "14 d after enrolled"),
        (shift(shift(ENROLLED, "1 wk"), "14 d", earlier=True), "7 d before enrolled"),
        (shift(DAY_1, "6 mo"), "6 mo after day 1"),
        (shift(shift(DAY_1, "28 d"), "24 h"), "24 h after day 29"),
        (Now(), "now"),
        (shift(Dose(), "7 d", earlier=True), "7 d before the dose"),
    ],
)
def test_days_are_counted_together_and_from_day_1_by_number(point: Shift, said: str) -> None:
    assert point_in_words(point) == said


LUPUS = Select("condition", label="lupus")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Compare(Fold("count", LUPUS), "at_least", Constant(exactly(1))), "any lupus"),
        (Compare(Fold("count", LUPUS), "below", Constant(exactly(1))), "no lupus"),
        (Compare(Fold("count", LUPUS), "at_least", Constant(exactly(2))), "number of lupus at least 2"),
        (Select("therapy", (Check("outcome", "in", Constant(Codes(frozenset({"relapse"})))),), label="azathioprine"),
         "azathioprine, where outcome is relapse"),
        (Not(AtLeast(1, (Compare(Fold("count", LUPUS), "at_least", Constant(exactly(1))),) * 2)), "not (any of 2)"),
        (Select("observation", window=Window(ENROLLED, DAY_1, after=True), label="c3"),
         "c3 after enrolled through day 1"),
    ],
)  # fmt: skip
def test_what_is_asked_is_said_as_a_person_would(node: Compare, said: str) -> None:
    assert words(node) == said


def test_a_fall_and_a_rise_in_percent_are_said_as_such() -> None:
    ratio = Arithmetic("multiply", Constant(exactly(100)), Arithmetic("divide", COUNT, COUNT))
    fall = Arithmetic("subtract", Constant(exactly(100)), ratio)
    rise = Arithmetic("subtract", ratio, Constant(exactly(100)))
    assert words(fall) == "fall in percent from latest neutrophils to latest neutrophils"
    assert words(rise) == "rise in percent from latest neutrophils to latest neutrophils"
    difference = Arithmetic("subtract", COUNT, COUNT)
    assert words(difference) == "(latest neutrophils - latest neutrophils)"


@pytest.mark.parametrize(
    ("verdict", "margin", "said"),
    [
        (MET, exactly(Fraction("0.9")), "0.9 10*9/L within the limit"),
        (NOT_MET, exactly(Fraction("-0.1")), "0.1 10*9/L beyond the limit"),
        (NOT_MET, exactly(0), "exactly the limit"),
        (MET, Interval(Fraction(1), Fraction(2)), "1 to 2 10*9/L within the limit"),
        (NOT_MET, Interval(Fraction(-1), Fraction("-0.5")), "0.5 to 1 10*9/L beyond the limit"),
        (MET, exactly(Fraction(100, 3)), "~33.33 10*9/L within the limit"),
        (UNKNOWN, exactly(Fraction(1)), ""),
    ],
)
def test_a_margin_has_its_unit_and_its_side(verdict: Verdict, margin: Interval, said: str) -> None:
    asked = Compare(COUNT, "above", Constant(exactly(Fraction("1.5")), text="1.5 10*9/L"))
    assert margin_in_words(Reading(verdict, margin=margin, node=asked), VOCABULARY) == said


def test_a_number_of_records_has_no_margin() -> None:
    counted = Compare(Fold("count", LUPUS), "at_least", Constant(exactly(1)))
    assert margin_in_words(Reading(MET, margin=exactly(0), node=counted), VOCABULARY) == ""


def item(kind: str, when: When, unit: str = "", end: When | None = None, answer: str = "yes", **fields: object) -> Item:
    return Item("e1", kind, when, when, fields, end, answer=answer, unit=unit)  # type: ignore[arg-type]


def at(text: str) -> When:
    when = parse_time(text, ZONE)
    assert when is not None
    return when


DAY = on_date(at("2014-03-05").first)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (item("observation", DAY, "/uL", measure=word("neutrophils"), value=exactly(Fraction("1.4"))),
         "Neutrophils 1400 /uL on 2014-03-05 (e1)"),
        (item("observation", DAY, "10*9/L", measure=word("neutrophils"), value=exactly(Fraction("1.4"))),
         "Neutrophils 1.4 10*9/L on 2014-03-05 (e1)"),
        (item("observation", DAY, "", measure=word("neutrophils"), value=ANYTHING),
         "Neutrophils (not trusted) on 2014-03-05 (e1)"),
        (item("observation", DAY, "1", measure=word("sledai"), value=exactly(16)), "SLEDAI 16 on 2014-03-05 (e1)"),
        (item("therapy", at("2013-05"), end=DAY, drug=Codes(frozenset({"steroid", "prednisone"})),
              outcome=word("inadequate_response")), "Corticosteroid, inadequate response from 2013-05 (e1)"),
        (item("condition", at("2012"), end=DAY, concept=word("lupus_nephritis")), "lupus nephritis from 2012 (e1)"),
        (item("condition", DAY, answer="absent", concept=word("lupus")), "no lupus on 2014-03-05 (e1)"),
        (item("administration", DAY, "mg", answer="not_done", drug=word("prednisone")),
         "Prednisone not done on 2014-03-05 (e1)"),
        (item("milestone", DAY, milestone=word("consent"), version=word("1.0.0")), "consent, 1.0.0 on 2014-03-05 (e1)"),
        (item("person", DAY), "person on 2014-03-05 (e1)"),
        (item("condition", When(DAY.first, DAY.first + 9), concept=word("lupus")),
         "lupus on 2014-03-05..2014-03-14 (e1)"),
    ],
)  # fmt: skip
def test_a_record_is_told_as_it_came(told: Item, said: str) -> None:
    assert record_in_words(told, VOCABULARY) == said


def test_a_number_of_a_unit_that_nobody_knows_is_left_as_it_is() -> None:
    unknown = item("observation", DAY, "furlong", measure=word("neutrophils"), value=exactly(2))
    assert as_recorded(exactly(2), unknown, VOCABULARY) == "2 furlong"


@pytest.mark.parametrize(
    ("say", "said"),
    [
        ("{dose} was late", "RTX#2 was late"),
        ("{nobody} was {empty}", "? was ?"),
        ("{dose", "{dose"),
        ("{}", "{}"),
        ("{dose!r} {0} {a.b}", "{dose!r} {0} {a.b}"),
        ("{{dose}}", "{RTX#2}"),
    ],
)
def test_a_sentence_never_fails(say: str, said: str) -> None:
    assert sentence(say, {"dose": "RTX#2", "empty": ""}) == said
