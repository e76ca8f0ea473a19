"""Laws of derived measures: what is kept of them is what is made anew, and sharper records make narrower values."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.laws.test_sharpening import inside
from trialspec import kernel
from trialspec.interpreters.derived import Deriving
from trialspec.kernel import Constant, Dose, Expr, Now, Select, Window
from trialspec.patient import Item, Timeline
from trialspec.program import Derivation
from trialspec.quantity import ANYTHING, Interval, exactly, word
from trialspec.testing.generated.expressions import number
from trialspec.testing.strategies import STEADY, Calendar, Idiom, drawn, sharper, timelines
from trialspec.times import on_date

CALENDAR: Calendar = STEADY[0]
DATED_BY = Select("observation", (kernel.Test("measure", "in", Constant(word("protein"))),))


def ended(part: object) -> object:
    """Let what an expression asks for end with the value that it makes, as the language does."""
    if isinstance(part, Now):
        return Dose()
    if isinstance(part, Window):
        return Window(ended(part.start), Dose(), part.after)  # type: ignore[arg-type]  # a point stays a point
    if isinstance(part, tuple):
        return tuple(ended(each) for each in part)
    if hasattr(part, "__dataclass_fields__") and not isinstance(part, Item):
        names = [name for name in part.__dataclass_fields__ if name != "place"]
        return replace(part, **{name: ended(getattr(part, name)) for name in names})  # type: ignore[type-var]
    return part


@st.composite
def derivations(draw: DrawFn) -> Derivation:
    """Draw what makes a measure, dated by one that timelines have."""
    expr = ended(draw(drawn(number, Idiom(CALENDAR, doses=True))))
    assert isinstance(expr, Expr)
    return Derivation("made", "g", DATED_BY, expr)


def made(derivation: Derivation, timeline: Timeline) -> dict[str, Item]:
    return {item.id: item for item in Deriving([derivation])(timeline, timeline.items)}


@given(derivations(), timelines(CALENDAR), st.data())
def test_what_is_kept_is_what_is_made_anew(derivation: Derivation, timeline: Timeline, data: st.DataObject) -> None:
    """Values made as records come and go, in any order, are those of the records that there are in the end."""
    deriving, items = Deriving([derivation]), list(timeline.items)
    there: list[Item] = []
    for item in data.draw(st.permutations(items)):
        there.append(item)
        changed = [item]
        if len(there) > 1 and data.draw(st.booleans()):
            changed.append(there.pop(0))
        now = replace(timeline, items=tuple(each for each in items if each in there))
        found = {each.id: each for each in deriving(now, changed)}
        assert found == made(derivation, now)


@given(derivations(), timelines(CALENDAR), st.data())
def test_sharper_records_make_narrower_values(derivation: Derivation, timeline: Timeline, data: st.DataObject) -> None:
    """A value of which the date stays is inside what it was before its patient's records said more."""
    before = made(derivation, timeline)
    after = made(derivation, data.draw(sharper(timeline, CALENDAR)))
    for name in before.keys() & after.keys():
        one, other = (each.fields["value"] for each in (before[name], after[name]))
        assert isinstance(one, Interval)
        assert isinstance(other, Interval)
        if before[name].when == after[name].when and one != ANYTHING:
            assert inside(other, one), f"{one} became {other}"


def test_what_a_value_lacks_does_not_depend_on_what_comes_later() -> None:
    """A birth date that is not on record is missing by the date of the value, whenever the last record is."""
    birth = kernel.Pick("latest", Select("person", label="birth date"), "birth")
    derivation = Derivation("made", "g", DATED_BY, kernel.Arithmetic("years", birth, Dose()))
    day = CALENDAR.today
    first, later = (
        Item(str(number), "observation", on_date(at), on_date(at), {"measure": word("protein"), "value": exactly(1)})
        for number, at in enumerate((day, day + 30))
    )
    deriving = Deriving([derivation])
    alone = Timeline("P", CALENDAR.zone, (first,))
    both = Timeline("P", CALENDAR.zone, (first, later))
    (before,) = deriving(alone, alone.items)
    after, _ = deriving(both, (later,))
    assert before == after == made(derivation, both)["0:made"]
    assert {each.due for each in before.missing} == {day}
