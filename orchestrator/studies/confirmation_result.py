"""What a confirmation gave: the comparison that its plan fixed, and what limits it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import ttest_ind

from orchestrator.core.round_planning import chosen_condition
from orchestrator.core.state import CampaignState
from orchestrator.studies.run_comparison import (
    Components,
    Contrast,
    against_control,
    all_pairs,
    cell_means,
    components,
    in_one_run,
    linked,
    paired,
    power_over_runs,
)
from protocols.campaign import Campaign
from protocols.conditions import Condition
from protocols.confirmation_plan import Link
from protocols.errors import WellwiseError

_ONE_RUN = (
    "There was one run: how much a condition varies between runs (lots, donors, days) is not in "
    "the test, so that false alarms are more frequent than it says."
)


class Comparison(NamedTuple):
    """What the wells of two conditions gave.

    In one run by Welch's t test over wells, in several by a t test over runs; `test` says which.

    `difference` of the means, first minus second, with its interval at 1 - `alpha`; `effect` is
    Hedges' g. Where a value is to be matched they are of minus the distance to it.
    `lower_is_better` says which sign of the difference is good.
    """

    conditions: tuple[Condition, Condition]
    wells: tuple[int, int]
    means: tuple[float, float]
    sds: tuple[float, float]
    difference: float
    low: float
    high: float
    p: float
    effect: float
    alpha: float
    lower_is_better: bool = False
    runs: int = 1
    test: str = "Welch's t test"
    equivalence_p: float | None = None
    power: float | None = None
    remarks: tuple[str, ...] = ()
    components: Components | None = None
    of: str = ""
    """On what scale the difference is, where it is not that of the values."""

    @property
    def verdict(self) -> str:
        """In words."""
        if self.p >= self.alpha:
            return "The data do not show a difference."
        first = (self.difference < 0) == self.lower_is_better
        return "The first is better." if first else "The second is better."


def compare(state: CampaignState, alpha: float | None = None) -> Comparison:
    """What a confirmation gave: its first chosen condition against its last.

    Args:
        state: the confirmation.
        alpha: probability of a false alarm; None: that of its plan, or 0.05.

    Raises:
        WellwiseError: it has no two chosen conditions, or too few trusted values of one of them.
    """
    plan, conditions = state.campaign.confirmation, chosen_conditions(state.campaign)
    level = alpha or (0.05 if plan is None else plan.alpha)
    link: Link = "identity" if plan is None else plan.link
    if len(conditions) < 2:
        raise _too_few(state, [])
    pair = conditions[0], conditions[-1]
    cells = cells_of(state, pair)
    whole = [[value for several in cells.values() for value in several[i]] for i in (0, 1)]
    if min(map(len, whole)) < 2:
        raise _too_few(state, whole)
    first, second = whole
    means = float(np.mean(first)), float(np.mean(second))
    sds = float(np.std(first, ddof=1)), float(np.std(second, ddof=1))
    minimised = state.campaign.objective.direction == "minimise"
    close = _closeness(state.campaign, cells)
    left, right = (
        linked([value for several in close.values() for value in several[i]], link) for i in (0, 1)
    )
    remarks = list(confounded(state.campaign, pair))
    both = [run for run, several in close.items() if all(several)]
    if len(both) > 1:
        found = paired(cell_means(close, link), level, None if plan is None else plan.margin)
        test = f"t test over {len(both)} runs"
        fewest = min(len(values) for run in both for values in close[run])
        if plan is not None and link == "identity":
            power = power_over_runs(len(both), fewest, plan.difference, sds, plan.run_sd, level)
        else:
            power = None
        left_out = len(close) - len(both)
        if left_out:
            remarks.append(f"{left_out} runs without trusted values of both are left out.")
    else:
        result = ttest_ind(left, right, equal_var=False)
        interval = result.confidence_interval(1 - level)
        shift = float(np.mean(left) - np.mean(right))
        found = Contrast(
            0, 1, shift, float(interval.low), float(interval.high), float(result.pvalue)
        )
        test, power = "Welch's t test", None
        remarks.append(_ONE_RUN)
    if plan is not None and (level != plan.alpha or len(both) < plan.runs):
        remarks.append(f"Not as planned: {plan.runs} runs at alpha {plan.alpha:g} were planned.")
    degrees = len(left) + len(right) - 2
    pooled = np.sqrt((np.var(left) * len(left) + np.var(right) * len(right)) / degrees)
    effect = 0.0 if pooled == 0 else found.difference / float(pooled) * (1 - 3 / (4 * degrees - 1))
    return Comparison(
        conditions=pair,
        wells=(len(first), len(second)),
        means=means,
        sds=sds,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        effect=effect,
        alpha=level,
        lower_is_better=minimised,
        runs=max(1, len(both)),
        test=test,
        equivalence_p=found.equivalence_p,
        power=power,
        remarks=tuple(remarks),
        components=components(close, link) if len(both) > 1 else None,
        of="log odds" if link == "logit" else "",
    )


def compare_several(
    state: CampaignState, alpha: float | None = None, pairs: bool = False
) -> list[Contrast]:
    """Each chosen condition against the last (Dunnett), or each pair (Tukey), together at `alpha`.

    Over runs where there are several, else over the wells of the one run.

    Raises:
        WellwiseError: there are too few trusted values.
    """
    plan, conditions = state.campaign.confirmation, chosen_conditions(state.campaign)
    level = alpha or (0.05 if plan is None else plan.alpha)
    link: Link = "identity" if plan is None else plan.link
    cells = _closeness(state.campaign, cells_of(state, conditions))
    means = cell_means(cells, link)
    if len(means) > 1 and pairs:
        return all_pairs(means, level)
    if len(means) > 1:
        return against_control(means, level, None if plan is None else plan.margin)
    groups = [
        [value for several in cells.values() for value in several[i]]
        for i in range(len(conditions))
    ]
    if len(groups) < 2 or min(map(len, groups)) < 2:
        raise _too_few(state, groups)
    return in_one_run([list(linked(values, link)) for values in groups], level, pairs)


def chosen_conditions(campaign: Campaign) -> list[Condition]:
    """The conditions that are compared, in the order of the file, not of the plates."""
    return [chosen_condition(campaign, chosen) for chosen in campaign.rounds.first.chosen]


def cells_of(state: CampaignState, conditions: Sequence[Condition]) -> dict[int, list[list[float]]]:
    """Round -> the trusted values of each condition in it."""
    return {
        batch.number: [
            [
                well.trusted
                for well in batch.wells
                if well.proposal.role == "chosen"
                and well.proposal.condition == condition
                and well.trusted is not None
            ]
            for condition in conditions
        ]
        for batch in state.rounds
    }


def confounded(campaign: Campaign, conditions: Sequence[Condition]) -> list[str]:
    """What is to be said of parameters that the place of a well decides."""
    differing = [
        parameter.title or parameter.name
        for parameter in campaign.space.decided
        if len({condition.root.get(parameter.name) for condition in conditions}) > 1
    ]
    if not differing:
        return []
    return [
        f"The place of a well decides {', '.join(differing)}, in which the conditions differ: "
        "what the place does and what the condition does cannot be told apart."
    ]


def _closeness(
    campaign: Campaign, cells: dict[int, list[list[float]]]
) -> dict[int, list[list[float]]]:
    """Where a value is to be matched, minus the distance to it; else the values."""
    objective = campaign.objective
    if objective.direction != "match":
        return cells
    return {
        run: [[float(objective.utility(value)) for value in values] for values in several]
        for run, several in cells.items()
    }


def _too_few(state: CampaignState, groups: Sequence[Sequence[float]]) -> WellwiseError:
    numbers = ", ".join(str(len(values)) for values in groups) or "none"
    return WellwiseError(
        f"{state.id} has too few trusted values to compare: {numbers} (expected 2 or more of each)"
    )
