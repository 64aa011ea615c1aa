"""What charts show of a campaign's results: positions, shares, spreads and the best so far."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, quantiles

from orchestrator.core.goals import goals_of
from orchestrator.core.state import CampaignState, RoundState, WellState
from orchestrator.languages import gettext
from orchestrator.service.schema.charts import (
    ChartAxis,
    ChartLevel,
    ChartRound,
    ChartWell,
    ComparisonChart,
    Progress,
    Spread,
    WellsChart,
)
from protocols.addresses import WellAddress
from protocols.conditions import Value
from protocols.outcomes import Outcome
from protocols.parameters import BaseParameter

_NONE = "\N{EN DASH}"
Images = Mapping[tuple[int, int, str], str]
"""Round, plate and well -> where its latest image is."""


def wells_chart(state: CampaignState, images: Images) -> WellsChart:
    """Every trusted value of a campaign."""
    campaign = state.campaign
    outcomes = outcome_axes(state)
    axes = [*map(parameter_axis, campaign.space.parameters), *outcomes]
    wells, left_out = [], 0
    for batch in state.rounds:
        for well in batch.wells:
            values = values_of(state, well)
            if any(value is not None for value in values):
                image = images.get((batch.number, well.well.plate, well.well.name))
                wells.append(_well(state, axes, batch, well, values, image))
            elif well.lost or well.flags:
                left_out += 1
    return WellsChart(
        campaign=state.id,
        title=campaign.title or campaign.name,
        objective=campaign.outcome.name,
        direction=campaign.objective.direction,
        modelled=[name or campaign.outcome.name for name in goals_of(campaign).outcomes],
        axes=axes,
        rounds=list(_rounds(state)),
        spreads=list(_spreads(state, outcomes)),
        levels=list(_levels(state)),
        wells=wells,
        left_out=left_out,
    )


def comparison_chart(states: Sequence[CampaignState]) -> ComparisonChart:
    """The best so far of several campaigns."""
    return ComparisonChart(
        campaigns=[
            Progress(
                campaign=state.id,
                title=state.campaign.title or state.campaign.name,
                axis=outcome_axes(state)[0],
                direction=state.campaign.objective.direction,
                rounds=list(_rounds(state)),
            )
            for state in states
        ]
    )


def parameter_axis(parameter: BaseParameter) -> ChartAxis:
    """A parameter as an axis: its range, or its levels at 0, 1, 2, ..."""
    labels: tuple[str, ...] = ()
    if parameter.numeric:
        low, high = (float(end) for end in parameter.extremes)
    else:
        labels = tuple(parameter.label(level) for level in parameter.choices or ())
        low, high = 0.0, max(len(labels) - 1.0, 1.0)
    return ChartAxis(
        name=parameter.name,
        title=parameter.title or parameter.name.replace("_", " "),
        unit=parameter.unit,
        kind="parameter",
        low=low,
        high=high,
        permitted=(low, high),
        log=parameter.log_scale,
        labels=labels,
    )


def outcome_axes(state: CampaignState) -> list[ChartAxis]:
    """The outcomes as axes, the first objective's first."""
    campaign = state.campaign
    own = campaign.outcome
    outcomes = [own, *(found for found in campaign.outcomes if found.name != own.name)]
    columns = zip(
        *(values_of(state, well) for batch in state.rounds for well in batch.wells), strict=True
    )
    found = dict(zip([outcome.name for outcome in outcomes], columns, strict=False))
    axes = []
    for outcome in outcomes:
        values = [value for value in found.get(outcome.name, ()) if value is not None]
        levels = [level.value for level in _levels(state)] if outcome is own else []
        axes.append(_outcome_axis(outcome, [*values, *levels]))
    return axes


def values_of(state: CampaignState, well: WellState) -> list[float | None]:
    """The trusted value of each outcome of a well, the first objective's first."""
    own = state.campaign.outcome.name
    others = [found.name for found in state.campaign.outcomes if found.name != own]
    return [well.trusted, *(None if well.lost else well.measured.get(name) for name in others)]


def position(parameter: BaseParameter, value: Value | None) -> float | None:
    """Where a value lies on the axis of its parameter; None if it has no place there."""
    if value is None:
        return None
    if parameter.numeric:
        return None if isinstance(value, str) else float(value)
    choices = parameter.choices or ()
    return float(choices.index(value)) if value in choices else None


def written(parameter: BaseParameter, value: Value | None) -> str:
    """A value as people write it."""
    if value is None:
        return _NONE
    known = parameter.level_labels.get(str(value))
    return known or (value if isinstance(value, str) else f"{value:g}")


