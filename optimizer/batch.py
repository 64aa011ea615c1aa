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


THOROUGH = Effort(functions=384, pool=1000, most=2000, climbers=6, generations=2)
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
    order = np.argsort(-model.mean(encoding.features(tried)))
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
    """Allowed conditions for one kind of position, and what each drawn function says of them (n x functions).

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
        self._pool = _Known.of(fresh if len(fresh) else rows, encoding, functions)
        self._known |= {row.tobytes() for row in self._pool.rows}
        self._taken: list[_Known] = []
        for generation in range(_GENERATIONS):
            peaks = np.unique(self._pool.values.argmax(axis=0))
            self._add(self._children(np.repeat(self._pool.rows[peaks], _CHILDREN, axis=0), 0.6**generation))

    def offer(self, best: NDArray[np.float64]) -> _Offer:
        """The condition with the highest gain over the best so far of each function."""
        gains = self._pool.gains(best)
        if len(gains) > self._effort.most:
            fittest = np.argsort(-self._pool.rank(gains))[: self._effort.most // 2]
            self._pool, gains = self._pool.at(fittest), gains[fittest]
        for generation in range(self._effort.generations):
            climbers = np.argsort(-self._pool.rank(gains))[: self._effort.climbers]
            children = self._children(
                np.repeat(self._pool.rows[climbers], self._effort.climbers, axis=0), 0.5**generation
            )
            self._add(children)
            gains = np.concatenate([gains, children.gains(best)])
        rank = self._pool.rank(gains)
        index = int(rank.argmax())
        self.bound = float(rank[index])
        return _Offer(index, self._pool.rows[index], float(gains[index]), self.bound)

    def take(self, index: int) -> NDArray[np.float64]:
        """What the functions say of a condition, which is not offered again while there are others."""
        taken = self._pool.at(np.array([index]))
        self._taken.append(taken)
        self._pool = self._pool.at(np.arange(len(self._pool.rows)) != index)
        if not len(self._pool.rows):
            # A small space is exhausted: measuring a condition again still teaches something.
            self._pool, self._taken = _Known.joined(self._taken), []
        values: NDArray[np.float64] = taken.values[0]
        return values

    def _children(self, parents: Rows, reach: float) -> "_Known":
        rows = np.unique(self._moved(parents, reach), axis=0)
        rows = _without(rows[self._encoding.permits(rows)], self._known)
        self._known |= {row.tobytes() for row in rows}
        return _Known.of(rows, self._encoding, self._functions)

    def _add(self, more: "_Known") -> None:
        self._pool = _Known.joined([self._pool, more])

    def _moved(self, rows: Rows, reach: float) -> Rows:
        return self._encoding.mutated(rows, self._rng, frozenset(self._decided), reach)


class _Known(NamedTuple):
    """Rows, what the functions say of them (n x functions), and how good they may be (mean and sd together)."""

    rows: Rows
    values: NDArray[np.float64]
    optimism: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows, encoding: Encoding, functions: PosteriorFunctions) -> "_Known":
        values = functions(encoding.features(rows)).T
        return cls(rows, values, values.mean(axis=1) + values.std(axis=1))

    @classmethod
    def joined(cls, parts: Sequence["_Known"]) -> "_Known":
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def at(self, which: NDArray[np.int_] | NDArray[np.bool_]) -> "_Known":
        return _Known(*(column[which] for column in self))

    def gains(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each raises the best of each function, in the mean."""
        return np.asarray(np.maximum(self.values - best, 0).mean(axis=1))

    def rank(self, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        # Where no function sees any improvement left, optimism decides; it is scaled to stay below any real gain.
        return gains + 1e-9 * self.optimism


def _without(rows: Rows, excluded: set[bytes]) -> Rows:
    return rows[[row.tobytes() not in excluded for row in rows]]
