"""A recommended condition that hardly meets the constraints on outcomes says so."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from orchestrator.cli.console import condition_table
from orchestrator.journal.journal import Journal
from orchestrator.results.report import report
from orchestrator.settings import Settings
from orchestrator.studies.best_conditions import best_conditions
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Observation
from tests.conftest import ROOT, START

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text(encoding="utf-8")
SAID = "It meets the constraints on outcomes with probability"


def test_how_probably_it_meets_the_constraints_is_said(tmp_path: Path) -> None:
    campaign = read_campaign(f"{TEXT}\noutcome_constraints: [{{outcome: ph, at_most: 2}}]\n")
    past = [
        Observation(
            condition=Condition({"salt": 10.0 * n, "acid": 5.0 * n, "glycerol": 10.0 * n}),
            value=500.0 - 20 * n,
            round=1,
            outcomes={"ph": 7.0 + 0.1 * n},
        )
        for n in range(1, 9)
    ]
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    state = journal.state(journal.create_campaign(campaign, "", past, START))
    found = best_conditions(state)
    assert found.recommended is not None
    assert found.recommended.feasible < 0.1
    shown = Console(file=StringIO(), width=200)
    shown.print(condition_table(state, found.recommended))
    assert isinstance(shown.file, StringIO)
    assert SAID in " ".join(shown.file.getvalue().split())
    assert SAID in report(state, Settings(home=tmp_path), TEXT, None)
