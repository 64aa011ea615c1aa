"""The campaign: search space, protocol, plates, outcomes, rounds and robots of one study."""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from protocols.campaign_checks import cross_findings
from protocols.campaign_parts import (
    Parts,
    PastResults,
    RobotConfig,
    RoundPlan,
    StopRule,
    StrategyChoice,
)
from protocols.computed import bases, in_order
from protocols.conditions import MOST, Condition, Value
from protocols.confirmation_plan import ConfirmationPlan
from protocols.constraints import Constraint, Cost
from protocols.covariates import Covariate
from protocols.earlier_form import SCHEMA as EARLIER_SCHEMA
from protocols.earlier_form import in_new_form
from protocols.errors import duplicate_names, refuse
from protocols.operations import OPERATIONS
from protocols.outcomes import ObjectiveChoice, Outcome, OutcomeConstraint
from protocols.parameters import Name, Parameter
from protocols.plates import Plates
from protocols.protocol import Protocol
from protocols.search_space import SearchSpace


class Campaign(BaseModel):
    """One optimisation study, as its campaign file says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
    title: str = ""
    seed: int = Field(0, ge=0, le=2**63 - 1)
    start: date | Literal["now"] | None = Field(
        None,
        description="first day of round 1; the day of the launch if absent; `now`: each round "
        "begins as soon as it is planned",
    )
    outcomes: tuple[Outcome, ...] = Field(
        min_length=1, max_length=MOST, description="named values of each well"
    )
    objectives: tuple[ObjectiveChoice, ...] = Field(
        min_length=1,
        max_length=MOST,
        description="outcomes that are to be high, low, or near a target",
    )
    outcome_constraints: tuple[OutcomeConstraint, ...] = Field(
        (), max_length=MOST, description="outcomes that are to be kept within bounds"
    )
    parameters: tuple[Parameter, ...] = Field(min_length=1, max_length=MOST)
    covariates: tuple[Covariate, ...] = Field(
        (),
        max_length=MOST,
        description="what is recorded of wells but not chosen",
        exclude_if=lambda it: not it,
    )
    constraints: tuple[Constraint, ...] = Field(
        (), max_length=MOST, description="what may not come together"
    )
    costs: tuple[Cost, ...] = Field(
        (),
        max_length=MOST,
        description="what a condition takes and should be low, in addition to the objective",
    )
    protocol: Protocol
    plates: Plates
    rounds: RoundPlan
    stop: StopRule
    strategy: StrategyChoice | None = Field(
        None,
        description="what proposes the batches; the default strategy if absent",
        exclude_if=lambda it: it is None,
    )
    robots: dict[Name, RobotConfig] = Field(min_length=1, max_length=MOST)
    past_results: PastResults = PastResults()
    confirmation: ConfirmationPlan | None = Field(
        None,
        description="how the chosen conditions are compared; the last of them is the control",
        exclude_if=lambda it: it is None,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Either form: outcomes and objectives, or an objective with measurements."""
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"] |= EARLIER_SCHEMA
        now = ["outcomes", "objectives"]
        schema["required"] = [name for name in schema["required"] if name not in now]
        schema["anyOf"] = [
            {"required": now},
            {"not": {"anyOf": [{"required": [name]} for name in now]}},
        ]
        return schema

    @model_validator(mode="before")
    @classmethod
    def _from_earlier_form(cls, given: Any) -> Any:
        return in_new_form(given)

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = Parts(
            parameters=tuple(enumerate(self.parameters)),
            covariates=self.covariates,
            outcomes=self.outcomes,
            objectives=self.objectives,
            outcome_constraints=self.outcome_constraints,
            constraints=self.constraints,
            costs=self.costs,
            steps=tuple(enumerate(self.protocol.steps)),
            plates=self.plates,
            rounds=self.rounds,
            stop=self.stop,
            robots=self.robots,
            past_results=self.past_results,
            start=self.start,
            confirmation=self.confirmation,
        )
        refuse(duplicate_names(self.parameters, "parameters") + list(cross_findings(parts)))
        return self

    @cached_property
    def space(self) -> SearchSpace:
        """The parameters as a search space."""
        return SearchSpace(parameters=self.parameters, constraints=self.constraints)

    @cached_property
    def standards(self) -> tuple[Condition, ...]:
        """The standard condition for each set of values that wells of round 1 decide for it."""
        fitting = (values for values in self.decided_values(1) if self.space.standard_fits(values))
        return tuple(dict.fromkeys(self.space.standard(values) for values in fitting))

    @property
    def starts_at_once(self) -> bool:
        """Whether each round begins as soon as it is planned."""
        return self.start == "now"

    @property
    def first_rounds(self) -> int:
        """Over how many rounds the initial design is spread: one, where it fills a round."""
        wells = self.plates.count * self.plates.wells_per_plate
        return max(1, self.rounds.first.wells // wells)

    @property
    def objective(self) -> ObjectiveChoice:
        """What is wanted of the outcome that the optimiser improves."""
        return self.objectives[0]

    @property
    def outcome(self) -> Outcome:
        """The outcome that the optimiser improves."""
        return next(found for found in self.outcomes if found.name == self.objective.outcome)

    @property
    def measurements(self) -> tuple[Outcome, ...]:
        """The other outcomes; the optimiser uses those that are `further` wanted."""
        return tuple(found for found in self.outcomes if found.name != self.outcome.name)

    @property
    def several(self) -> bool:
        """Whether there are several objectives, or constraints on outcomes."""
        return len(self.objectives) > 1 or bool(self.outcome_constraints)

    @property
    def further(self) -> tuple[Outcome, ...]:
        """The outcomes beside the first objective's that are wanted or constrained."""
        wanted = [objective.outcome for objective in self.objectives[1:]]
        named = {*wanted, *(rule.outcome for rule in self.outcome_constraints)}
        return tuple(found for found in self.measurements if found.name in named)

    def scored(self, measurement: str) -> Outcome:
        """The measurement with this name, or the objective's outcome if there is none."""
        return next(
            (found for found in self.measurements if found.name == measurement), self.outcome
        )

    @cached_property
    def computed(self) -> tuple[Outcome, ...]:
        """The outcomes that are computed, each behind those that it is computed from."""
        return in_order(self.outcomes)

    @cached_property
    def awaited(self) -> tuple[Outcome, ...]:
        """The outcomes that the optimiser needs and no step reads: wells wait for a person."""
        reading = [
            step.name
            for step in self.protocol.steps
            if any(OPERATIONS[operation.do].reads for operation in step.operations)
        ]
        read = {outcome.name for step in reading for outcome in self.outcomes_read_in(step)}
        own = (base for base in bases(self.outcome, self.outcomes) if base.name not in read)
        others = (
            base
            for outcome in self.further
            for base in bases(outcome, self.outcomes)
            if base.by_hand
        )
        return tuple({base.name: base for base in (*own, *others)}.values())

    def outcomes_read_in(self, step: str) -> tuple[Outcome, ...]:
        """The outcomes that a step's readings are of; none if they are only kept."""
        read = [found for found in self.outcomes if found.derived]
        named = tuple(found for found in read if found.step == step)
        return named or tuple(found for found in read if found.step is None)

    def decided_values(self, round_number: int) -> tuple[dict[str, Value], ...]:
        """What each well of a round decides, in the order of `plates.all_wells()`."""
        return tuple(
            self.space.decided_values(round_number, well.number, well.plate)
            for well in self.plates.all_wells()
        )
