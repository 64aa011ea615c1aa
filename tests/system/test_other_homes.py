"""Homes and databases that were copied, put back, renamed or shared, and what is asked then."""

import asyncio
import ctypes
import os
import shutil
import socket
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from drivers.file_identity import file_identity
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.engine.advance import advance
from orchestrator.errors import Halted
from orchestrator.lab.lab import open_journal
from orchestrator.settings import Settings
from protocols.compile import compile_jobs
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.conftest import START
from tests.postgres import temporary_database
from tests.system.device_lab import end_of, started
from tests.system.homes import (
    TwoHomes,
    advanced,
    new_life,
    opened,
    planned,
    reason,
    roll_back,
)


@pytest.mark.reproduction("A4")
def test_a_computer_or_container_with_another_name_does_not_make_a_home_a_copy(
    worked: tuple[Settings, str],
) -> None:
    settings, campaign_id = worked

    def elsewhere() -> None:
        new_uts_namespace = 0x04000000
        if ctypes.CDLL(None).unshare(new_uts_namespace):
            os._exit(5)
        socket.sethostname("renamed-by-dhcp")
        assert reason(settings, campaign_id) == ""

    code = end_of(started(elsewhere))
    if code == 5:
        pytest.skip("this account may not give itself another host name")
    assert code == 0
    assert reason(settings, campaign_id) == ""


@pytest.mark.reproduction("A4")
@pytest.mark.parametrize("how", ["put back", "unpacked", "synchronised", "copied over"])
def test_a_home_that_is_put_back_in_its_place_asks_what_was_done_since(
    tmp_path: Path, worked: tuple[Settings, str], how: str
) -> None:
    settings, campaign_id = worked
    home, kept = settings.home, tmp_path / "kept"
    shutil.copytree(home, kept)
    advanced(settings, campaign_id)
    assert reason(settings, campaign_id) == ""
    if how == "put back":
        shutil.rmtree(home)
        kept.rename(home)
    elif how == "unpacked":
        # A file system may give the files the numbers that they had before.
        subprocess.run(["tar", "-C", kept, "-cf", tmp_path / "kept.tar", "."], check=True)
        shutil.rmtree(home)
        home.mkdir()
        subprocess.run(["tar", "-C", home, "-xf", tmp_path / "kept.tar"], check=True)
    elif how == "copied over":
        # Files that are there keep their numbers and their births.
        subprocess.run(["cp", "-a", f"{kept}/.", home], check=True)
    else:
        for file in (*home.glob("journal.*"), *kept.glob("journal.*")):
            if file.parent == home:
                file.unlink()
            else:
                shutil.copy2(file, home / file.name)
    assert "its database is a copy, or one that was put back" in reason(settings, campaign_id)


@pytest.mark.reproduction("A4")
def test_a_database_that_is_rolled_back_again_is_seen_again(tmp_path: Path) -> None:
    settings, campaign_id = planned(tmp_path / "home")
    database = settings.home / "journal.sqlite"
    earlier = database.read_bytes()
    keys = set()
    advanced(settings, campaign_id)
    for life in (2, 3, 4):
        for left in settings.home.glob("journal.sqlite-*"):
            left.unlink()
        database.write_bytes(earlier)
        lab = opened(settings, campaign_id)
        assert lab.journal.identity.life == life
        assert lab.journal.status(campaign_id) is CampaignStatus.PAUSED
        keys.add(lab.journal.identity.suffix)
        acting.resume(lab, campaign_id, "ada", "looked at it")
        asyncio.run(advance(lab, campaign_id))
        lab.journal.close()
    assert len(keys) == 3


@pytest.mark.reproduction("A3")
def test_two_copies_of_one_home_never_send_the_same_key(
    tmp_path: Path, worked: tuple[Settings, str]
) -> None:
    settings, campaign_id = worked
    keys = set()
    for name in ("first", "second"):
        shutil.copytree(settings.home, tmp_path / name)
        keys.add(opened(Settings(home=tmp_path / name), campaign_id).journal.identity.suffix)
    assert len(keys | {open_journal(settings).identity.suffix}) == 3


@pytest.mark.reproduction("A4")
def test_a_second_home_on_one_database_is_no_copy_of_it_and_a_copied_database_is(
    tmp_path: Path,
) -> None:
    with temporary_database() as url:
        settings, campaign_id = planned(tmp_path / "home", url)
        advanced(settings, campaign_id)
        shutil.copytree(settings.home, tmp_path / "worker")
        worker = settings.model_copy(update={"home": tmp_path / "worker"})
        assert reason(worker, campaign_id) == ""
        assert reason(settings, campaign_id) == ""
        with temporary_database(url) as copy:
            moved = settings.model_copy(update={"database_url": copy})
            assert "its database is a copy" in reason(moved, campaign_id)
            # A second home that comes to the copy finds the life begun, and begins none.
            both = worker.model_copy(update={"database_url": copy})
            assert opened(both, campaign_id).journal.identity.life == 2


@pytest.mark.reproduction("A5")
def test_a_home_that_a_container_and_its_host_use_in_turn_is_one_home(tmp_path: Path) -> None:
    settings, _ = planned(tmp_path / "home")
    journal = open_journal(settings)
    file = file_identity(settings.home).partition("@")[0]
    inside, host, clone = f"{file}@", f"{file}@its-host", f"{file}@another"
    first_fences = []
    for home in (inside, host, inside, host, clone, inside, host):
        journal.home = home
        journal.own("robot pump", "its owner", 30)
        first_fences.append(journal.home_fence("robot pump"))
        journal.release("robot pump")
    # A disk that was cloned with its numbers is the home of another computer.
    assert first_fences == [0, 0, 0, 0, 5, 5, 7]


