"""What is remembered of measurements that were read is told again only of the same measurement."""

from dataclasses import replace
from fractions import Fraction

from trialspec.events import Event
from trialspec.items import Clock, told
from trialspec.quantity import exactly
from trialspec.times import Zone
from trialspec.vocabulary import Term, Vocabulary

SEOUL = (Clock(Zone("Asia/Seoul"), Zone("Asia/Seoul")),)
C3 = Term("c3", "measure", "C3", "g/L", {"mg/dL": Fraction(1, 100)})


def value_of(term: Term, **content: str) -> object:
    event = Event("1", "a", "observation", "2024-03-05", {"measure": term.name, **content})
    item = told(event, Vocabulary({term.name: term}), SEOUL).item
    assert item is not None
    return item.fields["value"]


def test_terms_of_one_name_are_told_apart() -> None:
    other = replace(C3, factors={"mg/dL": Fraction(1, 1000)})
    for _ in range(2):
        assert value_of(C3, value="50", unit="mg/dL") == exactly(Fraction(1, 2))
        assert value_of(other, value="50", unit="mg/dL") == exactly(Fraction(1, 20))


def test_a_range_belongs_to_its_value() -> None:
    event = Event("1", "a", "observation", "2024-03-05", {"measure": "c3", "value": "1", "unit": "g/L", "low": "2"})
    for content, ratio in (({"low": "2"}, Fraction(1, 2)), ({}, None), ({"low": "4"}, Fraction(1, 4))):
        kept = {key: text for key, text in event.content.items() if key != "low"}
        item = told(replace(event, content={**kept, **content}), Vocabulary({"c3": C3}), SEOUL).item
        assert item is not None
        assert item.fields.get("value_over_low") == (None if ratio is None else exactly(ratio))
