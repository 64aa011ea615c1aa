"""Several candidates are planned against the standard at once, and judged together."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.core.state import CampaignState
from orchestrator.results.comparison_words import judged_by
from orchestrator.results.conclusions import conclusions
from orchestrator.results.report_record import record_of
from orchestrator.studies.candidates import candidates_of
from orchestrator.studies.comparison_power import power_of
from orchestrator.studies.confirmation import design
from orchestrator.studies.confirmation_result import compare_several, comparisons
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.confirmation_plan import ConfirmationPlan
from protocols.errors import InvalidInput, WellwiseError
from tests import acting
from tests.conftest import ASSAY_FILE, RPE_FILE
from tests.service import House, house

BY_VALUES = "substrate_concentration=500, enzyme_volume=60"


def _read(served: House, campaign_id: str, first_is_best: bool) -> CampaignState:
    """The campaign with a value in each well: more with more enzyme, or of the first condition."""
    state, rng = served.backend.state(campaign_id)[1], np.random.default_rng(2)
    enzyme = state.campaign.space.by_name["enzyme_volume"]
    values: dict[WellPlace, float | None] = {}
    for p in state.rounds[0].layout.placements:  # type: ignore[union-attr]
        condition = p.proposal.condition
        mean = 0.2 + 0.6 * enzyme.to_unit_interval(condition["enzyme_volume"])
        if first_is_best:
            best = state.campaign.rounds.first.chosen[0].condition
            mean = 0.8 if dict(condition.root) == best else 0.5
        value = float(mean + rng.normal(0, 0.04))
        values[acting.place(1, p.well.plate, p.well.name)] = value
    acting.correct_wells(served.backend.acting(campaign_id), campaign_id, values, "ada", "by eye")
    served.backend.changed(campaign_id)
    return served.backend.state(campaign_id)[1]


def test_three_candidates_are_planned_run_and_judged_together(
    assay: Campaign, tmp_path: Path
) -> None:
    file, home = tmp_path / "confirm.yaml", f"--home={tmp_path}"
    with house(tmp_path) as served:
        earlier = served.campaign(assay, text=ASSAY_FILE.read_text())
        state = _read(served, earlier, first_is_best=False)
        well = f"{earlier}/r1/p1/A1"
        named = ["recommended", well, BY_VALUES]
        options = [word for one in named for word in ("--candidate", one)]
        planned = CliRunner().invoke(
            app,
            ["confirm", earlier, *options, "--difference=0.2", f"--out={file}", home],
        )
        assert planned.exit_code == 0, planned.output
        study = read_campaign(file.read_text())
        conditions = candidates_of(
            state, [*named[:2], {"substrate_concentration": 500, "enzyme_volume": 60}]
        )
        plan = design(state, 0.2, candidates=conditions)
        assert study.confirmation == plan.plan
        assert plan.plan.candidates == 3
        assert f"{plan.wells} wells of each of the 4 conditions find for each" in planned.output
        assert "any of the 3 comparisons finds a difference that is not there" in planned.output
        assert power_of(plan.wells, 0.2, (plan.sd, plan.sd_standard or 0.0), 0.05, 3) >= 0.9
        chosen = study.rounds.first.chosen
        assert [one.condition for one in chosen] == [
            dict(one.root) for one in (*conditions, plan.standard)
        ]
        assert len({one.wells for one in chosen}) == 1
        assert chosen[0].wells >= plan.wells

        confirmed = served.campaign(study, text=file.read_text())
        journal = served.backend.journal
        assert journal.events(confirmed)[0].data["plan"] == plan.plan.sha256
        done = _read(served, confirmed, first_is_best=True)
        found = comparisons(done)
        compared = record_of(journal, state, tmp_path).compared
        assert record_of(journal, state, tmp_path, among={earlier}).compared == []
    groups = [
        [
            well.trusted
            for batch in done.rounds
            for well in batch.wells
            if well.proposal.role == "chosen" and well.proposal.condition == condition
        ]
        for condition in (*conditions, plan.standard)
    ]
    for one, values in zip(found, groups, strict=False):
        # Between the p of the comparison alone and Bonferroni's of all.
        alone = float(ttest_ind(values, groups[-1], equal_var=False).pvalue)
        assert alone * 0.99 < one.p < 3 * alone * 1.01 + 1e-6
    assert [one.conditions for one in found] == [(one, plan.standard) for one in conditions]
    assert [one.verdict for one in found] == [
        "first",
        "neither",
        "neither",
    ]
    assert {judged_by(one) for one in found} == {
        "Dunnett's test over wells of 3 comparisons together"
    }
    assert [one.found for one in compared] == found
    sentence = conclusions(state, None, (), compared, {}, ()).against_standard
    assert sentence.count("; it did not show a difference between") == 2
    assert len(compare_several(done, pairs=True)) == 6
    said = CliRunner().invoke(app, ["confirm", confirmed, home])
    assert said.output.count("Dunnett's test over wells of 3 comparisons together") == 3


def test_what_cannot_be_compared_is_refused_in_words(assay: Campaign, tmp_path: Path) -> None:
    with house(tmp_path) as served:
        state = _read(served, served.campaign(assay), first_is_best=False)
    for named, message in (
        (f"{state.id}/r1/p1/H12", "is no well of it (expected a planned well of"),
        (f"{state.id}/r7/p1/A1", "is no well of it"),
        ("A1", "is not understood (expected a well such as"),
        ({"enzyme_volume": 60}, "is not a condition of this campaign (expected substrate_conc"),
        ({"enzyme_volume": 600, "substrate_concentration": 5}, "expected enzyme_volume: "),
        ({"enzyme_volume": 60, "substrate_concentration": 5, "salt": 1}, "no parameter salt"),
    ):
        with pytest.raises(InvalidInput) as refused:
            candidates_of(state, [named])  # type: ignore[list-item]
        assert message in str(refused.value)
    well = f"{state.id}/r1/p1/A1"
    with pytest.raises(InvalidInput, match="is the same condition as"):
        candidates_of(state, [well, well])
    standard = {"substrate_concentration": 20, "enzyme_volume": 40}
    with pytest.raises(WellwiseError, match="is the standard condition, with which"):
        design(state, candidates=candidates_of(state, [standard]))
    worse = {"substrate_concentration": 20, "enzyme_volume": 5}
    with pytest.raises(WellwiseError, match=r"the candidate .* is not predicted to be better"):
        design(state, candidates=candidates_of(state, [worse]))


def test_a_plan_of_several_needs_as_many_chosen_conditions(rpe: Campaign) -> None:
    values = dict(rpe.space.standard(rpe.decided_values(1)[0]).root)
    first = {"initial": 47, "chosen": [{"condition": values, "wells": 1}]}
    text = RPE_FILE.read_text().replace("{initial: 47, standard: 1}", json.dumps(first))
    text += "\nconfirmation: {difference: 0.1, sd: 0.05, candidates: 2}\n"
    with pytest.raises(InvalidInput, match="2 candidates are planned, but 1 conditions are chosen"):
        read_campaign(text)


def test_plans_of_one_candidate_keep_their_hash() -> None:
    # As it was before several candidates could be planned.
    plan = ConfirmationPlan(difference=0.1, sd=0.05)
    assert plan.sha256 == "4be77ba5b42ae6cf8dd27ecad45d7692fad7143794b9096562d20943affba996"
    assert plan.model_copy(update={"candidates": 2}).sha256 != plan.sha256
