"""The manual driver: a person as a robot.

A job becomes a checklist whose items the person does and confirms.
"""

from datetime import timedelta
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Capabilities, KeyMemory, RobotOffline, RobotSetup
from drivers.capabilities import Limits
from drivers.checklist import book_path
from drivers.job_book import JobBook
from drivers.refusal import refuse_unfit
from protocols.jobs import Job, JobReport
from protocols.labware import known_labware
from protocols.operations import OPERATIONS


class ManualOptions(BaseModel):
    """Options of a person in a campaign or lab file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: str = Field("", description="who is meant, for checklists and reminders")
    remind_after_h: float = Field(
        1.0, gt=0, description="hours after the job was due when the reminder begins"
    )


class ManualRobot:
    """A person at the bench: jobs become checklists, confirmed with `wellwise manual`.

    The checklist lies in the job book below wellwise's home, so any process on this computer may
    confirm items; what was confirmed is kept whatever happens to wellwise.
    """

    Options: ClassVar[type[BaseModel]] = ManualOptions
    simulated: ClassVar[bool] = False

    def __init__(self, setup: RobotSetup) -> None:
        self._setup = setup
        self._options: ManualOptions = setup.options
        self._book: JobBook | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Everything, within the lab's limits: what is read is given with `Checklist.read`."""
        able: Limits = {kind: {} for kind in OPERATIONS}
        everything = Capabilities(
            operations=able,
            labware=frozenset(known_labware()),
            defined_labware=True,
            memory=KeyMemory.REMEMBERS_KEYS,
        )
        return everything.narrowed(self._setup.limits)

    async def connect(self) -> None:
        """Open the job book."""
        if self._book is None:
            self._book = JobBook(
                book_path(self._setup.home, self._setup.name),
                now=self._setup.clock.now(),
                journal=self._setup.journal,
            )

    async def submit(self, job: Job) -> None:
        """Put a checklist on the person's table."""
        book = self._opened()
        refuse_unfit(self._setup.name, self.capabilities, job)
        book.take(job)

    async def poll(self, key: str) -> JobReport:
        """How many items are confirmed; a reminder once it is late."""
        book = self._opened()
        report = book.report(key)
        if report is None:
            return book.never_took(key)
        if report.state != "running":
            return report
        reminder = self._reminder(book.job(key))
        return report.model_copy(update={"message": reminder})

    async def stop(self) -> None:
        """Take the checklists away."""
        book = self._opened()
        book.stop(self._setup.clock.now())

    async def close(self) -> None:
        """Close the job book; the checklists stay."""
        if self._book is not None:
            self._book.close()
            self._book = None

    def _opened(self) -> JobBook:
        if self._book is None:
            raise RobotOffline(f"robot {self._setup.name} is not connected")
        return self._book

    def _reminder(self, job: Job) -> str:
        late = self._setup.clock.now() - job.due_at
        if late < timedelta(hours=self._options.remind_after_h):
            return ""
        until = job.latest
        who = self._options.person or self._setup.name
        return (
            f"{who} is reminded: it was due at {job.due_at:%Y-%m-%d %H:%M}, and may be begun "
            f"until {until:%H:%M}"
        )
