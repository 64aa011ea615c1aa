"""Commands that talk to a service elsewhere, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli.acts import add_acts
from orchestrator.cli.context import Again, File, SimulatedPeople, console, text_of
from orchestrator.cli.results import Language
from orchestrator.cli.steering import Why
from orchestrator.core.acts_table import ACT_SPECS
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus
from orchestrator.intake.table_files import data_url_of
from protocols.errors import WellwiseError
from protocols.number_words import counted

if TYPE_CHECKING:
    from pydantic import BaseModel

    from orchestrator.client import Client
    from orchestrator.core.act_spec import ActSpec
    from orchestrator.service.schema import CampaignSummary

remote = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="WELLWISE_URL", show_envvar=False, help="Where it is. [env: WELLWISE_URL]"
    ),
]
Token = Annotated[
    str,
    typer.Option(
        "--token", envvar="WELLWISE_TOKEN", show_envvar=False, help="Yours. [env: WELLWISE_TOKEN]"
    ),
]
Campaign = Annotated[str, typer.Argument(help="The campaign.", metavar="CAMPAIGN")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the file's.")]
Exported = Literal["wells.csv", "wells.parquet", "events.csv", "campaign.yaml", "report.html"]


@contextmanager
def at_service(url: str, token: str) -> Iterator[Client]:
    """A client for the length of a command.

    Raises:
        WellwiseError: address or token is missing.
    """
    from orchestrator.client import Client

    if not url or not token:
        raise WellwiseError(
            "say where the service is and who you are: --url and --token, or WELLWISE_URL and "
            "WELLWISE_TOKEN"
        )
    client = Client(url, token)
    try:
        yield client
    finally:
        client.close()


def _print(found: CampaignSummary) -> None:
    best = found.scale.text(found.best)
    line = (
        f"{found.id}: {found.status}, round {found.round} of {found.rounds}, jobs "
        f"{found.jobs_over} of {found.jobs}"
    )
    console.print(f"{line}, best so far {best}", highlight=False, soft_wrap=True)
    for need in found.needs:
        text = f"  A person is needed: {need.job or ''} {need.message}".replace("  ", " ")
        console.print(text, style="yellow", highlight=False, soft_wrap=True)


@remote.command()
def status(url: Url = "", token: Token = "") -> None:
    """List the campaigns, their states, and what a person is asked."""
    with at_service(url, token) as service:
        found = service.campaigns()
        for campaign in found:
            _print(campaign)
        if not found:
            console.print("No campaign yet: start one with wellwise remote launch FILE.")


@remote.command()
def launch(
    file: File,
    seed: Seed = None,
    again: Again = False,
    past_results: Annotated[
        Path | None,
        typer.Option("--past-results", help="Table of results to start from, as people have it."),
    ] = None,
    simulated_people: SimulatedPeople = False,
    project: Annotated[
        str, typer.Option("--project", help="The project it is launched into.")
    ] = "",
    url: Url = "",
    token: Token = "",
) -> None:
    """Launch a campaign from its file; one that was launched already only with --again."""
    text = text_of(file)
    table = None if past_results is None else data_url_of(past_results)
    with at_service(url, token) as service:
        _print(service.launch(text, seed, table, again, simulated_people, project))


@remote.command()
def watch(campaign: Campaign, url: Url = "", token: Token = "") -> None:
    """Print events as they happen, until interrupted or the campaign is over."""
    with at_service(url, token) as service:
        found = service.campaign(campaign)
        _print(found)
        if found.status in (CampaignStatus.FINISHED, CampaignStatus.ABORTED):
            return
        for event in service.stream(campaign, after=found.last_event):
            line = (
                f"{event.at:%Y-%m-%d %H:%M}  {event.kind.replace('_', ' ')}  {event.subject}  "
                f"{event.message}"
            )
            console.print(line.rstrip(), highlight=False, soft_wrap=True)
            if event.kind in (EventKind.CAMPAIGN_FINISHED, EventKind.CAMPAIGN_ABORTED):
                return


@remote.command("stop-now")
def stop_now(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """Stop the robots at once, then pause the campaign."""
    with at_service(url, token) as service:
        answer = service.stop_now(campaign, why)
    for robot, error in answer.not_stopped.items():
        console.print(
            f"Robot {robot} could NOT be stopped: {error}", style="bold red", highlight=False
        )
    console.print(
        f"Campaign {campaign} is paused; {len(answer.stopped)} robots stopped.", highlight=False
    )
    if answer.not_stopped:
        raise typer.Exit(1)


@remote.command()
def export(
    campaign: Campaign,
    name: Annotated[Exported, typer.Argument(help="Which file.")] = "wells.csv",
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(),
    language: Language = "en",
    url: Url = "",
    token: Token = "",
) -> None:
    """Write a file of a campaign: the table of wells, the event log, or the campaign file."""
    with at_service(url, token) as service:
        content = service.export(campaign, name, language)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{campaign}-{name}"
    path.write_bytes(content)
    console.print(str(path), highlight=False, soft_wrap=True)


def _act(
    campaign: str | None, act: ActSpec, values: dict[str, Any], options: dict[str, Any]
) -> None:
    assert campaign is not None
    with at_service(options["url"] or "", options["token"] or "") as service:
        answer = service.act(campaign, act.name, **values)
        _print_answer(service, campaign, answer)


add_acts(remote, ACT_SPECS, {"url": Url, "token": Token}, _act, remote=True)


def _print_answer(service: Client, campaign: str, answer: BaseModel) -> None:
    """The result of an act: the well, the number of wells, or the state of the campaign."""
    from orchestrator.service.schema import CampaignSummary, Entered, WellHistory

    state = answer if isinstance(answer, CampaignSummary) else service.campaign(campaign)
    match answer:
        case WellHistory():
            value = (
                "lost"
                if answer.lost
                else "no value yet"
                if answer.value is None
                else state.scale.text(answer.value)
            )
            flags = f" ({', '.join(answer.flags)})" if answer.flags else ""
            console.print(
                f"{answer.id}: {value}{flags}; {answer.reason}", highlight=False, soft_wrap=True
            )
        case Entered():
            console.print(f"{counted(answer.wells, 'well')} entered.", highlight=False)
    _print(state)
