import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.base import KeyMemory, RobotOffline
from orchestrator.core.lifecycle import AskApproval, PlanRound, next_actions
from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import advance
from orchestrator.errors import Conflict, JournalError, LeaseLost, Owned
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import campaign_resource
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.results.campaign_figures import write_plots
from orchestrator.settings import Settings
from protocols.addresses import WellAddress
from protocols.campaign import Campaign
from protocols.constraints import Cost
from protocols.errors import InvalidInput
from tests import acting
from tests.builders import lab_of, performed, planned, small_lab
from tests.conftest import START
from tests.system import crash

KEY = "rpe/r1/p1/A/1"


def last(lab: Lab, campaign_id: str) -> tuple[str, str, str]:
    event = lab.journal.events(campaign_id)[-1]
    return event.kind, event.who, event.message


def test_a_paused_campaign_sends_nothing_and_goes_on_when_asked(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    acting.pause(lab, campaign_id, "ada", "the incubator is open")
    assert last(lab, campaign_id) == ("campaign_paused", "ada", "the incubator is open")
    assert next_actions(lab.journal.state(campaign_id), START) == []
    acting.resume(lab, campaign_id, "ada", "closed")
    assert next_actions(lab.journal.state(campaign_id), START) != []


def test_an_aborted_campaign_stays_aborted(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    acting.abort(lab, campaign_id, "ada", "contaminated")
    with pytest.raises(JournalError, match="is aborted: it cannot become running"):
        acting.resume(lab, campaign_id, "ada", "no")


def test_nothing_is_sent_any_more_when_robots_are_stopped(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    seen = []
    for name, robot in lab.robots.items():

        async def stop(name: str = name) -> None:
            seen.append((name, lab.journal.status(campaign_id)))

        robot.stop = stop  # type: ignore[method-assign]
    assert acting.stop_now(lab, campaign_id, "ada", "smoke") == {}
    names = list(lab.robots)
    assert seen == [(name, "paused") for name in names]
    kinds = [event.kind for event in lab.journal.events(campaign_id)][-4:]
    assert kinds == ["stop_requested", "campaign_paused", "robot_stopped", "robot_stopped"]


def test_a_robot_that_cannot_be_stopped_is_named_and_the_campaign_is_paused(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)

    async def fail() -> None:
        raise RobotOffline("the cable is out")

    lab.robots["maholo"].stop = fail  # type: ignore[method-assign]
    assert acting.stop_now(lab, campaign_id, "ada", "smoke") == {"maholo": "the cable is out"}
    assert lab.journal.status(campaign_id) == "paused"
    assert "robot_not_stopped" in [event.kind for event in lab.journal.events(campaign_id)]


def test_a_job_that_nobody_ran_in_time_waits_for_a_person(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    asyncio.run(lab.clock.sleep_until(START + timedelta(hours=30)))
    outlook = asyncio.run(advance(lab, campaign_id))
    assert performed(tmp_path) == 0 if (tmp_path / "virtual-labs").exists() else True
    assert [question.key for question in outlook.questions] == [
        "crash/r1/p1/react/1",
        "crash/r1/p2/react/1",
    ]
    assert "30.0 h late" in outlook.questions[0].message
    with pytest.raises(JournalError, match="was never sent"):
        acting.decide(lab, "crash/r1/p1/react/1", "done", "ada", "it looks fine")
    acting.decide(lab, "crash/r1/p1/react/1", "again", "ada", "the enzyme keeps")
    acting.decide(lab, "crash/r1/p2/react/1", "failed", "ada", "spoilt")
    outlook = asyncio.run(advance(lab, campaign_id))
    assert lab.journal.job("crash/r1/p1/react/1")[1].status is JobStatus.DONE
    assert lab.journal.state(campaign_id).rounds[0].lost_wells(2) == {"A1", "A2"}


def test_a_doubt_is_decided_with_its_failed_wells(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    key = "crash/r1/p1/react/1"
    lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.move_job(key, JobStatus.DISPATCHED, JobStatus.IN_DOUBT, START, "cannot say")
    with pytest.raises(JournalError, match="does not work on H12"):
        acting.decide(lab, key, "done", "ada", "typo", ["H12"])
    acting.decide(lab, key, "done", "ada", "A2 is empty", ["A2"])
    assert lab.journal.state(campaign_id).rounds[0].lost_wells(1) == {"A2"}
    with pytest.raises(Conflict):
        acting.decide(lab, key, "failed", "ada", "second thought")


def test_a_doubt_goes_on_with_what_was_certainly_not_begun(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    key = "crash/r1/p1/react/1"
    job, _ = lab.journal.job(key)
    lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.mark_in_doubt(
        key, JobStatus.DISPATCHED, START, "operation 2 was under way", {}, job.operations[2:]
    )
    acting.decide(lab, key, "go-on", "ada", "A2 has its substrate")
    rest, status = lab.journal.job(key)
    unique = f"{key}#2{lab.journal.identity.suffix}"
    assert (rest.key, rest.operations) == (unique, job.operations[2:])
    assert status.status is JobStatus.PLANNED
    other = "crash/r1/p2/react/1"
    lab.journal.move_job(other, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.mark_in_doubt(
        other, JobStatus.DISPATCHED, START, "cannot say", {"A1": "the tip is clogged"}, None
    )
    assert lab.journal.state(campaign_id).rounds[0].lost_wells(2) == {"A1"}
    with pytest.raises(
        JournalError, match="cannot say what is left of it: decide done, failed or again"
    ):
        acting.decide(lab, other, "go-on", "ada", "go")
    assert lab.journal.job(other)[1].status is JobStatus.IN_DOUBT


def test_one_owner_at_a_time_and_a_stale_one_writes_nothing(
    tmp_path: Path, assay: Campaign
) -> None:
    first, campaign_id = planned(tmp_path, assay)
    second, resource = Journal(first.url), campaign_resource(campaign_id)
    first.own(resource, "first", 60)
    first.own(resource, "first", 60)
    with pytest.raises(Owned, match="is held by first"):
        second.own(resource, "second", 60)
    first.own(resource, "first", -1)
    second.own(resource, "second", 60)
    key = first.state(campaign_id).rounds[0].jobs[0].key
    before = len(first.events(campaign_id))
    with pytest.raises(LeaseLost, match="this one writes nothing more"):
        first.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    assert len(first.events(campaign_id)) == before
    second.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    second.release(resource)
    first.own(resource, "first", 60)


def test_a_campaign_is_travelled_through_by_many_short_lives(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    url = lab.journal.url
    lives = 0
    while lab.journal.state(campaign_id).status == "running":
        lives += 1
        journal = Journal(url)
        lab = open_lab(Settings(home=tmp_path), journal, journal.state(campaign_id))
        outlook = asyncio.run(advance(lab, campaign_id))
        if outlook.moment is not None:
            journal.note(campaign_id, outlook.moment, "clock_moved", campaign_id, "")
    assert lives == 2
    values = [well.value for well in lab.journal.state(campaign_id).rounds[0].wells]
    assert all(value is not None for value in values)


def test_a_value_read_by_hand_counts_and_an_excluded_one_does_not(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    crash.run_to_end(tmp_path, lab.journal.url, campaign_id)
    before = lab.journal.state(campaign_id).rounds[0].wells
    acting.correct_wells(
        lab, campaign_id, {acting.place(1, 1, "A1"): 0.77}, "ada", "glare on the image"
    )
    acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "A2"): None}, "ada", "bubble")
    first, second, *others = lab.journal.state(campaign_id).rounds[0].wells
    assert (first.value, first.flags) == (0.77, ())
    assert (second.value, second.flags) == (before[1].value, ("excluded",))
    assert others == list(before[2:])
    usable = [o for o in lab.journal.state(campaign_id).observations if o.usable]
    assert len(usable) == 3
    with pytest.raises(InvalidInput, match=r"1.7 is not a ratio \(expected a number from 0 to 1\)"):
        acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "A1"): 1.7}, "ada", "typo")
    with pytest.raises(JournalError, match="there is no well"):
        acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "H12"): 0.5}, "ada", "typo")


