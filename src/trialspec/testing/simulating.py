"""Simulated cohorts: patients as a trial has them, and beside each what the protocol must say of it, by construction.

A patient is drawn from the seed and its number alone: the same seed gives the same bytes, in whatever pieces, and a
cohort takes no more memory than one patient. What becomes of a patient is decided first (eligible, which dose departs,
which answer comes out); the records are made to it, then made to look like records: visits a few days off, values told
in other units, entered late, corrected. None of that may change what was decided, and the oracle is what was decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from trialspec.diagnostics import Diagnostic, ProtocolError, did_you_mean
from trialspec.evaluation import Protocol
from trialspec.interpreters.selection import locate
from trialspec.kernel import Constant, parts_of
from trialspec.program import Program, VisitPlan
from trialspec.quantity import Interval, parse_number
from trialspec.rulebook.plain import matching
from trialspec.testing.draft import Ask, Draft, Raw
from trialspec.testing.drawing import Drawn
from trialspec.testing.made import Expected, Patient, line
from trialspec.testing.making import (
    DEPARTURES,
    NOT_EVALUABLE,
    Maker,
    UnreachableError,
    Wish,
    categories,
    finished,
    make,
    otherwise,
    slots,
)
from trialspec.testing.recipes import WHOLE, Recipe, Typical
from trialspec.testing.streams import said_in
from trialspec.testing.systems import shown
from trialspec.testing.writing import decimal, holds, step_of, usual_numbers
from trialspec.times import DAY, When, shown_date
from trialspec.vocabulary import Term

_SCREENED = (7, 14, 3, 10, 21, 5)
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
        episodes = self.patient.report().alerts.values()
        said = {
            f"{each.key.rule} {each.key.subject}"
            for each in episodes
            if each.key.subject in self.about and not each.over
        }
        wrong += [f"{alert} is not raised" for alert in sorted(set(self.alerts) - said)]
        wrong += [f"{alert} is raised" for alert in sorted(said - set(self.alerts))]
        return tuple(wrong)


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


@dataclass
class _Look:
    """How the values of one patient lie: each measure at a level of the patient's own, all of them moving together."""

    drawn: Drawn
    recipe: Recipe
    program: Program
    level: int = 0
    levels: dict[str, Fraction] = field(default_factory=dict)
    visits: dict[int, int] = field(default_factory=dict)

    def typical(self, term: Term) -> Fraction:
        """Give the patient's own level of a measure: severity is shared by all, the rest is the measure's own."""
        if term.name not in self.levels:
            typical = self.recipe.measures.get(term.name) or Typical(_usual(self.program, term))
            shared, own = self.level, self.drawn.spread(700)
            off = Fraction(shared * 7 + own * 7, 10_000) * typical.spread / 100
            self.levels[term.name] = typical.value * max(Fraction(1, 5), 1 + off)
        return self.levels[term.name]

    def number(self, term: Term, domain: Interval) -> Fraction | None:
        """Give a number near the patient's level, in the measure's resolution; inside the domain, if it can be."""
        step = step_of(term)
        level = self.typical(term) * (1 + Fraction(self.drawn.spread(80), 1000))
        for near in _inside(level, domain, self.drawn):
            number = round(near / step) * step
            if holds(number, domain) and holds(number, term.possible):
                return Fraction(number)
        return None

    def day(self, planned: int) -> int:
        """Give the day on which what is planned for a day is done: some days off, seldom many."""
        if planned not in self.visits:
            self.visits[planned] = planned + max(-6, min(6, self.drawn.spread(2)))
        return self.visits[planned]


def _inside(level: Fraction, domain: Interval, drawn: Drawn) -> Iterator[Fraction]:
    """Give the level, or numbers on the right side of the limit that it misses: near it more often than far."""
    yield level
    far = Fraction(drawn(60) + 5, 100)
    if domain.high is not None and level >= domain.high:
        yield domain.high * (1 - far) if domain.high > 0 else domain.high * (1 + far)
        yield domain.high * Fraction(99, 100)
    if domain.low is not None and level <= domain.low:
        yield domain.low * (1 + far) if domain.low > 0 else domain.low + far
        yield domain.low * Fraction(101, 100)


def _usual(program: Program, term: Term) -> Fraction:
    usual = usual_numbers(program, term)
    return usual[0] if usual else step_of(term) * 10


