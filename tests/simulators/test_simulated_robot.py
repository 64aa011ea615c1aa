import asyncio
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from drivers.base import RobotOffline, RobotSetup
from protocols.campaign import Campaign
from protocols.jobs import Job, JobReport
from protocols.operations import AddSolid, Dispense, Read, Record, Supplement, Weigh
from protocols.scorers.kinetics import Endpoint
from protocols.scorers.peaks import PeakArea, PeakOptions
from simulators.clock import VirtualClock
from simulators.enzyme_assay import enzyme_assay
from simulators.robot import SimulatedOptions, SimulatedRobot, lab_log_path
from simulators.robot_log import RobotLog
from simulators.rpe_culture import rpe_culture
from simulators.variation import with_variation
from tests.builders import job_of, jobs_for
from tests.conftest import START


def robot(home: Path, name: str = "maholo", **options: object) -> SimulatedRobot:
    setup = RobotSetup(
        name, SimulatedOptions.model_validate(options), VirtualClock(START), home, seed=1
    )
    return SimulatedRobot(setup)


def plate_one(campaign: Campaign, period: float = 8.0) -> list[Job]:
    jobs = jobs_for(campaign, campaign.space.standard({"detachment_period": period}))
    return [job for job in jobs if job.plate == 1]


def test_the_same_key_twice_is_one_job(rpe: Campaign, tmp_path: Path) -> None:
    job = plate_one(rpe)[0]

    async def submit_twice() -> None:
        for _ in range(2):
            here = robot(tmp_path)
            await here.connect()
            await here.submit(job)
            await here.submit(job)
            assert (await here.poll(job.key)).state == "done"
            await here.close()

    asyncio.run(submit_twice())
    assert len(RobotLog(lab_log_path(tmp_path, "virtual")).everything()) == len(job.operations)


def test_a_key_that_it_never_got_is_unknown(tmp_path: Path) -> None:
    async def ask() -> str:
        here = robot(tmp_path)
        await here.connect()
        return (await here.poll("nothing")).state

    assert asyncio.run(ask()) == "unknown"


def test_wells_are_detached_three_minutes_apart(rpe: Campaign, tmp_path: Path) -> None:
    jobs = jobs_for(rpe, rpe.space.standard({"detachment_period": 8.0}))
    job = next(job for job in jobs if job.step == "C")
    operations = tuple(
        op.model_copy(update={"period_s": 60 * (8 + 3 * job.wells.index(op.well))})
        if op.kind == "detach"
        else op
        for op in job.operations
    )
    job = job.model_copy(update={"operations": operations})

    async def perform() -> None:
        here = robot(tmp_path)
        await here.connect()
        await here.submit(job)

    asyncio.run(perform())
    detached = [
        p.started_at
        for p in RobotLog(lab_log_path(tmp_path, "virtual")).everything()
        if p.operation.kind == "detach"
    ]
    assert [(b - a).total_seconds() for a, b in pairwise(detached)] == [180.0] * 5


@pytest.mark.parametrize("received", [False, True])
def test_a_dropped_line_says_nothing_about_what_was_received(
    rpe: Campaign, tmp_path: Path, received: bool
) -> None:
    fault = {"kind": "disconnect", "round": 1, "plate": 1, "step": "A", "heard": received}
    job = plate_one(rpe)[0]

    async def submit() -> str:
        here = robot(tmp_path, faults=[fault])
        await here.connect()
        with pytest.raises(RobotOffline):
            await here.submit(job)
        return (await here.poll(job.key)).state

    assert asyncio.run(submit()) == ("done" if received else "unknown")


def test_a_broken_well_costs_that_well(rpe: Campaign, tmp_path: Path) -> None:
    fault = {"kind": "well", "round": 1, "plate": 1, "well": "B2", "step": "A"}
    job = plate_one(rpe)[0]

    async def submit() -> dict[str, str]:
        here = robot(tmp_path, faults=[fault])
        await here.connect()
        await here.submit(job)
        return (await here.poll(job.key)).failed_wells

    assert asyncio.run(submit()) == {"B2": "machine error (injected)"}
    log = RobotLog(lab_log_path(tmp_path, "virtual"))
    assert not any(p.operation.kind == "dispense" for p in log.history("rpe/r1/p1", "B2"))
    assert any(p.operation.kind == "dispense" for p in log.history("rpe/r1/p1", "B3"))


