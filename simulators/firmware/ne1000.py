"""The firmware of a New Era NE-1000."""

import math
import re
import time
from binascii import crc_hqx
from dataclasses import dataclass

from simulators.firmware.base import Abuse, Firmware

_STX, _ETX = 0x02, 0x03
_ML_MIN = {"MM": 1.0, "MH": 1 / 60, "UM": 1e-3, "UH": 1e-3 / 60}
_CM_MIN = 5.1005
"""The fastest that the plunger moves."""


@dataclass
class _Phase:
    function: str = "RAT"
    rate: float = 1.0
    unit: str = "MM"
    volume_ul: float = 0.0
    direction: str = "INF"


class NE1000Firmware(Firmware):
    """A New Era NE-1000 with address 00 as it is shipped: just switched on, in Basic mode.

    Its program is one phase that pumps and one that stops; a phase without a volume never ends.
    """

    baud = 19200

    def __init__(self, abuse: Abuse | None = None, silent: bool = False) -> None:
        self.safe_s = 0
        """Time-out of its safe mode, s; 0 in Basic mode."""
        self._safe_message = False
        self._heard_at = time.monotonic()
        self._phases = {1: _Phase(), 2: _Phase(function="STP")}
        self._selected = self._running_phase = 1
        self._unit, self._diameter = "UL", 14.43
        self._dispensed = {"INF": 0.0, "WDR": 0.0}
        self._moved_before_ul = 0.0
        """What a paused phase had moved."""
        self._begun_at: float | None = None
        self._paused = False
        self._alarm = "A?R"
        super().__init__(abuse, silent)

    @property
    def moving(self) -> bool:
        """Whether it moves now."""
        return self._begun_at is not None

    def power_off_and_on(self) -> None:
        """Stop where it is, and say so once; settings and the mode are kept."""
        self._halt()
        self._alarm = "A?R"

    def next_message(self) -> bytes | None:
        """Data up to CR in Basic mode; in either a packet whose length and CRC are right.

        What is neither is skipped, as its time-out does.
        """
        packet, end = self._received.find(bytes([_STX])), self._received.find(b"\r")
        if not self.safe_s and end >= 0 and not 0 <= packet < end:
            self._safe_message = False
            return self._up_to(b"\r")
        for begin in range(len(self._received) - 1):
            if self._received[begin] != _STX:
                continue
            length = self._received[begin + 1]
            whole = self._received[begin + 1 : begin + 1 + length]
            if len(whole) == length >= 4 and whole[-1] == _ETX:
                data = whole[1:-3]
                self._received = self._received[begin + 1 + length :]
                self._safe_message = True
                return data if whole[-3:-1] == crc_hqx(data, 0).to_bytes(2, "big") else b"damaged"
        self._received = self._received[-64:]
        return None

    def answer(self, message: bytes) -> bytes:
        """Address, status and data, framed as its mode is after the command."""
        text = message.decode("latin-1")
        if text == "damaged":
            return self._framed("00S?COM")
        addressed = re.fullmatch(r"(\d{0,2})(.*)", text.replace(" ", "").upper(), re.DOTALL)
        if addressed is None or int(addressed[1] or 0) != 0:
            return b""
        self._heard_at = time.monotonic()
        command = addressed[2]
        if safe := re.fullmatch(r"SAF(\d{1,3})", command):
            self.safe_s = min(int(safe[1]), 255)
        if self._alarm:
            # Any message acknowledges it, and is not obeyed.
            alarm, self._alarm = self._alarm, ""
            return self._framed(f"00{alarm}")
        if safe:
            return self._framed(f"00{self._status()}")
        data = self._obey(command)
        return self._framed(f"00{self._status()}{data}")

    def _obey(self, command: str) -> str:
        running = self._begun_at is not None
        name, value = command[:3], command[3:]
        phase = self._phases.setdefault(self._selected, _Phase())
        if command in ("", "SAF", "VER"):
            return {"": "", "SAF": f"{self.safe_s:03d}", "VER": "NE1000V3.61"}[command]
        if command == "DIS":
            return self._dispensation()
        if name == "STP" and not value:
            return self._stop_command()
        if not value and name in ("VOL", "RAT", "DIA", "DIR", "PHN", "FUN"):
            return {
                "VOL": f"{self._number(phase.volume_ul * self._per_ul())}{self._unit}",
                "RAT": f"{self._number(phase.rate)}{phase.unit}",
                "DIA": self._number(self._diameter),
                "DIR": phase.direction,
                "PHN": f"{self._selected:02d}",
                "FUN": phase.function,
            }[name]
        if running:
            return "?NA"
        if name == "RUN" and not value:
            self._run_program()
            return ""
        return self._set(name, value, phase)

    def _set(self, name: str, value: str, phase: _Phase) -> str:
        number = re.fullmatch(r"(\d*\.?\d*)(MM|MH|UM|UH)?", value)
        if name in ("VOL", "RAT", "DIA") and number and number[1]:
            if len(number[1].replace(".", "")) > 4:
                return "?OOR"
            return self._set_number(name, float(number[1]), number[2] or "", phase)
        if name == "VOL" and value in ("UL", "ML"):
            self._unit = value
        elif name == "PHN" and value.isdigit() and 1 <= int(value) <= 41:
            self._selected = int(value)
        elif name == "FUN" and value in ("RAT", "STP"):
            phase.function = value
        elif name == "DIR" and value in ("INF", "WDR"):
            phase.direction = value
        elif name == "CLD" and value in ("INF", "WDR"):
            self._dispensed[value] = 0.0
        else:
            return "?"
        return ""

    def _set_number(self, name: str, value: float, unit: str, phase: _Phase) -> str:
        if name == "VOL":
            phase.volume_ul = value / self._per_ul()
        elif name == "DIA":
            if not 0.1 <= value <= 50:
                return "?OOR"
            self._diameter = value
        else:
            unit = unit or phase.unit
            most = math.pi * (self._diameter / 20) ** 2 * _CM_MIN
            if phase.function != "RAT":
                return "?NA"
            if value * _ML_MIN[unit] > most:
                return "?OOR"
            phase.rate, phase.unit = value, unit
        return ""

    def _stop_command(self) -> str:
        if self._begun_at is not None:
            self._halt()
            self._paused = True
        elif self._paused:
            self._paused, self._moved_before_ul = False, 0.0
        else:
            return "?NA"
        return ""

    def _run_program(self) -> None:
        if not self._paused:
            self._running_phase, self._moved_before_ul = 1, 0.0
        self._paused = False
        self._begun_at = time.monotonic()

    def tick(self) -> None:
        """End a phase whose volume is moved; stop if nobody was heard for too long."""
        phase = self._phases.setdefault(self._running_phase, _Phase())
        if self._begun_at is not None:
            if phase.function == "STP":
                self._begun_at = None
            elif phase.volume_ul and self._moved() >= phase.volume_ul - self._moved_before_ul:
                self._halt()
                self._running_phase, self._moved_before_ul = self._running_phase + 1, 0.0
                following = self._phases.setdefault(self._running_phase, _Phase())
                self._begun_at = time.monotonic() if following.function == "RAT" else None
        if self.safe_s and time.monotonic() - self._heard_at > self.safe_s and not self._alarm:
            self._halt()
            self._alarm = "A?T"

    def _moved(self) -> float:
        """What the phase has moved since it began or went on, uL."""
        assert self._begun_at is not None
        phase = self._phases[self._running_phase]
        per_s = phase.rate * _ML_MIN[phase.unit] * 1000 / 60 * self.speedup
        left = phase.volume_ul - self._moved_before_ul if phase.volume_ul else math.inf
        return min(left, (time.monotonic() - self._begun_at) * per_s)

    def _halt(self) -> None:
        if self._begun_at is not None:
            moved = self._moved()
            self._begun_at = None
            self._moved_before_ul += moved
            self._dispensed[self._phases[self._running_phase].direction] += moved
            self.moved_ul.append(moved)

    def _status(self) -> str:
        if self._begun_at is None:
            return "P" if self._paused else "S"
        return "I" if self._phases[self._running_phase].direction == "INF" else "W"

    def _dispensation(self) -> str:
        dispensed = dict(self._dispensed)
        if self._begun_at is not None:
            dispensed[self._phases[self._running_phase].direction] += self._moved()
        infused, withdrawn = (
            self._number(dispensed[way] * self._per_ul()) for way in ("INF", "WDR")
        )
        return f"I{infused}W{withdrawn}{self._unit}"

    def _per_ul(self) -> float:
        return 1.0 if self._unit == "UL" else 1e-3

    def _number(self, value: float) -> str:
        """Four digits and a point."""
        return f"{value:.3f}"[:5]

    def _framed(self, data: str) -> bytes:
        content = data.encode("latin-1")
        if not self.safe_s:
            return bytes([_STX]) + content + bytes([_ETX])
        crc = crc_hqx(content, 0).to_bytes(2, "big")
        return bytes([_STX, len(content) + 4]) + content + crc + bytes([_ETX])
