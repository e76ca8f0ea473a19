"""Laws of what is found of doses, over generated courses of treatment and five plans."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.findings.builders import (
    CYC,
    ENROLLED,
    FOUNDING,
    RTX,
    SEOUL,
    after,
    cyc,
    day,
    instant,
    milestone,
    neutrophils,
    not_done,
    on_day,
    plan,
    program,
    rtx,
    timeline,
    when,
)
from trialspec.findings.doses import doses
from trialspec.findings.found import Found
from trialspec.interpreters.reading import Question
from trialspec.program import Course
from trialspec.quantity import Duration
from trialspec.times import DAY, When

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialspec.findings.finding import Finding
    from trialspec.patient import Item, Timeline

pytestmark = pytest.mark.slow

CYCLE = program(
    plan("RTX", "rituximab", "500", on_day(1), early=3, late=3, interval=Duration(21, "d"), times=4),
    replace(CYC, interval_at_least=Duration(330, "h")),
)
LIMITED = program(
    replace(RTX, missed_after=after(ENROLLED, 30), interval_at_least=Duration(14, "d")),
    replace(CYC, missed_after=on_day(12), belongs_until=on_day(25)),
)
SHARED = program(
    plan("LOAD", "rituximab", "500", on_day(1), belongs_until=on_day(7), first_due=after(ENROLLED, 14)),
    plan("RTX", "rituximab", "300", on_day(15), late=3, interval=Duration(14, "d"), times=3),
    CYC,
)
# Windows of four cycles that share days with each other, and with those of the other plan of the drug.
OVERLAPPING = program(
    plan("RTX", "rituximab", "500", on_day(1), late=7, interval=Duration(7, "d"), times=3),
    plan("MORE", "rituximab", "500", on_day(11), early=4, late=6, belongs_until=on_day(30)),
    replace(CYC, belongs_until=on_day(40)),
    course=Course((), on_day(60)),
)


# --- stories ----------------------------------------------------------------------------------------------------------


def times(first: int, last: int) -> st.SearchStrategy[str]:
    """Days of the trial, half of them with a time of day."""
    days = st.sampled_from([number for number in range(first, last + 1) if number])
    return st.builds(day, days, st.sampled_from(["", "", "00:00", "09:00", "11:30", "23:30"]))


# Nine of ten patients, or doses: the simplest draw is the usual one.
usually = st.integers(0, 9).map(lambda number: number < 9)
seldom = st.integers(0, 3).map(lambda number: number == 3)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Item, ...]:
    """Draw what happened to a patient: mostly entered in order and treated nearly as planned, seldom vague."""
    entry = (("consent", -12, -5), ("screening", -12, -5), ("enrolment", -8, -1))
    items = [milestone(name, draw(times(first, last))) for name, first, last in entry if draw(usually)]
    words = st.sampled_from([{}, {}, {}, {"planned": "RTX#1"}, {"planned": "CYC#2"}, {"part_of": "p"}])
    for number, days in enumerate(((1, 2), (13, 22), (-2, 36))):
        if draw(usually if number < 2 else seldom):
            amount = draw(st.sampled_from(["500", "500", "250"]))
            items.append(rtx(f"r{number}", draw(times(*days)), amount, **draw(words)))
    for number, days in enumerate(((2, 9), (10, 22), (-2, 30))):
        if draw(usually if number < 1 else seldom):
            amount = draw(st.sampled_from(["750", "750", "1170"]))
            items.append(cyc(f"c{number}", draw(times(*days)), amount, **draw(words)))
    counts = draw(st.lists(st.tuples(times(-3, 18), st.sampled_from(["1.2", "3", "1.5"])), min_size=1, max_size=3))
    items += [neutrophils(f"n{number}", at, value) for number, (at, value) in enumerate(counts)]
    if draw(st.booleans()):
        items.append(milestone(draw(st.sampled_from(["treatment_stopped", "death"])), draw(times(2, 25))))
    if draw(seldom):
        items.append(not_done("x", "rituximab", draw(times(1, 25)), draw(st.sampled_from(["", "RTX#2"]))))
    if draw(seldom):
        index = draw(st.integers(0, len(items) - 1))
        items[index] = draw(vague(items[index]))
    return tuple(items)


def vague(item: Item) -> st.SearchStrategy[Item]:
    """Draw the same item with less known of it: some days in place of one, or whether it was at all."""
    if item.kind == "observation":
        return st.just(item)
    spans = st.builds(
        When, st.integers(item.when.first - 3, item.when.first), st.integers(0, 5).map(item.when.last.__add__)
    )
    dated = spans.filter(lambda span: span.first < span.last).map(lambda span: replace(item, when=span, visible=span))
    return dated | st.just(replace(item, certain=False))


# By name, so that a counterexample can be read.
PROTOCOLS = {"founding": FOUNDING, "cycle": CYCLE, "limited": LIMITED, "shared": SHARED, "overlapping": OVERLAPPING}
PROGRAMS = st.sampled_from(sorted(PROTOCOLS))
INSTANTS = times(1, 30).map(instant) | times(-9, 40).map(instant)


def named(found: Found) -> dict[tuple[str, str], Finding]:
    return {(finding.subject, finding.name): finding for finding in found.findings}


def fields(found: Found) -> dict[tuple[str, str], object]:
    return {name: finding.fields for name, finding in named(found).items()}


def told(items: tuple[Item, ...]) -> Timeline:
    return timeline(*items, entered=False)


@dataclass
class Seen:
    """What the generated examples came to: a law is as good as its generator."""

    counts: Counter[str]

    def note(self, found: Found) -> None:
        self.counts["examples"] += 1
        for finding in found.findings:
            words = {str(finding.fields.get("state", "")), str(finding.fields.get("problem", ""))}
            words |= {*finding.fields.get("departure", ()), *finding.fields.get("departure_unknown", ())}
            self.counts.update(words - {""})

    def assert_all_of(self, *words: str) -> None:
        assert {word for word in words if not self.counts[word]} == set(), self.counts


COMMON = ("given", "missed", "due", "not_due", "cancelled", "unknown", "held", "early", "late", "amount")


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nothing_changes_before_until() -> None:
    """Law 4: no finding changes, comes or goes before the until of all, nor does its own value before its own."""
    seen = Seen(Counter())

    @given(stories(), PROGRAMS, st.integers(-9, -1) | st.integers(1, 36), st.booleans())
    def law(story: tuple[Item, ...], protocol: str, first: int, later: bool) -> None:
        events, asked = told(story), instant(day(60)) if later else None
        start = SEOUL.start_of(when(day(first)).first)
        ticks = {start + DAY * number + shift for number in range(10) for shift in (-1, 0, 34_000)}
        before = doses(PROTOCOLS[protocol], Question(events, start - 2, told_at=asked))
        for at in sorted(
            ticks | {each for item in story for each in item.when.instants if 0 <= each - start < 10 * DAY}
        ):
            found = doses(PROTOCOLS[protocol], Question(events, at, told_at=asked))
            assert found.until is None or found.until > at
            if fields(found) != fields(before):
                assert before.until is not None
                assert at >= before.until
                seen.counts["changes"] += 1
            now = named(found)
            for name, finding in named(before).items():
                if name in now and (finding.until is None or at < finding.until):
                    assert now[name].fields == finding.fields
            before = found
        seen.note(before)

    law()
    seen.assert_all_of(*COMMON, "changes", "overdue")
    assert seen.counts["changes"] > seen.counts["examples"]


def test_no_slot_is_missed_while_its_window_is_open() -> None:
    """An empty slot waits for as long as a dose may come, whatever other windows lie beside its own.

    Unless the protocol itself ends it: by `missed_after`, or with the course.
    """
    seen = Seen(Counter())

    @given(stories(), st.sampled_from(["overlapping", "overlapping", "shared", "cycle"]))
    def law(story: tuple[Item, ...], protocol: str) -> None:
        asked = Question(told(story), instant(day(60)), told_at=instant(day(60)))
        for number in range(2, 30, 3):
            found = doses(replace(PROTOCOLS[protocol], course=None), asked.on(instant(day(number))))
            for finding in found.findings:
                assert not (finding.fields.get("state") == "missed" and finding.fields["window"] != "past"), finding
            seen.note(found)

    law()
    seen.assert_all_of(*COMMON)


def test_the_order_of_records_never_matters() -> None:
    """Law 1, for what is found of doses: the same set of records gives the same findings."""
    seen = Seen(Counter())

    @given(stories().flatmap(lambda story: st.tuples(st.just(story), st.permutations(story))), PROGRAMS, INSTANTS)
    def law(both: tuple[tuple[Item, ...], list[Item]], protocol: str, at: int) -> None:
        story, shuffled = both
        found = doses(PROTOCOLS[protocol], Question(told(story), at))
        again = doses(PROTOCOLS[protocol], Question(replace(told(story), items=tuple(shuffled)), at))
        assert fields(found) == fields(again)
        assert found.until == again.until
        seen.note(found)

    law()
    seen.assert_all_of(*COMMON)


def test_what_is_remembered_from_one_instant_to_the_next_changes_nothing() -> None:
    """Read at several instants with one memory, what is found is the same as without."""
    seen = Seen(Counter())

    @given(stories(), PROGRAMS, st.lists(INSTANTS, min_size=2, max_size=4))
    def law(story: tuple[Item, ...], protocol: str, instants: list[int]) -> None:
        events, program_, asked = told(story), PROTOCOLS[protocol], max(instants)
        one_telling = Question(events, asked, told_at=asked)
        for at in instants:
            found = doses(program_, one_telling.on(at))
            assert found == doses(program_, Question(events, at, told_at=asked))
            seen.note(found)

    law()
    seen.assert_all_of(*COMMON)


@pytest.mark.slow
def test_the_records_that_are_cited_suffice() -> None:
    """Law 10: with the records that a finding cites alone, it is found again, and the same."""
    seen = Seen(Counter())

    @given(stories(), PROGRAMS, INSTANTS)
    def law(story: tuple[Item, ...], protocol: str, at: int) -> None:
        found = doses(PROTOCOLS[protocol], Question(told(story), at))
        for name, finding in named(found).items():
            cited = tuple(item for item in story if item.id in finding.because)
            again = named(doses(PROTOCOLS[protocol], Question(told(cited), at))).get(name)
            assert again is not None
            assert again.fields == finding.fields
        seen.note(found)

    law()
    seen.assert_all_of(*COMMON)


def test_sharpening_only_resolves() -> None:
    """Law 5: what is found of a vague record stays found when more is known of it."""
    seen = Seen(Counter())

    @st.composite
    def sharpened(draw: st.DrawFn) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        story = draw(stories().filter(bool))
        index = draw(st.integers(0, len(story) - 1))
        blurred = draw(vague(replace(story[index], when=When(story[index].when.first, story[index].when.first))))
        choice = draw(st.sampled_from(list(blurred.when.choices())))
        sharp = replace(blurred, when=choice, visible=choice, certain=True)
        return (*story[:index], blurred, *story[index + 1 :]), (*story[:index], sharp, *story[index + 1 :])

    @given(sharpened(), PROGRAMS, INSTANTS)
    def law(both: tuple[tuple[Item, ...], tuple[Item, ...]], protocol: str, at: int) -> None:
        vaguely, sharply = (doses(PROTOCOLS[protocol], Question(told(story), at)) for story in both)
        sharp = named(sharply)
        for name, finding in named(vaguely).items():
            for field in ("state", "complete", "verdict", "gate"):
                word = finding.fields.get(field)
                if word not in {None, "unknown"}:
                    assert name in sharp
                    assert sharp[name].fields[field] == word
            # That a gate was unknown is itself a departure: it may resolve.
            sure = {*finding.fields.get("departure", ())} - {"gate_unknown"}
            assert sure <= {*sharp[name].fields.get("departure", ())} if name in sharp else not sure
            seen.counts["resolved"] += name in sharp and sharp[name].fields != finding.fields
        seen.note(vaguely)

    law()
    seen.assert_all_of(*COMMON, "resolved")


def test_four_hundred_years_change_nothing() -> None:
    """Law 6: every date moved by as many days as 400 years have, where clocks do not change."""
    seen = Seen(Counter())
    days = 146_097

    def moved(item: Item) -> Item:
        shift: Callable[[When], When] = lambda at: When(  # noqa: E731 - one line, used twice
            at.first + days, at.last + days, tuple(instant + days * DAY for instant in at.instants)
        )
        return replace(item, when=shift(item.when), visible=shift(item.visible))

    @given(stories(), PROGRAMS, INSTANTS)
    def law(story: tuple[Item, ...], protocol: str, at: int) -> None:
        found = doses(PROTOCOLS[protocol], Question(told(story), at))
        later = doses(PROTOCOLS[protocol], Question(told(tuple(map(moved, story))), at + days * DAY))
        assert fields(found) == fields(later)
        seen.note(found)

    law()
    seen.assert_all_of(*COMMON)
