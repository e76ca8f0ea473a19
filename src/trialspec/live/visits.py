"""Which rules hold for a visit and its assessments, told from where the visit lies and when its values were.

`trialspec.findings.standing` says what all this means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.findings.possible import CONSENT
from trialspec.findings.standing import by_time, next_turn
from trialspec.findings.windows import lies_inside, would_lie_inside
from trialspec.interpreters.live import UnsureError
from trialspec.interpreters.reading import earliest
from trialspec.interpreters.reference import compare_when
from trialspec.interpreters.selection import appearances, is_clock
from trialspec.live.setting import Scene
from trialspec.quantity import Codes
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

if TYPE_CHECKING:
    from trialspec.alerts import Told
    from trialspec.findings.windows import Placing
    from trialspec.interpreters.live import Chart
    from trialspec.live.setting import Trial
    from trialspec.patient import Item
    from trialspec.program import VisitPlan
    from trialspec.times import When

    # A value, or the milestone of a visit: when it comes into sight and was, which visit it names, and what it answers.
    Value = tuple[int, When, str | None, frozenset[str], Item]

_NOTHING: frozenset[str] = frozenset()
_OUTSIDE = frozenset({"out_of_window"})
_VISIT = "visit"


class VisitTeller:
    """Tells of one visit of a program, and of what is to be measured at it."""

    def __init__(self, trial: Trial, plan: VisitPlan) -> None:
        self._trial, self._plan = trial, plan
        here = [each for each in trial.program.assessments if plan.name in each.visits]
        self._planned = frozenset(name for each in here for name in each.measures) | {_VISIT}
        self._assessments = tuple(
            (measure, f"{each.name}@{plan.name}/{measure}", measure in each.methods)
            for each in here
            for measure in each.measures
        )
        self._subjects = ("", *dict.fromkeys(measure for measure, _, _ in self._assessments))
        self._told: dict[tuple[object, ...], frozenset[tuple[str, str]] | None] = {}
        self._asked = bool({"visit", "assessment"} & trial.rules.subjects)
        self._clocked = is_clock(plan.window.start) or is_clock(plan.window.end)

    def tell(self, chart: Chart, at: int) -> Told | None:
        """Say which rules hold at an instant."""
        if not self._asked:
            return frozenset(), None
        name, (scene, until) = self._plan.name, self._trial.scene(chart, at)
        place = scene.places[name]
        awaits = not place.placed and self._plan.first_due is not None
        caught = place.placed and place.closes is not None and at > place.closes
        done: dict[str, bool] = {}  # by what is answered: whether there is a value inside the window
        for appears, when, visit, answers, item in self._trial.values.of(chart):
            if appears > at:
                until = earliest(until, appears)
                break
            if visit is not None and visit != name:
                continue
            if visit is not None:
                consent, consent_until = self._trial.points.find(CONSENT)(chart, at)
                until = earliest(until, consent_until)
                if consent is None or compare_when(when, consent, chart.zone)[0] is MET:
                    return None  # taken for the trial before any consent
            inside = False
            if place.placed:
                inside = self._inside(when, place, chart)
                belongs = inside or visit is not None or (caught and _between(when, place))
            elif awaits:
                inside, turns = self._supposed(when, item, scene, chart, at)
                belongs, until = inside, earliest(until, turns)
            else:
                belongs = visit is not None
            if belongs:
                for each in answers:
                    done[each] = inside or done.get(each, False)
                if inside or visit is not None or self._planned & answers:
                    done[""] = inside or done.get("", False)
        return self._holding(done, scene, chart, at, until)

    def ignores(self, chart: Chart, item: Item, at: int) -> bool:
        """Whether a value is surely none of this visit: it names another one, or lies far from where it has long been.

        Where the visit lies, if anywhere, must be the same when the record comes into sight and at present.
        """
        named = item.fields.get("visit")
        if isinstance(named, Codes):
            return named.words is not None and self._plan.name not in named.words
        scene = chart.kept("scene", appearances(item, chart.zone)[0], at)
        if not isinstance(scene, Scene):
            return False
        place = scene.places[self._plan.name]
        if not place.placed:
            return self._plan.first_due is None
        if self._clocked or not item.when.certain:
            return False
        first = None if place.start is None or place.first is None else min(place.start, place.first)
        last = None if place.end is None or place.last is None else max(place.end, place.last)
        day = item.when.first
        return (first is not None and day < first - 1) or (last is not None and day > last + 1)

    def _holding(self, done: dict[str, bool], scene: Scene, chart: Chart, at: int, until: int | None) -> Told | None:
        place, times = scene.places[self._plan.name], scene.times[self._plan.name]
        stop = None if scene.stop is None else scene.stop.span(chart.zone)[0]
        screening, told_until = self._trial.untold(chart, at)
        until = earliest(until, told_until, next_turn(times, at))
        otherwise = "unknown" if screening is not NOT_MET else by_time(times, stop, at)
        key = otherwise, place.placed, *(done.get(each) for each in self._subjects)
        if key not in self._told:
            self._told[key] = self._rules(done, otherwise, placed=place.placed)
        holding = self._told[key]
        return None if holding is None else (holding, until)

    def _rules(self, done: dict[str, bool], otherwise: str, *, placed: bool) -> frozenset[tuple[str, str]] | None:
        """Name the rules that hold; nothing where it depends on the method by which something was measured."""
        rules = self._trial.rules.of
        state, departure = _standing(done.get(""), otherwise, placed=placed)
        holding = [(rule, self._plan.name) for rule in rules("visit", ("state", state), ("departure", departure))]
        whole = "out_of_window" if departure else state
        for measure, subject, methods in self._assessments:
            state, departure = _standing(done.get(measure), otherwise, placed=placed)
            if methods and state == "done":
                return None
            fields = ("state", state), ("departure", departure), ("visit", whole)
            holding += [(rule, subject) for rule in rules("assessment", *fields)]
        return frozenset(holding)

    def _inside(self, when: When, place: Placing, chart: Chart) -> bool:
        begins, finishes = place.begins, place.finishes
        if not self._clocked:
            if begins is not None and when.first < begins.first:
                return False
            if finishes is not None and when.first > finishes.first:
                return False
            apart = begins is None or when.first > begins.first
            if apart and (finishes is None or when.first < finishes.first):
                return True
        return _sure(lies_inside(when, place, chart.zone))

    def _supposed(self, when: When, item: Item, scene: Scene, chart: Chart, at: int) -> tuple[bool, int | None]:
        """Say whether a value would lie in the window if its anchor came today, and when that may turn."""
        key = self._plan.name, id(item)
        since, verdict, turns, _ = scene.supposed.get(key, (at + 1, NOT_MET, None, item))
        if not (since <= at and (turns is None or at < turns)):
            stop = None if scene.stop is None else scene.stop.span(chart.zone)[0]
            latest = chart.zone.date_of(at if stop is None else min(stop, at))
            verdict, turns = would_lie_inside(when, self._plan.window, scene.find, chart.zone, latest)
            turns = None if stop is not None else turns
            scene.supposed[key] = at, verdict, turns, item  # which is held on to: it is remembered by its identity
        return _sure(verdict), turns


def _standing(inside: object, otherwise: str, *, placed: bool) -> tuple[str, frozenset[str]]:
    """Say how something stands; `inside` is whether it has a value in its window, `None` without any value."""
    if inside is None:
        return otherwise, _NOTHING
    return "done", _OUTSIDE if placed and not inside else _NOTHING


def _sure(verdict: Verdict) -> bool:
    if verdict is UNKNOWN:
        raise UnsureError
    return verdict is MET


def _between(when: When, place: Placing) -> bool:
    return (place.start is None or when.first >= place.start) and (place.end is None or when.first <= place.end)
