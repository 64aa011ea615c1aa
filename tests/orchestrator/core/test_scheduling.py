"""Scheduling: the solver keeps tolerances that earliest-due-first would break."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core import scheduling
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import (
    Slot,
    Task,
    Unavailability,
    cost,
    earliest_due_first,
    schedule,
)
from orchestrator.settings import Settings
from orchestrator.studies.rehearsal import rehearse
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.timing import nominal_s, nominal_times
from tests.conftest import ASSAY_FILE, RPE_FILE, START

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def _at(minute: float) -> datetime:
    return DAY + timedelta(minutes=minute)


def _task(
    key: str,
    due: float,
    tolerance: float | None,
    minutes: float,
    robot: str = "arm",
    chain: str = "",
) -> Task:
    latest = None if tolerance is None else _at(due + tolerance)
    return Task(key, chain or key, robot, _at(due), latest, minutes * 60)


@st.composite
def _tasks(draw: st.DrawFn) -> list[Task]:
    plates = draw(st.integers(1, 4))
    found = []
    for plate in range(plates):
        due = 0.0
        for step in range(draw(st.integers(1, 3))):
            due += draw(st.integers(0, 60))
            tolerance = draw(st.none() | st.integers(0, 40))
            minutes = draw(st.integers(1, 40))
            robot = draw(st.sampled_from(["arm", "eye"]))
            found.append(_task(f"p{plate}/{step}", due, tolerance, minutes, robot, f"p{plate}"))
    return sorted(found, key=lambda task: task.due)


def _holds(slots: list[Slot], tasks: list[Task], away: list[Unavailability]) -> None:
    assert sorted(slot.task for slot in slots) == sorted(tasks)
    chains: dict[str, list[Slot]] = {}
    robots: dict[str, list[tuple[datetime, datetime]]] = {}
    for slot in sorted(slots, key=lambda slot: slot.begin):
        assert slot.begin >= slot.task.due
        assert slot.end - slot.begin == timedelta(seconds=slot.task.seconds)
        chains.setdefault(slot.task.plate, []).append(slot)
        robots.setdefault(slot.task.robot, []).append((slot.begin, slot.end))
    for gap in away:
        robots.setdefault(gap.robot, []).append((gap.begin, gap.end))
    for chain in chains.values():
        assert [slot.task for slot in chain] == [
            task for task in tasks if task.plate == chain[0].task.plate
        ]
    for spans in [
        *robots.values(),
        *([(s.begin, s.end) for s in chain] for chain in chains.values()),
    ]:
        spans.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(tasks=_tasks(), gap=st.none() | st.tuples(st.integers(0, 100), st.integers(1, 60)))
def test_a_schedule_can_be_done_and_is_never_worse_than_the_greedy_one(
    tasks: list[Task], gap: tuple[int, int] | None
) -> None:
    away = [] if gap is None else [Unavailability("arm", _at(gap[0]), _at(gap[0] + gap[1]))]
    first, best = earliest_due_first(tasks, away), schedule(tasks, away)
    _holds(first, tasks, away)
    _holds(best, tasks, away)
    assert cost(best) <= cost(first)
    assert cost(first)[0] or sorted(best) == sorted(first)


def test_a_robot_waits_for_what_cannot_wait_itself() -> None:
    tasks = [_task("long", 0, 600, 180), _task("short", 5, 10, 10)]
    assert [slot.task.key for slot in earliest_due_first(tasks)] == ["long", "short"]
    assert cost(earliest_due_first(tasks))[0] == 1
    best = schedule(tasks)
    assert [(slot.task.key, slot.begin) for slot in best] == [("short", _at(5)), ("long", _at(15))]


def test_what_no_order_can_keep_is_late_by_as_little_as_possible() -> None:
    tasks = [_task(f"p{number}", 0, 15, 10) for number in range(4)]
    broken, by, _ = cost(schedule(tasks))
    assert broken == 2
    assert by == timedelta(minutes=5 + 15)


def test_a_day_without_a_robot_costs_only_the_tolerances_that_nothing_could_keep() -> None:
    # Before it leaves, the robot could do everything of this morning; in due order it would not.
    tasks = [
        _task("long", 0, 2000, 120),
        *(_task(f"tight{number}", 10, 170, 30) for number in range(4)),
    ]
    away = [Unavailability("arm", _at(150), _at(150 + 1440))]
    assert cost(earliest_due_first(tasks, away))[0] >= 2
    best = schedule(tasks, away)
    assert cost(best)[0] == 0
    assert best[-1].task.key == "long"
    assert best[-1].begin == _at(150 + 1440)


def test_nominal_times_are_those_of_the_virtual_robot(rpe: Campaign) -> None:
    jobs = compile_jobs(rpe, "rpe", plan_round(rpe, 1, ()).layout, START)
    passage = next(job for job in jobs if job.step == "C")
    spans = list(nominal_times(passage.operations))
    assert all(begin < end for begin, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    enzyme = max(
        end for (_, end), op in zip(spans, passage.operations, strict=True) if op.kind == "dispense"
    )
    assert spans[-1][1] == nominal_s(passage.operations) > enzyme - spans[0][0]
    assert nominal_s(()) == 0


_QUENCH = """    - name: quench
      robot: dispenser
      days: 0
      at: 10:30
      tolerance: 15 min
      operations:
        - {do: dispense, liquid: stop solution, volume: 20 uL}
    - name: read
