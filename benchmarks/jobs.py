"""What a job costs: journal and dispatch compared with a bare Prefect task; many jobs."""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from drivers.base import Capabilities, KeyMemory
from drivers.registry import clock
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import advance
from orchestrator.engine.prefect_server import embed_prefect
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import job_counts
from orchestrator.lab.lab import Lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.jobs import Job, JobReport

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_PLATES = 10
_WITH_PREFECT = 300

_FILE = """
name: many-jobs
parameters:
  - name: dose
    step: feed
    kind: continuous
    unit: uM
    low: 1
    high: 1000
    scale: log
    standard: 20
protocol:
  name: feeding
  steps:
    - name: feed
      robot: hand
      days: DAYS
      operations:
        - do: dispense
          liquid: medium
          volume: 100 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
        - {do: aspirate, volume: 100 uL}
plates: {count: 10, labware: 96-well, wells: A1:A1}
rounds: {first: {initial: 9, standard: 1}, later: {proposed: 10}}
stop: {rounds: 1}
robots: {hand: {driver: simulated}}
"""


class Tireless:
    """A robot that has done every job as soon as it is submitted."""

    capabilities = Capabilities(
        operations={"dispense": {}, "aspirate": {}}, memory=KeyMemory.REMEMBERS_KEYS
    )

    async def connect(self) -> None: ...

    async def submit(self, job: Job) -> None: ...

    async def poll(self, key: str) -> JobReport:
        return JobReport(key=key, state="done")

    async def stop(self) -> None: ...

    async def close(self) -> None: ...


def lab_with_jobs(home: Path, number: int) -> tuple[Lab, str]:
    """A planned round with so many jobs."""
    campaign: Campaign = read_campaign(
        _FILE.replace("DAYS", f"{{from: 0, to: {number // _PLATES - 1}}}")
    )
    journal = Journal(Settings(home=home).journal_url)
    campaign_id = journal.create_campaign(campaign, "", [], _START)
    plan = plan_round(campaign, 1, [])
    journal.plan_round(
        campaign_id,
        plan.layout,
        compile_jobs(campaign, campaign_id, plan.layout, _START),
        [],
        _START,
        _START,
    )
    robot: Any = Tireless()
    return Lab(
        journal=journal, clock=clock("virtual", start=_START), robots={"hand": robot}, home=home
    ), campaign_id


def compare_with_prefect() -> None:
    """Jobs as Prefect tasks, and as many empty tasks, each flow in a process of its own.

    Each has a server of its own too.
    """
    seconds: dict[str, list[float]] = {"bare": [], "jobs": []}
    for _ in range(3):
        for kind, found in seconds.items():
            ran = subprocess.run(
                [sys.executable, "-m", "benchmarks.jobs", kind], capture_output=True, check=True
            )
            found.append(float(ran.stdout))
    bare, jobs = median(seconds["bare"]), median(seconds["jobs"])
    each = 1000 / _WITH_PREFECT
    print(
        "a job through journal and dispatch compared with a bare Prefect task: "
        f"ratio {jobs / bare:.2f} "
        f"({jobs * each:.1f} and {bare * each:.1f} ms; medians of 3)",
        flush=True,
    )


def one_flow(kind: str) -> float:
    """Seconds of a flow with bare tasks, or with jobs."""
    with tempfile.TemporaryDirectory() as folder:
        embed_prefect(Settings(home=Path(folder)))
        from prefect import flow, task

        from orchestrator.engine.prefect_flows import run_round
        from orchestrator.lab.lab import current_lab

        @task
        async def nothing() -> None: ...

        @flow
        async def bare(number: int) -> None:
            for index in range(number):
                await nothing.with_options(task_run_name=f"nothing {index}", tags=["robot:hand"])()

        async def measure() -> float:
            lab, campaign_id = lab_with_jobs(Path(folder), _WITH_PREFECT)
            current_lab.set(lab)
            await bare(1)
            begun = time.perf_counter()
            if kind == "bare":
                await bare(_WITH_PREFECT)
            else:
                await run_round(campaign_id, 1)
                assert job_counts(lab.journal, campaign_id, 1)[JobStatus.DONE] == _WITH_PREFECT
            return time.perf_counter() - begun

        return asyncio.run(measure())


def journal_only(number: int = 1000) -> None:
    """Three transactions a job: dispatched, accepted, done."""
    with tempfile.TemporaryDirectory() as folder:
        lab, campaign_id = lab_with_jobs(Path(folder), number)
        keys = [job.key for job in lab.journal.jobs(campaign_id, 1)]
        begun = time.perf_counter()
        for key in keys:
            lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, _START)
            lab.journal.move_job(key, JobStatus.DISPATCHED, JobStatus.ACCEPTED, _START)
            lab.journal.finish_job(key, JobStatus.ACCEPTED, JobStatus.DONE, _START, "", {}, [])
        print(f"the journal alone: {number / (time.perf_counter() - begun):.0f} jobs/s", flush=True)


def execute(number: int) -> None:
    """A round of so many jobs, in this process."""

    async def run() -> None:
        lab, campaign_id = lab_with_jobs(Path(folder), number)
        planned = time.perf_counter()
        while (outlook := await advance(lab, campaign_id)).moment is not None:
            await lab.clock.sleep_until(outlook.moment)
        assert job_counts(lab.journal, campaign_id, 1)[JobStatus.DONE] == number
        assert lab.clock.now() - _START < timedelta(days=number)
        total, peak = (
            time.perf_counter() - begun,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
        print(f"{number:6} jobs: planned in {planned - begun:6.1f} s, executed in "
              f"{total - planned + begun:6.1f} s, "
              f"{1000 * total / number:5.2f} ms a job, memory at most {peak:.0f} "
              "MB", flush=True)  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        asyncio.run(run())


def many() -> None:
    """300, 3,000 and 30,000 jobs, each in a process of its own."""
    for number in (300, 3_000, 30_000):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.jobs", str(number)], check=True, env=os.environ
        )


if __name__ == "__main__":
    if sys.argv[1] in ("bare", "jobs"):
        print(one_flow(sys.argv[1]))
    else:
        execute(int(sys.argv[1]))
