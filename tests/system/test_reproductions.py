"""What once went wrong with real robots, second processes and restored backups, one test each.

Those of other parts stand there: `reproductions.py` lists all of them by their points.

The letters are those of the kinds: physical things done twice or never (A), faults taken for
results (B). The log of the virtual robot, which is fsynced as it works, is the judge.
"""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import KeyMemory
from orchestrator.control.jobs import Decide
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.engine import dispatch
from orchestrator.engine.advance import advance
from orchestrator.errors import LeaseLost, Owned, Unavailable
from orchestrator.journal.backup import back_up, restore
from orchestrator.journal.journal import Journal
from orchestrator.lab.device_lock import device_lock
from orchestrator.lab.lab import Lab, open_journal, open_lab
from orchestrator.lab.lease import is_dead, owned, this_process
from orchestrator.lab.robots import used_robot
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.instants import between, later
from protocols.jobs import JobReport, Reading
from protocols.operations import Image
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.builders import job_of, lab_of, performed, small_lab, until_asked
from tests.conftest import START
from tests.system import crash
from tests.system.homes import opened

ROBOT = "dispenser"


def log_of(home: Path) -> RobotLog:
    return RobotLog(lab_log_path(home, "virtual"))


def new_campaign(home: Path, database: str = "journal.sqlite") -> tuple[Settings, str]:
    settings = Settings(home=home, database_url=f"sqlite:///{home / database}")
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    journal.close()
    return settings, campaign_id


# A. Physical things done twice, or never


@pytest.mark.reproduction("A1")
def test_a1_two_campaigns_have_one_robot_in_turn(tmp_path: Path) -> None:
    settings, first = new_campaign(tmp_path)
    journal = Journal(settings.journal_url)
    second = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    inside: list[str] = []
    most = 0

    async def run(campaign_id: str) -> None:
        lab = opened(settings, campaign_id)
        nonlocal most
        for _ in range(3):
            async with used_robot(lab, campaign_id, ROBOT):
                inside.append(campaign_id)
                most = max(most, len(inside))
                await asyncio.sleep(0)
                inside.remove(campaign_id)
        await advance(lab, campaign_id)

    async def both() -> None:
        await asyncio.gather(run(first), run(second))

    asyncio.run(both())
    assert most == 1
    keys = [operation.key for operation in log_of(tmp_path).everything()]
    # Each job's operations are together: none of the other campaign's came in between.
    changes = sum(a.split("/")[:3] != b.split("/")[:3] for a, b in pairwise(keys))
    assert changes == len({tuple(key.split("/")[:3]) for key in keys}) - 1


@pytest.mark.reproduction("A1")
def test_a1_a_device_is_used_by_one_process_whatever_its_home(tmp_path: Path) -> None:
    async def twice() -> None:
        async with device_lock("/dev/ttyUSB7-of-this-test"):
            with pytest.raises(Owned, match="used by another process"):
                async with device_lock("/dev/ttyUSB7-of-this-test"):
                    pass

    asyncio.run(twice())


