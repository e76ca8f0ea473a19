"""Verbs about readings, alone or in a row: what is ever found, sustained, confirmed, consecutive, or followed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trialspec.kernel import Expr, Run, Select, Test
from trialspec.model.apart import length
from trialspec.model.parts import FromWhom, Names, Part, ValueLimits, Windowed, Words
from trialspec.model.points import OPERATORS, Count, DurationText, Name
from trialspec.model.records import Value
from trialspec.model.scope import At
from trialspec.model.verb import Verb, nothing
from trialspec.quantity import Duration


class _InARow(Verb, Windowed, ValueLimits, FromWhom):
    is_: Words | None = Field(None, alias="is", description="for a coded measure: the words it may be")

    def run(
        self,
        at: At,
        key: str,
        name: str,
        *,
        number: int = 2,
        span: Duration | None = None,
        gap: Duration | None = None,
        across: bool = False,
    ) -> Expr:
        """Say that readings of a measure in a row pass the one limit."""
        term = at[key].term(name, "measure")
        if term is None:
            return nothing(at)
        limits = {side: getattr(self, side) for side in OPERATORS}
        tests = Value.model_construct(is_=self.is_, **limits).tests(at, name)
        if len(tests) > 1:
            at.report(
                "bad-value", f"`{key}` asks one thing of each reading, and here are two limits", "keep one of them"
            )
        if len(tests) != 1:
            return nothing(at)
        select = at.values_in(term, at.window(self), at.whose(self))
        return Run(select, tests[0], number, span, gap, place=at.place, across=across)


class Sustained(_InARow):
    """A value holds for some time.

    ## Meaning
    Two or more consecutive readings all pass the limit, the first and the last at least `for` apart, and no two
    neighbours further apart than `gap_at_most`. Nothing is carried forward past the last reading. Consecutive means
    neighbours among all readings of the measure in the window, unscheduled ones included. Several readings of one time
    are one, which passes only if each of them does. One reading sustains nothing: "below 0.5 for longer than 7 days"
    is `for: 8 d`, and takes two readings at least 8 days apart.

    ## Example
    ```yaml
    sustained: upcr
    below: 0.5 g/g
    for: 3 mo
    gap_at_most: 35 d
    ```

    ## When data are missing
    A reading that may fail, or may lie between, leaves it `unknown`. A gap that is too long breaks the run.

    ## On a live stream
    It becomes met with the reading that completes the run, and stays so while the run is in the window.
    """

    verb = "sustained"
    sustained: Name = Field(description="a measure")
    for_: DurationText = Field(alias="for", description="the least time from the first reading to the last")
    gap_at_most: DurationText = Field(description="the longest time between two neighbours")

    def expand(self, at: At) -> Expr:
        """Say that a run of readings is that long."""
        return self.run(at, "sustained", self.sustained, span=self.for_, gap=self.gap_at_most)


class Confirmed(_InARow):
    """A value is found again.

    ## Meaning
    A reading that passes the limit is followed by a second one at least `again_after` later, and no reading between
    fails. With `between: anything` it only takes two that pass, so far apart; `readings` asks for more of them. Several
    readings of one time are one, which passes only if each of them does.

    ## Example
    ```yaml
    confirmed: creatinine
    above: 2 x ULN
    again_after: 7 d
    ```

    ## When data are missing
    A reading that may fail, or may lie between, leaves it `unknown`.

    ## On a live stream
    It becomes met with the second reading.
    """

    verb = "confirmed"
    confirmed: Name = Field(description="a measure")
    again_after: DurationText = Field(
        description="the least time between the first reading and the one that confirms it"
    )
    between: Literal["anything"] | None = Field(None, description="`anything`: a reading between may fail")
    readings: Count = Field(2, description="how many pass in all, the first and the last so far apart")

    def expand(self, at: At) -> Expr:
        """Say that a second reading confirms the first."""
        if self.readings < 2:
            at["readings"].report("bad-value", "one reading confirms nothing", "write 2 or more, or use `latest`")
        across = self.between is not None
        return self.run(at, "confirmed", self.confirmed, number=self.readings, span=self.again_after, across=across)


class Consecutive(_InARow):
    """A value is found several times in a row.

    ## Meaning
    So many consecutive readings (`readings`) all pass the limit. Consecutive means neighbours among all readings of the
    measure in the window, unscheduled ones included. Several readings of one time are one, which passes only if each of
    them does.

    ## Example
    ```yaml
    consecutive: neutrophils
    below: 1.0 10*9/L
    readings: 2
    ```

    ## When data are missing
    A reading that may fail, or may lie between, leaves it `unknown`.

    ## On a live stream
    It becomes met with the last reading of the row.
    """

    verb = "consecutive"
    consecutive: Name = Field(description="a measure")
    readings: Count = Field(description="how many in a row")

    def expand(self, at: At) -> Expr:
        """Say that so many readings in a row pass."""
        if self.readings < 2:
            at["readings"].report("bad-value", "a row has at least two readings", "use `ever` or `latest` for one")
        return self.run(at, "consecutive", self.consecutive, number=self.readings)


class Ever(_InARow):
    """One of the values of a measure passes.

    ## Meaning
    Among the readings of the measure in the window is one that passes the limit, or has the word. Several readings of
    one time are one, which passes only if each of them does.

    ## Example
    ```yaml
    ever: platelets
    from: 30 d before now
    below: 100 10*9/L
    ```

    ## When data are missing
    No reading in the window is `unknown`: nobody has looked. So is one that may pass, while no other surely does.

    ## On a live stream
    It becomes met with the first reading that passes, and stays so while that is in the window.
    """

    verb = "ever"
    ever: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Say that a row of one reading passes."""
        return self.run(at, "ever", self.ever, number=1)