class Cohort:
    """Makes the patients of one protocol by one recipe."""

    def __init__(self, protocol: Protocol, recipe: Recipe) -> None:
        self.protocol = protocol
        self.recipe = recipe
        program = protocol.program
        self.fails = tuple(each.name for each in program.criteria if self._can(Wish(failing=each.name)))
        self.opens = tuple(
            each.name for each in program.criteria if self._can(Wish(eligible=None, undetermined_by=each.name))
        )
        self.departs = {
            slot: tuple(word for word in recipe.doses if self._can(Wish(departing={slot: word})))
            for slot in slots(program)
        }
        answers = categories(program)
        self.answers: dict[str, tuple[tuple[str, Fraction], ...]] = {}
        for where, words in answers.items():
            wanted = recipe.responses.get(where) or {word: Fraction(1) for word in words if word != NOT_EVALUABLE}
            there = tuple(
                (word, share)
                for word, share in wanted.items()
                if word in words and self._can(Wish(response={where: word}))
            )
            if there:
                self.answers[where] = there
        self.by_unit = any(each.by_unit for each in parts_of(program, Constant))

    def _can(self, wish: Wish) -> bool:
        """Whether a patient can be had as wished for: a share of what nobody can be is not met by anybody."""
        try:
            make(self.protocol, wish, lambda _: 0)
        except UnreachableError:
            return False
        return True

    def patient(self, index: int, seed: int) -> Simulated:
        """Make the patient of a number; of what proves too much to ask for less is asked."""
        name = f"{self.protocol.program.name.upper()[:4].strip('-')}-{index:07}"
        for attempt in range(_MOST_TRIES):
            drawn = Drawn(f"{seed} {index} {attempt}")
            try:
                return self._made(name, drawn, bare=attempt == _MOST_TRIES - 1)
            except UnreachableError:
                continue
        drawn = Drawn(f"{seed} {index} none")
        return self._screen_failure(name, drawn)

    def _share(self, share: Fraction, drawn: Drawn) -> bool:
        return drawn.chance(int(share * WHOLE / 100), WHOLE)

    def _one(self, shares: Sequence[tuple[str, Fraction]], drawn: Drawn, *, all_: bool = False) -> str:
        """Choose by shares of a hundred, or with `all_` of what the shares add up to; nothing for the rest."""
        whole = int(sum(share for _, share in shares) * WHOLE) if all_ else 100 * WHOLE
        number = drawn(max(whole, 1))
        for word, share in shares:
            number -= int(share * WHOLE)
            if number < 0:
                return word
        return ""

    def _made(self, name: str, drawn: Drawn, *, bare: bool) -> Simulated:
        recipe = self.recipe
        if self._share(recipe.screen_failures, drawn):
            return self._screen_failure(name, drawn)
        wish = Wish(treated=bool(slots(self.protocol.program)))
        entry = self._one((("ineligible", recipe.ineligible), ("undetermined", recipe.undetermined)), drawn)
        if entry == "ineligible" and self.fails:
            wish = replace(wish, failing=self.fails[drawn(len(self.fails))])
        elif entry == "undetermined" and self.opens:
            wish = replace(wish, eligible=None, undetermined_by=self.opens[drawn(len(self.opens))])
        departing = {}
        for slot, words in self.departs.items():
            word = self._one([(word, recipe.doses[word]) for word in words], drawn)
            if word and not bare:
                departing[slot] = word
        wish = replace(wish, departing=departing)
        leaves = self._share(recipe.dropouts, drawn)
        answers = {where: self._one(shares, drawn, all_=True) for where, shares in self.answers.items()}
        look = _Look(drawn, recipe, self.protocol.program, drawn.spread(1000))
        return _Course(self, wish, drawn, look, leaves=leaves, answers=answers, name=name).simulated()

    def _screen_failure(self, name: str, drawn: Drawn) -> Simulated:
        """Make one who was screened and not enrolled."""
        program = self.protocol.program
        day = _calendar_day(drawn)
        raws: list[Raw] = [
            {"kind": "milestone", "milestone": "consent", "version": program.version, "time": shown_date(day - 1)},
            {"kind": "milestone", "milestone": "screening", "time": shown_date(day)},
            {"kind": "milestone", "milestone": "screen_failure", "time": shown_date(day + 1 + drawn(10))},
        ]
        at = program.zone.end_of(day + 30)
        expected = (Expected("eligibility", "eligibility", "enrolled", frozenset({"no"})),)
        patient = finished(self.protocol, raws, at, expected, name)
        return Simulated(_numbered(patient), {"entry": "screen_failure"}, (), frozenset())


