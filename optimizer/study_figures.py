"""Figures of a study that was asked and told, which show in a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optimizer.cross_validation import HeldOut, r_squared
from optimizer.objective import Objective
from optimizer.sensitivity import Effect
from protocols.conditions import Observation
from protocols.recommendations import FrontPoint
from protocols.search_space import SearchSpace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HALF_OF_90_PERCENT = 1.645  # sds


def progress(observations: Sequence[Observation], objective: Objective, name: str) -> "Figure":
    """Every result in its order, and the best after each batch, whose results come together."""
    figure, axes = _figure()
    usable = [observation for observation in observations if observation.usable]
    known = [observation.value for observation in usable if observation.value is not None]
    ends = [
        place
        for place, one in enumerate(usable, 1)
        if place == len(usable) or usable[place].round != one.round
    ]
    best = [max(known[:end], key=objective.utility) for end in ends]
    axes.plot(range(1, len(known) + 1), known, "o", alpha=0.6, label="measured")
    axes.step(ends, best, "o-", where="post", ms=3, label="best after each batch")
    axes.set(xlabel="result", ylabel=name)
    axes.legend()
    return figure


def hypervolume_by_batch(volumes: Sequence[float]) -> "Figure":
    """The hypervolume that the results dominate, after each batch."""
    figure, axes = _figure()
    axes.step(range(1, len(volumes) + 1), volumes, "o-", where="post")
    axes.set(xlabel="batch", ylabel="hypervolume")
    axes.set_ylim(bottom=0)
    return figure


def effect_curves(
    space: SearchSpace, found: Sequence[Effect], held_out: Sequence[HeldOut], name: str
) -> "Figure":
    """What each parameter does: mean and 90 % interval, and its share with its interval."""
    count = max(len(found), 1)
    figure, _ = _figure(width=3.0 * count, columns=count)
    for axes, effect in zip(figure.axes, found, strict=False):
        middle = list(effect.mean)
        reach = [_HALF_OF_90_PERCENT * sd for sd in effect.sd]
        low = [m - r for m, r in zip(middle, reach, strict=True)]
        high = [m + r for m, r in zip(middle, reach, strict=True)]
        numeric = space.by_name[effect.parameter].numeric
        at = [value if numeric else str(value) for value in effect.values]
        axes.plot(at, middle, "-" if numeric else "o")
        axes.fill_between(at, low, high, alpha=0.2)
        share = effect.total_order
        axes.set(
            xlabel=effect.parameter,
            title=f"{share.median:.0%} ({share.low:.0%} to {share.high:.0%})",
        )
    figure.axes[0].set_ylabel(name)
    explained = f"R² {r_squared(held_out):.2f} of {len(held_out)} results, left out by condition"
    figure.suptitle(f"Shares of what the model explains, with interactions ({explained})")
    return figure


def calibration(held_out: Sequence[HeldOut], name: str) -> "Figure":
    """Each result beside what all other conditions predict for it, with 90 % intervals."""
    figure, axes = _figure()
    axes.errorbar(
        [entry.mean for entry in held_out],
        [entry.value for entry in held_out],
        xerr=[_HALF_OF_90_PERCENT * entry.sd for entry in held_out],
        fmt="o",
        alpha=0.6,
    )
    if held_out:
        axes.axline((held_out[0].value, held_out[0].value), slope=1, color="grey", linewidth=0.8)
    axes.set(xlabel=f"{name} as all other conditions predict it", ylabel=f"{name} as measured")
    return figure


def trade_off(
    measured: Sequence[tuple[Observation, Observation]],
    front: Sequence[FrontPoint],
    names: tuple[str, str],
) -> "Figure":
    """Two outcomes of each result, and the predicted front with one sd."""
    figure, axes = _figure()
    known = [(one.value, other.value) for one, other in measured if one.usable and other.usable]
    if known:
        axes.plot(*zip(*known, strict=True), "o", alpha=0.5, label="measured")
    for tried, label in ((True, "not beaten, tried"), (False, "not beaten, not tried yet")):
        points = [point for point in front if point.tried == tried]
        if points:
            axes.errorbar(
                [point.means[0] for point in points],
                [point.means[1] for point in points],
                xerr=[point.sds[0] for point in points],
                yerr=[point.sds[1] for point in points],
                fmt="s",
                mfc=None if tried else "white",
                lw=0.8,
                label=label,
            )
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend()
    return figure


def _figure(width: float = 6.0, columns: int = 1) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.0), layout="constrained")
    return figure, figure.subplots(1, columns, sharey=True)
