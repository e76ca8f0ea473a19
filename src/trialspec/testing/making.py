"""Patients made to order: enrolled and eligible or not, treated by the plan or departing from it, and responding.

What is wished for becomes goals (`trialspec.testing.reaching`), in the order in which a trial goes: history and entry,
doses with what clears them, visits with what is measured at them. At the end the reference reads the whole patient, and
must find what was wished for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from trialspec import findings
from trialspec.evaluation import Protocol
from trialspec.findings.finding import Finding
from trialspec.interpreters.generated.choices import Choose
from trialspec.interpreters.reading import Question
from trialspec.interpreters.selection import locate, moved
from trialspec.kernel import Dose, Expr, Fixed, Moment, Point, Shift, parts_of
from trialspec.program import DosePlan, Program, Response, VisitPlan
from trialspec.quantity import Duration
from trialspec.testing.dates import anchor, shown_clock
from trialspec.testing.draft import PATIENT, Ask, Draft, Goal, Raw, named, words_of
from trialspec.testing.made import Expected, Patient, record
from trialspec.testing.reaching import UnreachableError, solve
from trialspec.testing.writing import Style, decimal
from trialspec.times import When, parse_time, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, negate

# The enrolment of a made patient, where the protocol names no date of its own.
USUAL_DAY = date(2024, 3, 4).toordinal()
# How many days before the enrolment a patient is screened.
_SCREENED = (7, 14, 1)
# A trial that looks at patients for longer before they are enrolled.
_SCREENED_LONG = (56, 42, 28)
_FIRST_DOSE = (3, 1, 7, 0, 2)
NOT_EVALUABLE = "not_evaluable"
_RANDOMISED = "randomisation"

# What may be wished of a dose.
DEPARTURES = (
    *("late", "early", "amount", "drug", "route", "rate", "interval", "premedication"),
    *("gate_not_met", "gate_unknown", "after_stop", "after_course", "extra", "missed", "not_given"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a patient is to be like.

    `eligible`: at enrolment; `None` for as it comes. `failing` is the criterion by which a patient is ineligible,
    `undetermined_by` the one that is open (the others are as they should be). `departing` says by slot how its dose
    departs, `response` by response and visit (`abstract@week_24`) the category. `treated` gives all doses.
    """

    eligible: bool | None = True
    failing: str = ""
    undetermined_by: str = ""
    departing: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, str] = field(default_factory=dict)
    treated: bool = False


def make(protocol: Protocol, wish: Wish, choose: Choose, *, vary: bool = False, name: str = PATIENT) -> Patient:
    """Make a patient; raises `UnreachableError` where none could be made."""
    checked(protocol.program, wish)
    usual = screened_usually(protocol)
    start = choose(len(usual)) if vary else 0
    reason: UnreachableError | None = None
    arms = protocol.program.arms or ("",)
    first = choose(len(arms)) if vary and len(arms) > 1 else 0
    for arm in (*arms[first:], *arms[:first]):
        for before in dict.fromkeys((*usual[start:], *usual[:start], *_SCREENED, *_SCREENED_LONG)):
            try:
                return Maker(protocol, wish, choose, vary=vary, arm=arm).patient(before, name)
            except UnreachableError as error:
                reason = reason or error
    assert reason is not None
    raise reason


_usual: dict[int, tuple[Protocol, tuple[int, ...]]] = {}


def screened_usually(protocol: Protocol) -> tuple[int, ...]:
    """Give how long before enrolment patients may be screened and be eligible, as the plainest of them show.

    It does not depend on what was made before: the same choices make the same patient.
    """
    entry = _usual.get(id(protocol))
    if entry is None:
        if len(_usual) > 200:
            _usual.clear()
        found: tuple[int, ...] = _SCREENED
        for before in (_SCREENED[0], *_SCREENED_LONG):
            try:
                Maker(protocol, Wish(), lambda _: 0, vary=False, arm=next(iter(protocol.program.arms), "")).patient(
                    before, PATIENT
                )
            except UnreachableError:
                continue
            found = _SCREENED if before == _SCREENED[0] else (before,)
            break
        entry = _usual[id(protocol)] = (protocol, found)
    return entry[1]


