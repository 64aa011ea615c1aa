"""What a forecast's rule was chosen on: simulated campaigns, and the rule that fits them best.

`--campaigns N --out FILE` adds campaigns to a table, a row for each round and each number of rounds
ahead. Without `--campaigns` the table is read, coefficients are fitted, and their skill is printed
with the functions left out one by one.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t

import optimizer
from benchmarks.beside_peers import Observations, measured
from benchmarks.forecast_families import drawn, of_formulas
from benchmarks.forecasts import study
from optimizer.attainable import DEGREES, shape_of
from optimizer.fitting import fit
from orchestrator.core.round_planning import plan_round
from orchestrator.studies.forecast import RoundSizes, too_little

SHARES = (0.15, 0.4, 0.8)
_PLANS = ((48, 4), (48, 4), (24, 5), (24, 5), (12, 6))
_KINDS = {"formulas": of_formulas, "drawn": drawn}
_LIMITS = (-2.0, 4.0)
_SHRINKAGE = 5.0

Array = NDArray[np.float64]


class Row(NamedTuple):
    """What was known after a round, and what the recommended condition truly gave rounds later.

    In units of `Shape.span`, from `Shape.best`: `recommended` is the mean predicted of the
    condition recommended then, `reached` the truth of the one recommended later.
    """

    function: str
    campaign: str
    round: int
    ahead: int
    log_spread: float
    log_rounds: float
    explained: float
    recommended: float
    reached: float


def rows(kind: str, seed: int) -> Iterator[Row]:
    """One campaign; nothing of rounds after which no probability would be given."""
    wells, rounds = _PLANS[int(np.random.default_rng([seed, 29]).integers(len(_PLANS)))]
    family = _KINDS[kind](seed)
    function = family.shown()
    plan = RoundSizes(rounds, wells).of(study(function, seed))
    known: Observations = []
    after = []
    for number in range(1, rounds + 1):
        layout = plan_round(plan, number, known, rough=True).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        known += measured(function, conditions, number, seed, family.noise * family.height)
        fitted = fit(function.space, known)
        found = optimizer.most_promising(function.space, known)
        assert fitted is not None
        assert found is not None
        features = fitted.encoding.features(fitted.encoding.rows([found]))
        shape = shape_of(fitted, known)
        mean = (float(fitted.model.mean(features)[0]) - shape.best) / shape.span
        after.append((shape, mean, function.truth(found.root), not too_little(plan, known)))
    name = family.name.split(" power")[0]
    for index, (shape, mean, _, stated) in enumerate(after):
        for ahead in range(1, min(3, rounds - 1 - index) + 1) if stated else ():
            reached = (after[index + ahead][2] - shape.best) / shape.span
            yield Row(name, f"{kind}{seed}", index + 1, ahead, *shape[2:], mean, reached)


def fitted_rule(known: Array, reached: Array, weights: Array) -> Array:
    """Slopes (2 x k) of location and log scale along what is known (n x k), of highest likelihood.

    The first column of what is known is 1; the scale has no slope along the second, the spread.
    """
    middle, sds = known[:, 1:].mean(axis=0), known[:, 1:].std(axis=0)
    standard = np.column_stack([known[:, 0], (known[:, 1:] - middle) / sds])
    number = known.shape[1]

    def loss(flat: Array) -> float:
        location, log_scale = flat[:number], np.insert(flat[number:], 1, 0.0)
        log_scales = standard @ log_scale
        z = (reached - standard @ location) / np.exp(log_scales)
        slopes = (location[1:] ** 2).sum() + (log_scale[1:] ** 2).sum()
        likelihood = (weights * (t.logpdf(z, DEGREES) - log_scales)).sum()
        return float(_SHRINKAGE * slopes - likelihood)

    start = np.zeros(2 * number - 1)
    start[[0, number]] = np.median(reached), np.log(reached.std())
    flat = minimize(loss, start, method="L-BFGS-B").x
    found = np.array([flat[:number], np.insert(flat[number:], 1, 0.0)])
    found[:, 1:] /= sds
    found[:, 0] -= found[:, 1:] @ middle
    return found


def chances(rule: Array, known: Array, targets: Array) -> Array:
    """Probabilities (n x targets) by a rule."""
    location, log_scale = (known @ slopes for slopes in rule)
    return np.asarray(t.sf((targets - location[:, None]) / np.exp(log_scale)[:, None], DEGREES))


def report(table: Sequence[Row]) -> None:
    """Print the rule, and its skill on functions that are left out."""
    known = np.array([(1.0, row.log_spread, row.log_rounds, row.explained) for row in table])
    recommended = np.array([row.recommended for row in table])[:, None]
    reached = np.array([row.reached for row in table]).clip(*_LIMITS)
    campaigns = np.array([row.campaign for row in table])
    _, which, count = np.unique(campaigns, return_inverse=True, return_counts=True)
    weights = 1 / count[which]
    weights /= weights.mean()
    targets = recommended + np.array(SHARES) * (1 + recommended)
    true = (reached[:, None] >= targets).astype(float)
    groups = np.array([_group(row) for row in table])
    predicted = np.empty(true.shape)
    for group in np.unique(groups):
        out = groups == group
        rule = fitted_rule(known[~out], reached[~out], weights[~out])
        predicted[out] = chances(rule, known[out], targets[out])
    for name, slopes in zip(
        ("location", "log scale"), fitted_rule(known, reached, weights), strict=True
    ):
        print(f"{name}: {' '.join(f'{slope:.3f}' for slope in slopes)}")
    first = np.array([row.round == 1 for row in table])
    for name, some in (("all", np.ones(len(table), bool)), ("after round 1", first)):
        weight = weights[some, None] / weights[some].sum() / len(SHARES)
        mean = float((weight * true[some]).sum())
        score = float((weight * (predicted[some] - true[some]) ** 2).sum())
        print(f"{name}: {some.sum()} cases of {len(np.unique(campaigns[some]))} campaigns, Brier "
              f"{score:.3f}, always the mean {mean * (1 - mean):.3f}")  # fmt: skip


def _group(row: Row) -> str:
    """What is left out together: a formula, or a tenth of the functions that were drawn."""
    kind = row.function.rstrip("0123456789")
    return f"{kind}{row.function[-1]}" if kind in ("process", "metafunction") else kind


def main() -> None:
    """Add to the table, or print what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[*_KINDS], default="formulas")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--campaigns", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.out.open("a", newline="") as file:
        for seed in range(arguments.first, arguments.first + arguments.campaigns):
            csv.writer(file).writerows(rows(arguments.kind, seed))
    if not arguments.campaigns:
        with arguments.out.open(newline="") as file:
            report(
                [
                    Row(f, c, int(r), int(a), *map(float, rest))
                    for f, c, r, a, *rest in csv.reader(file)
                ]
            )


if __name__ == "__main__":
    main()
