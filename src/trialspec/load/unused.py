"""What a protocol's own file declares and nothing names: most often a slip, or left over from an earlier version.

Names are looked for in the text as it is written out, so that what a definition names in its use is found too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from trialspec.diagnostics import Diagnostic
from trialspec.document import Entry, Node
from trialspec.load.definitions import Definitions

# What has an effect of its own besides: a record of a measure or concept that is declared can be read.
_SEVERITY: Mapping[str, Literal["warning", "note"]] = {
    "definitions": "warning",
    "gates": "warning",
    "moments": "warning",
    "measures": "note",
    "concepts": "note",
}
_ADVICE: Mapping[str, str] = {
    "gates": "name it under `give_only_if` of the doses that it guards, or leave it out",
    "definitions": "use it as a verb, or leave it out",
}
# `day N` counts from the one, and whatever is planned counts from the others.
_ALWAYS = frozenset({"day_1", "screened", "enrolled"})
_PROSE = frozenset({"text", "title", "label", "say", "source", "assumed", "interpreted", "clause", "codes", "is_a"})
_HEAD = frozenset({"language", "protocol", "title", "version", "zone", "sources", "not_stated"})

_Owner = tuple[str, str]


def unused(own: Node, joined: Node, definitions: Definitions) -> list[Diagnostic]:
    """Report what the protocol's own file declares and nothing names, in the file or in what it uses."""
    owners: defaultdict[str, set[_Owner]] = defaultdict(set)
    for section, node in joined.items():
        for name, part in node.items() if node.kind == "mapping" else [("", node)]:
            for word in _words(part) if section not in _HEAD else ():
                owners[word].add((section, name))
    for name, entry in _entries(own, "definitions").items():
        for word in _words(entry.value):
            owners[word].add(("definitions", name))
    found: list[Diagnostic] = []
    for section, severity in _SEVERITY.items():
        for name, entry in _entries(own, section).items():
            kin = _kin(name, joined) if section == "concepts" else {name}
            named = any(owners[each] - {(section, each)} for each in kin)
            if section == "definitions":
                named = name in definitions.uses
            elif section == "gates":
                named = named or _told(joined)
            if not named and not (section == "moments" and name in _ALWAYS):
                what = section.removesuffix("s")
                advice = _ADVICE.get(section, "leave it out, or look where its name is misspelt")
                message = f"the {what} `{name}` is given here, and nothing uses it"
                found.append(Diagnostic("never-used", message, entry.key_place, (), advice, severity))
    return found


def _told(joined: Node) -> bool:
    """Whether an alert is about gates: then one that guards no dose is a limit on treatment, and is told."""
    rules = _entries(joined, "alerts").values()
    subjects = [rule.value.get("for_each") for rule in rules if rule.value.kind == "mapping"]
    return any(subject is not None and "gate" in _words(subject) for subject in subjects)


def _entries(node: Node, section: str) -> Mapping[str, Entry]:
    part = node.get(section)
    return part.entries() if part is not None and part.kind == "mapping" else {}


def _words(node: Node) -> Iterator[str]:
    """Give every word in the values of a tree that may be a name: points are made of several."""
    if node.kind == "text":
        yield from re.findall(r"[A-Za-z][A-Za-z0-9_]*", node.text)
    elif node.kind == "list":
        for member in node.members():
            yield from _words(member)
    else:
        for key, value in node.items():
            if key not in _PROSE:
                yield from _words(value)


def _kin(name: str, joined: Node) -> set[str]:
    """Give a concept with all that it is a kind of, and all that are kinds of it."""
    above = {each: set(_parents(entry.value)) for each, entry in _entries(joined, "concepts").items()}
    below: defaultdict[str, set[str]] = defaultdict(set)
    for each, parents in above.items():
        for parent in parents:
            below[parent].add(each)
    return _reached(name, above) | _reached(name, below)


def _reached(name: str, steps: Mapping[str, set[str]]) -> set[str]:
    seen, waiting = {name}, [name]
    while waiting:
        for each in steps.get(waiting.pop(), set()) - seen:
            seen.add(each)
            waiting.append(each)
    return seen


def _parents(node: Node) -> Iterator[str]:
    parents = node.get("is_a") if node.kind == "mapping" else None
    if parents is not None:
        yield from _words(parents)
