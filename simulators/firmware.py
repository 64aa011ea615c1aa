"""Firmware of serial instruments that do not exist, on a pseudo-terminal, with the troubles that serial lines have."""

import os
import pty
import random
import re
import select
import termios
import threading
import time
import tty
from abc import ABC, abstractmethod
from binascii import crc_hqx
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_BAUD = {4800: termios.B4800, 9600: termios.B9600, 19200: termios.B19200}
_STX, _ETX, _ACK, _NAK = 0x02, 0x03, b"\x06", b"\x15"


@dataclass
class Abuse:
    """What a bad line does: each share is of the messages, either way, that suffer it."""

    seed: int = 0
    lost: float = 0.0
    doubled: float = 0.0
    garbled: float = 0.0
    split: float = 0.0
    late: float = 0.0
    late_s: float = 0.2
    suffered: int = 0
    _rng: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - faults, not secrets

    def upon(self, data: bytes) -> Iterator[tuple[float, bytes]]:
        """What becomes of a message: pieces, each after a pause."""
        before = data
        if data and self._rng.random() < self.lost:
            place = self._rng.randrange(len(data))
            data = data[:place] + data[place + 1 :]
        if data and self._rng.random() < self.doubled:
            place = self._rng.randrange(len(data))
            data = data[: place + 1] + data[place:]
        if data and self._rng.random() < self.garbled:
            place = self._rng.randrange(len(data))
            data = (
                data[:place]
                + bytes([data[place] ^ (1 << self._rng.randrange(7))])
                + data[place + 1 :]
            )
        pause = self.late_s if self._rng.random() < self.late else 0.0
        cut = (
            self._rng.randrange(1, len(data))
            if len(data) > 1 and self._rng.random() < self.split
            else 0
        )
        self.suffered += data != before or pause > 0 or cut > 0
        if cut:
            yield pause, data[:cut]
            yield 0.02, data[cut:]
        else:
            yield pause, data


