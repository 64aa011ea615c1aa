"""A scorer of fluorescence images: the number of bright cells over that of a full well."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import convolve, minimum_filter
from skimage.draw import circle_perimeter

from protocols.images import CameraImage, write_png
from protocols.jobs import Reading
from protocols.scorers.cell_outlines import Cells, find_cells
from protocols.scoring import Score, scored_image

_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_SATURATED = 250 / 255
_FLAGGED_SATURATION = 0.05
LEAST_RISE = 4.0
"""Grey levels (of 255) by which a cell is brighter than its surroundings."""
_LEAST_NOISE = 0.5
_LEAST_DIAMETERS = 3
_OTHER_CHANNEL, _LEAST_RISE = 4.0, 0.05
_LEAST_DRAWN = 30
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
_MARK_RGB = (255, 0, 200)


class FluorescentCells:
    """Counts bright spots of one channel and divides by `full_count`, at most 1 (`overfull`).

    In images of 8 bits a cell rises by 4 grey levels and above the noise; in deeper ones, whose
    scale is the camera's own, above the noise alone.
    """

    version: ClassVar[str] = "6"
    reads: ClassVar[tuple[str, ...]] = ("image",)
    natural_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    marks: ClassVar[str] = "A magenta circle surrounds each cell that was counted."

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        full_count: int = Field(gt=0, description="cells of a well that counts as 1")
        channel: Literal["red", "green", "blue"] = Field(
            "green", description="of a colour image; a grey one is read as it is"
        )
        diameter_px: float = Field(8.0, ge=2, le=200, description="of a cell, pixels")
        plane: int | None = Field(
            None,
            ge=1,
            description="of a file that holds several images (pages, channels): which one, from 1",
        )

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The share of a full well, 0 to 1, at the depth that the camera gave.

        Flags: `over_exposed`, `overfull`, `clumped` (too many cells lie together to be told apart),
        `unlike_sizes` (cells cannot be told from debris by their size), `other_channel` (another
        colour has the cells), `drawn_in` (a scale bar or text is part of the image), `too_small`
        (a side of less than three cells), those of an image that is not read (`unreadable`,
        `format_not_read`, `too_large`, `no_such_plane`) and of `CameraImage`.
        """
        image = scored_image(reading, self._options.plane)
        if isinstance(image, Score):
            return image
        light = self._light(image)
        if min(light.shape) < _LEAST_DIAMETERS * self._options.diameter_px:
            return Score(value=None, flags=(*image.flags, "too_small"))
        flags = [*image.flags, *(["over_exposed"] if _over_exposed(light, image) else [])]
        if light.min() == light.max() and "constant" not in flags:
            flags.append("constant")
        found = self._found(image)
        count = len(found.places)
        if count > self._options.full_count:
            flags.append("overfull")
        if found.clumped:
            flags.append("clumped")
        if _drawn_in(light, image):
            flags.append("drawn_in")
        if found.unlike_sizes:
            flags.append("unlike_sizes")
        if self._brighter_elsewhere(image):
            flags.append("other_channel")
        return Score(value=round(min(count / self._options.full_count, 1.0), 4), flags=tuple(flags))

    def marked(self, reading: Reading) -> bytes | None:
        """The image with a circle around each cell that was counted."""
        image = scored_image(reading, self._options.plane)
        if isinstance(image, Score):
            return None
        shown = image.for_the_eye().copy()
        for row, column in self._found(image).places:
            around = circle_perimeter(
                row, column, round(self._options.diameter_px), shape=shown.shape[:2]
            )
            shown[around] = _MARK_RGB
        return write_png(shown)

    def _brighter_elsewhere(self, image: CameraImage) -> bool:
        if image.pixels.ndim < 3:
            return False
        rises = []
        for channel in _CHANNELS.values():
            light = image.channel(channel)
            rises.append(float(np.percentile(light, 99.5) - np.median(light)))
        own = rises[_CHANNELS[self._options.channel]]
        return max(rises) > max(_OTHER_CHANNEL * own, _LEAST_RISE * float(image.white or 255))

    def _light(self, image: CameraImage) -> NDArray[np.float64]:
        return image.channel(_CHANNELS[self._options.channel])

    def _found(self, image: CameraImage) -> Cells:
        light, diameter_px = self._light(image), self._options.diameter_px
        if image.eight_bit:
            return find_cells(light, diameter_px, LEAST_RISE, _LEAST_NOISE)
        if image.pixels.dtype == np.bool_:
            return find_cells(light * 255.0, diameter_px)
        rounding = _LEAST_NOISE if image.pixels.dtype.kind in "iu" else 0.0
        return find_cells(light, diameter_px, least_noise=rounding, hot_pixels=True)


def _over_exposed(light: NDArray[np.float64], image: CameraImage) -> bool:
    """Whether too many pixels are at the value where the camera saturates.

    Where that is not certain, they pile up at the highest value.
    """
    highest = float(light.max())
    if image.white is not None and (image.eight_bit or highest >= image.white):
        return bool((light >= _SATURATED * image.white).mean() > _FLAGGED_SATURATION)
    return highest > light.min() and bool((light == highest).mean() > _FLAGGED_SATURATION)


def _drawn_in(light: NDArray[np.float64], image: CameraImage) -> bool:
    """Whether white without a blurred edge, as no lens gives it, is part of the image."""
    if image.white is None or image.pixels.dtype == np.bool_:
        return False
    drawn = light >= image.white
    # Hot pixels are alone.
    drawn &= convolve(drawn.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant") > 2
    darkest = minimum_filter(light, footprint=_CROSS)[drawn]
    edge = darkest < image.white
    return bool(edge.sum() >= _LEAST_DRAWN and (darkest[edge] < image.white / 2).mean() > 0.5)
