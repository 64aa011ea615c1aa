"""A new kind of parameter is one class: a package that announces it changes nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ASSAY_FILE
from tests.protocols.packages import documented, install, printed

PROGRAM = """
import json, sys
from datetime import UTC, datetime
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from optimizer.encoding import Encoding
from optimizer.neighbours import neighbours
import numpy as np

text, found = sys.stdin.read(), {}
campaign = read_campaign(text)
space = campaign.space
others = {"substrate_concentration": 20, "enzyme_volume": 40}
found["snapped"] = space.snap(others | {"cycles": 4.0}).root["cycles"]
found["refused"] = space.snap(others | {"cycles": 3}) is None
encoding = Encoding(space)
rows = encoding.random(200, {}, np.random.default_rng(0))
moved = neighbours(encoding, rows, np.random.default_rng(1), frozenset())
values = [condition["cycles"] for condition in encoding.conditions(np.vstack([rows, moved]))]
found["tried"] = sorted(set(values))
found["features"] = encoding.features(encoding.rows([space.standard({})]))[0].tolist()
found["categories"] = encoding.levels.tolist()
again = encoding.rows(encoding.conditions(rows))
found["back"] = bool((again[:, 2] == rows[:, 2]).all())
layout = plan_round(campaign, 1, ()).layout
job = next(compile_jobs(campaign, "c", layout, datetime(2026, 3, 2, tzinfo=UTC)))
found["mixed"] = sorted({op.cycles for op in job.operations if op.kind == "mix"})
found["schema"] = "EvenParameter" in Campaign.model_json_schema()["$defs"]
try:
    read_campaign(text.replace("kind: even", "kind: odd"))
except InvalidInput as refused:
    found["kinds"] = str(refused)
print(json.dumps(found))
"""


def test_an_announced_kind_is_usable_in_a_campaign_file_the_search_space_and_the_optimiser(
    tmp_path: Path,
) -> None:
    announced = "even = even:EvenParameter"
    install(tmp_path, "even", documented("EvenParameter"), "wellwise.parameters", announced)
    parameter = "{name: cycles, step: react, kind: even, low: 2, high: 6, standard: 4}"
    text = ASSAY_FILE.read_text().replace("\nprotocol:", f"  - {parameter}\n\nprotocol:")
    text = text.replace("cycles: 3", "cycles: {parameter: cycles}")
    found: dict[str, Any] = json.loads(printed(tmp_path, PROGRAM, text=text))
    assert found["snapped"] == 4
    assert found["refused"]
    assert found["tried"] == [2, 4, 6]
    assert found["features"][2] == pytest.approx(0.5)
    assert found["categories"] == [0, 0, 0]
    assert found["back"]
    assert found["mixed"] == [2, 4, 6]
    assert found["schema"]
    assert (
        "'odd' is not known (expected one of continuous, stepped, integer, category, boolean, even)"
        in found["kinds"]
    )