def checked(program: Program, wish: Wish) -> None:
    """Refuse names that the protocol does not have, with those that it has."""
    criteria = [each.name for each in program.criteria]
    for name in (wish.failing, wish.undetermined_by):
        if name and name not in criteria:
            raise UnreachableError(f"there is no criterion `{name}`; there are {', '.join(criteria) or 'none'}")
    there = slots(program)
    for slot, word in wish.departing.items():
        if slot not in there:
            raise UnreachableError(f"there is no planned dose `{slot}`; there are {', '.join(there) or 'none'}")
        if word not in DEPARTURES:
            raise UnreachableError(f"`{word}` is no departure of a dose; there are {', '.join(DEPARTURES)}")
    answers = categories(program)
    for where, word in wish.response.items():
        if where not in answers:
            raise UnreachableError(f"there is no response `{where}`; there are {', '.join(answers) or 'none'}")
        if word not in answers[where]:
            raise UnreachableError(f"`{word}` is no category of `{where}`; there are {', '.join(answers[where])}")


def slots(program: Program) -> dict[str, tuple[DosePlan, int]]:
    """Give the planned doses by name, each with its plan and number."""
    found: dict[str, tuple[DosePlan, int]] = {}
    for plan in program.doses:
        number = plan.times if plan.interval is not None else len(plan.planned)
        found |= {f"{plan.name}#{index}": (plan, index) for index in range(1, number + 1)}
    return found


def categories(program: Program) -> dict[str, tuple[str, ...]]:
    """Give the answers that each response can have, by response and visit."""
    found = {}
    for response in program.responses:
        for visit in response.visits:
            names = [each.name for each in response.categories if each.visit == visit]
            found[f"{response.name}@{visit}"] = (*names, NOT_EVALUABLE)
    return found


@dataclass(slots=True)
class Maker:
    """Makes one patient, in the order in which a trial goes."""

    protocol: Protocol
    wish: Wish
    choose: Choose
    vary: bool
    style: Style | None = None
    arm: str = ""
    on: int | None = None
    far: int = 0
    expected: list[Expected] = field(default_factory=list)

    @property
    def program(self) -> Program:
        return self.protocol.program

    def patient(self, screened_before: int, name: str) -> Patient:
        """Make the patient, and have the reference say that it is the one."""
        draft, day = self.beginning(screened_before)
        zone = draft.zone
        self.far = zone.end_of(day + 4_000)
        at = zone.end_of(day)
        draft = self.entered(draft, at)
        if self.wish.treated or self.wish.departing or self.wish.response:
            draft = self.given(draft, day)
            last = max((item.when.last for _, _, item in draft.of_kind("administration")), default=day)
            at = max(at, zone.end_of(last))
            if any(word in {"missed", "extra"} for word in self.wish.departing.values()):
                at = max(at, self.after_all(draft))
        for where, word in self.wish.response.items():
            draft, closed = self.responding(draft, where, word)
            at = max(at, closed)
        made = finished(self.protocol, draft.raws, at, tuple(self.expected), name)
        self.confirmed(made)
        return made

    # --- entry --------------------------------------------------------------------------------------------------------

    def beginning(self, screened_before: int) -> tuple[Draft, int]:
        """Write down consent, screening and enrolment; give the date of the enrolment."""
        program = self.program
        fixed = [point.day for point in parts_of((program.doses, program.visits, program.criteria), Fixed)]
        day = min(fixed) - 3 if fixed else USUAL_DAY
        if self.on is not None:
            day = self.on
        elif self.vary:
            day += self.choose(28) * 7
        screened = day - screened_before
        begun = screened - (self.choose(3) if self.vary else 1)
        draft = Draft(self.protocol).note(begun=begun, screened=screened, enrolled=day)
        raws: list[Raw] = [
            {"kind": "milestone", "milestone": "consent", "version": program.version, "time": shown_date(begun)}
        ]
        for moment, on in (("screened", screened), ("enrolled", day)):
            word = _milestone(program.moments.get(moment))
            if word is not None:
                arm = {"arm": self.arm} if word == _RANDOMISED and self.arm else {}
                raws.append({"kind": "milestone", "milestone": word, **arm, "time": shown_date(on)})
        if self.arm and all("arm" not in raw for raw in raws):
            randomised = {"kind": "milestone", "milestone": _RANDOMISED, "arm": self.arm, "time": shown_date(day)}
            raws.append(randomised)
        found = draft.add_all(raws)
        assert found is not None, "a milestone can be written down"
        return found, day

    def entered(self, draft: Draft, at: int) -> Draft:
        """Let criteria read as wished at enrolment."""
        wish = self.wish
        if wish.eligible is None and not wish.failing and not wish.undetermined_by:
            return draft
        failing = wish.failing
        names = [each.name for each in self.program.criteria]
        if wish.eligible is False and not failing and not wish.undetermined_by:
            if not names:
                raise UnreachableError("the protocol has no criterion, so nobody is ineligible")
            failing = names[self.choose(len(names))]
        goals = []
        for each in self.program.criteria:
            wanted = MET if each.role == "include" else NOT_MET
            if each.name == failing:
                wanted = negate(wanted)
            if each.name == wish.undetermined_by:
                wanted = UNKNOWN
            goals.append(Goal(each.expr, wanted, Ask(at), each.name))
            self.expected.append(Expected("criterion", each.name, "verdict", frozenset({str(wanted)})))
        answer = "ineligible" if failing else "undetermined" if wish.undetermined_by else "eligible"
        self.expect("eligibility", "eligibility", "now", answer)
        return solve(goals, draft, self.choose, vary=self.vary, style=self.style)

    def expect(self, subject: str, name: str, field_: str, *words: str) -> None:
        self.expected.append(Expected(subject, name, field_, frozenset(words)))

    # --- doses --------------------------------------------------------------------------------------------------------

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
        again = any(raw.get("milestone") == _RANDOMISED for raw in found.raws[len(draft.written) :])
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
        if anchored:
            return last + 1 + (self.choose(3) if self.vary else 0)
        due = None if plan.first_due is None else locate(plan.first_due, draft.question(Ask(self.far))).value
        if not isinstance(due, When):
            raise UnreachableError(f"{plan.name}#1 has no `first_due`, so it is never late")
        return due.last + 1

    def after_course(self, draft: Draft, plan: DosePlan, name: str) -> int:
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

    # --- response -----------------------------------------------------------------------------------------------------

    def responding(self, draft: Draft, where: str, word: str) -> tuple[Draft, int]:
        """Let a response come out as wished once its visit is over."""
        name, _, visit_name = where.partition("@")
        response = next(each for each in self.program.responses if each.name == name)
        visit = next(each for each in self.program.visits if each.name == visit_name)
        at = closing(draft, visit, self.far)
        goals = category_goals(response, visit_name, word, Ask(at))
        draft = solve(goals, draft, self.choose, vary=self.vary, style=self.style)
        self.expect("category", where, "category", word)
        return draft, at

    # --- what came of it ----------------------------------------------------------------------------------------------

    def confirmed(self, made: Patient) -> None:
        """Have the reference read the patient; what it says otherwise is said."""
        for each, said in otherwise(made):
            wanted = ", ".join(sorted(each.words)) or "none"
            raise UnreachableError(f"{each.name} was to have {each.field} {wanted}, and the reference says {said}")


