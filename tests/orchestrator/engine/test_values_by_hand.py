"""Outcomes that a person enters: wells wait for them, and nothing is put in their place."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.control.wells import CorrectWell, EnterValues, ReadTable
from orchestrator.core.lifecycle import AskValues, open_questions
from orchestrator.core.state import CampaignState, JobStatus, WellState
from orchestrator.errors import JournalError
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.intake.past_results import read_history
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.lab import Lab
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.errors import InvalidInput
from tests import acting
from tests.builders import launched, until_asked
from tests.conftest import ROOT, START
from tests.service import house

FILE = ROOT / "examples" / "resistance" / "campaign.yaml"
TEXT = FILE.read_text()


def _campaign(text: str = TEXT) -> Campaign:
    return checked_campaign(NamedText(text, "campaign.yaml"), Settings())


def _lab(home: Path, text: str = TEXT) -> tuple[Lab, str]:
    return launched(home, _campaign(text), text)


def ohms(well: WellState) -> float:
    """A resistance that is lowest with much salt, 35 uL of acid and little glycerol."""
    condition = {name: float(value) for name, value in well.proposal.condition.root.items()}
    return (
        60
        + 900 / condition["salt"] ** 0.4
        + (condition["acid"] - 35) ** 2 / 10
        + 1.2 * condition["glycerol"]
    )


def _table(state: CampaignState, value: Callable[[WellState], float], head: str = "value") -> str:
    batch = state.rounds[-1]
    rows = [f"{batch.number},{w.well.plate},{w.well.name},{value(w)}" for w in batch.wells]
    return "\n".join([f"round,plate,well,{head}", *rows])


def test_a_minimised_campaign_runs_to_its_end_and_its_export_is_read_back(tmp_path: Path) -> None:
    lab, campaign_id = _lab(tmp_path)
    journal = lab.journal
    for number in range(1, 5):
        outlook = until_asked(lab, campaign_id)
        state = journal.state(campaign_id)
        if state.status == "finished":
            break
        assert outlook.questions == (AskValues(campaign_id, number, 12, "Resistance (ohm)"),)
        assert open_questions(state) == list(outlook.questions)
        table = EnterValues(csv=_table(state, ohms), why="probe")
        acting.do(lab, campaign_id, "ada", table)
    until_asked(lab, campaign_id)
    state = journal.state(campaign_id)
    assert state.status == "finished"
    firsts = [ohms(well) for well in state.rounds[0].wells]
    values = [well.value for batch in state.rounds for well in batch.wells]
    assert state.best == min(value for value in values if value is not None)
    assert state.best < min(firsts) - 50
    # The best of the round before is its lowest.
    control = next(w for w in state.rounds[1].wells if w.proposal.role == "control")
    assert ohms(control) == min(firsts)
    assert f"where it gave {min(firsts):.5g} ohm" in control.proposal.reason
    table = csv_text(tidy_table(state))
    assert "resistance [ohm]" in table.splitlines()[0]
    assert "ratio" not in table.splitlines()[0]
    campaign = _campaign()
    again = read_history(table, "wells.csv", campaign, {})
    assert [(found.condition, found.value) for found in again] == [
        (found.condition, pytest.approx(found.value)) for found in state.observations
    ]
    in_kilo = table.replace("resistance [ohm]", "Resistance (kohm)", 1)
    assert read_history(in_kilo, "wells.csv", campaign, {})[0].value == pytest.approx(
        1000 * ohms(state.rounds[0].wells[0])
    )
    with journal.reading_session() as session:
        assert {row.kind for row in session.query(ReadingRow)} == {"number"}
    journal.close()


def test_it_waits_for_every_well_that_is_not_lost_and_for_nothing_else(tmp_path: Path) -> None:
    lab, campaign_id = _lab(tmp_path)
    until_asked(lab, campaign_id)
    state = lab.journal.state(campaign_id)
    acting.correct_wells(
        lab,
        campaign_id,
        {acting.place(1, 1, well.well.name): ohms(well) for well in state.rounds[0].wells[1:]},
        "ada",
        "probe",
    )
    [question] = until_asked(lab, campaign_id).questions
    assert question.message == "round 1 waits for the values of a well: Resistance (ohm)"
    # A well whose value is not to be used needs none.
    acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "A1"): None}, "ada", "spilt")
    [question] = until_asked(lab, campaign_id).questions
    assert (question.round, question.wells) == (2, 12)
    lab.journal.close()


def test_a_value_has_a_unit_a_range_and_a_column_of_its_own(tmp_path: Path) -> None:
    lab, campaign_id = _lab(tmp_path)
    until_asked(lab, campaign_id)

    def enter(csv: str) -> None:
        acting.do(lab, campaign_id, "ada", EnterValues(csv=csv, why="probe"))

    enter("round,plate,well,resistance [kohm],ph\n1,1,A1,0.5,7.2\n1,1,A2,-3.25,\n")
    wells = lab.journal.state(campaign_id).rounds[0].wells
    assert [(well.value, well.measured) for well in wells[:2]] == [
        (500, {"ph": 7.2}),
        (-3.25 * 1000, {}),
    ]
    with pytest.raises(InvalidInput, match=r"a number from 0 to 14"):
        enter("round,plate,well,resistance,ph\n1,1,A1,400,17\n")
    with pytest.raises(InvalidInput, match=r"a number in ohm"):
        enter("round,plate,well,value\n1,1,A1,much\n1,1,A2,inf\n")
    with pytest.raises(InvalidInput, match="round, plate, well, value"):
        enter("round,plate,well,resistance [mg]\n1,1,A1,400\n")
    acting.do(
        lab,
        campaign_id,
        "ada",
        ReadTable(table="well,value\nA3,1.5\n", unit="kohm", round_number=1, plate=1, why="meter"),
    )
    state = lab.journal.state(campaign_id)
    assert state.rounds[0].wells[2].value == 1500
    table = tidy_table(state)
    assert list(table["ph"].dropna()) == [7.2]
    assert list(table["resistance [ohm]"].dropna()) == [500, -3250, 1500]
    wrong = ReadTable(table="well,value\nA3,1\n", unit="kg", round_number=1, plate=1, why="x")
    with pytest.raises(JournalError, match="kg cannot be expressed in ohm"):
        acting.do(lab, campaign_id, "ada", wrong)
    with pytest.raises(ValueError, match="finite"):
        CorrectWell(place=acting.place(1, 1, "A1"), value=math.inf, why="broken")
    lab.journal.close()


def test_images_beside_values_by_hand_are_kept_and_not_scored(tmp_path: Path) -> None:
    step = """    - name: look
      robot: dispenser
      days: 0
      at: 15:00
      tolerance: 2 hour
      operations:
        - {do: image}

