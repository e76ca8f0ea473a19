"""Places in files, what is wrong there, and how it is said to the person who wrote the file.

A `Diagnostic` is a value: stages collect and return them, nothing stops at the first, and only the command line prints.
`CODES` holds the long text of every code, shown by `trialspec explain-error CODE`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A span of text in a file: lines and columns count characters from 1; `end_column` is just after the last one."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        """`file:line:column`, which editors and terminals turn into a link."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to say about a file: facts in `message`, advice in `help`, other places of interest in `related`."""

    code: str
    message: str
    place: Place | None
    related: tuple[tuple[Place, str], ...] = ()
    help: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        """The first line of the rendering: place, severity, code and message."""
        where = f"{self.place}: " if self.place else ""
        return harmless(f"{where}{self.severity}[{self.code}]: {self.message}")


class ProtocolError(Exception):
    """A file is wrong: carries every diagnostic found, each once, in the order of their places."""

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep the diagnostics, sorted by place."""
        self.diagnostics = in_order(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        """One line for each diagnostic."""
        return "\n".join(map(str, self.diagnostics))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each diagnostic once, those without a place first, then by place, code and message."""
    nowhere = Place("", 0, 0, 0, 0)
    return tuple(sorted(set(diagnostics), key=lambda d: (d.place or nowhere, d.code, d.message, d.related, d.help)))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error, so that the file must not be run."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def render(diagnostic: Diagnostic, source: Callable[[str], str | None]) -> str:
    """The diagnostic as text for a terminal; `source` gives the text of a file, or None where it cannot be read."""
    lines = [str(diagnostic)]
    if diagnostic.place is not None:
        lines += _excerpt(diagnostic.place, source(diagnostic.place.file))
    lines += [harmless(f"  {place}: {message}") for place, message in diagnostic.related]
    if diagnostic.help:
        lines.append(harmless(f"  help: {diagnostic.help}"))
    return "\n".join(lines)


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain data, for `--format json`."""
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "place": _place_json(diagnostic.place) if diagnostic.place else None,
        "related": [{"place": _place_json(place), "message": message} for place, message in diagnostic.related],
        "help": diagnostic.help,
    }


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The question that names the closest candidate, or nothing when none is close."""
    if not 0 < len(name) <= _LONGEST_NAME:
        return ""
    scored = sorted((-_likeness(name, candidate), candidate) for candidate in set(candidates) - {name})
    if scored and -scored[0][0] >= _CLOSE:
        return f"did you mean `{scored[0][1]}`?"
    return ""


_LONGEST_NAME = 80
_CLOSE = 0.7


def _likeness(one: str, other: str) -> float:
    a, b = (re.sub(r"[\s-]+", "_", name).lower() for name in (one, other))
    if sorted(a.split("_")) == sorted(b.split("_")):  # the same words in another order
        return 1.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _place_json(place: Place) -> dict[str, Any]:
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


_TAB = "    "
_WIDEST = 100  # columns of the source shown in an excerpt
_BEFORE = 40  # columns kept before the caret when a long line is cut
_CUT = "…"


def _excerpt(place: Place, text: str | None) -> list[str]:
    """The first line of the span with carets under it; nothing when the line cannot be shown."""
    lines = [] if text is None else re.split(r"\r\n|\r|\n", text)
    if not 1 <= place.line <= len(lines):
        return []
    line = lines[place.line - 1].removeprefix("\ufeff" if place.line == 1 else "")
    start = min(max(place.column - 1, 0), len(line))
    end = place.end_column - 1 if place.end_line == place.line else len(line.rstrip())
    end = min(max(end, start), len(line))
    before, marked, after = _cells(line[:start]), _cells(line[start:end]), _cells(line[end:])
    left = right = ""
    if _width(before) + _width(marked) + _width(after) > _WIDEST:
        before, left = _last_columns(before, _BEFORE)
        marked, right = _first_columns(marked, _WIDEST - _width(before))
        after, more = ([], "") if right else _first_columns(after, _WIDEST - _width(before) - _width(marked))
        right = right or more
    shown = "".join([left, *before, *marked, *after, right])
    indent = " " * (len(left) + _width(before))
    return [f"{place.line:>5} | {shown}".rstrip(), f"{'':>5} | {indent}{'^' * max(_width(marked), 1)}"]