def _calendar_day(drawn: Drawn) -> int:
    """Give a day of two years of recruitment, mostly a weekday."""
    day = 738_000 + drawn(730)
    return day - (day % 7 - 4) if day % 7 > 4 and drawn(10) else day


class _Course:
    """One patient's way through the trial."""

    def __init__(
        self,
        cohort: Cohort,
        wish: Wish,
        drawn: Drawn,
        look: _Look,
        *,
        leaves: bool,
        answers: Mapping[str, str],
        name: str,
    ) -> None:
        self.cohort = cohort
        self.protocol = cohort.protocol
        self.program = cohort.protocol.program
        self.wish = wish
        self.drawn = drawn
        self.look = look
        self.leaves = leaves
        self.answers = dict(answers)
        self.name = name
        self.decided: dict[str, str] = {}

    def simulated(self) -> Simulated:
        """Make the records, then make them look like records."""
        maker = Maker(self.protocol, self.wish, self.drawn, vary=True, style=self.look)
        before = _SCREENED[self.drawn(len(_SCREENED))]
        draft, day = maker.beginning(before)
        zone = draft.zone
        maker.far = zone.end_of(day + 4_000)
        draft = maker.entered(draft, zone.end_of(day))
        at = zone.end_of(day)
        if self.wish.treated or self.wish.departing:
            draft = maker.given(draft, day)
            at = max(at, maker.after_all(draft))
        draft, at = self.visited(maker, draft, at)
        self.note_entry()
        for slot, word in self.wish.departing.items():
            self.decided[f"dose {slot}"] = word
        expected = tuple(each for each in maker.expected if each.subject != "criterion")
        draft = self.told_otherwise(draft)
        patient = _numbered(finished(self.protocol, draft.raws, at, expected, self.name))
        patient = self.entered_late(patient)
        alerts, about = _alerts(self.protocol, expected, self.wish)
        return Simulated(patient, self.decided, alerts, about)

    def note_entry(self) -> None:
        """Say how the patient entered."""
        entry = "eligible"
        if self.wish.failing:
            entry = f"ineligible by {self.wish.failing}"
        elif self.wish.undetermined_by:
            entry = f"undetermined by {self.wish.undetermined_by}"
        self.decided["entry"] = entry

    # --- visits -------------------------------------------------------------------------------------------------------

    def visited(self, maker: Maker, draft: Draft, at: int) -> tuple[Draft, int]:
        """Let answers come out as decided, then visits be made around them, or missed; some patients leave."""
        plans = [(plan, *found) for plan in self.program.visits if (found := self.window(maker, draft, plan))]
        plans.sort(key=lambda each: each[2])
        stop = self.stopped(plans) if self.leaves else None
        for where, word in self.answers.items():
            visit = where.partition("@")[2]
            closing = next((last for plan, _, _, last in plans if plan.name == visit), None)
            if closing is None:
                continue
            if stop is not None and stop <= closing:
                self.decided[f"response {where}"] = "left before"
                continue
            draft, closed = maker.responding(draft, where, word)
            self.decided[f"response {where}"] = word
            at = max(at, closed)
        for plan, first, planned, last in plans:
            if stop is not None and stop <= last:
                self.decided[f"visit {plan.name}"] = "left before"
                continue
            draft, at = self.visit(draft, plan, (first, planned, last), at)
        if stop is not None:
            word = ("left_study", "lost", "consent_withdrawn", "death")[self.drawn(4)]
            left = draft.add({"kind": "milestone", "milestone": word, "time": shown_date(stop)})
            if left is not None:
                draft = left
                self.decided["left"] = word
        return draft, at

    def window(self, maker: Maker, draft: Draft, plan: VisitPlan) -> tuple[int, int, int] | None:
        """Give the first, planned and last day of a visit."""
        question = draft.question(Ask(maker.far))
        points = (plan.window.start, plan.on, plan.window.end)
        found = [None if point is None else locate(point, question).value for point in points]
        start, on, end = (when if isinstance(when, When) else None for when in found)
        if end is None:
            return None
        first = start.first if start is not None else end.last - 14
        return first, on.first if on is not None else end.last, end.last

    def stopped(self, plans: Sequence[tuple[VisitPlan, int, int, int]]) -> int | None:
        """Give the day on which a patient leaves: after the last dose of the course, between two visits."""
        days = [last for _, _, _, last in plans]
        if len(days) < 2:
            return None
        course = max(days[0] + 40, days[0])
        later = [day for day in days if day > course]
        return later[self.drawn(len(later))] - 8 if later else None

    def visit(self, draft: Draft, plan: VisitPlan, days: tuple[int, int, int], at: int) -> tuple[Draft, int]:
        """Make one visit: a few days off, out of its window, or not at all."""
        recipe, (first, planned, last) = self.cohort.recipe, days
        measures = [name for each in self.program.assessments if plan.name in each.visits for name in each.measures]
        there = {raw.get("measure", "") for raw in draft.raws if self.belongs(raw, first, last)}
        answered = bool(there & set(measures))
        if not answered and self.cohort._share(recipe.visits_missed, self.drawn):  # noqa: SLF001 - its own cohort
            self.decided[f"visit {plan.name}"] = "missed"
            return draft, at
        day = min(max(self.look.day(planned), first), last)
        if not answered and self.cohort._share(recipe.visits_out_of_window, self.drawn):  # noqa: SLF001 - the same
            day = last + 1 + self.drawn(3) + (self.drawn(10) if self.drawn(4) == 0 else 0)
            self.decided[f"visit {plan.name}"] = "out_of_window"
        done = draft.add({"kind": "milestone", "milestone": "visit", "visit": plan.name, "time": shown_date(day)})
        draft = done or draft
        for name in measures:
            if name in there or self.cohort._share(recipe.assessments_missed, self.drawn):  # noqa: SLF001 - the same
                continue
            raw = self.measured(draft, name, day)
            more = None if raw is None else draft.add(raw)
            draft = more or draft
        return draft, max(at, draft.zone.end_of(max(day, last) + 1))

    def belongs(self, raw: Raw, first: int, last: int) -> bool:
        return raw["kind"] == "observation" and shown_date(first) <= raw["time"][:10] <= shown_date(last)

    def measured(self, draft: Draft, name: str, day: int) -> Raw | None:
        """Give a value of a measure on a day: between those told before and after it, with noise."""
        term = self.program.vocabulary.get(name)
        if term is None:
            return None
        raw = {"kind": "observation", "measure": name, "time": shown_date(day)}
        if term.coded:
            words = sorted(term.values)
            return {**raw, "value": words[self.drawn(len(words))]}
        known = []
        for other, item in draft.written:
            value = item.fields.get("value")
            if other.get("measure") == name and isinstance(value, Interval) and value.exact is not None:
                known.append((abs(item.when.first - day), value.exact))
        level = min(known)[1] if known else self.look.typical(term)
        if len(known) > 1:
            (near, one), (far, other_) = sorted(known)[:2]
            level = (one * far + other_ * near) / max(near + far, 1)
        step = step_of(term)
        number = Fraction(round(level * (1 + Fraction(self.drawn.spread(60), 1000)) / step)) * step
        text = decimal(number)
        if text is None or not holds(number, term.possible):
            return None
        return {**raw, "value": text, **({"unit": term.unit} if term.unit else {})}

    # --- how it is told -----------------------------------------------------------------------------------------------

    def told_otherwise(self, draft: Draft) -> Draft:
        """Tell some values in another unit, or as below a limit of quantification, where that decides nothing."""
        recipe = self.cohort.recipe
        for index, (raw, _) in enumerate(draft.written):
            term = self.program.vocabulary.get(raw.get("measure", ""))
            if term is None or "unit" not in raw or raw.get("value", "<").startswith(("<", ">")):
                continue
            value = draft.written[index][1].fields.get("value")
            number = value.exact if isinstance(value, Interval) else None
            if number is None:
                continue
            if not self.cohort.by_unit and self.cohort._share(recipe.other_units, self.drawn):  # noqa: SLF001 - its own cohort
                ways = [way for way in said_in(term, number) if way.get("unit") != raw["unit"]]
                if ways:
                    draft = draft.extend(index, ways[self.drawn(len(ways))]) or draft
            elif number > 0 and self.cohort._share(recipe.censored, self.drawn):  # noqa: SLF001 - the same
                draft = draft.extend(index, {"value": f"<{raw['value']}"}) or draft
        return draft

    def entered_late(self, patient: Patient) -> Patient:
        """Let word of some records come days later, and some be wrong at first; what was known at entry stays so."""
        recipe, raws = self.cohort.recipe, []
        enrolled = max((raw["time"] for raw in patient.raws if raw.get("milestone") == "enrolment"), default="")
        for raw in patient.raws:
            told = dict(raw)
            later = raw["time"][:10] > enrolled[:10]
            if later and self.cohort._share(recipe.late_entries, self.drawn):  # noqa: SLF001 - its own cohort
                day = _ordinal(raw["time"]) + 1 + self.drawn(5) + (self.drawn(40) if self.drawn(8) == 0 else 0)
                told["recorded"] = shown_date(day)
            if later and "value" in raw and self.cohort._share(recipe.corrections, self.drawn):  # noqa: SLF001 - the same
                # The decimal point is in the wrong place.
                number = parse_number(raw["value"].lstrip("<>")) or Fraction(1)
                raws.append({**told, "value": decimal(number * 10) or "1"})
                told |= {"revision": "1", "recorded": shown_date(_ordinal(raw["time"]) + 3 + self.drawn(20))}
            raws.append(told)
        return replace(patient, raws=tuple(raws))


