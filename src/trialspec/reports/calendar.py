"""When what is due: the plan from a first day, without any events; and how each patient stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trialspec.explain import DAY_1
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import locate
from trialspec.interpreters.selection import moved
from trialspec.kernel import Fixed, Moment, Shift
from trialspec.patient import Timeline
from trialspec.reports.table import FOOTER, Table
from trialspec.times import When, on_date, shown_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.kernel import Point
    from trialspec.program import DosePlan, Program, VisitPlan
    from trialspec.quantity import Duration

# States in which something is still to be done.
OPEN = frozenset({"due", "overdue", "held", "not_due"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a plan: dates in the zone of the protocol, `None` where they cannot be told without events."""

    name: str
    what: str
    planned: int | None
    first: int | None
    last: int | None
    note: str = ""

    @property
    def day(self) -> tuple[int, int]:
        """What it is sorted by; without a date it comes last."""
        days = [day for day in (self.planned, self.first, self.last) if day is not None]
        return (0, days[0]) if days else (1, 0)


def plan(program: Program, first_day: int) -> tuple[Entry, ...]:
    """Give the dates of every dose and visit if `day 1` is this date."""
    question = Question(Timeline("", program.zone, ()), program.zone.end_of(first_day))
    found = [
        *(entry for each in program.visits for entry in _visit(program, each, question, first_day)),
        *(entry for each in program.doses for entry in _doses(each, question, first_day)),
    ]
    return tuple(sorted(found, key=lambda entry: entry.day))


def _visit(program: Program, visit: VisitPlan, question: Question, first_day: int) -> Iterator[Entry]:
    window = visit.window
    planned, start, end = (_located(point, question, first_day) for point in (visit.on, window.start, window.end))
    first = None if start is None else start + (1 if window.after else 0)
    last = None if end is None else end - (1 if window.before else 0)
    measures = [m for each in program.assessments if visit.name in each.visits for m in each.measures]
    what = f"visit: {', '.join(measures)}" if measures else "visit"
    hangs = "its dates hang on other moments" if planned is first is last is None else ""
    notes = [hangs, "" if visit.only_if is None else "for some patients"]
    yield Entry(visit.name, what, planned, first, last, "; ".join(note for note in notes if note))


def _located(point: Point | None, question: Question, first_day: int) -> int | None:
    """Give the date of a point that hangs on nothing but day 1."""
    if point is None:
        return None
    value = locate(anchored(point, first_day), question).value
    return value.first if isinstance(value, When) else None


def _doses(dose: DosePlan, question: Question, first_day: int) -> Iterator[Entry]:
    amount = dose.planned_amount and f" {dose.planned_amount}"
    what = f"{dose.drug}{amount} {' or '.join(sorted(dose.routes))}".rstrip()
    gates = f"only if {', '.join(dose.gates)}" if dose.gates else ""
    day: int | None = None
    count = max(len(dose.planned), dose.times if dose.interval else 0)
    for number in range(1, count + 1):
        rolling = number > len(dose.planned)
        if not rolling:
            day = _located(dose.planned[number - 1], question, first_day)
        elif day is not None and dose.interval is not None:
            day = _shifted(day, dose.interval, question)
        first = None if day is None else _shifted(day, dose.early, question, earlier=True)
        last = None if day is None else _shifted(day, dose.late, question)
        hangs = "" if day is not None else "its date hangs on other moments"
        endless = number == count and dose.interval is not None and not dose.times
        moves = "moves with the dose before it" if rolling else f"and so on, every {dose.interval}" if endless else ""
        notes = [gates, moves, hangs, "" if dose.only_if is None else "for some patients"]
        yield Entry(f"{dose.name}#{number}", what, day, first, last, "; ".join(note for note in notes if note))


def _shifted(day: int, by: Duration, question: Question, *, earlier: bool = False) -> int:
    return moved(on_date(day), Shift(Fixed(day), by, earlier), question.timeline.zone).first


def anchored(point: Point, first_day: int) -> Point:
    """Put a date in the place of the moment `day_1`."""
    match point:
        case Moment(name) if name == DAY_1:
            return Fixed(first_day)
        case Shift(inner, by, earlier):
            return Shift(anchored(inner, first_day), by, earlier, point.place)
        case _:
            return point


# --- tables -----------------------------------------------------------------------------------------------------------


def table(program: Program, first_day: int) -> Table:
    """Give the plan as a table."""
    rows = [
        (entry.name, entry.what, _shown(entry.planned), _shown(entry.first), _shown(entry.last), entry.note)
        for entry in plan(program, first_day)
    ]
    title = f"{program.name} {program.version}: the plan if day 1 is {shown_date(first_day)}"
    return Table(title, ("name", "what", "planned", "from", "through", "note"), tuple(rows), "nothing planned").filled


