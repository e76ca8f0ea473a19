"""From a watch that breaks a law to a small one that does: fewest records first, then plain ones.

Hypothesis shrinks the choices that a watch was drawn by, where one choice changes all that follows. Here the watch
itself is made smaller: records are left out, halts, times of day and whatever else a record can do without. The number
of tries is bounded, and no clock is asked, so that the same failure is always shown alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from trialspec.testing.draft import Raw
from trialspec.testing.generated.choices import Choose
from trialspec.testing.made import record
from trialspec.testing.streams import Step, Stream
from trialspec.testing.watching import Watch

TRIES = 200
# What a record can often do without.
_SPARE = (
    *("available", "recorded", "site", "route", "part_of", "planned", "visit", "end", "start", "ongoing", "outcome"),
    *("rate", "weight", "reason", "scale", "grade", "serious", "high", "low", "absent", "done"),
)


def replaying(choices: Sequence[int]) -> Choose:
    """Make the choices that were made before, as far as they fit; the plainest, where they do not."""
    left = iter(choices)
    return lambda number: next(left, 0) % number


Fails = Callable[[Watch], str | None]
"""Says why a watch breaks a law, or nothing if it does not."""


def smaller(watch: Watch, fails: Fails, why: str, tries: int = TRIES) -> tuple[Watch, str]:
    """Give a smaller watch that breaks the law, and why it does."""
    left = tries
    best, said = watch, why

    def better(ways: Iterable[Watch]) -> bool:
        nonlocal left, best, said
        for way in ways:
            if left <= 0:
                return False
            left -= 1
            found = fails(way)
            if found is not None:
                best, said = way, found
                return True
        return False

    size = max(1, len(best.stream.raws) // 2)
    while size:
        # From the end: what comes last is most often what nobody needs.
        while better(_without(best, size)):
            pass
        size //= 2
    better(_calm(best))
    while better(_plainer(best)):
        pass
    while better(_without(best, 1)):
        pass
    return best, said


def _of(watch: Watch, steps: Iterable[tuple[int, str, tuple[Raw, ...]]]) -> Watch:
    kept = [(at, pace, raws) for at, pace, raws in steps if raws]
    last = watch.stream.steps[-1]
    made = [Step(at, tuple(record(raw) for raw in raws), pace, raws) for at, pace, raws in kept]
    names = {raw["patient"] for _, _, raws in kept for raw in raws}
    patients = tuple(name for name in watch.stream.patients if name in names) or watch.stream.patients[:1]
    return replace(watch, stream=Stream(patients, (*made, last)), reports={})


def _steps(watch: Watch) -> list[tuple[int, str, tuple[Raw, ...]]]:
    return [(step.at, step.pace, step.raws) for step in watch.stream.steps]


def _without(watch: Watch, size: int) -> Iterator[Watch]:
    """Leave out some records in a row."""
    steps = _steps(watch)
    places = [(index, number) for index, (_, _, raws) in enumerate(steps) for number in range(len(raws))]
    if len(places) <= size:
        return
    for start in range(max(0, len(places) - size), -1, -size):
        gone = set(places[start : start + size])
        yield _of(
            watch,
            (
                (at, pace, tuple(raw for number, raw in enumerate(raws) if (index, number) not in gone))
                for index, (at, pace, raws) in enumerate(steps)
            ),
        )


def _calm(watch: Watch) -> Iterator[Watch]:
    """Let time go on without a halt, and keep everybody in hand."""
    calm = _of(watch, ((at, "jump", raws) for at, _, raws in _steps(watch)))
    last = replace(calm.stream.steps[-1], pace="jump")
    calm = replace(calm, stream=replace(calm.stream, steps=(*calm.stream.steps[:-1], last)))
    yield replace(calm, keep=9)
    yield calm
    yield replace(watch, keep=9, reports={})


def _plainer(watch: Watch) -> Iterator[Watch]:
    """Say less in one record, or in all of them at once."""
    every = _changed(watch, _bare)
    if every is not None:
        yield every
    for id_ in dict.fromkeys(raw["id"] for raw in watch.stream.raws):
        for change in (_bare, _dated):

            def only(raw: Raw, id_: str = id_, change: Callable[[Raw], Raw] = change) -> Raw:
                return change(raw) if raw["id"] == id_ else raw

            way = _changed(watch, only)
            if way is not None:
                yield way


def _bare(raw: Raw) -> Raw:
    return {key: text for key, text in raw.items() if key not in _SPARE}


def _dated(raw: Raw) -> Raw:
    return {**raw, "time": raw["time"][:10]} if len(raw.get("time", "")) > 10 else raw


def _changed(watch: Watch, change: Callable[[Raw], Raw]) -> Watch | None:
    steps = [(at, pace, tuple(change(raw) for raw in raws)) for at, pace, raws in _steps(watch)]
    return None if steps == _steps(watch) else _of(watch, steps)
