"""The laws that hold of every protocol: what a report and a watch say, whatever comes in and however it does.

A law takes a watch (a protocol and a stream of its patients' records) and whoever makes its choices. It raises
`AssertionError` with what differs. `trialspec fuzz` runs all of them, and so do the project's own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.events import Record
from trialspec.explain import only
from trialspec.findings import Group
from trialspec.interpreters.reading import Question
from trialspec.interpreters.reference import read
from trialspec.kernel import Expr
from trialspec.patient import Timeline
from trialspec.program import Program
from trialspec.quantity import parse_number
from trialspec.testing.dates import shown_clock
from trialspec.testing.draft import Raw
from trialspec.testing.generated.choices import Choose, any_of, between, coin, one_of
from trialspec.testing.happenings import Days, Matter, days_around, happening, matter, said_in
from trialspec.testing.made import record
from trialspec.testing.protocols import written
from trialspec.testing.streams import ORDERED, Stream, stream
from trialspec.testing.watching import (
    Make,
    Watch,
    checked,
    order_decides_nothing,
    otherwise,
    stopping_changes_nothing,
    stops,
    time_may_jump,
    watching,
)
from trialspec.times import DAY, parse_time, shown_date
from trialspec.truth import UNKNOWN

Holds = Callable[[Watch, Choose], object]


@dataclass(frozen=True, slots=True)
class Law:
    """One law: its name, what it says, and how it is looked at. `whole` laws are about reports, not about watches."""

    name: str
    says: str
    holds: Holds


def watch(choose: Choose, protocol: Protocol, most: int = 4, *, made: int = ORDERED, make: Make = watching) -> Watch:
    """Give a watch of a protocol; `made` is how many patients in a hundred are made to order."""
    drawn = stream(choose, protocol, most=most, made=made)
    return Watch(protocol, drawn, any_of(choose, (6, 9), (1, 1), (1, 0)), make=make)


# Made to order are few of the patients of a protocol that is itself drawn: to find out how costs more than they show.
SELDOM = 4


def watch_of_any(choose: Choose, make: Make = watching) -> Watch:
    """Give a watch of a generated protocol."""
    of = written(choose)
    return replace(watch(choose, of.load(), made=SELDOM, make=make), text=of.text)


# --- what a report says -----------------------------------------------------------------------------------------------


def report_told(protocol: Protocol, records: Iterable[Record], patient: str, at: int) -> object:
    """What a report says, without the words in which it came."""
    report = protocol.report(records, patient, at=at)
    findings = [(each.subject, each.name, dict(each.fields)) for each in report.findings]
    alerts = {str(key): (each.opened, each.closed) for key, each in report.alerts.items()}
    return findings, alerts, sorted((each.subject, each.problem) for each in report.problems)


def same_report(protocol: Protocol, one: Iterable[Raw], other: Iterable[Raw], patient: str, at: int) -> None:
    """Fail where two sets of records that a law calls equal do not give equal reports."""
    reports = [report_told(protocol, [record(raw) for raw in raws], patient, at) for raws in (one, other)]
    assert reports[0] == reports[1], _difference(*reports)
    assert protocol.incidents == (), "the two evaluators of the rules differ"


def _difference(one: object, other: object) -> str:
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    for mine, theirs in zip(one, other, strict=True):
        if mine == theirs:
            continue
        if isinstance(mine, dict) and isinstance(theirs, dict):
            keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
            return f"{keys[0]}: {mine.get(keys[0], 'nothing')} and {theirs.get(keys[0], 'nothing')}"
        left = [each for each in mine if each not in theirs] + [each for each in theirs if each not in mine]
        return f"{left[0] if left else mine}: only on one side"
    return "they differ"


def _end(stream_: Stream) -> int:
    return stream_.steps[-1].at


def _mine(watch_: Watch) -> tuple[str, tuple[Raw, ...]]:
    """Give the first patient of a watch with all records: others may claim an id of theirs."""
    return watch_.stream.patients[0], watch_.stream.raws


def order_and_duplication(watch_: Watch, choose: Choose) -> None:
    """Law 1: the same set of records gives the same findings and the same alerts at the same instant."""
    patient, raws = _mine(watch_)
    left = [*raws, *(one_of(choose, raws) for _ in range(between(choose, 0, 3)) if raws)]
    other = []
    while left:
        other.append(left.pop(choose(len(left))))
    same_report(watch_.protocol, raws, other, patient, _end(watch_.stream))


def retraction_and_correction(watch_: Watch, choose: Choose) -> None:
    """Law 2: with today's knowledge a retracted record leaves nothing; a correction stands in the first one's place."""
    patient, raws = _mine(watch_)
    about = matter(watch_.protocol)
    days = _days(choose, about, watch_)
    names = {"id": "x-1", "patient": patient}
    wrong, right = ({**happening(choose, about, days), **names} for _ in range(2))
    gone = {**names, "revision": "1", "status": "entered_in_error"}
    at = _end(watch_.stream)
    same_report(watch_.protocol, [*raws, wrong, gone], raws, patient, at)
    same_report(watch_.protocol, [*raws, wrong, {**right, "revision": "1"}], [*raws, right], patient, at)


def units_and_offsets(watch_: Watch, choose: Choose) -> None:
    """Law 6: equal quantities in any accepted unit, and equal instants with any offset, change nothing."""
    patient, raws = _mine(watch_)
    program = watch_.protocol.program
    if _by_unit(program):
        # A limit that each unit has of its own is another limit in another unit.
        other = tuple(_in_another_offset(choose, program, raw) for raw in raws)
    else:
        other = tuple(_in_another_unit(choose, program, _in_another_offset(choose, program, raw)) for raw in raws)
    # Two records of one id that differ in how they are written are a conflict of their own.
    said: dict[tuple[str, str], set[str]] = {}
    for raw in raws:
        said.setdefault((raw["id"], raw.get("revision", "0")), set()).add(str(sorted(raw.items())))
    changed = [
        new if len(said[raw["id"], raw.get("revision", "0")]) == 1 else raw
        for raw, new in zip(raws, other, strict=True)
    ]
    ids: dict[tuple[str, str], Raw] = {}
    for raw in changed:
        ids.setdefault((raw["id"], raw.get("revision", "0")), raw)
    told = [
        ids[raw["id"], raw.get("revision", "0")] if len(said[raw["id"], raw.get("revision", "0")]) == 1 else raw
        for raw in changed
    ]
    same_report(watch_.protocol, raws, told, patient, _end(watch_.stream))


def _by_unit(program: Program) -> bool:
    from trialspec.kernel import Constant, parts_of  # noqa: PLC0415

    return any(each.by_unit for each in parts_of(program, Constant))


def _in_another_offset(choose: Choose, program: Program, raw: Raw) -> Raw:
    """Say the same instant as the clocks of the protocol's zone show it."""
    time = raw.get("time", "")
    zoned = len(time) > 10 and (time.endswith("Z") or "+" in time[10:] or "-" in time[10:])
    if not zoned or coin(choose) or raw.get("site"):
        return raw
    when = parse_time(time, program.zone)
    if when is None or len(when.instants) != 1:
        return raw
    return {**raw, "time": shown_clock(when.instants[0], program.zone)}