def test_its_instruments_read_what_was_done_to_the_wells(tmp_path: Path) -> None:
    """A balance, a plate reader and a detector; the scorers find what the wells hold."""
    substrate = Supplement(substance="substrate", concentration=86, unit="uM")
    operations = [
        Dispense(well="A1", liquid="buffer", volume_ul=100, supplements=(substrate,)),
        Dispense(well="A1", liquid="enzyme", volume_ul=52),
        AddSolid(well="A1", substance="salt", mass_mg=8),
        Weigh(well="A1"),
        Read(wavelength_nm=450),
        Record(well="A1", quantity="absorbance", over="retention time"),
        Record(well="A1", quantity="absorbance", duration_s=600),
    ]

    async def report() -> JobReport:
        here = robot(tmp_path, culture="enzyme-assay")
        await here.connect()
        job = job_of(*operations).model_copy(update={"labware": "96-well", "robot": "maholo"})
        await here.submit(job)
        return await here.poll(job.key)

    done = asyncio.run(report())
    mass, plate, chromatogram, course = done.readings
    assert mass.number == pytest.approx(160, abs=0.3)
    assert len(plate.numbers) == 96
    assert plate.numbers["H12"] == pytest.approx(0.05, abs=0.05)
    history = RobotLog(lab_log_path(tmp_path, "virtual")).history("c/r1/p1", "A1")
    ratio = with_variation(enzyme_assay(history), 1, 1, 1, "A1")
    assert ratio > 0.3
    assert plate.numbers["A1"] == pytest.approx(0.05 + 2 * ratio, abs=0.03)
    area = PeakArea(PeakOptions(at=5, within=0.5, least=0.1)).score(chromatogram)
    assert area.value == pytest.approx(ratio, abs=0.05)
    end = Endpoint(Endpoint.Options(points_at_end=5)).score(course)
    assert end.value == pytest.approx(0.05 + 2 * ratio * (1 - np.exp(-3)), abs=0.03)


def truths(campaign: Campaign, folder: Path, rows: list[dict[str, float]]) -> list[float]:
    """What the culture makes of conditions that a robot really executed, one a plate."""
    found = []
    for number, row in enumerate(rows):
        condition = campaign.space.snap(row)
        assert condition is not None
        jobs = [
            job for job in jobs_for(campaign, condition) if job.plate == 1 and job.step != "imaging"
        ]
        home = folder / str(number)

        async def perform(home: Path = home, jobs: list[Job] = jobs) -> None:
            clock = VirtualClock(START)
            here = SimulatedRobot(RobotSetup("maholo", SimulatedOptions(), clock, home, seed=1))
            await here.connect()
            for job in jobs:
                await clock.sleep_until(job.due_at)
                await here.submit(job)
            await here.close()

        asyncio.run(perform())
        found.append(
            rpe_culture(RobotLog(lab_log_path(home, "virtual")).history("rpe/r1/p1", "A1"))
        )
    return found


STANDARD = {
    "fgfri_concentration": 98.04,
    "preconditioning_period": 6,
    "detachment_period": 8,
    "detachment_speed": 10,
    "detachment_length": 0,
    "ksr_period": 8,
    "three_factor_period": 11,
}


def test_the_culture_answers_to_what_was_done(rpe: Campaign, tmp_path: Path) -> None:
    rows = [
        STANDARD | change
        for change in (
            {},
            {"detachment_period": 23},
            {"detachment_speed": 100, "detachment_period": 23, "detachment_length": 1},
            {"fgfri_concentration": 485.33},
            {"fgfri_concentration": 203.84, "ksr_period": 11, "three_factor_period": 13},
        )
    ]
    early, late, torn, poisoned, better = truths(rpe, tmp_path, rows)
    assert 0.40 <= early <= 0.50
    assert 0.40 <= late <= 0.50
    assert torn < 0.1 * late
    assert poisoned < 0.1 * early
    assert 0.85 < better < 0.97


def test_a_well_that_was_never_passed_on_has_no_pigment() -> None:
    assert rpe_culture([]) == 0.0


def test_repeated_wells_differ_as_published() -> None:
    values = [
        with_variation(0.85, 1, round_number, plate, "A1")
        for round_number in range(40)
        for plate in range(8)
    ]
    assert 0.05 <= np.std(values) <= 0.1
    assert np.std([with_variation(0.1, 1, 1, plate, "A1") for plate in range(200)]) < 0.02
