"""The refusal of a job that a robot cannot do."""

from drivers.base import Capabilities, JobRefused
from protocols.jobs import Job


def refuse_unfit(robot: str, able: Capabilities, job: Job) -> None:
    """Do nothing if a robot can do a job.

    Raises:
        JobRefused: it cannot, with every reason.
    """
    reasons = list(able.refusals(job))
    if reasons:
        raise JobRefused(f"robot {robot}: {'; '.join(reasons)}")
