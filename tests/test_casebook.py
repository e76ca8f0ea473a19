"""Cases fail where they should, say where and why, and what is wrong with a file of cases is a diagnostic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trialspec.casebook import case_files, read_cases, run
from trialspec.diagnostics import ProtocolError
from trialspec.events import CARRIES

HEAD = """\
day_1: 2014-03-03
protocol:
  language: 1
  protocol: small
  title: One dose and one gate
  version: 1.0.0
  zone: Asia/Seoul
  use: [rules/items/blood, rules/items/drugs, rules/items/conditions, rules/deviations]
  silence_means_no: {administration: always, condition: screened}
  moments:
    day_1: {first: enrolment}
  eligibility:
    include:
      I1: {has: active_infection}
  gates:
    enough: {latest: neutrophils, from: 7 d before dose, through: dose, above: 1.5 10*9/L}
  doses:
    CYC: {drug: cyclophosphamide, amount: 750 mg, on: day 3, belongs_until: day 28, give_only_if: enough}
background:
  - day -7: consent 1.0.0
  - day -5: screening
  - day -5: pneumonia
  - day 1: enrolment
cases:
"""

HELD = """\
  - case: held by a count of 1.5
    events:
      - day 3 08:00: neutrophils 1.5 10*9/L
    expect:
      day 3: {CYC#1: {state: STATE, gate: not_met}, alerts: [ALERTS]}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "cases.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def results(folder: Path, cases: str) -> list[str]:
    return [str(result) for result in run(read_cases(written(folder, HEAD + cases)))]


def wrong(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProtocolError) as error:
        read_cases(written(folder, text))
    return [str(diagnostic).replace(str(folder) + "/", "") for diagnostic in error.value.diagnostics]


def test_a_case_that_holds_passes(tmp_path: Path) -> None:
    (told,) = results(tmp_path, HELD.replace("STATE", "held").replace("ALERTS", "dosing/held CYC#1"))

    assert told.endswith("cases.yaml:25:11: held by a count of 1.5: passed")


def test_what_is_otherwise_is_told_with_its_place_and_what_happened(tmp_path: Path) -> None:
    (told,) = results(tmp_path, HELD.replace("STATE", "due").replace("ALERTS", "dosing/overdue"))

    assert told.replace(str(tmp_path) + "/", "") == (
        "cases.yaml:25:11: held by a count of 1.5\n"
        "cases.yaml:29:30: CYC#1 state, at 2014-03-05T23:59:59+09:00\n"
        "  expected: due\n"
        "  actual:   held (enough not met: exactly the limit)\n"
        "cases.yaml:29:60: alerts, at 2014-03-05T23:59:59+09:00\n"
        "  expected: dosing/overdue\n"
        "  actual:   dosing/held CYC#1\n"
        "what happened:\n"
        "  2014-02-24       b1   consent 1.0.0\n"
        "  2014-02-26       b2   screening\n"
        "  2014-02-26       b3   pneumonia\n"
        "  2014-03-03       b4   enrolment\n"
        "  2014-03-05T08:00 e1   neutrophils 1.5 10*9/L"
    )


@pytest.mark.parametrize(
    ("expected", "passes"),
    [
        ("{alerts: none, raised: none}", False),
        ("{alerts: []}", False),
        ("{alerts: dosing/held}", True),
        ("{alerts: [dosing/held, dosing/held]}", False),
        ("{alerts: [dosing/held CYC#2]}", False),
        ("{raised: [dosing/held CYC#1]}", True),
        ("{CYC#1: held}", True),
        ("{dose CYC#1: held}", True),
        ("{CYC#1: {departure: none}}", True),
        ("{CYC#1: {departure: [early]}}", False),
        ("{CYC#1: {depature: none}}", False),
        ("{CYC#2: held}", False),
        ("{CYC#2: nothing}", True),
        ("{CYC#1: nothing}", False),
        ("{gate enough: {verdict: not_met, margin: 0, because: [e1], missing: none}}", True),
        ("{gate enough: {because: [b1, e1]}}", False),
        ("{I1: {verdict: met, because: [b2, b3, b4]}, eligibility: eligible, patient: valid}", True),
        ("{I1: [met]}", True),
        ("{I1: [met, not_met]}", False),
    ],
)
def test_lists_are_exact_and_the_rest_is_what_is_asked(tmp_path: Path, expected: str, passes: bool) -> None:
    case = "  - case: held\n    events: [day 3 08:00: neutrophils 1.5 10*9/L]\n    expect:\n      day 3: "
    (told,) = results(tmp_path, f"{case}{expected}\n")

    assert told.endswith("passed") is passes, told


def test_a_time_is_asked_at_its_end_or_at_its_instant_and_as_known(tmp_path: Path) -> None:
    cases = """\
  - case: at several times
    available: at once
    events:
      - day 3 08:00: {kind: observation, measure: neutrophils, value: 1.5, unit: 10*9/L, available: day 4}
    expect:
      day 3 07:59: {gate enough: unknown}
      2014-03-05T08:00: {gate enough: not_met}
      2014-03-04T23:00Z: {gate enough: not_met}
      day 3 as known day 3: {gate enough: unknown}
      day 3 as known day 4: {gate enough: not_met}
"""
    (told,) = results(tmp_path, cases)

    assert told.endswith("passed"), told


def test_events_are_told_in_sentences_or_by_their_keys(tmp_path: Path) -> None:
    cases = """\
  - case: sentences
    background: none
    events:
      - day -8: no active_infection
      - day -7: consent 1.0.0
      - day 3: cyclophosphamide 750 mg intravenous for CYC#1
      - day 3: hbsag negative at week_1
      - day 3: {administration: rituximab, amount: 500, unit: mg}
      - day 3: treatment_stopped adverse_event
    expect:
      day 3: {I1: not_met, CYC#1: given, patient: {consent: valid}}
"""
    book = read_cases(written(tmp_path, HEAD + cases))

    assert [dict(event.content) for event in book.cases[0].events] == [  # type: ignore[union-attr]
        {"absent": "yes", "concept": "active_infection"},
        {"milestone": "consent", "version": "1.0.0"},
        {"amount": "750", "drug": "cyclophosphamide", "planned": "CYC#1", "route": "intravenous", "unit": "mg"},
        {"measure": "hbsag", "value": "negative", "visit": "week_1"},
        {"amount": "500", "drug": "rituximab", "unit": "mg"},
        {"milestone": "treatment_stopped", "reason": "adverse_event"},
    ]
    assert [event.id for event in book.cases[0].events] == ["e1", "e2", "e3", "e4", "e5", "e6"]


def test_the_background_can_be_left_out_in_part(tmp_path: Path) -> None:
    cases = "  - {case: a, without: [b3], expect: {day 1: {I1: not_met}}}\n"
    (told,) = results(tmp_path, cases)

    assert told.endswith("passed"), told


def test_a_known_gap_speaks_up_when_it_closes(tmp_path: Path) -> None:
    gap = HELD.replace("ALERTS", "dosing/held") + "    xfail: the language has no word for it\n"
    failing, closing = gap.replace("STATE", "due"), gap.replace("STATE", "held")

    assert results(tmp_path, failing)[0].endswith("fails as expected: the language has no word for it")
    (told,) = run(read_cases(written(tmp_path, HEAD + closing)))
    assert not told.passed
    assert str(told).endswith("(the language has no word for it), and it does not: remove `xfail`")


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ("  - {expect: {day 1: {I1: met}}}", "cases.yaml:25:5: error[missing-key]: `case` is missing"),
        ("  - {case: a}", "cases.yaml:25:5: error[missing-key]: `expect` is missing"),
        ("  - {case: a, expect: {}}", "cases.yaml:25:23: error[bad-value]: nothing is expected here"),
        ("  - {case: a, expect: {day 1: {}}}", "cases.yaml:25:31: error[bad-value]: nothing is expected here"),
        (
            "  - {case: a, expct: {day 1: {I1: met}}, expect: {day 1: {I1: met}}}",
            "cases.yaml:25:15: error[unknown-key]: `expct` is not a key here",
        ),
        (
            "  - {case: a, expect: {day 0: {I1: met}}}",
            "cases.yaml:25:24: error[day-0]: there is no day 0",
        ),
        (
            "  - {case: a, expect: {2014-03: {I1: met}}}",
            "cases.yaml:25:24: error[bad-date]: `2014-03` is not a date or an instant",
        ),
        (
            "  - {case: a, events: [day 1: neutrophil 3 10*9/L], expect: {day 1: {I1: met}}}",
            "cases.yaml:25:31: error[unknown-name]: `neutrophil` is no milestone and not in the vocabulary",
        ),
        (
            "  - {case: a, events: [day 1: neutrophils 3 10*9/L at noon today], expect: {day 1: {I1: met}}}",
            "cases.yaml:25:31: error[bad-value]: `at noon today` is more than a sentence can say of `neutrophils`",
        ),
        (
            "  - {case: a, events: [neutrophils], expect: {day 1: {I1: met}}}",
            "cases.yaml:25:24: error[wrong-type]: an event is a time and what happened then",
        ),
        (
            "  - {case: a, without: [b9], expect: {day 1: {I1: met}}}",
            "cases.yaml:25:25: error[unknown-name]: the background has no event `b9`",
        ),
        (
            "  - {case: a, available: later, expect: {day 1: {I1: met}}}",
            "cases.yaml:25:26: error[bad-value]: `available` is `at once` or `unknown`, not `later`",
        ),
        (
            "  - {case: a, expect: {day 1: {I1: met}}}\n  - {case: a, expect: {day 1: {I1: met}}}",
            "cases.yaml:26:12: error[duplicate-name]: there are two cases `a`",
        ),
    ],
)
def test_what_is_wrong_with_a_case_is_told_with_its_place(tmp_path: Path, cases: str, said: str) -> None:
    assert said in wrong(tmp_path, HEAD + cases + "\n")


