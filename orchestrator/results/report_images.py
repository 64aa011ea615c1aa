"""Images of wells for the report: the best, the median and the worst, with a scale bar."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image as Picture

from orchestrator.core.state import CampaignState, WellState
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import readings
from orchestrator.journal.tables import BY_HAND, ObservationRow
from orchestrator.languages import gettext
from orchestrator.results.report_words import well_place
from protocols.image_formats import ImageNotRead
from protocols.images import read_image
from protocols.pixel_size import pixel_size_um

_BAR = 0.25  # of the width, at most
_SHOWN_PX = 480


class WellImage(NamedTuple):
    """The latest image of a well: where it is from, its bytes, and why it was chosen."""

    title: str
    content: bytes


def images_of(journal: Journal, state: CampaignState, home: Path) -> list[WellImage]:
    """Images of the wells with the best, the median and the worst trusted value, where kept."""
    utility = state.campaign.objective.utility
    wells = [
        (value, batch.number, well)
        for batch in state.rounds
        for well in batch.wells
        if (value := well.trusted) is not None
    ]
    ranked = sorted(wells, key=lambda entry: -utility(entry[0]))
    if not ranked:
        return []
    chosen = {
        gettext("best"): ranked[0],
        gettext("median"): ranked[len(ranked) // 2],
        gettext("worst"): ranked[-1],
    }
    by_hand = {
        (row.round, row.plate, row.well)
        for row in journal.derived(state.id, ObservationRow)
        if row.scorer == BY_HAND
    }
    found = []
    for name, (trusted, number, well) in chosen.items():
        content = _latest(journal, state.id, number, well, home)
        if content is not None:
            shown = state.campaign.outcome.scale.text(trusted)
            if (number, well.well.plate, well.well.name) in by_hand:
                shown += f" ({gettext('by hand')})"
            title = f"{name}: {shown}\n{well_place(number, well)}"
            found.append(WellImage(title, content))
    return found


def image_panels(images: Sequence[WellImage]) -> Figure | None:
    """The images side by side, each with a scale bar where its file says how large a pixel is."""
    readable: dict[str, tuple[np.ndarray, float | None]] = {}
    for image in images:
        try:
            pixels = read_image(image.content).for_the_eye()
        except ImageNotRead:
            continue
        readable[image.title] = pixels, pixel_size_um(image.content)
    return _panels(readable) if readable else None


def _panels(readable: Mapping[str, tuple[np.ndarray, float | None]]) -> Figure:
    figure = Figure(figsize=(3.0 * len(readable), 3.5), layout="constrained")
    panels = figure.subplots(1, len(readable), squeeze=False)[0]
    for axes, (title, (pixels, size)) in zip(panels, readable.items(), strict=True):
        height, width = pixels.shape[:2]
        small = Picture.fromarray(pixels)
        small.thumbnail((_SHOWN_PX, _SHOWN_PX))
        axes.imshow(np.asarray(small), extent=(0, width, height, 0), interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
        if size is None:
            axes.text(0.5, -0.03, gettext("scale not recorded"), ha="center", va="top", fontsize=7,
                      transform=axes.transAxes)  # fmt: skip
        else:
            _draw_bar(axes, width, height, size)
    return figure


def _draw_bar(axes: Axes, width: int, height: int, size_um: float) -> None:
    """A bar of a round length, white with a dark rim so that it is seen on any image."""
    length = bar_length_um(width * size_um)
    pixels = length / size_um
    left, below = 0.05 * width, 0.94 * height
    for colour, thick in (("black", 5.0), ("white", 3.0)):
        axes.plot([left, left + pixels], [below, below], color=colour, lw=thick,
                  solid_capstyle="butt")  # fmt: skip
    text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    axes.text(0.05, -0.03, gettext("bar: {length}", length=text), ha="left", va="top", fontsize=7,
              transform=axes.transAxes)  # fmt: skip


def bar_length_um(width_um: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is at most a quarter of the width."""
    longest = _BAR * width_um
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest)


def _latest(
    journal: Journal, campaign_id: str, number: int, well: WellState, home: Path
) -> bytes | None:
    rows, _ = readings(journal, campaign_id, number, well.well.plate, well.well.name)
    paths = [home / row.path for row in rows if row.kind == "image"]
    return paths[-1].read_bytes() if paths and paths[-1].exists() else None
