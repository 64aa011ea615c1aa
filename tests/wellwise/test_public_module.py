"""`import wellwise`: what other programs may rely on."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer
import wellwise
from protocols.public_names import lazily

HEAVY = (
    "torch",
    "fastapi",
    "sqlmodel",
    "matplotlib",
    "prefect",
    "pandas",
    "scipy",
    "numpy",
    "pydantic",
)


@pytest.mark.parametrize("name", wellwise.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(wellwise, name) is not None
    assert name in dir(wellwise)


def test_no_public_name_is_forgotten() -> None:
    shown = {name for names in wellwise._NAMES.values() for name in names.split()}
    assert shown | {"__version__"} == set(wellwise.__all__)
    assert set(optimizer.__all__) == {
        n for names in optimizer._NAMES.values() for n in names.split()
    }


def test_its_import_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        f"import sys, json, wellwise; print(json.dumps([name for name in {HEAVY!r} if name in "
        "sys.modules]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == []


def test_a_misspelt_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="Campain"):
        wellwise.Campain  # type: ignore[attr-defined]  # noqa: B018


def test_no_module_of_the_optimiser_hides_a_name_that_it_shows() -> None:
    modules = {module.name for module in pkgutil.iter_modules(optimizer.__path__)}
    assert not modules & set(optimizer.__all__)


def test_a_name_whose_packages_are_absent_says_what_to_install() -> None:
    named = lazily("wellwise", {"no_such_package.client": "Client"}, {})
    with pytest.raises(
        ImportError, match=r"wellwise.Client needs no_such_package.*wellwise\[lab\]"
    ):
        named("Client")
