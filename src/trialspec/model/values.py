"""Verbs about values of measures: one value in a window, its rise or fall, the ratio of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from trialspec.kernel import Arithmetic, Compare, Constant, Expr, Fold, Pick, Select, Ties, Window
from trialspec.model.parts import FromWhom, ValueLimits, Windowed, Words
from trialspec.model.points import OPERATORS, Count, Name, Quantity
from trialspec.model.scope import At, Reference, declared
from trialspec.model.verb import Verb, nothing
from trialspec.quantity import Interval, Operator
from trialspec.vocabulary import Term

TiesWord = Literal["mean", "least", "greatest", "last_entered"]


class _Value(Verb, ValueLimits):
    """One value, compared with a limit or with words."""

    is_: Words | None = Field(None, alias="is", description="for a coded measure: the words it may be")

    def answer(self, at: At, term: Term, read: Callable[[str], Expr]) -> Expr:
        """Compare what is read with the limits, or with the words of a coded measure."""
        limited = any(getattr(self, side) is not None for side in OPERATORS)
        if self.is_ is None and not (term.coded and limited):
            return at.compared(read, at.limits(self, term))
        if limited:
            side = next(side for side in OPERATORS if getattr(self, side) is not None)
            at[side].report(
                "bad-value", f"`{term.name}` is a word, and `{side}` compares numbers", "use `is`", *declared(term)
            )
            return nothing(at)
        return Compare(read("value"), "in", at["is"].is_word(self.is_ or (), term), at.place)


class _Picked(_Value, Windowed, FromWhom):
    def picked(
        self, at: At, which: Literal["latest", "first", "least", "greatest"], name: str, ties: Ties = "hull"
    ) -> Expr:
        term = at[which].term(name, "measure")
        if term is None:
            return nothing(at)
        visit = at.setting.visit
        if term.coded and ties != "hull":
            message = f"`{name}` is a word: of several at one time each may be the one, whatever `ties` says"
            at["ties"].report("bad-value", message, "leave `ties` out", *declared(term))
        if which == "latest" and visit is not None and not self.bounded:
            return self.answer(at, term, lambda field: at.value_for(term, visit, field, ties, at.whose(self)))
        if which in {"least", "greatest"} and term.coded:
            message = f"`{name}` is a word: none of its values is the {which}"
            at[which].report("bad-value", message, "use `latest` or `first`, with `is`", *declared(term))
            return nothing(at)
        select = at.readings(term, self)
        return self.answer(at, term, lambda field: Pick(which, select, field, ties, place=at.place))


class _Tied(_Picked):
    ties: TiesWord | None = Field(
        None, description="which value decides among several of one time; without it all of them do"
    )


class Latest(_Tied):
    """The latest value of a measure.

    ## Meaning
    The latest value in the window (without one: of all up to the instant of the question) is compared with the limit.
    A limit names its side: `above`, `at_least`, `below`, `at_most`; two of them make a range. `2 x ULN` and `1 x LLN`
    use the reference range that came with the value. A list, `[0.5 g/g, 50 mg/mmol]`, gives a limit for each unit
    that values come in. A coded measure is compared by `is`. In a response, without a window, it is the value for the
    visit.

    ## Example
    ```yaml
    latest: neutrophils
    from: 7 d before dose
    through: dose
    above: 1.5 10*9/L
    ```

    ## When data are missing
    No value in the window is `unknown`, never *not met*: the criterion asks for one. So is a value whose possible
    numbers lie on both sides of the limit, and several values of one time that disagree, unless `ties` says which
    decides.

    ## On a live stream
    A new value in the window takes over at once. Where the window moves with the question, the answer lapses on the day
    on which the value becomes too old.
    """

    verb = "latest"
    latest: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the latest value."""
        return self.picked(at, "latest", self.latest, self.ties or "hull")


