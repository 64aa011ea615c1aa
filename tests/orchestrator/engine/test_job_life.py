from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drivers.base import KeyMemory
from orchestrator.core.lifecycle import AskOperator, ExecuteJob, next_actions
from orchestrator.core.state import Decision, JobStatus
from orchestrator.errors import Conflict, Halted, JournalError
from orchestrator.journal.journal import Journal
from tests import acting
from tests.builders import small_lab
from tests.conftest import START


class JobLife(RuleBasedStateMachine):
    """One job under any interleaving of two owners, crashes, a robot, and an operator."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.home = Path(tempfile.mkdtemp())
        self.lab, self.campaign_id = small_lab(self.home, KeyMemory.CANNOT_SAY)
        self.key = "crash/r1/p1/react/1"
        self.received = 0
        self.given_up = False

    @property
    def journal(self) -> Journal:
        return self.lab.journal

    @property
    def status(self) -> JobStatus:
        return self.journal.job(self.key)[1].status

    @property
    def campaign_status(self) -> str:
        return self.journal.status(self.campaign_id)

    @precondition(
        lambda self: self.status is JobStatus.PLANNED and self.campaign_status != "running"
    )
    @rule()
    def dispatch_is_refused(self) -> None:
        with pytest.raises(Halted):
            self.journal.move_job(self.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)

    @precondition(
        lambda self: self.status is JobStatus.PLANNED and self.campaign_status == "running"
    )
    @rule(received=st.booleans(), crash=st.booleans())
    def dispatch(self, received: bool, crash: bool) -> None:
        self.journal.move_job(self.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
        self.received += received
        if not crash and received:
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
        decision: Decision = "done" if self.received else "again"
        acting.decide(self.lab, self.key, decision, "ada", "seen")

    @precondition(lambda self: self.status is JobStatus.IN_DOUBT)
    @rule()
    def give_up(self) -> None:
        acting.decide(self.lab, self.key, "failed", "ada", "seen")
        self.given_up = True

    @rule(origin=st.sampled_from(list(JobStatus)), to=st.sampled_from(list(JobStatus)))
    def a_late_write_changes_nothing(self, origin: JobStatus, to: JobStatus) -> None:
        if origin is not self.status:
            with pytest.raises((Conflict, Halted)):
                self.journal.move_job(self.key, origin, to, START)

    @precondition(lambda self: self.campaign_status != "aborted")
    @rule(act=st.sampled_from([acting.pause, acting.resume, acting.resume, acting.abort]))
    def steer(self, act: Callable[..., None]) -> None:
        act(self.lab, self.campaign_id, "ada", "seen")

    @precondition(lambda self: self.campaign_status == "aborted")
    @rule()
    def nobody_wakes_an_aborted_campaign(self) -> None:
        with pytest.raises(JournalError, match="is aborted"):
            acting.resume(self.lab, self.campaign_id, "ada", "seen")

    @rule()
    def crash_and_reopen(self) -> None:
        self.journal.close()
        self.lab = replace(self.lab, journal=Journal(self.journal.url))

    @invariant()
    def the_robot_received_it_at_most_once(self) -> None:
        assert self.received <= 1

    @invariant()
    def a_done_job_was_received(self) -> None:
        assert self.status is not JobStatus.DONE or self.received == 1

    @invariant()
    def wells_are_lost_only_when_given_up(self) -> None:
        lost = self.journal.state(self.campaign_id).rounds[0].lost_wells(1)
        assert bool(lost) == self.given_up

    @invariant()
    def the_last_event_of_the_job_is_its_state(self) -> None:
        kinds = [
            event.kind
            for event in self.journal.events(self.campaign_id)
            if event.subject == self.key
        ]
        assert kinds[-1:] == ([f"job_{self.status.value}"] if kinds else [])

    @invariant()
    def a_campaign_that_does_not_run_plans_and_sends_nothing(self) -> None:
        if self.campaign_status != "running":
            actions = next_actions(self.journal.state(self.campaign_id), START)
            assert all(isinstance(action, ExecuteJob) for action in actions)
            assert bool(actions) == self.status.in_flight

    @invariant()
    def a_job_in_doubt_is_asked_about_and_never_sent(self) -> None:
        state = self.journal.state(self.campaign_id)
        if state.status == "running" and self.status is JobStatus.IN_DOUBT:
            actions = [
                action
                for action in next_actions(state, START)
                if getattr(action, "key", "") == self.key
            ]
            assert [type(action) for action in actions] == [AskOperator]

    def teardown(self) -> None:
        self.journal.close()


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=20, stateful_step_count=20)
