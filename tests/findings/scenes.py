"""Patients and programs in a few words, for the tests of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction

from trialspec import kernel
from trialspec.findings.finding import Finding, Subject
from trialspec.findings.found import Found
from trialspec.interpreters.reading import Question
from trialspec.interpreters.selection import appearances
from trialspec.kernel import AtLeast, Compare, Constant, Expr, Fold, Moment, Pick, Point, Select, Shift, Window
from trialspec.patient import FAR, Item, Kind, Problem, Timeline
from trialspec.program import AssessmentPlan, Criterion, DosePlan, Program, VisitPlan
from trialspec.quantity import Codes, Duration, Interval, exactly, parse_duration, parse_interval
from trialspec.rulebook import Rulebook
from trialspec.rulebook.table import misfit
from trialspec.times import When, Zone, parse_time
from trialspec.vocabulary import Term, Vocabulary

SEOUL = Zone("Asia/Seoul")


# --- patients ---------------------------------------------------------------------------------------------------------


def when(text: str) -> When:
    found = parse_time(text, SEOUL)
    assert found is not None
    return found


def at(text: str) -> int:
    """The instant of a time, or the last second of a date."""
    return when(text).span(SEOUL)[1]


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


Told = Mapping[str, str | Interval | When | Codes]


def item(kind: Kind, time: str, fields: Told, *, name: str = "", certain: bool = True) -> Item:
    read = {key: Codes(frozenset(each.split("|"))) if isinstance(each, str) else each for key, each in fields.items()}
    name = name or f"{next(iter(read.values()), '')} {time}"
    return Item(name, kind, when(time), when(time), read, certain=certain, sources=frozenset({name}))


def milestone(what: str, time: str, *, name: str = "", certain: bool = True, **fields: str) -> Item:
    return item("milestone", time, {"milestone": what, **fields}, name=name, certain=certain)


def value(measure: str, time: str, number: str = "1", *, name: str = "", certain: bool = True, **fields: str) -> Item:
    read = parse_interval(number)
    assert read is not None
    return item("observation", time, {"measure": measure, "value": read, **fields}, name=name, certain=certain)


def dose(drug: str, time: str, amount: int = 500, *, name: str = "", **fields: str) -> Item:
    told: dict[str, str | Interval] = {"drug": drug, "amount": exactly(amount), "route": "intravenous", **fields}
    return item("administration", time, told, name=name)


def therapy(drug: str, start: str, end: str | None = None, **fields: str) -> Item:
    made = item("therapy", start, {"drug": drug, **fields})
    last = when(end) if end else When(FAR, FAR)
    return Item(made.id, "therapy", made.when, made.visible, made.fields, last, sources=made.sources)


def patient(*items: Item, problems: Iterable[Problem] = ()) -> Timeline:
    ordered = sorted(items, key=lambda each: (each.when.first, each.when.last, each.when.instants, each.id))
    return Timeline("P1", SEOUL, tuple(ordered), tuple(problems))


# --- programs ---------------------------------------------------------------------------------------------------------


def select(kind: Kind, window: Window | None = None, *, closed: Moment | bool = False, **tests: str) -> Select:
    made = tuple(
        kernel.Test(field, "in", Constant(Codes(frozenset(words.split("|"))))) for field, words in tests.items()
    )
    history = closed if isinstance(closed, Moment) else None
    return Select(kind, made, window or Window(), "always" if closed is True else history, " ".join(tests.values()))


def happened(name: str, which: str, what: str, window: Window | None = None) -> Moment:
    chosen = select("milestone", window, closed=True, milestone=what)
    return Moment(name, "last" if which == "last" else "first", chosen)


ENROLLED = happened("enrolled", "first", "enrolment")
SCREENED = happened("screened", "last", "screening", Window(end=ENROLLED))
DAY_1 = Moment("day_1", "first", select("administration", Window(start=SCREENED), closed=True, drug="rituximab"))


def after(text: str, point: Point) -> Shift:
    return Shift(point, duration(text))


def before(text: str, point: Point) -> Shift:
    return Shift(point, duration(text), earlier=True)


def duration(text: str) -> Duration:
    found = parse_duration(text)
    assert found is not None
    return found


def study_day(number: int) -> Shift:
    return after(f"{number - 1} d", DAY_1)


def planned(name: str, number: int, either_side: int) -> VisitPlan:
    on = study_day(number)
    return VisitPlan(name, on, Window(study_day(number - either_side), study_day(number + either_side)))


BASELINE = VisitPlan("baseline", None, Window(before("28 d", DAY_1), DAY_1), first_due=after("14 d", ENROLLED))
WEEK_4, WEEK_12 = planned("week_4", 29, 7), planned("week_12", 85, 7)
LABS = AssessmentPlan("labs", ("c3", "c4"), ("baseline", "week_4", "week_12"))
COUNT = AssessmentPlan(
    "count", ("neutrophils",), before=("CYC",), window=Window(before("7 d", kernel.Dose()), kernel.Dose())
)

RTX = DosePlan(
    "RTX",
    "rituximab",
    frozenset({"rituximab"}),
    exactly(500),
    "mg",
    Fraction(1, 20),
    frozenset({"intravenous"}),
    (study_day(1), study_day(15)),
    duration("0 d"),
    duration("3 d"),
    first_due=after("14 d", ENROLLED),
)
CYC = DosePlan(
    "CYC",
    "cyclophosphamide",
    frozenset({"cyclophosphamide"}),
    exactly(750),
    "mg",
    Fraction(1, 20),
    frozenset({"intravenous"}),
    (study_day(3), study_day(17)),
    duration("2 d"),
    duration("2 d"),
)
WORDS = Vocabulary(
    {
        name: Term(name, sort, name.upper() if sort == "measure" else name)  # type: ignore[arg-type]
        for sort, names in {
            "measure": ("c3", "c4", "neutrophils", "creatinine"),
            "drug": ("rituximab", "cyclophosphamide", "prednisolone", "mycophenolate"),
        }.items()
        for name in names
    }
)


def program(**changes: object) -> Program:
    fields: dict[str, object] = {
        "name": "demo",
        "title": "Demo",
        "version": "1.0",
        "digest": "d",
        "zone": SEOUL,
        "sites": {},
        "vocabulary": WORDS,
        "history": {},
        "moments": {"enrolled": ENROLLED, "screened": SCREENED, "day_1": DAY_1},
        "criteria": (),
        "gates": {},
        "doses": (RTX, CYC),
        "course": None,
        "visits": (BASELINE, WEEK_4, WEEK_12),
        "assessments": (LABS,),
        "responses": (),
        "therapies": (),
    }
    return Program(**fields | changes)  # type: ignore[arg-type]


def latest(measure: str, window: Window | None = None) -> Pick:
    return Pick("latest", select("observation", window, measure=measure))


def limit(left: Expr, operator: str, number: str) -> Compare:
    against = parse_interval(number)
    assert against is not None
    return Compare(left, operator, Constant(against, text=number))  # type: ignore[arg-type]


def include(name: str, expr: Expr) -> Criterion:
    return Criterion(name, "include", expr)


def exclude(name: str, expr: Expr) -> Criterion:
    return Criterion(name, "exclude", expr)


def any_of(*of: Expr) -> AtLeast:
    return AtLeast(1, of)


def all_of(*of: Expr) -> AtLeast:
    return AtLeast(len(of), of)


def exists(chosen: Select) -> Compare:
    return limit(Fold("count", chosen), "at_least", "1")


# --- what is found ----------------------------------------------------------------------------------------------------

Read = Callable[[Question], Found]


def said(read: Read, timeline: Timeline, time: str) -> dict[str, Finding]:
    """The findings at a time, by name, each of which keeps to the rulebook's words."""
    return {finding.name: finding for finding in _checked(read, Question(timeline, at(time))).findings}


