"""A protocol and all the libraries it uses, read and joined into one tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trialspec import library
from trialspec.diagnostics import Diagnostic, Place, did_you_mean
from trialspec.document import Entry, Node, decode, read
from trialspec.load.definitions import Definitions
from trialspec.load.errors import diagnostic
from trialspec.model.parts import PROVENANCE, keys_of
from trialspec.model.protocol import LANGUAGE, Definition, Library, Protocol
from trialspec.model.rulebook import AlertChange
from trialspec.model.schedule import MILESTONES
from trialspec.model.verb import VERBS
from trialspec.model.vocabulary import SECTIONS

PROTOCOL_FILE = "protocol.yaml"
_SHARED = ("sources", *SECTIONS, "gates", "alerts")
_KINDS = {"measures": "measure", "drugs": "drug", "drug_classes": "drug_class", "concepts": "concept"}


# Most of the time that loading takes is reading YAML, and every protocol reads the same libraries.
_tree = lru_cache(maxsize=64)(read)


@dataclass(slots=True)
class File:
    """One file, its tree, and whether it is the protocol itself."""

    path: Path
    node: Node
    is_protocol: bool


@dataclass(slots=True)
class Files:
    """The files of a protocol, those that are used before those that use them, and what is wrong with them."""

    files: list[File] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    complete: bool = True
    """Whether every library was found and read: only then is a name that is not there declared nowhere."""

    def read(self, path: Path, libraries: Sequence[Path], *, is_protocol: bool = True) -> None:
        """Read a file, after all that it uses."""
        self.seen.add(path.resolve())
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = "it is not there" if isinstance(error, FileNotFoundError) else "it cannot be read"
            self.found.append(Diagnostic("unknown-file", f"`{path}`: {reason}", None))
            self.complete = False
            return
        text, wrong = decode(data, str(path))
        self.found += wrong
        if text is None:
            self.complete = False
            return
        self.texts[str(path)] = text
        node, wrong = _tree(text, str(path))
        self.found += wrong
        if node is None:
            self.complete = False
        else:
            self.take(node, path, libraries, is_protocol=is_protocol)

    def take(self, node: Node, path: Path, libraries: Sequence[Path], *, is_protocol: bool = True) -> None:
        """Take the tree of a file, or of a protocol that is written inside one, after all that it uses."""
        if node.kind != "mapping":
            message = f"a mapping is expected here, this is a {node.kind}"
            advice = f"begin with keys, as in `language: {LANGUAGE}`"
            self.found.append(Diagnostic("wrong-type", message, node.place, (), advice))
            return
        self.check_head(node, is_protocol=is_protocol)
        used = node.get("use")
        for each in () if used is None else used.members() if used.kind == "list" else (used,):
            if each.kind == "text":
                self.use(each, path, libraries)
        self.files.append(File(path, node, is_protocol))

    def use(self, name: Node, path: Path, libraries: Sequence[Path]) -> None:
        """Read a library that a file uses."""
        found = library.find(name.text, path, libraries)
        if found is None:
            close = did_you_mean(name.text, library.names(path, libraries))
            home = library.holding(name.text, path)
            advice = (
                f"it lies in `{home}`: give that with `--library`, or put the protocol below its `protocols/`"
                if home is not None
                else close
                or "write its name as in `rules/lupus-nephritis`; look at the directories given with `--library`"
            )
            self.found.append(Diagnostic("unknown-file", f"there is no library `{name.text}`", name.place, (), advice))
            self.complete = False
        elif found.resolve() not in self.seen:
            self.read(found, libraries, is_protocol=False)

    def check_head(self, node: Node, *, is_protocol: bool) -> None:
        """Check what only concerns a library: the protocol is checked as a whole later."""
        if is_protocol:
            return
        language = node.get("language")
        if language is None or language.content != LANGUAGE:
            place = node.place if language is None else language.place
            message = "`language` is missing" if language is None else "the language is not known"
            self.found.append(Diagnostic("language-version", message, place, (), f"write `language: {LANGUAGE}`"))
        for key in node.entries():
            if key in keys_of(Library):
                continue
            if key in keys_of(Protocol):
                message = f"`{key}` belongs into a protocol, and this is a library"
                advice = "move it into the protocols that use this library"
            else:
                message, advice = f"`{key}` is not known here", did_you_mean(key, keys_of(Library))
            self.found.append(Diagnostic("unknown-key", message, node.key_place(key), (), advice))

    # --- joining ------------------------------------------------------------------------------------------------------

    def definitions(self) -> Definitions:
        """Give the definitions of all files."""
        nodes: dict[str, Node] = {}
        places: dict[str, Place] = {}
        models: dict[str, Definition] = {}
        sorts: dict[str, str] = {}
        for file in self.files:
            for section, kind in _KINDS.items():
                sorts |= dict.fromkeys(_keys(file.node.get(section)), kind)
            for name, entry in _entries(file.node.get("definitions")).items():
                if name in places:
                    self.twice(name, entry.key_place, places[name])
                    continue
                places[name] = entry.key_place
                model = self.definition(name, entry)
                if model is not None:
                    nodes[name], models[name] = entry.value, model
        return Definitions(nodes, places, models, sorts, self.complete)

    def definition(self, name: str, entry: Entry) -> Definition | None:
        """Check one definition's own shape."""
        taken = VERBS.keys() | PROVENANCE | {"otherwise"}
        if name in taken:
            message = f"`{name}` is a word of the language, and cannot be defined anew"
            self.found.append(Diagnostic("duplicate-name", message, entry.key_place, (), "choose another name"))
            return None
        try:
            model = TypeAdapter(Definition).validate_python(entry.value.plain())
        except ValidationError as errors:
            self.found += [diagnostic(error, entry.value, Definition) for error in errors.errors()]
            return None
        wrong = False
        for need in model.needs:
            if need in taken:
                place = entry.value["needs"].key_place(need)
                message = f"`{need}` is a word of the language, so it cannot be told from the use's own"
                self.found.append(Diagnostic("bad-name", message, place, (), "choose another name for what is needed"))
                wrong = True
        return None if wrong else model

    def twice(self, name: str, place: Place, first: Place) -> None:
        """Report a name that stands for two things."""
        related = ((first, f"`{name}` stands for this already"),)
        self.found.append(
            Diagnostic("duplicate-name", f"`{name}` is defined twice", place, related, "rename one of them")
        )

    @property
    def own(self) -> Node:
        """The protocol's own file."""
        return next(file.node for file in self.files if file.is_protocol)

    def joined(self) -> Node | None:
        """Give one tree: the protocol with the vocabulary, gates, rules and sources of all it uses."""
        protocol = next((file for file in self.files if file.is_protocol), None)
        if protocol is None:
            return None
        entries = {key: entry for key, entry in protocol.node.entries().items() if key not in {"use", "definitions"}}
        terms: dict[str, Place] = {}
        for section in _SHARED:
            joined: dict[str, Entry] = {}
            for file in self.files:
                for name, entry in _entries(file.node.get(section)).items():
                    if section in _KINDS:
                        if name in terms:
                            self.twice(name, entry.key_place, terms[name])
                        elif name in MILESTONES:
                            message = f"`{name}` is a milestone, and cannot stand for anything else"
                            self.found.append(Diagnostic("duplicate-name", message, entry.key_place, (), "rename it"))
                        terms.setdefault(name, entry.key_place)
                    if section == "alerts" and name in joined:
                        joined[name] = self.changed_alert(name, joined[name], entry, file)
                    elif section == "sources" or name not in joined:
                        joined[name] = entry
                    elif section not in _KINDS:
                        self.twice(name, entry.key_place, joined[name].key_place)
            own = protocol.node.get(section)
            if own is not None and own.kind != "mapping":
                continue  # reported when the protocol is checked
            if joined:
                here = protocol.node.entries().get(section) or next(iter(joined.values()))
                value = own or next(iter(joined.values())).value
                entries[section] = Entry(here.key_place, Node(value.place, joined))
        return replace(protocol.node, content=entries)

    def changed_alert(self, name: str, rule: Entry, change: Entry, file: File) -> Entry:
        """Give a rule of a library as the protocol decides otherwise about it."""
        if (
            not file.is_protocol
            or change.value.kind != "mapping"
            or rule.value.kind != "mapping"
            or "say" in change.value
        ):
            self.twice(name, change.key_place, rule.key_place)
            return rule
        for key in change.value.entries():
            if key not in keys_of(AlertChange):
                place = change.value.key_place(key)
                message = f"a protocol cannot change `{key}` of a rule of a library"
                close = did_you_mean(key, keys_of(AlertChange))
                advice = close or "write a rule of your own, under another name"
                self.found.append(
                    Diagnostic("unknown-key", message, place, ((rule.key_place, "the rule is here"),), advice)
                )
        changes = {key: each for key, each in change.value.entries().items() if key in keys_of(AlertChange)}
        return Entry(change.key_place, replace(rule.value, content={**rule.value.entries(), **changes}))

    def name_sources(self) -> None:
        """Give a source that is called alike in two files, but is not the same, a name that tells its file."""
        texts: dict[str, str] = {}
        for file in sorted(self.files, key=lambda file: not file.is_protocol):
            renamed: dict[str, str] = {}
            for name, entry in _entries(file.node.get("sources")).items():
                text = str(entry.value.content)
                new = name
                if texts.get(name, text) != text:
                    stem = "".join(char if char.isalnum() else "_" for char in file.path.stem)
                    new = f"{stem}_{name}"
                    renamed[name] = new
                texts[new] = text
            if renamed:
                file.node = _renamed(file.node, renamed)


def _entries(node: Node | None) -> Mapping[str, Entry]:
    return node.entries() if node is not None and node.kind == "mapping" else {}


def _keys(node: Node | None) -> Iterator[str]:
    yield from _entries(node)


def _renamed(node: Node, names: Mapping[str, str], *, top: bool = True) -> Node:
    """Give the tree with its sources called otherwise, where they are listed and where they are named."""
    if node.kind == "list":
        return replace(node, content=tuple(_renamed(member, names, top=False) for member in node.members()))
    if node.kind == "text":
        return node
    entries: dict[str, Entry] = {}
    for key, entry in node.entries().items():
        value = entry.value
        if top and key == "sources" and value.kind == "mapping":
            value = replace(value, content={names.get(name, name): each for name, each in value.entries().items()})
        elif key == "source" and value.kind == "text" and value.text in names:
            value = replace(value, content=names[value.text])
        else:
            value = _renamed(value, names, top=False)
        entries[key] = Entry(entry.key_place, value)
    return replace(node, content=entries)
