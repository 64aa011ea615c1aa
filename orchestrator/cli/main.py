"""The command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from orchestrator.cli.backup import backups
from orchestrator.cli.causes import finding_causes
from orchestrator.cli.confirmation import confirming
from orchestrator.cli.context import (
    CampaignId,
    File,
    Home,
    LabOption,
    Out,
    Wait,
    chosen,
    console,
    opened_journal,
    person,
    print_questions,
    print_stand_ins,
    print_waiting,
    read_campaign_input,
    text_of,
)
from orchestrator.cli.drivers import drivers, robots
from orchestrator.cli.forecast import forecasting
from orchestrator.cli.manual import manual
from orchestrator.cli.measurement import measuring
from orchestrator.cli.rehearsal import rehearsing
from orchestrator.cli.remote import remote
from orchestrator.cli.results import results
from orchestrator.cli.schedule import scheduling
from orchestrator.cli.serve import serving, tokens
from orchestrator.cli.steering import operators
from orchestrator.cli.workers import lab_commands
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.errors import InvalidInput, Problem, WellwiseError

if TYPE_CHECKING:
    from orchestrator.core.events import EventKind
    from orchestrator.core.lifecycle import Question
    from orchestrator.intake.campaign_check import NamedText
    from orchestrator.journal.journal import Journal

app = typer.Typer(
    help="Closed-loop experiments in the lab: propose, carry out, measure, learn, again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
errors = Console(stderr=True)


Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the file's.")]


app.add_typer(drivers, name="driver", help="Drivers: list, describe, check, begin a new one.")
app.add_typer(manual, name="manual", help="Checklists for jobs that a person carries out.")
app.add_typer(robots, name="robot", help="Robots of a lab file, on the bench.")
app.add_typer(remote, name="remote", help="Campaigns of a service elsewhere.")
app.add_typer(tokens, name="token", help="Tokens with which people are let in.")
for group in (
    results,
    operators,
    backups,
    lab_commands,
    serving,
    rehearsing,
    forecasting,
    scheduling,
    confirming,
    measuring,
    finding_causes,
):
    app.registered_commands += group.registered_commands


def main() -> None:
    """Run the command line; anything a person can mend is printed without a traceback, with exit code 2."""
    from orchestrator.cli.console import print_error

    try:
        app()
    except WellwiseError as error:
        print_error(errors, error)
        sys.exit(2)


@app.command()
def run(file: File, home: Home = None, lab: LabOption = None, seed: Seed = None, out: Out = None) -> None:
    """Run a campaign from its file to its best condition."""
    from orchestrator.intake.campaign_check import past_observations

    text, campaign = _campaign(file, seed, lab)
    table = _past_table(file, campaign)
    with opened_journal(home) as (settings, journal):
        past, (taken, known) = past_observations(journal, campaign, table)
        if known:
            name = campaign.past_results.campaign
            console.print(f"Starting from {taken} of {known} results of {name}.", highlight=False)
        campaign_id = journal.create_campaign(campaign, text, past, datetime.now(UTC), person())
        _carry_on(settings, journal, campaign_id, out)


@app.command()
def resume(campaign: CampaignId = None, home: Home = None, wait: Wait = False, out: Out = None) -> None:
    """Go on with a campaign that was interrupted or paused, from the same place."""
    from orchestrator.control.act import perform
    from orchestrator.control.campaigns import Resume
    from orchestrator.lab.lab import open_lab

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        state = journal.state(campaign_id)
        if state.status == "finished":
            console.print(f"{campaign_id} is finished: nothing is left to do.")
            _print_result(journal, campaign_id)
            _write_results(settings, journal, campaign_id, out)
            return
        if state.status == "paused":
            perform(open_lab(settings, journal, state, []), campaign_id, Resume(why="resumed"), person())
        _carry_on(settings, journal, campaign_id, out, wait)


@app.command()
def validate(file: File, lab: LabOption = None) -> None:
    """Check a campaign file; prints every problem with its line and key."""
    _, campaign = _campaign(file, None, lab)
    table = _past_table(file, campaign)
    past = _history(table, campaign, campaign.past_results.columns) if table else []
    wells = campaign.plates.count * campaign.plates.wells_per_plate
    size = campaign.space.size
    console.print(
        f"{file} is valid: {len(campaign.parameters)} parameters "
        f"({'a continuous space' if size == float('inf') else f'{size:,.0f} conditions'}), "
        f"{len(campaign.protocol.steps)} steps over {campaign.protocol.last_day + 1} days, "
        f"{campaign.stop.rounds} rounds of {wells} wells" + (f", {len(past)} past results" if past else "") + ".",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors that complete and check them."""
    sys.stdout.write(json.dumps(Campaign.model_json_schema(), indent=2) + "\n")


