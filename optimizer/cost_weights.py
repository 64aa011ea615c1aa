"""Gain per cost: what the expected gain of a condition is divided by."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Condition
from protocols.constraints import Cost

_LEAST = 0.05  # of the highest cost: what is nearly free is not worth any number of wells


class Expense(NamedTuple):
    """A cost of conditions, and the share of its budget that is left, 0..1."""

    cost: Cost
    left: float = 1.0


def expenses(
    costs: Sequence[Cost], budgets: Mapping[str, float], conditions: Sequence[Condition]
) -> list[Expense]:
    """The costs, and what is left of their budgets after conditions that were tried or are planned.

    Args:
        costs: what conditions take.
        budgets: what there is to spend, by the name of a cost; of others everything is left.
        conditions: those that took something already.
    """
    found = []
    for cost in costs:
        budget = budgets.get(cost.name)
        spent = sum(cost(condition.root) for condition in conditions) if budget else 0.0
        found.append(Expense(cost, max(1 - spent / budget, 0.0) if budget else 1.0))
    return found


class CostOptions(BaseModel):
    """How far a strategy weighs costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_cost: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="name of a cost -> 1: gain per cost; 0: the cost does not count; absent: 0",
    )


class CostWeights:
    """Divisors of gains: the product of costs, each to the power of its exponent.

    An exponent of 1 is expected improvement per unit of cost (Snoek, Larochelle and Adams 2012,
    "Practical Bayesian Optimization of Machine Learning Algorithms"). Where the cost has a budget
    the exponent is multiplied by the share of it that is left, so that the last rounds look for the
    best whatever it takes ("cost-cooling": Lee et al. 2020, "Cost-aware Bayesian Optimization").
    Costs are counted in shares of the mean of the lowest and the highest that ranges allow, and are
    at least 5 % of the highest.
    """

    def __init__(
        self, encoding: Encoding, expenses: Sequence[Expense], exponents: Mapping[str, float]
    ) -> None:
        """Of those costs that have an exponent above 0.

        Raises:
            ValueError: an exponent of something that is no cost.
        """
        known = {expense.cost.name: expense for expense in expenses}
        for name in exponents:
            if name not in known:
                expected = ", ".join(known) or "a cost of the campaign: there is none"
                raise ValueError(f"per_cost has {name!r}, which is no cost (expected {expected})")
        self._encoding = encoding
        self._parts = [
            _Part(known[name].cost, power * known[name].left, *_ends(encoding, known[name].cost))
            for name, power in exponents.items()
            if power * known[name].left > 0
        ]

    @classmethod
    def none(cls, encoding: Encoding) -> Self:
        """All costs alike."""
        return cls(encoding, (), {})

    @property
    def alike(self) -> bool:
        """Whether no cost counts, or all conditions take the same."""
        return all(part.low == part.high for part in self._parts)

    def __call__(self, rows: Rows) -> NDArray[np.float64]:
        """By what the gain of permitted rows (n x p) is divided (n), above 0."""
        found = np.ones(len(rows))
        if self.alike or not len(rows):
            return found
        amounts = self._encoding.amounts(rows)
        for part in self._parts:
            cost = part.cost.fixed + sum(
                weight * amounts[name] for name, weight in part.cost.terms.items()
            )
            least, middle = _LEAST * max(part.high, 0.0), (part.low + part.high) / 2
            if middle > 0:
                found *= (np.maximum(cost, least) / middle) ** part.exponent
        return found

    def in_words(self, condition: Condition) -> str:
        """What the condition takes, to be put behind a reason; nothing where costs are alike."""
        if self.alike:
            return ""
        taken = [
            f"{part.cost.name} {part.cost(condition.root):.4g} {part.cost.unit}".rstrip()
            for part in self._parts
        ]
        return f"; weighed by what it takes: {', '.join(taken)}"


class _Part(NamedTuple):
    """A cost, the power to which it counts, and the lowest and highest that ranges allow."""

    cost: Cost
    exponent: float
    low: float
    high: float


def _ends(encoding: Encoding, cost: Cost) -> tuple[float, float]:
    ends = []
    for name, weight in cost.terms.items():
        parameter = encoding.space.by_name[name]
        choices = parameter.choices
        values = parameter.extremes if choices is None else [parameter.amount(v) for v in choices]
        amounts = [weight * float(value) for value in values]
        ends.append((min(amounts), max(amounts)))
    return (
        cost.fixed + sum(low for low, _ in ends),
        cost.fixed + sum(high for _, high in ends),
    )
