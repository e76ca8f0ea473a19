"""Broken files: the expected code stands as a comment on the line where it is expected, and nothing else comes."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from trialspec.compile import compile_protocol
from trialspec.diagnostics import CODES, Diagnostic, ProtocolError, render
from trialspec.load import load

HERE = Path(__file__).parent / "invalid"
FILES = sorted(HERE.glob("*.yaml"))
RENDERED = ["unit-mismatch", "needs", "definition-cycle", "moment-cycle", "responses", "missing-key", "alerts"]

# What only we and our libraries know must not be heard by people who write protocols.
PRIVATE = re.compile(
    r"pydantic|validat|\bdict|\bstr\b|\bint\b|NoneType|\btuple\b|\bunion\b|\btag:|verb:\w|\bvalue_error|Input should|"
    r"Field required|Extra inputs|Traceback|\bNone\b|Named\(|Duration\(|trialspec\.",
)


def diagnostics_of(path: Path) -> tuple[Diagnostic, ...]:
    try:
        return compile_protocol(load(path)).warnings
    except ProtocolError as error:
        return error.diagnostics


def expected_in(file: Path) -> Counter[tuple[str, int, str, str]]:
    found: Counter[tuple[str, int, str, str]] = Counter()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        for severity, code in re.findall(r"# (error|warning|note): ([a-z0-9-]+)", line):
            found[file.name, number, severity, code] += 1
    return found


def used_by(path: Path) -> list[Path]:
    text = path.read_text(encoding="utf-8")
    return [file for file in HERE.glob("rules/*.yaml") if f"rules/{file.stem}" in text]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_everything_wrong_is_said_at_its_place_and_nothing_else(file: Path) -> None:
    expected = expected_in(file)
    for library in used_by(file):
        expected += expected_in(library)
    actual = Counter(
        (Path(found.place.file).name, found.place.line, found.severity, found.code)
        for found in diagnostics_of(file)
        if found.place is not None
    )
    assert actual == expected, "\n" + "\n".join(map(str, diagnostics_of(file)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_said_in_words_for_the_author(file: Path) -> None:
    found = diagnostics_of(file)
    assert found
    for each in found:
        said = f"{each.message} {each.help}"
        assert each.code in CODES
        assert not PRIVATE.search(re.sub("`[^`]*`", "", said)), said
        assert not each.message.endswith("."), said
        assert each.message[0].islower() or each.message[0] == "`", said
        assert each.help, said
        assert each.help[0].islower() or each.help[0] == "`", said


def test_there_are_forty_of_them() -> None:
    assert len(FILES) >= 40


def test_every_code_for_the_shape_and_meaning_of_a_protocol_is_shown_by_one() -> None:
    said = {code for file in HERE.rglob("*.yaml") for _, _, _, code in expected_in(file)}
    # The rest are about the bytes and the outer form of a file (tests/test_document.py), or about what a command is
    # given, a directory of several versions among it (tests/cli).
    of_the_text = {
        *("block-indent", "too-large", "too-deep", "not-text-key", "multiple-documents", "encoding"),
        *("control-character", "unclear-comment", "unknown-unit", "unknown-patient", "version-conflict", "withheld"),
    }
    # And what only a proof shows is seeded in tests/faults.
    proved = set(list(CODES)[list(CODES).index("never-fails") : list(CODES).index("accepted-stale") + 1])
    assert set(CODES) - said - of_the_text - proved == set()


@pytest.mark.parametrize("name", RENDERED)
def test_the_whole_text_of_some(name: str, snapshot: Callable[[Path, str], None]) -> None:
    root = HERE.parent.parent

    def source(file: str) -> str:
        return Path(file).read_text(encoding="utf-8")

    text = "\n\n".join(render(each, source) for each in diagnostics_of(HERE / f"{name}.yaml"))
    snapshot(HERE / "rendered" / f"{name}.txt", text.replace(f"{root}/", "") + "\n")
