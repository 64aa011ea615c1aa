"""The strategies on laboratory tables: only what was measured may be tried, and its value is known.

    python -m benchmarks.tables FOLDER [--strategies ...] [--seeds 10] [--rounds 4] [--wells 8]

FOLDER has a CSV file for each table. The last column is the outcome, its header `maximise yield` or
`minimise noise`; every other column is a parameter: text is a category, up to 24 different numbers
are levels, more are a range. Rows with equal conditions count once, with their mean.

Protocol, fixed before any setting was chosen:

    rounds       4 of 8 wells, the first ones chosen by each strategy itself
    seeds        10
    values       0 for the worst of the table to 1 for the best; no noise is added
    not in it    of a table that is no full grid the rows are given as the only conditions; with
                 --nearest not, and the nearest row that was not tried stands for what was proposed
                 (numbers 0..1, sqrt 2 between two categories)
    judged by    the best that was tried, and the true value of what is recommended; differences of
                 the same table and seed, with their standard error, and over tables
    functions    with --forest the table is the training set of a random forest (seed 0), which is
                 what is optimised: 3 rounds of 48, noise with a sd of 0.03

`pool` is BoTorch's qLogNEI over the rows of the table themselves, by `optimize_acqf_discrete` with
its default model on one-hot categories, after rows at random. `--short` takes three seeds.
"""

import argparse
import csv
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf_discrete
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import ExactMarginalLogLikelihood
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from benchmarks.beside_peers import Ask, Observations, measured, strategy
from benchmarks.functions import Function
from optimizer.encoding import Encoding
from protocols.conditions import Condition, Observation, Value
from protocols.parameters import CategoryParameter, ContinuousParameter, Parameter, SteppedParameter
from protocols.search_space import SearchSpace

Array = NDArray[np.float64]

SEEDS, ROUNDS, WELLS = 10, 4, 8
OURS, POOL = "botorch", "pool"
_MOST_LEVELS = 24
_SAMPLES = 256
_FOREST_ROUNDS, _FOREST_WELLS, _FOREST_NOISE = 3, 48, 0.03


class Table(NamedTuple):
    """A search space, the conditions (n) that were measured, their values, and where they lie.

    Values are 0 for the worst to 1 for the best; `points` (n x f) are 0..1 for a number, and a
    column for each level of a category.
    """

    name: str
    space: SearchSpace
    conditions: tuple[Condition, ...]
    values: Array
    points: Array

    @property
    def full(self) -> bool:
        """Whether every condition of the space is in the table."""
        levels = [parameter.choices for parameter in self.space.parameters]
        sizes = [0 if choices is None else len(choices) for choices in levels]
        return bool(np.prod(sizes) == len(self.conditions))

    def nearest(self, conditions: Iterable[Condition], tried: Iterable[int] = ()) -> list[int]:
        """For each condition the nearest row that was not tried, none twice."""
        taken, found = set(tried), []
        encoding = Encoding(self.space)
        for point in encoding.unit_cube(encoding.rows(list(conditions))):
            distances = ((self.points - point) ** 2).sum(axis=1)
            distances[list(taken)] = np.inf
            found.append(int(distances.argmin()))
            taken.add(found[-1])
        return found


class Outcome(NamedTuple):
    """What a campaign came to: the best tried, the true value of the recommended, CPU-seconds."""

    best: float
    recommended: float
    seconds: float


