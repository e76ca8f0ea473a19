"""Diagnostics: how they look, what they say, and that every code has a long text."""

import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialspec
from trialspec.diagnostics import CODES, Diagnostic, Place, ProtocolError, did_you_mean, has_errors, render, to_json


def span(line: int, column: int, end_column: int, end_line: int = 0) -> Place:
    return Place("p.yaml", line, column, end_line or line, end_column)


def shown(text: str, place: Place | None, message: str = "what is wrong") -> list[str]:
    return render(Diagnostic("bad-value", message, place), lambda _: text).splitlines()


def test_the_rendering_of_the_house_style() -> None:
    text = "\n" * 13 + "    at_least: 30 mg/dL\n"
    diagnostic = Diagnostic(
        "unit-mismatch",
        "`egfr` is in mL/min, but the limit is in mg/dL",
        Place("protocols/demo/protocol.yaml", 14, 15, 14, 23),
        ((Place("rules/items/renal.yaml", 8, 9, 8, 13), "`egfr` is declared here"),),
        "write the limit as `30 mL/min`",
    )
    assert render(diagnostic, {"protocols/demo/protocol.yaml": text}.get) == (
        "protocols/demo/protocol.yaml:14:15: error[unit-mismatch]: `egfr` is in mL/min, but the limit is in mg/dL\n"
        "   14 |     at_least: 30 mg/dL\n"
        "      |               ^^^^^^^^\n"
        "  rules/items/renal.yaml:8:9: `egfr` is declared here\n"
        "  help: write the limit as `30 mL/min`"
    )


def test_a_diagnostic_without_place_has_no_excerpt() -> None:
    diagnostic = Diagnostic("unknown-file", "`rules/x` was not found", None, severity="warning")
    assert render(diagnostic, lambda _: "text") == "warning[unknown-file]: `rules/x` was not found"


@pytest.mark.parametrize("text", [None, "", "one line only"])
def test_a_place_that_cannot_be_shown_has_no_excerpt(text: str | None) -> None:
    diagnostic = Diagnostic("bad-value", "wrong", span(3, 1, 2))
    assert render(diagnostic, lambda _: text) == "p.yaml:3:1: error[bad-value]: wrong"


def test_an_empty_span_has_one_caret() -> None:
    assert shown("key:", span(1, 5, 5))[1:] == ["    1 | key:", "      |     ^"]


def test_a_span_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    assert shown("a: one  \n  two\n", span(1, 4, 6, end_line=2))[1:] == ["    1 | a: one", "      |    ^^^"]


def test_a_tab_takes_four_columns_above_and_below() -> None:
    assert shown("\ta:\tb", span(1, 5, 6))[1:] == ["    1 |     a:    b", "      |           ^"]


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert shown("서울: e\u0301x", span(1, 1, 3))[1:] == ["    1 | 서울: e\u0301x", "      | ^^^^"]
    assert shown("서울: e\u0301x", span(1, 5, 8))[1:] == ["    1 | 서울: e\u0301x", "      |       ^^"]


def test_a_long_line_is_shown_around_the_caret() -> None:
    _, line, caret = shown("a" * 500 + "WRONG" + "b" * 500, span(1, 501, 506))
    assert line == "    1 | …" + "a" * 40 + "WRONG" + "b" * 55 + "…"
    assert caret == "      | " + " " * 41 + "^" * 5


def test_a_long_line_keeps_its_beginning_or_end_where_that_is_near() -> None:
    assert shown("WRONG" + "b" * 500, span(1, 1, 6))[1:] == ["    1 | WRONG" + "b" * 95 + "…", "      | ^^^^^"]
    assert shown("a" * 500 + "WRONG", span(1, 501, 506))[1:] == [
        "    1 | …" + "a" * 40 + "WRONG",
        "      | " + " " * 41 + "^" * 5,
    ]


def test_a_long_span_is_cut() -> None:
    _, line, caret = shown("a: " + "x" * 500, span(1, 4, 504))
    assert line == "    1 | a: " + "x" * 97 + "…"
    assert caret == "      |    " + "^" * 97


