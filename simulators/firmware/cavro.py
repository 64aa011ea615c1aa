"""The firmware of a Cavro XLP."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from simulators.firmware.base import Abuse, Firmware

_TOKENS = re.compile(r"([A-Za-z])(\d*(?:,\d+)*)")
_STROKE = 6000
_INITIALISE_S, _VALVE_S = 2.0, 0.2
_INVALID, _OUT_OF_RANGE, _NOT_INITIALISED, _OVERFLOW = 2, 3, 7, 15


@dataclass
class _Movement:
    """One movement of a string of commands; what it does when its time is over."""

    ends_at: float
    conclude: Callable[[], None]
    begin: int = 0
    end: int = 0
    seconds: float = 0.0


class CavroFirmware(Firmware):
    """A Cavro XLP 6000 that was just switched on: address 1, a syringe of 1 mL, not initialised.

    Its valve has the ports input, output, bypass and extra.
    """

    baud = 9600
    syringe_ul = 1000.0

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self.initialised = 0
        """How often it was."""
        self._ready = False
        self._position = 0
        self._speed = 1400.0
        self._valve = "i"
        self._error = 0
        self._plan: list[_Movement] = []
        super().__init__(abuse, silent)

    @property
    def moving(self) -> bool:
        """Whether its plunger moves, or will when its valve has turned."""
        return any(movement.seconds for movement in self._plan)

    def power_off_and_on(self) -> None:
        """Stop where it is, and be no more initialised."""
        self._terminate()
        self._ready, self._error, self._speed = False, 0, 1400.0

    def next_message(self) -> bytes | None:
        """From / to CR."""
        message = self._up_to(b"\r")
        return None if message is None else message[max(message.rfind(b"/"), 0) :]

    def answer(self, message: bytes) -> bytes:
        """Status byte and data; what it cannot read it does not answer."""
        if not message.startswith(b"/1"):
            return b""
        command = message[2:].decode("latin-1")
        reports = {
            "&": "XLP6000 1.0",
            "?": str(self._now_at()),
            "?6": self._valve,
            "?28": "0",
            "?2": f"{self._speed:.0f}",
            "?15": str(self.initialised),
        }
        if command in reports:
            return self._say(reports[command])
        if command in ("Q", "?29"):
            said = self._say("")
            if not self._plan and self._error != _NOT_INITIALISED:
                self._error = 0
            return said
        if command == "T":
            self._terminate()
            return self._say("")
        return self._execute(command)

    def _execute(self, command: str) -> bytes:
        tokens = _TOKENS.findall(command[:-1])
        whole = "".join(letter + number for letter, number in tokens)
        if not command.endswith("R") or whole != command[:-1] or not tokens:
            return self._say("", _INVALID)
        if any(letter not in "ZYWIOBEPDAVNvcLM" for letter, _ in tokens):
            return self._say("", _INVALID)
        if self._plan and any(letter != "V" for letter, _ in tokens):
            self._error = _OVERFLOW
            return self._say("")
        begins, position = time.monotonic(), self._position
        for letter, text in tokens:
            number = int(text.split(",")[0]) if text else 0
            if letter in "ZYW":
                begins += _INITIALISE_S / self.speedup
                self._plan.append(_Movement(begins, self._initialise))
                position, self._error = 0, 0
                continue
            if letter == "V":
                if not 5 <= number <= _STROKE:
                    return self._later(_OUT_OF_RANGE)
                self._speed = float(number)
                continue
            if letter in "NvcLM":
                continue
            if not self._ready and not self._plan:
                self._error = _NOT_INITIALISED
                return self._say("")
            if letter in "IOBE":
                begins += _VALVE_S / self.speedup
                self._plan.append(_Movement(begins, self._turned(letter.lower())))
                continue
            target = {"A": number, "P": position + number, "D": position - number}[letter]
            if not 0 <= target <= _STROKE:
                return self._later(_OUT_OF_RANGE)
            if target != position:
                seconds = abs(target - position) / self._speed / self.speedup
                begins += seconds
                self._plan.append(
                    _Movement(begins, self._arrived(letter, target), position, target, seconds)
                )
            position = target
        return self._say("")

    def _later(self, error: int) -> bytes:
        """An error of a value is told by the next Q, after what stood before it was done."""
        said = self._say("")
        self._error = error
        return said

    def _initialise(self) -> None:
        self._ready, self._position, self._valve = True, 0, "i"
        self.initialised += 1

    def _turned(self, valve: str) -> Callable[[], None]:
        def conclude() -> None:
            self._valve = valve

        return conclude

    def _arrived(self, letter: str, position: int) -> Callable[[], None]:
        def conclude() -> None:
            self._move_to(position, letter)

        return conclude

    def _move_to(self, position: int, letter: str) -> None:
        if self._valve == "o" and letter != "A":
            self.moved_ul.append(abs(position - self._position) / _STROKE * self.syringe_ul)
        self._position = position

    def tick(self) -> None:
        """End movements whose time has come."""
        while self._plan and time.monotonic() >= self._plan[0].ends_at:
            self._plan.pop(0).conclude()

    def _terminate(self) -> None:
        """Stop the plunger where it is; what is planned after it is not done."""
        self.tick()
        if self._plan and self._plan[0].seconds:
            self._move_to(self._now_at(), "P")
        self._plan.clear()

    def _now_at(self) -> int:
        if not self._plan or not self._plan[0].seconds:
            return self._position
        now = self._plan[0]
        left = max(0.0, now.ends_at - time.monotonic()) / now.seconds
        return round(now.end - (now.end - now.begin) * left)

    def _say(self, data: str, error: int = 0) -> bytes:
        status = (0x40 if self._plan else 0x60) | (error or self._error)
        return b"/0" + bytes([status]) + data.encode() + b"\x03\r\n"
