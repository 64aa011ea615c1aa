"""Images of stained cultures, by the physics of light only: what scorers are judged on.

Written from a description of cultures, stains and light, not from a scorer. Light of the lamp goes
through plate, medium, cells and stain, each of which absorbs by Beer and Lambert, and falls on a
camera with a gain for each colour, blur, noise of photons and of reading, and a gamma of sRGB.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

# Absorbance of a dense layer for light that a camera sees as red, green and blue. Colours of the
# textbooks: crystal violet absorbs around 590 nm, Oil Red O around 520, melanin ever more
# towards the blue, the product of X-Gal around 615, DAB (brown) as melanin does and weaker.
STAINS: dict[str, tuple[float, float, float]] = {
    "crystal_violet": (0.75, 0.95, 0.22),
    "oil_red": (0.08, 0.85, 0.65),
    "melanin": (0.95, 1.10, 1.25),
    "brown": (0.30, 0.55, 0.80),
    "x_gal": (0.80, 0.40, 0.12),
}

# Absorbance of the medium's depth: saline, and phenol red at pH 7.4 and at pH 6.5.
MEDIA: dict[str, tuple[float, float, float]] = {
    "clear": (0.01, 0.01, 0.02),
    "phenol_red": (0.03, 0.24, 0.16),
    "phenol_red_acid": (0.02, 0.07, 0.34),
}

_CELLS = np.array([0.05, 0.06, 0.08])
_PLATES = {"clear": 0.85, "black": 0.02, "white": 0.95}


@dataclass(frozen=True)
class Scene:
    """What is photographed, and how.

    Attributes:
        stain: one of `STAINS`; `medium` one of `MEDIA`.
        strength: of the stain, 1 is that of a dense layer.
        unevenness: standard deviation of the logarithm of the stain from place to place.
        plate: what surrounds the well.
        size: pixels of a side of the image.
        radius: of the well, as a share of the side.
        light: of the lamp, 1 fills four fifths of the camera's scale.
        tilt: by how much the light changes from one side of the image to the other, 0..1.
        white_balance: gains of red, green and blue.
        blur: standard deviation, as a share of the well's radius.
        bubbles: how many, each with a bright middle and a dark rim.
        meniscus: how much darker the rim of the well is, 0..1.
    """

    stain: str = "crystal_violet"
    medium: str = "clear"
    plate: Literal["clear", "black", "white"] = "clear"
    size: int = 320
    radius: float = 0.42
    light: float = 1.0
    tilt: float = 0.1
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.004
    bubbles: int = 0
    meniscus: float = 0.25
    strength: float = 1.0
    unevenness: float = 0.0


def photograph(
    scene: Scene, share: float, rng: np.random.Generator, bits: int = 8
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """An image (size x size x 3, RGB) of a well, of whose area `share` (0..1) is stained."""
    size = scene.size
    y, x = _places(size)
    centre = rng.uniform(-0.02, 0.02, 2)
    distance = np.hypot(y - centre[0], x - centre[1]) / scene.radius
    inside = distance <= 1
    absorbance = _CELLS * _texture(size, rng, 60)[..., None]
    absorbance += np.array(MEDIA[scene.medium])
    absorbance *= inside[..., None]
    stained = _colonies(inside, share, rng)
    density = scene.strength * (1 + 0.15 * (_texture(size, rng, 30) - 1))
    if scene.unevenness:
        density = density * np.exp(scene.unevenness * (_texture(size, rng, 12) - 1))
    absorbance += (stained * density)[..., None] * np.array(STAINS[scene.stain])
    absorbance += (scene.meniscus * np.exp(-0.5 * ((distance - 1) / 0.02) ** 2) * inside)[..., None]
    np.multiply(absorbance, -np.log(10), out=absorbance)
    light = np.exp(absorbance, out=absorbance)
    light[~inside] *= _PLATES[scene.plate]
    light = _with_bubbles(light, scene, centre, rng)
    angle = rng.uniform(0, 2 * np.pi)
    lamp = 0.8 * scene.light * (1 + scene.tilt * (x * np.cos(angle) + y * np.sin(angle)))
    light *= lamp[..., None] * np.array(scene.white_balance)
    sigma = scene.blur * scene.radius * size
    light = gaussian_filter(light, (sigma, sigma, 0))
    photons = 8000.0
    noise = rng.standard_normal(light.shape)
    noise *= np.sqrt(light)
    noise /= np.sqrt(photons)
    light += noise
    light += 0.002 * rng.standard_normal(out=noise)
    np.clip(light, 0, 1, out=light)
    dark = light <= 0.0031308
    encoded = np.power(light, 1 / 2.4, out=noise)
    encoded *= 1.055
    encoded -= 0.055
    encoded[dark] = 12.92 * light[dark]
    encoded *= 2**bits - 1
    return np.round(encoded, out=encoded).astype(np.uint8 if bits == 8 else np.uint16)


def _places(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row (size x 1) and column (1 x size) of each pixel, -0.5 to 0.5."""
    along = np.arange(size) / (size - 1) - 0.5
    return along[:, None], along[None, :]


def _texture(size: int, rng: np.random.Generator, cells: int) -> NDArray[np.float64]:
    """A random field with a mean of 1 and an sd of about 1, as coarse as `cells` a side."""
    small = rng.standard_normal((cells + 4, cells + 4))
    field = zoom(small, size / cells, order=1)[:size, :size]
    return np.asarray(1 + field / field.std())


def _colonies(
    inside: NDArray[np.bool_], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Discs that grow from random places until they cover the share."""
    places = np.argwhere(inside)
    size = len(inside)
    along = np.arange(size, dtype=np.float64)
    reached = np.full(inside.shape, np.inf)
    away = np.empty_like(reached)
    for row, column in places[rng.integers(0, len(places), 25)]:
        np.add((along[:, None] - row) ** 2, (along[None, :] - column) ** 2, out=away)
        away *= rng.uniform(0.6, 1.6) ** 2
        np.minimum(reached, away, out=reached)
    wanted = round(share * len(places))
    limit = np.partition(reached[inside], wanted - 1)[wanted - 1] if wanted else -1.0
    return np.asarray(inside & (reached <= limit))


def _with_bubbles(
    light: NDArray[np.float64], scene: Scene, centre: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    size = scene.size
    y, x = _places(size)
    for _ in range(scene.bubbles):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.8) * scene.radius
        place = centre + away * np.array([np.sin(angle), np.cos(angle)])
        distance = np.hypot(y - place[0], x - place[1]) / (rng.uniform(0.03, 0.08) * scene.radius)
        light = light * (1 - 0.6 * np.exp(-0.5 * ((distance - 1) / 0.15) ** 2))[..., None]
        light = light + 0.3 * (np.exp(-0.5 * (distance / 0.4) ** 2))[..., None]
    return light
