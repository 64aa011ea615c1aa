"""Checks that hold what a driver reports against what its equipment did: operation, well, amount.

A twin that cannot say something is not asked for it.
"""

import asyncio
import itertools
import math
from collections.abc import Sequence
from datetime import timedelta

from pydantic import ValidationError

from drivers.base import DriverError, JobRefused, KeyMemory, RobotOffline
from drivers.conformance.bench import Bench, amount_of
from drivers.conformance.check_list import check
from drivers.conformance.levels import Failure, Level
from drivers.twin import Done
from protocols.image_formats import ImageNotRead
from protocols.images import read_image
from protocols.jobs import Job, JobReport
from protocols.operations import well_of

_SHARE = 0.02
"""By how much of an amount the equipment may miss it."""

_SLACK = timedelta(seconds=2)


def _refuse_other_work(job: Job, did: Sequence[Done]) -> None:
    """Raise what differs between the lasting operations of a job and what was done."""
    wanted = [operation for operation in job.operations if not operation.repeatable]
    if len(did) != len(wanted):
        raise Failure(f"of {len(wanted)} operations its equipment did {len(did)}")
    for operation, done in zip(wanted, did, strict=True):
        well, amount = well_of(operation), amount_of(operation)
        if done.kind and done.kind != operation.kind:
            raise Failure(f"for {operation.kind} {well} its equipment did {done.kind}")
        if done.well and done.well != well:
            raise Failure(f"{operation.kind} of {well} was done in {done.well}")
        if None not in (amount, done.amount) and not math.isclose(
            amount or 0.0, done.amount or 0.0, rel_tol=_SHARE
        ):
            raise Failure(f"{operation.kind} {well}: {done.amount:g} was done for {amount:g}")


@check(
    Level.SILVER,
    "it does what the job says: operation, well and amount",
    "wells would be fed with other amounts than the optimiser believes",
)
async def _does_what_it_says(bench: Bench) -> None:
    if bench.twin.did is None:
        return
    async with bench.connected() as robot:
        for extreme in ("", "low", "high"):
            job = bench.job(longest=extreme == "high", least=extreme == "low")
            before = len(bench.twin.did())
            await robot.submit(job)
            report = await bench.until_over(robot, job.key)
            did = list(bench.twin.did())[before:]
            if report.state == "done":
                _refuse_other_work(job, did)


@check(
    Level.BRONZE,
    "its readings are of its wells, one each, and numbers or pictures",
    "the optimiser would learn from the wrong well, or from nothing",
)
async def _reads(bench: Bench) -> None:
    async with bench.connected() as robot:
        for _ in range(2):
            job = bench.job(wells=4)
            await robot.submit(job)
            report = await bench.until_over(robot, job.key)
            wanted = sorted(
                operation.well_name or ""
                for operation in job.operations
                if operation.reads is not None
            )
            if sorted(reading.well for reading in report.readings) != wanted:
                found = ", ".join(it.well or "the plate" for it in report.readings) or "none"
                due = ", ".join(well or "the plate" for well in wanted) or "none"
                raise Failure(f"it has readings of {found}; {due} were due")
            _refuse_wrong_values(bench, report)


def _refuse_wrong_values(bench: Bench, report: JobReport) -> None:
    for reading in report.readings:
        if reading.kind == "image":
            try:
                read_image(reading.image)
            except ImageNotRead as error:
                raise Failure(f"its image of {reading.well} cannot be read: {error}") from None
        elif reading.kind == "plate":
            if not reading.numbers:
                raise Failure("its table of the plate is empty")
        elif reading.kind == "trace":
            if reading.trace is None:
                raise Failure(f"its trace of {reading.well} is missing")
        elif reading.kind == "file":
            if not reading.file:
                raise Failure(f"its file of {reading.well or 'the plate'} is empty")
        elif reading.number is None or not math.isfinite(reading.number):
            raise Failure(f"its reading of {reading.well} is {reading.number}")
        if bench.twin.expected is None or reading.number is None:
            continue
        expected = bench.twin.expected(reading.well)
        if expected is not None and not math.isclose(reading.number, expected, rel_tol=_SHARE):
            raise Failure(f"it read {reading.number:g} in {reading.well}, where {expected:g} was")


@check(
    Level.BRONZE,
    "its times have a zone and are true",
    "steps would be due hours too early or too late",
)
async def _times(bench: Bench) -> None:
    async with bench.connected() as robot:
        begun = bench.twin.clock.now()
        job = bench.job()
        await robot.submit(job)
        report = await bench.until_over(robot, job.key)
        if report.ended_at is None:
            return
        if report.ended_at.tzinfo is None:
            raise Failure(f"its job ended at {report.ended_at}, in no time zone")
        if bench.twin.clock.virtual:
            return
        now = bench.twin.clock.now()
        if not begun - _SLACK <= report.ended_at <= now + _SLACK:
            raise Failure(f"its job ended at {report.ended_at}; it was {begun} to {now}")


