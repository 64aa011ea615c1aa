"""Files that are not what was written: one clear sentence and a way on, never a traceback.

SQLite decides what it still reads of a file whose bytes were changed at random places.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import DriverError, KeyMemory
from drivers.job_book import JobBook
from orchestrator.journal.journal import Journal
from orchestrator.settings import Settings
from protocols.jobs import Job
from tests.builders import dispenses, job_of
from tests.conftest import START
from tests.program import wellwise
from tests.system import crash

Damage = Callable[[random.Random, bytearray], None]


def _flip(rng: random.Random, content: bytearray) -> None:
    for _ in range(rng.choice([1, 10, 200])):
        content[rng.randrange(len(content))] = rng.randrange(256)


def _page(rng: random.Random, content: bytearray) -> None:
    at = 4096 * rng.randrange(len(content) // 4096)
    content[at : at + 4096] = rng.choice([bytes(4096), rng.randbytes(4096)])


def _truncate(rng: random.Random, content: bytearray) -> None:
    del content[rng.randrange(len(content)) :]


def _header(rng: random.Random, content: bytearray) -> None:
    content[rng.randrange(100)] = rng.randrange(256)


def _text(rng: random.Random, content: bytearray) -> None:
    content[:] = b"this is no database" * 100


DAMAGES: tuple[Damage, ...] = (_flip, _page, _truncate, _header, _text)


def damage(file: Path, kind: Damage, seed: int) -> None:
    content = bytearray(file.read_bytes())
    kind(random.Random(seed), content)
    file.write_bytes(content)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished") / "home"
    home.mkdir()
    url = Settings(home=home).journal_url
    journal = Journal(url)
    name = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    journal.close()
    crash.run_to_end(home, url, name)
    return home


def said_clearly(home: Path) -> int:
    """How many commands were refused, each with a sentence."""
    refused = 0
    for number, words in enumerate((["status"], ["show"], ["backup", home / "backup.zip"])):
        ran = wellwise(*words, "--home", home)
        assert ran.returncode in (0, 2), ran.stderr
        assert "Traceback" not in ran.stderr
        if ran.returncode == 2:
            refused += 1
            assert len(ran.stderr.strip().splitlines()) == 1, number
    return refused


@pytest.mark.reproduction("A11")
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_journal_is_said_to_be_damaged(
    finished: Path, tmp_path: Path, kind: Damage
) -> None:
    refused = 0
    for seed in range(6):
        home = tmp_path / str(seed)
        shutil.copytree(finished, home)
        damage(home / "journal.sqlite", kind, seed)
        refused += said_clearly(home)
    assert refused or kind is _header


@pytest.mark.reproduction("A11")
@pytest.mark.parametrize("kind", [_flip, _truncate, _text])
def test_a_damaged_wal_costs_at_most_what_is_in_it(
    finished: Path, tmp_path: Path, kind: Damage
) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    shutil.copytree(finished, home)
    journal = sqlite3.connect(home / "journal.sqlite")
    journal.execute("PRAGMA journal_mode=WAL")
    for _ in range(20):
        with journal:
            journal.execute("UPDATE campaign SET reason = reason || '!'")
    # What a process that was killed leaves.
    shutil.copytree(home, copy)
    journal.close()
    assert (copy / "journal.sqlite-wal").stat().st_size > 0
    (copy / "journal.sqlite-shm").unlink()
    damage(copy / "journal.sqlite-wal", kind, 1)
    said_clearly(copy)


@pytest.mark.reproduction("A11")
def test_an_emptied_journal_is_not_taken_for_a_new_one(finished: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    assert wellwise("status", "--home", home).returncode == 0
    for left in home.glob("journal.sqlite*"):
        left.write_bytes(b"")
    ran = wellwise("status", "--home", home)
    assert ran.returncode == 2
    assert "is damaged: it is empty" in ran.stderr
    assert "wellwise restore BACKUP.zip --home NEW" in ran.stderr


@pytest.mark.reproduction("A11")
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_job_book_is_said_to_be_damaged(tmp_path: Path, kind: Damage) -> None:
    sound = tmp_path / "sound.sqlite"
    jobs = [job_of(*dispenses(10, 20), key=f"c/r1/p1/s/{number}") for number in range(60)]
    book = JobBook(sound, now=START)
    for job in jobs:
        book.take(job)
        book.begin(job.key, 0)
    book.close()
    refused = 0
    for seed in range(12):
        path = tmp_path / f"{seed}.sqlite"
        shutil.copy(sound, path)
        damage(path, kind, seed)
        try:
            use(JobBook(path, now=START), jobs)
        except DriverError as error:
            refused += "move it away to begin a new one" in str(error)
    assert refused or kind is _header


def use(book: JobBook, jobs: list[Job]) -> None:
    """Everything that a driver asks of its book."""
    for job in jobs:
        if book.report(job.key) is None:
            book.never_took(job.key)
        book.begun(job.key)
    list(book.running())
    book.take(jobs[0].model_copy(update={"key": "another"}))
    book.close()
