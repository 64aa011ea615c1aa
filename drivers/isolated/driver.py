"""Any driver in an interpreter of its own, for packages that conflict with ours.

If that process ends, the driver is disconnected.
"""

import asyncio
import contextlib
import itertools
import json
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from drivers.base import Capabilities, DriverError, JobRefused, RobotOffline, RobotSetup
from protocols.jobs import Job, JobReport

_LONGEST_LINE = 2**27
"""Bytes of one answer: the images of a whole plate."""

_ERRORS: dict[str, type[DriverError]] = {"RobotOffline": RobotOffline, "JobRefused": JobRefused}


class AnyOptions(BaseModel):
    """Options that only the driver's own interpreter can check."""

    model_config = ConfigDict(frozen=True, extra="allow")


class OutsideDriver:
    """A driver that runs in another interpreter and is spoken to in JSON lines.

    The process is started by `connect`. If it ends by itself, calls raise `RobotOffline`, and the
    next `connect` starts it again; what its robot then knows of a job is what the driver declares.
    """

    Options: ClassVar[type[BaseModel]] = AnyOptions
    simulated: ClassVar[bool] = False

    def __init__(self, setup: RobotSetup, driver: str, python: Path) -> None:
        """See that the driver can be made in its interpreter, and what it can do.

        Raises:
            DriverError: it cannot.
        """
        self._name, self._python = setup.name, python
        self._command = [str(python), str(Path(__file__).with_name("start.py"))]
        options = (
            setup.options.model_dump(mode="json")
            if isinstance(setup.options, BaseModel)
            else dict(setup.options)
        )
        self._greeting = json.dumps(
            {
                "driver": driver,
                "name": setup.name,
                "options": options,
                "home": str(setup.home.absolute()),
                "seed": setup.seed,
                "address": setup.address,
                "limits": setup.limits,
            }
        )
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._capabilities = self._describe()

    @property
    def capabilities(self) -> Capabilities:
        """What the driver declared when it was made."""
        return self._capabilities

    async def connect(self) -> None:
        """Start the interpreter if it does not run, and have the driver open its line."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()
        await self._call("connect")

    async def submit(self, job: Job) -> None:
        """As the driver does."""
        await self._call("submit", job=job.model_dump(mode="json"))

    async def poll(self, key: str) -> JobReport:
        """As the driver does."""
        return JobReport.model_validate(await self._call("poll", key=key))

    async def stop(self) -> None:
        """As the driver does."""
        await self._call("stop")

    async def close(self) -> None:
        """Have the driver close its line, and end its interpreter."""
        if self._process is None:
            return
        with contextlib.suppress(DriverError):
            await self._call("close")
        process, self._process = self._process, None
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(5.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    def _describe(self) -> Capabilities:
        try:
            ran = subprocess.run(  # noqa: S603 - the lab's own interpreter
                self._command,
                input=self._greeting + "\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DriverError(
                f"robot {self._name}: its interpreter {self._python} cannot be started: {error}"
            ) from None
        try:
            said = json.loads(ran.stdout.splitlines()[0])
            return Capabilities.model_validate(said["capabilities"])
        except (IndexError, ValueError, KeyError):
            why = (ran.stdout + ran.stderr).strip().splitlines()[-1:] or ["it printed nothing"]
            raise DriverError(
                f"robot {self._name}: its driver cannot be made in {self._python}: {why[0]}"
            ) from None

    async def _start(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            raise RobotOffline(
                f"robot {self._name}: its interpreter cannot be started: {error}"
            ) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._greeting.encode() + b"\n")
        await self._process.stdout.readline()
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            await self._read_answers(process.stdout)
        finally:
            # Nobody listens any more: the driver closes its line and ends.
            process.stdin.close()
        code = await process.wait()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    RobotOffline(f"robot {self._name}: its driver's process ended ({code})")
                )
        self._waiting.clear()

    async def _read_answers(self, answers: asyncio.StreamReader) -> None:
        while line := await answers.readline():
            reply = json.loads(line)
            future = self._waiting.pop(reply["id"], None)
            if future is None or future.done():
                continue
            if "error" in reply:
                kind = _ERRORS.get(reply["error"]["kind"], DriverError)
                future.set_exception(kind(reply["error"]["message"]))
            else:
                future.set_result(reply["result"])

    async def _call(self, call: str, **content: Any) -> Any:
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            raise RobotOffline(f"robot {self._name} is not connected")
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            process.stdin.write(
                json.dumps({"id": number, "call": call, **content}).encode() + b"\n"
            )
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            self._waiting.pop(number, None)
            raise RobotOffline(f"robot {self._name}: its driver's process has ended") from None
        return await future
