"""A program that somebody writes with the public module, as mypy sees it."""

import os
import subprocess
import sys
from pathlib import Path

import wellwise
from tests.conftest import ROOT

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
sure: float | None = None if best is None else best.beats_standard


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


def test_a_program_that_uses_it_is_type_checked(tmp_path: Path) -> None:
    every = ", ".join(name for name in wellwise.__all__ if name != "__version__")
    assert mypy(f"{PROGRAM}\nfrom wellwise import {every}\n", tmp_path).startswith("Success")
    wrong = mypy("import wellwise\nwellwise.Campain\nwellwise.propose(1, [])\n", tmp_path)
    assert "has no attribute" in wrong
    assert "arg-type" in wrong
