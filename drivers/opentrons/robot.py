"""The driver for Opentrons robots: a job becomes a protocol, analysed and run over HTTP."""

import asyncio
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel

from drivers.base import Capabilities, DriverError, JobRefused, KeyMemory, RobotOffline, RobotSetup
from drivers.environment import environment_folder, interpreter
from drivers.opentrons.deck import PLATES, OpentronsOptions
from drivers.opentrons.protocol_text import compile_protocol
from drivers.refusal import refuse_unfit
from protocols.jobs import Job, JobReport

_HEADERS = {"Opentrons-Version": "4"}
_UNDER_WAY = {
    "running",
    "paused",
    "finishing",
    "stop-requested",
    "blocked-by-open-door",
    "awaiting-recovery",
}
_OPERATIONS = ("move", "dispense", "aspirate", "mix", "incubate", "detach", "transfer")
_MOST_COMMANDS = 10_000


class OpentronsRobot:
    """An Opentrons OT-2 at `address` (the URL of its robot server, such as http://HOST:31950).

    The robot's own server is its memory: a job's key is the key of its protocol, and a run of that
    protocol is the job. A run that the server lost when it was restarted is a job in doubt.
    """

    Options: ClassVar[type[BaseModel]] = OpentronsOptions
    simulated: ClassVar[bool] = False

    def __init__(self, setup: RobotSetup) -> None:
        self._setup = setup
        self._options: OpentronsOptions = setup.options
        self._client: httpx.AsyncClient | None = None
        self._submitting = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """What the pipettes can do.

        A volume above the largest pipette's is no limit: it is dispensed in several strokes.
        """
        least = min(pipette.least_ul for pipette in self._options.pipettes.values())
        within = {"volume_ul": (least, float("inf"))}
        operations = {
            kind: within if kind in ("dispense", "aspirate", "transfer") else {}
            for kind in _OPERATIONS
        }
        able = Capabilities(
            operations=operations, labware=frozenset(PLATES), memory=KeyMemory.REMEMBERS_KEYS
        )
        return able.narrowed(self._setup.limits)

    async def connect(self) -> None:
        """See that the robot is there and has started."""
        if self._client is None:
            client = httpx.AsyncClient(base_url=self._setup.address, headers=_HEADERS, timeout=10.0)
            try:
                answer = await client.get("/health")
                if answer.status_code == 503:
                    raise RobotOffline(f"robot {self._setup.name} is still starting")
                answer.raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                await client.aclose()
                raise RobotOffline(self._silence(error)) from None
            except RobotOffline:
                await client.aclose()
                raise
            self._client = client

    async def submit(self, job: Job) -> None:
        """Compile, analyse, upload and start a job; a key that the robot has is not sent again."""
        async with self._submitting:
            if await self._run_of(job.key) is not None:
                return
            refuse_unfit(self._setup.name, self.capabilities, job)
            text, _ = compile_protocol(job, self._options, self._setup.name)
            await self._analyse(text)
            protocol = await self._send(
                "POST",
                "/protocols",
                files={"files": ("job.py", text.encode())},
                data={"key": job.key},
            )
            run = await self._send("POST", "/runs", json={"data": {"protocolId": protocol["id"]}})
            await self._act(run["id"], "play")

    async def poll(self, key: str) -> JobReport:
        """What became of the run of a key's protocol."""
        run = await self._run_of(key)
        if run is None:
            return JobReport(key=key, state="unknown")
        status = str(run["status"])
        if status == "idle" and not run.get("actions"):
            # The line dropped between making the run and starting it.
            await self._act(run["id"], "play")
            status = "running"
        lost = run.get("ok") is False
        done = 0 if lost else await self._operations_done(run["id"])
        message = {
            "paused": "the run waits for a person at the robot",
            "blocked-by-open-door": "the robot's door is open",
            "awaiting-recovery": "the robot waits for a person to recover from an error",
        }.get(status, "")
        if lost:
            message = (
                "the robot's server was restarted in the middle of the run and does not "
                "know how far it came"
            )
            return JobReport(key=key, state="in_doubt", message=message)
        if status in _UNDER_WAY or status == "idle":
            return JobReport(key=key, state="running", operations_done=done, message=message)
        ended = run.get("completedAt")
        ended_at = (
            datetime.fromisoformat(ended.replace("Z", "+00:00"))
            if ended
            else self._setup.clock.now()
        )
        if status == "succeeded":
            return JobReport(key=key, state="done", operations_done=done, ended_at=ended_at)
        if status == "stopped":
            message = "the run was stopped"
        errors = "; ".join(str(error.get("detail", error)) for error in run.get("errors") or [])
        return JobReport(
            key=key,
            state="failed",
            operations_done=done,
            message=errors or message or status,
            ended_at=ended_at,
        )

    async def stop(self) -> None:
        """Stop the run that is under way."""
        for run in await self._send("GET", "/runs"):
            if run.get("current") and run["status"] in {*_UNDER_WAY, "idle"}:
                await self._act(run["id"], "stop")
                async with asyncio.timeout(self.capabilities.stop_s):
                    while (await self._send("GET", f"/runs/{run['id']}"))["status"] in _UNDER_WAY:
                        await asyncio.sleep(0.1)

    async def pause(self) -> None:
        """Pause the run that is under way."""
        await self._act_on_current({"running"}, "pause")

    async def resume(self) -> None:
        """Let a paused run go on."""
        await self._act_on_current({"paused"}, "play")

    async def _act_on_current(self, statuses: set[str], action: str) -> None:
        for run in await self._send("GET", "/runs"):
            if run.get("current") and run["status"] in statuses:
                await self._act(run["id"], action)
                return
        raise DriverError(
            f"robot {self._setup.name} has no run that is {' or '.join(sorted(statuses))}"
        )

    async def close(self) -> None:
        """Close the connection; a run goes on."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def preview(self, job: Job) -> tuple[str, str]:
        """The protocol for a job, and its budget of tips and volumes; nothing is sent.

        Raises:
            JobRefused: it cannot be done, or the analysis finds an error.
        """
        text, budget = compile_protocol(job, self._options, self._setup.name)
        await self._analyse(text)
        return text, str(budget)

    async def _run_of(self, key: str) -> dict[str, Any] | None:
        protocols = {
            entry["id"]
            for entry in await self._send("GET", "/protocols")
            if entry.get("key") == key
        }
        runs = [
            run for run in await self._send("GET", "/runs") if run.get("protocolId") in protocols
        ]
        return dict(runs[-1]) if runs else None

    async def _operations_done(self, run: str) -> int:
        commands = await self._send(
            "GET", f"/runs/{run}/commands", params={"pageLength": _MOST_COMMANDS, "cursor": 0}
        )
        return sum(
            command["commandType"] == "comment"
            and command["status"] == "succeeded"
            and str(command["params"].get("message", "")).startswith("operation ")
            for command in commands
        )

    async def _act(self, run: str, action: str) -> None:
        await self._send("POST", f"/runs/{run}/actions", json={"data": {"actionType": action}})

    async def _send(self, method: str, path: str, **content: Any) -> Any:
        if self._client is None:
            raise RobotOffline(f"robot {self._setup.name} is not connected")
        try:
            answer = await self._client.request(method, path, **content)
        except httpx.HTTPError as error:
            raise RobotOffline(self._silence(error)) from None
        if answer.is_success:
            return answer.json()["data"]
        try:
            told = answer.json()["errors"][0]
        except (ValueError, KeyError, IndexError):
            told = {"id": str(answer.status_code), "detail": answer.text[:200]}
        if answer.status_code in (409, 503):
            raise RobotOffline(
                f"robot {self._setup.name} is busy: {told.get('detail', told['id'])}"
            )
        raise DriverError(
            f"robot {self._setup.name} refuses {method} {path}: {told['id']}: "
            f"{told.get('detail', '')}"
        )

    async def _analyse(self, text: str) -> None:
        """Simulate a protocol with the opentrons package, in an environment of its own."""
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

    def _silence(self, error: Exception) -> str:
        why = str(error) or type(error).__name__
        return f"robot {self._setup.name} does not answer at {self._setup.address!r}: {why}"


async def analyse(text: str, python: Path) -> list[str]:
    """The errors that the opentrons package of an interpreter finds in a protocol.

    Raises:
        DriverError: the analysis itself cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, result = Path(folder) / "protocol.py", Path(folder) / "result.json"
        file.write_text(text, encoding="utf-8")
        command = [
            str(python),
            "-m",
            "opentrons.cli",
            "analyze",
            f"--json-output={result}",
            str(file),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OT_API_CONFIG_DIR": folder},
        )
        _, errors = await process.communicate()
        if not result.exists():
            raise DriverError(
                "the opentrons analysis cannot be run: "
                f"{errors.decode(errors='replace').strip()[-300:]}"
            )
        analysis = json.loads(result.read_text(encoding="utf-8"))
    return [f"{error['errorType']}: {error['detail']}" for error in analysis["errors"]]
