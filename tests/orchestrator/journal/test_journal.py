from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.lifecycle import (
    AskOperator,
    Drop,
    ExecuteJob,
    FinishRound,
    PlanRound,
    WaitUntil,
    next_actions,
)
from orchestrator.core.state import JobStatus
from orchestrator.errors import Conflict, JournalError
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import CampaignRow
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests.builders import planned
from tests.conftest import START
from tests.system import crash


def test_a_campaign_comes_back_as_it_was_written(tmp_path: Path, rpe: Campaign) -> None:
    journal, campaign_id = planned(tmp_path, rpe)
    journal.close()
    state = Journal(journal.url).state(campaign_id)
    assert state.campaign == rpe
    assert len(state.rounds[0].wells) == 48
    assert len(journal.jobs(campaign_id, 1)) == 264
    assert [event.kind for event in Journal(journal.url).events(campaign_id)] == [
        "campaign_created", "round_planned", "notice",
    ]  # fmt: skip


def test_the_second_campaign_of_a_name_gets_a_number(tmp_path: Path, assay: Campaign) -> None:
    journal, first = planned(tmp_path, assay)
    assert first == "colour-assay"
    assert journal.create_campaign(assay, "text", [], START) == "colour-assay-2"


def test_a_job_moves_only_from_where_it_is(tmp_path: Path, assay: Campaign) -> None:
    journal, campaign_id = planned(tmp_path, assay)
    key = journal.state(campaign_id).rounds[0].jobs[0].key
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    before = len(journal.events(campaign_id))
    with pytest.raises(Conflict, match="is dispatched, not planned"):
        journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    assert len(journal.events(campaign_id)) == before


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(JobStatus)), st.sampled_from(list(JobStatus))), max_size=12
    )
)
def test_state_and_event_always_agree(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[JobStatus, JobStatus]]
) -> None:
    from tests.conftest import ASSAY_FILE

    campaign = read_campaign(ASSAY_FILE.read_text())
    journal, campaign_id = planned(tmp_path_factory.mktemp("journal"), campaign)
    key = journal.state(campaign_id).rounds[0].jobs[0].key
    status = JobStatus.PLANNED
    for origin, to in moves:
        if origin is status:
            journal.move_job(key, origin, to, START)
            status = to
        else:
            with pytest.raises(Conflict):
                journal.move_job(key, origin, to, START)
    assert journal.job(key)[1].status is status
    kinds = [event.kind for event in journal.events(campaign_id) if event.subject == key]
    assert kinds[-1:] == ([f"job_{status.value}"] if kinds else [])
    journal.close()


def test_a_failed_job_loses_its_wells_and_what_would_follow_is_dropped(
    tmp_path: Path, rpe: Campaign
) -> None:
    journal, campaign_id = planned(tmp_path, rpe)
    first = journal.state(campaign_id).rounds[0].jobs[0]
    journal.move_job(first.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lost = dict.fromkeys(first.wells, "the robot failed")
    journal.finish_job(first.key, JobStatus.DISPATCHED, JobStatus.FAILED, START, "broken", lost, [])
    state = journal.state(campaign_id)
    assert state.rounds[0].lost_wells(1) == first.wells
    assert Drop("rpe/r1/p1/B/1") in next_actions(state, START)
    assert journal.job("rpe/r1/p1/B/1")[0].wells == ()
    assert journal.job("rpe/r1/p2/B/1")[0].wells != ()


def test_a_round_of_one_well_and_one_job_is_said_so(tmp_path: Path) -> None:
    text = crash.FILE.read_text().replace("count: 2", "count: 1").replace("A1:A2", "A1:A1")
    text = text.replace("initial: 3, standard: 1", "initial: 1")
    one = read_campaign(text.replace("proposed: 3, controls: 1", "proposed: 1"))
    steps = one.protocol.model_copy(update={"steps": one.protocol.steps[:1]})
    journal, campaign_id = planned(tmp_path, one.model_copy(update={"protocol": steps}))
    [event] = journal.events(campaign_id, kinds=["round_planned"])
    assert (event.data["wells"], event.data["jobs"]) == (1, 1)
    assert event.message == "1 well, 1 job"


def test_a_journal_of_a_newer_wellwise_is_refused(tmp_path: Path) -> None:
    import sqlite3

    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    Journal(url).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(JournalError, match="newer wellwise"):
        Journal(url)


def test_the_tables_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlmodel import SQLModel, create_engine

    Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}").close()
    with create_engine(f"sqlite:///{tmp_path / 'journal.sqlite'}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_an_unknown_campaign_is_kinds_with_those_that_exist(
    tmp_path: Path, assay: Campaign
) -> None:
    journal, _ = planned(tmp_path, assay)
    with pytest.raises(JournalError, match=r"no campaign 'x' .*colour-assay"):
        journal.state("x")


def test_lifecycle_begins_with_a_plan_and_waits_until_something_is_due(
    tmp_path: Path, rpe: Campaign
) -> None:
    empty = Journal(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    campaign_id = empty.create_campaign(rpe, "text", [], START)
    assert next_actions(empty.state(campaign_id), START + timedelta(hours=3)) == [
        PlanRound(1, START + timedelta(days=1))
    ]
    journal, campaign_id = planned(tmp_path, rpe)
    state = journal.state(campaign_id)
    assert next_actions(state, START - timedelta(hours=1)) == [WaitUntil(START)]
    due = next_actions(state, START)
    assert [action.key for action in due if isinstance(action, ExecuteJob)] == [
        f"rpe/r1/p{p}/A/1" for p in range(1, 9)
    ]


@pytest.mark.reproduction("A6")
def test_a_plate_in_doubt_holds_its_robot_unless_its_state_is_known(
    tmp_path: Path, rpe: Campaign
) -> None:
    journal, campaign_id = planned(tmp_path, rpe)
    key = "rpe/r1/p1/A/1"
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    journal.move_job(key, JobStatus.DISPATCHED, JobStatus.IN_DOUBT, START, "the robot cannot say")
    state = journal.state(campaign_id)
    assert next_actions(state, START) == [AskOperator(key, "the robot cannot say")]
    sure = replace(state, sure_robots=frozenset({"maholo"}))
    actions = next_actions(sure, START)
    assert AskOperator(key, "the robot cannot say") in actions
    assert len([action for action in actions if isinstance(action, ExecuteJob)]) == 7
    assert not any(isinstance(action, FinishRound) for action in actions)


def test_a_campaign_that_was_recorded_in_the_earlier_form_is_the_same(
    tmp_path: Path, rpe: Campaign
) -> None:
    journal, campaign_id = planned(tmp_path, rpe)
    with journal.transaction() as session:
        row = session.get(CampaignRow, campaign_id)
        assert row is not None
        now = ("outcomes", "objectives")
        earlier = {key: value for key, value in row.definition.items() if key not in now}
        name = "coloured_cell_ratio"
        row.definition = earlier | {"objective": {"name": name, "scorer": name}}
    assert journal.state(campaign_id).campaign == rpe
