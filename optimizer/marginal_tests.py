"""Which parameters matter by the results alone: permutation tests, without the model."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from optimizer.encoding import Encoding
from optimizer.model.random_effects import indicators, orthonormal_basis
from protocols.conditions import Observation
from protocols.search_space import SearchSpace

_FEWEST = 8
_PERMUTATIONS = 999


class MarginalTest(NamedTuple):
    """What the results say of one parameter's main effect without a model of all.

    `share` (0..1) of the variance of the means of conditions, of which there are `observations`, is
    explained by the parameter alone, as a parabola or by level; less what chance explains, so it
    may be below 0. `p_value` is how often chance explains as much.
    """

    share: float
    p_value: float
    observations: int


def marginal_tests(
    space: SearchSpace, observations: Sequence[Observation], seed: int = 0
) -> Mapping[str, MarginalTest]:
    """A test of each parameter, by the first round's results, which no result had chosen.

    Values are permuted over the conditions (`scipy.stats.permutation_test`, 999 times). Replicates
    share all parameters, so that a condition has one value, their mean (Hurlbert 1984,
    "Pseudoreplication and the design of ecological field experiments"). The share is epsilon
    squared, the explained variance adjusted for degrees of freedom (Kelley 1935).

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides the permutations.

    Returns: by parameter; without those that had one value only, or more levels than can be told
        apart. Empty with fewer than 8 conditions that have usable results of the first round, or
        where all are equal.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    usable = [o for o in observations if o.usable and o.value is not None]
    usable = [o for o in usable if o.round == min(other.round for other in usable)]
    if len(usable) < _FEWEST:
        return {}
    encoding = Encoding(space)
    rows, condition, replicates = np.unique(
        encoding.rows([o.condition for o in usable]),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    results = np.array([o.value for o in usable], dtype=np.float64)
    values = np.bincount(condition.ravel(), weights=results) / replicates
    if len(values) < _FEWEST or np.ptp(results) == 0:
        return {}
    features = encoding.features(rows)
    found = {}
    for index, parameter in enumerate(space.parameters):
        basis = _basis(features[:, index], bool(encoding.levels[index]))
        degrees = basis.shape[1]
        if not 0 < degrees < len(values) / 2:
            continue

        def explained(y: NDArray[np.float64], axis: int, basis: NDArray[np.float64] = basis) -> Any:
            y = np.moveaxis(y, axis, -1)
            y = y - y.mean(axis=-1, keepdims=True)
            return ((y @ basis) ** 2).sum(axis=-1) / (y**2).sum(axis=-1)

        tested = permutation_test(
            (values,),
            explained,
            permutation_type="pairings",
            vectorized=True,
            n_resamples=_PERMUTATIONS,
            alternative="greater",
            rng=np.random.default_rng([seed, index]),
        )
        n = len(values)
        share = 1 - (1 - float(tested.statistic)) * (n - 1) / (n - 1 - degrees)
        found[parameter.name] = MarginalTest(share, float(tested.pvalue), n)
    return found


def _basis(column: NDArray[np.float64], categorical: bool) -> NDArray[np.float64]:
    """An orthonormal basis (n x degrees) of a parabola, or of levels, orthogonal to the mean."""
    columns = indicators(column) if categorical else np.stack([column, column**2], axis=1)
    return orthonormal_basis(columns - columns.mean(axis=0))
