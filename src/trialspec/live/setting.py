"""What the findings of one patient are told in: the moments of the trial, and where its visits lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialspec.findings.possible import CONSENT, stop_of
from trialspec.findings.records import milestone, stopped, unscreened
from trialspec.findings.slots import families, points_of
from trialspec.findings.standing import Times, visit_times
from trialspec.findings.windows import dated, places, points
from trialspec.interpreters.live import Interest, Points, UnsureError
from trialspec.interpreters.reading import Reading, earliest
from trialspec.interpreters.selection import appearances
from trialspec.live.values import Values
from trialspec.truth import NOT_MET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trialspec.findings.windows import Placing
    from trialspec.interpreters.live import Chart
    from trialspec.kernel import Point
    from trialspec.patient import Item, Timeline
    from trialspec.program import Program
    from trialspec.rulebook.decide import Matcher
    from trialspec.times import When
    from trialspec.truth import Verdict


_SCREENING = Interest(milestone("screening"))
# What tells of earlier instants whether a screening is missing.
FORESEEN = Interest(milestone("screening", "enrolment", "consent"))


class Rules:
    """Which rules hold for a message, remembered; subjects for which there is no rule are never asked about."""

    def __init__(self, matcher: Matcher, subjects: frozenset[str]) -> None:
        self.subjects = subjects
        self._matcher = matcher
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}

    def of(self, subject: str, *fields: tuple[str, str | frozenset[str]]) -> tuple[str, ...]:
        """Name the rules that hold for a finding with these fields."""
        key = (subject, *fields)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._matcher.matching(subject, dict(fields))
        return found


class Finder:
    """Where points are at one instant; `until` is the first instant at which one that was asked for may move."""

    def __init__(self, chart: Chart, at: int) -> None:
        self._chart = chart
        self._at = at
        self.until: int | None = None

    def __call__(self, point: Point) -> Reading:
        """Give where a point is, as a reading without its proof."""
        value, until = self._chart.points.find(point)(self._chart, self._at)
        self.until = earliest(self.until, until)
        return Reading(value, until=until)


class Trial:
    """A program with all of its points compiled, and the rules that its findings are told by."""

    def __init__(self, program: Program, rules: Rules) -> None:
        self.program = program
        self.rules = rules
        self.points = Points()
        self.values = Values(program)
        self.stop, self.stopped = stop_of(program), stopped(program)
        self.families = families(program)
        screened, enrolled = program.moments.get("screened"), program.moments.get("enrolled")
        self.screened, self.enrolled = screened, enrolled
        planned = [point for family in self.families for plan in family for point in points_of(plan)]
        course = [] if program.course is None else [program.course.through]
        moments = [moment for moment in (screened, enrolled) if moment is not None]
        self.asked: tuple[Point, ...] = (*moments, CONSENT, self.stop, self.stopped, *planned, *course)
        self.placing: tuple[Point, ...] = tuple(points(program))
        for point in (*self.asked, *self.placing):
            self.points.find(point)
        # An administration that names its slot may be of any drug.
        self.screening = FORESEEN | Interest(every=["administration"])
        self.anchors = Interest(moments=True)
        conditions = [plan.only_if for plan in program.visits if plan.only_if is not None]
        self.conditional = bool(conditions)
        self.conditions = Interest(conditions)

    def untold(self, chart: Chart, at: int) -> tuple[Verdict, int | None]:
        """Say whether the patient was enrolled or dosed, and no screening was recorded."""
        if self.screened is None:
            return NOT_MET, None
        value, until = self.points.find(self.screened)(chart, at)
        if value is not None:
            return NOT_MET, until

        def tell() -> tuple[Verdict, int | None]:
            reading = unscreened(self.program, chart.question(at))
            return reading.verdict, reading.until

        return chart.keep("untold", self.screening, at, tell)

    def screens(self, chart: Chart, item: Item) -> bool:
        """Whether a record may tell that a screening is missing, or that it is not."""
        if item not in self.screening or self.screened is None:
            return False
        value, until = self.points.find(self.screened)(chart, appearances(item, chart.zone)[0])
        return value is None or until is not None

    def screens_again(self, before: Timeline, changed: Iterable[Item]) -> bool:
        """Whether records may tell otherwise of any instant that a screening was missing.

        With a screening on record no consent and no enrolment that is dated later tells it.
        """
        if self.screened is None:
            return False
        known = any(_is_screening(item) and item.certain for _, item in before.of_kind("milestone"))
        return not known or any(_is_screening(item) for item in changed)

    def scene(self, chart: Chart, at: int) -> tuple[Scene, int | None]:
        """See where the visits lie at an instant; that of visits for some patients only the reference can tell."""
        if self.conditional:
            raise UnsureError
        visits = self.program.visits

        def tell() -> tuple[Scene, int | None]:
            find = Finder(chart, at)
            placed = places(self.program, find, chart.zone)
            stop = dated(find(self.stopped))
            times = {plan.name: visit_times(self.program, plan, placed[plan.name], find, chart.zone) for plan in visits}
            for point in self.placing:
                find(point)  # whatever else is asked of it later
            return Scene(placed, times, stop, find, {}), find.until

        return chart.keep("scene", self.anchors, at, tell)


def _is_screening(item: Item) -> bool:
    return item in _SCREENING


@dataclass(frozen=True, slots=True)
class Scene:
    """Where every visit lies, when each is due, and when the patient stopped.

    `supposed` remembers which values would lie in the window of a visit whose anchor has not happened.
    """

    places: Mapping[str, Placing]
    times: Mapping[str, Times | None]
    stop: When | None
    find: Callable[[Point], Reading]
    supposed: dict[tuple[str, int], tuple[int, Verdict, int | None, Item]]
