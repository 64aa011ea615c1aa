"""The search space: parameters, constraints between them, and what the well decides."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import Condition, Value
from protocols.constraints import Constraint, Cost, ForbiddenCombination
from protocols.errors import Finding, Loc, duplicate_names, refuse
from protocols.parameters import Parameter


class SearchSpace(BaseModel):
    """The parameters of a campaign, each with another name, and what may not come together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: tuple[Parameter, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(duplicate_names(self.parameters, "parameters"))
        refuse(list(constraint_findings(self.parameters, self.constraints)))
        return self

    def __hash__(self) -> int:
        return hash(tuple(parameter.name for parameter in self.parameters))

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether every constraint holds for a condition whose values are allowed one by one."""
        return all(constraint.permits(values) for constraint in self.constraints)

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
        return Condition(
            {
                parameter.name: value
                for parameter in self.parameters
                if (value := decided.get(parameter.name, parameter.standard)) is not None
            }
        )

    def standard_fits(self, decided: Mapping[str, Value]) -> bool:
        """Whether there is a standard condition, and it fits a well that decides `decided`."""
        agrees = all(
            self.by_name[name].standard is None or self.by_name[name].standard == value
            for name, value in decided.items()
        )
        condition = self.standard(decided).root
        return agrees and len(condition) == len(self.parameters) and self.permits(condition)

    def snap(self, values: Mapping[str, Value]) -> Condition | None:
        """The condition of `values`, on exact levels; None if one is missing or not allowed."""
        snapped: dict[str, Value] = {}
        for parameter in self.parameters:
            value = parameter.snap(values[parameter.name]) if parameter.name in values else None
            if value is None:
                return None
            snapped[parameter.name] = value
        return Condition(snapped)

    @property
    def size(self) -> float:
        """How many conditions there are; infinite with a continuous parameter."""
        choices = (parameter.choices for parameter in self.parameters)
        return math.prod(math.inf if allowed is None else len(allowed) for allowed in choices)


def constraint_findings(
    parameters: Sequence[Parameter], constraints: Sequence[Constraint]
) -> Iterator[Finding]:
    """What is wrong between parameters and constraints: names, values, a forbidden standard."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, constraint in enumerate(constraints):
        wrong = list(_term_findings(constraint, by_name, ("constraints", index)))
        yield from wrong
        standard = {} if wrong else {name: by_name[name].standard for name in constraint.names}
        known = {name: value for name, value in standard.items() if value is not None}
        if known and known == standard and not constraint.permits(known):
            message = f"the standard condition is not permitted ({constraint})"
            yield Finding(
                loc=("constraints", index), message=message, expected="a constraint that it meets"
            )


def cost_findings(parameters: Sequence[Parameter], costs: Sequence[Cost]) -> Iterator[Finding]:
    """What is wrong between parameters and costs: unknown names, categories in a sum."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, cost in enumerate(costs):
        yield from _term_findings(cost, by_name, ("costs", index))


def _term_findings(
    bound: Constraint | Cost, by_name: Mapping[str, Parameter], place: Loc
) -> Iterator[Finding]:
    forbidden = bound.when if isinstance(bound, ForbiddenCombination) else {}
    summed = {} if isinstance(bound, ForbiddenCombination) else bound.terms
    for name in sorted([*forbidden, *summed]):
        parameter = by_name.get(name)
        loc: Loc = (*place, "terms" if summed else "when", name)
        if parameter is None:
            message = f"{name!r} is not a parameter of this campaign"
            yield Finding(loc=loc, message=message, expected="one of " + ", ".join(by_name))
        elif summed and not parameter.numeric:
            yield Finding(
                loc=loc,
                message=f"{name!r} is a category, which cannot be summed",
                expected="a number",
            )
        for value in forbidden.get(name, ()):
            # A text that only looks like the level would forbid nothing.
            if parameter is not None and parameter.snap(value) != value:
                yield Finding(
                    loc=loc,
                    message=f"{value!r} is not allowed for {name!r}",
                    expected=parameter.allowed,
                )
