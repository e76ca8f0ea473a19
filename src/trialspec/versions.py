"""The versions of a protocol that lie in one directory: the newest is `protocol.yaml`, those before it in `former/`.

Each is a whole protocol. Together they are of one trial, so what the records of a patient are read with must be the
same in all of them: the zone and those of the sites, and what measures, drugs and concepts are.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialspec.compile import compile_protocol
from trialspec.diagnostics import Diagnostic, ProtocolError, has_errors, in_order
from trialspec.library import FORMER, PROTOCOL_FILE
from trialspec.load import freeze, load
from trialspec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trialspec.compile import Compiled
    from trialspec.load import Loaded
    from trialspec.program import Derivation
    from trialspec.times import Zone
    from trialspec.vocabulary import Term


def former_files(path: Path) -> tuple[Path, ...]:
    """Give the files of the versions before a protocol, by name: of a directory, or of the newest version in it."""
    folder = path if path.is_dir() else path.parent if path.name == PROTOCOL_FILE else None
    return () if folder is None else tuple(sorted((folder / FORMER).glob("*.yaml")))


def compile_versions(path: Path, libraries: Sequence[Path] = ()) -> tuple[Compiled, ...]:
    """Load all versions of a protocol, the oldest first; raises `ProtocolError` with everything that is wrong."""
    files = (*former_files(path), path)
    if len(files) == 1:
        return (compile_protocol(load(path, libraries)),)
    found: list[Diagnostic] = []
    read: list[_Version] = []
    for file in files:
        try:
            loaded = load(file, libraries)
            read.append(_Version(loaded, compile_protocol(loaded)))
        except ProtocolError as error:
            found += error.diagnostics
    found += _misfits(read)
    if has_errors(found):
        raise ProtocolError(in_order(found))
    read.sort(key=lambda version: _age(version.name))
    *former, newest = read
    shared = _shared([version.compiled for version in read])
    # What a version of the past does not use is nothing to look at again.
    kept = tuple(each for version in former for each in version.compiled.warnings if each.code != "never-used")
    warnings = in_order([*kept, *newest.compiled.warnings])
    return (*shared[:-1], replace(shared[-1], warnings=warnings))


def freeze_versions(path: Path, libraries: Sequence[Path] = ()) -> dict[str, str]:
    """Give all versions of a protocol frozen, each by the name of its file in the directory."""
    former = former_files(path)
    frozen = {f"{FORMER}/{number}.yaml": freeze(load(file, libraries)) for number, file in enumerate(former, 1)}
    return {PROTOCOL_FILE: freeze(load(path, libraries)), **frozen}


def digest_of(digests: Sequence[str]) -> str:
    """Give the fingerprint of several versions together; of one, its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


# --- whether they fit together ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Version:
    """One version as it was read."""

    loaded: Loaded
    compiled: Compiled

    @property
    def name(self) -> str:
        return self.compiled.program.version

    def differs(self, key: str, message: str, advice: str, other: _Version) -> Diagnostic:
        """Report what stands under a key of the file, beside what another version says."""
        places = [version.loaded.node.get(key) for version in (self, other)]
        here, there = (
            version.loaded.node.place if node is None else node.place
            for version, node in zip((self, other), places, strict=True)
        )
        return Diagnostic("version-conflict", message, here, ((there, f"version {other.name}"),), advice)


