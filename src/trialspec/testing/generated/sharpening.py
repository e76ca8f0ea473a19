"""Sharpening: records that say more than before, and contradict nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from trialspec.patient import FAR, Item, Timeline
from trialspec.quantity import Codes, Interval, exactly, word
from trialspec.testing.generated.choices import Choose, between, chance, coin, one_of
from trialspec.testing.generated.expressions import counted
from trialspec.testing.generated.records import ANSWERS, NAMED, WORDS, Calendar, time_near
from trialspec.times import When, on_date

_WORDS_OF: dict[str, tuple[str, ...]] = {"value": ANSWERS}
for _field, _words in (*NAMED.values(), *WORDS.values()):
    _WORDS_OF[_field] = (*_words, *_WORDS_OF.get(_field, ()))


def _narrower_value(choose: Choose, field: str, value: Codes | Interval | When) -> Codes | Interval | When:
    match value:
        case Codes(None):
            return word(one_of(choose, _WORDS_OF[field]))
        case Codes(words) if words is not None:
            return word(one_of(choose, sorted(words)))
        case Interval():
            return _narrower_number(choose, value)
        case When():
            return _narrower_time(choose, value)
        case _:
            return value


def _narrower_number(choose: Choose, value: Interval) -> Interval:
    if value.exact is not None:
        return value
    low = value.low if value.low is not None else (value.high if value.high is not None else Fraction(0)) - 9
    high = value.high if value.high is not None else low + 9
    width = high - low
    # Near an end, at an end where the interval has it, or anywhere between.
    least = Fraction(0) if value.low is None or not value.low_open else Fraction(1, 1000)
    most = Fraction(1) if value.high is None or not value.high_open else Fraction(999, 1000)
    one, other = (low + width * one_of(choose, (least, most, Fraction(1, 2), Fraction(1, 3))) for _ in range(2))
    return exactly(one) if coin(choose) else Interval(min(one, other), max(one, other))


def _narrower_time(choose: Choose, when: When) -> When:
    if when.certain:
        return when
    if when.instants and when.first == when.last:
        return replace(when, instants=(one_of(choose, when.instants),))
    last = min(when.last, when.first + 60) if when.last >= FAR else when.last
    one, other = (between(choose, when.first, last) for _ in range(2))
    return on_date(one) if chance(choose, 70) else When(min(one, other), max(one, other))


def _sharper(choose: Choose, item: Item) -> Item | None:
    """Give what an item may turn out to be: each of its open questions is answered, narrowed or left."""
    if not item.certain and coin(choose):
        if coin(choose):
            return None
        item = replace(item, certain=True)
    fields = {
        name: _narrower_value(choose, name, value) if coin(choose) else value for name, value in item.fields.items()
    }
    when = _narrower_time(choose, item.when) if chance(choose, 70) else item.when
    visible = when if item.visible == item.when else item.visible
    end = item.end
    if end is not None:
        end = when if end == item.when else _narrower_time(choose, end) if coin(choose) else end
    return replace(item, fields=fields, when=when, visible=visible, end=end)


def sharpened(choose: Choose, timeline: Timeline, calendar: Calendar) -> Timeline:
    """Give a timeline that says more and contradicts nothing, with *asked, no* where nothing was said before."""
    items = [sharper for item in timeline.items if (sharper := _sharper(choose, item)) is not None]
    if chance(choose, 30):
        kind = counted(choose)
        name, names = NAMED[kind]
        when = time_near(choose, calendar)
        items.append(Item("denied", kind, when, when, {name: word(one_of(choose, names))}, answer="absent"))
    return replace(timeline, items=tuple(items))
