"""The base of simulated serial instruments: a pseudo-terminal, and faults of its line."""

import os
import pty
import random
import select
import termios
import threading
import tty
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_BAUD = {4800: termios.B4800, 9600: termios.B9600, 19200: termios.B19200}


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
        self.wire: list[tuple[str, bytes]] = []
        """Every message that it took whole ("in") and every answer ("out"), as they went."""
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
                self.wire += [("in", message), ("out", answer)]
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

    @property
    @abstractmethod
    def moving(self) -> bool:
        """Whether anything of it moves now."""

    @abstractmethod
    def power_off_and_on(self) -> None:
        """Forget what it forgets without power."""

    def _up_to(self, end: bytes) -> bytes | None:
        message, found, rest = self._received.partition(end)
        if not found:
            return None
        self._received = rest
        return message


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
