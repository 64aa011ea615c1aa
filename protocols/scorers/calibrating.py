"""Calibration of image scoring: a lab's reference images -> its profile."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.transform import resize

from protocols.errors import InvalidInput, Problem
from protocols.scorers.calibrated_cells import (
    Area,
    area_of,
    between,
    classify,
    fall_off,
    grid,
    log_intensity,
    quadratic,
    relative_colours,
)
from protocols.scorers.calibration_profile import Profile, ReferenceImage, Triple
from protocols.scorers.well_in_image import at_working_size, edge_width, find_well

Array = NDArray[np.float64]

_SHARES = (0.2, 0.5)
_LEAST_DISTANCE = 3.0
_LEAST_PIXELS = 200
_LEAST_MARKED = 0.5
_STAINED_MARK, _UNSTAINED_MARK = (255, 0, 255), (0, 255, 255)


class Reference(NamedTuple):
    """A reference image (height x width x 3, 0..255) and what it shows.

    `use`: a `blank` well without a stained cell, one that is `stained` all over, one whose regions
    are `marked`, or `white`: the light without a plate. `marks` (height x width x 3) is magenta
    where the well is stained and cyan where it is not; all else is not looked at.
    """

    name: str
    sha256: str
    use: Literal["blank", "stained", "marked", "white"]
    image: NDArray[np.uint8] | Array
    marks: NDArray[np.uint8] | None = None


class Calibrated(NamedTuple):
    """A profile, and how far apart its two colours look (CIEDE2000; 2 is just seen)."""

    profile: Profile
    difference: float


class _Seen(NamedTuple):
    area: Area
    stained: NDArray[np.bool_]
    unstained: NDArray[np.bool_]
    rgb: Array
    radius: float
    edge: float


def calibrate(references: Sequence[Reference]) -> Calibrated:
    """The profile of a lab's reference images.

    Raises:
        InvalidInput: with every image in which no well is found or nothing is marked; no area of
            one kind; or kinds that cannot be told apart.
    """
    white = next((_fall(each.image) for each in references if each.use == "white"), None)
    problems: list[Problem] = []
    seen: list[_Seen] = []
    for each in references:
        if each.use == "white":
            continue
        found = _seen(each, white)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            seen.append(found)
    if not problems:
        problems = _missing(seen)
    if problems:
        raise InvalidInput(problems)
    surround = np.mean([each.area.surround for each in seen], axis=0)
    blank = Profile(
        images=tuple(
            ReferenceImage(name=each.name, sha256=each.sha256, use=each.use) for each in references
        ),
        unstained=(0.0, 0.0, 0.0),
        stained=(0.0, 0.0, 0.0),
        spread=((0.0,) * 3,) * 3,
        surround=_triple(surround),
        radius=(min(each.radius for each in seen), max(each.radius for each in seen)),
        edge=max(max(each.edge for each in seen), 1e-4),
        unexplained=0.0,
        white=None if white is None else (white[0], white[1], white[2]),
    )
    profile = _with_colours(blank, seen)
    inverse = np.linalg.inv(profile.covariance())
    way = np.subtract(profile.stained, profile.unstained)
    distance = float(np.sqrt(way @ inverse @ way))
    if distance < _LEAST_DISTANCE:
        raise InvalidInput(
            [
                Problem(
                    where="calibrate",
                    message=f"stained and unstained areas are {distance:.1f} standard deviations "
                    "apart",
                    expected=f"{_LEAST_DISTANCE:g} or more: mark their middles, or photograph them "
                    "in other light",
                )
            ]
        )
    kinds = [classify(each.area, profile) for each in seen]
    shares = [
        between(each.area, of, each.stained | each.unstained)
        for each, of in zip(seen, kinds, strict=True)
    ]
    profile = profile.model_copy(
        update={
            "unexplained": round(max(1 - float(of.explained.mean()) for of in kinds), 4),
            "between": round(max(share for share, _ in shares), 4),
            "faintest": round(min([1.0, *(middle for _, middle in shares if middle)]), 4),
        }
    )
    return Calibrated(profile, _difference(seen))


def _seen(reference: Reference, white: tuple[tuple[float, ...], ...] | None) -> _Seen | Problem:
    pixels = at_working_size(reference.image)
    well = find_well(pixels, _SHARES)
    if well is None:
        return Problem(
            where=reference.name,
            message="no round well is found",
            expected="one well, whole, a fifth to a half of the image's shorter side in radius",
        )
    area = area_of(pixels, well, white)
    every = np.ones(len(area.colours), dtype=bool)
    kinds = {"blank": (~every, every), "stained": (every, ~every)}
    if reference.use == "marked":
        if reference.marks is None or reference.marks.shape != reference.image.shape:
            return Problem(
                where=reference.name,
                message="has no marks of its size",
                expected="an image of the same size, painted magenta (255, 0, 255) and cyan "
                "(0, 255, 255)",
            )
        kinds["marked"] = (
            _painted(reference.marks, _STAINED_MARK, area),
            _painted(reference.marks, _UNSTAINED_MARK, area),
        )
    stained, unstained = kinds[reference.use]
    if not (stained | unstained).any():
        return Problem(
            where=reference.name,
            message="nothing inside of the well is painted magenta or cyan",
            expected="marks of stained (magenta) or unstained (cyan) regions",
        )
    share = well.radius / min(pixels.shape[:2])
    edge = edge_width(pixels, well)
    return _Seen(area, stained, unstained, pixels[area.inside], share, edge)


def _painted(
    marks: NDArray[np.uint8], colour: tuple[int, int, int], area: Area
) -> NDArray[np.bool_]:
    painted = (np.abs(marks.astype(int) - colour).max(axis=2) < 40).astype(float)
    small = resize(painted, area.inside.shape, order=1, anti_aliasing=False)
    return np.asarray(small[area.inside] > 0.5)


def _missing(seen: Sequence[_Seen]) -> list[Problem]:
    found = []
    for kind, how in (("stained", "--stained IMAGE"), ("unstained", "--blank IMAGE")):
        pixels = sum(int(getattr(each, kind).sum()) for each in seen)
        if pixels < _LEAST_PIXELS:
            found.append(
                Problem(
                    where="calibrate",
                    message=f"{pixels} pixels are known to be {kind}",
                    expected=f"{_LEAST_PIXELS} or more: {how}, or marked regions",
                )
            )
    return found


def _with_colours(profile: Profile, seen: Sequence[_Seen]) -> Profile:
    """Mean colour of both kinds, and their spread: of pixels, and between the references."""
    means, spreads = [], []
    for kind in ("unstained", "stained"):
        colours = [
            _in_even_light(each, profile.relative)[getattr(each, kind)]
            for each in seen
            if getattr(each, kind).any()
        ]
        centres = np.array([np.median(each, axis=0) for each in colours])
        mean = centres.mean(axis=0)
        # Debris and bubbles of a reference are no part of its colour.
        near = [
            each[np.abs(each - centre).max(axis=1) < 0.7]
            for each, centre in zip(colours, centres, strict=True)
        ]
        left = np.concatenate(
            [each - each.mean(axis=0) for each in near if len(each)] or [np.zeros((1, 3))]
        )
        spread = left.T @ left / len(left)
        if len(centres) > 1:
            spread = spread + np.cov(centres.T)
        means.append(mean)
        spreads.append(spread)
    return profile.model_copy(
        update={
            "unstained": _triple(means[0]),
            "stained": _triple(means[1]),
            "spread": tuple(_triple(row) for row in np.mean(spreads, axis=0)),
        }
    )


def _in_even_light(seen: _Seen, relative: bool) -> Array:
    """The colours of a reference (n x 3), as `classify` sees them."""
    colours = relative_colours(seen.area, relative)
    if (seen.stained | seen.unstained).mean() < _LEAST_MARKED:
        return colours
    light = fall_off(seen.area, relative, colours.mean(axis=1), [seen.unstained, seen.stained])
    return colours - light[:, None]


def _difference(seen: Sequence[_Seen]) -> float:
    colours = [
        np.concatenate([each.rgb[getattr(each, kind)] for each in seen]).mean(axis=0) / 255
        for kind in ("unstained", "stained")
    ]
    return float(deltaE_ciede2000(*(rgb2lab(colour[None, None, :]) for colour in colours)).mean())


def _fall(image: NDArray[np.uint8] | Array) -> tuple[tuple[float, ...], ...]:
    """Coefficients of the light's fall-off over the field (3 x 6), by least squares."""
    logs = log_intensity(at_working_size(image))
    y, x = grid(logs.shape)
    found = np.linalg.lstsq(quadratic(y.ravel(), x.ravel()), logs.reshape(-1, 3), rcond=None)[0]
    return tuple(tuple(round(float(value), 6) for value in column) for column in found.T)


def _triple(values: Array) -> Triple:
    red, green, blue = (round(float(value), 6) for value in values)
    return red, green, blue
