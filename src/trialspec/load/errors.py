"""Pydantic's findings in our words: what is wrong, at its place, for the person who wrote the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import Tag
from pydantic_core import ErrorDetails

from trialspec.diagnostics import CODES, Diagnostic, Place, did_you_mean
from trialspec.document import TAG_PREFIXES, Node
from trialspec.load.definitions import bare
from trialspec.model.parts import Part, fields_of, keys_of
from trialspec.model.points import kind_of

_EXPECTED = {
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LONGEST = 60


def diagnostic(error: ErrorDetails, node: Node, model: type[Part]) -> Diagnostic:
    """Say one of pydantic's findings about a file's tree."""
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    here = node.at(path)
    if path and path[-1] == "[key]":
        # What is wrong is the key itself.
        here = Node(node.key_place_at(path[:-1]), str(path[-2]), here.via)
    if kind in CODES:
        return _own(kind, context, here, _entry_place(path, node))
    if kind == "missing":
        return _missing(path, node, model)
    if kind == "extra_forbidden":
        return _extra(path, node, model)
    if kind == "literal_error":
        expected = re.sub(r"'([^']*)'", r"`\1`", str(context.get("expected", "")))
        if here.kind != "text":
            message = f"a word is expected here, this is a {here.kind}"
            return Diagnostic("wrong-type", message, here.place, here.related(), f"write {expected}")
        words = re.findall(r"`([^`]*)`", expected)
        advice = did_you_mean(here.text, words) or f"write {expected}"
        return Diagnostic(
            "bad-value", f"`{_short(here.text)}` is not possible here", here.place, here.related(), advice
        )
    if kind in _EXPECTED:
        message = f"{_EXPECTED[kind]} is expected here, this is a {kind_of(error['input'])}"
        several = ", or a single value where one is enough" if kind == "tuple_type" else ""
        advice = _example(path, _EXPECTED[kind]) + several
        return Diagnostic("wrong-type", message, here.place, here.related(), advice)
    if kind in {"too_short", "too_long"}:
        least, most = context.get("min_length", 0), context.get("max_length")
        if kind == "too_short" and least == 1:
            message, advice = f"the {here.kind} is empty", "write at least one"
        else:
            message, advice = f"the list has more than {most}", f"keep {most} of them"
        return Diagnostic("bad-value", message, here.place, here.related(), advice)
    advice = "compare it with the example in `docs/language.md`"
    return Diagnostic("bad-value", "this is not possible here", here.place, here.related(), advice)


def _own(code: str, context: dict[str, Any], here: Node, entry: Place) -> Diagnostic:
    """A finding of our own validators, which carries its words; `key` names the key at fault."""
    key, place = context["key"], here.place
    if here.kind == "mapping":
        place = here.key_place(key) if key and key in here else entry
    return Diagnostic(code, context["message"], place, here.related(), context["help"])


def _missing(path: Sequence[str | int], node: Node, model: type[Part]) -> Diagnostic:
    here, key = node.at(path[:-1]), path[-1]
    if isinstance(key, int):
        message = f"the list ends before its member {key + 1}"
        return Diagnostic("bad-value", message, here.place, here.related(), f"write {key + 1} of them")
    part = part_at(model, path[:-1])
    fields = {} if part is None else fields_of(part)
    what = fields[key].description if key in fields else None
    place = _entry_place(path[:-1], node)
    return Diagnostic(
        "missing-key", f"`{key}` is missing", place, here.related(), f"add `{key}`: {what}" if what else f"add `{key}`"
    )


def _entry_place(path: Sequence[str | int], node: Node) -> Place:
    """The place of the key under which a mapping stands; of a member of a list, the mapping itself."""
    steps = [step for step in path if not (isinstance(step, str) and step.startswith((*TAG_PREFIXES, "[")))]
    return node.key_place_at(steps) if steps and isinstance(steps[-1], str) else node.at(steps).place


def _extra(path: Sequence[str | int], node: Node, model: type[Part]) -> Diagnostic:
    key, here = str(path[-1]), node.at(path[:-1])
    part = part_at(model, path[:-1])
    known = keys_of(part) if part is not None else frozenset()
    advice = did_you_mean(key, known)
    if not advice and part is not None:
        advice = "possible are " + ", ".join(f"`{name}`" for name in sorted(known))
    return Diagnostic(
        "unknown-key", f"`{_short(key)}` is not known here", node.key_place_at(path), here.related(), advice
    )


def _example(path: Sequence[str | int], expected: str) -> str:
    key = next((step for step in reversed(path) if isinstance(step, str) and not step.startswith(TAG_PREFIXES)), "")
    if expected == "a text":
        return "write one value, without brackets or dashes"
    form = "[...]" if expected == "a list" else "{...}"
    return f"write `{key}: {form}`" if key else f"write `{form}`"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def part_at(model: type[Part], path: Sequence[str | int]) -> type[Part] | None:
    """Give the model that a mapping is read as, along the path of a finding."""
    annotation: object = model
    for step in path:
        annotation = _step(bare(annotation), step)
    annotation = bare(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, Part) else None


def _step(annotation: object, step: str | int) -> object:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        fields = fields_of(annotation)
        return fields[str(step)].annotation if step in fields else None
    if get_origin(annotation) in {dict, list, tuple}:
        return get_args(annotation)[1 if get_origin(annotation) is dict else 0]
    for member in get_args(annotation):
        if any(isinstance(mark, Tag) and mark.tag == step for mark in getattr(member, "__metadata__", ())):
            return member
    return None
