"""Any driver in an interpreter of its own, for packages that conflict with ours.

If that process ends, the driver is disconnected.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import subprocess
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from drivers.base import (
    Capabilities,
    DeviceCannotWork,
    DriverError,
    FencedOff,
    JobRefused,
    KeyConflict,
    RobotOffline,
    RobotSetup,
)
from drivers.telemetry import Measurement
from protocols.jobs import Job, JobReport

_LONGEST_LINE = 2**31
"""Bytes of one answer: images of 96 wells, 4 megapixels of 16 bits each, in base64."""

_START_S = 60.0
"""How long an interpreter may take until its driver is made."""

_LAST_WORDS_S = 1.0
"""How long the last lines of a process that has ended are waited for."""

_KEPT_LINES = 5
"""How many of the last lines on its stderr are shown when it ends."""

_ERRORS: dict[str, type[DriverError]] = {
    kind.__name__: kind for kind in (RobotOffline, JobRefused, KeyConflict)
}


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

    limit_s: ClassVar[Mapping[str, float]] = {
        "connect": 60.0,
        "submit": 120.0,
        "poll": 30.0,
        "close": 10.0,
    }
    """How long a call may take; `stop` as long as the driver declares."""

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
                "fence": setup.fence,
                "home_fence": setup.home_fence,
                "journal": setup.journal,
            }
        )
        self._log = logging.getLogger(f"wellwise.drivers.{setup.name}")
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
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
        answer = await self._call("poll", key=key)
        try:
            return JobReport.model_validate(answer)
        except ValidationError as error:
            why = error.errors()[0]
            raise DriverError(
                f"robot {self._name}: its driver's report is wrong: {why['loc']}: {why['msg']}"
            ) from None

    async def telemetry(self) -> list[Measurement]:
        """As the driver does; nothing where it has none."""
        return [Measurement(*found) for found in await self._call("telemetry")]

    async def stop(self) -> None:
        """As the driver does, in the time that it declares.

        Raises:
            RobotOffline: the driver hangs; its process was ended, and somebody has to stop the
                robot by hand.
        """
        try:
            await self._call("stop")
        except TimeoutError:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
            raise RobotOffline(
                f"robot {self._name}: its driver did not confirm the stop within "
                f"{self._capabilities.stop_s:g} s and was ended: STOP THE ROBOT BY HAND"
            ) from None

    async def close(self) -> None:
        """Have the driver close its line, and end its interpreter."""
        if self._process is None:
            return
        with contextlib.suppress(DriverError, TimeoutError):
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
            await asyncio.wait([self._reading], timeout=_LAST_WORDS_S)
            self._reading.cancel()
            self._logging.cancel()

    def _describe(self) -> Capabilities:
        try:
            ran = subprocess.run(  # noqa: S603 - the lab's own interpreter
                self._command,
                input=self._greeting.encode() + b"\n",
                capture_output=True,
                check=False,
                timeout=_START_S,
            )
        except subprocess.TimeoutExpired:
            raise DriverError(
                f"robot {self._name}: its driver was not made in {self._python} within "
                f"{_START_S:g} s"
            ) from None
        except OSError as error:
            raise DriverError(
                f"robot {self._name}: its interpreter {self._python} cannot be started: {error}"
            ) from None
        errors = ran.stderr.decode(errors="replace")
        for line in errors.splitlines():
            self._log.warning("%s", line)
        return self._declared(ran.stdout, errors)

    def _declared(self, output: bytes, errors: str) -> Capabilities:
        """What the driver says that it can do, in what its process said at its start."""
        lines = output.splitlines()
        for line in lines:
            said = self._message(line)
            if said is not None and "capabilities" in said:
                try:
                    return Capabilities.model_validate(said["capabilities"])
                except ValidationError as error:
                    why = error.errors()[0]
                    errors = f"its capabilities are wrong: {why['loc']}: {why['msg']}"
            elif said is not None and "error" in said:
                errors = str(said["error"]).partition("\n")[0]
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        raise DriverError(
            f"robot {self._name}: its driver cannot be made in {self._python}: {last}"
        )

    def _message(self, line: bytes) -> dict[str, Any] | None:
        """A line as a message; None, and a line of the log, if it is none."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict):
            return said
        self._log.warning("this is no answer of its driver: %r", line[:200])
        return None

    async def _start(self) -> None:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            raise RobotOffline(
                f"robot {self._name}: its interpreter cannot be started: {error}"
            ) from None
        assert self._process.stdin is not None
        self._process.stdin.write(self._greeting.encode() + b"\n")
        self._logging = asyncio.create_task(self._log_errors(self._process))
        try:
            async with asyncio.timeout(_START_S):
                await self._until_made(self._process)
        except TimeoutError:
            self._process.kill()
            raise RobotOffline(
                f"robot {self._name}: its driver was not made within {_START_S:g} s"
            ) from None
        self._reading = asyncio.create_task(self._read(self._process))

    async def _until_made(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = self._message(line)
            if said is not None and "capabilities" in said:
                return
            if said is not None and "error" in said:
                raise RobotOffline(
                    f"robot {self._name}: its driver cannot be made any more: {said['error']}"
                )
        await process.wait()
        raise RobotOffline(f"robot {self._name}: its driver's process ended at once{self._last()}")

    async def _log_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        rest = b""
        while data := await process.stderr.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > 65536:
                lines, rest = [*lines, rest], b""
            for line in lines:
                text = line.decode(errors="replace")
                self._last_lines.append(text)
                self._log.warning("%s", text)

    def _last(self) -> str:
        """The last line that its process wrote on stderr, as the end of a sentence."""
        lines = [line for line in self._last_lines if line.strip()]
        return f": {lines[-1][:300]}" if lines else ""

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stdin is not None
        why = ""
        try:
            await self._read_answers(process.stdout)
        except ValueError:
            why = f": an answer was longer than {_LONGEST_LINE >> 20} MiB"
            process.kill()
        finally:
            # Nobody listens any more: the driver closes its line and ends.
            process.stdin.close()
        code = await process.wait()
        # Something that it started may still have its stderr.
        await asyncio.wait([self._logging], timeout=_LAST_WORDS_S)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    RobotOffline(
                        f"robot {self._name}: its driver's process ended ({code})"
                        f"{why or self._last()}"
                    )
                )
        self._waiting.clear()

    async def _read_answers(self, answers: asyncio.StreamReader) -> None:
        while line := await answers.readline():
            reply = self._message(line)
            number = None if reply is None else reply.get("id")
            if reply is None or not isinstance(number, int):
                continue
            future = self._waiting.pop(number, None)
            if future is None or future.done():
                continue
            if isinstance(told := reply.get("error"), dict):
                future.set_exception(_error(told))
            else:
                future.set_result(reply.get("result"))

    async def _call(self, call: str, **content: Any) -> Any:
        """Have the driver do something.

        Raises:
            RobotOffline: it does not run, or has not answered in time.
            TimeoutError: it has not answered a `stop` or `close` in time.
        """
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            raise RobotOffline(f"robot {self._name} is not connected")
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        limit_s = self.limit_s.get(call, self._capabilities.stop_s)
        try:
            async with asyncio.timeout(limit_s):
                process.stdin.write(
                    json.dumps({"id": number, "call": call, **content}).encode() + b"\n"
                )
                await process.stdin.drain()
                return await future
        except (BrokenPipeError, ConnectionResetError):
            raise RobotOffline(
                f"robot {self._name}: its driver's process has ended{self._last()}"
            ) from None
        except TimeoutError:
            if call in ("stop", "close"):
                raise
            raise RobotOffline(
                f"robot {self._name}: its driver has not answered {call} within {limit_s:g} s"
            ) from None
        finally:
            self._waiting.pop(number, None)


def _error(told: dict[str, Any]) -> DriverError:
    """The error that the driver raised, as far as it is one of the contract."""
    kind, message = told.get("kind"), str(told.get("message", "it does not say why"))
    if kind == DeviceCannotWork.__name__:
        return DeviceCannotWork(message, begun=told.get("begun") is True)
    if kind == FencedOff.__name__:
        newest = told.get("newest")
        return FencedOff(message, newest if isinstance(newest, int) else 0)
    return _ERRORS.get(str(kind), DriverError)(message)
