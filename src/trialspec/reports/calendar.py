"""When what is due: the plan from a first day, without any events; and how each patient stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from icalendar import Calendar, Event

from trialspec.explain import DAY_1
from trialspec.findings.slots import shifted
from trialspec.findings.windows import dated, window_place
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import locate
from trialspec.kernel import Fixed, Moment, Shift
from trialspec.patient import Timeline
from trialspec.quantity import shown
from trialspec.reports.table import FOOTER, Table
from trialspec.times import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.kernel import Point, Window
    from trialspec.program import DosePlan, Program, VisitPlan

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
    on = None if visit.on is None else anchored(visit.on, first_day)
    place = window_place(_window(visit.window, first_day), on, question)
    measures = [m for each in program.assessments if visit.name in each.visits for m in each.measures]
    what = f"visit: {', '.join(measures)}" if measures else "visit"
    note = "" if place.planned or place.first or place.last else "its dates hang on other moments"
    yield Entry(visit.name, what, place.planned, place.first, place.last, note)


def _window(window: Window, first_day: int) -> Window:
    start = None if window.start is None else anchored(window.start, first_day)
    end = None if window.end is None else anchored(window.end, first_day)
    return replace(window, start=start, end=end)


def _doses(plan_: DosePlan, question: Question, first_day: int) -> Iterator[Entry]:
    amount = "" if plan_.amount is None or plan_.amount.exact is None else f" {shown(plan_.amount.exact)} {plan_.unit}"
    what = f"{plan_.drug}{amount} {' or '.join(sorted(plan_.routes))}".rstrip()
    gates = f"only if {', '.join(plan_.gates)}" if plan_.gates else ""
    day: int | None = None
    for number in range(1, max(len(plan_.planned), plan_.times if plan_.interval else 0) + 1):
        rolling = number > len(plan_.planned) and plan_.interval is not None
        if rolling:
            day = None if day is None or plan_.interval is None else shifted(day, plan_.interval, question)
        else:
            found = dated(locate(anchored(plan_.planned[number - 1], first_day), question))
            day = None if found is None else found.first
        first = None if day is None else shifted(day, plan_.early, question, earlier=True)
        last = None if day is None else shifted(day, plan_.late, question)
        notes = [
            gates,
            "moves with the dose before it" if rolling else "",
            "" if day else "its date hangs on other moments",
        ]
        yield Entry(f"{plan_.name}#{number}", what, day, first, last, "; ".join(note for note in notes if note))


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


def upcoming(report: PatientReport) -> Iterator[Entry]:
    """Give what a patient still has to come, where its dates are certain."""
    for each in standings(report):
        planned, window = _DATE.findall(each.planned), _DATE.findall(each.window)
        if each.state.replace(" ", "_") in OPEN and " or " not in f"{each.planned}{each.window}":
            days = [date.fromisoformat(text).toordinal() for text in window]
            first = days[0] if days and (len(days) == 1 or "from" in each.window) else None
            last = days[-1] if days and (len(days) == 1 or "to" in each.window) else None
            day = date.fromisoformat(planned[0]).toordinal() if planned else None
            yield Entry(each.name, each.state, day, first, last)
