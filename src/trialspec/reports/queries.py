"""What cannot be decided: one line for each thing that is missing, with who can answer it and by when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.times import shown_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Missing

COLUMNS = ("patient", "query", "asked_of", "from", "due", "status", "needed_for", "source", "written_at")

# What a finding says of itself where its answer is open.
_OPEN = frozenset({"unknown", "undetermined", "pending", "not_evaluable"})


def queries(report: PatientReport) -> Iterator[tuple[str, ...]]:
    """Give the lines of one patient: records that ask for a correction first, then what no record tells.

    `status` is `open`, or `awaited`: a moment that has not come, or a date that has not passed. `source` are the
    records that the question rests on, `needed_for` the items of the protocol that an answer could settle.
    """
    for finding in report.about("record"):
        reason = finding.facts.get("reason") or str(finding.fields["problem"])
        source = ", ".join(sorted(finding.because))
        yield (report.patient, f"correct {source or finding.name}: {reason}", "site", "", "", "open", "", source, "")
    leaves: dict[Missing, list[Finding]] = {}
    for finding in report.findings:
        if unsettled(finding):
            for leaf in finding.missing:
                leaves.setdefault(leaf, []).append(finding)
    today = report.timeline.zone.date_of(report.at)
    for leaf in sorted(leaves, key=lambda leaf: (leaf.due or 0, leaf.what, leaf.start or 0, leaf.asked_of)):
        needed = leaves[leaf]
        yield (
            report.patient,
            leaf.what,
            leaf.asked_of,
            "" if leaf.start is None else shown_date(leaf.start),
            "" if leaf.due is None else shown_date(leaf.due),
            "awaited" if leaf.what in report.program.moments or (leaf.due is not None and leaf.due > today) else "open",
            ", ".join(dict.fromkeys(f"{each.subject} {each.name}" for each in needed)),
            ", ".join(sorted(frozenset[str]().union(*(each.because for each in needed)))),
            ", ".join(dict.fromkeys(str(each.place) for each in needed if each.place is not None)),
        )


def unsettled(finding: Finding) -> bool:
    """Whether a finding leaves open what it is about, so that what it misses is worth asking for.

    A gate is asked for by the doses that wait for it, or were given without it; a record has a line of its own.
    """
    fields = finding.fields
    match finding.subject:
        case "record" | "gate":
            return False
        case "dose":
            unsure = bool(fields.get("departure_unknown")) or "gate_unknown" in fields.get("departure", ())
            waits = fields["state"] in _WAITING and fields.get("gate") == "unknown"
            return unsure or waits or fields["state"] == "unknown"
        case _:
            return any(value in _OPEN for value in fields.values())


# A dose in one of these states may be given as soon as its gate is cleared.
_WAITING = frozenset({"due", "overdue", "held"})
