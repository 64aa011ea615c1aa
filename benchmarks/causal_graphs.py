"""Random graphs and samples of their variables, to compare methods of causal discovery."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Size(NamedTuple):
    """How many variables and samples, and the probability that two variables are joined."""

    variables: int = 4
    samples: int = 2000
    joined: float = 0.5


SMALL, LARGE = Size(), Size(10, 1000, 0.25)
SIZES = {"4 x 2,000": SMALL, "10 x 1,000": LARGE}
KINDS = ("linear", "nonlinear")


class Study(NamedTuple):
    """A graph (`truth[i, j]`: i causes j) and samples of its variables (n x variables).

    `confounded[i, j]`, symmetric: a hidden variable causes both, and neither causes the other.
    """

    kind: str
    truth: NDArray[np.bool_]
    data: NDArray[np.float64]
    confounded: NDArray[np.bool_]


def study(kind: str, seed: int, size: Size = SMALL, hidden: int = 0) -> Study:
    """A random graph and samples, with as many hidden variables as are asked for.

    Of kind `linear` with noise that is not normal, or `nonlinear`: post-nonlinear, x = g(f(causes)
    + noise) with f a random sum of a sine and sigmoids, and g one of four rising functions. A
    hidden variable causes two that are not joined.
    """
    rng = np.random.default_rng([seed, len(kind)])
    order = rng.permutation(size.variables)
    truth = np.zeros((size.variables, size.variables), dtype=bool)
    confounded = np.zeros_like(truth)
    data = np.zeros((size.samples, size.variables))
    pairs, unseen = _unjoined(seed, order, hidden), np.zeros((size.samples, hidden))
    for number in range(hidden):
        unseen[:, number] = _noise(rng, kind, size.samples)
    for place, variable in enumerate(order):
        parents = [
            other
            for other in order[:place]
            if {other, variable} not in pairs and rng.random() < size.joined
        ]
        truth[parents, variable] = True
        causes = [data[:, other] for other in parents]
        causes += [unseen[:, number] for number, pair in enumerate(pairs) if variable in pair]
        noise = _noise(rng, kind, size.samples)
        if kind == "linear":
            signal = sum(rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * cause for cause in causes)
            values = signal + noise
        else:
            signal = sum(_bent(cause, rng) for cause in causes)
            values = _rising(signal + rng.uniform(0.4, 0.7) * noise if causes else noise, rng)
        data[:, variable] = (values - values.mean()) / values.std()
    for pair in pairs:
        one, other = pair
        confounded[one, other] = confounded[other, one] = True
    return Study(kind, truth, data, confounded)


def _unjoined(seed: int, order: NDArray[np.intp], hidden: int) -> list[set[int]]:
    """As many pairs of variables as have a hidden cause, no variable in two of them."""
    chosen = np.random.default_rng([seed, 99]).permutation(order)
    return [{int(chosen[2 * k]), int(chosen[2 * k + 1])} for k in range(hidden)]


def _noise(rng: np.random.Generator, kind: str, samples: int) -> NDArray[np.float64]:
    shapes = ("uniform", "laplace") if kind == "linear" else ("uniform", "laplace", "normal")
    shape = rng.choice(shapes)
    if shape == "uniform":
        return rng.uniform(-1, 1, samples) * 3**0.5
    return rng.laplace(0, 0.5**0.5, samples) if shape == "laplace" else rng.standard_normal(samples)


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
