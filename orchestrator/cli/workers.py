"""Commands of workers: one on each computer with a robot's cable, one for campaigns."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import (
    Home,
    LabOption,
    console,
    opened_journal,
    person,
    settings_for,
    text_of,
)

lab_commands = typer.Typer()


@lab_commands.command()
def worker(
    robots: Annotated[
        list[str],
        typer.Argument(help="Robots whose cables are at this computer.", metavar="ROBOT..."),
    ],
    home: Home = None,
    lab: LabOption = None,
) -> None:
    """Do the jobs of robots at this computer, until interrupted.

    They are reached as the lab file says now.
    """
    _take_lab(robots, home, lab)
    _serve(robots, f"Worker for {', '.join(robots)}: waiting for jobs. Stop with Ctrl-C.", home)


@lab_commands.command("serve-flows")
def serve_flows(home: Home = None) -> None:
    """Advance the campaigns of a lab with workers, until interrupted."""
    from orchestrator.journal.journal import Journal

    # Migrations run here, before many processes open the journal at once.
    Journal(settings_for(home).journal_url).close()
    _serve(["orchestrator"], "Advancing campaigns. Stop with Ctrl-C.", home)


def _take_lab(robots: Sequence[str], home: Path | None, file: Path | None) -> None:
    if file is None:
        return
    from orchestrator.control.robots import take_lab_file_everywhere
    from orchestrator.intake.campaign_check import NamedText, checked_lab

    described = checked_lab(NamedText(text_of(file), str(file)))
    with opened_journal(home) as (settings, journal):
        take_lab_file_everywhere(settings, journal, described, str(file), person(), robots)


def _serve(queues: Sequence[str], message: str, home: Home) -> None:
    from orchestrator.engine.prefect_server import embed_prefect

    settings = settings_for(home).model_copy(update={"workers": True})
    settings = settings.model_copy(update={"home": settings.home.absolute()})
    log = embed_prefect(settings)
    # Each run is a process of its own, in a folder of its own, with this environment.
    os.environ["WELLWISE_HOME"] = str(settings.home)
    os.environ["WELLWISE_WORKERS"] = "true"
    from orchestrator.engine import prefect_workers as workers

    console.print(message, highlight=False)
    console.print(f"log      {log}", soft_wrap=True, highlight=False)
    try:
        asyncio.run(workers.work(queues))
    except KeyboardInterrupt:
        console.print("Stopped.")
