"""Vendors' packages that behave badly in the interpreter of their driver."""

import asyncio
import logging
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivers.base import DeviceCannotWork, DriverError, FencedOff, RobotOffline, RobotSetup
from drivers.clock import RealClock
from drivers.isolated.driver import OutsideDriver
from protocols.jobs import JobReport
from tests.builders import dispenses, job_of
from tests.conftest import ROOT
from tests.drivers.test_isolated import over

KEY = "c/r1/p1/s/1"
VENDOR = '''
import asyncio, ctypes, os, sys, time
from drivers.base import Capabilities, DeviceCannotWork, FencedOff, KeyMemory
from drivers.device import Device
from protocols.jobs import JobReport

{at_import}

class Vendor(Device):
    """Of a vendor."""

    able = Capabilities(
        operations={{"dispense": {{}}}}, memory=KeyMemory.REMEMBERS_KEYS, stop_s=0.5
    )

    async def perform(self, operation, job):
        {perform}

    async def halt(self):
        {halt}

{methods}
'''


def vendor(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    perform: str = "return None",
    halt: str = "pass",
    at_import: str = "",
    methods: str = "",
) -> OutsideDriver:
    code = VENDOR.format(perform=perform, halt=halt, at_import=at_import, methods=methods)
    (home / "vendor.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(home))
    setup = RobotSetup("vendor", {}, RealClock(), home)
    return OutsideDriver(setup, "vendor:Vendor", Path(sys.executable))


async def a_job(driver: OutsideDriver) -> JobReport:
    await driver.connect()
    try:
        await driver.submit(job_of(*dispenses(10, 10)))
        async with asyncio.timeout(20):
            return await over(driver)
    finally:
        await driver.close()


@pytest.mark.reproduction("D")
@pytest.mark.parametrize(
    "stray",
    [
        'os.write(1, b"\\xff\\x00 not json {\\n")',
        'os.write(1, b\'{"id": 1, "result": null}\\n\')',
        'ctypes.CDLL(None).puts(b"from C"); ctypes.CDLL(None).fflush(None)',
        'os.system("echo from a shell")',
        'print("[1, 2", file=sys.__stdout__, flush=True)',
        "assert sys.stdin.read() == ''",
        'assert os.read(0, 10) == b""',
    ],
)
def test_what_a_package_prints_or_reads_is_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: str
) -> None:
    driver = vendor(tmp_path, monkeypatch, perform=f"{stray}; return None", at_import=stray)
    assert asyncio.run(a_job(driver)).state == "done"


@pytest.mark.reproduction("D")
def test_what_it_says_on_stderr_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    say = 'print("valve 3 is warm", file=sys.stderr, flush=True)'
    driver = vendor(tmp_path, monkeypatch, perform=say)
    with caplog.at_level(logging.WARNING, "wellwise.drivers.vendor"):
        assert asyncio.run(a_job(driver)).state == "done"
    assert "valve 3 is warm" in caplog.text


@pytest.mark.reproduction("D")
def test_a_process_that_ends_says_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = 'print("licence expired", file=sys.stderr, flush=True); os._exit(3)'
    driver = vendor(tmp_path, monkeypatch, perform=ends)
    with pytest.raises(RobotOffline, match=r"process (ended \(3\)|has ended): licence expired"):
        asyncio.run(a_job(driver))


@pytest.mark.reproduction("D")
@pytest.mark.parametrize("hangs", ["time.sleep(60)", "await asyncio.sleep(60)"])
def test_a_package_that_hangs_is_an_error_in_time_and_stop_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    driver = vendor(tmp_path, monkeypatch, perform=hangs, halt=hangs)
    limits = {"connect": 10.0, "submit": 5.0, "poll": 0.5, "close": 0.5}
    monkeypatch.setattr(OutsideDriver, "limit_s", limits)

    async def run() -> JobReport:
        await driver.connect()
        await driver.submit(job_of(*dispenses(10, 10)))
        await asyncio.sleep(0.3)
        if "time" in hangs:
            with pytest.raises(RobotOffline, match=r"has not answered poll within 0.5 s"):
                await driver.poll(KEY)
        begun = time.monotonic()
        with pytest.raises(RobotOffline, match=r"within 0.5 s and was ended: STOP .* BY HAND"):
            await driver.stop()
        assert time.monotonic() - begun < 2.0
        await asyncio.sleep(0.2)
        await driver.connect()
        report = await driver.poll(KEY)
        begun = time.monotonic()
        await driver.close()
        assert time.monotonic() - begun < 8.0
        return report

    report = asyncio.run(run())
    assert report.state in ("in_doubt", "failed")