def _ordinal(text: str) -> int:
    from datetime import date  # noqa: PLC0415

    return date.fromisoformat(text[:10]).toordinal()


def _numbered(patient: Patient) -> Patient:
    """Give records ids that no other patient's have."""
    return replace(patient, raws=tuple({**raw, "id": f"{patient.name}-{raw['id']}"} for raw in patient.raws))


# --- alerts -----------------------------------------------------------------------------------------------------------


def _alerts(protocol: Protocol, expected: Iterable[Expected], wish: Wish) -> tuple[tuple[str, ...], frozenset[str]]:
    """Give the alerts of what was decided, by the table of rules; and what they are about."""
    found: list[str] = []
    about: set[str] = set()
    messages: dict[tuple[str, str], dict[str, str | frozenset[str]]] = {}
    for each in expected:
        messages.setdefault((each.subject, each.name), {})[each.field] = (
            each.words if each.field == "departure" else next(iter(each.words))
        )
    for (subject, name), message in messages.items():
        whole = _whole(subject, name, message, protocol.program, wish)
        if whole is None:
            continue
        about.add(name)
        found += [f"{rule} {name}" for rule in matching(protocol.rulebook, subject, whole)]
    return tuple(sorted(found)), frozenset(about)


def _whole(
    subject: str, name: str, message: Mapping[str, str | frozenset[str]], program: Program, wish: Wish
) -> Mapping[str, str | frozenset[str]] | None:
    """Complete what is found of a subject by what was decided; nothing for what was not decided in full."""
    if subject == "eligibility":
        answer = message.get("now", "")
        return {"now": answer, "at_enrolment": answer, "as_known": answer, "enrolled": "yes"}
    if subject != "dose" or message.get("state") != "given" or "departure" not in message:
        return None
    word = wish.departing.get(name, "")
    gates = slots(program)[name][0].gates
    gate = {"gate_not_met": "not_met", "gate_unknown": "unknown"}.get(word, "met")
    warns = any(program.gates[each].otherwise == "warn" for each in gates)
    return (
        None
        if warns
        else {
            **message,
            "departure_unknown": frozenset(),
            "gate": gate,
            "holding": gate,
            "warning": "met",
            "window": {"late": "past", "early": "before"}.get(word, "open"),
        }
    )


def lines(cohort: Iterable[Simulated]) -> Iterator[tuple[str, str]]:
    """Give each patient's records and oracle as text."""
    for each in cohort:
        yield "".join(f"{line(raw)}\n" for raw in each.patient.raws), each.oracle


__all__ = ["DAY", "Cohort", "Simulated", "lines", "simulate"]
