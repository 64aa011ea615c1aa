"""Job books that were copied, or of robots that others drove: what their robots do afterwards.

The pump's log, which lies outside of every home and is fsynced as it works, is the judge.
"""

import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import RobotSetup
from drivers.clock import RealClock
from drivers.job_book import JobBook
from orchestrator.core.state import JobStatus
from orchestrator.engine.dispatch import execute_job
from orchestrator.journal.store import robot_resource
from orchestrator.lab import lab as lab_module
from orchestrator.lab.lab import Lab
from orchestrator.lab.robots import stop_robot, used_robot
from orchestrator.settings import Settings
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Operation, well_of
from tests import acting
from tests.builders import dispenses, finished, job_of
from tests.drivers.test_job_book import LoggingPump, did
from tests.system.homes import TwoHomes, new_life, opened

KEY = "crash/r1/p1/react/1"
OURS = "@ours"


class SharedPump(LoggingPump):
    """A pump on the network: whatever home its driver is in, it has one log, beside the homes."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        await asyncio.sleep(self.took_s)
        with (self.setup.home.parent / "device.log").open("a", encoding="utf-8") as log:
            log.write(f"{operation.kind} {well_of(operation)}\n")
            log.flush()
            os.fsync(log.fileno())
        return None


def shared_pump(home: Path, journal: str = OURS) -> SharedPump:
    home.mkdir(exist_ok=True)
    return SharedPump(RobotSetup("pump", None, RealClock(), home, journal=journal))


@pytest.mark.reproduction("A5")
@pytest.mark.parametrize("operations_done", [0, 1])
def test_a_copied_job_book_does_not_go_on_where_it_was_copied(
    tmp_path: Path, operations_done: int
) -> None:
    job = job_of(*dispenses(10, 10, 10), key=KEY + OURS)
    first, copy = tmp_path / "first", tmp_path / "copy"

    async def original() -> None:
        device = shared_pump(first)
        await device.connect()
        await device.submit(job)
        assert (await finished(device, job.key)).state == "done"
        await device.close()

    book = JobBook(first / "robots" / "pump.sqlite", "pump", 1, RealClock().now(), OURS)
    book.take(job)
    for position in range(operations_done):
        book.begin(job.key, position)
        book.end(job.key, position, None)
    book.close()
    shutil.copytree(first, copy)
    asyncio.run(original())
    done = did(tmp_path)
    assert len(done) == 3 - operations_done

    async def in_the_copy() -> tuple[JobReport, JobReport]:
        device = shared_pump(copy)
        await device.connect()
        await asyncio.sleep(4 * device.took_s)
        reports = await device.poll(job.key), await device.poll(f"another{OURS}")
        await device.close()
        return reports

    began = RealClock().now()
    known, unknown = asyncio.run(in_the_copy())
    assert did(tmp_path) == done
    assert known.state == "in_doubt"
    assert "its job book is a copy" in known.message
    assert unknown.remembers_since is not None
    assert unknown.remembers_since >= began


@pytest.mark.reproduction("A5")
def test_a_robot_of_two_homes_does_nothing_twice_when_one_goes_on_after_the_other(
    tmp_path: Path, two_homes: TwoHomes
) -> None:
    """The second home's book is older than the job, and yet it cannot know of it."""
    campaign_id = two_homes.campaign_id
    labs = [
        replace(opened(home, campaign_id), clock=RealClock(), configured=None, remake=None)
        for home in (two_homes.first, two_homes.second)
    ]

    def pumped(lab: Lab, home_fence: int) -> Lab:
        setup = RobotSetup(
            "dispenser",
            None,
            RealClock(),
            lab.home,
            journal=lab.journal.identity.suffix,
            home_fence=home_fence,
        )
        return replace(lab, robots={"dispenser": SharedPump(setup)})

    async def follow(lab: Lab) -> None:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            pump = pumped(lab, used.lease.home_fence).robots["dispenser"]
            await execute_job(lab, replace(used, driver=pump), KEY)
            await pump.close()

    async def used_before(lab: Lab) -> None:
        async with used_robot(pumped(lab, 0), campaign_id, "dispenser") as used:
            await used.driver.connect()

    first, second = labs
    set_back(first, KEY)
    asyncio.run(used_before(second))
    asyncio.run(follow(first))
    done = did(tmp_path)
    assert len(done) > 0
    # The first one's computer burns down before it has said that the job was done.
    set_back(first, KEY, JobStatus.DISPATCHED)
    asyncio.run(follow(second))
    _, state = second.journal.job(KEY)
    assert did(tmp_path) == done
    assert state.status is JobStatus.IN_DOUBT
    assert "what it knows begins at" in state.message


def set_back(lab: Lab, key: str, to: JobStatus = JobStatus.PLANNED) -> None:
    """The job as it was before what came of it was written."""
    from orchestrator.journal.tables import JobRow

    with lab.journal.transaction() as session:
        row = session.get_one(JobRow, key)
        row.state, row.robot = to.value, "dispenser"
        row.begin_at = row.due_at = RealClock().now()
        if to is JobStatus.PLANNED:
            row.dispatched_at = None


