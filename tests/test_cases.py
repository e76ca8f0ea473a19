"""Every case in the repository, each a test of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trialspec.casebook import Case, Casebook, case_files, read_cases, run_case

ROOT = Path(__file__).parent.parent
PLACES = ("protocols", "rules", "tests/traps", "tests/semantics", "tests/regressions", "tests/amended")
FILES = [file for place in PLACES for file in case_files(ROOT / place)]


def _cases() -> Iterator[object]:
    for file in FILES:
        book = read_cases(file)
        # A protocol with many visits is read at many instants, and a vague date on each that it may be.
        slow = len(book.protocol.program.visits) > 2 or file.stem == "vague-dates"
        marks = [pytest.mark.slow] if slow else []
        for case in book.cases:
            yield pytest.param(book, case, id=f"{file.relative_to(ROOT)}:{case.place.line}", marks=marks)


@pytest.mark.parametrize(("book", "case"), list(_cases()))
def test_case(book: Casebook, case: Case) -> None:
    result = run_case(book, case)
    if case.xfail and result.passed:
        pytest.xfail(case.xfail)
    assert result.passed, str(result)