def test_the_terminal_is_out_of_reach_of_the_file() -> None:
    text = "a: \x1b[31m\u202egreen\x07"
    rendering = render(Diagnostic("bad-value", f"`{text}`\nsecond", span(1, 4, 9), (), "\x9b0m"), lambda _: text)
    assert rendering.splitlines() == [
        "p.yaml:1:4: error[bad-value]: `a: \ufffd[31m\ufffdgreen\ufffd`\\nsecond",
        "    1 | a: \ufffd[31m\ufffdgreen\ufffd",
        "      |    ^^^^^",
        "  help: \ufffd0m",
    ]


numbers = st.integers(1, 300)


@given(st.text(), numbers, numbers, numbers, numbers)
def test_any_place_in_any_text_is_shown(text: str, line: int, column: int, end_line: int, end_column: int) -> None:
    """The caret line is as wide as the excerpt's window at most, and nothing breaks."""
    rendering = shown(text, Place("p.yaml", line, column, end_line, end_column))
    assert len(rendering) in (1, 3)
    if len(rendering) == 3:
        assert len(rendering[2]) <= len("      | ") + 101
        assert re.fullmatch(r" +\| +\^+", rendering[2])


def test_json_holds_all_of_it() -> None:
    place = span(1, 2, 4)
    diagnostic = Diagnostic("bad-value", "wrong", place, ((span(2, 1, 3), "see here"),), "do this")
    written = {"file": "p.yaml", "line": 1, "column": 2, "end_line": 1, "end_column": 4}
    assert json.loads(json.dumps(to_json(diagnostic))) == {
        "severity": "error",
        "code": "bad-value",
        "message": "wrong",
        "place": written,
        "related": [
            {"place": {**written, "line": 2, "column": 1, "end_line": 2, "end_column": 3}, "message": "see here"}
        ],
        "help": "do this",
    }
    assert to_json(Diagnostic("bad-value", "wrong", None))["place"] is None


def test_an_error_carries_all_diagnostics_once_in_order_of_place() -> None:
    nowhere = Diagnostic("unknown-file", "gone", None)
    first, second, tenth = (Diagnostic("bad-value", "wrong", span(line, 1, 2)) for line in (1, 2, 10))
    error = ProtocolError([tenth, second, nowhere, first, second])
    assert error.diagnostics == (nowhere, first, second, tenth)
    assert str(error).splitlines()[1] == "p.yaml:1:1: error[bad-value]: wrong"
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics  # noqa: S301


def test_warnings_and_notes_are_no_errors() -> None:
    warning, note = (Diagnostic("bad-value", "odd", None, severity=severity) for severity in ("warning", "note"))
    assert not has_errors([warning, note])
    assert has_errors([warning, Diagnostic("bad-value", "wrong", None)])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("creatinin", "creatinine"),
        ("Creatinine", "creatinine"),
        ("protein_urine_24h", "urine_protein_24h"),
        ("urine-protein-24h", "urine_protein_24h"),
        ("neutrophil", "neutrophils"),
    ],
)
def test_a_close_name_is_suggested(name: str, meant: str) -> None:
    names = ["c3", "c4", "creatinine", "neutrophils", "urine_protein_24h", "urine_creatinine"]
    assert did_you_mean(name, names) == f"did you mean `{meant}`?"


@pytest.mark.parametrize("name", ["", "c5", "haemoglobin", "x" * 1_000_000])
def test_a_far_name_is_not_suggested(name: str) -> None:
    assert did_you_mean(name, ["c3", "c4", "creatinine", "x" * 90]) == ""


@given(st.text(min_size=1, max_size=5), st.lists(st.text(max_size=5)))
def test_a_suggestion_is_another_candidate_and_does_not_depend_on_their_order(name: str, names: list[str]) -> None:
    question = did_you_mean(name, names)
    assert question == did_you_mean(name, names[::-1])
    assert question in {"", *(f"did you mean `{other}`?" for other in names if other != name)}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_meaning_and_a_sentence_of_advice(code: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    meaning, advice = CODES[code].split("\n\nWhat to do: ")
    assert re.fullmatch(r"[A-Z`].{20,}\.", meaning)
    assert re.fullmatch(r"[A-Z].{15,}\.", advice)


def test_every_code_in_use_has_a_long_text() -> None:
    package = Path(trialspec.__file__).parent
    sources = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    written = re.compile(r"""(?:Diagnostic|\.report)\(\s*(?:code=)?"([a-z0-9-]+)\"""")
    used = {code for source in sources for code in written.findall(source)}
    assert len(used) > 10
    assert used <= set(CODES)
