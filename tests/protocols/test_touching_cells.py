"""Cells that touch are told apart, or a flag says that they cannot be: ellipses drawn here."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from protocols.jobs import Reading
from protocols.scorers.fluorescent_cells import FluorescentCells
from protocols.scoring import Score

_SIZE = 400


def _photograph(number: int, diameter: float, apart: float, seed: int, add: bool) -> bytes:
    """Ellipses no nearer than `apart` diameters, whose light adds up or hides what is below."""
    rng = np.random.default_rng([seed, number])
    y, x = np.mgrid[0:_SIZE, 0:_SIZE]
    light, middles = np.full((_SIZE, _SIZE), 0.08), []
    while len(middles) < number:
        at = rng.uniform(1.5 * diameter, _SIZE - 1.5 * diameter, 2)
        if all(np.hypot(*(at - other)) > apart * diameter for other in middles):
            middles.append(at)
    for row, column in middles:
        length = rng.uniform(0.8, 1.25) * diameter / 2
        width = (diameter / 2) ** 2 / length * rng.uniform(0.85, 1.15)
        turned = rng.uniform(0, np.pi)
        along = (y - row) * np.cos(turned) + (x - column) * np.sin(turned)
        across = (x - column) * np.cos(turned) - (y - row) * np.sin(turned)
        cell = ((along / length) ** 2 + (across / width) ** 2 <= 1) * rng.uniform(0.35, 0.6)
        light = light + cell if add else np.maximum(light, cell + 0.08)
    light = gaussian_filter(light, 1.0) + rng.normal(0, 0.01, light.shape)
    grey = np.round(np.clip(light / (1.5 if add else 1.0), 0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "png")
    return file.getvalue()


def _scored(image: bytes, diameter: float, full: int) -> Score:
    options = FluorescentCells.Options(full_count=full, diameter_px=diameter)
    return FluorescentCells(options).score(Reading(well="A1", kind="image", image=image))


@pytest.mark.parametrize("add", [True, False], ids=["adds up", "hides"])
def test_cells_that_touch_are_counted(add: bool) -> None:
    shares = []
    for seed in (1, 2):
        found = _scored(_photograph(150, 14, 1.05, seed, add), 14, 200)
        assert found.value is not None
        assert found.flags == ()
        shares.append(found.value * 200 / 150)
    assert shares == pytest.approx([1.0, 1.0], abs=0.03)


@pytest.mark.parametrize(("diameter", "number"), [(8.0, 400), (14.0, 150)])
@pytest.mark.parametrize("add", [True, False], ids=["adds up", "hides"])
def test_most_cells_that_overlap_are_counted_and_the_rest_is_flagged(
    add: bool, diameter: float, number: int
) -> None:
    counted = []
    for seed in (1, 2):
        found = _scored(_photograph(number, diameter, 0.7, seed, add), diameter, 2 * number)
        assert found.value is not None
        assert found.flags == ("clumped",)
        counted.append(2 * found.value)
    assert 0.82 < np.mean(counted) <= 1.0


def test_cells_that_cover_each_other_are_flagged() -> None:
    for seed in (1, 2):
        found = _scored(_photograph(150, 14, 0.0, seed, add=False), 14, 200)
        assert "clumped" in found.flags
