"""Confirmation: a planned comparison of the recommended condition with the standard."""

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from ruamel.yaml import YAML
from scipy.stats import nct, t, ttest_ind

import optimizer
from orchestrator.core.goals import goals_of
from orchestrator.core.round_planning import assign_chosen, chosen_condition
from orchestrator.core.state import CampaignState
from protocols.campaign import Campaign, Chosen, FirstRound, LaterRounds, RoundPlan, StopRule
from protocols.conditions import Condition
from protocols.errors import WellwiseError
from protocols.parameters import Parameter

_MOST_WELLS = 1000
_MOST_PLATES = 64
_FEWEST_REPEATS = 5


class Design(NamedTuple):
    """Two conditions, and the wells that each needs.

    `difference` of their true values is detected with probability `power` by a two-sided t test at
    `alpha`, if a well's sd is `sd`. `predicted` is the difference that the model expects, of the
    values or, where one is to be matched, of their closeness to it. All are in the outcome's unit.
    """

    recommended: Condition
    standard: Condition
    wells: int
    difference: float
    sd: float
    alpha: float
    power: float
    predicted: float


class Comparison(NamedTuple):
    """What the wells of two conditions gave (Welch's t test).

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

    @property
    def verdict(self) -> str:
        """In words."""
        if self.p >= self.alpha:
            return "The data do not show a difference."
        first = (self.difference < 0) == self.lower_is_better
        return "The first is better." if first else "The second is better."


def power_of(wells: int, difference: float, sd: float, alpha: float = 0.05) -> float:
    """The power of a two-sided two-sample t test with so many wells a group.

    (Cohen 1988, "Statistical Power Analysis", chapter 2: the test statistic has a noncentral t
    distribution.)
    """
    degrees = 2 * wells - 2
    noncentrality = difference / sd * (wells / 2) ** 0.5
    critical = float(t.ppf(1 - alpha / 2, degrees))
    return float(
        nct.sf(critical, degrees, noncentrality) + nct.cdf(-critical, degrees, noncentrality)
    )


def wells_for(difference: float, sd: float, power: float = 0.9, alpha: float = 0.05) -> int:
    """The fewest wells a group (at least 2) with which the test has the wanted power.

    Raises:
        WellwiseError: it would be more than a thousand.
    """
    for wells in range(2, _MOST_WELLS + 1):
        if power_of(wells, difference, sd, alpha) >= power:
            return wells
    raise WellwiseError(
        f"a difference of {difference:g} with an sd of {sd:.3g} between wells would need more "
        f"than {_MOST_WELLS} wells "
        "a group: look for a larger difference, or make wells more alike"
    )


def design(
    state: CampaignState, difference: float | None = None, power: float = 0.9, alpha: float = 0.05
) -> Design:
    """How many wells compare the recommended condition with the best standard.

    Args:
        state: a campaign with results.
        difference: of true values, the smallest worth detecting; None: half of what the model
            predicts.
        power: wanted probability to detect it.
        alpha: probability of a false alarm.

    Raises:
        WellwiseError: there is nothing to compare, or the difference is not above 0.
    """
    campaign = state.campaign
    if len(campaign.objectives) > 1:
        raise WellwiseError(
            f"{state.id} has several objectives, and no condition is the best of all: choose one "
            "of the Pareto front (wellwise show), and write it into a campaign file of one "
            "objective as a chosen condition"
        )
    best = optimizer.recommend(
        campaign.space, state.observations, campaign.standards, objective=goals_of(campaign)
    )
    if best is None:
        raise WellwiseError(
            f"{state.id} has no recommendation yet: confirm a campaign that has results"
        )
    if not campaign.standards:
        raise WellwiseError(
            f"{state.id} has no standard condition to compare with: give each parameter a standard"
        )
    standards = optimizer.predict(campaign.space, state.observations, campaign.standards)
    objective, scale = campaign.objective, campaign.outcome.scale
    standard = max(standards, key=lambda prediction: objective.utility(prediction.mean))
    if standard.condition == best.condition:
        raise WellwiseError(
            "the standard condition is the one that is recommended: there is nothing to confirm"
        )
    expected = scale.clipped(best.mean)
    better_by = objective.utility(expected) - objective.utility(standard.mean)
    predicted = -better_by if objective.direction == "minimise" else better_by
    wanted = better_by / 2 if difference is None else difference
    if wanted <= 0:
        raise WellwiseError(
            "the recommended condition is not predicted to be better "
            f"({scale.change(predicted)}): give --difference"
        )
    sd = max(
        optimizer.noise_sd(campaign.space, state.observations) or 0.0, _repeat_sd(state) or 0.0
    )
    wells = wells_for(wanted, sd, power, alpha)
    return Design(best.condition, standard.condition, wells, wanted, sd, alpha, power, predicted)


def _repeat_sd(state: CampaignState) -> float | None:
    """The pooled sd of conditions replicated within a round; None with too few of them."""
    groups: dict[tuple[int, Condition], list[float]] = {}
    for observation in state.observations:
        if observation.usable and observation.value is not None:
            groups.setdefault((observation.round, observation.condition), []).append(
                observation.value
            )
    several = [values for values in groups.values() if len(values) > 1]
    degrees = sum(len(values) - 1 for values in several)
    if degrees < _FEWEST_REPEATS:
        return None
    return float(np.sqrt(sum(np.var(values) * len(values) for values in several) / degrees))


def confirmation_file(state: CampaignState, file_text: str, plan: Design) -> str:
    """The campaign file of the confirmation: the same protocol, one round, two conditions.

    The plates are as many as hold them; wells that are left over go to both conditions, or where a
    well decides parameters to the optimiser. The model goes on from the results of the campaign.

    Raises:
        WellwiseError: not even 64 plates have enough wells that decide what the conditions need.
    """
    for study in _studies(state.campaign, plan):
        _, notices = assign_chosen(study, {})
        if not notices:
            return _written(file_text, study, state.id)
    raise WellwiseError(
        "no round of this campaign has enough wells that decide what both conditions need"
    )


def _studies(campaign: Campaign, plan: Design) -> Iterator[Campaign]:
    """One-round campaigns with more and more plates, with the wells of one of the rounds."""
    per_plate = campaign.plates.wells_per_plate
    parameters = [_as_in_round(campaign, number) for number in range(campaign.stop.rounds, 0, -1)]
    for plates in range(-(-2 * plan.wells // per_plate), _MOST_PLATES + 1):
        total = plates * per_plate
        each = plan.wells if campaign.space.decided else total // 2
        chosen = tuple(
            Chosen(condition=dict(c.root), wells=each) for c in (plan.recommended, plan.standard)
        )
        for some in parameters:
            yield Campaign.model_construct(
                **dict(campaign)
                | {
                    "name": f"{campaign.name[:50]}-confirm",
                    "title": f"Confirmation of {campaign.title or campaign.name}",
                    "start": None,
                    "parameters": some,
                    "plates": campaign.plates.model_copy(update={"count": plates}),
                    "rounds": RoundPlan(
                        first=FirstRound(initial=total - 2 * each, standard=0, chosen=chosen),
                        later=LaterRounds(proposed=total),
                        approval=campaign.rounds.approval,
                    ),
                    "stop": StopRule(rounds=1),
                }
            )


def _as_in_round(campaign: Campaign, number: int) -> tuple[Parameter, ...]:
    """The parameters, with wells that decide in every round what they decide in this one."""
    found: list[Parameter] = []
    for parameter in campaign.parameters:
        decided = parameter.decided_by_well
        if decided is None:
            found.append(parameter)
            continue
        base = decided.base[min(number, len(decided.base)) - 1]
        found.append(
            parameter.model_copy(
                update={"decided_by_well": decided.model_copy(update={"base": (base,)})}
            )
        )
    return tuple(found)


def _written(file_text: str, study: Campaign, earlier: str) -> str:
    """The campaign file, changed where the study differs; comments stay."""
    yaml = YAML()
    yaml.width = 120
    file = yaml.load(file_text)
    first = study.rounds.first
    file["name"], file["title"] = study.name, study.title
    file.pop("start", None)
    file["past_results"] = {"campaign": earlier}
    file["plates"]["count"] = study.plates.count
    chosen = [{"condition": entry.condition, "wells": entry.wells} for entry in first.chosen]
    file["rounds"] = {
        "first": {"initial": first.initial, "chosen": chosen},
        "later": {"proposed": study.rounds.later.proposed},
    } | ({"approval": True} if study.rounds.approval else {})
    file["stop"] = {"rounds": 1}
    for entry, parameter in zip(file["parameters"], study.parameters, strict=True):
        if parameter.decided_by_well is not None:
            entry["decided_by_well"]["base"] = list(parameter.decided_by_well.base)
    text = io.StringIO()
    yaml.dump(file, text)
    return text.getvalue()


def compare(state: CampaignState, alpha: float = 0.05) -> Comparison:
    """What a confirmation gave: its first chosen condition against its second.

    Raises:
        WellwiseError: it has no two chosen conditions, or fewer than two trusted values of one of
            them.
    """
    groups: dict[Condition, list[float]] = {}
    for well in (
        well for batch in state.rounds for well in batch.wells if well.proposal.role == "chosen"
    ):
        values = groups.setdefault(well.proposal.condition, [])
        if well.trusted is not None:
            values.append(well.trusted)
    # In the order of the file, not of the plates.
    order = [
        chosen_condition(state.campaign, chosen)
        for chosen in state.campaign.rounds.first.chosen[:2]
    ]
    pair = [(condition, groups.get(condition, [])) for condition in order]
    if len(pair) < 2 or min(len(values) for _, values in pair) < 2:
        numbers = ", ".join(str(len(values)) for _, values in pair) or "none"
        raise WellwiseError(
            f"{state.id} has too few trusted values to compare: {numbers} "
            "(expected 2 or more of each)"
        )
    (first, left), (second, right) = pair
    objective = state.campaign.objective
    means = float(np.mean(left)), float(np.mean(right))
    sds = float(np.std(left, ddof=1)), float(np.std(right, ddof=1))
    if objective.direction == "match":
        left, right = ([objective.utility(value) for value in some] for some in (left, right))
    test = ttest_ind(left, right, equal_var=False)
    interval = test.confidence_interval(1 - alpha)
    degrees = len(left) + len(right) - 2
    pooled = np.sqrt((np.var(left) * len(left) + np.var(right) * len(right)) / degrees)
    difference = float(np.mean(left) - np.mean(right))
    effect = 0.0 if pooled == 0 else difference / float(pooled) * (1 - 3 / (4 * degrees - 1))
    return Comparison(
        conditions=(first, second),
        wells=(len(left), len(right)),
        means=means,
        sds=sds,
        difference=difference,
        low=float(interval.low),
        high=float(interval.high),
        p=float(test.pvalue),
        effect=effect,
        alpha=alpha,
        lower_is_better=objective.direction == "minimise",
    )
