"""YAML text as a tree of plain text with places; it knows no medicine.

Every scalar is text: `no`, `1:30` and `012` mean what is written. What a reviewer cannot see is refused: duplicate
keys, anchors, aliases, merge keys, tags, unseen characters, several documents in one file.

The tree is built from PyYAML's parse events, with the pure Python `BaseLoader`. Events let one pass report everything
and stop at a depth, where composing would follow aliases and recurse. The C parser gives the same places and is faster,
but it is not on every machine and it accepts other texts (`[a?b]`): the same file must mean the same everywhere.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from trialspec.diagnostics import Diagnostic, Place, did_you_mean, in_order

LARGEST = 1 << 20  # bytes of a file
DEEPEST = 64  # lists and mappings inside each other
TAG_PREFIXES = ("tag:", "verb:")  # how the tags of pydantic's unions begin, so that none equals a key of a file

Plain = str | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A text, a list or a mapping, and where it stands.

    `via` are the places of the definitions' uses through which the text came here, the innermost last.
    """

    place: Place
    content: str | tuple[Node, ...] | Mapping[str, Entry]
    via: tuple[Place, ...] = ()

    @property
    def kind(self) -> str:
        """`text`, `list` or `mapping`."""
        if isinstance(self.content, str):
            return "text"
        return "list" if isinstance(self.content, tuple) else "mapping"

    @property
    def text(self) -> str:
        """The text of a scalar."""
        return self.content if isinstance(self.content, str) else self._not("text")

    def members(self) -> tuple[Node, ...]:
        """The members of a list, in order."""
        return self.content if isinstance(self.content, tuple) else self._not("list")

    def entries(self) -> Mapping[str, Entry]:
        """The entries of a mapping by key, in the order of the file."""
        return self._not("mapping") if isinstance(self.content, (str, tuple)) else self.content

    def keys(self) -> tuple[str, ...]:
        """The keys of a mapping, in the order of the file."""
        return tuple(self.entries())

    def items(self) -> Iterator[tuple[str, Node]]:
        """The keys and values of a mapping, in the order of the file."""
        return ((key, entry.value) for key, entry in self.entries().items())

    def key_place(self, key: str) -> Place:
        """Where the key itself stands."""
        return self.entries()[key].key_place

    def get(self, key: str) -> Node | None:
        """The value of a key, or None where the mapping does not have it."""
        entry = self.entries().get(key)
        return entry.value if entry else None

    def __contains__(self, key: str) -> bool:
        return key in self.entries()

    def __getitem__(self, step: str | int) -> Node:
        return self.members()[step] if isinstance(step, int) else self.entries()[step].value

    def plain(self) -> Plain:
        """The same without places: dicts, lists and strings."""
        if isinstance(self.content, str):
            return self.content
        if isinstance(self.content, tuple):
            return [member.plain() for member in self.content]
        return {key: entry.value.plain() for key, entry in self.content.items()}

    def at(self, path: Sequence[str | int]) -> Node:
        """The last node reached along a pydantic `loc`; steps that are union tags, or lead nowhere, are passed over."""
        node = self
        for step in path:
            node = node._step(step) or node
        return node

    def key_place_at(self, path: Sequence[str | int]) -> Place:
        """The place of the key that is the path's last step; of the enclosing node where it has no such key."""
        parent, last = self.at(path[:-1]), path[-1]
        if isinstance(last, str) and isinstance(parent.content, Mapping) and last in parent.content:
            return parent.content[last].key_place
        return parent.place

    def related(self) -> tuple[tuple[Place, str], ...]:
        """The uses that brought the text here, for the related places of a diagnostic."""
        return tuple((place, "used here") for place in self.via)

    def _step(self, step: str | int) -> Node | None:
        if isinstance(self.content, str):
            return None
        if isinstance(self.content, tuple):
            return self.content[step] if isinstance(step, int) and 0 <= step < len(self.content) else None
        if isinstance(step, int) or step.startswith(TAG_PREFIXES):
            return None
        return self.get(step)

    def _not(self, kind: str) -> NoReturn:
        raise TypeError(f"{self.place}: asked for a {kind}, this is a {self.kind}")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key of a mapping, where it stands, and its value."""

    key_place: Place
    value: Node


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def decode(data: bytes, file: str) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The bytes of a file as text; UTF-8 only."""
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = _Text(before, file).place(len(before))
        message = f"byte {error.start + 1} (0x{data[error.start]:02x}) is not UTF-8 text"
        return None, (Diagnostic("encoding", message, place, help="save the file as UTF-8"),)


