"""Robots that work only at some hours, and robots that share the plates of a step."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import closed, earliest_due_first, schedule, tasks_of
from orchestrator.engine.advance import advance
from orchestrator.intake.capability_check import hours_findings
from orchestrator.journal.queries import jobs
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from orchestrator.studies.rehearsal import rehearse
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign, read_lab
from protocols.campaign_parts import RobotConfig
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from protocols.working_hours import WorkingHours
from tests import acting
from tests.builders import until_asked
from tests.conftest import ASSAY_FILE, START
from tests.service import House

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _hours(begin: str, end: str, days: list[str] | None = None) -> WorkingHours:
    return WorkingHours.model_validate(
        {"from": begin, "to": end} | ({"days": days} if days else {})
    )


@st.composite
def _any_hours(draw: st.DrawFn) -> WorkingHours:
    begin = draw(st.integers(0, 22))
    end = draw(st.integers(begin + 1, 23))
    return _hours(
        f"{begin}:00", f"{end}:30", draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
    )


MOMENTS = st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 10), timezones=st.just(BERLIN))


@given(hours=_any_hours(), moment=MOMENTS, days=st.integers(0, 20))
def test_what_is_not_closed_is_open(hours: WorkingHours, moment: datetime, days: int) -> None:
    last = moment + timedelta(days=days)
    spans = list(hours.closed(moment, last))
    bounds = [moment, *(bound for span in spans for bound in span), last]
    assert bounds == sorted(bounds)
    for begin, end in spans:
        assert begin < end
        assert hours.opening(begin) >= end
    for begin, end in zip(bounds[::2], bounds[1::2], strict=True):
        assert begin == end or hours.cover(begin, end)
    opening = hours.opening(moment)
    assert opening >= moment
    assert opening == hours.opening(opening)
    assert hours.closing(opening) > opening


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"from": "18:00", "to": "8:00"}, "08:00 is not after 18:00"),
        ({"from": "8:00", "to": "9:00", "days": []}, "there is none (expected at least 1)"),
        ({"from": "8:00", "to": "9:00", "days": ["monday"]}, "mon, tue, wed"),
        ({"from": "soon", "to": "9:00"}, "valid time format"),
    ],
)
def test_hours_that_cannot_be_are_refused(wrong: dict[str, Any], message: str) -> None:
    text = ASSAY_FILE.read_text().replace(
        "{driver: simulated,", f"{{driver: simulated, hours: {wrong},", 1
    )
    with pytest.raises(InvalidInput, match="hours") as refused:
        read_campaign(text)
    assert message in str(refused.value)


def _with_hours(campaign: Campaign, hours: WorkingHours) -> Campaign:
    """The dispenser works at these hours."""
    dispenser = campaign.robots["dispenser"].model_copy(update={"hours": hours})
    return campaign.model_copy(update={"robots": campaign.robots | {"dispenser": dispenser}})


def _plates(count: int, robots: str, tolerance: str) -> str:
    text = (
        ASSAY_FILE.read_text()
        .replace("count: 1", f"count: {count}")
        .replace("robot: dispenser", f"robot: {robots}")
    )
    text = text.replace("tolerance: 1 hour", f"tolerance: {tolerance}").replace(
        "rounds: 3", "rounds: 1"
    )
    wells = 4 * count - 2
    text = text.replace("A1:D6", "A1:B2")
    return text.replace("initial: 22", f"initial: {wells}").replace(
        "proposed: 22", f"proposed: {wells}"
    )


def test_a_schedule_keeps_the_hours(assay: Campaign) -> None:
    campaign = read_campaign(_plates(6, "dispenser", "72 hour"))
    hours = _hours("8:00", "11:00", ["mon", "wed"])
    robots = {
        name: config.model_copy(update={"hours": hours}) for name, config in campaign.robots.items()
    }
    tasks = tasks_of(compile_jobs(campaign, "c", plan_round(campaign, 1, ()).layout, START))
    away = closed(robots, tasks, START.astimezone(BERLIN))
    for slots in (earliest_due_first(tasks, away), schedule(tasks, away)):
        assert len(slots) == len(tasks)
        assert all(hours.cover(s.begin.astimezone(BERLIN), s.end.astimezone(BERLIN)) for s in slots)


def test_a_campaign_keeps_the_hours_and_what_they_cost_is_a_conflict() -> None:
    campaign = read_campaign(_plates(4, "dispenser", "72 hour"))
    hours = _hours("9:00", "11:00")
    found = rehearse(_with_hours(campaign, hours), Settings())
    assert len(found.jobs) == 8
    reacted = [entry for entry in found.jobs if entry.job.robot == "dispenser"]
    assert all(hours.cover(entry.began_at, entry.ended_at) for entry in reacted)
    assert len({entry.began_at.date() for entry in reacted}) == 2
    assert [conflict.robot for conflict in found.conflicts if conflict.fatal] == ["camera"]
    short = read_campaign(_plates(4, "dispenser", "1 hour"))
    [conflict, *_] = rehearse(_with_hours(short, hours), Settings()).conflicts
    assert (conflict.robot, conflict.step, conflict.fatal) == ("dispenser", "react", True)
    assert "longer hours of dispenser" in conflict.remedy


def test_a_step_that_no_day_is_long_enough_for_is_found(assay: Campaign) -> None:
    [finding] = hours_findings(_with_hours(assay, _hours("9:00", "9:20")))
    assert finding.loc == ("robots", "dispenser", "hours")
    assert "more than dispenser works on a day" in finding.message
    assert hours_findings(_with_hours(assay, _hours("9:00", "12:00"))) == []


def _lab(*names: str) -> str:
    return "robots:\n" + "".join(
        f"  {name}: {{driver: simulated, options: {{lab: rehearsal}}}}\n" for name in names
    )


def test_robots_share_the_plates_and_a_plate_stays_with_one() -> None:
    text = _plates(5, "[left, right]", "1 hour")
    campaign = read_campaign(text, lab=read_lab(_lab("left", "right")))
    jobs = list(compile_jobs(campaign, "c", plan_round(campaign, 1, ()).layout, START))
    assert [job.robot for job in jobs if job.step == "react"] == [
        "left",
        "right",
        "left",
        "right",
        "left",
    ]
    again = Campaign.model_validate(
        campaign.model_dump(mode="json", by_alias=True, exclude_unset=True)
    )
    assert again == campaign


def test_one_robot_fewer_is_a_conflict_where_the_others_cannot_do_it_in_time() -> None:
    text = _plates(4, "[left, right]", "70 min")
    both = read_campaign(text, lab=read_lab(_lab("left", "right")))
    assert not any(conflict.fatal for conflict in rehearse(both, Settings()).conflicts)
    one = read_campaign(text, lab=read_lab(_lab("left")))
    [conflict] = [conflict for conflict in rehearse(one, Settings()).conflicts if conflict.fatal]
    assert (conflict.robot, conflict.step) == ("left", "react")
    assert "one more robot that shares step react" in conflict.remedy
    with pytest.raises(InvalidInput, match="there is no robot 'left'"):
        read_campaign(text, lab=read_lab(_lab("up")))
    with pytest.raises(InvalidInput, match="there is no robot 'left'"):
        read_campaign(text)
    with pytest.raises(InvalidInput, match="robot"):
        read_campaign(_plates(4, "[{name: left}, left]", "1 hour"), lab=read_lab(_lab("up")))
    with pytest.raises(InvalidInput, match="a robot is named twice"):
        read_campaign(_plates(4, "[dispenser, dispenser]", "1 hour"))


def test_the_commands_take_hours_from_a_lab_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    lab = tmp_path / "lab.yaml"
    lab.write_text(
        "robots: {dispenser: {driver: simulated, options: {lab: l}, hours: {from: 11:00, to: "
        "13:00}}}\n"
    )
    done = CliRunner().invoke(app, ["schedule", str(ASSAY_FILE), "--lab", str(lab)])
    assert done.exit_code == 1, done.output
    assert "too late by 1.0 h" in done.output
    assert RobotConfig.model_validate(
        {"driver": "simulated", "hours": {"from": "8:00", "to": "9:00"}}
    ).hours


def test_the_plates_of_a_robot_go_to_another_that_shares_its_steps(tmp_path: Path) -> None:
    one = "{driver: simulated, options: {lab: colour-assay, culture: enzyme-assay}}"
    text = _plates(4, "[left, right]", "4 hour").replace(
        "\nrobots:\n", f"\nrobots:\n  left: {one}\n  right: {one}\n"
    )
    campaign = read_campaign(text)
    served = House(tmp_path)
    journal = served.backend.journal
    campaign_id = journal.create_campaign(campaign, text, [], START - timedelta(hours=1))
    lab = open_lab(Settings(home=tmp_path), journal, journal.state(campaign_id))
    asyncio.run(advance(lab, campaign_id))
    operator = served.client("operator")
    address = f"/api/v1/campaigns/{campaign_id}/hand-over"

    def refusal(robot: str, to: str) -> str:
        answer = operator.post(address, json={"robot": robot, "to": to, "why": "it broke"})
        assert answer.status_code in (404, 409), answer.text
        return str(answer.json()["detail"])

    assert "pause it first" in refusal("left", "right")
    assert (
        operator.post(
            f"/api/v1/campaigns/{campaign_id}/pause", json={"why": "it broke"}
        ).status_code
        == 200
    )
    assert "there is no robot 'third'" in refusal("left", "third")
    for to in ("left", "camera"):
        assert f"left has no job of round 1 in a step that it shares with {to}" in refusal(
            "left", to
        )
    assert "left → right" in operator.get(f"/campaigns/{campaign_id}").text
    words = [
        "hand-over",
        "left",
        "right",
        campaign_id,
        "--why",
        "it broke",
        "--home",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "Carry plates 1, 3 from left to right" in done.output
    assert "has no job" in refusal("left", "right")
    assert (
        operator.post(
            address, json={"robot": "right", "to": "left", "why": "it works again"}
        ).status_code
        == 200
    )
    assert (
        operator.post(address, json={"robot": "left", "to": "right", "why": "no"}).status_code
        == 200
    )
    [*_, event] = journal.events(campaign_id, kinds=["handed_over"])
    assert event.data == {"from": "left", "to": "right", "plates": [1, 2, 3, 4]}

    acting.resume(lab, campaign_id, "ada", "moved")
    until_asked(lab, campaign_id)
    state = journal.state(campaign_id)
    assert state.status == "finished"
    assert len(state.observations) == 16
    reacted = [row for _, row in jobs(journal, campaign_id) if row.step == "react"]
    assert {(row.robot, row.job["robot"], row.state) for row in reacted} == {
        ("right", "right", "done")
    }
    journal.close()
