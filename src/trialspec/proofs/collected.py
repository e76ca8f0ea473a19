"""Whether the values that a response reads at a visit are taken there, as far as the protocol writes its plan down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.kernel import Select, parts_of
from trialspec.proofs.finding import Finding, Report, clause
from trialspec.quantity import Codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.program import Component, Program, Response


def collected(program: Program, report: Report) -> None:
    """Report, once for a measure and a visit, the components that read there what no assessment takes."""
    if not program.assessments:
        return  # the plan is not written down
    readers: dict[tuple[str, str], list[tuple[Response, Component]]] = {}
    for response in program.responses:
        for component in response.components:
            for visit, measure in dict.fromkeys(_not_taken(component, program)):
                readers.setdefault((visit, measure), []).append((response, component))
    for (visit, measure), parts in readers.items():
        (response, component), *others = parts
        reads = f"`{component.name}` of `{response.name}` reads `{measure}` at `{visit}`"
        advice = f"take it at `{visit}` under `assessments`, or look at which value the component reads"
        clauses = tuple(pair for _, other in others for pair in clause(other.place, "this reads it too"))
        found = Finding(
            "not-collected",
            f"{measure}@{visit}",
            f"{reads}, where no assessment takes it",
            component.place,
            "warning",
            advice,
            tuple(dict.fromkeys(pair for pair in clauses if pair[0] != component.place)),
            "proved by what the protocol plans",
        )
        report.found(found)


def _not_taken(component: Component, program: Program) -> Iterator[tuple[str, str]]:
    """Give each visit and measure that a component reads and nobody takes; what is judged is not planned."""
    derived = {each.measure: each.dated_by for each in program.derived}
    for query in parts_of(component.expr, Select):
        visits, measures = _words(query, "visit"), _words(query, "measure")
        if query.kind != "observation" or not visits or not measures:
            continue
        names = frozenset(each for name in measures for each in _recorded(name, derived))
        terms = [program.vocabulary.get(name) for name in names]
        if all(term is not None and term.asked_of == "investigator" for term in terms):
            continue
        for visit in sorted(visits):
            taken = (
                program.vocabulary.under(measure)
                for each in program.assessments
                if visit in each.visits
                for measure in each.measures
            )
            if names.isdisjoint(frozenset[str]().union(*taken)):
                yield visit, query.label if query.label in names else min(names)


def _recorded(name: str, derived: dict[str, Select]) -> frozenset[str]:
    """Give the measures that are recorded for a measure: those that date a derived one."""
    if name not in derived:
        return frozenset({name})
    return frozenset(each for dating in _words(derived[name], "measure") for each in _recorded(dating, derived))


def _words(query: Select, field: str) -> frozenset[str]:
    """Give the words that all tests of a field let pass; none where it is not tested."""
    tested = [test.against.value for test in query.tests if test.field == field and test.operator == "in"]
    words = [value.words for value in tested if isinstance(value, Codes) and value.words is not None]
    return frozenset[str].intersection(*words) if words else frozenset()
