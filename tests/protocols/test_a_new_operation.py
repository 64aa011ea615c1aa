"""A new operation is one file: a package that announces it needs nothing else to change."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from protocols.operations import OPERATIONS, Image, Move
from protocols.operations.base import BaseOperation, PlateOperation, PlateTemplate
from protocols.plugins import OneOf, Registry, union
from tests.conftest import ASSAY_FILE
from tests.protocols.packages import documented, install, printed

WITH_SONICATION = """
      operations:
        - {do: sonicate, duration: {parameter: sonication}}"""

PROGRAM = """
import asyncio, json, sys
from datetime import UTC, datetime
from pathlib import Path
from drivers.base import RobotSetup
from drivers.conformance.bench import Bench
from drivers.checklist import Checklist
from drivers.manual import ManualOptions, ManualRobot
from drivers.registry import clock
from drivers.twin import twin_of
from orchestrator.core.round_planning import plan_round
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from protocols.jobs import Job
from protocols.timing import nominal_s

home, text = Path(sys.argv[1]), sys.stdin.read()
found = {}
campaign = read_campaign(text)
layout = plan_round(campaign, 1, ()).layout
job = next(compile_jobs(campaign, "c", layout, datetime(2026, 3, 2, tzinfo=UTC)))
found["operation"] = job.operations[0].model_dump()
found["condition"] = layout.placements[0].proposal.condition.root["sonication"]
found["read back"] = Job.model_validate_json(job.model_dump_json()) == job
found["seconds"] = nominal_s(job.operations[:1])
try:
    read_campaign(text.replace("unit: min", "unit: uL"))
except InvalidInput as refused:
    found["wrong unit"] = str(refused)

async def on_paper():
    robot = ManualRobot(RobotSetup("ada", ManualOptions(), clock("real"), home))
    await robot.connect()
    await robot.submit(job)
    found["checklist"] = Checklist(home, "ada").items(job)[0][1]
    await robot.close()

asyncio.run(on_paper())
with twin_of("simulated")(home) as twin:
    from simulators.robot import SimulatedRobot
    bench = Bench(SimulatedRobot, twin, home, 1)
    found["bench"] = [op.model_dump() for op in bench.job().operations if op.kind == "sonicate"][0]
print(json.dumps(found))
"""


def test_an_announced_operation_is_usable_from_the_campaign_file_to_the_bench(
    tmp_path: Path,
) -> None:
    install(
        tmp_path,
        "sonication",
        documented("Sonicate"),
        "wellwise.operations",
        "sonicate = sonication:Sonicate",
    )
    parameter = (
        "{name: sonication, step: react, kind: continuous, unit: min, low: 1, high: 5, standard: 2}"
    )
    text = ASSAY_FILE.read_text().replace("\nprotocol:", f"  - {parameter}\n\nprotocol:")
    text = text.replace("\n      operations:", WITH_SONICATION, 1)
    found: dict[str, Any] = json.loads(
        printed(tmp_path, PROGRAM, str(tmp_path / "home"), text=text)
    )
    seconds = found["operation"].pop("duration_s")
    assert found["operation"] == {"well": "A1", "kind": "sonicate"}
    assert seconds == pytest.approx(60 * found["condition"])
    assert found["read back"]
    assert found["seconds"] >= seconds
    assert "duration cannot be given by 'sonication', which is in uL" in found["wrong unit"]
    assert found["checklist"] == f"A1: sonicate for {seconds:g} s"
    assert found["bench"] == {"well": "A1", "kind": "sonicate", "duration_s": 3.0}
    # Its own tests may import it before anything of ours.
    first = (
        "import sonication, protocols.jobs, protocols.operations as ours; print('sonicate' in "
        "ours.OPERATIONS)"
    )
    assert printed(tmp_path, first) == "True\n"


class CoverTemplate(PlateTemplate):
    do: Literal["cover"]


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
    in_file: TypeAdapter[BaseModel] = TypeAdapter(
        union([operation.template for operation in operations], "do")
    )
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
    assert (
        TypeAdapter(Annotated[BaseOperation, OneOf(registry, "kind")]).validate_python(
            {"kind": "cover"}
        )
        == Cover()
    )
    with pytest.raises(ValueError, match="too late"):
        registry.register(Move)


def test_an_operation_has_one_name() -> None:
    with pytest.raises(TypeError, match="`do`"):

        class Lid(Cover):
            kind: Literal["lid"] = "lid"  # type: ignore[assignment]