class Happening(Windowed):
    """One thing that happens: a drug given, or something found."""

    given: Names | None = Field(None, description="a drug or a drug class")
    has: Names | None = Field(None, description="a condition, procedure or adverse event")

    def select(self, at: At) -> tuple[Select, Test] | None:
        """Give the selection, and the test that every one of its items passes."""
        if (self.given is None) == (self.has is None):
            code = "no-verb" if self.given is None else "two-verbs"
            at.report(code, "say what happens: `given` or `has`", "write one of the two")
            return None
        key, names = ("given", self.given or ()) if self.given else ("has", self.has or ())
        if self.given:
            found = at[key].terms(names, "drug", "drug_class")
            tests = [at[key].among("drug", sorted(found))]
            return at.select("administration", tests, at.window(self), " or ".join(names)), tests[0]
        term = at[key].term(names[0], "condition", "procedure", "adverse_event")
        if term is None or term.sort not in {"condition", "procedure", "adverse_event"}:
            return None
        tests = [at[key].among("concept", sorted(at[key].terms(names, term.sort)))]
        return at.select(term.sort, tests, at.window(self), " or ".join(names), term.asked_of), tests[0]


class Sequence(Part):
    """Two things that happen one after the other."""

    first: Happening
    then: Happening
    at_least_after: DurationText | None = Field(None, description="the least time between them")
    within: DurationText | None = Field(None, description="the longest time between them")


class FollowedBy(Verb):
    """One thing happens, and then another.

    ## Meaning
    After some record of `first` there is one of `then`, at least `at_least_after` and at most `within` later.

    ## Example
    ```yaml
    followed_by:
      first: {given: rituximab}
      then: {given: live_vaccine}
      within: 6 mo
    ```

    ## When data are missing
    A record that may be there, or whose date is open, leaves it `unknown`; so does silence that does not mean no.

    ## On a live stream
    It becomes met with the second record.
    """

    verb = "followed_by"
    followed_by: Sequence

    def expand(self, at: At) -> Expr:
        """Say that the second follows the first in time."""
        inside = at["followed_by"]
        first, then = self.followed_by.first.select(inside["first"]), self.followed_by.then.select(inside["then"])
        if first is None or then is None:
            return nothing(at)
        select, holds = first
        span, gap = self.followed_by.at_least_after, self.followed_by.within
        if span is not None and gap is not None and length(span).least > length(gap).most:
            message = f"nothing comes at least {span} later and within {gap}"
            inside["within"].report("threshold-conflict", message, "write the longer time as `within`")
        return Run(select, holds, 1, span, gap, then[0], at.place)
