"""Which rules hold for eligibility, responses and missing screenings, told as far as the rules tell answers apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.findings.eligibility import NOT_ENROLLED, UNDETERMINED
from trialspec.findings.responses import NOT_EVALUABLE, PENDING
from trialspec.interpreters.live import Interest
from trialspec.interpreters.reading import earliest
from trialspec.truth import MET, NOT_MET, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.alerts import Told
    from trialspec.interpreters.live import Chart
    from trialspec.live.setting import Trial
    from trialspec.program import Response

_ANSWERS = ("eligible", "ineligible", UNDETERMINED)


class EligibilityTeller:
    """Tells whether a patient is eligible, or was when enrolled."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        criteria = trial.program.criteria
        self._criteria = tuple(
            (each.expr, Interest(each.expr), MET if each.role == "include" else NOT_MET) for each in criteria
        )
        self._all = Interest([each.expr for each in criteria])
        self._asked = "eligibility" in trial.rules.subjects

    def tell(self, chart: Chart, at: int) -> Told | None:
        """Say which rules hold at an instant; what was known at enrolment only where a rule tells that apart."""
        if not self._asked:
            return frozenset(), None
        enrolled = self._trial.enrolled
        when, until = (None, None) if enrolled is None else self._trial.points.find(enrolled)(chart, at)
        if when is None:
            answer, answer_until = self._answer(chart, at)
            return self._held(answer, NOT_ENROLLED, NOT_ENROLLED, "no"), earliest(until, answer_until)
        instant = when.span(chart.zone)[1]
        then = chart.keep(("then", instant), self._all, instant, lambda: (self._answer(chart, instant)[0], None))[0]
        told = {self._held(then, then, known, "yes") for known in _ANSWERS}
        return (told.pop(), until) if len(told) == 1 else None

    def _held(self, now: str, at_enrolment: str, as_known: str, enrolled: str) -> frozenset[tuple[str, str]]:
        answers = ("now", now), ("at_enrolment", at_enrolment), ("as_known", as_known), ("enrolled", enrolled)
        return _of("eligibility", self._trial.rules.of("eligibility", *answers))

    def _answer(self, chart: Chart, at: int) -> tuple[str, int | None]:
        read = [(chart.verdict(expr, asked, at), good) for expr, asked, good in self._criteria]
        until = earliest(*(each for (_, each), _ in read))
        if any(verdict not in {good, UNKNOWN} for (verdict, _), good in read):
            return "ineligible", until
        return UNDETERMINED if any(verdict is UNKNOWN for (verdict, _), _ in read) else "eligible", until


class ResponseTeller:
    """Tells of one definition of response at one of its visits, where no rule asks which category it is."""

    def __init__(self, trial: Trial, asked: Response, visit: str) -> None:
        self._trial, self._visit, self._name = trial, visit, f"{asked.name}@{visit}"
        words = {each.name for each in asked.categories if each.visit == visit} | {PENDING, NOT_EVALUABLE}
        words |= asked.words()
        self._visits = (visit, *asked.rests.get(visit, ()))
        self._told = {
            final: {trial.rules.of("category", ("category", word), ("final", final)) for word in words}
            for final in ("yes", "no")
        }
        self._asked = bool({"category", "component"} & trial.rules.subjects)
        self.plain = "component" not in trial.rules.subjects and all(len(told) == 1 for told in self._told.values())

    def tell(self, chart: Chart, at: int) -> Told | None:
        """Say which rules hold at an instant."""
        if not self._asked:
            return frozenset(), None
        scene, until = self._trial.scene(chart, at)
        places = [scene.places[visit] for visit in self._visits]
        closed = all(place.placed and place.closes is not None and at > place.closes for place in places)
        told = self._told["yes" if closed else "no"]
        if len(told) > 1 or not self.plain:
            return None
        closes = (place.closes + 1 for place in places if place.closes is not None and at <= place.closes)
        return _of(self._name, next(iter(told))), earliest(until, *closes)


class RecordTeller:
    """Tells of records in doubt: without any, a screening may be missing."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def tell(self, chart: Chart, at: int) -> Told | None:
        """Say which rules hold at an instant."""
        if "record" not in self._trial.rules.subjects:
            return frozenset(), None
        if chart.timeline.problems:
            return None
        if self._trial.screened is None:
            return frozenset(), None
        when, until = self._trial.points.find(self._trial.screened)(chart, at)
        return None if when is None else (frozenset(), until)


def _of(name: str, rules: Iterable[str]) -> frozenset[tuple[str, str]]:
    return frozenset((rule, name) for rule in rules)