def read_table(path: Path) -> Table:
    """A table of a CSV file.

    Raises:
        ValueError: the last header says neither maximise nor minimise.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    direction = header[-1].partition(" ")[0]
    if direction not in ("maximise", "minimise"):
        raise ValueError(f"{path}: the last column is {header[-1]!r} (expected maximise NAME)")
    names = header[:-1]
    space = SearchSpace(
        parameters=tuple(
            _parameter(name, [row[index] for row in rows]) for index, name in enumerate(names)
        )
    )
    known: dict[Condition, list[float]] = {}
    for row in rows:
        given = {
            name: text if space.by_name[name].kind == "category" else float(text)
            for name, text in zip(names, row, strict=False)
        }
        values = space.snap(given)
        assert values is not None
        known.setdefault(values, []).append(float(row[-1]))
    means = np.array([np.mean(found) for found in known.values()])
    if direction == "minimise":
        means = -means
    encoding = Encoding(space)
    conditions = tuple(known)
    return Table(
        path.stem,
        space,
        conditions,
        (means - means.min()) / (means.max() - means.min()),
        encoding.unit_cube(encoding.rows(conditions)),
    )


def _parameter(name: str, texts: Sequence[str]) -> Parameter:
    try:
        numbers = sorted({float(text) for text in texts})
    except ValueError:
        levels: tuple[Value, ...] = tuple(sorted(set(texts)))
        return CategoryParameter(name=name, step="A", kind="category", levels=levels)
    if len(numbers) <= _MOST_LEVELS:
        return SteppedParameter(name=name, step="A", kind="stepped", levels=tuple(numbers))
    return ContinuousParameter(
        name=name, step="A", kind="continuous", low=numbers[0], high=numbers[-1]
    )


def pool_campaign(table: Table, seed: int, rounds: int, wells: int) -> Outcome:
    """BoTorch alone, over the rows of the table."""
    torch.manual_seed(seed)
    begin = time.process_time()
    points, values = torch.as_tensor(table.points), torch.as_tensor(table.values)
    tried = np.random.default_rng(seed).permutation(len(values))[:wells].tolist()
    model = _fitted(points[tried], values[tried])
    for round_number in range(1, rounds):
        acquisition = qLogNoisyExpectedImprovement(
            model,
            points[tried],
            sampler=SobolQMCNormalSampler(torch.Size([_SAMPLES]), seed=seed + round_number),
        )
        left = [index for index in range(len(values)) if index not in set(tried)]
        chosen, _ = optimize_acqf_discrete(acquisition, min(wells, len(left)), points[left])
        for point in chosen:
            tried.append(left[int((points[left] - point).abs().sum(dim=1).argmin())])
        model = _fitted(points[tried], values[tried])
    with torch.no_grad():
        means = model.posterior(points[tried]).mean.flatten()
    recommended = float(values[tried[int(means.argmax())]])
    return Outcome(float(values[tried].max()), recommended, time.process_time() - begin)


def _fitted(points: torch.Tensor, values: torch.Tensor) -> SingleTaskGP:
    model = SingleTaskGP(points, values.unsqueeze(-1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


def campaign(
    table: Table, name: str, seed: int, rounds: int, wells: int, nearest: bool = False
) -> Outcome:
    """All rounds of a campaign by a strategy, on the rows of the table."""
    if name == POOL:
        return pool_campaign(table, seed, rounds, wells)
    asked = strategy(name)
    function = Function(table.name, table.space, lambda values: float("nan"))
    among = () if nearest or table.full else table.conditions
    known: Observations = []
    tried: list[int] = []
    seconds = 0.0
    for number in range(1, rounds + 1):
        positions: list[dict[str, Value]] = [
            {} for _ in range(min(wells, len(table.conditions) - len(tried)))
        ]
        answer = asked(Ask(function, known, positions, seed, among))
        seconds += answer.seconds
        chosen = table.nearest(answer.proposals, tried)
        tried += chosen
        known += [
            Observation(
                condition=table.conditions[index], value=float(table.values[index]), round=number
            )
            for index in chosen
        ]
    recommended = asked(Ask(function, known, [], seed, among)).recommended
    assert recommended is not None
    (best,) = table.nearest([recommended])
    return Outcome(float(table.values[tried].max()), float(table.values[best]), seconds)


def forest(table: Table) -> Function:
    """A random forest fitted to a table, as the truth."""
    fitted = RandomForestRegressor(200, min_samples_leaf=2, random_state=0)
    fitted.fit(table.points, table.values)
    encoding = Encoding(table.space)

    def truth(values: Mapping[str, Value]) -> float:
        rows = encoding.rows([Condition(dict(values))])
        return float(fitted.predict(encoding.unit_cube(rows))[0])

    # What is best at the table's own conditions; between them there may be a little more.
    best = float(fitted.predict(table.points).max())
    return Function(f"forest of {table.name}", table.space, truth, best)


def forest_campaign(function: Function, name: str, seed: int) -> Outcome:
    """Three rounds of 48 on a fitted function."""
    asked = strategy(name)
    known: Observations = []
    seconds = 0.0
    for number in range(1, _FOREST_ROUNDS + 1):
        answer = asked(Ask(function, known, [{} for _ in range(_FOREST_WELLS)], seed))
        seconds += answer.seconds
        known += measured(function, answer.proposals, number, seed, _FOREST_NOISE)
    recommended = asked(Ask(function, known, [], seed)).recommended
    assert recommended is not None
    best = max(function.truth(one.condition.root) for one in known)
    return Outcome(best, function.truth(recommended.root), seconds)


Key = tuple[str, str, int]
"""A table's name, a strategy's and a seed."""


def compare(found: dict[Key, Outcome], names: Sequence[str]) -> None:
    """Print means by table, and how far the default is ahead of each other, seed by seed."""
    tables = list(dict.fromkeys(key[0] for key in found))
    for title, of in _JUDGED.items():
        print(f"\n{title}")
        ahead: dict[str, list[float]] = {}
        for table in tables:
            cells = []
            for name in names:
                mine = {s: of(o) for (t, n, s), o in found.items() if (t, n) == (table, OURS)}
                theirs = {s: of(o) for (t, n, s), o in found.items() if (t, n) == (table, name)}
                if not theirs:
                    continue
                cell = f"{name} {np.mean(list(theirs.values())):.3f}"
                less = np.array([mine[seed] - theirs[seed] for seed in theirs if seed in mine])
                if name != OURS and len(less) > 1:
                    error = less.std(ddof=1) / np.sqrt(len(less))
                    cell += f" ({less.mean():+.3f} +- {error:.3f}, {len(less)})"
                    ahead.setdefault(name, []).append(float(less.mean()))
                cells.append(cell)
            print(f"  {table:24} " + "; ".join(cells))
        for name, less_by_table in ahead.items():
            spread = np.std(less_by_table, ddof=1) if len(less_by_table) > 1 else np.nan
            error = spread / np.sqrt(len(less_by_table))
            print(
                f"  {OURS} less {name}, mean of {len(less_by_table)} tables: "
                f"{np.mean(less_by_table):+.3f} +- {error:.3f}"
            )


_JUDGED: dict[str, Callable[[Outcome], float]] = {
    "the best that was tried": lambda outcome: outcome.best,
    "the recommended": lambda outcome: outcome.recommended,
    "CPU-seconds of all proposals": lambda outcome: outcome.seconds,
}


def kept(path: Path | None) -> dict[Key, Outcome]:
    """The outcomes of a file, if there is one."""
    if path is None or not path.exists():
        return {}
    with path.open() as lines:
        return {
            (table, name, int(seed)): Outcome(float(best), float(recommended), float(seconds))
            for table, name, seed, best, recommended, seconds in csv.reader(lines)
        }


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", help="names of files; all if absent")
    parser.add_argument("--strategies", nargs="+", default=[OURS, "qlognei", POOL, "random"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--wells", type=int, default=WELLS)
    parser.add_argument("--nearest", action="store_true", help="rows stand for what is near them")
    parser.add_argument("--forest", action="store_true", help="functions fitted to the tables")
    parser.add_argument("--short", action="store_true", help="three seeds")
    parser.add_argument("--kept", type=Path, help="a file of outcomes, which are not made again")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob("*.csv"))
    tables = [
        read_table(path)
        for path in paths
        if arguments.tables is None or path.stem in arguments.tables
    ]
    names = [name for name in arguments.strategies if not arguments.forest or name != POOL]
    found = kept(arguments.kept)
    sizes = (arguments.rounds, arguments.wells, arguments.nearest)
    for seed in range(3 if arguments.short else arguments.seeds):
        for table in tables:
            function = forest(table) if arguments.forest else None
            for name in names:
                key = (function.name if function else table.name, name, seed)
                if key in found:
                    continue
                found[key] = (
                    forest_campaign(function, name, seed)
                    if function
                    else campaign(table, name, seed, *sizes)
                )
                if arguments.kept:
                    with arguments.kept.open("a", newline="") as lines:
                        csv.writer(lines).writerow([*key, *(f"{x:.5f}" for x in found[key])])
    compare(found, names)


if __name__ == "__main__":
    main()
