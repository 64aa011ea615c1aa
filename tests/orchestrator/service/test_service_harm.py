"""What somebody with bad intentions, or none at all, may send: each is refused or made harmless.

Nothing is lost.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import aclosing
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from orchestrator.journal.store import add_event
from orchestrator.journal.tables import EventRow, ReadingRow
from orchestrator.service.app import LARGEST
from orchestrator.service.event_stream import EventStream
from protocols.campaign import Campaign
from tests.conftest import ASSAY_FILE, START
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def test_no_path_leads_out_of_the_images_of_a_campaign(
    served: House, assay: Campaign, tmp_path: Path
) -> None:
    campaign_id = served.campaign(assay)
    (tmp_path / "secret.png").write_bytes(b"secret")
    images = served.backend.settings.campaign_folder(campaign_id) / "images"
    images.mkdir(parents=True)
    (images / "there.png").write_bytes(b"png")
    key = served.backend.journal.jobs(campaign_id, 1)[0].key
    paths = [
        f"campaigns/{campaign_id}/images/there.png",
        "secret.png",
        f"campaigns/{campaign_id}/../../secret.png",
        "/etc/passwd",
        f"campaigns/{campaign_id}/images/gone.png",
    ]
    with served.backend.journal.transaction() as session:
        for path in paths:
            place = {
                "campaign_id": campaign_id,
                "round": 1,
                "plate": 1,
                "well": "A1",
                "job_key": key,
            }
            session.add(ReadingRow(**place, kind="image", path=path, scored=True))
    client = served.client("viewer")
    answers = [
        client.get(f"{V1}/campaigns/{campaign_id}/readings/{n}/image")
        for n in range(1, len(paths) + 1)
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 404, 404]
    other = served.campaign(assay)
    assert client.get(f"{V1}/campaigns/{other}/readings/1/image").status_code == 404
    for name in ("..%2f..%2fjournal.sqlite", "journal.sqlite", "wells.csv/../../x", "%00"):
        assert client.get(f"{V1}/campaigns/{campaign_id}/exports/{name}").status_code in (404, 422)


def test_bodies_that_are_too_large_are_not_read(served: House) -> None:
    client = served.client("operator")
    large = b'{"file": "' + b"x" * LARGEST + b'"}'
    assert client.post(f"{V1}/campaigns", content=large).status_code == 413

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    answer = client.post(f"{V1}/campaigns", content=pieces())
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"file": 3}',
        b'{"file": "x", "more": 1}',
        b'{"file": "\\ud800"}',
        b"[" * 20_000,
    ],
)
def test_bodies_that_are_none_are_refused(served: House, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = served.client("operator").post(f"{V1}/campaigns", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert served.backend.journal.campaign_ids() == []


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(), "anchors and aliases expand to too much"),
        ("a: &a [*a]", "within themselves"),
        ("a: " + "[" * 5000 + "]" * 5000, "too deeply"),
        ("name: !!python/object/apply:os.system ['true']", "tag"),
        ("x" * 1_000_000, "not a campaign"),
    ],
)
def test_yaml_that_would_grow_or_act_is_refused(served: House, text: str, message: str) -> None:
    answer = served.client("operator").post(f"{V1}/campaigns", json={"file": text})
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


@pytest.mark.reproduction("F1", "F2")
@pytest.mark.parametrize(
    "robot",
    [
        "{driver: serial, address: 'spy:///dev/null?file=/tmp/x', options: {profile: ne-1000}}",
        "{driver: serial, options: {profile: /etc/passwd}}",
        "{driver: opentrons, address: 'http://169.254.169.254'}",
        "{driver: simulated, options: {lab: ../../../etc/passwd}}",
        "{driver: ne-1000, address: 'socket://10.0.0.1:5432'}",
        "{driver: ne-1000, options: {capture: /tmp/x}}",
        "{driver: ne-1000, environment: /tmp/evil}",
    ],
)
def test_a_file_from_afar_brings_no_robot_port_or_path(served: House, robot: str) -> None:
    text = re.sub(r"(?m)^  camera: .*$", f"  camera: {robot}", ASSAY_FILE.read_text())
    assert robot in text
    answer = served.client("operator").post("/api/v1/campaigns/validate", json={"file": text})
    assert answer.status_code == 422
    assert "root:" not in answer.text
    assert any("robots.camera" in found["key"] for found in answer.json()["problems"])


@pytest.mark.reproduction("F1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("days: 0", "days: {from: 0, to: 100000000}"),
        ("rounds: ", "rounds: 99999999 # "),
        (
            "    kind: continuous\n    unit: uM\n    low: 1\n    high: 1000\n",
            "    kind: stepped\n    unit: uM\n    levels: {from: 1, to: 1000, by: 0.0000001}\n",
        ),
    ],
)
def test_a_range_without_end_is_refused_at_once(served: House, before: str, after: str) -> None:
    assert before in ASSAY_FILE.read_text()
    text = ASSAY_FILE.read_text().replace(before, after, 1)
    answer = served.client("viewer").post("/api/v1/campaigns/validate", json={"file": text})
    assert answer.status_code == 422


@pytest.mark.reproduction("F1", "F2")
def test_a_file_from_afar_names_no_file_and_no_interpreter_here(served: House) -> None:
    text = ASSAY_FILE.read_text()
    reading = text + "\npast_results: {file: /etc/passwd}\n"
    running = text.replace("{driver: simulated,", "{driver: simulated, environment: /tmp/evil,", 1)
    for sent, key in ((reading, "past_results.file"), (running, "environment")):
        answer = served.client("operator").post(f"{V1}/campaigns", json={"file": sent})
        assert answer.status_code == 422
        assert key in answer.json()["problems"][0]["key"]
    assert served.backend.journal.campaign_ids() == []


def test_no_text_of_an_export_is_a_formula(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    client = served.client("operator")
    evil = ["=HYPERLINK(0)", "+1+1", "-2+3", "@SUM(A1)", " =1+1"]
    for why in evil:
        client.post(f"{V1}/campaigns/{campaign_id}/pause", json={"why": why})
        client.post(f"{V1}/campaigns/{campaign_id}/resume", json={"why": why})
    table = pd.read_csv(
        StringIO(client.get(f"{V1}/campaigns/{campaign_id}/exports/events.csv").text)
    )
    found = list(table[table.kind == "campaign_paused"].message)
    assert found == [f"'{why.strip()}" for why in evil]


def test_numbers_of_an_export_stay_numbers(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay, read=True)
    table = pd.read_csv(
        StringIO(
            served.client("viewer").get(f"{V1}/campaigns/{campaign_id}/exports/wells.csv").text
        )
    )
    assert table.ratio.dtype == float
    assert len(table) == len(served.backend.state(campaign_id)[1].rounds[0].wells)


def add(served: House, campaign_id: str, text: str, number: int | None = None) -> None:
    with served.backend.journal.transaction() as session:
        if number is None:
            add_event(session, campaign_id, START, "notice", campaign_id, text)
        else:
            session.add(
                EventRow(
                    id=number,
                    campaign_id=campaign_id,
                    at=START,
                    kind="notice",
                    subject="x",
                    message=text,
                )
            )


def test_every_listener_gets_every_event_once_from_where_it_left_off(
    served: House, assay: Campaign
) -> None:
    first, second = served.campaign(assay), served.campaign(assay)
    journal = served.backend.journal

    async def received(
        stream: EventStream, after: int, number: int, campaign: str | None = None
    ) -> list[int]:
        found: list[int] = []
        async with aclosing(stream.listen(after, campaign)) as events:
            async for together in events:
                found += [event.id or 0 for event in together]
                if len(found) >= number:
                    break
        return found

    async def scene() -> None:
        stream = EventStream(journal)
        stream.begin()
        begin = stream.last
        listening = [asyncio.create_task(received(stream, begin, 20)) for _ in range(30)]
        one = asyncio.create_task(received(stream, begin, 10, first))
        late = asyncio.create_task(received(stream, 0, begin + 20))
        for number in range(20):
            await asyncio.to_thread(add, served, (first, second)[number % 2], str(number))
            if number % 3 == 0:
                await stream._look()
        await stream._look()
        expected = list(range(begin + 1, begin + 21))
        assert await asyncio.gather(*listening) == [expected] * 30
        assert await one == expected[::2]
        assert await late == list(range(1, begin + 21))
        assert stream.listeners == 0
        async with aclosing(stream.listen(stream.last, patience_s=0.01)) as events:
            assert await anext(events) == []

    asyncio.run(scene())


def test_an_event_that_is_committed_late_is_not_lost(
    served: House, assay: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = served.campaign(assay)
    journal = served.backend.journal
    now = [0.0]
    monkeypatch.setattr("orchestrator.service.event_stream.time.monotonic", lambda: now[0])

    async def scene() -> None:
        stream = EventStream(journal)
        stream.begin()
        last = stream.last
        add(served, campaign_id, "second", last + 2)
        await stream._look()
        assert stream.last == last
        add(served, campaign_id, "first", last + 1)
        await stream._look()
        assert stream.last == last + 2
        # One that never comes (it was rolled back) is not waited for without end.
        add(served, campaign_id, "after a gap", last + 4)
        await stream._look()
        assert stream.last == last + 2
        now[0] += 11
        await stream._look()
        assert stream.last == last + 4

    asyncio.run(scene())
