"""The round well in an image of any size and plate colour: where it is, and how sharp its edge."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, sobel, uniform_filter
from skimage.feature import canny
from skimage.transform import downscale_local_mean, resize

WORKING_PX = 320
LEAST_PX = 48
"""Of the shorter side: in fewer pixels no well is seen."""

_SEARCH_PX = 160
_LEAST_VOTES = 0.35
_SPREAD, _STEP_PX = float(np.radians(10)), 2.0


class Well(NamedTuple):
    """Row, column and radius of a well, pixels of the image that was searched."""

    row: float
    column: float
    radius: float


def at_working_size(image: NDArray[np.uint8] | NDArray[np.float64]) -> NDArray[np.float64]:
    """An image (height x width x 3) whose shorter side is at most about 320 pixels, by means."""
    pixels = image.astype(np.float64)
    shorter = min(pixels.shape[:2])
    if shorter > 2 * WORKING_PX:
        step = shorter // WORKING_PX
        rows, columns = (side - side % step for side in pixels.shape[:2])
        pixels = np.asarray(downscale_local_mean(pixels[:rows, :columns], (step, step, 1)))
        shorter = min(pixels.shape[:2])
    if shorter > WORKING_PX:
        scale = WORKING_PX / shorter
        shape = tuple(round(side * scale) for side in pixels.shape[:2])
        pixels = np.asarray(resize(pixels, (*shape, 3), anti_aliasing=True, preserve_range=True))
    return pixels


def find_well(pixels: NDArray[np.float64], shares: tuple[float, float]) -> Well | None:
    """The circle with the most edge on it, by a Hough transform; None if there is no clear one.

    An edge votes for middles in the direction of its gradient only, within 10 degrees: so edges of
    cells, which lie in every direction, hide no well (C. Kimme, D. Ballard and J. Sklansky, Finding
    Circles by an Array of Accumulators, Communications of the ACM 18 (1975) 120-122).

    Args:
        pixels: height x width x 3.
        shares: least and largest radius, as shares of the shorter side.
    """
    shorter = min(pixels.shape[:2])
    scale = min(1.0, _SEARCH_PX / shorter)
    small = pixels.mean(axis=2)
    if scale < 1:
        shape = tuple(round(side * scale) for side in small.shape)
        small = np.asarray(resize(small, shape, anti_aliasing=True, preserve_range=True))
    low, high = (share * min(small.shape) for share in shares)
    radii = np.arange(int(low), int(np.ceil(high)) + 1)
    lightness = np.log(small + 8.0)
    edges = canny(lightness, sigma=1.5, low_threshold=0.02, high_threshold=0.06)
    smooth = gaussian_filter(lightness, 1.5)
    gradient = np.stack([sobel(smooth, axis)[edges] for axis in (0, 1)])
    gradient /= np.maximum(np.hypot(*gradient), 1e-12)
    votes, row, column, radius = max(
        _votes(np.argwhere(edges).T, gradient, edges.shape, int(radius)) for radius in radii
    )
    if votes < _LEAST_VOTES:
        return None
    return Well((row + 0.5) / scale - 0.5, (column + 0.5) / scale - 0.5, radius / scale)


def _votes(
    places: NDArray[np.int_], gradient: NDArray[np.float64], shape: tuple[int, ...], radius: int
) -> tuple[float, int, int, float]:
    """The best middle of a circle of a radius: the share of it that is edge, its row and column."""
    steps = int(np.ceil(radius * _SPREAD / _STEP_PX))
    turned = np.linspace(-_SPREAD, _SPREAD, 2 * steps + 1)
    across = np.stack([gradient[1], -gradient[0]])
    away = radius * (gradient[:, :, None] * np.cos(turned) + across[:, :, None] * np.sin(turned))
    votes = np.zeros(shape)
    for side in (-1, 1):
        rows, columns = np.rint(places[:, :, None] + side * away).astype(np.int32)
        seen = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
        at = (rows * shape[1] + columns)[seen]
        votes += np.bincount(at, minlength=votes.size).reshape(shape)
    # An edge that is off by a pixel votes next to the middle.
    votes = uniform_filter(votes, 3) * (9 / 3 * _STEP_PX / (2 * np.pi * radius))
    row, column = np.unravel_index(int(np.argmax(votes)), shape)
    return float(votes[row, column]), int(row), int(column), float(radius)


def edge_width(pixels: NDArray[np.float64], well: Well) -> float:
    """How wide the edge of the well is, as a share of its radius.

    The width of a direction is the largest change of log intensity along it by its steepest slope;
    the well's is the median of 72 directions.
    """
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)[:, None]
    reach = well.radius * np.linspace(0.85, 1.15, 121)[None, :]
    places = [well.row + reach * np.sin(angles), well.column + reach * np.cos(angles)]
    light = map_coordinates(np.log(pixels.mean(axis=2) + 8.0), places, order=1, mode="nearest")
    change = light.max(axis=1) - light.min(axis=1)
    slope = np.abs(light[:, 2:] - light[:, :-2]).max(axis=1) / 2
    return float(np.median(change / np.maximum(slope, 1e-6)) * 0.3 / 120)
