"""The supervisor: runs every running campaign in a thread, so that no request waits."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from orchestrator.control.stop import stop_now
from orchestrator.core.by import By
from orchestrator.core.lifecycle import Question, next_actions
from orchestrator.engine import plain
from orchestrator.engine.prefect_server import start_prefect
from orchestrator.errors import LeaseLost, Owned
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import campaign_resource
from orchestrator.lab.disk import no_room, out_of_room
from orchestrator.lab.lab import Lab, clock_for, open_lab
from orchestrator.lab.lease import owned
from orchestrator.settings import Settings
from protocols.errors import WellwiseError

_LOOK_S = 0.5
"""How often the journal is read for events of campaigns that nobody runs here."""

_SHORTEST_S, _LONGEST_S = 5.0, 60.0
"""How long to wait after a fault before the next attempt; doubled with every fault."""

_CLOSE_S = 20.0

_log = logging.getLogger("wellwise.carrier")

RunCampaign = Callable[[Lab, str], Awaitable[Any]]
WhenAsked = Callable[[str], None]
"""What is done about a campaign, by its id, each time it is over or waits for a person."""


class CampaignSupervisor:
    """Runs campaigns in tasks; any new event of a campaign in the journal wakes it.

    Args:
        settings: where and how; with workers these do the jobs.
        journal: whose campaigns.
        when_asked: what is done each time that one waits for a person.
        prefect: whether Prefect shows them, which takes a server of its own.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        when_asked: WhenAsked | None = None,
        prefect: bool = True,
    ) -> None:
        self._prefect = prefect
        self._settings, self._journal, self._when_asked = settings, journal, when_asked
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)
        self._nudged = asyncio.Event()
        self._stopping = asyncio.Event()
        self._seen: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._labs: dict[str, Lab] = {}
        self._faults: dict[str, tuple[float, float]] = {}
        self._loading: asyncio.Task[RunCampaign] | None = None
        self._beat = time.monotonic()
        self.faults: dict[str, str] = {}
        """Campaign -> why it is not run just now, for people."""

    def start(self) -> None:
        """Begin, with every campaign that runs."""
        self._thread.start()

    def close(self) -> None:
        """Release all campaigns.

        Robots finish what they have, and the next process asks them what became of it.
        """
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._loop.call_soon_threadsafe(self._nudged.set)
        self._thread.join(_CLOSE_S)

    @property
    def alive(self) -> bool:
        """Whether it reads the journal."""
        return self._thread.is_alive() and time.monotonic() - self._beat < _LONGEST_S

    def runs(self, campaign_id: str) -> bool:
        """Whether a campaign is being run here at this moment."""
        return campaign_id in self._labs

    def nudge(self) -> None:
        """Read the journal at once."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._nudged.set)

    def stop_now(self, campaign_id: str, by: By) -> dict[str, str]:
        """Stop the robots of a campaign and pause it; returns those that could not be stopped.

        The robots that work here are stopped over the line that they work on.

        Raises:
            JournalError: the campaign is over.
        """
        if not self._thread.is_alive():
            return asyncio.run(self._stop_now(campaign_id, by))
        return asyncio.run_coroutine_threadsafe(
            self._stop_now(campaign_id, by), self._loop
        ).result()

    async def _stop_now(self, campaign_id: str, by: By) -> dict[str, str]:
        if self._settings.workers:
            from orchestrator.engine import prefect_workers as workers

            return await workers.stop_now(self._settings, self._journal, campaign_id, by)
        lab = self._labs.get(campaign_id)
        if lab is not None:
            return await stop_now(lab, campaign_id, by)
        lab = open_lab(self._settings, self._journal, self._journal.state(campaign_id))
        try:
            return await stop_now(lab, campaign_id, by)
        finally:
            for robot in lab.robots.values():
                await robot.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._supervise())
        except RuntimeError:
            # A second Ctrl-C ends the process without waiting; what was under way then has nobody
            # to tell.
            if not self._stopping.is_set():
                raise

    async def _supervise(self) -> None:
        while not self._stopping.is_set():
            self._nudged.clear()
            self._beat = time.monotonic()
            try:
                for campaign_id, last in self._journal.last_events().items():
                    if campaign_id not in self._tasks and self._due(campaign_id, last):
                        self._tasks[campaign_id] = asyncio.create_task(
                            self._run_campaign(campaign_id, last)
                        )
            except WellwiseError as error:
                # Such as a database that does not answer: it is asked again; `ready` reports it.
                _log.warning("%s", error)
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._nudged.wait()
            except TimeoutError:
                pass
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _due(self, campaign_id: str, last: int) -> bool:
        again_at, _ = self._faults.get(campaign_id, (0.0, 0.0))
        if again_at:
            return time.monotonic() >= again_at
        return last > self._seen.get(campaign_id, -1)

    async def _run_campaign(self, campaign_id: str, last: int) -> None:
        """Run a campaign until it is over or waits for a person.

        Events after `last` wake it again.
        """
        try:
            await self._run_once(campaign_id)
            if self._when_asked is not None:
                await asyncio.to_thread(self._when_asked, campaign_id)
        except Owned as held:
            self._note_fault(campaign_id, str(held))
        except LeaseLost as lost:
            self._note_fault(campaign_id, str(lost))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # One campaign's fault must not end the others, nor the service.
            _log.exception("campaign %s cannot be run", campaign_id)
            if out_of_room(error, self._settings.home):
                fault = no_room(self._settings.home)
            elif isinstance(error, WellwiseError):
                fault = str(error)
            else:
                fault = f"{type(error).__name__}: {error}"
            self._note_fault(campaign_id, fault)
        else:
            self._seen[campaign_id] = last
            self._faults.pop(campaign_id, None)
            self.faults.pop(campaign_id, None)
        finally:
            self._labs.pop(campaign_id, None)
            self._tasks.pop(campaign_id, None)
            self._nudged.set()

    def _note_fault(self, campaign_id: str, message: str) -> None:
        _, wait = self._faults.get(campaign_id, (0.0, _SHORTEST_S / 2))
        wait = min(2 * wait, _LONGEST_S)
        self._faults[campaign_id] = time.monotonic() + wait, wait
        self.faults[campaign_id] = message

    async def _loaded(self) -> RunCampaign:
        """The function that runs campaigns; starts Prefect when the first of them needs it."""
        if self._loading is None or (
            self._loading.done() and self._loading.exception() is not None
        ):
            self._loading = asyncio.create_task(
                asyncio.to_thread(_campaign_runner, self._settings, self._prefect)
            )
        return await asyncio.shield(self._loading)

    async def _run_once(self, campaign_id: str) -> None:
        state = self._journal.state(campaign_id)
        now = clock_for(self._settings, state, self._journal.last_moment(campaign_id)).now()
        if all(isinstance(action, Question) for action in next_actions(state, now)):
            return
        run_campaign = await self._loaded()
        if self._settings.workers:
            await run_campaign(open_lab(self._settings, self._journal, state, []), campaign_id)
            return
        async with owned(self._journal, campaign_resource(campaign_id), self._settings.lease_s):
            lab = open_lab(self._settings, self._journal, state)
            self._labs[campaign_id] = lab
            self.faults.pop(campaign_id, None)
            try:
                await run_campaign(lab, campaign_id)
            finally:
                for robot in lab.robots.values():
                    await robot.close()


def _campaign_runner(settings: Settings, prefect: bool) -> RunCampaign:
    """The function that runs a campaign; Prefect takes seconds to import."""
    if settings.workers:
        from orchestrator.engine import prefect_workers as workers

        def follow(lab: Lab, campaign_id: str) -> Coroutine[Any, Any, Any]:
            return workers.follow(settings, lab.journal, campaign_id)

        return follow
    if not prefect:
        return plain.run_campaign
    from orchestrator.engine.prefect_flows import run_campaign

    start_prefect()
    return run_campaign
