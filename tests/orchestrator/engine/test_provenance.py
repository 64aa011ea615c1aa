"""What a round was made with is written down with it, and is that of the moment."""

import platform
from importlib.metadata import version
from pathlib import Path

from orchestrator.core.events import EventKind
from orchestrator.core.provenance import RoundProvenance
from orchestrator.journal.journal import Journal
from orchestrator.settings import Settings
from protocols.campaign_file import read_campaign
from tests.conftest import START
from tests.system import crash


def test_a_round_has_the_versions_seed_and_robots_that_it_was_made_with(tmp_path: Path) -> None:
    text = crash.FILE.read_text().replace("stop: {rounds: 1}", "stop: {rounds: 2}")
    url = Settings(home=tmp_path).journal_url
    journal = Journal(url)
    name = journal.create_campaign(read_campaign(text), text, [], START)
    crash.run_to_end(tmp_path, url, name)
    events = journal.events(name, kinds=[EventKind.ROUND_PLANNED])
    first, second = (RoundProvenance.of_event(event.data) for event in events)
    journal.close()
    for made in (first, second):
        assert (made.seed, made.strategy) == (3, "botorch")
        assert made.versions["botorch"] == version("botorch")
        assert made.python == platform.python_version()
        assert made.simulated == {"dispenser": True, "camera": True}
    assert (first.observations, second.observations) == (0, 4)


def test_rounds_of_earlier_journals_have_what_was_recorded() -> None:
    assert RoundProvenance.of_event({"round": 1}) == RoundProvenance()
    assert RoundProvenance.of_event({"version": "0.1"}) == RoundProvenance(wellwise="0.1")
