"""Mistakes in a protocol that no case notices, each with the patient who would show it.

`trialspec.proofs.mistakes` makes them. One that means the same as the original is none: that is proved, and it is not
listed. A mistake in a plan is looked for among patients who keep to it, or just do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trialspec import alerts, findings
from trialspec.casebook import PATIENT
from trialspec.casebook.running import disagrees
from trialspec.evaluation import PatientReport, Protocol
from trialspec.interpreters.reading import Question
from trialspec.proofs.compliant import end_of, follow, visit_window
from trialspec.proofs.finding import event_as_data
from trialspec.proofs.mistakes import Mutant, mutants
from trialspec.quantity import shown
from trialspec.solver.asking import LIMIT, Asker, Claim, failed, met
from trialspec.solver.witness import PATIENT as SHOWN
from trialspec.solver.witness import Witness
from trialspec.times import Zone, parse_time, shown_date
from trialspec.truth import NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from trialspec.casebook import Asked, Case, Casebook, Expectation
    from trialspec.events import Event
    from trialspec.findings import Finding, Group
    from trialspec.patient import Timeline
    from trialspec.program import Program
    from trialspec.proofs.compliant import How, Trial


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no case notices, and the patient who would; without one nobody was found."""

    mutant: Mutant
    witness: Witness | None
    shows: str = ""
    expected: str = ""
    why: str = ""


# --- who notices ------------------------------------------------------------------------------------------------------


def _groups(mutant: Mutant) -> frozenset[str]:
    """Name the groups of findings that a mistake can change: nothing else reads what was changed."""
    part, _, name = mutant.of.partition(" ")
    program = mutant.program
    responses = frozenset(f"response {each.name}" for each in program.responses)
    match part:
        case "criterion":
            return frozenset({f"criterion {name}", "eligibility"})
        case "component" | "category":
            return frozenset({f"response {name.partition(' ')[0]}"})
        case "visit":
            criteria = frozenset(f"criterion {each.name}" for each in program.criteria)
            return frozenset({"visits", "doses", "eligibility"}) | criteria | responses
        case "prohibited" | "rescue":
            return frozenset({"therapies"}) | responses
        case _:
            return frozenset({"doses"})


@dataclass(frozen=True, slots=True)
class _Sitting:
    """One instant at which a case expects something, and the timeline that it is asked of."""

    case: Case
    asked: Asked
    seen: Timeline

    def question(self, protocol: Protocol) -> Question:
        """Ask it of a protocol."""
        return Question(self.seen, self.asked.at, known_at=lambda at: self._known(protocol, at))

    def _known(self, protocol: Protocol, at: int) -> Timeline:
        return protocol.timeline(self.case.events, PATIENT, known=at)


@dataclass(slots=True)
class _Jury:
    """The cases of a protocol, with what each group of findings came to by the protocol as it is."""

    protocol: Protocol
    sittings: tuple[_Sitting, ...]
    found: dict[tuple[int, str], tuple[Finding, ...]] = field(default_factory=dict)
    raised: dict[tuple[int, str], alerts.State] = field(default_factory=dict)

    def notices(self, mutant: Mutant) -> bool:
        """Whether some case comes out otherwise than it expects: what is found is looked at first, alerts last."""
        changed, names = with_program(self.protocol, mutant.program), _groups(mutant)
        told = range(len(self.sittings))
        if any(self._finds(changed, number, names) for number in told):
            return True
        asking = [
            number for number in told if any(each.subject in _ALERTS for each in self.sittings[number].asked.expected)
        ]
        return any(self._raises(changed, number, names) for number in asking)

    def _finds(self, changed: Protocol, number: int, names: frozenset[str]) -> bool:
        sitting = self.sittings[number]
        expected = [each for each in sitting.asked.expected if each.subject not in _ALERTS]
        if not expected:
            return False
        question = sitting.question(changed)
        findings_: list[Finding] = []
        same = True
        for mine, theirs in zip(self.protocol.groups, changed.groups, strict=True):
            was = self._group(number, mine)
            now = theirs(question).findings if mine.name in names else was
            same = same and now == was
            findings_ += now
        return not same and self._disagrees(expected, changed, number, tuple(findings_), {})

    def _group(self, number: int, group: Group) -> tuple[Finding, ...]:
        key = number, group.name
        if key not in self.found:
            self.found[key] = group(self.sittings[number].question(self.protocol)).findings
        return self.found[key]

    def _raises(self, changed: Protocol, number: int, names: frozenset[str]) -> bool:
        sitting = self.sittings[number]
        expected = [each for each in sitting.asked.expected if each.subject in _ALERTS]
        state: alerts.State = {}
        same = True
        for mine, theirs in zip(self.protocol.groups, changed.groups, strict=True):
            key = number, mine.name
            if key not in self.raised:
                self.raised[key] = alerts.state(self.protocol.context, [mine], sitting.question(self.protocol))
            was = self.raised[key]
            now = alerts.state(changed.context, [theirs], sitting.question(changed)) if mine.name in names else was
            same = same and _brief(now) == _brief(was)
            state |= now
        return not same and self._disagrees(expected, changed, number, (), state)

    def _disagrees(
        self,
        expected: Iterable[Expectation],
        changed: Protocol,
        number: int,
        found: tuple[Finding, ...],
        raised: alerts.State,
    ) -> bool:
        sitting = self.sittings[number]
        asked = sitting.asked
        report = PatientReport(PATIENT, asked.at, asked.known, sitting.seen, found, raised, changed.program)
        return any(disagrees(each, report) for each in expected)


