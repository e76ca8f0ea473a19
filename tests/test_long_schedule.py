"""`check` of a long schedule ends: six cycles with blood counts, gates and reductions take a known number of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from trialspec.evaluation import Protocol, load
from trialspec.proofs import prove
from trialspec.proofs.compliant import Trial
from trialspec.solver.translation import Translation

HEAD = """\
language: 1
protocol: cycles
title: Six cycles of three weeks, smaller after toxicity (fictional)
version: 1.0.0
zone: Europe/Berlin
use: [rules/items/blood, rules/items/body, rules/items/drugs, rules/items/conditions, rules/deviations]
silence_means_no: {administration: always, adverse_event: always, condition: screened, therapy: screened}
drugs:
  docetaxel: {label: Docetaxel, unit: mg}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
  day_1: {first: docetaxel, from: screened}
"""
REST = """\
eligibility:
  decided: enrolled
  include:
    I1: {latest: neutrophils, from: 14 d before now, through: now, at_least: 1.5 10*9/L}
    I2: {latest: platelets, from: 14 d before now, through: now, at_least: 100 10*9/L}
  exclude:
    E1: {has: pregnancy, from: now, through: now}
gates:
  recovered:
    all:
      - {latest: neutrophils, from: 3 d before dose, through: dose, at_least: 1.5 10*9/L}
      - {latest: platelets, from: 3 d before dose, through: dose, at_least: 100 10*9/L}
  not_twice: {not: {toxic_cycles: 2}}
  delayed_for_counts:
    any:
      - {not: {given: docetaxel, from: screened, before: dose}}
      - {given: docetaxel, from: 21 d before dose, through: 21 d before dose}
      - {ever: neutrophils, from: 18 d after last_dose, before: dose, below: 1.5 10*9/L}
      - {ever: platelets, from: 18 d after last_dose, before: dose, below: 100 10*9/L}
    otherwise: warn
doses:
  DOC:
    drug: docetaxel
    amount:
      - {when: {toxic_cycles: 1}, is: 60 mg/m2, of: bsa, no_more_than: 150 mg, round_to: 5 mg}
      - {is: 75 mg/m2, of: bsa, no_more_than: 150 mg, round_to: 5 mg}
    route: intravenous
    on: day 1
    every: 21 d
    times: 6
    from: last_dose
    late: 7 d
    first_due: 7 d after enrolled
    give_only_if: [recovered, not_twice, delayed_for_counts]
    premedication: [{given: dexamethasone, from: 12 h before dose, through: 1 h before dose}]
"""


def text() -> str:
    """Write the protocol: two visits in each cycle, and imaging every six weeks."""
    cycles = range(1, 7)
    start = ["day_1", *(f"cycle_{number}" for number in cycles if number > 1)]
    moments = [f"  cycle_{number}: {{first: docetaxel, number: {number}, from: screened}}" for number in cycles[1:]]
    moments.append("  last_dose: {last: docetaxel, from: screened, before: dose}")
    toxic = [f"        - {{toxic_cycle: {one}, till: {other}}}" for one, other in pairwise(start)]
    definitions = [
        "definitions:",
        "  toxic_cycle:",
        "    needs: {since: {type: moment}, till: {type: moment}}",
        "    means:",
        "      all:",
        "        - {happened: $since}",
        (
            "        - {sustained: neutrophils, from: $since, before: $till, below: 0.5 10*9/L,"
            "            for: 8 d, gap_at_most: 8 d}"
        ),
        "  toxic_cycles:",
        "    needs: {number: {type: count}}",
        "    means:",
        "      some_of:",
        *toxic,
        "      at_least: $number",
    ]
    days = {f"c{n}_day_{day}": f"{day - 1} d after {start[n - 1]}" for n in cycles for day in (8, 15)}
    imaging = {f"week_{week}": f"{7 * week} d after day_1" for week in (6, 12, 18)}
    visits = [f"  {name}: {{on: {on}, early: 1 d, late: 1 d}}" for name, on in (days | imaging).items()]
    assessments = [
        "assessments:",
        f"  counts: {{of: [neutrophils, platelets], at: [{', '.join(days)}]}}",
        "  before: {of: [neutrophils, platelets], before: DOC, from: 3 d before dose, through: dose}",
        f"  size: {{of: bsa, at: [{', '.join(imaging)}]}}",
    ]
    parts = [HEAD.rstrip(), *moments, *definitions, "visits:", *visits, *assessments]
    return "\n".join([*parts, REST])


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    file = tmp_path_factory.mktemp("cycles") / "protocol.yaml"
    file.write_text(text())
    return load(file)


def counting(monkeypatch: pytest.MonkeyPatch, done: Counter[str], owner: type, name: str) -> None:
    """Count the calls of a method."""
    was: Callable[..., Any] = getattr(owner, name)

    def counted(*given: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes
        done[name] += 1
        return was(*given, **more)

    monkeypatch.setattr(owner, name, counted)


@pytest.mark.slow
def test_it_ends_after_steps_that_do_not_multiply(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted and not timed: patients who are reported, who are sought by the solver, and rows that it is told of."""
    done: Counter[str] = Counter()
    for owner, name in ((Protocol, "report"), (Trial, "extend"), (Translation, "_in_a_row")):
        counting(monkeypatch, done, owner, name)
    told: list[str] = []
    report = prove(protocol, step=told.append)
    assert {each.code for each in report.findings if each.severity == "error"} == set()
    assert done["report"] == 3, "one for each habit"
    assert done["extend"] <= 6, "most cycles are cleared as the one before was"
    # Each row is told of as it stands and for each record without a time of day; it was so for each subset of all.
    assert done["_in_a_row"] <= 100
    assert told[0] == "criteria"
    assert told[-1] == "a patient treated as late as is permitted"
