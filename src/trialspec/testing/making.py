"""Patients made to order: enrolled and eligible or not, treated by the plan or departing from it, and responding.

What is wished for becomes goals (`trialspec.testing.reaching`), in the order in which a trial goes: history and entry,
doses with what clears them, visits with what is measured at them. At the end the reference reads the whole patient, and
must find what was wished for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from trialspec.evaluation import Protocol
from trialspec.interpreters.selection import locate
from trialspec.kernel import Expr, Fixed, Moment, parts_of
from trialspec.program import Program, Response, VisitPlan
from trialspec.testing.confirming import finished, otherwise
from trialspec.testing.dates import anchor
from trialspec.testing.dosing import RANDOMISED, Dosing
from trialspec.testing.draft import PATIENT, Ask, Draft, Goal, Raw, interest, words_of
from trialspec.testing.generated.choices import Choose
from trialspec.testing.made import Expected, Patient
from trialspec.testing.reaching import solve
from trialspec.testing.searching import UnreachableError
from trialspec.testing.wishes import NOT_EVALUABLE, Wish, checked
from trialspec.testing.writing import Style
from trialspec.times import When, shown_date
from trialspec.truth import MET, NOT_MET, UNKNOWN, negate

# The enrolment of a made patient, where the protocol names no date of its own.
USUAL_DAY = date(2024, 3, 4).toordinal()
# How many days before the enrolment a patient is screened.
_SCREENED = (7, 14, 1)
# A trial that looks at patients for longer before they are enrolled.
_SCREENED_LONG = (56, 42, 28)


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
    closed: dict[str, int] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The protocol, compiled."""
        return self.protocol.program

    @property
    def dosing(self) -> Dosing:
        """Who gives the doses."""
        return Dosing(
            protocol=self.protocol,
            wish=self.wish,
            choose=self.choose,
            vary=self.vary,
            style=self.style,
            arm=self.arm,
            far=self.far,
            expected=self.expected,
            answered=self.answered,
        )

    def patient(self, screened_before: int, name: str) -> Patient:
        """Make the patient, and have the reference say that it is the one."""
        draft, day = self.beginning(screened_before)
        zone = draft.zone
        self.far = zone.end_of(day + 4_000)
        at = zone.end_of(day)
        draft = self.entered(draft, at)
        if self.wish.treated or self.wish.departing or self.wish.response:
            draft = self.dosing.given(draft, day)
            last = max((item.when.last for _, _, item in draft.of_kind("administration")), default=day)
            at = max(at, zone.end_of(last))
            if any(word in {"missed", "extra"} for word in self.wish.departing.values()):
                at = max(at, self.dosing.after_all(draft))
        for where, word in self.wish.response.items():
            if where not in self.closed:
                draft, self.closed[where] = self.responding(draft, where, word)
        at = max([at, *self.closed.values()])
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
                arm = {"arm": self.arm} if word == RANDOMISED and self.arm else {}
                raws.append({"kind": "milestone", "milestone": word, **arm, "time": shown_date(on)})
        if self.arm and all("arm" not in raw for raw in raws):
            randomised = {"kind": "milestone", "milestone": RANDOMISED, "arm": self.arm, "time": shown_date(day)}
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
        """Say what the protocol is to say."""
        self.expected.append(Expected(subject, name, field_, frozenset(words)))

    # --- response -----------------------------------------------------------------------------------------------------

    def answered(self, draft: Draft, for_whom: Expr) -> Draft:
        """Let those answers come out on which it depends for whom a dose is, before it is asked for whom it is."""
        asked = interest(for_whom).get("observation", frozenset())
        for where, word in self.wish.response.items():
            spoken = [each.expr for each in self.goals_of(where, word, Ask(self.far))]
            names = [interest(expr).get("observation", frozenset()) for expr in spoken]
            shared = any(asked is None or own is None or asked & own for own in names)
            if where not in self.closed and shared:
                draft, self.closed[where] = self.responding(draft, where, word)
        return draft

    def goals_of(self, where: str, word: str, ask: Ask) -> list[Goal]:
        """Give the goals behind an answer."""
        name, _, visit = where.partition("@")
        response = next(each for each in self.program.responses if each.name == name)
        return category_goals(response, visit, word, ask)

    def responding(self, draft: Draft, where: str, word: str) -> tuple[Draft, int]:
        """Let a response come out as wished once its visit is over."""
        visit = next(each for each in self.program.visits if each.name == where.partition("@")[2])
        at = closing(draft, visit, self.far)
        goals = self.goals_of(where, word, Ask(at))
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


def _milestone(moment: Moment | None) -> str | None:
    """Give the milestone that makes a moment."""
    if moment is None or moment.of.kind != "milestone":
        return None
    for test in moment.of.tests:
        if test.field == "milestone" and (words := words_of(test)):
            return min(words)
    return None
