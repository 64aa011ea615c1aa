"""The stained share of a well by a lab's own calibration: from profile and image to a score."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion
from skimage.filters import gaussian
from skimage.morphology import disk

from protocols.scorers.calibration_profile import Profile
from protocols.scorers.well_in_image import LEAST_PX, Well, at_working_size, edge_width, find_well
from protocols.scoring import Score

Array = NDArray[np.float64]

INNER = 0.95
"""The share of the radius that is looked at: the meniscus darkens what is farther out."""

_RADIUS_TOLERANCE = 0.1
_BLUR_TOLERANCE, _LEAST_EDGE = 1.8, 0.012
_SATURATED, _FLAGGED_SATURATION = 250.0, 0.12
_DARKEST = 20.0
_FLAGGED_UNEXPLAINED = 0.12
_FARTHEST_PIXEL, _FARTHEST_MEAN = 5.0, 2.5
_LARGEST_SHIFT = float(np.log(3))
_FLAGGED_BETWEEN, _FLAGGED_ALONE, _UNSTAINED_UP_TO = 0.07, 0.05, 0.2
_FAINTER, _LEAST_WHOLE = 0.2, 0.01
_FLOOR = 2.0
_LEAST_OF_A_KIND, _ENOUGH_UNSTAINED, _MOST_FALL = 0.02, 0.25, 0.6


class Stained(NamedTuple):
    """A score, and what it counted (height x width each) of the image at its working size."""

    score: Score
    pixels: Array
    counted: NDArray[np.bool_] | None = None
    stained: NDArray[np.bool_] | None = None


class Area(NamedTuple):
    """The inside of a well: its colours (n x 3, see `Profile`), where, and what is around it.

    `places` and `ring` are row and column, -1 to 1, inside (n x 2) and of what is around (m x 2).
    """

    colours: Array
    inside: NDArray[np.bool_]
    surround: Array
    places: Array
    ring: Array


class Kinds(NamedTuple):
    """Which pixels of an area are stained, and which look like either kind at all (n each).

    `along` is how far each is on the way from unstained (0) to stained (1); `colours` (n x 3) are
    those in even light.
    """

    stained: NDArray[np.bool_]
    explained: NDArray[np.bool_]
    along: Array
    colours: Array


def log_intensity(pixels: Array) -> Array:
    """Natural logarithm of intensities (0..255), with a floor for what noise hides."""
    return np.asarray(np.log((pixels + _FLOOR) / (255.0 + _FLOOR)))


def quadratic(y: Array, x: Array) -> Array:
    """The columns 1, x, y, x2, xy, y2 (n x 6)."""
    return np.column_stack([np.ones_like(x), x, y, x**2, x * y, y**2])


def grid(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Row and column of each pixel (height x width each), -1 to 1."""
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return rows, columns


def area_of(pixels: Array, well: Well, white: tuple[tuple[float, ...], ...] | None) -> Area:
    """The colours inside of a well, after the light of the plate around it was taken out.

    That light is a plane fitted to the ring around the well, as grey; its colour stays in
    `surround`.
    """
    logs = log_intensity(gaussian(pixels, sigma=0.7, channel_axis=2, preserve_range=True))
    y, x = grid(pixels.shape)
    if white is not None:
        fall = quadratic(y.ravel(), x.ravel()) @ np.array(white).T
        logs = logs - (fall - fall.mean(axis=0)).reshape(logs.shape)
    rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
    distance = np.hypot(rows - well.row, columns - well.column) / well.radius
    ring = (distance > 1.07) & (distance < 1.25)
    inside = distance <= INNER
    around = logs[ring]
    surround = np.median(around, axis=0) if len(around) else np.full(3, -9.0)
    if len(around) > 50 and np.exp(surround).min() > 0.1:
        design = np.column_stack([np.ones(ring.sum()), x[ring], y[ring]])
        grey = around.mean(axis=1)
        keep = np.abs(grey - np.median(grey)) < 0.3
        plane = np.linalg.lstsq(design[keep], grey[keep], rcond=None)[0]
        logs = logs - (plane[1] * x + plane[2] * y)[..., None]
        surround = np.median(logs[ring], axis=0)
    saturated = (pixels >= _SATURATED).any(axis=2)
    inside = inside & ~saturated
    inner, outer = (np.column_stack([y[part], x[part]]) for part in (inside, ring))
    return Area(logs[inside], inside, surround, inner, outer)


