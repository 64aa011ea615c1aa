"""Functions to choose a forecast's rule on, and functions of others to report it on.

Neither shares a formula with the ten families that `benchmarks.forecasts` reports first.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from botorch.test_functions import synthetic

from benchmarks.functions import (
    NOISE_SD,
    Function,
    box,
    rosenbrock5,
    strains,
    styblinski6,
    surface,
    waves4,
)
from benchmarks.known_indices import metafunction
from optimizer import Encoding, Surface
from protocols.conditions import Condition, Value

_RANDOM = 2000


class Family(NamedTuple):
    """A function in another unit: `low + height * f`, measured with a share of the height."""

    name: str
    function: Function
    low: float = 0.0
    height: float = 1.0
    noise: float = NOISE_SD

    def shown(self) -> Function:
        """The function in its unit."""
        of = self.function.truth
        return self.function._replace(
            name=self.name, truth=lambda values: self.low + self.height * of(values)
        )


def of_formulas(seed: int) -> Family:
    """A textbook function or a random response surface to choose on, altered by the seed."""
    rng = np.random.default_rng([seed, 28])
    ours: Callable[[], Function] = lambda: surface(1000 + seed)  # noqa: E731
    kinds = [*_FOR_CHOOSING, *[ours] * 4]
    return _altered(kinds[int(rng.integers(len(kinds)))](), rng)


def drawn(seed: int) -> Family:
    """A function that nobody wrote down, to choose on, altered by the seed.

    Every other is a random sum of parts and products (Becker 2020), the others are samples of a
    Gaussian process through a logistic link, of two to eight parameters.
    """
    rng = np.random.default_rng([seed, 30])
    if seed % 2:
        of = metafunction(seed).value
        count = len(metafunction(seed).first)
        space = box(count, 0, 1)
        name = f"metafunction{seed}"

        def truth(values: Mapping[str, Value]) -> float:
            return float(of(np.array([list(map(float, values.values()))]))[0])
    else:
        space = box(int(rng.integers(2, 9)), 0, 1)
        name = f"process{seed}"
        sampled = Surface(space, (), 7000 + seed)

        def truth(values: Mapping[str, Value]) -> float:
            return sampled.truths([Condition(dict(values))])[0]

    encoding = Encoding(space)
    conditions = encoding.conditions(encoding.random(_RANDOM, {}, rng))
    of_random = np.array([truth(condition.root) for condition in conditions])
    middle, height = of_random.mean(), np.ptp(of_random) or 1.0

    def scaled(values: Mapping[str, Value]) -> float:
        return float((truth(values) - middle) / height)

    return _altered(Function(name, space, scaled), rng)


def _altered(function: Function, rng: np.random.Generator) -> Family:
    """With noise, and the truth raised to a power, so that peaks are sharp or flat.

    One in four ends in a plateau; in one in seven rounds differ.
    """
    power = float(rng.choice([0.5, 1.0, 1.0, 2.0]))
    level = float(rng.uniform(0.3, 0.9)) if rng.random() < 0.25 else 1.0
    noise = float(np.exp(rng.uniform(np.log(0.02), np.log(0.2))))
    if rng.random() < 0.15:
        function = function._replace(round_sd=noise)
    of = function.truth

    def truth(values: Mapping[str, Value]) -> float:
        raised = of(values)
        if power != 1.0:
            raised = float(np.sign(raised) * abs(raised) ** power)
        return min(raised, level) / level

    name = f"{function.name} power {power:g} level {level:.2f} noise {noise:.2f}"
    return Family(name, function._replace(truth=truth), noise=noise)


def others() -> list[Family]:
    """BoTorch's test functions that no rule was chosen on, with the usual noise."""
    return [Family(name, _botorch(name, made())) for name, made in _FOR_REPORTING.items()]


def _botorch(name: str, made: synthetic.SyntheticTestFunction) -> Function:
    """Raised, not lowered: its highest value is 1, its mean over the box 0."""
    made = made.to(torch.double)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(_RANDOM, made.dim, dtype=torch.double, generator=generator)
    middle = float(-made(made.bounds[0] + points * (made.bounds[1] - made.bounds[0])).mean())
    top = -float(made.optimal_value)

    def value(values: Mapping[str, Value]) -> float:
        unit = torch.tensor(list(map(float, values.values())), dtype=torch.double)
        point = made.bounds[0] + unit * (made.bounds[1] - made.bounds[0])
        return (float(-made(point)) - middle) / (top - middle)

    return Function(name, box(made.dim, 0, 1), value)


_FOR_CHOOSING: list[Callable[[], Function]] = [
    rosenbrock5,
    styblinski6,
    waves4,
    strains,
    lambda: _botorch("griewank4", synthetic.Griewank(4)),
    lambda: _botorch("dixon-price5", synthetic.DixonPrice(5)),
    lambda: _botorch("powell4", synthetic.Powell(4)),
    lambda: _botorch("three-hump camel", synthetic.ThreeHumpCamel()),
    lambda: _botorch("eggholder", synthetic.EggHolder()),
]

_FOR_REPORTING: dict[str, Callable[[], synthetic.SyntheticTestFunction]] = {
    "branin": synthetic.Branin,
    "six-hump camel": synthetic.SixHumpCamel,
    "beale": synthetic.Beale,
    "michalewicz5": lambda: synthetic.Michalewicz(5),
    "shekel": synthetic.Shekel,
    "cosine8": lambda: synthetic.Cosine8(negate=True),
    "rastrigin4": lambda: synthetic.Rastrigin(4),
    "holder table": synthetic.HolderTable,
    "drop wave": synthetic.DropWave,
    "bukin": synthetic.Bukin,
}
