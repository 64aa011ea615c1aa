"""Causal discovery: causal order and graph of variables measured, or set, in the same wells.

Post-nonlinear model: each variable is g(f(its causes) + noise), with g increasing and noise
independent of the causes. The search removes one sink after another, the variable whose noise
depends least on all others (Uemura et al. 2022, "A Multivariate Causal Discovery based on
Post-Nonlinear Model"), by the simplest of three models (linear, additive, post-nonlinear) whose
noise is independent. An edge stays if an F test needs it, at a familywise error rate. Where no
model leaves independent noise in any variable, a common cause may be hidden, and that is said
instead of an edge (the idea of CAM-UV; Maeda and Shimizu 2021).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.causes.independence import Array
from optimizer.causes.models import MODELS, CausalModels, Fit
from optimizer.causes.replicates import Conditions, conditions_of

MIN_ROWS = 50
ROWS_A_COLUMN = 10
_SIGNIFICANCE = 0.05
_FALSE_EDGES = 0.05
_HIDDEN = 0.01
_REVERSED = 0.001
_REVERSED_A_ROW = 0.008  # -log10 of p; a p value of dependence that is as strong falls so with rows
_LEAST_GAIN = 1e-6


class CausalGraph(NamedTuple):
    """A causal order (indices of variables, causes first) and a graph (variables x variables).

    `graph[i, j]` says that i causes j. `hidden[i, j]`, symmetric, that they go together but neither
    direction fits: a common cause may be hidden. `undecided[i, j]` that the edge is there, but the
    data do not tell its direction: its reverse fits as well, or neither fits well.
    """

    order: tuple[int, ...]
    graph: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    undecided: NDArray[np.bool_]

    @property
    def decided(self) -> NDArray[np.bool_]:
        """The edges whose direction the data tell."""
        return self.graph & ~self.undecided


class _Effect(NamedTuple):
    """A variable, those before it in the order, and its model by them."""

    variable: int
    before: tuple[int, ...]
    fit: Fit


def discover_causes(
    data: Array,
    fixed: Collection[int] = (),
    seed: int = 0,
    blocks: Sequence[object] | None = None,
    conditions: Sequence[object] | None = None,
) -> CausalGraph:
    """The causal order and graph of the columns of `data`.

    Args:
        data: measured values (n x variables), one row a well, in any units.
        fixed: columns that somebody set, such as the parameters of a design: nothing causes them.
        seed: decides how the wells are split and where the models start.
        blocks: a label for each row, such as its round and plate. What a block adds to a variable
            is no cause among the columns; None: all rows are of one.
        conditions: a label for each row. Replicates of a condition count once, by their mean;
            None: no row is a replicate of another.

    Raises:
        ValueError: there are fewer than 50 rows (conditions, where these are told), or 10 a column,
            or 10 a block, fewer than two columns, a value is missing, or a column is constant.
    """
    return _discovered(conditions_of(data, blocks, conditions), fixed, seed)


def _discovered(table: Conditions, fixed: Collection[int], seed: int) -> CausalGraph:
    _refuse_too_little(table)
    models, count = CausalModels(table, seed), table.values.shape[1]
    roots = tuple(sorted(fixed))
    effects = _by_likelihood(models, roots, _by_sinks(models, count, roots))
    graph, hidden, undecided = (np.zeros((count, count), dtype=bool) for _ in range(3))
    for effect, cause in _needed(models, effects):
        graph[cause, effect.variable] = True
    before = {effect.variable: effect.before for effect in effects}
    for effect in effects:
        variable = effect.variable
        for cause in sorted(set(np.flatnonzero(graph[:, variable]).tolist()) - set(roots)):
            reverse = models.simplest(cause, (*before[cause], variable), _SIGNIFICANCE)
            forward_p, _ = models.independence(effect.fit, cause)
            reverse_p, rows = models.independence(reverse, variable)
            if max(forward_p, reverse_p) <= _HIDDEN:
                graph[cause, variable] = False
                hidden[cause, variable] = hidden[variable, cause] = True
            else:
                refused = reverse_p <= min(_REVERSED, 10 ** (-_REVERSED_A_ROW * rows))
                undecided[cause, variable] = not (forward_p > _SIGNIFICANCE and refused)
    return CausalGraph((*roots, *(e.variable for e in effects)), graph, hidden, undecided)


def edge_stability(
    data: Array,
    fixed: Collection[int] = (),
    draws: int = 20,
    seed: int = 0,
    blocks: Sequence[object] | None = None,
    conditions: Sequence[object] | None = None,
) -> Array:
    """In which share of resamples (0..1) each edge is found and decided (variables x variables).

    Arguments and errors as for `discover_causes`, which half of the rows (or conditions) must
    satisfy.

    Args:
        data: measured values (n x variables).
        fixed: columns that somebody set.
        draws: how many resamples, each of half of the rows, without replacement.
        seed: decides the resamples and the search in each.
        blocks: a label for each row.
        conditions: a label for each row.
    """
    rng, table = np.random.default_rng(seed), conditions_of(data, blocks, conditions)
    shares = np.zeros((data.shape[1], data.shape[1]))
    for draw in range(draws):
        rows = rng.permutation(len(table.values))[: len(table.values) // 2]
        found = _discovered(table.at(rows), fixed, seed + draw)
        shares += found.decided / draws
    return shares


def _refuse_too_little(table: Conditions) -> None:
    data, (rows, count) = table.values, table.values.shape
    enough = max(MIN_ROWS, ROWS_A_COLUMN * count)
    sound = rows >= enough and count > 1 and np.isfinite(data).all()
    if not sound or (data.std(axis=0) == 0).any():
        raise ValueError(
            f"{rows} x {count} values (expected {enough} or more rows, or conditions where some "
            "are replicates, two or more columns that vary, none missing)"
        )
    number = np.linalg.matrix_rank(np.column_stack([np.ones(rows), table.blocks]))
    if rows < ROWS_A_COLUMN * number:
        raise ValueError(
            f"{number} blocks of {rows} rows (expected {ROWS_A_COLUMN} or more rows a block: "
            "name fewer columns as blocks)"
        )


def _by_sinks(models: CausalModels, count: int, roots: tuple[int, ...]) -> list[_Effect]:
    """The variables that nobody set, causes first: sinks are taken out until none is left."""
    free, effects = set(range(count)) - set(roots), []
    while free:
        for sink in _sinks(models, free, roots):
            free.remove(sink.variable)
            before = (*roots, *sorted(free))
            p_of = dict(zip(sink.before, sink.fit.independence, strict=True))
            independence = tuple(p_of[other] for other in before)
            fit = sink.fit._replace(independence=independence)
            effects.append(_Effect(sink.variable, before, fit))
    return effects[::-1]


def _sinks(models: CausalModels, free: set[int], roots: tuple[int, ...]) -> list[_Effect]:
    """Those whose noise is independent by the simplest model, the highest p first; or one.

    The noise of all of them is independent of every other variable, so none has to wait for
    another to be taken out.
    """
    before = {variable: (*roots, *sorted(free - {variable})) for variable in free}
    tried: list[_Effect] = []
    for model in range(len(MODELS)):
        fitted = [
            _Effect(variable, before[variable], models.fit(variable, before[variable], model))
            for variable in sorted(free)
            if model == 0 or models.is_bent(variable, before[variable])
        ]
        tried += fitted
        if passed := [effect for effect in fitted if effect.fit.p > _SIGNIFICANCE]:
            return sorted(passed, key=lambda effect: -effect.fit.p)
    return [max(tried, key=lambda effect: effect.fit.p)]


def _by_likelihood(
    models: CausalModels, roots: tuple[int, ...], effects: list[_Effect]
) -> list[_Effect]:
    """Variables moved in the order as long as that makes all of them more likely.

    What tests of independence accept, the likelihood of the noise still tells apart (pairwise
    likelihood ratios; Hyvarinen and Smith 2013).
    """
    order = [effect.variable for effect in effects]
    model_of = {effect.variable: effect.fit.model for effect in effects}
    by_tests = {(effect.variable, effect.before): effect for effect in effects}
    entropies: dict[tuple[int, frozenset[int], int], float] = {}

    def entropy(part: list[int], before: list[int], model: int) -> float:
        total = 0.0
        for place, variable in enumerate(part):
            causes = [*roots, *before, *part[:place]]
            key = variable, frozenset(causes), model
            if key not in entropies:
                entropies[key] = models.entropy(variable, causes, model)
            total += entropies[key]
        return total

    moves = [(i, j) for i in range(len(order)) for j in range(len(order)) if j != i]
    for _ in order:
        moved = False
        for here, there in moves:
            low, high = min(here, there), max(here, there) + 1
            part = order[low:high]
            model = max(model_of[variable] for variable in part)
            turned = [*part[1:], part[0]] if here < there else [part[-1], *part[:-1]]
            gain = entropy(part, order[:low], model) - entropy(turned, order[:low], model)
            if gain > _LEAST_GAIN:
                order[low:high], moved = turned, True
        if not moved:
            break
    found = []
    for place, variable in enumerate(order):
        before = (*roots, *sorted(order[:place]))
        found.append(
            by_tests.get((variable, before))
            or _Effect(variable, before, models.simplest(variable, before, _SIGNIFICANCE))
        )
    return found


def _needed(models: CausalModels, effects: Sequence[_Effect]) -> list[tuple[_Effect, int]]:
    """Edges that the models need, by Holm's procedure over all pairs of the graph (Holm 1979)."""
    tests = sorted(
        (
            (p, place, cause)
            for place, effect in enumerate(effects)
            for cause, p in zip(
                effect.before, models.cause_p_values(effect.fit, effect.before), strict=True
            )
        ),
    )
    found = []
    for number, (p, place, cause) in enumerate(tests):
        if p > _FALSE_EDGES / (len(tests) - number):
            break
        found.append((effects[place], cause))
    return found
