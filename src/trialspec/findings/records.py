"""What the records themselves come to: consent and screening, adverse events, and records in doubt."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from trialspec.findings.finding import Finding
from trialspec.findings.found import Found, found, shown_term, shown_times, told
from trialspec.findings.once import once
from trialspec.interpreters.reading import NOTHING, Missing, Question, Reading, earliest
from trialspec.interpreters.reference import cited, compare_when, locate, next_visible, visible, worlds
from trialspec.interpreters.selection import moved, passes, select
from trialspec.kernel import Constant, Dose, Moment, Select, Shift, Test, Window
from trialspec.quantity import Codes, Interval
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, every, negate, some, verdict

if TYPE_CHECKING:
    from trialspec.patient import Item, Problem
    from trialspec.program import Program
    from trialspec.quantity import Duration
    from trialspec.times import Zone

_ANSWER = {MET: "yes", NOT_MET: "no", UNKNOWN: "unknown"}


@cache
def milestone(*words: str) -> Select:
    """Select the milestones of these names; one that is not recorded has not happened."""
    test = Test("milestone", "in", Constant(Codes(frozenset(words))))
    return Select("milestone", (test,), history="always", label=" or ".join(words))


CONSENTED = Moment("consented", "last", milestone("consent"))
FIRST_CONSENT = Moment("consented", "first", milestone("consent"))
WITHDRAWN = Moment("consent_withdrawn", "last", milestone("consent_withdrawn"))
_SCREENED = Moment("screened", "last", milestone("screening"))
_ENTRY = Moment("entry", "first", milestone("consent", "enrolment"))


@once
def stopped(program: Program) -> Moment:
    """What ends visits and assessments; one from before the screening was of an earlier attempt to take part."""
    window = Window(start=program.moments.get("screened"))
    return Moment("stopped", "first", replace(milestone("consent_withdrawn", "left_study", "death"), window=window))


def since(when: When | None, zone: Zone) -> int | None:
    """Give the instant of something whose date is certain."""
    return when.span(zone)[0] if when is not None and when.certain else None


def selected(query: Select, question: Question) -> list[Item]:
    """Give the items that pass a selection's tests, or may, whenever they were."""
    return [
        item
        for item in question.timeline.items
        if item.kind == query.kind
        and item.answer == "yes"
        and every(passes(test, item) for test in query.tests) is not NOT_MET
    ]


# --- the patient ------------------------------------------------------------------------------------------------------


def patient(program: Program, question: Question) -> Found:
    """Say what is known of consent, screening and of the protocol version at the patient's site.

    - `consent`: `none`; `withdrawn` when the last withdrawal is not before the last consent; `valid` when the last
      consent is to the version of this program, `wrong_version` when it is to another, `unknown` when it tells no
      version, or the order or the version is not certain.
    - `screened`: whether the moment `screened` has happened (any screening, where the protocol names no such moment).
    - `version`, only where approvals at the patient's site are recorded: `approved` when one is of this version,
      `not_approved` when all are of others, `unknown` when one may be. An approval without a site is of the patient's.

    Facts: patient, consent, version (of the program), consented (date and version), site.
    """
    screened = program.moments.get("screened") or _SCREENED
    pinned = worlds(question, CONSENTED, WITHDRAWN, screened) or ()
    approvals = selected(milestone("version_approved"), question)
    screenings = [locate(screened, world) for world in pinned]
    seen = [_consent(program.version, world, when) for world, when in zip(pinned, screenings, strict=True)]
    consents = {word for word, _ in seen}
    version, approving = _approved(program.version, approvals, question)
    fields: dict[str, str | frozenset[str]] = {
        "consent": consents.pop() if len(consents) == 1 else "unknown",
        "screened": _ANSWER[agreed(verdict(met=reading.value is not None) for reading in screenings)],
    }
    words = told(
        None,
        patient=question.timeline.patient,
        version=program.version,
        consented=shown_times(given.value for _, given in seen if isinstance(given.value, When)),
        site=" or ".join(sorted(sites_of(question))),
    )
    readings = [*(given for _, given in seen), *screenings]
    watched = [*selected(milestone("consent", "consent_withdrawn"), question), *selected(screened.of, question)]
    made = Finding(
        "patient",
        question.timeline.patient,
        fields | ({"version": version} if version else {}),
        earliest(*(reading.until for reading in readings), next_visible([*watched, *approvals], question)),
        because=approving.union(*(reading.because for reading in readings)),
        missing=frozenset[Missing]().union(*(reading.missing for reading in screenings)),
        facts=words,
    )
    return found([made])


