"""The benchmark on laboratory tables reads what it says, and tries only what is in the table."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.tables import OURS, POOL, campaign, read_table
from protocols.conditions import Condition


def table_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "made_up.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_text_is_a_category_few_numbers_are_levels_and_many_a_range(tmp_path: Path) -> None:
    rows = [f"{'ab'[i % 2]},{i % 3},{i / 7:.4f},{i}" for i in range(40)]
    table = read_table(table_of(tmp_path, "\n".join(["acid,ph,dose,maximise growth", *rows])))
    kinds = [parameter.kind for parameter in table.space.parameters]
    assert kinds == ["category", "stepped", "continuous"]
    assert not table.full
    # Of what lies between rows the nearest stands for it, and none stands twice.
    wanted = Condition({"acid": "b", "ph": 1.0, "dose": 1.0})
    first, second = table.nearest([wanted, wanted])
    assert table.conditions[first].root == {"acid": "b", "ph": 1.0, "dose": 1.0}
    assert second != first


def test_equal_conditions_are_one_with_their_mean_and_lower_is_better_where_it_says_so(
    tmp_path: Path,
) -> None:
    text = "acid,ph,minimise loss\na,1,10\na,1,30\nb,1,0\na,2,5\nb,2,5\n"
    table = read_table(table_of(tmp_path, text))
    assert table.full
    assert table.values.tolist() == [0.0, 1.0, 0.75, 0.75]


def test_a_table_that_does_not_say_what_is_wanted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected maximise NAME"):
        read_table(table_of(tmp_path, "acid,loss\na,1\nb,2\n"))


@pytest.mark.parametrize("strategy", [OURS, POOL, "random"])
@pytest.mark.parametrize("full", [True, False])
def test_who_tries_a_whole_table_finds_its_best(tmp_path: Path, strategy: str, full: bool) -> None:
    rng = np.random.default_rng(1)
    rows = [f"{a},{b},{rng.random():.3f}" for a in "abcd" for b in (1, 2, 3)]
    table = read_table(
        table_of(tmp_path, "\n".join(["acid,ph,maximise growth", *rows[full is False :]]))
    )
    assert table.full is full
    found = campaign(table, strategy, seed=0, rounds=3, wells=4)
    # Only so if no row was tried twice.
    assert found.best == 1.0
