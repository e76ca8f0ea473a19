"""Definitions: verbs of one's own, written out before anything is checked.

The tree of a file is walked along the models' types, so that a definition is written out wherever a criterion stands,
and nowhere else. What is written out keeps the places of the definition, and of the uses that led to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, get_args, get_origin

from pydantic_core import PydanticCustomError

from trialspec.diagnostics import Diagnostic, Place, did_you_mean
from trialspec.document import DEEPEST, Entry, Node, substitute
from trialspec.model.criteria import is_criterion
from trialspec.model.parts import PROVENANCE, Part, fields_of, keys_of
from trialspec.model.points import read_point, read_quantity
from trialspec.model.protocol import Definition, Need, NeedType
from trialspec.model.verb import VERBS
from trialspec.quantity import parse_duration

MOST_EXPANSIONS = 2_000
REPORTED = "reported"
"""Stands in for a criterion that was reported, so that the rest can still be checked."""

_PASSES = PROVENANCE | {"otherwise"}
_JOINED = ("assumed", "interpreted")


@dataclass(slots=True)
class Definitions:
    """The definitions in scope, by name, and what is found wrong while they are written out."""

    nodes: Mapping[str, Node]
    key_places: Mapping[str, Place]
    models: Mapping[str, Definition]
    sorts: Mapping[str, str]  # of each name of the vocabulary: measure, drug, drug_class, concept
    complete: bool = True  # every library was found: a verb that is not known is defined in none of them
    found: list[Diagnostic] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)  # the definitions that were written out somewhere
    expansions: int = 0
    depth: int = 0

    def report(self, code: str, message: str, node: Node, advice: str = "", *related: tuple[Place, str]) -> None:
        """Say what is wrong at a node."""
        self.found.append(Diagnostic(code, message, node.place, (*related, *node.related()), advice))

    # --- walking the tree ---------------------------------------------------------------------------------------------

    def written_out(self, node: Node, annotation: object, stack: tuple[str, ...] = ()) -> Node:
        """Give the node with every use of a definition written out, where its type says that a criterion stands."""
        annotation = bare(annotation)
        if is_criterion(annotation):
            return self.criterion(node, stack)
        if isinstance(annotation, type) and issubclass(annotation, Part):
            if node.kind != "mapping":
                return node
            types = {key: field.annotation for key, field in fields_of(annotation).items()}
            return self.mapped(node, types, stack)
        if get_origin(annotation) is dict and node.kind == "mapping":
            return self.mapped(node, dict.fromkeys(node.keys(), get_args(annotation)[1]), stack)
        if get_origin(annotation) is list and node.kind == "list":
            member = get_args(annotation)[0]
            return replace(node, content=tuple(self.written_out(each, member, stack) for each in node.members()))
        chosen = _chosen(annotation, node)
        return node if chosen is None else self.written_out(node, chosen, stack)

    def mapped(self, node: Node, types: Mapping[str, object], stack: tuple[str, ...]) -> Node:
        """Give a mapping with the values of these keys written out."""
        entries = {
            key: replace(entry, value=self.written_out(entry.value, types[key], stack)) if key in types else entry
            for key, entry in node.entries().items()
        }
        return replace(node, content=entries)

    def criterion(self, node: Node, stack: tuple[str, ...]) -> Node:
        """Give a criterion in built-in verbs only, or a stand-in for one that was reported."""
        if self.depth >= DEEPEST:
            advice = "name the inner parts as criteria of their own"
            self.report("too-deep", f"criteria stand more than {DEEPEST} deep in each other", node, advice)
            return stand_in(node)
        self.depth += 1
        found = self._criterion(node, stack)
        self.depth -= 1
        return found

    def _criterion(self, node: Node, stack: tuple[str, ...]) -> Node:
        if node.kind == "text":
            if node.text not in self.key_places:
                return node
            definition = self.models.get(node.text)
            if definition is None:
                return stand_in(node)
            missing = [name for name, need in definition.needs.items() if not _has_default(need)]
            if missing:
                advice = f"write it as a verb, as in `{{{node.text}: ...}}`"
                self.report(
                    "needs-missing", f"`{node.text}` needs `{missing[0]}`", node, advice, self.declared(node.text)
                )
                return stand_in(node)
            return self.used(Node(node.place, {}, node.via), node.text, stack)
        if node.kind == "list":
            advice = "write one verb with its keys; join several criteria by `all` or `any`"
            self.report("wrong-type", "a criterion is expected here, this is a list", node, advice)
            return stand_in(node)
        verbs = [key for key in node.entries() if key in VERBS or key in self.key_places]
        if len(verbs) != 1:
            self.not_one_verb(node, verbs)
            return stand_in(node)
        if verbs[0] in self.key_places:
            return self.used(node, verbs[0], stack)
        if verbs[0] == "met" and node["met"].kind == "text" and node["met"].text in self.key_places:
            rest = {key: entry for key, entry in node.entries().items() if key != "met"}
            return self.used(replace(node, content=rest), node["met"].text, stack)
        return self.written_out(node, VERBS[verbs[0]], stack)

    def not_one_verb(self, node: Node, verbs: list[str]) -> None:
        """Report a criterion without a verb, or with several."""
        if verbs:
            first, second = verbs[0], verbs[1]
            related = ((node.key_place(first), f"`{first}` is here"),)
            advice = "write one criterion for each and join them by `all` or `any`"
            place = node.key_place(second)
            self.found.append(
                Diagnostic(
                    "two-verbs", f"a criterion has one verb, and `{second}` is a second one", place, related, advice
                )
            )
            return
        known = frozenset(VERBS) | frozenset(self.models)
        modifiers = {key for verb in VERBS.values() for key in keys_of(verb)} | _PASSES
        for key in node.entries():
            if key not in modifiers:
                close = did_you_mean(key, known)
                if not close and not self.complete:
                    return
                place = node.key_place(key)
                advice = close or "use a built-in verb, or name the library that defines this one under `use`"
                self.found.append(
                    Diagnostic("unknown-verb", f"there is no verb `{key}`", place, node.related(), advice)
                )
                return
        advice = "add one verb, such as `has`, `latest` or `all`"
        self.report("no-verb", "the criterion has no verb: it does not say what is asked", node, advice)

    def unused(self) -> list[Diagnostic]:
        """Check what can be checked of a definition that nothing uses: its parameters and its verbs."""
        found: list[Diagnostic] = []
        for name, model in self.models.items():
            for text in _texts(self.nodes[name]["means"]):
                for parameter in re.findall(r"\$([A-Za-z_][A-Za-z0-9_]*)", text.text):
                    if parameter not in model.needs:
                        close = did_you_mean(parameter, model.needs)
                        advice = (
                            f"write `{parameter}`"
                            if parameter in {"now", "dose"}
                            else close or "declare it under `needs`"
                        )
                        message = f"`${parameter}` is not a parameter of this definition"
                        found.append(Diagnostic("unknown-parameter", message, text.place, (), advice))
        return found

    def shadowed(self, node: Node) -> list[Diagnostic]:
        """Report criteria, gates and components that are called like a definition: a bare name would mean either."""
        found: list[Diagnostic] = []
        for path in (
            ("gates",),
            ("eligibility", "include"),
            ("eligibility", "exclude"),
            ("responses", "", "components"),
        ):
            for entries in _below(node, path):
                for name, entry in entries.items():
                    if name in self.key_places:
                        message = f"`{name}` stands for two things"
                        related = (self.declared(name),)
                        found.append(Diagnostic("duplicate-name", message, entry.key_place, related, "rename one"))
        return found

    # --- uses ---------------------------------------------------------------------------------------------------------

    def declared(self, name: str) -> tuple[Place, str]:
        """Point to where a definition stands."""
        return self.key_places[name], f"`{name}` is defined here"

    def used(self, node: Node, name: str, stack: tuple[str, ...]) -> Node:
        """Give what a use of a definition means."""
        self.uses.add(name)
        if name not in self.models:
            return stand_in(node)  # its definition was reported
        if name in stack:
            chain = " -> ".join(f"`{step}`" for step in [*stack[stack.index(name) :], name])
            advice = "let one of them say what it means without the others"
            self.report("definition-cycle", f"`{name}` uses itself: {chain}", node, advice, self.declared(name))
            return stand_in(node)
        self.expansions += 1
        if self.expansions > MOST_EXPANSIONS:
            if self.expansions == MOST_EXPANSIONS + 1:
                advice = "look for definitions that use each other several times"
                self.report(
                    "too-many-expansions", f"definitions are used more than {MOST_EXPANSIONS} times", node, advice
                )
            return stand_in(node)
        before = len(self.found)
        bindings = self.bindings(node, name, stack)
        if len(self.found) > before:
            return stand_in(node)
        body = self.nodes[name]["means"]
        meaning, wrong = substitute(body, bindings, use=node)
        self.found += [each for each in wrong if each.code != "unknown-parameter"]  # those `unused` finds once
        if wrong:
            return stand_in(node)
        meaning = self.criterion(meaning, (*stack, name))
        self.reasoned(node, {*node.keys(), *self.models[name].needs})
        return _with_provenance(meaning, self.nodes[name], node)

    def reasoned(self, node: Node, keys: set[str]) -> None:
        """Check that the reasons given in a use are for keys that it has or could have."""
        for name in _JOINED:
            reasons = node.get(name)
            for key in reasons.keys() if reasons is not None and reasons.kind == "mapping" else ():
                if key not in keys and reasons is not None:
                    message = f"`{name}` gives a reason for `{key}`, which is no key here"
                    advice = did_you_mean(key, keys) or f"give it for one of {_listed(sorted(keys))}"
                    self.found.append(Diagnostic("unknown-key", message, reasons.key_place(key), (), advice))

    def bindings(self, node: Node, name: str, stack: tuple[str, ...]) -> dict[str, Node]:
        """Give what is said for each of the needs; the verb's own value is for the first."""
        needs = self.models[name].needs
        first = next(iter(needs), None)
        said: dict[str, Node] = {}
        for key, entry in node.entries().items():
            need = first if key == name else key
            if key in _PASSES or (key == name and first is None):
                if key == name:
                    advice = f"write the bare name `{name}`"
                    self.report("needs-unknown", f"`{name}` takes no value", entry.value, advice, self.declared(name))
                continue
            if need is None or need not in needs:
                advice = did_you_mean(key, needs) or (f"it takes {_listed(needs)}" if needs else "it takes nothing")
                place = entry.key_place
                self.found.append(
                    Diagnostic(
                        "needs-unknown", f"`{name}` does not take `{key}`", place, (self.declared(name),), advice
                    )
                )
            elif need in said:
                message = f"`{need}` is said twice, as the value of `{name}` too"
                self.report("needs-unknown", message, entry.value, "say it once")
            else:
                said[need] = self.bound(entry.value, name, need, stack)
        definition = self.nodes[name]
        for need, model in needs.items():
            if need in said:
                continue
            if _has_default(model):
                said[need] = definition["needs"][need]["default"]
            else:
                advice = f"write `{need}` beside `{name}`"
                self.report("needs-missing", f"`{name}` needs `{need}`", node, advice, self.declared(name))
        return said

    def bound(self, node: Node, name: str, need: str, stack: tuple[str, ...]) -> Node:
        """Check what is said for a need against its type; a criterion is written out where it is said."""
        kind = self.models[name].needs[need].type
        if kind == "criterion":
            return self.criterion(node, stack)
        wrong = self.misfit(node, kind)
        if wrong:
            place = self.nodes[name]["needs"][need].place
            self.report(
                "bad-parameter",
                f"`{need}` of `{name}` is {_A[kind]}, {wrong}",
                node,
                f"write {_A[kind]}",
                (place, f"`{need}` is needed here"),
            )
        return node

    def misfit(self, node: Node, kind: NeedType) -> str:
        """Say how what is said is not of the type that is needed; nothing where it fits."""
        if kind == "list":
            return "" if node.kind in {"list", "text"} else f"this is a {node.kind}"
        sorts = _SORTS.get(kind)
        if sorts is not None and node.kind == "list":
            return next((wrong for member in node.members() if (wrong := self.misfit(member, kind))), "")
        if node.kind != "text":
            return f"this is a {node.kind}"
        if sorts is not None:
            sort = self.sorts.get(node.text)
            if sort is None:
                close = did_you_mean(node.text, [name for name, other in self.sorts.items() if other in sorts])
                return f"and there is no `{node.text}`" + (f": {close}" if close else "")
            return "" if sort in sorts else f"and `{node.text}` is a {sort.replace('_', ' ')}"
        try:
            _READ[kind](node.text)
        except (ValueError, PydanticCustomError):
            return f"this is `{node.text}`"
        return ""


