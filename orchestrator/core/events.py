"""Events: every kind of entry in the journal's log."""

from enum import StrEnum

from orchestrator.core.state import JobStatus


class EventKind(StrEnum):
    """What happened. The words are part of journal, exports and API, and never change."""

    CAMPAIGN_CREATED = "campaign_created"
    CAMPAIGN_RUNNING = "campaign_running"
    CAMPAIGN_PAUSED = "campaign_paused"
    CAMPAIGN_ABORTED = "campaign_aborted"
    CAMPAIGN_FINISHED = "campaign_finished"
    ROUNDS_SET = "rounds_set"
    CAMPAIGN_CHANGED = "campaign_changed"
    CAMPAIGN_FILED = "campaign_filed"
    CAMPAIGN_ARCHIVED = "campaign_archived"
    CAMPAIGN_UNARCHIVED = "campaign_unarchived"
    CLOCK_MOVED = "clock_moved"
    NOTICE = "notice"

    ROUND_PLANNED = "round_planned"
    ROUND_APPROVED = "round_approved"
    ROUND_FINISHED = "round_finished"
    RESCHEDULED = "rescheduled"
    PROPOSAL_EDITED = "proposal_edited"

    JOB_PLANNED = "job_planned"
    JOB_LATE = "job_late"
    JOB_DISPATCHED = "job_dispatched"
    JOB_ACCEPTED = "job_accepted"
    JOB_DONE = "job_done"
    JOB_FAILED = "job_failed"
    JOB_DROPPED = "job_dropped"
    JOB_IN_DOUBT = "job_in_doubt"
    TELEMETRY = "telemetry"

    ITEMS_CONFIRMED = "items_confirmed"
    ITEMS_READ = "items_read"
    ITEMS_TAKEN_BACK = "items_taken_back"
    WELL_WENT_WRONG = "well_went_wrong"

    WELL_LOST = "well_lost"
    WELL_REQUEUED = "well_requeued"
    WELL_EXCLUDED = "well_excluded"
    VALUE_ENTERED = "value_entered"
    COVARIATE_RECORDED = "covariate_recorded"
    VALUES_AWAITED = "values_awaited"
    READINGS_ENTERED = "readings_entered"
    OBSERVATION = "observation"
    MEASUREMENT = "measurement"
    RESCORED = "rescored"

    SUGGESTED = "suggested"
    SUGGESTION_TAKEN = "suggestion_taken"
    SUGGESTION_DECLINED = "suggestion_declined"

    ROBOT_OFFLINE = "robot_offline"
    ROBOT_BACK = "robot_back"
    ROBOT_STOPPED = "robot_stopped"
    ROBOT_NOT_STOPPED = "robot_not_stopped"
    STOP_REQUESTED = "stop_requested"
    HANDED_OVER = "handed_over"
    ROBOT_CONFIGURED = "robot_configured"
    ROBOT_REFILLED = "robot_refilled"
    WORKER_LOST = "worker_lost"

    @classmethod
    def of_job(cls, status: JobStatus) -> "EventKind":
        """The event of a job's move to a state."""
        return _OF_JOB[status]


_OF_JOB = {status: EventKind(f"job_{status.value}") for status in JobStatus}
