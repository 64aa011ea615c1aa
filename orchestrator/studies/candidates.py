"""The conditions that a person names for a comparison."""

from collections.abc import Mapping, Sequence

from orchestrator.core.state import CampaignState
from orchestrator.studies.best_conditions import best_conditions
from protocols.addresses import WellAddress
from protocols.conditions import Condition, Value
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.recommendations import Recommendation
from protocols.search_space import SearchSpace

RECOMMENDED = "recommended"
Named = str | Mapping[str, Value]


def one_objective(state: CampaignState) -> None:
    """Refuse a campaign of several objectives, of which no comparison is planned."""
    if len(state.campaign.objectives) > 1:
        raise WellwiseError(
            f"{state.id} has several objectives, and no condition is the best of all: choose one "
            "of the Pareto front (wellwise show), and write it into a campaign file of one "
            "objective as a chosen condition"
        )


def recommendation(state: CampaignState) -> Recommendation:
    """What the model recommends.

    Raises:
        WellwiseError: the campaign has too few results, or several objectives.
    """
    one_objective(state)
    best = best_conditions(state).recommended
    if best is None:
        raise WellwiseError(
            f"{state.id} has no recommendation yet: confirm a campaign that has results"
        )
    return best


def candidates_of(state: CampaignState, named: Sequence[Named]) -> list[Condition]:
    """The conditions that are meant, in their order, on exact levels.

    Args:
        state: the campaign whose conditions they are.
        named: `recommended`, a well (`rpe/r1/p3/B2`) for what was in it, or a value for each
            parameter that the condition needs.

    Raises:
        InvalidInput: there is no such well, a value is missing or not allowed, or two are the same.
    """
    found: dict[Condition, Named] = {}
    for one in named:
        condition = _condition(state, one)
        if condition in found:
            message = f"is the same condition as {found[condition]}"
            expected = "each candidate once"
            raise InvalidInput([Problem(where=str(one), message=message, expected=expected)])
        found[condition] = one
    return list(found)


def _condition(state: CampaignState, named: Named) -> Condition:
    space = state.campaign.space
    if not isinstance(named, str):
        return _of_values(space, named, ", ".join(f"{name}={v}" for name, v in named.items()))
    if named == RECOMMENDED:
        return recommendation(state).condition
    place = WellAddress.parse(named)
    for batch in state.rounds:
        for well in batch.wells:
            if place == (state.id, batch.number, well.well.plate, well.well.name):
                return _of_values(space, well.proposal.condition.root, named)
    raise InvalidInput(
        [Problem(where=named, message="is no well of it", expected=f"a planned well of {state.id}")]
    )


def _of_values(space: SearchSpace, values: Mapping[str, Value], where: str) -> Condition:
    condition = space.snap(values)
    unknown = ", ".join(name for name in values if name not in space.by_name)
    if condition is not None and not unknown:
        if space.permits(condition.root):
            return condition
        message, expected = "is forbidden by a constraint", "a condition that all of them permit"
        raise InvalidInput([Problem(where=where, message=message, expected=expected)])
    wrong = [
        f"{parameter.name}: {parameter.allowed}"
        for parameter in space.parameters
        if parameter.name not in values or parameter.snap(values[parameter.name]) is None
    ]
    message = f"has no parameter {unknown}" if unknown else "is not a condition of this campaign"
    expected = "; ".join(wrong) or ", ".join(space.by_name)
    raise InvalidInput([Problem(where=where, message=message, expected=expected)])
