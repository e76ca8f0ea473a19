"""YAML text as a tree with places: what is read, where it stands, what is refused, and that writing is the inverse."""

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialspec.diagnostics import CODES, Place, ProtocolError, render
from trialspec.document import DEEPEST, LARGEST, Entry, Node, Plain, decode, dump, read, substitute


def tree(text: str, file: str = "f.yaml") -> Node:
    node, found = read(text, file)
    if found or node is None:
        raise ProtocolError(found)
    return node


def spot(place: Place) -> tuple[int, int, int, int]:
    return place.line, place.column, place.end_line, place.end_column


def refused(text: str) -> list[tuple[str, int, int]]:
    """The code, line and column of each diagnostic; each renders, and has a long text."""
    found = read(text, "f.yaml")[1]
    for diagnostic in found:
        assert render(diagnostic, lambda _: text)
        assert diagnostic.code in CODES
        assert diagnostic.help
    return [(d.code, d.place.line, d.place.column) for d in found if d.place]


def message(text: str) -> str:
    (diagnostic,) = read(text, "f.yaml")[1]
    return diagnostic.message


# ---------------------------------------------------------------------------------------------------------------------
# Values and places


def test_every_scalar_is_text() -> None:
    text = "{a: no, b: 1:30, c: 012, d: 1.0, e: ~, f: null, g: 2005-03-31, h: 0x1F, i: <5, j: yes, k: '', l: }"
    values = ["no", "1:30", "012", "1.0", "~", "null", "2005-03-31", "0x1F", "<5", "yes", "", ""]
    assert tree(text).plain() == dict(zip("abcdefghijkl", values, strict=True))


def test_places_in_block_style() -> None:
    node = tree("doses:\n  RTX:\n    on:\n      - day 1\n      - day 15\n\n# a comment\nlast: x\n")
    assert spot(node.place) == (1, 1, 8, 8)
    assert spot(node.key_place("doses")) == (1, 1, 1, 6)
    assert spot(node["doses"].key_place("RTX")) == (2, 3, 2, 6)
    assert spot(node["doses"].place) == (2, 3, 5, 15)
    assert spot(node["doses"]["RTX"]["on"].place) == (4, 7, 5, 15)
    assert spot(node["doses"]["RTX"]["on"][1].place) == (5, 9, 5, 15)
    assert spot(node["last"].place) == (8, 7, 8, 8)


def test_places_in_flow_style() -> None:
    node = tree("g: {all: [{latest: c3, above: 5 %}, x],\n    not: {}}\n")["g"]
    assert spot(node.place) == (1, 4, 2, 13)
    assert spot(node.key_place("all")) == (1, 5, 1, 8)
    assert spot(node["all"].place) == (1, 10, 1, 39)
    assert spot(node["all"][0].place) == (1, 11, 1, 35)
    assert spot(node["all"][0].key_place("above")) == (1, 24, 1, 29)
    assert spot(node["all"][0]["above"].place) == (1, 31, 1, 34)
    assert spot(node["all"][1].place) == (1, 37, 1, 38)
    assert spot(node["not"].place) == (2, 10, 2, 12)


def test_places_of_quoted_empty_and_long_texts() -> None:
    node = tree("a: 'it''s'\nb: \"x\\ty\"\nc:\nd: one\n  two\ne: |\n  three\n  four\n\nf: >\n  five\n  six\ng: ''\n")
    values = ["it's", "x\ty", "", "one two", "three\nfour\n", "five six\n", ""]
    assert node.plain() == dict(zip("abcdefg", values, strict=True))
    places = {key: spot(value.place) for key, value in node.items()}
    assert places["a"] == (1, 4, 1, 11)
    assert places["b"] == (2, 4, 2, 10)
    assert places["c"] == (3, 3, 3, 3)
    assert places["d"] == (4, 4, 5, 6)
    assert places["e"] == (6, 4, 8, 7)
    assert places["f"] == (10, 4, 12, 6)
    assert places["g"] == (13, 4, 13, 6)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_count_as_one(newline: str) -> None:
    node = tree(newline.join(["a: b", "", "c: |", "  d", "  e", "f: g", ""]))
    assert node.plain() == {"a": "b", "c": "d\ne\n", "f": "g"}
    assert spot(node["c"].place) == (3, 4, 5, 4)
    assert spot(node.key_place("f")) == (6, 1, 6, 2)


