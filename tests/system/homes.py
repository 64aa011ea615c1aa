"""Homes with a campaign on virtual robots, and what happens to homes and databases."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from drivers.base import KeyMemory
from orchestrator.core.state import CampaignStatus
from orchestrator.engine.advance import advance
from orchestrator.lab.lab import Lab, open_journal, open_lab
from orchestrator.settings import Settings
from tests import acting
from tests.conftest import START
from tests.postgres import temporary_database
from tests.system import crash


def planned(home: Path, url: str = "") -> tuple[Settings, str]:
    """A home with a small campaign, opened once; its id."""
    settings = Settings(home=home, database_url=url)
    settings.make_home()
    journal = open_journal(settings)
    small = crash.campaign(KeyMemory.REMEMBERS_KEYS)
    campaign_id = journal.create_campaign(small, "", [], START)
    journal.close()
    return settings, campaign_id


def opened(settings: Settings, campaign_id: str) -> Lab:
    """The campaign's lab, as a new process opens it."""
    journal = open_journal(settings)
    return open_lab(settings, journal, journal.state(campaign_id))


def advanced(settings: Settings, campaign_id: str) -> None:
    """Run the campaign for a while in this home."""
    lab = opened(settings, campaign_id)
    asyncio.run(advance(lab, campaign_id))
    lab.journal.close()


def reason(settings: Settings, campaign_id: str) -> str:
    """Why the campaign of a home waits for a person; nothing if it runs."""
    journal = open_journal(settings)
    state = journal.state(campaign_id)
    journal.close()
    return state.reason if state.status is CampaignStatus.PAUSED else ""


def roll_back(url: str, last_event: int) -> None:
    """Events after one are lost, and their numbers are given again."""
    engine = create_engine(url)
    with engine.begin() as connection:
        known = {"last": last_event}
        connection.execute(text("DELETE FROM event WHERE id > :last"), known)
        sequence = text("SELECT setval(pg_get_serial_sequence('event', 'id'), :last)")
        connection.execute(sequence, known)
    engine.dispose()


def new_life(lab: Lab, settings: Settings, campaign_id: str) -> Lab:
    """The lab of a process that opens a home whose journal was restored meanwhile.

    A person has said that the campaign goes on.
    """
    with lab.journal.transaction() as session:
        session.connection().execute(text("UPDATE journal SET unsettled = 'it was restored'"))
    other = opened(settings, campaign_id)
    acting.resume(other, campaign_id, "ada", "looked at it")
    return other


@pytest.fixture
def worked(tmp_path: Path) -> tuple[Settings, str]:
    """A home of which the campaign ran for a while."""
    settings, campaign_id = planned(tmp_path / "home")
    advanced(settings, campaign_id)
    return settings, campaign_id


@dataclass(frozen=True)
class TwoHomes:
    """Two homes on one database, of which the campaign has run in the first one alone."""

    url: str
    first: Settings
    second: Settings
    campaign_id: str
    before: int
    """The last event before it ran."""


@pytest.fixture
def two_homes(tmp_path: Path) -> Iterator[TwoHomes]:
    """Two homes on one PostgreSQL database."""
    with temporary_database() as url:
        first, campaign_id = planned(tmp_path / "first", url)
        second = first.model_copy(update={"home": tmp_path / "second"})
        journal = open_journal(first)
        before = journal.last_event()
        journal.close()
        advanced(first, campaign_id)
        yield TwoHomes(url, first, second, campaign_id, before)
