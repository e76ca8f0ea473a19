"""Criteria: one verb each, or a name. The verbs of logic are here, with the union of all; the others stand by topic.

To add a verb, write a class with its fields, a docstring under the four headings and `expand`, in the module of its
topic: naming its `verb` enters it. `docs/language.md` is made of the docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Discriminator, Field, Tag, create_model
from pydantic.json_schema import WithJsonSchema

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Not, Now, Score
from trialspec.model import daily, person, records, runs, values
from trialspec.model.parts import CountLimits, Names, Part, Sourced, ValueLimits
from trialspec.model.points import NAME, OPERATORS, Count, Name, Number, YesNo
from trialspec.model.scope import At, listing
from trialspec.model.verb import VERBS, Verb, every_one, nothing, whole
from trialspec.program import Provenance, VisitPlan
from trialspec.quantity import Operator, exactly
from trialspec.truth import MET, UNKNOWN
from trialspec.vocabulary import Term


class All(Verb):
    """Every one of the criteria.

    ## Meaning
    Met when each of the list is met.

    ## Example
    ```yaml
    all:
      - has: lupus_nephritis
      - {latest: upcr, at_least: 1 g/g}
    ```

    ## When data are missing
    One that is *not met* decides, whatever the others are; otherwise one that is `unknown` makes the whole unknown.

    ## On a live stream
    It is answered anew whenever one of the criteria is.
    """

    verb = "all"
    all_: list[Criterion] = Field(alias="all", min_length=1)

    def expand(self, at: At) -> Expr:
        """Say that all are met."""
        parts = tuple(expand(part, at["all"][index]) for index, part in enumerate(self.all_))
        return AtLeast(len(parts), parts, place=at.place)


class AnyOf(Verb):
    """At least one of the criteria.

    ## Meaning
    Met when one of the list is met.

    ## Example
    ```yaml
    any:
      - {latest: creatinine, at_most: 1 x ULN}
      - {rise_of: creatinine, at_most: 15 %}
    ```

    ## When data are missing
    One that is *met* decides, whatever the others are; otherwise one that is `unknown` makes the whole unknown.

    ## On a live stream
    It is answered anew whenever one of the criteria is.
    """

    verb = "any"
    any_: list[Criterion] = Field(alias="any", min_length=1)

    def expand(self, at: At) -> Expr:
        """Say that one is met."""
        parts = tuple(expand(part, at["any"][index]) for index, part in enumerate(self.any_))
        return AtLeast(1, parts, place=at.place)


class NotThat(Verb):
    """The opposite of a criterion.

    ## Meaning
    Met when the criterion is *not met*, and the other way round.

    ## Example
    ```yaml
    not: {has: pregnancy}
    ```

    ## When data are missing
    The opposite of `unknown` is `unknown`: *a or not a* is not a certainty.

    ## On a live stream
    It is answered anew whenever the criterion is.
    """

    verb = "not"
    not_: Criterion = Field(alias="not")

    def expand(self, at: At) -> Expr:
        """Say the opposite."""
        return Not(expand(self.not_, at["not"]), at.place)


class SomeOf(Verb, CountLimits):
    """So many of the criteria.

    ## Meaning
    The number of criteria in the list that are met is compared: `at_least`, `at_most`, `above`, `below`, or `exactly`.

    ## Example
    ```yaml
    some_of: [{has: arthritis}, {has: serositis}, {has: oral_ulcers}]
    at_least: 2
    ```

    ## When data are missing
    It is decided as soon as what is `unknown` cannot change it.

    ## On a live stream
    It is answered anew whenever one of the criteria is.
    """

    verb = "some_of"
    some_of: list[Criterion] = Field(min_length=1)
    exactly: Count | None = Field(None, description="this many, no more and no fewer")

    def expand(self, at: At) -> Expr:
        """Say it with k of n and its opposite."""
        parts = tuple(expand(part, at["some_of"][index]) for index, part in enumerate(self.some_of))
        limits = {key: getattr(self, key) for key in ("above", "at_least", "below", "at_most", "exactly")}
        limits = {key: number for key, number in limits.items() if number is not None}
        if "exactly" in limits and len(limits) > 1:
            at["exactly"].report("threshold-conflict", "`exactly` stands alone", "keep one of the limits")
        if not limits:
            at.report("no-threshold", "it is not said how many", "add `at_least`, `at_most` or `exactly`")
            return nothing(at)
        found: list[tuple[Operator, str, Constant]] = [
            (side, "", at[side].number(limits[side])) for side in OPERATORS if side in limits
        ]
        whole(at, found)
        at.reachable(found, Fraction(0), Fraction(len(parts)), "the number of them that are met")
        if limits.get("exactly", 0) > len(parts):
            advice = "check the number, or add what is missing in the list"
            at["exactly"].report("never-met", f"the list has {len(parts)}, so it is never {self.exactly}", advice)
        said: list[Expr] = []
        for key, number in limits.items():
            here = at[key]
            least = number + 1 if key == "above" else number
            most = {"below": number - 1, "at_most": number, "exactly": number}.get(key)
            if key in {"above", "at_least", "exactly"}:
                said.append(AtLeast(least, parts, place=here.place))
            if most is not None:
                said.append(Not(AtLeast(most + 1, parts, place=here.place), here.place))
        return every_one(tuple(said), at)


class Weighted(Part):
    """An item of a score."""

    weight: Number = Field(description="what it adds when it is met")
    when: Criterion


class ScoreParts(Part):
    """The items of a score."""

    items: dict[Name, Weighted] = Field(min_length=1)


class ScoreOf(Verb, ValueLimits):
    """A sum of weights.

    ## Meaning
    The weights of the items that are met are added and compared with the limit.

    ## Example
    ```yaml
    score:
      items:
        proteinuria: {weight: 4, when: {latest: urine_protein_24h, above: 0.5 g/(24.h)}}
        low_complement: {weight: 2, when: {latest: c3, below: 1 x LLN}}
    at_least: 4
    ```

    ## When data are missing
    An item that is `unknown` counts nothing up to its weight: the score is a range.

    ## On a live stream
    It is answered anew whenever one of the items is.
    """

    verb = "score"
    score: ScoreParts

    def expand(self, at: At) -> Expr:
        """Compare the sum of the weights."""
        inside = at["score"]["items"]
        items = tuple(
            (expand(item.when, inside[name]["when"]), exactly(item.weight)) for name, item in self.score.items.items()
        )
        limits = at.limits(self, Term("the score", "measure", "score", factors=_PLAIN), single="a score")
        for name, item in self.score.items.items():
            if item.weight == 0:
                advice = "state its weight, or leave it out"
                inside[name]["weight"].report("decides-nothing", f"the item `{name}` adds nothing to the score", advice)
        weights = [item.weight for item in self.score.items.values()]
        least = sum((weight for weight in weights if weight < 0), Fraction(0))
        most = sum((weight for weight in weights if weight > 0), Fraction(0))
        at.reachable(limits, least, most, "the score")
        return at.compared(lambda _: Score(items, at.place), limits)


_PLAIN: dict[str, Any] = {"": 1}


class Met(Verb):
    """What has a name of its own.

    ## Meaning
    What the component, criterion or gate of that name says. In a list the bare name serves: `all: [activity, protein]`.
    `at` reads a component at other visits, all of which must agree: a response that is found again at a later visit is
    confirmed, one that is found at every visit from one to another has lasted.

    ## Example
    ```yaml
    met: I1
    ```

    ## When data are missing
    As for what is named.

    ## On a live stream
    As for what is named. A response that reads later visits is final once their windows have closed too.
    """

    verb = "met"
    met: Name = Field(description="a component of the same response, a criterion, or a gate")
    at: Names | None = Field(None, description="of a component: the visits at which it is read, every one of them")

    def expand(self, at: At) -> Expr:
        """Say what is named."""
        if self.at is None:
            return at["met"].statement(self.met)
        beside = at.setting.components
        if beside is None or self.met not in beside.names():
            advice = "name a component of the response, or leave `at` out"
            at["met"].report("bad-value", f"`{self.met}` is no component that could be read at other visits", advice)
            return nothing(at)
        parts: list[Expr] = []
        for index, name in enumerate(self.at):
            here = at["at"][index] if at["at"].node.kind == "list" else at["at"]
            visit = here.visit(name)
            if visit is not None:
                said = beside.at_visit(visit).component(self.met, at["met"])
                parts.append(AtLeast(1, (said,), f"{self.met} at {name}", here.place))
        return every_one(tuple(parts), at) if parts else nothing(at)


class CategoryOf(Verb):
    """What another definition of response answers.

    ## Meaning
    The category of that response at the visit is one of those listed: its condition is met, and that of every category
    before it is not. Without `at` it is the visit of the response in which it is written; outside a response it is told
    from the start of the visit's window on. What intervened is handled by the response that asks: its `then` must name
    whatever that one handles, or `as_observed: yes` says that the category counts as it was observed.

    ## Example
    ```yaml
    category_of: renal
    at: week_4
    is: [responder]
    as_observed: yes
    ```

    ## When data are missing
    A condition that is `unknown`, of that category or of one before it, leaves it `unknown`.

    ## On a live stream
    As for the conditions. It is asked again at every value that they read, before the visit too.
    """

    verb = "category_of"
    category_of: Name = Field(description="a response")
    is_: Names = Field(alias="is", description="the categories that count")
    at: Name | None = Field(None, description="a visit; in a response it may be left out")
    as_observed: YesNo = Field(default=False, description="`yes`: whatever intervened before its visit")

    def expand(self, at: At) -> Expr:
        """Say that one of the categories is the answer."""
        here, asked = at["category_of"], at.scope.responses.get(self.category_of)
        visit = at.setting.visit if self.at is None else at["at"].visit(self.at)
        if asked is None:
            here.unknown("response", self.category_of, at.scope.responses)
            return nothing(at)
        if visit is None:
            if self.at is None:
                at.report("missing-key", "it is not said at which visit", "add `at`, with the name of a visit")
            return nothing(at)
        said = at.said(
            at.scope.said_answers, f"{self.category_of}@{visit.name}", "definition-cycle", lambda: asked.at_visit(visit)
        )
        if said is None:
            return nothing(at)
        if at.setting.components is not None:
            for name in said.visits | {visit.name}:
                at.setting.components.at_visit(at.scope.visits[name])
        open_ = sorted(asked.handled - at.setting.handled)
        if open_ and not self.as_observed:
            message = f"`{self.category_of}` handles {listing(open_)} before its visit, and here it is not handled"
            at.report("not-handled", message, "handle it under `then` of this response, or add `as_observed: yes`")
        names = [name for name, _ in said.conditions]
        for index, name in enumerate(self.is_):
            if name not in names:
                place = at["is"][index] if at["is"].node.kind == "list" else at["is"]
                place.unknown("category", name, names, f"it can be {listing(names)}")
        parts: list[Expr] = []
        for number, (name, when) in enumerate(said.conditions):
            if name not in self.is_:
                continue
            earlier = [Not(before, at.place) for _, before in said.conditions[:number] if before is not None]
            own = [when] if when is not None else []
            both = (*own, *earlier)
            parts.append(
                AtLeast(len(both), both, f"{self.category_of} at {visit.name}: {name}", at.place)
                if both
                else Constant(MET, place=at.place)
            )
        if len({*self.is_} & {*names}) == len(names):
            at["is"].report("decides-nothing", "these are all its categories", "list only those that count")
        if not parts:
            return nothing(at)
        answered = AtLeast(1, tuple(parts), place=at.place)
        return answered if at.setting.components is not None else _from_start_of(visit, answered, at)


def _from_start_of(visit: VisitPlan, answered: Expr, at: At) -> Expr:
    """Say that before its window nothing is known of a visit, not even what records that are not there would say."""
    if visit.window.start is None:
        return answered
    begun = Compare(visit.window.start, "at_most", Now(at.place), at.place)
    waiting = every_one((Not(begun, at.place), Constant(UNKNOWN, place=at.place)), at)
    return AtLeast(1, (every_one((begun, answered), at), waiting), place=at.place)


# --- the union --------------------------------------------------------------------------------------------------------

Otherwise = Literal["hold", "warn"]
TOPICS = (daily, person, records, runs, values)
NAMED = "verb:name"


def verbs_of(value: Mapping[Any, Any]) -> list[str]:
    """Give the verbs of a criterion; it should have one."""
    return [key for key in value if key in VERBS]


def _tag(value: object) -> str | None:
    if isinstance(value, str):
        return NAMED
    if isinstance(value, Mapping) and len(verbs := verbs_of(value)) == 1:
        return f"verb:{verbs[0]}"
    return f"verb:{value.verb}" if isinstance(value, Verb) else None


_BY_NAME = Annotated[
    Name,
    WithJsonSchema(
        {"type": "string", "pattern": f"^{NAME}$", "description": "a component, criterion, gate or definition"}
    ),
]

if TYPE_CHECKING:
    Criterion = Verb | str
else:
    Criterion = Annotated[
        Union[
            Annotated[_BY_NAME, Tag(NAMED)],
            *(Annotated[cls, Tag(f"verb:{verb}")] for verb, cls in VERBS.items()),
        ],
        Discriminator(_tag),
    ]

# A gate is a criterion that also says what becomes of the dose while it is not met.
if TYPE_CHECKING:
    GateCriterion = Verb | str
else:
    _otherwise = Field("hold", description="what is to be done while it is not met: `hold` the dose, or only `warn`")
    GateCriterion = Annotated[
        Union[
            Annotated[_BY_NAME, Tag(NAMED)],
            *(
                Annotated[
                    create_model(
                        f"Gate{cls.__name__}", __base__=cls, __doc__=cls.__doc__, otherwise=(Otherwise, _otherwise)
                    ),
                    Tag(f"verb:{verb}"),
                ]
                for verb, cls in VERBS.items()
            ),
        ],
        Discriminator(_tag),
    ]


def expand(criterion: Verb | str, at: At) -> Expr:
    """Give what a criterion says, in the nodes of the kernel."""
    return at.statement(criterion) if isinstance(criterion, str) else at.deeper(lambda: criterion.expand(at))


def provenance(criterion: Verb | str, at: At) -> Provenance:
    """Give where a criterion comes from; what it assumes includes all that is inside it and all that it names."""
    own = criterion.provenance if isinstance(criterion, Verb) else Provenance()
    found: list[Provenance] = []
    waiting: list[object] = [criterion]
    seen: set[str] = set()
    while waiting:
        for part in _inside(waiting.pop(0)):
            if isinstance(part, Provenance):
                found.append(part)
            elif part in at.scope.statements and part not in seen:
                seen.add(part)
                waiting.append(at.scope.statements[part].part)
    return at.provenance(own, *found)


def _inside(part: object) -> Iterator[Provenance | str]:
    """Give the provenance of all that is inside a criterion, and the names that stand in it."""
    if isinstance(part, str):
        yield part
    if isinstance(part, Sourced):
        yield part.provenance
    if isinstance(part, Met):
        yield part.met
    for field, info in type(part).model_fields.items() if isinstance(part, Part) else ():
        value = getattr(part, field)
        for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]:
            if isinstance(inner, Part) or (isinstance(inner, str) and holds_criteria(info.annotation)):
                yield from _inside(inner)


@cache
def is_criterion(annotation: object) -> bool:
    """Whether a type is the union of all criteria."""
    return any(isinstance(member, type) and issubclass(member, Verb) for member in map(_bare, get_args(annotation)))


def holds_criteria(annotation: object) -> bool:
    """Whether the type of a field is a criterion, or a list of criteria."""
    return is_criterion(annotation) or (get_origin(annotation) is list and is_criterion(_bare(get_args(annotation)[0])))


def _bare(annotation: object) -> object:
    return _bare(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


__all__ = ["NAMED", "Criterion", "GateCriterion", "Otherwise", "expand", "holds_criteria", "is_criterion", "provenance"]
