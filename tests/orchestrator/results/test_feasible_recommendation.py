"""A recommended condition that probably breaks the constraints on outcomes is not passed over."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.cli.console import condition_table
from orchestrator.core.state import CampaignState
from orchestrator.journal.journal import Journal
from orchestrator.results.report import report
from orchestrator.service.insight import Insights
from orchestrator.settings import Settings
from orchestrator.studies.best_conditions import best_conditions
from orchestrator.studies.confirmation import design
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Observation
from protocols.errors import WellwiseError
from tests.conftest import ROOT, START

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text(encoding="utf-8")
SAID = "No condition that probably meets the constraints on outcomes is known"
MET = "The best that was tried and met them is Potassium chloride 40"
NONE_MET = "No condition that was tried met them."


def state_of(tmp_path: Path, limit: str) -> CampaignState:
    """A campaign whose results have a pH of 6.8, 7.5, 7, 7.7, 7.2, 7.9, 7.4 and 8.1."""
    campaign = read_campaign(f"{TEXT}\noutcome_constraints: [{{outcome: ph, {limit}}}]\n")
    past = [
        Observation(
            condition=Condition({"salt": 10.0 * n, "acid": 5.0 * n, "glycerol": 10.0 * n}),
            value=500.0 - 20 * n,
            round=1,
            outcomes={"ph": 7.0 + 0.1 * n + 0.3 * (-1) ** n},
        )
        for n in range(1, 9)
    ]
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return journal.state(journal.create_campaign(campaign, "", past, START))


@pytest.mark.parametrize(
    ("limit", "least", "words"),
    [
        ("at_most: 2", 0.0, (SAID, NONE_MET)),
        ("at_least: 7.65, at_most: 7.75", 0.0, (SAID, MET)),
        ("at_most: 9", 0.5, ("It meets the constraints on outcomes with probability",)),
    ],
)
def test_whether_it_probably_meets_the_constraints_is_said_everywhere(
    tmp_path: Path, limit: str, least: float, words: tuple[str, ...]
) -> None:
    state = state_of(tmp_path, limit)
    found = best_conditions(state).recommended
    assert found is not None
    assert found.likely_feasible == (found.feasible >= 0.5) == bool(least)
    shown = Console(file=StringIO(), width=200)
    shown.print(condition_table(state, found))
    assert isinstance(shown.file, StringIO)
    table = " ".join(shown.file.getvalue().split())
    page = report(state, Settings(home=tmp_path), TEXT, None)
    view = Insights(lambda _: tmp_path).of(state).recommended
    assert view is not None
    for text in words:
        assert text in table
        assert text in page
        assert text in view.likely_broken or found.likely_feasible
    assert ("Recommended condition" in table) == found.likely_feasible
    assert ("the model recommends" in page) == found.likely_feasible
    assert bool(view.likely_broken) == (not found.likely_feasible)
    if MET in words:
        assert view.met is not None
        assert view.met.condition["salt"] == 40


def test_what_probably_breaks_the_constraints_is_not_confirmed_unless_it_is_named(
    tmp_path: Path,
) -> None:
    state = state_of(tmp_path, "at_most: 2")
    with pytest.raises(WellwiseError, match=r"no condition is known that probably meets the cons"):
        design(state, difference=50.0)
    named = state.observations[-1].condition
    assert design(state, difference=50.0, candidates=[named]).candidates == (named,)
