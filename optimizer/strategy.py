"""The contract of a strategy: what turns observations into proposals.

A strategy is a class that an installed package announces under the entry point group
`wellwise.strategies`:

    [project.entry-points."wellwise.strategies"]
    my-strategy = "my_package:MyStrategy"

A campaign then names it: `strategy: my-strategy`, or `strategy: {name: my-strategy, options:
{...}}`. `optimizer.strategy_conformance` checks that it keeps the contract.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from optimizer.cost_weights import Expense
from optimizer.encoding import Encoding
from optimizer.listed import encoding_of
from optimizer.objective import ONE_HIGH, Goals, Objective, OutcomeName
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.search_space import SearchSpace


@dataclass(frozen=True)
class Request:
    """What a strategy is asked: one proposal for each position, chosen together as a batch.

    `positions` say what each position decides, by parameter name. `observations` are all that is
    known, flagged and failed wells included; only those that are `usable` may be learnt from.
    `pending` conditions are under way or planned already. `rough` asks for less work, for campaigns
    that are only simulated. `costs` are what conditions take, beside the goals. `among` are the
    only conditions that may be proposed; empty where the whole space may be. All values are allowed
    and in their parameters' units, the outcomes' are in their own, on any scale.
    """

    space: SearchSpace
    observations: tuple[Observation, ...]
    positions: tuple[Mapping[str, Value], ...]
    pending: tuple[Condition, ...] = ()
    seed: int = 0
    goals: Goals = ONE_HIGH
    rough: bool = False
    costs: tuple[Expense, ...] = ()
    among: tuple[Condition, ...] = ()

    @cached_property
    def encoding(self) -> Encoding:
        """Rows and features of what may be proposed."""
        return encoding_of(self.space, self.among)

    @property
    def objective(self) -> Objective:
        """The objective, or the first of several."""
        return self.goals.objectives[0]

    @property
    def usable(self) -> tuple[Observation, ...]:
        """The observations that may be learnt from."""
        return tuple(observation for observation in self.observations if observation.usable)

    def usable_of(self, outcome: OutcomeName) -> tuple[Observation, ...]:
        """The observations of one outcome that may be learnt from."""
        found = (observation.of(outcome) for observation in self.observations)
        return tuple(observation for observation in found if observation.usable)

    @property
    def fewest(self) -> int:
        """How many usable values there are of the outcome that has the fewest."""
        return min(len(self.usable_of(outcome)) for outcome in self.goals.outcomes)

    @property
    def learnt(self) -> bool:
        """Whether there are two usable values or more of each outcome, and not all are equal.

        Values that are all equal say nothing of how an outcome varies; a model that is fitted to
        them is sure of them everywhere.
        """
        spread = (
            np.ptp([observation.value or 0.0 for observation in self.usable_of(outcome)])
            for outcome in self.goals.outcomes
        )
        return self.fewest >= 2 and any(width > 0 for width in spread)


class Strategy(Protocol):
    """Proposes batches; the same request always gets the same answer."""

    Options: ClassVar[type[BaseModel]]
    """What a campaign may set: a pydantic model that forbids unknown keys; each has a default."""

    def __init__(self, options: Any) -> None:
        """With an instance of `Options`."""

    def propose(self, request: Request) -> list[Proposal]:
        """One proposal for each position, in their order, each with its reason.

        Each condition is allowed, meets the constraints and has the values that its position
        decides. None was observed, is pending or is proposed twice while its position allows
        others. Where a model was fitted, `mean`, `sd` and `gain` are in the unit of the objective.

        Raises:
            ValueError: no condition meets the constraints in a position.
        """
        ...


@runtime_checkable
class Recommending(Protocol):
    """A strategy with a recommendation of its own."""

    def recommend(self, request: Request) -> Condition:
        """The condition to use from now on; the request has one or more usable observations."""
        ...


@runtime_checkable
class SeveralOutcomes(Protocol):
    """A strategy that takes several objectives, and constraints on outcomes."""

    several_outcomes: ClassVar[Literal[True]]


def predicted(
    conditions: Sequence[Condition],
    reasons: Iterable[str],
    means: Iterable[float],
    sds: Iterable[float],
    gains: Iterable[float | None] = repeat(None),
) -> list[Proposal]:
    """Proposals with their predictions, to five digits: finer than wells are read, on any scale."""
    return [
        Proposal(
            condition=condition,
            role="proposed",
            reason=reason,
            mean=float(f"{mean:.5g}"),
            sd=float(f"{sd:.5g}"),
            gain=None if gain is None else float(f"{gain:.5g}"),
        )
        for condition, reason, mean, sd, gain in zip(conditions, reasons, means, sds, gains)  # noqa: B905
    ]


class NoOptions(BaseModel):
    """Of a strategy that has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")