def _consent(version: str, world: Question, screening: Reading) -> tuple[str, Reading]:
    """Say how consent stands in one world, and when it was given.

    Where screening has a date and no more, consent of the same date is not taken to have come after it.
    """
    zone = world.timeline.zone
    given, taken, asked = locate(CONSENTED, world), locate(WITHDRAWN, world), world
    if isinstance(screening.value, When) and not screening.value.instants:
        evening = zone.end_of(screening.value.last)
        if given.value is None and world.at <= evening:
            asked = world.on(evening)
            given = replace(locate(CONSENTED, asked), until=given.until)
    because, until = given.because | taken.because, earliest(given.until, taken.until)
    if not isinstance(given.value, When):
        return ("withdrawn" if taken.value is not None else "none"), Reading(None, because, until=until)
    last = [item for item, _ in select(CONSENTED.of, asked).items if cited(item) & given.because]
    right = agreed(_is_version(version, item) for item in last)
    word = {MET: "valid", NOT_MET: "wrong_version", UNKNOWN: "unknown"}[right]
    if isinstance(taken.value, When) and compare_when(taken.value, given.value, zone)[0] is not MET:
        word = "withdrawn" if compare_when(given.value, taken.value, zone)[0] is MET else "unknown"
    return word, Reading(given.value, because, until=until)


def _is_version(version: str, item: Item) -> Verdict:
    told_ = item.fields.get("version")
    return told_.among(frozenset({version})) if isinstance(told_, Codes) else UNKNOWN


def sites_of(question: Question) -> frozenset[str]:
    """Give the sites that may be the patient's; none where no person record names one."""
    sites = [item.fields.get("site") for _, item in question.timeline.of_kind("person")]
    return frozenset(word for site in sites if isinstance(site, Codes) and site.words for word in site.words)


def _approved(version: str, approvals: list[Item], question: Question) -> tuple[str, frozenset[str]]:
    """Say whether this version was approved at the patient's site; empty where no approval there is in sight."""
    here = sites_of(question)
    right, other = set[Verdict](), False
    because = NOTHING
    for item in approvals:
        site = item.fields.get("site")
        at_site = MET if not isinstance(site, Codes) else UNKNOWN if not here else site.among(here)
        there = every((visible(item, question), at_site, MET if item.certain else UNKNOWN))
        if there is NOT_MET:
            continue
        right.add(every((there, _is_version(version, item))))
        other = True
        because |= cited(item)
    if not other:
        return "", NOTHING
    return {MET: "approved", NOT_MET: "not_approved", UNKNOWN: "unknown"}[some(right)], because


# --- screening --------------------------------------------------------------------------------------------------------


