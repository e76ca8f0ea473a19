"""A law is only as good as its generator: these say what share of the drawn questions can show anything at all."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.laws.asking import instants, speaks_of
from trialspec.interpreters.reference import read
from trialspec.interpreters.selection import worlds
from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Daily,
    Dose,
    Fixed,
    Fold,
    Moment,
    Not,
    Now,
    Pick,
    Run,
    Score,
    Select,
    Shift,
    Window,
)
from trialspec.patient import Item
from trialspec.quantity import Codes, Interval
from trialspec.testing.generated.expressions import statement
from trialspec.testing.strategies import Asked, asked
from trialspec.truth import MET, NOT_MET

pytestmark = pytest.mark.slow

T = TypeVar("T")
DRAWN = 1_000


def sample(strategy: SearchStrategy[T], number: int, start: int = 1) -> list[T]:
    """Draw a number of examples, the same ones each time."""
    found: list[T] = []

    @seed(start)
    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


@pytest.fixture(scope="module")
def drawn() -> list[Asked]:
    """One sample for all that is counted here."""
    return sample(asked(), DRAWN)


def share(drawn: list[Asked], holds: Callable[[Asked], bool]) -> float:
    """Give the share of questions, in percent."""
    return 100 * sum(holds(each) for each in drawn) / len(drawn)


def test_enough_answers_are_certain(drawn: list[Asked]) -> None:
    """At least one answer in ten is met, and one in ten not met."""
    verdicts = Counter(read(each.expr, each.question).verdict for each in drawn)
    assert verdicts[MET] >= DRAWN / 10
    assert verdicts[NOT_MET] >= DRAWN / 10


def test_enough_answers_really_change(drawn: list[Asked]) -> None:
    """At least one answer in ten has an `until` at which its value does change."""

    def changes(each: Asked) -> bool:
        reading = read(each.expr, each.question)
        return reading.until is not None and read(each.expr, each.question.on(reading.until)).value != reading.value

    assert share(drawn, lambda each: read(each.expr, each.question).until is not None) >= 40
    assert share(drawn, changes) >= 10


def test_enough_questions_have_several_worlds(drawn: list[Asked]) -> None:
    """At least one question in twenty speaks of a moment of uncertain date or existence."""

    def several(each: Asked) -> bool:
        found = worlds(each.question, each.expr)
        return found is None or len(found) > 1

    assert share(drawn, several) >= 5


@pytest.mark.parametrize(
    ("node", "least"),
    [
        (AtLeast, 20),
        (Arithmetic, 4),
        (Compare, 60),
        (Constant, 60),
        (Daily, 3),
        (Dose, 3),
        (Fixed, 3),
        (Fold, 40),
        (Moment, 35),
        (Not, 8),
        (Now, 35),
        (Pick, 40),
        (Run, 10),
        (Score, 3),
        (Select, 80),
        (Shift, 40),
        (Window, 80),
    ],
)
def test_every_node_is_drawn(drawn: list[Asked], node: type, least: int) -> None:
    """Each node of the kernel is in a share of the questions."""
    assert share(drawn, lambda each: speaks_of(each.expr, node)) >= least


def test_every_way_of_a_node_is_drawn(drawn: list[Asked]) -> None:
    """Each pick, fold, rule for ties, sign, direction and form of a run, window and limit is drawn."""
    found: Counter[object] = Counter()
    for each in drawn:
        stack: list[object] = [each.expr]
        while stack:
            node = stack.pop()
            match node:
                case Pick():
                    found.update([node.which, f"ties {node.ties}"])
                case Fold():
                    found.update([node.how])
                case Daily():
                    found.update([f"daily {node.how}", ("sources", len(node.of))])
                case Arithmetic():
                    found.update([node.how, ("alike", bool(node.alike))])
                case Compare():
                    found.update([node.operator])
                case Run():
                    found.update([("then", node.then is not None), ("span", node.span), ("gap", node.gap)])
                    found.update([("across", node.across)])
                case Window():
                    found.update([("after", node.after), ("before", node.before), ("end", node.end is not None)])
                    found.update([("awaits", node.awaits)])
                case Shift():
                    found.update([node.by.unit])
                case Constant(_, by_unit):
                    found.update([("by unit", bool(by_unit))])
                case Select():
                    found.update([("history", type(node.history).__name__), node.kind])
                    found.update([("lasting", node.lasting is not None)])
                case Moment(_, which, of):
                    found.update([f"moment {which}", ("inner", speaks_of(of.window, Moment))])
                case _:
                    pass
            if isinstance(node, tuple):
                stack.extend(node)
            elif hasattr(node, "__dataclass_fields__"):
                stack.extend(getattr(node, name) for name in node.__dataclass_fields__ if name != "place")
    wanted = [
        *("first", "latest", "least", "greatest", "nearest", "count", "distinct", "sum", "mean"),
        *(f"ties {rule}" for rule in ("hull", "mean", "least", "greatest", "last_entered")),
        *("add", "subtract", "multiply", "divide", "power", "round", "years"),
        *("above", "at_least", "below", "at_most", "in"),
        *(("then", True), ("span", None), ("gap", None), ("after", True), ("before", True), ("end", True)),
        ("awaits", True),
        *("d", "wk", "mo", "y", "h", "min", ("by unit", True), "moment first", "moment last", ("inner", True)),
        *("daily greatest", "daily sum", "daily days", "daily row", ("sources", 2)),
        *(("alike", True), ("across", True), ("lasting", True)),
        *(("history", kind) for kind in ("str", "NoneType", "Moment")),
        *("observation", "administration", "milestone", "condition", "therapy", "adverse_event", "procedure", "person"),
    ]
    assert [way for way in wanted if found[way] < 3] == []


def test_every_kind_of_record_is_drawn(drawn: list[Asked]) -> None:
    """Ties, partial dates, twice-occurring hours, censored and untrusted values, denials, open existence and ends."""
    found: Counter[str] = Counter()
    for each in drawn:
        for item in each.question.timeline.items:
            found.update(_said(item))
    wanted = ["date", "time", "partial", "twice", "censored", "any", "words", "absent", "not_done", "maybe", "unit g"]
    wanted += ["unit mg", "ongoing", "ended", "end unknown", "seen later", "recorded"]
    assert [way for way in wanted if found[way] < 10] == []


def _said(item: Item) -> list[str]:
    said = [item.answer, f"unit {item.unit}"]
    said += ["maybe"] if not item.certain else []
    said += ["partial"] if item.when.first < item.when.last else ["time"] if item.when.instants else ["date"]
    said += ["twice"] if len(item.when.instants) > 1 else []
    said += ["seen later"] if item.visible != item.when else []
    said += ["recorded"] if "recorded" in item.fields else []
    for value in item.fields.values():
        match value:
            case Interval(None, None):
                said.append("any")
            case Interval(high_open=True):
                said.append("censored")
            case Codes(words) if words is None or len(words) > 1:
                said.append("words")
            case _:
                pass
    if item.end is not None:
        far = item.end.last > item.when.last + 100_000
        said.append("ended" if not far else "ongoing" if item.end.first == item.end.last else "end unknown")
    return said


def test_questions_without_depth_are_as_good() -> None:
    """A single comparison or run, which the laws shrink to, is met, not met and changing often enough as well."""
    plain = sample(asked(partial(statement, depth=0)), DRAWN // 2)
    verdicts = Counter(read(each.expr, each.question).verdict for each in plain)
    assert verdicts[MET] >= len(plain) / 10
    assert verdicts[NOT_MET] >= len(plain) / 10


def _narrow(item: Item) -> bool:
    return item.when.last - item.when.first < 4


def test_brute_force_asks_often_enough(drawn: list[Asked]) -> None:
    """The instants at which answers are compared are many, and the value differs between them often enough."""
    # The first ones are small on purpose; and of a wide date each of very many worlds would be read at each instant.
    few = [each for each in drawn if all(_narrow(item) for item in each.question.timeline.items)][-DRAWN // 10 :]
    changing = sum(len({str(read(each.expr, each.question.on(at)).value) for at in instants(each)}) > 1 for each in few)
    assert changing >= len(few) / 7