def _shown(day: int | None) -> str:
    return "" if day is None else shown_date(day)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one patient stands with one planned dose or visit; `next` marks what comes next."""

    name: str
    state: str
    planned: str
    window: str
    done: str
    departures: str
    next: bool = False


def standings(report: PatientReport) -> tuple[Standing, ...]:
    """Say of every planned dose and visit of a patient whether it is done, late or still to come."""
    made = [_standing(finding) for subject in ("visit", "dose") for finding in report.about(subject)]
    made.sort(key=_day)
    upcoming = next((each for each in made if each.state.replace(" ", "_") in OPEN), None)
    return tuple(replace(each, next=each is upcoming) for each in made)


def _standing(finding: Finding) -> Standing:
    departures = finding.fields.get("departure", frozenset())
    return Standing(
        finding.facts.get("dose") or finding.name,
        str(finding.fields["state"]).replace("_", " "),
        finding.facts.get("planned", ""),
        finding.facts.get("window", ""),
        finding.facts.get("date", ""),
        ", ".join(sorted(each.replace("_", " ") for each in departures)) if isinstance(departures, frozenset) else "",
    )


_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _day(standing: Standing) -> tuple[int, str]:
    dates = _DATE.findall(f"{standing.planned} {standing.window} {standing.done}")
    return (0, dates[0]) if dates else (1, "")


def patient_table(report: PatientReport) -> Table:
    """Give the standings of one patient as a table."""
    rows = [
        ("next" if each.next else "", each.name, each.state, each.planned, each.window, each.done, each.departures)
        for each in standings(report)
    ]
    columns = ("", "name", "state", "planned", "window", "done", "departures")
    return Table(f"Patient {report.patient}", columns, tuple(rows), "nothing planned")


# --- data and iCalendar -----------------------------------------------------------------------------------------------


def as_data(entry: Entry) -> dict[str, str | None]:
    """Give a line of the plan as plain data."""
    dates = {"planned": entry.planned, "from": entry.first, "through": entry.last}
    shown_dates = {name: None if day is None else shown_date(day) for name, day in dates.items()}
    return {"name": entry.name, "what": entry.what, **shown_dates, "note": entry.note}


def standing_as_data(standing: Standing) -> dict[str, Any]:
    """Give how a patient stands with one planned thing as plain data."""
    return {name: getattr(standing, name) for name in Standing.__dataclass_fields__}


def as_ics(program: Program, entries: Iterable[tuple[str, Entry]], at: int) -> str:
    """Give entries, each with the patient it is for (or none), as an iCalendar file of whole days.

    What has no date is left out. `at` is the instant that the file says it was made.
    """
    from icalendar import Calendar, Event  # noqa: PLC0415 - a tenth of the start of every command, and few need it

    calendar = Calendar()
    calendar.add("prodid", "-//trialspec//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{program.name} {program.version}")
    for patient, entry in entries:
        start = entry.planned or entry.first
        if start is None:
            continue
        last = entry.planned or entry.last or start
        event = Event()
        event.add("uid", f"{program.name}/{patient or 'plan'}/{entry.name}@trialspec")
        event.add("dtstamp", datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at))
        event.add("dtstart", date.fromordinal(start))
        event.add("dtend", date.fromordinal(last + 1))
        event.add("summary", f"{f'{patient}: ' if patient else ''}{entry.name} {entry.what}".rstrip())
        event.add("description", "\n".join(part for part in (_window_in_words(entry), entry.note, FOOTER) if part))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return str(calendar.to_ical(), "utf-8")


def _window_in_words(entry: Entry) -> str:
    start = "" if entry.first is None else f"from {shown_date(entry.first)}"
    end = "" if entry.last is None else f"through {shown_date(entry.last)}"
    return " ".join(part for part in ("permitted", start, end) if part) if start or end else ""


def upcoming(program: Program, report: PatientReport) -> Iterator[Entry]:
    """Give what a patient still has to come, where its dates are certain."""
    what = {entry.name: entry.what for entry in plan(program, report.timeline.zone.date_of(report.at))}
    for each in standings(report):
        planned, window = _DATE.findall(each.planned), _DATE.findall(each.window)
        if each.state.replace(" ", "_") in OPEN and " or " not in f"{each.planned}{each.window}":
            days = [date.fromisoformat(text).toordinal() for text in window]
            first = days[0] if days and (len(days) == 1 or "from" in each.window) else None
            last = days[-1] if days and (len(days) == 1 or "to" in each.window) else None
            day = date.fromisoformat(planned[0]).toordinal() if planned else None
            yield Entry(each.name, what.get(each.name, ""), day, first, last, each.state)
