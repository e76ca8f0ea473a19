"""Evaluators that are wrong on purpose: the mistakes that people make, each as one change of the reference's text.

They test the tests. A mistake that no law notices would not be noticed in the reference either.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Literal, TypeGuard, cast

import trialspec
from tests.laws.asking import Read
from trialspec.testing.generated.expressions import Form

SOURCE = Path(trialspec.__file__).parent
SELECTION, DAILY, REFERENCE = (f"interpreters/{name}.py" for name in ("selection", "daily", "reference"))
# Each imports only from those before it.
_FILES = ("truth.py", "quantity.py", "times.py", SELECTION, DAILY, REFERENCE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: what it is, the text that says it right, and the text that says it wrong.

    `forms` are the statements in which it shows soonest (none is any), `most` the number of records up to which it is
    looked for (of few, every way in which they came about can be gone), and `in_` what it makes wrong.
    """

    mistake: str
    file: str
    right: str
    wrong: str
    forms: Sequence[Form] = ()
    most: int = 14
    in_: Literal["value", "until", "because"] = "value"


def evaluator(mutant: Mutant) -> Read:
    """Give the reference with one mistake in it."""
    originals = {file: sys.modules[f"trialspec.{file.removesuffix('.py').replace('/', '.')}"] for file in _FILES}
    copies = {file: _copy(file, mutant) for file in _FILES}
    made_in = {
        value: file
        for file, module in originals.items()
        for value in vars(module).values()
        if _function(value) and value.__module__ == module.__name__
    }
    for file, copy in copies.items():
        for name, value in list(vars(copy).items()):
            if not _function(value) and not name.startswith("_"):
                # Public types and constants stay what they are: what is drawn is made of them.
                setattr(copy, name, getattr(originals[file], name))
            elif _function(value) and value in made_in:
                setattr(copy, name, getattr(copies[made_in[value]], name))
    return cast("Read", copies[REFERENCE].read)


def _function(value: object) -> TypeGuard[FunctionType]:
    return isinstance(value, FunctionType)


def _copy(file: str, mutant: Mutant) -> ModuleType:
    text = (SOURCE / file).read_text(encoding="utf-8")
    if file == mutant.file:
        assert text.count(mutant.right) == 1, f"`{mutant.right}` is {text.count(mutant.right)} times in {file}"
        text = text.replace(mutant.right, mutant.wrong)
    copy = ModuleType(f"mutant.{file}")
    sys.modules[copy.__name__] = copy  # dataclasses look up the module they are made in
    exec(compile(text, file, "exec"), vars(copy))  # noqa: S102 - it is our own text, with one change
    return copy


VALUES: tuple[Form, ...] = ("value",)
COUNTS: tuple[Form, ...] = ("count",)
RUNS: tuple[Form, ...] = ("run",)
PARTS: tuple[Form, ...] = ("parts",)
ENDED: tuple[Form, ...] = ("ended",)

