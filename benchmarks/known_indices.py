"""Functions of the unit cube whose Sobol indices are known: to choose settings by, and to report.

Ishigami's and Sobol's functions with their indices are SALib's; those of a sum are the variances
of its parts, and of noise alone every index is 0. All others have the indices that SALib's
estimators give on 16,384 base points of the function itself.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import sobol
from SALib.sample import sobol as saltelli
from SALib.test_functions import Ishigami, Sobol_G

_BASE_POINTS = 2**14
_NOTHING = 1e-9
_G = [0.0, 1.0, 4.5, 9.0, 99.0, 99.0]
_SLOPES, _CURVED = (3.0, 2.0, 1.0), 4.0

Array = NDArray[np.float64]


class Known(NamedTuple):
    """A function of the unit cube, its true first- and total-order indices and its sd."""

    name: str
    value: Callable[[Array], Array]
    first: Array
    total: Array
    sd: float


def ishigami() -> Known:
    """Ishigami and Homma (1990): two main effects and an interaction of the third."""
    a, b = 7.0, 0.1
    main, interaction = 0.5 * (1 + b * np.pi**4 / 5) ** 2, 8 * b**2 * np.pi**8 / 225
    parts = np.array([main, a**2 / 8, 0.0])
    total = parts + np.array([interaction, 0.0, interaction])
    variance = parts.sum() + interaction
    return Known(
        "ishigami",
        lambda unit: np.asarray(Ishigami.evaluate(np.pi * (2 * unit - 1), a, b)),
        parts / variance,
        total / variance,
        float(np.sqrt(variance)),
    )


def sobol_g() -> Known:
    """Sobol's g: a product of kinks, of six parameters, two of which hardly matter."""
    a = np.array(_G)
    first = np.asarray(Sobol_G.sensitivity_index(a))
    variance = float(np.prod(1 + 1 / (3 * (1 + a) ** 2)) - 1)
    total = np.asarray(Sobol_G.total_sensitivity_index(a))
    return Known(
        "sobol g",
        lambda unit: np.asarray(Sobol_G.evaluate(unit, a)),
        first,
        total,
        float(np.sqrt(variance)),
    )


def additive() -> Known:
    """Three slopes and a parabola; two of six parameters do nothing."""
    variances = np.array([*(slope**2 / 12 for slope in _SLOPES), _CURVED**2 / 180, 0.0, 0.0])
    shares = variances / variances.sum()
    return Known(
        "additive",
        lambda unit: unit[:, :3] @ np.array(_SLOPES) + _CURVED * (unit[:, 3] - 0.5) ** 2,
        shares,
        shares,
        float(np.sqrt(variances.sum())),
    )


def noise() -> Known:
    """Nothing but noise, of five parameters."""
    zeros = np.zeros(5)
    return Known("noise alone", lambda unit: np.zeros(len(unit)), zeros, zeros, 0.0)


def bratley() -> Known:
    """Bratley, Fox and Niederreiter (1992): products of ever more parameters."""

    def value(unit: Array) -> Array:
        signs = (-1.0) ** np.arange(1, unit.shape[1] + 1)
        return np.asarray(np.cumprod(unit, axis=1) @ signs)

    return _estimated("bratley", value, 5)


def moon() -> Known:
    """Moon (2010): three parameters, one of which acts through another alone."""
    return _estimated("moon", lambda x: x[:, 0] + x[:, 1] + 3 * x[:, 0] * x[:, 2], 3)


_PARTS: Sequence[Callable[[Array], Any]] = (
    lambda x: x**3,
    lambda x: (x > 0.5) * 1.0,
    lambda x: (np.exp(x) - 1) / (np.e - 1),
    lambda x: (1 / (x + 0.1) - 0.1) / (10 - 1 / 1.1),
    lambda x: x,
    np.zeros_like,
    lambda x: 4 * (x - 0.5) ** 2,
    lambda x: np.sin(2 * np.pi * x) / 2,
    lambda x: x**2,
    lambda x: np.cos(np.pi * x),
)


