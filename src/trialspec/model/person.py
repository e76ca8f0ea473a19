"""Verbs about the person and about judgement: age, sex, what the investigator says, whether a moment has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, TypeGuard

from pydantic import Field

from trialspec.kernel import AtLeast, Compare, Constant, Expr, Fold, Moment, Not, Pick, Point, Select, Shift, Window
from trialspec.model.parts import DurationLimits, Names, Windowed
from trialspec.model.points import OPERATORS, Name, PointText
from trialspec.model.scope import At, declared
from trialspec.model.verb import Verb, every_one, exists, nothing
from trialspec.quantity import Duration, Operator, word
from trialspec.truth import NOT_MET


class Age(Verb, DurationLimits):
    """How old the patient is at a point in time.

    ## Meaning
    The age in completed years (or months) on the date of the point is compared with the limit: `at_most: 75 y` holds
    until the day before the 76th birthday. The birth date is that of the latest record of the person which names one.

    ## Example
    ```yaml
    age: screened
    at_least: 18 y
    at_most: 75 y
    ```

    ## When data are missing
    Of a partial birth date every possible date must give the same answer, else it is `unknown`; before the moment has
    come it is `unknown` too.

    ## On a live stream
    With `age: now` the answer changes on the birthday.
    """

    verb = "age"
    age: PointText = Field(description="the point at which the age is asked")

    def expand(self, at: At) -> Expr:
        """Compare the birth date with the point, moved back by the age."""
        point = at["age"].point(self.age)
        birth = at.born()
        parts: list[Expr] = []
        ends: dict[bool, tuple[int, At]] = {}  # in months: at least so old, and (`False`) younger than that
        for side in OPERATORS:
            limit: Duration | None = getattr(self, side)
            if limit is None:
                continue
            if limit.months is None:
                at[side].report("bad-duration", "an age is in years or months", "write it as `18 y` or `6 mo`")
                continue
            # Older than n completed years is n+1 years or more; not older is younger than n+1 years.
            years = limit if side in {"at_least", "below"} else Duration(limit.number + 1, limit.unit)
            born: Operator = "at_most" if side in {"at_least", "above"} else "above"
            ends[born == "at_most"] = years.months or 0, at[side]
            parts.append(Compare(birth, born, Shift(point, years, earlier=True, place=at[side].place), at[side].place))
        if all(getattr(self, side) is None for side in OPERATORS):
            advice = "add `at_least`, `below` or `at_most`, in years"
            at.report("no-threshold", "the age is compared with nothing", advice)
        lived(ends)
        return every_one(tuple(parts), at) if parts else nothing(at)


_OLDEST = 150 * 12


def lived(ends: Mapping[bool, tuple[int, At]]) -> None:
    """Report an age that nobody has, or everybody."""
    for least, (months, at) in ends.items():
        if 0 < months <= _OLDEST:
            continue
        never = (months > 0) is least
        code, who = ("never-met", "nobody") if never else ("decides-nothing", "everybody")
        at.report(
            code, f"{who} is of such an age: it is at most {_OLDEST // 12} years", "check the number and its side"
        )
    if len(ends) > 1 and ends[True][0] >= ends[False][0]:
        advice = "the lower limit lies below the upper one"
        ends[False][1].report(
            "threshold-conflict", "nobody is as old as the one limit and as young as the other", advice
        )


class Sex(Verb):
    """The sex of the patient.

    ## Meaning
    The sex on record is the word given. That is the sex of the latest record of the person which names one.

    ## Example
    ```yaml
    sex: female
    ```

    ## When data are missing
    Not recorded, it is `unknown`.

    ## On a live stream
    It changes only with the record.
    """

    verb = "sex"
    sex: Literal["female", "male", "other"] = Field(description="the word on record")

    def expand(self, at: At) -> Expr:
        """Compare the sex on record."""
        return Compare(at.sex(), "in", at["sex"].words([self.sex]), at.place)


class Arm(Verb):
    """The arm of the trial that the patient is in.

    ## Meaning
    The arm is that of the latest randomisation which names one, unless a later one names none: then it is not known any
    more, however the first one was. Where no randomisation names one, it is the one on record for the person. It is one
    of those given, which the protocol lists under `arms`.

    ## Example
    ```yaml
    arm: rituximab
    ```

    ## When data are missing
    Not recorded, it is `unknown`: nothing is guessed from what was given. So is an arm that the protocol does not list,
    a slip perhaps, which is a data question; before randomisation it is not known yet.

    ## On a live stream
    It changes with the randomisation, and with each one after it.
    """

    verb = "arm"
    arm: Names = Field(description="one or more of the arms of the protocol")

    def expand(self, at: At) -> Expr:
        """Compare the arm of the latest randomisation, or else the one on record."""
        arms = at.scope.arms
        here = at["arm"]
        for index, name in enumerate(self.arm):
            if name not in arms:
                (here[index] if here.node.kind == "list" else here).unknown("arm", name, arms, "list it under `arms`")
        if arms and arms <= set(self.arm):
            here.report(
                "decides-nothing", "these are all the arms, so every patient is in one", "list those that count"
            )
        named = replace(at.among("arm", sorted(arms)), absent=NOT_MET)
        tests = at.among("milestone", ["randomisation"]), named
        randomised = at.select("milestone", tests, Window(), "randomisation")
        told = Compare(Fold("count", randomised, place=at.place), "at_least", at.number(1), at.place)
        by_record = self.among(at.select("person", [named], Window(), "arm"), at)
        # What comes surely later and names no arm may have led to any: then nothing is guessed.
        last = Moment("the last randomisation to an arm", "last", randomised, at.place)
        unnamed = at.among("milestone", ["randomisation"]), at.among("arm", [], absent_is_met=True)
        again = at.select("milestone", unnamed, Window(last, after=True, place=at.place), "randomisation to no arm")
        changed = Compare(Fold("count", again, place=at.place), "at_least", at.number(1), at.place)
        parts = (
            every_one((told, Not(changed, at.place), self.among(randomised, at)), at),
            every_one((told, changed, self.among(again, at)), at),
            every_one((Not(told, at.place), by_record), at),
        )
        return AtLeast(1, parts, place=at.place)

    def among(self, select: Select, at: At) -> Expr:
        """Compare the arm on the latest record."""
        return Compare(Pick("latest", select, "arm", place=at.place), "in", at["arm"].words(self.arm), at.place)


class Judged(Verb, Windowed):
    """What the investigator judges.

    ## Meaning
    The latest answer in the window to a question that only a person can answer is *yes*. `of` names a coded measure
    with the values `yes` and `no`.

    ## Example
    ```yaml
    judged: investigator
    of: able_to_comply
    ```

    ## When data are missing
    Unanswered it is `unknown`, and the investigator is asked.

    ## On a live stream
    It changes with each answer.
    """

    verb = "judged"
    judged: Literal["investigator"] = Field(description="who judges")
    of: Name = Field(description="a coded measure with the values `yes` and `no`")

    def expand(self, at: At) -> Expr:
        """Compare the latest answer with yes."""
        term = at["of"].term(self.of, "measure")
        if term is None:
            return nothing(at)
        if not {"yes", "no"} <= term.values:
            message = f"`{self.of}` is not answered by yes or no"
            at["of"].report("bad-value", message, "declare it with `values: [yes, no]`", *declared(term))
        tests = [at.among("measure", [term.name])]
        select = at.select("observation", tests, at.window(self), term.name, "investigator")
        return Compare(
            Pick("latest", select, place=at.place), "in", Constant(word("yes"), text="yes", place=at.place), at.place
        )


def _counts_on(point: Point, moment: Moment) -> TypeGuard[Moment]:
    """Whether a point is the moment of the same name with the number before."""
    return isinstance(point, Moment) and point.name == moment.name


class Happened(Verb):
    """A moment of the protocol has come.

    ## Meaning
    What defines the moment has happened by the instant of the question.

    ## Example
    ```yaml
    happened: enrolled
    ```

    ## When data are missing
    As for what defines it: a milestone that is not recorded has not happened; a dose that is not recorded has not
    been given once silence means no.

    ## On a live stream
    It becomes met with the event.
    """

    verb = "happened"
    happened: Name = Field(description="a moment")

    def expand(self, at: At) -> Expr:
        """Say that what defines the moment exists."""
        if self.happened in {"now", "dose"}:
            at["happened"].report("bad-point", f"`{self.happened}` is no moment of the protocol", "name a moment")
            return nothing(at)
        counted = at["happened"].moment(self.happened)
        parts = [exists(counted.of, at)]
        # A moment with a `number` is counted from the one before it; where that has not happened, this has not.
        while isinstance(start := counted.of.window.start, Shift) and _counts_on(start.point, counted):
            counted = start.point
            parts.insert(0, exists(counted.of, at))
        return every_one(tuple(parts), at)
