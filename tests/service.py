"""A service in this process over a journal of its own, and people who ask it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from fastapi.testclient import TestClient

from orchestrator.core.round_planning import plan_round
from orchestrator.journal.access_tokens import Role
from orchestrator.journal.tables import AccessTokenRow
from orchestrator.service.app import create_app
from orchestrator.service.backend import Backend
from orchestrator.settings import Settings
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from tests import acting
from tests.conftest import START

PEOPLE = ("nobody", "viewer", "operator", "admin", "expired", "revoked")


class House:
    """A backend, its app, and a token of each kind; campaigns are not run."""

    def __init__(self, home: Path, database: str = "", lab: Path | None = None) -> None:
        self.backend = Backend.opened(Settings(home=home, database_url=database, lab=lab))
        self.app = create_app(self.backend, supervise=False)
        self.secrets = {}
        for name in PEOPLE[1:]:
            role = Role[name.upper()] if name.upper() in Role.__members__ else Role.ADMIN
            secret, row = self.backend.access.create(name, role, timedelta(days=1), "root")
            self.secrets[name] = secret
            if name == "revoked":
                self.backend.access.revoke(row.id, "root")
            if name == "expired":
                with self.backend.journal.transaction() as session:
                    stored = session.get(AccessTokenRow, row.id)
                    assert stored is not None
                    stored.expires_at = datetime.now(UTC) - timedelta(minutes=1)

    def client(self, person: str) -> TestClient:
        """Somebody with a token, or nobody."""
        headers = (
            {"Authorization": f"Bearer {self.secrets[person]}"} if person in self.secrets else {}
        )
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def campaign(
        self,
        campaign: Campaign,
        proposed: bool = False,
        read: bool = False,
        text: str = "name: text\n",
    ) -> str:
        """A campaign with its first round planned, and values in its wells if `read`."""
        journal = self.backend.journal
        campaign_id = journal.create_campaign(campaign, text, [], START, "ada")
        plan = plan_round(campaign, 1, [])
        jobs = None if proposed else compile_jobs(campaign, campaign_id, plan.layout, START)
        journal.plan_round(campaign_id, plan.layout, jobs, ["a notice"], START, START)
        if read:
            values: dict[WellPlace, float | None] = {
                acting.place(1, p.well.plate, p.well.name): (number % 20) / 20
                for number, p in enumerate(plan.layout.placements)
            }
            acting.correct_wells(
                self.backend.acting(campaign_id), campaign_id, values, "ada", "read by eye"
            )
        self.backend.changed(campaign_id)
        return campaign_id


@contextmanager
def house(home: Path, database: str = "", lab: Path | None = None) -> Iterator[House]:
    """A house that is closed afterwards."""
    found = House(home, database, lab)
    try:
        yield found
    finally:
        found.backend.journal.close()


@contextmanager
def listening(found: House) -> Iterator[str]:
    """Where the service listens, for clients that are processes of their own."""
    server = uvicorn.Server(uvicorn.Config(found.app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
