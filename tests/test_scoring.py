import numpy as np
import pytest

from protocols.coloured_cells import ColouredCells, coloured_cell_ratio
from protocols.jobs import Reading
from protocols.scoring import Score
from simulators.camera import Spoil, render_well
from simulators.robot import png


def _scored(data: bytes) -> Score:
    return ColouredCells(ColouredCells.Options()).score(Reading(well="A1", kind="image", image_png=data))


def test_the_score_is_the_share_that_was_rendered() -> None:
    rng = np.random.default_rng(4)
    ratios = [0.0, 0.002, 0.5, 0.998, 1.0, *rng.uniform(0, 1, 35)]
    scores = [coloured_cell_ratio(render_well(ratio, rng)) for ratio in ratios]
    assert all(score.flags == () for score in scores)
    errors = np.abs(
        [score.ratio - ratio for score, ratio in zip(scores, ratios, strict=True) if score.ratio is not None]
    )
    assert len(errors) == len(ratios)
    assert errors.mean() <= 0.01
    assert errors.max() <= 0.03


@pytest.mark.parametrize(
    ("spoil", "flags"),
    [
        ("blur", {"out_of_focus"}),
        ("exposure", {"over_exposed"}),
        ("dark", {"under_exposed"}),
        ("no_well", {"no_well_found", "under_exposed"}),
    ],
)
def test_a_spoilt_image_is_flagged(spoil: Spoil, flags: set[str]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(12):
        score = coloured_cell_ratio(render_well(rng.uniform(), rng, spoil))
        assert flags & set(score.flags)


def test_an_image_survives_png() -> None:
    image = render_well(0.4, np.random.default_rng(1))
    assert _scored(png(image)) == coloured_cell_ratio(image)


def test_bytes_that_are_no_image_are_flagged() -> None:
    assert _scored(b"not an image").flags == ("unreadable",)


def test_an_array_that_is_no_rgb_image_is_refused() -> None:
    with pytest.raises(ValueError, match="RGB"):
        coloured_cell_ratio(np.zeros((4, 4), dtype=np.uint8))