_ALERTS = frozenset({"alerts", "raised"})


def _brief(state: alerts.State) -> set[tuple[str, str, bool]]:
    return {(key.rule, key.subject, episode.over) for key, episode in state.items()}


def _jury(protocol: Protocol, books: Sequence[Casebook]) -> _Jury:
    sittings = [
        _Sitting(case, asked, protocol.timeline(case.events, PATIENT, known=asked.known))
        for book in books
        for case in book.cases
        if not case.xfail
        for asked in case.asked
    ]
    return _Jury(protocol, tuple(sittings))


def with_program(protocol: Protocol, program: Program) -> Protocol:
    """Give a protocol with another program and the same rules."""
    return Protocol(program, protocol.rulebook)


def survivors(
    protocol: Protocol,
    books: Sequence[Casebook],
    made: Iterable[Mutant] | None = None,
    *,
    limit: int = LIMIT,
    step: Callable[[], None] = lambda: None,
) -> tuple[tuple[Survivor, ...], int]:
    """Give the mutants that no case notices and that mean something else, and how many mutants there were.

    Those that are `made` are tried, or else all.
    """
    jury = _jury(protocol, books)
    found, count = [], 0
    trials: list[Trial] | None = None
    for mutant in mutants(protocol.program) if made is None else made:
        step()
        count += 1
        if jury.notices(mutant):
            continue
        if mutant.exprs is not None:
            survivor = _told_apart(protocol, mutant, limit)
            if survivor is not None:
                found.append(survivor)
            continue
        if trials is None:
            trials = list(_trials(protocol, limit))
        survivor = _shown(protocol, mutant, _neighbours(mutant, trials))
        found.append(survivor or Survivor(mutant, None, why="no patient tried so far shows it"))
    return tuple(found), count


def _told_apart(protocol: Protocol, mutant: Mutant, limit: int) -> Survivor | None:
    """Look for a patient of whom the statement and its mutant read differently; nothing where there is none."""
    assert mutant.exprs is not None
    old, new = mutant.exprs
    asker = Asker(protocol.program, (*mutant.exprs, *mutant.earlier), 2, limit)
    why = ""
    for one, other in ((old, new), (new, old)):
        for verdicts in ({NOT_MET}, {NOT_MET, UNKNOWN}):
            answer = asker.shown(met(one), Claim(other, frozenset(verdicts)), *map(failed, mutant.earlier))
            if answer.witness is not None:
                return _shown(protocol, mutant, [answer.witness]) or Survivor(mutant, answer.witness)
            if answer.outcome == "open":
                why = answer.why
    return Survivor(mutant, None, why=f"not proved: {why}") if why else None


# --- patients who keep to the plan, and their neighbours --------------------------------------------------------------


def _trials(protocol: Protocol, limit: int) -> Iterator[Trial]:
    """Give patients who keep to the plan, or to the edge of what is permitted."""
    for how in _HABITS:
        trial = follow(protocol, how, limit)
        if trial is not None:
            yield trial


_HABITS: tuple[How, ...] = ("plan", "early", "late")


def _neighbours(mutant: Mutant, trials: Iterable[Trial]) -> Iterator[Witness]:
    """Give those patients, and others of whom the dose or visit that was changed is a little otherwise."""
    part, _, name = mutant.of.partition(" ")
    for trial in trials:
        yield Witness(tuple(trial.events), end_of(trial))
        for mark in _marks(trial, part, name):
            own = [each for each in trial.events if mark in {each.content.get("planned"), each.content.get("visit")}]
            others = tuple(each for each in trial.events if each not in own)
            for at in _ends_of_days(trial, own[0]):
                yield Witness(others, at)
            for changed in _otherwise(trial, mark, own):
                for at in (_ends_of_days(trial, changed[0])[0], end_of(trial)):
                    yield Witness((*others, *changed), at)


def _marks(trial: Trial, part: str, name: str) -> list[str]:
    """Name the doses or the visit that a mistake is about: the first and the last of a dose."""
    if part == "visit":
        return [name] if name in trial.seen else []
    slots = [each.slot for each in trial.doses if part != "dose" or each.plan.name == name]
    return list(dict.fromkeys((*slots[:1], *slots[-1:])))


def _ends_of_days(trial: Trial, event: Event) -> tuple[int, ...]:
    """Give the ends of the days from an event on, one by one, for some weeks."""
    zone = trial.protocol.program.zone
    when = parse_time(event.time, zone)
    assert when is not None, "it was read before"
    return tuple(zone.end_of(when.first + days) for days in range(22))


