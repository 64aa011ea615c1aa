"""Which of the earlier variables cause a later one: partial F tests, at a rate of false edges.

As in causal additive models (Buehlmann, Peters and Ernest 2014, "CAM: causal additive models"), the
later variable is regressed on smooth functions of all earlier ones, and an edge is kept where
leaving out its function makes the fit worse than chance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.stats import f, false_discovery_control, t

Array = NDArray[np.float64]

FALSE_EDGES = 0.01
"""Of the edges that are found, the expected share that is false, where the order is right."""

_LEAST_SHARE = 0.01
_INTERIOR_KNOTS = 3


class EdgeTest(NamedTuple):
    """The p value of an edge, and the share of what others leave unexplained that it explains."""

    p: float
    share: float


def smooth_terms(values: Array, scores: Array) -> Array:
    """The columns of one variable's smooth function (n x 7), centred.

    Args:
        values: the variable itself, standardised (n).
        scores: its normal scores (n), on whose quantiles the cubic B-spline has its knots.
    """
    inner = np.quantile(scores, np.linspace(0, 1, _INTERIOR_KNOTS + 2))
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1] + 1e-9] * 3])
    spline = BSpline.design_matrix(scores, knots, 3).toarray()[:, 1:]
    columns = np.column_stack([values, spline])
    return np.asarray(columns - columns.mean(axis=0))


def edge_tests(target: Array, terms: list[Array]) -> list[EdgeTest]:
    """For each candidate cause the partial F test of its terms (n x a each), given all others."""
    centred = target - target.mean()
    full, rank = _left_over(centred, terms)
    found = []
    freedom = len(target) - 1 - rank
    for place in range(len(terms)):
        fewer, smaller = _left_over(centred, [*terms[:place], *terms[place + 1 :]])
        more = max(rank - smaller, 1)
        statistic = (fewer - full) / more / max(full / freedom, 1e-300)
        found.append(EdgeTest(float(f.sf(statistic, more, freedom)), 1 - full / fewer))
    return found


def _left_over(target: Array, terms: list[Array]) -> tuple[float, int]:
    """Residual sum of squares and rank of the regression on the terms."""
    if not terms:
        return float(target @ target), 0
    design = np.column_stack(terms)
    weights, _, rank, _ = np.linalg.lstsq(design, target, rcond=1e-9)
    rest = target - design @ weights
    return float(rest @ rest), int(rank)


def kept_edges(tests: dict[tuple[int, int], EdgeTest]) -> set[tuple[int, int]]:
    """The edges (cause, effect) that stay, by Benjamini and Hochberg 1995 over all of them."""
    if not tests:
        return set()
    edges = list(tests)
    adjusted = false_discovery_control([tests[edge].p for edge in edges])
    return {
        edge
        for edge, p in zip(edges, adjusted, strict=True)
        if p <= FALSE_EDGES and tests[edge].share >= _LEAST_SHARE
    }


def without_blocks(data: Array, blocks: Array) -> Array:
    """Values (n x variables) without the means of their blocks (n labels), such as plates."""
    labels = np.unique(blocks, return_inverse=True)[1]
    counts = np.bincount(labels)
    means = np.column_stack([np.bincount(labels, column) / counts for column in data.T])
    return np.asarray(data - means[labels] + data.mean(axis=0))


class InterventionEffect(NamedTuple):
    """By how much a measured variable changes for each 1 of a set one; 95 % interval."""

    cause: int
    effect: int
    slope: float
    low: float
    high: float


def intervention_effects(data: Array, fixed: set[int]) -> list[InterventionEffect]:
    """The total effect of each set column on each measured one, by what was set.

    As somebody set them, no hidden variable acts on both: least squares on all set columns, whose
    interval is robust against unequal noise (HC3; MacKinnon and White 1985).

    Args:
        data: n x variables; more rows than two and the set columns.
        fixed: the set columns.
    """
    chosen = sorted(fixed)
    design = np.column_stack([np.ones(len(data)), data[:, chosen]])
    inverse = np.linalg.pinv(design.T @ design)
    leverage = np.einsum("ni,ij,nj->n", design, inverse, design)
    freedom = len(data) - design.shape[1]
    half = float(t.ppf(0.975, freedom))
    found = []
    for effect in (each for each in range(data.shape[1]) if each not in fixed):
        weights = inverse @ design.T @ data[:, effect]
        rest = (data[:, effect] - design @ weights) / np.maximum(1 - leverage, 1e-9)
        covariance = inverse @ (design.T * rest**2) @ design @ inverse
        for place, cause in enumerate(chosen, start=1):
            slope, sd = float(weights[place]), float(covariance[place, place] ** 0.5)
            low, high = slope - half * sd, slope + half * sd
            found.append(InterventionEffect(cause, effect, slope, low, high))
    return found
