"""Simulated cohorts: patients as a trial has them, and beside each what the protocol must say of it, by construction.

A patient is drawn from the seed and its number alone: the same seed gives the same bytes, in whatever pieces, and a
cohort takes no more memory than one patient and some moulds. What becomes of a patient is decided first (eligible,
which dose departs, which answer comes out); the records are cast in moulds made for that (`trialspec.testing.moulds`),
then made to look like records: visits a few days off, values told in other units, entered late, corrected. None of that
may change what was decided, and the oracle is what was decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property

from trialspec.alerts import State
from trialspec.diagnostics import Diagnostic, ProtocolError, did_you_mean
from trialspec.evaluation import Protocol
from trialspec.kernel import Constant, parts_of
from trialspec.testing.casting import Casting, numbered
from trialspec.testing.confirming import finished, otherwise
from trialspec.testing.draft import Raw
from trialspec.testing.drawing import Drawn
from trialspec.testing.looks import Look
from trialspec.testing.made import Expected, Patient
from trialspec.testing.making import make
from trialspec.testing.moulds import RECRUITING, VARIANTS, Answers, Course, Entry, Moulds
from trialspec.testing.oracle import alerts
from trialspec.testing.recipes import WHOLE, Recipe, share
from trialspec.testing.searching import UnreachableError
from trialspec.testing.systems import shown
from trialspec.testing.wishes import DEPARTURES, NOT_EVALUABLE, Wish, categories, slots
from trialspec.times import shown_date

_MOST_TRIES = 4


@dataclass(frozen=True)
class Simulated:
    """One patient of a cohort: the records, and what was decided of it before they were made."""

    patient: Patient
    decided: Mapping[str, str]
    alerts: tuple[str, ...]
    about: frozenset[str] = field(default_factory=frozenset)

    @property
    def records(self) -> str:
        """The records as lines of NDJSON."""
        return self.patient.ndjson

    @property
    def oracle(self) -> str:
        """What the protocol must say, as a line of JSON: findings, and the alerts of the subjects named in `about`."""
        plain = {
            "patient": self.patient.name,
            "at": shown(self.patient.at),
            "decided": dict(self.decided),
            "findings": [
                {"subject": each.subject, "name": each.name, each.field: sorted(each.words)}
                for each in self.patient.expected
            ],
            "alerts": [*self.alerts],
            "about": sorted(self.about),
        }
        return f"{json.dumps(plain, ensure_ascii=False)}\n"

    def differences(self) -> tuple[str, ...]:
        """Give what the engine says otherwise: findings by the reference, and alerts of what was decided."""
        wrong = [
            f"{each.subject} {each.name} {each.field}: {'/'.join(sorted(each.words)) or 'none'} decided, it is {said}"
            for each, said in otherwise(self.patient)
        ]
        return (*wrong, *self.unlike(self.patient.report().alerts))

    def unlike(self, state: State) -> tuple[str, ...]:
        """Give where alerts that somebody raises are not those that were decided."""
        said = {
            f"{each.key.rule} {each.key.subject}"
            for each in state.values()
            if each.key.subject in self.about and not each.over
        }
        missing = [f"{alert} is not raised" for alert in sorted(set(self.alerts) - said)]
        return (*missing, *(f"{alert} is raised" for alert in sorted(said - set(self.alerts))))


def checked(protocol: Protocol, recipe: Recipe) -> None:
    """Refuse a recipe that speaks of what the protocol does not have."""
    program = protocol.program
    found: list[Diagnostic] = []
    answers = categories(program)
    asked: list[tuple[str, str, tuple[str, ...]]] = [("departure of a dose", word, DEPARTURES) for word in recipe.doses]
    asked += [("response", where, tuple(answers)) for where in recipe.responses]
    for where, shares in recipe.responses.items():
        asked += [(f"category of `{where}`", word, answers.get(where, ())) for word in shares]
    measures = tuple(term.name for term in program.vocabulary.terms.values() if term.sort == "measure")
    asked += [("measure", name, measures) for name in recipe.measures]
    for what, name, there in asked:
        if name not in there:
            advice = did_you_mean(name, there) or f"there are {', '.join(there[:12]) or 'none'}"
            found.append(
                Diagnostic("unknown-name", f"the recipe names a {what} `{name}`, and there is none", None, help=advice)
            )
    if found:
        raise ProtocolError(found)


def simulate(protocol: Protocol, number: int, *, seed: int = 0, recipe: Recipe | None = None) -> Iterator[Simulated]:
    """Give so many patients of a protocol, one after the other."""
    cohort = Cohort(protocol, recipe or Recipe())
    for index in range(1, number + 1):
        yield cohort.patient(index, seed)


class Cohort:
    """Makes the patients of one protocol by one recipe."""

    def __init__(self, protocol: Protocol, recipe: Recipe) -> None:
        self.protocol = protocol
        self.recipe = recipe
        self.slots = slots(protocol.program)
        self.can = cache(self._can)
        self.moulds = Moulds(protocol, recipe, tuple(self.answers))
        self.by_unit = any(each.by_unit for each in parts_of(protocol.program, Constant))

    @cached_property
    def answers(self) -> Mapping[str, tuple[tuple[str, Fraction], ...]]:
        """The answers that a response can have, and their shares; without any in the recipe all are as frequent."""
        found = {}
        for where, words in categories(self.protocol.program).items():
            wanted = self.recipe.responses.get(where) or {word: Fraction(1) for word in words if word != NOT_EVALUABLE}
            there = tuple((word, part) for word, part in wanted.items() if word in words and self.can(where, word))
            if there:
                found[where] = there
        return found

    def _can(self, what: str, word: str) -> bool:
        """Whether a patient can be had like this: a share of what nobody can be is not met by anybody."""
        if what in self.slots:
            wish = Wish(departing={what: word})
        elif what == "ineligible":
            wish = Wish(failing=word)
        elif what == "undetermined":
            wish = Wish(eligible=None, undetermined_by=word)
        else:
            wish = Wish(response={what: word})
        try:
            make(self.protocol, wish, lambda _: 0)
        except UnreachableError:
            return False
        return True

    def patient(self, index: int, seed: int) -> Simulated:
        """Make the patient of a number; of what proves too much to ask for, less is asked in the end."""
        name = f"{self.protocol.program.name.upper()[:4].strip('-')}-{index:07}"
        drawn = Drawn(f"{seed} {index}")
        if share(self.recipe.screen_failures, drawn):
            return self._screen_failure(name, drawn)
        for attempt in range(_MOST_TRIES):
            drawn = Drawn(f"{seed} {index} {attempt}")
            made = self._enrolled(name, drawn, seed, bare=attempt == _MOST_TRIES - 1)
            if made is not None:
                return made
        return self._screen_failure(name, Drawn(f"{seed} {index} none"))

    def _enrolled(self, name: str, drawn: Drawn, seed: int, *, bare: bool) -> Simulated | None:
        """Make one who was enrolled; nothing, where no one is as was drawn."""
        entry = self._entry(drawn)
        departing = () if bare else tuple(self._departing(drawn))
        leaves = share(self.recipe.dropouts, drawn)
        words = {
            where: _one(shares, drawn, of=sum(part for _, part in shares)) for where, shares in self.answers.items()
        }
        days = self.moulds.days
        day, variant = days[drawn(len(days))], drawn(VARIANTS) if len(days) == 1 else 0
        key = (entry, departing, day, variant)
        course = self.moulds.course(seed, *key)
        if course is None:
            return None
        stop = self._stop(course, drawn) if leaves else None
        decided = {"entry": _entered(entry), **{f"dose {slot}": word for slot, word in departing}}
        answers: list[tuple[Answers, Mapping[str, str]]] = []
        for topic, about in enumerate(self.moulds.topics):
            asked = {} if bare else {where: words[where] for where in about.responses if _closes(course, where, stop)}
            found = self.moulds.answers(seed, key, topic, tuple(asked.items()), drawn(VARIANTS))
            if found is None:
                return None
            answers.append((found, asked))
            for where in about.responses:
                if where not in asked:
                    decided[f"response {where}"] = "not decided" if _closes(course, where, stop) else "left before"
        shift = _recruited(drawn) - course.enrolled if self.moulds.moves else 0
        look = Look.of(drawn, self.recipe, self.protocol.program)
        casting = Casting(
            self.protocol, self.recipe, self.by_unit, course, drawn, look, shift, stop, answers, decided=decided
        )
        if stop is not None:
            word = ("left_study", "lost", "consent_withdrawn", "death")[drawn(4)]
            casting.write({"kind": "milestone", "milestone": word, "time": shown_date(stop)}, None, day=stop)
            decided["left"] = word
        patient = casting.patient(name)
        raised, about_ = alerts(self.protocol, patient.expected, course.wish)
        return Simulated(patient, decided, raised, about_)

    def _entry(self, drawn: Drawn) -> Entry:
        """Decide how a patient enters."""
        recipe, arms = self.recipe, self.protocol.program.arms
        arm = arms[drawn(len(arms))] if arms else ""
        how = _one((("ineligible", recipe.ineligible), ("undetermined", recipe.undetermined)), drawn)
        names = [each.name for each in self.protocol.program.criteria if how and self.can(how, each.name)]
        if not names:
            return Entry(arm=arm)
        name = names[drawn(len(names))]
        return Entry(failing=name, arm=arm) if how == "ineligible" else Entry(undetermined_by=name, arm=arm)

    def _departing(self, drawn: Drawn) -> Iterator[tuple[str, str]]:
        """Decide which doses depart, and how."""
        for slot in self.slots:
            word = _one(tuple(self.recipe.doses.items()), drawn)
            if word and self.can(slot, word):
                yield slot, word

    def _stop(self, course: Course, drawn: Drawn) -> int | None:
        """Give the day on which a patient leaves: any day after the last dose, as long as a visit is to come."""
        days = max((each.last for each in course.windows), default=0) - course.dosed
        return course.dosed + 1 + drawn(days) if days > 0 else None

    def _screen_failure(self, name: str, drawn: Drawn) -> Simulated:
        """Make one who was screened and not enrolled."""
        program = self.protocol.program
        day = _recruited(drawn) - 7
        raws: list[Raw] = [
            {"kind": "milestone", "milestone": "consent", "version": program.version, "time": shown_date(day - 1)},
            {"kind": "milestone", "milestone": "screening", "time": shown_date(day)},
            {"kind": "milestone", "milestone": "screen_failure", "time": shown_date(day + 1 + drawn(10))},
        ]
        at = program.zone.end_of(day + 30)
        expected = (Expected("eligibility", "eligibility", "enrolled", frozenset({"no"})),)
        patient = finished(self.protocol, raws, at, expected, name)
        return Simulated(numbered(patient), {"entry": "screen_failure"}, (), frozenset())


def _one(shares: Sequence[tuple[str, Fraction]], drawn: Drawn, *, of: Fraction | int = 100) -> str:
    """Choose by shares of a whole; nothing for the rest."""
    number = drawn(max(int(of * WHOLE), 1))
    for word, part in shares:
        number -= int(part * WHOLE)
        if number < 0:
            return word
    return ""


def _entered(entry: Entry) -> str:
    if entry.failing:
        return f"ineligible by {entry.failing}"
    return f"undetermined by {entry.undetermined_by}" if entry.undetermined_by else "eligible"


def _closes(course: Course, where: str, stop: int | None) -> bool:
    """Whether the visit of a response is over before a patient leaves."""
    visit = where.partition("@")[2]
    return any(each.plan.name == visit and not each.left(stop) for each in course.windows)


def _recruited(drawn: Drawn) -> int:
    """Give a day of two years of recruitment, mostly a weekday."""
    day = RECRUITING + drawn(730)
    return day - (day % 7 - 5) if day % 7 in {6, 0} and drawn(20) else day
