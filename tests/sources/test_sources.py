"""Files of records: their lines, their endings, and records sorted by patient."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.terms import SEOUL, VOCABULARY
from trialspec.diagnostics import ProtocolError
from trialspec.events import Event, Record, Unreadable
from trialspec.sources import cohort, endings, read
from trialspec.sources.lines import LONGEST
from trialspec.timeline import timeline

CONSENT = '"kind":"milestone","time":"2024-03-05","milestone":"consent"'


def written(folder: Path, name: str, content: bytes) -> list[Record]:
    file = folder / name
    file.write_bytes(content)
    return list(read(file))


def consent(id_: str, patient: str = "P1", **content: object) -> Event:
    return replace(Event(id_, patient, "milestone", "2024-03-05", {"milestone": "consent"}), **content)  # type: ignore[arg-type]


def test_lines_end_as_they_like(tmp_path: Path) -> None:
    one, two, three = (b'{"id":"%s","patient":"P1",%s}' % (name, CONSENT.encode()) for name in (b"a", b"b", b"c"))
    content = b"\xef\xbb\xbf" + one + b"\r\n" + b"\n \n" + two + b"\n" + three
    found = written(tmp_path, "events.ndjson", content)
    assert [(record.id, record.origin.rpartition(":")[2]) for record in found] == [("a", "1"), ("b", "4"), ("c", "5")]


def test_jsonl_is_ndjson_and_the_case_of_an_ending_does_not_matter(tmp_path: Path) -> None:
    line = b'{"id":"a","patient":"P1",%s}' % CONSENT.encode()
    assert [written(tmp_path, name, line)[0].id for name in ("a.jsonl", "b.NDJSON")] == ["a", "a"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_that_is_too_long_is_refused_and_the_next_one_read(tmp_path: Path, end: bytes) -> None:
    start, stop = b'{"id":"a","patient":"P1","reason":"', b'",%s}' % CONSENT.encode()
    fits = start + b"x" * (LONGEST - len(start) - len(stop)) + stop
    after = b'{"id":"z","patient":"P1",%s}' % CONSENT.encode()
    for longer, readable in ((0, True), (1, False), (2, False), (3 * LONGEST, False)):
        line = fits.replace(b'"a"', b'"a"' + b" " * longer, 1)
        found = written(tmp_path, "long.ndjson", line + end + (after if end else b""))
        assert isinstance(found[0], Event) is readable
        assert [record.id for record in found[1:]] == (["z"] if end else [])
        assert [record.origin.rpartition(":")[2] for record in found[1:]] == (["2"] if end else [])


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        (
            "a.ndjson",
            b"",
            b'{"id":"%s","patient":"P1","kind":"milestone","time":"2024-03-05","milestone":"consent","reason":"%s"}',
        ),
        ("a.csv", b"id,patient,kind,time,milestone,reason\n", b"%s,P1,milestone,2024-03-05,consent,%s"),
    ],
)
def test_a_line_that_is_not_utf8_is_refused_and_the_next_one_read(
    tmp_path: Path, name: str, header: bytes, line: bytes
) -> None:
    first, second = written(tmp_path, name, header + line % (b"a", b"caf\xe9") + b"\n" + line % (b"b", "café".encode()))
    assert isinstance(first, Unreadable)
    assert "is not UTF-8 text, from byte" in first.reason
    assert second == consent("b", content={"milestone": "consent", "reason": "café"})


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    for name in ("a.ndjson", "a.csv"):
        assert written(tmp_path, name, b"") == []
        assert written(tmp_path, name, b"\xef\xbb\xbf\n\n") == []


def test_a_table_reads_like_lines_of_json(tmp_path: Path) -> None:
    table = b"id,patient,kind,time,milestone,reason\na,P1,milestone,2024-03-05,consent,\n"
    line = b'{"id":"a","patient":"P1",%s}\n' % CONSENT.encode()
    assert written(tmp_path, "a.csv", b"\xef\xbb\xbf" + table) == written(tmp_path, "a.ndjson", line)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("id,kind,time,milestone", "the column `patient` is missing"),
        ("patient;id;kind;time", "the columns are separated by `;`, not by commas; save the table with commas"),
        ("ID\tPatient\tKind\tTime", "the columns are separated by tabs"),
        ("sep=;", "the first line only says how columns are separated"),
        ("id,patient\rkind,time", "its lines end with a carriage return alone"),
        ("ID,Patient,kind,time", "columns are named in lower case, not `ID`, `Patient`"),
        ("id,patients,kind,time,patent", "the column `patient` is missing, did you mean `patients`?"),
        ("id,patient,kind,time,time", "the column `time` comes twice"),
        ('id,patient,kind,"time', "a quote is not closed"),
    ],
)
def test_a_wrong_header_is_told_with_its_place_and_each_row_is_counted(tmp_path: Path, header: str, told: str) -> None:
    rows = "a,P1,milestone,2024-03-05,consent\nb,P1,milestone,2024-03-05,consent\n"
    first, *others = written(tmp_path, "a.csv", f"{header}\n{rows}".encode())
    assert isinstance(first, Unreadable)
    assert told in first.reason
    assert first.origin.endswith("a.csv:1")
    assert len(others) == 2
    assert all(isinstance(other, Unreadable) for other in others)


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do(tmp_path: Path, name: str, encoding: str) -> None:
    with pytest.raises(ProtocolError, match="not UTF-8") as refused:
        written(tmp_path, name, "id,patient,kind,time\n".encode(encoding))
    assert "save it as UTF-8" in refused.value.diagnostics[0].help


def test_a_header_that_comes_again_is_no_patient(tmp_path: Path) -> None:
    header, row = b"id,patient,kind,time,milestone\n", b"a,P1,milestone,2024-03-05,consent\n"
    first, again, last = written(tmp_path, "a.csv", header + row + header + row)
    assert (first.id, last.id) == ("a", "a")
    assert (again.patient, again.origin.rpartition(":")[2]) == (None, "3")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[\n", "the record ends before it is complete, at character 2; each record is one line"),
        (b'[{"id": "a"}]', "the record is not a JSON object; write each on a line of its own"),
        (b"3", "the record is not a JSON object"),
    ],
)
def test_json_that_is_not_one_record_a_line_is_told_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    (record,) = written(tmp_path, "a.ndjson", content)
    assert isinstance(record, Unreadable)
    assert record.reason == told


def test_a_value_under_no_name_is_asked_about(tmp_path: Path) -> None:
    """Of a person it once was taken for what the record is about."""
    records = written(tmp_path, "a.csv", b"id,patient,kind,time,\na,P1,person,2024-03-05,screening\n")
    found = timeline(records, "P1", VOCABULARY, SEOUL, {})
    assert [problem.reason for problem in found.problems] == ["`screening` stands under no name"]
    assert "" not in found.items[0].fields


def test_ids_that_several_patients_bear_are_counted_in_any_order() -> None:
    records = [consent("a"), consent("a", "P2"), consent("b"), consent("c"), consent("c", "P2")]
    moved = replace(consent("c"), revision=1, retracted=True)
    for several in (records, records[::-1]):
        assert cohort(several).shared == {"a": ("P1", "P2"), "c": ("P1", "P2")}
        assert cohort([*several, moved]).shared == cohort([moved, *several]).shared == {"a": ("P1", "P2")}
        again = replace(moved, revision=0)
        assert cohort([*several, again]).shared == cohort([again, *several]).shared == cohort(several).shared


def test_a_column_nobody_knows_is_asked_about_where_it_is_filled(tmp_path: Path) -> None:
    rows = (b"id,patient,kind,time,milestone,vist,x_note", b"a,P1,milestone,2024-03-05,consent,,hi")
    table = b"\n".join((*rows, b"b,P1,milestone,2024-03-05,consent,w4,"))
    records = written(tmp_path, "a.csv", table)
    found = timeline(records, "P1", VOCABULARY, SEOUL, {})
    assert [(item.id, item.certain) for item in found.items] == [("a", True), ("b", False)]
    assert [(problem.subject, "did you mean `visit`?" in problem.reason) for problem in found.problems] == [("b", True)]


def test_a_file_that_is_not_there_or_not_of_events_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    (tmp_path / "noending").write_bytes(b"")
    for name, told in (
        ("none.csv", "there is no such file"),
        ("a.xlsx", "`.xlsx` are not event files"),
        ("", "this is no ordinary file"),
        ("noending", "a file without an ending is no event file"),
    ):
        with pytest.raises(ProtocolError, match=told):
            read(tmp_path / name)


class Letters:
    """A source as somebody else may write one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> Iterator[Record]:
        yield consent(self.path.read_text(encoding="utf-8"))


