"""Commands with which operators steer a campaign."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import (
    CampaignId,
    Home,
    Wait,
    chosen,
    console,
    opened_journal,
    person,
    print_questions,
    print_waiting,
    settings_for,
)
from orchestrator.control.operators import Decision, Place
from orchestrator.engine.prefect_server import embed_prefect
from orchestrator.lab.lab import Lab
from protocols.conditions import Value
from protocols.errors import InvalidInput, Problem

operators = typer.Typer()

Why = Annotated[str, typer.Option("--why", help="The reason; it goes into the event log.")]
WellName = Annotated[str, typer.Argument(help="Campaign, round, plate and well, such as rpe/r1/p3/B2.")]
Who = Annotated[str | None, typer.Option("--who", help="The person who acts; the account's name if absent.")]


@operators.command()
def advance(campaign: CampaignId = None, home: Home = None, wait: Wait = False) -> None:
    """Do what is due now and say when to come back; may be called at any time and any number of times.

    Where every robot is simulated, each call first moves the virtual clock to the moment that the last call named.
    """
    from orchestrator.engine import advance as engine
    from orchestrator.journal.store import campaign_resource
    from orchestrator.lab.lease import owned

    settings = settings_for(home)

    async def once(lab: Lab, campaign_id: str) -> tuple[datetime, engine.Outlook]:
        if settings.workers:
            embed_prefect(settings)
            from orchestrator.engine import prefect_workers as workers

            return lab.clock.now(), await workers.advance_with_workers(settings, lab.journal, campaign_id)
        resource = campaign_resource(campaign_id)
        async with owned(lab.journal, resource, settings.lease_s, print_waiting if wait else None):
            outlook = await engine.advance(lab, campaign_id)
            if outlook.moment is not None and lab.clock.virtual:
                message = "nothing more is due before this moment"
                lab.journal.note(campaign_id, outlook.moment, "clock_moved", campaign_id, message)
        for robot in lab.robots.values():
            await robot.close()
        return lab.clock.now(), outlook

    with opened_lab(campaign, home, with_robots=True) as (lab, campaign_id):
        now, outlook = asyncio.run(once(lab, campaign_id))
        state = lab.journal.state(campaign_id)
        print_questions(outlook.questions)
        if outlook.moment is not None:
            back = outlook.moment.astimezone(settings.zone)
            console.print(
                f"Lab time {now.astimezone(settings.zone):%Y-%m-%d %H:%M}. Come back at {back:%Y-%m-%d %H:%M}."
            )
        elif not outlook.questions:
            reason = f": {state.reason}" if state.reason else ""
            console.print(f"Campaign {campaign_id} is {state.status}{reason}.", highlight=False)


@operators.command()
def pause(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """Send no more jobs; robots finish what they have. `wellwise resume` goes on."""
    from orchestrator.control import operators as control

    with opened_lab(campaign, home) as (lab, campaign_id):
        control.pause(lab, campaign_id, who or person(), why)
        console.print(f"Campaign {campaign_id} is paused. Go on with: wellwise resume {campaign_id}", highlight=False)


@operators.command()
def abort(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """End a campaign for good; robots finish what they have."""
    from orchestrator.control import operators as control

    with opened_lab(campaign, home) as (lab, campaign_id):
        control.abort(lab, campaign_id, who or person(), why)
        console.print(f"Campaign {campaign_id} is aborted.", highlight=False)


@operators.command("stop-now")
def stop_now(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """Stop the robots at once, then pause the campaign."""
    from orchestrator.control import operators as control

    settings = settings_for(home)
    with opened_lab(campaign, home, with_robots=True) as (lab, campaign_id):
        if settings.workers:
            embed_prefect(settings)
            from orchestrator.engine import prefect_workers as workers

            unstopped = asyncio.run(workers.stop_now(settings, lab.journal, campaign_id, who or person(), why))
        else:
            unstopped = asyncio.run(control.stop_now(lab, campaign_id, who or person(), why))
        for robot, error in unstopped.items():
            console.print(f"Robot {robot} could NOT be stopped: {error}", style="bold red", highlight=False)
        number = len(lab.journal.state(campaign_id).campaign.robots) - len(unstopped)
        console.print(f"Campaign {campaign_id} is paused; {number} robots stopped.")
    if unstopped:
        raise typer.Exit(1)


@operators.command()
def decide(
    key: Annotated[str, typer.Argument(help="The job in doubt or late, as `wellwise status` names it.")],
    decision: Annotated[
        Decision, typer.Argument(help="done, failed, again: send it (once more), or go-on: send what is left.")
    ],
    why: Why,
    failed_well: Annotated[list[str] | None, typer.Option("--failed-well", help="A well that was not done.")] = None,
    home: Home = None,
    who: Who = None,
) -> None:
    """Say what became of a job in doubt, or whether a late one is still to be sent."""
    from orchestrator.control import operators as control

    with opened_lab(key.split("/")[0], home) as (lab, campaign_id):
        control.decide(lab, key, decision, who or person(), why, failed_well or ())
        console.print(f"Decided. Go on with: wellwise resume {campaign_id}", highlight=False)


@operators.command("set-rounds")
def set_rounds(
    rounds: Annotated[int, typer.Argument(min=1, help="How many rounds the campaign is to have.")],
    why: Why,
    campaign: CampaignId = None,
    home: Home = None,
    who: Who = None,
) -> None:
    """Raise or lower the number of rounds; a finished campaign goes on if it is raised."""
    from orchestrator.control import operators as control

    with opened_lab(campaign, home) as (lab, campaign_id):
        control.set_rounds(lab, campaign_id, rounds, who or person(), why)
        console.print(f"Campaign {campaign_id} is to have {rounds} rounds.", highlight=False)


@operators.command("hand-over")
def hand_over(
    robot: Annotated[str, typer.Argument(help="The robot that cannot go on.", metavar="FROM")],
    to: Annotated[str, typer.Argument(help="A robot that shares its steps.", metavar="TO")],
    why: Why,
    campaign: CampaignId = None,
    home: Home = None,
    who: Who = None,
) -> None:
    """Give what a robot has not begun in this round to one that shares its steps; the campaign must be paused."""
    from orchestrator.control.handover import hand_over as given

    with opened_lab(campaign, home) as (lab, campaign_id):
        plates = given(lab, campaign_id, robot, to, who or person(), why)
    names = ", ".join(map(str, plates))
    console.print(f"Carry plates {names} from {robot} to {to}, then: wellwise resume {campaign_id}", highlight=False)


@operators.command("correct-well")
def correct_well(
    well: WellName,
    why: Why,
    value: Annotated[float | None, typer.Option("--value", help="The ratio, read by hand.")] = None,
    exclude: Annotated[bool, typer.Option("--exclude", help="Do not learn from it.")] = False,
    home: Home = None,
    who: Who = None,
) -> None:
    """Enter the value of a well by hand, or exclude it; what was there before stays in the journal."""
    from orchestrator.control import operators as control

    name, place = _place(well)
    if exclude == (value is not None):
        raise _refusal("correct-well", "neither or both of two options", "either --value RATIO or --exclude")
    with opened_lab(name, home) as (lab, campaign_id):
        control.correct_wells(lab, campaign_id, {place: value}, who or person(), why)
        console.print(f"{well}: " + ("excluded." if value is None else f"{value:g} entered."), highlight=False)


@operators.command()
def approve(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """Let the robots have the batch that waits for approval; `wellwise show` shows it."""
    from orchestrator.control import operators as control

    with opened_lab(campaign, home) as (lab, campaign_id):
        jobs = control.approve(lab, campaign_id, who or person(), why)
        console.print(f"Approved: {jobs} jobs. Go on with: wellwise resume {campaign_id}", highlight=False)


@operators.command("edit-well")
def edit_well(
    well: WellName,
    why: Why,
    set: Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=VALUE, more than once if need be.")] = None,
    leave_empty: Annotated[bool, typer.Option("--leave-empty", help="Put nothing into it.")] = False,
    home: Home = None,
    who: Who = None,
) -> None:
    """Change what a well of a batch that waits for approval is to get."""
    from orchestrator.control import operators as control

    name, place = _place(well)
    if leave_empty == bool(set):
        raise _refusal("edit-well", "neither or both of two options", "either --set PARAMETER=VALUE or --leave-empty")
    with opened_lab(name, home) as (lab, campaign_id):
        if leave_empty:
            control.leave_empty(lab, campaign_id, place, who or person(), why)
            console.print(f"{well} is left empty.", highlight=False)
        else:
            values = dict(_value(entry) for entry in set or ())
            condition = control.edit_proposal(lab, campaign_id, place, values, who or person(), why)
            console.print(f"{well}: {condition}", highlight=False, soft_wrap=True)


@operators.command()
def requeue(
    why: Why,
    campaign: CampaignId = None,
    well: Annotated[
        list[str] | None, typer.Option("--well", help="A lost well; all of the last round if absent.")
    ] = None,
    home: Home = None,
    who: Who = None,
) -> None:
    """Have the conditions of lost wells tried once more in the next round that is planned."""
    from orchestrator.control import operators as control

    with opened_lab(campaign, home) as (lab, campaign_id):
        places = [_place(name)[1] for name in well or ()]
        again = control.requeue(lab, campaign_id, places, who or person(), why)
        names = ", ".join(place.subject(campaign_id) for place in again)
        console.print(f"To be tried once more: {names}.", highlight=False, soft_wrap=True)


@operators.command()
def backup(archive: Annotated[Path, typer.Argument(help="The archive to write (.zip).")], home: Home = None) -> None:
    """Write journal, images and virtual labs into one checked archive."""
    from orchestrator.journal.backup import back_up

    settings = settings_for(home)
    rows = back_up(settings, archive)
    console.print(f"{rows} rows of the journal and their files are in {archive}.", highlight=False, soft_wrap=True)


@operators.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="An archive that `wellwise backup` wrote.")], home: Home = None
) -> None:
    """Fill an empty home and journal from an archive, after checking every part of it."""
    from orchestrator.journal.backup import restore as restore_archive

    settings = settings_for(home)
    rows = restore_archive(settings, archive)
    console.print(f"{rows} rows and their files were restored from {archive}.", highlight=False, soft_wrap=True)


def _place(well: str) -> tuple[str, Place]:
    """The campaign and the place of a well, by the name that events give it."""
    found = Place.named(well)
    if found is None:
        raise _refusal("well", f"{well!r} is not understood", "a well such as rpe/r1/p3/B2")
    return found


def _value(entry: str) -> tuple[str, Value]:
    """A parameter's value, a number wherever it reads as one."""
    name, equals, text = entry.partition("=")
    if not equals:
        raise _refusal("--set", f"{entry!r} is not understood", "PARAMETER=VALUE")
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text


def _refusal(where: str, message: str, expected: str) -> InvalidInput:
    return InvalidInput([Problem(where=where, message=message, expected=expected)])


@contextmanager
def opened_lab(campaign: str | None, home: Home, with_robots: bool = False) -> Iterator[tuple[Lab, str]]:
    """The lab of a campaign for the length of a command, and the campaign's id."""
    from orchestrator.lab.lab import open_lab

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        # A pause must not fail for want of a driver; and where workers have the robots, no command opens one here.
        robots: list[str] | None = None if with_robots and not settings.workers else []
        yield open_lab(settings, journal, journal.state(campaign_id), robots), campaign_id
