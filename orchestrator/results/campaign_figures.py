"""Plots of a campaign: best so far, distribution by round, plate maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from orchestrator.core.state import CampaignState, RoundState, WellState
from orchestrator.languages import gettext, in_words
from orchestrator.results.model_figures import COLOUR_MAP, model_figures
from protocols.conditions import Role
from protocols.recommendations import FrontPoint
from protocols.scale import Scale, share
from protocols.wells import well_row_column


class _Look(NamedTuple):
    """How wells of a role are drawn: told by shape as well as by colour."""

    marker: str
    color: str


_ROLES: dict[Role, _Look] = {
    "initial": _Look("o", "#4477aa"),
    "proposed": _Look("^", "#0b7a4b"),
    "control": _Look("D", "#cc5500"),
    "standard": _Look("s", "#16202c"),
    "requeued": _Look("v", "#6f4aa0"),
    "edited": _Look("X", "#aa3377"),
    "chosen": _Look(">", "#806500"),
}


def figures_of(state: CampaignState, front: Sequence[FrontPoint]) -> dict[str, Figure]:
    """Every plot of a campaign, by name.

    Args:
        state: the campaign.
        front: the conditions that none beats, where it has several objectives.
    """
    figures = {"best-so-far": best_so_far(state), "distributions": distributions(state)}
    figures |= {f"plates-round-{batch.number}": plate_maps(state, batch) for batch in state.rounds}
    return figures | model_figures(state.campaign, state.observations, front)


def write_plots(state: CampaignState, folder: Path, front: Sequence[FrontPoint]) -> list[Path]:
    """Write the plots of a campaign (`figures_of`) as PNG files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures_of(state, front).items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=130)
        paths.append(path)
    return paths