class Firmware(ABC):
    """An instrument at one end of a pseudo-terminal; `path` is the port at the other."""

    baud: int
    speedup = 50.0
    """How many times faster it moves than the real one."""

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self._mine, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)
        self.moved_ul: list[float] = []
        """Every movement that came to its end, or was stopped on its way: what was really moved."""
        self.abuse = abuse or Abuse()
        self.silent = silent
        self._received = b""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Switch it off and pull the cable."""
        self._ending.set()
        self._thread.join()
        os.close(self._mine)
        os.close(self._theirs)

    def _run(self) -> None:
        while not self._ending.is_set():
            readable, _, _ = select.select([self._mine], [], [], 0.005)
            self.tick()
            if not readable:
                continue
            try:
                data = os.read(self._mine, 4096)
            except OSError:
                continue
            if termios.tcgetattr(self._theirs)[4] != _BAUD[self.baud]:
                os.write(self._mine, bytes(byte ^ 0x55 for byte in data))
                continue
            for _, piece in self.abuse.upon(data):
                self._received += piece
            while (message := self.next_message()) is not None:
                answer = self.answer(message)
                if answer and not self.silent:
                    for pause, piece in self.abuse.upon(answer):
                        self._ending.wait(pause)
                        os.write(self._mine, piece)

    @abstractmethod
    def next_message(self) -> bytes | None:
        """Take a whole message out of what was received."""

    @abstractmethod
    def answer(self, message: bytes) -> bytes:
        """Obey, and say so."""

    @abstractmethod
    def tick(self) -> None:
        """Let time pass."""

    def _up_to(self, end: bytes) -> bytes | None:
        message, found, rest = self._received.partition(end)
        if not found:
            return None
        self._received = rest
        return message


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


class NE1000Firmware(Firmware):
    """A New Era NE-1000 with address 00, in safe mode."""

    baud = 19200

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self._volume, self._rate, self._direction = 0.0, 1.0, "I"
        self._dispensed = {"I": 0.0, "W": 0.0}
        self._begun_at: float | None = None
        self._alarm = "A?R"
        super().__init__(abuse, silent)

    def next_message(self) -> bytes | None:
        """A packet whose length and CRC are right; what is not is skipped, as its time-out does."""
        for begin in range(len(self._received) - 1):
            if self._received[begin] != _STX:
                continue
            length = self._received[begin + 1]
            whole = self._received[begin + 1 : begin + 1 + length]
            if len(whole) == length >= 4 and whole[-1] == _ETX:
                data = whole[1:-3]
                self._received = self._received[begin + 1 + length :]
                return data if whole[-3:-1] == crc_hqx(data, 0).to_bytes(2, "big") else b"damaged"
        self._received = self._received[-64:]
        return None

    def answer(self, message: bytes) -> bytes:
        """Address, status and data."""
        command = message.decode("latin-1")
        if command == "damaged":
            return self._packet("00S?COM")
        if not command.startswith("00"):
            return b""
        if self._alarm:
            alarm, self._alarm = self._alarm, ""
            return self._packet(f"00{alarm}")
        return self._packet(f"00{self._obey(command[2:])}")

    def _obey(self, command: str) -> str:
        running = self._begun_at is not None
        if command == "VER":
            return f"{self._status()}NE1000V3.61"
        if command == "DIS":
            dispensed = dict(self._dispensed)
            if running:
                dispensed[self._direction] += self._moved()
            infused, withdrawn = (self._number(dispensed[way]) for way in "IW")
            return f"{self._status()}I{infused}W{withdrawn}UL"
        if command == "STP":
            if not running:
                return "S?NA"
            self._stop(self._moved())
            return "P"
        if running:
            return f"{self._status()}?NA"
        if setting := re.fullmatch(r"(VOL|RAT|DIA)([\d.]+)(MM)?", command):
            if len(setting[2].replace(".", "")) > 4:
                return "S?OOR"
            if setting[1] == "VOL":
                self._volume = float(setting[2])
            if setting[1] == "RAT":
                self._rate = float(setting[2])
            return "S"
        if command in ("DIRINF", "DIRWDR", "CLDINF", "CLDWDR", "VOLUL"):
            way = "I" if command.endswith("INF") else "W"
            if command.startswith("DIR"):
                self._direction = way
            if command.startswith("CLD"):
                self._dispensed[way] = 0.0
            return "S"
        if command == "RUN":
            self._begun_at = time.monotonic()
            return self._status()
        return "S?"

    def tick(self) -> None:
        """End a movement whose volume is done."""
        if self._begun_at is not None and self._moved() >= self._volume:
            self._stop(self._volume)

    def _moved(self) -> float:
        assert self._begun_at is not None
        return min(
            self._volume,
            (time.monotonic() - self._begun_at) * self._rate * 1000 / 60 * self.speedup,
        )

    def _stop(self, moved: float) -> None:
        self._begun_at = None
        self._dispensed[self._direction] += moved
        self.moved_ul.append(moved)

    def _status(self) -> str:
        return "S" if self._begun_at is None else self._direction

    def _number(self, value: float) -> str:
        return f"{value:.3f}"[:5].rstrip(".")

    def _packet(self, data: str) -> bytes:
        content = data.encode("latin-1")
        crc = crc_hqx(content, 0).to_bytes(2, "big")
        return bytes([_STX, len(content) + 4]) + content + crc + bytes([_ETX])


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


@contextmanager
def replayed(capture: Path) -> Iterator[str]:
    """A port that answers as in a capture of a line, message by message; gives its path."""
    import json

    entries = [json.loads(line) for line in capture.read_text(encoding="utf-8").splitlines()]
    mine, theirs = pty.openpty()
    tty.setraw(theirs)
    ending = threading.Event()

    def run() -> None:
        left = list(entries)
        while not ending.is_set() and left:
            entry = left.pop(0)
            data = bytes.fromhex(entry["hex"])
            if entry["way"] == "in":
                os.write(mine, data)
                continue
            received = b""
            while len(received) < len(data) and not ending.is_set():
                if select.select([mine], [], [], 0.01)[0]:
                    received += os.read(mine, len(data) - len(received))
            if received != data:
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        ending.set()
        thread.join()
        os.close(mine)
        os.close(theirs)
