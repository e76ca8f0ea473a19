"""Finds rules and protocols by name: in a library that is given, beside the file that asks, or as shipped.

A library is a directory with `rules/`, `protocols/` or both. In it `rules/lupus-nephritis` names the file
`rules/lupus-nephritis.yaml`, and `protocols/demo` the file `protocols/demo/protocol.yaml`. The library that trialspec
ships lies inside the installed package; in a checkout it is the checkout itself.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

RULES = "rules"
PROTOCOLS = "protocols"
PROTOCOL_FILE = "protocol.yaml"
FORMER = "former"
"""Beside a protocol: the directory of the versions before it."""
CASES = "cases"
"""Beside rules and protocols: a directory of examples, which are run but never used by name."""

_NAME = re.compile(rf"({RULES}|{PROTOCOLS})(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


def roots(libraries: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The libraries that names are looked up in, first to last: those given, then the one shipped."""
    return tuple(dict.fromkeys([*libraries, *_shipped()]))


def find(name: str, near: Path | None = None, libraries: Sequence[Path] = ()) -> Path | None:
    """The file that a name stands for, or nothing if no library has it.

    `near` is the file that uses the name: its own directory and its own library come after the libraries given and
    before the one shipped. A name stays inside its library; an absolute path or one with `..` is not a name.
    """
    if not _NAME.fullmatch(name) or CASES in name.split("/"):
        return None
    place = _place(name)
    return next((root / place for root in _around(near, libraries) if (root / place).is_file()), None)


def holding(name: str, near: Path) -> Path | None:
    """The directory above a file in which a name would be found, if that were given as a library."""
    if not _NAME.fullmatch(name) or CASES in name.split("/"):
        return None
    return next((folder for folder in near.parents if (folder / _place(name)).is_file()), None)


def names(near: Path | None = None, libraries: Sequence[Path] = ()) -> list[str]:
    """Every name that `find` knows, sorted: what a misspelt name is compared with."""
    offered = {name for root in _around(near, libraries) for name in _offered(root)}
    return sorted(name for name in offered if find(name, near, libraries))


def _place(name: str) -> str:
    """Where in a library the file of a name is; the ending of a rule file may be written or left out."""
    return f"{name}/{PROTOCOL_FILE}" if name.startswith(PROTOCOLS) else f"{name.removesuffix('.yaml')}.yaml"


def _offered(root: Path) -> Iterator[str]:
    for file in (root / RULES).rglob("*.yaml"):
        yield file.relative_to(root).with_suffix("").as_posix()
    for file in (root / PROTOCOLS).rglob(PROTOCOL_FILE):
        yield file.relative_to(root).parent.as_posix()


def _around(near: Path | None, libraries: Sequence[Path]) -> tuple[Path, ...]:
    given, own = list(libraries), list(_own(near)) if near else []
    return tuple(dict.fromkeys([*given, *own, *_shipped()]))


def _own(file: Path) -> Iterator[Path]:
    """The directory of a file, and the library that the file is part of.

    The path is tried as it was given first, so that places in diagnostics stay as short as the reader's own words.
    """
    folder = file if file.is_dir() else file.parent
    yield folder
    for start in (folder, folder.absolute()):
        for ancestor in (start, *start.parents):
            if ancestor.name in {RULES, PROTOCOLS}:
                yield ancestor.parent
                return


def _shipped() -> Iterator[Path]:
    """The library that comes with trialspec: in the package, or in the checkout that an editable install points to."""
    package = Path(str(files("trialspec")))
    checkout = package.parent.parent
    if _is_library(package):
        yield package
    elif package.parent.name == "src" and _is_library(checkout):
        yield checkout


def _is_library(folder: Path) -> bool:
    return (folder / RULES).is_dir() or (folder / PROTOCOLS).is_dir()
