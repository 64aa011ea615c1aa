"""The firmware of a New Era NE-1000."""

import re
import time
from binascii import crc_hqx

from simulators.firmware.base import Abuse, Firmware

_STX, _ETX = 0x02, 0x03


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
