"""Running a campaign in front of a person: progress on the console, then the result."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.cli.context import console, print_questions, print_waiting
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.core.lifecycle import Question
    from orchestrator.journal.journal import Journal
    from orchestrator.settings import Settings


def run_on(
    settings: Settings,
    journal: Journal,
    campaign_id: str,
    out: Path | None,
    wait: bool = False,
) -> None:
    """Run a campaign with its progress on the console, then print and write its results.

    It runs until it is over or a person is asked. While the disk is full it waits for room. Where
    people are simulated, the values that they are asked for are, too.
    """
    from orchestrator.engine.prefect_server import embed_prefect, end_prefect
    from orchestrator.studies.training import has_simulated_people

    began = time.monotonic()
    log = embed_prefect(settings)
    try:
        waiting = _until_asked(settings, journal, campaign_id, wait)
        training = has_simulated_people(journal.state(campaign_id).campaign)
        while training and _values_entered(settings, journal, campaign_id, waiting):
            waiting = _until_asked(settings, journal, campaign_id, wait)
    except KeyboardInterrupt as interrupt:
        what = "The lab goes on. Watch it again" if settings.workers else "Interrupted. Go on"
        console.print(f"{what} with: wellwise resume {campaign_id}")
        end_prefect()
        journal.close()
        sys.stdout.flush()
        logging.shutdown()
        # Everything is released. A proposal that is computed in a thread is written by nobody, but
        # Python would wait for its end.
        os._exit(128 + (interrupt.args[0] if interrupt.args else signal.SIGINT))
    print_result(settings, journal, campaign_id)
    write_results(settings, journal, campaign_id, out)
    console.print(f"log      {log}", soft_wrap=True, highlight=False)
    took = time.monotonic() - began
    console.print(f"took     {took:.0f} s, {_cpu_seconds():.0f} CPU-seconds", highlight=False)
    print_questions(waiting)


def _cpu_seconds() -> float:
    """Of this process and those that it started and that ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _until_asked(
    settings: Settings, journal: Journal, campaign_id: str, wait: bool
) -> tuple[Question, ...]:
    from orchestrator.lab.disk import no_room, out_of_room, wait_for_room

    while True:
        try:
            return _run(_with_progress(settings, journal, campaign_id, wait))
        except Exception as error:
            if not out_of_room(error, settings.home):
                raise
            console.print(f"{campaign_id}: {no_room(settings.home)}", soft_wrap=True)
        wait_for_room(settings.home)
        wait = True  # for our own lease, if it could not be given back


def _values_entered(
    settings: Settings, journal: Journal, campaign_id: str, waiting: Sequence[Question]
) -> bool:
    """Have a simulated person enter the values that are asked for; whether there were any."""
    from orchestrator.lab.lab import open_lab
    from orchestrator.studies.training import values_entered

    lab = open_lab(settings, journal, journal.state(campaign_id), [])
    return values_entered(lab, campaign_id, waiting)


