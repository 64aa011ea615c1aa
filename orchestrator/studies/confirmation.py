"""Confirmation: a planned comparison of the recommended or other conditions with the standard."""

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from ruamel.yaml import YAML

import optimizer
from orchestrator.core.round_planning import assign_chosen
from orchestrator.core.state import CampaignState
from orchestrator.studies.candidates import one_objective, recommendation
from orchestrator.studies.comparison_power import on_scale, wells_a_run, wells_for
from protocols.campaign import Campaign
from protocols.campaign_parts import (
    Chosen,
    FirstRound,
    LaterRounds,
    RoundPlan,
    StopRule,
    WantedBatch,
)
from protocols.conditions import Condition
from protocols.confirmation_plan import ConfirmationPlan, Link
from protocols.errors import WellwiseError
from protocols.parameters import Parameter
from protocols.scale import probability_text

_MOST_PLATES = 64
_FEWEST_REPEATS = 5


class Design(NamedTuple):
    """One or more candidates and the standard, and the wells that each needs in each of `runs`.

    With one run a two-sided t test over wells is planned; with several one over runs, between which
    a condition varies with the sd `run_sd` (see `run_comparison`). `difference` of their true
    values is detected with probability `power` at `alpha`, if a well's sd is `sd`. With several
    candidates it is Dunnett's test: each difference from the standard is detected with this power,
    and `alpha` is of all of them together. `predicted` are the differences that the model expects,
    of the values or, where one is to be matched, of their closeness to it. All are in the outcome's
    unit. `sd_standard` is that of the standard's wells where it is known to be another, and
    `baseline` the standard's predicted mean, around which log odds are planned.
    """

    candidates: tuple[Condition, ...]
    standard: Condition
    wells: int
    difference: float
    sd: float
    alpha: float
    power: float
    predicted: tuple[float, ...]
    runs: int = 1
    run_sd: float = 0.0
    margin: float | None = None
    link: Link = "identity"
    sd_standard: float | None = None
    baseline: float | None = None

    @property
    def plan(self) -> ConfirmationPlan:
        """What is fixed before the first job."""
        return ConfirmationPlan(
            difference=self.difference,
            runs=self.runs,
            alpha=self.alpha,
            power=self.power,
            sd=self.sd,
            run_sd=self.run_sd,
            margin=self.margin,
            link=self.link,
            sd_standard=None if self.sd_standard == self.sd else self.sd_standard,
            baseline=self.baseline,
            candidates=len(self.candidates) if len(self.candidates) > 1 else None,
        )


def design(
    state: CampaignState,
    difference: float | None = None,
    power: float = 0.9,
    alpha: float = 0.05,
    runs: int = 1,
    run_sd: float = 0.0,
    margin: float | None = None,
    link: Link = "identity",
    candidates: Sequence[Condition] | None = None,
) -> Design:
    """How many wells compare the recommended condition, or candidates, with the best standard.

    Args:
        state: a campaign with results.
        difference: of true values, the smallest worth detecting; None: half of what the model
            predicts, of several candidates half of the smallest.
        power: wanted probability to detect it.
        alpha: probability of a false alarm, in all comparisons together.
        runs: rounds that each have all conditions.
        run_sd: how much a condition varies between runs, its sd, beside the noise of wells.
        margin: within which both are called equivalent.
        link: `logit` compares ratios by their log odds, and plans on that scale.
        candidates: of the campaign's space (see `candidates_of`); None: the recommended condition.

    Raises:
        WellwiseError: there is nothing to compare, what is recommended probably breaks the
            constraints on outcomes, the difference is not above 0, or no number of wells is enough
            for so few runs.
    """
    campaign = state.campaign
    one_objective(state)
    means = _means(state, candidates)
    if not campaign.standards:
        raise WellwiseError(
            f"{state.id} has no standard condition to compare with: give each parameter a standard"
        )
    standards = optimizer.predict(campaign.space, state.observations, campaign.standards)
    objective, scale = campaign.objective, campaign.outcome.scale
    standard = max(standards, key=lambda prediction: objective.utility(prediction.mean))
    for condition in means:
        _comparable(campaign, condition, standard.condition, candidates is None)
    better_by = {
        condition: objective.utility(scale.clipped(mean)) - objective.utility(standard.mean)
        for condition, mean in means.items()
    }
    least = min(better_by, key=lambda condition: better_by[condition])
    sign = -1 if objective.direction == "minimise" else 1
    wanted = better_by[least] / 2 if difference is None else difference
    if wanted <= 0:
        what = "the recommended condition" if candidates is None else f"the candidate {least}"
        raise WellwiseError(
            f"{what} is not predicted to be better "
            f"({scale.change(sign * better_by[least])}): give --difference"
        )
    sd = max(
        optimizer.noise_sd(campaign.space, state.observations) or 0.0, _repeat_sd(state) or 0.0
    )
    sd_standard = _repeat_sd(state, standard.condition) or sd
    baseline = scale.clipped(standard.mean)
    plan = Design(
        candidates=tuple(means),
        standard=standard.condition,
        wells=0,
        difference=wanted,
        sd=sd,
        alpha=alpha,
        power=power,
        predicted=tuple(sign * by for by in better_by.values()),
        runs=runs,
        run_sd=run_sd,
        margin=margin,
        link=link,
        sd_standard=sd_standard,
        baseline=baseline if link == "logit" else None,
    )
    compared, sds, between = on_scale(plan.plan)
    if runs == 1:
        wells = wells_for(compared, sds, power, alpha, len(means))
    else:
        wells = wells_a_run(runs, compared, sds, between, power, alpha, len(means))
    return plan._replace(wells=wells)