def metafunction(seed: int) -> Known:
    """A random sum over three to six parameters: parts of one each, products of two and of three.

    Becker 2020, "Metafunctions for benchmarking in sensitivity analysis".
    """
    rng = np.random.default_rng([seed, 77])
    count = int(rng.integers(3, 7))
    parts = [_PARTS[number] for number in rng.integers(0, len(_PARTS), count)]
    pairs = rng.permutation([(i, j) for i in range(count) for j in range(i)])[: count // 2]
    triples = [rng.permutation(count)[:3] for _ in range(max(1, round(0.2 * count)))]
    terms = [*([number] for number in range(count)), *pairs, *triples]
    wide = rng.random(len(terms)) < 0.3
    heights = rng.normal(0, np.where(wide, 5.0, 0.5))

    def value(unit: Array) -> Array:
        values = [part(column) for part, column in zip(parts, unit.T, strict=True)]
        products = [np.prod([values[number] for number in term], axis=0) for term in terms]
        return np.asarray(heights @ np.array(products))

    return _estimated("metafunction", value, count)


def friedman() -> Known:
    """Friedman (1991), with one parameter that does nothing."""

    def value(x: Array) -> Array:
        curved = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
        return np.asarray(curved + 10 * x[:, 3] + 5 * x[:, 4])

    return _estimated("friedman", value, 6)


def hartmann() -> Known:
    """Hartmann's function of three parameters (Surjanovic and Bingham)."""
    heights = np.array([1.0, 1.2, 3.0, 3.2])
    narrow = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
    centres = 1e-4 * np.array(
        [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
    )

    def value(x: Array) -> Array:
        return np.asarray(np.exp(-(narrow * (x[:, None] - centres) ** 2).sum(axis=2)) @ heights)

    return _estimated("hartmann", value, 3)


def dette() -> Known:
    """Dette and Pepelyshev (2010): strongly curved in all three parameters."""

    def value(x: Array) -> Array:
        valley = 4 * (x[:, 0] - 2 + 8 * x[:, 1] - 8 * x[:, 1] ** 2) ** 2 + (3 - 4 * x[:, 1]) ** 2
        return np.asarray(valley + 16 * np.sqrt(x[:, 2] + 1) * (2 * x[:, 2] - 1) ** 2)

    return _estimated("dette", value, 3)


def branin() -> Known:
    """Branin's function, and a third parameter that does nothing."""

    def value(x: Array) -> Array:
        a, b = 15 * x[:, 0] - 5, 15 * x[:, 1]
        valley = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
        return np.asarray(valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a))

    return _estimated("branin", value, 3)


def camel() -> Known:
    """The six-hump camel, with a wave along a third parameter."""

    def value(x: Array) -> Array:
        a, b = 4 * x[:, 0] - 2, 2 * x[:, 1] - 1
        humps = (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (4 * b**2 - 4) * b**2
        return np.asarray(humps + 2 * np.sin(2 * np.pi * x[:, 2]) * b)

    return _estimated("camel", value, 3)


def fast() -> Known:
    """An interaction with three half waves within the range, beside two main effects."""

    def value(x: Array) -> Array:
        together = 3 * np.sin(3 * np.pi * x[:, 0]) * (2 * x[:, 1] - 1) ** 2
        return np.asarray(together + np.cos(2 * np.pi * x[:, 2]) + x[:, 3])

    return _estimated("fast", value, 4)


TUNING: dict[str, Callable[[], Known]] = {
    it.__name__: it for it in (friedman, hartmann, dette, branin, camel, fast)
}
"""What settings are chosen on."""

REPORTED: dict[str, Callable[[], Known]] = {
    "ishigami": ishigami,
    "sobol g": sobol_g,
    "additive": additive,
    "noise alone": noise,
    "bratley": bratley,
    "moon": moon,
}
"""What no setting was chosen on; beside them `metafunction`, another one for each seed."""


@lru_cache(maxsize=32)
def known(name: str, seed: int = 0) -> Known:
    """A function by its name; of metafunctions that of the seed."""
    if name == "metafunction":
        return metafunction(seed)
    return (TUNING | REPORTED)[name]()


def _estimated(name: str, value: Callable[[Array], Array], count: int) -> Known:
    """The function with the indices that SALib estimates."""
    names = [f"x{number}" for number in range(count)]
    problem = {"num_vars": count, "names": names, "bounds": [[0.0, 1.0]] * count}
    points = saltelli.sample(problem, _BASE_POINTS, calc_second_order=False, seed=11)
    values = value(points)
    of_points = (values - values.mean()).reshape(_BASE_POINTS, count + 2)
    a, b, swapped = of_points[:, 0], of_points[:, -1], of_points.T[1:-1]
    total = np.array([float(sobol.total_order(a, it, b)) for it in swapped])
    first = np.array([float(sobol.first_order(a, it, b)) for it in swapped])
    nothing = total < _NOTHING
    return Known(
        name,
        value,
        np.where(nothing, 0.0, first.clip(0, 1)),
        np.where(nothing, 0.0, total),
        float(values.std()),
    )
