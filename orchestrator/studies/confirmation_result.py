"""What a confirmation gave: the comparison that its plan fixed, and what limits it."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from orchestrator.core.first_design import chosen_condition
from orchestrator.core.state import CampaignState
from orchestrator.studies.comparison_power import on_scale, power_of, power_over_runs
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
    pairs_in_one_run,
    within_plates,
    without_plates,
)
from protocols.campaign import Campaign
from protocols.conditions import Condition
from protocols.confirmation_plan import Link
from protocols.errors import WellwiseError

_T = TypeVar("_T")
_Placed = dict[int, list[list[tuple[float, int]]]]

Verdict = Literal["first", "second", "neither"]
"""Which of two conditions the data show to be better."""


class Comparison(NamedTuple):
    """What the wells of two conditions gave.

    In one run by Welch's t test over wells, or within plates (`on_plates`) where there are several,
    in several `runs` by a t test over them; where `together` comparisons are judged together by
    Dunnett's test.

    `difference` of the means, first minus second, with its interval at 1 - `alpha`; `effect` is
    Hedges' g. Where a value is to be matched they are of minus the distance to it, and with
    `on_log_odds` on that scale. `lower_is_better` says which sign of the difference is good.
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
    together: int | None = None
    on_plates: bool = False
    on_log_odds: bool = False
    equivalence_p: float | None = None
    power: float | None = None
    components: Components | None = None
    decided: tuple[str, ...] = ()
    """Titles of what the place of a well decides and in which the conditions differ."""
    left_out: int = 0
    """Runs that have no trusted values of what is compared."""
    planned: tuple[int, float] | None = None
    """Runs and alpha of the plan, where the comparison is not as it was planned."""

    @property
    def half_width(self) -> float:
        """Half of the interval of the difference."""
        return (self.high - self.low) / 2

    @property
    def verdict(self) -> Verdict:
        """Which is better by its p and alpha."""
        if self.p >= self.alpha:
            return "neither"
        return "first" if (self.difference < 0) == self.lower_is_better else "second"


def comparisons(state: CampaignState, alpha: float | None = None) -> list[Comparison]:
    """What a confirmation gave: each of its planned candidates against its last chosen condition.

    Several that were planned together are judged together, by Dunnett's test.

    Args:
        state: the confirmation.
        alpha: probability of a false alarm, of all together; None: that of its plan, or 0.05.

    Raises:
        WellwiseError: it has no two chosen conditions, or too few trusted values of one of them.
    """
    plan, conditions = state.campaign.confirmation, chosen_conditions(state.campaign)
    if len(conditions) < 2:
        raise _too_few(state, [])
    if plan is None or plan.candidates is None:
        return [_comparison(state, (conditions[0], conditions[-1]), alpha)]
    return [
        _comparison(state, (conditions[joint.first], conditions[joint.second]), alpha, joint)
        for joint in compare_several(state, alpha)
    ]


def compare(state: CampaignState, alpha: float | None = None) -> Comparison:
    """The first of `comparisons`."""
    return comparisons(state, alpha)[0]