@pytest.mark.reproduction("A1")
def test_who_connects_at_the_bench_does_not_set_a_campaigns_job_going(tmp_path: Path) -> None:
    job = job_of(*dispenses(10, 10), key=KEY + OURS)

    async def bench() -> None:
        device = shared_pump(tmp_path / "home", journal="")
        await device.connect()
        await asyncio.sleep(4 * device.took_s)
        await device.close()

    async def campaign() -> JobReport:
        device = shared_pump(tmp_path / "home")
        await device.connect()
        report = await finished(device, job.key)
        await device.close()
        return report

    path = tmp_path / "home" / "robots" / "pump.sqlite"
    book = JobBook(path, "pump", 1, RealClock().now(), OURS)
    book.take(job)
    book.close()
    asyncio.run(bench())
    assert did(tmp_path) == []
    # Its owner goes on with it, and nobody is asked.
    assert asyncio.run(campaign()).state == "done"
    assert len(did(tmp_path)) == 2


@pytest.mark.reproduction("A4")
def test_a_job_of_a_former_life_that_was_under_way_is_not_gone_on_with(tmp_path: Path) -> None:
    job = job_of(*dispenses(10, 10), key=KEY + OURS)
    path = tmp_path / "home" / "robots" / "pump.sqlite"
    book = JobBook(path, "pump", 1, RealClock().now(), OURS)
    book.take(job)
    book.close()

    async def next_life() -> JobReport:
        device = shared_pump(tmp_path / "home", journal=f"{OURS}.2-abcdef")
        await device.connect()
        await asyncio.sleep(4 * device.took_s)
        report = await device.poll(job.key)
        await device.close()
        return report

    report = asyncio.run(next_life())
    assert did(tmp_path) == []
    assert (report.state, report.not_begun) == ("in_doubt", None)


@pytest.mark.reproduction("A4")
def test_a_process_that_lives_through_a_new_life_does_not_go_on_with_a_job_of_before(
    worked: tuple[Settings, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own job book has the job under way, and a person has said that it is sent again."""
    settings, campaign_id = worked
    monkeypatch.setattr(lab_module, "clock_for", lambda *_: RealClock())
    monkeypatch.setattr(lab_module, "make_driver", lambda _, setup, __: LoggingPump(setup))
    lab = opened(settings, campaign_id)
    set_back(lab, KEY)
    job, state = lab.journal.job(KEY)
    lab.journal.move_job(KEY, state.status, JobStatus.DISPATCHED, RealClock().now())
    path = settings.home / "robots" / "dispenser.sqlite"
    book = JobBook(path, "dispenser", 1, RealClock().now(), lab.journal.identity.suffix)
    book.take(job)
    book.begin(job.key, 0)
    book.end(job.key, 0, None)
    book.close()
    other = new_life(lab, settings, campaign_id)
    acting.decide(other, KEY, "again", "ada", "the plate is made anew")

    async def hand_out() -> None:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            await execute_job(lab, used, KEY)

    asyncio.run(hand_out())
    assert lab.journal.job(KEY)[1].status is JobStatus.DONE
    assert len(did(settings.home)) == len(job.operations)


@pytest.mark.reproduction("A11")
def test_a_robot_whose_book_has_seen_later_owners_than_the_journal_is_used_and_stopped(
    worked: tuple[Settings, str],
) -> None:
    settings, campaign_id = worked
    lab = opened(settings, campaign_id)
    setup = RobotSetup(
        "dispenser", None, RealClock(), settings.home, journal=lab.journal.identity.suffix
    )
    book = JobBook(settings.home / "robots" / "dispenser.sqlite", "dispenser", 40)
    book.close()

    def made(name: str, config: object, lease: object) -> LoggingPump:
        return LoggingPump(replace(setup, fence=getattr(lease, "fence", 0)))

    lab = replace(lab, clock=RealClock(), remake=made)
    set_back(lab, KEY)

    async def hand_out() -> None:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            await execute_job(lab, used, KEY)

    behind = LoggingPump(replace(setup, fence=1))
    assert asyncio.run(stop_robot(lab, campaign_id, "dispenser", behind)) == ""
    asyncio.run(hand_out())
    assert did(settings.home) == []
    asyncio.run(hand_out())
    job, state = lab.journal.job(KEY)
    assert state.status is JobStatus.DONE
    assert len(did(settings.home)) == len(job.operations)
    assert lab.journal.own(robot_resource("dispenser"), "another", 30) > 40


@pytest.mark.reproduction("A11")
def test_who_stopped_a_robot_past_a_later_owner_lets_its_line_go(
    worked: tuple[Settings, str],
) -> None:
    settings, campaign_id = worked
    setup = RobotSetup("dispenser", None, RealClock(), settings.home)
    JobBook(setup.book_path, "dispenser", 40).close()
    made: list[LoggingPump] = []

    def make(name: str, config: object, lease: object) -> LoggingPump:
        made.append(LoggingPump(replace(setup, fence=getattr(lease, "fence", 0))))
        return made[-1]

    lab = replace(opened(settings, campaign_id), clock=RealClock(), remake=make)

    async def stop() -> None:
        behind = LoggingPump(replace(setup, fence=1))
        assert await stop_robot(lab, campaign_id, "dispenser", behind) == ""
        # While `made` lives, only a driver that was closed leaves its robot to another.
        JobBook(setup.book_path, "dispenser").close()

    asyncio.run(stop())
    assert len(made) == 1
