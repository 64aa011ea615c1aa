"""The driver for serial pumps that a profile describes."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Capabilities, DriverError, KeyMemory, RobotOffline, RobotSetup
from drivers.device import Device, DeviceCannotWork
from drivers.serial.conversation import LOOK_S, Conversation, Refused, filled
from drivers.serial.line import NoAnswer, SerialLine
from drivers.serial.profile import Heartbeat, Phase, Profile, read_profile
from protocols.jobs import Job, Reading
from protocols.operations import Aspirate, Dispense, Operation

_LEAST_TO_SHOW_S, _MOST_TO_SHOW_S = 0.25, 5.0
"""How long a movement is given until the pump's own count shows it."""


_LOOKS = 9
"""How often it is looked until two answers in a row agree."""

_ROUNDING = 0.01
"""By how much of a volume the pump's steps may miss it."""

_SHORT = 0.02
"""By how much of a volume the pump's own count may miss it."""

Seen = Literal["not begun", "moving", "done", "stopped short"]


class _NotBegun(Exception):
    """A movement was certainly not begun."""


class _MovedUnasked(Exception):
    """A pump has moved though nobody started it: nobody knows what it did."""


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
    choices: dict[str, str] = Field(
        default_factory=dict, description="choices of the profile, such as the port of the waste"
    )
    capture: Path | None = Field(
        None, description="file that takes every byte that goes over the line"
    )


