"""The command that writes a round's worklists and plate map, for a lab without our robots."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from orchestrator.cli.context import CampaignId, Home, Out, chosen, console, opened_journal
from protocols.errors import InvalidInput, Problem

worklists = typer.Typer()


@worklists.command()
def worklist(
    campaign: CampaignId = None,
    form: Annotated[
        Literal["csv", "tecan", "hamilton", "opentrons"],
        typer.Option("--format", help="For which liquid handler."),
    ] = "csv",
    round_number: Annotated[
        int | None, typer.Option("--round", min=1, help="Which round; the latest if absent.")
    ] = None,
    home: Home = None,
    out: Out = None,
) -> None:
    """Write what a round dispenses and transfers as worklists, and a plate map to print."""
    from orchestrator.journal.durable import write_whole
    from orchestrator.results.plate_map import plate_map
    from protocols.compile import compile_jobs
    from protocols.worklists import FORMATS, moves_of, source_list
    from protocols.worklists import worklist as written

    with opened_journal(home) as (settings, journal):
        campaign_id = chosen(journal, campaign)
        state = journal.state(campaign_id)
        number = round_number or len(state.rounds)
        if not 1 <= number <= len(state.rounds):
            message, expected = f"there is no round {number}", f"1 to {len(state.rounds)}"
            raise InvalidInput([Problem(where="--round", message=message, expected=expected)])
        batch = state.rounds[number - 1]
        filled = [well for well in batch.wells if not well.lost]
        layout = replace(batch, wells=tuple(filled)).layout
        jobs = list(compile_jobs(state.campaign, campaign_id, layout, batch.started_at))
        folder = out or settings.campaign_folder(campaign_id)
        files = {f"round-{number}-map.html": plate_map(state.campaign, layout, campaign_id)}
        for step, occurrence in dict.fromkeys((job.step, job.occurrence) for job in jobs):
            moves = moves_of(j for j in jobs if (j.step, j.occurrence) == (step, occurrence))
            if not moves:
                continue
            name = f"round-{number}-{step}-{occurrence}"
            try:
                files[f"{name}{FORMATS[form]}"] = written(moves, form)
            except ValueError as error:
                raise InvalidInput([Problem(where="--format", message=str(error))]) from None
            files[f"{name}-sources.csv"] = source_list(moves)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text.encode())
            console.print(str(folder / name), soft_wrap=True, highlight=False)
