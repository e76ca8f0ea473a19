"""The laws hold on the protocols of the repository, and what breaks one is found and shown small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from trialspec import evaluation
from trialspec.casebook import read_cases, run_case
from trialspec.testing import LAWS, Law, Live, Outcome, agreement, fuzz
from trialspec.testing.generated.choices import Choose
from trialspec.testing.laws import watch
from trialspec.testing.streams import Stream
from trialspec.testing.watching import Watch

ROOT = Path(__file__).parents[2]
DEMO = evaluation.load(ROOT / "tests" / "cli" / "demo")
FOUNDING = ROOT / "protocols" / "rituximab-refractory-lupus-nephritis"
PROTOCOLS = sorted(path.parent for path in (ROOT / "protocols").glob("*/protocol.yaml"))
pytestmark = pytest.mark.slow


def shown(outcome: Outcome) -> str:
    """What breaks a law."""
    return "" if outcome.broken is None else f"{outcome.broken.why}\n{outcome.broken.stream}"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_the_laws_hold_on_a_small_protocol(law: Law) -> None:
    (outcome,) = fuzz(DEMO, [law], examples=15)
    assert outcome.broken is None, shown(outcome)


def test_the_laws_hold_on_the_founding_protocol() -> None:
    for outcome in fuzz(evaluation.load(FOUNDING), examples=2, number=1):
        assert outcome.broken is None, f"{outcome.law.name}: {shown(outcome)}"


# Of a protocol of many doses and visits one watch takes many seconds.
@pytest.mark.deep
@pytest.mark.parametrize("folder", PROTOCOLS, ids=lambda path: path.name)
def test_the_laws_hold_on_every_protocol(folder: Path) -> None:
    for outcome in fuzz(evaluation.load(folder), number=1):
        assert outcome.broken is None, f"{outcome.law.name}: {shown(outcome)}"


def test_the_same_seed_draws_the_same_streams() -> None:
    seen: list[list[Stream]] = []
    for number in (1, 1, 2):
        drawn: list[Stream] = []

        def keep(watch_: Watch, _: Choose, drawn: list[Stream] = drawn) -> None:
            drawn.append(watch_.stream)

        list(fuzz(DEMO, [Law("none", "nothing", keep)], examples=5, number=number))
        seen.append(drawn)
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


class Forgetful(Live):
    """A system that takes no corrections."""

    def feed(self, raws: object) -> None:
        assert isinstance(raws, list | tuple)
        super().feed([raw for raw in raws if raw.get("revision", "0") == "0"])


def test_a_broken_law_is_shown_small(tmp_path: Path) -> None:
    (outcome,) = fuzz(DEMO, [agreement(Forgetful(DEMO))], examples=60)
    broken = outcome.broken
    assert broken is not None
    assert "raised" in broken.why
    # A record and what corrects it, beside what has to be there for an alert to show.
    assert len(broken.stream.raws) <= 8
    cases = tmp_path / "cases"
    cases.mkdir()
    (tmp_path / "protocol.yaml").write_text((ROOT / "tests" / "cli" / "demo" / "protocol.yaml").read_text())
    (cases / "found.yaml").write_text(broken.case)
    book = read_cases(cases / "found.yaml")
    assert all(run_case(book, case).passed for case in book.cases), broken.case
    assert len(broken.ndjson.splitlines()) == len(broken.stream.raws)


@pytest.mark.parametrize("make", [Random(1).randrange])
def test_streams_have_what_streams_have(make: Callable[[int], int]) -> None:
    """Late, corrected, retracted and repeated records, batches and halts, in enough of what is drawn."""
    drawn = [watch(make, DEMO) for _ in range(60)]
    said = [each.stream for each in drawn]

    def share(holds: Callable[[Stream], bool]) -> float:
        return sum(map(holds, said)) / len(said)

    assert share(lambda each: any(raw.get("status") == "entered_in_error" for raw in each.raws)) > 0.1
    assert share(lambda each: any(raw.get("revision") == "1" for raw in each.raws)) > 0.15
    assert share(lambda each: len({str(raw) for raw in each.raws}) < len(each.raws)) > 0.05
    assert share(lambda each: any(step.pace == "halts" for step in each.steps)) > 0.5
    assert share(lambda each: any(len(step.raws) > 1 for step in each.steps)) > 0.8
    assert share(lambda each: len(each.patients) > 1) > 0.2
