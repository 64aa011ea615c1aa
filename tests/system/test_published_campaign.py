"""The published campaign on the simulated robot, as `make demo` runs it."""

import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import RPE_FILE
from tests.program import wellwise


@pytest.fixture(scope="module")
def rpe_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("rpe")
    ran = wellwise("run", RPE_FILE, home=home)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return home, ran.stdout


def test_the_published_campaign_runs_to_its_end(rpe_run: tuple[Path, str]) -> None:
    home, output = rpe_run
    assert "round 3/3  step imaging (day 36 of 36)" in output
    assert re.search(r"Recommended condition: predicted (0\.\d{3}|1\.000) ± ", output)
    assert "Prefect" not in output
    assert {path.name for path in (home / "campaigns" / "rpe" / "plots").iterdir()} == {
        "best-so-far.png", "distributions.png", "effects.png", "pair-effect.png", "calibration.png",
            *(f"plates-round-{number}.png" for number in (1, 2, 3)),
    }  # fmt: skip


def test_the_export_has_every_well_of_the_published_plan(rpe_run: tuple[Path, str]) -> None:
    table = pd.read_csv(rpe_run[0] / "campaigns" / "rpe" / "wells.csv")
    assert Counter(zip(table["round"], table["role"], strict=True)) == {
        (1, "initial"): 47,
        (1, "standard"): 1,
        (2, "proposed"): 46,
        (2, "control"): 2,
        (3, "proposed"): 46,
        (3, "control"): 2,
    }
    numbers = {name: number for number, name in enumerate(("A1", "A2", "A3", "B1", "B2", "B3"))}
    base = table["round"].map({1: 8, 2: 8, 3: 5})
    assert (table["detachment_period"] == base + 3 * table["well"].map(numbers)).all()
    lost = table[table["flags"] == "lost"]
    assert lost[["round", "plate", "well"]].to_numpy().tolist() == [[1, 1, "B2"]]
    assert lost["ratio"].isna().all()
    assert table["ratio"].notna().sum() == 143


def test_the_controls_are_the_two_best_of_the_round_before_that_fit(
    rpe_run: tuple[Path, str],
) -> None:
    table = pd.read_csv(rpe_run[0] / "campaigns" / "rpe" / "wells.csv")
    parameters = list(table.columns[5:12])
    for round_number in (2, 3):
        before = table[(table["round"] == round_number - 1) & table["ratio"].notna()]
        periods = set(table[table["round"] == round_number]["detachment_period"])
        ranked = before[before["detachment_period"].isin(periods)].sort_values(
            "ratio", ascending=False, kind="stable"
        )
        best = [tuple(row) for row in ranked.drop_duplicates(parameters)[parameters].to_numpy()[:2]]
        controls = table[(table["round"] == round_number) & (table["role"] == "control")]
        assert {tuple(row) for row in controls[parameters].to_numpy()} == set(best)


def test_the_loop_knows_only_scores(rpe_run: tuple[Path, str]) -> None:
    images = list((rpe_run[0] / "campaigns" / "rpe" / "images").iterdir())
    assert len(images) == 143


def test_csv_and_parquet_say_the_same(rpe_run: tuple[Path, str]) -> None:
    folder = rpe_run[0] / "campaigns" / "rpe"
    text = pd.read_csv(folder / "wells.csv").fillna({"flags": ""})
    pd.testing.assert_frame_equal(
        text, pd.read_parquet(folder / "wells.parquet"), check_dtype=False
    )


def test_status_and_show_tell_of_a_finished_campaign(rpe_run: tuple[Path, str]) -> None:
    listed = wellwise("status", home=rpe_run[0])
    assert "finished" in listed.stdout
    shown = wellwise("show", "rpe", home=rpe_run[0])
    assert "step C: machine error (injected)" in shown.stdout