def _comparison(
    state: CampaignState,
    pair: tuple[Condition, Condition],
    alpha: float | None,
    joint: Contrast | None = None,
) -> Comparison:
    """What the wells of two conditions gave; `joint` is what a test of several together says."""
    plan, conditions = state.campaign.confirmation, chosen_conditions(state.campaign)
    level = alpha or (0.05 if plan is None else plan.alpha)
    link: Link = "identity" if plan is None else plan.link
    together = 1 if joint is None else len(conditions) - 1
    placed = _placed(state, pair)
    whole = [[value for several in placed.values() for value, _ in several[i]] for i in (0, 1)]
    if min(map(len, whole)) < 2:
        raise _too_few(state, whole)
    first, second = whole
    means = float(np.mean(first)), float(np.mean(second))
    sds = float(np.std(first, ddof=1)), float(np.std(second, ddof=1))
    close, plates = _compared(state.campaign, placed, link)
    left, right = ([value for several in close.values() for value in several[i]] for i in (0, 1))
    needed = _placed(state, pair if joint is None else conditions)
    both = [run for run, several in needed.items() if all(several)]
    margin = None if plan is None else plan.margin
    fewest = min((len(values) for run in both for values in close[run]), default=0)
    power = None
    on_plates = len({plate for run in both for some in plates[run] for plate in some}) > 1
    if joint is not None:
        found = joint
    elif len(both) > 1:
        found = paired(cell_means(without_plates(close, plates)), level, margin)
    else:
        everywhere = [[plate for it in plates.values() for plate in it[i]] for i in (0, 1)]
        found = within_plates((left, right), everywhere, level, margin)
    if plan is not None:
        difference, _, run_sd = on_scale(plan)
        measured = _within_run_sds(close if len(both) < 2 else without_plates(close, plates))
        if len(both) > 1:
            power = power_over_runs(
                len(both), fewest, difference, measured, run_sd, level, together
            )
        elif fewest > 1 and max(measured) > 0:
            power = power_of(fewest, difference, measured, level, together)
    unlike = plan is not None and (level != plan.alpha or len(both) < plan.runs)
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
        lower_is_better=state.campaign.objective.direction == "minimise",
        runs=max(1, len(both)),
        together=None if joint is None else together,
        on_plates=on_plates,
        on_log_odds=link == "logit",
        equivalence_p=found.equivalence_p,
        power=power,
        components=components(close) if len(both) > 1 else None,
        decided=confounded(state.campaign, pair),
        left_out=len(close) - len(both) if len(both) > 1 else 0,
        planned=(plan.runs, plan.alpha) if plan is not None and unlike else None,
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
    close, plates = _compared(state.campaign, _placed(state, conditions), link)
    margin = None if plan is None else plan.margin
    cells = without_plates(close, plates)
    means = cell_means(cells)
    if len(means) > 1:
        return all_pairs(means, level) if pairs else against_control(means, level, margin)
    as_read, adjusted = (_of_all_runs(table, len(conditions)) for table in (close, cells))
    if len(as_read) < 2 or min(map(len, as_read)) < 2:
        raise _too_few(state, as_read)
    if pairs:
        return pairs_in_one_run(adjusted, level)
    return in_one_run(as_read, _of_all_runs(plates, len(conditions)), level, margin)


def _of_all_runs(table: Mapping[int, Sequence[Sequence[_T]]], conditions: int) -> list[list[_T]]:
    return [[one for several in table.values() for one in several[i]] for i in range(conditions)]


def chosen_conditions(campaign: Campaign) -> list[Condition]:
    """The conditions that are compared, in the order of the file, not of the plates."""
    return [chosen_condition(campaign, chosen) for chosen in campaign.rounds.first.chosen]


def _placed(state: CampaignState, conditions: Sequence[Condition]) -> _Placed:
    """Round -> the trusted values of each condition in it, each with its plate."""
    return {
        batch.number: [
            [
                (well.trusted, well.well.plate)
                for well in batch.wells
                if well.proposal.role == "chosen"
                and well.proposal.condition == condition
                and well.trusted is not None
            ]
            for condition in conditions
        ]
        for batch in state.rounds
    }


def _compared(
    campaign: Campaign, placed: _Placed, link: Link
) -> tuple[dict[int, list[list[float]]], dict[int, list[list[int]]]]:
    """What is compared, run by run and condition by condition, and on which plates it was.

    The values on the scale of the link; where a value is to be matched, minus the distance to it.
    """
    objective = campaign.objective
    matched = objective.direction == "match"
    values = {
        run: [
            list(linked([float(objective.utility(v)) if matched else v for v, _ in some], link))
            for some in several
        ]
        for run, several in placed.items()
    }
    plates = {
        run: [[plate for _, plate in some] for some in several] for run, several in placed.items()
    }
    return values, plates


def _within_run_sds(cells: Mapping[int, Sequence[Sequence[float]]]) -> tuple[float, float]:
    """The pooled sd within runs of each of two conditions."""
    found = []
    for number in (0, 1):
        several = [c[number] for c in cells.values() if len(c[number]) > 1]
        degrees = sum(len(values) - 1 for values in several)
        squares = sum(float(np.var(values)) * len(values) for values in several)
        found.append((squares / degrees) ** 0.5 if degrees else 0.0)
    return found[0], found[1]


def confounded(campaign: Campaign, conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Titles of the parameters that the place of a well decides and in which conditions differ.

    What the place does and what the condition does cannot be told apart there.
    """
    return tuple(
        parameter.title or parameter.name
        for parameter in campaign.space.decided
        if len({condition.root.get(parameter.name) for condition in conditions}) > 1
    )


def _too_few(state: CampaignState, groups: Sequence[Sequence[float]]) -> WellwiseError:
    numbers = ", ".join(str(len(values)) for values in groups) or "none"
    return WellwiseError(
        f"{state.id} has too few trusted values to compare: {numbers} (expected 2 or more of each)"
    )