def test_a_database_server_in_another_time_zone_is_the_same(tmp_path: Path) -> None:
    with temporary_database() as url:
        settings, campaign_id = planned(tmp_path / "home", url)
        advanced(settings, campaign_id)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE {engine.url.database} SET timezone = 'Japan'"))
        engine.dispose()
        assert reason(settings, campaign_id) == ""


@pytest.mark.reproduction("A4")
def test_a_database_whose_lost_end_was_written_anew_is_seen_by_the_home_that_lost_it(
    two_homes: TwoHomes,
) -> None:
    # As a standby that had not heard the end: another home goes on from there.
    roll_back(two_homes.url, two_homes.before)
    journal = open_journal(two_homes.second)
    for _ in range(200):
        journal.robot_offline(two_homes.campaign_id, "dispenser", "silence", START)
        journal.robot_back(two_homes.campaign_id, "dispenser", START)
    journal.close()
    why = reason(two_homes.first, two_homes.campaign_id)
    assert "of an earlier time than this home" in why


@pytest.mark.reproduction("A4")
def test_a_home_takes_part_in_the_life_that_another_one_began_after_a_rollback(
    two_homes: TwoHomes,
) -> None:
    """What the second home saw last was lost, and a person has answered for it already."""
    first, second, campaign_id = two_homes.first, two_homes.second, two_homes.campaign_id
    assert reason(second, campaign_id) == ""
    roll_back(two_homes.url, two_homes.before)
    lab = opened(first, campaign_id)
    assert "of an earlier time" in lab.journal.state(campaign_id).reason
    acting.resume(lab, campaign_id, "ada", "looked at it")
    lab.journal.close()
    advanced(first, campaign_id)
    assert reason(second, campaign_id) == ""
    assert opened(second, campaign_id).journal.identity.life == 2


@pytest.mark.reproduction("A4")
def test_a_process_that_lives_through_a_new_life_sends_nothing_under_the_old_keys(
    tmp_path: Path,
) -> None:
    with temporary_database() as url:
        settings, campaign_id = planned(tmp_path / "home", url)
        lab = opened(settings, campaign_id)
        before = lab.journal.identity
        new_life(lab, settings.model_copy(update={"home": tmp_path / "other"}), campaign_id)
        for _ in range(3):
            asyncio.run(advance(lab, campaign_id))
        sent = RobotLog(lab_log_path(settings.home, "virtual")).everything()
        assert sent
        assert not [done.key for done in sent if done.key.endswith(before.suffix)]


@pytest.mark.reproduction("A4")
def test_a_process_that_lives_through_a_new_life_asks_for_a_job_by_its_new_key(
    tmp_path: Path,
) -> None:
    settings, campaign_id = planned(tmp_path / "home")
    advanced_to_plan(settings, campaign_id)
    lab = opened(settings, campaign_id)
    assert lab.journal.identity.life == 1
    other = new_life(lab, settings, campaign_id)
    key = other.journal.jobs(campaign_id, 1)[0].key
    job, state = other.journal.job(key)

    async def handed_out_and_killed() -> None:
        robot = other.robots[job.robot]
        await robot.connect()
        other.journal.move_job(key, state.status, JobStatus.DISPATCHED, other.clock.now())
        await robot.submit(job)

    asyncio.run(handed_out_and_killed())
    for _ in range(3):
        asyncio.run(advance(lab, campaign_id))
    done = RobotLog(lab_log_path(settings.home, "virtual")).everything()
    assert {entry.key for entry in done if entry.key.startswith(f"{key}@")} == {job.key}


@pytest.mark.reproduction("A4")
def test_a_job_that_was_read_before_a_new_life_or_a_decision_is_not_sent_after_it(
    tmp_path: Path,
) -> None:
    """Whatever else the process has read of the journal meanwhile."""
    settings, campaign_id = planned(tmp_path / "home")
    advanced_to_plan(settings, campaign_id)
    lab = opened(settings, campaign_id)
    first, *_, last = [job.key for job in lab.journal.jobs(campaign_id, 1)]

    def sent(key: str, as_key: str) -> None:
        planned, to = JobStatus.PLANNED, JobStatus.DISPATCHED
        lab.journal.move_job(key, planned, to, lab.clock.now(), as_key=as_key)

    of_former_life, _ = lab.journal.job(last)
    other = new_life(lab, settings, campaign_id)
    acting.decide(other, last, "again", "ada", "a new plate")
    lab.journal.job(first)
    with pytest.raises(Halted, match="brought back"):
        sent(last, of_former_life.key)
    of_former_attempt, _ = lab.journal.job(last)
    lab.journal.move_job(last, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
    lab.journal.mark_in_doubt(last, JobStatus.DISPATCHED, lab.clock.now(), "a cable", {}, None)
    acting.decide(other, last, "again", "ada", "not a drop")
    with pytest.raises(Halted, match=r"#2.* is .*#3"):
        sent(last, of_former_attempt.key)
    sent(last, lab.journal.job(last)[0].key)
    assert lab.journal.job(last)[1].status is JobStatus.DISPATCHED


def advanced_to_plan(settings: Settings, campaign_id: str) -> None:
    """Plan the first round, all of it due later, and do nothing of it."""
    journal = open_journal(settings)
    campaign = journal.state(campaign_id).campaign
    layout = plan_round(campaign, 1, []).layout
    jobs = compile_jobs(campaign, campaign_id, layout, START + timedelta(days=30))
    journal.plan_round(campaign_id, layout, jobs, [], START, START)
    journal.close()