@check(
    Level.SILVER,
    "a finished job stays as it is, however often one asks",
    "a reading would be lost with the first answer that is lost",
)
async def _stays(bench: Bench) -> None:
    async with bench.connected() as robot:
        job = bench.job()
        await robot.submit(job)
        first = await bench.until_over(robot, job.key)
        for _ in range(3):
            if (again := await robot.poll(job.key)) != first:
                raise Failure(
                    f"it reported {first.state} with {len(first.readings)} readings, and then "
                    f"{again.state} with {len(again.readings)}"
                )


@check(
    Level.SILVER,
    "it refuses what is beyond its own limits",
    "a pump would run against its stop, or a balance beyond its load",
)
async def _own_limits(bench: Bench) -> None:
    async with bench.connected() as robot:
        for kind, fields in robot.capabilities.operations.items():
            for field, (low, high) in fields.items():
                for value in (low / 2, high * 1.5 + 1):
                    if not math.isfinite(value) or low <= value <= high:
                        continue
                    try:
                        job = bench.job(only=kind, changes={field: value})
                    except ValidationError:
                        continue
                    try:
                        await robot.submit(job)
                    except JobRefused:
                        continue
                    raise Failure(
                        f"it took {kind} with {field} {value:g} and declares {low:g} to {high:g}"
                    )


@check(
    Level.SILVER,
    "one job is done after the other",
    "two plates would be under one arm",
)
async def _one_after_the_other(bench: Bench) -> None:
    if bench.twin.did is None:
        return
    async with bench.connected() as robot:
        first, second = bench.job(wells=2), bench.job(wells=2, first_well=3)
        before = len(bench.twin.did())
        await robot.submit(first)
        try:
            await robot.submit(second)
        except RobotOffline:
            # It takes one job at a time.
            await bench.until_over(robot, first.key)
            return
        for job in (first, second):
            await bench.until_over(robot, job.key)
        did = list(bench.twin.did())[before:]
    for earlier, later in itertools.pairwise(did):
        if later.began_at and earlier.ended_at and later.began_at < earlier.ended_at:
            raise Failure(
                f"{later.kind} {later.well} began before {earlier.kind} {earlier.well} had ended"
            )
    of_second = [done.well in second.wells for done in did if done.well]
    if of_second != sorted(of_second):
        raise Failure("operations of two jobs were done in turn")


@check(
    Level.SILVER,
    "a key stands for its content",
    "a job that nobody did would be reported as done",
)
async def _key_and_content(bench: Bench) -> None:
    async with bench.connected() as robot:
        if robot.capabilities.memory is KeyMemory.CANNOT_SAY:
            return
        job, other = bench.job(), bench.job(wells=3)
        await robot.submit(job)
        await bench.until_over(robot, job.key)
        before = bench.count()
        try:
            await robot.submit(other.model_copy(update={"key": job.key, "plate_id": job.plate_id}))
        except JobRefused:
            if bench.count() != before:
                raise Failure("it refused another job under the same key, and did some") from None
            return
        raise Failure("it took another job under the key of one that is done")


@check(
    Level.SILVER,
    "a fault of the device is not reported as done",
    "wells that got nothing would be read as if they had",
)
async def _faults(bench: Bench) -> None:
    if bench.twin.break_next is None:
        return
    async with bench.connected() as robot:
        bench.twin.break_next()
        job = bench.job()
        try:
            await robot.submit(job)
            report = await bench.until_over(robot, job.key)
        except DriverError:
            return
        if report.state == "done" and not report.failed_wells:
            raise Failure("its device failed in an operation, and the job was reported as done")


@check(
    Level.GOLD,
    "a device that dies in the middle of a job has not done it",
    "half a plate would be read as a whole one",
)
async def _device_dies(bench: Bench) -> None:
    if bench.twin.crash is None or bench.twin.did is None:
        return
    robot = bench.robot()
    await robot.connect()
    job = bench.job(wells=6)
    before = len(bench.twin.did())
    bench.count()
    await robot.submit(job)
    await bench.until_begun(robot, job.key)
    bench.twin.crash()
    try:
        report = await bench.until_over(robot, job.key)
    except RobotOffline:
        await asyncio.sleep(0.2)
        await robot.close()
        async with bench.reconnected(robot):
            report = await bench.until_over(robot, job.key)
    await robot.close()
    did = list(bench.twin.did())[before:]
    if report.state == "done" and not report.failed_wells:
        _refuse_other_work(job, did)
    if report.state == "unknown" and did:
        raise Failure("it says that it never got a job of which its device had done a part")
