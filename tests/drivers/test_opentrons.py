import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drivers.base import DriverError, JobRefused, RobotOffline, RobotSetup
from drivers.clock import RealClock
from drivers.environment import make_environment
from drivers.opentrons.analysis import analyse, analysis
from drivers.opentrons.deck import OpentronsOptions
from drivers.opentrons.protocol_text import compile_protocol
from drivers.opentrons.robot import OpentronsRobot
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_lab
from protocols.compile import compile_jobs
from protocols.environments import interpreter
from protocols.jobs import Job, JobReport
from protocols.operations import Aspirate, Detach, Dispense, Mix, Operation, Supplement, Transfer
from simulators.opentrons_server import OpentronsServer
from simulators.twins import OT2_DECK
from tests.builders import job_of
from tests.conftest import ROOT
from tests.program import wellwise

LAB = ROOT / "examples" / "opentrons" / "lab.yaml"
KEY = "c/r1/p1/s/1"


@pytest.fixture(scope="session")
def environment() -> Path:
    return make_environment(ROOT / ".wellwise", "opentrons")


@pytest.fixture
def server() -> Iterator[OpentronsServer]:
    running = OpentronsServer(operation_s=0.02)
    yield running
    running.end()


def deck(**changes: Any) -> OpentronsOptions:
    return OpentronsOptions.model_validate(OT2_DECK | changes)


def robot(server: OpentronsServer, home: Path, **changes: Any) -> OpentronsRobot:
    return OpentronsRobot(RobotSetup("ot2", deck(**changes), RealClock(), home, address=server.url))


def water(number: int, volume: float = 500) -> list[Operation]:
    return [Dispense(well=f"A{n}", liquid="water", volume_ul=volume) for n in range(1, number + 1)]


async def over(driver: OpentronsRobot, key: str = KEY) -> JobReport:
    while (report := await driver.poll(key)).state == "running":
        await asyncio.sleep(0.01)
    return report


def with_robot(
    driver: OpentronsRobot, work: Callable[[OpentronsRobot], Awaitable[JobReport]]
) -> JobReport:
    async def run() -> JobReport:
        await driver.connect()
        try:
            return await work(driver)
        finally:
            await driver.close()

    return asyncio.run(run())


def test_every_step_of_the_published_campaign_passes_the_real_analysis(
    rpe: Campaign, environment: Path
) -> None:
    options = OpentronsOptions.model_validate(read_lab(LAB.read_text()).robots["maholo"].options)
    first: dict[str, Job] = {}
    for job in compile_jobs(
        rpe, "rpe", plan_round(rpe, 1, []).layout, datetime(2026, 3, 2, 9, tzinfo=UTC)
    ):
        if job.robot == "maholo":
            compile_protocol(job, options, "ot2")
            first.setdefault(job.step, job)
    assert list(first) == ["A", "B", "C", "D", "E"]

    async def errors() -> list[str]:
        texts = [compile_protocol(job, options, "ot2")[0] for job in first.values()]
        found = await asyncio.gather(*(analyse(text, interpreter(environment)) for text in texts))
        return [error for step in found for error in step]

    assert asyncio.run(errors()) == []
    _, budget = compile_protocol(first["C"], options, "ot2")
    assert budget.tips == {"left": 20}
    assert "trypsin in media A3: 6000 of 13000 uL" in str(budget)


def test_the_budget_is_printed_by_command(tmp_path: Path, environment: Path) -> None:
    lab, campaign = tmp_path / "lab.yaml", ROOT / "examples" / "rpe" / "campaign.yaml"
    text = LAB.read_text()
    lab.write_text(
        text.replace("    options:\n", f"    options:\n      environment: {environment}\n", 1)
    )
    ran = wellwise(
        "robot", "preview", campaign, "--lab", lab, "--step", "C", "--out", tmp_path, home=tmp_path
    )
    refused = wellwise("robot", "preview", campaign, "--lab", lab, "--step", "Z", home=tmp_path)
    assert "the protocol has no step 'Z'" in refused.stderr
    assert ran.returncode == 0, ran.stderr
    tips = "maholo, step C: opentrons_96_tiprack_1000ul (left): 20 of 192 tips"
    assert f"{tips}; trypsin in media A3: 6000 of" in ran.stdout
    assert (tmp_path / "C.py").read_text().startswith('"""Job rpe/r1/p1/C/1')


