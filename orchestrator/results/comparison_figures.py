"""Figures of what was tried round by round, and of a planned comparison."""

from collections import Counter
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from orchestrator.core.state import CampaignState
from orchestrator.languages import gettext
from orchestrator.results.conclusions import in_words
from orchestrator.results.model_figures import COLOUR_MAP

_LINE = "#4477aa"
_WIDTH = 26
"""Letters of a condition's name side by side."""


def parameters_by_round(state: CampaignState) -> Figure:
    """Each parameter's value in every well over the rounds, coloured by what the well gave."""
    parameters = state.campaign.parameters
    across = min(len(parameters), 4)
    down = -(-len(parameters) // across)
    figure = Figure(figsize=(2.6 * across + 0.9, 2.3 * down + 0.4), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    rng = np.random.default_rng(0)
    wells = [(batch.number, well) for batch in state.rounds for well in batch.wells]
    scale = state.campaign.outcome.scale
    values = [well.trusted for _, well in wells if well.trusted is not None]
    low, high = scale.ends(values)
    for axes in grid.flat[len(parameters) :]:
        axes.axis("off")
    shown = None
    for parameter, axes in zip(parameters, grid.flat, strict=False):
        having = [entry for entry in wells if parameter.name in entry[1].proposal.condition.root]
        levels = [entry[1].proposal.condition[parameter.name] for entry in having]
        places = np.array(
            levels if parameter.numeric else [parameter.entry(level) for level in levels],
            dtype=float,
        )
        rounds = np.array([number for number, _ in having], dtype=float)
        rounds += rng.uniform(-0.2, 0.2, len(having))
        known = np.array([well.trusted is not None for _, well in having], dtype=bool)
        colours = [well.trusted for _, well in having if well.trusted is not None]
        axes.plot(rounds[~known], places[~known], "x", ms=4, color="#999999")
        shown = axes.scatter(
            rounds[known], places[known], c=colours, s=13, cmap=COLOUR_MAP, vmin=low, vmax=high
        )
        unit = f" ({parameter.unit})" if parameter.unit else ""
        axes.set_title(f"{parameter.title or parameter.name}{unit}", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.tick_params(labelsize=7)
        axes.set_xlabel(gettext("round"), fontsize=7)
        axes.set_xlim(0.5, len(state.rounds) + 0.5)
        if not parameter.numeric:
            labels = [parameter.label(level) for level in parameter.choices or ()]
            axes.set_yticks(range(len(labels)), labels)
            axes.yaxis.set_minor_locator(NullLocator())
        elif parameter.log_scale:
            axes.set_yscale("log")
    if shown is not None:
        figure.colorbar(shown, ax=list(grid.flat), label=scale.label, shrink=0.8)
    return figure


def comparison_figure(state: CampaignState) -> Figure:
    """Every trusted value of the conditions that a person chose, by run, and their means."""
    wells = [
        (batch.number, well.proposal.condition, well.trusted)
        for batch in state.rounds
        for well in batch.wells
        if well.proposal.role == "chosen" and well.trusted is not None
    ]
    conditions = list(dict.fromkeys(condition for _, condition, _ in wells))
    runs = sorted({number for number, _, _ in wells})
    figure = Figure(figsize=(max(5.6, 1.7 * len(conditions)), 3.8), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for place, condition in enumerate(conditions):
        for run in runs:
            values = [v for number, c, v in wells if number == run and c == condition]
            spread = place + (run - np.mean(runs)) * 0.12 + rng.uniform(-0.03, 0.03, len(values))
            axes.plot(spread, values, "o", ms=4, color=f"C{runs.index(run)}", alpha=0.75)
        mean = np.mean([value for _, c, value in wells if c == condition])
        axes.plot([place - 0.3, place + 0.3], [mean, mean], color="#222222", lw=1.8)
    counts = Counter(condition for _, condition, _ in wells)
    names = [
        f"{fill(in_words(state, condition), _WIDTH)}\nn = {counts[condition]}"
        for condition in conditions
    ]
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel(state.campaign.outcome.scale.label)
    return figure