def test_other_sources_are_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("letters", f"{__name__}:Letters", "trialspec.sources")
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda _: Letters)

    def entry_points(group: str, name: str | None = None) -> importlib.metadata.EntryPoints:
        found = group == entry.group and name in {None, entry.name}
        return importlib.metadata.EntryPoints([entry] if found else [])

    monkeypatch.setattr("trialspec.sources.entry_points", entry_points)
    assert endings() == ("csv", "jsonl", "letters", "ndjson")
    assert [record.id for record in written(tmp_path, "a.letters", b"abc")] == ["abc"]


# --- a cohort ---------------------------------------------------------------------------------------------------------


def test_a_cohort_has_every_record_under_its_patient() -> None:
    lost, torn = Unreadable("why", "m1"), Unreadable("why", "m2", patient="P0")
    found = cohort([consent("b", "P2"), lost, consent("a"), torn])
    assert list(found.patients) == ["P0", "P1", "P2"]
    assert found.patients["P0"] == (torn,)
    assert found.nobody == (lost,)
    assert found.unreadable == (lost, torn)


def test_an_id_of_two_patients_is_a_conflict_for_both() -> None:
    found = cohort([consent("a", "P1"), consent("b", "P1"), consent("a", "P2"), consent("c", "P3")])
    made = {patient: timeline(records, patient, VOCABULARY, SEOUL, {}) for patient, records in found.patients.items()}
    assert {patient: [(item.id, item.certain) for item in one.items] for patient, one in made.items()} == {
        "P1": [("a", False), ("b", True)],
        "P2": [("a", False)],
        "P3": [("c", True)],
    }
    assert {patient: [p.subject for p in one.problems] for patient, one in made.items()} == {
        "P1": ["a"],
        "P2": ["a"],
        "P3": [],
    }
    assert {problem.problem for one in made.values() for problem in one.problems} == {"conflict"}


def test_a_move_to_another_patient_is_a_retraction_and_a_new_event() -> None:
    moved = [consent("a", "P1"), consent("a", "P1", revision=1, retracted=True), consent("a", "P2")]
    found = cohort(moved)
    one, two = (timeline(found.patients[patient], patient, VOCABULARY, SEOUL, {}) for patient in ("P1", "P2"))
    assert (one.items, one.problems) == ((), ())
    assert [(item.id, item.certain) for item in two.items] == [("a", True)]
    assert two.problems == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(("P1", "P2", "P3")), st.integers(0, 1)), max_size=8))
def test_a_cohort_shows_each_patient_no_more_than_all_records_would(drawn: list[tuple[str, str, int]]) -> None:
    """Sorting records by patient changes no timeline."""
    records = [consent(name, patient, revision=revision) for name, patient, revision in drawn]
    for patient, sorted_ in cohort(records).patients.items():
        by_cohort = timeline(sorted_, patient, VOCABULARY, SEOUL, {})
        assert by_cohort == timeline(records, patient, VOCABULARY, SEOUL, {})
