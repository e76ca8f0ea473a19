"""What several versions of a protocol find of one patient, who is judged by one of them at each instant.

What a version finds settled when it begins to judge (a dose that was given, a visit whose time is over, eligibility
once enrolled) is for the version before it to judge, and stays so. Where the records leave open which version judges,
only that is found which all those agree on that may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from trialspec.findings import Found, Group, groups
from trialspec.findings.consents import History, Stretch, histories
from trialspec.findings.dose_facts import shown_word
from trialspec.findings.finding import Finding
from trialspec.findings.found import shown_missing
from trialspec.findings.possible import joined_departures
from trialspec.interpreters.reading import NOTHING, Missing, Question, earliest
from trialspec.interpreters.reference import cited, locate, worlds
from trialspec.rulebook.table import SUBJECTS
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict, agreed, verdict

if TYPE_CHECKING:
    from trialspec.patient import Kind
    from trialspec.program import Program

_Key = tuple[str, str]
_Told = dict[_Key, Finding]


def amended(programs: Sequence[Program]) -> tuple[Group, ...]:
    """Give the groups of a protocol of several versions, the oldest first."""
    each = [{group.name: group for group in groups(program)} for program in programs]
    names = dict.fromkeys(name for by_name in reversed(each) for name in by_name)
    return tuple(_group(name, programs, [by_name.get(name) for by_name in each]) for name in names)


def judging(programs: Sequence[Program], question: Question) -> tuple[int, ...]:
    """Give the versions by which a patient is judged at the instant of a question: several where that is open."""
    ways = histories([program.version for program in programs], question).ways
    return tuple(range(len(programs))) if ways is None else tuple(sorted({way[-1].version for way in ways}))


def _group(name: str, programs: Sequence[Program], versions: Sequence[Group | None]) -> Group:
    there = [group for group in versions if group is not None]
    kinds: frozenset[Kind] | None = frozenset({"milestone", "person"})
    for group in there:
        kinds = None if kinds is None or group.kinds is None else kinds | group.kinds
    return Group(
        name,
        partial(_read, name, programs, versions),
        kinds,
        any(group.retold for group in there),
        any(group.recalls for group in there),
        any(group.foresees for group in there),
        any(group.closes for group in there),
    )


def _read(name: str, programs: Sequence[Program], versions: Sequence[Group | None], question: Question) -> Found:
    """Read what one group of each version finds, and give what is found of the patient."""
    telling = _Telling(
        programs,
        versions,
        question,
        name != "patient",
        _remembered(question, f"{name} as told at {_told_at(question)}"),
        _remembered(question, "enrolled"),
    )
    told = histories([program.version for program in programs], question)
    # Too many ways: it may be any of the versions throughout.
    ways = told.ways or [(Stretch(None, number, number),) for number in range(len(programs))]
    found = [telling.along(way) for way in ways]
    keys = [key for key in found[0][0] if all(key in each for each, _ in found)]
    findings = tuple(_agreed([each[key] for each, _ in found]) for key in keys)
    return Found(findings, earliest(told.until, *(until for _, until in found)))


@dataclass(slots=True)
class _Telling:
    """One reading of a group, in every version that may judge.

    `settles`: something in the group may be settled, and so stay with the version that it was found by. `read` is what
    a version found at an instant, and `enrolled` whether the patient was by then, remembered for a whole telling.
    """

    programs: Sequence[Program]
    versions: Sequence[Group | None]
    question: Question
    settles: bool
    read: dict[tuple[int, int], Found]
    enrolled: dict[tuple[int, int], Verdict]

    def along(self, way: History) -> tuple[_Told, int | None]:
        """Give what is found if the versions followed each other in one way."""
        judged = [next(stretches) for _, stretches in groupby(way, key=lambda stretch: stretch.version)]
        found, until = self.told(judged, self.question.at)
        made: _Told = {}
        for key, finding in found.items():
            if finding.subject == "patient":
                made[key] = self.consent(finding, way[-1])
            elif finding.subject == "dose" and finding.fields.get("state") == "given":
                made[key], due = self.treated(finding, way)
                until = earliest(until, due)
            else:
                made[key] = finding
        return made, until

    def at(self, version: int, at: int) -> Found:
        """Read what one version finds at an instant."""
        group = self.versions[version]
        if group is None:
            return Found((), None)
        found = self.read.get((version, at))
        if found is None:
            asked = self.question
            own: dict[str, object] = _remembered(asked, f"version {version}")
            on = replace(asked, at=at, told_at=_told_at(asked), remembered=own)
            found = self.read[version, at] = group(on)
        return found

    def told(self, judged: Sequence[Stretch], at: int) -> tuple[_Told, int | None]:
        """Give what is found at an instant if the last of some stretches goes on until then."""
        *earlier, last = judged
        now = self.at(last.version, at)
        judge = (self.programs[last.version].version,)
        found = {_key(finding): replace(finding, judged_by=judge) for finding in now.findings}
        if last.start is None or not self.settles:
            return found, now.until
        former, until = self.told(earlier, at)
        before, _ = self.told(earlier, last.start - 1)
        first = {_key(finding): finding for finding in self.at(last.version, last.start).findings}
        chosen: _Told = {}
        for key in dict.fromkeys((*found, *former)):
            was = self.settled(before.get(key), earlier[-1].version, last.start - 1)
            found_settled = self.settled(first.get(key), last.version, last.start)
            if _at_once(found.get(key), last):
                # It was done in the hours in which the version may have begun to judge.
                found_settled = NOT_MET if last.doubt == last.start else UNKNOWN
            done = was is MET and before[key].fields.get("state") not in _NOT_DONE
            made = found.get(key)
            if done or found_settled is MET or (was is MET and key not in first and key not in found):
                made = former.get(key)
            elif found_settled is UNKNOWN:
                made = _agreed([found[key], former[key]]) if key in found and key in former else _unsure(made)
            if made is not None:
                chosen[key] = made
        return chosen, earliest(now.until, until)

    def settled(self, finding: Finding | None, version: int, at: int) -> Verdict:
        """Say whether what a finding is about was over at the instant at which a version found it."""
        match finding:
            case None:
                return NOT_MET
            case Finding(subject="criterion"):
                # An enrolment at this very instant was not over by then.
                if (version, at) not in self.enrolled:
                    self.enrolled[version, at] = _enrolled(self.programs[version], self.question.on(at - 1))
                return self.enrolled[version, at]
            case Finding(subject="therapy"):
                return _ended(finding, self.question.on(at))
            case Finding(subject="adverse_event"):
                return UNKNOWN if finding.since is None else MET
            case Finding(subject="record"):
                # A screening may still be recorded; what a record tells of was so when it was written.
                return NOT_MET if finding.fields["problem"] == "no_screening" else MET
            case _:
                field_, words = _SETTLED.get(finding.subject, ("", NOTHING))
                told = finding.fields.get(field_)
                return MET if told in words else UNKNOWN if told == "unknown" else NOT_MET

    # --- consent ------------------------------------------------------------------------------------------------------

    def consent(self, finding: Finding, stretch: Stretch) -> Finding:
        """Say of a consent that is to the version which judges whether a newer one has taken its place."""
        fields, facts = dict(finding.fields), dict(finding.facts)
        because = finding.because
        if fields["consent"] == "valid" and stretch.outdated:
            fields["consent"] = "wrong_version" if stretch.late else "outdated"
            because |= stretch.because
        if fields["consent"] != "valid":
            facts["version"] = self.programs[stretch.in_force].version
        if fields.get("version") == "not_approved" and stretch.beyond:
            # That a newer one is approved says nothing of this one.
            del fields["version"]
        return replace(finding, fields=fields, facts=facts, because=because)

    def treated(self, dose: Finding, way: History) -> tuple[Finding, int | None]:
        """Say of a dose that was given whether consent was outdated; of one without a time of day, all of its date."""
        zone = self.question.timeline.zone
        if dose.since is None:
            over = [stretch for stretch in way if stretch.outdated]
            return (_departed(dose, "departure_unknown", over[-1]) if over else dose), None
        first = last = dose.since
        if not self.timed(dose):
            last = zone.end_of(zone.date_of(first))
        if last > self.question.at:
            return dose, last
        ends = [later.start for later in way[1:]]
        during = [
            stretch
            for stretch, end in zip(way, (*ends, None), strict=True)
            if (stretch.start is None or stretch.start <= last) and (end is None or end > first)
        ]
        if not all(stretch.outdated for stretch in during):
            return dose, None
        return _departed(dose, "departure", during[-1]), None

    def timed(self, dose: Finding) -> bool:
        """Whether the hour of a dose is known."""
        zone = self.question.timeline.zone
        return any(
            item.when.instants and item.when.span(zone)[0] == dose.since and cited(item) & dose.because
            for _, item in self.question.timeline.of_kind("administration")
        )


def _at_once(finding: Finding | None, begun: Stretch) -> bool:
    """Whether something was done as a version began to judge, or may have been."""
    if finding is None or finding.since is None or begun.start is None or finding.subject not in _DATED:
        return False
    return begun.start <= finding.since <= (begun.start if begun.doubt is None else begun.doubt)


def _told_at(question: Question) -> int:
    return question.at if question.told_at is None else question.told_at


def _remembered(question: Question, what: str) -> dict[Any, Any]:
    """Give what is remembered under a name for all questions of one telling."""
    return cast("dict[Any, Any]", question.remembered.setdefault(what, {}))


def _key(finding: Finding) -> _Key:
    return finding.subject, finding.name


# --- what is settled --------------------------------------------------------------------------------------------------

_DATED = frozenset({"dose", "visit", "adverse_event", "eligibility"})
_NOT_DONE = frozenset({"missed", "cancelled"})
# The field that tells whether something is over, and the words that say so.
_SETTLED: Mapping[str, tuple[str, frozenset[str]]] = {
    "dose": ("state", _NOT_DONE | {"given", "not_given"}),
    **dict.fromkeys(("visit", "assessment"), ("state", _NOT_DONE | {"done"})),
    **dict.fromkeys(("component", "category"), ("final", frozenset({"yes"}))),
    "course": ("complete", frozenset({"yes", "no"})),
    "eligibility": ("enrolled", frozenset({"yes"})),
}


def _enrolled(program: Program, question: Question) -> Verdict:
    """Say whether the patient was enrolled."""
    moment = program.moments.get("enrolled")
    if moment is None:
        return NOT_MET
    pinned = worlds(question, moment)
    if pinned is None:
        return UNKNOWN
    return agreed(verdict(met=isinstance(locate(moment, world).value, When)) for world in pinned)


def _ended(finding: Finding, question: Question) -> Verdict:
    """Say whether a therapy was over; one dose of a drug is over once it was given."""
    zone, found = question.timeline.zone, set[Verdict]()
    for item in question.timeline.items:
        if item.id == finding.name:
            end = item.when if item.end is None else item.end
            low, high = end.span(zone)
            found.add(MET if high <= question.at else NOT_MET if low > question.at else UNKNOWN)
    return found.pop() if len(found) == 1 else UNKNOWN


def _unsure(finding: Finding | None) -> Finding | None:
    """Say of a therapy that one version prohibits, and another does not, that it may have gone on."""
    if finding is None or finding.subject != "therapy":
        return None
    fields = {name: "unknown" if word == "yes" else word for name, word in finding.fields.items()}
    asked = finding.missing | {Missing(f"{finding.name}: end")}
    return replace(finding, fields=fields, missing=asked, facts={**finding.facts, "missing": shown_missing(asked)})


# --- what several agree on --------------------------------------------------------------------------------------------


def _departed(dose: Finding, where: str, stretch: Stretch) -> Finding:
    words = dose.fields.get(where, NOTHING)
    assert isinstance(words, frozenset)
    words |= {"outdated_consent"}
    facts = {**dose.facts, where: shown_word(", ".join(sorted(words)))}
    return replace(dose, fields={**dose.fields, where: words}, facts=facts, because=dose.because | stretch.because)


def _agreed(findings: Sequence[Finding]) -> Finding:
    """Join what several versions find, or one of them at several times: the rest is unknown, or not told."""
    first = findings[0]
    if all(finding == first for finding in findings):
        return first
    departures = joined_departures(findings, everywhere=True)
    told = {name: _joined(name, findings) for name in first.fields if name not in departures}
    fields = departures | {name: word for name, word in told.items() if word}
    return replace(
        first,
        fields=fields,
        until=earliest(*(finding.until for finding in findings)),
        since=first.since if len({finding.since for finding in findings}) == 1 else None,
        because=NOTHING.union(*(finding.because for finding in findings)),
        missing=frozenset[Missing]().union(*(finding.missing for finding in findings)),
        facts={name: _shown(finding.facts.get(name, "") for finding in findings) for name in first.facts},
        judged_by=tuple(dict.fromkeys(version for finding in findings for version in finding.judged_by)),
    )


def _joined(name: str, found: Sequence[Finding]) -> str | frozenset[str] | None:
    """Give the word on which all agree; else the one for what is open, if there is one."""
    first = found[0].fields[name]
    if all(finding.fields.get(name) == first for finding in found):
        return first
    possible = SUBJECTS[found[0].subject][name].values
    return next((word for word in ("unknown", "undetermined") if word in possible), None)


def _shown(words: Iterable[str]) -> str:
    return " or ".join(sorted({word for word in words if word}))
