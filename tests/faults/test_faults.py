"""Seeded faults: each is found, at its place, with a patient who shows it; without the fault nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from trialspec.diagnostics import CODES
from trialspec.evaluation import Protocol, load
from trialspec.proofs import Report, prove
from trialspec.solver.witness import PATIENT

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROTOCOLS = {
    "screening": HERE / "protocols/screening.yaml",
    "pulses": HERE / "protocols/pulses.yaml",
    "branch": HERE / "protocols/branch.yaml",
    "founding": ROOT / "protocols/rituximab-refractory-lupus-nephritis/protocol.yaml",
}


def seeded() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in PROTOCOLS:
        for fault in yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8")):
            yield name, fault


SEEDED = list(seeded())


@cache
def proved(text: str, folder: Path) -> tuple[Protocol, Report]:
    file = folder / "protocol.yaml"
    file.write_text(text, encoding="utf-8")
    protocol = load(file)
    return protocol, prove(protocol)


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def faulty(name: str, fault: dict[str, Any]) -> str:
    text = replaced(PROTOCOLS[name].read_text(encoding="utf-8"), fault["old"], fault["new"])
    return replaced(text, *fault["then"]) if "then" in fault else text


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_without_a_fault_nothing_is_said(name: str, tmp_path: Path) -> None:
    _, report = proved(PROTOCOLS[name].read_text(encoding="utf-8"), tmp_path)
    assert [str(each.diagnostic) for each in report.findings if not each.accepted] == []
    assert not [each for each in report.questions if each.answer.startswith("not proved")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), SEEDED, ids=[f"{name}: {fault['fault']}" for name, fault in SEEDED])
def test_every_seeded_fault_is_found_at_its_place(name: str, fault: dict[str, Any], tmp_path: Path) -> None:
    text = faulty(name, fault)
    protocol, report = proved(text, tmp_path)
    found = {f"{each.code} {each.of}": each for each in report.findings if not each.accepted}
    assert set(fault["found"]) <= set(found) <= {*fault["found"], *fault.get("also", [])}, list(found)
    lines = text.splitlines()
    for each in found.values():
        if f"{each.code} {each.of}" in fault["found"]:
            assert each.place is not None
            # A definition of a library stands in the library's own file.
            here = (
                lines if each.place.file.endswith("protocol.yaml") else Path(each.place.file).read_text().splitlines()
            )
            assert fault["at"] in here[each.place.line - 1], here[each.place.line - 1]
        if each.witness is not None:
            seen = protocol.report(each.witness.events, PATIENT, at=each.witness.at)
            assert not seen.problems


def test_every_code_that_only_proofs_find_is_seeded_twice() -> None:
    codes = list(CODES)
    proofs = codes[codes.index("never-fails") : codes.index("accepted-stale") + 1]
    told = [finding.split()[0] for _, fault in SEEDED for finding in fault["found"]]
    assert {code for code in proofs if code != "not-proved" and told.count(code) < 2} == set()


def test_there_are_sixty_of_them() -> None:
    assert len(SEEDED) >= 60