plates:"""
    lab, campaign_id = _lab(tmp_path, TEXT.replace("plates:", step, 1))
    [question] = until_asked(lab, campaign_id).questions
    assert isinstance(question, AskValues)
    state = lab.journal.state(campaign_id)
    assert state.observations == ()
    assert state.rounds[0].unscored == ()
    lab.journal.close()


def test_the_commands_say_what_is_awaited_and_take_it(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]

    def wellwise(*arguments: str) -> str:
        ran = CliRunner().invoke(app, [*arguments, *home])
        assert ran.exit_code == 0, ran.output
        return ran.output

    asked = wellwise("run", str(FILE))
    assert "round 1 waits for the values of 12 wells: Resistance (ohm)" in asked
    assert "wellwise enter-values TABLE.csv resistance" in asked
    assert "round 1 waits for the values of 12 wells" in wellwise("status")
    journal = Journal(Settings(home=tmp_path).journal_url)
    table = tmp_path / "round-1.csv"
    table.write_text(_table(journal.state("resistance"), ohms))
    journal.close()
    assert "12 wells" in wellwise("enter-values", str(table), "resistance", "--why", "probe")
    assert "round 2 waits for the values of 12 wells" in wellwise("resume")
    shown = wellwise("show")
    assert "Values: Resistance in ohm, minimised." in shown


def test_a_plate_readers_table_is_waited_for_where_no_step_reads(tmp_path: Path) -> None:
    derived = "    scorer: number\n    options: {unit: ohm}\n    range: [0, 2000]\n  # Read"
    text = TEXT.replace("    by_hand: true\n  # Read", derived, 1)
    lab, campaign_id = _lab(tmp_path, text)
    for _ in range(2):
        [question] = until_asked(lab, campaign_id).questions
        assert isinstance(question, AskValues)
    kinds = [event.kind for event in lab.journal.events(campaign_id)]
    assert kinds.count("values_awaited") == 1
    wells = [well.well.name for well in lab.journal.state(campaign_id).rounds[0].wells]
    rows = "".join(f"{well},{number / 8}\n" for number, well in enumerate(wells, 1))
    rows = rows.replace(f"{wells[-1]},", f"{wells[-1]},9")
    table = ReadTable(
        table="well,value\n" + rows, unit="kohm", round_number=1, plate=1, why="reader"
    )
    scores = acting.do(lab, campaign_id, "ada", table)
    assert scores["A1"].value == 125
    assert scores[wells[-1]].flags == ("outside_range",)
    [question] = until_asked(lab, campaign_id).questions
    assert question.round == 2
    first = lab.journal.state(campaign_id).rounds[0]
    assert [observation.usable for observation in first.observations].count(True) == 11
    kinds = [event.kind for event in lab.journal.events(campaign_id)]
    assert kinds.count("values_awaited") == 2
    lab.journal.close()


def test_the_dashboard_and_the_metrics_say_what_is_awaited(tmp_path: Path) -> None:
    with house(tmp_path) as served:
        name = served.campaign(_campaign())
        journal = served.backend.journal
        for key, _ in [(job.key, job) for job in journal.state(name).rounds[0].jobs]:
            at = START
            journal.move_job(key, JobStatus.PLANNED, JobStatus.DROPPED, at)
        served.backend.changed(name)
        client = served.client("operator")
        [need] = client.get(f"/api/v1/campaigns/{name}").json()["needs"]
        assert (need["kind"], need["round"]) == ("values", 1)
        page = client.get("/").text
        assert "round 1 waits for the values of 12 wells: Resistance (ohm)" in page
        assert f'href="/campaigns/{name}/values?round=1"' in page
        assert 'wellwise_needs{kind="values"} 1.0' in client.get("/api/v1/metrics").text
        well = client.get(f"/campaigns/{name}/wells/1/1/A1").text
        assert "Waits for its value, which a person enters." in well
        csv = "round,plate,well,resistance,ph\n1,1,A1,431.5,6.25\n"
        acting.do(served.backend.acting(name), name, "ada", EnterValues(csv=csv, why="probe"))
        served.backend.changed(name)
        well = client.get(f"/campaigns/{name}/wells/1/1/A1").text
        assert "431.5 ohm" in well
        assert "probe ph 6.25 " in well
