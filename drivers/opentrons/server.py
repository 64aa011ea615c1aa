"""The HTTP server of an Opentrons robot: requests, and answers that are checked.

Whatever answers, and however, ends in an answer of the expected form or in a driver's error.
"""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from drivers.base import DriverError, RobotOffline
from drivers.opentrons.answers import (
    Action,
    Command,
    Data,
    ErrorDetail,
    Errors,
    Health,
    Module,
    Protocol,
    Run,
)

_HEADERS = {"Opentrons-Version": "4"}
_MOST_COMMANDS = 10_000
_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_S = 30.0
_MARK = re.compile(r"^operation (\d{1,6}) done: ")

T = TypeVar("T")


class NotThere(DriverError):
    """The server does not have what was asked for."""


class RobotServer:
    """The line to one robot server.

    Every answer ends after at most `longest_s` seconds and 64 MiB, unpacked.
    """

    def __init__(
        self,
        robot: str,
        address: str,
        transport: httpx.AsyncBaseTransport | None = None,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self._longest_s = longest_s
        self._robot, self._address, self._transport = robot, address, transport
        self._client: httpx.AsyncClient | None = None
        self.now: datetime | None = None
        """The time on the robot's clock at its last answer, if it said; it may be years off."""

    async def open(self) -> None:
        """See that a robot server is there and has started.

        Raises:
            RobotOffline: nothing answers, it is starting, or something else answers.
        """
        if self._client is not None:
            return
        try:
            client = httpx.AsyncClient(
                base_url=self._address, headers=_HEADERS, timeout=10.0, transport=self._transport
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise RobotOffline(self._silence(error)) from None
        self._client = client
        try:
            answer = await self._request("GET", "/health")
            if answer.status_code == 503:
                raise RobotOffline(f"robot {self._robot} is still starting")
            if not answer.is_success and (told := self._refusal(answer)):
                raise RobotOffline(f"robot {self._robot} refuses: {told}")
            self._read(Health, answer)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the line."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def runs(self) -> list[Run]:
        """All runs that it remembers, oldest first."""
        return await self._send(list[Run], "GET", "/runs")

    async def run(self, name: str) -> Run | None:
        """A run; None if it has none of this name (any more)."""
        try:
            return await self._send(Run, "GET", f"/runs/{name}")
        except NotThere:
            return None

    async def marks(self, run: str) -> set[int]:
        """The operations (from 0) that a run has marked as done."""
        commands = await self._send(
            list[Command],
            "GET",
            f"/runs/{run}/commands",
            params={"pageLength": _MOST_COMMANDS, "cursor": 0},
        )
        comments = [comment for command in commands for comment in command.comments]
        return {int(found[1]) - 1 for comment in comments if (found := _MARK.match(comment))}

    async def modules(self) -> list[Module]:
        """The modules that are attached to it."""
        return await self._send(list[Module], "GET", "/modules")

    async def upload(self, text: str, key: str) -> Protocol:
        """Give it a protocol; the same one again is the same protocol."""
        files = {"files": ("job.py", text.encode())}
        return await self._send(Protocol, "POST", "/protocols", files=files, data={"key": key})

    async def make_run(self, protocol: str) -> Run:
        """Make a run; another one that nobody started is then gone."""
        return await self._send(Run, "POST", "/runs", json={"data": {"protocolId": protocol}})

    async def act(self, run: str, action: str) -> None:
        """Play, pause or stop a run."""
        await self._send(
            Action, "POST", f"/runs/{run}/actions", json={"data": {"actionType": action}}
        )

    def age(self, moment: datetime) -> timedelta | None:
        """How long ago a moment of the robot's clock was; None if that cannot be told."""
        if self.now is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(timedelta(0), self.now - moment)

    async def _send(self, kind: type[T], method: str, path: str, **content: Any) -> T:
        answer = await self._request(method, path, **content)
        if answer.is_success:
            found: Data[T] = self._read(Data[kind], answer)  # type: ignore[valid-type]
            return found.data
        told = self._read(Errors, answer).errors[0]
        if answer.status_code == 404:
            raise NotThere(f"robot {self._robot} has no {path}: {told}")
        if answer.status_code in (409, 503):
            raise RobotOffline(f"robot {self._robot} is busy: {told.detail or told}")
        raise DriverError(f"robot {self._robot} refuses {method} {path}: {told}")

    async def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        if self._client is None:
            raise RobotOffline(f"robot {self._robot} is not connected")
        try:
            async with asyncio.timeout(self._longest_s):
                answer = await self._whole(self._client, method, path, **content)
        except TimeoutError:
            why = f"its answer did not end within {self._longest_s:g} s"
            raise RobotOffline(self._silence(TimeoutError(why))) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            raise RobotOffline(self._silence(error)) from None
        except ExceptionGroup as group:  # of attempts to connect, such as to a port beyond 65535
            raise RobotOffline(self._silence(group.exceptions[0])) from None
        try:
            self.now = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError, TypeError, IndexError, OverflowError):
            self.now = None
        if self.now is not None and self.now.tzinfo is None:
            self.now = self.now.replace(tzinfo=UTC)
        return answer

    @staticmethod
    async def _whole(
        client: httpx.AsyncClient, method: str, path: str, **content: Any
    ) -> httpx.Response:
        """An answer with its body, of which no more is unpacked than may come."""
        async with client.stream(method, path, **content) as answer:
            body = bytearray()
            async for part in answer.aiter_bytes(chunk_size=1 << 16):
                body += part
                if len(body) > _MOST_BYTES:
                    raise ValueError(f"its answer has more than {_MOST_BYTES >> 20} MiB")
        unpacked = ("content-encoding", "content-length", "transfer-encoding")
        headers = [one for one in answer.headers.multi_items() if one[0].lower() not in unpacked]
        return httpx.Response(answer.status_code, headers=headers, content=bytes(body))

    def _refusal(self, answer: httpx.Response) -> ErrorDetail | None:
        """The first error that a robot server says; None where something else answers."""
        try:
            found: Errors = _adapter(Errors).validate_json(answer.content)
        except (ValidationError, RecursionError):
            return None
        return found.errors[0]

    def _read(self, kind: type[BaseModel], answer: httpx.Response) -> Any:
        try:
            return _adapter(kind).validate_json(answer.content)
        except (ValidationError, RecursionError):
            kind_of_answer = answer.headers.get("Content-Type", "nothing that says what it is")
            raise RobotOffline(
                f"robot {self._robot}: {self._address} answers, but not as an Opentrons robot "
                f"server (status {answer.status_code}, {kind_of_answer[:80]}): is the address "
                "right, and does a network in between ask somebody to sign in?"
            ) from None

    def _silence(self, error: Exception) -> str:
        why = str(error) or type(error).__name__
        return f"robot {self._robot} does not answer at {self._address!r}: {why}"


@lru_cache
def _adapter(kind: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
