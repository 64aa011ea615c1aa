"""Plots of the model: effects of parameters and of pairs, and how far to trust it."""

import io
from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from optimizer import (
    Effect,
    FrontPoint,
    HeldOut,
    PairEffect,
    cross_validate,
    effects,
    pair_effect,
    pareto_front,
    r_squared,
)
from orchestrator.core.goals import goals_of
from orchestrator.languages import ENGLISH, current, gettext
from orchestrator.results.typefaces import found_here
from orchestrator.studies.agreement import Pair, agreement
from protocols.campaign import Campaign
from protocols.conditions import Observation, Value
from protocols.parameters import Parameter

_LINE = "#4477aa"
_OUTLIER = "#ee6677"
_SHARE = 0.9
COLOUR_MAP = "cividis"
"""Perceptually even, and the same to colour-blind people."""


def svg(figure: Figure, salt: str) -> bytes:
    """A figure as SVG, the same bytes for the same figure and salt."""
    buffer = io.BytesIO()
    drawn = current() == ENGLISH or found_here(current())
    kind = "path" if drawn else "none"
    with rc_context({"svg.fonttype": kind, "svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def model_figures(
    campaign: Campaign, observations: Sequence[Observation], front: Sequence[FrontPoint]
) -> dict[str, Figure]:
    """Every plot of the model, by name; none when there are too few observations.

    Args:
        campaign: whose they are.
        observations: its results, and what it learns from beside.
        front: the conditions that none beats, where it has several objectives.
    """
    found = effects(campaign.space, observations)
    if not found:
        return {}
    held_out = cross_validate(campaign.space, observations)
    figures = {
        "effects": effect_curves(campaign, found, held_out),
        "calibration": calibration(campaign, held_out),
    }
    if len(found) > 1:
        pair = pair_effect(campaign.space, observations, found[0].parameter, found[1].parameter)
        if pair is not None:
            figures["pair-effect"] = pair_map(campaign, pair, observations)
    if campaign.costs:
        goals = goals_of(campaign)
        worth = pareto_front(campaign.space, observations, campaign.costs, objective=goals)
        figures["pareto-front"] = front_curve(campaign, worth)
    if front:
        figures["trade-off"] = trade_offs(campaign, front, observations)
    return figures


def effect_curves(
    campaign: Campaign, found: Sequence[Effect], held_out: Sequence[HeldOut]
) -> Figure:
    """The objective over each parameter, averaged over the others, with one sd.

    The most important parameter is the first; `held_out` says how much the model explains.
    """
    across = min(len(found), 4)
    down = -(-len(found) // across)
    figure = Figure(figsize=(2.7 * across + 0.6, 2.5 * down + 0.6), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    for axes in grid.flat[len(found) :]:
        axes.axis("off")
    for effect, axes in zip(found, grid.flat, strict=False):
        parameter = campaign.space.by_name[effect.parameter]
        places, mean, sd = (
            _places(parameter, effect.values),
            np.array(effect.mean),
            np.array(effect.sd),
        )
        if not parameter.numeric:
            axes.errorbar(places, mean, sd, fmt="o", color=_LINE, capsize=4)
            axes.set_xlim(-0.5, len(mean) - 0.5)
        else:
            axes.plot(places, mean, color=_LINE)
            axes.fill_between(places, mean - sd, mean + sd, color=_LINE, alpha=0.25, lw=0)
        share = effect.total_order
        axes.set_title(
            gettext(
                "{share} % ({low} to {high})",
                share=f"{100 * share.median:.0f}",
                low=f"{100 * share.low:.0f}",
                high=f"{100 * share.high:.0f}",
            ),
            fontsize=9,
        )
        _axis(axes, parameter)
        axes.tick_params(labelsize=7)
    figure.supylabel(campaign.outcome.scale.label, fontsize=9)
    said = (
        gettext(
            "What each parameter does, and its share of what the model explains with interactions"
        ),
        gettext(
            "(90 % interval; R² {r2} of {number} results, left out by condition)",
            r2=f"{r_squared(held_out):.2f}",
            number=len(held_out),
        ),
    )
    # Letters of other languages are twice as wide.
    width = (44 if current() == ENGLISH else 22) * across
    figure.suptitle("\n".join(fill(text, width) for text in said), fontsize=9)
    return figure


def pair_map(campaign: Campaign, pair: PairEffect, observations: Sequence[Observation]) -> Figure:
    """The objective over two parameters, averaged over the others, and where it was measured."""
    first, second = campaign.space.by_name[pair.first], campaign.space.by_name[pair.second]
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    across, down = _places(first, pair.first_values), _places(second, pair.second_values)
    # The model does not know where a natural range ends; colours do.
    mean = np.clip(np.array(pair.mean).T, *(campaign.outcome.scale.natural_range or (None, None)))
    colours = axes.pcolormesh(across, down, mean, cmap=COLOUR_MAP, shading="nearest")
    levels = axes.contour(across, down, mean, levels=6, colors="white", linewidths=0.8)
    scale = campaign.outcome.scale
    axes.clabel(levels, fmt=scale.rough, fontsize=7)
    usable = [
        o for o in observations if o.usable and {pair.first, pair.second} <= o.condition.root.keys()
    ]
    axes.plot(
        _places(first, [o.condition[pair.first] for o in usable]),
        _places(second, [o.condition[pair.second] for o in usable]),
        "o",
        ms=3.5,
        mfc="none",
        mec="white",
        alpha=0.8,
    )
    _axis(axes, first)
    _axis(axes, second, "y")
    figure.colorbar(colours, label=scale.label)
    sd = scale.rough(float(np.max(pair.sd)))
    title = gettext("Two parameters together; circles: wells (sd up to {sd})", sd=sd)
    axes.set_title(title, fontsize=9)
    return figure


def calibration(campaign: Campaign, held_out: Sequence[HeldOut]) -> Figure:
    """Each measured value against what the model says of it from all other conditions."""
    figure = Figure(figsize=(5.4, 5), layout="constrained")
    axes = figure.subplots()
    trusted = [entry for entry in held_out if not entry.outlier]
    for entries, colour, label in (
        (trusted, _LINE, gettext("well, with one sd of a measurement")),
        ([entry for entry in held_out if entry.outlier], _OUTLIER, gettext("outlier, not trusted")),
    ):
        if entries:
            means, values = [e.mean for e in entries], [e.value for e in entries]
            bars = [e.sd for e in entries]
            axes.errorbar(
                means,
                values,
                xerr=bars,
                fmt="o",
                ms=3.5,
                lw=0.6,
                color=colour,
                alpha=0.7,
                label=label,
            )
    scale = campaign.outcome.scale
    found = [value for entry in held_out for value in (entry.mean, entry.value)]
    low, high = scale.ends(found)
    if scale.natural_range is not None:
        low, high = (
            min(low - 0.03 * (high - low), *found),
            max(high + 0.03 * (high - low), *found),
        )
    axes.plot([low, high], [low, high], color="#222222", lw=1)
    unit = f" ({scale.unit})" if scale.unit else ""
    inside = np.mean([entry.within(_SHARE) for entry in held_out])
    axes.set(
        xlim=(low, high),
        ylim=(low, high),
        aspect="equal",
        xlabel=gettext("predicted from all other conditions") + unit,
        ylabel=gettext("measured") + unit,
    )
    axes.set_title(
        gettext(
            "{what}: {inside} % within the {share} % interval,",
            what=scale.title,
            inside=f"{100 * inside:.0f}",
            share=f"{100 * _SHARE:.0f}",
        )
        + "\n"
        + gettext(
            "R² {r2} of {number} results, left out by condition",
            r2=f"{r_squared(trusted):.2f}",
            number=len(trusted),
        ),
        fontsize=9,
    )
    axes.legend(fontsize=8, loc="upper left")
    return figure


def agreement_of(campaign: Campaign, pairs: Sequence[Pair]) -> Figure:
    """Differences between scorer and hand over their mean (Bland and Altman 1986)."""
    scored, by_hand = np.array([(pair.scored, pair.by_hand) for pair in pairs]).T
    found = agreement(scored, by_hand)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(found.bias_low, found.bias_high, color=_LINE, alpha=0.15, lw=0)
    axes.axhline(found.bias, color=_LINE, lw=1.4)
    for limit in (found.lower, found.upper):
        axes.axhline(limit, color=_LINE, lw=1, ls="--")
        known = limit - found.limit_half, limit + found.limit_half
        axes.axhspan(*known, color=_LINE, alpha=0.06, lw=0)
    axes.plot((scored + by_hand) / 2, scored - by_hand, "o", ms=4, color="#222222", alpha=0.7)
    scale = campaign.outcome.scale
    change = scale.change
    axes.set_title(
        gettext(
            "{wells} wells: scorer less hand {bias} ({low} to {high}),",
            wells=found.wells,
            bias=change(found.bias),
            low=change(found.bias_low),
            high=change(found.bias_high),
        )
        + "\n"
        + gettext(
            "limits {low} to {high}, each known to ±{half}",
            low=change(found.lower),
            high=change(found.upper),
            half=scale.number(found.limit_half),
        ),
        fontsize=9,
    )
    axes.set(
        xlabel=gettext("{what}, mean of scorer and hand", what=scale.label),
        ylabel=gettext("scorer less hand"),
    )
    return figure


def front_curve(campaign: Campaign, front: Sequence[FrontPoint]) -> Figure:
    """What the objective can be at which cost: one panel a cost."""
    figure = Figure(figsize=(4.6 * len(campaign.costs), 4), layout="constrained")
    panels = figure.subplots(1, len(campaign.costs), squeeze=False, sharey=True)[0]
    for index, (cost, axes) in enumerate(zip(campaign.costs, panels, strict=True)):
        for tried, label in ((True, gettext("tried")), (False, gettext("not tried yet"))):
            points = [point for point in front if point.tried == tried]
            if points:
                axes.errorbar(
                    [point.costs[index] for point in points],
                    [point.mean for point in points],
                    [point.sd for point in points],
                    fmt="o",
                    mfc=_LINE if tried else "white",
                    color=_LINE,
                    lw=0.8,
                    label=label,
                )
        axes.set_xlabel(f"{cost.name} ({cost.unit})" if cost.unit else cost.name)
    panels[0].set_ylabel(gettext("{what}, predicted", what=campaign.outcome.scale.label))
    panels[0].legend(fontsize=8)
    figure.suptitle(gettext("Conditions that no other beats in everything"), fontsize=10)
    return figure


def trade_offs(
    campaign: Campaign, front: Sequence[FrontPoint], observations: Sequence[Observation]
) -> Figure:
    """The first objective against each other one: what was measured, and what none beats."""
    scales = {outcome.name: outcome.scale for outcome in campaign.outcomes}
    first, *others = (scales[wanted.outcome] for wanted in campaign.objectives)
    figure = Figure(figsize=(4.6 * len(others), 4), layout="constrained")
    panels = figure.subplots(1, len(others), squeeze=False, sharey=True)[0]
    for number, (scale, axes) in enumerate(zip(others, panels, strict=True), 1):
        name = campaign.objectives[number].outcome
        known = [
            (o.outcomes[name], o.value) for o in observations if o.usable and o.of(name).usable
        ]
        if known:
            axes.plot(*zip(*known, strict=True), ".", color="#bbbbbb", label=gettext("measured"))
        for tried, label in (
            (True, gettext("not beaten, tried")),
            (False, gettext("not beaten, not tried yet")),
        ):
            points = [point for point in front if point.tried == tried]
            if points:
                axes.errorbar(
                    [point.means[number] for point in points],
                    [point.mean for point in points],
                    xerr=[point.sds[number] for point in points],
                    yerr=[point.sd for point in points],
                    fmt="o",
                    mfc=_LINE if tried else "white",
                    color=_LINE,
                    lw=0.8,
                    label=label,
                )
        axes.set_xlabel(scale.label)
    panels[0].set_ylabel(first.label)
    panels[0].legend(fontsize=8)
    figure.suptitle(gettext("Objectives against each other, with one sd"), fontsize=10)
    return figure


def _places(parameter: Parameter, values: Sequence[Value]) -> np.ndarray:
    """Where values lie on an axis: categories in the order of their levels."""
    return np.array(
        values if parameter.numeric else [parameter.entry(value) for value in values], dtype=float
    )


def _axis(axes: Axes, parameter: Parameter, which: str = "x") -> None:
    """Title, unit and scale of a parameter on one axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    unit = f" ({parameter.unit})" if parameter.unit else ""
    axis.set_label_text(f"{parameter.title or parameter.name}{unit}", fontsize=8)
    if not parameter.numeric:
        labels = [parameter.label(level) for level in parameter.choices or ()]
        axis.set_ticks(range(len(labels)), labels)
        axis.set_minor_locator(NullLocator())
    elif parameter.log_scale:
        axes.set(**{f"{which}scale": "log"})