def score_by_profile(image: NDArray[np.uint8] | Array, profile: Profile) -> Stained:
    """The stained share of a well's area, 0 to 1.

    Each pixel's colour is projected on the line from unstained to stained (Fisher's discriminant)
    and counts as stained where stain covers half of it or more. Uneven light, a quadratic surface,
    is taken out as it is found in what is left over of both kinds. What is far from that line
    (bubbles, debris, glare) counts neither as stained nor as area.

    Flags: `no_well_found`, `out_of_focus`, `over_exposed`, `under_exposed`, `too_small`, and
    `outside_calibration`: colours, light or size that the references did not have, also a stain
    that is fainter than theirs.

    Args:
        image: height x width x 3, RGB, 0..255.
        profile: the lab's calibration.
    """
    pixels = at_working_size(image)
    if min(pixels.shape[:2]) < LEAST_PX:
        return Stained(Score(value=None, flags=("too_small",)), pixels)
    if float(np.percentile(pixels.max(axis=2), 95)) < _DARKEST:
        return Stained(Score(value=None, flags=("under_exposed",)), pixels)
    if float((pixels >= _SATURATED).any(axis=2).mean()) > 0.5:
        return Stained(Score(value=None, flags=("over_exposed",)), pixels)
    least, largest = profile.radius
    well = find_well(pixels, (0.75 * least, min(1.3 * largest, 0.52)))
    if well is None:
        return Stained(Score(value=None, flags=("no_well_found",)), pixels)
    flags = []
    share = well.radius / min(pixels.shape[:2])
    if not (1 - _RADIUS_TOLERANCE) * least < share < (1 + _RADIUS_TOLERANCE) * largest:
        flags.append("outside_calibration")
    if edge_width(pixels, well) > max(_BLUR_TOLERANCE * profile.edge, _LEAST_EDGE):
        flags.append("out_of_focus")
    area = area_of(pixels, well, profile.white)
    visible = np.pi * (INNER * well.radius) ** 2
    if len(area.colours) < (1 - _FLAGGED_SATURATION) * visible:
        flags.append("over_exposed")
    if len(area.colours) < 0.3 * visible:
        return Stained(Score(value=None, flags=tuple(flags)), pixels)
    if np.abs(area.surround - np.array(profile.surround)).max() > _LARGEST_SHIFT:
        flags.append("outside_calibration")
    kinds = classify(area, profile)
    stained, explained = kinds.stained, kinds.explained
    if explained.mean() < 1 - max(_FLAGGED_UNEXPLAINED, 2 * profile.unexplained):
        flags.append("outside_calibration")
    if not explained.any():
        return Stained(Score(value=None, flags=tuple(dict.fromkeys(flags))), pixels)
    if _far(area, profile, kinds) or _faint(area, profile, kinds):
        flags.append("outside_calibration")
    counted, found = area.inside.copy(), area.inside.copy()
    counted[area.inside] = explained
    found[area.inside] = explained & stained
    value = round(float(found.sum() / counted.sum()), 4)
    return Stained(Score(value=value, flags=tuple(dict.fromkeys(flags))), pixels, counted, found)


def relative_colours(area: Area, relative: bool) -> Array:
    """Colours of an area (n x 3), relative to the plate around it or as they are."""
    return area.colours - area.surround if relative else area.colours


def half_covered(profile: Profile) -> float:
    """How far a pixel that stain covers half of is on the way from unstained (0) to stained (1).

    Light adds up, its logarithm does not: the darker the stain, the nearer it is to unstained.
    """
    first, second = np.array(profile.unstained), np.array(profile.stained)
    inverse = np.linalg.inv(profile.covariance())
    way = second - first
    half = np.log((1 + np.exp(way)) / 2)
    return float(half @ inverse @ way / (way @ inverse @ way))


def classify(area: Area, profile: Profile, rounds: int = 4) -> Kinds:
    """Which pixels of an area are stained, and which look like either kind at all."""
    first, second = np.array(profile.unstained), np.array(profile.stained)
    inverse = np.linalg.inv(profile.covariance())
    way = second - first
    weights = inverse @ way / (way @ inverse @ way)
    covered = half_covered(profile)
    colours = relative_colours(area, profile.relative)
    light = np.zeros(len(colours))
    for _ in range(rounds):
        lit = colours - light[:, None]
        along = (lit - first) @ weights
        stained = along > covered
        left = lit - np.where(stained[:, None], second, first)
        rest = lit - first - np.clip(along, -0.3, 1.8)[:, None] * way
        distance = np.sqrt(np.einsum("ni,ij,nj->n", rest, inverse, rest))
        explained = distance < _FARTHEST_PIXEL
        if explained.sum() < 100:
            break
        light = fall_off(
            area,
            profile.relative,
            left.mean(axis=1) + light,
            [~stained & explained, stained & explained],
        )
    return Kinds(stained, explained, along, lit)


