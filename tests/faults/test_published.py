"""The published protocols: of none does `check` say more than notes and what is accepted, and each has its cases.

What `check` once said of one of them without reason is asked again of a small protocol: it is silent, and where the
same thing is truly wrong it is not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trialspec.casebook import case_files, read_cases
from trialspec.evaluation import Protocol, load
from trialspec.proofs import prove
from trialspec.proofs.beside import passed
from trialspec.proofs.compliant import ENROLLED, ENTERED, arms, follow
from trialspec.solver.asking import LIMIT

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(path for path in (ROOT / "protocols").iterdir() if path.is_dir())
SMALL = """language: 1
protocol: small
title: A run-in before randomisation, and a drug for one of two arms
version: 1.0.0
zone: Asia/Seoul
use: [rules/lupus-nephritis, rules/deviations]
silence_means_no: {administration: always, condition: screened, therapy: screened}
arms: {active: {text: the drug}, control: {text: nothing}}
moments:
  enrolled: {first: randomisation}
  screened: {last: screening, through: enrolled}
  day_1: {first: randomisation}
eligibility:
  decided: enrolled
  include:
    I1: {age: screened, at_least: 15 y}
    I2: {value_at: run_in, of: upcr, at_least: 1 g/g}
    I3: {latest: creatinine, at_most: 2 mg/dL}
visits:
  first: {from: 7 d before screened, through: screened, first_due_from: screened, first_due: 1 wk after screened}
  run_in: {on: 6 wk after screened, early: 7 d, late: 7 d, first_due_from: screened, first_due: 7 wk after screened}
  month_3: {on: day 85, early: 7 d, late: 7 d}
assessments:
  kidney: {of: [upcr, creatinine], at: [first, run_in, month_3]}
doses:
  RTX:
    drug: rituximab
    amount: 500 mg
    route: intravenous
    on: [day 15, day 29]
    late: 3 d
    interval_at_least: 9 d
    only_if: {arm: active}
"""


def small(folder: Path, old: str = "", new: str = "") -> Protocol:
    assert old in SMALL
    file = folder / "protocol.yaml"
    file.write_text(SMALL.replace(old, new) if old else SMALL, encoding="utf-8")
    return load(file)


@pytest.mark.slow
@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_of_a_published_protocol_nothing_is_said_but_notes(path: Path) -> None:
    report = prove(load(path))
    said = [f"{each.code} {each.of}" for each in report.findings if each.severity != "note" and not each.accepted]
    assert said == []
    assert [each.answer for each in report.questions if each.of == "plan" and each.answer.startswith("not asked")] == []


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_a_published_protocol_has_its_cases(path: Path) -> None:
    assert sum(len(read_cases(file).cases) for file in case_files(path)) >= 8


@pytest.mark.slow
def test_what_is_accepted_of_a_plan_is_not_said_to_be_gone_where_nobody_can_enter(tmp_path: Path) -> None:
    accepted = "accepted:\n  - {finding: never-due, of: month_3, reason: as it was once}\narms: {active"
    told = []
    for change in ("", "    I3: {all: [{latest: creatinine, below: 1 mg/dL}, {latest: creatinine, above: 2 mg/dL}]}\n"):
        protocol = small(tmp_path, "arms: {active", accepted)
        if change:
            text = (tmp_path / "protocol.yaml").read_text(encoding="utf-8")
            old = "    I3: {latest: creatinine, at_most: 2 mg/dL}\n"
            (tmp_path / "protocol.yaml").write_text(text.replace(old, change), encoding="utf-8")
            protocol = load(tmp_path / "protocol.yaml")
        told.append([each.code for each in prove(protocol).findings if each.severity != "note"])
    assert told[0] == ["accepted-stale"]
    assert "accepted-stale" not in told[1], "the plan was not asked about"
    assert told[1]


@pytest.mark.slow
def test_nobody_is_told_off_who_is_seen_before_randomisation_and_is_in_an_arm(tmp_path: Path) -> None:
    assert [f"{each.code} {each.of}" for each in prove(small(tmp_path)).findings] == []


@pytest.mark.slow
def test_what_is_wrong_with_the_doses_of_one_arm_is_found(tmp_path: Path) -> None:
    protocol = small(tmp_path, "doses:\n", "prohibited: {none: {given: rituximab, from: enrolled}}\ndoses:\n")
    assert {f"{each.code} {each.of}" for each in prove(protocol).findings} == {
        "dose-prohibited RTX#1",
        "dose-prohibited RTX#2",
    }


def test_a_patient_is_followed_in_every_arm_that_has_doses_of_its_own(tmp_path: Path) -> None:
    protocol = small(tmp_path)
    assert arms(protocol) == ("active", "control")
    assert arms(small(tmp_path, "    only_if: {arm: active}\n")) == ("",)
    for arm, doses in (("active", 2), ("control", 0)):
        trial = follow(protocol, "plan", LIMIT, arm=arm)
        assert trial is not None
        assert len(trial.doses) == doses


def test_one_who_keeps_to_the_plan_is_screened_once_and_seen_before_randomisation(tmp_path: Path) -> None:
    trial = follow(small(tmp_path), "plan", LIMIT, arm="control")
    assert trial is not None
    milestones = [event.content.get("milestone") for event in trial.events]
    assert [milestones.count(each) for each in ("consent", "screening", "randomisation")] == [1, 1, 1]
    assert trial.visits["run_in"] < ENROLLED
    assert not trial.silent
    # Whatever is measured on the way in still lets the patient in.
    entry = [passed(each) for each in trial.protocol.program.criteria]
    assert trial.reads(entry, ENROLLED, ENTERED)
    assert {"upcr", "creatinine"} <= {e.content.get("measure") for e in trial.events if e.time == trial.seen["first"]}
