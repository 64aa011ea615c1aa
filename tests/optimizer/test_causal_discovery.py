"""Causes are found where known, never of what was set, and refused where not to be seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.causal_graphs import distance, study
from optimizer.causal_discovery import discover_causes, edge_stability, hsic_p_value
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


def test_independence_is_seen_and_its_absence_too() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 300, 1))
    assert hsic_p_value(x, y) > 0.05
    assert hsic_p_value(x, x**2 + 0.5 * y) < 0.001
    found = [hsic_p_value(*rng.standard_normal((2, 100, 1))) for _ in range(60)]
    assert 0.25 < np.mean(np.array(found) < 0.5) < 0.75


def test_a_table_that_cannot_tell_is_refused() -> None:
    data = _chain(60)
    for wrong in (data[:49], data[:, :1], np.where(data > 1, np.nan, data), data * [0, 1, 1]):
        with pytest.raises(ValueError, match="50 or more rows"):
            discover_causes(wrong)


def test_a_distance_counts_pairs() -> None:
    truth = study("linear", 0).truth
    assert distance(truth, truth) == 0
    assert distance(truth, truth.T) == truth.sum()
    assert distance(truth, np.zeros_like(truth)) == truth.sum()


def test_the_command_names_causes_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    table = tmp_path / "wells.csv"
    pd.DataFrame(_chain(120), columns=["ratio", "dose", "density"]).to_csv(table, index=False)
    arguments = ["causes", str(table), "--column", "dose", "--column", "density"]
    done = CliRunner().invoke(app, [*arguments, "--set", "dose", "--draws", "1"])
    assert done.exit_code == 0, done.output
    assert "120 of 120 rows. Order, causes first: dose, density" in done.output
    assert "dose causes density (in 100% of 1 resamples)" in done.output
    for more, message in (
        (["--column", "colour"], "no column 'colour'"),
        (["--set", "ratio"], "none of the columns"),
    ):
        assert message in str(CliRunner().invoke(app, [*arguments, *more]).exception)
    table.write_text("dose,density\n1,2\n")
    assert "50 or more rows" in str(CliRunner().invoke(app, arguments).exception)
