"""Pairs of patients on both sides of a limit: they differ in one record, by one step of its value or of its time.

For every criterion, gate, planned dose and category a patient is made; then each number and each date of its records
that the question speaks of is moved to the limits around it, until the answer is another on the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from trialspec.evaluation import Protocol
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.interpreters.selection import locate
from trialspec.kernel import Compare, Constant, Expr, Pick, Run, Select, parts_of
from trialspec.quantity import Interval, parse_number
from trialspec.testing.confirming import dose_window, finding_words
from trialspec.testing.dates import Stretch, shown_clock, stretch
from trialspec.testing.draft import Ask, Raw, words_of
from trialspec.testing.made import Patient
from trialspec.testing.making import make
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import Wish, categories, slots
from trialspec.testing.writing import ABOUT, decimal, step_of
from trialspec.times import DAY, When, parse_time, shown_date
from trialspec.vocabulary import Term

# All that a pair of doses may be moved to lies before.
_LATER = 60 * DAY
_NUMBERS = ("value", "amount", "dose", "grade")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two patients who differ in one record. `about` is what reads differently, `words` how it reads of each."""

    about: str
    differ_in: Literal["value", "time"]
    one: Patient
    other: Patient
    words: tuple[str, str]
    event: str

    def __str__(self) -> str:
        """Tell the two apart in a line."""
        (mine,), (theirs,) = ([raw for raw in each.raws if raw["id"] == self.event] for each in (self.one, self.other))
        told = [_told(raw, self.differ_in) for raw in (mine, theirs)]
        return f"{self.about}: {self.words[0]} with {told[0]}, {self.words[1]} with {told[1]}"


def _told(raw: Raw, differ_in: str) -> str:
    about = next((raw[key] for key in ABOUT.values() if key in raw), raw["kind"])
    if differ_in == "time":
        return f"{about} on {raw['time']}"
    return f"{about} {next((raw[key] for key in _NUMBERS if key in raw), '')} {raw.get('unit', '')}".rstrip()


def borders(protocol: Protocol) -> Iterator[Pair]:
    """Give the pairs of a protocol: criterion by criterion, gate by gate, dose by dose, category by category."""
    yield from _criteria(protocol)
    yield from _doses(protocol)
    yield from _visits(protocol)
    yield from _categories(protocol)


def unstraddled(protocol: Protocol) -> tuple[str, ...]:
    """Name the criteria, gates, doses and responses of which no pair is known."""
    program = protocol.program
    there = [f"criterion {each.name}" for each in program.criteria]
    there += [f"gate {name}" for name in program.gates] + [f"dose {name}" for name in slots(program)]
    there += [f"visit {plan.name}" for plan in program.visits]
    there += [f"response {where}" for where in categories(program)]
    found = {pair.about for pair in borders(protocol)}
    return tuple(name for name in there if name not in found)


def _plainly(number: int) -> int:  # noqa: ARG001 - the first of any number of things
    return 0


def _made(protocol: Protocol, wish: Wish) -> Patient | None:
    try:
        return make(protocol, wish, _plainly)
    except UnreachableError:
        return None


def _criteria(protocol: Protocol) -> Iterator[Pair]:
    program = protocol.program
    whole, seen = _made(protocol, Wish()), set[tuple[str, ...]]()
    for each in program.criteria:
        for patient in (whole, _made(protocol, Wish(failing=each.name)), _made(protocol, Wish(eligible=None))):
            if patient is None:
                continue
            at = _enrolled(patient)

            def word(other: Patient, expr: Expr = each.expr, at: int = at) -> str:
                return _verdict(other, expr, Ask(at))

            for pair in _straddling(f"criterion {each.name}", each.expr, patient, Ask(at), word):
                told = (each.name, _about(pair), pair.differ_in, *sorted(pair.words))
                if told not in seen:
                    seen.add(told)
                    yield pair


def _about(pair: Pair) -> str:
    raw = next(raw for raw in pair.one.raws if raw["id"] == pair.event)
    return next((raw[key] for key in ABOUT.values() if key in raw), raw["kind"])


def _enrolled(patient: Patient) -> int:
    enrolled = patient.protocol.program.moments.get("enrolled")
    when = None if enrolled is None else locate(enrolled, _question(patient, Ask(patient.at))).value
    return when.span(patient.protocol.program.zone)[1] if isinstance(when, When) else patient.at


def _question(patient: Patient, ask: Ask) -> Question:
    return Question(patient.protocol.timeline(patient.records, patient.name), ask.at, ask.dose)


def _verdict(patient: Patient, expr: Expr, ask: Ask) -> str:
    return str(read(expr, _question(patient, ask)).verdict)


