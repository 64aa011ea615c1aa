"""The job book: which jobs a device was given and how far they are, on its computer's disk.

For devices that keep no record themselves.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from protocols.jobs import Job, JobReport, Reading

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (key TEXT PRIMARY KEY, job TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operations (
    key TEXT NOT NULL, position INTEGER NOT NULL, done INTEGER NOT NULL, reading TEXT, PRIMARY KEY
    (key, position)
);
"""


class JobBook:
    """Jobs and operations of one device, in an SQLite file.

    An operation is written down before it begins.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def take(self, job: Job) -> None:
        """Note that the device was given a job; a key that is known changes nothing."""
        report = JobReport(key=job.key, state="running")
        row = (job.key, job.model_dump_json(), report.model_dump_json())
        self._database.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?)", row)

    def write(self, report: JobReport) -> None:
        """Note the state of a job."""
        self._database.execute(
            "UPDATE jobs SET report = ? WHERE key = ?", (report.model_dump_json(), report.key)
        )

    def stop(self, at: datetime) -> None:
        """Note that everything under way was stopped by the operator."""
        ended = {"state": "failed", "message": "stopped by the operator", "ended_at": at}
        for _, report in self.running():
            self.write(report.model_copy(update=ended))

    def report(self, key: str) -> JobReport | None:
        """The state of a job, with its operations and readings so far; None if never taken."""
        row = self._database.execute("SELECT report FROM jobs WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        report = JobReport.model_validate_json(row[0])
        done = self._database.execute(
            "SELECT reading FROM operations WHERE key = ? AND done ORDER BY position", (key,)
        ).fetchall()
        readings = tuple(Reading.model_validate_json(text) for (text,) in done if text)
        return report.model_copy(update={"operations_done": len(done), "readings": readings})

    def job(self, key: str) -> Job:
        """A job that was taken."""
        (text,) = self._database.execute("SELECT job FROM jobs WHERE key = ?", (key,)).fetchone()
        return Job.model_validate_json(text)

    def running(self) -> Iterator[tuple[Job, JobReport]]:
        """Jobs that are not over."""
        for key, text in self._database.execute(
            "SELECT key, job FROM jobs ORDER BY rowid"
        ).fetchall():
            report = self.report(key)
            if report is not None and report.state == "running":
                yield Job.model_validate_json(text), report

    def begin(self, key: str, position: int) -> None:
        """Note that an operation begins."""
        self._database.execute(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, 0, NULL)", (key, position)
        )

    def end(self, key: str, position: int, reading: Reading | None) -> None:
        """Note that an operation is done, and what it read."""
        text = reading.model_dump_json() if reading is not None else None
        self._database.execute(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, 1, ?)", (key, position, text)
        )

    def forget(self, key: str, position: int) -> None:
        """Note that an operation that was begun is certain not to have been done properly."""
        self._database.execute(
            "DELETE FROM operations WHERE key = ? AND position = ?", (key, position)
        )

    def done(self, key: str) -> set[int]:
        """The operations of a job that are done."""
        rows = self._database.execute(
            "SELECT position FROM operations WHERE key = ? AND done", (key,)
        )
        return {position for (position,) in rows}

    def begun(self, key: str) -> int | None:
        """The operation of a job that was begun and never ended."""
        row = self._database.execute(
            "SELECT position FROM operations WHERE key = ? AND NOT done ORDER BY position", (key,)
        ).fetchone()
        return None if row is None else int(row[0])
