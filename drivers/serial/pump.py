"""The driver for serial pumps that a profile describes."""

import asyncio
import re
import time
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Capabilities, DriverError, KeyMemory, RobotOffline, RobotSetup
from drivers.device import Device, OperationFailed
from drivers.serial.line import NoAnswer, SerialLine
from drivers.serial.profile import Exchange, Phase, Profile, read_profile
from protocols.jobs import Job, Reading
from protocols.operations import Aspirate, Dispense, Operation

_LOOK_S = 0.05
"""How often a pump that moves is asked how far it is."""

_LEAST_TO_SHOW_S, _MOST_TO_SHOW_S = 0.25, 5.0
"""How long a movement is given until the pump's own count shows it."""


_LOOKS = 9
"""How often it is looked until two answers in a row agree."""

_ROUNDING = 0.01
"""By how much of a volume the pump's steps may miss it."""


class SerialOptions(BaseModel):
    """Options of a serial pump in a lab file; its port is the robot's `address`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = Field(
        description="name of a profile that comes with wellwise, or path of a YAML file"
    )
    device: str = Field(
        "", description="the pump's own address on the line; the profile's usual one if absent"
    )
    outlets: dict[str, str] = Field(
        default_factory=dict,
        description="well -> address of the pump that serves it, where several share the line",
    )
    settings: dict[str, float] = Field(
        default_factory=dict, description="settings of the profile, such as calibrations"
    )
    capture: Path | None = Field(
        None, description="file that takes every byte that goes over the line"
    )


class SerialPump(Device):
    """A pump on a serial line, described by a profile (`options: {profile: NAME}`).

    Its port is the robot's `address`.

    A start whose answer was lost is never simply sent again: the pump is first asked for what it
    has moved.
    """

    Options: ClassVar[type[BaseModel]] = SerialOptions

    def __init__(self, setup: RobotSetup) -> None:
        """Read the profile.

        Raises:
            DriverError: there is no such profile, or options do not fit it.
        """
        super().__init__(setup)
        options: SerialOptions = setup.options
        self._profile: Profile = read_profile(options.profile)
        unknown = options.settings.keys() - self._profile.settings.keys()
        if unknown:
            raise DriverError(
                f"robot {setup.name}: profile {options.profile} has no setting "
                f"{', '.join(sorted(unknown))} "
                f"(expected some of {', '.join(self._profile.settings)})"
            )
        defaults = {name: setting.default for name, setting in self._profile.settings.items()}
        self._settings = defaults | options.settings
        self._outlets = options.outlets
        self._device = options.device or self._profile.address.default
        for address in (self._device, *self._outlets.values()):
            if not re.search(self._profile.address.pattern, address):
                raise DriverError(
                    f"robot {setup.name}: {address!r} cannot be the address of a "
                    f"{self._profile.title} "
                    f"(expected {self._profile.address.pattern})"
                )
        self._line = SerialLine(self._profile, setup.address, options.capture)

    @property
    def capabilities(self) -> Capabilities:
        """The operations of the profile, within its limits and those of the lab.

        The least volume is one that the pump's steps can make to within 1 %.
        """
        limits = dict(self._profile.limits)
        low, high = limits.get("volume_ul", (0.0, float("inf")))
        coarsest = max(
            scaled.step_ul(self._settings) for scaled in self._profile.quantities.values()
        )
        limits["volume_ul"] = (max(low, coarsest / (2 * _ROUNDING)), high)
        able = Capabilities(
            operations=dict.fromkeys(self._profile.operations, limits),
            memory=KeyMemory.REMEMBERS_KEYS,
            stop_s=2.0 + self._profile.answer_s * (self._profile.retries + 1),
        )
        return able.narrowed(self.setup.limits)

    async def open(self) -> None:
        """Open the port and make sure that the right pump answers."""
        await asyncio.to_thread(self._line.open)
        try:
            for address in self._addresses():
                await self._make_ready(address)
        except BaseException:
            self._line.close()
            raise

    async def _make_ready(self, address: str) -> None:
        words = self._words(address, 1.0)
        try:
            try:
                await self._settle(self._profile.identify, words)
            except OperationFailed:
                # An error from before, such as that its power was off, is reported once.
                await self._settle(self._profile.identify, words)
            for exchange in self._profile.prepare:
                await self._settle(exchange, words)
        except NoAnswer as silence:
            raise RobotOffline(
                f"no {self._profile.title} answers as {address} on {self.setup.address} at "
                f"{self._profile.line} "
                f"({silence}): is it on, is the cable right, does it use these settings?"
            ) from None
        except OperationFailed as error:
            raise RobotOffline(f"{error} (while it was made ready)") from None

    async def shut(self) -> None:
        """Close the port."""
        self._line.close()

    async def halt(self) -> None:
        """Stop every pump on the line."""
        for address in self._addresses():
            try:
                await self._settle(self._profile.stop, self._words(address, 1.0))
            except NoAnswer as silence:
                raise RobotOffline(
                    f"robot {self.setup.name} did not acknowledge the stop ({silence})"
                ) from None

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        """Move the operation's volume, in the phases of the profile."""
        assert isinstance(operation, Dispense | Aspirate)
        address = self._outlets.get(operation.well, self._device)
        words = self._words(address, operation.volume_ul)
        for phase in self._profile.operations[operation.kind]:
            try:
                await self._move(
                    phase, words, self._profile.seconds.seconds(operation.volume_ul, self._settings)
                )
            except NoAnswer as silence:
                raise RobotOffline(
                    f"robot {self.setup.name} stopped answering ({silence})"
                ) from None
        return None

    async def _move(self, phase: Phase, words: dict[str, str], seconds: float) -> None:
        await self._begin(phase, words, seconds)
        patience = 2 * seconds + self._profile.grace_s
        deadline = time.monotonic() + patience
        while await self._seen(phase, words) != "done":
            if time.monotonic() > deadline:
                raise RobotOffline(f"robot {self.setup.name} has not ended after {patience:.0f} s")
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, phase: Phase, words: dict[str, str], seconds: float) -> None:
        """Start a movement, once.

        Raises:
            RobotOffline: the pump is not in the state from which it can start, or never received
                the start.
            OperationFailed: the pump says that it cannot, and has not begun.
        """
        why = ""
        for _ in range(self._profile.retries + 1):
            for exchange in phase.prepare:
                await self._settle(exchange, words)
            if not await self._ready(phase, words):
                # A setting may have come garbled to a pump that has no check of its own: set it
                # again.
                why = "is not in the state from which this movement begins"
                continue
            try:
                await self._say(phase.go, words)
                return
            except NoAnswer:
                why = "never received the start"
                refusal = None
            except OperationFailed as error:
                refusal = error
            # No answer, or one that may itself have come garbled: what counts is whether it moves.
            # A movement that has just begun looks like none until the pump's own count has changed,
            # so it is given time to.
            await asyncio.sleep(min(max(_LEAST_TO_SHOW_S, seconds / 2), _MOST_TO_SHOW_S))
            if await self._seen(phase, words) != "not begun":
                return
            if refusal is not None:
                raise refusal
        raise RobotOffline(
            f"robot {self.setup.name} {why} (tried {self._profile.retries + 1} times)"
        )

    async def _ready(self, phase: Phase, words: dict[str, str]) -> bool:
        """Wait until the pump is where the movement begins; what prepares it may move it too.

        Returns: False if it is somewhere else, as after a setting that came garbled.

        Raises:
            RobotOffline: it moves, or has moved, though nobody started it: a question may have come
                to it as a start.
        """
        deadline = time.monotonic() + self._profile.grace_s
        while (seen := await self._seen(phase, words)) != "not begun":
            if time.monotonic() > deadline:
                before = await self._settle(phase.evidence, words)
                await asyncio.sleep(_LEAST_TO_SHOW_S)
                if seen == "done" or before != await self._settle(phase.evidence, words):
                    raise RobotOffline(f"robot {self.setup.name} moved before it was started")
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    async def _seen(
        self, phase: Phase, words: dict[str, str]
    ) -> Literal["not begun", "moving", "done"]:
        """What became of a movement, seen twice in a row: one answer may have come garbled."""
        before = None
        for _ in range(_LOOKS):
            answer = await self._settle(phase.evidence, words)
            seen: Literal["not begun", "moving", "done"] = "moving"
            if re.search(_filled(phase.not_begun, words), answer):
                seen = "not begun"
            elif re.search(_filled(phase.done, words), answer):
                seen = "done"
            if seen == before:
                return seen
            before = seen
        raise NoAnswer("its answers contradict each other")

    async def _settle(self, exchange: Exchange, words: dict[str, str]) -> str:
        """Send a query without effect until it is answered.

        An error is believed when it is reported twice, or at once if its frame has a checksum.
        """
        told = 0
        for left in range(self._profile.retries, -1, -1):
            try:
                return await self._say(exchange, words)
            except NoAnswer:
                if left == 0:
                    raise
            except OperationFailed:
                told += 1
                if told > 1 or left == 0 or self._profile.frame.kind == "length_crc":
                    raise
        raise AssertionError("unreachable")

    async def _say(self, exchange: Exchange, words: dict[str, str]) -> str:
        """Send a message once, and wait for the answer that belongs to it.

        Raises:
            NoAnswer: none came that can be one, or it came garbled to the pump.
            OperationFailed: the pump says that it cannot.
        """
        frame = self._profile.frame
        message = _filled(frame.prefix, words) + exchange.send.format(**words) + frame.suffix
        expected = _filled(exchange.expect or self._profile.acknowledged, words)
        deadline = time.monotonic() + self._profile.answer_s
        answer = await self._line.ask(message, self._profile.answer_s)
        while True:
            if self._profile.damaged and re.search(self._profile.damaged, answer):
                raise NoAnswer(f"{answer!r}: it came damaged")
            if re.search(expected, answer):
                return answer
            for pattern, sentence in self._profile.errors.items():
                if re.search(pattern, answer):
                    raise OperationFailed(f"robot {self.setup.name}: {sentence}")
            answer = await self._line.next_answer(deadline - time.monotonic())

    def _addresses(self) -> list[str]:
        return list(dict.fromkeys(self._outlets.values())) or [self._device]

    def _words(self, address: str, volume_ul: float) -> dict[str, str]:
        texts = {
            name: scaled.text(volume_ul, self._settings)
            for name, scaled in self._profile.quantities.items()
        }
        return {"address": address, **texts}


class MasterflexLS(SerialPump):
    """A Masterflex L/S peristaltic pump on its serial port."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("masterflex-ls", description="profile of the pump")


class NE1000(SerialPump):
    """A New Era NE-1000 syringe pump on its serial port, in safe mode."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("ne-1000", description="profile of the pump")


class CavroXLP(SerialPump):
    """A Tecan Cavro XLP 6000 syringe pump on its serial port."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("cavro-xlp", description="profile of the pump")


def _filled(pattern: str, words: dict[str, str]) -> str:
    """A pattern with words in its braces; other braces are left as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), pattern)
