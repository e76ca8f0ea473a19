"""Alert rules as they are written: the lines of a decision table from findings to alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from trialspec.diagnostics import did_you_mean
from trialspec.model.parts import Sourced, Words
from trialspec.model.points import Name, Text, YesNo
from trialspec.model.scope import At, listing
from trialspec.rulebook.table import FACTS, SUBJECTS, Condition, Rule

Conditions = dict[Name, Words]


class AlertRule(Sourced):
    """When a finding raises an alert, how fast a person must look, and what is said.

    A protocol may change what a rule of a library says of `important`, `urgency` and `unblinds`.

    ```yaml
    alerts:
      dosing/given-late:
        for_each: dose
        when: {state: given, departure: [late, after_course]}
        urgency: log
        important: no
        lasts: for_ever
        say: "{dose} was given late, on {date}"
    ```
    """

    for_each: Name = Field(description="the subject of the findings: dose, visit, criterion, ...")
    when: Conditions = Field(default_factory=dict, description="fields of the finding, each with the words it may be")
    any: list[Conditions] = Field(default_factory=list, description="alternatives, of which one holds")
    urgency: Literal["now", "soon", "log"] = Field(description="how fast a person must look")
    important: YesNo = Field(description="an important deviation in the sense of ICH E3; the protocol's decision")
    lasts: Literal["for_ever", "while_true"] = Field(description="`for_ever`: it happened; `while_true`: a state")
    say: Text = Field(description="the sentence; words in braces are filled in from the finding")
    category: Text | None = Field(
        None, description="the class of deviation it is reported under; none for what is no deviation"
    )
    unblinds: YesNo = Field(
        default=False, description="`yes` keeps it, and whatever else tells the same, to the unblinded role"
    )

    def rule(self, name: str, at: At) -> Rule:
        """Give the rule, checked against what findings of its subject can say."""
        fields = SUBJECTS.get(self.for_each)
        if fields is None:
            advice = did_you_mean(self.for_each, SUBJECTS) or f"it can be {listing(SUBJECTS)}"
            at["for_each"].report("bad-value", f"there are no findings of `{self.for_each}`", advice)
        if not self.when and not self.any:
            at.report("missing-key", "the rule would hold for every finding", "add `when`, or `any`")
        self.sentence(at["say"])
        return Rule(
            name,
            self.for_each,
            self.conditions(self.when, at["when"]),
            self.urgency,
            self.important,
            self.lasts,
            self.say,
            tuple(self.conditions(one, at["any"][index]) for index, one in enumerate(self.any)),
            self.unblinds,
            self.category or "",
            self.clause or "",
            at.place,
        )

    def conditions(self, wanted: Mapping[str, tuple[str, ...]], at: At) -> tuple[Condition, ...]:
        """Give the conditions on the fields of a finding."""
        fields = SUBJECTS.get(self.for_each)
        for name, words in wanted.items():
            if fields is None:
                break
            if name not in fields:
                message = f"a finding of {self.for_each} has no `{name}`"
                advice = did_you_mean(name, fields) or f"it has {listing(fields)}"
                at[name].report("unknown-field", message, advice)
                continue
            for index, word in enumerate(words):
                here = at[name][index] if len(words) > 1 else at[name]
                if not fields[name].permits(word):
                    advice = did_you_mean(word, fields[name].values) or f"it can be {listing(fields[name].values)}"
                    here.report("bad-value", f"`{name}` of {self.for_each} is never `{word}`", advice)
        return tuple(Condition(name, frozenset(words)) for name, words in wanted.items())

    def sentence(self, at: At) -> None:
        """Check the braces of the sentence."""
        try:
            names = [name for _, name, form, conversion in Formatter().parse(self.say) if name is not None]
            plain = all(not form and not conversion for _, _, form, conversion in Formatter().parse(self.say))
        except ValueError:
            at.report(
                "bad-placeholder",
                "a brace in the sentence has no partner",
                "write `{name}`, or `{{` for the sign itself",
            )
            return
        for name in names:
            if not plain or not re.fullmatch("[a-z][a-z_]*", name):
                at.report(
                    "bad-placeholder", f"`{{{name}}}` is not a name", "write the name of a fact alone, as in `{date}`"
                )
            elif name not in (facts := FACTS.get(self.for_each, frozenset({name}))):
                message = f"a finding of {self.for_each} does not tell `{{{name}}}`"
                at.report("bad-placeholder", message, did_you_mean(name, facts) or f"it tells {listing(facts)}")


class AlertChange(Sourced):
    """What a protocol decides otherwise about a rule of a library."""

    urgency: Literal["now", "soon", "log"] | None = None
    important: YesNo | None = Field(None, description="an important deviation in the sense of ICH E3")
    unblinds: YesNo | None = Field(None, description="`yes` keeps it to the unblinded role")


def _tag(value: object) -> str:
    keys = value if isinstance(value, Mapping) else ()
    return "tag:rule" if isinstance(value, AlertRule) or "for_each" in keys or "say" in keys else "tag:change"


Alert = Annotated[
    Annotated[AlertRule, Tag("tag:rule")] | Annotated[AlertChange, Tag("tag:change")], Discriminator(_tag)
]
