"""What to try next: the optimiser's main function."""

import math
from collections.abc import Mapping, Sequence

from optimizer.cost_weights import Expense
from optimizer.objective import MAXIMISE, Goals, Objective
from optimizer.strategy import Request, SeveralOutcomes
from optimizer.strategy_registry import make_strategy, several_expected
from protocols.campaign_parts import StrategyChoice
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.search_space import SearchSpace


def propose(
    space: SearchSpace,
    observations: Sequence[Observation],
    positions: Sequence[Mapping[str, Value]] | None = None,
    number: int = 1,
    seed: int = 0,
    pending: Sequence[Condition] = (),
    replicates: int = 1,
    rough: bool = False,
    strategy: StrategyChoice | str | None = None,
    objective: Objective | Goals = MAXIMISE,
    costs: Sequence[Expense] = (),
    among: Sequence[Condition] = (),
) -> list[Proposal]:
    """Conditions to try next, one for each position, chosen together as a batch.

    A condition that was observed, is pending or was proposed is not proposed again while its
    position allows others; where it is, its reason says so.

    Examples:
        >>> from protocols.parameters import ContinuousParameter, SteppedParameter
        >>> from protocols.search_space import SearchSpace
        >>> space = SearchSpace(parameters=(
        ...     ContinuousParameter(
        ...         name="dose", step="A", kind="continuous", low=1, high=100, scale="log",
        ...         standard=10),
        ...     SteppedParameter(
        ...         name="days", step="A", kind="stepped", levels=(1, 2, 3, 4), standard=2)))
        >>> first = propose(space, [], number=6, seed=1)
        >>> measured = [
        ...     Observation(condition=p.condition, value=p.condition["days"] / 4, round=1)
        ...     for p in first]
        >>> second = propose(
        ...     space, measured, positions=[{"days": 4}, {"days": 4}, {}], number=3, seed=1)
        >>> [proposal.condition["days"] for proposal in second][:2], second[0].role
        ([4.0, 4.0], 'proposed')

    Args:
        space: the parameters, what each of them allows, and the constraints between them.
        observations: what is known so far; failed wells are absent, flagged ones are left out.
            With fewer than two usable ones the answer is an initial design, spread evenly over
            the permitted conditions.
        positions: for each proposal the values that its well already decides, by parameter name;
            None: nothing.
        number: how many proposals; as many as there are positions.
        seed: the same arguments give the same proposals.
        pending: conditions that are under way or planned in addition to the proposals: they count
            as chosen already.
        replicates: in how many positions each condition is to be tried, 1 or more; fewer where not
            enough positions are alike.
        rough: about a quarter of the work, for campaigns that are only simulated.
        strategy: what chooses the conditions, by its name, or with options; None: the default.
        objective: whether values are to be high, low or near a target; or several objectives, and
            constraints on outcomes.
        costs: what conditions take; strategies regard them as far as their options say so.
        among: the only conditions that there are, such as those of a table or on a shelf; empty
            where all that the space permits may be tried.

    Returns: `number` proposals in the order of `positions`, each with its reason, and once a model
        was fitted also with the predicted mean and sd of the true value and the expected gain, in
        the unit of the objective; of several objectives mean and sd are of the first, and the gain
        is that of the hypervolume.

    Raises:
        ValueError: `number` and `positions` disagree, a value is not allowed, `replicates` is below
            1, no condition meets the constraints, or the strategy takes only one objective.
        LookupError: there is no such strategy.
        ValidationError: the strategy does not take these options.
    """
    positions = [{}] * number if positions is None else positions
    if len(positions) != number:
        raise ValueError(f"{number} proposals were asked for {len(positions)} positions")
    if replicates < 1:
        raise ValueError(f"{replicates} replicates (expected 1 or more)")
    if number == 0:
        return []
    groups = _replicate_groups(positions, replicates)
    request = Request(
        space=space,
        observations=tuple(observations),
        positions=tuple(_checked(space, positions[group[0]]) for group in groups),
        pending=tuple(pending),
        seed=seed,
        goals=Goals.of(objective),
        rough=rough,
        costs=tuple(costs),
        among=tuple(among),
    )
    chosen = make_strategy(strategy)
    if not request.goals.plain and not isinstance(chosen, SeveralOutcomes):
        raise ValueError(
            "the strategy takes one objective, without constraints on outcomes (expected "
            f"{several_expected()})"
        )
    distinct = chosen.propose(request)
    _refuse_wrong(request, distinct)
    distinct = _repetitions_said(request, distinct)
    proposals: dict[int, Proposal] = {}
    for proposal, group in zip(distinct, groups, strict=True):
        for replicate, position in enumerate(group):
            proposals[position] = _as_replicate(proposal, replicate, len(group))
    return [proposals[position] for position in range(number)]