def _run(work: Coroutine[Any, Any, tuple[Question, ...]]) -> tuple[Question, ...]:
    """As `asyncio.run`, which would wait for threads when it is interrupted.

    Raises:
        KeyboardInterrupt: by Ctrl-C, or by SIGTERM (its argument), with everything released.
    """
    runner, main = asyncio.Runner(), []

    async def begun() -> tuple[Question, ...]:
        main.append(asyncio.current_task())
        return await work

    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        found = runner.run(begun())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not _is_termination(error):
            runner.close()
            raise
        # The signal broke into the loop itself: what runs in it gives back what it holds.
        for task in main:
            if task is not None and not task.done():
                task.cancel()
                runner.get_loop().run_until_complete(asyncio.wait([task]))
        raise KeyboardInterrupt(signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    runner.close()
    return found


class _Terminated(BaseException):
    pass


def _terminated(*_: object) -> None:
    raise _Terminated


def _is_termination(error: BaseException) -> bool:
    """Whether it comes from SIGTERM, also while a flow of Prefect runs, which has its own."""
    exceptions = sys.modules.get("prefect.exceptions")
    return isinstance(error, _Terminated) or (
        exceptions is not None and isinstance(error, exceptions.TerminationSignal)
    )


async def _with_progress(
    settings: Settings, journal: Journal, campaign_id: str, wait: bool
) -> tuple[Question, ...]:
    import httpx
    from rich.live import Live

    from orchestrator.cli.console import ProgressView, coming_line
    from orchestrator.engine.prefect_server import start_prefect
    from orchestrator.journal.store import campaign_resource
    from orchestrator.lab.lab import open_lab
    from orchestrator.lab.lease import owned

    state = journal.state(campaign_id)
    view, seen, coming = ProgressView(state, settings.zone), 0, ""
    for event in journal.events(campaign_id):  # what was before is known, and not said again
        seen = event.id or seen
        view.fold(event)
    with Live(view.render(), console=console, auto_refresh=False, transient=True) as live:

        def refresh() -> None:
            nonlocal seen, coming
            events = journal.events(campaign_id, after=seen)
            if not events and not console.is_terminal:
                return
            if events:  # read once for all of them, and only where one has a line
                now = cache(lambda: journal.state(campaign_id))
                view.follow(now)
                if console.is_terminal:
                    coming = coming_line(now(), settings.zone)
            for event in events:
                seen = event.id or seen
                line = view.fold(event)
                if line and not console.is_terminal:
                    console.print(line, soft_wrap=True, highlight=False)
            if console.is_terminal:
                live.update(view.render(coming), refresh=True)

        async def watch() -> None:
            while True:
                refresh()
                await asyncio.sleep(0.25)

        watching = asyncio.create_task(watch())
        try:
            # Prefect takes seconds to import and to start: the view is there first.
            await asyncio.sleep(0)
            if settings.workers:
                return await _followed(settings, journal, campaign_id)
            flows = await asyncio.to_thread(import_module, "orchestrator.engine.prefect_flows")
            # Loading the model holds everything else up: not while a lease has to be renewed.
            await asyncio.to_thread(import_module, "optimizer.fitting")
            resource = campaign_resource(campaign_id)
            async with owned(journal, resource, settings.lease_s, print_waiting if wait else None):
                lab = open_lab(settings, journal, state)
                await asyncio.to_thread(start_prefect)
                waiting: tuple[Question, ...] = await flows.run_campaign(lab, campaign_id)
            for robot in lab.robots.values():
                await robot.close()
            return waiting
        except httpx.HTTPError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # Ctrl-C reached Prefect's own server as well; what counts is that the run was
                # interrupted.
                raise asyncio.CancelledError from None
            raise WellwiseError(
                f"Prefect's server does not answer ({error}). Nothing is lost: go on with "
                f"wellwise resume {campaign_id}"
            ) from error
        finally:
            watching.cancel()
            refresh()


async def _followed(settings: Settings, journal: Journal, campaign_id: str) -> tuple[Question, ...]:
    """Watch what the lab's workers do."""
    workers = await asyncio.to_thread(import_module, "orchestrator.engine.prefect_workers")
    waiting: tuple[Question, ...] = await workers.follow(settings, journal, campaign_id)
    return waiting


def print_result(settings: Settings, journal: Journal, campaign_id: str) -> None:
    """Print the rounds of a campaign and the condition to use from now on.

    Of several objectives the conditions that none beats in all of them.
    """
    from orchestrator.cli.console import (
        condition_table,
        front_table,
        nothing_recommended,
        rounds_table,
    )
    from orchestrator.studies.best_conditions import best_conditions

    state = journal.state(campaign_id)
    console.print(rounds_table(state))
    best = best_conditions(state, settings.campaign_folder(campaign_id))
    if best.front:
        console.print(front_table(state, best.front))
    if best.recommended is not None:
        console.print(condition_table(state, best.recommended))
    if not best and any(batch.ended_at for batch in state.rounds):
        console.print(nothing_recommended(state), soft_wrap=True, highlight=False)


def write_results(settings: Settings, journal: Journal, campaign_id: str, out: Path | None) -> None:
    """Write the tables and plots of a campaign, and print where they are."""
    from orchestrator.results.campaign_figures import write_plots
    from orchestrator.results.tables import tidy_table, write_table
    from orchestrator.studies.best_conditions import best_conditions

    state = journal.state(campaign_id)
    if not state.rounds:
        return
    own = settings.campaign_folder(campaign_id)
    folder = out or own
    paths = write_table(tidy_table(state), folder, "wells")
    write_plots(state, folder / "plots", best_conditions(state, own).front)
    console.print(f"export   {paths[0]} and {paths[1].name}", soft_wrap=True, highlight=False)
    console.print(f"plots    {folder / 'plots'}", soft_wrap=True, highlight=False)