def condition_text(state: CampaignState, condition: Mapping[str, Value]) -> str:
    """A condition in words, such as `dose 5 uM, medium B`."""
    return ", ".join(
        f"{parameter.title or parameter.name.replace('_', ' ')} "
        f"{written(parameter, condition[parameter.name])} {parameter.unit}".rstrip()
        for parameter in state.campaign.space.parameters
        if parameter.name in condition
    )


def _outcome_axis(outcome: Outcome, values: Sequence[float]) -> ChartAxis:
    scale = outcome.scale
    low, high = scale.ends(values)
    return ChartAxis(
        name=outcome.name,
        title=scale.title,
        unit=scale.unit,
        kind="outcome",
        low=low,
        high=high,
        permitted=scale.natural_range,
    )


def _well(
    state: CampaignState,
    axes: Sequence[ChartAxis],
    batch: RoundState,
    well: WellState,
    values: Sequence[float | None],
    image: str | None,
) -> ChartWell:
    condition, parameters = well.proposal.condition.root, state.campaign.space.parameters
    levels = [condition.get(parameter.name) for parameter in parameters]
    pairs = list(zip(parameters, levels, strict=True))
    shares = [
        None if position(parameter, level) is None else _share_of(parameter, level)
        for parameter, level in pairs
    ]
    ends = axes[len(parameters) :]
    by_name = {outcome.name: outcome.scale for outcome in state.campaign.outcomes}
    shown = [
        by_name[axis.name].text(value) if value is not None else _NONE
        for axis, value in zip(ends, values, strict=True)
    ]
    where = f"Round {batch.number}, plate {well.well.plate} {well.well.name}"
    found = ", ".join(
        f"{axis.title} {text}" for axis, text in zip(ends, shown, strict=True) if text != _NONE
    )
    return ChartWell(
        id=str(WellAddress(state.id, batch.number, well.well.plate, well.well.name)),
        round=batch.number,
        plate=well.well.plate,
        well=well.well.name,
        role=well.proposal.role,
        at=[*(position(parameter, level) for parameter, level in pairs), *values],
        shares=[*shares, *(_share(value, axis) for axis, value in zip(ends, values, strict=True))],
        shown=[*(written(parameter, level) for parameter, level in pairs), *shown],
        text=f"{found}. {where}, {well.proposal.role}. {condition_text(state, condition)}",
        image=image,
    )


def _share_of(parameter: BaseParameter, level: Value | None) -> float | None:
    if level is None:
        return None
    if parameter.numeric:
        return parameter.to_unit_interval(level)
    choices = parameter.choices or ()
    return choices.index(level) / max(len(choices) - 1, 1)


def _share(value: float | None, axis: ChartAxis) -> float | None:
    return None if value is None else (value - axis.low) / (axis.high - axis.low)


def _rounds(state: CampaignState) -> Iterator[ChartRound]:
    objective = state.campaign.objective
    so_far: float | None = None
    for batch in state.rounds:
        # As `CampaignState.best` has it: what breaks a constraint is not the best.
        best = objective.best(
            o.value
            for o in batch.observations
            if o.usable and o.value is not None and state.meets_constraints(o)
        )
        if best is not None:
            so_far = best if so_far is None else objective.best([so_far, best])
        yield ChartRound(
            number=batch.number,
            wells=len(batch.wells),
            trusted=sum(well.trusted is not None for well in batch.wells),
            best=best,
            best_so_far=so_far,
        )


def _spreads(state: CampaignState, outcomes: Sequence[ChartAxis]) -> Iterator[Spread]:
    for batch in state.rounds:
        columns = zip(*(values_of(state, well) for well in batch.wells), strict=True)
        for axis, column in zip(outcomes, columns, strict=False):
            values = sorted(value for value in column if value is not None)
            if not values:
                continue
            low, middle, high = (
                quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
            )
            yield Spread(
                outcome=axis.name,
                round=batch.number,
                n=len(values),
                low=values[0],
                first_quartile=low,
                median=middle,
                third_quartile=high,
                high=values[-1],
            )


def _levels(state: CampaignState) -> Iterator[ChartLevel]:
    campaign = state.campaign
    scale, stop, wanted = campaign.outcome.scale, campaign.stop.target, campaign.objective.target
    standards = [
        well.trusted
        for batch in state.rounds
        for well in batch.wells
        if well.proposal.role == "standard" and well.trusted is not None
    ]
    if standards:
        mean = fmean(standards)
        number = len(standards)
        label = gettext("standard {mean} (n = {number})", mean=scale.rough(mean), number=number)
        yield ChartLevel(label=label, value=mean, kind="standard")
    if stop is not None:
        label = gettext("target {value}", value=f"{stop:g}")
        yield ChartLevel(label=label, value=stop, kind="target")
    if wanted is not None and wanted != stop:
        label = gettext("to match {value}", value=f"{wanted:g}")
        yield ChartLevel(label=label, value=wanted, kind="target")
