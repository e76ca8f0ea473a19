"""The kernel: what a protocol can ask of one patient's timeline, in about ten kinds of node.

Every node is a frozen value that knows the place in the file where it was written. What each means is said once,
by `trialspec.interpreters.reference`; every other reader of the kernel must agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from dataclasses import field as kept
from typing import TYPE_CHECKING, Literal, TypeVar

from trialspec.patient import Kind
from trialspec.truth import UNKNOWN, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.diagnostics import Place
    from trialspec.quantity import Codes, Duration, Interval, Operator


# --- points: when -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Now:
    """The instant of the question."""

    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Dose:
    """The start of the dose that is asked about; the instant of the question while it has not been given."""

    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A date of the calendar, as an ordinal."""

    day: int
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """When the first or the last of the selected things happened."""

    name: str
    which: Literal["first", "last"]
    of: Select
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Shift:
    """A point moved by a duration: by days, months and years on its date, by hours on its instant."""

    point: Point
    by: Duration
    earlier: bool = False
    place: Place | None = kept(default=None, compare=False, repr=False)


Point = Now | Dose | Fixed | Moment | Shift


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; no start is since ever, no end is up to the instant of the question.

    While its start has not happened it is not yet; one that `awaits` its end is not yet while that has not happened.
    """

    start: Point | None = None
    end: Point | None = None
    after: bool = False  # the start itself is excluded
    before: bool = False  # the end itself is excluded
    place: Place | None = kept(default=None, compare=False, repr=False)
    awaits: bool = False


# --- selections: which things -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Test:
    """What one field of an item must be; `absent` is the answer where the field was not recorded.

    `operator` compares numbers; `in` asks whether a word is among those of the literal.
    """

    field: str
    operator: Operator | Literal["in"]
    against: Constant
    absent: Verdict = UNKNOWN
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Select:
    """The items of one kind that pass every test and lie in the window.

    `history` tells from when on a missing record means no: `always`, a moment, or never (`None`).
    `label` names what is asked for, in the words of the protocol; `asked_of` is who can answer.
    `lasting` asks that it lasts at least so long, and has by the end of the window.
    """

    kind: Kind
    tests: tuple[Test, ...] = ()
    window: Window = Window()
    history: Literal["always"] | Moment | None = None
    label: str = ""
    asked_of: str = "site"
    place: Place | None = kept(default=None, compare=False, repr=False)
    lasting: Duration | None = None


# --- expressions: what is so ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the protocol; `by_unit` gives another one for values that came in a certain unit."""

    value: Verdict | Interval | Codes
    by_unit: tuple[tuple[str, Interval], ...] = ()
    text: str = ""
    place: Place | None = kept(default=None, compare=False, repr=False)


Ties = Literal["hull", "mean", "least", "greatest", "last_entered"]


@dataclass(frozen=True, slots=True)
class Pick:
    """One field of the first, latest, least or greatest item, or of the one nearest to a day (the later of two)."""

    which: Literal["first", "latest", "least", "greatest", "nearest"]
    of: Select
    field: str = "value"
    ties: Ties = "hull"
    to: Point | None = None
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Fold:
    """A count, a sum or a mean over items; `field` says of what, `distinct` counts different words or days.

    `least` is how many items a mean needs.
    """

    how: Literal["count", "distinct", "sum", "mean"]
    of: Select
    field: str = "value"
    least: int = 1
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Daily:
    """A number about the dates of a window, on each of which what was given and taken is added up.

    What is given counts on its date, what is taken a day on every date from its start through its end; `of` says what
    counts, all in one window, and times how much. `greatest` is the greatest amount of a date and `sum` that of all;
    `days` is how many dates pass `holds`, and `row` how many of them follow each other at most.
    """

    how: Literal["greatest", "sum", "days", "row"]
    of: tuple[tuple[Select, Interval], ...]
    holds: Test | None = None
    label: str = ""
    unit: str = ""
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of the weights of the statements that are met; an unanswered one counts nothing up to its weight."""

    items: tuple[tuple[Expr, Interval], ...]
    place: Place | None = kept(default=None, compare=False, repr=False)


Calculation = Literal["add", "subtract", "multiply", "divide", "power", "least", "greatest", "round", "years"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What is calculated from two numbers; a quotient by what may be zero is undefined.

    `power` is not rational: it keeps 34 digits, computed in decimals. `round` rounds the left to whole steps of the
    right, a half away from zero. `years` are those completed from the left to the right, both of them dates. `alike`
    names a field on which the records of two picked values must agree, or there is no number either.
    """

    how: Calculation
    left: Expr
    right: Expr
    place: Place | None = kept(default=None, compare=False, repr=False)
    alike: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    """A number, date or word against another: the only place where values become verdicts."""

    left: Expr
    operator: Operator | Literal["in"]
    right: Expr
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """Readings in a row that all pass: at least `number` of them, first to last at least `span`, no gap above `gap`.

    `across` lets readings that fail lie between. With `then`, in place of a row: a passing reading and, later, one of
    `then`, `span` to `gap` after it.
    """

    of: Select
    holds: Test
    number: int = 2
    span: Duration | None = None
    gap: Duration | None = None
    then: Select | None = None
    place: Place | None = kept(default=None, compare=False, repr=False)
    across: bool = False


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `number` of the parts are met: one is *or*, all is *and*."""

    number: int
    of: tuple[Expr, ...]
    name: str = ""
    place: Place | None = kept(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Expr
    place: Place | None = kept(default=None, compare=False, repr=False)


_Part = TypeVar("_Part")

Expr = Point | Constant | Pick | Fold | Daily | Score | Arithmetic | Compare | Run | AtLeast | Not


def parts_of(part: object, sort: type[_Part]) -> Iterator[_Part]:
    """Give every part of one sort that something has, and those that these have."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, sort):
            yield part
        kind = type(part)
        names = _named.get(kind)
        if names is None:
            # Places are no part of what is meant.
            own = fields(kind) if is_dataclass(kind) else ()
            names = _named[kind] = tuple(each.name for each in reversed(own) if each.compare)
        if names:
            waiting.extend([getattr(part, name) for name in names])
        elif isinstance(part, tuple | list):
            waiting.extend(reversed(part))
        elif isinstance(part, Mapping):
            waiting.extend(reversed(tuple(part.values())))


# The fields of each class, read once: expressions are walked more often than anything else.
_named: dict[type, tuple[str, ...]] = {}


def kinds(part: object) -> frozenset[Kind]:
    """Give the kinds of records that an expression asks for; no other record can change what it reads."""
    return frozenset(query.kind for query in parts_of(part, Select))
