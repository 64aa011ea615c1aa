"""The checks of the conformance kit: each returns, or raises what it saw.

The decorator of each has its level, its title and what a lab would suffer without it.
"""

import asyncio
import gc
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drivers.base import JobRefused, KeyMemory, RobotOffline
from drivers.conformance.bench import Bench
from drivers.conformance.check_list import check
from drivers.conformance.levels import Failure, Level

_LONGEST_BLOCK_S = 0.5
"""How long a driver may keep the event loop to itself."""

_WATCH_S = 0.005

_CONNECTIONS = 3
"""How often a line is opened and closed to see what is left behind."""


@check(
    Level.BRONZE,
    "it says what it can do without a connection",
    "campaigns would be launched that it cannot do",
)
async def _declares(bench: Bench) -> None:
    try:
        capabilities = bench.robot().capabilities
    except ValidationError as error:
        raise Failure(f"its capabilities are wrong: {error.errors()[0]['msg']}") from None
    if not capabilities.operations or not capabilities.labware:
        raise Failure("it declares no operation or no labware")


@check(
    Level.BRONZE,
    "it does a job to its end",
    "rounds would wait for ever, or images would be missing",
)
async def _does_a_job(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        await robot.submit(job)
        report = await bench.until_over(robot, job.key)
        if report.state != "done":
            raise Failure(f"the job ended as {report.state}: {report.message}")
        if report.ended_at is None:
            raise Failure("its report does not say when the job ended")
        imaged = {
            operation.well_name or "" for operation in job.operations if operation.reads is not None
        }
        if imaged - {reading.well for reading in report.readings}:
            raise Failure("it has no reading of a well that it was to image")


@check(
    Level.BRONZE,
    "a job that it never got is not one that it has",
    "jobs that nobody did would count as done",
)
async def _unknown_key(bench: Bench) -> None:
    async with bench.connected() as robot:
        report = await robot.poll("bench/r99/p9/never/1")
        cannot_say = robot.capabilities.memory is KeyMemory.CANNOT_SAY
        if report.state != "unknown" and not (cannot_say and report.state == "in_doubt"):
            raise Failure(f"it says that a key that it never got is {report.state}")


@check(
    Level.BRONZE,
    "it refuses what it cannot do",
    "it would do something else, or half of the job, to living cells",
)
async def _refuses(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        wrong = job.model_copy(update={"labware": "1-well"})
        before = bench.count()
        try:
            await robot.submit(wrong)
        except JobRefused:
            if bench.count() != before:
                raise Failure("it refused a job of which it had done a part") from None
            return
        raise Failure("it took a job on labware that it does not declare")


@check(
    Level.BRONZE,
    "without a line it says that it is offline",
    "a pulled cable would look like a fault of wellwise",
)
async def _offline(bench: Bench) -> None:
    robot = bench.robot()
    try:
        await robot.poll("bench/r1/p1/check/1")
    except RobotOffline:
        return
    except Exception as error:
        raise Failure(
            f"a poll before connect raised {type(error).__name__} instead of RobotOffline"
        ) from None
    raise Failure("a poll before connect was answered")


@check(Level.BRONZE, "connect and close may be called twice", "a reconnect would end in an error")
async def _twice(bench: Bench) -> None:
    robot = bench.robot()
    await robot.connect()
    await robot.connect()
    await robot.close()
    await robot.close()


@check(
    Level.BRONZE,
    "it never blocks the event loop",
    "every other robot, and the lease, would wait for it",
)
async def _lets_others_run(bench: Bench) -> None:
    robot, job = bench.robot(), bench.job()
    worst = {"loop": 0.0, "thread": 0.0}
    over = threading.Event()

    def late(who: str, begun: float) -> None:
        worst[who] = max(worst[who], time.perf_counter() - begun - _WATCH_S)

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(_WATCH_S)
            late("loop", begun)

    def watch_the_machine() -> None:
        while not over.is_set():
            begun = time.perf_counter()
            time.sleep(_WATCH_S)
            late("thread", begun)

    # A thread next to the loop is late only because the machine is busy: that is not the driver's
    # fault.
    beside = threading.Thread(target=watch_the_machine, daemon=True)
    beside.start()
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.02)
    try:
        await robot.connect()
        await robot.submit(job)
        await bench.until_over(robot, job.key)
        await robot.close()
    finally:
        watching.cancel()
        over.set()
        beside.join()
    blocked = worst["loop"] - worst["thread"]
    if blocked > _LONGEST_BLOCK_S:
        raise Failure(f"nothing else could run for {blocked:.1f} s")


@check(
    Level.BRONZE, "a cancelled call leaves it usable", "one Ctrl-C would cost the rest of a round"
)
async def _cancelled(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        submitting = asyncio.create_task(robot.submit(job))
        await asyncio.sleep(0)
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        if (await robot.poll(job.key)).state == "unknown":
            await robot.submit(job)
        report = await bench.until_over(robot, job.key)
        if report.state not in ("done", "in_doubt"):
            raise Failure(
                f"after a cancelled submit the job ended as {report.state}: {report.message}"
            )


@check(
    Level.SILVER,
    "the same key twice is one job",
    "whenever a line drops a reagent would be dispensed twice",
)
async def _same_key(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        before = bench.count()
        await robot.submit(job)
        await robot.submit(job)
        await bench.until_over(robot, job.key)
        await robot.submit(job)
        report = await bench.until_over(robot, job.key)
        after = bench.count()
    if report.operations_done > len(job.operations):
        raise Failure(f"{len(job.operations)} operations were done {report.operations_done} times")
    if before is not None and after is not None and after - before != bench.lasting(job):
        raise Failure(
            f"a job of {bench.lasting(job)} operations that was sent three times made "
            f"{after - before}"
        )


@check(
    Level.SILVER,
    "what it says of a job is true under load",
    "wells would be read before they were fed, or never",
)
async def _truthful(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        before = bench.count()
        await robot.submit(job)
        so_far = 0
        while True:
            reports = await asyncio.gather(*(robot.poll(job.key) for _ in range(20)))
            done = bench.count()
            # Polls that are under way together may be answered in any order: they are held against
            # those before them.
            least = min(report.operations_done for report in reports)
            if least < so_far:
                raise Failure(f"operations done went back from {so_far} to {least}")
            so_far = max(report.operations_done for report in reports)
            for report in reports:
                if report.state == "done" and done is not None and before is not None:
                    missing = bench.lasting(job) - (done - before)
                    if missing > 0:
                        raise Failure(f"it reported done while {missing} operations were not")
            if reports[-1].state != "running":
                break
            await bench.pause()
        again = await robot.poll(job.key)
        if again != reports[-1]:
            raise Failure(
                f"it changed its mind about a finished job from {reports[-1].state} to "
                f"{again.state}"
            )
        if again.state == "done" and again.operations_done != len(job.operations):
            raise Failure(
                f"done, but with {again.operations_done} of {len(job.operations)} operations"
            )


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
        bench.count()
        await robot.submit(job)
        await bench.until_begun(robot, job.key)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                await robot.stop()
        except TimeoutError:
            raise Failure(f"stop had not returned after {limit:g} s") from None
        took = time.perf_counter() - begun
        after = bench.count()
        await asyncio.sleep(0.3)
        if bench.count() != after:
            raise Failure(f"it went on after stop had returned ({took:.1f} s)")
        report = await bench.until_over(robot, job.key)
        if report.state not in ("failed", "done", "in_doubt"):
            raise Failure(f"after stop its job is {report.state}")
        await robot.stop()
        job = bench.job()
        await robot.submit(job)
        if (report := await bench.until_over(robot, job.key)).state != "done":
            raise Failure(f"after a stop it does no more jobs: {report.state}: {report.message}")


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
    if before is not None and after is not None and after - before > bench.lasting(job):
        raise Failure(
            f"a job of {bench.lasting(job)} operations made {after - before} over a reconnect"
        )


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
    if before is not None and after is not None and after - before > bench.lasting(job):
        raise Failure(
            f"a job of {bench.lasting(job)} operations made {after - before} over a crash"
        )


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


@check(Level.GOLD, "it is described", "whoever is on call at night would have nothing to read")
async def _described(bench: Bench) -> None:
    if not (bench.kind.__doc__ or "").strip():
        raise Failure("its class has no docstring")
    bare = [
        name for name, field in bench.kind.Options.model_fields.items() if not field.description
    ]
    if bare:
        raise Failure(f"options without a description: {', '.join(bare)}")
