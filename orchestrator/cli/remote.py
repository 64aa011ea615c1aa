"""Commands that talk to a service elsewhere, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli.context import File, console, text_of
from orchestrator.cli.steering import Why
from orchestrator.control.operators import Decision
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    from orchestrator.client import Client
    from orchestrator.service.views import CampaignSummary

remote = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Url = Annotated[
    str, typer.Option("--url", envvar="WELLWISE_URL", show_envvar=False, help="Where it is. [env: WELLWISE_URL]")
]
Token = Annotated[
    str, typer.Option("--token", envvar="WELLWISE_TOKEN", show_envvar=False, help="Yours. [env: WELLWISE_TOKEN]")
]
Campaign = Annotated[str, typer.Argument(help="The campaign.", metavar="CAMPAIGN")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the file's.")]
Exported = Literal["wells.csv", "wells.parquet", "events.csv", "campaign.yaml", "report.html"]


@contextmanager
def _service(url: str, token: str) -> Iterator[Client]:
    from orchestrator.client import Client

    if not url or not token:
        raise WellwiseError(
            "say where the service is and who you are: --url and --token, or WELLWISE_URL and WELLWISE_TOKEN"
        )
    client = Client(url, token)
    try:
        yield client
    finally:
        client.close()


def _print(found: CampaignSummary) -> None:
    best = "-" if found.best is None else f"{found.best:.3f}"
    line = f"{found.id}: {found.status}, round {found.round} of {found.rounds}, jobs {found.jobs_over} of {found.jobs}"
    console.print(f"{line}, best so far {best}", highlight=False, soft_wrap=True)
    for need in found.needs:
        text = f"  A person is needed: {need.job or ''} {need.message}".replace("  ", " ")
        console.print(text, style="yellow", highlight=False, soft_wrap=True)


@remote.command()
def status(url: Url = "", token: Token = "") -> None:
    """List the campaigns, where they stand, and what a person is asked."""
    with _service(url, token) as service:
        found = service.campaigns()
        for campaign in found:
            _print(campaign)
        if not found:
            console.print("No campaign yet: start one with wellwise remote launch FILE.")


@remote.command()
def launch(file: File, seed: Seed = None, url: Url = "", token: Token = "") -> None:
    """Launch a campaign from its file."""
    text = text_of(file)
    with _service(url, token) as service:
        _print(service.launch(text, seed))


@remote.command()
def watch(campaign: Campaign, url: Url = "", token: Token = "") -> None:
    """Print events as they happen, until interrupted or the campaign is over."""
    with _service(url, token) as service:
        found = service.campaign(campaign)
        _print(found)
        if found.status in ("finished", "aborted"):
            return
        for event in service.stream(campaign, after=found.last_event):
            said = f"{event.at:%Y-%m-%d %H:%M}  {event.kind.replace('_', ' ')}  {event.subject}  {event.message}"
            console.print(said.rstrip(), highlight=False, soft_wrap=True)
            if event.kind in ("campaign_finished", "campaign_aborted"):
                return


@remote.command()
def pause(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """Send no more jobs; robots finish what they have."""
    with _service(url, token) as service:
        _print(service.pause(campaign, why))


@remote.command()
def resume(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """Let a paused campaign go on."""
    with _service(url, token) as service:
        _print(service.resume(campaign, why))


@remote.command()
def abort(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """End a campaign for good; robots finish what they have."""
    with _service(url, token) as service:
        _print(service.abort(campaign, why))


@remote.command()
def approve(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """Let the robots have the batch that waits for approval."""
    with _service(url, token) as service:
        _print(service.approve(campaign, why))


@remote.command("stop-now")
def stop_now(campaign: Campaign, why: Why, url: Url = "", token: Token = "") -> None:
    """Stop the robots at once, then pause the campaign."""
    with _service(url, token) as service:
        answer = service.stop_now(campaign, why)
    for robot, error in answer.not_stopped.items():
        console.print(f"Robot {robot} could NOT be stopped: {error}", style="bold red", highlight=False)
    console.print(f"Campaign {campaign} is paused; {len(answer.stopped)} robots stopped.", highlight=False)
    if answer.not_stopped:
        raise typer.Exit(1)


@remote.command()
def decide(
    job: Annotated[str, typer.Argument(help="The job in doubt or late, as `status` names it.", metavar="JOB")],
    decision: Annotated[Decision, typer.Argument(help="What became of it, or what is to be done.")],
    why: Why,
    url: Url = "",
    token: Token = "",
) -> None:
    """Say what became of a job in doubt, or whether a late one is still to be sent."""
    with _service(url, token) as service:
        _print(service.decide(job.split("/")[0], job, decision, why))


@remote.command()
def export(
    campaign: Campaign,
    name: Annotated[Exported, typer.Argument(help="Which file.")] = "wells.csv",
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(),
    url: Url = "",
    token: Token = "",
) -> None:
    """Write a file of a campaign: the table of wells, the event log, or the campaign file."""
    with _service(url, token) as service:
        content = service.export(campaign, name)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{campaign}-{name}"
    path.write_bytes(content)
    console.print(str(path), highlight=False, soft_wrap=True)
