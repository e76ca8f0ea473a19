"""Time to event: from when a patient is followed, whether and when an event came, and until when nothing is known.

The event comes at the first instant at which its criterion is met. From the origin on the criterion is asked again at
each instant at which its answer may change, so that nothing between two of them is lost.

- `event`: it was met by then. `not_before` is the first date from which on it may have been: earlier than the date of
  the event where its record has no certain date.
- `censored`: it was surely not met up to the date on which following the patient ended, or up to the question.
- `unknown`: it may have been met before that, since `not_before`.
- `not_followed`: the origin has not come. Where its date is open, so is how long it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trialspec.interpreters.reading import Missing, earliest
from trialspec.interpreters.reference import read
from trialspec.times import When
from trialspec.truth import MET, NOT_MET

if TYPE_CHECKING:
    from trialspec.interpreters.reading import Question, Reading
    from trialspec.program import TimeTo

Status = Literal["event", "censored", "unknown", "not_followed"]


@dataclass(frozen=True, slots=True)
class TimeFound:
    """What is found of one time to event: dates are ordinals, `days` how many passed at the least and at the most."""

    name: str
    status: Status
    origin: When | None
    date: int | None
    not_before: int | None
    days: tuple[int, int] | None
    because: frozenset[str]
    missing: frozenset[Missing]
    ended_by: str = ""


def time_to(asked: TimeTo, question: Question) -> TimeFound:
    """Say whether and when an event came, by the instant of the question."""
    zone = question.timeline.zone
    origin = read(asked.origin, question)
    if not isinstance(origin.value, When):
        return TimeFound(asked.name, "not_followed", None, None, None, None, origin.because, origin.missing)
    start, end, ended_by = origin.value.span(zone)[0], question.at, ""
    because = origin.because
    for moment in asked.censors:
        censor = read(moment, question)
        if isinstance(censor.value, When):
            # Of a date that is open the first possible one: after it nobody surely looked.
            when = censor.value
            last = when.instants[0] if when.instants else zone.end_of(when.first)
            if last < end:
                end, ended_by = last, moment.name
                because |= censor.because
    reading, met, open_since = _first_met(asked, question, start, end)
    if reading is None:
        return TimeFound(asked.name, "not_followed", origin.value, None, None, None, because, frozenset())
    because |= reading.because
    first = None if open_since is None else zone.date_of(open_since)
    if met is not None:
        date = zone.date_of(met)
        not_before = date if first is None else first
        days = max(0, date - origin.value.last), max(0, date - origin.value.first)
        return TimeFound(asked.name, "event", origin.value, date, not_before, days, because, frozenset())
    last = zone.date_of(end)
    days = max(0, last - origin.value.last), max(0, last - origin.value.first)
    status: Status = "censored" if first is None else "unknown"
    return TimeFound(asked.name, status, origin.value, last, first, days, because, reading.missing, ended_by)


def _first_met(
    asked: TimeTo, question: Question, start: int, end: int
) -> tuple[Reading | None, int | None, int | None]:
    """Ask from one instant to another: the reading that ends it, when it was met, and since when it may have been."""
    at: int | None = start
    reading, open_since = None, None
    while at is not None and at <= end:
        reading = read(asked.event, question.on(at))
        if reading.verdict is MET:
            return reading, at, open_since
        if reading.verdict is NOT_MET:
            open_since = None
        elif open_since is None:
            open_since = at
        at = earliest(reading.until)
    return reading, None, open_since
