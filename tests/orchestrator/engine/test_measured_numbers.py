"""A robot that measures: numbers from a driver of somebody else's, to the best condition."""

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.protocols.packages import install, printed

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()

DRIVER = '''
"""A meter whose reading is the lower the farther its well is from A1, in kilo-ohm."""

from wellwise import Capabilities, Device, Job, KeyMemory, Operation, OperationFailed, Reading


class Meter(Device):
    able = Capabilities(operations={"measure": {}}, memory=KeyMemory.REMEMBERS_KEYS)
    simulated = True

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if operation.quantity != "resistance":
            raise OperationFailed(f"no {operation.quantity}")
        row, column = ord(operation.well[0]) - 65, int(operation.well[1:])
        number = 2.5 - 0.1 * (6 * row + column)
        return Reading(well=operation.well, kind="number", number=number, unit="kohm")

    async def halt(self) -> None:
        pass
'''

PROGRAM = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from typer.testing import CliRunner
from orchestrator.cli.main import app
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from tests.builders import until_asked

settings, text = Settings(home=Path(sys.argv[1])), sys.stdin.read()
journal = Journal(settings.journal_url)
campaign = checked_campaign(NamedText(text, "campaign.yaml"), settings)
name = journal.create_campaign(campaign, text, [], datetime.now(UTC))
asked = until_asked(open_lab(settings, journal, journal.state(name)), name).questions
state = journal.state(name)
json.dump({
    "asked": [str(question) for question in asked],
    "shown": CliRunner().invoke(app, ["show", name, "--home", sys.argv[1]]).output,
    "status": state.status,
    "values": {well.well.name: well.value for well in state.rounds[0].wells},
    "best": state.best,
}, sys.stdout)
"""


def test_numbers_of_a_robot_are_outcomes_in_the_unit_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A device works in real time, so that the lab's clock cannot be a virtual one.
    monkeypatch.setenv("WELLWISE_SPEED", "100000")
    packages = tmp_path / "packages"
    install(packages, "bridge", DRIVER, "wellwise.drivers", "bridge = bridge:Meter")
    step = """    - name: read
      robot: meter
      days: 0
      at: 12:00
      tolerance: 20 day
      operations:
        - {do: measure, quantity: resistance}

plates:"""
    derived = "    scorer: number\n    options: {unit: ohm}\n  # Read"
    text = TEXT.replace("    by_hand: true\n  # Read", derived, 1).replace("plates:", step, 1)
    text = text.replace("stop: {rounds: 4, target: 100, least_gain: 1}", "stop: {rounds: 1}")
    text = text.replace("tolerance: 2 hour", "tolerance: 20 day")
    text = text.replace("robots:\n", "robots:\n  meter: {driver: bridge}\n")
    found = json.loads(printed(packages, PROGRAM, str(tmp_path / "home"), text=text))
    assert found["status"] == "finished", found["asked"]
    assert (found["values"]["A1"], found["values"]["B6"], found["best"]) == (2400, 1300, 1300)
    assert "Values: Resistance in ohm, minimised." in found["shown"]
