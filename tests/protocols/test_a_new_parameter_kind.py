"""A new kind of parameter is one class.

A package that announces it needs nothing else to change.
"""

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
import numpy as np

text, said = sys.stdin.read(), {}
campaign = read_campaign(text)
space = campaign.space
said["snapped"] = space.snap({"substrate_concentration": 20, "enzyme_volume": 40, "cycles":
5.0}).root["cycles"] said["refused"] = space.snap({"substrate_concentration": 20, "enzyme_volume":
40, "cycles": 2.5}) is None encoding = Encoding(space)
rows = encoding.random(200, {}, np.random.default_rng(0))
moved = encoding.mutated(rows, np.random.default_rng(1), frozenset())
values = [condition["cycles"] for condition in encoding.conditions(np.vstack([rows, moved]))]
said["tried"] = sorted(set(values))
said["features"] = encoding.features(encoding.rows([space.standard({})]))[0].tolist()
said["categories"] = encoding.levels.tolist()
again = encoding.rows(encoding.conditions(rows))
said["back"] = bool((again[:, 2] == rows[:, 2]).all())
layout = plan_round(campaign, 1, ()).layout
job = next(compile_jobs(campaign, "c", layout, datetime(2026, 3, 2, tzinfo=UTC)))
said["mixed"] = sorted({op.cycles for op in job.operations if op.kind == "mix"})
said["schema"] = "IntegerParameter" in Campaign.model_json_schema()["$defs"]
try:
    read_campaign(text.replace("kind: integer", "kind: whole"))
except InvalidInput as refused:
    said["kinds"] = str(refused)
print(json.dumps(said))
"""


def test_an_announced_kind_is_usable_in_a_campaign_file_the_search_space_and_the_optimiser(
    tmp_path: Path,
) -> None:
    announced = "integer = whole:IntegerParameter"
    install(tmp_path, "whole", documented("IntegerParameter"), "wellwise.parameters", announced)
    parameter = "{name: cycles, step: react, kind: integer, low: 2, high: 6, standard: 3}"
    text = ASSAY_FILE.read_text().replace("\nprotocol:", f"  - {parameter}\n\nprotocol:")
    text = text.replace("cycles: 3", "cycles: {parameter: cycles}")
    said: dict[str, Any] = json.loads(printed(tmp_path, PROGRAM, text=text))
    assert said["snapped"] == 5
    assert said["refused"]
    assert said["tried"] == [2, 3, 4, 5, 6]
    assert said["features"][2] == pytest.approx(0.25)
    assert said["categories"] == [0, 0, 0]
    assert said["back"]
    assert said["mixed"] == [2, 3, 4, 5, 6]
    assert said["schema"]
    assert (
        "'whole' is not known (expected one of continuous, stepped, category, integer)"
        in said["kinds"]
    )
