"""Records that a selection selects, written as a site would write them: a leaf of a drug class, a round number, a unit.

What a field must be is a `Domain`: an interval for numbers, a set of words for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from trialspec.kernel import Arithmetic, Compare, Constant, Pick, Select, Test, parts_of
from trialspec.patient import Kind
from trialspec.program import Program
from trialspec.quantity import ANYTHING, Interval, Operator, compare, exactly, parse_number, scale
from trialspec.testing.draft import words_of
from trialspec.testing.generated.choices import Choose
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict
from trialspec.vocabulary import Term

if TYPE_CHECKING:
    from trialspec.testing.draft import Raw

Domain = Interval | frozenset[str]
ABOUT: Mapping[Kind, str] = {
    "observation": "measure",
    "administration": "drug",
    "therapy": "drug",
    "condition": "concept",
    "adverse_event": "concept",
    "procedure": "concept",
    "milestone": "milestone",
}
# How a number is written: the key, and the key of its unit.
_PLAIN_NUMBERS = {"value", "amount", "dose", "grade"}
_ENOUGH = 8


class Style(Interface):
    """How made patients look: which number a measure has where many would do, and how far from a planned day it is."""

    def number(self, term: Term, domain: Interval) -> Fraction | None:
        """Give a likely number of a measure in a domain; `None` for the plainest."""

    def day(self, planned: int) -> int:
        """Give the day on which something that is planned for a day is done; the same for all that is done then."""
        ...


# --- domains ----------------------------------------------------------------------------------------------------------


def side(operator: Operator, limit: Interval, wanted: Verdict) -> Interval | None:
    """Give the numbers that compare with a limit as wanted, whatever number of its own the limit is."""
    if wanted is UNKNOWN:
        return None
    if wanted is NOT_MET:
        opposite: Mapping[Operator, Operator] = {
            "above": "at_most",
            "at_most": "above",
            "below": "at_least",
            "at_least": "below",
        }
        operator = opposite[operator]
    match operator:
        case "above" | "at_least":
            return None if limit.high is None else Interval(limit.high, None, low_open=operator == "above")
        case "below" | "at_most":
            return None if limit.low is None else Interval(None, limit.low, high_open=operator == "below")


def both(one: Interval, other: Interval) -> Interval | None:
    """Give the numbers that are in two intervals; `None` if there are none."""
    low = max((end for end in (_low(one), _low(other)) if end is not None), default=None)
    high = min((end for end in (_high(one), _high(other)) if end is not None), default=None)
    low_at, low_open = (None, False) if low is None else (low[0], low[1] == 1)
    high_at, high_open = (None, False) if high is None else (high[0], high[1] == 0)
    if low_at is None or high_at is None:
        return Interval(low_at, high_at, low_open, high_open)
    if low_at > high_at or (low_at == high_at and (low_open or high_open)):
        return None
    return Interval(low_at, high_at, low_open, high_open)


def _low(interval: Interval) -> tuple[Fraction, int] | None:
    return None if interval.low is None else (interval.low, 1 if interval.low_open else 0)


def _high(interval: Interval) -> tuple[Fraction, int] | None:
    return None if interval.high is None else (interval.high, 0 if interval.high_open else 1)


def inside(value: object, domain: Interval) -> bool:
    """Whether every number that a value may be is in a domain."""
    if not isinstance(value, Interval):
        return False
    joined = both(value, domain)
    return joined == value


def holds(number: Fraction, domain: Interval) -> bool:
    """Whether a number is in a domain."""
    return both(exactly(number), domain) is not None


# --- round numbers ----------------------------------------------------------------------------------------------------


def round_numbers(domain: Interval, step: Fraction, usual: Iterable[Fraction] = ()) -> list[Fraction]:
    """Give some numbers of a domain, the plainest first: usual ones, ends, and what lies a step inside of them."""
    found: list[Fraction] = [number for number in usual if holds(number, domain)]
    size = step
    for _ in range(8):
        for end, sign in ((domain.low, 1), (domain.high, -1)):
            if end is None:
                continue
            near = -((-end) // size) * size if sign > 0 else (end // size) * size
            found += [near, near + sign * size, near + sign * 10 * size]
        if domain.low is None and domain.high is None:
            found += [size, 10 * size]
        if any(holds(number, domain) and _decimal(number) is not None for number in found):
            break
        size /= 10
    if domain.low is not None and domain.high is not None:
        found.append(((domain.low + domain.high) / 2 // size) * size)
    found += [end * factor for end in (domain.low, domain.high) if end for factor in (2, Fraction(1, 2))]
    kept = [number for number in found if holds(number, domain) and _decimal(number) is not None]
    return list(dict.fromkeys(kept))[:_ENOUGH]


@lru_cache(maxsize=20_000)
def _decimal(number: Fraction) -> str | None:
    """Write a number as a short decimal; `None` where it has none."""
    for digits in range(9):
        scaled = number * 10**digits
        if scaled.denominator == 1:
            whole, sign = abs(scaled.numerator), "-" if number < 0 else ""
            units, rest = divmod(whole, 10**digits)
            return f"{sign}{units}.{rest:0{digits}}" if digits else f"{sign}{units}"
    return None


def decimal(number: Fraction) -> str | None:
    """Write a number as a short decimal; `None` where it has none."""
    return _decimal(number)


def step_of(term: Term | None) -> Fraction:
    """Give the step in which a measure is usually told: its resolution; of one without, a tenth of its unit."""
    if term is not None and term.resolution:
        return term.resolution
    return Fraction(1, 10) if term is not None and term.unit else Fraction(1)


_known: dict[int, tuple[Program, Mapping[str, tuple[Fraction, ...]]]] = {}


def numbers_near(program: Program, term: Term) -> tuple[Fraction, ...]:
    """Give numbers near the limits that the protocol names for a measure."""
    found: list[Fraction] = []
    step = step_of(term)
    for limit in limits(program).get(term.name, ()):
        found += [limit * 2, limit / 2, limit, limit + step, limit - step]
    return tuple(dict.fromkeys(number for number in found if holds(number, term.possible)))


def usual_numbers(program: Program, term: Term) -> tuple[Fraction, ...]:
    """Give numbers that a measure may well have: near the limits that the protocol names, and in what is possible."""
    found = [*numbers_near(program, term)]
    step = step_of(term)
    low, high = term.possible.low, term.possible.high
    scale_ = step * 10
    found += [scale_, scale_ * 2, scale_ * 10, step * 5, step]
    if low is not None and high is not None:
        found += [(low + (high - low) / part) // step * step for part in (8, 4, 2)]
    return tuple(dict.fromkeys(number for number in found if holds(number, term.possible)))


def limits(program: Program) -> Mapping[str, tuple[Fraction, ...]]:
    """Give, by measure, the numbers that the protocol compares its values with."""
    entry = _known.get(id(program))
    if entry is None:
        if len(_known) > 50:
            _known.clear()
        entry = _known[id(program)] = (program, _limits(program))
    return entry[1]


def _limits(program: Program) -> Mapping[str, tuple[Fraction, ...]]:
    found: dict[str, list[Fraction]] = {}
    for node in parts_of(program, Compare):
        if not (isinstance(node.right, Constant) and isinstance(node.right.value, Interval)):
            continue
        number = node.right.value.exact
        if number is None or isinstance(node.left, Arithmetic):
            continue
        for pick in parts_of(node.left, Pick):
            for test in pick.of.tests:
                if test.field == "measure" and pick.field == "value":
                    for name in words_of(test) or ():
                        found.setdefault(name, []).append(number)
    return {name: tuple(dict.fromkeys(numbers)) for name, numbers in found.items()}


# --- records ----------------------------------------------------------------------------------------------------------


def records(
    program: Program,
    query: Select,
    choose: Choose,
    fields: Mapping[str, Domain] | None = None,
    *,
    unit: str | None = None,
    vary: bool = False,
    style: Style | None = None,
) -> Iterator[dict[str, str]]:
    """Give records, without a time, that pass every test of a selection, with fields as they should be.

    Without `vary` the plainest come first, and few of them. `unit` is the one in which a number is to be written.
    """
    wanted = _wanted(query, fields or {})
    if wanted is None:
        return
    about = ABOUT.get(query.kind)
    names: list[str | None] = [None]
    if about is not None:
        words = wanted.pop(about, None)
        names = list(_names(program, query, words if isinstance(words, frozenset) else None, choose, vary=vary))
    for name in names:
        start: dict[str, str] = {"kind": query.kind}
        if about is not None and name is not None:
            start[about] = name
        term = None if name is None else program.vocabulary.get(name)
        fields_ = dict(wanted)
        if query.kind == "observation" and not any(key.startswith("value") for key in fields_):
            fields_["value"] = term.values if term is not None and term.coded else ANYTHING
        yield from _with_fields(_Writer(program, term, unit, style), start, fields_)


def _wanted(query: Select, fields: Mapping[str, Domain]) -> dict[str, Domain] | None:
    """Join what the tests of a selection ask for with what is asked beside."""
    found: dict[str, Domain] = dict(fields)
    for test in query.tests:
        domain = domain_of(test)
        if domain is None:
            return None
        before = found.get(test.field)
        if before is None:
            if test.absent is not MET:
                found[test.field] = domain
            continue
        if isinstance(before, frozenset) and isinstance(domain, frozenset):
            found[test.field] = before & domain
            if not before & domain:
                return None
        elif isinstance(before, Interval) and isinstance(domain, Interval):
            joined = both(before, domain)
            if joined is None:
                return None
            found[test.field] = joined
        else:
            return None
    return found


def domain_of(test: Test, wanted: Verdict = MET) -> Domain | None:
    """Give what a field may be so that a test is met."""
    if test.operator == "in":
        return words_of(test)
    value = test.against.value
    return side(test.operator, value, wanted) if isinstance(value, Interval) else None


def _names(
    program: Program, query: Select, words: frozenset[str] | None, choose: Choose, *, vary: bool
) -> Iterator[str]:
    """Give names that stand for something the selection asks for, and for nothing else; leaves come first."""
    vocabulary = program.vocabulary
    sorts = {
        "observation": {"measure"},
        "administration": {"drug"},
        "therapy": {"drug"},
        "condition": {"condition"},
        "adverse_event": {"adverse_event"},
        "procedure": {"procedure"},
    }.get(query.kind)
    if words is None:
        there = [term.name for term in vocabulary.terms.values() if sorts is None or term.sort in sorts]
        words = frozenset(there)
    if sorts is None:
        yield from sorted(words)
        return
    fitting = [
        name
        for name in sorted(words)
        if (term := vocabulary.get(name)) is not None and term.sort in sorts and vocabulary.under(name) <= words
    ]
    first = [name for name in fitting if name == query.label]
    rest = [name for name in fitting if name != query.label]
    ordered = first + rest
    if vary and len(ordered) > 1:
        start = choose(len(ordered))
        ordered = ordered[start:] + ordered[:start]
    yield from ordered[:_ENOUGH]


@dataclass(frozen=True, slots=True)
class _Writer:
    """What the fields of one record are written by."""

    program: Program
    term: Term | None
    unit: str | None
    style: Style | None


def _with_fields(writer: _Writer, raw: dict[str, str], wanted: dict[str, Domain]) -> Iterator[dict[str, str]]:
    """Give records with every field that is wanted."""
    if not wanted:
        yield raw
        return
    name, domain = next(iter(wanted.items()))
    left = {key: value for key, value in wanted.items() if key != name}
    for keys in _said(writer, name, domain):
        yield from _with_fields(writer, {**raw, **keys}, left)


def _said(writer: _Writer, name: str, domain: Domain) -> Iterator[dict[str, str]]:
    """Give ways to write one field."""
    term, unit = writer.term, writer.unit
    if isinstance(domain, frozenset):
        allowed = domain
        if name == "value" and term is not None and term.coded:
            allowed = domain & term.values
        for word in sorted(allowed)[:_ENOUGH]:
            yield {name: word}
        return
    if name in {"value_over_high", "value_over_low"} and term is not None:
        yield from _ratios(name, domain, term, unit)
        return
    if name == "grade":
        for number in round_numbers(both(domain, Interval(Fraction(1), Fraction(5))) or domain, Fraction(1)):
            yield {"grade": decimal(number) or "", "scale": "CTCAE v5"}
        return
    if name not in _PLAIN_NUMBERS or term is None:
        return
    possible = term.possible if name == "value" else Interval(Fraction(0), None, low_open=True)
    there = both(domain, possible)
    if there is None:
        return
    usual = list(usual_numbers(writer.program, term)) if name == "value" else []
    likely = writer.style.number(term, there) if writer.style is not None and name == "value" else None
    if likely is not None:
        usual.insert(0, likely)
    for number in round_numbers(there, step_of(term) if name == "value" else Fraction(50), usual):
        for written in written_in(term, number, unit):
            per = "/d" if name == "dose" and written.get("unit") else ""
            yield {name: written["value"], **({"unit": written["unit"] + per} if "unit" in written else {})}


def written_in(term: Term, number: Fraction, unit: str | None = None) -> Iterator[dict[str, str]]:
    """Write a number of a measure's own unit in one of the accepted units; nothing where that is no short decimal."""
    if unit is not None and unit != term.unit:
        factor = term.factors.get(unit)
        text = None if not factor else decimal(number / factor)
        if text is not None:
            yield {"value": text, "unit": unit}
        return
    text = decimal(number)
    if text is not None:
        yield {"value": text, "unit": term.unit} if term.unit else {"value": text}


