"""Commands for a campaign's results: tables, report, and a crate for others to check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.cli.context import CampaignId, Home, Out, chosen, console, opened_journal

results = typer.Typer()

CrateArgument = Annotated[
    Path, typer.Argument(help="RO-Crate: its .zip, or the unpacked folder.", metavar="CRATE")
]

Language = Annotated[
    Literal["en", "ja", "ko"],
    typer.Option("--language", help="Of the report: English, Japanese or Korean."),
]


@results.command()
def export(
    campaign: CampaignId = None,
    home: Home = None,
    out: Out = None,
    crate: Annotated[
        Path | None, typer.Option("--crate", help="Write an RO-Crate (.zip) instead.")
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            "--about", help="YAML for the crate: licence, institution, people with their ORCID."
        ),
    ] = None,
    language: Language = "en",
) -> None:
    """Write a tidy table of a campaign (CSV and Parquet, one row a well), or an RO-Crate."""
    from orchestrator.results.tables import tidy_table, write_table

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        if crate is not None:
            from orchestrator.results.attribution import read_attribution
            from orchestrator.results.crate import write_crate

            attribution = None if about is None else read_attribution(about)
            number = write_crate(settings, journal, campaign_id, crate, attribution, language)
            console.print(
                f"{number} files of {campaign_id} are in {crate}.", soft_wrap=True, highlight=False
            )
            return
        folder = out or settings.campaign_folder(campaign_id)
        for path in write_table(tidy_table(journal.state(campaign_id)), folder, "wells"):
            console.print(str(path), soft_wrap=True, highlight=False)


@results.command()
def report(
    campaign: CampaignId = None, home: Home = None, out: Out = None, language: Language = "en"
) -> None:
    """Write the report of a campaign, with figures and methods, as one HTML page and as PDF."""
    from orchestrator.results.report import write_report

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        folder = out or settings.campaign_folder(campaign_id)
        for path in write_report(journal, campaign_id, settings, folder, language):
            console.print(str(path), soft_wrap=True, highlight=False)


@results.command()
def verify(crate: CrateArgument) -> None:
    """Check that every part of an RO-Crate is as it was written; exits with 1 if one is not."""
    from orchestrator.results.crate import verify as wrong_with

    wrong = wrong_with(crate)
    for text in wrong:
        console.print(text, style="red", highlight=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
    console.print(f"Every part of {crate} is as it was written.", highlight=False, soft_wrap=True)


@results.command()
def replay(
    campaign: Annotated[
        str | None,
        typer.Argument(
            help="Campaign, or its RO-Crate (.zip, or unpacked); the newest if absent.",
            metavar="CAMPAIGN",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Propose every batch of a campaign or crate again; exits with 1 if one differs."""
    from orchestrator.results.crate import journal_of
    from orchestrator.studies.replay import replay as proposed_again

    if campaign is not None and (
        campaign.endswith(".zip") or Path(campaign, "ro-crate-metadata.json").is_file()
    ):
        with journal_of(Path(campaign)) as (journal, campaign_id):
            rounds = proposed_again(journal.state(campaign_id), journal.events(campaign_id))
    else:
        with opened_journal(home) as (_, journal):
            campaign_id = chosen(journal, campaign)
            rounds = proposed_again(journal.state(campaign_id), journal.events(campaign_id))
    for again in rounds:
        edited = f", {again.edited} edited by a person" if again.edited else ""
        text = f"round {again.round}: {again.same} proposals are the same to the last bit{edited}"
        if again.different:
            text += f", {len(again.different)} DIFFER: {', '.join(again.different)}"
        console.print(
            text, style="red" if again.different else None, highlight=False, soft_wrap=True
        )
    if not rounds:
        console.print(f"Campaign {campaign_id} has no round yet.", highlight=False)
    if any(again.different for again in rounds):
        made = sorted({again.version for again in rounds if again.different})
        console.print(_why_different(made), highlight=False, soft_wrap=True)
        raise typer.Exit(1)


def _why_different(made: list[str]) -> str:
    """Which version would propose the batches as they were."""
    from importlib.metadata import version

    others = [found for found in made if found != version("wellwise")]
    if not others:
        return "Other versions of packages, or another machine, may be why."
    by = ", ".join(found or "a version before 0.2" for found in others)
    install = next((found for found in others if found), "0.1")
    return (
        f"They were proposed by wellwise {by}; this is {version('wellwise')}. With its crate, "
        f"wellwise {install} replays them."
    )