def fall_off(area: Area, relative: bool, grey: Array, kinds: Sequence[NDArray[np.bool_]]) -> Array:
    """How much brighter the light is at each pixel than around the well (n), by a quadratic.

    It is found in what is alike within each kind, as between kinds it could be a pattern of stain,
    and continued to the plate around the well, which colours are relative to; or to the middle of
    the image, where a lens is brightest, if they are not.

    Args:
        area: the inside of a well.
        relative: whether its colours are relative to what is around it.
        grey: logarithm of the light of each pixel (n).
        kinds: which pixels are unstained, and which stained (n each).
    """
    surface = quadratic(area.places[:, 0], area.places[:, 1])[:, 1:]
    chosen = [kind for kind in kinds if kind.sum() > _LEAST_OF_A_KIND * len(grey)]
    if not chosen:
        return np.zeros(len(grey))
    if kinds[0].sum() > _ENOUGH_UNSTAINED * len(grey):
        # Cells take up unlike amounts of stain: where there is enough without, that says more.
        chosen = [kinds[0]]
    slopes = np.concatenate([surface[kind] - surface[kind].mean(axis=0) for kind in chosen])
    changes = np.concatenate([grey[kind] - grey[kind].mean() for kind in chosen])
    fitted = np.linalg.lstsq(slopes, changes, rcond=None)[0]
    origin = np.zeros(5)
    if relative and len(area.ring):
        origin = quadratic(area.ring[:, 0], area.ring[:, 1])[:, 1:].mean(axis=0)
    return np.asarray(np.clip((surface - origin) @ fitted, -_MOST_FALL, _MOST_FALL))


def between(
    area: Area, kinds: Kinds, chosen: NDArray[np.bool_] | None = None
) -> tuple[float, float | None]:
    """How much of an area is of a colour between both kinds, and how stained its stained parts are.

    The first is a share of the area, 0 to 1, without what is next to both kinds: edges of stained
    regions, where a pixel sees both. The second is the median of those pixels all of whose
    neighbours are stained too, on the way from unstained (0) to stained (1); None where they are
    less than a hundredth of the area.

    Args:
        area: the inside of a well.
        kinds: its pixels.
        chosen: which of its pixels are looked at (n); all by default.
    """
    seen = kinds.explained if chosen is None else kinds.explained & chosen
    if not seen.any():
        return 0.0, None
    along = np.full(area.inside.shape, np.nan)
    along[area.inside] = np.where(seen, kinds.along, np.nan)
    stained, clear = along > 0.5, along < _UNSTAINED_UP_TO
    edge = binary_dilation(stained, disk(2)) & binary_dilation(clear, disk(2))
    share = float(((along <= 0.5) & ~clear & ~edge).sum() / seen.sum())
    whole = binary_erosion(stained)
    if whole.sum() < _LEAST_WHOLE * seen.sum():
        return share, None
    return share, float(np.median(along[whole]))


def _faint(area: Area, profile: Profile, kinds: Kinds) -> bool:
    """Whether there is stain that is fainter than that of the references.

    On which side of the middle it is would be an accident.
    """
    share, middle = between(area, kinds)
    if middle is not None and middle < profile.faintest - _FAINTER:
        return True
    allowed = _FLAGGED_BETWEEN if middle is not None else _FLAGGED_ALONE
    return share > max(allowed, 2 * profile.between)


def _far(area: Area, profile: Profile, kinds: Kinds) -> bool:
    """Whether the mean colour of either kind, where there is enough of it, is not the profile's.

    Pixels at the edges of small regions see both kinds: those that are surrounded by their own
    count, where there are some.
    """
    inverse = np.linalg.inv(profile.covariance())
    for kind, expected in (
        (~kinds.stained, profile.unstained),
        (kinds.stained, profile.stained),
    ):
        chosen = kind & kinds.explained
        if chosen.mean() > 0.05:
            region = area.inside.copy()
            region[area.inside] = chosen
            whole = binary_erosion(region)[area.inside]
            seen = whole if whole.mean() > _LEAST_WHOLE else chosen
            away = np.median(kinds.colours[seen], axis=0) - np.array(expected)
            if np.sqrt(away @ inverse @ away) > _FARTHEST_MEAN:
                return True
    return False
