"""Ask and tell: the optimiser in a script or a notebook, without a campaign."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter

from optimizer.cross_validation import cross_validate
from optimizer.effects import effects
from optimizer.fitting import Prediction, predict
from optimizer.objective import Objective
from optimizer.propose import propose
from optimizer.recommendation import Recommendation, recommend
from protocols.campaign import StrategyChoice
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.constraints import Constraint
from protocols.parameters import (
    CategoryParameter,
    ContinuousParameter,
    Parameter,
    SteppedParameter,
)
from protocols.search_space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Allowed = tuple[float, float] | list[Any]
"""A range (low, high) of any number between, or a list of levels: numbers in order, or names."""


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
        objectives: str | Mapping[str, str | tuple[str, float]] = "value",
        *,
        constraints: Sequence[Constraint] = (),
        strategy: StrategyChoice | str | None = None,
        seed: int = 0,
    ) -> None:
        """With nothing told yet.

        Args:
            space: a search space, or what each parameter may be, by its name: `(low, high)`, or a
                list of numbers or of names.
            objectives: the outcome that is to be high, by its name, or its direction by its name:
                `{"yield": "maximise"}`, `{"cost": "minimise"}`, `{"ph": ("match", 7.2)}`.
            constraints: between parameters, where `space` is not a search space.
            strategy: what proposes, by its name or with options; None: the default.
            seed: the same calls with the same seed give the same answers.

        Raises:
            ValueError: the space or the objective is not what is expected.
        """
        if isinstance(space, SearchSpace):
            if constraints:
                raise ValueError("constraints belong to the search space that is given")
            self.space = space
        else:
            parameters = tuple(_parameter(name, allowed) for name, allowed in space.items())
            self.space = SearchSpace(parameters=parameters, constraints=tuple(constraints))
        self.outcome, self.objective = _objective(objectives)
        if self.outcome in self.space.by_name:
            raise ValueError(
                f"{self.outcome!r} is a parameter (expected another name of the outcome)"
            )
        self.strategy = StrategyChoice(name=strategy) if isinstance(strategy, str) else strategy
        self.seed = seed
        self.observations: list[Observation] = []
        self.pending: list[Condition] = []
        self.proposals: list[Proposal] = []
        """The last that were asked for, with reasons and predictions."""
        self._asked = 0

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
        self.proposals = propose(
            self.space,
            self.observations,
            positions=[dict(given or {})] * number,
            number=number,
            seed=self.seed + self._asked,
            pending=self.pending,
            strategy=self.strategy,
            objective=self.objective,
        )
        self._asked += 1
        self.pending += [proposal.condition for proposal in self.proposals]
        return [dict(proposal.condition.root) for proposal in self.proposals]

    def tell(
        self,
        results: "pd.DataFrame | Mapping[str, Any] | Iterable[Mapping[str, Any]]",
        batch: int | None = None,
    ) -> None:
        """What conditions gave: a row each, with a value for each parameter and the outcome.

        A missing value (None, NaN) says that the measurement failed. All rows are checked before
        any is taken.

        Args:
            results: the rows; columns of other names are left alone.
            batch: the number of the batch in which they were measured, from 1. What is measured
                together may share an effect. If absent, two or more rows are a batch of their own,
                and a single row belongs to the latest.

        Raises:
            ValueError: what is wrong, with row and column.
        """
        rows = _rows(results)
        latest = max((observation.round for observation in self.observations), default=0)
        number = batch if batch is not None else max(latest + (len(rows) > 1), 1)
        found = [self._observation(row, index, number) for index, row in enumerate(rows)]
        for observation in found:
            if observation.condition in self.pending:
                self.pending.remove(observation.condition)
        self.observations += found

    def _observation(self, row: Mapping[str, Any], index: int, batch: int) -> Observation:
        missing = [name for name in (*self.space.by_name, self.outcome) if name not in row]
        if missing:
            raise ValueError(f"row {index + 1} has no {', '.join(missing)}")
        values: dict[str, Value] = {}
        for name, parameter in self.space.by_name.items():
            value = row[name].item() if hasattr(row[name], "item") else row[name]
            snapped = parameter.snap(value) if isinstance(value, int | float | str) else None
            if snapped is None:
                raise ValueError(
                    f"row {index + 1}: {name}={value} is not allowed (expected {parameter.allowed})"
                )
            values[name] = snapped
        return Observation(condition=Condition(values), value=self._number(row, index), round=batch)

    def _number(self, row: Mapping[str, Any], index: int) -> float | None:
        given = row[self.outcome]
        try:
            value = math.nan if given is None else float(given)
        except (TypeError, ValueError):
            raise ValueError(
                f"row {index + 1}: {self.outcome}={given!r} (expected a number, or nothing)"
            ) from None
        if math.isinf(value):
            raise ValueError(
                f"row {index + 1}: {self.outcome}={given!r} (expected a finite number, or nothing)"
            )
        return None if math.isnan(value) else value

    def predict(self, conditions: Sequence[Mapping[str, Value]]) -> list[Prediction]:
        """Mean and sd of the true outcome of conditions; empty with fewer than two results.

        Raises:
            ValueError: a value is missing or not allowed.
        """
        found = [self.space.snap(condition) for condition in conditions]
        if None in found:
            raise ValueError(f"condition {found.index(None) + 1} is not allowed, or not complete")
        return predict(
            self.space, self.observations, [condition for condition in found if condition]
        )

    def recommend(self, standard: Mapping[str, Value] | None = None) -> Recommendation:
        """The condition to use from now on, with the prediction for it and how certain it is.

        Args:
            standard: today's practice, with which it is compared.

        Raises:
            ValueError: fewer than two results, or the standard is not allowed.
        """
        compared = () if standard is None else (self.space.snap(standard),)
        if None in compared:
            raise ValueError(f"the standard {standard} is not allowed, or not complete")
        found = recommend(
            self.space,
            self.observations,
            [c for c in compared if c],
            self.seed,
            objective=self.objective,
        )
        if found is None:
            raise ValueError("fewer than two results were told: nothing can be recommended")
        return found

    def plot_progress(self) -> "Figure":
        """Every result in its order, and the best so far."""
        figure, axes = _figure()
        known = [observation.value for observation in self.observations if observation.usable]
        best: list[float] = []
        for value in known:
            assert value is not None
            better = max((value, *best[-1:]), key=self.objective.utility)
            best.append(better)
        axes.plot(range(1, len(known) + 1), known, "o", alpha=0.6, label="measured")
        axes.step(range(1, len(best) + 1), best, where="post", label="best so far")
        axes.set(xlabel="result", ylabel=self.outcome)
        axes.legend()
        return figure

    def plot_effects(self, parameters: int = 6) -> "Figure":
        """What the parameters do, those of the greatest effect first; mean and 90 % interval."""
        found = effects(self.space, self.observations, self.seed)[:parameters]
        figure, _ = _figure(width=3.0 * max(len(found), 1), columns=max(len(found), 1))
        for axes, effect in zip(figure.axes, found, strict=False):
            middle, sd = list(effect.mean), list(effect.sd)
            low = [m - 1.645 * s for m, s in zip(middle, sd, strict=True)]
            high = [m + 1.645 * s for m, s in zip(middle, sd, strict=True)]
            numeric = self.space.by_name[effect.parameter].numeric
            at = [v if numeric else str(v) for v in effect.values]
            axes.plot(at, middle, "-" if numeric else "o")
            axes.fill_between(at, low, high, alpha=0.2)
            axes.set(
                xlabel=effect.parameter, title=f"{effect.total_order.median:.0%} of the variance"
            )
        figure.axes[0].set_ylabel(self.outcome)
        return figure

    def plot_calibration(self) -> "Figure":
        """Each result beside what all the others predict for it, with 90 % intervals."""
        figure, axes = _figure()
        held_out = cross_validate(self.space, self.observations)
        axes.errorbar(
            [entry.mean for entry in held_out],
            [entry.value for entry in held_out],
            xerr=[1.645 * entry.sd for entry in held_out],
            fmt="o",
            alpha=0.6,
        )
        axes.axline((0, 0), slope=1, color="grey", linewidth=0.8) if held_out else None
        axes.set(
            xlabel=f"{self.outcome} as all others predict it", ylabel=f"{self.outcome} as measured"
        )
        return figure

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything that `load` needs to go on, as JSON."""
        content = {
            "format": _FORMAT,
            "space": self.space.model_dump(mode="json", by_alias=True),
            "outcome": self.outcome,
            "objective": list(self.objective),
            "strategy": None if self.strategy is None else self.strategy.model_dump(mode="json"),
            "seed": self.seed,
            "asked": self._asked,
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
        direction, target = content["objective"]
        wanted = (direction, target) if direction == "match" else direction
        strategy = content["strategy"]
        made = cls(
            SearchSpace.model_validate(content["space"]),
            {content["outcome"]: wanted},
            strategy=None if strategy is None else StrategyChoice.model_validate(strategy),
            seed=content["seed"],
        )
        made.observations = TypeAdapter(list[Observation]).validate_python(content["observations"])
        made.pending = TypeAdapter(list[Condition]).validate_python(content["pending"])
        made._asked = content["asked"]
        return made


def _parameter(name: str, allowed: Allowed) -> Parameter:
    if isinstance(allowed, tuple) and len(allowed) == 2:
        low, high = allowed
        return ContinuousParameter(
            name=name, step="any", kind="continuous", low=low, high=high, standard=low
        )
    if not isinstance(allowed, list) or len(allowed) < 2:
        raise ValueError(
            f"{name}: {allowed!r} (expected (low, high), or a list of two or more levels)"
        )
    if all(isinstance(level, int | float) and not isinstance(level, bool) for level in allowed):
        levels = tuple(sorted(allowed))
        return SteppedParameter(
            name=name, step="any", kind="stepped", levels=levels, standard=levels[0]
        )
    return CategoryParameter(
        name=name, step="any", kind="category", levels=tuple(allowed), standard=allowed[0]
    )


def _objective(objectives: str | Mapping[str, str | tuple[str, float]]) -> tuple[str, Objective]:
    if isinstance(objectives, str):
        return objectives, Objective()
    if len(objectives) != 1:
        raise ValueError(f"{len(objectives)} objectives (expected one)")
    ((name, wanted),) = objectives.items()
    direction, target = (wanted, None) if isinstance(wanted, str) else wanted
    return name, Objective.of(direction, target)


def _rows(results: Any) -> list[Mapping[str, Any]]:
    if hasattr(results, "to_dict"):  # a DataFrame
        found: list[Mapping[str, Any]] = results.to_dict("records")
        return found
    rows = [results] if isinstance(results, Mapping) else list(results)
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(f"row {index + 1} is {row!r} (expected values by name)")
    return rows


def _figure(width: float = 6.0, columns: int = 1) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.0), layout="constrained")
    return figure, figure.subplots(1, columns, sharey=True)
