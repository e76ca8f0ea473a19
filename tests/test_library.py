"""Rules and protocols are found by name, in a known order, and never outside of a library."""

from pathlib import Path

import pytest

from trialspec import library


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A library: two rule files with a case beside one of them, and one protocol."""
    for name in [
        "rules/deviations.yaml",
        "rules/renal/egfr.yaml",
        "rules/renal/cases/egfr.yaml",
        "protocols/demo/protocol.yaml",
        "protocols/demo/cases/eligibility.yaml",
        "protocols/README.md",
    ]:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("rules/deviations", "rules/deviations.yaml"),
        ("rules/deviations.yaml", "rules/deviations.yaml"),
        ("rules/renal/egfr", "rules/renal/egfr.yaml"),
        ("protocols/demo", "protocols/demo/protocol.yaml"),
    ],
)
def test_a_name_stands_for_one_file(shelf: Path, name: str, file: str) -> None:
    assert library.find(name, libraries=[shelf]) == shelf / file


@pytest.mark.parametrize(
    "name",
    [
        "rules",
        "rules/",
        "rules/renal",
        "rules/renal/cases/egfr",
        "rules/../rules/deviations",
        "protocols/demo/cases/eligibility",
        "protocols/demo/../demo",
        "protocols/README",
        "deviations",
        "./rules/deviations",
        "",
    ],
)
def test_what_is_no_name_finds_nothing(shelf: Path, name: str) -> None:
    assert library.find(name, libraries=[shelf]) is None


def test_a_path_from_the_root_of_the_disk_is_no_name(shelf: Path) -> None:
    assert library.find(str(shelf / "rules/deviations"), libraries=[shelf]) is None


def test_names_are_what_find_finds(shelf: Path) -> None:
    known = library.names(libraries=[shelf])
    assert {"rules/deviations", "rules/renal/egfr", "protocols/demo"} <= set(known)
    assert [name for name in known if "cases" in name or "README" in name] == []
    assert all(library.find(name, libraries=[shelf]) for name in known)
    assert known == sorted(set(known))


def test_the_first_library_that_has_a_name_gives_it(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "rules").mkdir()
    (other / "rules/deviations.yaml").touch()
    assert library.find("rules/deviations", libraries=[other, shelf]) == other / "rules/deviations.yaml"
    assert library.find("rules/renal/egfr", libraries=[other, shelf]) == shelf / "rules/renal/egfr.yaml"
    assert library.roots([other, shelf, other])[:2] == (other, shelf)


@pytest.mark.parametrize("asking", ["protocols/demo/protocol.yaml", "rules/renal/egfr.yaml", "protocols/demo"])
def test_a_file_finds_what_is_in_its_own_library(shelf: Path, asking: str) -> None:
    assert library.find("rules/renal/egfr", near=shelf / asking) == shelf / "rules/renal/egfr.yaml"
    assert "rules/renal/egfr" in library.names(near=shelf / asking)
    assert library.find("rules/renal/egfr") != shelf / "rules/renal/egfr.yaml"


def test_a_file_outside_of_a_library_finds_rules_beside_it(shelf: Path) -> None:
    assert library.find("rules/deviations", near=shelf / "my-trial.yaml") == shelf / "rules/deviations.yaml"


def test_a_library_that_is_given_comes_before_the_file_s_own(
    shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "rules").mkdir()
    (other / "rules/deviations.yaml").touch()
    asking = shelf / "protocols/demo/protocol.yaml"
    assert library.find("rules/deviations", asking, [other]) == other / "rules/deviations.yaml"


def test_places_stay_relative_where_the_reader_was(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf)
    assert library.find("rules/deviations", Path("protocols/demo/protocol.yaml")) == Path("rules/deviations.yaml")
    monkeypatch.chdir(shelf / "protocols/demo")
    assert library.find("rules/deviations", Path("protocol.yaml")) == shelf / "rules/deviations.yaml"


def test_a_checkout_finds_its_own_rules_and_protocols() -> None:
    checkout = Path(__file__).parents[1]
    assert library.roots() == (checkout,)
