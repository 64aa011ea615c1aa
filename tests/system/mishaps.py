"""What goes wrong in a lab of processes, one function each; the devices go on whatever happens.

A scenario has a campaign of `device_lab` run in processes, strikes at a random point of it, and has
it go on to its end as a person would. It returns the campaigns that are then judged.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from drivers.base import KeyMemory
from orchestrator.control.stop import stop_now
from orchestrator.core.by import By
from orchestrator.journal.backup import back_up, restore
from orchestrator.lab.lab import open_journal, open_lab
from orchestrator.settings import Settings
from tests import acting
from tests.system import hosts
from tests.system.clocks import shift_clock
from tests.system.device_drivers import ANSWER_S
from tests.system.device_lab import (
    LEASE_S,
    REFUSED,
    Devices,
    campaign,
    created,
    end_of,
    ended,
    kill,
    resumed,
    run,
    started,
)

LINES = 24
"""About as many lines the devices' log has after an undisturbed run."""


@dataclass(frozen=True)
class Bench:
    """One run of a scenario: a home, a database, devices with a memory, and chance."""

    settings: Settings
    memory: KeyMemory
    devices: Devices
    rng: random.Random
    other_database: Callable[[str], str]
    """The URL of one more database, empty or a copy of another; empty: the home has its own."""

    def created(self) -> str:
        """A campaign that is planned."""
        return created(self.settings, campaign(self.memory, self.devices.port))

    def started(self, campaign_id: str) -> int:
        """A process that runs the campaign."""
        return started(lambda: run(self.settings, campaign_id, self.devices))

    def strike(self, *runs: int, most: int = LINES) -> bool:
        """Wait for a random point; whether anything still runs then."""
        self.devices.until(self.rng.randint(1, most), *runs)
        time.sleep(self.rng.uniform(0, 0.03))
        return not all(map(ended, runs))

    def resumed(self, *campaigns: str) -> None:
        """Have them run to their end."""
        for campaign_id in campaigns:
            resumed(self.settings, campaign_id, self.devices)


@dataclass(frozen=True)
class Ran:
    """What came of a run: whether the mishap happened, and what is judged."""

    struck: bool
    campaigns: tuple[str, ...]
    settings: Settings
    forgot: bool = False
    problem: str = ""


def two_campaigns(bench: Bench) -> Ran:
    """Two campaigns use the same robots; either process is killed, and goes on."""
    names = bench.created(), bench.created()
    runs = [bench.started(name) for name in names]
    struck = bench.strike(*runs, most=2 * LINES)
    victim = bench.rng.randrange(2)
    kill(runs[victim])
    again = bench.started(names[victim])
    for child in (runs[1 - victim], again):
        end_of(child)
    bench.resumed(*names)
    return Ran(struck, names, bench.settings)


def stop_from_elsewhere(bench: Bench) -> Ran:
    """Another process stops the robots in the middle; when that returns nothing moves any more."""
    name = bench.created()
    child = bench.started(name)
    struck = bench.strike(child)

    def stop() -> None:
        journal = open_journal(bench.settings)
        lab = open_lab(bench.settings, journal, journal.state(name))
        if not journal.status(name).over:
            asyncio.run(stop_now(lab, name, By("ada", "smoke")))

    stopping = started(stop)
    code = end_of(stopping)
    before = len(bench.devices.entries())
    end_of(child)
    time.sleep(0.05)
    moved = [entry for entry in bench.devices.entries()[before:] if "did" in entry]
    problem = "" if code in (0, REFUSED) and not moved else f"after the stop: {moved}"
    _resume(bench, name)
    return Ran(struck, (name,), bench.settings, forgot=True, problem=problem)


def restored(bench: Bench) -> Ran:
    """A backup from the middle is restored elsewhere, after the campaign went on for a while."""
    name = bench.created()
    child = bench.started(name)
    struck = bench.strike(child)
    archive = bench.settings.home / "backup.zip"
    back_up(bench.settings, archive)
    bench.strike(child, most=LINES + 4)
    kill(child)
    bench.devices.until_idle()
    home = bench.settings.home.with_name("restored")
    settings = Settings(home=home, database_url=bench.other_database(""), lease_s=LEASE_S)
    settings.make_home()
    restore(settings, archive)
    again = replace(bench, settings=settings)
    _resume(again, name)
    return Ran(struck, (name,), settings, forgot=True)


