"""A new operation is one file: a package that announces it needs nothing else to change."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from protocols.operations import OPERATIONS, Image, Move
from protocols.operations.base import BaseOperation, PlateOperation, PlateTemplate
from protocols.plugins import OneOf, Registry, union
from tests.conftest import ASSAY_FILE, ROOT

SHAKE = '''
from typing import ClassVar, Literal
from pydantic import Field
from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Duration
from protocols.references import OrParameter, WellOnDay

class ShakeTemplate(WellTemplate):
    """Shake each well."""
    units: ClassVar = {"duration": "s"}
    do: Literal["shake"]
    duration: OrParameter[Duration]
    def in_well(self, well: WellOnDay) -> "Shake":
        return Shake(well=well.name, duration_s=well.number(self.duration, "s"))

class Shake(WellOperation):
    """Shake a well for `duration_s`."""
    template = ShakeTemplate
    typical: ClassVar = {"duration_s": 3.0}
    kind: Literal["shake"] = "shake"
    duration_s: float = Field(gt=0)
    @property
    def nominal_s(self) -> float:
        return self.duration_s
    def in_words(self) -> str:
        return f"{self.well}: shake for {self.duration_s:g} s"
'''

WITH_A_SHAKE = """
      operations:
        - {do: shake, duration: {parameter: shaking}}"""

PROGRAM = """
import asyncio, json, sys
from datetime import UTC, datetime
from pathlib import Path
from drivers.base import RobotSetup
from drivers.conformance.bench import Bench
from drivers.manual import Checklist, ManualOptions, ManualRobot
from drivers.registry import clock
from drivers.twin import twin_of
from orchestrator.core.round_planning import plan_round
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from protocols.jobs import Job
from protocols.timing import nominal_s

home, text = Path(sys.argv[1]), sys.stdin.read()
said = {}
campaign = read_campaign(text)
layout = plan_round(campaign, 1, ()).layout
job = next(compile_jobs(campaign, "c", layout, datetime(2026, 3, 2, tzinfo=UTC)))
said["operation"] = job.operations[0].model_dump()
said["condition"] = layout.placements[0].proposal.condition.root["shaking"]
said["read back"] = Job.model_validate_json(job.model_dump_json()) == job
said["seconds"] = nominal_s(job.operations[:1])
try:
    read_campaign(text.replace("unit: min", "unit: uL"))
except InvalidInput as refused:
    said["wrong unit"] = str(refused)

async def on_paper():
    robot = ManualRobot(RobotSetup("ada", ManualOptions(), clock("real"), home))
    await robot.connect()
    await robot.submit(job)
    said["checklist"] = Checklist(home, "ada").items(job)[0][1]
    await robot.close()

asyncio.run(on_paper())
with twin_of("simulated")(home) as twin:
    from simulators.robot import SimulatedRobot
    bench = Bench(SimulatedRobot, twin, home, 1)
    said["bench"] = [op.model_dump() for op in bench.job().operations if op.kind == "shake"][0]
print(json.dumps(said))
"""


def test_an_announced_operation_is_usable_from_the_campaign_file_to_the_bench(tmp_path: Path) -> None:
    package = tmp_path / "shaking"
    (package / "shaking-1.dist-info").mkdir(parents=True)
    (package / "shaking.py").write_text(SHAKE)
    (package / "shaking-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shaking\nVersion: 1\n")
    announcement = "[wellwise.operations]\nshake = shaking:Shake\n"
    (package / "shaking-1.dist-info" / "entry_points.txt").write_text(announcement)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(package)])}

    def run(program: str, text: str) -> str:
        arguments = [sys.executable, "-c", program, str(tmp_path / "home")]
        done = subprocess.run(arguments, input=text, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    parameter = "{name: shaking, step: react, kind: continuous, unit: min, low: 1, high: 5, standard: 2}"
    text = ASSAY_FILE.read_text().replace("\nprotocol:", f"  - {parameter}\n\nprotocol:")
    said: dict[str, Any] = json.loads(run(PROGRAM, text.replace("\n      operations:", WITH_A_SHAKE, 1)))
    seconds = said["operation"].pop("duration_s")
    assert said["operation"] == {"well": "A1", "kind": "shake"}
    assert seconds == pytest.approx(60 * said["condition"])
    assert said["read back"]
    assert said["seconds"] >= seconds
    assert "duration cannot be given by 'shaking', which is in uL" in said["wrong unit"]
    assert said["checklist"] == f"A1: shake for {seconds:g} s"
    assert said["bench"] == {"well": "A1", "kind": "shake", "duration_s": 3.0}
    # Its own tests may import it before anything of ours.
    assert (
        run("import shaking, protocols.jobs, protocols.operations as o; print('shake' in o.OPERATIONS)", "") == "True\n"
    )


class CoverTemplate(PlateTemplate):
    do: Literal["cover"]

    def on_plate(self) -> "Cover":
        return Cover()


class Cover(PlateOperation):
    template = CoverTemplate
    seconds = 2.0
    typical: ClassVar = {}
    kind: Literal["cover"] = "cover"

    def in_words(self) -> str:
        return "cover the plate"


def test_one_class_makes_the_unions_of_jobs_and_campaign_files() -> None:
    operations = [*OPERATIONS.values(), Cover]
    in_job: TypeAdapter[BaseOperation] = TypeAdapter(union(operations, "kind"))
    in_file: TypeAdapter[BaseModel] = TypeAdapter(union([operation.template for operation in operations], "do"))
    assert in_job.validate_json(in_job.dump_json(Cover())) == Cover()
    assert in_file.validate_python({"do": "cover"}) == CoverTemplate(do="cover")
    with pytest.raises(ValidationError, match="'cover'"):
        in_file.validate_python({"do": "covers"})


def test_a_registry_takes_each_kind_once_and_none_after_its_union() -> None:
    registry: Registry[BaseOperation] = Registry("wellwise.none", (Move, Image))
    assert registry.register(Cover) is Cover
    assert list(registry) == ["move", "image", "cover"]

    class Other(Cover):
        pass

    with pytest.raises(ValueError, match="duplicated"):
        registry.register(Other)
    assert TypeAdapter(Annotated[BaseOperation, OneOf(registry, "kind")]).validate_python({"kind": "cover"}) == Cover()
    with pytest.raises(ValueError, match="too late"):
        registry.register(Move)


def test_an_operation_has_one_name() -> None:
    with pytest.raises(TypeError, match="`do`"):

        class Lid(Cover):
            kind: Literal["lid"] = "lid"  # type: ignore[assignment]
