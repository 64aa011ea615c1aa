"""Scoring by colour: the image of a well -> its coloured-cell ratio, with flags."""

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import map_coordinates
from skimage.filters import gaussian
from skimage.measure import label, regionprops
from skimage.segmentation import find_boundaries
from skimage.transform import downscale_local_mean

from protocols.images import write_png
from protocols.jobs import Reading
from protocols.scorers.calibrated_cells import score_by_profile
from protocols.scorers.calibration_profile import Profile
from protocols.scorers.well_in_image import LEAST_PX
from protocols.scoring import Score, scored_image

CULTURE_RGB = (206.0, 190.0, 164.0)
"""Colour of unpigmented cells under the lab's light."""

PIGMENT_RGB = (98.0, 62.0, 36.0)
"""Colour of pigmented cells under the lab's light."""

_PLATE_BRIGHTNESS = 42.0
_BRIGHTEST_PLATE = 36.0
_INNER = 0.985
_SATURATED = 250
_FLAGGED_SATURATION = 0.12
_DARKEST = 60.0
_WIDEST_EDGE = 7.0
_LARGEST_PX = 480
_UNEXPLAINED = 0.08
_LEAST_AREA = 0.03
_SHARES = {False: (-0.33, 0.28), True: (0.85, 1.07)}
_LIGHTS = {False: (0.7, 1.25), True: (0.6, 1.35)}
_MISFIT = 0.065
_COUNTED_RGB = (0, 190, 255)
_PIGMENTED_RGB = (255, 0, 200)


def coloured_cell_ratio(image: NDArray[np.uint8] | NDArray[np.float64]) -> Score:
    """Share of a well's visible area that is pigmented.

    The well is the largest round region that is brighter than the black plate. Each pixel is taken
    as light * (share * pigment + (1 - share) * culture) and solved for light and share by least
    squares, which corrects uneven light. Glare and debris, which fit no such mixture, count neither
    as pigment nor as area.

    Flags: `no_well_found`, `out_of_focus`, `over_exposed`, `under_exposed`, `too_small` (a side of
    less than 48 pixels), and `outside_calibration`: colours or light that it does not know;
    calibrate it.

    Args:
        image: height x width x 3, RGB, 0..255.

    Raises:
        ValueError: the array is not an RGB image.
    """
    return _seen(image).score


class _Seen(NamedTuple):
    """The score of an image, and the pixels of area and of pigment (height x width each)."""

    score: Score
    counted: NDArray[np.bool_] | None = None
    pigmented: NDArray[np.bool_] | None = None


def _seen(image: NDArray[np.uint8] | NDArray[np.float64]) -> _Seen:
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"an RGB image is needed (height x width x 3), not an array of shape {image.shape}"
        )
    if min(image.shape[:2]) < LEAST_PX:
        return _Seen(Score(value=None, flags=("too_small",)))
    image = _manageable(image)
    pixels = image.astype(np.float64)
    brightness = pixels.max(axis=2)
    if np.percentile(brightness, 90) < _DARKEST:
        return _Seen(Score(value=None, flags=("under_exposed",)))
    plate = float(np.percentile(brightness, 3))
    flags = ["over_exposed"] if plate > _BRIGHTEST_PLATE else []
    well = _find_well(brightness, max(_PLATE_BRIGHTNESS, 1.6 * plate))
    if well is None:
        return _Seen(Score(value=None, flags=(*flags, "no_well_found")))
    row, column, radius = well
    if _edge_width(brightness, row, column, radius) > _WIDEST_EDGE:
        flags.append("out_of_focus")
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    inside = np.hypot(rows - row, columns - column) <= _INNER * radius
    saturated: NDArray[np.bool_] = np.any(image >= _SATURATED, axis=2)
    if not flags and saturated[inside].mean() > _FLAGGED_SATURATION:
        flags.append("over_exposed")
    counted = inside & ~saturated
    colours = gaussian(pixels, sigma=0.7, channel_axis=2, preserve_range=True)[counted]
    share, visible = _unmix(colours)
    if not visible.any():
        return _Seen(Score(value=None, flags=(*flags, "over_exposed")))
    if not flags and not _known(colours, share, visible):
        flags.append("outside_calibration")
    pigmented = counted.copy()
    pigmented[counted] = visible & (share > 0.5)
    counted[counted] = visible
    return _Seen(
        Score(value=round(float(pigmented.sum() / counted.sum()), 4), flags=tuple(flags)),
        counted,
        pigmented,
    )


