"""Files that are written whole, whoever else writes them at the same time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.journal.durable import write_durably, write_whole


def test_many_writers_of_one_file_leave_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mark.json"
    contents = [bytes([65 + number]) * 50_000 for number in range(8)]

    with ThreadPoolExecutor(len(contents)) as writers:
        written = [writers.submit(write_whole, path, content) for content in contents * 20]
    for one in written:
        one.result()

    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.mkdir()

    with pytest.raises(OSError, match="kept"):
        write_durably(path, b"new")

    assert path.is_dir()
    assert list(tmp_path.iterdir()) == [path]
