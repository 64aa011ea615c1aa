"""Batch selection: which real, permitted conditions to try together, one for each position."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.cost_weights import CostWeights
from optimizer.criterion import Criterion, Samples
from optimizer.encoding import Decided, Encoding, Rows, alike
from optimizer.listed import ListedEncoding
from optimizer.neighbours import neighbours
from protocols.conditions import Value

_MIN_POOL = 40
_BEST_TRIED = 16
_PEAK_GENERATIONS = 3
_PEAK_CHILDREN = 3
_PEAK_SHRINK = 0.6
_CLIMB_SHRINK = 0.5
_OPTIMISM_WEIGHT = 1e-9
_MOST_CLIMBS = 384
"""In how many steps a batch climbs; those of a larger one are for several choices each."""


class Effort(NamedTuple):
    """How much is computed for a batch.

    `samples` are drawn from the posterior; `pool` conditions are evaluated at first, divided
    between the pools, each of which keeps at most `max_pool`; for each choice `climbers` breed
    for `generations`.
    """

    samples: int
    pool: int
    max_pool: int
    climbers: int
    generations: int


THOROUGH = Effort(samples=384, pool=1000, max_pool=2000, climbers=6, generations=2)
ROUGH = Effort(samples=64, pool=300, max_pool=600, climbers=4, generations=1)


class Choice(NamedTuple):
    """A chosen condition: its row (p), the index of its position, and the gain expected of it.

    The gain is in the unit of the objective, or, of several, that of the hypervolume.
    """

    row: NDArray[np.float64]
    position: int
    gain: float


def choose_batch(
    encoding: Encoding,
    criterion: Criterion,
    tried: Rows,
    positions: Sequence[Mapping[str, Value]],
    seed: int,
    effort: Effort = THOROUGH,
    barred: AbstractSet[bytes] = frozenset(),
    weights: CostWeights | None = None,
) -> list[Choice]:
    """One condition for each position, chosen greedily by noisy expected improvement.

    The gain of a condition is by how much it raises the best utility among all that was tried or
    chosen before, averaged over functions sampled from the posterior (qNEI, Letham et al. 2019; of
    several objectives qNEHVI, Daulton et al. 2021, by random scalarisations).
    For each choice the conditions of the pool with the highest gain breed neighbours, whose gain
    is then known exactly too, since a posterior sample can be evaluated anywhere: the search
    moves over real levels and never has to round. Of a batch of more than 384 several choices are
    made before the next search. Each choice is made among the conditions of all positions that
    are still empty.

    Args:
        encoding: of the search space.
        criterion: the utility that is to be raised.
        tried: rows (n x p, n >= 1) of conditions that were observed or are pending; none is
            proposed again if others are left.
        positions: what each position decides, by parameter name.
        seed: decides the pool.
        effort: how much is computed for it.
        barred: other rows that are not to be proposed while others are left, as bytes.
        weights: by what gains are divided before they are compared; all alike if absent.

    Returns: one choice a position, in the order of `positions`.

    Raises:
        ValueError: a decided value is not allowed, or no condition meets the constraints.
    """
    rng = np.random.default_rng(seed)
    samples = criterion.samples
    tried = np.unique(tried, axis=0)
    best = np.maximum(samples(encoding.features(tried)).max(axis=1), criterion.floor)
    order = np.argsort(-criterion.expected(encoding.features(tried)))
    best_tried = encoding.on_levels(tried[order[:_BEST_TRIED]])

    seen = {row.tobytes() for row in tried} | barred
    empty = alike(positions)  # those that decide the same share a pool
    share = effort._replace(pool=effort.pool // len(empty))
    evaluate = _Evaluate(encoding, samples, weights or CostWeights.none(encoding))
    pools = {key: _Pool(evaluate, dict(key), seen, best_tried, share, rng) for key in empty}

    chosen: list[Choice] = []
    # What was tried off the levels or outside of the ranges is no condition of the space.
    taken = set(encoding.conditions(tried[encoding.permits(tried)]))
    every = math.ceil(len(positions) / _MOST_CLIMBS)
    repeated = False
    while empty:
        climb = len(chosen) % every == 0 and not repeated
        key, candidate = _best_candidate({key: pools[key] for key in empty}, best, climb)
        # Rows that differ may be one condition, whose numbers have so many digits and no more.
        (condition,) = encoding.conditions(candidate.row[None])
        repeated = condition in taken and pools[key].drop(candidate.pool_index)
        if repeated:
            continue
        taken.add(condition)
        gain = candidate.gain * criterion.scale
        chosen.append(Choice(candidate.row, empty[key].pop(0), gain))
        best = np.maximum(best, pools[key].remove(candidate.pool_index))
        if not empty[key]:
            del empty[key]
    return sorted(chosen, key=lambda choice: choice.position)


def _best_candidate(
    pools: Mapping[Decided, "_Pool"], best: NDArray[np.float64], climb: bool
) -> tuple[Decided, "_Candidate"]:
    """The best candidate of all pools. Only pools that may have it are searched.

    Gains only fall as conditions are chosen (submodularity), so a pool's last score bounds its
    next one, except for what further search finds (lazy greedy algorithm; Minoux 1978).
    """
    current: dict[Decided, _Candidate] = {}
    while True:
        key = max(pools, key=lambda key: current[key].score if key in current else pools[key].bound)
        if key in current:
            return key, current[key]
        current[key] = pools[key].best_candidate(best, climb)


class _Candidate(NamedTuple):
    pool_index: int
    row: NDArray[np.float64]
    gain: float
    score: float


class _Pool:
    """Permitted conditions for one kind of position, evaluated in each posterior sample.

    `bound` is the score of its last candidate.
    """

    def __init__(
        self,
        evaluate: "_Evaluate",
        decided: Mapping[str, Value],
        seen: AbstractSet[bytes],
        best_tried: Rows,
        effort: Effort,
        rng: np.random.Generator,
    ) -> None:
        encoding = evaluate.encoding
        self._encoding, self._evaluate, self._rng = encoding, evaluate, rng
        self._decided, self._effort = decided, effort
        self.bound = np.inf
        self._seen = set(seen)
        self._chosen: list[_Evaluated] = []
        rows = self._initial_rows(best_tried)
        new = _without(rows, self._seen)
        if not len(new):
            new = encoding.unseen(decided, self._seen)
        self._exhausted = not len(new)
        self._pool = evaluate(rows if self._exhausted else new)
        self._seen |= {row.tobytes() for row in self._pool.rows}
        for generation in range(_PEAK_GENERATIONS):
            peaks = np.unique(self._pool.values.argmax(axis=0))
            parents = np.repeat(self._pool.rows[peaks], _PEAK_CHILDREN, axis=0)
            self._add(self._children(parents, _PEAK_SHRINK**generation))

    def _initial_rows(self, best_tried: Rows) -> Rows:
        """Permitted conditions: random ones, the best that were tried, and their neighbours."""
        size = max(self._effort.pool, _MIN_POOL)
        every = self._encoding.all_rows(self._decided)
        most = self._effort.max_pool if isinstance(self._encoding, ListedEncoding) else size
        if 0 < len(every) <= most:
            return every
        random = self._encoding.random(size, self._decided, self._rng)
        near = np.repeat(best_tried, max(size // len(best_tried), 2), axis=0)
        near = self._encoding.decide(near, [self._decided] * len(near))
        rows = np.unique(np.vstack([random, near, self._neighbours(near, 1.0)]), axis=0)
        return rows[self._encoding.permits(rows)]

    def best_candidate(self, best: NDArray[np.float64], climb: bool) -> _Candidate:
        """The condition with the highest gain over the best so far (samples).

        It is looked for in the pool, and if it may `climb` also near the best of the pool.
        """
        gains = self._pool.gains(best)
        if len(gains) > self._effort.max_pool:
            fittest = np.argsort(-self._pool.scores(gains))[: self._effort.max_pool // 2]
            self._pool, gains = self._pool.at(fittest), gains[fittest]
        for generation in range(self._effort.generations if climb else 0):
            climbers = np.argsort(-self._pool.scores(gains))[: self._effort.climbers]
            parents = np.repeat(self._pool.rows[climbers], self._effort.climbers, axis=0)
            children = self._children(parents, _CLIMB_SHRINK**generation)
            self._add(children)
            gains = np.concatenate([gains, children.gains(best)])
        scores = self._pool.scores(gains)
        index = int(scores.argmax())
        self.bound = float(scores[index])
        return _Candidate(index, self._pool.rows[index], float(gains[index]), self.bound)

    def remove(self, index: int) -> NDArray[np.float64]:
        """The values (samples) of a chosen condition, which leaves the pool while others remain."""
        chosen = self._pool.at(np.array([index]))
        self._chosen.append(chosen)
        self._pool = self._pool.at(np.arange(len(self._pool.rows)) != index)
        if not len(self._pool.rows):
            new = self._encoding.unseen(self._decided, self._seen)
            self._seen |= {row.tobytes() for row in new}
            self._pool = self._evaluate(new)
        if not len(self._pool.rows):
            # A small space is exhausted: measuring a condition again is still informative.
            self._exhausted = True
            self._pool, self._chosen = _Evaluated.joined(self._chosen), []
        values: NDArray[np.float64] = chosen.values[0]
        return values

    def drop(self, index: int) -> bool:
        """Leave a condition out, unless nothing else is left; whether it was left out."""
        if self._exhausted or len(self._pool.rows) < 2:
            return False
        self._pool = self._pool.at(np.arange(len(self._pool.rows)) != index)
        return True

    def _children(self, parents: Rows, reach: float) -> "_Evaluated":
        rows = np.unique(self._neighbours(parents, reach), axis=0)
        rows = _without(rows[self._encoding.permits(rows)], self._seen)
        self._seen |= {row.tobytes() for row in rows}
        return self._evaluate(rows)

    def _add(self, more: "_Evaluated") -> None:
        self._pool = _Evaluated.joined([self._pool, more])

    def _neighbours(self, rows: Rows, reach: float) -> Rows:
        return neighbours(self._encoding, rows, self._rng, frozenset(self._decided), reach)


class _Evaluate(NamedTuple):
    """How rows are evaluated."""

    encoding: Encoding
    samples: Samples
    weights: CostWeights

    def __call__(self, rows: Rows) -> "_Evaluated":
        values = self.samples(self.encoding.features(rows)).T
        optimism = values.mean(axis=1) + values.std(axis=1)
        return _Evaluated(rows, values, optimism, self.weights(rows))


class _Evaluated(NamedTuple):
    """Rows (n x p), their values (n x samples), and an optimistic value (n): mean plus one sd.

    Their gains are divided by `weights` (n).
    """

    rows: Rows
    values: NDArray[np.float64]
    optimism: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence["_Evaluated"]) -> "_Evaluated":
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def at(self, which: NDArray[np.int_] | NDArray[np.bool_]) -> "_Evaluated":
        return _Evaluated(*(part[which] for part in self))

    def gains(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each row raises the best of each sample, on average (n)."""
        return np.asarray(np.maximum(self.values - best, 0).mean(axis=1))

    def scores(self, gains: NDArray[np.float64]) -> NDArray[np.float64]:
        # Where no sample sees any improvement left, optimism decides; its weight is too small to
        # outweigh a real gain.
        return gains / self.weights + _OPTIMISM_WEIGHT * self.optimism


def _without(rows: Rows, excluded: set[bytes]) -> Rows:
    return rows[[row.tobytes() not in excluded for row in rows]]
