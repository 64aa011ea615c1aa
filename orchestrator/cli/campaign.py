"""Commands of a campaign: run, resume, validate, migrate, schema, status, show, propose."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import (
    Again,
    CampaignId,
    File,
    Home,
    LabOption,
    Out,
    SimulatedPeople,
    Wait,
    chosen,
    console,
    has_journal,
    opened_journal,
    person,
    print_questions,
    print_stand_ins,
    read_campaign_input,
    settings_for,
    take_lab,
    text_of,
)
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.number_words import counted

if TYPE_CHECKING:
    from orchestrator.core.events import EventKind
    from orchestrator.core.lifecycle import Question
    from orchestrator.intake.campaign_check import NamedText
    from orchestrator.journal.journal import Journal
    from protocols.campaign import Campaign
    from protocols.conditions import Observation

campaigns = typer.Typer()

Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the file's.")]

_MOST_SHOWN = 30
_NO_CAMPAIGN = "No campaign yet: start one with wellwise run FILE."


@campaigns.command()
def run(
    file: File,
    home: Home = None,
    lab: LabOption = None,
    seed: Seed = None,
    again: Again = False,
    out: Out = None,
    simulated_people: SimulatedPeople = False,
) -> None:
    """Run a campaign from its file to its best condition; asks before the same runs once more."""
    launch_and_run(file, home, lab, seed, again, out, simulated_people)


def launch_and_run(
    file: Path,
    home: Path | None,
    lab: Path | None = None,
    seed: int | None = None,
    again: bool = False,
    out: Path | None = None,
    simulated_people: bool = False,
) -> None:
    """Launch the campaign of a file and run it; the arguments are those of the command `run`."""
    from orchestrator.cli.live import run_on
    from orchestrator.intake.campaign_check import past_observations
    from orchestrator.intake.past_results import not_tried_again

    settings_for(home)
    text, campaign = _campaign(file, seed, lab)
    if simulated_people:
        from orchestrator.studies.training import with_simulated_people

        campaign = with_simulated_people(campaign)
    table = _past_table(file, campaign)
    with opened_journal(home) as (settings, journal):
        if not again:
            _ask_again(journal, campaign, text)
        past, (taken, known) = past_observations(journal, campaign, table)
        if known:
            name = campaign.past_results.campaign
            console.print(f"Starting from {taken} of {known} results of {name}.", highlight=False)
        _print_notices(not_tried_again(campaign, past))
        campaign_id = journal.create_campaign(campaign, text, past, datetime.now(UTC), person())
        run_on(settings, journal, campaign_id, out)


def _ask_again(journal: Journal, campaign: Campaign, text: str) -> None:
    """Ask a person whether what was launched already is to be launched once more.

    Raises:
        WellwiseError: it is not, or nobody is there to be asked.
    """
    from orchestrator.journal.queries import earlier_launches

    same = [found for found in earlier_launches(journal, campaign, text) if found.same]
    if not same:
        return
    known = ", ".join(f"{found.id} ({found.status})" for found in same)
    console.print(f"This campaign was launched already: {known}.", soft_wrap=True)
    if not (sys.stdin.isatty() and typer.confirm("Launch it once more, as another campaign?")):
        raise WellwiseError(
            f"nothing was launched: wellwise resume {same[-1].id} goes on with it, --again "
            "launches it once more"
        )


@campaigns.command()
def resume(
    campaign: CampaignId = None,
    home: Home = None,
    lab: LabOption = None,
    wait: Wait = False,
    out: Out = None,
) -> None:
    """Go on with a campaign that was interrupted or paused, from the same place.

    Its robots are reached as the lab file says now.
    """
    from orchestrator.cli.live import print_result, run_on, write_results
    from orchestrator.control.act import perform
    from orchestrator.control.campaigns import Resume
    from orchestrator.lab.lab import open_lab

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        state = journal.state(campaign_id)
        if state.status == "finished":
            console.print(f"{campaign_id} is finished: nothing is left to do.")
            print_result(settings, journal, campaign_id)
            write_results(settings, journal, campaign_id, out)
            return
        take_lab(settings, journal, campaign_id, lab)
        if state.status == "paused":
            perform(
                open_lab(settings, journal, state, []), campaign_id, Resume(why="resumed"), person()
            )
        run_on(settings, journal, campaign_id, out, wait)


@campaigns.command()
def validate(file: File, lab: LabOption = None) -> None:
    """Check a campaign file; prints every problem with its line and key."""
    from orchestrator.intake.past_results import not_tried_again

    _, campaign = _campaign(file, None, lab)
    table = _past_table(file, campaign)
    past = _history(table, campaign, campaign.past_results.columns) if table else []
    _print_notices(not_tried_again(campaign, past))
    days, wells = campaign.protocol.last_day + 1, len(campaign.plates.all_wells())
    size = campaign.space.size
    known = "a continuous space" if size == float("inf") else f"{size:,.0f} conditions"
    console.print(
        f"{file} is valid: {counted(len(campaign.parameters), 'parameter')} ({known}), "
        f"{counted(len(campaign.protocol.steps), 'step')} over {counted(days, 'day')}, "
        f"{counted(campaign.stop.rounds, 'round')} of {counted(wells, 'well')}"
        + (f", {counted(len(past), 'past result')}." if past else "."),
        highlight=False,
        soft_wrap=True,
    )


@campaigns.command()
def migrate(
    file: File,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write here instead of into the file.")
    ] = None,
) -> None:
    """Rewrite a campaign file of the earlier form with outcomes and objectives; comments stay."""
    from orchestrator.journal.durable import write_whole
    from protocols.migration import in_new_form

    text = text_of(file)
    written = in_new_form(text, str(file))
    if written == text and out is None:
        console.print(f"{file} has outcomes and objectives: nothing to do.", soft_wrap=True)
        return
    write_whole(out or file, written.encode())
    console.print(
        f"Written: {out or file}. It is the same campaign, with outcomes and objectives.",
        highlight=False,
        soft_wrap=True,
    )


@campaigns.command()
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors that complete and check them."""
    from protocols.campaign import Campaign

    sys.stdout.write(json.dumps(Campaign.model_json_schema(), indent=2) + "\n")