def _age(version: str) -> tuple[tuple[int, int, str], ...]:
    """Order versions as people number them: 1.9 before 1.10."""
    parts = re.findall(r"\d+|[^\d.]+", version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _misfits(read: Sequence[_Version]) -> Iterator[Diagnostic]:
    """Report where versions contradict the newest, which is the last one read, or each other."""
    if not read:
        return
    *former, newest = read
    for version in former:
        yield from _another_trial(version, newest)
        if _age(version.name) > _age(newest.name):
            message = f"version {version.name} is newer than version {newest.name} in `{PROTOCOL_FILE}`"
            advice = f"let `{PROTOCOL_FILE}` be the newest version, and those before it lie in `{FORMER}`"
            yield version.differs("version", message, advice, newest)
    by_age: dict[object, _Version] = {}
    for version in reversed(read):
        same = by_age.setdefault(_age(version.name), version)
        if same is not version:
            message = f"version {version.name} is here twice"
            yield version.differs("version", message, "give each version a number of its own", same)
    for term, other in _contradictions(version.compiled.program.vocabulary for version in read):
        message = f"`{term.name}` is not the same in every version, so a record could be read in two ways"
        related = () if other.place is None else ((other.place, "otherwise here"),)
        advice = "give it the same unit, limits and factors everywhere, or a new name in the new version"
        yield Diagnostic("version-conflict", message, term.place, related, advice)
    yield from _differently_made(read)


def _differently_made(read: Sequence[_Version]) -> Iterator[Diagnostic]:
    """Report a derived measure that two versions make otherwise: there is one value of it for both."""
    made: dict[str, Derivation] = {}
    for version in read:
        for each in version.compiled.program.derived:
            former = made.setdefault(each.measure, each)
            if (former.dated_by, former.value) != (each.dated_by, each.value):
                message = f"`{each.measure}` is not made alike in every version: it would have two values at once"
                related = () if former.place is None else ((former.place, "otherwise here"),)
                advice = "make it the same everywhere, or give it a new name in the new version"
                yield Diagnostic("version-conflict", message, each.place, related, advice)


def _another_trial(version: _Version, newest: _Version) -> Iterator[Diagnostic]:
    old, new = version.compiled.program, newest.compiled.program
    if old.name != new.name:
        message = f"this is a version of `{old.name}`, the newest one is of `{new.name}`"
        yield version.differs("protocol", message, "give each protocol a directory of its own", newest)
    if old.zone.name != new.zone.name:
        message = f"the zone is {old.zone.name}, in the newest version {new.zone.name}"
        yield version.differs("zone", message, "dates are those of one zone: write the same in every version", newest)
    if bool(old.sites) != bool(new.sites):
        message = "one version lists its sites, and the other does not"
        yield version.differs("sites", message, "list the sites in every version, or in none", newest)
    for site in sorted(old.sites.keys() & new.sites.keys()):
        if old.sites[site].name != new.sites[site].name:
            message = f"site `{site}` lies in {old.sites[site].name}, in the newest version in {new.sites[site].name}"
            yield version.differs("sites", message, "a site has one zone: write the same in every version", newest)


# --- what they share --------------------------------------------------------------------------------------------------


def _shared(versions: Sequence[Compiled]) -> list[Compiled]:
    """Let all versions read records with the same names and sites: those of all of them."""
    vocabulary = _together([version.program.vocabulary for version in versions])
    sites: dict[str, Zone] = {}
    for version in versions:
        sites |= version.program.sites
    return [
        replace(version, program=replace(version.program, vocabulary=vocabulary, sites=sites)) for version in versions
    ]


def _together(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    terms: dict[str, Term] = {}
    for vocabulary in vocabularies:
        for name, term in vocabulary.terms.items():
            former = terms.get(name)
            terms[name] = term if former is None else _both(former, term)
    return Vocabulary(terms)


def _both(old: Term, new: Term) -> Term:
    """Give a term with all that two versions accept for it, and the label of the newer."""
    codes = {system: (*old.codes.get(system, ()), *new.codes.get(system, ())) for system in {**old.codes, **new.codes}}
    return replace(
        new,
        factors={**old.factors, **new.factors},
        values=old.values | new.values,
        ranges={**old.ranges, **new.ranges},
        parents=old.parents | new.parents,
        codes={system: tuple(dict.fromkeys(listed)) for system, listed in codes.items()},
    )


def _contradictions(vocabularies: Iterable[Vocabulary]) -> Iterator[tuple[Term, Term]]:
    """Give each term that two versions read otherwise, as the former and as the newer one has it."""
    terms: dict[str, Term] = {}
    for vocabulary in vocabularies:
        for name, term in vocabulary.terms.items():
            former = terms.setdefault(name, term)
            if former is not term and not _alike(former, term):
                yield former, term
            terms[name] = term


def _alike(old: Term, new: Term) -> bool:
    same = all(getattr(old, name) == getattr(new, name) for name in ("sort", "unit", "resolution", "possible", "coded"))
    return same and _agree(old.factors, new.factors) and _agree(old.ranges, new.ranges)


def _agree(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    return all(old[key] == new[key] for key in old.keys() & new.keys())
