"""Campaigns by hand run to their end for training, and say that they are simulated."""

import asyncio
import re
from io import StringIO
from pathlib import Path

import pytest
from pandas import read_csv

from drivers.checklist import Checklist
from orchestrator.core.lifecycle import AskValues
from orchestrator.core.state import CampaignState
from orchestrator.engine.advance import advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.results.report import report_of
from orchestrator.settings import Settings
from orchestrator.studies.training import (
    SIMULATED_PERSON,
    plausible_values,
    with_simulated_people,
)
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign, read_lab
from protocols.errors import InvalidInput
from tests import acting
from tests.builders import planned
from tests.by_hand import TEXT
from tests.conftest import ROOT, START

RESISTANCE = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()


def trained(home: Path, campaign: Campaign, text: str) -> tuple[Lab, CampaignState]:
    """The campaign with simulated people, run to its end."""
    settings = Settings(home=home)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(with_simulated_people(campaign), text, [], START)
    lab = open_lab(settings, journal, journal.state(campaign_id))

    async def run() -> None:
        while True:
            outlook = await advance(lab, campaign_id)
            for question in outlook.questions:
                assert isinstance(question, AskValues)
                values = plausible_values(journal.state(campaign_id), question.round)
                acting.do(lab, campaign_id, SIMULATED_PERSON, values)
            if outlook.moment is not None and not outlook.questions:
                await lab.clock.sleep_until(outlook.moment)
            elif not outlook.questions:
                return

    asyncio.run(run())
    return lab, journal.state(campaign_id)


def test_a_campaign_with_the_longest_name_is_one_that_a_journal_reads_again(
    tmp_path: Path,
) -> None:
    text = TEXT.replace("name: salts", "name: " + "s" * 60, 1)
    campaign = with_simulated_people(read_campaign(text))
    journal = Journal(Settings(home=tmp_path).journal_url)
    campaign_id = journal.create_campaign(campaign, text, [], START)
    assert campaign_id == "s" * 50 + "-simulated"
    assert journal.state(campaign_id).campaign == campaign


def test_a_persons_checklists_are_ticked_and_their_readings_given(tmp_path: Path) -> None:
    campaign = read_campaign(TEXT, drivers=["manual", "simulated-person"])
    lab, state = trained(tmp_path, campaign, TEXT)
    assert (state.id, state.status) == ("salts-simulated", "finished")
    values = [well.value for well in state.rounds[0].wells]
    assert all(value is not None and 0 < value < 2 for value in values)
    assert len(set(values)) == 3
    checklist = Checklist(tmp_path, "ada")
    assert checklist.open_jobs() == []
    checklist.close()
    page = report_of(lab.journal, state.id, Settings(home=tmp_path))
    assert "(simulated people)" in page
    assert "every robot was simulated, so nothing here is a measurement" in page


def test_values_that_a_person_enters_follow_the_conditions_and_reach_the_target(
    tmp_path: Path,
) -> None:
    lab, state = trained(
        tmp_path, read_campaign(RESISTANCE, drivers=["simulated", "manual"]), RESISTANCE
    )
    assert state.status == "finished"
    firsts = [well.value for well in state.rounds[0].wells if well.value is not None]
    assert min(firsts) > 90
    assert state.best is not None
    assert state.best < sorted(firsts)[len(firsts) // 2]
    assert all(0 <= well.measured["ph"] <= 14 for well in state.rounds[0].wells)  # type: ignore[operator]
    entered = {e.who for e in lab.journal.events(state.id) if e.kind == "value_entered"}
    assert entered == {SIMULATED_PERSON}


def test_nobody_trains_with_real_equipment() -> None:
    lab = read_lab(
        "robots:\n  ada: {driver: masterflex-ls, address: x, options: {outlets: {A1: '01'}}}\n"
    )
    campaign = read_campaign(TEXT, lab=lab)
    with pytest.raises(InvalidInput, match="ada: masterflex-ls is real equipment"):
        with_simulated_people(campaign)


@pytest.mark.parametrize("target", [7e4, -20.0, 0.0])
def test_what_is_to_be_matched_is_in_reach_and_not_at_once(tmp_path: Path, target: float) -> None:
    objective = f"{{outcome: resistance, direction: match, target: {target!r}}}"
    text = RESISTANCE.replace("{outcome: resistance, direction: minimise}", objective)
    assert 0.05 < near(tmp_path, text, "resistance", target, 0.2 * abs(target) or 0.2) < 0.95


def test_bounds_and_thresholds_are_in_reach(tmp_path: Path) -> None:
    objective = "{outcome: resistance, direction: minimise"
    text = RESISTANCE.replace("    range: [0, 14]\n", "").replace(
        f"{objective}}}", f"{objective}, threshold: 0.3}}\n  - {{outcome: ph, direction: maximise}}"
    )
    assert 0.05 < near(tmp_path, text, "resistance", 0.15, 0.15) < 0.95
    bounded = RESISTANCE.replace("    range: [0, 14]\n", "")
    bounded += "\noutcome_constraints: [{outcome: ph, at_least: 1300, at_most: 1500}]\n"
    assert 0.05 < near(tmp_path, bounded, "ph", 1400, 300) < 0.95


def near(home: Path, text: str, name: str, value: float, by: float) -> float:
    """The share of a first round whose simulated values are so near to a value."""
    text = re.sub(r"^stop: .*$", "stop: {rounds: 4}", text, flags=re.MULTILINE)
    (home / name).mkdir()
    journal, campaign_id = planned(home / name, read_campaign(text))
    csv = plausible_values(journal.state(campaign_id), 1).csv
    column = read_csv(StringIO(csv))[name]
    return float((abs(column - value) <= by).mean())
