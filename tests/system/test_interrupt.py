"""Ctrl-C and SIGTERM in front of a campaign: obeyed at once, whatever is being computed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.journal.journal import Journal
from orchestrator.settings import Settings
from tests.conftest import ROOT

PROGRAM = """
import pathlib, signal, sys, time

# Whoever runs the tests in the background has Ctrl-C ignored in all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
BEGUN = sys.argv.pop()
from orchestrator.cli.main import main
from orchestrator.engine import actions

def plan(*_, **__):
    # As a proposal for thousands of wells does, in a thread of its own.
    pathlib.Path(BEGUN).touch()
    time.sleep(3600)

actions.plan_round = plan
main()
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_obeyed_while_a_round_is_planned(sent: int, tmp_path: Path) -> None:
    home, begun = tmp_path / "home", tmp_path / "begun"
    words = ["run", str(ROOT / "tests/system/crash_campaign.yaml"), "--home", str(home)]
    environment = {key: value for key, value in os.environ.items() if "PREFECT" not in key}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words, str(begun)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            while not begun.exists() and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(sent)
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 128 + sent, said
    assert "Traceback" not in said
    assert "Interrupted. Go on with: wellwise resume crash" in said
    journal = Journal(Settings(home=home).journal_url)
    assert journal.holder("campaign crash") is None
    assert journal.state("crash").rounds == ()
    journal.close()
