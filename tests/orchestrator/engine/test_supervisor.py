"""The supervisor waits for earlier owners, and keeps the faults of campaigns apart."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from orchestrator.engine import supervisor as supervisor_module
from orchestrator.engine.prefect_server import embed_prefect
from orchestrator.engine.supervisor import CampaignSupervisor
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import campaign_resource
from orchestrator.journal.tables import CampaignRow
from orchestrator.settings import Settings
from protocols.campaign_parts import RobotConfig
from tests.system import crash

PATIENCE_S = 240


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_campaigns_are_run_in_parallel_and_wait_for_the_first_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_SHORTEST_S", 0.2)
    settings = Settings(home=tmp_path)
    embed_prefect(settings)
    small = crash.campaign(KeyMemory.REMEMBERS_KEYS)
    journal, elsewhere = Journal(settings.journal_url), Journal(settings.journal_url)
    free, held, broken = (
        journal.create_campaign(small, "", [], datetime.now(UTC)) for _ in range(3)
    )
    absent = dict.fromkeys(small.robots, RobotConfig(driver="nobody-has-this"))
    with journal.transaction() as session:
        row = session.get(CampaignRow, broken)
        assert row is not None
        row.definition = small.model_copy(update={"robots": absent}).model_dump(
            mode="json", by_alias=True
        )
    elsewhere.own(campaign_resource(held), "another process", 3600)
    supervisor = CampaignSupervisor(settings, journal)
    supervisor.start()
    try:
        wait_for(lambda: journal.status(free) == "finished")
        wait_for(lambda: "held by another process" in supervisor.faults.get(held, ""))
        assert "there is no driver 'nobody-has-this'" in supervisor.faults[broken]
        assert journal.state(held).rounds == ()
        elsewhere.release(campaign_resource(held))
        wait_for(lambda: journal.status(held) == "finished")
        assert held not in supervisor.faults
        assert supervisor.alive
    finally:
        supervisor.close()
    assert not supervisor.alive
    journal.close()
    elsewhere.close()


def test_prefects_server_that_does_not_answer_is_said_in_a_sentence(tmp_path: Path) -> None:
    begun = (
        "from pathlib import Path; import sys; from orchestrator.settings import Settings\n"
        "from orchestrator.engine.prefect_server import embed_prefect, start_prefect\n"
        "embed_prefect(Settings(home=Path(sys.argv[1])))\n"
        "start_prefect()"
    )
    # Prefect gives its server this time to answer.
    given = os.environ | {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", begun, str(tmp_path)], env=given, capture_output=True, text=True
    )
    assert "WellwiseError: Prefect's own server does not answer" in ran.stderr
    assert "Nothing was begun. The computer may be busy: try again" in ran.stderr
