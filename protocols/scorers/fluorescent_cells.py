"""A scorer of fluorescence images: the number of bright cells over that of a full well."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import convolve, maximum_filter, median_filter
from skimage.draw import circle_perimeter
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label, regionprops

from protocols.images import CameraImage, write_png
from protocols.jobs import Reading
from protocols.scoring import Score, scored_image

_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_SATURATED = 250 / 255
_FLAGGED_SATURATION = 0.05
_LEAST_CONTRAST = 12.0
_LEAST_SIGNAL_TO_NOISE = 8.0
_LEAST_NOISE = 0.5
_SMALLEST_CELL_PX = 5.0
_LEAST_DIAMETERS = 3
_CLUMPED = 2.0
_OTHER_CHANNEL, _LEAST_RISE = 4.0, 0.05
_MARK_RGB = (255, 0, 200)
_LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


class FluorescentCells:
    """Counts bright spots of one channel and divides by `full_count`, at most 1 (`overfull`).

    Images of 8 bits are judged by their grey levels; deeper ones, whose scale is the camera's own,
    by their noise.
    """

    version: ClassVar[str] = "3"
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

        Flags: `over_exposed`, `overfull`, `clumped` (cells that touch are counted as one),
        `other_channel` (another colour has the cells), `too_small` (a side of less than three
        cells), those of an image that is not read (`unreadable`, `format_not_read`, `too_large`,
        `no_such_plane`) and of `CameraImage`.
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
        cells = self._cells(image)
        count = len(cells)
        if count > self._options.full_count:
            flags.append("overfull")
        if clumped(light, cells, self._options.diameter_px):
            flags.append("clumped")
        if self._brighter_elsewhere(image):
            flags.append("other_channel")
        return Score(value=round(min(count / self._options.full_count, 1.0), 4), flags=tuple(flags))

    def marked(self, reading: Reading) -> bytes | None:
        """The image with a circle around each cell that was counted."""
        image = scored_image(reading, self._options.plane)
        if isinstance(image, Score):
            return None
        shown = image.for_the_eye().copy()
        for row, column in self._cells(image):
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

    def _cells(self, image: CameraImage) -> NDArray[np.int_]:
        light, diameter_px = self._light(image), self._options.diameter_px
        if image.eight_bit:
            return find_cells(light, diameter_px)
        if image.pixels.dtype == np.bool_:
            return find_cells(light * 255.0, diameter_px)
        whole = image.pixels.dtype.kind in "iu"
        return find_cells_by_noise(light, diameter_px, _LEAST_NOISE if whole else 0.0)


def clumped(light: NDArray[np.float64], cells: NDArray[np.int_], diameter_px: float) -> bool:
    """Whether what is as bright as cells is much more than the area of those that were counted.

    Args:
        light: height x width.
        cells: row and column of each (n x 2).
        diameter_px: of a cell.
    """
    if not len(cells):
        return False
    smooth: NDArray[np.float64] = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    dark = float(np.median(smooth))
    half = dark + (float(np.median(smooth[cells[:, 0], cells[:, 1]])) - dark) / 2
    area = float((smooth > half).sum())
    return area > _CLUMPED * len(cells) * np.pi / 4 * diameter_px**2


def find_cells(light: NDArray[np.float64], diameter_px: float) -> NDArray[np.int_]:
    """Row and column of each bright spot of an image (n x 2, of height x width, 0 to 255).

    Spots are peaks of the image smoothed at the scale of a cell, above Otsu's threshold and at
    least half a diameter apart; in an image without contrast there is none.
    """
    smooth: NDArray[np.float64] = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    if smooth.max() - np.median(smooth) < _LEAST_CONTRAST:
        return np.empty((0, 2), dtype=int)
    return np.argwhere(_peaks(smooth, diameter_px))


def find_cells_by_noise(
    light: NDArray[np.float64], diameter_px: float, least_noise: float = 0.0
) -> NDArray[np.int_]:
    """Row and column of each bright spot of an image of any scale (n x 2, of height x width).

    As `find_cells`, but what counts as contrast is what rises above the noise of the pixels at the
    scale of a cell, so that uneven light is none. Single hot pixels are left out where a cell is
    larger than they are. `least_noise` is the standard deviation that a pixel has at least, such as
    that of rounding.
    """
    sigma = diameter_px / 4
    # Of white noise a Gaussian leaves 1 / (2 sqrt(pi) sigma).
    noise = max(pixel_noise(light), least_noise) / (2 * np.sqrt(np.pi) * sigma)
    if diameter_px >= _SMALLEST_CELL_PX:
        light = median_filter(light, size=3)
    smooth: NDArray[np.float64] = gaussian(light, sigma=sigma, preserve_range=True)
    rise = smooth - gaussian(light, sigma=diameter_px, preserve_range=True)
    clear = rise > max(_LEAST_SIGNAL_TO_NOISE * noise, 1e-9 * float(np.abs(light).max()))
    # Equal neighbours, as of a saturated cell, are one peak.
    found = regionprops(label(_peaks(smooth, diameter_px) & clear, connectivity=2))
    return np.array([region.coords[0] for region in found], dtype=int).reshape(-1, 2)


def pixel_noise(light: NDArray[np.float64]) -> float:
    """Standard deviation of the noise of a pixel, by the image's Laplacian.

    J. Immerkaer, Fast Noise Variance Estimation, Computer Vision and Image Understanding 64 (1996)
    300-302, with the median in place of the mean, which cells and hot pixels would raise.
    """
    rough = np.abs(convolve(light, _LAPLACIAN, mode="mirror"))
    return float(np.median(rough)) / (6 * 0.6745) or float(rough.mean()) * np.sqrt(np.pi / 2) / 6


def _peaks(smooth: NDArray[np.float64], diameter_px: float) -> NDArray[np.bool_]:
    size = max(int(diameter_px), 3) | 1
    highest = smooth == maximum_filter(smooth, size=size)
    return np.asarray(highest & (smooth > threshold_otsu(smooth)))


def _over_exposed(light: NDArray[np.float64], image: CameraImage) -> bool:
    """Whether too many pixels are at the value where the camera saturates.

    Where that is not certain, they pile up at the highest value.
    """
    highest = float(light.max())
    if image.white is not None and (image.eight_bit or highest >= image.white):
        return bool((light >= _SATURATED * image.white).mean() > _FLAGGED_SATURATION)
    return highest > light.min() and bool((light == highest).mean() > _FLAGGED_SATURATION)
