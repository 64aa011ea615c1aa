"""A campaign of two objectives within a constraint, from its file to its trade-offs."""

import pytest
from rich.console import Console

from optimizer import hypervolumes
from orchestrator.cli.console import front_table
from orchestrator.cli.live import print_result
from orchestrator.control.wells import EnterValues
from orchestrator.core.goals import goals_of
from orchestrator.core.lifecycle import AskValues
from orchestrator.core.state import CampaignState, WellState
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.intake.past_results import read_history
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.results.report import report
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.best_conditions import best_conditions
from orchestrator.studies.confirmation import design
from orchestrator.studies.forecast import forecast
from orchestrator.studies.replay import replay
from protocols.errors import InvalidInput, WellwiseError
from tests import acting
from tests.builders import until_asked
from tests.conftest import ROOT, START
from tests.service import House

V1 = "/api/v1"
TEXT = (
    (ROOT / "examples" / "resistance" / "campaign.yaml")
    .read_text()
    .replace(
        "  - {outcome: resistance, direction: minimise}",
        "  - {outcome: resistance, direction: minimise, threshold: 600}\n"
        "  - {outcome: ph, direction: maximise, threshold: 2}\n"
        "outcome_constraints:\n"
        "  - {outcome: ph, at_most: 9}",
    )
)


def text() -> str:
    lines = TEXT.splitlines()
    return "\n".join("stop: {rounds: 3}" if line.startswith("stop:") else line for line in lines)


def truths(well: WellState) -> tuple[float, float]:
    """Ohms fall with acid up to 35 uL, and so does the pH: the two are at odds."""
    condition = {name: float(value) for name, value in well.proposal.condition.root.items()}
    acid, salt = condition["acid"], condition["salt"]
    ohms = 60 + 900 / salt**0.4 + (acid - 35) ** 2 / 10 + 1.2 * condition["glycerol"]
    return ohms, min(max(11 - acid / 6, 0.0), 14.0)


def table(state: CampaignState, columns: str) -> str:
    batch = state.rounds[-1]
    rows = []
    for well in batch.wells:
        values = dict(zip(("resistance", "ph"), truths(well), strict=True))
        chosen = ",".join(f"{values[name]:.6g}" for name in columns.split(","))
        rows.append(f"{batch.number},{well.well.plate},{well.well.name},{chosen}")
    return "\n".join([f"round,plate,well,{columns}", *rows])


def entered(lab: Lab, campaign_id: str, columns: str) -> None:
    state = lab.journal.state(campaign_id)
    acting.do(lab, campaign_id, "ada", EnterValues(csv=table(state, columns), why="probe"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, str]:
    house = House(tmp_path_factory.mktemp("two"))
    settings, journal = house.backend.settings, house.backend.journal
    campaign = checked_campaign(NamedText(text(), "campaign.yaml"), Settings())
    campaign_id = journal.create_campaign(campaign, text(), [], START)
    lab = open_lab(settings, journal, journal.state(campaign_id))
    [question] = until_asked(lab, campaign_id).questions
    assert question == AskValues(campaign_id, 1, 12, "Resistance (ohm), pH")
    assert isinstance(question, AskValues)
    assert question.columns == ("resistance [ohm]", "ph")
    entered(lab, campaign_id, "resistance")
    # One outcome is not enough: the round waits for the other.
    [question] = until_asked(lab, campaign_id).questions
    assert question == AskValues(campaign_id, 1, 12, "Resistance (ohm), pH")
    entered(lab, campaign_id, "ph")
    while until_asked(lab, campaign_id).questions:
        entered(lab, campaign_id, "resistance,ph")
    assert journal.state(campaign_id).status == "finished"
    house.backend.changed(campaign_id)
    return house, campaign_id


def test_batches_raise_the_hypervolume_within_the_constraint(finished: tuple[House, str]) -> None:
    house, campaign_id = finished
    state = house.backend.journal.state(campaign_id)
    goals = goals_of(state.campaign)
    reached = hypervolumes(state.observations, goals)
    assert reached[0] < reached[1] <= reached[2]
    proposed = [
        well
        for batch in state.rounds[1:]
        for well in batch.wells
        if well.proposal.role == "proposed"
    ]
    assert all("hypervolume" in well.proposal.reason for well in proposed)
    assert sum(truths(well)[1] <= 9 for well in proposed) > 0.7 * len(proposed)
    feasible = [o.value for o in state.observations if (o.outcomes["ph"] or 0) <= 9]
    assert state.best == min(value for value in feasible if value is not None)


def test_the_batches_of_both_outcomes_are_proposed_again_the_same(
    finished: tuple[House, str],
) -> None:
    house, campaign_id = finished
    journal = house.backend.journal
    batches = replay(journal.state(campaign_id), journal.events(campaign_id))
    assert [(batch.same, batch.different) for batch in batches] == [(12, ())] * 3


def test_its_trade_offs_take_the_place_of_a_recommendation(
    finished: tuple[House, str], capsys: pytest.CaptureFixture[str]
) -> None:
    house, campaign_id = finished
    journal = house.backend.journal
    print_result(house.backend.settings, journal, campaign_id)
    assert "that no other beats in every objective" in capsys.readouterr().out
    state = journal.state(campaign_id)
    narrow = Console(width=50)
    folder = house.backend.settings.campaign_folder(campaign_id)
    narrow.print(front_table(state, best_conditions(state, folder).front))
    assert "\u2026" not in capsys.readouterr().out
    client = house.client("viewer")
    found = client.get(f"{V1}/campaigns/{campaign_id}/insight").json()
    assert found["recommended"] is None
    assert len(found["front"]) > 3
    ohms = [point["means"]["resistance"] for point in found["front"]]
    acids = [point["means"]["ph"] for point in found["front"]]
    assert ohms == sorted(ohms, reverse=True)  # the worst of the first objective comes first
    assert acids == sorted(acids, reverse=True)
    page = client.get(f"/campaigns/{campaign_id}/insight").text
    assert "Conditions that no other beats" in page
    assert "Resistance (ohm)" in page
    figure = client.get(f"{V1}/campaigns/{campaign_id}/figures/trade-off.svg")
    assert figure.headers["content-type"] == "image/svg+xml"
    html = report(state, house.backend.settings, text(), None)
    assert "no condition is the best in all of them" in html
    assert "Two objectives against each other" in html


def test_what_needs_one_objective_says_so(finished: tuple[House, str]) -> None:
    house, campaign_id = finished
    state = house.backend.journal.state(campaign_id)
    with pytest.raises(WellwiseError, match="has several objectives"):
        design(state)
    with pytest.raises(WellwiseError, match="a forecast is of one objective"):
        forecast(state.campaign)
    named = text() + "\nstrategy: thompson\n"
    with pytest.raises(InvalidInput, match=r"strategy.name: strategy thompson takes one objective"):
        checked_campaign(NamedText(named, "campaign.yaml"), Settings())


def test_its_export_brings_both_outcomes_back(finished: tuple[House, str]) -> None:
    house, campaign_id = finished
    state = house.backend.journal.state(campaign_id)
    exported = csv_text(tidy_table(state))
    again = read_history(exported, "wells.csv", state.campaign, {})
    assert [(o.condition, o.value, o.outcomes) for o in again] == [
        (o.condition, pytest.approx(o.value), pytest.approx(dict(o.outcomes)))
        for o in state.observations
    ]
    acid = f",{state.rounds[0].wells[0].measured['ph']:g}"
    assert acid in exported
    with pytest.raises(InvalidInput, match="ph: 21 is outside the natural range"):
        read_history(exported.replace(acid, ",21", 1), "wells.csv", state.campaign, {})
