"""No score of an image that no scorer was written for is wrong without a flag: a short table."""

import io

import numpy as np
import pytest
import tifffile

from benchmarks.images import CHANGES, FIELDS, fluorescent, profile_of, stained
from protocols.jobs import Reading
from protocols.scorers.calibration_profile import Profile
from protocols.scorers.coloured_cells import ColouredCells
from protocols.scorers.fluorescent_cells import FluorescentCells
from tests.stained_cultures import Scene

_SCENES = {plate: Scene(stain="oil_red", plate=plate) for plate in ("clear", "black")}  # type: ignore[arg-type]
_LARGE = "3,840 pixels"


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return {plate: profile_of(scene) for plate, scene in _SCENES.items()}


@pytest.mark.parametrize("change", [change for change in CHANGES if change != _LARGE])
@pytest.mark.parametrize("plate", list(_SCENES))
def test_stained_shares_are_right_or_flagged(
    profiles: dict[str, Profile], plate: str, change: str
) -> None:
    row = stained(_SCENES[plate], profiles[plate], change, 4)
    assert row.unflagged_worst <= 0.05
    if change == "as calibrated":
        assert not row.flags


@pytest.mark.parametrize("name", list(FIELDS))
def test_counts_of_fluorescent_cells_are_right_or_flagged(name: str) -> None:
    row = fluorescent(name, 3)
    assert row.unflagged_worst <= 0.1
    if name in (
        "60 of 100 cells", "100 of 100 cells", "a colour camera", "dim", "blurred", "unlike cells",
        "edge of a well", "edge, no cells",
    ):  # fmt: skip
        assert not row.flags
    expected = {
        "clumps of 3": "clumped",
        "clumps of 8": "clumped",
        "another colour": "other_channel",
    }.get(name)
    assert expected is None or row.flags[expected] == 3


def test_an_image_of_three_pixels_has_no_score() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.full((3, 3, 3), 180, np.uint8), photometric="rgb")
    reading = Reading(well="A1", kind="image", image=file.getvalue())
    for scorer in (
        ColouredCells(ColouredCells.Options()),
        FluorescentCells(FluorescentCells.Options(full_count=10)),
    ):
        found = scorer.score(reading)
        assert found.value is None
        assert "too_small" in found.flags
