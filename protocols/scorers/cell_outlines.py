"""Bright cells in an image, of any shape, apart or touching: their outlines, one by one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_fill_holes,
    convolve,
    distance_transform_edt,
    find_objects,
    gaussian_filter,
    grey_opening,
    maximum,
    median_filter,
)
from scipy.ndimage import label as connected
from skimage.measure import label, regionprops
from skimage.morphology import h_maxima
from skimage.segmentation import watershed
from skimage.transform import downscale_local_mean

Array = NDArray[np.float64]

_WORKING_DIAMETER_PX = 12
_FINE, _COARSE = 1 / 8, 1 / 4
"""Standard deviations of Gaussians, in diameters: of outlines, of a cell."""
_OPENING = 5.0
"""Diameters of what is still no ground."""
_DIP = 0.12
"""The share of its height by which the light falls between two cells."""
_DIP_TO_NOISE = 3.0
_LEAST_SIGNAL_TO_NOISE, _LOWEST = 8.0, 3.0
_LEAST_AREA = 0.1
"""Of a cell's, below which a spot is debris."""
_LONGEST = 5.0
"""Times as long as wide, from which on a spot is a fibre or the edge of a well."""
_RIDGE = 8.0
_CONVEX, _NECK = 0.93, 0.03
_LARGE, _BENT, _LONG = 1.35, 0.9, 1.35
_FLAGGED_ODD, _FLAGGED_ELONGATED = 0.04, 2.75
_FLAGGED_SIZE, _NOMINAL, _FLAGGED_ODDISH = 2.0, 0.94, 0.055
_FLAGGED_SPREAD = 0.55
_FEWEST = 8
"""Spots from which on their shapes say something of all."""
_SMALLEST_CELL_PX = 5.0
_TILE_PX, _MARGIN = 1024, 8.0
"""Pixels of the parts in which a large image is looked at, and the diameters that they overlap."""
_LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


class Cells(NamedTuple):
    """Row and column of each cell (n x 2), and what their outlines say against their number.

    `clumped`: too many lie together to be told apart; `unlike_sizes`: what is small may be debris.
    """

    places: NDArray[np.int_]
    clumped: bool
    unlike_sizes: bool


class _Spot(NamedTuple):
    row: float
    column: float
    area: float
    solidity: float
    aspect: float


