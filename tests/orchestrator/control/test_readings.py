"""Scorers, a plate reader's table, rescoring, and how far scores are from values by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from skimage.measure import label
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.errors import JournalError
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.lab.scoring import scorer_class, scorer_findings, scorer_names, scorer_of
from orchestrator.settings import Settings
from orchestrator.studies.agreement import agreement, pairs_of
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.errors import Finding, InvalidInput
from protocols.images import write_png
from protocols.jobs import Reading
from protocols.outcomes import Outcome
from protocols.plate_table import read_plate_table
from protocols.scorers.absorbance import Absorbance
from protocols.scorers.cell_outlines import find_cells
from protocols.scorers.fluorescent_cells import FluorescentCells
from protocols.scoring import read_rgb
from tests import acting
from tests.conftest import ASSAY_FILE
from tests.service import house


def _cells(number: int, seed: int = 0, size: int = 200, diameter: float = 8.0) -> np.ndarray:
    """A dark image (size x size) with so many round cells that do not touch, and noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size]
    slots = rng.permutation((size // 20) ** 2)[:number]
    light = np.full((size, size), 10.0)
    for slot in slots:
        row, column = divmod(int(slot), size // 20)
        at = np.array([row, column]) * 20 + 10 + rng.uniform(-3, 3, 2)
        light += rng.uniform(90, 180) * np.exp(
            -(((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / (2 * (diameter / 3) ** 2))
        )
    return np.clip(light + rng.normal(0, 3, light.shape), 0, 255)


def _share(**given: Any) -> Outcome:
    """The campaign's outcome, as its file would give its scorer."""
    return Outcome(name="coloured_cell_ratio", **given)


def _image(light: np.ndarray, channel: int = 1) -> bytes:
    picture = np.zeros((*light.shape, 3), dtype=np.uint8)
    picture[:, :, channel] = light.astype(np.uint8)
    return write_png(picture)


@pytest.mark.parametrize("number", [0, 1, 12, 60])
def test_fluorescent_cells_are_counted(number: int) -> None:
    assert len(find_cells(_cells(number, seed=number), 8.0).places) == number
    scorer = FluorescentCells(FluorescentCells.Options(full_count=40))
    score = scorer.score(
        Reading(well="A1", kind="image", image=_image(_cells(number, seed=number)))
    )
    assert score.value == min(number / 40, 1)
    assert score.flags == (("overfull",) if number > 40 else ())


def test_each_counted_cell_has_a_circle() -> None:
    scorer = FluorescentCells(FluorescentCells.Options(full_count=40))
    marked = scorer.marked(Reading(well="A1", kind="image", image=_image(_cells(7))))
    assert marked is not None
    shown = read_rgb(Reading(well="A1", kind="image", image=marked))
    assert shown is not None
    circles = label((shown == (255, 0, 200)).all(axis=2), connectivity=2)
    assert circles.max() == 7
    assert scorer.marked(Reading(well="A1", kind="number", number=3.0)) is None


def test_what_is_no_fluorescence_image_is_flagged() -> None:
    scorer = FluorescentCells(FluorescentCells.Options(full_count=40, channel="red"))
    assert scorer.score(Reading(well="A1", kind="number", number=3.0)).flags == ("unreadable",)
    assert (
        scorer.score(Reading(well="A1", kind="image", image=_image(_cells(5), channel=1))).value
        == 0
    )
    white = _image(np.full((50, 50), 255.0), channel=0)
    assert "over_exposed" in scorer.score(Reading(well="A1", kind="image", image=white)).flags


@given(st.floats(-1, 5))
def test_absorbance_lies_between_blank_and_full(number: float) -> None:
    scorer = Absorbance(Absorbance.Options(blank=0.1, full=2.1))
    score = scorer.score(Reading(well="A1", kind="number", number=number, unit=""))
    assert score.value == pytest.approx(min(max((number - 0.1) / 2, 0), 1), abs=1e-4)
    assert ("saturated" in score.flags) == (number > 4)
    assert ("below_blank" in score.flags) == ((number - 0.1) / 2 < -0.1)
    assert scorer.score(Reading(well="A1", kind="image")).flags == ("no_number",)


def test_a_readers_table_is_read_whole_or_refused_with_every_line() -> None:
    grid = "Plate 7, 620 nm\n,1,2,3\nA,0.1,,0.3\nb,0.4,0.5,0.6\n\nend\n"
    assert read_plate_table(grid, "t") == {"A1": 0.1, "A3": 0.3, "B1": 0.4, "B2": 0.5, "B3": 0.6}
    with pytest.raises(InvalidInput) as refused:
        read_plate_table("well,value\nA1,0.5\nA01,0.6\nZ-,0.1\nB2,high\n", "t.csv")
    assert [str(problem) for problem in refused.value.problems] == [
        "t.csv:3: A1 comes a second time (expected each well once, of one plate and read)",
        "t.csv:4: Z-,0.1 has no well (expected such as A1,0.5)",
        "t.csv:5: B2: 'high' is no number (expected a number, or nothing for a well that is to be "
        "left out)",
    ]
    with pytest.raises(InvalidInput, match="no well was found"):
        read_plate_table("", "t.csv")


def test_scorers_are_found_by_name_and_their_options_checked(assay: Campaign) -> None:
    assert {"coloured_cell_ratio", "fluorescent_cells", "absorbance"} <= set(scorer_names())
    assert all(scorer_class(name).version for name in scorer_names())

    def findings(outcome: Outcome) -> list[Finding]:
        return scorer_findings(assay.model_copy(update={"outcomes": (outcome,)}))

    assert findings(_share(scorer="absorbance", options={"full": 2.0})) == []
    [missing] = findings(_share(scorer="absorbance"))
    assert missing.loc == ("outcomes", 0, "options", "full")
    [unknown] = findings(_share(scorer="guess"))
    assert "absorbance" in unknown.expected
    with pytest.raises(ValidationError):
        scorer_of(_share(scorer="coloured_cell_ratio", options={"full": 2.0}))
    text = ASSAY_FILE.read_text().replace("scorer: coloured_cell_ratio", "scorer: guess")
    if "scorer: guess" not in text:
        text += "\nobjective: {scorer: guess}\n"
    with pytest.raises(InvalidInput, match="no scorer 'guess'"):
        checked_campaign(NamedText(text, "campaign.yaml"), Settings())


def test_readings_are_entered_scored_again_and_compared_with_the_hand(
    tmp_path: Path, assay: Campaign
) -> None:
    read = assay.model_copy(
        update={"outcomes": (_share(scorer="absorbance", options={"full": 2.0}),)}
    )
    with house(tmp_path) as served:
        campaign_id = served.campaign(read)
        lab = served.backend.acting(campaign_id)
        with pytest.raises(JournalError, match="no scored reading"):
            acting.rescore(lab, campaign_id, "ada", "too early")
        numbers = {f"{row}{column}": 0.1 * column for row in "ABCD" for column in range(1, 7)}
        scores = acting.read_table(lab, campaign_id, 1, numbers, "AU", "ada", "reader")
        assert scores["B4"].value == pytest.approx(0.2)
        with pytest.raises(JournalError):
            acting.read_table(
                lab, campaign_id, 1, {"A1": 1.0, "P12": 1.0}, "AU", "ada", "one well too many"
            )
        values = {
            well.well.name: well.value for well in lab.journal.state(campaign_id).rounds[0].wells
        }
        assert values == {well: pytest.approx(number / 2) for well, number in numbers.items()}
        by_hand: dict[WellPlace, float | None] = {
            acting.place(1, 1, "A1"): 0.07,
            acting.place(1, 1, "A2"): 0.08,
            acting.place(1, 1, "A6"): 0.31,
        }
        acting.correct_wells(lab, campaign_id, by_hand, "ada", "by eye")
        again = acting.rescore(lab, campaign_id, "ada", "a newer version")
        assert (again.readings, again.changed) == (24, 0)
        # What a person entered counts on.
        assert lab.journal.state(campaign_id).rounds[0].wells[0].value == 0.07
        pairs = pairs_of(lab.journal, campaign_id)
        assert [(p.address.well, p.scored, p.by_hand) for p in pairs] == [
            ("A1", 0.05, 0.07), ("A2", 0.1, 0.08), ("A6", 0.3, 0.31)
        ]  # fmt: skip
        kinds = [event.kind for event in lab.journal.events(campaign_id)]
        assert kinds.count("readings_entered") == kinds.count("rescored") == 1
    ran = CliRunner().invoke(app, ["agreement", campaign_id, "--home", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert "3 wells. The scorer lies -0.003" in ran.output
    assert "3 wells are too few to trust a scorer by: from 20 on" in ran.output


def test_agreement_is_bland_and_altmans() -> None:
    # Bland and Altman 1986, table 1: peak expiratory flow by two meters, first readings of each
    # (l/min).
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = agreement(wright, mini)
    assert found.bias == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert (found.lower, found.upper) == (
        pytest.approx(-78.1, abs=0.2),
        pytest.approx(73.9, abs=0.2),
    )
    # Their limits are known to 2.12 standard errors of 16.3.
    assert found.limit_half == pytest.approx(2.12 * 16.3, abs=0.1)
    with pytest.raises(ValueError, match="3 or more"):
        agreement([1.0, 2.0], [1.0, 2.0])


def test_the_command_enters_a_table(tmp_path: Path, assay: Campaign) -> None:
    read = assay.model_copy(
        update={"outcomes": (_share(scorer="absorbance", options={"full": 2.0}),)}
    )
    with house(tmp_path) as served:
        campaign_id = served.campaign(read)
    table = tmp_path / "reader.csv"
    table.write_text("well,value\nA1,1.0\nA2,5.0\n")
    arguments = [
        "read-table",
        str(table),
        campaign_id,
        "--round",
        "1",
        "--plate",
        "1",
        "--why",
        "reader",
        "--home",
    ]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2 wells of round 1, plate 1 entered." in done.output
    assert "A2: saturated, beyond_full" in done.output
