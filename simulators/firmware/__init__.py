"""Firmware of serial instruments that do not exist, on a pseudo-terminal."""

from simulators.firmware.base import Abuse, Firmware, replayed
from simulators.firmware.cavro import CavroFirmware
from simulators.firmware.masterflex import MasterflexFirmware
from simulators.firmware.ne1000 import NE1000Firmware

__all__ = ["Abuse", "CavroFirmware", "Firmware", "MasterflexFirmware", "NE1000Firmware", "replayed"]