def test_a_second_campaign_in_the_same_virtual_lab_begins_at_its_own_time(tmp_path: Path) -> None:
    lab, first = small_lab(tmp_path)
    crash.run_to_end(tmp_path, lab.journal.url, first)
    second = lab.journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    crash.run_to_end(tmp_path, lab.journal.url, second)
    assert lab.journal.events(second, kinds=["job_late"]) == []
    assert lab.journal.state(second).rounds[0].started_at == START
    values = [
        [well.value for well in lab.journal.state(name).rounds[0].wells] for name in (first, second)
    ]
    assert values[0] == values[1]


def test_rounds_are_raised_after_the_end_and_never_below_what_has_begun(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    crash.run_to_end(tmp_path, lab.journal.url, campaign_id)
    acting.set_rounds(lab, campaign_id, 2, "ada", "promising")
    assert last(lab, campaign_id) == ("rounds_set", "ada", "promising")
    crash.run_to_end(tmp_path, lab.journal.url, campaign_id)
    state = lab.journal.state(campaign_id)
    assert (state.status, len(state.rounds)) == ("finished", 2)
    with pytest.raises(JournalError, match="1 round: too few, as 2 have begun"):
        acting.set_rounds(lab, campaign_id, 1, "ada", "typo")


def gated(home: Path) -> tuple[Lab, str]:
    campaign = crash.campaign(KeyMemory.REMEMBERS_KEYS)
    rounds = campaign.rounds.model_copy(update={"approval": True})
    stop = campaign.stop.model_copy(update={"rounds": 2})
    journal = Journal(f"sqlite:///{home / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(
        campaign.model_copy(update={"rounds": rounds, "stop": stop}), "", [], START
    )
    return open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id


def test_a_batch_waits_for_approval_and_can_be_edited_before_it(tmp_path: Path) -> None:
    lab, campaign_id = gated(tmp_path)
    outlook = asyncio.run(advance(lab, campaign_id))
    assert outlook.questions == (AskApproval(campaign_id, 1),)
    assert lab.journal.state(campaign_id).rounds[0].jobs == ()
    name, place = "substrate_concentration", acting.place(1, 1, "A2")
    with pytest.raises(JournalError, match="cannot be 5000"):
        acting.edit_proposal(lab, campaign_id, place, {name: 5000.0}, "ada", "more")
    with pytest.raises(JournalError, match="no parameter 'sugar'"):
        acting.edit_proposal(lab, campaign_id, place, {"sugar": 1.0}, "ada", "more")
    with pytest.raises(JournalError, match="waits for approval: nothing can be read"):
        acting.correct_wells(lab, campaign_id, {place: 0.5}, "ada", "early")
    acting.edit_proposal(lab, campaign_id, place, {name: 500.0}, "ada", "more")
    acting.leave_empty(lab, campaign_id, acting.place(1, 2, "A1"), "ada", "scratched")
    jobs = acting.approve(lab, campaign_id, "ada", "looks right")
    assert jobs == 4
    with pytest.raises(JournalError, match="no batch"):
        acting.approve(lab, campaign_id, "bob", "me too")
    with pytest.raises(JournalError, match="no batch"):
        acting.edit_proposal(lab, campaign_id, place, {name: 1.0}, "ada", "less")
    run_again(lab, campaign_id)
    first, second = lab.journal.state(campaign_id).rounds
    assert asyncio.run(advance(lab, campaign_id)).questions == (AskApproval(campaign_id, 2),)
    assert second.proposed
    assert len(write_plots(lab.journal.state(campaign_id), tmp_path / "plots", ())) == 6
    well = first.wells[1]
    assert (well.proposal.condition[name], well.proposal.role) == (500.0, "edited")
    assert well.proposal.reason == "edited by ada: more"
    assert well.value is not None
    assert [str(well.well) for well in first.wells if well.lost] == ["plate 2 A1"]


def run_again(lab: Lab, campaign_id: str) -> None:
    outlook = asyncio.run(advance(lab, campaign_id))
    while outlook.moment is not None:
        asyncio.run(lab.clock.sleep_until(outlook.moment))
        outlook = asyncio.run(advance(lab, campaign_id))


def test_a_campaign_ends_when_the_next_round_is_expected_to_bring_too_little(
    tmp_path: Path,
) -> None:
    for least, rounds in ((0.9, 1), (1e-9, 2)):
        small = crash.campaign(KeyMemory.REMEMBERS_KEYS)
        stop = small.stop.model_copy(update={"rounds": 2, "least_gain": least})
        home = tmp_path / str(rounds)
        home.mkdir()
        journal = Journal(f"sqlite:///{home / 'journal.sqlite'}")
        campaign_id = journal.create_campaign(
            small.model_copy(update={"stop": stop}), "", [], START
        )
        run_again(open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id)
        state = journal.state(campaign_id)
        assert (state.status, len(state.rounds)) == ("finished", rounds)
        assert ("round 2 is expected to raise the best by" in state.reason) == (rounds == 1)


def test_a_lost_condition_is_tried_again_in_the_next_round(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    lost = lab.journal.state(campaign_id).rounds[0].wells[2]
    with pytest.raises(JournalError, match="no well of round 1 is lost"):
        acting.requeue(lab, campaign_id, [], "ada", "again")
    key = "crash/r1/p2/react/1"
    lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.finish_job(
        key, JobStatus.DISPATCHED, JobStatus.FAILED, START, "", {"A1": "dropped"}, []
    )
    with pytest.raises(JournalError, match=r"crash/r1/p1/A1 is not lost"):
        acting.requeue(lab, campaign_id, [acting.place(1, 1, "A1")], "ada", "again")
    assert acting.requeue(lab, campaign_id, [], "ada", "again") == [
        WellAddress(campaign_id, 1, 2, "A1")
    ]
    acting.set_rounds(lab, campaign_id, 2, "ada", "one more")
    crash.run_to_end(tmp_path, lab.journal.url, campaign_id)
    state = lab.journal.state(campaign_id)
    again = [well.proposal for well in state.rounds[1].wells if well.proposal.role == "requeued"]
    assert [proposal.condition for proposal in again] == [lost.proposal.condition]
    assert again[0].reason == "once more: lost in round 1, plate 2, A1"
    assert state.requeued == ()
    assert len(write_plots(state, tmp_path / "plots", ())) == 6
    costs = (Cost(name="substrate", terms={"substrate_concentration": 1.0}),)
    costly = replace(state, campaign=state.campaign.model_copy(update={"costs": costs}))
    assert tmp_path / "plots" / "pareto-front.png" in write_plots(costly, tmp_path / "plots", ())


def test_times_of_day_are_those_of_the_lab(tmp_path: Path, rpe: Campaign) -> None:
    tokyo = Settings(home=tmp_path, time_zone="Asia/Tokyo")
    journal = Journal(tokyo.journal_url)
    campaign_id = journal.create_campaign(rpe, "text", [], START)
    lab = open_lab(tokyo, journal, journal.state(campaign_id))
    [plan] = next_actions(journal.state(campaign_id), lab.clock.now())
    assert isinstance(plan, PlanRound)
    assert (plan.start.time(), plan.start.utcoffset()) == (
        rpe.protocol.steps[0].time_of_day,
        timedelta(hours=9),
    )
    with pytest.raises(ValidationError, match="expected a name such as Europe/Berlin"):
        Settings(time_zone="Tokio")
