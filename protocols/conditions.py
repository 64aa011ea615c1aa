"""Conditions and proposals: one value for every parameter, and the reason why it is to be tried."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

Value = int | float | str
LARGEST = 1e30
"""The largest number of a campaign file, in whatever unit, and minus the lowest one."""
MOST = 1_000
"""The most entries of a list or table of a campaign file that has no other limit."""

Finite = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(10**15), le=10**15)]
Values = Annotated[tuple[Value, ...], Field(max_length=MOST)]

Role = Literal["initial", "standard", "proposed", "control", "requeued", "edited", "chosen"]


class Condition(RootModel[dict[str, Value]]):
    """One value for every parameter of a search space, by parameter name.

    Immutable and hashable.
    """

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, name: str) -> Value:
        return self.root[name]

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # a mapping iterates over its names
        return iter(self.root)

    def __len__(self) -> int:
        return len(self.root)

    def __hash__(self) -> int:
        return hash(frozenset(self.root.items()))

    def agrees_with(self, values: Mapping[str, Value]) -> bool:
        """Whether every parameter that `values` decides has that value here."""
        return all(self.root.get(name) == value for name, value in values.items())

    def __str__(self) -> str:
        return ", ".join(
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.root.items()
        )


class Proposal(BaseModel):
    """A condition to be tried and why.

    `mean` and `sd` are the model's prediction of the objective for this condition (the sd is that
    of the true value, without measurement noise); both are absent where no model was asked: initial
    design, standard, first controls. `gain` is by how much the optimiser expects it to raise the
    best true value of all that was tried or proposed before it.
    """

    model_config = ConfigDict(frozen=True)

    condition: Condition
    role: Role
    reason: str
    mean: float | None = None
    sd: float | None = None
    gain: float | None = None


class Observation(BaseModel):
    """The value of the objective that one well gave for a condition.

    `flags` say why it may not be trusted. `outcomes` are the values of further outcomes, by name,
    where there are several objectives or constraints on outcomes. Where it is known, `plate` is the
    number of the plate within its round, `edge` whether its well is on the rim of the plate, and
    `covariates` what was recorded of the well by name: a number, or the label of a category.
    `study` is the name of the similar experiment that it is of; empty: of this one.
    """

    model_config = ConfigDict(frozen=True)

    condition: Condition
    value: float | None
    round: int
    flags: tuple[str, ...] = ()
    outcomes: Mapping[str, float | None] = Field({}, exclude_if=lambda it: not it)
    plate: int | None = Field(None, exclude_if=lambda it: it is None)
    edge: bool | None = Field(None, exclude_if=lambda it: it is None)
    covariates: Mapping[str, float | str] = Field({}, exclude_if=lambda it: not it)
    study: str = Field("", exclude_if=lambda it: not it)

    def __hash__(self) -> int:
        return hash((self.condition, self.value, self.round, self.flags))

    def of(self, outcome: str | None) -> Self:
        """The observation whose value is that of another outcome; of None it is the same."""
        if outcome is None:
            return self
        changed: dict[str, object] = {"value": self.outcomes.get(outcome), "outcomes": {}}
        return self.model_copy(update=changed)

    @property
    def usable(self) -> bool:
        """Whether it is a value of this experiment that may be trusted."""
        return self.sound and not self.study

    @property
    def sound(self) -> bool:
        """Whether it has a finite value and no flags, of whichever experiment."""
        return self.value is not None and math.isfinite(self.value) and not self.flags
