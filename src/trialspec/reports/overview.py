"""One patient on one page: what needs a person, eligibility and why, every dose and visit, response, what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.explain import answer, as_recorded, margin_in_words, missing_in_words, record_in_words, words
from trialspec.quantity import Codes, Interval
from trialspec.reports import queries
from trialspec.reports.journal import happened, in_order
from trialspec.reports.rests import assuming
from trialspec.reports.sentence import said
from trialspec.reports.table import Page, Table
from trialspec.times import shown_date, shown_instant
from trialspec.truth import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialspec.alerts import Episode, Note
    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Reading
    from trialspec.patient import Item
    from trialspec.program import Criterion, Program
    from trialspec.times import Zone


def overview(report: PatientReport, notes: Mapping[str, Sequence[Note]] | None = None) -> Page:
    """Give the page of one patient."""
    zone = report.timeline.zone
    as_of = f"as of {shown_instant(report.at, zone)} ({zone.name})"
    if report.known is not None:
        as_of += f", as known at {shown_instant(report.known, zone)}"
    tables = (
        *alerts(report, notes or {}),
        eligibility(report),
        doses(report),
        visits(report),
        values(report),
        responses(report),
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
    return ", ".join(f"{count} to look at {urgency}" for urgency, count in counts.items() if count)


# --- alerts -----------------------------------------------------------------------------------------------------------


def alerts(report: PatientReport, notes: Mapping[str, Sequence[Note]]) -> tuple[Table, Table]:
    """List the alerts that still hold, those first that need a person most, and those that are over."""
    zone = report.timeline.zone
    still: dict[tuple[str, ...], list[Episode]] = {}
    over: dict[tuple[str, ...], list[Episode]] = {}
    for episode in in_order(report):
        rule, since = episode.rule, _date(happened(episode), zone)
        important = "important" if rule.important else ""
        noted = "; ".join(_note(note) for note in notes.get(str(episode.key), ()))
        rests = ", ".join(assuming(report.judge(episode.finding), episode.finding))
        if episode.over:
            over.setdefault((since, _date(episode.closed, zone), rule.name, rests, noted), []).append(episode)
        else:
            still.setdefault((rule.urgency, since, rule.name, important, rests, noted), []).append(episode)
    open_rows = [(look, since, _told(group), *others) for (look, since, *others), group in still.items()]
    over_rows = [(since, until, _told(group), *others) for (since, until, *others), group in over.items()]
    columns = ("rule", "important", "rests on", "notes")
    return (
        Table("Alerts", ("look", "since", "what", *columns), tuple(open_rows), "none").filled,
        Table("Alerts that are over", ("since", "until", "what", columns[0], *columns[2:]), tuple(over_rows)).filled,
    )


# So many alerts of one rule on one day are told as one.
_ALIKE = 3


def _told(group: Sequence[Episode]) -> str:
    sentences = [said(episode) for episode in group]
    if len(group) < _ALIKE:
        return " / ".join(sentences)
    others = [episode.finding.facts.get("measure") or episode.finding.name for episode in group[1:]]
    return f"{sentences[0]}; likewise {', '.join(others)}"


def _date(instant: int | None, zone: Zone) -> str:
    return "" if instant is None else shown_date(zone.date_of(instant))


def _note(note: Note) -> str:
    return f"{note.kind} by {note.by}{f': {note.reason}' if note.reason else ''}"


# --- eligibility ------------------------------------------------------------------------------------------------------


def eligibility(report: PatientReport) -> Table:
    """Say of each criterion how it was read when it decided, and why; the three answers stand above."""
    columns = ("criterion", "is", "because", "not in the written protocol")
    found = report.about("eligibility")
    program = report.judge(found[0]) if found else report.program
    criteria = {each.name: each for each in program.criteria}
    if not found or not criteria:
        return Table("Eligibility", columns, ())
    answers = found[0].fields
    title = f"Eligibility: {answers['now']} now"
    if answers["enrolled"] == "yes":
        title = f"Eligibility at enrolment: {answers['at_enrolment']}; as far as was known then: {answers['as_known']}"
    now = {each.name: each.readings[0] for each in report.about("criterion")}
    readings = dict(zip(criteria, found[0].readings, strict=True)) if found[0].readings else now
    records = {
        source: item for item in report.timeline.items if not item.derived for source in (item.sources or {item.id})
    }
    rows = [
        (
            _criterion(criteria[name]),
            str(reading.verdict).replace("_", " "),
            _why(reading, report, records, program),
            ", ".join(_marks(criteria[name])),
        )
        for name, reading in readings.items()
        if name in criteria
    ]
    return Table(title, columns, tuple(rows)).filled


def _criterion(criterion: Criterion) -> str:
    role = " (must not be)" if criterion.role == "exclude" else ""
    return f"{criterion.name} {criterion.provenance.text or words(criterion.expr)}{role}"


def _marks(criterion: Criterion) -> Iterator[str]:
    provenance = criterion.provenance
    if provenance.assumed:
        yield "assumed"
    if provenance.interpreted:
        yield "interpreted"
    if not provenance.verified:
        yield "unverified"


def _why(reading: Reading, report: PatientReport, records: Mapping[str, Item], program: Program) -> str:
    if reading.verdict is UNKNOWN:
        return answer(reading, report.timeline.zone, program.vocabulary).removeprefix("unknown; ")
    cited = {records[event].id: records[event] for event in sorted(reading.because) if event in records}
    # Milestones only set the window in which was looked.
    shown = [item for item in cited.values() if item.kind not in {"milestone", "person"}]
    told = "; ".join(record_in_words(item, program.vocabulary) for item in shown) or "no such record"
    margin = margin_in_words(reading, program.vocabulary)
    return f"{told}; {margin}" if margin else told


# --- doses, visits ----------------------------------------------------------------------------------------------------


def doses(report: PatientReport) -> Table:
    """Account for every dose: planned, given, and how it departed."""
    columns = ("dose", "state", "given", "planned", "window", "departures", "perhaps", "gate")
    rows = [
        (
            f"{finding.facts.get('dose') or finding.name} {finding.facts.get('drug', '')}".rstrip(),
            _words(finding, "state"),
            ", ".join(part for part in (finding.facts.get("date"), finding.facts.get("amount")) if part),
            finding.facts.get("planned", ""),
            _window(finding),
            _words(finding, "departure"),
            _words(finding, "departure_unknown"),
            _gate(report.judge(finding), finding),
        )
        for finding in report.about("dose")
    ]
    return Table("Doses", columns, tuple(rows)).filled


def _words(finding: Finding, field: str) -> str:
    value = finding.fields.get(field, "")
    listed = [value] if isinstance(value, str) else sorted(value)
    return ", ".join(word.replace("_", " ") for word in listed)


def _window(finding: Finding) -> str:
    window = finding.facts.get("window", "")
    return window.removeprefix("from ") if " to " in window else window


# A gate is of interest for a dose that was given, or may be given now.
_GATED = frozenset({"given", "due", "overdue", "held", "unknown"})


def _gate(program: Program, finding: Finding) -> str:
    plan = next((each for each in program.doses if finding.name.startswith(f"{each.name}#")), None)
    if finding.fields["state"] not in _GATED or plan is None or not plan.gates:
        return ""
    margin = finding.facts.get("margin", "")
    return f"{_words(finding, 'gate')}{f' ({margin})' if margin else ''}"


def visits(report: PatientReport) -> Table:
    """Account for every visit: when it was done, and which of its assessments were not."""
    rows = []
    for finding in report.about("visit"):
        at_visit = [each for each in report.about("assessment") if each.facts.get("visit") == finding.name]
        done = sum(each.fields["state"] == "done" for each in at_visit)
        otherwise = [
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
                _window(finding),
                _words(finding, "departure"),
                f"{done} of {len(at_visit)}" if at_visit else "",
                ", ".join([*otherwise, *departed]),
            )
        )
    columns = ("visit", "state", "done", "window", "departures", "assessed", "but")
    return Table("Visits", columns, tuple(rows)).filled


# --- values and response ----------------------------------------------------------------------------------------------


def values(report: PatientReport) -> Table:
    """Show the value of each planned measure at each visit, in the unit in which it came."""
    at: dict[tuple[str, str], str] = {}
    for finding in report.about("assessment"):
        if finding.fields["state"] == "done":
            key = finding.facts.get("measure", ""), finding.facts.get("visit", "")
            at[key] = _value(report.program, report, finding)
    planned = (plan.name for each in (report.program, *report.versions.values()) for plan in each.visits)
    names = [name for name in dict.fromkeys(planned) if any(visit == name for _, visit in at)]
    measures = dict.fromkeys(measure for measure, visit in at if visit in names)
    rows = tuple((measure, *(at.get((measure, visit), "") for visit in names)) for measure in measures)
    return Table("Values at visits", ("measure", *names), rows)


def _value(program: Program, report: PatientReport, finding: Finding) -> str:
    """Print the value that an assessment was done by, as it was recorded."""
    wanted = program.vocabulary.under(finding.name.rpartition("/")[2])
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
        pending = finding.fields["category"] == "pending"
        final = "" if pending or finding.fields["final"] == "yes" else " (not final)"
        rows.append(
            (
                response,
                visit,
                f"{_words(finding, 'category')}{final}",
                "" if pending else "; ".join(_component(report.program, each) for each in parts),
                "" if pending else ", ".join(sorted(missing_in_words(each) for each in finding.missing)),
                ", ".join(assuming(report.judge(finding), finding)),
            )
        )
    columns = ("definition", "visit", "category", "components", "missing", "rests on")
    return Table("Response", columns, tuple(rows)).filled


def _component(program: Program, finding: Finding) -> str:
    name = f"{finding.facts.get('component', finding.name)} {_words(finding, 'verdict')}"
    margins = [margin_in_words(reading, program.vocabulary) for reading in finding.readings]
    return f"{name} ({margins[0]})" if margins and margins[0] else name


# --- what is open -----------------------------------------------------------------------------------------------------


def open_questions(report: PatientReport) -> Table:
    """List what is missing and due; what is only awaited is counted."""
    lines = [dict(zip(queries.COLUMNS, line, strict=True)) for line in queries.queries(report)]
    shown = [line for line in lines if line["status"] != "awaited"]
    awaited = len(lines) - len(shown)
    title = f"Open questions{f' ({awaited} more can still come in time)' if awaited else ''}"
    rows = [(line["query"], line["asked_of"], line["due"], _few(line["needed_for"].split(", "))) for line in shown]
    return Table(title, ("what", "of whom", "due", "needed for"), tuple(rows), "none").filled


_FEW = 3


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _FEW} more" if len(listed) > _FEW else ""
    return f"{', '.join(listed[:_FEW])}{more}"
