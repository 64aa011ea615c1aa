"""The command for causes reads tables as spreadsheets write them, and says what it cannot read."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestrator.cli.causes import finding_causes
from protocols.errors import InvalidInput


def test_a_table_of_a_german_spreadsheet_gives_what_one_with_points_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    dose = rng.exponential(size=80)
    rows = np.column_stack([dose, 2 * dose + rng.exponential(size=80)])
    points, commas = tmp_path / "points.csv", tmp_path / "commas.csv"
    text = "\n".join(f"{a:.6f};{b:.6f}" for a, b in rows)
    points.write_text("dose,signal\n" + text.replace(";", ",") + "\n")
    commas.write_text("\ufeffdose;signal\n" + text.replace(".", ",") + "\n")
    said = [
        CliRunner().invoke(
            finding_causes, [str(file), "--column", "dose", "--column", "signal", "--draws", "0"]
        )
        for file in (points, commas)
    ]
    assert "80 of 80 rows" in said[0].output
    assert said[0].output == said[1].output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no column 'a'"),
        ('a,b\n"1,2\n', "t.csv:2: a quotation mark is opened here"),
        ("a,b\n1,2\n1,2,3\n", r"t.csv:3: the row has 3 cells \(expected at most 2"),
        ("a,a,b\n1,2,3\n", r"t.csv:1: several columns are called 'a'"),
        ("a,b\n1,red\n2,blue\n", "t.csv: b: has no number"),
        ("a,b\n1,2\n2,3\n", r"2 x 2 values \(expected 50 or more rows"),
    ],
)
def test_a_table_that_cannot_be_read_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    words = [str(file), "--column", "a", "--column", "b"]
    with pytest.raises(InvalidInput, match=said):
        CliRunner().invoke(finding_causes, words, catch_exceptions=False)
