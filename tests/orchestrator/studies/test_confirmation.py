"""A confirmation has as many wells as its power needs, and is judged by a test."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core.round_planning import plan_round
from orchestrator.studies.comparison_power import power_of, wells_for
from orchestrator.studies.confirmation import (
    Design,
    confirmation_file,
    design,
)
from orchestrator.studies.confirmation_result import compare
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput, WellwiseError
from tests import acting
from tests.conftest import ASSAY_FILE, RPE_FILE
from tests.service import house


def test_wells_are_those_of_the_published_tables() -> None:
    # Cohen 1988, table 2.4.1: two-sided, alpha 0.05, power 0.80.
    assert [wells_for(d, 1.0, 0.8) for d in (0.2, 0.5, 0.8, 1.0)] == [394, 64, 26, 17]
    assert power_of(64, 0.5, 1.0) == pytest.approx(0.80, abs=0.002)
    assert power_of(10, 0.0, 1.0) == pytest.approx(0.05)
    with pytest.raises(WellwiseError, match="more than 1000 wells a group"):
        wells_for(0.01, 1.0)


def _design(campaign: Campaign, wells: int) -> Design:
    recommended = campaign.space.standard(campaign.decided_values(1)[3])
    recommended = recommended.model_copy(update={"root": recommended.root | {"ksr_period": 13.0}})
    standard = campaign.space.standard(campaign.decided_values(1)[1])
    return Design((recommended,), standard, wells, 0.1, 0.05, 0.05, 0.9, (0.2,))


def test_where_wells_decide_plates_are_added_until_both_conditions_sit(
    rpe: Campaign, tmp_path: Path
) -> None:
    plan = _design(rpe, 5)
    with house(tmp_path) as served:
        state = served.backend.state(served.campaign(rpe))[1]
    study = read_campaign(confirmation_file(state, RPE_FILE.read_text(), plan))
    assert (study.plates.count, study.stop.rounds, study.past_results.campaign) == (5, 1, "rpe")
    layout = plan_round(study, 1, ()).layout
    for condition in (*plan.candidates, plan.standard):
        chosen = [
            p.well
            for p in layout.placements
            if p.proposal.condition == condition and p.proposal.role == "chosen"
        ]
        assert len({well.plate for well in chosen}) == len(chosen) == 5
    with pytest.raises(WellwiseError, match="enough wells that decide"):
        confirmation_file(state, RPE_FILE.read_text(), plan._replace(wells=900))


def test_a_chosen_condition_is_of_the_space_and_fits_its_wells(rpe: Campaign) -> None:
    values = dict(rpe.space.standard(rpe.decided_values(1)[0]).root)
    for condition, wells, message in (
        (values | {"ksr_period": 99.0}, 1, "ksr_period=99.0 is not allowed"),
        (
            {name: value for name, value in values.items() if name != "ksr_period"},
            1,
            "exactly one value",
        ),
        (values, 9, "9 wells wanted, but 8 decide these values"),
    ):
        first = {"initial": 48 - wells, "chosen": [{"condition": condition, "wells": wells}]}
        text = RPE_FILE.read_text().replace("{initial: 47, standard: 1}", json.dumps(first))
        with pytest.raises(InvalidInput, match=message):
            read_campaign(text)


def test_a_confirmation_is_planned_read_and_judged(assay: Campaign, tmp_path: Path) -> None:
    with house(tmp_path) as served:
        campaign_id = served.campaign(assay)
        enzyme = assay.space.by_name["enzyme_volume"]
        measured: dict[WellPlace, float | None] = {}
        for p in served.backend.state(campaign_id)[1].rounds[0].layout.placements:
            share = enzyme.to_unit_interval(float(p.proposal.condition["enzyme_volume"]))  # type: ignore[union-attr]
            measured[acting.place(1, p.well.plate, p.well.name)] = (
                0.2 + 0.6 * share + 0.02 * (p.well.number % 3)
            )
        acting.correct_wells(
            served.backend.acting(campaign_id), campaign_id, measured, "ada", "read by eye"
        )
        served.backend.changed(campaign_id)
        state = served.backend.state(campaign_id)[1]
        plan = design(state, difference=0.2, power=0.8)
        assert plan.wells == wells_for(0.2, plan.sd, 0.8)
        assert design(state).difference == pytest.approx(plan.predicted[0] / 2)
        study = read_campaign(confirmation_file(state, ASSAY_FILE.read_text(), plan))
        wells = study.plates.count * study.plates.wells_per_plate
        assert [entry.wells for entry in study.rounds.first.chosen] == [wells // 2, wells // 2]
        confirmed = served.campaign(study)
        with pytest.raises(WellwiseError, match="too few trusted values to compare: 0, 0"):
            compare(served.backend.state(confirmed)[1])
        layout = served.backend.state(confirmed)[1].rounds[0].layout
        rng = np.random.default_rng(1)
        values: dict[WellPlace, float | None] = {
            acting.place(1, p.well.plate, p.well.name): float(
                (0.8 if p.proposal.condition in plan.candidates else 0.6) + rng.normal(0, 0.05)
            )
            for p in layout.placements
        }
        acting.correct_wells(
            served.backend.acting(confirmed), confirmed, values, "ada", "read by eye"
        )
        served.backend.changed(confirmed)
        found = compare(served.backend.state(confirmed)[1])
        assert found.conditions == (*plan.candidates, plan.standard)
        assert found.low < 0.2 < found.high
        assert found.difference == pytest.approx(found.means[0] - found.means[1])
        assert found.p < 0.001
        assert found.verdict == "first"
        assert found.effect == pytest.approx(0.2 / 0.05, rel=0.5)
    ran = CliRunner().invoke(app, ["confirm", confirmed, "--home", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert "Welch's t test" in ran.output


def test_without_results_there_is_nothing_to_confirm(assay: Campaign, tmp_path: Path) -> None:
    with house(tmp_path) as served, pytest.raises(WellwiseError, match="no recommendation yet"):
        design(served.backend.state(served.campaign(assay))[1])