MUTANTS = (
    # --- moments and windows ---
    Mutant(
        "an anchor that has not happened: the count is 0",
        SELECTION,
        "settled and not bounds.not_yet,",
        "settled,",
        COUNTS,
    ),
    Mutant(
        "an anchor that has not happened: until never",
        SELECTION,
        "earliest(*(point.until for point in points), history.until),",
        "history.until,",
        in_="until",
    ),
    Mutant(
        "a known anchor is taken as fixed",
        SELECTION,
        "until = earliest(selection.until, *(selection.flips.get(index) for index in relevant(selection, deciding)))",
        "until = None",
        in_="until",
    ),
    Mutant(
        "an uncertain moment is tried at one of its dates only",
        SELECTION,
        "for pins in product(*(_pins(item) for item in found)))",
        "for pins in list(product(*(_pins(item) for item in found)))[:1])",
    ),
    Mutant(
        "an end that may have happened is taken as open",
        SELECTION,
        "return point.choices or (point.value if",
        "return (point.value if",
        ENDED,
        5,
    ),
    Mutant(
        "`through` is read as `before`",
        SELECTION,
        "return before if self.window.before else not_after",
        "return before",
    ),
    Mutant(
        "`before` is read as `through`",
        SELECTION,
        "return before if self.window.before else not_after",
        "return not_after",
    ),
    Mutant(
        "`after` is read as `from`",
        SELECTION,
        "return negate(not_after if self.window.after else before)",
        "return negate(before)",
    ),
    Mutant(
        "`from` is read as `after`",
        SELECTION,
        "return negate(not_after if self.window.after else before)",
        "return negate(not_after)",
    ),
    Mutant(
        "an end that is awaited is open until it comes",
        SELECTION,
        "return self.window.awaits and self.end is not None and self.end.value is None",
        "return False",
        COUNTS,
    ),
    Mutant(
        "an awaited end that may have happened is taken as open",
        SELECTION,
        "return UNKNOWN if self.window.awaits else MET",
        "return MET",
        ENDED,
        5,
    ),
    Mutant(
        "what lasts counts by its start alone",
        SELECTION,
        "ends = item.when if item.end is None else item.end\n",
        "ends = item.when\n",
        COUNTS,
    ),
    Mutant(
        "a month is thirty days",
        SELECTION,
        "return When(shift_months(when.first, months), shift_months(when.last, months))",
        "return When(when.first + 30 * months, when.last + 30 * months)",
    ),
    Mutant(
        "hours are counted in dates",
        SELECTION,
        "return isinstance(point, Shift) and (point.by.seconds is not None)",
        "return False",
    ),
    Mutant(
        "two times of one date are compared by the date",
        SELECTION,
        "if clock or (left.instants and right.instants):",
        "if clock:",
    ),
    # --- what is seen, and when it changes ---
    Mutant(
        "an event is visible one second late",
        SELECTION,
        "return MET if seen[-1] <= question.at else UNKNOWN",
        "return MET if seen[-1] < question.at else UNKNOWN",
    ),
    Mutant(
        "a future event is visible",
        SELECTION,
        "if seen[0] > question.at:\n        return NOT_MET",
        "if seen[0] > question.at:\n        return MET",
    ),
    Mutant(
        "a partial date is certain from its first day",
        SELECTION,
        "return zone.start_of(when.first), zone.start_of(when.last + 1)",
        "return (zone.start_of(when.first),)",
    ),
    Mutant(
        "an entry into a window is not waited for",
        SELECTION,
        "candidates = list(appearances(item, zone))",
        "candidates: list[int] = []",
        in_="until",
    ),
    Mutant(
        "a known future event is not waited for where the window is anchored",
        SELECTION,
        "candidates = list(appearances(item, zone))",
        "candidates = [] if isinstance(window.start, Moment) else list(appearances(item, zone))",
        in_="until",
    ),
    Mutant(
        "a window is left one day late",
        SELECTION,
        "candidates += _reached(window.start, item.end or item.when, question, past=not window.after)",
        "candidates += _reached(window.start, item.end or item.when, question, past=True)",
        in_="until",
    ),
    Mutant(
        "a window is left and nobody asks again",
        SELECTION,
        "if window.start is not None:\n        candidates +=",
        "if window.start is None:\n        candidates +=",
        in_="until",
    ),
    Mutant(
        "only the first item's next change is waited for in a count",
        REFERENCE,
        "earliest(selection.until, *selection.flips.values()),\n        units",
        "earliest(selection.until, *list(selection.flips.values())[:1]),\n        units",
        COUNTS,
        in_="until",
    ),
    Mutant(
        "`until` of the first world only",
        REFERENCE,
        "until=earliest(*(reading.until for reading in readings)),",
        "until=first.until,",
        in_="until",
    ),
    Mutant(
        "an age does not grow",
        REFERENCE,
        "return arrival(point, against, question)",
        "return None",
        ("age", "date"),
        in_="until",
    ),
    # --- logic ---
    Mutant(
        "k of n met: until the last of the met",
        REFERENCE,
        "_nth(met, len(met) - number + 1)",
        "_nth(met, len(met))",
        PARTS,
        in_="until",
    ),
    Mutant(
        "k of n not met: until the last of the not met",
        REFERENCE,
        "_nth(failed, len(failed) - spare + 1)",
        "_nth(failed, len(failed))",
        PARTS,
        in_="until",
    ),
    Mutant(
        "k of n unknown: until the first of the unknown",
        REFERENCE,
        "until = earliest(_nth([*failed, *unsure], number - len(met)), _nth([*met, *unsure], spare - len(failed)))",
        "until = earliest(*(part.until for part in unsure))",
        PARTS,
        in_="until",
    ),
    Mutant(
        "k of n met: one too few is cited",
        REFERENCE,
        "MET, met[:number],",
        "MET, met[: number - 1],",
        PARTS,
        in_="because",
    ),
    Mutant(
        "an unknown part counts as not met",
        REFERENCE,
        "elif len(failed) >= spare:",
        "elif len(failed) + len(unsure) >= spare:",
        PARTS,
    ),
    Mutant(
        "no value compares as not met",
        REFERENCE,
        "verdict, margin = UNKNOWN, None",
        "verdict, margin = NOT_MET, None",
        VALUES,
    ),
    Mutant(
        "`at_least` is read as `above`",
        "quantity.py",
        'case "at_least":\n            return _at_least(left, right)',
        'case "at_least":\n            return negate(_at_least(right, left))',
    ),
    Mutant(
        "`below` is read as `at_most`",
        "quantity.py",
        'case "below":\n            return negate(_at_least(left, right))',
        'case "below":\n            return _at_least(right, left)',
    ),
    Mutant(
        "an interval that touches its limit fails it",
        "quantity.py",
        "if left.high < right.low:",
        "if left.high <= right.low:",
        VALUES,
    ),
    # --- silence ---
    Mutant(
        "silence means no for observations",
        SELECTION,
        "Reading(NOT_MET if query.history is None else MET)",
        "Reading(MET)",
        COUNTS,
    ),
    Mutant(
        "silence means no before the history was taken",
        SELECTION,
        "verdict(met=taken.value is not None), taken.because",
        "MET, taken.because",
        COUNTS,
    ),
    Mutant(
        "asked and denied counts as there",
        SELECTION,
        'if item.answer != "yes":',
        'if item.answer == "not_done":',
        COUNTS,
    ),
    Mutant(
        "not done counts as denied for every time",
        SELECTION,
        'denial = item.answer == "absent" and',
        "denial =",
        COUNTS,
    ),
    Mutant(
        "a denial anywhere settles every window",
        SELECTION,
        "_denies(item, query) and _membership(item, bounds, question) is MET:",
        "_denies(item, query):",
        COUNTS,
    ),
    Mutant(
        "asked and denied is not heard",
        SELECTION,
        "settled = history.value is MET or bool(denials)",
        "settled = history.value is MET",
        ENDED,
        3,
    ),
    Mutant(
        "what may not exist counts as there",
        SELECTION,
        "return UNKNOWN if found is MET and not item.certain else found",
        "return found",
    ),
    # --- values ---
    Mutant(
        "of tied values one wins",
        REFERENCE,
        'case "hull":\n            return hull(numbers)',
        'case "hull":\n            return numbers[-1]',
        VALUES,
    ),
    Mutant(
        "uncertain dates are taken for a tie",
        REFERENCE,
        "if len(certain) == len(numbers) and _tie(items, question) else",
        "if len(certain) == len(numbers) else",
        VALUES,
    ),
    Mutant(
        "the latest is the latest of the certain",
        SELECTION,
        "for item, found in selection.items if not beaten(item))",
        "for item, found in selection.items if found is MET and not beaten(item))",
        VALUES,
    ),
    Mutant(
        "of two equally near the earlier",
        REFERENCE,
        "return compare_when(other.when, one.when, question.timeline.zone)[0] is MET",
        "return compare_when(one.when, other.when, question.timeline.zone)[0] is MET",
        VALUES,
    ),
    Mutant(
        "the least of the certain alone",
        "quantity.py",
        "low, high = min([*sure, *possible], key=_low_key), min(sure, key=_high_key)",
        "low, high = min(sure, key=_low_key), min(sure, key=_high_key)",
        VALUES,
    ),
    Mutant(
        "a sum leaves out what may be there",
        REFERENCE,
        "maybe = [hull((zero, number)) for number in _numbers(possible, fold.field)]",
        "maybe: list[Interval] = []",
        VALUES,
    ),
    Mutant(
        "a mean leaves out what may be there",
        REFERENCE,
        "for number in sorted(maybe, key=lambda number: number.low or Fraction(0)):",
        "for number in sorted([], key=lambda number: number.low or Fraction(0)):",
        VALUES,
    ),
    Mutant(
        "different things are counted one by one",
        REFERENCE,
        "low = max(len(known), 1 if certain else 0)",
        "low = len(certain)",
        COUNTS,
    ),
    Mutant(
        "an unanswered item of a score counts nothing",
        REFERENCE,
        "hull((exactly(0), weight))",
        "exactly(0)",
        VALUES,
    ),
    Mutant(
        "a negative factor leaves the ends where they are",
        "quantity.py",
        "return scale(minus(interval), -factor)",
        "return scale(interval, factor * factor)",
        VALUES,
    ),
    Mutant(
        "a value in another unit takes the first limit",
        SELECTION,
        "([own[unit]] if unit in own else own.values())]",
        "list(own.values())[:1]]",
        VALUES,
    ),
    # --- runs ---
    Mutant(
        "a gap that is too long breaks no row",
        REFERENCE,
        "if row and run.gap is not None and not fits(",
        "if row and run.number > 99 and run.gap is not None and not fits(",
        RUNS,
        5,
    ),
    Mutant(
        "the span is counted from the reading before",
        REFERENCE,
        "fits(_apart(row[0], tied, run.span, question)[0])",
        "fits(_apart(row[max(0, len(row) - 2)], tied, run.span, question)[0])",
        RUNS,
        5,
    ),
    Mutant(
        "a failing reading breaks no row",
        REFERENCE,
        "row = row if run.across else []",
        "pass",
        RUNS,
        5,
    ),
    Mutant(
        "an unknown reading is passed over",
        REFERENCE,
        "for item, found, held in told if found is MET or held is not MET]",
        "for item, found, held in told if held is not UNKNOWN]",
        RUNS,
        5,
    ),
    Mutant(
        "hours between dates are taken as long enough",
        REFERENCE,
        "return answer is not NOT_MET if hoping else answer is MET",
        "return answer is not NOT_MET",
        RUNS,
        5,
    ),
    Mutant(
        "what did not follow on record has not followed",
        REFERENCE,
        "if value is NOT_MET and others is not None and (selection.not_yet or not others.closed):",
        "if value is MET and others is not None and value is NOT_MET:",
        RUNS,
        5,
    ),
    Mutant(
        "two things on one date did not follow each other",
        REFERENCE,
        "return UNKNOWN if not_after is not before and not (one.instants and other.instants) else before",
        "return before",
        RUNS,
        5,
    ),
    # --- what is cited ---
    Mutant(
        "the anchors of a window are not cited",
        SELECTION,
        "because = frozenset().union(*(point.because for point in points), denials,",
        "because = frozenset[str]().union(denials,",
        in_="because",
    ),
    Mutant(
        "what closed a silence is not cited",
        SELECTION,
        "history.because if settled else ())",
        "())",
        COUNTS,
        in_="because",
    ),
    Mutant(
        "only the certain items are cited",
        REFERENCE,
        "*(cited(item) for item, _ in selection.items)),\n        selection.missing",
        "*(cited(item) for item, found in selection.items if found is MET)),\n        selection.missing",
        COUNTS,
        in_="because",
    ),
    # --- order ---
    Mutant(
        "of tied moments the one that came last",
        SELECTION,
        "for item, found in selection.items if not beaten(item))",
        "for item, found in selection.items if not beaten(item))[-1:]",
    ),
)
