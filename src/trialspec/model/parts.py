"""The keys that many parts of a file share: where it comes from, when it counts, and the limits of a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from trialspec.diagnostics import did_you_mean
from trialspec.model.points import Count, DurationText, Name, PointText, QuantityText, Text, YesNo, kind_of, refuse
from trialspec.program import Provenance
from trialspec.quantity import Operator


class Part(BaseModel):
    """A mapping of a file: every key it may have is a field, and any other is refused."""

    # Built when first used: most parts name criteria, which are known only once all of them are.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


# --- lists that may be written as one value ---------------------------------------------------------------------------


class _OneOrMore:
    """Lets a list of one be written as that one value."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: dict[str, Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
        array = handler(schema["schema"])
        return {"anyOf": [array["items"], {**array, "minItems": 1}]}


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and not value:
        raise refuse("bad-value", "the list is empty", "write at least one, or leave the key out")
    return value


_T = TypeVar("_T")
OneOrMore = Annotated[tuple[_T, ...], _OneOrMore()]
Names = OneOrMore[Name]
Words = OneOrMore[Text]


# --- where it comes from ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why something is not the written protocol's own word: of the item as a whole (an empty key), or by key."""

    by_key: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The reasons as reports show them, each behind its key."""
        return tuple(f"{key}: {reason}" if key else reason for key, reason in self.by_key)


def _reasons(value: object) -> Reasons:
    if isinstance(value, str):
        pairs: list[tuple[object, object]] = [("", value)]
    elif isinstance(value, list):
        pairs = [("", reason) for reason in value]
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        pairs = [("", None)]
    for key, reason in pairs:
        if not isinstance(reason, str):
            message = f"a reason is a text, this is a {kind_of(reason)}"
            raise refuse("wrong-type", message, "write it as a sentence, or one for each key", str(key))
        if not reason.strip():
            raise refuse("bad-value", "the reason is empty", "say in a few words what is not published", key=str(key))
    return Reasons(tuple((str(key), str(reason).strip()) for key, reason in pairs))


ReasonsText = Annotated[
    Reasons,
    PlainValidator(_reasons),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]
NO_REASONS = Reasons()


class Sourced(Part):
    """An item with its provenance: what the written protocol says of it, and what it does not."""

    text: Text | None = Field(None, description="the words of the written protocol")
    clause: Text | None = Field(None, description="its number in the written protocol")
    source: Name | None = Field(None, description="an entry of `sources`")
    assumed: ReasonsText = Field(NO_REASONS, description="why it is an assumption, as a whole or by key")
    interpreted: ReasonsText = Field(NO_REASONS, description="how the written words were read, as a whole or by key")
    verified: YesNo = Field(default=True, description="`no` for what was not re-read in its source")

    @model_validator(mode="after")
    def _reasons_are_for_keys(self) -> Sourced:
        known = self.reasoned_keys()
        for name, reasons in (("assumed", self.assumed), ("interpreted", self.interpreted)):
            for key, _ in reasons.by_key:
                if key and key not in known:
                    message = f"`{name}` gives a reason for `{key}`, which is no key here"
                    advice = (
                        did_you_mean(key, known) or "give it for a key of this item, or as a sentence for all of it"
                    )
                    raise refuse("unknown-key", message, advice, name)
        return self

    def reasoned_keys(self) -> frozenset[str]:
        """Give the keys that a reason may be for."""
        return keys_of(type(self))

    @property
    def provenance(self) -> Provenance:
        """Where this item itself comes from; what is inside it may add reasons of its own."""
        return Provenance(
            self.text or "",
            self.clause or "",
            self.source or "",
            self.assumed.texts,
            self.interpreted.texts,
            self.verified,
        )


PROVENANCE = frozenset(Sourced.model_fields)


def keys_of(part: type[BaseModel]) -> frozenset[str]:
    """Give the keys that a mapping may have."""
    return frozenset(field.alias or name for name, field in part.model_fields.items())


def fields_of(part: type[BaseModel]) -> dict[str, FieldInfo]:
    """Give the fields of a part by their keys, with their types: these are known only once the part is built."""
    part.model_rebuild()
    return {field.alias or name: field for name, field in part.model_fields.items()}


# --- when it counts ---------------------------------------------------------------------------------------------------


class Span(Part):
    """A stretch of time that includes its end."""

    from_: PointText | None = Field(None, alias="from", description="the start, itself included")
    after: PointText | None = Field(None, description="the start, itself excluded")
    through: PointText | None = Field(None, description="the end, itself included")

    @model_validator(mode="after")
    def _one_start(self) -> Span:
        if self.from_ is not None and self.after is not None:
            advice = "keep `from` if the start itself counts, `after` if it does not"
            raise refuse("two-starts", "a window has one start, `from` or `after`", advice, "after")
        return self

    @property
    def bounded(self) -> bool:
        """Whether any of the keys of the window is written."""
        return any(point is not None for point in (self.from_, self.after, self.through))


class Windowed(Span):
    """A stretch of time: at most one start and one end; no start is since ever, no end is up to the question."""

    before: PointText | None = Field(None, description="the end, itself excluded")

    @model_validator(mode="after")
    def _one_end(self) -> Windowed:
        if self.through is not None and self.before is not None:
            advice = "keep `through` if the end itself counts, `before` if it does not"
            raise refuse("two-ends", "a window has one end, `through` or `before`", advice, "before")
        return self

    @property
    def bounded(self) -> bool:
        """Whether any of the keys of the window is written."""
        return super().bounded or self.before is not None


class FromWhom(Part):
    """Which values of a measure count, by who measured them and how."""

    method: Words | None = Field(None, description="the methods that count")
    laboratory: Words | None = Field(None, description="the laboratories that count")


# --- limits -----------------------------------------------------------------------------------------------------------


class _Limited(Part):
    @model_validator(mode="after")
    def _one_limit_a_side(self) -> _Limited:
        sides: tuple[tuple[Operator, Operator], ...] = (("above", "at_least"), ("below", "at_most"))
        for strict, loose in sides:
            if getattr(self, strict, None) is not None and getattr(self, loose, None) is not None:
                message = f"`{strict}` and `{loose}` limit the same side"
                raise refuse("threshold-conflict", message, "keep one of them", loose)
        return self


class ValueLimits(_Limited):
    """The limits of a value, each naming its side; two of them make a range."""

    above: OneOrMore[QuantityText] | None = Field(None, description="greater than; in the measure's unit")
    at_least: OneOrMore[QuantityText] | None = Field(None, description="this or greater; in the measure's unit")
    below: OneOrMore[QuantityText] | None = Field(None, description="less than; in the measure's unit")
    at_most: OneOrMore[QuantityText] | None = Field(None, description="this or less; in the measure's unit")


class CountLimits(_Limited):
    """The limits of a count, each naming its side."""

    above: Count | None = Field(None, description="more than so many")
    at_least: Count | None = Field(None, description="so many or more")
    below: Count | None = Field(None, description="fewer than so many")
    at_most: Count | None = Field(None, description="so many or fewer")


class DurationLimits(_Limited):
    """The limits of an age in completed years or months, each naming its side."""

    above: DurationText | None = Field(None, description="older than")
    at_least: DurationText | None = Field(None, description="this old or older")
    below: DurationText | None = Field(None, description="younger than")
    at_most: DurationText | None = Field(None, description="not older than, in completed years or months")
