"""What large rounds and homes with many campaigns cost: seconds, memory, and how they grow.

`python -m benchmarks.sizes` plans a round of twenty 384-well plates up to its first dispatch, then
asks a home with 20 and one with 200 campaigns (250 events each) for everything that people look at.
"""

import argparse
import contextlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from orchestrator.cli.main import main as wellwise
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import next_actions
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import first_starts
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import add_event
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_EVENTS = 250

_FILE = """
name: size
parameters:
  - {name: dose, step: feed, kind: continuous, unit: uM, low: 1, high: 1000, standard: 20}
protocol:
  name: feeding
  steps:
    - name: feed
      robot: hand
      days: 0
      operations:
        - do: dispense
          liquid: medium
          volume: 20 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
    - {name: read, robot: camera, days: 1, operations: [{do: image}]}
plates: {count: PLATES, labware: LABWARE}
rounds: {first: {initial: INITIAL, standard: 1}, later: {proposed: INITIAL, controls: 1}}
stop: {rounds: 1}
robots: {hand: {driver: simulated}, camera: {driver: simulated}}
"""


def campaign(plates: int, wells: int) -> Campaign:
    """A campaign of so many plates."""
    text = _FILE.replace("PLATES", str(plates)).replace("LABWARE", f"{wells}-well")
    return read_campaign(text.replace("INITIAL", str(plates * wells - 1)))


def large_round(plates: int, wells: int) -> None:
    """From the campaign to its first dispatch."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        study = campaign(plates, wells)
        plan = plan_round(study, 1, [])
        planned = time.perf_counter()
        journal = Journal(Settings(home=Path(folder)).journal_url)
        name = journal.create_campaign(study, "", [], _START)
        jobs = list(compile_jobs(study, name, plan.layout, _START))
        starts = first_starts(jobs, {}, study.robots, _START)
        journal.plan_round(name, plan.layout, jobs, [], _START, _START, starts=starts)
        assert next_actions(journal.state(name), _START)
        ready = time.perf_counter()
        journal.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{plates} plates of {wells} wells: planned in {planned - began:.1f} s, first dispatch "
        f"after {ready - began:.1f} s, memory at most {peak:.0f} MB",
        flush=True,
    )


def home(folder: Path, number: int) -> None:
    """A home with so many campaigns, each with a planned round of a plate."""
    journal = Journal(Settings(home=folder).journal_url)
    study = campaign(1, 24)
    plan = plan_round(study, 1, [])
    for _ in range(number):
        name = journal.create_campaign(study, _FILE, [], _START)
        jobs = list(compile_jobs(study, name, plan.layout, _START))
        journal.plan_round(name, plan.layout, jobs, [], _START, _START)
        with journal.transaction() as session:
            for event in range(_EVENTS):
                add_event(session, name, _START, EventKind.NOTICE, name, f"notice {event}")
    journal.close()


def looked_at(folder: Path) -> dict[str, float]:
    """CPU-seconds of each thing that people look at, when everything is loaded."""
    found = {}
    asked: dict[str, list[str]] = {
        "status": ["status"],
        "show": ["show", "size-2"],
        "export": ["export", "size-2", "--out", str(folder / "table")],
        "report": ["report", "size-2", "--out", str(folder / "report")],
    }
    for what, words in asked.items():
        for _ in range(2):
            began = time.process_time()
            with (
                mock.patch.object(sys, "argv", ["wellwise", *words, "--home", str(folder)]),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.suppress(SystemExit),
            ):
                wellwise()
            found[what] = time.process_time() - began
    from orchestrator.service.app import prepare
    from tests.service import House

    pages = {
        "overview page": "/",
        "search": "/?search=dose+size-1&status=running",
        "campaign page": "/campaigns/size-2",
        "wells of charts": "/api/v1/campaigns/size-2/charts/wells",
    }
    for what, address in pages.items():
        # A service that has just started: nothing of what is asked for is in its memory.
        client = House(folder).client("operator")
        prepare()
        assert client.get("/login").is_success
        began = time.process_time()
        assert client.get(address).is_success
        found[what] = time.process_time() - began
    return found


def main() -> None:
    """Print a line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("campaigns", nargs="?", type=int, help="look only at a home of so many")
    campaigns = parser.parse_args().campaigns
    if campaigns is not None:
        with tempfile.TemporaryDirectory() as folder:
            home(Path(folder), campaigns)
            for what, seconds in looked_at(Path(folder)).items():
                print(f"{what},{seconds}")
        return
    large_round(20, 384)
    tables = []
    for number in (20, 200):
        command = [sys.executable, "-m", "benchmarks.sizes", str(number)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
        tables.append(dict(line.split(",") for line in ran.stdout.splitlines()))
    for what, seconds in tables[0].items():
        few, many = float(seconds), float(tables[1][what])
        print(f"{what:15} {few:6.3f} s of 20 campaigns, {many:6.3f} s of 200, x {many / few:.1f}")


if __name__ == "__main__":
    main()
