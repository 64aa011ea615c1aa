"""Commands with which operators steer a campaign: one for each act, and advance and stop-now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.acts import add_acts
from orchestrator.cli.context import (
    CampaignId,
    Home,
    LabOption,
    Wait,
    chosen,
    console,
    opened_journal,
    person,
    print_questions,
    print_waiting,
    settings_for,
    take_lab,
)
from orchestrator.core.acts_table import ACT_SPECS

if TYPE_CHECKING:
    from orchestrator.core.act_spec import ActSpec
    from orchestrator.engine.advance import Outlook
    from orchestrator.lab.lab import Lab

operators = typer.Typer()

Why = Annotated[str, typer.Option("--why", help="The reason; it goes into the event log.")]
Who = Annotated[
    str | None, typer.Option("--who", help="The person who acts; the account's name if absent.")
]


@operators.command()
def advance(
    campaign: CampaignId = None, home: Home = None, lab_file: LabOption = None, wait: Wait = False
) -> None:
    """Do what is due now and say when to come back; harmless at any time.

    Robots are reached as the lab file says now. Where every robot is simulated, each call first
    moves the virtual clock to the moment that the last call named.
    """
    with opened_lab(campaign, home, with_robots=True, lab_file=lab_file) as (lab, campaign_id):
        now, outlook = asyncio.run(_advanced(lab, campaign_id, home, wait))
        state = lab.journal.state(campaign_id)
        print_questions(outlook.questions)
        zone = settings_for(home).zone
        if outlook.moment is not None:
            back = outlook.moment.astimezone(zone)
            console.print(
                f"Lab time {now.astimezone(zone):%Y-%m-%d %H:%M}. Come back at "
                f"{back:%Y-%m-%d %H:%M}."
            )
        elif not outlook.questions:
            reason = f": {state.reason}" if state.reason else ""
            console.print(f"Campaign {campaign_id} is {state.status}{reason}.", highlight=False)


async def _advanced(lab: Lab, campaign_id: str, home: Home, wait: bool) -> tuple[datetime, Outlook]:
    from orchestrator.core.events import EventKind
    from orchestrator.engine import advance as engine
    from orchestrator.journal.store import campaign_resource
    from orchestrator.lab.lease import owned

    settings = settings_for(home)
    if settings.workers:
        from orchestrator.engine.prefect_server import embed_prefect

        embed_prefect(settings)
        from orchestrator.engine.prefect_workers import advance_with_workers

        return lab.clock.now(), await advance_with_workers(settings, lab.journal, campaign_id)
    async with owned(
        lab.journal,
        campaign_resource(campaign_id),
        settings.lease_s,
        print_waiting if wait else None,
    ):
        outlook = await engine.advance(lab, campaign_id)
        if outlook.moment is not None and lab.clock.virtual:
            message = "nothing more is due before this moment"
            lab.journal.note(
                campaign_id, outlook.moment, EventKind.CLOCK_MOVED, campaign_id, message
            )
    for robot in lab.robots.values():
        await robot.close()
    return lab.clock.now(), outlook


@operators.command("stop-now")
def stop_now(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """Stop the robots at once, then pause the campaign."""
    from orchestrator.control.stop import stop_now as stop_robots
    from orchestrator.core.by import By

    settings, by = settings_for(home), By(who or person(), why)
    with opened_lab(campaign, home, with_robots=True) as (lab, campaign_id):
        if settings.workers:
            from orchestrator.engine.prefect_server import embed_prefect

            embed_prefect(settings)
            from orchestrator.engine import prefect_workers

            unstopped = asyncio.run(
                prefect_workers.stop_now(settings, lab.journal, campaign_id, by)
            )
        else:
            unstopped = asyncio.run(stop_robots(lab, campaign_id, by))
        for robot, error in unstopped.items():
            console.print(
                f"Robot {robot} could NOT be stopped: {error}", style="bold red", highlight=False
            )
        number = len(lab.journal.state(campaign_id).campaign.robots) - len(unstopped)
        console.print(f"Campaign {campaign_id} is paused; {number} robots stopped.")
    if unstopped:
        raise typer.Exit(1)


def _act(
    campaign: str | None, spec: ActSpec, values: dict[str, Any], options: dict[str, Any]
) -> None:
    from orchestrator.control.act import perform, validated
    from orchestrator.control.table import ACTS

    act = validated(next(act for act in ACTS if act.name == spec.name), values)
    with opened_lab(campaign, options["home"]) as (lab, campaign_id):
        outcome = perform(lab, campaign_id, act, options["who"] or person())
        console.print(act.done(campaign_id, outcome), highlight=False, soft_wrap=True)


add_acts(operators, ACT_SPECS, {"home": Home, "who": Who}, _act, remote=False)


@contextmanager
def opened_lab(
    campaign: str | None, home: Home, with_robots: bool = False, lab_file: LabOption = None
) -> Iterator[tuple[Lab, str]]:
    """The lab of a campaign for the length of a command, and the campaign's id.

    Its robots are first reached as the lab file says, if there is one.
    """
    from orchestrator.lab.lab import open_lab

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        take_lab(settings, journal, campaign_id, lab_file)
        # A pause must not fail for want of a driver; and where workers have the robots, no command
        # opens one here.
        robots: list[str] | None = None if with_robots and not settings.workers else []
        yield open_lab(settings, journal, journal.state(campaign_id), robots), campaign_id