@pytest.mark.reproduction("D")
def test_a_package_that_hangs_while_it_is_imported_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.isolated.driver._START_S", 1.5)
    with pytest.raises(DriverError, match=r"was not made in .* within 1.5 s"):
        vendor(tmp_path, monkeypatch, at_import="time.sleep(60)")


@pytest.mark.reproduction("D")
def test_a_wrong_report_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    methods = """
    async def poll(self, key):
        return JobReport.model_construct(key=key, state="perhaps")
"""
    driver = vendor(tmp_path, monkeypatch, methods=methods)
    with pytest.raises(DriverError, match=r"its driver's report is wrong: \('state',\)"):
        asyncio.run(a_job(driver))


@pytest.mark.parametrize(
    ("raises", "kind", "attribute"),
    [
        ('DeviceCannotWork("no air", begun=True)', DeviceCannotWork, ("begun", True)),
        ('FencedOff("newer", 7)', FencedOff, ("newest", 7)),
    ],
)
def test_errors_of_the_contract_come_through_whole(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raises: str,
    kind: type[DriverError],
    attribute: tuple[str, object],
) -> None:
    methods = f"""
    async def submit(self, job):
        raise {raises}
"""
    driver = vendor(tmp_path, monkeypatch, methods=methods)
    with pytest.raises(kind) as caught:
        asyncio.run(a_job(driver))
    assert getattr(caught.value, attribute[0]) == attribute[1]


_NO_HOST = """#!/bin/sh
echo 'Welcome!'
echo '{"id": "x"}'
echo '{"capabilities": {"operations": {"dispense": {}}, "memory": "remembers keys", "stop_s": 0.5}}'
read greeting
read request
echo '['
echo '"a string"'
printf '\\377\\376\\n'
echo '{"id": 99, "result": 1}'
echo '{"id": 1, "result": null}'
read request
echo '{"id": 2, "error": "nothing that has a kind"}'
exec sleep 60
"""


@pytest.mark.reproduction("D")
def test_lines_that_are_no_answers_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python = tmp_path / "python"
    python.write_text(_NO_HOST.replace("exec sleep 60", "exit 0"))
    python.chmod(0o755)
    driver = OutsideDriver(RobotSetup("vendor", {}, RealClock(), tmp_path), "x:X", python)

    async def run() -> None:
        await driver.connect()
        with pytest.raises(DriverError, match="report is wrong"):
            await driver.poll(KEY)
        await driver.close()

    with caplog.at_level(logging.WARNING, "wellwise.drivers.vendor"):
        asyncio.run(run())
    assert "this is no answer of its driver" in caplog.text


@pytest.mark.reproduction("D")
def test_the_packages_of_its_environment_come_before_those_that_lie_beside_ours(
    tmp_path: Path,
) -> None:
    """As with an installed wheel: our packages lie in a folder with others of our versions."""
    beside = tmp_path / "site-packages"
    for room in ("drivers", "protocols"):
        shutil.copytree(ROOT / room, beside / room, ignore=shutil.ignore_patterns("__pycache__"))
    own = tmp_path / "own"
    for folder, version in ((beside, "ours"), (own, "the vendor's")):
        (folder / "vendor_sdk").mkdir(parents=True)
        (folder / "vendor_sdk" / "__init__.py").write_text(f'version = "{version}"\n')
    (own / "drive.py").write_text("import vendor_sdk\nraise RuntimeError(vendor_sdk.version)\n")
    program = (
        "import runpy, sys; "
        f"sys.path.append({str(own)!r}); "
        f"runpy.run_path({str(beside / 'drivers' / 'isolated' / 'start.py')!r}, "
        "run_name='__main__')"
    )
    greeting = (
        '{"driver": "drive:Drive", "name": "x", "options": {}, "home": "/", "seed": 0, '
        '"address": "", "limits": {}}\n'
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=greeting,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(beside), "PATH": "/usr/bin:/bin"},
    )
    assert "RuntimeError: the vendor's" in ran.stdout, ran.stdout + ran.stderr
