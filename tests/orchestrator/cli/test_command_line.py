import csv
import os
import pty
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import campaign_resource
from orchestrator.results.campaign_figures import write_plots
from orchestrator.results.tables import tidy_table, write_table
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import StopRule
from tests.builders import planned
from tests.conftest import ASSAY_FILE, ROOT, RPE_FILE, START
from tests.postgres import temporary_database
from tests.program import PROGRAM, wellwise
from tests.system import crash


def test_the_same_seed_gives_the_same_export(tmp_path: Path, assay: Campaign) -> None:
    short = assay.model_copy(update={"stop": StopRule(rounds=2)})
    exports = []
    for name, seed in (("one", 7), ("same", 7), ("other", 8)):
        url = f"sqlite:///{tmp_path / name}.sqlite"
        journal = Journal(url)
        campaign_id = journal.create_campaign(
            short.model_copy(update={"seed": seed}), "", [], START
        )
        crash.run_to_end(tmp_path / name, url, campaign_id)
        written = write_table(tidy_table(journal.state(campaign_id)), tmp_path / name, "wells")
        exports.append([path.read_bytes() for path in written])
        journal.close()
    assert exports[0] == exports[1]
    for first, other in zip(exports[0], exports[2], strict=True):
        assert first != other


def test_the_next_round_is_proposed_from_the_published_wells(
    tmp_path: Path, published: Path
) -> None:
    ran = wellwise("propose", RPE_FILE, "--history", published, "--out", tmp_path)
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "round-2.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    controls = {
        tuple(float(row[name]) for name in list(row)[5:12]): row["well"]
        for row in rows
        if row["role"] == "control"
    }
    assert controls == {(192.31, 5, 8, 12, 0, 7, 16): "A1", (226.73, 6, 17, 18, 0, 17, 9): "B1"}


def test_bad_input_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        RPE_FILE.read_text()
        .replace("unit: nM", "unit: nMM")
        .replace("lab: ipsc-rpe}", "laboratory: x}")
    )
    home = tmp_path / "home"
    for command in ("run", "validate"):
        ran = wellwise(command, bad, home=home)
        assert ran.returncode == 2
        assert "'nMM' is not a unit" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert ran.stdout == ""
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("validate", "nowhere.yaml"), "nowhere.yaml: cannot be read: No such file or directory"),
        (("propose", RPE_FILE, "--history", RPE_FILE), "there is no such column"),
        (
            ("propose", RPE_FILE, "--history", "x.csv", "--column", "fgfri"),
            "'fgfri' is not understood",
        ),
        (("show", "nothing"), "there is no campaign 'nothing'"),
        (("export",), "there is no campaign yet"),
    ],
)
def test_a_wrong_argument_is_reported(
    words: tuple[object, ...], message: str, tmp_path: Path
) -> None:
    ran = wellwise(*words, home=tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_option_that_the_driver_does_not_take_is_reported_with_its_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        RPE_FILE.read_text().replace("options: {lab: ipsc-rpe}", "options: {laboratory: ipsc-rpe}")
    )
    ran = wellwise("validate", bad)
    assert (
        "robots.microscope.options.laboratory: unknown option (expected one of lab, culture"
        in ran.stderr
    )


def test_the_schema_is_json() -> None:
    import json

    assert "protocol" in json.loads(wellwise("schema").stdout)["properties"]


def test_plots_of_a_round_under_way_leave_out_what_is_not_known(
    tmp_path: Path, assay: object
) -> None:

    journal, campaign_id = planned(tmp_path, assay)  # type: ignore[arg-type]
    assert len(write_plots(journal.state(campaign_id), tmp_path / "plots", ())) == 3