def unscreened(program: Program, world: Question) -> Reading:
    """Say whether the patient was enrolled or dosed and no screening was recorded, in one world.

    Enrolled: the moment `enrolled` has happened and every screening that is known was surely after it. Dosed: a planned
    drug was administered and no screening is known at all, whatever its date (a dose before a screening is history),
    unless the dose names no slot and was before every consent and enrolment that is known. A protocol without a moment
    `screened` asks for no screening.
    """
    screened, enrolled = program.moments.get("screened"), program.moments.get("enrolled")
    if screened is None:
        return Reading(NOT_MET)
    screening = locate(screened, world)
    if screening.value is not None:
        return Reading(NOT_MET, screening.because, until=screening.until)
    enrolment = Reading(None) if enrolled is None else locate(enrolled, world)
    doses = _doses(program, world)
    until = earliest(screening.until, enrolment.until, next_visible(doses, world))
    known = selected(milestone("screening"), world)
    if isinstance(enrolment.value, When):
        # A screening of the same date as the enrolment, where one of them has no time of day, is not missing.
        then = enrolment.value
        known = [item for item in known if compare_when(then, item.when, world.timeline.zone)[0] is not MET]
        if not known:
            return Reading(MET, enrolment.because, frozenset({Missing("screening")}), until)
    if known:
        return Reading(NOT_MET, frozenset().union(*(cited(item) for item in known)), until=until)
    # A dose that is dated later is nothing yet, and decides nothing.
    given = [(item, _is_trial_dose(item, world)) for item in doses if visible(item, world) is not NOT_MET]
    dosed = some(counts for _, counts in given)
    deciding = [item for item, counts in given if counts is dosed]
    # That it was history is told by what came after it.
    deciding += selected(_ENTRY.of, world) if given and dosed is NOT_MET else []
    because = frozenset[str]().union(*(cited(item) for item in deciding))
    return Reading(dosed, because, frozenset() if dosed is NOT_MET else frozenset({Missing("screening")}), until)


@once
def planned_doses(program: Program) -> Select:
    """Select the doses of all planned drugs."""
    drugs = frozenset[str]().union(*(plan.drugs for plan in program.doses))
    return Select("administration", (Test("drug", "in", Constant(Codes(drugs))),))


def _doses(program: Program, world: Question) -> list[Item]:
    return selected(planned_doses(program), world) if program.doses else []


def _is_trial_dose(item: Item, world: Question) -> Verdict:
    there = every((visible(item, world), MET if item.certain else UNKNOWN))
    if "planned" in item.fields:
        return there
    entries = selected(_ENTRY.of, world)
    if not entries:
        return there
    # A dose is history when it was before every consent and enrolment that is known.
    earlier = every(compare_when(item.when, entry.when, world.timeline.zone)[0] for entry in entries)
    return every((there, negate(earlier)))


def _no_screening(program: Program, question: Question) -> Found:
    points = [moment for name, moment in program.moments.items() if name in {"screened", "enrolled"}]
    pinned = worlds(question, *points, _ENTRY)
    appearing = next_visible(selected(milestone("screening", "enrolment", "consent"), question), question)
    if pinned is None:
        return found([], appearing, next_visible(_doses(program, question), question))
    readings = [unscreened(program, world) for world in pinned]
    untils = [appearing, *(reading.until for reading in readings)]
    if agreed(reading.verdict for reading in readings) is not MET:
        return found([], *untils)
    because = frozenset[str]().union(*(reading.because for reading in readings))
    missing = frozenset({Missing("screening")})
    words = told(None, missing, record="screening", problem="no_screening", events=", ".join(sorted(because)))
    words["reason"] = "enrolled or dosed, and no screening is recorded"
    fields = {"problem": "no_screening"}
    made = Finding("record", "screening", fields, earliest(*untils), None, because, missing, words, tuple(readings))
    return found([made])


# --- records in doubt -------------------------------------------------------------------------------------------------


def records(program: Program, question: Question) -> Found:
    """Name the records that ask for a correction, each from the first instant at which what it tells of may be seen.

    A record without a time is in doubt from the start. A patient who was enrolled or dosed and has no screening record
    is `no_screening`. Facts: record, problem, reason, events.
    """
    zone = question.timeline.zone
    seen = [(problem, _first_seen(problem, zone)) for problem in question.timeline.problems]
    made = [_record(problem, zone) for problem, at in seen if at is None or at <= question.at]
    later = [at for _, at in seen if at is not None and at > question.at]
    screening = _no_screening(program, question)
    return found([*made, *screening.findings], screening.until, *later)


