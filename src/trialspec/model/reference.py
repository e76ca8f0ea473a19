"""`docs/language.md`, made from the models: the fields and docstrings of what a file may say."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from trialspec.model.amounts import AmountPart
from trialspec.model.criteria import ScoreParts, Weighted
from trialspec.model.derived import Derived, Input, Operation
from trialspec.model.parts import Part, Sourced, Windowed
from trialspec.model.protocol import ArmPart, Definition, Eligibility, Library, Need, Protocol, Site
from trialspec.model.questions import AcceptedPart, PropertyPart
from trialspec.model.response import AtVisit, CategoryPart, Handles, ResponsePart, TherapyPart, TimePart
from trialspec.model.rulebook import AlertChange, AlertRule
from trialspec.model.schedule import MILESTONES, Assessment, CoursePart, Dose, MomentPart, RateStepsPart, Visit
from trialspec.model.values import OwnReference
from trialspec.model.verb import VERBS
from trialspec.model.vocabulary import Concept, Drug, DrugClass, Measure

_HEAD = """\
# The language

This page is made from the code by `make docs`; edit the docstrings in `src/trialspec/model/`, not this page.

A protocol is a directory with a `protocol.yaml`. It may use libraries, which are files under `rules/`. Everything is
YAML read as text: `no` is the word *no*, `012` stays `012`. A key that is not known is an error, never skipped. Only
lists have order. What cannot be seen by a reader is refused: duplicate keys, anchors, aliases and tags.

## Words, numbers and times

- A **name** begins with a letter and has letters, digits and underscores: `lupus_nephritis`, `RTX`.
- A **duration** is a whole number and one of `s`, `min`, `h`, `d`, `wk`, `mo`, `y`: `28 d`. Clock time counts between
  instants, days on dates; months and years keep the day of the month, clamped to its end.
- A **point** is `now`, `dose` (in what is asked of a dose), `visit` (in a response: the planned day of the visit that
  is read, or the end of its window), a moment, `day 29`, a date `2005-03-31`, or a duration before or after a point:
  `14 d before screened`. `day 1` is the date of the moment `day_1`, `day -1` the day before; there is no `day 0`.
- A **quantity** is a number and its unit: `1.5 10*9/L`, `50 %`, `4` for what has no unit. `2 x ULN` and `1 x LLN` are
  multiples of the end of the reference range that came with the value. No unit is ever assumed.
- A **word** of a record is open text, unless its line says which words there are: nobody lists the `status`, `class`
  and `evidence` of a condition, the `route` and `intent` of a therapy, the `outcome` of an adverse event, the `result`
  of a procedure, the `method`, `laboratory` and `by` of an observation, or the `version` and `reason` of a milestone.
  Whether such a word is ever recorded, `check` cannot tell. A status is compared in small letters, joined by
  underscores.
- A **window** has at most one start, `from` (included) or `after` (excluded), and at most one end, `through` (included)
  or `before` (excluded). Without a start it reaches back for ever, without an end up to the instant of the question.
  What lasts touches a window that begins on the date of its `end`: the end is the last date on which it was so.
- A **limit** names its side: `above`, `at_least`, `below`, `at_most`. Two of them make a range. A list of quantities,
  `[0.5 g/g, 50 mg/mmol]`, gives a limit for each unit that values come in.

Some that are asked for often, moments among them:

| what is meant | how it is written |
|---|---|
| within the last 28 days, whenever that is asked | `from: 28 d before now` |
| within 28 days before screening | `from: 28 d before screened, through: screened` |
| within 7 days before a dose, in a gate | `from: 7 d before dose, through: dose` |
| since the dose before, in a gate or an amount | `after: last_one`, with `last_one: {last: docetaxel, before: dose}` |
| 8 d after the second was given, for a visit | `on: 8 d after second`, with `second: {first: docetaxel, number: 2}` |
| on the date of a moment | `on: randomised`: a planned day is any point, a moment among them |

Before the first dose there is no dose before: what is asked since then is `unknown`, and clears nothing. Such a gate
has an alternative: `any: [{not: {given: docetaxel, from: screened, before: dose}}, ...]`.

## Criteria

