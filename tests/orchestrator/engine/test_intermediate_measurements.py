"""Intermediate measurements: kept, not used by the optimiser, and asked for causes."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import readings
from orchestrator.journal.scores import ScoredReadings
from orchestrator.lab.lab import open_lab
from orchestrator.results.crate import journal_of, write_crate
from orchestrator.results.tables import tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.scoring import Score
from tests import acting
from tests.builders import until_asked
from tests.conftest import ASSAY_FILE, START
from tests.service import House

GLANCE = """    - name: glance
      robot: camera
      days: 0
      at: 11:00
      operations:
        - {do: image}
    - name: read
"""
MEASURED = "measurements:\n  - {name: early_colour, step: glance}\n\nplates:"


def _text() -> str:
    text = ASSAY_FILE.read_text().replace("    - name: read\n", GLANCE, 1)
    return text.replace("plates:", MEASURED, 1).replace("rounds: 3, target: 0.9", "rounds: 2")


def _small() -> str:
    """Four wells a round."""
    text = _text().replace("A1:D6", "A1:B2").replace("initial: 22", "initial: 2")
    return text.replace("proposed: 22", "proposed: 2")


def test_it_is_kept_in_addition_to_the_objective(tmp_path: Path) -> None:
    house = House(tmp_path)
    journal = house.backend.journal
    campaign_id = journal.create_campaign(read_campaign(_small()), _small(), [], START)
    lab = open_lab(Settings(home=tmp_path), journal, journal.state(campaign_id))
    until_asked(lab, campaign_id)
    state = journal.state(campaign_id)
    table = tidy_table(state)
    assert len(table) == len(state.observations) == 8
    # The camera sees the same culture twice, each time with noise of its own.
    assert table["early_colour"].to_numpy() == pytest.approx(table["ratio"].to_numpy(), abs=0.1)
    assert (table["early_colour"] != table["ratio"]).any()
    assert all(batch.same == 4 for batch in replay(state, journal.events(campaign_id)))

    # A person's word on the objective changes nothing of it, and both can be scored once more.
    acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "A1"): 0.5}, "ada", "by eye")
    done = acting.rescore(lab, campaign_id, "ada", "to be sure")
    assert (done.readings, done.changed) == (16, 0)
    [well] = [well for well in journal.state(campaign_id).rounds[0].wells if well.well.name == "A1"]
    assert well.value == 0.5
    assert well.measured["early_colour"] == table["early_colour"][0]

    # The crate has it too.
    write_crate(Settings(home=tmp_path), journal, campaign_id, tmp_path / "crate.zip")
    with journal_of(tmp_path / "crate.zip") as (again, _):
        kept = tidy_table(journal.state(campaign_id))
        assert tidy_table(again.state(campaign_id))[kept.columns].equals(kept)
        assert again.state(campaign_id).rounds[0].wells[0].measured == well.measured

    client = house.client("viewer")
    place = f"/api/v1/campaigns/{campaign_id}/rounds/1/wells/1/A1"
    shown = client.get(place).json()
    assert shown["measured"] == {"early_colour": table["early_colour"][0]}
    assert "early colour" in client.get(f"/campaigns/{campaign_id}/wells/1/1/A1").text
    reading = shown["readings"][0]["id"]
    assert (
        client.get(f"/api/v1/campaigns/{campaign_id}/readings/{reading}/marked").status_code == 200
    )
    journal.close()


def test_a_campaign_is_asked_what_causes_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _text().replace("count: 1", "count: 3").replace("initial: 22", "initial: 70")
    study = read_campaign(text.replace("proposed: 22", "proposed: 70"))
    house = House(tmp_path)
    journal = house.backend.journal
    campaign_id = house.campaign(study, read=True)
    dose = study.parameters[0].name
    scores = []
    for well in journal.state(campaign_id).rounds[0].wells:
        [reading], _ = readings(journal, campaign_id, 1, well.well.plate, well.well.name)
        assert reading.id is not None
        early = float(well.proposal.condition[dose]) / study.parameters[0].bounds[1]
        scores.append((reading.id, Score(value=0.1 + 0.8 * early)))
    found = ScoredReadings("early_colour", "coloured_cell_ratio", "1", scores)
    journal.record_scores(campaign_id, [found], START)
    journal.close()

    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    words = ["causes", "--campaign", campaign_id, "--home", str(tmp_path), "--draws", "0"]
    asked = CliRunner().invoke(app, [*words, "--column", dose])
    assert asked.exit_code == 0, asked.output
    # What the design set comes first; nothing causes it.
    counted = "72 of 72 rows, 71 conditions, whose replicates count once."  # the standard twice
    assert f"{counted} Order, causes first: {dose}, " in asked.output
    assert f"{dose} causes early_colour" in asked.output
    assert f"causes {dose}" not in asked.output
    for wrong in (["causes"], ["causes", "wells.csv", "--campaign", campaign_id]):
        assert "either a table or a campaign" in str(CliRunner().invoke(app, wrong).exception)


def test_a_measurement_that_cannot_be_is_refused() -> None:
    def refusal(measurement: str) -> str:
        text = _text().replace("{name: early_colour, step: glance}", measurement)
        with pytest.raises(InvalidInput) as refused:
            read_campaign(text)
        return str(refused.value)

    assert (
        "step 'react' reads nothing (expected one of the steps that read: glance, "
        "read)" in refusal("{name: early_colour, step: react}")
    )
    for name in ("ratio", "predicted_mean"):
        assert f"the name {name!r} is taken" in refusal(f"{{name: {name}, step: glance}}")
    both = refusal("{name: early_colour, step: glance}\n  - {name: late_colour, step: read}")
    assert "says no step, and every step that reads has an outcome" in both
    elsewhere = "{name: early_colour, step: glance}\n  - {name: late_colour, step: glance}"
    assert (
        len(
            read_campaign(
                _text().replace("{name: early_colour, step: glance}", elsewhere)
            ).measurements
        )
        == 2
    )


def test_a_journal_from_before_it_is_brought_up_to_date(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(read_campaign(ASSAY_FILE.read_text()), "", [], START)
    config = Config()
    config.set_main_option("script_location", "orchestrator.journal:migrations")
    with journal.transaction() as session:
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0006")
    journal.close()
    again = Journal(settings.journal_url)
    assert again.state(campaign_id).rounds == ()
    again.close()
