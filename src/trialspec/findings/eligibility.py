"""Eligibility: each criterion as it reads now, and three answers of which none is frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_times, told
from trialspec.interpreters.reading import NOTHING, Missing, Question, Reading, earliest
from trialspec.interpreters.reference import locate, next_visible, read, worlds
from trialspec.interpreters.selection import passes
from trialspec.patient import Timeline
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every

if TYPE_CHECKING:
    from trialspec.kernel import Moment
    from trialspec.patient import Item
    from trialspec.program import Criterion, Program


def criteria(program: Program, question: Question) -> Found:
    """Say of each criterion how it reads at the instant of the question."""
    return found(criterion(each, question) for each in program.criteria)


def criterion(asked: Criterion, question: Question) -> Finding:
    """Say how one criterion reads; facts: criterion, role, verdict, margin, text, clause, assumed, missing."""
    reading = read(asked.expr, question)
    words = told(
        asked.provenance,
        reading.missing,
        criterion=asked.name,
        role=asked.role,
        verdict=str(reading.verdict),
        margin="" if reading.margin is None else str(reading.margin),
    )
    return Finding(
        "criterion",
        asked.name,
        {"role": asked.role, "verdict": str(reading.verdict)},
        reading.until,
        None,
        reading.because,
        reading.missing if reading.verdict is UNKNOWN else frozenset(),
        words,
        (reading,),
        asked.provenance,
        asked.place,
    )


# --- the three answers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a patient is eligible, by the criteria as read at one instant."""

    word: str
    because: frozenset[str] = NOTHING
    missing: frozenset[Missing] = frozenset()
    until: int | None = None
    failed: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


NOT_ENROLLED = "not_enrolled"
UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class _World:
    """One way in which enrolment may have come about: whether and when it did, and the answers then."""

    enrolled: Verdict
    when: When | None
    now: _Answer
    at_enrolment: _Answer
    as_known: _Answer
    because: frozenset[str]
    until: int | None


def eligibility(program: Program, question: Question) -> Found:
    """Say whether the patient is eligible now, was at enrolment, and was as far as was known then.

    - Eligible: every inclusion is met and every exclusion not met. Ineligible: an inclusion is not met or an exclusion
      is met. Otherwise undetermined.
    - `at_enrolment` is asked at the instant of the first enrolment (the end of its date where no time is known) with
      today's knowledge of events up to then; an enrolment of uncertain date is tried at each of its possible times.
    - `as_known` is asked at the same instant of the timeline as it was known then. Of that instant's own enrolment
      it is taken that whoever enrolled knew of it. Where a question cannot tell, it is undetermined.
    - Before enrolment both are `not_enrolled`. From enrolment on `now` is the answer at enrolment: nobody is eligible
      or ineligible for what has been decided, so no later reading may raise or end an alert about it.

    Facts: enrolled (the date), failed and open (names of criteria at the deciding instant), text, missing.
    """
    enrolled = program.moments.get("enrolled")
    pinned = (question,) if enrolled is None else worlds(question, enrolled)
    if enrolled is None:
        now = _answer(program, question)
        seen = [_World(NOT_MET, None, now, _Answer(NOT_ENROLLED), _Answer(NOT_ENROLLED), NOTHING, now.until)]
    elif pinned is None:
        open_ = _Answer(UNDETERMINED, missing=frozenset({Missing("enrolled")}))
        until = next_visible(question.timeline.items, question)
        seen = [_World(UNKNOWN, None, open_, open_, open_, NOTHING, until)]
    else:
        seen = [_world(program, enrolled, world) for world in pinned]
    return found([_eligibility(seen, question)])


def _world(program: Program, enrolled: Moment, world: Question) -> _World:
    moment = locate(enrolled, world)
    when = moment.value
    if not isinstance(when, When):
        now, none = _answer(program, world), _Answer(NOT_ENROLLED)
        return _World(NOT_MET, None, now, none, none, moment.because, earliest(now.until, moment.until))
    instant = when.span(world.timeline.zone)[1]
    then = _answer(program, world.on(instant))
    if world.known_at is None:
        known = _Answer(UNDETERMINED)
    else:
        known = _answer(program, Question(_with_enrolment(world.known_at(instant), world.timeline, enrolled), instant))
    # What was so at a fixed instant stays so while no event arrives: only the moment itself can still move.
    return _World(MET, when, then, then, known, moment.because, moment.until)


def _with_enrolment(known: Timeline, world: Timeline, enrolled: Moment) -> Timeline:
    kept = tuple(item for item in known.items if not _could_be(item, enrolled))
    return replace(known, items=(*kept, *(item for item in world.items if _could_be(item, enrolled))))


def _could_be(item: Item, moment: Moment) -> bool:
    if item.kind != moment.of.kind or item.answer != "yes":
        return False
    return every(passes(test, item) for test in moment.of.tests) is not NOT_MET


def _answer(program: Program, question: Question) -> _Answer:
    """Read every criterion; what fails decides, by the first of them in the protocol's order."""
    readings = tuple(read(each.expr, question) for each in program.criteria)
    wanted = [MET if each.role == "include" else NOT_MET for each in program.criteria]
    pairs = list(zip(program.criteria, readings, wanted, strict=True))
    failed = [(each, reading) for each, reading, good in pairs if reading.verdict not in {good, UNKNOWN}]
    unsure = [(each, reading) for each, reading, _ in pairs if reading.verdict is UNKNOWN]
    citing = [failed[0][1]] if failed else list(readings)
    return _Answer(
        "ineligible" if failed else UNDETERMINED if unsure else "eligible",
        frozenset[str]().union(*(reading.because for reading in citing)),
        frozenset[Missing]().union(*(reading.missing for _, reading in unsure)) if not failed else frozenset(),
        earliest(*(reading.until for reading in readings)),
        tuple(each.name for each, _ in failed),
        tuple(each.name for each, _ in unsure),
        readings,
    )


def _eligibility(seen: list[_World], question: Question) -> Finding:
    enrolled = agreed(each.enrolled for each in seen)
    then = [each.at_enrolment for each in seen]
    deciding = then if enrolled is MET else [each.now for each in seen]
    missing = frozenset[Missing]().union(*(each.missing for each in deciding))
    dates = [each.when for each in seen if each.when is not None]
    certain = len(set(dates)) == 1 and enrolled is MET
    words = told(
        None,
        missing,
        enrolled=shown_times(dates),
        failed=", ".join(dict.fromkeys(name for each in deciding for name in each.failed)),
        open=", ".join(dict.fromkeys(name for each in deciding for name in each.open)),
    )
    return Finding(
        "eligibility",
        "eligibility",
        {
            "now": _joined([each.now for each in seen]),
            "at_enrolment": _joined(then),
            "as_known": _joined([each.as_known for each in seen]),
            "enrolled": {MET: "yes", NOT_MET: "no", UNKNOWN: "unknown"}[enrolled],
        },
        earliest(*(each.until for each in seen)),
        dates[0].span(question.timeline.zone)[0] if certain else None,
        frozenset[str]().union(*(each.because | each.now.because for each in seen)),
        missing,
        words,
        deciding[0].readings,
    )


def _joined(answers: list[_Answer]) -> str:
    """Give what all worlds agree on."""
    words = {answer.word for answer in answers}
    return words.pop() if len(words) == 1 else UNDETERMINED