def test_columns_count_characters() -> None:
    node = tree("서울: {😀: é}\n")
    assert spot(node["서울"].place) == (1, 5, 1, 11)
    assert spot(node["서울"]["😀"].place) == (1, 9, 1, 10)


def test_each_entry_knows_its_kind_and_refuses_to_be_another() -> None:
    node = tree("a: b\nc: [d, e]\n")
    assert (node.kind, node["a"].kind, node["c"].kind) == ("mapping", "text", "list")
    assert node.keys() == ("a", "c")
    assert "a" in node
    assert node.get("x") is None
    assert [member.text for member in node["c"].members()] == ["d", "e"]
    with pytest.raises(TypeError, match="asked for a text, this is a list"):
        _ = node["c"].text
    with pytest.raises(TypeError, match="asked for a mapping"):
        node["a"].keys()
    with pytest.raises(TypeError, match="asked for a list"):
        node.members()


def test_a_path_of_pydantic_leads_to_a_node() -> None:
    node = tree("e: {include: {I1: {all: [{has: x}, {latest: c3}]}}}\n")
    i1 = node["e"]["include"]["I1"]
    assert node.at(()) is node
    assert node.at(("e", "include", "I1", "tag:all", "all", 1, "verb:latest", "latest")) is i1["all"][1]["latest"]
    assert node.at(("e", "include", "I1", "verb:all", "at_least")) is i1
    assert node.at(("e", "include", "I1", "all", "list[union]", 0, "has")) is i1["all"][0]["has"]
    assert node.at(("e", "include", "I1", "all", 2)) is i1["all"]
    assert node.at(("e", "include", "I1", "all", -1)) is i1["all"]
    assert node.at(("e", "include", "I1", "all", 0, "has", "deeper")) is i1["all"][0]["has"]


def test_an_unexpected_key_is_found_itself_and_a_missing_one_by_its_mapping() -> None:
    node = tree("a: {b: 1}\n")
    assert spot(node.key_place_at(("a", "tag:x", "b"))) == (1, 5, 1, 6)
    assert spot(node.key_place_at(("a", "c"))) == (1, 4, 1, 10)
    assert spot(node.key_place_at(("a", "b", 0))) == (1, 8, 1, 9)


# ---------------------------------------------------------------------------------------------------------------------
# What is refused

REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", [("duplicate-key", 3, 1)]),
    "duplicate key in braces, quoted": ("{a: 1, 'a': 2}", [("duplicate-key", 1, 8)]),
    "anchor": ("a: &x b\n", [("anchor", 1, 4)]),
    "anchor on a mapping": ("a: &x\n  b: c\n", [("anchor", 1, 4)]),
    "alias": ("a: *x\n", [("alias", 1, 4)]),
    "alias as a key": ("*x : a\n", [("alias", 1, 1)]),
    "merge key": ("<<: {a: b}\n", [("merge-key", 1, 1)]),
    "tag": ("a: !!int 3\n", [("tag", 1, 4)]),
    "own tag on a list": ("a: !mine [b]\n", [("tag", 1, 4)]),
    "tag after an anchor": ("a: &x !!str b\n", [("anchor", 1, 4), ("tag", 1, 7)]),
    "non-specific tag": ("a: ! b\n", [("tag", 1, 4)]),
    "undeclared tag": ("a: !x!y b\n", [("tag", 1, 4)]),
    "two documents": ("a: b\n---\nc: d\n", [("multiple-documents", 2, 1)]),
    "a second, empty document": ("a: b\n---\n", [("multiple-documents", 2, 1)]),
    "list as a key": ("[a]: b\n", [("not-text-key", 1, 1)]),
    "mapping as a key": ("? {a: b}\n: c\n", [("not-text-key", 1, 3)]),
    "empty key": ("?\n: b\n", [("not-text-key", 1, 2)]),
    "no colon in braces": ("{a: b, c}", [("missing-colon", 1, 8)]),
    "no space after the colon in braces": ("{a:1, b: 2}", [("missing-colon", 1, 2)]),
    "a comma cuts a text in braces": ("{text: not published, so none, at: x}", [("missing-colon", 1, 23)]),
    "no value of an explicit key": ("? a\n", [("missing-colon", 1, 3)]),
    "a greater-than sign that begins a block": ("a: >5\nb: c\n", [("block-indent", 1, 4)]),
    "a block with a set indentation": ("a: |-2\n    b\n", [("block-indent", 1, 4)]),
    "a comment that may be text": ("a: cycle #2 of 6\n", [("unclear-comment", 1, 10)]),
    "a dash that continues a text": ("a: b\n  - c\n", [("yaml-syntax", 1, 4)]),
    "empty": ("", [("empty-file", 1, 1)]),
    "only comments": ("# nothing\n\n", [("empty-file", 1, 1)]),
    "byte order mark": ("\ufeffa: b\n", [("encoding", 1, 1)]),
    "NUL": ("a: b\nc: \0d\n", [("control-character", 2, 4)]),
    "escape": ("a: \x1b[0m", [("control-character", 1, 4)]),
    "line separator": ("a: b\u2028c: d", [("control-character", 1, 5)]),
    "next line": ("a: b\x85c: d", [("control-character", 1, 5)]),
    "order of characters changed": ("a: \u202eb", [("control-character", 1, 4)]),
    "byte order mark inside": ("a: \ufeffb", [("control-character", 1, 4)]),
    "half a character": ("a: \ud800", [("control-character", 1, 4)]),
    "half a character, escaped": ('a: "\\ud83d\\ude00"', [("control-character", 1, 4)]),
    "a character that does not exist": ('a: "\\UFFFFFFFF"', [("yaml-syntax", 1, 7)]),
    "order to YAML": ("%YAML 1.1\n---\na: b\n", [("yaml-syntax", 1, 1)]),
    "unknown order to YAML": ("%FOO\n---\na: b\n", [("yaml-syntax", 1, 1)]),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_a_reviewer_cannot_see_is_refused(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert refused(text) == expected


ALLOWED = {
    "a document mark": ("---\na: b\n", {"a": "b"}),
    "the end mark of a document": ("a: b\n...\n", {"a": "b"}),
    "comments": (
        "# c\na: b # c\nc: [d, # e\n  f]\ng: x#y\nh: 'z' #i\n",
        {"a": "b", "c": ["d", "f"], "g": "x#y", "h": "z"},
    ),
    "the same key in two mappings": ("a: {x: 1}\nb: {x: 1}\n", {"a": {"x": "1"}, "b": {"x": "1"}}),
    "signs in quotes": ("'<<': '*a'\n'&b': '!c'\n'': '>5'\n", {"<<": "*a", "&b": "!c", "": ">5"}),
    "an explicit key": ("? a\n: b\n", {"a": "b"}),
    "a pair in brackets": ("[day 1: x, y]", [{"day 1": "x"}, "y"]),
    "an escaped unseen character": ('a: "\\u2028\\0"', {"a": "\u2028\0"}),
    "a list at the margin of its key": ("a:\n- b\n- c\n", {"a": ["b", "c"]}),
    "an empty value": ("a:\nb: {c: , d: }\n", {"a": "", "b": {"c": "", "d": ""}}),
    "a dash in a long text": ("a: one\n  two - three\n  -four\n", {"a": "one two - three -four"}),
    "an explicit key with an empty value": ("? a # b\n:\n", {"a": ""}),
}


@pytest.mark.parametrize(("text", "expected"), ALLOWED.values(), ids=ALLOWED)
def test_what_means_what_it_shows_is_read(text: str, expected: Plain) -> None:
    assert tree(text).plain() == expected


def test_all_of_it_is_reported_in_one_pass() -> None:
    text = "\ufeffa: &x 1\nb: !t 2\na: 3\n<<: {c: 4}\n[d]: 5\ne: {f}\ng: *x\nh: 'open\n"
    assert refused(text) == [
        ("encoding", 1, 1),
        ("anchor", 1, 4),
        ("tag", 2, 4),
        ("duplicate-key", 3, 1),
        ("merge-key", 4, 1),
        ("not-text-key", 5, 1),
        ("missing-colon", 6, 5),
        ("alias", 7, 4),
        ("yaml-syntax", 8, 4),
    ]


def test_a_tree_with_errors_keeps_the_first_of_two_keys_and_never_an_alias() -> None:
    node, found = read("a: 1\na: 2\nb: &x 3\n", "f.yaml")
    assert node is not None
    assert node.plain() == {"a": "1", "b": "3"}
    assert len(found) == 2
    assert read("a: *x\n", "f.yaml")[0] is None


def test_a_duplicate_key_names_the_first() -> None:
    text = "a: 1\nb: 2\na: 3\n"
    (diagnostic,) = read(text, "f.yaml")[1]
    assert render(diagnostic, lambda _: text) == (
        "f.yaml:3:1: error[duplicate-key]: `a` is written twice in one mapping\n"
        "    3 | a: 3\n"
        "      | ^\n"
        "  f.yaml:1:1: it is written here first\n"
        "  help: remove one of them"
    )


SYNTAX = {
    "tab as indentation": ("a:\n\tb: c\n", (2, 1), "a tab is used for indentation"),
    "tab before the first key": ("\ta: b\n", (1, 1), "a tab is used for indentation"),
    "tab after a colon": ("a:\tb\n", (1, 3), "a tab stands where only a space can"),
    "tab after a value": ("a: b\t# c\n", (1, 5), "a tab stands where only a space can"),
    "no key in braces": ("{: b}\n", (1, 2), "a key is missing before the colon"),
    "no key": (": b\n", (1, 1), "a key is missing before the colon"),
    "a colon within a text": ("a: b: c\n", (1, 5), "a colon stands here where no key can be"),
    "no space after the colon before": ("at_least:30\nb: c\n", (2, 2), "a colon stands here where no key can be"),
    "a key too far to the right": ("a: b\n  c: d\n", (2, 4), "a colon stands here where no key can be"),
    "no colon": ("a: b\nc\n", (2, 1), "a key is expected here, but no colon follows"),
    "single quote open": ("a: 'b\nc: d\n", (1, 4), "the quote that opens here is never closed"),
    "double quote open": ('a: "b\nc: d\n', (1, 4), "the quote that opens here is never closed"),
    "quote open before a second document": ("a: 'b\n---\n", (1, 4), "the quote that opens here is never closed"),
    "text after a quote": ("a: 'b' c\n", (1, 8), "nothing can follow here"),
    "text after a bracket": ("a: [b] c\n", (1, 8), "nothing can follow here"),
    "bracket open": ("a: [b, c\n", (1, 4), "the `[` that opens here is never closed"),
    "brace open": ("a: {b: c\n", (1, 4), "the `{` that opens here is never closed"),
    "bracket open before a key": ("a: [b\nc: d\n", (2, 2), "`,` or `]` is expected here"),
    "brace closed by a bracket": ("a: {b: c]\n", (1, 9), "`,` or `}` is expected here"),
    "one bracket too many": ("a: [b]]\n", (1, 7), "nothing can follow here"),
    "one brace too many at the end": ("{a: b}}\n", (1, 7), "nothing can stand here, the document ended before it"),
    "two commas": ("a: [b, , c]\n", (1, 8), "a value is missing before `,`"),
    "unknown escape": ('a: "\\q"\n', (1, 6), "`\\` begins an escape that does not exist"),
    "short escape": ('a: "\\u12"\n', (1, 7), "`\\` begins an escape that does not exist"),
    "at sign": ("a: @b\n", (1, 4), "a value cannot begin with `@`"),
    "percent sign in a value": ("a: %b\n", (1, 4), "a value cannot begin with `%`"),
    "stars": ("a: **b**\n", (1, 4), "`*` cannot begin a text"),
    "ampersand": ("a: & b\n", (1, 4), "`&` cannot begin a text"),
    "greater than": ("a: > 5\n", (1, 4), "`>` begins a block of text, nothing can follow it on its line"),
    "bar": ("a: |b\n", (1, 4), "`|` begins a block of text, nothing can follow it on its line"),
    "dash after a key": ("a: - b\n", (1, 4), "`-` cannot begin an item here"),
    "question mark after a key": ("a: ? b\n", (1, 4), "`?` cannot begin an item here"),
    "list among keys": ("a: b\n- c\n", (2, 1), "this is not part of the mapping above it"),
    "key among items": ("- a\nb: c\n", (2, 1), "this is not part of the list above it"),
    "items not aligned": ("a:\n  - b\n - c\n", (3, 2), "this is not part of the mapping above it"),
    "percent sign": ("%a\nb: c\n", (1, 1), "a line that begins with `%` gives orders to YAML, which is not possible"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place", "expected"), SYNTAX.values(), ids=SYNTAX)
def test_a_syntax_error_gives_one_sentence_a_place_and_advice(text: str, place: tuple[int, int], expected: str) -> None:
    assert refused(text) == [("yaml-syntax", *place)]
    assert message(text) == expected


def test_a_colon_out_of_place_is_advised_by_its_line() -> None:
    (within,) = read("a: b: c\n", "f.yaml")[1]
    (above,) = read("at_least:30\nb: c\n", "f.yaml")[1]
    assert within.help == "if the colon is part of a text, put the text in quotes"
    assert above.help == "check the indentation of this line; in the line above, put a space after the colon of a key"


def test_an_unclosed_bracket_points_to_both_places() -> None:
    text = "a: [b\nc: d\n"
    (diagnostic,) = read(text, "f.yaml")[1]
    assert render(diagnostic, lambda _: text) == (
        "f.yaml:2:2: error[yaml-syntax]: `,` or `]` is expected here\n"
        "    2 | c: d\n"
        "      |  ^\n"
        "  f.yaml:1:4: the `[` opens here\n"
        "  help: write one of them; if this is part of a text, put the text in quotes"
    )


def test_bytes_that_are_not_utf8_are_placed() -> None:
    assert decode("a: é\n".encode(), "f.yaml") == ("a: é\n", ())
    text, (diagnostic,) = decode(b"a: b\nc: caf\xe9\n", "f.yaml")
    assert text is None
    assert str(diagnostic) == "f.yaml:2:7: error[encoding]: byte 12 (0xe9) is not UTF-8 text"
    assert decode("a: b".encode("utf-16"), "f.yaml")[0] is None


# ---------------------------------------------------------------------------------------------------------------------
# Hostile texts


def test_the_largest_file_is_read_and_one_byte_more_is_not() -> None:
    assert tree("a: " + "x" * (LARGEST - 4) + "\n").plain()
    assert refused_as_too_large("a: " + "x" * (LARGEST - 3) + "\n")
    assert refused_as_too_large("a: " + "é" * (LARGEST // 2))


def refused_as_too_large(text: str) -> bool:
    node, found = read(text, "f.yaml")
    return node is None and [diagnostic.code for diagnostic in found] == ["too-large"]


NESTED: dict[str, Callable[[int], str]] = {
    "brackets": lambda depth: "[" * depth + "]" * depth,
    "brackets left open": lambda depth: "[" * depth,
    "braces": lambda depth: "{a: " * depth + "}" * depth,
    "dashes": lambda depth: "- " * depth + "x",
    "keys within keys": lambda depth: "? " * depth + "x",
    "indented keys": lambda depth: "".join(" " * level + "a:\n" for level in range(min(depth, 1000))),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_a_hundred_thousand_levels_are_one_diagnostic(text: Callable[[int], str]) -> None:
    started = time.monotonic()
    node, found = read(text(100_000), "f.yaml")
    assert node is None
    assert [diagnostic.code for diagnostic in found if diagnostic.code != "not-text-key"] == ["too-deep"]
    assert time.monotonic() - started < 5


def test_the_deepest_nesting_is_read_and_one_level_more_is_not() -> None:
    assert tree("[" * DEEPEST + "]" * DEEPEST).plain()
    assert refused("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)) == [("too-deep", 1, DEEPEST + 1)]
    assert tree("[" + "[[]]," * 1000 + "]").plain(), "depth is not the number of brackets"


def test_a_billion_laughs_are_not_heard() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    node, found = read("\n".join(lines), "f.yaml")
    assert node is None
    assert {diagnostic.code for diagnostic in found} == {"anchor", "alias"}
    assert len(found) == 10 + 90


def test_an_alias_to_itself_ends() -> None:
    assert refused("a: &a [*a]\n") == [("anchor", 1, 4), ("alias", 1, 8)]


def test_each_kind_of_unseen_character_is_reported_once() -> None:
    assert refused("\0" * 1000 + "\x01" * 1000) == [("control-character", 1, 1), ("control-character", 1, 1001)]


@given(st.text() | st.text(alphabet="ab: -?[]{},#&*!|>'\"%@`\n\t\r\\<", max_size=40))
def test_any_text_gives_a_tree_or_says_why_not(text: str) -> None:
    node, found = read(text, "f.yaml")
    assert node is not None or found
    lines = text.count("\n") + text.count("\r") + 1
    for diagnostic in found:
        assert diagnostic.place is not None
        assert 1 <= diagnostic.place.line <= lines
        assert render(diagnostic, lambda _: text)


# ---------------------------------------------------------------------------------------------------------------------
# Places of everything, by another way: the text found at a scalar's place is the scalar

words = st.text(alphabet="abc_019", min_size=1, max_size=6)
wordy: st.SearchStrategy[Plain] = st.recursive(
    words, lambda part: st.lists(part, max_size=4) | st.dictionaries(words, part, max_size=4), max_leaves=12
)


@given(wordy)
def test_a_scalar_stands_where_its_place_says(plain: Plain) -> None:
    lines = dump(plain).splitlines()

    def stands(place: Place, text: str) -> None:
        assert lines[place.line - 1][place.column - 1 : place.end_column - 1] == text
        assert place.end_line == place.line

    def walk(node: Node) -> None:
        if node.kind == "text":
            stands(node.place, node.text)
        elif node.kind == "list":
            for member in node.members():
                walk(member)
        else:
            for key, entry in node.entries().items():
                stands(entry.key_place, key)
                walk(entry.value)

    walk(tree(dump(plain)))


# ---------------------------------------------------------------------------------------------------------------------
# Writing

YAML_SIGNS = [
    "- x",
    "# y",
    "a: b",
    "a:",
    "?",
    "? x",
    ": x",
    "-",
    "---",
    "--- a",
    "...",
    "<<",
    "=",
    "{",
    "[",
    "a]b",
    "a,b",
]
MARKED = [
    "x #y",
    "x#y",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "|",
    "> x",
    ">5",
    "<5",
    "a?b",
    "-1",
    "a::b",
    "a\\n",
    "x: 'y'",
    '"',
    "'",
]
TYPED = ["no", "1:30", "012", "null", "~", "", "30 mL/min", "10*9/L", "$x", "서울", "\U0001f600", "a" * 2000]
LINES = [
    "a\nb",
    "a\nb\n",
    "a\n\nb",
    "a\n b\n",
    "\n",
    "a\n\n",
    "a\r\nb",
    "a\n# b",
    "a\n--- b",
    "a\n\tb",
    "a\n  \nb",
    "b\n" * 3,
]
SPACES = [" a", "a ", "\ta", "a\tb", "\u2028", "a\x85b", "\ufeffa", "\0", "\u202ea", "\uffff", "\xa0"]
odd = st.sampled_from([*YAML_SIGNS, *MARKED, *TYPED, *LINES, *SPACES])
texts = odd | st.text() | st.text(alphabet="ab -?:,[]{}#&*!|>'\"%@`\n\t\\", max_size=12)
trees: st.SearchStrategy[Plain] = st.recursive(
    texts, lambda part: st.lists(part, max_size=5) | st.dictionaries(texts, part, max_size=5), max_leaves=25
)


@given(trees)
@example([{"k" * 2000: [{"a": "b"}]}, [{"k" * 2000: {"a": {"b": "c"}}}]])
@example({"a": [[["b", "c\nd"], []], {}], "": {"": ""}})
def test_reading_what_was_written_gives_the_same(plain: Plain) -> None:
    """`read` after `dump` is identity."""
    assert tree(dump(plain)).plain() == plain


def test_short_things_stand_on_one_line_and_long_ones_do_not() -> None:
    plain: Plain = {
        "language": "1",
        "use": ["rules/lupus-nephritis", "rules/deviations"],
        "visits": {"week_4": {"on": "day 29", "late": "7 d"}},
        "not_stated": [f"matter number {number}" for number in range(8)],
        "criteria": [{"all": [{"has": "x", "text": "no, or: none"}]}, {"any": ["a", "b"], "why": {"a": "b"}}],
        "note": "one\n\n  two\n",
        "say": "{dose} was given",
        "nothing": {},
    }
    assert dump(plain) == (
        "language: 1\n"
        "use: [rules/lupus-nephritis, rules/deviations]\n"
        "visits:\n"
        "  week_4: {on: day 29, late: 7 d}\n"
        "not_stated:\n" + "".join(f"  - matter number {number}\n" for number in range(8)) + "criteria:\n"
        '  - {all: [{has: x, text: "no, or: none"}]}\n'
        "  - any: [a, b]\n"
        "    why: {a: b}\n"
        "note: |\n"
        "  one\n"
        "\n"
        "    two\n"
        'say: "{dose} was given"\n'
        "nothing: {}\n"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Definitions

BODY = "count_of: therapy\nof: $of\nat_least: $n of $unit\nany: [$of, {x: a}]\n"


def bound(text: str) -> dict[str, Node]:
    return dict(tree(text, "protocol.yaml").items())


def test_a_parameter_is_replaced_by_what_is_bound_to_it() -> None:
    body = tree(BODY, "rules.yaml")
    arguments = bound("of: [a, {b: $c}]\nn: 2\nunit: days\n")
    node, found = substitute(body, arguments)
    assert found == ()
    assert node.plain() == {
        "count_of": "therapy",
        "of": ["a", {"b": "$c"}],
        "at_least": "2 of days",
        "any": [["a", {"b": "$c"}], {"x": "a"}],
    }
    assert node["of"] is arguments["of"], "what is put in keeps its own place, and its own `$c` is text"


def test_what_is_expanded_points_to_the_definition_and_to_its_uses() -> None:
    use = tree("refractory_to: x\n", "protocol.yaml")
    outer, _ = substitute(tree("failed: {of: $of}\n", "outer.yaml"), bound("of: x"), use=use)
    inner, _ = substitute(tree("count_of: therapy\nof: $of\n", "inner.yaml"), dict(outer["failed"].items()), use=outer)
    assert str(inner["count_of"].place) == "inner.yaml:1:11"
    assert [str(place) for place in inner["count_of"].via] == ["protocol.yaml:1:1", "outer.yaml:1:1"]
    assert inner["count_of"].related() == tuple((place, "used here") for place in inner["count_of"].via)
    assert str(inner.key_place("of")) == "inner.yaml:2:1"
    assert str(inner["of"].place) == "protocol.yaml:1:5"
    assert inner["of"].via == ()


def test_what_cannot_be_replaced_is_reported() -> None:
    use = tree("x: y", "protocol.yaml")
    body = tree("a: $off\nb: up to $of\n$of: c\nd: costs 5$ or $5\n", "rules.yaml")
    node, found = substitute(body, bound("of: [z]"), use=use)
    assert [(d.code, d.message, str(d.place)) for d in found] == [
        ("unknown-parameter", "`$off` is not a parameter of this definition", "rules.yaml:1:4"),
        ("bad-parameter", "`$of` is a list here, which cannot stand inside a text", "rules.yaml:2:4"),
        ("bad-parameter", "`$of` is a key, and a parameter can only be a value", "rules.yaml:3:1"),
    ]
    assert found[0].help == "did you mean `$of`?"
    assert all((use.place, "used here") in d.related for d in found)
    assert node.plain() == {"a": "$off", "b": "up to $of", "$of": "c", "d": "costs 5$ or $5"}


@given(wordy, wordy)
def test_substituting_is_replacing_in_the_plain_tree(body: Plain, argument: Plain) -> None:
    """A body whose every `a` is a parameter becomes the same body with the argument in their place."""
    template = tree(dump(replaced(body, "a", "$p")))
    node, found = substitute(template, {"p": tree(dump(argument))})
    assert found == ()
    assert node.plain() == replaced(body, "a", argument)


def replaced(plain: Plain, word: str, by: Plain) -> Plain:
    match plain:
        case str():
            return by if plain == word else plain
        case list():
            return [replaced(part, word, by) for part in plain]
        case dict():
            return {key: replaced(part, word, by) for key, part in plain.items()}


def test_a_node_can_be_made_by_hand() -> None:
    place = Place("f.yaml", 1, 1, 1, 4)
    node = Node(place, {"at": Entry(place, Node(place, "now"))})
    assert node.plain() == {"at": "now"}
