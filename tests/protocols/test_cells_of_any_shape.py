"""Cells of any shape and place are counted, and what is no cell is not: shapes by scikit-image."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from skimage.draw import random_shapes

from protocols.jobs import Reading
from protocols.scorers.fluorescent_cells import FluorescentCells
from protocols.scoring import Score

_SIDE = 500


def _cells(seed: int, most: int, shape: str = "ellipse") -> tuple[NDArray[np.float64], int]:
    """Shapes that do not overlap, 10 to 22 pixels each way, 0 to 1, and how many."""
    image, labels = random_shapes(
        (_SIDE, _SIDE), most, min_shapes=most, min_size=10, max_size=22, shape=shape, rng=seed,
        channel_axis=None, intensity_range=(60, 160), num_trials=500,
    )  # fmt: skip
    return np.where(image == 255, 0, image) / 255.0, len(labels)


def _photographed(
    light: NDArray[np.float64], seed: int, exposure: float = 1.0
) -> NDArray[np.uint8]:
    """Through a lens that darkens the corners by half, on a camera that counts photons."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    lens = (1 + 0.21 * (y**2 + x**2)) ** -2
    seen = exposure * lens * (gaussian_filter(light, 1.2) + 0.1)
    seen = rng.poisson(2000 * seen) / 2000 + rng.normal(0, 0.003, seen.shape)
    return np.asarray(np.round(255 * np.clip(seen, 0, 1)), dtype=np.uint8)


def _scored(image: NDArray[np.uint8], full: int, diameter: float = 16.0) -> Score:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    options = FluorescentCells.Options(full_count=full, diameter_px=diameter)
    return FluorescentCells(options).score(Reading(well="A1", kind="image", image=file.getvalue()))


@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
@pytest.mark.parametrize("exposure", [1.0, 0.15])
def test_neither_shape_nor_uneven_light_changes_a_count(shape: str, exposure: float) -> None:
    for seed in (1, 2, 3):
        light, cells = _cells(seed, 110, shape)
        found = _scored(_photographed(light, seed, exposure), 200)
        assert found.flags == ()
        assert found.value == pytest.approx(cells / 200, abs=0.06 * cells / 200)


def test_an_empty_field_has_no_cells() -> None:
    for exposure in (0.1, 1.0, 5.0):
        found = _scored(_photographed(np.zeros((_SIDE, _SIDE)), 4, exposure), 100)
        assert found == Score(value=0.0)


def test_debris_that_could_be_cells_is_said() -> None:
    light, cells = _cells(5, 80)
    specks, _ = random_shapes(
        (_SIDE, _SIDE), 80, min_shapes=80, min_size=5, max_size=6, shape="rectangle", rng=6,
        channel_axis=None, intensity_range=(60, 160), num_trials=500,
    )  # fmt: skip
    light = np.maximum(light, np.where(specks == 255, 0, specks) / 255.0)
    assert "unlike_sizes" in _scored(_photographed(light, 5), 3 * cells).flags


def test_a_scale_bar_is_said() -> None:
    light, _ = _cells(7, 90)
    picture = Image.fromarray(_photographed(light, 7))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((380, 470, 470, 476), fill=255)
    draw.text((400, 450), "50 um", fill=255)
    assert "drawn_in" in _scored(np.asarray(picture), 300).flags


def test_a_large_image_is_counted_as_its_parts_are() -> None:
    light, cells = _cells(8, 110)
    image = np.tile(_photographed(light, 8), (3, 3))
    found = _scored(image, 18 * cells)
    assert found.flags == ()
    assert found.value == pytest.approx(0.5, abs=0.02)
