"""One patient on one page: what needs a person, eligibility and why, every dose and visit, response, what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.explain import answer, as_recorded, margin_in_words, missing_in_words, record_in_words
from trialspec.quantity import Codes, Interval
from trialspec.reports import queries
from trialspec.reports.journal import happened, in_order
from trialspec.reports.rests import beneath, items, told
from trialspec.reports.sentence import said
from trialspec.reports.table import Page, Table
from trialspec.times import shown_date, shown_instant
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trialspec.alerts import Episode, Note
    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Reading
    from trialspec.patient import Item
    from trialspec.program import Criterion, Program
    from trialspec.times import Zone


def overview(program: Program, report: PatientReport, notes: Mapping[str, Sequence[Note]] | None = None) -> Page:
    """Give the page of one patient."""
    zone = report.timeline.zone
    as_of = f"as of {shown_instant(report.at, zone)} ({zone.name})"
    if report.known is not None:
        as_of += f", as known at {shown_instant(report.known, zone)}"
    tables = (
        alerts(report, notes or {}),
        eligibility(program, report),
        doses(report),
        visits(report),
        values(program, report),
        responses(report),
        assumptions(program, report),
        open_questions(report),
    )
    return Page(f"Patient {report.patient}", (in_a_sentence(report), as_of), tables)


# --- in a sentence ----------------------------------------------------------------------------------------------------


def in_a_sentence(report: PatientReport) -> str:
    """Say the main answers in one line."""
    return "; ".join(part for part in (enrolment(report), given(report), *answered(report), looking(report)) if part)


def enrolment(report: PatientReport) -> str:
    """Say whether the patient is, or was, eligible."""
    for finding in report.about("eligibility"):
        if finding.fields["enrolled"] == "no":
            return f"not enrolled, {finding.fields['now']} now"
        if finding.fields["enrolled"] == "unknown":
            return f"it is not certain whether enrolled, {finding.fields['now']}"
        return f"enrolled {finding.facts.get('enrolled', '')}, {finding.fields['at_enrolment']} then"
    return ""


def given(report: PatientReport) -> str:
    """Say how many of the planned doses were given, and whether any departed."""
    planned = [finding for finding in report.about("dose") if "extra" not in finding.fields.get("departure", ())]
    if not planned:
        return ""
    count = sum(finding.fields["state"] == "given" for finding in planned)
    departed = sum(bool(finding.fields.get("departure")) for finding in report.about("dose"))
    departures = f", {departed} with departures" if departed else ""
    return f"{count} of {len(planned)} doses given{departures}"


def answered(report: PatientReport) -> Iterator[str]:
    """Say the last final category of each definition of response, or that it is pending."""
    last: dict[str, str] = {}
    for finding in report.about("category"):
        response = finding.facts.get("response", finding.name)
        if finding.fields["final"] == "yes":
            category = str(finding.fields["category"]).replace("_", " ")
            last[response] = f"{response}: {category} at {finding.facts.get('visit', '')}"
        else:
            last.setdefault(response, f"{response}: pending")
    yield from last.values()


def looking(report: PatientReport) -> str:
    """Say how many alerts need a person."""
    still = [episode for episode in report.alerts.values() if not episode.over]
    counts = {urgency: sum(each.rule.urgency == urgency for each in still) for urgency in ("now", "soon")}
    told_ = [f"{count} to look at {urgency}" for urgency, count in counts.items() if count]
    return ", ".join(told_)


# --- alerts -----------------------------------------------------------------------------------------------------------


def alerts(report: PatientReport, notes: Mapping[str, Sequence[Note]]) -> Table:
    """List the alerts, those first that need a person most."""
    zone = report.timeline.zone
    rows = [
        (
            episode.rule.urgency if not episode.over else f"over {_date(episode.closed, zone)}",
            _date(happened(episode), zone),
            said(episode),
            "important" if episode.rule.important else "",
            episode.rule.name,
            "; ".join(_note(note) for note in notes.get(str(episode.key), ())),
        )
        for episode in in_order(report)
    ]
    return Table("Alerts", ("look", "since", "what", "ICH E3", "rule", "notes"), tuple(rows), "none").filled


def _date(instant: int | None, zone: Zone) -> str:
    return "" if instant is None else shown_date(zone.date_of(instant))


def _note(note: Note) -> str:
    return f"{note.kind} by {note.by}{f': {note.reason}' if note.reason else ''}"


# --- eligibility ------------------------------------------------------------------------------------------------------


def eligibility(program: Program, report: PatientReport) -> Table:
    """Say of each criterion how it was read when it decided, and why; the three answers stand above."""
    columns = ("criterion", "is", "because")
    found = report.about("eligibility")
    if not found or not program.criteria:
        return Table("Eligibility", columns, ())
    answers = found[0].fields
    title = f"Eligibility: now {answers['now']}"
    if answers["enrolled"] == "yes":
        known = answers["as_known"]
        title = f"Eligibility at enrolment: {answers['at_enrolment']} (as far as was known then: {known})"
    readings = found[0].readings or tuple(finding.readings[0] for finding in report.about("criterion"))
    records = _by_source(report)
    rows = [
        (_criterion(each), str(reading.verdict).replace("_", " "), _why(reading, report, records, program))
        for each, reading in zip(program.criteria, readings, strict=True)
    ]
    return Table(title, columns, tuple(rows))


def _criterion(criterion: Criterion) -> str:
    role = "" if criterion.role == "include" else " (exclusion)"
    return f"{criterion.name} {criterion.provenance.text}".rstrip() + role


def _by_source(report: PatientReport) -> dict[str, Item]:
    return {source: item for item in report.timeline.items for source in (item.sources or {item.id})}


def _why(reading: Reading, report: PatientReport, records: Mapping[str, Item], program: Program) -> str:
    if reading.verdict is UNKNOWN:
        return answer(reading, report.timeline).removeprefix("unknown; ")
    cited = {records[event].id: records[event] for event in sorted(reading.because) if event in records}
    of_moment = {"milestone", "person"}
    shown = [item for item in cited.values() if item.kind not in of_moment] or list(cited.values())
    margin = "" if reading.margin is None else f"; {margin_in_words(reading.margin)}"
    return ("; ".join(record_in_words(item, program.vocabulary) for item in shown) or "no record of it") + margin


# --- doses, visits ----------------------------------------------------------------------------------------------------


def doses(report: PatientReport) -> Table:
    """Account for every dose: planned, given, and how it departed."""
    columns = ("dose", "state", "given", "amount", "planned", "window", "departures", "perhaps", "gate")
    rows = [
        (
            finding.facts.get("dose") or finding.name,
            _words(finding, "state"),
            finding.facts.get("date", ""),
            finding.facts.get("amount", ""),
            finding.facts.get("planned", ""),
            finding.facts.get("window", ""),
            _words(finding, "departure"),
            _words(finding, "departure_unknown"),
            _gate(finding),
        )
        for finding in report.about("dose")
    ]
    return Table("Doses", columns, tuple(rows)).filled


def _words(finding: Finding, field: str) -> str:
    value = finding.fields.get(field, "")
    listed = [value] if isinstance(value, str) else sorted(value)
    return ", ".join(word.replace("_", " ") for word in listed)


def _gate(finding: Finding) -> str:
    verdict = _words(finding, "gate")
    margin = finding.facts.get("margin", "")
    return f"{verdict} ({margin})" if verdict and margin else verdict


def visits(report: PatientReport) -> Table:
    """Account for every visit: when it was done, and which of its assessments were not."""
    rows = []
    for finding in report.about("visit"):
        at_visit = [each for each in report.about("assessment") if each.facts.get("visit") == finding.name]
        done = sum(each.fields["state"] == "done" for each in at_visit)
        other = [
            f"{each.facts.get('measure', each.name)} {_words(each, 'state')}"
            for each in at_visit
            if each.fields["state"] not in {"done", finding.fields["state"]}
        ]
        departed = [
            f"{each.facts.get('measure', each.name)} {_words(each, 'departure')}"
            for each in at_visit
            if each.fields.get("departure")
        ]
        rows.append(
            (
                finding.name,
                _words(finding, "state"),
                finding.facts.get("date", ""),
                finding.facts.get("window", ""),
                _words(finding, "departure"),
                f"{done} of {len(at_visit)}" if at_visit else "",
                ", ".join([*other, *departed]),
            )
        )
    columns = ("visit", "state", "done", "window", "departures", "assessed", "not so")
    return Table("Visits", columns, tuple(rows)).filled


# --- values and response ----------------------------------------------------------------------------------------------


def values(program: Program, report: PatientReport) -> Table:
    """Show the value of each planned measure at each visit: the one that the response is read from."""
    at: dict[tuple[str, str], str] = {}
    for finding in report.about("assessment"):
        if finding.fields["state"] == "done":
            key = finding.facts.get("measure", ""), finding.facts.get("visit", "")
            at[key] = _value(program, report, finding)
    names = [plan.name for plan in program.visits if any(visit == plan.name for _, visit in at)]
    measures = dict.fromkeys(measure for measure, visit in at if visit in names)
    rows = tuple((measure, *(at.get((measure, visit), "") for visit in names)) for measure in measures)
    return Table("Values at visits", ("measure", *names), rows)


def _value(program: Program, report: PatientReport, finding: Finding) -> str:
    """Print the value that an assessment was done by, as it was recorded."""
    measure = finding.name.rpartition("/")[2]
    wanted = program.vocabulary.under(measure)
    found = []
    for item in report.timeline.items:
        code, value = item.fields.get("measure"), item.fields.get("value")
        cited = (item.sources or {item.id}) <= finding.because and str(item.when) in finding.facts.get("date", "")
        if cited and isinstance(code, Codes) and code.words is not None and code.words <= wanted:
            shown = as_recorded(value, item, program.vocabulary) if isinstance(value, Interval) else str(value or "")
            found.append(shown)
    return " or ".join(dict.fromkeys(found))


def responses(report: PatientReport) -> Table:
    """Say for each definition and visit the category, and how each of its components reads."""
    rows: list[tuple[str, ...]] = []
    components = report.about("component")
    for finding in report.about("category"):
        response, visit = finding.facts.get("response", ""), finding.facts.get("visit", "")
        parts = [
            each for each in components if each.facts.get("response") == response and each.facts.get("visit") == visit
        ]
        final = "" if finding.fields["final"] == "yes" else " (not final)"
        pending = finding.fields["category"] == "pending"
        rows.append(
            (
                response,
                visit,
                _words(finding, "category") + ("" if pending else final),
                "" if pending else "; ".join(_component(each) for each in parts),
                "" if pending else ", ".join(sorted(missing_in_words(each) for each in finding.missing)),
            )
        )
    return Table("Response", ("definition", "visit", "category", "components", "missing"), tuple(rows)).filled


def _component(finding: Finding) -> str:
    name = finding.facts.get("component", finding.name)
    reading = finding.readings[0] if finding.readings else None
    margin = "" if reading is None or reading.margin is None else f" ({margin_in_words(reading.margin)})"
    return f"{name} {_words(finding, 'verdict')}{margin if reading and reading.verdict is not UNKNOWN else ''}"


# --- what it rests on -------------------------------------------------------------------------------------------------


def assumptions(program: Program, report: PatientReport) -> Table:
    """List what the answers of this page assume, and which of its alerts rest on each."""
    resting: dict[str, list[str]] = {}
    for episode in in_order(report):
        for name, _ in beneath(program, episode.finding):
            resting.setdefault(name, []).append(_short(episode))
    rows = [
        (reason, ", ".join(dict.fromkeys(resting.get(name, ()))))
        for name, provenance in items(program)
        for reason in told([(name, provenance)])
    ]
    return Table(
        "Rests on what the written protocol does not say", ("item", "alerts that rest on it"), tuple(rows)
    ).filled


def _short(episode: Episode) -> str:
    return f"{episode.rule.name} {episode.finding.name}"


def open_questions(report: PatientReport) -> Table:
    """List what is missing and due; what is only awaited is counted."""
    rows = list(queries.queries(report))
    status = queries.COLUMNS.index("status")
    shown = [row for row in rows if row[status] != "awaited"]
    awaited = len(rows) - len(shown)
    title = f"Open questions{f' ({awaited} more are awaited, not due yet)' if awaited else ''}"
    wanted = [queries.COLUMNS.index(name) for name in ("query", "asked_of", "due", "needed_for")]
    columns = tuple(queries.COLUMNS[number].replace("_", " ") for number in wanted)
    return Table(title, columns, tuple(tuple(row[number] for number in wanted) for row in shown), "none")
