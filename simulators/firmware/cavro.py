"""The firmware of a Cavro XLP."""

import re
import time

from simulators.firmware.base import Abuse, Firmware


class CavroFirmware(Firmware):
    """A Cavro XLP 6000 with address 1 and a syringe of 1 mL, already initialised."""

    baud = 9600
    syringe_ul = 1000.0

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self._position = 0
        self._speed = 1200.0
        self._target: tuple[int, float, str] | None = None
        super().__init__(abuse, silent)

    def next_message(self) -> bytes | None:
        """From / to CR."""
        message = self._up_to(b"\r")
        return None if message is None else message[max(message.rfind(b"/"), 0) :]

    def answer(self, message: bytes) -> bytes:
        """Status byte and data; what it cannot read it does not answer."""
        if not message.startswith(b"/1"):
            return b""
        command = message[2:].decode("latin-1")
        if command == "&":
            return self._say("XLP6000 1.0")
        if command == "?":
            return self._say(str(self._now_at()))
        if command == "T":
            self._arrive(self._now_at())
            return self._say("")
        if self._target is not None:
            return self._say("", error=15)
        if speed := re.fullmatch(r"V(\d{1,4})R", command):
            self._speed = float(speed[1])
            return self._say("")
        move = re.fullmatch(r"([IOE])([PDA])(\d{1,4})R", command)
        if move is None:
            return self._say("", error=2)
        number = int(move[3])
        steps = {"P": number, "D": -number, "A": number - self._position}[move[2]]
        if not 0 <= self._position + steps <= 6000:
            return self._say("", error=3)
        seconds = abs(steps) / max(self._speed, 1.0) / self.speedup
        self._target = (self._position + steps, time.monotonic() + seconds, move[1] + move[2])
        return self._say("")

    def tick(self) -> None:
        """End a movement whose time has come."""
        if self._target is not None and time.monotonic() >= self._target[1]:
            self._arrive(self._target[0])

    def _now_at(self) -> int:
        if self._target is None:
            return self._position
        target, ends_at, _ = self._target
        left = int((ends_at - time.monotonic()) * self._speed * self.speedup)
        return target - left if target > self._position else target + left

    def _arrive(self, position: int) -> None:
        if self._target is not None:
            if self._target[2] in ("OD", "OP"):
                self.moved_ul.append(abs(position - self._position) / 6000 * self.syringe_ul)
            self._position, self._target = position, None

    def _say(self, data: str, error: int = 0) -> bytes:
        status = (0x40 if self._target is not None else 0x60) | error
        return b"/0" + bytes([status]) + data.encode() + b"\x03\r\n"
