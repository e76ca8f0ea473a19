"""Alerts as plain data: all that an alert carries, under the same names wherever it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialspec.explain import margin_in_words, missing_in_words, words
from trialspec.reports.rests import assumptions
from trialspec.reports.sentence import said
from trialspec.times import When, shown_date, shown_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialspec.alerts import Change, Episode, Note
    from trialspec.diagnostics import Place
    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Missing, Reading
    from trialspec.patient import Timeline
    from trialspec.program import Program
    from trialspec.times import Zone

URGENCY = ("now", "soon", "log")


def in_order(report: PatientReport) -> tuple[Episode, ...]:
    """Give the alerts as a person reads them: what still holds, then the urgent, the important, the earliest first."""
    return tuple(
        sorted(
            report.alerts.values(),
            key=lambda each: (
                each.over,
                URGENCY.index(each.rule.urgency),
                not each.rule.important,
                happened(each) or 0,
                each.key,
            ),
        )
    )


def happened(episode: Episode) -> int | None:
    """Give the instant that an alert is about; an alert that holds since ever may still be about something dated."""
    return episode.opened if episode.opened is not None else episode.finding.since


def known_since(episode: Episode, report: PatientReport) -> int | None:
    """Give the instant by which every record behind an alert was surely available; never before it happened.

    `None` where a record does not say when it became available: then it cannot be told.
    """
    return known_in(episode, report.timeline)


def known_in(episode: Episode, timeline: Timeline) -> int | None:
    """Give the same from the patient's timeline alone."""
    zone, when = timeline.zone, happened(episode)
    instants = [] if when is None else [when]
    for item in timeline.items:
        if not item.derived and (item.sources or {item.id}) & episode.finding.because:
            available = item.fields.get("available")
            if not isinstance(available, When):
                return None
            instants.append(available.span(zone)[1])
    return max(instants, default=None)


def as_data(
    report: PatientReport, episode: Episode, notes: Mapping[str, Sequence[Note]] | None = None
) -> dict[str, Any]:
    """Give an alert as plain data."""
    zone, finding, rule = report.timeline.zone, episode.finding, episode.rule
    program = report.judge(finding)
    return {
        **_alert(episode, zone, known_since(episode, report)),
        "margins": margins(program, finding),
        "missing": _missing(finding),
        "would_change": list(would_change(program, finding)),
        "may_change_at": _instant(finding.until, zone) if not episode.over else None,
        "assumes": list(assumptions(program, finding)),
        "written_at": [str(place) for place in _places(rule.place, finding.place)],
        "notes": [_note(note) for note in (notes or {}).get(str(episode.key), ())],
    }


def change_as_data(change: Change, timeline: Timeline, *, historic: bool) -> dict[str, Any]:
    """Give a line of the journal as plain data: what changed, the alert as it is now, and when that was noticed.

    `historic` is an alert that was over before anybody was to be told. What was withdrawn was never known.
    """
    episode = change.episode
    known = None if change.what == "withdrawn" else known_in(episode, timeline)
    return {
        "what": change.what,
        **_alert(episode, timeline.zone, known),
        "missing": _missing(episode.finding),
        "noticed": _instant(change.known, timeline.zone),
        "historic": historic,
    }


def _alert(episode: Episode, zone: Zone, known: int | None) -> dict[str, Any]:
    """Give what is said of an alert wherever it is told."""
    finding, rule = episode.finding, episode.rule
    return {
        "alert": str(episode.key),
        "patient": episode.key.patient,
        "rule": rule.name,
        "subject": finding.name,
        "sentence": said(episode),
        "urgency": rule.urgency,
        "important": rule.important,
        "unblinds": rule.unblinds,
        "category": rule.category,
        "clause": rule.clause or (finding.provenance.clause if finding.provenance else ""),
        "protocol": episode.key.protocol,
        "digest": episode.digest,
        "happened": _instant(happened(episode), zone),
        "resolved": _instant(episode.closed, zone),
        "known": _instant(known, zone),
        "found": {name: _plain(value) for name, value in sorted(finding.fields.items())},
        "events": sorted(finding.because),
    }


def _missing(finding: Finding) -> list[dict[str, str | None]]:
    return [missing_as_data(each) for each in _sorted(finding.missing)]


def _instant(instant: int | None, zone: Zone) -> str | None:
    return None if instant is None else shown_instant(instant, zone)


def _plain(value: str | frozenset[str]) -> str | list[str]:
    return value if isinstance(value, str) else sorted(value)


def _places(*places: Place | None) -> Iterator[Place]:
    return (place for place in places if place is not None)


def _note(note: Note) -> dict[str, str]:
    return {name: getattr(note, name) for name in note.__dataclass_fields__ if getattr(note, name)}


def _sorted(missing: Iterable[Missing]) -> list[Missing]:
    return sorted(missing, key=missing_in_words)


def missing_as_data(missing: Missing) -> dict[str, str | None]:
    """Give what is missing as plain data."""
    # Dates without a zone: they are the site's.
    return {
        "what": missing.what,
        "from": None if missing.start is None else shown_date(missing.start),
        "due": None if missing.due is None else shown_date(missing.due),
        "asked_of": missing.asked_of,
    }


def margins(program: Program, finding: Finding) -> list[str]:
    """Say how far the values that decided a finding lie from their limits."""
    return list(dict.fromkeys(told for reading in finding.readings for told in _margins(program, reading)))


def _margins(program: Program, reading: Reading) -> Iterator[str]:
    margin = margin_in_words(reading, program.vocabulary)
    if margin and reading.node is not None:
        yield f"{words(reading.node)}: {margin}"
    for part in reading.parts:
        yield from _margins(program, part)


def would_change(program: Program, finding: Finding) -> Iterator[str]:
    """Say what would change a finding: an answer to what is missing, another value, or another record."""
    yield from (f"an answer: {missing_in_words(each)}" for each in _sorted(finding.missing))
    yield from (f"another value: {margin}" for margin in margins(program, finding))
    if finding.because:
        yield f"a correction of {', '.join(sorted(finding.because))}"
