"""The process of a campaign is killed at a boundary of it, or at any instant; it goes on after.

The robots are virtual and in the same process, so that a run takes a tenth of a second and every
boundary can be tried: those of transactions, of calls of drivers, and of operations.
"""

import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from drivers.base import KeyMemory
from orchestrator.core.state import JobStatus
from orchestrator.journal.journal import Journal
from orchestrator.results.tables import tidy_table
from protocols.campaign import Campaign
from protocols.operations import well_of
from simulators.robot import SimulatedRobot, lab_log_path
from simulators.robot_log import RobotLog
from tests.conftest import START
from tests.system.crash import campaign, run_to_end


@dataclass
class Killer:
    """Counts the boundaries that a process passes, and kills it at one of them."""

    at: int | None
    passed: int = 0

    def boundary(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Put a boundary before and after a method."""
        method = getattr(owner, name)

        if asyncio.iscoroutinefunction(method):

            async def watched(*arguments: Any, **options: Any) -> Any:
                self.boundary()
                try:
                    return await method(*arguments, **options)
                finally:
                    self.boundary()
        else:

            def watched(*arguments: Any, **options: Any) -> Any:  # type: ignore[misc]
                self.boundary()
                try:
                    return method(*arguments, **options)
                finally:
                    self.boundary()

        setattr(owner, name, watched)

    def watch(self) -> None:
        """Boundaries around every commit, every driver call and every operation of the robots."""
        from orchestrator.journal import journal

        transaction = journal.Journal.transaction

        @contextmanager
        def watched(this: Journal) -> Iterator[Any]:
            with transaction(this) as session:
                yield session
                session.flush()
                self.boundary()
            self.boundary()

        journal.Journal.transaction = watched  # type: ignore[method-assign]
        for name in ("connect", "submit", "poll"):
            self.around(SimulatedRobot, name)
        for name in ("record_operation", "record_job", "update_report"):
            self.around(RobotLog, name)


@dataclass
class Tally:
    """What was counted over many campaigns."""

    runs: int = 0
    kills: int = 0
    duplicates: int = 0
    lost: int = 0
    doubts: int = 0
    problems: list[str] = field(default_factory=list)


def in_child(work: Callable[[], None]) -> bool:
    """Run in a process of its own; returns whether it was killed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the process failed"
    return False


def created(url: str, small: Campaign) -> str:
    """A new campaign in the journal; its id."""
    journal = Journal(url)
    campaign_id = journal.create_campaign(small, "", [], START)
    journal.close()
    return campaign_id


def crash(home: Path, url: str, small: Campaign, at: int | float | None) -> tuple[bool, str]:
    """Run the campaign, killed at boundary `at` (a float: after so many seconds), and recover.

    Returns whether it was killed and the campaign's id.
    """
    campaign_id = created(url, small)

    def doomed() -> None:
        if isinstance(at, float):
            # Nothing handles SIGALRM: the kernel ends the process wherever it is.
            signal.setitimer(signal.ITIMER_REAL, at)
        else:
            Killer(at).watch()
        run_to_end(home, url, campaign_id)

    killed = in_child(doomed)
    if killed:
        assert not in_child(lambda: run_to_end(home, url, campaign_id))
    return killed, campaign_id


def boundaries(home: Path, url: str, small: Campaign) -> int:
    """How many boundaries an undisturbed run passes."""
    campaign_id = created(url, small)
    counted = home / "boundaries"

    def count() -> None:
        killer = Killer(None)
        killer.watch()
        run_to_end(home, url, campaign_id)
        counted.write_text(str(killer.passed))

    in_child(count)
    return int(counted.read_text())


def table(url: str, campaign_id: str) -> pd.DataFrame:
    """The final export."""
    journal = Journal(url)
    found = tidy_table(journal.state(campaign_id))
    journal.close()
    return found


def examine(
    home: Path, url: str, campaign_id: str, undisturbed: pd.DataFrame, tally: Tally
) -> None:
    """Hold the robots' own log and the export against what must be true."""
    journal = Journal(url)
    state = journal.state(campaign_id)
    log = RobotLog(lab_log_path(home, "virtual"))
    done = Counter(
        (performed.key.partition("@")[0].split("#")[0], performed.position)
        for performed in log.everything()
        if not performed.operation.repeatable and performed.key.startswith(f"{campaign_id}/")
    )
    log.close()
    tally.runs += 1
    tally.duplicates += sum(count - 1 for count in done.values())
    doubts = journal.events(campaign_id, kinds=["job_in_doubt"])
    decided = {
        event.subject
        for event in journal.events(campaign_id, kinds=["well_lost"])
        if event.who == "operator"
    }
    tally.doubts += len(doubts)
    for batch in state.rounds:
        for well in batch.wells:
            subject = f"{campaign_id}/r{batch.number}/p{well.well.plate}/{well.well.name}"
            if well.lost and subject not in decided:
                tally.lost += 1
    final = tidy_table(state)
    alive = final["flags"] != "lost"
    if state.status != "finished":
        tally.problems.append(f"{campaign_id} is {state.status}")
    if not final[alive].equals(undisturbed[alive]):
        difference = undisturbed[alive].compare(final[alive]).to_string()
        tally.problems.append(
            f"{campaign_id}: the export of undisturbed wells differs:\n{difference}"
        )
    jobs = [event.subject for event in journal.events(campaign_id, kinds=["job_done"])]
    for key in jobs:
        job, status = journal.job(key)
        assert status.status is JobStatus.DONE
        for position, operation in enumerate(job.operations):
            if not operation.repeatable and well_of(operation) and (key, position) not in done:
                # Positions count the operations that were sent; a well that was lost before shifts
                # them.
                if final["flags"].eq("lost").any():
                    continue
                tally.problems.append(f"{key}: operation {position} is missing")
    journal.close()


def kill_at(
    points: Sequence[int | float], url_of: Callable[[Path], str], small: Campaign, tally: Tally
) -> None:
    """Kill at each of the points, recover, examine."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # Here, not in a process of its own: those that are forked later find all that a first run
        # loads.
        calm = created(url_of(home), small)
        run_to_end(home, url_of(home), calm)
        undisturbed = table(url_of(home), calm)
    for point in points:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            url = url_of(home)
            killed, campaign_id = crash(home, url, small, point)
            tally.kills += killed
            examine(home, url, campaign_id, undisturbed, tally)


def sqlite(home: Path) -> str:
    """A journal of its own in each home, copied from one that was migrated once."""
    file = home / "journal.sqlite"
    if not file.exists():
        shutil.copy(_migrated(), file)
    return f"sqlite:///{file}"


@cache
def _migrated() -> Path:
    file = Path(tempfile.mkdtemp()) / "journal.sqlite"
    Journal(f"sqlite:///{file}").close()
    return file


def every_point(url_of: Callable[[Path], str], small: Campaign) -> list[int]:
    """Every boundary of an undisturbed run."""
    with tempfile.TemporaryDirectory() as folder:
        return list(range(1, boundaries(Path(folder), url_of(Path(folder)), small) + 1))


def every_boundary(
    engine: str, url_of: Callable[[Path], str], memory: KeyMemory, total: Tally
) -> None:
    """A kill at every boundary; 20 with each line that drops; 100 instants if it cannot say."""
    rng = random.Random(1)
    name, small = f"{engine}, {memory.value}", campaign(memory)
    _series(f"{name}, every boundary", every_point(url_of, small), url_of, small, total)
    for received in (False, True):
        drop = {"kind": "disconnect", "round": 1, "plate": 1, "step": "react", "heard": received}
        dropping = campaign(memory, drop)
        points = sorted(rng.sample(every_point(url_of, dropping), 20))
        when = "after" if received else "before"
        title = f"{name}, line drops {when} the robot received it"
        _series(title, points, url_of, dropping, total)
    if memory is KeyMemory.CANNOT_SAY:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            crash(Path(folder), url_of(Path(folder)), small, None)
            seconds = time.perf_counter() - begun
        instants = [rng.uniform(0.0, 0.8 * seconds) for _ in range(100)]
        _series(f"{name}, 100 random instants", instants, url_of, small, total)


def _series(
    name: str,
    points: Sequence[int | float],
    url_of: Callable[[Path], str],
    small: Campaign,
    total: Tally,
) -> None:
    tally = Tally()
    kill_at(points, url_of, small, tally)
    print(_counts(name, tally), *tally.problems[:3], flush=True)
    for count in ("runs", "kills", "duplicates", "lost", "doubts", "problems"):
        setattr(total, count, getattr(total, count) + getattr(tally, count))


def _counts(name: str, tally: Tally) -> str:
    return (
        f"{name:70} {tally.runs:5} runs, {tally.kills:5} kills, duplicates {tally.duplicates}, "
        f"lost {tally.lost}, "
        f"doubts raised {tally.doubts}, other problems {len(tally.problems)}"
    )
