"""The journal's tables. Rows are added and states move; events are only ever appended."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKeyConstraint, Index, UniqueConstraint, text, types
from sqlmodel import Field, SQLModel

BY_HAND = "by hand"
"""The scorer of an observation that a person entered; it counts before any other."""


OPEN_JOB = "state NOT IN ('done', 'failed', 'dropped')"
"""SQL: a job that is not over.

A plate's next one is found in an index of these, however many it has behind it.
"""


class Moment(types.TypeDecorator[datetime]):
    """A time with its zone, stored in UTC on every engine (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """To UTC."""
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """With its zone again."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class JournalRow(SQLModel, table=True):
    """Which journal this is; one row.

    `life` rises whenever the journal was brought back from an earlier state, and `branch` tells
    such a life from those of other copies. `unsettled` says why, until the jobs that may have been
    done since are in doubt. `place` is where it lies: see `Store.place`.
    """

    __tablename__ = "journal"

    id: int = Field(default=1, primary_key=True)
    identity: str
    life: int = 1
    branch: str = ""
    unsettled: str = ""
    place: str = ""


class CampaignRow(SQLModel, table=True):
    """One launch of a campaign file. `status`: running, paused, aborted, finished.

    `project`, `tags` and `archived` only say where people find it.
    """

    __tablename__ = "campaign"

    id: str = Field(primary_key=True)
    name: str = Field(index=True)
    status: str
    reason: str = ""
    definition: dict[str, Any] = Field(sa_type=JSON)
    file_text: str
    past: list[dict[str, Any]] = Field(sa_type=JSON)
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    project: str = ""
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    archived: bool = False


class RoundRow(SQLModel, table=True):
    """One batch. `status`: proposed (waits for approval), running, finished."""

    __tablename__ = "round"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    number: int = Field(primary_key=True)
    status: str
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)


class WellRow(SQLModel, table=True):
    """One well of a round with its proposal; `lost` says why it was lost, else it is empty.

    `requeued`: an operator wants its condition tried again in the next round that is planned.
    """

    __tablename__ = "well"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "round"], ["round.campaign_id", "round.number"]),
    )

    campaign_id: str = Field(primary_key=True)
    round: int = Field(primary_key=True)
    plate: int = Field(primary_key=True)
    well: str = Field(primary_key=True)
    number: int
    proposal: dict[str, Any] = Field(sa_type=JSON)
    lost: str = ""
    requeued: bool = False


class JobRow(SQLModel, table=True):
    """One job. `state`: planned, late, dispatched, accepted, done, failed, in_doubt, dropped."""

    __tablename__ = "job"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["campaign_id", "round"], ["round.campaign_id", "round.number"]),
        Index("job_of_round", "campaign_id", "round", "position"),
        Index(
            "open_job",
            "campaign_id",
            "round",
            "plate",
            "position",
            sqlite_where=text(OPEN_JOB),
            postgresql_where=text(OPEN_JOB),
        ),
    )

    key: str = Field(primary_key=True)
    campaign_id: str
    round: int
    position: int
    plate: int
    step: str
    robot: str
    due_at: datetime = Field(sa_type=Moment)
    begin_at: datetime | None = Field(
        default=None,
        sa_type=Moment,
        description="when the schedule has it begin; gives the order on its robot",
    )
    placed: bool = Field(
        default=False,
        description="the solver fixed its order; what follows is read again when it is done",
    )
    state: str
    attempt: int = 1
    cleared: bool = Field(
        default=False, description="an operator wants it done although it is late"
    )
    message: str = ""
    not_begun: list[dict[str, Any]] | None = Field(
        default=None,
        sa_type=JSON,
        description="of a job in doubt: the operations that were certainly not begun",
    )
    job: dict[str, Any] = Field(sa_type=JSON)
    dispatched_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def latest(self) -> datetime:
        """Until when it may begin, if nobody cleared it."""
        return self.due_at + timedelta(seconds=self.job["tolerance_s"])


class ReadingRow(SQLModel, table=True):
    """What an instrument returned for a well.

    An image lies at `path` below wellwise's home, with its SHA-256.
    """

    __tablename__ = "reading"
    __table_args__ = (Index("reading_of_round", "campaign_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    round: int
    plate: int
    well: str
    job_key: str = Field(foreign_key="job.key")
    kind: str
    path: str = ""
    sha256: str = ""
    number: float | None = None
    unit: str = ""
    scored: bool = False


class Derived(SQLModel):
    """The value derived from a reading, with its flags and the scorer that derived it."""

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    round: int
    plate: int
    well: str
    reading_id: int = Field(foreign_key="reading.id")
    value: float | None
    flags: list[str] = Field(sa_type=JSON)
    scorer: str
    scorer_version: str


class ObservationRow(Derived, table=True):
    """A value of the objective."""

    __tablename__ = "observation"
    __table_args__ = (Index("observation_of_round", "campaign_id", "round"),)


class MeasurementRow(Derived, table=True):
    """A value of an intermediate measurement; the latest of a well and name counts."""

    __tablename__ = "measurement"
    __table_args__ = (Index("measurement_of_round", "campaign_id", "round"),)

    name: str


class CovariateRow(SQLModel, table=True):
    """A covariate of a well: a number, or the label of a category; the latest of a name counts."""

    __tablename__ = "covariate"
    __table_args__ = (Index("covariate_of_round", "campaign_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    round: int
    plate: int
    well: str
    name: str
    number: float | None = None
    label: str = ""


class LeaseRow(SQLModel, table=True):
    """Who works on a campaign or a robot, until when (real time).

    `fence` rises with every new owner. From `home_fence` on they all were of one `home`.
    """

    __tablename__ = "lease"

    resource: str = Field(primary_key=True)
    owner: str
    fence: int
    home: str = ""
    home_fence: int = 0
    expires_at: datetime = Field(sa_type=Moment)


class OutageRow(SQLModel, table=True):
    """A robot that does not answer: since when, when it is asked again, and after how long."""

    __tablename__ = "outage"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    robot: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Moment)
    retry_at: datetime = Field(sa_type=Moment)
    wait_s: float
    message: str


class EventRow(SQLModel, table=True):
    """Something that happened: when (by the lab's clock), what, to what, who did it and why."""

    __tablename__ = "event"
    __table_args__ = (Index("event_of_campaign", "campaign_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id")
    at: datetime = Field(sa_type=Moment)
    kind: str
    subject: str
    who: str = "wellwise"
    message: str = ""
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class AccessTokenRow(SQLModel, table=True):
    """An access token of a person or program; only the SHA-256 of the secret is kept.

    `role` is that in the whole service, `projects` has those in single projects by their names.
    """

    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("digest", name="access_token_digest"),)

    id: str = Field(primary_key=True)
    person: str
    role: str
    projects: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    digest: str
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def roles(self) -> str:
        """What it allows, in words."""
        inside = [f"{role} in {name}" for name, role in sorted(self.projects.items())]
        return ", ".join(inside if self.role == "none" else [self.role, *inside])


class WebSessionRow(SQLModel, table=True):
    """A browser session that began with a token; it ends when the token is revoked."""

    __tablename__ = "web_session"

    digest: str = Field(primary_key=True)
    token_id: str = Field(foreign_key="access_token.id")
    expires_at: datetime = Field(sa_type=Moment)


class AuditRow(SQLModel, table=True):
    """What was done to tokens and by whom, in real time.

    What is done to a campaign is among its events.
    """

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=Moment)
    who: str
    act: str
    subject: str
    message: str = ""


class RequestRow(SQLModel, table=True):
    """A request with an idempotency key, and its answer; without one it was not finished."""

    __tablename__ = "request"

    person: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    at: datetime = Field(sa_type=Moment)
    status: int | None = None
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSON)
