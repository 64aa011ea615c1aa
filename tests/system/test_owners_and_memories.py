"""Owners that sleep, clocks that are wrong and memories that were lost, one test each.

Each of these was found by `make crash`, where processes of devices are the judge.
"""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.base import RobotSetup
from drivers.clock import RealClock
from drivers.job_book import JobBook
from orchestrator.core.lifecycle import ExecuteJob, next_actions
from orchestrator.core.state import JobStatus
from orchestrator.engine.dispatch import execute_job
from orchestrator.errors import LeaseLost
from orchestrator.journal import store
from orchestrator.journal.backup import back_up, restore
from orchestrator.journal.journal import Journal
from orchestrator.lab.lease import owned
from orchestrator.lab.robots import used_robot
from orchestrator.settings import Settings
from tests.builders import dispenses, job_of, small_lab
from tests.conftest import START
from tests.drivers.test_job_book import LoggingPump, did
from tests.system.mishaps import shifted

KEY = "crash/r1/p1/react/1"


def test_an_owner_that_slept_past_its_lease_hears_that_it_lost_it(tmp_path: Path) -> None:
    journals = [Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}") for _ in range(2)]

    async def sleep_past_it() -> None:
        async with owned(journals[0], "robot maholo", 0.2):
            time.sleep(0.3)
            journals[1].own("robot maholo", "another", 60)
            await asyncio.sleep(60)

    with pytest.raises(LeaseLost):
        asyncio.run(sleep_past_it())
    assert journals[1].holder("robot maholo") == "another"


def test_a_renewal_takes_nothing_that_another_has_had_since(tmp_path: Path) -> None:
    first, second = (Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}") for _ in range(2))
    first.own("campaign c", "first", 0.0)
    second.own("campaign c", "second", 60)
    second.release("campaign c")
    with pytest.raises(LeaseLost, match="another process has taken campaign c over"):
        first.own("campaign c", "first", 60, renewing=True)
    assert first.holder("campaign c") is None


@pytest.mark.parametrize("hours", [-7, 7])
def test_what_is_let_go_is_free_by_every_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(store, "datetime", shifted(timedelta(hours=hours)))
        journal.own("campaign c", "a computer whose clock is wrong", 30)
        journal.release("campaign c")
    assert journal.own("campaign c", "another", 30) == 2


def test_a_silent_robot_is_not_left_alone_for_hours_by_a_wrong_clock(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    lab.journal.robot_offline(campaign_id, "dispenser", "silence", START)
    for hours in (0, 7):
        lab.journal.robot_offline(
            campaign_id, "dispenser", "silence", START + timedelta(hours=hours)
        )
    state = lab.journal.state(campaign_id)
    assert state.outages[0].retry_at > START + timedelta(hours=6)
    assert any(isinstance(action, ExecuteJob) for action in next_actions(state, START))


def test_a_job_is_not_sent_again_when_the_job_book_was_moved_away(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    pump = LoggingPump(RobotSetup("dispenser", None, RealClock(), tmp_path))
    lab = replace(lab, clock=RealClock(), robots={"dispenser": pump}, configured=None)

    async def hand_out() -> None:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            await execute_job(lab, used, KEY)

    async def dispatch_and_lose_everything() -> None:
        await pump.connect()
        job, _ = lab.journal.job(KEY)
        lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
        await pump.submit(job)
        while len(did(tmp_path)) < len(job.operations):
            await asyncio.sleep(0.01)
        await pump.close()
        for file in (tmp_path / "robots").iterdir():
            file.unlink()

    asyncio.run(dispatch_and_lose_everything())
    done = did(tmp_path)
    # Not late, and the robot was there all the time: only its book is new.
    asyncio.run(hand_out())
    _, state = lab.journal.job(KEY)
    assert state.status is JobStatus.IN_DOUBT
    assert "what it knows begins at" in state.message
    assert did(tmp_path) == done


def test_a_job_that_a_robot_never_got_is_sent_without_asking_anybody(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    pump = LoggingPump(RobotSetup("dispenser", None, RealClock(), tmp_path))
    lab = replace(lab, clock=RealClock(), robots={"dispenser": pump}, configured=None)

    async def hand_out() -> None:
        # As every owner does before it notes a dispatch.
        await pump.connect()
        lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
        async with used_robot(lab, campaign_id, "dispenser") as used:
            await execute_job(lab, used, KEY)

    asyncio.run(hand_out())
    job, state = lab.journal.job(KEY)
    assert state.status is JobStatus.DONE
    assert len(did(tmp_path)) == len(job.operations)


def test_a_backup_of_a_lab_at_work_has_whole_job_books(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    path = settings.home / "robots" / "pump.sqlite"
    book = JobBook(path, "pump", fence=1)
    job = job_of(*dispenses(10, 20))
    book.take(job)
    book.begin(job.key, 0)
    # It is at work: what it wrote last lies beside the book, and its lock is held.
    assert path.with_name("pump.sqlite-wal").stat().st_size > 0
    back_up(settings, tmp_path / "backup.zip")
    book.close()
    again = Settings(home=tmp_path / "again")
    restore(again, tmp_path / "backup.zip")
    assert [file.name for file in (again.home / "robots").iterdir()] == ["pump.sqlite"]
    found = JobBook(again.home / "robots" / "pump.sqlite")
    assert found.job(job.key).content == job.content
    assert found.begun(job.key) == 0
    found.close()
