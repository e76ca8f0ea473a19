"""What the reference says of a made patient, beside what it was made for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trialspec import findings
from trialspec.evaluation import Protocol
from trialspec.findings.finding import Finding
from trialspec.interpreters.reading import Question
from trialspec.interpreters.selection import locate, moved
from trialspec.kernel import Dose, Shift
from trialspec.program import DosePlan
from trialspec.testing.dates import anchor
from trialspec.testing.draft import PATIENT, Raw, named
from trialspec.testing.made import Expected, Patient, record
from trialspec.times import When, parse_time


def finished(
    protocol: Protocol, raws: Sequence[Raw], at: int, expected: tuple[Expected, ...] = (), name: str = PATIENT
) -> Patient:
    """Put records in order of time, number them, and say that the site knew of each when it was true."""
    zone = protocol.program.zone

    def key(raw: Raw) -> tuple[int, int]:
        when = parse_time(raw["time"], zone)
        return when.span(zone) if when is not None else (0, 0)

    ordered = sorted(raws, key=key)
    told = [
        {"id": f"e{number}", "patient": name, **raw, "available": raw.get("available", raw["time"])}
        for number, raw in enumerate(ordered, 1)
    ]
    return Patient(protocol, tuple(told), at, expected, name)


def otherwise(made: Patient) -> Iterator[tuple[Expected, str]]:
    """Give what the reference says otherwise than a patient was made for."""
    wanted = made.expected
    if not wanted:
        return
    found: dict[tuple[str, str], Finding] = {
        (each.subject, each.name): each for each in _findings(made, {each.subject for each in wanted})
    }
    for each in wanted:
        finding = found.get((each.subject, each.name))
        if finding is None:
            yield each, "nothing of it"
            continue
        said = finding.fields.get(each.field, frozenset())
        words = frozenset({said}) if isinstance(said, str) else said
        if words != each.words:
            yield each, ", ".join(sorted(words)) or "none"


_GROUPS = {
    "criterion": "criterion",
    "eligibility": "eligibility",
    "dose": "doses",
    "gate": "doses",
    "course": "doses",
    "visit": "visits",
    "assessment": "visits",
    "category": "response",
    "component": "response",
}


def _findings(made: Patient, subjects: Iterable[str]) -> tuple[Finding, ...]:
    """Read only the groups of findings that are asked about; criteria as they were at enrolment."""
    wanted = {_GROUPS.get(subject, subject) for subject in subjects}
    protocol, records = made.protocol, tuple(record(raw) for raw in made.raws)
    seen = protocol.timeline(records, made.name)

    def known_at(instant: int) -> object:
        return protocol.timeline(records, made.name, known=instant)

    question = Question(seen, made.at, known_at=known_at)  # type: ignore[arg-type]
    groups = [
        group for group in protocol.groups if group.name.split(" ")[0] in wanted and "criterion" not in group.name
    ]
    found = findings.read(groups, question)
    if "criterion" not in wanted:
        return found
    enrolled = protocol.program.moments.get("enrolled")
    when = None if enrolled is None else locate(enrolled, question).value
    at = when.span(seen.zone)[1] if isinstance(when, When) else made.at
    criteria = [group for group in protocol.groups if group.name.startswith("criterion ")]
    return (*found, *findings.read(criteria, question.on(min(at, made.at))))


def finding_words(made: Patient, subject: str, name: str, field_: str) -> str:
    """Give what the reference says in one field of a finding, in words."""
    for finding in _findings(made, {subject}):
        if (finding.subject, finding.name) == (subject, name):
            said = finding.fields.get(field_, "")
            return said if isinstance(said, str) else ", ".join(sorted(said)) or "none"
    return "nothing"


def dose_window(made: Patient, plan: DosePlan, number: int) -> Iterator[tuple[int, int]]:
    """Give the dates on both sides of each end of a dose's window, as planned in days."""
    zone = made.protocol.program.zone
    if number > len(plan.planned) or (plan.interval is not None and number > 1):
        return
    point = plan.planned[number - 1]
    seen = made.protocol.timeline(made.records, made.name)
    when = locate(point, Question(seen, zone.end_of(zone.date_of(made.at) + 4_000))).value
    base = anchor(point)
    if not isinstance(when, When) or (
        base is not None and number == 1 and (named(base.of) or frozenset()) & plan.drugs
    ):
        return
    first = moved(When(when.first, when.first), Shift(Dose(), plan.early, earlier=True), zone).first
    last = moved(When(when.first, when.first), Shift(Dose(), plan.late), zone).last
    yield first - 1, first
    yield last, last + 1
