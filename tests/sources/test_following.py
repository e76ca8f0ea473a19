"""Input that goes on coming: no line is lost, and none is read twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialspec.events import Record, Unreadable
from trialspec.sources.following import Directory, Followed, Piped, Position
from trialspec.sources.lines import LONGEST


def line(name: str) -> bytes:
    text = f'{{"id": "{name}", "patient": "P1", "kind": "milestone", "time": "2024-03-05", "milestone": "consent"}}\n'
    return text.encode()


def add(path: Path, *contents: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(contents)


def ids(records: list[Record]) -> list[str | None]:
    return [record.id for record in records]


def places(records: list[Record]) -> list[str]:
    return [record.origin.rpartition(":")[2] for record in records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


@pytest.fixture
def followed(path: Path) -> Iterator[Followed]:
    source = Followed(path)
    yield source
    source.close()


# --- a file that grows ------------------------------------------------------------------------------------------------


def test_a_file_may_come_later_and_is_read_as_it_grows(path: Path, followed: Followed) -> None:
    assert followed.take() == []
    add(path, line("a"), line("b"))
    assert ids(followed.take()) == ["a", "b"]
    assert followed.take() == []
    add(path, b"\n", line("c"))
    found = followed.take()
    assert (ids(found), places(found)) == (["c"], ["4"])
    assert followed.notices() == []


@pytest.mark.parametrize("cut", [1, 20, 60, len(line("b")) - 1])
def test_half_a_line_waits_for_the_rest_of_it(path: Path, followed: Followed, cut: int) -> None:
    half = line("b")[: min(cut, len(line("b")) - 3)]
    add(path, line("a"), half)
    assert [ids(followed.take()) for _ in range(4)] == [["a"], [], [], []]
    add(path, line("b")[len(half) :], line("c"))
    found = followed.take()
    assert (ids(found), places(found)) == (["b", "c"], ["2", "3"])


def test_a_whole_record_without_a_line_end_is_taken_when_it_stays_as_it_is(path: Path, followed: Followed) -> None:
    add(path, line("a").rstrip())
    assert [ids(followed.take()) for _ in range(4)] == [[], ["a"], [], []]
    add(path, b"\n", line("b"))
    found = followed.take()
    assert (ids(found), places(found)) == (["b"], ["2"])


def test_a_file_that_is_renamed_away_is_read_to_its_end_and_beyond(path: Path, followed: Followed) -> None:
    add(path, line("a"), line("b")[:30])
    assert ids(followed.take()) == ["a"]
    old = path.rename(path.with_suffix(".1"))
    assert followed.take() == []
    add(old, line("b")[30:], line("c"))  # whoever writes has not noticed yet
    add(path, line("d"))
    assert ids(followed.take()) == ["b", "c", "d"]
    add(old, line("e"))
    add(path, line("f"))
    assert ids(followed.take()) == ["e", "f"]
    path.rename(path.with_suffix(".2"))
    add(old, line("g"), b'{"id": "h"')
    add(path, line("i"))
    found = followed.take()
    assert ids([record for record in found if not isinstance(record, Unreadable)]) == ["g", "i"]
    assert [record.reason for record in found if isinstance(record, Unreadable)] == [
        "the record ends before it is complete, at character 11"
    ]
    assert followed.take() == []


def test_a_file_that_is_cut_short_is_read_from_its_beginning(path: Path, followed: Followed) -> None:
    add(path, line("a"), line("b"))
    assert ids(followed.take()) == ["a", "b"]
    os.truncate(path, 0)
    assert followed.take() == []
    add(path, line("c"))
    assert ids(followed.take()) == ["c"]
    assert followed.notices() == [f"{path}: it was cut short or written anew; it is read from its beginning"]
    assert followed.notices() == []


@pytest.mark.parametrize("names", ["cd", "cde", "c"])
def test_a_file_that_is_written_anew_in_place_is_known_whatever_its_length(
    path: Path, followed: Followed, names: str
) -> None:
    add(path, line("a"), line("b"))
    assert ids(followed.take()) == ["a", "b"]
    path.write_bytes(b"".join(line(name) for name in names))
    os.utime(path, ns=(0, 10**18))  # a clock that is too coarse to tell would be no test
    assert ids(followed.take()) == list(names)
    assert len(followed.notices()) == 1


def test_a_file_that_replaces_another_and_holds_its_lines_is_read_on_behind_them(
    path: Path, followed: Followed, tmp_path: Path
) -> None:
    add(path, line("a"), line("b"), line("c")[:10])
    assert ids(followed.take()) == ["a", "b"]
    new = tmp_path / "new"
    add(new, line("a"), line("b"), line("c"), line("d"))
    new.replace(path)
    found = followed.take()
    assert (ids(found), places(found)) == (["c", "d"], ["3", "4"])
    add(path, line("e"))
    assert ids(followed.take()) == ["e"]
    other = tmp_path / "other"
    add(other, line("x"), line("a"))
    other.replace(path)
    assert ids(followed.take()) == ["x", "a"]
    assert followed.notices() == []


def test_garbage_is_a_record_that_cannot_be_read_and_nothing_stops(path: Path, followed: Followed) -> None:
    add(path, b"\xff\xfe\n", b"not a record\n", line("a"), b"{}\n")
    found = followed.take()
    assert [isinstance(record, Unreadable) for record in found] == [True, True, False, True]
    assert places(found) == ["1", "2", "3", "4"]


def test_a_line_that_is_too_long_is_refused_once_and_the_next_one_read(path: Path, followed: Followed) -> None:
    add(path, b'{"id": "' + b"x" * (3 * LONGEST))
    found = [record for _ in range(6) for record in followed.take()]
    assert [isinstance(record, Unreadable) and record.reason for record in found] == [
        f"the record is longer than {LONGEST} bytes"
    ]
    add(path, b'x"}\n', line("b"))
    found = followed.take()
    assert (ids(found), places(found)) == (["b"], ["2"])


def test_a_file_is_read_on_where_it_was_left(path: Path) -> None:
    add(path, b"\xef\xbb\xbf", line("a"), line("b"), line("c")[:15])
    first = Followed(path)
    assert ids(first.take()) == ["a", "b"]
    left = first.position
    first.close()
    add(path, line("c")[15:])
    second = Followed(path, left)
    assert second.position == left
    found = second.take()
    assert (ids(found), places(found), second.notices()) == (["c"], ["3"], [])
    second.close()
    path.write_bytes(line("x") + line("y"))
    third = Followed(path, left)
    assert ids(third.take()) == ["x", "y"]
    assert third.notices() == [f"{path}: it does not begin as it did before; it is read from its beginning"]
    third.close()


# What a writer may do between two looks, and how the ids go on.
STEPS = st.lists(
    st.sampled_from(("line", "half", "rest", "rotate", "look", "look", "copy over", "blank")), min_size=3, max_size=30
)


@settings(deadline=None)
@given(STEPS)
def test_whatever_a_writer_does_each_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """A writer that finishes its lines, and looks that come often enough, lose nothing and double nothing."""
    path = tmp_path_factory.mktemp("law") / "events.ndjson"
    source, found, written, half = Followed(path), list[Record](), 0, b""
    path.touch()
    for step in (*steps, "rest", "look"):
        match step:
            case "line" | "half" if not half:
                whole = line(f"e{written}")
                written += 1
                cut = len(whole) if step == "line" else 25
                add(path, whole[:cut])
                half = whole[cut:]
            case "rest":
                add(path, half)
                half = b""
            case "blank" if not half:
                add(path, b" \r\n")
            case "rotate" if not half:
                found += source.take()
                path.rename(path.with_suffix(f".{written}"))
                path.touch()
                found += source.take()
            case "copy over":
                shutil.copy(path, path.with_suffix(".copy"))
                path.with_suffix(".copy").replace(path)
            case "look":
                found += source.take()
            case _:
                pass
    source.close()
    assert sorted(str(name) for name in ids(found)) == sorted(f"e{number}" for number in range(written))


# --- a directory ------------------------------------------------------------------------------------------------------


def test_the_files_of_a_directory_are_read_by_name_each_once_and_as_they_grow(tmp_path: Path) -> None:
    source = Directory(tmp_path)
    assert source.take() == []
    add(tmp_path / "b.ndjson", line("b1"))
    add(tmp_path / "a.jsonl", line("a1"), line("a2")[:20])
    add(tmp_path / "c.csv", b"id,patient\n")
    add(tmp_path / "d.part", line("d1"))
    add(tmp_path / ".e.ndjson", line("e1"))
    (tmp_path / "f.ndjson").mkdir()
    assert ids(source.take()) == ["a1", "b1"]
    assert source.notices() == [f"{tmp_path / 'c.csv'}: it is not read; only files named `*.ndjson` or `*.jsonl` are"]
    (tmp_path / "d.part").rename(tmp_path / "d.ndjson")
    add(tmp_path / "a.jsonl", line("a2")[20:])
    assert ids(source.take()) == ["a2", "d1"]
    (tmp_path / "b.ndjson").unlink()
    assert source.take() == []
    assert source.notices() == []


def test_the_last_line_of_a_file_in_a_directory_needs_no_line_end(tmp_path: Path) -> None:
    source = Directory(tmp_path)
    add(tmp_path / "a.ndjson", line("a1"), line("a2").rstrip())
    assert [ids(source.take()) for _ in range(3)] == [["a1"], ["a2"], []]


def test_a_directory_is_read_on_where_it_was_left(tmp_path: Path) -> None:
    first = Directory(tmp_path)
    add(tmp_path / "a.ndjson", line("a1"))
    add(tmp_path / "b.ndjson", line("b1"), line("b2")[:9])
    assert ids(first.take()) == ["a1", "b1"]
    left = first.position
    add(tmp_path / "b.ndjson", line("b2")[9:])
    add(tmp_path / "c.ndjson", line("c1"))
    second = Directory(tmp_path, left)
    assert second.position == left
    assert ids(second.take()) == ["b2", "c1"]
    assert second.notices() == []


def test_a_directory_that_goes_away_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    source = Directory(folder)
    assert (source.take(), source.take()) == ([], [])
    assert source.notices() == [f"{folder}: it cannot be read (No such file or directory)"]
    folder.mkdir()
    add(folder / "a.ndjson", line("a"))
    assert ids(source.take()) == ["a"]


# --- a pipe -----------------------------------------------------------------------------------------------------------


def piped(*chunks: bytes | None) -> Piped:
    left = iter(chunks)
    read: Callable[[], bytes | None] = lambda: next(left, None)  # noqa: E731 - it reads as what it is
    return Piped(read)


def test_a_pipe_gives_what_is_there_and_never_half_a_line() -> None:
    source = piped(line("a"), line("b")[:7], None, line("b")[7:] + line("c"), None, line("d").rstrip(), b"")
    assert [ids(source.take()) for _ in range(3)] == [["a"], ["b", "c"], ["d"]]
    assert source.ended
    assert source.take() == []


def test_a_pipe_that_ends_in_half_a_line_says_so() -> None:
    source = piped(line("a") + b'{"id": "b"', b"")
    found = source.take()
    assert source.ended
    assert [(record.id, record.origin) for record in found] == [("a", "standard input:1"), (None, "standard input:2")]


def test_a_pipe_refuses_an_endless_line_once() -> None:
    source = piped(*[b"x" * LONGEST] * 3, b"x\n" + line("a"), b"")
    found = [record for _ in range(9) for record in source.take()]
    assert [isinstance(record, Unreadable) for record in found] == [True, False]


def test_a_position_that_says_nothing_was_read_is_the_beginning(path: Path) -> None:
    add(path, line("a"))
    source = Followed(path, Position())
    assert (ids(source.take()), source.notices()) == (["a"], [])
    source.close()
