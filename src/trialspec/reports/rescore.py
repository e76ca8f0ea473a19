"""One patient, many verdicts: what several definitions of response answer, where they part, and what decides it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from trialspec.explain import margin_in_words, missing_in_words
from trialspec.findings.responses import NOT_EVALUABLE, PENDING, possible
from trialspec.kernel import AtLeast, Not
from trialspec.reports.journal import missing_as_data
from trialspec.reports.table import Page, Table
from trialspec.truth import MET, NOT_MET, UNKNOWN, negate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trialspec.evaluation import PatientReport
    from trialspec.findings.finding import Finding
    from trialspec.interpreters.reading import Reading
    from trialspec.truth import Verdict

# So many components that decide together are looked for; of more it is only said that no few do.
_TOGETHER = 3
_OPEN = frozenset({PENDING, NOT_EVALUABLE})


@dataclass(frozen=True, slots=True)
class Score:
    """What one definition answers for one patient at one visit.

    `decides` are the smallest sets of components of which another answer would give another category; none where an
    event before the visit decides, whatever the components say (`intervened`).
    """

    definition: str
    patient: str
    visit: str
    category: str
    final: bool
    decides: tuple[tuple[str, ...], ...]
    intervened: bool
    components: tuple[tuple[str, str, str], ...]  # each with its verdict and its margin
    finding: Finding

    @property
    def open(self) -> bool:
        """Whether it has no category of its own yet, or none at all."""
        return self.category in _OPEN


@dataclass(frozen=True, slots=True)
class Compared:
    """One patient at one visit, as all definitions that are read there score it."""

    patient: str
    visit: str
    scores: tuple[Score, ...]
    counted: tuple[str, ...]  # what is compared: each category, or whether it counts as a response

    @property
    def parted(self) -> bool:
        """Whether the definitions give different answers."""
        return len(set(self.counted)) > 1


def compared(reports: Iterable[PatientReport], definitions: Sequence[str], responders: Sequence[str]) -> list[Compared]:
    """Score each patient by each definition, at every visit that one of them is read at."""
    found = []
    for report in reports:
        scores = [score for name in definitions for score in _scores(report, name)]
        for visit in dict.fromkeys(score.visit for score in scores):
            here = tuple(score for score in scores if score.visit == visit)
            counted = tuple(_counted(score, responders) for score in here)
            found.append(Compared(report.patient, visit, here, counted))
    return found


def _counted(score: Score, responders: Sequence[str]) -> str:
    if not responders or score.open:
        return score.category
    return "response" if score.category in responders else "no response"


def _scores(report: PatientReport, definition: str) -> list[Score]:
    components = [each for each in report.about("component") if each.facts.get("response") == definition]
    found = []
    for finding in report.about("category"):
        if finding.facts.get("response") != definition:
            continue
        visit, category = finding.facts.get("visit", ""), str(finding.fields["category"])
        parts = [each for each in components if each.facts.get("visit") == visit]
        names = [each.facts.get("component", "") for each in parts]
        program = report.judge(finding)
        categories = [
            each.name
            for asked in program.responses
            if asked.name == definition
            for each in asked.categories
            if each.visit == visit
        ]
        observed = possible(list(zip(categories, (each.verdict for each in finding.readings), strict=True)))
        intervened = category not in _OPEN and observed != (category,)
        margins = (margin_in_words(reading, program.vocabulary) for each in parts for reading in each.readings[:1])
        found.append(
            Score(
                definition,
                report.patient,
                visit,
                category,
                finding.fields["final"] == "yes",
                () if intervened else _deciding(finding.readings, categories, parts, names),
                intervened,
                tuple(zip(names, (str(each.fields["verdict"]) for each in parts), margins, strict=True)),
                finding,
            )
        )
    return found


# --- what decides -----------------------------------------------------------------------------------------------------


def _deciding(
    readings: Sequence[Reading], categories: Sequence[str], parts: Sequence[Finding], names: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Give the smallest sets of components of which another answer would give another category."""
    verdicts = {name: part.readings[0].verdict for name, part in zip(names, parts, strict=True) if part.readings}

    def answered(changed: Mapping[str, Verdict]) -> tuple[str, ...]:
        told = [(name, _again(each, changed)) for name, each in zip(categories, readings, strict=True)]
        return possible(told)

    now = answered({})
    for size in range(1, min(_TOGETHER, len(verdicts)) + 1):
        found = []
        for chosen in combinations(verdicts, size):
            others = ([each for each in (MET, NOT_MET) if each is not verdicts[name]] for name in chosen)
            ways = (dict(zip(chosen, way, strict=True)) for way in product(*others))
            if any(len(answer := answered(way)) == 1 and answer != now for way in ways):
                found.append(chosen)
        if found:
            return tuple(found)
    return ()


