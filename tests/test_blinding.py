"""Who is blinded is not told what would unblind, in whatever words or column it stands; what is kept is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trialspec.blinding import Blinding
from trialspec.cli import exits, main
from trialspec.evaluation import load

CHECKOUT = Path(__file__).parents[1]

PROTOCOL = """
language: 1
protocol: blinded
title: Two doses, a limit on treatment, two definitions
version: 1.0.0
zone: Asia/Seoul
use: [rules/deviations]
silence_means_no: {administration: always}
measures:
  m: {unit: g, units: {mg: 0.001}}
  secret: {values: [yes, no]}
drugs:
  alpha: {unit: mg}
  beta: {unit: mg}
moments:
  enrolled: {first: enrolment}
  screened: {last: screening, through: enrolled}
  day_1: {first: enrolment}
eligibility:
  include:
    I1: {latest: m, above: 1 g}
  exclude:
    E1: {latest: m, above: 9 g}
gates:
  enough: {latest: m, above: 2 g, otherwise: hold}
  kept: {ever: secret, is: no, otherwise: warn}
doses:
  A: {drug: alpha, amount: 5 mg, on: day 3, late: 2 d, belongs_until: day 20}
  B: {drug: beta, amount: 5 mg, on: day 3, late: 2 d, belongs_until: day 20, give_only_if: [enough]}
course: {of: [A], through: day 20}
visits:
  end: {on: day 10, early: 1 d, late: 1 d}
assessments:
  labs: {of: [m], at: [end]}
responses:
  open:
    at: end
    components: {good: {latest: m, above: 2 g}}
    categories: [{category: better, when: good}, {category: worse, when: otherwise}]
  closed:
    at: end
    components: {active: {latest: secret, is: yes}}
    categories: [{category: treated, when: active}, {category: untreated, when: otherwise}]
alerts:
"""
RULE = """
  blinding/told:
    for_each: {subject}
    when: {when}
    urgency: log
    important: no
    lasts: while_true
    unblinds: yes
    say: It tells