"""


def _crossing() -> Campaign:
    """Two plates on one robot: a long step that may wait, then a short one that may not."""
    text = (
        ASSAY_FILE.read_text()
        .replace("    - name: read\n", _QUENCH)
        .replace("tolerance: 1 hour", "tolerance: 6 hour")
    )
    text = text.replace("duration: 30 min", "duration: 60 min").replace("count: 1", "count: 2")
    text = text.replace("initial: 22", "initial: 46").replace("proposed: 22", "proposed: 46")
    return read_campaign(text.replace("rounds: 3", "rounds: 1"))


def test_a_campaign_follows_its_schedule() -> None:
    found = rehearse(_crossing(), Settings())
    # In due order the robot would begin the long step of plate 2 before the short one of plate 1,
    # and be late for both.
    order = [
        (e.job.step, e.job.plate)
        for e in sorted(found.jobs, key=lambda e: e.began_at)
        if e.job.robot == "dispenser"
    ]
    assert order == [("react", 1), ("quench", 1), ("react", 2), ("quench", 2)]
    assert [(e.job.step, e.job.plate) for e in found.jobs if e.late] == [("quench", 2)]
    [conflict] = [conflict for conflict in found.conflicts if conflict.fatal]
    assert conflict.message.startswith("1 of 2 jobs begin after their tolerance of 15 min")


def test_the_command_says_what_an_absence_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    study = ASSAY_FILE.read_text().replace("seed: 7", "seed: 7\nstart: 2126-03-02")
    file = tmp_path / "campaign.yaml"
    file.write_text(study)
    runner = CliRunner()
    kept = runner.invoke(
        app, ["schedule", str(file), "--out", str(tmp_path / "out" / "schedule.csv")]
    )
    assert kept.exit_code == 0, kept.output
    assert "6 jobs, 3 rounds" in kept.output
    assert "Every job begins within its tolerance." in kept.output
    assert len((tmp_path / "out" / "schedule.csv").read_text().splitlines()) == 7
    lost = runner.invoke(
        app, ["schedule", str(file), "--away", "dispenser=2126-03-02T08:00/2126-03-02T10:30"]
    )
    assert lost.exit_code == 1
    assert "too late by 0.5 h: colour-assay/r1/p1/react/1 on dispenser" in lost.output
    for wrong in (
        "dispenser",
        "nobody=2126-03-02/2126-03-03",
        "dispenser=2126-03-03/2126-03-02",
        "dispenser=soon/later",
    ):
        refused = runner.invoke(app, ["schedule", str(file), "--away", wrong])
        assert "is not understood" in str(refused.exception)


def test_three_rounds_of_the_example_are_scheduled_and_nothing_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    done = CliRunner().invoke(app, ["schedule", str(RPE_FILE)])
    assert done.exit_code == 0, done.output
    assert "792 jobs, 3 rounds" in done.output


@given(tasks=_tasks())
@settings(max_examples=20)
def test_that_plates_are_alike_costs_no_tolerance(tasks: list[Task]) -> None:
    """What the solver is told of many plates is tried on few, where it finds the best without."""
    twins = [
        task._replace(key=f"{plate} {task.key}", plate=f"{plate} {task.plate}")
        for plate in ("a", "b")
        for task in tasks
    ]
    found = []
    for many in (0, 1000):
        with mock.patch.object(scheduling, "_MANY", many):
            slots = schedule(twins)
        _holds(slots, twins, [])
        found.append(cost(slots))
    assert found[0] == found[1]
