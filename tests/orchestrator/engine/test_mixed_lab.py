"""One round with virtual, serial, isolated, Opentrons and manual robots."""

import asyncio
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.base import RobotSetup
from drivers.isolated.driver import OutsideDriver
from drivers.registry import driver_names, make_driver
from orchestrator.core.lifecycle import AskOperator
from orchestrator.engine.advance import advance
from orchestrator.intake.capability_check import capability_findings
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab
from orchestrator.settings import Settings
from protocols.campaign_file import read_campaign, read_lab
from simulators.clock import AcceleratedClock
from simulators.diligent import Diligent
from simulators.firmware import MasterflexFirmware, NE1000Firmware
from simulators.opentrons_server import OpentronsServer
from tests.acting import decide

CAMPAIGN = """
name: mixed
parameters:
  - {name: dose, step: treat, kind: continuous, unit: uM, low: 1, high: 50, standard: 10}
protocol:
  name: every kind of robot
  steps:
    - name: seed
      robot: arm
      days: 0
      tolerance: 90 day
      operations: [{do: dispense, liquid: cells, volume: 2 mL}]
    - name: change
      robot: pump
      days: {from: 1, to: 2}
      tolerance: 90 day
      operations: [{do: aspirate, volume: 1 mL}, {do: dispense, liquid: medium, volume: 1 mL}]
    - name: treat
      robot: ot2
      days: 2
      tolerance: 90 day
      operations:
        - do: dispense
          liquid: water
          volume: 500 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
    - name: stain
      robot: syringe
      days: 3
      tolerance: 90 day
      operations: [{do: dispense, liquid: stain, volume: 100 uL}]
    - {name: read, robot: ada, days: 4, tolerance: 90 day, operations: [{do: image}]}
plates: {count: 2, labware: 6-well, wells: A1:A2}
rounds: {first: {initial: 3, standard: 1}, later: {proposed: 4}}
stop: {rounds: 1}
"""

LAB = """
robots:
  arm: {driver: simulated}
  pump: {driver: masterflex-ls, address: PUMP}
  syringe: {driver: ne-1000, address: SYRINGE, environment: ENVIRONMENT}
  ot2:
    driver: opentrons
    address: SERVER
    options:
      analyze: false
      pipettes:
        left: {name: p1000_single_gen2, tips: opentrons_96_tiprack_1000ul, slots: [8]}
        right: {name: p20_single_gen2, tips: opentrons_96_tiprack_20ul, slots: [10]}
      reservoirs: {media: {labware: nest_12_reservoir_15ml, slot: 5}}
      liquids: {water: {reservoir: media, wells: [A1], volume_ul: 14000}}
      stocks:
        drug: {reservoir: media, wells: [A2], volume_ul: 14000, concentration: 500, unit: uM}
  ada: {driver: manual, options: {person: Ada}}
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_mixed_lab_runs_a_round_to_its_end(tmp_path: Path, killed: bool) -> None:
    """All at once; when the process of one driver is killed within a job, the others go on."""
    with ExitStack() as ends:
        pump, syringe, server, ada = (
            MasterflexFirmware(),
            NE1000Firmware(),
            OpentronsServer(0.02),
            Diligent(tmp_path),
        )
        syringe.speedup = 5.0
        for end in (pump.end, syringe.end, server.end, ada.join, ada.going_home.set):
            ends.callback(end)
        ada.start()
        environment = str(Path(sys.executable).parent.parent)
        text = LAB
        for word, value in (
            ("PUMP", pump.path),
            ("SYRINGE", syringe.path),
            ("SERVER", server.url),
            ("ENVIRONMENT", environment),
        ):
            text = text.replace(word, value)
        campaign = read_campaign(
            CAMPAIGN, drivers=driver_names(), lab=read_lab(text, drivers=driver_names())
        )
        assert capability_findings(campaign, Settings(home=tmp_path)) == []

        clock = AcceleratedClock(datetime.now(UTC), 100_000)
        journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
        campaign_id = journal.create_campaign(campaign, "", [], clock.now())
        robots = {
            name: make_driver(
                config.driver,
                RobotSetup(name, config.options, clock, tmp_path, address=config.address),
                config.environment,
            )
            for name, config in campaign.robots.items()
        }
        asked: list[AskOperator] = []
        lab = Lab(journal=journal, clock=clock, robots=robots, home=tmp_path)

        async def kill() -> None:
            while syringe._begun_at is None:
                await asyncio.sleep(0.001)
            host = robots["syringe"]
            assert isinstance(host, OutsideDriver)
            assert host._process is not None
            host._process.kill()

        async def live() -> None:
            killing = asyncio.create_task(kill()) if killed else None
            async with asyncio.timeout(120):
                while journal.status(campaign_id) == "running":
                    outlook = await advance(lab, campaign_id)
                    for question in outlook.questions:
                        assert isinstance(question, AskOperator)
                        asked.append(question)
                        decide(lab, question.key, "go-on", "ada", "A1 is stained")
                    if outlook.moment is not None:
                        await clock.sleep_until(outlook.moment)
            assert killing is None or killing.done()
            for robot in robots.values():
                await robot.close()

        asyncio.run(live())
        state = journal.state(campaign_id)
        (batch,) = state.rounds
        lost = [str(well.well) for well in batch.wells if well.lost]
        if killed:
            (question,) = asked
            assert (
                "(dispense A1) was under way: the process of its driver ended" in question.message
            )
        assert len(asked) == killed
        assert lost == []
        assert all(well.value is not None for well in batch.wells)
        done = Counter(
            job.robot for job in journal.jobs(campaign_id, 1) if job.status.value == "done"
        )
        assert done == {"arm": 2, "pump": 4, "syringe": 2, "ot2": 2, "ada": 2}
        assert [round_to(volume) for volume in pump.moved_ul] == [1000] * 16
        # A pump that lost its driver in a movement is stopped when the driver is back, and does not
        # make it again.
        assert [round_to(volume) for volume in syringe.moved_ul[killed:]] == [100] * (4 - killed)
        assert len(syringe.moved_ul) == 4
        assert server.lasting == 4
        journal.close()


def round_to(volume: float) -> int:
    return int(volume + 0.5)
