"""The kernel in words, so that what a criterion becomes can be read in a test."""

from trialspec.kernel import (
    Arithmetic,
    AtLeast,
    Compare,
    Constant,
    Daily,
    Dose,
    Expr,
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
    Test,
    Window,
)
from trialspec.quantity import Codes, Interval
from trialspec.times import shown_date
from trialspec.truth import UNKNOWN, Verdict

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "years": "years to"}


def said(node: Expr | Select | Window | Test) -> str:
    match node:
        case Now():
            return "now"
        case Dose():
            return "dose"
        case Fixed(day):
            return shown_date(day)
        case Moment(name):
            return name
        case Shift(point, by, earlier):
            return f"{said(point)} {'-' if earlier else '+'} {by}"
        case Window(start, end, after, before):
            left = "" if start is None else ("after " if after else "from ") + said(start)
            right = "" if end is None else ("before " if before else "through ") + said(end)
            return ", ".join(filter(None, [left, right]))
        case Test(field, operator, against, absent):
            return f"{field} {operator} {said(against)}{'' if absent is UNKNOWN else f' or absent={absent}'}"
        case Select(kind, tests, window, history, lasting=lasting):
            no = "" if history is None else " closed" if history == "always" else f" closed at {history.name}"
            lasts = f"lasting {lasting}" if lasting else ""
            return f"{kind}{no}[{'; '.join(filter(None, [*map(said, tests), lasts, said(window)]))}]"
        case Constant(Verdict() as value):
            return str(value)
        case Constant(Codes() as value):
            return "|".join(sorted(value.words or ()))
        case Constant(Interval() as value, by_unit):
            return f"{value}" + "".join(f" ({number} for {unit})" for unit, number in by_unit)
        case Pick(which, of, field, ties, to):
            name = "" if field == "value" else f" {field} of"
            near = "" if to is None else f" to {said(to)}"
            return f"{which}{name}{near} {said(of)}{'' if ties == 'hull' else f' ties {ties}'}"
        case Fold(how, of, field, least):
            name = "" if field == "value" else f" {field} of"
            return f"{how}{name} {said(of)}{'' if least == 1 else f' least {least}'}"
        case Daily(how, of, holds):
            added = " + ".join(f"{times} x {said(each)}" for each, times in of)
            return f"daily {how} of {added}{'' if holds is None else f', {said(holds)}'}"
        case Score(items):
            return "score(" + ", ".join(f"{weight} if {said(item)}" for item, weight in items) + ")"
        case Arithmetic(how, left, right, alike=alike):
            return f"({said(left)} {_SIGNS.get(how, how)} {said(right)}{f' alike in {alike}' if alike else ''})"
        case Compare(left, operator, right):
            return f"{said(left)} {operator} {said(right)}"
        case Run(of, holds, number, span, gap, then, across=across):
            parts = [f"run of {number}{' across' if across else ''}: {said(of)}", said(holds)]
            parts += [f"span {span}"] if span else []
            parts += [f"gap {gap}"] if gap else []
            return ", ".join([*parts, *([f"then {said(then)}"] if then else [])])
        case AtLeast(number, of, name):
            label = f"{name}: " if name else ""
            return f"{label}{number} of ({' & '.join(map(said, of))})"
        case Not(of):
            return f"not {said(of)}"
        case _:
            raise AssertionError(node)
