"""A scorer of fluorescence images: the number of bright cells over that of a full well."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import convolve, maximum_filter, median_filter
from skimage.draw import circle_perimeter
from skimage.filters import gaussian
from skimage.measure import label, regionprops

from protocols.images import CameraImage, write_png
from protocols.jobs import Reading
from protocols.scorers.touching_cells import Separated, separate
from protocols.scoring import Score, scored_image

_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_SATURATED = 250 / 255
_FLAGGED_SATURATION = 0.05
LEAST_CONTRAST = 6.0
"""Grey levels (of 255) by which a cell is brighter than its surroundings."""
_LEAST_SIGNAL_TO_NOISE = 8.0
_LEAST_NOISE = 0.5
_SMALLEST_CELL_PX = 5.0
_LEAST_DIAMETERS = 3
_RIDGE = 4.0
_OTHER_CHANNEL, _LEAST_RISE = 4.0, 0.05
_MARK_RGB = (255, 0, 200)
_LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


class FluorescentCells:
    """Counts bright spots of one channel and divides by `full_count`, at most 1 (`overfull`).

    Images of 8 bits are judged by their grey levels; deeper ones, whose scale is the camera's own,
    by their noise.
    """

    version: ClassVar[str] = "5"
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
        found = self._separated(image)
        count = len(found.cells)
        if count > self._options.full_count:
            flags.append("overfull")
        if found.clumped:
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
        for row, column in self._separated(image).cells:
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

    def _separated(self, image: CameraImage) -> Separated:
        light, diameter_px = self._light(image), self._options.diameter_px
        noise = pixel_noise(light)
        if not image.eight_bit:
            light = without_hot_pixels(light, diameter_px)
        return separate(light, self._cells(image), diameter_px, noise)

    def _cells(self, image: CameraImage) -> NDArray[np.int_]:
        light, diameter_px = self._light(image), self._options.diameter_px
        if image.eight_bit:
            return find_cells(light, diameter_px)
        if image.pixels.dtype == np.bool_:
            return find_cells(light * 255.0, diameter_px)
        whole = image.pixels.dtype.kind in "iu"
        return find_cells_by_noise(light, diameter_px, _LEAST_NOISE if whole else 0.0)


def find_cells(
    light: NDArray[np.float64], diameter_px: float, least_rise: float = LEAST_CONTRAST
) -> NDArray[np.int_]:
    """Row and column of each bright spot of an image (n x 2, of height x width).

    Spots are peaks of a difference of Gaussians at the scale of a cell, at least half a diameter
    apart, that rise above their surroundings by `least_rise`, as bright as their neighbours or not.
    Peaks on a ridge, such as the edge of a well or a fibre, are none: there one curvature is much
    larger than the other (D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints,
    International Journal of Computer Vision 60 (2004) 91-110, section 4.1).
    """
    rise = _rise(light, diameter_px)
    size = max(int(diameter_px), 3) | 1
    highest = (rise == maximum_filter(rise, size=size)) & (rise > least_rise)
    vertical, horizontal = np.gradient(rise)
    (down, across), (_, along) = np.gradient(vertical), np.gradient(horizontal)
    curvature = down * along - across**2
    round_enough = (down + along) ** 2 * _RIDGE < (_RIDGE + 1) ** 2 * curvature
    # Equal neighbours, as of a saturated cell, are one peak.
    found = regionprops(label(highest & (curvature > 0) & round_enough, connectivity=2))
    return np.array([region.coords[0] for region in found], dtype=int).reshape(-1, 2)


def find_cells_by_noise(
    light: NDArray[np.float64], diameter_px: float, least_noise: float = 0.0
) -> NDArray[np.int_]:
    """Row and column of each bright spot of an image of any scale (n x 2, of height x width).

    As `find_cells`, but what counts as contrast is what rises above the noise of the pixels at the
    scale of a cell. Single hot pixels are left out where a cell is larger than they are.
    `least_noise` is the standard deviation that a pixel has at least, such as that of rounding.
    """
    # Of white noise a Gaussian leaves 1 / (2 sqrt(pi) sigma).
    noise = max(pixel_noise(light), least_noise) / (2 * np.sqrt(np.pi) * diameter_px / 4)
    light = without_hot_pixels(light, diameter_px)
    least = max(_LEAST_SIGNAL_TO_NOISE * noise, 1e-9 * float(np.abs(light).max()))
    return find_cells(light, diameter_px, least)


def without_hot_pixels(light: NDArray[np.float64], diameter_px: float) -> NDArray[np.float64]:
    """The image without single bright pixels, where a cell is larger than they are."""
    if diameter_px < _SMALLEST_CELL_PX:
        return light
    return np.asarray(median_filter(light, size=3))


def pixel_noise(light: NDArray[np.float64]) -> float:
    """Standard deviation of the noise of a pixel, by the image's Laplacian.

    J. Immerkaer, Fast Noise Variance Estimation, Computer Vision and Image Understanding 64 (1996)
    300-302, with the median in place of the mean, which cells and hot pixels would raise.
    """
    rough = np.abs(convolve(light, _LAPLACIAN, mode="mirror"))
    return float(np.median(rough)) / (6 * 0.6745) or float(rough.mean()) * np.sqrt(np.pi / 2) / 6


def _rise(light: NDArray[np.float64], diameter_px: float) -> NDArray[np.float64]:
    """By how much each place is brighter than what is around a cell there (height x width)."""
    near = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    return np.asarray(near - gaussian(light, sigma=diameter_px, preserve_range=True))


def _over_exposed(light: NDArray[np.float64], image: CameraImage) -> bool:
    """Whether too many pixels are at the value where the camera saturates.

    Where that is not certain, they pile up at the highest value.
    """
    highest = float(light.max())
    if image.white is not None and (image.eight_bit or highest >= image.white):
        return bool((light >= _SATURATED * image.white).mean() > _FLAGGED_SATURATION)
    return highest > light.min() and bool((light == highest).mean() > _FLAGGED_SATURATION)
