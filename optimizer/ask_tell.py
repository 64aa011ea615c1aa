"""Ask and tell: the optimiser in a script or a notebook, without a campaign."""

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter

from optimizer import study_figures
from optimizer.cost_weights import expenses
from optimizer.cross_validation import cross_validate
from optimizer.fitting import predict
from optimizer.hypervolume import hypervolumes
from optimizer.objective import Objective
from optimizer.pareto import pareto_front
from optimizer.proposing import propose
from optimizer.recommendation import recommend
from optimizer.sensitivity import effects
from optimizer.shorthand import (
    Allowed,
    Ends,
    Wanted,
    goals_of,
    label_of,
    number_of,
    parameter_of,
    table_rows,
)
from optimizer.strategy_registry import per_cost_findings
from protocols.campaign_parts import StrategyChoice
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.constraints import Constraint, Cost
from protocols.recommendations import FrontPoint, Prediction, Recommendation
from protocols.search_space import SearchSpace
from protocols.space_checks import cost_findings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_FORMAT = 1


class Optimizer:
    """Proposes conditions, is told what they gave, and says what is best.

    >>> optimizer = Optimizer({"dose": (1.0, 100.0), "days": [1, 2, 3, 4], "medium": ["a", "b"]},
    ...                       objectives="growth", seed=1)
    >>> for batch in range(3):
    ...     for condition in optimizer.ask(4):
    ...         growth = condition["days"] - abs(condition["dose"] - 30) / 30
    ...         optimizer.tell([{**condition, "growth": growth}])
    >>> best = optimizer.recommend()
    >>> best.condition["days"]
    4.0

    Conditions that were asked for count as under way until they are told, so that `ask` may be
    called again before all results are there.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Allowed],
        objectives: str | Mapping[str, Wanted] = "value",
        *,
        thresholds: Mapping[str, float] | None = None,
        outcome_constraints: Mapping[str, Ends] | None = None,
        constraints: Sequence[Constraint] = (),
        costs: Sequence[Cost] = (),
        spend: Mapping[str, float] | None = None,
        strategy: StrategyChoice | Mapping[str, Any] | str | None = None,
        seed: int = 0,
        plate: str | None = None,
        covariates: Sequence[str] = (),
        among: Sequence[Mapping[str, Value]] = (),
    ) -> None:
        """With nothing told yet.

        Args:
            space: a search space, or what each parameter may be, by its name: `(low, high)`, or a
                list of numbers or of names.
            objectives: the outcome that is to be high, by its name, or its direction by its name:
                `{"yield": "maximise"}`, `{"cost": "minimise"}`, `{"ph": ("match", 7.2)}`; or
                several.
            thresholds: of several objectives, by outcome: what is not better is worth nothing,
                however good the others are. Inferred where absent.
            outcome_constraints: what an outcome has to be at least and at most, None for no end:
                `{"viability": (0.8, None)}`.
            constraints: between parameters, where `space` is not a search space.
            costs: what conditions take, beside the objectives. Batches regard them where the
                strategy is told to; with one objective `pareto_front` has its trade-offs with them.
            spend: what there is to spend, by the name of a cost: the less is left, the less it
                counts. Conditions that were told and those under way took theirs.
            strategy: what proposes, by its name or with options, as in a campaign file:
                `{"name": "botorch", "options": {"per_cost": {"reagents": 1}}}`; None: the default.
            seed: the same calls with the same seed give the same answers.
            plate: the column of results that says on which plate of its batch a row was measured,
                by a number or a name. Where batches have several, plates may differ.
            among: the only conditions that there are, such as the rows of a table or what is on a
                shelf; the whole space where absent.
            covariates: columns that are recorded but not chosen, such as a passage number or the
                lot of a reagent: numbers, or names. What is predicted is for a mean number, and an
                average lot.

        Raises:
            ValueError: the space, the objective or a cost is not what is expected.
        """
        if isinstance(space, SearchSpace):
            if constraints:
                raise ValueError("constraints belong to the search space that is given")
            self.space = space
        else:
            parameters = tuple(parameter_of(name, allowed) for name, allowed in space.items())
            self.space = SearchSpace(parameters=parameters, constraints=tuple(constraints))
        self._given = (objectives, thresholds or {}, outcome_constraints or {})
        self.outcomes, self.goals = goals_of(*self._given)
        self.among = tuple(self._allowed(among))
        if isinstance(covariates, str):
            raise ValueError(f"covariates={covariates!r} (expected a list of columns)")
        self._plate, self._covariates = plate, tuple(covariates)
        recorded = [*self._covariates, *([] if plate is None else [plate])]
        if len(set(recorded)) < len(recorded):
            raise ValueError(f"plate and covariates are {recorded} (expected each column once)")
        for what, names in (("the outcome", self.outcomes), ("what is recorded", recorded)):
            for name in names:
                if name in self.space.by_name or (names is recorded and name in self.outcomes):
                    taken = "a parameter" if name in self.space.by_name else "an outcome"
                    raise ValueError(f"{name!r} is {taken} (expected another name of {what})")
        self.strategy = None if strategy is None else StrategyChoice.model_validate(strategy)
        self.costs, self.spend = tuple(costs), dict(spend or {})
        self._check_costs()
        self.seed = seed
        self.observations: list[Observation] = []
        self.pending: list[Condition] = []
        self.proposals: list[Proposal] = []
        """The last that were asked for, with reasons and predictions."""
        self._asked = 0
        self._plates: dict[str, int] = {}

    def _check_costs(self) -> None:
        names = [cost.name for cost in self.costs]
        if len(set(names)) < len(names):
            raise ValueError(f"costs are {names} (expected each name once)")
        for name, budget in self.spend.items():
            if name not in names or not budget > 0:
                expected = f"a number above 0 for one of {', '.join(names) or 'the costs'}"
                raise ValueError(f"spend has {name!r}: {budget!r} (expected {expected})")
        wrong = list(cost_findings(self.space.parameters, self.costs))
        if self.strategy is not None:
            wrong += per_cost_findings(self.strategy, names)
        for finding in wrong:
            place = ".".join(map(str, finding.loc))
            raise ValueError(f"{place}: {finding.message} (expected {finding.expected})")

    def ask(
        self, number: int = 1, given: Mapping[str, Value] | None = None
    ) -> list[dict[str, Value]]:
        """Conditions to try next, chosen together; `proposals` has the reason for each.

        Args:
            number: how many.
            given: values that are decided already, by parameter name.

        Raises:
            ValueError: a given value is not allowed, or no condition meets the constraints.
        """
        told = [o.condition for o in self.observations if o.round >= 1 and not o.study]
        self.proposals = propose(
            self.space,
            self.observations,
            positions=[dict(given or {})] * number,
            number=number,
            seed=self.seed + self._asked,
            pending=self.pending,
            strategy=self.strategy,
            objective=self.goals,
            costs=expenses(self.costs, self.spend, [*told, *self.pending]),
            among=self.among,
        )
        self._asked += 1
        self.pending += [proposal.condition for proposal in self.proposals]
        return [dict(proposal.condition.root) for proposal in self.proposals]

    def tell(
        self,
        results: "pd.DataFrame | Mapping[str, Any] | Iterable[Mapping[str, Any]]",
        batch: int | None = None,
        study: str = "",
    ) -> None:
        """What conditions gave: a row each, with a value for each parameter and each outcome.

        A missing value (None, NaN) says that the measurement failed. All rows are checked before
        any is taken.

        Args:
            results: the rows; columns of other names are left alone.
            batch: the number of the batch in which they were measured, from 1. What is measured
                together may share an effect. If absent, two or more rows are a batch of their own,
                and a single row belongs to the latest.
            study: the name of a similar experiment that the rows are of, such as another cell line.
                They are learnt from as far as it turns out to be alike, and are not taken for
                results of this one.

        Raises:
            ValueError: what is wrong, with row and column.
        """
        rows = table_rows(results)
        latest = max((o.round for o in self.observations if o.study == study), default=0)
        number = batch if batch is not None else max(latest + (len(rows) > 1), 1)
        found = [
            self._observation(row, index, number).model_copy(update={"study": study})
            for index, row in enumerate(rows)
        ]
        for observation in found:
            if not study and observation.condition in self.pending:
                self.pending.remove(observation.condition)
        self.observations += found

    def _observation(self, row: Mapping[str, Any], index: int, batch: int) -> Observation:
        values: dict[str, Value] = {}
        for name, parameter in self.space.by_name.items():
            if not parameter.active(values):
                continue
            if name not in row:
                raise ValueError(f"row {index + 1} has no {name}")
            value = row[name].item() if hasattr(row[name], "item") else row[name]
            snapped = parameter.snap(value) if isinstance(value, int | float | str) else None
            if snapped is None:
                raise ValueError(
                    f"row {index + 1}: {name}={value} is not allowed (expected {parameter.allowed})"
                )
            values[name] = snapped
        missing = [name for name in self.outcomes if name not in row]
        if missing:
            raise ValueError(f"row {index + 1} has no {', '.join(missing)}")
        first, *others = self.outcomes
        plate = None if self._plate is None else label_of(row, self._plate, index)
        recorded = {name: label_of(row, name, index) for name in self._covariates}
        return Observation(
            condition=Condition(values),
            value=number_of(row, first, index),
            round=batch,
            outcomes={name: number_of(row, name, index) for name in others},
            plate=None
            if plate is None
            else self._plates.setdefault(str(plate), len(self._plates) + 1),
            covariates={name: found for name, found in recorded.items() if found is not None},
        )

    def predict(
        self, conditions: Sequence[Mapping[str, Value]], outcome: str | None = None
    ) -> list[Prediction]:
        """Mean and sd of the true outcome of conditions; empty with fewer than two results.

        Args:
            conditions: a value for each parameter.
            outcome: which, of several; the first objective's if absent.

        Raises:
            ValueError: a value is missing or not allowed, or there is no such outcome.
        """
        return predict(self.space, self._of(outcome), self._allowed(conditions))

    def _allowed(self, conditions: Iterable[Mapping[str, Value]]) -> list[Condition]:
        found = [self.space.snap(condition) for condition in conditions]
        if None in found:
            raise ValueError(f"condition {found.index(None) + 1} is not allowed, or not complete")
        return [condition for condition in found if condition]

    def _of(self, outcome: str | None) -> list[Observation]:
        """The observations of one outcome."""
        name = outcome or self.outcomes[0]
        if name not in self.outcomes:
            raise ValueError(f"no outcome {name!r} (expected one of {', '.join(self.outcomes)})")
        return [o.of(None if name == self.outcomes[0] else name) for o in self.observations]

    def recommend(self, standard: Mapping[str, Value] | None = None) -> Recommendation:
        """The condition to use from now on, with the prediction for it and how certain it is.

        Args:
            standard: today's practice, with which it is compared.

        Raises:
            ValueError: fewer than two results, the standard is not allowed, or there are several
                objectives: `pareto_front` has their trade-offs.
        """
        compared = () if standard is None else (self.space.snap(standard),)
        if None in compared:
            raise ValueError(f"the standard {standard} is not allowed, or not complete")
        found = recommend(
            self.space,
            self.observations,
            [c for c in compared if c],
            self.seed,
            objective=self.goals,
            among=self.among,
        )
        if found is None:
            raise ValueError("fewer than two results were told: nothing can be recommended")
        return found

    def pareto_front(self) -> list[FrontPoint]:
        """Up to twenty conditions that none beats in every objective, by the first objective.

        With one objective and costs, none beats them in the objective and in every cost. Empty
        where an outcome has fewer than two results.
        """
        costs = () if len(self.goals.objectives) > 1 else self.costs
        return pareto_front(self.space, self.observations, costs, self.seed, self.goals, self.among)

    def hypervolumes(self) -> list[float]:
        """The hypervolume that the results of several objectives dominate, after each batch."""
        return hypervolumes([o for o in self.observations if not o.study], self.goals)

    def plot_progress(self) -> "Figure":
        """Every result in its order, and the best so far; of several objectives the hypervolume."""
        if len(self.goals.objectives) > 1:
            return study_figures.hypervolume_by_batch(self.hypervolumes())
        name = self._outcome_of(self.goals.objectives[0])
        return study_figures.progress(self._of(name), self.goals.objectives[0], name)

    def plot_effects(self, parameters: int = 6, outcome: str | None = None) -> "Figure":
        """What the parameters do, those of the greatest effect first; mean and 90 % interval."""
        results = self._of(outcome)
        found = effects(self.space, results, self.seed)[:parameters]
        held_out = cross_validate(self.space, results)
        return study_figures.effect_curves(self.space, found, held_out, outcome or self.outcomes[0])

    def plot_calibration(self, outcome: str | None = None) -> "Figure":
        """Each result beside what all other conditions predict for it, with 90 % intervals."""
        held_out = cross_validate(self.space, self._of(outcome))
        return study_figures.calibration(held_out, outcome or self.outcomes[0])

    def plot_pareto_front(self) -> "Figure":
        """The results of the first two objectives, and the conditions that none beats in both."""
        if len(self.goals.objectives) < 2:
            raise ValueError("there is one objective (expected two or more)")
        first, second = (self._outcome_of(wanted) for wanted in self.goals.objectives[:2])
        measured = list(zip(self._of(first), self._of(second), strict=True))
        return study_figures.trade_off(measured, self.pareto_front(), (first, second))

    def _outcome_of(self, objective: Objective) -> str:
        return self.outcomes[0] if objective.outcome is None else objective.outcome

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything that `load` needs to go on, as JSON."""
        content = {
            "format": _FORMAT,
            "space": self.space.model_dump(mode="json", by_alias=True),
            "goals": self._given,
            "costs": [cost.model_dump(mode="json") for cost in self.costs],
            "spend": self.spend,
            "strategy": None if self.strategy is None else self.strategy.model_dump(mode="json"),
            "seed": self.seed,
            "asked": self._asked,
            "among": [condition.model_dump(mode="json") for condition in self.among],
            "recorded": {
                "plate": self._plate,
                "covariates": self._covariates,
                "plates": self._plates,
            },
            "observations": [
                observation.model_dump(mode="json") for observation in self.observations
            ],
            "pending": [condition.model_dump(mode="json") for condition in self.pending],
        }
        Path(path).write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """As it was saved.

        Raises:
            ValueError: the file is not one that `save` wrote.
        """
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"{path} is not a saved optimizer (expected format {_FORMAT})")
        objectives, thresholds, outcome_constraints = content["goals"]
        recorded = content.get("recorded", {})
        made = cls(
            SearchSpace.model_validate(content["space"]),
            objectives,
            thresholds=thresholds,
            outcome_constraints=outcome_constraints,
            costs=TypeAdapter(list[Cost]).validate_python(content.get("costs", [])),
            spend=content.get("spend"),
            strategy=content["strategy"],
            seed=content["seed"],
            plate=recorded.get("plate"),
            covariates=recorded.get("covariates", ()),
            among=content.get("among", ()),
        )
        made._plates = dict(recorded.get("plates", {}))
        made.observations = TypeAdapter(list[Observation]).validate_python(content["observations"])
        made.pending = TypeAdapter(list[Condition]).validate_python(content["pending"])
        made._asked = content["asked"]
        return made
