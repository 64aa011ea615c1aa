"""The search space: parameters, constraints between them, and what the well decides."""

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import Condition, Value
from protocols.constraints import BaseConstraint, Constraint
from protocols.errors import duplicate_names, refuse
from protocols.parameters import Parameter
from protocols.space_checks import constraint_findings, when_findings


class SearchSpace(BaseModel):
    """The parameters of a campaign, each with another name, and what may not come together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: tuple[Parameter, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(duplicate_names(self.parameters, "parameters"))
        refuse(list(when_findings(self.parameters)))
        refuse(list(constraint_findings(self.parameters, self.constraints)))
        return self

    def __hash__(self) -> int:
        return hash(tuple(parameter.name for parameter in self.parameters))

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether every constraint holds for a condition whose values are allowed one by one."""
        return self.broken(values) is None

    def broken(self, values: Mapping[str, Value]) -> BaseConstraint | None:
        """The first constraint that does not hold for a condition."""
        amounts = self.amounts(values)
        return next(
            (
                rule
                for rule in self.constraints
                if not rule.permits(amounts if rule.summed else values)
            ),
            None,
        )

    def amounts(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What the values of a condition count in sums, by parameter name."""
        return {
            parameter.name: parameter.amount(values[parameter.name])
            for parameter in self.parameters
            if parameter.has_order and parameter.name in values
        }

    def active(self, values: Mapping[str, Value]) -> tuple[Parameter, ...]:
        """The parameters that a condition with these values has; parents come before them."""
        known: dict[str, Value] = {}
        found = []
        for parameter in self.parameters:
            if parameter.active(known):
                found.append(parameter)
                if parameter.name in values:
                    known[parameter.name] = values[parameter.name]
        return tuple(found)

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Parameters by name, in the order of the file."""
        return {parameter.name: parameter for parameter in self.parameters}

    @property
    def decided(self) -> tuple[Parameter, ...]:
        """The parameters that the well decides."""
        return tuple(
            parameter for parameter in self.parameters if parameter.decided_by_well is not None
        )

    @property
    def one_a_plate(self) -> tuple[Parameter, ...]:
        """The parameters that have one value a plate, whichever is proposed."""
        return tuple(parameter for parameter in self.parameters if parameter.varies == "plate")

    def decided_values(self, round_number: int, well: int, plate: int = 1) -> dict[str, Value]:
        """What a well (in processing order) of a plate of a round, all from 1, decides."""
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            if parameter.decided_by_well is not None:
                value = parameter.decided_by_well.value(round_number, well, plate)
                snapped = parameter.snap(value)
                found[parameter.name] = value if snapped is None else snapped
        return found

    def standard(self, decided: Mapping[str, Value]) -> Condition:
        """The standard condition in a well that decides `decided`; without what has no standard."""
        values = {
            parameter.name: value
            for parameter in self.parameters
            if (value := decided.get(parameter.name, parameter.standard)) is not None
        }
        active = {parameter.name for parameter in self.active(values)}
        return Condition({name: value for name, value in values.items() if name in active})

    def standard_fits(self, decided: Mapping[str, Value]) -> bool:
        """Whether there is a standard condition, and it fits a well that decides `decided`."""
        agrees = all(
            self.by_name[name].standard is None or self.by_name[name].standard == value
            for name, value in decided.items()
        )
        condition = self.standard(decided).root
        complete = len(condition) == len(self.active(condition))
        return agrees and complete and self.permits(condition)

    def snap(self, values: Mapping[str, Value]) -> Condition | None:
        """The condition of `values`, on exact levels; None if one is missing or not allowed.

        Values of parameters that are not active are left out.
        """
        return self._condition(values, lambda parameter, value: parameter.snap(value))

    def observed(self, values: Mapping[str, Value]) -> Condition | None:
        """The condition of `values` as it was measured; None where a model cannot learn from it.

        Unlike that of `snap` it may have numbers between levels or outside of a range.
        """
        return self._condition(values, lambda parameter, value: parameter.observed(value))

    def completed(self, condition: Condition) -> Condition:
        """A condition from before some parameters were added, with what they were until then."""
        added = {
            parameter.name: parameter.so_far
            for parameter in self.active(condition.root)
            if parameter.so_far is not None and parameter.name not in condition.root
        }
        return Condition(condition.root | added) if added else condition

    def _condition(
        self,
        values: Mapping[str, Value],
        taken: Callable[[Parameter, Value], Value | None],
    ) -> Condition | None:
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            if not parameter.active(found):
                continue
            given = values.get(parameter.name)
            value = None if given is None else taken(parameter, given)
            if value is None:
                return None
            found[parameter.name] = value
        return Condition(found)

    def shares(self, condition: Condition) -> list[float]:
        """Where each value lies between its parameter's extremes, 0..1; 0.5 if not active."""
        return [
            parameter.to_unit_interval(condition[parameter.name])
            if parameter.name in condition.root
            else 0.5
            for parameter in self.parameters
        ]

    @property
    def size(self) -> float:
        """How many conditions there are at most; infinite with a continuous parameter."""
        choices = (parameter.choices for parameter in self.parameters)
        return math.prod(math.inf if allowed is None else len(allowed) for allowed in choices)