@pytest.mark.reproduction("A2")
def test_a2_a_stop_from_elsewhere_is_done_by_the_owner_before_it_returns(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    other = open_lab(
        Settings(home=tmp_path), Journal(lab.journal.url), lab.journal.state(campaign_id)
    )
    stopped: list[str] = []

    async def owner() -> None:
        async with used_robot(lab, campaign_id, ROBOT) as used:

            async def stop() -> None:
                stopped.append("by its owner")

            used.driver.stop = stop  # type: ignore[method-assign]
            while not stopped:
                await asyncio.sleep(0.01)

    async def both() -> dict[str, str]:
        from orchestrator.control.stop import stop_now
        from orchestrator.core.by import By

        working = asyncio.create_task(owner())
        await asyncio.sleep(0.05)
        answer = await stop_now(other, campaign_id, By("ada", "smoke"))
        await working
        return answer

    assert asyncio.run(both()) == {}
    assert stopped == ["by its owner"]
    assert lab.journal.status(campaign_id) is CampaignStatus.PAUSED
    # Robots of a campaign that is over can be stopped as well.
    acting.abort(lab, campaign_id, "ada", "over")
    assert acting.stop_now(lab, campaign_id, "ada", "still moving") == {}


@pytest.mark.reproduction("A3")
def test_a3_another_journal_in_the_same_home_does_its_own_work(tmp_path: Path) -> None:
    for number, database in enumerate(("one.sqlite", "two.sqlite"), 1):
        settings, campaign_id = new_campaign(tmp_path, database)
        crash.run_to_end(tmp_path, settings.journal_url, campaign_id)
        keys = {operation.key for operation in log_of(tmp_path).everything()}
        assert len({key.rpartition("@")[2] for key in keys}) == number
    # What the first journal had done is not taken for the second one's.
    assert performed(tmp_path) == 2 * len(
        [key for key in log_of(tmp_path).everything() if key.key.endswith(min(keys)[-12:])]
    )


@pytest.mark.reproduction("A4")
def test_a4_a_restored_backup_asks_what_was_done_since(tmp_path: Path) -> None:
    home, again = tmp_path / "home", tmp_path / "again"
    home.mkdir()
    settings, campaign_id = new_campaign(home)
    lab = opened(settings, campaign_id)
    asyncio.run(advance(lab, campaign_id))
    archive = tmp_path / "backup.zip"
    back_up(settings, archive)
    done = performed(home)
    restored = Settings(home=again)
    restore(restored, archive)
    brought_back = opened(restored, campaign_id)
    state = brought_back.journal.state(campaign_id)
    assert state.status is CampaignStatus.PAUSED
    assert "restored from backup.zip: nobody knows what was done since" in state.reason
    open_jobs = brought_back.journal.open_jobs(campaign_id, 1)
    assert {job.status for _, job, _ in open_jobs} <= {JobStatus.IN_DOUBT}
    acting.resume(brought_back, campaign_id, "ada", "go")
    asyncio.run(advance(brought_back, campaign_id))
    assert performed(again) == done
    # A person who has looked says so of a plate's jobs at once.
    last = max(job.key for _, job, _ in open_jobs if "/p1/" in job.key)
    acting.do(
        brought_back,
        campaign_id,
        "ada",
        Decide(job=last, decision="done", and_before=True, why="the plate was read"),
    )
    left = brought_back.journal.open_jobs(campaign_id, 1)
    assert not any("/p1/" in job.key for _, job, _ in left)
    # It is a new life: a key that is sent now was never sent before.
    assert brought_back.journal.identity.life == 2
    assert brought_back.journal.identity.suffix.startswith(f"@{lab.journal.identity.identity}.2-")


@pytest.mark.reproduction("A4")
def test_a4_a_copied_home_and_a_database_rolled_back_are_new_lives(tmp_path: Path) -> None:
    import shutil

    home, copy = tmp_path / "home", tmp_path / "copy"
    home.mkdir()
    settings, campaign_id = new_campaign(home)
    database = home / "journal.sqlite"
    earlier = database.read_bytes()
    lab = opened(settings, campaign_id)
    asyncio.run(advance(lab, campaign_id))
    lab.journal.close()
    shutil.copytree(home, copy)
    copied = open_journal(Settings(home=copy))
    assert (copied.identity.life, copied.status(campaign_id)) == (2, CampaignStatus.PAUSED)
    assert open_journal(settings).identity.life == 1
    for left in home.glob("journal.sqlite-*"):
        left.unlink()
    database.write_bytes(earlier)
    rolled_back = open_journal(settings)
    assert rolled_back.identity.life == 2
    assert "of an earlier time" in rolled_back.state(campaign_id).reason
    # A home that was moved is no copy.
    rolled_back.close()
    home.rename(tmp_path / "moved")
    assert open_journal(Settings(home=tmp_path / "moved")).identity.life == 2


@pytest.mark.reproduction("A6")
def test_a6_a_robot_waits_while_another_campaign_has_a_job_of_it_in_doubt(tmp_path: Path) -> None:
    settings, first = new_campaign(tmp_path)
    lab = opened(settings, first)
    second = lab.journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    other = opened(settings, second)
    for one in (lab, other):
        campaign_id = first if one is lab else second
        until_planned(one, campaign_id)
    key = f"{first}/r1/p1/react/1"
    lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.move_job(key, JobStatus.DISPATCHED, JobStatus.IN_DOUBT, START, "nobody knows")
    before = len(log_of(tmp_path).everything())
    outlook = asyncio.run(advance(other, second))
    assert [question.key for question in outlook.questions] == [key]  # type: ignore[union-attr]
    assert len(log_of(tmp_path).everything()) == before


def until_planned(lab: Lab, campaign_id: str) -> None:
    """Plan the first round and do nothing of it."""
    from orchestrator.core.round_planning import plan_round
    from protocols.compile import compile_jobs

    campaign = lab.journal.state(campaign_id).campaign
    layout = plan_round(campaign, 1, []).layout
    jobs = compile_jobs(campaign, campaign_id, layout, START)
    lab.journal.plan_round(campaign_id, layout, jobs, [], START, START)


@pytest.mark.reproduction("A9")
def test_a9_an_owner_that_cannot_renew_stops_before_its_lease_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    seconds, began = 0.6, time.monotonic()

    async def hold() -> None:
        async with owned(journal, "robot maholo", seconds):

            def away(*_: object) -> int:
                raise Unavailable("the database is away", "the database is away")

            monkeypatch.setattr(journal, "own", away)
            await asyncio.sleep(60)

    with pytest.raises(LeaseLost, match="not renewed in time"):
        asyncio.run(hold())
    assert time.monotonic() - began < 60


@pytest.mark.reproduction("A9")
def test_a9_a_renewal_that_fails_once_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    original, calls = journal.own, []

    def flaky(*arguments: object) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            raise Unavailable("the database is away", "the database is away")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "own", flaky)

    async def hold() -> None:
        async with owned(journal, "robot maholo", 1.0) as lease:
            while len(calls) < 4:
                await asyncio.sleep(0.01)
            lease.check()

    asyncio.run(hold())


