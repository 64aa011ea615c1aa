"""BoTorch's acquisition functions for a campaign's goals."""

from collections.abc import Callable

import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.sampling import MCSampler

from optimizer.hypervolume import reference_point
from optimizer.objective import Goals
from optimizer.strategies.plain import PlainModel
from optimizer.strategy import Request

Utilities = Callable[..., torch.Tensor]

# BoTorch would compile a kernel for this very machine when it is first asked: another machine would
# propose other conditions, and a compilation that is killed leaves a lock for which every later
# process waits for ever.
logei._load_attempted = True


def noisy_improvement(
    plain: PlainModel, request: Request, sampler: MCSampler
) -> AcquisitionFunction:
    """QLogNEI (Ament et al. 2023) of one objective, qLogNEHVI of several (Daulton et al. 2021).

    Constraints on outcomes enter as their probability; pending conditions count as chosen.
    """
    goals = request.goals
    pending = plain.tensor(plain.encoding.rows(request.pending)) if request.pending else None
    utilities = _utilities(goals)
    if len(goals.objectives) == 1:
        return qLogNoisyExpectedImprovement(
            plain.model,
            plain.observed,
            sampler=sampler,
            objective=GenericMCObjective(lambda values, X=None: utilities(values)[..., 0]),  # noqa: N803
            constraints=_constraints(goals),
            prune_baseline=True,
            X_pending=pending,
        )
    with torch.no_grad():
        tried = utilities(plain.model.posterior(plain.observed).mean)
    return qLogNoisyExpectedHypervolumeImprovement(
        plain.model,
        reference_point(tried, goals),
        plain.observed,
        sampler=sampler,
        objective=GenericMCMultiOutputObjective(utilities),
        constraints=_constraints(goals),
        prune_baseline=True,
        X_pending=pending,
    )


def _utilities(goals: Goals) -> Utilities:
    """Outcomes (... x k) -> utilities of the objectives (... x m)."""
    columns = [(goals.outcomes.index(wanted.outcome), wanted) for wanted in goals.objectives]

    # The name X is BoTorch's.
    def utilities(values: torch.Tensor, X: object = None) -> torch.Tensor:  # noqa: N803
        return torch.stack([wanted.utility(values[..., at]) for at, wanted in columns], dim=-1)

    return utilities


def _constraints(goals: Goals) -> list[Callable[[torch.Tensor], torch.Tensor]] | None:
    """Outcomes (... x k) -> at most 0 where a constraint is met, one function a constraint."""

    def excess(index: int) -> Callable[[torch.Tensor], torch.Tensor]:
        rule = goals.constraints[index]
        at = goals.outcomes.index(rule.outcome)

        def broken(values: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = rule.excess(values[..., at])
            return found

        return broken

    return [excess(index) for index in range(len(goals.constraints))] or None
