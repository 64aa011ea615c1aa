"""Where a serial pump is: at a port, or at whatever port it is plugged into today."""

import asyncio
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from drivers.base import RobotOffline
from simulators.firmware import MasterflexFirmware
from tests.builders import dispenses
from tests.drivers.test_serial import executed, pump, quick, switched_on, two_jobs


class Port:
    """A USB serial port, as the system lists it."""

    serial_number = "FT2XK7"

    def __init__(self, device: str) -> None:
        self.device = device


@pytest.mark.reproduction("C")
def test_a_pump_that_is_plugged_into_another_port_is_found_by_its_serial_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = MasterflexFirmware(), MasterflexFirmware()
    ports = [Port(first.path)]
    monkeypatch.setattr("drivers.serial.line.list_ports.comports", lambda: ports)

    def plug_in_elsewhere() -> None:
        first.end()
        ports[:] = [Port(second.path)]

    driver = pump(tmp_path, quick(tmp_path, "masterflex-ls"), "usb-serial://FT2XK7")
    reports = asyncio.run(two_jobs(driver, plug_in_elsewhere))
    second.end()
    assert [report.state for report in reports] == ["done", "done"]
    assert first.moved_ul == second.moved_ul == pytest.approx([400, 520], rel=0.01)
    nobody = pump(tmp_path, "masterflex-ls", "usb-serial://FT0000")
    with pytest.raises(RobotOffline, match=r"serial number 'FT0000' \(there is FT2XK7\)"):
        asyncio.run(nobody.connect())


@pytest.mark.reproduction("C")
def test_a_pump_is_found_by_a_pattern_of_the_list_of_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, stranger = MasterflexFirmware(), MasterflexFirmware(), MasterflexFirmware()

    def listed(path: str, hwid: str) -> ListPortInfo:
        port = ListPortInfo(path)
        port.hwid = hwid
        return port

    ours = "USB VID:PID=067B:2303 SER=FT2XK7 LOCATION=1-2"
    other = listed(stranger.path, "USB VID:PID=0403:6001 SER=A50285BI LOCATION=1-1")
    ports = [other, listed(first.path, ours)]
    # pyserial's own search, in a list of ports as it makes it.
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda *_: ports)

    def plug_in_elsewhere() -> None:
        first.end()
        ports[:] = [other, listed(second.path, ours)]

    driver = pump(tmp_path, quick(tmp_path, "masterflex-ls"), "hwgrep://067B:2303.*FT2XK7")
    reports = asyncio.run(two_jobs(driver, plug_in_elsewhere))
    for firmware in (second, stranger):
        firmware.end()
    assert [report.state for report in reports] == ["done", "done"]
    assert first.moved_ul == second.moved_ul == pytest.approx([400, 520], rel=0.01)
    assert stranger.wire == []
    nobody = pump(tmp_path, "masterflex-ls", "hwgrep://FT0000")
    with pytest.raises(RobotOffline, match="no ports found matching regexp 'FT0000'"):
        asyncio.run(nobody.connect())


def test_a_port_may_be_named_by_a_link(tmp_path: Path) -> None:
    with switched_on(MasterflexFirmware) as running:
        link = tmp_path / "by-id-FT2XK7"
        link.symlink_to(running.path)
        driver = pump(tmp_path, quick(tmp_path, "masterflex-ls"), str(link))
        assert asyncio.run(executed(driver, dispenses(400))).state == "done"
    assert running.moved_ul == pytest.approx([400], rel=0.01)
