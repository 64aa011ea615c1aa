"""A crate can be checked and proposed from elsewhere, and every change to it is found."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from orchestrator.errors import JournalError
from orchestrator.journal.journal import Journal
from orchestrator.results.crate import journal_of, verify, write_crate
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
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
    described = {entity["@id"] for entity in graph if entity["@type"] == "File"}
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


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_no_crate_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(JournalError, match="is no crate"):
        verify(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as target:
        target.writestr(METADATA, '{"@graph": []}')
    with pytest.raises(JournalError, match="it has no journal"):
        verify(tmp_path / "y.zip")
