"""What pyproject.toml declares, compared with the rooms' imports and the lock file."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import wellwise
from tests.conftest import ROOT

ROOMS = ("protocols", "optimizer", "drivers", "simulators", "orchestrator", "wellwise")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["optional-dependencies"].items()
}
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
EVERY = [
    *BASE,
    *(
        requirement
        for lines in EXTRAS.values()
        for requirement in lines
        if requirement.name != "wellwise"
    ),
]
PINNED = [
    ROOT / "tests" / "third_party" / "clients-requirements.txt",
    ROOT / "requirements.lock",
]
"""Where versions are pinned: those of the extra `mcp` in the environment of its test."""

LOCK = {
    canonicalize_name(name): Version(version)
    for path in PINNED
    for name, _, version in (
        line.partition("==")
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
}

WITHOUT_LAB = """
import sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent)
import wellwise
for name in {names!r}:
    getattr(wellwise, name)
"""


ELSEWHERE = {
    ROOT / "optimizer" / "strategies" / "peers" / "host.py",
    ROOT / "orchestrator" / "cli" / "mcp_server.py",
}
"""What runs in an interpreter of its own, with packages that are pinned there."""


def imported() -> set[str]:
    """The top-level packages of others that our rooms import."""
    found = set()
    for path in {path for room in ROOMS for path in (ROOT / room).rglob("*.py")} - ELSEWHERE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return (
        found - set(sys.stdlib_module_names) - set(ROOMS) - {"pydantic_core"}
    )  # which is a part of pydantic


def test_every_package_that_is_imported_is_declared() -> None:
    declared = {canonicalize_name(requirement.name) for requirement in EVERY}
    distributions = packages_distributions()
    assert {
        module
        for module in imported()
        if not declared & {canonicalize_name(d) for d in distributions.get(module, ())}
    } == set()


@pytest.mark.parametrize("requirement", EVERY, ids=str)
def test_every_dependency_has_a_lower_bound_that_the_lock_file_keeps(
    requirement: Requirement,
) -> None:
    assert {part.operator for part in requirement.specifier} & {">=", "=="}
    if requirement.marker is None or requirement.marker.evaluate():
        assert LOCK[canonicalize_name(requirement.name)] in requirement.specifier


def test_what_drivers_and_clients_need_works_without_the_packages_of_the_lab(
    tmp_path: Path,
) -> None:
    light = {canonicalize_name(requirement.name) for requirement in [*BASE, *EXTRAS["driver"]]}
    heavy = (
        {canonicalize_name(requirement.name) for requirement in EXTRAS["lab"]}
        - light
        - {"wellwise"}
    )
    blocked = {
        m
        for m, names in packages_distributions().items()
        if {canonicalize_name(n) for n in names} & heavy
    }
    assert {"torch", "fastapi", "sqlmodel", "prefect", "scipy"} <= blocked
    names = [
        name
        for module, listed in wellwise._NAMES.items()
        for name in listed.split()
        if not module.startswith(("optimizer", "wellwise.local"))
    ]
    code = WITHOUT_LAB.format(blocked=blocked, names=names)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
