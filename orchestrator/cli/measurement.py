"""The command that compares scores with what people read by hand."""

from __future__ import annotations

import typer

from orchestrator.cli.context import CampaignId, Home, chosen, console, opened_journal
from protocols.errors import WellwiseError
from protocols.number_words import counted

measuring = typer.Typer()


@measuring.command()
def agreement(campaign: CampaignId = None, home: Home = None) -> None:
    """Say how far the scorer lies from what people read by hand (Bland-Altman)."""
    from orchestrator.studies.agreement import FEWEST_PAIRS, intraclass, pairs_of
    from orchestrator.studies.agreement import agreement as between
    from protocols.scorers.calibration_profile import FEWEST_PAIRS as ENOUGH_PAIRS

    with opened_journal(home) as (_, journal):
        campaign_id = chosen(journal, campaign)
        pairs = pairs_of(journal, campaign_id)
        scale = journal.state(campaign_id).campaign.outcome.scale
    if len(pairs) < FEWEST_PAIRS:
        raise WellwiseError(
            f"{campaign_id} has {counted(len(pairs), 'well')} with both a trusted score and a "
            f"value by hand (expected {FEWEST_PAIRS} or more): read some by eye and enter "
            "them with wellwise correct-well"
        )
    found = between([pair.scored for pair in pairs], [pair.by_hand for pair in pairs])
    console.print(
        f"{found.wells} wells. The scorer lies {scale.change(found.bias)} "
        f"({scale.change(found.bias_low)} to {scale.change(found.bias_high)}) "
        f"from the hand; 95 % of differences lie between {scale.change(found.lower)} and "
        f"{scale.change(found.upper)}{f' {scale.unit}' if scale.unit else ''}.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Each of these limits is known to +-{scale.number(found.limit_half)} (95 %).",
        highlight=False,
    )
    if found.wells < ENOUGH_PAIRS:
        console.print(
            f"{found.wells} wells are too few to trust a scorer by: from {ENOUGH_PAIRS} on it may "
            "drive a campaign without approval.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    try:
        same = intraclass([(pair.scored, pair.by_hand) for pair in pairs])
    except ValueError:
        pass  # all wells are the same
    else:
        console.print(
            f"Intraclass correlation {same.icc:.3f} ({same.low:.3f} to {same.high:.3f}).",
            highlight=False,
        )
    if found.slope_p < 0.05:
        console.print(
            f"The difference grows by {found.slope:+.3f} for each 1 of the value (p = "
            f"{found.slope_p:.2g}).",
            style="yellow",
            highlight=False,
        )
    farthest = sorted(pairs, key=lambda pair: -abs(pair.scored - pair.by_hand))[:3]
    pairs_shown = ", ".join(
        f"{pair.address} {scale.number(pair.scored)} and {scale.number(pair.by_hand)}"
        for pair in farthest
    )
    console.print(
        f"Farthest apart (scorer and hand): {pairs_shown}", highlight=False, soft_wrap=True
    )