A criterion is a mapping with exactly one **verb**; its other keys modify the verb. A **name** may stand in its place:
that of a component of the same response, of a criterion, of a gate, or of a definition that needs nothing. A criterion
is *met*, *not met* or *unknown*, and unknown stays unknown under `not`.

Every criterion, and most other items, may say where they come from:
"""

_SECTIONS: Mapping[str, tuple[type[Part], ...]] = {
    "A protocol": (Protocol, Site, ArmPart),
    "A library": (Library,),
    "Moments": (MomentPart,),
    "Eligibility": (Eligibility,),
    "Doses and gates": (Dose, AmountPart, RateStepsPart, CoursePart),
    "Visits and assessments": (Visit, Assessment),
    "Responses": (ResponsePart, AtVisit, OwnReference, CategoryPart, Handles),
    "Time to event": (TimePart,),
    "Prohibited and rescue therapy": (TherapyPart,),
    "Properties, and what is accepted": (PropertyPart, AcceptedPart),
    "Alert rules": (AlertRule, AlertChange),
    "Definitions": (Definition, Need),
    "Vocabulary": (Measure, Drug, DrugClass, Concept),
    "Derived measures": (Derived, Input, Operation, ScoreParts, Weighted),
}


def reference() -> str:
    """Give the text of `docs/language.md`."""
    verbs = [f"### `{verb}`\n\n{_said(cls)}\n\n{_keys(cls)}" for verb, cls in sorted(VERBS.items())]
    sections = [
        f"## {title}\n\n" + "\n\n".join(f"{_said(part)}\n\n{_keys(part)}" for part in parts)
        for title, parts in _SECTIONS.items()
    ]
    milestones = ", ".join(f"`{word}`" for word in MILESTONES)
    return "\n\n".join(
        [
            _HEAD.rstrip(),
            _table(Sourced, frozenset()),
            "## Verbs",
            *verbs,
            *sections,
            f"## Milestones\n\nA moment may be the first or last of these: {milestones}.",
            _index(),
        ]
    )


def _index() -> str:
    """Say of every key where it stands; those of a window, and of where something comes from, stand once."""
    shared: dict[str, type[Part]] = {"any window": Windowed, "where it comes from": Sourced}
    stands: dict[str, list[str]] = {}
    for where, part in shared.items():
        for key in _names(part):
            stands[key] = [where]
    everywhere = frozenset(stands)
    places: list[tuple[str, type[Part]]] = [(f"`{verb}`", cls) for verb, cls in sorted(VERBS.items())]
    places += [(title, part) for title, parts in _SECTIONS.items() for part in parts]
    for where, part in places:
        for key in _names(part):
            found = stands.setdefault(key, [])
            if key not in everywhere and where not in found:
                found.append(where)
    rows = [f"| `{key}` | {', '.join(where)} |" for key, where in sorted(stands.items())]
    head = "## Index\n\nWhere each key stands: under which verb, or in which section of this page."
    return "\n".join([head, "", "| key | stands in |", "|---|---|", *rows, ""])


def _names(part: type[Part]) -> list[str]:
    return [field.alias or name for name, field in part.model_fields.items()]


def _said(part: type[Part]) -> str:
    return (inspect.getdoc(part) or "").replace("\n## ", "\n#### ")


def _keys(part: type[Part]) -> str:
    """The keys of a part: those that many share are told together."""
    shared = frozenset(Sourced.model_fields)
    if issubclass(part, Windowed):
        shared |= frozenset(Windowed.model_fields)
    table = _table(part, shared)
    notes = []
    if issubclass(part, Windowed):
        notes.append("a window")
    if issubclass(part, Sourced) and part is not Sourced:
        notes.append("where it comes from")
    also = f"\n\nAnd {' and '.join(notes)}." if notes else ""
    return (table or "") + also


def _table(part: type[Part], without: frozenset[str]) -> str:
    fields = sorted(part.model_fields.items(), key=lambda each: (each[1].alias or each[0]) != getattr(part, "verb", ""))
    rows = [
        f"| `{field.alias or name}` | {'yes' if field.is_required() else ''} | {field.description or ''} |"
        for name, field in fields
        if name not in without
    ]
    return "\n".join(["| key | required | |", "|---|---|---|", *rows]) if rows else ""
