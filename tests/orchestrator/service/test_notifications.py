"""A structured log line of each event, and notifications of those that matter to people."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from orchestrator.service.event_stream import EventStream
from orchestrator.service.notifications import Notifier
from protocols.campaign import Campaign
from tests import acting
from tests.conftest import START
from tests.service import house


@pytest.fixture
def channel() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A channel that somebody listens to, and what was received."""
    received: list[dict[str, str]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/", received
    server.shutdown()


def test_a_person_hears_of_what_matters_and_the_log_of_everything(
    tmp_path: Path,
    assay: Campaign,
    channel: tuple[str, list[dict[str, str]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    address, received = channel
    with house(tmp_path) as served, caplog.at_level(logging.INFO, "wellwise"):
        journal = served.backend.journal

        async def scene() -> None:
            stream = EventStream(journal)
            stream.begin()
            announcing = asyncio.create_task(Notifier(stream, (address, "nonsense")).run())
            await asyncio.sleep(0)
            campaign_id = served.campaign(assay, proposed=True)
            acting.pause(served.backend.acting(campaign_id), campaign_id, "ada", "lunch")
            journal.note(campaign_id, START, "robot_offline", "dispenser", "no answer")
            await stream._look()
            while len(received) < 2:
                await asyncio.sleep(0.01)
            announcing.cancel()

        asyncio.run(asyncio.wait_for(scene(), 60))
    messages = sorted((message["title"], message["message"]) for message in received)
    assert messages == [
        (
            "wellwise: A person is needed: a batch waits for approval",
            f"colour-assay/r1 {assay.plates.count * assay.plates.wells_per_plate} wells, to be "
            "approved",
        ),
        ("wellwise: Robot offline", "dispenser no answer"),
    ]
    lines = [record for record in caplog.records if record.name == "wellwise.events"]
    assert [record.kind for record in lines] == [
        "campaign_created", "round_planned", "notice", "campaign_paused", "robot_offline",
    ]  # fmt: skip
    assert (lines[1].campaign, lines[1].round, lines[3].who) == ("colour-assay", "1", "ada")
    assert "not understood" in caplog.text
