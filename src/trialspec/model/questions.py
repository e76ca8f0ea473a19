"""Questions of the author's own, which `check` proves, and findings of `check` that the author accepts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from trialspec.diagnostics import CODES, did_you_mean
from trialspec.model.criteria import Criterion, expand, provenance
from trialspec.model.parts import Part, Sourced
from trialspec.model.points import Text, refuse
from trialspec.model.scope import At, Setting
from trialspec.program import Accepted, Property

_SORTS: tuple[Literal["possible", "always", "never"], ...] = ("possible", "always", "never")


class PropertyPart(Sourced):
    """What the author holds to be so of every patient, or of some; `check` proves it or shows a patient.

    `possible`: of some patient it is met. `always`: of no patient it is not met. `never`: of no patient it is met. A
    gate may be named; `dose` is then the instant of the question. What is unknown contradicts nothing.

    ```yaml
    properties:
      one_side_at_a_time:
        never: {all: [{latest: neutrophils, above: 1.5 10*9/L}, {latest: neutrophils, below: 1.0 10*9/L}]}
        reason: nobody is cleared for a dose and held at once
    ```
    """

    possible: Criterion | None = Field(None, description="what some patient is to meet")
    always: Criterion | None = Field(None, description="what no patient is to fail")
    never: Criterion | None = Field(None, description="what no patient is to meet")
    reason: Text = Field(description="why it matters")

    @model_validator(mode="after")
    def _one(self) -> PropertyPart:
        if sum(getattr(self, sort) is not None for sort in _SORTS) != 1:
            raise refuse("bad-value", "a property asks one thing", "write one of `possible`, `always` and `never`")
        return self

    def plan(self, name: str, at: At) -> Property:
        """Give the statement, and how it is to hold."""
        sort = next(sort for sort in _SORTS if getattr(self, sort) is not None)
        criterion = getattr(self, sort)
        here = at[sort].within(Setting(dose=True))
        found = at.provenance(self.provenance, provenance(criterion, here))
        return Property(name, sort, expand(criterion, here), self.reason, found, at.key_place or at.place)


class AcceptedPart(Part):
    """A finding of `check` that stands as it is, and why; `check` says once it does not apply any more.

    ```yaml
    accepted:
      - {finding: category-overlap, of: kdigo, reason: the order of the categories decides}
    ```
    """

    finding: Text = Field(description="its code, as `check` prints it")
    of: Text = Field(description="what it is about, as `check` prints it")
    reason: Text = Field(description="why it may stand")

    def plan(self, at: At) -> Accepted:
        """Give it with its place."""
        if self.finding not in CODES:
            advice = did_you_mean(self.finding, CODES) or "write the code as `check` prints it"
            at["finding"].report("unknown-name", f"there is no finding `{self.finding}`", advice)
        return Accepted(self.finding, self.of, self.reason, at.place)