@app.command()
def status(home: Home = None) -> None:
    """List the campaigns, where they stand, and what a person is asked."""
    from rich.table import Table

    from orchestrator.cli.console import outage_line
    from orchestrator.core.lifecycle import open_questions

    with opened_journal(home) as (settings, journal):
        table = Table()
        for name in ("campaign", "status", "round", "jobs", "best so far", "lab time"):
            table.add_column(name)
        questions: list[Question] = []
        outages: list[str] = []
        for campaign_id in journal.campaign_ids():
            state = journal.state(campaign_id)
            current = state.rounds[-1] if state.rounds else None
            counts = journal.job_counts(campaign_id, current.number) if current else Counter()
            over = sum(number for status, number in counts.items() if status.over)
            moment = journal.last_moment(campaign_id)
            questions += open_questions(state)
            outages += [outage_line(outage, settings.zone) for outage in state.outages if state.status != "finished"]
            table.add_row(
                campaign_id,
                state.status + (f" ({state.reason})" if state.reason else ""),
                f"{len(state.rounds)} of {state.campaign.stop.rounds}",
                f"{over} of {counts.total()}" if counts else "-",
                "-" if state.best is None else f"{state.best:.3f}",
                f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}" if moment else "-",
            )
        if table.row_count:
            console.print(table)
            print_questions(questions)
            for line in outages:
                console.print(line, style="yellow", highlight=False, soft_wrap=True)
        else:
            console.print("No campaign yet: start one with wellwise run FILE.")


@app.command()
def show(campaign: CampaignId = None, home: Home = None) -> None:
    """Show the rounds of a campaign, its best condition, the batch that waits for approval and the notices."""
    from orchestrator.cli.console import layout_view

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        _print_result(journal, campaign_id)
        current = journal.state(campaign_id).rounds[-1:]
        if current and current[0].proposed:
            console.print(layout_view(current[0].layout))
        for event in journal.events(campaign_id, kinds=_told()):
            at = event.at.astimezone(settings.zone)
            console.print(f"{at:%Y-%m-%d %H:%M}  {event.subject}: {event.message}", highlight=False)


@app.command()
def propose(
    file: File,
    history: Annotated[Path, typer.Option("--history", help="CSV with past results, one row a well.")],
    column: Annotated[
        list[str] | None, typer.Option("--column", help="NAME=HEADER: the table's header for one of our names.")
    ] = None,
    seed: Seed = None,
    out: Out = None,
) -> None:
    """Propose and lay out the next round from a table of past results."""
    from orchestrator.cli.console import layout_view
    from orchestrator.core.round_planning import plan_round
    from orchestrator.intake.campaign_check import NamedText
    from orchestrator.results.tables import layout_table, write_table

    _, campaign = _campaign(file, seed)
    columns = _columns(campaign, column or [])
    observations = _history(NamedText(text_of(history), str(history)), campaign, columns)
    plan = plan_round(campaign, 1 + max(observation.round for observation in observations), observations)
    console.print(layout_view(plan.layout))
    for notice in plan.notices:
        console.print(notice, style="yellow", highlight=False)
    if out is not None:
        for path in write_table(layout_table(campaign, plan.layout), out, f"round-{plan.layout.round}"):
            console.print(str(path), soft_wrap=True, highlight=False)


def _told() -> tuple[EventKind, ...]:
    """The events that `show` prints."""
    from orchestrator.core.events import EventKind

    return EventKind.NOTICE, EventKind.WELL_LOST, EventKind.ROBOT_OFFLINE, EventKind.JOB_IN_DOUBT


def _campaign(file: Path, seed: int | None, lab_file: Path | None = None) -> tuple[str, Campaign]:
    given = read_campaign_input(file, lab_file)
    print_stand_ins(given, lab_file)
    campaign = given.campaign
    return given.text, campaign if seed is None else campaign.model_copy(update={"seed": seed})


