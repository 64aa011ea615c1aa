"""The log of a virtual lab: every physical operation that its robots did.

It is kept on the robots' side of the line.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from protocols.jobs import Job, JobReport
from protocols.operations import Operation

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    key TEXT PRIMARY KEY, robot TEXT NOT NULL, job TEXT NOT NULL, report TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY, robot TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL,
    plate_id TEXT NOT NULL, well TEXT, operation TEXT NOT NULL,
    started_at TEXT NOT NULL, ended_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_plate ON operations (plate_id, well);
CREATE INDEX IF NOT EXISTS operations_key ON operations (key);
CREATE TABLE IF NOT EXISTS robots (name TEXT PRIMARY KEY, free_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults_done (fault TEXT PRIMARY KEY);
"""

_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


@dataclass(frozen=True)
class Performed:
    """An operation that was really done, with its times."""

    robot: str
    key: str
    position: int
    operation: Operation
    started_at: datetime
    ended_at: datetime


class RobotLog:
    """What the robots of one virtual lab did, in an SQLite file that outlives every process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        # A process may be killed at any instant and loses nothing; only a power cut could cost the
        # last entries.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def record_job(self, job: Job, report: JobReport) -> None:
        """Note that a robot took a job."""
        row = (job.key, job.robot, job.model_dump_json(), report.model_dump_json())
        self._database.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", row)

    def update_report(self, report: JobReport) -> None:
        """Note how far a job is."""
        self._database.execute(
            "UPDATE jobs SET report = ? WHERE key = ?", (report.model_dump_json(), report.key)
        )

    def report(self, key: str) -> JobReport | None:
        """The last report of a job, or None if no robot ever took it."""
        row = self._database.execute("SELECT report FROM jobs WHERE key = ?", (key,)).fetchone()
        return JobReport.model_validate_json(row[0]) if row else None

    def job(self, key: str) -> Job:
        """A job that a robot took."""
        (text,) = self._database.execute("SELECT job FROM jobs WHERE key = ?", (key,)).fetchone()
        return Job.model_validate_json(text)

    def running(self, robot: str) -> Iterator[JobReport]:
        """The jobs of a robot that were under way."""
        for (text,) in self._database.execute(
            "SELECT report FROM jobs WHERE robot = ?", (robot,)
        ).fetchall():
            report = JobReport.model_validate_json(text)
            if report.state == "running":
                yield report

    def record_operation(
        self,
        job: Job,
        position: int,
        well: str | None,
        started_at: datetime,
        ended_at: datetime,
        operation: Operation,
    ) -> None:
        """Note an operation that was done."""
        self._database.execute(
            "INSERT INTO operations (robot, key, position, plate_id, well, operation, started_at, "
            "ended_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.robot,
                job.key,
                position,
                job.plate_id,
                well,
                operation.model_dump_json(),
                started_at.isoformat(),
                ended_at.isoformat(),
            ),
        )

    def history(self, plate_id: str, well: str) -> list[Performed]:
        """Everything that was done to one well or its whole plate, in the order of time."""
        rows = self._database.execute(
            "SELECT robot, key, position, operation, started_at, ended_at FROM operations "
            "WHERE plate_id = ? AND (well = ? OR well IS NULL) ORDER BY started_at, id",
            (plate_id, well),
        )
        return [_performed(row) for row in rows.fetchall()]

    def of_job(self, key: str) -> list[Performed]:
        """The operations of one job that were done."""
        rows = self._database.execute(
            "SELECT robot, key, position, operation, started_at, ended_at FROM operations WHERE "
            "key = ? ORDER BY id",
            (key,),
        )
        return [_performed(row) for row in rows.fetchall()]

    def everything(self) -> list[Performed]:
        """Every operation of the lab, in the order in which they were noted."""
        rows = self._database.execute(
            "SELECT robot, key, position, operation, started_at, ended_at FROM operations ORDER "
            "BY id"
        )
        return [_performed(row) for row in rows.fetchall()]

    def free_at(self, robot: str) -> datetime | None:
        """When the robot's last operation ended."""
        row = self._database.execute(
            "SELECT free_at FROM robots WHERE name = ?", (robot,)
        ).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def set_free_at(self, robot: str, moment: datetime) -> None:
        """Note when the robot's last operation ended."""
        self._database.execute(
            "INSERT OR REPLACE INTO robots VALUES (?, ?)", (robot, moment.isoformat())
        )

    def take_fault(self, fault: str) -> bool:
        """Whether a fault that happens once has not happened yet; from now on it has."""
        return (
            self._database.execute(
                "INSERT OR IGNORE INTO faults_done VALUES (?)", (fault,)
            ).rowcount
            == 1
        )


def _performed(row: tuple[str, str, int, str, str, str]) -> Performed:
    robot, key, position, operation, started_at, ended_at = row
    return Performed(
        robot=robot,
        key=key,
        position=position,
        operation=_OPERATION.validate_python(json.loads(operation)),
        started_at=datetime.fromisoformat(started_at),
        ended_at=datetime.fromisoformat(ended_at),
    )
