"""Timelines and programs in a line each, for tests of findings: the founding protocol, and records in Seoul."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from trialspec.findings.doses import doses
from trialspec.interpreters.reading import Question
from trialspec.kernel import Compare, Constant, Dose, Moment, Pick, Select, Shift, Test, Window
from trialspec.patient import Item, Kind, Timeline
from trialspec.program import Course, DosePlan, Gate, Program
from trialspec.quantity import Codes, Duration, Interval, exactly, word
from trialspec.times import When, Zone, parse_time, shown_date
from trialspec.vocabulary import Term, Vocabulary

if TYPE_CHECKING:
    from trialspec.findings.finding import Finding
    from trialspec.kernel import Point
    from trialspec.quantity import Operator

SEOUL = Zone("Asia/Seoul")
DAY_1 = date(2014, 3, 3).toordinal()


# --- times ------------------------------------------------------------------------------------------------------------


def day(number: int, time: str = "") -> str:
    """Write the date of a day of the trial, `day 1` being 3 March 2014, with a time of day in Seoul if one is given."""
    on = shown_date(DAY_1 + number - (1 if number > 0 else 0))
    return f"{on}T{time}" if time else on


def when(text: str) -> When:
    read = parse_time(text, SEOUL)
    assert read is not None, text
    return read


def instant(text: str) -> int:
    """Read an instant; a date stands for its last second."""
    return when(text).span(SEOUL)[1]


# --- records ----------------------------------------------------------------------------------------------------------


def item(kind: Kind, name: str, at: str, **fields: Codes | Interval | When) -> Item:
    return Item(name, kind, when(at), when(at), dict(fields), sources=frozenset({name}))


def given(
    name: str,
    drug: str,
    at: str,
    amount: str = "",
    *,
    route: str = "intravenous",
    end: str = "",
    rate: str = "",
    **words: str,
) -> Item:
    """Record an administration; rituximab is 500 mg and cyclophosphamide 750 mg unless something else is said."""
    usual = {"rituximab": "500", "cyclophosphamide": "750"}.get(drug, "1")
    fields: dict[str, Codes | Interval | When] = {"drug": word(drug), "amount": exactly(Fraction(amount or usual))}
    fields |= {key: word(text) for key, text in words.items()} | ({"route": word(route)} if route else {})
    fields |= {"end": when(end)} if end else {}
    fields |= {"rate": exactly(Fraction(rate))} if rate else {}
    return item("administration", name, at, **fields)


def rtx(name: str, at: str, amount: str = "", **more: str) -> Item:
    return given(name, "rituximab", at, amount, **more)


def cyc(name: str, at: str, amount: str = "", **more: str) -> Item:
    return given(name, "cyclophosphamide", at, amount, **more)


def not_done(name: str, drug: str, at: str, planned: str = "", reason: str = "") -> Item:
    record = item("administration", name, at, drug=word(drug))
    fields = {key: word(text) for key, text in (("planned", planned), ("reason", reason)) if text}
    return replace(record, fields={**record.fields, **fields}, answer="not_done")


def neutrophils(name: str, at: str, value: str) -> Item:
    return item("observation", name, at, measure=word("neutrophils"), value=exactly(Fraction(value)))


def milestone(name: str, at: str) -> Item:
    """Record a milestone; its id is its name."""
    return item("milestone", name, at, milestone=word(name))


CONSENT, SCREENING, ENROLMENT = (
    milestone("consent", day(-20)),
    milestone("screening", day(-14)),
    milestone("enrolment", day(-7)),
)
ENTRY = (CONSENT, SCREENING, ENROLMENT)


def timeline(*items: Item, entered: bool = True) -> Timeline:
    """Make a timeline in Seoul, of a patient who was entered in the usual way unless told otherwise."""
    everything = (*(ENTRY if entered else ()), *items)
    return Timeline("P1", SEOUL, tuple(sorted(everything, key=lambda each: (each.kind, each.when.first, each.id))))


# --- the founding protocol --------------------------------------------------------------------------------------------


def of(kind: Kind, field: str, *words: str, window: Window | None = None) -> Select:
    test = Test(field, "in", Constant(Codes(frozenset(words))))
    return Select(kind, (test,), window or Window(), history="always" if kind == "milestone" else None, label=words[0])


ENROLLED = Moment("enrolled", "first", of("milestone", "milestone", "enrolment"))
SCREENED = Moment("screened", "last", of("milestone", "milestone", "screening", window=Window(end=ENROLLED)))
DAY_ONE = Moment("day_1", "first", of("administration", "drug", "rituximab", window=Window(start=SCREENED)))


def after(point: Point, days: int) -> Shift:
    return Shift(point, Duration(days, "d"))


def on_day(number: int) -> Shift:
    return after(DAY_ONE, number - 1) if number > 0 else Shift(DAY_ONE, Duration(-number, "d"), earlier=True)


def gate(
    limit: str = "1.5", operator: Operator = "above", otherwise: str = "hold", name: str = "neutrophils_recovered"
) -> Gate:
    week = Window(start=Shift(Dose(), Duration(7, "d"), earlier=True), end=Dose())
    latest = Pick("latest", of("observation", "measure", "neutrophils", window=week))
    expr = Compare(latest, operator, Constant(exactly(Fraction(limit))))
    return Gate(name, expr, "warn" if otherwise == "warn" else "hold")


def plan(name: str, drug: str, amount: str, *planned: Point, early: int = 0, late: int = 0, **more: object) -> DosePlan:
    made = DosePlan(
        name,
        drug,
        frozenset({drug}),
        exactly(Fraction(amount)),
        "mg",
        Fraction(5, 100),
        frozenset({"intravenous"}),
        planned,
        Duration(early, "d"),
        Duration(late, "d"),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # the tests know the fields


RTX = plan("RTX", "rituximab", "500", on_day(1), on_day(15), late=3, first_due=after(ENROLLED, 14))
CYC = plan("CYC", "cyclophosphamide", "750", on_day(3), on_day(17), early=2, late=2, gates=("neutrophils_recovered",))
VOCABULARY = Vocabulary(
    {
        "rituximab": Term("rituximab", "drug", "Rituximab", "mg", {"mg": Fraction(1), "g": Fraction(1000)}),
        "cyclophosphamide": Term("cyclophosphamide", "drug", "Cyclophosphamide", "mg", {"mg": Fraction(1)}),
        "neutrophils": Term("neutrophils", "measure", "Neutrophils", "10*9/L", {"10*9/L": Fraction(1)}),
    }
)


def program(*plans: DosePlan, gates: tuple[Gate, ...] = (gate(),), course: Course | None = None) -> Program:
    """Make a protocol of doses alone: by default the founding one."""
    planned = plans or (RTX, CYC)
    return Program(
        name="test",
        title="",
        version="1",
        digest="",
        zone=SEOUL,
        sites={},
        vocabulary=VOCABULARY,
        history={"administration": "always"},
        moments={"enrolled": ENROLLED, "screened": SCREENED, "day_1": DAY_ONE},
        criteria=(),
        gates={each.name: each for each in gates},
        doses=planned,
        course=course or Course(tuple(each.name for each in planned), on_day(28)),
        visits=(),
        assessments=(),
        responses=(),
        therapies=(),
    )


FOUNDING = program()


# --- what is found ----------------------------------------------------------------------------------------------------


def asked(events: Timeline, at: str, of_program: Program = FOUNDING, known_by: str = "") -> dict[str, Finding]:
    """Give the findings at an instant (a date: its end), by subject for records and by name for all others."""
    seen = doses(of_program, Question(events, instant(at), told_at=instant(known_by) if known_by else None))
    return {f"record {each.name}" if each.subject == "record" else each.name: each for each in seen.findings}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {name: str(each.fields["state"]) for name, each in found.items() if each.subject == "dose"}


def departures(found: dict[str, Finding]) -> dict[str, set[str]]:
    """Give the departures of every dose that has some."""
    sets = {name: set(each.fields.get("departure", ())) for name, each in found.items() if each.subject == "dose"}
    return {name: words for name, words in sets.items() if words}


def unknown(found: dict[str, Finding]) -> dict[str, set[str]]:
    sets = {name: set(each.fields.get("departure_unknown", ())) for name, each in found.items()}
    return {name: words for name, words in sets.items() if words}
