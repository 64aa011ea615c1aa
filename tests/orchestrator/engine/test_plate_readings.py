"""A plate reader's table and traces, from robots to the values of wells: the enzyme example."""

import json
from pathlib import Path

import pytest

from orchestrator.control.wells import ReadTable
from orchestrator.core.state import CampaignStatus, WellState
from orchestrator.engine.readings import reading_faults
from orchestrator.journal import queries
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.lab import Lab
from orchestrator.lab.scoring import scorer_findings
from orchestrator.results.crate import verify, write_crate
from orchestrator.results.tables import tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.jobs import JobReport, Reading
from protocols.operations import Dispense, Heat, Read
from simulators.lipase_assay import FULL_UM, lipase_assay
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from simulators.variation import with_variation
from tests.acting import do, read_table, rescore
from tests.builders import job_of, lab_of, until_asked
from tests.conftest import ROOT
from tests.service import house

FILE = ROOT / "examples" / "enzyme" / "campaign.yaml"


def enzyme(rounds: int = 1, robots: str = "") -> Campaign:
    """The example, with conditions at random: how they are chosen is not what is looked at."""
    text = FILE.read_text().replace("stop: {rounds: 3}", f"stop: {{rounds: {rounds}}}")
    return read_campaign(
        f"strategy: random\n{text.replace('culture: lipase-assay', robots)}"
        if robots
        else f"strategy: random\n{text}"
    )


def finished(home: Path, campaign: Campaign) -> tuple[Lab, str]:
    lab, campaign_id = lab_of(home, campaign)
    assert not until_asked(lab, campaign_id).questions
    return lab, campaign_id


def numbers_of(lab: Lab, campaign_id: str, well: WellState) -> list[ReadingRow]:
    place = (well.well.plate, well.well.name)
    rows, _ = queries.readings(lab.journal, campaign_id, 1, *place)
    return [row for row in rows if row.kind == "number"]


def test_the_enzyme_example_runs_to_its_end(tmp_path: Path) -> None:
    lab, campaign_id = finished(tmp_path, enzyme(3))
    state = lab.journal.state(campaign_id)
    assert state.status is CampaignStatus.FINISHED
    log = RobotLog(lab_log_path(tmp_path, "enzyme"))
    for batch in state.rounds:
        for well in batch.wells:
            plate, name = well.well.plate, well.well.name
            history = log.history(f"{campaign_id}/r{batch.number}/p{plate}", name)
            heated = [p.operation for p in history if isinstance(p.operation, Heat)]
            assert [heat.temperature_c for heat in heated] == [13 + 12 * plate]
            assert well.proposal.condition["temperature"] == 13 + 12 * plate
            liquids = [p.operation.liquid for p in history if isinstance(p.operation, Dispense)]
            labels = state.campaign.space.by_name["buffer"].level_labels
            assert liquids[0] == labels[str(well.proposal.condition["buffer"])]
            assert ("glycerol" in liquids) == bool(well.proposal.condition["glycerol"])
            truth = with_variation(
                lipase_assay(history), state.campaign.seed, batch.number, plate, name
            )
            # Two reads with a standard deviation of 0.005 at 0.008 a micromolar.
            assert well.value == pytest.approx(FULL_UM * truth, abs=3)
            assert well.measured["initial_rate"] is not None
    table = tidy_table(state)
    assert table["product [uM]"].notna().all()
    assert table["initial_rate"].notna().all()


def test_a_table_is_kept_once_and_every_well_has_its_number(tmp_path: Path) -> None:
    lab, campaign_id = finished(tmp_path, enzyme())
    [batch] = lab.journal.state(campaign_id).rounds
    wells = [well for well in batch.wells if well.well.plate == 2]
    rows = {well.well.name: numbers_of(lab, campaign_id, well) for well in wells}
    paths = {tuple(row.path for row in found) for found in rows.values()}
    assert len(paths) == 1
    first, second = (json.loads((tmp_path / path).read_text()) for path in paths.pop())
    assert len(first["numbers"]) == 96
    for name, (one, two) in rows.items():
        assert (one.number, two.number) == (first["numbers"][name], second["numbers"][name])
        assert one.unit == "AU"
    value = {well.well.name: well.value for well in wells}["A1"]
    absorbances = [row.number for row in rows["A1"] if row.number is not None]
    # The slope of the file's standards, by hand: 0.008 AU a micromolar.
    assert value == pytest.approx((sum(absorbances) / 2 - 0.05) / 0.008, abs=1.5)
    assert rescore(lab, campaign_id, "ada", "again").changed == 0
    with house(tmp_path) as served:
        viewer = served.client("viewer")
        shown = viewer.get(f"/api/v1/campaigns/{campaign_id}/rounds/1/wells/2/A1").json()
        files = [viewer.get(reading["file"]) for reading in shown["readings"]]
        assert [found.headers["content-type"] for found in files] == ["application/json"] * 3
        assert files[1].json() == first
        assert files[0].json()["trace"]["x"]["unit"] == "s"
        assert viewer.get(f"{shown['readings'][0]['file'][:-4]}image").status_code == 404
        page = viewer.get(f"/campaigns/{campaign_id}/wells/1/2/A1").text
        assert f'href="{shown["readings"][1]["file"]}" download' in page
    crate = tmp_path / "crate.zip"
    write_crate(Settings(home=tmp_path), lab.journal, campaign_id, crate)
    assert verify(crate) == []