def closing(draft: Draft, visit: VisitPlan, far: int) -> int:
    """Give an instant after the window of a visit, as it lies once all records up to a far one are known."""
    points = [point for point in (visit.window.end, visit.on) if point is not None]
    days = []
    for point in points:
        when = locate(point, draft.question(Ask(far))).value
        if not isinstance(when, When):
            wanted = anchor(point)
            raise UnreachableError(f"{visit.name} waits for {wanted.name if wanted else 'a date'}")
        days.append(when.last)
    if not days:
        raise UnreachableError(f"the window of {visit.name} has no end")
    return draft.zone.end_of(max(days) + 1)


def category_goals(response: Response, visit: str, word: str, ask: Ask) -> list[Goal]:
    """Give the goals behind one category: it is met, and those before it are not."""
    mine = [each for each in response.categories if each.visit == visit]
    if word == NOT_EVALUABLE:
        first = mine[0].when
        if first is None:
            raise UnreachableError(f"{response.name} can always be evaluated")
        return [Goal(first, UNKNOWN, ask, f"{response.name} {mine[0].name}")]
    goals: list[Goal] = []
    for each in mine:
        if each.when is not None:
            wanted = MET if each.name == word else NOT_MET
            goals.append(Goal(each.when, wanted, ask, f"{response.name} {each.name}"))
        if each.name == word:
            break
    return goals


