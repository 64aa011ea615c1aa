"""The checks of the conformance kit: each returns, or raises what it saw.

The decorator of each has its level, its title and what a lab would suffer without it.
"""

import asyncio
import math
import threading
import time

from pydantic import ValidationError

from drivers.base import JobRefused, KeyMemory, RobotOffline
from drivers.conformance.bench import Bench
from drivers.conformance.check_list import check
from drivers.conformance.levels import Failure, Level
from drivers.telemetry import Measures
from protocols.quantities import same_dimension

_LONGEST_BLOCK_S = 0.5
"""How long a driver may keep the event loop to itself."""

_WATCH_S = 0.005


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
    "what it measures of itself, if anything, are numbers with a unit, and asking does nothing",
    "a chart would be wrong, or looking at a robot would move it",
)
async def _measures(bench: Bench) -> None:
    async with bench.connected() as robot:
        if not isinstance(robot, Measures):
            return
        job = bench.job()
        before = bench.count()
        measured = list(await robot.telemetry())
        if bench.count() != before:
            raise Failure("it did something because it was asked for its telemetry")
        await robot.submit(job)
        measured += await robot.telemetry()
        report = await bench.until_over(robot, job.key)
        if report.state != "done":
            raise Failure(f"a job during which it was asked for its telemetry is {report.state}")
    for one in measured:
        if not one.name or not math.isfinite(one.value):
            raise Failure(f"it measures {one.name or 'something without a name'}: {one.value}")
        try:
            same_dimension(one.unit or "dimensionless", "dimensionless")
        except ValueError as error:
            raise Failure(f"it measures {one.name} in {error}") from None


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


@check(Level.GOLD, "it is described", "whoever is on call at night would have nothing to read")
async def _described(bench: Bench) -> None:
    if not (bench.kind.__doc__ or "").strip():
        raise Failure("its class has no docstring")
    bare = [
        name for name, field in bench.kind.Options.model_fields.items() if not field.description
    ]
    if bare:
        raise Failure(f"options without a description: {', '.join(bare)}")