def _in_another_unit(choose: Choose, program: Program, raw: Raw) -> Raw:
    term = program.vocabulary.get(raw.get("measure", ""))
    text = raw.get("value", "")
    sign = text[:1] if text[:1] in "<>" else ""
    number = parse_number(text.removeprefix(sign)) if text else None
    if term is None or term.coded or number is None or "unit" not in raw or "high" in raw or "low" in raw:
        return raw
    factor = term.factors.get(raw["unit"], Fraction(1) if raw["unit"] == term.unit else None)
    if factor is None:
        return raw
    ways = said_in(term, number * factor)
    if not ways:
        return raw
    way = one_of(choose, ways)
    return {**raw, **way, "value": f"{sign}{way['value']}"}


def _days(choose: Choose, about: Matter, watch_: Watch) -> Days:
    """Give the days on which records came in: more may be about them."""
    zone = watch_.protocol.program.zone
    found = dict.fromkeys(zone.date_of(step.at) for step in watch_.stream.steps)
    return days_around(choose, about, min(found), tuple(found))


def read_alone(watch_: Watch, choose: Choose) -> None:
    """Law 7: other patients' records, under ids of their own, change nothing."""
    patient, raws = _mine(watch_)
    about = matter(watch_.protocol)
    days = _days(choose, about, watch_)
    others = [
        {**happening(choose, about, days), "id": f"other-{number}", "patient": "OTHER"}
        for number in range(between(choose, 1, 4))
    ]
    same_report(watch_.protocol, raws, [*others, *raws], patient, _end(watch_.stream))


def holds_until(watch_: Watch, choose: Choose) -> None:
    """Law 4: no finding changes before its `until` while nothing comes in, and `until` is later than now."""
    patient, raws = _mine(watch_)
    protocol = watch_.protocol
    records = [record(raw) for raw in raws]
    seen = protocol.timeline(records, patient)
    first, last = watch_.stream.steps[0].at, _end(watch_.stream)
    at = between(choose, first, max(first, last))

    def known_at(instant: int) -> Timeline:
        return protocol.timeline(records, patient, known=instant)

    question = Question(seen, at, known_at=known_at)
    groups = protocol.groups
    group = one_of(choose, groups)
    _holds(group, question, choose)