class First(_Tied):
    """The first value of a measure.

    ## Meaning
    The first value in the window is compared with the limit, as for `latest`.

    ## Example
    ```yaml
    first: creatinine
    from: screened
    at_most: 1.2 mg/dL
    ```

    ## When data are missing
    No value in the window is `unknown`. A value that may be earlier, by its partial date, makes both decide.

    ## On a live stream
    The answer changes only when an earlier value comes in late, or is corrected.
    """

    verb = "first"
    first: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the first value."""
        return self.picked(at, "first", self.first, self.ties or "hull")


class Least(_Picked):
    """The least value of a measure.

    ## Meaning
    The least of the values in the window is compared with the limit. Where the limit is given unit by unit and the
    values came in several units, all those limits must give the same answer.

    ## Example
    ```yaml
    least: platelets
    from: 28 d before now
    at_least: 50 10*9/L
    ```

    ## When data are missing
    No value in the window is `unknown`. A value that can be anything leaves open only what it could change.

    ## On a live stream
    The answer may change with every value, and when the least one leaves a window that moves.
    """

    verb = "least"
    least: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the least value."""
        return self.picked(at, "least", self.least)


class Greatest(_Picked):
    """The greatest value of a measure.

    ## Meaning
    The greatest of the values in the window is compared with the limit; one given unit by unit, as for `least`.

    ## Example
    ```yaml
    greatest: creatinine
    from: 3 mo before screened
    through: screened
    at_most: 2 x ULN
    ```

    ## When data are missing
    No value in the window is `unknown`. A value that can be anything leaves open only what it could change.

    ## On a live stream
    The answer may change with every value, and when the greatest one leaves a window that moves.
    """

    verb = "greatest"
    greatest: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the greatest value."""
        return self.picked(at, "greatest", self.greatest)


class Mean(Verb, Windowed, ValueLimits, FromWhom):
    """The mean of the values of a measure.

    ## Meaning
    The mean of the values in the window is compared with the limit; one given unit by unit, as for `least`. `readings`
    is how many values it needs at the least (1). Several values of one time are several.

    ## Example
    ```yaml
    mean: systolic_pressure
    from: 7 d before now
    readings: 3
    below: 140 mm[Hg]
    ```

    ## When data are missing
    With fewer values than `readings` it is `unknown`.

    ## On a live stream
    The answer may change with every value, and when one leaves a window that moves.
    """

    verb = "mean"
    mean: Name = Field(description="a measure")
    readings: Count = Field(1, description="how many values it needs")

    def expand(self, at: At) -> Expr:
        """Compare the mean of the values."""
        term = at["mean"].counted(self.mean, "it has no mean")
        if term is None:
            return nothing(at)
        if self.readings < 1:
            at["readings"].report("bad-value", "a mean needs at least one reading", "write 1 or more")
        select = at.readings(term, self)
        return at.compared(lambda name: Fold("mean", select, name, self.readings, at.place), at.limits(self, term))


class Sum(Verb, Windowed, ValueLimits):
    """The sum of the values of a measure, or of the amounts given of a drug.

    ## Meaning
    The values of a measure in the window, or the amounts of a drug's administrations, are added and compared with the
    limit; one given unit by unit, as for `least`. Several values of one time are several.

    ## Example
    ```yaml
    sum: cyclophosphamide
    at_most: 25 g
    ```

    ## When data are missing
    Of a measure without any value it is `unknown`. Of a drug never given it is 0 once silence means no, before that
    `unknown`. A thing that may lie in the window counts nothing up to its amount.

    ## On a live stream
    The answer may change with every value or dose, and when one leaves a window that moves.
    """

    verb = "sum"
    sum: Name = Field(description="a measure or a drug")

    def expand(self, at: At) -> Expr:
        """Compare the sum."""
        term = at["sum"].counted(self.sum, "it has no sum", "drug")
        if term is None:
            return nothing(at)
        if term.sort == "measure":
            select = at.readings(term, self)
            # A sum may be greater than any of its values.
            least = term.possible.low if term.possible.low is not None and term.possible.low >= 0 else None
            summed = replace(term, possible=Interval(least, None))
            return at.compared(lambda name: Fold("sum", select, name, place=at.place), at.limits(self, summed))
        tests = [at["sum"].among("drug", sorted(at.scope.vocabulary.under(term.name)))]
        given = at.select("administration", tests, at.window(self), term.name)
        found = at.limits(self, term, single="an amount given")
        at.reachable(found, Fraction(0), None, "an amount given")
        return at.compared(lambda _: Fold("sum", given, "amount", place=at.place), found)


class ValueAt(_Value, FromWhom):
    """The value of a measure for a visit.

    ## Meaning
    The value for a visit is the one inside the visit's window that is nearest to its planned day (of two equally near
    the later), or the latest where the visit has no planned day. A value that names another visit does not count.
    `visit` stands for the visit of the response in which it is written.

    ## Example
    ```yaml
    value_at: baseline
    of: urine_protein_24h
    at_least: 1 g/(24.h)
    ```

    ## When data are missing
    No value for the visit is `unknown`.

    ## On a live stream
    While the window is open a nearer value takes over; afterwards only corrections and late entries change the answer.
    """

    verb = "value_at"
    value_at: Name = Field(description="a visit; in a response `visit` is the one that is asked about")
    of: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the value for the visit."""
        term = at["of"].term(self.of, "measure")
        here = at.setting.visit if self.value_at == "visit" else None
        visit = here or at["value_at"].visit(self.value_at)
        if term is None or visit is None:
            return nothing(at)
        return self.answer(at, term, lambda field: at.value_for(term, visit, field, more=at.whose(self)))


