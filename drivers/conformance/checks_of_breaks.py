"""Checks of what breaks a job off: a stop, a line that is closed, the end of a process or of a day.

The decorator of each has its level, its title and what a lab would suffer without it.
"""

import asyncio
import contextlib
import gc
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from drivers.base import Driver, KeyMemory
from drivers.clock import RealClock
from drivers.conformance.bench import Bench
from drivers.conformance.check_list import check
from drivers.conformance.levels import Failure, Level
from protocols.jobs import Job
from protocols.operations import Operation

_CONNECTIONS = 3
"""How often a line is opened and closed to see what is left behind."""


_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.3, 10.0
"""How long equipment that does not say whether it moves is looked at after a stop."""


@check(
    Level.SILVER,
    "stop stops it in its stated time",
    "an arm would go on moving while somebody reaches in",
)
async def _stops(bench: Bench) -> None:
    if bench.twin.clock.virtual:
        raise Failure("its twin has a virtual clock: nothing is ever under way on it")
    async with bench.connected() as robot:
        limit = robot.capabilities.stop_s
        job = bench.job(wells=6, longest=True)
        before = bench.count()
        sent = time.perf_counter()
        await robot.submit(job)
        await bench.until_begun(robot, job.key)
        pace_s = time.perf_counter() - sent
        await _until_moving(bench, robot, job)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                await robot.stop()
        except TimeoutError:
            raise Failure(f"stop had not returned after {limit:g} s") from None
        took = time.perf_counter() - begun
        if bench.twin.moving is not None and bench.twin.moving():
            raise Failure(f"it still moved when stop had returned ({took:.1f} s)")
        done = (bench.count() or 0) - (before or 0)
        under_way = job.operations[min(done, len(job.operations) - 1)]
        if await _does_more(bench, under_way, pace_s):
            raise Failure(f"it went on after stop had returned ({took:.1f} s)")
        report = await bench.until_over(robot, job.key)
        if report.state not in ("failed", "done", "in_doubt"):
            raise Failure(f"after stop its job is {report.state}")
        await robot.stop()
        job = bench.job()
        await robot.submit(job)
        if (report := await bench.until_over(robot, job.key)).state != "done":
            raise Failure(f"after a stop it does no more jobs: {report.state}: {report.message}")


async def _until_moving(bench: Bench, robot: Driver, job: Job) -> None:
    """Return when the equipment begins to move, so that a stop has something to break off."""
    moving = bench.twin.moving
    if moving is None:
        return
    for begun in (False, True):
        while moving() is not begun and (await robot.poll(job.key)).state == "running":
            await asyncio.sleep(0)


async def _does_more(bench: Bench, under_way: Operation, pace_s: float) -> bool:
    """Whether the equipment counts more after a stop.

    What says whether it moves has been asked. Of other equipment an operation that goes on is seen
    when it is over: on a fast clock after as long as it takes by itself, on the real one after
    twice as long as the first one has taken (`pace_s`).
    """
    before = bench.count()
    if before is None or bench.twin.moving is not None:
        return False
    clock = bench.twin.clock
    if isinstance(clock, RealClock):
        await asyncio.sleep(min(max(_SHORTEST_LOOK_S, 2 * pace_s), _LONGEST_LOOK_S))
    else:
        await asyncio.sleep(_SHORTEST_LOOK_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_LOOK_S):
                await clock.sleep_until(clock.now() + timedelta(seconds=under_way.nominal_s))
    return bench.count() != before


@check(Level.SILVER, "it comes back after its line was closed", "each reconnect would cost a plate")
async def _reconnects(bench: Bench) -> None:
    robot = bench.robot()
    await robot.connect()
    job = bench.job()
    before = bench.count()
    await robot.submit(job)
    await robot.close()
    await robot.connect()
    report = await bench.until_over(robot, job.key)
    if report.state == "unknown":
        raise Failure("it forgot a job when its line was closed")
    after = bench.count()
    await robot.close()
    _refuse_more(bench, job, before, after, "a reconnect")


@check(
    Level.GOLD,
    "after a crash it knows what it declares",
    "after a power cut a job would be sent twice, or be lost",
)
async def _crash(bench: Bench) -> None:
    others = asyncio.all_tasks()
    robot = bench.robot()
    await robot.connect()
    job = bench.job()
    before = bench.count()
    await robot.submit(job)
    await bench.until_begun(robot, job.key)
    memory = robot.capabilities.memory
    # Nothing of it runs on, and nobody says good-bye.
    _cancel(asyncio.all_tasks() - others)
    await asyncio.sleep(0.05)
    del robot
    gc.collect()
    fresh = bench.robot()
    async with bench.reconnected(fresh):
        report = await bench.until_over(fresh, job.key)
        never = await fresh.poll("bench/r99/p9/never/1")
        if report.state == "unknown":
            raise Failure("it says that it never got a job that it had begun")
        if memory is KeyMemory.CANNOT_SAY and never.state == "unknown":
            raise Failure("it declares that it cannot say, and says that it never got a key")
        if memory is not KeyMemory.CANNOT_SAY and never.state != "unknown":
            raise Failure(
                f"it declares that it {memory.value}, and a key that it never got is {never.state}"
            )
        if memory is not KeyMemory.CANNOT_SAY:
            await fresh.submit(job)
            await bench.until_over(fresh, job.key)
    after = bench.count()
    _refuse_more(bench, job, before, after, "a crash")


@check(
    Level.GOLD,
    "a closed driver leaves nothing behind",
    "after some days no port could be opened any more",
)
async def _leaves_nothing(bench: Bench) -> None:
    others = asyncio.all_tasks()
    async with bench.connected() as robot:
        job = bench.job()
        await robot.submit(job)
        await bench.until_over(robot, job.key)
    gc.collect()
    await asyncio.sleep(0.05)
    left_running = asyncio.all_tasks() - others
    files = _open_files()
    for _ in range(_CONNECTIONS):
        async with bench.connected() as robot:
            await robot.poll(job.key)
    gc.collect()
    left = (_open_files() - files) // _CONNECTIONS
    if left > 0:
        raise Failure(f"each connection leaves {left} open files or ports behind")
    await asyncio.sleep(0.05)
    left_running |= asyncio.all_tasks() - others
    running = [task for task in left_running if not task.done()]
    _cancel(set(running))
    if running:
        raise Failure(f"{len(running)} of its tasks run on after close")


def _refuse_more(bench: Bench, job: Job, before: int | None, after: int | None, over: str) -> None:
    """Fail where the equipment counted more than the operations of a job."""
    if before is not None and after is not None and after - before > bench.lasting(job):
        raise Failure(f"a job of {bench.lasting(job)} operations made {after - before} over {over}")


def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _open_files() -> int:
    folder = Path("/dev/fd")  # Linux, macOS and the BSDs have it
    if not folder.is_dir():
        raise Failure(
            "this system does not show which files are open: whether any is left cannot be seen "
            "here"
        )
    return len(list(folder.iterdir()))