def _holds(group: Group, question: Question, choose: Choose) -> None:
    at = question.at
    before = group(question)
    until = before.until
    assert until is None or until > at, f"{group.name}: until {until} is not later than {at}"
    end = at + 500 * DAY if until is None else until - 1
    wanted = [(each.subject, each.name, each.fields) for each in before.findings]
    for instant in dict.fromkeys((end, between(choose, at, max(at, end)), at + (end - at) // 2)):
        found = [(each.subject, each.name, each.fields) for each in group(question.on(instant)).findings]
        assert found == wanted, f"{group.name} was to hold from {at} until {until}, and is another at {instant}"


def sharpening_only_resolves(watch_: Watch, choose: Choose) -> None:
    """Law 5: a record that says more, and contradicts nothing, changes no `met` or `not_met`."""
    patient, raws = _mine(watch_)
    protocol, at = watch_.protocol, _end(watch_.stream)
    sharper = tuple(_sharper(choose, protocol.program, raw) for raw in raws)
    before, after = (
        Question(protocol.timeline([record(raw) for raw in each], patient), at) for each in (raws, sharper)
    )
    for name, expr in _statements(protocol.program):
        one, other = read(expr, before).verdict, read(expr, after).verdict
        assert one is UNKNOWN or one is other, f"{name} was {one}, and is {other} of records that only say more"


def _sharper(choose: Choose, program: Program, raw: Raw) -> Raw:
    """Say more of what a record leaves open: a number below a limit, a month."""
    said = dict(raw)
    text = said.get("value", "")
    if text.startswith("<") and coin(choose) and (number := parse_number(text[1:])) is not None and number > 0:
        term = program.vocabulary.get(said.get("measure", ""))
        ways = [] if term is None or not term.unit else said_in(term, Fraction(0))
        inside = [way["value"] for way in ways if way.get("unit") == said.get("unit")]
        said["value"] = one_of(choose, inside) if inside else said["value"]
    time = said.get("time", "")
    if len(time) == 7 and coin(choose) and (when := parse_time(time, program.zone)) is not None:
        said["time"] = shown_date(between(choose, when.first, when.last))
    return said


def explanation_suffices(watch_: Watch, choose: Choose) -> None:
    """Law 10: the records that an answer cites give the same answer without the others."""
    patient, raws = _mine(watch_)
    protocol = watch_.protocol
    seen = protocol.timeline([record(raw) for raw in raws], patient)
    first, last = watch_.stream.steps[0].at, _end(watch_.stream)
    question = Question(seen, between(choose, first, max(first, last)))
    for name, expr in _statements(protocol.program):
        reading = read(expr, question)
        again = read(expr, Question(only(seen, reading.because), question.at))
        assert again.value == reading.value, (
            f"{name} is {reading.value}, and {again.value} of {sorted(reading.because)} alone"
        )


def _statements(program: Program) -> list[tuple[str, Expr]]:
    """Give every statement that is read at an instant of its own."""
    found: list[tuple[str, Expr]] = [(each.name, each.expr) for each in program.criteria]
    for response in program.responses:
        found += [(f"{response.name} {each.name}", each.expr) for each in response.components]
    return found


def watched_is_reported(watch_: Watch, choose: Choose) -> None:  # noqa: ARG001 - every law takes who chooses
    """Law 3: after every batch, at what is due, a second before and after, alerts are those of a report."""
    checked(watch_)
    assert watch_.protocol.incidents == (), "the two evaluators of the rules differ"


def stopping(watch_: Watch, choose: Choose) -> None:
    """Law 8: the journal of a watch that is stopped and started anywhere is that of one that never stopped."""
    stopping_changes_nothing(watch_, stops(choose, watch_))


def batches(watch_: Watch, choose: Choose) -> None:
    """Law 1: at each instant alerts and journal are the same in any order, batched in any way."""
    order_decides_nothing(watch_, otherwise(choose, watch_))


def jumping(watch_: Watch, choose: Choose) -> None:  # noqa: ARG001 - every law takes who chooses
    """Law 3: all told at once at the end, or before it happened, leads to the same alerts."""
    time_may_jump(watch_)


LAWS: tuple[Law, ...] = (
    Law("watched-is-reported", "the live monitor says what a report says, at every instant", watched_is_reported),
    Law(
        "order-and-duplication", "the same records give the same report, in any order and twice", order_and_duplication
    ),
    Law("batches", "it does not matter how records are batched", batches),
    Law("time-may-jump", "it does not matter in which steps time goes on", jumping),
    Law("stop-and-start", "a watch that is stopped and started says what one that goes on says", stopping),
    Law("retraction-and-correction", "a retracted record has never been", retraction_and_correction),
    Law("until", "nothing changes before it is due", holds_until),
    Law("units-and-offsets", "equal quantities and equal instants are equal", units_and_offsets),
    Law("read-alone", "no patient is read by another's records", read_alone),
    Law("sharpening", "what only says more changes no answer", sharpening_only_resolves),
    Law("explanation", "the records that an answer cites suffice for it", explanation_suffices),
)
BY_NAME: Mapping[str, Law] = {law.name: law for law in LAWS}


def chosen(names: Sequence[str]) -> tuple[Law, ...]:
    """Give the laws of some names; all where none is named."""
    return tuple(law for law in LAWS if not names or law.name in names)
