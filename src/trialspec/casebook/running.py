"""Compare what a protocol says with what its cases expect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trialspec.casebook.cases import Case, Casebook, Expectation, Failure, Result
from trialspec.casebook.reading import PATIENT
from trialspec.times import shown_instant

if TYPE_CHECKING:
    from trialspec.document import Node
    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding


def run(book: Casebook) -> Iterator[Result]:
    """Run the cases of a file, one after the other."""
    return (run_case(book, case) for case in book.cases)


def run_case(book: Casebook, case: Case) -> Result:
    """Compare what a protocol says with what a case expects; the order of the events must not matter."""
    failures: list[Failure] = []
    for asked in case.asked:
        report = book.protocol.report(case.events, PATIENT, at=asked.at, known=asked.known)
        when = f"at {shown_instant(asked.at, book.zone)}"
        if asked.known is not None:
            when += f" as known at {shown_instant(asked.known, book.zone)}"
        turned = book.protocol.timeline(reversed(case.events), PATIENT, known=asked.known)
        if turned != report.timeline:
            failures.append(Failure(case.place, when, "the same in every order of the events", "another when reversed"))
        for expectation in asked.expected:
            failures += _compared(expectation, report, when)
    return Result(case, tuple(failures))


def disagrees(expectation: Expectation, report: PatientReport) -> bool:
    """Whether a report is otherwise than expected of one subject."""
    return any(True for _ in _compared(expectation, report, ""))


# The field that a single word is about.
_MAIN = {
    "patient": "consent",
    "criterion": "verdict",
    "eligibility": "now",
    "dose": "state",
    "course": "complete",
    "gate": "verdict",
    "visit": "state",
    "assessment": "state",
    "component": "verdict",
    "category": "category",
    "adverse_event": "serious",
    "therapy": "prohibited",
    "record": "problem",
}
_NOTHING = "nothing"
_NONE = "none"  # a list without members; for some fields it is also a word


def _compared(expectation: Expectation, report: PatientReport, when: str) -> Iterator[Failure]:
    """Give what is otherwise than expected of one subject."""
    node, name = expectation.node, expectation.subject
    if name in {"alerts", "raised"}:
        yield from _alerts(expectation, report, when)
        return
    found = _findings(name, report)
    nothing = node.kind == "text" and node.text == _NOTHING
    what = f"{name}, {when}"
    if len(found) > 1:
        several = ", ".join(f"{each.subject} {each.name}" for each in found)
        yield Failure(expectation.place, what, "one finding", f"several: {several}")
    elif bool(found) is nothing:
        kinds = {each.subject for each in report.findings}
        there = ", ".join(each.name for each in found) or ", ".join(
            sorted({each.name for each in report.findings} | kinds)
        )
        yield Failure(expectation.place, what, _NOTHING if nothing else "a finding", f"there is {there or 'none'}")
    elif found and node.kind == "mapping":
        for key, value in node.items():
            yield from _field(found[0], key, value, f"{name} {key}, {when}")
    elif found:
        yield from _field(found[0], _MAIN[found[0].subject], node, what)


def _findings(name: str, report: PatientReport) -> list[Finding]:
    """Find a subject by its name, by its kind and name, or by its kind where there is only one."""
    named = [each for each in report.findings if name in {each.name, f"{each.subject} {each.name}"}]
    return named or [each for each in report.findings if each.subject == name]


def _field(finding: Finding, key: str, node: Node, what: str) -> Iterator[Failure]:
    wanted = _words(node)
    actual: str | Iterable[str] | None
    match key:
        case "because":
            actual = finding.because
        case "missing":
            actual = {leaf.what for leaf in finding.missing}
        case "margin":
            actual = {str(reading.margin) for reading in finding.readings if reading.margin is not None}
        case _:
            actual = finding.fields.get(key, finding.facts.get(key))
    if actual is None:
        known = ", ".join(sorted({*finding.fields, *finding.facts, "because", "missing"}))
        yield Failure(node.place, what, _shown(wanted), f"there is no such word; there are {known}")
        return
    words = {actual} if isinstance(actual, str) else set(actual)
    if (words - {_NONE} if _NONE in wanted else words) != wanted - {_NONE}:
        yield Failure(node.place, what, _shown(wanted), f"{_shown(words)}{_by_gate(finding, key, words | wanted)}")


_OF_GATES = frozenset({"held", "gate_not_met", "gate_unknown"})


def _by_gate(finding: Finding, key: str, words: set[str]) -> str:
    """Name the gate that decides, where one may be what the case and the protocol differ by."""
    if finding.subject != "dose" or not (key in {"gate", "holding", "warning"} or words & _OF_GATES):
        return ""
    which = "warning" if key == "warning" else "gate"
    name, margin = finding.facts.get(which), finding.facts.get("warning_margin" if which == "warning" else "margin")
    verdict = finding.facts.get("warning_verdict" if which == "warning" else "verdict")
    return f" ({name} {verdict}{f': {margin}' if margin else ''})" if name else ""


def _words(node: Node) -> set[str]:
    """Give a word, or the words of a list."""
    return {str(each.plain()) for each in _members(node)}


def _members(node: Node) -> tuple[Node, ...]:
    return node.members() if node.kind == "list" else (node,)


def _shown(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or _NONE


def _alerts(expectation: Expectation, report: PatientReport, when: str) -> Iterator[Failure]:
    """Compare the list of alerts with all that there are; each expected one stands for one."""
    episodes = [each for each in report.alerts.values() if expectation.subject == "raised" or not each.over]
    left = [f"{each.key.rule} {each.key.subject}" for each in episodes]
    members = [each for each in _members(expectation.node) if each.plain() != _NONE]
    absent: list[Node] = []
    # Those that name their subject choose first.
    for node in sorted(members, key=lambda each: -len(str(each.plain()).split())):
        fitting = next((each for each in left if node.plain() in {each, each.partition(" ")[0]}), None)
        if fitting is None:
            absent.append(node)
        else:
            left.remove(fitting)
    what = f"{expectation.subject}, {when}"
    for node in absent:
        yield Failure(node.place, what, str(node.plain()), _shown(left) if left else "no further alert")
    if left and not absent:
        yield Failure(expectation.place, what, "no further alert", _shown(left))