def _replicate_groups(positions: Sequence[Mapping[str, Value]], replicates: int) -> list[list[int]]:
    """Groups of up to `replicates` indices of positions that decide the same values."""
    groups: list[list[int]] = []
    latest: dict[frozenset[tuple[str, Value]], list[int]] = {}
    for index, values in enumerate(positions):
        decided = frozenset(values.items())
        if decided not in latest or len(latest[decided]) == replicates:
            latest[decided] = []
            groups.append(latest[decided])
        latest[decided].append(index)
    return groups


def _as_replicate(proposal: Proposal, replicate: int, count: int) -> Proposal:
    """The proposal as replicate 0..`count` - 1 of its condition."""
    if count == 1:
        return proposal
    changes: dict[str, object] = {
        "reason": f"{proposal.reason}; replicate {replicate + 1} of {count}"
    }
    if replicate and proposal.gain is not None:
        # The first replicate has the whole expected gain, so that gains add up to the batch's.
        changes["gain"] = 0.0
    return proposal.model_copy(update=changes)


def _checked(space: SearchSpace, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The values that a position decides.

    Raises:
        ValueError: of another parameter, or not allowed.
    """
    for name, value in values.items():
        parameter = space.by_name.get(name)
        if parameter is None:
            known = ", ".join(space.by_name)
            raise ValueError(
                f"a position decides {name!r}, which is no parameter (expected {known})"
            )
        if not parameter.allows(value):
            raise ValueError(f"{name}={value} is not allowed (expected {parameter.allowed})")
    return values


def _refuse_wrong(request: Request, proposals: Sequence[Proposal]) -> None:
    """Keep what a strategy of somebody else's got wrong away from the robots.

    Raises:
        ValueError: a proposal is missing, not allowed, or not what its position decides.
    """
    if len(proposals) != len(request.positions):
        expected = len(request.positions)
        raise ValueError(f"the strategy made {len(proposals)} proposals (expected {expected})")
    among = set(request.among)
    for proposal, values in zip(proposals, request.positions, strict=True):
        condition = proposal.condition
        snapped = request.space.snap(condition.root)
        if snapped is None or not request.space.permits(condition.root):
            raise ValueError(f"the strategy proposed {condition}, which is not permitted")
        if request.among and condition not in among:
            raise ValueError(f"the strategy proposed {condition}, which is not among those given")
        if not all(_same(request.space, name, condition[name], values[name]) for name in values):
            raise ValueError(
                f"the strategy proposed {condition} for a position that decides {dict(values)}"
            )


def _repetitions_said(request: Request, proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals, with a word in the reason of those whose condition was tried or chosen."""
    seen = {observation.condition for observation in request.observations if not observation.study}
    seen |= set(request.pending)
    found = []
    for proposal in proposals:
        if proposal.condition in seen:
            reason = f"{proposal.reason}; once more: no condition is left that was not tried"
            proposal = proposal.model_copy(update={"reason": reason})
        seen.add(proposal.condition)
        found.append(proposal)
    return found


def _same(space: SearchSpace, name: str, one: Value, other: Value) -> bool:
    """Whether two values of a parameter are the same, numbers to five significant digits."""
    first, second = (space.by_name[name].snap(value) for value in (one, other))
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-5, abs_tol=1e-12)
    return first == second
