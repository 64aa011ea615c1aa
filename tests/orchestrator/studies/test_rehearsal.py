"""A rehearsal finds what is late, what happens when nobody is there, and what to load."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from icalendar import Calendar
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core.round_planning import plan_round
from orchestrator.settings import Settings
from orchestrator.studies.rehearsal import rehearse
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.loading import loads
from protocols.working_hours import WorkingHours
from tests.conftest import ASSAY_FILE, RPE_FILE, START
from tests.orchestrator.cli.test_progress import TEXT as BY_HAND


def test_every_job_of_every_round_is_rehearsed_and_nothing_is_left_behind(
    assay: Campaign, tmp_path: Path
) -> None:
    found = rehearse(assay, Settings(home=tmp_path))
    # The target would have ended it earlier; a rehearsal must not be too short.
    assert len(found.state.rounds) == assay.stop.rounds
    assert len(found.jobs) == assay.stop.rounds * len(assay.protocol.steps) * assay.plates.count
    assert [conflict for conflict in found.conflicts if conflict.fatal] == []
    assert all(entry.began_at < entry.ended_at for entry in found.jobs)
    by_robot = sorted(found.jobs, key=lambda entry: (entry.job.robot, entry.began_at))
    for before, after in pairwise(by_robot):
        assert before.job.robot != after.job.robot or before.ended_at <= after.began_at
    assert list(tmp_path.iterdir()) == []


def test_a_tolerance_that_is_too_short_is_a_conflict_that_says_what_would_do() -> None:
    # All plates on one robot, of which each takes a while: the last of them is reached too late.
    text = (
        ASSAY_FILE.read_text()
        .replace("count: 1", "count: 3")
        .replace("tolerance: 1 hour", "tolerance: 20 min")
    )
    text = (
        text.replace("initial: 22", "initial: 70")
        .replace("proposed: 22", "proposed: 70")
        .replace("rounds: 3", "rounds: 1")
    )
    found = rehearse(read_campaign(text), Settings())
    [conflict] = [conflict for conflict in found.conflicts if conflict.fatal]
    assert (conflict.robot, conflict.step) == ("dispenser", "react")
    assert "after their tolerance of 20 min" in conflict.message
    needed = max(entry.wait for entry in found.jobs if entry.job.step == "react")
    mended = text.replace(
        "tolerance: 20 min", f"tolerance: {needed / timedelta(minutes=1) + 1:.0f} min"
    )
    assert not any(
        conflict.fatal for conflict in rehearse(read_campaign(mended), Settings()).conflicts
    )


def test_what_is_done_when_nobody_is_there_is_reported(assay: Campaign) -> None:
    one = assay.model_copy(update={"stop": assay.stop.model_copy(update={"rounds": 1})})
    found = rehearse(one, Settings(), WorkingHours.model_validate({"from": "8:00", "to": "12:00"}))
    assert [(conflict.step, conflict.fatal) for conflict in found.conflicts if conflict.fatal] == [
        ("read", True)
    ]


def test_a_round_gets_every_value_that_it_waits_for_also_where_the_objective_is_computed() -> None:
    text = BY_HAND.replace("rounds: 9, spend: {salt_used: 800}", "rounds: 2")
    found = rehearse(read_campaign(text), Settings())
    assert [batch.finished for batch in found.state.rounds] == [True, True]


def test_a_day_takes_what_its_jobs_dispense(rpe: Campaign) -> None:
    plan = plan_round(rpe, 1, [])
    days = loads(compile_jobs(rpe, "rpe", plan.layout, START))
    assert days[0].plates == {"6-well": 8}
    assert days[0].liquids_ul == {"iPSC suspension": 48 * 2000.0}
    assert days[0].tips == {1000.0: 48}
    assert days[7].plates == {"6-well": 8}  # the cells are passed on to fresh ones
    second = days[2]
    wanted = sum(
        float(p.proposal.condition["fgfri_concentration"]) * 2  # nM x 2 mL = pmol
        for p in plan.layout.placements
        if float(p.proposal.condition["preconditioning_period"]) >= 5
    )
    assert [(s.name, s.unit) for s in second.substances] == [("FGF-receptor inhibitor", "pmol")]
    assert second.substances[0].amount == pytest.approx(wanted)
    assert loads([]) == []


def test_the_command_prints_and_writes_what_is_needed(tmp_path: Path) -> None:
    runner, prices, out = CliRunner(), tmp_path / "prices.csv", tmp_path / "out"
    prices.write_text("kind,name,price,per\nplate,6-well,30,10\nrobot,camera,20,1 hour\n")
    words = [
        "rehearse",
        str(ASSAY_FILE),
        "--surfaces",
        "1",
        "--prices",
        str(prices),
        "--out",
        str(out),
    ]
    done = runner.invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "Every job has its robot and begins within its tolerance." in done.output
    assert {path.name for path in out.iterdir()} == {
        "schedule.csv",
        "loading.csv",
        "calendar.ics",
        "costs.csv",
    }
    bill = pd.read_csv(out / "costs.csv").set_index("name")["cost"]
    assert bill["camera"] > 0
    assert f"{bill.sum():,.2f}" in done.output
    assert "Without a price, so not in the total: " in done.output
    entries = Calendar.from_ical((out / "calendar.ics").read_bytes()).walk("VEVENT")
    assert len(entries) == 6
    assert all(
        entry["dtend"].dt > entry["dtstart"].dt > datetime(2026, 1, 1, tzinfo=UTC)
        for entry in entries
    )
    lab = tmp_path / "lab.yaml"
    lab.write_text("robots: {dispenser: {driver: simulated}}\n")
    few = ["--surfaces", "0", "--hours", "8:00-10:00", "--lab", str(lab)]
    broken = runner.invoke(app, ["rehearse", str(ASSAY_FILE), "--out", str(tmp_path), *few])
    assert broken.exit_code == 1
    assert (
        "CONFLICT: camera, step read: the lab has no such robot. What would mend it: camera in"
        in broken.output
    )
    for command in ("validate", "schedule"):
        ran = runner.invoke(app, [command, str(ASSAY_FILE), "--lab", str(lab)])
        assert "camera (step read) is not in" in ran.output
    assert runner.invoke(app, ["rehearse", str(RPE_FILE), "--hours", "18-8"]).exit_code != 0
