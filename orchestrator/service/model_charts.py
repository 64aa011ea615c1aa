"""What charts show of the model: slices, surfaces of two parameters, calibration, the front."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import norm

import optimizer
from optimizer import HeldOut
from orchestrator.core.goals import goals_of
from orchestrator.core.state import CampaignState
from orchestrator.errors import Missing
from orchestrator.service.charts import condition_text, outcome_axes, parameter_axis, position
from orchestrator.service.schema.charts import (
    CalibrationChart,
    ChartAxis,
    FrontChart,
    FrontCondition,
    HeldOutPoint,
    Slice,
    SlicesChart,
    SurfaceCell,
    SurfaceChart,
)
from orchestrator.service.schema.insight import Insight
from protocols.addresses import WellAddress
from protocols.conditions import Condition, Observation, Value
from protocols.parameters import BaseParameter
from protocols.parameters.numeric import NumericParameter

SHARE = 0.9
"""The probability of intervals."""

_REACH = float(norm.ppf(0.5 + SHARE / 2))
_POINTS = 33
"""How many values of a range a slice has at most."""


def slices_chart(state: CampaignState, outcome: str, insight: Insight) -> SlicesChart:
    """An outcome along each parameter, through the recommended condition.

    Of several objectives through the condition of the front that is best in the first one.

    Raises:
        Missing: there is no such outcome.
    """
    axis, observations = _outcome(state, outcome)
    found = insight.recommended or (insight.front[-1] if insight.front else None)
    through = dict(found.condition) if found else {}
    slices = [
        slice_
        for parameter in state.campaign.space.parameters
        if parameter.name in through
        and (slice_ := _slice(state, observations, parameter, through)) is not None
    ]
    return SlicesChart(
        outcome=axis,
        observations=sum(observation.usable for observation in observations),
        share=SHARE,
        through=through,
        tried=bool(found and found.tried),
        slices=slices,
    )


def surface_chart(state: CampaignState, outcome: str, first: str, second: str) -> SurfaceChart:
    """An outcome over two parameters, averaged over the others.

    Raises:
        Missing: there is no such outcome or parameter, or both are the same.
    """
    axis, observations = _outcome(state, outcome)
    by_name = state.campaign.space.by_name
    for name in (first, second):
        if name not in by_name or first == second:
            raise Missing(
                f"there is no surface over {first} and {second} (expected two of "
                f"{', '.join(by_name)})"
            )
    over = by_name[first], by_name[second]
    pair = optimizer.pair_effect(state.campaign.space, observations, first, second)
    cells: list[SurfaceCell] = []
    if pair is not None:
        low, high = axis.permitted or (-np.inf, np.inf)
        down = list(_cells(over[1], pair.second_values))
        for row, (across, ends) in enumerate(_cells(over[0], pair.first_values)):
            for column, (height, heights) in enumerate(down):
                mean = pair.mean[row][column]
                cells.append(
                    SurfaceCell(
                        first=across,
                        second=height,
                        first_ends=ends,
                        second_ends=heights,
                        mean=mean,
                        sd=pair.sd[row][column],
                        beyond="below" if mean < low else "above" if mean > high else "",
                    )
                )
    return SurfaceChart(
        outcome=axis, first=parameter_axis(over[0]), second=parameter_axis(over[1]), cells=cells
    )


def calibration_chart(state: CampaignState, outcome: str) -> CalibrationChart:
    """Each measured value of an outcome against what all other conditions say of it.

    Raises:
        Missing: there is no such outcome.
    """
    axis, observations = _outcome(state, outcome)
    held_out = optimizer.cross_validate(state.campaign.space, observations)
    places = (
        place
        for place, observation in zip(_places(state), observations, strict=True)
        if observation.usable
    )
    points = [_held_out(state, place, e) for place, e in zip(places, held_out, strict=True)]
    trusted = [entry for entry in held_out if not entry.outlier]
    return CalibrationChart(
        outcome=axis,
        share=SHARE,
        within=sum(point.within for point in points) / len(points) if points else None,
        explained=optimizer.r_squared(trusted) if trusted else None,
        points=points,
    )


def front_chart(state: CampaignState, insight: Insight) -> FrontChart:
    """The objectives of what no condition beats, as the model predicts them."""
    wanted = [objective.outcome for objective in state.campaign.objectives]
    axes = {axis.name: axis for axis in outcome_axes(state)}
    points = [
        FrontCondition(
            condition=point.condition,
            mean=[point.means[name] for name in wanted],
            low=[point.means[name] - point.sds[name] for name in wanted],
            high=[point.means[name] + point.sds[name] for name in wanted],
            feasible=point.feasible,
            tried=point.tried,
            text=f"Not beaten, {'tried' if point.tried else 'not tried yet'}: "
            + ", ".join(
                f"{axes[name].title} {point.means[name]:.3g} ± {point.sds[name]:.2g} "
                f"{axes[name].unit}".rstrip()
                for name in wanted
            )
            + f". {condition_text(state, point.condition)}",
        )
        for point in insight.front
    ]
    return FrontChart(outcomes=[axes[name] for name in wanted], points=points)


def _outcome(state: CampaignState, name: str) -> tuple[ChartAxis, list[Observation]]:
    """The axis of an outcome that is modelled, and the observations of it."""
    own, modelled = state.campaign.outcome.name, [found or "" for found in _modelled(state)]
    if name not in (own, *modelled):
        expected = ", ".join([own, *filter(None, modelled)])
        raise Missing(f"outcome {name!r} is not modelled (expected {expected})")
    axis = next(axis for axis in outcome_axes(state) if axis.name == name)
    of = None if name == own else name
    return axis, [observation.of(of) for observation in state.observations]


def _modelled(state: CampaignState) -> Sequence[str | None]:
    return goals_of(state.campaign).outcomes


def _slice(
    state: CampaignState,
    observations: Sequence[Observation],
    parameter: BaseParameter,
    through: dict[str, Value],
) -> Slice | None:
    space = state.campaign.space
    conditions = [
        snapped
        for value in _grid(parameter)
        if (snapped := space.snap({**through, parameter.name: value})) is not None
    ]
    predicted = optimizer.predict(space, observations, conditions)
    places = [position(parameter, entry.condition[parameter.name]) for entry in predicted]
    pairs = [(place, p) for place, p in zip(places, predicted, strict=True) if place is not None]
    if not pairs:
        return None
    return Slice(
        axis=parameter_axis(parameter),
        values=[place for place, _ in pairs],
        mean=[entry.mean for _, entry in pairs],
        low=[entry.mean - _REACH * entry.sd for _, entry in pairs],
        high=[entry.mean + _REACH * entry.sd for _, entry in pairs],
        at=position(parameter, through[parameter.name]),
    )


def _grid(parameter: BaseParameter) -> Iterator[Value]:
    """Values over a parameter, as many as a curve needs; of a category every level."""
    choices = parameter.choices
    if choices is None:
        for share in np.linspace(0, 1, _POINTS):
            yield parameter.value_of(float(share))
    elif len(choices) <= _POINTS or not parameter.numeric:
        yield from choices
    else:
        for index in np.unique(np.linspace(0, len(choices) - 1, _POINTS).round().astype(int)):
            yield choices[index]


def _cells(
    parameter: BaseParameter, values: Sequence[Value]
) -> Iterator[tuple[float, tuple[float, float]]]:
    """Where values lie on an axis, each with the ends of its cell: half-way to its neighbours."""
    to_axis: Callable[[float], float]
    if isinstance(parameter, NumericParameter):
        shares, to_axis = [parameter.to_unit_interval(v) for v in values], _back(parameter)
        first, last = 0.0, 1.0
    else:
        shares, to_axis = [position(parameter, value) or 0.0 for value in values], float
        first, last = shares[0] - 0.5, shares[-1] + 0.5
    middles = [(a + b) / 2 for a, b in pairwise(shares)]
    edges = [to_axis(edge) for edge in (min(first, shares[0]), *middles, max(last, shares[-1]))]
    for value, (low, high) in zip(values, pairwise(edges), strict=True):
        yield position(parameter, value) or 0.0, (low, high)


def _back(parameter: NumericParameter) -> Callable[[float], float]:
    return lambda share: float(parameter.from_unit_interval(share))


def _places(state: CampaignState) -> Iterator[str]:
    """The well of each of the state's observations, in their order; past results have none."""
    for _ in state.past:
        yield ""
    for batch in state.rounds:
        for well in batch.wells:
            if well.observation(batch.number) is not None:
                yield str(WellAddress(state.id, batch.number, well.well.plate, well.well.name))


def _held_out(state: CampaignState, place: str, entry: HeldOut) -> HeldOutPoint:
    condition: Condition = entry.condition
    where = place or "a past result"
    low, high = entry.mean - _REACH * entry.sd, entry.mean + _REACH * entry.sd
    return HeldOutPoint(
        id=place,
        round=entry.round_number,
        value=entry.value,
        mean=entry.mean,
        low=low,
        high=high,
        within=entry.within(SHARE),
        outlier=entry.outlier,
        text=f"{where}: measured {entry.value:.4g}, predicted without it {entry.mean:.4g} "
        f"({low:.4g} to {high:.4g}). {condition_text(state, condition.root)}",
    )
