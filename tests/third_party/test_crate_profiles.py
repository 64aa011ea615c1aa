"""Our crates are valid by the validator of those who wrote the profiles."""

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from orchestrator.journal.journal import Journal
from orchestrator.results.attribution import Attribution, Author, Institution, Licence
from orchestrator.results.crate import write_crate
from orchestrator.settings import Settings
from protocols.campaign_file import read_campaign
from tests.conftest import START
from tests.system import crash

PROFILES = ("ro-crate-1.2", "process-run-crate", "workflow-run-crate")
CONFLICTS = {
    # Workflow RO-Crate 1.0 wants RO-Crate 1.1 and itself beside 1.2 in `conformsTo` of the
    # descriptor, RO-Crate 1.2 a single value.
    ("ro-crate-1.2", "ro-crate-1.2_44.2"),
    ("ro-crate-1.2", "ro-crate-1.2_44.3"),
    # The address of a workflow that is a file of the crate cannot begin with http.
    ("process-run-crate", "process-run-crate-0.5_5.1"),
    ("workflow-run-crate", "process-run-crate-0.5_5.1"),
}
"""What the profiles recommend against each other; nothing that is required."""

ABOUT = Attribution(
    licence=Licence(url="https://spdx.org/licenses/CC-BY-4.0", name="CC BY 4.0"),
    institution=Institution(name="An institute", ror="03f0f6041", url="https://example.org"),
    people={"ada": Author(name="Ada L.", orcid="0000-0002-1825-0097", email="ada@example.org")},
)


def _issues(crate: Path) -> dict[str, list[tuple[str, str, str]]]:
    python = os.environ.get("CRATE_VALIDATOR")
    if not python:
        pytest.skip("make third-party makes the validator's environment")
    context = files("rocrate") / "data" / "ro-crate.jsonld"
    program = Path(__file__).parent / "validate_crate.py"
    ran = subprocess.run(
        [python, str(program), str(crate), str(context), *PROFILES],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[tuple[str, str, str]]] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Journal, Settings, str]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    journal = Journal(settings.journal_url)
    text = crash.FILE.read_text()
    name = journal.create_campaign(read_campaign(text), text, [], START, "ada")
    crash.run_to_end(settings.home, settings.journal_url, name)
    return journal, settings, name


def test_a_crate_keeps_the_profiles(home: tuple[Journal, Settings, str], tmp_path: Path) -> None:
    journal, settings, name = home
    write_crate(settings, journal, name, tmp_path / "c.zip", ABOUT)
    found = {
        (profile, check): (severity, message)
        for profile, issues in _issues(tmp_path / "c.zip").items()
        for severity, check, message in issues
    }
    assert {place: why for place, why in found.items() if place not in CONFLICTS} == {}
    assert all(severity == "RECOMMENDED" for severity, _ in found.values())


def test_without_an_attribution_it_has_all_that_is_required(
    home: tuple[Journal, Settings, str], tmp_path: Path
) -> None:
    journal, settings, name = home
    write_crate(settings, journal, name, tmp_path / "c.zip")
    for issues in _issues(tmp_path / "c.zip").values():
        assert [issue for issue in issues if issue[0] == "REQUIRED"] == []
