"""The firmware of a Masterflex L/S drive."""

import re
import time

from simulators.firmware.base import Abuse, Firmware

_ENQ, _ACK, _NAK = b"\x05", b"\x06", b"\x15"
_COMMANDS = re.compile(
    r"(?P<letter>[A-Z])(?P<value>[+-]?\d*\.?\d*)(?P<rest>.*)", re.DOTALL | re.ASCII
)


class MasterflexFirmware(Firmware):
    """A Masterflex L/S drive that was just switched on, with a tubing of 800 uL a revolution.

    It has no satellite number until it was asked (ENQ) and given one. Commands may stand in a row.
    """

    baud = 4800
    ul_per_revolution = 800.0

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self.number = ""
        """Its satellite number; it is lost with the power."""
        self._asked = False
        self._set = self._left = 0.0
        self._rpm = 0.0
        self._ends_at: float | None = None
        super().__init__(abuse, silent)

    @property
    def moving(self) -> bool:
        """Whether it moves now."""
        return self._ends_at is not None

    def power_off_and_on(self) -> None:
        """Forget what a drive forgets; a movement stops where it is."""
        self._stop()
        self.number, self._asked = "", False
        self._set = self._left = self._rpm = 0.0

    def next_message(self) -> bytes | None:
        """ENQ by itself, or from STX to CR."""
        if self._received.startswith(_ENQ):
            self._received = self._received[1:]
            return _ENQ
        message = self._up_to(b"\r")
        return None if message is None else message[max(message.rfind(b"\x02"), 0) :]

    def answer(self, message: bytes) -> bytes:
        """ACK, NAK or data, as the manual has it.

        A message for another satellite is not answered.
        """
        if message == _ENQ:
            self._asked = True
            return b"\x02P?0\r" if not self.number else self._status()
        if not self.number:
            # The number stands after STX; a library that was tried with such a drive omits it.
            given = re.fullmatch(rb"\x02?P([0-8]\d)", message)
            if given is None or not self._asked:
                return b""
            self.number = given[1].decode()
            return _ACK
        prefix = f"\x02P{self.number}".encode()
        if not message.startswith(prefix):
            return b""
        return self._obey_all(message[len(prefix) :].decode("latin-1"))

    def _obey_all(self, commands: str) -> bytes:
        answer = _NAK
        while found := _COMMANDS.fullmatch(commands):
            answer = self._obey(found["letter"], found["value"])
            commands = found["rest"]
            if answer == _NAK:
                break
        return answer if not commands else _NAK

    def _obey(self, letter: str, value: str) -> bytes:
        if letter == "I" and not value:
            return self._status()
        if letter == "E" and not value:
            return f"\x02E{self._revolutions_left():08.2f}\r".encode()
        if letter == "S" and not value:
            return f"\x02S{self._rpm:+06.1f}\r".encode()
        if letter == "S" and re.fullmatch(r"[+-]\d{1,4}(\.\d)?", value):
            self._rpm = float(value)
            return _ACK
        if letter == "V" and re.fullmatch(r"\d{1,5}(\.\d{1,2})?", value):
            self._set = self._left = float(value)
            return _ACK
        if letter == "G" and not value and self._left > 0:
            self._go()
            return _ACK
        if letter in "HZ" and not value:
            self._stop()
            if letter == "Z":
                self._set = self._left = 0.0
            return _ACK
        return _ACK if letter in "RL" and not value else _NAK

    def _go(self) -> None:
        if self._ends_at is None:
            speed = max(abs(self._rpm), 1.0)
            self._ends_at = time.monotonic() + self._left / speed * 60 / self.speedup

    def _status(self) -> bytes:
        return f"\x02P{self.number}I{int(self._ends_at is not None)}0000\r".encode()

    def tick(self) -> None:
        """End a movement whose time has come."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self._stop()

    def _revolutions_left(self) -> float:
        if self._ends_at is None:
            return self._left
        speed = max(abs(self._rpm), 1.0)
        left = (self._ends_at - time.monotonic()) * speed / 60 * self.speedup
        return min(self._left, max(0.01, round(left, 2)))

    def _stop(self) -> None:
        if self._ends_at is not None:
            over = time.monotonic() >= self._ends_at
            left = 0.0 if over else self._revolutions_left()
            self._ends_at = None
            self.moved_ul.append((self._left - left) * self.ul_per_revolution)
            self._left = left
