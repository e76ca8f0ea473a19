"""The wheel carries the rules and protocols of the checkout, and finds them where it is unpacked."""

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from trialspec import library

CHECKOUT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(CHECKOUT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.glob("*.whl")
    return ZipFile(file)


def files_below(folder: str) -> set[str]:
    return {file.relative_to(CHECKOUT).as_posix() for file in (CHECKOUT / folder).rglob("*") if file.is_file()}


def in_package(wheel: ZipFile, folder: str) -> set[str]:
    package = "trialspec/"
    return {name.removeprefix(package) for name in wheel.namelist() if name.startswith(f"{package}{folder}/")}


@pytest.mark.parametrize("folder", ["rules", "protocols"])
def test_what_the_checkout_holds_is_in_the_wheel(wheel: ZipFile, folder: str) -> None:
    held = files_below(folder)
    assert held, f"{folder}/ is empty"
    assert in_package(wheel, folder) == held


def test_the_founding_protocol_and_its_rules_are_in_the_wheel(wheel: ZipFile) -> None:
    named = {
        "protocols/rituximab-refractory-lupus-nephritis/protocol.yaml",
        "rules/lupus-nephritis.yaml",
        "rules/b-cell-depletion.yaml",
        "rules/deviations.yaml",
    }
    assert named <= in_package(wheel, "rules") | in_package(wheel, "protocols")


def test_every_module_is_in_the_wheel_and_nothing_of_the_tests(wheel: ZipFile) -> None:
    modules = {file.removeprefix("src/") for file in files_below("src/trialspec") if file.endswith(".py")}
    assert {name for name in wheel.namelist() if name.endswith(".py")} == modules


def test_the_wheel_says_that_it_is_typed_and_under_which_licence(wheel: ZipFile) -> None:
    names = wheel.namelist()
    assert "trialspec/py.typed" in names
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_unpacked_outside_of_the_checkout_the_wheel_finds_its_own(wheel: ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    ask = """
import json, sys
sys.path.insert(0, sys.argv[1])
from trialspec import library
known = library.names()
print(json.dumps({
    "module": library.__file__,
    "roots": [str(root) for root in library.roots()],
    "found": {name: str(library.find(name)) for name in known},
}))
"""
    command = [sys.executable, "-c", ask, str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    package = tmp_path / "site/trialspec"
    assert answer["module"] == str(package / "library.py")
    assert answer["roots"] == [str(package)]
    assert sorted(answer["found"]) == library.names()
    assert all(Path(file).is_relative_to(package) and Path(file).is_file() for file in answer["found"].values())