def test_what_is_wrong_with_the_protocol_inside_is_told_where_it_stands(tmp_path: Path) -> None:
    text = HEAD.replace("above: 1.5 10*9/L", "above: 1.5 mg") + "  - {case: a, expect: {day 1: {I1: met}}}\n"

    assert wrong(tmp_path, text)[0].startswith("cases.yaml:16:80: error[unit-mismatch]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: []\n", "error[missing-key]: it is not said which protocol the cases are about"),
        ("protocol: protocols/nothing\ncases: []\n", "error[unknown-file]: there is no protocol `protocols/nothing`"),
        ("cases: [\n", "error[yaml-syntax]"),
        ("- a\n", "error[wrong-type]: a mapping is expected here, this is a list"),
        ("", "error[empty-file]"),
    ],
)
def test_a_file_that_is_none_is_a_diagnostic(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in each for each in wrong(tmp_path, text))


def test_a_file_that_is_not_there_is_a_diagnostic(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="unknown-file"):
        read_cases(tmp_path / "none.yaml")


def test_cases_are_found_by_file_protocol_and_directory(tmp_path: Path) -> None:
    for place in ("one/protocol.yaml", "one/cases/a.yaml", "one/cases/more/b.yaml", "two/cases/c.yaml", "d.yaml"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "d.yaml").write_text("cases: []\n")
    # Files of other programs are nobody's cases.
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")

    def found(name: str) -> list[str]:
        return [file.relative_to(tmp_path).as_posix() for file in case_files(tmp_path / name)]

    assert found("one") == found("one/protocol.yaml") == ["one/cases/a.yaml", "one/cases/more/b.yaml"]
    assert found("one/cases/a.yaml") == ["one/cases/a.yaml"]
    assert found("") == ["d.yaml", "one/cases/a.yaml", "one/cases/more/b.yaml", "two/cases/c.yaml"]