def _checked(read: Read, question: Question) -> Found:
    seen = read(question)
    names = [(finding.subject, finding.name) for finding in seen.findings]
    assert len(names) == len(set(names))
    assert seen.until is None or seen.until > question.at
    for finding in seen.findings:
        assert misfit(Rulebook(()), finding.subject, finding.fields) == ""
        assert finding.until is None or finding.until > question.at
        assert seen.until is None or finding.until is None or seen.until <= finding.until
    return seen


def holds_until(read: Read, timeline: Timeline, first: str, last: str) -> int:
    """Check at every turn of a day and of an event that nothing changes before `until`, its own and that of all.

    Gives how many changes were seen.
    """
    turns = {SEOUL.start_of(each) + second for each in range(day(first), day(last) + 1) for second in (-1, 0)}
    turns |= {
        turn + second
        for each in timeline.items
        for turn in appearances(each, SEOUL)
        for second in (-1, 0, 1)
        if turns and min(turns) <= turn <= max(turns)
    }
    changes = 0
    before_: dict[tuple[Subject, str], Finding] = {}
    promised: int | None = min(turns)
    for turn in sorted(turns):
        seen = _checked(read, Question(timeline, turn))
        now = {(finding.subject, finding.name): finding for finding in seen.findings}
        changed = {key for key in now if key not in before_ or now[key].fields != before_[key].fields}
        changed |= before_.keys() - now.keys()
        for key in changed:
            assert promised is not None, (turn, key)
            assert promised <= turn, (turn, promised, key)
        for key in changed & before_.keys() & now.keys():
            own = before_[key].until
            assert own is not None, (turn, key)
            assert own <= turn, (turn, own, key)
        changes += bool(changed) and turn > min(turns)
        promised, before_ = seen.until, now
    return changes