def _past_table(file: Path, campaign: Campaign) -> NamedText | None:
    from orchestrator.intake.campaign_check import NamedText

    if campaign.past_results.file is None:
        return None
    path = file.parent / campaign.past_results.file
    return NamedText(text_of(path), str(path))


def _history(table: NamedText, campaign: Campaign, columns: Mapping[str, str]) -> list[Observation]:
    from orchestrator.intake.past_results import read_history

    return read_history(table.text, table.name, campaign, columns)


def _columns(campaign: Campaign, given: list[str]) -> dict[str, str]:
    columns = dict(campaign.past_results.columns)
    known = [parameter.name for parameter in campaign.parameters] + [campaign.objective.name, "round", "plate", "well"]
    problems = []
    for entry in given:
        name, equals, header = entry.partition("=")
        if not equals or name not in known:
            problems.append(
                Problem(
                    where="--column",
                    message=f"{entry!r} is not understood",
                    expected=f"NAME=HEADER with one of {', '.join(known)}",
                )
            )
        columns[name] = header
    if problems:
        raise InvalidInput(problems)
    return columns


def _carry_on(settings: Settings, journal: Journal, campaign_id: str, out: Path | None, wait: bool = False) -> None:
    from orchestrator.engine.prefect_server import embed_prefect

    log = embed_prefect(settings)
    try:
        waiting = asyncio.run(_with_progress(settings, journal, campaign_id, wait))
    except KeyboardInterrupt:
        what = "The lab goes on. Watch it again" if settings.workers else "Interrupted. Go on"
        console.print(f"{what} with: wellwise resume {campaign_id}")
        sys.exit(130)
    _print_result(journal, campaign_id)
    _write_results(settings, journal, campaign_id, out)
    console.print(f"log      {log}", soft_wrap=True, highlight=False)
    print_questions(waiting)


async def _with_progress(settings: Settings, journal: Journal, campaign_id: str, wait: bool) -> tuple[Question, ...]:
    import httpx
    from rich.live import Live

    from orchestrator.cli.console import ProgressView
    from orchestrator.engine.prefect_server import start_prefect
    from orchestrator.journal.store import campaign_resource
    from orchestrator.lab.lab import open_lab
    from orchestrator.lab.lease import owned

    state = journal.state(campaign_id)
    view, seen = ProgressView(state, settings.zone), 0
    with Live(view.render(), console=console, auto_refresh=False, transient=True) as live:

        def refresh() -> None:
            nonlocal seen
            for event in journal.events(campaign_id, after=seen):
                seen = event.id or seen
                line = view.fold(event)
                if line and not console.is_terminal:
                    console.print(line, soft_wrap=True, highlight=False)
            if console.is_terminal:
                live.update(view.render(), refresh=True)

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
                # Ctrl-C reached Prefect's own server as well; what counts is that the run was interrupted.
                raise asyncio.CancelledError from None
            raise WellwiseError(
                f"Prefect's server does not answer ({error}). Nothing is lost: go on with wellwise resume {campaign_id}"
            ) from error
        finally:
            watching.cancel()
            refresh()


async def _followed(settings: Settings, journal: Journal, campaign_id: str) -> tuple[Question, ...]:
    """Watch what the lab's workers do."""
    workers = await asyncio.to_thread(import_module, "orchestrator.engine.prefect_workers")
    waiting: tuple[Question, ...] = await workers.follow(settings, journal, campaign_id)
    return waiting


def _print_result(journal: Journal, campaign_id: str) -> None:
    import optimizer
    from orchestrator.cli.console import condition_table, rounds_table

    state = journal.state(campaign_id)
    console.print(rounds_table(state))
    campaign = state.campaign
    best = optimizer.recommend(campaign.space, state.observations, campaign.standards)
    if best is not None:
        console.print(condition_table(state, best))


def _write_results(settings: Settings, journal: Journal, campaign_id: str, out: Path | None) -> None:
    from orchestrator.results.campaign_figures import write_plots
    from orchestrator.results.tables import tidy_table, write_table

    state = journal.state(campaign_id)
    if not state.rounds:
        return
    folder = out or settings.campaign_folder(campaign_id)
    paths = write_table(tidy_table(state), folder, "wells")
    write_plots(state, folder / "plots")
    console.print(f"export   {paths[0]} and {paths[1].name}", soft_wrap=True, highlight=False)
    console.print(f"plots    {folder / 'plots'}", soft_wrap=True, highlight=False)
