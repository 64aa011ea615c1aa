"""Owners that sleep, clocks that are wrong and memories that were lost, one test each.

Each of these was found by `make crash`, where processes of devices are the judge.
"""

import asyncio
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url
from sqlmodel import select

from drivers import clock
from drivers.base import RobotSetup
from drivers.clock import RealClock
from drivers.job_book import JobBook
from orchestrator.core.lifecycle import ExecuteJob, next_actions
from orchestrator.core.state import JobStatus
from orchestrator.engine.dispatch import execute_job
from orchestrator.errors import LeaseLost, Owned
from orchestrator.journal import store
from orchestrator.journal.backup import back_up, restore
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.lab import Lab
from orchestrator.lab.lease import Lease, owned
from orchestrator.lab.robots import used_robot
from orchestrator.settings import Settings
from protocols.instants import later
from tests.builders import dispenses, job_of, small_lab, until_asked
from tests.conftest import START
from tests.drivers.test_job_book import LoggingPump, did
from tests.postgres import temporary_database
from tests.system import hosts
from tests.system.clocks import shifted
from tests.system.device_lab import REFUSED, end_of, started

KEY = "crash/r1/p1/react/1"


@pytest.fixture
def pumped(tmp_path: Path) -> tuple[Lab, str]:
    """A campaign whose dispenser is a pump that logs what it did, made anew by each owner."""
    lab, campaign_id = small_lab(tmp_path)

    def made(name: str, config: object, lease: Lease) -> LoggingPump:
        setup = RobotSetup("dispenser", None, RealClock(), tmp_path, fence=lease.fence)
        return LoggingPump(setup)

    return replace(lab, clock=RealClock(), remake=made), campaign_id


async def hand_out(lab: Lab, campaign_id: str) -> None:
    """The job, by its robot's owner."""
    async with used_robot(lab, campaign_id, "dispenser") as used:
        await execute_job(lab, used, KEY)


@pytest.mark.reproduction("A9")
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


@pytest.mark.reproduction("A9")
def test_a_renewal_takes_nothing_that_another_has_had_since(tmp_path: Path) -> None:
    first, second = (Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}") for _ in range(2))
    first.own("campaign c", "first", 0.0)
    second.own("campaign c", "second", 60)
    second.release("campaign c")
    with pytest.raises(LeaseLost, match="another process has taken campaign c over"):
        first.own("campaign c", "first", 60, renewing=True)
    assert first.holder("campaign c") is None


@pytest.mark.reproduction("A9")
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


