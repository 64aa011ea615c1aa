"""The virtual camera: a colour image of a well, with uneven light, blur, debris and glare."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.draw import disk, line

SIZE = 240
"""Height and width of an image, pixels."""

_PLATE = np.array([22.0, 23.0, 26.0])
_CULTURE = np.array([206.0, 190.0, 164.0])
_PIGMENT = np.array([98.0, 62.0, 36.0])

Spoil = Literal["blur", "exposure", "dark", "no_well"]


def render_well(
    ratio: float, rng: np.random.Generator, spoil: Spoil | None = None
) -> NDArray[np.uint8]:
    """An image of a well, of whose area the share `ratio` (0..1) is pigmented.

    Args:
        ratio: coloured-cell ratio; the pigmented patches cover it to within one pixel.
        rng: decides pattern, light, debris, glare and sensor noise.
        spoil: what goes wrong: far out of focus, over-exposed, too dark, or the well is not in the
            picture.

    Returns: SIZE x SIZE x 3, RGB.
    """
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    radius = rng.uniform(0.40, 0.44) * SIZE
    centre = SIZE / 2 + rng.uniform(-0.03, 0.03, size=2) * SIZE
    if spoil == "no_well":
        centre = centre + np.array([rng.choice([-1, 1]) * rng.uniform(0.7, 0.9) * SIZE, 0.0])
    distance = np.hypot(rows - centre[0], columns - centre[1])
    inside = distance <= radius

    image = np.broadcast_to(_PLATE, (SIZE, SIZE, 3)) * (
        1 + 0.06 * rng.standard_normal((SIZE, SIZE, 1))
    )
    culture = _CULTURE * rng.normal(1, 0.015, size=3)
    pigment = _PIGMENT * rng.normal(1, 0.03, size=3) * rng.uniform(0.85, 1.15)
    cells = 1 + 0.05 * gaussian_filter(rng.standard_normal((SIZE, SIZE)), 1.0)[..., None] / 0.28
    image = np.where(inside[..., None], culture * cells, image)
    image = np.where(_patches(ratio, inside, rng)[..., None], pigment * cells, image)
    image = _debris(image, inside, rng)
    image = image * _light(rows, columns, rng)[..., None]
    sigma = rng.uniform(4.5, 8.0) if spoil == "blur" else rng.uniform(0.4, 1.0)
    image = gaussian_filter(image, sigma=(sigma, sigma, 0))
    image = _glare(image, rows, columns, centre, radius, rng)
    if spoil == "exposure":
        image = image * rng.uniform(2.2, 2.9)
    elif spoil == "dark":
        image = image * rng.uniform(0.05, 0.12)
    image = image + rng.normal(0, 2.0, size=image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _patches(
    ratio: float, inside: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Colonies: the highest share `ratio` of a smooth random field within the well."""
    field = gaussian_filter(rng.standard_normal(inside.shape), 9.0) / 0.031
    field += 0.35 * gaussian_filter(rng.standard_normal(inside.shape), 3.0) / 0.094
    values = np.sort(field[inside])
    count = round(ratio * values.size)
    if count == 0:
        return np.zeros_like(inside)
    covered: NDArray[np.bool_] = inside & (field >= values[-count])
    return covered


def _debris(
    image: NDArray[np.float64], inside: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    image = image.copy()
    places = np.argwhere(inside)
    for _ in range(rng.poisson(3)):
        row, column = places[rng.integers(len(places))] if len(places) else (0, 0)
        shade = np.array([70.0, 72.0, 76.0]) * rng.uniform(0.6, 1.2)
        if rng.random() < 0.5:
            spot = disk((row, column), rng.uniform(1.5, 3.5), shape=inside.shape)
        else:
            angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(8, 22)
            end = np.array([row + length * np.sin(angle), column + length * np.cos(angle)])
            spot = line(row, column, *np.clip(end, 0, SIZE - 1).astype(int))
        image[spot[0], spot[1]] = shade
    return image


def _light(
    rows: NDArray[np.int64], columns: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Brightness from about 0.7 to 1.1: a random tilt, and a fall-off towards the corners."""
    y, x = rows / SIZE - 0.5, columns / SIZE - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    tilt = rng.uniform(0.05, 0.3) * (x * np.cos(angle) + y * np.sin(angle))
    return np.asarray(
        rng.uniform(0.92, 1.05) * (1 + tilt) * (1 - rng.uniform(0.1, 0.4) * (x**2 + y**2))
    )


def _glare(
    image: NDArray[np.float64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    centre: NDArray[np.float64],
    radius: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    for _ in range(rng.integers(0, 3)):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8) * radius
        place = centre + away * np.array([np.sin(angle), np.cos(angle)])
        width = rng.uniform(2.5, 5.0)
        spot = np.exp(-0.5 * ((rows - place[0]) ** 2 + (columns - place[1]) ** 2) / width**2)
        image = image + 260 * np.clip(1.6 * spot - 0.3, 0, 1)[..., None]
    return image
