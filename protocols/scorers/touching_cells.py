"""Cells that touch or overlap: which bright spots are several, by their outlines."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, find_objects
from skimage.filters import gaussian
from skimage.measure import label, regionprops
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

_LARGE = 1.35
"""Times the median area, from which on a spot may be several cells."""
_LONG = 1.65
"""Times the largest disc inside of it, from which on a large spot is no single round cell."""
_HEIGHT = 0.04
"""Diameters by which the distance to the outline falls between two cells."""
_FRAYED = 0.03
"""The share of a cell's height that noise may have at the scale of its outline."""
_CLUMPED, _FLAGGED_LONG = 2.0, 0.06


class Separated(NamedTuple):
    """Row and column of each cell (n x 2), and whether too many lie together to be told apart."""

    cells: NDArray[np.int_]
    clumped: bool


def separate(
    light: NDArray[np.float64], cells: NDArray[np.int_], diameter_px: float, noise: float = 0.0
) -> Separated:
    """Spots that are several cells taken apart, by the peaks of the distance to their outline.

    What belongs to a spot is brighter than half its own height and in its basin of a watershed.
    Where a spot is larger than most and no disc, each peak of the distance transform that rises
    above its saddle counts as a cell (h-maxima; P. Soille, Morphological Image Analysis, 2nd ed.,
    sections 6.4 and 9.2). Cells that cover each other for the most part leave no neck between them:
    where more than one in 16 spots is so, or the median spot is twice a cell, it is said.

    Args:
        light: height x width.
        cells: row and column of each spot (n x 2).
        diameter_px: of a cell.
        noise: standard deviation of a pixel. Where it frays the outlines nothing is taken apart.
    """
    if not len(cells):
        return Separated(cells, clumped=False)
    spots = _spots(light, cells, diameter_px)
    areas = np.array([spot.sum() for _, spot in spots], dtype=float)
    typical = float(np.median(areas))
    height = float(np.median(light[tuple(cells.T)]) - np.percentile(light, 10))
    # Of white noise a Gaussian leaves 1 / (2 sqrt(pi) sigma).
    frayed = noise / (2 * np.sqrt(np.pi) * diameter_px / 8) > _FRAYED * height
    found: list[NDArray[np.int_]] = []
    together = 0
    for cell, (corner, spot) in zip(cells, spots, strict=True):
        found.append(cell[None])
        if spot.sum() <= _LARGE * typical:
            continue
        distance = distance_transform_edt(np.pad(spot, 1))
        if spot.sum() <= _LONG * np.pi * distance.max() ** 2:
            continue
        together += 1
        if frayed:
            continue
        smooth = gaussian(distance, sigma=diameter_px / 16, preserve_range=True)
        peaks = regionprops(label(h_maxima(smooth, _HEIGHT * diameter_px), connectivity=2))
        if len(peaks) > 1:
            found[-1] = corner - 1 + np.array([peak.coords[0] for peak in peaks])
    all_large = typical > _CLUMPED * np.pi / 4 * diameter_px**2
    clumped = all_large or together > max(1.0, _FLAGGED_LONG * len(cells))
    return Separated(np.concatenate(found), clumped)


def _spots(
    light: NDArray[np.float64], cells: NDArray[np.int_], diameter_px: float
) -> list[tuple[NDArray[np.int_], NDArray[np.bool_]]]:
    """The first row and column of a window around each spot, and the spot in it."""
    smooth = gaussian(light, sigma=diameter_px / 4, preserve_range=True)
    sharp = gaussian(light, sigma=diameter_px / 8, preserve_range=True)
    markers = np.zeros(light.shape, dtype=np.int32)
    markers[tuple(cells.T)] = np.arange(1, len(cells) + 1)
    basins, reach = watershed(-smooth, markers), int(2 * diameter_px)
    half = np.zeros(len(cells) + 1)
    for number, (row, column) in enumerate(cells, 1):
        rows = slice(max(0, row - reach), row + reach + 1)
        around = smooth[rows, max(0, column - reach) : column + reach + 1]
        half[number] = (smooth[row, column] + np.percentile(around, 10)) / 2
    bright, found = np.where(sharp > half[basins], basins, 0), []
    for number, (cell, window) in enumerate(
        zip(cells, find_objects(bright, len(cells)), strict=True), 1
    ):
        if window is None:
            found.append((cell, np.ones((1, 1), dtype=bool)))
            continue
        corner = np.array([side.start for side in window])
        parts = label(bright[window] == number, connectivity=1)
        own = parts[tuple(np.clip(cell - corner, 0, np.array(parts.shape) - 1))]
        found.append((corner, binary_fill_holes(parts == own if own else parts > 0)))
    return found
