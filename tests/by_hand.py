"""A campaign that a person does by hand, and its first job on the person's table."""

import asyncio

from drivers.base import RobotSetup
from drivers.clock import RealClock
from drivers.manual import ManualOptions, ManualRobot
from orchestrator.core.state import JobStatus
from protocols.campaign_file import read_campaign
from tests.conftest import START
from tests.service import House

TEXT = """
name: salts
title: Salts by hand
start: now
outcomes:
  - {name: mass, title: Mass, unit: mg, scorer: number, step: weigh, options: {unit: mg}}
objectives: [{outcome: mass, direction: maximise}]
parameters:
  - {name: dose, step: fill, kind: stepped, unit: uL, levels: {from: 10, to: 90, by: 10}}
protocol:
  name: by hand
  steps:
    - name: fill
      title: Filling
      robot: ada
      days: 0
      tolerance: 4000 day
      operations:
        - {do: move, to: hood}
        - {do: dispense, liquid: water, volume: 500 uL}
        - {do: dispense, liquid: salt, volume: {parameter: dose}}
    - name: weigh
      title: Weighing
      robot: ada
      after: {step: fill, wait: 0 min, tolerance: 4000 day}
      operations: [{do: weigh}]
    - name: look
      title: Looking
      robot: ada
      after: {step: weigh, wait: 0 min, tolerance: 4000 day}
      operations: [{do: read, quantity: absorbance, wavelength: 450 nm}, {do: image}]
plates: {count: 1, labware: 6-well, wells: A1:A3}
rounds: {first: {initial: 3}, later: {proposed: 3}}
stop: {rounds: 1}
robots: {ada: {driver: manual, options: {person: Ada}}}
"""

FILL, WEIGH, LOOK = (f"salts/r1/p1/{step}/1" for step in ("fill", "weigh", "look"))


def on_the_table(served: House, key: str = FILL) -> str:
    """The campaign, with one of its jobs given to Ada; returns its id."""
    journal = served.backend.journal
    campaign = read_campaign(TEXT, drivers=["manual"])
    if campaign.name not in journal.campaign_ids():
        served.campaign(campaign)
    hand_out(served, key)
    return campaign.name


def hand_out(served: House, key: str) -> None:
    """Give a planned job to Ada, as the engine does."""
    journal, home = served.backend.journal, served.backend.settings.home
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    job, _ = journal.job(key)

    async def give() -> None:
        robot = ManualRobot(RobotSetup("ada", ManualOptions(person="Ada"), RealClock(), home))
        await robot.connect()
        await robot.submit(job)
        await robot.close()

    asyncio.run(give())
