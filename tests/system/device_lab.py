"""A lab whose devices and orchestrators are processes, any of which can be stopped or killed."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drivers import registry
from drivers.base import KeyMemory
from orchestrator.core.lifecycle import AskOperator
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import Start
from orchestrator.core.state import CampaignStatus
from orchestrator.engine import dispatch
from orchestrator.engine.advance import advance
from orchestrator.journal.store import campaign_resource
from orchestrator.lab.lab import Lab, open_journal, open_lab
from orchestrator.lab.lease import owned
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import WellwiseError
from tests import acting
from tests.system.device_drivers import told

FILE = Path(__file__).parent / "device_campaign.yaml"
DRIVERS = {
    KeyMemory.REMEMBERS_KEYS: "Remembering",
    KeyMemory.KNOWS_WHAT_IT_NEVER_GOT: "Booked",
    KeyMemory.CANNOT_SAY: "Silent",
}
LEASE_S = 2.5
OPERATION_S = 0.02
REFUSED = 3
"""How a process ends that was refused something, such as by a database that went away."""

_PATIENCE_S = 60.0
_CHILDREN: set[int] = set()


class Devices:
    """The devices, which no scenario kills, and what they say that they did."""

    def __init__(self, log: Path, port: int) -> None:
        self._log, self.port = log, port

    def entries(self) -> list[dict[str, Any]]:
        """Their log."""
        text = self._log.read_text() if self._log.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def tell(self, arm: str, do: str, **request: Any) -> dict[str, Any]:
        """What nobody tells them over the line: to hang, to forget."""
        return told(f"127.0.0.1:{self.port}/{arm}", do, **request)

    def until(self, lines: int, *others: int) -> None:
        """Return when the log has so many lines, or every one of these processes has ended."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.entries()) < lines and not (others and all(map(ended, others))):
            assert time.monotonic() < deadline, f"{len(self.entries())} lines, not {lines}"
            time.sleep(0.002)

    def until_idle(self) -> None:
        """Return when nothing moves any more."""
        while any(self.tell(arm, "busy")["busy"] for arm in ("hand", "spare", "reader")):
            time.sleep(0.01)


@contextmanager
def devices(folder: Path) -> Iterator[Devices]:
    """The devices in a process of their own, for the length of a block."""
    log = folder / "devices.log"
    command = [sys.executable, str(Path(__file__).with_name("device.py")), str(log)]
    with subprocess.Popen(
        [*command, str(OPERATION_S)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Devices(log, int(process.stdout.readline()))
        finally:
            kill_rest()
            process.kill()


def announce(folder: Path) -> None:
    """Make the drivers of the devices known to this process and its children."""
    entries = (f'{name} = "tests.system.device_drivers:{name}"' for name in DRIVERS.values())
    text = "[project.entry-points.'wellwise.drivers']\n" + "\n".join(entries)
    (folder / "pyproject.toml").write_text(text)
    registry.add_folder(folder)


def campaign(memory: KeyMemory, port: int, host: str = "127.0.0.1") -> Campaign:
    """The small campaign on devices with this memory."""
    text = FILE.read_text().replace("DRIVER", DRIVERS[memory]).replace("PORT", str(port))
    return read_campaign(text.replace("127.0.0.1", host))


def created(settings: Settings, small: Campaign) -> str:
    """A campaign whose first round is planned, all of it due since yesterday; its id."""
    journal = open_journal(settings)
    now = datetime.now(UTC)
    campaign_id = journal.create_campaign(small, "", [], now)
    plan = plan_round(small, 1, [])
    yesterday = now - timedelta(days=1)
    jobs = list(compile_jobs(small, campaign_id, plan.layout, yesterday))
    starts = {job.key: Start(now, order_fixed=False) for job in jobs}
    journal.plan_round(campaign_id, plan.layout, jobs, [], now, now, starts=starts)
    journal.close()
    return campaign_id


def started(work: Callable[[], None]) -> int:
    """A process that does some work; ends with `REFUSED` where that was refused."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        _CHILDREN.add(child)
        return child
    code = 1
    try:
        work()
        code = 0
    except WellwiseError:
        code = REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> bool:
    """Whether a process has ended; it can still be waited for."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, child, options) is not None
    return True


def end_of(child: int) -> int:
    """How a process ended: its code, or minus the signal."""
    deadline = time.monotonic() + _PATIENCE_S
    while not ended(child):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise AssertionError(f"a process did not end within {_PATIENCE_S:g} s")
        time.sleep(0.005)
    _CHILDREN.discard(child)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code != 1, "a process failed with a traceback"
    return code


def kill(child: int) -> None:
    """Kill a process wherever it is."""
    _CHILDREN.discard(child)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def kill_rest() -> None:
    """Kill every process that was started and never waited for."""
    for child in list(_CHILDREN):
        kill(child)


def run(settings: Settings, campaign_id: str, found: Devices) -> None:
    """Run a campaign to its end; a person who looks at the plates decides what is in doubt.

    As `wellwise resume --wait` does it, and without the seconds of Prefect's server.
    """
    dispatch._POLL = timedelta(seconds=0.02)

    async def work() -> None:
        journal = open_journal(settings)
        lab = open_lab(settings, journal, journal.state(campaign_id))
        resource = campaign_resource(campaign_id)
        async with owned(journal, resource, settings.lease_s, lambda _: None):
            while journal.status(campaign_id) is CampaignStatus.RUNNING:
                outlook = await advance(lab, campaign_id)
                for question in outlook.questions:
                    assert isinstance(question, AskOperator)
                    await asyncio.to_thread(found.until_idle)
                    decide(lab, question.key, found)
                if outlook.moment is not None and not outlook.questions:
                    await lab.clock.sleep_until(outlook.moment)
        journal.close()

    asyncio.run(work())


def decide(lab: Lab, key: str, found: Devices) -> None:
    """What a person says who has looked at the wells of a job."""
    job, _ = lab.journal.job(key)
    did = [entry["did"] for entry in found.entries() if base(entry.get("key", "")) == key]
    missing = {
        operation.well_name
        for operation in job.operations
        if operation.model_dump(mode="json") not in did
    }
    who, wells = "operator", sorted(well for well in missing if well)
    if not did:
        acting.decide(lab, key, "again", who, "nothing was done")
    elif job.repeatable:
        acting.decide(lab, key, "again", who, "it can be read once more")
    else:
        acting.decide(lab, key, "done", who, "seen on the plate", wells)


def base(key: str) -> str:
    """The key of a job, whichever attempt at it this is, of whichever journal."""
    return key.partition("@")[0].partition("#")[0]


def resumed(settings: Settings, campaign_id: str, found: Devices) -> None:
    """Have the campaign run to its end, as often as a person has to say so."""
    for _ in range(40):
        if end_of(started(lambda: run(settings, campaign_id, found))) == 0:
            return
    raise AssertionError("it was refused again and again")
