"""The driver for Opentrons robots: a job becomes a protocol, analysed and run over HTTP."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

import httpx
from pydantic import BaseModel

from drivers.base import (
    Capabilities,
    DriverError,
    JobRefused,
    KeyConflict,
    KeyMemory,
    RobotOffline,
    RobotSetup,
)
from drivers.job_book import JobBook
from drivers.opentrons.analysis import analyse
from drivers.opentrons.answers import Run
from drivers.opentrons.deck import PLATES, OpentronsOptions, places
from drivers.opentrons.modules import measured
from drivers.opentrons.protocol_text import Budget, compile_protocol
from drivers.opentrons.server import RobotServer
from drivers.opentrons.supplies import (
    Used,
    note_used,
    refill,
    supplies,
    used_by_others,
)
from drivers.refusal import refuse_unfit
from drivers.supplies import DeckPlace, Supply
from drivers.telemetry import Measurement
from protocols.environments import environment_folder, interpreter
from protocols.jobs import Job, JobReport
from protocols.labware import opentrons_labware
from protocols.operations import well_of

_OPERATIONS = ("move", "dispense", "aspirate", "mix", "incubate", "detach", "transfer")
_RUN, _PLAYED = "run", "played"
"""What the job book notes of a job: its run, and that it was (or was about to be) started."""


class OpentronsRobot:
    """An Opentrons OT-2 at `address` (the URL of its robot server, such as http://HOST:31950).

    What was sent is in a job book of the driver's own: the server keeps twenty runs, and anybody
    may delete one. A job is `unknown` only if the book says that it was never started. A poll
    starts nothing, and a run that somebody else prepared is waited for.
    """

    Options: ClassVar[type[BaseModel]] = OpentronsOptions
    simulated: ClassVar[bool] = False

    transport: ClassVar[httpx.AsyncBaseTransport | None] = None
    """Another way to the server than the network, for tests."""

    def __init__(self, setup: RobotSetup) -> None:
        self._setup = setup
        self._options: OpentronsOptions = setup.options
        self._server = RobotServer(setup.name, setup.address, self.transport)
        self._book: JobBook | None = None
        self._submitting = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """What the pipettes can do.

        A volume above the largest pipette's is no limit but for mixing: it is dispensed in several
        strokes.
        """
        least = min(pipette.least_ul for pipette in self._options.pipettes.values())
        most = max(pipette.most_ul for pipette in self._options.pipettes.values())
        within = {"volume_ul": (least, float("inf"))}
        operations = {
            kind: within if kind in ("dispense", "aspirate", "transfer") else {}
            for kind in _OPERATIONS
        }
        operations["mix"] = {"volume_ul": (least, most)}
        able = Capabilities(
            operations=operations,
            labware=frozenset(PLATES) | opentrons_labware(),
            memory=KeyMemory.REMEMBERS_KEYS,
        )
        return able.narrowed(self._setup.limits)

    async def connect(self) -> None:
        """Open the job book, and see that the robot is there and has started."""
        if self._book is not None:
            return
        book = JobBook.of(self._setup)
        try:
            await self._server.open()
        except BaseException:
            book.close()
            raise
        self._book = book

    async def submit(self, job: Job) -> None:
        """Compile, analyse, upload and start a job; one that was started is not started again.

        Raises:
            RobotOffline: the robot does not answer, or has somebody else's run.
        """
        async with self._submitting:
            book, known = self._opened(), self._opened().report(job.key)
            if known is not None:
                book.take(job)
                if known.state != "running":
                    return
            run = await self._run_of(job.key)
            if (run is not None and not run.prepared) or (
                run is None and book.noted(job.key, _PLAYED)
            ):
                return
            refuse_unfit(self._setup.name, self.capabilities, job)
            text, budget = self._compiled(job)
            await self._analyse(text)
            if run is None:
                run = await self._made_run(job, text)
            # In the book before the robot hears it, and only if no newer owner has the robot.
            book.take(job)
            note_used(book, job.key, budget.used)
            book.note(job.key, _PLAYED, self._setup.clock.now().isoformat())
            await self._server.act(run.id, "play")

    async def _made_run(self, job: Job, text: str) -> Run:
        """The run of a job that the robot does not have, or has from a call whose answer was lost.

        Raises:
            RobotOffline: another run is on the robot; a prepared one would be thrown off by ours.
            KeyConflict: the robot has done this job, and the book does not know of it.
        """
        book = self._opened()
        book.take(job)
        try:
            protocol = await self._server.upload(text, job.key)
            runs = await self._server.runs()
            ours = [run for run in runs if run.protocolId == protocol.id]
            for run in runs:
                if run.current and not run.ended and run not in ours:
                    how = (
                        "somebody has prepared a run on it and not started it: start it or cancel "
                        "it in the App"
                        if run.prepared
                        else f"another run is {run.status} on it"
                    )
                    raise RobotOffline(f"robot {self._setup.name} is busy: {how}")
            done = [run for run in ours if not run.prepared]
            if done:
                raise KeyConflict(
                    f"robot {self._setup.name} has run {done[-1].id} ({done[-1].status}) of "
                    f"{job.key}, of which the job book on this computer does not know: find out "
                    "what was done before it is sent again"
                )
            prepared = [run for run in ours if run.current]
            run = prepared[-1] if prepared else await self._server.make_run(protocol.id)
        except KeyConflict:
            book.drop(job.key)
            raise
        book.note(job.key, _RUN, run.id)
        return run

    async def poll(self, key: str) -> JobReport:
        """What became of the run of a job, as far as the robot or the book knows."""
        book = self._opened()
        report = book.report(key)
        if report is None:
            return book.never_took(key)
        if report.state != "running":
            return report
        run = await self._run_of(key)
        if run is None:
            if not book.noted(key, _PLAYED):
                return JobReport(key=key, state="unknown")
            return self._doubt(key, "the robot does not have the run any more (deleted, or old)")
        if not run.ok:
            message = (
                "the robot's server was restarted in the middle of the run and does not "
                "know how far it came"
            )
            return self._doubt(key, message)
        if run.prepared:
            # The line dropped before it was started; the robot itself says that it was not.
            return JobReport(key=key, state="unknown")
        for position in await self._server.marks(run.id):
            book.end(key, position, None)
        if not run.ended:
            return (book.report(key) or report).model_copy(update={"message": run.in_words})
        return self._ended(key, run)

    def _ended(self, key: str, run: Run) -> JobReport:
        """What a run that is over has done, operation by operation."""
        book, job = self._opened(), self._opened().job(key)
        everything = set(range(len(job.operations)))
        if run.status == "succeeded":
            for position in everything - book.done(key):
                book.end(key, position, None)
        if everything <= book.done(key):
            done = {"state": "done", "ended_at": self._ended_at(key, run)}
            return self._concluded(key, done)
        errors = "; ".join(str(error) for error in run.errors)
        if run.status == "failed":
            return self._doubt(key, f"the run failed: {errors or 'no reason is given'}", errors)
        return self._doubt(key, "the run was cancelled at the robot", left_is_known=True)

    def _doubt(
        self, key: str, why: str, fault: str | None = None, left_is_known: bool = False
    ) -> JobReport:
        """The job is in doubt; with readable marks, all after the one under way was not begun."""
        job, done = self._opened().job(key), self._opened().done(key)
        missing = [n for n in range(len(job.operations)) if n not in done]
        message = f"{why}. {len(done)} of {len(job.operations)} operations were seen to be done"
        doubt: dict[str, object] = {"state": "in_doubt"}
        if missing and (left_is_known or fault is not None):
            now = job.operations[missing[0]]
            message += (
                f"; operation {missing[0] + 1} ({now.kind} {well_of(now) or 'plate'}) may have "
                "been under way, none after it was begun"
            )
            doubt["not_begun"] = tuple(missing[1:])
        if fault is not None:
            doubt["device_fault"] = fault or why
        return self._concluded(key, doubt | {"message": message})

    def _concluded(self, key: str, update: dict[str, object]) -> JobReport:
        """Write the end of a job into the book: from now on the robot's memory does not matter."""
        book = self._opened()
        report = book.report(key)
        assert report is not None
        if report.state != "running":
            # Another poll that was under way has concluded it.
            return report
        book.write(report.model_copy(update=update))
        return book.report(key) or report

    def _ended_at(self, key: str, run: Run) -> datetime:
        """When a run ended by our clock; the robot's may be years off, an age on it is not."""
        now = self._setup.clock.now()
        age = None if run.completedAt is None else self._server.age(run.completedAt)
        played = self._opened().noted(key, _PLAYED)
        if age is None or not played or age > now - datetime.fromisoformat(played):
            return now
        return now - age

    async def _run_of(self, key: str) -> Run | None:
        """The run that the book notes for a job; None if there is none (any more)."""
        run = self._opened().noted(key, _RUN)
        return await self._server.run(run) if run else None

    async def stop(self) -> None:
        """Stop whatever moves, and what we have prepared."""
        book = self._opened()
        ours = {book.noted(job.key, _RUN) for job, _ in book.running()}
        for run in await self._server.runs():
            if run.current and not run.ended and (run.id in ours or not run.prepared):
                await self._server.act(run.id, "stop")
                await self._until_ended(run.id)
        for job, _ in book.running():
            run_of_job = await self._run_of(job.key)
            if run_of_job is not None and run_of_job.ok:
                for position in await self._server.marks(run_of_job.id):
                    book.end(job.key, position, None)
        book.stop(self._setup.clock.now())

    async def _until_ended(self, name: str) -> None:
        try:
            async with asyncio.timeout(self.capabilities.stop_s):
                while (run := await self._server.run(name)) is not None and not run.ended:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise RobotOffline(
                f"robot {self._setup.name} was told to stop and had not after "
                f"{self.capabilities.stop_s:g} s"
            ) from None

    async def pause(self) -> None:
        """Pause the run that is under way."""
        await self._act_on_current({"running"}, "pause")

    async def resume(self) -> None:
        """Let a paused run go on."""
        await self._act_on_current({"paused"}, "play")

    async def _act_on_current(self, statuses: set[str], action: str) -> None:
        for run in await self._server.runs():
            if run.current and run.status in statuses:
                await self._server.act(run.id, action)
                return
        raise DriverError(
            f"robot {self._setup.name} has no run that is {' or '.join(sorted(statuses))}"
        )

    async def telemetry(self) -> list[Measurement]:
        """The temperatures and speeds of its modules."""
        return measured(await self._server.modules())

    async def close(self) -> None:
        """Close the connection; a run goes on."""
        await self._server.close()
        if self._book is not None:
            self._book.close()
            self._book = None

    def _opened(self) -> JobBook:
        if self._book is None:
            raise RobotOffline(f"robot {self._setup.name} is not connected")
        return self._book

    async def preview(self, job: Job) -> tuple[str, str]:
        """The protocol for a job, and its budget of tips and volumes; nothing is sent.

        Raises:
            JobRefused: it cannot be done, or the analysis finds an error.
        """
        text, budget = compile_protocol(job, self._options, self._setup.name)
        await self._analyse(text)
        return text, str(budget)

    def _compiled(self, job: Job) -> tuple[str, Budget]:
        """The protocol of a job with what earlier jobs have left on the deck."""
        before = used_by_others(self._opened(), job.key) if self._options.counted else Used()
        return compile_protocol(job, self._options, self._setup.name, before)

    def deck(self) -> list[DeckPlace]:
        """What is to lie in each slot that is used."""
        return places(self._options)

    def supplies(self) -> list[Supply]:
        """Tips and liquids on the deck, and what is left of them; also without a connection."""
        if not self._setup.book_path.is_file():
            return supplies(self._options, Used())
        with self._looked_up() as book:
            return supplies(self._options, used_by_others(book))

    def refill(self, names: Collection[str] = ()) -> list[Supply]:
        """Note that these are full again, or everything; also while a campaign has the robot.

        Returns: what was refilled, as it is now.

        Raises:
            DriverError: there is no such supply.
        """
        known = {supply.name for supply in self.supplies()}
        for name in names:
            if name not in known:
                raise DriverError(
                    f"robot {self._setup.name} has no supply {name!r} (expected one of "
                    f"{', '.join(sorted(known))})"
                )
        with self._looked_up() as book:
            refill(book, set(names) or known)
        return [supply for supply in self.supplies() if not names or supply.name in names]

    @contextmanager
    def _looked_up(self) -> Iterator[JobBook]:
        """The job book, whoever has the robot: only what it notes of supplies is written."""
        book = JobBook(self._setup.book_path)
        try:
            yield book
        finally:
            book.close()

    async def _analyse(self, text: str) -> None:
        if not self._options.analyze:
            return
        folder = self._options.environment or environment_folder(self._setup.home, "opentrons")
        if not interpreter(folder).exists():
            raise JobRefused(
                f"robot {self._setup.name}: the opentrons package is not in {folder}: make it "
                "with wellwise driver "
                "environment opentrons, or set analyze: false"
            )
        errors = await analyse(text, interpreter(folder))
        if errors:
            raise JobRefused(
                f"robot {self._setup.name}: the protocol fails its analysis: {'; '.join(errors)}"
            )
