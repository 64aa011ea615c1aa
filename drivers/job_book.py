"""The job book: which jobs a device was given and how far they are, on its computer's disk.

For devices that keep no record themselves, or none that lasts.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from drivers.base import DriverError, FencedOff, KeyConflict, RobotOffline, RobotSetup
from drivers.file_identity import file_identity, is_copy
from protocols.jobs import Job, JobReport, Reading

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (key TEXT PRIMARY KEY, job TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operations (
    key TEXT NOT NULL, position INTEGER NOT NULL, done INTEGER NOT NULL, reading TEXT, PRIMARY KEY
    (key, position)
);
CREATE TABLE IF NOT EXISTS fences (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS notes (key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (key, name));
CREATE TABLE IF NOT EXISTS kept (since TEXT NOT NULL);
"""


_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises of a book, the second where its own messages quote what is damaged."""

_Written = TypeVar("_Written", bound=BaseModel)


class BookNotWritten(RobotOffline):
    """The disk of a job book takes nothing just now: what was to be written is not in it."""


class JobBook:
    """Jobs and operations of one device, in an SQLite file that is on the disk when a call returns.

    An operation is written down before it begins. With `owner` (the name of the robot) the book is
    that of one living driver: another one that opens it is refused while this process lives, and an
    owner with an older fence begins nothing more. A book knows of what was done through itself: of
    what was under way when it was copied, or when others had the robot, nobody knows any more.
    """

    def __init__(
        self,
        path: Path,
        owner: str = "",
        fence: int = 0,
        now: datetime | None = None,
        journal: str | None = None,
        home_fence: int = 0,
    ) -> None:
        """Open the book, or begin one.

        Args:
            path: its file.
            owner: the robot, for its driver.
            fence: the number of this owner; 0 if it has none.
            now: by the lab's clock, of who goes on with what the book has: noted as its begin.
            journal: see `RobotSetup`, as `home_fence` is.

        Raises:
            RobotOffline: another living driver has the robot.
            FencedOff: a newer owner had it.
            DriverError: the file cannot be read.
        """
        self._path, self._owner, self._fence = path, owner, fence
        self._lock: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=2 if owner else 30
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
        except _UNREADABLE as error:
            if _sound(error):
                raise self._not_written(error) from None
            raise self._damaged(error) from None
        except OSError as error:
            raise self._not_written(error) from None
        try:
            if owner:
                self._become_owner()
            if now is not None:
                with self._fenced():
                    self._take_up(now, journal, home_fence)
        except DriverError:
            self.close()
            raise

    @classmethod
    def of(cls, setup: RobotSetup) -> Self:
        """The book of a robot, for its driver; raises what `JobBook` does."""
        return cls(
            setup.book_path,
            setup.name,
            setup.fence,
            setup.clock.now(),
            setup.journal,
            setup.home_fence,
        )

    def _take_up(self, now: datetime, journal: str | None, home_fence: int) -> None:
        """Go on with the book as far as it still tells what was done; in a transaction."""
        here, known = file_identity(self._path), self.noted("", "file")
        shared = f"home_fence {journal}"
        why = ""
        if known and is_copy(known, here):
            why = "its job book is a copy, or one that was put back"
        elif home_fence > int(self.noted("", shared) or 0):
            why = "the robot was driven from another home meanwhile"
        if why:
            self._run("DELETE FROM kept")
        # A book of before its begin was noted has jobs, and nothing was taken out of it.
        if why or not self._run("SELECT 1 FROM kept UNION SELECT 1 FROM jobs LIMIT 1"):
            self._run("INSERT INTO kept VALUES (?)", (now.isoformat(),))
            self.note("", "kept since owner", str(self._fence))
        another = "its journal was brought back, or another one has the robot now"
        for job, report in self.running():
            if reason := why or (another if journal and journal_of(job.key) != journal else ""):
                message = f"{reason}: nobody knows what was done since"
                self.write(report.model_copy(update={"state": "in_doubt", "message": message}))
        self.note("", "file", here)
        self.note("", shared, str(home_fence))

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of a statement.

        Raises:
            BookNotWritten: it was not done, such as on a full disk.
            DriverError: the book is damaged.
        """
        try:
            return self._database.execute(statement, values).fetchall()
        except _UNREADABLE as error:
            if _sound(error):
                raise self._not_written(error) from None
            raise self._damaged(error) from None

    def _read(self, kind: type[_Written], text: str) -> _Written:
        try:
            return kind.model_validate_json(text)
        except ValidationError:
            raise self._damaged("an entry is no entry") from None

    def _not_written(self, why: Exception) -> RobotOffline:
        if getattr(why, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            # Such as by a process that was put to sleep while it wrote.
            name = self._owner or self._path.stem
            return BookNotWritten(f"robot {name} is held by process {self._holder()}: {why}")
        return BookNotWritten(
            f"the job book {self._path} cannot be written ({why}): nothing is begun before it can. "
            "Make room on its disk, or make it writable"
        )

    def _damaged(self, why: object) -> DriverError:
        return DriverError(
            f"the job book {self._path} cannot be read ({why}): nothing was sent. Bring it back "
            "from a backup, or move it away to begin a new one: of jobs in it that are under way a "
            "person is then asked"
        )

    def _become_owner(self) -> None:
        self._hold_off_older()
        if self._fence:
            # Before the lock: from here on an older owner that still lives begins nothing more.
            self._run("INSERT OR IGNORE INTO fences VALUES (?)", (self._fence,))
        # An exclusive transaction that never ends: the kernel ends it with the process.
        lock = sqlite3.connect(
            self._path.with_suffix(".lock"),
            isolation_level=None,
            check_same_thread=False,
            timeout=0,
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            raise RobotOffline(f"robot {self._owner} is held by process {self._holder()}") from None
        self._lock = lock
        try:
            self._path.with_suffix(".holder").write_text(str(os.getpid()), encoding="utf-8")
        except OSError as error:
            raise self._not_written(error) from None

    def _holder(self) -> str:
        holder = self._path.with_suffix(".holder")
        return holder.read_text(encoding="utf-8") if holder.is_file() else "that is not known"

    def _hold_off_older(self) -> None:
        """Raise `FencedOff` if a newer owner has the robot; also inside a transaction."""
        ((newest,),) = self._run("SELECT MAX(number) FROM fences")
        if self._owner and newest is not None and 0 < self._fence < newest:
            raise FencedOff(
                f"robot {self._owner} has a newer owner (fence {newest}, this one has "
                f"{self._fence})",
                newest,
            )

    def close(self) -> None:
        """Close the file, and let the robot go."""
        self._database.close()
        self.let_go()

    def let_go(self) -> None:
        """Let another driver have the robot; the book can still be read."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    @contextlib.contextmanager
    def _fenced(self) -> Iterator[None]:
        """Write only if no newer owner has the robot: both are one transaction."""
        self._run("BEGIN IMMEDIATE")
        try:
            self._hold_off_older()
            yield
            self._run("COMMIT")
        except BaseException:
            # A full disk has ended it already, or has not.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def take(self, job: Job) -> bool:
        """Note that the device was given a job; returns whether it is new.

        Raises:
            KeyConflict: its key is that of a job with another content.
            FencedOff: a newer owner has the robot.
        """
        report = JobReport(key=job.key, state="running")
        row = (job.key, job.model_dump_json(), report.model_dump_json())
        with self._fenced():
            new = self._run("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?) RETURNING key", row)
            if not new and (known := self.job(job.key)).content != job.content:
                raise KeyConflict(
                    f"robot {self._owner or job.robot} has another job under the key {job.key}: "
                    f"{_in_short(known)}, not {_in_short(job)}; nothing was done"
                )
        return bool(new)

    def drop(self, key: str) -> None:
        """Forget a job of which it is certain that the device never got it."""
        for table in ("jobs", "operations", "notes"):
            self._run(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608

    def write(self, report: JobReport) -> None:
        """Note the state of a job; its readings are noted with its operations."""
        text = report.model_copy(update={"readings": ()}).model_dump_json()
        self._run("UPDATE jobs SET report = ? WHERE key = ?", (text, report.key))

    def stop(self, at: datetime) -> None:
        """Note that everything under way was stopped by the operator."""
        ended = {"state": "failed", "message": "stopped by the operator", "ended_at": at}
        for _, report in self.running():
            self.write(report.model_copy(update=ended))

    def report(self, key: str) -> JobReport | None:
        """The state of a job, with its operations so far; None if never taken.

        Its readings come when it is not under way any more: images are large, and who waits for the
        end asks often.
        """
        rows = self._run("SELECT report, job FROM jobs WHERE key = ?", (key,))
        if not rows:
            return None
        report = self._read(JobReport, rows[0][0])
        readings = () if report.state == "running" else tuple(self._readings(key))
        return report.model_copy(
            update={
                "operations_done": len(self.done(key)),
                "readings": readings,
                "content": self._read(Job, rows[0][1]).content,
            }
        )

    def never_took(self, key: str) -> JobReport:
        """What is said of a job that is not in the book: unknown, since the book is kept."""
        rows = self._run("SELECT since FROM kept")
        since = datetime.fromisoformat(rows[0][0]) if rows else None
        owner = int(self.noted("", "kept since owner") or 0)
        return JobReport(
            key=key, state="unknown", remembers_since=since, remembers_since_owner=owner
        )

    def _readings(self, key: str) -> Iterator[Reading]:
        rows = self._run(
            "SELECT reading FROM operations WHERE key = ? AND done ORDER BY position", (key,)
        )
        return (self._read(Reading, text) for (text,) in rows if text)

    def job(self, key: str) -> Job:
        """A job that was taken."""
        ((text,),) = self._run("SELECT job FROM jobs WHERE key = ?", (key,))
        return self._read(Job, text)

    def taken(self) -> list[Job]:
        """Every job that was taken, in their order."""
        rows = self._run("SELECT job FROM jobs ORDER BY rowid")
        return [self._read(Job, text) for (text,) in rows]

    def running(self) -> Iterator[tuple[Job, JobReport]]:
        """Jobs that are not over."""
        under_way = "SELECT key, job FROM jobs WHERE json_extract(report, '$.state') = 'running'"
        for key, text in self._run(f"{under_way} ORDER BY rowid"):
            report = self.report(key)
            if report is not None:
                yield self._read(Job, text), report

    def note(self, key: str, name: str, value: str) -> None:
        """Keep something about a job, such as what its device calls it."""
        self._run("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (key, name, value))

    def noted(self, key: str, name: str) -> str:
        """What was kept under this name; nothing if nothing was."""
        rows = self._run("SELECT value FROM notes WHERE key = ? AND name = ?", (key, name))
        return str(rows[0][0]) if rows else ""

    def notes_of(self, key: str) -> dict[str, str]:
        """Everything that was kept about a job, by name."""
        return dict(self._run("SELECT name, value FROM notes WHERE key = ?", (key,)))

    def notes(self, name: str) -> list[tuple[str, str]]:
        """What was kept under this name: the key of each job, and its value, in their order."""
        rows = self._run("SELECT key, value FROM notes WHERE name = ? ORDER BY rowid", (name,))
        return [(str(key), str(value)) for key, value in rows]

    def begin(self, key: str, position: int) -> None:
        """Note that an operation begins.

        Raises:
            FencedOff: a newer owner has the robot; it may not begin.
        """
        with self._fenced():
            self._run("INSERT OR REPLACE INTO operations VALUES (?, ?, 0, NULL)", (key, position))

    def end(self, key: str, position: int, reading: Reading | None) -> None:
        """Note that an operation is done, and what it read."""
        text = reading.model_dump_json() if reading is not None else None
        self._run("INSERT OR REPLACE INTO operations VALUES (?, ?, 1, ?)", (key, position, text))

    def forget(self, key: str, position: int) -> None:
        """Note that an operation that was begun is certain not to have been done properly."""
        self._run("DELETE FROM operations WHERE key = ? AND position = ?", (key, position))

    def done(self, key: str) -> set[int]:
        """The operations of a job that are done."""
        rows = self._run("SELECT position FROM operations WHERE key = ? AND done", (key,))
        return {position for (position,) in rows}

    def begun(self, key: str) -> int | None:
        """The operation of a job that was begun and never ended."""
        rows = self._run(
            "SELECT position FROM operations WHERE key = ? AND NOT done ORDER BY position", (key,)
        )
        return int(rows[0][0]) if rows else None


def journal_of(key: str) -> str:
    """The end of a key, which says of which journal and of which of its lives it is."""
    _, sign, journal = key.rpartition("@")
    return sign + journal if sign else ""


def _sound(error: Exception) -> bool:
    """Whether a book is whole that could not be read or written just now."""
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    return not name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"))


def _in_short(job: Job) -> str:
    kinds = ", ".join(dict.fromkeys(operation.kind for operation in job.operations))
    return f"{len(job.operations)} operations ({kinds}) on {job.plate_id} [{job.content[:8]}]"