def _ratios(name: str, domain: Interval, term: Term, unit: str | None) -> Iterator[dict[str, str]]:
    """Write a value with the end of a reference range, so that their ratio is in a domain."""
    key = name.removeprefix("value_over_")
    number = term.possible.high or Fraction(100)
    for end in (Fraction(1), Fraction(10), Fraction(100), number / 8):
        limit = decimal(end)
        there = both(scale(domain, end), term.possible)
        if limit is None or there is None or compare(exactly(end), "above", term.possible) is MET:
            continue
        for value in round_numbers(there, step_of(term)):
            for written in written_in(term, value):
                if unit in {None, term.unit}:
                    yield {**written, key: limit}


def denial(program: Program, query: Select) -> dict[str, str] | None:
    """Give a record of *asked and denied* that covers all that a selection asks for."""
    about = ABOUT.get(query.kind)
    if about is None or query.kind in {"observation", "milestone"}:
        return None
    words = next((words_of(test) for test in query.tests if test.field == about), None)
    if words is None:
        return None
    for name in sorted(words, key=lambda name: (-len(program.vocabulary.under(name)), name)):
        if words <= program.vocabulary.under(name):
            return {"kind": query.kind, about: name, "absent": "yes"}
    return None


def number_in(raw: Raw) -> Fraction | None:
    """Give the number that a record tells."""
    for key in ("value", "amount", "dose"):
        if key in raw:
            return parse_number(raw[key])
    return None
