"""A crate can be checked and proposed from elsewhere, and every change to it is found."""

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from packaging.requirements import Requirement

from drivers.base import KeyMemory
from orchestrator.errors import JournalError
from orchestrator.journal.journal import Journal
from orchestrator.results.attribution import read_attribution
from orchestrator.results.crate import journal_of, verify, write_crate
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.errors import InvalidInput
from tests.conftest import START
from tests.system import crash

METADATA = "ro-crate-metadata.json"


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(
        crash.campaign(KeyMemory.REMEMBERS_KEYS), "name: text\n", [], START
    )
    journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "another\n", [], START)
    crash.run_to_end(home, settings.journal_url, campaign_id)
    archive = home / "crate.zip"
    write_crate(settings, journal, campaign_id, archive)
    with pytest.raises(JournalError, match="exists: choose another name"):
        write_crate(settings, journal, campaign_id, archive)
    yield archive
    journal.close()


def changed(crate: Path, at: Path, name: str, content: bytes | None) -> Path:
    """The crate with other content under a name, or without it."""
    with zipfile.ZipFile(crate) as source, zipfile.ZipFile(at, "w") as target:
        for entry in source.namelist():
            if entry != name:
                target.writestr(entry, source.read(entry))
        if content is not None:
            target.writestr(name, content)
    return at


def test_a_crate_is_what_was_written_and_proposes_the_same(crate: Path) -> None:
    assert verify(crate) == []
    with journal_of(crate) as (journal, campaign_id):
        assert journal.campaign_ids() == [campaign_id]
        state = journal.state(campaign_id)
        rounds = replay(state, journal.events(campaign_id))
    assert state.status == "finished"
    assert [(r.same, r.different) for r in rounds] == [
        (len(batch.wells), ()) for batch in state.rounds
    ]
    with zipfile.ZipFile(crate) as source:
        names = source.namelist()
        graph = json.loads(source.read(METADATA))["@graph"]
        assert source.read("campaign.yaml") == b"name: text\n"
    described = {entity["@id"] for entity in graph if "File" in entity["@type"]}
    assert described == set(names) - {METADATA}
    assert sum(name.startswith("images/") for name in names) == sum(
        len(batch.wells) for batch in state.rounds
    )


def test_every_changed_byte_is_found(crate: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(crate) as source:
        names = [name for name in source.namelist() if name != METADATA]
        contents = {name: source.read(name) for name in names}
    for name in names:
        content = contents[name]
        other = content[:-1] + bytes([content[-1] ^ 1])
        assert verify(changed(crate, tmp_path / "c.zip", name, other)) == [
            f"{name} is not what was written"
        ]
    one = changed(crate, tmp_path / "less.zip", "wells.csv", None)
    assert verify(one) == ["wells.csv is missing"]
    assert verify(changed(crate, tmp_path / "c.zip", "more.txt", b"more")) == [
        "more.txt is not described"
    ]
    with (
        pytest.raises(JournalError, match=r"cannot be trusted: wells\.csv is missing"),
        journal_of(one),
    ):
        pass


def test_an_unpacked_crate_is_checked_as_its_archive_is(crate: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(crate) as source:
        source.extractall(unpacked)
    assert verify(unpacked) == []
    image = next((unpacked / "images").iterdir())
    content = image.read_bytes()
    image.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (unpacked / "wells.csv").unlink()
    (unpacked / "more.txt").write_text("more")
    assert verify(unpacked) == [
        "wells.csv is missing",
        "more.txt is not described",
        f"images/{image.name} is not what was written",
    ]
    with pytest.raises(JournalError, match="is no crate of wellwise"):
        verify(unpacked / "images")


def test_a_crate_says_who_did_what_with_what_and_how_to_go_on(crate: Path) -> None:
    with zipfile.ZipFile(crate) as source:
        graph = {entity["@id"]: entity for entity in json.loads(source.read(METADATA))["@graph"]}
        lock = source.read("environment/requirements.txt").decode()
        schema = json.loads(source.read("wells.csv-metadata.json"))
        table = pd.read_csv(io.BytesIO(source.read("wells.csv")))
        readme = source.read("README.md").decode()
    jobs = [entity for name, entity in graph.items() if name.startswith("#job-")]
    assert len(jobs) == 4
    for job in jobs:
        assert graph[job["instrument"]["@id"]]["description"] == "Simulated equipment."
        assert job["startTime"] <= job["endTime"]
    pictures = {part["@id"] for job in jobs for part in _listed(job["result"])}
    assert {name for name in graph if name.startswith("images/")} <= pictures
    pins = [Requirement(line) for line in lock.splitlines() if not line.startswith("#")]
    assert {"wellwise", "botorch", "torch", "prefect"} <= {pin.name for pin in pins}
    assert f'"wellwise[lab]=={version("wellwise")}"' in readme
    columns = {column["titles"]: column for column in schema["tableSchema"]["columns"]}
    assert list(columns) == list(table.columns)
    unit = columns["substrate_concentration"]["qudt:unit"]["@id"]
    assert unit == "http://qudt.org/vocab/unit/MicroMOL-PER-L"


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_wrong_key_of_an_attribution_is_named(tmp_path: Path) -> None:
    path = tmp_path / "about.yaml"
    path.write_text("people: {ada: {name: Ada, orcid: '12'}}\nlicense: x\n")
    with pytest.raises(InvalidInput) as raised:
        read_attribution(path)
    assert "people.ada.orcid" in str(raised.value)
    assert "license" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_no_crate_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(JournalError, match="is no crate"):
        verify(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as target:
        target.writestr(METADATA, '{"@graph": []}')
    with pytest.raises(JournalError, match="it has no journal"):
        verify(tmp_path / "y.zip")
