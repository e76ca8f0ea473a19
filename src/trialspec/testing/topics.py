"""Which responses speak of the same things, so that what is measured for them is made together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trialspec.evaluation import Protocol
from trialspec.kernel import Daily, Fold, Pick, Run, parts_of
from trialspec.patient import Kind
from trialspec.testing.draft import named

Thing = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Topic:
    """Responses that speak of the same things, and the measures among these."""

    responses: tuple[str, ...]
    measures: frozenset[str]


def topics(protocol: Protocol, responses: Sequence[str]) -> tuple[Topic, ...]:
    """Join the responses that speak of the same; the measures of visits that none speaks of come first."""
    groups: list[tuple[set[str], set[Thing]]] = []
    for where in responses:
        name, _, visit = where.partition("@")
        response = next(each for each in protocol.program.responses if each.name == name)
        parts = [each.when for each in response.categories if each.visit == visit]
        mine, about = {where}, _spoken(protocol, parts)
        for group in [each for each in groups if each[1] & about]:
            groups.remove(group)
            mine |= group[0]
            about |= group[1]
        groups.append((mine, about))
    asked = {name for each in protocol.program.assessments if each.visits for name in each.measures}
    order = {where: number for number, where in enumerate(responses)}
    found = [
        Topic(
            tuple(sorted(mine, key=order.__getitem__)),
            frozenset(name for kind, name in about if kind == "observation"),
        )
        for mine, about in groups
    ]
    rest = asked - {name for topic in found for name in topic.measures}
    return (Topic((), frozenset(rest)), *found)


def _spoken(protocol: Protocol, parts: object) -> set[Thing]:
    """Give what statements ask about, and what a derived measure among it is made of; not what only dates them."""
    queries = [node.of for node in parts_of(parts, Pick)]
    queries += [node.of for node in parts_of(parts, Fold)]
    queries += [node.of for node in parts_of(parts, Run)]
    queries += [node.then for node in parts_of(parts, Run) if node.then is not None]
    queries += [query for node in parts_of(parts, Daily) for query, _ in node.of]
    every = [term.name for term in protocol.program.vocabulary.terms.values()]
    found = {(query.kind, name) for query in queries for name in named(query) or every}
    for each in protocol.derived:
        if ("observation", each.measure) in found:
            found |= _spoken(protocol, each.value)
            found |= {("observation", name) for name in named(each.dated_by) or ()}
    return found