def finished(
    protocol: Protocol, raws: Sequence[Raw], at: int, expected: tuple[Expected, ...] = (), name: str = PATIENT
) -> Patient:
    """Put records in order of time, number them, and say that the site knew of each when it was true."""
    zone = protocol.program.zone

    def key(raw: Raw) -> tuple[int, int]:
        when = parse_time(raw["time"], zone)
        return when.span(zone) if when is not None else (0, 0)

    ordered = sorted(raws, key=key)
    told = [
        {"id": f"e{number}", "patient": name, **raw, "available": raw.get("available", raw["time"])}
        for number, raw in enumerate(ordered, 1)
    ]
    return Patient(protocol, tuple(told), at, expected, name)


def otherwise(made: Patient) -> Iterator[tuple[Expected, str]]:
    """Give what the reference says otherwise than a patient was made for."""
    wanted = made.expected
    if not wanted:
        return
    found: dict[tuple[str, str], Finding] = {
        (each.subject, each.name): each for each in _findings(made, {each.subject for each in wanted})
    }
    for each in wanted:
        finding = found.get((each.subject, each.name))
        if finding is None:
            yield each, "nothing of it"
            continue
        said = finding.fields.get(each.field, frozenset())
        words = frozenset({said}) if isinstance(said, str) else said
        if words != each.words:
            yield each, ", ".join(sorted(words)) or "none"


_GROUPS = {
    "criterion": "criterion",
    "eligibility": "eligibility",
    "dose": "doses",
    "gate": "doses",
    "course": "doses",
    "visit": "visits",
    "assessment": "visits",
    "category": "response",
    "component": "response",
}


def _findings(made: Patient, subjects: Iterable[str]) -> tuple[Finding, ...]:
    """Read only the groups of findings that are asked about; criteria as they were at enrolment."""
    wanted = {_GROUPS.get(subject, subject) for subject in subjects}
    protocol, records = made.protocol, tuple(record(raw) for raw in made.raws)
    seen = protocol.timeline(records, made.name)

    def known_at(instant: int) -> object:
        return protocol.timeline(records, made.name, known=instant)

    question = Question(seen, made.at, known_at=known_at)  # type: ignore[arg-type]
    groups = [
        group for group in protocol.groups if group.name.split(" ")[0] in wanted and "criterion" not in group.name
    ]
    found = findings.read(groups, question)
    if "criterion" not in wanted:
        return found
    enrolled = protocol.program.moments.get("enrolled")
    when = None if enrolled is None else locate(enrolled, question).value
    at = when.span(seen.zone)[1] if isinstance(when, When) else made.at
    criteria = [group for group in protocol.groups if group.name.startswith("criterion ")]
    return (*found, *findings.read(criteria, question.on(min(at, made.at))))


def finding_words(made: Patient, subject: str, name: str, field_: str) -> str:
    """Give what the reference says in one field of a finding, in words."""
    for finding in _findings(made, {subject}):
        if (finding.subject, finding.name) == (subject, name):
            said = finding.fields.get(field_, "")
            return said if isinstance(said, str) else ", ".join(sorted(said)) or "none"
    return "nothing"


def dose_window(made: Patient, plan: DosePlan, number: int) -> Iterator[tuple[int, int]]:
    """Give the dates on both sides of each end of a dose's window, as planned in days."""
    zone = made.protocol.program.zone
    if number > len(plan.planned) or (plan.interval is not None and number > 1):
        return
    point = plan.planned[number - 1]
    seen = made.protocol.timeline(made.records, made.name)
    when = locate(point, Question(seen, zone.end_of(zone.date_of(made.at) + 4_000))).value
    base = anchor(point)
    if not isinstance(when, When) or (
        base is not None and number == 1 and (named(base.of) or frozenset()) & plan.drugs
    ):
        return
    first = moved(When(when.first, when.first), Shift(Dose(), plan.early, earlier=True), zone).first
    last = moved(When(when.first, when.first), Shift(Dose(), plan.late), zone).last
    yield first - 1, first
    yield last, last + 1


def _milestone(moment: Moment | None) -> str | None:
    """Give the milestone that makes a moment."""
    if moment is None or moment.of.kind != "milestone":
        return None
    for test in moment.of.tests:
        if test.field == "milestone" and (words := words_of(test)):
            return min(words)
    return None


def _needs_clock(parts: object) -> bool:
    """Whether statements count hours, so that a date alone would leave them open."""
    return any(each.by.seconds is not None for each in parts_of(parts, Shift))


__all__ = ["DEPARTURES", "NOT_EVALUABLE", "Duration", "Expr", "Point", "UnreachableError", "Wish", "make", "slots"]
