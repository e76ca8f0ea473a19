"""Verbs about doses by date and over time: the dose of a day, what was given in all, how long a drug has been out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from pydantic import Field

from trialspec.kernel import Compare, Constant, Daily, Expr, Not, Select, Test
from trialspec.model.parts import Names, ValueLimits, Windowed, Words
from trialspec.model.points import Count, DurationText, Name, PointText
from trialspec.model.scope import At, declared, listing
from trialspec.model.verb import Verb, every_one, exists, nothing
from trialspec.patient import Kind
from trialspec.quantity import Duration, Interval, Operator, exactly
from trialspec.vocabulary import Term

Source = Literal["therapy", "administration"]
_Limits = list[tuple[Operator, str, Constant]]


class Single(ValueLimits):
    """How much a single dose is, or the dose a day of a therapy."""


class _Dosed(Verb, Windowed, ValueLimits):
    as_: Name | None = Field(None, alias="as", description="the drug in whose equivalents several drugs are counted")
    route: Words | None = Field(None, description="the routes that count")
    each: Single | None = Field(None, description="only single doses of so much, in the same equivalents")
    recorded_as: Source | None = Field(
        None, description="only what is recorded as a `therapy`, or as an `administration`; without it both count"
    )

    def drug(self, at: At, key: str, names: tuple[str, ...]) -> Term | None:
        """Give the drug in which amounts are counted."""
        if self.as_ is not None:
            return at["as"].term(self.as_, "drug")
        term = at.scope.vocabulary.get(names[0])
        if len(names) == 1 and term is not None and term.sort == "drug":
            return term
        if term is not None:
            message = "doses of several drugs are added up in equivalents of one"
            at[key].report("missing-key", message, "name that drug under `as`")
        return None

    def added(
        self, at: At, key: str, names: tuple[str, ...], how: Literal["greatest", "sum", "days", "row"], term: Term
    ) -> Daily | None:
        """Say what is added up: a selection for every kind of record and every factor."""
        factors = _factors(at[key], names, term)
        if not factors:
            return None
        kinds: tuple[Kind, ...] = (self.recorded_as,) if self.recorded_as else ("therapy", "administration")
        window, label = at.window(self), " or ".join(names)
        of: list[tuple[Select, Interval]] = []
        for kind in kinds:
            for factor, drugs in factors.items():
                tests = [at[key].among("drug", sorted(drugs)), *self.single(at, kind, factor, term)]
                of.append((at.select(kind, tests, window, label), exactly(factor)))
        unit = term.unit if how == "sum" else f"{term.unit}/d"
        return Daily(how, tuple(of), label=f"{label} as {term.name}" if self.as_ else label, unit=unit, place=at.place)

    def single(self, at: At, kind: Kind, factor: Fraction, term: Term) -> list[Test]:
        """Ask for the route, and for how much a single dose of a drug is."""
        tests = [] if self.route is None else [at["route"].among("route", self.route)]
        if self.each is not None:
            here = at["each"]
            for side, _, limit in here.limits(self.each, term, single="a dose"):
                value = limit.value
                if isinstance(value, Interval) and value.exact is not None:
                    own = replace(limit, value=exactly(value.exact / factor))
                    tests.append(Test("dose" if kind == "therapy" else "amount", side, own, place=here.place))
        return tests


def _factors(at: At, names: tuple[str, ...], term: Term) -> Mapping[Fraction, frozenset[str]]:
    """Give the drugs by how much of one drug each is, and report those of which nobody says it."""
    vocabulary = at.scope.vocabulary
    found: dict[Fraction, set[str]] = {}
    without = []
    for name in sorted(at.terms(names, "drug", "drug_class")):
        drug = vocabulary.get(name)
        if drug is None or drug.sort != "drug":
            continue
        factor = equivalent(drug, term)
        if factor is None:
            without.append(name)
        else:
            found.setdefault(factor, set()).add(name)
    if without:
        message = (
            f"nobody says how much {term.name} {listing(without)} are"
            if len(without) > 1
            else (f"nobody says how much {term.name} `{without[0]}` is")
        )
        advice = f"give it in the vocabulary, as in `equivalents: {{{term.name}: [4 mg, 5 mg]}}`"
        at.report("no-equivalent", message, advice, *declared(term))
        return {}
    return {factor: frozenset(drugs) for factor, drugs in found.items()}


def equivalent(drug: Term, term: Term) -> Fraction | None:
    """Say how much of one drug as much as 1 of another is, each in its own unit: as they say, or by a third drug."""
    if drug.name == term.name:
        return Fraction(1)
    if term.name in drug.equivalents:
        return drug.equivalents[term.name]
    if drug.name in term.equivalents:
        return 1 / term.equivalents[drug.name]
    shared = sorted(drug.equivalents.keys() & term.equivalents.keys())
    return drug.equivalents[shared[0]] / term.equivalents[shared[0]] if shared else None


class DailyDoseOf(_Dosed):
    """How much of a drug was given and taken on a day.

    ## Meaning
    On each date of the window what is given on it is added to what is taken a day: an administration counts on its
    date, a therapy with its dose on every date from its start through its end. The greatest of these sums is compared:
    `at_most` says that no day has more, `above` that some day has. With `days` at least so many days pass the limit,
    with `days_in_a_row` so many that follow each other. Several drugs are counted in equivalents of one (`as`), by
    the `equivalents` of the vocabulary. `each` leaves out single doses: `each: {below: 250 mg}` leaves out pulses.

    ## Example
    ```yaml
    daily_dose_of: corticosteroid
    as: prednisone
    each: {below: 250 mg}
    above: 10 mg/d
    days_in_a_row: 3
    from: day 1
    through: day 56
    ```

    ## When data are missing
    What is not recorded may have been given, until silence means no for administrations and for therapies; then *at
    most* is `unknown`. So is a therapy of unknown end after its last mention, and a dose that was not recorded.

    ## On a live stream
    It is answered anew with every such record, and with the days while a therapy goes on or a window moves.
    """

    verb = "daily_dose_of"
    daily_dose_of: Names = Field(description="a drug or a drug class, or several")
    days: Count | None = Field(None, description="at least so many days pass the limit")
    days_in_a_row: Count | None = Field(None, description="at least so many days in a row pass the limit")

    def expand(self, at: At) -> Expr:
        """Compare the greatest dose of a day, or the number of days that pass."""
        key = "daily_dose_of"
        term = self.drug(at, key, self.daily_dose_of)
        if term is None:
            at[key].terms(self.daily_dose_of, "drug", "drug_class")
            return nothing(at)
        counts = {"days": self.days, "row": self.days_in_a_row}
        wanted = [(how, number) for how, number in counts.items() if number is not None]
        found = _limits(at, self, _per_day(term), "a daily dose")
        if len(wanted) > 1:
            at["days"].report("threshold-conflict", "days are counted in one way", "keep `days` or `days_in_a_row`")
            return nothing(at)
        if not wanted:
            greatest = self.added(at, key, self.daily_dose_of, "greatest", term) or nothing(at)
            return at.compared(lambda _: greatest, found)
        how, number = wanted[0]
        here = at["days_in_a_row" if how == "row" else "days"]
        if number < 1:
            here.report("decides-nothing", "there are always 0 such days", "write 1 or more")
        if len(found) > 1:
            at.report("bad-value", "each day is asked one thing, and here are two limits", "keep one of them")
        daily = self.added(at, key, self.daily_dose_of, "row" if how == "row" else "days", term)
        if daily is None or len(found) != 1:
            return nothing(at)
        side, _, limit = found[0]
        counted = replace(daily, holds=Test("daily dose", side, limit, place=at.place))
        return Compare(counted, "at_least", here.number(number), at.place)


class TotalDoseOf(_Dosed):
    """How much of a drug was given and taken in all.

    ## Meaning
    The administrations in the window are added up, and the daily doses of therapies, each times the dates of the window
    on which it was taken. Several drugs are counted in equivalents of one (`as`), as for `daily_dose_of`.

    ## Example
    ```yaml
    total_dose_of: corticosteroid
    as: prednisone
    from: day 1
    through: day 168
    at_most: 2500 mg
    ```

    ## When data are missing
    As for `daily_dose_of`.

    ## On a live stream
    As for `daily_dose_of`.
    """

    verb = "total_dose_of"
    total_dose_of: Names = Field(description="a drug or a drug class, or several")

    def expand(self, at: At) -> Expr:
        """Compare the sum of what was given and taken."""
        key = "total_dose_of"
        term = self.drug(at, key, self.total_dose_of)
        if term is None:
            at[key].terms(self.total_dose_of, "drug", "drug_class")
            return nothing(at)
        found = _limits(at, self, term, "a total dose")
        total = self.added(at, key, self.total_dose_of, "sum", term) or nothing(at)
        return at.compared(lambda _: total, found)


def _per_day(term: Term) -> Term:
    """Give a drug in amounts a day."""
    factors = {f"{unit}/{day}": factor for unit, factor in term.factors.items() for day in ("d", "(24.h)")}
    return replace(term, unit=f"{term.unit}/d", factors=factors)


def _limits(at: At, part: ValueLimits, term: Term, what: str) -> _Limits:
    found = at.limits(part, term, single=what)
    at.reachable(found, Fraction(0), None, what)
    return found


# --- how long a drug has been out -------------------------------------------------------------------------------------


class WashedOut(Verb):
    """A drug has not been given or taken for some time.

    ## Meaning
    No administration and no therapy of the drug, or of a drug of the class, lies in the time before `by`: less than
    `for` before it, or less than so many `half_lives` of each drug as the vocabulary gives them. With both, the longer
    time counts. What was given exactly so long before is out.

    ## Example
    ```yaml
    washed_out: b_cell_depleting
    for: 6 mo
    by: screened
    ```

    ## When data are missing
    Until silence means no for administrations and for therapies, what is not recorded leaves it `unknown`. So does a
    therapy of unknown end, and before `by` has come everything.

    ## On a live stream
    By `now` it becomes met as time goes by; a record of the drug ends it.
    """

    verb = "washed_out"
    washed_out: Names = Field(description="a drug or a drug class, or several")
    for_: DurationText | None = Field(None, alias="for", description="for how long at the least")
    half_lives: Count | None = Field(None, description="for how many half-lives of the drug at the least")
    by: PointText = Field(description="by when")

    def expand(self, at: At) -> Expr:
        """Say that nothing of it lies in the time before the point."""
        here = at["washed_out"]
        names = here.terms(self.washed_out, "drug", "drug_class")
        if self.for_ is None and self.half_lives is None:
            at.report("missing-key", "it is not said for how long", "add `for: 90 d`, or `half_lives: 5`")
            return nothing(at)
        end = at["by"].point(self.by)
        parts: list[Expr] = []
        spans = [(self.for_, names)] if self.for_ is not None else []
        if self.half_lives is not None:
            spans += self.half_life_spans(at, names)
        for span, drugs in spans:
            window = at.before(end, span)
            for kind in _GIVEN:
                tests = [here.among("drug", sorted(drugs))]
                parts.append(Not(exists(at.select(kind, tests, window, " or ".join(self.washed_out)), at), at.place))
        return every_one(tuple(parts), at) if parts else nothing(at)

    def half_life_spans(self, at: At, names: frozenset[str]) -> list[tuple[Duration, frozenset[str]]]:
        """Give the time that each drug takes, and report those whose half-life nobody says."""
        here, number = at["half_lives"], self.half_lives or 0
        if number < 1:
            here.report("decides-nothing", "after no half-life everything is out", "write 1 or more")
        spans: list[tuple[Duration, frozenset[str]]] = []
        without = []
        for name in sorted(names):
            drug = at.scope.vocabulary.get(name)
            if drug is None or drug.sort != "drug":
                continue
            if drug.half_life is None:
                without.append(name)
            else:
                spans.append((Duration(drug.half_life.number * number, drug.half_life.unit), frozenset({name})))
        if without:
            advice = "give it in the vocabulary, as in `half_life: 22 d`, or write the time under `for`"
            here.report("no-half-life", f"nobody says the half-life of {listing(without)}", advice)
        return spans


_GIVEN: tuple[Kind, ...] = ("administration", "therapy")
