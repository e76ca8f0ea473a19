"""Answers that others have published beside their data, compared with ours one by one.

The data are no part of the repository. They are read where they lie: in `shared/data` beside it, or in the folder that
`TRIALSPEC_PUBLISHED_DATA` names. Without them a test is skipped.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

import trialspec
from trialspec.events import Record, check
from trialspec.patient import Item
from trialspec.quantity import Interval, word

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MANY = 25  # more disagreements for one reason are listed without the answers
PLACE = "TRIALSPEC_PUBLISHED_DATA"

RecordProperty = Callable[[str, object], None]


def published(folder: str) -> Path:
    """Give the folder of a data set, or skip the test."""
    data = Path(os.environ.get(PLACE) or ROOT.parent / "shared" / "data")
    if not (data / folder).is_dir():
        pytest.skip(f"no {folder} in shared/data beside the repository, nor in the folder that ${PLACE} names")
    return data / folder


def protocol(name: str) -> trialspec.Protocol:
    """Load one of the protocols that were written for the comparison."""
    return trialspec.load(HERE / f"{name}.yaml")


def event(patient: str, number: int, kind: str, time: str, **content: str) -> Record:
    """Make a record of what a data set says; what it leaves empty is left out."""
    said = {key.rstrip("_"): value for key, value in content.items() if value}
    return check({"id": f"{patient}/{number}", "patient": patient, "kind": kind, "time": time, **said})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of ours and theirs: whom or what it is about, and which question it answers."""

    who: str
    question: str
    ours: str
    theirs: str

    @property
    def about(self) -> str:
        """Its name."""
        return f"{self.who}: {self.question}"

    def __str__(self) -> str:
        return f"{self.about}: here {self.ours}, there {self.theirs}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often we agree, and every disagreement with its reason."""

    title: str
    answers: tuple[Answer, ...]
    reasons: Mapping[str, str]

    @property
    def agreed(self) -> int:
        return sum(answer.ours == answer.theirs for answer in self.answers)

    @property
    def disagreements(self) -> Iterator[Answer]:
        return (answer for answer in self.answers if answer.ours != answer.theirs)

    @property
    def unexplained(self) -> list[str]:
        return [str(answer) for answer in self.disagreements if answer.about not in self.reasons]

    @property
    def stale(self) -> list[str]:
        """Reasons for disagreements that there are not."""
        return sorted(self.reasons.keys() - {answer.about for answer in self.disagreements})

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.agreed} of {len(self.answers)} answers agree"]
        told: dict[str, list[Answer]] = {}
        for answer in self.disagreements:
            told.setdefault(self.reasons.get(answer.about, "UNEXPLAINED"), []).append(answer)
        for reason, answers in told.items():
            lines.append(f"  {len(answers)} because {reason}")
            lines += _listed(answers) if len(answers) > MANY else [f"    {answer}" for answer in answers]
        return "\n".join(lines)


def _listed(answers: Iterable[Answer]) -> Iterator[str]:
    """List whom disagreements are about, by question."""
    told: dict[str, list[str]] = {}
    for answer in answers:
        told.setdefault(answer.question, []).append(answer.who)
    for question, who in told.items():
        text = f"{len(who)} of {question}: {', '.join(who)}"
        yield from textwrap.wrap(text, 120, initial_indent="    ", subsequent_indent="      ")


def compare(
    title: str,
    answers: Iterable[Answer],
    reasons: Mapping[str, str],
    record_property: RecordProperty,
    *,
    agreed: int,
) -> None:
    """Hold that every answer agrees, or is known to disagree for a reason; `agreed` is how many agree at the least."""
    agreement = Agreement(title, tuple(answers), reasons)
    record_property("agreement", str(agreement))
    assert len({answer.about for answer in agreement.answers}) == len(agreement.answers), "an answer is asked for twice"
    assert not agreement.unexplained, "disagreements without a reason"
    assert not agreement.stale, "reasons without a disagreement"
    assert agreement.agreed >= agreed, str(agreement)


# --- what is read of a report -----------------------------------------------------------------------------------------


def verdicts(report: trialspec.PatientReport) -> dict[str, str]:
    """Give how each criterion reads."""
    return {finding.name: str(finding.fields["verdict"]) for finding in report.about("criterion")}


def values(items: Iterable[Item], measure: str) -> list[Interval]:
    """Give the values of a measure in the order of their dates."""
    found = [item for item in items if item.kind == "observation" and item.fields.get("measure") == word(measure)]
    return [value for item in sorted(found, key=_when) if isinstance(value := item.fields.get("value"), Interval)]


def _when(item: Item) -> tuple[int, int]:
    return item.when.first, item.when.instants[0] if item.when.instants else 0


def shown(value: Interval | None, places: int) -> str:
    """Print a number to some decimal places, a half away from zero; one that is not known is no number."""
    number = None if value is None else value.exact
    if number is None:
        return "none"
    size = Fraction(1, 10**places)
    whole = (abs(number) / size + Fraction(1, 2)) // 1
    return f"{'-' if number < 0 and whole else ''}{float(whole * size):.{places}f}"
