import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign

# The same examples on every run, and no clock that could fail a test on a busy machine.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

ROOT = Path(__file__).parent.parent
RPE_FILE = ROOT / "examples" / "rpe" / "campaign.yaml"
ASSAY_FILE = ROOT / "examples" / "colour_assay" / "campaign.yaml"
PUBLISHED = ROOT.parent / "shared" / "data" / "rpe_round1_2022.csv"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _home_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with --home says so to the whole process: no test sees that of another."""
    monkeypatch.setenv("WELLWISE_HOME", os.environ.get("WELLWISE_HOME", ""))


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="session")
def rpe() -> Campaign:
    return read_campaign(RPE_FILE.read_text())


@pytest.fixture(scope="session")
def assay() -> Campaign:
    return read_campaign(ASSAY_FILE.read_text())


@pytest.fixture
def published() -> Path:
    if not PUBLISHED.exists():
        pytest.skip(f"the published results of round 1 are not at {PUBLISHED}")
    return PUBLISHED
