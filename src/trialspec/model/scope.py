"""The cursor that models expand with: where in the file they stand, what the names there mean, and what is wrong.

`at["below"].place` is where a key's value was written. What cannot be resolved is reported, and something harmless
stands in for it, so that one mistake hides no other; nothing with a report is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, Protocol, TypeVar

from trialspec.diagnostics import Diagnostic, Place, did_you_mean
from trialspec.document import Node
from trialspec.kernel import (
    AtLeast,
    Compare,
    Constant,
    Dose,
    Expr,
    Fixed,
    Fold,
    Moment,
    Now,
    Pick,
    Point,
    Select,
    Shift,
    Test,
    Ties,
    Window,
)
from trialspec.model.growth import DEEPEST, HEAVIEST, Growth, Meanings, Said
from trialspec.model.parts import FromWhom, Part, Span, ValueLimits, Windowed
from trialspec.model.points import OPERATORS, Day, Moved, Named, OnDate, Quantity, WrittenPoint, day_meant
from trialspec.patient import LONG_AGO, Kind
from trialspec.program import Provenance, VisitPlan, joined
from trialspec.quantity import Codes, Duration, Interval, Operator, exactly, shown
from trialspec.truth import MET, NOT_MET, UNKNOWN
from trialspec.vocabulary import Sort, Term, Vocabulary

ANCHOR = "day_1"  # the moment that `day N` counts from
SEXES = ("female", "male", "other")
ANY_NAME = "*"  # among the broken names: a whole section or library is missing, so any name may be declared there


T = TypeVar("T")


class Expands(Protocol):
    """What becomes an expression of the kernel."""

    def expand(self, at: At) -> Expr:
        """Give the expression, each node with its place."""
        ...


@dataclass(frozen=True, slots=True)
class Statement:
    """A criterion or a gate that may be referred to by its name."""

    part: Expands | str
    at: At
    kind: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What a rise or fall is counted from: a value at a visit, or in a window of its own."""

    which: Literal["nearest", "latest", "first", "least", "greatest", "mean"]
    visit: VisitPlan | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The categories of a response at a visit, in their order, each with its condition; and what else it reads."""

    conditions: tuple[tuple[str, Expr | None], ...]
    visits: frozenset[str]


class Answers(Protocol):
    """A definition of response, as others may ask for its categories."""

    def at_visit(self, visit: VisitPlan) -> Answered:
        """Give its categories at a visit."""
        ...

    @property
    def handled(self) -> frozenset[str]:
        """The intercurrent events that it handles."""
        ...


@dataclass(slots=True)
class Scope:
    """All names of one protocol, and the diagnostics found so far.

    `broken` are names declared in a way that was reported already: their uses are not reported as unknown.
    """

    vocabulary: Vocabulary
    silence: Mapping[str, str]
    moments: Mapping[str, Callable[[], Moment]]
    silence_at: Mapping[str, At] = field(default_factory=dict)
    therapies: frozenset[str] = frozenset()  # the names of the rules of prohibited and rescue therapy
    planned: frozenset[str] = frozenset()  # the names of all visits, before any of them is read
    visits: dict[str, VisitPlan] = field(default_factory=dict)
    responses: dict[str, Answers] = field(default_factory=dict)
    arms: frozenset[str] = frozenset()
    statements: dict[str, Statement] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    found: list[Diagnostic] = field(default_factory=list)
    said_moments: Meanings[Moment] = field(default_factory=Meanings)
    said_statements: Meanings[Expr] = field(default_factory=Meanings)
    said_answers: Meanings[Answered] = field(default_factory=Meanings)
    growth: Growth = field(default_factory=Growth)

    def history(self, kind: Kind) -> Literal["always"] | Moment | None:
        """Say from when on silence means no, for one kind of event."""
        if kind == "milestone":
            return "always"
        word = self.silence.get(kind)
        if word is None or kind in {"observation", "person"}:
            return None
        return "always" if word == "always" else self.silence_at[kind].moment(word)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is understood where a criterion stands: a dose that is asked about, or the visit of a response.

    `value` is so in what makes a derived measure: there *now* is the time of its value, whenever the question is asked.
    """

    dose: bool = False
    value: bool = False
    visit: VisitPlan | None = None
    reach: Window | None = None  # where the value for the visit may lie, when that is not the visit's own window
    baseline: Reference | None = None
    components: Components | None = None
    handled: frozenset[str] = frozenset()  # the intercurrent events that the response handles


