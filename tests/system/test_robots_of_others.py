"""Robots that somebody else has, or has had: at the bench, or in another home.

The devices are a process of their own, and their log on the disk is the judge.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from orchestrator.control.stop import stop_now
from orchestrator.core.by import By
from orchestrator.core.lifecycle import AskOperator
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.engine.advance import advance
from orchestrator.errors import Owned
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import open_journal, open_lab
from orchestrator.lab.robots import used_robot
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests.program import wellwise
from tests.system.device_lab import (
    DRIVERS,
    FILE,
    LEASE_S,
    Devices,
    announce,
    base,
    campaign,
    created,
    devices,
    end_of,
    kill,
    run,
    started,
)

DISPENSES = 12
"""Of three plates with two wells each, twice each."""


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Devices]:
    announce(tmp_path)
    with devices(tmp_path) as there:
        yield there


def settings_of(home: Path) -> Settings:
    return Settings(home=home, lease_s=LEASE_S)


def named(
    name: str,
    port: int = 1,
    address: str = "",
    memory: KeyMemory = KeyMemory.KNOWS_WHAT_IT_NEVER_GOT,
) -> Campaign:
    """The campaign that calls the device `hand` by another name."""
    text = FILE.read_text().replace("hand, spare", f"{name}, spare")
    text = text.replace("  hand: {", f"  {name}: {{")
    small = read_campaign(text.replace("DRIVER", DRIVERS[memory]).replace("PORT", str(port)))
    if not address:
        return small
    robots = small.robots | {name: small.robots[name].model_copy(update={"address": address})}
    return small.model_copy(update={"robots": robots})


def doubted(journal: Journal, campaign_id: str, robot: str) -> str:
    """A job of a robot of which nobody knows what became."""
    key = next(job.key for job in journal.jobs(campaign_id, 1) if job.robot == robot)
    now = datetime.now(UTC)
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, now)
    journal.move_job(key, JobStatus.DISPATCHED, JobStatus.IN_DOUBT, now, "nobody knows")
    return key


def until_held(journal: Journal, resource: str) -> None:
    deadline = time.monotonic() + 20
    while journal.holder(resource) is None:
        assert time.monotonic() < deadline, f"nobody holds {resource}"
        time.sleep(0.01)


def dispensed(found: Devices) -> Counter[str]:
    """How often each operation was done, by the key under which the device got it."""
    return Counter(
        f"{entry['key']} {sorted(entry['did'].items())}"
        for entry in found.entries()
        if "did" in entry and entry["did"]["kind"] == "dispense"
    )


@pytest.mark.reproduction("A1")
def test_a_person_at_the_bench_has_no_robot_that_a_campaign_has(
    found: Devices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.robots.driver_names", lambda: ["Remembering"])
    settings = settings_of(tmp_path / "home")
    name = created(settings, campaign(KeyMemory.REMEMBERS_KEYS, found.port))
    lab = tmp_path / "lab.yaml"
    lab.write_text(
        f"robots:\n  hand: {{driver: Remembering, address: '127.0.0.1:{found.port}/hand'}}\n"
    )

    async def hold() -> None:
        journal = open_journal(settings)
        async with used_robot(open_lab(settings, journal, journal.state(name)), name, "hand"):
            await asyncio.sleep(60)

    child = started(lambda: asyncio.run(hold()))
    journal = open_journal(settings)
    until_held(journal, "robot hand")
    jog = ("jog", "hand", "dispense", "--set", "well=A1", "--set", "liquid=x")
    for home in (settings.home, tmp_path / "another"):
        for words in (("ping", "hand"), ("stop", "hand"), (*jog, "--set", "volume_ul=5", "--yes")):
            refused = wellwise("robot", *words, "--lab", lab, home=home)
            assert refused.returncode == 2, refused.stdout
            assert "held by" in refused.stderr or "used by another process" in refused.stderr
    assert found.entries() == []
    kill(child)
    ran = wellwise("robot", *jog, "--set", "volume_ul=5", "--yes", "--lab", lab, home=settings.home)
    assert ran.returncode == 0, ran.stderr
    assert [entry["did"]["well"] for entry in found.entries() if "did" in entry] == ["A1"]


@pytest.mark.reproduction("A3")
def test_a_campaign_of_the_same_name_in_another_home_does_its_own_work(
    found: Devices, tmp_path: Path
) -> None:
    done = []
    for home in ("one", "two"):
        settings = settings_of(tmp_path / home)
        name = created(settings, campaign(KeyMemory.REMEMBERS_KEYS, found.port))
        assert end_of(started(lambda s=settings, n=name: run(s, n, found))) == 0  # type: ignore[misc]
        done.append(dispensed(found))
        assert name == "far"
    assert [sum(some.values()) for some in done] == [DISPENSES, 2 * DISPENSES]
    assert set(done[1].values()) == {1}
    assert Counter(base(entry) for entry in done[1]) == Counter(
        {base(entry): 2 * times for entry, times in Counter(map(base, done[0])).items()}
    )


@pytest.mark.reproduction("A6")
def test_a_robot_waits_after_a_doubt_by_whatever_name_a_campaign_calls_it(
    found: Devices, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home")
    small = campaign(KeyMemory.KNOWS_WHAT_IT_NEVER_GOT, found.port)
    first, second = created(settings, small), created(settings, named("left", found.port))
    journal = open_journal(settings)
    key = doubted(journal, first, "hand")
    outlook = asyncio.run(advance(open_lab(settings, journal, journal.state(second)), second))
    asked = [question for question in outlook.questions if isinstance(question, AskOperator)]
    assert [question.key for question in asked] == [key]
    assert [entry for entry in found.entries() if entry.get("robot") == "hand"] == []


@pytest.mark.reproduction("A6")
@pytest.mark.parametrize("address", ["/dev/ttyUSB0", "COM3", "http://localhost:31950"])
def test_with_workers_an_address_of_a_computer_is_another_robot_on_another_computer(
    tmp_path: Path, address: str
) -> None:
    alone = settings_of(tmp_path / "home")
    lab = alone.model_copy(update={"workers": True})
    for at, held in ((address, False), ("http://ot2.lab:31950", True)):
        names = (named(name, address=at) for name in ("left", "right"))
        first, second = (created(alone, one) for one in names)
        journal = open_journal(alone)
        key = doubted(journal, first, "left")
        assert journal.state(second).elsewhere_in_doubt["right"] == key
        assert ("right" in open_journal(lab).state(second).elsewhere_in_doubt) is held


@pytest.mark.reproduction("A6")
def test_a_robot_waits_after_a_doubt_by_whatever_way_its_address_is_written(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path / "home")
    by_id = tmp_path / "usb-FTDI_A50285BI-if00-port0"
    by_id.symlink_to(tmp_path / "ttyUSB0")
    for address, same in (
        (str(tmp_path / "ttyUSB0"), str(by_id)),
        ("http://OT2.lab:31950", "http://ot2.lab:31950/"),
    ):
        first = created(settings, named("left", address=address))
        second = created(settings, named("right", address=same))
        journal = open_journal(settings)
        key = doubted(journal, first, "left")
        assert journal.state(second).elsewhere_in_doubt["right"] == key


@pytest.mark.reproduction("A1")
def test_a_device_has_one_owner_by_whatever_name_campaigns_on_two_computers_call_it(
    found: Devices, tmp_path: Path
) -> None:
    """What a computer locks for itself is in its own folder for passing files."""
    settings = settings_of(tmp_path / "home")
    first = created(settings, campaign(KeyMemory.REMEMBERS_KEYS, found.port))
    second = created(settings, named("left", found.port, memory=KeyMemory.REMEMBERS_KEYS))

    async def hold() -> None:
        tempfile.tempdir = str(tmp_path)
        journal = open_journal(settings)
        async with used_robot(open_lab(settings, journal, journal.state(first)), first, "hand"):
            await asyncio.sleep(60)

    async def want() -> None:
        journal = open_journal(settings)
        lab = open_lab(settings, journal, journal.state(second))
        async with used_robot(lab, second, "left", wait=False):
            pass

    child = started(lambda: asyncio.run(hold()))
    journal = open_journal(settings)
    until_held(journal, f"device 127.0.0.1:{found.port}/hand")
    with pytest.raises(Owned, match="/hand is held by process"):
        asyncio.run(want())
    kill(child)
    asyncio.run(want())


@pytest.mark.reproduction("A2")
def test_a_stop_reaches_a_device_that_its_owner_calls_by_another_name(
    found: Devices, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home")
    first = created(settings, campaign(KeyMemory.REMEMBERS_KEYS, found.port))
    second = created(settings, named("left", found.port, memory=KeyMemory.REMEMBERS_KEYS))

    async def hold() -> None:
        journal = open_journal(settings)
        async with used_robot(open_lab(settings, journal, journal.state(first)), first, "hand"):
            await asyncio.sleep(60)

    child = started(lambda: asyncio.run(hold()))
    journal = open_journal(settings)
    until_held(journal, "robot hand")
    lab = open_lab(settings, journal, journal.state(second))
    began = time.monotonic()
    assert asyncio.run(stop_now(lab, second, By("ada", "smoke"))) == {}
    assert time.monotonic() - began < 10
    stopped = [entry["robot"] for entry in found.entries() if "stopped" in entry]
    assert sorted(stopped) == ["hand", "reader", "spare"]
    assert journal.status(first) is CampaignStatus.PAUSED
    kill(child)
