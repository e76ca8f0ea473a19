"""The pytest plugin: cases are tests, and tests may ask for a protocol, its reference and its live monitor.

- Files `cases/*.yaml` beside a `protocol.yaml` are collected; each case is a test, named by its sentence.
- `protocol` is a loaded protocol, `reference` what the reference says of it, `monitor` the live engine.
- `@for_protocol("protocols/*")` runs a test once for each protocol; without it `protocol` is the one of the setting
  `trialspec_protocol`, or the `protocol.yaml` in the directory in which pytest was started.

A case that fails shows what was expected, and the timeline as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trialspec.casebook import Case, Casebook
    from trialspec.evaluation import Protocol
    from trialspec.testing.systems import Live, Reference

_SETTING = "trialspec_protocol"
_FILE = "protocol.yaml"

for_protocol = pytest.mark.for_protocol
"""Runs a test once for each protocol that a pattern names: a path with `*`, a directory, or a name in a library."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    parser.addini(_SETTING, "the protocol that the fixture `protocol` gives")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line("markers", "for_protocol(*patterns): run the test once for each of these protocols")


# --- cases ------------------------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """Collect a file of cases that lies in `cases/` beside a protocol."""
    is_case = file_path.suffix == ".yaml" and file_path.parent.name == "cases"
    if is_case and (file_path.parent.parent / _FILE).is_file():
        made: CaseFile = CaseFile.from_parent(parent, path=file_path)
        return made
    return None


class CaseFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[CaseItem]:
        """Give each case as a test."""
        from trialspec.casebook import read_cases  # noqa: PLC0415 - not for those who have no cases
        from trialspec.diagnostics import ProtocolError, render  # noqa: PLC0415

        try:
            book = read_cases(self.path)
        except ProtocolError as error:
            told = "\n".join(render(each, _text_of) for each in error.diagnostics)
            raise self.CollectError(told) from None
        for case in book.cases:
            yield CaseItem.from_parent(self, name=case.name, book=book, case=case)


def _text_of(file: str) -> str | None:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError:
        return None


class CaseItem(pytest.Item):
    """A case."""

    def __init__(self, *, book: Casebook, case: Case, **more: Any) -> None:  # noqa: ANN401 - pytest's own
        super().__init__(**more)
        self.book = book
        self.case = case

    def runtest(self) -> None:
        """Compare what the protocol says with what the case expects."""
        from trialspec.casebook import run_case  # noqa: PLC0415

        result = run_case(self.book, self.case)
        if not result.passed:
            raise CaseError(str(result))
        if self.case.xfail:
            pytest.xfail(self.case.xfail)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - pytest's own
        """Show what was expected and what happened, and no traceback."""
        if isinstance(excinfo.value, CaseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the case stands."""
        return self.path, self.case.place.line - 1, self.name


class CaseError(Exception):
    """A case came out otherwise than written."""


# --- fixtures ---------------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each protocol that its marker names."""
    patterns = [str(arg) for mark in metafunc.definition.iter_markers("for_protocol") for arg in mark.args]
    if not patterns or "protocol" not in metafunc.fixturenames:
        return
    root = metafunc.config.rootpath
    paths = [path for pattern in patterns for path in _paths(root, pattern)]
    if not paths:
        message = f"for_protocol: no protocol under {', '.join(patterns)} (looked from {root})"
        raise pytest.UsageError(message)
    ids = [path.parent.name if path.name == _FILE else path.stem for path in paths]
    metafunc.parametrize("protocol", paths, indirect=True, ids=ids)


def _paths(root: Path, pattern: str) -> Iterator[Path]:
    """Give the files of the protocols that a pattern names."""
    from trialspec.library import find  # noqa: PLC0415

    found = sorted(root.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
    for path in found:
        if (path / _FILE).is_file():
            yield path / _FILE
        elif path.is_file() and path.suffix == ".yaml":
            yield path
    if not found and (named := find(pattern)) is not None:
        yield named


@lru_cache(maxsize=32)
def _loaded(path: Path) -> Protocol:
    from trialspec.evaluation import load  # noqa: PLC0415

    return load(path)


@pytest.fixture
def protocol(request: pytest.FixtureRequest) -> Protocol:
    """Give the protocol that the test is about."""
    path = getattr(request, "param", None)
    if path is None:
        named = str(request.config.getini(_SETTING) or ".")
        found = list(_paths(request.config.rootpath, named))
        if not found:
            pytest.fail(f"there is no protocol `{named}`: mark the test with `for_protocol`, or set `{_SETTING}`")
        path = found[0]
    return _loaded(path)


@pytest.fixture
def reference(protocol: Protocol) -> Reference:
    """Give what the reference says: a system that answers each question from all records anew."""
    from trialspec.testing.systems import Reference  # noqa: PLC0415

    return Reference(protocol)


@pytest.fixture
def monitor(protocol: Protocol) -> Live:
    """Give the live engine, as a system that is told of records and of time."""
    from trialspec.testing.systems import Live  # noqa: PLC0415

    return Live(protocol)
