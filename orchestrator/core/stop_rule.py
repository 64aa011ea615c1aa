"""The stop rule: whether a campaign that is not over begins another round."""

from datetime import datetime

from orchestrator.core.state import CampaignState
from protocols.instants import between
from protocols.number_words import counted
from protocols.step_timing import span


def stop_reason(state: CampaignState, now: datetime | None = None) -> str:
    """Why no more rounds are begun, or nothing; without `now` its time is not looked at."""
    rule, objective = state.campaign.stop, state.campaign.objective
    best, target = state.best, rule.target
    if (
        target is not None
        and best is not None
        and objective.utility(best) >= objective.utility(target)
    ):
        found = state.campaign.outcome.scale.text(best)
        if objective.direction == "match":
            return f"target reached: {found} is as near {objective.target:g} as {target:g}"
        sign = ">=" if objective.direction == "maximise" else "<="
        return f"target reached: {found} {sign} {target:g}"
    if len(state.rounds) >= rule.rounds:
        return f"{counted(rule.rounds, 'round')} done"
    return _budget_reason(state, now)


def _budget_reason(state: CampaignState, now: datetime | None) -> str:
    """Which budget the next round would exceed, or nothing."""
    campaign, rule = state.campaign, state.campaign.stop
    wells = [well for batch in state.rounds for well in batch.wells]
    of_next = campaign.plates.count * campaign.plates.wells_per_plate
    if rule.samples is not None and len(wells) + of_next > rule.samples:
        return f"{len(wells)} of {rule.samples} samples used"
    if rule.time is not None and now and between(state.started_at, now) >= span(rule.time):
        return f"{rule.time} have passed"
    for cost in campaign.costs:
        if cost.name in rule.spend:
            spent = sum(cost(well.proposal.condition.root) for well in wells)
            if spent + of_next * (spent / max(len(wells), 1)) > rule.spend[cost.name]:
                text = f"{spent:g} of {rule.spend[cost.name]:g} {cost.unit}".rstrip()
                return f"{cost.name}: {text} spent, and another round would take more"
    return ""
