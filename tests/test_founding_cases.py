"""The founding protocol's cases decide everything each way, and notice every small mistake in the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from trialspec import casebook
from trialspec.casebook import Casebook
from trialspec.evaluation import Protocol
from trialspec.proofs.coverage import coverage

pytest.importorskip("z3")

FOUNDING = Path(__file__).parents[1] / "protocols/rituximab-refractory-lupus-nephritis"
PARTS = {"criterion", "component", "category", "course", "dose", "gate", "prohibited", "visit"}


@pytest.fixture(scope="module")
def books() -> list[Casebook]:
    return [casebook.read_cases(file) for file in casebook.case_files(FOUNDING / "protocol.yaml")]


@pytest.fixture(scope="module")
def protocol(books: list[Casebook]) -> Protocol:
    return books[0].protocol


@pytest.mark.slow
def test_every_part_is_decided_each_way_and_every_clause_alone(books: list[Casebook]) -> None:
    points = coverage(books)
    parts = {point.part for point in points}
    assert parts == {"criterion", "gate", "component", "clause", "slot", "visit", "category"}
    assert {point.name: point.missing for point in points if point.missing} == {}


@pytest.mark.slow
def test_mistakes_of_every_sort_are_noticed(books: list[Casebook], protocol: Protocol) -> None:
    """The first and the last mistake in each part; `make test-deep` makes all of them."""
    from trialspec.proofs.mistakes import mutants  # noqa: PLC0415 - it loads the library that proves
    from trialspec.proofs.mutants import survivors  # noqa: PLC0415 - as above

    by_part = {mutant.of.partition(" ")[0]: [mutant] for mutant in reversed(list(mutants(protocol.program)))}
    last = {mutant.of.partition(" ")[0]: mutant for mutant in mutants(protocol.program)}
    assert set(by_part) == PARTS
    left, number = survivors(protocol, books, [*(made[0] for made in by_part.values()), *last.values()])
    assert number == 2 * len(PARTS)
    assert [each.mutant.name for each in left] == []


@pytest.mark.deep
def test_every_mistake_is_noticed(books: list[Casebook], protocol: Protocol) -> None:
    from trialspec.proofs.mutants import survivors  # noqa: PLC0415 - as above

    left, number = survivors(protocol, books)
    assert number > 100
    assert [each.mutant.name for each in left] == []


@pytest.mark.slow
def test_a_mistake_that_no_case_notices_comes_with_few_events(books: list[Casebook], protocol: Protocol) -> None:
    """Without the file of visits nobody asks when week 4 is due; whoever shows it has hardly any other record."""
    from trialspec.proofs.mistakes import mutants  # noqa: PLC0415 - it loads the library that proves
    from trialspec.proofs.mutants import survivors  # noqa: PLC0415 - as above

    others = [book for book in books if not book.cases[0].place.file.endswith("visits.yaml")]
    made = [each for each in mutants(protocol.program) if each.name == "visit week_4: 8 d for 7 d in the window's end"]
    (survivor,), number = survivors(protocol, others, made)
    assert number == 1
    assert (survivor.shows, survivor.expected) == ("visit week_4", "state: overdue")
    assert survivor.witness is not None
    assert len(survivor.witness.events) <= 3
