"""`import wellwise`: what other programs may rely on."""

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer
import wellwise
from protocols.public_names import lazily
from tests.conftest import ROOT

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

PROGRAM = """
from wellwise import (
    Capabilities, Client, Condition, ContinuousParameter, Device, Job, KeyMemory, Observation,
    Operation, Proposal, Reading, Score, Scorer, SearchSpace, predict, propose, recommend,
)

dose = ContinuousParameter(
    name="dose", step="A", kind="continuous", low=1, high=100, scale="log", standard=10
)
space = SearchSpace(parameters=(dose,))
batch: list[Proposal] = propose(space, [], number=6, seed=1)
known = [Observation(condition=proposal.condition, value=0.5, round=1) for proposal in batch]
expected = predict(space, known, [Condition({"dose": 3.0})])
means: list[float] = [prediction.mean for prediction in expected]
best = recommend(space, known)
sure: float | None = None if best is None else best.is_best


class Lamp(Device):
    able = Capabilities(operations={"image": {}}, memory=KeyMemory.REMEMBERS_KEYS)

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        return None

    async def halt(self) -> None:
        return None


def titles(client: Client) -> list[str]:
    return [summary.id for summary in client.campaigns()]
"""


def mypy(program: str, folder: Path) -> str:
    """What mypy --strict says of a program that somebody writes elsewhere."""
    (folder / "program.py").write_text(program)
    (folder / "mypy.ini").write_text("[mypy]\nplugins = pydantic.mypy\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--strict"]
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'public'}"
    ran = subprocess.run(
        [*command, cache, "program.py"],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


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


def test_a_program_that_uses_it_is_type_checked(tmp_path: Path) -> None:
    every = ", ".join(name for name in wellwise.__all__ if name != "__version__")
    assert mypy(f"{PROGRAM}\nfrom wellwise import {every}\n", tmp_path).startswith("Success")
    wrong = mypy("import wellwise\nwellwise.Campain\nwellwise.propose(1, [])\n", tmp_path)
    assert "has no attribute" in wrong
    assert "arg-type" in wrong