def find_cells(
    light: Array,
    diameter_px: float,
    least_rise: float = 0.0,
    least_noise: float = 0.0,
    hot_pixels: bool = False,
) -> Cells:
    """The bright cells of an image.

    A cell is a peak of the smoothed light from which it falls by 12 % of its height on every way to
    a higher one (h-maxima of the logarithm), with all around it that is brighter than half of that
    height in its basin of a watershed. Where that has a neck it is several, by the peaks of the
    distance to its outline (P. Soille, Morphological Image Analysis, 2nd ed., sections 6.4 and
    9.2). The ground below is an opening by five diameters. So neither shape nor uneven light
    matters; what rises less than eight times the noise at the scale of a cell, is smaller than a
    tenth of one or more than five times as long as wide is none.

    Cells that cover each other have one peak and no neck. They show as spots that are larger and
    longer than the others, or bent: where more than 4 % are so, or the median spot is twice a cell
    or 2.75 times as long as wide, `clumped` is said; a little sooner where the median spot is no
    smaller than a cell. Where the logarithms of the areas have a standard deviation of more than
    0.55, `unlike_sizes` is: which small spots are cells is then a matter of taste.

    Args:
        light: height x width.
        diameter_px: of a cell.
        least_rise: by which a cell is brighter than what is around it.
        least_noise: standard deviation that a pixel has at least, such as that of rounding.
        hot_pixels: whether single bright pixels are to be left out, where a cell is larger.
    """
    noise = max(pixel_noise(light), least_noise)
    if hot_pixels and diameter_px >= _SMALLEST_CELL_PX:
        light = np.asarray(median_filter(light, size=3))
    least_rise = max(least_rise, 1e-9 * float(np.abs(light).max()))
    factor = max(1, int(diameter_px // _WORKING_DIAMETER_PX))
    if factor > 1:
        rows, columns = (side - side % factor for side in light.shape)
        light = np.asarray(downscale_local_mean(light[:rows, :columns], (factor, factor)))
    spots = _in_tiles(light, diameter_px / factor, least_rise, noise / factor)
    places = np.array([(spot.row, spot.column) for spot in spots]).reshape(-1, 2)
    found = np.floor((places + 0.5) * factor).astype(int)
    return Cells(found, _clumped(spots, diameter_px / factor), _unlike(spots))


def pixel_noise(light: Array) -> float:
    """Standard deviation of the noise of a pixel, by the image's Laplacian.

    J. Immerkaer, Fast Noise Variance Estimation, Computer Vision and Image Understanding 64 (1996)
    300-302, with the median in place of the mean, which cells and hot pixels would raise.
    """
    rough = np.abs(convolve(light, _LAPLACIAN, mode="mirror"))
    return float(np.median(rough)) / (6 * 0.6745) or float(rough.mean()) * np.sqrt(np.pi / 2) / 6


def _smoothed_noise(noise: float, sigma: float) -> float:
    # Of white noise a Gaussian leaves 1 / (2 sqrt(pi) sigma), and never more than there is.
    return noise / max(2 * float(np.sqrt(np.pi)) * sigma, 1.0)


def _in_tiles(light: Array, diameter: float, least_rise: float, noise: float) -> list[_Spot]:
    """The spots of an image of any size, by parts that overlap: a whole one would need gigabytes.

    Each spot is of the part in which its middle is.
    """
    margin = int(_MARGIN * diameter) + 1
    found: list[_Spot] = []
    for top in range(0, light.shape[0], _TILE_PX):
        for left in range(0, light.shape[1], _TILE_PX):
            row, column = max(0, top - margin), max(0, left - margin)
            part = light[row : top + _TILE_PX + margin, column : left + _TILE_PX + margin]
            found += [
                spot._replace(row=spot.row + row, column=spot.column + column)
                for spot in _spots(part, diameter, least_rise, noise)
                if top <= round(spot.row + row) < top + _TILE_PX
                and left <= round(spot.column + column) < left + _TILE_PX
            ]
    return found


def _spots(light: Array, diameter: float, least_rise: float, noise: float) -> list[_Spot]:
    coarse_noise = _smoothed_noise(noise, max(_COARSE * diameter, 0.6))
    coarse = gaussian_filter(light, _COARSE * diameter)
    # The lowest of many pixels lies below the ground by some of its noise.
    side = int(_OPENING * diameter) | 1
    ground = grey_opening(coarse, size=(side, side), mode="nearest")
    ground += _LOWEST * coarse_noise
    coarse -= ground
    rise = gaussian_filter(light, _FINE * diameter) - ground
    floor = max(least_rise, _LEAST_SIGNAL_TO_NOISE * coarse_noise)
    # Where noise is more than the dip between two cells, a peak has to rise above the noise.
    fine_noise = _smoothed_noise(noise, _FINE * diameter)
    height = np.log(np.maximum(rise, 0) + floor / 2 + _DIP_TO_NOISE * fine_noise / _DIP)
    peaks = label(h_maxima(height, _DIP), connectivity=2)
    numbers = np.arange(peaks.max() + 1)
    bright = (np.asarray(maximum(coarse, peaks, numbers)) > floor) & ~_ridges(coarse, peaks)
    bright[0] = False
    markers = np.where(bright, np.cumsum(bright), 0)[peaks]
    count = int(bright.sum())
    if not count:
        return []
    basins = watershed(-height, markers)
    top = np.asarray(maximum(rise, markers, np.arange(count + 1)))
    inside = np.where(rise > top[basins] / 2, basins, 0)
    found: list[_Spot] = []
    cell = np.pi / 4 * diameter**2
    for number, window in enumerate(find_objects(inside, count), 1):
        if window is None:
            continue
        corner = (window[0].start, window[1].start)
        spot = _largest_part(inside[window] == number)
        if spot.sum() >= _LEAST_AREA * cell:
            found += _pieces(spot, corner, diameter)
    return found


def _ridges(coarse: Array, peaks: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Which peaks are on a ridge, such as a fibre or the edge of a well: one curvature is all.

    As D. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, International Journal of
    Computer Vision 60 (2004) 91-110, section 4.1.
    """
    vertical, horizontal = np.gradient(coarse)
    (down, across), (_, along) = np.gradient(vertical), np.gradient(horizontal)
    middle, half = (down + along) / 2, np.hypot((down - along) / 2, across)
    ridge = _RIDGE * np.abs(middle + half) < half - middle
    return np.asarray(maximum(ridge, peaks, np.arange(peaks.max() + 1))) > 0


def _largest_part(spot: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, count = connected(spot)
    if count > 1:
        spot = parts == np.argmax(np.bincount(parts[parts > 0]))
    return np.asarray(binary_fill_holes(spot))


def _pieces(spot: NDArray[np.bool_], corner: tuple[int, int], diameter: float) -> list[_Spot]:
    """A spot, or what it falls into at its necks."""
    (whole,) = regionprops(spot.astype(np.uint8))
    if whole.axis_major_length > _LONGEST * max(whole.axis_minor_length, 1e-3):
        return []
    pieces = [whole]
    if whole.solidity < _CONVEX:
        distance = distance_transform_edt(np.pad(spot, 1))[1:-1, 1:-1]
        smooth = gaussian_filter(distance, diameter / 16)
        peaks = label(h_maxima(smooth, _NECK * diameter), connectivity=2)
        if peaks.max() > 1:
            pieces = regionprops(watershed(-distance, peaks, mask=spot))
    return [
        _Spot(
            corner[0] + piece.centroid[0],
            corner[1] + piece.centroid[1],
            float(piece.area),
            float(piece.solidity),
            float(piece.axis_major_length / max(piece.axis_minor_length, 1.0)),
        )
        for piece in pieces
    ]


def _clumped(spots: list[_Spot], diameter: float) -> bool:
    if not spots:
        return False
    area, solidity, aspect = (
        np.array([getattr(spot, name) for spot in spots]) for name in ("area", "solidity", "aspect")
    )
    size = float(np.median(area)) / (np.pi / 4 * diameter**2)
    if size > _FLAGGED_SIZE:
        return True
    larger, longer = area / np.median(area), aspect / np.median(aspect)
    odd = (larger > _LARGE) & ((solidity < _BENT) | (longer > _LONG))
    oddish = (larger > _LARGE - 0.1) & ((solidity < _BENT + 0.02) | (longer > _LONG - 0.05))
    many = len(spots) >= _FEWEST
    return bool(
        (odd.sum() > 1 and odd.mean() > _FLAGGED_ODD)
        or (many and np.median(aspect) > _FLAGGED_ELONGATED)
        or (many and size > _NOMINAL and oddish.mean() > _FLAGGED_ODDISH)
    )


def _unlike(spots: list[_Spot]) -> bool:
    areas = np.log([spot.area for spot in spots])
    return len(spots) >= _FEWEST and float(areas.std()) > _FLAGGED_SPREAD