def _first_seen(problem: Problem, zone: Zone) -> int | None:
    return None if problem.when is None else problem.when.span(zone)[0]


def _record(problem: Problem, zone: Zone) -> Finding:
    words = told(None, record=problem.subject, problem=problem.problem, reason=problem.reason)
    words["events"] = ", ".join(sorted(problem.events))
    return Finding(
        "record",
        problem.subject,
        {"problem": problem.problem},
        since=since(problem.when, zone),
        because=problem.events,
        facts=words,
    )


# --- adverse events ---------------------------------------------------------------------------------------------------


def adverse_events(program: Program, question: Question) -> Found:
    """Say of each adverse event whether it is serious, graded, and was reported late.

    `grade_known` needs the grade and the version of the scale. A serious event is reported late when it was entered
    later than `report_within` after the site could know it, or after it happened where that is not recorded; a limit in
    days falls at the end of its date. A protocol that states no limit has no late report.
    Facts: adverse_event, term, grade, date, recorded, limit.
    """
    items = [item for item in question.timeline.items if item.kind == "adverse_event" and item.answer == "yes"]
    seen = [item for item in items if visible(item, question) is not NOT_MET]
    # Two contents in conflict are two items of one id.
    by_id = {item.id: [other for other in seen if other.id == item.id] for item in seen}
    made = [_adverse_event(program, contents, question) for contents in by_id.values()]
    return found(made, next_visible(items, question))


def _adverse_event(program: Program, contents: list[Item], question: Question) -> Finding:
    name, zone = contents[0].id, question.timeline.zone
    serious = agreed(_is_serious(item) for item in contents)
    late = agreed(every((serious, _late(item, program.report_within, zone))) for item in contents)
    answers = {
        "serious": _ANSWER[serious],
        "grade_known": "yes" if all(_graded(item) for item in contents) else "no",
        "reported_late": _ANSWER[late],
    }
    open_ = (("serious", serious), ("recorded", late))
    missing = frozenset(Missing(f"{name}: {what}") for what, answer in open_ if answer is UNKNOWN)
    words = told(
        None,
        missing,
        adverse_event=name,
        term=_either(contents, "term") or _concept(program, contents),
        grade=_either(contents, "grade"),
        date=shown_times(item.when for item in contents),
        recorded=_either(contents, "recorded"),
        limit="" if program.report_within is None else str(program.report_within),
    )
    start = since(contents[0].when, zone) if len({item.when for item in contents}) == 1 else None
    because = frozenset[str]().union(*(cited(item) for item in contents))
    return Finding("adverse_event", name, answers, None, start, because, missing, words)


def _either(contents: list[Item], field: str) -> str:
    return " or ".join(sorted({str(item.fields[field]) for item in contents if field in item.fields}))


def _concept(program: Program, contents: list[Item]) -> str:
    return " or ".join(sorted({shown_term(program.vocabulary, item.fields.get("concept")) for item in contents}))


def _is_serious(item: Item) -> Verdict:
    value = item.fields.get("serious")
    return value.among(frozenset({"yes"})) if isinstance(value, Codes) else UNKNOWN


def _graded(item: Item) -> bool:
    """Whether one grade is recorded, with the scale that gives it a meaning."""
    grade, scale = item.fields.get("grade"), item.fields.get("scale")
    scaled = isinstance(scale, Codes) and scale.words is not None and len(scale.words) == 1
    return scaled and isinstance(grade, Interval) and grade.exact is not None


def _late(item: Item, within: Duration | None, zone: Zone) -> Verdict:
    """Say whether an item was entered later than a duration after the site was aware of it."""
    if within is None:
        return NOT_MET
    recorded, available = item.fields.get("recorded"), item.fields.get("available")
    if not isinstance(recorded, When):
        return UNKNOWN
    limit = moved(available if isinstance(available, When) else item.visible, Shift(Dose(), within), zone)
    return negate(compare_when(recorded, limit, zone, clock=within.seconds is not None)[1])