def _last_columns(cells: list[str], columns: int) -> tuple[list[str], str]:
    kept, cut = _first_columns(cells[::-1], columns)
    return kept[::-1], cut


def _first_columns(cells: list[str], columns: int) -> tuple[list[str], str]:
    """The cells that fit into so many columns, and the sign for the rest."""
    used = 0
    for index, cell in enumerate(cells):
        used += _width([cell])
        if used > columns:
            return cells[:index], _CUT
    return cells, ""


def _cells(line: str) -> list[str]:
    """What is shown for each character."""
    return [_TAB if char == "\t" else harmless(char) for char in line]


def _width(cells: Iterable[str]) -> int:
    """Terminal columns: wide East Asian characters take two, combining marks none."""
    return sum(
        0 if unicodedata.category(char) in {"Mn", "Me", "Cf"} else 1 + (unicodedata.east_asian_width(char) in "WF")
        for cell in cells
        for char in cell
    )


# Controls, line separators, surrogates, marks that reorder text: quoting a file must not be able to drive a terminal.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": " "}


def harmless(text: str) -> str:
    """The text with every character made visible that could drive a terminal or hide what is written."""
    return _HARMFUL.sub(lambda match: _VISIBLE.get(match.group(), "\ufffd"), text)


def _code(meaning: str, advice: str) -> str:
    return f"{meaning}\n\nWhat to do: {advice}"


