"""Crashes and other mishaps of a lab, each followed by a look at what its devices really did.

`python -m tests.system.crash` tries all of them, on both databases and with every memory that a
robot may have; options choose some, and how often each is tried.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from drivers.base import KeyMemory
from orchestrator.core.lifecycle import AskOperator
from orchestrator.engine.advance import advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.operations import well_of
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting

FILE = Path(__file__).parent / "crash_campaign.yaml"
DATABASES = ("sqlite", "postgresql")
KILLS = "kills"
"""The scenario in which the process is killed at every boundary."""


def one_plate(small: Campaign) -> Campaign:
    """The smaller campaign of the short form."""
    plates = small.plates.model_copy(update={"count": 1})
    first = small.rounds.first.model_copy(update={"initial": 1})
    later = small.rounds.later.model_copy(update={"proposed": 1})
    rounds = small.rounds.model_copy(update={"first": first, "later": later})
    return small.model_copy(update={"plates": plates, "rounds": rounds})


def campaign(memory: KeyMemory, fault: dict[str, Any] | None = None) -> Campaign:
    """The small campaign on robots with this memory, and perhaps a line that drops once."""
    small = _small()
    robots = {
        name: robot.model_copy(
            update={
                "options": robot.options
                | {"memory": memory.value, "faults": [fault] if fault else []}
            }
        )
        for name, robot in small.robots.items()
    }
    return small.model_copy(update={"robots": robots})


@cache
def _small() -> Campaign:
    return read_campaign(FILE.read_text())


def run_to_end(home: Path, url: str, campaign_id: str) -> None:
    """Run the campaign to its end; a person who looks at the deck decides what is in doubt."""

    async def run() -> None:
        journal = Journal(url)
        lab = open_lab(Settings(home=home, database_url=url), journal, journal.state(campaign_id))
        while journal.state(campaign_id).status == "running":
            outlook = await advance(lab, campaign_id)
            for question in outlook.questions:
                assert isinstance(question, AskOperator)
                decide(lab, question.key)
            if outlook.moment is not None and not outlook.questions:
                await lab.clock.sleep_until(outlook.moment)
        for robot in lab.robots.values():
            await robot.close()
        journal.close()

    asyncio.run(run())


def decide(lab: Lab, key: str) -> None:
    """What a person would say who sees what was done in each well."""
    job, _ = lab.journal.job(key)
    log = RobotLog(lab_log_path(lab.home, "virtual"))
    done = {performed.position for performed in log.of_job(job.key)}
    log.close()
    missing = {
        op_well for n, op in enumerate(job.operations) if n not in done and (op_well := well_of(op))
    }
    if not done:
        acting.decide(lab, key, "again", who="operator", why="nothing was done")
    else:
        wells = sorted(missing)
        acting.decide(lab, key, "done", who="operator", why="seen on the deck", failed_wells=wells)


def main() -> None:
    """What the command line asks for."""
    from tests.system.mishaps import SCENARIOS

    parser = argparse.ArgumentParser(prog="python -m tests.system.crash", description=__doc__)
    memories = [memory.name.lower() for memory in KeyMemory]
    scenarios = [KILLS, *SCENARIOS]
    parser.add_argument("--scenario", nargs="+", choices=scenarios, default=scenarios)
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--memory", nargs="+", choices=memories, default=memories)
    parser.add_argument("--number", type=int, default=20, help="runs of each but kills")
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    given = parser.parse_args()
    harm = False
    for scenario in given.scenario:
        for database in given.database:
            for name in given.memory:
                memory = KeyMemory[name.upper()]
                if scenario == KILLS:
                    harm |= _kills(database, memory)
                else:
                    seeds = range(given.seed, given.seed + given.number)
                    harm |= _mishaps(scenario, database, memory, seeds)
    sys.exit(harm)


def _kills(database: str, memory: KeyMemory) -> bool:
    from tests.postgres import temporary_database
    from tests.system import kills

    tally = kills.Tally()
    with ExitStack() as stack:
        url_of: Callable[[Path], str] = kills.sqlite
        if database == "postgresql":
            url = stack.enter_context(temporary_database())
            url_of = lambda home: url  # noqa: E731
        kills.every_boundary(database, url_of, memory, tally)
    return bool(tally.duplicates or tally.lost or tally.problems)


def _mishaps(scenario: str, database: str, memory: KeyMemory, seeds: Sequence[int]) -> bool:
    from tests.system.mishaps import why_not
    from tests.system.verdict import Verdict

    verdict, begun = Verdict(), time.perf_counter()
    if reason := why_not(scenario, database):
        print(f"{scenario}, {database}: left out, {reason}", flush=True)
        return False
    for seed in seeds:
        try:
            try_once(scenario, database, memory, seed, verdict)
        except AssertionError as error:
            verdict.problems.append(f"seed {seed}: {error}")
    seconds = (time.perf_counter() - begun) / len(seeds)
    title = f"{scenario}, {database}, {memory.value}"
    print(f"{title:50} {verdict}, {seconds:.1f} s each", flush=True)
    for problem in verdict.problems[:3]:
        print(f"    {problem}", flush=True)
    return verdict.harm


def try_once(scenario: str, database: str, memory: KeyMemory, seed: int, verdict: Any) -> None:
    """One run of a scenario, judged into a `Verdict`."""
    from tests.postgres import temporary_database
    from tests.system.device_lab import LEASE_S, announce, devices
    from tests.system.mishaps import SCENARIOS, Bench
    from tests.system.verdict import judge

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        announce(folder)

        def empty_database(template: str = "") -> str:
            if database == "sqlite":
                return ""
            return stack.enter_context(temporary_database(template))

        settings = Settings(home=folder / "home", database_url=empty_database(), lease_s=LEASE_S)
        found = stack.enter_context(devices(folder))
        ran = SCENARIOS[scenario](
            Bench(settings, memory, found, random.Random(seed), empty_database)
        )
        verdict.struck += ran.struck
        if ran.problem:
            verdict.problems.append(f"seed {seed}: {ran.problem}")
        for campaign_id in ran.campaigns:
            judge(found, ran.settings, campaign_id, memory, verdict, ran.forgot)


if __name__ == "__main__":
    main()
