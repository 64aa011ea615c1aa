"""What `wellwise run` says from its first line to its last, where nobody watches a terminal."""

import csv
from pathlib import Path

from tests.orchestrator.cli.test_progress import TEXT
from tests.program import wellwise


def test_a_run_says_each_line_once_the_best_of_the_export_and_titles_with_their_brackets(
    tmp_path: Path,
) -> None:
    (tmp_path / "km.yaml").write_text(TEXT)
    run = wellwise("run", str(tmp_path / "km.yaml"), "--simulated-people", home=tmp_path)
    lines = run.stdout.splitlines()
    rows = list(csv.DictReader((tmp_path / "campaigns/km-simulated/wells.csv").open()))
    for number in (1, 2):
        kept = [r for r in rows if int(r["round"]) <= number and float(r["slow [AU]"]) <= 7]
        best = max(float(row["contrast [AU]"]) for row in kept)
        (said,) = (line for line in lines if line.startswith(f"round {number} finished"))
        assert abs(float(said.split()[-2]) - best) < 0.01 * abs(best)
    assert len([line for line in lines if line.startswith("round 1:")]) == 1
    assert "Values: Contrast [/min] $_{^$ in AU" in run.stdout
    assert "Salt [mol/L] $\\y$" in run.stdout
    (end,) = (line for line in lines if line.startswith("finished: "))
    assert end.endswith("of 800 uL spent, and another round would take more")
