"""What a patient's observations and visits are to the visits of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialspec.interpreters.live import Interest, UnsureError, certain
from trialspec.quantity import Codes
from trialspec.truth import MET, UNKNOWN

if TYPE_CHECKING:
    from trialspec.interpreters.live import Chart
    from trialspec.patient import Item
    from trialspec.program import Program
    from trialspec.times import When

    # A value, or the milestone of a visit: when it comes into sight and was, which visit it names, and what it answers.
    Value = tuple[int, When, str | None, frozenset[str], Item]

VISIT = "visit"


class Values:
    """What a patient's observations and visits are to the visits of a program."""

    def __init__(self, program: Program) -> None:
        self._visits = frozenset(plan.name for plan in program.visits)
        planned = {name for each in program.assessments for name in each.measures}
        self._under = {name: program.vocabulary.under(name) for name in sorted(planned)}
        self._answers: dict[frozenset[str], frozenset[str]] = {}
        self.interest = Interest(every=["observation"])
        self.interest.add("milestone", frozenset({VISIT}))

    def of(self, chart: Chart) -> list[Value]:
        """Give them, in the order in which they come into sight."""

        def tell() -> tuple[list[Value], int | None]:
            items = (item for kind in ("observation", "milestone") for _, item in chart.timeline.of_kind(kind))
            found = [self._value(item, chart) for item in items if item.answer == "yes" and item in self.interest]
            return sorted(found, key=lambda value: value[0]), None

        return chart.keep("values", self.interest, 0, tell)[0]

    def _value(self, item: Item, chart: Chart) -> Value:
        appears, when = certain(item, chart.zone)
        named = item.fields.get(VISIT)
        visit = None
        if isinstance(named, Codes) and self._visits:
            if named.words is None or len(named.words) != 1 or not named.words <= self._visits:
                raise UnsureError
            (visit,) = named.words
        return appears, when, visit, self._answered(item), item

    def _answered(self, item: Item) -> frozenset[str]:
        """Name the planned measures that an item is a value of; the milestone of a visit answers the visit itself."""
        if item.kind == "milestone":
            return frozenset({VISIT})
        measured = item.fields.get("measure")
        if not isinstance(measured, Codes) or measured.words is None:
            raise UnsureError
        known = self._answers.get(measured.words)
        if known is None:
            among = {name: measured.among(words) for name, words in self._under.items()}
            if UNKNOWN in among.values():
                raise UnsureError
            known = self._answers[measured.words] = frozenset(name for name in among if among[name] is MET)
        return known