class ColouredCells:
    """Scores images of wells by a lab's profile, else by `coloured_cell_ratio`."""

    version: ClassVar[str] = "6"
    reads: ClassVar[tuple[str, ...]] = ("image",)
    natural_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    marks: ClassVar[str] = "Magenta surrounds what counts as coloured; blue, all that was counted."

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        plane: int | None = Field(
            None, ge=1, description="of a file that holds several images: which one, from 1"
        )
        profile: Profile | None = Field(
            None,
            description="what `wellwise calibrate` found of the lab's images: its content, or in a "
            "campaign file its name",
        )

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The share of pigmented area, at the depth that the camera gave.

        Flags: those of `coloured_cell_ratio` or `score_by_profile`, of an image that is not read
        (`unreadable`, `format_not_read`, `too_large`, `no_such_plane`), of `CameraImage`, and
        `unknown_scale` (floats beyond 0 to 1, whose white is not known).
        """
        image = scored_image(reading, self._options.plane)
        if isinstance(image, Score):
            return image
        profile = self._options.profile
        if profile is not None:
            found = score_by_profile(image.rgb(), profile).score
        else:
            found = coloured_cell_ratio(image.rgb())
        flags = (*image.flags, *(("unknown_scale",) if image.white is None else ()))
        return found.model_copy(update={"flags": (*found.flags, *flags)})

    def marked(self, reading: Reading) -> bytes | None:
        """The image with the edges of what was counted, and of what counts as coloured."""
        image = scored_image(reading, self._options.plane)
        if isinstance(image, Score):
            return None
        if self._options.profile is not None:
            by_profile = score_by_profile(image.rgb(), self._options.profile)
            seen = _Seen(by_profile.score, by_profile.counted, by_profile.stained)
            shown = np.clip(np.round(by_profile.pixels), 0, 255).astype(np.uint8)
        else:
            seen = _seen(image.rgb())
            shown = _manageable(image.for_the_eye()).astype(np.uint8)
        if seen.counted is None or seen.pigmented is None:
            return None
        shown[find_boundaries(seen.counted, mode="inner")] = _COUNTED_RGB
        shown[find_boundaries(seen.pigmented, mode="inner")] = _PIGMENTED_RGB
        return write_png(shown)


def _manageable(
    image: NDArray[np.uint8] | NDArray[np.float64],
) -> NDArray[np.uint8] | NDArray[np.float64]:
    """The image itself, or a larger one by means of squares of pixels."""
    step = min(image.shape[:2]) // (_LARGEST_PX // 2)
    if min(image.shape[:2]) <= _LARGEST_PX:
        return image.copy()
    rows, columns = (side - side % step for side in image.shape[:2])
    return np.asarray(downscale_local_mean(image[:rows, :columns], (step, step, 1)))


def _known(
    colours: NDArray[np.float64], share: NDArray[np.float64], visible: NDArray[np.bool_]
) -> bool:
    """Whether both kinds of area have the colours and the light that the lab's camera gives."""
    if visible.mean() < 1 - _UNEXPLAINED:
        return False
    mixture = np.array([PIGMENT_RGB, CULTURE_RGB])
    weights = colours @ np.linalg.pinv(mixture)
    light = weights.sum(axis=1)
    misfit = np.linalg.norm(colours - weights @ mixture, axis=1) / np.linalg.norm(colours, axis=1)
    for pigmented in (False, True):
        kind = visible & ((share > 0.5) == pigmented)
        if kind.mean() < _LEAST_AREA:
            continue
        (low, high), (dim, bright) = _SHARES[pigmented], _LIGHTS[pigmented]
        if not (
            low < np.median(share[kind]) < high
            and dim < np.median(light[kind]) < bright
            and np.median(misfit[kind]) < _MISFIT
        ):
            return False
    return True


def _find_well(
    brightness: NDArray[np.float64], threshold: float
) -> tuple[float, float, float] | None:
    """Row, column and radius of the well, pixels."""
    regions = regionprops(label(gaussian(brightness, sigma=1.5, preserve_range=True) > threshold))
    if not regions:
        return None
    largest = max(regions, key=lambda region: region.area_convex)
    top, left, bottom, right = largest.bbox
    height, width = bottom - top, right - left
    radius = (height + width) / 4
    round_enough = (
        abs(height - width) < 0.06 * (height + width) / 2
        and largest.area_convex / (height * width) > 0.72
    )
    if not round_enough or not 0.25 < radius / min(brightness.shape) < 0.5:
        return None
    return (top + bottom - 1) / 2, (left + right - 1) / 2, radius


def _edge_width(brightness: NDArray[np.float64], row: float, column: float, radius: float) -> float:
    """How many pixels the step from plate to well takes; the median of 48 directions."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    reach = np.arange(radius - 22, radius + 12)[None, :]
    places = np.stack([row + reach * np.sin(angles), column + reach * np.cos(angles)])
    profile = map_coordinates(brightness, places, order=1, mode="nearest")
    step = profile[:, :8].mean(axis=1) - profile[:, -6:].mean(axis=1)
    slope = (profile[:, :-2] - profile[:, 2:]).max(axis=1) / 2
    return float(np.median(step / np.maximum(slope, 1e-6)))


def _unmix(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Share of pigment in each pixel (n x 3), and whether it looks like cells at all."""
    colours = np.array([PIGMENT_RGB, CULTURE_RGB])
    weights = pixels @ np.linalg.pinv(colours)
    light = weights.sum(axis=1)
    share = weights[:, 0] / np.where(np.abs(light) < 1e-6, 1e-6, light)
    misfit = np.linalg.norm(pixels - weights @ colours, axis=1) / np.maximum(
        np.linalg.norm(pixels, axis=1), 1e-6
    )
    visible = (light > 0.35) & (share > -0.45) & (misfit < 0.12)
    return share, visible