@pytest.mark.reproduction("A9")
def test_a9_a_killed_owner_is_seen_and_a_living_one_is_not(tmp_path: Path) -> None:
    assert not is_dead(this_process())
    assert not is_dead("process 1 on another-host (00000000-1)")
    number = this_process().split()[1]
    assert is_dead(this_process().replace(number, "99999999", 1))


@pytest.mark.reproduction("A10")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@given(hours=st.integers(0, 24 * 366), seconds=st.integers(0, 7200))
def test_a10_time_passes_evenly_when_summer_time_changes(
    zone: str, hours: int, seconds: int
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours, seconds=seconds)
    local = begin.astimezone(ZoneInfo(zone))
    passed = timedelta(seconds=seconds)
    assert later(local, passed).astimezone(UTC) == begin + passed
    assert between(local, later(local, passed)) == passed


@pytest.mark.reproduction("A10")
def test_a10_a_robots_wrong_clock_moves_no_end(tmp_path: Path) -> None:
    lab, _ = small_lab(tmp_path)

    class Now:
        virtual = False

        def now(self) -> datetime:
            return START

    real = replace(lab, clock=Now())  # type: ignore[arg-type]
    for ended in (START - timedelta(days=4000), START + timedelta(days=300), None):
        report = JobReport(key="k", state="done", ended_at=ended)
        assert dispatch._ended_at(real, report) == START
    earlier = START - timedelta(minutes=3)
    report = JobReport(key="k", state="done", ended_at=earlier)
    assert dispatch._ended_at(real, report) == earlier


# B. Faults that the loop takes for results


@pytest.mark.reproduction("B1")
def test_b1_a_robot_whose_jobs_fail_in_a_row_is_given_no_more(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    keys = [job.key for job in lab.journal.jobs(campaign_id, 1)][:3]
    for minute, key in enumerate(keys):
        at = START + timedelta(minutes=minute)
        lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, at)
        lab.journal.finish_job(key, JobStatus.DISPATCHED, JobStatus.FAILED, at, "", {}, [])
        assert lab.journal.status(campaign_id) is CampaignStatus.RUNNING
        dispatch._brake(lab, campaign_id, "maholo")
    state = lab.journal.state(campaign_id)
    assert state.status is CampaignStatus.PAUSED
    assert "the last 3 jobs of maholo failed" in state.reason


@pytest.mark.reproduction("B2")
def test_b2_done_without_its_readings_is_not_done() -> None:
    job = job_of(Image(well="A1"), Image(well="A2"))
    picture = Reading(well="A1", kind="image", image=b"png")
    other = picture.model_copy(update={"well": "A2"})
    cases = {
        (): ["it has no reading of A1", "it has no reading of A2"],
        (picture,): ["it has no reading of A2"],
        (picture, other): [],
        (picture, picture, other): ["it has one reading too many of A1"],
        (picture, other, picture.model_copy(update={"well": "H12"})): ["it has a reading of H12"],
        (picture, Reading(well="A2", kind="number", number=1.0)): [
            "its reading of A2 is a number, not a image"
        ],
    }
    for readings, faults in cases.items():
        report = JobReport(key=job.key, state="done", readings=readings)
        assert dispatch.reading_faults(job, report) == faults
    lost = JobReport(key=job.key, state="done", readings=(picture,), failed_wells={"A2": "dry"})
    assert dispatch.reading_faults(job, lost) == []


@pytest.mark.reproduction("B2")
def test_b2_a_job_without_its_readings_is_asked_about_and_can_be_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, campaign_id = small_lab(tmp_path)
    robot, original = lab.robots["camera"], lab.robots["camera"].poll

    async def without_readings(key: str) -> JobReport:
        return (await original(key)).model_copy(update={"readings": ()})

    monkeypatch.setattr(robot, "poll", without_readings)
    until_asked(lab, campaign_id)
    doubts = lab.journal.events(campaign_id, kinds=[EventKind.JOB_IN_DOUBT])
    assert doubts
    assert "says that it is done, but it has no reading of A1" in doubts[0].message
    monkeypatch.setattr(robot, "poll", original)
    for doubt in doubts:
        acting.decide(lab, doubt.subject, "go-on", "ada", "the plate is there")
    until_asked(lab, campaign_id)
    wells = lab.journal.state(campaign_id).rounds[0].wells
    assert all(well.value is not None for well in wells)