@pytest.mark.reproduction("B4")
@pytest.mark.parametrize(
    ("operations", "changes", "why"),
    [
        (
            [*water(3), Dispense(well="A1", liquid="water", volume_ul=16500)],
            {},
            "runs out: 14000 uL are there",
        ),
        (
            [Dispense(well="A1", liquid="water", volume_ul=9000)] * 2,
            {"big": True},
            "A1 would overflow: 18000 uL",
        ),
        (
            [Dispense(well="A1", liquid="milk", volume_ul=100)],
            {},
            r"no milk is on the deck \(there is water\)",
        ),
        (
            [Mix(well="A1", volume_ul=2000, cycles=3)],
            {},
            r"no pipette mixes 2000 uL in A1 \(the most is 1000 uL\)",
        ),
        (
            [Dispense(well="A1", liquid="water", volume_ul=0.5)],
            {},
            r"no pipette takes 0.50 uL \(the least is 1 uL\)",
        ),
        (
            [
                Dispense(
                    well="A1",
                    liquid="water",
                    volume_ul=100,
                    supplements=(Supplement(substance="salt", concentration=1, unit="mM"),),
                )
            ],
            {},
            "no stock of salt is on the deck",
        ),
        (
            [
                op
                for n in range(200)
                for op in (
                    Dispense(well="A1", liquid="water", volume_ul=5),
                    Dispense(well="A2", liquid="oil", volume_ul=5),
                )
            ],
            {"oil": True},
            "tips are needed of opentrons_96_tiprack_20ul and 96 are there",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    operations: list[Operation], changes: dict[str, bool], why: str
) -> None:
    liquids = dict(OT2_DECK["liquids"])
    if "big" in changes:
        liquids["water"] = {
            "reservoir": "media",
            "wells": [f"A{n}" for n in range(1, 5)],
            "volume_ul": 14000,
        }
    if "oil" in changes:
        liquids["oil"] = {"reservoir": "media", "wells": ["A2"], "volume_ul": 14000}
    with pytest.raises(JobRefused, match=why):
        compile_protocol(job_of(*operations), deck(liquids=liquids), "ot2")


@pytest.mark.reproduction("B3")
def test_a_flow_rate_is_that_of_its_operation(environment: Path) -> None:
    detach = Detach(well="A1", period_s=0, speed_mm_s=100, stroke="short")
    operations = [
        *water(1),
        detach,
        Mix(well="A2", volume_ul=200, cycles=2),
        Transfer(well="A3", volume_ul=300),
        detach,
        *water(2),
        Aspirate(well="A1", volume_ul=150),
    ]
    text, _ = compile_protocol(job_of(*operations), deck(), "ot2")
    found = asyncio.run(analysis(text, interpreter(environment)))
    assert found["errors"] == []
    rates: list[tuple[str, set[float]]] = []
    seen: set[float] = set()
    for command in found["commands"]:
        if "flowRate" in command["params"]:
            seen.add(round(command["params"]["flowRate"], 1))
        if command["commandType"] == "comment":
            rates.append((command["params"]["message"].split(": ")[1], seen))
            seen = set()
    own = {274.7}
    assert rates == [
        ("dispense A1", own),
        ("detach A1", {1500.0}),
        ("mix A2", own),
        ("transfer A3", own),
        ("detach A1", {1500.0}),
        ("dispense A1", own),
        ("dispense A2", own),
        ("aspirate A1", own),
    ]


@pytest.mark.reproduction("B4")
def test_two_sources_on_two_mounts_take_two_tips(environment: Path) -> None:
    salt = {
        "reservoir": "media",
        "wells": ["A2"],
        "volume_ul": 14000,
        "concentration": 100,
        "unit": "mM",
    }
    operations = [
        Dispense(
            well=f"{row}{column}",
            liquid="water",
            volume_ul=500,
            supplements=(Supplement(substance="salt", concentration=2, unit="mM"),),
        )
        for row in "AB"
        for column in (1, 2, 3)
    ]
    text, budget = compile_protocol(job_of(*operations), deck(stocks={"salt": salt}), "ot2")
    assert budget.tips == {"left": 1, "right": 1}
    assert asyncio.run(analyse(text, interpreter(environment))) == []


def test_an_analysis_that_fails_refuses_the_job(
    tmp_path: Path, server: OpentronsServer, environment: Path
) -> None:
    media = {"media": {"labware": "no_such_labware", "slot": 5}}
    driver = robot(server, tmp_path, analyze=True, environment=environment, reservoirs=media)

    async def submit(driver: OpentronsRobot) -> JobReport:
        with pytest.raises(JobRefused, match=r"fails its analysis: .*no_such_labware"):
            await driver.submit(job_of(*water(2)))
        return await driver.poll(KEY)

    assert with_robot(driver, submit).state == "unknown"
    assert server.protocols == []


def test_without_the_environment_the_message_says_how_to_make_it(
    tmp_path: Path, server: OpentronsServer
) -> None:
    async def submit(driver: OpentronsRobot) -> JobReport:
        with pytest.raises(JobRefused, match="wellwise driver environment opentrons"):
            await driver.submit(job_of(*water(2)))
        return await driver.poll(KEY)

    assert with_robot(robot(server, tmp_path, analyze=True), submit).state == "unknown"


def test_a_run_lost_by_the_server_is_a_job_in_doubt(
    tmp_path: Path, server: OpentronsServer
) -> None:
    async def crash(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(20)))
        while not server.done:
            await asyncio.sleep(0.005)
        server.crash()
        return await driver.poll(KEY)

    report = with_robot(robot(server, tmp_path), crash)
    assert report.state == "in_doubt"
    assert "restarted in the middle of the run" in report.message


def test_a_robot_that_is_paused_busy_or_starting_says_so(
    tmp_path: Path, server: OpentronsServer
) -> None:
    async def pause(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(30, 100)))
        with pytest.raises(DriverError, match="no run that is paused"):
            await driver.resume()
        await driver.pause()
        report = await driver.poll(KEY)
        with pytest.raises(RobotOffline, match="busy: another run"):
            await driver.submit(job_of(*water(1), key="c/r1/p2/s/1"))
        await driver.resume()
        assert (await over(driver)).operations_done == 30
        return report

    assert (
        with_robot(robot(server, tmp_path), pause).message
        == "the run waits for a person at the robot"
    )
    server.down = True
    with pytest.raises(RobotOffline, match="still starting"):
        asyncio.run(robot(server, tmp_path).connect())


def test_a_run_is_stopped_by_command(tmp_path: Path, server: OpentronsServer) -> None:
    server.operation_s = 1.0

    async def begin(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(100, 100)))
        return await driver.poll(KEY)

    assert with_robot(robot(server, tmp_path), begin).state == "running"
    lab = tmp_path / "lab.yaml"
    options = LAB.read_text().replace("http://localhost:31950", server.url)
    lab.write_text(options)
    stopped = wellwise("robot", "stop", "maholo", "--lab", lab, home=tmp_path)
    assert stopped.stdout == "Robot maholo: stop.\n"
    assert server.runs[-1]["status"] == "stopped"
    refused = wellwise("robot", "pause", "microscope", "--lab", lab, home=tmp_path)
    assert "robot microscope cannot pause" in refused.stderr
