import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drivers.base import KeyMemory
from orchestrator import control
from orchestrator.advance import advance
from orchestrator.errors import Conflict, JournalError, LeaseLost, Owned
from orchestrator.journal import Journal
from orchestrator.lab import Lab, open_lab
from orchestrator.lifecycle import AskOperator, next_actions
from orchestrator.settings import Settings
from orchestrator.state import JobStatus
from protocols.campaign import Campaign
from tests import crash
from tests.conftest import START
from tests.test_dispatch import performed
from tests.test_journal import planned

KEY = "rpe/r1/p1/A/1"


def lab_of(home: Path, campaign: Campaign) -> tuple[Lab, str]:
    journal, campaign_id = planned(home, campaign)
    return open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id


def small_lab(home: Path, memory: KeyMemory = KeyMemory.REMEMBERS_KEYS) -> tuple[Lab, str]:
    return lab_of(home, crash.campaign(memory))


def last(lab: Lab, campaign_id: str) -> tuple[str, str, str]:
    event = lab.journal.events(campaign_id)[-1]
    return event.kind, event.who, event.message


def test_a_paused_campaign_sends_nothing_and_goes_on_when_asked(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    control.pause(lab, campaign_id, "ada", "the incubator is open")
    assert last(lab, campaign_id) == ("campaign_paused", "ada", "the incubator is open")
    assert next_actions(lab.journal.state(campaign_id), START) == []
    control.unpause(lab, campaign_id, "ada", "closed")
    assert next_actions(lab.journal.state(campaign_id), START) != []


def test_an_aborted_campaign_stays_aborted(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    control.abort(lab, campaign_id, "ada", "contaminated")
    with pytest.raises(JournalError, match="is aborted: it cannot become running"):
        control.unpause(lab, campaign_id, "ada", "no")


def test_robots_are_stopped_before_the_campaign(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path, rpe)
    assert asyncio.run(control.stop_now(lab, campaign_id, "ada", "smoke")) == {}
    kinds = [event.kind for event in lab.journal.events(campaign_id)][-3:]
    assert kinds == ["robot_stopped", "robot_stopped", "campaign_paused"]


def test_a_job_that_nobody_ran_in_time_waits_for_a_person(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    asyncio.run(lab.clock.sleep_until(START + timedelta(hours=30)))
    outlook = asyncio.run(advance(lab, campaign_id))
    assert performed(tmp_path) == 0 if (tmp_path / "virtual-labs").exists() else True
    assert [question.key for question in outlook.questions] == ["crash/r1/p1/react/1", "crash/r1/p2/react/1"]
    assert "30.0 h late" in outlook.questions[0].message
    with pytest.raises(JournalError, match="was never sent"):
        control.decide(lab, "crash/r1/p1/react/1", "done", "ada", "it looks fine")
    control.decide(lab, "crash/r1/p1/react/1", "again", "ada", "the enzyme keeps")
    control.decide(lab, "crash/r1/p2/react/1", "failed", "ada", "spoilt")
    outlook = asyncio.run(advance(lab, campaign_id))
    assert lab.journal.job("crash/r1/p1/react/1")[1].status is JobStatus.DONE
    assert lab.journal.state(campaign_id).rounds[0].lost_wells(2) == {"A1", "A2"}


def test_a_doubt_is_decided_with_its_failed_wells(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    key = "crash/r1/p1/react/1"
    lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    lab.journal.move_job(key, JobStatus.DISPATCHED, JobStatus.IN_DOUBT, START, "cannot say")
    with pytest.raises(JournalError, match="does not work on H12"):
        control.decide(lab, key, "done", "ada", "typo", ["H12"])
    control.decide(lab, key, "done", "ada", "A2 is empty", ["A2"])
    assert lab.journal.state(campaign_id).rounds[0].lost_wells(1) == {"A2"}
    with pytest.raises(Conflict):
        control.decide(lab, key, "failed", "ada", "second thought")


def test_one_owner_at_a_time_and_a_stale_one_writes_nothing(tmp_path: Path, assay: Campaign) -> None:
    first, campaign_id = planned(tmp_path, assay)
    second = Journal(first.url)
    first.own(campaign_id, "first", 60)
    first.own(campaign_id, "first", 60)
    with pytest.raises(Owned, match="is carried on by first"):
        second.own(campaign_id, "second", 60)
    first.own(campaign_id, "first", -1)
    second.own(campaign_id, "second", 60)
    key = first.state(campaign_id).rounds[0].jobs[0].key
    before = len(first.events(campaign_id))
    with pytest.raises(LeaseLost, match="this one writes nothing more"):
        first.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    assert len(first.events(campaign_id)) == before
    second.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    second.release(campaign_id)
    first.own(campaign_id, "first", 60)


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
    crash.carry(tmp_path, lab.journal.url, campaign_id)
    before = lab.journal.state(campaign_id).rounds[0].wells
    control.correct_well(lab, campaign_id, (1, 1, "A1"), 0.77, "ada", "glare on the image")
    control.correct_well(lab, campaign_id, (1, 1, "A2"), None, "ada", "bubble")
    first, second, *others = lab.journal.state(campaign_id).rounds[0].wells
    assert (first.value, first.flags) == (0.77, ())
    assert (second.value, second.flags) == (before[1].value, ("excluded",))
    assert others == list(before[2:])
    usable = [o for o in lab.journal.state(campaign_id).observations if o.usable]
    assert len(usable) == 3
    with pytest.raises(JournalError, match=r"1\.7 is not a ratio"):
        control.correct_well(lab, campaign_id, (1, 1, "A1"), 1.7, "ada", "typo")
    with pytest.raises(JournalError, match="there is no well"):
        control.correct_well(lab, campaign_id, (1, 1, "H12"), 0.5, "ada", "typo")


def test_a_second_campaign_in_the_same_virtual_lab_begins_at_its_own_time(tmp_path: Path) -> None:
    lab, first = small_lab(tmp_path)
    crash.carry(tmp_path, lab.journal.url, first)
    second = lab.journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    crash.carry(tmp_path, lab.journal.url, second)
    assert lab.journal.events(second, kinds=["job_late"]) == []
    assert lab.journal.state(second).rounds[0].started_at == START
    values = [[well.value for well in lab.journal.state(name).rounds[0].wells] for name in (first, second)]
    assert values[0] == values[1]


def test_rounds_are_raised_after_the_end_and_never_below_what_has_begun(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path)
    crash.carry(tmp_path, lab.journal.url, campaign_id)
    with pytest.raises(JournalError, match="0 rounds are too few: 1 have begun"):
        control.set_rounds(lab, campaign_id, 0, "ada", "typo")
    control.set_rounds(lab, campaign_id, 2, "ada", "promising")
    assert last(lab, campaign_id) == ("rounds_set", "ada", "promising")
    crash.carry(tmp_path, lab.journal.url, campaign_id)
    state = lab.journal.state(campaign_id)
    assert (state.status, len(state.rounds)) == ("finished", 2)


class JobLife(RuleBasedStateMachine):
    """One job under any interleaving of two owners, crashes, a robot, and an operator."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.home = Path(tempfile.mkdtemp())
        self.journal, self.campaign_id = planned(self.home, crash.campaign(KeyMemory.CANNOT_SAY))
        self.key = "crash/r1/p1/react/1"
        self.heard = 0
        self.given_up = False

    @property
    def status(self) -> JobStatus:
        return self.journal.job(self.key)[1].status

    @precondition(lambda self: self.status is JobStatus.PLANNED)
    @rule(heard=st.booleans(), crash=st.booleans())
    def dispatch(self, heard: bool, crash: bool) -> None:
        self.journal.move_job(self.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
        self.heard += heard
        if not crash and heard:
            self.journal.move_job(self.key, JobStatus.DISPATCHED, JobStatus.ACCEPTED, START)

    @precondition(lambda self: self.status.in_flight)
    @rule()
    def reconcile(self) -> None:
        self.journal.move_job(self.key, self.status, JobStatus.IN_DOUBT, START, "cannot say")

    @precondition(lambda self: self.status is JobStatus.ACCEPTED)
    @rule()
    def finish(self) -> None:
        self.journal.finish_job(self.key, JobStatus.ACCEPTED, JobStatus.DONE, START, "", {}, [])

    @precondition(lambda self: self.status is JobStatus.IN_DOUBT)
    @rule()
    def decide_by_looking(self) -> None:
        decision: control.Decision = "done" if self.heard else "again"
        self.journal.decide(self.key, decision, START, "ada", "seen")

    @precondition(lambda self: self.status is JobStatus.IN_DOUBT)
    @rule()
    def give_up(self) -> None:
        self.journal.decide(self.key, "failed", START, "ada", "seen")
        self.given_up = True

    @rule(origin=st.sampled_from(list(JobStatus)), to=st.sampled_from(list(JobStatus)))
    def a_late_write_changes_nothing(self, origin: JobStatus, to: JobStatus) -> None:
        if origin is not self.status:
            with pytest.raises(Conflict):
                self.journal.move_job(self.key, origin, to, START)

    @rule(status=st.sampled_from(["running", "paused"]))
    def pause_or_resume(self, status: str) -> None:
        self.journal.set_status(self.campaign_id, status, START, "ada", "")  # type: ignore[arg-type]

    @rule()
    def crash_and_reopen(self) -> None:
        self.journal.close()
        self.journal = Journal(self.journal.url)

    @invariant()
    def the_robot_heard_it_at_most_once(self) -> None:
        assert self.heard <= 1

    @invariant()
    def a_done_job_was_heard(self) -> None:
        assert self.status is not JobStatus.DONE or self.heard == 1

    @invariant()
    def wells_are_lost_only_when_given_up(self) -> None:
        lost = self.journal.state(self.campaign_id).rounds[0].lost_wells(1)
        assert bool(lost) == self.given_up

    @invariant()
    def a_job_in_doubt_is_asked_about_and_never_sent(self) -> None:
        state = self.journal.state(self.campaign_id)
        if state.status == "running" and self.status is JobStatus.IN_DOUBT:
            actions = [action for action in next_actions(state, START) if getattr(action, "key", "") == self.key]
            assert [type(action) for action in actions] == [AskOperator]

    def teardown(self) -> None:
        self.journal.close()


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=20, stateful_step_count=15)
