"""Batch choice: which of the real, allowed conditions to try together, given what each position decides."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows
from optimizer.model import GaussianProcess
from protocols.conditions import Value

_POOL = 4000
_SAMPLES = 1024
_GENERATIONS = 4
_REFINEMENTS = 2

Decided = tuple[tuple[str, Value], ...]


class Choice(NamedTuple):
    """One chosen condition: its row, the position it is for, and the improvement that it was expected to add."""

    row: NDArray[np.float64]
    position: int
    gain: float


def choose_batch(
    encoding: Encoding,
    model: GaussianProcess,
    observed: Rows,
    positions: Sequence[Mapping[str, Value]],
    seed: int,
) -> list[Choice]:
    """One condition for each position, chosen greedily by noisy expected improvement of the whole batch.

    The posterior is drawn jointly over the observed conditions and a pool of allowed ones. A condition's gain is by
    how much it raises, in the mean over the draws, the best true value among all that was observed or chosen before
    (qNEI, Letham et al. 2019, evaluated exactly on the pool instead of by gradient on a relaxation). Each choice is
    made among the conditions of all positions that are still empty. The pool is then made anew around the choices, and
    the batch is chosen again.

    Args:
        encoding: of the search space.
        model: fitted to the observations.
        observed: rows of the observed conditions; none is proposed again while there are others.
        positions: what each position decides, by parameter name.
        seed: decides pool and draws.

    Returns: one choice a position, in the order of `positions`.
    """
    rng = np.random.default_rng(seed)
    groups: dict[Decided, list[int]] = {}
    for index, values in enumerate(positions):
        groups.setdefault(tuple(sorted(values.items())), []).append(index)
    chosen: list[Choice] = []
    for _ in range(1 + _REFINEMENTS):
        centres = np.array([choice.row for choice in chosen]).reshape(-1, observed.shape[1])
        pools = [_pool(encoding, model, dict(key), centres, observed, len(groups), rng) for key in groups]
        chosen = _greedy(encoding, model, observed, pools, list(groups.values()), int(rng.integers(2**32)))
    return sorted(chosen, key=lambda choice: choice.position)


def _pool(
    encoding: Encoding,
    model: GaussianProcess,
    decided: Mapping[str, Value],
    centres: Rows,
    observed: Rows,
    groups: int,
    rng: np.random.Generator,
) -> Rows:
    """Allowed conditions for one kind of position: random ones, bred for high mean and high uncertainty."""
    size = max(_POOL // groups, 40)
    fixed = frozenset(decided)

    def fitted(rows: Rows) -> Rows:
        return encoding.decide(rows, [decided] * len(rows))

    points = rng.random((4 * size, observed.shape[1]))
    best = observed[np.argsort(-model.predict(encoding.features(observed))[0])[:20]]
    near = np.repeat(np.vstack([best, centres]), 8, axis=0)
    rows = np.vstack(
        [
            encoding.from_unit_cube(points, [decided] * len(points)),
            fitted(near.copy()),
            encoding.mutated(fitted(near), rng, fixed),
            fitted(centres.copy()),
        ]
    )
    for generation in range(_GENERATIONS):
        rows = np.unique(rows, axis=0)
        fresh = _without(rows, observed)
        rows = fresh if len(fresh) else rows
        mean, sd = model.predict(encoding.features(rows))
        keep: dict[int, None] = {}
        for boldness in (0.3, 1.0, 2.0, 3.0):
            keep.update(dict.fromkeys(np.argsort(-(mean + boldness * sd))[: size // 4].tolist()))
        rows = rows[list(keep)]
        if generation < _GENERATIONS - 1:
            rows = np.vstack([rows, encoding.mutated(rows, rng, fixed), encoding.mutated(rows, rng, fixed)])
    return rows


def _greedy(
    encoding: Encoding,
    model: GaussianProcess,
    observed: Rows,
    pools: Sequence[Rows],
    positions: Sequence[list[int]],
    seed: int,
) -> list[Choice]:
    rows = np.vstack(pools)
    group = np.repeat(np.arange(len(pools)), [len(pool) for pool in pools])
    draws = model.samples(encoding.features(np.vstack([observed, rows])), _SAMPLES, seed)
    best, draws = draws[:, : len(observed)].max(axis=1), draws[:, len(observed) :]
    optimism = draws.mean(axis=0) + draws.std(axis=0)
    empty = Counter({index: len(places) for index, places in enumerate(positions)})
    open_rows = np.ones(len(rows), dtype=bool)
    chosen = []
    while empty.total():
        gains = np.maximum(draws - best[:, None], 0).mean(axis=0)
        # Where no draw sees any improvement left, optimism decides; it is scaled to stay below any real gain.
        rank = np.where(open_rows, gains + 1e-9 * optimism, -np.inf)
        pick = int(rank.argmax())
        where = int(group[pick])
        chosen.append(Choice(rows[pick], positions[where][len(positions[where]) - empty[where]], float(gains[pick])))
        best = np.maximum(best, draws[:, pick])
        open_rows[pick] = False
        empty[where] -= 1
        if not empty[where]:
            open_rows[group == where] = False
        elif not open_rows[group == where].any():
            # A small space is exhausted: measuring a condition again still teaches something.
            open_rows[group == where] = True
    return chosen


def _without(rows: Rows, excluded: Rows) -> Rows:
    known = {row.tobytes() for row in np.ascontiguousarray(excluded)}
    return rows[[row.tobytes() not in known for row in np.ascontiguousarray(rows)]]
