"""The share of a well that small or unevenly stained regions cover, by the shapes of skimage."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.data import binary_blobs
from skimage.transform import downscale_local_mean

from protocols.scorers.calibrated_cells import score_by_profile
from protocols.scorers.calibrating import Reference, calibrate
from protocols.scorers.calibration_profile import Profile
from protocols.scorers.well_in_image import find_well

_SIDE, _BINNED = 1200, 4
_Y, _X = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
_WELL = np.hypot(_Y, _X) < 0.8
_COUNTED = np.hypot(_Y, _X) < 0.8 * 0.95
# Absorbance for red, green and blue of a brown stain, and of one that absorbs green.
_STAINS = {"brown": (0.3, 0.6, 0.95), "magenta": (0.1, 0.9, 0.3)}


def _seen(
    density: NDArray[np.float64], stain: str, seed: int, fall: float = 0.0, plate: float = 0.7
) -> NDArray[np.float64]:
    """A well by Beer and Lambert; each pixel of the camera adds up the light of sixteen places.

    Of the light `fall` is lost in the corners, by the fourth power of the cosine.
    """
    light = np.where(_WELL, 0.9, plate)[..., None] * 10 ** -(
        (density * _WELL)[..., None] * np.array(_STAINS[stain])
    )
    corner = (1 / np.sqrt(1 - fall) - 1) / 2
    light = light * (1 + corner * (_Y**2 + _X**2))[..., None] ** -2.0
    light = downscale_local_mean(gaussian_filter(light, (3, 3, 0)), (_BINNED, _BINNED, 1))
    noise = np.random.default_rng(seed).normal(0, 0.004, light.shape)
    return np.round(255 * np.clip(light + noise, 0, 1) ** (1 / 2.2))


@pytest.fixture(scope="module", params=list(_STAINS))
def calibrated(request: pytest.FixtureRequest) -> tuple[str, Profile]:
    stain = str(request.param)
    references = [
        Reference(use, "0" * 64, use, _seen(np.full(_WELL.shape, density), stain, 1))  # type: ignore[arg-type]
        for use, density in (("blank", 0.0), ("stained", 1.0))
    ]
    return stain, calibrate(references).profile


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_of_cells_of_some_pixels_the_covered_area_is_found(
    calibrated: tuple[str, Profile], share: float
) -> None:
    stain, profile = calibrated
    cells = binary_blobs(_SIDE, blob_size_fraction=0.03, volume_fraction=share, rng=2)
    found = score_by_profile(_seen(cells * 1.0, stain, 3), profile).score
    assert found.value == pytest.approx(cells[_COUNTED].mean(), abs=0.05)


@pytest.mark.parametrize("unevenness", [0.3, 0.5, 0.7, 0.9])
def test_an_uneven_stain_is_scored_right_or_flagged(
    calibrated: tuple[str, Profile], unevenness: float
) -> None:
    stain, profile = calibrated
    cells = binary_blobs(_SIDE, blob_size_fraction=0.1, volume_fraction=0.6, rng=4)
    uptake = gaussian_filter(np.random.default_rng(5).standard_normal(cells.shape), 15)
    density = cells * np.exp(unevenness * uptake / uptake.std())
    found = score_by_profile(_seen(density, stain, 6), profile).score
    assert found.value is not None
    error = abs(found.value - cells[_COUNTED].mean())
    assert error < 0.05 or found.flags
    assert unevenness > 0.4 or (error < 0.03 and not found.flags)


@pytest.mark.parametrize("plate", [0.7, 0.02])
@pytest.mark.parametrize("fall", [0.3, 0.6])
def test_light_that_falls_off_to_the_corners_is_taken_out(fall: float, plate: float) -> None:
    references = [
        Reference(use, "0" * 64, use, _seen(np.full(_WELL.shape, density), "brown", 1, plate=plate))  # type: ignore[arg-type]
        for use, density in (("blank", 0.0), ("stained", 1.0))
    ]
    profile = calibrate(references).profile
    for share in (0.15, 0.5, 0.85):
        cells = binary_blobs(_SIDE, blob_size_fraction=0.05, volume_fraction=share, rng=7)
        found = score_by_profile(_seen(cells * 1.0, "brown", 8, fall, plate), profile).score
        assert found.flags == ()
        assert found.value == pytest.approx(cells[_COUNTED].mean(), abs=0.05)


@pytest.mark.parametrize("size", [0.015, 0.03])
def test_the_edges_of_cells_hide_no_well(size: float) -> None:
    for seed in (9, 10, 11):
        cells = binary_blobs(_SIDE, blob_size_fraction=size, volume_fraction=0.4, rng=seed)
        well = find_well(_seen(cells * 1.0, "brown", seed, plate=0.3), (0.2, 0.5))
        assert well is not None
        side = _SIDE // _BINNED
        assert well.radius == pytest.approx(0.4 * side, rel=0.05)
        assert (well.row, well.column) == pytest.approx((side / 2, side / 2), abs=0.03 * side)
