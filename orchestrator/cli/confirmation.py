"""The command that plans a confirmation, and reports its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import CampaignId, Home, Out, chosen, console, opened_journal

if TYPE_CHECKING:
    from orchestrator.studies.confirmation import Comparison, Design
    from protocols.campaign import Campaign

confirming = typer.Typer()


@confirming.command()
def confirm(
    campaign: CampaignId = None,
    difference: Annotated[
        float | None,
        typer.Option(
            "--difference",
            min=0,
            help="Smallest difference worth detecting; half of the predicted if absent.",
        ),
    ] = None,
    power: Annotated[
        float, typer.Option("--power", min=0.5, max=0.999, help="Probability to detect it.")
    ] = 0.9,
    alpha: Annotated[
        float, typer.Option("--alpha", min=0.0001, max=0.5, help="Probability of a false alarm.")
    ] = 0.05,
    out: Out = None,
    home: Home = None,
) -> None:
    """Plan a comparison of the recommended condition with the standard, or report its result."""
    from orchestrator.journal.queries import file_text
    from orchestrator.studies import confirmation

    with opened_journal(home) as (_, journal):
        campaign_id = chosen(journal, campaign)
        state = journal.state(campaign_id)
        if state.campaign.rounds.first.chosen:
            _print_comparison(confirmation.compare(state, alpha), state.campaign)
            return
        plan = confirmation.design(state, difference, power, alpha)
        text = confirmation.confirmation_file(state, file_text(journal, campaign_id), plan)
    _print_design(plan, state.campaign)
    path = out or Path(f"{state.campaign.name}-confirm.yaml")
    path.write_text(text, encoding="utf-8")
    console.print(
        f"Written: {path}. Look at it, then: wellwise run {path}", highlight=False, soft_wrap=True
    )
    console.print(
        "When it is done, wellwise confirm says what it gave.", highlight=False, soft_wrap=True
    )


def _print_design(plan: Design, campaign: Campaign) -> None:
    scale = campaign.outcome.scale
    lines = (
        f"recommended  {plan.recommended}",
        f"standard     {plan.standard}",
        f"The model expects a difference of {_of(campaign, plan.predicted)}. {plan.wells} wells of "
        "each find one of "
        f"{scale.number(plan.difference)} with probability {plan.power:g} (two-sided t test at "
        f"{plan.alpha:g}, sd of a well "
        f"{scale.number(plan.sd)}).",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _of(campaign: Campaign, difference: float) -> str:
    """A difference, and of what."""
    scale = campaign.outcome.scale
    text = f"{scale.change(difference)} {scale.unit}".rstrip()
    return text + (" in closeness" if campaign.objective.direction == "match" else "")


def _print_comparison(found: Comparison, campaign: Campaign) -> None:
    from rich.table import Table

    scale = campaign.outcome.scale
    table = Table(caption="" if scale.is_ratio else scale.described, caption_justify="left")
    for name in ("condition", "wells", "mean", "sd"):
        table.add_column(name, justify="left" if name == "condition" else "right")
    for condition, wells, mean, sd in zip(
        found.conditions, found.wells, found.means, found.sds, strict=True
    ):
        table.add_row(str(condition), str(wells), scale.number(mean), scale.number(sd))
    console.print(table)
    console.print(
        f"Difference {_of(campaign, found.difference)} ({1 - found.alpha:.0%} interval "
        f"{scale.change(found.low)} to {scale.change(found.high)}), "
        f"p = {found.p:.2g} (Welch's t test), effect size {found.effect:.2f} (Hedges' g). "
        f"{found.verdict}",
        highlight=False,
        soft_wrap=True,
    )