def test_the_example_of_the_documentation_comes_out_as_it_says(tmp_path: Path) -> None:
    _, example, _, told, *_ = (Path(__file__).parent.parent / "docs/cases.md").read_text(encoding="utf-8").split("```")
    example = example.removeprefix("yaml\n")

    right = read_cases(written(tmp_path, example))
    otherwise = read_cases(written(tmp_path, example.replace("neutrophils 1.6", "neutrophils 1.4")))

    assert all(result.passed for result in run(right))
    (failed,) = (str(result) for result in run(otherwise) if not result.passed)
    assert failed.replace(otherwise.file, "cases/gate.yaml") == told.strip()


def test_the_documentation_lists_what_each_kind_of_event_carries() -> None:
    text = (Path(__file__).parent.parent / "docs/cases.md").read_text(encoding="utf-8")

    for kind, keys in CARRIES.items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{kind}` | `{keys[0]}`"))
        assert set(re.findall(r"`([a-z_]+)`", row)) - {kind} == set(keys) - {"same_as"} - {kind}


EVENT = """\
  - case: an event that no source could send
    events:
      - day 3: {EVENT}
    expect:
      day 3: {CYC#1: due}
"""


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("measure: neutrophils, value: 1.5, unit: 10*9/L", "27:16: error[missing-key]: it is not said what kind"),
        ("observation: neutrophils, valeu: 1.5", "27:43: error[unknown-key]: `valeu` is not a key of this event"),
        ("kind: observaton, measure: neutrophils", "27:23: error[bad-value]: `observaton` is not a kind of event"),
        (
            "therapy: rituximab, condition: pneumonia",
            "27:37: error[bad-value]: an event is of one kind",
        ),
    ],
)
def test_an_event_that_says_no_kind_or_has_a_key_that_none_has_is_a_slip_of_the_case(
    tmp_path: Path, event: str, told: str
) -> None:
    (found,) = wrong(tmp_path, HEAD + EVENT.replace("EVENT", event))
    assert told in found


def test_a_retraction_needs_no_kind_and_keys_of_ones_own_begin_with_x(tmp_path: Path) -> None:
    for event in ("id: b4, revision: 1, status: entered_in_error", "observation: neutrophils, x_room: 3"):
        assert read_cases(written(tmp_path, HEAD + EVENT.replace("EVENT", event))).cases


def test_a_file_without_a_case_is_wrong(tmp_path: Path) -> None:
    (found,) = wrong(tmp_path, HEAD.replace("cases:\n", "cases: []\n"))
    assert "error[bad-value]: there is no case here" in found