@pytest.mark.reproduction("A9")
@pytest.mark.parametrize("seconds", [-45, 45])
def test_a_lease_in_postgresql_is_judged_by_its_clock_whatever_a_host_believes(
    monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    with temporary_database() as url:
        here, there = Journal(url), Journal(url)
        here.own("robot maholo", "here", 5)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(store, "datetime", shifted(timedelta(seconds=seconds)))
            with pytest.raises(Owned) as held:
                there.own("robot maholo", "there", 5)
        assert held.value.holder == "here"
        assert 0 < held.value.wait <= 5


@pytest.mark.reproduction("A9")
def test_a_host_whose_cable_is_out_ends_within_half_a_minute_and_another_takes_over() -> None:
    if reason := hosts.why_not():
        pytest.skip(reason)
    with temporary_database() as url, hosts.network(timedelta(hours=-7)) as between:
        here, target = Journal(url), make_url(url)
        port = between.port(str(target.host), target.port or 5432)
        far = target.set(host=between.address, port=port).render_as_string(hide_password=False)

        def hold() -> None:
            between.hosts[0].enter()

            async def own() -> None:
                async with owned(Journal(far), "robot maholo", 3.0):
                    await asyncio.sleep(300)

            asyncio.run(own())

        child = started(hold)
        while here.holder("robot maholo") is None:
            time.sleep(0.01)
        between.hosts[0].plug(plugged=False)
        began = time.monotonic()
        while here.holder("robot maholo") is not None:
            time.sleep(0.01)
        assert here.own("robot maholo", "another", 60) == 2
        assert time.monotonic() - began < 10
        assert end_of(child) == REFUSED
        assert time.monotonic() - began < 30


CHANGES_OF_THE_HOUR = {
    "Europe/Berlin": ("2026-03-29T00:59:59.9", "2026-10-25T00:59:59.9"),
    "America/New_York": ("2026-03-08T06:59:59.9", "2026-11-01T05:59:59.9"),
    "Australia/Lord_Howe": ("2026-10-03T15:29:59.9", "2026-04-04T14:59:59.9"),
}
"""The instants, in UTC, in which clocks on the wall go forward and back."""


@pytest.mark.reproduction("A10")
@pytest.mark.parametrize("zone", CHANGES_OF_THE_HOUR)
def test_a_poll_waits_as_long_as_it_says_when_the_hour_changes(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    for change in CHANGES_OF_THE_HOUR[zone]:
        by = datetime.fromisoformat(change).replace(tzinfo=UTC) - datetime.now(UTC)
        monkeypatch.setattr(clock, "datetime", shifted(by))
        real = RealClock(ZoneInfo(zone))
        before = real.now()

        async def wait(real: RealClock = real, before: datetime = before) -> None:
            async with asyncio.timeout(20):
                await real.sleep_until(later(before, timedelta(seconds=0.3)))

        began = time.monotonic()
        asyncio.run(wait())
        assert time.monotonic() - began > 0.2
        assert before.utcoffset() != real.now().utcoffset()


@pytest.mark.reproduction("A11")
def test_images_are_on_the_disk_before_the_journal_speaks_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, campaign_id = small_lab(tmp_path)
    synced: set[int] = set()
    original, finish = os.fsync, lab.journal.finish_job

    def fsync(descriptor: int) -> None:
        original(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    spoken: list[str] = []

    def finish_job(*arguments: Any) -> Any:
        for row in arguments[-1]:
            path = tmp_path / row.path
            assert path.stat().st_ino in synced
            assert path.parent.stat().st_ino in synced
            spoken.append(row.path)
        return finish(*arguments)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(lab.journal, "finish_job", finish_job)
    until_asked(lab, campaign_id)
    assert spoken
    with lab.journal.reading_session() as session:
        kept = [row.path for row in session.exec(select(ReadingRow)).all()]
    assert sorted(kept) == sorted(spoken)


@pytest.mark.reproduction("A10")
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


@pytest.mark.reproduction("A5", "A10")
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=1)])
def test_a_job_is_not_sent_again_when_the_job_book_was_moved_away(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pumped: tuple[Lab, str],
    ahead: timedelta,
) -> None:
    """Nor when a clock that was ahead is set right before."""
    lab, campaign_id = pumped

    async def dispatch_and_lose_everything() -> int:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            await used.driver.connect()
            job, _ = lab.journal.job(KEY)
            lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
            await used.driver.submit(job)
            while len(did(tmp_path)) < len(job.operations):
                await asyncio.sleep(0.01)
        for file in (tmp_path / "robots").iterdir():
            file.unlink()
        return len(job.operations)

    with monkeypatch.context() as wrong:
        wrong.setattr(clock, "datetime", shifted(ahead))
        operations = asyncio.run(dispatch_and_lose_everything())
    # Not late, and the robot was there all the time: only its book is new.
    asyncio.run(hand_out(lab, campaign_id))
    _, state = lab.journal.job(KEY)
    assert len(did(tmp_path)) == operations
    assert state.status is JobStatus.IN_DOUBT
    assert "what it knows begins at" in state.message


@pytest.mark.reproduction("A5")
@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=1)])
def test_a_job_that_a_robot_never_got_is_sent_without_asking_anybody(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pumped: tuple[Lab, str],
    ahead: timedelta,
) -> None:
    lab, campaign_id = pumped

    async def noted_and_not_sent() -> None:
        async with used_robot(lab, campaign_id, "dispenser") as used:
            # As every owner does before it notes a dispatch.
            await used.driver.connect()
            lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())

    with monkeypatch.context() as wrong:
        wrong.setattr(clock, "datetime", shifted(ahead))
        asyncio.run(noted_and_not_sent())
    asyncio.run(hand_out(lab, campaign_id))
    job, state = lab.journal.job(KEY)
    assert state.status is JobStatus.DONE
    assert len(did(tmp_path)) == len(job.operations)


@pytest.mark.reproduction("A4")
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