def test_wells_of_a_plate_that_cannot_be_read_are_lost(tmp_path: Path) -> None:
    fault = "culture: lipase-assay, faults: [{kind: job, round: 1, plate: 2, step: read}]"
    lab, campaign_id = finished(tmp_path, enzyme(robots=fault))
    [batch] = lab.journal.state(campaign_id).rounds
    assert {well.well.plate for well in batch.wells if well.lost} == {2}
    assert all("step read" in well.lost for well in batch.wells if well.well.plate == 2)
    assert all(well.value is not None for well in batch.wells if well.well.plate != 2)


@pytest.mark.reproduction("B2")
def test_done_without_its_table_is_not_done() -> None:
    job = job_of(Read(), Read())
    table = Reading(kind="plate", numbers={"a01": 1.0, "A2": None})
    vendor = Reading(kind="file", file=b"x", file_name="a.DSX")
    cases = {
        (): ["it has no reading of the plate"],
        (table, table): [],
        (table, vendor): [],
        (table, table.model_copy(update={"numbers": {"A1": 1.0}})): [
            "its plate table says nothing of A2"
        ],
        (table, Reading(well="A1", kind="number", number=1.0), table): ["it has a reading of A1"],
        (table, table.model_copy(update={"kind": "trace"})): [
            "its reading of the plate is a trace, not a plate"
        ],
    }
    for readings, faults in cases.items():
        report = JobReport(key=job.key, state="done", readings=readings)
        assert reading_faults(job, report, ["A1", "A2"]) == faults


def test_standards_on_the_plate_of_a_persons_table_are_found_again(tmp_path: Path) -> None:
    """Miller and Miller's fluorescein standards, in wells that no condition is in."""
    wells = {"H1": 2.1, "H2": 5.0, "H3": 9.0, "H4": 12.6, "H5": 17.3, "H6": 21.0, "H7": 24.7}
    standards = ", ".join(
        f"{{concentration: {2 * n}, well: {well}}}" for n, well in enumerate(wells)
    )
    text = FILE.read_text()
    start, end = text.index("      fit: linear"), text.index("  # The initial rate")
    options = f"      standards: [{standards}]\n      saturated: 30\n"
    text = text[:start] + options + text[end:]
    lab, campaign_id = lab_of(tmp_path, read_campaign(text))
    table = {"a01": 13.5, **wells}
    assert read_table(lab, campaign_id, 1, table, "", "ada", "reader").keys() == {"A1"}
    well = lab.journal.state(campaign_id).rounds[0].wells[0]
    assert (well.value, well.flags) == (pytest.approx(6.21, abs=0.005), ())
    assert rescore(lab, campaign_id, "ada", "again").changed == 0
    [event] = [e for e in lab.journal.events(campaign_id) if e.kind == "observation"][:1]
    assert event.data["sd"] == pytest.approx(0.24, abs=0.005)


def test_a_persons_table_gives_the_block_of_the_steps_wavelength(tmp_path: Path) -> None:
    """Two grids as i-control writes them, each below its label; the step reads at 405 nm."""
    lab, campaign_id = lab_of(tmp_path, enzyme())
    table = "Abs 600 nm\n<>,1\nA,1.246\n\nAbs 405 nm\n<>,1\nA,0.447\n"
    act = ReadTable(table=table, round_number=1, plate=1, why="reader")
    do(lab, campaign_id, "ada", act)
    assert lab.journal.state(campaign_id).rounds[0].wells[0].value == pytest.approx(50, abs=1)
    by_name = act.model_copy(update={"block": "1"})
    assert do(lab, campaign_id, "ada", by_name)["A1"].value == pytest.approx(150, abs=1)
    neither = act.model_copy(update={"table": table.replace("405", "450")})
    with pytest.raises(InvalidInput, match=r"not one of them alone is called .* 405 nm"):
        do(lab, campaign_id, "ada", neither)


def test_a_replay_rests_on_the_combined_value(tmp_path: Path) -> None:
    """Proposals of a model are those of the journal's values to the last bit, or differ."""
    text = FILE.read_text().replace("stop: {rounds: 3}", "stop: {rounds: 2}")
    lab, campaign_id = finished(tmp_path, read_campaign(text))
    rescore(lab, campaign_id, "ada", "after the last batch")
    state, events = lab.journal.state(campaign_id), lab.journal.events(campaign_id)
    assert replay(state, events)[1].same == 24
    for event in events:
        event.data = {key: value for key, value in event.data.items() if key != "reading"}
    assert replay(state, events)[1].same < 24


def test_a_scorer_of_another_kind_of_reading_is_refused_before_anything_runs() -> None:
    text = FILE.read_text()
    assert scorer_findings(read_campaign(text)) == []
    other = text.replace(
        "scorer: slope\n    step: follow", "scorer: coloured_cell_ratio\n    step: follow"
    )
    other = other.replace("    options: {per: min, steepest: 20}\n", "")
    [finding] = scorer_findings(read_campaign(other))
    assert finding.loc == ("outcomes", 1, "scorer")
    assert finding.message == "coloured_cell_ratio cannot score what step follow reads: a trace"
    assert finding.expected == "an operation that reads: image"