# --- rise and fall ----------------------------------------------------------------------------------------------------


class OwnReference(Windowed):
    """A reference of its own: which value, in which window.

    While the moment that its window ends with has not happened, there is none, and the change is `unknown`.
    """

    which: Literal["latest", "first", "least", "greatest", "mean"]

    def refer(self, at: At) -> Reference:
        """Give it as a reference: before a moment that has not happened there is none yet."""
        window, ends = at.window(self), self.before is not None or self.through is not None
        return Reference(self.which, window=replace(window, awaits=ends))


def _since_tag(value: object) -> str:
    return "tag:name" if isinstance(value, str) else "tag:own"


Since = Annotated[Annotated[Name, Tag("tag:name")] | Annotated[OwnReference, Tag("tag:own")], Discriminator(_since_tag)]


_Ends = tuple[Fraction | None, Fraction | None]
_NEGATIVE = "check the number and its side; if values can be below zero, say so under `possible` of the measure"


class _Change(Verb, Windowed, ValueLimits, FromWhom):
    """A change from a reference value to the current one."""

    since: Since = Field(
        "baseline",
        description="from what: `baseline`, a visit, `nadir`, `peak`, or `{which: latest, before: day_1}`",
    )
    same: Literal["laboratory", "method"] | None = Field(
        None, description="both values are of one `laboratory`, or by one `method`; else the change is not known"
    )

    def change(self, at: At, name: str, key: str) -> Expr:
        term = at[key].term(name, "measure")
        if term is None:
            return nothing(at)
        if term.coded:
            advice = "compare the values at two visits, each by `value_at` with `is`"
            at[key].report("bad-value", f"`{name}` is a word: it cannot rise or fall", advice, *declared(term))
            return nothing(at)
        visit = at.setting.visit
        current = (
            at.value_for(term, visit, more=at.whose(self))
            if visit is not None and not self.bounded
            else Pick("latest", at.readings(term, self), place=at.place)
        )
        reference = self.reference(at, term)
        if self.same is not None and isinstance(reference, Fold):
            advice = "name one value as the baseline, or leave `same` out"
            at["same"].report("bad-value", f"a mean is of no one {self.same}", advice)
        if reference is None:
            return nothing(at)
        limits = [(side, getattr(self, side)) for side in OPERATORS if getattr(self, side) is not None]
        if not limits:
            unit = f"in {term.unit} or " if term.unit else "as a number or "
            at.report(
                "no-threshold", "the change is compared with nothing", f"add a limit such as `at_least`, {unit}in %"
            )
            return nothing(at)
        found: list[tuple[Operator, str, Constant]] = []
        for side, quantities in limits:
            limit = self.limit(at[side], quantities, term)
            if limit is not None:
                found.append((side, *limit))
        at.consistent(found)
        fall = key == "fall_of"
        self.reachable(at, found, term, fall=fall)
        alike = self.same or ""
        return at.compared(lambda how: _difference(how, current, reference, at, fall=fall, alike=alike), found)

    def reachable(self, at: At, found: list[tuple[Operator, str, Constant]], term: Term, *, fall: bool) -> None:
        """Report a change that no two values make: a fall by more than everything, a rise from the greatest."""
        least, most = term.possible.low, term.possible.high
        negative = least is not None and least < 0  # where values may be below zero, a share may be anything
        width = None if least is None or most is None else most - least
        # The falls that are possible, of all there was and in the unit; a rise is a fall below zero.
        share: _Ends = (None, None) if negative else (None, Fraction(100))
        difference: _Ends = (None if width is None else -width, width)
        # A value that may lie after the course can be below its nadir.
        course = self.since if at.setting.reach is None else ""
        if course == "nadir":
            difference = (difference[0], Fraction(0))
            share = share if negative else (None, Fraction(0))
        if course == "peak":
            difference = (Fraction(0), difference[1])
            share = share if negative else (Fraction(0), share[1])
        for limit in found:
            low, high = share if limit[1] == "share" else difference
            if not fall:
                low, high = (None if end is None else -end for end in (high, low))
            what = f"the {'fall' if fall else 'rise'} of `{term.name}`"
            advice = _NEGATIVE if limit[1] == "share" and course not in {"nadir", "peak"} else ""
            at.reachable([limit], low, high, what, advice)

    def limit(self, at: At, quantities: tuple[Quantity, ...], term: Term) -> tuple[str, Constant] | None:
        quantity = quantities[0]
        if len(quantities) > 1 or quantity.range_end is not None:
            advice = "write one quantity, with the measure's unit or `%`"
            at.report("bad-value", "a change has one limit, in the measure's unit or in %", advice)
            return None
        if quantity.percent and term.unit == "%":
            message = f"`{term.name}` is itself in %, so a change in % may be a share of it or a number of points"
            at.report("bad-quantity", message, "state it by the values themselves, with `value_at`", *declared(term))
            return None
        if quantity.percent:
            return "share", at.number(quantity.number, quantity.text)
        return "difference", at.number(at.convert(quantity, term, bounded=False), quantity.text)

    def reference(self, at: At, term: Term) -> Expr | None:
        """Give the value that the change is counted from."""
        since, here, whose = self.since, at["since"], at.whose(self)
        if isinstance(since, OwnReference):
            return here.reference(since.refer(here), term, whose)
        if since in {"nadir", "peak"}:
            which: Literal["least", "greatest"] = "least" if since == "nadir" else "greatest"
            return Pick(which, self.course(here, term), place=here.place)
        if since == "baseline" and at.setting.baseline is not None:
            return here.reference(at.setting.baseline, term, whose)
        if since == "baseline" and since not in at.scope.visits:
            here.report(
                "unknown-name",
                "there is no visit `baseline`, and no response that states its baseline",
                "write `since`",
            )
            return None
        visit = here.visit(since)
        return None if visit is None else here.reference(Reference("nearest", visit), term, whose)

    def course(self, at: At, term: Term) -> Select:
        """Select the values among which a nadir or peak is found: from the baseline on, through the current one."""
        baseline, visit = at.setting.baseline, at.setting.visit
        if self.bounded or baseline is None or visit is None:
            return at.values_in(term, at.window(self), at.whose(self))
        since = baseline.visit.window if baseline.visit else baseline.window or Window()
        end = visit.window
        whole = Window(since.start, end.end, after=since.after, before=end.before, place=at.place)
        return at.values_in(term, whole, at.whose(self))