def _means(state: CampaignState, candidates: Sequence[Condition] | None) -> dict[Condition, float]:
    """What the model predicts of each candidate; of the recommended condition if there are none."""
    if candidates is None:
        best = recommendation(state)
        if not best.likely_feasible:
            raise WellwiseError(
                "no condition is known that probably meets the constraints on outcomes: the "
                f"likeliest meets them with probability {probability_text(best.feasible)}. Measure "
                "more, or name with --candidate what is to be compared with the standard"
            )
        return {best.condition: best.mean}
    predictions = optimizer.predict(state.campaign.space, state.observations, candidates)
    return {prediction.condition: prediction.mean for prediction in predictions}


def _comparable(
    campaign: Campaign, candidate: Condition, standard: Condition, recommended: bool
) -> None:
    if standard == candidate:
        raise WellwiseError(
            "the standard condition is the one that is recommended: there is nothing to confirm"
            if recommended
            else f"{candidate} is the standard condition, with which candidates are compared: "
            "leave it out"
        )
    apart = [
        parameter.name
        for parameter in campaign.space.one_a_plate
        if standard.root.get(parameter.name) != candidate.root.get(parameter.name)
    ]
    if apart:
        raise WellwiseError(
            f"both conditions cannot be on one plate, which has one {' and one '.join(apart)}: "
            "what is seen would be of the plates. Compare them in a campaign of one well a plate, "
            f"or write a campaign file in which the standard's {apart[0]} is the recommended one"
        )


def _repeat_sd(state: CampaignState, of: Condition | None = None) -> float | None:
    """The pooled sd of conditions (or of one) replicated within a round; None with too few."""
    groups: dict[tuple[int, Condition], list[float]] = {}
    for observation in state.observations:
        if (
            observation.usable
            and observation.value is not None
            and of in (None, observation.condition)
        ):
            groups.setdefault((observation.round, observation.condition), []).append(
                observation.value
            )
    several = [values for values in groups.values() if len(values) > 1]
    degrees = sum(len(values) - 1 for values in several)
    if degrees < _FEWEST_REPEATS:
        return None
    return float(np.sqrt(sum(np.var(values) * len(values) for values in several) / degrees))


def confirmation_file(state: CampaignState, file_text: str, plan: Design) -> str:
    """The campaign file of the confirmation: the same protocol, all conditions in each round.

    The plates are as many as hold them; wells that are left over go to all conditions alike. Those
    that do not go round, or any where a well decides parameters, are the optimiser's. The model
    goes on from the results of the campaign.

    Raises:
        WellwiseError: not even 64 plates have enough wells that decide what the conditions need.
    """
    for study in _studies(state.campaign, plan):
        _, notices = assign_chosen(study, {}, study.decided_values(1))
        if not notices:
            return _written(file_text, study, state.id)
    raise WellwiseError(
        "no round of this campaign has enough wells that decide what the conditions need"
    )


def _studies(campaign: Campaign, plan: Design) -> Iterator[Campaign]:
    """One-round campaigns with more and more plates, with the wells of one of the rounds."""
    per_plate = campaign.plates.wells_per_plate
    parameters = [_as_in_round(campaign, number) for number in range(campaign.stop.rounds, 0, -1)]
    conditions = (*plan.candidates, plan.standard)
    for plates in range(-(-len(conditions) * plan.wells // per_plate), _MOST_PLATES + 1):
        total = plates * per_plate
        each = plan.wells if campaign.space.decided else total // len(conditions)
        initial = total - len(conditions) * each
        chosen = tuple(Chosen(condition=dict(c.root), wells=each) for c in conditions)
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
                        first=FirstRound(initial=initial, standard=0, chosen=chosen),
                        later=LaterRounds(proposed=total),
                        wanted=tuple(
                            WantedBatch(round=number, chosen=chosen)
                            for number in range(2, plan.runs + 1)
                        ),
                        approval=campaign.rounds.approval,
                    ),
                    "stop": StopRule(rounds=plan.runs),
                    "confirmation": plan.plan,
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
    if study.rounds.wanted:
        file["rounds"]["wanted"] = [
            {"round": batch.round, "chosen": chosen} for batch in study.rounds.wanted
        ]
    file["stop"] = {"rounds": study.stop.rounds}
    if study.confirmation is not None:
        file["confirmation"] = study.confirmation.model_dump(mode="json", exclude_none=True)
    for entry, parameter in zip(file["parameters"], study.parameters, strict=True):
        if parameter.decided_by_well is not None:
            entry["decided_by_well"]["base"] = list(parameter.decided_by_well.base)
    text = io.StringIO()
    yaml.dump(file, text)
    return text.getvalue()