def _again(reading: Reading, changed: Mapping[str, Verdict]) -> Verdict:
    """Read a condition once more, with some of the components it names answered otherwise."""
    node = reading.node
    if isinstance(node, AtLeast) and node.name in changed:
        return changed[node.name]
    joined = bool(reading.parts) and all(part.node is node for part in reading.parts)  # the ways it may have been
    if joined or not isinstance(node, AtLeast | Not):
        return reading.verdict
    inner = [_again(part, changed) for part in reading.parts]
    if isinstance(node, Not):
        return negate(inner[0])
    met, unsure = inner.count(MET), inner.count(UNKNOWN)
    return MET if met >= node.number else UNKNOWN if met + unsure >= node.number else NOT_MET


# --- how it is shown --------------------------------------------------------------------------------------------------


def page(found: Sequence[Compared], definitions: Sequence[str], responders: Sequence[str]) -> Page:
    """Show the categories side by side, where they part and what decides there, and how often each was given."""
    parted = [each for each in found if each.parted]
    lines = [_how_many(found, parted)]
    if responders:
        lines.append(f"counted as a response: {', '.join(_words(word) for word in responders)}")
    tables = (_side_by_side(found, definitions), _parting(parted), _often(found, definitions))
    return Page(f"Scored by {', '.join(definitions)}", tuple(lines), tables)


def _how_many(found: Sequence[Compared], parted: Sequence[Compared]) -> str:
    together = [each for each in found if len(each.scores) > 1]
    if not together:
        return "no visit is read by two of these definitions: there is nothing to compare"
    agreed = len(together) - len(parted)
    return f"the definitions agree on {agreed} of {len(together)} visits that several of them read"


def _words(text: str) -> str:
    return text.replace("_", " ")


def _shown(score: Score) -> str:
    return f"{_words(score.category)}{'' if score.final or score.open else ' (not final)'}"


def _side_by_side(found: Sequence[Compared], definitions: Sequence[str]) -> Table:
    rows = []
    for each in found:
        by_name = {score.definition: _shown(score) for score in each.scores}
        rows.append(
            (each.patient, each.visit, *(by_name.get(name, "") for name in definitions), "part" if each.parted else "")
        )
    return Table("Categories", ("patient", "visit", *definitions, "they"), tuple(rows), "none").filled


def _parting(parted: Sequence[Compared]) -> Table:
    rows = []
    for each in parted:
        for score in each.scores:
            missing = ", ".join(sorted(missing_in_words(one) for one in score.finding.missing))
            rows.append((each.patient, each.visit, score.definition, _shown(score), _decided(score), missing))
    columns = ("patient", "visit", "definition", "category", "decided by", "missing")
    return Table("Where they part", columns, tuple(rows), "nowhere").filled


def _decided(score: Score) -> str:
    """Say which components decide, each with how far its value lies from the limit."""
    if score.intervened:
        return "an event before the visit"
    told = {name: f"{name} {_words(verdict)}{f' ({far})' if far else ''}" for name, verdict, far in score.components}
    if not score.decides:
        return "no few of its components"
    return "; ".join(" with ".join(told[name] for name in names) for names in score.decides)


def _often(found: Sequence[Compared], definitions: Sequence[str]) -> Table:
    """Count the categories of each definition, by visit."""
    counts = Counter((score.visit, score.definition, score.category) for each in found for score in each.scores)
    visits = list(dict.fromkeys(each.visit for each in found))
    rows = [
        (visit, definition, _words(category), str(number))
        for visit in visits
        for definition in definitions
        for (at, name, category), number in sorted(counts.items())
        if (at, name) == (visit, definition)
    ]
    return Table("How often", ("visit", "definition", "category", "patients"), tuple(rows), "nothing was read")


def as_data(found: Sequence[Compared], definitions: Sequence[str], responders: Sequence[str]) -> dict[str, Any]:
    """Give all of it as plain data."""
    return {
        "definitions": list(definitions),
        "responders": list(responders),
        "scored": [
            {
                "patient": each.patient,
                "visit": each.visit,
                "parted": each.parted,
                "scores": [_score_as_data(score) for score in each.scores],
            }
            for each in found
        ],
    }


def _score_as_data(score: Score) -> dict[str, Any]:
    return {
        "definition": score.definition,
        "category": score.category,
        "final": score.final,
        "decided_by": [list(names) for names in score.decides],
        "intervened": score.intervened,
        "components": [
            {"component": name, "verdict": verdict, "margin": far} for name, verdict, far in score.components
        ],
        "missing": sorted((missing_as_data(each) for each in score.finding.missing), key=str),
        "events": sorted(score.finding.because),
    }
