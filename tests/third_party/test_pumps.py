"""Pumps from power-on against what others made: `make third-party`.

Drivers of others move a volume through our twins; our driver moves one through simulators that
others made from the vendors' manuals. Bytes of both are compared.
"""

import asyncio
import contextlib
import json
import os
import subprocess
from binascii import crc_hqx
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.firmware import CavroFirmware, Firmware, MasterflexFirmware, NE1000Firmware
from tests.builders import dispenses, finished, job_of
from tests.conftest import ROOT
from tests.drivers.test_serial import KEY, pump

HERE = Path(__file__).parent
PYTHON = os.environ.get("THIRD_PARTY", "")

pytestmark = pytest.mark.skipif(not PYTHON, reason="make third-party runs these")


@contextlib.contextmanager
def twin(kind: type[Firmware]) -> Iterator[Firmware]:
    running = kind()
    try:
        yield running
    finally:
        running.end()


def driven(name: str, running: Firmware) -> dict[str, Any]:
    """What a driver of others believes to have done with one of our twins."""
    ran = subprocess.run(
        [PYTHON, str(HERE / "drive.py"), name, running.path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def heard(running: Firmware) -> list[bytes]:
    return [message for way, message in running.wire if way == "in"]


@pytest.mark.reproduction("C")
def test_nesp_lib_brings_our_ne_1000_to_safe_mode_and_moves_a_volume() -> None:
    with twin(NE1000Firmware) as running:
        assert driven("nesp", running) == {"infused_ml": 0.4, "model": 1000}
        assert running.moved_ul == pytest.approx([400])
        assert heard(running)[0] == b"0SAF10"


@pytest.mark.reproduction("C")
def test_the_driver_of_labmcp_moves_a_volume_in_basic_mode() -> None:
    with twin(NE1000Firmware) as running:
        assert driven("new-era", running) == {"infused_ml": 0.4}
        assert running.moved_ul == pytest.approx([400])


@pytest.mark.reproduction("C")
def test_the_driver_of_labmcp_initialises_our_cavro_and_moves_a_volume() -> None:
    with twin(CavroFirmware) as running:
        assert driven("cavro", running) == {"drawn_ul": 400.0, "left_ul": 0.0}
        assert running.moved_ul == pytest.approx([400])
        assert isinstance(running, CavroFirmware)
        assert running.initialised == 1


@pytest.mark.reproduction("C")
def test_pylabrobot_numbers_our_masterflex_and_turns_it() -> None:
    with twin(MasterflexFirmware) as running:
        driven("pylabrobot", running)
        assert running.moved_ul == pytest.approx([400])


def ours(home: Path, profile: str, port: str, volume_ul: float = 400, **options: Any) -> None:
    async def run() -> None:
        driver = pump(home, profile, port, **options)
        await driver.connect()
        await driver.submit(job_of(*dispenses(volume_ul)))
        report = await finished(driver, KEY)
        await driver.close()
        assert (report.state, report.message) == ("done", "")

    asyncio.run(run())


@contextlib.contextmanager
def simulator(name: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with subprocess.Popen(
        [PYTHON, str(HERE / "emulate.py"), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def did(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


@pytest.mark.reproduction("C")
def test_our_driver_initialises_a_cavro_that_others_simulate(tmp_path: Path) -> None:
    with simulator("cavro") as (port, process):
        # Its valve has three ports.
        ours(tmp_path, "cavro-xlp", port, choices={"waste": "I"})
        assert did(process) == {"initialised": 1, "position": 0, "error": 0}


@pytest.mark.reproduction("C")
@pytest.mark.parametrize("volume_ul", [5, 400, 1500])
def test_our_driver_stops_an_ne_1000_that_others_simulate(tmp_path: Path, volume_ul: float) -> None:
    with simulator("new-era") as (port, process):
        ours(tmp_path, "ne-1000-basic", port, volume_ul)
        found = did(process)
        assert not found["running"]
        assert found["infused_ul"] == pytest.approx(volume_ul, rel=0.02)


def messages(capture: Path) -> list[bytes]:
    entries = [json.loads(line) for line in capture.read_text(encoding="utf-8").splitlines()]
    return [bytes.fromhex(entry["hex"]) for entry in entries if entry["way"] == "out"]


@pytest.mark.reproduction("C")
def test_the_same_message_is_the_same_bytes_as_theirs(tmp_path: Path) -> None:
    """Theirs as the twin took them, after it had checked length and CRC; ours as they were sent."""
    with twin(NE1000Firmware) as running:
        driven("nesp", running)
        # They write the address 0 with one digit, we with two.
        theirs = {b"00" + message[1:] for message in heard(running)}
    with twin(NE1000Firmware) as running:
        capture = tmp_path / "ne-1000.jsonl"
        ours(tmp_path, "ne-1000", running.path, capture=str(capture))
        packets = set(messages(capture))
    for command in (
        b"00SAF10",
        b"00VER",
        b"00DIA14.43",
        b"00DIRINF",
        b"00VOLUL",
        b"00RUN",
        b"00DIS",
    ):
        assert command in theirs
        whole = command + crc_hqx(command, 0).to_bytes(2, "big") + b"\x03"
        assert bytes([2, len(command) + 4]) + whole in packets
    with twin(CavroFirmware) as running:
        driven("cavro", running)
        theirs = set(heard(running))
    with twin(CavroFirmware) as running:
        ours(tmp_path / "cavro", "cavro-xlp", running.path)
        same = theirs & set(heard(running))
    assert {b"/1Q", b"/1Z0R", b"/1N0R", b"/1?"} <= same
    with twin(MasterflexFirmware) as running:
        driven("pylabrobot", running)
        theirs = set(heard(running))
    with twin(MasterflexFirmware) as running:
        ours(tmp_path / "masterflex", "masterflex-ls", running.path)
        assert {b"\x05", b"\x02P02H"} <= theirs & set(heard(running))
