"""What a planned comparison gave, in words."""

from orchestrator.languages import gettext, later
from orchestrator.studies.confirmation_result import Comparison, Verdict
from protocols.campaign import Campaign
from protocols.scale import p_text

_VERDICTS: dict[Verdict, str] = {
    "first": later("The first is better."),
    "second": later("The second is better."),
    "neither": later("The data do not show a difference."),
}


def verdict_of(found: Comparison) -> str:
    """Which of the two is better, a sentence."""
    return gettext(_VERDICTS[found.verdict])


def judged_by(found: Comparison) -> str:
    """By which test it was judged."""
    runs, together = found.runs, found.together
    if together is not None:
        if runs > 1:
            return gettext(
                "Dunnett's test over {runs} runs of {together} comparisons together",
                runs=runs,
                together=together,
            )
        return gettext(
            "Dunnett's test over wells of {together} comparisons together", together=together
        )
    if runs > 1:
        return gettext("t test over {runs} runs", runs=runs)
    return gettext("t test within plates") if found.on_plates else gettext("Welch's t test")


def difference_of(found: Comparison, campaign: Campaign) -> str:
    """The difference of the means, with what it is of."""
    scale = campaign.outcome.scale
    of = scale.unit
    if found.on_log_odds:
        of = gettext("log odds")
    elif campaign.objective.direction == "match":
        of = gettext("{unit} in closeness to the target", unit=of).strip()
    return f"{scale.change(found.difference, found.half_width)} {of}".rstrip()


def ends_of(found: Comparison, campaign: Campaign) -> tuple[str, str]:
    """The ends of the interval of the difference, with as many decimals as that."""
    scale, half = campaign.outcome.scale, found.half_width
    return scale.change(found.low, half), scale.change(found.high, half)


def facts_of(found: Comparison, campaign: Campaign) -> str:
    """What it gave, in numbers."""
    low, high = ends_of(found, campaign)
    return gettext(
        "difference, first less second, {difference} ({share} % interval {low} to {high}), {p} "
        "by {test}, effect size {effect} (Hedges' g)",
        difference=difference_of(found, campaign),
        share=f"{100 * (1 - found.alpha):.0f}",
        low=low,
        high=high,
        p=p_text(found.p),
        test=judged_by(found),
        effect=f"{found.effect:.2f}",
    )


def remarks_of(found: Comparison) -> list[str]:
    """What limits it, a sentence each."""
    remarks = []
    if found.decided:
        remarks.append(
            gettext(
                "The place of a well decides {parameters}, in which the conditions differ: what "
                "the place does and what the condition does cannot be told apart.",
                parameters=", ".join(found.decided),
            )
        )
    if found.left_out:
        text = (
            later("{runs} runs without trusted values of both are left out.")
            if found.together is None
            else later("{runs} runs without trusted values of all are left out.")
        )
        remarks.append(gettext(text, runs=found.left_out))
    if found.runs == 1:
        remarks.append(
            gettext(
                "There was one run: how much a condition varies between runs (lots, donors, days) "
                "is not in the test, so that false alarms are more frequent than it says."
            )
        )
    if found.planned is not None:
        runs, alpha = found.planned
        remarks.append(
            gettext(
                "Not as planned: {runs} runs at alpha {alpha} were planned.",
                runs=runs,
                alpha=f"{alpha:g}",
            )
        )
    return remarks
