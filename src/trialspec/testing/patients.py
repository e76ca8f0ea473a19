"""Strategies for patients: constructed to what is asked for, never filtered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from trialspec.evaluation import Protocol
from trialspec.patient import Timeline
from trialspec.quantity import parse_number
from trialspec.testing.borders import Pair, borders
from trialspec.testing.draft import PATIENT
from trialspec.testing.generated.choices import Choose
from trialspec.testing.happenings import days_around, happening, matter, said_in
from trialspec.testing.made import Patient
from trialspec.testing.making import USUAL_DAY, make
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import DEPARTURES, Wish, categories, checked, slots
from trialspec.testing.writing import holds, step_of, usual_numbers
from trialspec.times import parse_time

Departing = Mapping[str, str] | str | None
Responding = Mapping[str, str] | str | None


def patients(
    protocol: Protocol,
    *,
    eligible: bool | None = True,
    failing: str = "",
    undetermined_by: str = "",
    departing: Departing = None,
    response: Responding = None,
    treated: bool = False,
    name: str = PATIENT,
) -> SearchStrategy[Patient]:
    """Draw patients as asked for.

    - `eligible`: at enrolment; `False` by any criterion, or by `failing`; `None` for as it comes.
    - `undetermined_by`: the criterion that nobody can decide; all others are as they should be.
    - `departing`: what is wrong with a dose (`late`, `amount`, `gate_not_met` ...) by its slot, or of any slot.
    - `response`: the category by response and visit (`{"renal@week_24": "responder"}`), or of any of them.
    - `treated`: all doses are given.

    What cannot be had raises `UnreachableError` with the reason when the first patient is drawn.
    """
    wishes = tuple(
        _wishes(
            protocol,
            eligible=eligible,
            failing=failing,
            undetermined_by=undetermined_by,
            departing=departing,
            response=response,
            treated=treated,
        )
    )
    for wish in wishes:
        checked(protocol.program, wish)

    @st.composite
    def made(draw: DrawFn) -> Patient:
        return one_of_them(protocol, wishes, lambda number: draw(_below(number)), name)

    return made()


@lru_cache
def _below(number: int) -> SearchStrategy[int]:
    return st.integers(0, number - 1)


def one_of_them(protocol: Protocol, wishes: Sequence[Wish], choose: Choose, name: str = PATIENT) -> Patient:
    """Make a patient of one of several wishes: the chosen one, or the next one that can be had."""
    start = choose(len(wishes))
    reason: UnreachableError | None = None
    for wish in (*wishes[start:], *wishes[:start]):
        try:
            return make(protocol, wish, choose, vary=True, name=name)
        except UnreachableError as error:
            reason = reason or error
    raise reason or UnreachableError("nothing was asked for that any patient could have")


def _wishes(
    protocol: Protocol,
    *,
    eligible: bool | None,
    failing: str,
    undetermined_by: str,
    departing: Departing,
    response: Responding,
    treated: bool,
) -> Iterable[Wish]:
    program = protocol.program
    if failing or undetermined_by:
        eligible = None
    fails = [failing]
    if eligible is False:
        fails = [each.name for each in program.criteria]
        if not fails:
            raise UnreachableError("the protocol has no criterion, so nobody is ineligible")
    departs: list[Mapping[str, str]] = [{} if departing is None or isinstance(departing, str) else departing]
    if isinstance(departing, str):
        if departing not in DEPARTURES:
            raise UnreachableError(f"`{departing}` is no departure of a dose; there are {', '.join(DEPARTURES)}")
        departs = [{slot: departing} for slot in slots(program)]
    answers: list[Mapping[str, str]] = [{} if response is None or isinstance(response, str) else response]
    if isinstance(response, str):
        answers = [{where: response} for where, words in categories(program).items() if response in words]
        if not answers:
            there = sorted({word for words in categories(program).values() for word in words})
            raise UnreachableError(f"`{response}` is no category of any response; there are {', '.join(there)}")
    for fail in fails:
        for depart in departs:
            for answer in answers:
                yield Wish(eligible, fail, undetermined_by, depart, answer, treated)


def events(protocol: Protocol, *, near: Sequence[int] = ()) -> SearchStrategy[dict[str, str]]:
    """Draw single records of what a protocol speaks of, or of what any patient may have; without an id.

    `near` are dates, as ordinals; without them they are those of a patient made to order.
    """
    about = matter(protocol)

    @st.composite
    def drawn(draw: DrawFn) -> dict[str, str]:
        def choose(number: int) -> int:
            return draw(_below(number))

        dates = near or days_of(protocol)
        return happening(choose, about, days_around(choose, about, min(dates), dates))

    return drawn()


def days_of(protocol: Protocol) -> tuple[int, ...]:
    """Give the dates of the plainest patient's records."""
    for wish in (Wish(treated=True), Wish(), Wish(eligible=None)):
        try:
            made = make(protocol, wish, lambda _: 0)
        except UnreachableError:
            continue
        found = [parse_time(raw["time"], protocol.program.zone) for raw in made.raws]
        return tuple(dict.fromkeys(when.first for when in found if when is not None))
    return (USUAL_DAY,)


def values(protocol: Protocol, measure: str, near: str = "") -> SearchStrategy[dict[str, str]]:
    """Draw values of a measure, as `{"value": "1.5", "unit": "10*9/L"}`: around a threshold, in each accepted unit.

    `near` is a quantity (`1.5 10*9/L`); without it, it is the limits that the protocol compares the measure with.
    """
    term = protocol.program.vocabulary.get(measure)
    if term is None or term.sort != "measure":
        raise UnreachableError(f"there is no measure `{measure}`")
    if term.coded:
        return st.sampled_from([{"value": word} for word in sorted(term.values)])
    numbers = list(usual_numbers(protocol.program, term))
    if near:
        text, _, unit = near.partition(" ")
        number = parse_number(text)
        factor = Fraction(1) if unit in {"", term.unit} else term.factors.get(unit)
        if number is None or factor is None:
            raise UnreachableError(f"`{near}` is no quantity of {measure}, which is in {term.unit}")
        limit, step = number * factor, step_of(term)
        numbers = [limit, limit - step, limit + step, limit - step / 10, limit + step / 10, limit / 2, limit * 2]
    said = [way for number in numbers if holds(number, term.possible) for way in said_in(term, number)]
    below = [{**way, "value": f"<{way['value']}"} for way in said if not way["value"].startswith(("-", "0"))]
    return st.sampled_from([*said, *below[:4]])


def timelines(protocol: Protocol, *, treated: bool = False) -> SearchStrategy[Timeline]:
    """Draw what is known of patients, as the reference reads it."""
    drawn = patients(protocol, eligible=None, treated=treated) | patients(protocol, treated=treated)
    return drawn.map(lambda patient: protocol.timeline(patient.records, patient.name))


def boundary_patients(protocol: Protocol) -> SearchStrategy[Pair]:
    """Draw pairs of patients who differ in one record and stand on both sides of a limit, in value or in time."""
    pairs = tuple(borders(protocol))
    if not pairs:
        raise UnreachableError("the protocol has no limit that could be straddled")
    return st.sampled_from(pairs)