def copied(bench: Bench) -> Ran:
    """The home is copied after a kill, the original runs on to its end, then the copy is tried."""
    name = bench.created()
    child = bench.started(name)
    struck = bench.strike(child)
    kill(child)
    home = bench.settings.home.with_name("copy")
    shutil.copytree(bench.settings.home, home)
    url = bench.settings.database_url
    settings = Settings(home=home, database_url=bench.other_database(url), lease_s=LEASE_S)
    bench.resumed(name)
    again = replace(bench, settings=settings)
    _resume(again, name)
    return Ran(struck, (name,), settings, forgot=True)


def put_back(bench: Bench) -> Ran:
    """The home is kept after a kill, the campaign runs on to its end, then the home is put back."""
    name = bench.created()
    child = bench.started(name)
    struck = bench.strike(child)
    kill(child)
    home, url = bench.settings.home, bench.settings.database_url
    kept = home.with_name("kept")
    shutil.copytree(home, kept)
    database = bench.other_database(url)
    bench.resumed(name)
    shutil.rmtree(home)
    kept.rename(home)
    again = replace(bench, settings=bench.settings.model_copy(update={"database_url": database}))
    _resume(again, name)
    return Ran(struck, (name,), again.settings, forgot=True)


def two_homes(bench: Bench) -> Ran:
    """Two computers, each with a home, have the campaign in turn; each is killed in the middle."""
    name = bench.created()
    other = bench.settings.model_copy(update={"home": bench.settings.home.with_name("other")})
    benches = bench, replace(bench, settings=other)
    struck = False
    for turn in range(4):
        child = benches[turn % 2].started(name)
        before = len(bench.devices.entries())
        bench.devices.until(before + bench.rng.randint(1, LINES // 4), child)
        time.sleep(bench.rng.uniform(0, 0.03))
        struck |= not ended(child)
        kill(child)
    benches[bench.rng.randrange(2)].resumed(name)
    # Each computer's books know what was done through them alone.
    booked = bench.memory is KeyMemory.KNOWS_WHAT_IT_NEVER_GOT
    return Ran(struck, (name,), bench.settings, forgot=booked)


def lost_commit(bench: Bench) -> Ran:
    """The line to PostgreSQL is cut at a COMMIT, before or after the server has done it."""
    name = bench.created()
    with proxy(bench.settings.database_url) as (url, arm, cut):
        behind = replace(bench, settings=bench.settings.model_copy(update={"database_url": url}))
        arm(bench.rng.randint(2, 60), bench.rng.choice(("asked", "answered")))
        child = behind.started(name)
        end_of(child)
        bench.resumed(name)
        return Ran(cut(), (name,), bench.settings)


def asleep(bench: Bench) -> Ran:
    """A process sleeps past its lease; another goes on meanwhile, then the first wakes up."""
    name = bench.created()
    first = bench.started(name)
    struck = bench.strike(first)
    os.kill(first, signal.SIGSTOP)
    second = bench.started(name)
    seen = len(bench.devices.entries())
    # Until the other one has taken over and done something, or has nothing left to do.
    deadline = time.monotonic() + 5 * LEASE_S
    while len(bench.devices.entries()) < seen + bench.rng.randint(1, 4) and not ended(second):
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGCONT)
    end_of(first)
    end_of(second)
    bench.resumed(name)
    return Ran(struck, (name,), bench.settings)


def skewed_clocks(bench: Bench) -> Ran:
    """Three processes whose clocks are hours apart want the same campaign; one is killed."""
    name = bench.created()
    runs = []
    for hours in bench.rng.sample((-7, -1, 0, 1, 7), 3):

        def work(hours: int = hours) -> None:
            shift_clock(timedelta(hours=hours))
            run(bench.settings, name, bench.devices)

        runs.append(started(work))
    struck = bench.strike(*runs)
    victim = bench.rng.randrange(3)
    kill(runs.pop(victim))
    for child in runs:
        end_of(child)
    bench.resumed(name)
    return Ran(struck, (name,), bench.settings)


def parted(bench: Bench) -> Ran:
    """Two hosts whose clocks are wrong; one loses its network for longer than its lease lasts."""
    off = bench.rng.sample((-7 * 3600, -45, 45, 7 * 3600), 2)
    with hosts.network(*(timedelta(seconds=seconds) for seconds in off)) as between:
        there = make_url(bench.settings.database_url)
        port = between.port(str(there.host), there.port or 5432)
        url = there.set(host=between.address, port=port).render_as_string(hide_password=False)
        settings = bench.settings.model_copy(update={"database_url": url})
        devices = between.port("127.0.0.1", bench.devices.port)
        name = created(settings, campaign(bench.memory, devices, between.address))

        def on(host: hosts.Host, home: str) -> int:
            own = settings.model_copy(update={"home": settings.home.with_name(home)})

            def work() -> None:
                host.enter()
                run(own, name, bench.devices)

            return started(work)

        first, second = between.hosts
        runs = [on(first, "first")]
        bench.devices.until(1, *runs)
        runs.append(on(second, "second"))
        struck = bench.strike(runs[0])
        first.plug(plugged=False)
        time.sleep(bench.rng.uniform(0.2, 2) * LEASE_S)
        first.plug(plugged=True)
        for child in runs:
            end_of(child)
        resumed(settings, name, bench.devices)
        return Ran(struck, (name,), bench.settings, forgot=True)


def handed_over(bench: Bench) -> Ran:
    """A line hangs, with or without its robot hearing; its plates are handed over to another."""
    name = bench.created()
    hears = bench.rng.random() < 0.5
    child = bench.started(name)
    bench.devices.until(bench.rng.randint(0, 3), child)
    bench.devices.tell("hand", "hang", on=True, hears=hears)
    time.sleep(bench.rng.uniform(0, 2 * ANSWER_S))
    struck = not ended(child)
    journal = open_journal(bench.settings)
    lab = open_lab(bench.settings, journal, journal.state(name))
    with contextlib.suppress(Exception):
        acting.pause(lab, name, "ada", "the line hangs")
        acting.hand_over(lab, name, "hand", "spare", "ada", "the line hangs")
    bench.devices.tell("hand", "hang", on=False, hears=True)
    end_of(child)
    bench.devices.until_idle()
    _resume(bench, name)
    # A robot that could not answer cannot be blamed for a doubt, nor we.
    return Ran(struck, (name,), bench.settings, forgot=True)


def forgetful(bench: Bench) -> Ran:
    """The power of every robot fails: nothing is remembered; perhaps our process ends as well."""
    name = bench.created()
    child = bench.started(name)
    struck = bench.strike(child)
    killed = bench.rng.random() < 0.5
    if killed:
        kill(child)
    for arm in ("hand", "spare", "reader"):
        bench.devices.tell(arm, "forget")
    if not killed:
        end_of(child)
    bench.resumed(name)
    return Ran(struck, (name,), bench.settings, forgot=True)


SCENARIOS: dict[str, Callable[[Bench], Ran]] = {
    "two-campaigns": two_campaigns,
    "stop": stop_from_elsewhere,
    "restore": restored,
    "copy": copied,
    "lost-commit": lost_commit,
    "asleep": asleep,
    "skewed-clocks": skewed_clocks,
    "parted-hosts": parted,
    "hand-over": handed_over,
    "forgets": forgetful,
    "put-back": put_back,
    "two-homes": two_homes,
}


def why_not(scenario: str, database: str) -> str:
    """Why a scenario cannot be on a database, or on this computer; empty if it can."""
    if scenario in ("lost-commit", "parted-hosts", "two-homes") and database == "sqlite":
        return "no line leads to SQLite"
    return hosts.why_not() if scenario == "parted-hosts" else ""


def _resume(bench: Bench, campaign_id: str) -> None:
    """A person resumes a paused campaign, and it runs to its end."""
    journal = open_journal(bench.settings)
    if journal.status(campaign_id) == "paused":
        lab = open_lab(bench.settings, journal, journal.state(campaign_id))
        acting.resume(lab, campaign_id, "ada", "looked at it")
    journal.close()
    bench.resumed(campaign_id)


@contextmanager
def proxy(url: str) -> Iterator[tuple[str, Callable[[int, str], None], Callable[[], bool]]]:
    """A proxy before PostgreSQL: its URL, what arms it, and whether it has cut."""
    target = make_url(url)
    program = str(Path(__file__).with_name("commit_proxy.py"))
    with subprocess.Popen(
        [sys.executable, program, str(target.host), str(target.port or 5432)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asks, answers = process.stdin, process.stdout
        port = int(answers.readline())

        def arm(number: int, lose: str) -> None:
            asks.write(f"{number} {lose}\n")
            asks.flush()

        def cut() -> bool:
            process.kill()
            return "cut" in answers.read()

        try:
            there = target.set(host="127.0.0.1", port=port)
            yield there.render_as_string(hide_password=False), arm, cut
        finally:
            process.kill()
