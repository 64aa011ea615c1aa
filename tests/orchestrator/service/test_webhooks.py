"""Webhooks: every event in order, signed as the specification's own library signs."""

import asyncio
import json
from pathlib import Path

import httpx

from orchestrator.service.event_stream import EventStream
from orchestrator.service.webhooks import ATTEMPTS, Webhook, signature
from protocols.campaign import Campaign
from tests import acting
from tests.service import house

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # Made by `Webhook.sign` of the package standardwebhooks 1.1.0.
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_events_come_in_order_and_again_until_they_are_taken(
    tmp_path: Path, assay: Campaign
) -> None:
    received: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request)
        if len(received) == 1:
            raise httpx.ConnectError("no route")
        return httpx.Response(503 if len(received) == 2 else 204)

    with house(tmp_path) as served:
        journal = served.backend.journal

        async def scene() -> list[int]:
            stream = EventStream(journal)
            stream.begin()
            to = httpx.MockTransport(answer)
            hook = Webhook(stream, "http://lims.example/events", SECRET, to, pause_s=0)
            sending = asyncio.create_task(hook.run())
            await asyncio.sleep(0)
            campaign_id = served.campaign(assay)
            acting.pause(served.backend.acting(campaign_id), campaign_id, "ada", "lunch")
            await stream._look()
            happened = [event.id or 0 for event in journal.events(campaign_id)]
            while len(received) < len(happened) + 2:
                await asyncio.sleep(0.01)
            sending.cancel()
            return happened

        happened = asyncio.run(scene())
    ids = [int(request.headers["webhook-id"]) for request in received]
    assert ids == [happened[0], happened[0], *happened]
    last = received[-1]
    content = json.loads(last.content)
    assert content["type"] == "campaign_paused"
    assert (content["data"]["who"], content["data"]["message"]) == ("ada", "lunch")
    stamp, body = last.headers["webhook-timestamp"], last.content.decode()
    assert last.headers["webhook-signature"] == signature(SECRET, str(ids[-1]), stamp, body)


def test_an_event_that_nobody_takes_holds_up_the_next_ones_for_a_while_only(
    tmp_path: Path, assay: Campaign
) -> None:
    received: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(json.loads(request.content)["type"])
        return httpx.Response(410 if received[-1] == "campaign_created" else 200)

    with house(tmp_path) as served:

        async def scene() -> None:
            stream = EventStream(served.backend.journal)
            stream.begin()
            to = httpx.MockTransport(answer)
            hook = Webhook(stream, "http://lims.example/events", "", to, pause_s=0)
            sending = asyncio.create_task(hook.run())
            await asyncio.sleep(0)
            served.campaign(assay)
            await stream._look()
            while "round_planned" not in received:
                await asyncio.sleep(0.01)
            sending.cancel()

        asyncio.run(scene())
    assert received.count("campaign_created") == ATTEMPTS
