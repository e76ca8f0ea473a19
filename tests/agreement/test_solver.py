"""The solver reads the kernel as the reference does: on real timelines, in what it shows, and in what it rules out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from trialspec import kernel
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.kernel import AtLeast, Compare, Constant, Daily, Expr, Fixed, Moment, Not, Pick, Select, Window, parts_of
from trialspec.patient import Item, Timeline
from trialspec.quantity import Codes, Interval, exactly
from trialspec.solver import logic, settled
from trialspec.solver.asking import Asker, Claim, failed, met
from trialspec.solver.logic import Formula
from trialspec.solver.moments import at_instant
from trialspec.solver.records import TODAY, Records
from trialspec.solver.translation import Translation
from trialspec.testing.generated.expressions import FREELY, statement, subjects
from trialspec.testing.generated.questions import question
from trialspec.testing.generated.records import ANSWERS, NAMED, STEADY, instant, timeline
from trialspec.times import When, Zone
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict
from trialspec.vocabulary import Sort, Term, Vocabulary

_UNITS = {"g": Fraction(1), "mg": Fraction(1, 1000)}
_TEN = Interval(Fraction(-20), Fraction(20))
_SORTS: Mapping[str, Sort] = {
    "administration": "drug",
    "therapy": "drug",
    "condition": "condition",
    "adverse_event": "adverse_event",
    "procedure": "procedure",
}
_TERMS = {
    **{
        name: Term(name, _SORTS[kind], name, "g", _UNITS if _SORTS[kind] == "drug" else {})
        for kind, (_, names) in sorted(NAMED.items(), reverse=True)
        if kind in _SORTS
        for name in names
    },
    **{
        name: Term(name, "measure", name, values=frozenset(ANSWERS))
        if name == "answer"
        else Term(name, "measure", name, "g", _UNITS, possible=_TEN)
        for name in NAMED["observation"][1]
    },
}
# What the solver needs of a program: names, visits and a zone.
PROGRAM: Any = SimpleNamespace(
    vocabulary=Vocabulary(_TERMS),
    visits=(SimpleNamespace(name="week_4"), SimpleNamespace(name="week_12")),
    zone=Zone("UTC"),
    sites={},
)
MEASURE = next(name for name in NAMED["observation"][1] if name != "answer")
IDIOM = replace(FREELY, calendar=STEADY[0], doses=False, dates=False)


@dataclass(frozen=True)
class Sharp:
    """A statement and a question about a timeline in which nothing is open."""

    expr: Expr
    question: Question
    items: tuple[Item, ...]


def sharp(seed: int, *, most: int = 10) -> Sharp | None:
    chosen = random.Random(seed)
    asked = question(chosen.randrange, calendars=STEADY[:1], most=most)
    items = [_sharpened(item) for item in asked.question.timeline.items]
    kept = tuple(item for item in items if settled.is_sharp(item))
    if asked.question.dose is not None and not asked.question.dose.certain:
        return None
    known = Timeline("patient", asked.question.timeline.zone, kept)
    return Sharp(asked.expr, Question(known, asked.question.at, asked.question.dose), kept)


def _sharpened(item: Item) -> Item:
    when = item.when if item.when.certain else next(item.when.choices())
    end = when if item.end is not None and item.answer == "yes" and item.end.first != item.end.last else item.end
    fields = {name: value for name, value in item.fields.items() if name != "recorded"}
    birth = fields.get("birth")
    if isinstance(birth, When):
        fields["birth"] = When(birth.first, birth.first)
    return replace(item, certain=True, when=when, visible=when, end=end, fields=fields)


def translated(asked: Sharp) -> tuple[Translation, Verdict] | None:
    """Read a question by the formulas; nothing where a moment may or may not have come, or a field is not recorded."""
    zone = asked.question.timeline.zone
    records = settled.records(asked.items, asked.question.at, zone)
    dose = asked.question.dose
    reading = Translation(records, records.now, None if dose is None else settled.clock(dose, zone))
    fact = reading.fact(asked.expr)
    if reading.free or not all(law is True for law in reading.laws):
        return None
    assert isinstance(fact.met, bool)
    assert isinstance(fact.failed, bool)
    return reading, MET if fact.met else NOT_MET if fact.failed else UNKNOWN


def test_of_real_patients_the_formulas_say_what_the_reference_says() -> None:
    seen: Counter[Verdict] = Counter()
    for seed in range(4_000):
        asked = sharp(seed)
        found = None if asked is None else translated(asked)
        if asked is None or found is None:
            continue
        verdict = read(asked.expr, asked.question).verdict
        assert found[1] is verdict, f"seed {seed}: {asked.expr}"
        seen[verdict] += 1
    total = sum(seen.values())
    assert total > 2_500
    assert all(share > total / 6 for share in seen.values()), "a generator that gives one answer shows nothing"


@pytest.mark.slow
def test_whoever_is_shown_reads_as_claimed() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(70):
        expr = statement(random.Random(seed).randrange, IDIOM)
        for claim in (met(expr), failed(expr)):
            asker = Asker(PROGRAM, (expr,), most=2)
            answer = asker.ask(claim)
            outcomes[answer.outcome] += 1
            assert not answer.possible or (answer.witness is not None and asker.replays(answer.witness, [claim]))
    assert outcomes["possible"] > 70
    assert outcomes["impossible"] > 8
    assert outcomes["open"] < 25, "most can be said either way"


def _few(items: tuple[Item, ...], most: int) -> bool:
    """Whether there are at most so many items of each name."""
    names = Counter((item.kind, item.answer, str(sorted(map(str, item.fields.items()))[:1])) for item in items)
    return len(items) <= 6 and all(number <= most for number in names.values())


def value(which: Literal["first", "latest"]) -> Pick:
    measured = kernel.Test("measure", "in", Constant(Codes(frozenset({MEASURE}))))
    return Pick(which, Select("observation", (measured,), Window()), "value")


def apart() -> Expr:
    """Ask for a value that has grown: two records, though nothing is counted."""
    first, latest = value("first"), value("latest")
    return AtLeast(2, (Compare(first, "below", Constant(exactly(1))), Compare(latest, "above", Constant(exactly(2)))))


def test_an_answer_says_with_how_many_records_it_last_changed() -> None:
    grown = apart()
    found = Asker(PROGRAM, (grown,)).ask(met(grown))
    assert (found.outcome, found.bound, found.changed) == ("possible", 2, 2)
    assert str(found) == "shown by a patient (found with 2 of each sort of record)"
    few = Asker(PROGRAM, (grown,), most=1).ask(met(grown))
    assert (few.outcome, few.bound, few.changed) == ("impossible", 1, 1)
    never = AtLeast(2, (grown, Not(grown)))
    ruled_out = Asker(PROGRAM, (never,)).ask(met(never))
    assert str(ruled_out) == "proved"


def test_where_nobody_can_be_with_so_few_records_the_answer_begins_later() -> None:
    grown = apart()

    def grows(reading: Translation) -> Iterable[Formula]:
        yield reading.fact(grown).met

    low = Compare(value("latest"), "below", Constant(exactly(0)))
    answer = Asker(PROGRAM, (grown, low), besides=grows).ask(met(low))
    assert (answer.outcome, answer.bound, answer.changed) == ("impossible", 3, 2)
    assert str(answer) == "proved up to 3 of each sort of record (the same from 2 on)"


def test_values_that_are_not_reckoned_are_not_the_same() -> None:
    reading = Translation(Records(at_instant(TODAY, 0), {}, (), (), range(0)), at_instant(TODAY, 0))
    made = [str(reading.anything(Daily("sum", (), label=name)).low.over) for name in ("a", "b", "c", "d")]
    assert len(set(made)) == 4
    assert next(iter(reading.free.values())) == "the daily dose of a"


def test_a_person_may_have_no_birth_date_on_record() -> None:
    named = kernel.Test("birth", "at_least", Constant(exactly(0)), NOT_MET)
    born = Pick("latest", Select("person", (named,)), "birth")
    either = AtLeast(1, (Compare(born, "at_most", Fixed(TODAY)), Compare(born, "above", Fixed(TODAY))))
    woman = Compare(Pick("latest", Select("person"), "sex"), "in", Constant(Codes(frozenset({"female"}))))
    answer = Asker(PROGRAM, (either, woman)).ask(met(woman), Claim(either, frozenset({UNKNOWN})))
    assert answer.witness is not None
    assert [dict(event.content) for event in answer.witness.events] == [{"sex": "female"}]


@pytest.mark.slow
def test_what_some_patient_shows_is_not_ruled_out() -> None:
    refuted = 0
    for seed in range(20_000, 22_500):
        asked = sharp(seed, most=5)
        if (
            asked is None
            or len(str(asked.expr)) > 4_000
            or any(parts_of(asked.expr, Fixed))
            or asked.question.dose is not None
        ):
            continue
        verdict = read(asked.expr, asked.question).verdict
        found = translated(asked)
        if verdict is UNKNOWN or found is None or not _few(asked.items, 2) or not any(parts_of(asked.expr, Moment)):
            continue
        answer = Asker(PROGRAM, (asked.expr,), most=3).ask(Claim(asked.expr, frozenset({verdict})))
        assert not answer.impossible, f"seed {seed}: {asked.expr} is {verdict} of {asked.items}"
        refuted += 1
        if refuted >= 40:
            break
    assert refuted >= 40


def _possible(item: Item) -> Item:
    """Make of a generated record one that can be read: seen when it happens, its grade one that there is."""
    grade = item.fields.get("grade")
    fields = dict(item.fields)
    if isinstance(grade, Interval):
        low = min(max(grade.low or Fraction(1), Fraction(1)), Fraction(5))
        high = Fraction(5) if grade.high is None else min(max(grade.high, low), Fraction(5))
        fields["grade"] = Interval(low, high)
    return replace(item, fields=fields, visible=item.when)


def _up_to(bound: int | None, items: Iterable[Item]) -> tuple[Item, ...]:
    """Keep so many records and denials of each kind, and one of the person."""
    kept: list[Item] = []
    seen: Counter[tuple[str, bool]] = Counter()
    for item in items:
        seen[item.kind, item.answer == "yes"] += 1
        if bound is None or seen[item.kind, item.answer == "yes"] <= (1 if item.kind == "person" else bound):
            kept.append(item)
    return tuple(kept)


@dataclass
class Tried:
    """How many claims were proved and how many patients tried to refute them, by how they are proved."""

    proved: Counter[str]
    patients: Counter[str]


def refutations(seeds: range, patients: int) -> Tried:
    """Try to refute what is proved with generated patients, vague ones too; whoever is shown is replayed."""
    tried = Tried(Counter(), Counter())
    for seed in seeds:
        expr = statement(random.Random(seed).randrange, IDIOM)
        asker = Asker(PROGRAM, (expr,), limit=300)
        for claim in (met(expr), failed(expr)):
            answer = asker.ask(claim)
            if answer.possible:
                assert answer.witness is not None
                assert asker.replays(answer.witness, [claim])
            if not answer.impossible:
                continue
            sort = "proved" if answer.bound is None else "up to a bound"
            tried.proved[sort] += 1
            for number in range(patients):
                choose = random.Random(f"{seed} {number}").randrange
                made = timeline(choose, STEADY[0], about=sorted(subjects(expr)), most=6)
                seen = replace(made, items=_up_to(answer.bound, map(_possible, made.items)))
                verdict = read(expr, Question(seen, instant(choose, seen, STEADY[0]))).verdict
                assert not claim.holds(verdict), f"seed {seed}, patient {number}: {expr} is {verdict} of {seen.items}"
                tried.patients[sort] += 1
    return tried


@pytest.mark.slow
def test_what_is_proved_no_generated_patient_refutes() -> None:
    tried = refutations(range(58), 1_000)
    assert all(number >= 4 for number in tried.proved.values())
    assert tried.proved.keys() == {"proved", "up to a bound"}


@pytest.mark.deep
def test_what_is_proved_no_patient_of_very_many_refutes() -> None:
    tried = refutations(range(1_000, 1_600), 1_000)
    assert tried.patients.total() >= 100_000


def test_what_was_asked_before_is_nothing_to_a_proof() -> None:
    """Z3 numbers all it holds, and looks for answers in that order: each proof begins at the same number."""

    def first() -> int:
        with logic.apart():
            return int(logic.either(logic.open_formula("a"), logic.open_formula("b")).get_id())

    one = first()
    assert not isinstance(logic.every(logic.open_formula(f"besides {number}") for number in range(100)), bool)
    assert first() == one
