"""Worklists, beside what robotools (TUM, for Tecan) writes and where Opentrons counts wells."""

import csv
import io
import re
from pathlib import Path

import pytest
from robotools import EvoWorklist, Labware
from robotools.evotools.utils import get_well_position
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.worklists import Move, moves_of, source_list, worklist
from tests.builders import planned
from tests.conftest import START


@pytest.fixture
def moves(assay: Campaign) -> list[Move]:
    layout = plan_round(assay, 1, ()).layout
    return moves_of(compile_jobs(assay, "assay", layout, START))


def test_every_volume_of_a_round_is_in_the_list_and_in_its_sources(
    assay: Campaign, moves: list[Move]
) -> None:
    layout = plan_round(assay, 1, ()).layout
    assert len(moves) == 48  # buffer with substrate, and enzyme, in 24 wells
    enzyme = {move.target.well: move.volume_ul for move in moves if move.liquid == "enzyme"}
    assert enzyme == {p.well.name: p.proposal.condition["enzyme_volume"] for p in layout.placements}
    sources = list(csv.DictReader(io.StringIO(source_list(moves))))
    of_enzyme = next(row for row in sources if row["liquid"] == "enzyme")
    assert float(of_enzyme["volume [uL]"]) == pytest.approx(sum(enzyme.values()))
    assert len({(row["labware"], row["well"]) for row in sources}) == len(sources)


def test_records_for_tecan_are_those_that_robotools_writes(moves: list[Move]) -> None:
    lines = worklist(moves, "tecan").splitlines()
    assert lines[0] == f"C;{moves[0].job}"
    plate = Labware("plate", 8, 12, min_volume=0, max_volume=400)
    expected: list[str] = []
    for move in moves:
        theirs = EvoWorklist()
        letter, number = move.target.well[0], int(move.target.well[1:])
        theirs.aspirate_well(move.source.labware, move.source.position, move.volume_ul)
        position = get_well_position(plate, f"{letter}{number:02}")
        theirs.dispense_well(move.target.labware, position, move.volume_ul)
        theirs.wash(1)
        expected += list(theirs)
    assert [line for line in lines if line[0] in "ADW"] == expected


def test_lists_for_hamilton_and_opentrons_have_a_row_a_move(moves: list[Move]) -> None:
    hamilton = list(csv.DictReader(io.StringIO(worklist(moves, "hamilton"))))
    assert [float(row["Volume"]) for row in hamilton] == pytest.approx(
        [move.volume_ul for move in moves]
    )
    opentrons = list(csv.DictReader(io.StringIO(worklist(moves, "opentrons"))))
    assert {row["Source Slot"] for row in opentrons} == {"1"}
    assert {row["Dest Slot"] for row in opentrons} == {"2"}
    assert all(re.fullmatch("[A-H]([1-9]|1[0-2])", row["Source Well"]) for row in opentrons)
    many = [move._replace(target=move.target._replace(labware=f"p{n}")) for n, move in
            enumerate(moves)]  # fmt: skip
    with pytest.raises(ValueError, match="an Opentrons deck has 11 slots"):
        worklist(many, "opentrons")


def test_the_command_writes_the_lists_and_a_map_of_the_latest_round(
    tmp_path: Path, assay: Campaign
) -> None:
    journal, campaign_id = planned(tmp_path, assay)
    state = journal.state(campaign_id)
    journal.close()
    arguments = ["worklist", campaign_id, "--format", "tecan", "--home", str(tmp_path)]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["round-1-map.html", "round-1-react-1-sources.csv", "round-1-react-1.gwl"]
    html = (tmp_path / "out" / "round-1-map.html").read_text()
    for well in state.rounds[0].wells:
        assert f"<td>{well.well.name}</td><td>{well.proposal.role}</td>" in html
