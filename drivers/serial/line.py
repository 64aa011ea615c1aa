"""The line to a serial instrument: frames sent and received, checked and captured.

What a message means is not known here.
"""

import asyncio
import contextlib
import json
import os
import time
from binascii import crc_hqx
from pathlib import Path
from typing import Any

import serial
from serial.tools import list_ports
from serial.urlhandler import protocol_hwgrep

from drivers.base import RobotOffline
from drivers.serial.profile import Profile

_STX, _ETX = b"\x02", b"\x03"
_LOOK_S = 0.005
_QUIET_S = 0.05
_PATIENCE = 3.0
"""How many times later than expected an answer may come without being taken for the next one."""

_BY_SERIAL_NUMBER = "usb-serial://"
"""Before the serial number of a USB port: the port is then found whatever its name is today."""

_BY_PATTERN = "hwgrep://"
"""Before a pattern of pyserial's list of ports, such as hwgrep://067B:2303."""

_PARITY = {"none": serial.PARITY_NONE, "odd": serial.PARITY_ODD, "even": serial.PARITY_EVEN}


class NoAnswer(Exception):
    """No whole, undamaged frame came in time."""


class SerialLine:
    """An open port, for one talker at a time. The CRC of framed messages is CRC-16/XMODEM."""

    def __init__(self, profile: Profile, port: str, capture: Path | None) -> None:
        self._profile, self._name = profile, port
        self._capture = capture
        self._port: Any = None
        self._received = b""
        self.basic_answers = False
        """Whether an answer without a checksum is one: until a pump is in its safe mode."""

        self._owed = 0.0
        """How long to wait for a late answer, so that it is not taken for a later one."""

    def open(self) -> None:
        """Open the port.

        Raises:
            RobotOffline: it is not there, or somebody else has it.
        """
        line = self._profile.line
        try:
            name = self._port_name()
            # A pseudo-terminal carries bytes: it has neither seven bits nor parity, and refuses
            # both.
            pseudo = os.path.realpath(name).startswith("/dev/pts/")
            self._port = serial.serial_for_url(
                name,
                baudrate=line.baud,
                bytesize=8 if pseudo else line.data_bits,
                parity=_PARITY["none" if pseudo else line.parity],
                stopbits=line.stop_bits,
                timeout=0,
                write_timeout=1.0,
                exclusive=True,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            busy = "lock" in str(error).lower() or "busy" in str(error).lower()
            why = "another process has it open" if busy else str(error)
            raise RobotOffline(f"serial port {self._name!r} cannot be opened: {why}") from None

    @property
    def is_open(self) -> bool:
        """Whether the port is open; it is not any more once it was seen to be gone."""
        return self._port is not None

    def close(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        self._received, self._owed = b"", 0.0
        if port is not None:
            with contextlib.suppress(serial.SerialException, OSError):
                port.close()

    def _port_name(self) -> str:
        """The port's name today, where the address says which device it is and not its port."""
        if self._name.lower().startswith(_BY_PATTERN):
            return str(protocol_hwgrep.Serial().from_url(self._name))
        if not self._name.startswith(_BY_SERIAL_NUMBER):
            return self._name
        wanted = self._name.removeprefix(_BY_SERIAL_NUMBER)
        numbers = {port.serial_number: port.device for port in list_ports.comports()}
        if wanted not in numbers:
            there = ", ".join(sorted(number for number in numbers if number)) or "none"
            raise RobotOffline(
                f"no USB serial port has the serial number {wanted!r} (there is {there})"
            )
        return str(numbers[wanted])

    async def ask(self, message: str, wait_s: float, raw: bool = False) -> str:
        """Send a message, in its frame unless it is raw, and return the next whole answer.

        Raises:
            NoAnswer: none came in time.
            RobotOffline: the port is gone.
        """
        try:
            await self._drain()
            data = message.encode("latin-1") if raw else self._wrapped(message)
            self._note("out", data)
            self._port.write(data)
            self._owed = _PATIENCE * wait_s
            return await self._answer(time.monotonic() + wait_s)
        except (serial.SerialException, OSError, TypeError, AttributeError) as error:
            self.close()
            raise RobotOffline(f"serial port {self._name!r} is gone: {error}") from None

    async def next_answer(self, wait_s: float) -> str:
        """The next whole answer, without asking again."""
        try:
            return await self._answer(time.monotonic() + wait_s)
        except (serial.SerialException, OSError, TypeError, AttributeError) as error:
            self.close()
            raise RobotOffline(f"serial port {self._name!r} is gone: {error}") from None

    async def _drain(self) -> None:
        """Wait until nothing more comes.

        A late answer must not be taken for one to the next message.
        """
        late_until = time.monotonic() + self._owed
        while self._owed and not (self._received or self._read()) and time.monotonic() < late_until:
            await asyncio.sleep(_LOOK_S)
        if self._owed or self._read() or self._received:
            quiet_at = time.monotonic() + _QUIET_S
            while time.monotonic() < quiet_at:
                await asyncio.sleep(_LOOK_S)
                if self._read():
                    quiet_at = time.monotonic() + _QUIET_S
        self._received = b""

    def _read(self) -> bytes:
        waiting = self._port.in_waiting
        found: bytes = self._port.read(waiting) if waiting else b""
        if found:
            self._note("in", found)
        return found

    async def _answer(self, deadline: float) -> str:
        while True:
            self._received += self._read()
            frame = self._next_frame()
            if frame is not None:
                self._owed = 0.0
                return frame
            if time.monotonic() > deadline:
                raise NoAnswer(self._received.hex(" ") if self._received else "silence")
            await asyncio.sleep(_LOOK_S)

    def _wrapped(self, message: str) -> bytes:
        data = message.encode("latin-1")
        if self._profile.frame.kind == "plain":
            return data
        return _STX + bytes([len(data) + 4]) + data + crc_hqx(data, 0).to_bytes(2, "big") + _ETX

    def _next_frame(self) -> str | None:
        """Take the first whole frame out of what was received; None while there is none."""
        received = self._received
        if self._profile.frame.kind == "plain":
            ends = [received.find(end.encode("latin-1")) for end in self._profile.answer_ends]
            first = min((end for end in ends if end >= 0), default=-1)
            if first < 0:
                return None
            self._received = received[first + 1 :]
            return received[: first + 1].decode("latin-1")
        for begin in range(len(received) - 1):
            length = received[begin + 1]
            basic = (
                received[begin : begin + 1] == _STX and received[begin + 1 : begin + 2].isdigit()
            )
            if self.basic_answers and basic and _ETX in received[begin:]:
                data, _, self._received = received[begin + 1 :].partition(_ETX)
                return data.decode("latin-1")
            whole = received[begin + 1 : begin + 1 + length]
            data = whole[1:-3]
            framed = (
                received[begin : begin + 1] == _STX
                and len(whole) == length >= 4
                and whole[-1:] == _ETX
            )
            if framed and whole[-3:-1] == crc_hqx(data, 0).to_bytes(2, "big"):
                self._received = received[begin + 1 + length :]
                return data.decode("latin-1")
        return None

    def _note(self, way: str, data: bytes) -> None:
        if self._capture is not None:
            self._capture.parent.mkdir(parents=True, exist_ok=True)
            with self._capture.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": time.time(), "way": way, "hex": data.hex()}) + "\n")