def best_so_far(state: CampaignState) -> Figure:
    """Every well in the order of rounds and plates, and the best value by the end of each round."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    objective, scale = state.campaign.objective, state.campaign.outcome.scale
    best: float | None = None
    count = 0
    edges: list[float] = []
    line: list[float] = []
    low, high = _ends(state)
    reach = high - low
    for batch in state.rounds:
        begin = count
        for well in batch.wells:
            count += 1
            value = _value(well)
            if value is not None:
                marker, color = _ROLES[well.proposal.role]
                axes.plot(count, value, marker, ms=4, color=color, alpha=0.8)
                best = objective.best([value] if best is None else [best, value])
        # Wells of a round are made at once: within it there is no order.
        if best is not None:
            edges += [begin + 0.5, count + 0.5]
            line += [best, best]
        axes.axvspan(
            begin + 0.5, count + 0.5, color="k", alpha=0.04 if batch.number % 2 else 0.0, lw=0
        )
        axes.text(
            (begin + count) / 2 + 0.5,
            high + 0.06 * reach,
            gettext("round {number}", number=batch.number),
            ha="center",
        )
    axes.plot(edges, line, color="#222222", lw=1.5)
    _reference_lines(axes, state)
    handles = _legend(axes, state)
    handles.append(
        axes.plot([], [], color="#222222", label=gettext("best by the end of the round"))[0]
    )
    figure.legend(handles=handles, loc="outside right upper", fontsize=8)
    axes.set(
        xlabel=gettext("well"),
        ylabel=scale.label,
        ylim=(low - 0.03 * reach, high + 0.12 * reach),
        xlim=(0, count + 1),
        title=gettext("{campaign}: best so far", campaign=state.campaign.title or state.id),
    )
    return figure


def distributions(state: CampaignState) -> Figure:
    """The values of each round, with its median."""
    figure = Figure(figsize=(3.2 + 1.9 * len(state.rounds), 4.5), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    low, high = _ends(state)
    ticks: list[str] = []
    for batch in state.rounds:
        wells = [well for well in batch.wells if _value(well) is not None]
        values = np.array([_value(well) for well in wells], dtype=float)
        axes.boxplot(
            [values],
            positions=[batch.number],
            widths=0.55,
            showfliers=False,
            medianprops={"color": "#222222", "lw": 2},
        )
        spread = batch.number + rng.uniform(-0.17, 0.17, len(wells))
        for role, (marker, color) in _ROLES.items():
            of_role = np.array([well.proposal.role == role for well in wells], dtype=bool)
            axes.scatter(
                spread[of_role],
                values[of_role],
                s=16,
                c=color,
                marker=marker,
                alpha=0.75,
                zorder=3,
            )
        ticks.append(f"{batch.number}\nn = {len(wells)}")
    axes.set(
        xlabel=gettext("round"),
        ylabel=state.campaign.outcome.scale.label,
        ylim=(low - 0.03 * (high - low), high + 0.05 * (high - low)),
        title=gettext("Distribution by round"),
    )
    axes.set_xticks([batch.number for batch in state.rounds], ticks)
    figure.legend(handles=_legend(axes, state), fontsize=8, loc="outside right upper")
    return figure


def plate_maps(state: CampaignState, batch: RoundState) -> Figure:
    """The plates of a round, each well coloured by its value; lost and flagged ones by none."""
    plates = sorted({well.well.plate for well in batch.wells})
    labware = state.campaign.plates.definition
    rows, columns = labware.rows, labware.columns
    across = min(len(plates), 4)
    down = -(-len(plates) // across)
    size = 0.75 if columns <= 6 else 0.42
    figure = Figure(
        figsize=(across * (columns * size + 0.5) + 1.1, down * (rows * size + 0.6) + 0.5),
        layout="constrained",
    )
    grid = figure.subplots(down, across, squeeze=False)
    ends = _ends(state)
    for axes in grid.flat[len(plates) :]:
        axes.axis("off")
    for plate, axes in zip(plates, grid.flat, strict=False):
        for well in (well for well in batch.wells if well.well.plate == plate):
            _draw_well(axes, well, columns <= 6, state.campaign.outcome.scale, ends)
        axes.set(
            xlim=(-0.6, columns - 0.4),
            ylim=(rows - 0.4, -0.6),
            aspect="equal",
            title=gettext("plate {number}", number=plate),
        )
        axes.set_xticks(range(columns), [str(column + 1) for column in range(columns)])
        axes.set_yticks(range(rows), [chr(65 + row) for row in range(rows)])
        axes.tick_params(length=0, labelsize=8)
    colours = mpl.cm.ScalarMappable(mpl.colors.Normalize(*ends), COLOUR_MAP)
    label = state.campaign.outcome.scale.label
    figure.colorbar(colours, ax=list(grid.flat), label=label, shrink=0.8)
    figure.suptitle(gettext("Round {number} (ringed: standard and controls)", number=batch.number))
    return figure


def _legend(axes: Axes, state: CampaignState) -> list[Line2D]:
    """A handle for each role that the campaign has, with the number of trusted values."""
    wells = [well for batch in state.rounds for well in batch.wells]
    found = []
    for role, (marker, color) in _ROLES.items():
        of_role = [well for well in wells if well.proposal.role == role]
        if of_role:
            trusted = sum(_value(well) is not None for well in of_role)
            label = f"{in_words(role)} (n = {trusted})"
            found += axes.plot([], [], marker, color=color, label=label, ls="none")
    return found


def _draw_well(
    axes: Axes, state: WellState, with_number: bool, scale: Scale, ends: tuple[float, float]
) -> None:
    row, column = well_row_column(state.well.name)
    value = _value(state)
    if value is None:
        axes.add_patch(Circle((column, row), 0.44, facecolor="white", edgecolor="#888888"))
        axes.text(
            column,
            row,
            gettext("lost") if state.lost else "?",
            ha="center",
            va="center",
            fontsize=7,
            color="#444444",
        )
        return
    bright = share(value, ends)
    ring = "#ee6677" if state.proposal.role in ("control", "standard") else "none"
    axes.add_patch(
        Circle(
            (column, row), 0.44, facecolor=mpl.colormaps[COLOUR_MAP](bright), edgecolor=ring, lw=2
        )
    )
    if with_number:
        axes.text(
            column,
            row,
            scale.rough(value),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if bright < 0.55 else "black",
        )


def _ends(state: CampaignState) -> tuple[float, float]:
    """Of the axis of values: the natural range, or about all values and the target."""
    values = [_value(well) for batch in state.rounds for well in batch.wells]
    levels = [state.campaign.stop.target, state.campaign.objective.target]
    shown = [value for value in (*values, *levels) if value is not None]
    return state.campaign.outcome.scale.ends(shown)


def _reference_lines(axes: Axes, state: CampaignState) -> None:
    standard = [_value(w) for r in state.rounds for w in r.wells if w.proposal.role == "standard"]
    measured = [value for value in standard if value is not None]
    if measured:
        axes.axhline(float(np.mean(measured)), color=_ROLES["standard"].color, ls="--", lw=1)
    if state.campaign.stop.target is not None:
        axes.axhline(state.campaign.stop.target, color="#aa3377", ls=":", lw=1)
    if state.campaign.objective.target is not None:
        axes.axhline(state.campaign.objective.target, color="#222222", ls=":", lw=1)


def _value(state: WellState) -> float | None:
    return None if state.lost or state.flags else state.value