@campaigns.command()
def status(
    home: Home = None,
    search: Annotated[
        str, typer.Option(help="Words in id, title, parameters, project or tags.")
    ] = "",
    project: Annotated[str | None, typer.Option(help="Of this project; empty: of none.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="However many there are, the archive included.")
    ] = False,
) -> None:
    """List the campaigns, their states, and what a person is asked.

    Of many these are the latest, and all that ask a person for something.
    """
    if not has_journal(home):
        console.print(_NO_CAMPAIGN)
        return
    from rich.table import Table

    from orchestrator.cli.console import coming_line, outage_line
    from orchestrator.core.lifecycle import open_questions
    from orchestrator.journal.attention import may_ask
    from orchestrator.journal.campaign_list import Selection, listed
    from orchestrator.journal.queries import job_counts

    with opened_journal(home) as (settings, journal):
        table = Table()
        for name in ("campaign", "status", "round", "jobs", "best so far", "lab time"):
            table.add_column(name)
        questions: list[Question] = []
        outages: list[str] = []
        coming: list[str] = []
        known = listed(journal)
        sought = Selection(search, project=project, archived=None if everything else False)
        found = [campaign.id for campaign in known if sought.takes(campaign)]
        asking = may_ask(journal)
        shown = [
            campaign_id
            for place, campaign_id in enumerate(found)
            if everything or place < _MOST_SHOWN or campaign_id in asking
        ]
        for campaign_id in reversed(shown):
            state = journal.state(campaign_id)
            current = state.rounds[-1] if state.rounds else None
            counts = job_counts(journal, campaign_id, current.number) if current else Counter()
            over = sum(number for status, number in counts.items() if status.over)
            moment = journal.last_moment(campaign_id)
            questions += open_questions(state)
            coming.append(coming_line(state, settings.zone))
            outages += [
                outage_line(outage, settings.zone)
                for outage in state.outages
                if state.status != "finished"
            ]
            table.add_row(
                campaign_id,
                state.status + (f" ({state.reason})" if state.reason else ""),
                f"{len(state.rounds)} of {state.campaign.stop.rounds}",
                f"{over} of {counts.total()}" if counts else "-",
                "-" if state.best is None else state.campaign.outcome.scale.text(state.best),
                f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}" if moment else "-",
            )
        if len(shown) < len(known):
            console.print(f"{len(shown)} of {len(known)} campaigns; all: wellwise status --all")
        if table.row_count:
            console.print(table)
            print_questions(questions)
            for line in filter(None, coming):
                console.print(line, highlight=False, soft_wrap=True)
            for line in outages:
                console.print(line, style="yellow", highlight=False, soft_wrap=True)
        elif not known:
            console.print(_NO_CAMPAIGN)