def _difference(how: str, current: Expr, reference: Expr, at: At, *, fall: bool, alike: str) -> Expr:
    place = at.place
    if how == "difference":
        left, right = (reference, current) if fall else (current, reference)
        return Arithmetic("subtract", left, right, place, alike)
    # Each value stands once, so that intervals stay as narrow as they are.
    hundred = at.number(100)
    share = Arithmetic("multiply", hundred, Arithmetic("divide", current, reference, place, alike), place)
    left, right = (hundred, share) if fall else (share, hundred)
    return Arithmetic("subtract", left, right, place)


class FallOf(_Change):
    """How far a measure has fallen.

    ## Meaning
    The reference minus the current value is compared with the limit: in the measure's unit, or in % of the reference.
    A rise is a negative fall, so `at_most: 0 %` says that it has not fallen. The current value is the latest in the
    window; in a response, without a window, the value for the visit. The reference (`since`) is the response's
    `baseline` or the visit of that name, another visit, the `nadir` or `peak` since the baseline (elsewhere: in the
    window), or a value of its own, `{which: latest, before: day_1}`. `same` asks that both values are of one laboratory
    or method; `laboratory` and `method` leave out all others.

    ## Example
    ```yaml
    fall_of: urine_protein_24h
    since: baseline
    at_least: 50 %
    ```

    ## When data are missing
    Without a current value or a reference it is `unknown`; a share of a reference that is or may be 0 is undefined,
    which is `unknown` too. So is, with `same`, a change between values of which it is not known that they are of one
    laboratory or method.

    ## On a live stream
    It is answered anew with every value of the measure that can be the current one or the reference.
    """

    verb = "fall_of"
    fall_of: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the fall."""
        return self.change(at, self.fall_of, "fall_of")


class RiseOf(_Change):
    """How far a measure has risen.

    ## Meaning
    The current value minus the reference is compared with the limit, as for `fall_of`. A value that has doubled has
    risen by 100 %; `since: {which: least, from: 3 mo before now}` counts from the least one of a past period.

    ## Example
    ```yaml
    rise_of: creatinine
    since: {which: least, from: 3 mo before now}
    at_least: 25 %
    ```

    ## When data are missing
    As for `fall_of`.

    ## On a live stream
    As for `fall_of`.
    """

    verb = "rise_of"
    rise_of: Name = Field(description="a measure")

    def expand(self, at: At) -> Expr:
        """Compare the rise."""
        return self.change(at, self.rise_of, "rise_of")


class RatioOf(Verb, Windowed, ValueLimits):
    """The ratio of two measures.

    ## Meaning
    The latest value of the first measure in the window, over that of the second, is compared with the limit; in a
    response, without a window, the values for the visit. The limit has the units of both, as in `2 mg/mmol`; a plain
    number serves where they are equal.

    ## Example
    ```yaml
    ratio_of: [urine_protein, urine_creatinine]
    below: 0.5
    ```

    ## When data are missing
    Without one of the two values it is `unknown`; so is a ratio whose second value is or may be 0.

    ## On a live stream
    It is answered anew with every value of either measure.
    """

    verb = "ratio_of"
    ratio_of: tuple[Name, Name] = Field(description="two measures: what is divided, and by what")

    def expand(self, at: At) -> Expr:
        """Compare the ratio."""
        top, bottom = (
            at["ratio_of"][index].counted(name, "it has no ratio") for index, name in enumerate(self.ratio_of)
        )
        if top is None or bottom is None:
            return nothing(at)
        if top is bottom:
            message = f"the ratio of `{top.name}` to itself is always 1"
            at["ratio_of"][1].report("decides-nothing", message, "name what it is divided by")
        visit = at.setting.visit
        parts = [
            at.value_for(term, visit)
            if visit is not None and not self.bounded
            else Pick("latest", at.readings(term, self), place=at.place)
            for term in (top, bottom)
        ]
        ratio = Term(f"{top.name}/{bottom.name}", "measure", "", _both(top, bottom), _ratio_factors(top, bottom))
        return at.compared(
            lambda _: Arithmetic("divide", parts[0], parts[1], at.place), at.limits(self, ratio, single="a ratio")
        )


def _both(top: Term, bottom: Term) -> str:
    return _over(top.unit, bottom.unit)


def _over(top: str, bottom: str) -> str:
    if not bottom:
        return top
    return f"{top or '1'}/({bottom})" if "/" in bottom else f"{top or '1'}/{bottom}"


def _ratio_factors(top: Term, bottom: Term) -> Mapping[str, Fraction]:
    factors = {
        _over(unit, other): factor / below
        for unit, factor in top.factors.items()
        for other, below in bottom.factors.items()
    }
    return {"": Fraction(1), **factors} if top.unit == bottom.unit else factors