def read(text: str, file: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The tree of a YAML text and all that is wrong with it.

    With an error the tree, if there is one, serves to look for further errors and must not be run.
    """
    if len(text) > LARGEST or len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        message, advice = f"the file is larger than {LARGEST >> 20} MiB", "check that it is the file you mean"
        return None, (Diagnostic("too-large", message, Place(file, 1, 1, 1, 1), (), advice),)
    found: list[Diagnostic] = []
    if text.startswith("\ufeff"):
        text = text[1:]
        advice = "save the file as UTF-8 without byte order mark"
        found.append(
            Diagnostic("encoding", "the file begins with a byte order mark", Place(file, 1, 1, 1, 1), (), advice)
        )
    located = _Text(text, file)
    if unseen := _unseen_characters(located):
        return None, in_order([*found, *unseen])
    try:
        node = _Reader(located, found).document()
    except _Stop:
        node = None
    return node, in_order(found)


class _Text:
    """A text that knows the place of each of its characters."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]

    def place(self, start: int, end: int | None = None) -> Place:
        line = bisect_right(self.starts, start)
        end = start if end is None else end
        end_line = bisect_right(self.starts, end)
        columns = start - self.starts[line - 1] + 1, end - self.starts[end_line - 1] + 1
        return Place(self.file, line, columns[0], end_line, columns[1])


# Controls, line separators, surrogates, non-characters, byte order marks, and marks that reorder what is shown.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _unseen_characters(located: _Text) -> list[Diagnostic]:
    """One diagnostic for each such character, at its first place."""
    first: dict[str, int] = {}
    for match in _UNSEEN.finditer(located.text):
        first.setdefault(match[0], match.start())
    return [
        Diagnostic(
            "control-character",
            f"the character U+{ord(char):04X} cannot be seen by a reader",
            located.place(index, index + 1),
            help="delete it" if _SURROGATE.match(char) else f"delete it; in double quotes it is `{_escaped(char)}`",
        )
        for char, index in first.items()
    ]


class _Stop(Exception):  # noqa: N818  # it says where reading ends, the diagnostics say why
    """Nothing further can be read."""


class _Reader:
    """Turns the events of one text into nodes; depth is bounded, so it may recurse."""

    def __init__(self, located: _Text, found: list[Diagnostic]) -> None:
        self.text = located.text
        self.place = located.place
        self.found = found
        self.loader: Any = yaml.BaseLoader(located.text)
        self.depth = 0
        self.trusted = True

    def document(self) -> Node | None:
        """The one document of the text; None where there is none, or where an alias stands for a part of it."""
        self.next()  # the start of the stream
        event = self.next()
        if isinstance(event, yaml.StreamEndEvent):
            self.report("empty-file", "the file is empty", self.place(0), "check its name, and that it was saved")
            return None
        if self.text.startswith("%", _span(event)[0]):
            message = "a line that begins with `%` gives orders to YAML, which is not possible"
            self.report("yaml-syntax", message, self.place(_span(event)[0]), "remove the line")
        node = self.node(self.next())
        self.next()  # the end of the document
        event = self.next()
        if not isinstance(event, yaml.StreamEndEvent):
            self.report(
                "multiple-documents",
                "a second document begins here",
                self.place_of(event),
                "put each document into its own file, or remove the `---`",
            )
        return node if self.trusted else None

    def next(self) -> yaml.Event:
        try:
            event: yaml.Event = self.loader.get_event()
        except yaml.MarkedYAMLError as error:
            self.found.append(_syntax(error, self))
            raise _Stop from None
        except (ValueError, OverflowError):  # PyYAML turns `"\UFFFFFFFF"` into a character without looking
            place = self.place(self.loader.get_mark().index)
            self.report("yaml-syntax", "no character has this number", place, "check the digits of the escape")
            raise _Stop from None
        return event

    def report(
        self, code: str, message: str, place: Place, advice: str = "", related: tuple[tuple[Place, str], ...] = ()
    ) -> None:
        self.found.append(Diagnostic(code, message, place, related, advice))

    def place_of(self, event: yaml.Event) -> Place:
        return self.place(*_span(event))

    def node(self, event: yaml.Event) -> Node:
        self.refuse_properties(event)
        match event:
            case yaml.ScalarEvent():
                return self.scalar(event)
            case yaml.SequenceStartEvent():
                self.deeper(event)
                node = self.sequence(event)
            case yaml.MappingStartEvent():
                self.deeper(event)
                node = self.mapping(event)
            case _:  # an alias, reported already
                self.trusted = False
                return Node(self.place_of(event), "")
        self.depth -= 1
        return node

    def deeper(self, event: yaml.Event) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            place = self.place_of(event)
            advice = "name the inner parts as definitions and use them by name"
            self.report("too-deep", f"lists and mappings are nested more than {DEEPEST} deep", place, advice)
            raise _Stop

    def refuse_properties(self, event: yaml.Event) -> None:
        """Report aliases, anchors and tags."""
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            place = self.place_of(event)
            advice = "write the value out; if it is text, put it in quotes"
            message = f"the alias `*{_short(str(anchor))}` repeats a value that a reviewer does not see here"
            self.report("alias", message, place, advice)
        elif anchor is not None:
            place = self.find(re.escape(f"&{anchor}"), event)
            advice = "remove it and write the value where it is needed; if it is text, put it in quotes"
            self.report("anchor", f"the anchor `&{_short(anchor)}` is not possible", place, advice)
        if tag is not None:
            place = self.find(r"![^\s,\[\]{}]*", event)
            advice = "remove it, types come from the language; if it is text, put it in quotes"
            self.report("tag", "a tag is not possible", place, advice)

    def find(self, pattern: str, event: yaml.Event) -> Place:
        """The place of an anchor or tag, which stands where the value begins."""
        match = re.compile(pattern).search(self.text, _span(event)[0])
        return self.place(*match.span()) if match else self.place_of(event)

    def scalar(self, event: yaml.ScalarEvent) -> Node:
        start, end = _span(event)
        written = self.text[start:end].rstrip() if event.style in ("|", ">") else self.text[start:end]
        place = self.place(start, start + len(written))
        if event.style in ("|", ">") and (indent := re.match(r"[|>][+-]?[0-9]", written)):
            advice = f"put a value in quotes; begin a block of text with `{event.style}` alone"
            self.report("block-indent", f"`{indent[0]}` begins a block of text, its number is lost", place, advice)
        if event.style is None and re.search(r"[\r\n][ \t]*-\s", written):
            message = "a line that begins with `-` is read as more of the text before it"
            advice = "begin a list on its own line and indent all its items alike; put a text in quotes"
            self.report("yaml-syntax", message, place, advice)
        if event.style is None and (cut := _UNCLEAR_COMMENT.match(self.text, end)):
            message = f"the text ends here, YAML takes `{_short(cut[1])}` for a comment"
            advice = "put the text in quotes; if it is a comment, write a space after the `#`"
            self.report("unclear-comment", message, self.place(*cut.span(1)), advice)
        if _SURROGATE.search(event.value):
            message = "an escape from `\\ud800` to `\\udfff` is half a character"
            self.report("control-character", message, place, "write the character itself")
        return Node(place, _SURROGATE.sub("\ufffd", event.value))

    def sequence(self, start: yaml.SequenceStartEvent) -> Node:
        members: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            members.append(self.node(event))
        return Node(self.whole(start, event, members[-1] if members else None), tuple(members))

    def mapping(self, start: yaml.MappingStartEvent) -> Node:
        entries: dict[str, Entry] = {}
        value = None
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.node(event)
            after = self.next()
            value = self.node(after)
            if self.accepted(key, event, after, entries):
                entries[key.text] = Entry(key.place, value)
        return Node(self.whole(start, event, value), entries)

    def accepted(self, key: Node, event: yaml.Event, after: yaml.Event, entries: Mapping[str, Entry]) -> bool:
        """Whether the entry of these events can stand in the mapping; says why not."""
        plain = isinstance(event, yaml.ScalarEvent) and event.style is None
        between = self.text[_span(event)[1] : _span(after)[0]]
        nothing = isinstance(after, yaml.ScalarEvent) and len(set(_span(after))) == 1
        if key.kind != "text":
            advice = "write a name before the colon; if the bracket or brace is part of it, put the name in quotes"
            self.report("not-text-key", f"a {key.kind} cannot be a key", key.place, advice)
        elif plain and key.content == "":
            self.report("not-text-key", "a key is empty", key.place, "write a name before the colon")
        elif plain and key.content == "<<":
            advice = "write the keys out, or use a definition"
            self.report("merge-key", "`<<` copies keys that a reviewer does not see here", key.place, advice)
        elif nothing and not _COLON.match(between):
            name, colon, rest = key.text.partition(":")
            if colon:
                advice = f"put a space after the colon: `{_short(name)}: {_short(rest)}`"
            elif " " in key.text:
                advice = "if it belongs to the text before the comma, put that text in quotes"
            else:
                advice = f"write `{_short(key.text)}: ` and its value"
            self.report("missing-colon", f"`{_short(key.text)}` has no colon and no value", key.place, advice)
        elif (first := entries.get(key.text)) is not None:
            related = ((first.key_place, "it is written here first"),)
            message = f"`{_short(key.text)}` is written twice in one mapping"
            self.report("duplicate-key", message, key.place, "remove one of them", related)
        else:
            return True
        return False

    def whole(self, start: yaml.CollectionStartEvent, end: yaml.Event, last: Node | None) -> Place:
        """From the first character to the last: in block style the end mark is where the next thing begins."""
        place = self.place(_span(start)[0], _span(end)[1])
        if start.flow_style or last is None:
            return place
        return Place(place.file, place.line, place.column, last.place.end_line, last.place.end_column)


def _span(event: yaml.Event) -> tuple[int, int]:
    start, end = event.start_mark, event.end_mark
    assert start is not None, "the pure Python parser marks all events"
    assert end is not None
    return start.index, end.index


_UNCLEAR_COMMENT = re.compile(r"[ \t]+(#[^\s#!].*)")


_COLON = re.compile(r"(?:\s|#.*)*:")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


# ---------------------------------------------------------------------------------------------------------------------
# Syntax errors in our words


def _syntax(error: yaml.MarkedYAMLError, reader: _Reader) -> Diagnostic:
    """One diagnostic for PyYAML's one error."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark or reader.loader.get_mark()
    began = error.context_mark or mark
    here, there = reader.place(mark.index), reader.place(began.index)
    sign = reader.text[mark.index : mark.index + 1]
    opening = reader.text[began.index : began.index + 1]
    quote_it = "if it is text, put it in quotes"

    def say(message: str, advice: str, at: Place = here, *related: tuple[Place, str]) -> Diagnostic:
        return Diagnostic("yaml-syntax", message, at, related, advice)

    if sign == "\t" and not reader.text[: mark.index].rpartition("\n")[2].strip():
        return say("a tab is used for indentation", "indent with spaces")
    if sign == "\t" and "cannot start any token" in problem:
        return say("a tab stands where only a space can", "write a space in its place")
    if "cannot start any token" in problem:
        return say(f"a value cannot begin with `{sign}`", quote_it)
    if problem.startswith("mapping values are not allowed"):
        advice = "if the colon is part of a text, put the text in quotes"
        if not re.search(r":\s", reader.text[: mark.index].rpartition("\n")[2]):
            advice = "check the indentation of this line; in the line above, put a space after the colon of a key"
        return say("a colon stands here where no key can be", advice)
    if problem.startswith(("sequence entries are not", "mapping keys are not")):
        return say(f"`{sign}` cannot begin an item here", "begin a list on its own line and indent all its items alike")
    if problem.startswith("could not find expected ':'"):
        return say(
            "a key is expected here, but no colon follows", "write `key: value`, with a space after the colon", there
        )
    if "quoted scalar" in context and problem.startswith("found unexpected"):
        return say(
            "the quote that opens here is never closed", "close it; within single quotes write `'` as `''`", there
        )
    if "double-quoted scalar" in context:
        return say(
            "`\\` begins an escape that does not exist", "write `\\\\` for the sign itself, or use single quotes"
        )
    if problem.startswith(("expected ',' or", "did not find expected ',' or")):
        closing = "]" if opening == "[" else "}"
        if not sign or "<stream end>" in problem:
            return say(f"the `{opening}` that opens here is never closed", f"close it with `{closing}`", there)
        advice = "write one of them; if this is part of a text, put the text in quotes"
        return say(f"`,` or `{closing}` is expected here", advice, here, (there, f"the `{opening}` opens here"))
    if sign == ":":
        return say("a key is missing before the colon", "write its name")
    if problem.startswith("expected <block end>"):
        kind = "mapping" if "mapping" in context else "list"
        if reader.text[: mark.index].rpartition("\n")[2].strip():
            return say("nothing can follow here", "remove it, or put the text in quotes as a whole")
        begins = (there, f"the {kind} begins here")
        return say(f"this is not part of the {kind} above it", "indent alike what belongs together", here, begins)
    if problem.startswith("expected the node content"):
        what = f"a value is missing before `{sign}`" if sign.strip() else "a value is missing here"
        return say(what, "write the value, or remove the sign")
    if "anchor" in context or "alias" in context:
        return say(f"`{opening}` cannot begin a text", quote_it, there)
    if "tag" in context or "tag handle" in problem:
        return Diagnostic("tag", "`!` begins a tag, which is not possible", here, (), f"remove it; {quote_it}")
    if "block scalar" in context:
        advice = "put the value in quotes, or begin the text on the next line"
        return say(f"`{opening}` begins a block of text, nothing can follow it on its line", advice, there)
    if order := re.search(r"^ *%", reader.text[: mark.index + 1], re.MULTILINE):
        at = reader.place(order.end() - 1)
        return say(
            "a line that begins with `%` gives orders to YAML, which is not possible", f"remove it; {quote_it}", at
        )
    return say(
        "nothing can stand here, the document ended before it", "check brackets and indentation above this place"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Definitions, expanded as text

_PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def substitute(
    body: Node, bindings: Mapping[str, Node], *, use: Node | None = None
) -> tuple[Node, tuple[Diagnostic, ...]]:
    """The body of a definition with each `$name` replaced by what is bound to it, and what cannot be replaced.

    A text that is exactly `$name` becomes the bound node, whatever its kind; inside a longer text a bound text is put
    in. The body's nodes keep their places and gain the place of the `use`. Bound nodes stay as they are: they have
    places of their own, and a `$` in them is text.
    """
    found: list[Diagnostic] = []
    via = () if use is None else (*use.via, use.place)
    return _filled(body, bindings, via, found), in_order(found)


def _filled(node: Node, bindings: Mapping[str, Node], via: tuple[Place, ...], found: list[Diagnostic]) -> Node:
    here = Node(node.place, node.content, (*via, *node.via))
    if isinstance(node.content, tuple):
        return Node(node.place, tuple(_filled(member, bindings, via, found) for member in node.content), here.via)
    if isinstance(node.content, Mapping):
        entries: dict[str, Entry] = {}
        for key, entry in node.content.items():
            if _PARAMETER.search(key):
                message = f"`{key}` is a key, and a parameter can only be a value"
                found.append(Diagnostic("bad-parameter", message, entry.key_place, here.related()))
            entries[key] = Entry(entry.key_place, _filled(entry.value, bindings, via, found))
        return Node(node.place, entries, here.via)
    if (whole := _PARAMETER.fullmatch(node.content)) and whole[1] in bindings:
        return bindings[whole[1]]

    def put_in(match: re.Match[str]) -> str:
        bound = bindings.get(match[1])
        if bound is None:
            message = f"`{match[0]}` is not a parameter of this definition"
            close = did_you_mean(match[0], [f"${name}" for name in bindings])
            advice = close or "declare it under `needs`"
            found.append(Diagnostic("unknown-parameter", message, node.place, here.related(), advice))
        elif not isinstance(bound.content, str):
            message = f"`{match[0]}` is a {bound.kind} here, which cannot stand inside a text"
            related = ((bound.place, "it is given here"), *here.related())
            found.append(Diagnostic("bad-parameter", message, node.place, related))
        else:
            return bound.content
        return match[0]

    return Node(node.place, _PARAMETER.sub(put_in, node.content), here.via)


# ---------------------------------------------------------------------------------------------------------------------
# Writing

_WIDEST = 110  # columns of a line with brackets or braces
_LONGEST_KEY = 1000  # YAML looks for the colon of a key within 1024 characters


def dump(plain: Plain) -> str:
    """The YAML text of dicts, lists and strings, which `read` gives back equal; what is short stands on one line."""
    if isinstance(plain, str) or not plain:
        return _flow(plain) + "\n"
    return "\n".join(_block(plain, 0)) + "\n"


def _block(plain: list[Plain] | dict[str, Plain], indent: int) -> list[str]:
    """The lines of a list or mapping that is not empty; `indent` is how far they will stand from the margin."""
    if isinstance(plain, list):
        return [line for value in plain for line in _item("-", value, indent)]
    lines: list[str] = []
    for key, value in plain.items():
        written = '"<<"' if key == "<<" else _scalar(key)
        if len(written) > _LONGEST_KEY:
            lines += [f"? {written}", *_item(":", value, indent)]
        else:
            lines += _item(f"{written}:", value, indent)
    return lines


def _item(head: str, value: Plain, indent: int) -> list[str]:
    """The lines of a value after its key or dash."""
    if isinstance(value, str):
        if not _stands_as_block(value):
            return [f"{head} {_scalar(value)}"]
        style = "|" if value.endswith("\n") else "|-"
        return [f"{head} {style}", *_indented(value.removesuffix("\n").split("\n"))]
    if not value or _fits(value, _WIDEST - indent - len(head) - 1):
        return [f"{head} {_flow(value)}"]
    lines = _block(value, indent + 2)
    if head == "-":
        return [f"- {lines[0]}", *_indented(lines[1:])]
    return [head, *_indented(lines)]


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line if line else "" for line in lines]


def _fits(value: Plain, room: int) -> bool:
    """Whether it reads well on one line: short, no text of several lines, no mapping right inside a mapping."""
    return _flat(value) and len(_flow(value)) <= room


def _flat(value: Plain) -> bool:
    if isinstance(value, str):
        return "\n" not in value
    if isinstance(value, list):
        return all(map(_flat, value))
    return all(_flat(part) and not (part and isinstance(part, dict)) for part in value.values())


def _flow(value: Plain) -> str:
    if isinstance(value, str):
        return _scalar(value, bracketed=True)
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    keys = ('"<<"' if key == "<<" else _scalar(key, bracketed=True) for key in value)
    return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in zip(keys, value.values(), strict=True)) + "}"


_NOT_PLAIN = re.compile(
    r"""^$ | ^\s | \s$ | ^-\s | ^-$ | ^--- | ^\.\.\. | ^[?:,\[\]{}#&*!|>'"%@`] | :\s | :$ | \s\# | [\x00-\x1f]""",
    re.VERBOSE,
)
_NOT_PLAIN_IN_BRACKETS = re.compile(r"[,\[\]{}?]")
_NOT_A_BLOCK = re.compile(r"^\s|[^\S\n](\n|$)|\n\n$|[\x00-\x09\x0b-\x1f]")


def _scalar(text: str, *, bracketed: bool = False) -> str:
    """The text as it stands, or in double quotes where YAML would take it for something else."""
    if _NOT_PLAIN.search(text) or _UNSEEN.search(text) or (bracketed and _NOT_PLAIN_IN_BRACKETS.search(text)):
        return _UNSEEN.sub(lambda match: _escaped(match[0]), json.dumps(text, ensure_ascii=False))
    return text


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _stands_as_block(text: str) -> bool:
    return "\n" in text and not _NOT_A_BLOCK.search(text) and not _UNSEEN.search(text)
