"""Error and flags of image scoring, on images that no scorer was written for.

python -m benchmarks.images --images 10
"""

import argparse
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import tifffile
from PIL import Image

from protocols.images import read_image
from protocols.jobs import Reading
from protocols.scorers.calibrated_cells import score_by_profile
from protocols.scorers.calibrating import Reference, calibrate
from protocols.scorers.calibration_profile import Profile
from protocols.scorers.fluorescent_cells import FluorescentCells
from protocols.scoring import Score
from tests.fluorescent_cultures import Field, photograph_cells
from tests.stained_cultures import STAINS, Scene, photograph

SHARP = "3,840 pixels"
EACH_SHARP = 4
"""Of the images of `SHARP`, which take a hundred times as long to draw, every fourth is drawn."""

CHANGES: dict[str, dict[str, object]] = {
    "as calibrated": {},
    "white balance": {"white_balance": (1.1, 1.0, 0.8)},
    "half light": {"light": 0.5},
    "tilted light": {"tilt": 0.5},
    "bubbles": {"bubbles": 6},
    "dark meniscus": {"meniscus": 0.6},
    "phenol red": {"medium": "phenol_red"},
    "faint stain": {"strength": 0.4},
    "blur": {"blur": 0.06},
    "smaller well": {"radius": 0.33},
    SHARP: {"size": 3840},
    "TIFF, 16 bits": {},
    "JPEG": {},
}
PLATES = ("clear", "black")

FULL = 100
FIELDS: dict[str, Field] = {
    "60 of 100 cells": Field(),
    "100 of 100 cells": Field(cells=100),
    "no cells": Field(cells=0),
    "dim": Field(exposure=0.15),
    "bright medium": Field(background=0.5),
    "blurred": Field(blur=3.0),
    "unlike cells": Field(unevenness=0.7),
    "edge of a well": Field(rim=0.3, exposure=0.5),
    "edge, no cells": Field(cells=0, rim=0.3, exposure=0.5),
    "clumps of 3": Field(clump=3, cells=96),
    "clumps of 8": Field(clump=8, cells=96),
    "a colour camera": Field(channel=1),
    "another colour": Field(channel=0),
    "no black level": Field(background=0.0),
}


class Row(NamedTuple):
    """Errors of the scores that were given without a flag, and how many had each flag."""

    images: int
    errors: list[float]
    flagged_errors: list[float]
    flags: Counter[str]

    @property
    def unflagged_worst(self) -> float:
        """The largest error that no flag warns of."""
        return max(self.errors, default=0.0)

    @property
    def text(self) -> str:
        """As the table has it."""
        mean = f"{np.mean(self.errors):.3f}" if self.errors else "-"
        return (
            f"unflagged {len(self.errors):2} of {self.images}: error {mean} (at most "
            f"{self.unflagged_worst:.3f})  flagged: {dict(self.flags) or 'none'}"
        )


def profile_of(scene: Scene) -> Profile:
    """A calibration by two blank and two stained wells."""
    rng = np.random.default_rng(0)
    references = [
        Reference("reference", "0" * 64, use, photograph(scene, share, rng))
        for use, share in (("blank", 0.0), ("stained", 1.0))
        for _ in range(2)
    ]
    return calibrate(references).profile


def stained(scene: Scene, profile: Profile, change: str, images: int) -> Row:
    """Shares of 0 to 1, photographed with one of `CHANGES`."""
    rng = np.random.default_rng(1)
    changed = replace(scene, **CHANGES[change])  # type: ignore[arg-type]

    def score(share: float) -> Score:
        if change == "TIFF, 16 bits":
            file = io.BytesIO()
            tifffile.imwrite(file, photograph(changed, share, rng, 16), photometric="rgb")
            return score_by_profile(read_image(file.getvalue()).rgb(), profile).score
        image = photograph(changed, share, rng)
        if change == "JPEG":
            file = io.BytesIO()
            Image.fromarray(image).save(file, format="JPEG", quality=85)
            image = read_image(file.getvalue()).rgb()
        return score_by_profile(image, profile).score

    shares = np.linspace(0, 1, images)
    return _row(score, (shares[::EACH_SHARP] if change == SHARP else shares).tolist())


def fluorescent(name: str, images: int) -> Row:
    """One of `FIELDS`, by a scorer that is told the diameter and looks at green."""
    rng = np.random.default_rng(2)
    field = FIELDS[name]
    scorer = FluorescentCells(FluorescentCells.Options(full_count=FULL, diameter_px=field.diameter))

    def score(_: float) -> Score:
        file = io.BytesIO()
        Image.fromarray(photograph_cells(field, rng)).save(file, format="PNG")
        return scorer.score(Reading(well="A1", kind="image", image=file.getvalue()))

    return _row(score, [field.cells / FULL] * images)


def _row(score: Callable[[float], Score], truths: list[float]) -> Row:
    row = Row(len(truths), [], [], Counter())
    for truth in truths:
        found = score(truth)
        row.flags.update(found.flags)
        if found.value is not None:
            (row.flagged_errors if found.flags else row.errors).append(abs(found.value - truth))
    return row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--stains", nargs="*", default=list(STAINS))
    parser.add_argument("--changes", nargs="*", default=list(CHANGES))
    arguments = parser.parse_args()
    for plate in PLATES:
        for stain in arguments.stains:
            scene = Scene(stain=stain, plate=plate)  # type: ignore[arg-type]
            profile = profile_of(scene)
            for change in arguments.changes:
                row = stained(scene, profile, change, arguments.images)
                print(f"{plate:6} {stain:15} {change:14} {row.text}", flush=True)
    for name in FIELDS:
        print(f"fluorescence {name:17} {fluorescent(name, arguments.images).text}", flush=True)


if __name__ == "__main__":
    main()