def _below(node: Node, path: tuple[str, ...]) -> Iterator[Mapping[str, Entry]]:
    """Give the mappings that a path leads to; an empty step leads to every entry."""
    if node.kind != "mapping":
        return
    if not path:
        yield node.entries()
        return
    for key, value in node.items():
        if path[0] in {"", key}:
            yield from _below(value, path[1:])


def _texts(node: Node) -> Iterator[Node]:
    if node.kind == "text":
        yield node
    else:
        for child in node.members() if node.kind == "list" else (value for _, value in node.items()):
            yield from _texts(child)


def bare(annotation: object) -> object:
    """Give a type without its annotations; of `X | None`, X."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    optional = len(members) == 1 and type(None) in get_args(annotation)
    return bare(members[0]) if optional else annotation


def _chosen(annotation: object, node: Node) -> object | None:
    """Of several types that may stand here, give the one that a mapping or a list is read as, if it is the only one."""
    members = [bare(member) for member in get_args(annotation)]
    if node.kind == "list":
        found = [member for member in members if get_origin(member) is list]
    else:
        parts = (member for member in members if isinstance(member, type) and issubclass(member, Part))
        found = list(parts) if node.kind == "mapping" else []
    return found[0] if len(found) == 1 else None


def stand_in(node: Node) -> Node:
    """Give what stands in for a criterion that was reported."""
    return Node(node.place, REPORTED, node.via)


def _has_default(need: Need) -> bool:
    return "default" in need.model_fields_set


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _with_provenance(meaning: Node, definition: Node, use: Node) -> Node:
    """Give the meaning with the words of its use, and all the reasons of the use, the definition and the meaning."""
    if meaning.kind != "mapping":
        # A definition that only names another thing: what it and its use say of themselves is kept by `all`.
        if not any(key in _PASSES for key in (*definition.keys(), *use.keys())):
            return meaning
        meaning = Node(meaning.place, {"met": Entry(meaning.place, meaning)}, meaning.via)
    entries = dict(meaning.entries())
    for source in (definition, use):
        for key, entry in source.entries().items():
            if key not in _PASSES:
                continue
            if key in _JOINED and key in entries:
                joined = (*_reasons(entries[key].value), *_reasons(entry.value))
                entries[key] = Entry(entry.key_place, Node(entry.value.place, joined, entry.value.via))
            elif key in _JOINED:
                entries[key] = Entry(
                    entry.key_place, Node(entry.value.place, tuple(_reasons(entry.value)), entry.value.via)
                )
            elif not (key == "verified" and key in entries) or entry.value.plain() == "no":
                entries[key] = entry
    return Node(meaning.place, entries, meaning.via)


def _reasons(node: Node) -> Iterator[Node]:
    """Give the reasons as a list has them, each behind its key."""
    if node.kind == "mapping":
        for key, value in node.items():
            yield Node(value.place, f"{key}: {value.content}", value.via) if value.kind == "text" else value
    elif node.kind == "list":
        yield from node.members()
    else:
        yield node


def _count(text: str) -> None:
    if not re.fullmatch("[0-9]{1,6}", text):
        raise ValueError(text)


def _duration(text: str) -> None:
    if parse_duration(text) is None:
        raise ValueError(text)


_SORTS: dict[NeedType, frozenset[str]] = {
    "drug_or_class": frozenset({"drug", "drug_class"}),
    "concept": frozenset({"concept"}),
    "measure": frozenset({"measure"}),
}
_READ: dict[NeedType, Callable[[str], object]] = {
    "count": _count,
    "quantity": read_quantity,
    "duration": _duration,
    "point": read_point,
    "text": str,
    "word": str,
    "moment": read_point,
}
_A: dict[NeedType, str] = {
    "drug_or_class": "a drug or drug class",
    "concept": "a condition, procedure or adverse event",
    "measure": "a measure",
    "count": "a count",
    "quantity": "a quantity",
    "duration": "a duration",
    "point": "a point in time",
    "text": "a text",
    "criterion": "a criterion",
    "list": "a list",
    "word": "a word",
    "moment": "a moment",
}