def _otherwise(trial: Trial, mark: str, own: Sequence[Event]) -> Iterator[tuple[Event, ...]]:
    """Change a dose or a visit a little: its date, its amount, its route."""
    for days in sorted(_shifts(trial, mark), key=abs):
        yield tuple(_on_another_day(each, days) for each in own)
    for event in own:
        if event.kind != "administration":
            continue
        plan = next(each.plan for each in trial.doses if each.slot == mark)
        if plan.amount is not None and plan.amount.exact is not None:
            for share in (plan.amount_within, -plan.amount_within, Fraction(1, 10), Fraction(-1, 10)):
                amount = shown(plan.amount.exact * (1 + share), 9)
                yield (replace(event, content={**event.content, "amount": amount}),)
        if plan.routes:
            other = min({"oral", "intravenous"} - plan.routes, default="subcutaneous")
            yield (replace(event, content={**event.content, "route": other}),)


def _shifts(trial: Trial, mark: str) -> frozenset[int]:
    """Give by how many days a dose or visit is moved to its limits, and just beyond them."""
    program = trial.protocol.program
    visit = next((each for each in program.visits if each.name == mark), None)
    window = None if visit is None else visit_window(trial, visit)
    if window is not None:
        day = trial.visits[mark]
        return frozenset(to + more - day for to in window for more in (-1, 0, 1)) - {0}
    dose = next(each for each in trial.doses if each.slot == mark)
    limits = [-(dose.plan.early.days or 0), 0, dose.plan.late.days or 0]
    course = None if program.course is None else trial.located(program.course.through)
    limits += [] if course is None else [course.first - dose.day]
    return frozenset(limit + more for limit in limits for more in (-1, 0, 1)) - {0}


def _on_another_day(event: Event, by: int) -> Event:
    day, _, clock = event.time.partition("T")
    when = parse_time(day, _ANY_ZONE)
    assert when is not None, "it was written as a date"
    time = f"{shown_date(when.first + by)}T{clock}"
    return replace(event, time=time, available=time)


_ANY_ZONE = Zone("UTC")


def _shown(protocol: Protocol, mutant: Mutant, patients: Iterable[Witness]) -> Survivor | None:
    """Give the first patient of whom something else is found, with no more events than show it."""
    changed, names = with_program(protocol, mutant.program), _groups(mutant)

    def difference(patient: Witness) -> tuple[str, str] | None:
        # What was read for one question is remembered with it: each protocol has its own.
        seen = protocol.timeline(patient.events, SHOWN)
        was, now = (_read(one, names, Question(seen, patient.at)) for one in (protocol, changed))
        return _difference(was, now)

    for patient in patients:
        told = difference(patient)
        if told is None:
            continue
        events = tuple(sorted(patient.events, key=lambda event: event.time))
        for event in events:
            fewer = tuple(each for each in events if each is not event)
            if difference(Witness(fewer, patient.at)) == told:
                events = fewer
        return Survivor(mutant, Witness(events, patient.at), *told)
    return None


def _difference(was: Iterable[Finding], now: Iterable[Finding]) -> tuple[str, str] | None:
    """Name the first finding that differs, and how it reads by the protocol as it is."""
    others = {(each.subject, each.name): each for each in now}
    for finding in was:
        other = others.get((finding.subject, finding.name))
        for name, value in finding.fields.items():
            if other is not None and other.fields.get(name) != value:
                told = value if isinstance(value, str) else f"[{', '.join(sorted(value)) or 'none'}]"
                return f"{finding.subject} {finding.name}", f"{name}: {told}"
    return None


def _read(protocol: Protocol, names: frozenset[str], question: Question) -> tuple[Finding, ...]:
    return findings.read([group for group in protocol.groups if group.name in names], question)


def as_data(survivor: Survivor) -> dict[str, Any]:
    """Give a survivor as plain data."""
    mutant = survivor.mutant
    found: dict[str, Any] = {
        "of": mutant.of,
        "change": mutant.change,
        "place": None if mutant.place is None else str(mutant.place),
        "shows": survivor.shows,
        "expected": survivor.expected,
        "why": survivor.why,
    }
    if survivor.witness is not None:
        found["witness"] = {
            "at": survivor.witness.at,
            "events": [event_as_data(event) for event in survivor.witness.events],
        }
    return found


def as_case(survivor: Survivor, zone_time: str) -> str:
    """Write a survivor as a case: what the protocol says of the patient as it is."""
    witness = survivor.witness
    assert witness is not None
    mutant = survivor.mutant
    where = "" if mutant.place is None else f" (line {mutant.place.line}, column {mutant.place.column})"
    lines = [f"  - case: {_quoted(f'{mutant.of}, not {mutant.change}{where}')}", "    background: none"]
    lines.append("    events:")
    for event in witness.events:
        keys = {"kind": event.kind, **event.content}
        if event.available:
            keys["available"] = event.available
        told = ", ".join(f"{key}: {_quoted(text)}" for key, text in keys.items())
        lines.append(f"      - {_quoted(event.time)}: {{{told}}}")
    lines += ["    expect:", f"      {_quoted(zone_time)}: {{{_quoted(survivor.shows)}: {{{survivor.expected}}}}}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
