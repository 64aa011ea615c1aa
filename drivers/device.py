"""The base of drivers for devices that do one operation at a time.

It turns `perform` into the job contract.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from drivers.base import (
    Capabilities,
    DeviceCannotWork,
    DriverError,
    FencedOff,
    RobotOffline,
    RobotSetup,
)
from drivers.job_book import BookNotWritten, JobBook, journal_of
from drivers.refusal import refuse_unfit
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Operation, well_of

__all__ = ["Device", "DeviceCannotWork", "NoOptions", "OperationFailed"]

_CLOSE_S = 10.0
"""How long a close waits for the operation that is under way."""

_DISK_S = 1.0
"""How often it is tried again to write in a job book whose disk took nothing."""


class OperationFailed(DriverError):
    """The device is certain that an operation was not done properly, and that it can go on.

    Its well is lost, the others go on. A device that cannot go on raises `DeviceCannotWork`.
    """


class NoOptions(BaseModel):
    """A driver that needs no options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Device(ABC):
    """A device that does one operation at a time.

    A driver says what the device can do and how it does one operation; this base keeps a job book
    on the disk, does jobs one by one, never begins an operation twice, stops, reconnects and says
    after a crash what is known.
    """

    Options: ClassVar[type[BaseModel]] = NoOptions
    simulated: ClassVar[bool] = False
    able: ClassVar[Capabilities]
    """What such a device can do."""

    time_limit_s: ClassVar[float] = 600.0
    """How much longer than its nominal time an operation may take.

    After that nobody knows what became of it; a device that says how far it is by `progress` is
    given this long anew each time.
    """

    def __init__(self, setup: RobotSetup) -> None:
        self.setup = setup
        self._book: JobBook | None = None
        self._turn = asyncio.Lock()
        self._one_job = asyncio.Lock()
        self._work: dict[str, asyncio.Task[None]] = {}
        self._limit: asyncio.Timeout | None = None
        self._unwritten = ""
        """Why the device waits for its job book; empty if it does not."""

    @abstractmethod
    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        """Do one operation and return when it is done, with what it read.

        Raises:
            OperationFailed: it was certainly not done properly; the well's fault.
            DeviceCannotWork: the device cannot work; the job waits and no well is lost by it.
            RobotOffline: the line dropped meanwhile; whether it was done is not known.
        """

    def seconds(self, operation: Operation) -> float:
        """How long an operation takes on this device, as far as is known beforehand."""
        return operation.nominal_s

    def progress(self) -> None:
        """Say from within `perform` that the operation goes on: its time limit begins anew."""
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + self.time_limit_s)

    @abstractmethod
    async def halt(self) -> None:
        """Stop all movement at once."""

    async def open(self) -> None:  # noqa: B027 - a device without a line needs none
        """Open the line; called once for each connection."""

    async def shut(self) -> None:  # noqa: B027
        """Close the line."""

    @property
    def capabilities(self) -> Capabilities:
        """What the device can do, within the limits of the lab."""
        return self.able.narrowed(self.setup.limits)

    async def connect(self) -> None:
        """Open the line and go on with what was under way."""
        if self._book is not None:
            return
        book = JobBook.of(self.setup)
        try:
            await self.open()
        except BaseException:
            book.close()
            raise
        self._book = book
        for job, report in self._book.running():
            if self.setup.journal not in (None, journal_of(job.key)):
                # At the bench: what a campaign has under way is its own to go on with.
                continue
            position = self._book.begun(job.key)
            if position is not None and not job.operations[position].repeatable:
                await self._doubt(
                    job, report, position, "the process of its driver ended meanwhile"
                )
            else:
                self._start(job)

    async def submit(self, job: Job) -> None:
        """Take a job and begin it as soon as those before it are over."""
        book = self._opened()
        if book.report(job.key) is None:
            refuse_unfit(self.setup.name, self.capabilities, job)
        if book.take(job):
            self._start(job)

    async def poll(self, key: str) -> JobReport:
        """What the job book says."""
        book = self._opened()
        report = book.report(key) or book.never_took(key)
        waits = self._unwritten and report.state == "running"
        return report.model_copy(update={"message": self._unwritten}) if waits else report

    async def stop(self) -> None:
        """Stop the device; jobs under way end as failed."""
        book = self._opened()
        await self._cancel()
        await self.halt()
        at = self.setup.clock.now()
        try:
            book.stop(at)
        except BookNotWritten:
            # It stands still, and does so until the book says why.
            self._work[""] = asyncio.create_task(self._noted(lambda: book.stop(at)))
            raise

    async def close(self) -> None:
        """Close the line, after the operation that is under way unless that one is long.

        After the next connection the job goes on.
        """
        if self._book is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S), self._turn:
                    await self._cancel()
            await self._cancel()
            await self.shut()
            self._book.close()
            self._book = None

    def _opened(self) -> JobBook:
        if self._book is None:
            raise RobotOffline(f"robot {self.setup.name} is not connected")
        return self._book

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._carry_out(job))
        self._work[job.key] = task
        task.add_done_callback(lambda _: self._work.pop(job.key, None))

    async def _cancel(self) -> None:
        tasks = list(self._work.values())
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, job: Job) -> None:
        """Do a job, after those that were taken before it."""
        async with self._one_job:
            await self._execute(job)

    async def _execute(self, job: Job) -> None:
        book = self._opened()
        report = book.report(job.key)
        assert report is not None
        failed = dict(report.failed_wells)
        done = book.done(job.key)
        for position, operation in enumerate(job.operations):
            async with self._turn:
                well = well_of(operation)
                if position in done or well in failed:
                    continue
                try:
                    await self._noted(partial(book.begin, job.key, position))
                except FencedOff:
                    # The newer owner goes on with what is left, as soon as it has the robot.
                    book.let_go()
                    return
                try:
                    reading = await self._within_limits(operation, job)
                except OperationFailed as error:
                    if well is None:
                        await self._conclude(job, "failed", str(error))
                        return
                    failed[well] = str(error)
                    told = report.model_copy(update={"failed_wells": failed})
                    await self._noted(partial(book.write, told))
                    await self._noted(partial(book.forget, job.key, position))
                    continue
                except DeviceCannotWork as error:
                    await self._doubt(job, report, position, str(error), error)
                    return
                except RobotOffline as error:
                    await self._doubt(job, report, position, str(error))
                    return
                except TimeoutError as error:
                    why = str(error) or "it took longer than it may"
                    await self._doubt(job, report, position, why)
                    return
                except Exception as error:
                    await self._doubt(
                        job, report, position, f"the driver failed: {type(error).__name__}: {error}"
                    )
                    return
                await self._noted(partial(book.end, job.key, position, reading))
        await self._conclude(job, "done", "")

    async def _noted(self, write: Callable[[], None]) -> None:
        """Write in the job book; the device waits while its disk takes nothing."""
        while True:
            try:
                write()
            except BookNotWritten as error:
                self._unwritten = str(error)
                await asyncio.sleep(_DISK_S)
            else:
                self._unwritten = ""
                return

    async def _conclude(self, job: Job, state: str, message: str) -> None:
        book = self._opened()
        report = book.report(job.key)
        assert report is not None
        ended = {"state": state, "message": message, "ended_at": self.setup.clock.now()}
        await self._noted(partial(book.write, report.model_copy(update=ended)))

    async def _within_limits(self, operation: Operation, job: Job) -> Reading | None:
        limit_s = self.seconds(operation) + self.time_limit_s
        limit = asyncio.timeout(limit_s)
        try:
            async with limit as self._limit:
                return await self.perform(operation, job)
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"it took longer than {limit_s:g} s") from None
            raise
        finally:
            self._limit = None

    async def _doubt(
        self,
        job: Job,
        report: JobReport,
        position: int,
        why: str,
        fault: DeviceCannotWork | None = None,
    ) -> None:
        operation = job.operations[position]
        what = (
            f"operation {position + 1} of {len(job.operations)} ({operation.kind} "
            f"{well_of(operation) or 'plate'})"
        )
        book = self._opened()
        told = book.report(job.key) or report
        not_begun = fault is not None and not fault.begun
        if not_begun:
            await self._noted(partial(book.forget, job.key, position))
            message = f"{what} was not begun: {why}. All before it are done"
        else:
            message = f"{what} was under way: {why}. All before it are done, none after it is"
        # Operations are done in order, but for those of wells that failed before.
        later = range(position + (not not_begun), len(job.operations))
        left = tuple(n for n in later if well_of(job.operations[n]) not in told.failed_wells)
        doubt = {"state": "in_doubt", "message": message, "not_begun": left}
        if fault is not None:
            doubt["device_fault"] = why
        await self._noted(partial(book.write, told.model_copy(update=doubt)))
