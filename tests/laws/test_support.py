"""Law 10: an answer rests on the events it cites."""

from dataclasses import replace

from hypothesis import given

from tests.laws.asking import Read
from trialspec.explain import only
from trialspec.interpreters.reference import read
from trialspec.testing.generated.expressions import number
from trialspec.testing.strategies import Asked, asked


def suffices(asked: Asked, read: Read = read) -> None:
    """Fail if the cited events alone, at the same instant, do not give the same verdict and margin."""
    reading = read(asked.expr, asked.question)
    cited = replace(asked.question, timeline=only(asked.question.timeline, reading.because))
    again = read(asked.expr, cited)
    assert again.value == reading.value, f"{reading.value} became {again.value} on {sorted(reading.because)} alone"
    assert again.margin == reading.margin, f"margin {reading.margin} became {again.margin}"


@given(asked())
def test_the_cited_events_suffice(asked: Asked) -> None:
    """Replaying the cited events at the cited instant gives the same verdict and margin."""
    suffices(asked)


@given(asked(number))
def test_the_cited_events_suffice_for_a_number(asked: Asked) -> None:
    """The same for a number."""
    suffices(asked)
