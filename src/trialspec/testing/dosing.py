"""Doses of a made patient in the order of the plan: each cleared and as planned, or as it is wished to depart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from trialspec.evaluation import Protocol
from trialspec.interpreters.selection import locate, moved
from trialspec.kernel import Dose, Expr, Shift, parts_of
from trialspec.program import DosePlan, Program
from trialspec.testing.dates import anchor, shown_clock
from trialspec.testing.draft import Ask, Draft, Goal, Raw, named
from trialspec.testing.generated.choices import Choose
from trialspec.testing.made import Expected
from trialspec.testing.reaching import solve
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import Wish, slots
from trialspec.testing.writing import Style, decimal
from trialspec.times import When, parse_time, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN

RANDOMISED = "randomisation"
_FIRST_DOSE = (3, 1, 7, 0, 2)


@dataclass(slots=True)
class Dosing:
    """Gives the doses of one patient; `far` is an instant at which all that is planned has a date.

    `answered` lets answers come out that decide for whom doses are.
    """

    protocol: Protocol
    wish: Wish
    choose: Choose
    vary: bool
    style: Style | None
    arm: str
    far: int
    expected: list[Expected]
    answered: Callable[[Draft, Expr], Draft]

    @property
    def program(self) -> Program:
        """The protocol, compiled."""
        return self.protocol.program

    def expect(self, subject: str, name: str, field_: str, *words: str) -> None:
        """Say what the protocol is to say."""
        self.expected.append(Expected(subject, name, field_, frozenset(words)))

    def given(self, draft: Draft, enrolled: int) -> Draft:
        """Give every dose in the order of the plan, each cleared, or as it is wished to depart."""
        left = slots(self.program)
        before: dict[str, int] = {}
        stopped = False
        while left:
            found = [(day, name) for name in left if (day := self.planned(draft, *left[name], before)) is not None]
            if found:
                day, name = min(found, key=lambda each: (each[0], each[1]))
            else:
                name = self.anchoring(left)
                day = self.first_day(draft, left[name][0], enrolled)
            plan, number = left.pop(name)
            word = self.wish.departing.get(name, "")
            if stopped:
                self.expect("dose", name, "state", "cancelled")
                continue
            if plan.only_if is not None:
                draft = self.answered(draft, plan.only_if)
            applies = self.applying(draft, plan, number, day)
            if applies is None:
                if word:
                    raise UnreachableError(f"{plan.name}#{number} is not for this patient")
                continue
            draft = applies
            draft, on = self.dose(
                draft, plan, number, day, word=word, before=before.get(plan.name), anchored=bool(found)
            )
            if on is not None:
                before[plan.name] = on
            stopped = word == "after_stop"
        if not before and slots(self.program) and not self.wish.departing:
            raise UnreachableError("no planned dose is for this patient")
        return draft

    def anchoring(self, left: Mapping[str, tuple[DosePlan, int]]) -> str:
        """Name the dose that others are counted from, where none has a date yet."""
        for name, (plan, number) in left.items():
            base = anchor(plan.planned[number - 1]) if number <= len(plan.planned) else None
            if base is not None and (named(base.of) or frozenset()) & plan.drugs:
                return name
        return next(iter(left))

    def applying(self, draft: Draft, plan: DosePlan, number: int, planned: int) -> Draft | None:
        """See that a dose is for this patient; nothing, if it can not be."""
        if plan.only_if is None:
            return draft
        last = moved(When(planned, planned), Shift(Dose(), plan.late), draft.zone).last
        goal = Goal(plan.only_if, MET, Ask(draft.zone.end_of(last)), f"{plan.name}#{number} is for this patient")
        try:
            found = solve([goal], draft, self.choose, vary=self.vary, style=self.style).settle(goal)
        except UnreachableError:
            return None
        again = any(raw.get("milestone") == RANDOMISED for raw in found.raws[len(draft.written) :])
        return None if self.arm and again else found

    def planned(self, draft: Draft, plan: DosePlan, number: int, before: Mapping[str, int]) -> int | None:
        """Give the date for which a dose is planned, once it has one."""
        if plan.interval is not None and number > 1:
            last = before.get(plan.name)
            point = Shift(Dose(), plan.interval)
            return None if last is None else moved(When(last, last), point, draft.zone).first
        if number > len(plan.planned):
            return None
        found = locate(plan.planned[number - 1], draft.question(Ask(self.far))).value
        return found.first if isinstance(found, When) else None

    def first_day(self, draft: Draft, plan: DosePlan, enrolled: int) -> int:
        """Choose the day of the first dose."""
        wait = _FIRST_DOSE[self.choose(len(_FIRST_DOSE))] if self.vary else _FIRST_DOSE[0]
        due = None if plan.first_due is None else locate(plan.first_due, draft.question(Ask(self.far))).value
        return min(enrolled + wait, due.first) if isinstance(due, When) else enrolled + wait

    def dose(
        self, draft: Draft, plan: DosePlan, number: int, planned: int, *, word: str, before: int | None, anchored: bool
    ) -> tuple[Draft, int | None]:
        """Give one dose, or leave it out."""
        name, zone = f"{plan.name}#{number}", draft.zone
        if word == "missed":
            self.expect("dose", name, "state", "missed")
            return draft, None
        first = moved(When(planned, planned), Shift(Dose(), plan.early, earlier=True), zone).first
        last = moved(When(planned, planned), Shift(Dose(), plan.late), zone).last
        enrolled = draft.notes["enrolled"]
        if planned >= enrolled:
            if word == "early" and first <= enrolled:
                raise UnreachableError(f"{name} would be given before enrolment if it were early")
            first = max(first, enrolled)
        if not anchored:
            first = last = planned
        elif self.program.course is not None and plan.name in self.program.course.of:
            end = locate(self.program.course.through, draft.question(Ask(self.far))).value
            last = max(planned, min(last, end.last)) if isinstance(end, When) else last
        day = planned
        if self.vary and last > first:
            day = first + self.choose(last - first + 1)
        if before is not None and plan.interval_at_least is not None:
            day = max(day, moved(When(before, before), Shift(Dose(), plan.interval_at_least), zone).last)
        if before is not None and day <= before:
            # Two of one date would be parts of one dose.
            day = before + 1
            if day > last:
                raise UnreachableError(f"{name} would be given together with the dose before it")
        keys: dict[str, str] = {}
        if word in {"late", "early", "extra", "interval", "after_course", "drug"}:
            keys["planned"] = name
        if word == "late":
            day = self.late(draft, plan, last, anchored=anchored)
        elif word == "early":
            if not anchored:
                raise UnreachableError(f"{name} is what other dates are counted from, so it is never early")
            day = first - 1
        elif word == "after_course":
            day = self.after_course(draft, plan, name)
        elif word == "interval":
            if before is None or plan.interval_at_least is None:
                raise UnreachableError(f"{name} has no least interval to the dose before it")
            day = before + 1
        timed = _needs_clock((plan.premedication, [self.program.gates[gate].expr for gate in plan.gates]))
        text = shown_clock(zone.start_of(day) + 10 * 3600, zone) if timed else shown_date(day)
        when = parse_time(text, zone)
        assert when is not None
        at = when.instants[0] if when.instants else zone.end_of(day)
        if word == "not_given":
            self.expect("dose", name, "state", "not_given")
            raw = {"kind": "administration", "drug": plan.drug, "planned": name, "done": "no", "time": text}
            return self.write(draft, raw, name), day
        draft = self.cleared(draft, plan, Ask(at, when), word, name)
        if word == "after_stop":
            stop = {"kind": "milestone", "milestone": "treatment_stopped", "time": shown_date(day - 1)}
            draft = self.write(draft, stop, name)
        raw = {"kind": "administration", **self.content(plan, word, name), **keys, "time": text}
        draft = self.write(draft, raw, name)
        if word == "extra":
            del raw["planned"]
            draft = self.write(draft, {**raw, "time": shown_date(day + 1)}, name)
        self.expect("dose", name, "state", "given")
        if word not in {"extra", "after_course"}:
            self.expect("dose", name, "departure", *([word] if word else []))
        return draft, day

    def write(self, draft: Draft, raw: Raw, name: str) -> Draft:
        """Write down what belongs to a dose; it must leave as it is what was reached before."""
        more = draft.add(raw)
        if more is None:
            raise UnreachableError(f"{name} cannot be given without changing what else was asked for")
        return more

    def late(self, draft: Draft, plan: DosePlan, last: int, *, anchored: bool) -> int:
        """Give a day after the window of a dose."""
        if anchored:
            return last + 1 + (self.choose(3) if self.vary else 0)
        due = None if plan.first_due is None else locate(plan.first_due, draft.question(Ask(self.far))).value
        if not isinstance(due, When):
            raise UnreachableError(f"{plan.name}#1 has no `first_due`, so it is never late")
        return due.last + 1

    def after_course(self, draft: Draft, plan: DosePlan, name: str) -> int:
        """Give the day after the end of the course."""
        course = self.program.course
        if course is None or plan.name not in course.of:
            raise UnreachableError(f"{name} belongs to no course")
        end = locate(course.through, draft.question(Ask(self.far))).value
        if not isinstance(end, When):
            raise UnreachableError(f"the course of {name} has no end without the dose itself")
        return end.last + 1

    def after_all(self, draft: Draft) -> int:
        """Give an instant at which every dose that is not given is missed."""
        days = [draft.notes["enrolled"] + 60]
        points = [plan.missed_after for plan in self.program.doses] + [
            plan.belongs_until for plan in self.program.doses
        ]
        points += [self.program.course.through] if self.program.course is not None else []
        for plan, number in slots(self.program).values():
            day = self.planned(draft, plan, number, {})
            days += [] if day is None else [day + 60]
        for point in points:
            when = None if point is None else locate(point, draft.question(Ask(self.far))).value
            days += [when.last + 1] if isinstance(when, When) else []
        return draft.zone.end_of(max(days))

    def cleared(self, draft: Draft, plan: DosePlan, ask: Ask, word: str, name: str) -> Draft:
        """Let gates and premedication read as they should at the start of a dose."""
        gates = [self.program.gates[gate] for gate in plan.gates]
        holding = [gate for gate in gates if gate.otherwise == "hold"]
        goals = [Goal(gate.expr, MET, ask, gate.name) for gate in gates]
        if word in {"gate_not_met", "gate_unknown"}:
            if not holding:
                raise UnreachableError(f"{name} has no gate that holds it")
            wrong = holding[self.choose(len(holding))] if self.vary else holding[0]
            wanted = NOT_MET if word == "gate_not_met" else UNKNOWN
            goals = [replace(goal, wanted=wanted) if goal.expr is wrong.expr else goal for goal in goals]
        for index, expr in enumerate(plan.premedication):
            wanted = NOT_MET if word == "premedication" and index == 0 else MET
            goals.append(Goal(expr, wanted, ask, f"premedication of {name}"))
        if word == "premedication" and not plan.premedication:
            raise UnreachableError(f"{name} has no premedication")
        return solve(goals, draft, self.choose, vary=self.vary, style=self.style) if goals else draft

    def content(self, plan: DosePlan, word: str, name: str) -> dict[str, str]:
        """Say what is given: the drug, its amount and route, as planned or not."""
        vocabulary = self.program.vocabulary
        drugs = sorted(
            drug for drug in plan.drugs if (term := vocabulary.get(drug)) is not None and term.sort == "drug"
        )
        drug = plan.drug if plan.drug in drugs or not drugs else drugs[self.choose(len(drugs)) if self.vary else 0]
        if word == "drug":
            others = sorted(
                term.name for term in vocabulary.terms.values() if term.sort == "drug" and term.name not in plan.drugs
            )
            if not others:
                raise UnreachableError(f"there is no other drug that could be given as {name}")
            drug = others[self.choose(len(others)) if self.vary else 0]
        raw = {"drug": drug}
        term = vocabulary.get(drug)
        if plan.amount is not None and term is not None:
            raw |= self.amount(plan, word, name, drug)
        elif word == "amount":
            raise UnreachableError(f"{name} has no amount in the plan")
        if word == "route":
            others = sorted({"oral", "intravenous", "subcutaneous"} - plan.routes)
            if not plan.routes or not others:
                raise UnreachableError(f"{name} has no route in the plan")
            raw["route"] = others[0]
        elif plan.routes:
            raw["route"] = min(plan.routes)
        if plan.rate_at_most is not None:
            limit = plan.rate_at_most.exact or Fraction(1)
            raw["rate"] = f"{decimal(limit * 2 if word == 'rate' else limit)} {plan.rate_unit}"
        elif word == "rate":
            raise UnreachableError(f"{name} has no rate in the plan")
        return raw

    def amount(self, plan: DosePlan, word: str, name: str, drug: str) -> dict[str, str]:
        """Say how much is given: what is planned, or another amount."""
        assert plan.amount is not None
        low, high = plan.amount.low, plan.amount.high
        number = low if low is not None else high
        assert number is not None, f"the amount of {name} is a number"
        if word == "amount":
            factors = [Fraction(1, 2), Fraction(2), Fraction(3, 2)]
            factor = factors[self.choose(len(factors))] if self.vary else factors[0]
            number = number * factor if low is not None and factor < 1 else (high or number) * factor
        text = decimal(number)
        term = self.program.vocabulary.get(drug)
        unit = plan.unit if term is None or not term.unit else term.unit
        return {"amount": text or str(number.numerator), "unit": unit}


def _needs_clock(parts: object) -> bool:
    """Whether statements count hours, so that a date alone would leave them open."""
    return any(each.by.seconds is not None for each in parts_of(parts, Shift))
