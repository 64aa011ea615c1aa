"""Causes are found where known, never of what was set, and refused where not to be seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.causal import false_edge_rate
from benchmarks.causal_graphs import LARGE, distance, study
from optimizer.causes.discovery import discover_causes, edge_stability
from optimizer.causes.independence import CentredKernel, independence_p
from optimizer.causes.interventions import intervention_effects
from orchestrator.cli.main import app


def _chain(rows: int, seed: int = 0) -> np.ndarray:
    """Set by somebody -> density -> ratio, both bent."""
    rng = np.random.default_rng(seed)
    dose = rng.uniform(-2, 2, rows)
    density = np.tanh(dose) + 0.3 * rng.uniform(-1, 1, rows)
    ratio = np.exp(1.5 * density**2 + 0.3 * rng.uniform(-1, 1, rows))
    return np.column_stack([ratio, dose, density])


def test_a_chain_is_found_in_its_order() -> None:
    found = discover_causes(_chain(500), fixed={1})
    assert found.order == (1, 2, 0)
    assert found.graph.tolist() == [
        [False, False, False],
        [False, False, True],
        [True, False, False],
    ]


def test_nothing_causes_what_was_set() -> None:
    data = _chain(200)
    found = discover_causes(data, fixed={0, 1})
    assert not found.graph[:, [0, 1]].any()
    assert found.order[-1] == 2


def test_edges_that_hold_in_resamples_are_stable() -> None:
    shares = edge_stability(_chain(300)[:, [1, 2]], fixed={0}, draws=2)
    assert shares[0, 1] == 1
    assert shares[1, 0] == 0
    assert (edge_stability(_chain(300)[:, [1, 2]], fixed={0}, draws=2) == shares).all()


def _independence(left: np.ndarray, right: np.ndarray) -> float:
    return independence_p(CentredKernel.of(left), CentredKernel.of(right))


def test_independence_is_seen_and_its_absence_too() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 300, 1))
    assert _independence(x, y) > 0.05
    assert _independence(x, x**2 + 0.5 * y) < 0.001
    found = [_independence(*rng.standard_normal((2, 100, 1))) for _ in range(60)]
    assert 0.25 < np.mean(np.array(found) < 0.5) < 0.75


def test_a_table_that_cannot_tell_is_refused() -> None:
    data = _chain(60)
    for wrong in (data[:49], data[:, :1], np.where(data > 1, np.nan, data), data * [0, 1, 1]):
        with pytest.raises(ValueError, match="50 or more rows"):
            discover_causes(wrong)


def test_half_of_the_rows_is_half_of_them() -> None:
    with pytest.raises(ValueError, match="49 x 3 values"):
        edge_stability(_chain(99), fixed={1}, draws=1)


def test_ten_variables_have_their_graph_in_seconds() -> None:
    for seed in (0, 2):
        given = study("linear", seed, LARGE)
        assert distance(given.truth, discover_causes(given.data).graph) <= 1


def test_independent_columns_have_an_edge_as_rarely_as_the_tests_say() -> None:
    # 5 % of 40 tables is 2; more than 6 has a probability of 0.014.
    assert false_edge_rate(40, rows=100, columns=4) <= 6 / 40


def test_a_shift_between_rounds_is_no_cause() -> None:
    rng = np.random.default_rng(1)
    rounds = np.repeat([0, 1, 2], 120)
    data = 2.0 * rounds[:, None] + rng.laplace(size=(360, 2))
    assert discover_causes(data).hidden[0, 1]
    found = discover_causes(data, blocks=list(rounds))
    assert not found.graph.any()
    assert not found.hidden.any()


def _in_triplicate(seed: int) -> tuple[np.ndarray, list[int]]:
    """Three readings that have nothing to do with each other, of 50 conditions in triplicate."""
    rng = np.random.default_rng(seed)
    of_conditions = rng.normal(size=(50, 3))
    conditions = np.repeat(np.arange(50), 3)
    return of_conditions[conditions] + 0.3 * rng.normal(size=(150, 3)), conditions.tolist()


def test_what_replicates_share_is_no_cause() -> None:
    found = []
    for seed in range(20):
        data, conditions = _in_triplicate(seed)
        graph = discover_causes(data, seed=seed, conditions=conditions)
        found.append(bool(graph.graph.any() or graph.hidden.any()))
    # 5 % of 20 tables is 1; more than 4 has a probability of 0.003.
    assert sum(found) <= 4


def test_conditions_are_what_pandas_means_by_their_means() -> None:
    data, conditions = _in_triplicate(0)
    order = np.random.default_rng(0).permutation(len(data))
    means = pd.DataFrame(data).groupby(conditions).mean().to_numpy()
    of = [conditions[row] for row in order]
    expected = discover_causes(means[list(dict.fromkeys(of))])
    found = discover_causes(data[order], conditions=of)
    assert found.order == expected.order
    assert (found.graph == expected.graph).all()
    with pytest.raises(ValueError, match="49 x 3 values"):
        discover_causes(data[:147], conditions=conditions[:147])
    with pytest.raises(ValueError, match="149 labels of conditions"):
        discover_causes(data, conditions=conditions[1:])


def test_blocks_over_which_replicates_are_spread_are_no_cause() -> None:
    rng = np.random.default_rng(5)
    plate = np.tile([0, 1, 1], 60)  # a third and two thirds of each condition's wells
    plate[:90] = np.tile([0, 0, 1], 30)
    of_conditions = rng.normal(size=(60, 2))
    conditions = np.repeat(np.arange(60), 3)
    data = of_conditions[conditions] + 9.0 * plate[:, None] + 0.3 * rng.normal(size=(180, 2))
    assert discover_causes(data, conditions=conditions.tolist()).graph.any()
    found = discover_causes(data, blocks=plate.tolist(), conditions=conditions.tolist())
    assert not (found.graph | found.hidden).any()


def test_effects_of_what_was_set_hold_the_truth_where_conditions_repeat() -> None:
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        dose = (np.arange(30) + 0.5) / 30
        of_conditions = 3 * dose + rng.normal(0, 0.5, 30)  # what else differs between conditions
        conditions = np.repeat(np.arange(30), 3)
        values = of_conditions[conditions] + rng.normal(0, 0.1, 90)
        [effect] = intervention_effects(
            np.column_stack([dose[conditions], values]), {0}, conditions=conditions.tolist()
        )
        held.append(effect.low <= 2.0 <= effect.high)
    assert np.mean(held) >= 0.9


def test_a_hidden_common_cause_is_no_arrow() -> None:
    said = []
    for seed in range(6):
        unseen, *own = np.random.default_rng(seed).uniform(-1, 1, (3, 1500))
        found = discover_causes(np.column_stack([unseen + own[0], unseen - own[1]]))
        said.append(bool(found.decided.any()))
    assert sum(said) <= 1


def test_a_reverse_that_is_refused_but_weakly_makes_no_arrow() -> None:
    # One direction of the confounded pair fits, and p of the other is 6e-12: with 2,000 rows that
    # is no more than hidden causes bring about.
    given = study("linear", 1003, hidden=1)
    found = discover_causes(given.data)
    assert not (found.decided & given.confounded).any()
    assert not (found.decided & ~given.truth).any()


def test_normal_noise_tells_no_direction() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(400)
    found = discover_causes(np.column_stack([x, x + rng.standard_normal(400)]))
    assert found.graph.sum() == found.undecided.sum() == 1


def test_effects_of_what_was_set_hold_the_truth() -> None:
    # From the upper to the lower third of a uniform dose from 0 to 1 are 2/3; x^2 by 2/3 as well.
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        dose, other = rng.uniform(0, 1, (2, 60))
        plate = rng.integers(0, 2, 60)
        value = 3 * dose + other**2 + plate + rng.laplace(0, 0.1 + 0.5 * dose)
        effects = intervention_effects(
            np.column_stack([dose, other, value]), fixed={0, 1}, blocks=list(plate)
        )
        held += [e.low <= t <= e.high for e, t in zip(effects, (2.0, 2 / 3), strict=True)]
    assert 0.91 <= np.mean(held) <= 0.985
    with pytest.raises(ValueError, match="expected 15 or more"):
        intervention_effects(np.column_stack([dose, other, value])[:14], fixed={0, 1})


def test_a_distance_counts_pairs() -> None:
    truth = study("linear", 0).truth
    assert distance(truth, truth) == 0
    assert distance(truth, truth.T) == truth.sum()
    assert distance(truth, np.zeros_like(truth)) == truth.sum()


def test_the_command_counts_replicates_once(tmp_path: Path) -> None:
    data, conditions = _in_triplicate(1)
    table = tmp_path / "wells.csv"
    pd.DataFrame({"a": data[:, 0], "b": data[:, 1], "medium": conditions}).to_csv(table)
    arguments = ["causes", str(table), "--column", "a", "--column", "b", "--draws", "0"]
    done = CliRunner().invoke(app, [*arguments, "--condition", "medium"], catch_exceptions=False)
    assert "150 of 150 rows, 50 conditions, whose replicates count once." in done.output
    assert "no column causes another" in done.output


def test_the_command_names_causes_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    table = tmp_path / "wells.csv"
    pd.DataFrame(_chain(120), columns=["ratio", "dose", "density"]).to_csv(table, index=False)
    arguments = ["causes", str(table), "--column", "dose", "--column", "density"]
    done = CliRunner().invoke(app, [*arguments, "--set", "dose", "--draws", "1"])
    assert done.exit_code == 0, done.output
    assert "120 of 120 rows. Order, causes first: dose, density" in done.output
    assert "dose causes density (in 100% of 1 resamples)" in done.output
    assert "dose changes density by +" in done.output
    assert "With fewer than 300 rows" in done.output
    for more, message in (
        (["--column", "colour"], "no column 'colour'"),
        (["--set", "ratio"], "none of the columns"),
    ):
        assert message in str(CliRunner().invoke(app, [*arguments, *more]).exception)
    table.write_text("dose,density\n1,2\n")
    assert "50 or more rows" in str(CliRunner().invoke(app, arguments).exception)
