"""A protocol in plain language, as Markdown: what is asked, when, and what of it the written protocol does not say."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from trialspec.explain import point_in_words, window_in_words, words
from trialspec.kernel import AtLeast, Compare, Moment, Not, Score
from trialspec.program import Handled
from trialspec.quantity import Duration, shown
from trialspec.reports.calendar import plan
from trialspec.reports.rests import everything, items
from trialspec.reports.table import FOOTER, Table, as_markdown
from trialspec.times import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialspec.kernel import Expr, Select, Window
    from trialspec.program import DosePlan, Program, Provenance, Response, VisitPlan
    from trialspec.rulebook import Rulebook

# Any date will do as day 1 of a schedule that is told in days; this one has a long month before and after it.
_ANY_DAY = EPOCH + 365 * 30


def plain(program: Program, rulebook: Rulebook) -> str:
    """Give the protocol in plain language."""
    sections = (
        _head(program),
        _sources(program),
        _not_stated(program),
        _eligibility(program),
        _schedule(program),
        _doses(program),
        _gates(program),
        _visits(program),
        _responses(program),
        _times(program),
        _therapies(program),
        _silence(program),
        _alerts(rulebook),
        _own_words(program),
    )
    return "\n\n".join(text for section in sections if (text := "\n".join(section).strip())) + "\n"


def _head(program: Program) -> Iterator[str]:
    yield f"# {program.title or program.name}"
    yield ""
    yield f"Protocol `{program.name}`, version {program.version}. Dates are those of {program.zone.name}."
    yield from (f"At site {site} they are those of {zone.name}." for site, zone in sorted(program.sites.items()))
    yield f"Digest of the file with all that it uses: `{program.digest}`."
    yield ""
    yield FOOTER


def _sources(program: Program) -> Iterator[str]:
    if program.sources:
        yield "## Sources"
        yield ""
        yield from (f"- **{name}**: {reference}" for name, reference in program.sources.items())


def _not_stated(program: Program) -> Iterator[str]:
    if program.not_stated:
        yield "## What the written protocol does not state"
        yield ""
        yield from (f"- {what}" for what in program.not_stated)


# --- eligibility ------------------------------------------------------------------------------------------------------


def _eligibility(program: Program) -> Iterator[str]:
    if not program.criteria:
        return
    yield "## Who may take part"
    for role, title in (("include", "All of these are to be met:"), ("exclude", "None of these is to be met:")):
        chosen = [each for each in program.criteria if each.role == role]
        if chosen:
            yield ""
            yield title
            yield ""
        for each in chosen:
            yield f"- **{each.name}** {each.provenance.text}".rstrip()
            yield from statement(each.expr, 1)
            yield from _provenance(each.provenance, 1)


def statement(expr: Expr, depth: int = 0) -> Iterator[str]:
    """Say what is asked, one line for each part."""
    indent = "  " * depth
    match expr:
        case AtLeast(number, parts, name) if len(parts) > 1:
            joined = "all of" if number == len(parts) else "any of" if number == 1 else f"at least {number} of"
            yield f"{indent}- {f'{name}: ' if name else ''}{joined}"
            for part in parts:
                yield from statement(part, depth + 1)
        case AtLeast(1, (only,)):
            yield from statement(only, depth)
        case Compare(Score(items), operator, limit):
            yield f"{indent}- the score is {operator.replace('_', ' ')} {words(limit)}, counting"
            for part, weight in items:
                first, *rest = statement(part, depth + 1)
                yield f"{indent}  - {weight} if {first.strip().removeprefix('- ')}"
                yield from rest
        case Not(AtLeast() as part):
            yield f"{indent}- not so:"
            yield from statement(part, depth + 1)
        case _:
            yield f"{indent}- {words(expr)}"


def _provenance(provenance: Provenance, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    if provenance.clause:
        yield f"{indent}- clause {provenance.clause}"
    if provenance.source:
        yield f"{indent}- source: {provenance.source}"
    yield from (f"{indent}- *assumed*: {reason}" for reason in provenance.assumed)
    yield from (f"{indent}- *interpreted*: {reason}" for reason in provenance.interpreted)
    if not provenance.verified:
        yield f"{indent}- *unverified*: not re-read in its source"


# --- schedule ---------------------------------------------------------------------------------------------------------


def schedule(program: Program) -> Table:
    """Give the schedule of activities: what is done, by the visits and doses at which it is done."""
    entries = plan(program, _ANY_DAY)
    columns = [f"{entry.name} ({_days(entry.planned, entry.first, entry.last)})" for entry in entries]
    rows: dict[str, dict[str, str]] = {}
    for entry in entries:
        dose = entry.name.partition("#")[0]
        for assessment in program.assessments:
            if entry.name in assessment.visits or ("#" in entry.name and dose in assessment.before):
                for measure in assessment.measures:
                    mark = "x" if entry.name in assessment.visits else "before"
                    rows.setdefault(_label(program, measure), {})[entry.name] = mark
        for each in program.doses:
            if each.name == dose and "#" in entry.name:
                rows.setdefault(f"{_label(program, each.drug)} ({each.name})", {})[entry.name] = _amount(each) or "x"
    filled = ((what, *(marks.get(entry.name, "") for entry in entries)) for what, marks in rows.items())
    return Table("Schedule of activities", ("activity", *columns), tuple(filled))


def _days(planned: int | None, first: int | None, last: int | None) -> str:
    if planned is not None:
        early = "" if first is None or first == planned else f" -{planned - first}"
        late = "" if last is None or last == planned else f" +{last - planned}"
        return f"day {_number(planned)}{early}{late}"
    if first is None and last is None:
        return "not counted from day 1"
    start = "" if first is None else f"day {_number(first)}"
    end = "" if last is None else f"day {_number(last)}"
    return f"{start} to {end}" if start and end else f"from {start}" if start else f"through {end}"


def _number(day: int) -> int:
    """Number a date as the protocol does: day 1 is the anchor itself, and there is no day 0."""
    return day - _ANY_DAY + 1 if day >= _ANY_DAY else day - _ANY_DAY


def _label(program: Program, name: str) -> str:
    term = program.vocabulary.get(name)
    return term.label if term is not None and term.label else name


def _amount(dose: DosePlan) -> str:
    return dose.planned_amount


def _schedule(program: Program) -> Iterator[str]:
    table = schedule(program)
    if table.rows:
        yield "## Schedule of activities"
        yield ""
        yield as_markdown(table)


def _doses(program: Program) -> Iterator[str]:
    if not program.doses:
        return
    yield "## Doses"
    for each in program.doses:
        yield ""
        yield f"- **{each.name}** {' '.join(_dose(program, each))}"
        if each.provenance.text:
            yield f'  - "{each.provenance.text}"'
        yield from _due(each, f"{each.name}#1")
        if each.gates:
            yield f"  - given only if {' and '.join(each.gates)} (see gates)"
        yield from _for_some(each)
        if each.stop_if is not None:
            yield from _when("no more once", each.stop_if)
        yield from _by_condition(each)
        yield from (f"  - {limit}" for limit in _limits(each))
        for expr in each.premedication:
            first, *rest = statement(expr)
            yield f"  - premedication: {first.removeprefix('- ')}"
            yield from (f"  {line}" for line in rest)
        yield from _provenance(each.provenance, 1)
    if program.course:
        yield ""
        yield f"- **course** of {', '.join(program.course.of)}: no dose after {point_in_words(program.course.through)}"
        yield from _provenance(program.course.provenance, 1)


def _dose(program: Program, dose: DosePlan) -> Iterator[str]:
    yield _label(program, dose.drug)
    if dose.planned_amount:
        within = f" (within {shown(dose.amount_within * 100)} %)" if dose.amount_within else ""
        yield f"{_amount(dose)}{within}"
    yield from ([" or ".join(sorted(dose.routes))] if dose.routes else [])
    if dose.planned:
        yield f"on {', '.join(point_in_words(point) for point in dose.planned)}"
    if dose.interval is not None:
        often = f", {dose.times} in all" if dose.times else ""
        yield f"then every {dose.interval}, counted from the dose before{often}"
    yield f"({_tolerance(dose.early, dose.late)})"


def _for_some(each: DosePlan | VisitPlan) -> Iterator[str]:
    """Say for whom there is a dose or visit, where that is not everybody."""
    if each.only_if is not None:
        yield from _when("only if", each.only_if)


def _when(word: str, expr: Expr) -> Iterator[str]:
    first, *rest = statement(expr)
    yield f"  - {word} {first.removeprefix('- ')}"
    yield from (f"  {line}" for line in rest)


def _by_condition(dose: DosePlan) -> Iterator[str]:
    """Say when which of several amounts is right: the first whose condition is met."""
    for number, each in enumerate(dose.amounts):
        if each.when is not None:
            first, *rest = statement(each.when)
            yield f"  - {each.text} if {first.removeprefix('- ')}"
            yield from (f"  {line}" for line in rest)
        elif number:
            yield f"  - {each.text} otherwise"


def _limits(dose: DosePlan) -> Iterator[str]:
    if dose.interval_at_least is not None:
        yield f"at least {dose.interval_at_least} after the dose before"
    if dose.rate_at_most is not None:
        yield f"at most {dose.rate_at_most} {dose.rate_unit}".rstrip()
    if dose.rate_steps is not None:
        steps = dose.rate_steps
        first, up = (f"{shown(rate)} {dose.unit}/h" for rate in (steps.first, steps.up))
        yield f"at most {first} at first, and {up} more after every {shown(Fraction(steps.every, 60))} min"
    if dose.resumed_at_most is not None:
        yield f"after an interruption at most {shown(dose.resumed_at_most * 100)} % of the rate before it"
    if dose.lasts_at_least is not None:
        yield f"given in no less than {dose.lasts_at_least}"
    if dose.if_missed == "stop":
        yield "none after one that was missed"
    if dose.belongs_until is not None:
        yield f"a dose that names no slot belongs to the last one until {point_in_words(dose.belongs_until)}"
    if dose.merge_within != _MERGE_WITHIN:
        yield f"parts less than {dose.merge_within} apart are one dose"


_MERGE_WITHIN = Duration(12, "h")


def _tolerance(early: Duration, late: Duration) -> str:
    told = [
        f"up to {early} early" if early.number else "not earlier",
        f"up to {late} late" if late.number else "not later",
    ]
    return ", ".join(told)


def _due(each: DosePlan | VisitPlan, what: str) -> Iterator[str]:
    if each.first_due is not None:
        begin = "enrolment" if each.first_due_from is None else point_in_words(each.first_due_from)
        end = point_in_words(each.first_due)
        yield f"  - as long as day 1 has not happened, {what} is due from {begin} through {end}"
    if each.missed_after is not None:
        yield f"  - missed after {point_in_words(each.missed_after)}"


def _gates(program: Program) -> Iterator[str]:
    if not program.gates:
        return
    yield "## Gates: what must be true for a dose to be given"
    yield ""
    yield "What is not known does not clear a dose."
    yield ""
    for gate in program.gates.values():
        otherwise = "hold the dose" if gate.otherwise == "hold" else "warn"
        yield f"- **{gate.name}** {gate.provenance.text}".rstrip() + f"; otherwise {otherwise}"
        yield from statement(gate.expr, 1)
        yield from _provenance(gate.provenance, 1)


def _visits(program: Program) -> Iterator[str]:
    if not program.visits:
        return
    yield "## Visits and assessments"
    yield ""
    for visit in program.visits:
        on = f"on {point_in_words(visit.on)}," if visit.on is not None else ""
        yield f"- **{visit.name}** {on} permitted{_window(visit.window)}".replace("  ", " ")
        yield from _due(visit, visit.name)
        yield from _for_some(visit)
        yield from _provenance(visit.provenance, 1)
    for each in program.assessments:
        measures = ", ".join(_label(program, measure) for measure in each.measures)
        at = f" at {', '.join(each.visits)}" if each.visits else ""
        before = f" before each dose of {', '.join(each.before)}" if each.before else ""
        window = _window(each.window) if each.window is not None else ""
        yield f"- **{each.name}**: {measures}{at}{before}{window}"
        yield from (
            f"  - {_label(program, measure)} only by {' or '.join(sorted(methods))}"
            for measure, methods in each.methods.items()
        )
        yield from _provenance(each.provenance, 1)


def _window(window: Window) -> str:
    return window_in_words(window) or " at any time"


# --- response, therapies ----------------------------------------------------------------------------------------------


def _responses(program: Program) -> Iterator[str]:
    for response in program.responses:
        yield f"## Response: {response.name}"
        yield ""
        yield from _response(program, response)
        yield ""


def _response(program: Program, response: Response) -> Iterator[str]:
    if response.provenance.text:
        yield f'"{response.provenance.text}"'
        yield ""
    yield f"Judged at {', '.join(response.visits)}."
    yield ""
    first = response.visits[0] if response.visits else ""
    for component in (each for each in response.components if each.visit == first):
        yield f"- **{component.name}** {component.provenance.text}".rstrip()
        yield from statement(component.expr, 1)
        yield from _provenance(component.provenance, 1)
    yield ""
    yield "The first of these that is met, all before it not being met:"
    yield ""
    for number, category in enumerate((each for each in response.categories if each.visit == first), 1):
        if category.when is None:
            yield f"{number}. **{category.name.replace('_', ' ')}** otherwise"
        else:
            yield f"{number}. **{category.name.replace('_', ' ')}** if"
            yield from statement(category.when, 2)
    if response.then:
        yield ""
        yield from (f"- after {event.replace('_', ' ')}{_handled(each)}" for event, each in response.then.items())
    if response.report_only:
        yield ""
        listed = ", ".join(_label(program, name) for name in response.report_only)
        yield f"Reported only, never part of the answer: {listed}."
    yield ""
    yield from _provenance(dict(items(program))[response.name])


def _times(program: Program) -> Iterator[str]:
    for each in program.times:
        yield f"## Time to {each.name.replace('_', ' ')}"
        yield ""
        ended = " or ".join(moment.name.replace("_", " ") for moment in each.censors)
        yield f"From {point_in_words(each.origin)}{f'; {ended} ends it' if ended else ''}, until for the first time:"
        yield ""
        yield from statement(each.event, 0)
        yield ""
        yield from _provenance(each.provenance)


def _handled(handling: str | Handled) -> str:
    """Say what becomes of the category after an event."""
    if isinstance(handling, str):
        return f": {handling.replace('_', ' ')}"
    window = "" if handling.window is None else window_in_words(handling.window)
    words = set(handling.becomes.values())
    told = (f"{name} becomes {word}" for name, word in handling.becomes.items())
    text = words.pop() if len(words) == 1 else ", ".join(told)
    return f"{window}: {text.replace('_', ' ')}"


def _therapies(program: Program) -> Iterator[str]:
    if not program.therapies:
        return
    yield "## Other therapy"
    yield ""
    for rule in program.therapies:
        role = "prohibited" if rule.role == "prohibited" else "counts as rescue"
        yield f"- **{rule.name}** {role}: {'; '.join(_selected(select) for select in rule.select)}"
        yield from _provenance(rule.provenance, 1)


def _selected(select: Select) -> str:
    return f"{select.kind.replace('_', ' ')} of {words(select)}" if select.label else words(select)


def _silence(program: Program) -> Iterator[str]:
    yield "## When no record means no"
    yield ""
    yield "Of a kind that is not listed, what no record settles is unknown. No laboratory value is no value."
    yield ""
    for kind, moment in program.history.items():
        since = f"from {moment.name} on" if isinstance(moment, Moment) else "always"
        yield f"- {kind.replace('_', ' ')}: {since}"


# --- alerts, and what is not the written protocol's own ---------------------------------------------------------------


def _alerts(rulebook: Rulebook) -> Iterator[str]:
    if not rulebook.rules:
        return
    yield "## Alerts"
    yield ""
    rows = tuple(
        (
            rule.name,
            rule.for_each.replace("_", " "),
            rule.urgency,
            "yes" if rule.important else "no",
            rule.category,
            rule.say,
        )
        for rule in rulebook.rules
    )
    yield as_markdown(Table("", ("rule", "for each", "look", "important", "class", "says"), rows))


def _own_words(program: Program) -> Iterator[str]:
    table = everything(program)
    if table.rows:
        yield "## What here is not the written protocol's own word"
        yield ""
        yield as_markdown(table)
