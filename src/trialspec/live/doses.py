"""Which rules hold for the planned doses, and for what is to be measured before them, told from dates and gates.

`trialspec.findings.doses` says what all this means. What is not as planned (a dose too many, one that may belong to
either of two slots, a cycle that moves with its doses) is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trialspec.findings.departures import Context, judge
from trialspec.findings.possible import CONSENT, plan_of
from trialspec.findings.slots import Limits, attribute, points_of, slot_names, stopped_before
from trialspec.findings.standing import Times, by_time, next_turn
from trialspec.findings.treatment import attributed
from trialspec.findings.windows import lies_inside, locating, window_place
from trialspec.interpreters.live import Interest, UnsureError, certain
from trialspec.interpreters.reading import earliest
from trialspec.interpreters.selection import appearances
from trialspec.kernel import Window
from trialspec.live.setting import Finder
from trialspec.quantity import Codes
from trialspec.times import When
from trialspec.truth import MET, NOT_MET, UNKNOWN, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialspec.alerts import Told
    from trialspec.findings.infusions import Infusion
    from trialspec.findings.slots import Slot
    from trialspec.findings.treatment import Attributed
    from trialspec.findings.windows import Placing
    from trialspec.interpreters.live import Chart
    from trialspec.live.setting import Trial
    from trialspec.patient import Item
    from trialspec.program import AssessmentPlan, DosePlan

_BY_WINDOW = {"before": "not_due", "open": "due", "past": "overdue"}
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filled:
    """Which doses fill the slots of each family, with what is known at an instant; `appearing` are when they are seen.

    It is `plain` where every dose fills a slot, and none may fill another.
    """

    families: tuple[Attributed, ...]
    appearing: tuple[int, ...]
    plain: bool
    until: int | None

    def seen(self, chart: Chart, now: int) -> list[object]:
        """Give what was told of it up to an instant."""
        found: list[object] = []
        for each in self.families:
            fills = each.filling.fills.items()
            found += [(name, *map(id, dose.parts)) for name, dose in fills if each.seen[dose.id] <= now]
            refusals = each.filling.refusals.items()
            found += [(name, id(item)) for name, item in refusals if appearances(item, chart.zone)[0] <= now]
            found += [id(part) for dose in each.given if each.seen[dose.id] <= now for part in dose.parts]
        return found


@dataclass(frozen=True, slots=True)
class _Moments:
    """What doses are judged by, as it stood at an instant; `slots` are those of each family, with no dose in them."""

    context: Context
    slots: tuple[tuple[Slot, ...], ...]
    key: tuple[When | None, ...]


@dataclass(frozen=True, slots=True)
class _Cleared:
    """How the gates of a dose read: the one that decides, the worst that holds, the worst that only warns."""

    deciding: str
    holding: str
    warning: str


@dataclass(frozen=True, slots=True)
class _Judged:
    """How a dose departed from the plan; it holds on to the parts that it was told by: by them it is remembered."""

    parts: tuple[Item, ...]
    departure: frozenset[str]
    unknown: frozenset[str]
    cleared: _Cleared


@dataclass(slots=True)
class _Telling:
    """What is told at one instant, as far as it has come."""

    chart: Chart
    at: int
    moments: _Moments
    screening: Verdict
    until: int | None
    holding: list[tuple[str, str]] = field(default_factory=list)
    given: dict[str, Infusion] = field(default_factory=dict)
    cleared: dict[str, _Cleared] = field(default_factory=dict)

    @property
    def today(self) -> int:
        """The date."""
        return self.chart.zone.date_of(self.at)


class DoseTeller:
    """Tells of all doses of a program."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        program = trial.program
        gates = [gate.expr for gate in program.gates.values()]
        self._gates = {name: Interest(gate.expr) for name, gate in program.gates.items()}
        asked = [(plan.premedication, plan.amounts, plan.only_if, plan.stop_if) for plan in program.doses]
        self._judging = Interest(gates, asked)
        self._points = tuple(tuple(p for plan in family for p in points_of(plan)) for family in trial.families)
        self._needs = tuple(
            (each, measure, name)
            for each in program.assessments
            for plan in program.doses
            if plan.name in each.before
            for name in slot_names(plan)
            for measure in each.measures
        )
        self._doses = Interest(every=["administration"], moments=True)
        self.interest = self._doses | self._judging
        for each, measure, _ in self._needs:
            self.interest.add("observation", program.vocabulary.under(measure))
            for query in Interest(each.window).words.items():
                self.interest.add(*query)
        # Cycles move with their doses, and of others it is to be found out first for whom they are, or until when.
        moving = any(
            plan.interval or plan.only_if or plan.stop_if or plan.if_missed == "stop" for plan in program.doses
        )
        self.plain = not moving and not trial.rules.subjects & {"course", "gate"}

    def filled(self, chart: Chart, told_at: int) -> Filled:
        """Say which dose fills which slot, with what is known at an instant."""

        def tell() -> tuple[Filled, int | None]:
            context, until = self._context(chart, told_at)
            items = [item for _, item in chart.timeline.of_kind("administration")]
            owned = [item for item in items if plan_of(item, context.program.doses) is not None]
            for item in owned:
                certain(item, chart.zone)
                if any(_vague(item, name) for name in ("planned", "part_of")):
                    raise UnsureError
            appearing = tuple(appearances(item, chart.zone)[0] for item in owned)
            families = tuple(attributed(family, items, context) for family in self._trial.families)
            coming = min((at for at in appearing if at > told_at), default=None)
            plain = not any(each.filling.extras or each.filling.waiting or each.doubts for each in families)
            until = earliest(until, coming)
            return Filled(families, appearing, plain, until), until

        return chart.keep("filled", self._doses, told_at, tell)[0]

    def tell(self, chart: Chart, at: int, filled: Filled) -> Told | None:
        """Say which rules hold at an instant."""
        if not filled.plain:
            return None
        moments, until = self._moments(chart, at)
        screening, screening_until = self._trial.untold(chart, at)
        coming = min((seen for seen in filled.appearing if seen > at), default=None)
        telling = _Telling(chart, at, moments, screening, earliest(until, screening_until, coming, filled.until))
        for slots, family in zip(moments.slots, filled.families, strict=True):
            for slot in slots:
                dose = family.filling.fills.get(slot.name)
                if dose is not None and family.seen[dose.id] <= at and screening is NOT_MET:
                    telling.given[slot.name] = dose
                    self._given(slot, dose, family, telling)
                else:
                    refusal = family.filling.refusals.get(slot.name)
                    refused = refusal is not None and appearances(refusal, chart.zone)[0] <= at
                    self._open(slot, refused=refused, telling=telling)
        for need in self._needs:
            if not self._needed(*need, telling):
                return None
        return frozenset(telling.holding), telling.until

    # --- what doses are judged by -------------------------------------------------------------------------------------

    def _context(self, chart: Chart, at: int) -> tuple[Context, int | None]:
        trial, find = self._trial, Finder(chart, at)
        program = trial.program
        through = None if program.course is None else find(program.course.through)
        return Context(
            program,
            chart.question(at),
            None if trial.screened is None else find(trial.screened),
            None if trial.enrolled is None else find(trial.enrolled),
            find(CONSENT),
            find(trial.stop),
            through,
            {} if program.course is None or through is None else dict.fromkeys(program.course.of, through),
        ), find.until

    def _moments(self, chart: Chart, at: int) -> tuple[_Moments, int | None]:
        def tell() -> tuple[_Moments, int | None]:
            context, until = self._context(chart, at)
            named = (context.screened, context.enrolled, context.consent, context.stop, context.through)
            key = [_when(reading.value) if reading is not None else None for reading in named]
            slots = []
            for number, points in enumerate(self._points):
                find = Finder(chart, at)
                dates = tuple(_when(find(point).value) for point in points)
                until = earliest(until, find.until)
                key += dates
                slots.append(self._slots(number, (*dates, key[4]), context, chart))
            return _Moments(context, tuple(slots), tuple(key)), until

        return chart.keep("moments", self._trial.anchors, at, tell)

    def _slots(self, number: int, dates: tuple[When | None, ...], context: Context, chart: Chart) -> tuple[Slot, ...]:
        """Give the slots of a family for the dates that they are counted from."""

        def tell() -> tuple[tuple[Slot, ...], int | None]:
            limits = Limits(context.stopped, context.course)
            return attribute(self._trial.families[number], (), (), context.question, limits).slots, None

        return chart.keep(("slots", number, dates), _NOTHING, 0, tell)[0]

    def _clearance(self, plan: DosePlan, telling: _Telling) -> _Cleared:
        cleared = telling.cleared.get(plan.name)
        if cleared is None:
            gates = self._trial.program.gates
            read: dict[str, list[Verdict]] = {"hold": [], "warn": []}
            for name in plan.gates:
                verdict, until = telling.chart.verdict(gates[name].expr, self._gates[name], telling.at)
                telling.until = earliest(telling.until, until)
                read[gates[name].otherwise].append(verdict)
            holding, warning = (_worst(verdicts) for verdicts in read.values())
            deciding = holding if holding is not MET else warning
            cleared = telling.cleared[plan.name] = _Cleared(str(deciding), str(holding), str(warning))
        return cleared

    # --- slots --------------------------------------------------------------------------------------------------------

    def _open(self, slot: Slot, *, refused: bool, telling: _Telling) -> None:
        """Tell of a slot that no dose fills."""
        cleared = self._clearance(slot.plan, telling)
        state = self._state(slot, cleared, refused=refused, telling=telling)
        window = "" if state == "unknown" else slot.window(telling.today)
        self._hold(slot.name, (state, _NONE, _NONE), cleared, window, telling)
        days = (slot.first, None if slot.last is None else slot.last + 1, slot.lapses)
        starts = (telling.chart.zone.start_of(day) for day in days if day is not None)
        telling.until = earliest(telling.until, *(start for start in starts if start > telling.at))

    def _state(self, slot: Slot, cleared: _Cleared, *, refused: bool, telling: _Telling) -> str:
        """Give the first state that applies."""
        stop = telling.moments.context.stopped
        if telling.screening is not NOT_MET:
            return "unknown"
        if refused:
            return "not_given"
        if slot.lapses is not None and telling.today >= slot.lapses and not stopped_before(slot, stop):
            return "missed"
        if stop is not None:
            return "cancelled"
        if slot.first is None:
            return "not_due"
        return "held" if cleared.holding == str(NOT_MET) else _BY_WINDOW[slot.window(telling.today)]

    def _given(self, slot: Slot, dose: Infusion, family: Attributed, telling: _Telling) -> None:
        """Tell of a slot that a dose fills: once it is over, how it was judged stays."""
        chart, at, moments = telling.chart, telling.at, telling.moments
        given = [each.id for each in family.given]
        place = given.index(dose.id)
        before = family.given[place - 1] if place else None
        when = dose.when
        read_at = min(when.instants[0] if when.instants else chart.zone.end_of(when.first), at)
        beside = () if before is None else before.parts
        parts = (*dose.parts, *beside)
        key = ("given", slot.name, *map(id, parts), read_at, moments.key)

        def tell() -> tuple[_Judged, int | None]:
            context = replace(moments.context, question=chart.question(at))
            judged = judge(dose, slot.plan, slot, before, context)
            worst = judged.clearance
            verdicts = (worst.deciding.verdict, worst.holding.verdict, worst.warning.verdict)
            return _Judged(parts, judged.words(MET), judged.words(UNKNOWN), _Cleared(*map(str, verdicts))), judged.until

        judged, until = chart.keep(key, self._judging, at, tell)
        telling.until = earliest(telling.until, until)
        found = "given", judged.departure, judged.unknown
        self._hold(slot.name, found, judged.cleared, slot.window(dose.when.first), telling)

    def _hold(
        self,
        name: str,
        found: tuple[str, frozenset[str], frozenset[str]],
        cleared: _Cleared,
        window: str,
        telling: _Telling,
    ) -> None:
        state, departure, unknown = found
        fields = (
            ("state", state),
            ("departure", departure),
            ("departure_unknown", unknown),
            ("gate", cleared.deciding),
            ("holding", cleared.holding),
            ("warning", cleared.warning),
            *((("window", window),) if window else ()),
        )
        telling.holding += [(rule, name) for rule in self._trial.rules.of("dose", *fields)]

    # --- what is measured before a dose -------------------------------------------------------------------------------

    def _needed(self, assessment: AssessmentPlan, measure: str, name: str, telling: _Telling) -> bool:
        """Tell of a measure that is needed before a dose; false where it cannot be told."""
        chart, at, dose = telling.chart, telling.at, telling.given.get(name)
        stop, stop_until = self._trial.points.find(self._trial.stopped)(chart, at)
        telling.until = earliest(telling.until, stop_until)
        if telling.screening is not NOT_MET:
            state = "unknown"
        elif dose is None:
            state = "not_due" if stop is None else "cancelled"
        else:
            place = self._place(assessment, name, dose, telling)
            done = place.placed and self._measured(measure, place, telling)
            if done and measure in assessment.methods:
                return False
            if done:
                state = "done"
            elif place.placed:
                times = Times(None, place.closes, place.closes)
                state = by_time(times, None if stop is None else stop.span(chart.zone)[0], at)
                telling.until = earliest(telling.until, next_turn(times, at))
            else:
                state = "unknown"
        fields = ("state", state), ("departure", _NONE), ("visit", "none")
        subject = f"{assessment.name}@{name}/{measure}"
        telling.holding += [(rule, subject) for rule in self._trial.rules.of("assessment", *fields)]
        return True

    def _place(self, assessment: AssessmentPlan, name: str, dose: Infusion, telling: _Telling) -> Placing:
        """Say where the window before a dose lies."""
        chart, window = telling.chart, assessment.window or Window()

        def tell() -> tuple[Placing, int | None]:
            question = replace(chart.question(telling.at), dose=dose.when)
            place = window_place(window, None, locating(question), chart.zone)
            return place, place.until

        place, until = chart.keep(("before", assessment.name, name, dose.when), self._trial.anchors, telling.at, tell)
        telling.until = earliest(telling.until, until)
        return place

    def _measured(self, measure: str, place: Placing, telling: _Telling) -> bool:
        """Whether a value lies in a window."""
        found = False
        for appears, when, _, answers, _ in self._trial.values.of(telling.chart):
            if measure not in answers:
                continue
            if appears > telling.at:
                telling.until = earliest(telling.until, appears)
                break
            inside = lies_inside(when, place, telling.chart.zone)
            if inside is UNKNOWN:
                raise UnsureError
            found = found or inside is MET
        return found


_NOTHING = Interest()


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    read = set(verdicts)
    return NOT_MET if NOT_MET in read else UNKNOWN if UNKNOWN in read else MET


def _when(value: object) -> When | None:
    return value if isinstance(value, When) else None


def _vague(item: Item, name: str) -> bool:
    value = item.fields.get(name)
    return isinstance(value, Codes) and (value.words is None or len(value.words) > 1)