def _doses(protocol: Protocol) -> Iterator[Pair]:
    """Move each dose to the ends of its window and each gate to its limits; a gate has its pair once."""
    program, seen = protocol.program, set[str]()
    patient = _made(protocol, Wish(treated=True)) or _made(protocol, Wish(eligible=None, treated=True))
    if patient is None:
        return
    zone = program.zone
    patient = replace(patient, at=patient.at + _LATER)
    for name, (plan, number) in slots(program).items():
        raws = _doses_of(patient, plan.drugs, plan.name)
        if number > len(raws):
            continue
        raw = raws[number - 1]

        def word(other: Patient, name: str = name) -> str:
            # How it is timed alone: a gate of its own may read differently on another day.
            told = finding_words(other, "dose", name, "departure").split(", ")
            return ", ".join(word for word in told if word in {"early", "late"}) or "in its window"

        window = dose_window(patient, plan, number)
        for before, after in window:
            yield from _flipped(
                f"dose {name}",
                patient,
                {**raw, "planned": name},
                ({"time": shown_date(before)}, {"time": shown_date(after)}),
                differ_in="time",
                word=word,
            )
        when = parse_time(raw["time"], zone)
        assert when is not None
        at = when.instants[0] if when.instants else zone.end_of(when.first)
        for gate in (program.gates[each] for each in plan.gates):
            if gate.name in seen:
                continue

            def cleared(other: Patient, expr: Expr = gate.expr, ask: Ask = Ask(at, when)) -> str:  # noqa: B008
                return _verdict(other, expr, ask)

            pairs = tuple(_straddling(f"gate {gate.name}", gate.expr, patient, Ask(at, when), cleared))
            seen |= {gate.name} if pairs else set()
            yield from pairs


def _doses_of(patient: Patient, drugs: frozenset[str], plan: str) -> list[Raw]:
    """Give the doses of a plan: those of its drugs from the screening on."""
    screened = next((raw["time"] for raw in patient.raws if raw.get("milestone") == "screening"), "")
    given = [raw for raw in patient.raws if raw["kind"] == "administration" and raw.get("drug") in drugs]
    mine = [raw for raw in given if raw["time"] >= screened]
    named = [raw for raw in mine if raw.get("planned", "").startswith(f"{plan}#")]
    return named or mine


def _visits(protocol: Protocol) -> Iterator[Pair]:
    """Move each visit to the ends of its window."""
    patient = _made(protocol, Wish(treated=True)) or _made(protocol, Wish(eligible=None, treated=True))
    if patient is None:
        return
    zone = protocol.program.zone
    for plan in protocol.program.visits:
        question = _question(patient, Ask(patient.at + 4_000 * DAY))
        start, end = (
            None if point is None else locate(point, question).value for point in (plan.window.start, plan.window.end)
        )
        ends = []
        if isinstance(end, When) and not plan.window.before:
            ends.append((end.last, end.last + 1))
        if isinstance(start, When) and not plan.window.after:
            ends.append((start.first - 1, start.first))
        for one, other in ends:
            raw = {"id": "visit", "patient": patient.name, "kind": "milestone", "milestone": "visit"}
            raw |= {"visit": plan.name, "time": shown_date(one)}
            at = max(patient.at, zone.end_of(max(one, other) + 30))
            beside = replace(patient, raws=(*patient.raws, raw), at=at, expected=())

            def word(made: Patient, name: str = plan.name) -> str:
                return finding_words(made, "visit", name, "departure")

            keys = ({"time": shown_date(one)}, {"time": shown_date(other)})
            yield from _flipped(f"visit {plan.name}", beside, raw, keys, differ_in="time", word=word)


def _categories(protocol: Protocol) -> Iterator[Pair]:
    seen = set[tuple[str, ...]]()
    for response in protocol.program.responses:
        for visit in response.visits:
            where = f"{response.name}@{visit}"
            for word in categories(protocol.program)[where]:
                patient = _made(protocol, Wish(response={where: word}))
                conditions = [each.when for each in response.categories if each.visit == visit and each.when]
                if patient is None or not conditions:
                    continue

                def answer(other: Patient, where: str = where) -> str:
                    return finding_words(other, "category", where, "category")

                for expr in conditions:
                    for pair in _straddling(f"response {where}", expr, patient, Ask(patient.at), answer, times=False):
                        told = (where, _about(pair), *sorted(pair.words))
                        if told not in seen:
                            seen.add(told)
                            yield pair


# --- one record, one step ---------------------------------------------------------------------------------------------

_Word = Callable[[Patient], str]


def _straddling(
    about: str, expr: Expr, patient: Patient, ask: Ask, word: _Word, *, times: bool = True
) -> Iterator[Pair]:
    """Give the pairs that move one record over a limit of an expression."""
    seen = set[tuple[str, str]]()
    for query in parts_of(expr, Select):
        for raw in patient.raws:
            if raw["kind"] != query.kind or not _selects(query, raw, patient):
                continue
            if (raw["id"], "value") not in seen:
                flipped = set[tuple[str, str]]()
                for one, other in _numbers(expr, query, raw, patient):
                    for pair in _flipped(about, patient, raw, (one, other), differ_in="value", word=word):
                        seen.add((raw["id"], "value"))
                        if pair.words not in flipped:
                            flipped.add(pair.words)
                            yield pair
            if times and (raw["id"], "time") not in seen:
                for one, other in _times(query, patient, ask):
                    for pair in _flipped(about, patient, raw, (one, other), differ_in="time", word=word):
                        seen.add((raw["id"], "time"))
                        yield pair


