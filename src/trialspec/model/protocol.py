"""The two kinds of file: a library, which others use, and a protocol."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from trialspec.model.criteria import Criterion, GateCriterion
from trialspec.model.parts import OneOrMore, Part, Sourced
from trialspec.model.points import DurationText, Name, Slug, Text, ZoneName, refuse
from trialspec.model.questions import AcceptedPart, PropertyPart
from trialspec.model.response import ResponsePart, TherapyPart, TimePart
from trialspec.model.rulebook import Alert
from trialspec.model.schedule import Assessment, CoursePart, Dose, MomentPart, Visit
from trialspec.model.vocabulary import Concept, Drug, DrugClass, Measure

LANGUAGE = "1"


def _language(value: object) -> object:
    if value != LANGUAGE:
        raise refuse(
            "language-version", f"the language `{value}` is not known", f"this program reads `language: {LANGUAGE}`"
        )
    return value


Language = Annotated[
    Literal["1"],
    BeforeValidator(_language),
    WithJsonSchema({"enum": [int(LANGUAGE), LANGUAGE], "description": "the version of the language"}),
]
RuleName = Annotated[Text, WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9-]*(/[a-z0-9-]+)*$"})]

NeedType = Literal[
    "drug_or_class",
    "concept",
    "measure",
    "count",
    "quantity",
    "duration",
    "point",
    "text",
    "criterion",
    "list",
    "word",
    "moment",
]


class Need(Part):
    """What a definition needs to be told."""

    type: NeedType = Field(description=f"one of {', '.join(f'`{each}`' for each in get_args(NeedType))}")
    default: Any = Field(None, description="what it is when it is not said")
    text: Text | None = Field(None, description="what it is for")


class Definition(Sourced):
    """A verb of one's own: a criterion with places to fill in, written `$name`.

    It is used as a verb whose value is its first need, the others being keys beside it. One that needs nothing is used
    by its bare name. It is written out before anything is checked, and its reasons go where it is used.

    ```yaml
    definitions:
      failed_on:
        needs: {of: {type: drug_or_class}, drugs: {type: count, default: 1}}
        means: {count_of: therapy, of: $of, distinct: drug, outcome: [inadequate_response, relapse], at_least: $drugs}
    eligibility:
      include:
        I2: {failed_on: immunosuppressant, drugs: 2}
    ```
    """

    needs: dict[Name, Need] = Field(
        default_factory=dict, description="what is to be filled in; the verb's own value is the first of them"
    )
    means: Any = Field(description="the criterion")

    def reasoned_keys(self) -> frozenset[str]:
        """Give the keys of what it means, and its needs."""
        return frozenset(self.needs) | (frozenset(self.means) if isinstance(self.means, dict) else frozenset())


class Library(Part):
    """A file that others use: vocabulary, definitions, gates and alert rules."""

    language: Language
    title: Text | None = None
    sources: dict[Name, Text] = Field(
        default_factory=dict, description="where things come from, by the names that `source` uses"
    )
    use: OneOrMore[Text] = Field(
        (), description="the libraries whose names are used here, as in `rules/lupus-nephritis`"
    )
    measures: dict[Name, Measure] = Field(default_factory=dict)
    drugs: dict[Name, Drug] = Field(default_factory=dict)
    drug_classes: dict[Name, DrugClass] = Field(default_factory=dict)
    concepts: dict[Name, Concept] = Field(default_factory=dict)
    definitions: dict[Name, Definition] = Field(default_factory=dict)
    gates: dict[Name, GateCriterion] = Field(default_factory=dict, description="what must be true for a dose")
    alerts: dict[RuleName, Alert] = Field(default_factory=dict, description="rules from findings to alerts")


class Site(Part):
    """A trial site."""

    zone: ZoneName


class ArmPart(Sourced):
    """An arm of the trial, which records name.

    ```yaml
    arms:
      rituximab: {text: Rituximab on days 1 and 15}
      control: {text: Background treatment alone}
    eligibility:
      exclude:
        E1: {all: [{arm: rituximab}, {given: rituximab, before: screened}]}
    ```
    """


class Eligibility(Part):
    """Who may enter: every inclusion met, every exclusion not met.

    ```yaml
    eligibility:
      include:
        I1: {text: Lupus nephritis, has: lupus_nephritis}
      exclude:
        E1: {text: Active infection, has: active_infection, from: 14 d before screened, through: enrolled}
    ```
    """

    decided: Literal["enrolled"] = Field(
        "enrolled",
        description="the moment at which being eligible counts; it is always `enrolled`, and may be left out",
    )
    include: dict[Name, Criterion] = Field(default_factory=dict, description="what is to be met")
    exclude: dict[Name, Criterion] = Field(default_factory=dict, description="what is to be not met")


# A missing value never means no, and a milestone that is not recorded has never happened: these are not for a protocol.
Recorded = Literal["administration", "therapy", "condition", "adverse_event", "procedure"]


class Protocol(Library):
    """A protocol: what is asked of patients, what is done when, and how it is answered."""

    protocol: Slug = Field(description="its name, part of every alert's identity")
    title: Text = Field(description="what the trial is called")
    version: Text = Field(description="the version of the protocol that events are judged by")
    zone: ZoneName = Field(description="the zone of the sites, where a site does not name its own")
    sites: dict[Name, Site] = Field(default_factory=dict)
    arms: dict[Name, ArmPart] = Field(default_factory=dict)
    not_stated: OneOrMore[Text] = Field((), description="what the written protocol leaves open")
    silence_means_no: dict[Recorded, Name] = Field(
        default_factory=dict,
        description="by kind of event: `always`, or the moment when the history was taken",
    )
    moments: dict[Name, MomentPart] = Field(default_factory=dict)
    eligibility: Eligibility = Eligibility()
    visits: dict[Name, Visit] = Field(default_factory=dict)
    assessments: dict[Name, Assessment] = Field(default_factory=dict)
    doses: dict[Name, Dose] = Field(default_factory=dict)
    course: CoursePart | None = None
    responses: dict[Name, ResponsePart] = Field(default_factory=dict)
    time_to: dict[Name, TimePart] = Field(default_factory=dict)
    prohibited: dict[Name, TherapyPart] = Field(default_factory=dict)
    rescue: dict[Name, TherapyPart] = Field(default_factory=dict)
    report_within: DurationText | None = Field(None, description="how soon a serious adverse event is to be reported")
    properties: dict[Name, PropertyPart] = Field(default_factory=dict, description="what `check` is to prove of it")
    accepted: list[AcceptedPart] = Field(default_factory=list, description="what `check` finds and may stand")


# Names that stand for something already.
RESERVED_MOMENTS = frozenset({"now", "dose", "always", "visit"})
RESERVED_VISITS = frozenset({"visit", "nadir", "peak"})