class Components(Protocol):
    """The components of the response in which something stands, as they are read at its visit."""

    def names(self) -> Iterable[str]:
        """Give their names."""
        ...

    def component(self, name: str, asker: At) -> Expr:
        """Give what one of them says."""
        ...

    def at_visit(self, visit: VisitPlan) -> Components:
        """Give them as they are read at another visit, which is then read for this one."""
        ...


@dataclass(frozen=True, slots=True)
class At:
    """A cursor on a document, with the names that are in scope there."""

    node: Node
    scope: Scope
    setting: Setting = Setting()
    key_place: Place | None = None

    def __getitem__(self, step: str | int) -> At:
        """Go to a key's value or a list's member; what was not written stands where its mapping does."""
        match step, self.node.content:
            case str(), Mapping() as entries if step in entries:
                return At(entries[step].value, self.scope, self.setting, entries[step].key_place)
            case int(), tuple() as members if 0 <= step < len(members):
                return At(members[step], self.scope, self.setting)
        return self

    @property
    def place(self) -> Place:
        """Where this was written."""
        return self.node.place

    def within(self, setting: Setting) -> At:
        """Stand at the same place in another setting."""
        return replace(self, setting=setting)

    def report(
        self,
        code: str,
        message: str,
        advice: str = "",
        *related: tuple[Place, str],
        severity: Literal["error", "warning", "note"] = "error",
    ) -> None:
        """Say what is wrong here; what concerns a mapping as a whole is said at its key."""
        place = self.key_place if self.key_place and self.node.kind == "mapping" else self.place
        seen = (*related, *self.node.related())
        self.scope.found.append(Diagnostic(code, message, place, seen, advice, severity))

    # --- names --------------------------------------------------------------------------------------------------------

    def unknown(self, what: str, name: str, candidates: Iterable[str], advice: str = "") -> None:
        """Report a name that stands for nothing, with the one that is closest."""
        if not self.scope.broken & {name, ANY_NAME}:
            known = tuple(candidates)
            listed = (
                f"it can be {listing(known)}"
                if 0 < len(known) <= _MANY
                else f"check its spelling, or declare the {what}"
            )
            advice = did_you_mean(name, known) or advice or listed
            self.report("unknown-name", f"there is no {what} `{name}`", advice)

    def term(self, name: str, *sorts: Sort) -> Term | None:
        """Find a name of the vocabulary that stands for one of these sorts of thing."""
        term = self.scope.vocabulary.get(name)
        wanted = " or ".join(_SORTS[sort] for sort in sorts)
        if term is None:
            same = [other.name for other in self.scope.vocabulary.terms.values() if other.sort in sorts]
            self.unknown(wanted, name, same, "declare it in the vocabulary, or name the library that does under `use`")
        elif term.sort not in sorts:
            message = f"`{name}` is a {_SORTS[term.sort]}, and a {wanted} is expected here"
            self.report("wrong-kind", message, f"name a {wanted}, or use the verb that asks for this", *declared(term))
            return None
        return term

    def counted(self, name: str, otherwise: str, *more: Sort) -> Term | None:
        """Find a measure whose values are numbers, or a name of another sort."""
        term = self.term(name, "measure", *more)
        if term is not None and term.coded:
            self.report("bad-value", f"`{name}` is a word: {otherwise}", "name a measure with a unit", *declared(term))
            return None
        return term

    def terms(self, names: Iterable[str], *sorts: Sort) -> frozenset[str]:
        """Give the names and all that is below them: the drugs of a class, the kinds of a condition."""
        names = tuple(names)
        found: set[str] = set()
        for index, name in enumerate(names):
            at = self[index] if len(names) > 1 or self.node.kind == "list" else self
            if at.term(name, *sorts) is not None:
                found |= self.scope.vocabulary.under(name)
        return frozenset(found)

    def visit(self, name: str) -> VisitPlan | None:
        """Find a visit."""
        visit = self.scope.visits.get(name)
        if visit is None:
            self.unknown("visit", name, self.scope.visits)
        return visit

    def statement(self, name: str) -> Expr:
        """Give what a component, a criterion or a gate says, by its name."""
        scope = self.scope
        if self.setting.value:
            advice = "write out here what it asks, or give it a definition"
            self.report("bad-value", f"a measure does not rest on `{name}`, which belongs to the protocol", advice)
            return Constant(UNKNOWN, place=self.place)
        components = () if self.setting.components is None else tuple(self.setting.components.names())
        if self.setting.components is not None and name in components:
            return AtLeast(1, (self.setting.components.component(name, self),), name, self.place)
        stated = scope.statements.get(name)
        if stated is None:
            what = ("component, " if components else "") + "criterion, gate or definition"
            self.unknown(what, name, {*components, *scope.statements})
            return Constant(UNKNOWN, place=self.place)
        part, at = stated.part, stated.at
        expr = self.said(
            scope.said_statements,
            name,
            "definition-cycle",
            lambda: at.statement(part) if isinstance(part, str) else at.deeper(lambda: part.expand(at)),
        )
        if expr is None:
            return Constant(UNKNOWN, place=self.place)
        if not self.setting.dose and scope.said_statements.known[name].frame.dose:
            advice = "such a statement belongs into a gate; state the criterion itself here"
            self.report("bad-point", f"the {stated.kind} `{name}` speaks of a dose, and there is none here", advice)
        return AtLeast(1, (expr,), name, self.place)

    def said(self, names: Meanings[T], name: str, circle: str, say: Callable[[], T]) -> T | None:
        """Give what a name means, said once; nothing where it rests on itself, or on more than anybody could follow."""
        growth = self.scope.growth
        if name in names.underway:
            steps = [*names.underway[names.underway.index(name) :], name]
            advice = "let one of them say what it means without the others"
            self.report(circle, f"`{name}` rests on itself: {' -> '.join(f'`{step}`' for step in steps)}", advice)
            return None
        if name in names.known:
            growth.weight += names.known[name].weight
            growth.add(names.known[name].frame)
        else:
            before = growth.weight
            names.underway.append(name)
            growth.enter()
            value = None if self.grown_too_far(len(growth.frames)) else say()
            frame = growth.leave()
            names.underway.pop()
            if value is None:
                return None
            names.known[name] = Said(value, frame, growth.weight - before)
        return None if self.grown_too_far(names.known[name].frame.height) else names.known[name].value

    def deeper(self, say: Callable[[], Expr]) -> Expr:
        """Give what a criterion says inside another, unless that goes deeper than anybody could follow."""
        growth = self.scope.growth
        growth.enter()
        expr = None if self.grown_too_far(len(growth.frames)) else say()
        height = growth.leave().height
        return Constant(UNKNOWN, place=self.place) if expr is None or self.grown_too_far(height) else expr

    def grown_too_far(self, depth: int) -> bool:
        """Report what goes too deep, or has grown too large."""
        growth = self.scope.growth
        if depth > DEEPEST:
            message = f"criteria, statements and moments rest on each other more than {DEEPEST} deep"
            self.report("too-deep", message, "say some of them without the others")
            growth.top.height = 0
            return True
        if growth.weight > HEAVIEST and not growth.told:
            growth.told = True
            advice = "look for statements that name each other several times"
            self.report("too-many-expansions", f"written out, there are more than {HEAVIEST} criteria", advice)
        return growth.weight > HEAVIEST

    def provenance(self, *parts: Provenance) -> Provenance:
        """Join the provenance of an item with that of what is inside it."""
        return joined(*parts)

    # --- points and windows -------------------------------------------------------------------------------------------

    def point(self, written: WrittenPoint) -> Point:
        """Give a point as the kernel has it."""
        match written:
            case Named("now"):
                return Dose(self.place) if self.setting.value else Now(self.place)
            case Named("visit") if self.setting.visit is not None and "visit" not in self.scope.moments:
                visit = self.setting.visit
                return visit.on or visit.window.end or Now(self.place)
            case Named("dose"):
                if not self.setting.dose:
                    advice = "`dose` is the dose that a gate, a premedication or an assessment before doses is about"
                    self.report("bad-point", "there is no dose to speak of here", advice)
                self.scope.growth.top.dose = True
                return Dose(self.place)
            case Named(name):
                return self.moment(name)
            case OnDate(ordinal):
                return Fixed(ordinal, self.place)
            case Day(number):
                days = Duration(abs(number) - (number > 0), "d")
                return Shift(self.moment(ANCHOR, f"`day {number}` counts from"), days, number < 0, self.place)
            case Moved(by, earlier, inner):
                return Shift(self.point(inner), by, earlier, self.place)

    def moment(self, name: str, use: str = "") -> Moment:
        """Find a moment of the protocol."""
        scope = self.scope
        nothing = Moment(name, "first", Select("milestone", place=self.place), self.place)
        if name not in scope.moments:
            if not scope.broken & {name, ANY_NAME}:
                close = day_meant(name) or did_you_mean(name, [*scope.moments, "now", "dose"])
                message = f"{use} the moment `{name}`, which is not defined" if use else f"there is no moment `{name}`"
                self.report(
                    "no-moment" if use else "unknown-name", message, close or f"define `{name}` under `moments`"
                )
            return nothing
        moment = self.said(scope.said_moments, name, "moment-cycle", scope.moments[name])
        if moment is not None and not self.setting.dose and scope.said_moments.known[name].frame.dose:
            advice = "such a moment belongs into a gate, a premedication or an amount; name another one here"
            self.report("bad-point", f"the moment `{name}` is counted from a dose, and there is none here", advice)
        return moment or nothing

    def window(self, part: Span) -> Window:
        """Give the window of a part; in a response what has no end of its own ends with the visit's window."""
        start, end = part.from_ or part.after, part.through
        start_at, end_at = self["from" if part.from_ else "after"], self["through"]
        before = part.before if isinstance(part, Windowed) else None
        if before is not None:
            end, end_at = before, self["before"]
        last = self.setting.visit.window if self.setting.visit and end is None else Window()
        if self.setting.value and end is None:
            last = Window(end=Dose(self.place))
        if self.setting.value and end is not None and not _by_now(end):
            advice = "let the window end with `now`, the time of the value, or so long before it"
            end_at.report("bad-point", "a value rests on what was so by then, and this window may end later", advice)
        found = Window(
            start_at.point(start) if start else None,
            end_at.point(end) if end else last.end,
            after=part.after is not None,
            before=before is not None or last.before,
            place=self.place,
        )
        if _is_empty(found):
            self.report("empty-window", "the window ends before it starts", "write the earlier point as its start")
        return found

    def before(self, end: Point, span: Duration) -> Window:
        """Give the window that ends with a point and is so long; what is exactly so long before lies outside."""
        return Window(Shift(end, span, earlier=True, place=self.place), end, after=True, place=self.place)

    # --- selections and values ----------------------------------------------------------------------------------------

    def select(
        self, kind: Kind, tests: Iterable[Test], window: Window, label: str = "", asked_of: str = "site"
    ) -> Select:
        """Select items of one kind; silence means no as the protocol says for that kind."""
        return Select(kind, tuple(tests), window, self.scope.history(kind), label or kind, asked_of, self.place)

    def born(self) -> Expr:
        """Give the birth date on the latest record of the person that names one."""
        named = Test("birth", "at_least", Constant(exactly(LONG_AGO), place=self.place), NOT_MET, self.place)
        return Pick("latest", self.select("person", [named], Window(), "birth date"), "birth", place=self.place)

    def sex(self) -> Expr:
        """Give the sex on the latest record of the person that names one."""
        named = replace(self.among("sex", SEXES), absent=NOT_MET)
        return Pick("latest", self.select("person", [named], Window(), "sex"), "sex", place=self.place)

    def among(self, name: str, words: Iterable[str], *, absent_is_met: bool = False) -> Test:
        """Ask that a field is one of some words."""
        return Test(name, "in", self.words(words), MET if absent_is_met else UNKNOWN, self.place)

    def words(self, words: Iterable[str]) -> Constant:
        """Make the constant that is some words."""
        listed = tuple(words)
        return Constant(Codes(frozenset(listed)), text=" or ".join(sorted(listed)), place=self.place)

    def whose(self, part: Part) -> tuple[Test, ...]:
        """Ask for the methods and laboratories that count, where a part names any."""
        asked = [(key, getattr(part, key)) for key in ("method", "laboratory")] if isinstance(part, FromWhom) else []
        return tuple(self[key].among(key, words) for key, words in asked if words is not None)

    def readings(self, term: Term, part: Windowed) -> Select:
        """Select the values of a measure: in the part's window, or in a response without one those for the visit."""
        if part.bounded or self.setting.visit is None:
            return self.values_in(term, self.window(part), self.whose(part))
        return self.values_for(term, self.setting.visit, more=self.whose(part))

    def values_in(self, term: Term, window: Window, more: tuple[Test, ...] = ()) -> Select:
        """Select the values of a measure in a window."""
        tests = (self.among("measure", [term.name]), *more)
        return self.select("observation", tests, window, term.name, term.asked_of)

    def values_for(
        self, term: Term, visit: VisitPlan, reach: Window | None = None, more: tuple[Test, ...] = ()
    ) -> Select:
        """Select the values of a measure that may be the one for a visit: in its window, and of no other visit."""
        tests = [self.among("measure", [term.name]), self.among("visit", [visit.name], absent_is_met=True), *more]
        window = reach or visit.window
        return self.select("observation", tests, window, f"{term.name} at {visit.name}", term.asked_of)

    def value_for(
        self, term: Term, visit: VisitPlan, name: str = "value", ties: Ties = "hull", more: tuple[Test, ...] = ()
    ) -> Pick:
        """Give the value for a visit: the nearest to its planned day, or the latest where there is no such day."""
        select = self.values_for(term, visit, self.setting.reach if visit is self.setting.visit else None, more)
        if visit.on is None:
            return Pick("latest", select, name, ties, place=self.place)
        return Pick("nearest", select, name, ties, visit.on, self.place)

    def reference(self, reference: Reference, term: Term, more: tuple[Test, ...] = ()) -> Expr:
        """Give the value that a rise or fall is counted from."""
        if reference.visit is not None:
            if reference.which == "nearest":
                return self.value_for(term, reference.visit, more=more)
            select = self.values_for(term, reference.visit, more=more)
        else:
            select = self.values_in(term, reference.window or Window(), more)
        if reference.which == "mean":
            return Fold("mean", select, place=self.place)
        return Pick(reference.which, select, place=self.place)

    # --- limits -------------------------------------------------------------------------------------------------------

    def limits(self, part: ValueLimits, term: Term, *, single: str = "") -> list[tuple[Operator, str, Constant]]:
        """Give the limits of a value of a measure: the side, the field of the item that is compared, the number.

        `single` names what can only be compared with one plain number, not with a range's end or unit by unit.
        """
        found: list[tuple[Operator, str, Constant]] = []
        for side in OPERATORS:
            quantities: tuple[Quantity, ...] = getattr(part, side) or ()
            if single and (len(quantities) > 1 or any(quantity.range_end for quantity in quantities)):
                self[side].report("bad-value", f"{single} is compared with one number", "write a number and its unit")
            elif quantities:
                name, constant = self[side].limit(quantities, term)
                found.append((side, name, constant))
        if not any(getattr(part, side) for side in OPERATORS):
            self.report("no-threshold", f"`{term.name}` is compared with nothing", _sides(term))
        self.consistent(found)
        self.within_reach([limit for limit in found if limit[1] == "value"], term)
        return found

    def within_reach(self, found: list[tuple[Operator, str, Constant]], term: Term) -> None:
        """Report a limit at the end of what is possible that no possible value passes."""
        for side, _, constant in found:
            end = term.possible.high if side == "above" else term.possible.low if side == "below" else None
            if end is not None and isinstance(constant.value, Interval) and constant.value.exact == end:
                message = f"`{term.name}` is never {side} {constant.text}: it is {term.possible} {term.unit}".rstrip()
                self[side].report("never-met", message, "check the number and its side", *declared(term))

    def limit(self, quantities: tuple[Quantity, ...], term: Term) -> tuple[str, Constant]:
        """Turn a limit into the measure's own unit; several are one limit for each unit that values come in."""
        if len(quantities) == 1:
            quantity = quantities[0]
            if quantity.range_end is not None:
                if quantity.number <= 0:
                    end = "ULN" if quantity.range_end == "high" else "LLN"
                    self.report(
                        "bad-quantity", f"`{quantity.text}` is no limit", f"write a multiple above 0, as in `2 x {end}`"
                    )
                return f"value_over_{quantity.range_end}", self.number(quantity.number, quantity.text)
            return "value", self.number(self[0].convert(quantity, term), quantity.text)
        by_unit: dict[str, Interval] = {}
        for index, quantity in enumerate(quantities):
            at = self[index]
            if quantity.range_end is not None:
                message = "a list gives one limit for each unit, not a multiple of a range"
                at.report("threshold-conflict", message, "join two criteria by `any` or `all`")
                continue
            value = exactly(at.convert(quantity, term))
            if quantity.unit in by_unit:
                at.report(
                    "threshold-conflict", f"`{quantity.unit}` has a limit already", "give one limit for each unit"
                )
            apart = [abs(each.exact) for each in (*by_unit.values(), value) if each.exact is not None]
            if quantity.unit in term.factors and max(apart) > FARTHEST * min(apart):
                at.report(
                    "threshold-conflict",
                    f"`{quantity.text}` is more than {FARTHEST} times another limit of this list, in {term.unit}",
                    "give limits that mean the same, each in its unit",
                )
            factor = term.factors.get(quantity.unit)
            by_unit |= {unit: value for unit, other in term.factors.items() if other == factor}
        value = next(iter(by_unit.values()), exactly(0))
        text = " or ".join(quantity.text for quantity in quantities)
        return "value", Constant(value, tuple(sorted(by_unit.items())), text, self.place)

    def convert(self, quantity: Quantity, term: Term, *, what: str = "limit", bounded: bool = True) -> Fraction:
        """Turn a quantity into the unit of a measure or drug, exactly; `bounded` numbers must be possible values."""
        if quantity.unit not in term.factors:
            here = declared(term)
            if not quantity.unit:
                message = f"`{term.name}` is in {term.unit}, and the {what} has no unit"
                self.report("unit-missing", message, f"write its unit after the number: {_accepted(term)}", *here)
            elif not term.unit:
                message = f"`{term.name}` is a number without unit, but the {what} is in {quantity.unit}"
                self.report("unit-mismatch", message, "write a plain number, without a unit", *here)
            else:
                message = f"`{term.name}` is in {term.unit}, but the {what} is in {quantity.unit}"
                # Which number is meant in another unit only its author knows: none is suggested.
                self.report("unit-mismatch", message, f"write the {what} in {_accepted(term)}", *here)
            return quantity.number
        value = quantity.number * term.factors[quantity.unit]
        low, high = (term.possible.low, term.possible.high) if bounded else (None, None)
        if (low is not None and value < low) or (high is not None and value > high):
            possible = f"{term.possible} {term.unit}".strip()
            message = f"`{quantity.text}` is outside what `{term.name}` can be ({possible})"
            self.report("out-of-range", message, "check the number and its unit", *declared(term))
        return value

    def number(self, number: Fraction | int, text: str = "") -> Constant:
        """Make the constant that is one number."""
        return Constant(exactly(number), text=text or shown(Fraction(number)), place=self.place)

    def consistent(self, found: list[tuple[Operator, str, Constant]]) -> None:
        """Report a lower limit that leaves nothing below the upper one."""
        lower = [limit for limit in found if limit[0] in {"above", "at_least"}]
        upper = [limit for limit in found if limit[0] in {"below", "at_most"}]
        for (low_side, low_name, low), (high_side, high_name, high) in zip(lower, upper, strict=False):
            if low_name != high_name or not (isinstance(low.value, Interval) and isinstance(high.value, Interval)):
                continue
            least, most = low.value.low, high.value.low
            strict = low_side == "above" or high_side == "below"
            if least is not None and most is not None and (least > most or (least == most and strict)):
                message = (
                    f"nothing is {low_side.replace('_', ' ')} {low.text} and {high_side.replace('_', ' ')} {high.text}"
                )
                self[high_side].report("threshold-conflict", message, "the lower limit lies below the upper one")

    def reachable(
        self,
        found: list[tuple[Operator, str, Constant]],
        least: Fraction | None,
        most: Fraction | None,
        what: str,
        advice: str = "",
    ) -> None:
        """Report a limit that no number between the least and the most possible one passes, or that each does."""
        for side, _, constant in found:
            limit = constant.value.exact if isinstance(constant.value, Interval) else None
            if limit is None:
                continue
            over = most is not None and (most < limit or (most == limit and side in {"above", "at_most"}))
            under = least is not None and (limit < least or (limit == least and side in {"below", "at_least"}))
            if not over and not under:
                continue
            never = over if side in {"above", "at_least"} else under
            ends = [
                f"at least {shown(least)}" if least is not None else "",
                f"at most {shown(most)}" if most is not None else "",
            ]
            is_ = " and ".join(end for end in ends if end)
            message = (
                f"{what} is {'never' if never else 'always'} {side.replace('_', ' ')} {constant.text}: it is {is_}"
            )
            code = "never-met" if never else "decides-nothing"
            self[side].report(code, message, advice or "check the number and its side")

    def compared(self, read: Callable[[str], Expr], found: list[tuple[Operator, str, Constant]]) -> Expr:
        """Compare what is read with each limit; two limits make a range."""
        parts = tuple(Compare(read(name), side, constant, self[side].place) for side, name, constant in found)
        if not parts:
            return Constant(UNKNOWN, place=self.place)
        return parts[0] if len(parts) == 1 else AtLeast(len(parts), parts, place=self.place)

    def is_word(self, words: tuple[str, ...], term: Term) -> Constant:
        """Give the words that a coded measure is compared with."""
        for index, text in enumerate(words):
            if text not in term.values:
                at = self[index]
                if not term.coded:
                    at.report("bad-value", f"`{term.name}` is a number, not a word", _sides(term), *declared(term))
                    break
                advice = did_you_mean(text, term.values) or f"it can be {listing(term.values)}"
                at.report("bad-value", f"`{text}` is not a value of `{term.name}`", advice, *declared(term))
        if term.coded and term.values.issubset(words):
            message = f"these are all the words of `{term.name}`, so every value is one of them"
            self.report("decides-nothing", message, "list only those that count", *declared(term))
        return self.words(words)


