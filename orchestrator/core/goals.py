"""What a campaign wants of its outcomes, as the optimiser takes it. Pure."""

from optimizer.objective import Goals, Objective, OutcomeBounds
from protocols.campaign import Campaign


def goals_of(campaign: Campaign) -> Goals:
    """Objectives and constraints; the first objective's outcome is an observation's own value."""
    own = campaign.outcome.name

    def name_of(outcome: str) -> str | None:
        return None if outcome == own else outcome

    return Goals(
        tuple(
            Objective.of(wanted.direction, wanted.target, name_of(wanted.outcome), wanted.threshold)
            for wanted in campaign.objectives
        ),
        tuple(
            OutcomeBounds.of(name_of(rule.outcome), rule.at_least, rule.at_most)
            for rule in campaign.outcome_constraints
        ),
    )
