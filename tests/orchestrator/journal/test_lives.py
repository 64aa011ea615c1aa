"""Whether a journal was brought back from an earlier state, looked at while others write it."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.journal.lives import open_journal
from orchestrator.settings import Settings

BEGINNING = """
import sys
from pathlib import Path
from orchestrator.journal.lives import open_journal
from orchestrator.settings import Settings

home = Path(sys.argv[1])
journal = open_journal(Settings(home=home), lambda *_: None)
print("begins", flush=True)
while not (home / "enough").exists():
    journal.on_dispatch()
"""


@pytest.mark.reproduction("A4")
def test_a_journal_that_another_process_goes_on_with_is_no_copy(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = open_journal(settings, lambda *_: None)
    lives = {first.identity}
    first.close()
    command = [sys.executable, "-c", BEGINNING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as beginning:
        try:
            assert beginning.stdout is not None
            assert beginning.stdout.readline() == "begins\n"
            for _ in range(150):
                journal = open_journal(settings, lambda *_: None)
                lives.add(journal.identity)
                journal.close()
        finally:
            (tmp_path / "enough").touch()
    assert beginning.returncode == 0
    assert len(lives) == 1
