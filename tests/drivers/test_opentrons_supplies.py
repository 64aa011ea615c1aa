"""Tips and liquids of an OT-2 across jobs, as the real opentrons package sees the protocols."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from drivers.base import DeviceCannotWork, DriverError, JobRefused, RobotSetup
from drivers.clock import RealClock
from drivers.environment import make_environment
from drivers.opentrons.analysis import analysis
from drivers.opentrons.deck import OpentronsOptions
from drivers.opentrons.protocol_text import compile_protocol
from drivers.opentrons.robot import OpentronsRobot
from drivers.opentrons.supplies import Used
from protocols.environments import interpreter
from protocols.jobs import Job
from protocols.operations import Dispense, Mix, Operation
from simulators.opentrons_server import OpentronsServer
from tests.builders import job_of
from tests.conftest import ROOT
from tests.program import wellwise

DECK = {
    "pipettes": {
        "left": {
            "name": "p300_single_gen2",
            "tips": "opentrons_96_tiprack_300ul",
            "slots": [4, 5],
        }
    },
    "reservoirs": {"trough": {"labware": "nest_12_reservoir_15ml", "slot": 1}},
    "liquids": {
        "water": {"reservoir": "trough", "wells": ["A1", "A2"], "volume_ul": 1000, "dead_ul": 100}
    },
    "moves": "ignore",
}
WELLS = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)]


@pytest.fixture(scope="session")
def environment() -> Path:
    return make_environment(ROOT / ".wellwise", "opentrons")


@pytest.fixture
def server() -> Iterator[OpentronsServer]:
    running = OpentronsServer(operation_s=0.001)
    yield running
    running.end()


def mixes(number: int) -> list[Operation]:
    """One tip each."""
    return [Mix(well=well, volume_ul=50, cycles=1) for well in WELLS[:number]]


def job(number: int, operations: Sequence[Operation]) -> Job:
    made = job_of(*operations)
    return made.model_copy(update={"key": f"c/r1/p{number}/s/1", "labware": "96-well"})


def options(**changes: object) -> OpentronsOptions:
    return OpentronsOptions.model_validate(DECK | changes)


def picked_up(text: str, environment: Path) -> list[tuple[str, str]]:
    """Slot and well of each tip that the real package picks up."""
    found = asyncio.run(analysis(text, interpreter(environment)))
    assert found["errors"] == []
    slots = {
        labware["id"]: labware["location"]["slotName"]
        for labware in found["labware"]
        if "slotName" in labware["location"]
    }
    return [
        (slots[command["params"]["labwareId"]], command["params"]["wellName"])
        for command in found["commands"]
        if command["commandType"] == "pickUpTip"
    ]


@pytest.mark.reproduction("B4")
def test_no_tip_of_a_job_is_picked_up_by_the_next(environment: Path) -> None:
    before, seen = Used(), []
    for number in (60, 40, 30):
        text, budget = compile_protocol(job(1, mixes(number)), options(), "ot2", before)
        tips = picked_up(text, environment)
        assert len(tips) == number
        seen += tips
        before += budget.used
    assert len(set(seen)) == 130
    assert [slot for slot, _ in seen] == ["4"] * 96 + ["5"] * 34


def perform(server: OpentronsServer, home: Path, jobs: Sequence[Job], **changes: object) -> None:
    async def work() -> None:
        setup = RobotSetup(
            "ot2", options(analyze=False, **changes), RealClock(), home, address=server.url
        )
        driver = OpentronsRobot(setup)
        await driver.connect()
        try:
            for one in jobs:
                await driver.submit(one)
                while (report := await driver.poll(one.key)).state == "running":
                    await asyncio.sleep(0.01)
                assert report.state == "done"
        finally:
            await driver.close()

    asyncio.run(work())


@pytest.mark.reproduction("B4")
def test_a_job_that_needs_more_tips_than_are_left_waits_for_a_person(
    server: OpentronsServer, tmp_path: Path
) -> None:
    perform(server, tmp_path, [job(1, mixes(90)), job(2, mixes(90))])
    done = len(server.done)
    with pytest.raises(DeviceCannotWork) as stopped:
        perform(server, tmp_path, [job(3, mixes(20))])
    message = str(stopped.value)
    assert "20 tips are needed of opentrons_96_tiprack_300ul and 12 are there" in message
    assert "put full racks into slots 4, 5" in message
    assert "wellwise robot refill ot2 left" in message
    assert not stopped.value.begun
    assert len(server.done) == done
    lab = tmp_path / "lab.yaml"
    YAML().dump(
        {"robots": {"ot2": {"driver": "opentrons", "address": server.url, "options": DECK}}},
        lab,
    )
    left = wellwise("robot", "supplies", "ot2", "--lab", lab, home=tmp_path)
    assert "left (opentrons_96_tiprack_300ul): 12 of 192 tips" in left.stdout
    unknown = wellwise("robot", "refill", "ot2", "right", "--lab", lab, home=tmp_path)
    assert "no supply 'right'" in unknown.stderr
    refilled = wellwise("robot", "refill", "ot2", "left", "--lab", lab, home=tmp_path)
    assert "full again: left (opentrons_96_tiprack_300ul): 192 of 192 tips" in refilled.stdout
    perform(server, tmp_path, [job(3, mixes(20))])
    assert len(server.done) == done + 20


def test_a_job_that_is_sent_again_takes_nothing_twice(
    server: OpentronsServer, tmp_path: Path
) -> None:
    first = job(1, mixes(90))
    perform(server, tmp_path, [first, first, job(2, mixes(90)), first])


@pytest.mark.reproduction("B4")
def test_liquids_are_counted_across_jobs_and_wells(server: OpentronsServer, tmp_path: Path) -> None:
    water = [Dispense(well=well, liquid="water", volume_ul=200) for well in WELLS[:4]]
    perform(server, tmp_path, [job(1, water), job(2, water)])
    with pytest.raises(
        DeviceCannotWork, match=r"fill water up to 1000 uL.*'trough A1' 'trough A2'"
    ):
        perform(server, tmp_path, [job(3, water)])
    perform(server, tmp_path, [job(3, water)], counted=False)


def test_what_no_full_deck_could_do_is_refused_however_much_is_left(
    server: OpentronsServer, tmp_path: Path
) -> None:
    perform(server, tmp_path, [job(1, mixes(20))])
    many = [*mixes(96), *mixes(96), *mixes(1)]
    with pytest.raises(JobRefused, match="193 tips are needed"):
        perform(server, tmp_path, [job(2, many)])


def test_a_driver_that_counts_nothing_says_so(tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text("robots:\n  ada: {driver: manual}\n")
    ran = wellwise("robot", "refill", "ada", "--lab", lab, home=tmp_path)
    assert ran.returncode == 2
    assert "robot ada does not count what it uses up" in ran.stderr


def test_refilling_what_is_not_there_changes_nothing(
    server: OpentronsServer, tmp_path: Path
) -> None:
    perform(server, tmp_path, [job(1, mixes(5))])
    driver = OpentronsRobot(RobotSetup("ot2", options(), RealClock(), tmp_path, address=server.url))
    with pytest.raises(DriverError, match="expected one of left, trough A1, trough A2"):
        driver.refill(["left", "tips"])
    assert [str(supply) for supply in driver.supplies()] == [
        "left (opentrons_96_tiprack_300ul): 187 of 192 tips",
        "trough A1 (water): 900 of 900 uL",
        "trough A2 (water): 900 of 900 uL",
    ]
