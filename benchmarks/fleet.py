"""A fleet in simulation: campaigns that share virtual robots, run by four processes, PostgreSQL.

`python -m benchmarks.fleet` runs 10 campaigns and then 100 on fifty robots, each process as the
service does it (without Prefect), and prints jobs per second and the delay from due to dispatch.
"""

import argparse
import asyncio
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from orchestrator.core.events import EventKind
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import Start
from orchestrator.core.state import CampaignStatus
from orchestrator.engine.advance import advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from tests.postgres import temporary_database

_WORKERS, _ROBOTS, _SPEED = 4, 50, 120.0
_SPREAD_S = 20.0
"""Seconds over which the campaigns become due."""

_FILE = """
name: fleet
parameters:
  - {name: dose, step: feed, kind: continuous, unit: uM, low: 1, high: 1000, standard: 20}
protocol:
  name: feeding
  steps:
    - name: feed
      robot: ROBOT
      days: {from: 0, to: 2}
      at: 00:00
      tolerance: 9 day
      operations:
        - do: dispense
          liquid: medium
          volume: 20 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
plates: {count: 4, labware: 6-well}
rounds: {first: {initial: 23, standard: 1}, later: {proposed: 23, controls: 1}}
stop: {rounds: 1}
outcomes: [{name: mass, unit: g, by_hand: true}]
objectives: [{outcome: mass, direction: maximise}]
robots: {ROBOT: {driver: simulated}}
"""


def campaign(number: int) -> Campaign:
    """One of the campaigns; two of a hundred share a robot."""
    return read_campaign(_FILE.replace("ROBOT", f"robot{number % _ROBOTS}"))


def launched(journal: Journal, number: int, now: datetime, first_due: datetime) -> str:
    """A planned campaign, of which all is due within the next seconds."""
    study = campaign(number)
    name = journal.create_campaign(study, "", [], now)
    layout = plan_round(study, 1, []).layout
    due = first_due + timedelta(seconds=_SPEED * _SPREAD_S * (number % 20) / 20)
    jobs = [
        job.model_copy(update={"due_at": due})
        for job in compile_jobs(study, name, layout, now - timedelta(days=3))
    ]
    starts = {job.key: Start(due, order_fixed=False) for job in jobs}
    journal.plan_round(name, layout, jobs, [], now, now, starts=starts)
    return name


async def work(settings: Settings, names: list[str]) -> None:
    """Run some campaigns side by side until nothing of them is left to be done."""
    journal = Journal(settings.journal_url)

    async def one(name: str) -> None:
        lab = open_lab(settings, journal, journal.state(name))
        while journal.status(name) is CampaignStatus.RUNNING:
            outlook = await advance(lab, name)
            if outlook.moment is None:
                return
            await lab.clock.sleep_until(outlook.moment)

    await asyncio.gather(*map(one, names))
    journal.close()


def fleet(number: int) -> None:
    """So many campaigns, and what came of them."""
    with tempfile.TemporaryDirectory() as folder, temporary_database() as url:
        settings = Settings(home=Path(folder), database_url=url, speed=_SPEED)
        journal = Journal(url)
        now = datetime.now(UTC)
        # All are launched before the first is due.
        first_due = now + _SPEED * timedelta(seconds=3 + 0.2 * number)
        names = [launched(journal, index, now, first_due) for index in range(number)]
        journal.close()
        children = []
        for worker in range(_WORKERS):
            child = os.fork()
            if not child:
                asyncio.run(work(settings, names[worker::_WORKERS]))
                os._exit(0)
            children.append(child)
        ended = [os.waitpid(child, 0)[1] for child in children]
        journal = Journal(url)
        delays, done, ends = [], 0, []
        for name in names:
            due = {job.key: job.due_at for job in journal.jobs(name, 1)}
            last = max(event.at for event in journal.events(name))
            ends.append(last)
            first: dict[str, datetime] = {}
            for event in journal.events(name, kinds=[EventKind.JOB_DISPATCHED]):
                first.setdefault(event.subject.split("/")[2], event.at)
            delays += [
                (at - min(when for key, when in due.items() if f"/{plate}/" in key)) / _SPEED
                for plate, at in first.items()
            ]
            done += len(journal.events(name, kinds=[EventKind.JOB_DONE]))
        journal.close()
    seconds = (max(ends) - first_due).total_seconds() / _SPEED
    waits = np.array([delay.total_seconds() for delay in delays])
    assert not any(ended), "a worker failed"
    print(
        f"{number:4} campaigns, {done} jobs in {seconds:.1f} s: {done / seconds:.1f} jobs/s; first "
        f"job of a plate from due to dispatch: median {np.median(waits):.2f} s, p95 "
        f"{np.quantile(waits, 0.95):.2f} s",
        flush=True,
    )


def main() -> None:
    """Ten campaigns and a hundred, or as many as are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("number", nargs="*", type=int, default=[10, 100], help="of campaigns")
    for number in parser.parse_args().number:
        fleet(number)


if __name__ == "__main__":
    main()
