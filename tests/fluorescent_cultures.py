"""Images of fluorescent cells, by the physics of light only: what a counting scorer is judged on.

Discs that shine with unlike brightness, a lens that blurs them, uneven light of the background,
noise of photons and of reading, and an exposure that fills most of the camera's scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class Field:
    """What is photographed, and how.

    Attributes:
        cells: how many.
        size: pixels of a side.
        diameter: of a cell, pixels.
        clump: cells that lie together.
        blur: standard deviation of the lens, pixels.
        unevenness: of the cells' brightness, standard deviation of its logarithm.
        rim: light of a well's floor beyond that of what is around it, as a share of a cell's.
        background: light of the medium, as a share of a cell's.
        exposure: how much of the camera's scale a cell fills.
        channel: in which colour they shine, 0 red to 2 blue; None: a grey camera.
    """

    cells: int = 60
    size: int = 400
    diameter: float = 8.0
    clump: int = 1
    blur: float = 1.2
    unevenness: float = 0.0
    rim: float = 0.0
    background: float = 0.1
    exposure: float = 0.7
    channel: int | None = None


def photograph_cells(
    field: Field, rng: np.random.Generator, bits: int = 8
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """An image (size x size, of a colour camera x 3); cells that lie alone do not touch."""
    size = field.size
    y, x = np.mgrid[0:size, 0:size]
    light = field.background * (1 + 0.3 * (x + y) / size)
    if field.rim:
        light = light + field.rim * (np.hypot(x - size / 2, y - size / 2) < 0.49 * size)
    middles: list[NDArray[np.float64]] = []
    while len(middles) < -(-field.cells // field.clump):
        at = rng.uniform(2 * field.diameter, size - 2 * field.diameter, 2)
        apart = field.diameter * (1.8 if field.clump == 1 else 2.5)
        if all(np.hypot(*(at - other)) > apart for other in middles):
            middles.append(at)
    for number in range(field.cells):
        at = middles[number // field.clump]
        if field.clump > 1:
            at = at + rng.normal(0, field.diameter * 0.6, 2)
        disc = np.hypot(y - at[0], x - at[1]) <= field.diameter / 2
        height = rng.uniform(0.7, 1.2)
        if field.unevenness:
            height = 0.5 * np.exp(field.unevenness * rng.standard_normal())
        light = np.maximum(light, disc * (height + field.rim))
    light = gaussian_filter(light, field.blur)
    photons = 2000.0
    light = light + rng.standard_normal(light.shape) * np.sqrt(np.maximum(light, 0) / photons)
    seen = np.clip(field.exposure * light + rng.normal(0, 0.002, light.shape), 0, 1)
    if field.channel is not None:
        colours = np.clip(rng.normal(0.02, 0.002, (*seen.shape, 3)), 0, 1)
        colours[..., field.channel] = seen
        seen = colours
    full = 2**bits - 1
    return np.round(seen * full).astype(np.uint8 if bits == 8 else np.uint16)
