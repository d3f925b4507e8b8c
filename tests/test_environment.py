"""pyproject.toml is the one list of dependencies: environment.yml repeats it, and constraints.txt pins all of it."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def by_name(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(need.name): need for need in map(Requirement, lines)}


RUNTIME = by_name(PROJECT["dependencies"])
EXTRAS = by_name([line for lines in PROJECT["optional-dependencies"].values() for line in lines])
PINS = {name: next(iter(pin.specifier)) for name, pin in by_name(re.findall(r"^[^#\n].*$", CONSTRAINTS, re.MULTILINE)).items()}


def needed_by(name: str) -> dict[str, Requirement]:
    """What an installed package needs on this machine, its own extras left out."""
    try:
        needs = [Requirement(line) for line in requires(name) or []]
    except PackageNotFoundError:
        return {}
    return {canonicalize_name(need.name): need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})}


def test_conda_gets_the_same_names_and_bounds():
    own = {"python", "pip"}
    packages = by_name([line for line in ENVIRONMENT["dependencies"] if isinstance(line, str) and re.split("[<>=]", line)[0] not in own])

    assert {name: str(need.specifier) for name, need in packages.items()} == {name: str(need.specifier) for name, need in RUNTIME.items()}


def test_binder_understands_the_python_and_installs_the_project():
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    [python] = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str) and line.startswith("python")]
    exact = re.fullmatch(r"python=(3\.\d+)", python)
    assert exact, f"Binder understands python=3.12 and not {python}"
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(exact[1])
    assert {"pip": ["-e ."]} in ENVIRONMENT["dependencies"]


@pytest.mark.parametrize("name", sorted(RUNTIME | EXTRAS))
def test_every_dependency_is_pinned_within_its_bounds(name):
    assert name in PINS, f"{name} is missing in constraints.txt: make pins"
    assert (RUNTIME | EXTRAS)[name].specifier.contains(PINS[name].version)


def test_what_the_dependencies_need_is_pinned_too():
    seen: set[str] = set()
    waiting = sorted(RUNTIME | EXTRAS)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needed_by(name)

    assert sorted(seen - set(PINS)) == [], "missing in constraints.txt: make pins"


def test_a_pin_is_a_name_and_a_version_and_nothing_else():
    for name, pin in PINS.items():
        assert pin.operator == "==", name
        assert Version(pin.version)
    assert not re.search(r"//|@|--|;", CONSTRAINTS)
