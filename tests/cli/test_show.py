"""Tables on a terminal: whatever its width, nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from trialspec.cli import show
from trialspec.reports.table import Page, Table, as_csv, as_text

TABLE = Table(
    "Doses",
    ("dose", "given", "planned", "window", "gate"),
    (
        ("RTX#1 rituximab", "2014-03-03, 500 mg", "2014-03-03", "2014-03-03 to 2014-03-06", ""),
        ("CYC#1 cyclophosphamide", "2014-03-05, 750 mg", "2014-03-05", "2014-03-03 to 2014-03-07", "met (0.9 10*9/L)"),
    ),
)


def letters(text: str) -> Counter[str]:
    return Counter(char for char in text if char.isalnum())


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 140, 300])
def test_nothing_is_lost_at_any_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(show, "on_terminal", lambda _: True)
    show.page(Page("A page", ("said first",), (TABLE,)))
    written = " ".join(
        ["A page", "said first", TABLE.title, *TABLE.columns, *(cell for row in TABLE.rows for cell in row)]
    )
    assert letters(capsys.readouterr().out) == letters(written)


def test_dates_stay_whole_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(show, "on_terminal", lambda _: True)
    show.page(Page("", (), (TABLE,)))
    shown = capsys.readouterr().out
    assert shown.count("2014-03-03") == 4
    assert shown.count("2014-03-07") == 1


def test_wide_letters_and_combining_marks_stay_in_line() -> None:
    table = Table("", ("a", "b"), (("한양", "x"), ("e\u0301", "y"), ("plain", "z")))
    lines = as_text(Page("", (), (table,))).splitlines()
    assert lines[2:] == ["  한양   x", "  e\u0301      y", "  plain  z"]


def test_a_table_without_rows_says_so_or_is_left_out() -> None:
    said = Table("Alerts", ("a",), (), "none")
    silent = Table("Over", ("a",), ())
    assert as_text(Page("Page", (), (said, silent))) == "Page\n====\n\nAlerts\n  none\n"


def test_columns_without_anything_are_left_out() -> None:
    assert Table("", ("a", "b", "c"), (("1", "", "3"), ("4", "", ""))).filled.columns == ("a", "c")


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("+x", "'+x"), ("@a", "'@a"), ("-b", "'-b"), ("-1.5", "-1.5"), ("+2", "+2"), ("a=b", "a=b")],
)
def test_a_spreadsheet_reads_texts_as_texts_and_numbers_as_numbers(cell: str, written: str) -> None:
    assert as_csv([[cell]]) == f"{written}\n"
