"""The JSON Schema of a protocol file: what an editor needs to complete, check and explain while one types."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trialspec.load.definitions import Definitions
from trialspec.load.files import PROTOCOL_FILE, Files
from trialspec.model.parts import Sourced
from trialspec.model.protocol import Definition, NeedType, Protocol
from trialspec.model.verb import VERBS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_SHARED = "Criterion"
_GATE = "GateCriterion"


def schema(protocol: Path | None = None, libraries: Sequence[Path] = ()) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12); with a protocol, its definitions are verbs too, its names are offered."""
    made = Protocol.model_json_schema(by_alias=True)
    criteria: dict[str, list[Any]] = {}
    body = _with_shared(made, criteria)
    definitions: list[dict[str, Any]] = []
    if protocol is not None:
        files = Files()
        files.read(protocol / PROTOCOL_FILE if protocol.is_dir() else protocol, libraries)
        found = files.definitions()
        definitions = [_definition(name, model) for name, model in found.models.items()]
        _offer(body, found)
    for name, members in criteria.items():
        otherwise = body["$defs"]["GateHas"]["properties"]["otherwise"] if name == _GATE else None
        body["$defs"][name] = {"oneOf": [*members, *(_passing(each, otherwise) for each in definitions)]}
    for verb in VERBS.values():
        for name in (verb.__name__, f"Gate{verb.__name__}"):
            body["$defs"][name]["description"] = inspect.getdoc(verb)
    return {"$schema": DRAFT, **body, "title": "A clinical trial protocol that runs"}


def _with_shared(value: Any, criteria: dict[str, list[Any]]) -> Any:  # noqa: ANN401 - JSON
    """Give the schema with the union of all criteria said once, under `$defs`."""
    if isinstance(value, list):
        return [_with_shared(each, criteria) for each in value]
    if not isinstance(value, dict):
        return value
    members = value.get("oneOf", ())
    refs = {str(each["$ref"]).rpartition("/")[2] for each in members if "$ref" in each}
    for name, prefix in ((_SHARED, ""), (_GATE, "Gate")):
        if {f"{prefix}All", f"{prefix}Has"} <= refs:
            criteria.setdefault(name, list(members))
            rest = {key: each for key, each in value.items() if key not in {"oneOf", "discriminator"}}
            return {"$ref": f"#/$defs/{name}", **rest}
    return {key: _with_shared(each, criteria) for key, each in value.items()}


# --- definitions ------------------------------------------------------------------------------------------------------

_NEEDED: dict[NeedType, dict[str, Any]] = {
    "criterion": {"$ref": f"#/$defs/{_SHARED}"},
    "list": {"type": ["array", "string"]},
    "count": {"type": ["integer", "string"]},
    "quantity": {"type": ["string", "number"]},
    "text": {"type": ["string", "number"]},
}


def _definition(name: str, model: Definition) -> dict[str, Any]:
    """Give the schema of a definition's use as a verb."""
    needs = {need: _need(each.type, each.text) for need, each in model.needs.items()}
    first = next(iter(needs), None)
    required = [need for need, each in model.needs.items() if "default" not in each.model_fields_set and need != first]
    own = Sourced.model_json_schema(by_alias=True)["properties"]
    said = [
        model.text or name.replace("_", " "),
        *(f"{need}: {each.text or each.type}" for need, each in model.needs.items()),
    ]
    return {
        "type": "object",
        "description": "\n".join(said),
        "properties": {name: needs.get(first or "", {"type": "string"}), **needs, **own},
        "required": [name, *required],
        "additionalProperties": False,
    }


def _need(kind: NeedType, text: str | None) -> dict[str, Any]:
    return {**_NEEDED.get(kind, {"type": "string"}), "description": text or kind.replace("_", " ")}


def _passing(definition: dict[str, Any], otherwise: dict[str, Any] | None) -> dict[str, Any]:
    """Give the definition as a gate may use it."""
    if otherwise is None:
        return definition
    return {**definition, "properties": {**definition["properties"], "otherwise": otherwise}}


# --- names ------------------------------------------------------------------------------------------------------------

# What a field says it is, and the names that can stand there.
_OFFERED: Mapping[str, tuple[str, ...]] = {
    "a measure": ("measure",),
    "the measures": ("measure",),
    "a drug": ("drug",),
    "a drug or a drug class": ("drug", "drug_class"),
    "a condition, procedure or adverse event": ("concept",),
}


def _offer(body: dict[str, Any], found: Definitions) -> None:
    """Add the names of the vocabulary as examples, which editors offer, to the fields that take them."""
    for part in _properties(body):
        said = str(part.get("description", ""))
        for words, sorts in _OFFERED.items():
            if said == words or said.startswith((f"{words},", f"{words};")):
                part["examples"] = sorted(name for name, sort in found.sorts.items() if sort in sorts)


def _properties(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        fields = value.get("properties", {})
        # One of the fields of a protocol has the same name.
        yield from (each for each in fields.values() if isinstance(each, dict))
        for each in value.values():
            yield from _properties(each)
    elif isinstance(value, list):
        for each in value:
            yield from _properties(each)