def test_a_campaign_is_advanced_call_by_call_on_postgresql(tmp_path: Path) -> None:
    with temporary_database() as url:
        journal = Journal(url)
        small = crash.campaign(KeyMemory.REMEMBERS_KEYS)
        campaign_id = journal.create_campaign(small, "", [], START)
        resource = campaign_resource(campaign_id)
        journal.own(resource, "somebody else", 600)
        refused = wellwise("advance", home=tmp_path, WELLWISE_DATABASE_URL=url)
        assert refused.returncode == 2
        assert "campaign crash is held by somebody else" in refused.stderr
        journal.release(resource)
        first = wellwise("advance", home=tmp_path, WELLWISE_DATABASE_URL=url)
        assert "Come back at 2026-03-03 09:00." in first.stdout
        last = wellwise("advance", "crash", home=tmp_path, WELLWISE_DATABASE_URL=url)
        assert "Campaign crash is finished: 1 round done." in last.stdout
        journal.close()


def test_an_operator_decides_a_late_job_by_command(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    assert "Come back" in wellwise("advance", home=tmp_path).stdout
    journal.note(
        campaign_id, START + timedelta(days=9), "clock_moved", campaign_id, "nobody was there"
    )
    asked = wellwise("advance", home=tmp_path)
    assert "A person is needed: crash/r1/p1/read/1" in asked.stdout
    assert (
        "wellwise decide crash/r1/p1/read/1 done|failed|again"
        in wellwise("status", home=tmp_path).stdout
    )
    for plate in (1, 2):
        words = (
            "decide",
            f"crash/r1/p{plate}/read/1",
            "again",
            "--why",
            "colour keeps",
            "--who",
            "ada",
        )
        assert wellwise(*words, home=tmp_path).returncode == 0
    assert "is finished" in wellwise("advance", home=tmp_path).stdout
    decided = [event for event in journal.events(campaign_id) if event.who == "ada"]
    assert [event.message for event in decided] == ["colour keeps"] * 2


@pytest.mark.parametrize("command", ["pause", "abort", "stop-now"])
def test_an_operator_steers_by_command(tmp_path: Path, command: str) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    assert "Missing option '--why'" in wellwise(command, home=tmp_path).stderr
    assert wellwise(command, "--why", "a reason", home=tmp_path).returncode == 0
    assert journal.state(campaign_id).status == ("aborted" if command == "abort" else "paused")


def test_a_database_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://nobody:secret@127.0.0.1:9/none"
    ran = wellwise("status", home=tmp_path, WELLWISE_DATABASE_URL=nowhere)
    assert ran.returncode == 2
    assert "cannot be opened" in ran.stderr
    assert "secret" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_well_is_corrected_by_command(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    wellwise("advance", home=tmp_path)
    ran = wellwise(
        "correct-well", "crash/r1/p1/A1", "--value", "0.5", "--why", "by eye", home=tmp_path
    )
    assert "crash/r1/p1/A1: 0.5 entered." in ran.stdout
    wellwise("advance", home=tmp_path)
    assert journal.state(campaign_id).status == "finished"
    again = wellwise("resume", home=tmp_path)
    assert again.returncode == 0
    assert "crash is finished: nothing is left to do." in again.stdout
    assert journal.state(campaign_id).rounds[0].wells[0].value == 0.5
    refused = wellwise("correct-well", "A1", "--exclude", "--why", "x", home=tmp_path)
    assert refused.returncode == 2
    assert "expected a well such as rpe/r1/p3/B2" in refused.stderr


def test_no_command_waits_for_the_model_that_does_not_need_it() -> None:
    code = (
        "import sys, orchestrator.cli.main, orchestrator.cli.console; "
        "import orchestrator.control.act, orchestrator.engine.advance; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_same_file_runs_once_more_only_by_who_says_so(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign = read_campaign(ASSAY_FILE.read_text())
    journal.create_campaign(campaign, ASSAY_FILE.read_text(), [], START)
    journal.close()
    refused = wellwise("run", ASSAY_FILE, home=tmp_path)
    assert refused.returncode == 2
    assert "launched already: colour-assay (running)" in refused.stdout
    assert "--again launches it once more" in refused.stderr
    # At a terminal a person is asked, and says no.
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    asked = subprocess.run(
        [PROGRAM, "run", ASSAY_FILE, "--home", tmp_path],
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert asked.returncode == 2
    assert "Launch it once more, as another campaign? [y/N]" in asked.stdout
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    assert journal.campaign_ids() == ["colour-assay"]
    journal.close()