_FEW = 4  # units named in an advice
_MANY = 8  # names
_SORTS: dict[Sort, str] = {
    "measure": "measure",
    "drug": "drug",
    "drug_class": "drug class",
    "condition": "condition",
    "procedure": "procedure",
    "adverse_event": "adverse event",
}


def declared(term: Term) -> tuple[tuple[Place, str], ...]:
    """Point to where a term is declared."""
    return ((term.place, f"`{term.name}` is declared here"),) if term.place else ()


def _accepted(term: Term) -> str:
    """List the units of a measure or drug, its own first."""
    units = [f"`{unit}`" for unit in dict.fromkeys((term.unit, *term.factors)) if unit]
    units += ["without a unit"] if "" in term.factors else []
    *most, last = [*units[:_FEW], "another of its units"] if len(units) > _FEW + 1 else units
    return f"{', '.join(most)} or {last}" if most else last


def listing(words: Iterable[str]) -> str:
    """List words for a person."""
    *most, last = (f"`{word}`" for word in sorted(words))
    return f"{', '.join(most)} or {last}" if most else last


def _by_now(written: WrittenPoint) -> bool:
    """Whether a point is now, or so long before."""
    return written == Named("now") or (isinstance(written, Moved) and written.earlier and _by_now(written.point))


def _is_empty(window: Window) -> bool:
    """Whether a window ends before it starts, as far as days on one moment and moments bounded by another show."""
    start, end = _counted_from(window.start), _counted_from(window.end)
    if start is None or end is None:
        return False
    if start[0] == end[0]:
        least = 1 if window.after or window.before else 0
        return end[1] - start[1] < least
    # A moment that is looked for through another is not after it; one looked for from another is not before it.
    latest = _counted_from(end[0].of.window.end) if isinstance(end[0], Moment) else None
    if latest is not None and latest[0] == start[0] and latest[1] + end[1] < start[1]:
        return True
    earliest = _counted_from(start[0].of.window.start) if isinstance(start[0], Moment) else None
    return earliest is not None and earliest[0] == end[0] and end[1] < earliest[1] + start[1]


def _counted_from(point: Point | None) -> tuple[Point, int] | None:
    """Give the point from which whole days are counted, and how many."""
    days = 0
    while isinstance(point, Shift):
        if point.by.days is None:
            return None
        days += -point.by.days if point.earlier else point.by.days
        point = point.point
    return None if point is None else (point, days)


# Limits by convention differ a little (0.5 g/g is written 50 mg/mmol, and is 56.6); more than this is a slip of units.
FARTHEST = 2


def _sides(term: Term) -> str:
    if term.coded:
        return f"add `is`, with {listing(term.values)}"
    return "add `above`, `at_least`, `below` or `at_most`" + (f", in {term.unit}" if term.unit else "")
