"""Two versions by meaning: what is only written otherwise is the same, what means something else is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialspec.evaluation import Protocol, load
from trialspec.proofs.difference import Comparison, compare

TEXT = """\
language: 1
protocol: small
title: Small
version: 1.0.0
zone: Europe/Berlin
use: [rules/items/blood, rules/items/drugs, rules/items/conditions, rules/formulas, rules/deviations]
silence_means_no: {administration: always, condition: screened}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
  day_1: {first: rituximab, from: screened}
eligibility:
  include:
    I1: {all: [{latest: neutrophils, at_least: 1.5 10*9/L}, {latest: platelets, at_least: 100 10*9/L}]}
    I2: {latest: creatinine_clearance, above: 50 mL/min}
  exclude:
    E1: {has: pregnancy, from: 14 d before screened, through: screened}
gates:
  recovered: {latest: neutrophils, from: 7 d before dose, through: dose, above: 1.5 10*9/L}
doses:
  RTX:
    drug: rituximab
    amount: 500 mg
    on: [day 1, day 15]
    late: 7 d
    give_only_if: recovered
    first_due: 14 d after enrolled
    premedication: [{given: antihistamine, from: 2 h before dose, through: dose}]
visits:
  week_4: {on: day 29, early: 7 d, late: 7 d}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return written(tmp_path_factory.mktemp("old"), TEXT)


def written(folder: Path, text: str) -> Protocol:
    (folder / "protocol.yaml").write_text(text)
    return load(folder / "protocol.yaml")


def edited(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def told(found: Comparison) -> dict[str, str]:
    return {f"{each.part} {each.name}": each.relation for each in found.changed}


SAME = {
    "other units": [("500 mg", "0.5 g"), ("late: 7 d", "late: 1 wk"), ("7 d before dose", "1 wk before dose")],
    "a count in other units": [("above: 1.5 10*9/L", "above: 1500 /uL")],
    "a moment renamed": [("  screened:", "  seen:"), (": screened}", ": seen}"), ("before screened", "before seen")],
    "clauses in another order": [
        (
            "{latest: neutrophils, at_least: 1.5 10*9/L}, {latest: platelets, at_least: 100 10*9/L}",
            "{latest: platelets, at_least: 100 10*9/L}, {latest: neutrophils, at_least: 1.5 10*9/L}",
        )
    ],
    "days written as one day": [("on: day 29", "on: 28 d after day_1")],
    "a repeated dose": [("on: [day 1, day 15]", "on: [day 1, 14 d after day_1]")],
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_is_only_written_otherwise_is_the_same(
    small: Protocol, tmp_path: Path, changes: list[tuple[str, str]]
) -> None:
    assert told(compare(small, written(tmp_path, edited(*changes)))) == {}


OTHERWISE = {
    "another day 1": (
        [("day_1: {first: rituximab,", "day_1: {first: methylprednisolone,")],
        {"moment day_1": "changed", "dose RTX": "changed", "visit week_4": "changed"},
    ),
    "another zone": ([("Europe/Berlin", "Asia/Tokyo")], {"protocol protocol": "changed"}),
    "what silence says": ([("condition: screened", "condition: always")], {"protocol protocol": "changed"}),
    "a gate renamed": (
        [("  recovered:", "  enough:"), ("only_if: recovered", "only_if: enough")],
        {"gate recovered": "renamed"},
    ),
    "a criterion renamed": ([("    I1:", "    I9:")], {"criterion I1": "renamed"}),
    "a longer look back": (
        [("14 d before screened", "21 d before screened")],
        {"criterion E1": "narrower", "eligibility eligibility": "narrower"},
    ),
    "a wider gate": ([("above: 1.5", "above: 1.4")], {"gate recovered": "wider"}),
    "premedication": ([("2 h before dose", "3 h before dose")], {"dose RTX": "changed"}),
}


@pytest.mark.parametrize(("changes", "expected"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_means_something_else_is_told(
    small: Protocol, tmp_path: Path, changes: list[tuple[str, str]], expected: dict[str, str]
) -> None:
    found = told(compare(small, written(tmp_path, edited(*changes))))
    assert {part: relation for part, relation in found.items() if not part.startswith("therapy")} == expected


def test_a_criterion_that_was_split_is_proved_to_let_in_the_same(small: Protocol, tmp_path: Path) -> None:
    whole = "I1: {all: [{latest: neutrophils, at_least: 1.5 10*9/L}, {latest: platelets, at_least: 100 10*9/L}]}"
    parts = "I1: {latest: neutrophils, at_least: 1.5 10*9/L}\n    I3: {latest: platelets, at_least: 100 10*9/L}"
    found = compare(small, written(tmp_path, edited((whole, parts))))
    assert told(found) == {"criterion I1": "wider", "criterion I3": "added"}
    (whole_entry,) = [each for each in found.found if each.part == "eligibility"]
    assert (whole_entry.relation, whole_entry.sure) == ("equal", "proved")


def test_a_measure_that_is_reckoned_otherwise_leaves_open_what_reads_it(small: Protocol, tmp_path: Path) -> None:
    """The statement in the protocol is the same; the library that it uses is not."""
    shipped = (Path(__file__).parents[1] / "rules/formulas.yaml").read_text()
    kept = "creatinine_clearance:"
    before, rest = shipped.split(kept, 1)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/formulas.yaml").write_text(before + kept + rest.replace("within: 90 d", "within: 30 d", 1))
    (tmp_path / "protocol.yaml").write_text(TEXT)
    found = compare(small, load(tmp_path / "protocol.yaml", libraries=(tmp_path,)))
    assert told(found) == {
        "measure creatinine_clearance": "changed",
        "criterion I2": "not proved",
        "eligibility eligibility": "not proved",
    }
