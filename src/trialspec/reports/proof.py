"""Why the protocol says so: the proof of a finding, told from the answer down to the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialspec.explain import explain, lean, record_in_words
from trialspec.interpreters.reading import Question
from trialspec.reports.data import finding_as_data
from trialspec.reports.journal import as_data, happened, known_since, would_change
from trialspec.reports.rests import beneath, told
from trialspec.reports.sentence import said
from trialspec.reports.table import Page, Table
from trialspec.times import shown_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.alerts import Episode
    from trialspec.evaluation import PatientReport
    from trialspec.explain import Line
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Reading
    from trialspec.program import Criterion, DosePlan, Program


# --- what is explained ------------------------------------------------------------------------------------------------


def of_criterion(report: PatientReport, name: str) -> Page:
    """Explain a criterion as it was read when eligibility was decided, and as it reads now where that differs."""
    finding = next(each for each in report.about("criterion") if each.name == name)
    program = report.judge(finding)
    criterion = next(each for each in program.criteria if each.name == name)
    now, then, tables = finding.readings[0], _at_enrolment(report, name), []
    if then is not None:
        enrolled = report.about("eligibility")[0].facts.get("enrolled", "")
        tables.append(_proof(f"At enrolment, {enrolled}: {_plain(then)}", then, program, report))
    if then is None or now.verdict is not then.verdict:
        tables.append(_proof(f"Now: {_plain(now)}", now, program, report))
        tables.append(_records(criterion, now, program, report))
    return Page(f"{report.patient}: criterion {name}", tuple(_about(criterion)), (*tables, _rests(program, finding)))


def _at_enrolment(report: PatientReport, name: str) -> Reading | None:
    """Give how a criterion was read at enrolment, for a patient who surely was enrolled."""
    for finding in report.about("eligibility"):
        if finding.fields["enrolled"] == "yes" and finding.readings:
            names = (criterion.name for criterion in report.judge(finding).criteria)
            return dict(zip(names, finding.readings, strict=True)).get(name)
    return None


def of_finding(report: PatientReport, finding: Finding) -> Page:
    """Explain a finding: its fields, the proofs behind them, and the records."""
    program = report.judge(finding)
    lines = [f"{name}: {is_}" for name, is_ in _fields(program, finding)]
    facts = {name: text for name, text in finding.facts.items() if text and name in _FACTS}
    lines += [f"{_FACTS[name]}: {text}" for name, text in facts.items()]
    proofs = _proofs(program, report, finding)
    return Page(
        f"{report.patient}: {finding.subject} {finding.name}",
        tuple(lines),
        (*proofs, _cited(finding, program, report), _changing(program, finding), _rests(program, finding)),
    )


def of_alert(report: PatientReport, episode: Episode) -> Page:
    """Explain an alert: what it says, when, why, and what would change it."""
    zone, rule, finding = report.timeline.zone, episode.rule, episode.finding
    program = report.judge(finding)
    start, end, known = happened(episode), episode.closed, known_since(episode, report)
    important = "important" if rule.important else "not important"
    lines = [
        said(episode),
        f"happened: {'since ever' if start is None else shown_instant(start, zone)}",
        *([] if end is None else [f"over since: {shown_instant(end, zone)}"]),
        f"known: {'a record does not say' if known is None else shown_instant(known, zone)}",
        f"urgency: {rule.urgency}; {important}{f'; {rule.category}' if rule.category else ''}",
        f"rule: {rule.name}{f', written at {rule.place}' if rule.place else ''}",
        *([f"about: written at {finding.place}"] if finding.place else []),
        f"protocol digest: {episode.digest}",
        f"alert: {episode.key}",
    ]
    proofs = _proofs(program, report, finding)
    tables = (
        Table("What was found", ("field", "is"), tuple(_fields(program, finding))),
        *proofs,
        _cited(finding, program, report),
        _changing(program, finding),
        _rests(program, finding),
    )
    return Page(f"{report.patient}: {rule.name} {finding.name}", tuple(lines), tables)


def finding_with_proof(report: PatientReport, finding: Finding) -> dict[str, Any]:
    """Give a finding and its proofs as plain data."""
    program = report.judge(finding)
    return finding_as_data(program, finding, report.timeline.zone) | {
        "proofs": [[_line(line) for line in _lines(reading, program, report)] for reading in finding.readings]
    }


def alert_with_proof(report: PatientReport, episode: Episode) -> dict[str, Any]:
    """Give an alert and its proofs as plain data."""
    program = report.judge(episode.finding)
    return as_data(report, episode) | {
        "proofs": [[_line(line) for line in _lines(reading, program, report)] for reading in episode.finding.readings]
    }


# --- its parts --------------------------------------------------------------------------------------------------------

# The words of a finding that are worth a line of their own.
_FACTS = {
    "date": "given on",
    "planned": "planned",
    "window": "permitted",
    "amount": "amount",
    "planned_amount": "planned amount",
    "route": "route",
    "gate": "its gate",
    "margin": "its value",
}


def _fields(program: Program, finding: Finding) -> Iterator[tuple[str, str]]:
    """Tell the fields of a finding; where no gate of a dose only warns, what holds it is its gate."""
    plan = _plan(program, finding)
    told_by_gate = {"holding", "warning"} if plan and not _warns(program, plan) else set[str]()
    for name, value in finding.fields.items():
        if value and name not in told_by_gate:
            yield name.replace("_", " "), _listed(value)


def _plan(program: Program, finding: Finding) -> DosePlan | None:
    """Give the plan of a dose, planned or further."""
    if finding.subject != "dose":
        return None
    named = (finding.facts.get("dose", "").partition("#")[0], finding.name.partition("#")[0])
    return next((plan for plan in program.doses if plan.name in named), None)


def _warns(program: Program, plan: DosePlan) -> bool:
    return any(program.gates[name].otherwise == "warn" for name in plan.gates)


def _about(criterion: Criterion) -> Iterator[str]:
    role = "an inclusion: to be met" if criterion.role == "include" else "an exclusion: not to be met"
    yield f"{criterion.provenance.text or criterion.name} ({role})"
    if criterion.place is not None:
        yield f"written at {criterion.place}"


def _plain(reading: Reading) -> str:
    return str(reading.verdict).replace("_", " ")


def _listed(value: str | frozenset[str]) -> str:
    listed = [value] if isinstance(value, str) else sorted(value)
    return ", ".join(word.replace("_", " ") for word in listed)


def _lines(reading: Reading, program: Program, report: PatientReport) -> tuple[Line, ...]:
    return explain(reading, report.timeline, program.vocabulary)


def _proofs(program: Program, report: PatientReport, finding: Finding) -> list[Table]:
    """Tell the proofs of a finding; of eligibility those of the criteria that decide."""
    if finding.subject != "eligibility":
        names = _asked(program, finding)
        return [
            _proof(f"{names[number]}: {_plain(reading)}" if names else _plain(reading), reading, program, report)
            for number, reading in enumerate(finding.readings)
        ]
    deciding = finding.facts.get("failed") or finding.facts.get("open") or ""
    return [
        _proof(f"{criterion.name}: {_plain(reading)}", reading, program, report)
        for criterion, reading in zip(program.criteria, finding.readings, strict=False)
        if not deciding or criterion.name in deciding.split(", ")
    ]


def _asked(program: Program, finding: Finding) -> list[str]:
    """Name what each proof of a finding is of, where that is known: the gates of a dose, then its premedication."""
    plan = _plan(program, finding)
    if plan is not None:
        names = [*plan.gates, *("premedication" for _ in plan.premedication)]
        # Before it is given only its gates are read.
        return names if len(finding.readings) in {len(plan.gates), len(names)} else []
    name = finding.facts.get("gate", "")
    return [name] if name and len(finding.readings) == 1 else []


def _proof(title: str, reading: Reading, program: Program, report: PatientReport) -> Table:
    """Tell a proof line by line, each record below the question that it answers."""
    rows = []
    for line in _lines(reading, program, report):
        indent = "  " * line.depth
        place = "" if line.place is None else f"{line.place.file.rpartition('/')[2]}:{line.place.line}"
        rows.append((f"{indent}{line.asked}", line.answer, place))
        rows += [(f"{indent}  - {event}", "", "") for event in line.events]
    return Table(title, ("asked", "answer", "written at"), tuple(rows))


def _line(line: Line) -> dict[str, Any]:
    return {
        "depth": line.depth,
        "asked": line.asked,
        "answer": line.answer,
        "records": list(line.events),
        "written_at": None if line.place is None else str(line.place),
    }


def _records(criterion: Criterion, reading: Reading, program: Program, report: PatientReport) -> Table:
    """List the records that it takes to see the answer: without any of them it would be another."""
    taken = lean(criterion.expr, Question(report.timeline, report.at), reading)
    return _in_words("The records that it takes", taken, program, report)


def _cited(finding: Finding, program: Program, report: PatientReport) -> Table:
    return _in_words("It rests on these records", finding.because, program, report)


def _in_words(title: str, events: frozenset[str], program: Program, report: PatientReport) -> Table:
    items = {
        source: item for item in report.timeline.items if not item.derived for source in (item.sources or {item.id})
    }
    told_ = [record_in_words(items[event], program.vocabulary) if event in items else event for event in sorted(events)]
    return Table(title, (), tuple((each,) for each in told_), "none: what is not there decided")


def _changing(program: Program, finding: Finding) -> Table:
    return Table("What would change it", (), tuple((each,) for each in would_change(program, finding)))


def _rests(program: Program, finding: Finding) -> Table:
    rows = tuple((text,) for text in told(beneath(program, finding)))
    return Table("It rests on what the written protocol does not say", (), rows)
