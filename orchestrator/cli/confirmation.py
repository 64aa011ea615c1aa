"""The command that plans a confirmation, and reports its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.context import (
    CampaignId,
    Home,
    Out,
    chosen,
    console,
    opened_journal,
)
from orchestrator.cli.pairs import values_of
from protocols.number_words import counted
from protocols.scale import p_text

if TYPE_CHECKING:
    from orchestrator.studies.confirmation import Design
    from orchestrator.studies.confirmation_result import Comparison
    from orchestrator.studies.run_comparison import Contrast
    from protocols.campaign import Campaign
    from protocols.conditions import Condition

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
        float | None,
        typer.Option(
            "--alpha", min=0.0001, max=0.5, help="Probability of a false alarm; 0.05 if absent."
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=100, help="Rounds that each have both conditions.")
    ] = 1,
    run_sd: Annotated[
        float,
        typer.Option("--run-sd", min=0, help="Sd of a condition between runs, beside wells'."),
    ] = 0.0,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            min=0,
            help="Within which both are called equivalent; log odds with --log-odds.",
        ),
    ] = None,
    log_odds: Annotated[
        bool,
        typer.Option("--log-odds", help="Compare ratios by log odds, and plan the size on them."),
    ] = False,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Of several conditions compare each pair (Tukey).")
    ] = False,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate",
            help="What is compared with the standard: recommended, a well (rpe/r1/p3/B2), or a "
            "condition ('volume=5, buffer=tris'); repeat it for several. The recommended one if "
            "absent.",
        ),
    ] = None,
    out: Out = None,
    home: Home = None,
) -> None:
    """Plan a comparison of the recommended or other conditions with the standard, or report it."""
    from orchestrator.journal.queries import file_text
    from orchestrator.studies import confirmation, confirmation_result
    from orchestrator.studies.candidates import candidates_of

    with opened_journal(home) as (_, journal):
        campaign_id = chosen(journal, campaign)
        state = journal.state(campaign_id)
        if state.campaign.rounds.first.chosen:
            for found in confirmation_result.comparisons(state, alpha):
                _print_comparison(found, state.campaign)
            conditions = confirmation_result.chosen_conditions(state.campaign)
            planned = state.campaign.confirmation
            together = planned is not None and planned.candidates is not None
            if len(conditions) > 2 and (pairs or not together):
                several = confirmation_result.compare_several(state, alpha, pairs)
                _print_several(several, conditions, state.campaign, "Tukey" if pairs else "Dunnett")
            return
        plan = confirmation.design(
            state,
            difference,
            power,
            alpha or 0.05,
            runs,
            run_sd,
            margin,
            "logit" if log_odds else "identity",
            candidates_of(state, [_named(text) for text in candidates]) if candidates else None,
        )
        text = confirmation.confirmation_file(state, file_text(journal, campaign_id), plan)
    _print_design(plan, state.campaign, bool(candidates))
    path = out or Path(f"{state.campaign.name}-confirm.yaml")
    path.write_text(text, encoding="utf-8")
    console.print(
        f"Written: {path}. Look at it, then: wellwise run {path}", highlight=False, soft_wrap=True
    )
    console.print(
        "When it is done, wellwise confirm says what it gave.", highlight=False, soft_wrap=True
    )


def _named(text: str) -> str | dict[str, Any]:
    """A condition by its values, or what else names one."""
    return values_of([pair.strip() for pair in text.split(",")]) if "=" in text else text


def _print_design(plan: Design, campaign: Campaign, named: bool) -> None:
    for number, condition in enumerate(plan.candidates, 1):
        several = f" {number}" if len(plan.candidates) > 1 else ""
        name = f"candidate{several}" if named else "recommended"
        console.print(f"{name:11}  {condition}", highlight=False, soft_wrap=True)
    lines = (
        f"standard     {plan.standard}",
        _size(plan, campaign) if len(plan.candidates) == 1 else _size_of_several(plan, campaign),
        "One run says nothing of how much a condition varies between runs: with a few hundredths "
        "of that, false alarms are several times as frequent. Plan --runs 3 or more, with --run-sd."
        if plan.runs == 1
        else f"SHA-256 of the plan, as the journal keeps it: {plan.plan.sha256}",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _size(plan: Design, campaign: Campaign) -> str:
    scale = campaign.outcome.scale
    found = f"find one of {scale.number(plan.difference)} with probability {plan.power:g}"
    expected = f"The model expects a difference of {_of(campaign, plan.predicted[0])}."
    well = f"sd of a well {scale.number(plan.sd)}"
    if plan.runs == 1:
        return (
            f"{expected} {plan.wells} wells of each {found} (two-sided t test at {plan.alpha:g}, "
            f"{well})."
        )
    return (
        f"{expected} {plan.runs} runs with {plan.wells} wells of each {found} (two-sided t test "
        f"over runs at {plan.alpha:g}, {well}, of a condition between runs "
        f"{scale.number(plan.run_sd)})."
    )


def _size_of_several(plan: Design, campaign: Campaign) -> str:
    scale, count = campaign.outcome.scale, len(plan.candidates)
    expected = ", ".join(_of(campaign, difference) for difference in plan.predicted)
    standard = plan.sd_standard or plan.sd
    sds = f"sd of a well {scale.number(plan.sd)}, of the standard's {scale.number(standard)}"
    if plan.runs > 1:
        sds = f"sd of a well {scale.number(max(plan.sd, standard))}, of a condition between runs "
        sds += f"{scale.number(plan.run_sd)}, the same for all conditions"
    return (
        f"The model expects differences from the standard of {expected}. "
        f"{counted(plan.wells * plan.runs, 'well')} of each of the {count + 1} conditions"
        + (f", {plan.wells} in each of {plan.runs} runs," if plan.runs > 1 else "")
        + f" find for each candidate a difference of {scale.number(plan.difference)} from the "
        f"standard with probability {plan.power:g}, whatever the others do. The probability that "
        f"any of the {count} comparisons finds a difference that is not there is at most "
        f"{plan.alpha:g} (two-sided Dunnett's test over {'runs' if plan.runs > 1 else 'wells'}; "
        f"{sds})."
    )


def _of(campaign: Campaign, difference: float) -> str:
    """A difference, and of what."""
    scale = campaign.outcome.scale
    text = f"{scale.change(difference)} {scale.unit}".rstrip()
    return text + (" in closeness" if campaign.objective.direction == "match" else "")


def _print_comparison(found: Comparison, campaign: Campaign) -> None:
    from rich.table import Table

    from orchestrator.results.comparison_words import (
        difference_of,
        ends_of,
        judged_by,
        remarks_of,
        verdict_of,
    )
    from orchestrator.results.summaries import smallest

    scale, spread = campaign.outcome.scale, smallest(found.sds)
    low, high = ends_of(found, campaign)
    table = Table(caption="" if scale.is_ratio else scale.described, caption_justify="left")
    for name in ("condition", "wells", "mean", "sd"):
        table.add_column(name, justify="left" if name == "condition" else "right")
    for condition, wells, mean, sd in zip(
        found.conditions, found.wells, found.means, found.sds, strict=True
    ):
        table.add_row(
            str(condition), str(wells), scale.number(mean, spread), scale.number(sd, spread)
        )
    console.print(table)
    console.print(
        f"Difference {difference_of(found, campaign)} ({100 * (1 - found.alpha):.0f} % interval "
        f"{low} to {high}), "
        f"{p_text(found.p)} ({judged_by(found)}), effect size {found.effect:.2f} (Hedges' g). "
        f"{verdict_of(found)}",
        highlight=False,
        soft_wrap=True,
    )
    if found.equivalence_p is not None:
        text = f"That both differ by more than the margin: {p_text(found.equivalence_p)} (TOST)."
        console.print(text, highlight=False, soft_wrap=True)
    if found.components is not None:
        sds = (scale.number(sd) for sd in found.components)
        text = "Sds by a mixed model: of runs {}, of a condition between runs {}, of wells {}."
        console.print(text.format(*sds), highlight=False, soft_wrap=True)
    for remark in remarks_of(found):
        console.print(remark, highlight=False, soft_wrap=True)


def _print_several(
    several: list[Contrast], conditions: list[Condition], campaign: Campaign, by: str
) -> None:
    """Each comparison, with p adjusted for their number."""
    scale = campaign.outcome.scale
    for found in several:
        console.print(
            f"{conditions[found.first]} less {conditions[found.second]}: "
            f"{scale.change(found.difference)} "
            f"({scale.change(found.low)} to {scale.change(found.high)}), "
            f"{p_text(found.p)} ({by}, {len(several)} comparisons together)",
            highlight=False,
            soft_wrap=True,
        )
