"""Commands for readings and scores: a plate reader's table, scoring once more, agreement with what was read by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import CampaignId, Home, chosen, console, opened_journal, person, text_of
from orchestrator.cli.steering import Who, Why, opened_lab
from protocols.errors import WellwiseError

measuring = typer.Typer()


@measuring.command("read-table")
def read_table(
    file: Annotated[Path, typer.Argument(help="A plate reader's CSV: well,value or a grid.", metavar="FILE")],
    round: Annotated[int, typer.Option("--round", min=1)],
    plate: Annotated[int, typer.Option("--plate", min=1)],
    why: Why,
    campaign: CampaignId = None,
    unit: Annotated[str, typer.Option("--unit", help="Of the numbers.")] = "",
    home: Home = None,
    who: Who = None,
) -> None:
    """Enter what a plate reader measured on a plate; the campaign's scorer makes values of it."""
    from orchestrator.control.rescoring import enter_readings
    from protocols.absorbance import read_plate_table

    numbers = read_plate_table(text_of(file), str(file))
    with opened_lab(campaign, home) as (lab, campaign_id):
        scores = enter_readings(lab, campaign_id, round, plate, numbers, unit, who or person(), why)
    flagged = {well: score.flags for well, score in scores.items() if score.flags}
    console.print(f"{len(scores)} wells of round {round}, plate {plate} entered.", highlight=False)
    for well, flags in flagged.items():
        console.print(f"  {well}: {', '.join(flags)}", style="yellow", highlight=False)


@measuring.command()
def rescore(why: Why, campaign: CampaignId = None, home: Home = None, who: Who = None) -> None:
    """Score all readings with the scorer as it is installed now; the old scores stay in the journal."""
    from orchestrator.control.rescoring import rescore as scored_again

    with opened_lab(campaign, home) as (lab, campaign_id):
        found = scored_again(lab, campaign_id, who or person(), why)
    console.print(f"{found.readings} readings scored once more, {found.changed} changed.", highlight=False)


@measuring.command()
def agreement(campaign: CampaignId = None, home: Home = None) -> None:
    """Say how far the scorer lies from what people read by hand (Bland-Altman)."""
    from orchestrator.control.rescoring import scored_beside_hand
    from orchestrator.studies.agreement import FEWEST_PAIRS
    from orchestrator.studies.agreement import agreement as between

    with opened_journal(home) as (_, journal):
        campaign_id = chosen(journal, campaign)
        pairs = scored_beside_hand(journal, campaign_id)
    if len(pairs) < FEWEST_PAIRS:
        raise WellwiseError(
            f"{campaign_id} has {len(pairs)} wells with both a trusted score and a value by hand "
            f"(expected {FEWEST_PAIRS} or more): read some by eye and enter them with wellwise correct-well"
        )
    found = between([pair.scored for pair in pairs], [pair.by_hand for pair in pairs])
    console.print(
        f"{found.wells} wells. The scorer lies {found.bias:+.3f} ({found.bias_low:+.3f} to {found.bias_high:+.3f}) "
        f"from the hand; 95 % of differences lie between {found.lower:+.3f} and {found.upper:+.3f}.",
        highlight=False,
        soft_wrap=True,
    )
    if found.slope_p < 0.05:
        console.print(
            f"The difference grows by {found.slope:+.3f} for each 1 of the value (p = {found.slope_p:.2g}).",
            style="yellow",
            highlight=False,
        )
    farthest = sorted(pairs, key=lambda pair: -abs(pair.scored - pair.by_hand))[:3]
    told = ", ".join(f"{p.place.subject(campaign_id)} {p.scored:.3f} and {p.by_hand:.3f}" for p in farthest)
    console.print(f"Farthest apart (scorer and hand): {told}", highlight=False, soft_wrap=True)
