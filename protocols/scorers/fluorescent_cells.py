"""A scorer of fluorescence images: the number of bright cells over that of a full well."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import maximum_filter
from skimage.draw import circle_perimeter
from skimage.filters import gaussian, threshold_otsu

from protocols.jobs import Reading
from protocols.scoring import UNREADABLE, Score, read_rgb, write_png

_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_SATURATED = 250
_FLAGGED_SATURATION = 0.05
_LEAST_CONTRAST = 12.0
_MARK_RGB = (255, 0, 200)


class FluorescentCells:
    """Counts bright spots of one channel and divides by `full_count`, at most 1 (`overfull`)."""

    version: ClassVar[str] = "1"
    natural_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    marks: ClassVar[str] = "A magenta circle surrounds each cell that was counted."

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        full_count: int = Field(gt=0, description="cells of a well that counts as 1")
        channel: Literal["red", "green", "blue"] = "green"
        diameter_px: float = Field(8.0, ge=2, le=200, description="of a cell, pixels")

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The share of a full well, 0 to 1. Flags: `unreadable`, `over_exposed`, `overfull`."""
        image = read_rgb(reading)
        if image is None:
            return UNREADABLE
        light = self._light(image)
        flags = ["over_exposed"] if (light >= _SATURATED).mean() > _FLAGGED_SATURATION else []
        count = len(find_cells(light, self._options.diameter_px))
        if count > self._options.full_count:
            flags.append("overfull")
        return Score(value=round(min(count / self._options.full_count, 1.0), 4), flags=tuple(flags))

    def marked(self, reading: Reading) -> bytes | None:
        """The image with a circle around each cell that was counted."""
        image = read_rgb(reading)
        if image is None:
            return None
        image = image.copy()
        for row, column in find_cells(self._light(image), self._options.diameter_px):
            around = circle_perimeter(
                row, column, round(self._options.diameter_px), shape=image.shape[:2]
            )
            image[around] = _MARK_RGB
        return write_png(image)

    def _light(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        return image[:, :, _CHANNELS[self._options.channel]].astype(np.float64)


def find_cells(light: NDArray[np.float64], diameter_px: float) -> NDArray[np.int_]:
    """Row and column of each bright spot of an image (n x 2, of height x width, 0 to 255).

    Spots are peaks of the image smoothed at the scale of a cell, above Otsu's threshold and at
    least half a diameter apart; in an image without contrast there is none.
    """
    smooth: NDArray[np.float64] = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    if smooth.max() - np.median(smooth) < _LEAST_CONTRAST:
        return np.empty((0, 2), dtype=int)
    size = max(int(diameter_px), 3) | 1
    peaks = (smooth == maximum_filter(smooth, size=size)) & (smooth > threshold_otsu(smooth))
    return np.argwhere(peaks)
