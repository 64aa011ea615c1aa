"""Random graphs and samples of their variables, to compare methods of causal discovery."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VARIABLES = 4
SAMPLES = 2000


class Study(NamedTuple):
    """A graph (`truth[i, j]`: i causes j) and samples of its variables (n x variables)."""

    kind: str
    truth: NDArray[np.bool_]
    data: NDArray[np.float64]


def study(kind: str, seed: int) -> Study:
    """A random graph of four variables, each pair joined with probability 1/2, and 2,000 samples.

    Of kind `linear` with noise that is not normal, or `nonlinear`: post-nonlinear, x = g(f(causes)
    + noise) with f a random sum of a sine and sigmoids, and g one of four rising functions.
    """
    rng = np.random.default_rng([seed, len(kind)])
    order = rng.permutation(VARIABLES)
    truth = np.zeros((VARIABLES, VARIABLES), dtype=bool)
    data = np.zeros((SAMPLES, VARIABLES))
    for place, variable in enumerate(order):
        parents = [other for other in order[:place] if rng.random() < 0.5]
        truth[parents, variable] = True
        noise = _noise(rng, kind)
        if kind == "linear":
            signal = sum(
                rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * data[:, other] for other in parents
            )
            values = signal + noise
        else:
            signal = sum(_bent(data[:, other], rng) for other in parents)
            values = _rising(signal + rng.uniform(0.4, 0.7) * noise if parents else noise, rng)
        data[:, variable] = (values - values.mean()) / values.std()
    return Study(kind, truth, data)


def _noise(rng: np.random.Generator, kind: str) -> NDArray[np.float64]:
    shapes = ("uniform", "laplace") if kind == "linear" else ("uniform", "laplace", "normal")
    shape = rng.choice(shapes)
    if shape == "uniform":
        return rng.uniform(-1, 1, SAMPLES) * 3**0.5
    return rng.laplace(0, 0.5**0.5, SAMPLES) if shape == "laplace" else rng.standard_normal(SAMPLES)


def _bent(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A random smooth function with a mean of 0 and an sd of 1."""
    values = sum(
        rng.normal() * np.tanh(rng.uniform(0.8, 2) * (x - rng.uniform(-1.5, 1.5))) for _ in range(3)
    ) + rng.normal() * np.sin(rng.uniform(0.8, 1.8) * x + rng.uniform(0, 6.28))
    return np.asarray((values - values.mean()) / values.std())


def _rising(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    scaled = x / x.std()
    shapes = (
        lambda v: v,
        lambda v: v + 0.5 * v**3,
        lambda v: np.exp(0.7 * v),
        lambda v: np.tanh(0.8 * v),
    )
    return np.asarray(shapes[int(rng.integers(len(shapes)))](scaled))


def distance(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> int:
    """Structural Hamming distance: pairs whose edge is missing, extra or reversed."""
    pairs = np.triu_indices(len(truth), 1)
    return int(
        sum(
            (truth[i, j], truth[j, i]) != (found[i, j], found[j, i])
            for i, j in zip(*pairs, strict=True)
        )
    )