# Long texts: what the code means, then what to do. `trialspec explain-error` prints them.
CODES: dict[str, str] = {
    # The text of a file
    "yaml-syntax": _code(
        "The file is not readable as YAML, so nothing in it was checked beyond this point.",
        "Look at the line named and the one before it: indent with spaces, put a space after each colon, close every "
        "quote and bracket, and put text that holds `: ` or ` #` in quotes.",
    ),
    "missing-colon": _code(
        "A key stands between braces without a colon and a value; YAML would silently read it as a key with an empty "
        "value. `{a:1}` is one such key, named `a:1`.",
        "Write `key: value`, with a space after the colon.",
    ),
    "duplicate-key": _code(
        "The same key is written twice in one mapping. One of the two would be lost without a word.",
        "Remove one of them, or give it another name.",
    ),
    "anchor": _code(
        "The file marks a value with an anchor (`&name`) to repeat it elsewhere. Repetition that a reviewer cannot see "
        "is refused.",
        "Remove the anchor; write a definition, or a library named under `use`, for what is needed more than once. Put "
        "text that begins with `&` in quotes.",
    ),
    "alias": _code(
        "The file repeats a value by an alias (`*name`). What a reviewer reads must be what runs, so it is refused.",
        "Write the value out, or name it in a definition. Put text that begins with `*` in quotes.",
    ),
    "merge-key": _code(
        "The key `<<` copies the keys of another mapping in YAML. What is copied cannot be seen where it applies.",
        "Write the keys out, or use a definition.",
    ),
    "tag": _code(
        "A value carries a YAML tag (`!name`), which asks the reader to treat it as some type. Types come from the "
        "language, never from the file.",
        "Remove the tag. Put text that begins with `!` in quotes.",
    ),
    "unclear-comment": _code(
        "A `#` after a space begins a comment in YAML, so the rest of the text would be lost without a word.",
        "Put the text in quotes; if a comment is meant, write a space after the `#`.",
    ),
    "block-indent": _code(
        "A value such as `>5` or `|2` begins a block of text with a set indentation in YAML; the number would be lost.",
        "Put it in quotes if it is a value, as in `'>5'`; write `>` or `|` alone if a block of text is meant.",
    ),
    "too-large": _code(
        "The file is larger than a protocol can reasonably be.",
        "Check that it is the file you mean; patient data belong into event streams; split off libraries and name them "
        "under `use`.",
    ),
    "too-deep": _code(
        "Lists and mappings are nested deeper than any protocol needs, and deeper than this program follows.",
        "Name the inner parts as definitions and use them by name.",
    ),
    "not-text-key": _code(
        "A key is a list, a mapping, or nothing at all; a key must be plain text.",
        "Write a name before the colon. If a bracket or brace is part of the name, put the name in quotes.",
    ),
    "multiple-documents": _code(
        "The file holds several YAML documents, divided by `---`. Only one can be meant.",
        "Put each document into its own file, or remove the line `---`.",
    ),
    "empty-file": _code(
        "The file holds nothing but blank lines and comments.",
        "Check that the right file is named and that it was saved.",
    ),
    "encoding": _code(
        "The file is not UTF-8 text, or begins with a byte order mark.",
        "Save it as UTF-8, without byte order mark.",
    ),
    "control-character": _code(
        "The text holds a character that cannot be seen, or that changes the order in which the rest is shown, so what "
        "a reviewer reads may not be what runs.",
        "Delete the character; in double quotes it can be written visibly, as in `\\u2028`.",
    ),
    # The shape of a file
    "unknown-key": _code(
        "A key is not known at this place, and what is not understood is never skipped.",
        "Check its spelling and its indentation; `docs/language.md` lists the keys of each part.",
    ),
    "missing-key": _code(
        "A key that must be written here is not there.",
        "Add it; the message names it, and `docs/language.md` shows an example.",
    ),
    "wrong-type": _code(
        "Another kind of value is expected here: a text, a list, or a mapping.",
        "Compare the line with the example in `docs/language.md`: a list has brackets or dashes, a mapping has keys.",
    ),
    "bad-value": _code(
        "The value is not one of those that are possible here.",
        "Choose one of the values the message lists.",
    ),
    "language-version": _code(
        "The file is written for a version of the language that this program does not read, or names none.",
        "Write `language: 1` at the top, or use a program that reads the version named.",
    ),
    # Verbs and definitions
    "unknown-verb": _code(
        "No verb of this name is built in or defined in the files in use.",
        "Check the spelling, or name the library that defines it under `use`.",
    ),
    "no-verb": _code(
        "A criterion says nothing to check: it has only keys that modify a verb.",
        "Add one verb, such as `has`, `latest` or `all`.",
    ),
    "two-verbs": _code(
        "A criterion has two verbs, so it is not clear what the other keys belong to.",
        "Write one criterion for each verb and join them with `all` or `any`.",
    ),
    "definition-cycle": _code(
        "A definition uses itself, directly or through others, so it never comes to an end.",
        "Break the circle: let one of the definitions say what it means without the others.",
    ),
    "too-many-expansions": _code(
        "Written out, the definitions in use grow to more than any protocol needs.",
        "Look for definitions that use each other several times, and say it more simply.",
    ),
    "needs-missing": _code(
        "A definition is used without a value that it needs.",
        "Add the key; the definition lists what it takes under `needs`.",
    ),
    "needs-unknown": _code(
        "A definition is used with a key that it does not take.",
        "Check the spelling; the definition lists what it takes under `needs`.",
    ),
    "bad-parameter": _code(
        "A parameter is of another type than the definition needs, or stands where it cannot be filled in.",
        "Give a value of the type that `needs` states; let a parameter stand as a whole value, not as a key.",
    ),
    "unknown-parameter": _code(
        "The text of a definition holds `$name`, but the definition needs nothing of that name.",
        "Add it under `needs`, or correct its spelling.",
    ),
    # The little grammars
    "bad-name": _code(
        "A name has a form that names cannot have.",
        "Use letters, digits and underscores, beginning with a letter.",
    ),
    "bad-point": _code(
        "A point in time is not written in a way that is understood.",
        "Write a moment, `now`, `dose`, `day 29`, or a distance from one of them, as in `14 d before screened`.",
    ),
    "bad-duration": _code(
        "A duration is not written in a way that is understood.",
        "Write a number, a space and a unit, as in `7 d` or `24 h`.",
    ),
    "bad-quantity": _code(
        "A quantity is not written in a way that is understood.",
        "Write a number, a space and a unit, as in `1.5 10*9/L` or `30 mL/min`.",
    ),
    "bad-date": _code(
        "A date is not written in a way that is understood, or is not in the calendar.",
        "Write year, month and day, as in `2005-03-31`; leave off what is not known, as in `2005-03`.",
    ),
    "day-0": _code(
        "There is no day 0: the day of the anchor is day 1 and the day before it is day -1.",
        "Write `day 1` for the anchor itself, or `day -1` for the day before.",
    ),
    # Names
    "withheld": _code(
        "What is asked for is kept to the unblinded: a rule that `unblinds` may speak of it, whatever became of the "
        "patient.",
        "Those who may know it ask with `--unblinded`.",
    ),
    "unknown-name": _code(
        "Nothing of this name is declared in the file or in the libraries it uses.",
        "Check the spelling, declare it, or name the library that declares it under `use`.",
    ),
    "never-used": _code(
        "The protocol's own file declares something that nothing names: a gate that guards no dose, a moment that "
        "nothing counts from.",
        "Use it, look where its name is misspelt, or leave it out.",
    ),
    "duplicate-name": _code(
        "Two things in scope have the same name, so it is not clear which is meant.",
        "Rename one of them, or leave out one of the libraries under `use`.",
    ),
    "unknown-source": _code(
        "A `source` is named that is not in the list of `sources`.",
        "Add it to `sources` with its full reference, or correct the name.",
    ),
    "unknown-file": _code(
        "A file named under `use`, or on the command line, was not found or cannot be read.",
        "Check the path; libraries are looked for in the places the message names.",
    ),
    "wrong-kind": _code(
        "A name stands for another kind of thing than is expected here: a drug where a measure is, for example.",
        "Choose a name of the right kind, or the verb that goes with this one.",
    ),
    "unknown-patient": _code(
        "None of the event files holds a record of this patient.",
        "Check the spelling against the files; the patient's id is written exactly as in the events.",
    ),
    # Units and numbers
    "unit-mismatch": _code(
        "A limit is in a unit that cannot be compared with the unit of the measure.",
        "Write the limit in the measure's unit, or in one that converts to it exactly.",
    ),
    "unknown-unit": _code(
        "The unit is not in the vocabulary, so no value can be converted from or to it.",
        "Use the UCUM spelling of the unit, as in `10*9/L`, or declare the unit in the vocabulary.",
    ),
    "unit-missing": _code(
        "A number stands without its unit, and no unit is ever assumed.",
        "Write the unit after the number, with a space between them.",
    ),
    "unit-factor": _code(
        "The factor between two units of a measure or drug is not what their spelling says: 1 g is 1000 mg, and 1 "
        "mg/dL is 10 mg/L. Every value in such a unit would be wrong by the same factor, and nobody would see it.",
        "Write how many of `unit` one of the other unit is, as the message shows; `molar` serves one unit of mass.",
    ),
    "out-of-range": _code(
        "A number lies outside what is possible here.",
        "Check the number and its unit; the message names the limits.",
    ),
    "no-threshold": _code(
        "A measure is read but compared with nothing.",
        "Add a threshold that names its side: `above`, `at_least`, `below` or `at_most`.",
    ),
    "never-met": _code(
        "A criterion asks for what can never be, whatever is recorded: a fall by more than everything, a score above "
        "the sum of its weights, an age that nobody reaches.",
        "Look at the number, its unit and its side; the message names what is possible.",
    ),
    "decides-nothing": _code(
        "A criterion is met by everybody of whom there is a value: at least 0 of a list, every word of a measure.",
        "State the limit that is meant, or leave the criterion out.",
    ),
    "threshold-conflict": _code(
        "The thresholds of one criterion contradict or repeat each other, so it can never be met or one has no effect.",
        "Keep one lower and one upper threshold, the lower one below the upper one.",
    ),
    # Time
    "two-starts": _code(
        "A window has two starts (`from` and `after`), so it is not clear where it begins.",
        "Keep `from` if the start itself counts, `after` if it does not.",
    ),
    "two-ends": _code(
        "A window has two ends (`through` and `before`), so it is not clear where it stops.",
        "Keep `through` if the end itself counts, `before` if it does not.",
    ),
    "empty-window": _code(
        "A window ends before it starts, so nothing can lie in it: what is asked of it is never met.",
        "Write the earlier point after `from` and the later one after `through`.",
    ),
    "moment-cycle": _code(
        "A moment is defined by a window that depends on the moment itself.",
        "Define one of the moments of the circle by events alone.",
    ),
    "no-equivalent": _code(
        "Doses of several drugs are added up in equivalents of one, and of a drug among them nobody says how much of "
        "that one it is.",
        "Give it under `equivalents` of the drug in the vocabulary, or name only drugs that have it.",
    ),
    "no-half-life": _code(
        "A washout is counted in half-lives, and of a drug among those that it names nobody says the half-life.",
        "Give its `half_life` in the vocabulary, or state the time itself under `for`.",
    ),
    "not-handled": _code(
        "A response asks for the category of another one, which handles an event before its visit (a rescue, a death) "
        "that the response that asks does not handle.",
        "Handle the same event under `then`, or say `as_observed: yes` where the observed category is meant.",
    ),
    "no-moment": _code(
        "A point in time is counted from a moment that the protocol does not define.",
        "Define it under `moments`, as in `day_1: {first: rituximab}`.",
    ),
    "unbounded-slot": _code(
        "A planned dose or visit has no last permitted day, so it could never be called missed.",
        "Add `late`, `first_due` or `belongs_until`, whichever the protocol states.",
    ),
    "grade-without-scale": _code(
        "A grade is compared, but it is not said on which scale it is counted.",
        "Name the scale and its version beside the grade.",
    ),
    "schedule-conflict": _code(
        "Two parts of a schedule contradict each other: planned doses that no record could be told apart by, or a dose "
        "that is missed, over or too soon while it is still in time.",
        "Look at both parts, as the message names them, and state what the written protocol says.",
    ),
    "version-conflict": _code(
        "The versions of a protocol in one directory do not fit together: they are of different protocols, one version "
        "is there twice or is newer than `protocol.yaml`, or they do not agree on what records are read with.",
        "Keep the newest version as `protocol.yaml` and those before it in `former/`, all of one protocol; give a site "
        "its one zone, and a measure its one unit, in every version.",
    ),
    "never-due": _code(
        "A dose or visit is counted from a moment that it sets itself, or that comes after it. Until that has happened "
        "it is not due, so nobody is told that it is late.",
        "State up to when it is due under `first_due`; leave it as it is if nobody is to be told.",
    ),
    # Responses
    "no-otherwise": _code(
        "The categories of a response leave somebody over: a patient of whom none of them is met gets no category.",
        "Add a last category with `when: otherwise`, or leave it as it is if that is meant.",
    ),
    # What `check` proves. Each of these comes with a patient who shows it, or with how far it is proved.
    "never-fails": _code(
        "A criterion or gate is never not met, whatever is recorded: it keeps nobody out and holds nothing.",
        "Look at its limit and its side; leave it out if it is only to be documented.",
    ),
    "nobody-eligible": _code(
        "No patient meets every inclusion and no exclusion: the criteria named contradict each other, and leaving any "
        "one of them out would let somebody in.",
        "Look at the limits and windows of the criteria named; one of them says something else than is meant.",
    ),
    "redundant-criterion": _code(
        "Whoever passes the other criteria passes this one: it never decides.",
        "Leave it, if the written protocol has it; otherwise leave it out, or state the limit that is meant.",
    ),
    "near-duplicate": _code(
        "Two criteria decide alike but for a sliver: they differ only by a limit, the length of a window, or whether "
        "an end is included. The patient who is shown lies between them.",
        "Leave both, if the written protocol has them; otherwise keep the one that is meant.",
    ),
    "category-unreachable": _code(
        "No patient can be given this category of a response: its condition is never met while those before it fail.",
        "Put the narrower category before the wider one, or correct the limit.",
    ),
    "category-gap": _code(
        "A patient of whom everything is known falls into none of the categories of a response.",
        "Add a category for such a patient, or a last one with `when: otherwise`.",
    ),
    "category-overlap": _code(
        "A patient fulfils the conditions of two categories of a response, and neither contains the other: the order "
        "in which they are written decides.",
        "Accept it with the reason, if the order is meant to decide; otherwise make the conditions exclude each other.",
    ),
    "unlikely-unit": _code(
        "A limit is smaller than the step in which the measure is reported, or far outside its reference ranges: it is "
        "most likely a number of another unit.",
        "Check the number and its unit against the written protocol.",
    ),
    "plan-breaks-gate": _code(
        "A dose that is planned can never be given: when everything goes to plan its gate cannot be met, because the "
        "plan itself exceeds a limit or the gate contradicts it.",
        "Look at the limit of the gate, and at what is planned before the dose.",
    ),
    "gate-never-fresh": _code(
        "A gate needs a value that the schedule never collects in time: taken as planned, every value is too old, too "
        "late or not taken at all, so the dose is never cleared.",
        "Plan the measure before the dose under `assessments`, or widen the window of the gate.",
    ),
    "not-decided-in-time": _code(
        "A criterion of eligibility cannot be decided by the time of enrolment from what the schedule collects: the "
        "value that it reads is not planned before.",
        "Plan the measure at a visit before enrolment, or look at the window of the criterion.",
    ),
    "not-collected": _code(
        "A component of a response reads, at a visit, a measure that no assessment takes there: for whoever keeps to "
        "the plan it stays unknown.",
        "Take the measure at that visit under `assessments`, or look at which visit's value the component reads.",
    ),
    "dose-prohibited": _code(
        "A dose that the protocol plans is a therapy that it prohibits at that time.",
        "Narrow what is prohibited, by its drugs or its window.",
    ),
    "alert-on-plan": _code(
        "An alert is raised for a patient of whom everything went as planned: nobody could avoid it.",
        "Look at the plan and at the rule: two parts of the protocol contradict each other, or the rule asks too much.",
    ),
    "alert-in-window": _code(
        "An alert is raised for a patient who kept every window, but not on the planned day: what one part of the "
        "protocol permits another counts as a deviation.",
        "Make the windows fit: shorten one, or move the limit that is exceeded.",
    ),
    "alert-never-fires": _code(
        "A rule of the protocol's own asks for findings that this protocol can never have.",
        "Look at the words of the rule's conditions, or leave the rule out.",
    ),
    "alert-masked": _code(
        "Two rules ask for the same findings: both are raised each time.",
        "Keep one of them, or let them ask for different things.",
    ),
    "delay-cascades": _code(
        "Doses on the last days of their windows do not keep the end of the course, or the least time between doses: "
        "what the windows permit is late all the same.",
        "Let the course end later, count the next dose from the one before it, or shorten the windows.",
    ),
    "property-fails": _code(
        "A property that the protocol states of itself does not hold.",
        "Look at the patient shown: either the protocol or the property says something else than is meant.",
    ),
    "not-proved": _code(
        "A question about the protocol could not be answered: it took too long, or rests on what cannot be computed.",
        "Nothing is wrong by that. A larger `--limit` gives each question more time.",
    ),
    "accepted-stale": _code(
        "A finding is accepted in the file and does not apply any more.",
        "Take it out of `accepted`, or look why it is not found.",
    ),
    # Rulebooks
    "unknown-field": _code(
        "A rule asks for a field that findings of this subject do not have.",
        "Choose one of the subject's fields; `docs/language.md` lists them.",
    ),
    "no-alerts": _code(
        "A protocol uses no rule that turns findings into alerts, so nobody is ever told of anything.",
        "Name a library of rules under `use`, as `rules/deviations`, or write rules under `alerts`.",
    ),
    "bad-placeholder": _code(
        "A message holds a placeholder in braces that cannot be filled from the finding.",
        "Use the name of a field of the rule's subject, and close the brace.",
    ),
}