class SerialPump(Device):
    """A pump on a serial line, described by a profile (`options: {profile: NAME}`).

    Its port is the robot's `address`.

    A start whose answer was lost is never simply sent again: the pump is first asked for what it
    has moved. A pump that was switched off between two movements is brought to work again; one that
    cannot work costs no well.
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
        self._refuse_unknown("setting", options.settings, self._profile.settings)
        self._refuse_unknown("choice", options.choices, self._profile.choices)
        defaults = {name: setting.default for name, setting in self._profile.settings.items()}
        self._settings = defaults | options.settings
        self._choices = {name: one.default for name, one in self._profile.choices.items()}
        for name, chosen in options.choices.items():
            if chosen not in self._profile.choices[name].of:
                raise DriverError(
                    f"robot {setup.name}: {name} cannot be {chosen!r} (expected one of "
                    f"{', '.join(self._profile.choices[name].of)})"
                )
            self._choices[name] = chosen
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
        self._conversation = Conversation(setup.name, setup.address, self._profile, self._line)
        self._heart: asyncio.Task[None] | None = None

    def _refuse_unknown(
        self, what: str, given: Mapping[str, object], known: Mapping[str, object]
    ) -> None:
        if unknown := given.keys() - known.keys():
            raise DriverError(
                f"robot {self.setup.name}: profile {self.setup.options.profile} has no {what} "
                f"{', '.join(sorted(unknown))} (expected some of {', '.join(known)})"
            )

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
        """Open the port, bring the pumps to work and make sure that the right ones answer."""
        await self._open_line()
        if self._profile.heartbeat is not None:
            self._heart = asyncio.create_task(self._beat(self._profile.heartbeat))

    async def _open_line(self) -> None:
        await asyncio.to_thread(self._line.open)
        try:
            for address in self._addresses():
                await self._conversation.make_ready(self._words(address, 1.0))
        except BaseException:
            self._line.close()
            raise

    async def _beat(self, heartbeat: Heartbeat) -> None:
        """Let pumps that wait hear something, so that their safe mode does not stop them."""
        while True:
            await asyncio.sleep(self._settings[heartbeat.setting] / 3)
            for address in self._addresses():
                # While one of them moves, it is asked anyway, and its alarms are for that movement.
                if not self._turn.locked() and self._line.is_open:
                    with contextlib.suppress(NoAnswer, Refused, RobotOffline):
                        await self._conversation.say(heartbeat.exchange, self._words(address, 1.0))

    async def shut(self) -> None:
        """Close the port."""
        heart, self._heart = self._heart, None
        if heart is not None:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
        self._line.close()

    async def halt(self) -> None:
        """Stop every pump on the line."""
        for address in self._addresses():
            try:
                for exchange in self._profile.stop:
                    await self._conversation.settle(exchange, self._words(address, 1.0))
            except Refused as error:
                raise RobotOffline(f"{error} (when it was stopped)") from None
            except NoAnswer as silence:
                raise RobotOffline(
                    f"robot {self.setup.name} did not acknowledge the stop ({silence})"
                ) from None

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        """Move the operation's volume, in the phases of the profile."""
        assert isinstance(operation, Dispense | Aspirate)
        address = self._outlets.get(operation.well, self._device)
        words = self._words(address, operation.volume_ul)
        moved = False
        for phase in self._profile.operations[operation.kind]:
            try:
                await self._move(phase, words, operation.volume_ul, moved)
            except _NotBegun as why:
                raise DeviceCannotWork(str(why), begun=moved) from None
            except Refused as error:
                raise DeviceCannotWork(str(error), begun=True) from None
            except _MovedUnasked as why:
                raise RobotOffline(str(why)) from None
            except NoAnswer as silence:
                raise RobotOffline(
                    f"robot {self.setup.name} stopped answering ({silence})"
                ) from None
            moved = True
        return None

    def seconds(self, operation: Operation) -> float:
        """As long as the profile says, twice: settings are the lab's."""
        assert isinstance(operation, Dispense | Aspirate)
        seconds = self._profile.seconds.seconds(operation.volume_ul, self._settings)
        return len(self._profile.operations[operation.kind]) * (2 * seconds + self._profile.grace_s)

    async def _move(
        self, phase: Phase, words: dict[str, str], volume_ul: float, moved: bool
    ) -> None:
        seconds = self._profile.seconds.seconds(volume_ul, self._settings)
        await self._begin(phase, words, volume_ul, moved)
        patience = 2 * seconds + self._profile.grace_s
        deadline = time.monotonic() + patience
        while (seen := await self._seen(phase, words, volume_ul)) != "done":
            if seen == "stopped short":
                raise Refused(
                    f"robot {self.setup.name} stopped before it had moved {volume_ul:g} uL"
                )
            if time.monotonic() > deadline:
                raise RobotOffline(f"robot {self.setup.name} has not ended after {patience:.0f} s")
            await asyncio.sleep(LOOK_S)

    async def _begin(
        self, phase: Phase, words: dict[str, str], volume_ul: float, moved: bool
    ) -> None:
        """Start a movement, once.

        Raises:
            _NotBegun: the pump does not answer, says that it cannot, is not in the state from which
                it can start, or never received the start.
        """
        seconds = self._profile.seconds.seconds(volume_ul, self._settings)
        why = ""
        for attempt in range(self._profile.retries + 1):
            try:
                for exchange in phase.prepare:
                    await self._conversation.settle(exchange, words)
                ready = await self._ready(phase, words, volume_ul)
            except (Refused, NoAnswer, RobotOffline) as error:
                why = str(error)
                if attempt or moved:
                    raise _NotBegun(f"robot {self.setup.name} does not begin: {why}") from None
                # It may have been switched off, or plugged into another port, since it last moved.
                await self._recover(words["address"])
                continue
            if not ready:
                # A setting may have come garbled to a pump that has no check of its own: set it
                # again.
                why = "is not in the state from which this movement begins"
                continue
            try:
                await self._conversation.say(phase.go, words)
                return
            except NoAnswer:
                why = "never received the start"
                refusal = None
            except Refused as error:
                refusal = error
            # No answer, or one that may itself have come garbled: what counts is whether it moves.
            # A movement that has just begun looks like none until the pump's own count has changed,
            # so it is given time to.
            await asyncio.sleep(min(max(_LEAST_TO_SHOW_S, seconds / 2), _MOST_TO_SHOW_S))
            if await self._seen(phase, words, volume_ul) != "not begun":
                return
            if refusal is not None:
                raise _NotBegun(str(refusal))
        raise _NotBegun(f"robot {self.setup.name} {why} (tried {self._profile.retries + 1} times)")

    async def _recover(self, address: str) -> None:
        """Make a pump ready again before a movement, on whatever port it is now."""
        try:
            if self._line.is_open:
                await self._conversation.make_ready(self._words(address, 1.0))
            else:
                await self._open_line()
        except RobotOffline as error:
            raise _NotBegun(str(error)) from None

    async def _ready(self, phase: Phase, words: dict[str, str], volume_ul: float) -> bool:
        """Wait until the pump is where the movement begins; what prepares it may move it too.

        Returns: False if it is somewhere else, as after a setting that came garbled.

        Raises:
            _MovedUnasked: it moves, or has moved: a question may have come to it as a start.
        """
        deadline = time.monotonic() + self._profile.grace_s
        while (seen := await self._seen(phase, words, volume_ul)) != "not begun":
            if time.monotonic() > deadline:
                before = await self._evidence(phase, words)
                await asyncio.sleep(_LEAST_TO_SHOW_S)
                if seen == "done" or before != await self._evidence(phase, words):
                    raise _MovedUnasked(f"robot {self.setup.name} moved before it was started")
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def _evidence(self, phase: Phase, words: dict[str, str]) -> str:
        """All that tells what became of a movement, as one answer."""
        return "".join(
            [await self._conversation.settle(exchange, words) for exchange in phase.evidence]
        )

    async def _seen(self, phase: Phase, words: dict[str, str], volume_ul: float) -> Seen:
        """What became of a movement, seen twice in a row: one answer may have come garbled."""
        before = None
        for _ in range(_LOOKS):
            answer = await self._evidence(phase, words)
            seen: Seen = "moving"
            if re.search(filled(phase.not_begun, words), answer):
                seen = "not begun"
            elif done := re.search(filled(phase.done, words), answer):
                counted = float(done.groupdict().get("moved_ul") or volume_ul)
                within = abs(counted - volume_ul) <= _SHORT * volume_ul
                seen = "done" if within else "stopped short"
            if seen == before:
                return seen
            before = seen
        raise NoAnswer("its answers contradict each other")

    def _addresses(self) -> list[str]:
        return list(dict.fromkeys(self._outlets.values())) or [self._device]

    def _words(self, address: str, volume_ul: float) -> dict[str, str]:
        texts = {
            name: scaled.text(volume_ul, self._settings)
            for name, scaled in self._profile.quantities.items()
        }
        return {"address": address, **self._choices, **texts}


class MasterflexLS(SerialPump):
    """A Masterflex L/S peristaltic pump on its serial port."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("masterflex-ls", description="profile of the pump")


class NE1000(SerialPump):
    """A New Era NE-1000 syringe pump on its serial port, brought to its safe mode."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("ne-1000", description="profile of the pump")


class CavroXLP(SerialPump):
    """A Tecan Cavro XLP 6000 syringe pump on its serial port."""

    class Options(SerialOptions):
        """Options of the pump; its port is the robot's `address`."""

        profile: str = Field("cavro-xlp", description="profile of the pump")
