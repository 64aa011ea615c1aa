import numpy as np
import pytest
from scipy import ndimage

from protocols.images import write_png
from protocols.jobs import Reading
from protocols.scorers.coloured_cells import ColouredCells, coloured_cell_ratio
from protocols.scoring import Score, read_rgb
from simulators.camera import Spoil, render_well


def _scored(data: bytes) -> Score:
    return ColouredCells(ColouredCells.Options()).score(
        Reading(well="A1", kind="image", image=data)
    )


def test_the_score_is_the_share_that_was_rendered() -> None:
    rng = np.random.default_rng(4)
    ratios = [0.0, 0.002, 0.5, 0.998, 1.0, *rng.uniform(0, 1, 35)]
    scores = [coloured_cell_ratio(render_well(ratio, rng)) for ratio in ratios]
    assert all(score.flags == () for score in scores)
    errors = np.abs(
        [
            score.value - ratio
            for score, ratio in zip(scores, ratios, strict=True)
            if score.value is not None
        ]
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
    assert _scored(write_png(image)) == coloured_cell_ratio(image)


def test_what_was_counted_is_marked_on_the_image() -> None:
    image = render_well(0.4, np.random.default_rng(6))
    scorer = ColouredCells(ColouredCells.Options())
    marked = scorer.marked(Reading(well="A1", kind="image", image=write_png(image)))
    assert marked is not None
    shown = read_rgb(Reading(well="A1", kind="image", image=marked))
    assert shown is not None
    changed = (shown != image).any(axis=2)
    colours = {tuple(int(part) for part in pixel) for pixel in shown[changed]}
    assert colours == {(255, 0, 200), (0, 190, 255)}
    # Inside what magenta surrounds it is darker than around it.
    edges = (shown == (255, 0, 200)).all(axis=2)
    inside = ndimage.binary_fill_holes(edges) & ~edges
    assert image[inside].mean() < 0.7 * image[~inside & (image.max(axis=2) > 60)].mean()
    for nothing in (write_png(np.zeros_like(image)), b"no image"):
        assert scorer.marked(Reading(well="A1", kind="image", image=nothing)) is None


def test_bytes_that_are_no_image_are_flagged() -> None:
    assert _scored(b"not an image").flags == ("unreadable",)


def test_an_array_that_is_no_rgb_image_is_refused() -> None:
    with pytest.raises(ValueError, match="RGB"):
        coloured_cell_ratio(np.zeros((4, 4), dtype=np.uint8))
