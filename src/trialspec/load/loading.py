"""Text to model: read, join, write definitions out, validate; every failure becomes a diagnostic."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trialspec.diagnostics import Diagnostic, ProtocolError, has_errors, in_order
from trialspec.document import Entry, Node, dump
from trialspec.load.definitions import REPORTED
from trialspec.load.errors import diagnostic
from trialspec.load.files import PROTOCOL_FILE, Files
from trialspec.load.unused import unused
from trialspec.model.protocol import Protocol
from trialspec.model.scope import ANY_NAME

# What stands in for a head that was reported, so that the rest can still be checked.
_HEAD = {"language": "1", "protocol": "reported", "title": "reported", "version": "0", "zone": "UTC"}
# What says something of the protocol alone: to state or accept it changes nothing for anybody.
_OF_THE_PROTOCOL = frozenset({"properties", "accepted"})
_MAPPINGS = frozenset(
    (
        *("sites", "sources", "measures", "drugs", "drug_classes", "concepts", "gates", "alerts", "silence_means_no"),
        *("moments", "visits", "assessments", "doses", "responses", "time_to", "prohibited", "rescue", "eligibility"),
        "properties",
    )
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A protocol and all it uses as one located, validated model.

    `diagnostics` may hold errors: then the model leaves out what they are about, and `broken` names it; what is left
    can be checked further, and `trialspec.compile` refuses to make a program of it. `texts` are the files, for
    excerpts; `own_rules` are the alert rules that the protocol's own file names, and `unused` says
    what it declares and nothing names, which is worth telling once nothing is wrong.
    """

    path: Path
    model: Protocol
    node: Node
    broken: frozenset[str]
    texts: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]
    own_rules: frozenset[str] = frozenset()
    unused: tuple[Diagnostic, ...] = ()

    @property
    def digest(self) -> str:
        """The fingerprint of all that it says of patients; comments, key order and file names do not count."""
        told = self.node.plain()
        if isinstance(told, dict):
            told = {key: value for key, value in told.items() if key not in _OF_THE_PROTOCOL}
        plain = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def load(path: Path, libraries: Sequence[Path] = ()) -> Loaded:
    """Read a protocol file (or its directory) and the libraries it uses; raises when nothing is left to check."""
    files = Files()
    files.read(path / PROTOCOL_FILE if path.is_dir() else path, libraries)
    return _loaded(files, path)


def load_written(node: Node, path: Path, libraries: Sequence[Path] = ()) -> Loaded:
    """Take a protocol that is written inside another file, and read the libraries it uses."""
    files = Files()
    files.take(node, path, libraries)
    return _loaded(files, path)


def _loaded(files: Files, path: Path) -> Loaded:
    files.name_sources()
    definitions = files.definitions()
    joined = files.joined()
    if joined is None:
        raise ProtocolError(files.found)
    node = definitions.written_out(joined, Protocol)
    found = [*files.found, *definitions.found, *definitions.unused(), *definitions.shadowed(joined)]
    model, node, broken, wrong = _validated(node)
    diagnostics = in_order([*found, *wrong])
    if model is None:
        raise ProtocolError(diagnostics)
    if not files.complete:
        broken.add(ANY_NAME)
    alerts = files.own.get("alerts")
    rules = frozenset(alerts.keys() if alerts is not None and alerts.kind == "mapping" else ())
    return Loaded(
        path,
        model,
        node,
        frozenset(broken) | {REPORTED},
        files.texts,
        diagnostics,
        rules,
        tuple(unused(files.own, node, definitions)),
    )


def freeze(loaded: Loaded) -> str:
    """Give the protocol with all it uses written out, as one file that means the same."""
    return f"# {loaded.digest}\n" + dump(written_out(loaded))


def written_out(loaded: Loaded) -> dict[str, Any]:
    """Give the protocol with all it uses written out, as plain data."""
    if has_errors(loaded.diagnostics):
        raise ProtocolError(loaded.diagnostics)
    plain = loaded.node.plain()
    assert isinstance(plain, dict)
    return {key: plain[key] for key in _file_order() if key in plain}


def _file_order() -> list[str]:
    head = ["language", "protocol", "title", "version", "zone"]
    shared = ["sources", "measures", "drugs", "drug_classes", "concepts"]
    keys = [field.alias or name for name, field in Protocol.model_fields.items()]
    last = ["alerts"]
    return [*head, *(key for key in keys if key not in {*head, *shared, *last}), *shared, *last]


# --- validation -------------------------------------------------------------------------------------------------------


def _validated(node: Node) -> tuple[Protocol | None, Node, set[str], list[Diagnostic]]:
    """Validate; leave out entry by entry what is wrong, until the rest is right."""
    found: list[Diagnostic] = []
    broken: set[str] = set()
    while True:
        try:
            return Protocol.model_validate(node.plain()), node, broken, found
        except ValidationError as errors:
            details = errors.errors()
        wrong = [diagnostic(error, node, Protocol) for error in details]
        found += [each for each in wrong if each not in found]
        cuts = {_entry_of(error["loc"]) for error in details}
        before = node
        for cut in cuts:
            node = _without(node, cut)
            broken |= {cut[-1], ANY_NAME} if len(cut) == 1 and cut[0] in _MAPPINGS else {cut[-1]}
        if node.plain() == before.plain():
            return None, node, broken, found


def _entry_of(path: Sequence[str | int]) -> tuple[str, ...]:
    """Give the path of the smallest entry that can be left out: a criterion, a dose, a section."""
    depth = 1
    if path and path[0] in _MAPPINGS:
        depth = 3 if path[0] == "eligibility" and len(path) > 1 and path[1] in {"include", "exclude"} else 2
    return tuple(str(step) for step in path[:depth])


def _without(node: Node, path: Sequence[str]) -> Node:
    """Give the tree without an entry; a head that must be there is stood in for."""
    if node.kind != "mapping":
        return node
    entries = dict(node.entries())
    key = path[0]
    if len(path) == 1:
        if key in _HEAD:
            place = entries[key].key_place if key in entries else node.place
            entries[key] = Entry(place, Node(place, _HEAD[key]))
        else:
            entries.pop(key, None)
    elif key in entries and entries[key].value.kind == "mapping":
        entries[key] = replace(entries[key], value=_without(entries[key].value, path[1:]))
    else:
        entries.pop(key, None)
    return replace(node, content=entries)