def _selects(query: Select, raw: Raw, patient: Patient) -> bool:
    about = ABOUT.get(query.kind)
    for test in query.tests:
        if test.field == about and (words := words_of(test)) is not None:
            vocabulary = patient.protocol.program.vocabulary
            return bool(vocabulary.under(raw.get(about, "")) & words)
    return True


def _flipped(
    about: str, patient: Patient, raw: Raw, keys: tuple[Raw, Raw], *, differ_in: Literal["value", "time"], word: _Word
) -> Iterator[Pair]:
    """Give a pair if the answer is another on the other side."""
    one, other = (_changed(patient, {**raw, **each}) for each in keys)
    words = word(one), word(other)
    if words[0] != words[1]:
        yield Pair(about, differ_in, one, other, words, raw["id"])


def _changed(patient: Patient, raw: Raw) -> Patient:
    known = {**raw, "available": raw["time"]}
    raws = tuple(known if each["id"] == raw["id"] else each for each in patient.raws)
    return replace(patient, raws=raws, expected=())


def _numbers(expr: Expr, query: Select, raw: Raw, patient: Patient) -> Iterator[tuple[Raw, Raw]]:
    """Give neighbours around each limit that a number of a record may be compared with."""
    key = next((key for key in _NUMBERS if key in raw and parse_number(raw[key]) is not None), None)
    if key is None:
        return
    term = patient.protocol.program.vocabulary.get(raw.get(ABOUT.get(query.kind, ""), ""))
    step = step_of(term) if key == "value" else Fraction(1)
    number = parse_number(raw[key])
    assert number is not None
    factor = _factor(term, raw.get("unit", ""), key)
    for limit in dict.fromkeys((*_limits(expr, query), *_solved(expr, query, raw, patient, key))):
        near = limit / factor
        for one, other in (
            (near, near + step),
            (near - step, near),
            (near, near + step / 10),
            (near - step / 10, near),
        ):
            texts = decimal(one), decimal(other)
            if texts[0] is not None and texts[1] is not None and one >= 0:
                yield {key: texts[0]}, {key: texts[1]}


def _factor(term: Term | None, unit: str, key: str) -> Fraction:
    if term is None or key == "grade" or unit in {term.unit, ""}:
        return Fraction(1)
    return term.factors.get(unit.removesuffix("/d"), Fraction(1))


def _limits(expr: Expr, query: Select) -> Iterator[Fraction]:
    """Give the numbers that values of a selection are compared with."""
    for node in parts_of(expr, Compare):
        if not isinstance(node.right, Constant) or query not in [pick.of for pick in parts_of(node.left, Pick)]:
            continue
        values = [node.right.value, *(value for _, value in node.right.by_unit)]
        yield from (value.exact for value in values if isinstance(value, Interval) and value.exact is not None)
    for test in (*query.tests, *(run.holds for run in parts_of(expr, Run) if run.of == query)):
        value = test.against.value
        if isinstance(value, Interval) and value.exact is not None:
            yield value.exact


def _solved(expr: Expr, query: Select, raw: Raw, patient: Patient, key: str) -> Iterator[Fraction]:
    """Give the numbers at which a calculated value would be on its limit, by halving what is possible."""
    term = patient.protocol.program.vocabulary.get(raw.get("measure", ""))
    if (
        key != "value"
        or term is None
        or not any(
            isinstance(node.right, Constant) and not isinstance(node.left, Pick) for node in parts_of(expr, Compare)
        )
    ):
        return
    step, factor = step_of(term), _factor(term, raw.get("unit", ""), key)
    ask = Ask(patient.at)
    for node in parts_of(expr, Compare):
        if isinstance(node.left, Pick) or query not in [pick.of for pick in parts_of(node.left, Pick)]:
            continue

        def verdict(number: Fraction, node: Compare = node) -> str:
            text = decimal(number * step / factor)
            if text is None:
                return ""
            return _verdict(_changed(patient, {**raw, key: text}), node, ask)

        most = term.possible.high if term.possible.high is not None else step * 10_000
        low, high = Fraction(0), Fraction(most // step)
        ends = verdict(low), verdict(high)
        if ends[0] == ends[1] or "" in ends:
            continue
        while high - low > 1:
            middle = Fraction((low + high) // 2)
            low, high = (middle, high) if verdict(middle) == ends[0] else (low, middle)
        yield low * step
        yield high * step


def _times(query: Select, patient: Patient, ask: Ask) -> Iterator[tuple[Raw, Raw]]:
    """Give neighbours around each end of the window of a selection."""
    there = stretch(query.window, _question(patient, ask))
    if not isinstance(there, Stretch):
        return
    zone = patient.protocol.program.zone
    ends = [(there.last, there.last + 1)] if query.window.end is not None else []
    ends += [(there.first - 1, there.first)] if there.first is not None else []
    for one, other in ends:
        if there.clock:
            yield {"time": shown_clock(one, zone)}, {"time": shown_clock(other, zone)}
        else:
            yield {"time": shown_date(one)}, {"time": shown_date(other)}
