"""A scorer of fluorescence images: cells that glow, counted, as a share of how many a full well would have."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import maximum_filter
from skimage.filters import gaussian, threshold_otsu

from protocols.jobs import Reading
from protocols.scoring import UNREADABLE, Score, read_rgb

_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_SATURATED = 250
_FLAGGED_SATURATION = 0.05
_LEAST_CONTRAST = 12.0


class FluorescentCells:
    """Counts bright spots of one channel and divides by `full_count`; more than that is 1, with the flag `overfull`."""

    version: ClassVar[str] = "1"

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        full_count: int = Field(gt=0, description="cells of a well that counts as 1")
        channel: Literal["red", "green", "blue"] = "green"
        diameter_px: float = Field(8.0, ge=2, le=200, description="of a cell, pixels")

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's objective."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The share of a full well, 0 to 1. Flags: `unreadable`, `over_exposed`, `overfull`."""
        image = read_rgb(reading)
        if image is None:
            return UNREADABLE
        light = image[:, :, _CHANNELS[self._options.channel]].astype(np.float64)
        flags = ["over_exposed"] if (light >= _SATURATED).mean() > _FLAGGED_SATURATION else []
        count = count_cells(light, self._options.diameter_px)
        if count > self._options.full_count:
            flags.append("overfull")
        return Score(ratio=round(min(count / self._options.full_count, 1.0), 4), flags=tuple(flags))


def count_cells(light: NDArray[np.float64], diameter_px: float) -> int:
    """How many bright spots an image has (height x width, 0 to 255).

    Spots are peaks of the image smoothed at the scale of a cell, above Otsu's threshold and at least half a diameter
    apart; of an image without contrast nothing is counted.
    """
    smooth: NDArray[np.float64] = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    if smooth.max() - np.median(smooth) < _LEAST_CONTRAST:
        return 0
    size = max(int(diameter_px), 3) | 1
    peaks = (smooth == maximum_filter(smooth, size=size)) & (smooth > threshold_otsu(smooth))
    return int(peaks.sum())