"""


def record(patient: str, number: int, time: str, **content: object) -> str:
    return json.dumps({"id": f"{patient}{number}", "patient": patient, "time": time, **content})


def patient(name: str, secret: str) -> list[str]:
    """Somebody who was given both doses and came to the visit; `secret` is what she was given."""
    return [
        record(name, 1, "2014-02-24", kind="milestone", milestone="screening"),
        record(name, 2, "2014-03-03", kind="milestone", milestone="enrolment"),
        record(name, 3, "2014-03-03", kind="observation", measure="m", value=1.5, unit="g"),
        record(name, 4, "2014-03-05", kind="administration", drug="alpha", amount=5, unit="mg"),
        record(name, 5, "2014-03-05", kind="administration", drug="beta", amount=5, unit="mg"),
        record(name, 6, "2014-03-12", kind="observation", measure="m", value=3, unit="g"),
        record(name, 7, "2014-03-12", kind="observation", measure="secret", value=secret),
    ]


def written(folder: Path, rules: str) -> str:
    (folder / "protocol.yaml").write_text(PROTOCOL + rules, encoding="utf-8")
    (folder / "events.ndjson").write_text("\n".join([*patient("XA1", "yes"), *patient("XB1", "no")]), encoding="utf-8")
    return str(folder / "protocol.yaml")


def run(folder: Path, command: str, *more: str) -> Result:
    words = [command, str(folder / "protocol.yaml"), str(folder / "events.ndjson"), *more]
    return CliRunner().invoke(main, words, catch_exceptions=False)


def shown(folder: Path, *more: str) -> list[dict[str, Any]]:
    found = run(folder, "run", "--as-of", "2014-06-30", "--format", "json", *more)
    patients: list[dict[str, Any]] = json.loads(found.stdout)["patients"]
    return patients


def told(of: dict[str, Any]) -> set[str]:
    return {f"{each['subject']} {each['name']}" for each in of["findings"]}


# --- which findings tell it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "when", "kept"),
    [
        ("gate", "{verdict: not_met, otherwise: warn}", {"gate kept"}),
        ("gate", "{verdict: not_met, otherwise: hold}", {"gate enough", "dose B#1"}),
        ("category", "{category: treated}", {"category closed@end", "component closed@end/active"}),
        (
            "category",
            "{category: not_evaluable}",
            {
                *("category closed@end", "component closed@end/active"),
                *("category open@end", "component open@end/good"),
            },
        ),
        ("criterion", "{role: exclude, verdict: met}", {"criterion E1", "eligibility eligibility"}),
        (
            "eligibility",
            "{enrolled: yes, at_enrolment: ineligible}",
            {"eligibility eligibility", "criterion I1", "criterion E1"},
        ),
        ("dose", "{state: held}", {"dose B#1", "gate enough"}),
        ("dose", "{departure: [gate_not_met, gate_unknown]}", {"dose B#1", "gate enough"}),
        ("dose", "{state: missed}", {"dose A#1", "dose B#1", "course course"}),
        ("visit", "{state: missed}", {"visit end", "assessment labs@end/m"}),
        ("assessment", "{state: missed}", {"assessment labs@end/m"}),
        ("course", "{complete: no}", {"course course"}),
    ],
)
def test_what_may_tell_it_is_kept_whatever_became_of_the_patient(
    tmp_path: Path, subject: str, when: str, kept: set[str]
) -> None:
    written(tmp_path, RULE.replace("{subject}", subject).replace("{when}", when))
    for blinded, whole in zip(shown(tmp_path), shown(tmp_path, "--unblinded"), strict=True):
        assert told(whole) - told(blinded) == kept
        subjects = {name.partition(" ")[2] for name in kept}
        assert not {each["subject"] for each in blinded["alerts"]} & subjects
        assert "blinding/told" not in json.dumps(blinded)
        needed = {name for each in blinded["queries"] for name in each["needed_for"].split(", ")}
        assert not needed & kept


def test_without_a_rule_that_unblinds_nothing_is_kept(tmp_path: Path) -> None:
    protocol = load(Path(written(tmp_path, "  dosing/late: {important: no}\n")))
    assert protocol.blinding == Blinding()
    assert shown(tmp_path) == shown(tmp_path, "--unblinded")


def test_two_patients_who_differ_in_the_secret_alone_look_alike(tmp_path: Path) -> None:
    rule = RULE.replace("{subject}", "category").replace("{when}", "{category: treated}")
    other = RULE.replace("{subject}", "gate").replace("{when}", "{verdict: not_met, otherwise: warn}")
    written(tmp_path, rule + other.replace("told:", "kept:"))

    def alike(form: str, *more: str) -> bool:
        pages = {
            run(tmp_path, "run", "--as-of", "2014-06-30", "--format", form, "--patient", name, *more)
            .stdout.partition('"withheld"')[0]
            .replace(name, "somebody")
            for name in ("XA1", "XB1")
        }
        return len(pages) == 1

    for form in ("table", "json", "queries", "deviations"):
        assert alike(form)
    assert not alike("table", "--unblinded")
    assert not alike("json", "--unblinded")


# --- where it is said that something is kept --------------------------------------------------------------------------


def test_what_is_kept_is_counted(tmp_path: Path) -> None:
    written(tmp_path, RULE.replace("{subject}", "category").replace("{when}", "{category: treated}"))
    found = run(tmp_path, "run", "--as-of", "2014-06-30", "--format", "json")
    # Of each patient the category and its component; the final category of each, and that one was treated.
    assert json.loads(found.stdout)["withheld"] == {"alerts": 3, "findings": 4}
    assert "alerts withheld, because they would unblind: 3\n" in found.stderr
    assert "findings withheld, because they would unblind: 4; `--unblinded` shows them\n" in found.stderr
    whole = run(tmp_path, "run", "--as-of", "2014-06-30", "--format", "json", "--unblinded")
    assert json.loads(whole.stdout)["withheld"] == {"alerts": 0, "findings": 0}
    assert "withheld" not in whole.stderr


def test_explain_says_that_what_is_asked_for_would_unblind(tmp_path: Path) -> None:
    written(tmp_path, RULE.replace("{subject}", "gate").replace("{when}", "{verdict: not_met, otherwise: hold}"))
    asked = ("--patient", "XA1", "--as-of", "2014-06-30", "--dose", "B#1")
    found = run(tmp_path, "explain", *asked)
    assert found.exit_code == exits.WRONG
    assert "error[withheld]: what is found of the dose `B#1` would unblind" in found.stderr
    assert run(tmp_path, "explain", *asked, "--unblinded").exit_code == exits.FINE
    everything = run(tmp_path, "explain", *asked[:4])
    assert "B#1" not in everything.stdout
    assert "findings withheld" in everything.stderr


def test_rescore_leaves_out_a_definition_that_would_unblind(tmp_path: Path) -> None:
    written(tmp_path, RULE.replace("{subject}", "category").replace("{when}", "{category: treated}"))
    found = run(tmp_path, "rescore", "--as-of", "2014-06-30")
    assert "treated" not in found.stdout
    assert "definitions withheld, because they would unblind: 1\n" in found.stderr
    named = run(tmp_path, "rescore", "--as-of", "2014-06-30", "--definition", "closed")
    assert (named.exit_code, "error[withheld]" in named.stderr) == (exits.WRONG, True)
    assert "treated" in run(tmp_path, "rescore", "--as-of", "2014-06-30", "--unblinded").stdout


def test_the_calendar_leaves_out_doses_that_would_unblind(tmp_path: Path) -> None:
    written(tmp_path, RULE.replace("{subject}", "gate").replace("{when}", "{verdict: not_met, otherwise: hold}"))
    found = run(tmp_path, "calendar", "--as-of", "2014-03-04")
    assert ("A#1" in found.stdout, "B#1" in found.stdout) == (True, False)
    assert "findings withheld" in found.stderr
    assert "B#1" in run(tmp_path, "calendar", "--as-of", "2014-03-04", "--unblinded").stdout


def test_a_watch_keeps_what_tells_the_same(tmp_path: Path) -> None:
    protocol = written(tmp_path, RULE.replace("{subject}", "category").replace("{when}", "{category: treated}"))
    words = ["watch", protocol, "--from", str(tmp_path / "events.ndjson")]
    blinded = CliRunner().invoke(main, words, catch_exceptions=False)
    assert "closed" not in blinded.stdout
    assert "alerts withheld" in blinded.stderr
    assert "closed@end" in CliRunner().invoke(main, [*words, "--unblinded"], catch_exceptions=False).stdout


# --- a rule of a library ----------------------------------------------------------------------------------------------


def test_a_protocol_says_that_a_rule_of_a_library_unblinds(tmp_path: Path) -> None:
    protocol = load(Path(written(tmp_path, "  dosing/given-without-clearance: {unblinds: yes}\n")))
    assert {rule.name for rule in protocol.rulebook.rules if rule.unblinds} == {"dosing/given-without-clearance"}
    assert protocol.blinding.plans == {"B"}
    assert protocol.blinding.gates == {"enough"}


# --- the protocols that are shipped -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *((name, Blinding(gates=frozenset({"infusions_as_allocated"}))) for name in ("lunar", "explorer", "bliss-ln")),
        ("alms", Blinding(gates=frozenset({"maintenance_as_allocated"}))),
        ("access", Blinding(responses=frozenset({"branch"}))),
    ],
)
def test_published_trials_keep_no_more_than_they_must(name: str, kept: Blinding) -> None:
    protocol = load(CHECKOUT / "protocols" / name / "protocol.yaml")
    assert replace(protocol.blinding, planned=frozenset()) == kept
