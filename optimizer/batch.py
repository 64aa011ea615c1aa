"""Batch choice: which of the real, allowed conditions to try together, given what each position decides."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows
from optimizer.model import GaussianProcess, PosteriorFunctions
from protocols.conditions import Value

_FEWEST = 40
_BEST_TRIED = 16
_GENERATIONS = 3
_CHILDREN = 3


class Effort(NamedTuple):
    """Functions drawn, conditions of all pools at first, most of one pool, how many climb at a time, how often."""

    functions: int
    pool: int
    most: int
    climbers: int
    generations: int


THOROUGH = Effort(functions=512, pool=1200, most=3000, climbers=6, generations=3)
ROUGH = Effort(functions=64, pool=300, most=600, climbers=4, generations=1)

Decided = tuple[tuple[str, Value], ...]


class Choice(NamedTuple):
    """One chosen condition: its row, the position it is for, and the improvement that it was expected to add."""

    row: NDArray[np.float64]
    position: int
    gain: float


def choose_batch(
    encoding: Encoding,
    model: GaussianProcess,
    tried: Rows,
    positions: Sequence[Mapping[str, Value]],
    seed: int,
    effort: Effort = THOROUGH,
) -> list[Choice]:
    """One condition for each position, chosen greedily by noisy expected improvement of the whole batch.

    Functions are drawn from the posterior. A condition's gain is by how much it raises, in the mean over the functions,
    the best value among all that was tried or chosen before (qNEI, Letham et al. 2019). For each choice the conditions
    of the pool with the highest gain breed neighbours, whose gain is then known exactly too, since a drawn function can
    be asked anywhere: the choice climbs over real levels, and never has to be rounded. Each choice is made among the
    conditions of all positions that are still empty.

    Args:
        encoding: of the search space.
        model: fitted to the observations.
        tried: rows of the conditions that were observed or are under way; none is proposed again if others are left.
        positions: what each position decides, by parameter name.
        seed: decides pool and functions.
        effort: how much is computed for it.

    Returns: one choice a position, in the order of `positions`.
    """
    rng = np.random.default_rng(seed)
    functions = model.functions(effort.functions, seed)
    tried = np.unique(tried, axis=0)
    best = functions(encoding.features(tried)).max(axis=1)
    order = np.argsort(-model.predict(encoding.features(tried), rough=True)[0])
    empty: dict[Decided, list[int]] = {}
    for index, values in enumerate(positions):
        empty.setdefault(tuple(sorted(values.items())), []).append(index)
    share = effort._replace(pool=effort.pool // len(empty))
    pools = {key: _Pool(encoding, functions, dict(key), tried, tried[order[:_BEST_TRIED]], share, rng) for key in empty}
    chosen = []
    while empty:
        key, offer = _best_offer({key: pools[key] for key in empty}, best)
        chosen.append(Choice(offer.row, empty[key].pop(0), offer.gain))
        best = np.maximum(best, pools[key].take(offer.place))
        if not empty[key]:
            del empty[key]
    return sorted(chosen, key=lambda choice: choice.position)


def _best_offer(pools: Mapping[Decided, "_Pool"], best: NDArray[np.float64]) -> tuple[Decided, "_Offer"]:
    """The best of what the pools offer. Only pools that may have it are asked to climb.

    A gain can only fall while others are chosen, so a pool's last offer bounds the next one, but for what it finds by
    climbing further (lazy greedy choice; Minoux 1978).
    """
    fresh: dict[Decided, _Offer] = {}
    while True:
        key = max(pools, key=lambda key: fresh[key].rank if key in fresh else pools[key].bound)
        if key in fresh:
            return key, fresh[key]
        fresh[key] = pools[key].offer(best)


class _Offer(NamedTuple):
    place: int
    row: NDArray[np.float64]
    gain: float
    rank: float


class _Pool:
    """Allowed conditions for one kind of position, and what each drawn function says of them (functions x n).

    `bound` is the rank of its last offer.
    """

    def __init__(
        self,
        encoding: Encoding,
        functions: PosteriorFunctions,
        decided: Mapping[str, Value],
        tried: Rows,
        best_tried: Rows,
        effort: Effort,
        rng: np.random.Generator,
    ) -> None:
        self._encoding, self._functions, self._rng = encoding, functions, rng
        self._decided, self._effort = decided, effort
        self.bound = np.inf
        self._known = {row.tobytes() for row in tried}
        size = max(effort.pool, _FEWEST)
        near = np.repeat(best_tried, max(size // len(best_tried), 2), axis=0)
        rows = encoding.random(size, decided, rng)
        near = encoding.decide(near, [decided] * len(near))
        rows = np.unique(np.vstack([rows, near, self._moved(near, 1.0)]), axis=0)
        rows = rows[encoding.permits(rows)]
        fresh = _without(rows, self._known)
        self._rows = fresh if len(fresh) else rows
        self._known |= {row.tobytes() for row in self._rows}
        self._values = functions(encoding.features(self._rows))
        self._taken: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for generation in range(_GENERATIONS):
            peaks = np.unique(self._values.argmax(axis=1))
            self._add(np.repeat(self._rows[peaks], _CHILDREN, axis=0), 0.6**generation)

    def offer(self, best: NDArray[np.float64]) -> _Offer:
        """The condition with the highest gain over the best so far of each function."""
        if len(self._rows) > self._effort.most:
            self._keep(np.argsort(-self._rank(best)[0])[: self._effort.most // 2])
        for generation in range(self._effort.generations):
            climbers = np.argsort(-self._rank(best)[0])[: self._effort.climbers]
            self._add(np.repeat(self._rows[climbers], self._effort.climbers, axis=0), 0.5**generation)
        rank, gains = self._rank(best)
        index = int(rank.argmax())
        self.bound = float(rank[index])
        return _Offer(index, self._rows[index], float(gains[index]), float(rank[index]))

    def take(self, index: int) -> NDArray[np.float64]:
        """What the functions say of a condition, which is not offered again while there are others."""
        row, values = self._rows[index], self._values[:, index]
        self._taken.append((row, values))
        self._keep(np.arange(len(self._rows)) != index)
        if not len(self._rows):
            # A small space is exhausted: measuring a condition again still teaches something.
            self._rows, self._values = (
                np.array([row for row, _ in self._taken]),
                np.array([values for _, values in self._taken]).T,
            )
            self._taken = []
        return values

    def _rank(self, best: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        gains = np.maximum(self._values - best[:, None], 0).mean(axis=0)
        # Where no function sees any improvement left, optimism decides; it is scaled to stay below any real gain.
        optimism = self._values.mean(axis=0) + self._values.std(axis=0)
        return gains + 1e-9 * optimism, gains

    def _add(self, parents: Rows, reach: float) -> None:
        rows = np.unique(self._moved(parents, reach), axis=0)
        rows = _without(rows[self._encoding.permits(rows)], self._known)
        if not len(rows):
            return
        self._known |= {row.tobytes() for row in rows}
        self._rows = np.vstack([self._rows, rows])
        self._values = np.hstack([self._values, self._functions(self._encoding.features(rows))])

    def _keep(self, which: NDArray[np.int_] | NDArray[np.bool_]) -> None:
        self._rows, self._values = self._rows[which], self._values[:, which]

    def _moved(self, rows: Rows, reach: float) -> Rows:
        return self._encoding.mutated(rows, self._rng, frozenset(self._decided), reach)


def _without(rows: Rows, excluded: set[bytes]) -> Rows:
    return rows[[row.tobytes() not in excluded for row in rows]]
