"""What the repository promises to whoever clones it."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Written so that this file does not match itself.
NOT_IN_FILES = {
    "a path of somebody's machine": r"(?<![\w.}])/(?:work|root|home|Users|opt|tmp|mnt|srv)/",
    "an address of a package index": r"(?i)[a-z]{2}://[^\s/]*(?:py[p]i|python[h]osted|m[i]rror|reg[i]stry|art[i]factory|n[e]xus)",
    "a choice of package index": r"(?<!emit-)(?:index[-_]url|find[-_]links|trusted[-_]host)\b",
    "an address only one network knows": (
        r"[a-z]{2}://(?:[^\s/@]*@)?(?:[\w-]+|[\w.-]+\.(?:internal|local|lan|test)|\d+(?:\.\d+){3})(?::\d+)?(?=[/\s\"'`)]|$)"
    ),
}

EXPECTED = [
    ".ci/run",
    ".gitignore",
    ".pre-commit-hooks.yaml",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "docs/adding.md",
    "docs/decisions",
    "docs/language.md",
    "docs/semantics.md",
    "protocols/rituximab-refractory-lupus-nephritis/README.md",
    "protocols/rituximab-refractory-lupus-nephritis/cases",
    "protocols/rituximab-refractory-lupus-nephritis/protocol.yaml",
    "pyproject.toml",
    "rules/b-cell-depletion.yaml",
    "rules/deviations.yaml",
    "rules/lupus-nephritis.yaml",
    "src/trialspec/py.typed",
]


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (CHECKOUT / ".git").exists():
        pytest.skip("the list of files is git's, and this is no clone")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return [CHECKOUT / name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]


@pytest.mark.parametrize("what", NOT_IN_FILES)
def test_no_file_knows_where_it_was_written(what: str) -> None:
    pattern = re.compile(NOT_IN_FILES[what])
    found = [
        f"{file.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for file in tracked()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == [], f"{what}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", "see /{}/notes.md".format("work")),
        ("an address of a package index", "https:{}files.python{}.org/simple".format("//", "hosted")),
        ("a choice of package index", "--index-{} whatever".format("url")),
        ("an address only one network knows", "http:{}build.internal/".format("//")),
        ("an address only one network knows", "http:{}127.0.0.1:8080/".format("//")),
        ("an address only one network knows", "http:{}mirror".format("//")),
    ],
)
def test_such_a_line_would_be_noticed(what: str, line: str) -> None:
    assert re.search(NOT_IN_FILES[what], line)


@pytest.mark.parametrize("line", ["and/or mg/kg", "https:{}doi.org/10.1/x".format("//"), "1/2/3", "protocols/home/x"])
def test_an_ordinary_line_would_not(line: str) -> None:
    assert [what for what, pattern in NOT_IN_FILES.items() if re.search(pattern, line)] == []


@pytest.mark.parametrize("entry", EXPECTED)
def test_the_repository_has(entry: str) -> None:
    assert (CHECKOUT / entry).exists()


def test_the_changelog_is_read_by_what_a_change_means() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    known = ["Meaning", "Language", "Python", "Protocols"]
    assert text.startswith("# Changelog\n")
    assert "## [Unreleased]" in text
    for release in text.split("\n## ")[1:]:
        headings = re.findall(r"^### (.+)$", release, flags=re.MULTILINE)
        assert headings == [heading for heading in known if heading in headings], release.splitlines()[0]


@pytest.mark.parametrize(
    "target", ["demo", "test", "unit", "test-deep", "check", "bench", "docs", "accept", "clean", "help"]
)
def test_make_has(target: str) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:.*## \S", makefile, flags=re.MULTILINE)
    assert re.search(rf"^\.PHONY:.*\b{target}\b", makefile, flags=re.MULTILINE)


def test_what_is_run_before_a_merge_is_make_test_and_make_check() -> None:
    script = CHECKOUT / ".ci/run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert script.stat().st_mode & 0o111
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "make test", "make check"]


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE"]
    licence = (CHECKOUT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_every_version_is_pinned_and_no_address_is_given() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert [str(pin) for pin in pins if pin.url or [spec.operator for spec in pin.specifier] != ["=="]] == []
    wanted = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    pinned = {canonicalize_name(pin.name) for pin in pins}
    assert {canonicalize_name(Requirement(one).name) for one in wanted} - pinned == set()


def test_the_rules_engine_is_asked_for_where_it_imports() -> None:
    (engine,) = [one for one in map(Requirement, PROJECT["dependencies"]) if one.name == "durable-rules"]
    assert str(engine.specifier) == "==2.0.28"
    assert engine.marker is not None
    where = {version: engine.marker.evaluate({"python_version": version}) for version in ["3.11", "3.12", "3.13"]}
    assert where == {"3.11": True, "3.12": True, "3.13": False}


def test_a_module_is_named_after_what_it_is_about() -> None:
    empty = {"utils", "util", "manager", "factory", "base", "common", "misc"}
    assert [file.name for file in (CHECKOUT / "src").rglob("*.py") if file.stem in empty] == []
