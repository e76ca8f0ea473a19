"""One patient cast in moulds: numbers and dates of its own, visits missed or late, records in other words and too late.

Whatever is drawn here lies in the room of the moulds, so it decides nothing: what was decided before is so. An answer
whose records are not all there is not decided, and a visit whose window holds other things says nothing of itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.quantity import Interval, parse_number
from trialspec.testing.confirming import finished
from trialspec.testing.draft import Raw
from trialspec.testing.drawing import Drawn
from trialspec.testing.looks import Look
from trialspec.testing.made import Expected, Patient
from trialspec.testing.moulds import LATEST, Answers, Course, Part, Window
from trialspec.testing.recipes import Recipe, share
from trialspec.testing.streams import said_in
from trialspec.testing.writing import decimal, holds
from trialspec.times import shown_date
from trialspec.vocabulary import Term

_DATED = ("time", "start", "end", "birth")


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it is cast: `near` the decision, it must not be told as less than it is."""

    raw: Raw
    number: Fraction | None = None
    below: bool = False


@dataclass
class Casting:
    """Casts one patient: `shift` days after the mould, leaving on the day `stop` if at all."""

    protocol: Protocol
    recipe: Recipe
    by_unit: bool
    course: Course
    drawn: Drawn
    look: Look
    shift: int
    stop: int | None
    answers: Sequence[tuple[Answers, Mapping[str, str]]]
    decided: dict[str, str] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)

    def patient(self, name: str) -> Patient:
        """Write down all records, and say what is expected."""
        self.expected += self.course.expected
        for raw, room in zip(self.course.draft.raws, self.course.rooms, strict=True):
            self.write(raw, self.numbered(raw, room), day=None)
        days = {window.plan.name: self.visit(window) for window in self.course.windows}
        for answers, words in self.answers:
            lost = {index for index, part in enumerate(answers.parts) if not self.measured(part, days)}
            for where, word in words.items():
                self.answer(where, word, decided=not lost & answers.rests[where])
        zone, at = self.course.draft.zone, self.course.at
        for window in self.course.windows:
            self.standing(window)
            # As many days after its window as that has, a visit is missed at the latest.
            ended = 2 * window.last - window.first + 2
            at = max(at, zone.end_of(max(ended, days[window.plan.name] or 0) + 1))
        raws = [self.told(each) for each in self.written]
        at = zone.end_of(zone.date_of(at) + self.shift)
        patient = numbered(finished(self.protocol, raws, at, tuple(self.expected), name))
        return self.entered_late(patient)

    def chance(self, percent: Fraction) -> bool:
        """Give yes in so many percent."""
        return share(percent, self.drawn)

    def expect(self, subject: str, name: str, field_: str, *words: str) -> None:
        """Say what the protocol is to say."""
        self.expected.append(Expected(subject, name, field_, frozenset(words)))

    # --- visits -------------------------------------------------------------------------------------------------------

    def visit(self, window: Window) -> int | None:
        """Give the day of a visit, or none, and say how it stands."""
        name = window.plan.name
        if window.left(self.stop):
            self.decided[f"visit {name}"] = "left before"
            return None
        missed, outside = self.chance(self.recipe.visits_missed), self.chance(self.recipe.visits_out_of_window)
        if missed:
            self.decided[f"visit {name}"] = "missed"
            return None
        if outside:
            day = window.last + 1 + self.drawn(1 + self.drawn(LATEST))
            if self.stop is None or day < self.stop:
                self.decided[f"visit {name}"] = "out_of_window"
                return day
        off = self.drawn.spread(2) + (self.drawn.spread(4) if self.drawn(10) == 0 else 0)
        # What has a day of its own is done around it, and what only has an end is done before that.
        off = off if window.plan.on is not None else -abs(off)
        first = max(window.first, self.course.draft.notes["begun"])  # nobody comes before consent
        day = window.planned + off
        # A window has no crowd at its ends: who would come before or after it comes as far inside.
        day = 2 * first - day if day < first else 2 * window.last - day if day > window.last else day
        return min(max(day, first), window.last)

    def standing(self, window: Window) -> None:
        """Say how a visit stands, once all is written down: whatever is observed in its window makes it done."""
        name, word = window.plan.name, self.decided.get(f"visit {window.plan.name}", "done")
        first, last = shown_date(window.first + self.shift), shown_date(window.last + self.shift)
        dates = (each.raw["time"][:10] for each in self.written if each.raw["kind"] == "observation")
        seen = any(first <= day <= last for day in dates)
        # What was taken too late for one visit may be in time for another.
        astray = word == "missed" and "out_of_window" in self.decided.values()
        if window.plan.only_if is not None or word == "left before" or (word != "done" and seen) or astray:
            return
        self.expect("visit", name, "state", "missed" if word == "missed" else "done")
        self.expect("visit", name, "departure", *(["out_of_window"] if word == "out_of_window" else []))

    def measured(self, part: Part, days: Mapping[str, int | None]) -> bool:
        """Write down what is measured, where its visit was done in time and it was not forgotten."""
        day = days[part.visit] if part.visit else self.course.enrolled + part.after
        if day is None or (self.stop is not None and day >= self.stop):
            return False
        if part.visit and part.raw["kind"] == "observation" and self.chance(self.recipe.assessments_missed):
            return False
        raw, number = part.raw, self.numbered(part.raw, part.room)
        term = self.term(raw)
        if part.free and term is not None and term.coded:
            raw = {**raw, "value": sorted(term.values)[self.drawn(len(term.values))]}
        elif part.free and term is not None and (own := self.look.noisy(term, self.look.typical(term))) is not None:
            number = own if holds(own, term.possible) else number
        self.write(raw, number, day=day, below=part.free or part.may_be_below)
        return self.decided.get(f"visit {part.visit}", "done") == "done"

    def answer(self, where: str, word: str, *, decided: bool) -> None:
        """Say how a response comes out, if all is there that it rests on."""
        if decided:
            self.decided[f"response {where}"] = word
            self.expect("category", where, "category", word)
        else:
            self.decided[f"response {where}"] = "not decided"

    # --- records ------------------------------------------------------------------------------------------------------

    def term(self, raw: Raw) -> Term | None:
        """Give the measure that a record is of."""
        return self.protocol.program.vocabulary.get(raw.get("measure", ""))

    def numbered(self, raw: Raw, room: Interval | None) -> Fraction | None:
        """Give the patient's own number where there is room for one."""
        term = self.term(raw)
        return None if room is None or term is None else self.look.within(term, room)

    def write(self, raw: Raw, number: Fraction | None, *, day: int | None, below: bool = False) -> None:
        """Write a record down, on its day and with its number."""
        told = dict(raw)
        if day is not None:
            told["time"] = shown_date(day) + raw["time"][10:]
        if self.shift:
            told |= {key: _moved(told[key], self.shift) for key in _DATED if key in told}
        if number is not None and (text := decimal(number)) is not None:
            told["value"] = text
        if any(each.raw == told for each in self.written):
            return  # two answers may ask for the same word
        self.written.append(Written(told, number, below))

    def told(self, each: Written) -> Raw:
        """Tell some values in another unit, or as below a limit of quantification, where that decides nothing."""
        term = self.term(each.raw)
        number = each.number
        if term is None or number is None or "unit" not in each.raw:
            return each.raw
        if not self.by_unit and self.chance(self.recipe.other_units):
            ways = [way for way in said_in(term, number) if way.get("unit") != each.raw["unit"]]
            if ways:
                return {**each.raw, **ways[self.drawn(len(ways))]}
        elif each.below and number > 0 and self.chance(self.recipe.censored):
            return {**each.raw, "value": f"<{each.raw['value']}"}
        return each.raw

    def entered_late(self, patient: Patient) -> Patient:
        """Let word of some records come days later, and some be wrong at first; what was known at entry stays so."""
        raws = []
        enrolled = max((raw["time"] for raw in patient.raws if raw.get("milestone") == "enrolment"), default="")
        for raw in patient.raws:
            told = dict(raw)
            later = raw["time"][:10] > enrolled[:10]
            if later and self.chance(self.recipe.late_entries):
                tail = self.drawn(1 + self.drawn(60)) if self.drawn(6) == 0 else 0
                told["recorded"] = shown_date(_ordinal(raw["time"]) + 1 + self.drawn(1 + self.drawn(10)) + tail)
            if later and "value" in raw and self.chance(self.recipe.corrections):
                # The decimal point is in the wrong place.
                number = parse_number(raw["value"].lstrip("<>")) or Fraction(1)
                raws.append({**told, "value": decimal(number * 10) or "1"})
                told |= {
                    "revision": "1",
                    "recorded": shown_date(_ordinal(raw["time"]) + 1 + self.drawn(1 + self.drawn(40))),
                }
            raws.append(told)
        return replace(patient, raws=tuple(raws))


def numbered(patient: Patient) -> Patient:
    """Give records ids that no other patient's have."""
    return replace(patient, raws=tuple({**raw, "id": f"{patient.name}-{raw['id']}"} for raw in patient.raws))


def _ordinal(text: str) -> int:
    return date.fromisoformat(text[:10]).toordinal()


def _moved(text: str, days: int) -> str:
    return shown_date(_ordinal(text) + days) + text[10:]