@campaigns.command()
def show(campaign: CampaignId = None, home: Home = None) -> None:
    """Show the rounds of a campaign, its best condition, a batch to approve and notices."""
    from orchestrator.cli.console import layout_view
    from orchestrator.cli.live import print_result

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        print_result(settings, journal, campaign_id)
        state = journal.state(campaign_id)
        for batch in state.open_rounds:
            if batch.proposed:
                console.print(layout_view(batch.layout, state.campaign.outcome.scale))
        for event in journal.events(campaign_id, kinds=_shown_kinds()):
            at = event.at.astimezone(settings.zone)
            console.print(f"{at:%Y-%m-%d %H:%M}  {event.subject}: {event.message}", highlight=False)


@campaigns.command()
def propose(
    file: File,
    history: Annotated[
        Path, typer.Option("--history", help="CSV with past results, one row a well.")
    ],
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="NAME=HEADER: the table's header for one of our names."),
    ] = None,
    seed: Seed = None,
    out: Out = None,
) -> None:
    """Propose and lay out the next round from a table of past results."""
    from orchestrator.cli.console import layout_view
    from orchestrator.core.round_planning import plan_round
    from orchestrator.intake.campaign_check import NamedText
    from orchestrator.intake.past_results import not_tried_again
    from orchestrator.intake.table_files import table_of

    _, campaign = _campaign(file, seed)
    columns = _columns(campaign, column or [])
    observations = _history(NamedText(table_of(history), str(history)), campaign, columns)
    number = 1 + max(observation.round for observation in observations)
    plan = plan_round(campaign, number, observations)
    console.print(layout_view(plan.layout, campaign.outcome.scale))
    _print_notices([*not_tried_again(campaign, observations), *plan.notices])
    if out is not None:
        from orchestrator.results.tables import layout_table, write_table

        for path in write_table(layout_table(campaign, plan.layout), out, f"round-{number}"):
            console.print(str(path), soft_wrap=True, highlight=False)


def _print_notices(notices: Sequence[str]) -> None:
    for notice in notices:
        console.print(notice, style="yellow", highlight=False, soft_wrap=True)


def _shown_kinds() -> tuple[EventKind, ...]:
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
    from orchestrator.intake.table_files import table_of

    if campaign.past_results.file is None:
        return None
    path = file.parent / campaign.past_results.file
    return NamedText(table_of(path), str(path))


def _history(table: NamedText, campaign: Campaign, columns: Mapping[str, str]) -> list[Observation]:
    from orchestrator.intake.past_results import read_history

    return read_history(table.text, table.name, campaign, columns)


def _columns(campaign: Campaign, given: list[str]) -> dict[str, str]:
    columns = dict(campaign.past_results.columns)
    known = [parameter.name for parameter in campaign.parameters] + [
        campaign.outcome.name,
        "round",
        "plate",
        "well",
    ]
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
