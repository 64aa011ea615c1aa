"""The firmware of a Masterflex L/S drive."""

import re
import time

from simulators.firmware.base import Abuse, Firmware

_ACK, _NAK = b"\x06", b"\x15"


class MasterflexFirmware(Firmware):
    """A Masterflex L/S drive with satellite number 02 and a tubing of 800 uL a revolution."""

    baud = 4800
    ul_per_revolution = 800.0

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self._set = self._left = 0.0
        self._rpm = 0.0
        self._ends_at: float | None = None
        super().__init__(abuse, silent)

    def next_message(self) -> bytes | None:
        """From STX to CR."""
        message = self._up_to(b"\r")
        return None if message is None else message[message.rfind(b"\x02") :]

    def answer(self, message: bytes) -> bytes:
        """ACK, NAK or data, as the manual has it.

        A message for another satellite is not answered.
        """
        found = re.fullmatch(rb"\x02P02(.*)", message, re.DOTALL)
        if found is None:
            return _NAK if message.startswith(b"\x02P02") else b""
        command = found[1].decode("latin-1")
        if command == "I":
            return f"\x02P02I{int(self._ends_at is not None)}0000\r".encode()
        if command == "E":
            return f"\x02P02E{self._revolutions_left():08.2f}\r".encode()
        if speed := re.fullmatch(r"S([+-])(\d{3}\.\d)", command):
            self._rpm = float(speed[2])
            return _ACK
        if volume := re.fullmatch(r"V(\d{5}\.\d\d)", command):
            self._set = self._left = float(volume[1])
            return _ACK
        if command == "G" and self._left > 0:
            if self._ends_at is None:
                self._ends_at = (
                    time.monotonic() + self._left / max(self._rpm, 1.0) * 60 / self.speedup
                )
            return _ACK
        if command in ("H", "Z"):
            self._stop()
            if command == "Z":
                self._set = self._left = 0.0
            return _ACK
        return _NAK

    def tick(self) -> None:
        """End a movement whose time has come."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self._stop()

    def _revolutions_left(self) -> float:
        if self._ends_at is None:
            return self._left
        left = (self._ends_at - time.monotonic()) * max(self._rpm, 1.0) / 60 * self.speedup
        return min(self._left, max(0.01, round(left, 2)))

    def _stop(self) -> None:
        if self._ends_at is not None:
            over = time.monotonic() >= self._ends_at
            left = 0.0 if over else self._revolutions_left()
            self._ends_at = None
            self.moved_ul.append((self._left - left) * self.ul_per_revolution)
            self._left = left
