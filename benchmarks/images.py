"""Error and flags of calibrated image scoring, on images that its own camera did not make.

python -m benchmarks.images --images 10
"""

import argparse
from collections import Counter
from dataclasses import replace

import numpy as np

from protocols.scorers.calibrated_cells import score_by_profile
from protocols.scorers.calibrating import Reference, calibrate
from tests.stained_cultures import STAINS, Scene, photograph

CHANGES: dict[str, dict[str, object]] = {
    "as calibrated": {},
    "white balance": {"white_balance": (1.1, 1.0, 0.8)},
    "half light": {"light": 0.5},
    "tilted light": {"tilt": 0.5},
    "bubbles": {"bubbles": 6},
    "dark meniscus": {"meniscus": 0.6},
    "phenol red": {"medium": "phenol_red"},
    "blur": {"blur": 0.06},
    "smaller well": {"radius": 0.33},
    "3,840 pixels": {"size": 3840},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--stains", nargs="*", default=list(STAINS))
    parser.add_argument("--changes", nargs="*", default=list(CHANGES))
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    for stain in arguments.stains:
        scene = Scene(stain=stain)
        references = [
            Reference("reference", "0" * 64, use, photograph(scene, share, rng))
            for use, share in (("blank", 0.0), ("stained", 1.0))
            for _ in range(2)
        ]
        profile = calibrate(references).profile
        for name in arguments.changes:
            errors, flags = [], Counter[str]()
            for share in np.linspace(0, 1, arguments.images):
                image = photograph(replace(scene, **CHANGES[name]), float(share), rng)  # type: ignore[arg-type]
                score = score_by_profile(image, profile).score
                flags.update(score.flags)
                if score.value is not None:
                    errors.append(abs(score.value - share))
            mean, most = (np.mean(errors), max(errors)) if errors else (np.nan, np.nan)
            print(f"{stain:15} {name:14} error {mean:.3f} (at most {most:.3f})  {dict(flags)}")


if __name__ == "__main__":
    main()
