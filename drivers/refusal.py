"""Refusals: of jobs that a robot cannot do, and of drivers for another contract version."""

from drivers.base import DRIVER_API, Capabilities, DriverError, JobRefused
from protocols.jobs import Job


def refuse_unfit(robot: str, able: Capabilities, job: Job) -> None:
    """Do nothing if a robot can do a job.

    Raises:
        JobRefused: it cannot, with every reason.
    """
    reasons = list(able.refusals(job))
    if reasons:
        raise JobRefused(f"robot {robot}: {'; '.join(reasons)}")


def refuse_other_contract(name: str, driver: type) -> None:
    """Do nothing if a driver is for this version of the contract, or declares none.

    Raises:
        DriverError: it declares another `driver_api`.
    """
    declared = getattr(driver, "driver_api", DRIVER_API)
    if declared != DRIVER_API:
        older = isinstance(declared, int) and declared < DRIVER_API
        remedy = (
            f"install a newer version of the driver {name}" if older else "install a newer wellwise"
        )
        raise DriverError(
            f"driver {name!r} is written for version {declared} of the driver contract, "
            f"and this wellwise has version {DRIVER_API}: {remedy}"
        )
